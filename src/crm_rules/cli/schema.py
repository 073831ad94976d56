"""`crm-rules schema`: JSON Schema of policy files for editors, and of the records a policy reads.

    # yaml-language-server: $schema=policy.schema.json

as the first line of a policy file makes an editor complete and check it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Any, Final

from crm_rules.cases.reading import CasesDocument
from crm_rules.cli.choose import choose_edition, choose_id
from crm_rules.cli.console import FINE, UsageError, say
from crm_rules.cli.facts import day
from crm_rules.cli.packs import open_pack
from crm_rules.diagnostics import did_you_mean
from crm_rules.kinds import kind_names
from crm_rules.kinds.schema import document_schema, fields_schema, pack_schema, policy_schema

HELP: Final = "JSON Schema of policy files, for editors, or of a policy's records"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "kind",
        metavar="KIND",
        nargs="?",
        default="policy",
        help="policy (default: every kind), one kind, pack, fields or cases",
    )
    parser.add_argument("--record", metavar="PATH", help="the schema of the records that a policy of this pack reads")
    parser.add_argument("--policy", metavar="ID", help="which policy of that pack")
    parser.add_argument("--today", metavar="DATE", type=day, help="its edition on that day")
    parser.add_argument("--edition", metavar="VERSION", help="its edition of that version")


def run(arguments: argparse.Namespace) -> int:
    """Print one schema."""
    found = file_schema(arguments.kind) if arguments.record is None else input_schema(arguments)
    say(json.dumps(found, ensure_ascii=False, indent=2))
    return FINE


def file_schema(kind: str) -> dict[str, Any]:
    """The schema of a file, or of the policies of one kind."""
    makers: dict[str, Callable[[], dict[str, Any]]] = {
        "policy": policy_schema,
        "pack": pack_schema,
        "fields": fields_schema,
        "cases": lambda: document_schema("NAME.cases.yaml beside a policy", CasesDocument),
    }
    if kind in makers:
        return makers[kind]()
    known = [*makers, *kind_names()]
    if kind not in known:
        raise UsageError(f"there is no schema `{kind}`; {did_you_mean(kind, known) or 'there are ' + ', '.join(known)}")
    return policy_schema(kind)


def input_schema(arguments: argparse.Namespace) -> dict[str, Any]:
    """The schema of a record."""
    pack = open_pack(arguments.record)
    return choose_edition(pack, choose_id(pack, arguments.policy), arguments.today, arguments.edition).input_schema()
