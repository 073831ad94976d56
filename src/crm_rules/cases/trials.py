"""The records that were tried on one policy, and what its values depend on, with the chain as one program.

A trial begins with the record of a case, or with the simplest record there is; `searching` adds further
ones. What is needed to change a value on purpose is here too: the fields it is made from, the formula
without names, the earlier rules that give it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any, TypeAlias

from crm_rules.dataclass import dataclass
from crm_rules.decision import Decision
from crm_rules.ir import days
from crm_rules.ir.evaluate import Evaluation, Functions, evaluate
from crm_rules.ir.measure import ranked_values, takes_part
from crm_rules.ir.nodes import Constant, Expr, FieldValue, StepValue, Value
from crm_rules.ir.numbers import to_fact
from crm_rules.ir.population import MEASURES, SHARE
from crm_rules.ir.program import Derive, Field, Program, Row, Table, Total
from crm_rules.ir.record import Rejected, accept
from crm_rules.ir.rewrite import descendants, rebuilt
from crm_rules.ir.types import Boolean, Choice, Date, Integer, Money, Number
from crm_rules.policy import Policy

Values: TypeAlias = dict[str, Value | None]
Place: TypeAlias = tuple[Table, Row]
ORDINARY_DAY = date(2025, 1, 1)  # where no case names a day


@dataclass(frozen=True, slots=True)
class Trial:
    """Accepted values on a day, and what the chain as one program makes of them."""

    values: Values
    today: date | None
    evaluation: Evaluation


class Trials:
    """The records that were tried on one policy, in the order of their trial; every search adds to them."""

    def __init__(self, policy: Policy, decisions: Iterable[Decision]) -> None:
        self.policy = policy
        self.program = policy.whole
        self.fields = {field.name: field for field in self.program.fields}
        self.tried: dict[Any, Trial] = {}
        self.known: dict[Expr, tuple[Any, ...]] = {}
        self.evaluations = 0
        self.days: tuple[date | None, ...] = ()
        if self.program.blank_parameters:
            return  # nothing can be decided
        days_seen: dict[date | None, None] = {}
        for decision in decisions:
            days_seen[decision.today] = None
            self.look({**self.plain(decision.today), **known_values(decision, self.fields)}, decision.today)
        if not days_seen:
            settings = [dated.since for one in self.program.parameters for dated in one.values if dated.since]
            days_seen[max((ORDINARY_DAY, *settings)) if policy.needs_today else None] = None
        self.days = tuple(days_seen)
        if not self.tried:
            self.look(self.plain(self.days[0]), self.days[0])

    def __iter__(self) -> Iterator[Trial]:
        return iter(tuple(self.tried.values()))

    def look(self, values: Values, today: date | None) -> Trial:
        """Evaluate accepted values, once; what is not ranked stands behind all that is."""
        values = behind_all(self.program, values, today, self.policy.calls)
        key = (tuple(values[name] for name in self.fields), today)
        if key not in self.tried:
            self.evaluations += 1
            found = evaluate(self.program, values, today, self.policy.calls)
            self.tried[key] = Trial(values, today, found)
        return self.tried[key]

    def plain(self, today: date | None) -> Values:
        """The simplest values: missing where allowed, else the default, the first choice, the least amount, the day."""
        return {name: plain_value(field, today) for name, field in self.fields.items()}

    def reads(self, expr: Expr) -> dict[str, None]:
        """The fields that an expression depends on, through derived values, tables and totals."""
        below = self.below(expr)
        return {node.name: None for node in below if isinstance(node, FieldValue)}

    def steps_below(self, expr: Expr) -> set[str]:
        """The steps that an expression depends on."""
        return {node.step for node in self.below(expr) if isinstance(node, StepValue)}

    def below(self, expr: Expr) -> tuple[Expr, ...]:
        """Every node that an expression depends on, those of earlier steps included."""
        if expr not in self.known:
            found = tuple(node for node in descendants(expr))
            steps = dict.fromkeys(node for node in found if isinstance(node, StepValue))
            further = (node for step in steps for inner in self.inner(step) for node in self.below(inner))
            self.known[expr] = (*found, *further)
        return self.known[expr]

    def producers(self, expr: Expr, wanted: list[Value | None]) -> list[Place]:
        """The earlier rules that give one of the wanted values to an expression."""
        return [
            (step, row)
            for node in descendants(self.expanded(expr))
            if isinstance(node, StepValue) and isinstance(step := self.program.step(node.step), Table)
            for row in step.rows
            if isinstance(given := output_of(step, row, node.output), Constant) and given.value in wanted
        ]

    def inner(self, value: StepValue) -> Iterator[Expr]:
        """The expressions that a step's value comes from."""
        step = self.program.step(value.step)
        match step:
            case Derive():
                yield step.expr
            case Table():
                yield from (column.subject for column in step.columns)
                yield from (output for row in step.rows for output in row.outputs)
            case Total():
                yield from (StepValue(name, step.output) for name, _ in step.terms)

    def expanded(self, expr: Expr) -> Expr:
        """The expression with the formulas of derived values in it, so that it can be computed alone."""
        if isinstance(expr, StepValue):
            step = self.program.step(expr.step)
            return self.expanded(step.expr) if isinstance(step, Derive) else expr
        return rebuilt(expr, lambda node: self.expanded(node) if isinstance(node, Expr) else node)

    def accepts(self, name: str, value: Value | None) -> bool:
        """True for a value that the field may have."""
        field = self.fields[name]
        if value is None:
            return field.may_be_missing
        return not isinstance(accept(field, to_fact(value)), Rejected)


def behind_all(program: Program, values: Values, today: date | None, functions: Functions) -> Values:
    """The values with the shares of a record that is not ranked, where it is not."""
    for population in program.population:
        ranked = next(ranked_values(population, program, [values], today, functions))
        if ranked is not None and not takes_part(population, ranked[1]):
            values = values | {name: 1 for name, measure in population.measures if MEASURES[measure][0] == SHARE}
    return values


def known_values(decision: Decision, fields: Mapping[str, Field]) -> Values:
    """The accepted values of a decision and of those it was made from, for the fields of the whole chain."""
    found: Values = {}
    for _, required in decision.required:
        found |= known_values(required, fields)
    for name, value in decision.reading().values.items():
        field = fields.get(name)
        if field is not None and (
            field.may_be_missing if value is None else not isinstance(accept(field, to_fact(value)), Rejected)
        ):
            found[name] = value
    return found


def plain_value(field: Field, today: date | None) -> Value | None:
    """The simplest value of a field."""
    if field.may_be_missing or field.default is not None:
        return field.default
    value: Any = "text"
    if isinstance(field.type, Boolean):
        return False
    if isinstance(field.type, Choice):
        return field.type.one_of[0]
    if isinstance(field.type, Date):
        value = today or days.FIRST
    elif isinstance(field.type, Integer | Number | Money):
        value = 0
    low: Any = value if field.low is None else field.low
    high: Any = value if field.high is None else field.high
    nearest: Value = low if value < low else min(value, high)
    return nearest


def output_of(table: Table, row: Row, name: str) -> Expr:
    """What a rule gives to an output."""
    return row.outputs[[output for output, _ in table.outputs].index(name)]
