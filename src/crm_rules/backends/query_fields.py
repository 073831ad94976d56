"""Reading a field from its column: what may be wrong with a fact, and the fact as an operand.

It is `ir.record` for a column: the same problems under the same codes, in the same order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from fractions import Fraction
from typing import Literal, TypeAlias, assert_never

from crm_rules.backends.query import (
    Compare,
    DayOf,
    Expr,
    Fact,
    Feed,
    Fixed,
    HasKind,
    IsMidnight,
    IsNull,
    IsWhole,
    Kind,
    Null,
    OneOf,
    Scaled,
    TextOf,
    Unscaled,
)
from crm_rules.backends.query_logic import FALSE, TRUE, every, is_false, no, some, when
from crm_rules.backends.query_operand import (
    EPOCH,
    SAFE,
    Limits,
    Operand,
    chosen,
    compared,
    constant,
    shown,
    stored_compared,
)
from crm_rules.dataclass import dataclass
from crm_rules.errors import CallError
from crm_rules.ir import days
from crm_rules.ir.numbers import DIGITS
from crm_rules.ir.program import Field
from crm_rules.ir.record import ProblemCode
from crm_rules.ir.types import (
    Boolean,
    Choice,
    Date,
    DateTime,
    Integer,
    ListOf,
    ListOfValues,
    Money,
    Number,
    Text,
    Type,
)

Texts: TypeAlias = Sequence[tuple[str, bool | str]]  # of a column, with the values that they stand for
BEYOND = Fixed(Fraction(10 ** (DIGITS + 1)))
BELOW = Fixed(Fraction(-(10 ** (DIGITS + 1))))
SMALLEST = Fraction(1, 10**DIGITS)
HUGE = Fixed(shown(1.7976931348623157e308))
HUGE_BELOW = Fixed(shown(-1.7976931348623157e308))


@dataclass(frozen=True, slots=True)
class Wrong:
    """What may be wrong with a fact that is there.

    One that `only` "names" gives the problem its name, while others refuse the fact; one that only "refuses" has been
    named before.
    """

    code: ProblemCode
    condition: Expr
    only: Literal["names", "refuses"] | None = None


@dataclass(frozen=True, slots=True)
class FieldColumn:
    """A field that was read: its operand, where its fact is missing, and what may be wrong with one that is there.

    `unless` is where nobody asks about the field, because what fills it is undecided.
    """

    name: str
    operand: Operand
    missing: Expr
    required: bool
    wrong: tuple[Wrong, ...] = ()
    unless: Expr = FALSE

    @property
    def valid(self) -> Expr:
        """True where the fact is accepted."""
        right = every(*(no(wrong.condition) for wrong in self.wrong if wrong.only != "names"))
        found = every(no(self.missing), right) if self.required else some(self.missing, right)
        return some(self.unless, found)

    @property
    def problem(self) -> Expr:
        """`amount: missing`, or the first other thing that is wrong; empty where nothing is."""
        text: Expr = Fixed("")
        for wrong in reversed([wrong for wrong in self.wrong if wrong.only != "refuses"]):
            text = when(wrong.condition, Fixed(f"{self.name}: {wrong.code}"), text)
        absent = f"{self.name}: missing" if self.required else ""
        return when(self.unless, Fixed(""), when(self.missing, Fixed(absent), text))


class FieldReader:
    """Reads the fields of one program; each from its feed, or from what a required policy gave."""

    def __init__(self, feeds: Mapping[str, Feed], limits: Limits, keep: Callable[[Operand, str], Operand]) -> None:
        self.feeds = feeds
        self.limits = limits
        self.keep = keep

    def read(self, field: Field) -> list[FieldColumn]:
        """The column of a field, then that of its currency where it has one."""
        self.limits.about = field.name
        fact = self.fact(field)
        wrong = tuple(item for item in self.problems(field, fact) if not is_false(item.condition))
        found = [FieldColumn(field.name, self.value(field, fact), fact.missing, is_required(field), wrong)]
        if field.currency is not None:
            found.append(self.currency(field, fact.missing))
        return found

    def given(self, field: Field, fact: Operand, unless: Expr = FALSE) -> FieldColumn:
        """The column of a field that another policy's output, or the caller, fills."""
        outside = [Wrong("out-of-range", item) for item in self.out_of_range(field, fact)]
        wrong = tuple(item for item in outside if not is_false(item.condition))
        return FieldColumn(field.name, self.value(field, fact), fact.missing, is_required(field), wrong, unless)

    def value(self, field: Field, fact: Operand) -> Operand:
        """The fact where it is there, else the field's default."""
        if field.default is not None and not is_false(fact.missing):
            return replace(chosen(fact.missing, constant(field.default), fact, self.limits), missing=FALSE)
        return replace(fact, missing=FALSE) if is_required(field) else fact

    def fact(self, field: Field) -> Operand:
        """The fact of a field as an operand, missing where the column is null."""
        feed = self.feeds.get(field.name)
        if feed is None or feed.constant is not None:
            return constant(None if feed is None else feed.constant)
        source = Fact(field.name)
        missing = IsNull(source)
        match field.type:
            case Boolean() | Choice() if feed.values is not None:
                return self.mapped(field, feed, feed.values, missing)
            case Boolean():
                return Operand(source, "boolean", missing)
            case Integer() | Number() | Money():
                return self.number(field, feed, source, missing)
            case Choice() | Text():
                return Operand(text_in(feed), "text", missing)
            case Date():
                expr = source if feed.storage == "date" else DayOf(source)
                low, high = (limit.toordinal() - EPOCH for limit in day_limits(field))
                return Operand(expr, "day", missing, low=low, high=high)
            case DateTime() | ListOf() | ListOfValues():
                raise CallError(f"a table column cannot hold `{field.name}`; decide its records one by one")
            case _:
                assert_never(field.type)

    def mapped(self, field: Field, feed: Feed, values: Texts, missing: Expr) -> Operand:
        """The values that the texts of a column stand for; another text stands for none that the field has."""
        kind: Literal["boolean", "text"] = "boolean" if isinstance(field.type, Boolean) else "text"
        found: Expr = Null(kind)  # of another text; its row is not decided
        for value in dict.fromkeys(value for _, value in values):
            texts = [text for text, stands_for in values if stands_for == value]
            found = when(among(text_in(feed), texts), Fixed(value), found)
        return self.keep(Operand(found, kind, missing), f"{field.name} mapped")

    def number(self, field: Field, feed: Feed, source: Expr, missing: Expr) -> Operand:
        """A column of numbers, which is counted when arithmetic asks for it."""
        known: list[Operand] = []

        def counted() -> Operand:
            if not known:
                known.append(self.counted(field, feed, source, missing))
            return known[0]

        return Operand(source, "stored", missing, storage=feed.storage, counted=counted)

    def counted(self, field: Field, feed: Feed, source: Expr, missing: Expr) -> Operand:
        """The column in units of its last decimal; beyond 2**51 the row is too large."""
        about, self.limits.about = self.limits.about, field.name
        digits = self.digits(field, feed)
        stored = Operand(source, "stored", missing, storage=feed.storage)
        low, high = limits_of(field, digits)
        inside = within(stored, Fraction(low, 10**digits), Fraction(high, 10**digits))
        if not lies_within(field, Fraction(SAFE, 10**digits)):
            self.limits.forbid(no(inside), missing)
        safe = when(inside, source, Fixed(Fraction(0)) if feed.storage != "integer" else Fixed(0))
        if feed.storage == "integer":
            expr, scale = safe, 0
        else:
            expr, scale = Scaled(safe, digits), digits
        found = Operand(expr, "counted", missing, scale=scale, low=min(low, 0), high=max(high, 0))
        self.limits.about = about
        return self.keep(found, f"{field.name} counted")

    def digits(self, field: Field, feed: Feed) -> int:
        """How many decimals a column has; raises `CallError` where nobody says."""
        if feed.storage == "integer" or isinstance(field.type, Integer):
            return 0
        if feed.storage == "decimal":
            return feed.scale if field.decimals is None else min(field.decimals, feed.scale)
        if field.decimals is None:
            raise CallError(
                f"`{field.name}` is used in arithmetic and its column `{feed.column}` does not say its decimals: "
                f"declare `decimals:` of the field (such as `decimals: 2`), or give it as integers"
            )
        return field.decimals

    # Problems

    def problems(self, field: Field, fact: Operand) -> list[Wrong]:
        """What may be wrong with a fact that is there, by its type, then by its range."""
        feed = self.feeds.get(field.name)
        if feed is None or feed.constant is not None:
            return []
        if feed.values is not None:
            listed = among(text_in(feed), [text for text, _ in feed.values])
            found = [Wrong("wrong-type" if isinstance(field.type, Boolean) else "not-in-choices", no(listed))]
        else:
            found = self.problems_of_type(field, feed, fact)
        if feed.storage == "dynamic":
            kind = stored_kind(field.type) if feed.values is None else "text"
            found.insert(0, Wrong("wrong-type", no(HasKind(Fact(field.name), kind))))
        return found

    def problems_of_type(self, field: Field, feed: Feed, fact: Operand) -> list[Wrong]:
        """What may be wrong with a fact that is of its type as far as the engine tells."""
        match field.type:
            case Integer() | Number() | Money():
                return self.number_problems(field, feed, fact)
            case Choice(one_of):
                options = tuple(Fixed(option) for option in one_of)
                known = Compare("=", fact.expr, options[0]) if len(options) == 1 else OneOf(fact.expr, options)
                return [Wrong("not-in-choices", no(known))]
            case Date():
                found = [Wrong("out-of-range", item) for item in self.out_of_range(field, fact)]
                if feed.storage != "date":
                    found.insert(0, Wrong("wrong-type", no(IsMidnight(Fact(field.name)))))
                return found
            case _:
                return []

    def number_problems(self, field: Field, feed: Feed, fact: Operand) -> list[Wrong]:
        """What may be wrong with a number that is there; NaN lies in no interval of any engine."""
        found: list[Wrong] = []
        expr = fact.expr
        if feed.storage in {"float", "any", "dynamic"}:
            fits = every(*edges(expr, BELOW, BEYOND, op="<"), long_enough(None, expr))
            found.append(Wrong("not-finite", no(every(*edges(expr, HUGE_BELOW, HUGE))), "names"))
            found.append(Wrong("too-many-digits", no(fits), "names"))
            # The same with what the field's own limits leave of it; this is what is asked of every row.
            below = TRUE if field.low is not None else Compare(">", expr, BELOW)
            above = TRUE if field.high is not None else Compare("<", expr, BEYOND)
            found.append(Wrong("too-many-digits", no(every(below, above, long_enough(field.low, expr))), "refuses"))
        if isinstance(field.type, Integer) and feed.storage != "integer":
            found.append(Wrong("wrong-type", no(IsWhole(expr))))
        found += [Wrong("out-of-range", item) for item in self.out_of_range(field, fact)]
        if field.decimals is not None and feed.storage != "integer" and not isinstance(field.type, Integer):
            found += self.decimals(field.decimals, feed, fact)
        return found

    def decimals(self, digits: int, feed: Feed, fact: Operand) -> list[Wrong]:
        """More decimals than declared; a float that is too large for the question is asked only whether it is whole."""
        if feed.storage == "decimal" and feed.scale <= digits:
            return []
        border = Fraction(SAFE, 10**digits)
        inside = within(fact, -border, border)
        units = Scaled(when(inside, fact.expr, Fixed(Fraction(0))), digits)
        exact = Compare("=", Unscaled(units, digits), fact.expr)
        whole = IsWhole(fact.expr)
        finite = every(*edges(fact.expr, HUGE_BELOW, HUGE))
        self.limits.forbid(every(finite, no(inside), no(whole)), fact.missing)
        return [Wrong("decimals", every(inside, no(exact)))]

    def out_of_range(self, field: Field, fact: Operand) -> list[Expr]:
        """Where a fact lies outside of the field's limits."""
        low, high = field.low, field.high
        if isinstance(field.type, Date):
            low, high = day_limits(field)
        found: list[Expr] = []
        if low is not None:
            found.append(no(compared(">=", fact, constant(low), self.limits)))
        if high is not None:
            found.append(no(compared("<=", fact, constant(high), self.limits)))
        return found

    def currency(self, field: Field, missing: Expr) -> FieldColumn:
        """The column that says the currency of an amount: it must be the field's unit; no amount needs no currency."""
        name = str(field.currency)
        unit = field.type.unit if isinstance(field.type, Money) else ""
        absent: Expr = TRUE
        same: Expr = FALSE
        feed = self.feeds.get(name)
        if feed is not None and feed.constant is not None:
            absent, same = FALSE, Fixed(feed.constant == unit)
        elif feed is not None:
            absent = IsNull(Fact(name))
            same = every(no(absent), Compare("=", text_in(feed), Fixed(unit)))
        unless = missing if is_required(field) else every(missing, absent)
        return FieldColumn(
            name, constant(None), FALSE, required=True, wrong=(Wrong("currency", no(same)),), unless=unless
        )


def among(text: Expr, texts: Sequence[str]) -> Expr:
    """True where a text is one of these; false for none."""
    if not texts:
        return FALSE
    return Compare("=", text, Fixed(texts[0])) if len(texts) == 1 else OneOf(text, tuple(map(Fixed, texts)))


def day_limits(field: Field) -> tuple[date, date]:
    """The first and the last day that a field accepts."""
    low = field.low if isinstance(field.low, date) else days.FIRST
    return low, field.high if isinstance(field.high, date) else days.LAST


def is_required(field: Field) -> bool:
    """True when a missing value is a problem."""
    return not field.optional and field.default is None


def long_enough(limit: object, expr: Expr) -> Expr:
    """True for zero, and for what is not too close to it; a lower limit may settle that."""
    low = limit if isinstance(limit, int | Fraction) else None
    if low is not None and low >= SMALLEST:
        return TRUE
    below = FALSE if low is not None and low >= 0 else Compare("<=", expr, Fixed(-SMALLEST))
    return some(Compare(">=", expr, Fixed(SMALLEST)), below, Compare("=", expr, Fixed(Fraction(0))))


def within(operand: Operand, low: Fraction, high: Fraction) -> Expr:
    """True where a column lies between two borders."""
    return every(stored_compared(">=", operand, low), stored_compared("<=", operand, high))


def edges(expr: Expr, low: Fixed, high: Fixed, *, op: str = "<=") -> tuple[Expr, Expr]:
    """The comparisons of an interval; NaN lies in none, be it the largest number of an engine or no number."""
    if op == "<":
        return Compare(">", expr, low), Compare("<", expr, high)
    return Compare(">=", expr, low), Compare("<=", expr, high)


def text_in(feed: Feed) -> Expr:
    """The text of a column; where the engine may compare texts otherwise than by their characters, it is told."""
    return TextOf(Fact(feed.name)) if feed.storage in {"any", "dynamic"} else Fact(feed.name)


def stored_kind(kind: Type) -> Kind:
    """The kind of values that a column of a field holds."""
    match kind:
        case Boolean():
            return "boolean"
        case Integer() | Number() | Money():
            return "number"
        case Choice() | Text():
            return "text"
        case Date():
            return "day"
        case DateTime() | ListOf() | ListOfValues():
            raise AssertionError(kind)
        case _:
            assert_never(kind)


def lies_within(field: Field, border: Fraction) -> bool:
    """True when the declared limits of a number lie between the border and its negative."""
    low, high = field.low, field.high
    if not isinstance(low, int | Fraction) or not isinstance(high, int | Fraction):
        return False
    return -border <= low and high <= border


def limits_of(field: Field, digits: int) -> tuple[int, int]:
    """The bounds of a field in units of its last decimal: the declared ones, or those of a safe float."""
    scale = 10**digits
    low, high = -SAFE, SAFE
    if field.low is not None and not isinstance(field.low, date):
        low = max(low, -((-field.low * scale).__floor__()))
    if field.high is not None and not isinstance(field.high, date):
        high = min(high, (field.high * scale).__floor__())
    return low, max(low, high)
