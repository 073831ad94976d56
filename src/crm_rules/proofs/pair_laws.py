"""Laws over two records that differ in one field: two copies of the program walked side by side.

The copies take the same pieces on every axis but those that read the law's field. A pair that breaks the law
was evaluated; where none was found and none can be ruled out, the prover is asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from itertools import islice
from typing import Any

from crm_rules.diagnostics import Witness
from crm_rules.ir.laws import Monotone, Steps
from crm_rules.ir.nodes import Value
from crm_rules.proofs.law_questions import can_be_asked, of_pair
from crm_rules.proofs.rising import direction_of
from crm_rules.proofs.settle import Open
from crm_rules.proofs.verdicts import Proof, settled
from crm_rules.questions.asked import Asked
from crm_rules.questions.running import is_expr
from crm_rules.questions.sets import (
    MISSING,
    Domain,
    Interval,
    Piece,
    ValueSet,
    nearest,
    sample,
    samples,
    to_point,
)
from crm_rules.questions.space import Space, fields_of, space
from crm_rules.questions.walk import Final, Walk, walk

MOST_TRIES = 24
FEW = 3  # values of each side that are far apart


class Pairs:
    """A law over two records that differ in one field, the first with the smaller value."""

    def __init__(self, asked: Asked, law: Monotone | Steps) -> None:
        self.asked = asked
        self.law = law
        self.program = asked.ready.program
        names = [output.name for output in self.program.outputs]
        self.place = names.index(law.output)
        self.output = self.program.outputs[self.place]
        self.ranks = {value: rank for rank, value in enumerate(self.output.best_first)}
        self.open_question = ""
        self.questions: list[Open] = []

    def prove(self) -> Proof:
        """Look for a pair on every day."""
        for day in self.asked.days.days:
            here = space((self.program, self.program), day, self.asked.functions)
            refuted = self.on(here)
            if refuted is not None:
                return refuted
        if self.open_question and not can_be_asked(self.law, self.asked.domains[self.law.field]):
            return Proof(self.law, "not-proven", reason=self.open_question)
        return settled(self.law, self.program, self.questions, self.open_question)

    def on(self, here: Space) -> Proof | None:
        """A pair that breaks the law on one day."""
        paired: dict[int, tuple[tuple[int, int], ...]] = {}
        computed = any(self.law.field in axis.fields and not axis.is_field for axis in here.axes)
        for place, axis in enumerate(here.axes):
            if self.law.field not in axis.fields:
                continue
            if axis.is_field:
                paired[place] = self.pairs(axis.pieces, axis.domain, within=computed)
            else:
                paired[place] = tuple(
                    (one, other) for one in range(len(axis.pieces)) for other in range(len(axis.pieces))
                )
        own = next((place for place in paired if here.axes[place].is_field), None)
        if own is not None and not paired[own]:
            return self.within(here)
        if paired:
            walked = walk(here, pairs=paired)
            for final in walked.finals:
                first, second = (outcome_value(one, self.place) for one in final.outcomes)
                broken_here = self.breaks(first, second)
                if broken_here is False:
                    continue
                found = self.confirmed(here, walked, final, own)
                if found is not None:
                    return found
                if broken_here is None:
                    self.open_question = self.open_question or f"`{self.law.output}` is computed from the record"
                else:
                    self.open_question = (
                        self.open_question or f"no pair was found for {', '.join(here.hanging)} taken together"
                    )
                self.questions += of_pair(
                    here, walked, final, self.law, (first, second), confirm=partial(self.pair, here.today)
                )
        return self.within(here)

    def within(self, here: Space) -> Proof | None:
        """A pair within one piece: only a computed output can differ there."""
        walked = walk(replace(here, machines=here.machines[:1]))
        for final in walked.finals:
            value = outcome_value(final.outcomes[0], self.place)
            if not is_expr(value) or self.law.field not in fields_of(value):
                continue
            direction = direction_of(value, self.law.field, self.program)
            wanted = 1 if isinstance(self.law, Monotone) and self.law.upward else -1
            if isinstance(self.law, Monotone) and direction in {0, wanted}:
                continue
            found = self.sampled(here, walked, final)
            if found is not None:
                return found
            self.open_question = self.open_question or f"`{self.law.output}` is computed from `{self.law.field}`"
            self.questions += of_pair(
                here, walked, final, self.law, (value, value), confirm=partial(self.pair, here.today)
            )
        return None

    def pair(self, day: date | None, one: Mapping[str, Any], other: Mapping[str, Any]) -> Witness | None:
        """The first of two records that break the law, if the evaluator confirms it."""
        found = self.evaluated(one, one[self.law.field], other[self.law.field], day)
        return None if found is None else found.witnesses[0]

    def pairs(self, pieces: Sequence[Piece], domain: Domain, *, within: bool) -> tuple[tuple[int, int], ...]:
        """The pairs of pieces, the first of which has a smaller value than the second has.

        Two records `within` one piece may be told apart by an axis that is computed from the field.
        """
        found: list[tuple[int, int]] = []
        for one, first in enumerate(pieces):
            for other, second in enumerate(pieces):
                if one == other:
                    if within and any(interval.low != interval.high for interval in first.set.intervals):
                        found.append((one, one))
                elif first.set.intervals and second.set.intervals:
                    if isinstance(self.law, Steps):
                        related = any(
                            touching(low, high, domain) for low in first.set.intervals for high in second.set.intervals
                        )
                    else:
                        related = first.set.intervals[0].span[0] < second.set.intervals[-1].span[1]
                    if related:
                        found.append((one, other))
        return tuple(found)

    def breaks(self, first: Any, second: Any) -> bool | None:  # noqa: PLR0911 - one case a law
        """Whether two outputs break the law: True, False, or None where computed ones leave it open."""
        if first is None or second is None:
            return False
        if is_expr(first) or is_expr(second):
            if isinstance(self.law, Monotone) and first == second:
                wanted = 1 if self.law.upward else -1
                return False if direction_of(first, self.law.field, self.program) in {0, wanted} else None
            return None
        if isinstance(self.law, Steps):
            if first not in self.ranks or second not in self.ranks:
                return False
            return abs(self.ranks[first] - self.ranks[second]) > self.law.most
        if self.law.direction in {"better", "worse"}:
            if first not in self.ranks or second not in self.ranks:
                return False
            gained = self.ranks[first] - self.ranks[second]
        else:
            gained = (second > first) - (second < first)
        return gained < 0 if self.law.upward else gained > 0

    def confirmed(self, here: Space, walked: Walk, final: Final, own: int | None) -> Proof | None:
        """Two records of a final state of which the evaluator says that they break the law."""
        for box in walked.boxes(final, MOST_TRIES):
            first, second = walked.sets(box, 0), walked.sets(box, 1)
            values = self.asked.values(here, first)
            if values is None:
                continue
            domain = here.ends[self.law.field]
            for low, high in self.ends(first, second, own, domain, values):
                found = self.evaluated(values, low, high, here.today)
                if found is not None:
                    return found
        return None

    def ends(
        self,
        first: Mapping[int, ValueSet],
        second: Mapping[int, ValueSet],
        own: int | None,
        domain: Domain,
        values: Mapping[str, Any],
    ) -> Iterator[tuple[Value, Value]]:
        """Values of the field for the two records, neighbours where possible."""
        if own is None:
            start = values[self.law.field]
            for step in (1, 10, 1000):
                for low, high in ((start, moved(start, step)), (moved(start, -step), start)):
                    if low is not None and high is not None and domain.all.contains(low) and domain.all.contains(high):
                        yield low, high
            return
        yield from close_together(first[own], second[own], domain)
        if isinstance(self.law, Monotone):
            yield from far_apart(first[own], second[own], domain)

    def sampled(self, here: Space, walked: Walk, final: Final) -> Proof | None:
        """Two records within one box of a computed output that break the law."""
        for box in walked.boxes(final, MOST_TRIES):
            values = self.asked.values(here, walked.sets(box))
            if values is None or values[self.law.field] is None:
                continue
            for low, high in self.ends({}, {}, None, here.ends[self.law.field], values):
                found = self.evaluated(values, low, high, here.today)
                if found is not None:
                    return found
        return None

    def evaluated(self, values: Mapping[str, Value | None], low: Value, high: Value, day: date | None) -> Proof | None:
        """The refutation by two records, if the evaluator confirms it."""
        records = [{**values, self.law.field: end} for end in (low, high)]
        found = [self.asked.evaluate(record, day) for record in records]
        if any(one.status != "decided" for one in found):
            return None
        first, second = (one.outputs[self.law.output] for one in found)
        if self.breaks(first, second) is not True:
            return None
        witnesses = tuple(self.asked.witness(record, day) for record in records)
        return Proof(self.law, "refuted", witnesses, (first, second))


def outcome_value(outcome: Any, place: int) -> Any:
    """The output of a decided outcome, else None: an undecided one is in no law."""
    return outcome.values[place] if outcome.status == "decided" else None


def touching(low: Interval, high: Interval, domain: Domain) -> bool:
    """True when no value of the domain lies between two intervals, in either order."""
    for one, other in ((low, high), (high, low)):
        if one.span[1] == other.span[0]:
            return True
        if (
            domain.step is not None
            and one.high is not None
            and other.low is not None
            and other.low - one.high == domain.step
        ):
            return True
    return False


def close_together(first: ValueSet, second: ValueSet, domain: Domain) -> Iterator[tuple[Value, Value]]:
    """A smaller value of one set and a larger one of the other, neighbours where possible."""
    for lower in first.intervals:
        for upper in second.intervals:
            if lower.span[0] >= upper.span[1]:
                continue
            high = sample(ValueSet((upper,)), domain)
            if high is None:
                continue
            below = ValueSet((lower,)) & before(high)
            low = nearest(below, domain, high) if domain.grid(below) else None
            if low is None:
                continue
            above = ValueSet((upper,)) & after(low)
            near = nearest(above, domain, low)
            if near is not None:
                yield low, near


def far_apart(first: ValueSet, second: ValueSet, domain: Domain) -> Iterator[tuple[Value, Value]]:
    """The same with values that need not be near."""
    for low in islice(samples(first - MISSING, domain), FEW):
        if low is not None:
            larger = (second & after(low)) - MISSING
            yield from ((low, high) for high in islice(samples(larger, domain), FEW) if high is not None)


def before(value: Value) -> ValueSet:
    """Everything below a value."""
    return ValueSet((Interval(None, False, to_point(value), False),))  # noqa: FBT003 - the interval's own order


def after(value: Value) -> ValueSet:
    """Everything above a value."""
    return ValueSet((Interval(to_point(value), False, None, False),))  # noqa: FBT003 - the interval's own order


def moved(value: Any, step: int) -> Any:
    """The value some units or days on; None beyond the calendar."""
    if isinstance(value, date):
        from crm_rules.ir import days  # noqa: PLC0415

        return days.add_days(value, step)
    return value + step
