"""`crm-rules check`: every mistake at its place, in three forms, with an exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from crm_rules.cli.main import main
from crm_rules.codes import CODES

ROOT = Path(__file__).parents[2]
MISTAKES = ROOT / "examples" / "mistakes"


def test_good_policies_have_no_findings(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A clean check says what it looked at and exits with 0."""
    monkeypatch.chdir(ROOT)
    assert main(["check", "policies"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("no findings in ")
    assert printed.endswith(" files\n")


def test_mistakes_are_shown_in_their_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """All mistakes of a file are shown with a marker under each and a summary, and the exit code is 1."""
    assert main(["check", str(MISTAKES)]) == 1
    printed = capsys.readouterr().out
    assert "error[unknown-choice]: `credits` is not among the choices" in printed
    assert "error[grouped-number]: `50,000` is not a number" in printed
    assert "did you mean `credit`?" in printed
    assert printed.endswith("\n2 errors in 1 file\n")


def test_one_line_for_each_finding(capsys: pytest.CaptureFixture[str]) -> None:
    """The form for editors is one line a finding, and nothing else."""
    assert main(["check", str(MISTAKES), "--format", "line"]) == 1
    place = MISTAKES / "payment-terms.yaml"
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(": ")[0] for line in lines] == [f"{place}:24:38", f"{place}:26:26"]


def test_json_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    """The form for programs is a JSON list, empty without findings."""
    assert main(["check", str(MISTAKES), "--format", "json"]) == 1
    assert [item["code"] for item in json.loads(capsys.readouterr().out)] == ["unknown-choice", "grouped-number"]
    assert main(["check", "base", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_the_same_file_is_reported_once(capsys: pytest.CaptureFixture[str]) -> None:
    """A file that two paths reach is reported once."""
    assert main(["check", str(MISTAKES), str(MISTAKES / "payment-terms.yaml"), "--format", "line"]) == 1
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_color_marks_findings(capsys: pytest.CaptureFixture[str]) -> None:
    """Colour is there when asked for."""
    assert main(["check", str(MISTAKES), "--color", "always"]) == 1
    assert "\x1b[1;31merror[unknown-choice]\x1b[0m" in capsys.readouterr().out


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_code_has_a_page(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`--explain CODE` prints the page of the code."""
    assert main(["check", "--explain", code]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f"{CODES[code].severity}[{code}]: {CODES[code].title}\n")
    assert CODES[code].page in printed


def test_all_codes_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """`--codes` lists every code with its title."""
    assert main(["check", "--codes"]) == 0
    lines = capsys.readouterr().out.splitlines()[2:]
    assert [line.split("  ")[0] for line in lines] == list(CODES)


def test_cases_are_read_and_not_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A mistake in a case file is found beside its policy, in a folder, by the policy's or by its own name."""
    text = (
        "policy: size\nkind: ladder\nfields: {x: {type: integer}}\nby: x\noutput: {y: {type: integer}}\n"
        "steps:\n  - {id: low, up to: 1, y: 1}\n  - {id: high, y: 2}\n"
    )
    (tmp_path / "size.yaml").write_text(text, encoding="utf-8")
    cases = tmp_path / "size.cases.yaml"
    for record, wrong in (("x", False), ("xx", True)):
        case = f"policy: size\ncases:\n  - {{name: one, record: {{{record}: 5}}, expect: {{y: 1}}}}\n"
        cases.write_text(case, encoding="utf-8")
        for path in (tmp_path, tmp_path / "size.yaml", cases):
            assert main(["check", str(path), "--format", "line"]) == int(wrong)
            assert ("size.cases.yaml:3:26: error[unknown-field]" in capsys.readouterr().out) is wrong


def test_every_file_of_a_pack_may_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    """What a shell makes of `policies/*.yaml` is checked: policies, cases, shared fields and the pack's own file."""
    paths = sorted(str(path) for path in Path("policies").glob("*.yaml"))
    assert {"pack.yaml", "fields.yaml", "credit-level.cases.yaml"} <= {Path(path).name for path in paths}
    assert main(["check", *paths]) == 0
    assert capsys.readouterr().out.startswith("no findings in")
