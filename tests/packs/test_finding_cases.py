"""Policies that load and are wrong: the defects of real papers taken at their word, and one small case for each code.

`tests/cases/policies/findings` holds a file or a folder for each; beside it stands which codes are found at which
lines. A case named after a defect (`d09-…`) is what a literal reader would have written down.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from crm_rules.codes import CODES
from crm_rules.loading import load_with_report
from crm_rules.rendering import render_text

CASES = Path(__file__).parents[1] / "cases" / "policies" / "findings"
WRONG = sorted(path for path in CASES.iterdir() if path.is_dir() or path.suffix == ".yaml")
ON = date(2026, 11, 21)


@pytest.mark.parametrize("path", WRONG, ids=lambda path: path.stem)
def test_a_wrong_policy_has_exactly_its_expected_findings(path: Path) -> None:
    """Each policy loads, and `check` finds the codes that stand beside it, at their lines and nothing else."""
    pack, report, texts = load_with_report(path)
    assert pack is not None, render_text(report, texts)
    findings = pack.check(ON)
    expected = path / "expected.txt" if path.is_dir() else path.with_suffix(".expected.txt")
    found = {f"{Path(item.span.path).name}:{item.span.line}: {item.severity}[{item.code}]" for item in findings}
    assert found == set(expected.read_text(encoding="utf-8").splitlines()), render_text(findings, texts)
    assert all(item.severity == CODES[item.code].severity for item in findings)
