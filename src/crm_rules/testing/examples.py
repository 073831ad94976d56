"""Running a kit's check over drawn examples, so that whatever goes wrong is one AssertionError that names the record.

The examples are the same on every run and machine, as a kit's verdict has to be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Flaky

Example = TypeVar("Example")
MOST_SIMPLER = 30  # checks on the way from the first failing example to a simpler one


class Enough(BaseException):
    """The failing example is simple enough; going on would take minutes where examples are programs."""


def for_examples(strategy: st.SearchStrategy[Example], check: Callable[[Example], None], examples: int) -> None:
    """Call `check` with drawn examples; the AssertionError that is raised is that of the simplest failing one."""
    failed: list[AssertionError] = []
    left = MOST_SIMPLER

    @settings(
        max_examples=examples,
        phases=(Phase.generate, Phase.shrink),
        deadline=None,
        database=None,
        derandomize=True,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def run(example: Example) -> None:
        nonlocal left
        if failed and left <= 0:
            raise Enough
        left -= bool(failed)
        try:
            check(example)
        except AssertionError as error:
            failed.append(error)
            raise

    try:
        run()
    except Enough:
        raise failed[-1] from None
    except Flaky as error:
        raise AssertionError(f"the answer is not the same every time; once it was: {failed[-1]}") from error


@contextmanager
def about(what: str, record: Any = None, today: date | None = None) -> Iterator[None]:
    """Whatever is raised within becomes an AssertionError that says what was asked and for which record."""
    try:
        yield
    except AssertionError as error:
        raise AssertionError(f"{what}: {error}{shown(record, today)}") from None
    except Exception as error:
        raise AssertionError(f"{what}: raises {type(error).__name__}: {error}{shown(record, today)}") from error


def shown(record: Any, today: date | None) -> str:
    """The record and the day in a message of their own lines."""
    if record is None:
        return ""
    return f"\n  record = {record!r}" + ("" if today is None else f"\n  today = {today!r}")


def demand(holds: object, sentence: str) -> None:
    """Raise AssertionError with the sentence unless it holds; in a wheel no `assert` may be switched off by -O."""
    if not holds:
        raise AssertionError(sentence)
