"""Ladders: four headings, both directions, parameters, open ends, `missing` and `otherwise`, and their mistakes."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import crm_rules
from crm_rules.loading import load_with_report

HEAD = """\
policy: p
kind: ladder
fields:
  x: {type: number, optional: true}
by: x
output:
  y: {type: choice, one_of: [low, middle, high, other]}
"""
STEPS = {
    "up to": [("low", "10"), ("middle", "20"), ("high", "")],
    "below": [("low", "10"), ("middle", "20"), ("high", "")],
    "from": [("low", ""), ("middle", "10"), ("high", "20")],
    "above": [("low", ""), ("middle", "10"), ("high", "20")],
}
BELONGS_TO_UPPER = {"up to": False, "below": True, "from": True, "above": False}


def ladder(heading: str, steps: list[tuple[str, str]], head: str = HEAD) -> str:
    """A ladder with a pipe table."""
    rows = "".join(f"  | {name} | {border} | {name} |\n" for name, border in steps)
    return f"{head}steps: |\n  | id | {heading} | y |\n{rows}"


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


def said(heading: str, value: Any) -> str:
    """What the heading's words mean, written by hand."""
    if BELONGS_TO_UPPER[heading]:
        return "low" if value < 10 else "middle" if value < 20 else "high"
    return "low" if value <= 10 else "middle" if value <= 20 else "high"


POLICIES: dict[tuple[str, bool], crm_rules.Policy] = {}


@pytest.fixture(scope="module", autouse=True)
def policies(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A ladder for each heading and direction."""
    for heading, steps in STEPS.items():
        for descending in (False, True):
            folder = tmp_path_factory.mktemp("ladder")
            POLICIES[heading, descending] = load(folder, ladder(heading, steps[::-1] if descending else steps))


@given(st.sampled_from(list(STEPS)), st.booleans(), st.one_of(st.sampled_from([10, 20]), st.decimals(-5, 30, places=2)))
def test_a_border_belongs_to_the_side_that_the_heading_says(heading: str, descending: bool, value: Any) -> None:  # noqa: FBT001
    """Up to and above close the lower step, below and from the upper one, whichever way the steps are written."""
    decision = POLICIES[heading, descending].decide({"x": value})
    assert (decision.status, decision.value) == ("decided", said(heading, value))
    assert decision.rules == (said(heading, value),)


@given(st.one_of(st.none(), st.decimals(-5, 30, places=1)))
def test_both_directions_answer_alike(value: Any) -> None:
    """The order of the rows has no meaning."""
    for heading in STEPS:
        first, second = (POLICIES[heading, descending].decide({"x": value}) for descending in (False, True))
        assert (first.status, first.outputs, first.rules) == (second.status, second.outputs, second.rules)


def test_a_missing_quantity_is_on_no_step() -> None:
    """An open end holds every value, but not a missing one."""
    assert POLICIES["up to", False].decide({}).status == "no_match"


@pytest.mark.parametrize("word", ["missing", "otherwise"])
@pytest.mark.parametrize("heading", STEPS)
def test_a_step_for_a_missing_quantity(tmp_path: Path, heading: str, word: str) -> None:
    """`missing` or `otherwise` as the last border takes what has no value."""
    policy = load(tmp_path, ladder(heading, [*STEPS[heading], ("other", word)]))
    assert (policy.decide({}).value, policy.decide({"x": 10}).value) == ("other", said(heading, 10))


def test_otherwise_takes_what_no_step_holds(tmp_path: Path) -> None:
    """Without an open end the last entry `otherwise` closes the ladder, also as a key of the list form."""
    steps = '\nsteps:\n  - {id: low, "up to": 10, y: low}\n  - {id: rest, otherwise: other}\n'
    for text in (ladder("up to", [("low", "10"), ("other", "otherwise")]), HEAD + steps):
        policy = load(tmp_path, text)
        assert [policy.decide({"x": x}).value for x in (10, 11, None)] == ["low", "other", "other"]


def test_borders_may_be_parameters_blank_or_dated(tmp_path: Path) -> None:
    """The direction comes from the open end or the stated order, the values from the day."""
    head = HEAD + "parameters:\n  a: {type: number}\n  b: {type: number, value: {2026-01-01: 20, 2027-01-01: 30}}\n"
    steps = [("low", "$a"), ("middle", "$b"), ("high", "")]
    blank = load(tmp_path, ladder("up to", steps, head))
    assert blank.blank_parameters(date(2026, 1, 1)) == ("p.$a",)
    with pytest.raises(crm_rules.CallError, match=r"p\.\$a"):
        blank.decide({"x": 1}, today=date(2026, 1, 1))
    policy = load(tmp_path, ladder("up to", steps, head.replace("a: {type: number}", "a: {type: number, value: 10}")))
    answers = [policy.decide({"x": 25}, today=date(year, 1, 1)).value for year in (2026, 2027)]
    assert answers == ["high", "middle"]
    with pytest.raises(crm_rules.CallError, match=r"p\.\$b"):
        policy.decide({"x": 25}, today=date(2025, 12, 31))


def test_a_stated_order_of_blank_parameters_gives_the_direction(tmp_path: Path) -> None:
    """Without numbers and without an open end, only `parameter_order` says which way the steps go."""
    head = HEAD + "parameters:\n  a: {type: number}\n  b: {type: number}\n"
    steps = [("middle", "$b"), ("low", "$a")]
    assert codes(tmp_path, ladder("up to", steps, head)) == ["13:5 [unordered-borders]"]
    load(tmp_path, ladder("up to", steps, head + "parameter_order: $a < $b\n"))


def test_a_ladder_climbs_dates(tmp_path: Path) -> None:
    """A border may be a day."""
    head = HEAD.replace("type: number", "type: date")
    policy = load(tmp_path, ladder("below", [("low", "2026-01-01"), ("high", "")], head))
    assert [policy.decide({"x": date(2025, 12, 31)}).value, policy.decide({"x": date(2026, 1, 1)}).value] == [
        "low",
        "high",
    ]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([("low", "10"), ("middle", "10"), ("high", "")], ["11:14 [unordered-borders]"]),
        ([("low", "10"), ("middle", "20"), ("high", "15")], ["12:12 [unordered-borders]"]),
        ([("low", "<= 10"), ("high", "")], ["10:11 [border-with-sign]"]),
        ([("low", "abc"), ("high", "")], ["10:11 [wrong-literal]"]),
        ([("low", "10"), ("low", "")], ["11:5 [duplicate-rule]"]),
    ],
)
def test_mistakes_stand_at_their_cell(tmp_path: Path, steps: list[tuple[str, str]], expected: list[str]) -> None:
    """Borders out of order, with a sign, or of another type are errors at load."""
    assert codes(tmp_path, ladder("up to", steps)) == expected


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("by: x", "by: z", "unknown-field"),
        ("type: number", "type: boolean", "order-on-choice"),
        ("| up to |", "| until |", "no-border-column"),
        ("| id |", "| name |", "missing-key"),
    ],
)
def test_mistakes_of_the_frame(tmp_path: Path, old: str, new: str, expected: str) -> None:
    """An unknown quantity, one without order, and a ladder without a border column are refused."""
    found = codes(tmp_path, ladder("up to", [("low", "10"), ("high", "")]).replace(old, new))
    assert expected in {item.split()[1].strip("[]") for item in found}
