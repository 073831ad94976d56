"""Looking for records that reach a rule: one small witness for each rule and each outcome of a program.

    Search(ground).witnesses()

The search goes backwards from the cells of a rule. A cell that a record fails names the fields that could
change it: its own field, those of its formula, or the rules of the earlier table that it tests. Of all these moves the
one that brings the record nearest to the rule is made, until it is there or no move helps. A rule that is not reached
within the budget is left out; whether it can be reached at all is for `check` to say.

A witness is made simple afterwards: fields that may be missing are, numbers are round, days are near today.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date
from itertools import islice
from operator import itemgetter
from random import Random
from typing import Any, TypeAlias

from crm_rules.dataclass import dataclass
from crm_rules.ir.evaluate import Evaluation, Scope, Undecided, passes, row_holds, value_of
from crm_rules.ir.nodes import (
    Anything,
    Coalesce,
    Constant,
    Expr,
    FieldValue,
    IsMissing,
    NotPassing,
    OneOf,
    StepValue,
    Test,
    Value,
)
from crm_rules.ir.program import Column, Derive, Field, Program, Row, Step, Table, Total
from crm_rules.ir.rewrite import descendants
from crm_rules.ir.types import Boolean, Choice
from crm_rules.testing.borders import (
    Ground,
    Values,
    accepts,
    borders_of,
    computed_from,
    formulas_of,
    landmarks,
    neighbours,
    opened,
)

Place: TypeAlias = tuple[str, int]  # a table and the position of a row in it
Record: TypeAlias = dict[str, Value | None]
Move: TypeAlias = tuple[str, Value | None]

NOWHERE: Place = ("", 0)
FAILED = 1.0  # what a failing cell costs; how far it is from its border adds less than this again
FAR = 50  # points from a border, of which a point more or less hardly matters
IMPOSSIBLE = 20.0  # a value that no rule of a table gives
UNKNOWN = 3.0  # a cell whose subject is undecided
MOST_STEPS = 12  # towards one rule from one record
MOST_STARTS = 6
MOST_MOVES = 60  # that are compared in one step
MOST_DETOURS, MOST_SECONDS = 6, 20  # where no single move helps: moves to begin with, and moves after each of them
MOST_VALUES = 3  # of one field for one cell
MOST_ROWS = 12  # of an earlier table that a cell's value may come from
DEEPEST = 6  # tables behind each other


@dataclass(frozen=True, slots=True)
class Witness:
    """Accepted values for which a rule holds; `decided` when the whole program is decided for them."""

    place: Place
    values: Record
    decided: bool


class Search:
    """The search for the witnesses of one program on one day; `fixed` are values that no move may change."""

    def __init__(self, ground: Ground, fixed: Values | None = None) -> None:
        self.ground = replace(ground, program=with_outcomes(ground.program))
        self.fixed = dict(fixed or {})
        self.fields = {field.name: field for field in ground.program.fields}
        self.steps: dict[str, Step] = {step.id: step for step in self.ground.program.steps}
        self.formulas = formulas_of(ground.program)
        self.found: dict[Place, Witness] = {}

    def witnesses(self, before: Iterable[Record] = ()) -> tuple[Witness, ...]:
        """A witness for each rule and outcome that was reached, the simplest first; `before` is where to begin."""
        for record in [self.plain(), *before]:
            self.note({**record, **self.fixed})
        settled = set(self.found)
        wanted = [(table.id, index) for table in self.ground.program.tables for index in range(len(table.rows))]
        for place in wanted:
            if place not in self.found or not self.found[place].decided:
                self.reach(place)
        small = {
            place: witness if place in settled and witness.decided else self.simplified(witness)
            for place, witness in self.found.items()
        }
        plain = self.plain()
        if not small:  # a program without rules and choices
            return (Witness(NOWHERE, plain, self.ground.evaluation(plain).status == "decided"),)
        order = {place: number for number, place in enumerate(wanted)}

        def simplest(one: Witness) -> tuple[bool, int, int, int]:
            changed = sum(one.values[name] != plain[name] for name in plain)
            return not one.decided, present(one.values), changed, order[one.place]

        return tuple(sorted(small.values(), key=simplest))

    def plain(self) -> Record:
        """The simplest record: what may be missing is, the rest is the first value of its field."""
        record: Record = {
            name: field.default if field.optional or field.default is not None else first(field, self.ground.today)
            for name, field in self.fields.items()
        }
        return record | self.fixed

    def note(self, record: Record) -> Evaluation:
        """Evaluate, and keep the record for every rule that it reaches first."""
        evaluation = self.ground.evaluation(record)
        decided = evaluation.status == "decided"
        for step, result in evaluation.steps.items():
            for index in result.rows:
                known = self.found.get((step, index))
                if known is None or (decided and not known.decided):
                    self.found[step, index] = Witness((step, index), dict(record), decided)
        return evaluation

    def scope(self, record: Record) -> Scope:
        """What the expressions of the program see for a record."""
        return self.ground.scope(record, self.ground.evaluation(record))

    # Towards a rule

    def reach(self, place: Place) -> None:
        """Climb towards one rule, from the plain record, from known witnesses and from some mixed at random."""
        random = Random(f"{place}")  # noqa: S311 - the same search every time
        known = [dict(witness.values) for witness in self.found.values()]
        starts = [self.plain(), *known[-MOST_STARTS:]]
        if len(known) > 1:
            starts += [{name: random.choice(known)[name] for name in self.fields} for _ in range(MOST_STARTS)]
        table, row = self.row(place)
        starts.sort(key=lambda start: self.cost(table, row, self.scope(start), DEEPEST))
        for number, start in enumerate(starts):
            if self.climb(place, start, detours=MOST_DETOURS if number == 0 else 0) and self.found[place].decided:
                return

    def climb(self, place: Place, record: Record, detours: int) -> bool:
        """Make the best move until the rule is reached; False when neither a move nor two bring the record nearer."""
        cost = self.cost(*self.row(place), self.scope(record), DEEPEST)
        for _ in range(MOST_STEPS):
            if place in self.found and self.found[place].decided:
                return True
            ways = self.ways(place, record, MOST_MOVES)
            if not ways or ways[0][0] >= cost:
                ways = [second for _, after in ways[:detours] for second in self.ways(place, after, MOST_SECONDS)]
            if not ways:
                break
            nearest, record = min(ways, key=itemgetter(0))
            if nearest >= cost:
                break
            cost = nearest
        return place in self.found

    def ways(self, place: Place, record: Record, most: int) -> list[tuple[float, Record]]:
        """The records that one move leads to, the nearest to the rule first; no more are made once it is reached."""
        table, row = self.row(place)
        found: list[tuple[float, Record]] = []
        seen: set[Move] = set()
        for name, value in self.towards(table, row, self.scope(record), DEEPEST):
            if (name, value) in seen or name in self.fixed or record[name] == value:
                continue
            seen.add((name, value))
            after = {**record, name: value}
            cost = self.cost(table, row, self.ground.scope(after, self.note(after)), DEEPEST)
            found.append((cost, after))
            if cost == 0 or len(seen) >= most:
                break
        return sorted(found, key=itemgetter(0))

    def row(self, place: Place) -> tuple[Table, Row]:
        """The table and the row of a place."""
        table = self.steps[place[0]]
        if not isinstance(table, Table):
            raise AssertionError(place)  # noqa: TRY004 - a place is made from a table
        return table, table.rows[place[1]]

    def rivals(self, table: Table, row: Row) -> tuple[Row, ...]:
        """The rows that must not hold for this one to count."""
        others = tuple(one for one in table.rows if one is not row and not one.otherwise)
        if row.otherwise:
            return others
        match table.hit_policy:
            case "first":
                return table.rows[: table.rows.index(row)]
            case "unique":
                return others
            case _:
                return ()

    def holding(self, table: Table, row: Row, scope: Scope) -> tuple[Row, ...]:
        """The rivals that hold."""
        return self.held(table, self.rivals(table, row), scope)

    def held(self, table: Table, rows: tuple[Row, ...], scope: Scope) -> tuple[Row, ...]:
        """The rows that hold; none when a subject is undecided."""
        try:
            subjects = tuple(value_of(column.subject, scope) for column in table.columns)
        except Undecided:
            return ()
        return tuple(one for one in rows if row_holds(one, subjects, scope))

    def cost(self, table: Table, row: Row, scope: Scope, depth: int) -> float:
        """How far a record is from a rule: 0 when it is reached."""
        cells = () if row.otherwise else tuple(zip(table.columns, row.tests, strict=True))
        apart = sum(self.gap(column.subject, test, scope, depth) for column, test in cells)
        return apart + FAILED * len(self.holding(table, row, scope))

    def gap(self, expr: Expr, test: Test, scope: Scope, depth: int) -> float:  # noqa: PLR0911 - one case a node
        """How far the value of an expression is from passing a test."""
        try:
            value = value_of(expr, scope)
        except Undecided:
            return UNKNOWN
        if passes(test, value, scope):
            return 0.0
        source = self.steps.get(expr.step) if isinstance(expr, StepValue) else None
        match expr:
            case StepValue() if isinstance(source, Derive):
                return self.gap(source.expr, test, scope, depth)
            case StepValue(_, output) if isinstance(source, Table) and depth > 0:
                ways = [self.cost(source, row, scope, depth - 1) for row in self.giving(source, output, test, scope)]
                if source.optional and passes(test, None, scope):
                    ways.append(FAILED * len(self.held(source, source.rows, scope)))
                if ways:
                    return min(ways) + FAILED
                written = all(isinstance(output, Constant) for row in source.rows for output in row.outputs)
                return IMPOSSIBLE if written else self.distance(value, test, scope)
            case StepValue() if isinstance(source, Total) and depth > 0:
                return self.apart(source, value, test, scope, depth)
            case Coalesce(operands):
                ways, absent = [], 0.0
                for operand in operands:
                    ways.append(absent + self.gap(operand, test, scope, depth))
                    absent += self.gap(operand, IsMissing(), scope, depth)
                return min(ways)
            case _:
                return self.distance(value, test, scope)

    def giving(self, table: Table, output: str, test: Test, scope: Scope) -> list[Row]:
        """The rows of an earlier table whose output passes a test."""
        place = [name for name, _ in table.outputs].index(output)
        found = []
        for row in table.rows:
            try:
                if passes(test, value_of(row.outputs[place], scope), scope):
                    found.append(row)
            except Undecided:
                continue
        return found[:MOST_ROWS]

    def apart(self, total: Total, value: Any, test: Test, scope: Scope, depth: int) -> float:
        """How far a total is from its border; of two as far, the one beside a rule with better points is nearer.

        Else a rule of two cells would never be reached: the first of them alone changes no points.
        """
        limits: list[Any] = [value_of(border, scope) for border in borders_of(test)]
        border = min((limit for limit in limits if limit is not None), key=lambda one: abs(one - value), default=value)
        ways = [UNKNOWN]
        for name, weight in total.terms:
            table = self.steps[name]
            now: Any = value_of(StepValue(name, total.output), scope)
            if not isinstance(table, Table):
                continue
            for row in table.rows[:MOST_ROWS]:
                gain = weight * (self.points(row, scope) - now)
                if gain and (gain > 0) != (border < value):
                    ways.append(self.cost(table, row, scope, depth - 1))
        missing, nearest = abs(border - value), min(ways)
        return FAILED + float(FAR * missing / (missing + FAR)) * 0.2 + nearest / (nearest + 1) * 0.05

    def points(self, row: Row, scope: Scope) -> Any:
        """The points of a rule; none where they are computed from what is undecided."""
        try:
            return value_of(row.outputs[0], scope) or 0
        except Undecided:
            return 0

    def distance(self, value: Any, test: Test, scope: Scope) -> float:
        """A failing cell: more for a value that is far from every border of the test."""
        if value is None or isinstance(value, bool | str | tuple):
            return FAILED
        borders: list[Any] = [value_of(border, scope) for border in borders_of(test)]
        apart = [abs(measure(value) - measure(border)) for border in borders if border is not None]
        nearest = min(apart, default=0)
        return FAILED + float(nearest / (nearest + 1)) * 0.9

    # Moves

    def towards(self, table: Table, row: Row, scope: Scope, depth: int) -> Iterator[Move]:
        """Changes of one field that may bring a rule about, or a rival down."""
        if depth == 0:
            return
        if not row.otherwise:
            for column, test in zip(table.columns, row.tests, strict=True):
                if self.gap(column.subject, test, scope, 1) > 0:
                    yield from self.moves(column.subject, test, scope, depth, wanted=True)
        for rival in self.holding(table, row, scope):
            for column, test in zip(table.columns, rival.tests, strict=True):
                if not isinstance(test, Anything):
                    yield from self.moves(column.subject, test, scope, depth, wanted=False)

    def moves(  # noqa: C901, PLR0912 - one case a node
        self, expr: Expr, test: Test, scope: Scope, depth: int, *, wanted: bool
    ) -> Iterator[Move]:
        """Changes of one field after which an expression may pass (or no longer pass) a test."""
        source = self.steps.get(expr.step) if isinstance(expr, StepValue) else None
        match expr:
            case FieldValue(name):
                yield from self.values_for(self.fields[name], test, scope, wanted=wanted)
            case StepValue() if isinstance(source, Derive):
                yield from self.moves(source.expr, test, scope, depth, wanted=wanted)
            case StepValue(_, output) if isinstance(source, Table):
                aim = test if wanted else NotPassing(test)
                for row in self.giving(source, output, aim, scope):
                    yield from self.towards(source, row, scope, depth - 1)
                if source.hit_policy == "collect":
                    for row in source.rows[:MOST_ROWS]:
                        yield from self.towards(source, row, scope, depth - 1)
                        yield from self.against(source, row, scope, depth - 1)
                elif source.optional and passes(aim, None, scope):
                    for row in self.held(source, source.rows, scope):
                        yield from self.against(source, row, scope, depth - 1)
            case Coalesce(operands):
                for place, operand in enumerate(operands):
                    yield from self.moves(operand, test, scope, depth, wanted=wanted)
                    if place < len(operands) - 1:
                        yield from self.moves(operand, IsMissing(), scope, depth, wanted=True)
            case StepValue() if isinstance(source, Total):
                for name, _ in source.terms:
                    table = self.steps[name]
                    rows = table.rows[:MOST_ROWS] if isinstance(table, Table) else ()
                    for row in rows:
                        yield from self.towards(table, row, scope, depth - 1)  # type: ignore[arg-type]
            case _:
                yield from self.within(expr, test, scope, depth, wanted=wanted)

    def against(self, table: Table, row: Row, scope: Scope, depth: int) -> Iterator[Move]:
        """Changes of one field after which a row may no longer hold."""
        if depth > 0 and not row.otherwise:
            for column, test in zip(table.columns, row.tests, strict=True):
                if not isinstance(test, Anything):
                    yield from self.moves(column.subject, test, scope, depth, wanted=False)

    def within(self, expr: Expr, test: Test, scope: Scope, depth: int, *, wanted: bool) -> Iterator[Move]:
        """Moves for a formula: the borders that it has in each of its fields, and what its steps can give."""
        condition = (opened(expr, self.formulas), (test,))
        own = Ground(self.ground.program, self.ground.today, self.ground.functions, (condition,))
        names = [node.name for node in descendants(condition[0]) if isinstance(node, FieldValue)]
        for name in dict.fromkeys(names):
            field = self.fields[name]
            yield from ((name, value) for value in own.borders(scope.values, field))
            if field.may_be_missing:
                yield name, None
            if scope.values[name] is None:
                yield from ((name, value) for value in landmarks(field, self.ground.today))
        for node in descendants(condition[0]):
            source = self.steps.get(node.step) if isinstance(node, StepValue) else None
            if isinstance(source, Table) and depth > 0:
                for name in computed_from(source):
                    field = self.fields[name]
                    yield from ((name, value) for value in self.ground.borders(scope.values, field))
                    yield from ((name, value) for value in landmarks(field, self.ground.today))
                for row in source.rows[:MOST_ROWS]:
                    yield from self.towards(source, row, scope, depth - 1)
            elif isinstance(source, Total) and depth > 0:
                yield from self.moves(node, test, scope, depth - 1, wanted=wanted)

    def values_for(self, field: Field, test: Test, scope: Scope, *, wanted: bool) -> Iterator[Move]:
        """Values of a field that pass a test, or fail it: beside its own borders, then simple ones, then missing."""
        near = [*self.ground.beside(field, test), *landmarks(field, self.ground.today)]
        fitting = (value for value in dict.fromkeys(near) if passes(test, value, scope) is wanted)
        for value in islice(fitting, MOST_VALUES):
            yield field.name, value
        if field.may_be_missing and passes(test, None, scope) is wanted:
            yield field.name, None

    # Simple witnesses

    def simplified(self, witness: Witness) -> Witness:
        """The same rule with fewer fields, rounder numbers, days nearer to today, field by field."""
        record = dict(witness.values)
        for name, field in self.fields.items():
            if name in self.fixed:
                continue
            for value in self.simpler(field, record[name]):
                after = {**record, name: value}
                evaluation = self.ground.evaluation(after)
                result = evaluation.steps[witness.place[0]]
                if witness.place[1] in result.rows and (evaluation.status == "decided") >= witness.decided:
                    record = after
                    break
        return Witness(witness.place, record, witness.decided)

    def simpler(self, field: Field, value: Value | None) -> Iterator[Value | None]:
        """Values that a person would rather read than this one."""
        if value is None:
            return
        if field.optional or field.default is not None:
            yield field.default
        for simple in landmarks(field, self.ground.today):
            if simple == value:
                return
            yield simple


def with_outcomes(program: Program) -> Program:
    """The program with a table over each output that is a choice or a truth value, so that a rule is each outcome."""
    tables: list[Step] = []
    for output in program.outputs:
        values: tuple[Value, ...] = (True, False) if isinstance(output.type, Boolean) else ()
        if isinstance(output.type, Choice):
            values = output.type.one_of[:MOST_ROWS]
        rows = tuple(Row(str(value), (OneOf((Constant(value, output.type),)),), ()) for value in values)
        column = Column(output.name, output.expr, output.type)
        tables.append(
            Table(f"outcome {output.name}", (column,), rows, (), optional=True)
        )  # no author can write a space
    return replace(program, steps=(*program.steps, *tables))


def first(field: Field, today: date | None) -> Value:
    """The simplest value of a field: its first choice, false, zero, today, or what lies next to them."""
    found = landmarks(field, today)
    if found:
        return found[0]
    near = [value for border in (field.low, field.high) if border is not None for value in neighbours(field, border)]
    return next(value for value in near if accepts(field, value))


def present(record: Values) -> int:
    """How many fields have a value."""
    return sum(value is not None for value in record.values())


def measure(value: Any) -> Any:
    """A number or a day as a place on a line."""
    return value.toordinal() if isinstance(value, date) else value
