"""A file that one can read in one go: no source file grows past the limit."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
MOST_LINES = 500


def test_no_source_file_is_longer_than_the_limit() -> None:
    """Every file of the package has at most 500 lines."""
    lines = {
        path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for path in sorted((ROOT / "src").rglob("*.py"))
    }
    assert lines
    assert {path: count for path, count in lines.items() if count > MOST_LINES} == {}
