"""What cases reach: which borders there are, when one counts as tried, and records for those that are not."""

from __future__ import annotations

from pathlib import Path

import pytest

import crm_rules
from crm_rules.cases import find_suites, run_suite
from crm_rules.cases.coverage import Point, PolicyCoverage, coverage, observed, points_of, reached_of
from crm_rules.cases.searching import find
from crm_rules.cases.suggesting import facts, scalar, suggest, to_yaml
from crm_rules.cases.trials import Trials
from crm_rules.ir.show import show_value

STAGE = """\
policy: stage
kind: decision-table
hit_policy: first
fields:
  need: {type: choice, one_of: [clear, vague, none]}
  amount: {type: money, unit: CNY, decimals: 2, min: 0, optional: true}
  due: {type: date}
derive:
  months: started_months(today, due)
output:
  stage: {type: choice, one_of: [A, B, C]}
rules: |
  | id    | need  | amount | months | stage |
  | none  | none  | -      | -      | C     |
  | big   | -     | >= 10万 | -      | A     |
  | soon  | clear | -      | <= 1   | A     |
  | rest  | -     | -      | -      | B     |
"""
CASE = "{{name: {name}, record: {{need: {need}, amount: {amount}, due: {due}}}, expect: {{stage: {stage}}}}}"


def run(folder: Path, policies: dict[str, str], cases: dict[str, str]) -> dict[str, PolicyCoverage]:
    """The coverage of some policies by some case files."""
    for name, text in policies.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    for name, text in cases.items():
        (folder / f"{name}.cases.yaml").write_text(text, encoding="utf-8")
    results = [run_suite(suite) for suite in find_suites(folder)]
    assert [item.message for result in results for item in result.report] == []
    assert [one.case.name for result in results for one in result.results if not one.passed] == []
    return {one.name: one for one in coverage(results)}


def stage(folder: Path, *cases: str, policy: str = STAGE) -> PolicyCoverage:
    """The coverage of the table by cases of `need amount due stage`."""
    lines = "".join(
        "  - " + CASE.format(name=f"case {number}", need=need, amount=amount, due=due, stage=outcome) + "\n"
        for number, (need, amount, due, outcome) in enumerate(case.split() for case in cases)
    )
    return run(folder, {"stage": policy}, {"stage": f"policy: stage\ntoday: 2026-11-21\ncases:\n{lines}"})["stage"]


def named(points: tuple[Point, ...]) -> list[str]:
    """`big amount 100000` for each point."""
    return [
        f"{point.rule} {point.side}" if point.column is None else f"{point.rule} {point.column.name} {shown(point)}"
        for point in points
    ]


def shown(point: Point) -> str:
    """The value of a point, or that it is any other one."""
    return "other" if point.side == "other" else show_value(point.value)


def test_every_rule_and_each_border_of_a_cell_is_a_point(tmp_path: Path) -> None:
    """Numbers have a neighbour one unit of their decimals away, choices each named value, optional fields missing."""
    found = stage(tmp_path, "none missing 2026-12-01 C")
    assert named(found.rules) == ["none rule", "big rule", "soon rule", "rest rule"]
    assert named(found.borders) == [
        "none need none",
        "none need other",
        "big amount 99999.99",
        "big amount 100000",
        "big amount 100000.01",
        "big amount missing",
        "soon months 0",
        "soon months 1",
        "soon months 2",
        "soon need clear",
    ]
    assert reached_of(found.points) == (3, 14)
    assert named(tuple(point for point in found.points if point.covered)) == [
        "none rule",
        "none need none",
        "big amount missing",
    ]


@pytest.mark.parametrize(
    ("case", "reached"),
    [
        ("vague 100000 2027-12-01 A", ["big rule", "none need other", "big amount 100000"]),
        ("vague 99999.99 2027-12-01 B", ["rest rule", "none need other", "big amount 99999.99"]),
        ("vague 99999.98 2027-12-01 B", ["rest rule", "none need other"]),
        ("none 100000 2027-12-01 C", ["none rule", "none need none"]),
        ("clear missing 2026-12-21 A", ["soon rule", "big amount missing", "soon months 1", "soon need clear"]),
        ("clear missing 2026-12-22 B", ["rest rule", "big amount missing", "soon months 2", "soon need clear"]),
        ("vague missing 2026-12-21 B", ["rest rule", "none need other", "big amount missing"]),
        ("vague 200000 2026-12-22 A", ["big rule", "none need other"]),
        ("clear 200000 2026-12-22 A", ["big rule", "soon need clear"]),
    ],
)
def test_a_border_counts_when_it_alone_decides(tmp_path: Path, case: str, reached: list[str]) -> None:
    """The value lies within a unit, the other cells hold, and no earlier rule takes the record."""
    found = stage(tmp_path, case)
    assert set(named(tuple(one for one in found.points if one.covered))) == set(reached)


def test_what_cannot_be_reached_says_why(tmp_path: Path) -> None:
    """A value outside the field, a value no formula gives, a rule that an earlier one takes, cells none passes."""
    policy = (
        STAGE.replace(">= 10万", ">= 0   ")
        .replace("<= 1  ", "<= 0  ")
        .replace("  | rest ", "  | late  | none  | -      | > 3    | C     |\n  | rest ")
    )
    found = stage(tmp_path, "none missing 2026-12-01 C", policy=policy)
    reasons = {
        name: point.reason for name, point in zip(named(found.points), found.points, strict=True) if point.reason
    }
    assert reasons == {
        "late rule": "`none` takes it first",
        "big amount -0.01": "`amount` is at least 0",
        "soon months -1": "`months` is never that",
        "late months 2": "`none` takes it first",
        "late months 3": "`none` takes it first",
        "late months 4": "`none` takes it first",
    }
    assert not {point.rule for point in found.missing} & {"late"}


def test_a_blank_parameter_leaves_a_policy_out_of_reach(tmp_path: Path) -> None:
    """What cannot be decided yet is not held against the cases."""
    policy = STAGE.replace(">= 10万", ">= $big").replace(
        "derive:", "parameters:\n  big: {type: money, unit: CNY}\nderive:"
    )
    lines = "policy: stage\ntoday: 2026-11-21\ncases:\n  - {name: x, record: {}, status: blocked}\n"
    found = run(tmp_path, {"stage": policy}, {"stage": lines})["stage"]
    assert [point.reason for point in found.rules] == ["`$big` has no value"] * 4


def test_cases_of_a_base_pack_count_for_the_same_border_only(tmp_path: Path) -> None:
    """A rule reached in the base is reached in the extension; a border that the extension moved is not."""
    base = STAGE.replace(">= 10万", ">= $big").replace(
        "derive:", "parameters:\n  big: {type: money, unit: CNY, value: 10万}\nderive:"
    )
    (tmp_path / "pack.yaml").write_text("pack: base\n", encoding="utf-8")
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "pack.yaml").write_text("pack: inner\nextends: [base]\n", encoding="utf-8")
    extension = "policy: stage\nextends: stage\nversion: '2'\nparameters: {big: 20万}\n"
    (inner / "stage.yaml").write_text(extension, encoding="utf-8")
    case = CASE.format(name="x", need="vague", amount="AMOUNT", due="2027-12-01", stage="A")
    text = "policy: stage\ntoday: 2026-11-21\ncases:\n  - " + case + "\n"
    (inner / "stage.cases.yaml").write_text(text.replace("AMOUNT", "50万"), encoding="utf-8")
    found = run(tmp_path, {"stage": base}, {"stage": text.replace("AMOUNT", "10万")})
    borders = {
        name: [shown(one) for one in of.borders if one.covered and one.rule == "big"] for name, of in found.items()
    }
    assert sorted(borders.values()) == [[], ["100000"]]
    assert all("big rule" in named(tuple(one for one in of.rules if one.covered)) for of in found.values())


@pytest.mark.parametrize("policy", ["abc-grade", "supply-control", "pipeline-stage", "follow-up", "credit-level"])
def test_a_search_from_nothing_reaches_every_point_of_the_starter_policies(policy: str) -> None:
    """Without any case, records for all rules and borders are found, as the policy itself confirms."""
    known = crm_rules.load(Path(__file__).parents[1] / "policies" / "sample-company")[policy]
    trials = Trials(known, [])
    for point in points_of(known, set()):
        if not point.reason:
            trial = find(trials, point)
            assert trial is not None, named((point,))
            decision = known.decide(dict(facts(trial.values, trials.fields)), today=trial.today)
            assert not point.keys.isdisjoint(observed(decision)), named((point,))


def test_suggested_cases_read_back_and_complete_the_coverage(tmp_path: Path) -> None:
    """One case may stand for several points; those of optional fields that are not needed are left out."""
    found = stage(tmp_path, "none missing 2026-12-01 C")
    results = [run_suite(suite) for suite in find_suites(tmp_path)]
    steps: list[int] = []
    suggested = suggest(found, results, lambda: steps.append(1))
    assert suggested.unfound == ()
    assert len(steps) == len(suggested.cases) < len(found.missing)
    text = to_yaml(suggested, ["case 0"])
    assert text.count("# to confirm: ") == len(found.missing)
    more = run(tmp_path, {}, {"more": text})["stage"]
    assert more.missing == ()
    assert (tmp_path / "more.cases.yaml").read_text(encoding="utf-8").startswith("# Cases that nobody has confirmed")


def test_a_point_without_a_record_is_named(tmp_path: Path) -> None:
    """What the trials does not find stands in the file as a remark, and no case is invented."""
    rows = "  | low   | clear | < 3    | <= 1   | C     |\n  | never | clear | < 5    | <= 1   | C     |\n"
    policy = STAGE.replace("  | rest ", f"{rows}  | rest ").replace(
        "| clear | -      | <= 1", "| clear | missing, >= 3 | <= 1"
    )
    found = stage(tmp_path, "none missing 2026-12-01 C", policy=policy)
    suggested = suggest(found, [run_suite(suite) for suite in find_suites(tmp_path)], lambda: None)
    assert {point.rule for point in suggested.unfound} == {"never"}
    assert "# no record was found: never: need clear, amount < 5, months <= 1" in to_yaml(suggested, [])


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("A", "A"),
        ("1", "1"),
        ("重点", "重点"),
        ("missing", '"missing"'),
        ("No", '"No"'),
        ("", '""'),
        ("a: b", '"a: b"'),
        ('say "x"', '"say \\"x\\""'),
        ("-", '"-"'),
        ("12:30", '"12:30"'),
    ],
)
def test_words_are_quoted_where_yaml_would_take_them_for_something_else(text: str, written: str) -> None:
    """A suggested case says the same as the record it was made from."""
    assert scalar(text) == written
