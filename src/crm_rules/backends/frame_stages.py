"""Queries on a frame: which items become columns, which are written where they are read, and the results.

An item that is read once, or costs nearly nothing, is written in place; one that several read is computed once, in a
column that is dropped in the end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import narwhals.stable.v2 as nw

from crm_rules.backends.frame_printer import Printer, Taken
from crm_rules.backends.query import Item, Query, names_in
from crm_rules.errors import RefusedError


def with_results(frame: Any, queries: Sequence[Query], printer: Printer) -> tuple[Any, list[str]]:
    """The frame with the results of the queries, and the names of the columns that are to be dropped again."""
    results = [expr.alias(item.name) for query in queries for item, expr in printed_results(query, printer)]
    refuse_large(printer)
    for layer in printer.layers:
        exprs = [expr.alias(name) for name, expr in layer.items() if not isinstance(expr, Taken)]
        frame = frame.with_columns(exprs) if exprs else frame
        frame = with_taken(frame, {name: expr for name, expr in layer.items() if isinstance(expr, Taken)})
    return frame.with_columns(results), [name for layer in printer.layers for name in layer]


def refuse_large(printer: Printer) -> None:
    """Raise `RefusedError` for what an engine would plan for minutes."""
    columns = sum(map(len, printer.layers))
    if len(printer.layers) > printer.forms.layers or columns > printer.forms.columns:
        raise RefusedError(
            f"this takes {columns} columns in {len(printer.layers)} layers, and the engine of the frame plans that for "
            "minutes: hand over the table of its database itself, or use to_sql"
        )


def with_taken(frame: Any, columns: Mapping[str, Taken]) -> Any:
    """The frame of Polars with columns of values by their places, batch by batch, so that it can stream."""
    if not columns:
        return frame
    polars = nw.get_native_namespace(frame)
    types = {"text": polars.String, "integer": polars.Int64, "boolean": polars.Boolean, "number": polars.Float64}

    def column(name: str, taken: Taken) -> Any:
        values = [float(value) if taken.kind == "number" and value is not None else value for value in taken.values]
        series = polars.Series(values, dtype=types.get(taken.kind, polars.Date))
        batches = polars.col(taken.places).map_batches(series.gather, return_dtype=series.dtype, is_elementwise=True)
        return batches.alias(name)

    added = [column(name, taken) for name, taken in columns.items()]
    return nw.from_native(nw.to_native(frame).with_columns(added))


def printed_results(query: Query, printer: Printer) -> list[tuple[Item, nw.Expr]]:
    """The results of a query as expressions; on the way the printer gathers the columns that they need."""
    items = [item for stage in query.stages for item in stage]
    uses = Counter(name for item in (*items, *query.results) for name in names_in(item.expr))
    printer.begin(query)
    for item in items:
        if uses[item.name]:
            printer.name(item, often=uses[item.name] > 1)
    return [(item, result(item, printer)) for item in query.results]


def result(item: Item, printer: Printer) -> nw.Expr:
    """The expression of a result in the type of its kind."""
    column = printer.column(item.expr)
    if item.kind == "number" and column.storage != "float":
        return column.expr.cast(nw.Float64())
    return column.expr
