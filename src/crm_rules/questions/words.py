"""A set of values in an author's words: `need is clear`, `amount is below 100000`, `total is 4 to 9`.

Words are English and short, for one line of a message. Numbers stand as a policy writes them, days as
ISO dates. Nothing here knows labels or translations: the handbook has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from crm_rules.ir.numbers import decimals_of, reduced, show_number
from crm_rules.ir.types import Date
from crm_rules.questions.intervals import Interval, Point
from crm_rules.questions.sets import MISSING, Domain, ValueSet

MOST_SHOWN = 6  # parts of one set, or choices


def show_box(box: Mapping[str, ValueSet], domains: Mapping[str, Domain]) -> str:
    """The sets of a box by field or column name, joined by commas; `any record` when none of them says anything.

    A set that is its whole domain is left out.
    """
    shown = [show_set(name, some, domains[name]) for name, some in box.items()]
    return ", ".join(one for one in shown if one) or "any record"


def show_set(name: str, some: ValueSet, domain: Domain) -> str:  # noqa: PLR0911 - one case a form of words
    """One set in words, empty when it is the whole domain: `close is missing`, `amount is from 3 to below 9`."""
    kept = domain.grid(some)
    rest = domain.grid(domain.all) - kept
    if MISSING in (some, kept):  # also of a field that may not be missing
        return f"{name} is missing"
    if not rest:
        return ""
    if not kept:
        return f"{name} has no value"
    if rest == MISSING:
        return f"{name} is present"
    missing = " or missing" if kept.missing else ""
    # `not` says the less when it takes missing along wherever missing can be.
    may_deny = not rest.missing
    if kept.intervals:
        denied = single_points(domain.grid(rest), domain) if may_deny else None
        if denied and len(denied) < len(kept.intervals):
            return f"{name} is not {listed(denied)}"
        only = single_points(kept, domain)
        if only:
            return f"{name} is {listed(only)}{missing}"
        return f"{name} is {listed([show_interval(one, domain) for one in kept.intervals])}{missing}"
    if may_deny and len(rest.values) < len(kept.values):
        return f"{name} is not {listed(choices(rest, domain))}"
    return f"{name} is {listed(choices(kept, domain))}{missing}"


def single_points(some: ValueSet, domain: Domain) -> list[str] | None:
    """The points of a set of single points, or None."""
    if any(one.low is None or one.low != one.high for one in some.intervals):
        return None
    return [show_point(one.low, domain) for one in some.intervals if one.low is not None]


def choices(some: ValueSet, domain: Domain) -> list[str]:
    """The choices or truth values of a set, in their order."""
    found = [value for value in domain.values if value in some.values]
    return [str(value).lower() if isinstance(value, bool) else value for value in found]


def listed(shown: list[str]) -> str:
    """The parts with `or` between the last two; of very many the first ones."""
    if len(shown) > MOST_SHOWN + 1:
        shown = [*shown[:MOST_SHOWN], f"{len(shown) - MOST_SHOWN} more"]
    *others, last = shown
    return f"{', '.join(others)} or {last}" if others else last


def show_interval(one: Interval, domain: Domain) -> str:
    """An interval in words; an end that is the domain's own is left out."""
    is_date = isinstance(domain.type, Date)
    outer = domain.all.intervals
    low, low_closed, high, high_closed = one
    if low is not None and low == outer[0].low:
        low = None
    if high is not None and high == outer[-1].high:
        high = None
    if domain.step is not None and domain.step != 1:
        low, low_closed = shorter(low, low_closed, -domain.step)
        high, high_closed = shorter(high, high_closed, domain.step)
    start = "" if low is None else show_point(low, domain)
    end = "" if high is None else show_point(high, domain)
    if low is not None and low == high:
        return start
    if high is None:
        at_least, above = ("from", "after") if is_date else ("at least", "above")
        return f"{at_least if low_closed else above} {start}"
    if low is None:
        at_most, below = ("up to", "before") if is_date else ("at most", "below")
        return f"{at_most if high_closed else below} {end}"
    if low_closed:
        return f"{start} to {end}" if high_closed else f"from {start} to below {end}"
    return f"above {start} up to {end}" if high_closed else f"above {start} and below {end}"


def shorter(end: Point | None, closed: bool, step: Point) -> tuple[Point | None, bool]:  # noqa: FBT001 - an interval's end
    """The end as an author writes it: `below 100` rather than `at most 99.99`."""
    if end is None or not closed:
        return end, closed
    beside = reduced(end + step)
    return (beside, False) if decimals_of(beside) < decimals_of(end) else (end, closed)


def show_point(place: Point, domain: Domain) -> str:
    """A number or an ISO date."""
    return date.fromordinal(int(place)).isoformat() if isinstance(domain.type, Date) else show_number(place)
