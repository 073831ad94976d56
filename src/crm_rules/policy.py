"""A policy that can be asked: one edition, compiled when it is first used.

A `Policy` binds a checked program to the policies it requires. It is immutable, thread-safe and
picklable without YAML (its program travels as JSON). `decide` is the generated function itself
after the first call; everything that it finds odd goes to `answer`, which reads the record
strictly and asks the reference evaluator.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from crm_rules.decision import Decision
from crm_rules.diagnostics import Report
from crm_rules.errors import CallError
from crm_rules.facts import scalars, to_mapping, usable_day
from crm_rules.ir.evaluate import evaluate
from crm_rules.ir.inline import contract, inline
from crm_rules.ir.nodes import Today, Value
from crm_rules.ir.numbers import to_fact
from crm_rules.ir.program import Field, Label, Output, Program
from crm_rules.ir.record import Problem, Rejected, parse_fact, read_record, show_fact
from crm_rules.ir.rewrite import nodes_of
from crm_rules.ir.typing import Function

if TYPE_CHECKING:
    from pydantic import BaseModel

    from crm_rules.proofs.possible import Possible
    from crm_rules.source import Span


@dataclass(frozen=True, slots=True)
class About:
    """What people want to know of a policy and no engine needs."""

    title: Label = Label()  # noqa: RUF009 - immutable
    valid_from: date | None = None
    valid_to: date | None = None
    source: str = ""
    items: tuple[str, ...] = ()
    owner: str = ""
    approver: str = ""
    extends: tuple[str, ...] = ()
    readings: tuple[tuple[str, str, Label], ...] = ()
    path: str = ""
    valid_from_at: Span | None = field(default=None, compare=False)
    valid_to_at: Span | None = field(default=None, compare=False)

    def in_force(self, day: date) -> bool:
        """True when the edition's own dates include the day; an absent date is no limit."""
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day <= self.valid_to)


@dataclass(frozen=True, slots=True)
class Requirement:
    """Another policy whose output fills the field `alias`."""

    alias: str
    policy: Policy
    output: str


@dataclass(frozen=True, eq=False)
class Policy:
    """One edition of one policy.

    Equal to every policy with the same content hash. Made by `crm_rules.load`, not by hand.
    """

    program: Program
    required: tuple[Requirement, ...] = ()
    about: About = About()
    functions: Mapping[str, Function] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def id(self) -> str:
        """The policy's id, unique in its pack."""
        return self.program.id

    @property
    def version(self) -> str:
        """The edition's version as written."""
        return self.program.version

    @property
    def kind(self) -> str:
        """The kind of policy."""
        return self.program.kind

    @property
    def title(self) -> Label:
        """The title in English and Chinese."""
        return self.about.title

    @property
    def outputs(self) -> tuple[Output, ...]:
        """The declared outputs, in order."""
        return self.program.outputs

    @property
    def content_hash(self) -> str:
        """SHA-256 over the lowered chain and the parameter values; labels and line numbers take no part."""
        cached: str | None = self.__dict__.get("_hash")
        if cached is None:
            from crm_rules.backends.to_json import content_hash  # noqa: PLC0415 - not needed to decide

            hashes = {requirement.alias: requirement.policy.content_hash for requirement in self.required}
            cached = content_hash(self.program, hashes)
            self.__dict__["_hash"] = cached
        return cached

    @property
    def calls(self) -> Mapping[str, Callable[..., Any]]:
        """The plug-in functions by name, as an engine calls them."""
        return {name: function.call for name, function in self.functions.items()}

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Policy) and self.content_hash == other.content_hash)

    def __hash__(self) -> int:
        return hash(self.content_hash)

    def __repr__(self) -> str:
        return f"<Policy {self.id} {self.version} ({self.kind})>"

    def __reduce__(self) -> tuple[Any, ...]:
        from crm_rules.backends.to_json import to_json  # noqa: PLC0415 - not needed to decide

        return restore, (to_json(self.program), self.required, self.about, dict(self.functions))

    # What it needs

    @property
    def inputs(self) -> tuple[Field, ...]:
        """The input contract: the fields of this policy and of those it requires, each once."""
        return self.contract(())

    def contract(self, given: Iterable[str]) -> tuple[Field, ...]:
        """The fields a record must hold when the required decisions named in `given` are handed over.

        A field that several policies of the chain declare is what all of them accept.
        """
        aliases = {requirement.alias for requirement in self.required}
        below = (item.policy.contract(given) for item in self.required if item.alias not in given)
        return contract(self.program.fields, aliases, below)

    @property
    def whole(self) -> Program:
        """This policy and those it requires as one program, which answers as the chain does; made once."""
        cached: Program | None = self.__dict__.get("_whole")
        if cached is None:
            required = {item.alias: (item.policy.whole, item.output) for item in self.required}
            cached = inline(self.program, required)
            self.__dict__["_whole"] = cached
        return cached

    @property
    def needs_today(self) -> bool:
        """True when the decision depends on the day."""
        cached: bool | None = self.__dict__.get("_needs_today")
        if cached is None:
            own = any(parameter.is_dated for parameter in self.program.parameters) or reads_today(self.program)
            cached = own or any(requirement.policy.needs_today for requirement in self.required)
            self.__dict__["_needs_today"] = cached
        return cached

    def blank_parameters(self, today: date | None = None, given: Iterable[str] = ()) -> tuple[str, ...]:
        """The parameters without a value on that day, of this policy and of those it requires and is not `given`."""
        own = [f"{self.id}.${parameter.name}" for parameter in self.program.parameters if parameter.at(today) is None]
        for requirement in self.required:
            if requirement.alias not in given:
                own += [name for name in requirement.policy.blank_parameters(today, given) if name not in own]
        return tuple(own)

    # Deciding

    def decide(self, record: Any, *, today: date | None = None, given: Mapping[str, Any] | None = None) -> Decision:
        """The decision for one record (a mapping, a dataclass or a pydantic model) on the day `today`.

        `given` hands over required decisions by alias. Never raises because of data; raises `CallError`
        for a missing or unusable `today`, an unreadable record, an unknown name in `given`, and blank
        parameters. About a microsecond for a plain record of an ordinary policy.
        """
        decide = self.decide_chain if self.required else self.engine()
        if self.required or "_generated" in self.__dict__:
            self.__dict__["decide"] = decide  # from now on the generated function itself answers
        return decide(record, today=today, given=given)

    def decide_many(
        self, records: Iterable[Any], *, today: date | None = None, given: Mapping[str, Any] | None = None
    ) -> list[Decision]:
        """The decisions for many records, in their order: `decide_many(rs)[i] == decide(rs[i])`."""
        decide = self.decide_chain if self.required else self.generated()
        if given is None:
            return [decide(record, today=today) for record in records]
        return [decide(record, today=today, given=given) for record in records]

    def engine(self) -> Callable[..., Decision]:
        """The function that answers: the reference for the first record, then the generated one.

        A program that decides a single record does not pay for compiling.
        """
        if "_generated" not in self.__dict__ and not self.__dict__.get("_asked"):
            self.__dict__["_asked"] = True
            return self.answer
        return self.generated()

    def generated(self) -> Callable[..., Decision]:
        """The generated function of this program alone; compiled once, in some milliseconds."""
        cached: Callable[..., Decision] | None = self.__dict__.get("_generated")
        if cached is None:
            cached = self.answer if self.program.blank_parameters else self.compiled()
            self.__dict__["_generated"] = cached
        return cached

    def compiled(self) -> Callable[..., Decision]:
        """Compile the normalised program to a function that hands everything odd to `answer`."""
        from crm_rules.backends.to_python import compile_python  # noqa: PLC0415 - not needed for a first decision
        from crm_rules.ir.normalize import normalize  # noqa: PLC0415 - not needed for a first decision

        program = normalize(self.program)
        return compile_python(
            program,
            construct=Decision,
            owner=self,
            slow=self.answer,
            functions=self.calls,
            needs_today=self.needs_today,
        )

    def decide_chain(
        self, record: Any, *, today: date | None = None, given: Mapping[str, Any] | None = None
    ) -> Decision:
        """Decide the required policies first, each from the same record, then this one."""
        given = given or {}
        self.check_given(given)
        day = self.usable_today(today)
        self.refuse_blank(day, given)
        facts = to_mapping(record)
        return self.decide_with(facts, day, given, {})

    def decide_with(
        self, facts: Mapping[str, Any], today: date | None, given: Mapping[str, Any], known: Mapping[str, Decision]
    ) -> Decision:
        """Decide from facts and the required decisions that are `known` already (by policy id)."""
        own = dict(facts)
        required: list[tuple[str, Decision]] = []
        for requirement in self.required:
            alias = requirement.alias
            if alias in given:
                own[alias] = given[alias]
                continue
            decision = known.get(requirement.policy.id)
            if decision is None:
                decision = requirement.policy.decide_with(facts, today, given, known)
            required.append((alias, decision))
            own[alias] = decision.outputs.get(requirement.output)
        undecided = [alias for alias, decision in required if decision.status != "decided"]
        if not undecided:
            decision = self.engine()(own, today=today)
            return replace_required(decision, tuple(required))
        reading = read_record(self.program, own)
        problems = tuple(problem for problem in reading.problems if problem.field not in undecided)
        values = scalars(self.program, own)
        if problems:
            return Decision(self, (), values, today, "invalid", problems, tuple(required))
        return Decision(self, (), values, today, "blocked", (), tuple(required))

    def answer(self, record: Any, today: date | None = None, given: Mapping[str, Any] | None = None) -> Decision:
        """The way of everything that is not plain: strict reading, then the reference evaluator."""
        self.check_given(given or {})
        day = self.usable_today(today)
        self.refuse_blank(day, self.aliases())  # the required decisions are made, or given, before
        facts = to_mapping(record)
        if type(record) is not dict or day is not today:
            return self.engine()(dict(facts), today=day)
        reading = read_record(self.program, facts)
        values = scalars(self.program, facts)
        if reading.problems:
            return Decision(self, (), values, day, "invalid", reading.problems)
        found = evaluate(self.program, reading.values, day, self.calls)
        results = tuple(to_fact(found.outputs[output.name]) for output in self.program.outputs if found.outputs)
        return Decision(self, results, values, day, found.status)

    def check_given(self, given: Mapping[str, Any]) -> None:
        """Every name in `given` must be an alias somewhere in the chain."""
        if not isinstance(given, Mapping):
            raise CallError(f"given= holds required decisions by name, found {show_fact(given)}")
        unknown = [name for name in given if name not in self.aliases()]
        if unknown:
            known = ", ".join(sorted(self.aliases())) or "nothing"
            raise CallError(f"{self.id} requires {known}, so `given` cannot hold {', '.join(sorted(unknown))}")

    def aliases(self) -> set[str]:
        """The aliases of every requirement in the chain."""
        found = {requirement.alias for requirement in self.required}
        for requirement in self.required:
            found |= requirement.policy.aliases()
        return found

    def usable_today(self, today: Any) -> date | None:
        """`today` as a date; raises `CallError` when it is absent, another thing, or outside 1900-2199."""
        if today is None:
            if self.needs_today:
                raise CallError(f"{self.id} needs today=, the day the decision is made for")
            return None
        return usable_day(today)

    def refuse_blank(self, today: date | None, given: Iterable[str] = ()) -> None:
        """Raise `CallError` naming every blank parameter."""
        blank = self.blank_parameters(today, given)
        if blank:
            when = "" if today is None else f" on {today}"
            raise CallError(f"{self.id} cannot decide{when}: these parameters are blank: {', '.join(blank)}")

    def currency_columns(self) -> list[str]:
        """The keys of a record that say which currency a row is in."""
        return [item.currency for item in self.program.fields if item.currency is not None]

    # What is open

    def possible(self, record: Any, *, today: date | None = None) -> Possible:
        """What a record that is not complete yet can still become, and which open fields still matter.

        A key that the record does not have is open; one that is None is known to be missing. Facts that
        are refused make every completion `invalid`, and are named in `problems`. Raises `CallError` as
        `decide` does. Cost: some milliseconds, more for many open fields; bounded, see `Possible.exact`.
        """
        from crm_rules.proofs.possible import possible  # noqa: PLC0415 - not needed to decide

        day = self.usable_today(today)
        self.refuse_blank(day)
        return possible(self.asked(()), self.program, self.calls, to_mapping(record), today=day)

    def asked(self, given: Collection[str]) -> Program:
        """This policy and those it requires as one program that is blocked where the chain is; `given` stay fields."""
        from crm_rules.proofs.known import chained  # noqa: PLC0415 - not needed to decide

        below = {
            item.alias: (item.policy.asked(given), item.output) for item in self.required if item.alias not in given
        }
        return chained(self.program, below)

    # Checking

    def check(self) -> Report:
        """What is wrong with the policy although it can be read, sorted by place.

        Errors (a gap, an overlap), warnings (a rule that decides nothing) and notes (what could not be
        proven). Each finding about records has a `witness` that the reference evaluator has confirmed.
        """
        from crm_rules.proofs.findings import check_program  # noqa: PLC0415 - not needed to decide
        from crm_rules.proofs.pack_findings import program_findings  # noqa: PLC0415 - not needed to decide

        own = program_findings(self.program, [policy.program for policy in self.chain()])
        return Report([*check_program(self.whole, self.program, self.calls, self.about.valid_from), *own])

    def chain(self) -> tuple[Policy, ...]:
        """The policies that this one requires, directly or through others, each once."""
        found: dict[str, Policy] = {}
        for requirement in self.required:
            found |= {policy.id: policy for policy in (requirement.policy, *requirement.policy.chain())}
        return tuple(found.values())

    # Reading and writing

    def read(self, texts: Mapping[str, Any]) -> dict[str, Any]:
        """The facts of a record of texts (CSV, JSON): each text as its field's type reads it.

        An empty text is missing. Numbers may be written as in a policy (`500万`, `12.5%`), dates are ISO,
        booleans `true` or `false`; JSON numbers, booleans and null are taken as they are. A text that
        its type cannot read stays a text, so that the decision is `invalid` and says so.
        """
        if not isinstance(texts, Mapping):
            raise CallError(f"a row is a mapping of texts by field, found {show_fact(texts)}")
        kinds = {item.name: item.type for item in self.inputs}
        facts: dict[str, Any] = {}
        for name, text in texts.items():
            if name in kinds and isinstance(text, str):
                value: Value | Rejected | None = None if text == "" else parse_fact(kinds[name], text)
                facts[name] = text if isinstance(value, Rejected) else to_fact(value)
            else:
                facts[name] = text
        return facts

    def replay(self, text: str) -> Decision:
        """Decide again what a decision's `to_json` recorded; on the same policy it gives the same bytes."""
        try:
            return replay(self, json.loads(text))
        except CallError:
            raise
        except json.JSONDecodeError as error:
            raise CallError("the text is not the record of a decision: it is no JSON") from error
        except KeyError as error:
            raise CallError(f"the text is not the record of a decision: it has no `{error.args[0]}`") from error
        except (TypeError, AttributeError, ValueError) as error:
            raise CallError("this is not the record of a decision, as `to_json` writes it") from error

    def input_schema(self) -> dict[str, Any]:
        """The JSON Schema of a record, the fields of required policies included."""
        from crm_rules.backends.to_schema import record_schema  # noqa: PLC0415 - not needed to decide

        return record_schema(self.id, self.inputs)

    def input_model(self) -> type[BaseModel]:
        """A pydantic model of a record that reads texts: `policy.decide(model.model_validate(row))`.

        The model refuses what `decide` would call invalid, and forbids nothing: unknown keys are ignored.
        """
        from crm_rules.backends.to_schema import record_model  # noqa: PLC0415 - pydantic is slow to import

        return record_model(self.id, self.inputs)


def restore(program: str, required: tuple[Requirement, ...], about: About, functions: dict[str, Function]) -> Policy:
    """A policy out of its pickle."""
    from crm_rules.backends.to_json import from_json  # noqa: PLC0415 - not needed to decide

    return Policy(from_json(program), required, about, functions)


def replace_required(decision: Decision, required: tuple[tuple[str, Decision], ...]) -> Decision:
    """The same decision with the required decisions it was made from."""
    return Decision(
        decision.policy, decision.results, decision.facts, decision.today, decision.status, decision.problems, required
    )


def reads_today(program: Program) -> bool:
    """True when an expression or a border of the program is `today`."""
    return any(isinstance(node, Today) for node in nodes_of(program))


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
    return replace_required(policy.generated()(facts, today=today), required)


def policy_facts(policy: Policy, values: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of the declared fields out of their JSON forms."""
    facts: dict[str, Any] = {}
    for item in policy.program.fields:
        value = values.get(item.name)
        if isinstance(value, str):
            parsed = parse_fact(item.type, value)
            value = value if isinstance(parsed, Rejected) else to_fact(parsed)
        facts[item.name] = value
        if item.currency is not None:
            facts[item.currency] = item.type.unit  # type: ignore[union-attr]
    return facts
