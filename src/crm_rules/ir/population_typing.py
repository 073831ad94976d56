"""Which population steps a program may have: fields that suit their measures, values known before them.

The front end writes nothing else; this is for programs that were built by hand or read from JSON.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from crm_rules.ir.nodes import Expr, FieldValue
from crm_rules.ir.population import MEASURES, OF_THE_VALUE, Measure, Population
from crm_rules.ir.program import Field, Program, Step
from crm_rules.ir.rewrite import descendants, nodes_of_step, steps_below
from crm_rules.ir.types import Boolean, Choice, is_numeric, show_type
from crm_rules.ir.typing import IllTyped, TypeScope, may_be_missing, type_of
from crm_rules.source import Span


def population_faults(program: Program, scope: TypeScope) -> Iterator[tuple[Span | None, str]]:
    """What is wrong with the population steps of a program, each with its place."""
    fields = {field.name: field for field in program.fields}
    unfilled = list(program.measured)
    for population in program.population:
        for name, measure in population.measures:
            if not suits(fields.get(name), measure):
                yield population.span, f"`{name}` is no field that a {measure} can fill"
            if measure in OF_THE_VALUE and not population.positive:
                yield population.span, f"`{name}` is a share of the value, so only values above zero take part"
        exprs = (population.value, *population.within)
        for name in sorted(fields_below(exprs, program.steps) & set(unfilled)):
            yield population.span, f"the population is ranked by what it fills itself or later: `{name}`"
        del unfilled[: len(population.measures)]
        yield from ill_typed(population, scope)
    for name in sorted({name for name in program.measured if program.measured.count(name) > 1}):
        yield program.span, f"the population fills `{name}` twice"


def suits(field: Field | None, measure: Measure) -> bool:
    """True for a field that is always filled, with the type and the range of its measure."""
    if field is None or field.optional or field.default is not None or field.decimals is not None:
        return False
    return (field.type, field.low, field.high) == MEASURES[measure]


def ill_typed(population: Population, scope: TypeScope) -> Iterator[tuple[Span | None, str]]:
    """The value must be a number, and what divides the records a choice that every record has."""
    try:
        kind = type_of(population.value, scope)
        if not is_numeric(kind):
            yield population.span, f"a population is ranked by a number, and this is {show_type(kind)}"
        for expr in population.within:
            kind = type_of(expr, scope)
            if not isinstance(kind, Choice | Boolean):
                yield population.span, f"a population is divided by a choice, and this is {show_type(kind)}"
            elif may_be_missing(expr, scope):
                yield population.span, "what divides a population may be missing"
    except IllTyped as error:
        yield population.span, error.message


def fields_below(exprs: Iterable[Expr], steps: Sequence[Step]) -> set[str]:
    """The fields that expressions read, directly or through steps."""
    nodes = [node for expr in exprs for node in descendants(expr)]
    nodes += [node for step in steps_below(exprs, steps) for node in nodes_of_step(step)]
    return {node.name for node in nodes if isinstance(node, FieldValue)}
