"""What values an expression can have at all: outer bounds by interval arithmetic, node by node.

Every value that the reference evaluator can give lies in the `extent`, and missing does when it can be missing;
not every value of the extent need occur. It is exact for one field and loose where a field stands in several
operands. A total over tables is bounded table by table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from typing import Any, assert_never

from crm_rules.ir import days
from crm_rules.ir.nodes import (
    Absolute,
    Add,
    AddTime,
    Call,
    Coalesce,
    Constant,
    DatePart,
    DaysBetween,
    Divide,
    Expr,
    FieldValue,
    Holds,
    LatestStart,
    Maximum,
    Minimum,
    MonthsBetween,
    Multiply,
    Negate,
    Nothing,
    ParameterValue,
    Round,
    StartedMonths,
    StepValue,
    Subtract,
    Today,
)
from crm_rules.ir.numbers import reduced, rounded
from crm_rules.ir.program import Derive, Program, Table, Total
from crm_rules.questions.images import FIRST_DAY, LAST_DAY, MOST_TIME, WHOLE, mirrored, reciprocal
from crm_rules.questions.intervals import INFINITE, Interval, Point, interval_of
from crm_rules.questions.sets import BOTH, MISSING, NOTHING, TEXTS, ValueSet, between, domain_of, point, present, union

CALENDAR = between(date.min, date.max)
PARTS = {"month": 12, "day": 31, "weekday": 7}


def extent(expr: Expr, program: Program, today: date | None) -> ValueSet:
    """An outer bound of the values of `expr`, over all records and on `today`, or on any day when that is None.

    A parameter that is blank then can have any value. Cost: one visit of each node and each step it needs.
    """
    return Extents(program, today).of(expr)


class Extents:
    """The extents of one program's expressions; what a step can give is found once."""

    def __init__(self, program: Program, today: date | None) -> None:
        self.fields = {one.name: domain_of(one).all for one in program.fields}
        self.parameters = {one.name: one for one in program.parameters}
        self.steps = {step.id: step for step in program.steps}
        self.today = today
        self.known: dict[tuple[str, str], ValueSet] = {}

    def of(self, expr: Expr) -> ValueSet:  # noqa: C901, PLR0911, PLR0912 - one case a node
        """The bound of one expression."""
        match expr:
            case Constant(value, _):
                return point(value)
            case Nothing():
                return MISSING
            case FieldValue(name):
                return self.fields[name]
            case ParameterValue(name):
                return self.parameter(name)
            case StepValue(step, output):
                return self.step(step, output)
            case Today():
                return between(days.FIRST, days.LAST) if self.today is None else point(self.today)
            case Negate(operand):
                return reversed_sign(self.of(operand))
            case Absolute(operand):
                one = self.of(operand)
                return ((one | mirrored(one)) & between(0, None)) | absent(one)
            case Round(operand, digits, mode):
                one = self.of(operand)
                return over_ends(one, lambda end: rounded(end, digits, mode)) | absent(one)
            case Add(left, right):
                return total(self.of(left), self.of(right))
            case Subtract(left, right):
                return total(self.of(left), reversed_sign(self.of(right)))
            case Multiply(left, right):
                return product(self.of(left), self.of(right))
            case Divide(left, right):
                by = self.of(right)
                inverse = reciprocal(by, 1) | absent(by) | (MISSING if by.contains(0) else NOTHING)
                return product(self.of(left), inverse)
            case Minimum(operands):
                return reversed_sign(largest(reversed_sign(self.of(operand)) for operand in operands))
            case Maximum(operands):
                return largest(self.of(operand) for operand in operands)
            case Coalesce(operands):
                found = MISSING
                for operand in operands:
                    if found.missing:
                        found = (found - MISSING) | self.of(operand)
                return found
            case AddTime(start, amount, unit):
                return over_dates(self.of(start), self.of(amount), lambda day, count: days.add_time(day, count, unit))
            case LatestStart(end, months):
                return over_dates(
                    self.of(end), reversed_sign(self.of(months)), lambda day, count: days.latest_start(day, -count)
                )
            case DaysBetween(start, end):
                return total(self.of(end), reversed_sign(self.of(start)))
            case MonthsBetween(start, end):
                return over_pairs(self.of(start), self.of(end), days.months_between)
            case StartedMonths(start, end):
                return over_pairs(self.of(start), self.of(end), days.started_months)
            case DatePart(operand, part):
                one = self.of(operand)
                if part == "year":
                    return over_ends(one & CALENDAR, lambda day: date.fromordinal(day).year) | absent(one)
                return (between(1, PARTS[part]) if one.intervals else NOTHING) | absent(one)
            case Holds():
                return BOTH
            case Call(_, arguments, kind, low, high):
                missing = any(self.of(argument).missing for argument in arguments)
                range_ = present(kind) if low is None and high is None else between(low, high)
                return range_ | (MISSING if missing else NOTHING)
            case _:
                assert_never(expr)

    def parameter(self, name: str) -> ValueSet:
        """The values that a parameter can have."""
        one = self.parameters[name]
        if self.today is not None:
            value = one.at(self.today)
            return present(one.type) if value is None else point(value)
        return union(point(dated.value) for dated in one.values) or present(one.type)

    def step(self, name: str, output: str) -> ValueSet:
        """The values that a decided step can give."""
        found = self.known.get((name, output))
        if found is None:
            found = self.known[name, output] = self.given(self.steps[name], output)
        return found

    def given(self, step: Derive | Table | Total, output: str) -> ValueSet:
        """The same, worked out."""
        match step:
            case Derive():
                return self.of(step.expr)
            case Total():
                found = point(step.initial)
                for table, weight in step.terms:
                    found = total(found, product(self.step(table, step.output) - MISSING, point(weight)))
                return found
            case Table():
                return self.gathered(step, output)
            case _:
                assert_never(step)

    def gathered(self, table: Table, output: str) -> ValueSet:
        """What the rows of a table can give, each alone or gathered."""
        place = next(index for index, (name, _) in enumerate(table.outputs) if name == output)
        rows = [self.of(row.outputs[place]) for row in table.rows]
        match table.aggregation:
            case None:
                return union((*rows, MISSING) if table.optional else rows)
            case "list":
                return TEXTS
            case "count":
                return between(0, len(rows))
            case "sum":
                found = point(0)
                for row in rows:
                    found = total(found, (row - MISSING) | point(0))
                return found
            case "min" | "max":
                return union(rows) - MISSING
            case _:
                assert_never(table.aggregation)


def absent(some: ValueSet) -> ValueSet:
    """Missing where the set has it."""
    return MISSING if some.missing else NOTHING


def reversed_sign(some: ValueSet) -> ValueSet:
    """The points with the other sign, and missing where it was."""
    return mirrored(some) | absent(some)


def hull(some: ValueSet) -> Interval:
    """The interval from the first to the last point; the set has points."""
    first, last = some.intervals[0], some.intervals[-1]
    return Interval(first.low, first.low_closed, last.high, last.high_closed)


def total(left: ValueSet, right: ValueSet) -> ValueSet:
    """The sums of two numbers."""
    missing = absent(left) | absent(right)
    if not left.intervals or not right.intervals:
        return missing
    one, other = hull(left), hull(right)
    low = None if one.low is None or other.low is None else reduced(one.low + other.low)
    high = None if one.high is None or other.high is None else reduced(one.high + other.high)
    return missing | between(
        low,
        high,
        low_closed=one.low_closed and other.low_closed,
        high_closed=one.high_closed and other.high_closed,
    )


def product(left: ValueSet, right: ValueSet) -> ValueSet:
    """The products of two numbers: the corners bound them."""
    missing = absent(left) | absent(right)
    if not left.intervals or not right.intervals:
        return missing
    corners = [times(one, other) for one in infinite_ends(hull(left)) for other in infinite_ends(hull(right))]
    low, high = min(corners), max(corners)
    return missing | between(None if low == -INFINITE else low, None if high == INFINITE else high)


def infinite_ends(one: Interval) -> tuple[Any, Any]:
    """Both ends, infinite where there is none."""
    return -INFINITE if one.low is None else one.low, INFINITE if one.high is None else one.high


def times(left: Any, right: Any) -> Any:
    """The product of two ends. An end without limit times zero is zero: no factor is itself infinite."""
    if left == 0 or right == 0:
        return 0
    if abs(left) == INFINITE or abs(right) == INFINITE:
        return INFINITE if (left > 0) == (right > 0) else -INFINITE
    return reduced(left * right)


def largest(sets: Iterable[ValueSet]) -> ValueSet:
    """The largest of one point of each set."""
    found = tuple(sets)
    missing = MISSING if any(one.missing for one in found) else NOTHING
    if not all(one.intervals for one in found):
        return missing
    spans = [hull(one).span for one in found]
    return missing | ValueSet((interval_of((max(first for first, _ in spans), max(last for _, last in spans))),))


def over_ends(some: ValueSet, rising: Callable[[Any], Point]) -> ValueSet:
    """The values of a rising function on the points."""
    if not some.intervals:
        return NOTHING
    one = hull(some)
    return between(None if one.low is None else rising(one.low), None if one.high is None else rising(one.high))


def ends_on(some: ValueSet, first: int, last: int) -> tuple[int, int] | None:
    """The first and the last whole number of a set from `first` to `last`, or None."""
    kept = WHOLE.grid(some & between(first, last))
    if not kept.intervals:
        return None
    one = hull(kept)
    return int(one.low or 0), int(one.high or 0)


def over_dates(some: ValueSet, counts: ValueSet, rising: Callable[[date, int], date | None]) -> ValueSet:
    """The days that date arithmetic rising in both operands gives; missing where it leaves the calendar."""
    missing = absent(some) | absent(counts)
    if not some.intervals or not counts.intervals:
        return missing
    dates, steps = ends_on(some, FIRST_DAY, LAST_DAY), ends_on(counts, -MOST_TIME, MOST_TIME)
    if dates is None or steps is None:  # every count is too large
        return MISSING
    low, high = (rising(date.fromordinal(day), count) for day, count in zip(dates, steps, strict=True))
    if low is None or high is None:
        missing = MISSING
    return missing | between(low or date.min, high or date.max)


def over_pairs(start: ValueSet, end: ValueSet, months: Callable[[date, date], int]) -> ValueSet:
    """The months between two days, which fall with the first and rise with the second."""
    missing = absent(start) | absent(end)
    starts, ends = ends_on(start, FIRST_DAY, LAST_DAY), ends_on(end, FIRST_DAY, LAST_DAY)
    if starts is None or ends is None:
        return missing
    (first, last), (first_end, last_end) = (tuple(map(date.fromordinal, one)) for one in (starts, ends))
    return missing | between(months(last, first_end), months(first, last_end))
