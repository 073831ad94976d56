"""Which engine decides a file. The answers never depend on it; the time does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from crm_rules.cli.brought import has
from crm_rules.cli.console import UsageError
from crm_rules.cli.frame_judge import refusal
from crm_rules.cli.parquet import row_count
from crm_rules.cli.records import Data

if TYPE_CHECKING:
    from crm_rules.cli.decide import Task

Engine: TypeAlias = Literal["python", "polars"]
ENGINES: Final = ("auto", "python", "polars")
# Polars takes about half a second of a processor to load and to set up a query. Measured on 5,000 different customers
# and the starter scorecard: the loop 4 s (it works out the rules of each), Polars 1.1 s with all of that.
MANY_ROWS: Final = 2_000
ROW_BYTES: Final = 50  # a short row of a text file
ADDRESSES: Final = ("duckdb:", "postgresql:", "postgres:")


def choose_engine(asked: str, task: Task) -> Engine:
    """The engine that was asked for, or the one for so many rows; raises `UsageError` where Polars has no exact way."""
    if asked == "python":
        return "python"
    if asked == "auto" and (estimated_rows(task.data) < MANY_ROWS or not (has("polars") and has("narwhals"))):
        return "python"
    refused = refusal(task)
    if not refused:
        return "polars"
    if asked == "polars":
        raise UsageError(f"--engine polars cannot be used: {refused}; leave it out, or write --engine python")
    return "python"


def estimated_rows(data: Data) -> int:
    """About how many rows a file has, without reading it."""
    return row_count(data.path) if data.form == "parquet" else data.path.stat().st_size // ROW_BYTES


def is_address(data: str) -> bool:
    """True for a table of a database."""
    return data.startswith(ADDRESSES)
