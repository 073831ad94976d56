"""Exact arithmetic of counted operands: quotients, rounding, signs, the smallest and the largest."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import reduce
from typing import Literal, assert_never

from crm_rules.backends.query import (
    Absolute,
    Compare,
    DayAt,
    Expr,
    Fixed,
    FloorDivide,
    Greatest,
    Least,
    Multiply,
    Negate,
    Subtract,
)
from crm_rules.backends.query_logic import FALSE, every, is_false, no, some, when
from crm_rules.backends.query_operand import (
    Limits,
    Operand,
    added,
    alike,
    as_counted,
    chosen,
    compared,
    constant,
    counted_constant,
    day_number,
    divisor_of,
    first_state,
    multiplied,
)
from crm_rules.ir.numbers import RoundingMode


def negated(operand: Operand) -> Operand:
    """The operand with the other sign."""
    operand = as_counted(operand)
    if isinstance(operand.expr, Fixed):
        expr: Expr = Fixed(-operand.expr.value)  # type: ignore[operator]
    else:
        expr = Negate(operand.expr)
    return replace(operand, expr=expr, low=-operand.high, high=-operand.low)


def absolute(operand: Operand) -> Operand:
    """The operand without its sign."""
    operand = as_counted(operand)
    if operand.low >= 0:
        return operand
    high = max(abs(operand.low), abs(operand.high))
    return replace(operand, expr=Absolute(operand.expr), low=0, high=high)


def product(left: Operand, right: Operand, limits: Limits) -> Operand:
    """Left × right."""
    left, right = as_counted(left), as_counted(right)
    unless = some(left.missing, right.missing)
    found = multiplied(replace(left, divisor=None), replace(right, divisor=None), limits, unless)
    if left.divisor is None and right.divisor is None:
        return found
    divisor = multiplied(divisor_of(left), divisor_of(right), limits, unless)
    return replace(found, divisor=divisor.expr, most=divisor.high)


def quotient(left: Operand, right: Operand, limits: Limits) -> Operand:
    """Left / right; missing where right is zero."""
    left, right = as_counted(left), as_counted(right)
    value = right.constant
    if isinstance(value, int | Fraction):
        if value == 0:
            return constant(None)
        return product(left, counted_constant(1 / Fraction(value)), limits)
    zero = Compare("=", right.expr, Fixed(0))
    missing = (
        some(left.missing, right.missing, zero) if right.low <= 0 <= right.high else some(left.missing, right.missing)
    )
    state = first_state(left.state, right.state)
    upper = multiplied(replace(left, divisor=None), divisor_of(right), limits, missing)
    lower = multiplied(divisor_of(left), absolute(replace(right, divisor=None)), limits, missing)
    divisor = lower.expr if right.low > 0 or right.high < 0 else when(zero, Fixed(1), lower.expr)
    expr = upper.expr
    if right.low < 0:
        expr = when(Compare("<", right.expr, Fixed(0)), Negate(expr), expr)
    high = max(abs(upper.low), abs(upper.high))
    low = upper.low if right.low >= 0 else -high
    scale = left.scale - right.scale
    found = Operand(expr, "counted", missing, state, 0, low, high)
    if scale < 0:
        found, scale = multiplied(found, counted_constant(10**-scale), limits, missing), 0
    return replace(found, scale=scale, divisor=divisor, most=lower.high)


def rounded(operand: Operand, digits: int, mode: RoundingMode, limits: Limits) -> Operand:
    """The operand rounded to `digits` decimals; `ir.numbers.rounded` on integers."""
    operand = as_counted(operand)
    if operand.divisor is None and digits >= operand.scale:
        return operand
    upper, lower = replace(operand, divisor=None, scale=0), divisor_of(operand)
    power = counted_constant(10 ** abs(digits - operand.scale))
    if digits >= operand.scale:
        upper = multiplied(upper, power, limits)
    else:
        lower = multiplied(lower, power, limits, operand.missing)
    whole = FloorDivide(upper.expr, lower.expr)
    up = rounds_up(upper.expr, lower.expr, whole, mode)
    low, high = min(upper.low, 0) // max(lower.low, 1), max(upper.high, 0) // max(lower.low, 1)
    found = Operand(whole, "counted", upper.missing, upper.state, 0, low, high)
    if not is_false(up):
        step = Operand(when(up, Fixed(1), Fixed(0)), "counted", low=0, high=1)
        found = added(found, step, limits)
    if digits < 0:
        return multiplied(found, counted_constant(10**-digits), limits)
    return replace(found, scale=digits)


def rounds_up(  # noqa: PLR0911 - one case a mode
    upper: Expr, lower: Expr, whole: Expr, mode: RoundingMode
) -> Expr:
    """Where upper / lower is rounded to the integer above `whole`, the largest one that is not above it."""
    rest = Subtract(upper, Multiply(whole, lower))
    ahead = Subtract(lower, rest)  # how far the next integer is; twice the rest might leave 64 bits
    positive = Compare(">=", upper, Fixed(0))
    inexact, over, half = Compare(">", rest, Fixed(0)), Compare(">", rest, ahead), Compare("=", rest, ahead)
    match mode:
        case "floor":
            return FALSE
        case "ceiling":
            return inexact
        case "down":
            return every(no(positive), inexact)
        case "up":
            return every(positive, inexact)
        case "half_up":
            return some(over, every(half, positive))
        case "half_down":
            return some(over, every(half, no(positive)))
        case "half_even":
            odd = Compare("=", Subtract(whole, Multiply(Fixed(2), FloorDivide(whole, Fixed(2)))), Fixed(1))
            return some(over, every(half, odd))
        case _:
            assert_never(mode)


def extreme(operands: list[Operand], which: Literal["least", "greatest"], limits: Limits) -> Operand:
    """The smallest or largest of the operands, dates too; missing when one of them is."""
    missing = some(*(operand.missing for operand in operands))
    state = first_state(*(operand.state for operand in operands))
    return replace(
        reduce(lambda one, other: one_of_two(one, other, which, limits), operands), missing=missing, state=state
    )


def one_of_two(one: Operand, other: Operand, which: Literal["least", "greatest"], limits: Limits) -> Operand:
    """The smaller or larger of two operands that are there."""
    node = Least if which == "least" else Greatest
    pick = min if which == "least" else max
    if "nothing" in {one.form, other.form}:
        return constant(None)
    if one.form == "day":
        return Operand(DayAt(node((day_number(one), day_number(other)))), "day")
    one, other = alike(one, other, limits)
    if one.form == "stored":
        first, second = one, other

        def counted() -> Operand:
            return one_of_two(as_counted(first), as_counted(second), which, limits)

        return replace(one, expr=node((one.expr, other.expr)), counted=counted)
    if one.divisor is not None:
        smaller = compared("<=", one, other, limits)
        return chosen(smaller if which == "least" else no(smaller), one, other, limits)
    low, high = pick(one.low, other.low), pick(one.high, other.high)
    return replace(one, expr=node((one.expr, other.expr)), low=low, high=high)
