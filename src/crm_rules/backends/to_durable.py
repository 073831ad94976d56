"""A program as rules of durable-rules: its engine says which rows match, everything else is the reference evaluator's.

`compile_durable` answers a function `decide(record, today)` that agrees with `crm_rules.ir.evaluate`; what the engine
cannot represent is refused when it is compiled. Each table is one question to the engine, which answers with all rows
that match; derived values, totals, `otherwise` and hit policies are computed here between the questions.
`DurableEngine.ruleset` is the same ruleset for systems that run durable-rules themselves, `facts` what they ask it.

The parts: `durable_columns` writes values and conditions, `durable_ruleset` the rules, `durable_session` asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from datetime import date
from threading import Lock
from typing import Any

from crm_rules.backends.durable_ruleset import Rules, Rulesets, is_daily, rulesets
from crm_rules.backends.durable_session import Matcher, load_engine
from crm_rules.dataclass import dataclass
from crm_rules.errors import CallError
from crm_rules.ir import days
from crm_rules.ir.evaluate import (
    NO_FUNCTIONS,
    Evaluation,
    Functions,
    Scope,
    StepResult,
    Undecided,
    gather,
    parameter_values,
    run,
    value_of,
)
from crm_rules.ir.nodes import Value
from crm_rules.ir.numbers import to_fact
from crm_rules.ir.program import Program, Step, Table
from crm_rules.ir.record import read_record


@dataclass(frozen=True, slots=True)
class Answer:
    """What the engine answers for one record: `outputs` is empty unless `status` is `decided`."""

    status: str
    outputs: Mapping[str, Any]
    rules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Loaded:
    """The rules of a day, and the engine that holds them."""

    day: date | None
    rulesets: Rulesets
    matcher: Matcher


def compile_durable(program: Program, functions: Functions = NO_FUNCTIONS) -> DurableEngine:
    """The engine for a program, loaded with its rules; `functions` are the plug-in functions that it calls.

    Raises `RefusedError` for what durable-rules cannot represent, and `CallError` where it is not installed.
    Cost: some milliseconds for an ordinary policy, and as much for each new day where cells depend on the day.
    """
    load_engine()
    engine = DurableEngine(program, functions)
    for day in engine.days():
        engine.on(day)
    return engine


class DurableEngine:
    """A program that durable-rules decides: a function of a record and a day; threads wait for each other."""

    def __init__(self, program: Program, functions: Functions = NO_FUNCTIONS) -> None:
        self.program = program
        self.functions = functions
        self.is_daily = is_daily(program)
        self.lock = Lock()
        self.loaded: Loaded | None = None
        self.closed = False

    def __call__(self, record: Mapping[str, Any], today: date | None = None) -> Answer:
        """Decide one record; one that is not accepted is `invalid`."""
        reading = read_record(self.program, record)
        if reading.problems:
            return Answer("invalid", {})
        found = self.evaluate(reading.values, today)
        outputs = {name: to_fact(value) for name, value in found.outputs.items()}
        return Answer(found.status, outputs, found.rules)

    def evaluate(self, values: Mapping[str, Value | None], today: date | None) -> Evaluation:
        """The answer for accepted values, as that of the reference evaluator; the rows are matched by durable-rules."""
        return Conversation(self, values, today).evaluation()

    def facts(self, values: Mapping[str, Value | None], today: date | None) -> dict[str, list[dict[str, Any]]]:
        """The facts that are asserted for accepted values, by ruleset, in the order of the tables."""
        conversation = Conversation(self, values, today)
        conversation.evaluation()
        return conversation.facts

    def ruleset(self, today: date | None = None) -> dict[str, Rules]:
        """The rules by ruleset, as a host of durable-rules loads them; `run` names the rule."""
        return deepcopy(dict(self.rules(today).definitions))

    def rules(self, today: date | None) -> Rulesets:
        """The rules of a day."""
        if self.is_daily and today is None:
            raise CallError(f"the rules of {self.program.id} depend on the day; hand over today=")
        return rulesets(self.program, today, self.functions)

    def on(self, today: date | None) -> Loaded:
        """The rules of a day in the engine; those of the last day asked for are kept."""
        day = today if self.is_daily else None
        with self.lock:
            if self.closed:
                raise CallError(f"the engine of {self.program.id} is closed")
            if self.loaded is None or self.loaded.day != day:
                found = self.rules(day)
                self.loaded = Loaded(day, found, Matcher(found.definitions))
            return self.loaded

    def days(self) -> list[date | None]:
        """Days on which every value of a dated parameter is in force; none while a parameter is blank."""
        if self.program.blank_parameters:
            return []
        if not self.is_daily:
            return [None]
        dated = [parameter for parameter in self.program.parameters if parameter.is_dated]
        found = {item.since or days.FIRST for parameter in dated for item in parameter.values} | {days.FIRST}
        return [day for day in sorted(found) if all(parameter.at(day) is not None for parameter in dated)]

    def close(self) -> None:
        """Free the engine's memory now; to decide afterwards raises `CallError`."""
        with self.lock:
            self.closed = True
            if self.loaded is not None:
                self.loaded.matcher.close()


class Conversation:
    """One record on its way through the steps of a program, the tables being asked of durable-rules."""

    def __init__(self, engine: DurableEngine, values: Mapping[str, Value | None], today: date | None) -> None:
        self.program = engine.program
        self.loaded = engine.on(today)
        self.results: dict[str, StepResult] = {}
        parameters = parameter_values(engine.program, today)
        self.scope = Scope(values, parameters, today, self.results, engine.functions)
        self.facts: dict[str, list[dict[str, Any]]] = {}

    def evaluation(self) -> Evaluation:
        """Walk the steps once, as `evaluate` does."""
        rules: list[str] = []
        for step in self.program.steps:
            try:
                result = self.run(step)
            except Undecided as signal:
                result = StepResult(step.id, signal.result.status, {}, cause=signal.result.cause or signal.result.id)
            self.results[step.id] = result
            if isinstance(step, Table):
                rules += [self.program.rule_id(step, step.rows[index]) for index in result.rows]
        try:
            outputs = {output.name: value_of(output.expr, self.scope) for output in self.program.outputs}
        except Undecided as signal:
            return Evaluation(signal.result.status, {}, self.results, tuple(rules))
        return Evaluation("decided", outputs, self.results, tuple(rules))

    def run(self, step: Step) -> StepResult:
        """Decide one step; raises `Undecided` when it needs a step that has no value."""
        if not isinstance(step, Table):
            return run(step, self.scope)
        subjects = tuple(value_of(column.subject, self.scope) for column in step.columns)
        matched = self.matched(step, subjects)
        if not matched:
            matched = tuple(index for index, row in enumerate(step.rows) if row.otherwise)
        return gather(step, matched, subjects, self.scope)

    def matched(self, table: Table, subjects: tuple[Value | None, ...]) -> tuple[int, ...]:
        """The rows of which durable-rules says that they match, in order."""
        rows: list[int] = []
        for kind, fact in self.loaded.rulesets.tables[table.id].facts(subjects):
            self.facts.setdefault(kind.ruleset, []).append(fact)
            rows += [kind.rows[rule] for rule in self.loaded.matcher.fired(kind.ruleset, fact)]
        return tuple(sorted(rows))
