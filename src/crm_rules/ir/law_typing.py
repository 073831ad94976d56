"""Which laws a program may have: names that exist, outputs and fields that have an order, tests that fit.

The front end finds the same mistakes at the word that was written; this is for programs that were
built by hand or read from JSON. Whether a law holds is not asked here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from crm_rules.ir.laws import Always, Bounded, Implies, InputCondition, Law, Monotone, Never, OutputCondition, Steps
from crm_rules.ir.program import Output, Program
from crm_rules.ir.types import Date, Type, is_numeric, show_type
from crm_rules.ir.typing import IllTyped, TypeScope, assignable, check_test, type_of


def has_order(kind: Type) -> bool:
    """True for numbers and dates."""
    return is_numeric(kind) or isinstance(kind, Date)


def directions(output: Output) -> tuple[str, ...]:
    """The two words for the ways in which an output can go; none for an output without an order."""
    if output.best_first:
        return "better", "worse"
    return ("rising", "falling") if has_order(output.type) else ()


def law_faults(law: Law, program: Program, scope: TypeScope) -> Iterator[str]:
    """Every reason why a program cannot have a law, one sentence each."""
    names = set(names_of(law))
    outputs = [output for output in program.outputs if output.name in names]
    yield from (f"there is no output `{name}`" for name in sorted(names - {output.name for output in outputs}))
    match law:
        case Monotone(_, field):
            yield from field_faults(field, program)
            yield from (fault for output in outputs for fault in direction_faults(law, output))
        case Steps(_, _, field):
            yield from field_faults(field, program)
            yield from (fault for output in outputs for fault in step_faults(law, output))
        case Bounded():
            yield from (fault for output in outputs for fault in bound_faults(law, output, scope))
        case Never(outcome, when) | Always(outcome, when):
            yield from outcome_faults(outcome, outputs, scope)
            yield from (fault for condition in when for fault in input_faults(condition, scope))
        case Implies(outcome, then):
            yield from outcome_faults(outcome, outputs, scope)
            yield from outcome_faults(then, outputs, scope)
        case _:
            assert_never(law)


def names_of(law: Law) -> Iterator[str]:
    """The outputs that a law speaks of."""
    match law:
        case Monotone(name) | Bounded(name) | Steps(_, name):
            yield name
        case Never(outcome) | Always(outcome):
            yield from (condition.output for condition in outcome)
        case Implies(outcome, then):
            yield from (condition.output for condition in (*outcome, *then))
        case _:
            assert_never(law)


def field_faults(name: str, program: Program) -> Iterator[str]:
    """Two records differ in a field of the record that has an order."""
    aliases = {alias for alias, _, _ in program.required}
    fields = [field for field in program.fields if field.name == name and name not in aliases]
    if not fields:
        yield f"there is no field `{name}` in a record"
    yield from (
        f"`{name}` has no order: it is {show_type(field.type)}" for field in fields if not has_order(field.type)
    )


def direction_faults(law: Monotone, output: Output) -> Iterator[str]:
    """An output can go only the ways of its order."""
    known = directions(output)
    if not known:
        yield f"`{output.name}` has no order: it is {show_type(output.type)}"
    elif law.direction not in known:
        yield f"`{output.name}` goes {' or '.join(known)}, not {law.direction}"


def step_faults(law: Steps, output: Output) -> Iterator[str]:
    """Places are those of a ranked choice, and one of them is the least to move by."""
    if not output.best_first:
        yield f"`{output.name}` has no order: it is {show_type(output.type)}"
    if law.most < 1:
        yield f"`{output.name}` must be free to move by one place, found {law.most}"


def bound_faults(law: Bounded, output: Output, scope: TypeScope) -> Iterator[str]:
    """An output with an order, and bounds of its type that leave something between them."""
    ends = [end for end in (law.low, law.high) if end is not None]
    if not ends:
        yield f"there is no bound of `{law.output}`"
    if not has_order(output.type):
        yield f"`{law.output}` has no order: it is {show_type(output.type)}"
        return
    try:
        check_test(law.test, output.type, scope)
    except IllTyped as error:
        yield error.message


def outcome_faults(outcome: tuple[OutputCondition, ...], outputs: list[Output], scope: TypeScope) -> Iterator[str]:
    """Conditions of outputs, each of which suits its output; without any the law says nothing."""
    if not outcome:
        yield "the law says nothing of an output"
    types = {output.name: output.type for output in outputs}
    for condition in outcome:
        try:
            if condition.output in types:
                check_test(condition.test, types[condition.output], scope)
        except IllTyped as error:
            yield error.message


def input_faults(condition: InputCondition, scope: TypeScope) -> Iterator[str]:
    """A subject that has the type it says, and a test that suits it."""
    try:
        found = type_of(condition.subject, scope)
        if not assignable(found, condition.type):
            yield f"`{condition.name}` is said to be {show_type(condition.type)}, and is {show_type(found)}"
        check_test(condition.test, condition.type, scope)
    except IllTyped as error:
        yield error.message
