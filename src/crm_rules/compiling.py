"""A policy compiled for a chosen engine: it decides as ever, but another engine says what.

`policy.compile("durable")` is the whole interface. Each policy of a chain is compiled alone, and what binds them
(required decisions, blank parameters, the day, rankings) is that of `Policy`. An engine of another package is found by
its entry point. Decisions are ordinary ones: their rules and reasons are replayed by the reference evaluator.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import date
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Self

from crm_rules.backends import ENTRY_POINTS, find_backend
from crm_rules.backends.to_durable import DurableEngine, compile_durable
from crm_rules.decision import Decision
from crm_rules.errors import CallError
from crm_rules.facts import scalars, to_mapping
from crm_rules.ir.record import read_record

if TYPE_CHECKING:
    from crm_rules.backends.durable_ruleset import Rules
    from crm_rules.policy import Policy

Engine = Callable[[dict[str, Any], date | None], Any]


def compile_policy(policy: Policy, engine: str) -> CompiledPolicy:
    """The policy with each policy of its chain compiled for the engine; raises `CallError` for an unknown one."""
    if engine == "python":
        return CompiledPolicy(policy, {})
    if engine == "durable":
        engines = {one.id: compile_durable(one.program, one.calls) for one in (policy, *policy.chain())}
        return DurablePolicy(deciding(policy, engines), engines)
    found = find_backend(engine)
    if found is None:
        names = ["durable", "python", *entry_points(group=ENTRY_POINTS).names]
        raise CallError(f"there is no engine `{engine}`; there are {', '.join(sorted(names))}")
    others: dict[str, Engine] = {one.id: found(one.program) for one in (policy, *policy.chain())}
    return CompiledPolicy(deciding(policy, others), others)


def deciding(policy: Policy, engines: Mapping[str, Engine]) -> Policy:
    """The same policy, whose decisions and those that it requires are the engines'."""
    required = tuple(replace(item, policy=deciding(item.policy, engines)) for item in policy.required)
    copy = replace(policy, required=required)
    engine = engines[policy.id]

    def answer(record: Any, today: date | None = None, given: Mapping[str, Any] | None = None) -> Decision:
        copy.check_given(given or {})
        day = copy.usable_today(today)
        copy.refuse_blank(day, copy.aliases())  # the required decisions are made, or given, before
        facts = dict(to_mapping(record))
        copy.refuse_alone(facts)
        values = scalars(copy.program, facts)
        problems = read_record(copy.program, facts).problems
        if problems:
            return Decision(copy, (), values, day, "invalid", problems)
        found = engine(facts, day)
        results = tuple(found.outputs[output.name] for output in copy.program.outputs if found.outputs)
        return Decision(copy, tuple(map(kept, results)), values, day, found.status)

    copy.__dict__["_generated"] = answer  # where a policy keeps the function that decides
    return copy


def kept(output: Any) -> Any:
    """An output as a decision keeps it: what a table gathered is a tuple."""
    return tuple(output) if isinstance(output, list) else output


class CompiledPolicy:
    """A policy that an engine decides; `engines` holds what it made of each policy of the chain, by id."""

    def __init__(self, policy: Policy, engines: Mapping[str, Engine]) -> None:
        self.policy = policy
        self.engines = engines

    def decide(self, record: Any, *, today: date | None = None, given: Mapping[str, Any] | None = None) -> Decision:
        """The decision for one record, equal to that of `Policy.decide`, whose errors it raises too."""
        return self.policy.decide(record, today=today, given=given)

    def decide_many(
        self, records: Iterable[Any], *, today: date | None = None, given: Mapping[str, Any] | None = None
    ) -> list[Decision]:
        """The decisions for many records, in their order, equal to those of `Policy.decide_many`."""
        return self.policy.decide_many(records, today=today, given=given)

    def close(self) -> None:
        """Free what the engine holds outside Python, where it does; it is also freed when nobody needs it any more."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class DurablePolicy(CompiledPolicy):
    """A policy that durable-rules decides, and its rulesets for systems that run durable-rules themselves.

    Each policy of the chain has a ruleset of its id. A rule is called as in `decision.rules` and matches facts whose
    `kind` is its table; which matching rule counts, and rows that say `otherwise`, stay with the one who asks.
    """

    engines: Mapping[str, DurableEngine]

    def ruleset(self, *, today: date | None = None) -> dict[str, Rules]:
        """The rulesets by name, as `durable.engine.Host` takes them; each rule runs the action of its own name.

        `today` is needed where a cell depends on the day; the rulesets hold for that day then.
        """
        day = None if today is None else self.policy.usable_today(today)
        return {name: rules for engine in self.engines.values() for name, rules in engine.ruleset(day).items()}

    def to_json(self, *, today: date | None = None) -> str:
        """The rulesets as one JSON text."""
        return json.dumps(self.ruleset(today=today), ensure_ascii=False, allow_nan=False, indent=2)

    def facts(
        self, record: Any, *, today: date | None = None, given: Mapping[str, Any] | None = None
    ) -> dict[str, list[dict[str, Any]]]:
        """The facts that the record asserts, by ruleset, in the order in which the tables are asked.

        Without those of policies that are not reached: a record that is `invalid` or `blocked` asserts nothing.
        """
        return self.asserted(self.decide(record, today=today, given=given))

    def asserted(self, decision: Decision) -> dict[str, list[dict[str, Any]]]:
        """The facts of a decision and of those that it required."""
        found: dict[str, list[dict[str, Any]]] = {}
        for _, below in decision.required:
            found |= self.asserted(below)
        if decision.status not in {"invalid", "blocked"}:
            engine = self.engines[decision.program.id]
            found |= engine.facts(decision.reading().values, decision.today)
        return found

    def close(self) -> None:
        """Free the memory of durable-rules; to decide afterwards raises `CallError`."""
        for engine in self.engines.values():
            engine.close()
