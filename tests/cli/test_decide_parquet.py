"""Parquet files in and out of `crm-rules decide`, with both engines."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cli.orders import HEADER, STANDARD, Desk, new_desk

pa = pytest.importorskip("pyarrow")
pytest.importorskip("polars")
pytest.importorskip("narwhals")
pq = pytest.importorskip("pyarrow.parquet")

FEW = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=3, deadline=None)
ROWS = {
    "id": st.integers(0, 9),
    "need": st.sampled_from(["clear", "potential", "none", "Clear", "", None]),
    "amount": st.sampled_from([Decimal(text) for text in ("0", "-1", "999.99", "1000", "1234.56", "9999999999.99")]),
    "urgent": st.sampled_from([True, False, None]),
    "due": st.sampled_from([None, date(2026, 5, 1), date(1899, 1, 1)]),
    "weight": st.sampled_from([5.0, 15.5, 20.0, 1e300, float("nan"), float("inf"), -0.0, None]),
}
STORED = {
    "plain": {
        "id": pa.int32(),
        "need": pa.string(),
        "amount": pa.decimal128(18, 2),
        "urgent": pa.bool_(),
        "due": pa.date32(),
        "weight": pa.float64(),
    },
    "other": {
        "id": pa.uint8(),
        "need": pa.dictionary(pa.int32(), pa.string()),
        "amount": pa.float64(),
        "urgent": pa.bool_(),
        "due": pa.timestamp("us"),
        "weight": pa.int64(),
    },
    "texts": {
        "id": pa.int64(),
        "need": pa.large_string(),
        "amount": pa.string(),
        "urgent": pa.bool_(),
        "due": pa.string(),
        "weight": pa.float64(),
    },
}


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    """A folder with policies."""
    return new_desk(tmp_path, capsys)


def write(desk: Desk, rows: list[dict[str, Any]], types: dict[str, Any], name: str = "data.parquet") -> Any:
    """Write rows with these types; the table."""
    columns = {column: [cell(row[column], kind) for row in rows] for column, kind in types.items()}
    table = pa.table({column: pa.array(cells, types[column]) for column, cells in columns.items()})
    pq.write_table(table, desk.folder / name, row_group_size=7)
    return table


def cell(value: Any, kind: Any) -> Any:
    """A value as a column of a type takes it."""
    if isinstance(value, date) and kind == pa.timestamp("us"):
        return datetime(value.year, value.month, value.day)  # noqa: DTZ001 - without a zone on purpose
    if isinstance(value, Decimal) and kind == pa.float64():
        return float(value)
    if isinstance(value, float) and kind == pa.int64():
        return int(value) if abs(value) < 100 else None
    return str(value) if kind == pa.string() and value is not None else value


def decided(desk: Desk, data: str, out: str, *options: str, policy: str = "order") -> tuple[Any, list[str]]:
    """What both engines wrote, once it is the same, and the summary."""
    found: list[tuple[Any, list[str]]] = []
    for engine in ("python", "polars"):
        place = desk.folder / f"{engine}-{out}"
        result = desk.run(data, "--engine", engine, "--out", str(place), *options, policy=policy)
        assert result.code == 0, result.err
        lines = result.out.splitlines()[:-2]
        found.append((pq.read_table(place) if out.endswith("parquet") else place.read_bytes(), lines))
    assert found[0][1] == found[1][1]
    if out.endswith("parquet"):
        assert found[0][0].schema == found[1][0].schema
        assert repr(found[0][0].to_pylist()) == repr(found[1][0].to_pylist())  # nan is like nan
    else:
        assert found[0] == found[1]
    return found[0]


@pytest.mark.parametrize("policy", ["order", "shipping"])
@pytest.mark.parametrize("stored", list(STORED))
@FEW
@given(rows=st.lists(st.fixed_dictionaries(ROWS), max_size=60))
def test_typed_columns_are_decided_alike(desk: Desk, stored: str, policy: str, rows: list[dict[str, Any]]) -> None:
    """Columns of any type are read by both engines as the record of each row."""
    table = write(desk, rows, STORED[stored])
    written, _ = decided(desk, "data.parquet", "out.parquet", policy=policy)
    assert written.num_rows == len(rows)
    own = written.select(table.column_names)
    assert own.schema.equals(table.schema)
    assert repr(own.to_pylist()) == repr(table.to_pylist())


def test_the_types_of_outputs(desk: Desk) -> None:
    """Texts, numbers and the words of the reasons; what is not there is null."""
    rows = [
        {"id": 1, "need": "clear", "amount": Decimal(1500), "urgent": False, "due": None, "weight": None},
        {"id": 2, "need": "clear", "amount": None, "urgent": True, "due": None, "weight": None},
    ]
    write(desk, rows, STORED["plain"])
    written, said = decided(desk, "data.parquet", "out.parquet")
    decided(desk, "data.parquet", "out.csv")
    assert [str(kind) for kind in written.schema.types[6:]] == ["string", "double", "string", "string", "string"]
    assert [list(row.values())[6:] for row in written.to_pylist()] == [
        ["A", 2.5, "decided", "big", ""],
        [None, None, "invalid", "", "Amount (amount): missing, expected money in CNY"],
    ]
    assert "1  Amount (amount): missing, expected money in CNY (first in line 2)" in said


def test_texts_become_columns_of_texts(desk: Desk) -> None:
    """The columns of a CSV file are written to Parquet as the texts that they are, those of JSON as in CSV."""
    desk.write("data.csv", STANDARD)
    written, _ = decided(desk, "data.csv", "out.parquet")
    assert written.to_pylist()[1] == {
        **dict(zip(HEADER.split(","), ["2", "potential", "10.5", "true", ""], strict=True)),
        "grade": "B",
        "limit": 1.0,
        "status": "decided",
        "rules": "rush",
        "reason": "",
    }
    desk.write("data.jsonl", '{"need": "clear", "amount": 1500.50, "urgent": true, "due": null}\n')
    written, _ = decided(desk, "data.jsonl", "out.parquet")
    assert list(written.to_pylist()[0].values())[:5] == ["clear", "1500.50", "true", None, "A"]


def test_a_number_is_written_exactly_or_not_at_all(desk: Desk) -> None:
    """A number that a 64-bit float would change is refused, and nothing is left behind."""
    text = """
        policy: large
        kind: decision-table
        version: 1.0.0
        fields: {amount: {type: number}}
        output: {part: {type: number}}
        rules: |
          | id  | amount | part                     |
          | all | -      | 1234567890123456789012.5 |
        """
    desk.write("policies/large.yaml", text)
    desk.write("data.csv", "amount\n1\n")
    result = desk.run("data.csv", "--out", str(desk.folder / "out.parquet"), policy="large")
    assert result.code == 2
    assert "has too many digits for a Parquet file; write .csv or .jsonl" in result.err
    assert not [path.name for path in desk.folder.iterdir() if "out" in path.name]


@pytest.mark.parametrize("engine", ["python", "polars"])
def test_what_is_no_parquet_is_refused(desk: Desk, engine: str) -> None:
    """A file that only ends like one, and a mapping that speaks of texts."""
    desk.write("data.parquet", b"no parquet at all")
    result = desk.run("data.parquet", "--engine", engine)
    assert result.code == 2
    assert result.err.startswith("crm-rules: `data.parquet` is no Parquet file that can be read: ")
    write(desk, [], STORED["plain"])
    result = desk.run("data.parquet", "--engine", engine, *desk.mapping("delimiter: ';'\nfields: {}"))
    assert "Parquet has no delimiter and no encoding; the mapping says otherwise" in result.err


def test_a_column_of_another_type_is_for_the_loop(desk: Desk) -> None:
    """A column that no frame takes for its field makes rows invalid in Python, and Polars refuses it."""
    rows = [{"id": 1, "need": "clear", "amount": Decimal(1500), "urgent": 1, "due": None, "weight": None}]
    write(desk, rows, STORED["plain"] | {"urgent": pa.int64(), "weight": pa.float32()})
    result = desk.run("data.parquet", "--engine", "python", "--out", str(desk.folder / "out.csv"))
    assert (result.code, desk.read("out.csv")[0]["status"]) == (0, "invalid")
    result = desk.run("data.parquet", "--engine", "polars")
    assert result.code == 2
    assert result.err.startswith("crm-rules: --engine polars cannot be used: ")
    assert "the column `urgent` for the field `urgent`" in result.err
    result = desk.run("data.parquet", "--engine", "polars", policy="shipping")
    assert "`weight` (a number) holds 32-bit floats" in result.err


def test_a_number_that_json_cannot_write_is_refused(desk: Desk) -> None:
    """NaN has no place in JSON."""
    row = {"id": 1, "need": "clear", "amount": Decimal(1500), "urgent": True, "due": None, "weight": float("nan")}
    write(desk, [row], STORED["plain"])
    result = desk.run("data.parquet", "--out", str(desk.folder / "out.jsonl"))
    assert (result.code, result.err) == (
        2,
        "crm-rules: data.parquet: row 1 has a number that JSON cannot write; choose .csv or .parquet\n",
    )
