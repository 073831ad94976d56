"""`crm-rules diff`: what an edit really changes, and what it does to a table of records.

As with other tools of this name, the exit code is 1 when the versions differ: when the decision of some
record changes, or a record of the data moves. Edits that change no decision do not count. With
`--expect-equivalent` it is 0 only when equivalence is proven.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any, Final

from crm_rules.cli.account import migration_data, migration_markdown, migration_text
from crm_rules.cli.console import FINDINGS, FINE, UsageError, say, wants_color
from crm_rules.cli.facts import day
from crm_rules.cli.mapping import read_mapping
from crm_rules.cli.migrate import migrate, prepare
from crm_rules.cli.progress import Progress
from crm_rules.cli.versions import Version, open_version, policies_of, whole_packs
from crm_rules.comparing.policies import Differences, PackDifferences, diff

if TYPE_CHECKING:
    from crm_rules.comparing.migration import Migration

HELP: Final = "where two versions of a policy decide differently, and what that does to your records"
SHOWN: Final = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    side = "a policy file, a folder, an installed pack, or one edition of it: PATH@VERSION"
    parser.add_argument("old", metavar="OLD", help=side)
    parser.add_argument("new", metavar="NEW", help="the same for the new version")
    parser.add_argument("--policy", metavar="ID", help="compare this policy of two packs (default: all of them)")
    parser.add_argument(
        "--expect-equivalent", action="store_true", help="exit 0 only when it is proven that no decision changes"
    )
    parser.add_argument("--data", metavar="FILE", help="decide these records by both versions and count what moves")
    parser.add_argument("--today", metavar="DATE", type=day, help="the day to decide the records for")
    add_record_arguments(parser)


def add_record_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments that say how records are read, named, summed and shown."""
    parser.add_argument("--mapping", metavar="FILE", help="which column feeds which field, as for `decide`")
    parser.add_argument(
        "--key", metavar="COLUMN", action="append", default=[], help="the column that names a record; repeatable"
    )
    parser.add_argument("--sum", metavar="FIELD", help="sum this field or column over the records that move")
    parser.add_argument(
        "--show", metavar="N", type=whole_number, default=SHOWN, help=f"list at most N records (default: {SHOWN})"
    )
    parser.add_argument(
        "--format",
        choices=("text", "json", "markdown"),
        default="text",
        help="for people, programs, or change requests",
    )


def whole_number(text: str) -> int:
    """A number that was typed, zero or more."""
    if not text.isdecimal() or not text.isascii():
        raise argparse.ArgumentTypeError(f"expected a number such as {SHOWN}, found `{text}`")
    return int(text)


def run(arguments: argparse.Namespace) -> int:
    """Compare; 0 when nothing differs, 1 when something does."""
    refuse_idle_options(arguments)
    old, new = open_version(arguments.old), open_version(arguments.new)
    found, account = compare(arguments, old, new)
    match arguments.format:
        case "json":
            data: dict[str, Any] = {"differences": found.to_dict()}
            data["data"] = None if account is None else migration_data(account)
            say(json.dumps(data, ensure_ascii=False, indent=2))
        case "markdown":
            blocks = [found.to_markdown()]
            blocks += [] if account is None else [migration_markdown(account, arguments.show)]
            say("\n\n".join(blocks))
        case _:
            blocks = [found.to_text()]
            if account is not None:
                color = wants_color(arguments.color, sys.stdout)
                blocks += [f"{arguments.data}: {migration_text(account, arguments.show, color=color)}"]
            say("\n\n".join(blocks))
    moved = account is not None and bool(account.moves)
    if arguments.expect_equivalent:
        return FINE if found.equivalent and not moved else FINDINGS
    return FINDINGS if found.equivalent is False or moved else FINE


def refuse_idle_options(arguments: argparse.Namespace) -> None:
    """An option about records says nothing without records; the day may also choose an edition."""
    for option in ("mapping", "sum", "key"):
        if arguments.data is None and getattr(arguments, option):
            raise UsageError(f"--{option} is about records: name a file of them with --data")


def compare(
    arguments: argparse.Namespace, old: Version, new: Version
) -> tuple[Differences | PackDifferences, Migration | None]:
    """The differences, and the account of the records where there are some."""
    if arguments.data is None and whole_packs(old, new, arguments.policy):
        return diff(old.pack, new.pack), None
    wanted = arguments.policy
    if wanted is None and arguments.mapping is not None:
        named = read_mapping(arguments.mapping).document.policy
        wanted = None if named is None else str(named)
    before, after = policies_of(old, new, wanted, arguments.today)
    found = diff(before, after)
    if arguments.data is None:
        return found, None
    task = prepare(
        before,
        after,
        arguments.data,
        today=arguments.today,
        mapping=arguments.mapping,
        key=arguments.key,
        sum_of=arguments.sum,
    )
    with Progress(sys.stderr, shown=sys.stderr.isatty()) as progress:
        return found, migrate(task, progress)
