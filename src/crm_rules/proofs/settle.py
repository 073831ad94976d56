"""Open questions, put to the prover z3 where the extra `prove` is installed.

A box is open when its axes hang together and no record was found in it. The prover may say that there is none, or
give a record, which the reference evaluator has to confirm before anything is said of it. Whatever it
answers stays a note, because what `check` finds may not depend on what is installed.

Without the extra every question stays open. z3 is imported here, when there is a question, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from fractions import Fraction
from itertools import groupby
from typing import Any, Literal, TypeAlias

from crm_rules.dataclass import dataclass
from crm_rules.diagnostics import Witness
from crm_rules.ir.nodes import Constant, Expr, Value
from crm_rules.ir.numbers import decimals_of, fits
from crm_rules.ir.program import Program
from crm_rules.ir.rewrite import nodes_of
from crm_rules.ir.types import Money, Number
from crm_rules.proofs.translation import Translation
from crm_rules.questions.asked import Asked
from crm_rules.questions.sets import ValueSet
from crm_rules.questions.space import Space

MILLISECONDS = 1_000  # for one question
EFFORT = 3_000_000  # the prover's own count of steps, about a second: so that an answer does not depend on the machine
MOST_ASKED = 30  # questions about one table or law; one that stays without an answer counts for several
UNANSWERED = 8
MOST_DECIMALS = 6  # on which a record is looked for when the first one has a number without decimal form
INSTALL = '`pip install "crm-rules[prove]"` adds a prover, which may settle it'

Record: TypeAlias = Mapping[str, Value | None]
Wishes: TypeAlias = Mapping[Expr, ValueSet]


@dataclass(frozen=True, slots=True)
class Open:
    """A box in which no record was found: what is wished of one record on a day, or of two that differ in one field.

    `confirm` asks the evaluator about found records, and gives the first of them as a witness, or None. `claim`
    is a further formula, of what a computed output shall be; `words` say what a found record shows.
    """

    today: date | None
    wishes: tuple[Wishes, ...]
    confirm: Callable[..., Witness | None]
    words: str = ""
    claim: Callable[..., Any] | None = None
    differs: str = ""


@dataclass(frozen=True, slots=True)
class Settled:
    """`none`: no box has a record. `some`: `witness` is one. `open`: the prover does not know, or is absent."""

    verdict: Literal["none", "some", "open"]
    witness: Witness | None = None
    words: str = ""


STILL_OPEN = Settled("open")


def prover() -> Any:
    """The module z3, or None where the extra is not installed."""
    try:
        import z3  # noqa: PLC0415 - an extra, asked for by few
    except ImportError:
        return None
    return z3


def remedy() -> str:
    """What an author may do about an open question."""
    return "" if prover() is not None else INSTALL


def settle(program: Program, questions: Sequence[Open], left: list[int] | None = None) -> Settled:
    """Ask whether one of the boxes has a record; `program` is the normalised one that made them.

    `left` counts down the questions that may still be asked. Cost: some milliseconds a day, a few seconds at most.
    """
    left = [MOST_ASKED] if left is None else left
    z3 = prover()
    if z3 is None or not questions:
        return STILL_OPEN if questions else Settled("none")
    verdict = Settled("none")
    by_day = sorted(questions, key=lambda one: (one.today is not None, one.today or date.min))
    for today, some in groupby(by_day, key=lambda one: one.today):
        day = Day(z3, program, today, list(some), left)
        found = day.search(day.boxes)
        if found.verdict == "some":
            return found
        if found.verdict == "open":
            verdict = found
    return verdict


def wishes_of(here: Space, sets: Mapping[int, ValueSet], links: Wishes | None = None) -> Wishes:
    """What a box asks of expressions: sets by the place of their axis, and what earlier steps shall give."""
    return {**{here.axes[place].subject: some for place, some in sets.items()}, **(links or {})}


def witness_if(asked: Asked, today: date | None, holds: Callable[[Any], bool]) -> Callable[..., Witness | None]:
    """Confirms a record of whose evaluation something holds."""

    def confirm(values: Record) -> Witness | None:
        return asked.witness(values, today) if holds(asked.evaluate(values, today)) else None

    return confirm


class Day:
    """The open boxes of one day in a context of the prover of their own."""

    def __init__(self, z3: Any, program: Program, today: date | None, questions: list[Open], left: list[int]) -> None:
        self.z3, self.left = z3, left
        self.context = z3.Context()
        codes: dict[str, int] = {}
        count = max(len(one.wishes) for one in questions)
        self.records = tuple(
            Translation(z3, self.context, program, today, name=f"{place}.", codes=codes) for place in range(count)
        )
        self.decimals = min(MOST_DECIMALS, max((decimals_of(one) for one in constants(program)), default=0) + 2)
        self.boxes = [(one, self.formula(one)) for one in questions]

    def formula(self, question: Open) -> Any:
        """A box as a formula over its records."""
        first = self.records[0]
        parts = [
            record.within(record.of(expr), some)
            for record, wishes in zip(self.records, question.wishes, strict=False)
            for expr, some in wishes.items()
        ]
        if question.claim is not None:
            parts.append(question.claim(*self.records[: len(question.wishes)]))
        if question.differs:
            parts += self.differing(question.differs)
        return first.all_of(parts)

    def differing(self, field: str) -> list[Any]:
        """The second record is the first one with a larger value of one field."""
        one, other = self.records[:2]
        same = [
            part
            for name in one.fields
            if name != field
            for part in (
                one.fields[name].missing == other.fields[name].missing,
                one.any_of((one.fields[name].missing, one.equal(one.fields[name], other.fields[name]))),
            )
        ]
        low, high = one.fields[field], other.fields[field]
        return [*same, one.fails(low.missing), one.fails(high.missing), one.compare(high, low, strict=True)]

    def search(self, boxes: list[tuple[Open, Any]]) -> Settled:
        """Ask for a record in one of the boxes; where that is too much, for half of them."""
        answer, model = self.ask([self.records[0].any_of(formula for _, formula in boxes)])
        if answer == self.z3.unsat:
            return Settled("none")
        if answer == self.z3.unknown:
            if len(boxes) == 1 or self.left[0] <= 0:
                return STILL_OPEN
            middle = len(boxes) // 2
            first = self.search(boxes[:middle])
            if first.verdict == "some":
                return first
            second = self.search(boxes[middle:])
            return second if second.verdict == "some" or first.verdict == "none" else first
        true = (self.z3.is_true(model.eval(formula, model_completion=True)) for _, formula in boxes)
        place = next((place for place, holds in enumerate(true) if holds), 0)  # or a number without exact form hides it
        question, formula = boxes[place]
        witness = self.confirmed(question, model)
        if witness is None and self.left[0] > 0:
            answer, model = self.ask([formula, *self.on_grid()])
            if answer == self.z3.sat:
                witness = self.confirmed(question, model)
        if witness is not None:
            return Settled("some", witness, question.words)
        rest = boxes[:place] + boxes[place + 1 :]
        found = self.search(rest) if rest else STILL_OPEN
        return found if found.verdict == "some" else STILL_OPEN

    def ask(self, formulas: Iterable[Any]) -> tuple[Any, Any]:
        """One question: sat with a model, unsat, or unknown."""
        self.left[0] -= 1
        if self.left[0] < 0:
            return self.z3.unknown, None
        solver = self.z3.Solver(ctx=self.context)
        solver.set(timeout=MILLISECONDS, rlimit=EFFORT, random_seed=0)
        for record in self.records:
            solver.add(*record.facts)
        solver.add(*formulas)
        answer = solver.check()
        if answer == self.z3.unknown:
            self.left[0] -= UNANSWERED
        return answer, solver.model() if answer == self.z3.sat else None

    def confirmed(self, question: Open, model: Any) -> Witness | None:
        """A witness from a model, if a record can be made of it and the evaluator confirms it."""
        found: list[Record] = []
        for record in self.records[: len(question.wishes)]:
            values = record.values(model)
            if values is None or not all(is_fact(value) for value in values.values()):
                return None
            found.append(values)
        return question.confirm(*found)

    def on_grid(self) -> list[Any]:
        """All numbers have few decimals: a record of them can be written down."""
        scale = 10**self.decimals
        return [
            self.z3.IsInt(record.fields[name].value * scale)
            for record in self.records
            for name, domain in record.domains.items()
            if isinstance(domain.type, Number | Money) and domain.step is None
        ]


def is_fact(value: Value | None) -> bool:
    """True when a record may hold the value: not for a number without a decimal form."""
    return isinstance(value, bool) or not isinstance(value, int | Fraction) or fits(value)


def constants(program: Program) -> Iterable[int | Fraction]:
    """The numbers that are written in a program."""
    for node in nodes_of(program):
        if isinstance(node, Constant) and isinstance(node.value, int | Fraction) and not isinstance(node.value, bool):
            yield node.value
