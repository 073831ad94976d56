"""A program of which some fields are known: the rest of it, as boxes over the fields that are open.

Known values are put in their places before the space is made, so that an expression over several
fields becomes one over the open ones, usually a single one that has an inverse. Where an axis is
still an expression, a box need not have a record: what is said of it then has to be evaluated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from functools import lru_cache
from typing import Any, TypeAlias

from crm_rules.dataclass import dataclass
from crm_rules.ir.evaluate import Evaluation, Functions, evaluate
from crm_rules.ir.inline import inline
from crm_rules.ir.nodes import Constant, Expr, FieldValue, Nothing, Value
from crm_rules.ir.normalize import normalize
from crm_rules.ir.numbers import to_fact
from crm_rules.ir.program import Field, Program
from crm_rules.ir.rewrite import over_nodes, rebuilt
from crm_rules.ir.types import Money, Text, Type
from crm_rules.questions.running import Outcome, is_expr, required_aliases
from crm_rules.questions.sets import TEXTS, Domain, ValueSet, domain_of, point, sample
from crm_rules.questions.solve import solve
from crm_rules.questions.space import Space, fields_of, space

Values: TypeAlias = Mapping[str, Value | None]
Key: TypeAlias = tuple[str, tuple[Any, ...]]


def chained(program: Program, below: Mapping[str, tuple[Program, str]]) -> Program:
    """The program with those it requires in it, blocked as soon as any output of a required one is undecided.

    An alias that is not in `below` was handed over by the caller, and stays a field.
    """
    required = [one for one in program.required if one[0] in below]
    fields, inner = list(program.fields), dict(below)
    for alias, policy, name in tuple(required):
        for output in below[alias][0].outputs:
            if output.name != name:
                other = f"{alias} {output.name}"  # a space makes a name that no author can write
                required.append((other, policy, output.name))
                fields.append(Field(other, output.type, optional=True))
                inner[other] = below[alias][0], output.name
    return inline(replace(program, required=tuple(required), fields=tuple(fields)), inner)


@dataclass(frozen=True, slots=True)
class Known:
    """A program on one day with the values of some fields in it; `domains` are those of all fields."""

    written: Program
    program: Program
    today: date | None
    functions: Functions
    values: Values
    domains: Mapping[str, Domain]

    @classmethod
    def of(cls, program: Program, today: date | None, functions: Functions, values: Values) -> Known:
        """A checked program without blank parameters on that day."""
        simple, domains = prepared(program)
        return cls(program, simple, today, functions, {}, domains).also(values)

    def also(self, values: Values) -> Known:
        """The same with more values known."""
        if not values:
            return self
        kinds = {one.name: one.type for one in self.written.fields}

        def put(node: Any) -> Any:
            if isinstance(node, FieldValue) and node.name in values:
                value = values[node.name]
                return Nothing(kinds[node.name]) if value is None else Constant(value, kinds[node.name])
            return rebuilt(node, put)

        program = over_nodes(self.program, put, lambda _, test: put(test))
        return Known(self.written, program, self.today, self.functions, {**self.values, **values}, self.domains)

    def space(self) -> Space:
        """The boxes over the open fields."""
        return space((self.program,), self.today, self.functions)

    def record(self, here: Space, sets: Mapping[int, ValueSet], more: Mapping[Expr, ValueSet]) -> Values | None:
        """Values of all fields that lie in the sets (by the axis's place, and by expression); None when none is found.

        Where only fields are limited there are none.
        """
        wanted = {here.axes[place].subject: some for place, some in sets.items()}
        limits = {expr.name: some for expr, some in wanted.items() if isinstance(expr, FieldValue)}
        found: Values | None
        if more or len(limits) < len(wanted):
            found = solve({**wanted, **more}, self.program, self.today, self.functions)
            return None if found is None else {**found, **self.values}
        values: dict[str, Value | None] = {}
        for name, domain in self.domains.items():
            if name in self.values:
                values[name] = self.values[name]
                continue
            some = domain.grid(limits.get(name, domain.all))
            values[name] = sample(some, domain)
            if values[name] is None and not some.missing:
                return None
        return values

    def evaluate(self, values: Values) -> Evaluation:
        """What the reference evaluator answers."""
        return evaluate(self.written, values, self.today, self.functions)

    def answer(self, values: Values) -> Key:
        """The status, as a chain has it (blocked where a required decision is undecided), and the outputs."""
        found = self.evaluate(values)
        blocked = any(found.steps[alias].status != "decided" for alias in required_aliases(self.written))
        return ("blocked", ()) if blocked else (found.status, tuple(found.outputs.values()))

    def facts(self, values: Values) -> dict[str, Any]:
        """The record of the values, as an application holds it, with its currencies."""
        record: dict[str, Any] = {}
        for field in self.written.fields:
            value = values[field.name]
            record[field.name] = to_fact(value)
            if field.currency is not None and isinstance(field.type, Money) and value is not None:
                record[field.currency] = field.type.unit
        return record


@lru_cache(maxsize=32)
def prepared(program: Program) -> tuple[Program, Mapping[str, Domain]]:
    """The normalised program and the domains of its fields: the same for every record, so made once."""
    return normalize(program), {one.name: domain_of(one) for one in program.fields}


def is_plain(here: Space) -> bool:
    """True when every axis is a field, so that each box has a record."""
    return all(axis.is_field for axis in here.axes)


def only(kind: Type, value: Value | None) -> ValueSet:
    """The set of one value of a type; one text stands for all."""
    return TEXTS if isinstance(kind, Text) and value is not None else point(value)


def key_of(outcome: Outcome) -> Key:
    """What tells outcomes apart: the status and the outputs, some of which may be expressions."""
    return outcome.status, outcome.values


def computed_from(key: Key) -> tuple[str, ...]:
    """The fields that the outputs are computed from."""
    return tuple(dict.fromkeys(name for value in key[1] if is_expr(value) for name in fields_of(value)))


def agrees(one: Key, other: Key) -> bool:
    """True when two outcomes are the same but for what is computed."""
    if one[0] != other[0]:
        return False
    pairs = zip(one[1], other[1], strict=True)
    return all(left == right or is_expr(left) or is_expr(right) for left, right in pairs)
