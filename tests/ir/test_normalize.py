"""Every rewrite of a program preserves its answer, and the unfolding finds the border that the calendar has."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crm_rules.ir import days
from crm_rules.ir.check import check
from crm_rules.ir.evaluate import evaluate
from crm_rules.ir.nodes import (
    Add,
    AddTime,
    AnyOf,
    Anything,
    Bound,
    Coalesce,
    Constant,
    DaysBetween,
    Divide,
    Expr,
    FieldValue,
    Holds,
    IsMissing,
    IsPresent,
    LatestStart,
    MonthsBetween,
    Multiply,
    Negate,
    Nothing,
    NotPassing,
    OneOf,
    ParameterValue,
    StartedMonths,
    StepValue,
    Subtract,
    Test,
    Today,
    Within,
)
from crm_rules.ir.normalize import RULES, Rule, normalize
from crm_rules.ir.numbers import Exact
from crm_rules.ir.program import Column, Dated, Derive, Field, Output, Parameter, Program, Row, Step, Table
from crm_rules.ir.types import Choice, Date, Integer, Money, Number, Type
from tests.strategies import DATES, DECLARED, FUNCTIONS, programs, todays, values

DATE = Date()
NEVER = NotPassing(IsPresent())
START, END = FieldValue("start"), FieldValue("end")
NOVEMBER = date(2026, 11, 21)


def whole(number: Exact) -> Constant:
    """A constant of a month, day or number column."""
    return Constant(number, Integer() if isinstance(number, int) else Number())


def one_column(subject: Expr, tests: list[Test], kind: Type = DATE, **more: tuple[Parameter, ...]) -> Program:
    """A COLLECT table with one row a test over a subject that is derived in two steps from the field `start`."""
    field = Field("start", kind, optional=True)
    steps: tuple[Step, ...] = (
        Derive("measured", subject, Integer()),
        Table(
            "rules",
            (Column("measured", StepValue("measured", "measured"), Integer()),),
            tuple(Row(f"r{index}", (test,), (whole(index),)) for index, test in enumerate(tests)),
            (("found", Integer()),),
            "collect",
            "list",
        ),
    )
    parameters = more.get("parameters", ())
    return Program("p", "1", "x", (field,), parameters, steps, (Output("n", Integer(), StepValue("rules", "found")),))


def column_of(program: Program) -> Column:
    """The only column."""
    return program.tables[0].columns[0]


def cells_of(program: Program) -> list[Test]:
    """The cells of the only column."""
    return [row.tests[0] for row in program.tables[0].rows]


def bounds(number: Exact) -> list[Test]:
    """The four comparisons with a number, the equality and their negations."""
    at = whole(number)
    plain: list[Test] = [OneOf((at,))]
    plain += [Within(Bound(at, closed), None) for closed in (True, False)]
    plain += [Within(None, Bound(at, closed)) for closed in (True, False)]
    return [*plain, *(NotPassing(test) for test in plain)]


def intervals(low: int, high: int) -> list[Test]:
    """The four intervals between two numbers."""
    sides = [(True, True), (True, False), (False, True), (False, False)]
    return [Within(Bound(whole(low), left), Bound(whole(high), right)) for left, right in sides]


@given(data=st.data())
def test_every_rule_preserves_the_answer(data: st.DataObject) -> None:
    """Status, outputs and rules are equal before and after each rule and all of them, and types stay right."""
    program = data.draw(programs(calls=True))
    today = data.draw(todays(program))
    record = data.draw(values(program, today))
    before = evaluate(program, record, today, FUNCTIONS)
    for rule in (*RULES, Rule("normalize", normalize)):
        rewritten = rule.rewrite(program)
        assert check(rewritten, DECLARED) == [], rule.name
        after = evaluate(rewritten, record, today, FUNCTIONS)
        assert (before.status, before.outputs, before.rules) == (after.status, after.outputs, after.rules), rule.name


@given(programs(calls=True))
def test_normalize_is_done_after_one_pass(program: Program) -> None:
    """Normalizing twice changes nothing more."""
    once = normalize(program)
    assert normalize(once) == once


MEASURES: dict[str, Callable[[Expr, Expr], Expr]] = {
    "days": DaysBetween,
    "months": MonthsBetween,
    "started": StartedMonths,
    "minus two days": lambda start, end: Negate(Add(DaysBetween(start, end), whole(2))),
    "half the months": lambda start, end: Multiply(Constant(Fraction(1, 2), Number()), MonthsBetween(start, end)),
    "seven minus months": lambda start, end: Subtract(whole(7), StartedMonths(start, end)),
    "weeks": lambda start, end: Divide(DaysBetween(start, end), whole(-7)),
}


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("field_first", [True, False])
@given(
    number=st.one_of(st.integers(-14, 14), st.sampled_from([Fraction(5, 2), Fraction(-1, 2), 400, -400])),
    width=st.integers(1, 3),
    today=todays(),
    day=st.dates(days.FIRST, days.LAST),
    which=st.integers(0, 6),
)
@example(number=1, width=1, today=date(2026, 2, 28), day=date(2026, 1, 31), which=0)
@example(number=0, width=1, today=date(2026, 1, 31), day=date(2026, 1, 31), which=0)
def test_a_measure_of_time_unfolds_to_its_field(  # noqa: PLR0917 - drawn values
    measure: str,
    field_first: bool,  # noqa: FBT001
    number: Exact,
    width: int,
    today: date,
    day: date,
    which: int,
) -> None:
    """Columns over days, months and started months become columns over the date, whatever the border."""
    subject = MEASURES[measure](START, Today()) if field_first else MEASURES[measure](Today(), START)
    cells = [*bounds(number), IsMissing(), IsPresent(), Anything()]
    cells += intervals(int(number), int(number) + width)
    program = one_column(subject, cells)
    unfolded = normalize(program)
    assert column_of(unfolded) == Column("measured", START, DATE)
    count = int(number)
    borders = [day, days.add_months(today, count), days.add_months(today, -count), days.add_days(today, -7 * count)]
    borders += [days.add_months(today, 2 * count), days.add_months(today, 7 - count), days.add_days(today, -2 - count)]
    border = borders[which] or day
    for near in (border - timedelta(1), border, border + timedelta(1)):
        assert evaluate(unfolded, {"start": near}, today).rules == evaluate(program, {"start": near}, today).rules
    assert evaluate(unfolded, {"start": None}, today).rules == evaluate(program, {"start": None}, today).rules


@pytest.mark.parametrize("field_first", [True, False])
@given(st.sampled_from(DATES), st.sampled_from(DATES), st.integers(-3, 3))
def test_a_fixed_day_may_stand_in_place_of_today(field_first: bool, fixed: date, day: date, count: int) -> None:  # noqa: FBT001
    """The other side may be a constant, a parameter, or a day reckoned from them."""
    deadline = Parameter("deadline", DATE, (Dated(None, fixed), Dated(date(2026, 6, 1), fixed + timedelta(40))))
    other = AddTime(ParameterValue("deadline"), whole(2), "week")
    subject = StartedMonths(START, other) if field_first else StartedMonths(other, START)
    program = one_column(subject, bounds(count), parameters=(deadline,))
    unfolded = normalize(program)
    assert column_of(unfolded).subject == START
    for today in (date(2026, 5, 31), date(2026, 6, 1)):
        assert evaluate(unfolded, {"start": day}, today).rules == evaluate(program, {"start": day}, today).rules


def test_the_example_of_the_pipeline_reads_as_expected() -> None:
    """`started_months(today, close) <= 3` becomes `close <= today + 3 months`."""
    program = normalize(one_column(StartedMonths(Today(), START), [Within(None, Bound(whole(3), closed=True))]))
    assert cells_of(program) == [Within(None, Bound(AddTime(Today(), whole(3), "month"), closed=True))]


def test_started_months_are_never_below_zero() -> None:
    """`<= -1` never holds and `>= 0` always does when the date is present."""
    low, high = Within(Bound(whole(0), closed=True), None), Within(None, Bound(whole(-1), closed=True))
    program = normalize(one_column(StartedMonths(Today(), START), [low, high]))
    assert cells_of(program) == [IsPresent(), NEVER]


def test_days_since_have_an_exact_day() -> None:
    """`days_between(start, today) = 5` becomes one day, a fraction of a day none."""
    program = normalize(one_column(DaysBetween(START, Today()), [OneOf((whole(5),)), OneOf((whole(Fraction(5, 2)),))]))
    assert cells_of(program) == [OneOf((AddTime(Today(), whole(-5), "day"),)), NEVER]


def test_months_as_customer_have_the_latest_start() -> None:
    """`months_between(start, today) < 12` becomes `start > latest_start(today, 12)`."""
    program = normalize(one_column(MonthsBetween(START, Today()), [Within(None, Bound(whole(12), closed=False))]))
    assert cells_of(program) == [Within(Bound(LatestStart(Today(), whole(12)), closed=False), None)]


NUMERIC: dict[str, Expr] = {
    "sum": Add(START, Constant(Fraction(1, 4), Number())),
    "mirror": Subtract(whole(10), START),
    "negated": Negate(START),
    "doubled": Multiply(START, whole(2)),
    "minus a fifth": Multiply(Constant(Fraction(-1, 5), Number()), START),
    "third": Divide(START, whole(3)),
    "composed": Subtract(Divide(Negate(Add(START, ParameterValue("p"))), whole(-8)), whole(1)),
    "plus a parameter": Add(ParameterValue("p"), START),
}


@pytest.mark.parametrize("subject", NUMERIC.values(), ids=NUMERIC)
@given(st.sampled_from([0, 1, -3, Fraction(1, 2), Fraction(-7, 4)]), st.integers(-400, 400))
def test_a_linear_value_unfolds_to_its_field(subject: Expr, border: Exact, units: int) -> None:
    """A field plus, minus, times or divided by constants becomes the field with moved borders."""
    parameter = Parameter("p", Number(), (Dated(None, Fraction(3, 2)),))
    program = one_column(subject, [*bounds(border), *intervals(-2, 5)], Number(), parameters=(parameter,))
    unfolded = normalize(program)
    assert column_of(unfolded) == Column("measured", START, Number())
    for value in (Fraction(units, 20), Fraction(units, 4), units):
        assert evaluate(unfolded, {"start": value}).rules == evaluate(program, {"start": value}).rules


HUGE = Parameter("huge", Integer(), (Dated(None, 10**9),))
BLANK = Parameter("huge", Integer())
ZERO_TIMES = Multiply(START, whole(0))
ANY_BORDER: list[Test] = [Within(None, Bound(whole(1), closed=True))]
LEFT_ALONE: dict[str, tuple[Expr, list[Test], Type, Parameter]] = {
    "a factor of zero": (ZERO_TIMES, ANY_BORDER, Number(), HUGE),
    "a border without a finite decimal": (Multiply(START, whole(3)), ANY_BORDER, Number(), HUGE),
    "a factor of unknown sign": (Multiply(START, ParameterValue("huge")), ANY_BORDER, Number(), HUGE),
    "the field twice": (Subtract(START, START), ANY_BORDER, Number(), HUGE),
    "no field": (DaysBetween(Today(), Today()), ANY_BORDER, DATE, HUGE),
    "a date that may be replaced": (DaysBetween(Coalesce((START, Today())), Today()), ANY_BORDER, DATE, HUGE),
    "a missing operand": (Add(START, Nothing(Number())), ANY_BORDER, Number(), HUGE),
    "a blank parameter": (Add(START, ParameterValue("huge")), ANY_BORDER, Number(), BLANK),
    "a border outside the calendar": (
        DaysBetween(START, Today()), [OneOf((ParameterValue("huge"),))], DATE, HUGE,
    ),
    "too many months": (MonthsBetween(START, Today()), [OneOf((whole(10**6),))], DATE, HUGE),
    "months against a parameter": (MonthsBetween(START, Today()), [OneOf((ParameterValue("huge"),))], DATE, HUGE),
    "a day that may not exist": (
        DaysBetween(START, AddTime(Today(), ParameterValue("huge"), "month")), ANY_BORDER, DATE, HUGE,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", LEFT_ALONE.values(), ids=LEFT_ALONE)
def test_what_is_not_certain_is_left_alone(case: tuple[Expr, list[Test], Type, Parameter]) -> None:
    """A column stays as written when its value is not monotone, can be missing apart from the field, or overflows."""
    subject, cells, kind, parameter = case
    program = one_column(subject, cells, kind, parameters=(parameter,))
    assert column_of(normalize(program)).subject == StepValue("measured", "measured")


def test_a_long_chain_of_steps_is_left_alone() -> None:
    """Steps that double each other are not written out without end."""
    steps: list[Step] = [Derive("d0", Add(START, START), Number())]
    for number in range(1, 40):
        before = StepValue(f"d{number - 1}", f"d{number - 1}")
        steps.append(Derive(f"d{number}", Add(before, before), Number()))
    table = one_column(Today(), [Anything()]).tables[0]
    column = Column("d", StepValue("d39", "d39"), Number())
    steps.append(Table("rules", (column,), table.rows, table.outputs, "collect", "list"))
    program = Program("p", "1", "x", (Field("start", Number()),), (), tuple(steps), ())
    assert column_of(normalize(program)) == column


ABC = Choice(("A", "B", "C"))


def texts(*options: str) -> OneOf:
    """A cell of options."""
    return OneOf(tuple(Constant(option, ABC) for option in options))


def between(low: int | None, high: int | None, *, closed: tuple[bool, bool] = (True, False)) -> Within:
    """A cell of an interval."""
    return Within(
        None if low is None else Bound(whole(low), closed[0]), None if high is None else Bound(whole(high), closed[1])
    )


SIMPLER: list[tuple[Test, Type, Test]] = [
    (NotPassing(texts("A")), ABC, texts("B", "C")),
    (NotPassing(texts("A", "B", "C")), ABC, NEVER),
    (texts("C", "A", "B"), ABC, IsPresent()),
    (texts("B", "A", "B"), ABC, texts("B", "A")),
    (AnyOf((texts("A"), texts("B"))), ABC, texts("A", "B")),
    (AnyOf((texts("A"), IsMissing(), AnyOf((texts("B"),)))), ABC, AnyOf((texts("A", "B"), IsMissing()))),
    (AnyOf((IsMissing(), IsPresent())), ABC, Anything()),
    (AnyOf((texts("A"), IsPresent())), ABC, IsPresent()),
    (NotPassing(NotPassing(texts("A"))), ABC, texts("A")),
    (NotPassing(NotPassing(AnyOf((texts("A"), IsMissing())))), ABC, texts("A")),
    (NotPassing(AnyOf((texts("A"), IsMissing()))), ABC, texts("B", "C")),
    (NotPassing(IsMissing()), ABC, IsPresent()),
    (NotPassing(Anything()), ABC, NEVER),
    (OneOf(()), ABC, NEVER),
    (AnyOf((NEVER, NEVER)), ABC, NEVER),
    (AnyOf((NEVER, texts("A"))), ABC, texts("A")),
    (Within(None, None), Integer(), IsPresent()),
    (between(3, 3, closed=(True, True)), Integer(), OneOf((whole(3),))),
    (NotPassing(between(3, 5)), Integer(), AnyOf((between(None, 3), between(5, None)))),
    (NotPassing(between(3, None)), Integer(), between(None, 3)),
    (NotPassing(OneOf((whole(3),))), Integer(), NotPassing(OneOf((whole(3),)))),
]


@pytest.mark.parametrize(("test", "kind", "expected"), SIMPLER)
def test_a_cell_takes_its_simplest_form(test: Test, kind: Type, expected: Test) -> None:
    """Cells over closed choices lose their `not`, lists are merged, intervals of one value are that value."""
    rules = Table("rules", (Column("c", FieldValue("start"), kind),), (Row("r", (test,), ()),), (), "first")
    holds = Output("holds", kind, Holds(FieldValue("start"), Within(None, None)))
    program = normalize(Program("p", "1", "x", (Field("start", kind),), (), (rules,), (holds,)))
    assert cells_of(program) == [expected]
    assert program.outputs[0].expr == Holds(FieldValue("start"), IsPresent())


FOLDED: list[tuple[Expr, Expr]] = [
    (Add(whole(1), Multiply(whole(2), whole(3))), whole(7)),
    (Add(START, Negate(whole(2))), Add(START, whole(-2))),
    (Divide(whole(1), whole(4)), Constant(Fraction(1, 4), Number())),
    (Divide(whole(1), whole(3)), Divide(whole(1), whole(3))),
    (Divide(whole(1), whole(0)), Nothing(Number())),
    (Coalesce((Nothing(Integer()), whole(1), START)), whole(1)),
    (Coalesce((START, whole(1), END)), Coalesce((START, whole(1)))),
    (Coalesce((Nothing(Integer()),)), Nothing(Integer())),
    (AddTime(Constant(NOVEMBER, DATE), whole(1), "month"), Constant(date(2026, 12, 21), DATE)),
    (Multiply(Constant(2, Money("CNY")), whole(3)), Constant(6, Money("CNY"))),
    (Holds(START, between(1, None)), Holds(START, between(1, None))),
    (Holds(START, Within(Bound(Add(whole(1), whole(1)), closed=True), None)), Holds(START, between(2, None))),
]


@pytest.mark.parametrize(("expr", "expected"), FOLDED)
def test_constants_are_computed(expr: Expr, expected: Expr) -> None:
    """What depends on nothing is its value; a quotient without a finite decimal stays a quotient."""
    program = Program("p", "1", "x", (Field("start", Integer()),), (), (Derive("d", expr, Integer()),), ())
    step = normalize(program).steps[0]
    assert isinstance(step, Derive)
    assert step.expr == expected


@given(programs())
def test_rows_and_names_do_not_change(program: Program) -> None:
    """Every rule keeps its outside name, and every step its id and outputs."""

    def names(of: Program) -> list[str]:
        return [rule for rule, _, _ in of.rules()] + [step.id for step in of.steps]

    assert names(normalize(program)) == names(program)
