"""Diagnostics as text for people, as one line each for editors, as JSON for programs.

`render_text` shows each place in its source line, with a marker under it and the words for it
behind the marker; `sources` maps a path to the text of that file, and a path that is not in it is
named without its line. Markers are set by screen columns, so they stand right under Chinese text.
Characters that a terminal would obey rather than show are replaced.

Nothing is decided here: order, severity and words are those of the report.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import groupby
from typing import Any
from unicodedata import category

from crm_rules.columns import display_width
from crm_rules.diagnostics import Diagnostic, Severity, Witness
from crm_rules.source import Span

_COLOURS: dict[Severity, str] = {"error": "1;31", "warning": "1;33", "note": "1;36"}
_LINE_END = re.compile(r"\r\n?|\n")
_FRAME = "1;34"
_PLAIN_WORD = re.compile(r"\w[\w.\-]*")
_WIDEST = 160
_LEAD = 60


def render_text(
    report: Iterable[Diagnostic], sources: Mapping[str, str] | None = None, *, color: bool = False, within: str = ""
) -> str:
    """All diagnostics with their source lines, and a summary of what was found `within` what as the last line."""
    items = list(report)
    lines = {path: _LINE_END.split(text.removeprefix("\ufeff")) for path, text in (sources or {}).items()}
    paint = _painted if color else _plain
    blocks = ["\n".join(_Snippet(item, lines, paint).rows()) for item in items]
    return "\n\n".join([*blocks, summary(items, within)])


def render_line(diagnostic: Diagnostic) -> str:
    """`path:line:column: error[code]: message`, on one line."""
    item = diagnostic
    return f"{_visible(str(item.span))}: {item.severity}[{item.code}]: {_visible(item.message)}"


def render_json(report: Iterable[Diagnostic]) -> str:
    """A JSON list with one object for each diagnostic; every key is always there."""
    return json.dumps([_as_json(item) for item in report], ensure_ascii=False, indent=2)


def summary(report: Iterable[Diagnostic], within: str = "") -> str:
    """`3 errors, 1 warning in 2 files`, or `no findings`; `within` says what was looked at, if not the files."""
    items = list(report)
    if not items:
        return "no findings"
    counts = {severity: sum(item.severity == severity for item in items) for severity in _COLOURS}
    found = ", ".join(_count(number, severity) for severity, number in counts.items() if number)
    return f"{found} in {within or _count(len({item.span.path for item in items}), 'file')}"


class _Snippet:
    """One diagnostic as rows of text."""

    def __init__(self, item: Diagnostic, lines: Mapping[str, list[str]], paint: Any) -> None:
        self._item = item
        self._lines = lines
        self._paint = paint
        marks = [(item.span, item.note, "^"), *((label.span, label.text, "-") for label in item.labels)]
        self._marks = [mark for mark in marks if self._source(mark[0]) is not None]
        self._unseen = [mark for mark in marks if self._source(mark[0]) is None]
        self._gutter = max((len(str(span.line)) for span, _, _ in self._marks), default=1)

    def rows(self) -> list[str]:
        item = self._item
        head = self._paint(f"{item.severity}[{item.code}]", _COLOURS[item.severity])
        rows = [f"{head}: {_visible(item.message)}", self._arrow("-->", item.span)]
        by_file = groupby(sorted(self._marks, key=self._order), key=lambda mark: mark[0].path)
        for path, marks in by_file:
            if path != item.span.path:
                mine = list(marks)
                rows += [self._arrow(":::", mine[0][0]), *self._file(mine)]
            else:
                rows += self._file(list(marks))
        remarks = [self._remark("note", self._seen_elsewhere(*mark)) for mark in self._unseen if mark[1]]
        if item.help:
            remarks.append(self._remark("help", item.help))
        if item.witness:
            remarks.append(self._remark("witness", _witness_text(item.witness)))
        if self._marks and remarks:
            rows.append(self._bar())
        return rows + remarks

    def _order(self, mark: tuple[Span, str, str]) -> tuple[bool, str, int, bool, int]:
        """The file of the finding first, then by line, the finding before the labels of its line."""
        span, _, sign = mark
        return span.path != self._item.span.path, span.path, span.line, sign != "^", span.column

    def _source(self, span: Span) -> str | None:
        lines = self._lines.get(span.path, [])
        return lines[span.line - 1] if 1 <= span.line <= len(lines) else None

    def _file(self, marks: list[tuple[Span, str, str]]) -> list[str]:
        rows = [self._bar()]
        last = None
        for number, group in groupby(marks, key=lambda mark: mark[0].line):
            here = list(group)
            if last is not None and number > last + 1:
                rows.append(self._paint("...", _FRAME))
            last = number
            source = self._source(here[0][0]) or ""
            first = _window(source, here[0][0])
            shown = _visible(source[first : first + _WIDEST])
            prefix = "…" if first else ""
            suffix = "…" if first + _WIDEST < len(source) else ""
            rows.append(f"{self._paint(f'{number:>{self._gutter}} |', _FRAME)} {prefix}{shown}{suffix}".rstrip())
            for span, words, sign in here:
                start = min(max(span.column - 1 - first, 0), len(source) - first)
                end = max(span.end - 1 - first, start)
                before = display_width(prefix + _visible(source[first : first + start]))
                width = max(display_width(_visible(source[first:][start : min(end, _WIDEST)])), 1)
                colour = _COLOURS[self._item.severity] if sign == "^" else _FRAME
                marker = self._paint(f"{sign * width} {_visible(words)}".rstrip(), colour)
                rows.append(f"{self._bar()} {' ' * before}{marker}")
        return rows

    def _bar(self) -> str:
        return str(self._paint(" " * self._gutter + " |", _FRAME))

    def _arrow(self, sign: str, span: Span) -> str:
        return f"{' ' * self._gutter}{self._paint(sign, _FRAME)} {_visible(str(span))}"

    def _remark(self, kind: str, text: str) -> str:
        return f"{' ' * self._gutter} {self._paint('=', _FRAME)} {kind}: {_visible(text)}"

    def _seen_elsewhere(self, span: Span, words: str, sign: str) -> str:
        return words if sign == "^" else f"{words}: {span}"


def _window(source: str, span: Span) -> int:
    """Where to begin to show a line: at its start, or a bit before the mark in a line too long for a screen."""
    if len(source) <= _WIDEST or span.end <= _WIDEST:
        return 0
    return min(max(span.column - 1 - _LEAD, 0), max(len(source) - _LEAD, 0))


def _visible(text: str) -> str:
    """Text for a terminal: a tab becomes a blank, what would steer the terminal or hide text becomes `�`."""
    if text.isascii() and text.isprintable():
        return text
    hidden = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    return "".join("�" if category(character) in hidden else character for character in text.replace("\t", " "))


def _witness_text(witness: Witness) -> str:
    """`need=clear, expected_close missing; today 2026-11-21`; of two records what the second has instead."""
    facts = ", ".join(_fact_text(name, value) for name, value in witness.record.items())
    if witness.other is not None:
        differing = [(name, value) for name, value in witness.other.items() if value != witness.record.get(name)]
        facts += ", and with " + ", ".join(_fact_text(name, value) for name, value in differing)
    day = "" if witness.today is None else f"; today {_plain_value(witness.today)}"
    return (facts or "a record without facts") + day


def _fact_text(name: str, value: Any) -> str:
    """`need=clear`, `expected_close missing`."""
    return f"{name} missing" if value is None else f"{name}={_word(value)}"


def _word(value: Any) -> str:
    """A value as an author would write it; a text in quotes where it could be read as something else."""
    match value:
        case bool():
            return "true" if value else "false"
        case str() if _PLAIN_WORD.fullmatch(value):
            return value
        case Decimal():
            return f"{value:f}"
        case date() | int() | float() | Fraction():
            return str(value)
        case _:
            return json.dumps(_plain_value(value), ensure_ascii=False)


def _as_json(item: Diagnostic) -> dict[str, Any]:
    witness = item.witness
    return {
        "code": item.code,
        "severity": item.severity,
        "message": item.message,
        "note": item.note,
        "help": item.help,
        "span": _span_as_json(item.span),
        "labels": [{"text": label.text, "span": _span_as_json(label.span)} for label in item.labels],
        "witness": witness and _witness_as_json(witness),
    }


def _witness_as_json(witness: Witness) -> dict[str, Any]:
    other = {} if witness.other is None else {"other": _plain_value(witness.other)}
    return {"record": _plain_value(witness.record), "today": _plain_value(witness.today), **other}


def _span_as_json(span: Span) -> dict[str, Any]:
    return {"path": span.path, "line": span.line, "column": span.column, "end_column": span.end}


def _plain_value(value: Any) -> Any:
    """A value for JSON that loses nothing: days as ISO text, exact numbers as their text."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case date():
            return value.isoformat()
        case Mapping():
            return {str(key): _plain_value(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_plain_value(inner) for inner in value]
        case _:
            return str(value)


def _plain(text: str, _colour: str) -> str:
    return text


def _painted(text: str, colour: str) -> str:
    return f"\x1b[{colour}m{text}\x1b[0m"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
