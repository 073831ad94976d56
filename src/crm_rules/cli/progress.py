"""How far long work has come: one line on standard error, rewritten a few times a second.

It appears on a terminal (or when asked for), after the first second, and is gone at the end.
"""

from __future__ import annotations

import time
from types import TracebackType
from typing import Final, Self, TextIO

QUIET: Final = 1.0  # seconds before the first sign: short work needs none
STEP: Final = 0.2
WIDTH: Final = 60


class Progress:
    """Rows done and rows a second, as a context: `with Progress(sys.stderr, shown=True) as progress`."""

    def __init__(self, stream: TextIO, *, shown: bool, quiet: float = QUIET, noun: str = "rows") -> None:
        self._stream = stream
        self._shown = shown
        self._noun = noun
        self._begin = time.monotonic()
        self._next = self._begin + quiet
        self._written = False
        self.rows = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._written:
            self._stream.write("\r" + " " * WIDTH + "\r")
            self._stream.flush()

    @property
    def seconds(self) -> float:
        """The time since the beginning."""
        return time.monotonic() - self._begin

    def add(self, rows: int) -> None:
        """So many rows more are done."""
        self.rows += rows
        now = time.monotonic()
        if self._shown and now >= self._next:
            self._next = now + STEP
            self._written = True
            self._stream.write(f"\r{in_words(self.rows, now - self._begin, self._noun)[:WIDTH]:<{WIDTH}}")
            self._stream.flush()


def in_words(rows: int, seconds: float, noun: str = "rows") -> str:
    """`12,000 rows, 8,000 rows/s`."""
    speed = f", {rows / seconds:,.0f} {noun}/s" if seconds > 0 else ""
    return f"{rows:,} {noun}{speed}"
