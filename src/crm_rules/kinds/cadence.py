"""The kind `cadence`: how long after the last touch the next one is due, by class.

`every` gives each class of `by` an interval, kept in the unit it was written in: 15 days are not
half a month. Outputs are `next_touch` (never touched: today), `days_overdue` (0 when none) and
`due` (today is not before the next touch). Working days need a calendar and are refused.
"""

from __future__ import annotations

import re
from typing import Any, Literal

from crm_rules.diagnostics import did_you_mean
from crm_rules.ir.nodes import (
    AddTime,
    Bound,
    Coalesce,
    Constant,
    DaysBetween,
    Expr,
    Holds,
    Maximum,
    OneOf,
    StepValue,
    TimeUnit,
    Today,
    Within,
)
from crm_rules.ir.program import Column, Label, Output, Row, Table
from crm_rules.ir.types import Boolean, Choice, Date, Integer, show_choices, show_type
from crm_rules.kinds.documents import PolicyDocument, Tree, Word
from crm_rules.kinds.draft import Draft, to_label
from crm_rules.kinds.kind import Kind
from crm_rules.kinds.reading import place
from crm_rules.reader.yaml_text import Mapping
from crm_rules.source import Text

INTERVAL = re.compile(r"([0-9]{1,4}) (day|week|month|year)s?")
ZERO = Constant(0, Integer())


class CadenceDocument(PolicyDocument):
    """What a cadence adds to the common keys."""

    kind: Literal["cadence"]  # type: ignore[assignment]
    by: Word
    since: Word
    every: Tree


def lower(document: CadenceDocument, draft: Draft) -> None:
    """A table from class to next touch, then the days overdue and whether it is due."""
    findings = draft.findings
    for name in document.output:
        findings.error(
            "fixed-outputs", name.span, "a cadence gives `next_touch`, `days_overdue` and `due`", "leave out `output`"
        )
    by, since = draft.subject(document.by), draft.subject(document.since)
    if by is None or since is None:
        return
    if not isinstance(since[1], Date):
        findings.error(
            "type-mismatch",
            document.since.span,
            f"`since` names a date, and `{document.since}` is {show_type(since[1])}",
        )
    if not isinstance(by[1], Choice):
        findings.error(
            "type-mismatch", document.by.span, f"`by` names a choice, and `{document.by}` is {show_type(by[1])}"
        )
    if not isinstance(document.every, Mapping):
        findings.error("wrong-shape", place(document.every, document.every), "expected an interval for each class")
    if findings.failed or not isinstance(by[1], Choice):
        return
    rows = [row for name, cell in document.every.items() if (row := interval_row(name, cell, since[0], by[1], draft))]
    table = Table(
        "every",
        (Column(str(document.by), *by),),
        tuple(rows),
        (("next_touch", Date()),),
        role="interval",
        label=to_label(document.title),
        span=document.by.span,
    )
    draft.add_table(table)
    passed = DaysBetween(StepValue("every", "next_touch"), Today())
    draft.outputs += [
        Output("next_touch", Date(), StepValue("every", "next_touch"), label=Label("Next touch", "下次跟进日")),
        Output("days_overdue", Integer("day"), Maximum((ZERO, passed)), label=Label("Days overdue", "逾期天数")),
        Output("due", Boolean(), Holds(passed, Within(Bound(ZERO, closed=True), None)), label=Label("Due", "是否到期")),
    ]


def interval_row(name: Text, cell: Any, since: Expr, by: Choice, draft: Draft) -> Row | None:
    """The rule of one class; None after reporting what is wrong with it."""
    if name not in by.one_of:
        message = f"`{name}` is not among the choices {show_choices(by.one_of)}"
        draft.findings.error("unknown-choice", name.span, message, did_you_mean(name, by.one_of))
        return None
    found = INTERVAL.fullmatch(cell) if isinstance(cell, Text) else None
    if found is None:
        shown = f"`{cell}`" if isinstance(cell, Text) else "another shape"
        draft.findings.error(
            "bad-interval",
            place(cell, cell),
            f"expected an interval, found {shown}",
            "write a number and days, weeks, months or years: `15 days`",
        )
        return None
    amount, unit = int(found[1]), found[2]
    if amount == 0:
        draft.findings.error("bad-interval", cell.span, "an interval is at least one day long")
        return None
    due = Coalesce((AddTime(since, Constant(amount, Integer()), time_unit(unit)), Today()))
    test = OneOf((Constant(str(name), Choice((str(name),))),))
    return Row(
        str(name), (test,), (due,), label=Label(str(cell), chinese(amount, unit)), span=name.span, cells=(cell.span,)
    )


def time_unit(word: str) -> TimeUnit:
    """The unit a word names."""
    units: dict[str, TimeUnit] = {"day": "day", "week": "week", "month": "month", "year": "year"}
    return units[word]


def chinese(amount: int, unit: str) -> str:
    """The interval in Chinese: 15 天, 1 周."""
    return f"{amount} " + {"day": "天", "week": "周", "month": "个月", "year": "年"}[unit]


KIND = Kind("cadence", CadenceDocument, lower)
