"""The laws of a policy as property tests: `laws_as_tests(policy)`, one test for each line under `laws`.

    @pytest.mark.parametrize("law", laws_as_tests(POLICY, today=TODAY))
    def test_law(law):
        law.check()

`check` of the command line proves laws; these tests try them on records close to the borders, through `decide` itself,
and so also where a proof cannot follow: through the function of a plug-in. What a law means is said in
`crm_rules.ir.laws`: undecided records take no part in any, and values outside the order in none of those over two.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from itertools import pairwise
from typing import Any, assert_never

from hypothesis import strategies as st

from crm_rules.dataclass import dataclass
from crm_rules.decision import Decision
from crm_rules.ir.evaluate import Scope, Undecided, parameter_values, passes, value_of
from crm_rules.ir.laws import Always, Bounded, Implies, InputCondition, Law, Monotone, Never, OutputCondition, Steps
from crm_rules.ir.nodes import Value
from crm_rules.ir.program import Field, Output
from crm_rules.ir.record import accept, is_missing
from crm_rules.policy import Policy
from crm_rules.testing.borders import neighbours
from crm_rules.testing.examples import about, demand, for_examples
from crm_rules.testing.facts import Draw, coin, pick
from crm_rules.testing.policy_records import Sample, drawn, sample_of, usual_days

EXAMPLES = 200


@dataclass(frozen=True, slots=True)
class LawTest:
    """One law of one policy, to be checked on drawn records; `today` None is many days."""

    policy: Policy
    law: Law
    today: date | None = None

    def __str__(self) -> str:
        return self.law.text or type(self.law).__name__.lower()

    @property
    def __name__(self) -> str:
        """What pytest calls the test."""
        return str(self)

    def check(self, examples: int = EXAMPLES) -> None:
        """Raise AssertionError with the record, or the pair of records, that breaks the law; the simplest one found."""
        for_examples(self.groups(), self.judge, examples)

    def groups(self) -> st.SearchStrategy[tuple[date | None, tuple[dict[str, Any], ...]]]:
        """A day and the records that the law is about: one, or two that differ in one field."""
        days: tuple[date | None, ...] = (self.today,)
        if self.today is None and self.policy.needs_today:
            days = usual_days(self.policy)
        match self.law:
            case Monotone(field=field) | Steps(field=field):
                close = isinstance(self.law, Steps)
                return st.sampled_from(days).flatmap(
                    lambda day: st.tuples(st.just(day), drawn_pair(sample_of(self.policy, day), field, close=close))
                )
            case Never() | Always() | Bounded() | Implies():
                return st.sampled_from(days).flatmap(
                    lambda day: st.tuples(st.just(day), st.tuples(drawn(sample_of(self.policy, day), valid=True)))
                )
            case _:
                assert_never(self.law)

    def judge(self, group: tuple[date | None, tuple[dict[str, Any], ...]]) -> None:
        """Raise AssertionError when the law does not hold for one group of records."""
        today, records = group
        with about(f"the law `{self}` of {self.policy.id}", records[0] if len(records) == 1 else records, today):
            decisions = [self.policy.decide(record, today=today) for record in records]
            if any(decision.status != "decided" for decision in decisions):
                return
            self.compare(records, decisions)

    def compare(self, records: tuple[dict[str, Any], ...], decisions: list[Decision]) -> None:
        """The law for decided records."""
        law = self.law
        match law:
            case Monotone() | Steps():
                places = [place_of(self.output(law.output), decision) for decision in decisions]
                if any(place is None for place in places):
                    return
                below, above = in_order(self.field(law.field), records, places)
                given = " and ".join(str(decision.outputs[law.output]) for decision in decisions)
                if isinstance(law, Steps):
                    demand(abs(above - below) <= law.most, f"`{law.output}` is {given}, more than {law.most} apart")
                else:
                    fine = below <= above if law.upward else above <= below
                    demand(fine, f"`{law.output}` is {given} as `{law.field}` differs")
            case Never(outcome, when):
                broken = self.all_hold(when, decisions[0]) and self.outcome(outcome, decisions[0])
                demand(not broken, f"the outcome is {dict(decisions[0].outputs)}")
            case Always(outcome, when):
                kept = not self.all_hold(when, decisions[0]) or self.outcome(outcome, decisions[0])
                demand(kept, f"the outcome is {dict(decisions[0].outputs)}")
            case Implies(outcome, then):
                kept = not self.outcome(outcome, decisions[0]) or self.outcome(then, decisions[0])
                demand(kept, f"the outcome is {dict(decisions[0].outputs)}")
            case Bounded():
                inside = self.outcome((OutputCondition(law.output, law.test),), decisions[0])
                demand(inside, f"`{law.output}` is {decisions[0].outputs[law.output]}")
            case _:
                assert_never(law)

    def output(self, name: str) -> Output:
        """The declared output of that name."""
        return next(output for output in self.policy.outputs if output.name == name)

    def field(self, name: str) -> Field:
        """The field of that name, of this policy or of one that it requires."""
        return next(field for field in self.policy.inputs if field.name == name)

    def scope(self, decision: Decision) -> Scope:
        """What the conditions of a law see of a decision."""
        found = decision.evaluation()
        steps = {} if found is None else found.steps
        parameters = parameter_values(self.policy.program, decision.today)
        return Scope(decision.reading().values, parameters, decision.today, steps, self.policy.calls)

    def all_hold(self, when: tuple[InputCondition, ...], decision: Decision) -> bool:
        """True when the record is one that the law speaks of."""
        scope = self.scope(decision)
        try:
            return all(passes(one.test, value_of(one.subject, scope), scope) for one in when)
        except Undecided:
            return False

    def outcome(self, conditions: tuple[OutputCondition, ...], decision: Decision) -> bool:
        """True when all conditions hold of the outputs."""
        found = decision.evaluation()
        outputs: Mapping[str, Value | None] = {} if found is None else found.outputs
        scope = self.scope(decision)
        return all(passes(one.test, outputs[one.output], scope) for one in conditions)


def laws_as_tests(policy: Policy, *, today: date | None = None) -> list[LawTest]:
    """A test for each law of the policy, in the order of the file; empty for a policy without laws.

    `today` is the day of all decisions; without it they are made on many days. Each test is named after the
    law's own text. Raises `CallError` for a policy that cannot decide, because a parameter is blank.
    """
    laws = [LawTest(policy, law, today) for law in policy.program.laws]
    if laws:
        policy.refuse_blank(today or usual_days(policy)[0])
    return laws


@st.composite
def drawn_pair(draw: Draw, sample: Sample, name: str, *, close: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two records that differ in one field, both with a value there; `close` values are neighbours."""
    field = next(one for one in sample.fields if one.name == name)
    index, _ = draw(sample.start)
    record = draw(drawn(sample, valid=True, index=index))
    near: list[Any] = list(sample.near(index, field))
    borders = sorted(near)
    pairs = [(low, high) for low, high in pairwise(borders) if not close or high in neighbours(field, low)]
    value: Any
    if pairs and coin(draw):
        value, other = pick(draw, pairs)
    else:
        present = sample.other(index, field).filter(lambda found: found is not None)
        fact = record.get(name)
        value = draw(present) if is_missing(fact) else accept(field, fact)
        beside = [one for one in neighbours(field, value) if one != value] or [value]
        other = pick(draw, beside) if close else draw(present)
    return {**record, **draw(sample.written(field, value))}, {**record, **draw(sample.written(field, other))}


def place_of(output: Output, decision: Decision) -> Any:
    """Where an outcome stands: higher is better, or larger; None for what is in no law."""
    value = decision.outputs[output.name]
    ranked = output.best_first
    if ranked:
        return -ranked.index(value) if value in ranked else None
    found = decision.evaluation()
    exact = None if found is None else found.outputs[output.name]
    return exact.toordinal() if isinstance(exact, date) else exact


def in_order(field: Field, records: tuple[dict[str, Any], ...], places: list[Any]) -> tuple[Any, Any]:
    """The places of the record with the smaller (earlier) value of the field, and of the other."""
    low, high = (accept(field, record[field.name]) for record in records)
    return (places[0], places[1]) if low <= high else (places[1], places[0])  # type: ignore[operator]
