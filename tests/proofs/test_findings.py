"""The findings of one program: what they claim is true, and where they are silent nothing is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_rules.diagnostics import Diagnostic
from crm_rules.ir.check import check
from crm_rules.ir.evaluate import Evaluation, evaluate
from crm_rules.ir.nodes import (
    ANYTHING,
    AddTime,
    Bound,
    Constant,
    DatePart,
    DaysBetween,
    FieldValue,
    Maximum,
    StepValue,
    Test,
    Today,
    Value,
    Within,
)
from crm_rules.ir.program import Column, Derive, Field, Output, Program, Row, Step, Table
from crm_rules.ir.record import read_record
from crm_rules.ir.types import Choice, Date, Integer
from crm_rules.loading import load
from crm_rules.proofs.findings import check_program
from crm_rules.questions.space import fields_of
from tests.proofs.authored import DAY, authored, placed, row_at, table_at
from tests.strategies import FUNCTIONS, programs, todays, values

GAPS = {"gap", "missing-attribute", "missing-interval", "band-gap", "unhandled-value"}
OVERLAPS = {"overlap", "band-overlap"}
NEVER = {"masked-rule", "unreachable-rule", "override-never", "subsumed-rule"}
OPEN = {"not-proven", "not-finished", "blank"}


def found_in(program: Program, near: date | None = None) -> list[Diagnostic]:
    """The findings of a program without a chain."""
    return check_program(program, program, FUNCTIONS, near)


def answer(program: Program, record: Mapping[str, Value | None], today: date) -> Evaluation:
    """What the reference evaluator says."""
    return evaluate(program, record, today, FUNCTIONS)


def drawn(data: st.DataObject, program: Program) -> tuple[dict[str, Value | None], date]:
    """Accepted values near the borders of the program, and a day."""
    today = data.draw(todays(program))
    return data.draw(values(program, today)), today


def of_witness(program: Program, finding: Diagnostic) -> Evaluation:
    """What the evaluator says of a witness, which every application could have handed over."""
    assert finding.witness is not None
    reading = read_record(program, finding.witness.record)
    assert reading.problems == ()
    return answer(program, reading.values, finding.witness.today or date(2026, 1, 1))


def rows_named(program: Program, finding: Diagnostic) -> tuple[int, ...]:
    """The rows that a message names, of the table it is about."""
    table = table_at(program, finding.span)
    assert table is not None
    names = {program.rule_id(table, row): index for index, row in enumerate(table.rows)}
    return tuple(names[word] for word in re.findall(r"`([^`]*)`", finding.message) if word in names)


def shows(program: Program, finding: Diagnostic) -> bool:
    """True when the witness of a finding is as the message says."""
    found = of_witness(program, finding)
    table = table_at(program, finding.span)
    if table is None:
        return False
    step = found.steps[table.id]
    if finding.code in OPEN:  # what the prover found
        return step.cause == table.id
    if finding.code in GAPS:
        return step.status == "no_match" and step.cause == table.id
    if finding.code in OVERLAPS:
        return (
            step.cause == table.id and step.status == "conflict" and set(rows_named(program, finding)) <= set(step.rows)
        )
    if finding.code == "conflict":
        return (
            step.cause == table.id and step.status == "conflict" and set(rows_named(program, finding)) <= set(step.rows)
        )
    index = row_at(finding.span)
    return index is not None and index not in step.rows[:1] and bool(step.rows)


def is_open(program: Program, found: list[Diagnostic], table: Table) -> bool:
    """True when a note says that a table, or the whole program, is not proven."""
    at = program.tables.index(table)
    return any(one.code in OPEN and one.span.line in {999, 1000 * (at + 1)} for one in found)


def about(program: Program, found: list[Diagnostic], codes: set[str], table: Table) -> Iterator[Diagnostic]:
    """The findings of some codes about a table."""
    for one in found:
        if one.code in codes and table_at(program, one.span) == table:
            yield one


@pytest.mark.no_cover
@given(authored())
def test_every_witness_shows_what_its_finding_says(program: Program) -> None:
    """A witness is an accepted record of which the reference evaluator says exactly what the message says."""
    assert check(program) == []
    for finding in found_in(program):
        if finding.witness is not None:
            assert shows(program, finding), finding


@pytest.mark.no_cover
@given(programs(calls=True))
def test_witnesses_of_any_program_are_confirmed(program: Program) -> None:
    """The same for programs of every node, where most of it cannot be proven."""
    program = placed(program)
    for finding in found_in(program):
        if finding.witness is not None:
            assert shows(program, finding), finding


@pytest.mark.no_cover
@given(authored(), st.data())
def test_silence_about_gaps_and_overlaps_is_proof(program: Program, data: st.DataObject) -> None:
    """Where no finding and no note stands at a table, no record is undecided by it."""
    found = found_in(program)
    for _ in range(10):
        record, today = drawn(data, program)
        evaluation = answer(program, record, today)
        for table in program.tables:
            step = evaluation.steps[table.id]
            if step.cause != table.id or is_open(program, found, table):
                continue
            if table.role == "band" and evaluation.status == "decided":
                continue  # an override decided; bands are told by the totals that leave the policy undecided
            codes = GAPS if step.status == "no_match" else {*OVERLAPS, "conflict"}
            assert any(about(program, found, codes, table)), (table.id, step, record, today)


@pytest.mark.no_cover
@given(authored(), st.data())
def test_rules_that_never_decide_never_do(program: Program, data: st.DataObject) -> None:
    """A rule reported as masked, unreachable or never firing decides no record; the same for duplicates under FIRST."""
    found = [one for one in found_in(program) if one.code in {*NEVER, "duplicate-rule"}]
    for _ in range(10 if found else 0):
        record, today = drawn(data, program)
        evaluation = answer(program, record, today)
        for finding in found:
            table, index = table_at(program, finding.span), row_at(finding.span)
            assert table is not None
            rows = evaluation.steps[table.id].rows
            if table.hit_policy == "first" or finding.code == "unreachable-rule":
                assert index not in rows, (finding, record, today)
            elif finding.code == "duplicate-rule":
                twin, _ = sorted(rows_named(program, finding))
                assert (index in rows) == (twin in rows), (finding, record, today)
            elif finding.code == "subsumed-rule" and index in rows:
                assert len(rows) > 1, (finding, record, today)


@pytest.mark.no_cover
@given(authored(), st.data())
def test_outcomes_that_nobody_gets_do_not_occur(program: Program, data: st.DataObject) -> None:
    """A declared value of an output that is reported as unreachable is given to no record."""
    missed: dict[str, set[str]] = {}
    for one in found_in(program):
        if one.code == "unreachable-outcome":
            missed[program.outputs[one.span.line - 1].name] = set(re.findall(r"`([^`]*)`", one.message))
    for _ in range(10 if missed else 0):
        record, today = drawn(data, program)
        outputs = answer(program, record, today).outputs
        for name, never in missed.items():
            assert outputs.get(name) not in never, (name, record, today)


@pytest.mark.no_cover
@given(authored(), st.data())
def test_columns_that_decide_nothing_can_be_removed(program: Program, data: st.DataObject) -> None:
    """Read from the top without a column that is reported as idle, the rules give what they gave with it."""
    for finding in found_in(program):
        table = table_at(program, finding.span)
        if finding.code != "idle-column" or table is None or table.hit_policy == "collect":
            continue
        less = without_column(program, table, idle(table, finding))
        for _ in range(5):
            record, today = drawn(data, program)
            before, after = answer(program, record, today), answer(less, record, today)
            step = before.steps[table.id]
            if step.status == "decided" or (step.status == "no_match" and step.cause == table.id):
                assert gives(before, table) == gives(after, table), (finding, record, today)


@pytest.mark.no_cover
@given(authored(shape="table"), st.data())
def test_what_stands_in_an_idle_column_does_not_matter(program: Program, data: st.DataObject) -> None:
    """Another value of a field that only an idle column tests changes nothing."""
    (table,) = program.tables
    for finding in found_in(program):
        if finding.code != "idle-column":
            continue
        subject = table.columns[idle(table, finding)].subject
        reads = [one for step in program.steps for one in fields_in(step)]
        if isinstance(subject, FieldValue) and reads.count(subject.name) == 1:
            record, today = drawn(data, program)
            other = record | {subject.name: drawn(data, program)[0][subject.name]}
            assert gives(answer(program, record, today), table) == gives(answer(program, other, today), table)


def idle(table: Table, finding: Diagnostic) -> int:
    """The place of the column that a finding names."""
    name = re.findall(r"`([^`]*)`", finding.message)[0]
    return [column.name for column in table.columns].index(name)


def fields_in(step: Step) -> list[str]:
    """The fields that a step reads, as often as it does."""
    exprs = [step.expr] if isinstance(step, Derive) else []
    if isinstance(step, Table):
        exprs = [*(column.subject for column in step.columns), *(one for row in step.rows for one in row.outputs)]
    return [name for expr in exprs for name in fields_of(expr)]


def gives(evaluation: Evaluation, table: Table) -> tuple[Any, ...]:
    """What a table gives."""
    step = evaluation.steps[table.id]
    return step.status, tuple(step.values.items())


def without_column(program: Program, table: Table, place: int) -> Program:
    """The program without one column of a table."""

    def less(some: tuple[Any, ...]) -> tuple[Any, ...]:
        return (*some[:place], *some[place + 1 :])

    rows = tuple(replace(row, tests=less(row.tests)) for row in table.rows)
    smaller = replace(table, columns=less(table.columns), rows=rows, hit_policy="first")
    return replace(program, steps=tuple(smaller if step == table else step for step in program.steps))


@pytest.mark.no_cover
@given(authored(shape="table"), st.data())
def test_a_looser_hit_policy_than_needed_can_be_left_out(program: Program, data: st.DataObject) -> None:
    """Where FIRST or ANY is reported as loose, UNIQUE decides every record alike."""
    if all(one.code != "loose-hit-policy" for one in found_in(program)):
        return
    (table,) = program.tables
    strict = replace(table, hit_policy="unique")
    strict_program = replace(program, steps=tuple(strict if step == table else step for step in program.steps))
    for _ in range(10):
        record, today = drawn(data, program)
        assert gives(answer(program, record, today), table) == gives(answer(strict_program, record, today), table)


@pytest.mark.no_cover
@given(authored(), st.data())
def test_tests_out_of_range_pass_nobody(program: Program, data: st.DataObject) -> None:
    """A cell reported as testing for values that the field never has is passed by no record."""
    found = [one for one in found_in(program) if one.code == "out-of-range-test" and "never has" in one.message]
    for _ in range(10 if found else 0):
        record, today = drawn(data, program)
        evaluation = answer(program, record, today)
        for finding in found:
            table, index = table_at(program, finding.span), row_at(finding.span)
            assert table is not None
            assert index not in evaluation.steps[table.id].rows


@pytest.mark.no_cover
@settings(max_examples=30)
@given(authored())
def test_the_findings_are_the_same_twice(program: Program) -> None:
    """Nothing of a report depends on the run: messages, witnesses and their order are equal."""
    assert found_in(program) == found_in(program)


@pytest.mark.no_cover
@settings(max_examples=30)
@given(programs(calls=True), st.data())
def test_silence_holds_for_any_program(program: Program, data: st.DataObject) -> None:
    """Where no finding and no note stands at a table, no record is undecided by it, whatever the expressions."""
    program = placed(program)
    found = found_in(program)
    for _ in range(5):
        record, today = drawn(data, program)
        evaluation = answer(program, record, today)
        for table in program.tables:
            step = evaluation.steps[table.id]
            if step.cause == table.id and not is_open(program, found, table):
                codes = GAPS if step.status == "no_match" else {*OVERLAPS, "conflict"}
                assert any(about(program, found, codes, table)), (table.id, step, record, today)
        for finding in found:
            if finding.code in NEVER and (at := table_at(program, finding.span)) and at.hit_policy == "first":
                assert row_at(finding.span) not in evaluation.steps[at.id].rows


# What an author meets

STAGES = """
policy: stage
kind: decision-table
hit_policy: first
version: 1.0.0
fields:
  need:  {type: choice, one_of: [clear, vague, none]}
  close: {type: date, optional: true}
derive:
  days_left:   days_between(today, close)
  months_left: started_months(today, close)
output:
  stage: {type: choice, one_of: [A, B, C, D, lost, unknown]}
rules: |
  | id      | need  | days_left | months_left | stage   |
  | dead    | none  | -         | -           | lost    |
  | vague   | vague | -         | -           | D       |
  | undated | clear | missing   | -           | unknown |
  | passed  | clear | < 0       | -           | unknown |
  | month   | clear | -         | <= 1        | A       |
  | quarter | clear | -         | <= 3        | B       |
  | later   | clear | -         | > 3         | C       |
"""
UNDATED = "  | undated | clear | missing   | -           | unknown |\n"


def of_text(text: str, folder: Path) -> list[Diagnostic]:
    """The findings of a policy file."""
    path = folder / "policy.yaml"
    path.write_text(text, encoding="utf-8")
    policy = load(path)["stage"]
    return check_program(policy.whole, policy.program, {}, date(2026, 11, 21))


def test_stages_by_days_and_months_are_proven(tmp_path: Path) -> None:
    """Days and months to one date on every day, with a missing date and dates gone by: no finding and no note."""
    assert of_text(STAGES, tmp_path) == []


def test_without_its_rule_a_missing_date_is_a_gap(tmp_path: Path) -> None:
    """The witness is a clear need without a date."""
    (gap,) = of_text(STAGES.replace(UNDATED, ""), tmp_path)
    assert gap.code == "gap"
    assert gap.witness is not None
    assert gap.witness.record == {"need": "clear", "close": None}


def test_days_within_the_month_are_masked_by_it(tmp_path: Path) -> None:
    """28 days are never more than one started month, on no day of any year; 32 days are, where a month has 31."""
    later = "  | d28     | clear | <= {}     | -           | B       |\n  | quarter "
    (masked,) = of_text(STAGES.replace("  | quarter ", later.format(28)), tmp_path)
    assert (masked.code, masked.span.line) == ("masked-rule", 21)
    assert "`d28`" in masked.message
    assert "`month`" in masked.message
    assert of_text(STAGES.replace("  | quarter ", later.format(29)), tmp_path) == []
    assert [
        one.code
        for one in of_text(STAGES.replace("<= 1 ", "<= 2 ").replace("  | quarter ", later.format(59)), tmp_path)
    ] == ["masked-rule"]


def test_what_moves_with_the_day_over_two_fields_is_no_dead_rule() -> None:
    """80,000 days from today can lie within the calendar on early days, so that the rule is not called unreachable."""
    latest = Maximum((FieldValue("d"), FieldValue("e")))
    far = Derive("far", DaysBetween(Today(), latest), DAY)
    border = Bound(Constant(80_000, DAY), closed=True)
    program = one_table(
        (Field("d", Date()), Field("e", Date())), (far,), Column("far", StepValue("far", "far"), DAY),
        Within(replace(border, closed=False), None), Within(None, border),
    )  # fmt: skip
    assert {"unreachable-rule", "unreachable-outcome"}.isdisjoint(one.code for one in found_in(program))
    assert not any("no record gets" in one.message for one in found_in(program))


def test_what_the_month_decides_is_no_dead_rule() -> None:
    """A table over the month of today says that other days may differ, and calls nothing unreachable."""
    june = Bound(Constant(6, Integer()), closed=True)
    month = Column("month", DatePart(Today(), "month"), Integer())
    program = one_table((Field("d", Date()),), (), month, Within(None, june), Within(replace(june, closed=False), None))
    assert [one.code for one in found_in(program)] == ["not-proven"]


def test_rules_that_agree_in_other_words_are_no_conflict() -> None:
    """Under ANY, today and today plus no months are the same answer."""
    table = Table(
        "rules",
        (Column("d", FieldValue("d"), Date()),),
        (
            Row("plain", (ANYTHING,), (Today(),)),
            Row("moved", (ANYTHING,), (AddTime(Today(), Constant(0, Integer("month")), "month"),)),
        ),
        (("out", Date()),),
        "any",
    )
    outputs = (Output("out", Date(), StepValue("rules", "out")),)
    program = placed(Program("policy", "1.0.0", "table", (Field("d", Date()),), (), (table,), outputs))
    assert "conflict" not in {one.code for one in found_in(program)}


def one_table(fields: tuple[Field, ...], steps: tuple[Step, ...], column: Column, *cells: Test) -> Program:
    """A program of one column that gives A, then B."""
    grades = Choice(("A", "B"))
    rows = tuple(Row(name, (cell,), (Constant(name, grades),)) for name, cell in zip(grades.one_of, cells, strict=True))
    table = Table("rules", (column,), rows, (("out", grades),))
    outputs = (Output("out", grades, StepValue("rules", "out")),)
    return placed(Program("policy", "1.0.0", "table", fields, (), (*steps, table), outputs))
