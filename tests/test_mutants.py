"""Changes of a policy: which there are, which the cases notice, and what is said of the others."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from crm_rules.cases import SuiteResult, find_suites, run_suite
from crm_rules.cases.coverage import coverage
from crm_rules.cases.mutants import mutants
from crm_rules.cases.noticing import Noticed, notice
from crm_rules.decision import Decision
from crm_rules.ir.check import check
from crm_rules.policy import Policy

TABLE = """\
policy: stage
kind: decision-table
hit_policy: first
fields:
  deals: {type: integer, min: 0}
  rate: {type: number, decimals: 2}
  need: {type: choice, one_of: [clear, none]}
parameters:
  many: {type: integer, value: 5}
output:
  stage: {type: choice, one_of: [A, B, C], ordered: best-first}
rules: |
  | id   | deals    | rate | need  | stage |
  | many | >= $many | -    | -     | A     |
  | rate | -        | > 0.5| clear | B     |
  | rest | -        | -    | -     | C     |
"""
LADDER = """\
policy: size
kind: ladder
fields:
  deals: {type: integer, min: 0}
by: deals
output:
  size: {type: integer}
steps: |
  | id    | up to | size |
  | small | 3     | 1    |
  | large |       | 2    |
"""
SCORE = """\
policy: score
kind: scorecard
version: 1.0.0
fields:
  influence: {type: choice, one_of: [leader, key]}
  since: {type: date}
derive:
  months: months_between(since, today)
characteristics:
  influence:
    rules: |
      | id     | influence | points |
      | leader | leader    | 4      |
      | key    | key       | 2      |
output:
  grade: {type: choice, one_of: [A, B], ordered: best-first}
bands:
  A: ">= 3"
  B: "< 3"
overrides:
  - {id: new, when: {months: "< 12"}, then: B}
"""
TOUCH = """\
policy: touch
kind: cadence
requires: {stage: stage}
fields:
  last: {type: date, optional: true}
by: stage
since: last
every: {A: 1 day, B: 1 week, C: 2 months}
"""


def load(folder: Path, *policies: str, cases: str = "") -> list[SuiteResult]:
    """The results of the cases of some policies; all of them pass."""
    for text in policies:
        name = text.split()[1]
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    for text in cases.split("---\n"):
        (folder / f"{text.split()[1]}.cases.yaml").write_text(text, encoding="utf-8")
    results = [run_suite(suite) for suite in find_suites(folder)]
    assert [item.message for result in results for item in result.report] == []
    assert all(one.passed for result in results for one in result.results)
    return results


def policy_of(folder: Path, text: str) -> Policy:
    """The policy of a text, with a case that loads it."""
    name = text.split()[1]
    case = f"policy: {name}\ntoday: 2026-11-21\ncases:\n  - {{name: x, record: {{deals: x}}, status: invalid}}\n"
    if "deals" not in text:
        case = case.replace("deals: x", "influence: x")
    (result,) = load(folder, text, cases=case)
    return result.results[0].case.policy


def changes(policy: Policy) -> list[str]:
    """The changes of a policy in words."""
    return [mutant.change for mutant in mutants(policy.program)]


def tried(results: list[SuiteResult]) -> dict[str, Noticed]:
    """What became of the changes, by policy."""
    return {one.name: notice(one, results, lambda: None) for one in coverage(results)}


def test_every_part_of_a_table_changes(tmp_path: Path) -> None:
    """Parameters, borders, closedness, outcomes, order, rules; a border that is a parameter moves with it alone."""
    assert changes(policy_of(tmp_path, TABLE)) == [
        "`$many` could be `4` instead of `5`",
        "`$many` could be `6` instead of `5`",
        "`many`: `>= $many` could be `> $many`",
        "`rate`: `> 0.5` could be `> 0.49`",
        "`rate`: `> 0.5` could be `> 0.51`",
        "`many`: `stage` could be `B` instead of `A`",
        "`rate`: `stage` could be `A` instead of `B`",
        "`rate`: `stage` could be `C` instead of `B`",
        "`rest`: `stage` could be `B` instead of `C`",
        "`rate` could stand before `many`",
        "`rest` could stand before `rate`",
        "`many` could be left out",
        "`rate` could be left out",
        "`rest` could be left out",
    ]


def test_a_border_without_decimals_can_close_on_the_other_side(tmp_path: Path) -> None:
    """Where values lie densely, closing a border is another change than moving it by a unit."""
    found = changes(policy_of(tmp_path, TABLE.replace(", decimals: 2", "")))
    assert [words for words in found if "0.5`" in words] == [
        "`rate`: `> 0.5` could be `> 0.49`",
        "`rate`: `> 0.5` could be `> 0.51`",
        "`rate`: `> 0.5` could be `>= 0.5`",
    ]


def test_a_border_of_a_ladder_moves_for_both_of_its_steps(tmp_path: Path) -> None:
    """An author writes it once, so no change leaves a gap; numbers go one down and one up."""
    policy = policy_of(tmp_path, LADDER)
    assert changes(policy) == [
        "`small`: `<= 3` could be `<= 2`",
        "`small`: `<= 3` could be `<= 4`",
        "`small`: `size` could be `0` instead of `1`",
        "`small`: `size` could be `2` instead of `1`",
        "`large`: `size` could be `1` instead of `2`",
        "`large`: `size` could be `3` instead of `2`",
        "`small` could be left out",
        "`large` could be left out",
    ]
    first = next(mutants(policy.program))
    answers = {deals: Policy(first.program).decide({"deals": deals}).value for deals in (2, 3, 4)}
    assert answers == {2: 1, 3: 2, 4: 2}


def test_points_weights_and_overrides_of_a_scorecard_change(tmp_path: Path) -> None:
    """The weight of a characteristic and the points to begin with are changes of their own."""
    found = changes(policy_of(tmp_path, SCORE))
    assert "`influence.leader`: `points` could be `5` instead of `4`" in found
    assert "the weight of `influence` could be `2` instead of `1`" in found
    assert "the score could begin with `1` instead of `0`" in found
    assert "`overrides.new` could be left out" in found
    assert "`overrides.new`: `< 12` could be `< 13`" in found


def test_intervals_of_a_cadence_change(tmp_path: Path) -> None:
    """An interval is one unit shorter and longer, and never shorter than one."""
    cases = "policy: touch\ntoday: 2026-11-21\ncases:\n  - {name: x, record: {last: x, deals: x}, status: blocked}\n"
    cases = cases.replace("status: blocked", "status: invalid")
    (result,) = load(tmp_path, TABLE, TOUCH, cases=cases)
    found = [words for words in changes(result.results[0].case.policy) if "could be left" not in words]
    assert found == [
        "`A`: `1 day` could be `2 days`",
        "`B`: `1 week` could be `2 weeks`",
        "`C`: `2 months` could be `1 month`",
        "`C`: `2 months` could be `3 months`",
    ]


@pytest.mark.parametrize("text", [TABLE, TABLE.replace(", decimals: 2", ""), LADDER, SCORE])
def test_every_change_is_a_policy_and_another_one(tmp_path: Path, text: str) -> None:
    """A mutant is well typed, differs from the policy, and no two are the same."""
    policy = policy_of(tmp_path, text)
    programs = [mutant.program for mutant in mutants(policy.program)]
    assert all(program != policy.program for program in programs)
    assert all(one != other for index, one in enumerate(programs) for other in programs[:index])
    messages = [item.message for program in programs for item in check(program)]
    assert [message for message in messages if message != "`overrides` has no rules"] == []
    assert all(mutant.span is not None for mutant in mutants(policy.program))


CASES = """\
policy: stage
cases:
  - {name: many, record: {deals: 5, rate: 0, need: none}, expect: {stage: A}, rules: [many]}
  - {name: few, record: {deals: 4, rate: 0.51, need: clear}, expect: {stage: B}, rules: [rate]}
  - {name: low, record: {deals: 4, rate: 0.5, need: clear}, expect: {stage: C}, rules: [rest]}
"""


def confirmed(policy: Policy, found: Noticed) -> Iterable[Decision]:
    """What the policy decides for the witnesses."""
    for item in found.unnoticed:
        assert item.witness is not None
        yield policy.decide(item.witness.record, today=item.witness.today)


def test_a_change_that_no_case_notices_comes_with_a_record(tmp_path: Path) -> None:
    """The order of two rules matters only for a record that passes both, and no case has one."""
    results = load(tmp_path, TABLE, cases=CASES)
    found = tried(results)["stage"]
    assert [item.message for item in found.unnoticed] == [
        "`rate` could stand before `many`, and no case would notice",
    ]
    assert [item.code for item in found.unnoticed] == ["unnoticed-change"]
    assert (found.noticed, found.total, found.undecided, found.untried) == (13, 14, (), 0)
    (decision,) = confirmed(results[0].results[0].case.policy, found)
    assert (decision.value, decision.record["need"]) == ("A", "clear")
    assert decision.record["deals"] >= 5


def test_a_case_for_the_record_is_enough(tmp_path: Path) -> None:
    """With the case that the finding asks for the change is noticed."""
    case = "  - {name: both, record: {deals: 5, rate: 1, need: clear}, expect: {stage: A}, rules: [many]}\n"
    found = tried(load(tmp_path, TABLE, cases=CASES + case))["stage"]
    assert (found.noticed, found.unnoticed) == (14, ())


def test_a_change_without_effect_is_not_held_against_the_cases(tmp_path: Path) -> None:
    """Values below the field's least one do not occur, and rules that exclude each other may change places."""
    text = TABLE.replace(
        "  | many |",
        "  | none | < 0      | -    | -     | C     |\n  | zero | 0        | -    | none  | B     |\n  | many |",
    )
    case = "  - {name: zero, record: {deals: 0, rate: 0, need: none}, expect: {stage: B}, rules: [zero]}\n"
    found = tried(load(tmp_path, text, cases=CASES + case))["stage"]
    words = [item.message for item in (*found.unnoticed, *found.undecided)]
    assert not any("`none`: `< 0` could be `< -1`" in message for message in words)
    assert not any("`zero` could stand before `none`" in message for message in words)
    assert not any("`many` could stand before `zero`" in message for message in words)
    assert not any("`none`" in message and "left out" in message for message in words)
    assert found.alike >= 5


def test_a_policy_that_requires_the_changed_one_may_notice(tmp_path: Path) -> None:
    """A case of the cadence says when the next touch is, so it sees another stage."""
    touch = (
        "---\npolicy: touch\ntoday: 2026-11-21\ncases:\n  - {name: x, record: {last: 2026-11-20, deals: 9, rate: 1, "
        "need: clear}, expect: {next_touch: 2026-11-21, days_overdue: 0, due: true}}\n"
    )
    found = tried(load(tmp_path, TABLE, TOUCH, cases=CASES + touch))["stage"]
    assert (found.noticed, found.unnoticed) == (14, ())


def test_rules_need_not_be_named_but_then_less_is_noticed(tmp_path: Path) -> None:
    """A case that asserts only the outcome does not see that another rule gives the same."""
    text = TABLE.replace("clear | B ", "clear | A ")
    both = "  - {name: both, record: {deals: 9, rate: 1, need: clear}, expect: {stage: A}, rules: [many]}\n"
    cases = CASES.replace("stage: B", "stage: A") + both
    named = tried(load(tmp_path, text, cases=cases))["stage"]
    unnamed = tried(load(tmp_path, text, cases=cases.replace(", rules: [many]", "")))["stage"]
    assert "`rate` could stand before `many`, and no case would notice" not in [one.message for one in named.unnoticed]
    assert "`rate` could stand before `many`, and no case would notice" in [one.message for one in unnamed.unnoticed]


def test_what_is_neither_found_nor_proven_is_not_decided(tmp_path: Path) -> None:
    """A rule that two earlier ones take together can change unseen, and nobody is blamed for it."""
    rows = (
        "  | low  | < 3      | -    | none  | B     |\n  | high | >= 3     | -    | none  | B     |\n"
        "  | gone | <= 4     | -    | none  | C     |\n"
    )
    found = tried(load(tmp_path, TABLE.replace("  | rest |", f"{rows}  | rest |"), cases=CASES))["stage"]
    messages = [item.message for item in found.undecided]
    assert any("`gone` could be left out" in message for message in messages)
    assert {item.code for item in found.undecided} == {"undecided-change"}
    assert {item.severity for item in found.undecided} == {"note"}
    assert not any(item.message.startswith(("`gone`:", "`gone` could be left out")) for item in found.unnoticed)
