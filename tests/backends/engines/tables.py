"""What the engines that execute SQL in the tests have in common: a table to create, and rows to get back.

An `Engine` holds one open database. `run` creates a table of records and answers a query about it, each row
a mapping by column name. Values go in and come out as the engine's client has them: the caller compares them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol, TypeAlias

from crm_rules.dataclass import dataclass

# What a column holds; each engine has its own name for it. `decimal` has at least 18 digits, 4 of them after the point.
Stored: TypeAlias = Literal["boolean", "integer", "float", "decimal", "text", "date", "datetime"]


@dataclass(frozen=True, slots=True)
class Table:
    """A table to create: its name, its columns in order, its rows as tuples of values, None for null."""

    name: str
    columns: Mapping[str, Stored]
    rows: Sequence[Sequence[Any]]


class Engine(Protocol):
    """An open database of one dialect."""

    dialect: str

    def run(self, table: Table, query: str) -> list[dict[str, Any]]:
        """The rows of the query; the table is made before and dropped after."""

    def execute(self, *statements: str) -> list[dict[str, Any]]:
        """The rows of the last statement, none where it has none."""


def quoted(name: str) -> str:
    """A name as an identifier of standard SQL."""
    return '"' + name.replace('"', '""') + '"'
