"""`crm-rules changes`: what changed between two result files of one policy, such as last night's and tonight's.

The files are what `crm-rules decide --out` wrote: the columns of the data, then outputs, `status`, `rules`, `reason`.
Records are matched by a key column that the user names, never by their position; one that is in one file
only is new or has vanished, and a key that stands twice is refused. Beside the outcome it is told which facts of
a moved record changed, so that a change of data is not taken for a change of rules.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any, Final

from crm_rules.cli.account import migration_data, migration_markdown, migration_text
from crm_rules.cli.console import FINDINGS, FINE, UsageError, say, wants_color
from crm_rules.cli.decide import FURTHER
from crm_rules.cli.diff import add_record_arguments
from crm_rules.cli.mapping import read_mapping
from crm_rules.cli.migrate import column_of, number_of, open_table
from crm_rules.cli.records import Data, Row
from crm_rules.cli.results import csv_text
from crm_rules.comparing.migration import Ledger, Migration, Outcome
from crm_rules.comparing.words import ARROW
from crm_rules.dataclass import dataclass

HELP: Final = "what changed between two result files of one policy, such as last night's and tonight's"
STATUS, RULES, REASON = FURTHER
SHOWN_FACTS: Final = 3
CANDIDATES: Final = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("before", metavar="RUN1", help="a result file of `crm-rules decide --out`")
    parser.add_argument("after", metavar="RUN2", help="a later one of the same policy")
    parser.add_argument(
        "--output",
        metavar="COLUMN",
        action="append",
        default=[],
        help="an output to compare; repeatable (default: the column before `status`)",
    )
    parser.add_argument("--prefix", metavar="TEXT", default="", help="the prefix that the added columns were given")
    add_record_arguments(parser)


@dataclass(frozen=True, slots=True)
class Run:
    """One result file: where its key, outputs, status, rules and reason stand, and its rows by key."""

    data: Data
    outputs: tuple[int, ...]
    status: int
    rules: int
    reason: int
    rows: dict[tuple[str, ...], Row]

    def outcome(self, key: tuple[str, ...]) -> Outcome | None:
        """What a record got; None when it is not there."""
        row = self.rows.get(key)
        if row is None:
            return None
        status = csv_text(row.cells[self.status])
        if status != "decided":
            return Outcome(status, why=csv_text(row.cells[self.reason]))
        values = tuple(csv_text(row.cells[place]) for place in self.outputs)
        return Outcome(status, values, why=csv_text(row.cells[self.rules]).replace(";", ", "))


def run(arguments: argparse.Namespace) -> int:
    """Compare the files; 0 when no record moved, is new or has vanished, else 1."""
    file = None if arguments.mapping is None else read_mapping(arguments.mapping)
    tables = [open_table(path, file) for path in (arguments.before, arguments.after)]
    outputs = arguments.output or [before_status(tables[1], arguments.prefix)]
    key = arguments.key or [str(name) for name in (file.document.key or () if file is not None else ())]
    if not key:
        raise UsageError(f"name the column that tells records apart with --key{candidates(*tables)}")
    before, after = (read_run(data, key, outputs, arguments.prefix) for data in tables)
    found = account(before, after, outputs, arguments.sum)
    others = other_changes(before, after)
    if arguments.format == "json":
        say(json.dumps({**migration_data(found), "other_columns": others}, ensure_ascii=False, indent=2))
    elif arguments.format == "markdown":
        title = f"# {arguments.before} {ARROW} {arguments.after}"
        say("\n\n".join([title, migration_markdown(found, arguments.show), others_text(others)]).rstrip())
    else:
        color = wants_color(arguments.color, sys.stdout)
        head = f"{arguments.before} {ARROW} {arguments.after}, records matched by {', '.join(key)}"
        blocks = [head, migration_text(found, arguments.show, color=color), others_text(others)]
        say("\n\n".join(filter(None, blocks)))
    return FINDINGS if found.moves else FINE


def before_status(data: Data, prefix: str) -> str:
    """The output that stands last, just before the status."""
    place = column_of_result(data, f"{prefix}{STATUS}")
    if place == 0:
        raise UsageError(f"{data.path}: no output stands before `{prefix}{STATUS}`; name one with --output")
    return data.columns[place - 1]


def column_of_result(data: Data, name: str) -> int:
    """The position of a column that every result file has."""
    if name not in data.columns:
        remedy = "expected a file that `crm-rules decide --out` wrote; --prefix says what its columns begin with"
        raise UsageError(f"{data.path} has no column `{name}`; {remedy}")
    return data.columns.index(name)


def candidates(*tables: Data) -> str:
    """The columns with another value in every row of both files, as a suggestion."""
    shared = [name for name in tables[0].columns if name in tables[1].columns]
    seen: dict[str, bool] = dict.fromkeys(shared, True)
    for data in tables:
        places = {name: data.columns.index(name) for name in shared}
        values: dict[str, set[str]] = {name: set() for name in shared}
        for row in data.rows():
            for name in [name for name in shared if seen[name]]:
                value = csv_text(row.cells[places[name]])
                seen[name] = value != "" and value not in values[name]
                values[name].add(value)
    found = [name for name in shared if seen[name]][:CANDIDATES]
    return f", such as --key {found[0]}; no value stands twice in {', '.join(found)}" if found else ""


def read_run(data: Data, key: Sequence[str], outputs: Sequence[str], prefix: str) -> Run:
    """The rows of a result file by key."""
    places = [column_of(name, data, "--key") for name in key]
    found: dict[tuple[str, ...], Row] = {}
    for row in data.rows():
        if row.ragged:
            raise UsageError(f"{data.path}:{row.line}: the row has {row.found} cells, expected {len(data.columns)}")
        name = tuple(csv_text(row.cells[place]) for place in places)
        if not all(name):
            raise UsageError(f"{data.path}:{row.line}: the key is empty; every record needs one")
        if name in found:
            raise UsageError(
                f"{data.path}:{row.line}: the key `{' '.join(name)}` stands in line {found[name].line} already; "
                "a further --key column can tell records apart"
            )
        found[name] = row
    status, rules, reason = (column_of_result(data, f"{prefix}{name}") for name in FURTHER)
    return Run(data, tuple(column_of(name, data, "--output") for name in outputs), status, rules, reason, found)


def account(before: Run, after: Run, outputs: Sequence[str], sum_of: str | None) -> Migration:
    """Every record of either file, those of the later one first."""
    ledger = Ledger(tuple(outputs), sum_of)
    amounts = [None if sum_of is None else column_of(sum_of, one.data, "--sum") for one in (before, after)]
    facts = fact_columns(before, after)
    for key in dict.fromkeys([*after.rows, *before.rows]):
        run, place = (after, amounts[1]) if key in after.rows else (before, amounts[0])
        amount = None if place is None else number_of(run.rows[key].cells[place])
        one, other = before.outcome(key), after.outcome(key)
        note = facts_text(before.rows[key], after.rows[key], facts) if one and other and one != other else ""
        ledger.add(" ".join(key), one, other, amount, note)
    return ledger.close()


def fact_columns(before: Run, after: Run) -> list[tuple[str, int, int]]:
    """The columns of both files that are no outcome, with their positions."""
    added = [{*run.outputs, run.status, run.rules, run.reason} for run in (before, after)]
    return [
        (name, before.data.columns.index(name), place)
        for place, name in enumerate(after.data.columns)
        if name in before.data.columns and place not in added[1] and before.data.columns.index(name) not in added[0]
    ]


def facts_text(before: Row, after: Row, columns: Sequence[tuple[str, int, int]]) -> str:
    """`need: potential → clear`: the facts of a record that changed, the first of them."""
    pairs = [(name, csv_text(before.cells[old]), csv_text(after.cells[new])) for name, old, new in columns]
    changed = [f"{name}: {one or 'missing'} {ARROW} {other or 'missing'}" for name, one, other in pairs if one != other]
    more = f", … {len(changed) - SHOWN_FACTS} more" if len(changed) > SHOWN_FACTS else ""
    return ", ".join(changed[:SHOWN_FACTS]) + more


def other_changes(before: Run, after: Run) -> dict[str, int]:
    """In how many records of both files each other column has another value."""
    shared = [key for key in after.rows if key in before.rows]
    found: dict[str, int] = {}
    for name, old, new in fact_columns(before, after):
        pairs = ((before.rows[key].cells[old], after.rows[key].cells[new]) for key in shared)
        count = sum(one != other and csv_text(one) != csv_text(other) for one, other in pairs)
        if count:
            found[name] = count
    return found


def others_text(others: dict[str, Any]) -> str:
    """The other columns that changed."""
    if not others:
        return ""
    return f"other columns that changed: {', '.join(f'{name} in {count:,}' for name, count in others.items())}"
