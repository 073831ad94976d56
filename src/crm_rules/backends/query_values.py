"""Expressions and tests of a program over the columns of a table: one `match` each, as in `ir.evaluate`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import assert_never

from crm_rules.backends import query_days, query_numbers
from crm_rules.backends.query import Comparison, Expr, Fact, Fixed, Named
from crm_rules.backends.query_logic import TRUE, every, is_false, no, some, when
from crm_rules.backends.query_operand import (
    DECIDED,
    Limits,
    Operand,
    added,
    as_counted,
    chosen,
    compared,
    constant,
    equals,
    first_state,
)
from crm_rules.errors import CallError
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
from crm_rules.ir.nodes import Expr as IrExpr
from crm_rules.ir.nodes import Value as IrValue
from crm_rules.ir.program import Parameter

PLAIN = (Fact, Named, Fixed)


class Values:
    """The operands of one program's expressions.

    `keep` puts the expression of an operand into a column of its own, since it will be read more than once.
    """

    def __init__(
        self,
        fields: Mapping[str, Operand],
        parameters: Mapping[str, Parameter],
        day: Operand | None,
        limits: Limits,
        keep: Callable[[Operand, str], Operand],
        *,
        calendar: bool,
    ) -> None:
        self.fields = fields
        self.calendar = calendar
        self.parameters = parameters
        self.day = day
        self.limits = limits
        self.keep = keep
        self.steps: dict[tuple[str, str], Operand] = {}
        self.derived: dict[str, IrExpr] = {}  # written when they are first read
        self.known: dict[IrExpr, Operand] = {}

    def operand(self, expr: IrExpr) -> Operand:
        """The value of an expression."""
        found = self.known.get(expr)
        if found is None:
            found = self.known[expr] = self.made(expr)
        return found

    def kept(self, expr: IrExpr, name: str) -> Operand:
        """The value of an expression in a column of its own, unless it is one already."""
        found = self.operand(expr)
        if not isinstance(found.expr, PLAIN) or found.divisor is not None:
            found = self.known[expr] = self.keep(found, name)
        return found

    def made(self, expr: IrExpr) -> Operand:  # noqa: C901, PLR0911, PLR0912 - one case a node
        """The operand of an expression that is met for the first time."""
        limits, of = self.limits, self.operand
        match expr:
            case Constant(value, _):
                return constant(value)
            case Nothing():
                return constant(None)
            case FieldValue(name):
                return self.fields[name]
            case ParameterValue(name):
                return self.parameter(self.parameters[name])
            case StepValue(step, output):
                return self.kept(self.derived[step], step) if step in self.derived else self.steps[step, output]
            case Today():
                return self.today
            case Negate(operand):
                return query_numbers.negated(of(operand))
            case Add(left, right):
                return added(as_counted(of(left)), as_counted(of(right)), limits)
            case Subtract(left, right):
                return added(as_counted(of(left)), query_numbers.negated(of(right)), limits)
            case Multiply(left, right):
                return query_numbers.product(of(left), of(right), limits)
            case Divide(left, right):
                return query_numbers.quotient(of(left), self.kept(right, "divisor"), limits)
            case Absolute(operand):
                return query_numbers.absolute(of(operand))
            case Round(operand, digits, mode):
                return query_numbers.rounded(self.kept(operand, "unrounded"), digits, mode, limits)
            case Minimum(operands):
                return query_numbers.extreme([of(operand) for operand in operands], "least", limits)
            case Maximum(operands):
                return query_numbers.extreme([of(operand) for operand in operands], "greatest", limits)
            case Coalesce(operands):
                return self.coalesced([of(operand) for operand in operands])
            case AddTime(start, amount, unit):
                return query_days.add_time(self.kept(start, "start"), of(amount), unit, limits, calendar=self.calendar)
            case DaysBetween(start, end):
                return query_days.days_between(of(start), of(end))
            case MonthsBetween(start, end):
                start_day, end_day = self.kept(start, "start"), self.kept(end, "end")
                return query_days.months_between(start_day, end_day, calendar=self.calendar)
            case StartedMonths(start, end):
                return query_days.started_months(self.kept(start, "start"), self.kept(end, "end"))
            case LatestStart(end, months):
                return query_days.latest_start(self.kept(end, "end"), of(months), limits, calendar=self.calendar)
            case DatePart(operand, part):
                return query_days.date_part(of(operand), part)
            case Holds(operand, test):
                tested = self.kept(operand, "tested")
                return Operand(self.condition(test, tested), "boolean", state=tested.state)
            case Call(function, _):
                raise CallError(f"a table cannot call the plug-in function `{function}`; decide its records one by one")
            case _:
                assert_never(expr)

    @property
    def today(self) -> Operand:
        """The day of a row."""
        if self.day is None:
            raise AssertionError("a program that reads today is asked without one")
        return self.day

    def parameter(self, parameter: Parameter) -> Operand:
        """The value in force on the day of a row."""
        found: Operand | None = None
        for dated in parameter.values:
            value = constant(dated.value)
            if found is None or dated.since is None:
                found = value
            else:
                found = chosen(
                    compared(">=", self.today, constant(dated.since), self.limits), value, found, self.limits
                )
        if found is None:
            raise AssertionError(parameter.name)
        return found

    def coalesced(self, operands: list[Operand]) -> Operand:
        """The first operand that is not missing; later ones are not looked at."""
        found = operands[-1]
        for operand in reversed(operands[:-1]):
            if is_false(operand.missing):
                found = operand
                continue
            state = first_state(operand.state, when(operand.missing, found.state, DECIDED))
            missing = every(operand.missing, found.missing)
            found = replace(chosen(operand.missing, found, operand, self.limits), missing=missing, state=state)
        return found

    # Tests

    def condition(self, test: Test, operand: Operand) -> Expr:  # noqa: PLR0911 - one case a node
        """True where the operand passes the test, false where it does not; never null."""
        present = no(operand.missing)
        match test:
            case Anything():
                return TRUE
            case IsMissing():
                return operand.missing
            case IsPresent():
                return present
            case OneOf(values):
                return every(present, some(*self.matches(operand, values)))
            case Within(low, high):
                return every(present, self.bounded(low, operand, ">"), self.bounded(high, operand, "<"))
            case NotPassing(inner):
                return every(present, no(self.condition(inner, operand)))
            case AnyOf(tests):
                return some(*(self.condition(inner, operand) for inner in tests))
            case _:
                assert_never(test)

    def matches(self, operand: Operand, values: tuple[IrExpr, ...]) -> list[Expr]:
        """Conditions of which one holds where the operand equals one of the values."""
        if operand.form in {"text", "boolean"}:
            texts = [self.border(value).constant for value in values]
            if all(text is not None for text in texts):
                return [equals(operand, tuple(texts))]  # type: ignore[arg-type]
        return [self.beside(operand, "=", value) for value in values]

    def bounded(self, bound: Bound | None, operand: Operand, side: str) -> Expr:
        """True on the inner side of a bound; never beside a missing one."""
        if bound is None:
            return TRUE
        return self.beside(operand, side + "=" if bound.closed else side, bound.at)  # type: ignore[arg-type]

    def beside(self, operand: Operand, op: Comparison, expr: IrExpr) -> Expr:
        """True where the operand stands on that side of a border; never beside a missing one."""
        if operand.form == "stored" and isinstance(expr, ParameterValue):
            # A stored number can be compared with each value as it is, and with their choice only where it is counted.
            return self.on_days(
                self.parameters[expr.name], lambda value: compared(op, operand, constant(value), self.limits)
            )
        border = self.border(expr)
        return every(no(border.missing), compared(op, operand, border, self.limits))

    def on_days(self, parameter: Parameter, condition: Callable[[IrValue], Expr]) -> Expr:
        """The condition with the value that is in force on the day of a row."""
        first, *later = parameter.values
        found = condition(first.value)
        for dated in later:
            in_force = TRUE if dated.since is None else compared(">=", self.today, constant(dated.since), self.limits)
            found = when(in_force, condition(dated.value), found)
        return found

    def border(self, expr: IrExpr) -> Operand:
        """The operand of a border; raises `CallError` for one that may be undecided."""
        border = self.kept(expr, "border")
        if border.state != DECIDED:
            raise CallError("a table cannot compare with a value that may be undecided; decide its records one by one")
        return border
