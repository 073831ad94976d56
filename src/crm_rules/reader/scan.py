"""Cells and formulas cut into tokens, and the cursor that the two parsers move along them.

One regular expression per grammar does the cutting, in linear time: repetitions that could be tried again are
possessive, and a text is at most `LONGEST` characters. Every character that is not white space belongs to a token;
what no grammar knows is of the kind `other`, and it is `crm_rules.reader.mistakes` that says what was meant.

A word may contain `-` and `.` (`clear-debt`, `step.id`), but two dots always end it, so that `[a..b]` is an interval.
In a formula `a-b` is therefore one name, and `a - b` a subtraction.
"""

from __future__ import annotations

import re
from typing import TypeAlias

from crm_rules.diagnostics import Diagnostic, Label
from crm_rules.source import Span, Text

LONGEST = 2_000
DEEPEST = 32

# kind, text, start, end. A plain tuple: a named one costs a third of the whole reading of a short cell.
Token: TypeAlias = tuple[str, str, int, int]

DIGITS = r"[0-9]++(?:_[0-9]++)*+(?:\.[0-9]++)?+[万亿%]?+"
GROUPED = r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?[万亿%]?(?![0-9])"
DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
QUOTED = r""" "(?:[^"\\]++|\\.|"")*+" | '(?:[^'\\]++|\\.|'')*+' """
# Marks come first because most tokens are marks; a minus before a digit is the sign of a number.
CELL_TAIL = r"(?:[\w%-]|\.(?!\.))"
FORMULA_TAIL = r"(?:[\w%]|-(?=\w)|\.(?!\.))"
OTHER = r"""[=!<>≠]+ | \.[0-9]+ | \.+ | \+[0-9]* | \*+ | /+ | &+ | \|+ | ["'].* | \S"""


def grammar(*, sign: str, tail: str, marks: str) -> re.Pattern[str]:
    """The expression that finds the next token of a grammar."""
    return re.compile(
        rf"""
          (?P<mark>      {marks} )
        | (?P<grouped>   {sign}{GROUPED} )
        | (?P<number>    {sign}{DIGITS} ) (?!{tail})
        | (?P<date>      {DATE} ) (?!{tail})
        | (?P<word>      \w{tail}*+ )
        | (?P<parameter> \$\w{tail}*+ )
        | (?P<quoted>    {QUOTED} )
        | (?P<other>     {OTHER} )
        """,
        re.VERBOSE | re.DOTALL,
    )


CELL = grammar(sign="-?", tail=CELL_TAIL, marks=r"[][(),] | [<>]=?(?![<>=]) | \.\.(?!\.) | [≤≥] | -(?![0-9])")
FORMULA = grammar(sign="", tail=FORMULA_TAIL, marks=r"[-+(),] | \*(?!\*) | /(?!/)")


class UnreadableError(Exception):
    """Carries the one diagnostic that ends the reading of a cell or formula; never leaves the reader."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


class Cursor:
    """The tokens of one text and the place reached; the last token is of the kind `end`."""

    __slots__ = ("_exact", "_span", "index", "text", "tokens", "what")

    def __init__(self, text: Text, pattern: re.Pattern[str], what: str) -> None:
        self.text = text
        self.what = what
        self.index = 0
        self._span = text.span
        length = len(text)
        # A text that was folded from several lines, or written with escapes, is marked as a whole.
        self._exact = self._span.end - self._span.column >= length
        self.tokens: list[Token] = []
        if length > LONGEST:
            raise self.error(
                "too-long",
                f"a {what} has at most {LONGEST:,} characters, found {length:,}",
                0,
                length,
                remedy="split it into several rules or derived fields",
            )
        self.tokens = [(found.lastgroup or "", found[0], *found.span()) for found in pattern.finditer(text)]
        self.tokens.append(("end", "", length, length))

    @property
    def token(self) -> Token:
        """The token to be read next."""
        return self.tokens[self.index]

    @property
    def previous(self) -> Token:
        """The token read last; only after one was read."""
        return self.tokens[self.index - 1]

    def span(self, start: int, end: int) -> Span:
        """The place of the characters from `start` to `end`."""
        if self._exact:
            whole = self._span
            column = whole.column
            return Span(whole.path, whole.line, column + start, column + end)
        return self._span

    def error(self, code: str, message: str, start: int, end: int, *, remedy: str, opened: int = -1) -> UnreadableError:
        """The finding at characters `start` to `end`; `opened` is where a bracket that is still open stands."""
        labels = (Label(self.span(opened, opened + 1), "opened here"),) if opened >= 0 else ()
        place = self.span(start, max(end, start + 1))
        return UnreadableError(Diagnostic(code, "error", place, message, help=remedy, labels=labels))
