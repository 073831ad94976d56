"""Conditions and small integers of a query in their simplest form: what is known is not asked or computed again."""

from __future__ import annotations

from crm_rules.backends.query import (
    NO_NOTES,
    Add,
    Every,
    Expr,
    Fixed,
    FloorDivide,
    Multiply,
    Not,
    Notes,
    Some,
    Subtract,
    When,
)

TRUE = Fixed(value=True)
FALSE = Fixed(value=False)


def is_true(condition: Expr) -> bool:
    """True for the condition that always holds; the integer one is no condition, though Python takes both for equal."""
    return isinstance(condition, Fixed) and condition.value is True


def is_false(condition: Expr) -> bool:
    """True for the condition that never holds."""
    return isinstance(condition, Fixed) and condition.value is False


def every(*conditions: Expr) -> Expr:
    """True where all are; true when there are none."""
    found: dict[Expr, None] = {}
    for condition in conditions:
        if is_false(condition):
            return FALSE
        if not is_true(condition):
            found |= dict.fromkeys(condition.operands if isinstance(condition, Every) else (condition,))
    operands = tuple(found)
    if not operands:
        return TRUE
    return operands[0] if len(operands) == 1 else Every(operands)


def some(*conditions: Expr) -> Expr:
    """True where one is; false when there are none."""
    found: dict[Expr, None] = {}
    for condition in conditions:
        if is_true(condition):
            return TRUE
        if not is_false(condition):
            found |= dict.fromkeys(condition.operands if isinstance(condition, Some) else (condition,))
    operands = tuple(found)
    if not operands:
        return FALSE
    return operands[0] if len(operands) == 1 else Some(operands)


def no(condition: Expr) -> Expr:
    """True where the condition is false."""
    if is_true(condition):
        return FALSE
    if is_false(condition):
        return TRUE
    return condition.operand if isinstance(condition, Not) else Not(condition)


def when(condition: Expr, then: Expr, otherwise: Expr, notes: Notes = NO_NOTES) -> Expr:  # noqa: PLR0911 - one case a form
    """`then` where the condition is true, else `otherwise`."""
    if is_true(condition) or then == otherwise:
        return then
    if is_false(condition):
        return otherwise
    if is_true(then):
        return some(condition, otherwise)
    if is_false(then):
        return every(no(condition), otherwise)
    if is_true(otherwise):
        return some(no(condition), then)
    if is_false(otherwise):
        return every(condition, then)
    return When(condition, then, otherwise, notes)


# Integers that stay far from 64 bits


def plus(left: Expr, right: Expr) -> Expr:
    """The sum of two integers."""
    match left, right:
        case Fixed(int(a)), Fixed(int(b)):
            return Fixed(a + b)
        case (Fixed(0), other) | (other, Fixed(0)):
            return other
        case _:
            return Add(left, right)


def minus(left: Expr, right: Expr) -> Expr:
    """The difference of two integers."""
    match left, right:
        case Fixed(int(a)), Fixed(int(b)):
            return Fixed(a - b)
        case _, Fixed(0):
            return left
        case _:
            return Subtract(left, right)


def times(number: int, expr: Expr) -> Expr:
    """An integer so many times."""
    return Fixed(number * expr.value) if isinstance(expr, Fixed) else Multiply(Fixed(number), expr)  # type: ignore[operator]


def divided(expr: Expr, number: int) -> Expr:
    """The largest integer not above the quotient of an integer and a number above zero."""
    return Fixed(expr.value // number) if isinstance(expr, Fixed) else FloorDivide(expr, Fixed(number))  # type: ignore[operator]


def rest(expr: Expr, number: int) -> Expr:
    """What is left of an integer after division by a number above zero."""
    return minus(expr, times(number, divided(expr, number)))
