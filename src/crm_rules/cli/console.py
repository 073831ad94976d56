"""What a terminal is told: colour, aligned tables, exit codes, and the one way to refuse a user's input.

Colour is for terminals, or when asked for; `NO_COLOR` and `TERM=dumb` are respected. Everything
reads the same without it. Columns are measured on the screen, where a Chinese character takes two.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from itertools import pairwise
from typing import Final, Literal, TextIO, TypeAlias

from crm_rules.columns import display_width, pad
from crm_rules.errors import CrmRulesError

FINE: Final = 0
FINDINGS: Final = 1
UNUSABLE: Final = 2

Choice: TypeAlias = Literal["auto", "always", "never"]
Style: TypeAlias = Literal["bold", "dim", "red", "green", "yellow", "cyan"]

GAP: Final = "  "
NOT_FIRST: Final = "，。；：、！？）》”’"  # no line begins with these
NOT_LAST: Final = "（《“‘"  # nor ends with these
CODES: Final[dict[Style, str]] = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "cyan": "36",
}


class UsageError(CrmRulesError):
    """What the user typed or handed over cannot be used; the message is one clear sentence."""


def wants_color(choice: Choice, stream: TextIO) -> bool:
    """True when colour was asked for, or when a terminal is there to show it."""
    if choice != "auto":
        return choice == "always"
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(text: str, style: Style, *, color: bool) -> str:
    """The text in a style, or as it is."""
    return f"\x1b[{CODES[style]}m{text}\x1b[0m" if color and text else text


def table(headings: Sequence[Sequence[str]], rows: Sequence[Sequence[str]], *, color: bool = False) -> str:
    """Rows under one or more lines of headings and a rule, columns aligned on the screen."""
    widths = [max(display_width(cell) for cell in column) for column in zip(*headings, *rows, strict=True)]
    head = [paint(_row(cells, widths), "bold", color=color) for cells in headings]
    rule = paint(GAP.join("─" * width for width in widths), "dim", color=color)
    return "\n".join([*head, rule, *(_row(row, widths) for row in rows)])


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    return GAP.join(pad(cell, width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def wrap(text: str, width: int, indent: str = "", *, start: int = 0) -> str:
    """The text in lines of at most `width` columns: the first begins at column `start`, the others with `indent`.

    Lines break at a blank, or beside a Chinese character unless a comma forbids it; a longer word stays whole.
    """
    lines = [""]
    room = width - start
    for piece in _pieces(text):
        if lines[-1] and display_width(lines[-1]) + display_width(piece.rstrip()) > room:
            lines[-1] = lines[-1].rstrip()
            lines.append(piece)
            room = width - display_width(indent)
        else:
            lines[-1] += piece
    return f"\n{indent}".join(lines).rstrip()


def terminal_width(widest: int) -> int:
    """The columns of the terminal, or of `COLUMNS`; at most `widest`, and never too few to print in."""
    return max(40, min(shutil.get_terminal_size().columns, widest))


def _pieces(text: str) -> list[str]:
    """The text cut where a line may break, each blank at the end of its piece."""
    pieces = [text[:1]]
    for before, character in pairwise(text):
        beside_chinese = display_width(before) > 1 or display_width(character) > 1
        forbidden = character == " " or character in NOT_FIRST or before in NOT_LAST
        if not forbidden and (before == " " or beside_chinese):
            pieces.append(character)
        else:
            pieces[-1] += character
    return pieces


def say(text: str) -> None:
    """Print one text to standard output."""
    sys.stdout.write(f"{text}\n")


def complain(text: str) -> None:
    """Print one text to standard error."""
    sys.stderr.write(f"{text}\n")
