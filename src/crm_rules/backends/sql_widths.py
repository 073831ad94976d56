"""How large the integers of an expression are that have no 64 bits by their origin.

Literals have 32 bits in most databases, and so have their sums and products, which raise where they leave them. Every
other integer of a query is made with 64 bits.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Final, TypeAlias

from crm_rules.backends.query import (
    Absolute,
    Add,
    Expr,
    Fixed,
    FloorDivide,
    Greatest,
    Least,
    Lookup,
    Multiply,
    Named,
    Negate,
    Null,
    Subtract,
    When,
)
from crm_rules.backends.sql_chains import values_of

Widths: TypeAlias = Mapping[str, int | None]  # of items: the largest value, None where it has 64 bits
LARGEST_NARROW: Final = 2**31 - 1


def fits(expr: Expr, items: Widths) -> bool:
    """True where the integer needs no 64 bits."""
    found = width(expr, items)
    return found is not None and found <= LARGEST_NARROW


def width(expr: Expr, items: Widths) -> int | None:  # noqa: PLR0911 - one case a node
    """The largest value of an integer that is made of literals; None for what has 64 bits by its origin."""
    match expr:
        case Fixed(int() as value):
            return None if abs(value) > LARGEST_NARROW else abs(value)
        case Null():
            return 0
        case Named(name):
            return items.get(name)
        case When():
            return largest([width(value, items) for value in values_of(expr)])
        case Lookup(_, values):
            return largest([width(value, items) for value in values])
        case Add(left, right) | Subtract(left, right):
            found = widths_of(left, right, items)
            return None if found is None else sum(found)
        case Multiply(left, right):
            found = widths_of(left, right, items)
            return None if found is None else prod(found)
        case Negate(operand) | Absolute(operand) | FloorDivide(operand, _):
            return width(operand, items)
        case Least(operands) | Greatest(operands):
            return largest([width(operand, items) for operand in operands])
        case _:
            return None


def widths_of(left: Expr, right: Expr, items: Widths) -> tuple[int, int] | None:
    """The widths of two operands, None where one has 64 bits."""
    first, second = width(left, items), width(right, items)
    return None if first is None or second is None else (first, second)


def largest(widths: list[int | None]) -> int | None:
    """The largest width, None where one has 64 bits."""
    known = [width for width in widths if width is not None]
    return max(known, default=0) if len(known) == len(widths) else None
