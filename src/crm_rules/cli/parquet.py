"""Parquet files of records: read batch by batch, and written so, through PyArrow.

A row of a Parquet file has typed cells and no line: its number in the file stands for it. What is written
keeps the columns of a Parquet file as they are stored there; the cells of other files become texts, as they
would stand in CSV. The added columns have the types of the outputs, and a number is written as a 64-bit
float only where that says exactly the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, assert_never

from crm_rules.cli.brought import brought
from crm_rules.cli.console import UsageError
from crm_rules.cli.records import Data, Row
from crm_rules.cli.results import csv_text
from crm_rules.dataclass import dataclass
from crm_rules.ir.program import Output
from crm_rules.ir.types import (
    Boolean,
    Choice,
    Date,
    DateTime,
    Integer,
    ListOf,
    ListOfValues,
    Money,
    Number,
    Text,
)

PURPOSE: Final = "a Parquet file"
BATCH: Final = 500_000  # rows that are in memory at a time
UNREADABLE: Final = ("binary", "time32", "time64", "duration", "interval", "union", "map", "extension")


def open_parquet(place: Path) -> Data:
    """A Parquet file by its schema; raises `UsageError` for what is none."""
    file = parquet_file(place)
    names: list[str] = file.schema_arrow.names
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(f"`{place}`: every column needs a name of its own: {', '.join(f'`{name}`' for name in twice)}")
    return Data(place, "parquet", tuple(names))


def parquet_file(place: Path) -> Any:
    """The file, opened by PyArrow."""
    arrow = brought("pyarrow", PURPOSE)
    try:
        return brought("pyarrow", PURPOSE, "pyarrow.parquet").ParquetFile(place)
    except arrow.ArrowException as error:
        raise UsageError(f"`{place}` is no Parquet file that can be read: {first_line(error)}") from error


def first_line(error: BaseException) -> str:
    """What a library says, without what it says to programmers."""
    return str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else type(error).__name__


def row_count(place: Path) -> int:
    """How many rows a file has, which stands at its end."""
    return int(parquet_file(place).metadata.num_rows)


def batches(data: Data) -> Iterator[Any]:
    """The file in tables of at most `BATCH` rows."""
    arrow = brought("pyarrow", PURPOSE)
    try:
        for batch in parquet_file(data.path).iter_batches(batch_size=BATCH):
            yield arrow.Table.from_batches([batch])
    except (arrow.ArrowException, OSError) as error:
        raise UsageError(f"`{data.path}` cannot be read to its end: {first_line(error)}") from error


def parquet_rows(data: Data) -> Iterator[Row]:
    """Every row as a record of Python values; its line is its number."""
    number = 1
    for table in batches(data):
        for row in rows_of(table, number):
            yield row
            number += 1


def rows_of(table: Any, first: int) -> Iterator[Row]:
    """The rows of one table, the first of them with this number."""
    for field in table.schema:
        if any(word in str(field.type) for word in UNREADABLE):
            raise UsageError(f"the column `{field.name}` is of the type {field.type}, which no record can hold")
    columns = [column.to_pylist() for column in table.columns]
    cells: Iterator[Sequence[Any]] = zip(*columns, strict=True) if columns else iter([()] * table.num_rows)
    for number, row in enumerate(cells, first):
        yield Row(number, row)


@dataclass(frozen=True, slots=True)
class Added:
    """The added columns of a Parquet file: their names, their types in PyArrow, and which of them are numbers."""

    names: tuple[str, ...]
    types: tuple[Any, ...]

    @classmethod
    def of(cls, outputs: Sequence[Output], names: Sequence[str]) -> Added:
        """The outputs with their types, and further columns of texts."""
        arrow = brought("pyarrow", PURPOSE)
        types = [arrow_type(output, arrow) for output in outputs]
        return cls(tuple(names), (*types, *[arrow.string()] * (len(names) - len(types))))


def arrow_type(output: Output, arrow: Any) -> Any:
    """How the values of an output are stored; a list is a text, its items joined by `;`."""
    match output.type:
        case Boolean():
            return arrow.bool_()
        case Integer():
            return arrow.int64()
        case Number() | Money():
            return arrow.float64()
        case Date():
            return arrow.date32()
        case Choice() | Text() | DateTime() | ListOf() | ListOfValues():
            return arrow.string()
        case _ as unreachable:
            assert_never(unreachable)


class ParquetWriter:
    """Writes rows with their additions, batch by batch."""

    def __init__(self, place: Path, data: Data, added: Added) -> None:
        self._arrow = brought("pyarrow", PURPOSE)
        self._data = data
        self._added = added
        self._rows: list[Row] = []
        self._additions: list[tuple[Any, ...]] = []
        self._own = batches(data) if data.form == "parquet" else iter(())
        self._table = next(self._own, None)
        own = parquet_file(data.path).schema_arrow if data.form == "parquet" else self.texts([]).schema
        fields = [self._arrow.field(name, kind) for name, kind in zip(added.names, added.types, strict=True)]
        self._schema = self._arrow.schema([*own, *fields])
        parquet = brought("pyarrow", PURPOSE, "pyarrow.parquet")
        self._file = parquet.ParquetWriter(place, self._schema, compression="zstd")

    def write(self, row: Row, additions: tuple[Any, ...]) -> None:
        """Write one row, together with those around it."""
        self._additions.append(additions)
        if self._data.form != "parquet":
            self._rows.append(row)
        if len(self._additions) == (BATCH if self._table is None else self._table.num_rows):
            self.flush()

    def flush(self) -> None:
        """Write the rows that are waiting; those of a Parquet file are copied from it."""
        if self._additions:
            own = self.texts(self._rows) if self._table is None else self._table
            columns = [self.column(position) for position in range(len(self._added.names))]
            self.write_table(own, columns)
            self._table = next(self._own, None)
        self._rows.clear()
        self._additions.clear()

    def write_table(self, own: Any, columns: Sequence[Any]) -> None:
        """Write a table of rows, and its additions column by column."""
        self._file.write_table(self._arrow.Table.from_arrays([*own.columns, *columns], schema=self._schema))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write what is left, and the end of the file."""
        if kind is None:
            self.flush()
        self._file.close()

    def texts(self, rows: Sequence[Row]) -> Any:
        """The cells of rows as columns of texts."""
        columns = [
            self._arrow.array(
                [None if row.cells[position] is None else csv_text(row.cells[position]) for row in rows],
                self._arrow.string(),
            )
            for position in range(len(self._data.columns))
        ]
        return self._arrow.Table.from_arrays(columns, names=list(self._data.columns))

    def column(self, position: int) -> Any:
        """One added column of the rows that are waiting."""
        kind, name = self._added.types[position], self._added.names[position]
        values = [stored(additions[position], kind, name, self._arrow) for additions in self._additions]
        return self._arrow.array(values, kind)


def stored(value: Any, kind: Any, name: str, arrow: Any) -> Any:
    """A value as a type stores it; raises `UsageError` for a number that it would change."""
    if isinstance(value, tuple):
        return csv_text(value)
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        if kind == arrow.float64():
            found = float(value)
            if Decimal(repr(found)) == value:
                return found
        elif -(2**63) <= value < 2**63:
            return int(value)
        raise UsageError(f"`{name}`: {value} has too many digits for a Parquet file; write .csv or .jsonl")
    return value
