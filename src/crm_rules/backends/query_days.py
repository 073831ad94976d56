"""Calendar arithmetic of a query: `ir.days` on integers, since no two engines add months alike."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from fractions import Fraction
from typing import assert_never

from crm_rules.backends.query import (
    AddMonths,
    DayAt,
    DayField,
    DayNumber,
    DayPart,
    Expr,
    Fixed,
    Greatest,
    Least,
)
from crm_rules.backends.query_logic import divided, every, minus, no, plus, rest, some, times, when
from crm_rules.backends.query_operand import (
    EPOCH,
    FIRST_DAY,
    LAST_DAY,
    Limits,
    Operand,
    added,
    as_counted,
    compare,
    counted_constant,
    day_number,
    first_state,
    multiplied,
    whole_compared,
)
from crm_rules.ir.nodes import Part, TimeUnit

CIVIL = 719_468  # days from 0000-03-01 to 1970-01-01
MONTHS = 12 * 9_999
FEBRUARY = 2


def part_of(operand: Operand, part: DayField) -> Expr:
    """The year, month or day of a day operand; any number where there is never a day."""
    if operand.form == "nothing":
        return Fixed(1)
    if isinstance(operand.expr, Fixed) and isinstance(operand.expr.value, date):
        return Fixed(int(getattr(operand.expr.value, part)))
    return DayPart(operand.expr, part)


def joint(*operands: Operand) -> tuple[Expr, Expr]:
    """Where one of the operands is missing, and the first state."""
    return some(*(operand.missing for operand in operands)), first_state(*(operand.state for operand in operands))


def days_between(start: Operand, end: Operand) -> Operand:
    """Whole days from start to end."""
    missing, state = joint(start, end)
    most = LAST_DAY - FIRST_DAY
    return Operand(minus(day_number(end), day_number(start)), "counted", missing, state, low=-most, high=most)


def month_count(operand: Operand) -> Expr:
    """Months since the year 0: 12 × year + month - 1."""
    return plus(times(12, part_of(operand, "year")), plus(part_of(operand, "month"), Fixed(-1)))


def months_apart(start: Operand, end: Operand) -> Expr:
    """The months from start's month to end's."""
    return minus(month_count(end), month_count(start))


def months_between(start: Operand, end: Operand, *, calendar: bool) -> Operand:
    """The largest n with start + n months <= end."""
    missing, state = joint(start, end)
    begins, ends = part_of(start, "day"), part_of(end, "day")
    short = every(compare("<", ends, begins), no(is_last_day(end, calendar=calendar)))
    expr = minus(months_apart(start, end), when(short, Fixed(1), Fixed(0)))
    return Operand(expr, "counted", missing, state, low=-MONTHS - 1, high=MONTHS)


def started_months(start: Operand, end: Operand) -> Operand:
    """The smallest n >= 0 with end <= start + n months."""
    missing, state = joint(start, end)
    begun = when(compare(">", part_of(end, "day"), part_of(start, "day")), Fixed(1), Fixed(0))
    expr = Greatest((Fixed(0), plus(months_apart(start, end), begun)))
    return Operand(expr, "counted", missing, state, low=0, high=MONTHS + 1)


def is_last_day(operand: Operand, *, calendar: bool) -> Expr:
    """True on the last day of a month."""
    if calendar and not isinstance(operand.expr, Fixed):
        return compare("=", DayPart(DayAt(plus(day_number(operand), Fixed(1))), "day"), Fixed(1))
    return compare("=", part_of(operand, "day"), last_day(part_of(operand, "year"), part_of(operand, "month")))


def last_day(year: Expr, month: Expr) -> Expr:
    """The number of days of a month."""
    leap = some(every(divides(4, year), no(divides(100, year))), divides(400, year))
    # 31 in the odd months up to July and in the even ones from August
    long = rest(plus(month, divided(month, 8)), 2)
    return when(compare("=", month, Fixed(FEBRUARY)), when(leap, Fixed(29), Fixed(28)), plus(Fixed(30), long))


def divides(number: int, expr: Expr) -> Expr:
    """True where the number divides the expression."""
    return compare("=", rest(expr, number), Fixed(0))


def number_of(year: Expr, month: Expr, day: Expr) -> Expr:
    """The days since 1970-01-01 of a date in the years 1 to 9999, counting years from March."""
    early = compare("<=", month, Fixed(FEBRUARY))
    years = minus(year, when(early, Fixed(1), Fixed(0)))
    months = plus(month, when(early, Fixed(9), Fixed(-3)))
    leaps = plus(minus(divided(years, 4), divided(years, 100)), divided(years, 400))
    before = divided(plus(times(153, months), Fixed(2)), 5)
    return plus(plus(plus(times(365, years), leaps), before), plus(day, Fixed(-1 - CIVIL)))


def add_time(start: Operand, amount: Operand, unit: TimeUnit, limits: Limits, *, calendar: bool) -> Operand:
    """The day so many units later; missing outside of the years 1 to 9999. With a calendar the engine adds months."""
    amount = as_counted(amount)
    if start.form == "nothing":  # whose null has no kind that an engine could add to
        return replace(start, state=joint(start, amount)[1])
    match unit:
        case "day":
            return add_days(start, amount, limits)
        case "week":
            return add_days(start, multiplied(amount, counted_constant(7), limits), limits)
        case "month":
            return add_months(start, amount, limits, calendar=calendar)
        case "year":
            return add_months(start, multiplied(amount, counted_constant(12), limits), limits, calendar=calendar)
        case _:
            assert_never(unit)


def add_days(start: Operand, amount: Operand, limits: Limits) -> Operand:
    """The day so many days later."""
    begin = Operand(day_number(start), "counted", start.missing, start.state, low=first_of(start), high=last_of(start))
    found = added(begin, amount, limits)
    inside = between(found, FIRST_DAY, LAST_DAY)
    missing = some(found.missing, no(inside))
    low, high = max(found.low, FIRST_DAY), min(found.high, LAST_DAY)
    return Operand(DayAt(when(inside, found.expr, Fixed(0))), "day", missing, found.state, low=low, high=high)


def between(number: Operand, low: int, high: int) -> Expr:
    """True where an integer lies between two borders; not asked where it always does."""
    above = whole_compared(">=", number.expr, Fraction(low), number.low, number.high)
    return every(above, whole_compared("<=", number.expr, Fraction(high), number.low, number.high))


def first_of(operand: Operand) -> int:
    """The number of the first day that an operand can be."""
    return max(operand.low, FIRST_DAY)


def last_of(operand: Operand) -> int:
    """The number of the last day that an operand can be."""
    return min(operand.high, LAST_DAY)


def months_of(operand: Operand) -> Operand:
    """The months since the year 0 of a day, with their bounds."""
    first, last = (date.fromordinal(number + EPOCH) for number in (first_of(operand), last_of(operand)))
    low, high = 12 * first.year + first.month - 1, 12 * last.year + last.month - 1
    return Operand(month_count(operand), "counted", operand.missing, low=low, high=high)


def moved(start: Operand, amount: Operand, limits: Limits) -> tuple[Expr, Expr, Expr]:
    """The year and month so many months later, and whether they lie in the years 1 to 9999; elsewhere January 1970."""
    months = added(months_of(start), amount, limits)
    inside = between(months, 12, MONTHS + 11)
    safe = when(inside, months.expr, Fixed(12 * 1970))
    year = divided(safe, 12)
    return year, plus(minus(safe, times(12, year)), Fixed(1)), inside


def add_months(start: Operand, amount: Operand, limits: Limits, *, calendar: bool) -> Operand:
    """The day so many months later, clipped to the month's end."""
    missing, state = joint(start, amount)
    if calendar and not isinstance(start.expr, Fixed):
        months = added(months_of(start), amount, limits)
        inside = between(months, 12, MONTHS + 11)
        expr = AddMonths(start.expr, when(inside, amount.expr, Fixed(0)))
        # An amount below zero moves by up to 31 days a month.
        low = first_of(start) + (31 if amount.low < 0 else 28) * amount.low
        high = last_of(start) + (31 if amount.high > 0 else 28) * amount.high
        low, high = max(low, FIRST_DAY), min(high, LAST_DAY)
        return Operand(expr, "day", some(missing, no(inside)), state, low=low, high=high)
    year, month, inside = moved(start, amount, limits)
    day = Least((part_of(start, "day"), last_day(year, month)))
    return Operand(DayAt(number_of(year, month, day)), "day", some(missing, no(inside)), state)


def latest_start(end: Operand, months: Operand, limits: Limits, *, calendar: bool) -> Operand:
    """The latest day d with d + months <= end."""
    missing, state = joint(end, months)
    if end.form == "nothing":
        return replace(end, state=state)
    amount = as_counted(months)
    back = replace(amount, expr=minus(Fixed(0), amount.expr), low=-amount.high, high=-amount.low)
    if calendar and not isinstance(end.expr, Fixed):
        found = add_months(end, back, limits, calendar=True)
        after = replace(end, expr=DayAt(plus(day_number(end), Fixed(1))))
        before = DayAt(plus(DayNumber(add_months(after, back, limits, calendar=True).expr), Fixed(-1)))
        expr = when(is_last_day(end, calendar=True), before, found.expr)  # the last day of a month leads to a last day
        return replace(found, expr=expr, low=max(found.low - 3, FIRST_DAY), high=min(found.high + 3, LAST_DAY))
    year, month, inside = moved(end, back, limits)
    last = last_day(year, month)
    at_end = compare("=", part_of(end, "day"), last_day(part_of(end, "year"), part_of(end, "month")))
    day = when(at_end, last, Least((part_of(end, "day"), last)))
    return Operand(DayAt(number_of(year, month, day)), "day", some(missing, no(inside)), state)


def date_part(operand: Operand, part: Part) -> Operand:
    """A part of a date as a whole number; weekday counts Monday as 1."""
    match part:
        case "year":
            return Operand(part_of(operand, part), "counted", operand.missing, operand.state, low=1, high=9999)
        case "month":
            return Operand(part_of(operand, part), "counted", operand.missing, operand.state, low=1, high=12)
        case "day":
            return Operand(part_of(operand, part), "counted", operand.missing, operand.state, low=1, high=31)
        case "weekday":
            since_monday = rest(minus(day_number(operand), Fixed(FIRST_DAY)), 7)
            expr = plus(since_monday, Fixed(1))
            return Operand(expr, "counted", operand.missing, operand.state, low=1, high=7)
        case _:
            assert_never(part)
