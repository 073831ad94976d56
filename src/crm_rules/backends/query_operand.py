"""The value of an expression of a program on its way into a query: an expression and what is known of it.

Numbers come in two forms. A *stored* one is a column as it is: it can be compared with constants, chosen and handed
out. A *counted* one is an integer of 64 bits times a power of ten, and may have a divisor: arithmetic is done with
those. Every counted operand knows its bounds, so that what could leave 64 bits is seen when the query is made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field, replace
from datetime import date
from fractions import Fraction
from math import inf, nextafter
from typing import Any, Literal, TypeAlias

from crm_rules.backends.query import (
    NO_NOTES,
    Add,
    Compare,
    Comparison,
    DayAt,
    DayNumber,
    Expr,
    Fixed,
    Kind,
    Multiply,
    Notes,
    Null,
    OneOf,
    Storage,
    ToFloat,
)
from crm_rules.backends.query_logic import FALSE, TRUE, every, is_false, is_true, no, some, when
from crm_rules.dataclass import dataclass
from crm_rules.errors import CallError
from crm_rules.ir.nodes import Value
from crm_rules.ir.numbers import decimal_parts, show_number

LARGEST = 2**63 - 1
SAFE = 2**51  # a float times a power of ten is nearest to the right integer up to here; above, 7 of 100 are not
EPOCH = date(1970, 1, 1).toordinal()
FIRST_DAY, LAST_DAY = date.min.toordinal() - EPOCH, date.max.toordinal() - EPOCH
DECIDED = Fixed(0)  # the state of what is decided; see `query_tables` for the others
MIRRORED: dict[Comparison, Comparison] = {"<": ">", "<=": ">=", "=": "=", "!=": "!=", ">=": "<=", ">": "<"}

Form: TypeAlias = Literal["boolean", "text", "day", "stored", "counted", "nothing"]


@dataclass(frozen=True, slots=True)
class Operand:
    """An expression with its form; where `missing` is true, or `state` is not DECIDED, its value is never looked at.

    A counted number is expr / divisor / 10**scale, with `low` <= expr <= `high`; of a day its number lies between
    them. A stored one has the storage of its
    column, and `counted` says how it is counted, if it can be.
    """

    expr: Expr
    form: Form
    missing: Expr = FALSE
    state: Expr = DECIDED
    scale: int = 0
    low: int = -LARGEST
    high: int = LARGEST
    divisor: Expr | None = None
    most: int = LARGEST  # of the divisor
    storage: Storage = "any"
    counted: Callable[[], Operand] | None = field(default=None, compare=False)

    @property
    def constant(self) -> bool | int | Fraction | str | date | None:
        """The value of a constant; None for everything else, missing included."""
        if not isinstance(self.expr, Fixed) or not is_false(self.missing) or self.state != DECIDED:
            return None
        if self.form != "counted":
            return self.expr.value
        if self.divisor is not None:
            return None
        return Fraction(self.expr.value) / Fraction(10) ** self.scale  # type: ignore[arg-type]

    def but(self, *, missing: Expr = FALSE, state: Expr = DECIDED) -> Operand:
        """The same value, missing also where `missing` says so; another step's state comes first."""
        if is_false(missing) and state == DECIDED:
            return self
        return replace(self, missing=some(self.missing, missing), state=first_state(state, self.state))


class Limits:
    """Collects the conditions under which exact arithmetic would leave 64 bits, each with what it was about."""

    def __init__(self) -> None:
        self.conditions: list[tuple[Expr, str]] = []
        self.about = ""

    def forbid(self, condition: Expr, unless: Expr = FALSE) -> None:
        """Where the condition is true, and the value is not missing, the row is too large."""
        found = every(condition, no(unless))
        if not is_false(found):
            self.conditions.append((found, self.about))


def constant(value: Value | None) -> Operand:
    """The operand of a value of the program; None is the missing one."""
    match value:
        case None:
            return Operand(Null("text"), "nothing", missing=TRUE)
        case bool():
            return Operand(Fixed(value), "boolean")
        case int() | Fraction():
            return counted_constant(value)
        case str():
            return Operand(Fixed(value), "text")
        case date():
            number = value.toordinal() - EPOCH
            return Operand(Fixed(value), "day", low=number, high=number)
        case tuple():
            raise AssertionError(value)


def counted_constant(value: int | Fraction) -> Operand:
    """A number of the policy as a counted operand."""
    parts = decimal_parts(value)
    if parts is None:
        numerator, denominator = value.numerator, value.denominator
        refuse_large(numerator, value)
        refuse_large(denominator, value)
        return Operand(
            Fixed(numerator), "counted", low=numerator, high=numerator, divisor=Fixed(denominator), most=denominator
        )
    units, exponent = parts
    scale = max(0, -exponent)
    units *= 10 ** (exponent + scale)
    refuse_large(units, value)
    return Operand(Fixed(units), "counted", scale=scale, low=units, high=units)


def refuse_large(units: int, value: int | Fraction) -> None:
    """Raise `CallError` for a constant that 64 bits cannot hold."""
    if abs(units) > LARGEST:
        raise CallError(f"{show_number(value)} has too many digits for a table: an engine counts with 64 bits")


def as_counted(operand: Operand) -> Operand:
    """The operand in the form for arithmetic; raises `CallError` where a column does not say its decimals."""
    if operand.form == "nothing":
        return replace(operand, expr=Fixed(0), form="counted", low=0, high=0)
    if operand.form != "stored":
        return operand
    if operand.counted is None:
        raise AssertionError(operand)
    return replace(operand.counted(), missing=operand.missing, state=operand.state)


def first_state(*states: Expr) -> Expr:
    """The first state that is not decided; states are integers, 0 for decided."""
    found: Expr = DECIDED
    for state in reversed(states):
        if state != DECIDED:
            found = state if found == DECIDED else when(Compare("!=", state, DECIDED), state, found)
    return found


# Counting


def aligned(left: Operand, right: Operand, limits: Limits) -> tuple[Operand, Operand]:
    """Two counted operands of one scale and one divisor."""
    if left.divisor != right.divisor:
        a, b = divisor_of(left), divisor_of(right)
        unless = some(left.missing, right.missing)
        common = multiplied(a, b, limits, unless)
        numerators = (
            multiplied(replace(left, divisor=None), b, limits, unless),
            multiplied(replace(right, divisor=None), a, limits, unless),
        )
        left, right = (replace(one, divisor=common.expr, most=max(abs(common.low), common.high)) for one in numerators)
    scale = max(left.scale, right.scale)
    return rescaled(left, scale, limits), rescaled(right, scale, limits)


def divisor_of(operand: Operand) -> Operand:
    """The divisor of a quotient as an operand of its own; one where there is none."""
    if operand.divisor is None:
        return counted_constant(1)
    return Operand(operand.divisor, "counted", low=1, high=operand.most)


def rescaled(operand: Operand, scale: int, limits: Limits) -> Operand:
    """The same number counted in smaller units."""
    if scale == operand.scale:
        return operand
    found = multiplied(replace(operand, divisor=None, scale=0), counted_constant(10 ** (scale - operand.scale)), limits)
    return replace(found, scale=scale, divisor=operand.divisor, most=operand.most)


def multiplied(left: Operand, right: Operand, limits: Limits, unless: Expr = FALSE) -> Operand:
    """Left × right of operands without divisors, their scales added; too large where it leaves 64 bits."""
    missing, state = some(left.missing, right.missing), first_state(left.state, right.state)
    ends = [a * b for a in (left.low, left.high) for b in (right.low, right.high)]
    low, high = min(ends), max(ends)
    scale = left.scale + right.scale
    if isinstance(left.expr, Fixed) and isinstance(right.expr, Fixed):
        units = int(left.expr.value) * int(right.expr.value)  # type: ignore[arg-type]
        refuse_large(units, units)
        return Operand(Fixed(units), "counted", missing, state, scale, units, units)
    if Fixed(1) in {left.expr, right.expr}:
        expr = right.expr if left.expr == Fixed(1) else left.expr
        return Operand(expr, "counted", missing, state, scale, low, high)
    expr = left.expr
    if low < -LARGEST or high > LARGEST:
        expr = guarded(Multiply, left.expr, right.expr, limits, some(missing, unless))
        low, high = -LARGEST, LARGEST
    else:
        expr = Multiply(left.expr, right.expr)
    return Operand(expr, "counted", missing, state, scale, low, high)


def added(left: Operand, right: Operand, limits: Limits) -> Operand:
    """Left + right of counted operands."""
    left, right = aligned(left, right, limits)
    missing, state = some(left.missing, right.missing), first_state(left.state, right.state)
    low, high = left.low + right.low, left.high + right.high
    if isinstance(left.expr, Fixed) and isinstance(right.expr, Fixed):
        low = high = int(left.expr.value) + int(right.expr.value)  # type: ignore[arg-type]
        refuse_large(low, low)
        expr: Expr = Fixed(low)
    elif Fixed(0) in {left.expr, right.expr}:
        expr = right.expr if left.expr == Fixed(0) else left.expr
    elif low < -LARGEST or high > LARGEST:
        expr = guarded(Add, left.expr, right.expr, limits, missing)
        low, high = -LARGEST, LARGEST
    else:
        expr = Add(left.expr, right.expr)
    return Operand(expr, "counted", missing, state, left.scale, low, high, left.divisor, max(left.most, right.most))


def guarded(node: type[Add | Multiply], left: Expr, right: Expr, limits: Limits, missing: Expr) -> Expr:
    """The sum or product where it fits 64 bits; elsewhere the row is too large, and the operation is done with zero."""
    estimate = node(ToFloat(left), ToFloat(right))
    most = Fixed(Fraction(9 * 10**18))  # a float's error is far below the distance to 2**63
    fits = every(Compare("<", estimate, most), Compare(">", estimate, Fixed(Fraction(-9 * 10**18))))
    limits.forbid(no(fits), missing)
    return node(when(fits, left, Fixed(0)), right)


# Comparing


def compared(op: Comparison, left: Operand, right: Operand, limits: Limits) -> Expr:
    """Left op right as a condition; it is not looked at where one of them is missing."""
    if left.constant is not None and right.constant is None:
        return compared(MIRRORED[op], right, left, limits)
    if "nothing" in {left.form, right.form}:
        return FALSE
    if left.form == "stored" and right.constant is not None:
        return stored_compared(op, left, right.constant)
    if left.form in {"stored", "counted"}:
        return counted_compared(op, as_counted(left), as_counted(right), limits)
    if left.form == "day" and {type(left.expr), type(right.expr)} & {DayAt}:
        return compare(op, day_number(left), day_number(right))
    return compare(op, left.expr, right.expr)


def counted_compared(op: Comparison, left: Operand, right: Operand, limits: Limits) -> Expr:
    """Two counted numbers compared; with a constant, in the units of the other."""
    value = right.constant
    if left.divisor is None and isinstance(value, int | Fraction):
        return whole_compared(op, left.expr, Fraction(value) * Fraction(10) ** left.scale, left.low, left.high)
    left, right = aligned(left, right, limits)
    return Compare(op, left.expr, right.expr)


def whole_compared(op: Comparison, expr: Expr, border: Fraction, low: int, high: int) -> Expr:
    """An integer between `low` and `high` compared with a border that need not be one."""
    below = border.numerator // border.denominator
    if border.denominator != 1:
        if op in {"=", "!="}:
            return FALSE if op == "=" else TRUE
        op, below = ("<=", below) if op in {"<", "<="} else (">=", below + 1)
    if below > high:
        return TRUE if op in {"<", "<=", "!="} else FALSE
    if below < low:
        return TRUE if op in {">", ">=", "!="} else FALSE
    if isinstance(expr, Fixed):
        return TRUE if holds(op, expr.value, below) else FALSE
    return Compare(op, expr, Fixed(below))


def compare(op: Comparison, left: Expr, right: Expr) -> Expr:
    """Two integers, texts or days compared; the answer where both are known."""
    if isinstance(left, Fixed) and isinstance(right, Fixed):
        return TRUE if holds(op, left.value, right.value) else FALSE
    return Compare(op, left, right)


def holds(op: Comparison, left: Any, right: Any) -> bool:
    """The comparison of two constants."""
    found: bool
    match op:
        case "<":
            found = left < right
        case "<=":
            found = left <= right
        case "=":
            found = left == right
        case "!=":
            found = left != right
        case ">=":
            found = left >= right
        case ">":
            found = left > right
    return found


def stored_compared(op: Comparison, left: Operand, value: object) -> Expr:
    """A column of numbers compared with a constant.

    The order of floats is the order of the decimals that they show, so a border without a float of its own is replaced
    by the first float that shows more.
    """
    border = Fraction(value)  # type: ignore[call-overload]
    if left.storage == "integer":
        return whole_compared(op, left.expr, border, -(2**63), LARGEST)
    if left.storage != "float":
        return Compare(op, left.expr, Fixed(border))
    if shown(float(border)) == border:
        return Compare(op, left.expr, Fixed(border))
    if op in {"=", "!="}:
        return FALSE if op == "=" else TRUE
    return Compare("<" if op in {"<", "<="} else ">=", left.expr, Fixed(shown(next_shown(border))))


def shown(number: float) -> Fraction:
    """The decimal that a float shows."""
    return Fraction(repr(number))


def next_shown(border: Fraction) -> float:
    """The smallest float that shows more than the border."""
    number = float(border)
    return number if shown(number) > border else nextafter(number, inf)


# Days


def day_number(operand: Operand) -> Expr:
    """A day operand as the days since 1970-01-01; any number where there is never a day."""
    if operand.form == "nothing":
        return Fixed(0)
    match operand.expr:
        case DayAt(number):
            return number
        case Fixed(date() as day):
            return Fixed(day.toordinal() - EPOCH)
        case expr:
            return DayNumber(expr)


# Choosing


def chosen(condition: Expr, then: Operand, otherwise: Operand, limits: Limits, notes: Notes = NO_NOTES) -> Operand:
    """`then` where the condition is true, else `otherwise`, with what is known of both."""
    if then == otherwise or is_true(condition):
        return then
    if is_false(condition):
        return otherwise
    missing = when(condition, then.missing, otherwise.missing)
    state = when(condition, then.state, otherwise.state)
    if "nothing" in {then.form, otherwise.form}:
        present = otherwise if then.form == "nothing" else then
        return replace(present, missing=missing, state=state)
    then, otherwise = alike(then, otherwise, limits)
    if then.form == "stored":
        return replace(
            then,
            expr=when(condition, then.expr, otherwise.expr, notes),
            missing=missing,
            state=state,
            counted=lambda: chosen(condition, as_counted(then), as_counted(otherwise), limits, notes),
        )
    if then.form == "day" and {type(then.expr), type(otherwise.expr)} & {DayAt}:
        expr: Expr = DayAt(when(condition, day_number(then), day_number(otherwise), notes))
    else:
        expr = when(condition, then.expr, otherwise.expr, notes)
    low, high = min(then.low, otherwise.low), max(then.high, otherwise.high)
    return replace(then, expr=expr, missing=missing, state=state, low=low, high=high)


def alike(one: Operand, other: Operand, limits: Limits) -> tuple[Operand, Operand]:
    """Two operands that one column can hold: numbers are both stored in one way, or both counted in one unit."""
    if "stored" not in {one.form, other.form}:
        return aligned(one, other, limits) if one.form == "counted" else (one, other)
    storage = next(item.storage for item in (one, other) if item.form == "stored")
    if all(is_storable(item, storage) for item in (one, other)):
        first, second = as_stored(one, storage), as_stored(other, storage)
        return first, second
    return aligned(as_counted(one), as_counted(other), limits)


def is_storable(operand: Operand, storage: Storage) -> bool:
    """True for a column of that storage, and for a constant that it can hold exactly."""
    if operand.form == "stored":
        return operand.storage == storage
    value = operand.constant
    if not isinstance(value, int | Fraction):  # a truth value is no number here, whatever Python says
        return False
    if storage == "integer":
        return value.denominator == 1 and -LARGEST <= value <= LARGEST
    return storage in {"float", "any"} and shown(float(value)) == value


def as_stored(operand: Operand, storage: Storage) -> Operand:
    """A constant in the form of a column."""
    if operand.form == "stored":
        return operand
    value = Fraction(operand.constant)  # type: ignore[arg-type]
    return Operand(
        Fixed(int(value) if storage == "integer" else value),
        "stored",
        storage=storage,
        counted=lambda: operand,
    )


def equals(operand: Operand, values: tuple[Value, ...]) -> Expr:
    """True where a text or boolean is one of the values."""
    if operand.form == "boolean":
        wanted = [operand.expr if value else no(operand.expr) for value in values]
        return some(*wanted)
    if isinstance(operand.expr, Fixed):
        return TRUE if operand.expr.value in values else FALSE
    if len(values) == 1:
        return Compare("=", operand.expr, Fixed(values[0]))  # type: ignore[arg-type]
    return OneOf(operand.expr, tuple(Fixed(value) for value in values))  # type: ignore[arg-type]


def kind_of(operand: Operand) -> Kind:
    """The kind of the operand's expression."""
    match operand.form:
        case "counted":
            return "integer"
        case "stored":
            return "integer" if operand.storage == "integer" else "number"
        case "nothing":
            return "text"
        case "boolean" | "text" | "day":
            return operand.form
