"""Reading and checking the fields of a record in generated code.

A fact is taken as it is where its type and range can be checked by a few comparisons; everything
else (`None` where a value is needed, a text for a number, a bool for an int, a date as a datetime, NaN,
a number outside the range) takes the slow path, which says what is wrong. A numeric field that is
only compared with constants and parameters stays the fact it came as, and meets its borders as ints,
floats or Decimals; where arithmetic needs it, its exact value is made once.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, assert_never

from crm_rules.backends.python_draft import Draft, Operand
from crm_rules.backends.python_expressions import Expressions, Subject
from crm_rules.backends.python_runtime import FLOAT_LEAST, FLOAT_MOST, MOST, to_float
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
    unpack,
    when,
)
from crm_rules.ir import days
from crm_rules.ir.nodes import AnyOf, Constant, Expr, FieldValue, Holds, NotPassing, OneOf, ParameterValue, Test, Within
from crm_rules.ir.numbers import Exact, to_decimal, to_fact
from crm_rules.ir.program import Derive, Field, Program, Step, Table, Total
from crm_rules.ir.rewrite import children
from crm_rules.ir.types import (
    Boolean,
    Choice,
    Date,
    DateTime,
    Integer,
    ListOf,
    ListOfValues,
    Money,
    Number,
    Text,
    is_numeric,
)
from crm_rules.ir.typing import is_quotient

SHORT = 10**9  # CPython compares ints below 2**30 faster, and most facts are, so they are asked first


class Uses:
    """How the steps use the numeric fields: the borders they are tested against, and whose exact value is needed."""

    def __init__(self, program: Program) -> None:
        self.numeric = {one.name for one in program.fields if is_numeric(one.type)}
        self.quotients = {one.name for one in program.fields if is_quotient(one.type)}
        self.parameters = {one.name: one for one in program.parameters}
        self.borders: dict[str, dict[Expr, None]] = {}
        self.exact: set[str] = set()
        self.tested_otherwise: set[str] = set()
        for step in program.steps:
            self.see_step(step)
        for output in program.outputs:
            self.see(output.expr)

    def see_step(self, step: Step) -> None:
        """Note what a step does with the fields."""
        match step:
            case Derive(expr=expr):
                self.see(expr)
            case Table(columns=columns, rows=rows):
                for row in rows:
                    for column, test in zip(columns, row.tests, strict=True):
                        self.see_test(column.subject, test)
                    for expr in row.outputs:
                        self.see(expr)
            case Total():
                pass
            case _:
                assert_never(step)

    def see(self, expr: Any) -> None:
        """Note the fields whose value an expression computes with."""
        match expr:
            case FieldValue(name):
                if name in self.numeric:
                    self.exact.add(name)
            case Holds(operand, test):
                self.see_test(operand, test)
            case _:
                for child in children(expr):
                    self.see(child)

    def see_test(self, subject: Expr, test: Test) -> None:
        """Note what a value is compared with."""
        borders = tuple(borders_of(test))
        if isinstance(subject, FieldValue) and subject.name in self.numeric:
            self.borders.setdefault(subject.name, {}).update(dict.fromkeys(borders))
            if subject.name in self.quotients or not all(map(self.is_plain, borders)):
                self.tested_otherwise.add(subject.name)
                self.exact.add(subject.name)
        else:
            self.see(subject)
        for border in borders:
            self.see(border)

    def is_plain(self, border: Expr) -> bool:
        """True for a border that has a form in each type of fact."""
        match border:
            case Constant(value, _):
                return to_float(value) is not None  # type: ignore[arg-type]
            case ParameterValue(name):
                values = self.parameters[name].values
                return all(to_float(dated.value) is not None for dated in values)  # type: ignore[arg-type]
            case _:
                return False


def borders_of(test: Test) -> Iterator[Expr]:
    """The outermost expressions that a test compares with."""
    match test:
        case OneOf(values):
            yield from values
        case Within(low, high):
            yield from (bound.at for bound in (low, high) if bound is not None)
        case NotPassing(inner):
            yield from borders_of(inner)
        case AnyOf(tests):
            for inner in tests:
                yield from borders_of(inner)
        case _:
            pass


@dataclass
class FieldReader:
    """Writes the reading of every field, and tells the expressions what each field is called."""

    draft: Draft
    expressions: Expressions
    uses: Uses

    def read(self, one: Field) -> ast.expr:
        """Write the reading and the checks of one field; the fact as it came is the answer."""
        draft, literals = self.draft, self.draft.literals
        key = literals.of(one.name)
        fact = named(draft.names.fresh(one.name))
        if one.optional or one.default is not None:
            draft.write(assign(fact.id, call(attribute(named("record"), "get"), key)))
        else:
            draft.write(assign(fact.id, ast.Subscript(named("record"), key, ast.Load())))
        value = fact
        if one.default is not None:
            value = named(draft.names.fresh(f"{one.name}_or_default"))
            default = literals.of(to_fact(one.default))
            draft.write(assign(value.id, choose(compare(fact, "is", NONE), default, fact)))
        numeric = is_numeric(one.type)
        kind = NONE if not numeric else draft.let(f"type_of_{one.name}", call("type", value))
        with draft.block() as checks:
            self.check(one, value, kind)
        may_be_missing = one.may_be_missing
        draft.write(*(when(compare(value, "is not", NONE), checks) if may_be_missing else checks))
        if one.currency is not None:
            self.check_currency(one)
        if numeric:
            self.use_number(one, value, kind)
        else:
            self.expressions.fields[one.name] = Operand(value, may_be_missing)
        return fact

    def check(self, one: Field, value: ast.expr, kind: ast.expr) -> None:
        """Write the checks of a present fact; what they do not accept leaves for the slow path."""
        match one.type:
            case Boolean():
                self.leave_if(both([compare(value, "is not", TRUE), compare(value, "is not", FALSE)]))
            case Choice(one_of):
                options = ast.Set([ast.Constant(value=option) for option in one_of])
                self.leave_if(either([not_of(value, "str"), compare(value, "not in", options)]))
            case Text():
                self.leave_if(not_of(value, "str"))
            case Date():
                literals = self.draft.literals
                low, high = literals.of(one.low or days.FIRST), literals.of(one.high or days.LAST)
                self.leave_if(either([not_of(value, "date"), negated(compare(low, "<=", value, "<=", high))]))
            case Integer() | Number() | Money():
                self.check_number(one, value, kind)
            case DateTime() | ListOf() | ListOfValues():
                self.draft.leave()

    def leave_if(self, condition: ast.expr) -> None:
        """Leave for the slow path when the condition is true."""
        with self.draft.block() as leaving:
            self.draft.leave()
        self.draft.write(*when(condition, leaving))

    def check_currency(self, one: Field) -> None:
        """The currency beside an amount must be the amount's own."""
        unit = self.draft.literals.of(getattr(one.type, "unit", None))
        key = self.draft.literals.of(one.currency)
        found = self.draft.let(f"currency_of_{one.name}", call(attribute(named("record"), "get"), key))
        self.leave_if(either([not_of(found, "str"), compare(found, "!=", unit)]))

    def check_number(self, one: Field, value: ast.expr, kind: ast.expr) -> None:
        """The range of an int, a float or a Decimal; another type leaves."""
        branches = [
            ("int", self.int_checks(one, value)),
            ("float", self.float_checks(one, value)),
            ("Decimal", self.decimal_checks(one, value)),
        ]
        if is_quotient(one.type):
            branches.append(("Fraction", limits(one, value)))
        with self.draft.block() as otherwise:
            self.draft.leave()
        for name, conditions in reversed(branches):
            with self.draft.block() as block:
                for condition in conditions:
                    if isinstance(condition, ast.Call):
                        self.draft.write(ast.Expr(condition))
                    else:
                        self.leave_if(negated(condition))
            otherwise = [ast.If(compare(kind, "is", named(name)), block or [ast.Pass()], otherwise)]
        self.draft.write(*otherwise)

    def int_checks(self, one: Field, value: ast.expr) -> list[ast.expr]:
        """What an accepted int fulfils."""
        low = -MOST if one.low is None else max(-MOST, ceiling(one.low))
        high = MOST if one.high is None else min(MOST, floor(one.high))
        near, far = (max(low, -SHORT), min(high, SHORT)), (low, high)
        ranges = [near, far] if near != far and near[0] <= near[1] else [far]
        return [either([between(least, value, most) for least, most in ranges])]

    def float_checks(self, one: Field, value: ast.expr) -> list[ast.expr]:
        """What an accepted float fulfils; NaN fulfils no comparison, and what is nearly zero is too small."""
        low = -FLOAT_MOST if one.low is None else to_float(one.low)  # type: ignore[arg-type]
        high = FLOAT_MOST if one.high is None else to_float(one.high)  # type: ignore[arg-type]
        if low is None or high is None:
            return [FALSE]
        ranges = []
        if high >= FLOAT_LEAST:
            ranges.append(between(max(low, FLOAT_LEAST), value, high))
        if low <= 0.0 <= high:
            ranges.append(compare(value, "==", ast.Constant(value=0.0)))
        if low <= -FLOAT_LEAST:
            ranges.append(between(low, value, min(high, -FLOAT_LEAST)))
        checks = [either(ranges)]
        if isinstance(one.type, Integer):
            checks.append(compare(call(attribute(value, "is_integer")), "is", TRUE))
        if one.decimals is not None:
            checks.append(compare(call("round", value, ast.Constant(value=one.decimals)), "==", value))
        return checks

    def decimal_checks(self, one: Field, value: ast.expr) -> list[ast.expr]:
        """What an accepted Decimal fulfils; the calls raise where it does not."""
        literals = self.draft.literals
        low = None if one.low is None else literals.of(as_decimal(one.low))  # type: ignore[arg-type]
        high = None if one.high is None else literals.of(as_decimal(one.high))  # type: ignore[arg-type]
        # `fit_decimal` lets infinities and NaN pass; a limit on each side stops them too.
        checks: list[ast.expr] = [call("fit_decimal", value)]
        if low is None or high is None:
            checks.append(compare(call(attribute(value, "is_finite")), "is", TRUE))
        if low is not None:
            checks.append(compare(low, "<=", value))
        if high is not None:
            checks.append(compare(value, "<=", high))
        if isinstance(one.type, Integer):
            checks.append(call("whole_decimal", value))
        if one.decimals is not None:
            checks.append(call("quantize", value, literals.of(Decimal((0, (1,), -one.decimals)))))
        return checks

    def use_number(self, one: Field, value: ast.Name, kind: ast.expr) -> None:
        """Say how the steps meet a number: as the fact it is, exactly, or both."""
        if one.name in self.uses.exact:
            exact = choose(compare(kind, "is", named("int")), value, call("to_exact", value))
            if one.may_be_missing:
                exact = choose(compare(value, "is", NONE), NONE, exact)
            found = self.draft.let(f"exact_{one.name}", exact)
            whole = isinstance(one.type, Integer)
            self.expressions.fields[one.name] = Operand(found, one.may_be_missing, whole)
        if one.name not in self.uses.tested_otherwise:
            borders = self.borders(one, kind)
            self.expressions.facts[one.name] = Subject(Operand(value, one.may_be_missing), borders)

    def borders(self, one: Field, kind: ast.expr) -> dict[Expr, ast.expr]:
        """The borders of a field in the fact's own type, as literals or as variables."""
        found: dict[Expr, ast.expr] = {}
        by_type: dict[Exact, str] = {}
        for border in self.uses.borders.get(one.name, {}):
            if self.expressions.reach(border) == "day" and isinstance(border, ParameterValue):
                found[border] = self.dated_border(border, kind)
                continue
            value: Any = self.expressions.fixed(border)
            if isinstance(value, int):
                found[border] = ast.Constant(value=value)
                continue
            if value not in by_type:
                by_type[value] = self.draft.names.fresh(f"{one.name}_border")
            found[border] = named(by_type[value])
        if by_type:
            floats = tuple(to_float(value) for value in by_type)
            decimals = tuple(to_decimal(value) for value in by_type)
            literals, name = self.draft.literals, one.name.upper()
            self.draft.write(
                unpack(
                    by_type.values(),
                    choose(
                        compare(kind, "is", named("Decimal")),
                        literals.define(f"{name}_DECIMALS", literals.construction(decimals)[1]),
                        literals.define(f"{name}_FLOATS", ast.Tuple([literals.of(x) for x in floats], ast.Load())),
                    ),
                )
            )
        return found

    def dated_border(self, border: ParameterValue, kind: ast.expr) -> ast.expr:
        """The border of a dated parameter: two forms a day, chosen by the fact's type."""
        parameter = self.expressions.parameters[border.name]

        def in_form(form: Any) -> ast.expr:
            return self.draft.of_day(
                (border, form.__name__),
                f"{border.name}_{form.__name__}",
                lambda day: self.expressions.on_day(day).dated(parameter, form),
            ).syntax

        if all(isinstance(dated.value, int) for dated in parameter.values):
            return in_form(to_fact)
        chosen = choose(compare(kind, "is", named("Decimal")), in_form(as_decimal), in_form(to_float))
        return self.draft.let(f"{border.name}_border", chosen)


def not_of(value: ast.expr, kind: str) -> ast.expr:
    """True when a fact is not exactly of a type; a subclass may bring its own comparisons."""
    return compare(call("type", value), "is not", named(kind))


def between(low: float, value: ast.expr, high: float) -> ast.expr:
    """`low <= value <= high`."""
    return compare(ast.Constant(value=low), "<=", value, "<=", ast.Constant(value=high))


def limits(one: Field, value: ast.expr) -> list[ast.expr]:
    """The whole limits of a quotient; no others are declared for one."""
    low = [compare(ast.Constant(value=ceiling(one.low)), "<=", value)] if one.low is not None else []
    return low + ([compare(value, "<=", ast.Constant(value=floor(one.high)))] if one.high is not None else [])


def as_decimal(value: Exact) -> Decimal:
    """An exact value as a Decimal."""
    return Decimal(to_decimal(value))


def ceiling(value: Exact | date) -> int:
    """The smallest whole number that is not below a limit."""
    return -(-value.numerator // value.denominator)  # type: ignore[union-attr]


def floor(value: Exact | date) -> int:
    """The largest whole number that is not above a limit."""
    return value.numerator // value.denominator  # type: ignore[union-attr]
