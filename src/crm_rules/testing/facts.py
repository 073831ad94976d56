"""Strategies for one program: days, constants, facts and whole records, near the borders that the program mentions.

They look at what the program writes, never at what it would answer, so they are quick and reach no rule on purpose:
right for many small programs. For one policy, `crm_rules.testing.records` reaches every rule.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeAlias

from hypothesis import strategies as st

from crm_rules.ir import days
from crm_rules.ir.nodes import Constant, Value
from crm_rules.ir.numbers import Exact, decimals_of, reduced, to_decimal
from crm_rules.ir.program import Dated, Field, Program
from crm_rules.ir.record import Rejected, accept, is_missing
from crm_rules.ir.types import Boolean, Choice, Date, Integer, Money, Number, Type

Draw: TypeAlias = Any

FARTHEST = 1_000  # days or months from today that a number of a program may mean

# Texts that quoting, keywords and separators of some target language trip over.
OPTIONS = ("A", "B", "C", "无", "1", "a b", 'say "x"', "it's", "true", "missing", "12:30", "a, b", "no\nline", "Ä")
NUMBERS: tuple[Exact, ...] = (
    0, 1, -1, 2, 3, 6, 12, 100, 5_000_000, -30, 10**12,
    Fraction(1, 2), Fraction(3, 20), Fraction(-5, 2), Fraction(9999999, 100), Fraction(1, 10**6),
)  # fmt: skip
WHOLE = tuple(number for number in NUMBERS if isinstance(number, int))
DATES = (
    date(2026, 11, 21), date(2026, 12, 21), date(2026, 2, 28), date(2024, 2, 29), date(2026, 1, 31),
    date(2000, 2, 29), date(1900, 1, 1), date(2199, 12, 31), date(2100, 2, 28), date(2026, 8, 31),
)  # fmt: skip

BAD_FACTS: tuple[Any, ...] = (
    True, 1, 0, "1", "", "unknown choice", "2026-01-31", float("nan"), float("inf"), -float("inf"), 1e40, 1e-40,
    Decimal("1.0000000000000000000000000000000001"), Decimal("NaN"), Decimal("1e5000"), Decimal("sNaN"), 10**40,
    Fraction(1, 3), 1.5, datetime(2026, 1, 31, 12, 30), datetime(2026, 1, 31, tzinfo=UTC),  # noqa: DTZ001
    date(1899, 12, 31), date(2200, 1, 1), [], {}, b"A", 1j,
)  # fmt: skip


def chance(draw: Draw, one_in: int) -> bool:
    """True in about one draw of `one_in`; shrinks to False."""
    return bool(draw(st.integers(0, one_in - 1)) == one_in - 1)


# Days


def todays(program: Program | None = None) -> st.SearchStrategy[date]:
    """Days near month ends, leap days and the dates that `program` mentions."""
    mentioned = [] if program is None else [value for value in constants(program) if is_day(value)]
    near = st.sampled_from([*mentioned, *DATES])
    shifted = st.builds(lambda day, shift: in_range(day + timedelta(shift)), near, st.integers(-1, 1))
    ends = st.builds(lambda year, month: date(year, month, days.last_day(year, month)), years(), st.integers(1, 12))
    anywhere = st.dates(days.FIRST, days.LAST)
    return st.one_of(shifted, ends, st.builds(date, years(), st.integers(1, 12), st.integers(1, 28)), anywhere)


def years() -> st.SearchStrategy[int]:
    """Years around now, and those whose leap day is special."""
    return st.sampled_from([2026, 2024, 2027, 2028, 2000, 2100])


def in_range(day: date) -> date:
    """The nearest day of 1900 to 2199."""
    return min(max(day, days.FIRST), days.LAST)


def is_day(value: object) -> bool:
    """True for a date."""
    return isinstance(value, date)


def constants_of(kind: Type) -> st.SearchStrategy[Any]:
    """Values of a type as a policy writes them."""
    match kind:
        case Boolean():
            return st.booleans()
        case Integer():
            return st.one_of(st.sampled_from(WHOLE[:7]), st.sampled_from(WHOLE), st.integers(-40, 40))
        case Number() | Money():
            return st.sampled_from(NUMBERS)
        case Choice(one_of):
            return st.sampled_from(one_of)
        case Date():
            return todays()
        case _:
            return st.sampled_from(OPTIONS)


def plain(kind: Type) -> Type:
    """The type of a constant that is compared with a value of `kind`."""
    return dataclasses.replace(kind, quotient=False) if isinstance(kind, Number | Money) else kind


# Facts


def parts(node: object) -> Iterator[object]:
    """The node and everything below it."""
    yield node
    if isinstance(node, tuple):
        for item in node:
            yield from parts(item)
    elif dataclasses.is_dataclass(node):
        for member in dataclasses.fields(node):
            yield from parts(getattr(node, member.name))


def constants(program: Program) -> list[Any]:
    """Every constant, parameter value, limit and day that the program mentions."""
    found: dict[tuple[str, Any], Any] = {}
    seen: list[Any]
    for node in parts(program):
        match node:
            case Constant(value, _):
                seen = [value]
            case Dated(since, value):
                seen = [since, value]
            case Field(low=low, high=high, default=default):
                seen = [low, high, default]
            case _:
                continue
        found |= {(type(value).__name__, value): value for value in seen if value is not None}
    return list(found.values())


def facts_near(
    one: Field, borders: list[Any], *, plain: bool = False, today: date | None = None
) -> st.SearchStrategy[Any]:
    """Facts that the field accepts, on or one unit beside the borders; `plain` gives values instead of facts."""
    match one.type:
        case Boolean():
            return st.booleans()
        case Choice(one_of):
            return st.sampled_from(one_of)
        case Date():
            dates = [border for border in borders if is_day(border)]
            if today is not None:
                counts = [n for n in borders if isinstance(n, int) and not isinstance(n, bool) and abs(n) < FARTHEST]
                for count in (0, *counts, *(-count for count in counts)):
                    reached = (days.add_days(today, count), days.add_months(today, count))
                    dates += [day for day in reached if day is not None]
            low: Any = one.low or days.FIRST
            high: Any = one.high or days.LAST
            shifted = st.builds(
                lambda day, shift: min(max(in_range(in_range(day) + timedelta(shift)), low), high),
                st.sampled_from([*dates, *DATES]), st.integers(-1, 1),
            )  # fmt: skip
            near = st.one_of(shifted, shifted, st.dates(low, high))
            return near if plain else near.flatmap(date_facts)
        case Integer() | Number() | Money():
            numbers = [n for n in borders if isinstance(n, int | Fraction) and not isinstance(n, bool)]
            near_number = st.builds(
                lambda border, shift: into(one, reduced(border + shift * unit(one, border))),
                st.sampled_from([*numbers, *NUMBERS]), st.integers(-1, 1),
            )  # fmt: skip
            return near_number if plain else near_number.flatmap(number_facts)
        case _:
            return st.sampled_from(OPTIONS)


def unit(one: Field, border: Exact) -> Exact:
    """The step to the border's neighbour: one unit of the field's last decimal, else a tenth of the border's."""
    if isinstance(one.type, Integer):
        return 1
    places = one.decimals if one.decimals is not None else decimals_of(border) + 1
    return Fraction(1, 10**places)


def into(one: Field, number: Exact) -> Exact:
    """The number brought into the field's limits and decimals."""
    places = 0 if isinstance(one.type, Integer) else one.decimals
    low: Any = one.low
    high: Any = one.high
    if low is not None and number < low:
        number = low
    if high is not None and number > high:
        number = high
    if places is not None and decimals_of(number) > places:
        scaled = Fraction(number) * 10**places
        number = reduced(Fraction(-(-scaled.numerator // scaled.denominator), 10**places))
        if high is not None and number > high:
            number = reduced(Fraction(number) - Fraction(1, 10**places))
    return number


def date_facts(day: date) -> st.SearchStrategy[Any]:
    """A day as a date, now and then as a datetime at midnight."""
    midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - a day has no zone
    return st.sampled_from([day, day, day, midnight])


def number_facts(number: Exact) -> st.SearchStrategy[Any]:
    """A number as an int, a Decimal (trailing zeros too) or the float whose repr shows it."""
    decimal = to_decimal(number)
    longer = f"{decimal}.0" if isinstance(decimal, int) else f"{decimal:f}0"
    forms: list[Any] = [decimal, Decimal(decimal), Decimal(longer)]
    if -(10**15) < number < 10**15 and Fraction(repr(float(number))) == number:
        forms.append(float(number))
    return st.sampled_from(forms)


# Records


@st.composite
def program_records(draw: Draw, program: Program, *, today: date | None = None, bad: bool = True) -> dict[str, Any]:
    """A record of facts near the program's borders; with `bad`, half of them have facts nobody may accept."""
    borders = constants(program)
    spoiled = bad and draw(st.booleans())
    record: dict[str, Any] = {}
    for one in program.fields:
        may_miss = one.optional or one.default is not None
        if may_miss and chance(draw, 4):
            if draw(st.booleans()):
                record[one.name] = None
        elif spoiled and chance(draw, 3):
            if not chance(draw, 6):
                record[one.name] = draw(st.sampled_from(BAD_FACTS))
        else:
            record[one.name] = draw(facts_near(one, borders, today=today))
            if not bad and one.name == "currency":
                record[one.name] = "CNY"
    if chance(draw, 4):
        record["not declared"] = draw(st.sampled_from(BAD_FACTS))
    return record


@st.composite
def program_cases(draw: Draw, program: Program, *, bad: bool = True) -> tuple[dict[str, Any], date]:
    """A record and a day that belong together: dates lie near the day plus the program's numbers."""
    today = draw(todays(program))
    return draw(program_records(program, today=today, bad=bad)), today


@st.composite
def program_values(draw: Draw, program: Program, today: date | None = None) -> dict[str, Value | None]:
    """Accepted values, as `read_record` hands them to `evaluate`, near the program's borders."""
    record = draw(program_records(program, today=today, bad=False))
    found: dict[str, Value | None] = {}
    for one in program.fields:
        fact = record.get(one.name)
        value = None if is_missing(fact) else accept(one, fact)
        if isinstance(value, Rejected):
            raise AssertionError(f"{one.name}: {fact!r} is not accepted: {value.expected}")  # noqa: TRY004 - a fault of this module
        found[one.name] = one.default if value is None else value
    return found
