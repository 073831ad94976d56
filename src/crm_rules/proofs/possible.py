"""What a record that is not complete yet can still become, and which of its open fields still matter.

The walk over the open fields gives every outcome that can occur, so none is ever left out. That each
of them does occur is shown by a record that the reference evaluator confirms; a field matters when
two records that differ in it alone have different outcomes. Nothing here knows a policy or a chain.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import date
from itertools import islice
from types import MappingProxyType
from typing import Any

from crm_rules.dataclass import dataclass
from crm_rules.ir.evaluate import Functions
from crm_rules.ir.nodes import Value
from crm_rules.ir.numbers import to_fact
from crm_rules.ir.program import Program
from crm_rules.ir.record import Problem, is_missing, other_currency, read_record
from crm_rules.ir.show import show_expr
from crm_rules.ir.types import Choice, Money
from crm_rules.proofs.known import Key, Known, Values, agrees, computed_from, is_plain, key_of, only
from crm_rules.proofs.saying import listed
from crm_rules.questions.masks import Unfinished
from crm_rules.questions.running import is_expr
from crm_rules.questions.sets import samples
from crm_rules.questions.space import Space
from crm_rules.questions.walk import MOST_MOVES, Walk, walk

MOST_TRIES = 12  # boxes in which a record of an outcome is looked for
MOST_SHOWN = 3  # records that are looked at one by one first
MOST_VALUES = 6  # of one field, between which a computed output is compared


@dataclass(frozen=True, slots=True)
class Computed:
    """An output that is computed from open fields: its formula as an author writes it, and those fields."""

    formula: str
    fields: tuple[str, ...]

    def __str__(self) -> str:
        return self.formula


@dataclass(frozen=True, slots=True)
class PossibleOutcome:
    """One answer that a record can still get; `results` are the outputs with their names, none unless decided."""

    status: str
    results: tuple[tuple[str, Any], ...] = ()

    @property
    def outputs(self) -> Mapping[str, Any]:
        """The outputs by name: a value, None where missing, or a `Computed`."""
        return MappingProxyType(dict(self.results))


@dataclass(frozen=True, slots=True)
class Possible:
    """What a partial record can still become.

    `outcomes` are all answers that some completion gets, the best first where the outputs have an order,
    undecided ones last. `matters` are the open fields that can still change the answer, in the
    policy's order. `problems` are facts that no completion can make good: every completion is then
    `invalid` (or `blocked`, when only a required policy refuses them).

    Not `exact`, `reason` says why: then an outcome may be listed, or a field said to matter, that does not
    occur, but none is left out; without any outcome the search was stopped and nothing is known.
    """

    outcomes: tuple[PossibleOutcome, ...]
    matters: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    exact: bool = True
    reason: str = ""

    def values(self, output: str | None = None) -> tuple[Any, ...]:
        """The different values of one output over the decided outcomes; the first output when not named."""
        decided = [one for one in self.outcomes if one.status == "decided"]
        found = [one.outputs[output] if output is not None else one.results[0][1] for one in decided]
        return tuple(value for place, value in enumerate(found) if value not in found[:place])


def possible(
    whole: Program,
    own: Program,
    functions: Functions,
    facts: Mapping[str, Any],
    *,
    today: date | None,
    most: int = MOST_MOVES,
) -> Possible:
    """What a record of these facts can become; absent keys are open, a missing fact (None) is known.

    `whole` is the program with its chain inlined, `own` the policy itself. Cost: one walk, and one for each
    open field; each is bounded by `most`.
    """
    values, problems = read_partial(whole, facts)
    if problems:
        own_ones = read_partial(own, {name: facts[name] for name in facts if name not in aliases_of(own)})[1]
        return Possible((PossibleOutcome("invalid" if own_ones else "blocked"),), (), problems)
    return Open(Known.of(whole, today, functions, values), most).found()


def aliases_of(program: Program) -> set[str]:
    """The fields that required policies fill."""
    return {alias for alias, _, _ in program.required}


def read_partial(program: Program, facts: Mapping[str, Any]) -> tuple[dict[str, Value | None], tuple[Problem, ...]]:
    """The accepted values of the fields that the facts speak of, and what is wrong with them."""
    named, wrong = dict(facts), []
    for field in program.fields:
        if field.currency is None or not isinstance(field.type, Money):
            continue
        if field.currency not in facts:
            named[field.currency] = field.type.unit  # open as well: a completion has the right one
        elif field.name in facts:
            continue
        elif is_missing(facts[field.currency]):
            named[field.name] = None  # an amount without a currency would be refused
        else:
            wrong += other_currency(field, facts[field.currency])
    reading = read_record(replace(program, fields=tuple(one for one in program.fields if one.name in named)), named)
    return reading.values, (*reading.problems, *wrong)


class Open:
    """The open fields of a program on their way to an answer."""

    def __init__(self, known: Known, most: int) -> None:
        self.known = known
        self.most = most
        self.open = [one.name for one in known.written.fields if one.name not in known.values]
        self.witnesses: list[Values] = []
        self.doubts: dict[str, None] = {}

    def found(self) -> Possible:
        """The answer."""
        try:
            walked = walk(self.known.space(), most=self.most)
            keys = list(dict.fromkeys(key_of(end.outcomes[0]) for end in walked.ends.values()))
            for key in keys:
                self.confirm(walked, key)
            several = len(keys) > 1
            matters = tuple(
                name
                for name in self.open
                if (several or any(name in computed_from(key) for key in keys)) and self.matters(walked, name)
            )
        except Unfinished as signal:
            over = f" of {listed(signal.fields)}" if signal.fields else ""
            return Possible((), (), (), exact=False, reason=f"{signal.reason}{over}")
        outcomes = tuple(map(self.outcome, sorted(keys, key=self.rank)))
        reason = f"{listed(self.doubts)} could not be confirmed by a record" if self.doubts else ""
        return Possible(outcomes, matters, (), exact=not self.doubts, reason=reason)

    def confirm(self, walked: Walk, key: Key) -> None:
        """Look for a record that has an outcome."""
        tries = 0
        for final in walked.finals:
            if key_of(final.outcomes[0]) != key:
                continue
            for box in walked.boxes(final, MOST_TRIES):
                tries += 1
                values = self.known.record(walked.space, walked.sets(box), {})
                if values is not None and agrees(key, self.known.answer(values)):
                    self.witnesses.append(values)
                    return
                if tries >= MOST_TRIES:
                    break
        self.doubts[" ".join((key[0], *(show(value) for value in key[1])))] = None

    # Which fields matter

    def matters(self, walked: Walk, name: str) -> bool:
        """True when two records that differ in this field alone have different outcomes."""
        # A record that shows it is found sooner than all records are walked through.
        if any(self.shows(walked.space, values, name) for values in self.witnesses[:MOST_SHOWN]):
            return True
        here = walked.space
        places = tuple(place for place, axis in enumerate(here.axes) if name in axis.fields)
        found = walk(here, last=places, most=self.most)
        groups = list(together(found, len(places)))
        if not any(len(keys) > 1 or name in computed_from(key) for keys in groups for key in keys):
            return False
        certain = is_plain(here) and any(map(differ, groups))
        if not certain and not any(self.shows(here, values, name) for values in self.witnesses[MOST_SHOWN:]):
            self.doubts[f"`{name}`"] = None
        return True

    def shows(self, here: Space, values: Values, name: str) -> bool:
        """True when another value of the field gives this record another outcome."""
        domain, kinds = self.known.domains[name], {one.name: one.type for one in self.known.written.fields}
        if is_plain(here):
            fixed = {
                place: only(kinds[axis.fields[0]], values[axis.fields[0]])
                for place, axis in enumerate(here.axes)
                if axis.fields[0] != name
            }
            walked = walk(here, only=fixed, most=self.most)
            if differ({key_of(final.outcomes[0]) for final in walked.finals}):
                return True
        else:
            alone = self.known.also({one: values[one] for one in self.open if one != name})
            walked = walk(alone.space(), most=self.most)
        found = (
            self.known.record(walked.space, walked.sets(box), {})
            for final in walked.finals
            for box in walked.boxes(final, MOST_TRIES)
        )
        others = [one[name] for one in found if one is not None]
        if any(name in computed_from(key_of(final.outcomes[0])) for final in walked.finals):
            others += islice(samples(domain.all, domain), MOST_VALUES)
        answers = {self.known.answer({**values, name: value}) for value in (values[name], *others)}
        return len(answers) > 1

    # In words

    def outcome(self, key: Key) -> PossibleOutcome:
        """The outcome as an application receives it."""
        status, values = key
        names = (output.name for output in self.known.written.outputs)
        results = tuple((name, handed_out(value)) for name, value in zip(names, values, strict=False))
        return PossibleOutcome(status, results)

    def rank(self, key: Key) -> tuple[Any, ...]:
        """Decided outcomes first, in the order in which their choices are declared, the best first where one is."""
        status, values = key
        places: list[Any] = []
        for output, value in zip(self.known.written.outputs, values, strict=False):
            order = output.best_first or (output.type.one_of if isinstance(output.type, Choice) else ())
            places.append(order.index(value) if value in order else len(order))
        return status != "decided", status, *places


def differ(keys: Collection[Key]) -> bool:
    """True when two of the outcomes differ whatever is computed."""
    return any(not agrees(one, other) for one in keys for other in keys if one != other)


def together(walked: Walk, layers: int) -> Iterator[set[Key]]:
    """For each state before the last axes, the outcomes that they still decide between."""
    reached: dict[Any, set[Key]] = {state: {key_of(final.outcomes[0])} for state, final in walked.ends.items()}
    for came in reversed(walked.back[len(walked.back) - layers :]):
        before: dict[Any, set[Key]] = {}
        for state, origins in came.items():
            for origin in origins:
                before.setdefault(origin, set()).update(reached[state])
        reached = before
    yield from reached.values()


def handed_out(value: Any) -> Any:
    """A value as an application receives it, or how it is computed."""
    if is_expr(value):
        fields = computed_from(("decided", (value,)))
        return Computed(show_expr(value), fields)
    return to_fact(value)


def show(value: Any) -> str:
    """A value in a reason."""
    return str(handed_out(value))
