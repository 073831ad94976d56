"""Records of a policy as typed tables, the way databases and dataframes hold them.

A column has one type, so one set of records makes several tables: amounts as floats, as decimals, as whole numbers,
days as dates and as moments. `tables_of` brings each fact into the type of its column, and adds rows with what only
that type can hold: NaN, infinities, the largest integers, the first and the last day, unknown texts.

It knows no engine (see `agreement_engines`), and not what the policy answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from itertools import cycle
from math import floor
from typing import Any, TypeAlias, assert_never

from crm_rules.backends.query import Storage
from crm_rules.ir.numbers import decimals_of, exact, to_decimal
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
)

KEY = "row number"  # no field's name has a space; engines reorder rows, so that answers are found by it
DAY = "day of the row"
PRECISION, SCALE = 20, 6  # of a decimal column
LEAST, MOST = -(2**63), 2**63 - 1

Layout: TypeAlias = Mapping[str, Storage]


@dataclass(frozen=True, slots=True)
class Table:
    """Typed records: `storages` by column, rows that hold every column, None where there is nothing.

    `today` is the day of every row, or the name of the column that holds it; None for a policy that reads no day.
    """

    storages: Layout
    rows: tuple[Mapping[str, Any], ...]
    today: date | str | None = None

    def day(self, row: Mapping[str, Any]) -> date | None:
        """The day that a row is decided for."""
        return row[self.today] if isinstance(self.today, str) else self.today

    def days(self) -> Iterator[tuple[date | None, list[Mapping[str, Any]]]]:
        """Each day with its rows."""
        for day in dict.fromkeys(self.day(row) for row in self.rows):
            yield day, [row for row in self.rows if self.day(row) == day]


def storages_of(field: Field) -> tuple[Storage, ...]:
    """The storages that a column of the field may well have, the likeliest first."""
    match field.type:
        case Boolean():
            return ("boolean",)
        case Integer():
            return ("integer", "decimal", "float")
        case Number() | Money():
            return ("float", "decimal", "integer")
        case Choice() | Text():
            return ("text",)
        case Date():
            return ("date", "datetime")
        case DateTime() | ListOf() | ListOfValues():
            return ()
        case _:
            assert_never(field.type)


def layouts_of(fields: Sequence[Field]) -> Iterator[Layout]:
    """Some ways to store a record, so that each storage of each field is in one of them."""
    most = max((len(storages_of(field)) for field in fields), default=1)
    for place in range(most):
        layout: dict[str, Storage] = {field.currency: "text" for field in fields if field.currency is not None}
        for field in fields:
            ways = storages_of(field)
            layout[field.name] = ways[place % len(ways)]
        yield layout


def table_of(
    records: Iterable[Mapping[str, Any]], layout: Layout, today: date | str | None, *, odd: bool = True
) -> Table:
    """The records in the types of the columns, then as many of them with one odd fact as there are odd facts."""
    storages = {**layout, DAY: "date"} if isinstance(today, str) else layout
    rows = [{name: fitted(record.get(name), storages[name]) for name in storages} for record in records]
    if rows and odd:
        facts = [(name, fact) for name, storage in layout.items() for fact in ODD[storage]]
        rows += [{**row, name: fact} for (name, fact), row in zip(facts, cycle(tuple(rows)), strict=False)]
    numbered = tuple({KEY: number, **row} for number, row in enumerate(rows))
    return Table({KEY: "integer", **storages}, numbered, today)


# Facts in the type of a column

ODD: Mapping[Storage, tuple[Any, ...]] = {
    "boolean": (),
    "integer": (MOST, LEAST, 2**53 + 1, -(2**53) - 1, 0),
    "float": (
        float("nan"), float("inf"), -float("inf"), 1e40, -1e40, 1e-40, 1.7e308, 5e-324, 2.0**53, -(2.0**53),
        1e22, 1e15 + 0.3, 0.1 + 0.2, 1 / 3, -0.0, 12345678901.123457,
    ),
    "decimal": (
        Decimal("99999999999999.999999"), Decimal("-99999999999999.999999"), Decimal("0.000001"),
        Decimal("9007199254740.993"),
    ),
    "text": ("", "unknown choice", " ", "客户", "a'b\"c;d", "A ", "\N{GRINNING FACE}"),
    "date": (
        date.min, date.max, date(1899, 12, 31), date(1900, 1, 1), date(2200, 1, 1), date(2199, 12, 31),
        date(2024, 2, 29),
    ),
    "datetime": (
        datetime(2026, 1, 31, 12, 30), datetime(2026, 1, 31, 0, 0, 0, 1), datetime(1899, 12, 31), datetime(2200, 1, 1),  # noqa: DTZ001
        datetime(2000, 2, 29), datetime(2199, 12, 31, 23, 59, 59, 999999),  # noqa: DTZ001
    ),
    "any": (),
    "dynamic": (),
}  # fmt: skip


def fitted(fact: Any, storage: Storage) -> Any:  # noqa: PLR0911 - one case a storage
    """The fact, or the nearest thing to it that the storage holds; None where there is none."""
    match storage:
        case "boolean":
            return fact if isinstance(fact, bool) else None
        case "text":
            return fact if isinstance(fact, str) else None
        case "date":
            return date(fact.year, fact.month, fact.day) if isinstance(fact, date) else None
        case "datetime":
            if isinstance(fact, datetime):
                return fact.replace(tzinfo=None)
            return datetime(fact.year, fact.month, fact.day) if isinstance(fact, date) else None  # noqa: DTZ001
        case "integer" | "float" | "decimal":
            if isinstance(fact, bool) or not isinstance(fact, int | float | Decimal):
                return None
            if storage == "float" and isinstance(fact, float):
                return fact
            value = exact(fact)
            return None if value is None else number_in(Fraction(value), storage)
        case "any" | "dynamic":
            return fact
        case _:
            assert_never(storage)


def number_in(value: Fraction, storage: Storage) -> Any:
    """A number in a numeric column: cut to the decimals that the column has, nothing where it is too long."""
    if storage == "float":
        return float(value)
    if storage == "integer":
        whole = floor(value)
        return whole if LEAST <= whole <= MOST else None
    cut = Fraction(floor(value * 10**SCALE), 10**SCALE)
    found = Decimal(to_decimal(cut))
    return found if abs(cut) < 10 ** (PRECISION - SCALE) and decimals_of(cut) <= SCALE else None
