"""A table as a grid of pieces: its field axes from the space, and an axis for each column over an earlier step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from crm_rules.dataclass import dataclass
from crm_rules.ir.evaluate import Scope, parameter_values, value_of
from crm_rules.ir.nodes import Coalesce, Constant, Expr, StepValue, Value
from crm_rules.ir.program import Program, Table, Total
from crm_rules.ir.types import Choice, Date, Integer, Type
from crm_rules.questions.masks import bits
from crm_rules.questions.sets import MISSING, NOTHING, Domain, ValueSet, accepted, point, present, split, union
from crm_rules.questions.space import Space, TableRows, steps_of
from crm_rules.questions.tables import Box, Grid


@dataclass(frozen=True, slots=True)
class GridAxis:
    """One axis of a table: `place` is its axis in the space; a column over an earlier step has `link` instead."""

    name: str
    type: Type
    domain: Domain
    pieces: tuple[ValueSet, ...]
    place: int | None
    link: Expr | None = None


@dataclass(frozen=True, slots=True)
class View:
    """A table on one day: bit i of a mask is its i-th row. `ordinary` are the rows with cells that can hold."""

    space: Space
    table: Table
    axes: tuple[GridAxis, ...]
    grid: Grid
    ordinary: int

    def sets(self, box: Box) -> dict[int, ValueSet]:
        """What a box asks of the axes of the space; axes on which it takes everything are left out."""
        return {
            axis.place: union(axis.pieces[index] for index in bits(pieces))
            for axis, pieces in zip(self.axes, box, strict=True)
            if axis.place is not None and pieces != (1 << len(axis.pieces)) - 1
        }

    def links(self, box: Box) -> dict[Expr, ValueSet]:
        """What a box asks of earlier steps."""
        return {
            axis.link: union(axis.pieces[index] for index in bits(pieces))
            for axis, pieces in zip(self.axes, box, strict=True)
            if axis.link is not None and pieces != (1 << len(axis.pieces)) - 1
        }

    def said(self, box: Box) -> Iterator[tuple[GridAxis, ValueSet]]:
        """The axes that a box limits, each with its values."""
        for axis, pieces in zip(self.axes, box, strict=True):
            if pieces != (1 << len(axis.pieces)) - 1:
                yield axis, union(axis.pieces[index] for index in bits(pieces))


def view_of(space: Space, rows: TableRows, reached: Mapping[Expr, ValueSet]) -> View:
    """The grid of one table; `reached` has the values of earlier steps where they are known better than by type."""
    machine = space.machines[0]
    width = (1 << len(rows.table.rows)) - 1
    axes: list[GridAxis] = []
    masks: list[tuple[int, ...]] = []
    for place in rows.axes:
        axis = space.axes[place]
        grouped: dict[int, list[ValueSet]] = {}
        for piece, mask in zip(axis.pieces, axis.masks[0], strict=True):
            grouped.setdefault(mask >> rows.first & width, []).append(piece.set)
        pieces = tuple(union(sets) for sets in grouped.values())
        axes.append(GridAxis(axis.name, axis.type, axis.domain, pieces, place))
        masks.append(tuple(grouped))
    ordinary = machine.ordinary >> rows.first & width
    fixed = fixed_value(machine.program, space)
    for link in rows.links:
        kind, name = link.column.type, link.column.name
        values = reached.get(link.subject)
        if values is None:
            values = possible(link.subject, kind, machine.program)
        domain = Domain(kind, 1 if isinstance(kind, Integer | Date) else None, values)
        asked: dict[ValueSet, int] = {}
        for index, test in enumerate(link.tests):
            if test is not None:
                some = accepted(test, kind, fixed)
                asked[some] = asked.get(some, 0) | 1 << index
        rows_of = list(asked.values())
        found = split(list(asked), domain)
        masks.append(tuple(joined_rows(rows_of, piece.members) for piece in found))
        axes.append(GridAxis(name, kind, domain, tuple(piece.set for piece in found), None, link.subject))
    return View(space, rows.table, tuple(axes), Grid(len(rows.table.rows), tuple(masks)), ordinary)


def joined_rows(rows: list[int], members: int) -> int:
    """The rows of all member sets."""
    found = 0
    for index in bits(members):
        found |= rows[index]
    return found


def fixed_value(program: Program, space: Space) -> Callable[[Expr], Value | None]:
    """The value of an expression without fields and steps on the day of the space."""
    scope = Scope({}, parameter_values(program, space.today), space.today, {}, space.functions)
    return lambda expr: value_of(expr, scope)


def possible(subject: Expr, kind: Type, program: Program) -> ValueSet:
    """The values that earlier steps may give, by their types and the values written in their rows."""
    if isinstance(kind, Choice):
        return present(kind) | (MISSING if may_miss(subject, program) else NOTHING)
    constants: list[ValueSet] = []
    for node in steps_of(subject):
        step = program.step(node.step)
        if node != subject or not isinstance(step, Table) or step.aggregation is not None:
            return present(kind) | MISSING
        index = [name for name, _ in step.outputs].index(node.output)
        for row in step.rows:
            expr = row.outputs[index]
            if not isinstance(expr, Constant):
                return present(kind) | MISSING
            constants.append(point(expr.value))
        if step.optional:
            constants.append(MISSING)
    return union(constants) if constants else present(kind) | MISSING


def may_miss(subject: Expr, program: Program) -> bool:
    """True when a value of earlier steps may be missing, as far as their rows say."""
    match subject:
        case StepValue(name, output):
            step = program.step(name)
            if not isinstance(step, Table) or step.aggregation is not None:
                return not isinstance(step, Total)
            index = [one for one, _ in step.outputs].index(output)
            return step.optional or not all(isinstance(row.outputs[index], Constant) for row in step.rows)
        case Coalesce(operands):
            return all(may_miss(operand, program) for operand in operands)
        case _:
            return not isinstance(subject, Constant)
