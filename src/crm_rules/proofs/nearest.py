"""The smallest change of a record after which it has another outcome; or that there is none.

Fewest fields first; among as many, the fewest borders crossed in all, a border being a value at which
some cell of the policy changes its answer; then the fields that the policy declares first. Of one field
alone the closest value counts, of several the closest beyond the borders that were crossed. To fill a
missing field or to take another choice crosses one border; to leave a field missing is the last resort.

First each field alone, the others put in their places; then one walk over all that may change, whose cheapest
path is the answer. Where a cell tests several fields together, sets of fields are tried by size instead.
What is found is decided once more by the caller's own `decides`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import combinations
from types import MappingProxyType
from typing import Any

from crm_rules.dataclass import dataclass
from crm_rules.ir.evaluate import Scope, parameter_values, value_of
from crm_rules.ir.nodes import Bound, Constant, Expr, FieldValue, IsMissing, IsPresent, OneOf, Test, Value, Within
from crm_rules.ir.numbers import to_fact
from crm_rules.ir.rewrite import nodes_of
from crm_rules.ir.show import show_value
from crm_rules.proofs.cheapest import NO_COST, Cost, Ruler, cheapest
from crm_rules.proofs.known import Key, Known, Values, is_plain, key_of, only
from crm_rules.proofs.saying import listed
from crm_rules.questions.masks import Unfinished
from crm_rules.questions.preimage import preimage
from crm_rules.questions.running import is_expr
from crm_rules.questions.sets import MISSING, NOTHING, Domain, Interval, ValueSet, holds, nearest, to_point, to_value
from crm_rules.questions.walk import MOST_MOVES, Final, Walk, walk
from crm_rules.questions.words import shorter, show_set

MOST_SETS = 200  # of fields that are tried one by one
MOST_TRIES = 12  # boxes in which a record is looked for
MOST_PATHS = 10_000


@dataclass(frozen=True, slots=True)
class Change:
    """One field to change: its fact now (None where there is none that is accepted), and the fact after.

    `border` says in words which values do, seen from the one now: `at least 5000000`, `clear or potential`;
    `test` says the same as the test of a cell.
    """

    field: str
    before: Any
    after: Any
    border: str
    test: Test

    def __str__(self) -> str:
        return f"{self.field} {self.border} (now {show_fact(self.before)})"


@dataclass(frozen=True, slots=True)
class Nearest:
    """The nearest record with an outcome.

    `wanted` are the outputs that were asked for. When `exists`, the record has them after the `changes`, none
    when it had them already. Otherwise `reason` says why there is none. Not `exact`: a search was
    stopped, or values that hang together were not all looked at; then fewer changes, or any at all, may do.
    """

    wanted: tuple[tuple[str, Any], ...]
    changes: tuple[Change, ...] = ()
    facts: tuple[tuple[str, Any], ...] | None = None
    exact: bool = True
    reason: str = ""

    @property
    def exists(self) -> bool:
        """True when a record was found."""
        return self.facts is not None

    @property
    def record(self) -> Mapping[str, Any] | None:
        """The facts that have the outcome, those of required policies included; None when there are none."""
        return None if self.facts is None else MappingProxyType(dict(self.facts))

    def __str__(self) -> str:
        if not self.exists:
            return self.reason
        return "; ".join(map(str, self.changes)) or "no change is needed"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A change that gives the outcome: its cost, and for each changed field the values that do and the closest one."""

    cost: Cost
    changed: Mapping[str, tuple[ValueSet, Value | None]]
    exact: bool = True


class Search:
    """The search from one record.

    `known` has the values that stay, `values` those that may change (None: missing) but for the fields of
    `needed`, which have no accepted value and are always changed. `decides` says whether a record
    has the outcome.
    """

    def __init__(
        self,
        known: Known,
        values: Values,
        wanted: Mapping[str, Value | None],
        decides: Callable[[Mapping[str, Any]], bool],
        most: int = MOST_MOVES,
    ) -> None:
        self.known = known
        self.values = values
        self.wanted = wanted
        self.decides = decides
        self.most = most
        self.fields = {one.name: one for one in known.written.fields if one.name not in known.values}
        self.needed = tuple(name for name in self.fields if name not in values)
        self.places = {name: place for place, name in enumerate(self.fields)}
        self.doubts: dict[str, None] = {}
        self.rulers: dict[str, Ruler] = {}
        self.here = known.space()

    def found(self, facts: Mapping[str, Any]) -> Nearest:
        """The nearest record to the one of these facts, or why there is none."""
        pairs = tuple((name, to_fact(value)) for name, value in self.wanted.items())
        try:
            candidate = self.searched()
        except Unfinished as signal:
            return Nearest(pairs, exact=False, reason=f"the search for it was {signal.reason}")
        if candidate is not None:
            changes = tuple(
                self.change(name, facts.get(name), *candidate.changed[name])
                for name in self.fields
                if name in candidate.changed
            )
            after = self.applied(candidate, facts)
            if self.decides(after):
                exact = candidate.exact and not self.doubts
                reason = "" if exact else self.doubt(candidate.changed)
                return Nearest(pairs, changes, tuple(after.items()), exact, reason)
            self.doubts |= dict.fromkeys(candidate.changed)
        aim = " and ".join(f"{name} {show_fact(value)}" for name, value in pairs)
        if self.doubts:
            return Nearest(pairs, exact=False, reason=f"no record with {aim} was found: {self.doubt(())}")
        return Nearest(pairs, reason=f"no change of {listed(self.fields) or 'anything'} gives {aim}")

    def doubt(self, names: Iterable[str]) -> str:
        """Why an answer is not exact."""
        return f"{listed([*self.doubts, *names])} are tested together, and not all of their values were looked at"

    def applied(self, candidate: Candidate, facts: Mapping[str, Any]) -> dict[str, Any]:
        """The facts after the changes, each amount in the currency of its field."""
        values = {**self.known.values, **dict.fromkeys(self.needed), **self.values}
        values |= {name: value for name, (_, value) in candidate.changed.items()}
        after = self.known.facts(values)
        kept = {name: fact for name, fact in facts.items() if name in after and name not in candidate.changed}
        return {name: kept[name] if name in kept and kept[name] is not None else fact for name, fact in after.items()}

    # The search

    def searched(self) -> Candidate | None:
        """The best candidate; None when there is none, or none that is beyond doubt."""
        here = self.here
        if not self.needed and self.gives(self.known.answer({**self.known.values, **self.values})):
            return Candidate(NO_COST, {})
        self.rulers = {
            axis.fields[0]: Ruler(axis, self.values.get(axis.fields[0]), filled=axis.fields[0] in self.values)
            for axis in here.axes
            if axis.is_field
        }
        if len(self.needed) <= 1:
            best = self.best((name,) for name in self.needed or self.relevant())
            if best is not None:
                return best
        try:
            walked = walk(here, most=self.most)
        except Unfinished:
            return self.by_size()
        kinds = {self.has(final) for final in walked.finals}
        if kinds <= {False}:
            self.doubts.clear()  # what was not followed before does not exist either
            return None
        if is_plain(here) and None not in kinds:
            return self.cheapest(walked)
        return self.by_size()

    def relevant(self) -> Iterator[str]:
        """The fields that the program reads, in order."""
        read = {node.name for node in nodes_of(self.known.program) if isinstance(node, FieldValue)}
        yield from (name for name in self.fields if name in read)

    def by_size(self) -> Candidate | None:
        """Sets of fields, the smaller ones first; those of one field were tried before."""
        others = [name for name in self.relevant() if name not in self.needed]
        tried = 0
        for size in range(max(2 - len(self.needed), 0), len(others) + 1):
            sets = [(*self.needed, *some) for some in combinations(others, size)]
            tried += len(sets)
            if tried > MOST_SETS:
                raise Unfinished(f"stopped before {size + len(self.needed)} fields were tried together")
            best = self.best(sets)
            if best is not None:
                return best
        return None

    def best(self, sets: Iterable[tuple[str, ...]]) -> Candidate | None:
        """The cheapest of sets of one size."""
        found = [one for names in sets if (one := self.within(names)) is not None]
        return min(found, key=lambda one: one.cost, default=None)

    def within(self, names: tuple[str, ...]) -> Candidate | None:
        """The best change of these fields, the others as they are; None also when it is in doubt."""
        if len(names) == 1 and is_plain(self.here):
            walked = walk(self.here, only=self.as_they_are(names[0]), most=self.most)
            if None not in {self.has(final) for final in walked.finals}:
                allowed = self.allowed(walked, names[0])
                return self.of_sets({names[0]: allowed}) if allowed else None
        rest = self.known.also({name: value for name, value in self.values.items() if name not in names})
        here = rest.space()
        walked = walk(here, most=self.most)
        kinds = {self.has(final) for final in walked.finals}
        if kinds <= {False}:
            return None
        if len(names) == 1:
            allowed = self.allowed(walked, names[0])
            if allowed is not None:
                return self.of_sets({names[0]: allowed}) if allowed else None
        if is_plain(here) and None not in kinds:
            return self.cheapest(walked)
        values = self.solved(rest, walked)
        if values is None:
            self.doubts |= dict.fromkeys(names)
            return None
        return self.refined(names, values)

    def cheapest(self, walked: Walk) -> Candidate | None:
        """The cheapest way through a walk over fields."""
        axes = walked.space.axes
        names = [axis.fields[0] for axis in axes]
        rulers = [
            self.rulers.get(name) or Ruler(axis, self.values.get(name), filled=name in self.values)
            for name, axis in zip(names, axes, strict=True)
        ]

        def cost(place: int, piece: int) -> Cost:
            some = axes[place].pieces[piece].set
            if self.stays(names[place], some):
                return 0, 0, 0
            return 1, rulers[place].nearest(some)[0], self.weight((names[place],))

        found = cheapest(walked, lambda final: self.has(final) is True, cost)
        if found is None:
            return None
        sets: dict[str, ValueSet] = {}
        for place, some in walked.sets(found[1]).items():
            if not self.stays(names[place], some):
                sets[names[place]] = rulers[place].nearest(some)[1]
        return self.of_sets(sets)

    # One field alone

    def as_they_are(self, name: str) -> dict[int, ValueSet]:
        """The values now of all axes but that of one field."""
        kinds = {one: field.type for one, field in self.fields.items()}
        return {
            place: only(kinds[axis.fields[0]], self.values[axis.fields[0]])
            for place, axis in enumerate(self.here.axes)
            if axis.fields[0] != name
        }

    def allowed(self, walked: Walk, name: str) -> ValueSet | None:
        """The values of the only open field that give the outcome; None when they are not known."""
        domain = self.known.domains[name]
        found = NOTHING
        for final in walked.finals:
            has = self.has(final)
            if has is False:
                continue
            some = domain.all if has else self.computed(final, name)
            if some is None or not is_plain(walked.space):
                return None
            for box in walked.boxes(final, MOST_PATHS):
                sets = {walked.space.axes[place].fields[0]: one for place, one in walked.sets(box).items()}
                found |= some & sets.get(name, domain.all)
        return domain.grid(found)

    def computed(self, final: Final, name: str) -> ValueSet | None:
        """The values of the only open field for which the computed outputs are the wanted ones."""
        known = self.known
        scope = Scope({}, parameter_values(known.program, known.today), known.today, {}, known.functions)
        found = known.domains[name].all
        for expr, some in self.wishes(final):
            inverse = preimage(expr, some, self.fields[name], lambda inner: value_of(inner, scope))
            if inverse is None:
                return None
            found &= inverse
        return found

    def wishes(self, final: Final) -> Iterator[tuple[Expr, ValueSet]]:
        """The outputs that are computed, with what they shall be."""
        for output, value in zip(self.known.written.outputs, final.outcomes[0].values, strict=True):
            if output.name in self.wanted and is_expr(value):
                yield value, only(output.type, self.wanted[output.name])

    # Several fields that are tested together

    def solved(self, rest: Known, walked: Walk) -> Values | None:
        """A record with the outcome, where a box may have none."""
        tries = 0
        for final in walked.finals:
            if self.has(final) is False:
                continue
            wishes = dict(self.wishes(final))
            for box in walked.boxes(final, MOST_TRIES):
                tries += 1
                if tries > MOST_TRIES:
                    return None
                values = rest.record(walked.space, walked.sets(box), wishes)
                if values is not None and self.gives(rest.answer(values)):
                    return values
        return None

    def refined(self, names: tuple[str, ...], values: Values) -> Candidate:
        """The record with each of its fields in turn brought as near as the others let it."""
        found = {name: value for name, value in values.items() if name in self.fields}
        sets: dict[str, ValueSet] = {}
        for name in names:
            rest = self.known.also({one: value for one, value in found.items() if one != name})
            allowed = self.allowed(walk(rest.space(), most=self.most), name)
            sets[name] = allowed or only(self.fields[name].type, found[name])
            found[name] = self.closest(name, sets[name])
        candidate = self.of_sets(sets)
        return Candidate(candidate.cost, candidate.changed, exact=False)

    # What has the outcome

    def has(self, final: Final) -> bool | None:
        """True when a final state has the outcome, None when that depends on what is computed."""
        status, values = key_of(final.outcomes[0])
        if status != "decided":
            return False
        found = [
            (value, self.wanted[output.name])
            for output, value in zip(self.known.written.outputs, values, strict=True)
            if output.name in self.wanted
        ]
        if any(not is_expr(value) and value != wanted for value, wanted in found):
            return False
        return None if any(is_expr(value) for value, _ in found) else True

    def gives(self, answer: Key) -> bool:
        """True when an answer has the wanted outputs."""
        names = [output.name for output in self.known.written.outputs]
        outputs = dict(zip(names, answer[1], strict=False))
        return answer[0] == "decided" and all(outputs[name] == value for name, value in self.wanted.items())

    # What a change costs

    def stays(self, name: str, some: ValueSet) -> bool:
        """True when the field has a value of the set already."""
        return name in self.values and some.contains(self.values[name])

    def weight(self, names: Iterable[str]) -> int:
        """Less for fields that are declared earlier."""
        return -sum(1 << (len(self.places) - 1 - self.places[name]) for name in names)

    def of_sets(self, sets: Mapping[str, ValueSet]) -> Candidate:
        """The candidate that takes the closest value of each set; what must be filled takes any value."""
        needed = {name: self.known.domains[name].all for name in self.needed}
        changed = {
            name: (some, self.closest(name, some))
            for name, some in {**needed, **sets}.items()
            if not self.stays(name, some)
        }
        crossed = sum(
            self.rulers[name].crossed(value) if name in self.rulers else 1 for name, (_, value) in changed.items()
        )
        return Candidate((len(changed), crossed, self.weight(changed)), changed)

    def closest(self, name: str, some: ValueSet) -> Value | None:
        """The value of a set that is closest to the one now; missing only when there is nothing else."""
        if self.stays(name, some):
            return self.values[name]
        domain = self.known.domains[name]
        present = domain.grid(some - MISSING)
        return nearest(present or some, domain, self.values.get(name))

    # In words

    def change(self, name: str, fact: Any, some: ValueSet, value: Value | None) -> Change:
        """The change of one field, with the border that its value crosses."""
        now = self.values.get(name)
        domain = self.known.domains[name]
        seen = seen_from(domain.grid(some - MISSING), domain, now, value)
        border = "missing" if value is None else show_set("", seen, domain).strip().removeprefix("is ") or "present"
        return Change(name, fact if now is None else to_fact(now), to_fact(value), border, test_of(seen, domain, value))


def seen_from(some: ValueSet, domain: Domain, now: Value | None, value: Value | None) -> ValueSet:
    """The values around a new one, without an end on the far side: what is asked for, seen from the value now."""
    if value is None or not some.intervals:
        return some
    goal = to_point(value)
    one = next(one for one in some.intervals if holds(one, goal))
    if now is not None and one.low != one.high:
        outer = domain.all.intervals
        first, last = outer[0], outer[-1]
        if to_point(now) < goal:
            one = Interval(one.low, one.low_closed, last.high, last.high_closed)
        else:
            one = Interval(first.low, first.low_closed, one.high, one.high_closed)
    return ValueSet((one,))


def test_of(some: ValueSet, domain: Domain, value: Value | None) -> Test:
    """A set as the test of a cell, its ends as an author writes them; an end of the domain itself is left out."""
    kind = domain.type
    if value is None:
        return IsMissing()
    if some.values and not (domain.all.values - some.values):
        return IsPresent()
    if not some.intervals:
        return OneOf(tuple(Constant(one, kind) for one in domain.values if one in some.values))
    (one,) = some.intervals
    if one.low is not None and one.low == one.high:
        return OneOf((Constant(to_value(one.low, domain), kind),))
    low, low_closed, high, high_closed = one
    low = None if low == domain.all.intervals[0].low else low
    high = None if high == domain.all.intervals[-1].high else high
    if domain.step is not None and domain.step != 1:
        low, low_closed = shorter(low, low_closed, -domain.step)
        high, high_closed = shorter(high, high_closed, domain.step)
    return Within(
        None if low is None else Bound(Constant(to_value(low, domain), kind), low_closed),
        None if high is None else Bound(Constant(to_value(high, domain), kind), high_closed),
    )


def show_fact(fact: Any) -> str:
    """A fact in words."""
    return show_value(fact) if isinstance(fact, bool) or fact is None else str(fact)
