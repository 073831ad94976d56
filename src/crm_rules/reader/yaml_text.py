"""One YAML file as a tree of text, every piece with the line and column it stands at.

    bands:
      A: ">= 14"      ->  Mapping({Text("bands"): Mapping({Text("A"): Text(">= 14")})})

Built from the events of PyYAML (libyaml where it is installed), so nothing is ever converted:
`NO`, `12:30` and `1_000` are the text that was written, and no file can run code. Only what a
reviewer can see is accepted: no anchors, aliases, tags, merge keys, further documents.
All findings of a file come at once: a cell that YAML cannot read is reported (see
`crm_rules.reader.yaml_errors`), taken as text, and reading goes on.

The span of a quoted text lies inside of its quotes, and of a text of several lines on the first.
What keys and values mean is not known here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Self, TypeAlias

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
)

from crm_rules.codes import diagnose
from crm_rules.diagnostics import Diagnostic, Label
from crm_rules.reader.yaml_errors import (
    INTERVAL,
    Lines,
    Trouble,
    cell_end,
    explain,
    missing_key,
    refused_tag,
    second_document,
    unquoted_cell,
)
from crm_rules.source import Span, Text

MAX_BYTES = 1_000_000
MAX_DEPTH = 32
MAX_REPAIRS = 20
MAX_VALUES = 50_000  # keys, values and cells of one file; each takes some 50 µs on its way to a program
Loader: TypeAlias = Any  # a loader class of PyYAML; the C and the pure one share no type
_Event: TypeAlias = Any  # the type stubs of PyYAML know neither the fields of events nor that each has its marks
LOADER: Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# What YAML forbids, and the further line ends of Unicode and the invisible U+FEFF, which would shift lines and columns.
_UNREADABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
_LINE_END = re.compile(r"\r\n?")
_NUMBER_AS_INDENTATION = re.compile(r">[+-]?\d")
_NESTED_DASH = re.compile(r"(?:^|\s)- +-$")


class Block(Text):
    """The text of a literal block (`|`), and its lines, each at its own place."""

    __slots__ = ("lines",)

    lines: tuple[Text, ...]

    def __new__(cls, value: str, span: Span, *, quoted: bool = False, lines: tuple[Text, ...] = ()) -> Self:
        """A block of `lines`, whose text as YAML reads it is `value`."""
        block = super().__new__(cls, value, span, quoted=quoted)
        block.lines = lines
        return block


class Mapping(dict[Text, "Tree"]):
    """A mapping of the file and the place it begins at."""

    __slots__ = ("span",)

    def __init__(self, span: Span) -> None:
        super().__init__()
        self.span = span


class Sequence(list["Tree"]):
    """A list of the file and the place it begins at."""

    __slots__ = ("span",)

    def __init__(self, span: Span) -> None:
        super().__init__()
        self.span = span


Tree: TypeAlias = Text | Mapping | Sequence


def read_yaml(
    text: str | bytes, path: str, *, max_bytes: int = MAX_BYTES, loader: Loader = LOADER
) -> tuple[Tree | None, list[Diagnostic]]:
    """The tree of a file and all that is wrong with it; without a tree nothing of the file can be used.

    `path` is the name in the spans; `loader` is the PyYAML loader that scans the text.
    """
    start = Span(path, 1, 1, 2)
    size = len(text) if isinstance(text, bytes) else len(text.encode("utf-8", "surrogatepass"))
    if size > max_bytes:
        message = f"the file has {size} bytes, expected at most {max_bytes}"
        return None, [diagnose("file-too-large", start, message, remedy="split it, or move data out of it")]
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8")
        except UnicodeDecodeError as error:
            return None, [_not_utf8(error, path)]
    source = _LINE_END.sub("\n", text.removeprefix("\ufeff"))
    lines = Lines(path, source.split("\n"))
    values = source.count("|") + source.count(",")
    if values > MAX_VALUES:
        return None, [_too_many(start, values)]
    findings = list(_control_characters(lines))
    if findings:
        source = _UNREADABLE.sub("x", source)
    tree, more = _read(source, lines, loader)
    findings += more
    if not findings and (tree is None or (isinstance(tree, Text) and not tree and not tree.quoted)):
        return None, [diagnose("empty-file", start, "the file is empty", remedy="write a policy into it, or delete it")]
    return tree, findings


def _read(source: str, lines: Lines, loader: Loader) -> tuple[Tree | None, list[Diagnostic]]:
    """Read, and whenever a single cell is in the way, read again with that cell masked."""
    repaired: list[Diagnostic] = []
    masked = source.split("\n")
    values = 0
    for _ in range(MAX_REPAIRS):
        builder = _Builder("\n".join(masked), Lines(lines.path, masked), lines.lines)
        try:
            return builder.tree(loader), repaired + builder.findings
        except _TroubleError as error:
            trouble = error.trouble
        except yaml.YAMLError as error:
            trouble = explain(error, builder.lines, builder.open_flows)
        if trouble.open_quote:  # what was found behind it was read with quotes the wrong way round
            opened = trouble.diagnostics[0].span
            repaired = [one for one in repaired if (one.span.line, one.span.column) < (opened.line, opened.column)]
        repaired += trouble.diagnostics
        values += builder.values
        cell = trouble.cell
        if cell is None or not _mask(masked, cell) or values > MAX_VALUES:
            return None, repaired + builder.findings
    return None, repaired


def _mask(lines: list[str], cell: Span) -> bool:
    """Put harmless letters in the place of a cell; false when that changes nothing."""
    line = lines[cell.line - 1]
    start, end = cell.column - 1, min(cell.end - 1, len(line))
    lines[cell.line - 1] = line[:start] + "x" * (end - start) + line[end:]
    return lines[cell.line - 1] != line


class _TroubleError(Exception):
    """Reading cannot go on here."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__()
        self.trouble = trouble


class _Builder:
    """Builds the tree of one text; `written` are its lines before any cell was masked."""

    def __init__(self, source: str, lines: Lines, written: list[str]) -> None:
        self.lines = lines
        self.findings: list[Diagnostic] = []
        self.open_flows: list[tuple[int, int]] = []
        self.values = 0
        self._source = source
        self._written = written
        self._events: Iterator[_Event] = iter(())

    def tree(self, loader: Loader) -> Tree | None:
        """The first document of the file, None when there is none."""
        self._events = yaml.parse(self._source, Loader=loader)
        tree: Tree | None = None
        for event in self._events:
            if isinstance(event, NodeEvent):
                tree = self._node(event, 0)
            elif isinstance(event, DocumentStartEvent) and tree is not None:
                self.findings.append(second_document(self._place(event)))
                break
        return tree

    def _node(self, event: _Event, depth: int) -> Tree:
        self.values += 1
        if self.values > MAX_VALUES:
            raise _TroubleError(Trouble([_too_many(self._place(event))]))
        if isinstance(event, ScalarEvent) and not event.anchor and not event.tag:
            return self._scalar(event)
        here = self._place(event)
        if isinstance(event, AliasEvent):
            name = f"*{event.anchor}"
            self._refuse("alias", here, f"found the alias `{name}`, expected the value itself")
            return Text(name, here)
        if event.anchor:
            self._refuse("anchor", here, f"found the anchor `&{event.anchor}`, expected a value without a name")
        if event.tag:
            self.findings.append(refused_tag(here))
        if isinstance(event, ScalarEvent):
            return self._scalar(event)
        if depth == MAX_DEPTH:
            message = f"found more than {MAX_DEPTH} lists and mappings within each other"
            raise _TroubleError(Trouble([diagnose("nested-too-deep", here, message)]))
        if event.flow_style:
            self.open_flows.append((event.start_mark.line, event.start_mark.column))
        tree = self._mapping(event, depth) if isinstance(event, MappingStartEvent) else self._sequence(event, depth)
        if event.flow_style:
            self.open_flows.pop()
        return tree

    def _mapping(self, event: _Event, depth: int) -> Mapping:
        mapping = Mapping(self._place(event))
        places: dict[str, Span] = {}
        before: _Event | None = None
        while not isinstance(key_event := next(self._events), MappingEndEvent):
            key = self._node(key_event, depth + 1)
            value_event = next(self._events)
            if event.flow_style:
                self._expect_colon(key_event, value_event, before)
            value = self._node(value_event, depth + 1)
            before = value_event
            if not isinstance(key, Text):
                message = "found a list or mapping as a key, expected a text"
                self._refuse("key-not-text", self._place(key_event), message)
            elif not key and not key.quoted:
                self.findings.append(missing_key(key.span))
            elif key in places:
                labels = (Label(places[key], "first written here"),)
                message = f"the key `{key}` stands twice in one mapping"
                self.findings.append(diagnose("duplicate-key", key.span, message, labels=labels))
            elif key == "<<" and not key.quoted:
                self._refuse("merge-key", key.span, "found the merge key `<<`, expected the keys themselves")
            else:
                if not places and not event.flow_style:
                    mapping.span = key.span
                places[key] = key.span
                mapping[key] = value
        return mapping

    def _sequence(self, event: _Event, depth: int) -> Sequence:
        sequence = Sequence(self._place(event))
        while not isinstance(item := next(self._events), SequenceEndEvent):
            sequence.append(self._node(item, depth + 1))
        if event.flow_style and any(isinstance(item, Text) and ".." in item and not item.quoted for item in sequence):
            self._unquoted(event, item)  # `[12..14]` is an interval, which YAML takes for a list of one text
        return sequence

    def _expect_colon(self, key: _Event, value: _Event, before: _Event | None) -> None:
        """`{x: not(1, 2), y: "a","b"}`: a comma has torn a cell apart, and its rest stands there as a key."""
        has_value = not isinstance(value, ScalarEvent) or value.value or value.style
        is_text = isinstance(key, ScalarEvent)
        if has_value or not is_text or ":" in self._source[key.end_mark.index : value.start_mark.index]:
            return
        if isinstance(before, ScalarEvent) and before.value:
            self._unquoted(before, key)
        self._refuse("yaml-syntax", self._place(key), f"found `{key.value}` in braces, expected `key: value`")

    def _unquoted(self, first: _Event, last: _Event) -> None:
        start, end = first.start_mark, last.end_mark
        line = self.lines.at(start.line)
        stop = end.column if end.line == start.line else cell_end(line, start.column, in_flow=True)
        if interval := INTERVAL.match(line, start.column):
            stop = interval.end()  # `[1..2), y: (3..4]`: the bracket that closes belongs to another cell
        raise _TroubleError(unquoted_cell(self.lines.span(start.line, start.column, stop), self.lines))

    def _scalar(self, event: _Event) -> Text:
        start, end = event.start_mark, event.end_mark
        line = self.lines.at(start.line)
        if event.anchor or event.tag:
            return Text(event.value, self._place(event), quoted=bool(event.style))
        if event.style == "|":
            return self._block(event)
        if event.style == ">":
            if _NUMBER_AS_INDENTATION.match(line, start.column):  # `x: >5` is meant as a test, not as an indentation
                self._unquoted(event, event)
            return Text(event.value, self._place(event))
        if event.style:
            inside = end.column - 1 if end.line == start.line else len(line)
            return Text(event.value, self.lines.span(start.line, start.column + 1, inside), quoted=True)
        if start.line == end.line:
            if start.column == end.column and _NESTED_DASH.search(
                line[max(start.column - 20, 0) : start.column].rstrip()
            ):
                dash = line.rindex("-", 0, start.column)
                raise _TroubleError(unquoted_cell(self.lines.span(start.line, dash, dash + 1), self.lines))
            written = self._written[start.line][start.column : end.column] if start.line < len(self._written) else ""
            return Text(written, self.lines.span(start.line, start.column, end.column))
        return Text(event.value, self.lines.span(start.line, start.column, len(line.rstrip())))

    def _block(self, event: _Event) -> Block:
        first = event.start_mark.line + 1
        values = event.value.removesuffix("\n").split("\n") if event.value else []
        lines = []
        for row, value in enumerate(values, first):
            written = self._written[row]
            indent = len(written) - len(value) if value else len(written)
            lines.append(Text(written[indent:], Span(self.lines.path, row + 1, indent + 1, len(written) + 1)))
        return Block(event.value, self._place(event), lines=tuple(lines))

    def _place(self, event: _Event) -> Span:
        """The event's stretch of its first line; lists and mappings have only their first character."""
        start, end = event.start_mark, event.end_mark
        return self.lines.span(start.line, start.column, end.column if start.line == end.line else start.column + 1)

    def _refuse(self, code: str, span: Span, message: str) -> None:
        self.findings.append(diagnose(code, span, message, remedy=_REMEDIES.get(code, "")))


_REMEDIES = {
    "alias": "write the value out, or put the text in quotes",
    "anchor": "remove it, or put the text in quotes",
    "merge-key": "write the keys out; `extends` builds on another policy",
    "key-not-text": "write one text before the `:`",
    "yaml-syntax": "separate a key from its value by a colon and a space",
}


def _too_many(span: Span, found: int = 0) -> Diagnostic:
    message = f"a file has at most {MAX_VALUES:,} keys, values and cells" + (f", found {found:,}" if found else "")
    return diagnose("too-many-values", span, message, remedy="split it, or move data out of it")


def _not_utf8(error: UnicodeDecodeError, path: str) -> Diagnostic:
    text = error.object
    before = _LINE_END.sub("\n", text[: error.start].decode("utf-8").removeprefix("\ufeff")).split("\n")
    column = len(before[-1]) + 1
    return diagnose(
        "not-utf-8",
        Span(path, len(before), column, column + 1),
        f"found the byte 0x{text[error.start]:02X}, which is not UTF-8",
        remedy="save the file again with the encoding UTF-8",
    )


def _control_characters(lines: Lines) -> Iterator[Diagnostic]:
    for row, line in enumerate(lines.lines):
        for match in _UNREADABLE.finditer(line):
            message = f"found the control character U+{ord(match[0]):04X}"
            span = lines.span(row, match.start(), match.end())
            yield diagnose("control-character", span, message, remedy="delete it, or type the text again")
