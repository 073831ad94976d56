"""The cases beside the starter policies and the examples, each as a test of its own, and what they reach."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from crm_rules.cases import CaseResult, SuiteResult, find_suites, run_suite
from crm_rules.cases.running import unreached, without_cases
from crm_rules.rendering import render_text

ROOT = Path(__file__).parents[2]
RESULTS = [run_suite(suite) for suite in find_suites(ROOT / "policies")]


def cases() -> list[Any]:
    """Every case, named after its file and itself."""
    return [
        pytest.param(result, one, id=f"{Path(file.path).parent.name}/{file.policy}: {one.case.name}")
        for result in RESULTS
        for file, found in result.files
        for one in found
    ]


@pytest.mark.parametrize("result", RESULTS, ids=lambda result: result.suite.root.name)
def test_the_case_files_have_no_mistakes(result: SuiteResult) -> None:
    """Policies load and case files read without a finding."""
    assert render_text(result.report, result.texts) == "no findings"


@pytest.mark.parametrize(("result", "one"), cases())
def test_a_case_of_a_policy(result: SuiteResult, one: CaseResult) -> None:
    """The decision is the one that the case expects."""
    assert one.passed, render_text(one.diagnostics, result.texts)


def test_every_rule_is_reached() -> None:
    """No rule of a starter policy is left untried, and no policy is without cases."""
    assert unreached(RESULTS) == {}
    assert [policy for result in RESULTS for policy in without_cases(result)] == []
