"""Query nodes as narwhals expressions: one `match`, with the forms that `frame_forms` chooses for the engine.

An expression may be asked for any row, also one where the query never looks at its value; so whatever could raise
(a division by zero, a cast of a number that does not fit) gets another operand there. `frame_numbers` and `frame_days`
hold the longer forms. This module knows no frames: `Column` says what a printed fact is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import reduce
from typing import Any, assert_never

import narwhals.stable.v2 as nw

from crm_rules.backends.frame_choices import branches, chain, fitting, in_type, is_long, over, places, with_separator
from crm_rules.backends.frame_columns import (
    Column,
    boolean,
    choose,
    compare,
    day,
    fixed,
    integer,
    like,
    null,
    number,
    text,
)
from crm_rules.backends.frame_days import day_of_text, day_part, is_midnight
from crm_rules.backends.frame_forms import CHAIN, DEPTH, TINY, Forms
from crm_rules.backends.frame_numbers import (
    compare_number,
    floor_by_steps,
    is_count,
    is_whole,
    one_of,
    scaled,
    sum_of_halves,
)
from crm_rules.backends.frame_sharing import Sharing
from crm_rules.backends.query import (
    Absolute,
    Add,
    AddMonths,
    Compare,
    Comparison,
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
    Query,
    Scaled,
    Some,
    Subtract,
    SumAbove,
    SumOver,
    TextOf,
    ToFloat,
    Unscaled,
    When,
)

EPOCH = date(1970, 1, 1)
FIRST_DAY, LAST_DAY = date.min.toordinal() - EPOCH.toordinal(), date.max.toordinal() - EPOCH.toordinal()
MIRRORED: Mapping[Comparison, Comparison] = {"<": ">", "<=": ">=", "=": "=", "!=": "!=", ">=": "<=", ">": "<"}


@dataclass(slots=True)
class Cost:
    """What an expression costs where it is written in place: its first layer, its nodes, its nesting."""

    level: int = 0
    weight: int = 0
    depth: int = 0

    def add(self, other: Cost) -> None:
        """A part of the expression was printed."""
        self.level = max(self.level, other.level)
        self.weight += other.weight
        self.depth = max(self.depth, other.depth)


@dataclass(frozen=True, slots=True)
class Taken:
    """A column of values taken from a list by their places, which another column holds."""

    places: str
    values: tuple[Any, ...]
    kind: Kind


class Printer:
    """Prints expressions for one engine over the facts and the named items.

    What a form reads several times, and what nests too deep, becomes a column of its own: `layers` holds those columns,
    each layer reading the facts and the layers before.
    """

    def __init__(self, forms: Forms, facts: Mapping[str, Column], names: Iterator[str]) -> None:
        self.forms = forms
        self.facts = facts
        self.names = names
        self.named: dict[str, tuple[Column, Cost]] = {}
        self.layers: list[dict[str, nw.Expr | Taken]] = []
        self.sharing = Sharing(())
        self.shared: dict[int, tuple[Column, Cost]] = {}
        self.cost = Cost()  # of what was printed since the node began

    def begin(self, query: Query) -> None:
        """Print another query: its items have names of their own."""
        self.named = {}
        self.shared = {}
        items = (item for stage in (*query.stages, query.results) for item in stage)
        self.sharing = Sharing(item.expr for item in items)

    def name(self, item: Item, *, often: bool) -> None:
        """Print an item for the expressions that read it by name; one that is read often is computed once."""
        self.named[item.name] = self.printed(item.expr, once=often)

    def expr(self, node: Expr) -> nw.Expr:
        """The narwhals expression of a node."""
        return self.column(node).expr

    def column(self, node: Expr, *, once: bool = False) -> Column:
        """The narwhals expression of a node; where it is needed several times it is computed `once`."""
        found, cost = self.printed(node, once=once)
        self.cost.add(cost)
        return found

    def printed(self, node: Expr, *, once: bool) -> tuple[Column, Cost]:
        """The expression of a node with what it costs; one that several read is computed once, if it costs anything."""
        if isinstance(node, Fixed | Null | Fact | Named):
            outer, self.cost = self.cost, Cost()
            found = self.match(node)
            cost, self.cost = self.cost, outer
            return self.layered(found, cost) if once and cost.weight > TINY else (found, cost)
        number = self.sharing.number(node)
        if number in self.shared:
            return self.shared[number]
        outer, self.cost = self.cost, Cost()
        found = self.match(node)
        cost, self.cost = self.cost, outer
        cost.weight += 1
        cost.depth += 1
        shared = once or number is not None
        answer = self.layered(found, cost) if cost.depth > DEPTH or (shared and cost.weight > TINY) else (found, cost)
        if number is not None:
            self.shared[number] = answer
        return answer

    def layered(self, found: Column, cost: Cost) -> tuple[Column, Cost]:
        """An expression as a column of the first layer that can compute it."""
        return like(found, nw.col(self.new(found.expr, cost.level))), Cost(cost.level + 1)

    def new(self, expr: nw.Expr | Taken, level: int) -> str:
        """The name of a new column of a layer."""
        name = next(self.names)
        while len(self.layers) <= level:
            self.layers.append({})
        self.layers[level][name] = expr
        return name

    def match(self, node: Expr) -> Column:  # noqa: C901, PLR0911, PLR0912 - one case a node
        """A node as a narwhals expression, and how its values are stored."""
        match node:
            case Fixed(value):
                return fixed(value)
            case Null(kind):
                return null(kind)
            case Fact(feed):
                return self.facts[feed]
            case Named(name):
                found, cost = self.named[name]
                self.cost.add(cost)
                return found
            case CurrentDay() | HasKind() | TextOf() | AddMonths():
                raise AssertionError(node)  # of SQL: a frame knows its columns, and its day is a date or a column
            case IsNull(operand):
                return boolean(self.expr(operand).is_null())
            case Compare(op, left, right):
                return boolean(self.compare(op, left, right))
            case OneOf(operand, values):
                return boolean(one_of(self.column(operand), values))
            case Not(operand):
                return boolean(~self.expr(operand))
            case Every(operands):
                return boolean(self.every(operands))
            case Some(operands):
                return boolean(self.some(operands))
            case When():
                return self.when(node)
            case Lookup(operand, values, kind):
                return like(null(kind), self.lookup(self.once(operand), values, kind))
            case Negate(operand):
                found = self.column(operand)
                return like(found, nw.lit(0, found.dtype) - found.expr)
            case Add(left, right):
                return self.arithmetic(left, right, lambda a, b: a + b)
            case Subtract(left, right):
                return self.arithmetic(left, right, lambda a, b: a - b)
            case Multiply(left, right):
                return self.arithmetic(left, right, lambda a, b: a * b)
            case FloorDivide(left, right):
                return integer(self.floor_divide(left, right))
            case Absolute(operand):
                return integer(self.expr(operand).abs())
            case Least(operands):
                return self.extreme(operands, "<=")
            case Greatest(operands):
                return self.extreme(operands, ">=")
            case ToFloat(operand):
                return number(self.to_float(operand))
            case Scaled(operand, digits):
                return integer(scaled(self.column(operand, once=True), digits))
            case Unscaled(operand, digits):
                return number(self.unscaled(self.once(operand).cast(nw.Float64()), float(10**digits)))
            case IsWhole(operand):
                return boolean(is_whole(self.column(operand, once=True)))
            case IsMidnight(operand):
                return boolean(is_midnight(self.column(operand, once=True)))
            case DayOf(operand):
                found = self.column(operand)
                return day(found.expr if found.storage == "date" else found.expr.cast(nw.Date()))
            case DayNumber(operand):
                return integer(self.day_number(operand))
            case DayAt(operand):
                return day(self.day_at(self.once(operand)))
            case DayPart(operand, part):
                return integer(day_part(self.expr(operand), part))
            case SumOver(operand, within):
                return self.sum_over(operand, within)
            case SumAbove(operand, order, within):
                return self.sum_above(operand, order, within)
            case Joined(operands, separator):
                return text(self.joined(operands, separator))
            case _:
                assert_never(node)

    def once(self, node: Expr) -> nw.Expr:
        """The expression of a node that a form reads several times."""
        return self.column(node, once=True).expr

    # Conditions

    def compare(self, op: Comparison, left: Expr, right: Expr) -> nw.Expr:
        """A comparison; a constant takes the form of the column that it is compared with."""
        if isinstance(left, Fixed) and not isinstance(right, Fixed):
            return self.compare(MIRRORED[op], right, left)
        if isinstance(left, Unscaled) and self.column(right).storage == "decimal":
            same = is_count(self.column(right, once=True), self.once(left.operand), left.digits)
            return same if op == "=" else ~same
        column = self.column(left)
        if isinstance(right, Fixed) and isinstance(right.value, int | Fraction) and not isinstance(right.value, bool):
            return compare_number(op, column, Fraction(right.value))
        return compare(op, column.expr, self.expr(right))

    def every(self, operands: Sequence[Expr]) -> nw.Expr:
        """All of the conditions."""
        if len(operands) == 1:
            return self.expr(operands[0])
        return nw.all_horizontal(*map(self.expr, operands), ignore_nulls=False)

    def some(self, operands: Sequence[Expr]) -> nw.Expr:
        """One of the conditions."""
        if len(operands) == 1:
            return self.expr(operands[0])
        return nw.any_horizontal(*map(self.expr, operands), ignore_nulls=False)

    # Choices

    def when(self, node: When) -> Column:
        """A chain of conditions; a long one is halved, so that it nests as deep as the logarithm of its length."""
        steps: list[tuple[nw.Expr, Column]] = []
        long = is_long(node)
        rest: Expr = node
        while isinstance(rest, When):
            steps.append((self.column(rest.condition, once=long).expr, self.column(rest.then)))
            rest = rest.otherwise
        last = self.column(rest)
        self.cost.weight += len(steps)
        self.cost.depth += min(len(steps), CHAIN) + len(steps).bit_length()
        values = [*(then for _, then in steps), last]
        shape = next((one for one in values if one.storage != "float"), last)
        *thens, final = (in_type(shape, value, node) for value, node in zip(values, branches(node), strict=True))
        return like(shape, chain([(condition, then) for (condition, _), then in zip(steps, thens, strict=True)], final))

    def lookup(self, place: nw.Expr, values: Sequence[Fixed | Null], kind: Kind) -> nw.Expr:
        """The value at a place: halves of the places down to one value, or a dictionary."""
        if len(values) <= self.forms.lookup:
            return places(place, [self.expr(value) for value in values], 0)
        if self.forms.longer_lookup == "taken":
            return self.taken(place, values, kind)
        known = [(index, value.value) for index, value in enumerate(values) if isinstance(value, Fixed)]
        found = [float(value) if isinstance(value, Fraction) else value for _, value in known]
        return place.replace_strict([index for index, _ in known], found, default=None, return_dtype=null(kind).dtype)

    def taken(self, place: nw.Expr, values: Sequence[Fixed | Null], kind: Kind) -> nw.Expr:
        """The value at a place as a column that the engine itself adds: narwhals has no word for it."""
        level = self.cost.level
        plain = tuple(None if isinstance(value, Null) else value.value for value in values)
        taken = Taken(self.new(place, level), plain, kind)
        self.cost.add(Cost(level + 2))
        return nw.col(self.new(taken, level + 1))

    # Numbers

    def arithmetic(self, left: Expr, right: Expr, apply: Any) -> Column:
        """A sum, difference or product of integers, or of the floats that estimate them."""
        one, other = self.column(left), self.column(right)
        return like(one if one.storage == "float" else other, apply(one.expr, other.expr))

    def floor_divide(self, left: Expr, right: Expr) -> nw.Expr:
        """The quotient rounded down; the divisor is one where it is not above zero."""
        divisor = self.once(right)
        if not isinstance(right, Fixed):
            divisor = choose(divisor > nw.lit(0, nw.Int64()), divisor, nw.lit(1, nw.Int64()))
        if self.forms.floor_divide == "own":
            return self.once(left) // divisor  # narwhals writes the operand five times for DuckDB
        return floor_by_steps(self.once(left), divisor)

    def unscaled(self, units: nw.Expr, factor: float) -> nw.Expr:
        """The float nearest to a quotient of floats."""
        divisor = nw.lit(factor)
        return units / (units * nw.lit(0.0) + divisor if self.forms.unscaled == "column" else divisor)

    def extreme(self, operands: Sequence[Expr], op: Comparison) -> Column:
        """The smallest or largest; decimals of several precisions are compared two by two."""
        columns = [self.column(operand, once=True) for operand in operands]
        exprs = [column.expr for column in columns]
        if columns[0].storage == "decimal":
            return like(columns[0], reduce(lambda a, b: choose(compare(op, a, b), a, b), exprs))
        return like(columns[0], nw.min_horizontal(*exprs) if op == "<=" else nw.max_horizontal(*exprs))

    def to_float(self, whole: Expr) -> nw.Expr:
        """The nearest float."""
        if self.forms.to_float == "cast":
            return self.expr(whole).cast(nw.Float64())
        return sum_of_halves(self.once(whole))

    # Days

    def day_number(self, found: Expr) -> nw.Expr:
        """The days since 1970-01-01."""
        match self.forms.day_number:
            case "cast":
                return self.expr(found).cast(nw.Int32()).cast(nw.Int64())
            case "difference":
                return (self.expr(found) - nw.lit(EPOCH)).cast(nw.Int64())

    def day_at(self, place: nw.Expr) -> nw.Expr:
        """The day of a number; the first one there is where the number is none."""
        within = (place >= nw.lit(FIRST_DAY, nw.Int64())) & (place <= nw.lit(LAST_DAY, nw.Int64()))
        safe = choose(within, place, nw.lit(0, nw.Int64())).cast(nw.Int32())
        match self.forms.day_at:
            case "cast":
                return safe.cast(nw.Date())
            case "text":
                return day_of_text(safe)

    # All rows together: a window reads columns, and is one

    def sum_over(self, operand: Expr, within: Sequence[Expr]) -> Column:
        """The sum over the rows of a group."""
        found = self.column(operand)
        summed = over(nw.col(self.place(found.expr)).sum(), self.places(within))
        return like(found, nw.col(self.place(summed if found.storage == "float" else fitting(summed))))

    def sum_above(self, operand: Expr, order: Expr, within: Sequence[Expr]) -> Column:
        """The sum over the rows of a group with a larger order: what was summed before the first that is equal."""
        found = self.column(operand)
        groups = self.places(within)
        one, ordered = self.place(found.expr), self.place(self.expr(order))
        falling = self.place(nw.lit(0, nw.Int64()) - nw.col(ordered))
        summed = nw.col(one).cum_sum()
        running = self.place(summed.over(*groups, order_by=falling) if groups else summed.over(order_by=falling))
        before = self.place(nw.col(running) - nw.col(one))
        return like(found, nw.col(self.place(fitting(nw.col(before).min().over(*groups, ordered)))))

    def place(self, expr: nw.Expr) -> str:
        """The name of a new column, computed after all that was printed for the node so far."""
        level = self.cost.level
        self.cost = Cost(level + 1)
        return self.new(expr, level)

    def places(self, nodes: Sequence[Expr]) -> list[str]:
        """The names of new columns."""
        return [self.place(self.expr(node)) for node in nodes]

    # Texts

    def joined(self, operands: Sequence[Expr], separator: str) -> nw.Expr:
        """The texts that are not empty with separators: each brings its own, and the first one's is cut off."""
        if len(operands) == 1:
            return self.expr(operands[0])
        parts = [self.separated(operand, separator) for operand in operands]
        return nw.concat_str(parts).str.slice(len(separator))

    def separated(self, node: Expr, separator: str) -> nw.Expr:
        """A text with a separator before it; the empty text stays empty."""
        written = with_separator(node, separator)
        if written is not None:
            return self.expr(written)
        found = self.once(node)
        return choose(found != nw.lit(""), nw.concat_str([nw.lit(separator), found]), nw.lit(""))
