"""The Python function being written: its statements, scopes and names, and what is known once a day.

A `Draft` holds the block that statements go to, the operands already computed in the scopes around
it, and the slow exit. `Operand` is how generated code refers to a value. What depends on the day
and on no record is collected here too (`of_day`): the engine computes it once per `today`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from crm_rules.backends.python_syntax import NONE, Literals, Names, assign, call, compare, named, when
from crm_rules.ir.nodes import Value


@dataclass(frozen=True, slots=True)
class Known:
    """A value that is the same for every record and day; None is missing."""

    value: Value | None


@dataclass(frozen=True, slots=True)
class Operand:
    """A value in generated code: an expression without effects, cheap enough to be written twice.

    `whole` says that it is an int; `known` holds the value where it does not depend on anything.
    """

    syntax: ast.expr
    may_be_missing: bool = False
    whole: bool = False
    known: Known | None = None


@dataclass
class Draft:
    """A function under construction; the names and literals belong to its module.

    `day` is the function that computes what depends on the day only; it has none itself.
    """

    names: Names
    literals: Literals
    day: Draft | None = None
    statements: list[ast.stmt] = field(default_factory=list)
    scopes: list[dict[tuple[str, str], Operand]] = field(default_factory=lambda: [{}])
    day_values: dict[Any, Operand] = field(default_factory=dict)

    def write(self, *statements: ast.stmt) -> None:
        """Append statements to the current block."""
        self.statements.extend(statements)

    def let(self, hint: str, value: ast.expr) -> ast.expr:
        """A new variable that holds `value`; a plain name or literal stays as it is."""
        if isinstance(value, ast.Name | ast.Constant):
            return value
        identifier = self.names.fresh(hint)
        self.write(assign(identifier, value))
        return named(identifier)

    def leave(self) -> None:
        """Hand the record to the slow path."""
        self.write(ast.Return(call("slow", named("record"), named("today"), named("given"))))

    @contextmanager
    def block(self) -> Iterator[list[ast.stmt]]:
        """A nested block: statements go there, and what is computed inside is not known outside."""
        outer, inner = self.statements, list[ast.stmt]()
        self.statements = inner
        self.scopes.append({})
        try:
            yield inner
        finally:
            self.statements = outer
            self.scopes.pop()

    def step_value(self, step: str, output: str) -> Operand | None:
        """The output of a step that was computed on the way to here."""
        for scope in reversed(self.scopes):
            if (step, output) in scope:
                return scope[step, output]
        return None

    def remember(self, step: str, output: str, operand: Operand) -> None:
        """Make an output known to the rest of this block."""
        self.scopes[-1][step, output] = operand

    def constant(self, value: Value | None) -> Operand:
        """A value that never changes."""
        whole = isinstance(value, int) and not isinstance(value, bool)
        return Operand(self.literals.of(value), value is None, whole, Known(value))

    def of_day(self, key: Any, hint: str, compute: Callable[[Draft], Operand]) -> Operand:
        """A value that depends on the day only: a variable that is filled once per `today`.

        A day on which it is missing takes the slow path.
        """
        if self.day is None:
            raise AssertionError(key)
        if key not in self.day_values:
            found = compute(self.day)
            identifier = self.names.fresh(hint)
            self.day.write(assign(identifier, found.syntax))
            if found.may_be_missing:
                self.day.write(*when(compare(named(identifier), "is", NONE), [ast.Return(NONE)]))
            self.day_values[key] = Operand(named(identifier), whole=found.whole)
        return self.day_values[key]


MISSING = Operand(NONE, may_be_missing=True, known=Known(None))
