"""Packs: editions, dated and ordered parameters, chains, `pack.decide`, pickles, threads and replays."""

from __future__ import annotations

import json
import multiprocessing
import pickle
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import crm_rules
from crm_rules.loading import load_with_report

TODAY = date(2026, 11, 21)
SCORE = """\
policy: score
kind: ladder
fields:
  amount: {type: money, unit: CNY}
  paid: {type: boolean, optional: true}
by: amount
output:
  points: {type: integer}
  class: {type: choice, one_of: [big, small]}
steps: |
  | id    | from | points | class |
  | big   | 100  | 4      | big   |
  | small | 0    | 1      | small |
"""
STAGE = """\
policy: stage
kind: decision-table
fields:
  need: {type: choice, one_of: [clear, none]}
  close: {type: date, optional: true, sensitive: true}
derive:
  left: days_between(today, close)
output:
  stage: {type: choice, one_of: [A, B]}
rules: |
  | id   | need  | left  | stage |
  | near | clear | <= 30 | A     |
  | also | clear | <= 10 | A     |
  | none | none  | -     | B     |
"""
PLAN = """\
policy: plan
kind: decision-table
hit_policy: first
requires: {stage: stage, size: score.class}
fields:
  paid: {type: boolean}
output:
  plan: {type: text}
rules: |
  | id   | stage | size | paid | plan    |
  | best | A     | big  | true | visit   |
  | rest | -     | -    | -    | "write" |
"""
TOUCH = """\
policy: touch
kind: cadence
requires: {stage: stage}
fields:
  last: {type: date, optional: true}
by: stage
since: last
every: {A: 1 day, B: 1 week}
"""
FULL: dict[str, Any] = {
    "amount": 100,
    "paid": True,
    "need": "clear",
    "close": date(2026, 12, 21),
    "last": date(2026, 11, 1),
}


def write(folder: Path, **texts: str) -> Path:
    """Write policy files."""
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder


def found(path: Path) -> list[str]:
    """The findings of a pack that does not load, as file:line:column code."""
    pack, report, _ = load_with_report(path)
    assert pack is None
    return [f"{Path(item.span.path).name}:{item.span.line}:{item.span.column} [{item.code}]" for item in report]


@pytest.fixture(scope="module", name="pack")
def load_pack(tmp_path_factory: pytest.TempPathFactory) -> crm_rules.Pack:
    """A chain of four policies."""
    folder = write(tmp_path_factory.mktemp("pack"), score=SCORE, stage=STAGE, plan=PLAN, touch=TOUCH)
    return crm_rules.load(folder)


# Editions


def editions(folder: Path, *dates: tuple[str, str, str]) -> crm_rules.Pack:
    """A policy in editions of `version, valid_from, valid_to`; each gives its version's points."""
    for version, start, end in dates:
        head = (
            f"version: {version}\n"
            + (f"valid_from: {start}\n" if start else "")
            + (f"valid_to: {end}\n" if end else "")
        )
        write(folder, **{f"score-{version}": SCORE.replace("kind:", f"{head}kind:").replace("| 4 ", f"| {version} ")})
    return crm_rules.load(folder)


def test_a_pack_with_several_editions_chooses_by_date_only_when_asked(tmp_path: Path) -> None:
    """`pack[id]` refuses and names the way; `pack.on` gives the edition of the day, `pack.version` any of them."""
    pack = editions(tmp_path, ("1", "2026-01-01", ""), ("2", "2027-01-01", ""))
    with pytest.raises(crm_rules.CallError, match=r"several editions \(1, 2\).*pack\.on\(date\)"):
        pack["score"]
    assert (len(pack), list(pack), "score" in pack, "other" in pack) == (1, ["score"], True, False)
    assert [
        pack.on(date(*day))["score"].version for day in ((2026, 1, 1), (2026, 12, 31), (2027, 1, 1), (2199, 1, 1))
    ] == ["1", "1", "2", "2"]
    assert pack.version("score", "1").decide({"amount": 100}).outputs["points"] == 1
    assert pack.on(date(2025, 12, 31)).get("score") is None
    with pytest.raises(crm_rules.CallError, match="no edition 3"):
        pack.version("score", "3")
    with pytest.raises(KeyError, match="did you mean `score`"):
        pack.version("scor", "1")


def test_a_gap_between_editions_is_a_gap(tmp_path: Path) -> None:
    """Between the end of one edition and the begin of the next no edition is in force; both ends are included."""
    pack = editions(tmp_path, ("1", "2026-01-01", "2026-06-30"), ("2", "2026-08-01", ""))
    days = [date(2026, 6, 30), date(2026, 7, 1), date(2026, 7, 31), date(2026, 8, 1)]
    assert [list(pack.on(day)) for day in days] == [["score"], [], [], ["score"]]
    assert [sorted(pack.decide({"amount": 1}, today=day)) for day in days] == [["score"], [], [], ["score"]]


def test_one_edition_decides_for_any_day(tmp_path: Path) -> None:
    """A policy object is one edition: back-tests before its begin are allowed."""
    pack = editions(tmp_path, ("1", "2026-01-01", ""))
    assert pack["score"].decide({"amount": 100}, today=date(1999, 1, 1)).status == "decided"


def test_a_chain_takes_the_editions_of_the_day(tmp_path: Path) -> None:
    """`pack.on` binds a policy to the edition of what it requires."""
    editions(tmp_path, ("1", "2026-01-01", ""), ("2", "2027-01-01", ""))
    write(tmp_path, stage=STAGE, plan=PLAN.replace("size: score.class", "size: score.points").replace("big ", "2   "))
    pack = crm_rules.load(tmp_path)
    answers = {
        day.year: pack.on(day)["plan"].decide(FULL, today=TODAY).value for day in (date(2026, 1, 1), date(2027, 1, 1))
    }
    assert answers == {2026: "write", 2027: "visit"}


# Parameters


PARAMETERS = """\
policy: p
kind: decision-table
hit_policy: first
fields: {x: {type: number}}
parameters:
  low: {type: number, value: LOW}
  high: {type: number, value: HIGH}
parameter_order: $low < $high
output: {y: {type: integer}}
rules: |
  | id  | x        | y |
  | a   | <= $low  | 1 |
  | b   | <= $high | 2 |
  | c   | -        | 3 |
"""


def parameters(low: str, high: str) -> str:
    """A policy with two ordered parameters."""
    return PARAMETERS.replace("LOW", low).replace("HIGH", high)


def test_a_dated_parameter_changes_on_its_day(tmp_path: Path) -> None:
    """The new value counts from its day on; before the first one the parameter is blank."""
    policy = crm_rules.load(write(tmp_path, p=parameters("{2026-01-01: 1, 2027-01-01: 2}", "9")))["p"]
    assert policy.needs_today
    assert [policy.decide({"x": 2}, today=day).value for day in (date(2026, 12, 31), date(2027, 1, 1))] == [2, 1]
    assert policy.blank_parameters(date(2025, 12, 31)) == ("p.$low",)
    with pytest.raises(crm_rules.CallError, match=r"on 2025-12-31.*p\.\$low"):
        policy.decide({"x": 2}, today=date(2025, 12, 31))
    with pytest.raises(crm_rules.CallError, match="today="):
        policy.decide({"x": 2})


def test_blank_parameters_refuse_and_are_all_named(tmp_path: Path) -> None:
    """A blank policy says every parameter that a company has to set."""
    policy = crm_rules.load(write(tmp_path, p=parameters("", "")))["p"]
    with pytest.raises(crm_rules.CallError, match=r"p\.\$low, p\.\$high"):
        policy.decide({"x": 2})


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        ("2", "1", ["p.yaml:7:31 [parameters-out-of-order]"]),
        ("1", "1", ["p.yaml:7:31 [parameters-out-of-order]"]),
        ("{2026-01-01: 1, 2027-01-01: 5}", "3", ["p.yaml:7:31 [parameters-out-of-order]"]),
        ("1", "{2026-01-01: 2, 2027-01-01: 0}", ["p.yaml:7:59 [parameters-out-of-order]"]),
        ("much", "1", ["p.yaml:6:30 [wrong-literal]"]),
        ("{2026-13-01: 1}", "2", ["p.yaml:6:31 [bad-date]"]),
        ("[1]", "2", ["p.yaml:6:30 [wrong-shape]"]),
    ],
)
def test_parameters_that_break_their_order_on_any_day(tmp_path: Path, low: str, high: str, expected: list[str]) -> None:
    """The order holds on every day on which both have a value, or the pack does not load."""
    assert found(write(tmp_path, p=parameters(low, high))) == expected


def test_an_order_of_unknown_parameters(tmp_path: Path) -> None:
    """`parameter_order` names parameters that exist."""
    assert found(write(tmp_path, p=parameters("1", "2").replace("$low < $high\n", "$lo < $high\n"))) == [
        "p.yaml:8:18 [unknown-parameter]"
    ]
    assert found(write(tmp_path, p=parameters("1", "2").replace("$low < $high\n", "$low > $high\n"))) == [
        "p.yaml:8:18 [bad-order]"
    ]


# Chains


def test_the_input_contract_is_the_union_over_the_chain(pack: crm_rules.Pack) -> None:
    """A field that one policy of the chain requires is required, whoever else finds it optional."""
    contract = {item.name: item.optional for item in pack["plan"].inputs}
    assert contract == {"paid": False, "need": False, "close": True, "amount": False}
    assert pack["plan"].needs_today


def test_a_requirement_is_decided_from_the_same_record(pack: crm_rules.Pack) -> None:
    """The decision keeps what it was made from."""
    decision = pack["plan"].decide(FULL, today=TODAY)
    assert (decision.value, decision.rules) == ("visit", ("best",))
    assert {alias: one.status for alias, one in decision.required} == {"stage": "decided", "size": "decided"}
    assert decision.record == {"paid": True, "stage": "A", "size": "big"}


def test_an_undecided_requirement_blocks(pack: crm_rules.Pack) -> None:
    """A gap or a conflict below makes the dependent blocked; a bad field of its own makes it invalid."""
    gap = pack["plan"].decide(FULL | {"amount": -1}, today=TODAY)
    assert (gap.status, dict(gap.outputs), dict(gap.required)["size"].status) == ("blocked", {}, "no_match")
    conflict = pack["touch"].decide(FULL | {"close": TODAY}, today=TODAY)
    assert (conflict.status, dict(conflict.required)["stage"].status) == ("blocked", "conflict")
    assert pack["plan"].decide(FULL | {"amount": -1, "paid": "yes"}, today=TODAY).status == "invalid"
    with pytest.raises(crm_rules.UndecidedError):
        _ = gap.value


def test_given_replaces_a_required_decision(pack: crm_rules.Pack) -> None:
    """What only the required policy reads is no longer needed; an unknown name is the caller's mistake."""
    plan = pack["plan"]
    assert plan.decide({"paid": True, "amount": 100}, today=TODAY, given={"stage": "A"}).value == "visit"
    assert plan.decide({"paid": True}, today=TODAY, given={"stage": "A", "size": "big"}).value == "visit"
    assert plan.decide({"paid": True}, today=TODAY, given={"stage": "Q", "size": "big"}).status == "invalid"
    with pytest.raises(crm_rules.CallError, match="colour"):
        plan.decide(FULL, today=TODAY, given={"colour": "red"})


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("stage: stage,", "stage: stag,", ["plan.yaml:4:19 [unknown-policy]"]),
        ("score.class", "score", ["plan.yaml:4:32 [unknown-output]"]),
        ("score.class", "score.clas", ["plan.yaml:4:32 [unknown-output]"]),
        ("{stage: stage,", "{paid: stage,", ["plan.yaml:4:12 [duplicate-name]"]),
    ],
)
def test_requirements_that_lead_nowhere(tmp_path: Path, old: str, new: str, expected: list[str]) -> None:
    """An unknown policy or output, several outputs without a name, and an alias that is a field are refused."""
    write(tmp_path, score=SCORE, stage=STAGE, plan=PLAN.replace(old, new))
    assert found(tmp_path)[:1] == expected


def test_circles_of_requirements_are_reported(tmp_path: Path) -> None:
    """Two policies that require each other, or one itself, are an error and no endless loop."""
    write(tmp_path, stage=STAGE.replace("fields:", "requires: {next_touch: touch.next_touch}\nfields:"), touch=TOUCH)
    assert {item.split()[1].strip("[]") for item in found(tmp_path)} == {"requires-cycle"}
    write(tmp_path, stage=STAGE.replace("fields:", "requires: {own: stage}\nfields:"))
    assert "stage.yaml:3:17 [requires-cycle]" in found(tmp_path)


def test_a_field_has_one_type_over_a_chain(tmp_path: Path) -> None:
    """A record has one value for a name, so the types must agree."""
    write(
        tmp_path,
        stage=STAGE,
        touch=TOUCH.replace("last: {type: date, optional: true}", "last: {type: date}\n  need: {type: boolean}"),
    )
    assert found(tmp_path) == ["touch.yaml:6:3 [conflicting-field]"]


# Deciding all


RECORDS = st.fixed_dictionaries(
    {},
    optional={
        "amount": st.sampled_from([-1, 0, 99, 100, "much"]),
        "paid": st.sampled_from([True, False, 1, None]),
        "need": st.sampled_from(["clear", "none", "other"]),
        "close": st.sampled_from([None, TODAY, TODAY + timedelta(20), TODAY + timedelta(30), TODAY + timedelta(31)]),
        "last": st.sampled_from([None, date(2026, 11, 1)]),
    },
)


@given(RECORDS, st.sampled_from([{}, {"stage": "A"}, {"stage": "B", "size": "small"}]))
def test_pack_decide_agrees_with_each_policy(
    pack: crm_rules.Pack, record: dict[str, Any], handed: dict[str, str]
) -> None:
    """Every decision of the pack is the one that its policy gives alone."""
    decisions = pack.decide(record, today=TODAY, given=handed)
    assert list(decisions) == list(pack)
    for name, policy in pack.items():
        own = {alias: value for alias, value in handed.items() if alias in policy.aliases()}
        alone = policy.decide(record, today=TODAY, given=own)
        assert (decisions[name].status, decisions[name].outputs, decisions[name].rules, decisions[name].problems) == (
            alone.status,
            alone.outputs,
            alone.rules,
            alone.problems,
        )
        assert decisions[name] == alone
        assert policy.decide_many([record], today=TODAY, given=own) == [alone]


def test_a_required_policy_is_decided_once(pack: crm_rules.Pack) -> None:
    """In a pack the dependents share one and the same decision."""
    decisions = pack.decide(FULL, today=TODAY)
    assert dict(decisions["plan"].required)["stage"] is decisions["stage"]
    assert dict(decisions["touch"].required)["stage"] is decisions["stage"]


def test_in_a_pack_blank_policies_are_blocked_and_the_others_go_on() -> None:
    """`pack.decide` never raises for a blank parameter, and names it."""
    base = crm_rules.load("base")
    decisions = base.decide({"need": "none"}, today=TODAY)
    assert decisions["pipeline-stage"].value == "E"
    assert decisions["credit-level"].status == "invalid"
    assert decisions["abc-grade"].status == "blocked"
    assert "abc-grade.$amount_top" in {problem.field for problem in decisions["abc-grade"].problems}
    assert all(one.explain("en") and one.explain("zh") for one in decisions.values())


def test_given_for_nobody_is_refused(pack: crm_rules.Pack) -> None:
    """A name that no policy of the pack requires is the caller's mistake."""
    with pytest.raises(crm_rules.CallError, match="colour"):
        pack.decide(FULL, today=TODAY, given={"colour": "red"})


# Other processes, other threads, other times


EXAMPLES: list[dict[str, Any]] = [
    FULL,
    {},
    FULL | {"amount": -1},
    FULL | {"close": TODAY},
    FULL | {"need": "other"},
    FULL | {"amount": 12.5},
    FULL | {"close": None},
]


def decide_elsewhere(pickled: bytes) -> list[Any]:
    """What a spawned process decides, and whether it had to read YAML for it."""
    pack = pickle.loads(pickled)  # noqa: S301 - written a few lines below
    texts = [
        decision.to_json(sensitive=True)
        for record in EXAMPLES
        for decision in pack.decide(record, today=TODAY).values()
    ]
    return [texts, "yaml" in sys.modules and "crm_rules.loading" in sys.modules]


def test_a_spawned_process_decides_the_same(pack: crm_rules.Pack) -> None:
    """Packs and policies travel without YAML, and decisions compare equal after a round trip."""
    expected = [one.to_json(sensitive=True) for record in EXAMPLES for one in pack.decide(record, today=TODAY).values()]
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        answers, _ = pool.apply(decide_elsewhere, (pickle.dumps(pack),))
    assert answers == expected
    for policy in pack.values():
        copy = pickle.loads(pickle.dumps(policy))  # noqa: S301 - written here
        assert copy == policy
        assert copy.about == policy.about
        decision = policy.decide(FULL, today=TODAY)
        assert pickle.loads(pickle.dumps(decision)) == decision  # noqa: S301 - written here
        assert copy.decide(FULL, today=TODAY) == decision


def test_many_threads_may_use_a_policy_first(tmp_path: Path) -> None:
    """The first decisions may come at once from many threads; all get the same answer."""
    write(tmp_path, score=SCORE, stage=STAGE, plan=PLAN, touch=TOUCH)
    for _ in range(5):
        pack = crm_rules.load(tmp_path)
        together = Barrier(16)

        def decide(index: int, pack: crm_rules.Pack = pack, together: Barrier = together) -> list[str]:
            together.wait()
            record = EXAMPLES[index % len(EXAMPLES)]
            return [one.to_json() for one in pack.decide(record, today=TODAY).values()] + [
                pack["plan"].decide(record, today=TODAY).to_json()
            ]

        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(decide, range(16)))
        assert all(answers[index] == answers[index % len(EXAMPLES)] for index in range(16))


@given(st.one_of(st.sampled_from(EXAMPLES), RECORDS))
def test_a_replay_gives_the_same_bytes(pack: crm_rules.Pack, record: dict[str, Any]) -> None:
    """Whatever the status, invalid and blocked included, the record of a decision is decided again to the byte."""
    for name, decision in pack.decide(record, today=TODAY).items():
        text = decision.to_json(sensitive=True)
        again = pack[name].replay(text)
        assert again.to_json(sensitive=True) == text
        assert (again.status, again.outputs, again.rules) == (decision.status, decision.outputs, decision.rules)


def test_a_replay_of_a_blank_policy_gives_the_same_bytes() -> None:
    """A decision that was blocked by blank parameters stays so."""
    base = crm_rules.load("base")
    decision = base.decide({}, today=TODAY)["customer-size"]
    assert decision.status == "blocked"
    assert base["customer-size"].replay(decision.to_json()).to_json() == decision.to_json()


def test_sensitive_values_are_left_out_and_then_not_replayed(pack: crm_rules.Pack) -> None:
    """The written record names what it hides, and `replay` says how to write it."""
    decision = pack["stage"].decide(FULL, today=TODAY)
    written = json.loads(decision.to_json())
    assert (written["hidden"], "close" in written["values"]) == (["close"], False)
    with pytest.raises(crm_rules.CallError, match=r"close.*sensitive=True"):
        pack["stage"].replay(decision.to_json())


def test_a_replay_on_other_content_is_refused(pack: crm_rules.Pack, tmp_path: Path) -> None:
    """The hash must be that of the policy, so no other edition answers by mistake."""
    other = crm_rules.load(write(tmp_path, score=SCORE.replace("| 4  ", "| 5  ")))["score"]
    text = pack["score"].decide(FULL).to_json()
    with pytest.raises(crm_rules.CallError, match="other content"):
        other.replay(text)
    with pytest.raises(crm_rules.CallError, match="other content"):
        pack["plan"].replay(text)


# The examples of the design


EXAMPLE_TEXTS = Path(__file__).parents[2] / "policies"


@pytest.mark.parametrize(
    ("record", "stage", "rule"),
    [
        ({"need": "clear", "expected_close": date(2026, 12, 21)}, "A", "month"),
        ({"need": "clear", "expected_close": date(2026, 12, 22)}, "B", "quarter"),
        ({"need": "clear", "expected_close": date(2027, 5, 21)}, "C", "half-year"),
        ({"need": "clear", "expected_close": date(2027, 5, 22)}, "D", "later"),
        ({"need": "clear", "expected_close": date(2026, 11, 20)}, "unknown", "passed"),
        ({"need": "clear"}, "unknown", "undated"),
        ({"need": "none", "expected_close": date(2026, 12, 1)}, "E", "dead"),
        ({"need": "none"}, "E", "dead"),
    ],
)
def test_the_pipeline_stage_as_promised(record: dict[str, Any], stage: str, rule: str) -> None:
    """The borders of a month, a quarter and half a year belong to the nearer stage."""
    decision = crm_rules.load("base")["pipeline-stage"].decide(record, today=TODAY)
    assert (decision.value, decision.rules) == (stage, (rule,))


def test_levels_and_touches_as_promised() -> None:
    """Three started months are level 2, a day more is level 3; thirty days from the end of January are 2 March."""
    base = crm_rules.load("base")
    levels = [
        base["credit-level"].decide({"due_date": date(2026, 8, day)}, today=TODAY).outputs["level"] for day in (21, 20)
    ]
    assert levels == ["2", "3"]
    touch = base["follow-up"].decide({"need": "potential", "last_touch": date(2026, 1, 31)}, today=date(2026, 2, 1))
    assert touch.outputs["next_touch"] == date(2026, 3, 2)


def test_grades_as_promised() -> None:
    """A total of 9 is ungraded, of 10 C; the first year is C by the override, the day after it is scored."""
    policy = crm_rules.load("sample-company")["abc-grade"]
    record = {
        "contract_amount": 600_000,
        "paid_in_time": True,
        "receivable": 200_000,
        "premium": 0.05,
        "influence": "minor",
    }
    old = {"first_dealing": date(2025, 11, 21)}
    nine, ten = (policy.decide(record | old | {"receivable": amount}, today=TODAY) for amount in (200_000, 100_000))
    assert [(one.details["total"], one.value) for one in (nine, ten)] == [(9, "ungraded"), (10, "C")]
    new = policy.decide(record | {"first_dealing": date(2025, 11, 22)}, today=TODAY)
    assert (new.value, new.rules[-1]) == ("C", "overrides.new-customer")
    assert nine.rules[-1] == "bands.ungraded"
