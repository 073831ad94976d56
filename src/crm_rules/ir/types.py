"""The types of values: what may be written in a cell and what may stand in a record.

Types are data and closed: every `match` over `Type` ends in `assert_never`. A unit belongs to the
type, so that money of two currencies, or days and months, never meet in a sum or a comparison.
`DateTime` and `ListOf` are declared for the policies over events that come later; nothing lowers
to them yet.
"""

from __future__ import annotations

from datetime import date, datetime
from fractions import Fraction
from typing import TypeAlias

from crm_rules.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Boolean:
    """True or false; never a number."""


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number, of `unit` (days, months, points, …) where one is known."""

    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Number:
    """An exact decimal; a `quotient` is exact too, but may have no finite decimal form."""

    unit: str | None = None
    quotient: bool = False


@dataclass(frozen=True, slots=True)
class Money:
    """An exact amount of one currency (`unit`, such as CNY)."""

    unit: str
    quotient: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """One text out of a closed set; it has equality and no order."""

    one_of: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Text:
    """A text that is carried through and never tested."""


@dataclass(frozen=True, slots=True)
class Date:
    """A day of the Gregorian calendar without a time."""


@dataclass(frozen=True, slots=True)
class DateTime:
    """A day and a time of day."""


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of records with the named, typed members."""

    members: tuple[tuple[str, Type], ...]


@dataclass(frozen=True, slots=True)
class ListOfValues:
    """The outputs that a COLLECT table gathered, in row order."""

    item: Type


Type: TypeAlias = Boolean | Integer | Number | Money | Choice | Text | Date | DateTime | ListOf | ListOfValues
Numeric: TypeAlias = Integer | Number | Money

MOST_SHOWN = 20
TIME_UNITS = ("day", "week", "month", "year")


def show_type(kind: Type) -> str:  # noqa: C901, PLR0911 - one case a node
    """The words an author reads for a type: `money in CNY`, `whole months`, `one of A, B, C`."""
    match kind:
        case Boolean():
            return "true or false"
        case Integer(unit):
            return f"a whole number of {unit}s" if unit else "a whole number"
        case Number(unit, quotient):
            return ("a quotient" if quotient else "a number") + (f" of {unit}s" if unit else "")
        case Money(unit, quotient):
            return f"a quotient of money in {unit}" if quotient else f"money in {unit}"
        case Choice(one_of):
            return "one of " + show_choices(one_of)
        case Text():
            return "a text"
        case Date():
            return "a date"
        case DateTime():
            return "a date with a time"
        case ListOf():
            return "a list of records"
        case ListOfValues(item):
            return f"a list of {show_type(item)}"


def show_choices(one_of: tuple[str, ...]) -> str:
    """The choices with commas between them; of very many the first ones."""
    more = len(one_of) - MOST_SHOWN
    return ", ".join(one_of[:MOST_SHOWN]) + (f" and {more:,} more" if more > 0 else "")


def is_numeric(kind: Type) -> bool:
    """True for the three types that arithmetic and order are defined on."""
    return isinstance(kind, Integer | Number | Money)


def is_value(value: object, kind: Type) -> bool:  # noqa: PLR0911 - one case a type
    """True for an exact value of the type: a whole number is no fraction, a truth value no number, a moment no day."""
    match kind:
        case Boolean():
            return isinstance(value, bool)
        case Integer():
            return isinstance(value, int) and not isinstance(value, bool)
        case Number() | Money():
            return isinstance(value, int | Fraction) and not isinstance(value, bool)
        case Choice(one_of):
            return value in one_of
        case Text():
            return isinstance(value, str)
        case Date():
            return isinstance(value, date) and not isinstance(value, datetime)
        case ListOfValues(item):
            return isinstance(value, tuple) and all(is_value(one, item) for one in value)
        case DateTime() | ListOf():
            return False
