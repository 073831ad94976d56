"""Laws as questions for the prover: boxes in which no record was found that breaks one, with what the outputs shall be.

Where an output is computed from the record, a box alone says little: the claim adds, as a formula, that the
computed values break the law. Two records of a law over pairs are two translations side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, assert_never

from crm_rules.ir.laws import Always, Bounded, Implies, Law, Monotone, Never, OutputCondition, Steps
from crm_rules.ir.types import is_numeric
from crm_rules.proofs.settle import Open, wishes_of
from crm_rules.proofs.translation import Term, Translation
from crm_rules.questions.running import is_expr
from crm_rules.questions.sets import Domain
from crm_rules.questions.space import Space
from crm_rules.questions.walk import Final, Walk

MOST_BOXES = 200  # of one final state

Confirm = Callable[..., Any]


def of_record(
    here: Space,
    walked: Walk,
    final: Final,
    law: Never | Always | Bounded | Implies,
    values: Mapping[str, Any],
    *,
    confirm: Confirm,
) -> Iterator[Open]:
    """Whether a record of a final state breaks a law; `values` are the outputs there, by name."""

    def claim(record: Translation) -> Any:
        return breaks(record, law, values)

    for box in boxes_of(walked, final):
        yield Open(here.today, (wishes_of(here, walked.sets(box)),), confirm, claim=claim)


def of_pair(
    here: Space, walked: Walk, final: Final, law: Monotone | Steps, outputs: tuple[Any, Any], *, confirm: Confirm
) -> Iterator[Open]:
    """Whether two records of a final state break a law; `outputs` are what each gets."""
    domain = here.ends[law.field]
    paired = bool(walked.pairs)

    def claim(one: Translation, other: Translation) -> Any:
        return pair_breaks((one, other), law, outputs, domain)

    for box in boxes_of(walked, final):
        first, second = (wishes_of(here, walked.sets(box, number if paired else 0)) for number in (0, 1))
        yield Open(here.today, (first, second), confirm, claim=claim, differs=law.field)


def boxes_of(walked: Walk, final: Final) -> list[dict[int, int]]:
    """The boxes of a final state; of very many, the box of all records."""
    found = list(walked.boxes(final, MOST_BOXES))
    return found if len(found) < MOST_BOXES else [{}]


def term_of(record: Translation, value: Any) -> Term:
    """What an output has, computed or not."""
    return record.of(value) if is_expr(value) else record.constant(value)


def breaks(record: Translation, law: Law, values: Mapping[str, Any]) -> Any:
    """True when the outputs of one record break a law."""

    def passing(conditions: Iterable[OutputCondition]) -> Any:
        return record.all_of(record.passes(one.test, term_of(record, values[one.output])) for one in conditions)

    match law:
        case Never(outcome):
            return passing(outcome)
        case Always(outcome):
            return record.fails(passing(outcome))
        case Bounded(name):
            return record.fails(record.passes(law.test, term_of(record, values[name])))
        case Implies(outcome, then):
            return record.all_of((passing(outcome), record.fails(passing(then))))
        case Monotone() | Steps():
            return record.yes
        case _:
            assert_never(law)


def pair_breaks(
    records: tuple[Translation, Translation], law: Monotone | Steps, outputs: tuple[Any, Any], domain: Domain
) -> Any:
    """True when two records may break a law; what is not a number is left to the evaluator."""
    one, other = records
    parts: list[Any] = []
    if isinstance(law, Steps) and domain.step is not None:
        neighbour = one.add(one.fields[law.field], one.constant(domain.step))
        parts.append(one.equal(neighbour, other.fields[law.field]))
    if isinstance(law, Monotone) and law.direction in {"rising", "falling"}:
        first, second = (term_of(record, value) for record, value in zip(records, outputs, strict=True))
        larger, smaller = (first, second) if law.upward else (second, first)
        parts += [one.fails(first.missing), one.fails(second.missing), one.compare(larger, smaller, strict=True)]
    return one.all_of(parts)


def can_be_asked(law: Monotone | Steps, domain: Domain) -> bool:
    """False for neighbours of a number without steps: the prover has no such pairs."""
    return isinstance(law, Monotone) or domain.step is not None or not is_numeric(domain.type)
