"""What differs between the SQL of databases, in one table: names, literals, and the few functions that differ.

A *form* is a template with `{}` for its operand, and `{1}` for a second one, which may stand there several times.
Everything else that the printer writes is the same in all dialects. Names and texts become part of a statement here
only, always in quotes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from datetime import date
from fractions import Fraction
from typing import Final, Literal, TypeAlias

from crm_rules.backends.query import DayField, Kind, Storage
from crm_rules.dataclass import dataclass
from crm_rules.diagnostics import did_you_mean
from crm_rules.errors import CallError
from crm_rules.ir.numbers import decimal_parts, show_number
from crm_rules.ir.record import show_fact

Form: TypeAlias = str
MOST_DIGITS: Final = 18  # of a plain number; a longer one is written as a float, which every dialect compares safely


@dataclass(frozen=True, slots=True)
class Dialect:
    """One dialect; the defaults are what most of them understand."""

    name: str
    storage: Storage  # what is known of a column when the text is written
    types: Mapping[Kind, str]
    # How stages stand beside the table: LATERAL subqueries, or nested ones in the subquery of each result.
    stages: Literal["lateral", "nested"] = "lateral"
    end_of_stage: str = ""
    # What leaves the columns of a ranking out of the result; in PostgreSQL the row of the table is one value instead.
    leaves_out: Literal["EXCLUDE", "EXCEPT", "row", ""] = ""
    quote: str = '"'
    longest_name: int | None = None  # in bytes of UTF-8; PostgreSQL cuts what is longer, silently
    refused: tuple[str, ...] = ("\0",)  # in a name
    one_name_in_any_case: bool = True
    escapes: Mapping[str, str] = field(default_factory=lambda: {"'": "''"})
    prefix_of_escapes: str = ""  # before the quote of a text with a backslash
    day: Form = "DATE '{}'"
    current_day: str = "CURRENT_DATE"
    text_of: Form = "{}"
    has_kind: Mapping[Kind, Form] = field(default_factory=dict)
    is_whole: Form = "{} % 1 = 0"
    is_midnight: Form = "CAST({} AS date) = {}"
    day_of: Form = "CAST({} AS date)"
    day_number: Form = ""
    day_at: Form = ""
    # To a day; `{n}` is a number that is known, `{m}` the next one, `{1}` one that is not known.
    add_days: Form = "{} + {n}"
    add_months: Form = "CAST({} + INTERVAL '{n} months' AS date)"
    add_some_months: Form = "CAST({} + {1} * INTERVAL '1 month' AS date)"
    # A day that no policy accepts may be so late that the database raises when something is added.
    not_too_late: Form = "least({}, DATE '9999-12-31')"
    not_too_early: Form = "greatest({}, DATE '0001-01-01')"
    day_parts: Mapping[DayField, Form] = field(default_factory=dict)
    float_type: str = "DOUBLE"
    divides: str = "/"  # integers, cutting towards zero
    least: str = "least"
    greatest: str = "greatest"
    tenth: Literal["decimal", "float"] = "decimal"  # of an integer: × 0.01 is exact where there are decimals
    joins_texts: bool = True  # has concat_ws
    wide: bool = False  # every integer has 64 bits, also a literal


POSTGRES: Final = Dialect(
    name="postgres",
    storage="any",
    types={"boolean": "boolean", "integer": "bigint", "number": "numeric", "text": "text", "day": "date"},
    # Without it PostgreSQL puts each expression wherever it is named, which doubles the work with every stage.
    end_of_stage="OFFSET 0",
    leaves_out="row",
    longest_name=63,
    one_name_in_any_case=False,
    escapes={"'": "''", "\\": "\\\\"},
    prefix_of_escapes="E",  # a plain text would depend on standard_conforming_strings
    text_of='CAST({} AS text) COLLATE "C"',  # enums and citext too, and no collation that ignores case
    is_whole="trunc({}) = {}",
    float_type="double precision",
    # PostgreSQL has dates that are infinite, and raises where they are counted.
    day_number="CASE WHEN isfinite({}) THEN CAST({} - DATE '1970-01-01' AS bigint) END",
    day_at="CASE WHEN {} BETWEEN -719162 AND 2932896 THEN DATE '1970-01-01' + CAST({} AS integer) END",
    day_parts={
        part: f"CASE WHEN isfinite({{}}) THEN CAST(extract({part} FROM {{}}) AS bigint) END"
        for part in ("year", "month", "day")
    },
)
DUCKDB: Final = Dialect(
    name="duckdb",
    storage="any",
    leaves_out="EXCLUDE",
    types={"boolean": "BOOLEAN", "integer": "BIGINT", "number": "DOUBLE", "text": "VARCHAR", "day": "DATE"},
    text_of="CAST({} AS VARCHAR) COLLATE C",
    divides="//",
    day_number="datediff('day', DATE '1970-01-01', {})",
    day_at="CASE WHEN {} BETWEEN -719162 AND 2932896 THEN DATE '1970-01-01' + CAST({} AS INTEGER) END",
    add_some_months="CAST({} + to_months(CAST({1} AS INTEGER)) AS date)",
    day_parts={part: f"{part}({{}})" for part in ("year", "month", "day")},
)
SQLITE: Final = Dialect(
    name="sqlite",
    storage="dynamic",
    types={"boolean": "INTEGER", "integer": "INTEGER", "number": "REAL", "text": "TEXT", "day": "TEXT"},
    stages="nested",
    day="'{}'",
    text_of="{} COLLATE BINARY",
    has_kind={
        "boolean": "typeof({}) = 'integer' AND {} IN (0, 1)",
        "integer": "typeof({}) = 'integer'",
        "number": "typeof({}) IN ('integer', 'real')",
        "text": "typeof({}) = 'text'",
        "day": "typeof({}) = 'text' AND date(julianday({})) IS substr({}, 1, 10)",  # date('2026-02-30') is itself
    },
    is_whole="typeof({}) = 'integer' OR round({}) = {}",
    is_midnight="trim(substr({}, 11), 'T :.0') = ''",
    day_of="date({})",
    day_number="CAST(julianday({}) - 2440587.5 AS INTEGER)",
    day_at="date({} + 2440587.5)",
    add_days="date({}, '{n} days')",
    # SQLite goes on into the next month where the day is not in this one.
    add_months="min(date({}, '{n} months'), date({}, 'start of month', '{m} months', '-1 day'))",
    add_some_months="min(date({}, {1} || ' months'), date({}, 'start of month', ({1} + 1) || ' months', '-1 day'))",
    not_too_late="{}",
    not_too_early="{}",
    day_parts={
        "year": "CAST(strftime('%Y', {}) AS INTEGER)",
        "month": "CAST(strftime('%m', {}) AS INTEGER)",
        "day": "CAST(strftime('%d', {}) AS INTEGER)",
    },
    float_type="REAL",
    least="min",
    greatest="max",
    tenth="float",
    joins_texts=False,  # only since 3.44
    wide=True,
)
SPARK: Final = Dialect(
    name="spark",
    storage="any",
    leaves_out="EXCEPT",
    types={"boolean": "BOOLEAN", "integer": "BIGINT", "number": "DOUBLE", "text": "STRING", "day": "DATE"},
    quote="`",
    refused=("\0", "${"),  # `${name}` in a statement is replaced before it is read, in quotes as well
    escapes={"\\": "\\\\", "'": "\\'", "${": "$\\{"},
    day_number="CAST(datediff({}, DATE '1970-01-01') AS BIGINT)",
    day_at="CASE WHEN {} BETWEEN -719162 AND 2932896 THEN date_add(DATE '1970-01-01', CAST({} AS INT)) END",
    add_days="date_add({}, {n})",
    add_months="add_months({}, {n})",
    add_some_months="add_months({}, CAST({1} AS INT))",
    not_too_late="{}",
    not_too_early="{}",
    text_of="CAST({} AS STRING) COLLATE UTF8_BINARY",  # a column may ignore case
    divides="div",
    day_parts={part: f"CAST({part}({{}}) AS BIGINT)" for part in ("year", "month", "day")},
)
DIALECTS: Final[Mapping[str, Dialect]] = {one.name: one for one in (POSTGRES, DUCKDB, SQLITE, SPARK)}


def dialect_of(name: str) -> Dialect:
    """The dialect of a name; raises `CallError` with the ones there are."""
    if name not in DIALECTS:
        remedy = did_you_mean(name, DIALECTS) or f"there are {', '.join(DIALECTS)}"
        raise CallError(f"there is no SQL dialect `{name}`; {remedy}")
    return DIALECTS[name]


def quoted(name: str, dialect: Dialect) -> str:
    """A name in quotes; raises `CallError` for one that the dialect cannot hold."""
    if type(name) is not str or not name:
        raise CallError(f"a name in SQL is a text that is not empty, found {show_fact(name)}")
    if not encodable(name) or any(part in name for part in dialect.refused):
        raise CallError(f"the name `{printable(name)}` cannot be written in {dialect.name}; rename it")
    if dialect.longest_name is not None and len(name.encode()) > dialect.longest_name:
        limit = dialect.longest_name
        raise CallError(f"the name `{name}` is longer than the {limit} bytes of {dialect.name}; choose a shorter one")
    return dialect.quote + name.replace(dialect.quote, dialect.quote * 2) + dialect.quote


def text_literal(text: str, dialect: Dialect) -> str:
    """A text in quotes; raises `CallError` for one that SQL cannot hold."""
    if "\0" in text or not encodable(text):
        raise CallError(f"the text `{printable(text)}` holds a NUL or half a character, which SQL cannot write")
    pattern = "|".join(re.escape(part) for part in dialect.escapes)
    escaped = re.sub(pattern, lambda found: dialect.escapes[found.group()], text)
    prefix = dialect.prefix_of_escapes if "\\" in text else ""
    return f"{prefix}'{escaped}'"


def literal(value: bool | int | Fraction | str | date, dialect: Dialect) -> str:  # noqa: FBT001 - a value of the query
    """A value as a literal of its kind."""
    match value:
        case bool():
            return "TRUE" if value else "FALSE"
        case int():
            return str(value)
        case Fraction():
            return number_literal(value)
        case str():
            return text_literal(value, dialect)
        case date():
            return dialect.day.replace("{}", value.isoformat())


def number_literal(value: Fraction) -> str:
    """A number in plain digits; in the form of a float where they would be many."""
    parts = decimal_parts(value)
    if parts is None:
        raise AssertionError(value)
    text = show_number(value)
    if sum(letter.isdigit() for letter in text) <= MOST_DIGITS:
        return text
    units, exponent = parts
    digits = str(abs(units))
    point = "." if len(digits) > 1 else ""
    return f"{'-' if units < 0 else ''}{digits[0]}{point}{digits[1:]}e{exponent + len(digits) - 1}"


def tenth_literal(digits: int) -> str:
    """The decimal 10**-digits."""
    return f"0.{'1'.rjust(digits, '0')}"


def printable(text: str) -> str:
    """A name for a message."""
    return "".join(letter if letter.isprintable() else "�" for letter in text)


def encodable(text: str) -> bool:
    """False for a text with half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
