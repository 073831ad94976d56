"""Sets of rows and of pieces as bit masks, and the signal of a search that had to stop."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


class Unfinished(Exception):  # noqa: N818 - a signal that becomes a note, never an error
    """A search had to stop; `reason` says why in an author's words, `fields` over what it searched."""

    def __init__(self, reason: str, fields: Iterable[str] = ()) -> None:
        super().__init__(reason)
        self.reason = reason
        self.fields = tuple(fields)


def bits(mask: int) -> Iterator[int]:
    """The places of the set bits, lowest first."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def mask_of(places: Iterable[int]) -> int:
    """The mask with these bits set."""
    mask = 0
    for place in places:
        mask |= 1 << place
    return mask
