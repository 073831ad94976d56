"""The grammar of cells and of single values: text with its place in, a syntax tree or diagnostics out.

    cell  = "-" | "present" | "otherwise" | item { "," item }
    item  = "missing" | value | order value | interval | "not" "(" item { "," item } ")"
    interval = ( "[" | "(" ) value ".." value ( "]" | ")" )
    value = number | date | word | quoted text | "$" word

These are the unary tests of S-FEEL without its silent traps: whatever a reader might take for something else is an
error with a remedy (`crm_rules.reader.mistakes`). No type, field or parameter is known here.
"""

from __future__ import annotations

import re
from typing import assert_never

from crm_rules.diagnostics import Diagnostic
from crm_rules.reader import mistakes, syntax
from crm_rules.reader.scan import CELL, Cursor, UnreadableError
from crm_rules.reader.show import show_value
from crm_rules.source import Text

ORDERS: dict[str, syntax.Order] = {"<": "<", "<=": "<=", ">": ">", ">=": ">=", "≤": "<=", "≥": ">="}
ALONE: dict[str, type[syntax.Anything | syntax.Present | syntax.Otherwise]] = {
    "-": syntax.Anything,
    "present": syntax.Present,
    "otherwise": syntax.Otherwise,
}
ESCAPES = {'"': re.compile(r'\\([\\"])|"(")', re.DOTALL), "'": re.compile(r"\\([\\'])|'(')", re.DOTALL)}


def parse_cell(text: Text) -> tuple[syntax.Test | None, list[Diagnostic]]:
    """The test that a cell writes, or None with the error; a note may stand beside a test."""
    try:
        cursor = Cursor(text, CELL, "cell")
        test = whole_cell(cursor)
    except UnreadableError as stopped:
        words = phrase_in_yaml_quotes(text, stopped)
        return (None, [stopped.diagnostic]) if words is None else (syntax.Equals(words, words.span), [])
    return test, either_or(test) if isinstance(test, syntax.Alternatives) else []


def parse_value(text: Text) -> tuple[syntax.Value | syntax.Missing | None, list[Diagnostic]]:
    """The single value that an output cell or a parameter writes, or None with the error."""
    try:
        cursor = Cursor(text, CELL, "value")
        kind, word, start, end = cursor.token
        if kind == "word" and word == "missing":
            cursor.index = 1
            value: syntax.Value | syntax.Missing = syntax.Missing(cursor.span(start, end))
        else:
            value = single_value(cursor)
        if cursor.token[0] != "end":
            raise after_value(cursor)
    except UnreadableError as stopped:
        words = phrase_in_yaml_quotes(text, stopped)
        return (None, [stopped.diagnostic]) if words is None else (words, [])
    return value, []


def whole_cell(cursor: Cursor) -> syntax.Test:
    """A keyword alone, or a list of items up to the end."""
    tokens = cursor.tokens
    kind, word, start, end = tokens[0]
    if word in ALONE and tokens[1][0] == "end":
        alone: syntax.Anything | syntax.Present | syntax.Otherwise = ALONE[word](cursor.span(start, end))
        return alone
    if kind == "end":
        raise cursor.error("empty-cell", "the cell is empty", 0, 0, remedy="write `-` when any value will do")
    test = item(cursor, negated=False)
    if tokens[cursor.index][0] == "end":
        return test
    return alternatives(cursor, test, start, negated=False)


def alternatives(
    cursor: Cursor, first: syntax.Simple | syntax.Missing | syntax.Negation, start: int, *, negated: bool
) -> syntax.Alternatives:
    """The rest of a list, of which the first item is read; up to the end, or up to `)` within `not(...)`."""
    tests = [first]
    while cursor.token[1] == ",":
        cursor.index += 1
        tests.append(item(cursor, negated=negated))
    kind, word, _, _ = cursor.token
    if kind != "end" and not (negated and word == ")"):
        raise mistakes.after_test(cursor)
    return syntax.Alternatives(tuple(tests), cursor.span(start, cursor.previous[3]))


def item(cursor: Cursor, *, negated: bool) -> syntax.Simple | syntax.Missing | syntax.Negation:
    """One element of a list."""
    kind, word, start, end = cursor.token
    if kind == "mark":
        op = ORDERS.get(word)
        if op is not None:
            cursor.index += 1
            value = bound(cursor, f"a value after `{word}`")
            return syntax.Comparison(op, value, cursor.span(start, cursor.previous[3]))
        if word in "[(":
            return interval(cursor)
    elif kind == "word":
        if word == "missing" and not negated:
            cursor.index += 1
            return syntax.Missing(cursor.span(start, end))
        if word == "not" and not negated:
            return negation(cursor)
    value = bound(cursor, "a test")
    return syntax.Equals(value, value.span)


def negation(cursor: Cursor) -> syntax.Negation:
    """`not(...)`; the word is the next token."""
    _, _, start, end = cursor.token
    cursor.index += 1
    _, bracket, opened, _ = cursor.token
    if bracket != "(":
        rest = cursor.text[end:].strip()
        meant = "present" if rest == "missing" else f"not({mistakes.shorten(rest) or 'A'})"
        raise mistakes.unexpected(cursor, "`(` after `not`", remedy=f"write `{meant}`")
    cursor.index += 1
    first_at = cursor.token[2]
    first = item(cursor, negated=True)
    test: syntax.Test = first
    if cursor.token[1] == ",":
        test = alternatives(cursor, first, first_at, negated=True)
    if cursor.token[1] != ")":
        if cursor.token[0] != "end":
            raise mistakes.after_test(cursor)
        raise mistakes.unexpected(
            cursor, "`)` to close `not(`", code="unclosed-parenthesis", remedy="add `)`", opened=opened
        )
    cursor.index += 1
    match test:
        case syntax.Equals() | syntax.Comparison() | syntax.Interval() | syntax.Alternatives():
            return syntax.Negation(test, cursor.span(start, cursor.previous[3]))
        case _:
            # `item` and `alternatives` refuse every other test within `not(...)`.
            raise AssertionError(test)


def interval(cursor: Cursor) -> syntax.Interval:
    """`[low..high)`; the opening bracket is the next token."""
    _, opening, start, _ = cursor.token
    cursor.index += 1
    low = bound(cursor, "the lower end of the interval")
    if cursor.token[1] != "..":
        raise without_dots(cursor, opening, start, low)
    cursor.index += 1
    high = bound(cursor, "the upper end of the interval")
    _, closing, _, end = cursor.token
    if closing not in {"]", ")"}:
        meant = f"{opening}{show_value(low)}..{show_value(high)}"
        remedy = f"write `{meant}]` with the upper end, `{meant})` without it"
        expected = "`]` or `)` to close the interval"
        raise mistakes.unexpected(cursor, expected, code="unclosed-interval", remedy=remedy, opened=start)
    cursor.index += 1
    return syntax.Interval(low, opening == "[", high, closing == "]", cursor.span(start, end))


def without_dots(cursor: Cursor, opening: str, start: int, low: syntax.Value) -> UnreadableError:
    """After the lower end of an interval come no dots: `[5,10]`, `(A, B)`, `[5]`."""
    tokens = cursor.tokens[cursor.index : cursor.index + 3]
    match [token[1] for token in tokens]:
        case ["," | "-", high, "]" | ")" as closing]:
            first = show_value(low)
            remedy = f"write `{opening}{first}..{high}{closing}` for an interval, `{first}, {high}` for two values"
            message = "the ends of an interval are joined by `..`"
            return cursor.error("interval-dots", message, start, tokens[-1][3], remedy=remedy)
        case _:
            pass
    remedy = "brackets in a cell enclose an interval such as `[5..10)`; a list is written without them"
    ends = re.fullmatch(r"([0-9_.]+)-([0-9_.]+)", show_value(low))
    if ends is not None and tokens[0][1] in {"]", ")"}:
        remedy = f"write two dots: `{opening}{ends[1]}..{ends[2]}{tokens[0][1]}`"
    return mistakes.unexpected(cursor, "`..` in the interval", code="interval-dots", remedy=remedy)


def bound(cursor: Cursor, expected: str) -> syntax.Value:
    """A value where a cell needs one."""
    kind, word, start, end = cursor.token
    if kind == "number":
        cursor.index += 1
        return syntax.Number(word, cursor.span(start, end))
    if kind == "date":
        cursor.index += 1
        return syntax.Date(word, cursor.span(start, end))
    if kind == "word" and word not in mistakes.KEYWORDS:
        found = mistakes.odd_word(cursor) if plainly_odd(word) else None
        if found is not None:
            raise found
        cursor.index += 1
        return syntax.Name(word, cursor.span(start, end))
    if kind == "quoted":
        cursor.index += 1
        return syntax.Quoted(unquoted(word), cursor.span(start, end))
    if kind == "parameter":
        found = mistakes.odd_word(cursor)
        if found is not None:
            raise found
        cursor.index += 1
        return syntax.Parameter(word[1:], cursor.span(start, end))
    raise no_value(cursor, expected)


def plainly_odd(word: str) -> bool:
    """True when a word needs a closer look: it begins with a digit, or holds `%`, or may be a keyword in capitals."""
    plain = word.isalpha() or (word.isascii() and word[0].isalpha() and "%" not in word)
    return not plain or word.lower() in mistakes.KEYWORDS


def unquoted(text: str) -> str:
    """The text between the quotes, its escapes resolved: a doubled quote, a backslash before a quote or a backslash."""
    inner = text[1:-1]
    if "\\" not in inner and text[0] not in inner:
        return inner
    return ESCAPES[text[0]].sub(lambda found: found[1] or found[2], inner)


def single_value(cursor: Cursor) -> syntax.Value:
    """A value where nothing else may stand."""
    kind, word, start, end = cursor.token
    if kind == "end":
        raise cursor.error("empty-value", "the value is empty", 0, 0, remedy="write a value, or `missing` for none")
    if kind == "mark" or word in {"not", "present", "otherwise"}:
        following = cursor.tokens[1][0]
        if word == "-" and following != "end":
            raise no_value(cursor, "a value")
        remedy = "write one value; a condition stands in a column of its own"
        if word == "-":
            remedy = "write `missing` for no value"
        message = f"expected one value, found the condition `{mistakes.shorten(cursor.text.strip())}`"
        raise cursor.error("condition-as-value", message, start, end, remedy=remedy)
    return bound(cursor, "a value")


def after_value(cursor: Cursor) -> UnreadableError:
    """More follows after a complete value."""
    _, word, start, end = cursor.token
    if word == ",":
        remedy = "write one value; a text with a comma stands in quotes"
        return cursor.error("list-as-value", "expected one value, found a list", start, end, remedy=remedy)
    return mistakes.after_test(cursor)


def no_value(cursor: Cursor, expected: str) -> UnreadableError:
    """The next token is no value: a keyword in the wrong place, a stray sign, or the end."""
    kind, word, start, end = cursor.token
    before = cursor.previous[1] if cursor.index else ""
    if (kind == "word" and word in mistakes.KEYWORDS) or (word == "-" and stands_alone(cursor)):
        return misplaced_keyword(cursor, before)
    if word == "-":
        follower_kind, follower, follower_start, _ = cursor.tokens[cursor.index + 1]
        remedy = "`-` stands alone for any value; put a text in quotes"
        if follower_kind == "number":
            remedy = f"write `-{follower.lstrip('-')}` without a space or a second sign"
        elif follower_kind == "other" and follower_start == end:
            cursor.index += 1
            return mistakes.unexpected(cursor, expected)
        return cursor.error("number-format", "`-` is neither alone nor the sign of a number", start, end, remedy=remedy)
    if kind == "mark" and word in {"]", ")"} and before in {"", ","}:
        words = [token[1] for token in cursor.tokens[cursor.index : cursor.index + 5]]
        remedy = "write `(` to leave the lower end out, as in `(5..10]`" if word == "]" else "remove it"
        match words:
            case ["]", low, "..", high, "[" | "]" as last]:
                closing = ")" if last == "[" else "]"
                remedy = f"write `({mistakes.shorten(low)}..{mistakes.shorten(high)}{closing}`"
            case _:
                pass
        return cursor.error("reversed-bracket", f"`{word}` opens no interval", start, end, remedy=remedy)
    remedy = "remove the comma, or write the value that is absent" if "," in {word, before} else ""
    if kind == "mark" and word in ORDERS and before in ORDERS:
        remedy = f"write one comparison: `{before}= 5` or `{before} 5`"
    return mistakes.unexpected(cursor, expected, remedy=remedy)


def stands_alone(cursor: Cursor) -> bool:
    """True when the next token is followed by a comma, a closing bracket, a dot or the end, as a value would be."""
    kind, word, _, _ = cursor.tokens[cursor.index + 1]
    return kind == "end" or word in {",", ")", "]", ".."}


def misplaced_keyword(cursor: Cursor, before: str) -> UnreadableError:
    """`missing`, `present`, `otherwise`, `not` or `-` where a value or an item of a list is needed."""
    _, word, start, end = cursor.token
    follower = cursor.tokens[cursor.index + 1]
    within = "(" in cursor.text[:start] and before in {"(", ","}
    if within and cursor.tokens[cursor.index - 1][1] == "(" and cursor.tokens[max(0, cursor.index - 2)][1] != "not":
        within = False
    if before in ORDERS or before in {"..", "["} or (before == "(" and not within):
        message = f"expected a value, found the keyword `{word}`"
        return cursor.error("keyword-as-value", message, start, end, remedy=f'for the text write `"{word}"`')
    if within:
        alone = follower[1] == ")" and before == "("
        remedies = {
            "missing": "write `present`" if alone else "leave it out: `not(...)` never matches a missing value",
            "present": "write `missing`",
            "not": "write the test without the two `not`",
        }
        remedy = remedies.get(word, f"`{word}` stands alone in its cell")
        return cursor.error("keyword-in-not", f"`{word}` cannot stand within `not(...)`", start, end, remedy=remedy)
    if follower[0] in {"word", "number"} and before == "":
        cursor.index += 1
        return mistakes.phrase(cursor)
    message = f"`{word}` stands alone in its cell, not in a list"
    remedies = {
        "-": "write `-` alone for any value, or leave it out",
        "present": "write `present` alone, or leave it out",
        "otherwise": "make it a last row of its own",
    }
    remedy = remedies.get(word, f'for the text write `"{word}"`')
    return cursor.error("keyword-in-list", message, start, end, remedy=remedy)


def phrase_in_yaml_quotes(text: Text, stopped: UnreadableError) -> syntax.Quoted | None:
    """The words of a phrase that is already in the quotes of YAML, which would need none in a pipe table either."""
    if not text.quoted or stopped.diagnostic.code != "phrase-needs-quotes":
        return None
    cursor = Cursor(text, CELL, "cell")
    if not mistakes.is_phrase(cursor.tokens):
        return None
    start, end = cursor.tokens[0][2], cursor.tokens[-2][3]
    return syntax.Quoted(text[start:end], cursor.span(start, end))


def either_or(test: syntax.Alternatives) -> list[Diagnostic]:
    """A note on `>= 5, < 10`, which reads like an interval and holds for every number."""
    low: syntax.Comparison | None = None
    for part in test.tests:
        match part:
            case syntax.Comparison(">" | ">="):
                low = low or part
            case syntax.Comparison("<" | "<=", value) if low is not None:
                ends = f"{show_value(low.value)}..{show_value(value)}"
                meant = f"{'[' if low.op == '>=' else '('}{ends}{']' if part.op == '<=' else ')'}"
                message = f"a comma means or: `{low.op} {show_value(low.value)}` alone is enough for this cell to hold"
                help_text = f"write `{meant}` when both must hold"
                return [Diagnostic("either-or", "note", part.span, message, help=help_text)]
            case syntax.Comparison() | syntax.Equals() | syntax.Interval() | syntax.Missing() | syntax.Negation():
                pass
            case _:
                assert_never(part)
    return []
