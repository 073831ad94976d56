"""Answers about a policy for all records at once: findings, laws, differences, what is still possible.

Each of them asks the questions of `crm_rules.questions` and gives only what the reference evaluator confirms.
"""
