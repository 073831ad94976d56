"""Queries on a frame whose engine reads SQL: each expression as one text, stage by stage.

Through narwhals every node is a call of Java, and what is read several times is written as often: a ladder of months
would be planned for minutes. The same expressions as text are parsed in milliseconds, and are those of `to_sql`. Text
also says what narwhals does not: names in quotes, whatever stands in them, and how texts are compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import narwhals.stable.v2 as nw

from crm_rules.backends.frame_border import Border
from crm_rules.backends.query import Item, Kind, Query, Storage
from crm_rules.backends.sql_dialects import Dialect, quoted
from crm_rules.backends.sql_expressions import Scope
from crm_rules.backends.sql_layout import Piece, inline, lines
from crm_rules.backends.sql_select import scope_of
from crm_rules.backends.sql_stages import merged, tidied

CAST: frozenset[Kind] = frozenset({"integer", "number"})  # a literal of SQL has 32 bits, or is a decimal
KINDS: Mapping[Storage, Kind] = MappingProxyType(
    {"boolean": "boolean", "integer": "integer", "text": "text", "date": "day"}  # of a column that is null in every row
)


def schema_of(native: Any, needed: Sequence[str], dialect: Dialect) -> Mapping[str, Any]:
    """The types of the needed columns, whatever stands in their names."""
    if not needed:
        return {}
    found = select(native, [f"{quoted(name, dialect)} AS c{place}" for place, name in enumerate(needed)])
    types = nw.from_native(found).collect_schema()
    return {name: types[f"c{place}"] for place, name in enumerate(needed)}


def with_text(native: Any, queries: Sequence[Query], dialect: Dialect, border: Border, names: Iterator[str]) -> Any:
    """The native frame with the results of the queries; the columns that serve on the way have new `names`."""
    query = tidied(merged(queries))
    storages = {feed.name: feed.storage for feed in border.feeds}
    facts = {name: fact(column, storages[name], dialect) for name, column in border.columns.items()}
    scope = scope_of(query, dialect, facts)
    dropped: list[str] = []
    for stage in query.stages:
        placed = {item.name: next(names) for item in stage}
        native = select(native, ["*", *(text(scope, scope.piece(item.expr), placed[item.name]) for item in stage)])
        items = {name: quoted(column, dialect) for name, column in placed.items()}
        scope = replace(scope, items={**scope.items, **items})
        dropped += placed.values()
    native = select(native, ["*", *(text(scope, result(scope, item), item.name) for item in query.results)])
    return without(native, dropped)


def select(native: Any, columns: Sequence[str]) -> Any:
    """The columns of a frame by their text: of a dataframe of Spark, or of a relation of DuckDB."""
    return native.selectExpr(*columns) if hasattr(native, "selectExpr") else native.project(", ".join(columns))


def without(native: Any, columns: Sequence[str]) -> Any:
    """The frame without columns of our own."""
    if not columns:
        return native
    return native.drop(*columns) if hasattr(native, "drop") else native.project(f"* EXCLUDE ({', '.join(columns)})")


def fact(column: str | None, storage: Storage, dialect: Dialect) -> str:
    """A column as it feeds a query: integers of 64 bits, since some engines count `100 + 50` in 8."""
    if column is None:
        return f"CAST(NULL AS {dialect.types[KINDS[storage]]})"
    name = quoted(column, dialect)
    return f"CAST({name} AS {dialect.types['integer']})" if storage == "integer" else name


def text(scope: Scope, expr: Piece, name: str) -> str:
    """An expression as a column of a SELECT."""
    return "\n".join(lines(inline(expr, f" AS {quoted(name, scope.dialect)}")))


def result(scope: Scope, item: Item) -> Piece:
    """A result in the type of its kind."""
    piece = scope.piece(item.expr)
    return inline("CAST(", piece, f" AS {scope.dialect.types[item.kind]})") if item.kind in CAST else piece
