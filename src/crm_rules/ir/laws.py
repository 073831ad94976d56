"""Laws: what an author promises of all records, whatever the rules look like. A closed union of six.

A law speaks of valid records that are decided; one that is undecided is a finding of its own. Monotone
and Steps speak of two records that differ in one field alone, on the same day, both with values of
the field that are present, and both with an output that has its place in the order: an unranked or
missing one is in no law. A law takes no part in a decision or in the content hash of a program.

The tests of a law are those of cells, so what a law forbids is a set of boxes, as a table is. Proving
is done elsewhere: see `crm_rules.proofs`.
"""

from __future__ import annotations

from dataclasses import field as member
from typing import Literal, TypeAlias

from crm_rules.dataclass import dataclass
from crm_rules.ir.nodes import AnyOf, Bound, Expr, IsMissing, Test, Within
from crm_rules.ir.types import Type
from crm_rules.source import Span

Direction: TypeAlias = Literal["better", "worse", "rising", "falling"]


@dataclass(frozen=True, slots=True)
class InputCondition:
    """What must hold of a record: the value of `subject`, which people call `name`, passes the test."""

    name: str
    subject: Expr
    type: Type
    test: Test


@dataclass(frozen=True, slots=True)
class OutputCondition:
    """What must hold of a decision: the value of an output passes the test."""

    output: str
    test: Test


@dataclass(frozen=True, slots=True)
class Monotone:
    """Of two records that differ in `field`, the larger (later) one has an output that is as good or goes `direction`.

    Better and worse are the order of a ranked choice; rising and falling that of numbers and dates.
    """

    output: str
    field: str
    direction: Direction
    text: str = ""
    span: Span | None = member(default=None, compare=False)

    @property
    def upward(self) -> bool:
        """True when a larger value of the field may only lead to a better, or larger, output."""
        return self.direction in {"better", "rising"}


@dataclass(frozen=True, slots=True)
class Never:
    """No record for which every condition of `when` holds has an outcome for which all of `outcome` hold."""

    outcome: tuple[OutputCondition, ...]
    when: tuple[InputCondition, ...] = ()
    text: str = ""
    span: Span | None = member(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Always:
    """Every record for which every condition of `when` holds has an outcome for which all of `outcome` hold."""

    outcome: tuple[OutputCondition, ...]
    when: tuple[InputCondition, ...] = ()
    text: str = ""
    span: Span | None = member(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Bounded:
    """The output lies between `low` and `high`, both included, or is missing; an absent bound is no bound."""

    output: str
    low: Expr | None = None
    high: Expr | None = None
    text: str = ""
    span: Span | None = member(default=None, compare=False)

    @property
    def test(self) -> Test:
        """What every value of the output passes."""
        low, high = (None if end is None else Bound(end, closed=True) for end in (self.low, self.high))
        return AnyOf((Within(low, high), IsMissing()))


@dataclass(frozen=True, slots=True)
class Implies:
    """Every outcome for which all of `outcome` hold is one for which all of `then` hold."""

    outcome: tuple[OutputCondition, ...]
    then: tuple[OutputCondition, ...]
    text: str = ""
    span: Span | None = member(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Steps:
    """From one value of `field` to its neighbour, the output moves by at most `most` places of its order."""

    most: int
    output: str
    field: str
    text: str = ""
    span: Span | None = member(default=None, compare=False)


Law: TypeAlias = Monotone | Never | Always | Bounded | Implies | Steps
