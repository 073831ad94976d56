"""From the syntax of a formula to an expression of the IR.

Names are fields, earlier derived fields, `today`, or arguments that are words (a rounding mode).
The functions are one table, so that the handbook and the error messages cannot forget one; a
plug-in's functions are found in the scope.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never, cast

from crm_rules.dataclass import dataclass
from crm_rules.diagnostics import did_you_mean
from crm_rules.ir import nodes
from crm_rules.ir.nodes import Constant, Expr
from crm_rules.ir.numbers import DIGITS, ROUNDING_MODES, RoundingMode, fits, parse_number
from crm_rules.ir.record import parse_date
from crm_rules.ir.types import Choice, Date, Integer, Number, Type
from crm_rules.ir.typing import IllTyped, type_of
from crm_rules.kinds.cells import Unfit
from crm_rules.kinds.findings import Findings
from crm_rules.reader import syntax
from crm_rules.reader.formulas import parse_formula
from crm_rules.source import Span
from crm_rules.source import Text as Written

MANY = 64  # arguments of min, max and coalesce


@dataclass(frozen=True, slots=True)
class Shape:
    """How many arguments a function takes, and the node it becomes."""

    least: int
    most: int
    build: Callable[..., Expr]
    written: str


def rounding(operand: Expr, digits: Expr, mode: Expr) -> Expr:
    """`round(x, 2, half_up)`: the digits and the mode are written, never computed."""
    written = digits.value if isinstance(digits, Constant) else None
    if not isinstance(written, int) or abs(written) > DIGITS:
        raise IllTyped(
            digits, f"the second argument of `round` is a whole number of decimals from -{DIGITS} to {DIGITS}"
        )
    word = mode.value if isinstance(mode, Constant) else None
    if word not in ROUNDING_MODES:
        raise IllTyped(mode, f"the third argument of `round` is one of {', '.join(ROUNDING_MODES)}")
    return nodes.Round(operand, written, cast("RoundingMode", word))


FUNCTIONS: dict[str, Shape] = {
    "min": Shape(2, MANY, lambda *operands: nodes.Minimum(operands), "min(a, b, …)"),
    "max": Shape(2, MANY, lambda *operands: nodes.Maximum(operands), "max(a, b, …)"),
    "coalesce": Shape(2, MANY, lambda *operands: nodes.Coalesce(operands), "coalesce(a, b, …)"),
    "abs": Shape(1, 1, nodes.Absolute, "abs(x)"),
    "floor": Shape(1, 1, lambda operand: nodes.Round(operand, 0, "floor"), "floor(x)"),
    "round": Shape(3, 3, rounding, "round(x, decimals, mode)"),
    "days_between": Shape(2, 2, nodes.DaysBetween, "days_between(start, end)"),
    "months_between": Shape(2, 2, nodes.MonthsBetween, "months_between(start, end)"),
    "started_months": Shape(2, 2, nodes.StartedMonths, "started_months(start, end)"),
    "add_days": Shape(2, 2, lambda start, count: nodes.AddTime(start, count, "day"), "add_days(date, days)"),
    "add_months": Shape(2, 2, lambda start, count: nodes.AddTime(start, count, "month"), "add_months(date, months)"),
    "year": Shape(1, 1, lambda day: nodes.DatePart(day, "year"), "year(date)"),
    "month": Shape(1, 1, lambda day: nodes.DatePart(day, "month"), "month(date)"),
    "day": Shape(1, 1, lambda day: nodes.DatePart(day, "day"), "day(date)"),
    "weekday": Shape(1, 1, lambda day: nodes.DatePart(day, "weekday"), "weekday(date), Monday is 1"),
}

OPERATORS: dict[str, Callable[[Expr, Expr], Expr]] = {
    "+": nodes.Add,
    "-": nodes.Subtract,
    "*": nodes.Multiply,
    "/": nodes.Divide,
}


def lower_formula(text: Written, findings: Findings) -> tuple[Expr, Type] | None:
    """The expression and type of a formula; None after reporting why there is none."""
    tree, diagnostics = parse_formula(text)
    findings.extend(diagnostics)
    if tree is None:
        return None
    places: dict[int, Span] = {}
    keep: list[Expr] = []
    try:
        expr = lower(tree, findings, places, keep)
        return expr, type_of(expr, findings.scope)
    except Unfit as error:
        if error.code:  # a faulty field has its finding where it is declared
            findings.error(error.code, error.span, error.message, error.remedy)
    except IllTyped as error:
        findings.error("type-mismatch", places.get(id(error.node), text.span), error.message, error.remedy)
    return None


def lower(tree: syntax.Formula, findings: Findings, places: dict[int, Span], keep: list[Expr]) -> Expr:
    """One node; remembers where each expression was written (`keep` keeps their identities alive)."""
    expr = build(tree, findings, lambda inner: lower(inner, findings, places, keep))
    places[id(expr)] = tree.span
    keep.append(expr)
    return expr


def build(tree: syntax.Formula, findings: Findings, inner: Callable[[syntax.Formula], Expr]) -> Expr:  # noqa: C901, PLR0911 - one case a node
    """The node of one piece of syntax; raises `Unfit` or `IllTyped`."""
    match tree:
        case syntax.Number(text, span):
            number = parse_number(text)
            if number is None or not fits(number):
                raise Unfit("wrong-literal", span, f"`{text}` is not a number of at most 34 digits")
            return Constant(number, Integer() if isinstance(number, int) else Number())
        case syntax.Date(text, span):
            day = parse_date(text)
            if day is None:
                raise Unfit("bad-date", span, f"the calendar has no day `{text}`")
            return Constant(day, Date())
        case syntax.Quoted(text):
            return Constant(text, Choice((text,)))
        case syntax.Parameter(name, span):
            if name not in findings.scope.parameters:
                raise Unfit(
                    "unknown-parameter",
                    span,
                    f"unknown parameter `${name}`",
                    did_you_mean(name, findings.scope.parameters),
                )
            return nodes.ParameterValue(name)
        case syntax.Reference(name, span):
            return reference(name, span, findings)
        case syntax.Negative(operand):
            return nodes.Negate(inner(operand))
        case syntax.Binary(op, left, right):
            return OPERATORS[op](inner(left), inner(right))
        case syntax.Call():
            return call(tree, findings, inner)
        case _:
            assert_never(tree)


def reference(name: str, span: Span, findings: Findings) -> Expr:
    """A field, an earlier derived field, or `today`."""
    if name == "today":
        return nodes.Today()
    if (name, name) in findings.scope.steps:
        return nodes.StepValue(name, name)
    if name in findings.scope.fields:
        return nodes.FieldValue(name)
    if name in findings.faulty:
        raise Unfit("", span, name)
    known = [*findings.scope.fields, *(step for step, output in findings.scope.steps if step == output), "today"]
    remedy = did_you_mean(name, known)
    left, sign, right = name.partition("-")
    if sign and {left, right} & set(known):
        remedy = f"for a subtraction put spaces around the sign: `{left} - {right}`"
    raise Unfit("unknown-field", span, f"unknown field `{name}`", remedy)


def call(tree: syntax.Call, findings: Findings, inner: Callable[[syntax.Formula], Expr]) -> Expr:
    """A built-in function or one of a plug-in."""
    shape = FUNCTIONS.get(tree.name)
    if shape is None:
        return plugin_call(tree, findings, inner)
    if not shape.least <= len(tree.arguments) <= shape.most:
        raise Unfit("wrong-arguments", tree.span, f"found {len(tree.arguments)} arguments for `{shape.written}`")
    if tree.name == "round" and isinstance(tree.arguments[2], syntax.Reference):
        mode = Constant(tree.arguments[2].name, Choice(ROUNDING_MODES))
        return shape.build(inner(tree.arguments[0]), whole_number(inner(tree.arguments[1])), mode)
    return shape.build(*(inner(argument) for argument in tree.arguments))


def whole_number(expr: Expr) -> Expr:
    """A constant with its sign folded in, so that `round(x, -2, half_up)` counts as written."""
    if isinstance(expr, nodes.Negate) and isinstance(expr.operand, Constant):
        return Constant(-expr.operand.value, expr.operand.type)  # type: ignore[operator]
    return expr


def plugin_call(tree: syntax.Call, findings: Findings, inner: Callable[[syntax.Formula], Expr]) -> Expr:
    """A function that a plug-in declares."""
    function = findings.scope.functions.get(tree.name)
    if function is None:
        raise Unfit(
            "unknown-function",
            tree.span,
            f"unknown function `{tree.name}`",
            did_you_mean(tree.name, [*FUNCTIONS, *findings.scope.functions]),
        )
    arguments = tuple(inner(argument) for argument in tree.arguments)
    return nodes.Call(tree.name, arguments, function.result, function.low, function.high)
