"""Back ends: one module `to_<target>` for each form that a program is brought into.

A back end knows the IR and its target, never a kind of policy and never YAML. Each of them answers
what `crm_rules.ir.evaluate` answers, and the tests hold it to that.
"""
