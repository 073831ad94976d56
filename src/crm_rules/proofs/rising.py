"""Whether the value of an expression only rises, or only falls, with one field."""

from __future__ import annotations

from typing import Any, assert_never

from crm_rules.ir.nodes import (
    Absolute,
    Add,
    AddTime,
    Call,
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
    Nothing,
    ParameterValue,
    Round,
    StartedMonths,
    StepValue,
    Subtract,
    Today,
)
from crm_rules.ir.program import Program
from crm_rules.questions.extent import extent
from crm_rules.questions.space import fields_of


def direction_of(  # noqa: C901, PLR0911, PLR0912 - one case a node
    expr: Expr, field: str, program: Program
) -> int | None:
    """1 when the value never falls as the field rises, -1 when it never rises, 0 without the field; None: unknown."""
    if field not in fields_of(expr):
        return 0

    def of(one: Expr) -> int | None:
        return direction_of(one, field, program)

    match expr:
        case FieldValue():
            return 1
        case Negate(operand):
            return turned(of(operand))
        case Add(left, right):
            return together(of(left), of(right))
        case Subtract(left, right) | DaysBetween(right, left) | MonthsBetween(right, left) | StartedMonths(right, left):
            return together(of(left), turned(of(right)))
        case Multiply(operand, Constant(value)) | Multiply(Constant(value), operand) | Divide(operand, Constant(value)):
            factor: Any = value
            return of(operand) if factor >= 0 else turned(of(operand))
        case Minimum(operands) | Maximum(operands):
            return together(*map(of, operands))
        case Coalesce(operands):
            first = operands[0]
            return of(first) if not extent(first, program, None).missing else None
        case AddTime(start, amount):
            return together(of(start), of(amount))
        case LatestStart(end, months):
            return together(of(end), turned(of(months)))
        case Round(operand):
            return of(operand)
        case DatePart(operand, part):
            return of(operand) if part == "year" else None
        case Multiply() | Divide() | Absolute() | Holds() | Call():
            return None
        case Constant() | Nothing() | ParameterValue() | StepValue() | Today():
            return 0
        case _:
            assert_never(expr)


def turned(direction: int | None) -> int | None:
    """The direction of the negative."""
    return None if direction is None else -direction


def together(*directions: int | None) -> int | None:
    """The direction of what rises with each of its parts."""
    found = {one for one in directions if one != 0}
    return 0 if not found else next(iter(found)) if len(found) == 1 else None
