"""Diagnostic codes are a contract: each is documented, used, and shown by a bad case or a test."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from crm_rules.codes import CODES

ROOT = Path(__file__).parents[2]
SOURCES = sorted(path for path in (ROOT / "src/crm_rules").rglob("*.py") if path.parent.name != "codes")
KEBAB = re.compile(r"[a-z]+(-[a-z0-9]+)+")
REPORTING = {"Diagnostic", "diagnose", "Unfit", "error", "report", "_refuse", "unexpected", "note", "warning"}


def _codes_in(path: Path) -> set[str]:
    """The codes that a source file reports: first arguments of what makes or reports a finding, and `code="code"`."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        values = [keyword.value for keyword in node.keywords if keyword.arg == "code"]
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if node.args and name in REPORTING:
            values.append(node.args[0])
        words = {value.value for value in values if isinstance(value, ast.Constant) and isinstance(value.value, str)}
        found |= {word for word in words if KEBAB.fullmatch(word)}
    return found


def _strings_in(path: Path) -> set[str]:
    """Every string literal of a source file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def _tests_text() -> str:
    """All tests and cases, with their file names, since a bad case may be named after its code."""
    this = Path(__file__)
    files = [path for path in (ROOT / "tests").rglob("*") if path.suffix in {".py", ".yaml", ".json", ".txt"}]
    return "\n".join(
        f"code: {path.stem}\n{path.read_text(encoding='utf-8', errors='replace')}" for path in files if path != this
    )


def test_every_reported_code_is_documented() -> None:
    """A diagnostic with a code that `CODES` does not explain cannot be looked up."""
    reported = {code: path.relative_to(ROOT).as_posix() for path in SOURCES for code in _codes_in(path)}
    assert {code: path for code, path in reported.items() if code not in CODES} == {}


def test_every_documented_code_is_used() -> None:
    """A code that nothing reports is deleted."""
    used = set().union(*(_strings_in(path) for path in SOURCES))
    assert sorted(code for code in CODES if code not in used) == []


@pytest.mark.parametrize("code", sorted(CODES))
def test_a_code_reads_as_words(code: str) -> None:
    """Codes are kebab-case, and each has a title and a page for the author of a policy."""
    assert KEBAB.fullmatch(code) or code.isalpha()
    assert CODES[code].title
    assert CODES[code].page


def test_every_code_is_pinned() -> None:
    """Each code is expected by a test or a bad case, as `"code"`, `[code]` or `code: code`."""
    text = _tests_text()
    pinned = set(re.findall(r"""(?:["'\[]|code: )([a-z]+(?:-[a-z0-9]+)*)(?=["'\]]|\s)""", text))
    assert sorted(code for code in CODES if code not in pinned) == []
