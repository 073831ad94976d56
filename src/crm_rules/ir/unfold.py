"""Unfolding: a column over a derived value that is monotone in one field becomes a column over that field.

`months_to_close <= 3` with `months_to_close: started_months(today, expected_close)` becomes
`expected_close <= add_months(today, 3)`. The derived value is missing exactly when the field is, so
`missing` and `present` stay as they are. The subject is taken apart from the outside, one layer at a
time, and each layer says what a border of its value is as a border of its operand. Whatever is not
certainly monotone, or could leave the calendar, stays as it was written (`LeftAlone`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import Any, Literal, TypeAlias, assert_never

from crm_rules.dataclass import dataclass
from crm_rules.ir import days
from crm_rules.ir.nodes import (
    Absolute,
    Add,
    AddTime,
    AnyOf,
    Anything,
    Bound,
    Constant,
    DatePart,
    DaysBetween,
    Divide,
    Expr,
    FieldValue,
    IsMissing,
    IsPresent,
    LatestStart,
    Maximum,
    Minimum,
    MonthsBetween,
    Multiply,
    Negate,
    NotPassing,
    OneOf,
    ParameterValue,
    StartedMonths,
    StepValue,
    Subtract,
    Test,
    TimeUnit,
    Today,
    Within,
)
from crm_rules.ir.program import Column, Derive, Program, Row, Step, Table
from crm_rules.ir.rewrite import children, rebuilt
from crm_rules.ir.simplify import NEVER, any_of, folded, simplified
from crm_rules.ir.types import Integer, Money
from crm_rules.ir.typing import IllTyped, Named, TypeScope, type_of

Side: TypeAlias = Literal["low", "high"]
OTHER: dict[Side, Side] = {"low": "high", "high": "low"}
MAX_NODES = 200  # of an expression with its earlier steps written out; longer ones are left alone


class LeftAlone(Exception):  # noqa: N818 - a signal inside this module, never an error
    """The column cannot be unfolded."""


@dataclass(frozen=True, slots=True)
class Half:
    """All operands on the inner side of a border: `side` says which end of an interval `bound` is."""

    side: Side
    bound: Bound


Halves: TypeAlias = Half | Literal["always", "never"]


@dataclass(frozen=True, slots=True)
class Layer:
    """One operation: its operand, and what a half line of its value is as a half line of the operand.

    `whole` values are whole numbers, so a fractional border may be moved to the next one.
    """

    operand: Expr
    invert: Callable[[Half], Halves]
    whole: bool = False


def unfold_derived(program: Program) -> Program:
    """Unfold every column that can be unfolded."""
    unfolding = Unfolding(program)
    return replace(program, steps=tuple(map(unfolding.of_step, program.steps)))


class Unfolding:
    """What the unfolding of one program needs to know: its derived steps, fields and parameter values."""

    def __init__(self, program: Program) -> None:
        self.derived = {step.id: step.expr for step in program.steps if isinstance(step, Derive)}
        self.fields = {field.name: field for field in program.fields}
        self.parameters = {one.name: tuple(dated.value for dated in one.values) for one in program.parameters}
        self.scope = TypeScope(parameters={one.name: Named(one.type) for one in program.parameters})

    def of_step(self, step: Step) -> Step:
        """The step with its columns unfolded."""
        if not isinstance(step, Table):
            return step
        for position, column in enumerate(step.columns):
            if isinstance(column.subject, FieldValue):
                continue
            try:
                step = self.of_column(step, position)
            except (LeftAlone, IllTyped):
                continue
        return step

    def of_column(self, table: Table, position: int) -> Table:
        """The table with one column over the field; raises `LeftAlone`."""
        column = table.columns[position]
        expr = self.written_out(column.subject)
        tests = [None if row.otherwise else row.tests[position] for row in table.rows]
        while not isinstance(expr, FieldValue):
            layer = self.layer_of(expr)
            tests = [None if test is None else self.pulled(test, layer) for test in tests]
            expr = layer.operand
        kind = self.fields[expr.name].type
        columns = replaced(table.columns, position, Column(column.name, expr, kind))
        rows = tuple(
            row if test is None else with_test(row, position, simplified(test, kind))
            for row, test in zip(table.rows, tests, strict=True)
        )
        return replace(table, columns=columns, rows=rows)

    def written_out(self, expr: Expr) -> Expr:
        """The expression with the derived steps it refers to in place of their names."""
        budget = [MAX_NODES]

        def inlined(node: Any) -> Any:
            budget[0] -= 1
            if budget[0] < 0:
                raise LeftAlone
            if isinstance(node, StepValue):
                if node.step not in self.derived:
                    raise LeftAlone
                return inlined(self.derived[node.step])
            return rebuilt(node, inlined)

        return folded(inlined(expr))

    # Layers

    def layer_of(self, expr: Expr) -> Layer:  # noqa: C901, PLR0911, PLR0912 - one case a node
        """The outermost operation of an expression as a layer; raises `LeftAlone`."""
        match expr:
            case Negate(operand):
                return Layer(operand, flipped(Negate))
            case Add(left, right) if self.is_fixed(right):
                return Layer(left, shifted(lambda border: Subtract(border, right)))
            case Add(left, right) if self.is_fixed(left):
                return Layer(right, shifted(lambda border: Subtract(border, left)))
            case Subtract(left, right) if self.is_fixed(right):
                return Layer(left, shifted(lambda border: Add(border, right)))
            case Subtract(left, right) if self.is_fixed(left):
                return Layer(right, flipped(lambda border: Subtract(left, border)))
            case Multiply(operand, Constant() as factor) | Multiply(Constant() as factor, operand):
                return self.scaled_by(operand, factor)
            case Divide(operand, Constant(value) as divisor) if value != 0:
                turn = flipped if value < 0 else shifted  # type: ignore[operator]
                return Layer(operand, turn(lambda border: Multiply(border, divisor)))
            case DaysBetween(start, end) if self.is_fixed(end):
                return Layer(start, flipped(lambda count: self.moved(end, count, "day", -1)), whole=True)
            case DaysBetween(start, end) if self.is_fixed(start):
                return Layer(end, shifted(lambda count: self.moved(start, count, "day", 1)), whole=True)
            case MonthsBetween(start, end) if self.is_fixed(start):
                return Layer(end, lambda half: self.months_until(start, half), whole=True)
            case MonthsBetween(start, end) if self.is_fixed(end):
                return Layer(start, lambda half: self.months_since(end, half), whole=True)
            case StartedMonths(start, end) if self.is_fixed(start):
                return Layer(end, lambda half: self.started_until(start, half), whole=True)
            case StartedMonths(start, end) if self.is_fixed(end):
                return Layer(start, lambda half: self.started_since(end, half), whole=True)
            case _:
                raise LeftAlone

    def scaled_by(self, operand: Expr, factor: Constant) -> Layer:
        """A product with a constant: borders are divided by it, where that gives a finite decimal."""
        value: Any = factor.value
        if value == 0 or isinstance(factor.type, Money):
            raise LeftAlone

        def divided(border: Expr) -> Expr:
            inverse = folded(Divide(border if isinstance(border, Constant) else Constant(1, Integer()), factor))
            if not isinstance(inverse, Constant):
                raise LeftAlone
            return inverse if isinstance(border, Constant) else Multiply(border, inverse)

        return Layer(operand, (flipped if value < 0 else shifted)(divided))

    def months_until(self, start: Expr, half: Half) -> Halves:
        """months_between(start, x): at least n when x >= start + n months."""
        count = whole_number(half)
        if half.side == "low":
            return Half("low", Bound(self.moved(start, count, "month", 1), closed=True))
        return Half("high", Bound(self.moved(start, plus(count, 1), "month", 1), closed=False))

    def months_since(self, end: Expr, half: Half) -> Halves:
        """months_between(x, end): at least n when x <= the latest start."""
        count = whole_number(half)
        if half.side == "low":
            return Half("high", Bound(self.latest_start(end, count), closed=True))
        return Half("low", Bound(self.latest_start(end, plus(count, 1)), closed=False))

    def started_until(self, start: Expr, half: Half) -> Halves:
        """started_months(start, x): at most n >= 0 when x <= start + n months."""
        count = whole_number(half)
        if half.side == "high":
            if count.value < 0:  # type: ignore[operator]
                return "never"
            return Half("high", Bound(self.moved(start, count, "month", 1), closed=True))
        if count.value <= 0:  # type: ignore[operator]
            return "always"
        return Half("low", Bound(self.moved(start, plus(count, -1), "month", 1), closed=False))

    def started_since(self, end: Expr, half: Half) -> Halves:
        """started_months(x, end): at most n >= 0 when x + n months is after the day before end."""
        count = whole_number(half)
        before = self.moved(end, Constant(1, Integer()), "day", -1)
        if half.side == "high":
            if count.value < 0:  # type: ignore[operator]
                return "never"
            return Half("low", Bound(self.latest_start(before, count), closed=False))
        if count.value <= 0:  # type: ignore[operator]
            return "always"
        return Half("high", Bound(self.latest_start(before, plus(count, -1)), closed=True))

    # Tests

    def pulled(self, test: Test, layer: Layer) -> Test:
        """The test of an operation's value as a test of its operand."""
        match test:
            case Anything() | IsMissing() | IsPresent():
                return test
            case OneOf(values):
                points = (Within(Bound(value, closed=True), Bound(value, closed=True)) for value in values)
                return any_of(tuple(simplified(self.pulled(point, layer), None) for point in points), None)
            case Within(low, high):
                return self.pulled_interval(low, high, layer)
            case NotPassing(inner):
                return NotPassing(self.pulled(inner, layer))
            case AnyOf(tests):
                return AnyOf(tuple(self.pulled(inner, layer) for inner in tests))
            case _:
                assert_never(test)

    def pulled_interval(self, low: Bound | None, high: Bound | None, layer: Layer) -> Test:
        """An interval of the value as one of the operand, `NEVER` where no value lies in it."""
        found: dict[Side, Bound] = {}
        halves: list[Half] = []
        sides: tuple[tuple[Side, Bound | None], ...] = (("low", low), ("high", high))
        for side, bound in sides:
            if bound is not None:
                if not self.is_fixed(bound.at):
                    raise LeftAlone
                half = Half(side, bound)
                halves.append(to_whole(half) if layer.whole else half)
        if layer.whole and len(halves) == 2 and is_empty(*halves):  # noqa: PLR2004 - both ends
            return NEVER
        for half in halves:
            match layer.invert(half):
                case "always":
                    pass
                case "never":
                    return NEVER
                case Half(side, bound):
                    found[side] = bound
        return Within(found.get("low"), found.get("high")) if found else IsPresent()

    # Borders

    def moved(self, start: Expr, count: Expr, unit: TimeUnit, sign: Literal[1, -1]) -> Expr:
        """`start` plus or minus a whole `count` of units, certainly within the calendar."""
        if not isinstance(type_of(count, self.scope), Integer):
            raise LeftAlone
        amount = folded(Negate(count)) if sign < 0 else count
        if amount == Constant(0, Integer()) or (isinstance(amount, Constant) and amount.value == 0):
            return start
        return self.certain(folded(AddTime(start, amount, unit)))

    def latest_start(self, end: Expr, months: Constant) -> Expr:
        """The latest day from which `months` months do not pass `end`, certainly within the calendar."""
        return self.certain(folded(LatestStart(end, months)))

    def certain(self, border: Expr) -> Expr:
        """The border itself when it always is a day; raises `LeftAlone` when it may leave the calendar."""
        if self.reach(border) is None:
            raise LeftAlone
        return border

    def is_fixed(self, expr: Expr) -> bool:
        """True for a value that depends on no field and is never missing."""
        match expr:
            case Constant() | Today():
                return True
            case ParameterValue(name):
                return bool(self.parameters.get(name))
            case AddTime() | LatestStart():
                return self.reach(expr) is not None
            case (
                Negate() | Absolute() | Add() | Subtract() | Multiply() | Minimum() | Maximum() | DatePart()
                | DaysBetween() | MonthsBetween() | StartedMonths()
            ):  # fmt: skip
                return all(self.is_fixed(child) for child in children(expr))
            case _:
                return False

    def reach(self, expr: Expr) -> tuple[Any, Any] | None:  # noqa: PLR0911 - one case a node
        """The smallest and largest value of a fixed date or whole number, or None when it is not certain."""
        match expr:
            case Constant(value):
                return value, value
            case Today():
                return days.FIRST, days.LAST
            case ParameterValue(name):
                values: tuple[Any, ...] = self.parameters.get(name, ())
                return (min(values), max(values)) if values else None
            case Negate(operand):
                ends = self.reach(operand)
                return None if ends is None else (-ends[1], -ends[0])
            case Add(left, right):
                return self.corners(left, right, lambda one, other: one + other)
            case Subtract(left, right):
                return self.corners(left, right, lambda one, other: one - other)
            case Minimum(operands) | Maximum(operands):
                all_ends = [self.reach(operand) for operand in operands]
                known = [ends for ends in all_ends if ends is not None]
                pick = min if isinstance(expr, Minimum) else max
                complete = len(known) == len(all_ends)
                return (pick(low for low, _ in known), pick(high for _, high in known)) if complete else None
            case AddTime(start, amount, unit):
                return self.corners(start, amount, lambda day, count: days.add_time(day, count, unit))
            case LatestStart(end, months):
                return self.corners(end, months, days.latest_start)
            case _:
                return None

    def corners(self, left: Expr, right: Expr, combine: Callable[[Any, Any], Any]) -> tuple[Any, Any] | None:
        """The extremes of an operation that is monotone in both operands."""
        first, second = self.reach(left), self.reach(right)
        if first is None or second is None:
            return None
        found = [combine(one, other) for one, other in product(first, second)]
        return None if None in found else (min(found), max(found))


def replaced(items: tuple[Any, ...], position: int, item: Any) -> tuple[Any, ...]:
    """The tuple with one item changed."""
    return (*items[:position], item, *items[position + 1 :])


def with_test(row: Row, position: int, test: Test) -> Row:
    """The row with one test changed."""
    return replace(row, tests=replaced(row.tests, position, test))


def shifted(border: Callable[[Expr], Expr]) -> Callable[[Half], Halves]:
    """An increasing one-to-one operation, by what it makes of a border."""
    return lambda half: Half(half.side, Bound(folded(border(half.bound.at)), half.bound.closed))


def flipped(border: Callable[[Expr], Expr]) -> Callable[[Half], Halves]:
    """A decreasing one-to-one operation, by what it makes of a border."""
    return lambda half: Half(OTHER[half.side], Bound(folded(border(half.bound.at)), half.bound.closed))


def to_whole(half: Half) -> Half:
    """The same half line of the whole numbers with a whole border, where the border is a constant."""
    if not isinstance(half.bound.at, Constant):
        return half
    at: Any = half.bound.at.value
    whole = math.ceil(at) if half.side == "low" else math.floor(at)
    return Half(half.side, Bound(Constant(whole, Integer()), half.bound.closed or whole != at))


def whole_number(half: Half) -> Constant:
    """The first (last) whole number of a half line with a constant border; raises `LeftAlone`."""
    at = half.bound.at
    if not isinstance(at, Constant):
        raise LeftAlone
    value: Any = at.value
    outside = 0 if half.bound.closed else (1 if half.side == "low" else -1)
    return Constant(value + outside, Integer())


def plus(count: Constant, more: int) -> Constant:
    """The next whole number, or the one before."""
    value: Any = count.value
    return Constant(value + more, Integer())


def is_empty(low: Half, high: Half) -> bool:
    """True when no whole number lies between two constant borders."""
    if not isinstance(low.bound.at, Constant) or not isinstance(high.bound.at, Constant):
        return False
    first: Any = whole_number(low).value
    last: Any = whole_number(high).value
    return bool(first > last)
