"""The reference evaluator: the meaning of a program, slow and obvious.

Every engine answers what `evaluate` answers. It takes values that `record.read` has already
accepted and a day, walks the steps once and keeps what each of them saw, so that an explanation
is a walk over the same `Evaluation`. It never raises because of data.

A step that cannot be decided (a gap or a conflict) makes undecided whatever needs its value and
nothing else: `Coalesce` does not look at what it does not need.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Literal, TypeAlias, assert_never

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
    Value,
    Within,
)
from crm_rules.ir.numbers import Exact, reduced, rounded
from crm_rules.ir.program import Derive, Program, Row, Step, Table, Total

Status: TypeAlias = Literal["decided", "no_match", "conflict"]
Functions: TypeAlias = Mapping[str, Callable[..., Any]]
NO_FUNCTIONS: Functions = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class StepResult:
    """What one step saw and gave: the tested values by column, the rows that matched, the outputs.

    A step whose status is not `decided` has no values; `cause` is the step where it began.
    """

    id: str
    status: Status
    values: Mapping[str, Value | None]
    subjects: tuple[Value | None, ...] = ()
    rows: tuple[int, ...] = ()
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The answer of a program with its trace: `outputs` is empty unless `status` is `decided`."""

    status: Status
    outputs: Mapping[str, Value | None]
    steps: Mapping[str, StepResult]
    rules: tuple[str, ...]


class Undecided(Exception):  # noqa: N818 - a signal between steps, caught below, never an error
    """An expression needed the value of a step that has none."""

    def __init__(self, result: StepResult) -> None:
        super().__init__(result.id)
        self.result = result


@dataclass(frozen=True, slots=True)
class Scope:
    """What an expression can see."""

    values: Mapping[str, Value | None]
    parameters: Mapping[str, Value]
    today: date | None
    steps: Mapping[str, StepResult]
    functions: Functions


def evaluate(
    program: Program,
    values: Mapping[str, Value | None],
    today: date | None = None,
    functions: Functions = NO_FUNCTIONS,
) -> Evaluation:
    """Answer `program` for accepted field values on the day `today`.

    `values` holds a value or None for every field; every parameter must have a value on that day.
    Cost: linear in the number of cells.
    """
    results: dict[str, StepResult] = {}
    scope = Scope(values, parameter_values(program, today), today, results, functions)
    rules: list[str] = []
    for step in program.steps:
        try:
            result = run(step, scope)
        except Undecided as signal:
            result = StepResult(step.id, signal.result.status, {}, cause=signal.result.cause or signal.result.id)
        results[step.id] = result
        if isinstance(step, Table):
            rules += [program.rule_id(step, step.rows[index]) for index in result.rows]
    try:
        outputs = {output.name: value_of(output.expr, scope) for output in program.outputs}
    except Undecided as signal:
        return Evaluation(signal.result.status, {}, results, tuple(rules))
    return Evaluation("decided", outputs, results, tuple(rules))


def parameter_values(program: Program, today: date | None) -> dict[str, Value]:
    """The parameters in force on `today`; blank ones are left out."""
    found = {parameter.name: parameter.at(today) for parameter in program.parameters}
    return {name: value for name, value in found.items() if value is not None}


def run(step: Step, scope: Scope) -> StepResult:
    """Decide one step; raises `Undecided` when it needs a step that has no value."""
    match step:
        case Derive():
            return StepResult(step.id, "decided", {step.id: value_of(step.expr, scope)})
        case Total():
            total: Any = step.initial
            for table, weight in step.terms:
                points: Any = needed(value_of(StepValue(table, step.output), scope))
                total += weight * points
            return StepResult(step.id, "decided", {step.output: reduced(total)})
        case Table():
            subjects = tuple(value_of(column.subject, scope) for column in step.columns)
            matched = tuple(index for index, row in enumerate(step.rows) if row_holds(row, subjects, scope))
            if not matched:
                matched = tuple(index for index, row in enumerate(step.rows) if row.otherwise)
            return gather(step, matched, subjects, scope)
        case _:
            assert_never(step)


def row_holds(row: Row, subjects: tuple[Value | None, ...], scope: Scope) -> bool:
    """True when every cell of an ordinary row holds."""
    return not row.otherwise and all(
        passes(test, subject, scope) for test, subject in zip(row.tests, subjects, strict=True)
    )


def gather(table: Table, matched: tuple[int, ...], subjects: tuple[Value | None, ...], scope: Scope) -> StepResult:
    """Apply the hit policy to the rows that matched."""
    names = [name for name, _ in table.outputs]

    def result(status: Status, values: Mapping[str, Value | None], rows: tuple[int, ...]) -> StepResult:
        return StepResult(table.id, status, values, subjects, rows, "" if status == "decided" else table.id)

    def outputs(index: int) -> dict[str, Value | None]:
        row = table.rows[index]
        return {name: value_of(expr, scope) for name, expr in zip(names, row.outputs, strict=True)}

    match table.hit_policy:
        case "collect":
            return collect(table, matched, outputs, result)
        case "first":
            matched = matched[:1]
        case "unique" | "any":
            pass
        case _:
            assert_never(table.hit_policy)
    if not matched:
        return result("decided" if table.optional else "no_match", dict.fromkeys(names) if table.optional else {}, ())
    found = outputs(matched[0])
    agree = table.hit_policy == "any" and all(outputs(index) == found for index in matched[1:])
    if len(matched) > 1 and not agree:
        return result("conflict", {}, matched)
    return result("decided", found, matched)


def collect(
    table: Table,
    matched: tuple[int, ...],
    outputs: Callable[[int], dict[str, Value | None]],
    result: Callable[[Status, Mapping[str, Value | None], tuple[int, ...]], StepResult],
) -> StepResult:
    """COLLECT: the outputs of all matching rows as a list, a sum, a minimum, a maximum or a count."""
    rows = [outputs(index) for index in matched]
    values: dict[str, Value | None] = {}
    for name, _ in table.outputs:
        items: list[Any] = [row[name] for row in rows if row[name] is not None]
        match table.aggregation:
            case "list":
                values[name] = tuple(items)
            case "sum":
                values[name] = reduced(sum(items))
            case "count":
                values[name] = len(items)
            case "min" | "max":
                if not items:
                    return result("no_match", {}, matched)
                values[name] = min(items) if table.aggregation == "min" else max(items)
            case None:
                raise AssertionError(table.id)
            case _:
                assert_never(table.aggregation)
    return result("decided", values, matched)


def passes(test: Test, value: Value | None, scope: Scope) -> bool:  # noqa: PLR0911 - one case a node
    """Say whether `value` (None: missing) passes the test."""
    match test:
        case Anything():
            return True
        case IsMissing():
            return value is None
        case IsPresent():
            return value is not None
        case OneOf(values):
            return value is not None and any(value_of(expr, scope) == value for expr in values)
        case Within(low, high):
            return value is not None and above(low, value, scope) and below(high, value, scope)
        case NotPassing(inner):
            return value is not None and not passes(inner, value, scope)
        case AnyOf(tests):
            return any(passes(inner, value, scope) for inner in tests)
        case _:
            assert_never(test)


def above(low: Bound | None, value: Any, scope: Scope) -> bool:
    """True when `value` lies on the inner side of the lower bound; never beside a missing bound."""
    border: Any = None if low is None else value_of(low.at, scope)
    if low is None or border is None:
        return low is None
    return bool(value >= border if low.closed else value > border)


def below(high: Bound | None, value: Any, scope: Scope) -> bool:
    """True when `value` lies on the inner side of the upper bound; never beside a missing bound."""
    border: Any = None if high is None else value_of(high.at, scope)
    if high is None or border is None:
        return high is None
    return bool(value <= border if high.closed else value < border)


def value_of(expr: Expr, scope: Scope) -> Value | None:  # noqa: C901, PLR0911, PLR0912, PLR0915 - one case a node
    """The value of an expression, None when it is missing."""

    def known(*operands: Expr) -> tuple[Any, ...] | None:
        found = tuple(value_of(operand, scope) for operand in operands)
        return None if any(value is None for value in found) else found

    match expr:
        case Constant(value, _):
            return value
        case Nothing():
            return None
        case FieldValue(name):
            return scope.values[name]
        case ParameterValue(name):
            return scope.parameters[name]
        case StepValue(step, output):
            before = scope.steps[step]
            if before.status != "decided":
                raise Undecided(before)
            return before.values[output]
        case Today():
            return needed(scope.today)
        case Negate(operand):
            one = known(operand)
            return None if one is None else -one[0]
        case Add(left, right):
            two = known(left, right)
            return None if two is None else reduced(two[0] + two[1])
        case Subtract(left, right):
            two = known(left, right)
            return None if two is None else reduced(two[0] - two[1])
        case Multiply(left, right):
            two = known(left, right)
            return None if two is None else reduced(two[0] * two[1])
        case Divide(left, right):
            two = known(left, right)
            return None if two is None or two[1] == 0 else divided(two[0], two[1])
        case Absolute(operand):
            one = known(operand)
            return None if one is None else abs(one[0])
        case Round(operand, digits, mode):
            one = known(operand)
            return None if one is None else rounded(one[0], digits, mode)
        case Minimum(operands):
            some = known(*operands)
            return None if some is None else min(some)
        case Maximum(operands):
            some = known(*operands)
            return None if some is None else max(some)
        case Coalesce(operands):
            for operand in operands:
                first = value_of(operand, scope)
                if first is not None:
                    return first
            return None
        case AddTime(start, amount, unit):
            two = known(start, amount)
            return None if two is None else days.add_time(two[0], two[1], unit)
        case DaysBetween(start, end):
            two = known(start, end)
            return None if two is None else days.days_between(*two)
        case MonthsBetween(start, end):
            two = known(start, end)
            return None if two is None else days.months_between(*two)
        case StartedMonths(start, end):
            two = known(start, end)
            return None if two is None else days.started_months(*two)
        case LatestStart(end, months):
            two = known(end, months)
            return None if two is None else days.latest_start(*two)
        case DatePart(operand, part):
            one = known(operand)
            return None if one is None else date_part(one[0], part)
        case Holds(operand, test):
            return passes(test, value_of(operand, scope), scope)
        case Call(function, arguments):
            some = known(*arguments)
            answer: Value | None = None if some is None else scope.functions[function](*some)
            return answer
        case _:
            assert_never(expr)


def divided(left: Exact, right: Exact) -> Exact:
    """An exact quotient, whole where it is whole."""
    return reduced(Fraction(left) / Fraction(right))


def date_part(day: date, part: str) -> int:
    """The year, month, day of the month, or weekday (Monday is 1)."""
    return day.isoweekday() if part == "weekday" else int(getattr(day, part))


def needed(value: Value | None) -> Value:
    """The value that the check guarantees to be there."""
    if value is None:
        raise AssertionError("a value that the check guarantees is missing")
    return value
