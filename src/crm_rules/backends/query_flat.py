"""A table that is asked row by row, because its decision tree would be too large."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import assert_never

from crm_rules.backends.query import Compare, Expr, Fixed, Joined
from crm_rules.backends.query_cascade import Cascade, Outcome, blank_unless_decided
from crm_rules.backends.query_collect import collected, has_nothing, sum_of
from crm_rules.backends.query_leaves import Leaves, Matched, different
from crm_rules.backends.query_logic import FALSE, every, no, some, when
from crm_rules.backends.query_operand import DECIDED, Operand, first_state
from crm_rules.errors import CallError


class FlatTable:
    """A table whose rows have the conditions `holds`, in order, those that stand for all others last."""

    def __init__(self, leaves: Leaves, holds: Mapping[int, Expr]) -> None:
        self.leaves = leaves
        self.table = leaves.table
        self.values = leaves.values
        self.holds = holds

    def matched(self) -> Matched:
        """Outputs, state and rule ids, from which rows hold."""
        match self.table.hit_policy:
            case "first":
                return self.first()
            case "unique" | "any":
                return self.agreed()
            case "collect":
                return self.collect()
            case _:
                assert_never(self.table.hit_policy)

    def cascade(self) -> Cascade:
        """The first row that holds."""
        found: Cascade = Outcome(())
        for index, held in reversed([*self.holds.items()]):
            found = self.leaves.fork(index, held, found)
        return found

    def first(self) -> Matched:
        """FIRST: the first row that holds."""
        return self.leaves.read(self.cascade())

    def agreed(self) -> Matched:
        """UNIQUE and ANY: the first row that holds, unless another one contradicts it."""
        found = self.leaves.read(self.cascade())
        several: Expr
        if self.table.hit_policy == "any":
            self.refuse_undecided()
            several = some(
                *(
                    every(held, different(found.outputs[name], output, self.leaves.limits))
                    for index, held in self.holds.items()
                    for (name, _), output in zip(self.table.outputs, self.leaves.row_outputs(index), strict=True)
                )
            )
        else:
            number = sum_of([when(held, Fixed(1), Fixed(0)) for held in self.holds.values()])
            several = Compare(">", self.values.keep(Operand(number, "counted", low=0), "hits").expr, Fixed(1))
        conflict = self.leaves.states.of("conflict", self.table.id)
        undecided = self.undecided_outputs()
        rules = blank_unless_decided(undecided, self.rules())
        state = first_state(undecided, when(several, conflict, found.state))
        return replace(found, state=state, rules=rules)

    def undecided_outputs(self) -> Expr:
        """The state of the outputs of the first row that holds; of COLLECT, of all that hold."""
        found: list[Expr] = []
        before: Expr = FALSE
        for index, held in self.holds.items():
            state = first_state(*(operand.state for operand in self.leaves.row_outputs(index)))
            if state != DECIDED:
                counts = held if self.table.hit_policy == "collect" else every(held, no(before))
                found.append(when(counts, state, DECIDED))
            before = some(before, held)
        return first_state(*found)

    def refuse_undecided(self) -> None:
        """Raise `CallError` where a row of a large ANY table has an output that may be undecided."""
        if self.undecided_outputs() != DECIDED:
            raise CallError(f"a table cannot hold `{self.table.id}`, whose outputs may be undecided; decide records")

    def rules(self) -> Expr:
        """The ids of all rows that hold."""
        ids = self.leaves.ids
        return Joined(tuple(when(held, Fixed(ids[index]), Fixed("")) for index, held in self.holds.items()))

    def collect(self) -> Matched:
        """COLLECT: all rows that hold."""
        rows = [(held, self.leaves.row_outputs(index)) for index, held in self.holds.items()]
        found = collected(self.table, rows, self.leaves.limits)
        outputs = dict(zip((name for name, _ in self.table.outputs), found, strict=True))
        state = self.undecided_outputs()
        ids = blank_unless_decided(state, self.rules())
        if self.table.aggregation in {"min", "max"}:
            no_match = self.leaves.states.of("no_match", self.table.id)
            state = first_state(state, when(has_nothing(self.table, rows), no_match, DECIDED))
        return Matched(outputs, state, ids)
