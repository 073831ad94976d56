"""What a comparison of two versions gives: regions of records whose answer changes, each with a counterexample.

A region is told by boxes in an author's words and by the answers on both sides. Its counterexample was
decided by both versions. How regions are found is the business of `crm_rules.proofs.differences`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, TypeAlias

from crm_rules.dataclass import dataclass
from crm_rules.diagnostics import Witness


@dataclass(frozen=True, slots=True)
class Answer:
    """What one version answers: the status, the outputs when it is `decided`, and the rules that held.

    The last rule decided. The rules of a required policy are called `policy-id/rule`.
    """

    status: str
    outputs: tuple[tuple[str, Any], ...] = ()
    rules: tuple[str, ...] = ()


Decide: TypeAlias = Callable[[Mapping[str, Any], date | None], Answer]


@dataclass(frozen=True, slots=True)
class Formula:
    """An output that is computed from the record, and how on either side."""

    output: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Region:
    """Records whose answer changes in one way: where they lie, both answers, and one of them.

    `boxes` are alternatives, each in words; `left_out` counts those that are not listed. The answers are
    those for the witness. Where an output is computed from the record, `formulas` has it, the answers differ
    from record to record, and some records of the boxes may get the same value by both formulas.
    """

    boxes: tuple[str, ...]
    before: Answer
    after: Answer
    witness: Witness
    left_out: int = 0
    formulas: tuple[Formula, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a comparison found: regions, reasons why the answers are never the same, notes on what is not known."""

    regions: tuple[Region, ...] = ()
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    left_out: int = 0

    @property
    def equivalent(self) -> bool | None:
        """True when no answer differs; None when that is not known."""
        if self.regions or self.reasons:
            return False
        return None if self.notes else True
