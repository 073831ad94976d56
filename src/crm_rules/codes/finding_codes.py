"""The pages of the codes of findings: what a policy that loads still says wrongly, twice, or not at all.

Errors and warnings count for the exit code of `crm-rules check`, notes do not. A page says what the code means and
what an author does about it; see `crm_rules.codes`.
"""

from __future__ import annotations

ERRORS: dict[str, tuple[str, str]] = {
    "gap": (
        "records that no rule decides",
        """
        A table without a rule for some records leaves them undecided (`no_match`); the witness is one of them.
            | small | < 10  |
            | large | > 10  |        # exactly 10 has no rule
        Close the border (`>= 10`), or write what happens there as a rule of its own. A last rule `otherwise` closes
        every gap, also those that nobody has thought of.
        """,
    ),
    "overlap": (
        "records that two rules decide",
        """
        In a table with the hit policy UNIQUE at most one rule may match; for the witness two do, so it is a `conflict`.
            | week  | <= 7    |
            | month | [7..30] |      # exactly 7 has two rules
        Let the border belong to one of them: `(7..30]`. Where the rules are meant to be read from the top, write
        `hit_policy: first`.
        """,
    ),
    "conflict": (
        "rules that match together and disagree",
        """
        With the hit policy ANY several rules may match, if all give the same result; for the witness they differ.
        Let the rules exclude each other, or write `hit_policy: first` if the first one counts.
        """,
    ),
    "band-gap": (
        "a total without a band",
        """
        The points add up to this total for some customer, and no band says what it means.
            bands: {A: ">= 14", B: "[12..14)", C: "[10..12)"}      # what of 4 to 9?
        Only totals that can occur are looked at. Widen a band, or write one for the rest: `ungraded: otherwise`.
        """,
    ),
    "band-overlap": (
        "a total with two bands",
        """
        The points add up to this total for some customer, and two bands claim it.
            bands: {A: ">= 12", B: "[8..12]", C: "< 8"}      # what of 12?
        Let the border belong to one of them: `[8..12)`.
        """,
    ),
    "missing-attribute": (
        "a characteristic that gives no points",
        """
        For the witness no rule of the characteristic matches, so there is no total and no outcome.
            | high | >= 10% | 4 |
            | some | >= 0   | 2 |      # and a discount?
        Write the rule that is missing, with its points, or a last rule `otherwise`.
        """,
    ),
    "missing-interval": (
        "a class without an interval",
        """
        The cadence is asked for a class that `every` does not name, and gives no next touch.
            by: relation               # one of A, B, C
            every: {A: 1 week, C: 1 month}
        Write the interval of the class. A class that is not visited gets a long one, so that it is said.
        """,
    ),
    "unhandled-value": (
        "a required value that nobody handles",
        """
        The policy that is required can give this value, and no rule of this one takes it.
            requires: {grade: abc-grade}                 # A, B, C or ungraded
            rules: |
              | id  | grade | price |
              | all | A, B  | best  |                    # and C, and ungraded?
        Write a rule for the value, if only to say that it gets nothing.
        """,
    ),
    "law-broken": (
        "a law that does not hold",
        """
        The policy states a law, and two records show that its rules break it: they differ in one field only.
            laws:
              - {monotone: grade, in: contract_amount, direction: better}
        Correct the rule that the message names, or the law.
        """,
    ),
}

WARNINGS: dict[str, tuple[str, str]] = {
    "masked-rule": (
        "a rule that earlier ones leave nothing",
        """
        In a table that is read from the top, every record of this rule is decided by the rules above it.
            | small | <= 100 | A |
            | tiny  | <= 10  | B |      # each of these is `small` already
        Move the rule up if it is the exception, or remove it.
        """,
    ),
    "unreachable-rule": (
        "a rule that no record can match",
        """
        The cells of the rule cannot hold together, or not for values that the fields can have.
            fields: {orders: {type: integer, min: 0}}
            | none | < 0 | E |
        Correct the cell, or the limits of the field, or remove the rule.
        """,
    ),
    "duplicate-conditions": (
        "the same rule twice",
        """
        Two rules of a table match the same records. One of them has been changed where both were meant, or one is left
        over. Keep one.
        """,
    ),
    "subsumed-rule": (
        "a rule within another one",
        """
        Every record of this rule is one of a wider rule as well, and that one gives the same result.
            | late  | > 30 | stop |
            | later | > 90 | stop |
        The narrower rule adds nothing: remove it, or give it the result that was meant.
        """,
    ),
    "idle-column": (
        "a column that decides nothing",
        """
        Whatever stands in this field, the outcome is the same: the rules differ in other columns, or all cells of the
        column match everything. The record has to carry the field for nothing.
        Remove the column, or write the rules that were meant.
        """,
    ),
    "unreachable-outcome": (
        "an outcome that nobody can get",
        """
        The output declares a value, and no record leads to it: no rule gives it, or the one that does is never reached.
            one_of: [A, B, C, D]       # no band gives D
        Write the rule, or remove the value from `one_of`.
        """,
    ),
    "loose-hit-policy": (
        "a hit policy looser than needed",
        """
        The rules exclude each other, so their order says nothing, and FIRST or ANY would hide a rule that is added
        later and overlaps. Leave out `hit_policy`: UNIQUE is what is meant, and the check then guards it.
        """,
    ),
    "out-of-range-test": (
        "a test outside of the field's range",
        """
        The cell asks for values that the field cannot have by its `min`, `max` or type, or it accepts all it can have.
            fields: {share: {type: number, min: 0, max: 1}}
            | most | >= 50 |            # meant: 50%
        Correct the number, or the limits of the field.
        """,
    ),
    "override-never": (
        "an override that never fires",
        """
        No record meets the condition of the override, or those above it take all of them.
        Correct the condition, or remove the override.
        """,
    ),
    "override-always": (
        "an override that always fires",
        """
        Every record meets the condition of the override, so points and bands decide nothing.
        Correct the condition.
        """,
    ),
    "unused-field": (
        "a field that nothing reads",
        """
        The policy asks every record for this field, and no rule or formula looks at it.
            fields: [need, expected_close, region]      # no column `region`
        A record without it would be refused for nothing. Remove it from `fields`, or write the rule that reads it. A
        shared field of `fields.yaml` is reported when no policy of the pack names it.
        """,
    ),
    "unused-parameter": (
        "a parameter that nothing uses",
        """
        The parameter can be set, and setting it changes nothing: no rule or formula contains it. Most often a number
        was left in a cell where the parameter belongs.
            parameters: {limit: {type: money, unit: CNY, value: 5万}}
            | small | <= 5万 |          # meant: <= $limit
        """,
    ),
    "conflicting-label": (
        "one field under two names",
        """
        Policies of one pack are decided from one record and share its fields, so a field is called the same in all of
        them, and so is each of its values. Two names are two meanings, or one of them is out of date.
        Declare the field once in the pack's `fields.yaml`.
        """,
    ),
    "timeline-gap": (
        "days without an edition",
        """
        One edition of the policy ends before the next begins; on the days between, the pack does not have the policy.
            valid_to: 2026-06-30        # of the first
            valid_from: 2026-08-01      # of the second
        Leave out `valid_to`: an edition is in force until a later one begins.
        """,
    ),
    "timeline-overlap": (
        "days with two editions",
        """
        Two editions say that they are in force on the same days, or begin on the same day. The one that begins later is
        taken, so the other one says something untrue of itself.
        Let the earlier one end on the day before, or leave out its `valid_to`.
        """,
    ),
    "mixed-units": (
        "one quantity in two units",
        """
        Names and labels tell people what to enter, and units what is counted; they must say the same.
            limit: {type: money, unit: CNY, label: {zh: 限额（万元）}}      # 5 would be five yuan
            grace_days: {type: integer, unit: month}
        Reported are: a name or label with another unit than its declaration; a cell or formula that joins quantities
        whose names tell different units; amounts of 元 and 万元, or of two currencies that no name tells apart, in one
        policy or in what it requires; one quantity as two fields of different units.
        Use one unit. Money is written in its full amount: `5万` is 50,000.
        """,
    ),
    "mixed-schemes": (
        "grades of two schemes under one name",
        """
        The letters A, B, C say nothing by themselves: A of one policy may be the best customer, A of another one the
        nearest deal. Reported are: a choice that is read from the record although another policy of the pack decides it
        under the same name; a requirement named after the output of another policy than the one it asks; a formula that
        takes its value from two schemes.
            fields: {grade: {type: choice, one_of: [A, B, C]}}
            requires: {grade: abc-grade}        # instead: the scheme is said
        Require the policy that decides it, or give the field a name of its own, such as `assessed_reputation`.
        """,
    ),
    "undated-policy": (
        "a policy without a first day",
        """
        Nobody can say from when the policy is in force, and a later edition cannot follow it.
            valid_from: 2026-01-01
        """,
    ),
    "unsourced-policy": (
        "a policy without a source",
        """
        Nobody can compare the rules with what was decided. Name the paper they come from:
            source: {document: Credit manual 2026, items: [4.1, 4.2]}
        A `source` in `pack.yaml` stands for all policies of the pack.
        """,
    ),
    "expired-policy": (
        "a policy that has ended",
        """
        On the day that was asked for (`--on DATE`) the last edition of the policy has ended, and none follows.
        Write the next edition, or a later `valid_to`, or remove the policy from the pack.
        """,
    ),
}

NOTES: dict[str, tuple[str, str]] = {
    "not-proven": (
        "a question that could not be settled",
        """
        The fields that the message names depend on each other in a way that is not worked out, and no record was found
        that shows a finding. There may be one. With the extra `prove` installed the question is asked once more, of a
        prover; a note never changes the exit code.
        """,
    ),
    "not-finished": (
        "a check that was given up",
        """
        The table has too many different cases for the time a check may take. What was found is right, but it may not be
        all. A table that is split, or whose rules overlap less, can be checked to its end.
        """,
    ),
    "blank": (
        "a check that waits for a value",
        """
        The parameter has no value yet, so nothing can be said of the rules that use it. State the order of blank
        parameters, and much can be proven before the numbers are known:
            parameter_order: $low < $middle < $high
        """,
    ),
}

PAGES = ERRORS | WARNINGS | NOTES
