"""The syntax trees of cells, values and formulas: what was written and where, nothing more.

`[200万..500万)` becomes `Interval(Number("200万"), True, Number("500万"), False)`. Numbers and dates stay text,
because only the type of a column says what they are (`1` is a number in one column, a choice in another).
Two trees are equal when they say the same, wherever they stand: spans take no part in equality.

This module knows no types, no fields and no functions; the kinds give a tree its meaning. The trees are built by
`crm_rules.reader.cells` and `crm_rules.reader.formulas`, and written back by `crm_rules.reader.show`.
"""

from __future__ import annotations

from dataclasses import field
from typing import Literal, TypeAlias

from crm_rules.dataclass import dataclass
from crm_rules.source import Span

Order: TypeAlias = Literal["<", "<=", ">", ">="]
Operator: TypeAlias = Literal["+", "-", "*", "/"]


# Values


@dataclass(frozen=True, slots=True)
class Number:
    """A number as written: `-3`, `1_000`, `1.10`, `500万`, `15%`. In a formula it carries no sign."""

    text: str
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Date:
    """Eight digits in the form `2026-01-31`; whether the calendar has that day is asked later."""

    text: str
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Name:
    """A bare word, in any script: `clear-debt`, `重点客户`, `true`, `1-30`."""

    text: str
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Quoted:
    """A text in quotes, its escapes resolved."""

    text: str
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Parameter:
    """`$name`."""

    name: str
    span: Span = field(compare=False)


Value: TypeAlias = Number | Date | Name | Quoted | Parameter


# Tests: what stands in a cell


@dataclass(frozen=True, slots=True)
class Anything:
    """`-`: every value, and also a missing one."""

    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Missing:
    """`missing`: no value. As an output: the decision gives no value."""

    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Present:
    """`present`: some value."""

    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Otherwise:
    """`otherwise`: the row that matches when no other does."""

    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Equals:
    """A value alone: equal to it."""

    value: Value
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Comparison:
    """`< 5`, `<= 5`, `> 5`, `>= 5`."""

    op: Order
    value: Value
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Interval:
    """`[low..high)`: a square bracket includes its end, a round one leaves it out."""

    low: Value
    low_closed: bool
    high: Value
    high_closed: bool
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Negation:
    """`not(...)`: some value for which the test does not hold. It holds no `Missing` and no other negation."""

    test: Simple | Alternatives
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Alternatives:
    """`a, b`: at least one of two or more tests holds; never holds `-`, `present`, `otherwise` or a list."""

    tests: tuple[Simple | Missing | Negation, ...]
    span: Span = field(compare=False)


Simple: TypeAlias = Equals | Comparison | Interval
Test: TypeAlias = Anything | Missing | Present | Otherwise | Equals | Comparison | Interval | Negation | Alternatives


# Formulas: how a derived field is computed


@dataclass(frozen=True, slots=True)
class Reference:
    """A word that names a field, `today`, a constant or a mode such as `half_up`; which one is asked later."""

    name: str
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Negative:
    """`-operand`."""

    operand: Formula
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Binary:
    """`left op right`."""

    op: Operator
    left: Formula
    right: Formula
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """`name(argument, ...)`; the number of arguments is asked later."""

    name: str
    arguments: tuple[Formula, ...]
    span: Span = field(compare=False)


Formula: TypeAlias = Number | Date | Quoted | Parameter | Reference | Negative | Binary | Call
