"""Rules of two programs matched: the same rule by table and id, or by saying the same under another id.

A rule is read in three ways: as it was written, after `normalize`, and with the values of parameters in
their place. Two rules say the same when they do in one of them. Which of them changed, and how to
tell it, is said by `crm_rules.proofs.edits`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, TypeAlias

from crm_rules.dataclass import dataclass
from crm_rules.ir.nodes import AnyOf, Anything, Bound, Constant, Expr, OneOf, ParameterValue, Test, Within
from crm_rules.ir.normalize import normalize
from crm_rules.ir.program import Program, Row, Table
from crm_rules.ir.rewrite import over_nodes, rebuilt
from crm_rules.ir.show import show_border, show_expr, show_test, show_value
from crm_rules.ir.types import Date, Integer, Type

Key: TypeAlias = tuple[str, str]
OTHERWISE: Final = "otherwise"


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of one version: its name outside, its cells by column, its outcome, and what it says in each reading.

    `plain` are the cells in a fixed form, so that `A, B` is `B, A`.
    """

    table: str
    id: str
    name: str
    cells: Mapping[str, str]
    plain: Mapping[str, str]
    outcome: Mapping[str, str]
    readings: tuple[Hashable, ...]

    @property
    def key(self) -> Key:
        """What the rule is matched by."""
        return self.table, self.id

    @property
    def text(self) -> str:
        """`need: clear, months_to_close: <= 1 → stage: A`."""
        conditions = ", ".join(one if name == one else f"{name}: {one}" for name, one in self.cells.items()) or "always"
        return f"{conditions} → {', '.join(f'{name}: {value}' for name, value in self.outcome.items())}"

    def same_as(self, other: Rule) -> bool:
        """True when both say the same, read in one of the ways."""
        return any(one == two for one, two in zip(self.readings, other.readings, strict=True))


def renamed(gone: Iterable[Rule], come: Iterable[Rule]) -> dict[Key, Rule]:
    """For each rule that came, the one that said the same and is gone, each once."""
    left: dict[tuple[int, Hashable], list[Rule]] = {}
    for rule in gone:
        for one in enumerate(rule.readings):
            left.setdefault(one, []).append(rule)
    found: dict[Key, Rule] = {}
    taken: set[Key] = set()
    for rule in come:
        alike = (one for reading in enumerate(rule.readings) for one in left.get(reading, ()))
        same = next((one for one in alike if one.key not in taken), None)
        if same is not None:
            taken.add(same.key)
            found[rule.key] = same
    return found


def moved(old: Program, new: Program, partners: Mapping[Key, Rule]) -> dict[Key, tuple[str, str]]:
    """The rules that stand at another place of a table whose first match counts: as few as explain the new order."""
    tables = {table.id: table for table in old.tables}
    found: dict[Key, tuple[str, str]] = {}
    for table in new.tables:
        was = tables.get(table.id)
        if was is None or (was.hit_policy, table.hit_policy) != ("first", "first"):
            continue
        before, after = [row.id for row in was.rows], [row.id for row in table.rows]
        kept = [
            (before.index(partner.id), row.id)
            for row in table.rows
            if not row.otherwise
            and (partner := partners.get((table.id, row.id))) is not None
            and partner.table == was.id
        ]
        stay = longest_rise([position for position, _ in kept])
        for index, (position, name) in enumerate(kept):
            if index not in stay:
                found[table.id, name] = place(before, position), place(after, after.index(name))
    return found


def place(ids: Sequence[str], position: int) -> str:
    """`after month`."""
    return f"after {ids[position - 1]}" if position else "first"


def longest_rise(numbers: Sequence[int]) -> set[int]:
    """The positions of a longest rising part of a sequence of different numbers."""
    ends: list[int] = []  # positions, by the number that a rise of each length ends with
    before: dict[int, int | None] = {}
    for position, number in enumerate(numbers):
        length = bisect_left([numbers[end] for end in ends], number)
        before[position] = ends[length - 1] if length else None
        ends[length : length + 1] = [position]
    found: set[int] = set()
    here = ends[-1] if ends else None
    while here is not None:
        found.add(here)
        here = before[here]
    return found


def rules_of(program: Program) -> Iterator[Rule]:
    """Every rule with its readings: as written, normalised, and with the values of parameters in their place."""
    simple = normalize(program)
    rewritten = simple.tables, normalize(with_values(program)).tables if program.parameters else simple.tables
    for table, *others in zip(program.tables, *rewritten, strict=True):
        names = [name for name, _ in table.outputs]
        for row, *rows in zip(table.rows, *(other.rows for other in others), strict=True):
            cells = {column: show_cell(test) for column, _, test in cells_of(table, row)}
            plain = {column: show_cell(ordered(test, kind)) for column, kind, test in cells_of(table, row)}
            outcome = {name: value_text(expr) for name, expr in zip(names, row.outputs, strict=True)}
            readings = (
                (table.role, row.reason, frozenset(plain.items()), frozenset(outcome.items())),
                *(reading(other, same, names) for other, same in zip(others, rows, strict=True)),
            )
            yield Rule(table.id, row.id, program.rule_id(table, row), cells, plain, outcome, readings)


def reading(table: Table, row: Row, names: Sequence[str]) -> Hashable:
    """What a rewritten row says, however its columns are called and ordered."""
    subjects = {column.name: show_expr(column.subject) for column in table.columns}
    conditions = frozenset(
        (subjects.get(column, column), show_cell(ordered(test, kind))) for column, kind, test in cells_of(table, row)
    )
    outcome = frozenset((name, value_text(expr)) for name, expr in zip(names, row.outputs, strict=True))
    return table.role, row.reason, conditions, outcome


def cells_of(table: Table, row: Row) -> list[tuple[str, Type | None, Test | None]]:
    """The cells of a row that ask for something, by column; the test of `otherwise` is None."""
    if row.otherwise:
        return [(OTHERWISE, None, None)]
    return [
        (column.name, column.type, test)
        for column, test in zip(table.columns, row.tests, strict=True)
        if not isinstance(test, Anything)
    ]


def show_cell(test: Test | None) -> str:
    """The text of a cell."""
    return OTHERWISE if test is None else show_test(test)


def value_text(expr: Expr) -> str:
    """A written value bare, anything else as a formula."""
    if isinstance(expr, Constant):
        return expr.value if isinstance(expr.value, str) else show_value(expr.value)
    return show_expr(expr)


def ordered(test: Any, kind: Type | None) -> Any:
    """The test with its alternatives sorted, and borders of whole numbers and days closed where they are written."""
    match test:
        case None:
            return None
        case OneOf(values):
            return OneOf(tuple(sorted(values, key=show_border)))
        case AnyOf(tests):
            return AnyOf(tuple(sorted((ordered(one, kind) for one in tests), key=show_test)))
        case Within(low, high):
            return Within(closed(low, kind, 1), closed(high, kind, -1))
        case _:
            return rebuilt(test, lambda below: ordered(below, kind))


def closed(bound: Bound | None, kind: Type | None, step: int) -> Bound | None:
    """`> 3` of whole numbers is `>= 4`."""
    if bound is None or bound.closed or not isinstance(bound.at, Constant):
        return bound
    value: Any = bound.at.value
    if isinstance(kind, Integer) and isinstance(value, int):
        return Bound(Constant(value + step, bound.at.type), closed=True)
    if isinstance(kind, Date):
        return Bound(Constant(value + timedelta(step), bound.at.type), closed=True)
    return bound


def with_values(program: Program) -> Program:
    """The program with the value of each parameter that has one, whatever the day, in its place."""
    known = {
        one.name: Constant(one.values[0].value, one.type)
        for one in program.parameters
        if len(one.values) == 1 and not one.is_dated
    }

    def replaced(node: Any) -> Any:
        if isinstance(node, ParameterValue):
            return known.get(node.name, node)
        return rebuilt(node, replaced)

    return over_nodes(program, replaced, lambda _, test: replaced(test))
