"""`crm-rules sql`: a policy as one SELECT over a table, or as a view.

    crm-rules sql policies/ --policy follow-up --dialect postgres --table crm.customers --today current --view touches

The text goes to standard output, or to a file. Nothing is executed.
"""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path
from typing import Final

from crm_rules.backends.query import CurrentDay
from crm_rules.backends.sql_dialects import DIALECTS
from crm_rules.backends.table_columns import Columns, unknown
from crm_rules.backends.to_sql import CURRENT_DATE, create_view
from crm_rules.cli.choose import choose_edition, choose_id, example_day
from crm_rules.cli.console import FINE, UsageError, complain, say
from crm_rules.cli.facts import day
from crm_rules.cli.mapping import plan_of, read_mapping, targets_of, typed_columns
from crm_rules.cli.packs import open_pack
from crm_rules.policy import Policy

HELP: Final = "a policy as SQL: one SELECT over a table, or a view"
CURRENT: Final = "current"
COLUMN: Final = "column:"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("path", metavar="PATH", help="a policy file, a folder, or the name of an installed pack")
    parser.add_argument("--policy", metavar="ID", help="which policy (default: the only one that no other requires)")
    parser.add_argument("--dialect", metavar="NAME", required=True, help=", ".join(DIALECTS))
    parser.add_argument("--table", metavar="NAME", required=True, help="the table, or SCHEMA.TABLE")
    parser.add_argument(
        "--today",
        metavar="DAY",
        type=moving_day,
        help="the day that is decided for: a date, `column:NAME` for a column of dates, or `current` for the date on "
        "which the text is run",
    )
    parser.add_argument("--edition", metavar="VERSION", help="the edition of that version")
    parser.add_argument(
        "--column",
        metavar="FIELD=COLUMN",
        action="append",
        default=[],
        type=mapped_column,
        help="the column that feeds a field (default: the one of its name); `FIELD=` where the table has none",
    )
    parser.add_argument(
        "--mapping", metavar="FILE", help="which column feeds which field and what its texts stand for, as for `decide`"
    )
    parser.add_argument("--prefix", metavar="TEXT", default="", help="what the names of added columns begin with")
    parser.add_argument("--view", metavar="NAME", help="write CREATE VIEW; the view, or SCHEMA.VIEW")
    parser.add_argument("--out", metavar="FILE", help="write to a file")


def run(arguments: argparse.Namespace) -> int:
    """Write the text."""
    today: date | str | CurrentDay | None = arguments.today
    pack = open_pack(arguments.path)
    known = today if isinstance(today, date) else None
    policy = choose_edition(pack, choose_id(pack, arguments.policy), known, arguments.edition)
    if today is None and policy.needs_today:
        raise UsageError(
            f"`{policy.id}` depends on the day: give one, such as --today {example_day(policy)}, --today {CURRENT} or "
            f"--today {COLUMN}NAME"
        )
    columns = dict(arguments.column)
    known_fields = targets_of(policy)
    for name in columns:
        if name not in known_fields:
            raise UsageError(unknown("--column", name, policy.id, sorted(known_fields)))
    text = policy.to_sql(
        dialect=arguments.dialect,
        table=arguments.table.split("."),
        today=today,
        columns={**mapped_columns(policy, arguments), **columns},
        prefix=arguments.prefix,
    )
    if arguments.view is not None:
        text = create_view(arguments.view.split("."), text, dialect=arguments.dialect)
    if arguments.out is None:
        say(f"{text};")
    else:
        Path(arguments.out).write_text(f"{text};\n", encoding="utf-8")
        complain(f"written to {arguments.out}")
    return FINE


def mapped_columns(policy: Policy, arguments: argparse.Namespace) -> Columns:
    """What a mapping file says of the columns; no table is looked at, so it has every column that is named."""
    if arguments.mapping is None:
        return {}
    file = read_mapping(arguments.mapping)
    named = [str(one.column) for one in (file.document.fields or {}).values() if one.column is not None]
    columns = tuple(dict.fromkeys([*named, *(file.document.key or ()), *targets_of(policy)]))
    return typed_columns(policy, plan_of(policy, (), columns, arguments.table, file), columns, file)


def moving_day(text: str) -> date | str | CurrentDay:
    """The day that was typed; the name of its column; or the marker of the current date."""
    if text == CURRENT:
        return CURRENT_DATE
    if text.startswith(COLUMN):
        if text == COLUMN:
            raise argparse.ArgumentTypeError(f"{COLUMN} names no column; write {COLUMN}NAME")
        return text.removeprefix(COLUMN)
    return day(text)


def mapped_column(text: str) -> tuple[str, str | None]:
    """A field and its column."""
    field, sign, column = text.partition("=")
    if not sign or not field:
        raise argparse.ArgumentTypeError(f"write FIELD=COLUMN, not `{text}`")
    return field, column or None
