"""For property-based tests: records of a policy, its laws as tests, and conformance kits for plug-ins.

    from hypothesis import given
    from crm_rules.testing import records

    @given(records(POLICY, today=TODAY))
    def test_every_customer_has_a_stage(record):
        assert POLICY.decide(record, today=TODAY).status == "decided"

`records` and `dated_records` draw records that reach every rule of a policy. `laws_as_tests` makes a
test of each law that a policy states. `check_agreement` holds dataframes and databases to what a policy
decides. `check_kind`, `check_backend` and `check_pack` hold a kind, an engine and a pack of another package to
what this library promises; each raises AssertionError with the record that shows the fault. `programs` draws
small well-typed programs.

All of it needs hypothesis, which `pip install "crm-rules[testing]"` brings; each name is loaded when it is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crm_rules.testing.agreement import check_agreement
    from crm_rules.testing.backend_kit import check_backend
    from crm_rules.testing.kind_kit import check_kind
    from crm_rules.testing.law_tests import LawTest, laws_as_tests
    from crm_rules.testing.pack_kit import check_pack
    from crm_rules.testing.policy_records import dated_records, records
    from crm_rules.testing.small_programs import programs

__all__ = [
    "LawTest",
    "check_agreement",
    "check_backend",
    "check_kind",
    "check_pack",
    "dated_records",
    "laws_as_tests",
    "programs",
    "records",
]

_PLACES = {
    "LawTest": "law_tests",
    "check_agreement": "agreement",
    "check_backend": "backend_kit",
    "check_kind": "kind_kit",
    "check_pack": "pack_kit",
    "dated_records": "policy_records",
    "laws_as_tests": "law_tests",
    "programs": "small_programs",
    "records": "policy_records",
}


def __getattr__(name: str) -> object:
    """Import the module of a public name on first use; an ImportError names the extra that brings hypothesis."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        value: object = getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
    except ModuleNotFoundError as error:
        if error.name != "hypothesis":
            raise
        message = f'crm_rules.testing.{name} needs hypothesis: pip install "crm-rules[testing]"'
        raise ImportError(message, name="hypothesis") from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
