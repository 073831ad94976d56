"""What the cases reach, for people and for programs: counts by policy, and what no case reaches with its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import groupby
from typing import Any

from crm_rules.cases.coverage import Point, PolicyCoverage, reached_of
from crm_rules.cases.words import needs
from crm_rules.cli.console import GAP, paint, wrap
from crm_rules.columns import display_width, pad
from crm_rules.decision import fact_to_json
from crm_rules.ir.numbers import to_fact
from crm_rules.ir.show import show_test

WIDTH = 110
FEW = 5  # lines of a policy, unless all are asked for


def share(found: Iterable[PolicyCoverage]) -> Fraction:
    """The percentage: rules and borders that cases reach, of those that can be reached; 100 where there are none."""
    reached, total = reached_of(point for one in found for point in one.points)
    return Fraction(100 * reached, total) if total else Fraction(100)


def show_share(percent: Fraction) -> str:
    """`93.1%`, rounded down, so that 100% is all of it."""
    tenths = percent * 10 // 1
    return f"{tenths // 10}%" if tenths % 10 == 0 else f"{tenths // 10}.{tenths % 10}%"


def coverage_lines(found: Sequence[PolicyCoverage], *, verbose: bool, color: bool) -> Iterator[str]:
    """A line for each policy, below it what no case reaches; then the whole in one line."""
    if not found:
        return
    width = max(display_width(one.name) for one in found)
    numbers = [(ratio(one.rules), ratio(one.borders)) for one in found]
    rules_width = max(len(rules) for rules, _ in numbers)
    for one, (rules, borders) in zip(found, numbers, strict=True):
        line = f"{pad(one.name, width)}{GAP}rules {rules:<{rules_width}}{GAP}borders {borders}"
        yield paint(line, "yellow" if one.missing else "green", color=color)
        lines = list(missing_lines(one))
        shown = lines if verbose or len(lines) <= FEW + 1 else lines[:FEW]
        yield from shown
        if len(shown) < len(lines):
            yield f"    … and {len(lines) - len(shown)} more places (-v names all)"
        yield from unreachable_lines(one.points if verbose else one.rules)
    if all(point.covered for one in found for point in one.rules):
        yield "every rule of these policies is reached by a case"
    reached, total = reached_of(point for one in found for point in one.points)
    line = f"coverage {show_share(share(found))}: {reached} of {total} rules and borders"
    yield line if reached == total else f"{line}; `--suggest` writes cases for the others"


def ratio(points: Iterable[Point]) -> str:
    """`7/8`."""
    reached, total = reached_of(points)
    return f"{reached}/{total}"


def missing_lines(one: PolicyCoverage) -> Iterator[str]:
    """For each cell with values that no case has, its place, its rule and what a record has to be."""
    for _, group in groupby(one.missing, key=lambda point: (point.rule, point.index, point.others, point.span)):
        points = list(group)
        yield "    " + wrap(f"{place(points[0])}{GAP}{needs(points)}", WIDTH, "        ", start=4)


def unreachable_lines(points: Iterable[Point]) -> Iterator[str]:
    """What no case can reach, and why."""
    for point in points:
        if point.reason:
            words = f"{place(point)}{GAP}{needs([point], short=True)} cannot be reached: {point.reason}"
            yield "    " + wrap(words, WIDTH, "        ", start=4)


def place(point: Point) -> str:
    """`policies/stage.yaml:12`."""
    return "" if point.span is None else f"{point.span.path}:{point.span.line}"


def coverage_json(found: Sequence[PolicyCoverage]) -> dict[str, Any]:
    """The same as JSON values."""
    reached, total = reached_of(point for one in found for point in one.points)
    return {
        "reached": reached,
        "total": total,
        "percent": float(share(found) * 10 // 1 / Fraction(10)),
        "policies": [policy_json(one) for one in found],
    }


def policy_json(one: PolicyCoverage) -> dict[str, Any]:
    """One policy: the counts, what is missing, what cannot be reached."""
    counted = {}
    for name, points in (("rules", one.rules), ("borders", one.borders)):
        reached, total = reached_of(points)
        counted[name] = {"reached": reached, "total": total}
    return {
        "policy": one.policy.id,
        "version": one.policy.version,
        **counted,
        "missing": [point_json(point) for point in one.missing],
        "unreachable": [{**point_json(point), "reason": point.reason} for point in one.points if point.reason],
    }


def point_json(point: Point) -> dict[str, Any]:
    """One rule or value: its place, and what a record has to be."""
    span, column = point.span, point.column
    return {
        "rule": point.rule,
        "side": point.side,
        "field": None if column is None else column.name,
        "value": None if column is None else fact_to_json(to_fact(point.value)),
        "border": fact_to_json(to_fact(point.border)),
        "with": {other.name: show_test(test) for other, test in point.others},
        "path": None if span is None else span.path,
        "line": None if span is None else span.line,
        "column": None if span is None else span.column,
    }
