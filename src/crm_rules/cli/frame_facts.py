"""The facts of many rows as columns of Polars, cell for cell what `crm_rules.cli.cells` reads.

A column of texts is read once for each different text, by that same reader. Only plain numbers, of which hardly
any two are the same, are read by Polars: at most 15 digits, so that the 64-bit float says exactly the number
that was written. A cell is *unfit* when its column cannot hold its fact: an `Unread`, a number of more digits, a
value of another type. Its row is for the Python engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from math import isfinite
from typing import Any, Final, assert_never

from crm_rules.cli.brought import brought
from crm_rules.cli.cells import Cells
from crm_rules.dataclass import dataclass
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

PURPOSE: Final = "--engine polars"
PLAIN: Final = r"^-?[0-9]{1,10}(?:\.[0-9]{1,5})?$"
EXACT_DIGITS: Final = 15  # every decimal of so many digits is told from its neighbours by its float


@dataclass(frozen=True, slots=True)
class Facts:
    """A column of facts (null where missing or unfit), and where it is unfit."""

    column: Any
    unfit: Any


def facts_of_cells(kind: Type, read: Cells, cells: Sequence[Any]) -> Facts:
    """The facts of cells that are Python values."""
    polars = brought("polars", PURPOSE)
    if all(type(cell) is str for cell in cells):
        return facts_of_column(kind, read, polars.Series(cells, dtype=polars.String))
    return stored([held(kind, read(cell)) for cell in cells], kind)


def facts_of_column(kind: Type, read: Cells, column: Any) -> Facts:
    """The facts of a column of texts, or of typed values."""
    polars = brought("polars", PURPOSE)
    if column.dtype != polars.String and not read.only_texts:
        return Facts(column, column.is_null() & False)
    column = column.alias("cell")
    plain = None
    if column.dtype == polars.String and isinstance(kind, Integer | Number | Money):
        is_plain = (column.str.contains(PLAIN) & ~column.is_in(list(read.empty))).fill_null(value=False)
        # Adding nothing makes zero of what is written -0.
        plain = polars.select(polars.when(is_plain).then(column).cast(polars.Float64) + 0.0).to_series()
        column = polars.select(polars.when(~is_plain).then(column).alias("cell")).to_series()
    different = column.unique()
    facts = stored([held(kind, read(cell)) for cell in different], kind)
    known = polars.DataFrame([different.alias("cell"), facts.column.alias("fact"), facts.unfit.alias("unfit")])
    found = column.to_frame().join(known, on="cell", how="left", nulls_equal=True, maintain_order="left")
    fact = found["fact"] if plain is None else plain.fill_null(found["fact"])
    return Facts(fact, found["unfit"])


class Unfit:
    """What stands in for a fact that a column cannot hold."""


UNFIT: Final = Unfit()


def held(kind: Type, fact: Any) -> Any:
    """A fact as its column holds it, or `UNFIT`."""
    if fact is None:
        return None
    match kind:
        case Boolean():
            return fact if isinstance(fact, bool) else UNFIT
        case Integer() | Number() | Money():
            return held_number(fact)
        case Choice() | Text():
            return fact if isinstance(fact, str) else UNFIT
        case Date():
            return fact if isinstance(fact, date) and not isinstance(fact, datetime) else UNFIT
        case DateTime() | ListOf() | ListOfValues():
            return UNFIT
        case _ as unreachable:
            assert_never(unreachable)


def held_number(fact: Any) -> Any:
    """The float that says exactly a number, or `UNFIT`."""
    if isinstance(fact, bool):
        return UNFIT
    if isinstance(fact, float):
        return fact if isfinite(fact) else UNFIT
    if isinstance(fact, int):
        return float(fact) if abs(fact) < 10**EXACT_DIGITS else UNFIT
    if isinstance(fact, Decimal) and fact.is_finite():
        few = len(fact.as_tuple().digits) <= EXACT_DIGITS and abs(fact.adjusted()) <= EXACT_DIGITS
        return float(fact) if few else UNFIT
    return UNFIT


def stored(facts: Sequence[Any], kind: Type) -> Facts:
    """A column of facts that are held as they are, or unfit."""
    polars = brought("polars", PURPOSE)
    column = [None if fact is UNFIT else fact for fact in facts]
    return Facts(
        polars.Series(column, dtype=stored_type(kind)),
        polars.Series([fact is UNFIT for fact in facts], dtype=polars.Boolean),
    )


def stored_type(kind: Type) -> Any:
    """How Polars stores the facts of a type."""
    polars = brought("polars", PURPOSE)
    match kind:
        case Boolean():
            return polars.Boolean
        case Integer() | Number() | Money():
            return polars.Float64
        case Date():
            return polars.Date
        case Choice() | Text() | DateTime() | ListOf() | ListOfValues():
            return polars.String
        case _ as unreachable:
            assert_never(unreachable)
