"""Decision tables: hit policies, several outputs, `otherwise`, missing values, and what is refused at load."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import crm_rules
from crm_rules.loading import load_with_report

HEAD = """\
policy: p
kind: decision-table
fields:
  n: {type: integer, optional: true}
  c: {type: choice, one_of: [a, b], optional: true}
output:
  y: {type: integer}
"""
ROWS = """\
rules: |
  | id   | n    | y |
  | one  | >= 1 | 1 |
  | five | >= 5 | 5 |
"""


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


@pytest.mark.parametrize(
    ("words", "answers", "rules"),
    [
        ("", [("no_match", None), ("decided", 1), ("conflict", None)], ("one", "five")),
        ("hit_policy: unique", [("no_match", None), ("decided", 1), ("conflict", None)], ("one", "five")),
        ("hit_policy: first", [("no_match", None), ("decided", 1), ("decided", 1)], ("one",)),
        ("hit_policy: any", [("no_match", None), ("decided", 1), ("conflict", None)], ("one", "five")),
        (
            "hit_policy: collect\naggregation: list",
            [("decided", []), ("decided", [1]), ("decided", [1, 5])],
            ("one", "five"),
        ),
        ("hit_policy: collect\naggregation: sum", [("decided", 0), ("decided", 1), ("decided", 6)], ("one", "five")),
        ("hit_policy: collect\naggregation: count", [("decided", 0), ("decided", 1), ("decided", 2)], ("one", "five")),
        (
            "hit_policy: collect\naggregation: min",
            [("no_match", None), ("decided", 1), ("decided", 1)],
            ("one", "five"),
        ),
        (
            "hit_policy: collect\naggregation: max",
            [("no_match", None), ("decided", 1), ("decided", 5)],
            ("one", "five"),
        ),
    ],
)
def test_hit_policies(tmp_path: Path, words: str, answers: list[tuple[str, Any]], rules: tuple[str, ...]) -> None:
    """No match, one match and two matches under each hit policy; UNIQUE when none is written."""
    policy = load(tmp_path, f"{HEAD}{words}\n{ROWS}")
    decisions = [policy.decide({"n": n}) for n in (0, 1, 5)]
    assert [(one.status, one.outputs.get("y")) for one in decisions] == answers
    assert decisions[2].rules == rules


def test_any_decides_where_the_rules_agree(tmp_path: Path) -> None:
    """ANY allows several rules with the same outputs."""
    policy = load(tmp_path, f"{HEAD}hit_policy: any\n{ROWS.replace('| 5 |', '| 1 |')}")
    assert policy.decide({"n": 5}).value == 1


def test_a_rule_fills_several_outputs(tmp_path: Path) -> None:
    """Outputs keep their types, and `value` is refused where there are several."""
    text = (
        HEAD
        + "  z: {type: money, unit: CNY}\n  w: {type: date, optional: true}\n"
        + (
            "rules: |\n  | id | n | y | z     | w          |\n  | a  | 1 | 7 | 2.50  | 2026-01-31 |\n"
            "  | b  | 2 | 8 | 1万   | missing    |\n"
        )
    )
    policy = load(tmp_path, text)
    assert dict(policy.decide({"n": 1}).outputs) == {"y": 7, "z": Decimal("2.50"), "w": date(2026, 1, 31)}
    assert dict(policy.decide({"n": 2}).outputs) == {"y": 8, "z": 10_000, "w": None}
    with pytest.raises(crm_rules.CallError, match="several outputs"):
        _ = policy.decide({"n": 1}).value


OTHERWISE = [
    "rules: |\n  | id | n         | c | y |\n  | a  | 1         | a | 1 |\n  | z  | otherwise |   | 9 |\n",
    (
        "rules: |\n  | id | n         | c         | y |\n  | a  | 1         | a         | 1 |\n"
        "  | z  | otherwise | otherwise | 9 |\n"
    ),
    "rules: |\n  | id | n | c         | y |\n  | a  | 1 | a         | 1 |\n  | z  | - | otherwise | 9 |\n",
    "rules:\n  - {id: a, when: {n: 1, c: a}, then: 1}\n  - {id: z, when: otherwise, then: 9}\n",
    "rules:\n  - {id: a, when: {n: 1, c: a}, then: {y: 1}}\n  - {id: z, otherwise: {y: 9}}\n",
    "rules:\n  - {id: a, n: 1, c: a, y: 1}\n  - {id: z, otherwise: 9}\n",
]


@pytest.mark.parametrize("rules", OTHERWISE)
@pytest.mark.parametrize("hit", ["unique", "first", "any", "collect\naggregation: sum"])
def test_otherwise_matches_when_no_other_rule_does(tmp_path: Path, rules: str, hit: str) -> None:
    """In every form `otherwise` takes the rest, missing values included, and nothing else."""
    policy = load(tmp_path, f"{HEAD}hit_policy: {hit}\n{rules}")
    records: list[dict[str, Any]] = [{"n": 1, "c": "a"}, {"n": 1, "c": "b"}, {"n": 1}, {}]
    assert [policy.decide(record).value for record in records] == [1, 9, 9, 9]
    assert policy.decide({}).rules == ("z",)


def test_otherwise_in_the_middle_is_refused(tmp_path: Path) -> None:
    """It must be the last rule of its table."""
    rules = "rules: |\n  | id | n         | y |\n  | z  | otherwise | 9 |\n  | a  | 1         | 1 |\n"
    assert codes(tmp_path, HEAD + rules) == ["10:5 [otherwise-not-last]"]


def test_only_missing_and_dash_match_a_missing_value(tmp_path: Path) -> None:
    """`not(...)` and comparisons never match a missing value; `missing` may stand in a list."""
    rules = "rules: |\n  | id  | n              | c      | y |\n"
    rules += "  | not | not(5)         | -      | 1 |\n"
    rules += "  | b   | 5              | not(a) | 2 |\n  | mix | missing        | a, missing | 3 |\n"
    policy = load(tmp_path, HEAD + rules)
    records: list[dict[str, Any]] = [{"n": 4}, {"n": 5, "c": "b"}, {}, {"n": None, "c": "a"}, {"n": 5}, {"c": "b"}]
    assert [policy.decide(record).outputs.get("y") for record in records] == [1, 2, 3, 3, None, None]


def test_a_list_and_a_table_mean_the_same(tmp_path: Path) -> None:
    """The two ways to write rules give one program, so one content hash."""
    table = load(tmp_path, HEAD + ROWS).content_hash
    rules = 'rules:\n  - {id: one, when: {n: ">= 1"}, then: 1}\n  - {id: five, when: {n: ">= 5"}, then: {y: 5}}\n'
    assert load(tmp_path, HEAD + rules).content_hash == table


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("[5..1]", "reversed-interval"),
        ("(5..5)", "empty-interval"),
        ("a", "wrong-literal"),
        ("2026-01-01", "wrong-literal"),
        ("1.5", "wrong-literal"),
        ("$x", "unknown-parameter"),
    ],
)
def test_a_cell_that_could_never_match_is_refused(tmp_path: Path, cell: str, expected: str) -> None:
    """What FEEL lets silently never match is an error at the cell's line."""
    found = codes(tmp_path, HEAD + f"rules: |\n  | id | n | y |\n  | a | {cell} | 1 |\n")
    assert [item.split()[1].strip("[]") for item in found] == [expected]
    assert found[0].startswith("10:")


@pytest.mark.parametrize(
    ("cell", "expected"),
    [("A", "unknown-choice"), ("< b", "order-on-choice"), ("[a..b]", "order-on-choice"), ('"a" or "b"', None)],
)
def test_choices_are_only_equal_or_not(tmp_path: Path, cell: str, expected: str | None) -> None:
    """A choice is compared with its declared values and nothing else."""
    found = codes(tmp_path, HEAD + f"rules: |\n  | id | c | y |\n  | a | {cell} | 1 |\n")
    assert len(found) == 1
    assert expected is None or found[0].split()[1].strip("[]") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (HEAD + ROWS.replace("| five", "| one "), ["11:5 [duplicate-rule]"]),
        (HEAD + ROWS.replace("| n  ", "| m  "), ["9:12 [unknown-field]"]),
        (HEAD + "hit_policy: collect\n" + ROWS, ["1:9 [hit-policy]"]),
        (HEAD + "aggregation: sum\n" + ROWS, ["1:9 [hit-policy]"]),
        (HEAD + "hit_policy: priority\n" + ROWS, ["8:13 [unknown-word]"]),
        (HEAD + ROWS.replace("| 5 |", "|   |"), ["11:19 [missing-output]"]),
        (HEAD.replace("output:\n  y: {type: integer}\n", "") + ROWS, ["1:9 [no-output]"]),
        (HEAD + "rules: []\n", ["8:8 [no-rules]"]),
    ],
)
def test_mistakes_stand_at_their_place(tmp_path: Path, text: str, expected: list[str]) -> None:
    """A table that cannot mean anything is refused with line and column."""
    assert codes(tmp_path, text) == expected
