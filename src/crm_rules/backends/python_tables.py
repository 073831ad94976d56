"""Tables as Python: a decision tree of comparisons, or the rows one after the other.

A tree knows at each leaf all rows that hold there, so gaps and conflicts cost nothing and go to
the slow path. Columns over the same value share an axis; where the borders of a value are constants
the axis is cut at them, otherwise (borders that move with the day) every test is an axis of its own.
A table whose tree would grow too large is written row by row.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias, assert_never

from crm_rules.backends.python_draft import MISSING, Known, Operand
from crm_rules.backends.python_expressions import Expressions, Subject
from crm_rules.backends.python_fields import borders_of
from crm_rules.backends.python_syntax import (
    FALSE,
    TRUE,
    assign,
    attribute,
    both,
    call,
    compare,
    either,
    named,
    negated,
    when,
)
from crm_rules.backends.python_tree import Axis, Leaf, Node, Split, grow
from crm_rules.backends.table_groups import Groups, Piece, groups_of, pieces, rows_at
from crm_rules.dataclass import dataclass
from crm_rules.ir.evaluate import Scope, gather
from crm_rules.ir.nodes import Expr, StepValue, Test, Value
from crm_rules.ir.program import Column, Table
from crm_rules.ir.rewrite import descendants
from crm_rules.ir.types import Boolean, Choice, Date, Integer, Money, Number

Sink: TypeAlias = Callable[[tuple[Operand, ...]], None]
PASSES = 2  # the atom of a condition's axis in which it is true


@dataclass(frozen=True, slots=True)
class Undecided:
    """A gap or a conflict."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """Outputs that are the same for every record and day."""

    values: tuple[Known, ...]


@dataclass(frozen=True, slots=True)
class Hits:
    """The rows whose outputs are to be computed."""

    rows: tuple[int, ...]


Outcome: TypeAlias = Undecided | Fixed | Hits


@dataclass(frozen=True, slots=True)
class Cutter:
    """An axis with the conditions of its cuts: `inside(part)` is true for values in those atoms."""

    axis: Axis
    inside: Callable[[int], ast.expr]


class TableWriter:
    """Writes one table; `write` hands the outputs to a sink in each place where they are known."""

    def __init__(self, table: Table, expressions: Expressions) -> None:
        self.table = table
        self.expressions = expressions
        self.draft = expressions.draft
        self.ordinary = [index for index, row in enumerate(table.rows) if not row.otherwise]
        self.everyone = sum(1 << index for index in self.ordinary)
        self.subjects = self.written_subjects()
        self.cutters = [cutter for column in self.distinct_columns() for cutter in self.cut(column)]
        axes = tuple(cutter.axis for cutter in self.cutters)
        self.tree = grow(axes, len(table.rows), self.decide, first=table.hit_policy == "first")

    def written_subjects(self) -> dict[Expr, Subject]:
        """The tested values, written here; so is each step that a border reads, whether a row gets to it or not."""
        for row in self.table.rows:
            for border in (border for test in row.tests for border in borders_of(test)):
                for node in descendants(border):
                    if isinstance(node, StepValue):
                        self.expressions.operand(node)
        return {column.subject: self.expressions.subject(column.subject) for column in self.table.columns}

    def distinct_columns(self) -> Iterator[Column]:
        """One column for each tested value."""
        yield from {column.subject: column for column in self.table.columns}.values()

    # Axes

    def cut(self, column: Column) -> list[Cutter]:
        """The axes of one tested value."""
        subject = self.subjects[column.subject]
        groups = groups_of(self.table, column.subject)
        tests = list(dict.fromkeys(test for group in groups for test in group))
        borders = list(dict.fromkeys(border for test in tests for border in borders_of(test)))
        if any(self.expressions.reach(border) != "nothing" for border in borders):
            return [self.condition_axis(test, subject, groups) for test in tests]
        values = {border: self.expressions.fixed(border) for border in borders}
        if None in values.values():
            return [self.condition_axis(test, subject, groups) for test in tests]
        match column.type:
            case Choice() | Boolean():
                return [self.discrete_axis(column, subject, groups)]
            case Date() | Integer() | Number() | Money() if borders:
                return [self.ordered_axis(column, subject, groups, values)]
            case _:
                return [self.condition_axis(test, subject, groups) for test in tests]

    def rows_at(self, groups: Groups, value: Value | None) -> int:
        """The rows whose tests a value passes."""
        return rows_at(groups, value, Scope({}, self.expressions.fixed_parameters, None, {}, {}))

    def condition_axis(self, test: Test, subject: Subject, groups: Groups) -> Cutter:
        """An axis of two atoms: the test fails, or passes."""
        demanding = sum(rows for tests, rows in groups.items() if test in tests)
        condition = self.expressions.condition(test, subject)
        opposite = negated(condition)
        axis = Axis((self.everyone & ~demanding, self.everyone), ordered=False)
        return Cutter(axis, lambda part: condition if part == PASSES else opposite)

    def discrete_axis(self, column: Column, subject: Subject, groups: Groups) -> Cutter:
        """An axis whose atoms are the options that no test tells apart."""
        options = column.type.one_of if isinstance(column.type, Choice) else (True, False)
        atoms: dict[int, list[Any]] = {}
        for option in options:
            atoms.setdefault(self.rows_at(groups, option), []).append(option)
        missing = subject.operand.may_be_missing
        found = [*atoms.items()]
        if missing:
            found.insert(0, (self.rows_at(groups, None), []))

        def inside(part: int) -> ast.expr:
            if missing and part == 1:
                return self.expressions.missing(subject.operand)
            named_here = [option for index, (_, some) in enumerate(found) if part >> index & 1 for option in some]
            return self.expressions.one_of([self.draft.constant(option) for option in named_here], subject.operand)

        return Cutter(Axis(tuple(rows for rows, _ in found), ordered=False, missing=missing), inside)

    def ordered_axis(self, column: Column, subject: Subject, groups: Groups, values: dict[Expr, Any]) -> Cutter:
        """An axis cut at the borders of its tests."""
        border_at = {value: border for border, value in reversed(values.items())}
        whole = isinstance(column.type, Integer)
        found: list[tuple[int, Piece | None]] = []
        if subject.operand.may_be_missing:
            found.append((self.rows_at(groups, None), None))
        for piece in pieces(sorted(border_at), whole=whole):
            rows = self.rows_at(groups, piece.sample)
            if not found or found[-1][1] is None or found[-1][0] != rows:
                found.append((rows, piece))

        def inside(part: int) -> ast.expr:
            if part == 1 and found[0][1] is None:
                return self.expressions.missing(subject.operand)
            above = found[part.bit_length()][1]
            if above is None:
                raise AssertionError(part)
            border = self.expressions.border(border_at[above.start], subject)
            return compare(subject.operand.syntax, "<" if above.includes_start else "<=", border.syntax)

        missing = found[0][1] is None
        return Cutter(Axis(tuple(rows for rows, _ in found), ordered=True, missing=missing), inside)

    # Outcomes

    def decide(self, touching: int, covering: int) -> Outcome | None:
        """What a box answers that these rows touch and cover, None while it is open."""
        touching, covering = touching & self.everyone, covering & self.everyone
        if self.table.hit_policy == "unique" and covering.bit_count() > 1:
            return Undecided()
        if touching != covering:
            return None
        return self.outcome(tuple(index for index in self.ordinary if covering >> index & 1))

    def outcome(self, hits: tuple[int, ...]) -> Outcome:
        """What a table answers when exactly these ordinary rows hold."""
        table = self.table
        hits = hits or tuple(index for index, row in enumerate(table.rows) if row.otherwise)
        if table.hit_policy == "first":
            hits = hits[:1]
        if table.hit_policy == "unique" and len(hits) > 1:
            return Undecided()
        if not hits and table.hit_policy != "collect":
            return Fixed(tuple(Known(None) for _ in table.outputs)) if table.optional else Undecided()
        exprs = [expr for index in hits for expr in table.rows[index].outputs]
        if any(self.expressions.reach(expr) != "nothing" for expr in exprs):
            return Hits(hits)
        return self.fixed(hits)

    def fixed(self, hits: tuple[int, ...]) -> Outcome:
        """The outcome of rows whose outputs are constants, by the reference evaluator."""
        scope = Scope({}, self.expressions.fixed_parameters, None, {}, {})
        subjects = tuple(None for _ in self.table.columns)
        if self.table.hit_policy != "collect":
            hits = hits if self.table.hit_policy == "any" else hits[:1]
        result = gather(self.table, hits, subjects, scope)
        if result.status != "decided":
            return Undecided()
        return Fixed(tuple(Known(result.values[name]) for name, _ in self.table.outputs))

    # Writing

    def write(self, sink: Sink) -> None:
        """Write the table; its outputs go to the sink wherever a path ends."""
        if self.tree is not None:
            self.branch(self.tree, sink)
        else:
            sink(RowWriter(self).write())

    def write_values(self) -> None:
        """Write the table and keep its outputs in variables."""
        identifiers = [self.draft.names.fresh(f"{self.table.id}_{name}") for name, _ in self.table.outputs]
        endings: list[tuple[Operand, ...]] = []

        def keep(operands: tuple[Operand, ...]) -> None:
            endings.append(operands)
            for identifier, operand in zip(identifiers, operands, strict=True):
                self.draft.write(assign(identifier, operand.syntax))

        self.write(keep)
        for position, (name, _) in enumerate(self.table.outputs):
            found = [operands[position] for operands in endings]
            self.draft.remember(self.table.id, name, joined(identifiers[position], found))

    def branch(self, node: Node, sink: Sink) -> None:
        """Write a tree of comparisons."""
        match node:
            case Split(axis, part, inside, outside):
                condition = self.cutters[axis].inside(part)
                with self.draft.block() as then:
                    self.branch(inside, sink)
                with self.draft.block() as otherwise:
                    self.branch(outside, sink)
                self.draft.write(*when(condition, then, otherwise))
            case Leaf(Undecided()):
                self.draft.leave()
            case Leaf(Fixed(values)):
                sink(tuple(self.draft.constant(known.value) for known in values))
            case Leaf(Hits(rows)):
                self.end(rows, sink)
            case Leaf():
                raise AssertionError(node)
            case _:
                assert_never(node)

    def end(self, rows: tuple[int, ...], sink: Sink) -> None:
        """The outputs of the rows that hold, under the hit policy."""
        found = [self.outputs(index) for index in rows]
        if self.table.hit_policy == "collect":
            sink(tuple(self.gathered(list(items)) for items in zip(*found, strict=True)))
            return
        for other in found[1:]:
            self.leave_if_different(found[0], other)
        sink(found[0])

    def outputs(self, index: int) -> tuple[Operand, ...]:
        """The outputs of one row."""
        return tuple(self.expressions.operand(expr) for expr in self.table.rows[index].outputs)

    def leave_if_different(self, one: tuple[Operand, ...], other: tuple[Operand, ...]) -> None:
        """ANY: rows that hold together must agree."""
        with self.draft.block() as leaving:
            self.draft.leave()
        different = [compare(a.syntax, "!=", b.syntax) for a, b in zip(one, other, strict=True) if a != b]
        self.draft.write(*when(either(different), leaving))

    def gathered(self, items: list[Operand]) -> Operand:
        """COLLECT: the outputs of all rows that hold."""
        elements = ast.Tuple([item.syntax for item in items], ast.Load())
        if any(item.may_be_missing for item in items):
            return self.aggregated(call("present", elements), whole=False)
        return self.aggregated(elements, whole=all(item.whole for item in items))

    def aggregated(self, items: ast.expr, *, whole: bool) -> Operand:
        """The list, sum, count, minimum or maximum of a tuple of present values."""
        match self.table.aggregation:
            case "list":
                return Operand(self.draft.let("items", items))
            case "count":
                return Operand(self.draft.let("count", call("len", items)), whole=True)
            case "sum":
                return Operand(self.draft.let("total", call("reduced", call("sum", items))), whole=whole)
            case "min" | "max" as aggregation:
                some = self.draft.let("items", items)
                with self.draft.block() as leaving:
                    self.draft.leave()
                self.draft.write(*when(negated(some), leaving))
                return Operand(self.draft.let(aggregation, call(aggregation, some)), whole=whole)
            case None:
                raise AssertionError(self.table.id)
            case _:
                assert_never(self.table.aggregation)


class RowWriter:
    """Writes a table whose tree would be too large: each row's condition, one after the other."""

    def __init__(self, writer: TableWriter) -> None:
        self.writer = writer
        self.draft = writer.draft
        self.table = writer.table
        self.identifiers = [self.draft.names.fresh(f"{self.table.id}_{name}") for name, _ in self.table.outputs]
        self.endings: list[tuple[Operand, ...]] = []
        self.conditions = {index: self.condition(index) for index in writer.ordinary}
        self.others = [index for index, row in enumerate(self.table.rows) if row.otherwise]

    def condition(self, index: int) -> ast.expr:
        """True when every cell of a row holds."""
        cells = zip(self.table.rows[index].tests, self.table.columns, strict=True)
        subjects, expressions = self.writer.subjects, self.writer.expressions
        return both([expressions.condition(test, subjects[column.subject]) for test, column in cells])

    def write(self) -> tuple[Operand, ...]:
        """Write the rows; the outputs are in variables afterwards."""
        if self.table.hit_policy == "first":
            self.write_first()
        else:
            self.write_all()
        if self.table.hit_policy == "collect":
            return tuple(
                self.writer.aggregated(call("tuple", named(identifier)), whole=False) for identifier in self.identifiers
            )
        return tuple(
            joined(identifier, [operands[position] for operands in self.endings])
            for position, identifier in enumerate(self.identifiers)
        )

    def write_first(self) -> None:
        """A loop that is left at the first row that holds: flat, where a chain of `elif` would nest too deeply."""
        with self.draft.block() as body:
            for index in self.writer.ordinary:
                with self.draft.block() as hit:
                    self.keep(self.writer.outputs(index))
                    self.draft.write(ast.Break())
                self.draft.write(*when(self.conditions[index], hit))
            if self.others:
                self.keep(self.writer.outputs(self.others[0]))
            else:
                self.nothing_holds()
            self.draft.write(ast.Break())
        self.draft.write(ast.While(TRUE, body, []))

    def write_all(self) -> None:
        """Every row is tried, and the hit policy applied at each that holds."""
        found = self.draft.names.fresh("found")
        self.draft.write(assign(found, FALSE))
        if self.table.hit_policy == "collect":
            for identifier in self.identifiers:
                self.draft.write(assign(identifier, ast.List([], ast.Load())))
        for index in self.writer.ordinary:
            with self.draft.block() as hit:
                self.hit(index, found)
            self.draft.write(*when(self.conditions[index], hit))
        with self.draft.block() as none:
            for index in self.others:
                self.hit(index, found)
            if not self.others and self.table.hit_policy != "collect":
                self.nothing_holds()
        self.draft.write(*when(negated(named(found)), none))

    def hit(self, index: int, found: str) -> None:
        """One more row that holds."""
        outputs = self.writer.outputs(index)
        with self.draft.block() as again:
            match self.table.hit_policy:
                case "unique":
                    self.draft.leave()
                case "any":
                    kept = tuple(Operand(named(identifier)) for identifier in self.identifiers)
                    self.writer.leave_if_different(kept, outputs)
                case "collect" | "first":
                    pass
        self.draft.write(*when(named(found), again))
        self.draft.write(assign(found, TRUE))
        self.keep(outputs)

    def keep(self, operands: tuple[Operand, ...]) -> None:
        """Put the outputs of a row into the variables, or append them."""
        self.endings.append(operands)
        for identifier, operand in zip(self.identifiers, operands, strict=True):
            if self.table.hit_policy != "collect":
                self.draft.write(assign(identifier, operand.syntax))
                continue
            append = ast.Expr(call(attribute(named(identifier), "append"), operand.syntax))
            self.draft.write(*when(self.writer.expressions.present(operand), [append]))

    def nothing_holds(self) -> None:
        """A gap; an optional table has missing outputs then."""
        if self.table.optional:
            self.keep(tuple(MISSING for _ in self.table.outputs))
        else:
            self.draft.leave()


def joined(identifier: str, endings: list[Operand]) -> Operand:
    """A variable that holds one of several operands."""
    may_be_missing = any(operand.may_be_missing for operand in endings)
    return Operand(named(identifier), may_be_missing, all(operand.whole for operand in endings))
