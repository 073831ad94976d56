"""The changes of one policy, one at a time, that its cases should notice: a program for each.

Each border a unit up and down and closed on its other side, each outcome another one, points, weights
and intervals one more and one less, neighbouring rules of a FIRST table in the other order, each rule
left out, each parameter a unit up and down. A border that two rules of one column share moves in both,
as it does when an author edits a ladder. Changes that are the same program are made once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from fractions import Fraction
from functools import partial
from typing import Any, TypeAlias

from crm_rules.cases.coverage import cell_span
from crm_rules.cases.neighbours import Spacing, spacing, tenth
from crm_rules.dataclass import dataclass
from crm_rules.ir import days
from crm_rules.ir.nodes import (
    AddTime,
    AnyOf,
    Anything,
    Bound,
    Constant,
    Expr,
    IsMissing,
    IsPresent,
    NotPassing,
    OneOf,
    ParameterValue,
    Test,
    Within,
)
from crm_rules.ir.numbers import decimals_of, reduced
from crm_rules.ir.program import Dated, Derive, Output, Parameter, Program, Row, Step, Table, Total
from crm_rules.ir.rewrite import descendants, rebuilt
from crm_rules.ir.show import show_test, show_value
from crm_rules.ir.types import Boolean, Choice, Integer, Type
from crm_rules.ir.typing import borders
from crm_rules.source import Span

Alter: TypeAlias = Callable[[Any, bool], Any]  # of a border: its expression, its closedness → the same, changed


@dataclass(frozen=True, slots=True)
class Mutant:
    """A policy with one change: what it is in words and where.

    `rows` of `table` are changed, in one `column` or (None) as wholes; `swapped` when two of them change
    places. A change that is not in a table names the `steps` it is in.
    """

    program: Program
    change: str
    span: Span | None
    table: str = ""
    rows: tuple[int, ...] = ()
    column: int | None = None
    swapped: bool = False
    steps: tuple[str, ...] = ()


def mutants(program: Program) -> Iterator[Mutant]:
    """All changes, in the order in which the policy is written."""
    for parameter in program.parameters:
        yield from of_parameter(program, parameter)
    for step in program.steps:
        match step:
            case Table():
                yield from of_borders(program, step)
                yield from of_outcomes(program, step)
                yield from of_order(program, step)
                yield from of_removal(program, step)
            case Total():
                yield from of_total(program, step)
            case Derive():
                pass


def with_step(program: Program, step: Step) -> Program:
    """The program with another step of that id."""
    return replace(program, steps=tuple(step if one.id == step.id else one for one in program.steps))


def with_rows(program: Program, table: Table, changed: dict[int, Row]) -> Program:
    """The program with other rows in one table."""
    rows = tuple(changed.get(index, row) for index, row in enumerate(table.rows))
    return with_step(program, replace(table, rows=rows))


# Borders


def of_borders(program: Program, table: Table) -> Iterator[Mutant]:
    """Each border a unit up and down, and closed on the other side."""
    for index, column in enumerate(table.columns):
        if isinstance(column.type, Choice | Boolean):
            continue
        shared = len(table.columns) == 1 and table.hit_policy == "unique"
        seen: set[Expr] = set()
        for place, row in enumerate(table.rows):
            if row.otherwise:
                continue
            for expr in dict.fromkeys(borders(row.tests[index])):
                if not isinstance(expr, Constant | ParameterValue) or (shared and expr in seen):
                    continue
                seen.add(expr)
                rows = [other for other in range(len(table.rows)) if shared or other == place]
                yield from of_border(program, table, index, place, expr, rows)


def of_border(  # noqa: PLR0917 - one border of one cell
    program: Program, table: Table, index: int, place: int, expr: Expr, rows: list[int]
) -> Iterator[Mutant]:
    """The changes of one border, in all rules that share it."""
    column = table.columns[index]
    name = program.rule_id(table, table.rows[place])
    alterations: list[Alter] = []
    apart = None
    if isinstance(expr, Constant):
        apart = spacing(column, expr.value, program)
        for other in moved(expr.value, apart):
            constant = Constant(other, expr.type)
            alterations.append(partial(to_border, constant))
    if apart is None or not (apart.grid and apart.holds(expr.value)):  # type: ignore[union-attr]
        alterations.append(to_other_side)
    for alter in alterations:
        changed: dict[int, Row] = {}
        for other in rows:
            row = table.rows[other]
            test = row.tests[index] if row.otherwise else altered(row.tests[index], expr, alter)
            if test != row.tests[index]:
                changed[other] = replace(row, tests=(*row.tests[:index], test, *row.tests[index + 1 :]))
        if not changed:
            continue
        before, after = (
            show_test(rule.tests[index]) for rule in (table.rows[place], changed.get(place, table.rows[place]))
        )
        words = f"`{name}`: `{before}` could be `{after}`"
        span = cell_span(table.rows[place], index)
        yield Mutant(with_rows(program, table, changed), words, span, table.id, tuple(changed), index)


def to_border(constant: Constant, _: Expr, closed: bool) -> tuple[Expr, bool]:  # noqa: FBT001 - a bound's own parts
    """The bound at another border."""
    return constant, closed


def to_other_side(at: Expr, closed: bool) -> tuple[Expr, bool]:  # noqa: FBT001 - a bound's own parts
    """The bound closed where it was open, and open where it was closed."""
    return at, not closed


def moved(border: Any, apart: Spacing) -> Iterator[Any]:
    """The border a unit down and a unit up."""
    if isinstance(border, date):
        yield from (day for day in (days.add_days(border, -1), days.add_days(border, 1)) if day is not None)
    else:
        yield from (reduced(Fraction(border) - apart.unit), reduced(Fraction(border) + apart.unit))


def altered(test: Test, border: Expr, alter: Alter) -> Test:
    """The test with one of its borders changed; a single value has no closedness."""
    match test:
        case Anything() | IsMissing() | IsPresent():
            return test
        case OneOf(values):
            return OneOf(tuple(alter(value, True)[0] if value == border else value for value in values))  # noqa: FBT003
        case Within(low, high):
            ends = tuple(
                end if end is None or end.at != border else Bound(*alter(end.at, end.closed)) for end in (low, high)
            )
            return Within(*ends)
        case NotPassing(inner):
            return NotPassing(altered(inner, border, alter))
        case AnyOf(tests):
            return AnyOf(tuple(altered(inner, border, alter) for inner in tests))


# Outcomes, rules, points


def of_outcomes(program: Program, table: Table) -> Iterator[Mutant]:
    """Each outcome of each rule another one."""
    for place, row in enumerate(table.rows):
        for position, (name, kind) in enumerate(table.outputs):
            for expr, words in other_outcomes(row.outputs[position], name, kind, program.outputs):
                outputs = (*row.outputs[:position], expr, *row.outputs[position + 1 :])
                changed = with_rows(program, table, {place: replace(row, outputs=outputs)})
                yield Mutant(changed, f"`{program.rule_id(table, row)}`: {words}", row.span, table.id, (place,))


def other_outcomes(expr: Expr, name: str, kind: Type, outputs: tuple[Output, ...]) -> Iterator[tuple[Expr, str]]:
    """Other expressions for an outcome, and the change in words."""
    if isinstance(expr, Constant):
        ranked = next((output.best_first for output in outputs if output.name == name), ())
        for value in other_values(expr.value, kind, ranked):
            words = f"`{name}` could be `{show_value(value)}` instead of `{show_value(expr.value)}`"
            yield Constant(value, Choice((value,)) if isinstance(expr.type, Choice) else expr.type), words
        return
    for node in descendants(expr):
        if isinstance(node, AddTime) and isinstance(node.amount, Constant):
            amount: Any = node.amount.value
            for other in (amount - 1, amount + 1):
                if other > 0:
                    new = replace(node, amount=Constant(other, node.amount.type))
                    yield (
                        with_node(expr, node, new),
                        f"`{interval(amount, node.unit)}` could be `{interval(other, node.unit)}`",
                    )


def interval(amount: int, unit: str) -> str:
    """`1 day`, `15 days`."""
    return f"{amount} {unit}{'' if amount == 1 else 's'}"


def with_node(expr: Any, old: Any, new: Any) -> Any:
    """The expression with one node changed."""
    return new if expr == old else rebuilt(expr, lambda inner: with_node(inner, old, new))


def other_values(value: Any, kind: Type, ranked: tuple[str, ...] = ()) -> Iterator[Any]:
    """The neighbours of a value: in the order of the outcomes, else the next choice; one unit less and more."""
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, str):
        known: tuple[str, ...] = ranked if value in ranked else getattr(kind, "one_of", ())
        place = known.index(value) if value in known else -1
        if ranked and value in ranked:
            yield from (known[other] for other in (place - 1, place + 1) if 0 <= other < len(known))
        elif len(known) > 1:
            yield known[(place + 1) % len(known)]
    elif isinstance(value, date):
        yield from (day for day in (days.add_days(value, -1), days.add_days(value, 1)) if day is not None)
    elif isinstance(value, int | Fraction):
        step = Fraction(1, 10 ** decimals_of(value))
        yield from (reduced(value - step), reduced(value + step))


def of_order(program: Program, table: Table) -> Iterator[Mutant]:
    """Neighbouring rules in the other order, where the first one decides."""
    if table.hit_policy != "first":
        return
    for place in range(len(table.rows) - 1):
        first, second = table.rows[place], table.rows[place + 1]
        if not first.otherwise and not second.otherwise:
            words = f"`{program.rule_id(table, second)}` could stand before `{program.rule_id(table, first)}`"
            changed = with_rows(program, table, {place: second, place + 1: first})
            yield Mutant(changed, words, second.span, table.id, (place, place + 1), swapped=True)


def of_removal(program: Program, table: Table) -> Iterator[Mutant]:
    """Each rule left out."""
    for place, row in enumerate(table.rows):
        rows = (*table.rows[:place], *table.rows[place + 1 :])
        if rows or table.optional:
            changed = with_step(program, replace(table, rows=rows))
            yield Mutant(changed, f"`{program.rule_id(table, row)}` could be left out", row.span, table.id, (place,))


def of_total(program: Program, total: Total) -> Iterator[Mutant]:
    """The weight of each characteristic and the points to begin with, one unit less and more."""
    for place, (name, weight) in enumerate(total.terms):
        for other in other_values(weight, total.type):
            terms = (*total.terms[:place], (name, other), *total.terms[place + 1 :])
            words = f"the weight of `{name}` could be `{show_value(other)}` instead of `{show_value(weight)}`"
            span = program.step(name).span
            yield Mutant(with_step(program, replace(total, terms=terms)), words, span, steps=(total.id,))
    for other in other_values(total.initial, total.type):
        words = f"the score could begin with `{show_value(other)}` instead of `{show_value(total.initial)}`"
        yield Mutant(with_step(program, replace(total, initial=other)), words, total.span, steps=(total.id,))


def of_parameter(program: Program, parameter: Parameter) -> Iterator[Mutant]:
    """Each value of a parameter a unit down and up."""
    for place, dated in enumerate(parameter.values):
        for other in other_settings(program, parameter, dated):
            values = (*parameter.values[:place], replace(dated, value=other), *parameter.values[place + 1 :])
            changed = tuple(
                replace(one, values=values) if one.name == parameter.name else one for one in program.parameters
            )
            words = f"`${parameter.name}` could be `{show_value(other)}` instead of `{show_value(dated.value)}`"
            yield Mutant(replace(program, parameters=changed), words, dated.span or parameter.span)


def other_settings(program: Program, parameter: Parameter, dated: Dated) -> Iterator[Any]:
    """The neighbours of a parameter's value: as far as those of the column that is compared with it."""
    value: Any = dated.value
    if isinstance(value, bool | str | date):
        yield from other_values(value, parameter.type)
        return
    for table in program.tables:
        for row in table.rows:
            for column, test in zip(table.columns, row.tests, strict=True):
                if ParameterValue(parameter.name) in borders(test):
                    yield from moved(value, spacing(column, value, program))
                    return
    unit = 1 if isinstance(parameter.type, Integer) else tenth(value)
    yield from moved(value, Spacing(unit, grid=False))
