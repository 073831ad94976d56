"""Whether an expression rises or falls with a field: what is said holds for all neighbouring values."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest

from crm_rules.ir.evaluate import Scope, value_of
from crm_rules.ir.nodes import (
    Absolute,
    Add,
    AddTime,
    Coalesce,
    Constant,
    DatePart,
    DaysBetween,
    Divide,
    Expr,
    FieldValue,
    Holds,
    LatestStart,
    Maximum,
    Minimum,
    MonthsBetween,
    Multiply,
    Negate,
    Round,
    StartedMonths,
    Subtract,
    Today,
    Within,
)
from crm_rules.ir.program import Field, Program
from crm_rules.ir.types import Date, Integer, Number
from crm_rules.proofs.rising import direction_of

X, Y, DAY, LATE = FieldValue("x"), FieldValue("y"), FieldValue("day"), FieldValue("late")
TWO, MINUS, ZERO = Constant(2, Integer()), Constant(-2, Integer()), Constant(0, Integer())
FIELDS = (
    Field("x", Number()),
    Field("y", Number(), optional=True),
    Field("day", Date()),
    Field("late", Date(), optional=True),
)
PROGRAM = Program("p", "1", "table", FIELDS, (), (), ())
TODAY = date(2026, 1, 31)
KNOWN: dict[str, tuple[Expr, str, int | None]] = {
    "the field": (X, "x", 1),
    "another field": (Y, "x", 0),
    "negated": (Negate(X), "x", -1),
    "a sum": (Add(X, Add(X, TWO)), "x", 1),
    "a difference": (Subtract(TWO, X), "x", -1),
    "against itself": (Subtract(X, X), "x", None),
    "times a constant": (Multiply(X, TWO), "x", 1),
    "a constant times": (Multiply(MINUS, X), "x", -1),
    "times zero": (Multiply(X, ZERO), "x", 1),
    "divided": (Divide(X, MINUS), "x", -1),
    "times itself": (Multiply(X, X), "x", None),
    "without its sign": (Absolute(X), "x", None),
    "rounded": (Round(X, 0, "half_even"), "x", 1),
    "the larger": (Maximum((X, TWO, Add(X, TWO))), "x", 1),
    "the smaller of opposites": (Minimum((X, Negate(X))), "x", None),
    "or else": (Coalesce((X, TWO)), "x", 1),
    "perhaps missing": (Coalesce((Y, TWO)), "y", None),
    "tested": (Holds(X, Within(None, None)), "x", None),
    "days after": (AddTime(DAY, TWO, "day"), "day", 1),
    "months after": (AddTime(DAY, TWO, "month"), "day", 1),
    "days until": (DaysBetween(Today(), DAY), "day", 1),
    "days since": (DaysBetween(DAY, Today()), "day", -1),
    "months since": (MonthsBetween(DAY, Today()), "day", -1),
    "started months until": (StartedMonths(Today(), DAY), "day", 1),
    "latest start": (LatestStart(DAY, TWO), "day", 1),
    "the year": (DatePart(DAY, "year"), "day", 1),
    "the weekday": (DatePart(DAY, "weekday"), "day", None),
}


@pytest.mark.parametrize("name", KNOWN)
def test_a_direction_holds_from_value_to_value(name: str) -> None:
    """The direction is the expected one, and no step of the field goes against it."""
    expr, field, expected = KNOWN[name]
    assert direction_of(expr, field, PROGRAM) == expected
    if expected is None:
        return
    facts: list[Any] = (
        [date(2025, 11, 20) + timedelta(days=step) for step in range(150)]
        if field == "day"
        else [Fraction(step, 2) for step in range(-9, 10)]
    )
    given: dict[str, Any] = {"x": 1, "y": 3, "day": TODAY, "late": None}
    values: list[Any] = [value_of(expr, Scope({**given, field: fact}, {}, TODAY, {}, {})) for fact in facts]
    steps = {(after > before) - (after < before) for before, after in pairwise(values)}
    assert steps <= {0, expected}
