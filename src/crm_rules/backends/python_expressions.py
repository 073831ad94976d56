"""Expressions and tests as Python: the same `match`, in the same order, as `evaluate`.

Numbers are computed as `int` and `Fraction`, dates by the calendar's own arithmetic. An operand
that may be missing is None there. What depends on nothing is computed now by the reference
evaluator, what depends on the day only is computed once per `today`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, TypeAlias, assert_never

from crm_rules.backends.python_draft import MISSING, Draft, Operand
from crm_rules.backends.python_syntax import (
    FALSE,
    NONE,
    TRUE,
    assign,
    attribute,
    both,
    call,
    choose,
    compare,
    either,
    named,
    negated,
    operation,
    when,
)
from crm_rules.ir.evaluate import Scope, value_of
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
    TimeUnit,
    Today,
    Value,
    Within,
)
from crm_rules.ir.program import Parameter
from crm_rules.ir.rewrite import descendants
from crm_rules.ir.types import Integer

Reach: TypeAlias = Literal["nothing", "day", "record"]


@dataclass(frozen=True, slots=True)
class Subject:
    """What a test looks at: its operand, and the borders that have a form of their own for it.

    A numeric field that is compared as the fact it came as has its borders in the fact's type.
    """

    operand: Operand
    borders: Mapping[Expr, ast.expr]


@dataclass
class Expressions:
    """Writes expressions into a draft; `need_step` writes an earlier step at its first use."""

    draft: Draft
    parameters: Mapping[str, Parameter]
    fields: dict[str, Operand]
    facts: dict[str, Subject]
    need_step: Callable[[str], None]

    # What an expression depends on

    def reach(self, expr: Expr) -> Reach:
        """Whether the value depends on nothing, on the day only, or on the record."""
        found: Reach = "nothing"
        for node in descendants(expr):
            match node:
                case FieldValue() | StepValue() | Call():
                    return "record"
                case Today():
                    found = "day"
                case ParameterValue(name) if self.parameters[name].is_dated:
                    found = "day"
                case _:
                    pass
        return found

    def fixed(self, expr: Expr) -> Value | None:
        """The value of an expression that depends on nothing."""
        return value_of(expr, Scope({}, self.fixed_parameters, None, {}, {}))

    @cached_property
    def fixed_parameters(self) -> dict[str, Value]:
        """The parameters that are the same on every day."""
        found = {name: parameter.at(None) for name, parameter in self.parameters.items() if not parameter.is_dated}
        return {name: value for name, value in found.items() if value is not None}

    # Expressions

    def operand(self, expr: Expr) -> Operand:
        """The value of an expression; statements that it needs are written first."""
        reach = self.reach(expr)
        if reach == "nothing":
            return self.draft.constant(self.fixed(expr))
        if reach == "day" and not isinstance(expr, Today) and self.draft.day is not None:
            return self.of_day(expr)
        return self.written(expr)

    def of_day(self, expr: Expr) -> Operand:
        """A value computed once per `today`."""
        hint = expr.name if isinstance(expr, ParameterValue) else f"{type(expr).__name__}_of_today".lower()
        return self.draft.of_day(expr, hint, lambda day: self.on_day(day).operand(expr))

    def on_day(self, day: Draft) -> Expressions:
        """The writer of the function of the day, which sees no record."""
        return Expressions(day, self.parameters, {}, {}, self.need_step)

    def dated(self, parameter: Parameter, convert: Callable[[Any], Any]) -> Operand:
        """The value of a dated parameter on the day `today`, in the form that `convert` gives it."""
        value: ast.expr = NONE
        for dated in parameter.values:
            literal = self.draft.literals.of(convert(dated.value))
            if dated.since is None:
                value = literal
            else:
                value = choose(compare(named("today"), ">=", self.draft.literals.of(dated.since)), literal, value)
        may_be_missing = all(dated.since is not None for dated in parameter.values)
        return Operand(value, may_be_missing, isinstance(parameter.type, Integer))

    def written(self, expr: Expr) -> Operand:  # noqa: C901, PLR0911, PLR0912 - one case a node
        """The value of an expression that depends on the day or the record."""
        match expr:
            case Constant(value, _):
                return self.draft.constant(value)
            case Nothing():
                return MISSING
            case FieldValue(name):
                return self.fields[name]
            case ParameterValue(name):
                found = self.dated(self.parameters[name], lambda value: value)
                return replace(found, syntax=self.draft.let(name, found.syntax))
            case StepValue(step, output):
                return self.step_value(step, output)
            case Today():
                return Operand(named("today"))
            case Negate(operand):
                return self.computed((operand,), lambda a: ast.UnaryOp(ast.USub(), a), "negated")
            case Add(left, right):
                return self.arithmetic(ast.Add(), left, right)
            case Subtract(left, right):
                return self.arithmetic(ast.Sub(), left, right)
            case Multiply(left, right):
                return self.arithmetic(ast.Mult(), left, right)
            case Divide(left, right):
                return self.quotient(left, right)
            case Absolute(operand):
                return self.computed((operand,), lambda a: call("abs", a), "size")
            case Round(operand, digits, mode):
                literals = self.draft.literals
                return self.computed(
                    (operand,), lambda a: call("rounded", a, literals.of(digits), literals.of(mode)), "rounded"
                )
            case Minimum(operands):
                return self.computed(operands, lambda *a: call("min", *a), "least")
            case Maximum(operands):
                return self.computed(operands, lambda *a: call("max", *a), "most")
            case Coalesce(operands):
                return self.first_present(operands)
            case AddTime(start, amount, unit):
                return self.later(start, amount, unit)
            case DaysBetween(start, end):
                return self.computed(
                    (start, end), lambda a, b: attribute(operation(b, ast.Sub(), a), "days"), "days", whole=True
                )
            case MonthsBetween(start, end):
                return self.computed((start, end), months_between, "months", whole=True)
            case StartedMonths(start, end):
                return self.computed((start, end), started_months, "months", whole=True)
            case LatestStart(end, months):
                return self.computed((end, months), lambda a, b: call("latest_start", a, b), "start", may_fail=True)
            case DatePart(operand, "weekday"):
                return self.computed((operand,), lambda a: call(attribute(a, "isoweekday")), "weekday", whole=True)
            case DatePart(operand, part):
                return self.computed((operand,), lambda a: attribute(a, part), part, whole=True)
            case Holds(operand, test):
                return Operand(self.draft.let("holds", self.condition(test, self.subject(operand))))
            case Call(function, arguments, kind):
                callee = ast.Subscript(named("functions"), self.draft.literals.of(function), ast.Load())
                whole = isinstance(kind, Integer)
                return self.computed(arguments, lambda *a: call(callee, *a), function, whole=whole, may_fail=True)
            case _:
                assert_never(expr)

    def step_value(self, step: str, output: str) -> Operand:
        """The output of an earlier step, which is written here when it was not yet."""
        found = self.draft.step_value(step, output)
        if found is None:
            self.need_step(step)
            found = self.draft.step_value(step, output)
        if found is None:
            raise AssertionError((step, output))
        return found

    def computed(
        self,
        operands: tuple[Expr, ...],
        build: Callable[..., ast.expr],
        hint: str,
        *,
        whole: bool | None = None,
        may_fail: bool = False,
    ) -> Operand:
        """`build(*operands)`, missing where an operand is; `whole` None: whole when all operands are."""
        found = tuple(self.operand(operand) for operand in operands)
        every = all(one.whole for one in found)
        return self.combined(found, build, hint, whole=every if whole is None else whole, may_fail=may_fail)

    def combined(
        self,
        found: tuple[Operand, ...],
        build: Callable[..., ast.expr],
        hint: str,
        *,
        whole: bool,
        may_fail: bool = False,
    ) -> Operand:
        """`build` of operands already written, missing where one of them is."""
        if any(one.known and one.known.value is None for one in found):
            return MISSING
        missing = either(compare(one.syntax, "is", NONE) for one in found if one.may_be_missing)
        value = choose(missing, NONE, build(*(one.syntax for one in found)))
        return Operand(self.draft.let(hint, value), missing is not FALSE or may_fail, whole)

    def arithmetic(self, operator: ast.operator, left: Expr, right: Expr) -> Operand:
        """A sum, difference or product; a fraction is brought to an int where it is whole."""
        found = self.operand(left), self.operand(right)
        whole = found[0].whole and found[1].whole

        def build(a: ast.expr, b: ast.expr) -> ast.expr:
            result = operation(a, operator, b)
            return result if whole else call("reduced", result)

        return self.combined(found, build, "number", whole=whole)

    def quotient(self, left: Expr, right: Expr) -> Operand:
        """A quotient, missing for a zero below."""

        def build(a: ast.expr, b: ast.expr) -> ast.expr:
            return choose(compare(b, "==", ast.Constant(value=0)), NONE, call("divided", a, b))

        return self.computed((left, right), build, "quotient", whole=False, may_fail=True)

    def later(self, start: Expr, amount: Expr, unit: TimeUnit) -> Operand:
        """A day so many units later; weeks are seven days, years twelve months."""
        function, factor = {
            "day": ("add_days", 1),
            "week": ("add_days", 7),
            "month": ("add_months", 1),
            "year": ("add_months", 12),
        }[unit]

        def build(a: ast.expr, b: ast.expr) -> ast.expr:
            if isinstance(b, ast.Constant) and isinstance(b.value, int):
                return call(function, a, ast.Constant(value=b.value * factor))
            return call(function, a, b if factor == 1 else operation(b, ast.Mult(), ast.Constant(value=factor)))

        return self.computed((start, amount), build, "later", whole=False, may_fail=True)

    def first_present(self, operands: tuple[Expr, ...]) -> Operand:
        """The first operand that is there; the others are only computed when it is not."""
        first = self.operand(operands[0])
        if not first.may_be_missing or len(operands) == 1:
            return first
        if first.known is not None:
            return self.first_present(operands[1:])
        identifier = self.draft.names.fresh("present")
        self.draft.write(assign(identifier, first.syntax))
        with self.draft.block() as block:
            rest = self.first_present(operands[1:])
            self.draft.write(assign(identifier, rest.syntax))
        self.draft.write(*when(compare(named(identifier), "is", NONE), block))
        return Operand(named(identifier), rest.may_be_missing, first.whole and rest.whole)

    # Tests

    def subject(self, expr: Expr) -> Subject:
        """What a test of `expr` looks at: the fact itself where its borders allow that."""
        if isinstance(expr, FieldValue) and expr.name in self.facts:
            return self.facts[expr.name]
        return Subject(self.operand(expr), {})

    def border(self, expr: Expr, subject: Subject) -> Operand:
        """A border in the form that the subject is compared with."""
        own = subject.borders.get(expr)
        return self.operand(expr) if own is None else Operand(own)

    def condition(self, test: Test, subject: Subject) -> ast.expr:  # noqa: PLR0911 - one case a node
        """True in generated code when the subject passes the test."""
        value = subject.operand
        match test:
            case Anything():
                return TRUE
            case IsMissing():
                return negated(self.present(value)) if value.known else self.missing(value)
            case IsPresent():
                return self.present(value)
            case OneOf(values):
                return self.one_of([self.border(expr, subject) for expr in values], value)
            case Within(low, high):
                return self.within(low, high, subject)
            case NotPassing(inner):
                return both([self.present(value), negated(self.condition(inner, subject))])
            case AnyOf(tests):
                return either([self.condition(inner, subject) for inner in tests])
            case _:
                assert_never(test)

    def present(self, operand: Operand) -> ast.expr:
        """True when the operand is not missing."""
        if operand.known is not None:
            return FALSE if operand.known.value is None else TRUE
        return compare(operand.syntax, "is not", NONE) if operand.may_be_missing else TRUE

    def missing(self, operand: Operand) -> ast.expr:
        """True when the operand is missing."""
        return compare(operand.syntax, "is", NONE) if operand.may_be_missing else FALSE

    def one_of(self, values: list[Operand], subject: Operand) -> ast.expr:
        """True when the (perhaps missing) subject equals one of the values."""
        if subject.known is not None and subject.known.value is None:
            return FALSE
        texts = [one.syntax for one in values if one.known and isinstance(one.known.value, str)]
        if len(texts) == len(values) > 1:
            return compare(subject.syntax, "in", ast.Set(texts))
        # A missing subject equals no present value, so only a border that may be missing needs a look first.
        return either(
            both([self.present(one), compare(subject.syntax, "is" if is_boolean(one) else "==", one.syntax)])
            for one in values
        )

    def within(self, low: Bound | None, high: Bound | None, subject: Subject) -> ast.expr:
        """True when the subject is present and between the bounds; never beside a missing bound."""
        value = subject.operand
        present = [self.present(value)]
        parts: list[Any] = [value.syntax]
        if low is not None:
            border = self.border(low.at, subject)
            present.append(self.present(border))
            parts = [border.syntax, "<=" if low.closed else "<", *parts]
        if high is not None:
            border = self.border(high.at, subject)
            present.append(self.present(border))
            parts += ["<=" if high.closed else "<", border.syntax]
        return both([*present, compare(*parts) if len(parts) > 1 else TRUE])


def is_boolean(operand: Operand) -> bool:
    """True for the constants true and false, which are compared by identity."""
    return operand.known is not None and isinstance(operand.known.value, bool)


def months_apart(start: ast.expr, end: ast.expr) -> ast.expr:
    """The difference of the months of two dates, whatever their days."""
    years = operation(attribute(end, "year"), ast.Sub(), attribute(start, "year"))
    months = operation(operation(years, ast.Mult(), ast.Constant(value=12)), ast.Add(), attribute(end, "month"))
    return operation(months, ast.Sub(), attribute(start, "month"))


def months_between(start: ast.expr, end: ast.expr) -> ast.expr:
    """`days.months_between`; the end of the month is only looked up where it can matter."""
    earlier = compare(attribute(end, "day"), "<", attribute(start, "day"))
    before_end = compare(attribute(end, "day"), "<", call("last_day", attribute(end, "year"), attribute(end, "month")))
    return operation(months_apart(start, end), ast.Sub(), both([earlier, before_end]))


def started_months(start: ast.expr, end: ast.expr) -> ast.expr:
    """`days.started_months`."""
    later = compare(attribute(end, "day"), ">", attribute(start, "day"))
    return call("max", ast.Constant(value=0), operation(months_apart(start, end), ast.Add(), later))
