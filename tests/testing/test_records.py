"""Drawn records: they are valid, reach every rule, stand on borders, and shrink to a record that one can read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

import crm_rules
from crm_rules import CallError, Decision, Policy
from crm_rules.ir.evaluate import evaluate
from crm_rules.ir.nodes import Constant, FieldValue, Multiply
from crm_rules.ir.normalize import normalize
from crm_rules.ir.numbers import to_fact
from crm_rules.ir.program import Field, Output, Program
from crm_rules.ir.record import read_record
from crm_rules.ir.types import Choice, Integer
from crm_rules.testing import dated_records, records
from crm_rules.testing.borders import Ground
from crm_rules.testing.search import NOWHERE, Search
from tests.strategies import FUNCTIONS, programs, todays

ROOT = Path(__file__).parents[2]
TODAY = date(2026, 11, 21)
SAMPLE = crm_rules.load(ROOT / "policies" / "sample-company")
STAGE = SAMPLE["pipeline-stage"]
GRADE = SAMPLE["abc-grade"]
NARROW = """\
policy: narrow
kind: decision-table
hit_policy: first
fields:
  price: {type: money, unit: CNY, min: 0, decimals: 2}
  cost: {type: money, unit: CNY, min: 0, decimals: 2}
  count: {type: integer, min: 3, max: 9}
  region: {type: choice, one_of: [north, south, east], optional: true}
  note: {type: text, default: none}
derive:
  margin: price - cost
output:
  answer: {type: integer}
rules: |
  | id      | count | margin     | price    | region  | answer |
  | exactly | 5     | [100..101) | >= 7_777 | south   | 1      |
  | far     | 5     | > 100万    | -        | -       | 2      |
  | nowhere | -     | -          | < 3      | missing | 3      |
  | nearly  | 5     | [100..101) | -        | -       | 4      |
  | loss    | -     | < 0        | -        | -       | 5      |
  | rest    | -     | -          | -        | -       | 6      |
"""


@pytest.fixture(scope="module", name="narrow")
def load_narrow(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    """A policy with rules that hardly any record reaches."""
    file = tmp_path_factory.mktemp("narrow") / "narrow.yaml"
    file.write_text(NARROW, encoding="utf-8")
    return crm_rules.load(file)["narrow"]


def chain(decision: Decision) -> Iterator[Decision]:
    """A decision and those that it was made from."""
    yield decision
    for _, required in decision.required:
        yield from chain(required)


def reached(policy: Policy, examples: int = 300, **options: Any) -> tuple[set[str], set[str]]:
    """The rules and the statuses that drawn records reach, required policies included."""
    rules: set[str] = set()
    statuses: set[str] = set()

    @settings(max_examples=examples, database=None, derandomize=True)
    @given(records(policy, **options))
    def draw(record: dict[str, Any]) -> None:
        decision = policy.decide(record, today=options.get("today"), given=options.get("given"))
        statuses.add(decision.status)
        for one in chain(decision):
            rules.update(f"{one.program.id}: {rule}" for rule in one.rules)

    draw()
    return rules, statuses


def rules_of(policy: Policy) -> set[str]:
    """Every rule of a policy and of those that it requires."""
    found = {f"{policy.id}: {name}" for name, _, _ in policy.program.rules()}
    for requirement in policy.required:
        found |= rules_of(requirement.policy)
    return found


@pytest.mark.no_cover
@pytest.mark.parametrize("name", SAMPLE)
def test_three_hundred_records_reach_every_rule(name: str) -> None:
    """Of every starter policy with numbers, those of the policies below it included; and every record is decided."""
    rules, statuses = reached(SAMPLE[name], today=TODAY)
    assert rules_of(SAMPLE[name]) - rules == set()
    assert statuses == {"decided"}


def test_narrow_rules_are_reached_and_only_the_impossible_one_is_not(narrow: Policy) -> None:
    """A margin of one unit above a cost, far numbers, a missing choice behind a limit, rules behind others."""
    rules, statuses = reached(narrow)
    assert rules_of(narrow) == rules
    assert statuses == {"decided"}


def test_borders_are_known_on_below_and_above_to_the_last_decimal(narrow: Policy) -> None:
    """Those that the rules write, and those that a formula over two fields has beside the other field's value."""
    ground = Ground.of(normalize(narrow.whole), None)
    price, cost, *_ = narrow.inputs
    values = {"price": 8_000, "cost": 1, "count": 5, "region": None, "note": None}
    written = {Fraction(777_699, 100), 7_777, Fraction(777_701, 100), Fraction(299, 100), 3, Fraction(301, 100)}
    derived = {Fraction(10_099, 100), 101, Fraction(10_199, 100), 102, Fraction(99, 100), 1}
    assert set(ground.borders(values, price)) >= written | derived
    assert set(ground.borders(values, cost)) >= {7_899, 7_900, 8_000, Fraction(800_001, 100), Fraction(789_901, 100)}
    loss_leader = {**values, "cost": 7_900}
    assert set(ground.borders(loss_leader, price)) >= {8_000, Fraction(799_999, 100), 8_001, Fraction(800_099, 100)}


def test_the_day_before_and_the_day_after_a_border_are_known() -> None:
    """The borders of the stages, seen from today, whatever formula they are behind."""
    ground = Ground.of(normalize(STAGE.whole), TODAY)
    _, close = STAGE.inputs
    borders = set(ground.borders({"need": "clear", "expected_close": TODAY}, close))
    months = (date(2026, 12, 21), date(2027, 2, 21), date(2027, 5, 21), TODAY)
    assert borders >= {day + timedelta(shift) for day in months for shift in (0, 1)}
    assert borders >= {day - timedelta(1) for day in months}


def test_a_record_may_stand_on_several_borders_at_once(narrow: Policy) -> None:
    """The least price, the least margin and the one count of the narrowest rule, all in one record."""
    found = find(
        records(narrow),
        lambda record: (
            (record["price"] - record["cost"], record["count"]) == (100, 5)
            if isinstance(record["price"], int) and isinstance(record["cost"], int)
            else False
        ) and record["price"] >= 7_777 and narrow.decide(record).rules == ("exactly",),
    )  # fmt: skip
    assert found == {"price": 7_777, "cost": 7_677, "count": 5, "region": "south"}


@pytest.mark.parametrize(
    ("stage", "record"),
    [
        ("A", {"need": "clear", "expected_close": TODAY}),
        ("B", {"need": "clear", "expected_close": date(2027, 1, 21)}),
        ("D", {"need": "potential"}),
        ("E", {"need": "none"}),
        ("unknown", {"need": "clear"}),
    ],
)
def test_what_fails_shrinks_to_a_record_that_one_can_read(stage: str, record: dict[str, Any]) -> None:
    """Few fields, plain types, days that are round from today."""
    assert find(records(STAGE, today=TODAY), lambda found: STAGE.decide(found, today=TODAY).value == stage) == record


@pytest.mark.parametrize("grade", ["A", "B", "C"])
def test_a_scorecard_shrinks_to_round_numbers(grade: str) -> None:
    """The simplest record of a grade has zeros, single digits and powers of ten in it, each in its plainest type."""
    found = find(records(GRADE, today=TODAY), lambda record: GRADE.decide(record, today=TODAY).value == grade)
    numbers = [found[name] for name in ("contract_amount", "receivable", "premium")]
    assert [len(str(number).strip("0.")) <= 1 for number in numbers] == [True] * 3
    assert all(isinstance(number, int) or "." in str(number) for number in numbers)
    assert found.keys() == {field.name for field in GRADE.inputs}


@given(records(STAGE, today=TODAY, valid=False))
def test_with_bad_facts_a_decision_still_answers(record: dict[str, Any]) -> None:
    """`valid=False` gives facts that nobody accepts, and `decide` never raises because of them."""
    assert STAGE.decide(record, today=TODAY).status in {"decided", "invalid"}


def test_bad_facts_are_drawn_only_when_asked_for() -> None:
    """About half of the records with `valid=False` are invalid."""
    assert reached(GRADE, 100, today=TODAY)[1] == {"decided"}
    assert reached(GRADE, 100, today=TODAY, valid=False)[1] == {"decided", "invalid"}


def test_missing_facts_are_absent_or_none_and_numbers_have_every_form() -> None:
    """What an application may hold, it holds now and then."""
    forms: set[str] = set()

    @settings(max_examples=200, database=None, derandomize=True)
    @given(records(GRADE, today=TODAY), records(STAGE, today=TODAY))
    def draw(grade: dict[str, Any], stage: dict[str, Any]) -> None:
        forms.update(type(fact).__name__ for fact in grade.values())
        forms.add("absent" if "expected_close" not in stage else type(stage["expected_close"]).__name__)

    draw()
    assert forms >= {"int", "Decimal", "float", "bool", "str", "date", "datetime", "NoneType", "absent"}


@pytest.mark.parametrize("name", ["abc-grade", "entitlements", "supply-control"])
def test_every_outcome_is_reached_too(name: str) -> None:
    """An outcome that only some records of a rule get, because an override is in the way for the others."""
    policy = SAMPLE[name]
    seen: dict[str, set[Any]] = {output.name: set() for output in policy.outputs}

    @settings(max_examples=200, database=None, derandomize=True)
    @given(records(policy, today=TODAY))
    def draw(record: dict[str, Any]) -> None:
        for output, value in policy.decide(record, today=TODAY).outputs.items():
            seen[output].add(value)

    draw()
    choices = {one.name: set(one.type.one_of) for one in policy.outputs if isinstance(one.type, Choice)}
    assert {output: seen[output] for output in choices} == choices


# Days


@given(dated_records(SAMPLE["follow-up"]))
def test_a_dated_record_is_decided_on_its_day(pair: tuple[dict[str, Any], date]) -> None:
    """The record belongs to the day it comes with."""
    record, day = pair
    assert SAMPLE["follow-up"].decide(record, today=day).status == "decided"


def test_every_rule_is_reached_on_drawn_days_too() -> None:
    """Whatever the day, the records of that day reach the rules that are about days."""
    seen: dict[date, set[str]] = {}

    @settings(max_examples=400, database=None, derandomize=True)
    @given(dated_records(STAGE, today=st.sampled_from([date(2026, 1, 31), date(2028, 2, 29)])))
    def draw(pair: tuple[dict[str, Any], date]) -> None:
        record, day = pair
        seen.setdefault(day, set()).update(STAGE.decide(record, today=day).rules)

    draw()
    rules = {rule for rule, _, _ in STAGE.program.rules()}
    assert seen == {date(2026, 1, 31): rules, date(2028, 2, 29): rules}


def test_a_policy_that_needs_a_day_is_not_drawn_for_without_one() -> None:
    """A silent default would make records for another day than that of the decisions."""
    with pytest.raises(CallError, match="pipeline-stage needs today="):
        records(STAGE)
    with pytest.raises(CallError, match="parameters are blank"):
        records(crm_rules.load(ROOT / "policies")["abc-grade"], today=TODAY)


# Chains


def test_a_given_decision_leaves_out_the_fields_that_only_it_reads() -> None:
    """`given` means what it means to `decide`, and the rules that it allows are reached."""
    policy = SAMPLE["follow-up"]
    rules, statuses = reached(policy, 100, today=TODAY, given={"stage": "B"})
    assert (rules, statuses) == ({"follow-up: B"}, {"decided"})
    assert find(records(policy, today=TODAY, given={"stage": "B"}), lambda _: True) == {}
    with pytest.raises(CallError, match="expected one of A, B, C, D, E, unknown"):
        records(policy, today=TODAY, given={"stage": "Z"})


# Any program


def test_a_policy_without_rules_has_records_too() -> None:
    """A kind of another package may lower to nothing but a formula."""
    twice = Output("twice", Integer(), Multiply(FieldValue("n"), Constant(2, Integer())))
    policy = Policy(Program("twice", "1", "formula", (Field("n", Integer()),), (), (), (twice,)))
    assert find(records(policy), lambda record: policy.decide(record).value > 6)["n"] in range(4, 11)


@settings(max_examples=15)
@given(programs(), todays())
def test_the_search_stands_on_the_reference_evaluator(program: Program, today: date) -> None:
    """Whatever the program: each witness holds accepted values for which the program as written reaches its rule."""
    ground = Ground.of(normalize(program), today, FUNCTIONS)
    search = Search(ground)
    for witness in search.witnesses():
        found = evaluate(program, witness.values, today, FUNCTIONS)
        if witness.place != NOWHERE:
            rows = search.ground.evaluation(witness.values).steps[witness.place[0]].rows
            assert witness.place[1] in rows
        assert found.steps.keys() == {step.id for step in program.steps}
        assert witness.decided == (found.status == "decided")
    for field in program.fields:
        plain = Search(ground).plain()
        for value in ground.borders(plain, field):
            others = {one.name for one in program.fields} - {field.name}
            problems = read_record(program, {field.name: to_fact(value)}).problems
            assert [one for one in problems if one.field not in others and one.code != "currency"] == []
