"""The walk knows every outcome of a program: what a record gets is the final state that its pieces lead to."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_rules.ir.evaluate import Evaluation, Scope, evaluate, parameter_values, value_of
from crm_rules.ir.nodes import Value
from crm_rules.ir.normalize import normalize
from crm_rules.ir.program import Program, Table
from crm_rules.questions.masks import Unfinished
from crm_rules.questions.running import Outcome, is_expr
from crm_rules.questions.sets import point, sample
from crm_rules.questions.space import Space, fields_of, space, steps_of
from crm_rules.questions.walk import Final, Walk, walk
from tests.proofs.authored import authored
from tests.strategies import FUNCTIONS, programs, todays, values

Record = dict[str, Value | None]


def is_simple(here: Space) -> bool:
    """True when every axis is over fields alone, so that a step cannot be undecided behind an axis."""
    return not any(steps_of(axis.subject) for axis in here.axes)


def scope_of(here: Space, record: Record) -> Scope:
    """What expressions over fields see of a record."""
    program = here.machines[0].program
    return Scope(record, parameter_values(program, here.today), here.today, {}, here.functions)


def finals_of(walked: Walk, record: Record) -> list[Final]:
    """The final states that have a box with the record's values: one, unless a walk is wrong."""
    here = walked.space
    scope = scope_of(here, record)
    asked = {place: value_of(axis.subject, scope) for place, axis in enumerate(here.axes)}
    found = []
    for final in walked.finals:
        for box in walked.boxes(final, 10_000):
            if all(some.contains(asked[place]) for place, some in walked.sets(box).items()):
                found.append(final)
                break
    return found


def answers(here: Space, outcome: Outcome, evaluation: Evaluation, record: Record) -> bool:
    """True when an outcome is what the evaluator says; computed outputs are worked out for the record."""
    if outcome.status != evaluation.status:
        return False
    scope = scope_of(here, record)
    given_values = [value_of(one, scope) if is_expr(one) else one for one in outcome.values]
    return given_values == list(evaluation.outputs.values())


def walked_or_not(here: Space, **options: Any) -> Walk | None:
    """The walk, or None where it says that it stops."""
    try:
        return walk(here, **options)
    except Unfinished:
        return None


def agrees(program: Program, data: st.DataObject) -> None:
    """For some records there is one final state, and it is the evaluator's answer."""
    today = data.draw(todays(program))
    here = space((normalize(program),), today, FUNCTIONS)
    walked = walked_or_not(here) if is_simple(here) else None
    for _ in range(0 if walked is None else 3):
        assert walked is not None
        record = data.draw(values(program, today))
        evaluation = evaluate(program, record, today, FUNCTIONS)
        (final,) = finals_of(walked, record)
        assert answers(here, final.outcomes[0], evaluation, record), (final, evaluation.outputs, record)


@given(programs(calls=True), st.data())
def test_a_record_gets_the_outcome_of_its_box(program: Program, data: st.DataObject) -> None:
    """Status and outputs of the one final state whose boxes hold a record are those of the evaluator."""
    agrees(program, data)


@given(authored(), st.data())
def test_a_record_of_an_authored_policy_gets_the_outcome_of_its_box(program: Program, data: st.DataObject) -> None:
    """The same for scorecards with weights and overrides, chains of tables, and all hit policies."""
    agrees(program, data)


@given(authored(), st.data())
def test_watched_steps_and_deciding_rules_are_told(program: Program, data: st.DataObject) -> None:
    """With `rules` and `watch` a final state says which rows decide, and what the watched steps gave."""
    today = data.draw(todays(program))
    here = space((normalize(program),), today, FUNCTIONS)
    watch = tuple(step.id for step in program.steps if isinstance(step, Table))[:1]
    walked = walked_or_not(here, rules=True) if is_simple(here) else None
    watching = walked_or_not(here, watch=watch) if walked is not None else None
    if walked is None or watching is None:
        return
    record = data.draw(values(program, today))
    evaluation = evaluate(program, record, today, FUNCTIONS)
    (final,) = finals_of(walked, record)
    deciding = {
        node.step
        for output in here.machines[0].program.outputs
        for node in steps_of(output.expr)
        if isinstance(program.step(node.step), Table)
    }
    wanted = tuple(
        program.rule_id(table, table.rows[row])
        for table in program.tables
        if table.id in deciding
        for row in evaluation.steps[table.id].rows
    )
    assert final.outcomes[0].rules == wanted
    (watched,) = finals_of(watching, record)[0].outcomes[0].watched
    step = evaluation.steps[watch[0]]
    if step.status == "decided":
        _, gave, rows = watched
        scope = scope_of(here, record)
        assert [value_of(one, scope) if is_expr(one) else one for one in gave] == list(step.values.values())
        assert rows == step.rows
    else:
        assert watched[:2] == (step.status, step.cause)


@given(authored(), st.data())
def test_every_outcome_over_plain_fields_has_a_record(program: Program, data: st.DataObject) -> None:
    """Where all axes are fields, a record taken from a box of a final state gets that outcome."""
    today = data.draw(todays(program))
    here = space((normalize(program),), today, FUNCTIONS)
    walked = walked_or_not(here) if all(axis.is_field for axis in here.axes) else None
    for final in () if walked is None else walked.finals:
        assert walked is not None
        sets = walked.sets(next(walked.boxes(final)))
        record = {name: sample(domain.all, domain) for name, domain in here.ends.items()}
        for place, some in sets.items():
            axis = here.axes[place]
            record[axis.name] = sample(some, axis.domain)
        assert answers(here, final.outcomes[0], evaluate(program, record, today, FUNCTIONS), record)


@given(authored(), st.data())
def test_a_limited_walk_has_the_outcomes_of_the_limited_records(program: Program, data: st.DataObject) -> None:
    """With `only` one value on an axis, no outcome is new and the record's own is among them."""
    today = data.draw(todays(program))
    here = space((normalize(program),), today, FUNCTIONS)
    fields = [place for place, axis in enumerate(here.axes) if axis.is_field]
    if not fields or not is_simple(here):
        return
    record = data.draw(values(program, today))
    place = data.draw(st.sampled_from(fields))
    only = {place: point(record[here.axes[place].name])}
    whole, limited = walked_or_not(here), walked_or_not(here, only=only)
    if whole is not None and limited is not None:
        assert set(limited.finals) <= set(whole.finals)
        assert len(finals_of(limited, record)) == 1


@given(authored(shape="table"), st.data())
def test_two_programs_are_walked_side_by_side(program: Program, data: st.DataObject) -> None:
    """A program beside one with its rows reversed: a final state has the outcome of each, for the same record."""
    (table,) = program.tables
    kept = [row for row in table.rows if not row.otherwise]
    rows = (*reversed(kept), *(row for row in table.rows if row.otherwise))
    turned = replace(
        program, steps=tuple(replace(table, rows=rows) if step == table else step for step in program.steps)
    )
    today = data.draw(todays(program))
    here = space((normalize(program), normalize(turned)), today, FUNCTIONS)
    walked = walked_or_not(here) if is_simple(here) else None
    if walked is not None:
        record = data.draw(values(program, today))
        (final,) = finals_of(walked, record)
        for one, outcome in zip((program, turned), final.outcomes, strict=True):
            assert answers(here, outcome, evaluate(one, record, today, FUNCTIONS), record)


@given(authored(shape="table"), st.data())
def test_a_paired_axis_has_a_value_for_each_machine(program: Program, data: st.DataObject) -> None:
    """With `pairs` two records that differ in one field are walked at once, each with its own piece of that axis."""
    today = data.draw(todays(program))
    ready = normalize(program)
    here = space((ready, ready), today, FUNCTIONS)
    fields = [place for place, axis in enumerate(here.axes) if axis.is_field]
    if not fields or not is_simple(here):
        return
    place = data.draw(st.sampled_from(fields))
    axis = here.axes[place]
    if any(axis.name in one.fields for index, one in enumerate(here.axes) if index != place):
        return
    pieces = range(len(axis.pieces))
    pairs = {place: tuple((one, other) for one in pieces for other in pieces)}
    walked = walked_or_not(here, pairs=pairs)
    if walked is None:
        return
    record = data.draw(values(program, today))
    other = record | {axis.name: data.draw(values(program, today))[axis.name]}
    found = []
    for final in walked.finals:
        for box in walked.boxes(final, 10_000):
            if (
                holds(walked, box, 0, record)
                and holds(walked, box, 1, other)
                and meets(walked, box, place, (record, other))
            ):
                found.append(final)
                break
    (final,) = found
    for one, outcome in zip((record, other), final.outcomes, strict=True):
        assert answers(here, outcome, evaluate(program, one, today, FUNCTIONS), one)


def holds(walked: Walk, box: dict[int, int], machine: int, record: Record) -> bool:
    """True when a box allows the record for one machine."""
    scope = scope_of(walked.space, record)
    return all(
        some.contains(value_of(walked.space.axes[place].subject, scope))
        for place, some in walked.sets(box, machine).items()
    )


def meets(walked: Walk, box: dict[int, int], place: int, records: tuple[Record, Record]) -> bool:
    """True when one of the box's pairs has the values of both records."""
    axis = walked.space.axes[place]
    return any(
        box[place] >> index & 1
        and axis.pieces[one].set.contains(records[0][axis.name])
        and axis.pieces[other].set.contains(records[1][axis.name])
        for index, (one, other) in enumerate(walked.pairs[place])
    )


@given(authored())
def test_the_walk_is_the_same_twice(program: Program) -> None:
    """Final states come in the same order on every run."""
    here = space((normalize(program),), date(2026, 11, 21), FUNCTIONS)
    one, two = walked_or_not(here), walked_or_not(here)
    assert (one is None) == (two is None)
    if one is not None and two is not None:
        assert one.finals == two.finals


def test_a_walk_stops_at_its_budget() -> None:
    """After as many moves as it may make the walk says so, in words, with the fields it was among."""
    program = authored_scorecard()
    here = space((normalize(program),), date(2026, 11, 21), FUNCTIONS)
    with pytest.raises(Unfinished, match="2 combinations") as stopped:
        walk(here, most=2)
    assert set(stopped.value.fields) == {name for axis in here.axes for name in fields_of(axis.subject)}
    assert walk(here).finals


def authored_scorecard() -> Program:
    """A scorecard of two characteristics."""
    from crm_rules.ir.nodes import Bound, Constant, FieldValue, OneOf, StepValue, Within  # noqa: PLC0415
    from crm_rules.ir.program import Column, Field, Output, Row, Total  # noqa: PLC0415
    from crm_rules.ir.types import Choice, Integer  # noqa: PLC0415

    count, grades = Integer(), Choice(("A", "B"))
    kind = Choice(("new", "old"))

    def row(name: str, test: Any, value: Any, of: Any) -> Row:
        return Row(name, (test,), (Constant(value, of),))

    five = Bound(Constant(5, count), closed=True)
    few = row("few", Within(None, five), 1, count)
    many = row("many", Within(replace(five, closed=False), None), 3, count)
    parts = (
        Table("size", (Column("n", FieldValue("n"), count),), (few, many), (("points", count),), role="characteristic"),
        Table(
            "age",
            (Column("kind", FieldValue("kind"), kind),),
            tuple(row(one, OneOf((Constant(one, kind),)), place, count) for place, one in enumerate(kind.one_of)),
            (("points", count),),
            role="characteristic",
        ),
    )
    bands = (row("a", Within(replace(five, at=Constant(3, count)), None), "A", grades),)
    total = Total("total", 0, (("size", 1), ("age", 1)), count)
    band = Table(
        "bands", (Column("total", StepValue("total", "points"), count),), bands, (("grade", grades),), role="band"
    )
    fields = (Field("n", count), Field("kind", kind))
    outputs = (Output("grade", grades, StepValue("bands", "grade")),)
    return Program("policy", "1.0.0", "scorecard", fields, (), (*parts, total, band), outputs)


def test_points_flow_into_their_total() -> None:
    """A scorecard has one state a total, and its totals are told when they are watched."""
    here = space((normalize(authored_scorecard()),), None)
    watched = {final.outcomes[0].watched[0]: final.outcomes[0].status for final in walk(here, watch=("total",)).finals}
    assert watched == {(1,): "no_match", (2,): "no_match", (3,): "decided", (4,): "decided"}
    assert [(one.outcomes[0].status, one.outcomes[0].values) for one in walk(here).finals] == [
        ("no_match", ()),
        ("decided", ("A",)),
    ]
