"""`crm-rules test` as a user meets it: the listing, the failures, the last line, the exit codes."""

from __future__ import annotations

import json
import re
from pathlib import Path

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
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"ok      {folder / 'stage.cases.yaml'}  2 passed"
    assert lines[-2:] == ["every rule of these policies is reached by a case", "2 passed, 0 failed"]


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
    """The listing says which rules were never tried."""
    assert main(["test", write(folder, "\n".join(GOOD.splitlines()[:3]) + "\n")]) == 0
    assert capsys.readouterr().out.splitlines()[-3:] == [
        "rules that no case reaches:",
        "  stage: idle",
        "1 passed, 0 failed",
    ]


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
