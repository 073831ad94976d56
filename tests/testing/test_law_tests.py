"""Laws as tests: a law that holds passes, one that does not is refuted with the records that break it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest

import crm_rules
from crm_rules import CallError, Policy
from crm_rules.ir.laws import Always, Bounded, Implies, InputCondition, Law, Monotone, Never, OutputCondition, Steps
from crm_rules.ir.nodes import Bound, Constant, FieldValue, IsMissing, OneOf, StepValue, Test, Within
from crm_rules.ir.types import Boolean, Choice, Date, Integer, Money
from crm_rules.testing import LawTest, laws_as_tests

POLICIES = Path(__file__).parents[2] / "policies"
SAMPLE = crm_rules.load(POLICIES / "sample-company")
TODAY = date(2026, 11, 21)
STAGES = Choice(("A", "B", "C", "D", "E", "unknown"))


def one_of(*values: str) -> Test:
    """A test of a choice."""
    return OneOf(tuple(Constant(value, STAGES) for value in values))


def within(low: int | None, high: int | None) -> Test:
    """An interval of whole numbers, both ends included."""
    ends = [None if end is None else Bound(Constant(end, Integer()), closed=True) for end in (low, high)]
    return Within(*ends)


def with_law(policy: Policy, law: Law) -> Policy:
    """The same policy with one more law."""
    return Policy(replace(policy.program, laws=(law,)), policy.required, policy.about, policy.functions)


def checked(policy: str, law: Law, today: date | None = TODAY) -> None:
    """Check one law of a starter policy."""
    (test,) = laws_as_tests(with_law(SAMPLE[policy], law), today=today)
    test.check()


NO_NEED = InputCondition("need", FieldValue("need"), STAGES, OneOf((Constant("none", STAGES),)))
DATELESS = InputCondition("expected_close", FieldValue("expected_close"), Date(), IsMissing())
CLEAR = InputCondition("need", FieldValue("need"), STAGES, OneOf((Constant("clear", STAGES),)))
LATE = InputCondition("months_late", StepValue("months_late", "months_late"), Integer("month"), within(4, None))
HOLDING: list[tuple[str, Law]] = [
    ("abc-grade", Monotone("grade", "contract_amount", "better")),
    ("abc-grade", Monotone("grade", "receivable", "worse")),
    ("abc-grade", Monotone("grade", "premium", "better")),
    ("pipeline-stage", Monotone("stage", "expected_close", "worse")),
    ("pipeline-stage", Never((OutputCondition("stage", one_of("A", "B")),), (NO_NEED,))),
    ("pipeline-stage", Always((OutputCondition("stage", one_of("E")),), (NO_NEED,))),
    ("pipeline-stage", Always((OutputCondition("stage", one_of("unknown")),), (CLEAR, DATELESS))),
    ("credit-level", Never((OutputCondition("level", OneOf((Constant("1", Choice(("1", "2"))),))),), (LATE,))),
    ("credit-level", Monotone("level", "due_date", "better")),
    ("pipeline-stage", Steps(1, "stage", "expected_close")),
    ("entitlements", Bounded("shipping_priority", Constant(1, Integer()), Constant(6, Integer()))),
    (
        "entitlements",
        Implies(
            (OutputCondition("shipping_priority", within(1, 1)),),
            (OutputCondition("price_tier", OneOf((Constant("best", Choice(("best", "list"))),))),),
        ),
    ),
    ("follow-up", Bounded("days_overdue", Constant(0, Integer("day")))),
]
BROKEN: list[tuple[str, Law, str]] = [
    ("abc-grade", Monotone("grade", "contract_amount", "worse"), "`grade` is "),
    ("pipeline-stage", Monotone("stage", "expected_close", "better"), "as `expected_close` differs"),
    ("pipeline-stage", Never((OutputCondition("stage", one_of("B")),), (CLEAR,)), "the outcome is {'stage': 'B'}"),
    ("pipeline-stage", Always((OutputCondition("stage", one_of("A", "B", "C")),), (CLEAR,)), "the outcome is "),
    ("entitlements", Bounded("shipping_priority", None, Constant(5, Integer())), "`shipping_priority` is 6"),
    (
        "entitlements",
        Implies(
            (OutputCondition("shipping_priority", within(4, 6)),), (OutputCondition("shipping_priority", within(6, 6)),)
        ),
        "the outcome is ",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("policy", "law"), HOLDING, ids=lambda value: getattr(value, "output", type(value).__name__))
def test_a_law_that_holds_passes(policy: str, law: Law) -> None:
    """Of every kind of law, over fields, formulas, choices, dates, numbers and chains."""
    checked(policy, law)


@pytest.mark.parametrize(
    ("policy", "law", "said"),
    BROKEN,
    ids=lambda value: getattr(value, "output", type(value).__name__),
)
def test_a_law_that_does_not_hold_is_refuted_with_its_records(policy: str, law: Law, said: str) -> None:
    """The message has the outcome, the record or the pair of records, and the day."""
    with pytest.raises(AssertionError) as caught:
        checked(policy, law)
    assert said in str(caught.value)
    assert "record = " in str(caught.value)
    assert "today = datetime.date(2026, 11, 21)" in str(caught.value)


def test_the_pair_that_refutes_a_law_differs_in_its_field_alone() -> None:
    """And the two values are as simple as the search could make them."""
    law = Monotone("stage", "expected_close", "better")
    with pytest.raises(AssertionError) as caught:
        checked("pipeline-stage", law)
    text = str(caught.value)
    assert text.count("'need': 'clear'") == 2
    assert text.count("'expected_close'") == 2


def test_values_outside_the_order_take_no_part() -> None:
    """A date that has passed gives `unknown`, which is neither better nor worse than the next day's A."""
    checked("pipeline-stage", Monotone("stage", "expected_close", "worse"))
    unranked = with_law(SAMPLE["pipeline-stage"], Monotone("stage", "expected_close", "worse"))
    (output,) = unranked.program.outputs
    ranked = Policy(
        replace(unranked.program, outputs=(replace(output, unranked=()),)), (), unranked.about, unranked.functions
    )
    with pytest.raises(AssertionError, match="as `expected_close` differs"):
        LawTest(ranked, ranked.program.laws[0], TODAY).check()


def test_a_law_over_steps_looks_at_neighbours_only() -> None:
    """One more day moves the stage by one place; the same two days further apart would move it by several."""
    checked("pipeline-stage", Steps(1, "stage", "expected_close"))
    (test,) = laws_as_tests(with_law(SAMPLE["abc-grade"], Steps(1, "grade", "first_dealing")), today=TODAY)
    with pytest.raises(AssertionError, match="more than 1 apart"):
        test.check(examples=1_000)


def test_laws_hold_on_drawn_days_without_a_day() -> None:
    """`today` may be left out: then the days are drawn as well."""
    checked("pipeline-stage", Monotone("stage", "expected_close", "worse"), today=None)
    with pytest.raises(AssertionError, match=r"today = datetime\.date"):
        checked("pipeline-stage", Monotone("stage", "expected_close", "better"), today=None)


def test_a_test_is_named_after_its_law() -> None:
    """Pytest shows the text that the author wrote."""
    law = Never((OutputCondition("stage", one_of("A")),), (NO_NEED,), text="no need, no A")
    (test,) = laws_as_tests(with_law(SAMPLE["pipeline-stage"], law), today=TODAY)
    assert (str(test), test.__name__) == ("no need, no A", "no need, no A")
    assert laws_as_tests(SAMPLE["pipeline-stage"]) == [
        LawTest(SAMPLE["pipeline-stage"], law) for law in SAMPLE["pipeline-stage"].program.laws
    ]


def test_a_policy_that_cannot_decide_has_no_tests() -> None:
    """Blank parameters are the caller's mistake, as for `decide`."""
    blank = with_law(crm_rules.load(POLICIES)["abc-grade"], Monotone("grade", "premium", "better"))
    with pytest.raises(CallError, match="parameters are blank"):
        laws_as_tests(blank, today=TODAY)


def test_money_and_fractions_may_be_bounds() -> None:
    """A bound is an expression of the output's type."""
    never = Bounded("next_touch", Constant(date(1900, 1, 1), Date()))
    checked("follow-up", never)
    amount = InputCondition(
        "order_amount",
        FieldValue("order_amount"),
        Money("CNY"),
        Within(None, Bound(Constant(Fraction(1, 2), Money("CNY")), closed=False)),
    )
    kind = SAMPLE["supply-control"].outputs[0]
    choice = OneOf((Constant("no such", kind.type),)) if isinstance(kind.type, Choice) else IsMissing()
    checked("supply-control", Never((OutputCondition(kind.name, choice),), (amount,)))
    assert isinstance(kind.type, Choice | Boolean)
