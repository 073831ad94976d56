"""From a wish about an expression to a wish about one field: inverse images, node by node.

`preimage` answers for which values of one field an expression lies in a set while everything else
is fixed: `months_between(today, due) <= 3` becomes the days up to a last one. Each node has an inverse of
its own, and a node without one makes the answer "not known", unless the field has so few values
that they can be tried. What an expression can be at all is in `extent`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from fractions import Fraction
from typing import Any, TypeAlias, assert_never

from crm_rules.ir import days
from crm_rules.ir.nodes import (
    Absolute,
    Add,
    AddTime,
    AnyOf,
    Anything,
    Call,
    Coalesce,
    Constant,
    DatePart,
    DaysBetween,
    Divide,
    Expr,
    FieldValue,
    Holds,
    IsMissing,
    IsPresent,
    LatestStart,
    Maximum,
    Minimum,
    MonthsBetween,
    Multiply,
    Negate,
    Nothing,
    NotPassing,
    OneOf,
    ParameterValue,
    Round,
    StartedMonths,
    StepValue,
    Subtract,
    Test,
    Today,
    Value,
    Within,
)
from crm_rules.ir.program import Field
from crm_rules.ir.rewrite import children, descendants, rebuilt
from crm_rules.ir.types import Text
from crm_rules.ir.typing import borders
from crm_rules.questions.extent import extent
from crm_rules.questions.images import (
    FIRST_DAY,
    LAST_DAY,
    MOST_TIME,
    mirrored,
    monotone,
    ordinal,
    reciprocal,
    scaled,
    shifted,
    unrounded,
)
from crm_rules.questions.intervals import INFINITE
from crm_rules.questions.sets import (
    MISSING,
    NOTHING,
    NUMBERS,
    Interval,
    ValueSet,
    between,
    domain_of,
    point,
    present,
    to_value,
    union,
    within,
)

__all__ = ["extent", "preimage"]

ValueOf: TypeAlias = Callable[[Expr], Value | None]
Inverses: TypeAlias = Callable[[Any], ValueSet]  # from the fixed operand's value to the other operand's values

MOST_TRIED = 64  # values of a field; trying one costs about as much as a bisection


class NoInverseError(Exception):
    """A node has no inverse here; caught below, never seen by a caller."""


def preimage(expr: Expr, target: ValueSet, field: Field, value_of: ValueOf) -> ValueSet | None:
    """The values of `field` for which `expr` lies in `target`, or None when that is not known.

    `value_of` gives the values of expressions without the field: other fields, parameters, today. The answer is
    exact on the field's domain, missing included; beyond it, and between the steps of whole numbers, it says nothing.
    Cost: one visit of each node, and two bisections of the calendar for each date node and interval.
    """
    if any(isinstance(node, StepValue) for node in descendants(expr)):
        return None
    try:
        return Inverse(field, value_of).of(expr, target)
    except NoInverseError:
        return tried(expr, target, field, value_of)


def tried(expr: Expr, target: ValueSet, field: Field, value_of: ValueOf) -> ValueSet | None:
    """The same by trying every value of the field, where these are few."""
    domain = domain_of(field)
    values: list[Value | None] = list(domain.values)
    for one in domain.all.intervals:
        if domain.step is None or one.low is None or one.high is None:
            return None
        first, last = int(one.low / domain.step), int(one.high / domain.step)
        if last - first > MOST_TRIED:
            return None
        values += [to_value(domain.at(step), domain) for step in range(first, last + 1)]
    if isinstance(field.type, Text) or len(values) > MOST_TRIED:
        return None
    if domain.all.missing:
        values.append(None)
    found = []
    for value in values:
        put: Expr = Nothing(field.type) if value is None else Constant(value, field.type)

        def replaced(node: Any, put: Expr = put) -> Any:
            return put if node == FieldValue(field.name) else rebuilt(node, replaced)

        if target.contains(value_of(replaced(expr))):
            found.append(point(value))
    return union(found)


class Inverse:
    """The inverse images of one field, with everything else fixed."""

    def __init__(self, field: Field, value_of: ValueOf) -> None:
        self.name = field.name
        self.all = present(field.type) | MISSING
        self.value_of = value_of
        self.known: dict[int, bool] = {}

    def reads(self, node: Any) -> bool:
        """True when the field stands in the expression, test or bound."""
        found = self.known.get(id(node))
        if found is None:
            is_field = isinstance(node, FieldValue) and node.name == self.name
            found = self.known[id(node)] = is_field or any(self.reads(child) for child in children(node))
        return found

    def of(self, expr: Expr, target: ValueSet) -> ValueSet:  # noqa: C901, PLR0911, PLR0912 - one case a node
        """The field's values for which the expression lies in `target`."""
        if not self.reads(expr):
            return self.all if target.contains(self.value_of(expr)) else NOTHING
        missing = MISSING if target.missing else NOTHING
        match expr:
            case FieldValue():
                return target
            case Negate(operand):
                return self.of(operand, mirrored(target) | missing)
            case Absolute(operand):
                positive = target & between(0, None)
                return self.of(operand, positive | mirrored(positive) | missing)
            case Round(operand, digits, mode):
                return self.of(operand, unrounded(target, digits, mode) | missing)
            case Add(left, right):
                return self.strict(left, right, target, lambda one: shifted(target, -one))
            case Subtract(left, right):
                return self.strict(
                    left, right, target, lambda one: shifted(target, one), lambda one: shifted(mirrored(target), one)
                )
            case Multiply(left, right):
                return self.strict(left, right, target, lambda one: unscaled(target, one))
            case Divide(left, right):
                return self.strict(
                    left,
                    right,
                    target,
                    lambda one: scaled(target, one) if one else (NUMBERS if target.missing else NOTHING),
                    lambda one: reciprocal(target, one) | (point(0) if target.missing else NOTHING),
                )
            case Minimum(operands):
                return self.extreme(operands, target, all_above=True)
            case Maximum(operands):
                return self.extreme(operands, target, all_above=False)
            case Coalesce(operands):
                return self.first_present(operands, target)
            case AddTime() | DaysBetween() | MonthsBetween() | StartedMonths() | LatestStart():
                return self.calendar(expr, target)
            case DatePart(operand, "year"):
                years = monotone(lambda day: date.fromordinal(day).year, target, FIRST_DAY, LAST_DAY)
                return self.of(operand, years | missing)
            case Holds(operand, test):
                passing = self.passing(operand, test)
                found = passing if True in target.values else NOTHING
                return found | (self.all - passing) if False in target.values else found
            case DatePart() | Call():
                raise NoInverseError
            case Constant() | Nothing() | ParameterValue() | StepValue() | Today():
                raise AssertionError(expr)
            case _:
                assert_never(expr)

    def strict(
        self, left: Expr, right: Expr, target: ValueSet, for_left: Inverses, for_right: Inverses | None = None
    ) -> ValueSet:
        """A node of two operands, missing when one is; each side has its inverse for a value of the other one."""
        if self.reads(left) and self.reads(right):
            raise NoInverseError
        varying, fixed, inverse = (left, right, for_left) if self.reads(left) else (right, left, for_right or for_left)
        value = self.value_of(fixed)
        if value is None:
            return self.all if target.missing else NOTHING
        return self.of(varying, inverse(value) | (MISSING if target.missing else NOTHING))

    def calendar(
        self, expr: AddTime | DaysBetween | MonthsBetween | StartedMonths | LatestStart, target: ValueSet
    ) -> ValueSet:
        """Date arithmetic: each node rises or falls with each of its operands."""
        match expr:
            case AddTime(start, amount, unit):
                return self.strict(
                    start,
                    amount,
                    target,
                    lambda count: over_days(lambda day: days.add_time(day, count, unit), target, beyond=count),
                    lambda day: over_counts(lambda count: days.add_time(day, count, unit), target),
                )
            case LatestStart(end, months):
                return self.strict(
                    end,
                    months,
                    target,
                    lambda count: over_days(lambda day: days.latest_start(day, count), target, beyond=-count),
                    lambda day: mirrored(over_counts(lambda count: days.latest_start(day, -count), target)),
                )
            case DaysBetween(start, end):
                return self.strict(
                    start,
                    end,
                    target,
                    lambda day: shifted(mirrored(target), ordinal(day)),
                    lambda day: shifted(target, ordinal(day)),
                )
            case MonthsBetween(start, end):
                between_days: Any = days.months_between
            case StartedMonths(start, end):
                between_days = days.started_months
            case _:
                assert_never(expr)
        return self.strict(
            start,
            end,
            target,
            lambda day: mirrored(
                monotone(lambda at: between_days(date.fromordinal(-at), day), target, -LAST_DAY, -FIRST_DAY)
            ),
            lambda day: monotone(lambda at: between_days(day, date.fromordinal(at)), target, FIRST_DAY, LAST_DAY),
        )

    def extreme(self, operands: tuple[Expr, ...], target: ValueSet, *, all_above: bool) -> ValueSet:
        """The smallest operand lies in an interval when all lie above its lower end and one below its upper end."""
        found = [union(self.of(operand, MISSING) for operand in operands)] if target.missing else []
        for low, low_closed, high, high_closed in target.intervals:
            above = [self.of(one, ValueSet((Interval(low, low_closed, None, False),))) for one in operands]  # noqa: FBT003
            below = [self.of(one, ValueSet((Interval(None, False, high, high_closed),))) for one in operands]  # noqa: FBT003
            found.append(shared(above) & union(below) if all_above else union(above) & shared(below))
        return union(found)

    def first_present(self, operands: tuple[Expr, ...], target: ValueSet) -> ValueSet:
        """The first operand that is not missing lies in the target; later operands are not looked at."""
        reached, found = self.all, NOTHING
        for operand in operands:
            found |= reached & self.of(operand, target - MISSING)
            reached &= self.of(operand, MISSING)
            if not reached:
                return found
        return found | reached if target.missing else found

    def passing(self, operand: Expr, test: Test) -> ValueSet:
        """The field's values for which the operand passes the test."""
        match test:
            case Anything():
                return self.all
            case IsMissing():
                return self.of(operand, MISSING)
            case IsPresent():
                return self.all - self.of(operand, MISSING)
            case NotPassing(inner):
                return self.all - self.of(operand, MISSING) - self.passing(operand, inner)
            case AnyOf(tests):
                return union(self.passing(operand, inner) for inner in tests)
            case OneOf() | Within():
                return self.compared(operand, test)
            case _:
                assert_never(test)

    def compared(self, operand: Expr, test: OneOf | Within) -> ValueSet:
        """The same for a test with borders; the field stands in the operand or in borders, never in both."""
        if self.reads(operand):
            if any(self.reads(border) for border in borders(test)):
                raise NoInverseError
            if isinstance(test, Within):
                return self.of(operand, within(test.low, test.high, self.value_of))
            values = map(self.value_of, test.values)
            return self.of(operand, union(point(value) for value in values if value is not None))
        value = self.value_of(operand)
        if value is None:
            return NOTHING
        if isinstance(test, OneOf):
            return union(self.of(border, point(value)) for border in test.values)
        found = self.all
        if test.low is not None:
            found &= self.of(test.low.at, between(None, value, high_closed=test.low.closed))
        if test.high is not None:
            found &= self.of(test.high.at, between(value, None, low_closed=test.high.closed))
        return found


def shared(sets: Iterable[ValueSet]) -> ValueSet:
    """What all sets have; there is at least one."""
    first, *others = sets
    for one in others:
        first &= one
    return first


def unscaled(target: ValueSet, factor: Any) -> ValueSet:
    """The numbers whose product with `factor` lies in the target."""
    if factor == 0:
        return NUMBERS if target.contains(0) else NOTHING
    return scaled(target, Fraction(1) / factor)


def over_days(of: Callable[[date], date | None], target: ValueSet, *, beyond: int) -> ValueSet:
    """The days that a rising function takes into the target; where it has no value, it went up or down by `beyond`."""
    outside = INFINITE if beyond > 0 else -INFINITE

    def at(day: int) -> Any:
        found = of(date.fromordinal(day))
        return outside if found is None else found.toordinal()

    return monotone(at, target, FIRST_DAY, LAST_DAY)


def over_counts(of: Callable[[int], date | None], target: ValueSet) -> ValueSet:
    """The whole numbers that a rising function takes into the target, those without a value where that is missing."""

    def at(count: int) -> Any:
        found = of(count)
        return (INFINITE if count > 0 else -INFINITE) if found is None else found.toordinal()

    found = monotone(at, target, -MOST_TIME, MOST_TIME)
    return found | (NUMBERS - between(-MOST_TIME, MOST_TIME)) if target.missing else found
