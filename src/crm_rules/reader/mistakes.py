"""What people write where the grammar expects something else, and what they should write instead.

The parsers call in here only when a text cannot be read, so nothing in this module costs a well-formed cell
anything. Each function looks at the token where the reading stopped and gives the most telling diagnostic: full-width
signs, `1,000`, `2026/1/5`, `=> 5`, `A or B`, `best price`. No mistake is repaired in silence.
"""

from __future__ import annotations

import re
import unicodedata

from crm_rules.reader.scan import Cursor, Token, UnreadableError
from crm_rules.reader.show import quote

SHOWN = 40
FULL_WIDTH = {
    "、": ",", "。": ".", "…": "..", "‥": "..", "–": "-", "—": "-", "−": "-", "“": '"', "”": '"', "„": '"',
    "‘": "'", "’": "'", "「": '"', "」": '"', "『": '"', "』": '"', "【": "[", "】": "]", "〔": "[", "〕": "]",
    "《": "<", "》": ">", "〈": "<", "〉": ">", "×": "*", "÷": "/",
}  # fmt: skip
ALSO = {"and", "AND", "And", "且", "并且", "和", "&", "&&"}
EITHER = {"or", "OR", "Or", "或", "或者", "|", "||"}
CONDITIONAL = {"if", "then", "else", "case", "when", "and", "or", "in", "is"}
SYNTAX = {"cell": "cell-syntax", "value": "value-syntax", "formula": "formula-syntax"}
KEYWORDS = {"missing", "present", "otherwise", "not"}
UNITS = {"%", "％", "万", "亿"}
EQUAL = {"=", "==", "==="}
DIFFERENT = {"!=", "!==", "<>", "≠", "!"}
ORDER = {"=>": ">=", "=<": "<=", ">==": ">=", "<==": "<=", ">>": ">", "<<": "<", "!<": ">=", "!>": "<="}
RANGES = {"~", "～", "〜"}
POWERS = {"**": "power", "^": "power", "//": "whole division"}

CURRENCY = r"元|圆|块|块钱|元人民币|美元|欧元|CNY|RMB|USD|EUR|JPY|GBP|HKD"
MONEY_WORD = re.compile(rf"([0-9][0-9_.]*[万亿]?)(?:{CURRENCY})")
COUNTING_WORD = re.compile(r"[0-9][0-9_.]*(?:十|百|千|十万|百万|千万|十亿|百亿)[0-9万亿元]*")
EXPONENT = re.compile(r"[0-9_.]+[eE][0-9_-]*")
DAY = re.compile(r"([0-9]{4})(?:[-./]|年)([0-9]{1,2})(?:[-./]|月)([0-9]{1,2})日?")
DAY_FIRST = re.compile(r"[0-9]{1,2}[-./][0-9]{1,2}[-./][0-9]{4}")
MOMENT = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt].*")
BOUND = re.compile(r"[^\s,()\[\]<>=]+")


def shorten(text: str) -> str:
    """At most `SHOWN` characters of a text that a message repeats."""
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


def described(cursor: Cursor) -> str:
    """The next token as a message names it."""
    kind, text, _, _ = cursor.token
    return f"end of {cursor.what}" if kind == "end" else f"`{shorten(text)}`"


def unexpected(cursor: Cursor, expected: str, *, code: str = "", remedy: str = "", opened: int = -1) -> UnreadableError:
    """The next token fits nothing: what it probably was meant to be, or else what was expected here."""
    special = odd_characters(cursor) or odd_word(cursor)
    if special is not None:
        return special
    _, _, start, end = cursor.token
    message = f"expected {expected}, found {described(cursor)}"
    return cursor.error(code or SYNTAX[cursor.what], message, start, end, remedy=remedy, opened=opened)


# Characters that no grammar knows


def odd_characters(cursor: Cursor) -> UnreadableError | None:  # noqa: PLR0911 - one return for each mistake
    """The diagnostic for a token of the kinds `grouped` and `other`, or for a full-width digit."""
    kind, text, start, end = cursor.token
    if kind == "grouped":
        digits = text.replace(",", "")
        apart = text.replace(",", ", ")
        return cursor.error(
            "grouped-number",
            f"`{shorten(text)}` is not a number: a comma separates two values",
            start,
            end,
            remedy=f"write `{digits}` or `{text.replace(',', '_')}`; for several values write `{apart}`",
        )
    if kind == "other" and text in RANGES and cursor.what != "formula":
        return without_brackets(cursor, f"`{text}` is not the sign of an interval")
    if any(is_full_width(character) for character in text) and kind in {"other", "word"}:
        return full_width(cursor)
    if kind != "other":
        return None
    if text == "%" and cursor.index and cursor.previous[0] == "number":
        return spaced_unit(cursor)
    if text[0] in "\"'":
        return cursor.error(
            "unclosed-quote",
            f"expected `{text[0]}` to close the quoted text, found end of {cursor.what}",
            start,
            end,
            remedy="close the quote; a quote inside a text is written twice",
        )
    return odd_operator(cursor) or odd_number(cursor) or unknown_characters(cursor)


def is_full_width(character: str) -> bool:
    """True for a sign or digit of which the grammar wants the ASCII form."""
    if character.isascii():
        return False
    if character in FULL_WIDTH or character.isdecimal():
        return True
    plain = unicodedata.normalize("NFKC", character)
    return len(plain) == 1 and plain.isascii() and not plain.isalnum()


def to_ascii(character: str) -> str:
    """The ASCII form of a full-width sign or digit; any other character as it is."""
    if not is_full_width(character):
        return character
    if character in FULL_WIDTH:
        return FULL_WIDTH[character]
    return str(unicodedata.decimal(character)) if character.isdecimal() else unicodedata.normalize("NFKC", character)


def full_width(cursor: Cursor) -> UnreadableError:
    """The first run of full-width signs, and the whole text in ASCII signs."""
    _, text, start, _ = cursor.token
    start += next(place for place, character in enumerate(text) if is_full_width(character))
    end = start
    while end < len(cursor.text) and is_full_width(cursor.text[end]):
        end += 1
    # What stands in ASCII quotes is the author's text and stays.
    plain = "".join(
        token[1] if token[0] == "quoted" else "".join(map(to_ascii, token[1] or " ")) for token in spaced_tokens(cursor)
    )
    return cursor.error(
        "full-width-character",
        f"`{shorten(cursor.text[start:end])}` must be written in ASCII signs",
        start,
        end,
        remedy=f"write `{shorten(plain.strip())}`",
    )


def spaced_tokens(cursor: Cursor) -> list[tuple[str, str]]:
    """The kinds and texts of all tokens, with the white space between them as tokens of the kind `space`."""
    pieces: list[tuple[str, str]] = []
    reached = 0
    for kind, text, start, end in cursor.tokens:
        pieces.append(("space", " " * (start - reached)))
        pieces.append((kind, text))
        reached = end
    return [piece for piece in pieces if piece[1]]


def odd_operator(cursor: Cursor) -> UnreadableError | None:  # noqa: PLR0911 - one return for each mistake
    """`==`, `!=`, `=>`; in a formula every comparison, and powers."""
    _, text, start, end = cursor.token
    if cursor.what == "formula":
        if text in POWERS:
            remedy = "only `+ - * /` and functions such as `round`, `floor`, `min` can be used"
            return cursor.error(
                "formula-syntax", f"a formula has no {POWERS[text]} `{text}`", start, end, remedy=remedy
            )
        if text[0] in "=<>!≠≤≥":
            return cursor.error(
                "comparison-in-formula",
                f"a formula computes a value and cannot compare: found `{shorten(text)}`",
                start,
                end,
                remedy="derive the value, and write the comparison in a cell of a table",
            )
        return None
    follower = following_text(cursor)
    before = cursor.previous if cursor.index else ("", "", 0, 0)
    if text[0] == "=" and before[1] in {"<", ">"}:
        remedy = f"write `{before[1]}= {follower}`"
        message = f"`{before[1]} {text}` is not a comparison"
        return cursor.error("operator-spelling", message, before[2], end, remedy=remedy)
    if text in EQUAL | DIFFERENT:
        remedy = f"write `{follower}`" if text in EQUAL else f"write `not({follower})`"
        message = f"a cell has no `{text}`: a value alone means equal, `not(...)` means different"
        return cursor.error("equality-operator", message, start, end, remedy=remedy)
    if text in ORDER:
        remedy = f"write `{ORDER[text]} {follower}`"
        return cursor.error("operator-spelling", f"`{text}` is not a comparison", start, end, remedy=remedy)
    if set(text) == {"."} and len(text) > 1:
        return without_brackets(cursor, f"`{shorten(text)}` is not the sign of an interval")
    if text in ALSO | EITHER:
        return after_test(cursor)
    return None


def following_text(cursor: Cursor, default: str = "5") -> str:
    """The value after the next token as it was written, or `default` where there is none."""
    tokens = cursor.tokens
    place = cursor.index + 1
    known = place < len(tokens) and tokens[place][0] in {"number", "date", "word", "quoted", "parameter"}
    return shorten(tokens[place][1]) if known else default


def unknown_characters(cursor: Cursor) -> UnreadableError:
    """Any other sign: dates with slashes, currency signs, brackets of programming languages."""
    _, text, start, end = cursor.token
    stretch = surrounding(cursor)
    day = DAY.fullmatch(stretch[0])
    if day is not None:
        return bad_date(cursor, *stretch, day)
    if DAY_FIRST.fullmatch(stretch[0]):
        return bad_date(cursor, *stretch, None)
    if text in {"¥", "€", "£"}:
        return cursor.error(
            "number-with-unit",
            f"`{text}` cannot stand in a {cursor.what}: the field says the currency",
            start,
            end,
            remedy=f"write `{following_text(cursor)}`",
        )
    remedy = f"put a text in quotes: `{quote(shorten(stretch[0]))}`"
    if cursor.what == "formula":
        remedy = "a formula has numbers, fields, `+ - * /`, parentheses and functions such as `round(x, 2, half_up)`"
    shown = "a back-quote" if text == "`" else f"`{shorten(text)}`"
    return cursor.error("unexpected-character", f"{shown} cannot stand in a {cursor.what}", start, end, remedy=remedy)


def surrounding(cursor: Cursor) -> tuple[str, int, int]:
    """The stretch without spaces or brackets around the next token."""
    _, _, start, end = cursor.token
    for found in BOUND.finditer(cursor.text, max(0, start - SHOWN), min(len(cursor.text), end + SHOWN)):
        if found.start() <= start < found.end():
            return found[0], found.start(), found.end()
    return cursor.text[start:end], start, end


# Words that look like something else


def odd_number(cursor: Cursor) -> UnreadableError | None:
    """`.5` and `+5`."""
    _, text, start, end = cursor.token
    if text[0] == "." and text[1:].isdigit():
        before = cursor.previous if cursor.index else ("", "", 0, -1)
        start = before[2] if before[1] == "-" and before[3] == start else start
        return number_format(cursor, start, end, f"write `{cursor.text[start : end - len(text)]}0{text}`")
    if text[0] == "+":
        number = text[1:] or following_text(cursor)
        return number_format(cursor, start, end, f"write `{number}`: a number has no plus sign")
    return None


def odd_word(cursor: Cursor) -> UnreadableError | None:  # noqa: PLR0911 - one return for each mistake
    """The diagnostic for a word that begins with a digit, or is a keyword in other letters, or None."""
    kind, text, start, end = cursor.token
    if kind == "parameter" and text[1].isdigit():
        return cursor.error(
            "parameter-name",
            f"`{shorten(text)}` is not the name of a parameter: a name begins with a letter",
            start,
            end,
            remedy=f"for an amount of money write `{shorten(text[1:])}`, the unit is the field's",
        )
    if kind == "parameter" and "%" in text:
        return cursor.error(
            "unexpected-character", f"`%` cannot stand in the name `{shorten(text)}`", start, end, remedy="remove `%`"
        )
    if kind != "word":
        return None
    if any(character.isdecimal() and not character.isascii() for character in text):
        return full_width(cursor)
    if text[0].isdigit():
        found = number_word(cursor)
        if found is not None:
            return found
    if "%" in text:
        return cursor.error(
            "unexpected-character",
            f"`%` cannot stand in the name `{shorten(text)}`",
            start,
            end,
            remedy=f"put the text in quotes: `{quote(shorten(text))}`",
        )
    if text.lower() in KEYWORDS and text not in KEYWORDS and cursor.what != "formula":
        return cursor.error(
            "keyword-case",
            f"`{text}` is neither a keyword nor clearly a name",
            start,
            end,
            remedy=f"write `{text.lower()}` for the keyword, `{quote(text)}` for the text",
        )
    return None


def number_word(cursor: Cursor) -> UnreadableError | None:  # noqa: PLR0911 - one return for each mistake
    """A word that begins with a digit and is no number: a date, a unit, an exponent; None when it may be a name."""
    _, text, start, end = cursor.token
    day = DAY.fullmatch(text)
    if day is not None or DAY_FIRST.fullmatch(text):
        return bad_date(cursor, text, start, end, day)
    moment = MOMENT.fullmatch(text)
    if moment is not None:
        remedy = f"write `{moment[1]}`"
        return cursor.error("date-format", f"`{shorten(text)}` has a time of day", start, end, remedy=remedy)
    money = MONEY_WORD.fullmatch(text)
    if money is not None:
        message = f"`{shorten(text)}` is a number with a currency, which the field says"
        return cursor.error("number-with-unit", message, start, end, remedy=f"write `{shorten(money[1])}`")
    if EXPONENT.fullmatch(text):
        return number_format(cursor, start, end, "write all digits, or use `万` or `亿`")
    if COUNTING_WORD.fullmatch(text):
        return number_format(cursor, start, end, "the units are `万`, `亿` and `%`; write other numbers in digits")
    if (set(text) <= set("0123456789_.万亿%") and text.count(".") <= 1) or "%" in text:
        return number_format(cursor, start, end, "write it like `5`, `1.5`, `1_000`, `5万` or `15%`")
    if cursor.what == "formula" and "-" in text:
        return number_format(cursor, start, end, "put spaces around `-`; a name begins with a letter")
    return None


def number_format(cursor: Cursor, start: int, end: int, remedy: str) -> UnreadableError:
    """A number in a spelling that is not read."""
    written = shorten(cursor.text[start:end])
    return cursor.error("number-format", f"`{written}` is not how a number is written", start, end, remedy=remedy)


def bad_date(cursor: Cursor, text: str, start: int, end: int, day: re.Match[str] | None) -> UnreadableError:
    """A date in another form than year-month-day with all its digits."""
    remedy = "write year, month and day, as in `2026-01-31`"
    if day is not None:
        remedy = f"write `{day[1]}-{day[2].zfill(2)}-{day[3].zfill(2)}`"
    return cursor.error("date-format", f"`{shorten(text)}` is not how a date is written", start, end, remedy=remedy)


def spaced_unit(cursor: Cursor) -> UnreadableError:
    """`12 %` and `5 万`: the next token is the unit of the number before it."""
    _, number, start, _ = cursor.previous
    _, unit, _, end = cursor.token
    message = f"`{number} {shorten(unit)}` is not how a number is written"
    if unit in UNITS:
        remedy = f"write `{number}{to_ascii(unit)}` without a space"
        return cursor.error("number-format", message, start, end, remedy=remedy)
    return cursor.error("number-with-unit", message, start, end, remedy=f"write `{number}`, the unit is the field's")


# What follows a complete test


def after_test(cursor: Cursor) -> UnreadableError:  # noqa: PLR0911 - one return for each mistake
    """After a complete test or value comes neither a comma nor the end."""
    kind, text, start, end = cursor.token
    before = cursor.previous
    if kind == "mark" and text == "..":
        return without_brackets(cursor, "an interval stands in brackets")
    if before[0] == "number" and (text in UNITS or re.fullmatch(CURRENCY, text)):
        return spaced_unit(cursor)
    if text in ALSO or (kind == "mark" and text in {"<", "<=", ">", ">=", "≤", "≥"}):
        between = both_bounds(cursor)
        remedy = f"write `{between}`" if between else "write an interval such as `[5..10)`, or use a second column"
        if text in ALSO and before[0] in {"word", "quoted"}:
            remedy = f"for either of them write `{shorten(before[1])}, {following_text(cursor)}`"
        message = "a cell cannot hold two tests side by side"
        if text in ALSO:
            message = f"a cell cannot join two tests with `{text}`"
        return cursor.error("and-in-cell", message, start, end, remedy=remedy)
    if text in EITHER:
        remedy = f"write a comma: `{shorten(before[1])}, {following_text(cursor)}`"
        message = f"a cell joins alternatives with a comma, not with `{text}`"
        return cursor.error("or-in-cell", message, start, end, remedy=remedy)
    if kind == "mark" and text in "])":
        remedy = f"an interval is written like `[5..10{text}`; without one remove `{text}`"
        return cursor.error("cell-syntax", f"`{text}` closes no bracket", start, end, remedy=remedy)
    special = odd_characters(cursor)
    if special is not None:
        return special
    if kind in {"word", "number"} and before[0] in {"word", "number"}:
        return phrase(cursor)
    expected = "the end of the value" if cursor.what == "value" else "`,` or the end of the cell"
    return unexpected(cursor, expected, remedy="put a text with spaces or signs in quotes")


def both_bounds(cursor: Cursor) -> str:
    """The interval meant by `>= 5 and < 10`, or an empty text when it is not of that form."""
    place = cursor.index + (cursor.token[0] != "mark")
    words = [token[1].replace("≥", ">=").replace("≤", "<=") for token in cursor.tokens]
    if cursor.index <= 1 or place + 1 >= len(words) or not words[place + 1]:
        return ""
    bounds = sorted(
        [(words[cursor.index - 2], words[cursor.index - 1]), (words[place], words[place + 1])], reverse=True
    )
    (lower, low), (upper, high) = bounds
    if lower not in {">", ">="} or upper not in {"<", "<="}:
        return ""
    return f"{'[' if lower == '>=' else '('}{shorten(low)}..{shorten(high)}{']' if upper == '<=' else ')'}"


def without_brackets(cursor: Cursor, message: str) -> UnreadableError:
    """`5..10`, `5 ~ 10`: an interval without brackets, or with another sign."""
    _, _, start, end = cursor.token
    low = shorten(cursor.previous[1]) if cursor.index else "5"
    high = following_text(cursor, "10")
    if cursor.index > 1 and cursor.tokens[cursor.index - 2][1] in {"[", "("}:
        opening = cursor.tokens[cursor.index - 2][1]
        remedy = f"write two dots: `{opening}{low}..{high}]`"
    else:
        remedy = f"write `[{low}..{high}]` with both ends, `[{low}..{high})` without the upper one"
    return cursor.error("interval-without-brackets", message, start, end, remedy=remedy)


def phrase(cursor: Cursor) -> UnreadableError:
    """Several words in a row that are not in quotes."""
    first = last = cursor.index
    while first > 0 and cursor.tokens[first - 1][0] in {"word", "number"}:
        first -= 1
    while cursor.tokens[last + 1][0] in {"word", "number"}:
        last += 1
    start, end = cursor.tokens[first][2], cursor.tokens[last][3]
    text = cursor.text[start:end]
    if cursor.tokens[first][1] in {"between", "from"}:
        parts = [token[1] for token in cursor.tokens[first : last + 1]]
        low, high = (parts[1], parts[-1]) if parts[2:-1] in (["and"], ["to"]) else ("5", "10")
        low, high = shorten(low), shorten(high)
        remedy = f"write `[{low}..{high}]` with both ends, `[{low}..{high})` without the upper one"
    elif cursor.tokens[first][0] == "number":
        number = cursor.tokens[first][1]
        remedy = f"write `{number}` when the rest is the unit of the field, `{quote(shorten(text))}` for a text"
    elif cursor.tokens[first][1] in {"is", "in"}:
        remedy = "write the value alone, several values as `a, b`"
    else:
        remedy = f"write `{quote(shorten(text))}`"
    return cursor.error("phrase-needs-quotes", f"`{shorten(text)}` has spaces and no quotes", start, end, remedy=remedy)


def is_phrase(tokens: list[Token]) -> bool:
    """True when the tokens are words and numbers only, none of them a keyword or a connective."""
    special = KEYWORDS | ALSO | EITHER | {"between", "in", "is"}
    return all(kind in {"word", "number"} and text not in special for kind, text, _, _ in tokens[:-1])
