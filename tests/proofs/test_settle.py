"""Notes that the prover settles: what it says is what the evaluator says of every record, and without it all stay."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import crm_rules
from crm_rules.diagnostics import Diagnostic
from crm_rules.ir.evaluate import evaluate
from crm_rules.ir.nodes import (
    ANYTHING,
    Absolute,
    Add,
    Bound,
    Coalesce,
    Constant,
    Divide,
    Expr,
    FieldValue,
    Maximum,
    Minimum,
    Multiply,
    Round,
    StepValue,
    Subtract,
    Test,
    Value,
    Within,
)
from crm_rules.ir.numbers import RoundingMode, reduced
from crm_rules.ir.program import Column, Derive, Field, Output, Program, Row, Table
from crm_rules.ir.types import Choice, Integer, Number
from crm_rules.proofs.findings import check_program
from crm_rules.proofs.translation import Translation
from crm_rules.questions.sets import MISSING, NUMBERS, ValueSet, between, point
from crm_rules.source import Span
from tests.proofs.authored import authored
from tests.strategies import FUNCTIONS, programs, todays, values

z3 = pytest.importorskip("z3")

HEAD = """
policy: p
version: 1.0.0
valid_from: 2026-01-01
source: {document: Handbook}
"""
OUTPUT = "output: {g: {type: choice, one_of: [A, B], ordered: best-first}}\n"
RATIO = (
    "kind: decision-table\n"
    "fields: {a: {type: number, min: 0}, b: {type: number, min: 0, optional: true}}\n"
    "derive: {ratio: a / b}\n" + OUTPUT + "rules: |\n"
    "  | id   | ratio   | a    | g |\n"
    "  | low  | <= 1    | -    | A |\n"
    "  | high | > 1     | > 0  | B |\n"
    "  | none | missing | >= 0 | B |\n"
)
SUM_AND_DIFFERENCE = (
    "kind: decision-table\n"
    "fields: {x: {type: integer}, y: {type: integer}}\n"
    "derive: {sum: x + y, difference: x - y, twice: 2 * x}\n" + OUTPUT + "rules: |\n"
    "  | id    | sum  | difference | twice | g |\n"
    "  | both  | > 0  | > 0        | > 1   | A |\n"
    "  | one   | > 0  | <= 0       | -     | B |\n"
    "  | none  | <= 0 | -          | -     | B |\n"
)
PARITY = (
    "kind: decision-table\n"
    "fields: {x: {type: integer, min: -99, max: 99}, y: {type: integer, min: -99, max: 99}}\n"
    "derive: {sum: x + y, difference: x - y}\n" + OUTPUT + "rules: |\n"
    "  | id    | sum    | difference | g |\n"
    "  | odd   | 1      | not(0)     | A |\n"
    "  | other | not(1) | -          | B |\n"
)
DAYS = (
    "kind: decision-table\n"
    "fields: {a: {type: date}, b: {type: date}, c: {type: date}}\n"
    'derive: {first: "days_between(a, b)", second: "days_between(b, c)", whole: "days_between(a, c)"}\n'
    + OUTPUT
    + "rules: |\n"
    "  | id    | first | second | whole | g |\n"
    "  | long  | > 10  | > 10   | > 20  | A |\n"
    "  | early | <= 10 | -      | -     | B |\n"
    "  | late  | > 10  | <= 10  | -     | B |\n"
)
ROUNDED = (
    "kind: decision-table\n"
    "fields: {a: {type: number, min: 0, max: 1000, decimals: 2}}\n"
    'derive: {even: "round(a, 0, half_even)", up: "round(a, 0, ceiling)", gap: up - even}\n' + OUTPUT + "rules: |\n"
    "  | id   | gap | up  | g |\n"
    "  | same | 0   | -   | A |\n"
    "  | more | 1   | > 0 | B |\n"
)
SCORECARD = """kind: scorecard
fields: {ordered: {type: date}, due: {type: date}, paid: {type: date}}
derive:
  term: days_between(ordered, due)
  late: days_between(due, paid)
  whole: days_between(ordered, paid)
output: {g: {type: choice, one_of: [A, B], ordered: best-first}}
characteristics:
  term-points:
    rules: |
      | id    | term  | points |
      | long  | > 30  | 1      |
      | short | <= 30 | 0      |
  late-points:
    rules: |
      | id   | late  | points |
      | late | > 30  | 1      |
      | soon | <= 30 | 0      |
  whole-points:
    rules: |
      | id    | whole | points |
      | slow  | > 60  | 5      |
      | quick | <= 60 | 0      |
bands:
  A: "[0..1]"
  B: "[5..7]"
"""
PROVEN = {
    "ratio": RATIO,
    "sum": SUM_AND_DIFFERENCE,
    "parity": PARITY,
    "days": DAYS,
    "rounded": ROUNDED,
    "scorecard": SCORECARD,
}
ONE_RECORD = (
    "kind: decision-table\n"
    "fields: {x: {type: integer}, y: {type: integer}}\n"
    "derive: {sum: x + y, difference: x - y}\n" + OUTPUT + "rules: |\n"
    "  | id    | sum          | difference    | g |\n"
    "  | most  | not(8888888) | -             | A |\n"
    "  | other | 8888888      | not(-6419754) | B |\n"
)
NEVER = (
    "kind: decision-table\n"
    "fields: {x: {type: integer, min: 0, max: 100}, y: {type: integer, min: 0, max: 100}}\n"
    "derive: {sum: x + y}\n" + OUTPUT + "hit_policy: first\nrules: |\n"
    "  | id    | x    | y    | sum   | g |\n"
    "  | left  | > 50 | -    | -     | A |\n"
    "  | right | -    | > 50 | -     | B |\n"
    "  | large | -    | -    | > 100 | A |\n"
    "  | rest  | -    | -    | -     | B |\n"
)


def found_in(folder: Path, text: str) -> list[Diagnostic]:
    """The findings of a policy, without those about its declared outputs."""
    path = folder / "p.yaml"
    path.write_text(HEAD.lstrip() + text, encoding="utf-8")
    return [one for one in crm_rules.load(path).check() if one.code != "unreachable-outcome"]


@pytest.fixture
def no_prover(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python's own way to make an import fail: a module that is None among the loaded ones."""
    monkeypatch.setitem(sys.modules, "z3", None)


@pytest.mark.parametrize("name", PROVEN)
def test_what_no_record_meets_is_no_note_with_the_prover(tmp_path: Path, name: str) -> None:
    """Gaps that only exist where values are taken apart are ruled out."""
    assert found_in(tmp_path, PROVEN[name]) == []


@pytest.mark.usefixtures("no_prover")
@pytest.mark.parametrize("name", PROVEN)
def test_without_the_prover_the_same_is_a_note_that_says_how_to_settle_it(tmp_path: Path, name: str) -> None:
    """The note never changes the exit code, and names the extra."""
    (note,) = found_in(tmp_path, PROVEN[name])
    assert (note.code, note.severity, note.witness) == ("not-proven", "note", None)
    assert "crm-rules[prove]" in note.help


def test_a_record_that_only_the_prover_finds_stays_a_note(tmp_path: Path) -> None:
    """It has the record as its witness, and is no error, because it may not depend on what is installed."""
    (note,) = found_in(tmp_path, ONE_RECORD)
    assert (note.code, note.severity) == ("not-proven", "note")
    assert "the prover found a record that no rule takes" in note.message
    assert note.witness is not None
    assert note.witness.record == {"x": 1234567, "y": 7654321}


def test_a_rule_that_no_record_gets_to_is_named(tmp_path: Path) -> None:
    """Rules that hide behind others only through a sum are a note with the prover."""
    (note,) = found_in(tmp_path, NEVER)
    assert note.code == "not-proven"
    assert note.message.endswith("the prover says that no record gets to `large`")


@pytest.mark.usefixtures("no_prover")
def test_silence_about_a_rule_is_never_a_claim(tmp_path: Path) -> None:
    """Without the prover the same rule is said to be open."""
    (note,) = found_in(tmp_path, NEVER)
    assert note.message.endswith("it is not proven that a record gets to `large`")


LAWS = (
    "kind: decision-table\n"
    "fields: {x: {type: integer, min: 0, max: 100}, y: {type: integer, min: 0, max: 100}}\n"
    "derive: {sum: x + y}\n" + OUTPUT + "rules: |\n"
    "  | id    | sum   | g |\n"
    "  | large | > 50  | A |\n"
    "  | small | <= 50 | B |\n"
    "laws:\n"
)
TRUE_LAWS = ["{never: {g: B}, when: {x: '> 40', y: '> 40'}}", "{monotone: g, in: y, direction: better}"]


@pytest.mark.parametrize("law", TRUE_LAWS)
def test_laws_over_values_that_hang_together_are_proven(tmp_path: Path, law: str) -> None:
    """No record, or pair of records, breaks them: the prover says so."""
    assert found_in(tmp_path, f"{LAWS}  - {law}\n") == []


@pytest.mark.usefixtures("no_prover")
@pytest.mark.parametrize("law", TRUE_LAWS)
def test_without_the_prover_such_laws_are_notes(tmp_path: Path, law: str) -> None:
    """Neither proven nor broken, with a way to settle it."""
    (note,) = found_in(tmp_path, f"{LAWS}  - {law}\n")
    assert (note.code, note.severity, note.witness) == ("not-proven", "note", None)
    assert "crm-rules[prove]" in note.help


def test_a_law_that_only_the_prover_breaks_stays_a_note(tmp_path: Path) -> None:
    """The record that breaks it is the note's witness."""
    text = ONE_RECORD.replace("not(-6419754) | B", "-6419754      | B").replace(
        "| most  | not(8888888) | -", "| most  | -            | not(-6419754)"
    )
    text = (
        text.replace("rules: |", "hit_policy: first\nrules: |")
        + "  | rest  | -            | -             | A |\nlaws:\n  - {never: {g: B}}\n"
    )
    notes = [one for one in found_in(tmp_path, text) if "law" in one.message]
    assert [(one.code, one.severity) for one in notes] == [("not-proven", "note")]
    assert notes[0].witness is not None
    assert notes[0].witness.record == {"x": 1234567, "y": 7654321}


@pytest.mark.usefixtures("no_prover")
def test_a_pair_that_a_computed_column_alone_tells_apart_breaks_a_law(tmp_path: Path) -> None:
    """Both records pass the same cells of the field itself, and the law is broken all the same."""
    text = LAWS.replace("rules: |", "hit_policy: first\nrules: |")
    text = text.replace("| id    | sum   |", "| id    | x    | sum   |").replace(
        "laws:", "  | rest  | -    | -     | A |\nlaws:"
    )
    text = text.replace("| large | > 50  | A |", "| top   | > 90 | -     | A |")
    text = text.replace("| small | <= 50 | B |", "| large | -    | > 50  | B |")
    (broken,) = found_in(tmp_path, f"{text}  - {{monotone: g, in: x, direction: better}}\n")
    assert broken.code == "law-broken"


# All linear tables over two small numbers, against every record


NEVER_DECIDES = {"masked-rule", "subsumed-rule", "unreachable-rule", "duplicate-conditions"}
SMALL = range(-3, 4)
PLANE = (Field("x", Integer(), low=-3, high=3), Field("y", Integer(), low=-3, high=3))
GRADES = Choice(("A", "B"))


@st.composite
def linear(draw: st.DrawFn) -> Program:
    """A table of two or three columns, each a sum of multiples of two fields."""
    steps: list[Derive] = []
    columns: list[Column] = []
    for place in range(draw(st.integers(2, 3))):
        one, other = (draw(st.integers(-2, 2)) for _ in range(2))
        expr: Expr = Add(times(one, "x"), times(other, "y"))
        steps.append(Derive(f"d{place}", expr, Integer()))
        columns.append(Column(f"d{place}", StepValue(f"d{place}", f"d{place}"), Integer()))
    rows = tuple(
        Row(
            f"r{place}",
            tuple(draw(cells()) for _ in columns),
            (Constant(draw(st.sampled_from("AB")), GRADES),),
            span=Span("p", place + 2, 1, 1),
        )
        for place in range(draw(st.integers(2, 4)))
    )
    hit_policy = draw(st.sampled_from(["unique", "first"]))
    table = Table("t", tuple(columns), rows, (("g", GRADES),), hit_policy, span=Span("p", 1, 1, 1))  # type: ignore[arg-type]
    output = Output("g", GRADES, StepValue("t", "g"))
    return Program("p", "1", "decision-table", PLANE, (), (*steps, table), (output,), span=Span("p", 99, 1, 1))


def times(count: int, name: str) -> Expr:
    """A multiple of a field."""
    return Multiply(Constant(count, Integer()), FieldValue(name))


@st.composite
def cells(draw: st.DrawFn) -> Test:
    """A test of a whole number."""
    border = Bound(Constant(draw(st.integers(-4, 4)), Integer()), closed=draw(st.booleans()))
    tests: list[Test] = [ANYTHING, Within(border, None), Within(None, border)]
    return draw(st.sampled_from(tests))


def records() -> Iterator[dict[str, int]]:
    """Every record."""
    for x, y in product(SMALL, SMALL):
        yield {"x": x, "y": y}


@given(linear())
def test_the_prover_never_contradicts_the_evaluator(program: Program) -> None:
    """Of linear tables every question is settled, and as evaluating all records settles it."""
    found = check_program(program, program, FUNCTIONS)
    (table,) = program.tables
    results = [evaluate(program, record).steps["t"] for record in records()]
    undecided = any(result.status != "decided" for result in results)
    told = [one for one in found if one.code in {"gap", "overlap"} or "the prover found a record" in one.message]
    assert undecided == bool(told), found
    assert not any("it is not proven" in one.message for one in found)
    reached = {result.rows[0] if table.hit_policy == "first" else row for result in results for row in result.rows}
    for index, row in enumerate(table.rows):
        never = [
            one
            for one in found
            if (one.span == row.span and one.code in NEVER_DECIDES)
            or ("says that no record" in one.message and f"`{row.id}`" in one.message)
        ]
        if table.hit_policy == "first":
            assert (index in reached) == (not never), (row.id, found)
        elif index not in reached:
            assert never, (row.id, found)


def test_what_the_prover_does_not_know_stays_open(tmp_path: Path) -> None:
    """A sum of two cubes that is a cube: there is none, which is more than the prover can say in its time."""
    text = (
        "kind: decision-table\n"
        "fields: {x: {type: integer, min: 3}, y: {type: integer, min: 3}, z: {type: integer, min: 3}}\n"
        "derive: {cubes: x * x * x + y * y * y - z * z * z, less: x - y}\n" + OUTPUT + "rules: |\n"
        "  | id    | cubes  | less | g |\n"
        "  | other | not(0) | -    | A |\n"
        "  | never | 0      | 0    | B |\n"
    )
    notes = found_in(tmp_path, text)
    assert {(one.code, one.witness) for one in notes} == {("not-proven", None)}
    assert any("every record is decided once" in one.message for one in notes)


# What a formula admits


A, B = FieldValue("a"), FieldValue("b")
QUARTERS = (
    Field("a", Number(), low=-2, high=2, decimals=2),
    Field("b", Number(), low=-2, high=2, optional=True),
)
MODES: tuple[RoundingMode, ...] = ("half_up", "half_even", "half_down", "up", "down", "ceiling", "floor")
QUOTIENT = Divide(A, B)
EXACT: dict[str, Expr] = {
    **{mode: Round(A, 0, mode) for mode in MODES},
    "tenths": Round(A, 1, "half_even"),
    "quotient": QUOTIENT,
    "twice": Divide(QUOTIENT, B),
    "sum": Add(QUOTIENT, Divide(Constant(1, Number()), A)),
    "largest": Maximum((QUOTIENT, A)),
    "smallest": Minimum((A, B)),
    "distance": Absolute(Subtract(A, B)),
    "first": Coalesce((QUOTIENT, B, A)),
}
BORDERS = (between(0, None, low_closed=False), between(0, None), between(None, 0))


@pytest.mark.parametrize("name", EXACT)
def test_arithmetic_means_the_same_to_the_prover(name: str) -> None:
    """For every record the evaluator's value is admitted, on its side of zero, and no other one is."""
    expr = EXACT[name]
    derived = Derive("d", expr, Number(quotient=True))
    program = Program("p", "1", "decision-table", QUARTERS, (), (derived,), ())
    one = Translation(z3, z3.Context(), program, None, name="", codes={})
    term = one.of(expr)
    solver = z3.Solver(ctx=one.context)
    solver.add(*one.facts)

    def admits_record(record: dict[str, Value | None], some: ValueSet) -> bool:
        fixed = [one.within(one.fields[field], point(value)) for field, value in record.items()]
        return bool(solver.check(*fixed, one.within(term, some)) == z3.sat)

    quarters = [reduced(Fraction(count, 4)) for count in (-6, -2, -1, 0, 2, 3, 6)]
    for a, b in product(quarters, (None, 0, 1, Fraction(-3, 2))):
        record: dict[str, Value | None] = {"a": a, "b": b}
        found = evaluate(program, record).steps["d"].values["d"]
        assert admits_record(record, point(found)), (record, found)
        assert not admits_record(record, (NUMBERS | MISSING) - point(found)), (record, found)
        for some in BORDERS:
            assert admits_record(record, some) == some.contains(found), (record, found)


@given(programs(calls=True), st.data())
def test_a_formula_admits_every_record_of_any_program(program: Program, data: st.DataObject) -> None:
    """Each value that the evaluator gives to a step is one that the formulas allow, whatever the expressions."""
    admits(program, data)


@given(authored(), st.data())
def test_a_formula_admits_every_record_of_an_authored_program(program: Program, data: st.DataObject) -> None:
    """The same near the borders of small programs, with their tables, totals and conflicts."""
    admits(program, data)


def admits(program: Program, data: st.DataObject) -> None:
    """Ask for the evaluator's own answer."""
    today: date = data.draw(todays(program))
    record = data.draw(values(program, today))
    evaluation = evaluate(program, record, today, FUNCTIONS)
    one = Translation(z3, z3.Context(), program, today, name="", codes={})
    parts = [one.within(one.fields[name], point(value)) for name, value in record.items()]
    for step in program.steps:
        result = evaluation.steps[step.id]
        if result.status == "decided":
            parts += [one.within(one.step(step.id, name), point(value)) for name, value in result.values.items()]
    solver = z3.Solver(ctx=one.context)
    solver.add(*one.facts, *parts)
    assert solver.check() == z3.sat
