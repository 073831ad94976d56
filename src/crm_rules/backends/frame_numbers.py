"""The forms of numbers in a frame: constants in the type of a column, decimals counted, divisions rounded down.

Stored decimals are never multiplied: each engine keeps other digits of a product. They are cut at the point instead,
and each part is small enough to be counted exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import narwhals.stable.v2 as nw

from crm_rules.backends.frame_columns import Column, choose, compare, decimal
from crm_rules.backends.query import Comparison, Fixed

EXACT = 2**53  # a float holds every integer up to here
LARGEST = 2**63 - 1


def compare_number(op: Comparison, column: Column, border: Fraction) -> nw.Expr:
    """A number compared with a constant, which takes the type of the column; it need not be one of its values."""
    if column.storage == "float":
        return compare(op, column.expr, nw.lit(float(border)))
    units = border * 10**column.scale
    whole = units.numerator // units.denominator
    if units.denominator != 1:
        if op in {"=", "!="}:
            return always(column, answer=op == "!=")
        op, whole = ("<=", whole) if op in {"<", "<="} else (">=", whole + 1)
    if abs(whole) > largest(column):
        return always(column, answer=op == "!=" or ((op in {"<", "<="}) == (whole > 0) and op != "="))
    return compare(op, column.expr, unit_literal(column, whole))


def one_of(column: Column, values: Sequence[Fixed]) -> nw.Expr:
    """True where the column has one of the values."""
    found: list[object] = []
    for value in (one.value for one in values):
        if isinstance(value, bool) or not isinstance(value, int | Fraction):
            found.append(value)
        elif column.storage == "float":
            found.append(float(value))
        else:
            units = Fraction(value) * 10**column.scale
            if units.denominator == 1 and abs(units) <= largest(column):
                whole = int(units)
                found.append(decimal(whole, column.scale) if column.storage == "decimal" else whole)
    return column.expr.is_in(found) if found else always(column, answer=False)


def always(column: Column, *, answer: bool) -> nw.Expr:
    """The same answer in every row; asked of the column, because a bare constant has one row in some engines."""
    found = column.expr.is_null()
    return found | ~found if answer else found & ~found


def largest(column: Column) -> int:
    """The largest number of units that the column's type holds."""
    return 10**column.precision - 1 if column.storage == "decimal" else LARGEST


def unit_literal(column: Column, units: int) -> nw.Expr:
    """A constant of the column's type, so many units of its last decimal."""
    if column.storage == "decimal":
        return nw.lit(decimal(units, column.scale), nw.Decimal(column.precision, column.scale))
    return nw.lit(units, nw.Int64())


def scaled(column: Column, digits: int) -> nw.Expr:
    """The integer nearest to a number times a power of ten; of zero, where that is beyond what a float counts."""
    found = column.expr
    fits = countable(column, digits)
    factor = nw.lit(10**digits, nw.Int64())
    if column.storage == "integer":
        return choose(fits, found, nw.lit(0, nw.Int64())) * factor
    if column.storage == "float":
        return nearest(choose(fits, found, nw.lit(0.0)), digits)
    column = wide(column)
    safe = choose(fits, column.expr, unit_literal(column, 0))
    whole = safe.floor()
    return whole.cast(nw.Int64()) * factor + nearest((safe - whole).cast(nw.Float64()), digits)


def countable(column: Column, digits: int) -> nw.Expr:
    """True for a number whose multiple by a power of ten a float counts."""
    most = Fraction(EXACT, 10**digits)
    return compare_number("<=", column, most) & compare_number(">=", column, -most)


def wide(column: Column) -> Column:
    """A decimal with room for another digit, which the largest ones take when they are rounded down."""
    dtype = nw.Decimal(column.precision + 1, column.scale)
    return Column(column.expr.cast(dtype), "decimal", dtype, column.precision + 1, column.scale)


def is_count(column: Column, units: nw.Expr, digits: int) -> nw.Expr:
    """True where a decimal is exactly so many units of 10**-digits: it has no further decimals."""
    same = scaled(column, digits) == units
    if column.scale <= digits:
        return same
    column = wide(column)
    rest = choose(countable(column, digits), column.expr, unit_literal(column, 0))
    part = (rest - rest.floor()).cast(nw.Float64())
    shorter = nearest(part, digits) * nw.lit(10 ** (column.scale - digits), nw.Int64())
    return same & (nearest(part, column.scale) == shorter)


def nearest(expr: nw.Expr, digits: int) -> nw.Expr:
    """The integer nearest to a float times a power of ten."""
    return (expr * nw.lit(float(10**digits))).round(0).cast(nw.Int64())


def is_whole(column: Column) -> nw.Expr:
    """True where a number is an integer; every float beyond 2**53 is one."""
    if column.storage == "integer":
        return always(column, answer=True)
    if column.storage == "decimal":
        expr = wide(column).expr
        return expr == expr.floor()
    within = (column.expr <= nw.lit(float(EXACT))) & (column.expr >= nw.lit(float(-EXACT)))
    safe = choose(within, column.expr, nw.lit(0.0))
    return safe == safe.floor()


def floor_by_steps(left: nw.Expr, right: nw.Expr) -> nw.Expr:
    """The quotient rounded down, where an engine divides floats: the quotient's own rest is divided again.

    The first quotient is wrong by 2**11 at most, so the second is exact up to the direction of its rounding.
    """
    first = (left.cast(nw.Float64()) / right.cast(nw.Float64())).floor().cast(nw.Int64())
    rest = left - first * right
    second = (rest.cast(nw.Float64()) / right.cast(nw.Float64())).floor().cast(nw.Int64())
    last = rest - second * right
    step = choose(last < nw.lit(0, nw.Int64()), nw.lit(-1, nw.Int64()), nw.lit(0, nw.Int64()))
    return first + second + choose(last >= right, nw.lit(1, nw.Int64()), step)


def sum_of_halves(whole: nw.Expr) -> nw.Expr:
    """The float nearest to an integer, rounded once: each half has a float of its own."""
    half = nw.lit(2**32, nw.Int64())
    high = whole // half
    low = whole - high * half
    return high.cast(nw.Float64()) * nw.lit(float(2**32)) + low.cast(nw.Float64())
