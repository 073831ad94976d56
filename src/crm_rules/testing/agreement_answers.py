"""What `check_agreement` asks of an engine: a table of records with a policy, and an answer for each row by its number.

An engine of one's own is an `Engine` around a function. One that answers rows of columns adds them under the names of
`names_of`, and `answers_of` reads them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from crm_rules.policy import Policy
from crm_rules.testing.agreement_tables import KEY, Table

Given: TypeAlias = Mapping[str, Any]
ABOUT = ("status", "rules", "reason")


@dataclass(frozen=True, slots=True)
class Answer:
    """What an engine says of a row: rule ids joined by `;`, outputs by name, None for those that are null."""

    status: str
    rules: str
    outputs: Mapping[str, Any]
    reason: str | None = None


Answers: TypeAlias = Mapping[int, Answer]


@dataclass(frozen=True, slots=True)
class Engine:
    """A way to decide a table, and what becomes of a table in its hands."""

    decide: Callable[[Policy, Table, Given], Answers]
    fit: Callable[[Table], Table] = lambda table: table


def names_of(policy: Policy) -> dict[str, str]:
    """Names for what is added, that no field has."""
    return {name: f"answer {name}" for name in (*ABOUT, *(f"output:{output.name}" for output in policy.outputs))}


def answers_of(policy: Policy, rows: Iterable[Mapping[str, Any]]) -> dict[int, Answer]:
    """The answers in rows of a frame or a query that hold `KEY` and the columns of `names_of`."""
    found: dict[int, Answer] = {}
    for row in rows:
        outputs = {output.name: row[f"answer output:{output.name}"] for output in policy.outputs}
        reason = row["answer reason"]
        about = reason if isinstance(reason, str) else None
        found[int(row[KEY])] = Answer(row["answer status"], row["answer rules"], outputs, about)
    return found


def named_rows(names: Iterable[str], rows: Iterable[Iterable[Any]]) -> list[dict[str, Any]]:
    """Rows by the names of their columns."""
    names = list(names)
    return [dict(zip(names, row, strict=True)) for row in rows]
