"""From the facts of a record to accepted values: the one place that says what a fact may be.

A boolean is a bool and nothing else; a number is an int, a Decimal or a float that fits (see
`numbers`), never a bool or a text; a choice is a text of the declared set; a date is a date, or a
datetime at midnight without a zone. Missing is an absent key, None, NaT and NA. Whatever is not
accepted becomes a `Problem`; all problems of a record are found at once and nothing is coerced.

Text facts (CSV, JSON) are not read here: see `parse_fact`, which a caller applies first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from math import isfinite
from typing import Any, Literal, TypeAlias, assert_never

from crm_rules.dataclass import dataclass
from crm_rules.ir import days
from crm_rules.ir.nodes import Value
from crm_rules.ir.numbers import decimals_of, exact, fits, parse_number, reduced, show_number
from crm_rules.ir.program import Field, Program
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
    show_type,
)

ProblemCode: TypeAlias = Literal[
    "missing",
    "wrong-type",
    "not-finite",
    "too-many-digits",
    "not-in-choices",
    "out-of-range",
    "decimals",
    "currency",
    "blank",
]

LONG = 10**60


@dataclass(frozen=True, slots=True)
class Problem:
    """Why the fact of one field was not accepted: what was found and what was expected, in words."""

    field: str
    code: ProblemCode
    found: str
    expected: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """A fact that is no value of its type."""

    code: ProblemCode
    expected: str


@dataclass(frozen=True, slots=True)
class Reading:
    """The accepted values, None where missing, and the problems; a field with a problem has no value."""

    values: dict[str, Value | None]
    problems: tuple[Problem, ...]


def read_record(program: Program, record: Mapping[str, Any]) -> Reading:
    """Accept the declared fields of `record`; unknown keys are ignored."""
    values: dict[str, Value | None] = {}
    problems: list[Problem] = []
    for field in program.fields:
        fact = record.get(field.name)
        value: Value | Rejected | None = None if is_missing(fact) else accept(field, fact)
        if value is None:
            value = field.default
            if value is None and not field.optional:
                problems.append(Problem(field.name, "missing", "nothing", show_type(field.type)))
                continue
        if isinstance(value, Rejected):
            problems.append(Problem(field.name, value.code, show_fact(fact), value.expected))
        else:
            values[field.name] = value
        if field.currency is not None:
            currency = record.get(field.currency)
            if not (is_missing(fact) and is_missing(currency)):  # no amount needs no currency
                problems += other_currency(field, currency)
    return Reading(values, tuple(problems))


def other_currency(field: Field, fact: Any) -> list[Problem]:
    """The problem of a row in another currency than the field's unit, if it is one."""
    unit = field.type.unit if isinstance(field.type, Money) else None
    if isinstance(fact, str) and str.__eq__(fact, str(unit)):
        return []
    found = "nothing" if is_missing(fact) else show_fact(fact)
    return [Problem(str(field.currency), "currency", found, f"{unit}, the currency of {field.name}")]


def is_missing(fact: Any) -> bool:
    """True for None, NaT and NA; NaN of a float is not missing but invalid."""
    if fact is None:
        return True
    if isinstance(fact, date):
        return bool(fact != fact)  # noqa: PLR0124 - NaT is a date that is not equal to itself
    name = type(fact).__name__
    return name in {"NAType", "NaTType"} or (name == "datetime64" and bool(fact != fact))  # noqa: PLR0124 - NaT


def accept(field: Field, fact: Any) -> Value | Rejected:
    """The value of a present fact, or why it is rejected."""
    value = accept_type(field.type, fact)
    if isinstance(value, Rejected):
        return value
    if isinstance(value, date):
        low, high = field.low or days.FIRST, field.high or days.LAST
        within: bool = low <= value <= high  # type: ignore[operator]
        return value if within else Rejected("out-of-range", f"a date from {low} to {high}")
    if field.low is not None and value < field.low:  # type: ignore[operator]
        return Rejected("out-of-range", f"at least {show_number(field.low)}")  # type: ignore[arg-type]
    if field.high is not None and value > field.high:  # type: ignore[operator]
        return Rejected("out-of-range", f"at most {show_number(field.high)}")  # type: ignore[arg-type]
    if field.decimals is not None and decimals_of(value) > field.decimals:  # type: ignore[arg-type]
        return Rejected("decimals", f"at most {field.decimals} decimals")
    return value


def accept_type(kind: Type, fact: Any) -> Value | Rejected:  # noqa: PLR0911 - one case a type
    """The value of a present fact of one type, whatever the field's range."""
    match kind:
        case Boolean():
            return fact if isinstance(fact, bool) else Rejected("wrong-type", show_type(kind))
        case Integer() | Number() | Money():
            return accept_number(kind, fact)
        case Choice(one_of):
            if not isinstance(fact, str):
                return Rejected("wrong-type", show_type(kind))
            text = str.__str__(fact)
            return text if text in one_of else Rejected("not-in-choices", show_type(kind))
        case Text():
            return str.__str__(fact) if isinstance(fact, str) else Rejected("wrong-type", show_type(kind))
        case Date():
            return accept_date(kind, fact)
        case DateTime() | ListOf() | ListOfValues():
            return Rejected("wrong-type", show_type(kind))
        case _:
            assert_never(kind)


def accept_number(kind: Integer | Number | Money, fact: Any) -> Value | Rejected:
    """An exact int or Fraction of an int, Decimal or float fact; a quotient may come as the fraction it is."""
    if isinstance(fact, Fraction) and not isinstance(kind, Integer) and kind.quotient:
        return reduced(fact)
    if isinstance(fact, bool) or not isinstance(fact, int | float | Decimal):
        return Rejected("wrong-type", show_type(kind))
    value = exact(fact)
    if value is None:
        # A signalling NaN raises when compared, and an int may be too long for a float: each type its own way.
        finite = fact.is_finite() if isinstance(fact, Decimal) else isinstance(fact, int) or isfinite(fact)
        if not finite:
            return Rejected("not-finite", show_type(kind))
        return Rejected("too-many-digits", "a number of at most 34 digits")
    if isinstance(kind, Integer) and value.denominator != 1:
        return Rejected("wrong-type", show_type(kind))
    return value


def accept_date(kind: Date, fact: Any) -> Value | Rejected:
    """A date, or the date of a datetime at midnight without a zone."""
    if isinstance(fact, datetime):
        midnight = fact.tzinfo is None and (fact.hour, fact.minute, fact.second, fact.microsecond) == (0, 0, 0, 0)
        if not midnight or getattr(fact, "nanosecond", None):
            return Rejected("wrong-type", "a date without a time")
        return date(fact.year, fact.month, fact.day)
    return fact if isinstance(fact, date) else Rejected("wrong-type", show_type(kind))


# As a quotient is written that has no finite decimal form.
QUOTIENT = re.compile(r"[0-9]{1,1200}/[1-9][0-9]{0,1199}")


def parse_fact(kind: Type, text: str) -> Value | Rejected:
    """The value that a text writes for a type: the policy's own number, date and boolean forms."""
    match kind:
        case Boolean():
            return {"true": True, "false": False}.get(text, Rejected("wrong-type", show_type(kind)))
        case Integer() | Number() | Money():
            number = parse_number(text)
            if number is None:
                quotient = not isinstance(kind, Integer) and kind.quotient and QUOTIENT.fullmatch(text)
                return reduced(Fraction(text)) if quotient else Rejected("wrong-type", show_type(kind))
            return accept_number(kind, number) if isinstance(number, int) else fraction_fact(kind, number)
        case Date():
            day = parse_date(text)
            return Rejected("wrong-type", "a date such as 2026-01-31") if day is None else day
        case Choice() | Text():
            return accept_type(kind, text)
        case DateTime() | ListOf() | ListOfValues():
            return Rejected("wrong-type", show_type(kind))
        case _:
            assert_never(kind)


def fraction_fact(kind: Integer | Number | Money, number: Any) -> Value | Rejected:
    """A decimal written in a text: whole where the type asks for it, and of at most 34 digits."""
    if isinstance(kind, Integer):
        return Rejected("wrong-type", show_type(kind))
    return number if fits(number) else Rejected("too-many-digits", "a number of at most 34 digits")


def parse_date(text: str) -> date | None:
    """The day of an ISO text `2026-01-31`, else None."""
    if len(text) != 10 or not text.isascii() or text[4] != "-" or text[7] != "-":  # noqa: PLR2004 - YYYY-MM-DD
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def show_fact(fact: Any) -> str:
    """A fact as a person reads it in a message, shortened to 60 characters."""
    if isinstance(fact, bool):
        return "true" if fact else "false"
    if isinstance(fact, str):
        text = f"the text `{str.__str__(fact)}`"
    elif isinstance(fact, int) and abs(fact) >= LONG:  # Python refuses to write the longest ones
        text = "a whole number of more than 60 digits"
    elif isinstance(fact, int | float | Decimal | date):
        text = str(fact)
    elif isinstance(fact, Mapping):
        text = "a record"
    elif isinstance(fact, list | tuple | set | frozenset):
        text = "a list"
    elif isinstance(fact, bytes | bytearray):
        text = "bytes that are no text yet"
    else:
        # The name of a foreign class is all that tells a caller where the value comes from.
        text = f"a `{type(fact).__name__}`"
    return text if len(text) <= 60 else text[:59] + "…"  # noqa: PLR2004 - a line of a message
