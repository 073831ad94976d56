"""Explanations: the exact texts of a handful of cases in both languages, and what holds for every program."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_rules.backends.prose_words import WORDS
from crm_rules.backends.to_prose import Case, Language, explain, reasons, show_value
from crm_rules.columns import display_width
from crm_rules.ir.evaluate import evaluate
from crm_rules.ir.nodes import Constant
from crm_rules.ir.program import Field, Label, Parameter, Program, Table, Total
from crm_rules.ir.record import Problem, read_record
from crm_rules.ir.types import Boolean, Choice, Date, Integer, ListOfValues, Money, Number, Type
from crm_rules.kinds.draft import Required
from crm_rules.kinds.lowering import Context, lower_policy, read_policy
from crm_rules.reader.yaml_text import read_yaml
from tests.strategies import cases, programs

FOLDER = Path(__file__).parent.parent / "cases" / "prose"
TODAY = date(2026, 11, 21)
LANGUAGES: tuple[Language, ...] = ("en", "zh")
CNY = Money("CNY")


def load(name: str, required: Mapping[str, Required] | None = None) -> Program:
    """The program of a policy beside the expected texts."""
    path = FOLDER / f"{name}.yaml"
    tree, _ = read_yaml(path.read_bytes(), path.name)
    document = read_policy(tree, [])
    assert document is not None
    lowered = lower_policy(document, Context(required=dict(required or {})))
    assert lowered.program is not None, lowered.diagnostics
    return lowered.program


def made(
    program: Program, record: Mapping[str, Any], *, requires: tuple[tuple[str, Case], ...] = (),
    blank: tuple[str, ...] = (), today: date = TODAY,
) -> Case:  # fmt: skip
    """The case of a record, decided by the reference evaluator."""
    facts = {field.name: record.get(field.name) for field in program.fields}
    reading = read_record(program, record)
    if blank or any(required.status != "decided" for _, required in requires):
        own = tuple(one for one in reading.problems if one.field not in dict(requires))
        return Case(program, "blocked", facts, reading.values, None, own, today, requires, blank)
    if reading.problems:
        return Case(program, "invalid", facts, reading.values, None, reading.problems, today, requires)
    found = evaluate(program, reading.values, today)
    return Case(program, found.status, facts, reading.values, found, (), today, requires)


ABC = load("abc-grade")
LEVEL = load("credit-level")
STAGE = load("pipeline-stage")
FOLLOW = load("follow-up", {"stage": Required("pipeline-stage", STAGE.outputs[0])})
TERMS = load("terms")
CUSTOMER = {
    "contract_amount": 6_000_000, "paid_in_time": True, "receivable": 100_000, "premium": Decimal("0.12"),
    "influence": "minor", "first_dealing": date(2025, 11, 21),
}  # fmt: skip


def followed(record: Mapping[str, Any]) -> Case:
    """The next touch, after the stage."""
    stage = made(STAGE, record)
    outputs = {} if stage.evaluation is None else stage.evaluation.outputs
    return made(FOLLOW, {**record, **outputs}, requires=(("stage", stage),))


CASES = {
    "grade-b": made(ABC, CUSTOMER),
    "grade-new-customer": made(ABC, CUSTOMER | {"first_dealing": date(2025, 11, 22)}),
    "grade-ungraded": made(
        ABC, CUSTOMER | {"paid_in_time": False, "receivable": 900_000, "contract_amount": Decimal("123456.78")}
    ),
    "grade-invalid": made(
        ABC, CUSTOMER | {"contract_amount": "6m", "premium": None, "influence": "boss", "receivable": True}
    ),
    "level-2": made(LEVEL, {"due_date": date(2026, 8, 21)}),
    "level-1": made(LEVEL, {"due_date": date(2026, 8, 21), "paid_date": date(2026, 8, 20)}),
    "stage-d": made(STAGE, {"need": "clear", "expected_close": date(2027, 5, 22)}),
    "stage-unknown": made(STAGE, {"need": "clear"}),
    "stage-e": made(STAGE, {"need": "none", "expected_close": date(2026, 12, 1)}),
    "touch": followed({"need": "clear", "expected_close": date(2027, 5, 22), "last_touch": date(2026, 1, 31)}),
    "touch-never": followed({"need": "none"}),
    "touch-blocked": followed({"need": "maybe"}),
    "terms-gap": made(TERMS, {"size": "large", "debt": 600_000}),
    "terms-conflict": made(TERMS, {"size": "small", "debt": 1_500_000, "ratio": Decimal("0.3"), "late": 60}),
    "terms-blank": made(TERMS, {"size": "small", "debt": 1}, blank=("debt_limit",)),
    "terms-label": made(TERMS, {"size": "large", "debt": 400_000, "late": 60}),
}


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("name", CASES)
def test_explanation_is_the_reviewed_text(name: str, lang: Language) -> None:
    """Each explanation is the text that was reviewed, beside the policies."""
    expected = (FOLDER / f"{name}.{lang}.txt").read_text(encoding="utf-8")
    assert explain(CASES[name], lang) + "\n" == expected


def test_every_reviewed_text_belongs_to_a_case() -> None:
    """No reviewed text is left over."""
    expected = {f"{name}.{lang}.txt" for name in CASES for lang in LANGUAGES}
    assert {path.name for path in FOLDER.glob("*.txt")} == expected


@pytest.mark.parametrize("name", CASES)
def test_lines_are_short(name: str) -> None:
    """A line of an explanation takes at most 100 columns."""
    assert all(display_width(line) <= 100 for lang in LANGUAGES for line in explain(CASES[name], lang).split("\n"))


# Reasons


def test_reasons_of_a_scorecard() -> None:
    """One entry a cell that held, with the value, the cell and the points lost."""
    case = CASES["grade-new-customer"]
    found = reasons(case)
    assert [(one.rule, one.field, one.value, one.border, one.points_lost) for one in found] == [
        ("amount.top", "contract_amount", 6_000_000, ">= 5000000", 0),
        ("amount.top", "paid_in_time", True, "true", None),
        ("receivable.low", "receivable", 100_000, "<= 100000", 0),
        ("premium.high", "premium", Decimal("0.12"), "[0.1..0.15)", 1),
        ("influence.minor", "influence", "minor", "minor", 2),
        ("bands.B", "total", 13, "[12..14)", None),
        ("overrides.new-customer", "months_as_customer", 11, "< 12", None),
    ]
    assert {one.code for one in found} == {"rule"}


def test_reasons_of_a_gap_are_the_failing_cells_of_the_nearest_rule() -> None:
    """A gap names the rule that came closest, and the border is the parameter's value."""
    case = CASES["terms-gap"]
    (found,) = reasons(case)
    assert (found.code, found.rule, found.field, found.value, found.border) == (
        "gap", "trusted", "debt", 600_000, "<= 500000",
    )  # fmt: skip
    assert found.label == Label("good payer", "按时付款")


def test_reasons_of_a_conflict_name_both_rules() -> None:
    """Each rule that holds has its cells."""
    case = CASES["terms-conflict"]
    found = reasons(case)
    assert [(one.code, one.rule, one.field) for one in found] == [
        ("conflict", "slow", "late"), ("conflict", "never", "size"), ("conflict", "never", "debt"),
        ("conflict", "never", "ratio"),
    ]  # fmt: skip


def test_reasons_without_an_evaluation() -> None:
    """Problems, undecided requirements and blank parameters each have an entry."""
    case = CASES["grade-invalid"]
    found = reasons(case)
    assert [(one.code, one.field, one.value) for one in found] == [
        ("wrong-type", "contract_amount", "6m"), ("wrong-type", "receivable", True),
        ("missing", "premium", None), ("not-in-choices", "influence", "boss"),
    ]  # fmt: skip
    undecided = Case(TERMS, "blocked", {}, {}, None, (), TODAY, requires=(("size", case),))
    assert [(one.code, one.field) for one in reasons(undecided)] == [("blocked", "size")]


def test_a_dated_border_needs_the_day() -> None:
    """Without a day a border at a parameter that has none yet keeps its name."""
    case = CASES["terms-label"]
    blank = replace(TERMS, parameters=(Parameter("debt_limit", CNY),))
    trusted = made(TERMS, {"size": "large", "debt": 1})
    found = reasons(replace(trusted, program=blank, today=None))
    assert [one.border for one in found] == ["large", "<= $debt_limit", "<= 30"]
    assert case.status == "decided"


# Values


@pytest.mark.parametrize(
    ("value", "kind", "english", "chinese"),
    [
        (6_000_000, CNY, "6,000,000 CNY", "600万元"),
        (1_234_000_000, CNY, "1,234,000,000 CNY", "12.34亿元"),
        (123_456, CNY, "123,456 CNY", "123,456元"),
        (-15_000, CNY, "-15,000 CNY", "-1.5万元"),
        (Decimal("999.50"), CNY, "999.5 CNY", "999.5元"),
        (20_000, Money("USD"), "20,000 USD", "2万美元"),
        (20_000, Money("CHF"), "20,000 CHF", "2万 CHF"),
        (1, Integer("month"), "1 month", "1个月"),
        (12, Integer("day"), "12 days", "12天"),
        (0.15, Number(), "0.15", "0.15"),
        (Fraction(1, 3), Number(), "about 0.3333", "约0.3333"),
        (True, Boolean(), "yes", "是"),
        (None, CNY, "missing", "未填"),
        (date(2026, 1, 31), Date(), "2026-01-31", "2026-01-31"),
        (("A", "B"), ListOfValues(Choice(("A", "B"))), "A, B", "A、B"),
        ((), ListOfValues(Choice(("A", "B"))), "none", "无"),
    ],
)
def test_values_in_words(value: Any, kind: Type, english: str, chinese: str) -> None:
    """Money, units, dates and truth are shown as people of each language write them."""
    assert (show_value(value, kind), show_value(value, kind, lang="zh")) == (english, chinese)


def test_a_choice_has_the_label_of_its_field() -> None:
    """A choice is shown with its label in the language, else in the other one, and with its key."""
    field = Field("a", Choice(("x", "y")), value_labels=(("x", Label(zh="甲")),))
    assert [show_value(value, field.type, field) for value in ("x", "y")] == ["甲 (x)", "y"]


def test_words_have_the_same_parts_in_both_languages() -> None:
    """What one language says, the other says too, but for the ends of an interval, which are signs in English."""
    names = {key: [set(re.findall(r"\{(\w+)\}", text)) for text in texts] for key, texts in WORDS.items()}
    assert [key for key, (english, chinese) in names.items() if english != chinese] == ["interval", *PLURALS]


PLURALS = ["interval-day", "interval-week", "interval-month", "interval-year"]


# Every program


@given(st.data())
def test_every_case_has_an_explanation(data: st.DataObject) -> None:
    """No status raises; problems name their field, decisions their rules; a second time gives the same text."""
    program = data.draw(programs())
    record, today = data.draw(cases(program))
    case = made(program, record, today=today)
    for lang in LANGUAGES:
        text = explain(case, lang)
        assert all(problem.field in text for problem in case.problems)
        assert case.evaluation is None or all(rule in text for rule in case.evaluation.rules)
        assert text == explain(case, lang)
    reasons(case)


@given(st.data())
def test_points_lost_add_up(data: st.DataObject) -> None:
    """The points lost of a decided scorecard are the best total less the total."""
    program = data.draw(programs())
    if program.kind != "scorecard":
        return
    record, today = data.draw(cases(program, bad=False))
    case = made(program, record, today=today)
    if case.evaluation is None or case.evaluation.steps["total"].status != "decided":
        return
    total = next(step for step in program.steps if isinstance(step, Total))
    best: Any = total.initial
    for name, weight in total.terms:
        table = program.step(name)
        assert isinstance(table, Table)
        given_points = [row.outputs[0].value for row in table.rows if isinstance(row.outputs[0], Constant)]
        best += max(weight * points for points in given_points)  # type: ignore[operator]
    found = reasons(case)
    lost = sum(Fraction(one.points_lost) for one in found if one.points_lost is not None)
    assert lost == best - case.evaluation.steps["total"].values["points"]


@given(st.data())
def test_a_blocked_case_explains_what_blocks_it(data: st.DataObject) -> None:
    """The undecided requirement is explained within, whatever it is."""
    program = data.draw(programs())
    record, today = data.draw(cases(program))
    inner = made(program, record, today=today)
    if inner.status == "decided":
        return
    case = made(FOLLOW, {}, requires=(("stage", inner),))
    for lang in LANGUAGES:
        first = WORDS[inner.status][lang == "zh"]
        text = "".join(explain(case, lang).split())
        assert "".join(first.split()) in text


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_currency_problem_names_both_fields(lang: Language) -> None:
    """A row in another currency names the currency column and the field whose currency it is."""
    program = replace(TERMS, fields=(replace(TERMS.fields[1], currency="currency"),))
    problem = Problem("currency", "currency", "the text `USD`", "CNY, the currency of debt")
    text = explain(Case(program, "invalid", {"debt": 1}, {"debt": 1}, None, (problem,), TODAY), lang)
    assert "currency" in text
    assert "USD" in text
    assert "CNY" in text
