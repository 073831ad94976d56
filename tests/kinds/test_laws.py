"""Laws become typed promises that travel with the program and change no decision."""

from __future__ import annotations

import pickle
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

import crm_rules
from crm_rules.backends.to_json import content_hash, from_json, to_json
from crm_rules.ir.check import check
from crm_rules.ir.laws import Always, Bounded, Implies, InputCondition, Law, Monotone, Never, OutputCondition, Steps
from crm_rules.ir.nodes import (
    ANYTHING,
    AnyOf,
    Bound,
    Constant,
    Expr,
    FieldValue,
    IsMissing,
    NotPassing,
    OneOf,
    ParameterValue,
    StepValue,
    Test,
    Within,
)
from crm_rules.ir.normalize import normalize
from crm_rules.ir.program import Program
from crm_rules.ir.types import Boolean, Choice, Date, Integer, Money
from crm_rules.kinds.laws import FORMS
from crm_rules.kinds.schema import LAWS
from crm_rules.loading import load_with_report
from crm_rules.policy import Policy

POLICIES = Path(__file__).parents[2] / "policies"
NEED = """\
policy: need
kind: decision-table
fields: {clear: {type: boolean}}
output: {need: {type: choice, one_of: [some, none]}}
rules:
  - {id: clear, when: {clear: true}, then: some}
  - {id: unclear, when: {clear: false}, then: none}
"""
GRADE = """\
policy: grade
kind: decision-table
hit_policy: first
fields:
  amount: {type: money, unit: CNY, min: 0}
  orders: {type: integer, optional: true}
  paid: {type: boolean}
  paid_on: {type: date, optional: true}
requires: {need: need}
derive: {late: "days_between(paid_on, today)"}
parameters: {most: {type: integer, value: 6}}
output:
  grade: {type: choice, one_of: [A, B, C, new], ordered: best-first, unranked: [new]}
  priority: {type: integer}
  until: {type: date}
rules:
  - id: all
    when: otherwise
    then: {grade: B, priority: 2, until: 2026-12-31}
"""
GRADES = Choice(("A", "B", "C", "new"))
NEEDS = Choice(("some", "none"))


def chosen(*values: str) -> OneOf:
    """A test for choices."""
    return OneOf(tuple(Constant(value, Choice((value,))) for value in values))


def number(value: int) -> Constant:
    """A whole number as an output has it."""
    return Constant(value, Integer())


A = OutputCondition("grade", chosen("A"))
PAID = InputCondition("paid", FieldValue("paid"), Boolean(), OneOf((Constant(value=True, type=Boolean()),)))
NEEDED = InputCondition("need", FieldValue("need"), NEEDS, chosen("none"))
DAYS = Constant(30, Integer("day"))
LATE = InputCondition("late", StepValue("late", "late"), Integer("day"), Within(Bound(DAYS, closed=True), None))
HIGH = OutputCondition("priority", Within(None, Bound(ParameterValue("most"), closed=False)))

FORM: dict[str, Law] = {
    "{monotone: grade, in: amount, direction: better}": Monotone("grade", "amount", "better"),
    "{direction: worse, monotone: grade, in: orders}": Monotone("grade", "orders", "worse"),
    "{monotone: priority, in: paid_on, direction: falling}": Monotone("priority", "paid_on", "falling"),
    "{monotone: until, in: orders, direction: rising}": Monotone("until", "orders", "rising"),
    "{never: {grade: A}, when: {paid: true}}": Never((A,), (PAID,)),
    "{never: {grade: A}}": Never((A,)),
    "{never: {grade: A, priority: < $most}, when: {need: none, paid: true}}": Never((A, HIGH), (NEEDED, PAID)),
    "{always: {grade: not(A)}, when: {need: none}}": Always(
        (OutputCondition("grade", NotPassing(chosen("A"))),), (NEEDED,)
    ),
    "{always: {grade: -}, when: {amount: missing}}": Always(
        (OutputCondition("grade", ANYTHING),),
        (InputCondition("amount", FieldValue("amount"), Money("CNY"), IsMissing()),),
    ),
    "{bounded: priority, min: 1, max: 6}": Bounded("priority", number(1), number(6)),
    "{bounded: priority, min: 3, max: 3}": Bounded("priority", number(3), number(3)),
    "{bounded: priority, max: $most}": Bounded("priority", None, ParameterValue("most")),
    "{bounded: until, min: 2026-01-01}": Bounded("until", Constant(date(2026, 1, 1), Date())),
    '{implies: {grade: "A, B"}, then: {priority: < $most}}': Implies(
        (OutputCondition("grade", chosen("A", "B")),), (HIGH,)
    ),
    "{steps: 1, of: grade, in: amount}": Steps(1, "grade", "amount"),
    "{steps: 12, of: grade, in: orders}": Steps(12, "grade", "orders"),
}


def findings(folder: Path, laws: str, policy: str = GRADE) -> list[tuple[str, int, str]]:
    """Code, column and first back-ticked word of what is wrong with a policy that states these laws."""
    (folder / "need.yaml").write_text(NEED, encoding="utf-8")
    (folder / "grade.yaml").write_text(f"{policy}laws:\n{laws}", encoding="utf-8")
    _, report, _ = load_with_report(folder)
    return [(item.code, item.span.column, item.message.partition("`")[2].partition("`")[0]) for item in report]


def program(folder: Path, laws: str) -> Program:
    """The program of a policy that states these laws."""
    assert findings(folder, laws) == []
    return crm_rules.load(folder)["grade"].program


@pytest.mark.parametrize("written", FORM)
def test_a_law_is_what_its_form_says(written: str, tmp_path: Path) -> None:
    """Each form gives one law over typed subjects and tests, with the words and the place it was written in."""
    (law,) = program(tmp_path, f"  - {written}\n").laws
    assert law == replace(FORM[written], text=written[1:-1])
    assert law.span is not None
    assert (law.span.line, law.span.column) == (21, written.index(next(word for word in FORMS if word in written)) + 5)


def test_a_law_in_a_block_reads_as_one_line(tmp_path: Path) -> None:
    """However it is laid out, its text is short enough for a message."""
    laws = '  - never:\n      grade: A\n    when:\n      paid: true\n      orders: "< 3"\n'
    assert program(tmp_path, laws).laws[0].text == 'never: {grade: A}, when: {paid: true, orders: "< 3"}'


def test_every_form_is_shown_to_editors() -> None:
    """The schema has the keys of each form, those that must stand there and those that may."""
    for described, (word, (needed, allowed)) in zip(LAWS, FORMS.items(), strict=True):
        assert list(described["properties"]) == [word, *needed, *allowed]
        assert described["required"] == [word, *needed]


def test_the_laws_of_the_starter_policies() -> None:
    """A better grade for a larger contract, a worse one for more receivables or bad debts."""
    pack = crm_rules.load(POLICIES)
    found = {id: [law.text for law in pack[id].program.laws] for id in pack if pack[id].program.laws}  # noqa: A001
    assert found["abc-grade"][:2] == [
        "monotone: grade, in: contract_amount, direction: better",
        "monotone: grade, in: receivable, direction: worse",
    ]
    assert found["reputation-grade"][0] == "monotone: reputation, in: bad_debts, direction: worse"


# What a law may speak of

AMISS = {
    "{monotone: grade, in: need, direction: better}": [("law-needs-field", 27, "need")],
    "{never: {grade: A}, when: {nead: none}}": [("unknown-field", 32, "nead")],
    "{never: {grade: A}, when: {need: nothing}}": [("unknown-choice", 38, "nothing")],
    "{never: {need: none}}": [("unknown-output", 14, "need")],
    "{bounded: until, min: 2027-01-01, max: 2026-01-01}": [("bad-range", 44, "min")],
    "{bounded: until, min: 5}": [("wrong-literal", 27, "5")],
    "{bounded: priority, max: }": [("empty-value", 30, "")],
    "{steps: 1000, of: grade, in: amount}": [("wrong-literal", 13, "1000")],
}


@pytest.mark.parametrize("written", AMISS)
def test_a_law_that_says_nothing_is_refused(written: str, tmp_path: Path) -> None:
    """What cannot be meant is found at its word, and nothing else is."""
    assert findings(tmp_path, f"  - {written}\n") == AMISS[written]


def test_all_mistakes_of_all_laws_come_at_once(tmp_path: Path) -> None:
    """A law with a mistake keeps neither its other mistakes nor the next law from being found."""
    laws = "  - {monotone: x, in: y, direction: z}\n  - {bounded: x, min: 1}\n"
    codes = [code for code, _, _ in findings(tmp_path, laws)]
    assert codes == ["unknown-output", "unknown-field", "unknown-word", "unknown-output"]


def test_a_note_on_a_cell_does_not_take_the_law_away(tmp_path: Path) -> None:
    """What loads with a note is a law all the same."""
    assert findings(tmp_path, '  - {never: {priority: ">= 5, < 10"}}\n') == [("either-or", 31, ">= 5")]
    assert len(crm_rules.load(tmp_path)["grade"].program.laws) == 1


def test_a_faulty_declaration_is_reported_once(tmp_path: Path) -> None:
    """Laws about an output or field whose declaration is wrong add nothing to that."""
    laws = "  - {monotone: grade, in: amount, direction: better}\n  - {never: {grade: A}, when: {amount: 5}}\n"
    faulty = GRADE.replace("amount: {type: money, unit: CNY,", "amount: {type: money,")
    assert [code for code, _, _ in findings(tmp_path, laws, faulty)] == ["missing-key"]
    faulty = GRADE.replace("grade: {type: choice, one_of: [A, B, C, new],", "grade: {type: choice,")
    assert findings(tmp_path, laws, faulty) == findings(tmp_path, "  []\n", faulty) != []


CADENCE = """\
policy: visits
kind: cadence
fields: {class: {type: choice, one_of: [A, B]}, seen: {type: date, optional: true}}
by: class
since: seen
every: {A: 1 week, B: 1 month}
laws:
  - {monotone: next_touch, in: seen, direction: rising}
  - {bounded: days_overdue, min: 0}
  - {implies: {due: false}, then: {days_overdue: 0}}
"""


def test_a_kind_with_outputs_of_its_own_has_laws_too(tmp_path: Path) -> None:
    """A law may speak of outputs that nobody declared; where the kind has given up, it is not asked."""
    path = tmp_path / "visits.yaml"
    path.write_text(CADENCE, encoding="utf-8")
    assert len(crm_rules.load(path)["visits"].program.laws) == 3
    path.write_text(CADENCE.replace("by: class", "by: clas"), encoding="utf-8")
    assert [item.code for item in load_with_report(path)[1]] == ["unknown-field"]


def test_a_gathered_output_is_in_no_law(tmp_path: Path) -> None:
    """A list has neither an order nor one value to test."""
    gathering = NEED.replace("output:", "hit_policy: collect\naggregation: list\noutput:")
    path = tmp_path / "need.yaml"
    path.write_text(f"{gathering}laws:\n  - {{never: {{need: none}}}}\n", encoding="utf-8")
    (found,) = load_with_report(path)[1]
    assert (found.code, found.message) == (
        "type-mismatch",
        "a law speaks of single values, and `need` is a list of one of some, none",
    )


def test_an_extension_states_its_own_laws(tmp_path: Path) -> None:
    """The laws of a base stand until the extension writes others."""
    (tmp_path / "base.yaml").write_text(f"{NEED}laws:\n  - {{never: {{need: none}}}}\n", encoding="utf-8")
    (tmp_path / "same.yaml").write_text("policy: same\nextends: need\n", encoding="utf-8")
    own = "policy: own\nextends: need\nlaws:\n  - {always: {need: some}, when: {clear: true}}\n"
    (tmp_path / "own.yaml").write_text(own, encoding="utf-8")
    pack = crm_rules.load(tmp_path)
    assert pack["same"].program.laws == pack["need"].program.laws
    assert [type(law) for law in pack["own"].program.laws] == [Always]


# Laws in a program

LAWFUL = "".join(f"  - {written}\n" for written in FORM)


def test_laws_change_no_decision(tmp_path: Path) -> None:
    """A law takes part neither in the content hash nor in what is compiled; it travels in JSON and pickles."""
    lawful = program(tmp_path, LAWFUL)
    bare = replace(lawful, laws=())
    assert content_hash(lawful) == content_hash(bare)
    assert from_json(to_json(lawful)) == lawful
    assert lawful != bare
    policy = pickle.loads(pickle.dumps(Policy(lawful)))  # noqa: S301 - ours
    assert policy.program.laws == lawful.laws
    assert normalize(lawful).laws == lawful.laws
    assert replace(normalize(lawful), laws=()) == normalize(bare)


def test_a_whole_has_the_laws_of_its_own_policy(tmp_path: Path) -> None:
    """Subjects are renamed with the steps; laws of required policies are theirs."""
    laws = '  - {never: {grade: A}, when: {need: none, late: ">= 30"}}\n'
    (tmp_path / "need.yaml").write_text(f"{NEED}laws:\n  - {{never: {{need: none}}}}\n", encoding="utf-8")
    (tmp_path / "grade.yaml").write_text(f"{GRADE}laws:\n{laws}", encoding="utf-8")
    whole = crm_rules.load(tmp_path)["grade"].whole
    assert check(whole) == []
    aliased = replace(NEEDED, subject=StepValue("need", "need"))
    assert whole.laws == (Never((A,), (aliased, LATE), laws.strip()[3:-1]),)


def condition(subject: Expr, kind: Any, test: Test) -> Never:
    """A law with one condition."""
    return Never((A,), (InputCondition("x", subject, kind, test),))


FAULTY: dict[str, Law] = {
    "there is no output `x`": Monotone("x", "amount", "better"),
    "there is no field `x` in a record": Monotone("grade", "x", "better"),
    "there is no field `need` in a record": Steps(1, "grade", "need"),
    "`paid` has no order: it is true or false": Steps(1, "grade", "paid"),
    "`grade` goes better or worse, not rising": Monotone("grade", "amount", "rising"),
    "`until` goes rising or falling, not worse": Monotone("until", "amount", "worse"),
    "`until` has no order: it is a date": Steps(1, "until", "amount"),
    "`grade` must be free to move by one place, found 0": Steps(0, "grade", "amount"),
    "there is no bound of `priority`": Bounded("priority"),
    "`grade` has no order: it is one of A, B, C, new": Bounded("grade", number(1)),
    "expected a whole number, found a date": Bounded("priority", Constant(date(2026, 1, 1), Date())),
    "the interval is reversed: its lower bound is above its upper bound": Bounded("priority", number(2), number(1)),
    "the law says nothing of an output": Always(()),
    "`D` is not among the choices A, B, C, new": Implies((A,), (OutputCondition("grade", chosen("D")),)),
    "there is no output `y`": Implies((OutputCondition("y", ANYTHING),), (A,)),
    "`x` is not declared": condition(FieldValue("x"), Boolean(), ANYTHING),
    "`x` is said to be a date, and is true or false": condition(FieldValue("paid"), Date(), ANYTHING),
    "true or false has no order, so it cannot be compared with < or >": condition(
        FieldValue("paid"), Boolean(), AnyOf((Within(Bound(number(1), closed=True), None),))
    ),
}


@pytest.mark.parametrize("fault", FAULTY)
def test_a_program_with_a_law_that_does_not_suit_it_is_ill_typed(fault: str, tmp_path: Path) -> None:
    """Laws that come from elsewhere than a policy file are checked with the program."""
    lawful = program(tmp_path, LAWFUL)
    assert check(lawful) == []
    (found,) = check(replace(lawful, laws=(replace(FAULTY[fault], text="words"),)))
    assert (found.code, found.message) == ("type-mismatch", f"in the law `words`: {fault}")


def test_what_a_bounded_output_may_be() -> None:
    """A value between the bounds, both included, or none."""
    between = Within(Bound(number(1), closed=True), Bound(number(6), closed=True))
    assert Bounded("n", number(1), number(6)).test == AnyOf((between, IsMissing()))
    assert Bounded("n", high=number(6)).test == AnyOf((Within(None, between.high), IsMissing()))
    assert [Monotone("n", "x", word).upward for word in ("better", "rising", "worse", "falling")] == [
        True,
        True,
        False,
        False,
    ]
