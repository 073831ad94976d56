"""One program on its walk: when its steps are finished, what they give, and its outcome at the end.

A runner knows the rows that are still possible and the results that later steps need, and nothing of
values: what a row gives is a value, or an expression where it is computed from the record.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from crm_rules.dataclass import dataclass
from crm_rules.ir.evaluate import Scope, StepResult, Undecided, gather, parameter_values, passes, value_of
from crm_rules.ir.nodes import Coalesce, Constant, Expr, Nothing, StepValue, Today, Value
from crm_rules.ir.numbers import reduced
from crm_rules.ir.program import Derive, Program, Table, Total
from crm_rules.ir.rewrite import NODES, rebuilt
from crm_rules.ir.simplify import folded
from crm_rules.questions.extent import extent
from crm_rules.questions.masks import Unfinished, bits
from crm_rules.questions.space import Space, TableRows, fields_of, steps_of, written_out
from crm_rules.questions.tables import Boxes, Grid

Slots: TypeAlias = tuple[tuple[str, Any], ...]
Result: TypeAlias = tuple[Any, ...]  # of a table: status, cause, values in order, rows where they are kept


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one program answers in a final state.

    `values` are the outputs in order: a value, None where missing, or an expression where the output
    is computed from the record. `rules` are the rows of the tables that the outputs come from,
    `watched` what the watched steps gave. `status` is that of the evaluator, or `blocked`.
    """

    status: str
    values: tuple[Any, ...] = ()
    rules: tuple[str, ...] = ()
    watched: tuple[Any, ...] = ()
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """How one machine is walked: which steps are finished after each axis, and how long each result is kept."""

    finished: tuple[tuple[str, ...], ...]  # index 0: before the first axis
    last_use: Mapping[str, int]
    kept_rows: frozenset[str]
    reads: Mapping[str, tuple[str, ...]]  # table → the steps whose results it needs
    summed: Mapping[str, tuple[tuple[str, Any], ...]]  # table → totals it flows into, with its weight


class Runner:
    """One program on its walk: finishes its steps in time and gives its outcomes. Results are made once each."""

    def __init__(
        self, space: Space, number: int, order: tuple[int, ...], watch: tuple[str, ...], *, keep_rules: bool
    ) -> None:
        self.machine = machine = space.machines[number]
        self.space = space
        self.program = machine.program
        self.watch = watch
        self.rows = {rows.table.id: rows for rows in machine.tables}
        self.steps = {step.id: step for step in self.program.steps}
        self.derived = {step.id: step.expr for step in self.program.steps if isinstance(step, Derive)}
        self.exprs = [written_out(output.expr, self.derived) for output in self.program.outputs]
        self.aliases = {
            alias: written_out(StepValue(alias, alias), self.derived) for alias in required_aliases(self.program)
        }
        self.plan = Planner(self, order).plan(keep_rules=keep_rules)
        self.full = fully_open(space, number, order)
        self.results: dict[Any, Result] = {}
        self.outcomes: dict[Slots, Outcome] = {}
        self.base = Scope({}, parameter_values(self.program, space.today), space.today, {}, space.functions)

    def start(self) -> tuple[int, Slots]:
        """The state before the first axis: all ordinary rows are possible."""
        return self.finish(0, self.machine.ordinary, ())

    def finish(self, depth: int, alive: int, slots: Slots) -> tuple[int, Slots]:
        """The state after the axis of that depth: the steps that need no further axis are finished."""
        due = self.plan.finished[depth]
        if due:
            found = dict(slots)
            for name in due:
                step = self.steps[name]
                if isinstance(step, Table):
                    rows = self.rows[name]
                    self.finish_table(rows, (alive & rows.mask) >> rows.first, found)
                    alive &= ~rows.mask
                elif isinstance(step, Total):
                    found[name] = found.pop(f"+{name}", ("decided", step.initial))
            slots = tuple(
                sorted(
                    ((name, value) for name, value in found.items() if self.plan.last_use[name] > depth),
                    key=lambda slot: slot[0],
                )
            )
        return self.settled(depth, alive), slots

    def settled(self, depth: int, alive: int) -> int:
        """Without the rows behind one that certainly holds and decides alone: they change nothing."""
        for mask, behind in self.full[depth]:
            certain = alive & mask
            if certain:
                lowest = certain & -certain
                alive &= ~(behind & ~((lowest << 1) - 1))
        return alive

    def finish_table(self, rows: TableRows, matched: int, slots: dict[str, Any]) -> None:
        """Apply the hit policy, and let points flow into their totals."""
        table = rows.table
        result = self.result(rows, matched, slots)
        for total, weight in self.plan.summed.get(table.id, ()):
            key = f"+{total}"
            step: Any = self.steps[total]
            before: Any = slots.get(key) or ("decided", step.initial)
            if result[0] != "decided":
                # Of several undecided tables the first one of the total says why, whichever is finished first.
                place = [name for name, _ in step.terms].index(table.id)
                if before[0] == "decided" or place < before[2]:
                    slots[key] = (result[0], result[1], place)
            elif before[0] == "decided":
                slots[key] = ("decided", reduced(before[1] + weight * result[2][0]))
        slots[table.id] = result

    def result(self, rows: TableRows, matched: int, slots: Mapping[str, Any]) -> Result:
        """What a table gives; the same for the same rows and the same results of the steps that it reads."""
        key = (rows.table.id, matched, tuple(slots[name] for name in self.plan.reads[rows.table.id]))
        found = self.results.get(key)
        if found is None:
            found = self.results[key] = self.made(rows, matched, slots)
        return found

    def made(self, rows: TableRows, matched: int, slots: Mapping[str, Any]) -> Result:
        """Test the columns over earlier steps and apply the hit policy."""
        table = rows.table
        try:
            for link in rows.links:
                subject = self.value(link.subject, slots)
                if is_expr(subject):
                    raise Unfinished(f"`{table.id}` tests a computed value", fields_of(subject))
                for index in bits(matched):
                    test = link.tests[index]
                    if test is not None and not passes(test, subject, self.base):
                        matched &= ~(1 << index)
            found = self.gathered(table, matched, slots)
        except Undecided as signal:
            return signal.result.status, signal.result.cause or signal.result.id, (), ()
        kept = found.rows if table.id in self.plan.kept_rows else ()
        values = tuple(found.values.values()) if found.status == "decided" else ()
        return found.status, found.cause, values, kept

    def gathered(self, table: Table, matched: int, slots: Mapping[str, Any]) -> StepResult:
        """The hit policy over the matching rows; outputs that depend on the record stay expressions."""
        indices = tuple(bits(matched)) or tuple(index for index, row in enumerate(table.rows) if row.otherwise)
        if table.hit_policy == "first":
            indices = indices[:1]
        values = {index: tuple(self.value(expr, slots) for expr in table.rows[index].outputs) for index in indices}
        if not any(is_expr(value) for row in values.values() for value in row):
            constant = replace(
                table,
                rows=tuple(
                    replace(row, outputs=tuple(map(constant_of, values[index], table.outputs)))
                    if index in values
                    else row
                    for index, row in enumerate(table.rows)
                ),
            )
            return gather(constant, indices, (), self.base)
        if table.hit_policy == "collect":
            raise Unfinished(f"`{table.id}` gathers computed values")
        agree = table.hit_policy == "any" and len(set(values.values())) == 1
        if len(indices) > 1 and not agree:
            if table.hit_policy == "any":
                raise Unfinished(f"`{table.id}` compares computed values")
            return StepResult(table.id, "conflict", {}, (), indices, table.id)
        names = [name for name, _ in table.outputs]
        return StepResult(table.id, "decided", dict(zip(names, values[indices[0]], strict=True)), (), indices)

    def value(self, expr: Expr, slots: Mapping[str, Any]) -> Any:
        """The value of an expression in a state; an expression over fields where it depends on the record.

        Raises `Undecided` where it needs an undecided step.
        """
        if isinstance(expr, StepValue):
            return self.step_value(expr, slots)
        if isinstance(expr, Coalesce):
            return self.first_value(expr, slots)
        expr = written_out(expr, self.derived)
        steps = {node.step: self.as_result(node.step, slots) for node in steps_of(expr)}
        if fields_of(expr) or any(is_expr(value) for result in steps.values() for value in result.values.values()):
            return folded(self.substituted(expr, slots))
        return value_of(expr, replace(self.base, steps=steps))

    def first_value(self, expr: Coalesce, slots: Mapping[str, Any]) -> Any:
        """The first operand that is not missing; where that depends on the record, those it may be."""
        open_ones: list[Expr] = []
        for operand in expr.operands:
            found = self.value(operand, slots)
            if found is None:
                continue
            if not is_expr(found) and not open_ones:
                return found
            open_ones.append(as_node(found, expr))
            if not is_expr(found) or never_missing(found, self.program):
                break
        if not open_ones:
            return None
        return open_ones[0] if len(open_ones) == 1 else Coalesce(tuple(open_ones))

    def step_value(self, node: StepValue, slots: Mapping[str, Any]) -> Any:
        """What an earlier step gave; raises `Undecided` when it has no value."""
        if node.step in self.derived:
            return self.value(self.derived[node.step], slots)
        result = self.as_result(node.step, slots)
        if result.status != "decided":
            raise Undecided(result)
        return result.values[node.output]

    def as_result(self, name: str, slots: Mapping[str, Any]) -> StepResult:
        """The kept result of a step in the evaluator's form."""
        step, kept = self.steps[name], slots[name]
        if kept[0] != "decided":
            return StepResult(name, kept[0], {}, cause=kept[1])
        if isinstance(step, Total):
            return StepResult(name, "decided", {step.output: kept[1]})
        names = [output for output, _ in step.outputs] if isinstance(step, Table) else []
        return StepResult(name, "decided", dict(zip(names, kept[2], strict=True)))

    def substituted(self, expr: Expr, slots: Mapping[str, Any]) -> Expr:
        """The expression with the values of finished steps in place of their names."""

        def below(node: Any) -> Any:
            if isinstance(node, StepValue):
                return as_node(self.step_value(node, slots), node, self.type_of_step(node))
            if isinstance(node, Today) and self.space.today is not None:
                return node
            return rebuilt(node, below)

        found: Expr = below(expr)
        return found

    def type_of_step(self, node: StepValue) -> Any:
        """The declared type of what a step gives."""
        step = self.steps[node.step]
        return dict(step.outputs)[node.output] if isinstance(step, Table) else step.type

    def outcome(self, slots: Slots) -> Outcome:
        """The answer of the program in a final state."""
        if slots not in self.outcomes:
            self.outcomes[slots] = self.answered(dict(slots))
        return self.outcomes[slots]

    def answered(self, slots: Mapping[str, Any]) -> Outcome:
        """The outputs, or the status where one is undecided."""
        watched = tuple(slots[name][1:] if slots[name][0] == "decided" else slots[name] for name in self.watch)
        rules = tuple(
            self.program.rule_id(table, table.rows[index])
            for table in self.program.tables
            if table.id in self.plan.kept_rows and table.id not in self.watch
            for index in slots[table.id][3]
        )
        for expr in self.aliases.values():
            try:
                self.value(expr, slots)
            except Undecided as signal:
                return Outcome("blocked", (), rules, watched, signal.result.cause or signal.result.id)
        try:
            values = tuple(self.value(expr, slots) for expr in self.exprs)
        except Undecided as signal:
            return Outcome(signal.result.status, (), rules, watched, signal.result.cause or signal.result.id)
        return Outcome("decided", values, rules, watched)


class Planner:
    """When each step of a runner is finished, and until when its result is needed."""

    def __init__(self, runner: Runner, order: tuple[int, ...]) -> None:
        self.runner = runner
        self.depth_of = {place: depth for depth, place in enumerate(order, 1)}
        self.end = len(order) + 1
        self.ready: dict[str, int] = {}
        self.last_use: dict[str, int] = {}
        self.summed: dict[str, list[tuple[str, Any]]] = {}
        self.reads: dict[str, tuple[str, ...]] = {}

    def plan(self, *, keep_rules: bool) -> Plan:
        """The plan of all steps."""
        finished: list[list[str]] = [[] for _ in range(self.end)]
        for step in self.runner.program.steps:
            if isinstance(step, Table):
                self.add_table(step)
            elif isinstance(step, Total):
                self.add_total(step)
            else:
                continue
            self.last_use.setdefault(step.id, 0)
            finished[self.ready[step.id]].append(step.id)
        for expr in (*self.runner.exprs, *self.runner.aliases.values()):
            self.use(expr, self.end)
        kept = {name for name in self.runner.watch if name in self.runner.rows}
        if keep_rules:
            kept |= {
                node.step for expr in self.runner.exprs for node in steps_of(expr) if node.step in self.runner.rows
            }
        self.last_use |= dict.fromkeys((*self.runner.watch, *kept), self.end)
        totals = {name: tuple(flows) for name, flows in self.summed.items()}
        return Plan(tuple(map(tuple, finished)), self.last_use, frozenset(kept), self.reads, totals)

    def add_table(self, table: Table) -> None:
        """A table is finished with its last axis and the last step that it reads."""
        rows = self.runner.rows[table.id]
        below = [*(link.subject for link in rows.links), *(expr for row in table.rows for expr in row.outputs)]
        needed = [self.depth_of[place] for place in rows.axes]
        self.reads[table.id] = tuple(dict.fromkeys(node.step for expr in below for node in self.read_by(expr)))
        needed += [self.ready[name] for name in self.reads[table.id]]
        self.ready[table.id] = max(needed, default=0)
        for expr in below:
            self.use(expr, self.ready[table.id])

    def add_total(self, total: Total) -> None:
        """A total is finished with the last of its tables, whose points flow into it before."""
        self.ready[total.id] = max((self.ready[name] for name, _ in total.terms), default=0)
        for name, weight in total.terms:
            self.summed.setdefault(name, []).append((total.id, weight))
        self.last_use[f"+{total.id}"] = self.ready[total.id]

    def use(self, expr: Expr, depth: int) -> None:
        """Keep what an expression reads until a depth."""
        for node in self.read_by(expr):
            self.last_use[node.step] = max(self.last_use.get(node.step, 0), depth)

    def read_by(self, expr: Expr) -> tuple[StepValue, ...]:
        """The tables and totals that an expression reads."""
        return steps_of(written_out(expr, self.runner.derived))


def fully_open(space: Space, number: int, order: tuple[int, ...]) -> tuple[tuple[tuple[int, int], ...], ...]:
    """For each depth: the rows of a table that no later axis tests, and all its rows.

    Of tables of which one row at most decides: where a row certainly holds, those behind it change nothing.
    """
    machine = space.machines[number]
    deciding = [rows for rows in machine.tables if not rows.links and decides_alone(space, number, rows)]
    found: list[tuple[tuple[int, int], ...]] = []
    for depth in range(len(order) + 1):
        entries: list[tuple[int, int]] = []
        for rows in deciding:
            open_rows = machine.ordinary & rows.mask
            for place in order[depth:]:
                for mask in space.axes[place].masks[number]:
                    open_rows &= mask
            if open_rows:
                entries.append((open_rows, rows.mask))
        found.append(tuple(entries))
    return tuple(found)


def decides_alone(space: Space, number: int, rows: TableRows) -> bool:
    """True when the first row that holds is the only one that counts: FIRST, or rows that share no record."""
    if rows.table.hit_policy == "first":
        return True
    if rows.table.hit_policy == "collect":
        return False
    width = (1 << len(rows.table.rows)) - 1
    masks = tuple(tuple(mask >> rows.first & width for mask in space.axes[place].masks[number]) for place in rows.axes)
    ordinary = space.machines[number].ordinary >> rows.first & width
    return Boxes(Grid(len(rows.table.rows), masks), ordinary).disjoint


def required_aliases(program: Program) -> tuple[str, ...]:
    """The derived steps that hold the output of a required policy."""
    found: list[str] = []
    for step in program.steps:
        if isinstance(step, Derive):
            home = step.id.rpartition("/")[0]
            if any(node.step.rpartition("/")[0] != home for node in steps_of(step.expr)):
                found.append(step.id)
    return tuple(found)


def is_expr(value: Any) -> bool:
    """True for an expression over fields, False for a value."""
    return type(value) in NODES


def as_node(value: Any, near: Expr, kind: Any = None) -> Expr:
    """A value as a node; an expression stays one."""
    if is_expr(value):
        found: Expr = value
        return found
    if kind is None:
        kind = next((one.type for one in getattr(near, "operands", ()) if isinstance(one, Constant | Nothing)), None)
    return Nothing(kind) if value is None else Constant(value, kind)


def constant_of(value: Value | None, output: tuple[str, Any]) -> Expr:
    """The node of an output's value."""
    return Nothing(output[1]) if value is None else Constant(value, output[1])


def never_missing(expr: Expr, program: Program) -> bool:
    """True when the expression certainly has a value: all its fields do, and nothing divides or leaves the calendar."""
    return not extent(expr, program, None).missing
