"""What a table answers in each leaf of its cascade: outputs, state, ids of rules; and the readings of the cascade."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from crm_rules.backends.query import Compare, Expr, Fixed, Null
from crm_rules.backends.query_axes import EMPTY
from crm_rules.backends.query_cascade import (
    Cascade,
    Fork,
    Outcome,
    States,
    by_number,
    lookup,
    outcomes_of,
    walked,
    when_forked,
)
from crm_rules.backends.query_collect import collected, has_nothing, listed
from crm_rules.backends.query_logic import FALSE, TRUE, every, no, some, when
from crm_rules.backends.query_operand import (
    DECIDED,
    Limits,
    Operand,
    aligned,
    chosen,
    compared,
    constant,
    first_state,
    kind_of,
)
from crm_rules.backends.query_values import Values
from crm_rules.dataclass import dataclass
from crm_rules.ir.evaluate import gather
from crm_rules.ir.nodes import Constant, Nothing
from crm_rules.ir.program import Program, Table


@dataclass(frozen=True, slots=True)
class Matched:
    """A table's columns: its outputs by name, its state and the ids of the rows that matched, joined by `;`."""

    outputs: Mapping[str, Operand]
    state: Expr
    rules: Expr


class Leaves:
    """The answers of one table.

    A cascade of more than `many` different leaves is read by the number of its leaf, which gets a column.
    """

    def __init__(self, program: Program, table: Table, values: Values, states: States, many: int) -> None:
        self.table = table
        self.values = values
        self.states = states
        self.many = many
        self.ids = [program.rule_id(table, row) for row in table.rows]

    @property
    def limits(self) -> Limits:
        """Where the conditions of too large numbers go."""
        return self.values.limits

    def fork(self, row: int, condition: Expr, outside: Cascade) -> Cascade:
        """The row where its condition holds, else the other cascade."""
        rest = outside.rows if isinstance(outside, Outcome) else ()
        return Fork(condition, Outcome((row,)), outside, (self.ids[row], self.ids[rest[0]] if len(rest) == 1 else ""))

    # Readings

    def read(self, cascade: Cascade) -> Matched:
        """Outputs, state and rule ids of a cascade."""
        outcomes = list(dict.fromkeys(outcomes_of(cascade)))
        if len(outcomes) > self.many:
            code = walked(cascade, lambda outcome: Fixed(outcomes.index(outcome)), when_forked)
            kept = self.values.keep(Operand(code, "counted", low=0, high=len(outcomes)), f"{self.table.id} row")
            return self.looked_up(kept.expr, outcomes)
        outputs = {
            name: walked(cascade, lambda outcome, at=position: self.outputs(outcome)[at], self.choose_forked)  # type: ignore[misc]
            for position, (name, _) in enumerate(self.table.outputs)
        }
        state = walked(cascade, self.state, when_forked)
        rules = walked(cascade, self.rules, when_forked)
        return Matched(outputs, state, rules)

    def choose_forked(self, fork: Fork, then: Operand, otherwise: Operand) -> Operand:
        """An output on both sides of a fork."""
        return chosen(fork.condition, then, otherwise, self.limits, fork.notes)

    def looked_up(self, code: Expr, outcomes: list[Outcome]) -> Matched:
        """Outputs, state and rule ids out of the number of a leaf."""
        outputs = {
            name: self.output_at(code, [self.outputs(outcome)[position] for outcome in outcomes])
            for position, (name, _) in enumerate(self.table.outputs)
        }
        state = by_number(code, [self.state(outcome) for outcome in outcomes], "integer")
        return Matched(outputs, state, by_number(code, [self.rules(outcome) for outcome in outcomes], "text"))

    def output_at(self, code: Expr, found: list[Operand]) -> Operand:
        """One output out of the number of a leaf."""
        plain = all(isinstance(operand.expr, Fixed | Null) and operand.divisor is None for operand in found)
        present = [operand for operand in found if operand.form != "nothing"]
        if not present:
            return constant(None)
        if not plain:
            result = found[-1]
            for number, operand in reversed(list(enumerate(found[:-1]))):
                result = chosen(Compare("=", code, Fixed(number)), operand, result, self.limits)
            return result
        sample = present[0]
        if sample.form == "counted":
            for operand in present:
                sample, _ = aligned(sample, operand, self.limits)
            found = [
                operand if operand.form == "nothing" else aligned(operand, sample, self.limits)[0] for operand in found
            ]
            sample = replace(sample, low=min(one.low for one in found), high=max(one.high for one in found))
        missing = [number for number, operand in enumerate(found) if operand.form == "nothing"]
        absent = some(*(Compare("=", code, Fixed(number)) for number in missing))
        kind = kind_of(sample)
        exprs = [Null(kind) if operand.form == "nothing" else operand.expr for operand in found]
        return replace(sample, expr=lookup(code, exprs, kind), missing=absent)

    # Leaves

    def state(self, outcome: Outcome) -> Expr:
        """Whether a leaf is decided."""
        return first_state(*(state for state, _ in self.states_of(outcome)))

    def rules(self, outcome: Outcome) -> Expr:
        """The ids of the rows that matched; none where an output needs a step that is undecided."""
        ids = Fixed(";".join(self.ids[index] for index in outcome.rows))
        found: Expr = ids
        for state, own in reversed(self.states_of(outcome)):
            if state != DECIDED:
                found = when(Compare("!=", state, DECIDED), ids if own else Fixed(""), found)
        return found

    def states_of(self, outcome: Outcome) -> list[tuple[Expr, bool]]:
        """What may undecide a leaf, in the order in which `evaluate` meets it; True where the table itself does."""
        table, rows = self.table, outcome.rows
        nothing = (self.states.of("no_match", table.id), True)
        if table.hit_policy == "collect":
            found = [(operand.state, False) for index in rows for operand in self.row_outputs(index)]
            if table.aggregation in {"min", "max"}:
                held: list[tuple[Expr, list[Operand]]] = [(TRUE, self.row_outputs(index)) for index in rows]
                found.append((when(has_nothing(table, held), nothing[0], DECIDED), True))
            return found
        if not rows:
            return [] if table.optional else [nothing]
        conflict = self.states.of("conflict", table.id)
        found = [(operand.state, False) for operand in self.row_outputs(rows[0])]
        if table.hit_policy == "unique":
            return [*found, (conflict, True)] if len(rows) > 1 else found
        for other in rows[1:]:
            found += [(operand.state, False) for operand in self.row_outputs(other)]
            found.append((when(self.differ(rows[0], other), conflict, DECIDED), True))
        return found

    def differ(self, one: int, other: int) -> Expr:
        """True where two rows give different outputs."""
        found: list[Expr] = []
        for left, right in zip(self.row_outputs(one), self.row_outputs(other), strict=True):
            found.append(different(left, right, self.limits))
        return some(*found)

    def row_outputs(self, index: int) -> list[Operand]:
        """The outputs of one row."""
        return [self.values.operand(expr) for expr in self.table.rows[index].outputs]

    def outputs(self, outcome: Outcome) -> list[Operand]:
        """The outputs of a leaf; what nobody looks at, of one that is not decided, is the missing value."""
        table, rows = self.table, outcome.rows
        nothing = [constant(None) for _ in table.outputs]
        if table.hit_policy == "collect":
            return self.gathered(rows)
        if not rows or (table.hit_policy == "unique" and len(rows) > 1):
            return nothing
        return self.row_outputs(rows[0])

    def gathered(self, rows: tuple[int, ...]) -> list[Operand]:
        """COLLECT over rows of constants."""
        table = self.table
        exprs = [expr for index in rows for expr in table.rows[index].outputs]
        if not all(isinstance(expr, Constant | Nothing) for expr in exprs):
            return collected(table, [(TRUE, self.row_outputs(index)) for index in rows], self.limits)
        result = gather(table, rows, tuple(None for _ in table.columns), EMPTY)
        if result.status != "decided":
            return [constant(None) for _ in table.outputs]
        return [listed(result.values[name], kind, table) for name, kind in table.outputs]


def different(left: Operand, right: Operand, limits: Limits) -> Expr:
    """True where two outputs differ; two missing ones do not."""
    if left == right:
        return FALSE
    both = every(no(left.missing), no(right.missing), compared("!=", left, right, limits))
    return some(every(left.missing, no(right.missing)), every(right.missing, no(left.missing)), both)
