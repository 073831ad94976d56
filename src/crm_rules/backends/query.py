"""A policy as a query over a table of records: the form that dataframes and SQL print.

A `Query` is a list of stages, each with named expressions over the table's columns and the stages before,
and the results to add to every row. Here the differences between engines are gone: all arithmetic is on 64-bit
integers, which never overflow (amounts are scaled by a power of ten), every condition is true or false where its value
can decide something, a NaN or a null is asked for before anything is compared with it. So a printer of an engine is
one `match` over the nodes. What a node says of a null or of a number it is not defined for is never looked at: a
printer may give any value there, but it must not raise.

This module knows neither programs (see `to_query`) nor engines (see `to_frame` and `to_sql`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import field, fields
from datetime import date
from fractions import Fraction
from typing import Literal, TypeAlias, get_args

from crm_rules.dataclass import dataclass
from crm_rules.ir.nodes import Value
from crm_rules.ir.rewrite import changed_below

Kind: TypeAlias = Literal["boolean", "integer", "number", "text", "day"]
Comparison: TypeAlias = Literal["<", "<=", "=", "!=", ">=", ">"]
DayField: TypeAlias = Literal["year", "month", "day"]
# How a column of the table is stored. `any`: the engine does not say, as in SQL text that is written for later;
# `dynamic`: the same, and the values of one column need not be of one kind, as in SQLite.
Storage: TypeAlias = Literal["boolean", "integer", "float", "decimal", "text", "date", "datetime", "any", "dynamic"]

Notes: TypeAlias = tuple[str, str]
NO_NOTES: Notes = ("", "")
TODAY = "/today"  # the name of the feed that holds the day of a row; no field's name has a slash


# Expressions


@dataclass(frozen=True, slots=True)
class Fixed:
    """A value: true or false, an integer of 64 bits, a number (a Fraction of finitely many decimals), a text, a day."""

    value: bool | int | Fraction | str | date


@dataclass(frozen=True, slots=True)
class Null:
    """The null of a kind."""

    kind: Kind


@dataclass(frozen=True, slots=True)
class Fact:
    """The table's column of the feed, as it is stored; null where the row has nothing."""

    feed: str


@dataclass(frozen=True, slots=True)
class Named:
    """A column of an earlier stage."""

    name: str


@dataclass(frozen=True, slots=True)
class CurrentDay:
    """The day of the database's clock; in SQL only."""


@dataclass(frozen=True, slots=True)
class IsNull:
    """True where the operand is null (in pandas' own columns also where it is NaN), else false; never null."""

    operand: Expr


@dataclass(frozen=True, slots=True)
class Compare:
    """left op right, of two integers, texts (= and != only), days, or numbers: a stored one with `Fixed` or `Unscaled`.

    A stored number may be of any numeric storage; a float is compared with the float nearest to the constant.
    """

    op: Comparison
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class OneOf:
    """True where the operand equals one of the values."""

    operand: Expr
    values: tuple[Fixed, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The other truth value."""

    operand: Expr


@dataclass(frozen=True, slots=True)
class Every:
    """True where all are (at least one operand), by the logic of three values: false and null is false."""

    operands: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Some:
    """True where one is (at least one operand), by the logic of three values: true or null is true."""

    operands: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class When:
    """`then` where the condition is true, else `otherwise`; both of one kind. Nested in `otherwise` it is a chain.

    `notes` say to a reader which rules the two are; they have no meaning.
    """

    condition: Expr
    then: Expr
    otherwise: Expr
    notes: Notes = field(default=NO_NOTES, compare=False)


@dataclass(frozen=True, slots=True)
class Lookup:
    """The value at the operand's place: `values[operand]`, for an integer operand from 0 to len(values) - 1."""

    operand: Expr
    values: tuple[Fixed | Null, ...]
    kind: Kind


@dataclass(frozen=True, slots=True)
class Negate:
    """An integer or stored number with the other sign."""

    operand: Expr


@dataclass(frozen=True, slots=True)
class Add:
    """left + right, of integers (it fits 64 bits) or of two `ToFloat`."""

    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Subtract:
    """left - right of integers; it fits 64 bits."""

    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Multiply:
    """left × right, of integers (it fits 64 bits) or of two `ToFloat`."""

    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class FloorDivide:
    """The largest integer not above left / right, of integers; right is above zero, left may be negative."""

    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Absolute:
    """An integer without its sign."""

    operand: Expr


@dataclass(frozen=True, slots=True)
class Least:
    """The smallest of the operands, none of which is null: integers, or stored numbers of one storage."""

    operands: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Greatest:
    """The largest of the operands, none of which is null: integers, or stored numbers of one storage."""

    operands: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class ToFloat:
    """The 64-bit float nearest to an integer; it serves to see whether a result would fit 64 bits."""

    operand: Expr


@dataclass(frozen=True, slots=True)
class Scaled:
    """The integer nearest to a stored number × 10**digits, which lies within ±2**53 (ties either way)."""

    operand: Expr
    digits: int


@dataclass(frozen=True, slots=True)
class Unscaled:
    """An integer within ±2**53 divided by 10**digits: a float (the nearest one), or an exact decimal."""

    operand: Expr
    digits: int


@dataclass(frozen=True, slots=True)
class IsWhole:
    """True where a finite stored number is an integer."""

    operand: Expr


@dataclass(frozen=True, slots=True)
class HasKind:
    """True where a stored value that is not null is of the kind, a day also with a time; asked of `dynamic` columns."""

    operand: Expr
    kind: Kind


@dataclass(frozen=True, slots=True)
class TextOf:
    """The text of a stored text of storage `any` or `dynamic`, equal to another where every character is."""

    operand: Expr


@dataclass(frozen=True, slots=True)
class IsMidnight:
    """True where a stored date and time has no time of day; nanoseconds count."""

    operand: Expr


@dataclass(frozen=True, slots=True)
class DayOf:
    """The day of a stored date, or of a date and time."""

    operand: Expr


@dataclass(frozen=True, slots=True)
class DayNumber:
    """A day as an integer: the days since 1970-01-01."""

    operand: Expr


@dataclass(frozen=True, slots=True)
class DayAt:
    """The day of an integer: so many days after 1970-01-01, within the years 1 to 9999."""

    operand: Expr


@dataclass(frozen=True, slots=True)
class AddMonths:
    """The day so many months later, or the last of a month that is shorter; in SQL only, in the years to 9999."""

    operand: Expr
    months: Expr


@dataclass(frozen=True, slots=True)
class DayPart:
    """The year, month or day of the month of a day, as an integer of 64 bits."""

    operand: Expr
    part: DayField


@dataclass(frozen=True, slots=True)
class SumOver:
    """The sum of an integer (it fits 64 bits), or of a `ToFloat`, over all rows that are equal in every `within`.

    The operand and each of `within` is a `Named` or a `Fact`; two nulls are equal. Nothing stands around the node: it
    is an item by itself.
    """

    operand: Expr
    within: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class SumAbove:
    """The sum of an integer of at least zero over the rows equal in every `within` whose `order` is larger than here.

    As in `SumOver`, the parts are names, and it is an item by itself; `order` is an integer that is not null.
    """

    operand: Expr
    order: Expr
    within: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Joined:
    """The texts that are not empty, with the separator between them; the empty text when all are. None is null."""

    operands: tuple[Expr, ...]
    separator: str = ";"


Expr: TypeAlias = (
    Fixed
    | Null
    | Fact
    | Named
    | CurrentDay
    | IsNull
    | Compare
    | OneOf
    | Not
    | Every
    | Some
    | When
    | Lookup
    | Negate
    | Add
    | Subtract
    | Multiply
    | FloorDivide
    | Absolute
    | Least
    | Greatest
    | ToFloat
    | Scaled
    | Unscaled
    | IsWhole
    | HasKind
    | TextOf
    | IsMidnight
    | DayOf
    | DayNumber
    | DayAt
    | AddMonths
    | DayPart
    | SumOver
    | SumAbove
    | Joined
)


# Queries


@dataclass(frozen=True, slots=True)
class Feed:
    """A column that the query reads: the field it feeds (or `TODAY`), its name in the table, how it is stored.

    `scale` is the number of decimals of a `decimal` storage. With `values` the column holds texts that stand for the
    values beside them, and any other text is wrong. A `constant` is the value of every row, and there is no column.
    """

    name: str
    column: str
    storage: Storage
    scale: int = 0
    values: tuple[tuple[str, bool | str], ...] | None = None
    constant: Value | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """A named expression of a stage, or a result; `note` says to a reader of the query what it is."""

    name: str
    expr: Expr
    kind: Kind
    note: str = ""


@dataclass(frozen=True, slots=True)
class Query:
    """Stages in order, then the results: the columns that are added to every row of the table.

    An item reads facts and items of earlier stages, never one of its own stage. Names of items hold a slash, names of
    results are what the caller asked for.
    """

    id: str
    feeds: tuple[Feed, ...]
    stages: tuple[tuple[Item, ...], ...]
    results: tuple[Item, ...]


# Walking

NODES: frozenset[type] = frozenset(get_args(Expr))
MEMBERS = {kind: tuple(member.name for member in fields(kind)) for kind in NODES}


def children(expr: Expr) -> Iterator[Expr]:
    """The expressions directly below an expression."""
    for name in MEMBERS[type(expr)]:
        below = getattr(expr, name)
        for item in below if isinstance(below, tuple) else (below,):
            if type(item) in NODES:
                yield item


def names_in(expr: Expr) -> Iterator[str]:
    """The columns of earlier stages that an expression reads, as often as it does."""
    waiting = [expr]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Named):
            yield node.name
        else:
            waiting.extend(children(node))


def rebuilt(expr: Expr, change: Callable[[Expr], Expr]) -> Expr:
    """The expression with `change` applied to those directly below it; the same object where none changed."""
    return changed_below(expr, MEMBERS[type(expr)], NODES, change)
