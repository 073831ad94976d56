"""The cells on which a failing case turns, as labels at their places in the policy file.

For the rule that was expected, the cells that failed; for the rule that held instead, the cells of
the same columns; each with the value and the border. For a record that was not accepted, the facts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from crm_rules.backends.prose_case import Cell, Story, known_value
from crm_rules.cases.reading import Case
from crm_rules.decision import Decision
from crm_rules.diagnostics import Label
from crm_rules.ir.evaluate import Evaluation, StepResult, passes
from crm_rules.ir.nodes import Anything
from crm_rules.ir.numbers import to_fact
from crm_rules.ir.program import Row, Table
from crm_rules.source import Span


def decisive_labels(case: Case, decision: Decision) -> Iterator[Label]:
    """What to look at in a case that failed."""
    for problem in decision.problems:
        if problem.code == "blank":
            yield from blank_labels(decision, problem.field)
        else:
            place = case.place(
                f"given.{problem.field}" if f"given.{problem.field}" in case.places else f"record.{problem.field}"
            )
            yield Label(place, f"{problem.field}: found {problem.found}, expected {problem.expected}")
    for _, required in decision.required:
        if required.status != "decided":
            yield from decisive_labels(case, required)
    evaluation = decision.evaluation()
    if evaluation is not None:
        yield from _Turn(case, decision, evaluation).labels()


def blank_labels(decision: Decision, name: str) -> Iterator[Label]:
    """Where a blank parameter is declared."""
    for parameter in decision.program.parameters:
        if name == f"{decision.program.id}.${parameter.name}" and parameter.span is not None:
            yield Label(parameter.span, "this parameter has no value")


class _Turn:
    """One decided or undecided case and the tables it went through."""

    def __init__(self, case: Case, decision: Decision, evaluation: Evaluation) -> None:
        self.case = case
        self.decision = decision
        self.evaluation = evaluation
        self.program = decision.program
        self.story = Story(decision.case(), "en", sensitive=True)

    def labels(self) -> Iterator[Label]:
        """The decisive cells of every table that is not as expected."""
        found = [label for table in self.program.tables for label in self.table_labels(table)]
        if not found and self.decision.rules:
            found = [
                Label(row.span, self.gives(table, row))
                for name, table, row in self.program.rules()
                if name == self.decision.rules[-1] and row.span is not None
            ]
        yield from found

    def table_labels(self, table: Table) -> Iterator[Label]:
        """Expected rules that failed, and those that held instead."""
        result = self.evaluation.steps[table.id]
        if len(result.subjects) != len(table.columns):
            return  # an earlier step is undecided, so nothing was tested here
        matched = [table.rows[index] for index in result.rows]
        wanted = self.wanted(table, result)
        if result.status == "conflict" and self.case.status != "conflict":
            for row in matched:
                yield from self.holding(table, row, result, f"`{self.program.rule_id(table, row)}` holds", None)
            return
        columns: set[int] = set()
        failed = [row for row in wanted if row not in matched]
        for row in failed:
            name = self.program.rule_id(table, row)
            for index, cell, held in cells(table, row, result, self.story):
                if not held:
                    columns.add(index)
                    yield from label(row, index, f"`{name}` fails here: {self.story.failing(cell)}")
        surplus = [row for row in matched if row not in wanted] if failed or self.is_surplus(table) else []
        for row in surplus:
            words = (
                f"`{self.program.rule_id(table, row)}` holds instead"
                if failed
                else f"`{self.program.rule_id(table, row)}` holds"
            )
            yield from self.holding(table, row, result, words, columns)

    def wanted(self, table: Table, result: StepResult) -> list[Row]:
        """The rules of a table that were expected: named by the case, or the nearest with its outputs."""
        if self.case.rules is not None and self.case.rules != self.decision.rules:
            return [row for row in table.rows if self.program.rule_id(table, row) in self.case.rules]
        names = [name for name, _ in table.outputs]
        differing = [
            name
            for name in names
            if name in self.case.expect and self.decision.outputs.get(name) != self.case.expect[name]
        ]
        undecided = self.decision.status == "no_match" and result.status == "no_match"
        if not differing or (self.case.status != "decided" and not undecided):
            rows = list(table.rows) if undecided and self.case.status == "decided" else []
        else:
            rows = [
                row
                for row in table.rows
                if all(self.output(row, names.index(name)) == self.case.expect[name] for name in differing)
            ]
        rows = [row for row in rows if not row.otherwise]
        nearest = min(
            rows, key=lambda row: sum(not held for _, _, held in cells(table, row, result, self.story)), default=None
        )
        return [] if nearest is None else [nearest]

    def output(self, row: Row, index: int) -> Any:
        """What a rule gives to an output, as an application receives it."""
        return to_fact(known_value(row.outputs[index], self.story.scope))

    def is_surplus(self, table: Table) -> bool:
        """True when the rule of this table decided and was not expected to."""
        if self.case.rules is not None and self.case.rules != self.decision.rules:
            return True
        name = self.decision.rules[-1] if self.decision.rules else ""
        return any(name == self.program.rule_id(table, row) for row in table.rows)

    def holding(
        self, table: Table, row: Row, result: StepResult, words: str, columns: set[int] | None
    ) -> Iterator[Label]:
        """The cells of a rule that held, of the columns asked for where it tests any of them."""
        tested = list(cells(table, row, result, self.story))
        chosen = [found for found in tested if columns and found[0] in columns] or tested
        for index, cell, _ in chosen:
            yield from label(row, index, f"{words}: {self.story.holding(cell)}")
        if not chosen and row.span is not None:
            yield Label(row.span, f"{words}, {self.gives(table, row)}")

    def gives(self, table: Table, row: Row) -> str:
        """`gives grade = B`."""
        return f"gives {self.story.outputs(table, row)}"


def cells(table: Table, row: Row, result: StepResult, story: Story) -> Iterator[tuple[int, Cell, bool]]:
    """The cells of a rule that ask for something, by column, and whether each held."""
    if row.otherwise:
        return
    for index, (column, test, value) in enumerate(zip(table.columns, row.tests, result.subjects, strict=True)):
        if not isinstance(test, Anything):
            yield index, Cell(column, test, value), passes(test, value, story.scope)


def label(row: Row, index: int, text: str) -> Iterator[Label]:
    """A label at a cell of a rule, or at its name where the cell is not known."""
    span: Span | None = row.cells[index] if index < len(row.cells) else row.span
    if span is not None:
        yield Label(span, text)
