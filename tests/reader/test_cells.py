"""Cells and values: what they read as, what is refused and how, and that showing and reading agree."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crm_rules.diagnostics import Diagnostic
from crm_rules.reader import syntax
from crm_rules.reader.cells import parse_cell, parse_value
from crm_rules.reader.scan import LONGEST
from crm_rules.reader.show import show_test, show_value
from crm_rules.source import Span, Text

HERE = Span("policy.yaml", 7, 12, 13)


def written(text: str, *, quoted: bool = False) -> Text:
    """The text as it stands at line 7, column 12."""
    return Text(text, Span("policy.yaml", 7, 12, 12 + len(text)), quoted=quoted)


def read(text: str) -> syntax.Test:
    """The test of a cell that has no finding."""
    test, findings = parse_cell(written(text))
    assert findings == []
    assert test is not None
    return test


def refused(text: str) -> Diagnostic:
    """The one error of a cell that cannot be read."""
    test, findings = parse_cell(written(text))
    assert test is None
    (finding,) = findings
    assert finding.severity == "error"
    return finding


def number(text: str) -> syntax.Number:
    """A number that stands anywhere."""
    return syntax.Number(text, HERE)


def name(text: str) -> syntax.Name:
    """A name that stands anywhere."""
    return syntax.Name(text, HERE)


def equals(value: syntax.Value) -> syntax.Equals:
    """A value alone."""
    return syntax.Equals(value, HERE)


KEYWORDS = {"missing", "present", "otherwise", "not"}

digits = st.from_regex(r"-?[0-9]{1,6}(_[0-9]{1,3})?(\.[0-9]{1,3})?[万亿%]?", fullmatch=True)
numbers = st.builds(syntax.Number, digits, st.just(HERE))
dates = st.builds(syntax.Date, st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", fullmatch=True), st.just(HERE))
words = st.from_regex(r"[A-Za-z_客户][A-Za-z0-9_客户-]{0,6}(\.[A-Za-z客0-9-]{1,3})?\.?", fullmatch=True)
names = st.builds(syntax.Name, words.filter(lambda word: word.lower() not in KEYWORDS), st.just(HERE))
quotes = st.builds(syntax.Quoted, st.text(max_size=8), st.just(HERE))
parameters = st.builds(syntax.Parameter, words, st.just(HERE))
values: st.SearchStrategy[syntax.Value] = st.one_of(numbers, dates, names, quotes, parameters)

comparisons = st.builds(syntax.Comparison, st.sampled_from(["<", "<=", ">", ">="]), values, st.just(HERE))
intervals = st.builds(syntax.Interval, values, st.booleans(), values, st.booleans(), st.just(HERE))
simple = st.one_of(st.builds(syntax.Equals, values, st.just(HERE)), comparisons, intervals)
missing = st.builds(syntax.Missing, st.just(HERE))


def lists(items: st.SearchStrategy[syntax.Test]) -> st.SearchStrategy[syntax.Alternatives]:
    """Two to four alternatives."""
    return st.builds(syntax.Alternatives, st.lists(items, min_size=2, max_size=4).map(tuple), st.just(HERE))


negations = st.builds(syntax.Negation, st.one_of(simple, lists(simple)), st.just(HERE))
tests: st.SearchStrategy[syntax.Test] = st.one_of(
    st.builds(syntax.Anything, st.just(HERE)),
    st.builds(syntax.Present, st.just(HERE)),
    st.builds(syntax.Otherwise, st.just(HERE)),
    missing,
    simple,
    negations,
    lists(st.one_of(simple, missing, negations)),
)
pieces = st.sampled_from(
    [
        *"-[](),.$%\"'\\ ~!=<>+*/`，（］＞％５－“年",
        "..",
        "missing",
        "present",
        "otherwise",
        "not",
        "and",
        "or",
        "between",
        "≥",
        "500万",
        "1,000",
        "2026-01-31",
        "2026-1-5",
        "12",
        "A",
        "客户",
        "5万元",
        "1e5",
        "~",
        "$a",
        '"A"',
        "\n",
        "\t",
    ]
)
anything = st.one_of(st.text(max_size=30), st.lists(pieces, max_size=12).map("".join))


def check_outcome(text: str, outcome: object, findings: list[Diagnostic]) -> None:
    """A tree without errors, or errors without a tree; each finding within the text or just behind it."""
    assert (outcome is None) == any(finding.severity == "error" for finding in findings)
    for finding in findings:
        places = [finding.span, *(label.span for label in finding.labels)]
        assert all(place.line == 7 for place in places)
        assert all(12 <= place.column < place.end <= 12 + len(text) + 1 for place in places)
        assert finding.message[0] not in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
        assert len(finding.message) + len(finding.help) < 400


@given(tests)
@example(syntax.Interval(name("Inc."), low_closed=True, high=name("Z."), high_closed=False, span=HERE))
@example(equals(syntax.Quoted('\\"', HERE)))
@example(syntax.Alternatives((equals(number("1")), equals(number("000"))), HERE))
def test_showing_a_test_and_reading_it_gives_the_same_test(test: syntax.Test) -> None:
    """Whatever tree is shown reads back as an equal tree."""
    again, _ = parse_cell(written(show_test(test)))
    assert again == test


@given(values)
def test_showing_a_value_and_reading_it_gives_the_same_value(value: syntax.Value) -> None:
    """Whatever value is shown reads back as an equal value, alone and as a cell."""
    assert parse_value(written(show_value(value))) == (value, [])
    assert parse_cell(written(show_value(value))) == (equals(value), [])


@given(anything)
def test_any_text_gives_a_tree_or_an_error_within_the_cell(text: str) -> None:
    """No text makes the parser fail, and every finding stands at the text."""
    check_outcome(text, *parse_cell(written(text)))
    check_outcome(text, *parse_value(written(text)))


@given(tests, st.data())
def test_a_damaged_cell_gives_a_tree_or_an_error_within_the_cell(test: syntax.Test, data: st.DataObject) -> None:
    """A well-formed cell with a piece put in, or characters cut out, never makes the parser fail."""
    text = show_test(test)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 2)))
    damaged = text[:start] + data.draw(st.one_of(pieces, st.just(""))) + text[end:]
    check_outcome(damaged, *parse_cell(written(damaged)))


@given(anything)
def test_what_is_read_survives_showing(text: str) -> None:
    """Reading, showing and reading again changes nothing."""
    test, _ = parse_cell(written(text))
    assert test is None or parse_cell(written(show_test(test)))[0] == test


@given(tests, st.integers(0, 3), st.integers(0, 3))
def test_white_space_around_a_cell_means_nothing(test: syntax.Test, before: int, after: int) -> None:
    """Spaces around a cell do not change what it says."""
    shown = show_test(test)
    padded, _ = parse_cell(written(" " * before + shown + " " * after))
    assert padded == test


READS = {
    "-": syntax.Anything(HERE),
    "missing": syntax.Missing(HERE),
    "present": syntax.Present(HERE),
    "otherwise": syntax.Otherwise(HERE),
    "500万": equals(number("500万")),
    "-3": equals(number("-3")),
    "1.10": equals(number("1.10")),
    "2026-13-45": equals(syntax.Date("2026-13-45", HERE)),
    "clear-debt": equals(name("clear-debt")),
    "1-30": equals(name("1-30")),
    "3M": equals(name("3M")),
    "重点客户": equals(name("重点客户")),
    "true": equals(name("true")),
    "$low": equals(syntax.Parameter("low", HERE)),
    '"a ""b"" c"': equals(syntax.Quoted('a "b" c', HERE)),
    r"'it\'s'": equals(syntax.Quoted("it's", HERE)),
    r'"C:\dir\\"': equals(syntax.Quoted("C:\\dir\\", HERE)),
    '"missing"': equals(syntax.Quoted("missing", HERE)),
    '""': equals(syntax.Quoted("", HERE)),
    ">=500万": syntax.Comparison(">=", number("500万"), HERE),
    "≥ 5": syntax.Comparison(">=", number("5"), HERE),
    "≤ 5": syntax.Comparison("<=", number("5"), HERE),
    "< -3": syntax.Comparison("<", number("-3"), HERE),
    "[200万..500万)": syntax.Interval(
        number("200万"), low_closed=True, high=number("500万"), high_closed=False, span=HERE
    ),
    "( -5 .. -3 ]": syntax.Interval(number("-5"), low_closed=False, high=number("-3"), high_closed=True, span=HERE),
    "not(A)": syntax.Negation(equals(name("A")), HERE),
    "A,B": syntax.Alternatives((equals(name("A")), equals(name("B"))), HERE),
    "missing, A": syntax.Alternatives((syntax.Missing(HERE), equals(name("A"))), HERE),
}


@pytest.mark.parametrize("text", READS)
def test_a_cell_reads_as_its_tree(text: str) -> None:
    """Each form of the grammar gives the tree that it names."""
    assert read(text) == READS[text]


# text of the cell, code, columns from its first character, a part of the help
REFUSALS = [
    ("1..5", "interval-without-brackets", (1, 3), "`[1..5]`"),
    ("5 .. 10", "interval-without-brackets", (2, 4), "`[5..10)`"),
    ("5~10", "interval-without-brackets", (1, 2), "`[5..10]`"),
    ("5～10", "interval-without-brackets", (1, 2), "`[5..10]`"),
    ("[5...10]", "interval-without-brackets", (2, 5), "`[5..10]`"),
    ("[5,10]", "interval-dots", (0, 6), "`[5..10]`"),
    ("[5-10]", "interval-dots", (5, 6), "`[5..10]`"),
    ("[A]", "interval-dots", (2, 3), "a list is written without them"),
    ("]a..b[", "reversed-bracket", (0, 1), "`(a..b)`"),
    ("]a..b]", "reversed-bracket", (0, 1), "`(a..b]`"),
    ("[a..b[", "unclosed-interval", (5, 6), "`[a..b)`"),
    ("[a..b", "unclosed-interval", (5, 6), "`[a..b]`"),
    ("not(A", "unclosed-parenthesis", (5, 6), "add `)`"),
    ("5]", "cell-syntax", (1, 2), "remove `]`"),
    (">=5 and <10", "and-in-cell", (4, 7), "`[5..10)`"),
    ("> 5 < 10", "and-in-cell", (4, 5), "`(5..10)`"),
    ("< 10 && > 5", "and-in-cell", (5, 7), "`(5..10)`"),
    ("A and B", "and-in-cell", (2, 5), "`A, B`"),
    ('"A" or "B"', "or-in-cell", (4, 6), '`"A", "B"`'),
    ("A 或 B", "or-in-cell", (2, 3), "`A, B`"),
    ("=> 5", "operator-spelling", (0, 2), "`>= 5`"),
    ("=< 5", "operator-spelling", (0, 2), "`<= 5`"),
    ("> = 5", "operator-spelling", (0, 3), "`>= 5`"),
    (">> 5", "operator-spelling", (0, 2), "`> 5`"),
    ("== A", "equality-operator", (0, 2), "write `A`"),
    ("!= A", "equality-operator", (0, 2), "`not(A)`"),
    ("<> A", "equality-operator", (0, 2), "`not(A)`"),
    ("1,000", "grouped-number", (0, 5), "`1000` or `1_000`"),
    ("[0..1,000,000]", "grouped-number", (4, 13), "`1_000_000`"),
    ("2026-1-5", "date-format", (0, 8), "`2026-01-05`"),
    (">= 2026/01/05", "date-format", (3, 13), "`2026-01-05`"),
    ("2026年1月5日", "date-format", (0, 9), "`2026-01-05`"),
    ("31-01-2026", "date-format", (0, 10), "`2026-01-31`"),
    ("2026-01-05T10", "date-format", (0, 13), "`2026-01-05`"),
    ("12 %", "number-format", (0, 4), "`12%`"),
    ("5 万", "number-format", (0, 3), "`5万`"),
    ("1e5", "number-format", (0, 3), "all digits"),
    (".5", "number-format", (0, 2), "`0.5`"),
    ("-.5", "number-format", (0, 3), "`-0.5`"),
    ("5.", "number-format", (0, 2), "`1.5`"),
    ("+5", "number-format", (0, 2), "`5`"),
    ("--5", "number-format", (0, 1), "`-5`"),
    ("- 5", "number-format", (0, 1), "`-5`"),
    ("1_", "number-format", (0, 2), "`1_000`"),
    ("5千", "number-format", (0, 2), "`万`"),
    ("5万元", "number-with-unit", (0, 3), "`5万`"),
    ("500 USD", "number-with-unit", (0, 7), "`500`"),
    ("¥500", "number-with-unit", (0, 1), "`500`"),
    ("$500", "parameter-name", (0, 4), "`500`"),
    (">= 5，< 10", "full-width-character", (4, 5), "`>= 5,< 10`"),
    ("＞＝ 5", "full-width-character", (0, 2), "`>= 5`"),
    ("（5..10］", "full-width-character", (0, 1), "`(5..10]`"),
    ("“A”", "full-width-character", (0, 1), '`"A"`'),
    ("—", "full-width-character", (0, 1), "`-`"),
    ("５万", "full-width-character", (0, 1), "`5万`"),
    ("> missing", "keyword-as-value", (2, 9), '`"missing"`'),
    ("[-..5]", "keyword-as-value", (1, 2), '`"-"`'),
    ("not(missing)", "keyword-in-not", (4, 11), "`present`"),
    ("not(A, missing)", "keyword-in-not", (7, 14), "leave it out"),
    ("not(present)", "keyword-in-not", (4, 11), "`missing`"),
    ("not(-)", "keyword-in-not", (4, 5), "stands alone"),
    ("not(otherwise)", "keyword-in-not", (4, 13), "stands alone"),
    ("not(not(A))", "keyword-in-not", (4, 7), "without the two `not`"),
    ("A, otherwise", "keyword-in-list", (3, 12), "a last row"),
    ("A, -", "keyword-in-list", (3, 4), "`-` alone"),
    ("-, A", "keyword-in-list", (0, 1), "`-` alone"),
    ("missing, present", "keyword-in-list", (9, 16), "`present` alone"),
    ("not missing", "cell-syntax", (4, 11), "`present`"),
    ("not A", "cell-syntax", (4, 5), "`not(A)`"),
    ("Missing", "keyword-case", (0, 7), "`missing`"),
    ("best price", "phrase-needs-quotes", (0, 10), '`"best price"`'),
    ("A, best price", "phrase-needs-quotes", (3, 13), '`"best price"`'),
    ("30 days", "phrase-needs-quotes", (0, 7), "`30`"),
    ("between 5 and 10", "phrase-needs-quotes", (0, 16), "`[5..10]`"),
    ("N/A", "unexpected-character", (1, 2), '`"N/A"`'),
    ("A%", "unexpected-character", (0, 2), '`"A%"`'),
    ('"abc', "unclosed-quote", (0, 4), "close the quote"),
    ("A,", "cell-syntax", (2, 3), "remove the comma"),
    ("", "empty-cell", (0, 1), "`-`"),
    ("  ", "empty-cell", (0, 1), "`-`"),
]


@pytest.mark.parametrize(("text", "code", "columns", "remedy"), REFUSALS)
def test_a_mistake_is_refused_at_its_place_with_a_remedy(
    text: str, code: str, columns: tuple[int, int], remedy: str
) -> None:
    """Each known mistake has its code, its columns, and says what to write."""
    finding = refused(text)
    assert (finding.code, finding.span.column - 12, finding.span.end - 12) == (code, *columns)
    assert remedy in finding.help


def test_an_open_interval_is_told_in_full() -> None:
    """The message names what was expected and what was found, and points at the bracket that is open."""
    finding = refused("[a..b")
    assert finding.message == "expected `]` or `)` to close the interval, found end of cell"
    assert [(label.span.column, label.text) for label in finding.labels] == [(12, "opened here")]


def test_every_part_of_a_test_knows_its_columns() -> None:
    """The spans of an interval and of its ends are the characters that they are written with."""
    test = read("A, (10..$top]")
    assert isinstance(test, syntax.Alternatives)
    interval = test.tests[1]
    assert isinstance(interval, syntax.Interval)
    spans = [test.span, interval.span, interval.low.span, interval.high.span]
    assert [(span.column - 12, span.end - 12) for span in spans] == [(0, 13), (3, 13), (4, 6), (8, 12)]


def test_two_comparisons_that_look_like_an_interval_are_noted() -> None:
    """`>= 5, < 10` is read, with a note that a comma means or; `< 5, > 10` is what it looks like."""
    test, (note,) = parse_cell(written(">= 5, < 10"))
    assert isinstance(test, syntax.Alternatives)
    assert (note.code, note.severity, note.help) == ("either-or", "note", "write `[5..10)` when both must hold")
    assert parse_cell(written("< 5, > 10"))[1] == []


def test_a_comma_with_a_space_separates_two_numbers() -> None:
    """`100, 200` are two values where `100,200` is refused; four digits before the comma group nothing."""
    pair = (equals(number("100")), equals(number("200")))
    assert read("100, 200") == syntax.Alternatives(pair, HERE)
    assert read("1000,200") == syntax.Alternatives((equals(number("1000")), equals(number("200"))), HERE)


def test_a_phrase_in_the_quotes_of_yaml_needs_no_others() -> None:
    """Quotes of YAML are enough for words with spaces, and do not hide any other mistake."""
    phrase = syntax.Quoted("best price", HERE)
    assert parse_value(written("best price", quoted=True)) == (phrase, [])
    assert parse_cell(written("best price", quoted=True)) == (equals(phrase), [])
    for text in ["A or B", "best price, other", "between 5 and 10", "1,000", "not A"]:
        assert parse_cell(written(text, quoted=True))[0] is None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("best price", "phrase-needs-quotes"),
        ("-", "condition-as-value"),
        ("> 5", "condition-as-value"),
        ("[1..2]", "condition-as-value"),
        ("not(A)", "condition-as-value"),
        ("present", "condition-as-value"),
        ("A, B", "list-as-value"),
        ("1,000", "grouped-number"),
        ("- 5", "number-format"),
        ("a - b", "value-syntax"),
        ("", "empty-value"),
    ],
)
def test_an_output_takes_one_value(text: str, code: str) -> None:
    """A condition, a list, a phrase or nothing is refused where one value stands."""
    value, findings = parse_value(written(text))
    assert value is None
    assert [finding.code for finding in findings] == [code]


def test_an_output_may_be_missing() -> None:
    """`missing` is the one keyword among values."""
    assert parse_value(written("missing")) == (syntax.Missing(HERE), [])


@pytest.mark.parametrize(
    "piece", ["(", "[", "not(", "1,", "1,000,", "A ", '"', "'", "'' ", "..", "-", "%", "（", "1_", "$"]
)
def test_a_long_cell_is_refused_and_a_full_one_is_read_to_its_end(piece: str) -> None:
    """A cell over the limit is refused by its length; one at the limit gets a finding or a tree."""
    full = (piece * LONGEST)[:LONGEST]
    check_outcome(full, *parse_cell(written(full)))
    finding = refused(full + piece[0])
    assert finding.code == "too-long"
    assert f"{LONGEST + 1:,}" in finding.message


def test_a_cell_from_several_lines_is_marked_as_a_whole() -> None:
    """Where the columns of the parts are not known, findings and trees carry the place of the whole text."""
    folded = Text(">= 5 and < 10", Span("policy.yaml", 7, 12, 15))
    assert [finding.span for finding in parse_cell(folded)[1]] == [folded.span]
