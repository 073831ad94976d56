"""What depends on nothing but the numbers of a few leaves is worked out beforehand, for every combination of them.

A table of constants gives each row the number of a leaf. Points, totals, bands, ids of rules and whatever else follows
from such numbers alone are a finite function of them, so one lookup answers it: a scorecard of four characteristics,
bands and an override costs its comparisons, an index and one lookup for each column. The values are worked out by the
meaning of the nodes, a column of all combinations at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from fractions import Fraction
from itertools import product
from typing import Any, TypeAlias, assert_never

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
    Item,
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
    Scaled,
    Some,
    Subtract,
    SumAbove,
    SumOver,
    TextOf,
    ToFloat,
    Unscaled,
    When,
    children,
    names_in,
    rebuilt,
)
from crm_rules.backends.query_operand import holds
from crm_rules.dataclass import dataclass

MOST = 2_048  # combinations that are worked out: some milliseconds, and a table that stays in a processor's cache
Values: TypeAlias = list[Any]


@dataclass(frozen=True, slots=True)
class Finite:
    """An item whose values follow from the numbers of leaves: which ones, and the value at every combination."""

    factors: tuple[str, ...]
    values: tuple[Any, ...]


class Unknown(Exception):  # noqa: N818 - a signal within this module, never an error
    """An expression follows from more than the numbers of leaves."""


def tabulated(items: Iterable[Item], results: Iterable[Item]) -> tuple[list[Item], list[Item]]:
    """The items and results with every finite part looked up; items that nothing reads any more are left in."""
    tabulator = Tabulator()
    kept = [tabulator.item(item) for item in items]
    added = [tabulator.result(item) for item in results]
    return [*kept, *tabulator.indexes()], added


class Tabulator:
    """Knows the finite items so far, and the indexes that lookups need."""

    def __init__(self) -> None:
        self.sizes: dict[str, int] = {}
        self.finite: dict[str, Finite] = {}
        self.indexed: dict[tuple[Expr | str, ...], Item] = {}

    def item(self, item: Item) -> Item:
        """An item, its finite parts looked up."""
        codes = leaves(item.expr)
        if codes is not None and not list(names_in(item.expr)):
            self.sizes[item.name] = max(codes) + 1
            self.finite[item.name] = Finite((item.name,), tuple(range(max(codes) + 1)))
            return item
        found = self.solved(item.expr)
        if found is not None:
            self.finite[item.name] = found
        return replace(item, expr=self.looked_up(item.expr, item.kind))

    def result(self, item: Item) -> Item:
        """A result, its finite parts looked up."""
        return replace(item, expr=self.looked_up(item.expr, item.kind))

    def indexes(self) -> list[Item]:
        """The items that number the combinations."""
        return list(self.indexed.values())

    def looked_up(self, expr: Expr, kind: Kind | None) -> Expr:
        """The expression with its largest finite parts as lookups; `kind` is that of its value, where it is known."""
        if isinstance(expr, Fixed | Null | Named | Fact):
            return expr
        found = self.solved(expr) if kind is not None else None
        if found is None or kind is None:
            return self.below(expr, kind)
        if len(set(found.values)) == 1:
            return fixed(found.values[0], kind)
        return Lookup(self.index(found.factors), tuple(fixed(value, kind) for value in found.values), kind)

    def below(self, expr: Expr, kind: Kind | None) -> Expr:  # noqa: PLR0911 - one case a node
        """An expression whose parts are looked up; only what has the expression's own kind is looked into."""
        match expr:
            case When(condition, then, otherwise, notes):
                inner = self.looked_up(condition, "boolean")
                found = self.solved(then)
                if found is not None and kind is not None and isinstance(otherwise, Fixed | Null):
                    return self.guarded(inner, found, otherwise, kind)
                return When(inner, self.looked_up(then, kind), self.looked_up(otherwise, kind), notes)
            case Joined(operands, separator):
                return Joined(tuple(self.looked_up(operand, "text") for operand in operands), separator)
            case Every(operands):
                return Every(tuple(self.looked_up(operand, "boolean") for operand in operands))
            case Some(operands):
                return Some(tuple(self.looked_up(operand, "boolean") for operand in operands))
            case Not(operand):
                return Not(self.looked_up(operand, "boolean"))
            case Add() | Subtract() | Multiply() | FloorDivide() | Negate() | Absolute() | Least() | Greatest():
                return rebuilt(expr, lambda part: self.looked_up(part, kind))
            case _:
                return expr

    def index(self, factors: tuple[str, ...]) -> Expr:
        """The number of the combination that a row has."""
        if len(factors) == 1:
            return Named(factors[0])
        found = self.indexed.get(factors)
        if found is None:
            expr: Expr = Named(factors[0])
            for name in factors[1:]:
                expr = Add(Multiply(expr, Fixed(self.sizes[name])), Named(name))
            found = Item(f"{factors[0].partition('/')[0]}/combination {len(self.indexed) + 1}", expr, "integer")
            self.indexed[factors] = found
        return Named(found.name)

    def guarded(self, condition: Expr, then: Finite, otherwise: Fixed | Null, kind: Kind) -> Expr:
        """A lookup where a condition holds, else a constant: one more value of the same lookup."""
        values = (*(fixed(value, kind) for value in then.values), otherwise)
        known = (condition, *then.factors)
        found = self.indexed.get(known)
        if found is None:
            expr = When(condition, self.index(then.factors), Fixed(len(then.values)))
            found = Item(f"{then.factors[0].partition('/')[0]}/combination {len(self.indexed) + 1}", expr, "integer")
            self.indexed[known] = found
        return Lookup(Named(found.name), values, kind)

    # Working out

    def solved(self, expr: Expr) -> Finite | None:
        """The values of an expression at every combination; None where it follows from more, or they are too many."""
        names = list(dict.fromkeys(names_in(expr)))
        if not names or any(name not in self.finite for name in names) or has_facts(expr):
            return None
        factors = tuple(dict.fromkeys(factor for name in names for factor in self.finite[name].factors))
        count = 1
        for factor in factors:
            count *= self.sizes[factor]
        if count > MOST:
            return None
        combinations = list(product(*(range(self.sizes[factor]) for factor in factors)))
        columns = {name: self.spread(self.finite[name], factors, combinations) for name in names}
        try:
            return Finite(factors, tuple(column(expr, columns, count)))
        except Unknown:
            return None

    def spread(self, found: Finite, factors: tuple[str, ...], combinations: list[tuple[int, ...]]) -> Values:
        """The values of a finite item at the combinations of more factors than its own."""
        places = [(factors.index(factor), self.sizes[factor]) for factor in found.factors]
        values: Values = []
        for combination in combinations:
            at = 0
            for place, size in places:
                at = at * size + combination[place]
            values.append(found.values[at])
        return values


def leaves(expr: Expr) -> set[int] | None:
    """The numbers that an expression of conditions can have; None when it has other values."""
    found: set[int] = set()
    waiting = [expr]
    while waiting:
        node = waiting.pop()
        if isinstance(node, When):
            waiting += [node.then, node.otherwise]
        elif isinstance(node, Fixed) and type(node.value) is int and 0 <= node.value < MOST:
            found.add(node.value)
        else:
            return None
    return found if len(found) > 1 else None


def has_facts(expr: Expr) -> bool:
    """True when an expression reads a column of the table."""
    waiting = [expr]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Fact | CurrentDay | SumOver | SumAbove):
            return True
        waiting.extend(children(node))
    return False


def fixed(value: Any, kind: Kind) -> Fixed | Null:
    """A value that was worked out, as an expression."""
    if value is None:
        return Null(kind)
    return Fixed(Fraction(value) if kind == "number" else value)


def column(expr: Expr, columns: Mapping[str, Values], count: int) -> Values:  # noqa: C901, PLR0911, PLR0912
    """The values of an expression at every combination; None for null, and for what nobody looks at."""

    def of(operand: Expr) -> Values:
        return column(operand, columns, count)

    def mapped(work: Callable[..., Any], *operands: Expr) -> Values:
        rows = zip(*map(of, operands), strict=True)
        return [None if any(value is None for value in row) else work(*row) for row in rows]

    match expr:
        case Fixed(value):
            return [value] * count
        case Null():
            return [None] * count
        case Named(name):
            return columns[name]
        case IsNull(operand):
            return [value is None for value in of(operand)]
        case Compare(op, left, right):
            return mapped(lambda a, b: holds(op, a, b), left, right)
        case OneOf(operand, values):
            wanted = {one.value for one in values}
            return mapped(lambda a: a in wanted, operand)
        case Not(operand):
            return mapped(lambda a: not a, operand)
        case Every(operands):
            rows = zip(*map(of, operands), strict=True)
            return [False if False in row else None if None in row else True for row in rows]
        case Some(operands):
            rows = zip(*map(of, operands), strict=True)
            return [True if True in row else None if None in row else False for row in rows]
        case When(condition, then, otherwise):
            rows = zip(of(condition), of(then), of(otherwise), strict=True)
            return [a if holds_ else b for holds_, a, b in rows]
        case Lookup(operand, values):
            plain = [None if isinstance(one, Null) else one.value for one in values]
            return mapped(lambda a: plain[a], operand)
        case Negate(operand):
            return mapped(lambda a: -a, operand)
        case Add(left, right):
            return mapped(lambda a, b: a + b, left, right)
        case Subtract(left, right):
            return mapped(lambda a, b: a - b, left, right)
        case Multiply(left, right):
            return mapped(lambda a, b: a * b, left, right)
        case FloorDivide(left, right):
            return mapped(lambda a, b: a // b if b else None, left, right)
        case Absolute(operand):
            return mapped(abs, operand)
        case Least(operands):
            return mapped(lambda *some: min(some), *operands)
        case Greatest(operands):
            return mapped(lambda *some: max(some), *operands)
        case Unscaled(operand, digits):
            return mapped(lambda a: Fraction(a, 10**digits), operand)
        case Joined(operands, separator):
            return mapped(lambda *texts: separator.join(text for text in texts if text), *operands)
        case (
            Fact()
            | CurrentDay()
            | HasKind()
            | ToFloat()
            | Scaled()
            | IsWhole()
            | IsMidnight()
            | DayOf()
            | DayNumber()
            | DayAt()
            | DayPart()
            | AddMonths()
            | TextOf()
            | SumOver()
            | SumAbove()
        ):
            raise Unknown
        case _:
            assert_never(expr)
