"""The pages of the codes of packs: files, and policies that refer to each other.

A page says what the code means and what an author does about it; see `crm_rules.codes`.
"""

from __future__ import annotations

PAGES: dict[str, tuple[str, str]] = {
    "empty-pack": (
        "nothing to load",
        """
        The folder holds no policy file (`*.yaml` or `*.yml`), or the file is no policy.
        A subfolder with a `pack.yaml` is a pack of its own and is not read from above.
        """,
    ),
    "too-many-files": (
        "a folder with too many files",
        """
        A pack has at most 2,000 policy files.
        Usually the path names a folder that is no pack.
        """,
    ),
    "pack-too-large": (
        "a pack with too much text",
        """
        All files of a pack together have at most 10,000,000 bytes; a policy that extends another one counts the text of
        that one too. Split the pack.
        """,
    ),
    "unreadable-file": (
        "a file that cannot be opened",
        """
        The system refuses to open the file or folder: it is not allowed to, or it vanished meanwhile.
        Check who may read it.
        """,
    ),
    "duplicate-policy": (
        "the same policy twice",
        """
        An edition of a policy is its id and version, and it stands in one file. Give the second one another id or a
        version of its own. The first one is marked as well.
        """,
    ),
    "unknown-policy": (
        "a policy that is not there",
        """
        `requires` and `extends` name a policy of the pack,
        or of a pack that it extends, by its id, never by its path.
        """,
    ),
    "unknown-output": (
        "an output that the policy does not have",
        """
        `requires` names `policy.output`; the output may be left out where there is only one.
        A law names outputs of its own policy.
        """,
    ),
    "unknown-pack": (
        "a pack that is not there",
        """
        `extends` of a `pack.yaml` names a pack around or beside this one,
        or an installed one.
        """,
    ),
    "requires-cycle": (
        "policies that need each other",
        """
        A policy is decided after those it requires, so none of them may require it, directly or through others.
        Remove one of the requirements.
        """,
    ),
    "extends-cycle": (
        "policies that extend each other",
        """
        A policy cannot extend itself, directly or through others.
        Remove one `extends`.
        """,
    ),
    "pack-cycle": (
        "packs that extend each other",
        """
        A pack cannot extend itself, directly or through others.
        Remove one `extends`.
        """,
    ),
    "chain-too-long": (
        "a policy that rests on too many others",
        """
        A policy may rest on 64 others, those that they require and extend counted too.
        A longer chain can be neither explained nor reviewed.
        """,
    ),
    "conflicting-field": (
        "one field with two meanings",
        """
        Policies that are decided from one record share its fields, so a field has one type, unit and set of choices
        in all of them. Declare it once in the pack's `fields.yaml`.
        """,
    ),
    "overrides-nothing": (
        "a change of what is not there",
        """
        An extension changes parameters, rules and keys that its base has. What the base does not have is a mistake in
        the name, or belongs into a policy of its own. The help names the closest one.
        """,
    ),
    "wrong-extension": (
        "an extension of another kind",
        """
        A policy is of the same kind as the one it extends.
        Leave out `kind`.
        """,
    ),
}
