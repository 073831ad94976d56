"""Cadences: intervals in the unit they are written in, from the last touch, and what is refused."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import crm_rules
from crm_rules.loading import load_with_report

TEXT = """\
policy: p
kind: cadence
fields:
  class: {type: choice, one_of: [day, days, week, month, year, quarter]}
  last: {type: date, optional: true}
by: class
since: last
every:
  day: 1 day
  days: 30 days
  week: 2 weeks
  month: 1 month
  year: 1 year
  quarter: 3 months
"""


def months_later(day: date, count: int) -> date:
    """The same day of a later month, or the last one of a shorter month, written by hand."""
    year, month = divmod(day.year * 12 + day.month - 1 + count, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def load(folder: Path, text: str) -> crm_rules.Policy:
    """The policy of a text."""
    (folder / "p.yaml").write_text(text, encoding="utf-8")
    return crm_rules.load(folder)["p"]


@pytest.fixture(scope="module", name="policy")
def load_policy(tmp_path_factory: pytest.TempPathFactory) -> crm_rules.Policy:
    """A cadence with every unit."""
    return load(tmp_path_factory.mktemp("cadence"), TEXT)


@pytest.mark.parametrize(
    ("name", "last", "due"),
    [
        ("day", (2026, 2, 28), (2026, 3, 1)),
        ("day", (2024, 2, 28), (2024, 2, 29)),
        ("days", (2026, 1, 31), (2026, 3, 2)),
        ("days", (2024, 1, 31), (2024, 3, 1)),
        ("week", (2026, 12, 25), (2027, 1, 8)),
        ("month", (2026, 1, 31), (2026, 2, 28)),
        ("month", (2024, 1, 31), (2024, 2, 29)),
        ("month", (2026, 2, 28), (2026, 3, 28)),
        ("quarter", (2025, 11, 30), (2026, 2, 28)),
        ("year", (2024, 2, 29), (2025, 2, 28)),
        ("year", (2023, 2, 28), (2024, 2, 28)),
    ],
)
def test_units_are_kept_as_written(
    policy: crm_rules.Policy, name: str, last: tuple[int, int, int], due: tuple[int, int, int]
) -> None:
    """Days and weeks are counted, months and years keep the day of the month and clip at its end."""
    decision = policy.decide({"class": name, "last": date(*last)}, today=date(2026, 6, 1))
    assert decision.outputs["next_touch"] == date(*due)
    assert decision.rules == (name,)


@given(
    st.sampled_from(["day", "days", "week", "month", "year", "quarter"]),
    st.dates(date(2000, 1, 1), date(2030, 1, 1)),
    st.dates(date(2000, 1, 1), date(2030, 1, 1)),
)
def test_overdue_and_due_follow_from_the_next_touch(
    policy: crm_rules.Policy, name: str, last: date, today: date
) -> None:
    """Due from the day of the next touch on, and overdue by the days after it."""
    months = {"month": 1, "year": 12, "quarter": 3}
    length = {"day": 1, "days": 30, "week": 14}
    due = last + timedelta(length[name]) if name in length else months_later(last, months[name])
    outputs = policy.decide({"class": name, "last": last}, today=today).outputs
    assert dict(outputs) == {"next_touch": due, "days_overdue": max(0, (today - due).days), "due": today >= due}


def test_never_touched_is_due_today(policy: crm_rules.Policy) -> None:
    """Without a last touch the next one is today, and nothing is overdue."""
    today = date(2026, 11, 21)
    assert dict(policy.decide({"class": "year"}, today=today).outputs) == {
        "next_touch": today,
        "days_overdue": 0,
        "due": True,
    }


def test_a_class_without_an_interval_is_a_gap(tmp_path: Path) -> None:
    """A class that nobody gave an interval is not decided."""
    policy = load(tmp_path, TEXT.replace("  quarter: 3 months\n", ""))
    assert policy.decide({"class": "quarter"}, today=date(2026, 1, 1)).status == "no_match"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("1 day\n", "1 workday\n", "9:8 [bad-interval]"),
        ("1 day\n", "0 days\n", "9:8 [bad-interval]"),
        ("1 day\n", "half a year\n", "9:8 [bad-interval]"),
        ("1 day\n", "1.5 days\n", "9:8 [bad-interval]"),
        ("  day: 1", "  daily: 1", "9:3 [unknown-choice]"),
        ("since: last", "since: class", "7:8 [type-mismatch]"),
        ("by: class", "by: last", "6:5 [type-mismatch]"),
        ("since: last", "since: lost", "7:8 [unknown-field]"),
        ("every:\n", "output: {x: {type: date}}\nevery:\n", "8:10 [fixed-outputs]"),
    ],
)
def test_mistakes_stand_at_their_place(tmp_path: Path, old: str, new: str, expected: str) -> None:
    """An interval that is none, an unknown class, and subjects of another type are refused."""
    (tmp_path / "p.yaml").write_text(TEXT.replace(old, new, 1), encoding="utf-8")
    pack, report, _ = load_with_report(tmp_path)
    assert pack is None
    assert expected in [f"{item.span.line}:{item.span.column} [{item.code}]" for item in report]
