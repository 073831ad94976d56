"""What is promised of the policies in `policies/`: four ways to test, from one line to a property of one's own."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

import crm_rules
from crm_rules.testing import LawTest, check_pack, dated_records, laws_as_tests, records

FOLDER = Path(__file__).parent / "policies"
PACK = crm_rules.load(FOLDER)
TERMS = PACK["credit-days"]
TODAY = date(2026, 11, 21)


def test_the_pack_keeps_its_promises() -> None:
    """It loads, `check` finds no error, its cases pass, and each policy decides, purely and exactly, and explains."""
    check_pack(FOLDER)


@pytest.mark.parametrize("law", laws_as_tests(TERMS, today=TODAY))
def test_a_law_of_the_policy(law: LawTest) -> None:
    """One test for each line under `laws`, on pairs of records that differ in one field."""
    law.check()


@given(records(TERMS, today=TODAY))
def test_a_customer_on_hold_pays_first(record: dict[str, Any]) -> None:
    """A property of one's own: hypothesis shows the simplest customer for whom it fails."""
    decision = TERMS.decide(record, today=TODAY)
    assert decision.status == "decided"
    if record.get("on_hold"):
        assert decision.value == "prepaid"


@given(dated_records(TERMS))
def test_terms_follow_from_the_points(pair: tuple[dict[str, Any], date]) -> None:
    """The same on many days, and with what the steps gave: prepaid below four points, unless somebody decided so."""
    record, today = pair
    decision = TERMS.decide(record, today=today)
    few = decision.details["total"] < 4
    assert (decision.value == "prepaid") == (few or "overrides.hold" in decision.rules)


@given(records(TERMS, today=TODAY, valid=False))
def test_nothing_that_a_form_may_hold_raises(record: dict[str, Any]) -> None:
    """With `valid=False` half of the records hold facts that nobody accepts."""
    assert TERMS.decide(record, today=TODAY).status in {"decided", "invalid"}
