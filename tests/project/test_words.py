"""The repository names nobody's machine: where packages come from is each reader's own configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = [".ci", "benchmarks", "docs", "examples", "policies", "src", "tests"]

# Put together here, so that this file does not contain them.
UNWANTED = [
    "pypi" + ".org",
    "python" + "hosted",
    "--index" + "-url",
    "--find" + "-links",
    "/work" + "/",
    ".." + "/shared",
]


def _texts() -> dict[str, str]:
    """Every text file of the repository, made files apart, by its path."""
    files = [path for path in ROOT.iterdir() if path.is_file() and not path.name.startswith(".coverage")]
    files += [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.is_file()]
    return {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8", errors="replace")
        for path in sorted(files)
        if "__pycache__" not in path.parts
    }


@pytest.mark.parametrize("word", UNWANTED)
def test_no_file_names_a_place_of_this_machine(word: str) -> None:
    """No file says from which host, or from which folder outside the repository, something comes."""
    texts = _texts()
    assert "pyproject.toml" in texts
    assert [path for path, text in texts.items() if word in text] == []
