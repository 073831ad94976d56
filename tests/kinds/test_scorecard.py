"""Scorecards: points, weights, initial score, total, bands in both forms, overrides, `otherwise`."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import crm_rules
from crm_rules.loading import load_with_report

TODAY = date(2026, 11, 21)
CARD = """\
policy: p
kind: scorecard
fields:
  n: {type: integer, min: 0, max: 20}
  since: {type: date, optional: true}
derive:
  months: months_between(since, today)
characteristics:
  base:
    rules: |
      | id   | n    | points |
      | high | >= 5 | 4      |
      | low  | < 5  | 1      |
  size:
    weight: 2
    rules:
      - {id: big, when: {n: ">= 10"}, points: 3, reason: SIZE}
      - {id: rest, otherwise: 0}
output:
  grade: {type: choice, one_of: [A, B, C], ordered: best-first}
BANDS
overrides:
  - {id: new, when: {months: "< 12"}, then: C}
"""
MAPPING = 'bands:\n  A: ">= 10"\n  B: "[2..10)"\n  C: "< 2"\n'
LADDER = (
    "bands: |\n  | id | from | grade |\n  | A  | 10   | A     |\n  | B  | 2    | B     |\n  | C  |      | C     |\n"
)
ROWS = """\
bands: |
  | id | total   | grade |
  | A  | >= 10   | A     |
  | B  | [2..10) | B     |
  | C  | < 2     | C     |
"""
OTHERWISE = 'bands:\n  A: ">= 10"\n  B: "[2..10)"\n  C: otherwise\n'
FORMS = {"mapping": MAPPING, "ladder": LADDER, "rows": ROWS, "otherwise": OTHERWISE}


def card(bands: str = MAPPING) -> str:
    """The scorecard with bands."""
    return CARD.replace("BANDS\n", bands)


def load(folder: Path, text: str) -> crm_rules.Policy:
    """The policy of a text."""
    (folder / "p.yaml").write_text(text, encoding="utf-8")
    return crm_rules.load(folder)["p"]


def codes(folder: Path, text: str) -> list[str]:
    """The findings of a text that does not load, as line:column code."""
    (folder / "p.yaml").write_text(text, encoding="utf-8")
    pack, report, _ = load_with_report(folder)
    assert pack is None
    return [f"{item.span.line}:{item.span.column} [{item.code}]" for item in report]


@pytest.fixture(scope="module", name="cards")
def load_cards(tmp_path_factory: pytest.TempPathFactory) -> dict[str, crm_rules.Policy]:
    """One scorecard for each form of bands."""
    return {form: load(tmp_path_factory.mktemp(form), card(bands)) for form, bands in FORMS.items()}


@given(st.integers(0, 20), st.one_of(st.none(), st.dates(date(2024, 1, 1), date(2026, 12, 31))))
def test_the_total_decides_unless_an_override_does(
    cards: dict[str, crm_rules.Policy], n: int, since: date | None
) -> None:
    """Weighted points fall into a band in whichever form it is written; the first year is C whatever they are."""
    total = (4 if n >= 5 else 1) + 2 * (3 if n >= 10 else 0)
    new = since is not None and since > date(2025, 11, 21)
    grade = "C" if new else "A" if total >= 10 else "B" if total >= 2 else "C"
    for policy in cards.values():
        decision = policy.decide({"n": n, "since": since}, today=TODAY)
        assert (decision.status, decision.value, decision.details["total"]) == ("decided", grade, total)
        assert decision.rules[-1] == ("overrides.new" if new else f"bands.{grade}")
        assert decision.rules[:2] == (f"base.{'high' if n >= 5 else 'low'}", f"size.{'big' if n >= 10 else 'rest'}")


def test_the_first_year_ends_on_the_anniversary(cards: dict[str, crm_rules.Policy]) -> None:
    """A first dealing of 2025-11-22 is overridden on 2026-11-21, one of 2025-11-21 is scored."""
    answers = [cards["mapping"].decide({"n": 20, "since": date(2025, 11, day)}, today=TODAY) for day in (22, 21)]
    assert [one.value for one in answers] == ["C", "A"]


def test_weights_and_initial_score_are_exact(tmp_path: Path) -> None:
    """A weight of 0.1 and an initial score of 0.2 give 0.6 and not a little more."""
    text = card('bands:\n  A: ">= 0.6"\n  B: "< 0.6"\n').replace("weight: 2", "weight: 0.1")
    text = (
        text.replace("output:", "initial: 0.2\noutput:")
        .replace("| 4      |", "| 0.1    |")
        .replace("| 1      |", "| 0      |")
    )
    policy = load(tmp_path, text)
    decision = policy.decide({"n": 10}, today=TODAY)
    assert (decision.details["total"], decision.value) == (Decimal("0.6"), "A")
    assert policy.decide({"n": 5}, today=TODAY).details["total"] == Decimal("0.3")


def test_a_gap_in_a_characteristic_leaves_nothing_decided_but_an_override(tmp_path: Path) -> None:
    """Without points there is no total; an override needs none."""
    policy = load(tmp_path, card().replace("| < 5  |", "| < 2  |"))
    record: dict[str, Any] = {"n": 3}
    assert policy.decide(record, today=TODAY).status == "no_match"
    assert policy.decide(record | {"since": TODAY}, today=TODAY).value == "C"


def test_a_gap_between_bands_is_no_match(tmp_path: Path) -> None:
    """A total in no band is not decided."""
    policy = load(tmp_path, card('bands:\n  A: ">= 10"\n  B: "< 4"\n'))
    assert policy.decide({"n": 5}, today=TODAY).status == "no_match"
    assert policy.decide({"n": 5}, today=TODAY).details["total"] == 4


def test_the_first_override_that_holds_decides(tmp_path: Path) -> None:
    """Overrides are tried from the top."""
    text = card() + '  - {id: tiny, when: {n: "< 2"}, then: B}\n'
    policy = load(tmp_path, text)
    decision = policy.decide({"n": 1, "since": TODAY}, today=TODAY)
    assert (decision.value, decision.rules[-1]) == ("C", "overrides.new")
    assert policy.decide({"n": 1}, today=TODAY).rules[-1] == "overrides.tiny"


def test_a_reason_code_stands_on_an_attribute(cards: dict[str, crm_rules.Policy]) -> None:
    """The code that an attribute declares is the reason's code."""
    reasons = cards["mapping"].decide({"n": 10}, today=TODAY).reasons
    assert "SIZE" in {reason.code for reason in reasons if reason.rule == "size.big"}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("weight: 2", "weight: two", "15:13 [wrong-literal]"),
        ("  size:", "  total:", "14:3 [reserved-name]"),
        ("  size:", "  months:", "14:3 [duplicate-name]"),
        ('A: ">= 10"', 'X: ">= 10"', "22:3 [unknown-choice]"),
        ('B: "[2..10)"', 'B: "[10..2)"', "23:7 [reversed-interval]"),
        ("then: C", "then: D", "26:45 [unknown-choice]"),
        ("points: 3", "point: 3", "17:39 [unknown-field]"),
        ('{months: "< 12"}', '{month: "< 12"}', "26:22 [unknown-field]"),
    ],
)
def test_mistakes_stand_at_their_place(tmp_path: Path, old: str, new: str, expected: str) -> None:
    """What a scorecard cannot use is refused with line and column."""
    assert expected in codes(tmp_path, card().replace(old, new, 1))
