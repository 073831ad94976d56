"""Rankings in use: one record alone, chains, packs, parameters, fitted borders, JSON, words, and whole files."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

import crm_rules
from crm_rules.backends.to_json import from_json, to_json
from crm_rules.cli.main import main
from crm_rules.errors import CallError
from crm_rules.ir.check import check
from crm_rules.policy import Policy

SHIPPED = Path(__file__).parents[2] / "policies"

RANKING = """\
policy: value-class
kind: ranking
title: {en: Value class, zh: 价值分类}
version: 1.0.0
fields:
  sales: {type: money, unit: CNY, decimals: 2, optional: true, label: {en: Sales, zh: 销售额}}
  cost: {type: money, unit: CNY, default: 0}
  region: {type: choice, one_of: [east, west], default: east, label: {en: Region, zh: 区域}}
parameters:
  share_a: {type: number, value: {2026-01-01: 80%, 2027-01-01: 50%}}
derive:
  profit: {formula: sales - cost, label: {en: Profit, zh: 利润}}
rank: profit
within: region
by: share_before
output:
  class: {type: choice, one_of: [A, B, C, none], ordered: best-first, unranked: [none], label: {en: Class, zh: 类别}}
steps: |
  | id      | below        | class |
  | first   | $share_a     | A     |
  | second  |              | B     |
  | loss    | not positive | C     |
  | unknown | missing      | none  |
"""
TERMS = """\
policy: terms
kind: decision-table
fields: {prepaid: {type: boolean}}
requires: {class: value-class}
output: {days: {type: integer}}
rules: |
  | id    | class   | prepaid | days |
  | paid  | -       | true    | 0    |
  | large | A       | false   | 60   |
  | other | not(A)  | false   | 30   |
"""
POSITIONS = """\
policy: top
kind: ranking
fields: {orders: {type: integer}}
rank: orders
by: position
not_positive: ranked
output: {key: {type: boolean}, place: {type: integer}, of: {type: integer}}
steps: |
  | id   | up to | key   | place    | of         |
  | key  | 2     | true  | position | population |
  | rest |       | false | position | population |
"""
DAY = date(2026, 11, 21)
SALES = [50, 30, 10, 5, 5, 0, None]
RECORDS: list[dict[str, Any]] = [{"sales": sales} for sales in SALES]


@pytest.fixture(name="pack")
def fixture_pack(tmp_path: Path) -> crm_rules.Pack:
    """The three policies."""
    for name, text in {"value-class": RANKING, "terms": TERMS, "top": POSITIONS}.items():
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    return crm_rules.load(tmp_path)


def values(decisions: list[crm_rules.Decision], name: str = "class") -> list[Any]:
    """One output of each decision, or its status."""
    return [one.outputs[name] if one.status == "decided" else one.status for one in decisions]


def test_a_record_alone_is_refused_with_the_ways_out(pack: crm_rules.Pack) -> None:
    """Nothing can be said of one record, so the caller learns what to call."""
    for name, record in (("value-class", {"sales": 1}), ("terms", {"sales": 1, "prepaid": False})):
        with pytest.raises(CallError, match=r"value-class ranks all records together; use decide_many\(records\)"):
            pack[name].decide(record, today=DAY)


def test_no_records_and_one(pack: crm_rules.Pack) -> None:
    """Nobody gives nothing, and one customer is its own first class."""
    assert pack["value-class"].decide_many([], today=DAY) == []
    assert values(pack["value-class"].decide_many([{"sales": 1}], today=DAY)) == ["A"]
    assert values(pack["value-class"].decide_many([{"sales": 0}], today=DAY)) == ["C"]


def test_a_derived_value_is_ranked_on_its_day(pack: crm_rules.Pack) -> None:
    """The profit is ranked and not the sales, and the border is that of the day."""
    records = [{"sales": 60, "cost": 10}, {"sales": 300, "cost": 270}, {"sales": 20}]
    assert values(pack["value-class"].decide_many(records, today=DAY)) == ["A", "A", "B"]
    assert values(pack["value-class"].decide_many(records, today=date(2027, 1, 1))) == ["A", "B", "B"]
    with pytest.raises(CallError, match="needs today="):
        pack["value-class"].decide_many(records)


def test_what_cannot_be_used_takes_no_part(pack: crm_rules.Pack) -> None:
    """An invalid record keeps its status, and the others stand as if it were not there."""
    policy = pack["value-class"]
    decisions = policy.decide_many([*RECORDS, {"sales": 10**6, "region": "south"}, {"sales": "much"}], today=DAY)
    assert values(decisions) == ["A", "A", "B", "B", "B", "C", "none", "invalid", "invalid"]
    assert decisions[:-2] == policy.decide_many(RECORDS, today=DAY)
    assert [problem.field for problem in decisions[-1].problems] == ["sales"]


def test_a_policy_that_requires_a_ranking_decides_many_too(pack: crm_rules.Pack) -> None:
    """The ranking is decided before, over all that it can use itself; a class that is given needs none."""
    records = [{**one, "prepaid": one["sales"] == 30} for one in RECORDS] + [
        {"sales": 1},
        {"sales": "x", "prepaid": True},
    ]
    decisions = pack["terms"].decide_many(records, today=DAY)
    assert values(decisions, "days") == [60, 0, 60, 30, 30, 30, 30, "invalid", "blocked"]
    assert decisions[0].required[0][1].outputs == {"class": "A"}
    assert pack["terms"].decide({"prepaid": False}, given={"class": "A"}, today=DAY).value == 60
    assert values(pack["terms"].decide_many([{"prepaid": False}], given={"class": "C"}, today=DAY), "days") == [30]


def test_a_pack_decides_the_other_policies_of_a_record(pack: crm_rules.Pack) -> None:
    """In a decision of everything a ranking waits for the other records, and says so; who requires it waits too."""
    found = pack.decide({"sales": 1, "prepaid": True}, today=DAY)
    assert {name: decision.status for name, decision in found.items()} == dict.fromkeys(found, "blocked")
    assert "all records together, since it ranks them" in found["terms"].explain()
    assert "全部记录" in found["value-class"].explain("zh")


def test_positions_are_outputs_and_leave_holes_after_equals(pack: crm_rules.Pack) -> None:
    """Equals share the better position, the next one counts all before it, and below zero is ranked when it says so."""
    decisions = pack["top"].decide_many([{"orders": orders} for orders in (-1, 7, 7, 9, 0)])
    assert values(decisions, "place") == [5, 2, 2, 1, 4]
    assert values(decisions, "key") == [False, True, True, True, False]
    assert values(decisions, "of") == [5] * 5
    with pytest.raises(CallError, match="more than classes"):
        pack["top"].fit([{"orders": 1}])


def test_a_decision_carries_where_its_record_stood(pack: crm_rules.Pack) -> None:
    """So it can be replayed, pickled and asked for the way to a better class, without the other records."""
    policy = pack["value-class"]
    decision = policy.decide_many(RECORDS, today=DAY)[2]
    assert decision.record["value-class.share_before"] == Fraction(4, 5)
    assert decision.record["value-class.position"] == 3
    assert policy.replay(decision.to_json()) == decision
    assert policy.replay(decision.to_json()).to_json() == decision.to_json()
    assert pickle.loads(pickle.dumps(decision)) == decision  # noqa: S301 - our own
    assert policy.decide(decision.record, today=DAY) == decision
    for text in ("1/0", "x/3", "1e9/3"):
        changed = decision.to_json().replace('"value-class.population":5', f'"value-class.population":"{text}"')
        assert policy.replay(changed).status == "invalid"


def test_borders_are_frozen_for_each_part_and_for_the_day(pack: crm_rules.Pack) -> None:
    """The fitted policy needs no other records and no dated border, is checked, and knows no other part."""
    fitted = pack["value-class"].fit(RECORDS, today=DAY)
    assert (fitted.version, fitted.program.population, fitted.program.parameters) == ("1.0.0+fitted", (), ())
    assert not fitted.needs_today
    assert check(fitted.program) == []
    assert values([fitted.decide(record) for record in RECORDS]) == ["A", "A", "B", "B", "B", "C", "none"]
    assert fitted.decide({"sales": 30}).rules == ("first.east",)
    assert fitted.decide({"sales": 30, "region": "west"}).status == "no_match"
    assert [(item.code, item.witness is not None) for item in fitted.check()] == [("gap", True)]
    again = Policy(from_json(to_json(fitted.program)))
    assert again == fitted
    assert again.decide({"sales": 29}).value == "B"


def test_a_chain_is_fitted_with_the_rankings_below_it(pack: crm_rules.Pack) -> None:
    """Who requires a ranking decides alone once that is frozen, and equally."""
    records = [{**one, "prepaid": False} for one in RECORDS]
    fitted = pack["terms"].fit(records, today=DAY)
    assert values([fitted.decide(one) for one in records], "days") == values(
        pack["terms"].decide_many(records, today=DAY), "days"
    )


def test_what_cannot_be_fitted_is_refused(pack: crm_rules.Pack) -> None:
    """A policy that ranks nothing, a portfolio in which nobody is ranked, and what is no portfolio."""
    with pytest.raises(CallError, match="no record of 2 has a value that is ranked"):
        pack["value-class"].fit([{"sales": 0}, {}], today=DAY)
    with pytest.raises(CallError, match="ranks nothing"):
        pack["terms"].fit([{"prepaid": True}], given={"class": "A"})
    with pytest.raises(CallError, match="value-class is fitted to records, many of them; found"):
        pack["value-class"].fit(None, today=DAY)  # type: ignore[arg-type]


def test_a_program_that_ranks_travels_as_json(pack: crm_rules.Pack) -> None:
    """The population is part of the program and of its hash."""
    for name in ("value-class", "top"):
        policy = pack[name]
        assert Policy(from_json(to_json(policy.program))) == policy
        assert pickle.loads(pickle.dumps(policy)) == policy  # noqa: S301 - our own


def test_check_takes_the_measures_for_fields(pack: crm_rules.Pack) -> None:
    """A share lies between 0 and 1 and is no unused field, so nothing is wrong."""
    assert [item.code for item in pack.check() if item.severity != "warning"] == []
    assert "unused-field" not in {item.code for item in pack.check()}


@pytest.mark.parametrize("row", ["loss", "unknown"])
def test_a_value_without_a_place_is_a_gap(tmp_path: Path, row: str) -> None:
    """Check shows the record, and its decision is no class that nobody wrote."""
    lines = [line for line in RANKING.splitlines(keepends=True) if f"| {row}" not in line]
    (tmp_path / "p.yaml").write_text("".join(lines), encoding="utf-8")
    policy = crm_rules.load(tmp_path)["value-class"]
    (finding,) = (item for item in policy.check() if item.severity == "error")
    assert finding.code == "gap"
    assert finding.witness is not None
    assert policy.decide(finding.witness.record, today=finding.witness.today).status == "no_match"
    assert values(policy.decide_many([{"sales": 0} if row == "loss" else {}], today=DAY)) == ["no_match"]


WORDS = {
    (2, "en"): (
        "Position 3 of 5 by Profit (within Region: east)",
        "Of the records, 40% stand before it; 60% with it",
        "Of Profit, 80% is held by those before it; 90% with it",
        "Share of the value before it: 80% (≥ 80% [$share_a])",
        "Share of the value before it: 80%, needs < 80% [$share_a]",
    ),
    (3, "zh"): (
        "按利润（区域：east）并列第 4 至 5 名，共 5 条",
        "记录数占比：排在其前 60%，连同本条 100%",
        "利润占比：排在其前 90%，连同本条 100%",
    ),
    (5, "en"): ("Not among the 5 that are ranked by Profit (within Region: east)",),
    (6, "zh"): ("未参加按利润（区域：east）的排名（共 5 条）",),
}


@pytest.mark.parametrize(("place", "lang"), WORDS)
def test_the_explanation_gives_both_readings(pack: crm_rules.Pack, place: int, lang: Any) -> None:
    """How many stand before the record and what they hold, without it and with it; and who is not ranked."""
    text = pack["value-class"].decide_many(RECORDS, today=DAY)[place].explain(lang)
    for words in WORDS[place, lang]:
        assert words in text


@pytest.mark.parametrize(("first", "last", "count"), [(1, 0, 0), (2, 1, 3), (1, 4, 3)])
def test_a_standing_that_cannot_be_is_told_as_such(first: int, last: int, count: int) -> None:
    """A host that measures by itself can give measures that contradict each other; the words say so, both languages."""
    policy = crm_rules.load(SHIPPED)["value-class"]
    measures = {"position": first, "last_position": last, "population": count, "share_before": 0, "share_with": 0}
    decision = policy.decide({"sales": 1, **{f"value-class.{name}": value for name, value in measures.items()}})
    assert f"impossible: positions {first} to {last} of {count} by" in decision.explain()
    assert f"第 {first} 至 {last} 名，共 {count} 条" in decision.explain("zh")
    assert "Of the records" not in decision.explain()


@pytest.mark.parametrize("share", [0, Decimal("0.8"), Fraction(4, 5), Fraction(1, 3), Fraction(1), 1])
def test_a_standing_that_is_given_replays_to_the_same_bytes(share: Any) -> None:
    """A share may come as a decimal or as the fraction it is; either is one number with one written form."""
    policy = crm_rules.load(SHIPPED)["value-class"]
    measures = {"position": 1, "last_position": 1, "population": 3, "share_before": share, "share_with": 1}
    record = {"sales": 1, **{f"value-class.{name}": value for name, value in measures.items()}}
    for _ in range(2):  # the evaluator decides first, then the generated function
        decision = policy.decide(record)
        assert policy.replay(decision.to_json()) == decision
        assert policy.replay(decision.to_json()).to_json() == decision.to_json()


def test_the_standing_of_a_sensitive_value_is_hidden(tmp_path: Path) -> None:
    """What others can work back to a sensitive value is not told, unless asked for."""
    text = RANKING.replace("cost: {type: money, unit: CNY,", "cost: {type: money, unit: CNY, sensitive: true,")
    (tmp_path / "p.yaml").write_text(text, encoding="utf-8")
    decision = crm_rules.load(tmp_path)["value-class"].decide_many(RECORDS, today=DAY)[2]
    assert "Share of the value before it: hidden" in decision.explain()
    assert "Position" not in decision.explain()
    assert "Position 3 of 5" in decision.explain(sensitive=True)
    assert '"0.8"' not in decision.to_json()
    assert '"0.8"' in decision.to_json(sensitive=True)


def csv_file(folder: Path, rows: int) -> Path:
    """A file of customers, the last one the largest by far."""
    path = folder / "customers.csv"
    path.write_text("sales,cost,region\n" + "1,0,east\n" * rows + f"{rows * 100},0,east\n", encoding="utf-8")
    return path


def test_the_command_line_ranks_a_whole_file(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not a chunk of it: the last row outweighs the first thousands."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.yaml").write_text(RANKING, encoding="utf-8")
    data = csv_file(tmp_path, 4_100)
    assert main(["decide", "p.yaml", str(data), "--today", "2026-11-21", "--out", "out.csv"]) == 0
    capfd.readouterr()
    rows = (tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()
    assert [row.split(",")[3] for row in rows[1:]] == ["B"] * 4_100 + ["A"]


CASES = """\
policy: top
beside: [{orders: 5}, {orders: 3}]
cases:
  - {name: first, record: {orders: 6}, expect: {key: true, place: 1, of: 3}, rules: [key]}
  - {name: behind both, record: {orders: 1}, expect: {key: false, place: 3, of: 3}, rules: [rest]}
  - {name: alone, beside: [], record: {orders: 1}, expect: {key: true, place: 1, of: 1}, rules: [key]}
"""


def with_cases(folder: Path, text: str) -> int:
    """The exit code of the cases beside the policy."""
    (folder / "top.yaml").write_text(POSITIONS, encoding="utf-8")
    (folder / "top.cases.yaml").write_text(text, encoding="utf-8")
    return main(["test", str(folder)])


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda text: text, 0),
        (lambda text: text.replace("place: 1, of: 3", "place: 2, of: 3"), 1),
        (lambda text: text.replace("{orders: 3}", "{order: 3}"), 2),
    ],
)
def test_cases_name_the_records_beside(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], change: Callable[[str], str], code: int
) -> None:
    """A case of a ranking is decided with the records of its file, or with its own."""
    assert with_cases(tmp_path, change(CASES)) == code
    capfd.readouterr()


def test_records_beside_a_case_that_ranks_nothing_are_refused(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """They would be ignored without a word."""
    ladder = "policy: l\nkind: ladder\nfields: {n: {type: integer}}\nby: n\noutput: {c: {type: choice, one_of: [A]}}\n"
    (tmp_path / "l.yaml").write_text(ladder + "steps: [{id: a, up to: 9, c: A}]\n", encoding="utf-8")
    (tmp_path / "l.cases.yaml").write_text(
        "policy: l\nbeside: [{n: 1}]\ncases:\n  - {name: a, record: {n: 1}, expect: {c: A}}\n", encoding="utf-8"
    )
    assert main(["test", str(tmp_path)]) == 2
    assert "decides each record alone" in "".join(capfd.readouterr())
