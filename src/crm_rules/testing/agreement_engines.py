"""The engines that `check_agreement` knows by name: dataframes, SQL in this process, and one record after the other.

`fit` says what of a table an engine can hold: pandas' own columns have no null but NaN, SQLite has neither decimals nor
dates.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from crm_rules.compiling import CompiledPolicy
from crm_rules.decision import Decision
from crm_rules.policy import Policy
from crm_rules.testing import agreement_frames as frames
from crm_rules.testing.agreement_answers import Answer, Answers, Engine, Given, answers_of, named_rows, names_of
from crm_rules.testing.agreement_tables import KEY, Table

TABLE = "records"


# SQL


def with_duckdb_sql(policy: Policy, table: Table, given: Given) -> Answers:
    """A statement that DuckDB executes."""
    import duckdb  # noqa: PLC0415 - the user's own engine

    with duckdb.connect(":memory:") as connection:
        connection.register(TABLE, frames.arrow_table(table))
        text = policy.to_sql(dialect="duckdb", table=TABLE, today=table.today, given=given, names=names_of(policy))
        found = connection.sql(text)
        return answers_of(policy, named_rows(found.columns, found.fetchall()))


def with_sqlite(policy: Policy, table: Table, given: Given) -> Answers:
    """A statement that SQLite executes."""
    kinds = {
        "boolean": "BOOLEAN",
        "integer": "INTEGER",
        "float": "REAL",
        "text": "TEXT",
        "date": "DATE",
        "datetime": "DATETIME",
    }
    connection = sqlite3.connect(":memory:")
    try:
        columns = ", ".join(f'"{name}" {kinds[storage]}' for name, storage in table.storages.items())
        connection.execute(f'CREATE TABLE "{TABLE}" ({columns})')
        marks = ", ".join("?" for _ in table.storages)
        rows = [tuple(map(sqlite_value, row.values())) for row in table.rows]
        connection.executemany(f'INSERT INTO "{TABLE}" VALUES ({marks})', rows)  # noqa: S608 - the name is our own
        text = policy.to_sql(dialect="sqlite", table=TABLE, today=table.today, given=given, names=names_of(policy))
        cursor = connection.execute(text)
        names = [column[0] for column in cursor.description]
        return answers_of(policy, named_rows(names, cursor.fetchall()))
    finally:
        connection.close()


def sqlite_value(value: Any) -> Any:
    """A value as SQLite holds it: moments and days are ISO text."""
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, date):
        return value.isoformat()
    return float(value) if isinstance(value, Decimal) else value


# One record after the other


def with_python(policy: Policy, table: Table, given: Given) -> Answers:
    """`decide`, a call for each record; records that are ranked are decided together."""
    if policy.ranks(given):
        return many_answers(policy, table, given)
    decided_alone: dict[int, Answer] = {}
    for row in table.rows:
        decided_alone[row[KEY]] = answer_of(policy.decide(row, today=table.day(row), given=given or None))
    return decided_alone


def with_durable(policy: Policy, table: Table, given: Given) -> Answers:
    """The rulesets of durable-rules."""
    with policy.compile("durable") as compiled:
        return many_answers(compiled, table, given)


def many_answers(policy: Policy | CompiledPolicy, table: Table, given: Given) -> Answers:
    """`decide_many`, a call for each day of the table."""
    found: dict[int, Answer] = {}
    for day, rows in table.days():
        decisions = policy.decide_many(rows, today=day, given=given or None)
        found |= {row[KEY]: answer_of(decision) for row, decision in zip(rows, decisions, strict=True)}
    return found


def answer_of(decision: Decision) -> Answer:
    """A decision as an answer."""
    return Answer(decision.status, ";".join(decision.rules), decision.outputs)


ENGINES: Mapping[str, Engine] = {
    "python": Engine(with_python),
    "durable": Engine(with_durable),
    "polars": Engine(frames.with_polars),
    "polars-lazy": Engine(frames.with_polars_lazy),
    "polars-streaming": Engine(frames.with_polars_streaming),
    "pandas": Engine(frames.with_pandas, frames.fit_numpy),
    "pandas-nullable": Engine(frames.with_pandas_nullable, frames.fit_nullable),
    "pandas-arrow": Engine(frames.with_pandas_arrow),
    "pyarrow": Engine(frames.with_pyarrow),
    "duckdb": Engine(frames.with_duckdb),
    "pyspark": Engine(frames.with_pyspark),
    "dask": Engine(frames.with_dask),
    "ibis": Engine(frames.with_ibis),
    "sql:duckdb": Engine(with_duckdb_sql),
    "sql:sqlite": Engine(with_sqlite, frames.fit_numpy),
}
