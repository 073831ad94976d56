"""Queries on a frame whose engine reads SQL: each expression as one text, stage by stage.

Through narwhals every node is a call of Java, and what is read several times is written as often: a ladder of months
would be planned for minutes. The same expressions as text are parsed in milliseconds, and are those of `to_sql`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import narwhals.stable.v2 as nw

from crm_rules.backends.query import Item, Kind, Query
from crm_rules.backends.sql_dialects import Dialect, quoted
from crm_rules.backends.sql_expressions import Scope
from crm_rules.backends.sql_layout import Piece, inline, lines
from crm_rules.backends.sql_select import scope_of
from crm_rules.backends.sql_stages import merged, tidied

CAST: frozenset[Kind] = frozenset({"integer", "number"})  # a literal of SQL has 32 bits, or is a decimal


def with_text(
    frame: Any, queries: Sequence[Query], dialect: Dialect, columns: Mapping[str, str], names: Iterator[str]
) -> tuple[Any, list[str]]:
    """The frame with the results of the queries, and the names of the columns that are to be dropped again.

    `columns` are those that feed the queries, by the names of their feeds.
    """
    query = tidied(merged(queries))
    scope = scope_of(query, dialect, {feed: quoted(column, dialect) for feed, column in columns.items()})
    native = nw.to_native(frame)
    dropped: list[str] = []
    for stage in query.stages:
        placed = {item.name: next(names) for item in stage}
        native = native.selectExpr("*", *(text(scope, scope.piece(item.expr), placed[item.name]) for item in stage))
        items = {name: quoted(column, dialect) for name, column in placed.items()}
        scope = replace(scope, items={**scope.items, **items})
        dropped += placed.values()
    native = native.selectExpr("*", *(text(scope, result(scope, item), item.name) for item in query.results))
    return nw.from_native(native), dropped


def text(scope: Scope, expr: Piece, name: str) -> str:
    """An expression as a column of a SELECT."""
    return "\n".join(lines(inline(expr, f" AS {quoted(name, scope.dialect)}")))


def result(scope: Scope, item: Item) -> Piece:
    """A result in the type of its kind."""
    piece = scope.piece(item.expr)
    return inline("CAST(", piece, f" AS {scope.dialect.types[item.kind]})") if item.kind in CAST else piece
