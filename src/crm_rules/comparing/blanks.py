"""Blank parameters in a comparison: both versions get the same sample values, so that their rules can be compared.

What is proven for samples that keep the declared order holds for all values that keep it. Where no order is
declared, or not the same one, it is only known for the samples. A parameter that is blank in one version
only takes the other's value, and that the version decides nothing without it is a reason of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from crm_rules.dataclass import dataclass
from crm_rules.ir.program import Dated, Parameter, Program
from crm_rules.ir.show import show_value
from crm_rules.policy import Policy, Requirement
from crm_rules.questions.prepare import prepared


@dataclass(frozen=True, slots=True)
class Filled:
    """Both versions without blanks; `reasons` why they are not equivalent, `samples` in words, `notes` of doubt."""

    old: Policy
    new: Policy
    reasons: tuple[str, ...] = ()
    samples: str = ""
    notes: tuple[str, ...] = ()


def filled(old: Policy, new: Policy) -> Filled:
    """Both versions with a value for every parameter; as they are when they have one."""
    wholes = old.whole, new.whole
    if not any(program.blank_parameters for program in wholes):
        return Filled(old, new)
    before, after = ({one.name: one for one in program.parameters} for program in wholes)
    reasons: dict[str, list[str]] = {}
    values: tuple[dict[str, tuple[Dated, ...]], dict[str, tuple[Dated, ...]]] = {}, {}
    for mine, theirs, own, side in ((before, after, values[0], "old"), (after, before, values[1], "new")):
        for name, one in mine.items():
            if not one.values and name in theirs and theirs[name].values:
                own[name] = theirs[name].values
                reasons.setdefault(side, []).append(f"`${name}`")
    first = prepared(with_parameters(wholes[0], values[0]))
    sampled = {name: (Dated(None, value),) for name, value in first.sampled.items()}
    values[0].update(sampled)
    values[1].update({name: value for name, value in sampled.items() if name in after and not after[name].values})
    second = prepared(with_parameters(wholes[1], values[1]))
    values[1].update({name: (Dated(None, value),) for name, value in second.sampled.items()})
    names = {**first.sampled, **second.sampled}
    notes: list[str] = []
    unordered = [part for one in (first, prepared(wholes[1])) for part in one.doubtful.values()]
    if unordered:
        listed = ", ".join(f"`${name}`" for name in dict.fromkeys(name for part in unordered for name in part))
        notes.append(f"known for these values only, because no order is declared for {listed}")
    elif names and set(wholes[0].order) != set(wholes[1].order):
        notes.append("known for these values only, because the two versions declare another order of their parameters")
    samples = ", ".join(f"${name} = {show_value(value)}" for name, value in names.items())
    told = [
        f"the {side} version decides nothing while {', '.join(blank)} {'is' if len(blank) == 1 else 'are'} blank"
        for side, blank in reasons.items()
    ]
    return Filled(with_values(old, values[0]), with_values(new, values[1]), tuple(told), samples, tuple(notes))


def with_parameters(program: Program, values: Mapping[str, tuple[Dated, ...]], prefix: str = "") -> Program:
    """The program with values for some parameters; `prefix` comes before their names among the values."""

    def valued(one: Parameter) -> Parameter:
        name = prefix + one.name
        return replace(one, values=values[name]) if name in values else one

    return replace(program, parameters=tuple(map(valued, program.parameters)))


def with_values(policy: Policy, values: Mapping[str, tuple[Dated, ...]], prefix: str = "") -> Policy:
    """The policy and those it requires with values for some parameters, named as in the whole program."""
    required = tuple(
        Requirement(one.alias, with_values(one.policy, values, f"{one.policy.id}/"), one.output)
        for one in policy.required
    )
    program = with_parameters(policy.program, values, prefix)
    return Policy(program, required, policy.about, policy.functions)
