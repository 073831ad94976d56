"""Expressions, tests and steps as formulas of the prover z3, over variables for the fields of one record.

A formula admits every record that it speaks of, and may admit more: what is not translated (months, parts of
dates, functions of plug-ins) is a variable within its `extent`. So "there is no such record" can be
relied on, and a record that the prover finds has to be confirmed by the reference evaluator.

Whole numbers and days are integers, other numbers are reals, choices are numbered. A quotient is kept as
two numbers, so that comparing it with a constant stays linear. The module is given z3 and never imports it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from fractions import Fraction
from typing import Any, assert_never

from crm_rules.dataclass import dataclass
from crm_rules.ir.evaluate import parameter_values
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
from crm_rules.ir.numbers import RoundingMode, reduced
from crm_rules.ir.program import Derive, Program, Table, Total
from crm_rules.ir.types import Boolean, Choice, Date, Integer, Money, Number, Type
from crm_rules.questions.extent import Extents
from crm_rules.questions.sets import ANY_TEXT, Domain, ValueSet, domain_of

FIRST_DAY, LAST_DAY = date.min.toordinal(), date.max.toordinal()


@dataclass(frozen=True, slots=True)
class Term:
    """An expression as the prover sees it: `value`, over `below` for a quotient, unless `missing`.

    Where it is not `decided` the record leaves an earlier step undecided, and the rest says nothing.
    """

    value: Any
    missing: Any
    decided: Any
    below: Any = None


class Translation:
    """The formulas of one record on one day; `facts` always hold. `codes` numbers texts and is shared by records."""

    def __init__(
        self, z3: Any, context: Any, program: Program, today: date | None, *, name: str, codes: dict[str, int]
    ) -> None:
        self.z3, self.context, self.name, self.codes = z3, context, name, codes
        self.today = today
        self.yes, self.no = z3.BoolVal(val=True, ctx=context), z3.BoolVal(val=False, ctx=context)
        self.parameters = parameter_values(program, today)
        self.extents = Extents(program, today)
        self.domains = {one.name: domain_of(one) for one in program.fields}
        self.steps = {step.id: step for step in program.steps}
        self.facts: list[Any] = []
        self.known: dict[Expr, Term] = {}
        self.fields = {name: self.field(name, domain) for name, domain in self.domains.items()}

    # Formulas

    def all_of(self, parts: Iterable[Any]) -> Any:
        """True when all parts are."""
        found = [part for part in parts if part is not self.yes]
        return self.z3.And(*found) if found else self.yes

    def any_of(self, parts: Iterable[Any]) -> Any:
        """True when one part is."""
        found = [part for part in parts if part is not self.no]
        return self.z3.Or(*found) if found else self.no

    def fails(self, part: Any) -> Any:
        """True when the part is not."""
        return self.no if part is self.yes else self.yes if part is self.no else self.z3.Not(part)

    def either(self, condition: Any, one: Any, other: Any) -> Any:
        """One value or the other; whole numbers become reals beside reals."""
        return self.z3.If(condition, one, other)

    def number(self, value: Any) -> Any:
        """An exact number, or a day."""
        if isinstance(value, date):
            value = value.toordinal()
        if isinstance(value, Fraction):
            return self.z3.RealVal(f"{value.numerator}/{value.denominator}", self.context)
        return self.z3.IntVal(value, self.context)

    def constant(self, value: Value | None) -> Term:
        """The term of a value, None for missing."""
        if value is None:
            return Term(self.number(0), self.yes, self.yes)
        if isinstance(value, bool):
            return Term(self.yes if value else self.no, self.no, self.yes)
        if isinstance(value, str | tuple):
            return Term(self.number(self.code(value)), self.no, self.yes)
        return Term(self.number(value), self.no, self.yes)

    def code(self, text: Any) -> int:
        """The number of a text; equal texts have equal numbers."""
        return self.codes.setdefault(text, len(self.codes))

    def field(self, name: str, domain: Domain) -> Term:
        """The variables of a field, with its domain as a fact."""
        label = f"{self.name}{name}"
        missing = self.z3.Bool(f"{label}?", self.context) if domain.all.missing else self.no
        kind = domain.type
        value: Any
        if isinstance(kind, Boolean):
            value = self.z3.Bool(label, self.context)
        elif isinstance(kind, Number | Money) and domain.step is None:
            value = self.z3.Real(label, self.context)
        elif isinstance(kind, Number | Money) and domain.step is not None:
            value = self.z3.ToReal(self.z3.Int(label, self.context)) * self.number(Fraction(domain.step))
        else:
            value = self.z3.Int(label, self.context)
        term = Term(value, missing, self.yes)
        self.facts.append(self.within(term, domain.all))
        return term

    def within(self, term: Term, some: ValueSet) -> Any:
        """True when a term is decided and lies in a set."""
        present: list[Any] = []
        for one in some.intervals:
            ends = []
            if one.low is not None:
                ends.append(self.compare(term, self.constant(one.low), strict=not one.low_closed))
            if one.high is not None:
                ends.append(self.compare(self.constant(one.high), term, strict=not one.high_closed))
            present.append(self.all_of(ends))
        if ANY_TEXT in some.values:
            present.append(self.yes)
        else:
            present += [self.equal(term, self.constant(value)) for value in sorted(some.values, key=str)]
        inside = self.all_of((self.fails(term.missing), self.any_of(present)))
        return self.all_of((term.decided, self.any_of((inside, term.missing if some.missing else self.no))))

    # Numbers

    def compare(self, larger: Term, smaller: Term, *, strict: bool) -> Any:
        """True when one present number is at least, or more than, another."""
        difference = self.add(larger, self.negate(smaller))
        zero = self.number(0)
        if difference.below is None:
            return larger.value > smaller.value if strict else larger.value >= smaller.value
        top, below = difference.value, difference.below
        up = top > zero if strict else top >= zero
        down = top < zero if strict else top <= zero
        return self.either(below > zero, up, down)

    def equal(self, one: Term, other: Term) -> Any:
        """True when two present values are the same."""
        if one.below is None and other.below is None:
            return one.value == other.value
        return self.add(one, self.negate(other)).value == self.number(0)

    def made(self, value: Any, operands: Iterable[Term], below: Any = None, missing: Any = None) -> Term:
        """A term that is missing, or undecided, where an operand is."""
        some = tuple(operands)
        also = () if missing is None else (missing,)
        return Term(
            value,
            self.any_of((*(one.missing for one in some), *also)),
            self.all_of(one.decided for one in some),
            below,
        )

    def negate(self, one: Term) -> Term:
        """The other sign."""
        return self.made(-one.value, (one,), one.below)

    def add(self, one: Term, other: Term) -> Term:
        """The sum, over a common denominator."""
        if one.below is None and other.below is None:
            return self.made(one.value + other.value, (one, other))
        left = one.value if other.below is None else one.value * other.below
        right = other.value if one.below is None else other.value * one.below
        return self.made(left + right, (one, other), self.product(one.below, other.below))

    def multiply(self, one: Term, other: Term) -> Term:
        """The product."""
        return self.made(one.value * other.value, (one, other), self.product(one.below, other.below))

    def divide(self, one: Term, other: Term) -> Term:
        """The quotient, missing where the divisor is zero."""
        top = one.value if other.below is None else one.value * other.below
        below = other.value if one.below is None else other.value * one.below
        return self.made(top, (one, other), below, missing=other.value == self.number(0))

    def product(self, one: Any, other: Any) -> Any:
        """The product of two denominators, None for one."""
        return other if one is None else one if other is None else one * other

    def single(self, one: Term) -> Term:
        """The term with its quotient as one number."""
        if one.below is None:
            return one
        return Term(self.real(one.value) / self.real(one.below), one.missing, one.decided)

    def real(self, value: Any) -> Any:
        """A number as a real."""
        return self.z3.ToReal(value) if value.is_int() else value

    def largest(self, operands: tuple[Expr, ...], *, smallest: bool) -> Term:
        """The largest operand, or the smallest."""
        terms = [self.single(self.of(operand)) for operand in operands]
        value = terms[0].value
        for one in terms[1:]:
            value = self.either(one.value < value if smallest else one.value > value, one.value, value)
        return self.made(value, terms)

    def rounded(self, one: Term, digits: int, mode: RoundingMode) -> Term:
        """The operand rounded as `numbers.rounded` does it."""
        if one.below is None and one.value.is_int() and digits >= 0:
            return one
        scale = Fraction(10) ** digits
        shifted = self.real(self.single(one).value) * self.number(scale)
        low = self.z3.ToInt(shifted)
        rest, zero, half = shifted - self.real(low), self.number(0), self.number(Fraction(1, 2))
        negative = shifted < zero
        match mode:
            case "floor":
                up = self.no
            case "ceiling":
                up = rest > zero
            case "down":
                up = self.all_of((negative, rest > zero))
            case "up":
                up = self.all_of((self.fails(negative), rest > zero))
            case "half_up":
                up = self.any_of((rest > half, self.all_of((rest == half, self.fails(negative)))))
            case "half_down":
                up = self.any_of((rest > half, self.all_of((rest == half, negative))))
            case "half_even":
                up = self.any_of((rest > half, self.all_of((rest == half, low % 2 == 1))))
            case _:
                assert_never(mode)
        whole = self.either(up, low + 1, low)
        return self.made(whole * self.number(reduced(1 / scale)), (one,))

    # Expressions

    def of(self, expr: Expr) -> Term:
        """The term of an expression; equal expressions have one term."""
        found = self.known.get(expr)
        if found is None:
            found = self.known[expr] = self.translated(expr)
        return found

    def translated(self, expr: Expr) -> Term:  # noqa: C901, PLR0911, PLR0912 - one case a node
        """The same, worked out."""
        match expr:
            case Constant(value, _):
                return self.constant(value)
            case Nothing(kind):
                return self.nothing(kind)
            case FieldValue(name):
                return self.fields[name]
            case ParameterValue(name):
                return self.constant(self.parameters[name]) if name in self.parameters else self.anything(expr)
            case StepValue(step, output):
                return self.step(step, output)
            case Today():
                return self.anything(expr) if self.today is None else self.constant(self.today)
            case Negate(operand):
                return self.negate(self.of(operand))
            case Absolute(operand):
                one = self.single(self.of(operand))
                return self.made(self.either(one.value < self.number(0), -one.value, one.value), (one,))
            case Round(operand, digits, mode):
                return self.rounded(self.of(operand), digits, mode)
            case Add(left, right):
                return self.add(self.of(left), self.of(right))
            case Subtract(left, right):
                return self.add(self.of(left), self.negate(self.of(right)))
            case Multiply(left, right):
                return self.multiply(self.of(left), self.of(right))
            case Divide(left, right):
                return self.divide(self.of(left), self.of(right))
            case Minimum(operands):
                return self.largest(operands, smallest=True)
            case Maximum(operands):
                return self.largest(operands, smallest=False)
            case Coalesce(operands):
                return self.first(operands)
            case AddTime(start, amount, "day" | "week" as unit):
                days = self.multiply(self.of(amount), self.constant(7 if unit == "week" else 1))
                moved = self.add(self.of(start), days)
                outside = self.any_of((moved.value < self.number(FIRST_DAY), moved.value > self.number(LAST_DAY)))
                return self.made(moved.value, (moved,), missing=outside)
            case DaysBetween(start, end):
                return self.add(self.of(end), self.negate(self.of(start)))
            case Holds(operand, test):
                one = self.of(operand)
                return Term(self.passes(test, one), self.no, one.decided)
            case AddTime() | MonthsBetween() | StartedMonths() | LatestStart() | DatePart() | Call():
                return self.anything(expr)
            case _:
                assert_never(expr)

    def nothing(self, kind: Type) -> Term:
        """A missing value."""
        return Term(self.no if isinstance(kind, Boolean) else self.number(0), self.yes, self.yes)

    def anything(self, expr: Expr) -> Term:
        """A variable within the extent of an expression that is not translated."""
        some = self.extents.of(expr)
        label = f"{self.name}#{len(self.known)}"
        kind = expr.type if isinstance(expr, Call) else None
        value: Any
        if some.values and all(isinstance(one, bool) for one in some.values):
            value = self.z3.Bool(label, self.context)
        elif isinstance(kind, Number | Money) or (kind is None and isinstance(expr, ParameterValue | StepValue)):
            value = self.z3.Real(label, self.context)
        else:
            value = self.z3.Int(label, self.context)
        term = Term(value, self.z3.Bool(f"{label}?", self.context), self.yes)
        self.facts.append(self.within(term, some))
        return term

    def first(self, operands: tuple[Expr, ...]) -> Term:
        """The first operand that is not missing; later ones may be undecided then."""
        *before, last = [self.single(self.of(operand)) for operand in operands]
        found = last
        for one in reversed(before):
            found = Term(
                found.value if one.missing is self.yes else self.either(one.missing, found.value, one.value),
                self.all_of((one.missing, found.missing)),
                self.all_of((one.decided, self.any_of((self.fails(one.missing), found.decided)))),
            )
        return found

    def passes(self, test: Test, term: Term) -> Any:  # noqa: PLR0911 - one case a node
        """True when a term passes a test."""
        here = self.fails(term.missing)
        match test:
            case Anything():
                return self.yes
            case IsMissing():
                return term.missing
            case IsPresent():
                return here
            case OneOf(exprs):
                others = [self.of(expr) for expr in exprs]
                same = (self.all_of((self.fails(one.missing), self.equal(term, one))) for one in others)
                return self.all_of((here, self.any_of(same)))
            case Within(low, high):
                return self.all_of((here, self.inside(low, term, upper=False), self.inside(high, term, upper=True)))
            case NotPassing(inner):
                return self.all_of((here, self.fails(self.passes(inner, term))))
            case AnyOf(tests):
                return self.any_of(self.passes(inner, term) for inner in tests)
            case _:
                assert_never(test)

    def inside(self, bound: Bound | None, term: Term, *, upper: bool) -> Any:
        """True when a term lies on the inner side of a bound."""
        if bound is None:
            return self.yes
        end = self.of(bound.at)
        larger, smaller = (end, term) if upper else (term, end)
        return self.all_of((self.fails(end.missing), self.compare(larger, smaller, strict=not bound.closed)))

    # Steps

    def step(self, name: str, output: str) -> Term:
        """What an earlier step gave."""
        step = self.steps[name]
        match step:
            case Derive():
                return self.of(step.expr)
            case Total():
                found = self.constant(step.initial)
                for table, weight in step.terms:
                    found = self.add(
                        found, self.multiply(self.of(StepValue(table, step.output)), self.constant(weight))
                    )
                return found
            case Table():
                return self.gathered(step, output)
            case _:
                assert_never(step)

    def gathered(self, table: Table, output: str) -> Term:
        """What a table gives; rows that agree under ANY are taken as under FIRST, which admits more records."""
        place = [name for name, _ in table.outputs].index(output)
        subjects = [self.of(column.subject) for column in table.columns]
        matched = [
            self.all_of(self.passes(test, subject) for test, subject in zip(row.tests, subjects, strict=True))
            for row in table.rows
            if not row.otherwise
        ]
        nobody = self.fails(self.any_of(matched))
        ordinary = iter(matched)
        rows = [
            (nobody if row.otherwise else next(ordinary), self.single(self.of(row.outputs[place])))
            for row in table.rows
        ]
        decided = self.all_of(subject.decided for subject in subjects)
        if table.hit_policy == "collect":
            return self.collected(table, output, rows, decided)
        if table.hit_policy == "unique" and len(matched) > 1:
            decided = self.all_of((decided, self.z3.AtMost(*matched, 1)))
        found = self.nothing(table.outputs[place][1])
        found = Term(found.value, found.missing, self.yes if table.optional else self.no)
        for condition, one in reversed(rows):
            found = Term(
                self.either(condition, one.value, found.value),
                self.either(condition, one.missing, found.missing),
                self.either(condition, one.decided, found.decided),
            )
        return Term(found.value, found.missing, self.all_of((decided, found.decided)))

    def collected(self, table: Table, output: str, rows: list[tuple[Any, Term]], decided: Any) -> Term:
        """COLLECT: sums and counts; of other gatherings only the extent is known."""
        if table.aggregation not in {"sum", "count"}:
            return self.anything(StepValue(table.id, output))
        total = self.number(0)
        for condition, one in rows:
            counts = self.all_of((condition, self.fails(one.missing)))
            total = total + self.either(
                counts, one.value if table.aggregation == "sum" else self.number(1), self.number(0)
            )
        return Term(total, self.no, self.all_of((decided, *(one.decided for _, one in rows))))

    # Models

    def values(self, model: Any) -> dict[str, Value | None] | None:
        """The record of a model; None where it has a number without an exact form."""
        found: dict[str, Value | None] = {}
        for name, term in self.fields.items():
            if self.z3.is_true(model.eval(term.missing, model_completion=True)):
                found[name] = None
                continue
            value = self.value(model.eval(term.value, model_completion=True), self.domains[name])
            if value is None:
                return None
            found[name] = value
        return found

    def value(self, given: Any, domain: Domain) -> Value | None:
        """One value of a model."""
        kind = domain.type
        if isinstance(kind, Boolean):
            return bool(self.z3.is_true(given))
        if not self.z3.is_int_value(given) and not self.z3.is_rational_value(given):
            return None
        exact = reduced(Fraction(given.as_fraction() if self.z3.is_rational_value(given) else given.as_long()))
        if isinstance(kind, Integer | Number | Money):
            return exact
        if isinstance(kind, Date):
            return date.fromordinal(int(exact))
        texts = {number: text for text, number in self.codes.items()}
        return texts.get(int(exact), "text") if isinstance(kind, Choice) else "text"
