"""What the tests of a table make of a value: which rows each of its pieces belongs to.

Sets of rows are the bits of an int. Whether a piece belongs to a row is asked of the reference evaluator, with one
sample of the piece. Both the generated Python and the queries of tables cut their axes by this.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from typing import Any, TypeAlias

from crm_rules.dataclass import dataclass
from crm_rules.ir import days
from crm_rules.ir.evaluate import Scope, passes
from crm_rules.ir.nodes import Expr, Test, Value
from crm_rules.ir.program import Table

Groups: TypeAlias = dict[tuple[Test, ...], int]


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of an ordered axis that no border divides; it begins at `start`, or after it."""

    sample: Any
    start: Any
    includes_start: bool


def groups_of(table: Table, subject: Expr) -> Groups:
    """The different tests of a value, each with the set of ordinary rows that make it."""
    positions = [index for index, column in enumerate(table.columns) if column.subject == subject]
    found: Groups = {}
    for index, row in enumerate(table.rows):
        if not row.otherwise:
            tests = tuple(row.tests[position] for position in positions)
            found[tests] = found.get(tests, 0) | 1 << index
    return found


def rows_at(groups: Groups, value: Value | None, scope: Scope) -> int:
    """The rows whose tests a value passes; the reference evaluator says so."""
    return sum(rows for tests, rows in groups.items() if all(passes(test, value, scope) for test in tests))


def pieces(borders: list[Any], *, whole: bool) -> Iterator[Piece]:
    """The stretches of an ordered axis between its borders, and the borders themselves, from low to high."""
    lowest = beyond(borders[0], -1, whole=whole)
    if lowest is not None:
        yield Piece(lowest, None, includes_start=False)
    for border, following in zip(borders, [*borders[1:], None], strict=True):
        if not whole or border.denominator == 1:
            yield Piece(border, border, includes_start=True)
        sample = beyond(border, 1, whole=whole)
        if following is not None and sample is not None and sample >= following:
            sample = None if whole or isinstance(border, date) else Fraction(border + following) / 2
        if sample is not None:
            yield Piece(sample, border, includes_start=False)


def beyond(border: Any, direction: int, *, whole: bool) -> Any:
    """A value a little above or below a border; None at the end of the calendar."""
    if isinstance(border, date):
        return days.add_days(border, direction)
    if whole:
        return border.numerator // border.denominator + (direction if direction > 0 or border.denominator == 1 else 0)
    return border + direction
