"""Composition and movement tables: the definition by hand, on every kind of frame, classes without rows, mistakes."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_of_the_caller_is_named(mistake: str) -> None:
    """Columns that are absent or hold something else are refused before anything is counted."""
    arguments, words = MISTAKES[mistake]
    with pytest.raises(CallError, match=words):
        composition(FRAME, **{"by": "grade", "value": "amount", **arguments})


def test_what_is_no_frame_is_refused() -> None:
    """A list of records is no dataframe."""
    with pytest.raises(CallError, match="a dataframe"):
        composition([{"grade": "A", "amount": 1}], by="grade", value="amount")
