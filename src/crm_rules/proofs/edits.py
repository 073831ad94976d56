"""What was edited between two programs: fields, parameters, outputs, steps and rules, by their names.

An edit is what an author did, whether or not a decision changes by it; that is the question of
`crm_rules.proofs.differences`. Rules are matched by their table and id. One that is left over on both sides
with the same conditions and outcome is renamed; conditions are the same when they read alike as they
were written, or after `normalize`, or once parameters are replaced by their values. Labels are no edits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal, TypeAlias, TypeVar

from crm_rules.dataclass import dataclass
from crm_rules.ir.program import Derive, Field, Output, Parameter, Program, Step, Table, Total
from crm_rules.ir.show import show_expr, show_value
from crm_rules.ir.types import show_type
from crm_rules.proofs.matching import Rule, moved, renamed, rules_of

Part: TypeAlias = Literal["policy", "field", "parameter", "output", "step", "rule"]
Change: TypeAlias = Literal["added", "removed", "renamed", "changed"]
Item = TypeVar("Item")

BLANK: Final = "blank"
EMPTY: Final = "-"
YES: Final = "yes"
MANY_OPTIONS: Final = 8


@dataclass(frozen=True, slots=True)
class Aspect:
    """What of a thing changed: its text before and after; empty where there was none."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Edit:
    """One thing that is not as it was. `new_name` is what a renamed rule is called now, else `name` itself.

    `text` says in one line what was added or removed. `policy` names the required policy that the
    thing belongs to, and is empty for the policy itself.
    """

    part: Part
    name: str
    change: Change
    aspects: tuple[Aspect, ...] = ()
    text: str = ""
    new_name: str = ""
    policy: str = ""


def edits(old: Program, new: Program, policy: str = "") -> tuple[Edit, ...]:
    """Every edit from one program to the other, in the order in which a policy file is read."""
    found = [
        *heads(old, new),
        *by_name("field", old.fields, new.fields, field_facts),
        *by_name("parameter", old.parameters, new.parameters, parameter_facts),
        *by_name("step", plain_steps(old), plain_steps(new), step_facts, name=lambda step: step.id),
        *by_name("step", old.tables, new.tables, table_facts, name=lambda table: table.id),
        *rule_edits(old, new),
        *by_name("output", old.outputs, new.outputs, output_facts),
    ]
    if not policy:
        return tuple(found)
    return tuple(Edit(one.part, one.name, one.change, one.aspects, one.text, one.new_name, policy) for one in found)


def heads(old: Program, new: Program) -> Iterator[Edit]:
    """The policy's own line: id, kind, what it requires, the order of its parameters."""
    aspects = compared(
        {
            "id": program.id,
            "kind": program.kind,
            "requires": ", ".join(f"{alias}: {policy}.{output}" for alias, policy, output in program.required),
            "order": "; ".join(" < ".join(f"${name}" for name in names) for names in program.order),
        }
        for program in (old, new)
    )
    if aspects:
        yield Edit("policy", old.id, "changed", aspects)


def by_name(
    part: Part,
    old: Sequence[Item],
    new: Sequence[Item],
    facts: Callable[[Item], Mapping[str, str]],
    name: Callable[[Item], str] = lambda item: str(getattr(item, "name")),  # noqa: B009 - each of them has a name
) -> Iterator[Edit]:
    """The things in one version only, and those of one name that are not the same."""
    before, after = {name(item): item for item in old}, {name(item): item for item in new}
    for key in dict.fromkeys([*before, *after]):
        if key not in after:
            yield Edit(part, key, "removed", text=in_words(facts(before[key])))
        elif key not in before:
            yield Edit(part, key, "added", text=in_words(facts(after[key])))
        elif aspects := compared(facts(versions[key]) for versions in (before, after)):
            yield Edit(part, key, "changed", aspects)


def compared(versions: Iterable[Mapping[str, str]]) -> tuple[Aspect, ...]:
    """The facts of the two versions that are not the same."""
    before, after = versions
    names = dict.fromkeys([*before, *after])
    pairs = [(name, before.get(name, ""), after.get(name, "")) for name in names]
    return tuple(Aspect(name, *shorter(one, other)) for name, one, other in pairs if one != other)


def shorter(before: str, after: str) -> tuple[str, str]:
    """Two long lists without what stands in both."""
    old, new = before.split(", "), after.split(", ")
    if min(len(old), len(new)) <= MANY_OPTIONS:
        return before, after
    return tuple(  # type: ignore[return-value]
        ", ".join(["…", *(item for item in these if item not in others)]) for these, others in ((old, new), (new, old))
    )


def in_words(facts: Mapping[str, str]) -> str:
    """`money in CNY, optional, min 0`."""
    return ", ".join(
        text if name in {"type", "value", "formula"} else name if text == YES else f"{name} {text}".strip()
        for name, text in facts.items()
    )


# What is said of a thing; a fact that is not so is left out


def field_facts(one: Field) -> dict[str, str]:
    """The facts of a field."""
    facts = {"type": show_type(one.type)}
    facts |= {"optional": YES} if one.optional else {}
    facts |= {"default": show_value(one.default)} if one.default is not None else {}
    facts |= {"min": show_value(one.low)} if one.low is not None else {}
    facts |= {"max": show_value(one.high)} if one.high is not None else {}
    facts |= {"decimals": str(one.decimals)} if one.decimals is not None else {}
    return facts | ({"currency in": one.currency} if one.currency is not None else {})


def parameter_facts(one: Parameter) -> dict[str, str]:
    """The facts of a parameter."""
    values = ", ".join(
        show_value(each.value) if each.since is None else f"{show_value(each.value)} from {each.since}"
        for each in one.values
    )
    return {"type": show_type(one.type), "value": values or BLANK}


def output_facts(one: Output) -> dict[str, str]:
    """The facts of an output."""
    facts = {"type": show_type(one.type), "formula": show_expr(one.expr)}
    facts |= {"optional": YES} if one.optional else {}
    facts |= {"ordered": one.order} if one.order is not None else {}
    facts |= {"unranked": ", ".join(one.unranked)} if one.unranked else {}
    facts |= {"min": show_value(one.low)} if one.low is not None else {}
    return facts | ({"max": show_value(one.high)} if one.high is not None else {})


def plain_steps(program: Program) -> tuple[Derive | Total, ...]:
    """The steps that are no tables."""
    return tuple(step for step in program.steps if not isinstance(step, Table))


def step_facts(step: Step) -> dict[str, str]:
    """The facts of a derived field or a total."""
    match step:
        case Derive():
            return {"formula": show_expr(step.expr)}
        case Total():
            weights = {f"weight of {table}": show_value(weight) for table, weight in step.terms}
            return {"initial": show_value(step.initial)} | weights
        case Table():
            return table_facts(step)


def table_facts(table: Table) -> dict[str, str]:
    """The facts of a table beside its rules."""
    policy = table.hit_policy if table.aggregation is None else f"{table.hit_policy} {table.aggregation}"
    return {"hit policy": policy} | ({"may give nothing": YES} if table.optional else {})


# Rules


def rule_edits(old: Program, new: Program) -> Iterator[Edit]:
    """The rules that are not as they were, in the order of the new version; those that are gone come last."""
    before, after = ({rule.key: rule for rule in rules_of(program)} for program in (old, new))
    partners = {key: before[key] for key in after if key in before}
    gone = [rule for key, rule in before.items() if key not in after]
    partners |= renamed(gone, [rule for key, rule in after.items() if key not in before])
    places = moved(old, new, partners)
    for key, rule in after.items():
        was = partners.get(key)
        if was is None:
            yield Edit("rule", rule.name, "added", text=rule.text)
            continue
        aspects = () if was.same_as(rule) else rule_aspects(was, rule)
        if key in places:
            aspects = (*aspects, Aspect("place", *places[key]))
        if was.id != rule.id:
            yield Edit("rule", was.name, "renamed", aspects, new_name=rule.name)
        elif aspects:
            yield Edit("rule", rule.name, "changed", aspects)
    kept = {rule.key for rule in partners.values()}
    for rule in gone:
        if rule.key not in kept:
            yield Edit("rule", rule.name, "removed", text=rule.text)


def rule_aspects(was: Rule, rule: Rule) -> tuple[Aspect, ...]:
    """The cells and the outcome that are not as they were; an empty cell asks for nothing."""
    names = dict.fromkeys([*was.cells, *rule.cells])
    cells = [
        Aspect(name, was.cells.get(name, EMPTY), rule.cells.get(name, EMPTY))
        for name in names
        if was.plain.get(name) != rule.plain.get(name)
    ]
    return (*cells, *compared([was.outcome, rule.outcome]))
