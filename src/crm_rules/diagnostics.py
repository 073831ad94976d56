"""Diagnostics are data: a code, a severity, a place, a message and a remedy.

Every layer reports what it finds as a `Diagnostic`; a `Report` holds those of one stage,
sorted by place. A message is one sentence in lower case, in an author's words: user text in
backticks, what was found and what was expected; the remedy stands in `help`.

This module knows nothing of policies; rendering is in `crm_rules.rendering`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import Any, Literal

from crm_rules.dataclass import dataclass
from crm_rules.source import Span

Severity = Literal["error", "warning", "note"]
MOST_FINDINGS = 200  # of one file; more help nobody
MOST_TOGETHER = 1_000
LONGEST_MESSAGE = 400
LONGEST_WORD, MANY_WORDS, MOST_WORDS = 100, 50, 1_000


@dataclass(frozen=True, slots=True)
class Label:
    """A further place that a diagnostic speaks of, with a few words for it."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Witness:
    """A record and a day that show a finding; the reference evaluator has confirmed it.

    `other` is the second record of a law over two, which differs from the first in one field alone.
    """

    record: dict[str, Any]
    today: Any
    other: dict[str, Any] | None = None

    def __hash__(self) -> int:
        return hash((tuple(self.record), self.today))  # a fact may be of any type


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding: `code` is stable, `span` is where to look first, `note` stands under the marker."""

    code: str
    severity: Severity
    span: Span
    message: str
    note: str = ""
    help: str = ""
    labels: tuple[Label, ...] = ()
    witness: Witness | None = None


class Report(Sequence[Diagnostic]):
    """The diagnostics of one stage, sorted by place; iterable, immutable, `ok` without errors."""

    __slots__ = ("_items",)

    def __init__(self, diagnostics: Iterable[Diagnostic] = ()) -> None:
        self._items = tuple(sorted(diagnostics, key=lambda d: (d.span, d.code, d.message)))

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Diagnostic]:
        return iter(self._items)

    def __getitem__(self, index: Any) -> Any:
        return self._items[index]

    def __eq__(self, other: object) -> bool:
        return self._items == other._items if isinstance(other, Report) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._items)

    def __repr__(self) -> str:
        return f"Report({len(self._items)} diagnostics)"

    @property
    def ok(self) -> bool:
        """True when no diagnostic is an error."""
        return not any(item.severity == "error" for item in self._items)


def first_findings(diagnostics: Iterable[Diagnostic], most: int = MOST_FINDINGS) -> list[Diagnostic]:
    """The first findings of each file, errors before others, with a note of how many more there are."""
    by_file: dict[str, list[Diagnostic]] = {}
    for item in diagnostics:
        by_file.setdefault(item.span.path, []).append(item)
    kept: list[Diagnostic] = []
    for found in by_file.values():
        kept += shortened(found, most, "this file")
    return [cut(item) for item in shortened(kept, MOST_TOGETHER - 1, "other files")]


def shortened(found: list[Diagnostic], most: int, where: str) -> list[Diagnostic]:
    """The findings themselves, or the first of them and a note of how many are left out."""
    if len(found) <= most:
        return found
    ordered = sorted(found, key=lambda item: (item.severity != "error", item.span, item.code))
    note = f"… and {len(found) - most:,} more findings in {where}"
    rest = Diagnostic("more-findings", "note", ordered[most].span, note, help="correct these first")
    return [*ordered[:most], rest]


def cut(item: Diagnostic) -> Diagnostic:
    """The same finding with a message of some lines at most, since it may quote a very long value."""
    long = len(item.message) - LONGEST_MESSAGE
    return (
        item if long <= 0 else replace(item, message=item.message[:LONGEST_MESSAGE] + f"… and {long:,} characters more")
    )


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that a mistyped one is closest to, or None when none is close."""
    words = list(known)
    if len(word) > LONGEST_WORD or len(words) > MOST_WORDS:
        return None  # the search takes time for each pair of letters and each word
    close = get_close_matches(word, words, n=1, cutoff=0.6)
    return close[0] if close else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A help sentence that names the closest known word, or an empty text when none is close."""
    meant = closest(word, known)
    return "" if meant is None else f"did you mean `{meant}`?"
