"""What `columns=` says of a table: texts that stand for values, a value for every row, a field that is missing.

Frames and SQL answer what `decide` answers for the record that the caller means.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

import crm_rules
from crm_rules.errors import CallError
from crm_rules.policy import Policy
from tests.backends.engines.tables import Engine, Table

pl = pytest.importorskip("polars")
pd = pytest.importorskip("pandas")
pa = pytest.importorskip("pyarrow")
duckdb = pytest.importorskip("duckdb")

POLICY = """
policy: desk
kind: decision-table
hit_policy: first
fields:
  need: {type: choice, one_of: [明显, none, 无 need]}
  urgent: {type: boolean, optional: true}
  amount: {type: money, unit: CNY, currency: coin, optional: true}
  due: {type: date, optional: true}
output:
  desk: {type: choice, one_of: [甲, 乙, 丙, 丁]}
rules: |
  | id     | need   | urgent  | amount | due          | desk |
  | first  | "明显" | true    | > 100  | -            | 甲   |
  | second | "明显" | missing | -      | < 2024-02-29 | 乙   |
  | third  | "none" | -       | -      | -            | 丙   |
  | rest   | -      | -       | -      | -            | 丁   |
"""
NEEDS = {"Won": "明显", "it's": "明显", "": "无 need", "明显": "none"}
FLAGS = {"Y": True, "是": True, "N": False}
STAGES = [*NEEDS, "none", "won", "what", None]
ROWS: list[dict[str, Any]] = [
    {"key": key, "stage": stage, "flag": flag, "amount": amount}
    for key, (stage, flag, amount) in enumerate(
        (stage, flag, amount) for stage in STAGES for flag in (*FLAGS, "true", None) for amount in (100, 101)
    )
]
COLUMNS: dict[str, Any] = {
    "need": {"column": "stage", "values": NEEDS},
    "urgent": {"column": "flag", "values": FLAGS},
    "coin": {"constant": "CNY"},
    "due": {"constant": date(2024, 2, 28)},
}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    """A policy with a field of each kind that can be mapped."""
    path = tmp_path_factory.mktemp("desk") / "desk.yaml"
    path.write_text(POLICY, encoding="utf-8")
    return crm_rules.load(path)["desk"]


def expected(desk: Policy, due: date | None = date(2024, 2, 28)) -> dict[int, tuple[Any, ...]]:
    """The answers of `decide` for the records that are meant; a text that is not listed is no value at all."""
    found: dict[int, tuple[Any, ...]] = {}
    lists: tuple[tuple[str, str, dict[str, Any]], ...] = (("need", "stage", NEEDS), ("urgent", "flag", FLAGS))
    for row in ROWS:
        record: dict[str, Any] = {"amount": row["amount"], "coin": "CNY", "due": due}
        wrong = []
        for field, column, values in lists:
            text = row[column]
            record[field] = None if text is None else values.get(text, next(iter(values.values())))
            if text is not None and text not in values:
                wrong.append(f"{field}: {'not-in-choices' if field == 'need' else 'wrong-type'}")
        decision = desk.decide(record)
        wrong = [*(f"{one.field}: {one.code}" for one in decision.problems), *wrong]
        if wrong:
            found[row["key"]] = (None, "invalid", "", "; ".join(wrong))
        else:
            found[row["key"]] = (decision.value, decision.status, ";".join(decision.rules), None)
    return found


def answers(rows: list[dict[str, Any]]) -> dict[int, tuple[Any, ...]]:
    """The added columns by key."""
    return {row["key"]: (row["desk"], row["status"], row["rules"], row["reason"]) for row in rows}


FRAMES = {
    "polars": pl.DataFrame,
    "polars-lazy": lambda table: pl.LazyFrame(pl.DataFrame(table)),
    "categories": lambda table: pl.DataFrame(table).with_columns(pl.col("stage").cast(pl.Categorical)),
    "pandas": lambda table: table.to_pandas(types_mapper=pd.ArrowDtype),
    "pyarrow": lambda table: table,
    "duckdb": duckdb.from_arrow,
}


def rows_of(frame: Any) -> list[dict[str, Any]]:
    """The rows of a frame; what pandas has for nothing is None."""
    if isinstance(frame, pl.LazyFrame):
        frame = frame.collect()
    if isinstance(frame, pl.DataFrame):
        return list(frame.to_dicts())
    if isinstance(frame, pd.DataFrame):
        frame = pa.Table.from_pandas(frame)
    return list((frame if isinstance(frame, pa.Table) else frame.to_arrow_table()).to_pylist())


@pytest.mark.parametrize("kind", FRAMES)
def test_texts_of_a_frame_stand_for_values(desk: Policy, kind: str) -> None:
    """A text that is not listed makes its row invalid, also one that is a choice itself."""
    found = desk.decide_frame(FRAMES[kind](pa.Table.from_pylist(ROWS)), columns=COLUMNS)
    assert answers(rows_of(found)) == expected(desk)


def test_texts_of_a_database_stand_for_values(desk: Policy, engine: Engine) -> None:
    """The same in SQL of every dialect."""
    table = Table(
        "orders",
        {"key": "integer", "stage": "text", "flag": "text", "amount": "integer"},
        [tuple(row.values()) for row in ROWS],
    )
    text = desk.to_sql(dialect=engine.dialect, table="orders", columns=COLUMNS)
    assert answers(engine.run(table, text)) == expected(desk)


def test_a_field_can_be_said_to_be_missing(desk: Policy) -> None:
    """`None` is short for it."""
    frame = pl.DataFrame(ROWS)
    for nothing in (None, {"missing": True}):
        found = desk.decide_frame(frame, columns={**COLUMNS, "due": nothing})
        assert answers(rows_of(found)) == expected(desk, due=None)


def test_a_constant_of_another_currency_is_wrong_in_every_row(desk: Policy) -> None:
    """The unit of the field is asked for, as in a record."""
    found = desk.decide_frame(pl.DataFrame(ROWS[:1]), columns={**COLUMNS, "coin": {"constant": "EUR"}})
    assert found["reason"].to_list() == ["coin: currency"]


def test_a_pack_takes_the_same_words(desk: Policy, tmp_path: Path) -> None:
    """Each of its policies reads the columns that it needs."""
    (tmp_path / "desk.yaml").write_text(POLICY, encoding="utf-8")
    (tmp_path / "other.yaml").write_text(POLICY.replace("policy: desk", "policy: other"), encoding="utf-8")
    found = crm_rules.load(tmp_path).decide_frame(pl.DataFrame(ROWS), columns=COLUMNS)
    for name in ("desk", "other"):
        wanted = [found[column].to_list() for column in (f"{name}.desk", f"{name}.status", f"{name}.reason")]
        assert list(zip(*wanted, strict=True)) == [(one[0], one[1], one[3]) for one in expected(desk).values()]


WRONG: dict[str, Any] = {
    "maps `need` to 3, expected the name of a column, None, or a mapping": {"need": 3},
    "says for `need` one of `column`, `constant` and `missing`, found none of them": {"need": {}},
    "found `column` and `constant`": {"need": {"column": "stage", "constant": "none"}},
    "says `values` of `need` and no `column` that holds them": {"need": {"constant": "none", "values": NEEDS}},
    "has the text `Nope` for the text `Lost` of `need`, expected one of 明显, none, 无 need": {
        "need": {"column": "stage", "values": {"Lost": "Nope"}}
    },
    "says `values` of `need` for 3, expected a text": {"need": {"column": "stage", "values": {3: "none"}}},
    "says `values` of `need`: expected a value for each text": {"need": {"column": "stage", "values": {}}},
    "says `values` of `due`, which is a date": {"due": {"column": "stage", "values": {"now": date(2024, 1, 1)}}},
    "says `colum` of `need`; did you mean `column`?": {"need": {"colum": "stage"}},
    "says `date` of `due`, which is for the texts of a file": {"due": {"column": "stage", "date": "DD/MM/YYYY"}},
    "has the text `what` for `need`, expected one of": {"need": {"constant": "what"}},
    "says `missing` of `due`, expected True, found false": {"due": {"missing": False}},
    "maps `need` to 3, expected the name of a column": {"need": {"column": 3}},
    "names `neeed`, which `desk` does not have; did you mean `need`?": {"neeed": {"column": "stage"}},
    "holds Int64, expected the texts of `values`": {"need": {"column": "amount", "values": NEEDS}},
}


@pytest.mark.parametrize("words", WRONG)
def test_what_makes_no_sense_is_refused(desk: Policy, words: str) -> None:
    """Each mistake is a sentence with the remedy."""
    with pytest.raises(CallError) as raised:
        desk.decide_frame(pl.DataFrame(ROWS), columns={**COLUMNS, **WRONG[words]})
    assert words in str(raised.value)
