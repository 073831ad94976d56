"""The kits pass what keeps the promises of the library, and notice each way of breaking them."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import strategies as st

import crm_rules
from crm_rules.backends.to_json import from_json, to_json
from crm_rules.ir.evaluate import evaluate
from crm_rules.ir.nodes import ANYTHING, Constant, FieldValue, OneOf, StepValue
from crm_rules.ir.numbers import to_fact
from crm_rules.ir.program import Column, Field, Output, Program, Row, Table
from crm_rules.ir.record import read_record
from crm_rules.ir.types import Boolean, Integer
from crm_rules.ir.typing import Function
from crm_rules.kinds import kind_names, plugged_kinds
from crm_rules.kinds.decision_table import KIND as DECISION_TABLE
from crm_rules.kinds.draft import Draft
from crm_rules.kinds.kind import Kind
from crm_rules.testing import check_backend, check_kind, check_pack
from crm_rules.testing.small_programs import programs

ROOT = Path(__file__).parents[2]
CHECKLIST = ROOT / "examples" / "plugin_kind"
STACK = ROOT / "examples" / "plugin_backend"


def module_of(path: Path) -> ModuleType:
    """The module of an example, as an installed package would be imported."""
    spec = spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module", name="checklist")
def load_checklist() -> Iterator[ModuleType]:
    """The kind of `examples/plugin_kind`."""
    yield module_of(CHECKLIST / "checklist_kind.py")
    del sys.modules["checklist_kind"]


@pytest.fixture(scope="module", name="stack")
def load_stack() -> Iterator[ModuleType]:
    """The engine of `examples/plugin_backend`."""
    yield module_of(STACK / "stack_machine.py")
    del sys.modules["stack_machine"]


# Kinds

GOOD = """\
policy: opening
kind: {kind}
version: 1.0.0
fields:
  licence: {{type: boolean}}
  signed: {{type: boolean, optional: true}}
items: [licence, signed]
"""


def test_the_example_kind_keeps_the_promises(checklist: ModuleType) -> None:
    """Its folder of policies and cases, and a policy written here; the kind is not left behind."""
    before = kind_names()
    check_kind(checklist.KIND, CHECKLIST / "policies", examples=40)
    check_kind(checklist.KIND, GOOD.format(kind="checklist"), examples=40)
    check_kind(checklist.KIND, {"a.yaml": GOOD.format(kind="checklist")}, examples=10)
    assert kind_names() == before


def lowering(checklist: ModuleType, change: Callable[[Draft, Any], None]) -> Kind:
    """The kind of the example with something done to what it lowers."""

    class Document(checklist.ChecklistDocument):  # type: ignore[misc, name-defined]
        """The document under another name."""

        kind: str

    def lower(document: Any, draft: Draft) -> None:
        checklist.KIND.lower(document, draft)
        change(draft, document)

    return Kind("broken", Document, lower)


def change_table(draft: Draft, change: Callable[[Table], Table]) -> None:
    """Do something to the one table of a draft."""
    draft.steps[:] = [change(step) if isinstance(step, Table) else step for step in draft.steps]


def change_rows(draft: Draft, change: Callable[[int, Row], Row]) -> None:
    """Do something to each row of the one table of a draft."""
    change_table(draft, lambda table: replace(table, rows=tuple(change(n, row) for n, row in enumerate(table.rows))))


TURNS = itertools.count()


def no_ids(draft: Draft, _: Any) -> None:
    """A rule without a name."""
    change_rows(draft, lambda number, row: row if number else replace(row, id=""))


def same_ids(draft: Draft, _: Any) -> None:
    """Two rules of one name."""
    change_rows(draft, lambda _, row: replace(row, id="item"))


def no_spans(draft: Draft, _: Any) -> None:
    """Rules that stand nowhere."""
    change_rows(draft, lambda _, row: replace(row, span=None))


def other_every_time(draft: Draft, _: Any) -> None:
    """A lowering that remembers how often it was called."""
    turn = next(TURNS)
    change_rows(draft, lambda _, row: replace(row, id=f"{row.id}-{turn}"))


def too_large(draft: Draft, _: Any) -> None:
    """An output beyond the limits that it declares."""
    draft.outputs[:] = [replace(one, high=1) if one.name == "open_items" else one for one in draft.outputs]


def untyped(draft: Draft, _: Any) -> None:
    """An output of another type than its expression."""
    draft.outputs[:] = [replace(one, type=Boolean()) for one in draft.outputs]


def no_outputs(draft: Draft, _: Any) -> None:
    """Nothing to decide."""
    draft.outputs.clear()


def raises(draft: Draft, document: Any) -> None:
    """An exception in place of a finding, when there are no items."""
    assert draft is not None
    document.items[0]


BROKEN_KINDS = [
    (no_ids, "has no id"),
    (same_ids, "the rule `item` stands twice"),
    (no_spans, "has no span"),
    (other_every_time, "gives two different programs"),
    (too_large, "above its declared maximum 1"),
    (untyped, "do not load"),
    (no_outputs, "no output"),
    (raises, "raises IndexError"),
]


@pytest.mark.parametrize(("change", "said"), BROKEN_KINDS, ids=lambda one: getattr(one, "__name__", "said"))
def test_the_kit_notices_a_kind_that_breaks_a_promise(
    checklist: ModuleType, change: Callable[[Draft, Any], None], said: str
) -> None:
    """Each in its own words."""
    with pytest.raises(AssertionError, match=said):
        check_kind(lowering(checklist, change), GOOD.format(kind="broken"), examples=20)
    assert "broken" not in plugged_kinds()


def test_the_kit_wants_policies_of_the_kind_and_a_name_of_its_own(checklist: ModuleType) -> None:
    """Nothing is shown by documents of other kinds; a name belongs to one kind."""
    ladder = (ROOT / "examples" / "payment-terms.yaml").read_text(encoding="utf-8")
    with pytest.raises(AssertionError, match="none of the documents is of the kind `checklist`"):
        check_kind(checklist.KIND, ladder)
    with pytest.raises(AssertionError, match="there is another kind `ladder`"):
        check_kind(replace(checklist.KIND, name="ladder"), ladder)
    with pytest.raises(AssertionError, match="the documents do not load"):
        check_kind(checklist.KIND, "policy: p\nkind: checklist\n")


IMPURE = """\
policy: impure
kind: decision-table
hit_policy: first
fields: {n: {type: integer}}
derive: {m: strange(n)}
output: {answer: {type: boolean}}
rules: |
  | id  | m    | answer |
  | low | <= 5 | true   |
  | top | -    | false  |
"""


def count_up(_: int) -> int:
    """Another number every time."""
    return next(TURNS) % 10


def in_context(number: int) -> int:
    """A number that follows the host's decimal context."""
    return int(Decimal(number + 123_456) + 0) % 10


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (count_up, "differs|expected|not the same|changes its answer"),
        (in_context, "context|raises"),
        (lambda n: 1 // (n - 1), "raises"),
    ],
)
def test_the_kits_notice_a_function_that_is_no_function(function: Callable[[int], int], said: str) -> None:
    """Another answer every time, an answer that depends on the host, no answer for some number."""
    strange = Function("strange", (Integer(),), Integer(), function)
    with pytest.raises(AssertionError, match=said):
        check_kind(DECISION_TABLE, IMPURE, functions={"strange": strange}, examples=60)


# Engines


@dataclass(frozen=True)
class Answer:
    """What an engine answers."""

    status: str
    outputs: dict[str, Any]
    rules: tuple[str, ...] = ()


Engine = Callable[[Program], Callable[[dict[str, Any], date | None], Answer]]


def reference(program: Program) -> Callable[[dict[str, Any], date | None], Answer]:
    """The reference evaluator as an engine."""

    def decide(record: dict[str, Any], today: date | None) -> Answer:
        reading = read_record(program, record)
        if reading.problems:
            return Answer("invalid", {})
        found = evaluate(program, reading.values, today)
        return Answer(found.status, {name: to_fact(value) for name, value in found.outputs.items()}, found.rules)

    return decide


def changed(change: Callable[[Answer], Answer]) -> Engine:
    """The reference with something done to its answers."""

    def compile_changed(program: Program) -> Callable[[dict[str, Any], date | None], Answer]:
        decide = reference(program)
        return lambda record, today: change(decide(record, today))

    return compile_changed


def floats(answer: Answer) -> Answer:
    """Numbers as floats."""
    return replace(
        answer,
        outputs={
            name: float(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else value
            for name, value in answer.outputs.items()
        },
    )


def booleans(answer: Answer) -> Answer:
    """Truth values as numbers."""
    return replace(
        answer, outputs={name: int(one) if isinstance(one, bool) else one for name, one in answer.outputs.items()}
    )


def writes(program: Program) -> Callable[[dict[str, Any], date | None], Answer]:
    """An engine that leaves something in the record."""
    decide = reference(program)

    def decide_and_write(record: dict[str, Any], today: date | None) -> Answer:
        answer = decide(record, today)
        record["status"] = answer.status
        return answer

    return decide_and_write


def fails_late(program: Program) -> Callable[[dict[str, Any], date | None], Answer]:
    """An engine that refuses a program only when it is asked."""

    def decide(_record: dict[str, Any], _today: date | None) -> Answer:
        raise NotImplementedError(program.id)

    return decide


def fails_early(program: Program) -> Callable[[dict[str, Any], date | None], Answer]:
    """An engine that raises what it has not declared."""
    raise KeyError(program.kind)


def in_turn(program: Program) -> Callable[[dict[str, Any], date | None], Answer]:
    """An engine that now and then answers otherwise."""
    decide = reference(program)
    return lambda record, today: decide(record, today) if next(TURNS) % 10 else Answer("no_match", {})


def last_row(program: Program) -> Callable[[dict[str, Any], date | None], Answer]:
    """An engine that takes the last of the rules that hold, where the first one counts."""
    steps = tuple(
        replace(step, rows=step.rows[::-1]) if isinstance(step, Table) and step.hit_policy == "first" else step
        for step in program.steps
    )
    return reference(replace(program, steps=steps))


def open_ends(program: Program) -> Callable[[dict[str, Any], date | None], Answer]:
    """An engine that takes a border to be outside."""
    text = to_json(program).replace('"closed":true', '"closed":false')
    return reference(from_json(text))


def default_status(answer: Answer) -> Answer:
    """A gap that is decided by nobody's rule."""
    return replace(answer, status="decided") if answer.status == "no_match" else answer


def no_refusal(answer: Answer) -> Answer:
    """A record that nobody accepts, decided."""
    return replace(answer, status="decided") if answer.status == "invalid" else answer


BROKEN_ENGINES: list[tuple[str, Engine, str]] = [
    ("floats", changed(floats), "is a float"),
    ("booleans", changed(booleans), "the outputs are"),
    ("no rules", changed(lambda answer: replace(answer, rules=())), "the rules are"),
    ("no outputs", changed(lambda answer: replace(answer, outputs={})), "the outputs are"),
    ("a default", changed(default_status), "the status is `decided`, expected `no_match`"),
    ("accepts all", changed(no_refusal), "expected `invalid`"),
    ("writes", writes, "the record was changed"),
    ("fails late", fails_late, "raises NotImplementedError"),
    ("fails early", fails_early, "compiling raises KeyError"),
    ("in turn", in_turn, "the status is|the outputs are|not the same"),
    ("last row", last_row, "the (outputs|rules) are"),
    ("open ends", open_ends, "the (status|outputs|rules)"),
]  # fmt: skip


@pytest.mark.no_cover
def test_the_kit_passes_the_reference_itself() -> None:
    """So that whatever it says of another engine is about that engine."""
    check_backend(reference, examples=100)
    check_backend(reference, refuses=NotImplementedError, rules=False, examples=10)


@pytest.mark.no_cover
@pytest.mark.parametrize(("name", "engine", "said"), BROKEN_ENGINES, ids=[one[0] for one in BROKEN_ENGINES])
def test_the_kit_notices_an_engine_that_answers_otherwise(name: str, engine: Engine, said: str) -> None:
    """And names the record, the day and the program."""
    with pytest.raises(AssertionError, match=said) as caught:
        check_backend(engine, examples=200)
    text = str(caught.value)
    assert "program" in text or name == "in turn"
    assert "record = " in text or "compiling" in text or "not the same" in text


@pytest.mark.no_cover
def test_an_engine_without_rules_and_one_that_refuses_everything() -> None:
    """Rules are asked for only where they are offered; a refusal is no answer."""
    check_backend(changed(lambda answer: replace(answer, rules=())), rules=False, examples=20)
    with pytest.raises(AssertionError, match="refuses every program"):
        check_backend(fails_early, refuses=KeyError, examples=10)
    with pytest.raises(AssertionError, match="is pickled"):
        check_backend(reference, picklable=True, examples=10)


def test_the_example_engine_keeps_the_promises(stack: ModuleType) -> None:
    """Drawn programs, policies of a pack, pickles; what it cannot carry it refuses, and answers the rest."""
    pack = crm_rules.load(ROOT / "policies" / "sample-company")
    some = [pack["follow-up"], pack["credit-level"]]
    check_backend(stack.compile_stack, refuses=stack.RefusedError, policies=some, picklable=True, examples=60)
    check_backend(stack.compile_stack, refuses=stack.RefusedError, programs=programs(calls=True), examples=50)


def test_programs_of_ones_own_may_be_drawn() -> None:
    """A strategy of programs replaces the library's."""
    yes = OneOf((Constant(value=True, type=Boolean()),))
    column = Column("b", FieldValue("b"), Boolean())
    rows = (
        Row("yes", (yes,), (Constant(1, Integer()),)),
        Row("no", (ANYTHING,), (Constant(2, Integer()),), otherwise=True),
    )
    table = Table("rules", (column,), rows, (("n", Integer()),))
    output = Output("n", Integer(), StepValue("rules", "n"))
    program = Program("own", "1", "decision-table", (Field("b", Boolean()),), (), (table,), (output,))
    seen: list[Program] = []

    def compile_and_note(one: Program) -> Callable[[dict[str, Any], date | None], Answer]:
        seen.append(one)
        return reference(one)

    check_backend(compile_and_note, programs=st.just(program), examples=10)
    assert {one.id for one in seen} == {"own"}


# Packs


def test_the_starter_packs_keep_the_promises() -> None:
    """Those with blank parameters and those of a company."""
    check_pack(ROOT / "policies", examples=10)
    check_pack(ROOT / "policies" / "sample-company", examples=10, today=date(2026, 11, 21))


PACK = """\
policy: p
kind: decision-table
version: 1.0.0
fields: {n: {type: integer, min: 0, max: 9}}
output: {answer: {type: integer}}
rules: |
  | id   | n      | answer |
  | low  | <= 4   | 1      |
  | high | LOWEST | 2      |
"""
CASES = "policy: p\ncases:\n  - {name: one, record: {n: 1}, expect: {answer: EXPECTED}}\n"


@pytest.mark.parametrize(
    ("lowest", "expected", "said"),
    [(">= 6", "1", "`check` finds errors"), ("> 4", "2", "cases do not pass"), (">> 4", "1", "does not load")],
)
def test_the_kit_notices_a_pack_with_a_gap_a_failing_case_or_a_mistake(
    tmp_path: Path, lowest: str, expected: str, said: str
) -> None:
    """Each is told as the command line tells it."""
    (tmp_path / "p.yaml").write_text(PACK.replace("LOWEST", "> 4"), encoding="utf-8")
    (tmp_path / "p.cases.yaml").write_text(CASES.replace("EXPECTED", "1"), encoding="utf-8")
    check_pack(tmp_path, examples=10)
    (tmp_path / "p.yaml").write_text(PACK.replace("LOWEST", lowest), encoding="utf-8")
    (tmp_path / "p.cases.yaml").write_text(CASES.replace("EXPECTED", expected), encoding="utf-8")
    with pytest.raises(AssertionError, match=said) as caught:
        check_pack(tmp_path, examples=10)
    assert "p.yaml" in str(caught.value) or "p.cases.yaml" in str(caught.value)
