"""A policy that can be asked: one edition, compiled when it is first used.

A `Policy` binds a checked program to the policies it requires. It is immutable, thread-safe and
picklable without YAML (its program travels as JSON). `decide` is the generated function itself
after the first call; everything that it finds odd goes to `answer`, which reads the record
strictly and asks the reference evaluator.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from msgspec.structs import replace

from crm_rules.about import About
from crm_rules.decision import Decision, Status
from crm_rules.diagnostics import Report
from crm_rules.errors import CallError
from crm_rules.facts import read_texts, scalars, to_mapping, usable_day
from crm_rules.ir.evaluate import evaluate
from crm_rules.ir.inline import contract, inline
from crm_rules.ir.numbers import to_fact
from crm_rules.ir.program import Field, Label, Output, Program
from crm_rules.ir.record import read_record, show_fact
from crm_rules.ir.rewrite import reads_today
from crm_rules.ir.typing import Function

if TYPE_CHECKING:
    from pydantic import BaseModel

    from crm_rules.backends.query import CurrentDay
    from crm_rules.backends.table_columns import Columns
    from crm_rules.compiling import CompiledPolicy, DurablePolicy
    from crm_rules.proofs.possible import Possible


Frame = TypeVar("Frame")  # a dataframe of whatever library


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
    about: About = About()  # noqa: RUF009 - immutable
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
        aliases = {*(requirement.alias for requirement in self.required), *self.program.measured}
        below = (item.policy.contract(given) for item in self.required if item.alias not in given)
        return contract(self.program.fields, aliases, below)

    @cached_property
    def whole(self) -> Program:
        """This policy and those it requires as one program, which answers as the chain does; made once."""
        return inline(self.program, {item.alias: (item.policy.whole, item.output) for item in self.required})

    @cached_property
    def needs_today(self) -> bool:
        """True when the decision depends on the day."""
        return reads_today(self.program) or any(requirement.policy.needs_today for requirement in self.required)

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
        """The decisions for many records, in their order: `decide_many(rs)[i] == decide(rs[i])`.

        A policy that ranks, or requires one that does, decides them together, so all records are read first.
        """
        if self.ranks(given or ()):
            from crm_rules.ranking import decide_together  # noqa: PLC0415 - only rankings need it

            return decide_together(self, records, today, given or {})
        decide = self.decide_chain if self.required else self.generated()
        if given is None:
            return [decide(record, today=today) for record in records]
        return [decide(record, today=today, given=given) for record in records]

    def ranks(self, given: Iterable[str] = ()) -> bool:
        """True when this policy, or one that it requires and is not `given`, looks at all records together."""
        below = (item.policy for item in self.required if item.alias not in given)
        return bool(self.program.population) or any(policy.ranks(given) for policy in below)

    def fit(
        self, records: Iterable[Any], *, today: date | None = None, given: Mapping[str, Any] | None = None
    ) -> Policy:
        """The ranking with its borders frozen as these records draw them: a policy that decides one record alone.

        It gives each of these records the class that `decide_many` gives it. Another record is measured
        against them, without becoming one of them. Raises `CallError` where there is nothing to freeze.
        """
        from crm_rules.fitting import fit  # noqa: PLC0415 - only rankings need it

        return fit(self, records, today, given or {})

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

    @overload
    def compile(self, engine: Literal["durable"]) -> DurablePolicy: ...
    @overload
    def compile(self, engine: str = "python") -> CompiledPolicy: ...
    def compile(self, engine: str = "python") -> CompiledPolicy:
        """This policy for an engine: `python`, `durable`, or one that an installed package names; equal decisions.

        Raises `RefusedError` for what the engine cannot express, `CallError` where there is no such engine.
        """
        from crm_rules.compiling import compile_policy  # noqa: PLC0415 - the generated function needs no other engine

        return compile_policy(self, engine)

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
        own, required = self.with_required(facts, today, given, known)
        self.refuse_alone(own)
        undecided = [alias for alias, decision in required if decision.status != "decided"]
        if not undecided:
            return self.decide_own(own, today, required)
        reading = read_record(self.program, own)
        problems = tuple(problem for problem in reading.problems if problem.field not in undecided)
        status: Status = "invalid" if problems else "blocked"
        return Decision(self, (), scalars(self.program, own), today, status, problems, required)

    def with_required(
        self, facts: Mapping[str, Any], today: date | None, given: Mapping[str, Any], known: Mapping[str, Decision]
    ) -> tuple[dict[str, Any], tuple[tuple[str, Decision], ...]]:
        """The facts with the outputs of the required decisions, and the decisions that were not `given`."""
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
        return own, tuple(required)

    def decide_own(
        self, own: dict[str, Any], today: date | None, required: tuple[tuple[str, Decision], ...]
    ) -> Decision:
        """Decide from facts that hold the outputs of the required decisions."""
        decision = self.engine()(own, today=today)
        return replace(decision, required=required) if required else decision

    def answer(self, record: Any, today: date | None = None, given: Mapping[str, Any] | None = None) -> Decision:
        """The way of everything that is not plain: strict reading, then the reference evaluator."""
        self.check_given(given or {})
        day = self.usable_today(today)
        self.refuse_blank(day, self.aliases())  # the required decisions are made, or given, before
        facts = to_mapping(record)
        self.refuse_alone(facts)
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

    def ranks_alone(self, facts: Mapping[str, Any]) -> bool:
        """True for a ranking that is asked for one record which does not say where it stands among the others."""
        return not all(name in facts for name in self.program.measured)

    def refuse_alone(self, facts: Mapping[str, Any]) -> None:
        """Raise `CallError` for a record that is to be ranked alone, and does not say where it stands."""
        if self.ranks_alone(facts):
            raise CallError(
                f"{self.id} ranks all records together; use decide_many(records), "
                "or fit(records) for a policy that decides one record alone"
            )

    def refuse_blank(self, today: date | None, given: Iterable[str] = ()) -> None:
        """Raise `CallError` naming every blank parameter."""
        blank = self.blank_parameters(today, given)
        if blank:
            when = "" if today is None else f" on {today}"
            raise CallError(f"{self.id} cannot decide{when}: these parameters are blank: {', '.join(blank)}")

    def currency_columns(self, given: Iterable[str] = ()) -> list[str]:
        """The keys of a record that say which currency a row is in, of the whole chain."""
        below = (item.policy.currency_columns(given) for item in self.required if item.alias not in given)
        own = (item.currency for item in self.program.fields if item.currency is not None)
        return [*own, *(name for names in below for name in names)]

    # Tables

    def decide_frame(
        self,
        frame: Frame,
        *,
        today: date | str | None = None,
        columns: Columns | None = None,
        given: Mapping[str, Any] | None = None,
        add: Iterable[str] = ("outputs", "status", "rules", "reason"),
        prefix: str = "",
        names: Mapping[str, str] | None = None,
    ) -> Frame:
        """The frame with the outputs, `status`, `rules` (ids joined by `;`) and `reason` beside its own columns.

        Any dataframe that narwhals knows, and the same kind comes back, lazy where it was lazy. Each row says what
        `decide` says of it; outputs are null where it is not decided. A field takes the column of its name, or what
        `columns` says: the name of a column, None for missing in every row, or as in a mapping file
        `{"column": ..., "values": {text: value}}` or `{"constant": ...}`. `today` is a date, or the name of the column
        that holds the day of each row. `add` chooses what is added, `prefix` and `names` how it is called; no column
        is ever overwritten. Raises `CallError` for columns that are absent or of another type, naming all of them.
        """
        from crm_rules import table_asks  # noqa: PLC0415 - not needed to decide

        results = table_asks.results_of(self, add, prefix, names)
        columns, given = columns or {}, given or {}
        found: Frame = table_asks.decide_frame(self, frame, results=results, today=today, columns=columns, given=given)
        return found

    def to_sql(
        self,
        *,
        dialect: str,
        table: str | Sequence[str],
        today: date | str | CurrentDay | None = None,
        columns: Columns | None = None,
        given: Mapping[str, Any] | None = None,
        add: Iterable[str] = ("outputs", "status", "rules", "reason"),
        prefix: str = "",
        names: Mapping[str, str] | None = None,
    ) -> str:
        """One SELECT: all columns of the table, and beside them what `decide_frame` adds.

        `dialect` is postgres, duckdb, sqlite or spark, `table` a name or the names of a schema and a table, quoted as
        they are. `today` is a date, the name of a column, or `CURRENT_DATE` of `crm_rules.backends.to_sql`, the day of
        the database's clock whenever the text runs. The rest is as for `decide_frame`. Raises `CallError` for what the
        dialect cannot express; which names are taken in the table it cannot know.
        """
        from crm_rules import table_asks  # noqa: PLC0415 - not needed to decide

        results = table_asks.results_of(self, add, prefix, names)
        facts = {"columns": columns or {}, "given": given or {}}
        return table_asks.to_sql(self, results=results, dialect=dialect, table=table, today=today, **facts)

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
        """The facts of a record of texts (CSV, JSON): each text as its field's type reads it, an empty one as missing.

        Numbers may be written as in a policy (`500万`, `12.5%`), dates are ISO, booleans `true` or `false`; what is no
        text is taken as it is. A text that its type cannot read stays one, so that the decision is `invalid`.
        """
        return read_texts({item.name: item.type for item in self.inputs}, texts)

    def replay(self, text: str) -> Decision:
        """Decide again what a decision's `to_json` recorded; on the same policy it gives the same bytes."""
        from crm_rules.replaying import replay_text  # noqa: PLC0415 - not needed to decide

        return replay_text(self, text)

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
