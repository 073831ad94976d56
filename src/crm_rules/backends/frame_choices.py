"""The forms of choices in a frame: chains of conditions, values by their place, texts that bring a separator."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

import narwhals.stable.v2 as nw

from crm_rules.backends.frame_columns import Column, choose
from crm_rules.backends.frame_forms import CHAIN
from crm_rules.backends.frame_numbers import LARGEST, unit_literal
from crm_rules.backends.query import Expr, Fixed, Lookup, When


def with_separator(node: Expr, separator: str) -> Expr | None:
    """A choice between written texts, each with a separator before it; None for other texts."""
    match node:
        case Fixed(str() as value):
            return Fixed(separator + value) if value else node
        case Lookup(operand, values, kind):
            written = [
                Fixed(separator + one.value)
                if isinstance(one, Fixed) and isinstance(one.value, str) and one.value
                else one
                for one in values
            ]
            return Lookup(operand, tuple(written), kind)
        case When(condition, then, otherwise):
            first, second = with_separator(then, separator), with_separator(otherwise, separator)
            return None if first is None or second is None else When(condition, first, second)
        case _:
            return None


def over(expr: nw.Expr, groups: Sequence[str]) -> nw.Expr:
    """A sum over each group, or over all rows."""
    return expr.over(*groups) if groups else expr


def fitting(expr: nw.Expr) -> nw.Expr:
    """A sum in 64 bits, zero where an engine counts it with more and it does not fit."""
    within = (expr >= nw.lit(-LARGEST, nw.Int64())) & (expr <= nw.lit(LARGEST, nw.Int64()))
    return choose(within, expr, nw.lit(0, nw.Int64())).cast(nw.Int64())


def branches(node: Expr) -> Iterator[Expr]:
    """The values that a chain chooses from, the last one too."""
    while isinstance(node, When):
        yield node.then
        node = node.otherwise
    yield node


def in_type(shape: Column, value: Column, node: Expr) -> nw.Expr:
    """A value in the type of the others that it stands beside: a constant among decimals is a decimal."""
    if shape.storage == "decimal" and isinstance(node, Fixed) and isinstance(node.value, int | Fraction):
        return unit_literal(shape, int(Fraction(node.value) * 10**shape.scale))
    return value.expr


def is_long(node: When) -> bool:
    """True for a chain that is halved, so that some conditions are read twice."""
    count, rest = 0, node.otherwise
    while isinstance(rest, When):
        count, rest = count + 1, rest.otherwise
    return count >= CHAIN


def chain(steps: Sequence[tuple[nw.Expr, nw.Expr]], last: nw.Expr) -> nw.Expr:
    """The value of the first step whose condition is true, else the last."""
    if len(steps) > CHAIN:
        first, second = steps[: len(steps) // 2], steps[len(steps) // 2 :]
        # The last step of the first half needs no condition: one of the half's is true.
        inner = chain(first[:-1], first[-1][1])
        one = nw.any_horizontal(*(condition for condition, _ in first), ignore_nulls=False)
        return choose(one, inner, chain(second, last))
    for condition, then in reversed(steps):
        last = choose(condition, then, last)
    return last


def places(place: nw.Expr, values: Sequence[nw.Expr], first: int) -> nw.Expr:
    """The value at a place that is counted from `first`, found by halving the places."""
    if len(values) == 1:
        return values[0]
    half = len(values) // 2
    low, high = places(place, values[:half], first), places(place, values[half:], first + half)
    return choose(place < nw.lit(first + half, nw.Int64()), low, high)
