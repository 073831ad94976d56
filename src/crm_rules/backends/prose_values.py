"""Values, borders and tests as a person reads them: `6,000,000 CNY`, `600万元`, `≥ 12 and < 14`.

A border is shown by the caller, because it may be a parameter. Nothing here knows a step; the cell
grammar itself is written by `crm_rules.ir.show`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from crm_rules.backends.prose_words import CURRENCIES, UNITS, Language, say
from crm_rules.ir.nodes import AnyOf, Anything, Expr, IsMissing, IsPresent, NotPassing, OneOf, Test, Within
from crm_rules.ir.numbers import Exact, decimal_parts, decimals_of, reduced, rounded, show_number
from crm_rules.ir.program import Field, Label, Output
from crm_rules.ir.types import Integer, Money, Number, Type
from crm_rules.ir.typing import is_quotient

SHOWN_DECIMALS = 4  # of a quotient without a finite decimal form
SHARE_DECIMALS = 2  # of a share in percent
LARGE_DECIMALS = 2  # `12.34万` is read at a glance, `12.3456万` is not


def in_language(label: Label, lang: Language) -> str:
    """The label in the language, else in the other one, else empty."""
    return (label.zh or label.en) if lang == "zh" else (label.en or label.zh)


def capitalized(text: str) -> str:
    """The text with a capital at its begin, as it stands at the begin of a line."""
    return text[:1].upper() + text[1:]


def show_value(value: Any, kind: Type, field: Field | Output | None = None, lang: Language = "en") -> str:
    """A value in words: with thousands or 万, with its unit, a choice with the label that `field` gives it."""
    if value is None:
        return say(lang, "missing")
    if isinstance(value, bool):
        return say(lang, "true" if value else "false")
    if isinstance(value, date):
        return f"{value.year:04}-{value.month:02}-{value.day:02}"
    if isinstance(value, tuple):
        item = getattr(kind, "item", kind)
        return say(lang, "list").join(show_value(one, item, field, lang) for one in value) or say(lang, "nothing")
    if isinstance(value, int | Fraction | Decimal | float):
        exact = Fraction(repr(value)) if isinstance(value, float) else Fraction(value)
        of_a_whole = isinstance(field, Field) and is_quotient(field.type)  # no other field is a quotient
        return show_share(reduced(exact), lang) if of_a_whole else show_amount(reduced(exact), kind, lang)
    labels = dict(field.value_labels) if field is not None else {}
    label = in_language(labels.get(value, Label()), lang)
    return say(lang, "labelled", label=label, value=value) if label and label != value else str(value)


def show_share(value: Exact, lang: Language) -> str:
    """A part of a whole in percent, rounded to two decimals where it has more, and then it says so."""
    percent = reduced(value * 100)
    if decimal_parts(percent) is not None and decimals_of(percent) <= SHARE_DECIMALS:
        return f"{show_digits(percent, lang)}%"
    return say(lang, "about", value=f"{show_digits(rounded(percent, SHARE_DECIMALS, 'half_even'), lang)}%")


def show_amount(value: Exact, kind: Type, lang: Language) -> str:
    """A number with the unit of its type."""
    unit = kind.unit if isinstance(kind, Integer | Number | Money) else None
    if isinstance(kind, Money):
        if lang == "en":
            return f"{show_digits(value, lang)} {unit}"
        name = CURRENCIES.get(kind.unit)
        return with_large_unit(value) + (name or f" {unit}")
    digits = show_digits(value, lang)
    if unit is None:
        return digits
    english, chinese = UNITS.get(unit, (unit, f" {unit}"))
    if lang == "zh":
        return digits + chinese
    return f"{digits} {english}" if value == 1 else f"{digits} {english}s"


def show_digits(value: Exact, lang: Language) -> str:
    """The number with its thousands grouped; a quotient without a finite form is rounded and says so."""
    if decimal_parts(value) is None:
        return say(lang, "about", value=show_digits(rounded(value, SHOWN_DECIMALS, "half_even"), lang))
    whole, _, decimals = show_number(value).partition(".")
    sign, whole = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
    grouped = re.sub(r"(?<=\d)(?=(?:\d{3})+$)", ",", whole)
    return sign + grouped + (f".{decimals}" if decimals else "")


def with_large_unit(value: Exact) -> str:
    """An amount of money in 万 or 亿 where that is short."""
    for size, name in ((10**8, "亿"), (10**4, "万")):
        scaled = reduced(Fraction(value) / size)
        if not -1 < scaled < 1 and decimals_of(scaled) <= LARGE_DECIMALS:
            return show_digits(scaled, "zh") + name
    return show_digits(value, "zh")


def test_in_words(test: Test, border: Callable[[Expr], str], lang: Language) -> str:  # noqa: C901, PLR0911 - a case a test
    """What a cell asks for; `border` shows the value of a border."""
    match test:
        case Anything():
            return say(lang, "anything")
        case IsMissing():
            return say(lang, "missing")
        case IsPresent() | Within(None, None):
            return say(lang, "present")
        case OneOf(values):
            return say(lang, "or").join(map(border, values))
        case Within(None, high) if high is not None:
            return f"{'≤' if high.closed else '<'} {border(high.at)}"
        case Within(low, None) if low is not None:
            return f"{'≥' if low.closed else '>'} {border(low.at)}"
        case Within(low, high) if low is not None and high is not None:
            if lang == "en":
                ends = (test_in_words(Within(low, None), border, lang), test_in_words(Within(None, high), border, lang))
                return say(lang, "interval", low=ends[0], high=ends[1])
            low_end, high_end = (say(lang, "closed" if end.closed else "open") for end in (low, high))
            return say(
                lang, "interval", low=border(low.at), low_end=low_end, high=border(high.at), high_end=high_end
            )  # fmt: skip
        case NotPassing(inner):
            words = test_in_words(inner, border, lang)
            simple = isinstance(inner, OneOf) and len(inner.values) == 1
            return say(lang, "not", test=words if simple else say(lang, "bracketed", test=words))
        case AnyOf(tests):
            return say(lang, "or").join(test_in_words(inner, border, lang) for inner in tests)
        case _:
            raise AssertionError(test)
