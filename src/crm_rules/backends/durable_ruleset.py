"""A program on one day as rulesets of durable-rules: a rule for each row, guarded by the kind of its table's facts.

Only conditions on one fact are used, because only these are trustworthy: no joins, no arithmetic, no `none`. So
expressions, totals, hit policies and `otherwise` stay with the caller, who asserts for each table one fact with the
tested values and hears which rows match. The engine's limits are kept here: a table that is too large for one kind of
fact is asked by several, and a policy too large for one ruleset has several.

It needs no durable-rules: `definitions` is the JSON form in which its own hosts load rulesets.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, TypeAlias

from crm_rules.backends.durable_columns import Axis, Condition, axes
from crm_rules.dataclass import dataclass
from crm_rules.errors import CallError, RefusedError
from crm_rules.ir.evaluate import Functions, Scope, parameter_values
from crm_rules.ir.nodes import Call, ParameterValue, Today, Value
from crm_rules.ir.program import Program, Row, Table
from crm_rules.ir.rewrite import descendants
from crm_rules.ir.typing import borders

Rules: TypeAlias = dict[str, dict[str, Any]]

# Beyond 64 rules that match one fact, and 512 conditions beside each other, the engine fails or hangs for ever.
MOST_MATCHING = 60
MOST_CONDITIONS = 400
MOST_RULES = 400
MOST_COLUMNS = 200  # of a fact, which may have 255 properties
MOST_GROUPS = 14  # of conditions within a rule


@dataclass(frozen=True, slots=True)
class Kind:
    """The facts of one name: they are asked in `ruleset`, whose rules with these names are rows of the table."""

    name: str
    ruleset: str
    rows: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Asked:
    """A table as it is asked: one fact of each kind, with a property for each column that has a value."""

    axes: tuple[Axis, ...]
    kinds: tuple[Kind, ...]

    def facts(self, subjects: tuple[Value | None, ...]) -> Iterator[tuple[Kind, dict[str, Any]]]:
        """The facts for the tested values."""
        written = {
            axis.property: axis.written(subject)
            for axis, subject in zip(self.axes, subjects, strict=True)
            if subject is not None
        }
        for kind in self.kinds:
            yield kind, {"kind": kind.name, **written}


@dataclass(frozen=True, slots=True)
class Rulesets:
    """The rules of a program by ruleset, and how each table is asked."""

    definitions: Mapping[str, Rules]
    tables: Mapping[str, Asked]


def is_daily(program: Program) -> bool:
    """True when the border of a cell depends on the day, so that each day has rules of its own."""
    dated = {parameter.name for parameter in program.parameters if parameter.is_dated}
    nodes = list(border_nodes(program))
    return any(isinstance(node, Today) or (isinstance(node, ParameterValue) and node.name in dated) for node in nodes)


def border_nodes(program: Program) -> Iterator[Any]:
    """Every node that a border of a cell is made of."""
    for table in program.tables:
        for row in table.rows:
            for test in () if row.otherwise else row.tests:
                for border in borders(test):
                    yield from descendants(border)


def rulesets(program: Program, today: date | None, functions: Functions) -> Rulesets:
    """The rules of a program on a day; `today` may be None unless `is_daily`.

    Raises `RefusedError` for what durable-rules cannot represent, `CallError` for a blank parameter of a border.
    Cost: some milliseconds for an ordinary policy.
    """
    scope = Scope({}, parameter_values(program, today), today, {}, functions)
    for node in border_nodes(program):
        if isinstance(node, ParameterValue) and node.name not in scope.parameters:
            raise CallError(f"the rules of {program.id} cannot be written: the parameter `{node.name}` is blank")
        if isinstance(node, Call) and node.function not in functions:
            raise RefusedError(f"durable-rules does not know the function `{node.function}`; hand it over to compile")
    writer = Writer(program, scope)
    return Rulesets(writer.definitions, {table.id: writer.asked(table) for table in program.tables})


class Writer:
    """Writes the rules of one program, table by table, into as few rulesets as the limits allow."""

    def __init__(self, program: Program, scope: Scope) -> None:
        self.program = program
        self.scope = scope
        self.definitions: dict[str, Rules] = {}
        self.names: set[str] = set()

    def asked(self, table: Table) -> Asked:
        """One table: its rules are written, and how it is asked is answered."""
        if len(table.columns) > MOST_COLUMNS:
            raise RefusedError(f"durable-rules cannot carry `{table.id}`: it has more than {MOST_COLUMNS} columns")
        found = axes(table, self.scope)
        kinds: list[Kind] = []
        part: dict[int, list[Condition]] = {}
        size = 0
        for index, row in enumerate(table.rows):
            conditions = None if row.otherwise else self.conditions(table, row, found)
            if conditions is None:
                continue
            more = sum(map(count, conditions))
            if more > MOST_CONDITIONS:
                message = f"durable-rules cannot carry rule `{row.id}` of `{table.id}`: it has {more:,} conditions"
                raise RefusedError(f"{message}, at most {MOST_CONDITIONS} work; split it into several rules")
            if len(part) == MOST_MATCHING or size + more > MOST_CONDITIONS:
                kinds.append(self.kind(table, len(kinds), part))
                part, size = {}, 0
            part[index] = conditions
            size += more
        if part:
            kinds.append(self.kind(table, len(kinds), part))
        return Asked(found, tuple(kinds))

    def conditions(self, table: Table, row: Row, found: tuple[Axis, ...]) -> list[Condition] | None:
        """The conditions of a row beside that of its kind; None when it matches nothing."""
        conditions: list[Condition] = []
        for axis, test in zip(found, row.tests, strict=True):
            ways = axis.ways(test, self.scope)
            if ways == []:
                return None
            if ways is None:
                continue
            if len(ways) == 1:
                conditions += ways[0]
            else:
                conditions.append({"$or": [way[0] if len(way) == 1 else {"$and": way} for way in ways]})
        if sum(map(groups, conditions)) > MOST_GROUPS:
            message = f"durable-rules cannot carry rule `{row.id}` of `{table.id}`: it has too many cells with lists"
            raise RefusedError(f"{message}; split it into several rules")
        return conditions

    def kind(self, table: Table, part: int, rows: Mapping[int, list[Condition]]) -> Kind:
        """Write the rules of one kind of fact."""
        ruleset = next(reversed(self.definitions), None)
        if ruleset is None or len(self.definitions[ruleset]) + len(rows) > MOST_RULES:
            ruleset = numbered(self.program.id, len(self.definitions))
        rules = self.definitions.setdefault(ruleset, {})
        name = numbered(table.id, part)
        names: dict[str, int] = {}
        for index, conditions in rows.items():
            rule = self.program.rule_id(table, table.rows[index])
            if rule in self.names:
                raise RefusedError(f"durable-rules cannot carry two rules called `{rule}`; rename one of them")
            self.names.add(rule)
            names[rule] = index
            pattern: Condition = {"$and": [{"kind": name}, *conditions]} if conditions else {"kind": name}
            rules[rule] = {"all": [{"m": pattern}], "pri": index, "run": rule}
        return Kind(name, ruleset, names)


def numbered(name: str, part: int) -> str:
    """The name of the first part, and of the others; with a space, which no name of an author has."""
    return name if part == 0 else f"{name} part {part + 1}"


def count(condition: Condition) -> int:
    """How many comparisons a condition is made of."""
    ((operator, below),) = condition.items()
    return sum(map(count, below)) if operator in {"$and", "$or"} else 1


def groups(condition: Condition) -> int:
    """How many lists of conditions there are in a condition."""
    ((operator, below),) = condition.items()
    return 1 + sum(map(groups, below)) if operator in {"$and", "$or"} else 0
