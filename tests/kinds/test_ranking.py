"""Rankings: classes by share, head count and position against their definition, ties, places apart, mistakes."""

from __future__ import annotations

import pickle
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import crm_rules
from crm_rules.errors import CallError
from crm_rules.ir.numbers import exact, reduced, to_fact
from crm_rules.loading import load_with_report

HEAD = """\
policy: value-class
kind: ranking
version: 1.0.0
fields:
  amount: {type: money, unit: CNY, optional: true}
  region: {type: choice, one_of: [东区, 西区, "north, far"], default: 东区}
rank: amount
"""
OUTPUT = "output: {class: {type: choice, one_of: [A, B, C, D, E], ordered: best-first}}\n"
STEPS = """\
steps: |
  | id      | HEADING      | class |
  | A       | FIRST        | A     |
  | B       | SECOND       | B     |
  | C       |              | C     |
"""
NOT_POSITIVE = "  | apart   | not positive | D     |\n"
MISSING = "  | unknown | missing      | E     |\n"

BORDERS = {
    "share_before": ("80%", "95%"),
    "share_with": ("80%", "95%"),
    "heads_before": ("20%", "50%"),
    "heads_with": ("20%", "50%"),
    "position": ("2", "4"),
    "last_position": ("2", "4"),
}
KINDS = [(by, heading, within) for by in BORDERS for heading in ("below", "up to") for within in (False, True)]
POLICIES: dict[tuple[str, str, bool], crm_rules.Policy] = {}


def text_of(by: str, heading: str, *, within: bool) -> str:
    """A ranking with two borders."""
    first, second = BORDERS[by]
    steps = STEPS.replace("HEADING", heading).replace("FIRST", first).replace("SECOND", second)
    return HEAD + ("within: region\n" if within else "") + f"by: {by}\n{OUTPUT}{steps}{NOT_POSITIVE}{MISSING}"


def load(folder: Path, text: str) -> crm_rules.Policy:
    """The policy of a text."""
    (folder / "p.yaml").write_text(text, encoding="utf-8")
    return crm_rules.load(folder)["value-class"]


def found(folder: Path, text: str) -> list[str]:
    """The findings of a text that does not load, as line, code and message."""
    (folder / "p.yaml").write_text(text, encoding="utf-8")
    pack, report, _ = load_with_report(folder)
    assert pack is None
    return [f"{item.span.line} [{item.code}] {item.message}" for item in report]


@pytest.fixture(scope="module", autouse=True)
def policies(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A ranking for each measure, heading and division."""
    for by, heading, within in KINDS:
        folder = tmp_path_factory.mktemp("ranking")
        POLICIES[by, heading, within] = load(folder, text_of(by, heading, within=within))


# The definition, written by hand


def value_of(record: dict[str, Any]) -> Fraction | None:
    """The exact amount of a valid record."""
    return None if record["amount"] is None else Fraction(exact(record["amount"]) or 0)


def is_valid(record: dict[str, Any]) -> bool:
    """True for a record that the policy accepts."""
    return bool(record["amount"] != "much" and record["region"] != "south")


def measure(by: str, value: Fraction, others: list[Fraction]) -> Fraction:
    """How a value stands among those that take part, itself among them."""
    larger = [other for other in others if other > value]
    reached = [other for other in others if other >= value]
    counts = {"position": 1 + len(larger), "last_position": len(reached)}
    parts = {"before": larger, "with": reached}
    if by in counts:
        return Fraction(counts[by])
    form, _, side = by.partition("_")
    if form == "heads":
        return Fraction(len(parts[side]), len(others))
    return sum(parts[side], Fraction(0)) / sum(others)


def defined(by: str, heading: str, record: dict[str, Any], records: list[dict[str, Any]], *, within: bool) -> str:
    """The class of a record by the words of the policy."""
    if not is_valid(record):
        return "invalid"
    value = value_of(record)
    if value is None:
        return "E"
    if value <= 0:
        return "D"
    beside = [one for one in records if is_valid(one) and (not within or one["region"] == record["region"])]
    others = [other for one in beside if (other := value_of(one)) is not None and other > 0]
    first, second = (Fraction(border.rstrip("%")) / (100 if "%" in border else 1) for border in BORDERS[by])
    own = measure(by, value, others)
    if heading == "below":
        return "A" if own < first else "B" if own < second else "C"
    return "A" if own <= first else "B" if own <= second else "C"


def answers(decisions: list[crm_rules.Decision]) -> list[str]:
    """The classes, or the status of what is not decided."""
    return [one.outputs["class"] if one.status == "decided" else one.status for one in decisions]


AMOUNTS = st.one_of(
    st.sampled_from([0, 1, 2, 3, 5, 10, 15, 20, 80, 100]),
    st.sampled_from([Decimal("0.1"), 0.2, Decimal("1e-34"), Decimal("9e33"), -1, -1000, None, "much"]),
    st.decimals(-1000, 1000, places=2),
)
REGIONS = st.sampled_from(["东区", "西区", "north, far", "south"])
RECORDS = st.lists(st.fixed_dictionaries({"amount": AMOUNTS, "region": REGIONS}), max_size=14)


@given(st.sampled_from(KINDS), RECORDS)
@example(("share_before", "below", False), [{"amount": 80, "region": "东区"}, {"amount": 20, "region": "东区"}])
@example(("share_with", "up to", False), [{"amount": 80, "region": "东区"}, {"amount": 20, "region": "东区"}])
def test_a_class_is_what_the_definition_says(kind: tuple[str, str, bool], records: list[dict[str, Any]]) -> None:
    """Each measure, on each side of a border, counts and adds what is larger, or as large too, and nothing else."""
    by, heading, within = kind
    expected = [defined(by, heading, one, records, within=within) for one in records]
    assert answers(POLICIES[kind].decide_many(records)) == expected


@given(st.sampled_from(KINDS), RECORDS, st.randoms(use_true_random=False))
def test_the_order_of_the_records_means_nothing(
    kind: tuple[str, str, bool], records: list[dict[str, Any]], random: Any
) -> None:
    """Shuffled records get the same decisions, each its own."""
    places = list(range(len(records)))
    random.shuffle(places)
    shuffled = POLICIES[kind].decide_many([records[place] for place in places])
    decisions = POLICIES[kind].decide_many(records)
    assert shuffled == [decisions[place] for place in places]


PLAIN = st.fixed_dictionaries(
    {"amount": st.none() | st.integers(-5, 30) | st.decimals(0, 1000, places=2), "region": REGIONS}
)


@given(st.sampled_from(KINDS), st.lists(PLAIN, max_size=14), st.sampled_from([2, 7 * 10**20, Decimal("1e-20")]))
def test_a_positive_scale_changes_nothing(
    kind: tuple[str, str, bool], records: list[dict[str, Any]], scale: int | Decimal
) -> None:
    """Yuan or cents, every class stays."""
    values = [value_of(one) for one in records]
    amounts = [None if value is None else to_fact(reduced(value * Fraction(scale))) for value in values]
    scaled = [one | {"amount": amount} for one, amount in zip(records, amounts, strict=True)]
    assert answers(POLICIES[kind].decide_many(scaled)) == answers(POLICIES[kind].decide_many(records))


@given(RECORDS)
def test_the_first_class_by_the_share_before_is_never_empty(records: list[dict[str, Any]]) -> None:
    """Where anybody is ranked, the largest are in the first class, however much they hold, and equals stay together."""
    decisions = POLICIES["share_before", "below", False].decide_many(records)
    by_value: dict[Any, set[str]] = {}
    for one, answer in zip(records, answers(decisions), strict=True):
        if answer in {"A", "B", "C"}:
            by_value.setdefault(value_of(one), set()).add(answer)
    assert all(len(classes) == 1 for classes in by_value.values())
    if by_value:
        assert by_value[max(by_value)] == {"A"}


@given(st.sampled_from(KINDS), RECORDS)
def test_fitted_borders_give_the_same_classes(kind: tuple[str, str, bool], records: list[dict[str, Any]]) -> None:
    """Each record of the population alone, by the fitted policy, as it was and out of a pickle."""
    policy = POLICIES[kind]
    decisions = policy.decide_many(records)
    if not any(answer in {"A", "B", "C"} for answer in answers(decisions)):
        with pytest.raises(CallError, match="no record of"):
            policy.fit(records)
        return
    fitted = policy.fit(records)
    assert answers([fitted.decide(one) for one in records]) == answers(decisions)
    assert answers(pickle.loads(pickle.dumps(fitted)).decide_many(records)) == answers(decisions)  # noqa: S301 - our own


@given(st.sampled_from(KINDS), RECORDS, st.decimals(-5, 200, places=2))
def test_a_new_record_is_measured_against_those_that_were_fitted(
    kind: tuple[str, str, bool], records: list[dict[str, Any]], amount: Decimal
) -> None:
    """Which share of the frozen value is larger, or as large: the newcomer itself adds nothing to it."""
    by, heading, within = kind
    others = [
        value
        for one in records
        if is_valid(one) and (not within or one["region"] == "西区")
        if (value := value_of(one)) is not None and value > 0
    ]
    if not others:
        return
    decision = POLICIES[kind].fit(records).decide({"amount": amount, "region": "西区"})
    if amount <= 0:
        assert decision.value == "D"
        return
    first, second = (Fraction(border.rstrip("%")) / (100 if "%" in border else 1) for border in BORDERS[by])
    own = measure(by, Fraction(amount), others)
    below = (own < first, own < second) if heading == "below" else (own <= first, own <= second)
    assert decision.value == ("A" if below[0] else "B" if below[1] else "C")
