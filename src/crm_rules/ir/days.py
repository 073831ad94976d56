"""Calendar arithmetic of the Gregorian calendar, on `datetime.date`, written once.

`add_months` clips to the end of the month. `months_between(a, b)` is the largest n with
add_months(a, n) <= b, `started_months(a, b)` the smallest n >= 0 with b <= add_months(a, n).
Working days are not here: they need a calendar of holidays.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta
from typing import Literal, assert_never

FIRST = date(1900, 1, 1)
LAST = date(2199, 12, 31)


def last_day(year: int, month: int) -> int:
    """28 to 31."""
    return monthrange(year, month)[1]


def add_days(day: date, count: int) -> date | None:
    """`day` plus `count` days, or None beyond the years 1 to 9999."""
    try:
        return day + timedelta(days=count)
    except OverflowError:
        return None


def add_months(day: date, count: int) -> date | None:
    """`day` plus `count` months, clipped to the month's end, or None beyond the years 1 to 9999."""
    year, month = divmod(day.year * 12 + day.month - 1 + count, 12)
    if not 1 <= year <= 9999:  # noqa: PLR2004 - the calendar ends there
        return None
    return date(year, month + 1, min(day.day, last_day(year, month + 1)))


def add_time(day: date, count: int, unit: Literal["day", "week", "month", "year"]) -> date | None:
    """`day` plus `count` units: a week is seven days, a year twelve months; None beyond the years 1 to 9999."""
    match unit:
        case "day":
            return add_days(day, count)
        case "week":
            return add_days(day, 7 * count)
        case "month":
            return add_months(day, count)
        case "year":
            return add_months(day, 12 * count)
        case _:
            assert_never(unit)


def days_between(start: date, end: date) -> int:
    """Whole days from `start` to `end`; negative when `end` is earlier."""
    return end.toordinal() - start.toordinal()


def months_between(start: date, end: date) -> int:
    """Whole months from `start` to `end`: the largest n with add_months(start, n) <= end."""
    months = (end.year - start.year) * 12 + end.month - start.month
    return months - (end.day < min(start.day, last_day(end.year, end.month)))


def started_months(start: date, end: date) -> int:
    """Started months from `start` to `end`: the smallest n >= 0 with end <= add_months(start, n)."""
    months = (end.year - start.year) * 12 + end.month - start.month
    return max(0, months + (end.day > start.day))


def latest_start(end: date, months: int) -> date | None:
    """The latest day whose `add_months(day, months)` is not after `end`.

    It is the border of `months_between(day, end) >= months` seen from `day`.
    """
    back = add_months(end, -months)
    if back is None:
        return None
    if end.day == last_day(end.year, end.month):
        return date(back.year, back.month, last_day(back.year, back.month))
    return back
