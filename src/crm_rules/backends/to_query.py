"""A policy with those that it requires as one query over a table of records.

`to_query` walks the chain from below: each policy reads its fields, guards first, runs its steps, and has a status
as `Policy.decide` gives it. What engines disagree about is settled here (see `query`); what only a record alone can be
asked (plug-in functions, gathered lists of anything but choices, tables of thousands of rows) is refused with a
`CallError`. One status is this module's own: `too_large`, where exact arithmetic would leave 64 bits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any, assert_never

from crm_rules.backends.query import (
    TODAY,
    Compare,
    CurrentDay,
    Expr,
    Fact,
    Feed,
    Fixed,
    IsNull,
    Item,
    Joined,
    Kind,
    Lookup,
    Named,
    Null,
    Query,
    Unscaled,
    When,
    names_in,
)
from crm_rules.backends.query_cascade import States
from crm_rules.backends.query_fields import FieldColumn, FieldReader
from crm_rules.backends.query_logic import FALSE, TRUE, every, is_false, is_true, no, some, when
from crm_rules.backends.query_numbers import product
from crm_rules.backends.query_operand import (
    DECIDED,
    EPOCH,
    SAFE,
    Limits,
    Operand,
    added,
    as_counted,
    compared,
    constant,
    first_state,
    kind_of,
)
from crm_rules.backends.query_population import measures
from crm_rules.backends.query_tables import Layout, TableColumns
from crm_rules.backends.query_tabulate import tabulated
from crm_rules.backends.query_values import Values
from crm_rules.dataclass import dataclass
from crm_rules.ir import days
from crm_rules.ir.inline import contract
from crm_rules.ir.nodes import Constant, ParameterValue, Today, Value
from crm_rules.ir.normalize import normalize
from crm_rules.ir.program import Derive, Field, Output, Program, Table, Total
from crm_rules.ir.rewrite import over_nodes, rebuilt
from crm_rules.ir.simplify import fold_constants, rebuilt_test
from crm_rules.ir.types import Boolean, Choice, Date, Integer, ListOfValues, Money, Number, Text

NAMES = ("status", "rules", "reason")
EMPTY = Fixed("")


@dataclass(frozen=True, slots=True)
class Chain:
    """A program, and for each alias it requires the chain below and the output that is used."""

    program: Program
    required: tuple[tuple[str, Chain, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of one policy of the chain; `large` says where its exact answer needs more than 64 bits.

    `blank` says by the name of a parameter, its own or one below, on which rows' days it has no value yet.
    """

    program: Program
    outputs: Mapping[str, Operand]
    blank: Mapping[str, Expr]
    decided: Expr
    large: Expr
    status: Expr
    rules: Expr
    reason: Expr


def fields_of(chain: Chain, given: Iterable[str] = ()) -> tuple[Field, ...]:
    """The fields that a row must hold: those of the chain, each once, without what is `given`."""
    given = frozenset(given)
    aliases = {*(alias for alias, _, _ in chain.required), *chain.program.measured}
    below = (fields_of(inner, given) for alias, inner, _ in chain.required if alias not in given)
    return contract(chain.program.fields, aliases, below)


def to_query(
    chain: Chain,
    feeds: Sequence[Feed],
    *,
    results: Mapping[str, str],
    today: date | None = None,
    day: Expr | None = None,
    given: Mapping[str, Value | None] | None = None,
    layout: Layout = "tree",
    calendar: bool = False,
) -> Query:
    """The query of a chain over the columns of `feeds`; fields without a feed are missing in every row.

    `results` names the columns to add, by `output:<name>`, `status`, `rules` or `reason`. `today` is the day of all
    rows; else `day` is where each row has its own: `Fact(TODAY)` with a feed of that name, or `CurrentDay()`. With
    `calendar` the engine adds months to days itself. Raises
    `CallError` for what a table cannot express. Cost: some milliseconds.
    """
    writer = QueryWriter(feeds, today, day, dict(given or {}), layout, calendar=calendar)
    columns = writer.columns(chain)
    added = [writer.result(columns, logical, name) for logical, name in results.items()]
    items = list(writer.items.values())
    if layout == "tree":
        items, added = tabulated(items, added)
    read = tuple(feed for feed in feeds if feed.constant is None)
    return Query(chain.program.id, read, staged(items, added), tuple(added))


def staged(items: Iterable[Item], results: Iterable[Item]) -> tuple[tuple[Item, ...], ...]:
    """The items that the results need, by how deep they lie."""
    known = {item.name: item for item in items}
    levels: dict[str, int] = {}

    def level(name: str) -> int:
        if name not in levels:
            levels[name] = 1 + max(map(level, names_in(known[name].expr)), default=-1)
        return levels[name]

    for result in results:
        for name in names_in(result.expr):
            level(name)
    count = 1 + max(levels.values(), default=-1)
    return tuple(tuple(item for item in known.values() if levels.get(item.name) == number) for number in range(count))


class QueryWriter:
    """Writes the items of a chain; a policy that is required along two ways is written once."""

    def __init__(
        self,
        feeds: Sequence[Feed],
        today: date | None,
        day: Expr | None,
        given: Mapping[str, Value | None],
        layout: Layout,
        *,
        calendar: bool,
    ) -> None:
        self.calendar = calendar
        self.feeds = {feed.name: feed for feed in feeds}
        self.today = today
        self.day = day
        self.given = given
        self.layout = layout
        self.items: dict[str, Item] = {}
        self.done: dict[str, Columns] = {}

    # Items

    def keep(self, expr: Expr, name: str, kind: Kind, note: str = "") -> Expr:
        """The expression as an item of its own, to be read by name; one that costs nothing stays what it is."""
        if isinstance(expr, Fact | Named | Fixed | Null):
            return expr
        unique, number = name, 1
        while unique in self.items:
            if self.items[unique].expr == expr:
                return Named(unique)
            number += 1
            unique = f"{name} {number}"
        self.items[unique] = Item(unique, expr, kind, note)
        return Named(unique)

    # Policies

    def columns(self, chain: Chain) -> Columns:
        """The columns of a policy, those that it requires first."""
        found = self.done.get(chain.program.id)
        if found is None:
            below = {
                alias: (self.columns(inner), output)
                for alias, inner, output in chain.required
                if alias not in self.given
            }
            found = self.done[chain.program.id] = PolicyWriter(self, chain.program, below).columns()
        return found

    # Results

    def result(self, columns: Columns, logical: str, name: str) -> Item:
        """A column to be added."""
        match logical:
            case "status":
                return Item(name, columns.status, "text", "status")
            case "rules":
                return Item(name, columns.rules, "text", "ids of the rules that matched")
            case "reason":
                return Item(name, columns.reason, "text", "why the row is not decided")
            case _:
                output = logical.removeprefix("output:")
                declared = next(item for item in columns.program.outputs if item.name == output)
                return self.output(columns, declared, name)

    def output(self, columns: Columns, declared: Output, name: str) -> Item:
        """An output as a column: null where it is missing or the row undecided."""
        operand = columns.outputs[declared.name]
        note = declared.label.en or declared.name
        kind: Kind
        expr: Expr
        match declared.type:
            case Integer():
                expr, kind = operand.expr, "integer"
            case Number() | Money():
                expr, kind = (Null("number"), "number") if operand.form == "nothing" else number_result(operand)
            case Date():
                expr, kind = operand.expr, "day"
            case Boolean():
                expr, kind = operand.expr, "boolean"
            case Choice() | Text() | ListOfValues():
                expr, kind = operand.expr, "text"
            case _:
                raise AssertionError(declared)
        there = every(columns.decided, no(operand.missing))
        if operand.form == "nothing":
            expr = Null(kind)
        nullable = expr if is_true(there) else When(there, expr, Null(kind))
        return Item(name, nullable, kind, note)


class PolicyWriter:
    """Writes one policy of a chain."""

    def __init__(self, query: QueryWriter, program: Program, below: Mapping[str, tuple[Columns, str]]) -> None:
        self.query = query
        self.below = below
        self.original = program
        self.program = on_day(normalize(program), query.today)
        self.limits = Limits()
        self.states = States()
        self.read: list[FieldColumn] = []
        self.blank: dict[str, Expr] = {}
        self.unread: Expr = FALSE  # where a number is too long to say whether it is valid

    def keep(self, operand: Operand, name: str) -> Operand:
        """An operand whose expression has a column of its own, and its missing and state too."""
        name = f"{self.program.id}/{name}"
        missing = operand.missing
        if not isinstance(missing, IsNull):
            missing = self.query.keep(missing, f"{name} missing", "boolean")
        state = self.query.keep(operand.state, f"{name} state", "integer")
        divisor = operand.divisor
        if divisor is not None:
            divisor = self.query.keep(divisor, f"{name} divisor", "integer")
        expr = self.query.keep(operand.expr, name, kind_of(operand))
        return replace(operand, expr=expr, missing=missing, state=state, divisor=divisor)

    def columns(self) -> Columns:
        """The columns of the policy."""
        day = self.read_day()
        self.blank = self.blank_parameters(day)
        alone = (field for field in self.program.fields if field.name not in self.program.measured)
        fields = {field.name: self.field(field) for field in alone}
        self.unread = some(*(condition for condition, _ in self.limits.conditions))
        parameters = {parameter.name: parameter for parameter in self.program.parameters}
        values = Values(fields, parameters, day, self.limits, self.keep, calendar=self.query.calendar)
        valid, blocked = self.usable()
        for step in self.program.steps:
            if isinstance(step, Derive):
                values.derived[step.id] = step.expr
        for population in self.program.population:
            fields |= measures(population, values, every(valid, no(blocked)))
        rules = [self.step(step, values) for step in self.program.steps]
        self.limits.about = "the outputs"
        outputs = {output.name: self.finished(output, values) for output in self.program.outputs}
        state = first_state(*(outputs[output.name].state for output in self.program.outputs))
        return self.answered(outputs, state, valid, blocked, [rule for rule in rules if rule is not None])

    def usable(self) -> tuple[Expr, Expr]:
        """Whether the facts of a row are valid, and whether a required policy is undecided."""
        name = self.program.id
        right = every(*(column.valid for column in self.read), no(some(*self.blank.values())))
        valid = self.query.keep(right, f"{name}/valid", "boolean")
        undecided = [no(columns.decided) for columns, _ in self.below.values()]
        return valid, self.query.keep(some(*undecided), f"{name}/blocked", "boolean")

    def read_day(self) -> Operand | None:
        """The day of a row: the same for all, or read from a column and checked."""
        if self.query.day is None:
            return None if self.query.today is None else constant(self.query.today)
        if isinstance(self.query.day, CurrentDay):
            return Operand(
                self.query.day, "day", low=days.FIRST.toordinal() - EPOCH, high=days.LAST.toordinal() - EPOCH
            )
        reader = FieldReader(self.query.feeds, self.limits, self.keep)
        (column,) = reader.read(Field(TODAY, Date()))
        self.read.append(replace(column, name="today"))
        return column.operand

    def blank_parameters(self, day: Operand | None) -> dict[str, Expr]:
        """The parameters of the chain that have no value yet on some day, and on the days of which rows."""
        found = {name: blank for columns, _ in self.below.values() for name, blank in columns.blank.items()}
        if self.query.day is None or day is None:
            return found
        for parameter in self.original.parameters:
            since = [dated.since for dated in parameter.values]
            if since and None not in since:
                early = compared("<", day, constant(min(one for one in since if one is not None)), self.limits)
                known = every(*(column.valid for column in self.read))
                name = f"{self.original.id}.${parameter.name}"
                found[name] = self.query.keep(every(known, early), f"{name} blank", "boolean")
        return found

    def field(self, field: Field) -> Operand:
        """The operand of a field; what may be wrong with its facts is noted."""
        reader = FieldReader(self.query.feeds, self.limits, self.keep)
        if field.name in self.below:
            columns, output = self.below[field.name]
            # What is not decided below makes the row blocked, whatever stands in the column.
            fact = replace(columns.outputs[output], state=DECIDED)
            found = [reader.given(field, fact, unless=no(columns.decided))]
        elif field.name in self.query.given:
            found = [reader.given(field, constant(self.query.given[field.name]))]
        else:
            found = reader.read(field)
        self.read += found
        return found[0].operand

    def step(self, step: Derive | Table | Total, values: Values) -> Expr | None:
        """Write one step; the ids of its matching rows where it is a table."""
        self.limits.about = step.id
        match step:
            case Derive():
                pass  # written when it is read
            case Total():
                total = constant(step.initial)
                for table, weight in step.terms:
                    points = as_counted(values.steps[table, step.output])
                    total = added(total, product(points, constant(weight), self.limits), self.limits)
                values.steps[step.id, step.output] = self.keep(total, step.id)
            case Table():
                found = TableColumns(self.program, step, values, self.states, self.query.layout).matched()
                state = self.query.keep(found.state, f"{self.program.id}/{step.id} state", "integer")
                for name, operand in found.outputs.items():
                    kept = self.keep(operand, step.id if len(found.outputs) == 1 else f"{step.id} {name}")
                    values.steps[step.id, name] = replace(kept, state=state)
                return found.rules
            case _:
                assert_never(step)
        return None

    def finished(self, output: Output, values: Values) -> Operand:
        """An output; a number beyond 2**51 is too large for a column."""
        operand = values.operand(output.expr)
        if isinstance(output.type, Integer) or operand.storage == "decimal":
            operand = as_counted(operand)  # a column of floats cannot hold every decimal
        if isinstance(output.type, Integer):
            return operand
        if isinstance(output.type, Number | Money) and operand.form == "counted" and operand.divisor is None:
            self.limits.about = output.name
            inside = every(
                compared("<=", replace(operand, scale=0), constant(SAFE), self.limits),
                compared(">=", replace(operand, scale=0), constant(-SAFE), self.limits),
            )
            self.limits.forbid(every(Fixed(value=True), no(inside)), operand.missing)
        return operand

    # The answer

    def answered(
        self, outputs: Mapping[str, Operand], state: Expr, valid: Expr, blocked: Expr, rules: list[Expr]
    ) -> Columns:
        """Status, rules and reason, in the order in which `Policy.decide` finds them."""
        name = self.program.id
        keep = self.query.keep
        # Where a row is blocked or invalid its numbers are not looked at, but for those that may make it invalid.
        own = some(*(condition for condition, _ in self.limits.conditions))
        below = some(*(columns.large for columns, _ in self.below.values()))
        large = keep(every(valid, some(below, self.unread, every(no(blocked), own))), f"{name}/too large", "boolean")
        state = keep(state, f"{name}/state", "integer")
        open_ = every(valid, no(large), no(blocked))
        decided = keep(every(open_, equal_to_decided(state)), f"{name}/decided", "boolean")
        words = [status for status, _ in self.states.found]
        word: Expr = Fixed(words[0]) if state == DECIDED else looked_up(state, words)
        blank = some(*self.blank.values())
        status = when(large, Fixed("too_large"), when(blocked, Fixed("blocked"), word))
        status = when(blank, Fixed("blocked"), when(no(valid), Fixed("invalid"), status))
        status = keep(status, f"{name}/status", "text")
        joined = rules[0] if len(rules) == 1 else Joined(tuple(rules)) if rules else EMPTY
        return Columns(
            self.original,
            outputs,
            self.blank,
            decided,
            large,
            status,
            when(open_, joined, EMPTY),
            self.reason(valid, large, blocked, decided, state),
        )

    def reason(self, valid: Expr, large: Expr, blocked: Expr, decided: Expr, state: Expr) -> Expr:
        """Why a row is not decided: what is wrong with its fields, too large, undecided below, or where it stopped."""
        reasons = [reason for _, reason in self.states.found]
        found: Expr = Null("text") if len(reasons) == 1 or state == DECIDED else looked_up(state, reasons)
        if not is_false(blocked):
            found = when(blocked, self.blocked_reason(), found)
        if not is_false(large):
            found = when(large, self.large_reason(), found)
        if not is_false(no(valid)):
            found = when(no(valid), self.invalid_reason(), found)
        if self.blank:
            texts = tuple(when(blank, Fixed(f"{name}: blank"), EMPTY) for name, blank in self.blank.items())
            found = when(some(*self.blank.values()), Joined(texts, "; "), found)
        return when(decided, Null("text"), found)

    def invalid_reason(self) -> Expr:
        """`amount: missing; need: not-in-choices`."""
        return Joined(tuple(column.problem for column in self.read), "; ")

    def large_reason(self) -> Expr:
        """`too_large: amount`, with the field, step or output where the arithmetic leaves 64 bits."""
        parts: dict[str, list[Expr]] = {}
        for condition, about in self.limits.conditions:
            parts.setdefault(about, []).append(condition)
        texts: list[Expr] = [
            when(some(*conditions), Fixed(f"too_large: {about}"), EMPTY) for about, conditions in parts.items()
        ]
        for alias, (columns, _) in self.below.items():
            texts.append(when(columns.large, Fixed(f"too_large: {alias}"), EMPTY))
        return Joined(tuple(texts), "; ")

    def blocked_reason(self) -> Expr:
        """`stage: blocked`, with the required policy's own reason behind it."""
        parts: list[Expr] = []
        for alias, (columns, _) in self.below.items():
            own = Joined((Fixed(f"{alias}: undecided"), when(columns.decided, EMPTY, columns.reason)), "; ")
            parts.append(when(columns.decided, EMPTY, own))
        return Joined(tuple(parts), "; ")


def equal_to_decided(state: Expr) -> Expr:
    """True where a state is that of a decision."""
    return TRUE if state == DECIDED else Compare("=", state, DECIDED)


def looked_up(state: Expr, texts: list[str]) -> Expr:
    """The text of a state; the empty one is null."""
    return Lookup(state, tuple(Fixed(text) if text else Null("text") for text in texts), "text")


def number_result(operand: Operand) -> tuple[Expr, Kind]:
    """A number as it is handed out: a column as it was, or a count in its unit."""
    if operand.form == "counted":
        if operand.divisor is not None:
            raise AssertionError(operand)
        return Unscaled(operand.expr, operand.scale), "number"
    return operand.expr, kind_of(operand)


def on_day(program: Program, today: date | None) -> Program:
    """The program with its parameters, and the day where it is known, as constants."""
    parameters = {parameter.name: parameter for parameter in program.parameters}

    def change(node: Any) -> Any:
        match node:
            case Today() if today is not None:
                return Constant(today, Date())
            case ParameterValue(name) if today is not None or not parameters[name].is_dated:
                value = parameters[name].at(today)
                return node if value is None else Constant(value, parameters[name].type)
            case _:
                return rebuilt(node, change)

    return fold_constants(over_nodes(program, change, lambda _, test: rebuilt_test(test, change)))
