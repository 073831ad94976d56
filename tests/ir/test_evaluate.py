"""The meaning of each node and hit policy, and what never changes an answer."""

from __future__ import annotations

import decimal
from dataclasses import replace
from datetime import date
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_rules.ir.check import check
from crm_rules.ir.evaluate import Evaluation, evaluate
from crm_rules.ir.nodes import (
    ANYTHING,
    Absolute,
    Add,
    AddTime,
    AnyOf,
    Anything,
    Bound,
    Call,
    Coalesce,
    Constant,
    DatePart,
    DaysBetween,
    Divide,
    Expr,
    FieldValue,
    Holds,
    IsMissing,
    IsPresent,
    LatestStart,
    Maximum,
    Minimum,
    MonthsBetween,
    Multiply,
    Negate,
    Nothing,
    NotPassing,
    OneOf,
    ParameterValue,
    Round,
    StartedMonths,
    StepValue,
    Subtract,
    Test,
    Today,
    Value,
    Within,
)
from crm_rules.ir.program import (
    Aggregation,
    Column,
    Dated,
    Derive,
    Field,
    HitPolicy,
    Output,
    Parameter,
    Program,
    Row,
    Step,
    Table,
    Total,
)
from crm_rules.ir.record import Rejected, accept_type
from crm_rules.ir.types import Choice, Date, Integer, ListOfValues, Number, Type
from tests.strategies import DECLARED, FUNCTIONS, cases, programs, todays, values

TODAY = date(2026, 11, 21)
WHOLE, DATE = Integer(), Date()
X, DAY, GONE = FieldValue("x"), FieldValue("day"), FieldValue("gone")
RECORD: dict[str, Value | None] = {"x": 7, "day": date(2026, 1, 31), "gone": None}


def whole(number: Any) -> Constant:
    """A constant number."""
    return Constant(number, WHOLE)


def bound(number: Any, *, closed: bool) -> Bound:
    """A bound at a number."""
    return Bound(whole(number), closed)


def answer(expr: Expr, today: date | None = TODAY) -> Value | None:
    """The value of an expression over the fixed record."""
    parameters = (Parameter("p", WHOLE, (Dated(None, 1), Dated(TODAY, 2))),)
    fields = (Field("x", WHOLE), Field("day", DATE), Field("gone", WHOLE, optional=True))
    program = Program("p", "1", "x", fields, parameters, (), (Output("v", WHOLE, expr),))
    return evaluate(program, RECORD, today, FUNCTIONS).outputs["v"]


MEANINGS: list[tuple[Expr, Value | None]] = [
    (whole(3), 3),
    (Nothing(WHOLE), None),
    (X, 7),
    (GONE, None),
    (ParameterValue("p"), 2),
    (Today(), TODAY),
    (Negate(X), -7),
    (Add(X, whole(3)), 10),
    (Add(whole(Fraction(1, 2)), whole(Fraction(1, 2))), 1),
    (Subtract(X, whole(9)), -2),
    (Multiply(X, whole(Fraction(1, 7))), 1),
    (Divide(X, whole(2)), Fraction(7, 2)),
    (Divide(X, whole(0)), None),
    (Absolute(whole(-3)), 3),
    (Round(whole(Fraction(25, 10)), 0, "half_even"), 2),
    (Round(whole(1250), -2, "half_up"), 1300),
    (Minimum((X, whole(3), whole(9))), 3),
    (Maximum((DAY, Today())), TODAY),
    (Coalesce((GONE, X)), 7),
    (Coalesce((GONE, Nothing(WHOLE))), None),
    (AddTime(DAY, whole(30), "day"), date(2026, 3, 2)),
    (AddTime(DAY, whole(2), "week"), date(2026, 2, 14)),
    (AddTime(DAY, whole(1), "month"), date(2026, 2, 28)),
    (AddTime(Constant(date(2024, 2, 29), DATE), whole(1), "year"), date(2025, 2, 28)),
    (AddTime(DAY, whole(10**9), "day"), None),
    (AddTime(DAY, whole(-(10**9)), "year"), None),
    (DaysBetween(DAY, Today()), 294),
    (DaysBetween(Today(), DAY), -294),
    (MonthsBetween(DAY, Today()), 9),
    (StartedMonths(DAY, Today()), 10),
    (StartedMonths(Today(), DAY), 0),
    (LatestStart(Constant(date(2026, 2, 28), DATE), whole(1)), date(2026, 1, 31)),
    (DatePart(DAY, "year"), 2026),
    (DatePart(DAY, "month"), 1),
    (DatePart(DAY, "day"), 31),
    (DatePart(DAY, "weekday"), 6),
    (Holds(X, IsPresent()), True),
    (Holds(GONE, IsPresent()), False),
    (Call("last_digit", (whole(-42),), WHOLE), 2),
]


@pytest.mark.parametrize(("expr", "value"), MEANINGS)
def test_a_node_means_what_its_docstring_says(expr: Expr, value: Value | None) -> None:
    """Exact values, whole where they are whole."""
    found = answer(expr)
    assert found == value
    assert type(found) is type(value)


ONE: list[Expr] = [
    Negate(GONE),
    Add(GONE, X),
    Add(X, GONE),
    Subtract(GONE, X),
    Subtract(X, GONE),
    Multiply(GONE, whole(0)),
    Multiply(whole(0), GONE),
    Divide(GONE, X),
    Divide(X, GONE),
    Absolute(GONE),
    Round(GONE, 0, "up"),
    Minimum((X, GONE)),
    Maximum((GONE, X)),
    AddTime(GONE, X, "day"),
    AddTime(DAY, GONE, "month"),
    DaysBetween(GONE, DAY),
    DaysBetween(DAY, GONE),
    MonthsBetween(GONE, DAY),
    MonthsBetween(DAY, GONE),
    StartedMonths(GONE, DAY),
    StartedMonths(DAY, GONE),
    LatestStart(GONE, X),
    LatestStart(DAY, GONE),
    DatePart(GONE, "day"),
    Call("last_digit", (GONE,), WHOLE),
]


@pytest.mark.parametrize("expr", ONE)
def test_a_missing_operand_makes_missing(expr: Expr) -> None:
    """Even zero times a missing value is missing; only `Coalesce` and `Holds` see through it."""
    assert answer(expr) is None


PASSING: list[tuple[Test, list[int | None]]] = [
    (Anything(), [None, 1, 2, 3, 4, 5]),
    (IsMissing(), [None]),
    (IsPresent(), [1, 2, 3, 4, 5]),
    (OneOf((whole(2), whole(4))), [2, 4]),
    (OneOf(()), []),
    (Within(None, None), [1, 2, 3, 4, 5]),
    (Within(bound(2, closed=True), bound(4, closed=False)), [2, 3]),
    (Within(bound(2, closed=False), bound(4, closed=True)), [3, 4]),
    (Within(bound(2, closed=False), None), [3, 4, 5]),
    (Within(None, bound(2, closed=True)), [1, 2]),
    (Within(None, Bound(Nothing(WHOLE), closed=True)), []),
    (Within(Bound(Nothing(WHOLE), closed=True), None), []),
    (NotPassing(OneOf((whole(2),))), [1, 3, 4, 5]),
    (NotPassing(IsMissing()), [1, 2, 3, 4, 5]),
    (NotPassing(Within(None, Bound(Nothing(WHOLE), closed=True))), [1, 2, 3, 4, 5]),
    (AnyOf((OneOf((whole(1),)), IsMissing())), [None, 1]),
    (AnyOf(()), []),
]


@pytest.mark.parametrize(("test", "passing"), PASSING)
def test_a_test_lets_these_pass(test: Test, passing: list[int | None]) -> None:
    """A missing value passes only where the test says so; nothing lies beside a missing border."""
    column = Column("x", FieldValue("x"), WHOLE)
    table = Table("t", (column,), (Row("r", (test,), ()),), (), "first", optional=True)
    program = Program("p", "1", "x", (Field("x", WHOLE, optional=True),), (), (table,), ())
    options: list[int | None] = [None, 1, 2, 3, 4, 5]
    assert [value for value in options if evaluate(program, {"x": value}).rules] == passing


def table_of(
    hit_policy: HitPolicy, *outputs: int | None, aggregation: Aggregation | None = None, optional: bool = False
) -> Program:
    """Rows `r0: x >= 0`, `r1: x >= 1` …, so that a larger x matches more of them."""
    rows = tuple(
        Row(
            f"r{index}",
            (Within(bound(index, closed=True), None),),
            (Nothing(WHOLE) if value is None else whole(value),),
        )
        for index, value in enumerate(outputs)
    )
    column = Column("x", FieldValue("x"), WHOLE)
    table = Table("t", (column,), rows, (("v", WHOLE),), hit_policy, aggregation, optional)
    output = Output("v", WHOLE, StepValue("t", "v"), optional=True)
    return Program("p", "1", "x", (Field("x", WHOLE),), (), (table,), (output,))


def summary(found: Evaluation) -> tuple[Any, ...]:
    """Status, value and rules."""
    return found.status, found.outputs.get("v"), found.rules


HITS: list[tuple[Program, int, tuple[Any, ...]]] = [
    (table_of("unique", 5, 6), -1, ("no_match", None, ())),
    (table_of("unique", 5, 6), 0, ("decided", 5, ("r0",))),
    (table_of("unique", 5, 5), 1, ("conflict", None, ("r0", "r1"))),
    (table_of("first", 5, 6), 1, ("decided", 5, ("r0",))),
    (table_of("first", 5, 6), -1, ("no_match", None, ())),
    (table_of("first", 5, optional=True), -1, ("decided", None, ())),
    (table_of("any", 5, 5, 6), 1, ("decided", 5, ("r0", "r1"))),
    (table_of("any", 5, 5, 6), 2, ("conflict", None, ("r0", "r1", "r2"))),
    (table_of("collect", 5, 6, 5, aggregation="list"), 2, ("decided", (5, 6, 5), ("r0", "r1", "r2"))),
    (table_of("collect", 5, None, 6, aggregation="list"), 2, ("decided", (5, 6), ("r0", "r1", "r2"))),
    (table_of("collect", 5, aggregation="list"), -1, ("decided", (), ())),
    (table_of("collect", 5, 6, aggregation="sum"), 1, ("decided", 11, ("r0", "r1"))),
    (table_of("collect", 5, aggregation="sum"), -1, ("decided", 0, ())),
    (table_of("collect", 5, None, aggregation="count"), 1, ("decided", 1, ("r0", "r1"))),
    (table_of("collect", 5, aggregation="count"), -1, ("decided", 0, ())),
    (table_of("collect", 5, 6, aggregation="min"), 1, ("decided", 5, ("r0", "r1"))),
    (table_of("collect", 5, 6, aggregation="max"), 1, ("decided", 6, ("r0", "r1"))),
    (table_of("collect", 5, aggregation="max"), -1, ("no_match", None, ())),
    (table_of("collect", None, aggregation="min"), 0, ("no_match", None, ("r0",))),
]


@pytest.mark.parametrize(("program", "x", "expected"), HITS)
def test_a_hit_policy_says_what_several_matches_mean(program: Program, x: int, expected: tuple[Any, ...]) -> None:
    """UNIQUE and ANY can conflict, FIRST stops, COLLECT gathers; no match is a gap but for optional tables."""
    assert summary(evaluate(program, {"x": x})) == expected


def test_otherwise_matches_when_no_other_row_does() -> None:
    """Missing included."""
    column = Column("x", FieldValue("x"), WHOLE)
    rows = (Row("one", (OneOf((whole(1),)),), (whole(1),)), Row("rest", (ANYTHING,), (whole(2),), otherwise=True))
    table = Table("t", (column,), rows, (("v", WHOLE),))
    output = Output("v", WHOLE, StepValue("t", "v"))
    program = Program("p", "1", "x", (Field("x", WHOLE, optional=True),), (), (table,), (output,))
    options: list[int | None] = [1, 2, None]
    assert [evaluate(program, {"x": x}).rules for x in options] == [("one",), ("rest",), ("rest",)]


def undecided(*steps: Step, output: Expr) -> Evaluation:
    """The answer of a program whose table `gap` never matches."""
    column = Column("x", FieldValue("x"), WHOLE)
    gap = Table("gap", (column,), (Row("never", (OneOf(()),), (whole(1),)),), (("v", WHOLE),))
    program = Program("p", "1", "x", (Field("x", WHOLE),), (), (gap, *steps), (Output("v", WHOLE, output),))
    return evaluate(program, {"x": 1})


def test_an_undecided_step_makes_undecided_what_needs_it() -> None:
    """The cause is the step where it began, through any number of later ones."""
    value = StepValue("gap", "v")
    found = undecided(
        Derive("d", Add(value, whole(1)), WHOLE), Derive("e", StepValue("d", "d"), WHOLE), output=StepValue("e", "e")
    )
    assert found.status == "no_match"
    assert found.outputs == {}
    assert found.steps["e"].cause == "gap"
    assert found.steps["d"].values == {}


def test_an_undecided_step_leaves_the_rest_alone() -> None:
    """`Coalesce` does not look behind the first value, and an output of other steps is decided."""
    value = StepValue("gap", "v")
    assert undecided(output=Coalesce((whole(1), value))).outputs == {"v": 1}
    assert undecided(output=Coalesce((Nothing(WHOLE), value))).status == "no_match"
    assert undecided(output=whole(3)).outputs == {"v": 3}


def test_a_total_adds_weighted_points() -> None:
    """The initial score plus each characteristic's points times its weight."""
    column = Column("x", FieldValue("x"), WHOLE)
    steps: tuple[Step, ...] = tuple(
        Table(name, (column,), (Row("r", (ANYTHING,), (whole(points),)),), (("points", WHOLE),))
        for name, points in (("a", 3), ("b", 4))
    )
    steps += (Total("total", 10, (("a", 2), ("b", Fraction(-1, 2))), Number()),)
    output = Output("v", Number(), StepValue("total", "points"))
    program = Program("p", "1", "x", (Field("x", WHOLE),), (), steps, (output,))
    found = evaluate(program, {"x": 1})
    assert summary(found) == ("decided", 14, ("a.r", "b.r"))


def test_a_dated_parameter_has_the_value_of_the_day() -> None:
    """Before its first day the undated value holds; without a day only the undated one is known."""
    assert [answer(ParameterValue("p"), day) for day in (date(2026, 11, 20), TODAY, None)] == [1, 2, 1]


@given(st.data())
def test_an_accepted_record_never_fails(data: st.DataObject) -> None:
    """A program without findings answers every accepted record, with values of the declared types."""
    program = data.draw(programs(calls=True))
    assert check(program, DECLARED) == []
    today = data.draw(todays(program))
    found = evaluate(program, data.draw(values(program, today)), today, FUNCTIONS)
    assert (found.outputs == {}) == (found.status != "decided")
    for output in program.outputs if found.status == "decided" else ():
        value = found.outputs[output.name]
        items = value if isinstance(value, tuple) else (value,)
        kind = output.type.item if isinstance(output.type, ListOfValues) else output.type
        assert all(item is None or is_value(item, kind) for item in items)
        assert output.optional or value is not None


def is_value(value: Value, kind: Type) -> bool:
    """True for an exact value of the type: a Fraction only where it is not whole, no float, no bool as a number."""
    if isinstance(value, Fraction):
        return value.denominator > 1 and not isinstance(kind, Integer)
    if isinstance(value, date | str | bool):
        return not isinstance(accept_type(kind, value), Rejected) or isinstance(kind, Date)
    return isinstance(value, int) and not isinstance(accept_type(kind, 1), Rejected)


@given(st.data())
def test_the_hosts_decimal_context_changes_nothing(data: st.DataObject) -> None:
    """With three digits of precision and every trap set, the answer is the same."""
    program = data.draw(programs(calls=True))
    today = data.draw(todays(program))
    record = data.draw(values(program, today))
    before = evaluate(program, record, today, FUNCTIONS)
    with decimal.localcontext(decimal.Context(prec=3, traps=[decimal.Inexact, decimal.Rounded])):
        assert evaluate(program, record, today, FUNCTIONS) == before


@given(st.data())
def test_the_order_of_rows_means_nothing_where_no_policy_says_so(data: st.DataObject) -> None:
    """Under UNIQUE, ANY and COLLECT (but for the order of a list) rows can change places."""
    program = data.draw(programs())
    today = data.draw(todays(program))
    record = data.draw(values(program, today))

    def shuffled(step: Step) -> Step:
        if not isinstance(step, Table) or step.hit_policy == "first" or step.aggregation == "list":
            return step
        return replace(step, rows=tuple(data.draw(st.permutations(step.rows))))

    before = evaluate(program, record, today)
    after = evaluate(replace(program, steps=tuple(map(shuffled, program.steps))), record, today)
    assert (after.status, after.outputs, set(after.rules)) == (before.status, before.outputs, set(before.rules))


@given(st.data())
def test_a_step_that_nobody_needs_changes_nothing(data: st.DataObject) -> None:
    """An undecided table beside the path to the outputs leaves them as they are."""
    program = data.draw(programs())
    today = data.draw(todays(program))
    record = data.draw(values(program, today))
    beside = Table("beside", (), (), (("v", Choice(("A",))),))
    before = evaluate(program, record, today)
    after = evaluate(replace(program, steps=(beside, *program.steps)), record, today)
    assert (after.status, after.outputs) == (before.status, before.outputs)
    assert after.steps["beside"].status == "no_match"


@given(st.data())
def test_generated_records_are_read_and_decided_alike_twice(data: st.DataObject) -> None:
    """The same program, values and day give an equal evaluation."""
    program = data.draw(programs())
    record, today = data.draw(cases(program, bad=False))
    accepted = data.draw(values(program, today))
    assert set(record) <= {one.name for one in program.fields} | {"not declared"}
    assert evaluate(program, accepted, today) == evaluate(program, dict(accepted), today)
