"""Differences of two versions: edits are named, every region has a record that shows it, and `equivalent` holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, event, given
from hypothesis import strategies as st

import crm_rules
from crm_rules.comparing.policies import Differences, diff
from crm_rules.ir.evaluate import evaluate
from crm_rules.ir.nodes import ANYTHING
from crm_rules.ir.numbers import to_fact
from crm_rules.ir.program import Program
from crm_rules.ir.record import read_record
from crm_rules.proofs.differences import compare
from crm_rules.proofs.edits import edits
from crm_rules.proofs.matching import longest_rise
from crm_rules.proofs.regions import Answer
from tests.strategies import FUNCTIONS, cases, programs

ROOT = Path(__file__).parents[2]


# Programs


def decider(program: Program) -> Callable[[Any, date | None], Answer]:
    """The reference evaluator as what confirms a record."""

    def decide(record: Any, today: date | None) -> Answer:
        reading = read_record(program, record)
        if reading.problems:
            return Answer("invalid")
        found = evaluate(program, reading.values, today, FUNCTIONS)
        outputs = tuple((name, to_fact(value)) for name, value in found.outputs.items())
        return Answer(found.status, outputs, found.rules)

    return decide


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Program, Program]:
    """A program and the same after one edit: a rule less, two swapped, a cell opened, an outcome taken over."""
    old = draw(programs())
    tables = [table for table in old.tables if len(table.rows) > 1]
    assume(tables and not old.blank_parameters)
    table = draw(st.sampled_from(tables))
    first, second = draw(st.permutations(range(len(table.rows))).map(lambda order: order[:2]))
    rows = list(table.rows)
    match draw(st.sampled_from(["drop", "swap", "open", "outcome", "same"])):
        case "drop":
            del rows[first]
        case "swap":
            assume(not rows[first].otherwise and not rows[second].otherwise)
            rows[first], rows[second] = rows[second], rows[first]
        case "open":
            assume(rows[first].tests and not rows[first].otherwise)
            rows[first] = replace(rows[first], tests=(ANYTHING, *rows[first].tests[1:]))
        case "outcome":
            rows[first] = replace(rows[first], outputs=rows[second].outputs)
        case _:
            pass
    steps = tuple(replace(step, rows=tuple(rows)) if step is table else step for step in old.steps)
    return old, replace(old, steps=steps)


@given(pair=pairs(), data=st.data())
def test_a_difference_is_shown_and_equivalence_holds(pair: tuple[Program, Program], data: st.DataObject) -> None:
    """Every region's record is answered differently; a pair called equivalent answers every record alike."""
    old, new = pair
    decide_old, decide_new = decider(old), decider(new)
    found = compare(old, new, decide_old, decide_new, functions=FUNCTIONS)
    event(f"equivalent: {found.equivalent}")
    for region in found.regions:
        record, today = region.witness.record, region.witness.today
        assert (region.before, region.after) == (decide_old(record, today), decide_new(record, today))
        assert (region.before.status, region.before.outputs) != (region.after.status, region.after.outputs)
        assert region.boxes
    if found.equivalent:
        for _ in range(5):
            facts, today = data.draw(cases(old, bad=False))
            one, other = decide_old(facts, today), decide_new(facts, today)
            assert (one.status, one.outputs) == (other.status, other.outputs)


@given(program=programs())
def test_a_program_equals_itself(program: Program) -> None:
    """No edit and no difference."""
    assume(not program.blank_parameters)
    decide = decider(program)
    assert compare(program, program, decide, decide, functions=FUNCTIONS).equivalent is True
    assert edits(program, program) == ()


@given(numbers=st.lists(st.integers(0, 20), unique=True, max_size=9))
def test_as_few_rules_as_possible_are_called_moved(numbers: list[int]) -> None:
    """What stays is a longest rising part: it rises, and no choice of more numbers does."""
    stay = sorted(longest_rise(numbers))
    kept = [numbers[index] for index in stay]
    assert kept == sorted(kept)
    subsets = (
        [number for index, number in enumerate(numbers) if mask >> index & 1] for mask in range(1 << len(numbers))
    )
    assert len(kept) == max((len(one) for one in subsets if one == sorted(one)), default=0)


# Policies

TABLE = """
policy: p
kind: decision-table
hit_policy: first
version: 1.0.0
parameters:
  low: {type: number}
  high: {type: number}
parameter_order: [$low < $high]
fields:
  size: {type: number, min: 0, max: 1000}
  note: {type: boolean, optional: true}
  due: {type: date, optional: true}
derive:
  months: {formula: "started_months(today, due)"}
output:
  grade: {type: choice, one_of: [A, B, C]}
  days: {type: integer, optional: true}
rules: |
  | id    | size     | months  | grade | days    |
  | big   | >= $high | -       | A     | 7       |
  | some  | >= $low  | -       | B     | missing |
  | late  | -        | <= 3    | B     | missing |
  | other | -        | -       | C     | missing |
"""

CADENCE = """
policy: p
kind: cadence
version: 1.0.0
fields:
  stage: {type: choice, one_of: [A, B]}
  last: {type: date, optional: true}
by: stage
since: last
every:
  A: 1 week
  B: 1 month
"""


def policies(folder: Path, *changes: tuple[str, str], policy: str = TABLE) -> Differences:
    """The differences between the policy and the same with texts replaced, each of which must be there."""
    text = policy
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    found = []
    for name, content in (("old", policy), ("new", text)):
        (folder / f"{name}.yaml").write_text(content, "utf-8")
        (one,) = crm_rules.load(folder / f"{name}.yaml").values()
        found.append(one)
        (folder / f"{name}.yaml").unlink()
    return diff(*found)


EQUIVALENT = {
    "nothing": (),
    "a new version": (("version: 1.0.0", "version: 1.1.0"),),
    "another id": (("policy: p", "policy: q"),),
    "another name": (("| some ", "| many "),),
    "derived under another name": (("  months:", "  until:"), ("| months  |", "| until   |")),
    "months written otherwise": (("| <= 3 ", "| < 4  "),),
    "a rule that is never reached": (
        ("| C     | missing |", "| C     | missing |\n  | never | -        | -       | A     | 1       |"),
    ),
    "otherwise": (("  | other | -        | -       | C ", "  | other | otherwise | otherwise | C "),),
}
DIFFERENT = {
    "a border": (("| <= 3 ", "| <= 4 "),),
    "an order": (("$high | -       | A ", "$low  | -       | A "),),
    "an outcome": (("| B     | missing |\n  | late", "| A     | missing |\n  | late"),),
    "a limit": (("max: 1000", "max: 999"),),
    "decimals": (("max: 1000", "max: 1000, decimals: 2"),),
    "a required field": (("due: {type: date, optional: true}", "due: {type: date}"),),
    "a new required field": (("fields:", "fields:\n  more: {type: boolean}"),),
    "a type": (("note: {type: boolean,", "note: {type: date,"),),
    "an output less": (
        ("  days: {type: integer, optional: true}\n", ""),
        ("| missing |\n", "|\n"),
        ("| 7       |\n", "|\n"),
        ("| days    |\n", "|\n"),
    ),
}


@pytest.mark.parametrize("changes", EQUIVALENT.values(), ids=EQUIVALENT)
def test_what_decides_the_same_is_equivalent(changes: tuple[tuple[str, str], ...], tmp_path: Path) -> None:
    """However it is written, a version that answers every record alike is proven to, blank parameters and all."""
    found = policies(tmp_path, *changes)
    assert found.regions == ()
    assert found.equivalent is True


@pytest.mark.parametrize("changes", DIFFERENT.values(), ids=DIFFERENT)
def test_what_decides_otherwise_is_told(changes: tuple[tuple[str, str], ...], tmp_path: Path) -> None:
    """Every kind of change that can matter is found, and its regions have records."""
    found = policies(tmp_path, *changes)
    assert found.equivalent is False
    assert found.edits
    assert found.regions or any("output" in note for note in found.notes)
    assert str(found.old.version) in found.to_text()


def test_intervals_in_other_words_are_equivalent(tmp_path: Path) -> None:
    """A week is seven days and a year twelve months, also where the next day is computed from the record."""
    assert policies(tmp_path, ("1 week", "7 days"), policy=CADENCE).equivalent is True


def test_a_computed_output_is_told_by_its_formulas(tmp_path: Path) -> None:
    """Where every record gets a day of its own, both formulas stand there, with what the example gets."""
    found = policies(tmp_path, ("1 week", "8 days"), policy=CADENCE)
    (region,) = found.regions
    assert region.boxes == ("stage is A",)
    (formula,) = region.formulas
    assert (formula.output, formula.before) == ("next_touch", "coalesce(add_days(last, 7), today)")
    assert formula.after == "coalesce(add_days(last, 8), today)"
    assert "1. next_touch: computed in another way" in found.to_text()


def test_intervals_that_may_differ_are_not_called_equivalent(tmp_path: Path) -> None:
    """Thirty days and one month are told as a difference, since most days show it."""
    assert policies(tmp_path, ("1 month", "30 days"), policy=CADENCE).equivalent is False
