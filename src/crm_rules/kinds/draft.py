"""A program in the making: the common keys of a policy lowered, and the pieces a kind adds.

A kind's lowering adds steps and outputs to a `Draft`; each step is typed as it is added, so that
the next one may refer to it. Findings are collected, never raised.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from crm_rules.diagnostics import did_you_mean
from crm_rules.ir.laws import Law
from crm_rules.ir.nodes import Expr, FieldValue, StepValue, Today
from crm_rules.ir.population import Population
from crm_rules.ir.program import Derive, Field, Label, Output, Parameter, Program, Role, Step, Table, Total
from crm_rules.ir.types import Date, Type
from crm_rules.ir.typing import Named, may_be_missing, type_of
from crm_rules.kinds.documents import PolicyDocument, Words
from crm_rules.kinds.findings import Findings
from crm_rules.source import Span, Text


@dataclass(frozen=True, slots=True)
class Required:
    """The output of another policy that an alias of `requires` names."""

    policy: str
    output: Output


@dataclass(slots=True)
class Draft:
    """The pieces of one program, and what has been found while making them."""

    id: str
    findings: Findings
    span: Span
    fields: list[Field] = field(default_factory=list)
    parameters: list[Parameter] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    outputs: list[Output] = field(default_factory=list)
    declared: dict[str, Output] = field(default_factory=dict)
    required: list[tuple[str, str, str]] = field(default_factory=list)
    order: list[tuple[str, ...]] = field(default_factory=list)
    laws: list[Law] = field(default_factory=list)
    population: list[Population] = field(default_factory=list)

    def add_field(self, declared: Field) -> None:
        """Declare an input."""
        self.fields.append(declared)
        self.findings.scope.fields[declared.name] = Named(
            declared.type, optional=declared.may_be_missing, low=declared.low, high=declared.high
        )

    def add_derive(self, id: str, expr: Expr, *, role: Role = "derived", label: Label, text: str, span: Span) -> None:  # noqa: A002
        """Add a step that names the value of a well-typed expression."""
        scope = self.findings.scope
        kind = type_of(expr, scope)
        self.steps.append(Derive(id, expr, kind, role, label, text, span))
        scope.steps[id, id] = Named(kind, optional=may_be_missing(expr, scope))

    def add_table(self, table: Table) -> None:
        """Add a step that matches rows."""
        self.steps.append(table)
        for name, kind in table.outputs:
            self.findings.scope.steps[table.id, name] = Named(kind, optional=table.optional)

    def add_total(self, total: Total) -> None:
        """Add a step that sums points."""
        self.steps.append(total)
        self.findings.scope.steps[total.id, total.output] = Named(total.type)

    def subject(self, name: Text, outputs: Iterable[str] = ()) -> tuple[Expr, Type] | None:
        """What a column or a `by` tests: a derived field, a field or `today`; None after reporting an unknown name.

        `outputs` are names that a column may also have, for the suggestion.
        """
        scope = self.findings.scope
        if (str(name), str(name)) in scope.steps:
            return StepValue(str(name), str(name)), scope.steps[str(name), str(name)].type
        if name in scope.fields:
            return FieldValue(str(name)), scope.fields[name].type
        if name == "today":
            return Today(), Date()
        if name in self.findings.faulty:
            return None
        known = [*scope.fields, *(step for step, output in scope.steps if step == output), *outputs]
        self.findings.error("unknown-field", name.span, f"unknown field `{name}`", did_you_mean(name, known))
        return None

    def program(self, document: PolicyDocument, kind: str) -> Program:
        """The finished program."""
        return Program(
            id=self.id,
            version=str(document.version or ""),
            kind=kind,
            fields=tuple(self.fields),
            parameters=tuple(self.parameters),
            steps=tuple(self.steps),
            outputs=tuple(self.outputs),
            required=tuple(self.required),
            order=tuple(self.order),
            label=to_label(document.title),
            span=self.span,
            laws=tuple(self.laws),
            population=tuple(self.population),
        )


def to_label(words: Words | None) -> Label:
    """The names for people that a document gives."""
    return Label() if words is None else Label(str(words.en or ""), str(words.zh or ""))


def to_labels(words: Mapping[Text, Words]) -> tuple[tuple[str, Label], ...]:
    """The names of the values of a choice."""
    return tuple((str(value), to_label(label)) for value, label in words.items())
