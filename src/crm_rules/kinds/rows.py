"""Rules as an author writes them, in either form, and the table they become.

A pipe table and a list of mappings give the same `WrittenRow`s: an id, a cell a column, labels. A
column is an output when the step fills it, otherwise it tests a field or derived field of that
name; `id`, `en`, `zh` and `reason` are the rule's own. `otherwise` stands alone as the last rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from crm_rules.diagnostics import Label as Place
from crm_rules.ir.nodes import ANYTHING, Constant, Expr, Test
from crm_rules.ir.program import Aggregation, Column, HitPolicy, Label, Role, Row, Table
from crm_rules.ir.types import Choice, Type
from crm_rules.kinds.cells import lower_cell, lower_value
from crm_rules.kinds.documents import ID, Words
from crm_rules.kinds.draft import Draft, to_label
from crm_rules.kinds.findings import Findings
from crm_rules.kinds.reading import place, read_document
from crm_rules.reader.pipe_table import parse_table
from crm_rules.reader.yaml_text import Block, Sequence
from crm_rules.reader.yaml_text import Mapping as Tree
from crm_rules.source import Span, Text

OTHERWISE = "otherwise"
OWN_COLUMNS = ("id", "en", "zh", "reason")


@dataclass(slots=True)
class WrittenRow:
    """One rule before its cells mean anything; `then` is the value of a single output without its name."""

    id: Text
    cells: dict[str, Text] = field(default_factory=dict)
    headings: dict[str, Text] = field(default_factory=dict)
    otherwise: bool = False
    then: Text | None = None
    label: Label = Label()  # noqa: RUF009 - immutable
    reason: str = ""

    def put(self, heading: Text, cell: Text) -> None:
        """Write one cell."""
        self.cells[str(heading)] = cell
        self.headings[str(heading)] = heading


def read_rows(tree: Any, findings: Findings) -> list[WrittenRow]:
    """The rules of a pipe table or of a list; what cannot be read is reported and left out."""
    if isinstance(tree, Block):
        return list(from_table(tree, findings))
    if isinstance(tree, Sequence):
        return [row for item in tree if (row := from_mapping(item, findings)) is not None]
    findings.error(
        "wrong-shape",
        place(tree, tree),
        "expected rules as a pipe table or as a list",
        "begin the table with `|` after the key and indent its lines",
    )
    return []


def from_table(block: Block, findings: Findings) -> Iterator[WrittenRow]:
    """The rules of a pipe table."""
    table, diagnostics = parse_table(block)
    findings.extend(diagnostics)
    if table is None:
        return
    if "id" not in table.header:
        findings.error(
            "missing-key",
            table.header[0].span,
            "the table has no column `id`",
            "give every rule a name in a column `id`",
        )
        return
    for cells in table.rows:
        by_name = {str(name): cell for name, cell in zip(table.header, cells, strict=True)}
        headings = {str(name): name for name in table.header}
        name = by_name["id"]
        if not valid_id(name, findings):
            continue
        row = WrittenRow(name, label=Label(str(by_name.get("en", "")), str(by_name.get("zh", ""))))
        row.reason = str(by_name.get("reason", ""))
        for heading, cell in by_name.items():
            if heading not in OWN_COLUMNS:
                row.put(headings[heading], cell)
        yield row


def from_mapping(item: Any, findings: Findings) -> WrittenRow | None:
    """The rule of one list item: `{id, when, then, label, reason}`, or a flat mapping of columns."""
    if not isinstance(item, Tree):
        findings.error("wrong-shape", place(item, item), "expected a rule such as {id: …, when: …, then: …}")
        return None
    keys = {str(key): key for key in item}
    name = item[keys["id"]] if "id" in keys else keys.get(OTHERWISE)
    if not isinstance(name, Text):
        findings.error("missing-key", item.span, "the rule has no `id`")
        return None
    if not valid_id(name, findings):
        return None
    row = WrittenRow(name)
    for key, value in item.items():
        read_key(row, key, value, findings)
    return row


def read_key(row: WrittenRow, key: Text, value: Any, findings: Findings) -> None:  # noqa: C901 - one case a key
    """One key of a rule in a list."""
    match str(key):
        case "id":
            return
        case "label":
            words = read_document(Words, value, findings.diagnostics)
            row.label = to_label(words)
        case "reason":
            if isinstance(value, Text):
                row.reason = str(value)
            else:
                findings.error("wrong-shape", place(value, value), "expected the code of a reason")
        case "when" if value == OTHERWISE:
            row.otherwise = True
        case "otherwise":
            row.otherwise = True
            read_then(row, value, findings)
        case "then":
            read_then(row, value, findings)
        case "when" if isinstance(value, Tree):
            for heading, cell in value.items():
                put_scalar(row, heading, cell, findings)
        case "when":
            findings.error(
                "wrong-shape", place(value, value), "expected the columns and their cells", "when: {column: cell}"
            )
        case _:
            put_scalar(row, key, value, findings)


def read_then(row: WrittenRow, value: Any, findings: Findings) -> None:
    """The outputs of a rule in a list: by name, or the one value alone."""
    if isinstance(value, Tree):
        for heading, cell in value.items():
            put_scalar(row, heading, cell, findings)
    elif isinstance(value, Text):
        row.then = value
    else:
        findings.error("wrong-shape", place(value, value), "expected the value of the output, or outputs by name")


def put_scalar(row: WrittenRow, heading: Text, cell: Any, findings: Findings) -> None:
    """A cell must be a single text."""
    if isinstance(cell, Text):
        row.put(heading, cell)
    else:
        findings.error("wrong-shape", place(cell, cell), f"expected one cell for `{heading}`", "put the cell in quotes")


def valid_id(name: Text, findings: Findings) -> bool:
    """Report a rule without a proper name."""
    if ID.fullmatch(name) is None:
        findings.error(
            "bad-id",
            name.span,
            f"`{name}` is no name of a rule" if name else "the rule has no id",
            "a letter or digit, then letters, digits, `.`, `-` or `_`",
        )
        return False
    return True


@dataclass(frozen=True, slots=True)
class TableShape:
    """What a step makes of its rules: id, role, hit policy, and the outputs every rule must fill."""

    id: str
    role: Role
    outputs: Mapping[str, Type]
    label: Label
    span: Span
    hit_policy: HitPolicy = "unique"
    aggregation: Aggregation | None = None
    optional: bool = False


def lower_table(
    shape: TableShape, written: list[WrittenRow], draft: Draft, ready: Mapping[str, Column] | None = None
) -> None:
    """Add the table of the rules to the draft; `ready` are columns whose tests `read_rows` did not name."""
    findings = draft.findings
    columns = dict(ready or {})
    headings: dict[str, Text] = {}
    for row in written:
        for name, heading in row.headings.items():
            headings.setdefault(name, heading)
    unknown: set[str] = set()
    for name, heading in headings.items():
        if name in shape.outputs or name in columns:
            continue
        subject = draft.subject(heading, shape.outputs)
        if subject is None:
            unknown.add(name)
        else:
            columns[name] = Column(name, *subject)
    check_ids(written, findings)
    rows = [lower_row(row, columns, shape, findings) for row in written]
    for position, lowered in enumerate(rows[:-1]):
        if lowered is not None and lowered.otherwise:
            findings.error(
                "otherwise-not-last", written[position].id.span, "`otherwise` must be the last rule of its table"
            )
    kept = tuple(row for row in rows if row is not None)
    if not written and not findings.failed:
        findings.error("no-rules", shape.span, f"`{shape.id}` has no rules")
    draft.add_table(
        Table(
            shape.id,
            tuple(columns.values()),
            kept,
            tuple(shape.outputs.items()),
            shape.hit_policy,
            shape.aggregation,
            shape.optional,
            shape.role,
            shape.label,
            shape.span,
        )
    )


def check_ids(written: list[WrittenRow], findings: Findings) -> None:
    """Every rule has a name of its own."""
    seen: dict[str, Text] = {}
    for row in written:
        first = seen.setdefault(str(row.id), row.id)
        if first is not row.id:
            findings.error(
                "duplicate-rule",
                row.id.span,
                f"the rule `{row.id}` stands twice",
                "give each rule a name of its own",
                labels=(Place(first.span, "first here"),),
            )


def lower_row(row: WrittenRow, columns: Mapping[str, Column], shape: TableShape, findings: Findings) -> Row | None:
    """One rule; None after reporting what is wrong with it."""
    before = len(findings.diagnostics)
    otherwise = row.otherwise or is_otherwise(row, columns)
    tests: list[Test] = []
    spans: list[Span | None] = []
    for name, column in columns.items():
        cell = row.cells.get(name)
        spans.append(row.id.span if cell is None else cell.span)
        if otherwise or cell is None:
            tests.append(ANYTHING)
            continue
        test = lower_cell(cell, column.type, findings) if cell or cell.quoted else None
        if not cell and not cell.quoted:
            remedy = "write `-` for any value, or `missing` for none"
            findings.error("empty-cell", cell.span, "the cell is empty", remedy)
        tests.append(ANYTHING if test is None else test)
    outputs = [output_of(row, name, kind, shape, findings) for name, kind in shape.outputs.items()]
    if len(findings.diagnostics) > before and findings.failed:
        return None
    values = tuple(expr for expr in outputs if expr is not None)
    return Row(str(row.id), tuple(tests), values, otherwise, row.label, row.reason, row.id.span, tuple(spans))


def is_otherwise(row: WrittenRow, columns: Mapping[str, Column]) -> bool:
    """True when one tested cell says `otherwise` and the others say nothing."""
    cells = [str(row.cells[name]).strip() for name in columns if name in row.cells]
    return OTHERWISE in cells and all(cell in {OTHERWISE, "", "-"} for cell in cells)


def output_of(row: WrittenRow, name: str, kind: Type, shape: TableShape, findings: Findings) -> Expr | None:
    """What a rule gives to one output; None after reporting that it gives nothing."""
    cell = row.cells.get(name)
    if cell is None and row.then is not None and len(shape.outputs) == 1:
        cell = row.then
    if cell is None or (not cell and not cell.quoted):
        span = row.id.span if cell is None else cell.span
        remedy = "" if row.then is None else "write the outputs by name: then: {output: value}"
        findings.error("missing-output", span, f"the rule `{row.id}` gives no value to `{name}`", remedy)
        return None
    return lower_value(cell, kind, findings)


def choice_constant(value: Text) -> Constant:
    """A choice written as a key."""
    return Constant(str(value), Choice((str(value),)))
