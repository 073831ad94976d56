"""The width of text on a screen, where a Chinese character takes two columns.

Spans count characters; markers under a line and aligned tables count columns. The rules are
those of the Unicode standard (East Asian Width), as the standard library knows them: wide and
full-width characters take two columns, combining marks and invisible format characters none.
"""

from __future__ import annotations

from typing import Literal
from unicodedata import category, east_asian_width


def display_width(text: str) -> int:
    """The number of screen columns that `text` takes."""
    if text.isascii():
        return len(text)
    return sum(_character_width(character) for character in text)


def pad(text: str, width: int, align: Literal["left", "right"] = "left") -> str:
    """`text` filled with spaces to `width` screen columns; what is wider stays as it is."""
    fill = " " * (width - display_width(text))
    return text + fill if align == "left" else fill + text


def _character_width(character: str) -> int:
    if category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if east_asian_width(character) in {"W", "F"} else 1
