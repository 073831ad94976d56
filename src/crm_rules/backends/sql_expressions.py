"""Expressions of a query as SQL: one `match` over the nodes, the dialect's table for what differs.

Conditions keep the three values of SQL, which is what `query` asks for; a negated comparison is written as the opposite
one, since every dialect here orders all numbers (a NaN is the largest) and gives null beside null. Nothing that is
written raises because of a row: what is not defined is null.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import IntEnum
from fractions import Fraction
from typing import Final, TypeAlias, assert_never

from crm_rules.backends.query import (
    NO_NOTES,
    Absolute,
    Add,
    AddMonths,
    Compare,
    Comparison,
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
from crm_rules.backends.query_logic import no
from crm_rules.backends.sql_chains import EMPTY, chain, emptied, is_literal, joint_operands, shown_note
from crm_rules.backends.sql_dialects import Dialect, Form, literal, number_literal, tenth_literal, text_literal
from crm_rules.backends.sql_layout import Block, Entry, Inline, Piece, block, inline, separated
from crm_rules.backends.sql_widths import Widths, fits, width
from crm_rules.dataclass import dataclass

OPPOSITE: Final[Mapping[Comparison, Comparison]] = {
    "<": ">=",
    "<=": ">",
    "=": "!=",
    "!=": "=",
    ">=": "<",
    ">": "<=",
}
SQL_COMPARISON: Final[Mapping[Comparison, str]] = {"!=": "<>"}
LARGEST_SCALED: Final = 2**53
NOT_FALSE: Final = "TRUE"


class Level(IntEnum):
    """How tightly an expression binds; a looser one stands in parentheses."""

    OR = 1
    AND = 2
    NOT = 3
    COMPARISON = 4
    SUM = 5
    PRODUCT = 6
    UNARY = 7
    ATOM = 8


Written: TypeAlias = tuple[Piece, Level]


@dataclass(frozen=True, slots=True)
class Scope:
    """Where the columns of an expression are: the facts in the table, the items in stages, by name."""

    dialect: Dialect
    facts: Mapping[str, str]
    items: Mapping[str, str]
    widths: Widths
    floats: frozenset[str] = frozenset()  # the items that are no integers although they are summed

    def piece(self, expr: Expr, level: Level = Level.OR) -> Piece:
        """The expression, in parentheses where it binds less tightly than `level`."""
        found, own = self.written(expr)
        return found if own >= level else bracketed(found)

    def written(self, expr: Expr) -> Written:  # noqa: C901, PLR0911, PLR0912 - one case a node
        """The expression and how tightly it binds."""
        dialect = self.dialect
        match expr:
            case Fixed(value):
                text = literal(value, dialect)
                return text, Level.UNARY if text.startswith("-") else Level.ATOM
            case Null(kind):
                return f"CAST(NULL AS {dialect.types[kind]})", Level.ATOM
            case Fact(feed):
                return self.facts[feed], Level.ATOM
            case Named(name):
                return self.items[name], Level.ATOM
            case CurrentDay():
                return dialect.current_day, Level.ATOM
            case IsNull(operand):
                return inline(self.piece(operand, Level.SUM), " IS NULL"), Level.COMPARISON
            case Compare(op, left, right):
                return self.compared(op, left, right)
            case OneOf(operand, values):
                return self.one_of(operand, values, "IN")
            case Not(operand):
                return self.negated(operand)
            case Every():
                return self.operators("AND", joint_operands(expr), Level.AND)
            case Some():
                return self.operators("OR", joint_operands(expr), Level.OR)
            case When():
                return self.cases(expr), Level.ATOM
            case Lookup(operand, values, kind):
                return self.looked_up(operand, values, kind), Level.ATOM
            case Negate(operand):
                return inline("-", self.piece(operand, Level.ATOM)), Level.UNARY
            case Add(left, right):
                return self.arithmetic(expr, left, "+", right, Level.SUM)
            case Subtract(left, right):
                return self.arithmetic(expr, left, "-", right, Level.SUM)
            case Multiply(left, right):
                return self.arithmetic(expr, left, "*", right, Level.PRODUCT)
            case FloorDivide(left, right):
                return self.floor_divided(left, right)
            case Absolute(operand):
                return self.call("abs", operand)
            case Least(operands):
                return self.call(dialect.least, *operands)
            case Greatest(operands):
                return self.call(dialect.greatest, *operands)
            case ToFloat(operand):
                return self.filled(f"CAST({{}} AS {dialect.float_type})", operand)
            case Scaled(operand, digits):
                return self.scaled(operand, digits)
            case Unscaled(operand, digits):
                return self.unscaled(operand, digits)
            case IsWhole(operand):
                return self.condition(dialect.is_whole, operand)
            case HasKind(operand, kind):
                return self.condition(dialect.has_kind.get(kind, NOT_FALSE), operand)
            case TextOf(operand):
                return self.filled(dialect.text_of, operand)
            case IsMidnight(operand):
                return self.condition(dialect.is_midnight, operand)
            case DayOf(operand):
                return self.filled(dialect.day_of, operand)
            case DayNumber(operand):
                return self.filled(dialect.day_number, operand)
            case DayAt(Add(DayNumber(operand), Fixed(int() as number))):
                return self.days_later(operand, number)
            case DayAt(operand):
                return self.filled(dialect.day_at, operand)
            case AddMonths(operand, months):
                return self.months_later(operand, months)
            case DayPart(operand, part):
                return self.filled(dialect.day_parts[part], operand)
            case SumOver(operand, within):
                return self.summed(operand, within), Level.ATOM
            case SumAbove(operand, order, within):
                there = self.summed(operand, within, order)
                return inline(there, " - ", self.summed(operand, (*within, order))), Level.SUM
            case Joined(operands, separator):
                return self.joined(operands, separator), Level.ATOM
            case _:
                assert_never(expr)

    # Conditions

    def compared(self, op: Comparison, left: Expr, right: Expr) -> Written:
        """Left op right."""
        sign = SQL_COMPARISON.get(op, op)
        return inline(self.piece(left, Level.SUM), f" {sign} ", self.piece(right, Level.SUM)), Level.COMPARISON

    def one_of(self, operand: Expr, values: tuple[Fixed, ...], word: str) -> Written:
        """The operand among the values, or not."""
        texts: list[Piece] = [literal(value.value, self.dialect) for value in values]
        found = inline(self.piece(operand, Level.SUM), listed(f" {word} (", texts))
        return found, Level.COMPARISON

    def negated(self, operand: Expr) -> Written:
        """The other truth value, written as the opposite comparison where there is one."""
        match operand:
            case Compare(op, left, right):
                return self.compared(OPPOSITE[op], left, right)
            case OneOf(inner, values):
                return self.one_of(inner, values, "NOT IN")
            case IsNull(inner):
                return inline(self.piece(inner, Level.SUM), " IS NOT NULL"), Level.COMPARISON
            case _:
                return inline("NOT ", self.piece(operand, Level.ATOM)), Level.NOT

    def operators(self, word: str, operands: tuple[Expr, ...], level: Level) -> Written:
        """The operands with AND or OR between them; where they are long, in parentheses and lines of their own."""
        first, *others = self.ranges(operands) if word == "AND" else [self.piece(one, Level.AND) for one in operands]
        return block("(", [first, *(inline(f"{word} ", piece) for piece in others)], ")", ends=("", "")), level

    def ranges(self, operands: tuple[Expr, ...]) -> list[Piece]:
        """The operands of AND, the two ends of a range as one."""
        found: list[Piece] = []
        rest = list(operands)
        while rest:
            match rest:
                case [Compare(">=", one, low), Compare("<=", other, high), *_] if one == other:
                    ends = inline(self.piece(low, Level.SUM), " AND ", self.piece(high, Level.SUM))
                    found.append(inline(self.piece(one, Level.SUM), " BETWEEN ", ends))
                    del rest[:2]
                case _:
                    found.append(self.piece(rest.pop(0), Level.NOT))
        return found

    def condition(self, form: str, operand: Expr) -> Written:
        """A condition of the dialect."""
        found, _ = self.filled(form, operand)
        level = Level.OR if " OR " in form else Level.AND if " AND " in form else Level.COMPARISON
        return found, Level.ATOM if form == NOT_FALSE else level

    # Choosing

    def cases(self, expr: When) -> Piece:
        """A chain as one CASE, each rule with its note."""
        branches, last, note = chain(expr)
        turned = isinstance(expr.then, Null) or isinstance(expr.condition, Not)
        if len(branches) == 1 and expr.notes == NO_NOTES and turned:
            branches, last = [When(no(expr.condition), last, expr.then)], expr.then
        entries = [
            Entry(
                inline("WHEN ", self.piece(one.condition), " THEN ", self.value(one.then)),
                shown_note(one.then, one.notes[0]),
            )
            for one in branches
        ]
        if not isinstance(last, Null):
            entries.append(Entry(inline("ELSE ", self.piece(last)), shown_note(last, note)))
        return block("CASE", entries, "END")

    def value(self, expr: Expr) -> Piece:
        """A value of a CASE; its null needs no type, since another one has it."""
        return "NULL" if isinstance(expr, Null) else self.piece(expr)

    def looked_up(self, operand: Expr, values: tuple[Fixed | Null, ...], kind: Kind) -> Piece:
        """The value at a place."""
        if all(isinstance(value, Null) for value in values):
            return self.piece(Null(kind))
        places: dict[Fixed | Null, list[str]] = {}
        for place, value in enumerate(values):
            places.setdefault(value, []).append(str(place))
        often = max(places, key=lambda value: len(places[value]))
        last = often if len(places[often]) > 1 else Null(kind)
        head = self.piece(operand, Level.SUM)
        found = {value: at for value, at in places.items() if value != last}
        alone = isinstance(head, str) and all(len(at) == 1 for at in found.values())
        entries = [
            inline("WHEN ", at[0] if alone else among(head, at), " THEN ", self.value(value))
            for value, at in found.items()
        ]
        if not isinstance(last, Null):
            entries.append(inline("ELSE ", self.piece(last)))
        return block(f"CASE {head}" if alone else "CASE", entries, "END")

    # Numbers

    def arithmetic(self, expr: Expr, left: Expr, sign: str, right: Expr, level: Level) -> Written:
        """Left sign right; of 64 bits where the operands alone would not be."""
        first = self.piece(left, level)
        narrow = not self.dialect.wide and None not in {width(left, self.widths), width(right, self.widths)}
        if narrow and not fits(expr, self.widths):
            first = inline("CAST(", self.piece(left), f" AS {self.dialect.types['integer']})")
        return inline(first, f" {sign} ", self.piece(right, Level(level + 1))), level

    def floor_divided(self, left: Expr, right: Expr) -> Written:
        """The floor of a quotient: the databases cut it towards zero."""
        number = self.piece(left, Level.PRODUCT)
        divisor = self.piece(right, Level.UNARY)
        if not (isinstance(right, Fixed) and right.value):
            divisor = inline("nullif(", self.piece(right), ", 0)")
        sign = self.dialect.divides
        below = block("CASE", [inline("WHEN ", number, " % ", divisor, " < 0 THEN 1"), "ELSE 0"], "END")
        return inline(number, f" {sign} ", divisor, " - ", below), Level.SUM

    def scaled(self, operand: Expr, digits: int) -> Written:
        """A stored number in units of its last decimal; null where it is too large for that."""
        limit = number_literal(Fraction(LARGEST_SCALED, 10**digits))
        number = self.piece(operand, Level.SUM)
        factor = f" * {10**digits}.0" if digits else ""
        whole = inline("round(", self.piece(operand, Level.PRODUCT) if digits else self.piece(operand), factor, ")")
        inside = inline("WHEN ", number, f" BETWEEN -{limit} AND {limit}")
        counted = inline(" THEN CAST(", whole, f" AS {self.dialect.types['integer']})")
        return block("CASE", [inline(inside, counted)], "END"), Level.ATOM

    def unscaled(self, operand: Expr, digits: int) -> Written:
        """An integer of small units as the number that it stands for."""
        number = self.piece(operand, Level.PRODUCT)
        if self.dialect.tenth == "float":
            return inline(number, f" / {10**digits}.0"), Level.PRODUCT
        return (inline(number, f" * {tenth_literal(digits)}"), Level.PRODUCT) if digits else self.written(operand)

    def summed(self, operand: Expr, within: tuple[Expr, ...], order: Expr | None = None) -> Piece:
        """The sum over the rows that are equal in each of `within`; of those from the top of `order` down to here."""
        parts = ["PARTITION BY " + ", ".join(self.name(part) for part in within)] if within else []
        if order is not None:
            parts.append(f"ORDER BY {self.name(order)} DESC RANGE UNBOUNDED PRECEDING")
        found = f"sum({self.name(operand)}) OVER ({' '.join(parts)})"
        is_float = isinstance(operand, Named) and operand.name in self.floats
        return found if is_float else f"CAST({found} AS {self.dialect.types['integer']})"

    def name(self, part: Expr) -> str:
        """A part of a sum over rows, which is a name."""
        match part:
            case Named(name):
                return self.items[name]
            case Fact(feed):
                return self.facts[feed]
            case _:
                raise AssertionError(part)

    # Days

    def days_later(self, operand: Expr, number: int) -> Written:
        """The day so many days later."""
        form = self.dialect.add_days.replace("{n}", str(number)).replace("+ -", "- ")
        found = inline(*self.places(form, [self.reachable(operand, number)]))
        return found, Level.SUM if form.startswith("{}") else Level.ATOM

    def months_later(self, operand: Expr, months: Expr) -> Written:
        """The day so many months later."""
        if not isinstance(months, Fixed):
            later = self.reachable(operand, 1)
            return inline(
                *self.places(self.dialect.add_some_months, [later, self.piece(months, Level.ATOM)])
            ), Level.ATOM
        number = int(months.value)  # type: ignore[arg-type]
        form = self.dialect.add_months.replace("{n}", str(number)).replace("{m}", str(number + 1))
        return inline(*self.places(form, [self.reachable(operand, number)])), Level.ATOM

    def reachable(self, operand: Expr, number: int) -> Piece:
        """A day to which so much can be added."""
        if isinstance(operand, Fixed | CurrentDay):
            return self.piece(operand, Level.SUM)
        form = self.dialect.not_too_late if number > 0 else self.dialect.not_too_early
        return inline(*self.places(form, [self.piece(operand, Level.SUM)]))

    # Texts

    def joined(self, operands: tuple[Expr, ...], separator: str) -> Piece:
        """The texts that are not empty with a separator between them."""
        operands = tuple(operand for operand in operands if operand != EMPTY)
        if not operands:
            return self.piece(EMPTY)
        between = text_literal(separator, self.dialect)
        if self.dialect.joins_texts:
            pieces = [between, *map(self.or_null, operands)]
            return listed("concat_ws(", pieces)
        texts = [
            inline("|| " if place else "", f"coalesce({between} || ", self.or_null(operand, Level.UNARY), ", '')")
            for place, operand in enumerate(operands)
        ]
        ends = ("substr(", f", {len(separator) + 1})")
        return block(ends[0], texts, ends[1], ends=ends)

    def or_null(self, operand: Expr, level: Level = Level.OR) -> Piece:
        """A text, null where it is empty."""
        match operand:
            case Fixed(str() as text) if text:
                return self.piece(operand, level)
            case When() if is_literal(operand):
                return self.piece(emptied(operand))
            case _:
                return inline("nullif(", self.piece(operand), ", '')")

    # Forms

    def call(self, function: str, *operands: Expr) -> Written:
        """A function of operands."""
        return listed(f"{function}(", [self.piece(operand) for operand in operands]), Level.ATOM

    def filled(self, form: Form, operand: Expr) -> Written:
        """A form of the dialect with the operand in its places."""
        return inline(*self.places(form, [self.piece(operand, Level.OR if form == "{}" else Level.SUM)])), Level.ATOM

    def places(self, form: Form, pieces: Sequence[Piece]) -> list[Piece]:
        """A form cut at its places, with the pieces in them."""
        found: list[Piece] = []
        for place, part in enumerate(re.split(r"\{(1?)\}", form)):
            found.append(pieces[int(part or 0)] if place % 2 else part)
        return found


def listed(opening: str, pieces: Sequence[Piece]) -> Piece:
    """Pieces with commas between them, up to a closing parenthesis."""
    return block(opening, separated(pieces), ")", ends=(opening, ")"))


def among(piece: Piece, numbers: Sequence[str]) -> Piece:
    """An integer that is one of these."""
    return inline(piece, f" = {numbers[0]}" if len(numbers) == 1 else f" IN ({', '.join(numbers)})")


def bracketed(piece: Piece) -> Piece:
    """The piece in parentheses."""
    if isinstance(piece, Block) and piece.opening == "(":  # it has them already where it is broken
        return Block("(", piece.entries, ")", None if piece.flat is None else f"({piece.flat})")
    return block("(", [piece], ")", ends=("(", ")")) if isinstance(piece, Inline | Block) else f"({piece})"
