"""A chain of policies as one program: what the proofs ask about, since one program can be asked alone.

The steps of a required policy come first, as `policy-id/step-id`, its parameters as
`policy-id/name`; a policy that is required along two ways stands once. The field that held its
output becomes a derived step of the same name. Where the chain decides, the one program gives the
same outputs; what a required policy leaves undecided is undecided only where it is needed, while
the chain calls the whole decision `blocked`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any, assert_never

from crm_rules.ir.laws import Always, Bounded, Implies, InputCondition, Law, Monotone, Never, Steps
from crm_rules.ir.nodes import Coalesce, Constant, Expr, FieldValue, ParameterValue, StepValue, Test
from crm_rules.ir.population import Population
from crm_rules.ir.program import Column, Derive, Field, Parameter, Program, Row, Step, Table, Total
from crm_rules.ir.rewrite import rebuilt

SLASH = "/"  # no id holds one, so a name with a slash belongs to a policy below


def inline(program: Program, required: Mapping[str, tuple[Program, str]]) -> Program:
    """The program with those it requires in it; `required` has, by alias, a program and the output that is used.

    The required programs are inlined themselves before. Raises ValueError when two different
    programs have one id. Cost: linear in the number of cells of the chain.
    """
    if not program.required:
        return program
    below = {alias: required[alias] for alias, _, _ in program.required}
    fields = contract(program.fields, below, (inner.fields for inner, _ in below.values()))
    steps: dict[str, Step] = {}
    parameters: dict[str, Parameter] = {}
    orders: dict[tuple[str, ...], None] = {}
    populations: dict[Population, None] = {}
    aliases: dict[str, str] = {}
    taken = {step.id for step in program.steps}
    derived: list[Derive] = []
    declared = {field.name: field for field in program.fields}
    for alias, (inner, name) in below.items():
        moved = Renaming(inner, fields, inner.id)
        for step in moved.steps():
            if steps.setdefault(step.id, step) != step:
                raise ValueError(f"two different policies of the chain are called `{step.id.partition(SLASH)[0]}`")
        parameters |= {parameter.name: parameter for parameter in moved.parameters()}
        orders |= dict.fromkeys(moved.orders())
        populations |= dict.fromkeys(moved.populations())
        (expr,) = (moved.expr(output.expr) for output in inner.outputs if output.name == name)
        # A characteristic may have the name of what it tests; a space makes a name that no author can write.
        aliases[alias] = f"required {alias}" if alias in taken else alias
        field = declared[alias]
        text = f"{inner.id}.{name}"
        derived.append(Derive(aliases[alias], expr, field.type, label=field.label, text=text, span=field.span))
    own = Renaming(program, fields, "", aliases)
    return replace(
        program,
        fields=fields,
        parameters=(*parameters.values(), *program.parameters),
        steps=(*steps.values(), *derived, *own.steps()),
        outputs=tuple(replace(output, expr=own.expr(output.expr)) for output in program.outputs),
        laws=tuple(map(own.law, program.laws)),
        required=(),
        order=tuple(dict.fromkeys((*orders, *program.order))),
        population=(*populations, *own.populations()),
    )


class Renaming:
    """One program on its way into another: its names under `prefix`, its aliases as steps, its defaults kept."""

    def __init__(
        self, program: Program, fields: Iterable[Field], prefix: str, aliases: Mapping[str, str] | None = None
    ) -> None:
        self.program = program
        self.prefix = prefix
        self.derived = {step.id for step in program.steps if isinstance(step, Derive)}
        self.aliases = aliases or {}
        narrow = {field.name: field for field in fields}
        # A default that the whole chain does not share is no longer the field's, so it stands where the field is read.
        self.defaults = {
            field.name: Constant(field.default, field.type)
            for field in program.fields
            if field.default is not None and field.name in narrow and narrow[field.name].default is None
        }

    def name(self, name: str) -> str:
        """The name of a step or parameter in the whole; one from further below keeps its own."""
        return name if not self.prefix or SLASH in name else f"{self.prefix}{SLASH}{name}"

    def expr(self, expr: Expr) -> Expr:
        """An expression over the names of the whole."""
        found: Expr = self.node(expr)
        return found

    def test(self, test: Test) -> Test:
        """A test against values of the whole."""
        found: Test = self.node(test)
        return found

    def node(self, node: Any) -> Any:
        """An expression or test with every name in it renamed."""
        match node:
            case FieldValue(name) if name in self.aliases:
                return StepValue(self.aliases[name], self.aliases[name])
            case FieldValue(name) if name in self.defaults:
                return Coalesce((node, self.defaults[name]))
            case ParameterValue(name):
                return ParameterValue(self.name(name))
            case StepValue(step, output):
                return StepValue(self.name(step), self.name(output) if step in self.derived else output)
            case _:
                return rebuilt(node, self.node)

    def steps(self) -> Iterable[Step]:
        """The steps under their names in the whole."""
        return map(self.step, self.program.steps)

    def step(self, step: Step) -> Step:
        """One step under its name in the whole."""
        match step:
            case Derive(expr=expr):
                return replace(step, id=self.name(step.id), expr=self.expr(expr))
            case Total(terms=terms):
                return replace(
                    step, id=self.name(step.id), terms=tuple((self.name(table), weight) for table, weight in terms)
                )
            case Table(columns=columns, rows=rows):
                return replace(
                    step,
                    id=self.name(step.id),
                    columns=tuple(self.column(column) for column in columns),
                    rows=tuple(self.row(row) for row in rows),
                )
            case _:
                assert_never(step)

    def column(self, column: Column) -> Column:
        """A column over the names of the whole; its heading stays."""
        return replace(column, subject=self.expr(column.subject))

    def row(self, row: Row) -> Row:
        """A rule over the names of the whole; its id stays."""
        tests, outputs = tuple(map(self.test, row.tests)), tuple(map(self.expr, row.outputs))
        return replace(row, tests=tests, outputs=outputs)

    def law(self, law: Law) -> Law:
        """A law about the steps of the whole; its outputs are the program's own, so its names stay."""
        match law:
            case Never(when=when) | Always(when=when):
                return replace(law, when=tuple(map(self.condition, when)))
            case Monotone() | Bounded() | Implies() | Steps():
                return law
            case _:
                assert_never(law)

    def condition(self, condition: InputCondition) -> InputCondition:
        """A condition over the names of the whole."""
        return replace(condition, subject=self.expr(condition.subject), test=self.test(condition.test))

    def populations(self) -> Iterable[Population]:
        """The population steps over the names of the whole; the fields that they fill keep their names."""
        return (
            replace(one, value=self.expr(one.value), within=tuple(map(self.expr, one.within)))
            for one in self.program.population
        )

    def parameters(self) -> Iterable[Parameter]:
        """The parameters under their names in the whole."""
        return (replace(parameter, name=self.name(parameter.name)) for parameter in self.program.parameters)

    def orders(self) -> Iterable[tuple[str, ...]]:
        """The orders that the parameters keep."""
        return (tuple(map(self.name, order)) for order in self.program.order)


def contract(own: Iterable[Field], aliases: Collection[str], below: Iterable[Iterable[Field]]) -> tuple[Field, ...]:
    """The fields a record must hold for a policy and those below it: each once, as all of them accept it."""
    found = {field.name: field for field in own if field.name not in aliases}
    for fields in below:
        for field in fields:
            found[field.name] = narrowed(found[field.name], field) if field.name in found else field
    return tuple(found.values())


def narrowed(one: Field, other: Field) -> Field:
    """A field that is accepted only where both declarations accept it."""
    lows: list[Any] = [field.low for field in (one, other) if field.low is not None]
    highs: list[Any] = [field.high for field in (one, other) if field.high is not None]
    decimals = [field.decimals for field in (one, other) if field.decimals is not None]
    may_be_absent = all(field.optional or field.default is not None for field in (one, other))
    return replace(
        one,
        optional=may_be_absent,
        default=one.default if may_be_absent and one.default == other.default else None,
        low=max(lows, default=None),
        high=min(highs, default=None),
        decimals=min(decimals, default=None),
        currency=one.currency or other.currency,
        sensitive=one.sensitive or other.sensitive,
    )
