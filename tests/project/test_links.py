"""The links of the documents lead somewhere: every file that one names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), ROOT / "examples" / "README.md"]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_to_a_file_leads_to_it(path: Path) -> None:
    """A promise is linked to a test that exists."""
    links = re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8"))
    files = [link for link in links if "://" not in link]
    assert [link for link in files if not (path.parent / link).exists()] == []


def test_every_promise_is_linked_to_its_test() -> None:
    """Each line of "What we promise" names the test that holds it."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    promises = text.partition("## What we promise")[2].partition("\n## ")[0].split("\n- ")[1:]
    assert promises
    assert [promise for promise in promises if not re.search(r"\[test\]\(tests/[^)]+\)$", promise.strip())] == []
