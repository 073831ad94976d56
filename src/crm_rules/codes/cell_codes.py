"""The pages of the codes of cells, values and formulas: what the grammar refuses.

A page says what the code means and what an author does about it; see `crm_rules.codes`.
"""

from __future__ import annotations

PAGES: dict[str, tuple[str, str]] = {
    "and-in-cell": (
        "two tests joined in one cell",
        """
        A cell holds one test, or several of which one must hold.
        There is no `and`: `>= 5 and < 10` is the interval `[5..10)`.
        A square bracket includes its end, a round one leaves it out.
        What cannot be written as an interval goes into two columns, which a row joins by and.
        """,
    ),
    "cell-syntax": (
        "a cell that cannot be read",
        """
        A cell is `-`, a value, a comparison (`>= 5`), an interval (`[5..10)`), `not(...)`,
        several of these with commas between them, or one of `missing`, `present`, `otherwise`.
        The message says what was expected where reading stopped, and what stands there.
        A text with spaces or signs stands in quotes.
        """,
    ),
    "comparison-in-formula": (
        "a comparison in a formula",
        """
        A formula computes a value from fields; it does not decide.
        Derive the value (`months_late: started_months(due_date, today)`),
        and compare it in a cell of a table, where gaps and overlaps can be found.
        """,
    ),
    "condition-as-value": (
        "a condition where one value is expected",
        """
        An output cell or a parameter takes one value: a number, a date, a word,
        a text in quotes, or `$name`; `missing` for no value.
        Conditions such as `> 5`, `[1..2]` or `-` belong in the columns of fields.
        """,
    ),
    "date-format": (
        "a date that is not in ISO form",
        """
        Dates are written as year, month and day with all their digits: `2026-01-31`.
        `2026-1-31`, `2026/01/31` and `2026年1月31日` are refused, so that every date reads the same;
        `01-02-2026` could be January or February. A date has no time of day.
        """,
    ),
    "either-or": (
        "a list that reads like an interval",
        """
        A comma in a cell means or. `>= 5, < 10` holds as soon as one of the two holds,
        which is nearly always. For values from 5 up to but not including 10 write `[5..10)`.
        This is a note: a list that is meant as written may stay.
        """,
    ),
    "empty-cell": (
        "a cell with nothing in it",
        """
        A cell of a condition says what it wants; an empty one may be a value that was forgotten.
        Write `-` when any value will do, a missing one included,
        `present` for any value that is there, `missing` for none.
        """,
    ),
    "empty-formula": (
        "a derived field without a formula",
        """
        A derived field says how it is computed, for instance
        `days_to_close: days_between(today, expected_close)`.
        Remove the field if no rule reads it.
        """,
    ),
    "empty-value": (
        "an output with nothing in it",
        """
        An output or parameter takes one value. For an output that is to have no value
        write `missing`; for an empty text write two quotes.
        """,
    ),
    "equality-operator": (
        "an equals sign in a cell",
        """
        A value alone means equal to it: write `A`, not `= A` or `== A`.
        `not(A)` means present and different; write it in place of `!= A` or `<> A`.
        """,
    ),
    "formula-syntax": (
        "a formula that cannot be read",
        """
        A formula has numbers, dates, fields, parameters (`$name`), `+ - * /`, parentheses and functions such as
        `round(x, 2, half_up)`. A product is written with `*`. A word with hyphens is one name,
        so a subtraction has spaces around its sign: `a - b`. Powers, `if`, `and`, `or` do not exist;
        cases are rules of a table.
        """,
    ),
    "full-width-character": (
        "a full-width sign",
        """
        Signs and digits are written in ASCII: `,` for `，`, `(` for `（`, `>=` for `＞＝`, `-` for `－`.
        They look alike on screen and are different characters, so they are refused rather than guessed.
        Names and texts in quotes may contain any character. The help shows the text in ASCII signs.
        """,
    ),
    "grouped-number": (
        "a number with commas between its digits",
        """
        A comma separates two values, so `1,000` would be read as 1 and 000.
        Write `1000`, or `1_000` to group the digits.
        For several values put a space after the comma: `100, 200`.
        """,
    ),
    "interval-dots": (
        "an interval without its two dots",
        """
        The ends of an interval are joined by two dots: `[5..10]`, not `[5,10]` or `[5-10]`.
        A list of values has commas and no brackets: `A, B`.
        Brackets in a cell have no other use, but for those of `not(...)`.
        """,
    ),
    "interval-without-brackets": (
        "an interval without brackets",
        """
        Brackets say whether the ends belong to an interval: `[5..10]` has both,
        `[5..10)` leaves out 10, `(5..10]` leaves out 5. Without them this would be open to guessing,
        so `5..10` and `5~10` are refused.
        """,
    ),
    "keyword-as-value": (
        "a keyword where a value is expected",
        """
        `missing`, `present`, `otherwise`, `not` and `-` are tests and have no size:
        nothing is greater than `missing`, and no interval ends in it.
        If it is a text, put it in quotes: `"missing"`.
        """,
    ),
    "keyword-case": (
        "a keyword in other letters",
        """
        Keywords are lower case: `missing`, `present`, `otherwise`, `not`.
        `Missing` could be the keyword or the name of a choice, so it is refused.
        Write the keyword in lower case, or the text in quotes.
        """,
    ),
    "keyword-in-list": (
        "a keyword that must stand alone",
        """
        `-`, `present` and `otherwise` say all that a cell can say and stand alone in it.
        In a list only `missing` may stand beside values: `missing, A`.
        `otherwise` makes up the whole last row of a table.
        """,
    ),
    "keyword-in-not": (
        "a keyword within not(...)",
        """
        `not(...)` takes values, comparisons and intervals, and never matches a missing value.
        Write `present` for `not(missing)`, `missing` for `not(present)`,
        and the test itself for `not(not(...))`.
        """,
    ),
    "list-as-value": (
        "several values where one is expected",
        """
        An output cell or a parameter takes one value.
        A text that contains a comma stands in quotes: `"first, second"`.
        A policy with several results has several outputs.
        """,
    ),
    "number-format": (
        "a number in a spelling that is not read",
        """
        Numbers are digits with an optional `-`, decimals after a point, `_` between digits, and one of
        `万`, `亿`, `%` directly behind: `-3`, `0.5`, `1_000`, `500万`, `15%`.
        Not read are `.5`, `5.`, `+5`, `1e5`, `12 %`, `5千`, so that a number has one meaning everywhere.
        In a formula a subtraction has spaces around its sign.
        """,
    ),
    "number-with-unit": (
        "a number with a currency",
        """
        The unit of a number stands at its field (`unit: CNY`), once, and not at every number:
        write `5万`, not `5万元` or `¥50000`.
        A text that happens to look so stands in quotes.
        """,
    ),
    "operator-spelling": (
        "a comparison in another spelling",
        """
        The comparisons are `<`, `<=`, `>`, `>=`, written without a space between their signs.
        `≤` and `≥` are read as `<=` and `>=`.
        `=>`, `=<` and `> =` are refused.
        """,
    ),
    "or-in-cell": (
        "alternatives joined by a word",
        """
        A cell lists alternatives with commas: `A, B` matches A and matches B.
        Words such as `or` and `或` and signs such as `|` are not read.
        """,
    ),
    "parameter-name": (
        "a parameter named by a number",
        """
        `$name` is a parameter of the policy, and its name begins with a letter.
        `$500` looks like an amount of money: write `500`, the currency stands at the field (`unit: USD`).
        """,
    ),
    "phrase-needs-quotes": (
        "a text of several words without quotes",
        """
        A bare word is a name. Several words in a row could be a text, a number with its unit or a test in
        plain language, so a text with spaces stands in quotes: `"best price"`.
        Quotes of YAML around the whole cell are enough.
        """,
    ),
    "reversed-bracket": (
        "a bracket that opens nothing",
        """
        An interval opens with `[` (the end included) or `(` (left out).
        The form `]a..b[` of other tools is written `(a..b)`.
        """,
    ),
    "too-deep": (
        "a formula nested too deep",
        """
        Parentheses, calls and signs may stand 32 deep.
        Derive a part of the formula as a field of its own; it can then be explained by its name, too.
        """,
    ),
    "too-long": (
        "a cell or formula that is too long",
        """
        A cell, value or formula has at most 2,000 characters, and a formula at most 100 operators.
        Split a long list into several rules, and a long formula into several derived fields.
        """,
    ),
    "unclosed-interval": (
        "an interval without its closing bracket",
        """
        An interval ends in `]` (the upper end included) or `)` (left out): `[5..10]`, `[5..10)`.
        The label shows the bracket that is still open.
        """,
    ),
    "unclosed-parenthesis": (
        "a parenthesis that is not closed",
        """
        Every `(` of `not(...)`, of a function or of a formula has its `)`.
        The label shows the one that is still open.
        """,
    ),
    "unclosed-quote": (
        "a text without its closing quote",
        """
        A text ends with the quote that it began with, `"` or `'`.
        A quote within a text is written twice, or after a backslash: `"a ""b"" c"`, `"a \\"b\\" c"`.
        A backslash at the end is written twice.
        """,
    ),
    "unexpected-character": (
        "a sign that has no meaning here",
        """
        Outside quotes a cell knows words, numbers, dates, `$`, brackets, commas, `..` and comparisons;
        a formula also `+ - * /`. A text with other signs stands in quotes: `"N/A"`, `"12:30"`.
        """,
    ),
    "value-syntax": (
        "a value that cannot be read",
        """
        A value is a number, a date, a word, a text in quotes or `$name`.
        The message says where reading stopped. A text with spaces or signs stands in quotes.
        """,
    ),
}
