"""Where two programs can differ at all: the boxes of the rules that were edited.

When only rows of tables differ, a record that matches no edited row in either version matches the same rows in
the same order, so its answer is the same. Then it is enough to look at the boxes of the edited rows, however
large the tables are. Anything else (columns, hit policies, formulas, an `otherwise` row) has no such boxes.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any, Final

from crm_rules.ir.evaluate import parameter_values
from crm_rules.ir.nodes import Constant, ParameterValue
from crm_rules.ir.program import Derive, Output, Program, Row, Step, Table, Total
from crm_rules.ir.rewrite import over_nodes, rebuilt
from crm_rules.proofs.matching import longest_rise
from crm_rules.questions.sets import ValueSet, union
from crm_rules.questions.space import Space

MOST_EDITED: Final = 100  # rows; beyond, looking at everything once is cheaper


def edited_boxes(programs: tuple[Program, Program], here: Space) -> list[dict[int, ValueSet]] | None:
    """The boxes outside of which nothing changes, as sets by the axis's place; None when there may be no such boxes.

    The programs are normalised, and `here` is their space.
    """
    old, new = (on_day(program, here.today) for program in programs)
    if frame(old) != frame(new):
        return None
    found: list[dict[int, ValueSet]] = []
    for number, (mine, theirs) in enumerate(((old, new), (new, old))):
        for position, (table, other) in enumerate(zip(mine.tables, theirs.tables, strict=True)):
            for index in edited_rows(table, other):
                if table.rows[index].otherwise:
                    return None
                box = box_of(here, number, position, index)
                if box not in found:
                    found.append(box)
                if len(found) > MOST_EDITED:
                    return None
    return found


def on_day(program: Program, day: date | None) -> Program:
    """The program with the values of its parameters on a day."""
    known = parameter_values(program, day)
    kinds = {one.name: one.type for one in program.parameters}

    def valued(node: Any) -> Any:
        if isinstance(node, ParameterValue) and node.name in known:
            return Constant(known[node.name], kinds[node.name])
        return rebuilt(node, valued)

    return over_nodes(program, valued, lambda _, test: valued(test))


def frame(program: Program) -> tuple[Any, ...]:
    """Everything of a program but its rows that decides."""
    return tuple(map(step_frame, program.steps)), tuple(map(output_frame, program.outputs))


def step_frame(step: Step) -> Any:
    """A step without its rows, and without what is for people."""
    match step:
        case Table():
            subjects = tuple(column.subject for column in step.columns)
            outputs = tuple(name for name, _ in step.outputs)
            return step.id, subjects, outputs, step.hit_policy, step.aggregation, step.optional
        case Derive():
            return step.id, step.expr
        case Total():
            return step.id, step.initial, step.terms


def output_frame(output: Output) -> Any:
    """What an output is computed from."""
    return output.name, output.expr


def edited_rows(table: Table, other: Table) -> list[int]:
    """The rows that the other table has not, or not as they are, or at another place where places count."""
    theirs = {row.id: row for row in other.rows}
    same = [index for index, row in enumerate(table.rows) if row.id in theirs and says(row) == says(theirs[row.id])]
    if table.hit_policy == "first" or table.aggregation == "list":
        place = {row.id: index for index, row in enumerate(other.rows)}
        stay = longest_rise([place[table.rows[index].id] for index in same])
        same = [index for order, index in enumerate(same) if order in stay]
    kept = set(same)
    return [index for index in range(len(table.rows)) if index not in kept]


def says(row: Row) -> Row:
    """A row without what is for people."""
    return replace(row, label=type(row.label)(), reason="")


def box_of(here: Space, number: int, position: int, index: int) -> dict[int, ValueSet]:
    """The values on each axis of the space for which a row can hold; axes on which it takes everything are left out."""
    rows = here.machines[number].tables[position]
    bit = 1 << (rows.first + index)
    found: dict[int, ValueSet] = {}
    for place in rows.axes:
        axis = here.axes[place]
        held = [piece.set for piece, mask in zip(axis.pieces, axis.masks[number], strict=True) if mask & bit]
        if len(held) < len(axis.pieces):
            found[place] = union(held)
    return found
