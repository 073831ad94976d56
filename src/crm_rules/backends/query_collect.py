"""COLLECT over columns: what the rows that hold give together, row by row of the table.

A list becomes one text with `;` between its items, so only choices can be gathered into one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, assert_never

from crm_rules.backends.query import Add, Expr, Fixed, Joined
from crm_rules.backends.query_logic import FALSE, every, no, some, when
from crm_rules.backends.query_operand import (
    Limits,
    Operand,
    added,
    as_counted,
    chosen,
    compared,
    constant,
)
from crm_rules.errors import CallError
from crm_rules.ir.program import Table
from crm_rules.ir.types import ListOfValues, Type


def collected(table: Table, rows: list[tuple[Expr, list[Operand]]], limits: Limits) -> list[Operand]:
    """The outputs of a table over its rows, each with the condition under which it holds."""
    return [
        gathered(table, [(held, outputs[position]) for held, outputs in rows], limits)
        for position in range(len(table.outputs))
    ]


def has_nothing(table: Table, rows: list[tuple[Expr, list[Operand]]]) -> Expr:
    """True where some output has no value in any row that holds, so that there is no smallest and no largest one."""
    found = [
        some(*(every(held, no(outputs[position].missing)) for held, outputs in rows))
        for position in range(len(table.outputs))
    ]
    return no(every(*found))


def gathered(table: Table, operands: list[tuple[Expr, Operand]], limits: Limits) -> Operand:
    """One output over the rows that hold and have a value."""
    items = [(every(held, no(operand.missing)), operand) for held, operand in operands]
    match table.aggregation:
        case "count":
            number = sum_of([when(held, Fixed(1), Fixed(0)) for held, _ in items])
            return Operand(number, "counted", low=0, high=len(items))
        case "sum":
            return total([chosen(held, operand, constant(0), limits) for held, operand in items], limits)
        case "min" | "max" as which:
            result = constant(None)
            for held, operand in items:
                op: Any = "<" if which == "min" else ">"
                better = some(result.missing, compared(op, operand, result, limits))
                result = chosen(every(held, better), operand, result, limits)
            return result
        case "list":
            texts = [when(held, text_of(operand, table), Fixed("")) for held, operand in items]
            return Operand(Joined(tuple(texts)) if texts else Fixed(""), "text")
        case None:
            raise AssertionError(table.id)
        case _:
            assert_never(table.aggregation)


def total(operands: list[Operand], limits: Limits) -> Operand:
    """The sum of operands that are there."""
    result = constant(0)
    for operand in operands:
        result = added(result, replace(as_counted(operand), missing=FALSE), limits)
    return result


def sum_of(exprs: list[Expr]) -> Expr:
    """The sum of small integers."""
    found: Expr = Fixed(0)
    for expr in exprs:
        found = expr if found == Fixed(0) else Add(found, expr)
    return found


def listed(value: Any, kind: Type, table: Table) -> Operand:
    """A gathered value: lists become one text, with `;` between the items."""
    if isinstance(kind, ListOfValues) or isinstance(value, tuple):
        return Operand(Fixed(";".join(text_item(item, table) for item in value)), "text")
    return constant(value)


def text_item(item: Any, table: Table) -> str:
    """An item of a list as text; raises `CallError` where it would not be told from its neighbours."""
    if not isinstance(item, str) or ";" in item or not item:
        raise CallError(f"a table column cannot hold the list that `{table.id}` gathers; decide its records one by one")
    return item


def text_of(operand: Operand, table: Table) -> Expr:
    """A row's output as an item of a list."""
    if operand.form == "nothing":
        return Fixed("")
    value = operand.constant
    return Fixed(text_item(value, table))
