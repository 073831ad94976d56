"""A record that is found fulfils every wish, and the wishes that policies lead to are found."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from crm_rules.ir.evaluate import Scope, evaluate, parameter_values, value_of
from crm_rules.ir.nodes import (
    Add,
    AddTime,
    Bound,
    Constant,
    DaysBetween,
    Divide,
    Expr,
    FieldValue,
    Holds,
    Maximum,
    MonthsBetween,
    Multiply,
    ParameterValue,
    StepValue,
    Subtract,
    Today,
    Within,
)
from crm_rules.ir.numbers import to_fact
from crm_rules.ir.program import Column, Dated, Derive, Field, Parameter, Program, Row, Table
from crm_rules.ir.record import read_record
from crm_rules.ir.rewrite import descendants
from crm_rules.ir.types import Boolean, Choice, Date, Integer, Money, Number
from crm_rules.questions.sets import MISSING, NOTHING, ValueSet, accepted, between, point, present
from crm_rules.questions.solve import solve
from crm_rules.testing import small_programs
from crm_rules.testing.facts import Draw, program_values, todays
from crm_rules.testing.functions import FUNCTIONS

TODAY = date(2026, 11, 21)
CNY = Money("CNY")
FIELDS = (
    Field("paid", CNY, decimals=2, low=0),
    Field("limit", CNY, low=0),
    Field("factor", Number(), optional=True),
    Field("count", Integer(), low=0, high=1000),
    Field("due", Date()),
    Field("closed", Date(), optional=True),
    Field("kind", Choice(("new", "old"))),
    Field("open", Boolean(), optional=True),
)
TABLE = Table(
    "grades",
    (Column("count", FieldValue("count"), Integer()),),
    (
        Row("few", (Within(None, Bound(Constant(9, Integer()), closed=True)),), (Constant(1, Integer()),)),
        Row("many", (Within(Bound(Constant(10, Integer()), closed=True), None),), (Constant(5, Integer()),)),
    ),
    (("points", Integer()),),
)
NET = Derive("net", Subtract(FieldValue("limit"), FieldValue("paid")), CNY)
PROGRAM = Program("p", "1", "k", FIELDS, (Parameter("most", CNY, (Dated(None, 5000),)),), (TABLE, NET), ())
paid, limit, factor, count, due, closed = (FieldValue(one.name) for one in FIELDS[:6])
TRUE = point(value=True)


def written(value: Any) -> Expr:
    """A written number."""
    return Constant(value, Integer() if isinstance(value, int) else Number())


def fulfilled(values: dict[str, Any], constraints: dict[Expr, ValueSet], program: Program, today: date) -> bool:
    """Whether the values are a record that is accepted and lies in every set, by the reference evaluator."""
    record = {name: to_fact(value) for name, value in values.items()}
    for one in program.fields:
        if one.currency is not None:
            record[one.currency] = "CNY"
    reading = read_record(program, record)
    assert reading.problems == ()
    assert {name: values[name] for name in reading.values} == reading.values
    steps = evaluate(program, values, today, FUNCTIONS).steps
    scope = Scope(values, parameter_values(program, today), today, steps, FUNCTIONS)
    return all(some.contains(value_of(expr, scope)) for expr, some in constraints.items())


@pytest.mark.parametrize(
    "constraints",
    [
        {},
        {paid: between(100, None), closed: MISSING},
        {Subtract(limit, paid): between(None, 0, high_closed=False), limit: between(1000, None)},
        {Add(paid, limit): point(7), paid: between(3, None), limit: between(3, None)},
        {Divide(paid, limit): between(2, 3), limit: between(0, 10)},
        {Divide(paid, limit): MISSING},
        {Multiply(paid, factor): point(-12)},
        {Multiply(paid, factor): MISSING, paid: between(5, 5)},
        {DaysBetween(due, closed): between(31, None), closed: between(None, TODAY)},
        {MonthsBetween(due, closed): point(3), DaysBetween(Today(), due): between(0, 10)},
        {MonthsBetween(due, closed): point(3), DaysBetween(due, closed): point(89)},
        {AddTime(due, count, "day"): between(date(2027, 1, 1), None), due: between(None, TODAY), count: between(1, 90)},
        {Holds(paid, Within(Bound(limit, closed=False), None)): TRUE, limit: between(5_000_000, None)},
        {Holds(closed, Within(None, Bound(due, closed=True))): point(value=False), closed: between(TODAY, TODAY)},
        {Maximum((paid, limit)): between(None, 10), Add(paid, limit): between(15, None)},
        {Subtract(paid, ParameterValue("most")): between(0, 1), Subtract(paid, limit): between(0, 0)},
        {Multiply(count, Multiply(count, count)): between(1, 10)},
        {Add(StepValue("grades", "points"), factor): point(6), factor: point(1)},
        {StepValue("grades", "points"): point(1)},
        {Add(factor, Multiply(count, count)): point(Fraction(123_456_789, 1000)), count: between(50, None)},
        {Add(Multiply(count, count), factor): point(Fraction(123_456_789, 1000)), count: between(50, None)},
    ],
)  # fmt: skip
def test_wishes_that_can_be_fulfilled_are(constraints: dict[Expr, ValueSet]) -> None:
    """Sums, quotients, times between two dates, comparisons of two fields: a record is found for each."""
    found = solve(constraints, PROGRAM, TODAY)
    assert found is not None
    assert found.keys() == {one.name for one in FIELDS}
    assert fulfilled(found, constraints, PROGRAM, TODAY)


@pytest.mark.parametrize(
    "constraints",
    [
        {paid: between(None, 0, high_closed=False)},
        {paid: NOTHING},
        {count: MISSING},
        {Add(paid, limit): between(None, -1)},
        {Subtract(paid, limit): between(1, None), Subtract(limit, paid): between(1, None)},
        {MonthsBetween(due, closed): point(3), DaysBetween(due, closed): point(10)},
    ],
)
def test_wishes_that_cannot_be_fulfilled_have_no_record(constraints: dict[Expr, ValueSet]) -> None:
    """Nothing is made up where there is no record."""
    assert solve(constraints, PROGRAM, TODAY) is None


def test_a_found_record_is_plain() -> None:
    """What nobody asks about takes a plain value, and a day near today; a wish takes its border."""
    found = solve({paid: between(100_000, None), FieldValue("kind"): point("old")}, PROGRAM, TODAY)
    assert found == {
        "paid": 100_000, "limit": 0, "factor": 0, "count": 0,
        "due": TODAY, "closed": TODAY, "kind": "old", "open": False,
    }  # fmt: skip


@st.composite
def wishes(draw: Draw) -> tuple[Program, dict[Expr, ValueSet], date]:
    """A program's fields with expressions over them, each in a set that one record is known to fulfil."""
    fields = small_programs.draw_fields(draw)
    program = Program("p", "1", "k", tuple(fields), (), (), ())
    scope = small_programs.Scope([(FieldValue(one.name), one.type) for one in fields])
    today = draw(todays())
    values = draw(program_values(program, today))
    known = Scope(values, {}, today, {}, FUNCTIONS)
    constraints: dict[Expr, ValueSet] = {}
    for _ in range(draw(st.integers(1, 3))):
        kind = draw(st.sampled_from(small_programs.derivable(scope)))
        expr = small_programs.draw_expr(draw, scope, kind, 2)
        value = value_of(expr, known)
        some = accepted(
            small_programs.draw_test(draw, small_programs.Scope(), kind), kind, lambda one: value_of(one, known)
        )
        constraints[expr] = some if some.contains(value) else (present(kind) | MISSING) - some
    return program, constraints, today


@given(wishes())
def test_what_is_found_fulfils_every_wish(question: Any) -> None:
    """Whatever the expressions, a record that is found is accepted and lies in all the sets."""
    program, constraints, today = question
    found = solve(constraints, program, today, FUNCTIONS)
    assert found is None or fulfilled(found, constraints, program, today)


@given(wishes())
def test_a_wish_about_one_or_two_fields_is_found(question: Any) -> None:
    """One wish over at most two fields, each of which stands in it once, is fulfilled when some record does."""
    program, constraints, today = question
    expr, some = next(iter(constraints.items()))
    read = [node for node in descendants(expr) if isinstance(node, FieldValue)]
    assume(len(read) == len(set(read)) <= 2)
    assert solve({expr: some}, program, today, FUNCTIONS) is not None
