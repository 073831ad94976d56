"""No name and no text of a policy or a call becomes anything but a name or a text: it is executed to show it."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm_rules.about import About
from crm_rules.backends.query import Compare, Fact, Feed, Fixed, Item, Query, When
from crm_rules.backends.sql_dialects import dialect_of
from crm_rules.backends.sql_select import written_query
from crm_rules.ir.nodes import Constant, FieldValue, OneOf, StepValue
from crm_rules.ir.program import Column, Field, Label, Output, Program, Row
from crm_rules.ir.program import Table as Rules
from crm_rules.ir.types import Choice
from crm_rules.policy import Policy
from tests.backends.engines.tables import Engine, Table

HOSTILE = [
    "'; DROP TABLE victims; --",
    '"; DROP TABLE victims; --',
    "`; DROP TABLE victims; --",
    "x\n; DROP TABLE victims; --",
    "*/ DROP TABLE victims; /*",
    "\\",
    "\\'; DROP TABLE victims; --",
    "a\\nb",
    "''",
    '""',
    "$$; DROP TABLE victims; $$",
    "%s %(x)s ? :x $1 {} {0}",
    "金额（万元）",
    "‮evil‬",  # noqa: PLE2502
    "a\r\nb\tc",
    "🙂",
]
NAMES = [name for name in HOSTILE if len(name.encode()) <= 63]
TODAY = date(2026, 11, 22)


def policy_of(field: str, choice: str, rule: str, output: str) -> Policy:
    """A policy with one rule: a choice gives another choice, under names that nobody would choose."""
    kind = Choice((choice, "other"))
    row = Row("r", (OneOf((Constant(choice, kind),)),), (Constant(choice, kind),), label=Label(rule))
    rest = Row("rest", (), (Constant("other", kind),), otherwise=True)
    rules = Rules("rules", (Column(field, FieldValue(field), kind),), (row, rest), ((output, kind),))
    program = Program(
        "policy",
        "1",
        "decision-table",
        (Field(field, kind),),
        (),
        (rules,),
        (Output(output, kind, StepValue("rules", output), label=Label(rule)),),
    )
    return Policy(program, about=About(title=Label(f"{choice}\n{rule}")))


def survives(engine: Engine, table: Table, text: str) -> list[dict[str, object]]:
    """The rows of the query; the table beside it is still there."""
    if engine.dialect == "spark":
        return engine.run(table, text)
    engine.execute("CREATE TABLE victims (a integer)")
    try:
        rows = engine.run(table, text)
        engine.execute("SELECT * FROM victims")
    finally:
        engine.execute("DROP TABLE victims")
    return rows


@pytest.mark.parametrize("hostile", NAMES)
def test_names_and_texts_are_quoted(engine: Engine, hostile: str) -> None:
    """Tables, columns, choices, labels and results of any name: each row has its own answer, and nothing else happened."""  # noqa: E501
    policy = policy_of(hostile, hostile, hostile, hostile)
    text = policy.to_sql(dialect=engine.dialect, table=hostile, names={hostile: f"r{hostile}"[:60], "rules": "ids"})
    rows = survives(engine, Table(hostile, {hostile: "text"}, [(hostile,), ("other",), ("neither",)]), text)
    found = {row[hostile]: (row[f"r{hostile}"[:60]], row["status"]) for row in rows}
    assert found == {hostile: (hostile, "decided"), "other": ("other", "decided"), "neither": (None, "invalid")}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20))
def test_any_text_is_itself(sqlite: Engine, duckdb: Engine, postgres: Engine, text: str) -> None:
    """A literal of any text is that text, and equal to the same text in a column."""
    for engine in (sqlite, duckdb, postgres):
        query = Query(
            "q",
            (Feed("f", "c", "text"),),
            (),
            (Item("r", When(Compare("=", Fact("f"), Fixed(text)), Fixed(text), Fixed("other")), "text", text),),
        )
        written = written_query(query, dialect_of(engine.dialect), "t")
        rows = engine.run(Table("t", {"c": "text"}, [(text,)]), written)
        assert rows == [{"c": text, "r": text}]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=15))
def test_any_name_is_itself(sqlite: Engine, postgres: Engine, name: str) -> None:
    """A table and a column may be called anything."""
    for engine in (sqlite, postgres):
        query = Query("q", (Feed("f", name, "integer"),), (), (Item("result", Fact("f"), "integer"),))
        written = written_query(query, dialect_of(engine.dialect), name)
        rows = engine.run(Table(name, {name: "integer"}, [(5,)]), written)
        assert [row["result"] for row in rows] == [5]


def test_a_schema_is_a_name_of_its_own(sqlite: Engine) -> None:
    """Two names are a schema and a table; one name with a dot is the name of a table."""
    query = Query("q", (Feed("f", "c", "integer"),), (), (Item("r", Fact("f"), "integer"),))
    dialect = dialect_of("sqlite")
    assert sqlite.run(Table("main.t", {"c": "integer"}, [(1,)]), written_query(query, dialect, "main.t"))
    assert sqlite.run(Table("t", {"c": "integer"}, [(1,)]), written_query(query, dialect, ("main", "t")))
