"""The kind `ranking`: a class by how a record stands among all others, as in Pareto and ABC analysis.

`rank` names a number and the largest comes first; `within` divides the records into parts that are
ranked each by itself. A population step measures every record, and an ordinary ladder climbs the
measure named by `by`: `share_before` is the share of the value that strictly larger records hold, so
that equal values stay together and the first class is never empty; `share_with` counts the record
and its equals too. A step with the border `not positive` or `missing` says where those records go,
which are not ranked. An output may be a measure itself: write its name, such as `position`, in a cell.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Literal, TypeAlias

from crm_rules.ir.nodes import (
    ANYTHING,
    Bound,
    Constant,
    Expr,
    FieldValue,
    IsMissing,
    IsPresent,
    StepValue,
    Test,
    Within,
)
from crm_rules.ir.population import MEASURES, OF_THE_VALUE, Measure, Population
from crm_rules.ir.population_typing import fields_below
from crm_rules.ir.program import Column, Field, Label, Row, Table
from crm_rules.ir.types import Boolean, Choice, Type, is_numeric, show_type
from crm_rules.ir.typing import is_quotient, may_be_missing
from crm_rules.kinds.documents import PolicyDocument, Rows, Word
from crm_rules.kinds.draft import Draft, to_label
from crm_rules.kinds.kind import Kind, finish_outputs, need_output
from crm_rules.kinds.ladder import border_heading, report_unknown_columns, step_tests
from crm_rules.kinds.rows import OTHERWISE, TableShape, WrittenRow, check_ids, output_of, read_rows
from crm_rules.source import Text

By: TypeAlias = Literal["position", "last_position", "heads_before", "heads_with", "share_before", "share_with"]

NOT_POSITIVE = "not positive"
APART = (NOT_POSITIVE, "missing")
PLACED = f"write a step with the border `{NOT_POSITIVE}`"
# What an explanation tells beside the measure that decides.
TOLD: tuple[Measure, ...] = ("position", "last_position", "population", "share_before", "share_with")
LABELS: dict[Measure, Label] = {
    "position": Label("Position", "名次"),
    "last_position": Label("Position of the last of its equals", "并列末位名次"),
    "population": Label("Records that are ranked", "参加排名的记录数"),
    "heads_before": Label("Share of the records before it", "排在其前的记录占比"),
    "heads_with": Label("Share of the records up to it", "累计记录占比"),
    "share_before": Label("Share of the value before it", "排在其前的数额占比"),
    "share_with": Label("Share of the value up to it", "累计数额占比"),
}


class RankingDocument(PolicyDocument):
    """What a ranking adds to the common keys."""

    kind: Literal["ranking"]  # type: ignore[assignment]
    rank: Word
    by: By
    within: Word | list[Word] | None = None
    not_positive: Literal["ranked"] | None = None
    steps: Rows


def lower(document: RankingDocument, draft: Draft) -> None:
    """A population step that fills the measures, and one table over the ranked value and the measure."""
    findings = draft.findings
    ranked = draft.subject(document.rank)
    divided = [expr for word in words(document.within) if (expr := division(word, draft)) is not None]
    if not need_output(document, draft) or ranked is None:
        return
    value, kind = ranked
    if not is_numeric(kind):
        message = f"`rank` names a number, and `{document.rank}` is {show_type(kind)}"
        findings.error("type-mismatch", document.rank.span, message)
    written = read_rows(document.steps, findings)
    if findings.failed:
        return
    positive = place_of_the_rest(document, value, written, draft)
    add_population(document, Population(value, (), tuple(divided), positive, document.rank.span), draft)
    column = Column(document.by, FieldValue(field_name(draft, document.by)), MEASURES[document.by][0])
    outputs = {name: output.type for name, output in draft.declared.items()}
    shape = TableShape("steps", "ladder", outputs, to_label(document.title), document.rank.span)
    check_ids(written, findings)
    rows = lower_rows(Column(str(document.rank), value, kind), column, shape, written, draft, positive=positive)
    if findings.failed:
        return
    columns = [Column(str(document.rank), value, kind), column]
    if all(row.tests[0] == ANYTHING for row in rows):  # whatever the value, its measure decides
        columns, rows = [column], [narrowed(row) for row in rows]
    draft.add_table(
        Table(
            shape.id,
            tuple(columns),
            tuple(rows),
            tuple(outputs.items()),
            role="ladder",
            label=shape.label,
            span=shape.span,
        )
    )
    finish_outputs(draft, {name: StepValue("steps", name) for name in outputs})


def words(within: Text | list[Text] | None) -> list[Text]:
    """The names that divide the records."""
    return [] if within is None else within if isinstance(within, list) else [within]


def division(name: Text, draft: Draft) -> Expr | None:
    """A choice that divides the records; None after reporting that it cannot."""
    found = draft.subject(name)
    if found is None:
        return None
    expr, kind = found
    if not isinstance(kind, Choice | Boolean):
        message = f"`within` names a choice, and `{name}` is {show_type(kind)}"
        draft.findings.error("type-mismatch", name.span, message)
    elif may_be_missing(expr, draft.findings.scope):
        remedy = "give the field a `default`"
        draft.findings.error("type-mismatch", name.span, f"`within` needs a value, and `{name}` may be missing", remedy)
    return expr


def place_of_the_rest(document: RankingDocument, value: Expr, written: list[WrittenRow], draft: Draft) -> bool:
    """Whether only values above zero are ranked; report a policy that does not say it."""
    heading = border_heading(written) or ""
    apart = next((row.cells[heading] for row in written if row.cells.get(heading) == NOT_POSITIVE), None)
    if document.by in OF_THE_VALUE:
        if document.not_positive is not None:
            message = f"zero and negative values have no share, so `{document.by}` cannot rank them"
            draft.findings.error("unplaced-values", document.rank.span, message, PLACED)
        return True
    if document.not_positive is not None:
        if apart is not None:
            message = "zero and negative values are ranked, and a step holds them apart"
            draft.findings.error("unplaced-values", apart.span, message, "remove `not_positive`, or the step")
        return False
    if apart is None and not is_above_zero(value, draft):
        message = f"`{document.rank}` can be zero or negative, and nothing says whether such a record is ranked"
        remedy = f"{PLACED}, or the key `not_positive: ranked`"
        draft.findings.error("unplaced-values", document.rank.span, message, remedy)
    return apart is not None


def is_above_zero(value: Expr, draft: Draft) -> bool:
    """True when a field's `min` says that every value is above zero."""
    low = draft.findings.scope.fields[value.name].low if isinstance(value, FieldValue) else None
    return isinstance(low, int | Fraction) and low > 0


def field_name(draft: Draft, measure: Measure) -> str:
    """The field that holds a measure; its name says of which ranking, since a chain may have several."""
    return f"{draft.id}.{measure}"


def add_population(document: RankingDocument, population: Population, draft: Draft) -> None:
    """Declare a field for each measure, and the step that fills them; what is sensitive makes them so."""
    measures = [measure for measure in TOLD if population.positive or measure not in OF_THE_VALUE]
    measures += [] if document.by in measures else [document.by]
    read = fields_below((population.value, *population.within), draft.steps)
    sensitive = any(one.sensitive for one in draft.fields if one.name in read)
    names = tuple((field_name(draft, measure), measure) for measure in measures)
    for name, measure in names:
        kind, low, high = MEASURES[measure]
        label, span = LABELS[measure], document.rank.span
        draft.add_field(Field(name, kind, low=low, high=high, sensitive=sensitive, label=label, span=span))
    draft.population.append(replace(population, measures=names))


def lower_rows(
    value: Column, measure: Column, shape: TableShape, written: list[WrittenRow], draft: Draft, *, positive: bool
) -> list[Row]:
    """The rows of both sorts in the order they are written in; none after reporting what is wrong."""
    heading = border_heading(written)
    apart = [row for row in written if row.cells.get(heading or "") in APART]
    climbing = [row for row in written if row not in apart]
    if apart and heading is not None:
        report_unknown_columns(apart, heading, shape, draft)
    found = step_tests(measure, shape, climbing, draft)
    if found is None:
        return []
    steps = {str(row.id): one for row, one in zip(climbing, found, strict=True)}
    rows: list[Row] = []
    for row in written:
        if row in apart:
            cell = row.cells[heading or ""]
            tests: tuple[Test, Test] = ((not_above_zero(value) if cell == NOT_POSITIVE else IsMissing()), ANYTHING)
        else:
            test, border = steps[str(row.id)]
            cell = row.id if border is None else border
            tests = (ranked_test(value, draft, positive=positive), test)
        otherwise = row.otherwise or cell == OTHERWISE
        tests = (ANYTHING, ANYTHING) if otherwise else tests
        outputs = [output(row, name, kind, shape, draft) for name, kind in shape.outputs.items()]
        values = tuple(expr for expr in outputs if expr is not None)
        spans = (cell.span, cell.span)
        rows.append(Row(str(row.id), tests, values, otherwise, row.label, row.reason, row.id.span, spans))
    return rows


def ranked_test(value: Column, draft: Draft, *, positive: bool) -> Test:
    """What a value passes that takes part in the ranking; anything where every value does."""
    if positive and not is_above_zero(value.subject, draft):
        return Within(Bound(zero(value), closed=False), None)
    return IsPresent() if may_be_missing(value.subject, draft.findings.scope) else ANYTHING


def not_above_zero(value: Column) -> Test:
    """Zero and below."""
    return Within(None, Bound(zero(value), closed=True))


def zero(value: Column) -> Constant:
    """Zero in the unit of the ranked value."""
    return Constant(0, value.type)


def output(row: WrittenRow, name: str, kind: Type, shape: TableShape, draft: Draft) -> Expr | None:
    """What a row gives to an output: a value, or the measure that a cell names."""
    cell = row.then if row.then is not None and len(shape.outputs) == 1 else row.cells.get(name)
    measure = next((one for one in MEASURES if one == cell), None)
    if cell is None or measure is None or not is_numeric(kind):
        return output_of(row, name, kind, shape, draft.findings)
    if is_quotient(MEASURES[measure][0]):
        message = f"`{measure}` is a quotient, which has no exact decimal form"
        remedy = "leave it out; explanations tell it, and so does the record of a decision"
        draft.findings.error("unrounded-quotient", cell.span, message, remedy)
        return None
    return FieldValue(field_name(draft, measure))


def narrowed(row: Row) -> Row:
    """The row without its test of the ranked value."""
    return replace(row, tests=row.tests[1:], cells=row.cells[1:])


KIND = Kind("ranking", RankingDocument, lower)
