"""The query of a policy that is not asked, such as one with blank parameters: every row is blocked and says why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import assert_never

from crm_rules.backends.query import Expr, Fixed, Item, Kind, Null, Query
from crm_rules.ir.program import Program
from crm_rules.ir.types import (
    Boolean,
    Choice,
    Date,
    DateTime,
    Integer,
    ListOf,
    ListOfValues,
    Money,
    Number,
    Text,
    Type,
)


def blocked_query(program: Program, reasons: Sequence[str], results: Mapping[str, str]) -> Query:
    """The results of a program that is blocked for these reasons; see `to_query` for `results`."""
    reason = "; ".join(reasons)
    answers: Mapping[str, Expr] = {"status": Fixed("blocked"), "rules": Fixed(""), "reason": Fixed(reason)}
    kinds = {f"output:{output.name}": kind_of(output.type) for output in program.outputs}
    items = [
        Item(name, answers.get(logical) or Null(kinds[logical]), kinds.get(logical, "text"))
        for logical, name in results.items()
    ]
    return Query(program.id, (), (), tuple(items))


def kind_of(type_: Type) -> Kind:
    """The kind of column that holds an output of a type."""
    match type_:
        case Boolean():
            return "boolean"
        case Integer():
            return "integer"
        case Number() | Money():
            return "number"
        case Date():
            return "day"
        case Choice() | Text() | ListOfValues() | DateTime() | ListOf():
            return "text"
        case _:
            assert_never(type_)
