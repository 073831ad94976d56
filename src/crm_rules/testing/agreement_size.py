"""How large the numbers of a decision can become, when every amount is counted in units of its last decimal.

Engines of tables count with 64 bits, and hand out floats that hold 53. `is_large` says whether a record comes near:
it follows the formulas of a policy with the magnitude of each fact, so that it never says less than what an engine
meets, whatever it computes that no rule needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, assert_never

from crm_rules.ir.nodes import (
    Absolute,
    Add,
    AddTime,
    Call,
    Coalesce,
    Constant,
    DatePart,
    DaysBetween,
    Divide,
    Expr,
    FieldValue,
    Holds,
    LatestStart,
    Maximum,
    Minimum,
    MonthsBetween,
    Multiply,
    Negate,
    Nothing,
    ParameterValue,
    Round,
    StartedMonths,
    StepValue,
    Subtract,
    Test,
    Today,
    Value,
)
from crm_rules.ir.numbers import decimals_of, exact
from crm_rules.ir.program import Derive, Program, Step, Table, Total
from crm_rules.ir.types import Integer, is_numeric
from crm_rules.policy import Policy
from crm_rules.testing.agreement_tables import SCALE
from crm_rules.testing.borders import borders_of

LARGE = 2**51
DAYS = 4_000_000  # more than there are between the years 1 and 9999


@dataclass(frozen=True, slots=True)
class Extent:
    """At most how many units of 10**-scale a number has, and at most how large its divisor is."""

    units: int
    scale: int = 0
    divisor: int = 1

    @property
    def is_large(self) -> bool:
        """True when it may leave what an engine counts with."""
        return max(self.units, self.divisor) >= LARGE


SMALL = Extent(1)


def is_large(policy: Policy, facts: Mapping[str, Any], given: Mapping[str, Any]) -> bool:
    """True when some number of the chain may leave 53 bits for these facts."""
    below = [item.policy for item in policy.required if item.alias not in given]
    if any(is_large(one, facts, given) for one in below):
        return True
    known = {item.alias for item in policy.required}
    return Sizes(
        policy.program, {**{name: fact for name, fact in facts.items() if name not in known}, **given}
    ).any_large()


def size_of(value: object, scale: int | None = None) -> Extent:
    """The extent of a constant or a fact; whatever is no number is small."""
    number = exact(value) if isinstance(value, int | float | Decimal) and not isinstance(value, bool) else value
    if not isinstance(number, int | Fraction) or isinstance(number, bool):
        return SMALL
    places = max(decimals_of(number), scale or 0)
    return Extent(int(abs(number) * 10**places) + 1, places)


def together(extents: Iterable[Extent]) -> Extent:
    """A column that holds numbers of all these extents, in the smallest of their units."""
    found = SMALL
    for one in extents:
        scale = max(one.scale, found.scale)
        left = found.units * 10 ** (scale - found.scale) * one.divisor
        right = one.units * 10 ** (scale - one.scale) * found.divisor
        divisor = 1 if one.divisor == found.divisor == 1 else one.divisor * found.divisor
        found = Extent(left + right, scale, divisor)
    return found


def times(left: Extent, right: Extent) -> Extent:
    """The extent of a product."""
    return Extent(left.units * right.units, left.scale + right.scale, left.divisor * right.divisor)


class Sizes:
    """The extents of one program's expressions for the facts of one record."""

    def __init__(self, program: Program, facts: Mapping[str, Any]) -> None:
        self.program = program
        self.facts = facts
        self.fields = {field.name: field for field in program.fields}
        self.parameters = {one.name: [dated.value for dated in one.values] for one in program.parameters}
        self.known: dict[Expr, Extent] = {}

    def any_large(self) -> bool:
        """True when a field, a step or an output may be large."""
        found = [self.of(FieldValue(name)) for name in self.fields]
        for step in self.program.steps:
            found += self.of_step(step)
        found += [self.of(output.expr) for output in self.program.outputs]
        return any(one.is_large for one in [*found, *self.known.values()])

    def of_step(self, step: Step) -> list[Extent]:
        """What a step computes: its formula, or what its rows compare and give."""
        match step:
            case Derive(expr=expr):
                return [self.of(expr)]
            case Total():
                return [self.of(StepValue(step.id, step.output))]
            case Table():
                compared = [
                    self.compared(column.subject, row.tests[place])
                    for place, column in enumerate(step.columns)
                    for row in step.rows
                ]
                return [*compared, *(self.of(StepValue(step.id, name)) for name, _ in step.outputs)]
            case _:
                assert_never(step)

    def compared(self, subject: Expr, test: Test) -> Extent:
        """A subject beside the borders of its test, in common units."""
        borders = [self.of(border) for border in borders_of(test)]
        left = self.of(subject)
        return together([SMALL, *(together([left, border]) for border in borders)])

    def of(self, expr: Expr) -> Extent:
        """The extent of an expression."""
        if expr not in self.known:
            self.known[expr] = self.made(expr)
        return self.known[expr]

    def made(self, expr: Expr) -> Extent:  # noqa: C901, PLR0911, PLR0912 - one case a node
        """The extent of an expression that is met for the first time."""
        match expr:
            case Constant(value, _):
                return size_of(value)
            case ParameterValue(name):
                return together(map(size_of, self.parameters[name]))
            case FieldValue(name):
                return self.of_field(name)
            case StepValue(step, output):
                return self.of_output(self.program.step(step), output)
            case Nothing() | Today():
                return SMALL
            case Multiply(left, right):
                return times(self.of(left), self.of(right))
            case Divide(left, right):
                upper, lower = self.of(left), self.of(right)
                scale = max(0, lower.scale - upper.scale)
                turned = Extent(lower.divisor * 10**scale, 0, lower.units)
                return times(upper, turned)
            case Round(operand, digits, _):
                one = self.of(operand)
                return Extent(one.units * 10 ** abs(digits - one.scale) + 1, max(one.scale, digits), one.divisor)
            case Negate(operand) | Absolute(operand):
                return self.of(operand)
            case Add(left, right) | Subtract(left, right):
                return together([self.of(left), self.of(right)])
            case Minimum(operands) | Maximum(operands) | Coalesce(operands):
                return together(map(self.of, operands))
            case AddTime(start, amount, _) | LatestStart(start, amount):
                return together([self.of(start), times(self.of(amount), Extent(366)), Extent(DAYS)])
            case DaysBetween(start, end) | MonthsBetween(start, end) | StartedMonths(start, end):
                return together([self.of(start), self.of(end), Extent(DAYS)])
            case DatePart(operand, _):
                return together([self.of(operand), Extent(DAYS)])
            case Holds(operand, test):
                return self.compared(operand, test)
            case Call(_, arguments):
                return together(map(self.of, arguments))
            case _:
                assert_never(expr)

    def of_field(self, name: str) -> Extent:
        """The fact of a field, or its default, in the smallest units that its column may have."""
        field = self.fields[name]
        if not is_numeric(field.type):
            return SMALL
        scale = 0 if isinstance(field.type, Integer) else SCALE if field.decimals is None else field.decimals
        values: list[Value | None] = [self.facts.get(name), field.default]
        return together(size_of(value, scale) for value in values)

    def of_output(self, step: Step, output: str) -> Extent:
        """What a step gives: for a table what any of its rows may give, all of them together."""
        match step:
            case Derive(expr=expr):
                return self.of(expr)
            case Total(initial=initial, terms=terms):
                points = [times(self.of(StepValue(name, step.output)), size_of(weight)) for name, weight in terms]
                return together([size_of(initial), *points])
            case Table():
                place = [name for name, _ in step.outputs].index(output)
                return together(self.of(row.outputs[place]) for row in step.rows)
            case _:
                assert_never(step)
