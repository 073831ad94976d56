"""The pages of the codes of one policy: keys, names, types, rules, parameters.

A page says what the code means and what an author does about it; see `crm_rules.codes`.
"""

from __future__ import annotations

PAGES: dict[str, tuple[str, str]] = {
    "missing-key": (
        "a key that must be there is not",
        """
        A mapping lacks a key that its reader needs: every policy has `policy` and `kind`, every rule an `id`,
        every field a `type`, a choice its `one_of`, money its `unit`.
        Add the key; the message names it.
        """,
    ),
    "unknown-key": (
        "a key that nobody reads",
        """
        Keys are checked, because a misspelt one would be ignored without a word.
            fields:
              need: {typ: choice}      # meant: type
        Correct the spelling; the help names the closest key, or those that are known at this place.
        """,
    ),
    "unknown-word": (
        "a word that is not among those a key takes",
        """
        Some keys take one of a few words: a field's `type`, a table's `hit_policy`, an output's `ordered`.
        The message lists them.
        """,
    ),
    "unknown-kind": (
        "a kind of policy that does not exist",
        """
        `kind` says how the file is read: `decision-table`, `scorecard`, `ladder`, `cadence`, `ranking`, or a kind that
        an installed package adds. The help names the closest one.
        """,
    ),
    "wrong-shape": (
        "a list, a mapping or a text where another is expected",
        """
        Some keys take a text, some a list, some a mapping of further keys:
            title: Grades               # expected a mapping
            title: {en: Grades}
        The message says what was expected and what stands there.
        """,
    ),
    "unsuited-key": (
        "a key that does not go with the type",
        """
        `one_of` goes with choices, `unit` with numbers and money, `min` and `max` with numbers and dates,
        `decimals` with numbers and money, `currency` with money, `ordered` and `unranked` with a choice as output.
        Remove the key, or correct the `type`.
        """,
    ),
    "bad-id": (
        "a name that cannot be one",
        """
        Names of policies, fields, parameters, outputs and rules begin with a letter or digit of any script; letters,
        digits, `.`, `-` and `_` follow. There are no spaces: `late-payer`, not `late payer`. What people read
        stands in the `label`, which may be any text.
        """,
    ),
    "reserved-name": (
        "a name that is taken",
        """
        `today` is the day of the decision. A column cannot be called `id`, `en`, `zh` or `reason`, which are the
        rule's own; in a scorecard `total`, `bands`, `overrides` and `points` are steps and values of the kind.
        Choose another name.
        """,
    ),
    "duplicate-name": (
        "one name for two things",
        """
        Fields, derived fields and requirements share their names with nothing else, so that a column says
        without doubt what it tests. Rename one of the two.
        """,
    ),
    "duplicate-choice": (
        "the same choice twice",
        """
        Each choice stands once in `one_of`.
        Remove the second one, or correct it.
        """,
    ),
    "duplicate-rule": (
        "the same rule id twice",
        """
        A rule's `id` is its name in reasons, cases and changes, so it is its own within the table.
        The first one is marked as well.
        """,
    ),
    "unknown-field": (
        "a field that is not declared",
        """
        A column, a formula, a law, `by` or `since` names a field that the policy neither declares in `fields` nor
        derives before this place. A derived field may use only those that stand above it.
        In formulas a name may contain hyphens, so a subtraction has spaces around its sign: `a - b`.
        """,
    ),
    "unknown-column": (
        "a column that the table does not have",
        """
        The steps of a ladder have the column of their borders (`up to`, `below`, `from` or `above`) and one for each
        output, besides `id`, `en`, `zh` and `reason`. Remove the column, or declare it as an output.
        """,
    ),
    "unknown-parameter": (
        "a parameter that is not declared",
        """
        `$name` stands for a value under `parameters`. Declare it there, blank if its value is not known yet:
            parameters:
              border: {type: money, unit: CNY}
        """,
    ),
    "unknown-choice": (
        "a value that is not among the choices",
        """
        The value is not in `one_of` of its field or output, so the test could never hold.
        Correct the spelling, or add the choice where it is declared.
        """,
    ),
    "unknown-function": (
        "a function that does not exist",
        """
        Formulas know `min`, `max`, `abs`, `floor`, `round`, `coalesce`, `days_between`, `months_between`,
        `started_months`, `add_days`, `add_months`, `year`, `month`, `day`, `weekday`, and what a plug-in declares.
        """,
    ),
    "wrong-arguments": (
        "too many or too few arguments",
        """
        The message shows the function as it is called,
        for instance `round(x, decimals, mode)`.
        """,
    ),
    "wrong-literal": (
        "a value of another type than expected",
        """
        The type of the field decides what may be written: a number, `true` or `false`, a date such as `2026-01-31`.
        A value of another type would never match, so it is refused.
            | id | amount     |
            | a  | 2026-01-31 |      # amount is money
        Correct the value, or the `type` of the field.
        """,
    ),
    "type-mismatch": (
        "two types that do not go together",
        """
        Money goes with money of the same currency, days with days, dates with dates. Money may be multiplied and
        divided by plain numbers. An amount in a formula is a parameter of type money, so that it has its currency:
            parameters:
              allowance: {type: money, unit: CNY, value: 500}
        """,
    ),
    "bad-date": (
        "a day that the calendar does not have",
        """
        The date has the right form, but there is no such day, such as `2026-02-30`; or it lies outside of the years
        1900 to 2199. Correct it.
        """,
    ),
    "number-too-long": (
        "a number that can grow without end",
        """
        A derived field multiplies numbers so often that the result could have more than a thousand digits.
        Round an intermediate result: `round(x, 2, half_up)`.
        """,
    ),
    "unrounded-quotient": (
        "a quotient as a result",
        """
        A quotient such as one third has no exact decimal form. It may be compared, and as a result it is rounded
        with a stated mode: `round(a / b, 2, half_up)`.
        """,
    ),
    "bad-default": (
        "a default that its field would refuse",
        """
        The `default` stands for a value that is absent, so it must be one that the field accepts: of its type, among
        its choices, between `min` and `max`, and with no more than its `decimals`.
        """,
    ),
    "bad-range": (
        "limits that nothing can meet",
        """
        `min` is above `max`, so no value is valid.
        Swap or correct them.
        """,
    ),
    "unplaced-values": (
        "nothing says where zero and negative values stand",
        """
        A ranking by position or by head count can rank a record whose value is zero or negative, or hold it apart; the
        other records stand elsewhere then. Write a step with the border `not positive`, which holds such records apart,
        or the key `not_positive: ranked`. In a ranking by share of the value they have no share: write the step.
        """,
    ),
    "order-on-choice": (
        "an order where there is none",
        """
        Choices, texts, and true or false are equal or not; none of them is above another, so `<`, `>`, intervals and
        ladders need a number or a date. List the choices: `A, B`.
        """,
    ),
    "reversed-interval": (
        "an interval that is written backwards",
        """
        The lower end comes first: `[5..10]`.
        Written backwards it would hold no value at all.
        """,
    ),
    "empty-interval": (
        "an interval without a value in it",
        """
        Both ends are the same and one of them is left out, as in `[5..5)`: no value lies in it.
        Write the value alone, or correct an end.
        """,
    ),
    "beyond-limits": (
        "a result outside of its own limits",
        """
        An output promises by `min` and `max` what others may rely on, and a rule gives a value outside of them.
        Correct the value, or the limits.
        """,
    ),
    "no-rules": (
        "a step without rules",
        """
        A table, a ladder or a scorecard decides nothing without rules or characteristics.
        Add one.
        """,
    ),
    "otherwise-not-last": (
        "`otherwise` that is not the whole last rule",
        """
        `otherwise` matches when no other rule of the table does. It stands alone in its rule (the other cells are
        empty or `-`), and the rule is the last one.
        """,
    ),
    "missing-output": (
        "a rule without a result",
        """
        Every rule gives a value to every output of its table; `missing` says that there is none.
            then: {grade: A, limit: 500}
        """,
    ),
    "no-output": (
        "a policy without a result",
        """
        A policy declares what it decides:
            output:
              grade: {type: choice, one_of: [A, B, C]}
        """,
    ),
    "too-many-outputs": (
        "more outputs than the form can fill",
        """
        Bands written as a mapping of outcome to totals fill one output. For several outputs write the bands as rules:
        a list or a pipe table with a column for each output.
        """,
    ),
    "output-may-be-missing": (
        "an output that can be without a value",
        """
        An expression behind the output is missing for some record, and the output is not declared optional.
        Give a value in every case (`coalesce(x, 0)`), or declare `optional: true`.
        """,
    ),
    "fixed-outputs": (
        "outputs of a cadence",
        """
        A cadence always gives `next_touch`, `days_overdue` and `due`.
        Leave out `output`.
        """,
    ),
    "hit-policy": (
        "a hit policy and an aggregation that do not go together",
        """
        `aggregation` (list, sum, min, max, count) says what becomes of all matching rules, so it goes with
        `hit_policy: collect` and only with it; `sum` needs numbers, `min` and `max` numbers or dates.
        """,
    ),
    "no-border-column": (
        "a ladder without borders",
        """
        The heading of the border column says on which side a border is closed: `up to` (included), `below` (left out),
        `from` (included), `above` (left out). A ladder has exactly one of them.
        """,
    ),
    "border-with-sign": (
        "a border that repeats its comparison",
        """
        The heading `up to` already says `<=`, `below` says `<`, `from` says `>=`, `above` says `>`.
        Write the border alone: `10`, not `<= 10`.
        """,
    ),
    "second-open-end": (
        "an open end in the wrong place",
        """
        An empty border is the open end of a ladder: one step at most has it,
        the first or the last one.
        """,
    ),
    "unordered-borders": (
        "borders out of order",
        """
        Borders go up or down from step to step without a repetition. For blank parameters state their order:
            parameter_order: $low < $middle < $high
        """,
    ),
    "bad-interval": (
        "an interval of time that cannot be read",
        """
        An interval is a number and a unit: `1 day`, `15 days`, `2 weeks`, `3 months`, `1 year`, from 1 to 9999.
        Units are kept as written: a month is not 30 days. Working days need a calendar and are not read.
        """,
    ),
    "bad-order": (
        "an order that cannot be read",
        """
        The order of parameters names each with `$` and joins them by `<`:
            parameter_order: $low < $middle < $high
        """,
    ),
    "parameters-out-of-order": (
        "values against the stated order",
        """
        `parameter_order` says which parameter is above which, and on some day their values are not.
        Correct one of the values, or the order.
        """,
    ),
    "more-findings": (
        "more findings than are shown",
        """
        Of one file at most 200 findings are shown, errors first.
        Correct these and check again.
        """,
    ),
}
