"""Cascades: conditions that lead to leaves where the rows of a table that hold are known.

Outputs, state and rule ids of a table are readings of one cascade. It is made in `query_tables`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias, TypeVar, assert_never

from crm_rules.backends.query import NO_NOTES, Compare, Expr, Fixed, Kind, Lookup, Notes, Null
from crm_rules.backends.query_logic import when
from crm_rules.backends.query_operand import DECIDED
from crm_rules.dataclass import dataclass

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What holds in a leaf: the rows that matched, under the hit policy."""

    rows: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Fork:
    """A condition that leads to one of two cascades; `notes` name the rows that these are, where each is one."""

    condition: Expr
    inside: Cascade
    outside: Cascade
    notes: Notes = NO_NOTES


Cascade: TypeAlias = Outcome | Fork


class States:
    """Why a step is undecided, each reason with a number; 0 is decided."""

    def __init__(self) -> None:
        self.found: list[tuple[str, str]] = [("decided", "")]

    def of(self, status: str, step: str) -> Expr:
        """The number of a status at a step."""
        entry = (status, f"{status}: {step}")
        if entry not in self.found:
            self.found.append(entry)
        return Fixed(self.found.index(entry))


def outcomes_of(cascade: Cascade) -> Iterator[Outcome]:
    """The leaves of a cascade."""
    match cascade:
        case Outcome():
            yield cascade
        case Fork(_, inside, outside):
            yield from outcomes_of(inside)
            yield from outcomes_of(outside)
        case _:
            assert_never(cascade)


def walked(cascade: Cascade, at: Callable[[Outcome], Found], choose: Callable[[Fork, Found, Found], Found]) -> Found:
    """One reading of a cascade; long ones are walked from their end, so that depth does not grow with the rows."""
    trail: list[Fork] = []
    while isinstance(cascade, Fork):
        trail.append(cascade)
        cascade = cascade.outside
    found = at(cascade)
    for fork in reversed(trail):
        found = choose(fork, walked(fork.inside, at, choose), found)
    return found


def when_forked(fork: Fork, then: Expr, otherwise: Expr) -> Expr:
    """An expression on both sides of a fork."""
    return when(fork.condition, then, otherwise, fork.notes)


def by_number(code: Expr, exprs: list[Expr], kind: Kind) -> Expr:
    """The expression of a number, looked up where all of them are constants."""
    if all(isinstance(expr, Fixed | Null) for expr in exprs):
        return lookup(code, exprs, kind)
    found = exprs[-1]
    for number, expr in reversed(list(enumerate(exprs[:-1]))):
        found = when(Compare("=", code, Fixed(number)), expr, found)
    return found


def lookup(code: Expr, exprs: list[Expr], kind: Kind) -> Expr:
    """The constant of a number; without a question where it is the same for all."""
    constants = tuple(expr for expr in exprs if isinstance(expr, Fixed | Null))
    return constants[0] if all(expr == constants[0] for expr in constants) else Lookup(code, constants, kind)


def blank_unless_decided(state: Expr, text: Expr) -> Expr:
    """The text where the state is that of a decision, else the empty one."""
    return text if state == DECIDED else when(Compare("!=", state, DECIDED), Fixed(""), text)
