"""`crm-rules sql` writes a statement that a database runs."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from crm_rules.cli.main import main

COMPANY = str(Path(__file__).parents[2] / "policies" / "sample-company")
STAGE = ["sql", COMPANY, "--policy", "pipeline-stage", "--dialect", "sqlite", "--table", "customers"]


@pytest.fixture
def customers() -> sqlite3.Connection:
    """A database with one customer."""
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE customers (id INTEGER, need TEXT, expected_close DATE, as_of DATE)")
    connection.execute("INSERT INTO customers VALUES (7, 'clear', '2026-12-01', '2026-11-22')")
    return connection


def stages(connection: sqlite3.Connection, statement: str) -> list[tuple[object, ...]]:
    """The id, stage and status of each row."""
    return connection.execute(f"SELECT id, stage, status FROM ({statement.rstrip().rstrip(';')})").fetchall()  # noqa: S608


@pytest.mark.parametrize("today", ["2026-11-22", "column:as_of"])
def test_a_select_on_standard_output(
    customers: sqlite3.Connection, capsys: pytest.CaptureFixture[str], today: str
) -> None:
    """The statement answers for the day that is given, or for that of each row."""
    assert main([*STAGE, "--today", today]) == 0
    assert stages(customers, capsys.readouterr().out) == [(7, "A", "decided")]
    customers.close()


def test_a_view_in_a_file(customers: sqlite3.Connection, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file holds a script: a view that asks the clock each time."""
    out = tmp_path / "stages.sql"
    assert main([*STAGE, "--today", "current", "--view", "main.stages", "--out", str(out)]) == 0
    assert capsys.readouterr().err == f"written to {out}\n"
    customers.executescript(out.read_text(encoding="utf-8"))
    assert customers.execute("SELECT status FROM stages").fetchall() == [("decided",)]
    customers.close()


def test_mapped_columns_and_a_prefix(customers: sqlite3.Connection, capsys: pytest.CaptureFixture[str]) -> None:
    """A field reads the column that it is mapped to; an empty one is missing in every row."""
    words = ["--today", "2026-11-22", "--prefix", "p_", "--column", "need=need", "--column", "expected_close="]
    assert main([*STAGE, *words]) == 0
    statement = capsys.readouterr().out.rstrip().rstrip(";")
    assert customers.execute(f"SELECT p_stage FROM ({statement})").fetchall() == [("unknown",)]  # noqa: S608 - a test
    customers.close()


def test_a_mapping_file(customers: sqlite3.Connection, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The words of `decide` for columns that have types; `--column` has the last one."""
    customers.execute("ALTER TABLE customers ADD COLUMN deal TEXT")
    customers.execute("INSERT INTO customers VALUES (8, NULL, NULL, NULL, 'it''s on'), (9, NULL, NULL, NULL, 'clear')")
    mapping = tmp_path / "mapping.yaml"
    fields = "{need: {column: deal, values: {it's on: clear}}, expected_close: {constant: 2027-01-15}}"
    mapping.write_text(f"policy: pipeline-stage\nkey: id\nfields: {fields}\n", encoding="utf-8")
    words = [*STAGE, "--today", "2026-11-22", "--mapping", str(mapping)]
    assert main(words) == 0
    assert stages(customers, capsys.readouterr().out) == [
        (7, None, "invalid"),
        (8, "B", "decided"),
        (9, None, "invalid"),
    ]
    assert main([*words, "--column", "expected_close="]) == 0
    assert stages(customers, capsys.readouterr().out)[1] == (8, "unknown", "decided")
    customers.close()


def test_a_mapping_of_texts_of_a_file_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A column has a type, so that no form of dates is read."""
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text("fields: {expected_close: {column: close, date: DD/MM/YYYY}}\n", encoding="utf-8")
    assert main([*STAGE, "--today", "current", "--mapping", str(mapping)]) == 2
    assert "`date of expected_close` is for texts of a file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "depends on the day: give one, such as --today 2026-01-01, --today current or --today column:NAME"),
        (["--today", "tomorrow"], "expected a day such as 2026-01-31, found `tomorrow`"),
        (["--today", "current", "--column", "need"], "write FIELD=COLUMN, not `need`"),
        (
            ["--today", "current", "--column", "neeed=x"],
            "crm-rules: --column names `neeed`, which `pipeline-stage` does",
        ),
        (["--today", "current", "--dialect", "mysql"], "there is no SQL dialect `mysql`"),
        (["--today", "1899-12-31"], "has no edition in force on 1899-12-31"),
        (["--today", "column:"], "--today: column: names no column; write column:NAME"),
    ],
)
def test_what_cannot_be_used_is_a_sentence(words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A mistake of the user ends in a sentence with its remedy, and exit code 2."""
    assert main([*STAGE, *words]) == 2
    assert sentence in capsys.readouterr().err
