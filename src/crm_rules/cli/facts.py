"""What a user types for facts: days, and JSON given in place, in a file (`@file`) or on standard input (`-`).

JSON is read strictly: numbers exactly, no member twice, no NaN, and a mistake is shown at its line
and column. The types of the fields are the policy's own affair (`Policy.read`).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from crm_rules.cli.console import UsageError
from crm_rules.diagnostics import did_you_mean
from crm_rules.ir.numbers import to_fact
from crm_rules.ir.record import Rejected, parse_fact
from crm_rules.ir.types import Type
from crm_rules.policy import Policy


def day(text: str) -> date:
    """A day that was typed, for an argument of the command line."""
    try:
        if len(text) == len("2026-01-31"):
            return date.fromisoformat(text)
    except ValueError:
        pass  # the same refusal as for any other text
    raise argparse.ArgumentTypeError(f"expected a day such as 2026-01-31, found `{text}`")


def read_object(word: str, option: str) -> dict[str, Any]:
    """The JSON object that a user handed over; raises `UsageError` at the place of a mistake."""
    text, place = source_of(word, option)
    try:
        found = json.loads(text, parse_float=Decimal, parse_constant=refuse_constant, object_pairs_hook=members)
    except json.JSONDecodeError as error:
        message = error.msg[0].lower() + error.msg[1:]
        raise UsageError(f"{place}:{error.lineno}:{error.colno}: this is no JSON: {message}") from error
    except (ValueError, RecursionError) as error:
        words = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise UsageError(f"{place}: this JSON cannot be used: {words}") from error
    if not isinstance(found, dict):
        raise UsageError(f'{place}: expected an object such as {{"need": "clear"}}, found other JSON')
    return found


def source_of(word: str, option: str) -> tuple[str, str]:
    """The text of an argument and what to call its place."""
    if word == "-":
        return decoded(sys.stdin.buffer.read(), "standard input"), "standard input"
    if word.startswith("@"):
        return decoded(Path(word[1:]).read_bytes(), word[1:]), word[1:]
    return word, option


def decoded(data: bytes, place: str) -> str:
    """UTF-8 text; a mark at its beginning is dropped."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{place}:{line}: this is not UTF-8 text") from error


def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object, each member once."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"`{name}` stands there twice")
        found[name] = value
    return found


def refuse_constant(word: str) -> Any:
    """NaN and infinities are no JSON."""
    raise ValueError(f"`{word}` is no number")


def read_given(policy: Policy, texts: Mapping[str, Any]) -> dict[str, Any]:
    """Required decisions handed over by alias, each text as the field's type reads it."""
    kinds = given_types(policy)
    found: dict[str, Any] = {}
    for name, value in texts.items():
        if name not in kinds:
            known = did_you_mean(name, kinds) or (
                f"it requires {', '.join(sorted(kinds))}" if kinds else "it requires none"
            )
            raise UsageError(f"--given: `{policy.id}` requires no decision `{name}`; {known}")
        parsed = parse_fact(kinds[name], value) if isinstance(value, str) else None
        if isinstance(parsed, Rejected):
            raise UsageError(f"--given: `{name}` is {parsed.expected}, found `{value}`")
        found[name] = value if parsed is None else to_fact(parsed)
    return found


def given_types(policy: Policy) -> dict[str, Type]:
    """The type of every required decision in the chain, by alias."""
    found: dict[str, Type] = {}
    for requirement in policy.required:
        found |= given_types(requirement.policy)
        found |= {item.name: item.type for item in policy.program.fields if item.name == requirement.alias}
    return found
