"""How findings speak: lists of names, and regions of a table in an author's words.

Where a column tests a value derived from a date, a region is told by that value (`months_to_close
is at most 3`) and not by the dates that it means today, as long as both are the same records.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from crm_rules.ir.evaluate import Scope, parameter_values, value_of
from crm_rules.ir.nodes import Expr, FieldValue, ParameterValue, Value
from crm_rules.ir.program import Column, Derive, Table
from crm_rules.ir.rewrite import descendants, nodes_of
from crm_rules.ir.show import show_value
from crm_rules.ir.types import Integer
from crm_rules.proofs.view import GridAxis, View
from crm_rules.questions.asked import Asked
from crm_rules.questions.preimage import preimage
from crm_rules.questions.sets import MISSING, NUMBERS, Domain, Interval, ValueSet, to_point, to_value, union
from crm_rules.questions.space import fields_of, steps_of, written_out
from crm_rules.questions.tables import Box
from crm_rules.questions.words import show_interval, show_set

MOST_NAMES = 4


def listed(names: Iterable[str]) -> str:
    """`a`, `a and b`, `a, b and c`; of very many the first ones."""
    known = list(dict.fromkeys(names))
    if len(known) > MOST_NAMES:
        return ", ".join(known[:MOST_NAMES]) + f" and {len(known) - MOST_NAMES} more"
    return known[0] if len(known) == 1 else ", ".join(known[:-1]) + " and " + known[-1] if known else ""


def region(asked: Asked, view: View, box: Box) -> str:
    """What a box asks of the record, axis by axis; empty for all records."""
    shown = (show_axis(asked, view, axis, some) for axis, some in view.said(box))
    return " and ".join(one for one in shown if one)


def show_axis(asked: Asked, view: View, axis: GridAxis, some: ValueSet) -> str:
    """The values of one axis in words."""
    if axis.place is not None and axis.domain.grid(some).intervals:
        for column, subject in derived_columns(asked, view, axis):
            found = as_derived(asked, view, axis, subject, some)
            if found is not None:
                return show_set(column.name, found, Domain(column.type, 1, NUMBERS | MISSING)).replace(
                    " or missing", f", or {axis.name} is missing"
                )
    return show_set(axis.name, some, axis.domain)


def derived_columns(asked: Asked, view: View, axis: GridAxis) -> Iterator[tuple[Column, Expr]]:
    """The columns, as they were written, over a whole number that is derived from the field of an axis alone."""
    program = asked.ready.written
    derived = {step.id: step.expr for step in program.steps if isinstance(step, Derive)}
    table = program.step(view.table.id)
    for column in table.columns if isinstance(table, Table) else ():
        subject = written_out(column.subject, derived)
        if isinstance(subject, FieldValue) and subject.name == axis.name:
            return  # the author writes the field itself
        if fields_of(subject) == (axis.name,) and not steps_of(subject) and isinstance(column.type, Integer):
            yield column, subject


def as_derived(asked: Asked, view: View, axis: GridAxis, subject: Expr, some: ValueSet) -> ValueSet | None:
    """The derived values of a set, if they mean exactly the same records."""
    scope = Scope({}, parameter_values(asked.ready.written, view.space.today), view.space.today, {}, asked.functions)

    def at(place: Any) -> Value | None:
        values = {axis.name: to_value(place, axis.domain)}
        return value_of(subject, Scope(values, scope.parameters, scope.today, {}, scope.functions))

    ends = axis.domain.all.intervals
    kept = axis.domain.grid(some)
    parts: list[ValueSet] = [MISSING] if kept.missing else []
    for one in kept.intervals:
        if one.low is None or one.high is None:
            return None
        first, last = at(one.low), at(one.high)
        if first is None or last is None:
            return None
        low, high = to_point(first), to_point(last)
        open_low, open_high = one.low == ends[0].low, one.high == ends[-1].high
        if low > high:
            low, high, open_low, open_high = high, low, open_high, open_low
        parts.append(
            ValueSet((Interval(None if open_low else low, not open_low, None if open_high else high, not open_high),))
        )
    found = union(parts)
    field = next(field for field in asked.ready.written.fields if field.name == axis.name)
    back = preimage(subject, found, field, lambda expr: value_of(expr, scope))
    return found if back is not None and axis.domain.grid(back) == kept else None


def shown_set(some: ValueSet, domain: Domain) -> str:
    """The numbers or days of a set without a name: `at least 0`, `0 to 100`."""
    whole = Domain(domain.type, domain.step, NUMBERS)
    return " or ".join(show_interval(one, whole) for one in whole.grid(some).intervals)


def stand_ins(asked: Asked, table: Table | None = None) -> str:
    """Which values stand for blank parameters, of those that a table tests or of all; empty where none is blank."""
    sampled = asked.ready.sampled
    nodes = (
        nodes_of(asked.ready.written)
        if table is None
        else (node for row in table.rows for test in row.tests for node in descendants(test))
    )
    read = dict.fromkeys(node.name for node in nodes if isinstance(node, ParameterValue) and node.name in sampled)
    shown = [f"`${name}` as {show_value(sampled[name])}" for name in read]
    return f"taking {', '.join(shown)}, which {'has' if len(shown) == 1 else 'have'} no value yet" if shown else ""


def show_values(axis: GridAxis, some: ValueSet) -> str:
    """The values of an axis without its name: `C or ungraded`, `missing`, `at least 3`."""
    shown = show_set("", some, axis.domain).strip()
    return shown.removeprefix("is ")
