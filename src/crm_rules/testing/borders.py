"""Where the answer of a program changes: the values of one field on, just below and just above its borders.

    Ground(program, today, functions).borders(values, field)

A field that a cell tests itself has its borders written there. For a field behind a formula the border is looked
for: between two values for which the tests of the formula answer differently it is closed in upon, down to two
neighbours of the field's own grid. So a formula, a function of a plug-in included, needs no inverse.

What a program answers is asked of the reference evaluator alone.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from datetime import date
from fractions import Fraction
from itertools import pairwise
from typing import Any, TypeAlias

from crm_rules.dataclass import dataclass
from crm_rules.ir import days
from crm_rules.ir.evaluate import (
    NO_FUNCTIONS,
    Evaluation,
    Functions,
    Scope,
    evaluate,
    parameter_values,
    value_of,
)
from crm_rules.ir.laws import Always, Never
from crm_rules.ir.nodes import Bound, Expr, FieldValue, Holds, OneOf, StepValue, Test, Value
from crm_rules.ir.numbers import Exact, decimals_of, fits, reduced
from crm_rules.ir.program import Derive, Field, Program, Step, Table
from crm_rules.ir.rewrite import descendants, nodes_of, rebuilt
from crm_rules.ir.types import Boolean, Choice, Date, Integer, Money, Number

Values: TypeAlias = Mapping[str, Value | None]
Condition: TypeAlias = tuple[Expr, tuple[Test, ...]]

DECIMALS = 2  # of a number that declares none and whose border is whole
MOST_CROSSINGS = 12  # between two landmarks
MOST_TESTS = 200  # of one column that a formula's borders are looked for
POWERS = tuple(10**power for power in range(10))
SPANS = (*range(13), 18, 24, 36, 60, 120, 240, 480, 720)  # months from today
TEXTS = ("a", "", "客户", 'it\'s "x"')


@dataclass(frozen=True, slots=True)
class Ground:
    """A program on one day, and what it tests, with formulas in place of the steps that name them."""

    program: Program
    today: date | None
    functions: Functions
    conditions: tuple[Condition, ...]

    @classmethod
    def of(cls, program: Program, today: date | None, functions: Functions = NO_FUNCTIONS) -> Ground:
        """The ground of a checked program."""
        return cls(program, today, functions, tuple(conditions(program)))

    def evaluation(self, values: Values) -> Evaluation:
        """What the reference evaluator answers."""
        return evaluate(self.program, values, self.today, self.functions)

    def scope(self, values: Values, evaluation: Evaluation | None = None) -> Scope:
        """What an expression sees; without an evaluation only expressions that need no step may be asked."""
        steps = {} if evaluation is None else evaluation.steps
        return Scope(values, parameter_values(self.program, self.today), self.today, steps, self.functions)

    def borders(self, values: Values, field: Field) -> tuple[Value, ...]:
        """Values of the field beside its borders, the other fields being as in `values`; simplest first, each once."""
        found: list[Value] = []
        deep: list[Condition] = []
        for subject, tests in self.conditions:
            if subject == FieldValue(field.name):
                for test in tests:
                    found += self.beside(field, test)
            elif field.name in fields_of(subject):
                found += self.crossings(values, field, self.side(values, field, subject, tests))
            elif needs_steps(subject, self.program):
                deep.append((subject, tests))
        if deep:
            found += self.crossings(values, field, lambda value: answer(self.evaluation({**values, field.name: value})))
        return tuple(simplest_first(field, found, self.today))

    def side(
        self, values: Values, field: Field, subject: Expr, tests: tuple[Test, ...]
    ) -> Callable[[Value | None], Hashable]:
        """On which side of each border a formula lies, as a function of one field."""
        fixed = self.scope({})
        limits = [value_of(one, fixed) for test in tests[:MOST_TESTS] for one in borders_of(test)]
        limits = list(dict.fromkeys(limit for limit in limits if limit is not None))

        def placed(value: Value | None) -> Hashable:
            result: Any = value_of(subject, self.scope({**values, field.name: value}))
            if result is None or isinstance(result, bool | str | tuple):
                return result
            return tuple((result > limit) - (result < limit) for limit in limits)

        return placed

    def beside(self, field: Field, test: Test) -> Iterator[Value]:
        """The constants of a test of the field itself, and their neighbours, as far as the field accepts them."""
        scope = self.scope({})
        for expr in borders_of(test):
            border = value_of(expr, scope)
            if border is not None:
                yield from neighbours(field, border)

    def crossings(self, values: Values, field: Field, look: Callable[[Value | None], Hashable]) -> Iterator[Value]:
        """The pairs of neighbouring values between which `look` answers differently."""
        known = values.get(field.name)
        points = landmarks(field, self.today, [] if known is None else [known])
        ordered: list[Any] = sorted(points) if isinstance(field.type, Date | Integer | Number | Money) else []
        seen = [(point, look(point)) for point in ordered]
        for (low, below), (high, above) in pairwise(seen):
            start, answer_there = low, below
            for _ in range(MOST_CROSSINGS):  # thin intervals may lie between two landmarks
                if answer_there == above:
                    break
                inner, outer = closed_in(field, start, answer_there, high, look)
                yield from (value for value in (inner, outer) if accepts(field, value))
                if outer <= start:  # the landmarks stand off the grid
                    break
                start, answer_there = outer, look(outer)


def conditions(program: Program) -> Iterator[Condition]:
    """Everything that is tested, with its tests; formulas stand in place of the steps that name them."""
    formulas = formulas_of(program)
    found: dict[Expr, dict[Test, None]] = {}
    for table in program.tables:
        for position, column in enumerate(table.columns):
            tests = found.setdefault(opened(column.subject, formulas), {})
            tests.update(dict.fromkeys(row.tests[position] for row in table.rows))
    for node in nodes_of(program):
        if isinstance(node, Holds):
            found.setdefault(opened(node.operand, formulas), {})[node.test] = None
    names = {field.name for field in program.fields}
    for law in program.laws:
        for one in law.when if isinstance(law, Always | Never) else ():
            subject = opened(one.subject, formulas)
            if fields_of(subject) <= names:  # in a chain a law may speak of a required decision
                found.setdefault(subject, {})[one.test] = None
    for subject, tests in found.items():
        yield subject, tuple(tests)


def formulas_of(program: Program) -> dict[str, Expr]:
    """The formulas of a program by the step that names them."""
    return {step.id: step.expr for step in program.steps if isinstance(step, Derive)}


def opened(expr: Expr, formulas: Mapping[str, Expr]) -> Expr:
    """The expression with formulas in place of the steps that name them."""

    def inner(node: Any) -> Any:
        if isinstance(node, StepValue) and node.step in formulas:
            return inner(formulas[node.step])
        return rebuilt(node, inner)

    found: Expr = inner(expr)
    return found


def fields_of(expr: Expr) -> frozenset[str]:
    """The fields that a formula reads; none when it also needs a table, which changes with the fields."""
    nodes = list(descendants(expr))
    if any(isinstance(node, StepValue) for node in nodes):
        return frozenset()
    return frozenset(node.name for node in nodes if isinstance(node, FieldValue))


def needs_steps(expr: Expr, program: Program) -> bool:
    """True for a formula over tables, or a value that a table computes: no cell of a row shows its borders."""
    read = [program.step(node.step) for node in descendants(expr) if isinstance(node, StepValue)]
    return bool(read) and (not isinstance(expr, StepValue) or any(computed_from(step) for step in read))


def computed_from(step: Step) -> tuple[str, ...]:
    """The fields from which the rows of a table compute their outputs."""
    outputs = [output for row in step.rows for output in row.outputs] if isinstance(step, Table) else []
    nodes = [node for output in outputs for node in descendants(output)]
    return tuple(dict.fromkeys(node.name for node in nodes if isinstance(node, FieldValue)))


def answer(evaluation: Evaluation) -> Hashable:
    """What of an evaluation has borders: the rules, and outputs that are no quantities."""
    outputs = tuple(
        value for value in evaluation.outputs.values() if isinstance(value, bool | str | tuple) or value is None
    )
    return evaluation.status, evaluation.rules, outputs


def borders_of(test: Test) -> list[Expr]:
    """The borders and values that a test compares with."""
    found: list[Expr] = []
    for node in descendants(test):
        if isinstance(node, OneOf):
            found += node.values
        elif isinstance(node, Bound):
            found.append(node.at)
    return found


# The values of a field


def accepts(field: Field, value: Any) -> bool:
    """True when a value of the field's type lies within its limits."""
    if isinstance(value, date):
        low: Any = field.low or days.FIRST
        high: Any = field.high or days.LAST
        return bool(low <= value <= high)
    if isinstance(value, bool | str):
        return True
    low, high = field.low, field.high
    if (low is not None and value < low) or (high is not None and value > high) or not fits(value):
        return False
    return field.decimals is None or decimals_of(value) <= field.decimals


def grid(field: Field, *borders: Exact) -> Exact:
    """The distance of two neighbouring numbers: the field's last decimal, else a tenth of the borders' last digit."""
    if isinstance(field.type, Integer):
        return 1
    places = field.decimals if field.decimals is not None else max(DECIMALS, *(decimals_of(one) + 1 for one in borders))
    return Fraction(1, 10**places)


def neighbours(field: Field, border: Any) -> Iterator[Value]:
    """The border itself, the value below and the value above, as far as the field accepts them."""
    match field.type:
        case Choice(one_of):
            yield from (value for value in (border, *one_of) if value in one_of)
        case Boolean():
            yield from (False, True)
        case Date():
            near = (border, days.add_days(border, -1), days.add_days(border, 1))
            yield from (day for day in near if day is not None and accepts(field, day))
        case Integer() | Number() | Money():
            yield from (number for number in around(field, border) if accepts(field, number))
        case _:
            yield from TEXTS


def around(field: Field, border: Exact) -> tuple[Exact, ...]:
    """A number and its neighbours on the field's grid; a border off the grid has only the two around it."""
    step = grid(field, border) if field.decimals is None else grid(field)
    low = Fraction(border) // step * step
    if low == border:
        return border, reduced(border - step), reduced(border + step)
    return reduced(low), reduced(low + step)


def landmarks(field: Field, today: date | None, more: Iterable[Value] = ()) -> list[Value]:
    """Values that are simple, or far, or at the limits of the field; simplest first."""
    found: list[Any]
    match field.type:
        case Choice(one_of):
            return list(one_of)
        case Boolean():
            return [False, True]
        case Date():
            start = today or date(2026, 1, 1)
            spans = [0, *(sign * span for span in SPANS[1:] for sign in (1, -1))]
            found = [
                *(days.add_months(start, span) for span in spans),
                field.low or days.FIRST,
                field.high or days.LAST,
            ]
        case Integer() | Number() | Money():
            found = [0, *POWERS, *(-power for power in POWERS), field.low, field.high]
        case _:
            return list(TEXTS)
    return [value for value in dict.fromkeys([*found, *more]) if value is not None and accepts(field, value)]


def closed_in(
    field: Field, low: Any, below: Hashable, high: Any, look: Callable[[Value | None], Hashable]
) -> tuple[Any, Any]:
    """The two neighbours of the field's grid between which `look` leaves the answer that it gives at `low`."""
    if isinstance(low, date):
        first, last = low.toordinal(), high.toordinal()
        at: Callable[[int], Any] = date.fromordinal
    else:
        step = grid(field) if field.decimals is not None else grid(field, low, high)
        first, last = int(Fraction(low) // step), int(-(-Fraction(high) // step))
        at = lambda place: reduced(place * step)  # noqa: E731 - one line of arithmetic
    while last - first > 1:
        middle = (first + last) // 2
        if look(at(middle)) == below:
            first = middle
        else:
            last = middle
    return at(first), at(last)


def simplest_first(field: Field, found: Iterable[Value], today: date | None) -> list[Value]:
    """Each value once, those that a person would write first: near zero or today, few digits."""
    unique = list(dict.fromkeys(found))
    match field.type:
        case Choice(one_of):
            return [value for value in one_of if value in unique]
        case Date():
            start = today or date(2026, 1, 1)
            return sorted(unique, key=lambda day: (abs(days.days_between(start, day)), day < start))  # type: ignore[arg-type, operator]
        case Integer() | Number() | Money():
            return sorted(unique, key=digits)
        case _:
            return unique


def digits(number: Any) -> tuple[int, int, Exact]:
    """How much there is to write: digits that are not trailing zeros, then the size."""
    places = decimals_of(number)
    whole = str(abs(int(number * 10**places))).rstrip("0")
    return len(whole) + places, int(number < 0), abs(number)
