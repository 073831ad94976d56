"""A process that is told to end (SIGTERM, SIGHUP) ends as by Ctrl-C: what it began is cleared away."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NoReturn

TOLD_BY: Final = ("SIGTERM", "SIGHUP")  # the second is not everywhere


@contextmanager
def cleared_when_stopped() -> Iterator[None]:
    """Within it a signal raises `SystemExit` with the exit code that a shell expects; outside it is as before.

    A signal that is ignored, as by `nohup`, stays so.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread can be told
        return
    numbers = [getattr(signal, name) for name in TOLD_BY if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    heeded = {number: handler for number, handler in before.items() if handler not in (signal.SIG_IGN, None)}
    try:
        for number in heeded:
            signal.signal(number, stop)
        yield
    finally:
        for number, handler in heeded.items():
            signal.signal(number, handler)


def stop(number: int, _frame: object) -> NoReturn:
    """End with the exit code of a signal."""
    raise SystemExit(128 + number)
