"""The type of an expression, and whether it can be missing: the rules of units, money and dates.

`type_of` answers the type or raises `IllTyped` with the node at fault and a message for the author;
`may_be_missing` says whether a record can make the expression missing. Both look at the declared
types only, never at a record. What a whole program must satisfy is in `check`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from datetime import date
from typing import Any, Never, assert_never

from crm_rules.dataclass import dataclass
from crm_rules.ir import days
from crm_rules.ir.nodes import (
    Absolute,
    Add,
    AddTime,
    AnyOf,
    Anything,
    Bound,
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
    Within,
)
from crm_rules.ir.numbers import Exact
from crm_rules.ir.types import (
    Boolean,
    Choice,
    Date,
    Integer,
    Money,
    Number,
    Numeric,
    Type,
    is_numeric,
    is_value,
    show_choices,
    show_type,
)

MAX_DIGITS = 1_000  # of any number that arithmetic on fitting facts can make
FACT_DIGITS = 70  # 34 before and 34 after the point, and room for a carry


@dataclass(frozen=True, slots=True)
class Function:
    """A function that a plug-in declares: exact values in, one exact value out, the same for the same."""

    name: str
    parameters: tuple[Type, ...]
    result: Type
    call: Callable[..., Any]
    low: Exact | None = None
    high: Exact | None = None


@dataclass(frozen=True, slots=True)
class Named:
    """What is known of a name: its type, whether it can be missing, how many digits it can have."""

    type: Type
    optional: bool = False
    digits: int = FACT_DIGITS
    low: Any = None
    high: Any = None

    def of_type(self, kind: Type) -> Named:
        """The same name with another type, as a gathering table gives it."""
        return Named(kind)


@dataclass(frozen=True, slots=True)
class TypeScope:
    """The names an expression may use."""

    fields: dict[str, Named] = field(default_factory=dict)
    parameters: dict[str, Named] = field(default_factory=dict)
    steps: dict[tuple[str, str], Named] = field(default_factory=dict)
    functions: Mapping[str, Function] = field(default_factory=dict)


class IllTyped(Exception):  # noqa: N818 - a finding on its way to a diagnostic
    """An expression or test that cannot be: `node` is at fault."""

    def __init__(self, node: Expr | Test, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.node = node
        self.message = message
        self.remedy = remedy


def fail(node: Expr | Test, message: str, remedy: str = "") -> Never:
    """Raise `IllTyped`."""
    raise IllTyped(node, message, remedy)


def type_of(expr: Expr, scope: TypeScope) -> Type:  # noqa: C901, PLR0911, PLR0912 - one case a node
    """The type of an expression; raises `IllTyped`."""
    match expr:
        case Constant(value, kind):
            if not is_value(value, kind):
                fail(expr, f"expected {show_type(kind)}, found a constant of another type")
            return kind
        case Nothing(kind):
            return kind
        case FieldValue(name):
            return named(scope.fields, name, expr).type
        case ParameterValue(name):
            return named(scope.parameters, name, expr).type
        case StepValue(step, output):
            return named(scope.steps, (step, output), expr).type
        case Today():
            return Date()
        case Negate(operand) | Absolute(operand):
            return numeric(operand, scope)
        case Add(left, right) | Subtract(left, right):
            return sum_type(expr, numeric(left, scope), numeric(right, scope))
        case Multiply(left, right):
            return product_type(expr, numeric(left, scope), numeric(right, scope))
        case Divide(left, right):
            return quotient_type(expr, numeric(left, scope), numeric(right, scope))
        case Round(operand, digits):
            kind = numeric(operand, scope)
            if isinstance(kind, Money):
                return Money(kind.unit)
            return Integer(kind.unit) if digits <= 0 else Number(kind.unit)
        case Minimum(operands) | Maximum(operands):
            kinds = [ordered(operand, scope) for operand in operands]
            return common_type(expr, kinds)
        case Coalesce(operands):
            return common_type(expr, [type_of(operand, scope) for operand in operands])
        case AddTime(start, amount):
            dated(start, scope)
            whole(amount, scope)
            return Date()
        case DaysBetween(start, end):
            dated(start, scope)
            dated(end, scope)
            return Integer("day")
        case MonthsBetween(start, end) | StartedMonths(start, end):
            dated(start, scope)
            dated(end, scope)
            return Integer("month")
        case LatestStart(end, months):
            dated(end, scope)
            whole(months, scope)
            return Date()
        case DatePart(operand):
            dated(operand, scope)
            return Integer()
        case Holds(operand, test):
            check_test(test, type_of(operand, scope), scope)
            return Boolean()
        case Call(name, arguments, kind):
            return call_type(expr, name, arguments, kind, scope)
        case _:
            assert_never(expr)


def named(names: Mapping[Any, Named], name: Any, node: Expr) -> Named:
    """What is known of a name, or `IllTyped`."""
    if name not in names:
        shown = name if isinstance(name, str) else ".".join(name)
        fail(node, f"`{shown}` is not declared")
    return names[name]


def numeric(expr: Expr, scope: TypeScope) -> Integer | Number | Money:
    """The type of an operand of arithmetic."""
    kind = type_of(expr, scope)
    if not isinstance(kind, Integer | Number | Money):
        fail(expr, f"expected a number, found {show_type(kind)}")
    return kind


def ordered(expr: Expr, scope: TypeScope) -> Type:
    """The type of an operand that has an order."""
    kind = type_of(expr, scope)
    if not is_numeric(kind) and not isinstance(kind, Date):
        fail(expr, f"expected a number or a date, found {show_type(kind)}")
    return kind


def dated(expr: Expr, scope: TypeScope) -> None:
    """Demand a date."""
    kind = type_of(expr, scope)
    if not isinstance(kind, Date):
        fail(expr, f"expected a date, found {show_type(kind)}")


def whole(expr: Expr, scope: TypeScope) -> None:
    """Demand a whole number."""
    kind = type_of(expr, scope)
    if not isinstance(kind, Integer):
        fail(expr, f"expected a whole number, found {show_type(kind)}", "use floor(...) or round(..., 0, mode)")


def sum_type(expr: Expr, left: Numeric, right: Numeric) -> Numeric:
    """Same unit, same money; a number without a unit takes the other's."""
    if isinstance(left, Money) != isinstance(right, Money) or (isinstance(left, Money) and left.unit != right.unit):
        fail(
            expr,
            f"{show_type(left)} and {show_type(right)} cannot be added, subtracted or compared",
            "money goes with money of the same unit; declare the amount as a parameter of type money",
        )
    if left.unit is not None and right.unit is not None and left.unit != right.unit:
        fail(expr, f"{show_type(left)} and {show_type(right)} cannot be added, subtracted or compared")
    unit = left.unit or right.unit
    quotient = is_quotient(left) or is_quotient(right)
    if isinstance(left, Money):
        return Money(left.unit, quotient)
    if isinstance(left, Integer) and isinstance(right, Integer):
        return Integer(unit)
    return Number(unit, quotient)


def product_type(expr: Expr, left: Numeric, right: Numeric) -> Numeric:
    """Money × number is money; a unit survives a number without one."""
    quotient = is_quotient(left) or is_quotient(right)
    if left.unit is not None and right.unit is not None:
        fail(expr, f"{show_type(left)} cannot be multiplied by {show_type(right)}")
    for kind in (left, right):
        if isinstance(kind, Money):
            return Money(kind.unit, quotient)
    unit = left.unit or right.unit
    if isinstance(left, Integer) and isinstance(right, Integer):
        return Integer(unit)
    return Number(unit, quotient)


def quotient_type(expr: Expr, left: Numeric, right: Numeric) -> Numeric:
    """Money / money of one unit is a number, money / number is money."""
    if isinstance(left, Money) == isinstance(right, Money) and left.unit == right.unit:
        return Number(None, quotient=True)
    if right.unit is not None:
        fail(expr, f"{show_type(left)} cannot be divided by {show_type(right)}")
    return Money(left.unit, quotient=True) if isinstance(left, Money) else Number(left.unit, quotient=True)


def common_type(expr: Expr, kinds: list[Type]) -> Type:
    """The one type that all operands share."""
    if not kinds:
        fail(expr, "expected at least one operand, found none")
    found = kinds[0]
    for kind in kinds[1:]:
        if isinstance(found, Integer | Number | Money) and isinstance(kind, Integer | Number | Money):
            found = sum_type(expr, found, kind)
        elif isinstance(found, Choice) and isinstance(kind, Choice):
            found = Choice(found.one_of + tuple(value for value in kind.one_of if value not in found.one_of))
        elif found != kind:
            fail(expr, f"{show_type(found)} and {show_type(kind)} do not go together")
    return found


def call_type(expr: Expr, name: str, arguments: tuple[Expr, ...], kind: Type, scope: TypeScope) -> Type:
    """The declared result type of a plug-in function whose arguments fit."""
    function = scope.functions.get(name)
    if function is None:
        fail(expr, f"there is no function `{name}`")
    if len(arguments) != len(function.parameters):
        fail(expr, f"`{name}` takes {len(function.parameters)} arguments, found {len(arguments)}")
    for argument, wanted in zip(arguments, function.parameters, strict=True):
        found = type_of(argument, scope)
        if not assignable(found, wanted):
            fail(argument, f"`{name}` expects {show_type(wanted)} here, found {show_type(found)}")
    if kind != function.result:
        fail(expr, f"`{name}` gives {show_type(function.result)}, not {show_type(kind)}")
    return kind


def is_quotient(kind: Type) -> bool:
    """True for an exact number that may have no finite decimal form."""
    return isinstance(kind, Number | Money) and kind.quotient


def assignable(found: Type, wanted: Type) -> bool:
    """True when every value of `found` is a value of `wanted`."""
    match found, wanted:
        case Choice(some), Choice(all_of):
            return set(some) <= set(all_of)
        case (Integer(unit), Number(wanted_unit)) | (Integer(unit), Integer(wanted_unit)):
            return unit is None or wanted_unit is None or unit == wanted_unit
        case Number(unit, quotient), Number(wanted_unit, wanted_quotient):
            units = unit is None or wanted_unit is None or unit == wanted_unit
            return units and (wanted_quotient or not quotient)
        case Money(unit, quotient), Money(wanted_unit, wanted_quotient):
            return unit == wanted_unit and (wanted_quotient or not quotient)
        case _:
            return found == wanted


def check_test(test: Test, kind: Type, scope: TypeScope) -> None:  # noqa: C901, PLR0912 - one case a node
    """Demand that a test suits a value of the type; raises `IllTyped`."""
    match test:
        case Anything() | IsMissing() | IsPresent():
            return
        case OneOf(values):
            for value in values:
                comparable(test, value, kind, scope)
                if isinstance(kind, Choice) and isinstance(value, Constant) and value.value not in kind.one_of:
                    fail(test, f"`{value.value}` is not among the choices {show_choices(kind.one_of)}")
        case Within(low, high):
            if not is_numeric(kind) and not isinstance(kind, Date):
                fail(test, f"{show_type(kind)} has no order, so it cannot be compared with < or >")
            for bound in (low, high):
                if bound is not None:
                    comparable(test, bound.at, kind, scope)
            if low is not None and high is not None:
                not_empty(test, low, high)
        case NotPassing(inner):
            check_test(inner, kind, scope)
        case AnyOf(tests):
            for inner in tests:
                check_test(inner, kind, scope)
        case _:
            assert_never(test)


def borders(test: Test) -> Iterator[Expr]:
    """The expressions that a test compares with."""
    match test:
        case Anything() | IsMissing() | IsPresent():
            return
        case OneOf(values):
            yield from values
        case Within(low, high):
            yield from (bound.at for bound in (low, high) if bound is not None)
        case NotPassing(inner):
            yield from borders(inner)
        case AnyOf(tests):
            for inner in tests:
                yield from borders(inner)
        case _:
            assert_never(test)


def comparable(test: Test, value: Expr, kind: Type, scope: TypeScope) -> None:
    """Demand that a border or literal is of the tested type."""
    found = type_of(value, scope)
    if isinstance(kind, Integer | Number | Money) and isinstance(found, Integer | Number | Money):
        sum_type(value, kind, found)
    elif isinstance(kind, Choice) and isinstance(found, Choice):
        return
    elif found != kind:
        fail(test, f"expected {show_type(kind)}, found {show_type(found)}")


def not_empty(test: Within, low: Bound, high: Bound) -> None:
    """Demand that an interval between two constants holds a value."""
    if isinstance(low.at, Constant) and isinstance(high.at, Constant):
        first: Any = low.at.value
        last: Any = high.at.value
        if first > last:
            fail(test, "the interval is reversed: its lower bound is above its upper bound", "swap the two bounds")
        if first == last and not (low.closed and high.closed):
            fail(test, "the interval is empty: no value lies in it", "close both sides, or write the value alone")


def may_be_missing(expr: Expr, scope: TypeScope) -> bool:  # noqa: PLR0911 - one case a kind of node
    """True when some record makes the (well-typed) expression missing."""
    match expr:
        case Nothing() | Divide():
            return True
        case Constant() | ParameterValue() | Today() | Holds():
            return False
        case FieldValue(name):
            return scope.fields[name].optional
        case StepValue(step, output):
            return scope.steps[step, output].optional
        case Coalesce(operands):
            return all(may_be_missing(operand, scope) for operand in operands)
        case AddTime() | LatestStart():
            return date_range(expr, scope) is None or any(may_be_missing(child, scope) for child in children(expr))
        case _:
            return any(may_be_missing(child, scope) for child in children(expr))


def date_range(expr: Expr, scope: TypeScope) -> tuple[date, date] | None:  # noqa: PLR0911 - one case a node
    """The earliest and latest day a date expression can have, or None when it may leave the calendar."""
    match expr:
        case Constant(value) if isinstance(value, date):
            return value, value
        case Today():
            return days.FIRST, days.LAST
        case FieldValue(name):
            known = scope.fields[name]
            return known.low or days.FIRST, known.high or days.LAST
        case StepValue(step, output):
            known = scope.steps[step, output]
            return None if known.low is None or known.high is None else (known.low, known.high)
        case AddTime(start, Constant(amount), unit):
            reach = date_range(start, scope)
            ends = [] if reach is None else [days.add_time(end, int(amount), unit) for end in reach]  # type: ignore[arg-type]
            return None if not ends or ends[0] is None or ends[1] is None else (ends[0], ends[1])
        case Coalesce(operands) | Minimum(operands) | Maximum(operands):
            ranges = [date_range(operand, scope) for operand in operands]
            known_ranges = [reach for reach in ranges if reach is not None]
            if len(known_ranges) < len(ranges):
                return None
            return min(low for low, _ in known_ranges), max(high for _, high in known_ranges)
        case _:
            return None


def children(expr: Expr) -> tuple[Expr, ...]:  # noqa: PLR0911 - one case a node
    """The direct operands of an expression."""
    match expr:
        case Constant() | Nothing() | FieldValue() | ParameterValue() | StepValue() | Today():
            return ()
        case Negate(operand) | Absolute(operand) | Round(operand) | DatePart(operand) | Holds(operand):
            return (operand,)
        case Add(left, right) | Subtract(left, right) | Multiply(left, right) | Divide(left, right):
            return (left, right)
        case Minimum(operands) | Maximum(operands) | Coalesce(operands):
            return operands
        case AddTime(start, amount):
            return (start, amount)
        case DaysBetween(start, end) | MonthsBetween(start, end) | StartedMonths(start, end):
            return (start, end)
        case LatestStart(end, months):
            return (end, months)
        case Call(_, arguments):
            return arguments
        case _:
            assert_never(expr)


def digits_of(expr: Expr, scope: TypeScope) -> int:
    """An upper bound on the digits that the exact value can have; raises `IllTyped` beyond `MAX_DIGITS`.

    A policy file must not be able to make numbers grow without end through products of products.
    """
    match expr:
        case FieldValue(name):
            return scope.fields[name].digits
        case StepValue(step, output):
            return scope.steps[step, output].digits
        case Add() | Subtract() | Multiply() | Divide():
            digits = sum(digits_of(child, scope) for child in children(expr)) + 1
        case Round(operand, decimals):
            digits = digits_of(operand, scope) + max(FACT_DIGITS, abs(decimals))
        case _:
            # What is no sum or product is as long as its longest operand, or a fact; each operand is looked at.
            below = (*children(expr), *borders(expr.test)) if isinstance(expr, Holds) else children(expr)
            digits = max((digits_of(child, scope) for child in below), default=FACT_DIGITS)
            if isinstance(expr, Holds | DatePart | Call):
                return FACT_DIGITS
    if digits > MAX_DIGITS:
        fail(expr, f"the number can grow beyond {MAX_DIGITS} digits", "round an intermediate result")
    return digits
