"""The Polars engine: chunks of rows are decided as dataframes, and every answer is the Python engine's.

A frame answers the rows that are decided, which is where the work is. A row that is undecided, or whose facts a
column cannot hold, or whose arithmetic leaves 64 bits, goes to the Python engine, and so its reason has the same words.
Undecided rows that are alike (the same reason, the same cells behind it) are asked once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Protocol

from crm_rules.cli.brought import brought
from crm_rules.cli.cells import Cells, Unread
from crm_rules.cli.console import UsageError
from crm_rules.cli.frame_facts import PURPOSE, UNFIT, Facts, facts_of_cells, facts_of_column, held, stored_type
from crm_rules.cli.mapping import targets_of
from crm_rules.cli.parquet import parquet_file, rows_of
from crm_rules.cli.records import Row
from crm_rules.errors import CallError
from crm_rules.ir.numbers import exact, to_fact
from crm_rules.ir.types import ListOfValues, Type

if TYPE_CHECKING:
    from crm_rules.cli.decide import Outcome, Task

FRAME_CHUNK: Final = 100_000  # rows; to set up a query takes as long as to decide some tens of thousands
REMEMBERED: Final = 50_000
ADD: Final = ("outputs", "status", "rules", "reason")


def refusal(task: Task) -> str:
    """Why this task is for the Python engine only; empty when it is not."""
    if task.policy.ranks(task.given):
        return f"`{task.policy.id}` ranks all rows together"
    if any(isinstance(output.type, ListOfValues) for output in task.policy.outputs):
        return f"`{task.policy.id}` gives lists"
    try:
        brought("narwhals", PURPOSE)
        rows: Chunk = RowChunk(())
        if task.data.form == "parquet":
            rows = TableChunk(parquet_file(task.data.path).schema_arrow.empty_table(), 1)
        decided(task, frame_of({name: facts.column for name, facts in facts_of(task, rows).items()}, 0))
    except (CallError, UsageError) as error:
        return str(error).replace("`field ", "`")
    return ""


def facts_of(task: Task, chunk: Chunk) -> dict[str, Facts]:
    """The facts of a chunk by field."""
    targets = targets_of(task.policy)
    return {name: chunk.facts(targets[name].type, read, place) for name, place, read in task.plan.sources}


def frame_of(columns: Mapping[str, Any], rows: int) -> Any:
    """The frame of the columns of fields; of none, a frame of so many rows."""
    polars = brought("polars", PURPOSE)
    named = {column_of(name): column for name, column in columns.items()}
    return polars.DataFrame(named or {"row": [0] * rows})


def column_of(name: str) -> str:
    """The column of a field, which no output can be called like."""
    return f"field {name}"


def decided(task: Task, facts: Any) -> Any:
    """The added columns for a frame of facts, one column for each field that is fed."""
    polars = brought("polars", PURPOSE)
    targets = targets_of(task.policy)
    columns: dict[str, str | None] = {name: column_of(name) for name, _, _ in task.plan.sources}
    constants = []
    for name, value in task.plan.constants.items():
        columns[name] = None if value is None else column_of(name)
        kind = targets[name].type
        fact = held(kind, value)
        if fact is UNFIT:
            raise UsageError(f"the constant of `{name}` has too many digits for a column")
        if fact is not None:
            constants.append(polars.lit(fact, dtype=stored_type(kind)).alias(column_of(name)))
    frame = facts.with_columns(constants)
    added = task.policy.decide_frame(frame, today=task.today, columns=columns, given=task.given or None, add=ADD)
    return added.select(added.columns[len(frame.columns) :])


class Chunk(Protocol):
    """Some rows, by columns and one by one."""

    def __len__(self) -> int:
        """How many rows."""

    def facts(self, kind: Type, read: Cells, position: int) -> Facts:
        """The facts that a column holds for a field."""

    def row(self, index: int) -> Row:
        """One row."""


@dataclass(frozen=True, slots=True)
class RowChunk:
    """Rows of a file of texts or JSON."""

    rows: Sequence[Row]

    def __len__(self) -> int:
        return len(self.rows)

    def facts(self, kind: Type, read: Cells, position: int) -> Facts:
        """The facts of the cells at one position."""
        return facts_of_cells(kind, read, [row.cells[position] for row in self.rows])

    def row(self, index: int) -> Row:
        """One row."""
        return self.rows[index]


@dataclass(frozen=True, slots=True)
class TableChunk:
    """A table of a Parquet file, the first of its rows with a number."""

    table: Any
    first: int

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def facts(self, kind: Type, read: Cells, position: int) -> Facts:
        """The facts of one column, as they are stored where the types are those of the field."""
        column = brought("polars", PURPOSE).from_arrow(self.table.column(position))
        return facts_of_column(kind, read, column)

    def row(self, index: int) -> Row:
        """One row."""
        return next(rows_of(self.table.slice(index, 1), self.first + index))


@dataclass(slots=True)
class FrameJudge:
    """Decides chunks of rows as frames; `one` is the Python engine, which decides the rows that are left."""

    task: Task
    one: Callable[[Sequence[Row]], Iterable[Outcome]]
    known: dict[Any, Outcome] = field(default_factory=dict)

    def outcomes(self, rows: Sequence[Row]) -> Iterator[Outcome]:
        """What is added to each row of a chunk."""
        from crm_rules.cli.decide import Outcome  # noqa: PLC0415 - the command chooses the engine

        found, others = self.answers(RowChunk(rows))
        for index, (*results, status, rules, _) in enumerate(found.iter_rows()):
            other = others.get(index)
            yield Outcome(status, tuple(map(as_fact, results)), rules, "") if other is None else other

    def answers(self, chunk: Chunk) -> tuple[Any, dict[int, Outcome]]:
        """The added columns of a chunk, and what is added to the rows that the columns do not answer."""
        facts = facts_of(self.task, chunk)
        found = decided(self.task, frame_of({name: one.column for name, one in facts.items()}, len(chunk)))
        left = found["status"] != "decided"
        for one in facts.values():
            left |= one.unfit
        ragged = [index for index, row in enumerate(chunk.rows) if row.ragged] if isinstance(chunk, RowChunk) else []
        indices = sorted({*left.arg_true(), *ragged})
        about = found.select("status", "rules", "reason")
        return found, {index: self.outcome(chunk.row(index), about.row(index)) for index in indices}

    def outcome(self, row: Row, about: tuple[str, str, str | None]) -> Outcome:
        """What the Python engine says of a row; of rows that are alike, what it said of the first."""
        key = self.likeness(row, *about)
        found = None if key is None else self.known.get(key)
        if found is None:
            found = next(iter(self.one([row])))
            if key is not None:
                if len(self.known) >= REMEMBERED:
                    self.known.clear()
                self.known[key] = found
        return found

    def likeness(self, row: Row, status: str, rules: str, reason: str | None) -> Any:
        """What the words of an undecided row depend on: equal for two rows, so are the words. None: ask for each."""
        task = self.task
        if row.ragged or status == "too_large" or any(item.alias not in task.given for item in task.policy.required):
            return None
        targets = targets_of(task.policy)
        told = {part.partition(": ")[0] for part in (reason or "").split("; ")}
        cells: list[Any] = []
        unread = unfit = False
        for name, position, read in task.plan.sources:
            cell = row.cells[position]
            fact = read(cell)
            unread |= isinstance(fact, Unread)
            unfit |= held(targets[name].type, fact) is UNFIT
            if name in told or held(targets[name].type, fact) is UNFIT:
                cells.append((name, type(cell), str(cell)))
        if unfit and not unread:
            return None  # what a column cannot hold may still be decided, by all cells
        return status, rules, reason, tuple(cells)


@lru_cache(REMEMBERED, typed=True)
def as_fact(value: Any) -> Any:
    """A result as the Python engine gives it: a float is the number that it shows."""
    return to_fact(exact(value)) if isinstance(value, float) else value
