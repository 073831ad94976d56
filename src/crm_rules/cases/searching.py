"""Looking for a record that reaches a point of a policy, beginning with the records of its cases.

The search takes the records that come nearest and changes one fact at a time as long as that brings
them nearer: to a border or its neighbour, to another choice, to missing, to what makes a derived value
the wanted one, or to the facts of a record whose required decision is the wanted one. It works on
the chain as one program. It is no proof: what is not found may still be within reach.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from fractions import Fraction
from typing import Any, TypeAlias

from crm_rules.cases.candidates import apart, basic, near, solved
from crm_rules.cases.coverage import Point, values_at
from crm_rules.cases.trials import Place, Trial, Trials, Values
from crm_rules.ir.evaluate import Scope, parameter_values, passes, value_of
from crm_rules.ir.nodes import Anything, FieldValue, StepValue, Test, Value
from crm_rules.ir.program import Column, Row, Table
from crm_rules.ir.rewrite import descendants
from crm_rules.ir.typing import borders

Distance: TypeAlias = tuple[int, Any, int]
Cell: TypeAlias = tuple[Table, int, Test]
BEGINNINGS = 4  # records from which a search begins
DEEPEST = 3  # tables behind one another through which a wanted value is followed
STEPS = 10  # changes of one record
EVALUATIONS = 2_000  # of one search
FAR: Distance = (1_000, 0, 1)


def find(trials: Trials, point: Point, also: tuple[Place, ...] = ()) -> Trial | None:
    """A record that reaches the point and passes the rules in `also`; None when none was found."""
    aim = Aim(trials, point, also)
    limit = trials.evaluations + EVALUATIONS
    nearest = sorted(trials, key=aim.distance)[:BEGINNINGS]
    found = (approach(trial, aim, limit) for trial in nearest)
    return next((trial for trial in found if trial is not None and aim.is_answered(trial)), None)


def approach(trial: Trial, aim: Aim, limit: int) -> Trial | None:
    """Change one fact after the other as long as that brings the record nearer."""
    here = aim.distance(trial)
    for _ in range(STEPS):
        if here[:2] == (0, 0):
            return trial
        best, nearest = trial, here
        for values, today in aim.moves(trial):
            if aim.trials.evaluations > limit:
                break
            found = aim.trials.look(values, today)
            distance = aim.distance(found)
            if distance < nearest:
                best, nearest = found, distance
        if best is trial:
            return None
        trial, here = best, nearest
    return trial if here[:2] == (0, 0) else None


class Aim:
    """One point that a search wants to reach, as conditions on the cells of its table, and further rules to pass."""

    def __init__(self, trials: Trials, point: Point, also: tuple[Place, ...]) -> None:
        self.trials = trials
        self.point = point
        self.table, self.row = self.placed(point.table, point.row)
        self.values = values_at(point)
        only_column = point.side in {"choice", "other", "missing"}
        self.wanted = (*(() if only_column else ((self.table, self.row),)), *(self.placed(*place) for place in also))

    def is_answered(self, trial: Trial) -> bool:
        """True when the tables gave something: a row that needs an undecided step leaves its table without a trace."""
        tables = (self.table, *(table for table, _ in self.wanted))
        return all(len(trial.evaluation.steps[table.id].subjects) == len(table.columns) for table in tables)

    def placed(self, table: Table, row: Row) -> Place:
        """A rule of the policy as it stands in the whole chain."""
        step = self.trials.program.step(table.id)
        if not isinstance(step, Table):
            raise TypeError(table.id)
        return step, step.rows[table.rows.index(row)]

    def scope(self, trial: Trial) -> Scope:
        """What the borders can see."""
        known = parameter_values(self.trials.program, trial.today)
        return Scope(trial.values, known, trial.today, trial.evaluation.steps, self.trials.policy.calls)

    def distance(self, trial: Trial) -> Distance:
        """How many conditions do not hold, then how far the tested values are off, then whether it is undecided."""
        scope = self.scope(trial)
        undecided = int(trial.evaluation.status != "decided")
        wrong, gap = 0, Fraction(0)
        if self.point.index is not None:
            subjects = self.subjects(trial, self.table)
            if subjects is None:
                return FAR
            found = subjects[self.point.index]
            if not self.values.contains(found):
                wrong += 1
                column = self.table.columns[self.point.index]
                gap += self.through_rules(trial, column, list(self.point.choices), scope) or apart(
                    found, self.point.value
                )
            wrong += not self.in_force(scope)
        for table, index, test in self.failing(trial, scope):
            subjects = self.subjects(trial, table)
            if subjects is None:
                return FAR
            wrong += 1
            gap += self.off(trial, table.columns[index], test, subjects[index], scope)
        wrong += sum(1 for place in self.wanted for _ in self.taking(trial, place, scope))
        return wrong, gap, undecided

    def off(self, trial: Trial, column: Column, test: Test, found: Any, scope: Scope) -> Any:
        """How far a value is from passing a cell."""
        ends = [value_of(expr, scope) for expr in borders(test)]
        return self.through_rules(trial, column, ends, scope) or min((apart(found, end) for end in ends), default=1)

    def through_rules(self, trial: Trial, column: Column, wanted: list[Value | None], scope: Scope) -> int:
        """One more than what keeps the nearest earlier rule from giving a wanted value; 0 without such a rule."""
        off = [
            len([*self.failing_cells(trial, place, scope), *self.taking(trial, place, scope)])
            for place in self.trials.producers(column.subject, wanted)
        ]
        return min(off, default=-1) + 1

    def subjects(self, trial: Trial, table: Table) -> tuple[Value | None, ...] | None:
        """The tested values of a table; None where an earlier step is undecided."""
        found = trial.evaluation.steps[table.id].subjects
        return found if len(found) == len(table.columns) else None

    def in_force(self, scope: Scope) -> bool:
        """True when the border is the one of that day."""
        index, border = self.point.index, self.point.border
        if index is None or border is None:
            return True
        return any(value_of(expr, scope) == border for expr in borders(self.row.tests[index]))

    def failing(self, trial: Trial, scope: Scope) -> Iterator[Cell]:
        """The cells that have to hold and do not."""
        for place in self.wanted:
            for cell in self.failing_cells(trial, place, scope):
                if place[0] is not self.table or cell[1] != self.point.index:
                    yield cell

    def failing_cells(self, trial: Trial, place: Place, scope: Scope) -> Iterator[Cell]:
        """The cells of one rule that do not hold."""
        table, row = place
        subjects = self.subjects(trial, table)
        for index, test in enumerate(() if row.otherwise else row.tests):
            if subjects is None or not passes(test, subjects[index], scope):
                yield table, index, test

    def taking(self, trial: Trial, place: Place, scope: Scope) -> Iterator[Place]:
        """The rules that take the record away from one rule."""
        table, row = place
        subjects = self.subjects(trial, table)
        if subjects is None or not (row.otherwise or table.hit_policy == "first"):
            return
        for rival in table.rows if row.otherwise else table.rows[: table.rows.index(row)]:
            held = (passes(test, value, scope) for test, value in zip(rival.tests, subjects, strict=True))
            if not rival.otherwise and (table, rival) not in self.wanted and all(held):
                yield table, rival

    def moves(self, trial: Trial) -> Iterator[tuple[Values, date | None]]:
        """Records with one fact changed, or the day, that may come nearer."""
        scope = self.scope(trial)
        if not self.in_force(scope):
            yield from ((trial.values, day) for day in self.days())
        for table in {id(table): table for table, _ in ((self.table, None), *self.wanted)}.values():
            if self.subjects(trial, table) is None:
                for field in self.trials.fields.values():
                    yield from self.with_fact(trial, field.name, basic(field, self.trials, trial.today))
                return
        if self.point.index is not None:
            column = self.table.columns[self.point.index]
            yield from self.towards(trial, self.table, column, list(self.point.choices), scope)
        for table, index, test in self.failing(trial, scope):
            column = table.columns[index]
            wanted = [value for value in near(column, test, self.trials) if passes(test, value, scope)]
            yield from self.towards(trial, table, column, wanted, scope)
        for place in self.wanted:
            yield from self.away(trial, place, scope, depth=DEEPEST)

    def away(self, trial: Trial, place: Place, scope: Scope, *, depth: int) -> Iterator[tuple[Values, date | None]]:
        """Records that the earlier rules may not take away from a rule."""
        for table, rival in self.taking(trial, place, scope):
            for index, (column, test) in enumerate(zip(table.columns, rival.tests, strict=True)):
                if not isinstance(test, Anything) and not (table is self.table and index == self.point.index):
                    wanted = [value for value in near(column, test, self.trials) if not passes(test, value, scope)]
                    yield from self.towards(trial, table, column, wanted, scope, depth=depth)

    def days(self) -> Iterator[date]:
        """The days on which a parameter changes, and those of the cases."""
        program = self.trials.program
        changes = [dated.since for one in program.parameters for dated in one.values if dated.since is not None]
        for day in (*changes, *self.trials.days):
            if day is not None and len(parameter_values(program, day)) == len(program.parameters):
                yield day

    def towards(
        self,
        trial: Trial,
        table: Table,
        column: Column,
        wanted: list[Value | None],
        scope: Scope,
        *,
        depth: int = DEEPEST,
    ) -> Iterator[tuple[Values, date | None]]:
        """Records whose value in a column may be one of the wanted."""
        trials = self.trials
        expr = trials.expanded(column.subject)
        if isinstance(expr, FieldValue):
            yield from self.with_fact(trial, expr.name, wanted)
            return
        fields = trials.reads(expr)
        through_rules = any(isinstance(node, StepValue) for node in descendants(expr))
        for name in fields:
            field = trials.fields[name]
            yield from self.with_fact(trial, name, basic(field, trials, trial.today))
            if not through_rules:
                for value in wanted:
                    yield from self.with_fact(trial, name, solved(expr, field, value, scope))
        for place in trials.producers(column.subject, wanted) if depth else ():
            for inner, index, test in self.failing_cells(trial, place, scope):
                cell = inner.columns[index]
                values = [value for value in near(cell, test, trials) if passes(test, value, scope)]
                yield from self.towards(trial, inner, cell, values, scope, depth=depth - 1)
            yield from self.away(trial, place, scope, depth=depth - 1)
        if through_rules:
            index = table.columns.index(column)
            for other in trials:
                subjects = self.subjects(other, table)
                if subjects is not None and subjects[index] in wanted:
                    borrowed = {name: other.values[name] for name in fields}
                    yield trial.values | borrowed, trial.today
                    yield trial.values | borrowed, other.today

    def with_fact(
        self, trial: Trial, name: str, values: Iterable[Value | None]
    ) -> Iterator[tuple[Values, date | None]]:
        """The record with each acceptable value of one field."""
        for value in values:
            if value != trial.values[name] and self.trials.accepts(name, value):
                yield trial.values | {name: value}, trial.today
