"""Case files: what is a mistake of the file, what is a failing case, and which cell a failure points at."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree  # noqa: ICN001 - named as what it is

import pytest
from hypothesis import given
from hypothesis import strategies as st

import crm_rules
from crm_rules.cases import CaseFile, CaseResult, find_suites, read_cases, run_case, run_suite
from crm_rules.cases.junit import clean, to_junit
from crm_rules.cases.running import unreached, without_cases
from crm_rules.diagnostics import Diagnostic
from crm_rules.rendering import render_line, render_text

SCORE = """\
policy: score
kind: scorecard
version: 1.0.0
fields:
  amount: {type: money, unit: CNY, decimals: 2}
  influence: {type: choice, one_of: [leader, key]}
  since: {type: date}
derive:
  months: months_between(since, today)
characteristics:
  amount:
    rules: |
      | id   | amount  | points |
      | high | >= 50万 | 4      |
      | low  | < 50万  | 1      |
  influence:
    rules: |
      | id     | influence | points |
      | leader | leader    | 4      |
      | key    | key       | 2      |
output:
  grade: {type: choice, one_of: [A, B, C], ordered: best-first}
bands:
  A: ">= 8"
  B: "[5..8)"
  C: "< 5"
overrides:
  - {id: new, when: {months: "< 12"}, then: C}
"""
STAGE = """\
policy: stage
kind: decision-table
hit_policy: first
fields:
  need: {type: choice, one_of: [clear, none]}
  deals: {type: integer, optional: true}
output:
  stage: {type: choice, one_of: [A, B]}
rules: |
  | id   | need  | deals | stage |
  | busy | -     | >= 3  | A     |
  | none | none  | -     | B     |
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
RECORD = "{amount: 50万, influence: leader, since: 2020-01-01}"


@pytest.fixture(name="folder")
def make_folder(tmp_path: Path) -> Path:
    """A pack of three policies."""
    for name, text in {"score": SCORE, "stage": STAGE, "touch": TOUCH}.items():
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    return tmp_path


def read(folder: Path, text: str) -> tuple[CaseFile | None, list[Diagnostic]]:
    """The cases of a text."""
    path = folder / "x.cases.yaml"
    path.write_text(text, encoding="utf-8")
    return read_cases(path, crm_rules.load(folder))


def found(folder: Path, text: str) -> list[str]:
    """The mistakes of a text as line, column and code."""
    return [f"{item.span.line}:{item.span.column} [{item.code}]" for item in read(folder, text)[1]]


def only(folder: Path, text: str) -> CaseResult:
    """The result of the one case of a text."""
    file, diagnostics = read(folder, text)
    assert diagnostics == []
    assert file is not None
    (case,) = file.cases
    return run_case(case)


def labels(result: CaseResult) -> list[tuple[str, int, int, str]]:
    """File, line, column and words of what a failure points at."""
    (diagnostic,) = result.diagnostics
    return [(Path(at.span.path).name, at.span.line, at.span.column, at.text) for at in diagnostic.labels]


def score(case: str) -> str:
    """A file with one case of the scorecard."""
    return f"policy: score\ntoday: 2026-11-21\ncases:\n  - {{name: x, {case}}}\n"


def test_records_are_read_by_the_types_of_the_fields(folder: Path) -> None:
    """Numbers may be written as in a policy, dates as ISO text; an empty word or `missing` is no value."""
    file, diagnostics = read(
        folder, score(f"record: {RECORD}, expect: {{grade: A}}, rules: [amount.high, influence.leader, bands.A]")
    )
    assert diagnostics == []
    assert file is not None
    assert file.policy == "score"
    assert file.cases[0].record["amount"] == 500_000
    assert run_case(file.cases[0]).passed
    empty = only(folder, score("record: {amount: , influence: missing, since: 2020-01-01}, status: invalid"))
    assert empty.passed
    assert [problem.code for problem in empty.decision.problems] == ["missing", "missing"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("policy: score\ncases: []\n", ["2:8 [no-cases]"]),
        ("policy: score\n", ["1:1 [missing-key]"]),
        ("policy: scor\ncases:\n  - {name: x, record: {}, status: invalid}\n", ["1:9 [unknown-policy]"]),
        ("policy: score\ncases:\n  - {name: x, record: {}, status: invalid}\n", ["3:12 [case-without-today]"]),
        (score("record: {}, status: invalid, rule: [a]"), ["4:44 [unknown-key]"]),
        (score("record: {amont: 1}, status: invalid"), ["4:24 [unknown-field]"]),
        (score(f"record: {RECORD}"), ["4:12 [unasserted-output]"]),
        (score(f"record: {RECORD}, expect: {{grad: A}}"), ["4:85 [unknown-output]", "4:12 [unasserted-output]"]),
        (score(f"record: {RECORD}, expect: {{grade: D}}"), ["4:92 [wrong-literal]"]),
        (score("record: {}, status: invalid, expect: {grade: A}"), ["4:53 [outputs-of-undecided]"]),
        (score(f"record: {RECORD}, expect: {{grade: A}}, rules: [bands.D]"), ["4:104 [unknown-rule]"]),
        (score("record: {amount: [1]}, status: invalid"), ["4:32 [wrong-shape]"]),
        (score("record: {}, given: {stage: A}, status: invalid"), ["4:35 [unknown-field]"]),
        (score("record: {}, status: broken"), ["4:35 [unknown-word]"]),
        (
            "policy: score\nedition: 2.0.0\ntoday: 2026-11-21\ncases:\n  - {name: x, record: {}, status: invalid}\n",
            ["2:10 [unknown-edition]"],
        ),
        ("", ["1:1 [empty-file]"]),
        ("policy: score\ncases: [\n", ["2:8 [yaml-syntax]"]),
    ],
)
def test_a_mistake_of_the_file_stands_at_its_place(folder: Path, text: str, expected: list[str]) -> None:
    """Whatever could let a case pass unseen is an error with line and column."""
    assert found(folder, text) == expected


def test_all_mistakes_of_a_file_come_at_once(folder: Path) -> None:
    """One broken case hides no other, and the sound ones still run."""
    text = (
        "policy: score\ntoday: 2026-11-21\ncases:\n"
        "  - {name: x, record: {amont: 1}, status: invalid}\n"
        "  - {name: y, record: {}, status: invalid}\n"
        "  - {name: y, record: {}, status: invalid, rules: [bands.Q]}\n"
    )
    file, diagnostics = read(folder, text)
    assert [item.code for item in diagnostics] == ["duplicate-case", "unknown-field", "unknown-rule"]
    assert diagnostics[0].labels[0].span.line == 5
    assert diagnostics[1].help == "did you mean `amount`?"
    assert file is not None
    assert [str(case.name) for case in file.cases] == ["y"]


def test_a_required_decision_goes_into_given_and_not_into_the_record(folder: Path) -> None:
    """An alias in the record is a mistake that says where it belongs; in `given` it replaces the decision."""
    text = "policy: touch\ntoday: 2026-11-21\ncases:\n  - {name: x, record: {stage: A}, status: invalid}\n"
    _, diagnostics = read(folder, text)
    assert [item.help for item in diagnostics] == ["hand a required decision over in `given: {stage: …}`"]
    text = text.replace(
        "record: {stage: A}, status: invalid",
        "record: {last: 2026-11-20}, given: {stage: B}, "
        "expect: {next_touch: 2026-11-27, days_overdue: 0, due: false}, rules: [B]",
    )
    assert only(folder, text).passed


def test_the_failing_cell_of_the_expected_rule_is_shown_with_value_and_border(folder: Path) -> None:
    """A wrong rule points at the cell that failed and at the cell that held instead."""
    result = only(
        folder,
        score(
            "record: {amount: 499999.99, influence: leader, since: 2020-01-01}, expect: {grade: A}, "
            "rules: [amount.high, influence.leader, bands.A]"
        ),
    )
    (diagnostic,) = result.diagnostics
    assert diagnostic.span.line == 4
    assert diagnostic.message == "`x` expects grade A, found B"
    assert labels(result) == [
        ("x.cases.yaml", 4, 98, "found B"),
        ("x.cases.yaml", 4, 109, "expected rules amount.high, bands.A, found rules amount.low, bands.B"),
        ("score.yaml", 14, 16, "`amount.high` fails here: amount: 499,999.99 CNY, needs ≥ 500,000 CNY, 0.01 CNY short"),
        ("score.yaml", 15, 16, "`amount.low` holds instead: amount: 499,999.99 CNY (< 500,000 CNY)"),
        ("score.yaml", 24, 7, "`bands.A` fails here: Total: 5, needs ≥ 8, 3 short"),
        ("score.yaml", 25, 7, "`bands.B` holds instead: Total: 5 (≥ 5 and < 8)"),
    ]


def test_without_expected_rules_the_nearest_rule_with_the_expected_output_is_shown(folder: Path) -> None:
    """The author who states only the grade learns which band it missed."""
    result = only(folder, score(f"record: {RECORD.replace('leader', 'key')}, expect: {{grade: A}}"))
    assert [(line, text) for _, line, _, text in labels(result)][1:] == [
        (24, "`bands.A` fails here: Total: 6, needs ≥ 8, 2 short"),
        (25, "`bands.B` holds instead: Total: 6 (≥ 5 and < 8)"),
    ]


def test_an_override_that_decided_is_shown(folder: Path) -> None:
    """The expected band held, so the rule to look at is the override before it."""
    result = only(folder, score(f"record: {RECORD.replace('2020', '2026')}, expect: {{grade: A}}"))
    assert [(line, text) for _, line, _, text in labels(result)][1:] == [
        (28, "`overrides.new` holds: months: 10 months (< 12 months)"),
    ]


def test_an_expected_rule_that_an_earlier_one_hides(folder: Path) -> None:
    """Under FIRST a rule may hold and still not decide; then the earlier rule is shown."""
    text = "policy: stage\ncases:\n  - {name: x, record: {need: none, deals: 3}, expect: {stage: B}, rules: [none]}\n"
    assert [(line, text) for _, line, _, text in labels(only(folder, text))][2:] == [
        (11, "`busy` holds instead: deals: 3 (≥ 3)"),
    ]


def test_a_gap_shows_the_nearest_rule(folder: Path) -> None:
    """A case that nothing decides points at the cells that came closest."""
    text = "policy: stage\ncases:\n  - {name: x, record: {need: clear, deals: 1}, expect: {stage: A}}\n"
    result = only(folder, text)
    assert result.diagnostics[0].message == "`x` expects the status decided, found no_match"
    assert [(line, text) for _, line, _, text in labels(result)] == [
        (11, "`busy` fails here: deals: 1, needs ≥ 3, 2 short"),
    ]


def test_a_fact_that_was_not_accepted_is_shown_where_it_stands(folder: Path) -> None:
    """An invalid record points at the fact, with what was expected of it."""
    result = only(folder, score(f"record: {RECORD.replace('50万', '0.001')}, expect: {{grade: A}}"))
    assert labels(result) == [("x.cases.yaml", 4, 32, "amount: found 0.001, expected at most 2 decimals")]


def test_a_blocked_case_names_the_decision_that_blocks_it(folder: Path) -> None:
    """The cause of a blocked decision is that of the required one."""
    text = (
        "policy: touch\ntoday: 2026-11-21\ncases:\n"
        "  - {name: x, record: {last: 2026-11-20, need: maybe}, "
        "expect: {next_touch: 2026-11-21, days_overdue: 0, due: true}}\n"
    )
    result = only(folder, text)
    assert result.diagnostics[0].message == "`x` expects the status decided, found blocked (stage is invalid)"
    assert labels(result) == [("x.cases.yaml", 4, 48, "need: found the text `maybe`, expected one of clear, none")]


def test_a_case_may_expect_an_undecided_status_and_a_reason(folder: Path) -> None:
    """Any status can be expected; a reason is a code that has to be among the decision's reasons."""
    text = "policy: stage\ncases:\n  - {name: x, record: {need: clear}, status: no_match, reason: CODE}\n"
    codes = [reason.code for reason in only(folder, text.replace(", reason: CODE", "")).decision.reasons]
    assert only(folder, text.replace("CODE", codes[0])).passed
    (wrong,) = only(folder, text.replace("CODE", "elsewhere")).diagnostics
    assert wrong.message.startswith("`x` expects the reason elsewhere, found reason")


def test_expected_undecided_but_decided_shows_the_rule_that_held(folder: Path) -> None:
    """A case that wants a gap points at the rule that closes it."""
    text = "policy: stage\ncases:\n  - {name: x, record: {need: none}, status: no_match}\n"
    result = only(folder, text)
    assert result.diagnostics[0].message == "`x` expects the status no_match, found decided by rule none"
    assert labels(result)[1] == ("stage.yaml", 12, 12, "`none` holds: need: none")


def test_the_day_of_a_case_chooses_the_edition(tmp_path: Path) -> None:
    """With several editions the case's day decides, unless the file names one."""
    for version, day, stage in (("1", "2026-01-01", "A"), ("2", "2027-01-01", "B")):
        text = STAGE.replace("policy: stage", f"policy: stage\nversion: {version}\nvalid_from: {day}").replace(
            "busy | -     | >= 3  | A", f"busy | -     | >= 3  | {stage}"
        )
        (tmp_path / f"stage-{version}.yaml").write_text(text, encoding="utf-8")
    case = "policy: stage\ntoday: DAY\ncases:\n  - {name: x, record: {need: clear, deals: 3}, expect: {stage: STAGE}}\n"
    assert only(tmp_path, case.replace("DAY", "2026-12-31").replace("STAGE", "A")).passed
    assert only(tmp_path, case.replace("DAY", "2027-01-01").replace("STAGE", "B")).passed
    assert only(tmp_path, case.replace("DAY", "2027-01-01\nedition: 1").replace("STAGE", "A")).passed
    assert found(tmp_path, case.replace("DAY", "2025-12-31").replace("STAGE", "A")) == ["4:12 [unknown-edition]"]
    assert found(tmp_path, case.replace("today: DAY\n", "")) == ["3:12 [case-without-today]"]


def test_a_pack_inside_a_pack_runs_its_own_cases(folder: Path) -> None:
    """Every case file is run with the pack around it, found from above or from the file."""
    inner = folder / "inner"
    inner.mkdir()
    (inner / "pack.yaml").write_text("pack: inner\n", encoding="utf-8")
    (inner / "stage.yaml").write_text(STAGE.replace("| B     |", "| A     |"), encoding="utf-8")
    deep = inner / "deep"
    deep.mkdir()
    case = "policy: stage\ncases:\n  - {name: x, record: {need: none}, expect: {stage: A}}\n"
    (deep / "stage.cases.yaml").write_text(case, encoding="utf-8")
    (folder / "stage.cases.yaml").write_text(case.replace("stage: A", "stage: B"), encoding="utf-8")
    suites = find_suites(folder)
    assert [suite.root for suite in suites] == [folder, inner]
    assert all(one.passed for suite in suites for one in run_suite(suite).results)
    (alone,) = find_suites(deep / "stage.cases.yaml")
    assert alone.root == inner
    assert find_suites(deep) == (alone,)


def test_of_one_policy_its_own_cases_are_found(folder: Path) -> None:
    """A policy file stands for the case files beside it that name its policy."""
    for name in ("stage", "touch"):
        (folder / f"{name}.cases.yaml").write_text(f"policy: {name}\ncases: []\n", encoding="utf-8")
    assert [file.name for suite in find_suites(folder / "touch.yaml") for file in suite.files] == ["touch.cases.yaml"]
    assert find_suites(folder / "score.yaml") == ()


def test_a_pack_that_does_not_load_is_a_result(folder: Path) -> None:
    """Broken policies are reported with their places; no case runs."""
    (folder / "stage.yaml").write_text(STAGE.replace(">= 3", "=> 3"), encoding="utf-8")
    (folder / "stage.cases.yaml").write_text("policy: stage\ncases: []\n", encoding="utf-8")
    (suite,) = find_suites(folder)
    result = run_suite(suite)
    assert (result.pack, result.files, result.report.ok) == (None, (), False)
    assert "stage.yaml:11:" in render_text(result.report, result.texts)


def test_rules_are_compared_in_their_order(folder: Path) -> None:
    """The same rules in another order are not the rules of the decision; the deciding one is the last."""
    result = only(
        folder, score(f"record: {RECORD}, expect: {{grade: A}}, rules: [influence.leader, amount.high, bands.A]")
    )
    assert result.diagnostics[0].message == (
        "`x` expects rules influence.leader, amount.high, bands.A, found rules amount.high, influence.leader, bands.A"
    )


def test_a_file_that_is_not_there_is_a_finding(folder: Path) -> None:
    """A case file that vanished or may not be read is reported at its path."""
    file, diagnostics = read_cases(folder / "gone.cases.yaml", crm_rules.load(folder))
    assert (file, [item.code for item in diagnostics]) == (None, ["unreadable-file"])


def test_coverage_names_the_rules_that_no_case_reaches(folder: Path) -> None:
    """Rules reached through a chain count, policies without cases are named."""
    (folder / "touch.cases.yaml").write_text(
        "policy: touch\ntoday: 2026-11-21\ncases:\n"
        "  - {name: x, record: {need: none}, expect: {next_touch: 2026-11-21, days_overdue: 0, due: true}}\n",
        encoding="utf-8",
    )
    (folder / "stage.cases.yaml").write_text(
        "policy: stage\ncases:\n  - {name: x, record: {need: none, deals: 5}, expect: {stage: A}}\n", encoding="utf-8"
    )
    (suite,) = find_suites(folder)
    result = run_suite(suite)
    assert all(one.passed for one in result.results)
    assert unreached([result]) == {"touch": ("A",)}
    assert without_cases(result) == ("score",)


def test_no_wording_of_other_libraries_reaches_an_author(folder: Path) -> None:
    """A file of the wrong shape is refused in the library's own words."""
    _, diagnostics = read(folder, "policy: score\ncases: {name: x}\n")
    assert [render_line(item).split(": ", 1)[1] for item in diagnostics] == [
        "error[wrong-shape]: expected a list, found a mapping of keys"
    ]


def junit(folder: Path, text: str) -> ElementTree.Element:
    """The JUnit report of one case file."""
    (folder / "stage.cases.yaml").write_text(text, encoding="utf-8")
    return ElementTree.fromstring(to_junit([run_suite(suite) for suite in find_suites(folder)]))  # noqa: S314 - our own


def test_junit_has_a_suite_for_each_file_and_a_test_for_each_case(folder: Path) -> None:
    """A failure carries the sentence and the source lines; names may be Chinese."""
    case = "  - {{name: {name}, record: {{need: none}}, expect: {{stage: {stage}}}}}\n"
    cases = case.format(name="没有需求", stage="B") + case.format(name="another", stage="A")
    root = junit(folder, f"policy: stage\ncases:\n{cases}")
    (suite,) = root
    path = str(folder / "stage.cases.yaml")
    assert suite.attrib == {"name": path, "tests": "2", "failures": "1", "errors": "0", "skipped": "0"}
    good, bad = suite
    assert good.attrib == {"name": "没有需求", "classname": "stage", "line": "3", "file": path}
    assert len(good) == 0
    (failure,) = bad
    assert failure.get("message") == "`another` expects stage A, found B"
    assert f"--> {path}:4:12" in str(failure.text)
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("2", "1", "0")


def test_junit_shows_a_file_with_a_mistake_as_an_error(folder: Path) -> None:
    """Sound cases of the file run; where nothing could run, the error still stands under the file."""
    (suite,) = junit(folder, "policy: stage\ncases:\n  - {name: x, record: {ned: none}, status: invalid}\n")
    assert [suite.get(name) for name in ("tests", "failures", "errors")] == ["1", "0", "1"]
    assert [error.get("type") for error in suite.iter("error")] == ["unknown-field"]
    (folder / "stage.yaml").write_text(STAGE.replace(">= 3", "=> 3"), encoding="utf-8")
    (suite,) = junit(folder, "policy: stage\ncases: []\n")
    assert (suite.get("name"), suite.get("errors")) == (str(folder / "stage.yaml"), "1")


@given(st.text())
def test_junit_is_xml_whatever_a_case_is_called(text: str) -> None:
    """What XML cannot hold is replaced, everything else stays."""
    element = ElementTree.Element("test", name=clean(text))
    read = ElementTree.fromstring(ElementTree.tostring(element, encoding="unicode"))  # noqa: S314 - our own
    assert read.get("name") == clean(text)
    assert len(clean(text)) == len(text)
    assert all(new in {old, "�"} for old, new in zip(text, clean(text), strict=True))
