"""A process that is told to end (SIGTERM, as by a scheduler) ends as by Ctrl-C: what it began is cleared away."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn


@contextmanager
def cleared_when_stopped() -> Iterator[None]:
    """Within it a SIGTERM raises `SystemExit` with the exit code that a shell expects; outside it is as before."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread can be told
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def stop(number: int, _frame: object) -> NoReturn:
    """End with the exit code of a signal."""
    raise SystemExit(128 + number)
