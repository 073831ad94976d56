"""The grammar of formulas, by which derived fields are computed: text in, a syntax tree or diagnostics out.

    formula = product { ("+" | "-") product }
    product = operand { ("*" | "/") operand }
    operand = "-" operand | "(" formula ")" | name "(" [ formula { "," formula } ] ")"
            | number | date | quoted text | "$" word | name

Parentheses, calls and signs may stand `DEEPEST` deep, and a formula has at most `MOST_OPERATORS` operators, so that
nothing that walks the tree by recursion can run out of stack. Which names and functions exist is not known here.
"""

from __future__ import annotations

from crm_rules.diagnostics import Diagnostic
from crm_rules.reader import mistakes, syntax
from crm_rules.reader.cells import unquoted
from crm_rules.reader.scan import DEEPEST, FORMULA, Cursor, UnreadableError
from crm_rules.source import Text

MOST_OPERATORS = 100
OPERATORS: dict[str, tuple[syntax.Operator, int]] = {"+": ("+", 1), "-": ("-", 1), "*": ("*", 2), "/": ("/", 2)}
REMEDIES = {
    "missing": "for another value in place of a missing one write `coalesce(field, value)`",
    "present": "test for it in a cell of a table",
    "otherwise": "write the cases as rules of a table",
    "not": "test for it in a cell of a table",
}


def parse_formula(text: Text) -> tuple[syntax.Formula | None, list[Diagnostic]]:
    """The formula that a derived field writes, or None with the error."""
    try:
        cursor = Cursor(text, FORMULA, "formula")
        if cursor.token[0] == "end":
            remedy = "write how the field is computed, such as `days_between(today, due_date)`"
            raise cursor.error("empty-formula", "the formula is empty", 0, 0, remedy=remedy)
        many = [token for token in cursor.tokens if token[1] in OPERATORS]
        if len(many) > MOST_OPERATORS:
            message = f"a formula has at most {MOST_OPERATORS} operators, found {len(many)}"
            _, _, start, end = many[MOST_OPERATORS]
            remedy = "derive a part of it as a field of its own"
            raise cursor.error("too-long", message, start, end, remedy=remedy)
        found = operation(cursor, 1, 0)
        if cursor.token[0] != "end":
            raise after_operand(cursor)
    except UnreadableError as stopped:
        return None, [stopped.diagnostic]
    return found, []


def operation(cursor: Cursor, weakest: int, depth: int) -> syntax.Formula:
    """Operands joined by operators that bind at least as strongly as `weakest`; equal ones from left to right."""
    start = cursor.token[2]
    left = operand(cursor, depth)
    while True:
        op, power = OPERATORS.get(cursor.token[1], (None, 0))
        if op is None or power < weakest:
            return left
        cursor.index += 1
        right = operation(cursor, power + 1, depth)
        left = syntax.Binary(op, left, right, cursor.span(start, cursor.previous[3]))


def operand(cursor: Cursor, depth: int) -> syntax.Formula:  # noqa: C901, PLR0911 - one return for each form of an operand
    """One operand, with its sign or parentheses."""
    kind, word, start, end = cursor.token
    if depth > DEEPEST:
        message = f"parentheses, calls and signs stand at most {DEEPEST} deep"
        raise cursor.error("too-deep", message, start, end, remedy="derive a part of it as a field of its own")
    if kind == "number":
        cursor.index += 1
        return syntax.Number(word, cursor.span(start, end))
    if kind == "word" and word not in REMEDIES:
        return reference_or_call(cursor, depth)
    if kind == "mark" and word == "-":
        cursor.index += 1
        inner = operand(cursor, depth + 1)
        return syntax.Negative(inner, cursor.span(start, cursor.previous[3]))
    if kind == "mark" and word == "(":
        cursor.index += 1
        inner = operation(cursor, 1, depth + 1)
        close(cursor, "an operator or `)`", start)
        return inner
    if kind == "date":
        cursor.index += 1
        return syntax.Date(word, cursor.span(start, end))
    if kind == "quoted":
        cursor.index += 1
        return syntax.Quoted(unquoted(word), cursor.span(start, end))
    if kind == "parameter":
        odd = mistakes.odd_word(cursor)
        if odd is not None:
            raise odd
        cursor.index += 1
        return syntax.Parameter(word[1:], cursor.span(start, end))
    if kind == "word":
        message = f"`{word}` is not a value of a formula"
        raise cursor.error("formula-syntax", message, start, end, remedy=REMEDIES[word])
    raise no_operand(cursor)


def reference_or_call(cursor: Cursor, depth: int) -> syntax.Formula:
    """`name` or `name(argument, ...)`."""
    _, name, start, end = cursor.token
    odd = mistakes.odd_word(cursor)
    if odd is not None:
        raise odd
    cursor.index += 1
    _, bracket, opened, _ = cursor.token
    if bracket != "(":
        return syntax.Reference(name, cursor.span(start, end))
    cursor.index += 1
    arguments: list[syntax.Formula] = []
    if cursor.token[1] != ")":
        arguments.append(operation(cursor, 1, depth + 1))
        while cursor.token[1] == ",":
            cursor.index += 1
            arguments.append(operation(cursor, 1, depth + 1))
    close(cursor, f"`,` or `)` after an argument of `{mistakes.shorten(name)}`", opened)
    return syntax.Call(name, tuple(arguments), cursor.span(start, cursor.previous[3]))


def close(cursor: Cursor, expected: str, opened: int) -> None:
    """Step over the closing parenthesis of the one that stands at `opened`."""
    kind, word, _, _ = cursor.token
    if word == ")":
        cursor.index += 1
    elif kind == "end":
        raise mistakes.unexpected(cursor, expected, code="unclosed-parenthesis", remedy="add `)`", opened=opened)
    else:
        raise after_operand(cursor, expected)


def after_operand(cursor: Cursor, expected: str = "an operator or the end of the formula") -> UnreadableError:
    """After a complete operand comes neither an operator nor what closes it."""
    kind, word, _, _ = cursor.token
    before = cursor.previous[1]
    if before in mistakes.CONDITIONAL or word in mistakes.CONDITIONAL:
        culprit = cursor.previous if before in mistakes.CONDITIONAL else cursor.token
        message = f"a formula has no `{culprit[1]}`"
        return cursor.error(
            "formula-syntax", message, culprit[2], culprit[3], remedy="write the cases as rules of a table"
        )
    if kind == "word" and word in mistakes.UNITS and cursor.previous[0] == "number":
        return mistakes.spaced_unit(cursor)
    if kind == "mark" and word == ")":
        remedy = "remove it, or add the `(` that it closes"
        return mistakes.unexpected(cursor, expected, remedy=remedy)
    remedy = "a product is written with `*`" if kind in {"word", "number", "parameter"} or word == "(" else ""
    return mistakes.unexpected(cursor, expected, remedy=remedy)


def no_operand(cursor: Cursor) -> UnreadableError:
    """Where a value must stand there is none."""
    _, word, _, _ = cursor.token
    before = cursor.previous[1] if cursor.index else ""
    remedy = "remove the comma, or write the argument that is absent" if "," in {word, before} else ""
    expected = f"a value after `{mistakes.shorten(before)}`" if before else "a value"
    return mistakes.unexpected(cursor, expected, remedy=remedy)
