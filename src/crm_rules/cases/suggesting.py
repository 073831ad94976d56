"""Cases for the rules and borders that no case reaches, with what the policy decides today.

Whether that is right is for the author to confirm, and the text says so: it is a case file in every
respect, but nobody has thought about it yet. Each record was decided by the policy, and one record
stands for all that it reaches.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from typing import Any

from crm_rules.cases.coverage import Point, PolicyCoverage, observed
from crm_rules.cases.running import SuiteResult, with_required
from crm_rules.cases.searching import find
from crm_rules.cases.trials import Trial, Trials
from crm_rules.cases.words import needs
from crm_rules.dataclass import dataclass
from crm_rules.decision import Decision
from crm_rules.ir.numbers import exact, show_number, to_fact
from crm_rules.ir.program import Field
from crm_rules.ir.types import Money
from crm_rules.policy import Policy

PLAIN = re.compile(r"[^\W_][\w.-]*")
AMBIGUOUS = {"missing", "true", "false", "null", "yes", "no", "on", "off"}


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A case that nobody has confirmed: the decision and the points it reaches."""

    decision: Decision
    record: Mapping[str, Any]
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Suggestions:
    """The suggested cases of one policy, and the points for which no record was found."""

    coverage: PolicyCoverage
    cases: tuple[Suggestion, ...]
    unfound: tuple[Point, ...]


def suggest(one: PolicyCoverage, results: Iterable[SuiteResult], step: Callable[[], None]) -> Suggestions:
    """Records for all that is missing of one policy; `step` is called after each point that was looked for."""
    trials = Trials(one.policy, decisions_of(one.policy, results))
    found: list[Suggestion] = []
    unfound: list[Point] = []
    pending = list(one.missing)
    while pending:
        point = pending[0]
        trial = None if trials.program.blank_parameters else find(trials, point)
        step()
        made = None if trial is None else made_of(trials, trial, point)
        if made is None:
            unfound.append(pending.pop(0))
            continue
        decision, record = made
        keys = observed(decision)
        reached = tuple(point for point in pending if not point.keys.isdisjoint(keys))
        found.append(Suggestion(decision, record, reached))
        pending = [point for point in pending if point not in reached]
    return Suggestions(one, tuple(found), tuple(unfound))


def decisions_of(policy: Policy, results: Iterable[SuiteResult]) -> Iterator[Decision]:
    """What the cases decided of a policy, also as a part of another decision."""
    for one in (one for result in results for one in result.results):
        for decision in with_required(one.decision):
            if decision.program.id == policy.id and decision.status not in {"invalid", "blocked"}:
                yield decision


def made_of(trials: Trials, trial: Trial, point: Point) -> tuple[Decision, dict[str, Any]] | None:
    """The decision for the smallest record that still reaches the point; None if the policy says otherwise."""
    values = dict(trial.values)
    best = decided(trials, values, trial.today, point)
    if best is None:
        return None
    for name, field in trials.fields.items():
        if (field.optional or field.default is not None) and values[name] is not None:
            fewer = values | {name: None}
            smaller = decided(trials, fewer, trial.today, point)
            if smaller is not None and smaller[0].outputs == best[0].outputs:
                values, best = fewer, smaller
    return best


def decided(
    trials: Trials, values: Mapping[str, Any], today: date | None, point: Point
) -> tuple[Decision, dict[str, Any]] | None:
    """The decision for a record if it reaches the point."""
    record = dict(facts(values, trials.fields))
    decision = trials.policy.decide(record, today=today)
    return None if point.keys.isdisjoint(observed(decision)) else (decision, record)


def facts(values: Mapping[str, Any], fields: Mapping[str, Field]) -> Iterator[tuple[str, Any]]:
    """The facts of a record; a missing one is left out, an amount has its currency beside it."""
    for name, field in fields.items():
        if values[name] is not None:
            yield name, to_fact(values[name])
            if field.currency is not None and isinstance(field.type, Money):
                yield field.currency, field.type.unit


# As a case file


def to_yaml(found: Suggestions, taken: Iterable[str]) -> str:
    """A case file with the suggested cases, under names that are not `taken`; it ends with a line end."""
    policy = found.coverage.policy
    lines = [
        "# Cases that nobody has confirmed: each says what the policy decides today.",
        "# Move what is right into a case file beside the policy; where something is wrong, correct the policy.",
        f"policy: {scalar(policy.id)}",
    ]
    if found.coverage.name != policy.id:
        lines.append(f"edition: {scalar(policy.version)}")
    names = set(taken)
    lines.append("cases:")
    for one in found.cases:
        lines += case_lines(one, names)
    lines += [f"# no record was found: {comment(needs([point]))}" for point in found.unfound]
    return "\n".join(lines) + "\n"


def case_lines(one: Suggestion, names: set[str]) -> Iterator[str]:
    """The lines of one case."""
    decision = one.decision
    for point in one.points:
        yield f"  # to confirm: {comment(needs([point]))}"
    yield f"  - name: {scalar(new_name(needs(one.points[:1], short=True), names))}"
    if decision.today is not None:
        yield f"    today: {decision.today.isoformat()}"
    yield f"    record: {flow(one.record)}"
    if decision.status == "decided":
        yield f"    expect: {flow(decision.outputs)}"
    else:
        yield f"    status: {decision.status}"
    yield f"    rules: [{', '.join(map(scalar, decision.rules))}]"


def new_name(wish: str, names: set[str]) -> str:
    """The name, with a number where it is taken."""
    name, number = wish, 2
    while name in names:
        name, number = f"{wish} ({number})", number + 1
    names.add(name)
    return name


def comment(text: str) -> str:
    """Words on one line."""
    return " ".join(text.split())


def flow(values: Mapping[str, Any]) -> str:
    """`{name: value, …}`."""
    return "{" + ", ".join(f"{scalar(name)}: {shown(value)}" for name, value in values.items()) + "}"


def shown(value: Any) -> str:
    """A fact or an output as a case file writes it."""
    if value is None:
        return "missing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(shown, value)) + "]"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        return scalar(value)
    number = exact(value)
    return str(value) if number is None else show_number(number)


def scalar(text: str) -> str:
    """A text as YAML: bare where nothing else could be meant, otherwise in double quotes."""
    bare = PLAIN.fullmatch(text) is not None and text.lower() not in AMBIGUOUS
    return str(text) if bare else json.dumps(str(text), ensure_ascii=False)
