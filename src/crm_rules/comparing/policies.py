"""Two versions of a policy, or of a pack: what was edited, and where a decision changes by it.

    differences = crm_rules.diff(old["pipeline-stage"], new["pipeline-stage"])
    differences.equivalent      # True: proven for every record and day; False: see regions; None: see notes
    print(differences.to_text())

What was edited is read off the programs (`crm_rules.proofs.edits`), where decisions change is proven
(`crm_rules.proofs.differences`). Here both are put together for policies with their chains and editions.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, overload

from crm_rules.comparing.blanks import filled
from crm_rules.decision import Decision
from crm_rules.errors import CallError
from crm_rules.ir.program import Program
from crm_rules.pack import Edition, Pack, begun
from crm_rules.policy import Policy
from crm_rules.proofs.differences import compare
from crm_rules.proofs.edits import Aspect, Edit, edits
from crm_rules.proofs.regions import Answer, Region


@dataclass(frozen=True, slots=True)
class Differences:
    """What differs between two versions of one policy.

    `edits` is what an author changed in the policy and in those it requires. `regions` is where the
    decision of some record changes. `equivalent` is True when that is proven not to happen for any record on any day,
    False when it happens, and None when neither is known; `notes` then say why.
    """

    old: Policy
    new: Policy
    edits: tuple[Edit, ...]
    regions: tuple[Region, ...]
    equivalent: bool | None
    notes: tuple[str, ...] = ()
    left_out: int = 0

    @property
    def added(self) -> tuple[str, ...]:
        """The rules that only the new version has; those of a required policy as `policy-id/rule`."""
        return self.rules("added")

    @property
    def removed(self) -> tuple[str, ...]:
        """The rules that only the old version has."""
        return self.rules("removed")

    @property
    def changed(self) -> tuple[str, ...]:
        """The rules of one id that say something else, or stand at another place where the first match counts."""
        return self.rules("changed")

    @property
    def renamed(self) -> Mapping[str, str]:
        """The new id of each rule that has the same conditions and outcome under another one."""
        found = (edit for edit in self.edits if (edit.part, edit.change) == ("rule", "renamed"))
        return {within(edit.policy, edit.name): within(edit.policy, edit.new_name) for edit in found}

    def rules(self, change: str) -> tuple[str, ...]:
        """The rules with one kind of edit."""
        return tuple(
            within(edit.policy, edit.name) for edit in self.edits if (edit.part, edit.change) == ("rule", change)
        )

    def to_text(self) -> str:
        """For people, in lines."""
        from crm_rules.comparing.words import differences_text  # noqa: PLC0415 - words only where they are wanted

        return differences_text(self)

    def to_markdown(self) -> str:
        """For a change request or a review."""
        from crm_rules.comparing.words import differences_markdown  # noqa: PLC0415 - as above

        return differences_markdown(self)

    def to_dict(self) -> dict[str, Any]:
        """The members of the JSON object of `to_json`."""
        from crm_rules.comparing.words import differences_data  # noqa: PLC0415 - as above

        return differences_data(self)

    def to_json(self) -> str:
        """For programs: one JSON object."""
        return json.dumps(self.to_dict(), ensure_ascii=False, indent=2)


@dataclass(frozen=True, slots=True)
class PackDifferences:
    """What differs between two versions of a pack: the policies of both, and those of one only.

    `policies` compares each policy of both packs, in pairs of editions of one version; an edition that only the new
    pack has is compared with the one it follows. `added` and `removed` name policies and editions of one pack only.
    """

    old: Pack
    new: Pack
    policies: tuple[Differences, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]

    @property
    def equivalent(self) -> bool | None:
        """True when every policy is proven equivalent and none is in one pack only; None when that is not known."""
        if self.added or self.removed or any(one.equivalent is False for one in self.policies):
            return False
        return None if any(one.equivalent is None for one in self.policies) else True

    def to_text(self) -> str:
        """For people, in lines."""
        from crm_rules.comparing.words import pack_text  # noqa: PLC0415 - words only where they are wanted

        return pack_text(self)

    def to_markdown(self) -> str:
        """For a change request or a review."""
        from crm_rules.comparing.words import pack_markdown  # noqa: PLC0415 - as above

        return pack_markdown(self)

    def to_dict(self) -> dict[str, Any]:
        """The members of the JSON object of `to_json`."""
        from crm_rules.comparing.words import pack_data  # noqa: PLC0415 - as above

        return pack_data(self)

    def to_json(self) -> str:
        """For programs: one JSON object."""
        return json.dumps(self.to_dict(), ensure_ascii=False, indent=2)


@overload
def diff(old: Policy, new: Policy) -> Differences: ...
@overload
def diff(old: Pack, new: Pack) -> PackDifferences: ...
def diff(old: Policy | Pack, new: Policy | Pack) -> Differences | PackDifferences:
    """Compare two versions of a policy, or two packs policy by policy.

    The two policies may have different ids and kinds. Raises `CallError` for anything but two policies or two packs.
    Cost: milliseconds for ordinary policies; a comparison that grows too long stops and is `None` with a note.
    """
    if isinstance(old, Policy) and isinstance(new, Policy):
        return diff_policies(old, new)
    if isinstance(old, Pack) and isinstance(new, Pack):
        return diff_packs(old, new)
    raise CallError(f"diff compares two policies or two packs, found {kind_of(old)} and {kind_of(new)}")


def kind_of(thing: object) -> str:
    """What was handed over, in words."""
    if isinstance(thing, Policy | Pack):
        return "a policy" if isinstance(thing, Policy) else "a pack"
    return "something else"


def diff_policies(old: Policy, new: Policy) -> Differences:
    """Compare two policies with those they require."""
    edited = tuple(all_edits(old, new))
    if alike(old, new):
        return Differences(old, new, edited, (), equivalent=True)
    both = filled(old, new)
    functions = {**old.calls, **new.calls}
    near = max((day for day in (old.about.valid_from, new.about.valid_from) if day is not None), default=None)
    found = compare(
        both.old.whole, both.new.whole, decider(both.old), decider(both.new), functions=functions, near=near
    )
    equivalent = False if both.reasons else found.equivalent
    if equivalent and both.notes:
        equivalent = None
    samples = (f"values stand for blank parameters: {both.samples}",) if both.samples else ()
    notes = (*found.reasons, *both.reasons, *samples, *both.notes, *found.notes)
    return Differences(old, new, edited, found.regions, equivalent, notes, found.left_out)


def alike(old: Policy, new: Policy) -> bool:
    """True when both versions are the same program but for labels and their own version."""
    return old.content_hash == new.content_hash


def all_edits(old: Policy, new: Policy) -> Iterator[Edit]:
    """The edits of a policy and of each policy that it requires."""
    about = tuple(
        Aspect(name, before, after)
        for (name, before), (_, after) in zip(metadata(old), metadata(new), strict=True)
        if before != after
    )
    if about:
        yield Edit("policy", new.id, "changed", about)
    yield from edits(old.program, new.program)
    before, after = required_programs(old), required_programs(new)
    for name in dict.fromkeys([*before, *after]):
        if name not in after or name not in before:
            yield Edit("policy", name, "removed" if name in before else "added", text="required")
        else:
            yield from edits(before[name], after[name], policy=name)


def metadata(policy: Policy) -> list[tuple[str, str]]:
    """What is known of a policy and is no rule."""
    about = policy.about
    return [
        ("version", policy.version),
        ("valid from", shown_day(about.valid_from)),
        ("valid to", shown_day(about.valid_to)),
        ("source", " ".join(filter(None, [about.source, ", ".join(about.items)]))),
        ("owner", about.owner),
        ("approver", about.approver),
    ]


def shown_day(day: date | None) -> str:
    """A day, or nothing."""
    return "" if day is None else day.isoformat()


def required_programs(policy: Policy) -> dict[str, Program]:
    """The programs of the chain below a policy, by id."""
    found: dict[str, Program] = {}
    for requirement in policy.required:
        found[requirement.policy.id] = requirement.policy.program
        found |= required_programs(requirement.policy)
    return found


def decider(policy: Policy) -> Any:
    """Says what a policy answers, with the rules of the chain."""

    def decide(record: Mapping[str, Any], today: date | None) -> Answer:
        decision = policy.decide(record, today=today)
        return Answer(decision.status, tuple(decision.outputs.items()), tuple(rules_of(decision)))

    return decide


def rules_of(decision: Decision, policy: str = "") -> Iterator[str]:
    """The rules that held, those of required policies first and called by their policy."""
    for _, required in decision.required:
        yield from rules_of(required, required.program.id)
    for rule in decision.rules:
        yield within(policy, rule)


def within(policy: str, rule: str) -> str:
    """The name of a rule, of a required policy as `policy-id/rule`."""
    return f"{policy}/{rule}" if policy else rule


# Packs


def diff_packs(old: Pack, new: Pack) -> PackDifferences:
    """Compare what both packs have, by id and version."""
    found: list[Differences] = []
    added: list[str] = []
    removed: list[str] = []
    for name in dict.fromkeys([*old, *new]):
        before, after = editions_of(old, name), editions_of(new, name)
        if not before or not after:
            (added if after else removed).append(name)
            continue
        pairs = [(before[0], after[0])] if len(before) == len(after) == 1 else pairs_of(before, after)
        found += [diff_policies(edition_of(old, one), edition_of(new, other)) for one, other in pairs]
        if (len(before), len(after)) != (1, 1):
            added += [f"{name} {one}" for one in versions(after) if one not in versions(before)]
            removed += [f"{name} {one}" for one in versions(before) if one not in versions(after)]
    return PackDifferences(old, new, tuple(found), tuple(added), tuple(removed))


def editions_of(pack: Pack, name: str) -> tuple[Edition, ...]:
    """The editions of one policy."""
    return tuple(one for one in pack.editions if one.program.id == name)


def versions(editions: tuple[Edition, ...]) -> list[str]:
    """Their versions."""
    return [one.program.version for one in editions]


def pairs_of(before: tuple[Edition, ...], after: tuple[Edition, ...]) -> Iterator[tuple[Edition, Edition]]:
    """Each new edition with the old one of its version, or with the one that it follows."""
    known = {one.program.version: one for one in before}
    for edition in after:
        yield known.get(edition.program.version) or begun(before, edition.about.valid_from), edition


def edition_of(pack: Pack, edition: Edition) -> Policy:
    """The policy of one edition with those it requires."""
    return pack.version(edition.program.id, edition.program.version)
