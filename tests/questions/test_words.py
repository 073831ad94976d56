"""Sets and boxes in an author's words, in one short line."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_rules.ir.program import Field
from crm_rules.ir.types import Boolean, Choice, Date, Integer, Money, Number
from crm_rules.questions.sets import (
    MISSING,
    NOTHING,
    NUMBERS,
    Domain,
    ValueSet,
    between,
    domain_of,
    point,
    union,
)
from crm_rules.questions.words import show_box, show_set

DOMAINS = {
    "need": domain_of(Field("need", Choice(("none", "vague", "clear", "无")))),
    "level": domain_of(Field("level", Choice(("1", "2", "3")), optional=True)),
    "in_time": domain_of(Field("in_time", Boolean())),
    "known": domain_of(Field("known", Boolean(), optional=True)),
    "expected_close": domain_of(Field("expected_close", Date(), optional=True)),
    "amount": domain_of(Field("amount", Money("CNY"), decimals=2, low=0)),
    "ratio": Domain(Number(quotient=True), None, NUMBERS | MISSING),
    "total": domain_of(Field("total", Integer())),
    "score": domain_of(Field("score", Integer(), low=0, high=100)),
}
EVE = date(2026, 12, 24)
CHRISTMAS = date(2026, 12, 25)


def numbers(low: Any, high: Any, ends: str = "[]") -> ValueSet:
    """An interval, written with its brackets."""
    return between(low, high, low_closed=ends[0] == "[", high_closed=ends[1] == "]")


@pytest.mark.parametrize(
    ("name", "some", "expected"),
    [
        ("need", point("clear"), "need is clear"),
        ("need", point("无") | point("none"), "need is none or 无"),
        ("need", DOMAINS["need"].all - point("none"), "need is not none"),
        ("need", DOMAINS["need"].all, ""),
        ("need", NOTHING, "need has no value"),
        ("level", DOMAINS["level"].all - point("2"), "level is not 2"),
        ("level", DOMAINS["level"].all - point("2") - MISSING, "level is 1 or 3"),
        ("level", point("2") | MISSING, "level is 2 or missing"),
        ("level", DOMAINS["level"].all - MISSING, "level is present"),
        ("in_time", point(value=False), "in_time is false"),
        ("in_time", DOMAINS["in_time"].all, ""),
        ("known", point(value=True), "known is true"),
        ("known", DOMAINS["known"].all - MISSING, "known is present"),
        ("expected_close", MISSING, "expected_close is missing"),
        ("expected_close", numbers(None, CHRISTMAS), "expected_close is up to 2026-12-25"),
        ("expected_close", numbers(None, CHRISTMAS, "()"), "expected_close is up to 2026-12-24"),
        ("expected_close", numbers(CHRISTMAS, None), "expected_close is from 2026-12-25"),
        ("expected_close", point(CHRISTMAS), "expected_close is 2026-12-25"),
        ("expected_close", DOMAINS["expected_close"].all - point(CHRISTMAS), "expected_close is not 2026-12-25"),
        ("expected_close", between(EVE, CHRISTMAS) | MISSING, "expected_close is 2026-12-24 to 2026-12-25 or missing"),
        ("amount", numbers(None, 100_000, "()"), "amount is below 100000"),
        ("amount", numbers(None, 100_000), "amount is at most 100000"),
        ("amount", numbers(0, 100_000, "[)"), "amount is below 100000"),
        ("amount", numbers(None, Fraction(9998, 100)), "amount is at most 99.98"),
        ("amount", numbers(100_000, None), "amount is at least 100000"),
        ("amount", numbers(100_000, None, "()"), "amount is above 100000"),
        ("amount", numbers(200_000, 500_000, "[)"), "amount is from 200000 to below 500000"),
        ("amount", numbers(200_000, 500_000, "(]"), "amount is above 200000 up to 500000"),
        ("amount", numbers(1, 2, "()"), "amount is above 1 and below 2"),
        ("amount", point(Fraction(1, 2)), "amount is 0.5"),
        ("ratio", numbers(Fraction(1, 3), None), "ratio is at least 1/3"),
        ("ratio", numbers(None, 10, "()") | numbers(20, None), "ratio is below 10 or at least 20"),
        ("total", numbers(4, 9), "total is 4 to 9"),
        ("total", numbers(3, 10, "()"), "total is 4 to 9"),
        ("total", numbers(None, 10, "()"), "total is at most 9"),
        ("total", NUMBERS - point(5) - point(7), "total is not 5 or 7"),
        ("total", point(1) | point(5), "total is 1 or 5"),
        ("total", union(point(2 * n) for n in range(9)), "total is 0, 2, 4, 6, 8, 10 or 3 more"),
        ("score", numbers(90, None), "score is at least 90"),
        ("score", numbers(0, 50), "score is at most 50"),
        ("score", numbers(10, 20) | point(30), "score is 10 to 20 or 30"),
    ],
)  # fmt: skip
def test_a_set_is_said_as_an_author_would(name: str, some: ValueSet, expected: str) -> None:
    """Borders stand as they are written, and an end of the field's own range is left out."""
    assert show_set(name, some, DOMAINS[name]) == expected


def test_a_box_is_one_line() -> None:
    """The sets of a box are joined by commas; whole domains are left out, and a box of them is any record."""
    box = {"need": point("clear"), "in_time": DOMAINS["in_time"].all, "expected_close": MISSING}
    assert show_box(box, DOMAINS) == "need is clear, expected_close is missing"
    assert show_box({"amount": numbers(None, 100_000, "()"), "in_time": point(value=False)}, DOMAINS) == (
        "amount is below 100000, in_time is false"
    )
    assert show_box({"in_time": DOMAINS["in_time"].all}, DOMAINS) == show_box({}, DOMAINS) == "any record"


@given(st.sampled_from(["total", "score"]), st.lists(st.tuples(st.integers(0, 20), st.integers(0, 4)), max_size=4))
def test_different_sets_are_said_differently(name: str, runs: list[tuple[int, int]]) -> None:
    """Few words never make two sets of whole numbers look alike, unless one of them has very many parts."""
    domain = DOMAINS[name]
    some = domain.grid(union(between(low, low + width) for low, width in runs))
    without = domain.grid(some - point(3))
    if some != without:
        assert show_set(name, some, domain) != show_set(name, without, domain)
