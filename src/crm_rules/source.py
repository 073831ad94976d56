"""Where a piece of text stands: a file, a line and a column.

Every name, cell and number of a policy keeps the `Span` it was written at, so that a
finding of any later layer can point at it. Lines and columns count from 1, columns in
characters (a Chinese character is one column), and `end` is the column after the last
character. A span never crosses a line: what is longer is marked where it begins.

This module knows text and positions only; it does not open files (see `crm_rules.reader`).
"""

from __future__ import annotations

from typing import NamedTuple, Self


class Span(NamedTuple):
    """A stretch of one line: `path:line:column` up to, not including, column `end`.

    A named tuple, because there is one for every word of a policy and none is cheaper to make.
    """

    path: str
    line: int
    column: int
    end: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"

    def within(self, start: int, end: int) -> Span:
        """The part of this span from character `start` to `end`, counted from its own begin."""
        return Span(self.path, self.line, self.column + start, self.column + max(end, start + 1))


class Text(str):
    """A string of a policy file that remembers where it was written.

    It is a `str` in every respect (equality, hash, use as a key); `span` is its place, and
    `quoted` says whether the author put it in quotes (an empty plain scalar is "no value",
    an empty quoted one is an empty text).
    """

    __slots__ = ("quoted", "span")

    span: Span
    quoted: bool

    def __new__(cls, value: str, span: Span, *, quoted: bool = False) -> Self:
        """A text at a place."""
        text = super().__new__(cls, value)
        text.span = span
        text.quoted = quoted
        return text

    def part(self, start: int, end: int) -> Text:
        """The characters from `start` to `end` with the place they stand at."""
        return Text(self[start:end], self.span.within(start, end), quoted=self.quoted)
