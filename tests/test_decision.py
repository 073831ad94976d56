"""Decisions: any fact whatever, equality, hashes, pickles, replays, explanations, and what is sensitive."""

from __future__ import annotations

import enum
import json
import math
import pickle
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import crm_rules

TODAY = date(2026, 11, 21)
POLICY = """\
policy: p
kind: decision-table
hit_policy: first
fields:
  n: {type: integer, optional: true}
  x: {type: number, optional: true, min: -1000, max: 1000, decimals: 2}
  m: {type: money, unit: CNY, currency: cur, optional: true}
  c: {type: choice, one_of: [A, B], optional: true}
  t: {type: text, optional: true}
  b: {type: boolean, optional: true}
  d: {type: date, optional: true, sensitive: true, label: {en: Birthday, zh: 生日}}
  copy: {type: integer, default: 3}
derive:
  left: days_between(today, d)
output:
  o: {type: integer}
rules: |
  | id | n   | x      | m      | c       | b    | left | copy | o |
  | a  | > 5 | -      | -      | -       | -    | -    | -    | 1 |
  | b  | -   | >= 0.1 | -      | -       | -    | -    | -    | 2 |
  | c  | -   | -      | >= 100 | -       | -    | -    | -    | 3 |
  | d  | -   | -      | -      | A       | -    | -    | -    | 4 |
  | e  | -   | -      | -      | -       | true | -    | -    | 5 |
  | f  | -   | -      | -      | -       | -    | <= 3 | -    | 6 |
  | g  | -   | -      | -      | -       | -    | -    | 4    | 7 |
  | h  | -   | -      | -      | missing | -    | -    | -    | 8 |
"""


class Level(enum.IntEnum):
    """A whole number with a name."""

    SEVEN = 7


class Letter(enum.StrEnum):
    """A text with a name."""

    A = "A"


class OldLetter(str, enum.Enum):  # noqa: UP042 - its `str` differs from its text
    """A text whose `str` is not its text."""

    A = "A"


class Hostile:
    """A thing that fails whatever it is asked."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("asked for equality")

    def __bool__(self) -> bool:
        raise RuntimeError("asked for truth")

    def __repr__(self) -> str:
        raise RuntimeError("asked for words")


class HostileText(str):
    """A text that fails whatever it is asked by its own methods."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("asked for equality")

    def __hash__(self) -> int:
        raise RuntimeError("asked for a hash")

    def __str__(self) -> str:
        raise RuntimeError("asked for words")


FACTS: list[Any] = [
    True, 1, 0, -1, 7.0, 7.5, -0.0, 0.1, Decimal("0.1"), Decimal("1E+2"), Decimal("sNaN"), Decimal("NaN"),
    Decimal("-Infinity"), math.nan, math.inf, 10**34, 10**33 + 1, int("1" * 35), 10**5000, -(10**5000), 1e308, 5e-324,
    Decimal("1e-400"), Decimal("1e99999"), Decimal("0.001"), Fraction(1, 3), Level.SEVEN, Letter.A, OldLetter.A,
    HostileText("A"), "A", "", " A", "A\n", "\ud800", "x" * 100_000, b"A", None, [], {}, (), set(), object(), Hostile(),
    datetime(2026, 11, 22), datetime(2026, 11, 22, 1), datetime(2026, 11, 22, tzinfo=UTC), date(1899, 1, 1),  # noqa: DTZ001
    date(2200, 1, 1), date(2026, 11, 22), date.min, date.max, timedelta(1), time(0), 1j, int, ValueError("x"),
]  # fmt: skip


def load(folder: Path, text: str) -> crm_rules.Policy:
    """The policy of one file."""
    (folder / "p.yaml").write_text(text, encoding="utf-8")
    return crm_rules.load(folder)["p"]


@pytest.fixture(scope="module", name="policy")
def load_policy(tmp_path_factory: pytest.TempPathFactory) -> crm_rules.Policy:
    """A policy with a field of every type."""
    return load(tmp_path_factory.mktemp("decision"), POLICY)


def check_everything(policy: crm_rules.Policy, record: dict[str, Any]) -> crm_rules.Decision:
    """Nothing raises, all ways agree, and the decision survives whatever is done with it."""
    decision = policy.decide(record, today=TODAY)
    assert decision == policy.answer(record, TODAY) == policy.decide_many([record], today=TODAY)[0]
    assert decision == policy.decide(MappingProxyType(record), today=TODAY)
    copy = pickle.loads(pickle.dumps(decision))  # noqa: S301 - written here
    assert copy == decision
    assert hash(copy) == hash(decision)
    text = decision.to_json(sensitive=True)
    again = policy.replay(text)
    assert again.to_json(sensitive=True) == text
    assert (again.rules, again.outputs, again.details) == (decision.rules, decision.outputs, decision.details)
    assert [again.explain(lang) for lang in ("en", "zh")] == [decision.explain(lang) for lang in ("en", "zh")]
    assert decision.status in repr(decision)
    assert bool(decision.outputs) is (decision.status == "decided")
    assert {problem.field for problem in decision.problems} == {reason.field for reason in decision.reasons} or (
        decision.status != "invalid"
    )
    return decision


@pytest.mark.parametrize("name", ["n", "x", "m", "c", "t", "b", "d", "copy", "cur"])
def test_no_fact_makes_a_decision_raise(policy: crm_rules.Policy, name: str) -> None:
    """Whatever stands in a field, there is a decision that can be kept, written, replayed and explained."""
    both: dict[str, dict[str, Any]] = {"m": {"cur": "CNY"}, "cur": {"m": 100}}
    beside = both.get(name, {})
    for fact in FACTS:
        decision = check_everything(policy, {name: fact} | beside)
        assert decision.status in {"decided", "invalid"}


NAMES = ["n", "x", "m", "c", "t", "b", "d", "copy", "cur"]


@given(st.dictionaries(st.sampled_from(NAMES), st.integers(0, len(FACTS) - 1)))  # the facts themselves cannot be shown
def test_no_record_makes_a_decision_raise(policy: crm_rules.Policy, places: dict[str, int]) -> None:
    """The same for several strange facts together; a problem is named for each bad field."""
    record = {name: FACTS[place] for name, place in places.items()}
    decision = check_everything(policy, record)
    alone = {"n", "x", "c", "t", "b", "d", "copy"} & set(record)
    bad = {name for name in alone if policy.decide({name: record[name]}, today=TODAY).status == "invalid"}
    assert bad == {problem.field for problem in decision.problems} - {"m", "cur"}


@pytest.mark.parametrize(
    ("record", "value"),
    [
        ({"n": 6}, 1),
        ({"n": Level.SEVEN}, 1),
        ({"n": 7.0}, 1),
        ({"n": Decimal("1E+2")}, 1),
        ({"n": 10**33}, 1),
        ({"n": 10**34}, 1),
        ({"n": -0.0, "x": 0.1}, 2),
        ({"x": Decimal("0.10")}, 2),
        ({"x": 0.1 + 0.2}, None),
        ({"m": 99.5, "cur": "CNY"}, 8),
        ({"m": 100, "cur": "USD"}, None),
        ({"m": 100}, None),
        ({"cur": "USD"}, None),
        ({"c": OldLetter.A}, 4),
        ({"c": "a"}, None),
        ({"c": "B"}, "no_match"),
        ({"b": 1}, None),
        ({"d": datetime(2026, 11, 24)}, 6),  # noqa: DTZ001 - a date without a zone
        ({"d": "2026-11-24"}, None),
        ({"copy": None, "c": None}, 8),
        ({"copy": 4}, 7),
    ],
)
def test_what_a_fact_may_be(policy: crm_rules.Policy, record: dict[str, Any], value: Any) -> None:
    """Exact numbers, texts by their text, dates at midnight; nothing is coerced, and a gap is a gap."""
    decision = check_everything(policy, record)
    expected = {None: "invalid", "no_match": "no_match"}.get(value, "decided")
    assert decision.status == expected
    assert decision.outputs.get("o") == (value if expected == "decided" else None)


def test_every_problem_of_a_row_is_named(policy: crm_rules.Policy) -> None:
    """An amount that is none and its currency are two problems, in the order of the fields."""
    record = {"n": "1", "x": 0.001, "m": "many", "cur": "USD", "d": math.nan, "copy": True}
    problems = [(one.field, one.code) for one in policy.decide(record, today=TODAY).problems]
    assert problems == [
        ("n", "wrong-type"), ("x", "decimals"), ("m", "wrong-type"), ("cur", "currency"), ("d", "wrong-type"),
        ("copy", "wrong-type"),
    ]  # fmt: skip


# Sensitive values


def test_sensitive_values_are_shown_only_when_asked(policy: crm_rules.Policy) -> None:
    """Neither the value, nor what is derived from it, nor its distance from a border stands in an explanation."""
    decision = policy.decide({"d": date(2026, 11, 23)}, today=TODAY)
    english = ("hidden", decision.explain("en"), decision.explain("en", sensitive=True))
    chinese = ("不显示", decision.explain("zh"), decision.explain("zh", sensitive=True))
    for word, shown, open_words in (english, chinese):
        assert "2026-11-23" not in shown
        assert word in shown
        assert "2026-11-23" in open_words
        assert word not in open_words
    assert "2 days" not in decision.explain()
    assert "2 days" in decision.explain(sensitive=True)


def test_a_sensitive_value_that_is_wrong_stays_hidden(policy: crm_rules.Policy) -> None:
    """The problem says what was expected, and what was found only when asked."""
    decision = policy.decide({"d": "1970-01-31"}, today=TODAY)
    texts = [decision.to_json(), decision.explain("en"), decision.explain("zh"), repr(decision)]
    assert not any("1970" in text for text in texts)
    assert "1970-01-31" in decision.explain(sensitive=True)
    assert "1970-01-31" in decision.to_json(sensitive=True)
    assert json.loads(decision.to_json())["problems"][0]["found"] == "hidden"


# Gathering


COLLECT = """\
policy: p
kind: decision-table
hit_policy: collect
aggregation: HOW
fields:
  n: {type: integer}
output:
  y: {type: money, unit: CNY}
rules: |
  | id | n   | y    |
  | a  | > 1 | 0.10 |
  | b  | > 2 | 0.90 |
"""


@pytest.mark.parametrize(
    ("how", "answers"),
    [
        ("list", [[], [Decimal("0.1")], [Decimal("0.1"), Decimal("0.9")]]),
        ("sum", [0, Decimal("0.1"), 1]),
        ("count", [0, 1, 2]),
        ("min", [None, Decimal("0.1"), Decimal("0.1")]),
        ("max", [None, Decimal("0.1"), Decimal("0.9")]),
    ],
)
def test_what_a_gathering_table_gives(tmp_path: Path, how: str, answers: list[Any]) -> None:
    """Lists, sums and counts of nothing are decided, a minimum of nothing is a gap; numbers stay exact."""
    policy = load(tmp_path, COLLECT.replace("HOW", how))
    for n, answer in enumerate(answers, 1):
        decision = policy.decide({"n": n})
        assert decision.outputs.get("y") == answer
        assert decision.status == ("no_match" if answer is None else "decided")
        assert decision.rules == ("a", "b")[: n - 1]
        if answer is not None:
            assert type(decision.value) is type(answer)
            assert decision.details["rules"] == answer
        again = policy.replay(decision.to_json())
        assert (again, again.to_json(), hash(again)) == (decision, decision.to_json(), hash(decision))


def test_a_gathered_list_is_the_callers_own(tmp_path: Path) -> None:
    """Changing the list that a decision handed out does not change the decision."""
    decision = load(tmp_path, COLLECT.replace("HOW", "list")).decide({"n": 3})
    decision.value.clear()
    decision.outputs["y"].clear()
    assert len(decision.value) == len(decision.outputs["y"]) == 2


# The decision itself


def test_a_decision_cannot_be_changed(policy: crm_rules.Policy) -> None:
    """Neither its members nor its mappings take anything."""
    decision: Any = policy.decide({"n": 6}, today=TODAY)
    for name in ("status", "results", "facts", "today"):
        with pytest.raises(AttributeError):
            setattr(decision, name, None)
    for mapping in (decision.outputs, decision.record, decision.details):
        with pytest.raises(TypeError):
            mapping["o"] = 2


def test_equal_decisions_are_of_the_same_content_facts_and_day(policy: crm_rules.Policy, tmp_path: Path) -> None:
    """Labels and lines do not count; a fact, the day or a border does."""
    decision = policy.decide({"n": 6}, today=TODAY)
    relabelled = load(tmp_path, POLICY.replace("Birthday", "Born").replace("kind:", "\n# moved\nkind:"))
    assert relabelled.content_hash == policy.content_hash
    assert relabelled.decide({"n": 6}, today=TODAY) == decision
    changed = load(tmp_path, POLICY.replace("> 5", "> 4"))
    assert changed.content_hash != policy.content_hash
    others = [
        changed.decide({"n": 6}, today=TODAY),
        policy.decide({"n": 7}, today=TODAY),
        policy.decide({"n": 6}, today=TODAY + timedelta(1)),
    ]
    assert decision not in others
    assert len({decision, policy.decide({"n": 6}, today=TODAY), *others}) == 4


def test_the_value_of_an_undecided_decision(policy: crm_rules.Policy) -> None:
    """It is refused; the outputs are empty."""
    decision = policy.decide({"c": "B"}, today=TODAY)
    assert (decision.status, dict(decision.outputs), decision.rules) == ("no_match", {}, ())
    with pytest.raises(crm_rules.UndecidedError, match="no_match"):
        _ = decision.value


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"hash": 1}', '{"policy": "p", "version": ""}'])
def test_a_replay_of_something_else_is_refused(policy: crm_rules.Policy, text: str) -> None:
    """A text that is no record of a decision is the caller's mistake."""
    with pytest.raises(crm_rules.CallError):
        policy.replay(text)


def test_a_day_that_an_array_library_calls_missing_is_missing(policy: crm_rules.Policy) -> None:
    """A `datetime64` that is not equal to itself is not a time; any other is no date."""
    missing = type("datetime64", (), {"__eq__": lambda *_: False, "__hash__": None})()
    assert policy.decide({"d": missing}, today=TODAY).value == 8
    assert policy.decide({"d": type("datetime64", (), {})()}, today=TODAY).status == "invalid"


def test_an_unknown_language_is_refused(policy: crm_rules.Policy) -> None:
    """A language without words is a mistake of the caller, not a mixture of two languages."""
    with pytest.raises(crm_rules.CallError, match="lang= is `en` or `zh`, found `fr`"):
        policy.decide({}, today=date(2026, 1, 1)).explain("fr")  # type: ignore[arg-type]


def test_a_row_of_texts_is_a_mapping(policy: crm_rules.Policy) -> None:
    """Anything else is the caller's mistake, said as for a record."""
    with pytest.raises(crm_rules.CallError, match="a row is a mapping of texts by field, found a list"):
        policy.read([1])  # type: ignore[arg-type]
