"""DuckDB in memory."""

from __future__ import annotations

from typing import Any, Final

import duckdb

from tests.backends.engines.tables import Stored, Table, quoted

TYPES: Final[dict[Stored, str]] = {
    "boolean": "BOOLEAN",
    "integer": "BIGINT",
    "float": "DOUBLE",
    "decimal": "DECIMAL(18, 4)",
    "text": "VARCHAR",
    "date": "DATE",
    "datetime": "TIMESTAMP",
}


class DuckDB:
    """One database in memory, on one thread: DuckDB gives no order of rows otherwise."""

    dialect = "duckdb"

    def __init__(self) -> None:
        self.connection = duckdb.connect(":memory:", config={"threads": 1})

    def run(self, table: Table, query: str) -> list[dict[str, Any]]:
        """The rows of the query; the table is made before and dropped after."""
        columns = ", ".join(f"{quoted(name)} {TYPES[stored]}" for name, stored in table.columns.items())
        marks = ", ".join("?" for _ in table.columns)
        self.connection.execute(f"CREATE TABLE {quoted(table.name)} ({columns})")
        try:
            if table.rows:
                insert = f"INSERT INTO {quoted(table.name)} VALUES ({marks})"  # noqa: S608 - a test
                self.connection.executemany(insert, list(table.rows))
            return self.execute(query)
        finally:
            self.connection.execute(f"DROP TABLE {quoted(table.name)}")

    def execute(self, *statements: str) -> list[dict[str, Any]]:
        """The rows of the last statement, none where it has none."""
        for statement in statements:
            self.connection.execute(statement)
        names = [column[0] for column in self.connection.description or ()]
        return [dict(zip(names, row, strict=True)) for row in self.connection.fetchall()]
