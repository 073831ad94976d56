"""How a record stands among those it was decided with: both readings, by heads and by value."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from crm_rules.backends.prose_case import Story, known_value
from crm_rules.backends.prose_values import show_share, show_value
from crm_rules.ir.evaluate import divided
from crm_rules.ir.measure import takes_part
from crm_rules.ir.nodes import Expr
from crm_rules.ir.population import Measure, Population
from crm_rules.ir.program import Column
from crm_rules.ir.types import Number


def standing(story: Story) -> list[str]:
    """A heading and a few lines for each population; nothing where the values are hidden or not there."""
    lines = [line for population in story.program.population for line in of_one(population, story)]
    return ["", story.say("standing"), *(f"  {line}" for line in lines)] if lines else []


def of_one(population: Population, story: Story) -> Iterator[str]:
    """The position, the share of the records and that of the value."""
    values: dict[Measure, Any] = {measure: story.case.values.get(name) for name, measure in population.measures}
    if any(name in story.hidden for name, _ in population.measures) or None in values.values():
        return
    name = named(population.value, story) + "".join(part(expr, story) for expr in population.within)
    if not takes_part(population, known_value(population.value, story.scope)):  # type: ignore[arg-type]
        yield story.say("not-ranked", name=name, count=values["population"])
        return
    first, last, count = values["position"], values["last_position"], values["population"]
    if not 1 <= first <= last <= count:  # no pass over a population fills this: the host gave it with the record
        yield story.say("no-standing", name=name, first=first, last=last, count=count)
        return
    before, reached = (show_share(divided(some, count), story.lang) for some in (first - 1, last))
    key = "ranked" if first == last else "ranked-equal"
    yield story.say(key, name=name, first=first, last=last, count=count)
    yield story.say("heads", before=before, reached=reached)
    if "share_before" in values:
        before, reached = (show_share(values[measure], story.lang) for measure in ("share_before", "share_with"))
        yield story.say("shares", name=named(population.value, story), before=before, reached=reached)


def named(expr: Expr, story: Story) -> str:
    """What an expression is called."""
    return story.column_name(Column("value", expr, Number()))


def part(expr: Expr, story: Story) -> str:
    """` within Region: east`."""
    value = known_value(expr, story.scope)
    shown = show_value(value, Number(), story.source_of(expr), story.lang)
    return story.say("within", name=named(expr, story), value=shown)
