"""Tables of records in files: CSV, JSON Lines, JSON arrays and Parquet in, row by row, and never a row lost.

A row keeps what the file says: the texts of CSV cells, the source text of a JSON object. What is no
table at all (other encoding, NUL bytes, an open quote, a name twice in the header) is refused with
its line before anything runs or, in the middle of a CSV file, before anything is left behind. A CSV row
with too few or too many cells is a row like the others, marked `ragged`.

What the columns mean is the business of `crm_rules.cli.mapping`; writing is in `crm_rules.cli.results`, and all of
Parquet in `crm_rules.cli.parquet`.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from crm_rules.cli.console import UsageError
from crm_rules.cli.facts import members, refuse_constant
from crm_rules.dataclass import dataclass
from crm_rules.diagnostics import did_you_mean

Form: TypeAlias = Literal["csv", "jsonl", "json", "parquet"]
FORMS: Final[dict[str, Form]] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".parquet": "parquet",
}
ENCODINGS: Final = {"utf-8": "utf-8-sig", "utf-8-sig": "utf-8-sig", "gb18030": "gb18030"}
MAX_LINE: Final = 16_000_000  # characters; a file without line ends must not fill the memory
MARK: Final = "\ufeff"
# Undecodable bytes are read as lone surrogates, so that the line they stand in is known.
UNDECODED: Final = re.compile("[\udc80-\udcff]")
DECODER: Final = json.JSONDecoder(parse_float=Decimal, parse_constant=refuse_constant, object_pairs_hook=members)
BLANK: Final = re.compile(r"[ \t\r\n]*")


@dataclass(frozen=True, slots=True)
class Row:
    """One record of the file: a cell for each column (None where a JSON object has none), and its line.

    `text` is the source of a JSON object. `found` is the number of cells that a ragged CSV row has; those
    beyond the columns are its `surplus`.
    """

    line: int
    cells: Sequence[Any]
    text: str = ""
    found: int | None = None
    surplus: tuple[str, ...] = ()

    @property
    def ragged(self) -> bool:
        """True for a CSV row with more or fewer cells than the header."""
        return self.found is not None


@dataclass(frozen=True, slots=True)
class Data:
    """A file of records that was found to be one; `marked` says that it begins with a byte order mark."""

    path: Path
    form: Form
    columns: tuple[str, ...]
    encoding: str = "utf-8"
    delimiter: str = ","
    marked: bool = False

    def rows(self) -> Iterator[Row]:
        """Every record in the order of the file, one at a time; raises `UsageError` at the line of a mistake."""
        match self.form:
            case "csv":
                return csv_rows(self)
            case "jsonl" | "json":
                return json_rows(self)
            case "parquet":
                from crm_rules.cli.parquet import parquet_rows  # noqa: PLC0415 - it needs rows to make

                return parquet_rows(self)


def open_data(path: str, *, encoding: str | None = None, delimiter: str | None = None) -> Data:
    """The data file of a path, its columns known.

    JSON is read once to the end for that, because any object may have a key of its own.
    """
    place = Path(path)
    form = FORMS.get(place.suffix.lower())
    if place.is_dir():
        raise UsageError(f"`{path}` is a folder: expected a data file")
    if not place.is_file():
        near = [entry.name for entry in place.parent.glob("*")] if place.parent.is_dir() else []
        remedy = did_you_mean(place.name, near)
        raise UsageError(f"there is no data file `{path}`" + (f"; {remedy}" if remedy else ""))
    if form is None:
        raise UsageError(f"`{path}`: expected a data file that ends in {', '.join(FORMS)}")
    if form == "parquet":
        if encoding is not None or delimiter is not None:
            raise UsageError(f"`{path}`: Parquet has no delimiter and no encoding; the mapping says otherwise")
        from crm_rules.cli.parquet import open_parquet  # noqa: PLC0415 - it needs rows to make

        return open_parquet(place)
    if form != "csv":
        if encoding not in {None, "utf-8", "utf-8-sig"} or delimiter is not None:
            raise UsageError(f"`{path}`: JSON has no delimiter and is UTF-8; the mapping says otherwise")
        keys = {key: None for members, _, _ in objects(place, form) for key in members}
        return Data(place, form, tuple(keys))
    separator = delimiter or ("\t" if place.suffix.lower() == ".tsv" else ",")
    return csv_data(place, encoding or "utf-8", separator)


def csv_data(place: Path, encoding: str, delimiter: str) -> Data:
    """A CSV file by its header."""
    with place.open("rb") as stream:
        start = stream.read(4)
    data = Data(place, "csv", (), encoding, delimiter, marked=start.decode(encoding, "replace").startswith(MARK))
    line, header = next(csv_records(data), (1, []))
    if not header:
        raise UsageError(f"`{place}` is empty: expected a line with the names of the columns")
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        positions = "; ".join(f"`{name}` is column {positions_of(name, header)}" for name in twice)
        raise UsageError(f"{place}:{line}: every column needs a name of its own: {positions}")
    return Data(place, "csv", tuple(header), encoding, delimiter, data.marked)


def positions_of(name: str, header: Sequence[str]) -> str:
    """`3 and 7`."""
    return " and ".join(str(position) for position, other in enumerate(header, 1) if other == name)


def lines_of(place: Path, encoding: str) -> Iterator[str]:
    """The lines of a text file with their line ends; raises `UsageError` for what is no text."""
    with place.open(encoding=ENCODINGS[encoding], errors="surrogateescape", newline="") as stream:
        for number, line in enumerate(iter(partial(stream.readline, MAX_LINE), ""), 1):
            if len(line) >= MAX_LINE:
                raise UsageError(f"{place}:{number}: a line has at most {MAX_LINE:_} characters")
            if "\0" in line:
                raise UsageError(f"{place}:{number}: there is a NUL byte, so this is no text file; save it as UTF-8")
            if not line.isascii() and UNDECODED.search(line):
                remedy = "save it as UTF-8, or say `encoding: gb18030` in the mapping file if it is"
                raise UsageError(f"{place}:{number}: this is not {encoding} text; {remedy}")
            yield line.removeprefix(MARK) if number == 1 else line


def csv_records(data: Data) -> Iterator[tuple[int, list[str]]]:
    """The line that each record begins at, and its cells; lines without any character between records are none."""
    reader = csv.reader(lines_of(data.path, data.encoding), delimiter=data.delimiter, strict=True)
    line = 1
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise UsageError(f"{data.path}:{line}: {csv_mistake(str(error))}") from error
        if cells is None:
            return
        if cells:
            yield line, cells
        line = reader.line_num + 1


def csv_mistake(words: str) -> str:
    """What is wrong with the record that begins at a line, in an author's words."""
    if "field limit" in words:
        return f"a cell has more than {csv.field_size_limit()} characters; is a quote not closed?"
    if "unexpected end" in words:
        return "a quote is opened here and never closed"
    return 'text stands behind a closing quote; write a quote inside of a quoted cell twice: ""'


def csv_rows(data: Data) -> Iterator[Row]:
    """The rows below the header."""
    width = len(data.columns)
    records = csv_records(data)
    next(records)
    for line, cells in records:
        if len(cells) == width:
            yield Row(line, cells)
        else:
            padded = (*cells[:width], *[""] * (width - len(cells)))
            yield Row(line, padded, found=len(cells), surplus=tuple(cells[width:]))


def json_rows(data: Data) -> Iterator[Row]:
    """The objects of a JSON file as rows; a key that an object lacks is None there."""
    for found, text, line in objects(data.path, data.form):
        yield Row(line, [found.get(column) for column in data.columns], text)


def objects(place: Path, form: Form) -> Iterator[tuple[dict[str, Any], str, int]]:
    """Each object with its source text on one line, and the line it begins at."""
    if form == "json":
        yield from array(place)
        return
    for number, line in enumerate(lines_of(place, "utf-8"), 1):
        text = line.strip(" \t\r\n")
        if text:
            yield parse_object(text, 0, place, number, whole=True)[0], text, number


def array(place: Path) -> Iterator[tuple[dict[str, Any], str, int]]:
    """The objects of a JSON array; the text is in memory as a whole (JSON Lines is not)."""
    text = "".join(lines_of(place, "utf-8"))
    position, line = skip(text, 0), 1
    if text[position : position + 1] != "[":
        raise UsageError(f"{place}:1: expected an array of objects; one object a line is JSON Lines (.jsonl)")
    position = skip(text, position + 1)
    seen = 0
    while text[position : position + 1] != "]":
        line += text.count("\n", seen, position)
        seen = position
        found, end = parse_object(text, position, place, line)
        yield found, text[position:end].replace("\r", " ").replace("\n", " "), line
        position = skip(text, end)
        sign = text[position : position + 1]
        if sign == ",":
            position = skip(text, position + 1)
        elif sign != "]":
            line += text.count("\n", seen, position)
            raise UsageError(f"{place}:{line}: expected `,` or `]` after an object")
        if sign == "," and text[position : position + 1] == "]":
            raise UsageError(f"{place}:{line}: expected an object after the last `,`")
    rest = skip(text, position + 1)
    if rest != len(text):
        line = text.count("\n", 0, rest) + 1
        raise UsageError(f"{place}:{line}: there is more after the end of the array")


def skip(text: str, position: int) -> int:
    """The position of the next character that is no blank."""
    found = BLANK.match(text, position)
    return position if found is None else found.end()


def parse_object(
    text: str, position: int, place: Path, line: int, *, whole: bool = False
) -> tuple[dict[str, Any], int]:
    """The object at a position of the text, and where it ends; with `whole` nothing may follow."""
    try:
        found, end = DECODER.raw_decode(text, position)
    except json.JSONDecodeError as error:
        here = line + text.count("\n", position, error.pos)
        message = error.msg[0].lower() + error.msg[1:]
        raise UsageError(f"{place}:{here}: this is no JSON: {message}") from error
    except (ValueError, RecursionError) as error:
        words = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise UsageError(f"{place}:{line}: this JSON cannot be used: {words}") from error
    if not isinstance(found, dict):
        raise UsageError(f"{place}:{line}: expected an object, found other JSON")
    if whole and end != len(text):
        raise UsageError(f"{place}:{line}: there is more on the line after the object")
    return found, end
