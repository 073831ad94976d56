"""A space says of every record which rows match, before any hit policy."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from crm_rules.ir.evaluate import Scope, StepResult, Undecided, evaluate, parameter_values, passes, value_of
from crm_rules.ir.nodes import ANYTHING, Bound, Constant, FieldValue, IsMissing, IsPresent, OneOf, Value, Within
from crm_rules.ir.normalize import normalize
from crm_rules.ir.program import Column, Field, Output, Program, Row, Table
from crm_rules.ir.types import Choice, Integer
from crm_rules.questions.masks import bits
from crm_rules.questions.sets import union
from crm_rules.questions.space import Axis, Machine, Space, space
from tests.proofs.authored import authored
from tests.strategies import FUNCTIONS, programs, todays, values

N = Field("n", Integer(), low=0, high=9, optional=True)
KIND = Choice(("a", "b"))


def piece_of(axis: Axis, scope: Scope) -> int | None:
    """The place of the piece that has the record's value on an axis; None where a step it needs is undecided."""
    try:
        value = value_of(axis.subject, scope)
    except Undecided:
        return None
    (place,) = (index for index, piece in enumerate(axis.pieces) if piece.set.contains(value))
    return place


def rows_by_table(here: Space, machine: int, record: dict[str, Value | None]) -> dict[str, set[int] | None]:
    """The rows that a space leaves to a record by its pieces and links; None where an earlier step is undecided."""
    its: Machine = here.machines[machine]
    steps: dict[str, StepResult] = dict(evaluate(its.program, record, here.today, here.functions).steps)
    scope = Scope(record, parameter_values(its.program, here.today), here.today, steps, here.functions)
    found: dict[str, set[int] | None] = {}
    for rows in its.tables:
        alive: int | None = its.ordinary & rows.mask
        for place in rows.axes:
            piece = piece_of(here.axes[place], scope)
            alive = None if alive is None or piece is None else alive & here.axes[place].masks[machine][piece]
        for link in rows.links:
            try:
                subject = value_of(link.subject, scope)
            except Undecided:
                alive = None
            for index in [] if alive is None else list(bits(alive >> rows.first)):
                test = link.tests[index]
                if alive is not None and test is not None and not passes(test, subject, scope):
                    alive &= ~(1 << rows.first + index)
        found[rows.table.id] = None if alive is None else set(bits(alive >> rows.first))
    return found


def matching(program: Program, table: Table, record: dict[str, Value | None], today: date) -> set[int] | None:
    """The ordinary rows of a table that match by the evaluator, gathered so that no hit policy hides one."""
    marks = tuple(
        replace(row, outputs=(Constant(index, Integer()),)) for index, row in enumerate(table.rows) if not row.otherwise
    )
    kept = [index for index, row in enumerate(table.rows) if not row.otherwise]
    listed = replace(
        table, id="matching", rows=marks, outputs=(("mark", Integer()),), hit_policy="collect", aggregation="list",
        optional=False,
    )  # fmt: skip
    place = program.steps.index(table)
    asked = replace(program, steps=(*program.steps[:place], listed), outputs=())
    step = evaluate(asked, record, today, FUNCTIONS).steps["matching"]
    return {kept[row] for row in step.rows} if step.status == "decided" else None


def agrees(program: Program, data: st.DataObject) -> None:
    """The rows of the space are those of the evaluator, for some records of one day."""
    today = data.draw(todays(program))
    here = space((normalize(program),), today, FUNCTIONS)
    for _ in range(3):
        record = data.draw(values(program, today))
        found = rows_by_table(here, 0, record)
        for table in program.tables:
            wanted = matching(program, table, record, today)
            if wanted is not None and found[table.id] is not None:
                assert found[table.id] == wanted, (table.id, record, today)


@given(programs(calls=True), st.data())
def test_the_pieces_of_a_record_leave_the_rows_that_match(program: Program, data: st.DataObject) -> None:
    """In any program, whatever its columns test, masks and links leave exactly the rows that hold for a record."""
    agrees(program, data)


@given(authored(), st.data())
def test_the_pieces_leave_the_rows_that_match_in_authored_policies(program: Program, data: st.DataObject) -> None:
    """The same where rows stand close together, under `otherwise`, parameters and totals."""
    agrees(program, data)


@given(authored(), authored(), st.data())
def test_two_programs_share_their_axes(program: Program, other: Program, data: st.DataObject) -> None:
    """In a common space each program keeps its own rows, and a field that both test is one axis."""
    today = data.draw(todays(program))
    both = space((normalize(program), normalize(other)), today, FUNCTIONS)
    assert len({axis.subject for axis in both.axes}) == len(both.axes)
    record = {**data.draw(values(other, today)), **data.draw(values(program, today))}
    for number, one in enumerate((program, other)):
        alone = space((normalize(one),), today, FUNCTIONS)
        assert rows_by_table(both, number, record) == rows_by_table(alone, 0, record)


@given(authored(), st.data())
def test_the_pieces_of_an_axis_are_its_whole_domain(program: Program, data: st.DataObject) -> None:
    """No value of a field is in two pieces, and none is left out."""
    here = space((normalize(program),), data.draw(todays(program)), FUNCTIONS)
    for axis in here.axes:
        assert axis.domain.grid(union(piece.set for piece in axis.pieces)) == axis.domain.grid(axis.domain.all)
        for index, piece in enumerate(axis.pieces):
            assert not any(piece.set & other.set for other in axis.pieces[:index])


def table(*rows: tuple[Any, ...], columns: tuple[Column, ...]) -> Table:
    """A table that gives `a`."""
    made = tuple(Row(f"r{index}", tests, (Constant("a", KIND),)) for index, tests in enumerate(rows))
    return Table("rules", columns, made, (("out", KIND),))


def of(*tables: Table) -> Program:
    """A program over one field."""
    return Program("policy", "1.0.0", "table", (N,), (), tables, (Output("out", KIND, Constant("a", KIND)),))


def test_cells_of_one_field_are_one_axis() -> None:
    """Two columns over a field cut one axis, a row that they contradict is on no piece of it."""
    column = Column("n", FieldValue("n"), Integer())
    again = Column("again", FieldValue("n"), Integer())
    five = Bound(Constant(5, Integer()), closed=True)
    row = (Within(None, five), Within(five, None))
    here = space((of(table(row, (IsMissing(), ANYTHING), (IsMissing(), IsPresent()), columns=(column, again))),), None)
    (axis,) = here.axes
    assert here.joint == ()
    assert [[piece.set.contains(value) for value in (4, 5, 6, None)] for piece in axis.pieces] == [
        [True, False, True, False],
        [False, True, False, False],
        [False, False, False, True],
    ]
    assert axis.masks == ((0b000, 0b001, 0b010),)


def test_a_row_that_fails_before_its_axis_asks_for_none() -> None:
    """A cell over a constant that fails takes the row out of the ordinary ones, with what its other cells ask for."""
    fixed = Column("fixed", Constant(1, Integer()), Integer())
    column = Column("n", FieldValue("n"), Integer())
    one, two = (OneOf((Constant(value, Integer()),)) for value in (1, 2))
    here = space((of(table((two, one), (one, ANYTHING), columns=(column, fixed))),), None)
    assert here.machines[0].ordinary == 0b11
    here = space((of(table((one, two), columns=(column, fixed))),), None)
    assert here.machines[0].ordinary == 0
    assert here.axes == ()
