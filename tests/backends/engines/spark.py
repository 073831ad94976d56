"""Spark in this process: a session on two threads, with tables as views of rows handed over."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

from tests.backends.engines.tables import Stored, Table

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

TYPES: Final[dict[Stored, str]] = {
    "boolean": "boolean",
    "integer": "bigint",
    "float": "double",
    "decimal": "decimal(18, 4)",
    "text": "string",
    "date": "date",
    "datetime": "timestamp_ntz",
}


class Spark:
    """One session."""

    dialect = "spark"

    def __init__(self, session: SparkSession) -> None:
        self.session = session

    def run(self, table: Table, query: str) -> list[dict[str, Any]]:
        """The rows of the query; the table is a view, made before and dropped after."""
        schema = ", ".join(f"{quoted(name)} {TYPES[stored]}" for name, stored in table.columns.items())
        frame = self.session.createDataFrame([tuple(row) for row in table.rows], schema)
        frame.createOrReplaceTempView(quoted(table.name))
        try:
            return self.execute(query)
        finally:
            self.session.catalog.dropTempView(quoted(table.name))

    def execute(self, *statements: str) -> list[dict[str, Any]]:
        """The rows of the last statement, none where it has none."""
        rows: list[dict[str, Any]] = []
        for statement in statements:
            rows = [row.asDict() for row in self.session.sql(statement).collect()]
        return rows


def quoted(name: str) -> str:
    """A name as an identifier of Spark."""
    return "`" + name.replace("`", "``") + "`"


def start() -> SparkSession:
    """A session without a user interface or a network."""
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    from pyspark.sql import SparkSession  # noqa: PLC0415 - takes a second to import, and is optional

    builder = SparkSession.builder.master("local[2]").appName("crm-rules")
    for name, value in {
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "2",
    }.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()
