"""The pages of the codes of laws: what a policy promises of its outcomes, written in a way that says nothing.

Whether a law holds is a finding of its own; see `crm_rules.codes.finding_codes`.
"""

from __future__ import annotations

PAGES: dict[str, tuple[str, str]] = {
    "unknown-law": (
        "a law that does not exist",
        """
        A law begins with `monotone`, `never`, `always`, `bounded`, `implies` or `steps`.
            laws:
              - {monotone: grade, in: amount, direction: better}
        """,
    ),
    "law-needs-order": (
        "a law about an order where there is none",
        """
        Better and worse need an output with an order, more and less a field with one: numbers and dates have an order,
        a choice has one as an output that says `ordered`.
            output: {grade: {type: choice, one_of: [A, B, C], ordered: best-first}}
            laws:
              - {monotone: grade, in: amount, direction: better}
        For a field without an order, say what each of its values gives: `{never: {grade: A}, when: {paid: false}}`.
        """,
    ),
    "law-needs-field": (
        "a law that compares nothing of a record",
        """
        `in` names the one field in which two records differ, everything else being equal. A derived value, an output
        and the decision of another policy cannot differ alone: name a field of the record that they come from.
        """,
    ),
}
