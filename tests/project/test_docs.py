"""The README and the docs are true: their Python blocks run, their commands print what is shown.

A `python` block runs in the repository's root, in one namespace for each document. In a `console` block each line that
begins with `$ crm-rules` is run, and what it prints must be what follows, up to the next `$`; a line of three dots
stands for any lines. What should not be run (setting up, editing) is written in a `sh` block.
"""

from __future__ import annotations

import io
import re
import shlex
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path

import pytest
from sybil import Document, Example
from sybil.example import SybilFailure
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser

from crm_rules.cli.main import main

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
ANY_LINES = "..."
COMPILED = {"durable.md": "durable_rules_engine"}  # what a document needs and not every machine can compile


def _printed_by(command: str) -> str:
    """What a `crm-rules` command prints in the repository's root."""
    program, *arguments = shlex.split(command)
    assert program == "crm-rules", f"a console block runs only crm-rules, not `{command}`; use a sh block"
    printed = io.StringIO()
    with (
        redirect_stdout(printed),
        redirect_stderr(printed),
        suppress(SystemExit),
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("NO_COLOR", "1")
        patch.setenv("COLUMNS", "120")
        patch.chdir(ROOT)
        main(arguments)
    return printed.getvalue()


def _tidy(text: str) -> str:
    """The text without trailing spaces and empty lines around it."""
    return "\n".join(line.rstrip() for line in text.strip("\n").splitlines())


def _agrees(printed: str, shown: str) -> bool:
    """Whether the text is what a document shows of it."""
    pattern = (r"(?:.*\n)*?" if line == ANY_LINES else re.escape(f"{line}\n") for line in _tidy(shown).splitlines())
    return re.fullmatch("".join(pattern), "".join(f"{line}\n" for line in _tidy(printed).splitlines())) is not None


def _run_console_block(example: Example) -> str | None:
    """Run each command of a block; what differs is returned, as Sybil wants it."""
    first, *parts = re.split(r"^\$ ", str(example.parsed), flags=re.MULTILINE)
    assert not first.strip(), f"a console block begins with `$ `, not with `{first.strip()}`"
    for part in parts:
        command, _, shown = part.partition("\n")
        printed = _printed_by(command)
        if not _agrees(printed, shown):
            return f"`{command}` printed\n{_tidy(printed)}\n\nbut the document shows\n{_tidy(shown)}"
    return None


PARSERS = (PythonCodeBlockParser(), CodeBlockParser(language="console", evaluator=_run_console_block))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_block_of_a_document_runs(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader who copies a block gets what the document says."""
    if path.name in COMPILED:
        pytest.importorskip(COMPILED[path.name], reason="durable-rules IS NOT TESTED HERE: it could not be compiled")
    monkeypatch.chdir(ROOT)
    for example in Document.parse(str(path), *PARSERS).examples():
        example.evaluate()


def test_the_readme_names_both_commands_and_what_they_print() -> None:
    """A newcomer finds the two commands in the README."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "make demo" in text
    assert "make test" in text
    assert "passed" in text


@pytest.mark.parametrize(
    ("printed", "shown", "agrees"),
    [
        ("a\nb\n", "a\nb", True),
        ("a \nb\n", "a\nb", True),
        ("a\nb\nc\n", "a\n...\nc", True),
        ("a\nc\n", "a\n...\nc", True),
        ("a\nb\n", "...", True),
        ("", "", True),
        ("a\nb\n", "a", False),
        ("a\nb\n", "a\nc", False),
        ("axc\n", "a.c", False),
        ("a\n", "", False),
    ],
)
def test_output_is_compared_line_by_line(printed: str, shown: str, *, agrees: bool) -> None:
    """Trailing spaces do not count, three dots stand for any lines, and everything else must be the same."""
    assert _agrees(printed, shown) is agrees


@pytest.mark.parametrize(
    ("block", "error"),
    [
        ("```python\nassert 1 == 2\n```\n", AssertionError),
        ("```console\n$ crm-rules\nno such output\n```\n", SybilFailure),
        ("```console\n$ make demo\n```\n", AssertionError),
    ],
)
def test_a_block_that_is_wrong_fails(block: str, error: type[Exception]) -> None:
    """The blocks are really run, and a command that would not be is refused."""
    document = Document(block, "made-up.md")
    for parser in PARSERS:
        for region in parser(document):
            document.add(region)
    (example,) = document.examples()
    with pytest.raises(error):
        example.evaluate()
