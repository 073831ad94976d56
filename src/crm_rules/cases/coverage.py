"""What the cases reach: every rule, and every border just below it, at it and just above it.

A border counts for a case whose value lies there while all other cells of the rule hold and no
earlier rule takes the record, so that this border alone decides. Of a column of choices each value
that a cell names counts, and one that none names; of a column that may be missing, missing. Rules
and cells are known by the place they are written at, so what the cases of a base pack reach counts
for the pack that extends it, where it has the same border. Nothing is printed here.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import replace
from datetime import date
from typing import Any, Literal, TypeAlias

from crm_rules.cases.boxes import Boxes
from crm_rules.cases.neighbours import Spacing, spacing
from crm_rules.cases.running import SuiteResult, with_required
from crm_rules.dataclass import dataclass
from crm_rules.decision import Decision
from crm_rules.ir.check import scope_of
from crm_rules.ir.evaluate import NO_FUNCTIONS, Evaluation, Scope, parameter_values, passes, value_of
from crm_rules.ir.measure import takes_part
from crm_rules.ir.nodes import Anything, Constant, Expr, FieldValue, ParameterValue, Test, Value
from crm_rules.ir.numbers import to_fact
from crm_rules.ir.population import MEASURES, SHARE
from crm_rules.ir.program import Column, Program, Row, Table
from crm_rules.ir.record import Rejected, accept
from crm_rules.ir.types import Boolean, Choice
from crm_rules.ir.typing import borders, may_be_missing
from crm_rules.policy import Policy
from crm_rules.questions.sets import ValueSet, between, union
from crm_rules.questions.sets import point as one_point
from crm_rules.source import Span

Side: TypeAlias = Literal["rule", "below", "at", "above", "choice", "other", "missing"]
Key: TypeAlias = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Point:
    """One thing for a case to reach: a rule, or a value in one of its cells.

    `value` is what the column's subject has there (None: missing; unused for a rule), or the first of
    several `choices` that no cell names; `keys` are the observations of which any one reaches it;
    `reason` says why none can.
    """

    side: Side
    rule: str
    table: Table
    row: Row
    keys: frozenset[Key]
    index: int | None = None
    value: Value | None = None
    border: Value | None = None
    covered: bool = False
    reason: str = ""

    @property
    def choices(self) -> tuple[Value | None, ...]:
        """The values to choose from."""
        if self.side != "other" or self.column is None:
            return (self.value,)
        free = {value for _, _, value in self.keys}
        return tuple(value for value in choices(self.column) if value in free)

    @property
    def column(self) -> Column | None:
        """The column that is tested; None for a rule."""
        return None if self.index is None else self.table.columns[self.index]

    @property
    def span(self) -> Span | None:
        """Where the rule or the cell is written; None where a plug-in does not say."""
        return self.row.span if self.index is None else cell_span(self.row, self.index)

    @property
    def others(self) -> tuple[tuple[Column, Test], ...]:
        """The further cells that the record has to pass."""
        if self.row.otherwise or self.side in {"choice", "other", "missing"}:
            return ()
        cells = enumerate(zip(self.table.columns, self.row.tests, strict=True))
        return tuple(cell for index, cell in cells if index != self.index and not isinstance(cell[1], Anything))


@dataclass(frozen=True, slots=True)
class PolicyCoverage:
    """The points of one policy; `name` is its id, with the version where several editions have cases."""

    policy: Policy
    name: str
    points: tuple[Point, ...]

    @property
    def rules(self) -> tuple[Point, ...]:
        """The rules."""
        return tuple(point for point in self.points if point.side == "rule")

    @property
    def borders(self) -> tuple[Point, ...]:
        """The values in cells."""
        return tuple(point for point in self.points if point.side != "rule")

    @property
    def missing(self) -> tuple[Point, ...]:
        """What a case could reach and none does."""
        return tuple(point for point in self.points if not point.covered and not point.reason)


def reached_of(points: Iterable[Point]) -> tuple[int, int]:
    """How many points are reached, and of how many that can be."""
    possible = [point for point in points if point.covered or not point.reason]
    return sum(point.covered for point in possible), len(possible)


def coverage(results: Iterable[SuiteResult]) -> tuple[PolicyCoverage, ...]:
    """The coverage of each policy that the cases decide. Cost: the cells of its tables for each case."""
    reached: set[Key] = set()
    asked: dict[tuple[str, str, str], Policy] = {}
    for one in (one for result in results for one in result.results):
        policy = one.case.policy
        key = (policy.id, policy.version, policy.about.path)
        if key not in asked or asked[key].blank_parameters():
            asked[key] = policy  # of a policy in several packs, one that can decide
        for decision in with_required(one.decision):
            reached |= observed(decision)
    found = []
    for policy in asked.values():
        editions = {version for name, version, _ in asked if name == policy.id}
        name = f"{policy.id} {policy.version}" if len(editions) > 1 else policy.id
        found.append(PolicyCoverage(policy, name, tuple(points_of(policy, reached))))
    return tuple(found)


# What a decision reaches


def observed(decision: Decision) -> set[Key]:
    """The keys of all that one decision reaches in its own policy."""
    evaluation = decision.evaluation()
    return set() if evaluation is None else seen(decision.program, evaluation, decision.today)


def seen(program: Program, evaluation: Evaluation, today: date | None) -> set[Key]:
    """The keys of all that one evaluation reaches."""
    held = set(evaluation.rules)
    found = {rule_key(program, table, row) for name, table, row in program.rules() if name in held}
    scope = Scope({}, parameter_values(program, today), today, evaluation.steps, NO_FUNCTIONS)
    for table in program.tables:
        subjects = evaluation.steps[table.id].subjects
        if len(subjects) == len(table.columns):
            found.update(seen_in(program, table, subjects, scope))
    return found


def seen_in(program: Program, table: Table, subjects: tuple[Value | None, ...], scope: Scope) -> Iterator[Key]:
    """The keys that the tested values of one table reach."""
    taken = False
    for row in table.rows:
        if row.otherwise:
            continue
        cells = tuple(enumerate(zip(table.columns, row.tests, subjects, strict=True)))
        failing = [index for index, (_, test, value) in cells if not passes(test, value, scope)]
        for index, (column, test, value) in cells:
            if isinstance(test, Anything):
                continue
            key = cell_key(program, table, row, index)
            yield key, "value", value
            if value is None or taken or failing not in ([], [index]) or is_choice(column):
                continue
            for expr in borders(test):
                border = value_of(expr, scope)
                side = None if border is None else side_of(value, border, spacing(column, border, program))
                if side is not None:
                    yield key, side, border
        taken = taken or (table.hit_policy == "first" and not failing)


def side_of(value: Any, border: Any, apart: Spacing) -> Side | None:
    """Where a value lies beside a border, if right beside it."""
    if value == border:
        return "at"
    if value < border:
        return "below" if value >= border - apart.unit else None
    return "above" if value <= border + apart.unit else None


def rule_key(program: Program, table: Table, row: Row) -> Key:
    """What a rule is known by: its place."""
    return ("rule", row.span or (program.id, table.id, row.id))


def cell_span(row: Row, index: int) -> Span | None:
    """Where a cell is written, else its rule."""
    return (row.cells[index] if index < len(row.cells) else None) or row.span


def cell_key(program: Program, table: Table, row: Row, index: int) -> Hashable:
    """What a cell is known by: its place."""
    span = row.cells[index] if index < len(row.cells) else None
    return span or (*rule_key(program, table, row), index)


def is_choice(column: Column) -> bool:
    """True for a column without order."""
    return isinstance(column.type, Choice | Boolean)


# What there is to reach


def points_of(policy: Policy, reached: set[Key]) -> Iterator[Point]:
    """Every point of a policy's own tables: the rules, then the values of their cells, each once."""
    program = policy.program
    boxes = Boxes(program)
    for name, table, row in program.rules():
        yield judged(Point("rule", name, table, row, frozenset([rule_key(program, table, row)])), boxes, reached)
    for table in program.tables:
        merged: dict[Hashable, Point] = {}
        for point in (*border_points(program, table), *value_points(policy, table)):
            apart = (point.index, point.side, point.border, point.value, point.others)
            first = merged.get(apart)
            keys = point.keys if first is None else first.keys | point.keys
            merged[apart] = replace(first or point, keys=keys)
        for point in sorted(merged.values(), key=lambda one: table.rows.index(one.row)):
            yield judged(point, boxes, reached)


def border_points(program: Program, table: Table) -> Iterator[Point]:
    """Just below, at and just above each border of each cell."""
    for row in table.rows:
        name = program.rule_id(table, row)
        for index, (column, test) in enumerate(zip(table.columns, row.tests, strict=True)):
            if row.otherwise or is_choice(column):
                continue
            key = cell_key(program, table, row, index)
            for border in dict.fromkeys(value for expr in borders(test) for value in values_of(expr, program)):
                apart = spacing(column, border, program)
                sides: dict[Side, Any] = {"below": apart.below(border), "at": border, "above": apart.above(border)}
                for side, value in sides.items():
                    yield Point(side, name, table, row, frozenset([(key, side, border)]), index, value, border)


def value_points(policy: Policy, table: Table) -> Iterator[Point]:
    """Of a column of choices each named value and another one; of one that may be missing, missing."""
    program = policy.program
    for index, column in enumerate(table.columns):
        rows = [row for row in table.rows if not row.otherwise and not isinstance(row.tests[index], Anything)]
        if not rows:
            continue
        keys = [cell_key(program, table, row, index) for row in rows]
        first = program.rule_id(table, rows[0])
        if is_choice(column):
            named: dict[Value, Row] = {}
            for row in rows:
                for expr in borders(row.tests[index]):
                    for value in values_of(expr, program):
                        named.setdefault(value, row)
            for value, row in named.items():
                reach = frozenset((key, "value", value) for key in keys)
                yield Point("choice", program.rule_id(table, row), table, row, reach, index, value)
            rest = [value for value in choices(column) if value not in named]
            if rest:
                reach = frozenset((key, "value", value) for key in keys for value in rest)
                yield Point("other", first, table, rows[0], reach, index, rest[0])
        if may_be_missing(column.subject, scope_of(program, policy.functions)):
            yield Point("missing", first, table, rows[0], frozenset((key, "value", None) for key in keys), index)


def choices(column: Column) -> tuple[Value, ...]:
    """All values of a column without order."""
    return column.type.one_of if isinstance(column.type, Choice) else (True, False)


def values_of(expr: Expr, program: Program) -> tuple[Value, ...]:
    """The values that a border has on any day; none for a parameter that is blank."""
    match expr:
        case Constant(value):
            return (value,)
        case ParameterValue(name):
            known = next(one for one in program.parameters if one.name == name)
            return tuple(dict.fromkeys(dated.value for dated in known.values))
        case _:
            return ()


def judged(point: Point, boxes: Boxes, reached: set[Key]) -> Point:
    """The point with the answer whether a case reaches it, or why none can."""
    if not point.keys.isdisjoint(reached):
        return replace(point, covered=True)
    return replace(point, reason=unreachable(point, boxes))


def values_at(point: Point) -> ValueSet:
    """All values that lie on a point of a column: up to its own one, on that side of the border."""
    if point.side == "below":
        return between(point.value, point.border, high_closed=False)
    if point.side == "above":
        return between(point.border, point.value, low_closed=False)
    return union(map(one_point, point.choices))


def stands_behind(point: Point, program: Program) -> bool:
    """True for a value that is not ranked in a rule for records that stand before others."""
    for population in program.population:
        shares = {FieldValue(name) for name, measure in population.measures if MEASURES[measure][0] == SHARE}
        ranked: Any = point.value
        if point.column is not None and point.column.subject == population.value and not takes_part(population, ranked):
            scope = Scope({}, parameter_values(program, None), None, {}, NO_FUNCTIONS)
            cells = zip(point.table.columns, point.row.tests, strict=True)
            return any(column.subject in shares and not passes(test, 1, scope) for column, test in cells)
    return False


def unreachable(point: Point, boxes: Boxes) -> str:
    """Why no record gets to the point, as far as one column or one earlier rule says; else empty."""
    program, column, index = boxes.program, point.column, point.index
    if program.blank_parameters:
        return f"`${program.blank_parameters[0]}` has no value"
    if column is not None and index is not None:
        domain = boxes.domain(column)
        wanted = values_at(point)
        if point.value is None and point.side != "missing":
            return "the calendar ends there"
        if not domain.grid(wanted):
            field = next((one for one in program.fields if FieldValue(one.name) == column.subject), None)
            found = None if field is None or point.value is None else accept(field, to_fact(point.value))
            return f"`{column.name}` is " + (found.expected if isinstance(found, Rejected) else "never that")
        behind = stands_behind(point, program)
        if behind or point.side in {"choice", "other", "missing"}:
            return "what is not ranked stands behind all that is" if behind else ""
        hidden = boxes.hidden(point.table, point.row, lambda box, _: (*box[:index], wanted, *box[index + 1 :]))
    else:
        hidden = boxes.hidden(point.table, point.row, lambda box, _: box)
    if hidden is None:
        return ""
    return f"`{hidden}` takes it first" if hidden else "no record passes its cells"
