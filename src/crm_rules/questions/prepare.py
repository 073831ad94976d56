"""A program made ready for questions: blank parameters stand for any values in their declared order.

What is proven for values that keep the order and are far apart holds for all values that keep it,
because values that meet only take pieces away. So each blank parameter gets a sample value, spaced out
along its order, and everything after this module works on numbers. Where blank parameters meet each
other, or a constant, without a declared order, the table is `doubtful` and nothing is claimed of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from fractions import Fraction
from itertools import pairwise
from typing import Any

from crm_rules.dataclass import dataclass
from crm_rules.ir.nodes import Expr, ParameterValue, Value
from crm_rules.ir.normalize import normalize
from crm_rules.ir.numbers import reduced
from crm_rules.ir.program import Dated, Derive, Parameter, Program, Table
from crm_rules.ir.rewrite import descendants
from crm_rules.ir.types import Boolean, Choice, Date, Integer
from crm_rules.ir.typing import borders
from crm_rules.questions.extent import extent
from crm_rules.questions.sets import NUMBERS, Domain, to_point, to_value
from crm_rules.questions.space import fields_of, written_out

GAP = 100  # between sample values; far more than the neighbours of a border
FIRST_DAY = date(2026, 1, 1)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A program without blanks, as it was written and normalised.

    `sampled` are the values that stand for blank parameters, `doubtful` the parameters by table (or by
    `points`, for those that tables give) for which no order is known.
    """

    program: Program
    written: Program
    sampled: Mapping[str, Value]
    doubtful: Mapping[str, tuple[str, ...]]


def prepared(program: Program) -> Prepared:
    """Make a program ready; one without blank parameters is only normalised."""
    blank = {one.name: one for one in program.parameters if not one.values}
    if not blank:
        return Prepared(normalize(program), program, {}, {})
    above = closure(program.order)
    sampled = samples(program, blank, above)
    close = crowded(program, sampled)
    doubtful: dict[str, tuple[str, ...]] = {}
    for table in program.tables:
        names = unordered(program, table, frozenset(blank), above, close)
        if names:
            doubtful[table.id] = names
        given = [name for row in table.rows for expr in row.outputs for name in parameters_in(expr) if name in blank]
        if given and table.role == "characteristic":  # what else a rule gives is carried, points are counted
            doubtful[f"{table.id} outputs"] = tuple(dict.fromkeys(given))
    parameters = tuple(
        replace(one, values=(Dated(None, sampled[one.name]),)) if one.name in blank else one
        for one in program.parameters
    )
    written = replace(program, parameters=parameters)
    return Prepared(normalize(written), written, sampled, doubtful)


def closure(order: Iterable[tuple[str, ...]]) -> dict[str, set[str]]:
    """By parameter, all those that are declared to be above it."""
    above: dict[str, set[str]] = {}
    for chain in order:
        for index, name in enumerate(chain):
            above.setdefault(name, set()).update(chain[index + 1 :])
    changed = True
    while changed:
        changed = False
        for higher in above.values():
            before = len(higher)
            higher.update(*(above.get(one, ()) for one in tuple(higher)))
            changed = changed or len(higher) > before
    return above


def samples(program: Program, blank: Mapping[str, Parameter], above: Mapping[str, set[str]]) -> dict[str, Value]:
    """A value for each blank parameter: between those that are declared below and above it, and within its limits."""
    known = given_ends(program)
    found: dict[str, Value] = {}
    lowest_first = sorted(blank, key=lambda name: -len(above.get(name, ())))
    for name in lowest_first:
        match blank[name].type:
            case Boolean():
                found[name] = True
            case Choice(one_of):
                found[name] = one_of[0]
            case kind:
                low, high = limits_of(program, name)
                floor = max((known[one][1] for one in known if name in above.get(one, ())), default=None)
                ceiling = min((known[one][0] for one in above.get(name, ()) if one in known), default=None)
                low = floor if low is None or (floor is not None and floor > low) else low
                high = ceiling if high is None or (ceiling is not None and ceiling < high) else high
                if low is None and isinstance(kind, Date):
                    low = FIRST_DAY.toordinal()
                ahead = sum(one in blank and one not in found for one in above.get(name, ()))
                place = spaced(ahead, low, high, whole=isinstance(kind, Integer | Date))
                known[name] = (place, place)
                found[name] = to_value(place, Domain(kind, None, NUMBERS))
    return found


def given_ends(program: Program) -> dict[str, tuple[Any, Any]]:
    """The least and the largest value of each parameter that has numbers or days."""
    found: dict[str, tuple[Any, Any]] = {}
    for one in program.parameters:
        places = [to_point(each.value) for each in one.values if not isinstance(each.value, str | bool | tuple)]
        if places:
            found[one.name] = (min(places), max(places))
    return found


def limits_of(program: Program, name: str) -> tuple[Any, Any]:
    """The range of the values that are compared with a parameter, None where it is open."""
    derived = {step.id: step.expr for step in program.steps if isinstance(step, Derive)}
    lows: list[Any] = []
    highs: list[Any] = []
    for table in program.tables:
        for index, column in enumerate(table.columns):
            tests = [row.tests[index] for row in table.rows if not row.otherwise]
            if any(name in parameters_in(one) for test in tests for one in borders(test)):
                reach = extent(written_out(column.subject, derived), program, None).intervals
                lows += [reach[0].low] if reach and reach[0].low is not None else []
                highs += [reach[-1].high] if reach and reach[-1].high is not None else []
    return max(lows, default=None), min(highs, default=None)


def spaced(ahead: int, low: Any, high: Any, *, whole: bool) -> Any:
    """A value between two others, or far from one, that leaves room for as many more above it."""
    if low is None and high is None:
        low = 0
    if high is None:
        return low + GAP
    if low is None:
        return high - GAP
    at = reduced(low + Fraction(high - low) / (ahead + 2))
    return round(at) if whole or low < round(at) < high else at


def crowded(program: Program, sampled: Mapping[str, Value]) -> frozenset[str]:
    """The blank parameters whose samples have no room of their own between their neighbours and limits."""
    ends = given_ends(program)
    for name, value in sampled.items():
        if not isinstance(value, str | bool | tuple):
            ends[name] = (to_point(value), to_point(value))
    pairs = [pair for chain in program.order for pair in pairwise(chain)]
    close = {
        name
        for pair in pairs
        if all(one in ends for one in pair) and ends[pair[0]][1] >= ends[pair[1]][0]
        for name in pair
    }
    for name in ends.keys() & sampled.keys():
        low, high = limits_of(program, name)
        if (low is not None and ends[name][0] <= low) or (high is not None and ends[name][1] >= high):
            close.add(name)
    return frozenset(close & sampled.keys())


def unordered(
    program: Program, table: Table, blank: frozenset[str], above: Mapping[str, set[str]], close: frozenset[str]
) -> tuple[str, ...]:
    """The blank parameters of a table whose place on their axis is not known: no order, or no room (`close`)."""
    derived = {step.id: step.expr for step in program.steps if isinstance(step, Derive)}
    met: dict[Expr, set[Expr]] = {}
    for index, column in enumerate(table.columns):
        subject = written_out(column.subject, derived)
        found = met.setdefault(subject, set())
        for row in table.rows:
            if not row.otherwise:
                found.update(borders(row.tests[index]))
    names: dict[str, None] = {}
    for subject, ends in met.items():
        apart = any(other != subject and set(fields_of(other)) & set(fields_of(subject)) for other in met)
        for one in ends:
            alone = all(one == other or in_order(one, other, above) for other in ends)
            open_names = [name for name in parameters_in(one) if name in blank]
            names.update(dict.fromkeys(name for name in open_names if apart or not alone or name in close))
        names.update(dict.fromkeys(name for name in parameters_in(subject) if name in blank))
    return tuple(names)


def in_order(one: Expr, other: Expr, above: Mapping[str, set[str]]) -> bool:
    """True when two borders are parameters and one is declared to be above the other."""
    if not isinstance(one, ParameterValue) or not isinstance(other, ParameterValue):
        return False
    return other.name in above.get(one.name, ()) or one.name in above.get(other.name, ())


def parameters_in(expr: Expr) -> tuple[str, ...]:
    """The parameters that an expression reads."""
    return tuple(node.name for node in descendants(expr) if isinstance(node, ParameterValue))
