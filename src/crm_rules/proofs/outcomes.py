"""The findings that need the whole program: totals without a band, outcomes that nobody gets.

One walk a day through all tables gives every total that can occur and every outcome, each with a
box of records that leads to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from crm_rules.codes import diagnose
from crm_rules.diagnostics import Diagnostic, Label, Witness
from crm_rules.ir.evaluate import Evaluation
from crm_rules.ir.nodes import Constant, Expr, Nothing, StepValue
from crm_rules.ir.numbers import show_number
from crm_rules.ir.program import Output, Program, Table, Total
from crm_rules.ir.types import Choice
from crm_rules.proofs.saying import listed
from crm_rules.proofs.settle import Open, remedy, settle, wishes_of, witness_if
from crm_rules.questions.asked import Asked
from crm_rules.questions.masks import Unfinished
from crm_rules.questions.running import is_expr
from crm_rules.questions.sets import ValueSet, point, union
from crm_rules.questions.space import Space
from crm_rules.questions.walk import Final, Walk, walk

MOST_TRIES = 12
MOST_BOXES = 200  # of a final state that the prover is asked about
MOST_FINDINGS = 8


class Outcomes:
    """What the whole program can answer on each day; a walk that is not finished leaves `stopped` and nothing else."""

    def __init__(self, asked: Asked, own: Program) -> None:
        self.asked = asked
        self.own = own
        self.totals = tuple(step for step in own.steps if isinstance(step, Total))
        self.walks: list[tuple[Space, Walk]] = []
        self.stopped: Unfinished | None = None
        self.kept: dict[int, Any] = {}
        try:
            for here in asked.spaces():
                self.walks.append((here, walk(here, watch=tuple(total.id for total in self.totals))))
        except Unfinished as signal:
            self.stopped = signal
            self.walks = []

    def finals(self) -> Iterator[tuple[Space, Walk, Final]]:
        """Every final state of every day."""
        for here, walked in self.walks:
            for final in walked.finals:
                yield here, walked, final

    def reached(self) -> dict[Expr, ValueSet]:
        """The totals that can occur, as sets by the expression that names them."""
        if not self.walks:
            return {}
        found: dict[Expr, list[ValueSet]] = {}
        for _, _, final in self.finals():
            for total, watched in zip(self.totals, final.outcomes[0].watched, strict=True):
                if is_decided(watched):
                    found.setdefault(StepValue(total.id, total.output), []).append(point(watched[0]))
        return {expr: union(sets) for expr, sets in found.items()}

    # Bands

    def bands(self, table: Table, names: Mapping[int, str]) -> Iterator[Diagnostic]:
        """Totals that no band takes, or several; each run of neighbouring totals is one finding."""
        missed: dict[str, dict[Any, list[tuple[Space, Walk, Final]]]] = {}
        for here, walked, final in self.finals():
            outcome = final.outcomes[0]
            total = outcome.watched[0]
            if outcome.cause == table.id and is_decided(total):
                missed.setdefault(outcome.status, {}).setdefault(total[0], []).append((here, walked, final))
        everything = sorted(
            {
                final.outcomes[0].watched[0][0]
                for _, _, final in self.finals()
                if is_decided(final.outcomes[0].watched[0])
            }
        )
        questions: list[Open] = []
        for status, totals in missed.items():
            for total, finals in tuple(totals.items()):
                if not any(here.has_computed_axes for here, _, _ in finals):
                    continue
                if self.first_witness(finals, table, status) is None:  # it may be that the total never occurs
                    questions += self.questions(finals, table, status)
                    del totals[total]
            for run in runs(sorted(totals), everything):
                found = (self.first_witness(totals[total], table, status) for total in run)
                witness = next((one for one in found if one is not None), None)
                words = show_number(run[0]) if len(run) == 1 else f"{show_number(run[0])} to {show_number(run[-1])}"
                totals_word = "the total" if len(run) == 1 else "the totals"
                span: Any = table.span or self.own.span
                if status == "no_match":
                    share = f"; totals from {show_number(everything[0])} to {show_number(everything[-1])} can occur"
                    yield diagnose(
                        "band-gap", span, f"no band takes {totals_word} {words}{share}",
                        remedy="widen a band, or write one for the rest: `otherwise`", witness=witness,
                    )  # fmt: skip
                else:
                    holding = [] if witness is None else list(self.rows(witness, table))
                    names_held = listed(f"`{names[index]}`" for index in holding)
                    spans = [table.rows[index].span for index in holding]
                    labels = tuple(
                        Label(one, f"`{names[index]}` takes it too")
                        for index, one in zip(holding[:-1], spans, strict=False)
                        if one
                    )
                    at = spans[-1] if spans and spans[-1] else span
                    yield diagnose(
                        "band-overlap", at, f"{names_held} both take {totals_word} {words}",
                        remedy="let the border belong to one of them", labels=labels, witness=witness,
                    )  # fmt: skip

        yield from self.open_bands(questions, table)

    def open_bands(self, questions: list[Open], table: Table) -> Iterator[Diagnostic]:
        """A note where totals without one band may not occur; none when the prover says that they do not."""
        settled = settle(self.asked.ready.program, questions)
        if settled.verdict != "none":
            names = dict.fromkeys(name for here, _ in self.walks for name in here.joint)
            found = "the prover found a record that no band takes alone"
            told = found if settled.verdict == "some" else "it is not proven that one band takes every total"
            span: Any = table.span or self.own.span
            message = f"the totals of `{table.id}` come from values that hang together through {listed(names)}; {told}"
            help_ = remedy() if settled.verdict == "open" else ""
            yield diagnose("not-proven", span, message, remedy=help_, witness=settled.witness)

    def questions(self, finals: list[tuple[Space, Walk, Final]], table: Table, status: str) -> Iterator[Open]:
        """Whether a record leads to one of the final states, for the prover."""

        def holds(found: Evaluation) -> bool:
            return found.steps[table.id].status == status and found.steps[table.id].cause == table.id

        for here, walked, final in finals:
            confirm = witness_if(self.asked, here.today, holds)
            boxes = list(walked.boxes(final, MOST_BOXES))
            for box in boxes if len(boxes) < MOST_BOXES else [{}]:  # too many: any record
                yield Open(here.today, (wishes_of(here, walked.sets(box)),), confirm)

    def first_witness(self, finals: list[tuple[Space, Walk, Final]], table: Table, status: str) -> Witness | None:
        """A record that leads to one of the final states."""
        return next((one for final in finals if (one := self.witness(*final, table, status))), None)

    def rows(self, witness: Witness, table: Table) -> tuple[int, ...]:
        """The rows of a table that a witness matches."""
        values = self.kept[id(witness)]
        return self.asked.evaluate(values, witness.today).steps[table.id].rows

    def witness(self, here: Space, walked: Walk, final: Final, table: Table, status: str) -> Witness | None:
        """A record that leads to a final state, confirmed by the evaluator."""
        for box in walked.boxes(final, MOST_TRIES):
            values = self.asked.values(here, walked.sets(box))
            if values is None:
                continue
            found = self.asked.evaluate(values, here.today)
            if found.status == status and found.steps[table.id].status == status:
                witness = self.asked.witness(values, here.today)
                self.kept[id(witness)] = values
                return witness
        return None

    # Outcomes

    def unreachable(self) -> Iterator[Diagnostic]:
        """Declared values of an output that no record can get."""
        for place, output in enumerate(self.own.outputs):
            found = {
                final.outcomes[0].values[place]
                for _, _, final in self.finals()
                if final.outcomes[0].status == "decided"
            }
            if not any(is_expr(value) for value in found):
                yield from never_given(output, found, self.own)


def of_rows(own: Program, table: Table, dead: frozenset[int]) -> Iterator[Diagnostic]:
    """The same for a program of one table: what its rows give, those left out that never decide."""
    names = [name for name, _ in table.outputs]
    for output in own.outputs:
        if not isinstance(output.expr, StepValue) or output.expr.step != table.id:
            continue
        place = names.index(output.expr.output)
        exprs = [row.outputs[place] for index, row in enumerate(table.rows) if index not in dead]
        if all(isinstance(expr, Constant | Nothing) for expr in exprs):
            yield from never_given(output, {getattr(expr, "value", None) for expr in exprs}, own)


def never_given(output: Output, found: set[Any], own: Program) -> Iterator[Diagnostic]:
    """The finding of the declared choices that are not among the values found."""
    one_of = output.type.one_of if isinstance(output.type, Choice) else ()
    missed = [value for value in one_of if value not in found]
    if missed:
        yield unreachable_outcome(output, missed, own)


def unreachable_outcome(output: Output, missed: list[str], own: Program) -> Diagnostic:
    """The finding of the declared values that no record gets."""
    values = listed(f"`{value}`" for value in missed)
    span: Any = output.span or own.span
    return diagnose(
        "unreachable-outcome",
        span,
        f"no record can get {output.name} {values}",
        remedy="write the rule that gives it, or remove it from `one_of`",
    )


def is_decided(watched: tuple[Any, ...]) -> bool:
    """True when a watched total has a value."""
    return bool(watched) and not isinstance(watched[0], str) and not is_expr(watched[0])


def runs(some: list[Any], everything: list[Any]) -> Iterator[list[Any]]:
    """The values in runs that are not interrupted by other values that occur."""
    place = {value: index for index, value in enumerate(everything)}
    run: list[Any] = []
    for value in some:
        if run and place[value] != place[run[-1]] + 1:
            yield run
            run = []
        run.append(value)
    if run:
        yield run
