"""Intervals of points, with ends that belong to them or not, and sweeps over them.

A point is a number, or a day as its `date.toordinal()`. Sweeps compare *cuts*, the places between
two neighbouring points, so that open and closed ends need no cases of their own. Nothing here knows
types, steps or missing values: see `sets`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, TypeAlias

from crm_rules.ir.numbers import Exact

Point: TypeAlias = Exact
# A place between two neighbouring points: before the point (0) or after it (1). Sweeps compare nothing else.
Cut: TypeAlias = tuple[Any, int]
Span: TypeAlias = tuple[Any, Any]

INFINITE = float("inf")
FROM_BELOW: Cut = (-INFINITE, 0)
TO_ABOVE: Cut = (INFINITE, 0)


# Tables are cut into thousands of intervals, sets and pieces: a named tuple is made, compared and hashed five times
# faster than a dataclass.


class Interval(NamedTuple):
    """The points between two ends, which may belong to it (closed) or not; None is no end, and never closed."""

    low: Point | None
    low_closed: bool
    high: Point | None
    high_closed: bool

    @property
    def span(self) -> tuple[Cut, Cut]:
        """The cuts where it begins and ends; an interval is empty when it ends before it begins."""
        return (
            FROM_BELOW if self.low is None else (self.low, 0 if self.low_closed else 1),
            TO_ABOVE if self.high is None else (self.high, 1 if self.high_closed else 0),
        )


LINE = Interval(None, False, None, False)  # noqa: FBT003 - the interval's own order of ends


def interval_of(span: tuple[Cut, Cut]) -> Interval:
    """The interval between two cuts."""
    (low, after), (high, beyond) = span
    below, above = low == -INFINITE, high == INFINITE
    return Interval(
        None if below else low, not below and after == 0, None if above else high, not above and beyond == 1
    )


def joined(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    """The intervals in order, without the empty ones, each row of touching ones as one."""
    return tuple(interval_of(span) for span in merged(sorted(one.span for one in intervals)))


def merged(spans: Iterable[Span]) -> list[Span]:
    """Sorted spans without the empty ones, touching ones as one."""
    found: list[Span] = []
    for first, beyond in spans:
        if found and first <= found[-1][1]:
            if beyond > found[-1][1]:
                found[-1] = found[-1][0], beyond
        elif first < beyond:
            found.append((first, beyond))
    return found


def common(left: Sequence[Interval], right: Sequence[Interval]) -> tuple[Interval, ...]:
    """The intervals that both have, in one sweep."""
    found = []
    i = j = 0
    while i < len(left) and j < len(right):
        (first, beyond), (other_first, other_beyond) = left[i].span, right[j].span
        start, end = max(first, other_first), min(beyond, other_beyond)
        if start < end:
            found.append(interval_of((start, end)))
        if beyond <= other_beyond:
            i += 1
        else:
            j += 1
    return tuple(found)


def beside(intervals: Sequence[Interval]) -> tuple[Interval, ...]:
    """The rest of the line."""
    cuts = [FROM_BELOW, *(cut for one in intervals for cut in one.span), TO_ABOVE]
    spans = zip(cuts[::2], cuts[1::2], strict=True)
    return tuple(interval_of(span) for span in spans if span[0] < span[1])
