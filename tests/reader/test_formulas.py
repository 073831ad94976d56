"""Formulas: precedence, calls, limits, refusals, and that showing and reading agree."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crm_rules.diagnostics import Diagnostic
from crm_rules.reader import syntax
from crm_rules.reader.formulas import MOST_OPERATORS, parse_formula
from crm_rules.reader.scan import DEEPEST, LONGEST
from crm_rules.reader.show import show_formula
from crm_rules.source import Span, Text

HERE = Span("policy.yaml", 7, 12, 13)


def written(text: str) -> Text:
    """The text as it stands at line 7, column 12."""
    return Text(text, Span("policy.yaml", 7, 12, 12 + len(text)))


def read(text: str) -> syntax.Formula:
    """A formula that has no finding."""
    formula, findings = parse_formula(written(text))
    assert findings == []
    assert formula is not None
    return formula


def refused(text: str) -> Diagnostic:
    """The one error of a formula that cannot be read."""
    formula, findings = parse_formula(written(text))
    assert formula is None
    (finding,) = findings
    return finding


def field(name: str) -> syntax.Reference:
    """A reference that stands anywhere."""
    return syntax.Reference(name, HERE)


KEYWORDS = {"missing", "present", "otherwise", "not"}
words = st.from_regex(r"[A-Za-z_客][A-Za-z0-9_户]{0,5}(-[a-z0-9]{1,2})?(\.[a-z]{1,2})?", fullmatch=True).filter(
    lambda word: word not in KEYWORDS
)
leaves: st.SearchStrategy[syntax.Formula] = st.one_of(
    st.builds(
        syntax.Number,
        st.from_regex(r"[0-9]{1,4}(_[0-9]{3})?(\.[0-9]{1,2})?[万亿%]?", fullmatch=True),
        st.just(HERE),
    ),
    st.builds(syntax.Date, st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", fullmatch=True), st.just(HERE)),
    st.builds(syntax.Quoted, st.text(max_size=5), st.just(HERE)),
    st.builds(syntax.Parameter, words, st.just(HERE)),
    st.builds(syntax.Reference, words, st.just(HERE)),
)
formulas: st.SearchStrategy[syntax.Formula] = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(syntax.Negative, inner, st.just(HERE)),
        st.builds(syntax.Binary, st.sampled_from("+-*/"), inner, inner, st.just(HERE)),
        st.builds(syntax.Call, words, st.lists(inner, max_size=3).map(tuple), st.just(HERE)),
    ),
    max_leaves=12,
)
pieces = st.sampled_from(
    [
        *"-+*/(),.$%\"' <>=!^~[]（，×％５",
        "if",
        "missing",
        "12",
        "1,000",
        "a",
        "a-b",
        "f(",
        "2026-01-31",
        "5万",
        "$p",
        "**",
    ]
)
anything = st.one_of(st.text(max_size=30), st.lists(pieces, max_size=12).map("".join))


def check_outcome(text: str) -> None:
    """A formula without findings, or errors without a formula; each within the text or just behind it."""
    formula, findings = parse_formula(written(text))
    assert (formula is None) == bool(findings)
    for finding in findings:
        places = [finding.span, *(label.span for label in finding.labels)]
        assert all(12 <= place.column < place.end <= 12 + len(text) + 1 for place in places)


def depth(formula: syntax.Formula) -> int:
    """How many nodes stand above one another."""
    match formula:
        case syntax.Negative(operand):
            return 1 + depth(operand)
        case syntax.Binary(_, left, right):
            return 1 + max(depth(left), depth(right))
        case syntax.Call(_, arguments):
            return 1 + max(map(depth, arguments), default=0)
        case _:
            return 1


@given(formulas)
@example(syntax.Binary("-", field("a"), syntax.Binary("-", field("b"), field("c"), HERE), HERE))
@example(syntax.Binary("/", field("a"), syntax.Binary("*", field("b"), field("c"), HERE), HERE))
@example(syntax.Negative(syntax.Binary("+", field("a"), field("b"), HERE), HERE))
def test_showing_a_formula_and_reading_it_gives_the_same_formula(formula: syntax.Formula) -> None:
    """Whatever tree is shown reads back as an equal tree."""
    assert parse_formula(written(show_formula(formula))) == (formula, [])


@given(anything)
def test_any_text_gives_a_formula_or_an_error_within_it(text: str) -> None:
    """No text makes the parser fail, and every finding stands at the text."""
    check_outcome(text)


@given(formulas, st.data())
def test_a_damaged_formula_gives_a_formula_or_an_error_within_it(formula: syntax.Formula, data: st.DataObject) -> None:
    """A well-formed formula with a piece put in, or characters cut out, never makes the parser fail."""
    text = show_formula(formula)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 2)))
    check_outcome(text[:start] + data.draw(st.one_of(pieces, st.just(""))) + text[end:])


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("a + b * c", "a + (b * c)"),
        ("a * b + c", "(a * b) + c"),
        ("a - b - c", "(a - b) - c"),
        ("a / b * c", "(a / b) * c"),
        ("a - b + c", "(a - b) + c"),
        ("-a * b", "(-a) * b"),
        ("a * -b", "a * (-b)"),
        ("a -3", "a - 3"),
        ("((a))", "a"),
        ("f( a,b )", "f(a, b)"),
    ],
)
def test_operators_bind_as_in_arithmetic(text: str, same: str) -> None:
    """Products before sums, equal ones from left to right, a sign before both."""
    assert read(text) == read(same)


def test_parentheses_change_the_tree() -> None:
    """A sum in parentheses is a factor as a whole."""
    total = syntax.Binary("+", field("a"), field("b"), HERE)
    assert read("(a + b) * c") == syntax.Binary("*", total, field("c"), HERE)


def test_a_call_keeps_its_arguments_in_order() -> None:
    """The mode of `round` is a word like any other."""
    arguments = (field("x"), syntax.Number("2", HERE), field("half_up"))
    assert read("round(x, 2, half_up)") == syntax.Call("round", arguments, HERE)


def test_a_word_with_hyphens_is_one_name() -> None:
    """`a-b` is a name and `a - b` a subtraction; a parameter ends before a parameter."""
    assert read("due-date") == field("due-date")
    assert read("due - date") == syntax.Binary("-", field("due"), field("date"), HERE)
    low, high = syntax.Parameter("low", HERE), syntax.Parameter("high", HERE)
    assert read("$high-$low") == syntax.Binary("-", high, low, HERE)


def test_every_part_of_a_formula_knows_its_columns() -> None:
    """The spans of a sum, of a call and of its argument are the characters that they are written with."""
    formula = read("a + f(-b, 2)")
    assert isinstance(formula, syntax.Binary)
    assert isinstance(formula.right, syntax.Call)
    spans = [formula.span, formula.left.span, formula.right.span, *(part.span for part in formula.right.arguments)]
    assert [(span.column - 12, span.end - 12) for span in spans] == [(0, 12), (0, 1), (4, 12), (6, 8), (10, 11)]


@pytest.mark.parametrize(
    ("text", "code", "columns", "remedy"),
    [
        ("x >= 3", "comparison-in-formula", (2, 4), "in a cell"),
        ("a == b", "comparison-in-formula", (2, 4), "in a cell"),
        ("a ** 2", "formula-syntax", (2, 4), "`+ - * /`"),
        ("a // 2", "formula-syntax", (2, 4), "`+ - * /`"),
        ("if a then b", "formula-syntax", (0, 2), "as rules"),
        ("a and b", "formula-syntax", (2, 5), "as rules"),
        ("a b", "formula-syntax", (2, 3), "`*`"),
        ("f(a,)", "formula-syntax", (4, 5), "remove the comma"),
        ("a)", "formula-syntax", (1, 2), "`(`"),
        ("a + missing", "formula-syntax", (4, 11), "`coalesce(field, value)`"),
        ("f(a", "unclosed-parenthesis", (3, 4), "add `)`"),
        ("(a", "unclosed-parenthesis", (2, 3), "add `)`"),
        ("5-3", "number-format", (0, 3), "spaces around `-`"),
        ("1e5", "number-format", (0, 3), "all digits"),
        ("5 % * a", "number-format", (0, 3), "`5%`"),
        ("a × b", "full-width-character", (2, 3), "`a * b`"),
        ("max(1,200)", "grouped-number", (4, 9), "`1, 200`"),
        ("a % 2", "unexpected-character", (2, 3), "`+ - * /`"),
        ("", "empty-formula", (0, 1), "such as"),
    ],
)
def test_a_mistake_is_refused_at_its_place_with_a_remedy(
    text: str, code: str, columns: tuple[int, int], remedy: str
) -> None:
    """Each known mistake has its code, its columns, and says what to write."""
    finding = refused(text)
    assert (finding.code, finding.span.column - 12, finding.span.end - 12) == (code, *columns)
    assert remedy in finding.help


def test_what_is_unclosed_points_at_its_opening() -> None:
    """The parenthesis that is still open carries a label of its own."""
    assert [label.span.column - 12 for label in refused("a + (b").labels] == [4]


@pytest.mark.parametrize(("opening", "closing"), [("(", ")"), ("f(", ")"), ("-", "")])
def test_nesting_has_a_limit(opening: str, closing: str) -> None:
    """Parentheses, calls and signs are read to the limit and refused beyond it."""
    read(opening * DEEPEST + "a" + closing * DEEPEST)
    over = DEEPEST + 1
    assert refused(opening * over + "a" + closing * over).code == "too-deep"


def test_a_tree_is_never_deeper_than_the_limits_say() -> None:
    """The most operators in a row, in the deepest parentheses, give a tree that recursion can walk."""
    row = "+a" * MOST_OPERATORS
    assert depth(read("(" * DEEPEST + "a" + row + ")" * DEEPEST)) == MOST_OPERATORS + 1
    assert refused("a+" + "a" + row).code == "too-long"


@pytest.mark.parametrize("piece", ["(", "f(", "-", "1,000,", "a", '"', "（"])
def test_50000_characters_are_refused_by_length(piece: str) -> None:
    """A formula over the limit is not looked at."""
    assert refused((piece * 50_000)[:50_000]).code == "too-long"
    check_outcome((piece * LONGEST)[:LONGEST])
