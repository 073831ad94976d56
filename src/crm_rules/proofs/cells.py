"""The findings of cells and columns: tests outside of what a field can be, and columns that decide nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from crm_rules.codes import diagnose
from crm_rules.diagnostics import Diagnostic
from crm_rules.ir.evaluate import Scope, parameter_values, value_of
from crm_rules.ir.nodes import ANYTHING, Anything, Constant, FieldValue, Holds, Test, Within
from crm_rules.ir.program import Column, Derive, Program, Row, Table
from crm_rules.ir.typing import borders
from crm_rules.proofs.saying import shown_set
from crm_rules.proofs.view import View
from crm_rules.questions.asked import Asked
from crm_rules.questions.extent import extent
from crm_rules.questions.masks import Unfinished, bits
from crm_rules.questions.sets import Domain, ValueSet, accepted, domain_of, to_point
from crm_rules.questions.space import fields_of, steps_of, written_out
from crm_rules.questions.tables import Boxes

MOST_STEPS = 20_000


def out_of_range(asked: Asked, own: Program, table: Table) -> Iterator[Diagnostic]:
    """Cells with a border that the field, or the derived value, can never reach."""
    program = asked.ready.written
    table = next(one for one in program.tables if one.id == table.id)  # with required outputs in place of aliases
    derived = {step.id: step.expr for step in program.steps if isinstance(step, Derive)}
    fields = {one.name: one for one in program.fields}
    for position, column in enumerate(table.columns):
        subject = written_out(column.subject, derived)
        if not fields_of(subject) or steps_of(subject):
            continue
        domain = (
            domain_of(fields[subject.name])
            if isinstance(subject, FieldValue)
            else Domain(column.type, None, extent(subject, program, None))
        )
        if not domain.all.intervals:
            continue
        known: dict[Test, str] = {}
        for row in table.rows:
            test = row.tests[position] if not row.otherwise else ANYTHING
            if isinstance(test, Anything):
                continue
            message = known.get(test)
            if message is None:
                message = known[test] = outside(test, column, domain, program)
            if message:
                span = row.cells[position] if position < len(row.cells) and row.cells[position] else row.span
                name = own.rule_id(table, row)
                yield diagnose(
                    "out-of-range-test",
                    span or table.span,  # type: ignore[arg-type]
                    f"`{name}` tests `{column.name}` {message}",
                    remedy="correct the cell, or the `min` and `max` of the field",
                )


def outside(test: Test, column: Column, domain: Domain, program: Program) -> str:
    """What is wrong with a cell, in words; empty when all of its borders can be reached."""
    constants = [one for one in borders(test) if isinstance(one, Constant)]
    if not constants or len(constants) < len(list(borders(test))):
        return ""
    first, last = domain.all.intervals[0].low, domain.all.intervals[-1].high
    places = [to_point(one.value) for one in constants]
    beyond = any((first is not None and place < first) or (last is not None and place > last) for place in places)
    # Within the range only `< low` and `> high`, and what falls between two ranges, can hold for no value.
    on_edge = isinstance(test, Within) and len(places) == 1 and places[0] in {first, last}
    if not beyond and not on_edge and len(domain.all.intervals) == 1:
        return ""
    scope = Scope({}, parameter_values(program, None), None, {}, {})
    kept = accepted(test, column.type, lambda expr: value_of(expr, scope))
    inside = shown_set(ValueSet(domain.all.intervals), domain)
    if kept.intervals and not domain.grid(ValueSet(kept.intervals)) and not kept.missing:
        return f"for values that it never has: `{column.name}` is {inside}"
    if beyond:
        return f"against a border outside of its range: `{column.name}` is {inside}"
    return ""


def idle_columns(table: Table, own: Program, views: list[View], boxes: list[Boxes]) -> Iterator[Diagnostic]:
    """Columns without which every record has the same outcome, on every day."""
    ordinary = [row for row in table.rows if not row.otherwise]
    if len(table.columns) == 1 and len(ordinary) == 1:
        return
    for position, column in enumerate(table.columns):
        tests = [row.tests[position] for row in ordinary]
        empty = all(isinstance(test, Anything) for test in tests)
        if empty or all(is_idle(position, view, its) for view, its in zip(views, boxes, strict=True)):
            what = "no cell of it tests anything" if empty else "the outcome is the same whatever stands in it"
            spans = [row.cells[position] for row in ordinary if position < len(row.cells)]
            span: Any = next((one for one in spans if one is not None), table.span or own.span)
            yield diagnose(
                "idle-column",
                span,
                f"the column `{column.name}` of `{table.id}` decides nothing: {what}",
                remedy="remove the column, or write the rules that were meant",
            )


def is_idle(position: int, view: View, boxes: Boxes) -> bool:
    """True when the outcome of the table never depends on the axis that only this column tests.

    A column whose cells keep a rule from ever matching decides that, so it is not idle.
    """
    places = tested_axes(view, position)
    others = (tested_axes(view, other) for other in range(len(view.table.columns)) if other != position)
    if len(places) != 1 or any(places & one for one in others):
        return False
    (place,) = places
    answers = Answers(view.table, boxes.grid.masks[place])
    rest = [axis for axis in range(len(boxes.grid.masks)) if axis != place]
    for row in bits(boxes.ordinary):
        box = boxes.of_row[row]
        if not all(box[axis] for axis in rest):
            continue
        alive = boxes.ordinary
        for axis in rest:
            alive &= boxes.grid.masks[axis][next(bits(box[axis]))]
        if not box[place] or not answers.agree(alive):
            return False
    layer = {boxes.ordinary}
    made = 0
    for axis in rest:
        layer = {alive & mask for alive in layer for mask in set(boxes.grid.masks[axis])}
        made += len(layer)
        if made > MOST_STEPS:
            raise Unfinished(f"stopped after {MOST_STEPS:,} combinations")
    return all(map(answers.agree, layer))


class Answers:
    """What a table gives for rows that are left by all axes but one, whose masks are `masks`."""

    def __init__(self, table: Table, masks: tuple[int, ...]) -> None:
        self.table = table
        self.masks = masks
        self.known: dict[int, Any] = {}

    def agree(self, alive: int) -> bool:
        """True when the last axis changes nothing."""
        return len({self.of(alive & mask) for mask in self.masks}) <= 1

    def of(self, alive: int) -> Any:
        """The outcome when these rows match."""
        if alive not in self.known:
            self.known[alive] = outcome(self.table, alive)
        return self.known[alive]


def tested_axes(view: View, position: int) -> set[int]:
    """The axes on which the cells of a column may stand: its own expression, or the field that it is derived from."""
    program = view.space.machines[0].program
    derived = {step.id: step.expr for step in program.steps if isinstance(step, Derive)}
    subject = written_out(view.table.columns[position].subject, derived)
    found: set[int] = set()
    for index, axis in enumerate(view.axes):
        if axis.place is None:
            stands = axis.link == subject
        else:
            its = view.space.axes[axis.place].subject
            stands = its == subject or (isinstance(its, Holds) and its.operand == subject)
            stands = stands or (isinstance(its, FieldValue) and fields_of(subject) == (its.name,))
        if stands:
            found.add(index)
    return found


def outcome(table: Table, alive: int) -> Any:
    """What a table gives when these rows match, as something to compare."""
    rows: list[Row] = [table.rows[index] for index in bits(alive)] or [row for row in table.rows if row.otherwise]
    if table.hit_policy == "collect":
        return tuple(row.outputs for row in rows)
    if not rows:
        return "no_match"
    if table.hit_policy == "first":
        return rows[0].outputs
    if table.hit_policy == "any":  # outputs that are computed may differ here and agree on a record
        return frozenset(row.outputs for row in rows)
    return rows[0].outputs if len(rows) == 1 else "conflict"
