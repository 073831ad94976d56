"""A program as boxes: its axes, cut into pieces on which no cell of any table changes its answer.

An axis is a field, or an expression over several fields that columns test. Each piece of an axis has a
bit mask of the rows that it leaves possible, so that a row holds where all axes leave it possible. A
space is of one day and one set of parameter values; which days there are is in `todays`.

Fields are independent, so a box over fields always has records. An expression over fields is an
axis too; where it shares a field with another axis the two are `joint`, and whether a box of them has
records is for `solve` to show. This module looks at cells only, never at what the rows give.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from datetime import date
from typing import Any

from crm_rules.dataclass import dataclass
from crm_rules.ir.evaluate import NO_FUNCTIONS, Functions, Scope, parameter_values, value_of
from crm_rules.ir.nodes import Anything, Expr, FieldValue, Holds, StepValue, Test, Today, Value
from crm_rules.ir.program import Column, Derive, Program, Row, Table
from crm_rules.ir.rewrite import descendants, rebuilt
from crm_rules.ir.types import Boolean, Date, Integer, Type
from crm_rules.ir.typing import borders
from crm_rules.questions.extent import extent
from crm_rules.questions.preimage import preimage
from crm_rules.questions.sets import Domain, Piece, ValueSet, accepted, domain_of, split

MOST_NODES = 400  # of an expression with its derived steps written out; longer ones stay as they are
TRUE = ValueSet(values=frozenset({True}))


@dataclass(frozen=True, slots=True)
class Axis:
    """What tables test, cut into pieces: `masks[machine][piece]` holds the rows that the piece leaves possible."""

    subject: Expr
    name: str
    type: Type
    domain: Domain
    fields: tuple[str, ...]
    pieces: tuple[Piece, ...]
    masks: tuple[tuple[int, ...], ...]

    @property
    def is_field(self) -> bool:
        """True for a field of the record, False for an expression over fields."""
        return isinstance(self.subject, FieldValue)


@dataclass(frozen=True, slots=True)
class Link:
    """A column that tests what an earlier table or total gave (`subject`, written out), and its tests by row."""

    column: Column
    subject: Expr
    tests: tuple[Test | None, ...]


@dataclass(frozen=True, slots=True)
class TableRows:
    """Where the rows of a table stand among the bits of its machine, and what they depend on."""

    table: Table
    first: int
    axes: tuple[int, ...]
    links: tuple[Link, ...]

    @property
    def mask(self) -> int:
        """The bits of the table's rows."""
        return ((1 << len(self.table.rows)) - 1) << self.first


@dataclass(frozen=True, slots=True)
class Machine:
    """One program of a space: its tables' rows as bits. `ordinary` are the rows that are no `otherwise`."""

    program: Program
    tables: tuple[TableRows, ...]
    ordinary: int


@dataclass(frozen=True, slots=True)
class Space:
    """One or more programs over common axes, on one day.

    `ends` has for every field the values that a record may have, whether or not a table tests it.
    """

    today: date | None
    axes: tuple[Axis, ...]
    machines: tuple[Machine, ...]
    ends: Mapping[str, Domain]
    functions: Functions = field(default_factory=lambda: NO_FUNCTIONS)

    @property
    def has_computed_axes(self) -> bool:
        """True when an axis is an expression over fields, so that a box may be without records."""
        return not all(axis.is_field for axis in self.axes)

    @property
    def hanging(self) -> tuple[str, ...]:
        """The joint fields, or the computed axes where each field has one axis."""
        return self.joint or tuple(axis.name for axis in self.axes if not axis.is_field)

    @property
    def joint(self) -> tuple[str, ...]:
        """The fields on which more than one axis depends, in the order of the program."""
        counts: dict[str, int] = {}
        for axis in self.axes:
            for name in axis.fields:
                counts[name] = counts.get(name, 0) + 1
        return tuple(name for name, count in counts.items() if count > 1)


@dataclass(frozen=True, slots=True)
class Constraint:
    """A cell as a set on an axis."""

    subject: Expr
    name: str
    type: Type
    set: ValueSet


class Cells:
    """The cells of one program on one day, as sets on its axes; made once for a space and then forgotten."""

    def __init__(self, program: Program, today: date | None, functions: Functions) -> None:
        self.program = program
        self.today = today
        self.functions = functions
        self.fields = {one.name: one for one in program.fields}
        self.derived = {step.id: step.expr for step in program.steps if isinstance(step, Derive)}
        self.scope = Scope({}, parameter_values(program, today), today, {}, functions)
        self.known: dict[tuple[Expr, Test], Constraint | bool] = {}

    def fixed(self, expr: Expr) -> Value | None:
        """The value of an expression without fields."""
        return value_of(expr, self.scope)

    def constraint(self, column: Column, subject: Expr, test: Test) -> Constraint | bool:
        """A cell as the set in which an axis must lie; True (False) when every (no) record passes."""
        if isinstance(test, Anything):
            return True
        key = (subject, test)
        found = self.known.get(key)
        if found is None:
            found = self.known[key] = self.found(column, subject, test)
        return found

    def found(self, column: Column, subject: Expr, test: Test) -> Constraint | bool:
        """The constraint of one cell that tests something."""
        if any(fields_of(border) or steps_of(border) for border in borders(test)):
            return Constraint(Holds(subject, test), column.name, Boolean(), TRUE)
        target = accepted(test, column.type, self.fixed)
        if isinstance(subject, FieldValue):
            return Constraint(subject, subject.name, self.fields[subject.name].type, target)
        needed = fields_of(subject)
        if not needed and not steps_of(subject):
            return target.contains(self.fixed(subject))
        if len(needed) == 1 and not steps_of(subject):
            (name,) = needed
            found = preimage(subject, target, self.fields[name], self.fixed)
            if found is not None:
                return Constraint(FieldValue(name), name, self.fields[name].type, found)
        return Constraint(subject, column.name, column.type, target)

    def domain(self, subject: Expr, kind: Type) -> Domain:
        """The values that an axis can have."""
        if isinstance(subject, FieldValue):
            return domain_of(self.fields[subject.name])
        # The days looked at stand for others, on which an expression over several fields may reach farther.
        day = None if reads_day(subject) else self.today
        return Domain(kind, 1 if isinstance(kind, Integer | Date) else None, extent(subject, self.program, day))


def fields_of(expr: Expr) -> tuple[str, ...]:
    """The fields that an expression reads, each once, in order."""
    return tuple(dict.fromkeys(node.name for node in descendants(expr) if isinstance(node, FieldValue)))


def steps_of(expr: Expr) -> tuple[StepValue, ...]:
    """The steps that an expression reads."""
    return tuple(dict.fromkeys(node for node in descendants(expr) if isinstance(node, StepValue)))


def reads_day(expr: Expr) -> bool:
    """True when the value depends on the day itself."""
    return any(isinstance(node, Today) for node in descendants(expr))


def written_out(expr: Expr, derived: Mapping[str, Expr]) -> Expr:
    """The expression with derived steps in place of their names; as it stands when that grows too long."""
    budget = [MOST_NODES]

    def inlined(node: Any) -> Any:
        budget[0] -= 1
        if isinstance(node, StepValue) and node.step in derived and budget[0] > 0:
            return inlined(derived[node.step])
        return rebuilt(node, inlined)

    found: Expr = inlined(expr)
    return found if budget[0] > 0 else expr


class Builder:
    """The axes of a space while its programs are read: for each axis the sets that cells ask for, and their rows."""

    def __init__(self, programs: Sequence[Program], today: date | None, functions: Functions) -> None:
        self.cells = [Cells(program, today, functions) for program in programs]
        self.found: dict[Expr, Constraint] = {}
        self.sets: dict[Expr, dict[ValueSet, list[int]]] = {}
        self.tested: dict[Expr, list[int]] = {}

    def machine(self, number: int) -> tuple[list[tuple[Table, int, dict[Expr, None], tuple[Link, ...]]], int]:
        """The tables of one program with the axes they test, and the bits of their ordinary rows."""
        cells, first, ordinary = self.cells[number], 0, 0
        tables: list[tuple[Table, int, dict[Expr, None], tuple[Link, ...]]] = []
        for table in cells.program.tables:
            axes: dict[Expr, None] = {}
            subjects = [written_out(column.subject, cells.derived) for column in table.columns]
            linked = [index for index, one in enumerate(subjects) if steps_of(one) and not fields_of(one)]
            tested = {index: one for index, one in enumerate(subjects) if index not in linked}
            for position, row in enumerate(table.rows):
                wanted = None if row.otherwise else self.wanted(number, table, row, tested)
                if wanted is not None:
                    ordinary |= 1 << (first + position)
                    axes |= dict.fromkeys(wanted)
                    self.note(number, wanted, 1 << (first + position))
            links = tuple(
                Link(
                    table.columns[index],
                    subjects[index],
                    tuple(None if row.otherwise else row.tests[index] for row in table.rows),
                )
                for index in linked
            )
            tables.append((table, first, axes, links))
            first += len(table.rows)
        return tables, ordinary

    def wanted(
        self, number: int, table: Table, row: Row, subjects: Mapping[int, Expr]
    ) -> dict[Expr, Constraint] | None:
        """What the cells of one row ask for, by axis; None when a cell with a fixed subject fails."""
        found: dict[Expr, Constraint] = {}
        for index, subject in subjects.items():
            one = self.cells[number].constraint(table.columns[index], subject, row.tests[index])
            if one is False:
                return None
            if one is not True:
                before = found.get(one.subject)
                found[one.subject] = one if before is None else replace(before, set=before.set & one.set)
        return found

    def note(self, number: int, wanted: Mapping[Expr, Constraint], bit: int) -> None:
        """Note the sets of one row on their axes."""
        for subject, constraint in wanted.items():
            self.found.setdefault(subject, constraint)
            rows = self.sets.setdefault(subject, {}).setdefault(constraint.set, [0] * len(self.cells))
            rows[number] |= bit
            self.tested.setdefault(subject, [0] * len(self.cells))[number] |= bit

    def axis(self, subject: Expr, ordinary: list[int]) -> Axis:
        """One axis cut at all the borders that cells have on it."""
        found = self.found[subject]
        home = next(
            (cells for cells in self.cells if all(name in cells.fields for name in fields_of(subject))), self.cells[0]
        )
        domain = home.domain(subject, found.type)
        sets = list(self.sets[subject])
        rows = [self.sets[subject][one] for one in sets]
        pieces = split(sets, domain)
        masks: list[tuple[int, ...]] = []
        for number, all_rows in enumerate(ordinary):
            untested = all_rows & ~self.tested[subject][number]
            column: list[int] = []
            for piece in pieces:
                mask, members = untested, piece.members
                while members:
                    low = members & -members
                    mask |= rows[low.bit_length() - 1][number]
                    members ^= low
                column.append(mask & all_rows)
            masks.append(tuple(column))
        return Axis(subject, found.name, found.type, domain, fields_of(subject), pieces, tuple(masks))


def space(programs: Sequence[Program], today: date | None, functions: Functions = NO_FUNCTIONS) -> Space:
    """The space of one or more normalised programs on one day; no parameter may be blank then.

    Cost: linear in the number of cells, plus sorting the borders of each axis.
    """
    builder = Builder(programs, today, functions)
    read = [builder.machine(number) for number in range(len(programs))]
    ordinary = [rows for _, rows in read]
    places = {subject: place for place, subject in enumerate(builder.found)}
    machines = tuple(
        Machine(
            program,
            tuple(
                TableRows(table, first, tuple(places[one] for one in axes), links)
                for table, first, axes, links in tables
            ),
            rows,
        )
        for program, (tables, rows) in zip(programs, read, strict=True)
    )
    ends: dict[str, Domain] = {}
    for program in programs:
        for one in program.fields:
            ends.setdefault(one.name, domain_of(one))
    axes = tuple(builder.axis(subject, ordinary) for subject in places)
    return Space(today, axes, machines, ends, functions)
