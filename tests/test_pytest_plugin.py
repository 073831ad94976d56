"""The pytest plug-in as a project meets it: names, failures, broken files, how to choose and to switch off."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

POLICY = """\
policy: stage
kind: ladder
fields:
  deals: {type: integer}
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
  - {name: 边界, record: {deals: 3}, expect: {stage: A}, rules: [busy]}
  - {name: "below::it", record: {deals: 2}, expect: {stage: STAGE}}
"""
PLUGIN = ("-p", "crm_rules.pytest_plugin")


@pytest.fixture(name="project")
def make_project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project with one policy, its cases and one ordinary test; the plug-in is named, not found."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    folder = pytester.mkdir("policies")
    (folder / "stage.yaml").write_text(POLICY, encoding="utf-8")
    write(pytester, CASES.replace("STAGE", "B"))
    pytester.makepyfile(test_other="def test_other():\n    assert True\n")
    return pytester


def write(project: pytest.Pytester, text: str) -> None:
    """Write the case file."""
    (project.path / "policies" / "stage.cases.yaml").write_text(text, encoding="utf-8")


def test_every_case_is_a_test_named_after_itself(project: pytest.Pytester) -> None:
    """Cases stand beside the other tests, with their file; what separates the parts of an id is not in a name."""
    result = project.runpytest(*PLUGIN, "-v")
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(
        ["policies/stage.cases.yaml::边界 PASSED*", "policies/stage.cases.yaml::below:it PASSED*"]
    )


def test_a_failure_is_the_report_without_a_traceback(project: pytest.Pytester) -> None:
    """The decisive cells are shown as the command shows them, and nothing of the library's code."""
    write(project, CASES.replace("STAGE", "A"))
    result = project.runpytest(*PLUGIN)
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(
        [
            "error[[]failed-case[]]: `below::it` expects stage A, found B",
            " *--> policies/stage.cases.yaml:4:*",
            "*::: policies/stage.yaml:10:*",
            "*`busy` fails here: deals: 2, needs ≥ 3, 1 short*",
            "FAILED policies/stage.cases.yaml::below:it*",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*crm_rules*.py:*")
    result.stdout.no_fnmatch_line("1 error in*")


@pytest.mark.parametrize(
    ("arguments", "outcomes"),
    [
        (("-k", "below"), {"passed": 1, "deselected": 2}),
        (("policies/stage.cases.yaml::below:it",), {"passed": 1}),
        (("policies/stage.cases.yaml",), {"passed": 2}),
        (("-o", "crm_rules_cases=false"), {"passed": 1}),
        (("-p", "no:crm_rules.pytest_plugin"), {"passed": 1}),
    ],
)
def test_cases_are_chosen_and_switched_off_like_tests(
    project: pytest.Pytester, arguments: tuple[str, ...], outcomes: dict[str, int]
) -> None:
    """By a word, by their id, by their file; by the setting, and by pytest's own way to leave a plug-in out."""
    project.runpytest(*PLUGIN, *arguments).assert_outcomes(**outcomes)


def test_the_last_failed_case_runs_alone(project: pytest.Pytester) -> None:
    """`--lf` knows the id of a case."""
    write(project, CASES.replace("STAGE", "A"))
    project.runpytest(*PLUGIN)
    project.runpytest(*PLUGIN, "--lf").assert_outcomes(failed=1)


@pytest.mark.parametrize(
    ("name", "text", "shown"),
    [
        ("stage.cases.yaml", CASES.replace("record", "recrod"), "error[[]unknown-key[]]: unknown key `recrod`"),
        ("stage.cases.yaml", "policy: stage\ncases: []\n", "error[[]no-cases[]]*"),
        ("stage.cases.yaml", CASES, "error[[]wrong-literal[]]*"),
        ("stage.yaml", POLICY.replace("by: deals", "by: deal"), "error[[]unknown-field[]]*"),
    ],
)
def test_a_broken_file_is_an_error_of_the_collection(
    project: pytest.Pytester, name: str, text: str, shown: str
) -> None:
    """A file that cannot be tried never counts as passed; the report shows the line."""
    (project.path / "policies" / name).write_text(text, encoding="utf-8")
    result = project.runpytest(*PLUGIN)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*ERROR collecting policies/stage.cases.yaml*", shown, " *--> policies/stage*.yaml:*"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_the_pack_around_a_file_decides(project: pytest.Pytester) -> None:
    """A case file in a subfolder belongs to the nearest pack above it."""
    (project.path / "policies" / "pack.yaml").write_text("pack: here\n", encoding="utf-8")
    deep = project.path / "policies" / "deep"
    deep.mkdir()
    (deep / "more.cases.yaml").write_text(CASES.replace("STAGE", "B"), encoding="utf-8")
    project.runpytest(*PLUGIN).assert_outcomes(passed=5)


def test_a_project_without_cases_pays_nothing(project: pytest.Pytester) -> None:
    """The plug-in loads neither YAML nor pydantic until it meets a case file."""
    (project.path / "policies" / "stage.cases.yaml").unlink()
    project.makepyfile(
        test_other="import sys\n\n\ndef test_other():\n    assert 'crm_rules.cases' not in sys.modules\n"
        "    assert not {'yaml', 'pydantic', 'msgspec'} & set(sys.modules)\n"
    )
    result = project.runpytest_subprocess(*PLUGIN)
    result.assert_outcomes(passed=1)


def test_an_installed_library_is_found_by_pytest() -> None:
    """The entry point names the plug-in `crm_rules`, so that `-p no:crm_rules` leaves it out."""
    root = Path(__file__).parents[1]
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["entry-points"]["pytest11"] == {"crm_rules": "crm_rules.pytest_plugin"}
    run = subprocess.run(
        [sys.executable, "-c", "import crm_rules.pytest_plugin, sys; print('crm_rules.cases' in sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout == "False\n"
