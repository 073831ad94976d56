"""Printed columns: a narwhals expression and how its values are stored, and the constants of each kind."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, assert_never

import narwhals.stable.v2 as nw

from crm_rules.backends.query import Comparison, Kind, Storage
from crm_rules.dataclass import dataclass

if TYPE_CHECKING:
    from narwhals.stable.v2.dtypes import DType


@dataclass(frozen=True, slots=True)
class Column:
    """A printed expression: how its values are stored, its type, and the digits of a decimal."""

    expr: nw.Expr
    storage: Storage
    dtype: DType
    precision: int = 0
    scale: int = 0


def like(column: Column, expr: nw.Expr) -> Column:
    """Another expression whose values are stored in the same way."""
    return Column(expr, column.storage, column.dtype, column.precision, column.scale)


def boolean(expr: nw.Expr) -> Column:
    """A column of truth values."""
    return Column(expr, "boolean", nw.Boolean())


def integer(expr: nw.Expr) -> Column:
    """A column of 64-bit integers."""
    return Column(expr, "integer", nw.Int64())


def number(expr: nw.Expr) -> Column:
    """A column of 64-bit floats."""
    return Column(expr, "float", nw.Float64())


def text(expr: nw.Expr) -> Column:
    """A column of texts."""
    return Column(expr, "text", nw.String())


def day(expr: nw.Expr) -> Column:
    """A column of days."""
    return Column(expr, "date", nw.Date())


def fixed(value: bool | int | Fraction | str | date) -> Column:  # noqa: FBT001 - a value among others
    """A constant as a column; a number that is no integer is the nearest float."""
    match value:
        case bool():
            return boolean(nw.lit(value, nw.Boolean()))
        case int():
            return integer(nw.lit(value, nw.Int64()))
        case Fraction():
            return number(nw.lit(float(value), nw.Float64()))
        case str():
            return text(nw.lit(value))
        case date():
            return day(nw.lit(value))
        case _:
            assert_never(value)


def null(kind: Kind) -> Column:
    """The null of a kind."""
    match kind:
        case "boolean":
            return boolean(nw.lit(None, nw.Boolean()))
        case "integer":
            return integer(nw.lit(None, nw.Int64()))
        case "number":
            return number(nw.lit(None, nw.Float64()))
        case "text":
            return text(nw.lit(None, nw.String()))
        case "day":
            return day(nw.lit(None, nw.Date()))
        case _:
            assert_never(kind)


def decimal(units: int, scale: int) -> Decimal:
    """The decimal of so many units, with its zeros."""
    return Decimal((int(units < 0), tuple(map(int, str(abs(units)))), -scale))


def choose(condition: nw.Expr, then: nw.Expr, otherwise: nw.Expr) -> nw.Expr:
    """`then` where the condition is true, else `otherwise`."""
    return nw.when(condition).then(then).otherwise(otherwise)


def compare(op: Comparison, left: nw.Expr, right: nw.Expr) -> nw.Expr:
    """Left op right, of two columns or a column and a constant of its type."""
    match op:
        case "<":
            return left < right
        case "<=":
            return left <= right
        case "=":
            return left == right
        case "!=":
            return left != right
        case ">=":
            return left >= right
        case ">":
            return left > right
        case _:
            assert_never(op)
