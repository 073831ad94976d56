"""What an author did, told from what a YAML scanner complains of.

YAML stops at the first thing it cannot read and speaks of tokens. Nearly always the cause is a
cell that is not in quotes (`A: >= 14`), a bracket or quote left open, or a line that does not
line up. `explain` finds out which, by the place and the line it happened in, and says whether
the rest of the file can still be read when that cell is taken as text.

The wording of the two parsers (libyaml and pure Python) differs, their contexts agree; what is
not recognised is passed on in the parser's words. Positions here count from 0, as in YAML.
"""

from __future__ import annotations

import re

from yaml.error import Mark, MarkedYAMLError, YAMLError

from crm_rules.codes import diagnose
from crm_rules.dataclass import dataclass
from crm_rules.diagnostics import Diagnostic, Label
from crm_rules.source import Span

# Bounded, because unbounded it would take a time that grows with the square of a hostile line.
INTERVAL = re.compile(r"[\[(\]][^\[\](){}\"']{0,60}?\.\.[^\[\](){}\"']{0,60}[\])\[]")
FULL_WIDTH_COLON = "\uff1a"
FULL_WIDTH = {"\uff0c": ",", "\u3001": ",", FULL_WIDTH_COLON: ":"}
_QUOTE_NEEDED = "\"'*&!"
_LONGEST_QUOTED_CELL = 60


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of one file, and the spans in it."""

    path: str
    lines: list[str]

    def at(self, line: int) -> str:
        """Line `line`, empty beyond the end of the file."""
        return self.lines[line] if line < len(self.lines) else ""

    def span(self, line: int, start: int, end: int) -> Span:
        """The characters `start` to `end` of a line; a place beyond the file is moved to the end of its text."""
        if line < len(self.lines) - 1:
            return Span(self.path, line + 1, start + 1, max(end, start + 1) + 1)
        if line >= len(self.lines) or (line == len(self.lines) - 1 and not self.lines[line] and line):
            line = max((i for i, text in enumerate(self.lines) if text.strip()), default=0)
            start = len(self.at(line).rstrip())
            end = start
        return Span(self.path, line + 1, start + 1, max(end, start + 1) + 1)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why the text cannot be read, and the cell which, taken as text, lets the rest be read."""

    diagnostics: list[Diagnostic]
    cell: Span | None = None
    open_quote: bool = False


def explain(error: YAMLError, lines: Lines, open_flows: list[tuple[int, int]]) -> Trouble:
    """The author's mistake behind an error of YAML; `open_flows` are the brackets open at that point."""
    if not isinstance(error, MarkedYAMLError):
        return _syntax(lines.span(0, 0, 1), f"YAML cannot read this file: {error}")
    return _Case(lines, open_flows, error).explain()


def unquoted_cell(span: Span, lines: Lines) -> Trouble:
    """The cell at `span` has to be quoted."""
    cell = lines.at(span.line - 1)[span.column - 1 : span.end - 1]
    shown = cell if len(cell) <= _LONGEST_QUOTED_CELL else cell[:_LONGEST_QUOTED_CELL] + "…"
    quoted = f"'{shown.replace(chr(39), chr(39) * 2)}'" if '"' in cell or "\\" in cell else f'"{shown}"'
    remedy = f"write `{quoted}`, or use a pipe table, where no cell needs quotes"
    found = diagnose("unquoted-cell", span, f"the cell `{shown}` is not in quotes", remedy=remedy)
    return Trouble([found], span)


def cell_end(line: str, start: int, *, in_flow: bool) -> int:
    """Where the cell that begins at `start` ends: at the comma or bracket around it, or with the line."""
    end = len(line)
    depth = 0
    quote = ""
    for i in range(start, len(line)):
        character = line[i]
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character == "#" and i > start and line[i - 1] in " \t":
            end = i
            break
        elif in_flow:
            depth += (character in "[{(") - (character in "]})")
            if character == "," or (character in "]}" and depth < 0):
                end = i
                break
        elif character == ":" and line[i + 1 : i + 2] in ("", " ") and not line[:start].strip(" -?"):
            end = i  # the cell stands where a key is expected
            break
    return max(start + len(line[start:end].rstrip()), start + 1)


def cell_start(line: str, column: int, *, in_flow: bool) -> int:
    """Where the cell around `column` begins: after the last `: `, `- `, or within brackets `,`, `[`, `{`."""
    start = len(line) - len(line.lstrip())
    while line.startswith("- ", start):
        start += 2 + len(line[start + 2 :]) - len(line[start + 2 :].lstrip())
    quote = ""
    for i in range(start, min(column, len(line))):
        character = line[i]
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif (character == ":" and line[i + 1 : i + 2] == " ") or (in_flow and character in ",[{"):
            start = i + 1
    return start + len(line[start:]) - len(line[start:].lstrip())


class _Case:
    """One error with the lines around it; each method looks for one kind of mistake."""

    def __init__(self, lines: Lines, open_flows: list[tuple[int, int]], error: MarkedYAMLError) -> None:
        self._lines = lines
        self._open_flows = open_flows
        self._context = error.context or ""
        self._problem = error.problem or ""
        self._row, self._column = _position(error.problem_mark or error.context_mark)
        self._opened = _position(error.context_mark or error.problem_mark)
        self._line = lines.at(self._row)
        self._here = lines.span(self._row, self._column, self._column + 1)

    def explain(self) -> Trouble:
        kinds = (
            self._tab,
            self._scanned,
            self._quote,
            self._key,
            self._flow,
            self._value,
            self._layout,
            self._document,
        )
        for kind in kinds:
            if trouble := kind():
                return trouble
        return _syntax(self._here, f"YAML cannot read this place: {self._problem}")

    def _in_flow(self, row: int, column: int) -> bool:
        depth = sum(1 for line, _ in self._open_flows if line < row)
        quote = ""
        for character in self._lines.at(row)[:column]:
            if quote:
                quote = "" if character == quote else quote
            elif character in "\"'":
                quote = character
            else:
                depth += (character in "[{") - (character in "]}")
        return depth > 0

    def _cell(self, row: int, column: int) -> Trouble:
        line = self._lines.at(row)
        end = cell_end(line, column, in_flow=self._in_flow(row, column))
        return unquoted_cell(self._lines.span(row, column, end), self._lines)

    def _tab(self) -> Trouble | None:
        """Tabs in the indentation, all of the file at once."""
        at_tab = self._line[self._column : self._column + 1] == "\t" and "cannot start any token" in self._problem
        if not at_tab and "found a tab" not in self._problem:
            return None
        indented = [
            self._lines.span(row, line.index("\t"), line.index("\t") + 1)
            for row, line in enumerate(self._lines.lines)
            if re.match(r" *\t\s*\S", line)
        ]
        return Trouble(
            [
                diagnose(
                    "tab-indentation",
                    span,
                    "found a tab, expected spaces",
                    remedy="indent by spaces, and set your editor to insert spaces for a tab",
                )
                for span in indented or [self._here]
            ]
        )

    def _scanned(self) -> Trouble | None:
        """A cell whose first character means something to YAML."""
        if self._context == "while scanning a block scalar":
            return self._block_opening(*self._opened)
        if "cannot start any token" in self._problem:
            return self._cell(self._row, self._column)
        if self._context in {"while scanning an anchor", "while scanning an alias"}:
            return self._cell(*self._opened)
        if "tag" in self._context or "tag handle" in self._problem:
            return Trouble([refused_tag(self._lines.span(*self._opened, self._opened[1] + 1))])
        return None

    def _block_opening(self, row: int, column: int) -> Trouble:
        """A `|` or `>` with more behind it."""
        if self._lines.at(row)[column : column + 1] != "|":
            return self._cell(row, column)
        if not self._lines.at(row)[:column].strip():
            return self._stray_row(row, column)
        return _syntax(
            self._here,
            "found text behind the `|` that opens a block of lines",
            "begin the text or table on the next line, indented deeper than its key",
        )

    def _stray_row(self, row: int, column: int) -> Trouble:
        """A row of a table that stands in no block: its key has no `|`, or the rows above stand deeper."""
        span = self._lines.span(row, column, len(self._lines.at(row).rstrip()))
        above = next((i for i in range(row - 1, -1, -1) if self._lines.at(i).strip()), 0)
        if self._lines.at(above).lstrip().startswith("|"):
            return _syntax(
                span,
                "this row is indented less than the table above it",
                "give all rows of a table the same indentation, deeper than its key",
            )
        key = self._lines.at(above).strip()
        if re.fullmatch(r"[\w-]+:", key):
            return _syntax(span, "found a table, expected a `|` behind its key", f"write `{key} |` above it")
        if re.search(r":\s+\|[+-]?$", key):
            return _syntax(span, "the table is not indented deeper than its key", "indent all rows by two more spaces")
        return _syntax(span, "found a table without a key", "write a key and `|` above it, such as `rules: |`")

    def _quote(self) -> Trouble | None:
        """A quote that is left open, or a backslash that means nothing."""
        if "quoted scalar" in self._context:
            if "escape" in self._problem:
                row, column = self._opened if self._column == 0 else (self._row, self._column)
                column = max(self._lines.at(row).rfind("\\", 0, column + 1), 0)
                return _syntax(
                    self._lines.span(row, column, column + 2),
                    f"`{self._lines.at(row)[column : column + 2]}` means nothing in double quotes",
                    "use single quotes, in which a backslash is a plain character",
                )
            row, column = self._opened
            quote = self._lines.at(row)[column : column + 1]
            found = _syntax(self._lines.span(row, column, column + 1), f"the quote `{quote}` is never closed")
            return Trouble(found.diagnostics, open_quote=True)
        return None

    def _key(self) -> Trouble | None:
        """A `:` at the beginning of a line or entry."""
        if self._line[self._column : self._column + 1] != ":" or "while parsing" not in self._context:
            return None
        before = self._line[: self._column]
        begins = before.rstrip()[-1:] in {"{", ","} if "flow" in self._context else not before.strip(" -")
        return Trouble([missing_key(self._here)]) if begins else None

    def _flow(self) -> Trouble | None:
        """Brackets: an interval that YAML takes for a list, or a bracket that is left open."""
        for row, column in ((self._row, self._column), self._opened):
            line = self._lines.at(row)
            for match in INTERVAL.finditer(line):
                if match.start() <= column < match.end():
                    in_flow = self._in_flow(row, match.start())
                    end = match.end() if in_flow else max(match.end(), cell_end(line, match.start(), in_flow=False))
                    return unquoted_cell(self._lines.span(row, match.start(), end), self._lines)
        if "flow" not in self._context:
            return None
        begin = cell_start(self._line, self._column, in_flow=True)
        if begin < self._column and self._line[begin : begin + 1] in ('"', "'"):
            return self._cell(self._row, begin)
        at_end = not "".join(self._lines.lines[self._row :])[self._column :].strip()
        if "sequence" not in self._context and "mapping" not in self._context and not at_end:
            if self._line[self._column : self._column + 1] not in tuple(",]}"):
                return self._cell(self._row, self._column)
            return _syntax(self._here, f"found `{self._line[self._column]}`, expected a value")
        row, column = self._open_flows[-1] if at_end and self._open_flows else self._opened
        bracket = self._lines.at(row)[column : column + 1]
        closing = {"[": "]", "{": "}"}.get(bracket, "a closing bracket")
        return _syntax(
            self._lines.span(row, column, column + 1),
            f"the `{bracket}` is not closed",
            _full_width(self._lines.at(row)[column:]),
            labels=(Label(self._here, f"expected `,` or `{closing}` before this"),),
        )

    def _value(self) -> Trouble | None:
        """Something in the place of a value that is none."""
        if "expected node content" in self._problem or "expected the node content" in self._problem:
            return self._cell(self._row, self._column)
        if "entries are not allowed" in self._problem or "keys are not allowed" in self._problem:
            cell = self._cell(self._row, self._column)
            if cell.cell and cell.cell.end - cell.cell.column == 1:
                return cell
            return _syntax(
                self._here,
                "found a list entry behind other text",
                "begin the list on the next line, or put the text in quotes if it is not a list",
            )
        if "mapping values are not allowed" in self._problem:
            begin = cell_start(self._line[: self._column], self._column, in_flow=False)
            if not re.search(r":\s", self._line[: self._column]):
                return _syntax(
                    self._here,
                    "this key is indented deeper than its neighbours, and the line above has its value already",
                    "line the key up with the ones above",
                )
            end = cell_end(self._line, begin, in_flow=False)
            text = self._line[begin:end]
            trouble = _syntax(
                self._here,
                f"found a second `:` in the line, in the text `{text}`",
                "put the text in quotes, or begin the inner mapping on the next line",
            )
            return Trouble(trouble.diagnostics, self._lines.span(self._row, begin, end))
        return None

    def _layout(self) -> Trouble | None:
        """A line that is no `key: value`, or that does not line up."""
        if "could not find expected ':'" in self._problem:
            row, column = self._opened
            line = self._lines.at(row)
            text = line.strip()
            remedy = "separate a key from its value by a colon and a space"
            if FULL_WIDTH_COLON in line:
                remedy = "write the half-width colon `:` and a space after it"
            span = self._lines.span(row, column, len(line.rstrip()))
            return _syntax(span, f"found the line `{text[:_LONGEST_QUOTED_CELL]}`, expected `key: value`", remedy)
        if self._context not in {"while parsing a block mapping", "while parsing a block collection"}:
            return None
        begin = cell_start(self._line, self._column, in_flow=False)
        if begin < self._column and self._line[begin : begin + 1] in tuple(_QUOTE_NEEDED):
            return self._cell(self._row, begin)
        what = "mapping" if "mapping" in self._context else "list"
        row, column = self._opened
        return _syntax(
            self._here,
            f"this line does not line up with the {what} it seems to belong to",
            "give all entries of one mapping or list the same indentation",
            labels=(Label(self._lines.span(row, column, column + 1), f"the {what} begins here"),),
        )

    def _document(self) -> Trouble | None:
        """Text before or after the one document."""
        directive = "directive" in self._context
        if not directive and "document start" not in self._problem:
            return None
        if not directive and any(line.startswith(("---", "...")) for line in self._lines.lines[: self._row]):
            return Trouble([second_document(self._here)])
        row = next((i for i, line in enumerate(self._lines.lines) if line.startswith("%")), None)
        if row is not None:
            return _syntax(self._lines.span(row, 0, 1), "a line begins with `%`, expected a key")
        return _syntax(self._here, "found more text after the end of the document, expected the end of the file")


def refused_tag(span: Span) -> Diagnostic:
    """A tag is refused, wherever it is found."""
    return diagnose("tag", span, "found a YAML tag, expected plain text", remedy="remove it, or put the text in quotes")


def missing_key(span: Span) -> Diagnostic:
    """A `:` needs a key before it."""
    message = "found no key before `:`, expected a text"
    return diagnose("key-not-text", span, message, remedy="write one text before the `:`")


def second_document(span: Span) -> Diagnostic:
    """A file holds one document."""
    return diagnose(
        "several-documents",
        span,
        "found a second document, expected one per file",
        remedy="move it to a file of its own",
    )


def _full_width(text: str) -> str:
    """The remedy for a comma or colon of a Chinese input method, which mean nothing to YAML."""
    found = next((sign for sign in text if sign in FULL_WIDTH), None)
    return f"write the half-width `{FULL_WIDTH[found]}` and a space after it, not `{found}`" if found else ""


def _syntax(span: Span, message: str, remedy: str = "", labels: tuple[Label, ...] = ()) -> Trouble:
    return Trouble([diagnose("yaml-syntax", span, message, remedy=remedy, labels=labels)])


def _position(mark: Mark | None) -> tuple[int, int]:
    return (mark.line, mark.column) if mark else (0, 0)
