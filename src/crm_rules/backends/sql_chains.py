"""Chains of choices as one CASE takes them: their branches, their values, and what of them is plain text."""

from __future__ import annotations

from typing import Final

from crm_rules.backends.query import Every, Expr, Fixed, Not, Null, Some, When

EMPTY: Final = Fixed("")


def chain(expr: When) -> tuple[list[When], Expr, str]:
    """The branches of a chain, what holds in none, and the note of that.

    A branch for the opposite of the one before is what else holds.
    """
    branches = [expr]
    rest, note = expr.otherwise, expr.notes[1]
    while isinstance(rest, When):
        last = branches[-1].condition
        if rest.condition == Not(last) or last == Not(rest.condition):
            note, rest = rest.notes[0], rest.then
            continue
        branches.append(rest)
        note, rest = rest.notes[1], rest.otherwise
    return branches, rest, note


def shown_note(value: Expr, note: str) -> str:
    """The note of a value, unless the value says the same."""
    return "" if value == Fixed(note) else note


def joint_operands(expr: Every | Some) -> tuple[Expr, ...]:
    """The operands, with those of an operand of the same sort in its place."""
    found: list[Expr] = []
    for operand in expr.operands:
        found += joint_operands(operand) if isinstance(operand, type(expr)) else [operand]
    return tuple(found)


def values_of(expr: Expr) -> list[Expr]:
    """The values of a chain."""
    found: list[Expr] = []
    while isinstance(expr, When):
        found.append(expr.then)
        expr = expr.otherwise
    return [*found, expr]


def is_literal(expr: Expr) -> bool:
    """True for choices between texts that are written out."""
    return all(is_literal(value) if isinstance(value, When) else is_text(value) for value in values_of(expr))


def is_text(expr: Expr) -> bool:
    """True for a text that is written out, or null."""
    return isinstance(expr, Null) or (isinstance(expr, Fixed) and isinstance(expr.value, str))


def emptied(expr: Expr) -> Expr:
    """Choices between texts with null for the empty one."""
    if not isinstance(expr, When):
        return Null("text") if expr == EMPTY else expr
    branches, last, note = chain(expr)
    found = emptied(last)
    for one in reversed(branches):
        found = When(one.condition, emptied(one.then), found, (one.notes[0], note))
        note = ""
    return found
