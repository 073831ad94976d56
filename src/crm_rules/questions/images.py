"""Sets moved by arithmetic: shifted, scaled, mirrored, unrounded, and taken back through a rising function.

Each function gives the numbers or days that an operation takes into a set. Missing is the caller's, but for
functions that have no value somewhere. Nothing here knows nodes.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from datetime import date
from fractions import Fraction
from typing import Any

from crm_rules.ir.numbers import RoundingMode, reduced, rounded
from crm_rules.ir.types import Integer
from crm_rules.questions.intervals import INFINITE, Interval, Point, joined
from crm_rules.questions.sets import NUMBERS, Domain, ValueSet, between

WHOLE = Domain(Integer(), 1, NUMBERS)
FIRST_DAY = date.min.toordinal()
LAST_DAY = date.max.toordinal()
MOST_TIME = 4_000_000  # more days than the calendar has: no date plus so many units is a date
HALF = Fraction(1, 2)


def ordinal(day: date) -> int:
    """The point of a day."""
    return day.toordinal()


def moved(some: ValueSet, move: Callable[[Point], Point]) -> tuple[Interval, ...]:
    """The intervals with both ends moved."""
    return tuple(
        Interval(
            None if low is None else reduced(move(low)),
            low_closed,
            None if high is None else reduced(move(high)),
            high_closed,
        )
        for low, low_closed, high, high_closed in some.intervals
    )


def shifted(some: ValueSet, by: Point) -> ValueSet:
    """The points of the set plus `by`."""
    return ValueSet(moved(some, lambda end: end + by))


def scaled(some: ValueSet, by: Point) -> ValueSet:
    """The points of the set times `by`, which is not zero."""
    found = moved(some, lambda end: end * by)
    if by > 0:
        return ValueSet(found)
    return ValueSet(tuple(Interval(high, above, low, below) for low, below, high, above in reversed(found)))


def mirrored(some: ValueSet) -> ValueSet:
    """The points of the set with the other sign."""
    return scaled(some, -1)


def reciprocal(some: ValueSet, dividend: Point) -> ValueSet:
    """The numbers by which `dividend` can be divided to lie in the set; zero is none of them."""
    if dividend == 0:
        return NUMBERS - between(0, 0) if some.contains(0) else ValueSet()
    found: list[Interval] = []
    for part, sign in ((some, 1), (mirrored(some), -1)):
        for low, low_closed, high, high_closed in (part & between(0, None, low_closed=False)).intervals:
            # On positive numbers 1/x falls from no end at 0 to an open 0 at no end.
            turned = Interval(
                0 if high is None else Fraction(1) / high, high is not None and high_closed,
                None if not low else Fraction(1) / low, bool(low) and low_closed,
            )  # fmt: skip
            found += scaled(ValueSet((turned,)), dividend * sign).intervals
    return ValueSet(joined(found))


def unrounded(some: ValueSet, digits: int, mode: RoundingMode) -> ValueSet:
    """The numbers that `rounded` takes into the set."""
    unit = Fraction(10) ** digits
    found: list[Interval] = []
    for low, _, high, _ in WHOLE.grid(scaled(some, unit)).intervals:
        first = (None, False) if low is None else rounding_end(low, -1, mode)
        last = (None, False) if high is None else rounding_end(high, 1, mode)
        found.append(Interval(*first, *last))
    return scaled(ValueSet(joined(found)), 1 / unit)


def rounding_end(whole: Point, side: int, mode: RoundingMode) -> tuple[Point, bool]:
    """The outermost number on one side that is rounded to `whole`, and whether it is itself."""
    half = whole + side * HALF
    if mode.startswith("half"):
        return half, rounded(half, 0, mode) == whole
    return (whole + side, False) if rounded(half, 0, mode) == whole else (whole, True)


def monotone(of: Callable[[int], Any], some: ValueSet, first: int, last: int) -> ValueSet:
    """The whole numbers from `first` to `last` that a rising function takes into the set.

    Where the function has no value it gives an infinite number; those belong to the answer when the set has missing.
    """
    steps = range(first, last + 1)
    # Most functions have a value everywhere: one look at each end saves a bisection.
    begin = 0 if of(first) > -INFINITE else bisect_right(steps, -INFINITE, key=of)
    end = len(steps) if of(last) < INFINITE else bisect_left(steps, INFINITE, key=of)
    found: list[tuple[int, int]] = [(0, begin), (end, len(steps))] if some.missing else []
    for low, low_closed, high, high_closed in some.intervals:
        start, beyond = begin, end
        if low is not None:
            start = bisect_left(steps, low, key=of) if low_closed else bisect_right(steps, low, key=of)
        if high is not None:
            beyond = bisect_right(steps, high, key=of) if high_closed else bisect_left(steps, high, key=of)
        found.append((start, beyond))
    kept = [Interval(first + start, True, first + beyond - 1, True) for start, beyond in found if start < beyond]  # noqa: FBT003
    return WHOLE.grid(ValueSet(joined(kept)))
