"""The strategies of `crm_rules.testing` that these tests use most, under short names."""

from __future__ import annotations

from crm_rules.testing.facts import BAD_FACTS, DATES, constants, parts, todays
from crm_rules.testing.facts import program_cases as cases
from crm_rules.testing.facts import program_records as records
from crm_rules.testing.facts import program_values as values
from crm_rules.testing.functions import DECLARED, FUNCTIONS
from crm_rules.testing.small_programs import programs

__all__ = [
    "BAD_FACTS",
    "DATES",
    "DECLARED",
    "FUNCTIONS",
    "cases",
    "constants",
    "parts",
    "programs",
    "records",
    "todays",
    "values",
]
