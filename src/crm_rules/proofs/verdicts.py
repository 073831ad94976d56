"""What became of a law, and what the prover makes of one that is open."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from crm_rules.dataclass import dataclass
from crm_rules.diagnostics import Witness
from crm_rules.ir.laws import Law
from crm_rules.ir.program import Program
from crm_rules.proofs.settle import Open, remedy, settle

Verdict = Literal["proven", "refuted", "not-proven", "not-finished"]


@dataclass(frozen=True, slots=True)
class Proof:
    """What became of a law: refuted ones have a record, or two that differ in the law's field alone."""

    law: Law
    verdict: Verdict
    witnesses: tuple[Witness, ...] = ()
    found: tuple[Any, ...] = ()
    reason: str = ""
    remedy: str = ""


def settled(law: Law, program: Program, questions: Sequence[Open], open_question: str) -> Proof:
    """What the prover makes of a law about which questions are open."""
    answer = settle(program, questions)
    if answer.verdict == "none":
        return Proof(law, "proven")
    if answer.witness is not None:
        return Proof(law, "not-proven", (answer.witness,), reason="the prover found a record that breaks it")
    return Proof(law, "not-proven", reason=open_question, remedy=remedy())
