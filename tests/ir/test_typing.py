"""The type of each node, the units of arithmetic, what may be missing, and how long numbers can grow."""

from __future__ import annotations

import re
from datetime import date, datetime
from fractions import Fraction
from typing import Any

import pytest

from crm_rules.ir.nodes import (
    ANYTHING,
    Absolute,
    Add,
    AddTime,
    AnyOf,
    Bound,
    Call,
    Coalesce,
    Constant,
    DatePart,
    DaysBetween,
    Divide,
    Expr,
    FieldValue,
    Holds,
    IsMissing,
    IsPresent,
    LatestStart,
    Maximum,
    Minimum,
    MonthsBetween,
    Multiply,
    Negate,
    Nothing,
    NotPassing,
    OneOf,
    ParameterValue,
    Round,
    StartedMonths,
    StepValue,
    Subtract,
    Test,
    TimeUnit,
    Today,
    Within,
)
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
    is_value,
)
from crm_rules.ir.typing import (
    FACT_DIGITS,
    MAX_DIGITS,
    IllTyped,
    Named,
    TypeScope,
    assignable,
    borders,
    check_test,
    date_range,
    digits_of,
    may_be_missing,
    type_of,
)
from crm_rules.testing.functions import DECLARED

WHOLE, NUMBER, DAYS, MONTHS, DATE, TRUTH, TEXT = (
    Integer(), Number(), Integer("day"), Integer("month"), Date(), Boolean(), Text(),
)  # fmt: skip
CNY, USD, GRADES, LETTERS = Money("CNY"), Money("USD"), Choice(("A", "B")), Choice(("B", "C"))
QUOTIENT, CNY_QUOTIENT = Number(quotient=True), Money("CNY", quotient=True)
NAMES: dict[str, Type] = {
    "n": WHOLE, "x": NUMBER, "days": DAYS, "months": MONTHS, "rate": Number("day"), "cny": CNY, "usd": USD, "d": DATE,
    "g": GRADES, "h": LETTERS, "b": TRUTH, "t": TEXT,
}  # fmt: skip
SCOPE = TypeScope(
    fields={name: Named(kind) for name, kind in NAMES.items()}
    | {
        "gone": Named(WHOLE, optional=True),
        "gone_day": Named(DATE, optional=True),
        "near": Named(DATE, low=date(2026, 1, 31), high=date(2026, 3, 31)),
        "from_2026": Named(DATE, low=date(2026, 1, 31)),
        "long": Named(WHOLE, digits=600),
    },
    parameters={"p": Named(CNY)},
    steps={
        ("s", "v"): Named(DAYS),
        ("s", "maybe"): Named(WHOLE, optional=True),
        ("s", "when"): Named(DATE),
        ("s", "soon"): Named(DATE, low=date(2026, 1, 1), high=date(2026, 2, 1)),
        ("s", "long"): Named(WHOLE, digits=998),
        ("s", "longest"): Named(WHOLE, digits=MAX_DIGITS),
    },
    functions=DECLARED,
)
N, X, DAY_COUNT, MONTH_COUNT, RATE, YUAN, DOLLARS, D, G, H, B, T = (FieldValue(name) for name in NAMES)
GONE, NEAR, LONG = FieldValue("gone"), FieldValue("near"), FieldValue("long")
# Words of a programmer, which no author should have to read.
FOREIGN = re.compile(
    r"\b(str|int|float|bool|dict|list\[|tuple|None|Fraction|Integer|Money|Boolean|Choice|True|False)\b"
)


def const(value: Any, kind: Type = WHOLE) -> Constant:
    """A constant, by default a whole number."""
    return Constant(value, kind)


TYPED: list[tuple[Expr, Type]] = [
    # leaves
    (const(3), WHOLE),
    (const("A", GRADES), GRADES),
    (Nothing(CNY), CNY),
    (YUAN, CNY),
    (ParameterValue("p"), CNY),
    (StepValue("s", "v"), DAYS),
    (Today(), DATE),
    # signs keep the type
    (Negate(DAY_COUNT), DAYS),
    (Absolute(YUAN), CNY),
    (Negate(Divide(YUAN, N)), CNY_QUOTIENT),
    # sums: whole + whole is whole, a number without a unit takes the other's, a quotient stays one
    (Add(N, N), WHOLE),
    (Add(N, X), NUMBER),
    (Subtract(X, N), NUMBER),
    (Add(N, DAY_COUNT), DAYS),
    (Subtract(DAY_COUNT, N), DAYS),
    (Add(X, DAY_COUNT), Number("day")),
    (Add(RATE, DAY_COUNT), Number("day")),
    (Add(YUAN, ParameterValue("p")), CNY),
    (Add(YUAN, Divide(YUAN, N)), CNY_QUOTIENT),
    (Subtract(Divide(N, N), N), QUOTIENT),
    # products: money × number is money, a unit survives a number without one
    (Multiply(YUAN, X), CNY),
    (Multiply(N, YUAN), CNY),
    (Multiply(N, N), WHOLE),
    (Multiply(N, X), NUMBER),
    (Multiply(DAY_COUNT, N), DAYS),
    (Multiply(X, DAY_COUNT), Number("day")),
    (Multiply(YUAN, Divide(N, N)), CNY_QUOTIENT),
    (Multiply(Divide(N, N), X), QUOTIENT),
    # quotients: equal units cancel, a divisor without a unit keeps the other's
    (Divide(YUAN, YUAN), QUOTIENT),
    (Divide(YUAN, N), CNY_QUOTIENT),
    (Divide(N, X), QUOTIENT),
    (Divide(DAY_COUNT, DAY_COUNT), QUOTIENT),
    (Divide(DAY_COUNT, N), Number("day", quotient=True)),
    # rounding makes a quotient writable again, and whole where no decimals are left
    (Round(Divide(YUAN, N), 2, "half_up"), CNY),
    (Round(Divide(YUAN, N), 0, "half_up"), CNY),
    (Round(Divide(N, N), 2, "half_up"), NUMBER),
    (Round(Divide(N, N), 0, "half_up"), WHOLE),
    (Round(X, -2, "floor"), WHOLE),
    (Round(Divide(DAY_COUNT, N), 1, "down"), Number("day")),
    (Round(RATE, 0, "down"), DAYS),
    # order
    (Minimum((D, Today())), DATE),
    (Maximum((YUAN, YUAN)), CNY),
    (Minimum((N, DAY_COUNT, N)), DAYS),
    (Maximum((N, Divide(N, N))), QUOTIENT),
    # a choice of values
    (Coalesce((GONE, X)), NUMBER),
    (Coalesce((G, H)), Choice(("A", "B", "C"))),
    (Coalesce((D, Today())), DATE),
    (Coalesce((T, T)), TEXT),
    (Coalesce((B,)), TRUTH),
    # days
    (AddTime(D, N, "month"), DATE),
    (AddTime(D, DAY_COUNT, "day"), DATE),
    (DaysBetween(D, Today()), DAYS),
    (MonthsBetween(D, Today()), MONTHS),
    (StartedMonths(D, Today()), MONTHS),
    (LatestStart(D, MONTH_COUNT), DATE),
    (DatePart(D, "weekday"), WHOLE),
    # tests and functions
    (Holds(T, IsPresent()), TRUTH),
    (Call("last_digit", (N,), WHOLE, 0, 9), WHOLE),
    (Call("last_digit", (DAY_COUNT,), WHOLE), WHOLE),
    (Call("next_monday", (Today(),), DATE), DATE),
]


@pytest.mark.parametrize(("expr", "kind"), TYPED, ids=str)
def test_an_expression_has_the_type_of_its_parts(expr: Expr, kind: Type) -> None:
    """Units, money, quotients and dates follow through every node."""
    assert type_of(expr, SCOPE) == kind


APART = "cannot be added, subtracted or compared"
MONEY_HELP = "money goes with money of the same unit; declare the amount as a parameter of type money"
WHOLE_HELP = "use floor(...) or round(..., 0, mode)"
REFUSED: list[tuple[Expr, str, str]] = [
    (FieldValue("y"), "`y` is not declared", ""),
    (ParameterValue("n"), "`n` is not declared", ""),
    (StepValue("s", "n"), "`s.n` is not declared", ""),
    (const(Fraction(1, 2)), "expected a whole number, found a constant of another type", ""),
    (const("Z", GRADES), "expected one of A, B, found a constant of another type", ""),
    (Negate(D), "expected a number, found a date", ""),
    (Absolute(B), "expected a number, found true or false", ""),
    (Add(N, G), "expected a number, found one of A, B", ""),
    (Multiply(T, N), "expected a number, found a text", ""),
    (Divide(N, D), "expected a number, found a date", ""),
    (Round(T, 0, "floor"), "expected a number, found a text", ""),
    (Add(YUAN, DOLLARS), f"money in CNY and money in USD {APART}", MONEY_HELP),
    (Subtract(YUAN, N), f"money in CNY and a whole number {APART}", MONEY_HELP),
    (Add(N, YUAN), f"a whole number and money in CNY {APART}", MONEY_HELP),
    (Add(DAY_COUNT, MONTH_COUNT), f"a whole number of days and a whole number of months {APART}", ""),
    (Subtract(MONTH_COUNT, RATE), f"a whole number of months and a number of days {APART}", ""),
    (Multiply(YUAN, YUAN), "money in CNY cannot be multiplied by money in CNY", ""),
    (Multiply(YUAN, DOLLARS), "money in CNY cannot be multiplied by money in USD", ""),
    (Multiply(DAY_COUNT, DAY_COUNT), "a whole number of days cannot be multiplied by a whole number of days", ""),
    (Multiply(YUAN, DAY_COUNT), "money in CNY cannot be multiplied by a whole number of days", ""),
    (Divide(N, YUAN), "a whole number cannot be divided by money in CNY", ""),
    (Divide(YUAN, const(2, Integer("CNY"))), "money in CNY cannot be divided by a whole number of CNYs", ""),
    (Divide(YUAN, DOLLARS), "money in CNY cannot be divided by money in USD", ""),
    (Divide(YUAN, DAY_COUNT), "money in CNY cannot be divided by a whole number of days", ""),
    (Divide(DAY_COUNT, MONTH_COUNT), "a whole number of days cannot be divided by a whole number of months", ""),
    (Minimum((G, G)), "expected a number or a date, found one of A, B", ""),
    (Maximum((B,)), "expected a number or a date, found true or false", ""),
    (Minimum((D, N)), "a date and a whole number do not go together", ""),
    (Maximum((YUAN, DOLLARS)), f"money in CNY and money in USD {APART}", MONEY_HELP),
    (Minimum(()), "expected at least one operand, found none", ""),
    (Coalesce(()), "expected at least one operand, found none", ""),
    (Coalesce((G, N)), "one of A, B and a whole number do not go together", ""),
    (Coalesce((G, T)), "one of A, B and a text do not go together", ""),
    (Coalesce((YUAN, N)), f"money in CNY and a whole number {APART}", MONEY_HELP),
    (AddTime(N, N, "day"), "expected a date, found a whole number", ""),
    (AddTime(D, X, "day"), "expected a whole number, found a number", WHOLE_HELP),
    (DaysBetween(N, D), "expected a date, found a whole number", ""),
    (DaysBetween(D, N), "expected a date, found a whole number", ""),
    (MonthsBetween(D, T), "expected a date, found a text", ""),
    (StartedMonths(B, D), "expected a date, found true or false", ""),
    (LatestStart(N, N), "expected a date, found a whole number", ""),
    (LatestStart(D, RATE), "expected a whole number, found a number of days", WHOLE_HELP),
    (DatePart(N, "year"), "expected a date, found a whole number", ""),
    (Holds(Negate(D), ANYTHING), "expected a number, found a date", ""),
    (Holds(N, OneOf((D,))), "expected a whole number, found a date", ""),
    (Call("gone", (), WHOLE), "there is no function `gone`", ""),
    (Call("last_digit", (N, N), WHOLE), "`last_digit` takes 1 arguments, found 2", ""),
    (Call("last_digit", (), WHOLE), "`last_digit` takes 1 arguments, found 0", ""),
    (Call("last_digit", (X,), WHOLE), "`last_digit` expects a whole number here, found a number", ""),
    (Call("next_monday", (N,), DATE), "`next_monday` expects a date here, found a whole number", ""),
    (Call("last_digit", (N,), NUMBER), "`last_digit` gives a whole number, not a number", ""),
]


@pytest.mark.parametrize(("expr", "message", "remedy"), REFUSED, ids=str)
def test_what_does_not_fit_is_refused(expr: Expr, message: str, remedy: str) -> None:
    """What was found and what was expected, in an author's words; also below another node."""
    for within in (expr, Holds(expr, ANYTHING), Coalesce((expr,)), DaysBetween(D, Coalesce((Today(), expr)))):
        with pytest.raises(IllTyped) as caught:
            type_of(within, SCOPE)
        assert (caught.value.message, caught.value.remedy) == (message, remedy)
    assert not FOREIGN.search(message)


def within(low: Expr | None, high: Expr | None, *, closed: bool = True) -> Within:
    """An interval, open or closed on both sides."""
    return Within(
        None if low is None else Bound(low, closed),
        None if high is None else Bound(high, closed),
    )


SUITED: list[tuple[Test, Type]] = [
    (ANYTHING, ListOf(())),
    (IsMissing(), TEXT),
    (IsPresent(), DateTime()),
    (OneOf((const(1), X)), WHOLE),
    (OneOf((const("A", GRADES), H)), GRADES),
    (OneOf((const(True, TRUTH),)), TRUTH),  # noqa: FBT003 - a value, not a flag
    (within(const(1), const(2), closed=False), DAYS),
    (within(const(1), const(1)), NUMBER),
    (within(const(1), None), QUOTIENT),
    (within(None, Today()), DATE),
    (within(ParameterValue("p"), None), CNY),
    (within(X, N), WHOLE),
    (NotPassing(AnyOf((IsMissing(), OneOf((D,))))), DATE),
]


@pytest.mark.parametrize(("test", "kind"), SUITED, ids=str)
def test_a_test_suits_values_of_its_type(test: Test, kind: Type) -> None:
    """Numbers are compared with numbers of the same unit or of none, choices with choices."""
    check_test(test, kind, SCOPE)


EMPTY = "the interval is empty: no value lies in it"
UNSUITED: list[tuple[Test, Type, str]] = [
    (OneOf((const(1),)), DATE, "expected a date, found a whole number"),
    (OneOf((const("A", GRADES),)), TEXT, "expected a text, found one of A, B"),
    (OneOf((const("C", LETTERS),)), GRADES, "`C` is not among the choices A, B"),
    (OneOf((DOLLARS,)), CNY, f"money in CNY and money in USD {APART}"),
    (OneOf((const(1),)), CNY, f"money in CNY and a whole number {APART}"),
    (OneOf((const(1), FieldValue("y"))), WHOLE, "`y` is not declared"),
    (within(MONTH_COUNT, None), DAYS, f"a whole number of days and a whole number of months {APART}"),
    (within(None, D), WHOLE, "expected a whole number, found a date"),
    (within(G, None), GRADES, "one of A, B has no order, so it cannot be compared with < or >"),
    (within(None, None), TRUTH, "true or false has no order, so it cannot be compared with < or >"),
    (within(const(2), const(1)), WHOLE, "the interval is reversed: its lower bound is above its upper bound"),
    (within(const(1), const(1), closed=False), WHOLE, EMPTY),
    (Within(Bound(const(1), closed=True), Bound(const(1), closed=False)), NUMBER, EMPTY),
    (NotPassing(OneOf((D,))), WHOLE, "expected a whole number, found a date"),
    (AnyOf((IsMissing(), OneOf((D,)))), WHOLE, "expected a whole number, found a date"),
]  # fmt: skip


@pytest.mark.parametrize(("test", "kind", "message"), UNSUITED, ids=str)
def test_a_test_that_does_not_suit_is_refused(test: Test, kind: Type, message: str) -> None:
    """The words say what is compared with what, at any depth."""
    for nested in (test, NotPassing(AnyOf((ANYTHING, test)))):
        with pytest.raises(IllTyped) as caught:
            check_test(nested, kind, SCOPE)
        assert caught.value.message == message


ASSIGNABLE: list[tuple[Type, Type, bool]] = [
    (WHOLE, NUMBER, True),
    (NUMBER, WHOLE, False),
    (WHOLE, DAYS, True),
    (DAYS, WHOLE, True),
    (DAYS, MONTHS, False),
    (DAYS, Number("month"), False),
    (Number("day"), Number("month"), False),
    (Number("day"), NUMBER, True),
    (QUOTIENT, NUMBER, False),
    (NUMBER, QUOTIENT, True),
    (CNY_QUOTIENT, CNY, False),
    (CNY, CNY_QUOTIENT, True),
    (CNY, USD, False),
    (WHOLE, CNY, False),
    (CNY, NUMBER, False),
    (Choice(("B",)), GRADES, True),
    (GRADES, Choice(("B",)), False),
    (GRADES, TEXT, False),
    (DATE, DATE, True),
    (ListOfValues(WHOLE), ListOfValues(NUMBER), False),
]


@pytest.mark.parametrize(("found", "wanted", "fits"), ASSIGNABLE, ids=str)
def test_a_type_stands_for_another_when_all_its_values_do(found: Type, wanted: Type, fits: bool) -> None:  # noqa: FBT001 - a column of the cases
    """A quotient never stands for a number, nor one unit for another."""
    assert assignable(found, wanted) is fits


VALUES: dict[Type, list[Any]] = {
    TRUTH: [True],
    WHOLE: [7],
    NUMBER: [7, Fraction(1, 2)],
    CNY: [7, Fraction(1, 2)],
    Choice(("A",)): ["A"],
    TEXT: ["A", "Z"],
    DATE: [date(2026, 1, 31)],
    ListOfValues(WHOLE): [(7, 8), ()],
    ListOfValues(TEXT): [("A",), ()],
    DateTime(): [],
    ListOf(()): [],
}
EVERY = [True, 7, Fraction(1, 2), 0.5, "A", "Z", date(2026, 1, 31), datetime(2026, 1, 31), (7, 8), ("A",), (), None]  # noqa: DTZ001


@pytest.mark.parametrize("kind", VALUES, ids=str)
def test_a_value_belongs_to_its_type_alone(kind: Type) -> None:
    """A truth value is no number, a moment no day, a binary fraction nothing at all."""
    found = [(type(value), value) for value in EVERY if is_value(value, kind)]
    assert found == [(type(value), value) for value in VALUES[kind]]


MAYBE: list[tuple[Expr, bool]] = [
    (Nothing(WHOLE), True),
    (Divide(N, const(2)), True),
    (const(1), False),
    (ParameterValue("p"), False),
    (Today(), False),
    (N, False),
    (GONE, True),
    (StepValue("s", "v"), False),
    (StepValue("s", "maybe"), True),
    (Add(N, GONE), True),
    (Add(N, N), False),
    (Round(Divide(N, N), 0, "floor"), True),
    (Maximum((N, GONE)), True),
    (Coalesce((GONE, N)), False),
    (Coalesce((GONE, Nothing(WHOLE))), True),
    (Holds(GONE, IsPresent()), False),
    (DaysBetween(D, FieldValue("gone_day")), True),
    (DatePart(D, "year"), False),
    (Call("last_digit", (GONE,), WHOLE), True),
    (Call("last_digit", (N,), WHOLE), False),
    (AddTime(D, const(7801), "year"), True),
    (AddTime(D, const(7800), "year"), False),
    (AddTime(D, N, "day"), True),
    (AddTime(FieldValue("gone_day"), const(1), "day"), True),
    (LatestStart(D, const(1)), True),
]


@pytest.mark.parametrize(("expr", "maybe"), MAYBE, ids=str)
def test_what_may_be_missing_is_known(expr: Expr, maybe: bool) -> None:  # noqa: FBT001 - a column of the cases
    """A zero divisor and the end of the calendar count; a last resort that is there counts too."""
    assert may_be_missing(expr, SCOPE) is maybe


ALL_DAYS = (date(1900, 1, 1), date(2199, 12, 31))
RANGES: list[tuple[Expr, tuple[date, date] | None]] = [
    (const(date(2026, 5, 1), DATE), (date(2026, 5, 1), date(2026, 5, 1))),
    (Today(), ALL_DAYS),
    (D, ALL_DAYS),
    (NEAR, (date(2026, 1, 31), date(2026, 3, 31))),
    (FieldValue("from_2026"), (date(2026, 1, 31), date(2199, 12, 31))),
    (StepValue("s", "soon"), (date(2026, 1, 1), date(2026, 2, 1))),
    (StepValue("s", "when"), None),
    (AddTime(NEAR, const(1), "day"), (date(2026, 2, 1), date(2026, 4, 1))),
    (AddTime(NEAR, const(-1), "week"), (date(2026, 1, 24), date(2026, 3, 24))),
    (AddTime(NEAR, const(1), "month"), (date(2026, 2, 28), date(2026, 4, 30))),
    (AddTime(NEAR, const(-1), "year"), (date(2025, 1, 31), date(2025, 3, 31))),
    (AddTime(AddTime(NEAR, const(1), "day"), const(1), "day"), (date(2026, 2, 2), date(2026, 4, 2))),
    (AddTime(StepValue("s", "when"), const(1), "day"), None),
    (AddTime(NEAR, N, "day"), None),
    (AddTime(NEAR, const(7974), "year"), None),
    (AddTime(NEAR, const(-2026), "year"), None),
    (AddTime(Today(), const(-1900 * 12), "month"), None),
    (Minimum((NEAR, StepValue("s", "soon"))), (date(2026, 1, 1), date(2026, 3, 31))),
    (Coalesce((NEAR, StepValue("s", "when"))), None),
    (LatestStart(NEAR, const(1)), None),
    (Nothing(DATE), None),
]  # fmt: skip


@pytest.mark.parametrize(("expr", "reach"), RANGES, ids=str)
def test_the_range_of_a_date_is_known(expr: Expr, reach: tuple[date, date] | None) -> None:
    """The earliest and the latest day, or None where the calendar may end."""
    assert date_range(expr, SCOPE) == reach


DAYS_LEFT = (date.max - date(2199, 12, 31)).days


@pytest.mark.parametrize(
    ("unit", "last"), [("day", DAYS_LEFT), ("week", DAYS_LEFT // 7), ("month", 12 * 7800), ("year", 7800)]
)
def test_the_calendar_ends_for_every_unit(unit: TimeUnit, last: int) -> None:
    """The last amount that no fact leaves the calendar with, and the first one that some fact does."""
    assert [may_be_missing(AddTime(D, const(amount), unit), SCOPE) for amount in (last, last + 1)] == [False, True]


DIGITS: list[tuple[Expr, int]] = [
    (N, FACT_DIGITS),
    (LONG, 600),
    (const(5), FACT_DIGITS),
    (StepValue("s", "long"), 998),
    (Negate(LONG), 600),
    (Add(N, N), 2 * FACT_DIGITS + 1),
    (Multiply(N, LONG), FACT_DIGITS + 601),
    (Divide(N, Subtract(N, N)), 3 * FACT_DIGITS + 2),
    (Round(N, 2, "floor"), 2 * FACT_DIGITS),
    (Round(N, -100, "floor"), FACT_DIGITS + 100),
    (Minimum((N, LONG)), 600),
    (Coalesce((LONG, N)), 600),
    (Holds(LONG, IsPresent()), FACT_DIGITS),
    (Call("last_digit", (LONG,), WHOLE), FACT_DIGITS),
    (DatePart(D, "year"), FACT_DIGITS),
]


@pytest.mark.parametrize(("expr", "digits"), DIGITS, ids=str)
def test_the_length_of_a_number_is_bounded(expr: Expr, digits: int) -> None:
    """Sums, products and quotients add up their operands; the rest is as long as the longest, or a fact."""
    assert digits_of(expr, SCOPE) == digits


TOO_LONG = Multiply(LONG, LONG)
HIDDEN: list[Expr] = [
    TOO_LONG,
    Add(StepValue("s", "longest"), N),
    Divide(LONG, LONG),
    Round(StepValue("s", "long"), 0, "floor"),
    Round(N, 10**30, "floor"),
    Round(N, -(10**30), "floor"),
    Negate(TOO_LONG),
    Coalesce((N, TOO_LONG)),
    Holds(TOO_LONG, IsPresent()),
    Holds(N, OneOf((const(1), TOO_LONG))),
    Holds(N, NotPassing(AnyOf((IsMissing(), within(TOO_LONG, None))))),
    Holds(N, within(None, TOO_LONG)),
    Call("last_digit", (TOO_LONG,), WHOLE),
    AddTime(D, TOO_LONG, "day"),
    LatestStart(D, TOO_LONG),
    DatePart(AddTime(D, TOO_LONG, "day"), "year"),
]


@pytest.mark.parametrize("expr", HIDDEN, ids=str)
def test_a_number_cannot_grow_without_end_anywhere(expr: Expr) -> None:
    """Also where the result is short again: in a test, a function or a date, and through many decimals."""
    type_of(expr, SCOPE)
    with pytest.raises(IllTyped) as caught:
        digits_of(expr, SCOPE)
    assert caught.value.message == "the number can grow beyond 1000 digits"
    assert caught.value.remedy == "round an intermediate result"


def test_a_number_may_have_exactly_the_most_digits() -> None:
    """The limit itself is allowed."""
    assert digits_of(Add(FieldValue("long"), FieldValue("n")), SCOPE) < MAX_DIGITS
    assert digits_of(Negate(StepValue("s", "longest")), SCOPE) == MAX_DIGITS


def test_the_borders_of_a_test_are_what_it_compares_with() -> None:
    """Every expression of a test, at any depth, in order."""
    test = AnyOf((IsMissing(), NotPassing(OneOf((N, X))), within(None, YUAN), within(D, None), IsPresent(), ANYTHING))
    assert list(borders(test)) == [N, X, YUAN, D]
