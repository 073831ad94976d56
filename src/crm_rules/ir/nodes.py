"""The closed union of nodes: expressions that have a value, and tests that a value passes or not.

A node is data; its docstring is its meaning and `evaluate` is the code of that sentence. A
*missing* operand makes an expression missing, unless its docstring says otherwise. A test is
unary: a table puts one test in each cell and says in its column which expression is tested, so
that every table is a set of boxes (see `program`). Adding a node here breaks every interpreter
at type-check time, which is the intention.
"""

from __future__ import annotations

from datetime import date
from typing import Literal, TypeAlias

from crm_rules.dataclass import dataclass
from crm_rules.ir.numbers import Exact, RoundingMode
from crm_rules.ir.types import Type

Value: TypeAlias = bool | Exact | str | date | tuple["Value", ...]
TimeUnit: TypeAlias = Literal["day", "week", "month", "year"]
Part: TypeAlias = Literal["year", "month", "day", "weekday"]


# Expressions


@dataclass(frozen=True, slots=True)
class Constant:
    """A value written in the policy."""

    value: Value
    type: Type


@dataclass(frozen=True, slots=True)
class Nothing:
    """The missing value of a type, written `missing` in an optional output."""

    type: Type


@dataclass(frozen=True, slots=True)
class FieldValue:
    """The value of a declared field in the record; missing where the record has none."""

    name: str


@dataclass(frozen=True, slots=True)
class ParameterValue:
    """The value of a parameter on the day `today`."""

    name: str


@dataclass(frozen=True, slots=True)
class StepValue:
    """The value that an earlier step gave to `output`; undecided when that step is undecided."""

    step: str
    output: str


@dataclass(frozen=True, slots=True)
class Today:
    """The day the decision is made for: an argument, never the clock."""


@dataclass(frozen=True, slots=True)
class Negate:
    """The operand with the other sign."""

    operand: Expr


@dataclass(frozen=True, slots=True)
class Add:
    """left + right, exactly."""

    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Subtract:
    """left - right, exactly."""

    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Multiply:
    """left × right, exactly."""

    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Divide:
    """left / right, exactly; missing when right is zero."""

    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Absolute:
    """The operand without its sign."""

    operand: Expr


@dataclass(frozen=True, slots=True)
class Round:
    """The operand rounded to `digits` decimals by the stated mode."""

    operand: Expr
    digits: int
    mode: RoundingMode


@dataclass(frozen=True, slots=True)
class Minimum:
    """The smallest (earliest) of the operands; missing when one of them is."""

    operands: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Maximum:
    """The largest (latest) of the operands; missing when one of them is."""

    operands: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Coalesce:
    """The first operand that is not missing; missing when all are. Later operands are not looked at."""

    operands: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class AddTime:
    """The date plus `amount` units; months and years clip to the month's end; missing outside years 1-9999."""

    start: Expr
    amount: Expr
    unit: TimeUnit


@dataclass(frozen=True, slots=True)
class DaysBetween:
    """Whole days from start to end, negative when end is earlier."""

    start: Expr
    end: Expr


@dataclass(frozen=True, slots=True)
class MonthsBetween:
    """The largest n with start + n months <= end."""

    start: Expr
    end: Expr


@dataclass(frozen=True, slots=True)
class StartedMonths:
    """The smallest n >= 0 with end <= start + n months."""

    start: Expr
    end: Expr


@dataclass(frozen=True, slots=True)
class LatestStart:
    """The latest day d with d + `months` months <= end: the border of MonthsBetween seen from its start."""

    end: Expr
    months: Expr


@dataclass(frozen=True, slots=True)
class DatePart:
    """A part of a date as a whole number; weekday counts Monday as 1."""

    operand: Expr
    part: Part


@dataclass(frozen=True, slots=True)
class Holds:
    """True when the operand passes the test, else false; never missing."""

    operand: Expr
    test: Test


@dataclass(frozen=True, slots=True)
class Call:
    """A function of a plug-in, by its registered name, with its declared type and attained range."""

    function: str
    arguments: tuple[Expr, ...]
    type: Type
    low: Exact | None = None
    high: Exact | None = None


Expr: TypeAlias = (
    Constant
    | Nothing
    | FieldValue
    | ParameterValue
    | StepValue
    | Today
    | Negate
    | Add
    | Subtract
    | Multiply
    | Divide
    | Absolute
    | Round
    | Minimum
    | Maximum
    | Coalesce
    | AddTime
    | DaysBetween
    | MonthsBetween
    | StartedMonths
    | LatestStart
    | DatePart
    | Holds
    | Call
)


# Tests


@dataclass(frozen=True, slots=True)
class Anything:
    """Every value passes, missing included."""


@dataclass(frozen=True, slots=True)
class IsMissing:
    """Only a missing value passes."""


@dataclass(frozen=True, slots=True)
class IsPresent:
    """Every value passes but a missing one."""


@dataclass(frozen=True, slots=True)
class OneOf:
    """A present value equal to one of `values` passes."""

    values: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Bound:
    """One end of an interval; `closed` when the end itself belongs to it."""

    at: Expr
    closed: bool


@dataclass(frozen=True, slots=True)
class Within:
    """A present value between the bounds passes; an absent bound is no bound."""

    low: Bound | None
    high: Bound | None


@dataclass(frozen=True, slots=True)
class NotPassing:
    """A present value that fails `test` passes; a missing value never does."""

    test: Test


@dataclass(frozen=True, slots=True)
class AnyOf:
    """A value that passes one of the tests passes."""

    tests: tuple[Test, ...]


Test: TypeAlias = Anything | IsMissing | IsPresent | OneOf | Within | NotPassing | AnyOf

ANYTHING = Anything()
