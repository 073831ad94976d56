"""What would have to change in a decided record: plain facts in, the nearest record out.

What was refused has no value and must be filled in; fields that are not `changeable`, and what the
caller handed over, stay. What an outcome may be is said by the declared outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from crm_rules.backends.prose_case import Advice, Outlook
from crm_rules.dataclass import dataclass
from crm_rules.errors import CallError
from crm_rules.ir.evaluate import Functions
from crm_rules.ir.nodes import Value
from crm_rules.ir.numbers import to_fact
from crm_rules.ir.program import Field, Output, Program
from crm_rules.ir.record import Rejected, accept, accept_type, is_missing, read_record, show_fact
from crm_rules.ir.types import ListOfValues, Money
from crm_rules.proofs.known import Known
from crm_rules.proofs.nearest import Nearest, Search
from crm_rules.proofs.possible import Computed, possible
from crm_rules.proofs.saying import listed
from crm_rules.questions.walk import MOST_MOVES

MOST_MOVES_FOR_WORDS = 20_000  # an explanation does not wait
MOST_AIMS = 3  # better outcomes that are asked for before it stays silent


@dataclass(frozen=True, slots=True)
class Told:
    """A record that was decided: the facts of the whole chain, the fields refused, what the caller handed over."""

    program: Program
    facts: Mapping[str, Any]
    refused: frozenset[str]
    given: frozenset[str]
    today: date | None
    functions: Functions
    answer: Callable[[Mapping[str, Any]], tuple[str, Mapping[str, Any]]]


def wanted(program: Program, outcome: Any, output: str | None) -> dict[str, Value | None]:
    """The values of outputs that are asked for; raises `CallError` for what no output can be."""
    outputs = {one.name: one for one in program.outputs}
    if isinstance(outcome, Mapping) and output is None:
        asked = dict(outcome)
    elif output is None and len(outputs) > 1:
        raise CallError(f"{program.id} has several outputs: {', '.join(outputs)}; say which with output=")
    else:
        asked = {next(iter(outputs)) if output is None else output: outcome}
    unknown = [str(name) for name in asked if name not in outputs]
    if unknown or not asked:
        raise CallError(f"{program.id} gives {', '.join(outputs)}, not {', '.join(unknown) or 'nothing'}")
    return {name: value_of(outputs[name], value) for name, value in asked.items()}


def value_of(output: Output, fact: Any) -> Value | None:
    """The value of an output that an application names."""
    if fact is None:
        if output.optional:
            return None
        raise CallError(f"{output.name} is never missing")
    kind = output.type
    items = list(fact) if isinstance(kind, ListOfValues) and isinstance(fact, list | tuple) else [fact]
    found = [accept_type(kind.item if isinstance(kind, ListOfValues) else kind, item) for item in items]
    for value in found:
        if isinstance(value, Rejected):
            raise CallError(f"{output.name} is {value.expected}, found {show_fact(fact)}")
    values: tuple[Any, ...] = tuple(found)
    result: Value = values if isinstance(kind, ListOfValues) else values[0]
    return result


def nearest(told: Told, aim: Mapping[str, Value | None], most: int = MOST_MOVES) -> Nearest:
    """The nearest record with an outcome, decided once more by the policy itself."""
    program = told.program
    currencies = {one.currency: one.type.unit for one in program.fields if one.currency and isinstance(one.type, Money)}
    reading = read_record(program, {**told.facts, **currencies})
    refused = {problem.field for problem in reading.problems} | told.refused
    refused |= {one.name for one in program.fields if one.currency in told.refused}
    stays = [one for one in program.fields if not one.changeable or one.name in told.given]
    lost = [one.name for one in stays if one.name in refused]
    if lost:
        pairs = tuple((name, to_fact(value)) for name, value in aim.items())
        return Nearest(pairs, reason=f"{listed(lost)} has no value that is accepted, and cannot be changed")
    fixed = {one.name: reading.values[one.name] for one in stays}
    values = {name: value for name, value in reading.values.items() if name not in fixed and name not in refused}

    def decides(record: Mapping[str, Any]) -> bool:
        status, outputs = told.answer(record)
        return status == "decided" and all(outputs[name] == listed_out(value) for name, value in aim.items())

    known = Known.of(program, told.today, told.functions, fixed)
    search = Search(known, values, aim, decides, most)
    return search.found({**told.facts, **currencies})


def listed_out(value: Value | None) -> Any:
    """An output as a decision hands it out."""
    fact = to_fact(value)
    return list(fact) if isinstance(fact, tuple) else fact


# For explanations


def advised(told: Told, outputs: Mapping[str, Any]) -> Outlook:
    """For each decided output with an order the nearest way to the next better outcome that can be had."""
    fields = {one.name: one for one in told.program.fields}
    found: list[Advice] = []
    for output in told.program.outputs:
        ranked, value = output.best_first, outputs[output.name]
        better = ranked[: ranked.index(value)][::-1] if value in ranked else ()
        ways = []
        for aim in better[:MOST_AIMS]:
            ways.append(nearest(told, {output.name: aim}, MOST_MOVES_FOR_WORDS))
            if ways[-1].exists or not ways[-1].exact:
                break
        if not ways or not ways[-1].exact:
            continue
        if ways[-1].exists:
            changes = tuple(
                (fields[one.field], accepted(fields[one.field], one.before), one.test) for one in ways[-1].changes
            )
            found.append(Advice(output, better[len(ways) - 1], changes))
        elif len(ways) == len(better):
            found.append(Advice(output, better[0], None))
    return Outlook(advice=tuple(found))


def accepted(field: Field, fact: Any) -> Value | None:
    """The value of a fact; None where it is missing or refused."""
    value = None if is_missing(fact) else accept(field, fact)
    return None if isinstance(value, Rejected) else value


def still_possible(told: Told) -> Outlook:
    """The outcomes of a record whose refused facts are open, as far as none of them is computed."""
    refused = {one.name for one in told.program.fields if one.name in told.refused or one.currency in told.refused}
    if not refused:
        return Outlook()
    facts = {name: fact for name, fact in told.facts.items() if name not in refused}
    found = possible(told.program, told.program, told.functions, facts, today=told.today, most=MOST_MOVES_FOR_WORDS)
    decided = [one for one in found.outcomes if one.status == "decided"]
    computed = any(isinstance(value, Computed) for one in decided for value in one.outputs.values())
    if not found.exact or found.problems or not decided or computed:
        return Outlook()
    outcomes = tuple(tuple((output, one.outputs[output.name]) for output in told.program.outputs) for one in decided)
    fields = tuple(one for one in told.program.fields if one.name in found.matters)
    return Outlook(outcomes=outcomes, undecided=len(decided) < len(found.outcomes), fields=fields)
