"""A pack: the policies of a folder that belong together, in all their editions.

`pack[id]` is a policy that has one edition; `pack.on(date)` is the pack as it is in force on a
day. `pack.decide` asks every policy in force, each once, in the order of their requirements. The
reading of folders is in `crm_rules.loading`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from crm_rules.about import About
from crm_rules.decision import Decision
from crm_rules.diagnostics import Report, did_you_mean
from crm_rules.errors import CallError, UnknownPolicyError
from crm_rules.facts import scalars, to_mapping, usable_day
from crm_rules.ir.program import Label, Program
from crm_rules.ir.record import Problem
from crm_rules.ir.typing import Function
from crm_rules.policy import Frame, Policy, Requirement
from crm_rules.source import Span

if TYPE_CHECKING:
    from crm_rules.backends.query import CurrentDay
    from crm_rules.backends.table_columns import Columns
    from crm_rules.proofs.timeline import Period


@dataclass(frozen=True, slots=True)
class Edition:
    """One checked program and what people want to know of it."""

    program: Program
    about: About

    @property
    def period(self) -> Period:
        """When the edition is in force, as the findings of a pack see it."""
        from crm_rules.proofs.timeline import Period  # noqa: PLC0415 - not needed to decide

        about = self.about
        sourced = bool(about.source or about.items)
        return Period(self.program, about.valid_from, about.valid_to, about.valid_from_at, about.valid_to_at, sourced)


@dataclass(frozen=True, eq=False)
class Pack(Mapping[str, Policy]):
    """A mapping of policy id to policy; made by `crm_rules.load`."""

    id: str
    editions: tuple[Edition, ...]
    title: Label = Label()  # noqa: RUF009 - immutable
    functions: Mapping[str, Function] = field(default_factory=lambda: MappingProxyType({}))
    day: date | None = None
    shared: tuple[tuple[str, Span], ...] = ()  # the fields of its own fields.yaml, where the whole folder was read

    def __repr__(self) -> str:
        when = "" if self.day is None else f" on {self.day}"
        return f"<Pack {self.id}{when}: {', '.join(self)}>"

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(edition.program.id for edition in self.editions))

    def __contains__(self, id: object) -> bool:  # noqa: A002
        """True for the id of any policy, also of one with several editions."""
        return any(edition.program.id == id for edition in self.editions)

    def __len__(self) -> int:
        return len({edition.program.id for edition in self.editions})

    def __reduce__(self) -> tuple[Any, ...]:
        return Pack, (self.id, self.editions, self.title, dict(self.functions), self.day, self.shared)

    def __getitem__(self, id: str) -> Policy:  # noqa: A002 - the word of the language
        """The policy of an id; raises `UnknownPolicyError`, and `CallError` for several editions."""
        found: Policy | None = self.bound().get(id)
        if found is None:
            found = self.bound()[id] = self.bind(id, ())
        return found

    def bound(self) -> dict[str, Policy]:
        """The policies that were asked for before, so that each is compiled once."""
        cache: dict[str, Policy] = self.__dict__.setdefault("_bound", {})
        return cache

    def edition(self, id: str) -> Edition:  # noqa: A002
        """The one edition of a policy; raises `UnknownPolicyError`, and `CallError` for several editions."""
        found = [edition for edition in self.editions if edition.program.id == id]
        if not found:
            when = "" if self.day is None else f" is in force on {self.day}"
            remedy = did_you_mean(id, self)
            raise UnknownPolicyError(f"no policy `{id}` in {self.id}{when}" + (f"; {remedy}" if remedy else ""))
        if len(found) > 1:
            versions = ", ".join(edition.program.version or "without a version" for edition in found)
            raise CallError(f"`{id}` has several editions ({versions}): choose by date with pack.on(date)[{id!r}]")
        return found[0]

    def bind(self, id: str, above: tuple[str, ...]) -> Policy:  # noqa: A002
        """The policy of an id with the policies it requires."""
        edition = self.edition(id)
        required = tuple(
            Requirement(alias, self.bound().get(policy) or self.bind(policy, (*above, id)), output)
            for alias, policy, output in edition.program.required
        )
        for requirement in required:
            self.bound().setdefault(requirement.policy.id, requirement.policy)
        return Policy(edition.program, required, edition.about, self.functions)

    def on(self, day: date) -> Pack:
        """The pack as it is in force on a day: of each policy the edition of that day, and no others.

        An edition without `valid_to` is in force until a later one begins. A policy is not in force
        where one that it requires is not.
        """
        day = usable_day(day)
        chosen: dict[str, Edition] = {}
        for edition in self.editions:
            if edition.about.in_force(day):
                known = chosen.get(edition.program.id)
                if known is None or (edition.about.valid_from or date.min) > (known.about.valid_from or date.min):
                    chosen[edition.program.id] = edition
        while stranded := [
            id
            for id, edition in chosen.items()  # noqa: A001
            if any(policy not in chosen for _, policy, _ in edition.program.required)
        ]:
            for id in stranded:  # noqa: A001
                del chosen[id]
        return Pack(self.id, tuple(chosen.values()), self.title, self.functions, day)

    def version(self, id: str, version: str) -> Policy:  # noqa: A002
        """One edition of a policy by its version, in force or not.

        Of a policy that it requires it takes the edition that had begun when this one began.
        """
        if id not in self:
            self.edition(id)  # raises with a suggestion
        asked = next((one for one in self.editions if (one.program.id, one.program.version) == (id, version)), None)
        if asked is None:
            raise CallError(f"`{id}` has no edition {version}")
        return self.with_required(asked)

    def with_required(self, asked: Edition) -> Policy:
        """The policy of an edition, with those it requires in the editions that had begun when this one began."""
        start = asked.about.valid_from
        return self.choose(
            asked.program.id, lambda name, known: asked if name == asked.program.id else begun(known, start)
        )

    def choose(self, id: str, pick: Callable[[str, tuple[Edition, ...]], Edition]) -> Policy:  # noqa: A002
        """A policy in the edition that `pick` takes of those there are, and so each policy that it requires."""
        chosen: dict[str, Edition] = {}
        pending = [id]
        while pending:
            name = pending.pop()
            if name not in chosen:
                chosen[name] = pick(name, tuple(one for one in self.editions if one.program.id == name))
                pending += [policy for _, policy, _ in chosen[name].program.required]
        return Pack(self.id, tuple(chosen.values()), self.title, self.functions)[id]

    def decide(
        self, record: Any, *, today: date | None = None, given: Mapping[str, Any] | None = None
    ) -> dict[str, Decision]:
        """The decision of every policy in force, by id; each required one is made once.

        A policy whose fields are absent is `invalid`, one with blank parameters `blocked`, one that ranks all
        records together too, and the others go on. With `today` the editions of that day are asked; without
        it a policy that has several editions is the caller's mistake.
        """
        today = None if today is None else usable_day(today)
        asked = self if today is None or self.day is not None else self.dated(today)
        given = given or {}
        facts = to_mapping(record)
        for name in given:
            if not any(name in policy.aliases() for policy in asked.values()):
                raise CallError(f"no policy of {self.id} requires `{name}`, so `given` cannot hold it")
        found: dict[str, Decision] = {}
        for policy in asked.ordered():
            day = policy.usable_today(today)
            found[policy.id] = decide_once(
                policy, facts, day, {k: v for k, v in given.items() if k in policy.aliases()}, found
            )
        return {name: found[name] for name in asked}

    def decide_frame(
        self,
        frame: Frame,
        *,
        today: date | str | None = None,
        columns: Columns | None = None,
        given: Mapping[str, Any] | None = None,
        add: Iterable[str] = ("outputs", "status", "rules", "reason"),
        policies: Iterable[str] | None = None,
    ) -> Frame:
        """The frame with what each policy adds to every row, called `<policy>.<output>`, `<policy>.status` and so on.

        As `Policy.decide_frame` for each of `policies` (without them, every policy in force). As in `decide`, a policy
        is `invalid` where the frame has no column for one of its required fields, `blocked` where parameters are
        blank, and the others go on. A column of days cannot choose between editions: take `on(day)` first.
        """
        from crm_rules.backends.table_call import decide_rows  # noqa: PLC0415 - not needed to decide
        from crm_rules.table_asks import asks_of  # noqa: PLC0415 - not needed to decide

        day = today if today is None or isinstance(today, str) else usable_day(today)
        chosen = self.for_tables(day, policies)
        asks = asks_of(chosen, pack=self.id, day=day, add=add, columns=columns or {}, given=given or {})
        return cast("Frame", decide_rows(frame, asks, day))

    def to_sql(
        self,
        *,
        dialect: str,
        table: str | Sequence[str],
        today: date | str | CurrentDay | None = None,
        columns: Columns | None = None,
        given: Mapping[str, Any] | None = None,
        add: Iterable[str] = ("outputs", "status", "rules", "reason"),
        policies: Iterable[str] | None = None,
    ) -> str:
        """One SELECT: all columns of the table, and what each policy adds, called `<policy>.<output>` and so on.

        The arguments are those of `Policy.to_sql` and of `decide_frame`. The table must have a column for every field
        of the `policies`, unless `columns` says that it is missing: no table is looked at.
        """
        from crm_rules.backends import to_sql  # noqa: PLC0415 - not needed to decide
        from crm_rules.backends.query import CurrentDay  # noqa: PLC0415 - not needed to decide
        from crm_rules.table_asks import asks_of  # noqa: PLC0415 - not needed to decide

        fixed = today if today is None or isinstance(today, str | CurrentDay) else usable_day(today)
        day = "" if isinstance(fixed, CurrentDay) else fixed
        chosen = self.for_tables(day, policies)
        asks = asks_of(chosen, pack=self.id, day=day, add=add, columns=columns or {}, given=given or {})
        return to_sql.select(asks, dialect=dialect, table=table, today=fixed, title=[self.title.en or self.id])

    def for_tables(self, day: date | str | None, policies: Iterable[str] | None) -> list[Policy]:
        """The policies that a table is decided by on a day, or by the column of that name."""
        asked = self.dated(day) if isinstance(day, date) and self.day is None else self
        if isinstance(day, str) and len(asked) < len(asked.editions):
            raise CallError(f"a column of days cannot choose between the editions of {self.id}: take {self.id}.on(day)")
        return [asked[id] for id in (asked if policies is None else policies)]  # noqa: A001 - the word of the language

    def check(self, on: date | None = None) -> Report:
        """The findings of every policy in every edition, and of the policies beside each other.

        With `on` a policy that has ended before that day is a finding too.
        """
        from crm_rules.proofs.pack_findings import pack_findings  # noqa: PLC0415 - not needed to decide

        several = len(self) < len(self.editions)
        found = list(pack_findings([edition.period for edition in self.editions], self.shared, on))
        for edition in self.editions:
            found += (self.with_required(edition) if several else self[edition.program.id]).check()
        return Report({(item.span, item.code, item.message): item for item in found}.values())

    def dated(self, day: date) -> Pack:
        """`on(day)`, kept for the next record of the same day."""
        last: Pack | None = self.__dict__.get("_dated")
        if last is None or last.day != day:
            last = self.on(day)
            self.__dict__["_dated"] = last
        return last

    def ordered(self) -> list[Policy]:
        """The policies, each after those it requires."""
        found: dict[str, Policy] = {}

        def add(policy: Policy) -> None:
            for requirement in policy.required:
                add(requirement.policy)
            found.setdefault(policy.id, policy)

        for id in self:  # noqa: A001
            add(self[id])
        return list(found.values())


def begun(editions: Sequence[Edition], day: date | None) -> Edition:
    """The last edition that has begun on a day; without a day, or where none has, the last of all."""
    found = [one for one in editions if day is None or (one.about.valid_from or date.min) <= day]
    return max(found or editions, key=lambda one: one.about.valid_from or date.min)


def decide_once(
    policy: Policy,
    facts: Mapping[str, Any],
    today: date | None,
    given: Mapping[str, Any],
    known: Mapping[str, Decision],
) -> Decision:
    """One decision of a pack; blank parameters, and a ranking of one record, block it instead of raising."""
    blank = policy.blank_parameters(today, given)
    if blank:
        problems = tuple(Problem(name, "blank", "nothing", "a value") for name in blank)
        own = {name: fact for name, fact in facts.items() if name not in policy.aliases()}
        return Decision(policy, (), scalars(policy.program, own | dict(given)), today, "blocked", problems)
    if policy.ranks_alone(facts):
        return Decision(policy, (), scalars(policy.program, facts), today, "blocked")
    return policy.decide_with(facts, today, given, known)
