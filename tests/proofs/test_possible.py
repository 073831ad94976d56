"""What is still possible: no completion is left out, every outcome has a record, and fields matter as said."""

from __future__ import annotations

from datetime import date
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import crm_rules
from crm_rules.decision import Decision
from crm_rules.ir.program import Program
from crm_rules.policy import Policy
from crm_rules.proofs.possible import Computed, Possible, PossibleOutcome
from crm_rules.testing.borders import Ground, landmarks
from tests.strategies import DECLARED, programs, records, todays

POLICIES = Path(__file__).parents[2] / "policies"
TODAY = date(2026, 11, 21)
PACK = crm_rules.load(POLICIES / "sample-company")
CASES = crm_rules.load(Path(__file__).parents[1] / "cases" / "proofs")
CORE = [policy for policy in PACK.values() if not policy.blank_parameters(TODAY)]
CUSTOMER = {
    "contract_amount": 3_000_000, "paid_in_time": True, "receivable": 200_000, "premium": 0.1, "influence": "key",
    "first_dealing": date(2020, 3, 1),
}  # fmt: skip


def is_listed(found: Possible, decision: Decision) -> bool:
    """True when the decision is one of the possible outcomes."""
    return any(
        one.status == decision.status
        and all(isinstance(value, Computed) or plain(value) == decision.outputs[name] for name, value in one.results)
        for one in found.outcomes
    )


def plain(value: Any) -> Any:
    """A gathered output as a decision hands it out."""
    return list(value) if isinstance(value, tuple) else value


def of_generated(data: st.DataObject) -> Policy:
    """A policy of a generated program."""
    program: Program = data.draw(programs(calls=True))
    policy = Policy(program, functions=DECLARED)
    assume(not policy.blank_parameters(TODAY) and not policy.blank_parameters(date(1900, 1, 1)))
    return policy


def partial(data: st.DataObject, record: dict[str, Any], policy: Policy) -> dict[str, Any]:
    """Some of the facts of a record; a currency stays with its amount."""
    names = [field.name for field in policy.inputs]
    kept = data.draw(st.sets(st.sampled_from(names)))
    currencies = {field.currency for field in policy.inputs if field.currency and field.name in kept}
    return {name: record.get(name) for name in (*sorted(kept), *sorted(currencies))}


@given(st.data())
def test_no_completion_is_left_out(data: st.DataObject) -> None:
    """Whatever the open fields turn out to be, the decision is among the possible outcomes."""
    policy = of_generated(data)
    today = data.draw(todays())
    record = data.draw(records(policy.program))
    decision = policy.decide(record, today=today)
    assume(decision.status != "invalid")
    known = partial(data, record, policy)
    found = policy.possible(known, today=today)
    assert found.outcomes or not found.exact
    if found.outcomes:
        assert is_listed(found, decision)


@given(st.data())
def test_a_field_matters_when_two_completions_differ_in_it_alone(data: st.DataObject) -> None:
    """A field that is said not to matter can have any value without another outcome."""
    policy = of_generated(data)
    today = data.draw(todays())
    record = data.draw(records(policy.program))
    decision = policy.decide(record, today=today)
    assume(decision.status != "invalid")
    known = partial(data, record, policy)
    found = policy.possible(known, today=today)
    ground = Ground.of(policy.program, today, policy.calls)
    for field in policy.inputs:
        if field.name in known or field.name in found.matters or not found.outcomes:
            continue
        values = [*landmarks(field, today)[:8], *ground.borders(decision.reading().values, field)[:8]]
        for value in values:
            other = policy.decide({**record, field.name: value} | currency_of(policy, field.name), today=today)
            if other.status != "invalid":
                assert (other.status, other.outputs) == (decision.status, decision.outputs), field.name


def currency_of(policy: Policy, name: str) -> dict[str, Any]:
    """The currency column of an amount."""
    return {
        field.currency: field.type.unit  # type: ignore[union-attr]
        for field in policy.inputs
        if field.name == name and field.currency
    }


@given(st.data())
def test_a_complete_record_has_one_outcome(data: st.DataObject) -> None:
    """With every field known nothing matters any more, and the one outcome is the decision, computed values too."""
    policy = of_generated(data)
    today = data.draw(todays())
    record = data.draw(records(policy.program))
    decision = policy.decide(record, today=today)
    names = {field.name for field in policy.inputs} | {field.currency for field in policy.inputs if field.currency}
    found = policy.possible({name: record.get(name) for name in names}, today=today)
    assert found.exact
    assert found.matters == ()
    assert [(one.status, {name: plain(value) for name, value in one.results}) for one in found.outcomes] == [
        (decision.status, dict(decision.outputs))
    ]
    assert [one.field for one in found.problems] == [one.field for one in decision.problems]


@pytest.mark.parametrize("policy", CORE, ids=lambda policy: policy.id)
def test_core_policies_are_followed_exactly(policy: Policy) -> None:
    """Nothing known, every outcome of a core policy is confirmed by a record."""
    found = policy.possible({}, today=TODAY)
    assert found.exact, found.reason
    assert found.outcomes
    assert set(found.matters) <= {field.name for field in policy.inputs} | set(policy.program.measured)


@pytest.mark.parametrize("known", [(), ("need",), ("expected_close",)], ids=str)
def test_every_outcome_and_field_is_seen_by_trying(known: tuple[str, ...]) -> None:
    """Trying each value beside a border finds the same outcomes, and the same fields that matter."""
    borders = ("2026-11-20", "2026-11-21", "2026-12-22", "2027-02-22", "2027-05-22")
    tried: dict[str, list[Any]] = {
        "need": ["clear", "potential", "none"],
        "expected_close": [None, *map(date.fromisoformat, borders)],
    }
    for values in product(*(tried[name] for name in known)):
        facts = dict(zip(known, values, strict=True))
        open_ones = [name for name in tried if name not in known]
        found = PACK["pipeline-stage"].possible(facts, today=TODAY)
        outcomes = {
            some: PACK["pipeline-stage"].decide(facts | dict(zip(open_ones, some, strict=True)), today=TODAY).value
            for some in product(*(tried[name] for name in open_ones))
        }
        assert set(found.values()) == set(outcomes.values())
        mattering = {
            name
            for place, name in enumerate(open_ones)
            for one in outcomes
            for other in outcomes
            if outcomes[one] != outcomes[other] and one[:place] + one[place + 1 :] == other[:place] + other[place + 1 :]
        }
        assert set(found.matters) == mattering


def test_known_facts_narrow_what_is_possible() -> None:
    """Outcomes stand in the order of the output, the best first, and only what can still change them matters."""
    stage = PACK["pipeline-stage"]
    found = stage.possible({"need": "clear"}, today=TODAY)
    assert found.values() == found.values("stage") == ("A", "B", "C", "D", "unknown")
    assert found.matters == ("expected_close",)
    assert stage.possible({"need": "none"}, today=TODAY) == Possible((PossibleOutcome("decided", (("stage", "E"),)),))
    assert stage.possible({"need": "clear", "expected_close": None}, today=TODAY).values() == ("unknown",)


def test_a_date_in_a_formula_with_another_one_is_followed() -> None:
    """With one date known, a formula over two dates is one over the other, and is followed exactly."""
    found = PACK["credit-level"].possible({"due_date": date(2026, 8, 20)}, today=TODAY)
    assert found.values("level") == ("1", "2", "3")
    assert found.matters == ("paid_date",)
    assert found.exact


def test_a_refused_fact_makes_every_completion_invalid() -> None:
    """A fact that no completion makes good is named, and nothing matters any more."""
    found = PACK["pipeline-stage"].possible({"need": "maybe"}, today=TODAY)
    assert [one.status for one in found.outcomes] == ["invalid"]
    assert [(one.field, one.code) for one in found.problems] == [("need", "not-in-choices")]
    below = PACK["follow-up"].possible({"need": None}, today=TODAY)
    assert [one.status for one in below.outcomes] == ["blocked"]
    assert PACK["follow-up"].decide({"need": None}, today=TODAY).status == "blocked"


def test_what_is_computed_says_from_what() -> None:
    """A date that is computed from an open field is given as its formula."""
    found = PACK["follow-up"].possible({"need": "potential"}, today=TODAY)
    (outcome,) = found.outcomes
    computed = outcome.outputs["next_touch"]
    assert isinstance(computed, Computed)
    assert computed.fields == found.matters == ("last_touch",)
    assert "add_days(last_touch, 30)" in str(computed)
    known = PACK["follow-up"].possible({"need": "potential", "last_touch": TODAY}, today=TODAY)
    assert known.values("next_touch") == (date(2026, 12, 21),)


def test_a_field_that_matters_in_one_corner_matters() -> None:
    """Two records that differ in a field alone are found wherever they are."""
    found = CASES["corner"].possible({}, today=TODAY)
    assert (found.values(), found.matters, found.exact) == (("A", "B"), ("kind", "prime"), True)
    assert CASES["corner"].possible({"kind": "two"}, today=TODAY).matters == ()


def test_undecided_outcomes_are_outcomes() -> None:
    """A gap is one of the possible outcomes, and blocks the policies above."""
    below = CASES["lower"].possible({})
    assert [one.status for one in below.outcomes] == ["decided", "decided", "no_match"]
    above = CASES["upper"].possible({})
    assert [(one.status, dict(one.outputs)) for one in above.outcomes] == [
        ("decided", {"terms": "credit"}), ("decided", {"terms": "advance"}), ("blocked", {}),
    ]  # fmt: skip
    assert (above.exact, above.matters) == (True, ("score",))
    assert CASES["upper"].possible({"score": 3}).outcomes[0].status == CASES["upper"].decide({"score": 3}).status


def test_the_caller_is_told_of_mistakes() -> None:
    """A missing day, a blank parameter and a record of another type raise as `decide` does."""
    with pytest.raises(crm_rules.CallError, match="needs today="):
        PACK["pipeline-stage"].possible({})
    with pytest.raises(crm_rules.CallError, match="blank"):
        crm_rules.load(POLICIES)["abc-grade"].possible({}, today=TODAY)
    with pytest.raises(crm_rules.CallError, match="a record is"):
        PACK["pipeline-stage"].possible(1, today=TODAY)
