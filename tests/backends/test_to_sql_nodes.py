"""Single nodes of a query, written and executed: each gives in every database what its sentence in `query` says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from crm_rules.backends.query import (
    Absolute,
    Add,
    AddMonths,
    Comparison,
    DayAt,
    DayNumber,
    DayPart,
    Every,
    Expr,
    Fact,
    Feed,
    Fixed,
    FloorDivide,
    Greatest,
    IsNull,
    Item,
    Joined,
    Kind,
    Least,
    Lookup,
    Multiply,
    Named,
    Negate,
    Not,
    Null,
    OneOf,
    Query,
    Scaled,
    Some,
    Subtract,
    Unscaled,
    When,
)
from crm_rules.backends.query import Compare as Comparing
from crm_rules.backends.sql_dialects import dialect_of
from crm_rules.backends.sql_select import written_query
from crm_rules.ir.days import add_months
from tests.backends.engines.tables import Engine, Stored, Table

KEY = "row number"
DAYS = [
    date(2024, 1, 31),
    date(2024, 2, 29),
    date(2023, 2, 28),
    date(2026, 12, 31),
    date(1900, 1, 1),
    date(2199, 12, 31),
]
A, B = Fact("a"), Fact("b")


def answers(
    engine: Engine, columns: Mapping[str, Stored], rows: Sequence[Sequence[Any]], items: Mapping[str, tuple[Expr, Kind]]
) -> list[dict[str, Any]]:
    """What the items are in each row; the feeds are called as the columns."""
    feeds = tuple(Feed(name, name, "any") for name in columns)
    query = Query("q", feeds, (), tuple(Item(name, expr, kind) for name, (expr, kind) in items.items()))
    table = Table("t", {KEY: "integer", **columns}, [(number, *row) for number, row in enumerate(rows)])
    found = engine.run(table, written_query(query, dialect_of(engine.dialect), "t"))
    return [{name: row[name] for name in items} for row in sorted(found, key=lambda row: row[KEY])]


def as_day(value: object) -> date:
    """A day; SQLite has it as text."""
    return date.fromisoformat(str(value))


def test_negated_conditions(engine: Engine) -> None:
    """The opposite of each comparison, of a set, and of conditions that are joined; only one of them asks for null."""
    ops: tuple[Comparison, ...] = ("<", "<=", "=", "!=", ">=", ">")
    conditions: dict[str, Expr] = {op: Comparing(op, A, Fixed(2)) for op in ops}
    conditions["one of"] = OneOf(A, (Fixed(1), Fixed(3)))
    conditions["both"] = Every((Comparing(">=", A, Fixed(2)), Comparing("<=", A, Fixed(2))))
    conditions["either"] = Some((Comparing("=", A, Fixed(1)), Comparing("=", A, Fixed(2))))
    conditions["null"] = IsNull(A)
    items: dict[str, tuple[Expr, Kind]] = {}
    for name, condition in conditions.items():
        items[name] = When(condition, Fixed(1), Fixed(0)), "integer"
        items[f"not {name}"] = When(Not(condition), Fixed(1), Fixed(0)), "integer"
    rows = answers(engine, {"a": "integer"}, [(1,), (2,), (3,), (None,)], items)
    known = ("<", "<=", "=", "!=", ">=", ">", "one of", "both", "either", "null")
    wanted = ["1101001010", "0110100110", "0001111000"]
    assert ["".join(str(row[name]) for name in known) for row in rows[:3]] == wanted
    assert all(row[name] + row[f"not {name}"] == 1 for row in rows[:3] for name in known)
    assert [name for name in known if rows[3][name]] == ["null"]


def test_months_are_added_to_days(engine: Engine) -> None:
    """The same day of a later or earlier month, or its last one, for numbers that are known and such that are not."""
    known = (0, 1, 12, 13, -1, -12)
    items: dict[str, tuple[Expr, Kind]] = {f"by {n}": (AddMonths(A, Fixed(n)), "day") for n in known}
    items["by b"] = AddMonths(A, B), "day"
    rows = [(day, months) for day in DAYS for months in (-13, -1, 0, 1, 6)]
    found = answers(engine, {"a": "date", "b": "integer"}, rows, items)
    for (day, months), row in zip(rows, found, strict=True):
        assert {name: as_day(value) for name, value in row.items()} == {
            **{f"by {n}": add_months(day, n) for n in known},
            "by b": add_months(day, months),
        }


def test_days_and_their_numbers(engine: Engine) -> None:
    """A day is so many days after 1970-01-01, and that number is the day again; parts are integers."""
    items: dict[str, tuple[Expr, Kind]] = {
        "number": (DayNumber(A), "integer"),
        "again": (DayAt(Subtract(Multiply(DayNumber(A), Fixed(3)), Multiply(DayNumber(A), Fixed(2)))), "day"),
        "later": (DayAt(Add(DayNumber(A), Fixed(45))), "day"),
        "earlier": (DayAt(Add(DayNumber(A), Fixed(-45))), "day"),
        "chosen": (DayAt(When(Comparing("=", B, Fixed(1)), DayNumber(A), Fixed(0))), "day"),
        "year": (DayPart(A, "year"), "integer"),
        "month": (DayPart(A, "month"), "integer"),
        "day": (DayPart(A, "day"), "integer"),
    }
    rows = [(day, place % 2) for place, day in enumerate(DAYS)]
    for (day, one), row in zip(rows, answers(engine, {"a": "date", "b": "integer"}, rows, items), strict=True):
        assert row["number"] == (day - date(1970, 1, 1)).days
        assert (row["year"], row["month"], row["day"]) == (day.year, day.month, day.day)
        assert as_day(row["again"]) == day
        assert (as_day(row["later"]), as_day(row["earlier"])) == (day + timedelta(45), day - timedelta(45))
        assert as_day(row["chosen"]) == (day if one else date(1970, 1, 1))


def test_integers_have_sixty_four_bits(engine: Engine) -> None:
    """Sums and products of literals leave 32 bits without an error, quotients are cut downwards, signs do not meet."""
    big = When(Comparing("=", A, Fixed(0)), Fixed(0), Fixed(2_000_000_000))
    items: dict[str, tuple[Expr, Kind]] = {
        "product": (Multiply(big, Fixed(2_000_000_000)), "integer"),
        "sum": (Add(Add(big, big), Fixed(2_000_000_000)), "integer"),
        "floor": (FloorDivide(A, Fixed(7)), "integer"),
        "by zero": (FloorDivide(Fixed(7), Subtract(A, A)), "integer"),
        "negative": (Subtract(Negate(Fixed(-5)), Negate(Negate(A))), "integer"),
        "less": (Subtract(A, Subtract(Fixed(1), Fixed(-1))), "integer"),
        "absolute": (Absolute(A), "integer"),
        "ends": (Add(Least((A, Fixed(3))), Greatest((A, Fixed(3)))), "integer"),
    }
    numbers = [-15, -14, -1, 1, 13, 14]
    for number, row in zip(numbers, answers(engine, {"a": "integer"}, [(n,) for n in numbers], items), strict=True):
        assert row.pop("by zero") is None
        assert row == {
            "product": 4 * 10**18,
            "sum": 6 * 10**9,
            "floor": number // 7,
            "negative": 5 - number,
            "less": number - 2,
            "absolute": abs(number),
            "ends": number + 3,
        }


def test_numbers_are_counted_in_their_last_decimal(engine: Engine) -> None:
    """A float or a decimal in cents is an integer, and the cents are that number again; what is too large is null."""
    items: dict[str, tuple[Expr, Kind]] = {
        "float": (Scaled(A, 2), "integer"),
        "decimal": (Scaled(B, 2), "integer"),
        "again": (When(Comparing("=", Unscaled(Scaled(A, 2), 2), A), Fixed(value=True), Fixed(value=False)), "boolean"),
    }
    cents = [0, 1, -1, 29, 1001, 123456789, -987654321, 2**51 - 1]
    rows = [(one / 100, Decimal(one if abs(one) < 2**40 else 0) / 100) for one in cents]
    found = answers(engine, {"a": "float", "b": "decimal"}, rows, items)
    assert [row["float"] for row in found] == cents
    assert [row["decimal"] for row in found] == [one if abs(one) < 2**40 else 0 for one in cents]
    assert all(row["again"] for row in found)
    assert answers(engine, {"a": "float", "b": "decimal"}, [(1e300, Decimal(0))], items)[0]["float"] is None


def test_texts_are_joined(engine: Engine) -> None:
    """Empty texts are left out with their separators; a text that is chosen may be empty."""
    chosen = When(Comparing("=", A, Fixed("x")), Fixed("is x"), Fixed(""))
    items: dict[str, tuple[Expr, Kind]] = {
        "all": (Joined((A, chosen, Fixed("end"))), "text"),
        "some": (Joined((A, chosen), "; "), "text"),
        "one": (Joined((chosen,)), "text"),
    }
    found = answers(engine, {"a": "text"}, [("x",), ("",), ("y",)], items)
    assert [tuple(row.values()) for row in found] == [
        ("x;is x;end", "x; is x", "is x"),
        ("end", "", ""),
        ("y;end", "y", ""),
    ]


def test_values_are_looked_up(engine: Engine) -> None:
    """The value at a place, whether each stands once or one stands at many places; null where it is null."""
    different = tuple(Fixed(text) for text in ("zero", "one", "two"))
    alike = (Fixed(1), Fixed(2), Fixed(1), Fixed(2), Fixed(1))
    items: dict[str, tuple[Expr, Kind]] = {
        "different": (Lookup(A, (*different, Null("text"), Null("text")), "text"), "text"),
        "alike": (Lookup(A, alike, "integer"), "integer"),
        "nothing": (Lookup(A, (Null("day"),) * 5, "day"), "day"),
    }
    found = answers(engine, {"a": "integer"}, [(place,) for place in range(5)], items)
    assert [row["different"] for row in found] == ["zero", "one", "two", None, None]
    assert [row["alike"] for row in found] == [1, 2, 1, 2, 1]
    assert {row["nothing"] for row in found} == {None}


def test_what_is_written_twice_is_computed_once() -> None:
    """An expression in several places has a name of its own, however deep such expressions lie in each other."""
    expr: Expr = Add(Multiply(DayPart(A, "year"), Fixed(12)), DayPart(A, "month"))
    for _ in range(12):
        expr = FloorDivide(Add(expr, Subtract(Multiply(expr, Fixed(0)), Fixed(1))), Fixed(2))
    stages = ((Item("q/x", expr, "integer"),),)
    query = Query("q", (Feed("a", "a", "any"),), stages, (Item("r", Add(Named("q/x"), Named("q/x")), "integer"),))
    for name in ("postgres", "duckdb", "spark", "sqlite"):
        assert len(written_query(query, dialect_of(name), "t")) < 20_000


def test_what_may_leave_64_bits_stays_behind_its_guard(engine: Engine) -> None:
    """A product that is only safe under a condition is not computed without it, although it is written twice."""
    product = Multiply(Multiply(A, B), Multiply(A, B))
    guarded = When(Comparing("<", A, Fixed(100)), Add(product, product), Fixed(0))
    items: dict[str, tuple[Expr, Kind]] = {"guarded": (guarded, "integer")}
    found = answers(engine, {"a": "integer", "b": "integer"}, [(3, 5), (10**12, 10**12)], items)
    assert [row["guarded"] for row in found] == [450, 0]
