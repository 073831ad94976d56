"""A ranking with its borders frozen: an ordinary policy whose table tests the ranked value itself.

What a share or a position among all records meant for the classes becomes the values at which the
class changes, in each part of the population. Another record is measured against the records that were
fitted, without becoming one of them; a part in which nobody was ranked has no borders, so its records
are `no_match`. The fitted policy travels like any other: as JSON, in a pickle, to frames and SQL.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from itertools import groupby
from typing import TYPE_CHECKING, Any

from crm_rules.dataclass import dataclass
from crm_rules.errors import CallError
from crm_rules.ir.check import scope_of
from crm_rules.ir.evaluate import Scope, parameter_values, passes
from crm_rules.ir.measure import Place, Standings, ranked_values, standings_of
from crm_rules.ir.nodes import (
    ANYTHING,
    Anything,
    Bound,
    Constant,
    Expr,
    FieldValue,
    IsPresent,
    OneOf,
    ParameterValue,
    StepValue,
    Test,
    Value,
    Within,
)
from crm_rules.ir.population import Measure, Population
from crm_rules.ir.program import Column, Program, Row, Table
from crm_rules.ir.record import show_fact
from crm_rules.ir.rewrite import nodes_of
from crm_rules.ir.typing import type_of
from crm_rules.proofs.unused import law_nodes
from crm_rules.ranking import decide_required, opened, read_all

if TYPE_CHECKING:
    from crm_rules.policy import Policy
    from crm_rules.ranking import Known

COUNTS_EQUALS: frozenset[Measure] = frozenset({"last_position", "heads_with", "share_with"})
FITTED = "fitted"
OTHER_SIGN = re.compile(r"[^\w.-]")


def fit(policy: Policy, records: Iterable[Any], today: date | None, given: Mapping[str, Any]) -> Policy:
    """The policy with the borders that the records draw, and so each ranking that it requires."""
    if not policy.ranks(given):
        raise CallError(f"{policy.id} ranks nothing, so there is nothing to fit; it decides each record alone")
    if not isinstance(records, Iterable):
        raise CallError(f"{policy.id} is fitted to records, many of them; found {show_fact(records)}")
    facts, day = opened(policy, records, today, given)
    return fit_below(policy, facts, day, given, [{} for _ in facts])


def fit_below(
    policy: Policy,
    records: Sequence[Mapping[str, Any]],
    today: date | None,
    given: Mapping[str, Any],
    known: Sequence[Known],
) -> Policy:
    """One policy of a chain, fitted with all that it requires."""
    decide_required(policy, records, today, given, known)
    required = tuple(
        replace(item, policy=fit_below(item.policy, records, today, given, known))
        if item.alias not in given and item.policy.ranks(given)
        else item
        for item in policy.required
    )
    if not policy.program.population:
        return replace(policy, required=required)
    read = read_all(policy, records, today, given, known)
    ranking = Ranking.of(policy, today)
    program = ranking.frozen([one.values if one.usable else None for one in read])
    return replace(policy, program=program, required=required)


@dataclass(frozen=True, slots=True)
class Ranking:
    """The parts of a program that ranks: its population, the table that climbs one measure, and that measure."""

    program: Program
    population: Population
    table: Table
    measure: Measure
    scope: Scope

    @classmethod
    def of(cls, policy: Policy, today: date | None) -> Ranking:
        """The parts of a ranking; raises `CallError` where borders of the value cannot stand for it."""
        program = policy.program
        measures = {FieldValue(name): measure for one in program.population for name, measure in one.measures}
        readers = [node for node in nodes_of(program) if node in measures]
        tables = [table for table in program.tables if any(column.subject in measures for column in table.columns)]
        if len(readers) == len(tables) == len(program.population) == 1:
            (population,), (table,), (reader,) = program.population, tables, readers
            if {column.subject for column in table.columns} <= {reader, population.value}:
                scope = Scope({}, parameter_values(program, today), today, {}, policy.calls)
                return cls(program, population, table, measures[reader], scope)
        remedy = "leave out the outputs that are measures" if len(tables) == 1 else "it is no ranking of one table"
        raise CallError(f"{policy.id} gives more than classes, which borders of the value cannot freeze; {remedy}")

    def frozen(self, records: Sequence[Mapping[str, Value | None] | None]) -> Program:
        """The program with the borders that these records draw."""
        today, functions = self.scope.today, self.scope.functions
        ranked = list(ranked_values(self.population, self.program, records, today, functions))
        standings = standings_of(self.population, ranked)
        if not standings:
            message = f"{self.program.id} cannot be fitted: no record of {len(ranked):,} has a value that is ranked"
            raise CallError(message)
        columns = tuple(map(self.column, (*self.population.within, self.population.value)))
        table = replace(self.table, columns=columns, rows=tuple(self.rows(standings)))
        measured = set(self.program.measured)
        version = f"{self.program.version}+{FITTED}" if self.program.version else FITTED
        steps = tuple(table if step is self.table else step for step in self.program.steps)
        fields = tuple(field for field in self.program.fields if field.name not in measured)
        found = replace(self.program, version=version, fields=fields, steps=steps, population=())
        return without_unused(found, measured)

    def column(self, subject: Expr) -> Column:
        """A column that tests an expression, under the heading it had, or its own name."""
        for column in self.table.columns:
            if column.subject == subject:
                return column
        match subject:
            case FieldValue(name) | StepValue(_, name):
                return Column(name, subject, type_of(subject, scope_of(self.program)))
            case _:
                return Column("value", subject, type_of(subject, scope_of(self.program)))

    def rows(self, standings: Mapping[Place, Standings]) -> Iterator[Row]:
        """The rows of the table over the parts of the population and the ranked value."""
        anywhere = tuple(ANYTHING for _ in self.population.within)
        names: set[str] = set()
        for row in self.table.rows:
            value_test, measure_test = self.tests(row)
            if row.otherwise or measure_test == ANYTHING:
                yield replace(row, tests=(*anywhere, value_test), cells=())
                continue
            for place in sorted(standings, key=str):
                for interval in self.intervals(standings[place], value_test, measure_test):
                    name = fresh(".".join((row.id, *(OTHER_SIGN.sub("-", str(part)) for part in place))), names)
                    here = tuple(
                        OneOf((Constant(part, self.column(expr).type),))  # type: ignore[arg-type]
                        for part, expr in zip(place, self.population.within, strict=True)
                    )
                    yield replace(row, id=name, tests=(*here, interval), cells=())

    def tests(self, row: Row) -> tuple[Test, Test]:
        """What a row asks of the ranked value and of the measure."""
        value_test: Test = ANYTHING
        measure_test: Test = ANYTHING
        for column, test in zip(self.table.columns, row.tests, strict=not row.otherwise):
            if column.subject == self.population.value:
                value_test = test
            else:
                measure_test = test
        return (ANYTHING, ANYTHING) if row.otherwise else (value_test, measure_test)

    def intervals(self, standings: Standings, value_test: Test, measure_test: Test) -> Iterator[Test]:
        """The intervals of the value in which the measure passes its test, the largest values first.

        The measure changes only where the value passes one that was fitted: with `count` of those above
        it (or at it, for a measure that counts equals) it is the same up to the next one.
        """
        last = len(standings.values)
        kept = [passes(measure_test, standings.measure(self.measure, n, n), self.scope) for n in range(last + 1)]
        kind = self.column(self.population.value).type
        at_border = self.measure not in COUNTS_EQUALS  # a value at a border belongs to the interval above it
        for holds, run in groupby(range(last + 1), key=kept.__getitem__):
            counts = list(run)
            if holds:
                first, end = counts[0], counts[-1]
                high = None if first == 0 else Bound(Constant(standings.values[first - 1], kind), not at_border)
                low = None if end == last else Bound(Constant(standings.values[end], kind), at_border)
                yield both(value_test, low, high)


def both(test: Test, low: Bound | None, high: Bound | None) -> Test:
    """What a row asks of a ranked value, within an interval whose borders are values that passed it."""
    match test:
        case Within(below, above):
            return Within(low or below, high or above)
        case Anything() | IsPresent() if low is None and high is None:
            return test
        case _:
            return Within(low, high)


def fresh(name: str, taken: set[str]) -> str:
    """The name, with a number where it is taken."""
    found, number = name, 1
    while found in taken:
        number += 1
        found = f"{name}-{number}"
    taken.add(found)
    return found


def without_unused(program: Program, measured: set[str]) -> Program:
    """The program without parameters that became values, and laws about measures that it no longer has."""
    used = {node.name for node in nodes_of(program) if isinstance(node, ParameterValue)}
    order = (tuple(name for name in names if name in used) for names in program.order)
    laws = (
        law
        for law in program.laws
        if not any(isinstance(node, FieldValue) and node.name in measured for node in law_nodes((law,)))
    )
    return replace(
        program,
        parameters=tuple(parameter for parameter in program.parameters if parameter.name in used),
        order=tuple(names for names in order if len(names) > 1),
        laws=tuple(laws),
    )
