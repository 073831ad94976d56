"""Laws: proven of all records, or refuted by a record or a pair of records, or neither.

A law over single records is looked for among the outcomes of the program with the law's condition as
one more table. A law over two records walks two copies of the program side by side, which take
the same pieces on every axis but that of the law's field. What a law forbids is shown by records that
the reference evaluator has confirmed; `not-proven` says why neither was possible.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from typing import Any, assert_never

from crm_rules.codes import diagnose
from crm_rules.diagnostics import Diagnostic, Witness
from crm_rules.ir.evaluate import Functions, Scope, parameter_values, passes, value_of
from crm_rules.ir.laws import Always, Bounded, Implies, InputCondition, Law, Monotone, Never, OutputCondition, Steps
from crm_rules.ir.nodes import Constant, Test, Value
from crm_rules.ir.program import Column, Output, Program, Row, Table
from crm_rules.ir.show import show_value
from crm_rules.ir.types import Boolean
from crm_rules.proofs.law_questions import of_record
from crm_rules.proofs.pair_laws import Pairs
from crm_rules.proofs.saying import stand_ins
from crm_rules.proofs.settle import Open
from crm_rules.proofs.verdicts import Proof, settled
from crm_rules.questions.asked import Asked
from crm_rules.questions.extent import extent
from crm_rules.questions.masks import Unfinished
from crm_rules.questions.running import is_expr
from crm_rules.questions.sets import (
    accepted,
)
from crm_rules.questions.space import Space
from crm_rules.questions.walk import Final, Walk, walk
from crm_rules.source import Span

WHEN = "law when"  # a space makes a name that no author can write
MOST_TRIES = 24


def law_findings(asked: Asked, own: Program) -> list[Diagnostic]:
    """A finding for every law of the policy that is refuted, a note for every one that is not proven."""
    found = [to_diagnostic(prove(asked, law), own) for law in asked.ready.written.laws]
    note = stand_ins(asked)
    return [one if one.witness is None else replace(one, note=note) for one in found if one is not None]


def prove(asked: Asked, law: Law) -> Proof:
    """Prove or refute one law of the program that is asked. Bounded like every walk."""
    if asked.ready.doubtful:
        names = ", ".join(dict.fromkeys(f"${name}" for found in asked.ready.doubtful.values() for name in found))
        return Proof(law, "not-proven", reason=f"{names} has no value")
    try:
        match law:
            case Monotone() | Steps():
                return Pairs(asked, law).prove()
            case Never() | Always() | Bounded() | Implies():
                return prove_single(asked, law)
            case _:
                assert_never(law)
    except Unfinished as signal:
        return Proof(law, "not-finished", reason=signal.reason)


def to_diagnostic(proof: Proof, own: Program) -> Diagnostic | None:
    """What `check` says of a law; nothing of a proven one."""
    law = proof.law
    span = law.span or own.span or Span("", 1, 1, 2)
    match proof.verdict:
        case "proven":
            return None
        case "refuted":
            return diagnose(
                "law-broken",
                span,
                f"the law `{law.text}` does not hold: {broken(proof)}",
                remedy="correct the rule that gives this outcome, or the law",
                witness=pair_of(proof.witnesses),
            )
        case "not-proven":
            message = f"the law `{law.text}` is not proven: {proof.reason}"
            witness = proof.witnesses[0] if proof.witnesses else None
            return diagnose("not-proven", span, message, remedy=proof.remedy, witness=witness)
        case "not-finished":
            return diagnose("not-finished", span, f"the law `{law.text}` was not looked at to the end: {proof.reason}")
        case _:
            assert_never(proof.verdict)


def pair_of(witnesses: tuple[Witness, ...]) -> Witness:
    """One record, or two as one witness."""
    first, *others = witnesses
    return replace(first, other=others[0].record) if others else first


def broken(proof: Proof) -> str:
    """What the records of a refuted law get, in words."""
    law = proof.law
    if isinstance(law, Monotone | Steps):
        first, second = (witness.record[law.field] for witness in proof.witnesses)
        gets, other = map(show_value, proof.found)
        return f"{law.output} is {gets} when {law.field} is {first}, and {other} when it is {second}"
    return "for the witness " + " and ".join(f"{name} is {show_value(value)}" for name, value in proof.found)


# Laws over one record


def prove_single(asked: Asked, law: Never | Always | Bounded | Implies) -> Proof:
    """Look for a record whose outcome the law forbids."""
    when = law.when if isinstance(law, Never | Always) else ()
    its = Asked(with_condition(asked.ready.written, when), asked.functions, asked.near) if when else asked
    forbidden = forbids(law, asked.ready.written, asked.functions)
    open_question = ""
    questions: list[Open] = []
    for here in its.spaces():
        walked = walk(here, watch=(WHEN,) if when else ())
        for final in walked.finals:
            outcome = final.outcomes[0]
            if outcome.status != "decided" or (when and not holds(outcome.watched[0])):
                continue
            values = dict(zip((output.name for output in its.ready.program.outputs), outcome.values, strict=True))
            possible = forbidden(values, here.today)
            if possible is False:
                continue
            found = confirmed(its, here, walked, final, law)
            if found is not None:
                return found
            if possible is None:
                open_question = open_question or "an output is computed from the record"
            else:
                open_question = open_question or f"no record was found for {', '.join(here.hanging)} taken together"
            confirm = partial(witness_of, its, here.today, law)
            questions += of_record(here, walked, final, law, values, confirm=confirm)
    return settled(law, its.ready.program, questions, open_question)


def holds(watched: tuple[Any, ...]) -> bool:
    """True when the row of the law's condition matched."""
    return bool(watched and watched[0] is not None and watched[-1] != () and watched[1] not in {(None,), ()})


def with_condition(program: Program, when: Sequence[InputCondition]) -> Program:
    """The program with the condition of a law as one more table."""
    columns = tuple(Column(one.name, one.subject, one.type) for one in when)
    row = Row("when", tuple(one.test for one in when), (Constant(True, Boolean()),))  # noqa: FBT003 - the value itself
    table = Table(WHEN, columns, (row,), (("holds", Boolean()),), "first", optional=True)
    return replace(program, steps=(*program.steps, table), laws=())


def forbids(
    law: Never | Always | Bounded | Implies, program: Program, functions: Functions
) -> Callable[[Mapping[str, Any], date | None], bool | None]:
    """Whether outputs break a law: True, False, or None where a computed output leaves it open."""
    outputs = {output.name: output for output in program.outputs}

    def passing(conditions: Iterable[OutputCondition], values: Mapping[str, Any], today: date | None) -> bool | None:
        return all_of(one_passes(outputs[one.output], one.test, values[one.output], today) for one in conditions)

    def one_passes(output: Output, test: Test, value: Any, today: date | None) -> bool | None:
        scope = Scope({}, parameter_values(program, today), today, {}, functions)
        if not is_expr(value):
            return passes(test, value, scope)
        reach = extent(value, program, today)
        some = accepted(test, output.type, lambda expr: value_of(expr, scope))
        if not reach - some:
            return True
        return None if reach & some else False

    def answer(values: Mapping[str, Any], today: date | None) -> bool | None:
        match law:
            case Never(outcome):
                return passing(outcome, values, today)
            case Always(outcome):
                return negated(passing(outcome, values, today))
            case Bounded(name):
                return negated(one_passes(outputs[name], law.test, values[name], today))
            case Implies(outcome, then):
                return all_of((passing(outcome, values, today), negated(passing(then, values, today))))
            case _:
                assert_never(law)

    return answer


def all_of(answers: Iterable[bool | None]) -> bool | None:
    """True when all are, False when one is, else open."""
    known = list(answers)
    return False if False in known else None if None in known else True


def negated(answer: bool | None) -> bool | None:  # noqa: FBT001 - an answer, not a switch
    """The opposite; what is open stays open."""
    return None if answer is None else not answer


def confirmed(
    asked: Asked, here: Space, walked: Walk, final: Final, law: Never | Always | Bounded | Implies
) -> Proof | None:
    """A record of a final state for which the evaluator says that the law is broken."""
    for box in walked.boxes(final, MOST_TRIES):
        values = asked.values(here, walked.sets(box))
        if values is not None and (found := refuted(asked, here.today, law, values)) is not None:
            return found
    return None


def refuted(
    asked: Asked, today: date | None, law: Never | Always | Bounded | Implies, values: Mapping[str, Value | None]
) -> Proof | None:
    """The refutation by a record, if the evaluator confirms it."""
    found = asked.evaluate(values, today)
    forbidden = forbids(law, asked.ready.written, asked.functions)
    if found.status != "decided" or forbidden(found.outputs, today) is not True:
        return None
    if WHEN in found.steps and not found.steps[WHEN].rows:
        return None
    witness = asked.witness(values, today)
    return Proof(law, "refuted", (witness,), tuple((name, found.outputs[name]) for name in outputs_of(law)))


def witness_of(
    asked: Asked, today: date | None, law: Never | Always | Bounded | Implies, values: Mapping[str, Value | None]
) -> Witness | None:
    """The record itself, if it breaks the law."""
    found = refuted(asked, today, law, values)
    return None if found is None else found.witnesses[0]


def outputs_of(law: Never | Always | Bounded | Implies) -> tuple[str, ...]:
    """The outputs that a law speaks of."""
    match law:
        case Never(outcome) | Always(outcome):
            conditions: tuple[OutputCondition, ...] = outcome
        case Implies(outcome, then):
            conditions = (*outcome, *then)
        case Bounded(name):
            return (name,)
        case _:
            assert_never(law)
    return tuple(dict.fromkeys(one.output for one in conditions))
