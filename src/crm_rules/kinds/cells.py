"""From the syntax of a cell to a test of the IR: the type of the column says what a literal is.

`1` is a number in a number column and a choice in a choice column; `2026-01-31` is a date in a
date column and an error elsewhere. What would silently never match (a text in a number column, a
choice that is not declared, a reversed interval, an order between choices) is a finding here, at
the span of the literal.
"""

from __future__ import annotations

import re
from typing import assert_never

from crm_rules.diagnostics import did_you_mean
from crm_rules.ir.nodes import (
    ANYTHING,
    AnyOf,
    Bound,
    Constant,
    Expr,
    IsMissing,
    IsPresent,
    Nothing,
    NotPassing,
    OneOf,
    ParameterValue,
    Test,
    Value,
    Within,
)
from crm_rules.ir.record import Rejected, accept_type, parse_fact
from crm_rules.ir.types import (
    Boolean,
    Choice,
    Date,
    Integer,
    Money,
    Number,
    Text,
    Type,
    is_numeric,
    show_choices,
    show_type,
)
from crm_rules.ir.typing import IllTyped, assignable, check_test
from crm_rules.kinds.findings import Findings
from crm_rules.reader import syntax
from crm_rules.reader.cells import parse_cell, parse_value
from crm_rules.source import Span
from crm_rules.source import Text as Written

LEADING_ZERO = re.compile(r"-?0[0-9_]")
BETWEEN = re.compile(r"([0-9]+)-([0-9]+)")


def lower_cell(cell: Written, kind: Type, findings: Findings) -> Test | None:
    """The test that a cell writes for a column of a type; None after reporting why there is none."""
    tree, diagnostics = parse_cell(cell)
    findings.extend(diagnostics)
    if tree is None:
        return None
    try:
        test = lower_test(tree, kind, findings)
        check_test(test, kind, findings.scope)
    except Unfit as error:
        findings.error(error.code, error.span, error.message, error.remedy)
        return None
    except IllTyped as error:
        findings.error("type-mismatch", cell.span, error.message, error.remedy)
        return None
    return test


class Unfit(Exception):  # noqa: N818 - a finding on its way to a diagnostic
    """A literal that its column cannot hold."""

    def __init__(self, code: str, span: Span, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.span = span
        self.message = message
        self.remedy = remedy


def lower_test(tree: syntax.Test, kind: Type, findings: Findings) -> Test:  # noqa: C901, PLR0911 - one case a node
    """One test; raises `Unfit` or `IllTyped`."""
    match tree:
        case syntax.Anything():
            return ANYTHING
        case syntax.Missing():
            return IsMissing()
        case syntax.Present():
            return IsPresent()
        case syntax.Otherwise():
            raise Unfit("otherwise-not-last", tree.span, "`otherwise` stands alone as the whole last rule of a table")
        case syntax.Equals(value):
            if isinstance(kind, Text):
                remedy = "declare it with the type choice and `one_of`"
                raise Unfit("type-mismatch", tree.span, "a text is carried through and cannot be tested", remedy)
            return OneOf((literal(value, kind, findings),))
        case syntax.Comparison(op, value):
            demand_order(kind, tree.span)
            bound = Bound(literal(value, kind, findings), closed=op in {"<=", ">="})
            return Within(None, bound) if op in {"<", "<="} else Within(bound, None)
        case syntax.Interval(low, low_closed, high, high_closed):
            demand_order(kind, tree.span)
            test = Within(
                Bound(literal(low, kind, findings), low_closed), Bound(literal(high, kind, findings), high_closed)
            )
            demand_values(test, tree.span)
            return test
        case syntax.Negation(inner):
            return NotPassing(lower_test(inner, kind, findings))
        case syntax.Alternatives(tests):
            return merged(tuple(lower_test(inner, kind, findings) for inner in tests))
        case _:
            assert_never(tree)


def merged(tests: tuple[Test, ...]) -> Test:
    """A list of plain values is one `OneOf`, any other list an `AnyOf`."""
    values: list[Expr] = []
    for test in tests:
        if not isinstance(test, OneOf):
            return AnyOf(tests)
        values += test.values
    return OneOf(tuple(values))


def demand_order(kind: Type, span: Span) -> None:
    """Only numbers and dates have an order."""
    if not is_numeric(kind) and not isinstance(kind, Date):
        remedy = "list the choices: `A, B`" if isinstance(kind, Choice) else ""
        raise Unfit(
            "order-on-choice",
            span,
            f"`<`, `>` and intervals need a number or a date, and the column is {show_type(kind)}",
            remedy,
        )


def demand_values(test: Within, span: Span) -> None:
    """An interval between two constants must hold a value."""
    low, high = test.low, test.high
    if low is None or high is None or not isinstance(low.at, Constant) or not isinstance(high.at, Constant):
        return
    first, last = low.at.value, high.at.value
    if first > last:  # type: ignore[operator]
        raise Unfit(
            "reversed-interval",
            span,
            "the interval is reversed: its first bound is above its second",
            "swap the bounds",
        )
    if first == last and not (low.closed and high.closed):
        raise Unfit(
            "empty-interval",
            span,
            "the interval is empty: no value lies in it",
            "close both sides, or write the value alone",
        )


def literal(tree: syntax.Value, kind: Type, findings: Findings) -> Expr:
    """A literal or parameter as a constant of the column's type; raises `Unfit`."""
    if isinstance(tree, syntax.Parameter):
        return parameter(tree, kind, findings)
    value = parse_literal(tree, kind)
    if isinstance(value, Rejected):
        code, span, message, remedy = misfit(tree, kind, value)
        if not remedy and isinstance(tree, syntax.Name) and tree.text in findings.scope.parameters:
            remedy = f"write `${tree.text}` for the parameter"
        raise Unfit(code, span, message, remedy)
    return Constant(value, Choice((str(value),)) if isinstance(kind, Choice) else kind)


def parse_literal(tree: syntax.Number | syntax.Date | syntax.Name | syntax.Quoted, kind: Type) -> Value | Rejected:
    """The value a literal has as a value of a type, or why it has none."""
    match kind:
        case Choice() | Text():
            return accept_type(kind, tree.text)
        case Boolean() if isinstance(tree, syntax.Name):
            return parse_fact(kind, tree.text)
        case Integer() | Number() | Money() if isinstance(tree, syntax.Number):
            if LEADING_ZERO.match(tree.text):  # the torn half of `5,0000`, or an identifier
                return Rejected("wrong-type", "a number without leading zeros")
            return parse_fact(kind, tree.text)
        case Date() if isinstance(tree, syntax.Date):
            return parse_fact(kind, tree.text)
        case _:
            return Rejected("wrong-type", show_type(kind))


def misfit(tree: syntax.Value, kind: Type, rejected: Rejected) -> tuple[str, Span, str, str]:
    """Code, place, message and remedy for a literal that is no value of the column's type."""
    shown = tree.name if isinstance(tree, syntax.Parameter) else tree.text
    if isinstance(kind, Choice):
        return (
            "unknown-choice",
            tree.span,
            f"`{shown}` is not among the choices {show_choices(kind.one_of)}",
            did_you_mean(shown, kind.one_of),
        )
    if isinstance(tree, syntax.Date) and isinstance(kind, Date):
        return "bad-date", tree.span, f"the calendar from 1900 to 2199 has no day `{shown}`", ""
    remedy = ""
    if isinstance(tree, syntax.Name) and is_numeric(kind) and (ends := BETWEEN.fullmatch(shown)):
        remedy = f"write `[{ends[1]}..{ends[2]}]` for an interval with both ends"
    elif isinstance(tree, syntax.Quoted) and (is_numeric(kind) or isinstance(kind, Date | Boolean)):
        remedy = f"without quotes: `{shown}`" if can_be(shown, kind) else ""
    elif isinstance(kind, Boolean):
        remedy = {"yes": "write `true`", "True": "write `true`", "no": "write `false`", "False": "write `false`"}.get(
            shown, ""
        )
    return "wrong-literal", tree.span, f"expected {rejected.expected}, found `{shown}`", remedy


def can_be(word: str, kind: Type) -> bool:
    """True when a word is a value of the type."""
    return not isinstance(parse_fact(kind, word), Rejected)


def parameter(tree: syntax.Parameter, kind: Type, findings: Findings) -> Expr:
    """A reference to a declared parameter of a fitting type; raises `Unfit`."""
    known = findings.scope.parameters.get(tree.name)
    if known is None:
        raise Unfit(
            "unknown-parameter",
            tree.span,
            f"unknown parameter `${tree.name}`",
            did_you_mean(tree.name, findings.scope.parameters),
        )
    both_numeric = is_numeric(known.type) and is_numeric(kind)
    if not assignable(known.type, kind) and not (both_numeric and assignable(kind, known.type)):
        raise Unfit(
            "wrong-literal", tree.span, f"expected {show_type(kind)}, found `${tree.name}`: {show_type(known.type)}"
        )
    return ParameterValue(tree.name)


def lower_value(cell: Written, kind: Type, findings: Findings) -> Expr | None:
    """The expression an output cell writes: a literal of the output's type, a parameter, or `missing`."""
    tree, diagnostics = parse_value(cell)
    findings.extend(diagnostics)
    if tree is None:
        return None
    if isinstance(tree, syntax.Missing):
        return Nothing(kind)
    try:
        return literal(tree, kind, findings)
    except Unfit as error:
        findings.error(error.code, error.span, error.message, error.remedy)
        return None
