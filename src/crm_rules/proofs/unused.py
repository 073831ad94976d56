"""What a policy declares and nothing reads: fields, requirements and parameters.

A text field is never unused, since texts are carried through and not tested; nor is a field that says in which
currency an amount is. A law is a use of what it names; the order of parameters is no use of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, assert_never

from crm_rules.codes import diagnose
from crm_rules.diagnostics import Diagnostic
from crm_rules.ir.laws import Always, Bounded, Implies, Law, Monotone, Never, Steps
from crm_rules.ir.nodes import FieldValue, ParameterValue
from crm_rules.ir.program import Program
from crm_rules.ir.rewrite import descendants, nodes_of
from crm_rules.ir.types import Text
from crm_rules.proofs.places import place
from crm_rules.source import Span


def unused_names(program: Program) -> Iterator[Diagnostic]:
    """The fields, requirements and parameters of one program that have no effect."""
    nodes = [*nodes_of(program), *law_nodes(program.laws)]
    read = {node.name for node in nodes if isinstance(node, FieldValue)}
    read |= {field.currency for field in program.fields if field.currency is not None}
    aliases = {alias: policy for alias, policy, _ in program.required}
    for field in program.fields:
        if field.name in read or field.name in program.measured or isinstance(field.type, Text):
            continue
        if field.name in aliases:
            message = f"`{field.name}` of `{aliases[field.name]}` is required, and no rule or formula reads it"
            yield diagnose(
                "unused-field",
                place(field.span, program.span),
                message,
                remedy="remove it from `requires`, or write its rule",
            )
        else:
            message = f"the field `{field.name}` is read by no rule or formula"
            yield diagnose(
                "unused-field",
                place(field.span, program.span),
                message,
                remedy="remove it from `fields`, or write its rule",
            )
    used = {node.name for node in nodes if isinstance(node, ParameterValue)}
    for parameter in program.parameters:
        if parameter.name not in used:
            message = f"the parameter `${parameter.name}` is used by no rule or formula"
            remedy = f"write `${parameter.name}` where its value stands, or remove it"
            yield diagnose("unused-parameter", place(parameter.span, program.span), message, remedy=remedy)


def law_nodes(laws: Iterable[Law]) -> Iterator[Any]:
    """Everything that laws read."""
    for law in laws:
        match law:
            case Monotone() | Steps():
                yield FieldValue(law.field)
            case Never() | Always():
                for one in law.when:
                    yield from descendants(one.subject)
                    yield from descendants(one.test)
                for outcome in law.outcome:
                    yield from descendants(outcome.test)
            case Bounded():
                yield from descendants(law.test)
            case Implies():
                for outcome in (*law.outcome, *law.then):
                    yield from descendants(outcome.test)
            case _:
                assert_never(law)


def unused_shared(shared: Sequence[tuple[str, Span]], programs: Sequence[Program]) -> Iterator[Diagnostic]:
    """The shared fields of a pack that none of its policies names."""
    named = {field.name for program in programs for field in program.fields}
    named |= {field.currency for program in programs for field in program.fields if field.currency is not None}
    for name, span in shared:
        if name not in named:
            message = f"the shared field `{name}` is named by no policy of the pack"
            yield diagnose("unused-field", span, message, remedy="remove it from `fields.yaml`")
