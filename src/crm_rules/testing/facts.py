"""Strategies for one program: days, constants, facts and whole records, near the borders that the program mentions.

They look at what the program writes, never at what it would answer, so they are quick and reach no rule on purpose:
right for many small programs. For one policy, `crm_rules.testing.records` reaches every rule.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cache, lru_cache
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

SHIFTS = st.integers(-1, 1)
YEARS = st.sampled_from([2026, 2024, 2027, 2028, 2000, 2100])  # around now, and those whose leap day is special
MONTH_ENDS = st.builds(lambda year, month: date(year, month, days.last_day(year, month)), YEARS, st.integers(1, 12))
ORDINARY_DAYS = st.builds(date, YEARS, st.integers(1, 12), st.integers(1, 28))

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


# Drawing. Where a program is drawn, most of the time went into making strategies, not into drawing from them: so
# those that come back are made once, and an option is drawn by its index.


@cache
def numbers_below(count: int) -> st.SearchStrategy[int]:
    """The numbers from 0 up to `count`, without it.

    Hypothesis varies an example by exchanging what strategies that look alike have drawn: these look alike only when
    their counts are the same, whereas all of `integers` do.
    """
    return st.sampled_from(range(count))


def number_below(draw: Draw, count: int) -> int:
    """A number from 0 up to `count`, without it; shrinks to 0."""
    return draw(numbers_below(count))  # type: ignore[no-any-return]


def pick(draw: Draw, options: Sequence[Any]) -> Any:
    """One of the options; shrinks to the first."""
    return options[number_below(draw, len(options))]


def chance(draw: Draw, one_in: int) -> bool:
    """True in about one draw of `one_in`; shrinks to False."""
    return bool(number_below(draw, one_in) == one_in - 1)


def coin(draw: Draw) -> bool:
    """True in half of the draws; shrinks to False."""
    return chance(draw, 2)


# Days


def todays(program: Program | None = None) -> st.SearchStrategy[date]:
    """Days near month ends, leap days and the dates that `program` mentions."""
    return days_near(() if program is None else tuple(value for value in constants(program) if is_day(value)))


@lru_cache(maxsize=64)
def days_near(mentioned: tuple[date, ...]) -> st.SearchStrategy[date]:
    """Days near month ends, leap days and those that are mentioned."""
    near = st.sampled_from([*mentioned, *DATES])
    shifted = st.builds(lambda day, shift: in_range(day + timedelta(shift)), near, SHIFTS)
    return st.one_of(shifted, MONTH_ENDS, ORDINARY_DAYS, st.dates(days.FIRST, days.LAST))


@lru_cache(maxsize=64)
def days_between(low: date, high: date) -> st.SearchStrategy[date]:
    """Every day from one to another."""
    return st.dates(low, high)


def in_range(day: date) -> date:
    """The nearest day of 1900 to 2199."""
    return min(max(day, days.FIRST), days.LAST)


def is_day(value: object) -> bool:
    """True for a date."""
    return isinstance(value, date)


@cache
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
    left = [node]
    while left:
        one = left.pop()
        yield one
        if isinstance(one, tuple):
            left.extend(reversed(one))
        else:
            left.extend([getattr(one, name) for name in members_backwards(type(one))])  # type: ignore[arg-type]


@cache
def members_backwards(kind: type) -> tuple[str, ...]:
    """The names of a dataclass's members, the last one first; nothing of any other type."""
    return tuple(one.name for one in reversed(dataclasses.fields(kind))) if dataclasses.is_dataclass(kind) else ()


@lru_cache(maxsize=8)
def constants(program: Program) -> tuple[Any, ...]:
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
    return tuple(found.values())


@st.composite
def facts_near(
    draw: Draw, one: Field, borders: Sequence[Any], *, plain: bool = False, today: date | None = None
) -> Any:
    """A fact that the field accepts, on or one unit beside the borders; `plain` gives a value instead."""
    match one.type:
        case Boolean():
            return coin(draw)
        case Choice(one_of):
            return pick(draw, one_of)
        case Date():
            dates = [border for border in borders if is_day(border)]
            if today is not None:
                counts = [n for n in borders if isinstance(n, int) and not isinstance(n, bool) and abs(n) < FARTHEST]
                for count in (0, *counts, *(-count for count in counts)):
                    reached = (days.add_days(today, count), days.add_months(today, count))
                    dates += [day for day in reached if day is not None]
            low: Any = one.low or days.FIRST
            high: Any = one.high or days.LAST
            if chance(draw, 3):
                day = draw(days_between(low, high))
            else:
                day = in_range(pick(draw, [*dates, *DATES]))
                day = min(max(in_range(day + timedelta(draw(SHIFTS))), low), high)
            return day if plain else pick(draw, date_facts(day))
        case Integer() | Number() | Money():
            numbers = [n for n in borders if isinstance(n, int | Fraction) and not isinstance(n, bool)]
            border: Exact = pick(draw, [*numbers, *NUMBERS])
            number = into(one, reduced(border + draw(SHIFTS) * unit(one, border)))
            return number if plain else pick(draw, number_facts(number))
        case _:
            return pick(draw, OPTIONS)


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


def date_facts(day: date) -> list[Any]:
    """A day as a date, and once in four as a datetime at midnight."""
    midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - a day has no zone
    return [day, day, day, midnight]


def number_facts(number: Exact) -> list[Any]:
    """A number as an int, a Decimal (trailing zeros too) and the float whose repr shows it."""
    decimal = to_decimal(number)
    longer = f"{decimal}.0" if isinstance(decimal, int) else f"{decimal:f}0"
    forms: list[Any] = [decimal, Decimal(decimal), Decimal(longer)]
    if -(10**15) < number < 10**15 and Fraction(repr(float(number))) == number:
        forms.append(float(number))
    return forms


# Records


@st.composite
def program_records(draw: Draw, program: Program, *, today: date | None = None, bad: bool = True) -> dict[str, Any]:
    """A record of facts near the program's borders; with `bad`, half of them have facts nobody may accept."""
    borders = constants(program)
    spoiled = bad and coin(draw)
    record: dict[str, Any] = {}
    for one in program.fields:
        may_miss = one.optional or one.default is not None
        if may_miss and chance(draw, 4):
            if coin(draw):
                record[one.name] = None
        elif spoiled and chance(draw, 3):
            if not chance(draw, 6):
                record[one.name] = pick(draw, BAD_FACTS)
        else:
            record[one.name] = draw(facts_near(one, borders, today=today))
            if not bad and one.name == "currency":
                record[one.name] = "CNY"
    if chance(draw, 4):
        record["not declared"] = pick(draw, BAD_FACTS)
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
