"""What a record has to be to reach a point, in the words of the cells: `late: months_late = 2 (just below 3)`."""

from __future__ import annotations

from collections.abc import Sequence

from crm_rules.cases.coverage import Point
from crm_rules.ir.show import show_test, show_value

BESIDE = {"below": "just below", "above": "just above"}


def needs(points: Sequence[Point], *, short: bool = False) -> str:
    """The rule, the values of the cell that the points share, and unless `short` what the other cells ask for."""
    first = points[0]
    column = first.column
    others = [f"{other.name} {show_test(test)}" for other, test in first.others]
    if column is None:
        asked = "a record that no other rule takes" if first.row.otherwise else ", ".join(others) or "any record"
        return first.rule if short else f"{first.rule}: {asked}"
    values = ", ".join(value_words(point) for point in points)
    more = f", with {', '.join(others)}" if others and not short else ""
    return f"{first.rule}: {column.name} = {values}{more}"


def value_words(point: Point) -> str:
    """`2 (just below 3)`, `3`, `missing`."""
    value = show_value(point.value)
    if point.side in BESIDE:
        return f"{value} ({BESIDE[point.side]} {show_value(point.border)})"
    return f"{value} (no rule names it)" if point.side == "other" else value
