"""Which days have to be looked at so that something holds on every day from 1900 to 2199.

Cells compare dates with borders that move with `today`. What a table says depends only on which
pieces between its borders exist and in which order, and that is the same for most days: a piece
disappears where two borders meet (28 days after and one month after, in February) or where one leaves
the range of its field. `representatives` finds one day for each such picture, and drops pictures whose
pieces another one has as well. Days are compared, never counted on a clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from itertools import pairwise
from typing import Any, TypeAlias

from crm_rules.dataclass import dataclass
from crm_rules.ir import days
from crm_rules.ir.evaluate import NO_FUNCTIONS, Scope, parameter_values, value_of
from crm_rules.ir.nodes import AddTime, Constant, Expr, FieldValue, Today
from crm_rules.ir.program import Derive, Field, Program
from crm_rules.ir.rewrite import reads_today
from crm_rules.ir.types import Date
from crm_rules.ir.typing import borders
from crm_rules.questions.space import fields_of, reads_day, steps_of, written_out

USUAL = date(2026, 6, 15)
CLOSE = 8  # days between two borders below which their order may change from day to day
CYCLE = 366 * 4 + 1
MOST_DAYS = 20_000
MOST_PICTURES = 60
Picture: TypeAlias = tuple[frozenset[tuple[int, int]], ...]


@dataclass(frozen=True, slots=True)
class Days:
    """The days to look at, the usual one first; `inexact` names the columns for which they may not be enough."""

    days: tuple[date | None, ...]
    inexact: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Moving:
    """The borders on one date field, with the ends of its range; `ends` are those that the field declares itself.

    The ends of the calendar need no days of their own: a border beyond them only takes pieces away.
    """

    borders: tuple[Expr, ...]
    low: date
    high: date
    ends: tuple[date, ...]


def representatives(program: Program, near: date | None = None) -> Days:
    """The days for a normalised program without blank parameters; one None when nothing depends on the day.

    Cost: some milliseconds; more where days and months stand on one field, or constants beside moving borders.
    """
    axes, inexact = moving(program)
    since = sorted({one.since for each in program.parameters for one in each.values if one.since is not None})
    if not axes and not since:
        return Days((near if reads_today(program) and near else USUAL if reads_today(program) else None,), inexact)
    start = near or USUAL
    found: list[tuple[Picture, date]] = []
    for epoch, (first, last) in enumerate(epochs(since)):
        if any(one.at(last) is None for one in program.parameters):
            continue  # blank on these days: nothing is decided
        here = start if first <= start <= last else first + (last - first) // 2
        pictures: dict[Picture, date] = {}
        for day in candidates(program, axes, first, last, here):
            one = picture(program, axes, day)
            pictures.setdefault(one, day)
        kept = biggest(pictures)
        found += [((*one, frozenset({(epoch, 0)})), day) for one, day in kept.items()]
    found.sort(key=lambda one: one[1] != start)
    chosen = tuple(day for _, day in found[:MOST_PICTURES])
    if len(found) > MOST_PICTURES:
        inexact = (*inexact, *(name for name in ("today",) if name not in inexact))
    return Days(chosen or (start,), inexact)


def moving(program: Program) -> tuple[tuple[Moving, ...], tuple[str, ...]]:
    """The date fields that are compared with moving borders, and the columns that move in another way."""
    derived = {step.id: step.expr for step in program.steps if isinstance(step, Derive)}
    fields = {one.name: one for one in program.fields}
    ends: dict[str, dict[Expr, None]] = {}
    inexact: dict[str, None] = {}
    given: set[str] = set()  # steps whose values move with the day
    for table in program.tables:
        results = (written_out(expr, derived) for row in table.rows for expr in row.outputs)
        if any(reads_day(one) or any(node.step in given for node in steps_of(one)) for one in results):
            given.add(table.id)
        for index, column in enumerate(table.columns):
            subject = written_out(column.subject, derived)
            found = [one for row in table.rows if not row.otherwise for one in borders(row.tests[index])]
            if isinstance(subject, FieldValue):
                if isinstance(column.type, Date):
                    ends.setdefault(subject.name, {}).update(dict.fromkeys(found))
            elif steps_of(subject):
                if reads_day(subject) or any(node.step in given for node in steps_of(subject)):
                    inexact[column.name] = None
            elif reads_day(subject) and len(fields_of(subject)) < 2:  # noqa: PLR2004 - over several fields it has an axis
                inexact[column.name] = None
    axes = tuple(
        moving_on(fields[name], tuple(found)) for name, found in ends.items() if any(reads_day(one) for one in found)
    )
    return axes, tuple(inexact)


def moving_on(field: Field, found: tuple[Expr, ...]) -> Moving:
    """The borders on one field."""
    low: Any = field.low
    high: Any = field.high
    given = tuple(end for end in (low, high) if end is not None)
    return Moving(found, low or days.FIRST, high or days.LAST, given)


def epochs(since: list[date]) -> Iterator[tuple[date, date]]:
    """The spans of days in which no parameter changes."""
    first = days.FIRST
    for day in since:
        if day > first:
            yield first, day - timedelta(days=1)
            first = day
    yield first, days.LAST


def candidates(program: Program, axes: tuple[Moving, ...], first: date, last: date, start: date) -> Iterator[date]:
    """Days among which every picture of the span has one."""
    cuts = sorted({first, last, *crossings(program, axes, first, last)})
    yield start
    yield from cuts
    if not any(is_close(program, axis, start) for axis in axes):
        yield from (low + (high - low) // 2 for low, high in pairwise(cuts))
        return
    left = MOST_DAYS
    for low, high in pairwise(cuts):
        begin = start if low <= start <= high - timedelta(days=CYCLE) else low
        for offset in range(min((high - begin).days, CYCLE, left)):
            yield begin + timedelta(days=offset)
        left -= min((high - low).days, CYCLE)
    # The days whose borders lie beside the end of February 2100, which is no leap year.
    values = [value for axis in axes for value in valued(program, axis, start) if value is not None]
    reach = min(max(abs((value - start).days) for value in values), CYCLE) + 40
    for offset in range(-reach, reach):
        day = date(2100, 3, 1) + timedelta(days=offset)
        if first <= day <= last:
            yield day


def crossings(program: Program, axes: tuple[Moving, ...], first: date, last: date) -> Iterator[date]:
    """The days around which a moving border passes a fixed one, or a declared end of the field."""
    for axis in axes:
        values = valued(program, axis, first)
        still = [day for border, day in zip(axis.borders, values, strict=True) if not reads_day(border)]
        for border in axis.borders:
            for day in (*axis.ends, *still) if reads_day(border) else ():
                crossing = None if day is None else first_at_least(program, border, day, first, last)
                if crossing is not None:
                    yield from around(crossing, first, last)


def around(day: date, first: date, last: date) -> Iterable[date]:
    """The days next to one, within the span."""
    found = (day + timedelta(days=offset) for offset in range(-3, 4))
    return [one for one in found if first <= one <= last]


def valued(program: Program, axis: Moving, day: date) -> list[Any]:
    """The borders of an axis on one day."""
    scope = Scope({}, parameter_values(program, day), day, {}, NO_FUNCTIONS)
    return [value_of(border, scope) for border in axis.borders]


def first_at_least(program: Program, border: Expr, day: date, first: date, last: date) -> date | None:
    """The first today of the span on which a border is not before a day; borders never move back."""
    parameters = parameter_values(program, last)

    def reached(today: date) -> bool:
        found: Any = value_of(border, Scope({}, parameters, today, {}, NO_FUNCTIONS))
        return found is None or found >= day

    if not reached(last):
        return None
    low, high = first.toordinal(), last.toordinal()
    while low < high:
        middle = (low + high) // 2
        if reached(date.fromordinal(middle)):
            high = middle
        else:
            low = middle + 1
    return date.fromordinal(low)


def is_close(program: Program, axis: Moving, day: date) -> bool:
    """True when two moving borders are so close that their order may differ between days."""
    values = valued(program, axis, day)
    moving_ones = sorted(
        found for border, found in zip(axis.borders, values, strict=True) if found is not None and reads_day(border)
    )
    for one, other in pairwise(moving_ones):
        far = max(abs((one - day).days), abs((other - day).days))
        if (other - one).days < CLOSE + far // 100:
            return not same_unit(axis)
    return False


def same_unit(axis: Moving) -> bool:
    """True when all borders are today itself or a fixed number of days away, so that they never meet."""
    return all(
        not reads_day(one)
        or isinstance(one, Today)
        or (
            isinstance(one, AddTime)
            and isinstance(one.start, Today)
            and isinstance(one.amount, Constant)
            and one.unit in {"day", "week"}
        )
        for one in axis.borders
    )


def picture(program: Program, axes: tuple[Moving, ...], day: date) -> Picture:
    """For each axis its pieces on that day: which borders lie below each, which on it."""
    return tuple(pieces(axis, valued(program, axis, day)) for axis in axes)


def pieces(axis: Moving, values: Mapping[int, Any] | list[Any]) -> frozenset[tuple[int, int]]:
    """The pieces between the borders within the range of the field, as bit masks of the borders."""
    places: dict[int, int] = {}
    below = 0
    low, high = axis.low.toordinal(), axis.high.toordinal()
    for index, value in enumerate(values):
        if value is None:
            continue
        at = value.toordinal()
        if at < low:
            below |= 1 << index
        elif at <= high:
            places[at] = places.get(at, 0) | 1 << index
    found: set[tuple[int, int]] = set()
    at = low
    for place in sorted(places):
        if place > at:
            found.add((below, 0))
        found.add((below, places[place]))
        below |= places[place]
        at = place + 1
    if at <= high:
        found.add((below, 0))
    return frozenset(found)


def biggest(pictures: Mapping[Picture, date]) -> dict[Picture, date]:
    """The pictures without those whose pieces another one has as well."""
    kept: dict[Picture, date] = {}
    for one, day in sorted(pictures.items(), key=lambda item: -sum(map(len, item[0]))):
        if not any(all(mine <= its for mine, its in zip(one, other, strict=True)) for other in kept):
            kept[one] = day
    return kept
