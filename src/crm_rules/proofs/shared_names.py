"""Names that mean two things in one pack: fields of two types or labels, grades of two schemes.

Policies of a pack are decided from one record, so a field is one thing in all of them. Of the letters A, B, C nothing
can be said but where they come from: a scheme is the output of a policy, or a field of the record.

What counts as two schemes is kept narrow. Two outputs of one name are not reported, since nobody reads them together;
nor is a field with the letters of another policy's output under a name of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from crm_rules.codes import diagnose
from crm_rules.diagnostics import Diagnostic
from crm_rules.ir.nodes import Coalesce, Expr, FieldValue
from crm_rules.ir.program import Derive, Field, Output, Program
from crm_rules.ir.program import Label as Words
from crm_rules.ir.rewrite import descendants
from crm_rules.ir.types import Choice, show_type
from crm_rules.proofs.places import labels, place
from crm_rules.proofs.timeline import Period


def conflicting_fields(periods: Sequence[Period]) -> Iterator[Diagnostic]:
    """The fields that two policies in force at once declare with different types or names for people."""
    declared: dict[str, list[tuple[Period, Field]]] = {}
    for period in periods:
        for field in own_fields(period.program):
            known = declared.setdefault(field.name, [])
            known.append((period, field))
            for earlier, first in known[:-1]:
                if earlier.policy != period.policy and earlier.meets(period):
                    yield from conflict(first, earlier.policy, field)
                    break


def conflict(known: Field, policy: str, field: Field) -> Iterator[Diagnostic]:
    """What differs between a field and the one of another policy with the same name."""
    remedy = "declare it once in the pack's fields.yaml, or rename one of the two"
    other = labels(known.span, f"here in `{policy}`")
    if field.type != known.type:
        message = f"`{field.name}` is {show_type(field.type)} here and {show_type(known.type)} in `{policy}`"
        yield diagnose("conflicting-field", place(field.span), message, remedy=remedy, labels=other)
    elif words := two_names(known, field):
        message = f"`{field.name}` is called `{words[0]}` here and `{words[1]}` in `{policy}`"
        yield diagnose("conflicting-label", place(field.span), message, remedy=remedy, labels=other)


def own_fields(program: Program) -> list[Field]:
    """The fields that a record carries: without those that required policies fill."""
    aliases = {alias for alias, _, _ in program.required}
    return [field for field in program.fields if field.name not in aliases]


def two_names(known: Field, field: Field) -> tuple[str, str] | None:
    """The words of the second field and of the first where they differ; a label that is not there says nothing."""
    labels: list[tuple[Words, Words]] = [(field.label, known.label)]
    before = dict(known.value_labels)
    labels += [(words, before[value]) for value, words in field.value_labels if value in before]
    for mine, theirs in labels:
        for here, there in ((mine.en, theirs.en), (mine.zh, theirs.zh)):
            if here and there and here != there:
                return here, there
    return None


def mixed_schemes(periods: Sequence[Period]) -> Iterator[Diagnostic]:
    """The choices that carry the name of another policy's output, and those with values of two schemes."""
    outputs: dict[str, list[tuple[Period, Output]]] = {}
    for period in periods:
        for output in period.program.outputs:
            outputs.setdefault(output.name, []).append((period, output))
    rests_on = requirements([period.program for period in periods])
    for period in periods:
        program = period.program
        required = {alias: (policy, output) for alias, policy, output in program.required}
        for field in program.fields:
            for other, output in outputs.get(field.name, ()):
                below = program.id in rests_on[other.policy]  # it is asked before the other one, and cannot require it
                if other.policy != program.id and other.meets(period) and not below and share_letters(field, output):
                    yield from mistaken(field, required.get(field.name), other.policy, output)
        yield from united_schemes(program, required)


def requirements(programs: Sequence[Program]) -> dict[str, set[str]]:
    """By policy, all those that it requires, directly or through others."""
    direct: dict[str, set[str]] = {}
    for program in programs:
        direct.setdefault(program.id, set()).update(policy for _, policy, _ in program.required)
    found: dict[str, set[str]] = {}
    for id, wanted in direct.items():  # noqa: A001 - the word of the language
        pending, below = list(wanted), set[str]()
        while pending:
            policy = pending.pop()
            if policy not in below:
                below.add(policy)
                pending += direct.get(policy, ())
        found[id] = below
    return found


def mistaken(field: Field, source: tuple[str, str] | None, other: str, output: Output) -> Iterator[Diagnostic]:
    """A field or requirement that may be taken for the output of another policy."""
    decided = labels(output.span, f"decided here by `{other}`")
    if source is None:
        message = read_from_record(field, output, other)
        remedy = f"write `requires: {{{field.name}: {other}.{output.name}}}`, or give the field a name of its own"
        yield diagnose("mixed-schemes", place(field.span), message, remedy=remedy, labels=decided)
    elif source[0] != other and source[1] != field.name:
        message = f"`{field.name}` is taken from `{'.'.join(source)}`, and `{other}` decides another `{field.name}`"
        remedy = f"name the requirement after its scheme, such as `{source[1]}`"
        yield diagnose("mixed-schemes", place(field.span), message, remedy=remedy, labels=decided)


def share_letters(field: Field, output: Output) -> bool:
    """True when a value of the field may be taken for one of the output."""
    return (
        isinstance(field.type, Choice)
        and isinstance(output.type, Choice)
        and bool(set(field.type.one_of) & set(output.type.one_of))
    )


def read_from_record(field: Field, output: Output, other: str) -> str:
    """The message for a choice of the record that another policy decides."""
    if field.type == output.type:
        return f"`{field.name}` is read from the record, and `{other}` decides a `{field.name}`: is it the same scheme?"
    return f"`{field.name}` is {show_type(field.type)} here, and `{other}` decides {show_type(output.type)}"


def united_schemes(program: Program, required: Mapping[str, tuple[str, str]]) -> Iterator[Diagnostic]:
    """The formulas that take one value from two required policies, such as `coalesce(grade, stage)`."""
    for step in program.steps:
        if not isinstance(step, Derive) or not isinstance(step.type, Choice):
            continue
        for node in descendants(step.expr):
            if isinstance(node, Coalesce):
                schemes = {name: required[name] for name in map(field_of, node.operands) if name in required}
                if len(set(schemes.values())) > 1:
                    words = " and ".join(f"`{name}` of `{policy}`" for name, (policy, _) in schemes.items())
                    message = f"`{step.id}` takes its value from two schemes: {words}"
                    yield diagnose(
                        "mixed-schemes",
                        place(step.span, program.span),
                        message,
                        remedy="write rules that say what each means",
                    )


def field_of(expr: Expr) -> str:
    """The field that an expression is, or nothing."""
    return expr.name if isinstance(expr, FieldValue) else ""
