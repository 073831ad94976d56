"""Tables as columns: which rows hold, what they give, and their ids.

A table becomes a cascade (see `query_cascade`): a decision tree, balanced, which compares with each border once, or,
where a reader is to follow it, the rows from the top. A table whose tree would grow too large is asked row by row.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, TypeAlias

from crm_rules.backends.python_tree import Leaf as TreeLeaf
from crm_rules.backends.python_tree import Node as TreeNode
from crm_rules.backends.python_tree import grow
from crm_rules.backends.query import Expr
from crm_rules.backends.query_axes import Cutter, TableAxes
from crm_rules.backends.query_cascade import Cascade, Fork, Outcome, States, blank_unless_decided
from crm_rules.backends.query_flat import FlatTable
from crm_rules.backends.query_leaves import Leaves, Matched
from crm_rules.backends.query_logic import every, no, some
from crm_rules.backends.query_operand import Operand, first_state
from crm_rules.backends.query_values import Values
from crm_rules.errors import CallError
from crm_rules.ir.program import Program, Table

Layout: TypeAlias = Literal["tree", "rows"]
FEW = 16  # rows that a reader follows from the top
MANY = 8  # leaves from which on a reader is shown their numbers
MOST = 1_000  # rows of a table that an engine plans in reasonable time


class TableColumns:
    """Lowers one table of a program."""

    def __init__(self, program: Program, table: Table, values: Values, states: States, layout: Layout) -> None:
        if len(table.rows) > MOST:
            raise CallError(f"the table `{table.id}` has {len(table.rows):,} rows; a table engine takes up to {MOST:,}")
        self.table = table
        self.values = values
        self.layout = layout
        self.subjects = {
            column.subject: values.kept(column.subject, f"{table.id} {column.name}") for column in table.columns
        }
        self.undecided = first_state(*(self.subjects[column.subject].state for column in table.columns))
        self.axes = TableAxes(table, values, self.subjects)
        self.others = tuple(index for index, row in enumerate(table.rows) if row.otherwise)
        self.leaves = Leaves(program, table, values, states, MANY if layout == "rows" else 1)

    def matched(self) -> Matched:
        """The columns of the table."""
        cascade = self.cascade()
        found = FlatTable(self.leaves, self.conditions()).matched() if cascade is None else self.leaves.read(cascade)
        state, rules = first_state(self.undecided, found.state), blank_unless_decided(self.undecided, found.rules)
        return replace(found, state=state, rules=rules)

    def conditions(self) -> dict[int, Expr]:
        """A column for each row that says whether it holds; the last one holds where no other does."""
        found: dict[int, Expr] = {}
        for index in self.axes.ordinary:
            held = Operand(self.row_condition(index), "boolean")
            found[index] = self.values.keep(held, self.leaves.ids[index]).expr
        return found | dict.fromkeys(self.others, no(some(*found.values())))

    # The cascade

    def cascade(self) -> Cascade | None:
        """The conditions of the table, None where its tree would be too large."""
        cutters = self.axes.cutters()
        tree = grow(
            tuple(cutter.axis for cutter in cutters),
            len(self.table.rows),
            self.decide,
            first=self.table.hit_policy == "first",
        )
        if tree is None:
            return None
        if self.layout == "rows" and len(self.table.rows) <= FEW and not self.overlaps(tree):
            return self.from_the_top(has_gap=Outcome(()) in outcomes_of_tree(tree))
        return forked(tree, cutters)

    def overlaps(self, tree: TreeNode) -> bool:
        """True when more than one row holds somewhere."""
        return any(len(outcome.rows) > 1 for outcome in outcomes_of_tree(tree))

    def from_the_top(self, *, has_gap: bool) -> Cascade:
        """The rows one after the other, for tables where the first that holds is the only one that counts."""
        conditions = [(index, self.row_condition(index)) for index in self.axes.ordinary]
        found: Cascade = Outcome(self.others)
        if not has_gap and not self.others and conditions:
            found = Outcome((conditions.pop()[0],))
        for index, condition in reversed(conditions):
            found = self.leaves.fork(index, condition, found)
        return found

    def row_condition(self, index: int) -> Expr:
        """True where every cell of a row holds."""
        cells = zip(self.table.rows[index].tests, self.table.columns, strict=True)
        return every(*(self.values.condition(test, self.subjects[column.subject]) for test, column in cells))

    def decide(self, touching: int, covering: int) -> Outcome | None:
        """The rows of a box, None while they differ within it."""
        touching, covering = touching & self.axes.everyone, covering & self.axes.everyone
        if touching != covering:
            return None
        hits = tuple(index for index in self.axes.ordinary if covering >> index & 1) or self.others
        return Outcome(hits[:1] if self.table.hit_policy == "first" else hits)


def outcomes_of_tree(tree: TreeNode) -> set[Outcome]:
    """The outcomes of a decision tree."""
    if isinstance(tree, TreeLeaf):
        assert isinstance(tree.outcome, Outcome)  # noqa: S101 - what `decide` gave
        return {tree.outcome}
    return outcomes_of_tree(tree.inside) | outcomes_of_tree(tree.outside)


def forked(tree: TreeNode, cutters: list[Cutter]) -> Cascade:
    """A decision tree with its conditions."""
    if isinstance(tree, TreeLeaf):
        assert isinstance(tree.outcome, Outcome)  # noqa: S101 - what `decide` gave
        return tree.outcome
    return Fork(cutters[tree.axis].inside(tree.part), forked(tree.inside, cutters), forked(tree.outside, cutters))
