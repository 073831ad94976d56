"""Sets of values: intervals of numbers or days, choices, truth values, and missing.

A set knows no type: a day is its `date.toordinal()`, and an open end stays open. A `Domain` gives a
set its type, the step of its values (whole numbers, days, decimals) and the values that are
possible at all; it cuts sets to what can occur and turns points back into values.

Text is carried and never tested, so one value, `ANY_TEXT`, stands for all texts; lists likewise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from fractions import Fraction
from typing import Any, NamedTuple, assert_never

from crm_rules.dataclass import dataclass
from crm_rules.ir import days
from crm_rules.ir.nodes import (
    AnyOf,
    Anything,
    Bound,
    Expr,
    IsMissing,
    IsPresent,
    NotPassing,
    OneOf,
    Test,
    Value,
    Within,
)
from crm_rules.ir.numbers import DIGITS, PLAIN, decimals_of, fits, reduced
from crm_rules.ir.program import Field
from crm_rules.ir.types import (
    Boolean,
    Choice,
    Date,
    DateTime,
    Integer,
    ListOf,
    ListOfValues,
    Money,
    Number,
    Text,
    Type,
)
from crm_rules.questions.intervals import (
    INFINITE,
    LINE,
    Interval,
    Point,
    Span,
    beside,
    common,
    interval_of,
    joined,
    merged,
)

__all__ = [
    "ANY_TEXT",
    "BOTH",
    "LINE",
    "MISSING",
    "NOTHING",
    "NUMBERS",
    "TEXTS",
    "Domain",
    "Interval",
    "Piece",
    "Point",
    "ValueSet",
    "accepted",
    "between",
    "domain_of",
    "holds",
    "joined",
    "nearest",
    "point",
    "present",
    "sample",
    "samples",
    "split",
    "to_point",
    "to_value",
    "union",
]

# One value stands for all texts, and the one that a person sees for it.
ANY_TEXT = "\0"
SHOWN_TEXT = "text"
ORDINARY_DAY = date(2025, 1, 1)


class ValueSet(NamedTuple):
    """Some values of one type, perhaps missing: `intervals` for numbers and days, `values` for choices and booleans.

    The intervals stand in order, are not empty and do not touch each other; `joined` brings them into that form.
    Operations are linear in the number of intervals and values.
    """

    intervals: tuple[Interval, ...] = ()
    values: frozenset[str | bool] = frozenset()
    missing: bool = False

    def __bool__(self) -> bool:
        """False for the empty set."""
        return bool(self.intervals or self.values or self.missing)

    def __and__(self, other: ValueSet) -> ValueSet:
        """What both sets have."""
        return ValueSet(
            common(self.intervals, other.intervals), self.values & other.values, self.missing and other.missing
        )

    def __or__(self, other: ValueSet) -> ValueSet:
        """What one of the sets has."""
        intervals = self.intervals or other.intervals
        if self.intervals and other.intervals:
            intervals = joined((*self.intervals, *other.intervals))
        return ValueSet(intervals, self.values | other.values, self.missing or other.missing)

    def __sub__(self, other: ValueSet) -> ValueSet:
        """What this set has and the other has not."""
        intervals = self.intervals
        if intervals and other.intervals:
            intervals = common(intervals, beside(other.intervals))
        return ValueSet(intervals, self.values - other.values, self.missing and not other.missing)

    def contains(self, value: Value | None) -> bool:
        """True for a value of the set; None asks for missing."""
        if value is None:
            return self.missing
        if isinstance(value, bool):
            return value in self.values
        if isinstance(value, str | tuple):
            return value in self.values or ANY_TEXT in self.values
        place = to_point(value), 0
        return any(first <= place < beyond for first, beyond in (one.span for one in self.intervals))


NOTHING = ValueSet()
MISSING = ValueSet(missing=True)
NUMBERS = ValueSet((LINE,))
BOTH = ValueSet(values=frozenset((False, True)))
TEXTS = ValueSet(values=frozenset((ANY_TEXT,)))


def to_point(value: Any) -> Point:
    """The point of a number or a day."""
    point: Point = value.toordinal() if isinstance(value, date) else value
    return point


def point(value: Value | None) -> ValueSet:
    """The set of one value; of None, the set of missing alone."""
    if value is None:
        return MISSING
    if isinstance(value, bool | str):
        return ValueSet(values=frozenset((value,)))
    if isinstance(value, tuple):
        return TEXTS
    place = to_point(value)
    return ValueSet((Interval(place, True, place, True),))  # noqa: FBT003 - the interval's own order of ends


def between(low: Value | None, high: Value | None, *, low_closed: bool = True, high_closed: bool = True) -> ValueSet:
    """The numbers or days between two ends; None is no end."""
    below = None if low is None else to_point(low)
    above = None if high is None else to_point(high)
    one = Interval(below, low_closed and below is not None, above, high_closed and above is not None)
    if below is not None and above is not None:
        first, beyond = one.span
        return ValueSet((one,)) if first < beyond else NOTHING
    return ValueSet((one,))


def present(kind: Type) -> ValueSet:
    """All values of a type, without missing."""
    match kind:
        case Integer() | Number() | Money() | Date():
            return NUMBERS
        case Boolean():
            return BOTH
        case Choice(one_of):
            return ValueSet(values=frozenset(one_of))
        case Text() | DateTime() | ListOf() | ListOfValues():
            return TEXTS
        case _:
            assert_never(kind)


def accepted(  # noqa: PLR0911 - one case a node
    test: Test, kind: Type, value_of: Callable[[Expr], Value | None]
) -> ValueSet:
    """All values of a type that pass a test, missing where it passes; `value_of` gives the test's own values."""
    match test:
        case Anything():
            return present(kind) | MISSING
        case IsMissing():
            return MISSING
        case IsPresent():
            return present(kind)
        case OneOf(exprs):
            found = [value for value in map(value_of, exprs) if value is not None]
            return union(point(value) for value in found)
        case Within(low, high):
            return within(low, high, value_of)
        case NotPassing(inner):
            return present(kind) - accepted(inner, kind, value_of)
        case AnyOf(tests):
            return union(accepted(inner, kind, value_of) for inner in tests)
        case _:
            assert_never(test)


def within(low: Bound | None, high: Bound | None, value_of: Callable[[Expr], Value | None]) -> ValueSet:
    """The points between two bounds; none beside a bound whose value is missing."""
    below = None if low is None else value_of(low.at)
    above = None if high is None else value_of(high.at)
    if (low is not None and below is None) or (high is not None and above is None):
        return NOTHING
    return between(
        below,
        above,
        low_closed=low is not None and low.closed,
        high_closed=high is not None and high.closed,
    )


def union(sets: Iterable[ValueSet]) -> ValueSet:
    """What one of the sets has, in one sweep."""
    found = tuple(sets)
    if len(found) == 1:
        return found[0]
    return ValueSet(
        joined(interval for one in found for interval in one.intervals),
        frozenset().union(*(one.values for one in found)),
        any(one.missing for one in found),
    )


@dataclass(frozen=True, slots=True)
class Domain:
    """The values that a field or an expression can have.

    `step` is 1 for whole numbers and days, 10**-k for numbers of k decimals, and None where points lie dense.
    """

    type: Type
    step: Point | None
    all: ValueSet

    def grid(self, some: ValueSet) -> ValueSet:
        """The same values of the domain, its ends moved to closed ones on the steps; equal sets look equal."""
        cut = some & self.all
        if self.step is None or not cut.intervals:
            return cut
        intervals = tuple(self.interval(span) for span in merged(self.spans(cut.intervals)))
        return ValueSet(intervals, cut.values, cut.missing)

    def spans(self, intervals: Iterable[Interval]) -> list[Span]:
        """Where the intervals begin and end, in cuts or, with a step, in numbers of steps; empty ones are left out."""
        if self.step is None:
            return [one.span for one in intervals]
        per_unit = self.step.denominator
        found: list[Span] = []
        for one in intervals:
            first: Any = -INFINITE
            beyond: Any = INFINITE
            if one.low is not None:
                scaled = one.low * per_unit
                first = -(-scaled // 1)
                first += not one.low_closed and first == scaled
            if one.high is not None:
                scaled = one.high * per_unit
                last = scaled // 1
                beyond = last + (one.high_closed or last != scaled)
            if first < beyond:
                found.append((first, beyond))
        return found

    def interval(self, span: Span) -> Interval:
        """The interval of a span as `spans` counts it."""
        if self.step is None:
            return interval_of(span)
        first, beyond = span
        low = None if first == -INFINITE else self.at(first)
        high = None if beyond == INFINITE else self.at(beyond - 1)
        return Interval(low, low is not None, high, high is not None)

    def at(self, steps: int) -> Point:
        """The point that many steps from zero."""
        per_unit = 1 if self.step is None else self.step.denominator
        return Fraction(steps, per_unit) if steps % per_unit else steps // per_unit

    @property
    def values(self) -> tuple[str | bool, ...]:
        """The domain's choices in their declared order, or false and true."""
        order: Iterable[str | bool] = self.type.one_of if isinstance(self.type, Choice) else (False, True, ANY_TEXT)
        return tuple(value for value in order if value in self.all.values)


def domain_of(field: Field) -> Domain:
    """The values that a field's facts can have, as the steps see them: a default stands in for missing."""
    missing = MISSING if field.may_be_missing else NOTHING
    kind = field.type
    if isinstance(kind, Date):
        return Domain(kind, 1, between(field.low or days.FIRST, field.high or days.LAST) | missing)
    if not isinstance(kind, Integer | Number | Money):
        return Domain(kind, None, present(kind) | missing)
    step: Point | None = 1 if isinstance(kind, Integer) else None
    if step is None and field.decimals is not None:
        step = reduced(Fraction(1, 10**field.decimals))
    limits = between(field.low, field.high)
    return Domain(kind, step, Domain(kind, step, NUMBERS).grid(limits) | missing)


class Piece(NamedTuple):
    """A part of a domain that lies in the same sets throughout: in the i-th when bit i of `members` is set."""

    set: ValueSet
    members: int


def split(sets: Sequence[ValueSet], domain: Domain) -> tuple[Piece, ...]:
    """The domain cut into pieces of equal membership, in order of their first value, missing last.

    One sweep over all borders: n log n in their number, and one bit mask a piece.
    """
    inside = 1 << len(sets)
    turns: dict[Any, int] = {}
    for index, one in enumerate((*sets, domain.all)):
        bit = 1 << index
        for first, beyond in domain.spans(one.intervals):
            turns[first] = turns.get(first, 0) ^ bit
            turns[beyond] = turns.get(beyond, 0) ^ bit
    spans: dict[int, list[Interval]] = {}
    members, before = 0, None
    for cut in sorted(turns):
        if not turns[cut]:  # one interval of a set begins where its last one ended
            continue
        if members & inside:
            spans.setdefault(members ^ inside, []).append(domain.interval((before, cut)))
        members ^= turns[cut]
        before = cut
    values: dict[int, list[str | bool]] = {}
    for value, mask in memberships(sets, domain):
        values.setdefault(mask, []).append(value)
    missing = sum(1 << index for index, one in enumerate(sets) if one.missing) if domain.all.missing else None
    order = dict.fromkeys((*spans, *values, *(() if missing is None else (missing,))))
    return tuple(
        Piece(ValueSet(tuple(spans.get(mask, ())), frozenset(values.get(mask, ())), mask == missing), mask)
        for mask in order
    )


def memberships(sets: Sequence[ValueSet], domain: Domain) -> Iterator[tuple[str | bool, int]]:
    """Each choice or truth value of the domain with the bits of the sets that have it.

    A set with more than half of the values is counted by what it lacks: `not` on a long list is cheap.
    """
    masks = dict.fromkeys(domain.values, 0)
    most = 0
    for index, one in enumerate(sets):
        if 2 * len(one.values) > len(masks):
            most |= 1 << index
            turned: Iterable[str | bool] = domain.all.values - one.values
        else:
            turned = one.values & domain.all.values
        for value in turned:
            masks[value] ^= 1 << index
    for value, mask in masks.items():
        yield value, mask ^ most


# Values of a set


def sample(some: ValueSet, domain: Domain) -> Value | None:
    """The value of a set that an author reads best: a border or its neighbour; missing only when nothing else is there.

    None also for an empty set, and for one without a value of at most 34 digits. For `>= 200000` it is 200000,
    for `< 10` on whole numbers 9.
    """
    return next(samples(some, domain), None)


def samples(some: ValueSet, domain: Domain) -> Iterator[Value | None]:
    """Values of a set, the nicest first, None for missing last: each end of each interval, each choice."""
    kept = domain.grid(some)
    limits = {end for one in domain.all.intervals for end in (one.low, one.high)}
    ordinary = ORDINARY_DAY.toordinal() if isinstance(domain.type, Date) else 0
    # Ends of the set come before a plain value inside, and both before ends that are only the domain's own.
    ranks: dict[Point, tuple[int, bool]] = {}
    for one in kept.intervals:
        for place in places_in(one, domain):
            ranks.setdefault(place, (2 if place in limits else 0, place < 0))
        if holds(one, ordinary):
            ranks[ordinary] = (min(ranks.get(ordinary, (1, False))[0], 1), False)
    yield from (to_value(place, domain) for place in sorted(ranks, key=ranks.__getitem__))
    yield from (SHOWN_TEXT if value == ANY_TEXT else value for value in domain.values if value in kept.values)
    if kept.missing:
        yield None


def to_value(place: Point, domain: Domain) -> Value:
    """The number or day of a point."""
    return date.fromordinal(int(place)) if isinstance(domain.type, Date) else reduced(place)


def holds(one: Interval, place: Point) -> bool:
    """True when the point lies in the interval."""
    first, beyond = one.span
    return first <= (place, 0) < beyond


def places_in(one: Interval, domain: Domain) -> list[Point]:
    """The ends of an interval, or their neighbours, that a fact can have; some place inside where no end will do."""
    found = [
        end for end, closed in ((one.low, one.low_closed), (one.high, one.high_closed)) if closed and end is not None
    ]
    if domain.step is None:
        if one.low is not None and not one.low_closed:
            found.append(one.low + unit_at(one.low))
        if one.high is not None and not one.high_closed:
            found.append(one.high - unit_at(one.high))
    inside = [place for place in found if is_fact(place) and holds(one, place)]
    if not inside:
        shortest = shortest_in(one, domain)
        inside = [] if shortest is None else [shortest]
    return inside


def unit_at(border: Point) -> Point:
    """A tenth of the last digit of a border: the step to its neighbour where points lie dense."""
    return Fraction(1, 10 ** (decimals_of(border) + 1))


def is_fact(place: Point) -> bool:
    """True for a number that a fact can have: at most 34 digits, below 10**34."""
    return -PLAIN < place < PLAIN and fits(place)


def shortest_in(one: Interval, domain: Domain) -> Point | None:
    """The number with the fewest decimals in an interval, in its middle or at its end; None when no fact lies there."""
    low: Point = 1 - PLAIN if one.low is None else max(one.low, 1 - PLAIN)
    high: Point = PLAIN - 1 if one.high is None else min(one.high, PLAIN - 1)
    if low > high:
        return None
    has_middle = (one.low is None) == (one.high is None)
    for decimals in range((DIGITS if domain.step is None else decimals_of(domain.step)) + 1):
        scale = 10**decimals
        above, below = low * scale // 1 + 1, -(-high * scale // 1) - 1
        middle = (round(Fraction(low + high) * scale / 2),) if has_middle else ()
        for steps in (*middle, above, below, above - 1, below + 1):
            place = reduced(Fraction(steps, scale))
            if is_fact(place) and holds(one, place):
                return place
    return None


def nearest(some: ValueSet, domain: Domain, to: Value | None) -> Value | None:
    """The value of a set closest to another one; beside an open end, the end's neighbour.

    For missing, a choice or a truth value that is not in the set, what `sample` gives.
    """
    if domain.grid(some & point(to)):
        return to
    kept = domain.grid(some)
    if not kept.intervals or to is None or isinstance(to, bool | str | tuple):
        return sample(kept, domain)
    goal = to_point(to)
    places = [place for one in kept.intervals for place in places_in(one, domain)]
    if not places:
        return sample(kept, domain)
    return to_value(min(places, key=lambda place: (abs(place - goal), place)), domain)
