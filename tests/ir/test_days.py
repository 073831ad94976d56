"""Calendar arithmetic against its definitions, word for word, by brute force."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crm_rules.ir.days import (
    FIRST,
    LAST,
    add_days,
    add_months,
    days_between,
    last_day,
    latest_start,
    months_between,
    started_months,
)
from tests.strategies import DATES, todays

DAYS = st.one_of(todays(), st.sampled_from(DATES))
NEAR = st.one_of(st.integers(-70, 70), st.sampled_from([-366, -365, 365, 366, 1461]))


def clipped(year: int, month: int, day: int) -> date:
    """The day of a month, or the last one before it that the month has."""
    while True:
        try:
            return date(year, month, day)
        except ValueError:
            day -= 1


def counted(day: date, count: int) -> date:
    """`day` plus `count` months, one month after the other on a calendar without days."""
    year, month = day.year, day.month
    for _ in range(abs(count)):
        month += 1 if count > 0 else -1
        if month in {0, 13}:
            year, month = (year + 1, 1) if month == 13 else (year - 1, 12)
    return clipped(year, month, day.day)


@given(DAYS, st.integers(-60, 60))
def test_adding_months_keeps_the_day_or_clips_it(day: date, count: int) -> None:
    """The day of the month stays where the month has it, otherwise it is the month's last."""
    assert add_months(day, count) == counted(day, count)


@given(DAYS, NEAR)
@example(date(2026, 1, 31), 28)
@example(date(2024, 2, 29), 366)
def test_months_between_is_the_largest_number_of_whole_months(start: date, distance: int) -> None:
    """No more than n months fit between two days, and n do."""
    end = start + timedelta(distance)
    assert months_between(start, end) == max(n for n in range(-60, 61) if counted(start, n) <= end)


@given(DAYS, NEAR)
@example(date(2026, 1, 31), 28)
@example(date(2026, 8, 21), 92)
def test_started_months_is_the_smallest_number_that_reaches(start: date, distance: int) -> None:
    """So many months reach the end, and fewer do not; never below zero."""
    end = start + timedelta(distance)
    assert started_months(start, end) == min(n for n in range(61) if end <= counted(start, n))


@given(DAYS, st.integers(-40, 40))
@example(date(2026, 2, 28), 1)
@example(date(2026, 3, 31), 1)
@example(date(2024, 2, 28), 12)
def test_the_latest_start_is_the_last_day_that_still_fits(end: date, months: int) -> None:
    """From it the months do not pass the end, from the next day they do."""
    start = latest_start(end, months)
    assert start is not None
    assert counted(start, months) <= end < counted(start + timedelta(1), months)


@given(st.dates(FIRST, LAST), st.dates(FIRST, LAST))
def test_far_days_keep_the_definitions(start: date, end: date) -> None:
    """Over centuries the borders of the definitions hold."""
    whole = months_between(start, end)
    before, after = add_months(start, whole), add_months(start, whole + 1)
    assert before is not None
    assert before <= end
    assert after is not None
    assert end < after
    started = started_months(start, end)
    reached, short = add_months(start, started), add_months(start, started - 1)
    assert reached is not None
    assert end <= reached
    assert short is not None
    assert started == 0 or short < end


@given(st.dates(), st.integers(-(10**12), 10**12))
@example(date(9999, 12, 31), 1)
@example(date(1, 1, 1), -1)
def test_days_and_months_beyond_the_calendar_are_none(day: date, count: int) -> None:
    """Nothing overflows: beyond the years 1 to 9999 there is no day."""
    inside = 1 <= day.toordinal() + count <= date.max.toordinal()
    assert add_days(day, count) == (date.fromordinal(day.toordinal() + count) if inside else None)
    months = day.year * 12 + day.month - 1 + count
    found = add_months(day, count)
    assert (found is not None) == (12 <= months < 120_000)


@given(st.dates(), st.dates())
def test_days_between_counts_days(start: date, end: date) -> None:
    """The count added to the start gives the end."""
    assert add_days(start, days_between(start, end)) == end


@pytest.mark.parametrize(
    ("year", "month", "days"),
    [(2026, 2, 28), (2024, 2, 29), (2000, 2, 29), (2100, 2, 28), (2026, 4, 30), (2026, 12, 31)],
)
def test_the_length_of_a_month(year: int, month: int, days: int) -> None:
    """Leap years are those of the Gregorian calendar."""
    assert last_day(year, month) == days


def test_the_latest_start_leaves_the_calendar_as_none() -> None:
    """There is no start before the year 1."""
    assert latest_start(date(1, 1, 1), 1) is None


def test_the_days_of_the_papers() -> None:
    """An invoice due on 2026-08-21 has three started months on 2026-11-21, one due the day before has four."""
    today = date(2026, 11, 21)
    assert started_months(date(2026, 8, 21), today) == 3
    assert started_months(date(2026, 8, 20), today) == 4
    assert months_between(date(2025, 11, 22), today) == 11
    assert months_between(date(2025, 11, 21), today) == 12
    assert add_days(date(2026, 1, 31), 30) == date(2026, 3, 2)
