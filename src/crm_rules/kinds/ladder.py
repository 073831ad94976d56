"""The kind `ladder`: one quantity, ascending or descending borders, outputs a step.

The heading of the border column states the closed side: `up to` (≤), `below` (<), `from` (≥),
`above` (>). A border is written once, so neighbouring steps meet without gap or overlap. An empty
border is the open end. The bands of a scorecard may be written the same way.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Literal

from crm_rules.ir.nodes import ANYTHING, Bound, Constant, Expr, IsMissing, ParameterValue, StepValue, Test, Within
from crm_rules.ir.program import Column, Row, Table
from crm_rules.ir.types import Date, Type, is_numeric, show_type
from crm_rules.kinds.cells import lower_cell, lower_value
from crm_rules.kinds.documents import PolicyDocument, Rows, Word
from crm_rules.kinds.draft import Draft, to_label
from crm_rules.kinds.kind import Kind, finish_outputs, need_output
from crm_rules.kinds.rows import OTHERWISE, TableShape, WrittenRow, check_ids, output_of, read_rows
from crm_rules.source import Text

UPPER = {"up to": True, "below": False}
LOWER = {"from": True, "above": False}
HEADINGS = (*UPPER, *LOWER)


class LadderDocument(PolicyDocument):
    """What a ladder adds to the common keys."""

    kind: Literal["ladder"]  # type: ignore[assignment]
    by: Word
    steps: Rows


def lower(document: LadderDocument, draft: Draft) -> None:
    """One table with one column, the quantity named by `by`."""
    subject = draft.subject(document.by)
    if not need_output(document, draft) or subject is None:
        return
    outputs = {name: output.type for name, output in draft.declared.items()}
    shape = TableShape("steps", "ladder", outputs, to_label(document.title), document.by.span)
    lower_steps(Column(str(document.by), *subject), shape, read_rows(document.steps, draft.findings), draft)
    finish_outputs(draft, {name: StepValue("steps", name) for name in outputs})


def border_heading(written: list[WrittenRow]) -> str | None:
    """The one heading among the columns that states a closed side."""
    found = {name for row in written for name in row.cells if name in HEADINGS}
    return found.pop() if len(found) == 1 else None


def lower_steps(column: Column, shape: TableShape, written: list[WrittenRow], draft: Draft) -> None:
    """Add the table of a ladder to the draft: each border is the end of one step and the begin of the next."""
    findings = draft.findings
    check_ids(written, findings)
    tests = step_tests(column, shape, written, draft)
    if tests is None:
        return
    rows: list[Row] = []
    for row, (test, cell) in zip(written, tests, strict=True):
        outputs = tuple(output_of(row, name, kind, shape, findings) for name, kind in shape.outputs.items())
        values = tuple(expr for expr in outputs if expr is not None)
        span = row.id.span if cell is None else cell.span
        otherwise = cell == OTHERWISE or row.otherwise
        rows.append(Row(str(row.id), (test,), values, otherwise, row.label, row.reason, row.id.span, (span,)))
    if findings.failed:
        return
    draft.add_table(
        Table(
            shape.id,
            (column,),
            tuple(rows),
            tuple(shape.outputs.items()),
            role=shape.role,
            label=shape.label,
            span=shape.span,
        )
    )


def step_tests(
    column: Column, shape: TableShape, written: list[WrittenRow], draft: Draft
) -> list[tuple[Test, Text | None]] | None:
    """The interval of each step, with the cell that its border stands in; None after reporting why there is none."""
    findings = draft.findings
    if not is_numeric(column.type) and not isinstance(column.type, Date):
        findings.error(
            "order-on-choice",
            shape.span,
            f"a ladder climbs a number or a date, and `{column.name}` is {show_type(column.type)}",
        )
        return None
    heading = border_heading(written)
    if heading is None:
        if written:
            findings.error(
                "no-border-column",
                written[0].id.span,
                "the steps need one column that states their borders",
                "name it `up to`, `below`, `from` or `above`",
            )
        return None
    report_unknown_columns(written, heading, shape, draft)
    borders = [border(row, heading, column.type, draft) for row in written]
    if findings.failed:
        return None
    climbing = [index for index, value in enumerate(borders) if not isinstance(value, str)]
    if not in_order(borders, climbing, written, heading, column.type, draft):
        return None
    places = {index: position for position, index in enumerate(climbing)}
    return [
        (test_of(index, borders, climbing, places, heading), row.cells.get(heading))
        for index, row in enumerate(written)
    ]


def report_unknown_columns(written: list[WrittenRow], heading: str, shape: TableShape, draft: Draft) -> None:
    """A ladder has its border column and its outputs, nothing else."""
    headings = {name: text for row in written for name, text in row.headings.items()}
    for name, text in headings.items():
        if name != heading and name not in shape.outputs:
            draft.findings.error(
                "unknown-column",
                text.span,
                f"unknown column `{name}`",
                "known here: " + ", ".join([heading, *shape.outputs]),
            )


def border(row: WrittenRow, heading: str, kind: Type, draft: Draft) -> Expr | str | None:
    """The border of a step: an expression, None for the open end, or the word `missing` or `otherwise`."""
    cell = row.cells.get(heading)
    if row.otherwise:
        return OTHERWISE
    if cell is None or (not cell and not cell.quoted) or cell == "-":
        return None
    if cell in {OTHERWISE, "missing"}:
        return str(cell)
    test = lower_cell(cell, kind, draft.findings) if cell and cell[0] in "<>=[(" else None
    if test is not None:
        draft.findings.error(
            "border-with-sign",
            cell.span,
            f"the column `{heading}` already says on which side `{cell}` is closed",
            "write the border alone",
        )
        return None
    return lower_value(cell, kind, draft.findings)


def in_order(  # noqa: C901, PLR0917 - one case a node
    borders: list[Any], climbing: list[int], written: list[WrittenRow], heading: str, kind: Type, draft: Draft
) -> bool:
    """Turn the steps to ascending order; report borders that go neither up nor down, or two open ends."""
    findings = draft.findings
    opened = [index for index in climbing if borders[index] is None]
    for index in opened[1:]:
        findings.error(
            "second-open-end", written[index].id.span, "two steps have no border", "only one end of a ladder is open"
        )
    ends = (climbing[0], climbing[-1]) if climbing else ()
    for index in opened[:1]:
        if index not in ends:
            findings.error("second-open-end", written[index].id.span, "the open step must be the first or the last one")
    for position, index in enumerate(climbing):
        if isinstance(borders[index], Constant) or borders[index] is None or isinstance(borders[index], ParameterValue):
            continue
        findings.error("wrong-literal", written[position].id.span, f"expected a border of {show_type(kind)}")
    if findings.failed:
        return False
    known = [(index, borders[index].value) for index in climbing if isinstance(borders[index], Constant)]
    rising = [first[1] < second[1] for first, second in pairwise(known)]
    for up, ((_, before), (index, value)) in zip(rising, pairwise(known), strict=True):
        if up != rising[0] or value == before:
            cell = written[index].cells[heading]
            findings.error(
                "unordered-borders", cell.span, f"`{cell}` breaks the order of the borders", "sort the steps"
            )
            return False
    descending = direction(borders, climbing, heading, rising, draft)
    if descending is None:
        findings.error(
            "unordered-borders",
            written[0].id.span,
            "the order of the borders is not known",
            "give one step no border, or state `parameter_order`",
        )
        return False
    if descending:
        climbing.reverse()
    outer = climbing[-1 if heading in UPPER else 0] if climbing else None
    if opened and opened[0] != outer:
        way, end = ("fall" if descending else "rise"), ("first" if outer == min(climbing) else "last")
        message = f"the borders `{heading}` {way}, so the step without a border is the {end}"
        findings.error("second-open-end", written[opened[0]].id.span, message)
        return False
    return True


def direction(borders: list[Any], climbing: list[int], heading: str, rising: list[bool], draft: Draft) -> bool | None:
    """True when the steps are written from the top down; None when nothing says which way they go."""
    if rising:
        return not rising[0]
    opened = [position for position, index in enumerate(climbing) if borders[index] is None]
    if len(climbing) < 2:  # noqa: PLR2004 - one step has no direction
        return False
    if opened:
        at_end = opened[0] != 0
        return not at_end if heading in UPPER else at_end
    names = [borders[index].name for index in climbing if isinstance(borders[index], ParameterValue)]
    for chain in draft.order:
        places = [chain.index(name) for name in names if name in chain]
        if len(places) > 1:
            return places[0] > places[1]
    return None


def test_of(index: int, borders: list[Any], climbing: list[int], places: dict[int, int], heading: str) -> Test:
    """The interval between a step's border and its neighbour's."""
    if borders[index] == "missing":
        return IsMissing()
    if borders[index] == OTHERWISE:
        return ANYTHING
    position = places[index]
    own = borders[index]
    if heading in UPPER:
        closed = UPPER[heading]
        before = borders[climbing[position - 1]] if position else None
        return Within(
            None if before is None else Bound(before, not closed), None if own is None else Bound(own, closed)
        )
    closed = LOWER[heading]
    after = borders[climbing[position + 1]] if position + 1 < len(climbing) else None
    return Within(None if own is None else Bound(own, closed), None if after is None else Bound(after, not closed))


KIND = Kind("ladder", LadderDocument, lower)
