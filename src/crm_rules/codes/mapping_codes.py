"""Codes of mapping files: a mapping that does not fit the policy, the data, or itself.

Each entry is a title and a page for the author; see `crm_rules.codes` for the table.
"""

from __future__ import annotations

PAGES: dict[str, tuple[str, str]] = {
    "mapping-of-other-policy": (
        "a mapping for another policy than the one that is asked",
        """
        `policy` in a mapping file says which policy it feeds; `--policy` named another one.
        Leave out `--policy`, or write a mapping for that policy.
        """,
    ),
    "field-not-read": (
        "a mapping of a field that the policy does not read",
        """
        The keys under `fields` are the fields of the policy and of those it requires, by their names in the policy.
        The name of the column stands behind the key:
            fields:
              due_date: {column: Due date}
        """,
    ),
    "absent-column": (
        "a column that the data does not have",
        """
        A mapping names columns exactly as the header does, capitals and blanks included; of JSON data, the keys of
        its objects. The message lists what there is. Where there is but one long name, the delimiter is another:
            delimiter: ";"
        """,
    ),
    "unmapped-field": (
        "a field that no column feeds",
        """
        Without a mapping each field takes the column of its own name, and an absent column is not taken for missing
        values. Say which column it is, give one value for all rows, or say that it is missing on purpose:
            fields:
              due_date: {column: DueDate, date: DD/MM/YYYY}
              currency: {constant: CNY}
              paid_date: {missing: true}        # optional fields only
        """,
    ),
    "unsuited-mapping": (
        "a mapping that does not suit its field",
        """
        A field takes one of `column`, `constant` and `missing`. How a column is read goes with the field's type:
        `values` with choices and true or false, `date` with dates, `thousands` with numbers. An empty cell is missing
        and has no value; a required field cannot be missing in every row.
        """,
    ),
    "bad-date-form": (
        "a form of dates that is none",
        """
        A form has YYYY, MM (or M) and DD (or D) once each, with signs between, such as `DD/MM/YYYY` or `YYYY年M月D日`.
        A year of two digits is refused, because nobody can say its century.
        """,
    ),
    "wrong-constant": (
        "a constant that its field does not accept",
        """
        `constant` is one value for all rows, written as in a policy: one of the choices, `true` or `false`, a number,
        a date such as `2026-01-31`.
        """,
    ),
}
