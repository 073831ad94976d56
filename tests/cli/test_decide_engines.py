"""`crm-rules decide --engine`: whatever decides, the same bytes are written and the same summary is shown."""

from __future__ import annotations

import csv
import importlib.util
import json
from itertools import cycle, product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm_rules import load
from crm_rules.cli import brought, engines
from crm_rules.cli.main import main
from tests.cli.orders import HEADER, STANDARD, Desk, new_desk

pytest.importorskip("polars")
pytest.importorskip("narwhals")

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "policies" / "sample-company"
BOOK = ROOT / "examples" / "book" / "customers.json"
FEW = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=3, deadline=None)
AMOUNTS = (
    "/0/-0/999.99/1000/1000.00001/007/1_000/1,000/-1/1e3/500万/12.5%/x/1000 /99999999999999999999/"
    "1000000000000000000000000000000000000/0.1234567890123456789/999.9999999999999999/-99999999999999999999"
)
CELLS = {
    "id": ["1", 'a "b", c', "line\nbreak", "", "没有"],
    "need": ["clear", "potential", "none", "", "Clear", "n/a"],
    "amount": AMOUNTS.split("/"),
    "urgent": ["true", "false", "", "True", "1"],
    "due": ["", "2026-05-01", "2026-02-30", "01/05/2026", "1899-01-01", "2026-5-1", "n/a"],
    "weight": ["5", "15", "20.00", "21", "", "heavy", "99999999999999999999"],
}
TEXTS = {name: st.sampled_from(cells) for name, cells in CELLS.items()}
VALUES = {
    "need": st.sampled_from(["clear", "potential", "none", "Clear", None, 5, True, ["clear"]]),
    "amount": st.sampled_from([0, -1, 1000, 999.99, 10**20, True, "1000", "5万", None, [1], {"a": 1}]),
    "urgent": st.sampled_from([True, False, "true", 1, None]),
    "due": st.sampled_from([None, "2026-05-01", "2026-02-30", 20260501]),
    "weight": st.sampled_from([5, 15.5, 20, 21, None, "heavy"]),
}
MAPPINGS = {
    "none": "fields: {}",
    "read": """
        key: id
        empty: [n/a, "0"]
        fields:
          need: {column: need, values: {clear: clear, potential: potential, Clear: none}}
          amount: {column: amount, thousands: ","}
          urgent: {column: urgent, values: {"true": "true", "1": "true", "false": "false"}, empty: [True]}
          due: {column: due, date: DD/MM/YYYY}
    """,
    "fixed": """
        fields:
          need: clear_or_not
          amount: {constant: 1234.5}
          urgent: {constant: true}
          due: {missing: true}
    """,
}


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    """A folder with policies."""
    return new_desk(tmp_path, capsys)


def write_csv(desk: Desk, rows: list[dict[str, Any]], columns: list[str]) -> None:
    """Write texts into `data.csv`."""
    with (desk.folder / "data.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, columns)
        writer.writeheader()
        writer.writerows(rows)


def assert_same(desk: Desk, data: str, *options: str, out: str = "out.csv", policy: str = "order") -> None:
    """Both engines write the same bytes, and say the same but for the time that they took."""
    said = []
    for engine in ("python", "polars"):
        place = desk.folder / f"{engine}-{out}"
        result = desk.run(data, "--engine", engine, "--out", str(place), *options, policy=policy)
        assert result.code == 0, result.err
        lines = result.out.splitlines()[:-2]
        said.append((lines, result.err, place.read_bytes()))
    assert said[0] == said[1]


# The same answers


@pytest.mark.parametrize("policy", ["order", "shipping"])
@pytest.mark.parametrize("mapping", ["none", "read"])
@FEW
@given(rows=st.lists(st.fixed_dictionaries(TEXTS), max_size=60))
def test_texts_are_decided_alike(desk: Desk, mapping: str, policy: str, rows: list[dict[str, str]]) -> None:
    """Rows of a CSV file, however odd their texts, are answered by both engines in the same words."""
    write_csv(desk, rows, list(TEXTS))
    assert_same(desk, "data.csv", *desk.mapping(MAPPINGS[mapping]), policy=policy)


@pytest.mark.parametrize("mapping", ["none", "read"])
def test_every_amount_beside_every_need_and_day(desk: Desk, mapping: str) -> None:
    """All pairs of odd cells, so that one that is not read cannot hide another."""
    beside = zip(cycle(CELLS["id"]), cycle(CELLS["urgent"]))
    rows = [
        {"id": key, "need": need, "amount": amount, "urgent": urgent, "due": due, "weight": "5"}
        for (amount, need, due), (key, urgent) in zip(
            product(CELLS["amount"], CELLS["need"], CELLS["due"]), beside, strict=False
        )
    ]
    write_csv(desk, rows, list(CELLS))
    assert_same(desk, "data.csv", *desk.mapping(MAPPINGS[mapping]))


@FEW
@given(rows=st.lists(st.fixed_dictionaries({}, optional=VALUES), max_size=60))
def test_json_is_decided_alike(desk: Desk, rows: list[dict[str, Any]]) -> None:
    """Objects of JSON Lines with values of any type are answered by both engines in the same words."""
    first: dict[str, Any] = dict.fromkeys(VALUES)
    desk.write("data.jsonl", "".join(json.dumps(row) + "\n" for row in [first, *rows]))
    assert_same(desk, "data.jsonl", out="out.jsonl")
    assert_same(desk, "data.jsonl", out="out.csv", policy="shipping")


def test_constants_and_missing_fields_are_decided_alike(desk: Desk) -> None:
    """What a mapping says once for all rows holds in a frame."""
    desk.write("data.csv", "clear_or_not\nclear\nnone\nmaybe\n\n")
    assert_same(desk, "data.csv", *desk.mapping(MAPPINGS["fixed"]))
    assert_same(desk, "data.csv", *desk.mapping(MAPPINGS["fixed"]), out="out.jsonl")


def test_ragged_rows_and_encodings_are_decided_alike(desk: Desk) -> None:
    """Rows of another width, marks, quotes and encodings are the reader's affair, which both engines share."""
    desk.write(
        "data.csv", b"\xef\xbb\xbf" + f"{STANDARD}5,clear\n\n6,clear,1500,true,,x\n".replace("\n", "\r\n").encode()
    )
    assert_same(desk, "data.csv")
    desk.write("data.csv", "id,need,amount,urgent,due\n甲,clear,1500,true,\n乙,明显,1500,true,\n".encode("gb18030"))
    assert_same(desk, "data.csv", *desk.mapping("encoding: gb18030\nfields: {}"), "--lang", "zh")


@pytest.mark.parametrize("policy", sorted(load(SHIPPED)))
def test_shipped_policies_are_decided_alike(desk: Desk, policy: str) -> None:
    """Every starter policy, chains among them, on the small book of customers."""
    said = []
    for engine in ("python", "polars"):
        out = desk.folder / f"{engine}.csv"
        words = [str(SHIPPED), str(BOOK), "--policy", policy, "--today", "2026-11-21", "--engine", engine]
        code = main(["decide", *words, "--out", str(out)])
        said.append((code, desk.capture.readouterr().out.splitlines()[:-2], out.read_bytes() if out.exists() else b""))
    assert said[0] == said[1]


def test_a_given_decision_is_given_to_a_frame(desk: Desk) -> None:
    """`--given` holds in both engines."""
    desk.write("data.csv", f"{HEADER},weight\n1,clear,1500,false,,15\n2,,,,,21\n3,,,,,\n")
    assert_same(desk, "data.csv", "--given", "grade=B", policy="shipping")


def test_a_table_without_rows_is_a_frame(desk: Desk) -> None:
    """A header alone is decided by both engines."""
    desk.write("data.csv", HEADER)
    assert_same(desk, "data.csv")


def test_rows_of_many_chunks_keep_their_order(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks follow each other, decided and undecided rows each in its place, and lines are those of the file."""
    monkeypatch.setattr("crm_rules.cli.decide.FRAME_CHUNK", 7)
    needs = ["clear", "potential", "none", "other"]
    write_csv(
        desk,
        [
            {"id": str(number), "need": needs[number % 4], "amount": str(number * 37), "urgent": "true", "due": ""}
            for number in range(100)
        ],
        HEADER.split(","),
    )
    assert_same(desk, "data.csv", *desk.mapping("key: id\nfields: {}"))
    assert [row["id"] for row in desk.read("polars-out.csv")] == [str(number) for number in range(100)]


# Which engine


def test_many_rows_are_for_polars(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The size of the data chooses, unless the user does."""
    chosen = []

    def watched(asked: str, task: Any) -> engines.Engine:
        chosen.append(choose(asked, task))
        return chosen[-1]

    choose = engines.choose_engine
    monkeypatch.setattr("crm_rules.cli.decide.choose_engine", watched)
    desk.write("data.csv", STANDARD)
    desk.run("data.csv")
    monkeypatch.setattr(engines, "MANY_ROWS", 2)
    desk.run("data.csv")
    desk.run("data.csv", "--engine", "python")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(brought, "find_spec", lambda _: None)
    desk.run("data.csv")
    assert chosen == ["python", "polars", "python", "python"]


def test_a_library_that_is_absent_is_named(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What needs a library says which, and how it is installed."""
    monkeypatch.setattr(brought, "find_spec", lambda _: None)
    desk.write("data.csv", STANDARD)
    result = desk.run("data.csv", "--engine", "polars")
    assert result.code == 2
    assert result.err == (
        "crm-rules: --engine polars cannot be used: --engine polars needs narwhals, which is not installed: "
        "pip install 'crm-rules[frames]'; leave it out, or write --engine python\n"
    )
    desk.write("data.parquet", b"PAR1")
    result = desk.run("data.parquet")
    assert (result.code, result.err) == (
        2,
        "crm-rules: a Parquet file needs pyarrow, which is not installed: pip install pyarrow\n",
    )
