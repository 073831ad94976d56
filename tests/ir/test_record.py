"""What a fact may be: each type against each fact that real data brings, and the words of the problems."""

from __future__ import annotations

import decimal
import re
from collections import UserString
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum, IntEnum
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_rules.ir.nodes import Value
from crm_rules.ir.numbers import show_number
from crm_rules.ir.program import Field, Program
from crm_rules.ir.record import LONG, Problem, Rejected, accept_type, is_missing, parse_fact, read_record, show_fact
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
from tests.strategies import BAD_FACTS, cases, programs


class Grade(str, Enum):  # noqa: UP042 - the older form, as applications have it
    """A text that is more than a text."""

    A = "A"


class Size(IntEnum):
    """A whole number that is more than a number."""

    BIG = 5


class NAType:
    """What pandas calls a missing value; known by its name, so that pandas need not be imported."""


class NotADay(date):
    """A day that is not equal to itself, as NaT is."""

    def __ne__(self, other: object) -> bool:
        return True

    __hash__ = date.__hash__


MIDNIGHT = datetime(2026, 1, 31)  # noqa: DTZ001 - a day has no zone
NOON = datetime(2026, 1, 31, 12)  # noqa: DTZ001 - a day has no zone
ZONED = datetime(2026, 1, 31, tzinfo=UTC)
DAY = date(2026, 1, 31)
CHOICE = Choice(("A", "1", "true"))
EVERY_TYPE: tuple[Type, ...] = (Boolean(), Integer(), Number(), Money("CNY"), CHOICE, Text(), Date())
NUMERIC = (Integer(), Number(), Money("CNY"))
DECIMAL = (Number(), Money("CNY"))
LONG_NUMBER = Decimal("1.0000000000000000000000000000000001")

# A fact, the types that accept it, and the value that it then is.
ACCEPTED: list[tuple[Any, tuple[Type, ...], Value]] = [
    (True, (Boolean(),), True),
    (False, (Boolean(),), False),
    (1, NUMERIC, 1),
    (0, NUMERIC, 0),
    (-5, NUMERIC, -5),
    (Size.BIG, NUMERIC, 5),
    (1.0, NUMERIC, 1),
    (-0.0, NUMERIC, 0),
    (1e16, NUMERIC, 10**16),
    (0.1, DECIMAL, Fraction(1, 10)),
    (1.5, DECIMAL, Fraction(3, 2)),
    (Decimal("1.50"), DECIMAL, Fraction(3, 2)),
    (Decimal("2.00"), NUMERIC, 2),
    (Decimal("1E+34"), NUMERIC, 10**34),
    (Decimal("1E-34"), DECIMAL, Fraction(1, 10**34)),
    (Decimal(-0), NUMERIC, 0),
    ("A", (CHOICE, Text()), "A"),
    ("1", (CHOICE, Text()), "1"),
    ("true", (CHOICE, Text()), "true"),
    (Grade.A, (CHOICE, Text()), "A"),
    ("", (Text(),), ""),
    ("a", (Text(),), "a"),
    ("2026-01-31", (Text(),), "2026-01-31"),
    (DAY, (Date(),), DAY),
    (MIDNIGHT, (Date(),), DAY),
]
REJECTED: list[Any] = [
    float("nan"), float("inf"), -float("inf"), Decimal("NaN"), Decimal("sNaN"), Decimal("-Infinity"),
    1e40, 1e-40, 5e-324, 10**36, 10**5000, -(10**5000), 10**34 + 1, LONG_NUMBER, Decimal("1E+35"), Decimal("1E-35"),
    Decimal("1E+999999"), Fraction(1, 3), Fraction(1, 2), 1j, NOON, ZONED, b"A", [], ["A"], (), {}, {"A": 1}, set(),
    object(), UserString("A"), date, len,
]  # fmt: skip


@pytest.mark.parametrize(("fact", "types", "value"), ACCEPTED)
def test_a_fact_is_accepted_by_its_types_and_no_others(fact: Any, types: tuple[Type, ...], value: Value) -> None:
    """A bool is no number, a number no text, a text no date; the value is plain and exact."""
    for kind in EVERY_TYPE:
        found = accept_type(kind, fact)
        if kind in types:
            assert found == value, kind
            assert type(found) is type(value), kind
        else:
            assert isinstance(found, Rejected), kind


@pytest.mark.parametrize("fact", REJECTED, ids=lambda fact: show_fact(fact)[:20])
def test_what_is_nothing_in_a_policy_is_accepted_by_no_type(fact: Any) -> None:
    """Not finite, too long, with a time or a zone, of another class: no type takes it, and nothing raises."""
    for kind in EVERY_TYPE:
        assert isinstance(accept_type(kind, fact), Rejected), kind


LATER: tuple[Type, ...] = (DateTime(), ListOf(()), ListOfValues(Integer()))


@pytest.mark.parametrize("kind", LATER)
def test_the_types_of_later_kinds_accept_nothing_yet(kind: Type) -> None:
    """A date with a time and lists are declared and not read."""
    assert isinstance(accept_type(kind, NOON), Rejected)
    assert isinstance(parse_fact(kind, "x"), Rejected)


CODES: list[tuple[Type, Any, str]] = [
    (Integer(), None, "missing"),
    (Integer(), True, "wrong-type"),
    (Integer(), "1", "wrong-type"),
    (Integer(), 1.5, "wrong-type"),
    (Integer(), float("nan"), "not-finite"),
    (Number(), Decimal("sNaN"), "not-finite"),
    (Number(), float("inf"), "not-finite"),
    (Number(), 1e40, "too-many-digits"),
    (Number(), LONG_NUMBER, "too-many-digits"),
    (Number(), 10**40, "too-many-digits"),
    (CHOICE, "B", "not-in-choices"),
    (CHOICE, 1, "wrong-type"),
    (Boolean(), 1, "wrong-type"),
    (Date(), NOON, "wrong-type"),
    (Date(), "2026-01-31", "wrong-type"),
    (Date(), date(1899, 12, 31), "out-of-range"),
    (Date(), date(2200, 1, 1), "out-of-range"),
]


@pytest.mark.parametrize(("kind", "fact", "code"), CODES)
def test_a_problem_has_a_code(kind: Type, fact: Any, code: str) -> None:
    """Each reason has one code, whatever the type."""
    reading = read_record(of_fields(Field("f", kind)), {"f": fact})
    assert [problem.code for problem in reading.problems] == [code]
    assert "f" not in reading.values


def of_fields(*fields: Field) -> Program:
    """A program that only reads its fields."""
    return Program("p", "1", "x", fields, (), (), ())


WORDS = re.compile(r"\b(int|str|bool|float|NoneType|dict|list\[|tuple|class|datetime)\b|object at|Decimal\(|<")


ALL_FACTS = [*REJECTED, *BAD_FACTS, *(fact for fact, _, _ in ACCEPTED)]


@pytest.mark.parametrize("fact", ALL_FACTS, ids=lambda fact: show_fact(fact)[:20])
def test_a_problem_speaks_the_language_of_records(fact: Any) -> None:
    """No type name of Python and no line longer than a screen stands in found or expected."""
    for kind in EVERY_TYPE:
        for problem in read_record(of_fields(Field("f", kind)), {"f": fact}).problems:
            assert WORDS.search(problem.expected) is None
            assert isinstance(fact, str) or WORDS.search(problem.found) is None
            assert len(problem.found) <= 60


FOUND: list[tuple[Any, str]] = [
    (True, "true"),
    (False, "false"),
    (Decimal("1.50"), "1.50"),
    (0.1, "0.1"),
    (LONG, "a whole number of more than 60 digits"),
    (LONG - 1, "9" * 60),
    (DAY, "2026-01-31"),
    ("A", "the text `A`"),
    ("x" * 80, "the text `" + "x" * 49 + "…"),
    ([1], "a list"),
    ({}, "a record"),
    (b"", "bytes that are no text yet"),
    (UserString("x"), "a `UserString`"),
]


@pytest.mark.parametrize(("fact", "words"), FOUND)
def test_a_fact_is_shown_in_words(fact: Any, words: str) -> None:
    """A fact in a message is short and says what it is."""
    assert show_fact(fact) == words


@pytest.mark.parametrize("fact", [None, NAType(), NotADay(2026, 1, 1)])
def test_missing_has_several_forms(fact: Any) -> None:
    """None, NA and NaT are missing; NaN is not, it is a number that is wrong."""
    assert is_missing(fact)
    assert not is_missing(float("nan"))
    assert not is_missing(DAY)
    program = of_fields(Field("f", Date(), optional=True), Field("g", Date(), default=DAY))
    reading = read_record(program, {"f": fact, "g": fact})
    assert reading.values == {"f": None, "g": DAY}
    assert reading.problems == ()


@pytest.mark.parametrize(
    ("field", "good", "bad", "expected"),
    [
        (Field("f", Integer(), low=1), 1, 0, "at least 1"),
        (Field("f", Number(), high=Fraction(1, 2)), 0.5, 0.51, "at most 0.5"),
        (Field("f", Money("CNY"), decimals=2), Decimal("0.120"), Decimal("0.125"), "at most 2 decimals"),
        (Field("f", Date(), low=DAY), DAY, date(2026, 1, 30), "a date from 2026-01-31 to 2199-12-31"),
        (Field("f", Date(), high=DAY), DAY, date(2026, 2, 1), "a date from 1900-01-01 to 2026-01-31"),
        (
            Field("f", Date(), high=date(2500, 1, 1)),
            date(2500, 1, 1),
            date(2500, 1, 2),
            "a date from 1900-01-01 to 2500-01-01",
        ),
    ],
)
def test_limits_are_inclusive(field: Field, good: Any, bad: Any, expected: str) -> None:
    """The limit itself is accepted, what lies beyond it is a problem that names the limit."""
    assert read_record(of_fields(field), {"f": good}).problems == ()
    (problem,) = read_record(of_fields(field), {"f": bad}).problems
    assert problem.expected == expected


def test_another_currency_is_a_problem_of_the_currency() -> None:
    """A row in another currency, or in none, is invalid; the problem names the currency's field."""
    program = of_fields(Field("amount", Money("CNY"), currency="code"))
    assert read_record(program, {"amount": 1, "code": "CNY"}).problems == ()
    wrong = Problem("code", "currency", "the text `USD`", "CNY, the currency of amount")
    assert read_record(program, {"amount": 1, "code": "USD"}).problems == (wrong,)
    absent = Problem("code", "currency", "nothing", "CNY, the currency of amount")
    assert read_record(program, {"amount": 1}).problems == (absent,)


def test_all_problems_are_found_at_once() -> None:
    """Every field is looked at, unknown keys are not."""
    program = of_fields(Field("a", Integer()), Field("b", Boolean()), Field("c", Date()))
    reading = read_record(program, {"a": "x", "b": 1, "d": object()})
    assert [problem.field for problem in reading.problems] == ["a", "b", "c"]
    assert reading.values == {}


@given(st.data())
def test_every_record_is_read_in_any_decimal_context(data: st.DataObject) -> None:
    """Reading never raises, names each field once as value or problem, and the host's context changes nothing."""
    program = data.draw(programs())
    record, _ = data.draw(cases(program))
    reading = read_record(program, record)
    names = {one.name for one in program.fields}
    wrong = {problem.field for problem in reading.problems if problem.code != "currency"}
    assert set(reading.values) == names - wrong
    assert set(reading.values).isdisjoint(wrong)
    with decimal.localcontext(decimal.Context(prec=3, traps=[decimal.Inexact])):
        assert read_record(program, record) == reading


@given(st.data())
def test_a_clean_record_has_no_problem(data: st.DataObject) -> None:
    """Facts within the declared types and limits are all accepted."""
    program = data.draw(programs())
    record, _ = data.draw(cases(program, bad=False))
    assert read_record(program, record).problems == ()


TEXTS: list[tuple[Type, str, Value | None]] = [
    (Boolean(), "true", True),
    (Boolean(), "false", False),
    (Boolean(), "True", None),
    (Boolean(), "1", None),
    (Integer(), "5万", 50_000),
    (Integer(), "1.0", 1),
    (Integer(), "1.5", None),
    (Integer(), "1,000", None),
    (Number(), "12.5%", Fraction(1, 8)),
    (Number(), "0." + "1" * 35, None),
    (Number(), "1" * 35, None),
    (Money("CNY"), "nan", None),
    (Date(), "2026-01-31", DAY),
    (Date(), "2026-02-30", None),
    (Date(), "20260131", None),
    (Date(), "2026-W05-6", None),
    (Date(), "2026-01-31T00:00", None),
    (Choice(("1", "2")), "1", "1"),
    (Choice(("1", "2")), "01", None),
    (Text(), "", ""),
]


@pytest.mark.parametrize(("kind", "text", "value"), TEXTS)
def test_a_text_is_read_by_its_type(kind: Type, text: str, value: Value | None) -> None:
    """CSV and JSON texts have the forms of the policy file; anything else is rejected, not guessed."""
    found = parse_fact(kind, text)
    assert isinstance(found, Rejected) if value is None else (found == value and type(found) is type(value))


@given(st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**9), max_value=10**9))
def test_a_number_and_its_text_are_one_value(fact: Decimal) -> None:
    """A fact read as a number and the same fact read from its text agree."""
    value = accept_type(Number(), fact)
    assert not isinstance(value, Rejected | str | date | tuple)
    assert parse_fact(Number(), show_number(value)) == value
