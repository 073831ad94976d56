"""Deciding all records together: rankings measure every record before any of them is decided.

Each record is read, the population step measures those that can be used, and then every record is
decided by the same function as ever, its measures being facts like any other. A required ranking is
decided for all of them first. The order of the records means nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

from crm_rules.dataclass import dataclass
from crm_rules.decision import Decision
from crm_rules.facts import scalars, to_mapping
from crm_rules.ir.measure import measured
from crm_rules.ir.nodes import Value
from crm_rules.ir.record import Problem, read_record

if TYPE_CHECKING:
    from crm_rules.policy import Policy

Known = dict[str, Decision]


@dataclass(frozen=True, slots=True)
class Read:
    """A record before it is measured: its facts, the required decisions, its values or why it has none."""

    facts: dict[str, Any]
    required: tuple[tuple[str, Decision], ...]
    values: Mapping[str, Value | None]
    problems: tuple[Problem, ...]
    blocked: bool

    @property
    def usable(self) -> bool:
        """True for a record that is measured."""
        return not self.problems and not self.blocked


def decide_together(
    policy: Policy, records: Iterable[Any], today: date | None, given: Mapping[str, Any]
) -> list[Decision]:
    """The decisions for all records, in their order; raises `CallError` as `decide` does."""
    facts, day = opened(policy, records, today, given)
    return decide_below(policy, facts, day, given, [{} for _ in facts])


def opened(
    policy: Policy, records: Iterable[Any], today: date | None, given: Mapping[str, Any]
) -> tuple[list[Mapping[str, Any]], date | None]:
    """The facts of the records and the day, when the policy can be asked."""
    policy.check_given(given)
    day = policy.usable_today(today)
    policy.refuse_blank(day, given)
    return [to_mapping(record) for record in records], day


def decide_below(
    policy: Policy,
    records: Sequence[Mapping[str, Any]],
    today: date | None,
    given: Mapping[str, Any],
    known: Sequence[Known],
) -> list[Decision]:
    """The decisions of one policy of a chain."""
    decide_required(policy, records, today, given, known)
    if not policy.program.population:
        return [policy.decide_with(facts, today, given, one) for facts, one in zip(records, known, strict=True)]
    read = read_all(policy, records, today, given, known)
    measures = measured(policy.program, [one.values if one.usable else None for one in read], today, policy.calls)
    return [settled(policy, one, more, today) for one, more in zip(read, measures, strict=True)]


def decide_required(
    policy: Policy,
    records: Sequence[Mapping[str, Any]],
    today: date | None,
    given: Mapping[str, Any],
    known: Sequence[Known],
) -> None:
    """Add the decisions of the rankings that a policy requires to what is `known` of each record."""
    for item in policy.required:
        if item.alias not in given and item.policy.ranks(given):
            below = decide_below(item.policy, records, today, given, known)
            for one, decision in zip(known, below, strict=True):
                one[item.policy.id] = decision


def read_all(
    policy: Policy,
    records: Sequence[Mapping[str, Any]],
    today: date | None,
    given: Mapping[str, Any],
    known: Sequence[Known],
) -> list[Read]:
    """Every record as its policy reads it, its measures aside."""
    measures = set(policy.program.measured)
    alone = replace(policy.program, fields=tuple(one for one in policy.program.fields if one.name not in measures))
    found: list[Read] = []
    for record, decisions in zip(records, known, strict=True):
        facts, required = policy.with_required(record, today, given, decisions)
        undecided = {alias for alias, decision in required if decision.status != "decided"}
        reading = read_record(alone, facts)
        problems = tuple(one for one in reading.problems if one.field not in undecided)
        found.append(Read(facts, required, reading.values, problems, bool(undecided)))
    return found


def settled(policy: Policy, read: Read, measures: Mapping[str, Value | None], today: date | None) -> Decision:
    """The decision of one record whose measures are known."""
    if read.usable:
        return policy.decide_own(read.facts | dict(measures), today, read.required)
    facts = scalars(policy.program, read.facts | dict.fromkeys(policy.program.measured))
    return Decision(policy, (), facts, today, "invalid" if read.problems else "blocked", read.problems, read.required)
