"""`crm-rules explain`: why one record is decided as it is, and why not better, in English or Chinese.

The record is JSON; its texts are read by the types of the policy's fields. Exit 1 when the policy
gives no decision for the record, which the explanation then explains.
"""

from __future__ import annotations

import argparse
import json
from typing import Any, Final

from crm_rules.backends.prose_case import Reason, Story
from crm_rules.backends.prose_words import Language
from crm_rules.backends.to_prose import explained, reasons
from crm_rules.cli.choose import choose
from crm_rules.cli.console import FINDINGS, FINE, say, terminal_width, wrap
from crm_rules.cli.facts import day, read_given, read_object
from crm_rules.cli.packs import open_pack
from crm_rules.columns import display_width
from crm_rules.decision import Decision, fact_to_json

HELP: Final = "why one record is decided as it is, step by step, in English or Chinese"
WIDEST: Final = 110  # longer lines are hard to read
JSON_FORMS: Final = "JSON in place, @FILE, or - for standard input"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_policy_arguments(parser)
    parser.add_argument("--record", metavar="JSON", required=True, help=f"the record: {JSON_FORMS}")
    parser.add_argument(
        "--given", metavar="JSON", help="required decisions handed over, by alias: an object as for --record"
    )
    parser.add_argument("--lang", choices=("en", "zh", "both"), default="en", help="the language (default: en)")
    parser.add_argument("--sensitive", action="store_true", help="show the values of sensitive fields too")
    parser.add_argument(
        "--format", choices=("text", "json"), default="text", help="text, or the decision with its reasons as JSON"
    )


def add_policy_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments that say which policy is asked, and for which day."""
    parser.add_argument("path", metavar="PATH", help="a policy file, a pack's folder, or the name of an installed pack")
    parser.add_argument("--policy", metavar="ID", help="which policy; may be left out when there is only one to ask")
    parser.add_argument(
        "--today", metavar="DATE", type=day, help="the day the decision is made for, such as 2026-11-21"
    )
    parser.add_argument("--edition", metavar="VERSION", help="this edition, whatever the day")


def run(arguments: argparse.Namespace) -> int:
    """Explain one decision."""
    policy = choose(open_pack(arguments.path), arguments.policy, arguments.today, arguments.edition)
    record = policy.read(read_object(arguments.record, "--record"))
    given = None if arguments.given is None else read_given(policy, read_object(arguments.given, "--given"))
    decision = policy.decide(record, today=arguments.today, given=given)
    if arguments.format == "json":
        say(json.dumps(as_json(decision, sensitive=arguments.sensitive), ensure_ascii=False, indent=2))
    else:
        width = terminal_width(WIDEST)
        languages: tuple[Language, ...] = ("en", "zh") if arguments.lang == "both" else (arguments.lang,)
        case = decision.case(outlook=True)
        stories = (Story(case, lang, sensitive=arguments.sensitive) for lang in languages)
        say("\n\n".join(explanation(story, width) for story in stories))
    return FINE if decision.status == "decided" else FINDINGS


def explanation(story: Story, width: int) -> str:
    """The explanation of a decision, as wide as the terminal; the rest of a long line stands below it, indented."""
    return "\n".join(fitted(line, width) for line in explained(story))


def fitted(line: str, width: int) -> str:
    """One line, or several no wider than the terminal."""
    if display_width(line) <= width:
        return line
    text = line.lstrip()
    indent = line[: len(line) - len(text)]
    return indent + wrap(text, width, f"{indent}    ", start=len(indent))


def as_json(decision: Decision, *, sensitive: bool) -> dict[str, Any]:
    """The decision as it is recorded, with its reasons; values of sensitive fields, and derived ones, when asked."""
    case = decision.case()
    hidden = Story(case, "en", sensitive=sensitive).hidden
    why = [reason_as_json(reason, hidden=reason.field in hidden) for reason in reasons(case)]
    return decision.to_dict(sensitive=sensitive) | {"reasons": why}


def reason_as_json(reason: Reason, *, hidden: bool) -> dict[str, Any]:
    """One reason as a JSON object; a hidden one says so and has no value."""
    return {
        "code": reason.code,
        "rule": reason.rule,
        "step": reason.step,
        "field": reason.field,
        "value": None if hidden else fact_to_json(reason.value),
        "border": reason.border,
        "points_lost": fact_to_json(reason.points_lost),
        "label": {"en": reason.label.en, "zh": reason.label.zh},
    } | ({"hidden": True} if hidden else {})
