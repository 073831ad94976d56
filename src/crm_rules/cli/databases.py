"""Databases that hold tables of records: an address, a connection with one transaction, and what may be said of it.

    duckdb:shop.db#customers                    a file, and a table in it (or `#schema.table`)
    postgresql://anna@db.example/shop#crm.customers

What an address holds beside host and database, a password above all, is never shown. An error of the database
is one sentence with that password taken out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

from crm_rules.backends.sql_dialects import dialect_of
from crm_rules.backends.sql_select import quoted_name
from crm_rules.cli.brought import brought
from crm_rules.cli.console import UsageError
from crm_rules.cli.parquet import first_line
from crm_rules.dataclass import dataclass

Found = TypeVar("Found")
System: TypeAlias = Literal["duckdb", "postgres"]
FETCHED: Final = 10_000  # rows that are in memory at a time
POSTGRES_TYPES: Final = """
SELECT oid, CASE WHEN typtype = 'e' THEN 'enum' WHEN typname = 'citext' THEN 'citext' ELSE format_type(oid, NULL) END
FROM pg_catalog.pg_type"""
SHAPE: Final = "duckdb:FILE#TABLE or postgresql://HOST/DATABASE#TABLE"


@dataclass(frozen=True, slots=True)
class Address:
    """A table of a database; `place` is how to reach the database, `shown` what may be said of it."""

    system: System
    place: str
    table: tuple[str, ...]
    shown: str

    @property
    def name(self) -> str:
        """The table as it is quoted in SQL."""
        return quoted(self.system, self.table)


def quoted(system: System, table: Sequence[str]) -> str:
    """The name of a table, or of a schema and a table, in quotes."""
    return quoted_name(tuple(table), dialect_of(system))


def read_address(text: str) -> Address:
    """The address that a text is; raises `UsageError` for one that names no table."""
    place, _, name = text.partition("#")
    system: System = "duckdb" if place.startswith("duckdb:") else "postgres"
    shown = shown_place(system, place)
    if not name:
        raise UsageError(f"`{shown}` names no table: expected {SHAPE}")
    if system == "duckdb":
        path = place.removeprefix("duckdb:")
        if not Path(path).is_file():
            raise UsageError(f"there is no database `{path}`")
        place = path
    return Address(system, place, read_name(name), f"{shown}#{name}")


def read_name(text: str) -> tuple[str, ...]:
    """`schema.table` or `table`."""
    parts = tuple(text.split("."))
    if len(parts) > 2 or not all(parts):  # noqa: PLR2004 - a schema and a table
        raise UsageError(f"`#{text}` is no table: expected #TABLE or #SCHEMA.TABLE")
    return parts


def shown_place(system: System, place: str) -> str:
    """An address without user, password and options."""
    if system == "duckdb":
        return place
    parts = split(place)
    return f"postgresql://{parts.hostname or ''}{parts.path}"


def split(place: str) -> Any:
    """The parts of a URL; raises `UsageError` without repeating it."""
    try:
        return urlsplit(place)
    except ValueError as error:
        raise UsageError(f"the address of the database is no URL: expected {SHAPE}") from error


def secrets(place: str) -> list[str]:
    """What must not be shown of an address, longest first."""
    try:
        parts = urlsplit(place)
    except ValueError:
        return [place]
    found = [parts.password or "", parts.query, *(value for _, value in parse_qsl(parts.query))]
    return sorted({text for one in found if one for text in (one, unquote(one))}, key=len, reverse=True)


@dataclass(frozen=True, slots=True)
class Connection:
    """A transaction of a database."""

    address: Address
    native: Any

    def columns(self, query: str) -> dict[str, str]:
        """The names of the columns of a query, and the name of the type of each, without what stands in brackets."""
        if self.address.system == "duckdb":
            found = self.rows(f"DESCRIBE SELECT * FROM {query}")  # noqa: S608 - quoted
            return {name: re.sub(r"(?s)\(.*\)\Z", "", kind) for name, kind, *_ in found}
        described = self.native.execute(f"SELECT * FROM {query} LIMIT 0").description  # noqa: S608 - quoted
        numbers = ", ".join(str(column.type_code) for column in described)
        kinds = dict(self.native.execute(f"{POSTGRES_TYPES} WHERE oid IN ({numbers or 0})").fetchall())
        return {column.name: kinds[column.type_code] for column in described}

    def run(self, statement: str) -> None:
        """Execute a statement."""
        self.wait_for(self.native.execute, statement)

    def wait_for(self, call: Callable[..., Found], *arguments: Any) -> Found:
        """What a call of the database gives, which ends early when the process is told to end.

        While DuckDB works in the main thread no signal is heeded, or it raises an error of its own in its place.
        """
        if self.address.system == "postgres":
            return call(*arguments)
        with ThreadPoolExecutor(1) as pool:
            found = pool.submit(call, *arguments)
            try:
                return found.result()
            finally:
                while not found.done():  # what has not begun yet is not interrupted
                    self.native.interrupt()
                    wait([found], timeout=0.1)

    def rows(self, query: str) -> Iterator[tuple[Any, ...]]:
        """The rows of a query, some at a time."""
        if self.address.system == "postgres":
            with self.native.cursor(name="crm_rules") as cursor:
                cursor.itersize = FETCHED
                cursor.execute(query)
                yield from cursor
        else:
            found = self.wait_for(self.native.execute, query)
            while rows := self.wait_for(found.fetchmany, FETCHED):
                yield from rows


@contextmanager
def transaction(address: Address, *, writes: bool) -> Iterator[Connection]:
    """A connection that commits when all went well, and else leaves nothing; without `writes` it can change nothing."""
    library = brought("psycopg" if address.system == "postgres" else "duckdb", f"`{address.shown}`")
    try:
        if address.system == "postgres":
            with library.connect(address.place) as native:
                native.isolation_level = library.IsolationLevel.REPEATABLE_READ
                native.read_only = not writes
                yield Connection(address, native)
        else:
            with library.connect(address.place, read_only=not writes) as native:
                connection = Connection(address, native)
                connection.run("BEGIN")
                yield connection
                connection.run("COMMIT")
    except library.Error as error:
        words = first_line(error)
        for secret in secrets(address.place) if address.system == "postgres" else ():
            words = words.replace(secret, "***")
        raise UsageError(f"`{address.shown}`: the database says: {words}") from None
