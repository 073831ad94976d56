"""YAML cases beside the policies: `NAME.cases.yaml`, read with positions, decided, compared.

    policy: receivable-score
    today: 2026-11-21
    cases:
      - {name: at the first border, record: {receivable: 10万}, expect: {points: 4}, rules: [low]}

`folders` finds the files and their packs, `reading` makes `Case`s of one file, `running` decides
them, `decisive` shows the cell on which a failing case turns. Nothing is printed here.
"""

from crm_rules.cases.folders import Suite, find_suites
from crm_rules.cases.reading import Case, CaseFile, read_cases
from crm_rules.cases.running import CaseResult, SuiteResult, run_case, run_suite

__all__ = [
    "Case",
    "CaseFile",
    "CaseResult",
    "Suite",
    "SuiteResult",
    "find_suites",
    "read_cases",
    "run_case",
    "run_suite",
]
