"""The starter policies: every case beside them, their words in two languages, and what they promise for all records.

The oracles below are written by hand from the policies' own wording and share no code with the library.
"""

from __future__ import annotations

import json
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import crm_rules

POLICIES = Path(__file__).parents[2] / "policies"
TODAY = date(2026, 11, 21)
KNOWN_DEFECTS = {f"D{number:02}" for number in range(1, 55)}
FACTORS = {"万": 10_000, "亿": 100_000_000}


def read(path: Path) -> Any:
    """A YAML file as mappings, lists and texts, with every scalar a text."""
    return yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506 - BaseLoader makes only texts


POLICY_FILES = sorted(
    path for path in POLICIES.rglob("*.yaml")
    if path.name not in {"pack.yaml", "fields.yaml"} and not path.name.endswith(".cases.yaml")
)  # fmt: skip
CASE_FILES = sorted(POLICIES.rglob("*.cases.yaml"))
FIELDS = read(POLICIES / "fields.yaml")["fields"]
BASE = crm_rules.load(POLICIES)
SAMPLE = crm_rules.load(POLICIES / "sample-company")


def number(text: str) -> Decimal:
    """The exact number that a case writes: `10万`, `15%`, `4999999.99`."""
    if text.endswith("%"):
        return Decimal(text[:-1]) / 100
    factor = FACTORS.get(text[-1])
    return Decimal(text[:-1]) * factor if factor else Decimal(text)


def fact(name: str, text: str) -> Any:
    """What an application would hold for the text of a case."""
    match FIELDS[name]["type"]:
        case "date":
            return date.fromisoformat(text)
        case "boolean":
            return {"true": True, "false": False}[text]
        case "integer" | "number" | "money":
            return number(text)
        case _:
            return text


def written(value: Any, expected: str) -> bool:
    """True when an output is the value that the case writes."""
    if isinstance(value, bool):
        return expected == ("true" if value else "false")
    if isinstance(value, date):
        return expected == value.isoformat()
    if isinstance(value, str):
        return expected == value
    return bool(number(expected) == value)


def pack_of(path: Path) -> crm_rules.Pack:
    """The loaded pack of a file."""
    return SAMPLE if path.parent.name == "sample-company" else BASE


def cases() -> list[Any]:
    """Every case of every file."""
    return [
        pytest.param(pack_of(path), content["policy"],
                     {"today": content["today"], "beside": content.get("beside", []), **case},
                     id=f"{path.name.removesuffix('.cases.yaml')}: {case['name']}")
        for path in CASE_FILES
        for content in [read(path)]
        for case in content["cases"]
    ]  # fmt: skip


@pytest.mark.parametrize(("pack", "policy", "case"), cases())
def test_a_case_is_decided_as_written(pack: crm_rules.Pack, policy: str, case: dict[str, Any]) -> None:
    """Status, outputs and deciding rules are those that the case expects, and it expects all outputs."""
    record, *beside = (
        {name: fact(name, text) for name, text in one.items()} for one in (case["record"], *case["beside"])
    )
    today = date.fromisoformat(case["today"])
    if beside or pack[policy].ranks():
        decision = pack[policy].decide_many([record, *beside], given=case.get("given"), today=today)[0]
    else:
        decision = pack[policy].decide(record, given=case.get("given"), today=today)
    assert decision.status == case.get("status", "decided")
    assert set(decision.outputs) == set(case.get("expect", {}))
    for name, expected in case.get("expect", {}).items():
        assert written(decision.outputs[name], expected), (name, decision.outputs[name], expected)
    if "rules" in case:
        assert decision.rules == tuple(case["rules"])


@pytest.mark.parametrize("path", CASE_FILES, ids=lambda path: path.name)
def test_cases_name_themselves_once(path: Path) -> None:
    """No two cases of a file share a name, and each says what it expects."""
    content = read(path)["cases"]
    assert len({case["name"] for case in content}) == len(content)
    assert all(("expect" in case and "rules" in case) or "status" in case for case in content)


@pytest.mark.parametrize("path", [p for p in POLICY_FILES if "extends" not in read(p)], ids=lambda path: path.stem)
def test_every_rule_is_used_by_a_case(path: Path) -> None:
    """Each row of a policy decides at least one case of it or of the company's extension of it."""
    document = read(path)
    used = {
        rule
        for case_file in CASE_FILES
        for content in [read(case_file)]
        if content["policy"] == document["policy"]
        for case in content["cases"]
        for rule in case.get("rules", [])
    }
    assert used >= rule_ids(document)


def rule_ids(document: dict[str, Any]) -> set[str]:
    """The ids of all rows, as a decision names them."""
    found = {row["id"] for key in ("rules", "steps") for row in table(document.get(key, ""))}
    found |= set(document.get("every", {}))
    for name, characteristic in document.get("characteristics", {}).items():
        found |= {f"{name}.{row['id']}" for row in table(characteristic["rules"])}
    found |= {f"bands.{band}" for band in document.get("bands", {})}
    return found | {f"overrides.{row['id']}" for row in document.get("overrides", [])}


def table(text: str) -> list[dict[str, str]]:
    """The rows of a pipe table."""
    lines = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in text.splitlines()]
    return [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]


def unlabelled(document: dict[str, Any]) -> list[str]:
    """Where a policy or a pack lacks words in one of the two languages."""
    wanted: dict[str, Any] = {}
    if "policy" in document or "pack" in document:
        wanted["title"] = document.get("title")
    shared = document.get("fields", {})
    declared = shared if isinstance(shared, dict) else {}
    for section in ("parameters", "derive", "output", "characteristics"):
        if "extends" not in document:
            declared = declared | document.get(section, {})
    for name, entry in declared.items():
        wanted[name] = entry.get("label")
        for value in entry.get("one_of", []):
            wanted[f"{name}.{value}"] = entry.get("value_labels", {}).get(value)
    tables = [document.get("rules", ""), document.get("steps", "")]
    tables += [entry["rules"] for entry in document.get("characteristics", {}).values()]
    for row in (row for text in tables for row in table(text)):
        wanted[f"rule {row['id']}"] = row
    for row in document.get("overrides", []):
        wanted[f"rule {row['id']}"] = row.get("label")
    for position, entry in enumerate(document.get("readings", [])):
        wanted[f"reading {position}"] = entry["reading"]
    if "title" in document.get("source", {}):
        wanted["source"] = document["source"]["title"]
    return [name for name, words in wanted.items() if not (words and words.get("en") and words.get("zh"))]


@pytest.mark.parametrize(
    "path", sorted({*POLICIES.rglob("*.yaml")} - {*CASE_FILES}), ids=lambda path: f"{path.parent.name}/{path.name}"
)
def test_every_name_is_in_both_languages(path: Path) -> None:
    """Titles, labels, values, rules and readings have English and Chinese words."""
    assert unlabelled(read(path)) == []


@pytest.mark.parametrize("path", POLICY_FILES, ids=lambda path: path.stem)
def test_a_policy_says_where_it_comes_from(path: Path) -> None:
    """Each policy has a version, a first day, an owner and an approver, and a base policy its source and readings."""
    document = read(path)
    assert {"policy", "title", "version", "valid_from", "owner", "approver"} <= set(document)
    assert document["policy"] == path.stem
    if "extends" not in document:
        assert document["source"]["items"]
        assert {reading["defect"] for reading in document["readings"]} <= KNOWN_DEFECTS
        assert all({"defect", "item", "reading"} == set(reading) for reading in document["readings"])


@pytest.mark.parametrize("path", [p for p in POLICY_FILES if "parameters" in read(p)], ids=lambda path: path.stem)
def test_a_company_fills_every_blank(path: Path) -> None:
    """Each blank parameter of a base policy has a value in the sample company, and nothing else is patched there."""
    document = read(path)
    if "extends" in document:
        base = read(POLICIES / f"{document['extends']}.yaml")
        blanks = {name for name, entry in base["parameters"].items() if "value" not in entry}
        assert blanks <= set(document["parameters"]) <= set(base["parameters"])
    elif any("value" not in entry for entry in document["parameters"].values()):
        assert any(read(p).get("extends") == path.stem for p in POLICY_FILES)


def test_a_blank_policy_refuses_to_decide() -> None:
    """A parameter that nobody has set is the caller's mistake and is named."""
    record = {"usual_order": 1, "potential_amount": 1}
    with pytest.raises(crm_rules.CrmRulesError, match="large_order"):
        BASE["customer-size"].decide(record, today=TODAY)


def stage(need: str, expected_close: date | None = None) -> tuple[Any, Any]:
    """Stage and deciding rule today."""
    decision = BASE["pipeline-stage"].decide({"need": need, "expected_close": expected_close}, today=TODAY)
    return decision.value, decision.rules[-1]


def test_the_stages_of_the_contract() -> None:
    """The dates around each border fall where the contract says."""
    assert stage("clear", date(2026, 12, 21)) == ("A", "month")
    assert stage("clear", date(2026, 12, 22)) == ("B", "quarter")
    assert stage("clear", date(2027, 5, 21)) == ("C", "half-year")
    assert stage("clear", date(2027, 5, 22)) == ("D", "later")
    assert stage("clear", date(2026, 11, 20)) == ("unknown", "passed")
    assert stage("clear") == ("unknown", "undated")
    assert stage("none", date(2026, 12, 1)) == ("E", "dead")
    assert stage("none") == ("E", "dead")


def test_the_levels_of_the_contract() -> None:
    """Three started months are level 2 and one day more is level 3."""
    levels = [
        BASE["credit-level"].decide({"due_date": due}, today=TODAY).outputs["level"]
        for due in (date(2026, 8, 21), date(2026, 8, 20))
    ]
    assert levels == ["2", "3"]


def test_the_touch_of_the_contract() -> None:
    """Thirty days after the end of January is the second of March."""
    record = {"need": "potential", "last_touch": date(2026, 1, 31)}
    decision = BASE["follow-up"].decide(record, today=date(2026, 2, 1))
    assert decision.outputs == {"next_touch": date(2026, 3, 2), "days_overdue": 0, "due": False}


BEST = {"contract_amount": 6_000_000, "paid_in_time": True, "receivable": 0, "premium": Decimal("0.2"),
        "influence": "leader", "first_dealing": date(2020, 1, 1)}  # fmt: skip
NINE = {**BEST, "contract_amount": 1_000_000, "receivable": 200_000, "premium": Decimal("0.05"), "influence": "minor"}


def test_the_grades_of_the_contract() -> None:
    """A total of 9 is ungraded and of 10 is C; the first year is C by the override, the anniversary is scored."""
    policy = SAMPLE["abc-grade"]
    assert policy.decide(NINE, today=TODAY).value == "ungraded"
    assert policy.decide({**NINE, "receivable": 100_000}, today=TODAY).value == "C"
    new = policy.decide({**BEST, "first_dealing": date(2025, 11, 22)}, today=TODAY)
    assert (new.value, new.rules[-1]) == ("C", "overrides.new-customer")
    assert policy.decide({**BEST, "first_dealing": date(2025, 11, 21)}, today=TODAY).value == "A"


def near(*borders: int) -> st.SearchStrategy[Decimal]:
    """Amounts at, around and between borders, to the fen."""
    fen = Decimal("0.01")
    edges = [border + step for border in borders for step in (-fen, Decimal(0), fen)]
    return st.sampled_from(edges) | st.decimals(0, 10_000_000, places=2)


DAYS = st.dates(date(2023, 1, 1), date(2028, 12, 31))
PRICED_DAYS = st.dates(date(2026, 1, 1), date(2028, 12, 31))  # from the first day that the bulk order has an amount


def plus_months(day: date, months: int) -> date:
    """`day` moved by whole months, to the month's last day where the day does not exist."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    first = date(year, month + 1, 1)
    last = (date(year + (month == 11), (month + 1) % 12 + 1, 1) - timedelta(days=1)).day
    return first.replace(day=min(day.day, last))


@given(
    amount=near(500_000, 2_000_000, 5_000_000),
    receivable=near(100_000, 300_000, 800_000),
    premium=st.sampled_from([Decimal(n) / 1000 for n in (-50, 0, 49, 50, 51, 99, 100, 101, 149, 150, 151)]),
    influence=st.sampled_from(["leader", "key", "minor", "sporadic"]),
    in_time=st.booleans(),
    first=DAYS,
    today=DAYS,
)
def test_the_sample_grade_is_the_paper_with_the_sample_numbers(
    *, amount: Decimal, receivable: Decimal, premium: Decimal, influence: str, in_time: bool, first: date, today: date
) -> None:
    """The scorecard adds the points of four characteristics and a first year overrides them."""
    points = 1
    if in_time:
        points += (amount >= 500_000) + (amount >= 2_000_000) + (amount >= 5_000_000)
    points += 4 - (receivable > 100_000) - (receivable > 300_000) - (receivable > 800_000)
    points += 1 + sum(premium >= border for border in (Decimal("0.05"), Decimal("0.10"), Decimal("0.15")))
    points += {"leader": 4, "key": 3, "minor": 2, "sporadic": 1}[influence]
    scored = "A" if points >= 14 else "B" if points >= 12 else "C" if points >= 10 else "ungraded"
    expected = "C" if today < plus_months(first, 12) else scored
    record = {"contract_amount": amount, "paid_in_time": in_time, "receivable": receivable, "premium": premium,
              "influence": influence, "first_dealing": first}  # fmt: skip
    assert SAMPLE["abc-grade"].decide(record, today=today).value == expected


@given(due=DAYS, paid=st.none() | DAYS, today=DAYS)
def test_the_credit_level_counts_started_months_past_due(due: date, paid: date | None, today: date) -> None:
    """The level is found by the last days of 3, 6 and 12 months, whatever the lengths of the months."""
    end = today if paid is None or paid > today else paid
    expected = 1 + sum(end > plus_months(due, months) for months in (0, 3, 6, 12))
    decision = BASE["credit-level"].decide({"due_date": due, "paid_date": paid}, today=today)
    assert decision.outputs["level"] == str(expected)


@given(close=DAYS, today=DAYS)
def test_a_clear_need_is_staged_by_its_date(close: date, today: date) -> None:
    """One, three and six months from today are the last days of the stages A, B and C."""
    ahead = [letter for letter, months in (("A", 1), ("B", 3), ("C", 6)) if close <= plus_months(today, months)]
    expected = "unknown" if close < today else (ahead or ["D"])[0]
    assert BASE["pipeline-stage"].decide({"need": "clear", "expected_close": close}, today=today).value == expected


@given(due=DAYS, paid=st.none() | DAYS, amount=near(1_000_000, 1_200_000), special=st.booleans(), today=PRICED_DAYS)
def test_nobody_may_approve_from_level_three_on(
    *, due: date, paid: date | None, amount: Decimal, special: bool, today: date
) -> None:
    """No special case and no signature gets past a hard denial, and a special case never makes supply harder."""
    policy = SAMPLE["supply-control"]
    record = {"due_date": due, "paid_date": paid, "order_amount": amount, "special_case": special}
    level = BASE["credit-level"].decide(record, today=today).outputs["level"]
    outputs = policy.decide(record, today=today).outputs
    if level in {"3", "4", "5"}:
        assert (outputs["supply"], outputs["approver"]) == ("deny", "nobody")
    elif level == "2":
        assert (outputs["supply"], outputs["approver"]) == ("approval", "manager")
    if not special:
        eased = policy.decide({**record, "special_case": True}, today=today).outputs["supply"]
        order = ["allow", "approval", "deny"]
        assert order.index(eased) <= order.index(outputs["supply"])


@given(grade=st.sampled_from("ABCD"), bad_debts=st.integers(0, 50))
def test_two_bad_debts_exclude_the_best_reputation(grade: str, bad_debts: int) -> None:
    """Only grade A is capped, at two records or more, and it falls to B."""
    expected = "B" if grade == "A" and bad_debts >= 2 else grade
    record = {"assessed_reputation": grade, "bad_debts": bad_debts}
    assert BASE["reputation-grade"].decide(record, today=TODAY).value == expected


def test_the_book_shows_every_kind_of_outcome() -> None:
    """Of the eight customers only one is undecided, in the grade and in what requires it; the others differ widely."""
    book = json.loads((POLICIES.parent / "examples" / "book" / "customers.json").read_text(encoding="utf-8"))
    outcomes = [
        SAMPLE.decide({name: value for policy in SAMPLE.values() for name, value in policy.read(row).items()
                       if name in {item.name for item in policy.inputs}}, today=TODAY)
        for row in book
    ]  # fmt: skip
    undecided = {(row["customer"], name, decision.status) for row, found in zip(book, outcomes, strict=True)
                 for name, decision in found.items()
                 if decision.status != "decided" and not decision.policy.ranks()}  # fmt: skip
    assert undecided == {("C-108", "abc-grade", "invalid"), ("C-108", "entitlements", "blocked")}
    assert {found["abc-grade"].outputs.get("grade") for found in outcomes} == {"A", "B", "C", "ungraded", None}
    assert {found["pipeline-stage"].value for found in outcomes} == {"A", "B", "C", "D", "E", "unknown"}
    assert {found["credit-level"].outputs["level"] for found in outcomes} == {"1", "2", "3", "5"}
    assert {found["supply-control"].outputs["approver"] for found in outcomes} == {
        "not-needed", "manager", "finance-head", "nobody",
    }  # fmt: skip
    assert all(row["name"].isascii() and not row["name_zh"].isascii() for row in book)
