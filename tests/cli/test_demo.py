"""`crm-rules demo`: the main job, in both languages, the same for ever, from any folder."""

from __future__ import annotations

import json
import re
import shlex
from datetime import date
from pathlib import Path

import pytest

from crm_rules.cli.demo import SHOWN, read_book
from crm_rules.cli.main import main
from crm_rules.columns import display_width
from crm_rules.loading import load

ROOT = Path(__file__).parents[2]


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """What the demo prints in an empty folder, 120 columns wide."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    assert main(["demo"]) == 0
    return capsys.readouterr().out


def test_the_table_shows_what_the_policies_decide(printed: str) -> None:
    """Every customer has a line with its grade, level, stage and next touch, as the policies decide them."""
    today, records = read_book()
    pack = load("sample-company").on(today)
    lines = printed.splitlines()
    for record in records:
        decisions = [pack[name].decide(pack[name].read(record), today=today) for name in SHOWN]
        outcomes = [str(next(iter(one.outputs.values()), one.status)) for one in decisions]
        (line,) = [line for line in lines if line.startswith(f"{record['name']} ") and record["name_zh"] in line]
        assert re.split(r"\s{2,}", line)[: 2 + len(outcomes)] == [record["name"], record["name_zh"], *outcomes]


def test_every_customer_has_reasons_in_both_languages(printed: str) -> None:
    """Below a customer each decision has a reason in English and one in Chinese."""
    for record in read_book()[1]:
        block = printed.partition(f"{record['customer']} {record['name']} {record['name_zh']}\n")[2].partition("\n\n")[
            0
        ]
        for label in SHOWN.values():
            assert re.search(rf"^  {label.en} +\S.*[a-z]{{3,}}", block, re.MULTILINE)
            assert re.search(rf"^  {label.zh} +\S.*[\u4e00-\u9fff]{{2,}}", block, re.MULTILINE)


@pytest.mark.parametrize(
    "reason",
    [
        "16 points; top amount, paid in time; low receivable; top premium; leader of its industry",
        "new customer in the first year; whole months as a customer: 11 months",
        "一年之内的新客户；成为客户的整月数：11个月",
        "missing or wrong: Receivable at year end",
        "资料缺失或有误：年底应收账款",
        "never touched, so due on the day itself",
        "上次跟进 2026-11-12 之后 1 周",
    ],
)
def test_reasons_name_the_rule_and_its_facts(printed: str, reason: str) -> None:
    """A reason says which rule decided and what it looked at; a record that is incomplete says what is missing."""
    assert reason in " ".join(printed.replace("\n" + " " * 26, " ").split())


def test_one_explanation_is_shown_in_full_in_both_languages(printed: str) -> None:
    """The sample shows why, and why not the next better grade."""
    assert "Why not important customer (A)" in printed
    assert "为什么不是 重要客户（A）" in printed


def test_the_next_commands_work(printed: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The commands that the demo ends with can be run as they are."""
    text = printed.partition("Try next")[2].replace("\\\n    ", "")
    commands = [line.partition("     ")[0] for line in text.splitlines() if line.startswith("crm-rules ")]
    assert len(commands) == 4
    for command in commands:
        words = shlex.split(command)[1:]
        if words != ["--help"]:
            assert main(words) == 0, command
    capsys.readouterr()


@pytest.mark.parametrize("width", [80, 120])
def test_nothing_is_wider_than_the_terminal(
    width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lines fit a terminal of 80 and of 120 columns, but for the command to copy."""
    monkeypatch.setenv("COLUMNS", str(width))
    assert main(["demo", "--color", "never"]) == 0
    lines = capsys.readouterr().out.partition("Try next")[0].splitlines()
    assert [line for line in lines if display_width(line) > width] == []


def test_color_changes_nothing_but_colors(printed: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Without its codes the coloured demo is the plain one."""
    assert main(["demo", "--color", "always"]) == 0
    colored = capsys.readouterr().out
    assert colored != printed
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == printed


def test_the_day_is_that_of_the_book() -> None:
    """The demo asks no clock."""
    folder = ROOT / "examples" / "book"
    written = json.loads((folder / "book.json").read_text(encoding="utf-8"))
    assert read_book()[0] == date.fromisoformat(written["today"])
    assert len(read_book()[1]) == 8
