"""A decision: what a policy answered for one record on one day, and what it looked at.

A decision keeps the facts it was made from, never the reasons: rules, details and explanations
are replayed from those facts by the reference evaluator, so that the fast answer and the
explained answer cannot differ. It is immutable, comparable, picklable, and can be written as a
JSON record and replayed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from msgspec import Struct

from crm_rules.errors import CallError, UndecidedError
from crm_rules.ir.evaluate import Evaluation, evaluate
from crm_rules.ir.numbers import exact, reduced, show_number, to_fact
from crm_rules.ir.program import Program
from crm_rules.ir.record import Problem, Reading, read_record

if TYPE_CHECKING:
    from crm_rules.backends.prose_case import Outlook
    from crm_rules.backends.to_prose import Case, Reason
    from crm_rules.proofs.advice import Told
    from crm_rules.proofs.nearest import Nearest

Status: TypeAlias = Literal["decided", "no_match", "conflict", "invalid", "blocked"]
EMPTY: Mapping[str, Any] = MappingProxyType({})
HIDDEN = "hidden"


class Decision(Struct, frozen=True, gc=False):
    """The answer of `policy` for `facts` (one per declared field, in order) on the day `today`.

    `status` is `decided`, `no_match` (no rule covers the record), `conflict` (rules contradict each
    other), `invalid` (facts are missing or not what the fields declare) or `blocked` (a required
    decision is not decided, or a parameter is blank). Without garbage-collector tracking, because
    it cannot be part of a cycle: facts are scalars and a policy keeps no decisions.
    """

    policy: Any  # a `crm_rules.policy.Policy`, which stands one layer above
    results: tuple[Any, ...]
    facts: tuple[Any, ...]
    today: date | None
    status: Status = "decided"
    problems: tuple[Problem, ...] = ()
    required: tuple[tuple[str, Decision], ...] = ()

    def __repr__(self) -> str:
        # Facts are left out: they may be sensitive, or a number too long to write.
        when = "" if self.today is None else f" on {self.today}"
        parts = [f"{name}={value!r}" for name, value in self.outputs.items()]
        parts += [f"{problem.field}: {problem.code}" for problem in self.problems]
        return f"<Decision {self.program.id}{when}: {', '.join([self.status, *parts])}>"

    @property
    def program(self) -> Program:
        """The program that was decided."""
        program: Program = self.policy.program
        return program

    @property
    def outputs(self) -> Mapping[str, Any]:
        """The outputs by name; empty unless decided. A missing optional output is None, a gathered one a list."""
        if self.status != "decided":
            return EMPTY
        names = (output.name for output in self.program.outputs)
        return MappingProxyType(dict(zip(names, map(handed_out, self.results), strict=True)))

    @property
    def value(self) -> Any:
        """The output of a policy that has one; raises `UndecidedError` unless decided, `CallError` for several."""
        if self.status != "decided":
            raise UndecidedError(f"{self.program.id} is not decided: {self.status} (see explain())")
        if len(self.results) != 1:
            names = ", ".join(self.outputs)
            raise CallError(f"{self.program.id} has several outputs: {names}; use outputs[name]")
        return handed_out(self.results[0])

    @property
    def record(self) -> Mapping[str, Any]:
        """The facts by field name; None where missing, or where the fact was no number, text or date at all."""
        names = (field.name for field in self.program.fields)
        return MappingProxyType(dict(zip(names, self.facts, strict=True)))

    def reading(self) -> Reading:
        """The accepted values of the facts."""
        return read_record(self.program, dict(self.record) | currencies(self.program))

    def evaluation(self) -> Evaluation | None:
        """The replay of this decision; None when there was nothing to evaluate."""
        if self.status in {"invalid", "blocked"}:
            return None
        return evaluate(self.program, self.reading().values, self.today, self.policy.calls)

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules that matched, in step order, the deciding one last; none when invalid or blocked."""
        found = self.evaluation()
        return () if found is None else found.rules

    @property
    def details(self) -> Mapping[str, Any]:
        """What the steps gave, by step id: derived values, points, totals; outputs of tables by name."""
        found = self.evaluation()
        if found is None:
            return EMPTY
        details: dict[str, Any] = {}
        for step, result in found.steps.items():
            if result.status == "decided":
                values = {name: handed_out(to_fact(value)) for name, value in result.values.items()}
                details[step] = next(iter(values.values())) if len(values) == 1 else MappingProxyType(values)
        return MappingProxyType(details)

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Why, as data: one entry for each cell that held, or for each problem."""
        from crm_rules.backends.to_prose import reasons  # noqa: PLC0415 - words are for the explained path

        return reasons(self.case())

    def explain(self, lang: Literal["en", "zh"] = "en", *, sensitive: bool = False) -> str:
        """Why, why not the next better outcome, and the nearest way to it, in English or Chinese.

        The values of `sensitive` fields, and what is derived from them, are not shown unless asked for.
        """
        from crm_rules.backends.to_prose import explain  # noqa: PLC0415 - words are for the explained path

        if lang not in {"en", "zh"}:
            raise CallError(f"lang= is `en` or `zh`, found `{lang}`")
        return explain(self.case(outlook=True), lang, sensitive=sensitive)

    def nearest(self, outcome: Any, *, output: str | None = None) -> Nearest:
        """The smallest change of the record after which it is decided with that outcome, or that there is none.

        `outcome` is the value of the output named by `output` (needed where a policy has several), or a
        mapping of output to value. Fewest fields first, then the fewest borders crossed; fields that are
        not `changeable` and required decisions that were `given` stay as they are. Raises `CallError` for
        what is no value of an output. Cost: some milliseconds to some tenths of a second.
        """
        from crm_rules.proofs.advice import nearest, wanted  # noqa: PLC0415 - not needed to decide

        return nearest(self.told(), wanted(self.program, outcome, output))

    def told(self) -> Told:
        """What the proofs need to know of this decision."""
        from crm_rules.proofs.advice import Told  # noqa: PLC0415 - not needed to decide

        facts, refused, given = self.chain()

        def answer(record: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
            found = self.policy.decide(record, today=self.today, given=given)
            return found.status, found.outputs

        whole = self.policy.asked(given)
        return Told(whole, facts, refused, frozenset(given), self.today, self.policy.calls, answer)

    def chain(self) -> tuple[dict[str, Any], frozenset[str], dict[str, Any]]:
        """The facts of the whole chain, the fields that were refused, and the required decisions that were given."""
        facts: dict[str, Any] = {}
        given: dict[str, Any] = {}
        refused = {problem.field for problem in self.problems}
        for _, decision in self.required:
            below, wrong, others = decision.chain()
            facts, refused, given = facts | below, refused | wrong, given | others
        decided = {alias for alias, _ in self.required}
        aliases = {alias for alias, _, _ in self.program.required}
        facts |= {name: fact for name, fact in self.record.items() if name not in decided}
        given |= {name: facts[name] for name in aliases - decided}
        return facts, frozenset(refused), given

    def case(self, *, outlook: bool = False) -> Case:
        """Everything an explanation walks over; with `outlook` also what may still become of it."""
        from crm_rules.backends.prose_case import Case, Outlook  # noqa: PLC0415 - words are for the explained path

        blank = self.policy.blank_parameters(self.today) if self.status == "blocked" else ()
        return Case(
            program=self.program,
            status=self.status,
            facts=self.record,
            values=self.reading().values,
            evaluation=self.evaluation(),
            problems=self.problems,
            today=self.today,
            requires=tuple((alias, decision.case()) for alias, decision in self.required),
            blank=blank,
            functions=self.policy.calls,
            outlook=self.outlook() if outlook else Outlook(),
        )

    def outlook(self) -> Outlook:
        """The nearest way to the next better outcome, or what is possible once the record can be used."""
        from crm_rules.proofs.advice import advised, still_possible  # noqa: PLC0415 - not needed to decide

        told = self.told()
        if self.status == "decided":
            return advised(told, self.outputs)
        return still_possible(told)

    def to_json(self, *, sensitive: bool = False) -> str:
        """This decision as one JSON object: policy, version, content hash, today, values used, outputs, rules.

        `policy.replay(text)` decides it again and gives the same bytes. The values of `sensitive`
        fields are left out unless asked for, and such a record cannot be replayed.
        """
        return json.dumps(self.to_dict(sensitive=sensitive), ensure_ascii=False, separators=(",", ":"))

    def to_dict(self, *, sensitive: bool = False) -> dict[str, Any]:
        """The members of the JSON object of `to_json`."""
        program = self.program
        hidden = [] if sensitive else [field.name for field in program.fields if field.sensitive]
        rejected = {problem.field: problem for problem in self.problems if problem.code != "missing"}
        values: dict[str, Any] = {}
        for field, fact in zip(program.fields, self.facts, strict=True):
            if field.name in rejected or (fact is None and field.name not in hidden):
                continue
            if field.name not in hidden:
                values[field.name] = fact_to_json(fact)
        return {
            "policy": program.id,
            "version": program.version,
            "hash": self.policy.content_hash,
            "today": None if self.today is None else self.today.isoformat(),
            "values": values,
            "hidden": hidden,
            "problems": [problem_to_json(problem, hidden=problem.field in hidden) for problem in self.problems],
            "required": {alias: decision.to_dict(sensitive=sensitive) for alias, decision in self.required},
            "status": self.status,
            "outputs": {name: fact_to_json(value) for name, value in self.outputs.items()},
            "rules": list(self.rules),
        }


def handed_out(value: Any) -> Any:
    """An output as an application receives it: what a table gathered is a new list, the rest is as it is."""
    return list(value) if type(value) is tuple else value


def currencies(program: Program) -> dict[str, Any]:
    """The currency columns of accepted facts: a decision keeps none, because each was the field's own unit."""
    return {field.currency: field.type.unit for field in program.fields if field.currency is not None}  # type: ignore[union-attr]


def fact_to_json(value: Any) -> Any:
    """A fact or output in JSON: numbers exactly (a Decimal as its digits in a text, else `1/3`), dates as ISO text.

    One number has one form, whichever type it came as.
    """
    if isinstance(value, bool) or value is None or isinstance(value, int):
        return value
    if isinstance(value, float | Decimal | Fraction):
        number = reduced(value) if isinstance(value, Fraction) else exact(value)
        return number if number is None or isinstance(number, int) else show_number(number)
    if isinstance(value, tuple | list):
        return [fact_to_json(item) for item in value]
    return str(value)


def problem_to_json(problem: Problem, *, hidden: bool) -> dict[str, str]:
    """A problem as a JSON object; what was found in a hidden field stays hidden."""
    found = HIDDEN if hidden and problem.code != "missing" else problem.found
    return {"field": problem.field, "code": problem.code, "found": found, "expected": problem.expected}
