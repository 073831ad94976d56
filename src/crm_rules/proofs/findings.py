"""The findings of one program: records that it leaves undecided or decides twice, and rules that decide nothing.

The tables of the policy itself are looked at, each over all records of the whole chain; those of required
policies have findings of their own. Every witness was confirmed by the reference evaluator.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from crm_rules.codes import diagnose
from crm_rules.diagnostics import Diagnostic
from crm_rules.ir.nodes import Expr
from crm_rules.ir.program import Program, Table, Total
from crm_rules.proofs.cells import idle_columns, out_of_range
from crm_rules.proofs.laws import law_findings
from crm_rules.proofs.outcomes import Outcomes, of_rows
from crm_rules.proofs.saying import listed
from crm_rules.proofs.tables import TableFindings
from crm_rules.questions.asked import Asked
from crm_rules.questions.masks import Unfinished
from crm_rules.questions.sets import ValueSet
from crm_rules.source import Span


def check_program(
    program: Program, own: Program, functions: Mapping[str, Callable[..., Any]], near: date | None = None
) -> list[Diagnostic]:
    """The findings of a program with its chain inlined; `own` is the policy itself, whose places are reported.

    `near` is the day that witnesses prefer. Cost: some milliseconds for an ordinary policy; bounded
    for any, with a note `not-finished` where the bound was met.
    """
    asked = Asked(program, functions, near)
    checking = Checking(asked, own)
    return checking.run()


class Checking:
    """The findings of one policy on their way."""

    def __init__(self, asked: Asked, own: Program) -> None:
        self.asked = asked
        self.own = own
        self.found: list[Diagnostic] = []

    def run(self) -> list[Diagnostic]:
        """All findings."""
        doubtful = self.asked.ready.doubtful
        if doubtful:
            self.blank()
        linked = len(self.own.tables) > 1 or any(isinstance(step, Total) for step in self.own.steps)
        outcomes = Outcomes(self.asked, self.own) if linked and not doubtful else None
        if outcomes is not None and outcomes.stopped is not None:
            self.not_finished("the outcomes", outcomes.stopped)
        followed = not self.asked.days.inexact  # so that what never happens is known
        reached = {} if outcomes is None or not followed else outcomes.reached()
        for table in self.own.tables:
            if table.id not in doubtful:
                self.table(table, outcomes, reached)
        if outcomes is not None and outcomes.walks and followed:
            self.found += outcomes.unreachable()
        self.found += law_findings(self.asked, self.own)
        self.moving()
        return list(dict.fromkeys(self.found))

    def table(self, table: Table, outcomes: Outcomes | None, reached: Mapping[Expr, ValueSet]) -> None:
        """The findings of one table."""
        findings = TableFindings(self.asked, self.own, table, reached)
        self.found += findings.run()
        self.found += out_of_range(self.asked, self.own, table)
        if table.role == "band" and outcomes is not None:
            self.found += outcomes.bands(table, dict(enumerate(findings.names)))
        if findings.finished and not self.asked.days.inexact:
            try:
                if table.role == "table":
                    self.found += idle_columns(table, self.own, findings.views, findings.boxes)
            except Unfinished as signal:
                self.not_finished(f"the columns of `{table.id}`", signal)
            if len(self.own.tables) == 1 and outcomes is None:
                self.found += of_rows(self.own, table, findings.dead)

    @property
    def place(self) -> Span:
        """Where the policy begins."""
        return self.own.span if self.own.span is not None else Span("", 1, 1, 2)

    def blank(self) -> None:
        """Say which parameters keep something from being proven."""
        names = dict.fromkeys(name for found in self.asked.ready.doubtful.values() for name in found)
        shown = listed(f"`${name}`" for name in names)
        has, it = ("has", "it") if len(names) == 1 else ("have", "them")
        message = f"{shown} {has} no value, so what depends on {it} is not proven"
        remedy = "give the values, or state their order: `parameter_order: $low < $high`"
        self.found.append(diagnose("blank", self.place, message, remedy=remedy))

    def not_finished(self, what: str, signal: Unfinished) -> None:
        """Say that a search was stopped, and over which fields."""
        over = f" over {listed(signal.fields)}" if signal.fields else ""
        self.found.append(
            diagnose(
                "not-finished",
                self.place,
                f"{what} were not looked at to the end: {signal.reason}{over}",
                remedy="split the policy, or test fewer fields together",
            )
        )

    def moving(self) -> None:
        """Say which columns move with the day in a way that is not followed."""
        for name in self.asked.days.inexact:
            message = f"how `{name}` changes with the day is not followed, so there may be more findings on other days"
            self.found.append(diagnose("not-proven", self.place, message))
