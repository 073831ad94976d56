"""SQLite in memory, through the standard library: dates are ISO text, truth values 0 and 1."""

from __future__ import annotations

import sqlite3
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from tests.backends.engines.tables import Stored, Table, quoted

TYPES: Final[dict[Stored, str]] = {
    "boolean": "BOOLEAN",
    "integer": "INTEGER",
    "float": "REAL",
    "decimal": "NUMERIC",
    "text": "TEXT",
    "date": "DATE",
    "datetime": "DATETIME",
}


class SQLite:
    """One database in memory."""

    dialect = "sqlite"

    def __init__(self) -> None:
        self.connection = sqlite3.connect(":memory:")

    def run(self, table: Table, query: str) -> list[dict[str, Any]]:
        """The rows of the query; the table is made before and dropped after."""
        columns = ", ".join(f"{quoted(name)} {TYPES[stored]}" for name, stored in table.columns.items())
        marks = ", ".join("?" for _ in table.columns)
        self.connection.execute(f"CREATE TABLE {quoted(table.name)} ({columns})")
        try:
            rows = [tuple(to_stored(value) for value in row) for row in table.rows]
            self.connection.executemany(f"INSERT INTO {quoted(table.name)} VALUES ({marks})", rows)  # noqa: S608 - a test
            return self.execute(query)
        finally:
            self.connection.execute(f"DROP TABLE {quoted(table.name)}")

    def execute(self, *statements: str) -> list[dict[str, Any]]:
        """The rows of the last statement, none where it has none."""
        cursor = [self.connection.execute(statement) for statement in statements][-1]
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def to_stored(value: object) -> object:
    """A value as SQLite can hold it."""
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, date):
        return value.isoformat()
    return float(value) if isinstance(value, Decimal) else value
