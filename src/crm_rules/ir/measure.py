"""The pass over a population: how each record stands among the records it is decided with.

Exact and independent of the order of the records: equal values share every measure. This is the
meaning of `crm_rules.ir.population`; an engine of columns answers the same with sums and counts over
a window. Cost: a sort, and the steps that the value needs once a record.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import groupby
from typing import Any, TypeAlias, assert_never

from crm_rules.dataclass import dataclass
from crm_rules.ir.evaluate import (
    NO_FUNCTIONS,
    Functions,
    Scope,
    StepResult,
    Undecided,
    divided,
    parameter_values,
    run,
    value_of,
)
from crm_rules.ir.nodes import Value
from crm_rules.ir.numbers import Exact, reduced
from crm_rules.ir.population import Measure, Population
from crm_rules.ir.program import Program
from crm_rules.ir.rewrite import steps_below

Place: TypeAlias = tuple[Value | None, ...]
Record: TypeAlias = Mapping[str, Value | None]


@dataclass(frozen=True, slots=True)
class Standings:
    """The different values of one population, the largest first, with how many and how much come up to each."""

    values: tuple[Exact, ...]
    counts: tuple[int, ...]
    sums: tuple[Exact, ...]

    @classmethod
    def of(cls, values: Iterable[Exact]) -> Standings:
        """The standings of the values that take part."""
        different: list[Exact] = []
        counts: list[int] = []
        sums: list[Exact] = []
        count, total = 0, reduced(0)
        for value, equal in groupby(sorted(values, reverse=True)):
            found = sum(1 for _ in equal)
            count, total = count + found, reduced(total + value * found)
            different.append(value)
            counts.append(count)
            sums.append(total)
        return cls(tuple(different), tuple(counts), tuple(sums))

    def before(self, value: Exact) -> int:
        """How many of the different values are larger."""
        return bisect_left(self.values, -value, key=lambda one: -one)

    def reached(self, value: Exact) -> int:
        """How many of the different values are as large or larger."""
        return bisect_right(self.values, -value, key=lambda one: -one)

    def measure(self, measure: Measure, before: int, reached: int) -> Exact:  # noqa: PLR0911 - one case a measure
        """A measure of a record that `before` different values surpass and `reached` at least equal."""
        match measure:
            case "position":
                return sum_of_first(self.counts, before) + 1
            case "last_position":
                return sum_of_first(self.counts, reached)
            case "population":
                return sum_of_first(self.counts, len(self.counts))
            case "heads_before":
                return share(self.counts, before)
            case "heads_with":
                return share(self.counts, reached)
            case "share_before":
                return share(self.sums, before)
            case "share_with":
                return share(self.sums, reached)
            case _:
                assert_never(measure)


def sum_of_first(running: Sequence[Exact], count: int) -> Exact:
    """The running total after so many entries."""
    return running[count - 1] if count else 0


def share(running: Sequence[Exact], count: int) -> Exact:
    """The part of the whole after so many entries; 1 where there is no whole."""
    whole = sum_of_first(running, len(running))
    return divided(sum_of_first(running, count), whole) if whole > 0 else 1


def measured(
    program: Program,
    records: Sequence[Record | None],
    today: date | None = None,
    functions: Functions = NO_FUNCTIONS,
) -> list[dict[str, Value | None]]:
    """What the population step fills into each record; nothing for None, a record that is not usable.

    A record holds an accepted value, or None for missing, for every field but the measures.
    """
    found: list[dict[str, Value | None]] = [{} for _ in records]
    for population in program.population:
        seen = [None if one is None else {**one, **more} for one, more in zip(records, found, strict=True)]
        for more, filled in zip(found, fill(population, program, seen, today, functions), strict=True):
            more.update(filled)
    return found


def fill(
    population: Population,
    program: Program,
    records: Sequence[Record | None],
    today: date | None,
    functions: Functions,
) -> Iterator[Mapping[str, Value | None]]:
    """The measures of one population, record by record; equal records share one mapping."""
    ranked = list(ranked_values(population, program, records, today, functions))
    standings = standings_of(population, ranked)
    known: dict[Any, Mapping[str, Value | None]] = {}
    for one in ranked:
        if one is None:
            yield {}
            continue
        if one not in known:
            place, value = one
            own = standings.get(place, Standings((), (), ()))
            last = len(own.values)
            part = takes_part(population, value)
            before, reached = (own.before(value), own.reached(value)) if part else (last, last)  # type: ignore[arg-type]
            known[one] = {name: own.measure(measure, before, reached) for name, measure in population.measures}
        yield known[one]


def standings_of(population: Population, ranked: Iterable[tuple[Place, Exact | None] | None]) -> dict[Place, Standings]:
    """The standings of each population within the records, by the values that tell it apart."""
    taking_part: dict[Place, list[Exact]] = {}
    for one in ranked:
        if one is not None and takes_part(population, one[1]):
            taking_part.setdefault(one[0], []).append(one[1])  # type: ignore[arg-type]
    return {place: Standings.of(values) for place, values in taking_part.items()}


def takes_part(population: Population, value: Exact | None) -> bool:
    """True for a value that is ranked."""
    return value is not None and (value > 0 or not population.positive)


def ranked_values(
    population: Population,
    program: Program,
    records: Iterable[Record | None],
    today: date | None,
    functions: Functions,
) -> Iterator[tuple[Place, Exact | None] | None]:
    """The place and the value of each record; None for one that is not usable."""
    steps = steps_below((population.value, *population.within), program.steps)
    parameters = parameter_values(program, today)
    for values in records:
        if values is None:
            yield None
            continue
        results: dict[str, StepResult] = {}
        scope = Scope(values, parameters, today, results, functions)
        try:
            for step in steps:
                results[step.id] = run(step, scope)
            value: Any = value_of(population.value, scope)
            yield tuple(value_of(expr, scope) for expr in population.within), value
        except Undecided:  # what a step below leaves undecided, leaves the record without a value
            yield None
