"""A table of a database in, decided where it is: the policy as SQL, which makes a new table or is read into a file.

The columns of a table have types, so that a mapping says which column feeds which field and what its texts stand for,
but not how texts are read. Reasons are the short
ones of `Policy.to_sql`, and a row whose arithmetic would leave 64 bits has the status `too_large`: no wrong answer
is given, and `crm-rules decide` on a file decides it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from crm_rules.cli.console import UsageError
from crm_rules.cli.databases import Address, Connection, quoted, read_address, read_name, transaction
from crm_rules.cli.decide import Task, asked, conclude, new_columns
from crm_rules.cli.frame_judge import as_fact
from crm_rules.cli.mapping import plan_of, read_mapping, typed_columns
from crm_rules.cli.progress import Progress
from crm_rules.cli.records import Data, Row
from crm_rules.cli.results import STANDARD_OUTPUT, out_form, writing
from crm_rules.cli.stopping import cleared_when_stopped
from crm_rules.cli.summary import Tally, is_closed
from crm_rules.ir.numbers import exact, to_fact

WRITTEN_AS_THEY_ARE: Final = (str, bool, int, float, Decimal, list, dict)


def decide_table(arguments: argparse.Namespace) -> int:
    """Decide a table of a database; exit code as for a file."""
    address = read_address(arguments.data)
    if arguments.engine != "auto":
        raise UsageError("--engine is for files: a table of a database is decided by the database")
    file = None if arguments.mapping is None else read_mapping(arguments.mapping)
    policy, given = asked(arguments, file)
    target = target_of(arguments, address)
    progress = Progress(sys.stderr, shown=arguments.progress or sys.stderr.isatty())
    with progress, cleared_when_stopped(), transaction(address, writes=target is not None) as connection:
        columns = connection.columns(address.name)
        data = Data(Path(address.shown), "jsonl", tuple(columns))
        plan = plan_of(policy, given, data.columns, address.shown, file)
        added = new_columns(policy, columns, arguments.prefix, address.shown)
        query = policy.to_sql(
            dialect=address.system,
            table=address.table,
            today=arguments.today,
            columns=typed_columns(policy, plan, columns, file),
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


def target_of(arguments: argparse.Namespace, address: Address) -> tuple[str, ...] | None:
    """The table to make, if it is one."""
    out = arguments.out
    if out is None or not out.startswith("#"):
        if arguments.replace:
            raise UsageError("--replace is for --out #TABLE")
        return None
    target = read_name(out[1:])
    if target == address.table:
        raise UsageError(f"--out `{out}`: this is the table that is read, which is not overwritten")
    return target


def make_table(connection: Connection, query: str, target: Sequence[str], *, replace: bool) -> None:
    """Make the table of all rows, in the transaction that reads them."""
    system = connection.address.system
    name = quoted(system, target)
    if replace:
        connection.run(f"DROP TABLE IF EXISTS {name}")
    elif exists(connection, target):
        raise UsageError(f"--out `#{'.'.join(target)}`: there is such a table already; add --replace to drop it")
    connection.run(f"CREATE TABLE {name} AS\n{query}")


def exists(connection: Connection, target: Sequence[str]) -> bool:
    """True when there is a table or view of the name where the database would look for it."""
    text = quoted(connection.address.system, target).replace("'", "''")
    if connection.address.system == "postgres":
        return next(connection.rows(f"SELECT to_regclass('{text}') IS NOT NULL"))[0] is True
    *schema, table = (part.replace("'", "''") for part in target)
    where = f"table_schema = '{schema[0]}'" if schema else "table_schema = current_schema()"
    query = f"SELECT count(*) FROM information_schema.tables WHERE lower(table_name) = lower('{table}') AND {where}"  # noqa: S608
    return bool(next(connection.rows(query))[0])


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
