"""A program: declared inputs, then an ordered tuple of named steps, then the outputs.

A step is a `Derive` (one expression), a `Table` (rows of tests over columns) or a `Total` (a
weighted sum of points). Steps refer only to fields, parameters, `today` and earlier steps. Each
has an id, titles and a role, and rows keep their ids, so that explanations, coverage and the
handbook walk the steps and never need to know the kind of policy they came from.

Labels, laws and spans are carried along; they take no part in the meaning or the content hash.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from datetime import date
from typing import Literal, TypeAlias

from crm_rules.dataclass import dataclass
from crm_rules.ir.laws import Law
from crm_rules.ir.nodes import Expr, Test, Value
from crm_rules.ir.numbers import Exact
from crm_rules.ir.population import Population
from crm_rules.ir.types import Type
from crm_rules.source import Span

HitPolicy: TypeAlias = Literal["unique", "first", "any", "collect"]
Aggregation: TypeAlias = Literal["list", "sum", "min", "max", "count"]
Order: TypeAlias = Literal["best-first", "worst-first"]
Role: TypeAlias = Literal[
    "derived", "table", "ladder", "interval", "characteristic", "total", "band", "override", "output"
]


@dataclass(frozen=True, slots=True)
class Label:
    """A name for people in English and Chinese; either may be empty."""

    en: str = ""
    zh: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """A declared input. `default` stands in for a missing value; without one a missing value needs `optional`."""

    name: str
    type: Type
    optional: bool = False
    default: Value | None = None
    low: Exact | date | None = None
    high: Exact | date | None = None
    decimals: int | None = None
    currency: str | None = None
    sensitive: bool = False
    changeable: bool = True
    label: Label = Label()
    value_labels: tuple[tuple[str, Label], ...] = ()
    span: Span | None = field(default=None, compare=False)

    @property
    def may_be_missing(self) -> bool:
        """True when the steps can meet a missing value."""
        return self.optional and self.default is None


@dataclass(frozen=True, slots=True)
class Dated:
    """A parameter's value from a day on; `since` None is from the beginning."""

    since: date | None
    value: Value
    span: Span | None = field(default=None, compare=False)
    layer: str = ""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A named constant that a company sets; blank (no values) until it does."""

    name: str
    type: Type
    values: tuple[Dated, ...] = ()
    label: Label = Label()
    span: Span | None = field(default=None, compare=False)

    def at(self, today: date | None) -> Value | None:
        """The value in force on `today`, or None when blank then; an undated value needs no day."""
        found: Value | None = None
        for dated in self.values:
            if dated.since is None or (today is not None and dated.since <= today):
                found = dated.value
        return found

    @property
    def is_dated(self) -> bool:
        """True when the value depends on the day."""
        return any(dated.since is not None for dated in self.values)


@dataclass(frozen=True, slots=True)
class Output:
    """A result of the program: the value of `expr`, with the order of a ranked choice."""

    name: str
    type: Type
    expr: Expr
    optional: bool = False
    order: Order | None = None
    unranked: tuple[str, ...] = ()
    low: Exact | date | None = None
    high: Exact | date | None = None
    label: Label = Label()
    value_labels: tuple[tuple[str, Label], ...] = ()
    span: Span | None = field(default=None, compare=False)

    @property
    def best_first(self) -> tuple[str, ...]:
        """The ranked values from best to worst; empty when the output has no order."""
        one_of: tuple[str, ...] = getattr(self.type, "one_of", ())
        ranked = tuple(value for value in one_of if value not in self.unranked)
        match self.order:
            case None:
                return ()
            case "best-first":
                return ranked
            case "worst-first":
                return ranked[::-1]


@dataclass(frozen=True, slots=True)
class Derive:
    """A step that names the value of one expression; its single output has the step's id."""

    id: str
    expr: Expr
    type: Type
    role: Role = "derived"
    label: Label = Label()
    text: str = ""
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Column:
    """What a column of a table tests: the value of `subject`; `name` is the column's heading."""

    name: str
    subject: Expr
    type: Type


@dataclass(frozen=True, slots=True)
class Row:
    """A rule: one test a column, joined by AND, and one expression an output.

    `otherwise` rows have no tests to pass: they match when no other row of the table does.
    `reason` is the reason code of a scorecard's attribute (PMML).
    """

    id: str
    tests: tuple[Test, ...]
    outputs: tuple[Expr, ...]
    otherwise: bool = False
    label: Label = Label()
    reason: str = ""
    span: Span | None = field(default=None, compare=False)
    cells: tuple[Span | None, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Table:
    """A step that matches rows. `hit_policy` says what more than one match means, `aggregation` how COLLECT gathers.

    UNIQUE: one row may match, more are a conflict. FIRST: the first one counts. ANY: all that match
    must agree in their outputs. COLLECT: all count. No match is a gap: the step is undecided, but
    for an `optional` table, whose outputs are then missing, and COLLECT list, sum and count.
    """

    id: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    outputs: tuple[tuple[str, Type], ...]
    hit_policy: HitPolicy = "unique"
    aggregation: Aggregation | None = None
    optional: bool = False
    role: Role = "table"
    label: Label = Label()
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Total:
    """A step that sums points: `initial` plus each table's points times the table's weight."""

    id: str
    initial: Exact
    terms: tuple[tuple[str, Exact], ...]
    type: Type
    output: str = "points"
    label: Label = Label()
    role: Role = "total"
    span: Span | None = field(default=None, compare=False)


Step: TypeAlias = Derive | Table | Total


@dataclass(frozen=True, slots=True)
class Program:
    """A policy as a pure function: fields, parameters and steps in, outputs out.

    `required` names the fields that are filled by another policy's output (alias, policy id, output
    name), `population` the passes over all records that fill others; they are ordinary fields to every step.
    `laws` are promises about the outputs: no step reads them.
    """

    id: str
    version: str
    kind: str
    fields: tuple[Field, ...]
    parameters: tuple[Parameter, ...]
    steps: tuple[Step, ...]
    outputs: tuple[Output, ...]
    required: tuple[tuple[str, str, str], ...] = ()
    order: tuple[tuple[str, ...], ...] = ()
    label: Label = Label()
    span: Span | None = field(default=None, compare=False)
    laws: tuple[Law, ...] = ()
    population: tuple[Population, ...] = ()

    def step(self, id: str) -> Step:  # noqa: A002 - the word of the language
        """The step of that id; KeyError when there is none."""
        for step in self.steps:
            if step.id == id:
                return step
        raise KeyError(id)

    @property
    def tables(self) -> tuple[Table, ...]:
        """The steps that match rows, in order."""
        return tuple(step for step in self.steps if isinstance(step, Table))

    @property
    def measured(self) -> tuple[str, ...]:
        """The fields that the population fills, in order."""
        return tuple(name for population in self.population for name, _ in population.measures)

    @property
    def blank_parameters(self) -> tuple[str, ...]:
        """The parameters that have no value on any day."""
        return tuple(parameter.name for parameter in self.parameters if not parameter.values)

    def rule_id(self, table: Table, row: Row) -> str:
        """The name of a rule outside its table: `row` alone, or `step.row` where there are several tables."""
        return row.id if len(self.tables) == 1 else f"{table.id}.{row.id}"

    def rules(self) -> Iterator[tuple[str, Table, Row]]:
        """Every rule with its outside name, in step order."""
        for table in self.tables:
            for row in table.rows:
                yield self.rule_id(table, row), table, row
