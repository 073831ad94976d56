"""The axes of a table: what its tests cut each tested value into, with the conditions of the cuts.

The rows that an atom of an axis belongs to are asked of the reference evaluator, once an atom.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from crm_rules.backends.python_fields import borders_of
from crm_rules.backends.python_tree import Axis
from crm_rules.backends.query import Expr
from crm_rules.backends.query_logic import is_false, no
from crm_rules.backends.query_operand import Operand, compared, constant, equals
from crm_rules.backends.query_values import Values
from crm_rules.backends.table_groups import Groups, groups_of, pieces, rows_at
from crm_rules.dataclass import dataclass
from crm_rules.ir.evaluate import Scope
from crm_rules.ir.nodes import Constant, Test
from crm_rules.ir.nodes import Expr as IrExpr
from crm_rules.ir.program import Column, Table
from crm_rules.ir.types import Boolean, Choice, Date, Integer, Money, Number

EMPTY = Scope({}, {}, None, {}, {})


@dataclass(frozen=True, slots=True)
class Cutter:
    """An axis with the conditions of its cuts."""

    axis: Axis
    inside: Callable[[int], Expr]


class TableAxes:
    """The axes of one table, whose tested values are the `subjects`."""

    def __init__(self, table: Table, values: Values, subjects: Mapping[IrExpr, Operand]) -> None:
        self.table = table
        self.values = values
        self.subjects = subjects
        self.ordinary = [index for index, row in enumerate(table.rows) if not row.otherwise]
        self.everyone = sum(1 << index for index in self.ordinary)

    def cutters(self) -> list[Cutter]:
        """The axes of all tested values."""
        return [cutter for column in self.distinct_columns() for cutter in self.cut(column)]

    def distinct_columns(self) -> Iterator[Column]:
        """One column for each tested value."""
        yield from {column.subject: column for column in self.table.columns}.values()

    def cut(self, column: Column) -> list[Cutter]:
        """The axes of one tested value."""
        subject = self.subjects[column.subject]
        groups = groups_of(self.table, column.subject)
        tests = list(dict.fromkeys(test for group in groups for test in group))
        borders = list(dict.fromkeys(border for test in tests for border in borders_of(test)))
        if not all(isinstance(border, Constant) for border in borders):
            return [self.condition_axis(test, subject, groups) for test in tests]
        match column.type:
            case Choice() | Boolean():
                return [self.discrete_axis(column.type, subject, groups)]
            case Date() | Integer() | Number() | Money() if borders:
                whole = isinstance(column.type, Integer)
                points = sorted({border.value for border in borders if isinstance(border, Constant)})
                return [self.ordered_axis(subject, groups, points, whole=whole)]
            case _:
                return [self.condition_axis(test, subject, groups) for test in tests]

    def condition_axis(self, test: Test, subject: Operand, groups: Groups) -> Cutter:
        """An axis of two atoms: the test fails, or passes."""
        demanding = sum(rows for tests, rows in groups.items() if test in tests)
        condition = self.values.condition(test, subject)
        axis = Axis((self.everyone & ~demanding, self.everyone), ordered=False)
        return Cutter(axis, lambda part: condition if part == 1 << 1 else no(condition))

    def discrete_axis(self, kind: Choice | Boolean, subject: Operand, groups: Groups) -> Cutter:
        """An axis whose atoms are the options that no test tells apart."""
        options: tuple[Any, ...] = kind.one_of if isinstance(kind, Choice) else (True, False)
        atoms: dict[int, list[Any]] = {}
        for option in options:
            atoms.setdefault(rows_at(groups, option, EMPTY), []).append(option)
        found = [*atoms.items()]
        missing = not is_false(subject.missing)
        if missing:
            found.insert(0, (rows_at(groups, None, EMPTY), []))

        def inside(part: int) -> Expr:
            if missing and part == 1:
                return subject.missing
            chosen_here = [option for index, (_, some_) in enumerate(found) if part >> index & 1 for option in some_]
            return equals(subject, tuple(chosen_here))

        return Cutter(Axis(tuple(rows for rows, _ in found), ordered=False, missing=missing), inside)

    def ordered_axis(self, subject: Operand, groups: Groups, points: list[Any], *, whole: bool) -> Cutter:
        """An axis cut at the borders of its tests."""
        found: list[tuple[int, Any]] = []
        missing = not is_false(subject.missing)
        if missing:
            found.append((rows_at(groups, None, EMPTY), None))
        for piece in pieces(points, whole=whole):
            rows = rows_at(groups, piece.sample, EMPTY)
            if not found or found[-1][1] is None or found[-1][0] != rows:
                found.append((rows, piece))

        def inside(part: int) -> Expr:
            if missing and part == 1:
                return subject.missing
            above = found[part.bit_length()][1]
            return compared("<" if above.includes_start else "<=", subject, constant(above.start), self.values.limits)

        return Cutter(Axis(tuple(rows for rows, _ in found), ordered=True, missing=missing), inside)
