"""A back end: policies as code for a small stack machine.

    decide = compile_stack(policy.whole)
    decide({"need": "clear"}, date(2026, 11, 21)).outputs      # {'stage': 'unknown'}

Every expression and every test becomes a flat list of instructions, tuples of an operation and its arguments, so
that what a policy does can be printed, stored, sent elsewhere and counted. The machine knows the instructions and no
node. What it cannot carry, the functions of other plug-ins, it refuses when it compiles: see `RefusedError`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any, TypeAlias, assert_never

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
from crm_rules.ir.numbers import reduced, rounded, to_fact
from crm_rules.ir.program import Derive, Program, Step, Table, Total
from crm_rules.ir.record import read_record

Instruction: TypeAlias = tuple[Any, ...]
Code: TypeAlias = tuple[Instruction, ...]


class RefusedError(Exception):
    """The machine has no instruction for a part of the program."""


@dataclass(frozen=True)
class Answer:
    """What the machine answers for one record: `outputs` is empty unless `status` is `decided`."""

    status: str
    outputs: Mapping[str, Any]
    rules: tuple[str, ...] = ()


# From nodes to instructions

OPERATIONS: dict[type, str] = {
    Negate: "negate",
    Absolute: "absolute",
    Add: "add",
    Subtract: "subtract",
    Multiply: "multiply",
    Divide: "divide",
    Minimum: "minimum",
    Maximum: "maximum",
    DaysBetween: "days-between",
    MonthsBetween: "months-between",
    StartedMonths: "started-months",
    LatestStart: "latest-start",
}


def code_of(expr: Expr) -> Iterator[Instruction]:  # noqa: C901, PLR0912 - one case a node
    """Instructions that leave the value of an expression on the stack."""
    match expr:
        case Constant(value, _):
            yield "push", value
        case Nothing():
            yield "push", None
        case FieldValue(name):
            yield "field", name
        case ParameterValue(name):
            yield "parameter", name
        case StepValue(step, output):
            yield "step", step, output
        case Today():
            yield ("today",)
        case Negate(operand) | Absolute(operand):
            yield from strict(OPERATIONS[type(expr)], operand)
        case Add(left, right) | Subtract(left, right) | Multiply(left, right) | Divide(left, right):
            yield from strict(OPERATIONS[type(expr)], left, right)
        case DaysBetween(start, end) | MonthsBetween(start, end) | StartedMonths(start, end):
            yield from strict(OPERATIONS[type(expr)], start, end)
        case LatestStart(end, months):
            yield from strict("latest-start", end, months)
        case Minimum(operands) | Maximum(operands):
            yield from strict(OPERATIONS[type(expr)], *operands)
        case Coalesce(operands):
            ways = [tuple(code_of(operand)) for operand in operands]
            ends = [sum(len(way) + 1 for way in ways[place + 1 :]) for place in range(len(ways))]
            for way, end in zip(ways, ends, strict=True):
                yield from way
                yield "leave-if-present", end
        case AddTime(start, amount, unit):
            yield from strict(f"add-{unit}", start, amount)
        case DatePart(operand, part):
            yield from strict(part, operand)
        case Round(operand, digits, mode):
            yield from (*code_of(operand), ("round", digits, mode))
        case Holds(operand, test):
            yield from (*code_of(operand), ("begin",), *code_of_test(test), ("end",))
        case Call(function):
            raise RefusedError(f"the function `{function}` of another plug-in")
        case _:
            assert_never(expr)


def strict(operation: str, *operands: Expr) -> Iterator[Instruction]:
    """The operands, then an operation that is missing where one of them is."""
    for operand in operands:
        yield from code_of(operand)
    yield "do", operation, len(operands)


def code_of_test(test: Test) -> Iterator[Instruction]:
    """Instructions that leave on the stack whether the value begun with passes the test."""
    match test:
        case Anything():
            yield "push", True
        case IsMissing():
            yield from (("subject",), ("is-missing",))
        case IsPresent():
            yield from (("subject",), ("is-missing",), ("not",))
        case OneOf(values):
            for value in values:
                yield from (("subject",), *code_of(value), ("compare", "=="))
            yield "any", len(values)
        case Within(low, high):
            yield from code_of_test(IsPresent())
            yield from code_of_bound(low, ">")
            yield from code_of_bound(high, "<")
            yield "all", 3
        case NotPassing(inner):
            yield from (*code_of_test(IsPresent()), *code_of_test(inner), ("not",), ("all", 2))
        case AnyOf(tests):
            for one in tests:
                yield from code_of_test(one)
            yield "any", len(tests)
        case _:
            assert_never(test)


def code_of_bound(bound: Bound | None, side: str) -> Iterator[Instruction]:
    """Whether the value lies on the inner side of one end of an interval."""
    if bound is None:
        yield "push", True
    else:
        yield from (("subject",), *code_of(bound.at), ("compare", side + "=" * bound.closed))


@dataclass(frozen=True)
class RowCode:
    """A rule: its tests as one piece of code, and one for each output."""

    name: str
    tests: Code
    outputs: tuple[Code, ...]
    otherwise: bool


@dataclass(frozen=True)
class TableCode:
    """A table: code for what its columns test, and its rows."""

    columns: tuple[Code, ...]
    rows: tuple[RowCode, ...]
    outputs: tuple[str, ...]
    hit_policy: str
    aggregation: str | None
    optional: bool


def code_of_step(program: Program, step: Step) -> Code | TableCode:
    """A step as code: of a table for each column, row and output, of the others in one piece."""
    match step:
        case Derive(expr=expr):
            return tuple(code_of(expr))
        case Total(initial=initial, terms=terms, output=output):
            parts: list[Instruction] = [("push", initial)]
            for table, weight in terms:
                parts += [("step", table, output), ("push", weight), ("do", "multiply", 2), ("do", "add", 2)]
            return tuple(parts)
        case Table():
            rows = tuple(
                RowCode(
                    program.rule_id(step, row),
                    tuple(row_tests(row.tests)),
                    tuple(tuple(code_of(output)) for output in row.outputs),
                    row.otherwise,
                )
                for row in step.rows
            )
            columns = tuple(tuple(code_of(column.subject)) for column in step.columns)
            names = tuple(name for name, _ in step.outputs)
            return TableCode(columns, rows, names, step.hit_policy, step.aggregation, step.optional)
        case _:
            assert_never(step)


def row_tests(tests: tuple[Test, ...]) -> Iterator[Instruction]:
    """All cells of a row, joined by AND."""
    for place, test in enumerate(tests):
        if not isinstance(test, Anything):
            yield from (("column", place), ("begin",), *code_of_test(test), ("end",))
    yield "all", sum(not isinstance(test, Anything) for test in tests)


def compile_stack(program: Program) -> StackProgram:
    """The program for the machine; raises `RefusedError` for what has no instruction."""
    steps = tuple((step.id, output_of(step), code_of_step(program, step)) for step in program.steps)
    outputs = tuple((output.name, tuple(code_of(output.expr))) for output in program.outputs)
    return StackProgram(program, steps, outputs)


def output_of(step: Step) -> str:
    """The name of the one output of a step that is no table."""
    return step.output if isinstance(step, Total) else step.id


# The machine


class Undecided(Exception):  # noqa: N818 - how the machine leaves code that needs what an earlier step lacks
    """The code needs the output of a step that is undecided; `status` says how."""

    def __init__(self, status: str) -> None:
        super().__init__(status)
        self.status = status


def quotient(left: Any, right: Any) -> Any:
    """An exact quotient, missing for a division by zero."""
    return None if right == 0 else reduced(Fraction(left) / Fraction(right))


EXACT: dict[str, Callable[..., Any]] = {
    "negate": operator.neg,
    "absolute": abs,
    "add": lambda left, right: reduced(left + right),
    "subtract": lambda left, right: reduced(left - right),
    "multiply": lambda left, right: reduced(left * right),
    "divide": quotient,
    "minimum": lambda *values: min(values),
    "maximum": lambda *values: max(values),
    "days-between": days.days_between,
    "months-between": days.months_between,
    "started-months": days.started_months,
    "latest-start": days.latest_start,
    "add-day": lambda start, amount: days.add_time(start, amount, "day"),
    "add-week": lambda start, amount: days.add_time(start, amount, "week"),
    "add-month": lambda start, amount: days.add_time(start, amount, "month"),
    "add-year": lambda start, amount: days.add_time(start, amount, "year"),
    "year": operator.attrgetter("year"),
    "month": operator.attrgetter("month"),
    "day": operator.attrgetter("day"),
    "weekday": date.isoweekday,
}
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass
class Memory:
    """What instructions may look at: values by name, the steps that were run, the tested values of a table."""

    values: Mapping[str, Any]
    parameters: Mapping[str, Any]
    today: date | None
    steps: dict[str, tuple[str, Mapping[str, Any]]]
    columns: tuple[Any, ...] = ()


def popped(stack: list[Any], count: int) -> list[Any]:
    """The last values of the stack, taken off it, in the order in which they were pushed."""
    found = stack[len(stack) - count :]
    del stack[len(stack) - count :]
    return found


def run(code: Code, memory: Memory) -> Any:  # noqa: C901, PLR0912, PLR0915 - one case an instruction
    """The value that the code leaves on the stack."""
    stack: list[Any] = []
    subjects: list[Any] = []
    place = 0
    while place < len(code):
        match code[place]:
            case ("push", value):
                stack.append(value)
            case ("field", name):
                stack.append(memory.values[name])
            case ("parameter", name):
                stack.append(memory.parameters[name])
            case ("today",):
                stack.append(memory.today)
            case ("column", index):
                stack.append(memory.columns[index])
            case ("step", step, output):
                status, values = memory.steps[step]
                if status != "decided":
                    raise Undecided(status)
                stack.append(values[output])
            case ("do", operation, count):
                operands = popped(stack, count)
                stack.append(None if None in operands else EXACT[operation](*operands))
            case ("round", digits, mode):
                value = stack.pop()
                stack.append(None if value is None else rounded(value, digits, mode))
            case ("leave-if-present", end):
                if stack[-1] is not None:
                    place += end
                elif end:
                    stack.pop()
            case ("begin",):
                subjects.append(stack.pop())
            case ("end",):
                subjects.pop()
            case ("subject",):
                stack.append(subjects[-1])
            case ("is-missing",):
                stack.append(stack.pop() is None)
            case ("not",):
                stack.append(not stack.pop())
            case ("compare", side):
                right, left = stack.pop(), stack.pop()
                stack.append(left is not None and right is not None and COMPARISONS[side](left, right))
            case ("any", count):
                stack.append(True in popped(stack, count))
            case ("all", count):
                stack.append(False not in popped(stack, count))
            case unknown:
                raise AssertionError(f"no such instruction: {unknown}")
        place += 1
    return stack.pop()


def run_table(table: TableCode, memory: Memory) -> tuple[str, dict[str, Any], tuple[str, ...]]:
    """Status, outputs and rules of a table."""
    memory.columns = tuple(run(column, memory) for column in table.columns)
    matched = [row for row in table.rows if not row.otherwise and run(row.tests, memory)]
    matched = matched or [row for row in table.rows if row.otherwise]
    if table.hit_policy == "first":
        matched = matched[:1]
    rules = tuple(row.name for row in matched)
    if table.hit_policy != "collect" and not matched:
        return ("decided" if table.optional else "no_match"), dict.fromkeys(table.outputs), ()
    found = [[run(code, memory) for code in row.outputs] for row in matched[: None if len(rules) > 1 else 1]]
    if table.hit_policy == "collect":
        return collected(table, found, rules)
    agree = table.hit_policy == "any" and all(outputs == found[0] for outputs in found)
    if len(matched) > 1 and not agree:
        return "conflict", {}, rules
    return "decided", dict(zip(table.outputs, found[0], strict=True)), rules


def collected(
    table: TableCode, found: list[list[Any]], rules: tuple[str, ...]
) -> tuple[str, dict[str, Any], tuple[str, ...]]:
    """What a collecting table gives."""
    values: dict[str, Any] = {}
    for place, name in enumerate(table.outputs):
        items = [outputs[place] for outputs in found if outputs[place] is not None]
        match table.aggregation:
            case "list":
                values[name] = tuple(items)
            case "count":
                values[name] = len(items)
            case "sum":
                values[name] = reduced(sum(items))
            case _ if not items:
                return "no_match", {}, rules
            case "min":
                values[name] = min(items)
            case _:
                values[name] = max(items)
    return "decided", values, rules


@dataclass(frozen=True)
class StackProgram:
    """A compiled program: call it with a record and a day. It holds data only, so it can be pickled."""

    program: Program
    steps: tuple[tuple[str, str, Code | TableCode], ...]
    outputs: tuple[tuple[str, Code], ...]

    def __call__(self, record: Mapping[str, Any], today: date | None = None) -> Answer:
        """The answer for one record, whatever is in it."""
        reading = read_record(self.program, record)
        if reading.problems:
            return Answer("invalid", {})
        parameters = {parameter.name: parameter.at(today) for parameter in self.program.parameters}
        memory = Memory(reading.values, parameters, today, {})
        rules: tuple[str, ...] = ()
        for name, output, code in self.steps:
            held: tuple[str, ...] = ()
            try:
                if isinstance(code, TableCode):
                    status, values, held = run_table(code, memory)
                else:
                    status, values = "decided", {output: run(code, memory)}
            except Undecided as signal:
                status, values = signal.status, {}
            memory.steps[name] = (status, values)
            rules += held
        try:
            outputs = {name: to_fact(run(code, memory)) for name, code in self.outputs}
        except Undecided as signal:
            return Answer(signal.status, {}, rules)
        return Answer("decided", outputs, rules)

    def listing(self) -> str:
        """The instructions as text, one a line."""
        lines: list[str] = []
        for name, _, code in self.steps:
            lines.append(f"{name}:")
            if isinstance(code, TableCode):
                for place, column in enumerate(code.columns):
                    lines += [f"  column {place}", *(f"    {shown(one)}" for one in column)]
                for row in code.rows:
                    lines += [f"  rule {row.name}", *(f"    {shown(one)}" for one in row.tests)]
            else:
                lines += [f"    {shown(one)}" for one in code]
        return "\n".join(lines)


def shown(instruction: Instruction) -> str:
    """One instruction as text."""
    return " ".join(map(str, instruction))
