"""A program as text that a person reads: cells and formulas in the grammar that authors write.

`[2000000..5000000)`, `>= 14`, `A, B`, `not(A)`, `missing`; `days_between(today, due_date) + 1`. A cell
over constants and parameters reads back as the same test, a formula as the same expression. What
only rewrites make (`latest_start`, a border that is an expression) is shown in the same manner,
though no author can write it. Labels and spans are not shown.
"""

from __future__ import annotations

import re
from datetime import date
from fractions import Fraction
from typing import assert_never

from crm_rules.columns import display_width, pad
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
    Value,
    Within,
)
from crm_rules.ir.numbers import show_number
from crm_rules.ir.population import Population
from crm_rules.ir.program import Column, Derive, Field, Parameter, Program, Row, Step, Table, Total
from crm_rules.ir.types import show_type

NAME = re.compile(r"[^\W\d][\w-]*(?:\.[\w-]+)*")
# Words that a cell takes for something else than a text, in whatever letters.
KEYWORDS = {"missing", "present", "otherwise", "not", "true", "false"}
SUM, PRODUCT, ALONE = 1, 2, 3  # how strongly the outermost operation of a formula binds


def show_value(value: Value | None) -> str:
    """A value as a cell writes it: `true`, `2.5`, `2026-01-31`, `重点客户`, `"12:30"`; `missing` for None."""
    match value:
        case None:
            return "missing"
        case bool():
            return "true" if value else "false"
        case int() | Fraction():
            return show_number(value)
        case str():
            return show_text(value)
        case date():
            return value.isoformat()
        case tuple():
            return f"[{', '.join(map(show_value, value))}]"
        case _:
            assert_never(value)


def show_text(text: str) -> str:
    """A text as a bare word where nothing else could be meant, otherwise in quotes."""
    foreign_digit = any(character.isdecimal() and not character.isascii() for character in text)
    if NAME.fullmatch(text) and text.lower() not in KEYWORDS and not foreign_digit:
        return text
    return quoted(text)


def quoted(text: str) -> str:
    """A text in double quotes, a quote and a backslash in it doubled."""
    inner = text.replace("\\", "\\\\").replace('"', '""')
    return f'"{inner}"'


# Tests


def show_test(test: Test) -> str:  # noqa: PLR0911 - one case a node
    """The text of a cell."""
    match test:
        case Anything():
            return "-"
        case IsMissing():
            return "missing"
        case IsPresent():
            return "present"
        case OneOf(()) | AnyOf(()):
            return "not(present)"
        case OneOf(values):
            return ", ".join(map(show_border, values))
        case Within(low, high):
            return show_interval(low, high)
        case NotPassing(inner):
            return f"not({show_test(inner)})"
        case AnyOf(tests):
            return ", ".join(map(show_test, tests))
        case _:
            assert_never(test)


def show_interval(low: Bound | None, high: Bound | None) -> str:
    """`>= 14`, `< 14`, `[10..14)`, or `present` without bounds."""
    if low is not None and high is not None:
        opening, closing = "[" if low.closed else "(", "]" if high.closed else ")"
        return f"{opening}{show_border(low.at)}..{show_border(high.at)}{closing}"
    if low is not None:
        return f"{'>=' if low.closed else '>'} {show_border(low.at)}"
    if high is not None:
        return f"{'<=' if high.closed else '<'} {show_border(high.at)}"
    return "present"


def show_border(expr: Expr) -> str:
    """A constant as cells write it, anything else as a formula."""
    return show_value(expr.value) if isinstance(expr, Constant) else show_expr(expr)


# Expressions


def show_expr(expr: Expr) -> str:
    """The text of a formula."""
    return bound_text(expr)[0]


def bound_text(expr: Expr) -> tuple[str, int]:  # noqa: C901, PLR0911, PLR0912 - one case a node
    """The text of a formula, and how strongly its outermost operation binds."""
    match expr:
        case Constant(value):
            return show_constant(value)
        case Nothing():
            return "missing", ALONE
        case FieldValue(name):
            return name, ALONE
        case ParameterValue(name):
            return f"${name}", ALONE
        case StepValue(step, output):
            return (step if step == output else f"{step}.{output}"), ALONE
        case Today():
            return "today", ALONE
        case Negate(operand):
            return f"-{enclosed(operand, ALONE)}", ALONE
        case Add(left, right):
            return f"{enclosed(left, SUM)} + {enclosed(right, PRODUCT)}", SUM
        case Subtract(left, right):
            return f"{enclosed(left, SUM)} - {enclosed(right, PRODUCT)}", SUM
        case Multiply(left, right):
            return f"{enclosed(left, PRODUCT)} * {enclosed(right, ALONE)}", PRODUCT
        case Divide(left, right):
            return f"{enclosed(left, PRODUCT)} / {enclosed(right, ALONE)}", PRODUCT
        case Absolute(operand):
            return call("abs", operand), ALONE
        case Round(operand, digits, mode):
            return f"round({show_expr(operand)}, {digits}, {mode})", ALONE
        case Minimum(operands):
            return call("min", *operands), ALONE
        case Maximum(operands):
            return call("max", *operands), ALONE
        case Coalesce(operands):
            return call("coalesce", *operands), ALONE
        case AddTime(start, amount, unit):
            return call(f"add_{unit}s", start, amount), ALONE
        case DaysBetween(start, end):
            return call("days_between", start, end), ALONE
        case MonthsBetween(start, end):
            return call("months_between", start, end), ALONE
        case StartedMonths(start, end):
            return call("started_months", start, end), ALONE
        case LatestStart(end, months):
            return call("latest_start", end, months), ALONE
        case DatePart(operand, part):
            return call(part, operand), ALONE
        case Holds(operand, test):
            return f"holds({show_expr(operand)}, {show_test(test)})", ALONE
        case Call(function, arguments):
            return call(function, *arguments), ALONE
        case _:
            assert_never(expr)


def show_constant(value: Value) -> tuple[str, int]:
    """A constant in a formula, where a bare word would be a field; a quotient is a division."""
    if isinstance(value, str):
        return quoted(value), ALONE
    text = show_value(value)
    return text, PRODUCT if "/" in text and isinstance(value, Fraction) else ALONE


def enclosed(expr: Expr, least: int) -> str:
    """The text, in parentheses when it binds less strongly than `least`."""
    text, power = bound_text(expr)
    return text if power >= least else f"({text})"


def call(name: str, *arguments: Expr) -> str:
    """`name(a, b)`."""
    return f"{name}({', '.join(map(show_expr, arguments))})"


# Programs


def show_program(program: Program) -> str:
    """The whole program: inputs, steps in order, outputs."""
    lines = [f"policy {program.id} {program.version} ({program.kind})", ""]
    lines += [show_field(one) for one in program.fields]
    lines += [show_parameter(one) for one in program.parameters]
    lines += [f"require {alias}: {policy}.{output}" for alias, policy, output in program.required]
    lines += [f"order {' < '.join(f'${name}' for name in names)}" for names in program.order]
    lines += map(show_population, program.population)
    for step in program.steps:
        lines += show_step(step)
    for output in program.outputs:
        optional = ", optional" if output.optional else ""
        lines.append(f"output {output.name}: {show_type(output.type)}{optional} = {show_expr(output.expr)}")
    return "\n".join(lines) + "\n"


def show_field(one: Field) -> str:
    """`field amount: money in CNY, min 0, optional`."""
    words = [show_type(one.type)]
    words += [f"min {show_value(one.low)}"] if one.low is not None else []
    words += [f"max {show_value(one.high)}"] if one.high is not None else []
    words += [f"decimals {one.decimals}"] if one.decimals is not None else []
    words += [f"currency in {one.currency}"] if one.currency is not None else []
    words += [f"default {show_value(one.default)}"] if one.default is not None else []
    words += ["optional"] if one.optional else []
    words += ["sensitive"] if one.sensitive else []
    return f"field {one.name}: {', '.join(words)}"


def show_population(one: Population) -> str:
    """`population v, positive, within region: p.position = position, p.share_before = share_before`."""
    words = [show_expr(one.value), *(["positive"] if one.positive else [])]
    words += [f"within {', '.join(map(show_expr, one.within))}"] if one.within else []
    return f"population {', '.join(words)}: {', '.join(f'{name} = {measure}' for name, measure in one.measures)}"


def show_parameter(one: Parameter) -> str:
    """`parameter $big: money in CNY = 5000000, 6000000 from 2027-01-01`."""
    dated = ", ".join(
        show_value(each.value) if each.since is None else f"{show_value(each.value)} from {each.since.isoformat()}"
        for each in one.values
    )
    return f"parameter ${one.name}: {show_type(one.type)} = {dated or 'blank'}"


def show_step(step: Step) -> list[str]:
    """The lines of one step."""
    match step:
        case Derive():
            return [f"derive {step.id}: {show_expr(step.expr)}"]
        case Total():
            terms = "".join(f" + {show_number(weight)} * {table}.{step.output}" for table, weight in step.terms)
            return [f"total {step.id}: {show_number(step.initial)}{terms}"]
        case Table():
            policy = step.hit_policy if step.aggregation is None else f"{step.hit_policy} {step.aggregation}"
            optional = ", optional" if step.optional else ""
            return ["", f"{step.role} {step.id} ({policy}{optional})", *show_rows(step), ""]
        case _:
            assert_never(step)


def show_rows(table: Table) -> list[str]:
    """An aligned pipe table: the ids, the tests under what they test, the outputs."""
    heading = ["id", *map(show_heading, table.columns), *(name for name, _ in table.outputs)]
    grid = [heading, *(show_row(row) for row in table.rows)]
    grid = [[cell.replace("|", "\\|").replace("\n", " ") for cell in cells] for cells in grid]
    widths = [max(map(display_width, cells)) for cells in zip(*grid, strict=True)]
    return [
        "| " + " | ".join(pad(cell, width) for cell, width in zip(cells, widths, strict=True)) + " |" for cells in grid
    ]


def show_heading(column: Column) -> str:
    """The tested expression, after the column's own name where that says something else."""
    subject = show_expr(column.subject)
    return subject if subject == column.name or isinstance(column.subject, FieldValue) else f"{column.name} = {subject}"


def show_row(row: Row) -> list[str]:
    """The cells of one row."""
    tests = ["otherwise"] * len(row.tests) if row.otherwise else list(map(show_test, row.tests))
    return [row.id, *tests, *map(show_border, row.outputs)]
