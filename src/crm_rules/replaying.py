"""A written decision decided again: the facts out of the JSON record, and the policy's answer to them.

The record names the content of the policy that wrote it; another one cannot replay it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from crm_rules.decision import Decision
from crm_rules.errors import CallError
from crm_rules.facts import scalars
from crm_rules.ir.numbers import to_fact
from crm_rules.ir.record import Problem, Rejected, parse_fact

if TYPE_CHECKING:
    from crm_rules.policy import Policy


def replay_text(policy: Policy, text: str) -> Decision:
    """The decision that a text recorded, made again; raises `CallError` for a text that is no record of one."""
    try:
        return replay(policy, json.loads(text))
    except CallError:
        raise
    except json.JSONDecodeError as error:
        raise CallError("the text is not the record of a decision: it is no JSON") from error
    except KeyError as error:
        raise CallError(f"the text is not the record of a decision: it has no `{error.args[0]}`") from error
    except (TypeError, AttributeError, ValueError) as error:
        raise CallError("this is not the record of a decision, as `to_json` writes it") from error


def replay(policy: Policy, written: Mapping[str, Any]) -> Decision:
    """The decision that a written one recorded, made again; raises `CallError` when it is another policy's."""
    if written["hash"] != policy.content_hash:
        raise CallError(
            f"the record is of {written['policy']} {written['version']} with other content, not of {policy!r}"
        )
    if written["hidden"]:
        raise CallError(
            f"the record leaves out sensitive values: {', '.join(written['hidden'])}; write it with sensitive=True"
        )
    today = None if written["today"] is None else date.fromisoformat(written["today"])
    facts = policy_facts(policy, written["values"])
    required = tuple(
        (item.alias, replay(item.policy, written["required"][item.alias]))
        for item in policy.required
        if item.alias in written["required"]
    )
    kept = tuple(Problem(item["field"], item["code"], item["found"], item["expected"]) for item in written["problems"])
    if written["status"] in {"invalid", "blocked"}:
        return Decision(policy, (), scalars(policy.program, facts), today, written["status"], kept, required)
    return policy.decide_own(facts, today, required)


def policy_facts(policy: Policy, values: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of the declared fields out of their JSON forms."""
    facts: dict[str, Any] = {}
    for item in policy.program.fields:
        value = values.get(item.name)
        if isinstance(value, str):
            parsed = parse_fact(item.type, value)
            if not isinstance(parsed, Rejected):
                value = to_fact(parsed)
        facts[item.name] = value
        if item.currency is not None:
            facts[item.currency] = item.type.unit  # type: ignore[union-attr]
    return facts
