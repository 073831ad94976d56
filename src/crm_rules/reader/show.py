"""Syntax trees written back as the text an author would write; reading that text gives the same tree.

The shown text has one spelling for each tree (`>= 5`, `[5..10)`, `a, b`), texts in double quotes, and only the
parentheses that a formula needs. It is what messages propose and what rendered policies contain.
"""

from __future__ import annotations

from typing import assert_never

from crm_rules.reader import syntax

PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2}


def show_value(value: syntax.Value) -> str:
    """`500万`, `2026-01-31`, `clear-debt`, `"best price"`, `$low`."""
    match value:
        case syntax.Number(text) | syntax.Date(text) | syntax.Name(text):
            return text
        case syntax.Quoted(text):
            return quote(text)
        case syntax.Parameter(name):
            return f"${name}"
        case _:
            assert_never(value)


def quote(text: str) -> str:
    """`text` in double quotes, a quote in it doubled, a backslash too."""
    inner = text.replace("\\", "\\\\").replace('"', '""')
    return f'"{inner}"'


def show_test(test: syntax.Test) -> str:  # noqa: PLR0911 - one return for each test
    """The text of a cell."""
    match test:
        case syntax.Anything():
            return "-"
        case syntax.Missing():
            return "missing"
        case syntax.Present():
            return "present"
        case syntax.Otherwise():
            return "otherwise"
        case syntax.Equals(value):
            return show_value(value)
        case syntax.Comparison(op, value):
            return f"{op} {show_value(value)}"
        case syntax.Interval(low, low_closed, high, high_closed):
            first = show_value(low)
            # A name may end in a dot (`Inc.`), which must not run into the two dots of the interval.
            dots = " .." if first.endswith(".") else ".."
            return f"{'[' if low_closed else '('}{first}{dots}{show_value(high)}{']' if high_closed else ')'}"
        case syntax.Negation(inner):
            return f"not({show_test(inner)})"
        case syntax.Alternatives(tests):
            return ", ".join(map(show_test, tests))
        case _:
            assert_never(test)


def show_formula(formula: syntax.Formula) -> str:
    """The text of a derived field."""
    match formula:
        case syntax.Number() | syntax.Date() | syntax.Quoted() | syntax.Parameter():
            return show_value(formula)
        case syntax.Reference(name):
            return name
        case syntax.Negative(operand):
            return f"-{enclosed(operand)}" if isinstance(operand, syntax.Binary) else f"-{show_formula(operand)}"
        case syntax.Binary(op, left, right):
            power = PRECEDENCE[op]
            first = enclosed(left) if precedence(left) < power else show_formula(left)
            second = enclosed(right) if precedence(right) <= power else show_formula(right)
            return f"{first} {op} {second}"
        case syntax.Call(name, arguments):
            return f"{name}({', '.join(map(show_formula, arguments))})"
        case _:
            assert_never(formula)


def precedence(formula: syntax.Formula) -> int:
    """1 for a sum, 2 for a product, 3 for what needs no parentheses."""
    return PRECEDENCE[formula.op] if isinstance(formula, syntax.Binary) else 3


def enclosed(formula: syntax.Formula) -> str:
    """The formula in parentheses."""
    return f"({show_formula(formula)})"
