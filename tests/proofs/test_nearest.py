"""The nearest change: it gives the outcome, nothing smaller does, and when there is none there is none."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import combinations, islice, product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import crm_rules
from crm_rules.decision import Decision
from crm_rules.ir.nodes import Bound, Constant, Test, Within
from crm_rules.ir.numbers import exact, to_fact
from crm_rules.ir.program import Field
from crm_rules.ir.types import Money, Number
from crm_rules.policy import Policy
from crm_rules.proofs.nearest import Nearest
from crm_rules.testing.borders import Ground, landmarks
from tests.strategies import DECLARED, programs, records, todays

POLICIES = Path(__file__).parents[2] / "policies"
TODAY = date(2026, 11, 21)
PACK = crm_rules.load(POLICIES / "sample-company")
STAGE, GRADE, LEVEL, FOLLOW = (PACK[name] for name in ("pipeline-stage", "abc-grade", "credit-level", "follow-up"))
CUSTOMER = {
    "contract_amount": 3_000_000, "paid_in_time": True, "receivable": 200_000, "premium": 0.1, "influence": "key",
    "first_dealing": date(2020, 3, 1),
}  # fmt: skip
# On, just below and just above every border of the scorecard.
AMOUNTS = (0, 500_000, 2_000_000, 5_000_000)
CHOICES: dict[str, list[Any]] = {
    "contract_amount": [*AMOUNTS, *(Decimal(one) - Decimal("0.01") for one in AMOUNTS[1:])],
    "paid_in_time": [True, False],
    "receivable": [0, 100_000, 100_001, 300_000, 300_001, 800_000, 800_001],
    "premium": [0, 0.05, 0.1, 0.15],
    "influence": ["leader", "key", "minor", "sporadic"],
}
CASES = Path(__file__).parents[1] / "cases" / "proofs"
# Many programs have one outcome only, and each example decides a hundred records.
SEARCHED = settings(max_examples=40, suppress_health_check=[HealthCheck.filter_too_much])
# By the value from which on another rule holds.
BORDERS: dict[str, list[Any]] = {
    "contract_amount": [500_000, 2_000_000, 5_000_000],
    "receivable": [exact(Decimal(border) + Decimal("0.1")) for border in (100_000, 300_000, 800_000)],
    "premium": [exact(border) for border in (0.05, 0.1, 0.15)],
}


def policies(data: st.DataObject) -> Policy:
    """A policy of a generated program, some fields of which may not be changed."""
    program = data.draw(programs(calls=True))
    fields = tuple(replace(field, changeable=data.draw(st.integers(0, 3)) > 0) for field in program.fields)
    policy = Policy(replace(program, fields=fields), functions=DECLARED)
    assume(not policy.blank_parameters(TODAY) and not policy.blank_parameters(date(1900, 1, 1)))
    return policy


def with_currencies(policy: Policy, facts: dict[str, Any]) -> dict[str, Any]:
    """The facts, each amount in the currency of its field."""
    units = {one.currency: one.type.unit for one in policy.inputs if one.currency and isinstance(one.type, Money)}
    return facts | units


def outcome_of(policy: Policy, decision: Decision) -> Any:
    """The value of the first output."""
    return decision.outputs[policy.outputs[0].name]


def ask(policy: Policy, decision: Decision, value: Any) -> Nearest:
    """The nearest record with a value of the first output."""
    return decision.nearest(value, output=policy.outputs[0].name)


@st.composite
def questions(draw: Any, data: st.DataObject) -> tuple[Policy, dict[str, Any], date, Any, dict[str, Any]]:
    """A policy, a record, a day, an outcome, and another record with it that differs in changeable fields only."""
    policy = policies(data)
    today = draw(todays())
    record = with_currencies(policy, draw(records(policy.program, bad=False)))
    assume(policy.answer(record, today).status != "invalid")
    found = list(islice(others(policy, record, today), 12))
    assume(found)
    other = draw(st.sampled_from(found))
    return policy, record, today, outcome_of(policy, policy.answer(other, today)), other


def others(policy: Policy, record: dict[str, Any], today: date) -> Iterator[dict[str, Any]]:
    """Records with another outcome, with few fields changed to values beside the borders of the policy."""
    before = policy.answer(record, today)
    values = before.reading().values
    ground = Ground.of(policy.program, today, policy.calls)
    tried = {
        field.name: [
            *ground.borders(values, field)[:6],
            *landmarks(field, today)[:4],
            *((None,) if field.optional else ()),
        ]
        for field in policy.inputs
        if field.changeable
    }
    for names in (*combinations(tried, 2), *combinations(tried, 1)):
        for some in islice(product(*(tried[name] for name in names)), 30):
            other = record | dict(zip(names, map(to_fact, some), strict=True))
            after = policy.answer(other, today)
            if after.status == "decided" and (
                before.status != "decided" or outcome_of(policy, after) != outcome_of(policy, before)
            ):
                yield other


@pytest.mark.no_cover
@SEARCHED
@given(st.data())
def test_the_nearest_record_has_the_outcome_and_differs_as_said(data: st.DataObject) -> None:
    """What another record shows to be reachable is found with no more changes than that, and nothing else changes."""
    policy, record, today, wanted, other = data.draw(questions(data))
    decision = policy.decide(record, today=today)
    found = ask(policy, decision, wanted)
    if not found.exists:
        assert not found.exact
        return
    assert found.record is not None
    after = policy.decide(found.record, today=today)
    assert (after.status, outcome_of(policy, after)) == ("decided", wanted)
    changed = {change.field for change in found.changes}
    fields = {field.name: field for field in policy.inputs}
    before = decision.reading().values
    now = after.reading().values
    assert changed == {name for name in fields if now[name] != before[name]}
    assert all(fields[name].changeable for name in changed)
    if found.exact:
        theirs = policy.decide(other, today=today).reading().values
        assert len(changed) <= sum(theirs[name] != before[name] for name in fields)


@pytest.mark.no_cover
@SEARCHED
@given(st.data())
def test_no_smaller_change_gives_the_outcome(data: st.DataObject) -> None:
    """Where several fields have to change no border of one field is enough; where one has to, no value is closer."""
    policy, record, today, wanted, _ = data.draw(questions(data))
    decision = policy.decide(record, today=today)
    found = ask(policy, decision, wanted)
    if not found.exact or not found.exists or not found.changes:
        return
    values = decision.reading().values
    ground = Ground.of(policy.program, today, policy.calls)
    for field in policy.inputs:
        if not field.changeable:
            continue
        for value in [*landmarks(field, today)[:12], *ground.borders(values, field)[:12]]:
            tried = policy.decide({**record, field.name: to_fact(value)}, today=today)
            if tried.status == "decided" and outcome_of(policy, tried) == wanted:
                assert len(found.changes) == 1
                change = found.changes[0]
                if (
                    change.field == field.name
                    and has_closest(change.test, field)
                    and far(values[field.name], value) is not None
                ):
                    assert far(values[field.name], kept(change.after)) <= far(values[field.name], value)


def kept(fact: Any) -> Any:
    """The exact value of a fact."""
    return fact if isinstance(fact, bool | str | date) or fact is None else exact(fact)


def has_closest(test: Test, field: Field) -> bool:
    """False beside an open border of numbers that lie dense: there every value has a closer one."""
    steps = field.decimals is not None or not isinstance(field.type, Number | Money)
    return steps or not isinstance(test, Within) or all(end is None or end.closed for end in (test.low, test.high))


def far(one: Any, other: Any) -> Any:
    """The distance of two numbers or days; None of anything else."""
    if one is None or other is None or isinstance(one, bool | str):
        return None
    return abs(one - other)


@settings(max_examples=12)
@given(st.data())
def test_a_scorecard_is_searched_exactly(data: st.DataObject) -> None:
    """For the grade the fewest fields are those that trying every value beside every border finds."""
    record = CUSTOMER | {name: data.draw(st.sampled_from(values)) for name, values in CHOICES.items()}
    decision = GRADE.decide(record, today=TODAY)
    for wanted in ("A", "B", "C", "ungraded"):
        found = decision.nearest(wanted)
        assert found.exact
        assert found.exists
        assert found.record is not None
        crossed = sum(borders(change.field, record[change.field], change.after) for change in found.changes)
        count, least = fewest(record, wanted)
        assert len(found.changes) == count
        assert count == 1 or crossed == least


def fewest(record: dict[str, Any], wanted: str) -> tuple[int, int]:
    """How many fields have to change, and how many borders they cross then, by trying."""
    for count in range(len(CHOICES) + 1):
        crossed = [
            sum(borders(name, record[name], value) for name, value in zip(names, values, strict=True))
            for names in combinations(CHOICES, count)
            for values in product(*(CHOICES[name] for name in names))
            if GRADE.decide(record | dict(zip(names, values, strict=True)), today=TODAY).value == wanted
        ]
        if crossed:
            return count, min(crossed)
    raise AssertionError(wanted)


def borders(name: str, one: Any, other: Any) -> int:
    """The borders of the scorecard between two values of a field; another choice is one."""
    if name in {"paid_in_time", "influence"}:
        return int(one != other)
    ends: list[Any] = [exact(one), exact(other)]
    low, high = sorted(ends)
    return sum(low < border <= high for border in BORDERS[name])


def test_the_nearest_border_is_named() -> None:
    """A change names the field, its value now, the closest value that does, and the border in words."""
    decision = GRADE.decide(CUSTOMER | {"contract_amount": 1_900_000}, today=TODAY)
    found = decision.nearest("B")
    (change,) = found.changes
    assert (change.field, change.before, change.after) == ("contract_amount", 1_900_000, 2_000_000)
    assert change.border == "at least 2000000"
    assert change.test == Within(Bound(Constant(2_000_000, Money("CNY")), closed=True), None)
    assert str(found) == "contract_amount at least 2000000 (now 1900000)"
    assert found.record == CUSTOMER | {"contract_amount": 2_000_000}
    assert dict(found.wanted) == {"grade": "B"}


def test_an_open_border_is_crossed_by_one_unit() -> None:
    """Below a border that is not closed lies the value a step away."""
    change = GRADE.decide(CUSTOMER, today=TODAY).nearest("C").changes[0]
    assert (change.field, change.border) == ("contract_amount", "below 2000000")
    assert change.after == Decimal(
        "1999999.9"
    )  # a tenth of the border's last digit, because the field states no decimals


def test_several_fields_change_in_the_policys_order() -> None:
    """Of all pairs that do, the one with the fewest borders, then the fields declared first."""
    found = GRADE.decide(CUSTOMER, today=TODAY).nearest("A")
    assert [(one.field, one.after) for one in found.changes] == [
        ("contract_amount", 5_000_000),
        ("receivable", 100_000),
    ]
    assert found.exact


def test_what_cannot_be_changed_stays() -> None:
    """The first dealing of a customer is what it was, so a new customer gets no other grade; and that is exact."""
    decision = GRADE.decide(CUSTOMER | {"first_dealing": TODAY - timedelta(days=30)}, today=TODAY)
    found = decision.nearest("A")
    assert (found.exists, found.exact, found.changes, found.record) == (False, True, (), None)
    assert "first_dealing" not in str(found)
    assert str(found).startswith("no change of ")
    assert decision.nearest("C").exists


def test_nothing_changes_where_the_outcome_is_there() -> None:
    """A decision that has the outcome already needs no change."""
    found = GRADE.decide(CUSTOMER, today=TODAY).nearest("B")
    assert (found.changes, found.exists, str(found)) == ((), True, "no change is needed")
    assert found.record == CUSTOMER


def test_an_invalid_record_is_filled_in() -> None:
    """Fields without an accepted value are changes, and only as few others as are needed."""
    found = STAGE.decide({"expected_close": date(2026, 12, 1), "need": "maybe"}, today=TODAY).nearest("A")
    assert [(one.field, one.before, one.after) for one in found.changes] == [("need", "maybe", "clear")]
    missing = STAGE.decide({}, today=TODAY).nearest("B")
    assert [(one.field, one.before, one.border) for one in missing.changes] == [
        ("need", None, "clear"), ("expected_close", None, "2026-12-22 to 2027-02-21"),
    ]  # fmt: skip
    fixed = GRADE.decide({name: fact for name, fact in CUSTOMER.items() if name != "first_dealing"}, today=TODAY)
    lost = fixed.nearest("A")
    assert (lost.exists, lost.exact) == (False, True)
    assert "first_dealing has no value" in lost.reason


def test_a_formula_over_two_dates_is_followed() -> None:
    """Where a cell tests two dates together each is looked at with the other as it is."""
    found = LEVEL.decide({"due_date": date(2026, 3, 1)}, today=TODAY).nearest("3", output="level")
    assert found.exists
    assert found.exact
    assert len(found.changes) == 1


def test_a_chain_is_searched_as_one() -> None:
    """The fields of required policies may change; what the caller handed over stays."""
    record = {"need": "clear", "expected_close": date(2027, 5, 1), "last_touch": date(2026, 11, 1)}
    decision = FOLLOW.decide(record, today=TODAY)
    assert decision.outputs["next_touch"] == date(2026, 11, 16)
    found = decision.nearest({"due": False})
    assert found.exists
    assert found.record is not None
    assert FOLLOW.decide(found.record, today=TODAY).outputs["due"] is False
    given_one = FOLLOW.decide({"last_touch": date(2026, 11, 1)}, today=TODAY, given={"stage": "B"})
    (change,) = given_one.nearest({"next_touch": date(2026, 12, 1), "due": False}).changes
    assert (change.field, change.after) == ("last_touch", date(2026, 11, 24))


def test_an_outcome_that_is_none_is_refused() -> None:
    """An unknown output, several outputs without a name, and a value of another kind are the caller's mistakes."""
    decision = LEVEL.decide({"due_date": TODAY}, today=TODAY)
    with pytest.raises(crm_rules.CallError, match="say which with output="):
        decision.nearest("1")
    with pytest.raises(crm_rules.CallError, match="not points"):
        decision.nearest(1, output="points")
    with pytest.raises(crm_rules.CallError, match="level is one of"):
        decision.nearest("9", output="level")
    with pytest.raises(crm_rules.CallError, match="never missing"):
        decision.nearest(None, output="level")


def test_to_leave_a_field_missing_is_the_last_resort() -> None:
    """Where a missing value and another one both do, the other one is named."""
    decision = STAGE.decide({"need": "clear", "expected_close": date(2026, 12, 1)}, today=TODAY)
    (change,) = decision.nearest("unknown").changes
    assert (change.field, change.after, change.border) == ("expected_close", date(2026, 11, 20), "up to 2026-11-20")


def test_both_sides_of_a_field_are_looked_at() -> None:
    """Where one outcome lies on both sides of the value now, the closer side is taken."""
    decision = STAGE.decide({"need": "clear", "expected_close": date(2027, 2, 22)}, today=TODAY)
    assert decision.value == "C"
    assert decision.nearest("B").changes[0].after == date(2027, 2, 21)
    two_sided = crm_rules.load(CASES)["band"]
    assert two_sided.decide({"size": 12}).nearest("out").changes[0].after == 9
    assert two_sided.decide({"size": 18}).nearest("out").changes[0].after == 21


def line(text: str, start: str) -> str:
    """The line of an explanation that starts so, with its continuation; empty when there is none."""
    lines = text.split("\n")
    places = [place for place, one in enumerate(lines) if one.startswith(start)]
    return " ".join(" ".join(lines[places[0] :]).split()) if places else ""


def test_an_explanation_names_the_nearest_way() -> None:
    """After why not comes the nearest way, in both languages, unless the same was said already."""
    grade = GRADE.decide(CUSTOMER | {"contract_amount": 1_900_000}, today=TODAY)
    assert line(grade.explain(), "Nearest to") == (
        "Nearest to fairly important customer (B): Contract amount of the year ≥ 2,000,000 CNY (now 1,900,000 CNY)"
    )
    assert line(grade.explain("zh"), "达到") == "达到 较重要客户（B）的最小改变：年度合同金额 ≥ 200万元（现为190万元）"
    dead = STAGE.decide({"need": "none"}, today=TODAY)
    assert "Business need: no need (none), needs potential need (potential)" in dead.explain()
    assert line(dead.explain(), "Nearest to") == ""


def test_an_explanation_says_when_there_is_no_way() -> None:
    """Where nothing that can be changed helps, that is said."""
    new = GRADE.decide(CUSTOMER | {"first_dealing": TODAY}, today=TODAY)
    assert line(new.explain(), "Nothing") == "Nothing that can be changed would give fairly important customer (B)."


def test_an_explanation_says_what_is_possible() -> None:
    """Of a record that lacks facts it says which outcomes are left, and what they depend on."""
    partly = STAGE.decide({"expected_close": date(2026, 12, 1)}, today=TODAY)
    assert line(partly.explain(), "Still") == (
        "Still possible: closes within a month (A), potential need or later (D), dead (E). "
        "It depends on: Business need."
    )
    assert line(partly.explain("zh"), "仍有可能") == (
        "仍有可能：一个月内成交（A）、潜在需求或半年以后（D）、死亡客户（E）。取决于：业务需求。"
    )
    touch = FOLLOW.decide({}, today=TODAY)
    assert (
        line(touch.explain(), "In any case")
        == "In any case: next_touch = 2026-11-21, days_overdue = 0 days, due = yes."
    )


def test_a_sensitive_value_is_not_told() -> None:
    """The value now of a sensitive field stays hidden in the nearest way."""
    fields = tuple(replace(field, sensitive=True) for field in GRADE.program.fields)
    secret = Policy(replace(GRADE.program, fields=fields), functions=GRADE.functions)
    text = secret.decide(CUSTOMER | {"contract_amount": 1_234_567}, today=TODAY).explain()
    assert "(now hidden)" in line(text, "Nearest to")
    assert "1,234,567" not in text


def test_an_answer_can_be_kept() -> None:
    """Answers are compared and pickled like decisions."""
    found = GRADE.decide(CUSTOMER, today=TODAY).nearest("A")
    assert pickle.loads(pickle.dumps(found)) == found  # noqa: S301 - our own bytes
