"""Where two programs answer differently: regions, each shown by a record, or a proof that there is none.

Both are walked at once over common axes, day by day as `todays` chooses them, so that a final state is a pair of
answers and its boxes are all records that get them. A pair that differs is a region as soon as one record of
its boxes is confirmed by deciding it twice. What no record could be found for, and computed outputs that are
written in two ways, are notes: `complete` is only what holds for every record and every day.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import islice, product
from typing import Any, Final

from crm_rules.dataclass import dataclass
from crm_rules.diagnostics import Witness
from crm_rules.ir.evaluate import NO_FUNCTIONS, Functions
from crm_rules.ir.nodes import StepValue, Value
from crm_rules.ir.normalize import normalize
from crm_rules.ir.numbers import to_fact
from crm_rules.ir.program import Field, Program
from crm_rules.ir.show import show_expr, show_value
from crm_rules.ir.types import Choice, Money, show_type
from crm_rules.proofs.boxes import Box, Teller, joined_boxes
from crm_rules.proofs.contracts import common, refusals
from crm_rules.proofs.narrowing import edited_boxes
from crm_rules.proofs.pairs import closed, merged, same
from crm_rules.proofs.regions import Answer, Comparison, Decide, Formula, Region
from crm_rules.questions.masks import Unfinished, bits
from crm_rules.questions.running import Outcome, is_expr
from crm_rules.questions.sets import ValueSet, domain_of, samples, union
from crm_rules.questions.solve import solve
from crm_rules.questions.space import Space, fields_of, space
from crm_rules.questions.todays import representatives
from crm_rules.questions.walk import Final as End
from crm_rules.questions.walk import Walk, walk
from crm_rules.questions.words import show_set

MOST_BOXES: Final = 256  # of one pair of answers, before they are joined
SHOWN_BOXES: Final = 6
TOLD_TRIES: Final = 12
MOST_REGIONS: Final = 40
MOST_TRIES: Final = 24  # records that are decided twice before a pair is given up
TRIED_VALUES: Final = 4  # of a field from which an output is computed


def compare(
    old: Program,
    new: Program,
    decide_old: Decide,
    decide_new: Decide,
    *,
    functions: Functions = NO_FUNCTIONS,
    near: date | None = None,
) -> Comparison:
    """Every region where two programs (their chains inlined) answer differently on the outputs that both have.

    No parameter may be blank. `decide_old` and `decide_new` confirm records; `near` is the day that examples prefer.
    Cost: that of the walk, which is bounded; what lies beyond is a note.
    """
    if same(old, new):
        return Comparison()
    return Comparing(old, new, (decide_old, decide_new), functions, near).found()


@dataclass(frozen=True, slots=True)
class Side:
    """What one program answers in final states that are told as one region: status, common outputs, rules.

    An output that is computed from the record stands as its expression.
    """

    status: str
    values: tuple[Any, ...]
    rules: tuple[str, ...]

    def same_as(self, other: Side) -> bool:
        """True when the answers are the same, by whatever rules."""
        return (self.status, self.values) == (other.status, other.values)


Pair = tuple[Side, Side]


class Comparing:
    """One comparison while it is made."""

    def __init__(
        self, old: Program, new: Program, decides: tuple[Decide, Decide], functions: Functions, near: date | None
    ) -> None:
        self.versions = old, new
        self.decides = decides
        self.functions = functions
        self.common = common(old, new)
        self.programs = normalize(self.common.old), normalize(self.common.new)
        self.both = merged(*self.programs, self.common.fields)
        self.teller = Teller((self.common.old, self.common.new), self.both)
        self.domains = {field.name: domain_of(field) for field in self.common.fields}
        self.outputs = tuple(one.name for one in new.outputs if any(one.name == other.name for other in old.outputs))
        self.following = following(old, new)
        self.days = representatives(self.both, near)
        self.regions: list[Region] = []
        self.known: set[Pair] = set()
        self.notes: dict[str, None] = {}
        self.left_out = 0

    def found(self) -> Comparison:
        """All that is found."""
        self.of_refusals()
        self.of_currencies()
        if self.outputs and not self.common.empty:
            for day in self.days.days:
                try:
                    self.of_day(day)
                except Unfinished as stop:
                    self.note(f"not finished: {stop.reason}", stop.fields)
                    break
        if self.days.inexact:
            self.note(
                "not proven for every day, because these move with the day in a way of their own", self.days.inexact
            )
        return Comparison(tuple(self.regions), tuple(other_outputs(*self.versions)), tuple(self.notes), self.left_out)

    def note(self, words: str, names: Iterable[str] = ()) -> None:
        """Keep why something is not known."""
        listed = ", ".join(f"`{name}`" for name in dict.fromkeys(names))
        self.notes[f"{words}: {listed}" if listed else words] = None

    # Records that one version refuses

    def of_refusals(self) -> None:
        """The values that only one of the versions accepts."""
        old, new = self.versions
        for accepting, refusing in ((old, new), (new, old)):
            for refusal in refusals(accepting, refusing):
                words = show_set(refusal.field, refusal.values, refusal.domain) or f"any {refusal.field}"
                tried = islice(self.records({refusal.field: refusal.facts}), MOST_TRIES)
                if not any(self.confirmed(record, self.days.days[0], (words,)) for record in tried):
                    self.note("a value that one version refuses was not shown to matter", [refusal.field])

    def of_currencies(self) -> None:
        """The rows in a currency that only one of the versions takes."""
        before, after = ({field.name: field for field in program.fields} for program in self.versions)
        for name, field in before.items():
            other = after.get(name, field)
            if (field.currency, unit_of(field)) != (other.currency, unit_of(other)):
                self.of_currency(name, field, other)

    def of_currency(self, name: str, field: Field, other: Field) -> None:
        """The same for one amount: a record for each currency that is named, until one shows the difference."""
        column = field.currency or other.currency
        units = dict.fromkeys(filter(None, [unit_of(field), unit_of(other), "EUR", "USD"]))
        for unit in units if column is not None else ():
            for record in islice(self.records({}), MOST_TRIES):
                if self.confirmed({**record, str(column): unit}, self.days.days[0], (f"{name} is in {unit}",)):
                    return
        self.note("the same number in another unit was not shown to matter", [name])

    def records(self, facts: Mapping[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
        """Records of some facts; the other fields have values that both versions accept, where there are any."""
        choices: dict[str, Sequence[Any]] = {}
        for name, domain in self.domains.items():
            some = [to_fact(value) for value in islice(samples(domain.all, domain), TRIED_VALUES)]
            choices[name] = facts.get(name, some or [None])
        for values in product(*choices.values()):
            yield self.record(dict(zip(choices, values, strict=True)))

    def record(self, facts: Mapping[str, Any]) -> dict[str, Any]:
        """A record without what is missing, with the currency of each amount."""
        record = {name: fact for name, fact in facts.items() if fact is not None}
        for field in (field for program in self.versions for field in program.fields):
            if field.currency is not None and field.name in record:
                record.setdefault(field.currency, unit_of(field))
        return record

    # Records that both accept

    def of_day(self, day: date | None) -> None:
        """The regions of one day."""
        here = space(self.programs, day, self.functions)
        edited = edited_boxes(self.programs, here)
        walks = [walk(here, rules=True, only=box) for box in ([{}] if edited is None else edited) if all(box.values())]
        groups: dict[Pair, list[tuple[Walk, End]]] = {}
        for walked in walks:
            for end in walked.finals:
                pair = self.pair(end, day)
                if not pair[0].same_as(pair[1]):
                    groups.setdefault(pair, []).append((walked, end))
        for pair, ends in groups.items():
            if pair not in self.known:
                self.known.add(pair)
                self.of_pair(pair, ends, here)

    def pair(self, end: End, day: date | None) -> Pair:
        """What both answer in a final state."""
        before, after = (self.side(*one, day) for one in zip(end.outcomes, self.programs, strict=True))
        return before, after

    def side(self, outcome: Outcome, program: Program, day: date | None) -> Side:
        """What one of them answers."""
        if outcome.status != "decided":
            return Side(outcome.status, (), outcome.rules)
        names = [output.name for output in program.outputs]
        values = (outcome.values[names.index(name)] for name in self.outputs)
        told = tuple(closed(value, program, day) if is_expr(value) else value for value in values)
        return Side("decided", told, outcome.rules)

    def of_pair(self, pair: Pair, ends: Sequence[tuple[Walk, End]], here: Space) -> None:
        """The region of one pair of answers, when a record shows it; else a note."""
        boxes = joined_boxes(box for one, end in ends for box in one.boxes(end, MOST_BOXES))
        told: list[str] = []
        tried = (values for box in boxes for values in self.values(here, sets_of(here, box), pair))
        for values in islice(tried, MOST_TRIES):
            record = self.record({name: to_fact(value) for name, value in values.items()})
            rules = (*pair[0].rules, *pair[1].rules)
            told = told or self.told(here, [sets_of(here, box) for box in boxes], rules)
            if self.confirmed(record, here.today, tuple(told), len(boxes) - len(told), self.formulas(pair)):
                return
        formulas = self.formulas(pair)
        for name, one, other in ((formula.output, formula.before, formula.after) for formula in formulas):
            self.note(f"`{name}` is computed in two ways and no record showed a difference: {one} and {other}")
        if not formulas:
            self.note("a change was neither shown nor ruled out, because it depends on these together", here.joint)

    def told(self, here: Space, boxes: Sequence[Mapping[int, ValueSet]], rules: Iterable[str]) -> list[str]:
        """The first boxes in words; of those over several fields together, the ones that a record was found for."""
        found: list[str] = []
        for sets in boxes[:TOLD_TRIES]:
            if len(found) < SHOWN_BOXES and (not here.joint or self.solved(here, sets) is not None):
                found.append(self.teller.words(here, sets, rules))
        return found

    def solved(self, here: Space, sets: Mapping[int, ValueSet]) -> dict[str, Value | None] | None:
        """Values of all fields for which every axis lies in its set, where they were found."""
        constraints = {here.axes[place].subject: some for place, some in sets.items()}
        found = solve(constraints, self.both, here.today, self.functions)
        return None if found is None else {name: found.get(name) for name in self.domains}

    def formulas(self, pair: Pair) -> tuple[Formula, ...]:
        """The outputs that are computed in another way."""
        before, after = pair
        found = {
            name: Formula(name, shown(one), shown(other))
            for name, one, other in zip(self.outputs, before.values, after.values, strict=False)
            if one != other and (is_expr(one) or is_expr(other))
        }
        own = tuple(one for name, one in found.items() if name not in self.following)
        return own or tuple(found.values())

    def values(self, here: Space, sets: Mapping[int, ValueSet], pair: Pair) -> Iterator[dict[str, Value | None]]:
        """Values of all fields in a box; several of them where an output is computed from a field."""
        if not all(here.axes[place].is_field for place in sets):
            found = self.solved(here, sets)
            if found is not None:
                yield found
            return
        wanted = {here.axes[place].fields[0]: some for place, some in sets.items()}
        computed = [value for side in pair for value in side.values if is_expr(value)]
        read = {name for expr in computed for name in fields_of(expr)}
        choices = [
            list(islice(samples(wanted.get(name, domain.all), domain), TRIED_VALUES if name in read else 1))
            for name, domain in self.domains.items()
        ]
        for values in product(*choices):
            yield dict(zip(self.domains, values, strict=True))

    def confirmed(
        self,
        record: dict[str, Any],
        day: date | None,
        boxes: tuple[str, ...],
        left_out: int = 0,
        formulas: tuple[Formula, ...] = (),
    ) -> bool:
        """True when the answers for a record differ, which then is a region."""
        before, after = (decide(record, day) for decide in self.decides)
        if self.visible(before) == self.visible(after):
            return False
        if len(self.regions) < MOST_REGIONS:
            self.regions.append(Region(boxes, before, after, Witness(record, day), left_out, formulas))
        else:
            self.left_out += 1
        return True

    def visible(self, answer: Answer) -> tuple[str, tuple[Any, ...]]:
        """What is compared of an answer."""
        outputs = dict(answer.outputs)
        return answer.status, tuple(outputs[name] for name in self.outputs if name in outputs)


def sets_of(here: Space, box: Box) -> dict[int, ValueSet]:
    """The values that a box takes of each axis."""
    return {place: union(here.axes[place].pieces[index].set for index in bits(moves)) for place, moves in box.items()}


def other_outputs(old: Program, new: Program) -> Iterator[str]:
    """Why the outputs themselves are not the same, whatever the record."""
    before, after = ({one.name: one for one in program.outputs} for program in (old, new))
    for name in dict.fromkeys([*before, *after]):
        if name not in before or name not in after:
            yield f"the output `{name}` is in the {'old' if name in before else 'new'} version only"
            continue
        kinds = before[name].type, after[name].type
        if kinds[0] != kinds[1] and not all(isinstance(kind, Choice) for kind in kinds):
            yield f"the output `{name}` was {show_type(kinds[0])} and is {show_type(kinds[1])}"


def following(old: Program, new: Program) -> frozenset[str]:
    """The outputs that both versions compute by the same formula from what their rules gave."""
    before = {one.name: show_expr(one.expr) for one in old.outputs}
    return frozenset(
        one.name
        for one in new.outputs
        if not isinstance(one.expr, StepValue) and before.get(one.name) == show_expr(one.expr)
    )


def unit_of(field: Field) -> str | None:
    """The currency of an amount."""
    return field.type.unit if isinstance(field.type, Money) else None


def shown(value: Any) -> str:
    """A value, or a computed output as a formula."""
    return show_expr(value) if is_expr(value) else show_value(value)
