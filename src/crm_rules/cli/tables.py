"""A table of a database in, decided where it is: the policy as SQL, which makes a new table or is read into a file.

The columns of a table have types, so that a mapping says which column feeds which field and what its texts stand for,
but not how texts are read. A column of another type than its field's is refused, as that of a frame is: a database
would cast it. Reasons are the short ones of `Policy.to_sql`, and a row whose arithmetic would leave 64 bits has the
status `too_large`: no wrong answer is given, and `crm-rules decide` on a file decides it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, assert_never

from crm_rules.backends.table_columns import Columns
from crm_rules.cli.console import UsageError
from crm_rules.cli.databases import Address, Connection, System, quoted, read_address, read_name, transaction
from crm_rules.cli.decide import Task, asked, conclude, new_columns
from crm_rules.cli.frame_judge import as_fact
from crm_rules.cli.mapping import Targets, plan_of, read_mapping, targets_of, typed_columns
from crm_rules.cli.progress import Progress
from crm_rules.cli.records import Data, Row
from crm_rules.cli.results import STANDARD_OUTPUT, out_form, writing
from crm_rules.cli.stopping import cleared_when_stopped
from crm_rules.cli.summary import Tally, is_closed
from crm_rules.ir.numbers import exact, to_fact
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
    Type,
    show_type,
)

Family: TypeAlias = Literal["text", "boolean", "number", "date"]
WORDS: Final[Mapping[Family, str]] = {
    "text": "texts",
    "boolean": "booleans",
    "number": "signed integers of up to 64 bits, decimals or 64-bit floats",
    "date": "dates, or timestamps without a time zone",
}
INTEGERS: Final = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"}
ACCEPTED: Final[Mapping[System, Mapping[Family, set[str]]]] = {
    "duckdb": {
        "text": {"VARCHAR", "ENUM"},
        "boolean": {"BOOLEAN"},
        "number": {*INTEGERS, "DECIMAL", "DOUBLE"},
        "date": {"DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"},
    },
    "postgres": {
        "text": {"text", "character varying", "character", "citext", "enum"},
        "boolean": {"boolean"},
        "number": {"smallint", "integer", "bigint", "numeric", "double precision"},
        "date": {"date", "timestamp without time zone"},
    },
}
NO_VALUE: Final = {'"NULL"'}  # of a column of a view in DuckDB, which is missing in every row
WRITTEN_AS_THEY_ARE: Final = (str, bool, int, float, Decimal, list, dict)


def decide_table(arguments: argparse.Namespace) -> int:
    """Decide a table of a database; exit code as for a file."""
    address = read_address(arguments.data)
    if arguments.engine != "auto":
        raise UsageError("--engine is for files: a table of a database is decided by the database")
    file = None if arguments.mapping is None else read_mapping(arguments.mapping)
    policy, given = asked(arguments, file)
    target = target_of(arguments)
    progress = Progress(sys.stderr, shown=arguments.progress or sys.stderr.isatty())
    with progress, cleared_when_stopped(), transaction(address, writes=target is not None) as connection:
        types = connection.columns(address.name)
        columns = list(types)
        if target is not None and is_same(connection, target):
            raise UsageError(f"--out `{arguments.out}`: this is the table that is read, which is not overwritten")
        data = Data(Path(address.shown), "jsonl", tuple(columns))
        plan = plan_of(policy, given, data.columns, address.shown, file)
        typed = typed_columns(policy, plan, columns, file)
        check_types(targets_of(policy), typed, types, address)
        added = new_columns(policy, columns, arguments.prefix, address.shown)
        query = policy.to_sql(
            dialect=address.system,
            table=address.table,
            today=arguments.today,
            columns=typed,
            given=given or None,
            prefix=arguments.prefix,
        )
        task = Task(policy, arguments.today, given, plan, data, arguments.lang)
        if target is None:
            form = out_form(arguments.out, data) if arguments.out != STANDARD_OUTPUT else "csv"
            with writing(arguments.out, form, data, added, policy.outputs) as write:
                for row, additions in read_rows(connection, query, columns, progress) if arguments.out else ():
                    write(row, additions)
            source = f"({query}\n) AS decided"
        else:
            make_table(connection, query, target, replace=arguments.replace)
            source = quoted(address.system, target)
        tally = Tally(policy.outputs)
        count_groups(connection, source, tally, added)
    return conclude(arguments, task, tally, progress.seconds)


def target_of(arguments: argparse.Namespace) -> tuple[str, ...] | None:
    """The table to make, if it is one."""
    out = arguments.out
    if out is None or not out.startswith("#"):
        if arguments.replace:
            raise UsageError("--replace is for --out #TABLE")
        return None
    return read_name(out[1:])


def check_types(targets: Targets, typed: Columns, types: Mapping[str, str], address: Address) -> None:
    """Raise `UsageError` for every column that does not hold what its field needs: a database would cast it."""
    accepted = ACCEPTED[address.system]
    problems = []
    for name, said in typed.items():
        column, values = (said, False) if isinstance(said, str) else ((said or {}).get("column"), True)
        family = "text" if values else family_of(targets[name].type)
        if column is None or family is None or types[column] in accepted[family] | NO_VALUE:
            continue
        words = "the texts of `values`" if values else WORDS[family]
        kind = show_type(targets[name].type)
        problems.append(
            f"the column `{column}` for the field `{name}` ({kind}) holds {types[column]}, expected {words}"
        )
    if problems:
        raise UsageError(f"`{address.shown}`: {'; '.join(problems)}; let a view of the database cast what it can")


def family_of(kind: Type) -> Family | None:
    """What a column has to hold for a field; None where no column can, which `to_sql` says."""
    match kind:
        case Boolean():
            return "boolean"
        case Integer() | Number() | Money():
            return "number"
        case Choice() | Text():
            return "text"
        case Date():
            return "date"
        case DateTime() | ListOf() | ListOfValues():
            return None
        case _:
            assert_never(kind)


def make_table(connection: Connection, query: str, target: Sequence[str], *, replace: bool) -> None:
    """Make the table of all rows, in the transaction that reads them."""
    name = quoted(connection.address.system, target)
    shown = ".".join(target)
    there = what_is(connection, target)
    if there is not None and not replace:
        raise UsageError(f"--out `#{shown}`: there is such a table already; add --replace to drop it")
    if there == "view":
        raise UsageError(f"--out `#{shown}`: `{shown}` is a view, which --replace does not drop")
    if replace:
        connection.run(f"DROP TABLE IF EXISTS {name}")
    connection.run(f"CREATE TABLE {name} AS\n{query}")


def what_is(connection: Connection, target: Sequence[str]) -> Literal["table", "view"] | None:
    """What there is of the name where the database would look for it."""
    if connection.address.system == "postgres":
        query = f"SELECT relkind IN ('v', 'm') FROM pg_catalog.pg_class WHERE oid = {regclass(target)}"  # noqa: S608
    else:
        schema, table = (part.replace("'", "''") for part in folded(connection, target))
        where = f"lower(table_name) = '{table}' AND lower(table_schema) = '{schema}'"
        query = f"SELECT table_type = 'VIEW' FROM information_schema.tables WHERE {where}"  # noqa: S608 - quoted
    found = next(connection.rows(query), None)
    return None if found is None else "view" if found[0] else "table"


def is_same(connection: Connection, target: Sequence[str]) -> bool:
    """True when the name is another one of the table that is read."""
    table = connection.address.table
    if connection.address.system == "postgres":
        return next(connection.rows(f"SELECT {regclass(target)} = {regclass(table)}"))[0] is True
    return folded(connection, target) == folded(connection, table)


def regclass(table: Sequence[str]) -> str:
    """The table that PostgreSQL finds for a name, or null."""
    text = quoted("postgres", table).replace("'", "''")
    return f"to_regclass('{text}')"


def folded(connection: Connection, table: Sequence[str]) -> tuple[str, str]:
    """Schema and table as DuckDB compares them; before the point the name of the database may stand, too."""
    schema, database = next(connection.rows("SELECT lower(current_schema()), lower(current_database())"))
    *before, name = (part.lower() for part in table)
    return (schema if not before or before[0] == database else before[0]), name


def read_rows(
    connection: Connection, query: str, columns: Sequence[str], progress: Progress
) -> Iterator[tuple[Row, tuple[Any, ...]]]:
    """The rows of the query, each with what was added to it."""
    for number, cells in enumerate(connection.rows(query), 1):
        own = [written_cell(cell, name) for cell, name in zip(cells, columns, strict=False)]
        yield Row(number, own), tuple(map(as_result, cells[len(columns) :]))
        progress.add(1)


def written_cell(cell: Any, column: str) -> Any:
    """A cell of a table as a file can hold it."""
    if isinstance(cell, bytes | bytearray | memoryview):
        raise UsageError(f"the column `{column}` holds bytes, which no text file can hold")
    return cell if cell is None or isinstance(cell, WRITTEN_AS_THEY_ARE) else str(cell)


def as_result(value: Any) -> Any:
    """A result of the database as the Python engine gives it; no reason is no text."""
    return to_fact(exact(value)) if isinstance(value, Decimal) else as_fact(value)


def count_groups(connection: Connection, source: str, tally: Tally, added: Sequence[str]) -> None:
    """Count outcomes, statuses and reasons in the database."""
    system = connection.address.system
    *outputs, status, _, reason = (quoted(system, [name]) for name in added)
    closed = [name for name, output in zip(outputs, tally.outputs, strict=True) if is_closed(output)]
    open_ones = [name for name in outputs if name not in closed]
    keys = ", ".join([*closed, status, reason])
    ends = "".join(f", min({name}), max({name})" for name in open_ones)
    query = f"SELECT {keys}, count(*){ends} FROM {source} GROUP BY {keys} ORDER BY count(*) DESC, {keys}"  # noqa: S608
    for row in connection.rows(query):
        found = dict(zip([*closed, "status", "reason", "rows"], row, strict=False))
        limits = dict(
            zip(open_ones, zip(row[len(closed) + 3 :: 2], row[len(closed) + 4 :: 2], strict=True), strict=True)
        )
        count_group(tally, outputs, found, limits)


def count_group(
    tally: Tally, outputs: Sequence[str], found: Mapping[str, Any], limits: Mapping[str, tuple[Any, Any]]
) -> None:
    """Count the rows of one group."""
    rows = int(found["rows"])
    tally.rows += rows
    tally.statuses[found["status"]] += rows
    if found["status"] != "decided":
        tally.add_reason(found["reason"] or found["status"], None, "", rows=rows)
        return
    for name, counted, between in zip(outputs, tally.values, tally.ranges, strict=True):
        if counted is not None:
            counted[found[name]] += rows
        else:
            ends = [as_result(end) for end in limits[name] if end is not None and not isinstance(end, str)]
            if ends:
                between[:] = [min(*between, *ends), max(*between, *ends)]
