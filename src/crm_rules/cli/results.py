"""Decided records on their way into a file: all columns as they were, then the additions.

    with writing(out, form, data, added, outputs) as write:
        write(row, additions)

A file appears under its name when it is complete, and not before: it is written beside and renamed, so an
interruption leaves nothing half done. CSV out of CSV keeps encoding, mark and delimiter; JSON out of JSON
keeps the source text of every object, Parquet out of Parquet the types of all columns.
"""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from math import isfinite
from pathlib import Path
from typing import Any, Final, Literal, TextIO, TypeAlias

from crm_rules.cli.console import UsageError
from crm_rules.cli.records import Data, Row
from crm_rules.ir.program import Output

Write: TypeAlias = Callable[[Row, tuple[Any, ...]], None]
OutForm: TypeAlias = Literal["csv", "jsonl", "parquet"]
SUFFIXES: Final[dict[str, OutForm]] = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}
STANDARD_OUTPUT: Final = "-"
PLAIN_DIGITS: Final = 40  # beyond, a number of JSON data keeps its exponent
REMEMBERED: Final = 10_000  # additions that come again are put into words once


def out_form(out: str | None, data: Data) -> OutForm:
    """What to write; raises `UsageError` for a place that cannot take it, before anything runs."""
    if out is None or out == STANDARD_OUTPUT:
        return "jsonl" if data.form in {"jsonl", "json"} else "csv"
    place = Path(out)
    form = SUFFIXES.get(place.suffix.lower())
    if form is None:
        raise UsageError(f"--out `{out}`: expected a name that ends in {', '.join(SUFFIXES)}, or - for standard output")
    if not place.parent.is_dir():
        raise UsageError(f"--out `{out}`: there is no folder `{place.parent}`")
    if place.exists() and not place.is_file():
        raise UsageError(f"--out `{out}`: there is something of this name that is no file")
    if place.exists() and data.path.exists() and place.samefile(data.path):
        raise UsageError(f"--out `{out}`: this is the data file, which is not overwritten")
    return form


@contextmanager
def writing(
    out: str | None, form: OutForm, data: Data, added: Sequence[str], outputs: Sequence[Output]
) -> Iterator[Write]:
    """A function that writes one row; without `out` it writes nowhere."""
    if out is None:
        yield lambda _row, _additions: None
        return
    if out == STANDARD_OUTPUT:
        yield writer(sys.stdout, form, data, added)
        return
    if form == "parquet":
        from crm_rules.cli.parquet import Added, ParquetWriter  # noqa: PLC0415 - it needs the texts of cells

        with completed(Path(out)) as part, ParquetWriter(part, data, Added.of(outputs, added)) as file:
            yield file.write
        return
    with complete_file(Path(out), encoding_of(form, data)) as stream:
        yield writer(stream, form, data, added)


def encoding_of(form: OutForm, data: Data) -> str:
    """The encoding of the data for CSV out of CSV, else UTF-8."""
    if form != "csv" or data.form != "csv" or data.encoding == "gb18030":
        return data.encoding if form == "csv" and data.form == "csv" else "utf-8"
    return "utf-8-sig" if data.marked else "utf-8"


@contextmanager
def completed(place: Path) -> Iterator[Path]:
    """A place to write to that gets the name when all went well, and else is removed."""
    target = place.resolve()  # a link keeps pointing at what is written
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        yield part
        with part.open("rb") as stream:
            os.fsync(stream.fileno())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def complete_file(place: Path, encoding: str) -> Iterator[TextIO]:
    """A text file to write that appears under its name when it is complete."""
    # A lone surrogate can stand in JSON and in no file: it is written as its escape.
    with (
        completed(place) as part,
        part.open("x", encoding=encoding, errors="backslashreplace", newline="") as stream,
    ):
        yield stream


@dataclass(frozen=True, slots=True)
class LineFeeds:
    """A stream for the rows of `csv`, each in one call; they end with a line feed alone.

    Before Python 3.13 a carriage return in a cell is put in quotes only when it is part of the line end that
    `csv` was told.
    """

    stream: TextIO

    def write(self, row: str) -> int:
        """Write one row."""
        return self.stream.write(row.removesuffix("\r\n") + "\n")


def writer(stream: TextIO, form: OutForm, data: Data, added: Sequence[str]) -> Write:
    """The function that writes rows of one form; a CSV header is written at once."""
    if form == "jsonl":
        names = [json.dumps(name, ensure_ascii=False) for name in added]

        @lru_cache(REMEMBERED)
        def as_members(additions: tuple[Any, ...]) -> str:
            return ", ".join(f"{name}: {json_text(value)}" for name, value in zip(names, additions, strict=True))

        def write_object(row: Row, additions: tuple[Any, ...]) -> None:
            stream.write(extended(row, data, as_members(additions)) + "\n")

        return write_object
    rows = csv.writer(LineFeeds(stream), delimiter=data.delimiter, lineterminator="\r\n")
    rows.writerow([*data.columns, *added])
    as_text = data.form != "csv"

    @lru_cache(REMEMBERED)
    def as_cells(additions: tuple[Any, ...]) -> list[str]:
        return list(map(csv_text, additions))

    def write_row(row: Row, additions: tuple[Any, ...]) -> None:
        cells = map(csv_text, row.cells) if as_text else row.cells
        rows.writerow([*cells, *as_cells(additions)])

    return write_row


def extended(row: Row, data: Data, additions: str) -> str:
    """The object of a row with further members, its own as they were written."""
    if row.text:
        own = row.text[1:-1].strip()
    elif any(isinstance(cell, float) and not isfinite(cell) for cell in row.cells):
        raise UsageError(f"{data.path}: row {row.line} has a number that JSON cannot write; choose .csv or .parquet")
    else:
        own = ", ".join(
            f"{json_text(name)}: {json_text(cell)}" for name, cell in zip(data.columns, row.cells, strict=True)
        )
    return "{" + ", ".join(filter(None, [own, additions])) + "}"


def csv_text(value: Any) -> str:
    """A value in a CSV cell: nothing for None, `true`, plain digits, ISO dates; a list joined by `;`."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, tuple):
        return ";".join(map(csv_text, value))
    if isinstance(value, list | dict):
        return json_text(value)
    return str(value) if isinstance(value, date) else json_text(value)


def json_text(value: Any) -> str:
    """A value as JSON; a number with all its digits, those of the data as they were written."""
    if isinstance(value, Decimal):
        return format(value, "f") if abs(value.adjusted()) <= PLAIN_DIGITS else str(value)
    if isinstance(value, date):
        return f'"{value}"'
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(json_text, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json_text(name)}: {json_text(inner)}" for name, inner in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)
