"""The values to try for a field: borders and their neighbours, choices, and what a formula asks of it.

Nothing here is certain: a candidate is a value that is worth a try.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from fractions import Fraction
from typing import Any

from crm_rules.cases.coverage import choices, is_choice, values_of
from crm_rules.cases.neighbours import spacing
from crm_rules.cases.trials import Trials
from crm_rules.ir import days
from crm_rules.ir.evaluate import Scope, Undecided, value_of
from crm_rules.ir.nodes import Expr, FieldValue, Test, Value
from crm_rules.ir.numbers import reduced
from crm_rules.ir.program import Column, Field
from crm_rules.ir.types import Boolean, Choice, Date, Integer, Money, Number
from crm_rules.ir.typing import borders


def basic(field: Field, trials: Trials, today: date | None) -> Iterator[Value | None]:
    """The values of a field that are tried first: choices, missing, the borders it is compared with, its limits."""
    if field.may_be_missing:
        yield None
    if isinstance(field.type, Choice):
        yield from field.type.one_of
    elif isinstance(field.type, Boolean):
        yield from (True, False)
    else:
        for step in trials.program.tables:
            for index, column in enumerate(step.columns):
                if trials.expanded(column.subject) == FieldValue(field.name):
                    for row in step.rows:
                        yield from near(column, row.tests[index], trials)
        yield from (limit for limit in (field.low, field.high) if limit is not None)
        if isinstance(field.type, Date) and today is not None:
            yield today


def near(column: Column, test: Test, trials: Trials) -> Iterator[Value | None]:
    """The values at the borders of a cell and beside them; of a column without order all of them."""
    yield None
    if is_choice(column):
        yield from choices(column)
        return
    for expr in borders(test):
        for border in values_of(expr, trials.program):
            space = spacing(column, border, trials.program)
            yield from (border, space.below(border), space.above(border))


def apart(found: Any, wanted: Any) -> Any:
    """How far two values are from each other: 0 when equal, a number where that can be said, else 1."""
    if found == wanted:
        return 0
    if found is None or wanted is None or isinstance(found, str | bool):
        return 1
    return abs((found - wanted).days) if isinstance(found, date) else abs(found - wanted)


def solved(expr: Expr, field: Field, wanted: Any, scope: Scope) -> Iterator[Value]:
    """Values of one field that may give an expression the wanted value, everything else being as it is."""
    if wanted is None or isinstance(wanted, str | bool):
        return

    def image(value: Any) -> Any:
        try:
            known = Scope(
                {**scope.values, field.name: value}, scope.parameters, scope.today, scope.steps, scope.functions
            )
            return value_of(expr, known)
        except Undecided:
            return None

    match field.type:
        case Date():
            low, high = (field.low or days.FIRST).toordinal(), (field.high or days.LAST).toordinal()  # type: ignore[union-attr]
            for first in bisected(lambda number: image(date.fromordinal(number)), low, high, wanted):
                yield date.fromordinal(first)
        case Integer() | Number() | Money():
            yield from straight(image, scope.values[field.name] or 0, wanted)
        case _:
            return


def bisected(image: Callable[[int], Any], low: int, high: int, wanted: Any) -> Iterator[int]:
    """The first and the last number whose image is the wanted one, for an image that only rises or only falls."""
    first, last = image(low), image(high)
    if first is None or last is None or first == last:
        return
    rising = first < last
    for beyond in (False, True):  # the first number that reaches the wanted image, then the first beyond it
        left, right = low, high
        while left < right:
            middle = (left + right) // 2
            found = image(middle)
            if found is None:
                return
            reached = (
                (found > wanted if beyond else found >= wanted)
                if rising
                else (found < wanted if beyond else found <= wanted)
            )
            left, right = (left, middle) if reached else (middle + 1, right)
        yield left - 1 if beyond else left


def straight(image: Callable[[Any], Any], value: Any, wanted: Any) -> Iterator[Any]:
    """The number whose image is the wanted one, where the image rises in a straight line or falls like a quotient."""
    first, second = image(value), image(value + 1)
    if isinstance(wanted, date) or first is None or second is None:
        return
    if first != second:
        yield reduced(value + Fraction(wanted - first) / (Fraction(second) - first))
    if wanted != 0 and value != 0:
        yield reduced(Fraction(value) * first / wanted)
