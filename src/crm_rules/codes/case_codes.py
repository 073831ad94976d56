"""Codes of case files: what is wrong with a case, and a case that failed.

Each entry is a title and a page for the author; see `crm_rules.codes` for the table.
"""

from __future__ import annotations

WARNINGS = frozenset({"unnoticed-change"})
NOTES = frozenset({"undecided-change"})

PAGES: dict[str, tuple[str, str]] = {
    "no-cases": (
        "a case file without cases",
        """
        A file that tries nothing would pass whatever the policy says.
            policy: credit-level
            cases:
              - {name: due today, today: 2026-11-21, record: {due_date: 2026-11-21}, expect: {level: 1}}
        Write a case, or delete the file.
        """,
    ),
    "duplicate-case": (
        "two cases of the same name",
        """
        A failing case is found by its name, so a name stands once in a file.
        Say in the name what is special about the case: `exactly at the border`, `a day later`.
        """,
    ),
    "case-without-today": (
        "a case that depends on the day and does not say which",
        """
        The policy compares with `today`, has parameters by date or has several editions.
        Write `today: 2026-11-21` above the cases, or in the case.
        """,
    ),
    "unknown-edition": (
        "there is no such edition of the policy",
        """
        The version under `edition` is not that of any file, or no edition is in force on the day of the case.
        Correct the version or the day; without `edition` the day chooses.
        """,
    ),
    "unknown-rule": (
        "a rule that the policy does not have",
        """
        `rules` lists the rules as a decision names them: `top`, or `amount.top` where the policy has
        several tables. All of them are listed, in the order of the steps, the deciding one last.
        """,
    ),
    "unasserted-output": (
        "an output that the case does not expect anything of",
        """
        A decided case says what every output has to be; one that is left out could change unseen.
            expect: {level: 2, measure: caution}
        A case that is not to be decided says so: `status: invalid`.
        """,
    ),
    "outputs-of-undecided": (
        "expected outputs of a decision without outputs",
        """
        Only a decided decision has outputs; an undecided one has none to compare.
        Remove `expect`, or the `status`.
        """,
    ),
    "failed-case": (
        "the decision is not the one that the case expects",
        """
        What differs is marked in the case, and the cells on which it turns are marked in the policy: of the
        expected rule the cells that failed, with the value and the border, and of the rule that held
        instead those of the same columns.
        Correct the policy, or the case when the policy was meant to change.
        """,
    ),
    "unnoticed-change": (
        "a change of the policy that no case notices",
        """
        `crm-rules test --mutate` changes the policy, one thing at a time, and runs the cases on each change:
        a border one unit up or down, another outcome, a point more, a rule left out. If every case still
        passes, somebody could make that change by mistake and nobody would learn of it.
        The record that is shown is decided differently by the two. Make a case of it, or of the border
        beside it: `crm-rules test --suggest` writes the cases that are missing at borders.
        """,
    ),
    "undecided-change": (
        "a change that no case notices, and perhaps none could",
        """
        No record was found that the policy and the changed policy decide differently, and it is not proven
        that there is none. The change is left out of the score and does not fail the run.
        """,
    ),
}
