"""SQL text as a small tree that knows how to break its lines.

A `Piece` is text of one line, a row of pieces, or a block: entries that stand one below the other between an opening
and a closing where they do not fit on one line. A comment ends its line, so that a block with comments is always
broken. It knows nothing of SQL but how a comment begins.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

from crm_rules.dataclass import dataclass

WIDTH: Final = 110
INDENT: Final = "  "


@dataclass(frozen=True, slots=True)
class Inline:
    """Pieces one after the other; `flat` is their text on one line, None where that is too long."""

    pieces: tuple[Piece, ...]
    flat: str | None


@dataclass(frozen=True, slots=True)
class Entry:
    """What stands in a block, and a comment beside it."""

    piece: Piece
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """Entries that stand one below the other; `flat` is the text on one line, which may have other ends."""

    opening: str
    entries: tuple[Entry, ...]
    closing: str
    flat: str | None = None


Piece: TypeAlias = str | Inline | Block


def flat(piece: Piece) -> str | None:
    """The piece on one line, None where it is too long or has comments."""
    return piece if isinstance(piece, str) else piece.flat


def inline(*pieces: Piece) -> Piece:
    """The pieces one after the other."""
    found = [flat(piece) for piece in pieces]
    text = "".join(one for one in found if one is not None)
    if all(isinstance(piece, str) for piece in pieces):
        return text
    return Inline(pieces, text if None not in found and len(text) <= WIDTH else None)


def block(
    opening: str, entries: Iterable[Piece | Entry], closing: str, *, ends: tuple[str, str] | None = None
) -> Block:
    """The entries in a block; on one line with blanks between, and `ends` where they differ from those of the block."""
    own = tuple(entry if isinstance(entry, Entry) else Entry(entry) for entry in entries)
    found = [None if entry.comment else flat(entry.piece) for entry in own]
    first, last = (f"{opening} ", f" {closing}") if ends is None else ends
    text = first + " ".join(one for one in found if one is not None) + last
    return Block(opening, own, closing, text if None not in found and len(text) <= WIDTH else None)


def separated(entries: Sequence[Piece]) -> list[Piece]:
    """The entries with a comma after each but the last."""
    return [inline(entry, ",") if place < len(entries) - 1 else entry for place, entry in enumerate(entries)]


def lines(piece: Piece, room: int = WIDTH) -> list[str]:
    """The lines of a piece, each not longer than the room where that can be."""
    if isinstance(piece, str):
        return [piece]
    if piece.flat is not None and len(piece.flat) <= room:
        return [piece.flat]
    match piece:
        case Inline(pieces):
            found = [""]
            for part in pieces:
                first, *more = lines(part, room - len(found[-1]))
                found[-1] += first
                found += more
            return found
        case Block(opening, entries, closing):
            inner = [INDENT + line for entry in entries for line in entry_lines(entry, room - len(INDENT))]
            return [opening, *inner, *([closing] if closing else [])]


def entry_lines(entry: Entry, room: int) -> list[str]:
    """The lines of an entry with its comment behind the only one, or above several."""
    found = lines(entry.piece, room)
    if not entry.comment:
        return found
    comment = remark(entry.comment)
    if len(found) == 1 and len(found[0]) + len(comment) <= room + len(INDENT):
        return [f"{found[0]}  {comment}"]
    return [comment, *found]


def remark(text: str, longest: int = 160) -> str:
    """A comment that ends with its line whatever the text holds: what cannot be seen becomes a blank."""
    # Spark replaces `${name}` in a statement wherever it stands, and goes on with a comment behind a backslash.
    seen = "".join(letter if letter.isprintable() else " " for letter in text).replace("${", "$ {")
    short = seen if len(seen) <= longest else f"{seen[: longest - 1]}…"
    return f"-- {short}".rstrip(" \\")
