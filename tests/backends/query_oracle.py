"""The meaning of a `Query` in Python: what its printers must answer, and what its lowering may write.

`run(query, rows)` interprets every node by its sentence in `query.py`. Where a node is asked for something it is not
defined for, its value is `Undefined`: some value, which one depends on the engine. That is fine as long as nothing
depends on it; a result that does raises `OracleError`. Integers that leave 64 bits raise at once, because some
engines would. A NaN compares as all engines agree that it does, and is undefined where they do not agree.

Of a float it knows the arithmetic of 64 bits, so `ties` chooses how it is rounded where engines differ. It knows no
program: `test_to_query` compares it with the reference evaluator.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal, TypeAlias, assert_never

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
from crm_rules.ir import days

Ties: TypeAlias = Literal["even", "up"]
Row: TypeAlias = Mapping[str, Any]

EPOCH = date(1970, 1, 1)
BITS = 2**63
SAFE = 2**53
OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    ">": operator.gt,
}


class OracleError(AssertionError):
    """A result depends on what no engine promises, or a node meets what it never may."""


@dataclass(frozen=True, slots=True)
class Undefined:
    """Some value; `why`, with the expression where it began, says which node is not defined there."""

    why: str
    expr: Expr | None = None


def run(query: Query, rows: Sequence[Row], *, ties: Ties = "even", current: date | None = None) -> list[dict[str, Any]]:
    """The results that the query adds to each row of the table, by name: None, or an exact value of their kind."""
    scopes = [Scope({feed.name: row[feed.column] for feed in query.feeds}, {}, ties, current) for row in rows]
    for stage in query.stages:
        found = {item.name: column(item.expr, scopes) for item in stage}
        for name, values in found.items():
            for scope, value in zip(scopes, values, strict=True):
                scope.named[name] = value
    results = {item.name: column(item.expr, scopes) for item in query.results}
    for name, values in results.items():
        for row, value in zip(rows, values, strict=True):
            if isinstance(value, Undefined):
                raise OracleError(f"`{name}` depends on {value.why}: {shown(value.expr)}\n  row = {row}")
    return [{name: values[place] for name, values in results.items()} for place in range(len(rows))]


def column(expr: Expr, scopes: Sequence[Scope]) -> list[Any]:
    """The values of an item in all rows; sums over rows are items by themselves."""
    match expr:
        case SumOver(operand, within):
            return summed([scope.value(operand) for scope in scopes], groups(scopes, within), None)
        case SumAbove(operand, order, within):
            orders = [scope.value(order) for scope in scopes]
            return summed([scope.value(operand) for scope in scopes], groups(scopes, within), orders)
        case _:
            return [scope.value(expr) for scope in scopes]


def groups(scopes: Sequence[Scope], within: tuple[Expr, ...]) -> list[Any]:
    """The group of each row; undefined where one of its parts is."""
    found: list[Any] = []
    for scope in scopes:
        values = tuple(scope.value(expr) for expr in within)
        found.append(next((value for value in values if isinstance(value, Undefined)), values))
    return found


def summed(operands: list[Any], places: list[Any], orders: list[Any] | None) -> list[Any]:
    """For each row the sum over the rows of its group, or over those of a larger order; a zero counts nowhere."""
    found: list[Any] = []
    for place, own in enumerate(places):
        needed = [own] if orders is None else [own, orders[place]]
        unknown = [value for value in needed if isinstance(value, Undefined)]
        total: Any = 0
        for other, group in enumerate(places):
            operand = operands[other]
            if operand == 0 or unknown:
                continue
            beside = [operand, group] if orders is None else [operand, group, orders[other]]
            if any(value is None or isinstance(value, Undefined) for value in beside):
                unknown.append(Undefined("a sum over rows of which one is not defined"))
            elif group == own and (orders is None or whole(orders[other]) > whole(orders[place])):
                total = fitting(total + number(operand))
        found.append(unknown[0] if unknown else total)
    return found


@dataclass
class Scope:
    """What an expression sees: the facts of the row by feed, the items of earlier stages."""

    facts: dict[str, Any]
    named: dict[str, Any]
    ties: Ties
    current: date | None

    def value(self, expr: Expr) -> Any:  # noqa: C901, PLR0911, PLR0912 - one case a node
        """The value of an expression: None for null, `Undefined` where no engine promises one."""
        match expr:
            case Fixed(value):
                return value
            case Null():
                return None
            case Fact(feed):
                return self.facts[feed]
            case Named(name):
                return self.named[name]
            case CurrentDay():
                return self.current
            case IsNull(operand):
                one = self.value(operand)
                return one if isinstance(one, Undefined) else one is None
            case Compare(op, left, right):
                return self.of(expr, (left, right), lambda a, b: compared(op, a, b))
            case OneOf(operand, wanted):
                return self.of(expr, (operand,), lambda a: any(compared("=", a, one.value) for one in wanted))
            case Not(operand):
                return self.of(expr, (operand,), lambda a: not truth(a))
            case Every(operands):
                return self.joined(operands, decisive=False)
            case Some(operands):
                return self.joined(operands, decisive=True)
            case When():
                return self.chosen(expr)
            case Lookup(operand, values):
                return self.of(expr, (operand,), lambda a: looked_up(whole(a), values))
            case Negate(operand):
                return self.of(expr, (operand,), lambda a: fitting(-number(a)))
            case Add(left, right):
                return self.of(expr, (left, right), lambda a, b: fitting(operator.add(*alike(a, b))))
            case Subtract(left, right):
                return self.of(expr, (left, right), lambda a, b: fitting(operator.sub(*alike(a, b))))
            case Multiply(left, right):
                return self.of(expr, (left, right), lambda a, b: fitting(operator.mul(*alike(a, b))))
            case FloorDivide(left, right):
                return self.of(expr, (left, right), divided)
            case Absolute(operand):
                return self.of(expr, (operand,), lambda a: fitting(abs(whole(a))))
            case Least(operands):
                return self.of(expr, operands, lambda *found: extreme(min, found))
            case Greatest(operands):
                return self.of(expr, operands, lambda *found: extreme(max, found))
            case ToFloat(operand):
                return self.of(expr, (operand,), lambda a: float(whole(a)))
            case Scaled(operand, digits):
                return self.of(expr, (operand,), lambda a: scaled(number(a), digits, self.ties))
            case Unscaled(operand, digits):
                return self.of(expr, (operand,), lambda a: unscaled(whole(a), digits))
            case IsWhole(operand):
                return self.of(expr, (operand,), is_whole)
            case IsMidnight(operand):
                return self.of(expr, (operand,), is_midnight)
            case DayOf(operand):
                return self.of(expr, (operand,), day_of)
            case DayNumber(operand):
                return self.of(expr, (operand,), lambda a: (day(a) - EPOCH).days)
            case DayAt(operand):
                return self.of(expr, (operand,), lambda a: day_at(whole(a)))
            case DayPart(operand, part):
                return self.of(expr, (operand,), lambda a: int(getattr(day(a), part)))
            case HasKind(operand, kind):
                return self.of(expr, (operand,), lambda a: has_kind(a, kind))
            case TextOf(operand):
                return self.of(expr, (operand,), text)
            case AddMonths(operand, months):
                return self.of(expr, (operand, months), lambda a, b: days.add_months(day(a), whole(b)))
            case SumOver() | SumAbove():
                raise OracleError("a sum over rows is an item by itself")
            case Joined(operands, separator):
                return self.of(expr, operands, lambda *found: separator.join(text(one) for one in found if one))
            case _:
                assert_never(expr)

    def of(self, expr: Expr, operands: Iterable[Expr], answer: Callable[..., Any]) -> Any:
        """The answer for defined operands that are not null; else undefined."""
        found = [self.value(operand) for operand in operands]
        for value in found:
            if isinstance(value, Undefined):
                return value
        if any(value is None for value in found):
            return Undefined("a null", expr)
        value = answer(*found)
        return Undefined(value.why, expr) if isinstance(value, Undefined) else value

    def joined(self, operands: tuple[Expr, ...], *, decisive: bool) -> Any:
        """AND and OR of three values: one decisive operand decides, whatever is undefined beside it."""
        found = [self.value(operand) for operand in operands]
        if not found:
            raise OracleError("no operand")
        for value in found:
            if value is not None and not isinstance(value, Undefined | bool):
                raise OracleError(f"{value!r} is no truth value")
        if decisive in [value for value in found if isinstance(value, bool)]:
            return decisive
        for value in found:
            if isinstance(value, Undefined):
                return value
        return Undefined("a condition that is null") if None in found else not decisive

    def chosen(self, expr: When) -> Any:
        """The chosen branch; the others are not looked at."""
        rest: Expr = expr
        while isinstance(rest, When):
            condition = self.value(rest.condition)
            if isinstance(condition, Undefined):
                return condition
            if condition is None:
                return Undefined("a condition that is null", rest.condition)
            if truth(condition):
                return self.value(rest.then)
            rest = rest.otherwise
        return self.value(rest)


def shown(expr: Expr | None) -> str:
    """The beginning of an expression, for a message."""
    found = str(expr)
    return found if len(found) < 300 else found[:300] + "…"


# Kinds


def truth(value: Any) -> bool:
    """A truth value."""
    if not isinstance(value, bool):
        raise OracleError(f"{value!r} is no truth value")
    return value


def whole(value: Any) -> int:
    """An integer of 64 bits."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise OracleError(f"{value!r} is no integer")
    return value


def number(value: Any) -> Any:
    """An integer, or a stored number."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | Fraction):
        raise OracleError(f"{value!r} is no number")
    return value


def text(value: Any) -> str:
    """A text."""
    if not isinstance(value, str):
        raise OracleError(f"{value!r} is no text")
    return value


def day(value: Any) -> date:
    """A day, not a moment."""
    if not isinstance(value, date) or isinstance(value, datetime):
        raise OracleError(f"{value!r} is no day")
    return value


def alike(left: Any, right: Any) -> tuple[Any, Any]:
    """Two integers, or two floats that were integers."""
    if isinstance(left, float) and isinstance(right, float):
        return left, right
    return whole(left), whole(right)


def fitting(value: Any) -> Any:
    """The same number; an integer beyond 64 bits raises."""
    if isinstance(value, int) and not -BITS <= value < BITS:
        raise OracleError(f"{value} leaves 64 bits")
    return value


def has_kind(value: Any, kind: Kind) -> bool:
    """True for a stored value of a kind."""
    match kind:
        case "boolean":
            return isinstance(value, bool)
        case "integer" | "number":
            return isinstance(value, int | float | Decimal) and not isinstance(value, bool)
        case "text":
            return isinstance(value, str)
        case "day":
            return isinstance(value, date)
        case _:
            assert_never(kind)


# Comparing


def compared(op: str, left: Any, right: Any) -> bool | Undefined:
    """Left op right, of two values of one kind; numbers of different storage by their exact values."""
    if isinstance(left, str) or isinstance(right, str):
        if op not in {"=", "!="}:
            raise OracleError("texts have no order")
        return OPERATORS[op](text(left), text(right))
    if isinstance(left, date) or isinstance(right, date):
        return OPERATORS[op](day(left), day(right))
    if isinstance(left, bool) or isinstance(right, bool):
        return OPERATORS[op](truth(left), truth(right))
    left, right = number(left), number(right)
    if is_nan(left) or is_nan(right):
        return with_nan(op, left, right)
    if isinstance(left, float) or isinstance(right, float):
        left, right = nearest(left), nearest(right)
    return OPERATORS[op](measure(left), measure(right))


def is_nan(value: Any) -> bool:
    """True for the NaN of a float or of a decimal."""
    return isinstance(value, float | Decimal) and math.isnan(value)


def with_nan(op: str, left: Any, right: Any) -> bool | Undefined:
    """Where NaN beside nothing and NaN above every number give the same answer, that answer."""
    beside = op == "!="
    places = int(is_nan(left)), int(is_nan(right))
    above = OPERATORS[op](*places)
    return above if above == beside else Undefined(f"NaN {op} a number")


def nearest(value: Any) -> float:
    """The float nearest to a number."""
    return float(value)


def measure(value: Any) -> Any:
    """A number as Python compares it exactly, infinities included."""
    return value if isinstance(value, float) and math.isinf(value) else Fraction(value)


def extreme(of: Callable[[Iterable[Any]], Any], values: tuple[Any, ...]) -> Any:
    """The smallest or largest; undefined beside a NaN."""
    if any(is_nan(number(value)) for value in values):
        return Undefined("an extreme beside NaN")
    return of(values)


# Arithmetic


def divided(left: Any, right: Any) -> int | Undefined:
    """The floor of a quotient with a divisor above zero."""
    return whole(left) // right if whole(right) > 0 else Undefined(f"a division by {right}")


def scaled(value: Any, digits: int, ties: Ties) -> int | Undefined:
    """Value × 10**digits, as a float where the number is stored as one, to the nearest integer."""
    if isinstance(value, float | Decimal) and not math.isfinite(value):
        return Undefined(f"{value} scaled")
    product = Fraction(value * 10.0**digits if isinstance(value, float) and abs(value) < SAFE else value)
    if not isinstance(value, float) or abs(value) >= SAFE:
        product *= Fraction(10) ** digits
    if abs(product) > SAFE:
        return Undefined(f"{value} × 10**{digits}, beyond 2**53")
    return round(product) if ties == "even" else math.floor(product + Fraction(1, 2))


def unscaled(value: int, digits: int) -> Fraction | Undefined:
    """Value / 10**digits, exactly."""
    return Fraction(value, 10**digits) if abs(value) <= SAFE else Undefined(f"{value}, beyond 2**53, unscaled")


def is_whole(value: Any) -> bool | Undefined:
    """True for a finite number that is an integer."""
    if isinstance(number(value), float | Decimal) and not math.isfinite(value):
        return Undefined(f"whether {value} is whole")
    return Fraction(value).denominator == 1


def looked_up(place: int, values: tuple[Any, ...]) -> Any:
    """The value at a place."""
    if not 0 <= place < len(values):
        return Undefined(f"place {place} of {len(values)}")
    found = values[place]
    return found.value if isinstance(found, Fixed) else None


# Days


def is_midnight(value: Any) -> bool:
    """True for a moment without a time of day."""
    if not isinstance(value, date):
        raise OracleError(f"{value!r} is no date and time")
    if not isinstance(value, datetime):
        return True
    return (value.hour, value.minute, value.second, value.microsecond) == (0, 0, 0, 0)


def day_of(value: Any) -> date:
    """The day of a stored date or moment."""
    if not isinstance(value, date):
        raise OracleError(f"{value!r} is no date")
    return date(value.year, value.month, value.day)


def day_at(place: int) -> date | Undefined:
    """The day so many days after 1970-01-01."""
    try:
        return EPOCH + timedelta(place)
    except OverflowError:
        return Undefined(f"day number {place}")
