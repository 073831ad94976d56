"""The forms of days in a frame: numbers of days, days of numbers, parts, and times of day."""

from __future__ import annotations

from typing import assert_never

import narwhals.stable.v2 as nw

from crm_rules.backends.frame_columns import Column, choose
from crm_rules.backends.query import DayField

BEFORE = 719_469  # the days from the calendar's own beginning, 0000-02-29, to 1970-01-01


def whole(value: int) -> nw.Expr:
    """An integer of 64 bits."""
    return nw.lit(value, nw.Int64())


def day_part(expr: nw.Expr, part: DayField) -> nw.Expr:
    """A part of a day, in 64 bits: some engines count months in 8, where twelve hundred is negative."""
    match part:
        case "year":
            found = expr.dt.year()
        case "month":
            found = expr.dt.month()
        case "day":
            found = expr.dt.day()
        case _:
            assert_never(part)
    return found.cast(nw.Int64())


def is_midnight(column: Column) -> nw.Expr:
    """True where a date and time has no time of day."""
    return column.expr.cast(nw.Date()).cast(column.dtype) == column.expr


def floored(expr: nw.Expr, divisor: int) -> nw.Expr:
    """A small quotient rounded down; a half is added, so that a float's rounding cannot reach the next integer."""
    return ((expr.cast(nw.Float64()) + nw.lit(0.5)) / nw.lit(float(divisor))).floor().cast(nw.Int64())


def day_of_text(number: nw.Expr) -> nw.Expr:
    """The day of a number by the arithmetic of the calendar, written as a text and read again."""
    since = number.cast(nw.Int64()) + whole(BEFORE - 1)
    era = floored(since, 146_097)
    of_era = since - era * whole(146_097)
    days = of_era - floored(of_era, 1460) + floored(of_era, 36_524) - floored(of_era, 146_096)
    year = floored(days, 365)
    of_year = of_era - (year * whole(365) + floored(year, 4) - floored(year, 100))
    month = floored(of_year * whole(5) + whole(2), 153)
    day = of_year - floored(month * whole(153) + whole(2), 5) + whole(1)
    late = month >= whole(10)
    years = year + era * whole(400) + choose(late, whole(1), whole(0))
    months = choose(late, month - whole(9), month + whole(3))
    parts = [years.cast(nw.String()).str.zfill(4), *(one.cast(nw.String()).str.zfill(2) for one in (months, day))]
    return nw.concat_str(parts, separator="-").cast(nw.Date())
