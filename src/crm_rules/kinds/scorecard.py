"""The kind `scorecard`: characteristics give points, the total falls into a band, overrides come first (PMML).

A characteristic is a small table of attributes with `points` and a `weight`; the total is
`initial` plus the weighted points; `bands` turn it into the output. The first override whose
condition holds decides instead of the band, whatever the total. Reason codes stand on attributes.
"""

from __future__ import annotations

from typing import Any, Literal

from crm_rules.ir.nodes import ANYTHING, Coalesce, StepValue
from crm_rules.ir.numbers import Exact, fits, parse_number
from crm_rules.ir.program import Column, Row, Table, Total
from crm_rules.ir.types import Integer, Number, Type
from crm_rules.kinds.cells import lower_cell, lower_value
from crm_rules.kinds.documents import Document, Id, PolicyDocument, Rows, Tree, Word, Words
from crm_rules.kinds.draft import Draft, to_label
from crm_rules.kinds.kind import Kind, finish_outputs, need_output
from crm_rules.kinds.ladder import border_heading, lower_steps
from crm_rules.kinds.reading import place
from crm_rules.kinds.rows import TableShape, WrittenRow, lower_table, read_rows
from crm_rules.reader.yaml_text import Mapping
from crm_rules.source import Text

POINTS = "points"
TOTAL = "total"
RESERVED = (TOTAL, "bands", "overrides")


class CharacteristicDocument(Document):
    """One characteristic: its attributes as rules with `points`."""

    rules: Rows
    weight: Word | None = None
    label: Words | None = None


class ScorecardDocument(PolicyDocument):
    """What a scorecard adds to the common keys."""

    kind: Literal["scorecard"]  # type: ignore[assignment]
    characteristics: dict[Id, CharacteristicDocument]
    initial: Word | None = None
    bands: Tree
    overrides: Rows = None


def lower(document: ScorecardDocument, draft: Draft) -> None:
    """A table a characteristic, their total, the bands, the overrides."""
    if not need_output(document, draft):
        return
    findings = draft.findings
    for derived in document.derive:
        if derived in RESERVED:
            findings.error(
                "reserved-name", derived.span, f"a derived field of a scorecard cannot be called `{derived}`"
            )
    written = {name: read_rows(inner.rules, findings) for name, inner in document.characteristics.items()}
    points: Type = Integer() if all(is_whole(row) for rows in written.values() for row in rows) else Number()
    terms: list[tuple[str, Exact]] = []
    for name, inner in document.characteristics.items():
        if name in RESERVED:
            findings.error("reserved-name", name.span, f"a characteristic cannot be called `{name}`")
            continue
        if (str(name), str(name)) in findings.scope.steps:
            findings.error("duplicate-name", name.span, f"`{name}` is a characteristic and a derived field")
            continue
        shape = TableShape(str(name), "characteristic", {POINTS: points}, to_label(inner.label), name.span)
        lower_table(shape, written[name], draft)
        terms.append((str(name), number(inner.weight, 1, draft)))
    initial = number(document.initial, 0, draft)
    if not terms and not findings.failed:
        findings.error("no-rules", document.policy.span, "the scorecard has no characteristics")
    whole = (
        isinstance(points, Integer) and all(isinstance(weight, int) for _, weight in terms) and isinstance(initial, int)
    )
    total: Type = Integer() if whole else Number()
    draft.add_total(Total(TOTAL, initial, tuple(terms), total, POINTS, span=document.policy.span))
    outputs = {name: output.type for name, output in draft.declared.items()}
    lower_bands(document, outputs, Column(TOTAL, StepValue(TOTAL, POINTS), total), draft)
    exprs: dict[str, Any] = {name: StepValue("bands", name) for name in outputs}
    if document.overrides is not None:
        span = place(document.overrides, document.policy)
        shape = TableShape("overrides", "override", outputs, to_label(None), span, "first", optional=True)
        lower_table(shape, read_rows(document.overrides, findings), draft)
        exprs = {name: Coalesce((StepValue("overrides", name), expr)) for name, expr in exprs.items()}
    finish_outputs(draft, exprs)


def is_whole(row: WrittenRow) -> bool:
    """True for a rule whose points are a whole number."""
    cell = row.cells.get(POINTS) or row.then
    return isinstance(parse_number(str(cell)), int)


def number(word: Text | None, absent: Exact, draft: Draft) -> Exact:
    """A weight or the initial score."""
    if word is None:
        return absent
    value = parse_number(str(word))
    if value is None or not fits(value):
        draft.findings.error("wrong-literal", word.span, f"expected a number, found `{word}`")
        return absent
    return value


def lower_bands(document: ScorecardDocument, outputs: dict[str, Type], column: Column, draft: Draft) -> None:
    """Bands as a mapping of outcome to interval of the total, or as a ladder."""
    tree, findings = document.bands, draft.findings
    shape = TableShape("bands", "band", outputs, to_label(None), place(tree, document.policy))
    if not isinstance(tree, Mapping):
        rows = read_rows(tree, findings)
        if border_heading(rows) is not None:
            lower_steps(column, shape, rows, draft)
        else:
            lower_table(shape, rows, draft, {TOTAL: column})
        return
    if not need_output(document, draft, only=1):
        return
    (name, kind) = next(iter(outputs.items()))
    found: list[Row] = []
    for outcome, cell in tree.items():
        if not isinstance(cell, Text):
            findings.error(
                "wrong-shape", place(cell, cell), f"expected the totals of `{outcome}`", "put the cell in quotes"
            )
            continue
        otherwise = cell == "otherwise"
        test = None if otherwise else lower_cell(cell, column.type, findings)
        value = lower_value(outcome, kind, findings)
        if value is not None and (test is not None or otherwise):
            found.append(band(outcome, test, value, cell, otherwise=otherwise))
    draft.add_table(Table("bands", (column,), tuple(found), ((name, kind),), role="band", span=shape.span))


def band(outcome: Text, test: Any, value: Any, cell: Text, *, otherwise: bool) -> Row:
    """The rule of one band, named after its outcome."""
    return Row(
        str(outcome), (ANYTHING if otherwise else test,), (value,), otherwise, span=outcome.span, cells=(cell.span,)
    )


KIND = Kind("scorecard", ScorecardDocument, lower)
