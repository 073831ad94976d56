"""`crm-rules test` as a user meets it: the listing, the failures, the last line, the exit codes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree  # noqa: ICN001 - named as what it is

import pytest

from crm_rules.cli.main import main

POLICY = """\
policy: stage
kind: ladder
fields:
  deals: {type: integer, label: {en: Deals, zh: 成交数}}
by: deals
output:
  stage: {type: choice, one_of: [A, B]}
steps: |
  | id   | from | stage |
  | busy | 3    | A     |
  | idle |      | B     |
"""
CASES = """\
policy: stage
cases:
  - {name: at the border, record: {deals: 3}, expect: {stage: A}, rules: [busy]}
  - {name: below it, record: {deals: 2}, expect: {stage: STAGE}, rules: [RULE]}
"""
GOOD = CASES.replace("STAGE", "B").replace("RULE", "idle")
FIRST_ONLY = "".join(CASES.splitlines(keepends=True)[:3])
BAD = CASES.replace("STAGE", "A").replace("RULE", "busy")


@pytest.fixture(name="folder")
def make_folder(tmp_path: Path) -> Path:
    """A pack of one policy without cases."""
    (tmp_path / "stage.yaml").write_text(POLICY, encoding="utf-8")
    return tmp_path


def write(folder: Path, text: str) -> str:
    """Write the case file and return the path that a user would type."""
    (folder / "stage.cases.yaml").write_text(text, encoding="utf-8")
    return str(folder)


def test_all_cases_pass(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A sound pack ends in the counts and exit code 0."""
    assert main(["test", write(folder, GOOD)]) == 0
    text = capsys.readouterr().out
    lines = text.splitlines()
    assert lines[0] == f"ok      {folder / 'stage.cases.yaml'}  2 passed"
    assert lines[2] == "stage  rules 2/2  borders 2/3"
    assert f"{folder / 'stage.yaml'}:10 busy: deals = 4 (just above 3)" in " ".join(text.split())  # wrapped or not
    assert lines[-3:] == [
        "every rule of these policies is reached by a case",
        "coverage 80%: 4 of 5 rules and borders; `--suggest` writes cases for the others",
        "2 passed, 0 failed",
    ]


def test_a_failing_case_shows_the_decisive_cell(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A failure shows the source line of the case and the cell of the policy, and ends in exit code 1."""
    assert main(["test", write(folder, BAD)]) == 1
    out = capsys.readouterr().out
    assert out.startswith("FAILED  ")
    assert "error[failed-case]: `below it` expects stage A, found B" in out
    assert "^^^^^^^^" in out
    assert re.search(r"10 \| +\| busy \| 3 +\| A +\|\n +\| +- `busy` fails here: Deals: 2, needs ≥ 3, 1 short\n", out)
    assert out.splitlines()[-1] == "1 passed, 1 failed"


def test_verbose_names_every_case(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`-v` lists the cases below their file, passed or failed."""
    main(["test", "-v", write(folder, BAD)])
    assert capsys.readouterr().out.splitlines()[1:3] == ["  ok      at the border", "  FAILED  below it"]


def test_one_line_for_each_finding(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--format line` gives path:line:column for an editor, then the counts."""
    assert main(["test", write(folder, BAD), "--format", "line"]) == 1
    path = folder / "stage.cases.yaml"
    assert capsys.readouterr().out.splitlines() == [
        f"{path}:4:12: error[failed-case]: `below it` expects stage A, found B",
        "1 passed, 1 failed",
    ]


def test_json_for_programs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--format json` is one object with cases, findings, coverage and counts."""
    assert main(["test", write(folder, BAD), "--format", "json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["passed"], found["failed"], found["unreached"], found["without_cases"]) == (1, 1, {}, [])
    assert [case["passed"] for file in found["files"] for case in file["cases"]] == [True, False]
    assert [item["code"] for item in found["findings"]] == ["failed-case"]


def test_a_mistake_in_the_cases_claims_no_coverage(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file with a mistake is not `ok`, and where no case ran nothing is said to be reached."""
    assert main(["test", write(folder, BAD.replace("record:", "recrod:"))]) == 2
    out = capsys.readouterr().out
    assert not any(line.startswith("ok") for line in out.splitlines())
    assert not out.startswith("\n")
    assert "every rule" not in out


def test_rules_that_no_case_reaches_are_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The listing says which rules were never tried, with their place and what they ask for."""
    assert main(["test", write(folder, FIRST_ONLY)]) == 0
    out = capsys.readouterr().out
    assert "stage  rules 1/2  borders 1/3\n" in out
    assert f"{folder / 'stage.yaml'}:11 idle: deals < 3" in " ".join(out.split())  # wrapped or not
    assert "every rule" not in out


def test_of_many_places_the_first_are_listed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A listing stays short unless `-v` asks for everything."""
    ladder = "".join(f"  | s{number} | {number}    | A     |\n" for number in range(4, 14))
    (folder / "stage.yaml").write_text(sorted_steps(POLICY, ladder), encoding="utf-8")
    path = write(folder, FIRST_ONLY)
    main(["test", path])
    short = capsys.readouterr().out
    assert "more places (-v names all)" in short
    main(["test", "-v", path])
    assert len(capsys.readouterr().out) > len(short)


def sorted_steps(policy: str, ladder: str) -> str:
    """The policy with further steps, all in descending order."""
    head, _, tail = policy.partition("  | busy")
    return head + "".join(reversed(ladder.splitlines(keepends=True))) + "  | busy" + tail


@pytest.mark.parametrize(("least", "code"), [("80", 0), ("80%", 0), ("80.1", 1), ("100", 1)])
def test_a_least_coverage_can_be_demanded(
    folder: Path, least: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Four of five rules and borders are 80%: enough for 80, too little for anything above."""
    assert main(["test", write(folder, GOOD), "--min-coverage", least]) == code
    assert ("coverage 80% is below" in capsys.readouterr().out) == bool(code)


@pytest.mark.parametrize("least", ["-1", "101", "much"])
def test_a_percentage_is_a_percentage(folder: Path, least: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Anything else is refused in a sentence."""
    assert main(["test", write(folder, GOOD), f"--min-coverage={least}"]) == 2
    assert f"expected a percentage from 0 to 100, found `{least}`" in capsys.readouterr().err


def test_suggested_cases_complete_the_coverage(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What `--suggest` prints is a case file; with it everything is reached and passes."""
    assert main(["test", write(folder, FIRST_ONLY), "--suggest"]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("# Cases that nobody has confirmed")
    assert captured.err == "1 passed, 0 failed, coverage 40%\n"
    (folder / "more.cases.yaml").write_text(captured.out, encoding="utf-8")
    assert main(["test", str(folder), "--min-coverage", "100"]) == 0
    assert "coverage 100%: 5 of 5 rules and borders\n" in capsys.readouterr().out
    assert main(["test", str(folder), "--suggest"]) == 0
    assert (
        capsys.readouterr().out == "# nothing to suggest: the cases reach every rule and border that can be reached\n"
    )


def test_changes_that_no_case_notices_fail(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--mutate` shows each change in its source line with a record, and ends in the score."""
    assert main(["test", write(folder, FIRST_ONLY), "--mutate"]) == 1
    out = capsys.readouterr().out
    assert "warning[unnoticed-change]: `busy`: `>= 3` could be `>= 2`, and no case would notice" in out
    assert "witness: " in out
    assert out.splitlines()[-1] == "1 passed, 0 failed, notices 3 of 6 changes"
    assert main(["test", write(folder, GOOD), "--mutate"]) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "stage  notices 6 of 6 changes",
        "2 passed, 0 failed, notices 6 of 6 changes",
    ]


def test_coverage_and_changes_in_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Programs read counts, percent, and of each missing value the place and what is needed."""
    assert main(["test", write(folder, GOOD), "--mutate", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["coverage"]["reached"], found["coverage"]["total"], found["coverage"]["percent"]) == (4, 5, 80.0)
    (policy,) = found["coverage"]["policies"]
    assert policy["missing"] == [
        {
            "rule": "busy",
            "side": "above",
            "field": "deals",
            "value": 4,
            "border": 3,
            "with": {},
            "path": str(folder / "stage.yaml"),
            "line": 10,
            "column": 12,
        }
    ]
    assert found["changes"] == [
        {"policy": "stage", "noticed": 6, "unnoticed": 0, "undecided": 0, "without_effect": 0, "untried": 0}
    ]


def test_junit_is_written_beside_the_listing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--junit FILE` writes the file and changes nothing else."""
    report = folder / "report.xml"
    assert main(["test", write(folder, BAD), "--junit", str(report)]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "1 passed, 1 failed"
    root = ElementTree.fromstring(report.read_text(encoding="utf-8"))  # noqa: S314 - our own
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("2", "1", "0")
    assert main(["test", write(folder, BAD), "--junit", str(folder / "nowhere" / "report.xml")]) == 2


@pytest.mark.parametrize("text", [None, "policy: stage\ncases: []\n"])
def test_without_a_case_nothing_is_fine(folder: Path, text: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    """No case file, or an empty one, is a failure that says so."""
    assert main(["test", str(folder) if text is None else write(folder, text)]) == 2
    captured = capsys.readouterr()
    assert "cases" in captured.out + captured.err
    assert re.search("no cases found in|the file has no cases", captured.out + captured.err)


@pytest.mark.parametrize(
    ("old", "new", "code", "passed"),
    [
        ("rules: [idle]", "rulse: [idle]", "unknown-key", 0),  # a file of another shape is not read any further
        ("expect: {stage: B}", "expect: {}", "unasserted-output", 1),
        ("{deals: 2}", "{deal: 2}", "unknown-field", 1),
    ],
)
def test_a_case_that_tests_nothing_is_refused(  # noqa: PLR0917 - the columns of the table above
    folder: Path, old: str, new: str, code: str, passed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """An unknown key, an unknown field and an output that is not asserted fail."""
    assert main(["test", write(folder, GOOD.replace(old, new))]) == 2
    out = capsys.readouterr().out
    assert f"error[{code}]" in out
    assert out.splitlines()[-1] == f"{passed} passed, 0 failed, 1 mistake in the files"


def test_a_policy_that_does_not_load_is_shown(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The policy's own errors stand where the failures would."""
    (folder / "stage.yaml").write_text(POLICY.replace("by: deals", "by: deal"), encoding="utf-8")
    assert main(["test", write(folder, GOOD)]) == 2
    out = capsys.readouterr().out
    assert "error[unknown-field]" in out
    assert out.splitlines()[-1] == "0 passed, 0 failed, 1 mistake in the files"


def test_a_path_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong path is one sentence on standard error."""
    assert main(["test", "nowhere"]) == 2
    assert "`nowhere` is neither a file, nor a folder, nor an installed pack" in capsys.readouterr().err


def test_the_same_pack_named_twice_runs_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Paths that overlap do not double the counts."""
    path = write(folder, GOOD)
    assert main(["test", path, path]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "2 passed, 0 failed"
