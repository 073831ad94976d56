"""Whether a `Query` is well formed: every expression of one kind, every name known, whatever a row holds.

An engine checks all branches of a query, also those that no row takes, so `check_query` walks all of them. Kinds of
expressions are those of `query.Kind`, and `stored`: a column of numbers as it is; `real`: a float that was an integer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from fractions import Fraction
from typing import Literal, TypeAlias, assert_never

from crm_rules.backends.query import (
    Absolute,
    Add,
    AddMonths,
    Compare,
    CurrentDay,
    DayAt,
    DayNumber,
    DayOf,
    DayPart,
    Every,
    Expr,
    Fact,
    Fixed,
    FloorDivide,
    Greatest,
    HasKind,
    IsMidnight,
    IsNull,
    IsWhole,
    Joined,
    Kind,
    Least,
    Lookup,
    Multiply,
    Named,
    Negate,
    Not,
    Null,
    OneOf,
    Query,
    Scaled,
    Some,
    Storage,
    Subtract,
    SumAbove,
    SumOver,
    TextOf,
    ToFloat,
    Unscaled,
    When,
)
from crm_rules.ir.numbers import decimal_parts

Shape: TypeAlias = Kind | Literal["stored", "real", "moment", "anything"]
SHAPES: Mapping[Storage, Shape] = {
    "boolean": "boolean",
    "integer": "integer",
    "float": "stored",
    "decimal": "stored",
    "text": "text",
    "date": "day",
    "datetime": "moment",
    "any": "anything",
    "dynamic": "anything",
}


NUMBERS = frozenset({"integer", "number"})


class QueryError(AssertionError):
    """An expression is not what its place needs."""


def check_query(query: Query) -> None:
    """Raise `QueryError` unless every expression is well formed."""
    scope: dict[str, Shape] = {}
    feeds = {feed.name: SHAPES[feed.storage] for feed in query.feeds}
    for items in (*query.stages, query.results):
        added: dict[str, Shape] = {}
        for item in items:
            shape = Shapes(feeds, scope).of(item.expr)
            wanted: tuple[Shape, ...] = (item.kind, "stored", "real") if item.kind in NUMBERS else (item.kind,)
            demand(fits(shape, *wanted), item.expr, f"`{item.name}` is declared {item.kind}, found {shape}")
            demand(item.name not in scope and item.name not in added, item.expr, f"`{item.name}` is named twice")
            added[item.name] = shape if shape in {"stored", "real"} else item.kind
        scope |= added


def demand(holds: bool, expr: Expr, sentence: str) -> None:  # noqa: FBT001 - the sentence's own condition
    """Raise unless the sentence's condition holds."""
    if not holds:
        found = str(expr)
        raise QueryError(f"{sentence}: {found if len(found) < 400 else found[:400] + '…'}")


def fits(shape: Shape, *wanted: Shape) -> bool:
    """True for a shape that is wanted, and for a column that may be anything."""
    return shape == "anything" or shape in wanted


class Shapes:
    """The shapes of expressions over columns."""

    def __init__(self, feeds: Mapping[str, Shape], named: Mapping[str, Shape]) -> None:
        self.feeds = feeds
        self.named = named
        self.known: dict[int, Shape] = {}

    def of(self, expr: Expr) -> Shape:
        """The shape of an expression; each is looked at once."""
        found = self.known.get(id(expr))
        if found is None:
            found = self.known[id(expr)] = self.made(expr)
        return found

    def need(self, expr: Expr, *wanted: Shape) -> Shape:
        """The shape of an expression, which is one of those wanted."""
        shape = self.of(expr)
        demand(fits(shape, *wanted), expr, f"expected {' or '.join(wanted)}, found {shape}")
        return shape

    def same(self, exprs: Iterable[Expr], whole: Expr) -> Shape:
        """The one shape of several expressions."""
        shapes = {self.of(expr) for expr in exprs}
        if "anything" in shapes and shapes <= {"anything", "stored", "number", "integer"}:
            return "anything"
        shapes -= {"anything"}
        if shapes == {"stored", "number"}:
            return "stored"  # a constant that the column could hold
        demand(len(shapes) <= 1, whole, f"{sorted(shapes)} beside each other")
        return shapes.pop() if shapes else "anything"

    def made(self, expr: Expr) -> Shape:  # noqa: C901, PLR0911, PLR0912, PLR0915 - one case a node
        """The shape of an expression that is met for the first time."""
        match expr:
            case Fixed(value):
                return shape_of(value, expr)
            case Null(kind):
                return kind
            case Fact(feed):
                demand(feed in self.feeds, expr, "no such feed")
                return self.feeds[feed]
            case Named(name):
                demand(name in self.named, expr, "no such item in an earlier stage")
                return self.named[name]
            case CurrentDay():
                return "day"
            case IsNull(operand):
                self.of(operand)
                return "boolean"
            case Compare():
                return self.compared(expr)
            case OneOf(operand, values):
                demand(bool(values), expr, "no values")
                self.same((operand, *values), expr)
                return "boolean"
            case Not(operand):
                return self.need(operand, "boolean")
            case Every(operands) | Some(operands):
                demand(bool(operands), expr, "no operands")
                for operand in operands:
                    self.need(operand, "boolean")
                return "boolean"
            case When():
                return self.chain(expr)
            case Lookup(operand, places, kind):
                self.need(operand, "integer")
                for place in places:
                    self.need(place, kind)
                return kind
            case Negate(operand):
                return self.need(operand, "integer", "stored")
            case Add(left, right) | Subtract(left, right) | Multiply(left, right):
                self.need(left, "integer", "real")
                self.need(right, "integer", "real")
                return self.same((left, right), expr)
            case FloorDivide(left, right):
                self.need(left, "integer")
                return self.need(right, "integer")
            case Absolute(operand):
                return self.need(operand, "integer")
            case Least(operands) | Greatest(operands):
                demand(bool(operands), expr, "no operands")
                for operand in operands:
                    self.need(operand, "integer", "stored", "number")
                return self.same(operands, expr)
            case ToFloat(operand):
                self.need(operand, "integer")
                return "real"
            case Scaled(operand):
                self.need(operand, "stored")
                return "integer"
            case Unscaled(operand):
                self.need(operand, "integer")
                return "number"
            case IsWhole(operand):
                self.need(operand, "stored")
                return "boolean"
            case IsMidnight(operand):
                self.need(operand, "moment")
                return "boolean"
            case DayOf(operand):
                self.need(operand, "moment", "day")
                return "day"
            case DayNumber(operand) | DayPart(operand):
                self.need(operand, "day")
                return "integer"
            case DayAt(operand):
                self.need(operand, "integer")
                return "day"
            case HasKind(operand):
                self.need(operand, "anything")
                return "boolean"
            case TextOf(operand):
                return self.need(operand, "text")
            case AddMonths(operand, months):
                self.need(months, "integer")
                return self.need(operand, "day")
            case SumOver(operand, within):
                self.plain(expr, operand, *within)
                return self.need(operand, "integer", "real")
            case SumAbove(operand, order, within):
                self.plain(expr, operand, order, *within)
                self.need(order, "integer")
                return self.need(operand, "integer")
            case Joined(operands):
                for operand in operands:
                    self.need(operand, "text")
                return "text"
            case _:
                assert_never(expr)

    def plain(self, expr: Expr, *parts: Expr) -> None:
        """The parts of a sum over rows are names."""
        demand(all(isinstance(part, Named | Fact) for part in parts), expr, "a sum over rows of what has no name")

    def compared(self, expr: Compare) -> Shape:
        """A comparison: two of one kind, or a column with a constant."""
        left, right = self.of(expr.left), self.of(expr.right)
        if left in {"stored", "integer", "real", "anything"} and isinstance(expr.right, Fixed) and right == "number":
            return "boolean"
        if isinstance(expr.left, Unscaled) and right in {"stored", "anything"}:
            return "boolean"
        shape = self.same((expr.left, expr.right), expr)
        if shape in {"text", "boolean"}:
            demand(expr.op in {"=", "!="}, expr, f"{shape} has no order")
        demand(shape != "moment", expr, "a stored date is compared as its day")
        return "boolean"

    def chain(self, expr: When) -> Shape:
        """A chain of conditions, however long."""
        branches: list[Expr] = []
        rest: Expr = expr
        while isinstance(rest, When):
            self.need(rest.condition, "boolean")
            branches.append(rest.then)
            rest = rest.otherwise
        return self.same((*branches, rest), expr)


def shape_of(value: object, expr: Expr) -> Shape:
    """The shape of a constant."""
    match value:
        case bool():
            return "boolean"
        case int():
            demand(-(2**63) <= value < 2**63, expr, "a constant of more than 64 bits")
            return "integer"
        case Fraction():
            demand(decimal_parts(value) is not None, expr, "a constant without a decimal form")
            return "number"
        case str():
            return "text"
        case date():
            return "day"
        case _:
            raise QueryError(f"{value!r} is no constant")
