"""The two versions that a user names: files, folders, installed packs, or one edition of them as `PATH@VERSION`.

Two folders or packs are compared policy by policy. As soon as one side is a file or an edition, or a policy is
named, one policy is compared: the same id on both sides where both have it.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Final

from crm_rules.cli.choose import choose_id, editions_in_words
from crm_rules.cli.console import UsageError
from crm_rules.cli.packs import open_pack
from crm_rules.dataclass import dataclass
from crm_rules.errors import CallError
from crm_rules.pack import Pack
from crm_rules.policy import Policy

SIGN: Final = "@"


@dataclass(frozen=True, slots=True)
class Version:
    """One side of a comparison as it was typed: its pack, and the edition where one was named."""

    word: str
    pack: Pack
    edition: str | None
    is_file: bool


def open_version(word: str) -> Version:
    """The pack of `PATH` or `PATH@VERSION`; a path that has the sign in its name is that path."""
    path, sign, edition = word.rpartition(SIGN)
    if not sign or Path(word).exists():
        path, edition = word, ""
    if sign and path != word and not edition:
        raise UsageError(f"`{word}`: expected a version after the `{SIGN}`, such as {path}{SIGN}1.0.0")
    return Version(word, open_pack(path), edition or None, Path(path).is_file())


def whole_packs(old: Version, new: Version, policy_id: str | None) -> bool:
    """True when two packs are asked for and not one policy of them."""
    return policy_id is None and not any(one.is_file or one.edition for one in (old, new))


def policies_of(old: Version, new: Version, policy_id: str | None, today: date | None) -> tuple[Policy, Policy]:
    """The policy of each side; raises `UsageError` where it cannot be told which one is meant."""
    names = [None if policy_id is None else choose_id(one.pack, policy_id) for one in (old, new)]
    if policy_id is None:
        names = list(ids_of(old, new))
    before, after = (policy_of(one, str(name), today) for one, name in zip((old, new), names, strict=True))
    return before, after


def ids_of(old: Version, new: Version) -> tuple[str, str]:
    """The id on each side: a file names its own, and the other side has the same one or its only one."""
    if old.is_file or len(old.pack) == 1:
        name = choose_id(old.pack, None)
        return name, name if name in new.pack else choose_id(new.pack, None)
    if new.is_file or len(new.pack) == 1:
        name = choose_id(new.pack, None)
        return name if name in old.pack else choose_id(old.pack, None), name
    return choose_id(old.pack, None), choose_id(new.pack, None)


def policy_of(version: Version, name: str, today: date | None) -> Policy:
    """The policy in the edition that was named, in the only one, or in the one of the day."""
    pack = version.pack
    known = sorted(
        (one for one in pack.editions if one.program.id == name), key=lambda one: one.about.valid_from or date.min
    )
    if version.edition is not None:
        if all(one.program.version != version.edition for one in known):
            raise UsageError(f"`{name}` has no edition {version.edition}; there is {editions_in_words(known)}")
        return pack.version(name, version.edition)
    if len(known) == 1:
        return pack.version(name, known[0].program.version)
    example = f"{version.word}{SIGN}{known[-1].program.version}"
    if today is None:
        raise UsageError(f"`{name}` has several editions: name one, such as {example}: {editions_in_words(known)}")
    try:
        return pack.on(today)[name]
    except CallError as error:
        raise UsageError(
            f"`{name}` has no edition in force on {today}: name one, such as {example}: {editions_in_words(known)}"
        ) from error
