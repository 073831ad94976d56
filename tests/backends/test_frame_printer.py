"""Query nodes as expressions of each engine that prints them: every node has the value that its sentence says.

Whole policies are in `test_to_frame` and `test_agreement`; here are the forms, the long chains, and what is shared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from fractions import Fraction
from typing import Any

import pytest

from crm_rules.backends.frame_border import Wanted, fresh_names, read_border
from crm_rules.backends.frame_forms import FORMS, Engine
from crm_rules.backends.frame_printer import Printer
from crm_rules.backends.frame_sharing import Sharing
from crm_rules.backends.frame_stages import with_results
from crm_rules.backends.query import (
    Absolute,
    Add,
    Compare,
    DayAt,
    DayNumber,
    DayPart,
    Every,
    Expr,
    Fact,
    Fixed,
    FloorDivide,
    Greatest,
    IsMidnight,
    IsNull,
    IsWhole,
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
    SumAbove,
    SumOver,
    ToFloat,
    Unscaled,
    When,
)
from crm_rules.ir.program import Field
from crm_rules.ir.types import Boolean, Date, Integer, Number, Text, Type

nw = pytest.importorskip("narwhals.stable.v2")
pl = pytest.importorskip("polars")
pa = pytest.importorskip("pyarrow")
ibis = pytest.importorskip("ibis")

NUMBERS = {
    "n": [0, 7, -7, 2**53 + 1, -(3 * 10**17)],
    "m": [2, 2, 3, 3, 7],
    "x": [0.1, -0.25, 1234.5, 5e6, 99.99],
    "t": ["a", "", "电", "b", "a"],
    "b": [True, False, True, True, False],
    "d": [date(2024, 2, 29), date(1900, 1, 1), date(1969, 12, 31), date(2199, 12, 31), date(2000, 3, 1)],
    "c": [
        datetime.fromisoformat("2024-02-29T00:00:00"),
        datetime.fromisoformat("2024-02-29T00:00:01"),
        datetime.fromisoformat("1969-12-31T00:00:00"),
        datetime.fromisoformat("1900-01-01T23:00:00"),
        datetime.fromisoformat("2000-03-01T00:00:00"),
    ],
}
N, M, X, T, B, D, C = (Fact(name) for name in NUMBERS)
FALSE, TRUE = Fixed(value=False), Fixed(value=True)
LONG: Expr = Fixed(-1)
for place in range(600):
    LONG = When(Compare("=", N, Fixed(place)), Fixed(place), LONG)
EXPRESSIONS: dict[str, tuple[Expr, Kind, list[Any]]] = {
    "sum": (Add(N, M), "integer", [2, 9, -4, 2**53 + 4, -(3 * 10**17) + 7]),
    "product": (Multiply(Subtract(M, Fixed(1)), M), "integer", [2, 2, 6, 6, 42]),
    "quotient": (FloorDivide(N, M), "integer", [0, 3, -3, 3002399751580331, -42857142857142858]),
    "absolute": (Absolute(Negate(N)), "integer", [0, 7, 7, 2**53 + 1, 3 * 10**17]),
    "extremes": (Subtract(Greatest((N, M)), Least((N, M))), "integer", [2, 5, 10, 2**53 - 2, 3 * 10**17 + 7]),
    "float": (
        Compare("<", Multiply(ToFloat(N), ToFloat(M)), Fixed(Fraction(20))),
        "boolean",
        [True, True, True, False, True],
    ),
    "scaled": (Scaled(X, 2), "integer", [10, -25, 123450, 500000000, 9999]),
    "unscaled": (Unscaled(Scaled(X, 2), 2), "number", [0.1, -0.25, 1234.5, 5e6, 99.99]),
    "whole": (IsWhole(X), "boolean", [False, False, False, True, False]),
    "border": (Compare(">=", X, Fixed(Fraction(1, 10))), "boolean", [True, False, True, True, True]),
    "beyond": (Compare("<", N, Fixed(10**30)), "boolean", [True] * 5),
    "between": (Compare(">", N, Fixed(Fraction(13, 2))), "boolean", [False, True, False, True, False]),
    "one of": (OneOf(T, (Fixed("a"), Fixed("电"))), "boolean", [True, False, True, False, True]),
    "one of numbers": (
        OneOf(N, (Fixed(7), Fixed(Fraction(1, 2)), Fixed(10**30))),
        "boolean",
        [False, True, False, False, False],
    ),
    "logic": (
        Some((Every((B, Not(IsNull(T)))), Compare("=", N, Fixed(-7)))),
        "boolean",
        [True, False, True, True, False],
    ),
    "null": (When(B, T, Null("text")), "text", ["a", None, "电", "b", None]),
    "lookup": (Lookup(M, tuple(map(Fixed, "甲乙丙丁戊己庚辛")), "text"), "text", list("丙丙丁丁辛")),
    "long lookup": (
        Lookup(M, tuple(Fixed(f"v{n}") if n != 3 else Null("text") for n in range(300)), "text"),
        "text",
        ["v2", "v2", None, None, "v7"],
    ),
    "long chain": (LONG, "integer", [0, 7, -1, -1, -1]),
    "parts": (
        Add(Multiply(DayPart(D, "month"), Fixed(100)), DayPart(D, "day")),
        "integer",
        [229, 101, 1231, 1231, 301],
    ),
    "day number": (DayNumber(D), "integer", [19782, -25567, -1, 84005, 11017]),
    "day at": (
        DayAt(Add(DayNumber(D), Fixed(1))),
        "day",
        [date(2024, 3, 1), date(1900, 1, 2), date(1970, 1, 1), date(2200, 1, 1), date(2000, 3, 2)],
    ),
    "midnight": (IsMidnight(C), "boolean", [True, False, True, False, True]),
    "joined": (Joined((T, When(B, Fixed("yes"), Fixed("")), Fixed(""))), "text", ["a;yes", "", "电;yes", "b;yes", "a"]),
    "day border": (Compare("<=", D, Fixed(date(1969, 12, 31))), "boolean", [False, True, True, False, False]),
    "windows": (Add(SumOver(M, (T,)), SumAbove(M, M, ())), "integer", [9 + 13, 2 + 13, 3 + 7, 3 + 7, 9]),
}


def printed(engine: Engine, frame: Any, expr: Expr, kind: Kind) -> dict[int, Any]:
    """The values of an expression by the row's number."""
    types: Mapping[str, Type] = {
        "n": Integer(),
        "m": Integer(),
        "x": Number(),
        "t": Text(),
        "b": Boolean(),
        "d": Date(),
        "c": Date(),
    }
    opened = nw.from_native(frame)
    wanted = [Wanted(Field(name, kind), name) for name, kind in types.items()]
    border, problems = read_border(wanted, opened.collect_schema(), (), opened.collect_schema().names())
    assert problems == []
    query = Query("test", border.feeds, (), (Item("result", expr, kind),))
    printer = Printer(FORMS[engine], border.facts, fresh_names(["key"]))
    found = with_results(opened, [query], printer)[0].select("key", "result").to_native()
    rows = nw.from_native(found).lazy().collect().rows()
    return dict(rows)


def frames() -> Iterator[tuple[Engine, Any]]:
    """The same rows in each engine that prints expressions."""
    table = pa.table({"key": list(range(5)), **NUMBERS})
    yield "polars", pl.DataFrame(table).lazy()
    yield "pyarrow", table
    yield "ibis", ibis.memtable(table)


@pytest.mark.parametrize("name", EXPRESSIONS)
@pytest.mark.parametrize(("engine", "frame"), list(frames()), ids=["polars", "pyarrow", "ibis"])
def test_every_node_means_the_same_in_every_engine(engine: Engine, frame: Any, name: str) -> None:
    """The value that its sentence says, also of a chain of six hundred conditions."""
    expr, kind, wanted = EXPRESSIONS[name]
    if name == "windows" and engine == "pyarrow":
        pytest.skip("narwhals has no running sums of groups on PyArrow; such frames are handed to Polars")
    assert printed(engine, frame, expr, kind) == dict(enumerate(wanted))


def test_equal_expressions_are_found_without_comparing_them() -> None:
    """Two readers of equal expressions share one number; an expression with one reader has none."""
    left, right = Compare("<", N, Fixed(1)), Compare("<", N, Fixed(1))
    sharing = Sharing([Every((left, B)), Some((right, B)), Not(TRUE), Not(Fixed(1))])
    assert sharing.number(left) == sharing.number(right) is not None
    assert sharing.number(Named("unknown")) is None


def test_no_two_values_are_taken_for_one() -> None:
    """True is not the integer one."""
    sharing = Sharing([Not(TRUE), Not(TRUE), Absolute(Fixed(1)), FALSE])
    assert sharing.number(Fixed(1)) is None
