"""A column of a table as durable-rules sees it: how its values are written in a fact, and its tests as conditions.

durable-rules compares integers below 2**63, short texts and truth values, and nothing else exactly. So a date is
written as its number of days, and a number as a whole number of steps that are finer than the column's borders: a value
between two steps is moved to one that is no border, a value beyond all borders no farther than the engine sees. So a
test holds for what is written exactly when it holds for the value. A missing value is an absent property.

What a test accepts is asked of the reference evaluator, once for each region between its borders.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from fractions import Fraction
from typing import Any, Literal, TypeAlias, assert_never

from crm_rules.dataclass import dataclass
from crm_rules.errors import RefusedError
from crm_rules.ir.evaluate import Scope, passes, value_of
from crm_rules.ir.nodes import FieldValue, StepValue, Test, Value
from crm_rules.ir.numbers import decimals_of, show_number
from crm_rules.ir.program import Column, Row, Table
from crm_rules.ir.rewrite import descendants
from crm_rules.ir.types import Boolean, Choice, Date, DateTime, Integer, ListOf, ListOfValues, Money, Number, Text
from crm_rules.ir.typing import borders

Condition: TypeAlias = dict[str, Any]

FARTHEST = 2**62  # the engine compares integers exactly below 2**63
LONGEST = 5_000  # characters of a choice: the engine keeps a length in 16 bits, and a character may take 12 bytes


@dataclass(frozen=True, slots=True)
class Region:
    """Values that a test answers alike: one border, or all between two (None: without an end)."""

    low: int | None
    high: int | None
    witness: Value


@dataclass(frozen=True, slots=True)
class Axis:
    """A column with its property in a fact.

    Of a number `places` decimals are written; a day is written as its number; `choices` are all values of a column
    without an order. Of anything else is only asked whether it is there.
    """

    property: str
    form: Literal["number", "day", "choice", "presence"]
    places: int = 0
    choices: tuple[str | bool, ...] = ()

    def written(self, value: Any) -> int | str | bool:
        """A present value as it stands in a fact."""
        match self.form:
            case "number":
                return steps(value, self.places)
            case "day":
                day: date = value
                return day.toordinal()
            case "choice":
                choice: str | bool = value
                return choice
            case "presence":
                return True
            case _:
                assert_never(self.form)

    def ways(self, test: Test, scope: Scope) -> list[list[Condition]] | None:
        """The ways in which a cell can hold, each some conditions joined by AND; None where it always holds.

        No fact fits two of them. Where there are none, the cell never holds.
        """
        regions = self.regions(test, scope)
        values = [region.witness for region in regions] or self.choices or (True,)
        accepted = [passes(test, value, scope) for value in values]
        missing = passes(test, None, scope)
        if all(accepted):
            return None if missing else [[{"$ex": {self.property: 1}}]]
        found = list(self.runs(regions, accepted) if regions else self.members(accepted))
        return [*found, [{"$nex": {self.property: 1}}]] if missing else found

    def regions(self, test: Test, scope: Scope) -> list[Region]:
        """The regions between the borders of one test, from low to high; none of a column without an order."""
        mentioned: Any = {value for border in borders(test) if (value := value_of(border, scope)) is not None}
        match self.form:
            case "number":
                return list(number_regions(sorted(mentioned), self.places))
            case "day":
                return list(day_regions(sorted(mentioned)))
            case "choice" | "presence":
                return []
            case _:
                assert_never(self.form)

    def members(self, accepted: Sequence[bool]) -> Iterator[list[Condition]]:
        """Equal to an accepted choice, or different from all the others where these are fewer."""
        inside = [value for value, holds in zip(self.choices, accepted, strict=False) if holds]
        outside = [value for value in self.choices if value not in inside]
        if len(outside) < len(inside):
            yield [{"$neq": {self.property: value}} for value in outside]
        else:
            yield from ([{self.property: value}] for value in inside)

    def runs(self, regions: Sequence[Region], accepted: Sequence[bool]) -> Iterator[list[Condition]]:
        """Between the ends of neighbouring accepted regions."""
        run: list[Region] = []
        for region, holds in zip(regions, accepted, strict=True):
            if holds:
                run.append(region)
            elif run:
                yield self.between(run[0], run[-1])
                run = []
        if run:
            yield self.between(run[0], run[-1])

    def between(self, first: Region, last: Region) -> list[Condition]:
        """From the first to the last region; a region that is a border alone belongs to them."""
        if first == last and first.low == first.high:
            return [{self.property: first.low}]
        conditions: list[Condition] = []
        if first.low is not None:
            conditions.append({"$gte" if first.low == first.high else "$gt": {self.property: first.low}})
        if last.high is not None:
            conditions.append({"$lte" if last.low == last.high else "$lt": {self.property: last.high}})
        return conditions


def steps(value: int | Fraction, places: int) -> int:
    """A number in steps of 10**-places: exactly, or on the same side of every border."""
    exact = Fraction(value) * 10**places
    whole: int = exact.numerator // exact.denominator
    if exact.denominator != 1 and whole % 10 == 0:  # it lies above a step that may be a border
        whole += 1
    return max(-FARTHEST, min(whole, FARTHEST))


def number_regions(mentioned: Sequence[int | Fraction], places: int) -> Iterator[Region]:
    """The borders of a test of numbers, and what lies between them."""
    low: int | Fraction | None = None
    at: int | None = None
    for border in mentioned:
        written = steps(border, places)
        yield Region(at, written, border - 1 if low is None else Fraction(low + border) / 2)
        low, at = border, written
        yield Region(at, at, border)
    yield Region(at, None, 0 if low is None else low + 1)


def day_regions(mentioned: Sequence[date]) -> Iterator[Region]:
    """The borders of a test of days, and the days between them where there are any."""
    low: date | None = None
    at: int | None = None
    for border in mentioned:
        day = border.toordinal()
        if day - 1 not in (at, 0):
            yield Region(at, day, border - timedelta(days=1))
        low, at = border, day
        yield Region(at, at, border)
    if low != date.max:
        yield Region(at, None, date.min if low is None else low + timedelta(days=1))


def axes(table: Table, scope: Scope) -> tuple[Axis, ...]:
    """The columns of a table on the day of the scope, each with a property of its own."""
    taken = {"kind", "sid", "id"}  # they have a meaning in every fact
    found: list[Axis] = []
    for place, column in enumerate(table.columns):
        name = column.name if column.name.isidentifier() else f"column_{place + 1}"
        while name in taken:
            name += "_"
        taken.add(name)
        cells = [(row, row.tests[place]) for row in table.rows if not row.otherwise]
        found.append(AxisReader(table, column, cells, scope).axis(name))
    return tuple(found)


class AxisReader:
    """Reads one column of a table; refuses what the engine cannot compare."""

    def __init__(self, table: Table, column: Column, cells: list[tuple[Row, Test]], scope: Scope) -> None:
        self.table = table
        self.column = column
        self.mentioned: dict[Any, Row] = {}
        for row, test in cells:
            for border in borders(test):
                if any(isinstance(node, FieldValue | StepValue) for node in descendants(border)):
                    raise self.refused(row, "has a border that differs from record to record")
                value = value_of(border, scope)
                if value is not None:  # no value is equal to, above or below a missing border
                    self.mentioned.setdefault(value, row)

    def axis(self, name: str) -> Axis:
        """The column under the name of its property."""
        kind = self.column.type
        match kind:
            case Boolean():
                return Axis(name, "choice", choices=(False, True))
            case Choice(one_of):
                for value in (*one_of, *self.mentioned):
                    if len(value) > LONGEST or any("\ud800" <= character <= "\udfff" for character in value):
                        raise self.refused(None, f"has a choice of more than {LONGEST:,} characters, or of no text")
                return Axis(name, "choice", choices=one_of)
            case Integer() | Number() | Money():
                return Axis(name, "number", self.places(kind))
            case Date():
                return Axis(name, "day")
            case Text() | DateTime() | ListOf() | ListOfValues():
                for row in self.mentioned.values():
                    raise self.refused(row, "compares a text that is carried only")
                return Axis(name, "presence")
            case _:
                assert_never(kind)

    def places(self, kind: Integer | Number | Money) -> int:
        """The decimals that are written: those of the borders, and one more where a value may lie between two steps."""
        decimals = max(map(decimals_of, self.mentioned), default=0)
        places = decimals if isinstance(kind, Integer) else decimals + 1
        for value, row in self.mentioned.items():
            written = Fraction(value) * 10**places
            if written.denominator != 1 or not -FARTHEST < written < FARTHEST:
                raise self.refused(row, f"compares with {show_number(value)}, which has too many digits")
        return places

    def refused(self, row: Row | None, what: str) -> RefusedError:
        """The error that says what the engine cannot carry, and where it stands."""
        rule = "" if row is None else f"rule `{row.id}` "
        return RefusedError(f"durable-rules cannot carry {rule}of `{self.table.id}`: `{self.column.name}` {what}")
