"""Frames of engines that read SQL: names in quotes, texts compared by their characters, columns that are twins."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

import crm_rules
from crm_rules.errors import CallError
from crm_rules.policy import Policy
from tests.backends.engines.tables import Engine

duckdb = pytest.importorskip("duckdb")
pytest.importorskip("narwhals.stable.v2")

DAY = date(2026, 11, 21)
STAGES = ["A", "E", None]
ROWS = [("clear", date(2026, 12, 21)), ("none", None), ("CLEAR", date(2026, 12, 21))]


@pytest.fixture(scope="module")
def stage() -> Policy:
    """The stage of an opportunity: a choice and an optional date."""
    return crm_rules.load(Path(__file__).parents[2] / "policies")["pipeline-stage"]


@dataclass(frozen=True)
class Frames:
    """Makes frames out of queries that both engines understand."""

    sql: Any
    sign: str  # around a name
    ignores_case: str  # a collation

    def rows(self, need: str, close: str, more: str = "") -> Any:
        """The rows with columns of these names, and further ones."""
        need, close = (self.sign + name.replace(self.sign, self.sign * 2) + self.sign for name in (need, close))
        days = [f"DATE '{day}'" if day else "CAST(NULL AS date)" for _, day in ROWS]
        parts = [f"SELECT '{text}' {need}, {day} {close}{more}" for (text, _), day in zip(ROWS, days, strict=True)]
        return self.sql(" UNION ALL ".join(parts))


@pytest.fixture(params=["duckdb", pytest.param("spark", marks=pytest.mark.spark)])
def frames(request: pytest.FixtureRequest) -> Iterator[Frames]:
    """Frames of each engine in turn."""
    if request.param == "duckdb":
        with duckdb.connect(":memory:") as connection:
            yield Frames(connection.sql, '"', "NOCASE")
    else:
        yield Frames(request.getfixturevalue("spark").session.sql, "`", "UTF8_LCASE")


def stages(found: Any) -> list[Any]:
    """The column that was added, in the order of the rows that went in."""
    rows = found.collect() if hasattr(found, "collect") else found.fetchall()
    place = list(found.columns).index("stage")
    return sorted((row[place] for row in rows), key=str)


@pytest.mark.parametrize("name", ["a.b", "a`b", 'a"b', "*", "^n$", "需求 1", "crm_rules_1", "-- x"])
def test_a_column_has_any_name(stage: Policy, frames: Frames, name: str) -> None:
    """Needed or not, a name is written in quotes; the columns of the frame come back as they were."""
    frame = frames.rows(name, "close.d")
    found = stage.decide_frame(frame, today=DAY, columns={"need": name, "expected_close": "close.d"})
    assert list(found.columns) == [name, "close.d", "stage", "status", "rules", "reason"]
    assert stages(found) == sorted(STAGES, key=str)
    untouched = stage.decide_frame(frame, today=DAY, columns={"need": {"constant": "none"}, "expected_close": None})
    assert list(untouched.columns)[:2] == [name, "close.d"]
    assert stages(untouched) == ["E"] * 3


def test_texts_are_compared_by_their_characters(stage: Policy, frames: Frames) -> None:
    """Also in a column whose own order ignores case."""
    text = f"SELECT 'CLEAR' COLLATE {frames.ignores_case} AS need, DATE '2026-12-21' AS expected_close"
    assert stages(stage.decide_frame(frames.sql(text), today=DAY)) == [None]


def test_columns_that_are_twins_are_refused(stage: Policy, frames: Frames) -> None:
    """SQL does not tell them apart, so that one would stand for the other."""
    frame = frames.rows("need", "expected_close", more=", 'none' AS NEED")
    with pytest.raises(CallError, match="the column `need` is there 2 times, also as `NEED"):
        stage.decide_frame(frame, today=DAY)


def test_a_relation_whose_other_columns_are_twins_is_refused(stage: Policy) -> None:
    """DuckDB would give one of them another name."""
    with duckdb.connect(":memory:") as connection:
        frame = connection.sql("SELECT 'clear' AS need, DATE '2026-12-21' AS expected_close, 1 AS a, 2 AS \"A\"")
        with pytest.raises(CallError, match="the column `a` is there 2 times, also as `A`: rename one"):
            stage.decide_frame(frame, today=DAY)


@pytest.mark.spark
def test_a_session_that_reads_texts_otherwise_is_refused(stage: Policy, spark: Engine) -> None:
    """With that setting a quote in a text is written in a way that other sessions take for another text."""
    session = spark.session  # type: ignore[attr-defined]
    frame = session.sql("SELECT 'clear' AS need, CAST(NULL AS date) AS expected_close")
    session.conf.set("spark.sql.parser.escapedStringLiterals", "true")
    try:
        with pytest.raises(CallError, match="escapedStringLiterals=true"):
            stage.decide_frame(frame, today=DAY)
    finally:
        session.conf.unset("spark.sql.parser.escapedStringLiterals")
    assert stages(stage.decide_frame(frame, today=DAY)) == ["unknown"]


def test_numbers_come_back_in_64_bits(tmp_path: Path) -> None:
    """A literal of SQL would be an integer of 32 bits, or a decimal."""
    text = "policy: p\nkind: decision-table\nfields: {a: {type: boolean}}\n"
    text += "output: {n: {type: integer}, x: {type: number}}\n"
    rules = "rules: |\n  | id | a | n | x |\n  | yes | true | 1 | 2% |\n  | no | false | 2 | 3% |\n"
    (tmp_path / "p.yaml").write_text(text + rules, encoding="utf-8")
    with duckdb.connect(":memory:") as connection:
        found = crm_rules.load(tmp_path)["p"].decide_frame(connection.sql("SELECT true AS a"))
        assert [str(kind) for kind in found.types[1:3]] == ["BIGINT", "DOUBLE"]
        assert found.fetchall()[0][1:3] == (1, 0.02)
