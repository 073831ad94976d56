"""The values just beside a border: how far apart the values of a tested expression lie.

A date is a day away from the next one, a whole number one, a number with `decimals` one unit of the
last; a total of points moves in steps of the points. Any other number lies densely, and a tenth of
the border's last digit is taken for its neighbour. Whether a value occurs at all is not known here.
"""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from math import gcd, lcm
from typing import Any, TypeAlias

from crm_rules.dataclass import dataclass
from crm_rules.ir import days
from crm_rules.ir.nodes import Constant, FieldValue, StepValue, Value
from crm_rules.ir.numbers import Exact, decimals_of, reduced
from crm_rules.ir.program import Column, Program, Table, Total
from crm_rules.ir.types import Date, Integer

Unit: TypeAlias = Exact | timedelta
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Spacing:
    """How far a neighbour lies; `grid` when the values are the multiples of the unit and no others."""

    unit: Any
    grid: bool

    def below(self, border: Any) -> Any:
        """The last value before the border; None before the first day of the calendar."""
        if isinstance(border, date):
            return days.add_days(border, -1)
        return reduced(-(-border // self.unit) * self.unit - self.unit) if self.grid else reduced(border - self.unit)

    def above(self, border: Any) -> Any:
        """The first value after the border; None after the last day of the calendar."""
        if isinstance(border, date):
            return days.add_days(border, 1)
        return reduced(border // self.unit * self.unit + self.unit) if self.grid else reduced(border + self.unit)

    def holds(self, value: Any) -> bool:
        """True for a value of the grid."""
        return isinstance(value, date) or not self.grid or value % self.unit == 0


def spacing(column: Column, border: Value, program: Program) -> Spacing:
    """The spacing of a column's values near a border."""
    if isinstance(column.type, Date):
        return Spacing(DAY, grid=True)
    step = spacing_of(column, program)
    return Spacing(tenth(border), grid=False) if step is None else Spacing(step, grid=True)


def spacing_of(column: Column, program: Program) -> Exact | None:
    """The number that every value of a column is a multiple of; 1 for days; None where values lie densely."""
    if isinstance(column.type, Integer | Date):
        return 1
    subject = column.subject
    if isinstance(subject, FieldValue):
        decimals = next(one.decimals for one in program.fields if one.name == subject.name)
        return None if decimals is None else reduced(Fraction(1, 10**decimals))
    step = program.step(subject.step) if isinstance(subject, StepValue) else None
    return points_apart(step, program) if isinstance(step, Total) else None


def tenth(number: Any) -> Exact:
    """A tenth of the last digit of a number that is written in a policy."""
    return reduced(Fraction(1, 10 ** (decimals_of(number) + 1)))


def points_apart(total: Total, program: Program) -> Exact | None:
    """The largest number that every sum of points is a multiple of; None where points are no constants."""
    amounts: list[Fraction] = [Fraction(total.initial)]
    for name, weight in total.terms:
        table = program.step(name)
        if not isinstance(table, Table):
            return None
        place = [output for output, _ in table.outputs].index(total.output)
        for row in table.rows:
            points = row.outputs[place]
            if not isinstance(points, Constant):
                return None
            amounts.append(Fraction(points.value) * weight)  # type: ignore[arg-type]
    scale = lcm(*(amount.denominator for amount in amounts))
    apart = gcd(*(int(amount * scale) for amount in amounts))
    return reduced(Fraction(apart, scale)) if apart else None
