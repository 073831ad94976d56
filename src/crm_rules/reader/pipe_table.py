r"""A table drawn with bars in a block of lines, each cell at its own line and column.

    | id  | amount | points |
    | top | >= 10  | 4      |        # a comment stands on a line of its own

The first row names the columns. Blank lines and lines that begin with `#` are skipped, and so is
a separator row `|---|---|` below the header. A bar inside of a cell is written `\|`. What is
wrong with a row is reported and the other rows are still read.

What columns and cells mean is not known here.
"""

from __future__ import annotations

import re
from itertools import pairwise

from crm_rules.codes import diagnose
from crm_rules.dataclass import dataclass
from crm_rules.diagnostics import Diagnostic, Label
from crm_rules.reader.yaml_text import Block
from crm_rules.source import Span, Text

FULL_WIDTH_BAR = "\uff5c"
_SEPARATOR = re.compile(r":?-{3,}:?")


@dataclass(frozen=True, slots=True)
class Table:
    """The names of the columns, and the cells of each row in the same order and number."""

    header: tuple[Text, ...]
    rows: tuple[tuple[Text, ...], ...]


def parse_table(block: Block) -> tuple[Table | None, list[Diagnostic]]:
    """The table of a block and what is wrong with it; rows that do not fit the header are left out."""
    findings: list[Diagnostic] = []
    header: tuple[Text, ...] | None = None
    header_span = block.span
    below_header = False
    rows: list[tuple[Text, ...]] = []
    broken = 0
    for line in block.lines:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        cells = _cells(line, len(header) if header else None, findings)
        if cells is None:
            continue
        if header is None:
            header, header_span, below_header = cells, _stripped(line, 0, len(line)).span, True
            findings += _header_findings(header)
        elif below_header and all(_SEPARATOR.fullmatch(cell) for cell in cells):
            below_header = False
        elif len(cells) != len(header):
            below_header = False
            broken += 1
            findings.append(_ragged(_stripped(line, 0, len(line)).span, len(cells), header_span, len(header)))
        else:
            below_header = False
            rows.append(cells)
    if not rows and not broken and not findings:
        what = "no row below the header" if header else "no table"
        remedy = "begin with a header line such as `| id | amount | points |`, and write the rows below it"
        findings.append(diagnose("empty-table", header_span, f"found {what}, expected at least one row", remedy=remedy))
    return Table(header, tuple(rows)) if header else None, findings


def _cells(line: Text, expected: int | None, findings: list[Diagnostic]) -> tuple[Text, ...] | None:
    """The cells of one row, None for a line that is no row; what stands outside of the bars is reported."""
    bars = [i for i, character in enumerate(line) if character == "|" and not _escaped(line, i)]
    wide = [i for i, character in enumerate(line) if character == FULL_WIDTH_BAR] if FULL_WIDTH_BAR in line else []
    if wide and (not bars or line.lstrip()[0] != "|" or len(bars) - 1 != expected):
        message = f"found the full-width bar `{FULL_WIDTH_BAR}`, expected `|`"
        remedy = "switch the input method to half-width for all bars of the row"
        findings.append(diagnose("full-width-bar", line.part(wide[0], wide[0] + 1).span, message, remedy=remedy))
        bars = sorted(bars + wide)
    if bars and not line[: bars[0]].strip() and not line[bars[-1] + 1 :].strip() and len(bars) > 1:
        return tuple(_cell(line, start + 1, end) for start, end in pairwise(bars))
    whole = _stripped(line, 0, len(line))
    if not bars:
        message = f"found the text `{whole}`, expected a row between bars"
        remedy = "begin a comment with `#`, and a row with `|`"
        findings.append(diagnose("text-outside-table", whole.span, message, remedy=remedy))
        return None
    before, after = _stripped(line, 0, bars[0]), _stripped(line, bars[-1] + 1, len(line))
    if before:
        findings.append(
            diagnose("missing-bar", before.span, "the row does not begin with a bar", remedy="write `|` before it")
        )
        bars.insert(0, -1)
    if after and (after.startswith("#") or len(bars) - 1 == expected):
        remedy = "put it on a line of its own that begins with `#`"
        message = f"found the text `{after}` behind the last bar"
        findings.append(diagnose("text-outside-table", after.span, message, remedy=remedy))
    elif after or len(bars) == 1:
        end = after or whole
        findings.append(
            diagnose("missing-bar", end.span, "the row does not end with a bar", remedy="write `|` behind it")
        )
        if after:
            bars.append(len(line))
    return tuple(_cell(line, start + 1, end) for start, end in pairwise(bars))


def _cell(line: Text, start: int, end: int) -> Text:
    cell = _stripped(line, start, end)
    return Text(cell.replace("\\|", "|"), cell.span) if "\\" in cell else cell


def _escaped(line: str, position: int) -> bool:
    return position > 0 and line[position - 1] == "\\"


def _stripped(line: Text, start: int, end: int) -> Text:
    """The part of a line without the blanks around it; an empty cell stands in the second column behind its bar."""
    raw = line[start:end]
    if not raw.strip():
        place = start + min(1, max(end - start - 1, 0))
        return Text("", line.span.within(place, place + 1))
    begin = start + len(raw) - len(raw.lstrip())
    return line.part(begin, start + len(raw.rstrip()))


def _header_findings(header: tuple[Text, ...]) -> list[Diagnostic]:
    findings = []
    seen: dict[str, Span] = {}
    for name in header:
        if not name:
            message = "found a column without a name"
            remedy = "name it, or remove the column"
            findings.append(diagnose("unnamed-column", name.span, message, remedy=remedy))
        elif name in seen:
            labels = (Label(seen[name], "first written here"),)
            message = f"the column `{name}` stands twice in the header"
            findings.append(diagnose("duplicate-column", name.span, message, labels=labels))
        else:
            seen[name] = name.span
    return findings


def _ragged(row: Span, found: int, header: Span, expected: int) -> Diagnostic:
    return diagnose(
        "ragged-row",
        row,
        f"found {_count(found, 'cell')}, expected {expected}",
        remedy="a test that says nothing is `-`; a bar that belongs to a text is written `\\|`",
        labels=(Label(header, f"the header has {_count(expected, 'column')}"),),
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
