"""Composition and movement tables: the definition by hand, on every kind of frame, classes without rows, mistakes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import duckdb
import narwhals.stable.v2 as nw
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crm_rules
from crm_rules.composition import composition, movement
from crm_rules.errors import CallError

Row = dict[str, Any]
Rows = list[Row]
SCHEMA = pa.schema([("grade", pa.string()), ("region", pa.string()), ("amount", pa.int64())])
CON = duckdb.connect()


def arrow(rows: Rows) -> pa.Table:
    """The rows as a table, typed also where there are none."""
    return pa.Table.from_pylist(rows, SCHEMA)


def from_pandas(frame: pd.DataFrame) -> Rows:
    """The rows of a pandas frame, its own null as None."""
    return [
        {name: None if pd.isna(value) else value for name, value in row.items()} for row in frame.to_dict("records")
    ]


def through_duckdb(rows: Rows) -> Any:
    """The rows as a relation that reads them when it is asked."""
    table = arrow(rows)
    return CON.from_arrow(table)


ENGINES: dict[str, tuple[Callable[[Rows], Any], Callable[[Any], Rows]]] = {
    "polars": (lambda rows: pl.from_arrow(arrow(rows)), lambda frame: frame.to_dicts()),
    "polars-lazy": (lambda rows: pl.DataFrame(arrow(rows)).lazy(), lambda frame: frame.collect().to_dicts()),
    "pandas": (lambda rows: arrow(rows).to_pandas(), from_pandas),
    "pandas-arrow": (lambda rows: arrow(rows).to_pandas(types_mapper=pd.ArrowDtype), from_pandas),
    "pyarrow": (arrow, lambda frame: frame.to_pylist()),
    "duckdb": (through_duckdb, lambda frame: frame.to_arrow_table().to_pylist()),
}

GRADES = st.sampled_from(["A", "B", "C", "客户", None])
ROWS = st.lists(
    st.fixed_dictionaries(
        {"grade": GRADES, "region": st.sampled_from(["east", "west"]), "amount": st.none() | st.integers(-50, 50)}
    ),
    max_size=12,
)


def part(above: int, below: int) -> float | None:
    """A quotient, or nothing where it would divide by zero."""
    return None if below == 0 else above / below


def counted(rows: Rows, chosen: Callable[[Row], bool]) -> tuple[int, int, int]:
    """Count, missing and sum of the rows that are chosen."""
    amounts = [row["amount"] for row in rows if chosen(row)]
    return len(amounts), amounts.count(None), sum(amount for amount in amounts if amount is not None)


def in_order(rows: list[Rows], classes: list[str]) -> list[str | None]:
    """The classes as the table shows them: the given ones, then others by their text, then no class."""
    found = {row["grade"] for some in rows for row in some} - set(classes)
    return [*classes, *sorted(one for one in found if one is not None), *([None] if None in found else [])]


def by_hand(rows: Rows, classes: list[str]) -> Rows:
    """The composition table by its definition."""
    count, _, total = counted(rows, lambda _: True)
    table: Rows = []
    for grade in in_order([rows], classes):
        own = counted(rows, lambda row, grade=grade: row["grade"] == grade)  # type: ignore[misc]
        shares = {"count_share": part(own[0], count), "sum_share": part(own[2], total)}
        table.append({"grade": grade, "count": own[0], "missing": own[1], "sum": own[2], **shares})
    return table


@pytest.mark.parametrize("engine", ENGINES)
@settings(max_examples=15)
@given(ROWS, st.sampled_from([[], ["C", "A"], ["A", "B", "C", "D"]]))
def test_a_composition_is_what_the_definition_says(engine: str, rows: Rows, classes: list[str]) -> None:
    """Count, sum and share of each class, in the order asked for, nothing left out, the same in every engine."""
    make, read = ENGINES[engine]
    table = composition(make(rows), by="grade", value="amount", classes={"grade": classes} if classes else {})
    assert read(table) == by_hand(rows, classes)


@pytest.mark.parametrize("engine", ENGINES)
@settings(max_examples=10)
@given(ROWS, ROWS)
def test_a_movement_compares_opening_and_current(engine: str, opening: Rows, current: Rows) -> None:
    """A class of either side stands there once: what it was, what it is, the growth where there was something."""
    make, read = ENGINES[engine]
    found = read(movement(make(opening), make(current), by="grade", value="amount", classes={"grade": ["A", "D"]}))
    wanted: Rows = []
    for grade in in_order([opening, current], ["A", "D"]):
        before, after = (
            counted(rows, lambda row, grade=grade: row["grade"] == grade)  # type: ignore[misc]
            for rows in (opening, current)
        )
        row: Row = {"grade": grade}
        for name, place in (("count", 0), ("missing", 1), ("sum", 2)):
            row |= {f"{name}_opening": before[place], f"{name}_current": after[place]}
            if name != "missing":
                change = after[place] - before[place]
                row |= {f"{name}_change": change, f"{name}_growth": part(change, before[place])}
        wanted.append(row)
    assert found == wanted


@pytest.mark.parametrize("engine", ENGINES)
def test_several_columns_and_none_make_the_classes(engine: str) -> None:
    """Two columns give each pair of their classes, none gives the whole."""
    make, read = ENGINES[engine]
    rows = [{"grade": "A", "region": "west", "amount": 3}, {"grade": "A", "region": "east", "amount": 1}]
    classes = {"grade": ["A", "B"], "region": ["west", "east"]}
    pairs = read(composition(make(rows), by=["grade", "region"], value="amount", classes=classes))
    assert [(row["grade"], row["region"], row["sum"]) for row in pairs] == [
        ("A", "west", 3),
        ("A", "east", 1),
        ("B", "west", 0),
        ("B", "east", 0),
    ]
    whole = {"count": 2, "missing": 0, "sum": 4, "count_share": 1.0, "sum_share": 1.0}
    assert read(composition(make(rows), by=[], value="amount")) == [whole]
    nothing = {"count": 0, "missing": 0, "sum": 0, "count_share": None, "sum_share": None}
    assert read(composition(make([]), by=[], value="amount")) == [nothing]


def amounts(*numbers: int | None, grades: str = "") -> Rows:
    """Rows with these amounts, of class A or of the classes given by a letter each."""
    return [
        {"grade": grade, "region": "east", "amount": amount}
        for grade, amount in zip(grades or "A" * len(numbers), numbers, strict=True)
    ]


@pytest.mark.parametrize("engine", ENGINES)
def test_whole_numbers_are_added_exactly_up_to_64_bits(engine: str) -> None:
    """The largest and the smallest sum are exact, also beside a class without rows, and their whole may be larger."""
    make, read = ENGINES[engine]
    rows = amounts(2**62, 2**62 - 1, 2**53 + 1, -(2**53 + 1), -(2**63), grades="AABBB")
    table = read(composition(make(rows), by="grade", value="amount", classes={"grade": ["D", "A"]}))
    assert [(row["grade"], row["sum"]) for row in table] == [("D", 0), ("A", 2**63 - 1), ("B", -(2**63))]
    halves = read(composition(make(amounts(2**62, 2**62, grades="AB")), by="grade", value="amount"))
    assert [(row["sum"], row["sum_share"]) for row in halves] == [(2**62, 0.5), (2**62, 0.5)]
    moved = movement(make(amounts(2**53 + 1)), make(amounts(2**60 + 1)), by="grade", value="amount")
    (row,) = read(moved)
    assert (row["sum_opening"], row["sum_current"]) == (2**53 + 1, 2**60 + 1)
    assert (row["sum_change"], row["sum_growth"]) == (2**60 - 2**53, 127.0)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_whole_number_beyond_64_bits_is_refused(engine: str) -> None:
    """A sum or a change that no whole number of the frame holds is named, and never another number."""
    make, _ = ENGINES[engine]
    for numbers in ((2**62, 2**62), (-(2**63), -1), (2**62, 2**62, 2**62, 2**62)):
        with pytest.raises(CallError, match=r"a sum of `amount`, .* beyond 64 bits"):
            composition(make(amounts(*numbers)), by="grade", value="amount")
    for opening, current in ((-(2**62) - 1, 2**62), (2**63 - 1, -2)):
        with pytest.raises(CallError, match="a change of one, is a number beyond 64 bits"):
            movement(make(amounts(opening)), make(amounts(current)), by="grade", value="amount")


WIDE: dict[str, Callable[[int], Any]] = {
    "polars": lambda number: pl.DataFrame({"grade": ["A"], "amount": pl.Series([number], dtype=pl.UInt64)}),
    "polars of 128 bits": lambda number: pl.DataFrame({"grade": ["A"], "amount": pl.Series([number], dtype=pl.Int128)}),
    "pandas": lambda number: pd.DataFrame({"grade": ["A"], "amount": pd.Series([number], dtype="uint64")}),
    "pyarrow": lambda number: pa.table({"grade": ["A"], "amount": pa.array([number], pa.uint64())}),
    "duckdb": lambda number: CON.sql(f"select 'A' as grade, {number}::hugeint as amount"),
}


@pytest.mark.parametrize("kind", WIDE)
def test_a_wide_type_is_added_where_its_numbers_have_64_bits(kind: str) -> None:
    """Unsigned numbers and those of 128 bits count like others, and one that is too large is named."""
    make = WIDE[kind]
    assert len(composition(make(2**63 - 1), by="grade", value="amount", classes={"grade": ["A"]})) == 1
    with pytest.raises(CallError, match="`amount` holds a number beyond 64 bits"):
        composition(make(2**63), by="grade", value="amount")


DIGITS = pa.table({"grade": ["A"] * 20, "amount": pa.array([Decimal("9" * 36 + ".99")] * 20, pa.decimal128(38, 2))})
DECIMALS: dict[str, Callable[[], Any]] = {
    "polars": lambda: pl.DataFrame(DIGITS),
    "polars-lazy": lambda: pl.DataFrame(DIGITS).lazy(),
    "pandas-arrow": lambda: DIGITS.to_pandas(types_mapper=pd.ArrowDtype),
    "pyarrow": lambda: DIGITS,
    "duckdb": lambda: CON.from_arrow(DIGITS),
}


@pytest.mark.parametrize("engine", DECIMALS)
def test_decimals_that_no_sum_holds_are_refused(engine: str) -> None:
    """A sum of decimals beyond their digits is named before it is made."""
    with pytest.raises(CallError, match="`amount` may have sums of more than 37 digits"):
        composition(DECIMALS[engine](), by="grade", value="amount")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", ["lv.o", "value-class.class", "^c$", "*", 'a"b', "a b", "_amount", "_0", "Sum", ""])
def test_any_name_of_a_column_is_only_a_name(engine: str, name: str) -> None:
    """A dot, a star, a pattern or a quote in a name means nothing, in the classes and in the value."""
    make, read = ENGINES[engine]
    if engine == "duckdb" and not name:
        pytest.skip("DuckDB gives a column without a name one of its own")
    rows = [{"grade": "A", "region": "east", "amount": 1}, {"grade": "B", "region": "east", "amount": 3}]
    frame = make(rows)
    for old in ("grade", "amount"):
        named = nw.to_native(nw.from_native(frame).rename({old: name}))
        by, value = (name, "amount") if old == "grade" else ("grade", name)
        shown = read(composition(named, by=by, value=value, classes={by: ["C", "B"]}))
        assert [(row[by], row["sum"], row["sum_share"]) for row in shown] == [
            ("C", 0, 0.0),
            ("B", 3, 0.75),
            ("A", 1, 0.25),
        ]
        assert list(shown[0]) == [by, "count", "missing", "sum", "count_share", "sum_share"]
        moved = read(movement(named, named, by=by, value=value))
        assert [(row[by], row["sum_change"]) for row in moved] == [("A", 0), ("B", 0)]


def test_a_column_that_a_pack_has_added_holds_classes() -> None:
    """The name that `decide_frame` gives an answer is that of a column of classes, in DuckDB too."""
    pack = crm_rules.load("sample-company")
    asked = CON.sql("select 'clear' as need, date '2026-12-21' as expected_close, 5 as sales")
    decided = pack.decide_frame(asked, today=date(2026, 11, 21), policies=["pipeline-stage"])
    table = composition(decided, by="pipeline-stage.stage", value="sales")
    assert table.columns[0] == "pipeline-stage.stage"
    assert [row[1:] for row in table.fetchall()] == [(1, 0, 5, 1.0, 1.0)]


def test_numbers_of_two_types_are_compared() -> None:
    """Whole numbers against floats are floats, and against decimals are refused."""
    opening, current = (pl.DataFrame({"grade": ["A"], "amount": [number]}) for number in (1, 2.5))
    (row,) = movement(opening, current, by="grade", value="amount").to_dicts()
    assert (row["sum_opening"], row["sum_current"], row["sum_change"]) == (1.0, 2.5, 1.5)
    with pytest.raises(CallError, match=r"Int64 and Decimal.*cast it to one of them"):
        movement(opening, opening.cast({"amount": pl.Decimal(10, 2)}), by="grade", value="amount")
    with pytest.raises(CallError, match="dataframes of one kind"):
        movement(opening, opening.lazy(), by="grade", value="amount")


def test_decimals_are_added_exactly() -> None:
    """A sum of decimals is a decimal, however many there are."""
    frame = pl.DataFrame({"grade": ["A"] * 1000, "amount": [Decimal("0.10")] * 1000})
    (row,) = composition(frame, by="grade", value="amount").to_dicts()
    assert (row["sum"], str(row["sum"])) == (Decimal(100), "100.00")


def test_the_kind_of_frame_stays() -> None:
    """What goes in comes out: eager or lazy, of the same library."""
    rows = [{"grade": "A", "region": "east", "amount": 1}]
    for make, _ in ENGINES.values():
        frame = make(rows)
        assert isinstance(composition(frame, by="grade", value="amount"), type(frame))


FRAME = pl.DataFrame({"grade": ["A"], "sum": ["A"], "amount": [1], "place": [1], "word": ["x"]})
MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "no such class": ({"by": "grad"}, "no column `grad`"),
    "no such value": ({"value": "amont"}, "no column `amont`"),
    "numbers as classes": ({"by": "place"}, "classes are texts"),
    "texts as value": ({"value": "word"}, "a column of numbers"),
    "a name of the table": ({"by": "sum"}, "rename the column"),
    "a column twice": ({"by": ["grade", "grade"]}, "stands twice"),
    "classes of another column": ({"classes": {"place": ["A"]}}, "all columns in `by`: grade"),
    "a class twice": ({"classes": {"grade": ["A", "A"]}}, "different texts"),
    "one text for a list": ({"classes": {"grade": "AB"}}, "different texts"),
    "numbers for texts": ({"classes": {"grade": [1]}}, "classes of `grade` are a list of different texts"),
    "no class for a text": ({"classes": {"grade": ["A", None]}}, "different texts"),
    "a number for a list": ({"classes": {"grade": 5}}, "different texts"),
    "no columns": ({"by": None}, "name columns by texts, found None"),
    "a number for a column": ({"by": ["grade", 5]}, "name columns by texts, found 5"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_of_the_caller_is_named(mistake: str) -> None:
    """Columns that are absent or hold something else are refused before anything is counted."""
    arguments, words = MISTAKES[mistake]
    with pytest.raises(CallError, match=words):
        composition(FRAME, **{"by": "grade", "value": "amount", **arguments})


@pytest.mark.parametrize("engine", ENGINES)
def test_classes_of_another_type_are_refused(engine: str) -> None:
    """A column of texts has no class that is a number, in any engine."""
    make, _ = ENGINES[engine]
    with pytest.raises(CallError, match="different texts"):
        composition(make(amounts(1)), by="grade", value="amount", classes={"grade": [1]})  # type: ignore[list-item]


def test_what_is_no_frame_is_refused() -> None:
    """A list of records is no dataframe."""
    with pytest.raises(CallError, match="a dataframe"):
        composition([{"grade": "A", "amount": 1}], by="grade", value="amount")
