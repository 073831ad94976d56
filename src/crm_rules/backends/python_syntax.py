"""Small builders for Python's syntax trees, and the names and literals of a generated module.

Nothing is ever glued from strings: texts of a policy become `ast.Constant`, so quotes and line
breaks in them are harmless, and names become identifiers that the parser reads back unchanged.
Conditions that are known to be true or false disappear here.
"""

from __future__ import annotations

import ast
import builtins
import keyword
import re
import unicodedata
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal, TypeAlias

Comparison: TypeAlias = Literal["<", "<=", ">", ">=", "==", "!=", "is", "is not", "in", "not in"]

OPERATORS: dict[Comparison, ast.cmpop] = {
    "<": ast.Lt(),
    "<=": ast.LtE(),
    ">": ast.Gt(),
    ">=": ast.GtE(),
    "==": ast.Eq(),
    "!=": ast.NotEq(),
    "is": ast.Is(),
    "is not": ast.IsNot(),
    "in": ast.In(),
    "not in": ast.NotIn(),
}
TRUE = ast.Constant(value=True)
FALSE = ast.Constant(value=False)
NONE = ast.Constant(value=None)


def named(identifier: str) -> ast.Name:
    """A variable, to be read."""
    return ast.Name(identifier, ast.Load())


def call(function: str | ast.expr, *arguments: ast.expr) -> ast.Call:
    """`function(*arguments)`."""
    return ast.Call(named(function) if isinstance(function, str) else function, list(arguments), [])


def attribute(of: ast.expr, word: str) -> ast.Attribute:
    """`of.word`."""
    return ast.Attribute(of, word, ast.Load())


def operation(left: ast.expr, operator: ast.operator, right: ast.expr) -> ast.BinOp:
    """An arithmetic operation."""
    return ast.BinOp(left, operator, right)


def compare(left: ast.expr, *rest: Any) -> ast.expr:
    """`left < a <= b …`: the comparisons and operands in turn."""
    operators = [OPERATORS[word] for word in rest[::2]]
    return ast.Compare(left, operators, list(rest[1::2]))


def both(conditions: Iterable[ast.expr]) -> ast.expr:
    """All of the conditions."""
    kept = [condition for condition in conditions if condition is not TRUE]
    if any(condition is FALSE for condition in kept):
        return FALSE
    return joined(ast.And(), kept, TRUE)


def either(conditions: Iterable[ast.expr]) -> ast.expr:
    """At least one of the conditions."""
    kept = [condition for condition in conditions if condition is not FALSE]
    if any(condition is TRUE for condition in kept):
        return TRUE
    return joined(ast.Or(), kept, FALSE)


def joined(operator: ast.boolop, conditions: list[ast.expr], none: ast.expr) -> ast.expr:
    """The conditions under one operator."""
    if not conditions:
        return none
    return conditions[0] if len(conditions) == 1 else ast.BoolOp(operator, conditions)


def negated(condition: ast.expr) -> ast.expr:
    """The opposite of a condition."""
    if condition is TRUE or condition is FALSE:
        return FALSE if condition is TRUE else TRUE
    return ast.UnaryOp(ast.Not(), condition)


def choose(condition: ast.expr, then: ast.expr, otherwise: ast.expr) -> ast.expr:
    """`then if condition else otherwise`."""
    if condition is TRUE or condition is FALSE:
        return then if condition is TRUE else otherwise
    return ast.IfExp(condition, then, otherwise)


def assign(identifier: str, value: ast.expr) -> ast.stmt:
    """`identifier = value`."""
    return ast.Assign([ast.Name(identifier, ast.Store())], value)


def unpack(identifiers: Iterable[str], value: ast.expr) -> ast.stmt:
    """`a, b, c = value`."""
    return ast.Assign([ast.Tuple([ast.Name(one, ast.Store()) for one in identifiers], ast.Store())], value)


def when(condition: ast.expr, then: list[ast.stmt], otherwise: list[ast.stmt] | None = None) -> list[ast.stmt]:
    """`if condition: then else: otherwise`, without what cannot happen."""
    otherwise = otherwise or []
    if condition is TRUE:
        return then
    if condition is FALSE or (not then and not otherwise):
        return otherwise
    if not then:
        return [ast.If(negated(condition), otherwise, [])]
    return [ast.If(condition, then, otherwise)]


class Names:
    """Identifiers of one generated module: readable, unique, and safe for any text of a policy."""

    def __init__(self, taken: Iterable[str]) -> None:
        self.taken = {*taken, *dir(builtins), *keyword.kwlist}

    def fresh(self, hint: str) -> str:
        """An identifier like `hint` that nothing else has."""
        # The parser applies NFKC to identifiers, so two texts that only differ before it must not become two names.
        stem = re.sub(r"\W", "_", unicodedata.normalize("NFKC", hint))
        if not stem.isidentifier() or stem.startswith("__"):
            stem = f"v_{stem.strip('_')}"
        identifier, count = stem, 1
        while identifier in self.taken:
            count += 1
            identifier = f"{stem}_{count}"
        self.taken.add(identifier)
        return identifier


class Literals:
    """The constants of a generated module: written in place where Python can, else named at its top."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.known: dict[tuple[str, Any], ast.expr] = {}
        self.definitions: list[ast.stmt] = []

    def of(self, value: Any) -> ast.expr:
        """The syntax that stands for a value."""
        if value is None or isinstance(value, bool | int | str | float):
            return TRUE if value is True else FALSE if value is False else ast.Constant(value=value)
        if isinstance(value, tuple) and all(isinstance(item, bool | int | str | float | None) for item in value):
            return ast.Tuple([ast.Constant(value=item) for item in value], ast.Load())
        key = (type(value).__name__, repr(value))
        if key not in self.known:
            self.known[key] = self.define(*self.construction(value))
        return self.known[key]

    def construction(self, value: Any) -> tuple[str, ast.expr]:
        """A name to begin with, and the syntax that makes the value."""
        match value:
            case date():
                return f"DAY_{value:%Y_%m_%d}", call("date", *map(self.of, (value.year, value.month, value.day)))
            case Fraction():
                return "NUMBER", call("Fraction", self.of(value.numerator), self.of(value.denominator))
            case Decimal():
                return "DECIMAL", call("Decimal", ast.Constant(value=str(value)))
            case tuple():
                return "VALUES", ast.Tuple([self.of(item) for item in value], ast.Load())
            case _:
                raise TypeError(value)

    def define(self, hint: str, value: ast.expr) -> ast.Name:
        """A name at the top of the module for `value`."""
        identifier = self.names.fresh(hint)
        self.definitions.append(assign(identifier, value))
        return named(identifier)
