"""Which policy, and which edition of it: the one place where the command line chooses by date.

A policy object is one edition and decides for any day; here the day must lie in an edition, unless
the user names the edition. Every refusal lists what there is.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from crm_rules.cli.console import UsageError
from crm_rules.diagnostics import did_you_mean
from crm_rules.ir.days import FIRST, LAST
from crm_rules.pack import Edition, Pack
from crm_rules.policy import Policy


def choose(pack: Pack, policy_id: str | None, today: date | None, edition: str | None) -> Policy:
    """The policy to ask: by id, or the only one that no other requires; in the edition named, or in force on `today`.

    Raises `UsageError` for an unknown or ambiguous policy, an unknown edition, a day outside all
    editions, and for a policy that depends on the day when no day is given.
    """
    if today is not None and not FIRST <= today <= LAST:
        raise UsageError(f"--today lies from {FIRST} to {LAST}, found {today}")
    policy = choose_edition(pack, choose_id(pack, policy_id), today, edition)
    if today is None and policy.needs_today:
        raise UsageError(f"`{policy.id}` depends on the day: give one, such as --today {example_day(policy)}")
    return policy


def choose_id(pack: Pack, policy_id: str | None) -> str:
    """The id the user named, or the only one that it can be."""
    if policy_id is not None:
        if policy_id in pack:
            return policy_id
        remedy = did_you_mean(policy_id, pack) or f"there are {', '.join(pack)}"
        raise UsageError(f"there is no policy `{policy_id}` in {pack.id}; {remedy}")
    required = {policy for edition in pack.editions for _, policy, _ in edition.program.required}
    roots = [name for name in pack if name not in required]
    if len(roots) == 1:
        return roots[0]
    raise UsageError(f"{pack.id} has several policies: name one with --policy: {', '.join(pack)}")


def choose_edition(pack: Pack, policy_id: str, today: date | None, version: str | None) -> Policy:
    """The edition of a policy, and of each policy that it requires."""
    return pack.choose(policy_id, lambda name, known: one_of(known, name, today, version, asked=name == policy_id))


def one_of(known: Sequence[Edition], name: str, today: date | None, version: str | None, *, asked: bool) -> Edition:
    """The edition the user named (of a required policy too, where there is one of that version), or that of the day."""
    named = [edition for edition in known if edition.program.version == version]
    if version is not None and asked:
        if named:
            return latest(named)
        raise UsageError(f"`{name}` has no edition {version}; there is {editions_in_words(known)}")
    current = [edition for edition in known if today is not None and edition.about.in_force(today)]
    if current:
        return latest(current)
    if version is not None and (named or len(known) == 1):
        return latest(named or known)
    if today is None and version is None and len(known) == 1:
        return known[0]
    if today is None:
        raise UsageError(f"`{name}` has several editions: choose with --today or --edition: {editions_in_words(known)}")
    remedy = f"; to use one all the same, add --edition {known[-1].program.version}" if version is None else ""
    raise UsageError(f"`{name}` has no edition in force on {today}; there is {editions_in_words(known)}{remedy}")


def latest(editions: Sequence[Edition]) -> Edition:
    """The edition that began last."""
    return max(editions, key=lambda edition: edition.about.valid_from or date.min)


def editions_in_words(editions: Sequence[Edition]) -> str:
    """`1.0.0 from 2026-01-01 to 2026-12-31, 2.0.0 from 2027-01-01`."""
    return ", ".join(edition_in_words(edition) for edition in editions)


def edition_in_words(edition: Edition) -> str:
    """One edition with the days it is in force."""
    words = [edition.program.version or "one without a version"]
    if edition.about.valid_from is not None:
        words.append(f"from {edition.about.valid_from}")
    if edition.about.valid_to is not None:
        words.append(f"to {edition.about.valid_to}")
    return " ".join(words)


def example_day(policy: Policy) -> str:
    """A day on which the policy is in force."""
    return (policy.about.valid_from or policy.about.valid_to or date(2026, 11, 21)).isoformat()
