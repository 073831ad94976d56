"""What an explanation is made from, and the questions that every part of it asks of a program.

A `Case` is one decision with all that it saw. A `Story` is a case in one language: how a column is
called, how its value is shown, which cells of a rule fail. It knows no kind of policy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import field, replace
from datetime import date
from functools import cached_property
from typing import Any

from crm_rules.backends.prose_values import in_language, show_value, test_in_words
from crm_rules.backends.prose_words import Language, say
from crm_rules.dataclass import dataclass
from crm_rules.ir.evaluate import (
    Evaluation,
    Functions,
    Scope,
    StepResult,
    Undecided,
    parameter_values,
    passes,
    value_of,
)
from crm_rules.ir.nodes import (
    Anything,
    Expr,
    FieldValue,
    IsMissing,
    IsPresent,
    OneOf,
    ParameterValue,
    StepValue,
    Test,
    Value,
    Within,
)
from crm_rules.ir.numbers import Exact, reduced
from crm_rules.ir.program import Column, Derive, Field, Label, Output, Program, Row, Step, Table, Total
from crm_rules.ir.record import Problem
from crm_rules.ir.types import Number, is_numeric
from crm_rules.ir.typing import children


@dataclass(frozen=True, slots=True)
class Reason:
    """One entry of why, the same shape for all kinds of policy.

    `code` is the rule's own reason code, or says what happened (`rule`, `missing`, `gap`, …). `value` is
    what `field` was, as an application receives it; `border` the cell that held, or what was expected.
    `points_lost` are the weighted points short of the best of a characteristic, on the first of its
    entries only, so that they add up.
    """

    code: str
    rule: str
    step: str
    field: str
    value: Any
    border: str
    points_lost: Any
    label: Label


@dataclass(frozen=True, slots=True)
class Advice:
    """The nearest way to an outcome: for each field to change its value now and what is asked of it; None: no way."""

    output: Output
    value: Value | None
    changes: tuple[tuple[Field, Value | None, Test], ...] | None


@dataclass(frozen=True, slots=True)
class Outlook:
    """What may still become of a case: ways to better outcomes, or what is possible and on which fields it hangs."""

    advice: tuple[Advice, ...] = ()
    outcomes: tuple[tuple[tuple[Output, Value | None], ...], ...] = ()
    undecided: bool = False
    fields: tuple[Field, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """One decision with all that it saw; `evaluation` is None when there was nothing to evaluate."""

    program: Program
    status: str
    facts: Mapping[str, Any]
    values: Mapping[str, Value | None]
    evaluation: Evaluation | None
    problems: tuple[Problem, ...]
    today: date | None
    requires: tuple[tuple[str, Case], ...] = ()
    blank: tuple[str, ...] = ()
    functions: Functions = field(default_factory=dict)
    outlook: Outlook = Outlook()

    @property
    def scope(self) -> Scope:
        """What the expressions of the program could see."""
        steps = self.evaluation.steps if self.evaluation is not None else {}
        return Scope(self.values, parameter_values(self.program, self.today), self.today, steps, self.functions)


@dataclass(frozen=True, slots=True)
class Cell:
    """One tested value of a rule, with the test."""

    column: Column
    test: Test
    value: Value | None


def cells_of(table: Table, row: Row, result: StepResult) -> tuple[Cell, ...]:
    """The cells of a rule that ask for something."""
    found = map(Cell, table.columns, row.tests, result.subjects)
    return tuple(cell for cell in found if not isinstance(cell.test, Anything))


def failing_cells(table: Table, row: Row, result: StepResult, scope: Scope) -> tuple[Cell, ...]:
    """The cells of a rule that the record does not pass."""
    return tuple(cell for cell in cells_of(table, row, result) if not passes(cell.test, cell.value, scope))


def known_value(expr: Expr, scope: Scope) -> Value | None:
    """The value of an expression; None when it is missing or undecided."""
    try:
        return value_of(expr, scope)
    except Undecided:
        return None


def nearest_row(table: Table, result: StepResult, scope: Scope) -> Row | None:
    """The rule with the fewest failing cells, the first of them."""
    rows = [row for row in table.rows if not row.otherwise]
    return min(rows, key=lambda row: len(failing_cells(table, row, result, scope)), default=None)


def weights(program: Program) -> dict[str, Exact]:
    """The weight of each table whose points are summed."""
    return {table: weight for step in program.steps if isinstance(step, Total) for table, weight in step.terms}


def best_points(table: Table, weight: Exact, scope: Scope) -> Exact:
    """The most weighted points that a rule of a characteristic gives."""
    found: list[Any] = [known_value(row.outputs[0], scope) for row in table.rows]
    return reduced(max((weight * points for points in found if points is not None), default=0))


def needed_tables(expr: Expr) -> tuple[StepValue, ...]:
    """The steps that an output comes from, the first that has a value counting; empty for anything else."""
    match expr:
        case StepValue():
            return (expr,)
        case _:
            operands: tuple[Expr, ...] = getattr(expr, "operands", ())
            steps = tuple(operand for operand in operands if isinstance(operand, StepValue))
            return steps if len(steps) == len(operands) else ()


def is_one_sided(test: Test) -> bool:
    """True for a test with a single border."""
    return isinstance(test, Within) and (test.low is None or test.high is None)


def mentioned(node: object) -> Iterator[str]:
    """The names of the fields that a step or an expression reads."""
    if isinstance(node, FieldValue):
        yield node.name
    elif isinstance(node, tuple):
        for item in node:
            yield from mentioned(item)
    elif hasattr(node, "__dataclass_fields__"):
        for name in node.__dataclass_fields__:
            yield from mentioned(getattr(node, name))


class Story:
    """A case in one language."""

    def __init__(self, case: Case, lang: Language, *, sensitive: bool = False) -> None:
        self.case = case
        self.lang = lang
        self.program = case.program
        self.sensitive = sensitive

    def of_required(self, case: Case) -> Story:
        """The story of a required decision, as open as this one."""
        return Story(case, self.lang, sensitive=self.sensitive)

    @cached_property
    def hidden(self) -> frozenset[str]:
        """The sensitive fields and the steps derived from them, whose values are not shown."""
        if self.sensitive:
            return frozenset()
        found = {one.name for one in self.program.fields if one.sensitive}
        for step in self.program.steps:
            if isinstance(step, Derive) and self.reads(step.expr, found):
                found.add(step.id)
        return frozenset(found)

    def reads(self, expr: Expr, names: AbstractSet[str]) -> bool:
        """True when an expression reads one of these fields or derived steps."""
        derived = isinstance(expr, StepValue) and expr.step == expr.output and expr.step in names
        return derived or not names.isdisjoint(mentioned(expr)) or any(self.reads(one, names) for one in children(expr))

    @cached_property
    def scope(self) -> Scope:
        """What the expressions of the program could see."""
        return self.case.scope

    @cached_property
    def results(self) -> Mapping[str, StepResult]:
        """What each step saw and gave; empty where nothing was evaluated."""
        return {} if self.case.evaluation is None else self.case.evaluation.steps

    @cached_property
    def fields(self) -> dict[str, Field]:
        """The declared fields by name."""
        return {one.name: one for one in self.program.fields}

    @cached_property
    def steps(self) -> dict[str, Step]:
        """The steps by id."""
        return {step.id: step for step in self.program.steps}

    def say(self, key: str, **parts: object) -> str:
        """The words of `key`."""
        return say(self.lang, key, **parts)

    def label(self, label: Label) -> str:
        """A label in the language, in the other one, or nothing."""
        return in_language(label, self.lang)

    # Names

    def column_name(self, column: Column) -> str:
        """What a column tests, in words, else its heading."""
        match column.subject:
            case FieldValue(name):
                return self.field_label(self.fields[name]) or name
            case StepValue(step, output):
                match self.steps[step]:
                    case Derive(label=label):
                        return self.label(label) or step
                    case Total():
                        return self.say("total-name")
                    case Table():
                        source = self.source_of(column.subject)
                        return (self.label(source.label) if source is not None else "") or output
            case _:
                pass
        return column.name

    def field_label(self, one: Field) -> str:
        """The label of a field; a required one without a label is called after its policy."""
        labels = [one.label, *(case.program.label for alias, case in self.case.requires if alias == one.name)]
        return next(filter(None, map(self.label, labels)), "")

    def source_of(self, expr: Expr) -> Field | Output | None:
        """The field or output whose labels name an expression and its values."""
        if isinstance(expr, FieldValue):
            return self.fields[expr.name]
        for output in self.program.outputs:
            if isinstance(expr, StepValue) and expr in needed_tables(output.expr):
                return output
        return None

    def table_name(self, table: Table) -> str:
        """What a table is called."""
        return self.label(table.label) or table.id

    def rule(self, table: Table, row: Row) -> str:
        """`rule amount.top, large buyer`."""
        name, label = self.program.rule_id(table, row), self.label(row.label)
        return self.say("rule-label", rule=name, label=label) if label else self.say("rule", rule=name)

    # Values

    def value(self, column: Column, value: Value | None) -> str:
        """The value of a column in words."""
        if value is None and not isinstance(column.subject, FieldValue):
            return self.say("no-value")
        if value is not None and self.reads(column.subject, self.hidden):
            return self.say("hidden")
        return show_value(value, column.type, self.source_of(column.subject), self.lang)

    def points(self, value: Any) -> str:
        """Points without a unit."""
        return show_value(value, Number(), None, self.lang)

    def output(self, output: Output, value: Value | None) -> str:
        """`Grade (grade) = A`."""
        label, shown = self.label(output.label), show_value(value, output.type, output, self.lang)
        return self.say("output-labelled" if label else "output", label=label, name=output.name, value=shown)

    def outputs(self, table: Table, row: Row) -> str:
        """What a rule gives: `level = 2, measure = caution`."""
        found = []
        for (name, kind), expr in zip(table.outputs, row.outputs, strict=True):
            source = self.source_of(StepValue(table.id, name))
            plain = Output(name, kind, expr)
            known = plain if source is None else replace(plain, label=source.label, value_labels=source.value_labels)
            found.append(self.output(known, known_value(expr, self.scope)))
        return self.say("and").join(found)

    # Cells

    def border(self, column: Column) -> Any:
        """Show the borders of a column: the value, and the parameter that it comes from."""

        def shown(expr: Expr) -> str:
            text = show_value(known_value(expr, self.scope), column.type, self.source_of(column.subject), self.lang)
            return f"{text} [${expr.name}]" if isinstance(expr, ParameterValue) else text

        return shown

    def holding(self, cell: Cell) -> str:
        """A cell that held, with value and border."""
        name, value = self.column_name(cell.column), self.value(cell.column, cell.value)
        match cell.test:
            case IsMissing() | IsPresent() | Anything():
                return self.say("cell", name=name, value=value)
            case OneOf((expr,)) if not isinstance(expr, ParameterValue):
                return self.say("cell", name=name, value=value)
        key = "cell-holds"
        if isinstance(cell.test, Within):
            key = "cell-holds-border" if is_one_sided(cell.test) else "cell-holds-interval"
        return self.say(key, name=name, value=value, test=self.test(cell.column, cell.test))

    def failing(self, cell: Cell) -> str:
        """A cell that failed, with value, the border that was crossed, and by how much."""
        name, value = self.column_name(cell.column), self.value(cell.column, cell.value)
        match cell.test:
            case IsMissing():
                return self.say("needs-missing", name=name, value=value)
            case IsPresent():
                return self.say("needs-present", name=name, value=value)
            case _:
                pass
        test = self.crossed(cell)
        return self.say(
            "cell-fails-border" if is_one_sided(test) else "cell-fails",
            name=name, value=value, test=self.test(cell.column, test), distance=self.distance(cell, test),
        )  # fmt: skip

    def test(self, column: Column, test: Test) -> str:
        """A test in words."""
        return test_in_words(test, self.border(column), self.lang)

    def crossed(self, cell: Cell) -> Test:
        """The side of an interval on which the value lies; any other test as it is."""
        match cell.test:
            case Within(low, high) if low is not None and high is not None and cell.value is not None:
                above = passes(Within(low, None), cell.value, self.scope)
                return Within(None, high) if above else Within(low, None)
        return cell.test

    def distance(self, cell: Cell, test: Test) -> str:
        """By how much the value misses a border that belongs to the interval; empty for anything else."""
        match test:
            case Within(None, high) if high is not None and high.closed:
                bound, key = high, "over"
            case Within(low, None) if low is not None and low.closed:
                bound, key = low, "short"
            case _:
                return ""
        border: Any = known_value(bound.at, self.scope)
        value: Any = cell.value
        if value is None or border is None or not is_numeric(cell.column.type):
            return ""
        if self.reads(cell.column.subject, self.hidden):
            return ""  # the distance from the border would tell the value
        distance, source = reduced(abs(border - value)), self.source_of(cell.column.subject)
        return self.say(key, distance=show_value(distance, cell.column.type, source, self.lang))
