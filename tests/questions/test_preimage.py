"""Inverse images and extents agree with the reference evaluator, value by value."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from crm_rules.ir import days
from crm_rules.ir.evaluate import Scope, evaluate, value_of
from crm_rules.ir.nodes import (
    Absolute,
    Add,
    AddTime,
    AnyOf,
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
    LatestStart,
    Maximum,
    Minimum,
    MonthsBetween,
    Multiply,
    Negate,
    Nothing,
    NotPassing,
    OneOf,
    Round,
    StartedMonths,
    StepValue,
    Subtract,
    Test,
    Today,
    Value,
    Within,
)
from crm_rules.ir.numbers import ROUNDING_MODES, to_fact
from crm_rules.ir.program import Field, Parameter, Program
from crm_rules.ir.record import Rejected, accept
from crm_rules.ir.rewrite import descendants
from crm_rules.ir.types import Boolean, Choice, Date, Integer, Money, Number, Text, Type
from crm_rules.questions.preimage import extent, preimage
from crm_rules.questions.sets import (
    MISSING,
    NOTHING,
    ValueSet,
    accepted,
    between,
    domain_of,
    point,
    split,
    union,
)
from crm_rules.testing import small_programs
from crm_rules.testing.facts import Draw, constants_of, facts_near, program_values, todays
from crm_rules.testing.functions import FUNCTIONS
from crm_rules.testing.small_programs import programs

X = Field("x", Number(), optional=True)
N = Field("n", Integer(), optional=True)
D = Field("d", Date(), optional=True)
B = Field("b", Boolean(), optional=True)
C = Field("c", Choice(("A", "B", "C")), optional=True)
Y = Field("y", Number(), optional=True)
FIELDS = (X, N, D, B, C, Y)
TODAY = date(2026, 11, 21)


def number(value: Any) -> Expr:
    """A written number."""
    return Constant(value, Integer() if isinstance(value, int) else Number())


def fixed_by(values: dict[str, Value | None], today: date = TODAY) -> Callable[[Expr], Value | None]:
    """What `preimage` asks for the rest: a scope without the field."""
    scope = Scope(values, {}, today, {}, FUNCTIONS)
    return lambda expr: value_of(expr, scope)


def checked(expr: Expr, target: ValueSet, field: Field, others: dict[str, Value | None], today: date = TODAY) -> bool:
    """Compare `preimage` with the evaluator on its own borders; False when it is not known."""
    found = preimage(expr, target, field, fixed_by(others, today))
    if found is None:
        return False
    for value in (*around(field, found), *plain_values(field)):
        answer = value_of(expr, Scope({**others, field.name: value}, {}, today, {}, FUNCTIONS))
        assert found.contains(value) == target.contains(answer), (value, answer, found)
    return True


def plain_values(field: Field) -> list[Value | None]:
    """Some values of a field wherever its borders lie."""
    values: list[Any]
    match field.type:
        case Boolean():
            values = [False, True]
        case Choice(one_of):
            values = list(one_of)
        case Date():
            values = [days.FIRST, date(2024, 2, 29), date(2026, 1, 31), TODAY, date(2026, 12, 21), days.LAST]
        case _:
            values = [-100, -1, 0, 1, 2, 12, 5_000_000] + ([] if field.type == Integer() else [Fraction(1, 2)])
    kept = [value for value in values if not isinstance(accept(field, to_fact(value)), Rejected)]
    return [*kept, None] if field.may_be_missing else kept


def around(field: Field, some: ValueSet) -> list[Value | None]:
    """The ends of a set and their neighbours, where the field accepts them."""
    found: list[Any] = []
    for interval in some.intervals:
        for end in (interval.low, interval.high):
            if end is None:
                continue
            if isinstance(field.type, Date):
                near: list[Any] = [end + shift for shift in (-1, 0, 1)]
                found += [date.fromordinal(int(day)) for day in near if 1 <= day <= date.max.toordinal()]
            elif isinstance(field.type, Integer):
                found += [end // 1 - 1, end // 1, end // 1 + 1, end // 1 + 2]
            else:
                found += [end + Fraction(shift, 10**9) for shift in (-1, 0, 1)]
    return [value for value in found if within_limits(field, value)]


def within_limits(field: Field, value: Any) -> bool:
    """True for a value between the field's ends; a border need not be a decimal of few digits."""
    return domain_of(field).grid(point(value)) == point(value)


def targets(kind: Type) -> st.SearchStrategy[ValueSet]:
    """Sets of values of a type, with missing now and then."""
    cells = st.builds(
        lambda tests: union(accepted(test, kind, fixed_by({})) for test in tests),
        st.lists(cell(kind), min_size=1, max_size=2),
    )
    return st.one_of(cells, cells.map(lambda one: one | MISSING), cells.map(lambda one: one - MISSING))


@st.composite
def cell(draw: Draw, kind: Type) -> Test:
    """A test that a cell of the type may hold."""
    found: Test = small_programs.draw_test(draw, small_programs.Scope(), kind)
    return found


@st.composite
def questions(draw: Draw) -> tuple[Expr, ValueSet, Field, dict[str, Value | None], date]:
    """An expression, a wish about it, the field to find, the values of the other fields, and a day."""
    fields = small_programs.draw_fields(draw)
    scope = small_programs.Scope([(FieldValue(one.name), one.type) for one in fields])
    for _ in range(4):  # a drawn expression may well read no field
        kind = draw(st.sampled_from(small_programs.derivable(scope)))
        expr = small_programs.draw_expr(draw, scope, kind, 3)
        nodes = set(descendants(expr))
        read = [one for one in fields if FieldValue(one.name) in nodes]
        if read:
            break
    assume(read)
    field = draw(st.sampled_from(read))
    today = draw(todays())
    values = draw(program_values(Program("p", "1", "k", tuple(fields), (), (), ()), today))
    return expr, draw(targets(kind)), field, values, today


@given(questions())
def test_an_inverse_image_has_exactly_the_values_that_lead_into_the_target(question: Any) -> None:
    """For every value of the field, the expression lies in the target when the value lies in the inverse image."""
    expr, target, field, values, today = question
    checked(expr, target, field, {name: value for name, value in values.items() if name != field.name}, today)


NUMERIC: list[Callable[[Expr, Expr], Expr]] = [
    lambda x, _: Negate(x),
    lambda x, _: Absolute(x),
    Add,
    lambda x, k: Add(k, x),
    Subtract,
    lambda x, k: Subtract(k, x),
    Multiply,
    lambda x, k: Multiply(k, x),
    Divide,
    lambda x, k: Divide(k, x),
    lambda x, k: Minimum((x, k)),
    lambda x, k: Maximum((k, x)),
    lambda x, k: Coalesce((x, k)),
    lambda x, k: Coalesce((k, x)),
    lambda x, k: Coalesce((Nothing(Number()), x, k)),
    lambda x, k: Coalesce((Divide(k, x), k)),
    lambda x, k: Maximum((x, Add(x, k))),
    lambda x, k: Minimum((Multiply(x, k), x)),
    *(lambda x, _, mode=mode, digits=digits: Round(x, digits, mode) for mode in ROUNDING_MODES for digits in (0, 2)),
]
DATED: list[Callable[[Expr, Expr], Expr]] = [
    *(lambda d, k, unit=unit: AddTime(d, k, unit) for unit in small_programs.TIME_UNITS),
    LatestStart,
    lambda d, _: DaysBetween(d, Today()),
    lambda d, _: DaysBetween(Today(), d),
    lambda d, _: MonthsBetween(d, Today()),
    lambda d, _: MonthsBetween(Today(), d),
    lambda d, _: StartedMonths(d, Today()),
    lambda d, _: StartedMonths(Today(), d),
    lambda d, _: DatePart(d, "year"),
    lambda d, _: Minimum((d, Today())),
    lambda d, _: Maximum((Today(), d)),
    lambda d, k: Coalesce((AddTime(d, k, "month"), Today())),
]
COUNTED: list[Callable[[Expr, Expr], Expr]] = [
    *(lambda d, n, unit=unit: AddTime(d, n, unit) for unit in small_programs.TIME_UNITS),
    LatestStart,
]
CONSTANTS = st.sampled_from([0, 1, -1, 3, -12, 100, Fraction(1, 2), Fraction(-5, 3), 10**12])


@given(st.sampled_from(NUMERIC), CONSTANTS, targets(Number()), st.sampled_from([X, N]), st.booleans())
def test_every_numeric_node_has_an_inverse(
    node: Any,
    constant: Any,
    target: ValueSet,
    field: Field,
    nested: bool,  # noqa: FBT001 - hypothesis passes by position
) -> None:
    """Arithmetic, rounding, the smallest and largest, and `coalesce` with a fixed other side are always known."""
    inner: Expr = Subtract(FieldValue(field.name), number(1)) if nested else FieldValue(field.name)
    assert checked(node(inner, number(constant)), target, field, {})


@given(st.sampled_from(DATED), st.sampled_from([0, 1, -1, 3, 28, -4000, 24_000, -96_000, 10**6]), st.data())
def test_every_date_node_has_an_inverse(node: Any, count: int, data: Any) -> None:
    """Date arithmetic rises or falls with its day, so its inverse image is found, off the calendar too."""
    expr = node(FieldValue("d"), number(count))
    kind: Type = Date() if isinstance(value_of(expr, Scope({"d": TODAY}, {}, TODAY, {}, {})), date) else Integer()
    year = data.draw(st.sampled_from([points_of_days(), targets(kind)])) if kind == Date() else targets(kind)
    assert checked(expr, data.draw(year), D, {})


def points_of_days() -> st.SearchStrategy[ValueSet]:
    """Intervals of days, up to the ends of the calendar."""
    ends = st.sampled_from([date.min, date(1, 1, 31), *plain_days(), date.max])
    return st.builds(lambda one, other: between(min(one, other), max(one, other)), ends, ends)


def plain_days() -> list[Any]:
    """Days of the years that facts have."""
    return [value for value in plain_values(D) if value is not None]


@given(st.sampled_from(COUNTED), st.sampled_from(plain_days()), points_of_days(), st.booleans())
def test_the_amount_of_time_has_an_inverse(node: Any, day: date, target: ValueSet, missing: bool) -> None:  # noqa: FBT001 - hypothesis passes by position
    """How many units lead into a set of days is found as well, missing where the calendar ends."""
    expr = node(Constant(day, Date()), FieldValue("n"))
    assert checked(expr, target | MISSING if missing else target, N, {})


@given(st.sampled_from(["d", "x", "n", "c", "b"]), st.data())
def test_a_condition_has_an_inverse(name: str, data: Any) -> None:
    """`Holds` is known for a field in the tested operand, and for a field that is the border."""
    field = next(one for one in FIELDS if one.name == name)
    target = data.draw(st.sampled_from([point(value=True), point(value=False), MISSING, point(value=True) | MISSING]))
    assert checked(Holds(FieldValue(name), data.draw(cell(field.type))), target, field, {})
    operand: Expr = Constant(data.draw(facts_near(field, [], plain=True)), field.type)
    if data.draw(st.integers(0, 4)) == 0:
        operand = Nothing(field.type)
    border: Expr = FieldValue(name)
    tests: list[Test] = [OneOf((border,)), NotPassing(OneOf((border,))), AnyOf((OneOf((border,)), IsMissing()))]
    if isinstance(field.type, Date | Number | Integer):
        closed = data.draw(st.booleans())
        other = Constant(data.draw(constants_of(field.type)), field.type)
        tests += [
            Within(Bound(border, closed), None),
            Within(None, Bound(border, closed)),
            Within(Bound(border, closed), Bound(other, closed=True)),
        ]
    assert checked(Holds(operand, data.draw(st.sampled_from(tests))), target, field, {})


@pytest.mark.parametrize(
    "target", [between(date.min, None), between(None, date.max), MISSING, between(None, TODAY) | MISSING]
)
@pytest.mark.parametrize("count", [24_000, -96_000])
def test_the_calendar_ends_within_the_inverse_image(target: ValueSet, count: int) -> None:
    """Days whose sum lies beyond the calendar are those that lead to missing, on the side where they lie."""
    assert checked(AddTime(FieldValue("d"), number(count), "month"), target, D, {})
    assert checked(LatestStart(FieldValue("d"), number(count)), target, D, {})


def test_what_does_not_read_the_field_is_all_or_nothing() -> None:
    """An expression without the field lies in the target for every value of the field, or for none."""
    six = Add(FieldValue("y"), number(1))
    everything = preimage(six, between(6, 7), N, fixed_by({"y": 5}))
    assert everything is not None
    assert everything.contains(None)
    assert everything.contains(-(10**30))
    assert preimage(six, between(7, None), N, fixed_by({"y": 5})) == NOTHING
    assert preimage(six, MISSING, N, fixed_by({"y": None})) == everything


def test_a_field_in_two_operands_is_not_known() -> None:
    """Where no inverse is at hand the answer is None, never a guess."""
    x = FieldValue("x")
    assert preimage(Add(x, x), between(1, 2), X, fixed_by({})) is None
    assert preimage(DatePart(FieldValue("d"), "month"), point(3), D, fixed_by({})) is None
    assert preimage(Call("last_digit", (FieldValue("n"),), Integer(), 0, 9), point(3), N, fixed_by({})) is None
    assert preimage(StepValue("table", "out"), point(3), N, fixed_by({})) is None
    assert preimage(Holds(x, OneOf((x,))), point(value=True), X, fixed_by({})) is None


def test_a_field_of_few_values_is_tried() -> None:
    """Sixty-four values or fewer are simply tried, whatever stands between them and the target."""
    few = Field("n", Integer(), optional=True, low=-20, high=30)
    week = Field("d", Date(), low=date(2026, 11, 16), high=date(2026, 11, 29))
    n, d = FieldValue("n"), FieldValue("d")
    assert preimage(Multiply(n, n), between(9, 16), few, fixed_by({})) == union(map(point, (-4, -3, 3, 4)))
    assert preimage(Call("last_digit", (n,), Integer(), 0, 9), MISSING, few, fixed_by({})) == MISSING
    sundays = point(date(2026, 11, 22)) | point(date(2026, 11, 29))
    assert preimage(DatePart(d, "weekday"), point(7), week, fixed_by({})) == sundays
    b = FieldValue("b")
    twice = Holds(b, OneOf((b,)))
    assert preimage(twice, point(value=False), B, fixed_by({})) == MISSING


def test_the_border_of_months_is_the_known_one() -> None:
    """Up to one month ahead of 2026-11-21 is up to 2026-12-21, and in the past too."""
    months = MonthsBetween(Today(), FieldValue("d"))
    found = preimage(Holds(months, Within(None, Bound(number(1), closed=False))), point(value=True), D, fixed_by({}))
    assert found is not None
    assert domain_of(D).grid(found) == between(days.FIRST, date(2026, 12, 20))
    clipped = preimage(AddTime(FieldValue("d"), number(1), "month"), point(date(2026, 2, 28)), D, fixed_by({}))
    assert clipped == between(date(2026, 1, 28), date(2026, 1, 31))


@given(programs(calls=True), st.data())
def test_every_value_lies_in_the_extent(program: Program, data: Any) -> None:
    """Whatever a step or an output can be on a day lies in its bound for that day, and for any day."""
    today = data.draw(todays(program))
    values = data.draw(program_values(program, today))
    answer = evaluate(program, values, today, FUNCTIONS)
    for day in (today, None):
        for step, result in answer.steps.items():
            for name, value in result.values.items():
                assert extent(StepValue(step, name), program, day).contains(value)
        for output in program.outputs if answer.status == "decided" else ():
            assert extent(output.expr, program, day).contains(answer.outputs[output.name])


@given(questions())
def test_every_value_of_an_expression_lies_in_its_extent(question: Any) -> None:
    """The same for expressions over fields alone, which nest more deeply."""
    expr, _, _, values, today = question
    fields = tuple(Field(name, type_of_value(value), optional=True) for name, value in values.items())
    program = Program("p", "1", "k", fields, (), (), ())
    value = value_of(expr, Scope(values, {}, today, {}, FUNCTIONS))
    assert extent(expr, program, today).contains(value)
    assert extent(expr, program, None).contains(value)


def type_of_value(value: Any) -> Type:
    """The widest type of a value."""
    match value:
        case bool():
            return Boolean()
        case str():
            return Text()
        case date():
            return Date()
        case _:
            return Number()


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        (DaysBetween(Today(), FieldValue("d")), between(0, 30) | MISSING),
        (Add(FieldValue("n"), number(1)), between(2, 11)),
        (Multiply(FieldValue("n"), number(-2)), between(-20, -2)),
        (Divide(number(1), FieldValue("n")), between(Fraction(1, 10), 1)),
        (Divide(number(1), Subtract(FieldValue("n"), number(1))), between(Fraction(1, 9), None) | MISSING),
        (Coalesce((FieldValue("d"), Today())), between(date(2026, 11, 21), date(2026, 12, 21))),
        (Round(Divide(FieldValue("n"), number(4)), 0, "half_up"), between(0, 3)),
        (Absolute(Subtract(FieldValue("n"), number(3))), between(0, 7)),
        (Minimum((FieldValue("n"), number(5))), between(1, 5)),
        (MonthsBetween(FieldValue("d"), Today()), between(-1, 0) | MISSING),
        (AddTime(FieldValue("d"), FieldValue("n"), "month"), between(date(2026, 12, 21), date(2027, 10, 21)) | MISSING),
        (DatePart(FieldValue("d"), "year"), point(2026) | MISSING),
        (DatePart(FieldValue("d"), "weekday"), between(1, 7) | MISSING),
        (Holds(FieldValue("d"), IsMissing()), point(value=True) | point(value=False)),
    ],
)  # fmt: skip
def test_an_extent_is_no_wider_than_it_must_be(expr: Expr, expected: ValueSet) -> None:
    """Bounds that are plain to see are found."""
    fields = (
        Field("d", Date(), optional=True, low=date(2026, 11, 21), high=date(2026, 12, 21)),
        Field("n", Integer(), low=1, high=10),
    )
    program = Program("p", "1", "k", fields, (Parameter("blank", Money("CNY")),), (), ())
    assert extent(expr, program, TODAY) == expected


@pytest.mark.parametrize("count", [96_000, -24_000, 5_000_000])
def test_a_date_beyond_the_calendar_may_be_missing(count: int) -> None:
    """Where adding time can leave the years 1 to 9999 the bound has missing."""
    program = Program("p", "1", "k", (Field("d", Date()),), (), (), ())
    for expr in (
        AddTime(FieldValue("d"), number(count), "month"),
        LatestStart(FieldValue("d"), number(-count)),
    ):
        assert extent(expr, program, TODAY).missing
        assert extent(AddTime(expr, number(0), "day"), program, TODAY).missing
    assert not extent(AddTime(FieldValue("d"), number(28), "month"), program, TODAY).missing


def test_pieces_of_an_inverse_image_fit_the_domain() -> None:
    """An inverse image can be cut into pieces like any other set."""
    late = preimage(DaysBetween(FieldValue("d"), Today()), between(31, None), D, fixed_by({}))
    assert late is not None
    first, second = split([late], domain_of(D))
    assert first.set == between(days.FIRST, TODAY - timedelta(31))
    assert second.set == between(TODAY - timedelta(30), days.LAST) | MISSING
