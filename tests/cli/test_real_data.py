"""The mappings of `examples/mappings` on the public tables that they are for.

The tables are not part of the project. `CRM_RULES_DATA` names the folder that holds them (see each mapping
for the file it wants); without it these tests are skipped.
"""

from __future__ import annotations

import csv
import os
from calendar import monthrange
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from crm_rules.cli.main import main

ROOT = Path(__file__).parents[2]
MAPPINGS = ROOT / "examples" / "mappings"
DATA = os.environ.get("CRM_RULES_DATA", "")
LEVELS = (("1", "in-time"), ("2", "late-3"), ("3", "late-6"), ("4", "late-12"), ("5", "legal"))

pytestmark = pytest.mark.skipif(not DATA, reason="CRM_RULES_DATA names no folder of public tables")


def decide(data: Path, mapping: str, today: date, out: Path) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """The rows of a table, and the rows that the command wrote for them."""
    options = ["--mapping", str(MAPPINGS / mapping), "--today", str(today), "--edition", "1.0.0", "--out", str(out)]
    assert main(["decide", str(ROOT / "policies"), str(data), *options]) == 0
    with data.open(newline="") as given, out.open(newline="") as written:
        return list(csv.DictReader(given)), list(csv.DictReader(written))


def started_months(start: date, end: date) -> int:
    """The smallest number of months after which `start` reaches `end`, by counting."""
    months = 0
    while True:
        year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
        if end <= date(year, month + 1, min(start.day, monthrange(year, month + 1)[1])):
            return months
        months += 1


def day(text: str) -> date:
    """A day written DD/MM/YYYY."""
    return date(int(text[6:]), int(text[3:5]), int(text[:2]))


@pytest.mark.parametrize(
    ("today", "counts"),
    [
        (date(2012, 6, 30), {"1": 2_254, "2": 212}),
        (date(2014, 1, 31), {"1": 1_589, "2": 877}),
    ],
)
def test_credit_levels_of_invoices(today: date, counts: dict[str, int], tmp_path: Path) -> None:
    """The level of every invoice is what counting months by hand gives."""
    data = next(Path(DATA).rglob("WA_Fn-UseC_-Accounts-Receivable.csv"))
    given, written = decide(data, "credit-level-of-invoices.yaml", today, tmp_path / "out.csv")
    assert len(given) == len(written) == 2_466
    for row, found in zip(given, written, strict=True):
        paid = min(day(row["SettledDate"]), today) if row["SettledDate"] else today
        months = started_months(day(row["DueDate"]), paid)
        expected = LEVELS[sum(months > limit for limit in (0, 3, 6, 12))]
        assert (found["level"], found["rules"], found["status"]) == (*expected, "decided")
        assert {name: found[name] for name in row} == row
    assert Counter(found["level"] for found in written) == counts


def test_pipeline_stages_of_opportunities(tmp_path: Path) -> None:
    """The stage of every opportunity is what counting months by hand gives."""
    today = date(2017, 3, 1)
    data = next(Path(DATA).rglob("sales_pipeline.csv"))
    given, written = decide(data, "pipeline-stage-of-opportunities.yaml", today, tmp_path / "out.csv")
    assert len(given) == len(written) == 8_800
    for row, found in zip(given, written, strict=True):
        close = date.fromisoformat(row["close_date"]) if row["close_date"] else None
        if row["deal_stage"] in {"Lost", "Prospecting"}:
            expected = "E" if row["deal_stage"] == "Lost" else "D"
        elif close is None or close < today:
            expected = "unknown"
        else:
            expected = "ABCD"[sum(started_months(today, close) > limit for limit in (1, 3, 6))]
        assert (found["stage"], found["status"]) == (expected, "decided")
        assert {name: found[name] for name in row} == row
    counts = {"A": 539, "B": 729, "C": 1_284, "D": 2_186, "E": 2_473, "unknown": 1_589}
    assert Counter(found["stage"] for found in written) == counts
