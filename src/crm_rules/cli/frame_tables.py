"""Parquet in and out through Polars: tables of rows, which never become rows unless they are undecided."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crm_rules.cli.brought import brought
from crm_rules.cli.frame_facts import PURPOSE
from crm_rules.cli.frame_judge import FrameJudge, TableChunk, as_fact
from crm_rules.cli.parquet import Added, ParquetWriter, batches, stored
from crm_rules.cli.progress import Progress
from crm_rules.cli.results import completed
from crm_rules.cli.summary import Tally

if TYPE_CHECKING:
    from crm_rules.cli.decide import Outcome, Task


def decide_tables(task: Task, out: str | None, added: Sequence[str], tally: Tally, progress: Progress) -> None:
    """Decide, count and write a Parquet file table by table."""
    from crm_rules.cli.decide import Judge, count  # noqa: PLC0415 - the command chooses this way

    judge = FrameJudge(task, Judge(task).outcomes)
    arrow = brought("pyarrow", PURPOSE)
    number = 1
    kinds = Added.of(task.policy.outputs, added)
    with writing_tables(out, task, kinds) as file:
        for table in batches(task.data):
            chunk = TableChunk(table, number)
            found, others = judge.answers(chunk)
            count_decided(tally, found, others)
            for index, outcome in others.items():
                count(task, tally, chunk.row(index), outcome)
            if file is not None:
                file.write_table(table, written(found, others, kinds, arrow))
            number += table.num_rows
            progress.add(table.num_rows)


@contextmanager
def writing_tables(out: str | None, task: Task, added: Added) -> Iterator[ParquetWriter | None]:
    """A writer to the place; None without one."""
    if out is None:
        yield None
        return
    with completed(Path(out)) as part, ParquetWriter(part, task.data, added) as file:
        yield file


def count_decided(tally: Tally, found: Any, others: dict[int, Outcome]) -> None:
    """Count the rows that a frame has decided."""
    decided = without(found, others)
    tally.rows += decided.height
    tally.statuses["decided"] += decided.height
    for position, (counted, between) in enumerate(zip(tally.values, tally.ranges, strict=True)):
        column = decided.to_series(position)
        if counted is not None:
            for value, rows in column.value_counts().iter_rows():
                counted[value] += rows
        elif column.dtype != brought("polars", PURPOSE).String and column.count():
            ends = [*between, as_fact(column.min()), as_fact(column.max())]
            between[:] = [min(ends), max(ends)]


def without(found: Any, others: dict[int, Outcome]) -> Any:
    """The rows of a frame that are not among the others."""
    polars = brought("polars", PURPOSE)
    keep = polars.Series([True]).new_from_index(0, found.height)
    return found.filter(keep.scatter(list(others), values=False)) if others else found


def written(found: Any, others: dict[int, Outcome], added: Added, arrow: Any) -> list[Any]:
    """The added columns as they are written: the words of the Python engine where it answered."""
    polars = brought("polars", PURPOSE)
    rows = list(others)
    columns = []
    for position, kind in enumerate(added.types):
        column = found.to_series(position)
        if position == len(added.types) - 1:
            column = polars.Series([""], dtype=polars.String).new_from_index(0, found.height)
        if rows:
            name = added.names[position]
            values = [stored(outcome.additions[position], kind, name, arrow) for outcome in others.values()]
            column = column.scatter(rows, polars.Series(values, dtype=column.dtype))
        columns.append(column.to_arrow().cast(kind))
    return columns
