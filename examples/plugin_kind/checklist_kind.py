"""The kind `checklist`: which items of a record are still open.

    items: [licence, contract_signed, guarantor]

An item is a field or derived field. A boolean one is open until it is true, any other one until it
is there. Outputs are `complete` and `open_items`; the rules that hold are the open items, so
reasons and explanations name them.

A checklist lowers to one table that counts, and one test of the count. It knows no engine: whatever
runs, explains, pickles or replays a program does so with this one, too.
"""

from __future__ import annotations

from typing import Literal

from crm_rules.ir.nodes import ANYTHING, AnyOf, Constant, Holds, IsMissing, OneOf, StepValue, Test
from crm_rules.ir.program import Column, Label, Output, Row, Table
from crm_rules.ir.types import Boolean, Integer
from crm_rules.ir.typing import may_be_missing
from crm_rules.kinds.documents import PolicyDocument, Word
from crm_rules.kinds.draft import Draft, to_label
from crm_rules.kinds.kind import Kind
from crm_rules.source import Text

ITEMS, OPEN = "items", "open_items"
ONE = Constant(1, Integer())
NONE_OPEN = OneOf((Constant(0, Integer()),))


class ChecklistDocument(PolicyDocument):
    """What a checklist adds to the keys that every policy has."""

    kind: Literal["checklist"]  # type: ignore[assignment]
    items: list[Word]


def lower(document: ChecklistDocument, draft: Draft) -> None:
    """Add a table with one rule for each item, which holds while the item is open, and count the rules that hold."""
    for name in document.output:
        message = "a checklist gives `complete` and `open_items`"
        draft.findings.error("fixed-outputs", name.span, message, "leave out `output`")
    if not document.items:
        draft.findings.error("no-rules", document.policy.span, "the checklist has no items")
    found = [(item, column) for item in document.items if (column := column_of(item, draft)) is not None]
    opens = [open_test(item, column, draft) for item, column in found]
    for position, item in enumerate(document.items):
        if item in document.items[:position]:
            draft.findings.error("duplicate-rule", item.span, f"the item `{item}` stands twice", "remove one of them")
    if draft.findings.failed:
        return
    labels = {field.name: field.label for field in draft.fields}
    rows = tuple(
        Row(
            str(item),
            tuple(test if place == position else ANYTHING for place in range(len(found))),
            (ONE,),
            label=labels.get(str(item), Label()),
            span=item.span,
            cells=(item.span,) * len(found),
        )
        for position, ((item, _), test) in enumerate(zip(found, opens, strict=True))
    )
    draft.add_table(
        Table(
            ITEMS,
            tuple(column for _, column in found),
            rows,
            ((OPEN, Integer()),),
            hit_policy="collect",
            aggregation="count",
            label=to_label(document.title),
            span=document.policy.span,
        )
    )
    count = StepValue(ITEMS, OPEN)
    draft.outputs += [
        Output("complete", Boolean(), Holds(count, NONE_OPEN), label=Label("Complete", "资料齐全")),
        Output(OPEN, Integer(), count, label=Label("Open items", "未完成项数")),
    ]


def column_of(item: Text, draft: Draft) -> Column | None:
    """What an item looks at; None after reporting an unknown name."""
    subject = draft.subject(item)
    return None if subject is None else Column(str(item), *subject)


def open_test(item: Text, column: Column, draft: Draft) -> Test:
    """The test that an item passes while it is open."""
    if isinstance(column.type, Boolean):
        return AnyOf((IsMissing(), OneOf((Constant(value=False, type=Boolean()),))))
    if not may_be_missing(column.subject, draft.findings.scope):
        message = f"`{item}` is always there, so it can never be open"
        draft.findings.error("item-never-open", item.span, message, "declare the field as `optional: true`")
    return IsMissing()


KIND = Kind("checklist", ChecklistDocument, lower)
