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
    """A clean check says what it looked at and exits with 0; the core policies have notes at most."""
    monkeypatch.chdir(ROOT)
    assert main(["check", "examples/payment-terms.yaml"]) == 0
    assert capsys.readouterr().out == "no findings in 1 policy\n"
    assert main(["check", "policies", "--format", "json"]) == 0
    assert {item["severity"] for item in json.loads(capsys.readouterr().out)} <= {"note"}


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
    assert main(["check", str(ROOT / "examples" / "payment-terms.yaml"), "--format", "json"]) == 0
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
        "policy: size\nkind: ladder\nvalid_from: 2026-01-01\nsource: {document: Handbook}\n"
        "fields: {x: {type: integer}}\nby: x\noutput: {y: {type: integer}}\n"
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
    assert main(["check", *paths, "--format", "line"]) == 0
    assert "error[" not in capsys.readouterr().out


GAPPED = (
    "policy: size\nkind: decision-table\nvalid_from: 2026-01-01\nvalid_to: 2026-06-30\nsource: {document: Handbook}\n"
    "fields: {orders: {type: integer, min: 0}}\noutput: {size: {type: choice, one_of: [small, large]}}\nrules: |\n"
    "  | id    | orders | size  |\n  | small | < 10   | small |\n  | large | > 10   | large |\n"
)


def test_a_policy_that_loads_is_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A gap of a policy without mistakes is an error, with a record that shows it and a summary over all policies."""
    (tmp_path / "size.yaml").write_text(GAPPED, encoding="utf-8")
    assert main(["check", str(tmp_path)]) == 1
    printed = capsys.readouterr().out
    assert printed.startswith("error[gap]: ")
    assert "\n  = witness: orders=10\n" in printed
    assert printed.endswith("\n1 error in 1 policy\n")
    assert main(["check", str(tmp_path), "--format", "json"]) == 1
    (finding,) = json.loads(capsys.readouterr().out)
    assert finding["witness"]["record"] == {"orders": 10}


def test_a_policy_that_has_ended_is_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--on` reports a policy that has ended before the day; warnings alone give 1 as well."""
    (tmp_path / "size.yaml").write_text(GAPPED.replace("> 10 ", ">= 10"), encoding="utf-8")
    assert main(["check", str(tmp_path), "--on", "2026-06-30"]) == 0
    assert main(["check", str(tmp_path), "--on", "2026-07-01", "--format", "line"]) == 1
    assert "size.yaml:4:11: warning[expired-policy]: the policy `size` is not" in capsys.readouterr().out
    assert main(["check", str(tmp_path), "--on", "tomorrow"]) == 2


def test_notes_are_shown_and_do_not_count(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A note leaves the exit code at 0."""
    text = GAPPED.replace("< 10  ", "< $low").replace("> 10  ", ">= $high").replace("| orders |", "| orders  |")
    text += "parameters: {low: {type: integer}, high: {type: integer}}\n"
    (tmp_path / "size.yaml").write_text(text, encoding="utf-8")
    assert main(["check", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("note[")
    assert printed.endswith(" in 1 policy\n")


def test_files_that_two_packs_share_are_reported_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A finding of a base policy is not repeated for each pack that extends the base."""
    (tmp_path / "pack.yaml").write_text("pack: origin\n", encoding="utf-8")
    (tmp_path / "size.yaml").write_text(GAPPED, encoding="utf-8")
    for company in ("one", "two"):
        (tmp_path / company).mkdir()
        (tmp_path / company / "pack.yaml").write_text(f"pack: {company}\nextends: [origin]\n", encoding="utf-8")
    assert main(["check", str(tmp_path), "--format", "line"]) == 1
    assert len(capsys.readouterr().out.splitlines()) == 1
