"""One table of records decided by two versions: what becomes of each record, as a `Migration`.

Both versions read the same cells by the same mapping; what only one of them knows (a field, a choice) is
unknown to the other and handled as its own rules say. The replay that finds rules and reasons is done
only for records that move.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import islice
from typing import Any, Final

from crm_rules.backends.prose_words import Language
from crm_rules.cli.console import UsageError
from crm_rules.cli.decide import CHUNK
from crm_rules.cli.mapping import DELIMITERS, MappingFile, Plan, Planning, Targets, read_mapping, targets_of
from crm_rules.cli.progress import Progress
from crm_rules.cli.records import Data, Row, open_data
from crm_rules.cli.undecided import ragged_reason, undecided_reason
from crm_rules.comparing.migration import Ledger, Migration, Outcome
from crm_rules.comparing.policies import all_edits, rules_of
from crm_rules.comparing.words import edited_rules, responsible
from crm_rules.dataclass import dataclass
from crm_rules.decision import Decision
from crm_rules.diagnostics import did_you_mean
from crm_rules.ir.numbers import Exact, exact, parse_number
from crm_rules.ir.types import Choice
from crm_rules.policy import Policy

LANGUAGE: Final[Language] = "en"


@dataclass(frozen=True, slots=True)
class Task:
    """All that is settled before the first row is read."""

    old: Policy
    new: Policy
    today: date | None
    data: Data
    plans: tuple[Plan, Plan]
    outputs: tuple[str, ...]
    key: tuple[int, ...]
    sum_of: str | None
    edited: frozenset[str]
    amount: Callable[[Row, Mapping[str, Any]], Exact | None] | None


def prepare(
    old: Policy,
    new: Policy,
    path: str,
    *,
    today: date | None,
    mapping: str | None,
    key: list[str],
    sum_of: str | None,
) -> Task:
    """Everything that can be refused, refused before any row is decided."""
    for policy in (old, new):
        if today is None and policy.needs_today:
            raise UsageError(f"`{policy.id}` {policy.version} depends on the day: give one with --today")
        blank = policy.blank_parameters(today)
        if blank:
            raise UsageError(
                f"`{policy.id}` {policy.version} cannot decide: these parameters are blank: {', '.join(blank)}"
            )
    outputs = common_outputs(old, new)
    if not outputs:
        raise UsageError("the two versions have no output in common, so there is nothing to compare")
    file = None if mapping is None else read_mapping(mapping)
    data = open_table(path, file)
    plans = plan_for(old, new, data, path, file), plan_for(new, old, data, path, file)
    columns = tuple(column_of(name, data, "--key") for name in key) or plans[1].key
    edited = edited_rules(all_edits(old, new))
    return Task(old, new, today, data, plans, outputs, columns, sum_of, edited, amount_of(sum_of, plans, data))


def common_outputs(old: Policy, new: Policy) -> tuple[str, ...]:
    """The outputs that both versions have, in the order of the new one."""
    names = {output.name for output in old.outputs}
    return tuple(output.name for output in new.outputs if output.name in names)


def open_table(path: str, file: MappingFile | None) -> Data:
    """The data file, read as the mapping says."""
    said = None if file is None else file.document
    delimiter = None if said is None or said.delimiter is None else DELIMITERS[said.delimiter]
    return open_data(path, encoding=None if said is None else said.encoding, delimiter=delimiter)


def plan_for(policy: Policy, other: Policy, data: Data, path: str, file: MappingFile | None) -> Plan:
    """The plan of one version; a mapping may also say what only the other version reads."""
    known = merged(targets_of(policy), targets_of(other))
    named = None if file is None else file.document.policy
    name = other.id if named == other.id else policy.id
    return Planning(known, targets_of(policy), data.columns, path, file).plan(name)


def merged(own: Targets, others: Targets) -> Targets:
    """The fields of both versions; a choice that both declare takes the values of either."""
    found = dict(others) | dict(own)
    for name, field in own.items():
        other = others.get(name)
        if other is not None and isinstance(field.type, Choice) and isinstance(other.type, Choice):
            values = dict.fromkeys((*field.type.one_of, *other.type.one_of))
            found[name] = replace(field, type=Choice(tuple(values)))
    return found


def column_of(name: str, data: Data, option: str) -> int:
    """The position of a column that an option names."""
    if name in data.columns:
        return data.columns.index(name)
    remedy = did_you_mean(name, data.columns) or f"there are {', '.join(data.columns)}"
    raise UsageError(f"{option}: {data.path} has no column `{name}`; {remedy}")


def amount_of(
    name: str | None, plans: tuple[Plan, Plan], data: Data
) -> Callable[[Row, Mapping[str, Any]], Exact | None] | None:
    """What is summed of a row: a field as the mapping reads it, or else a column of plain numbers."""
    if name is None:
        return None
    if any(name == target for plan in plans for target, _, _ in plan.sources):
        return lambda _, facts: number_of(facts.get(name))
    index = column_of(name, data, "--sum")
    return lambda row, _: number_of(row.cells[index])


def number_of(fact: Any) -> Exact | None:
    """The exact number of a fact or a cell; None for what is no number."""
    if isinstance(fact, str):
        return parse_number(fact)
    if isinstance(fact, bool) or not isinstance(fact, int | float | Decimal):
        return None
    return exact(fact)


def migrate(task: Task, progress: Progress) -> Migration:
    """Decide every row by both versions."""
    orders = {output.name: output.type.one_of for output in task.old.outputs if isinstance(output.type, Choice)}
    for output in task.new.outputs:
        if isinstance(output.type, Choice):
            orders[output.name] = tuple(dict.fromkeys((*orders.get(output.name, ()), *output.type.one_of)))
    ledger = Ledger(task.outputs, task.sum_of, orders)
    places = positions(task.old, task.outputs), positions(task.new, task.outputs)
    rows = task.data.rows()
    size = None if task.old.ranks() or task.new.ranks() else CHUNK  # a ranking looks at all rows together
    while chunk := list(islice(rows, size)):
        decide_chunk(task, chunk, ledger, places)
        progress.add(len(chunk))
    return ledger.close()


def positions(policy: Policy, outputs: tuple[str, ...]) -> tuple[int, ...]:
    """Where the outputs stand among the results of a policy."""
    names = [output.name for output in policy.outputs]
    return tuple(names.index(name) for name in outputs)


def decide_chunk(task: Task, chunk: list[Row], ledger: Ledger, places: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    """Decide some rows by both versions and enter them."""
    whole = [row for row in chunk if not row.ragged]
    before, after = ([plan.facts(row.cells) for row in whole] for plan in task.plans)
    decided = zip(
        before,
        after,
        task.old.decide_many(before, today=task.today),
        task.new.decide_many(after, today=task.today),
        strict=True,
    )
    for row in chunk:
        key = key_of(row, task.key)
        if row.ragged:
            same = Outcome("invalid", why=ragged_reason(row, len(task.data.columns), LANGUAGE))
            ledger.add(key, same, same)
            continue
        facts, new_facts, one, other = next(decided)
        outcomes = outcome_of(one, places[0]), outcome_of(other, places[1])
        if outcomes[0] != outcomes[1]:
            told = why(one, facts, other, task.edited), why(other, new_facts, one, task.edited)
            outcomes = replace(outcomes[0], why=told[0]), replace(outcomes[1], why=told[1])
        ledger.add(key, *outcomes, None if task.amount is None else task.amount(row, {**facts, **new_facts}))


def outcome_of(decision: Decision, places: tuple[int, ...]) -> Outcome:
    """The outcome of a decision, with the outputs that both versions have."""
    if decision.status != "decided":
        return Outcome(decision.status)
    return Outcome("decided", tuple(decision.results[place] for place in places))


def why(decision: Decision, facts: Mapping[str, Any], other: Decision, edited: frozenset[str]) -> str:
    """The rules of a decision that explain why it is not the other one; the reason where nothing is decided."""
    if decision.status != "decided":
        return undecided_reason(decision, facts, LANGUAGE)
    return ", ".join(responsible(tuple(rules_of(decision)), tuple(rules_of(other)), edited))


def key_of(row: Row, key: tuple[int, ...]) -> str:
    """What names a row: its key columns, or its line."""
    return " ".join(str(row.cells[index]) for index in key) if key else f"line {row.line}"
