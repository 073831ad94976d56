"""The command `crm-rules` as a user meets it: help, refusals in a sentence, exit codes, closed pipes, tidy columns."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_rules import __version__
from crm_rules.cli.console import paint, table, wants_color, wrap
from crm_rules.cli.main import COMMANDS, main
from crm_rules.cli.packs import places
from crm_rules.columns import display_width

ROOT = Path(__file__).parents[2]
WORDS = st.text(alphabet="ab -，。（）客户等级", max_size=60)


def refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one sentence on standard error of a command that cannot do what it was asked."""
    assert main(words) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("crm-rules: ")
    assert printed.err.count("\n") == 1
    return printed.err.removeprefix("crm-rules: ").rstrip("\n")


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` names every command with what it does."""
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    printed = capsys.readouterr().out
    for name in COMMANDS:
        assert f"\n    {name} " in printed


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each command says what it takes."""
    with pytest.raises(SystemExit) as end:
        main([command, "--help"])
    assert end.value.code == 0
    assert f"usage: crm-rules {command}" in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """`--version` prints the version of the library."""
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"crm-rules {__version__}\n"


def test_no_command_prints_the_help_and_is_unusable(capsys: pytest.CaptureFixture[str]) -> None:
    """A script that forgets the command does not go on as if all were well."""
    assert main([]) == 2
    assert "usage: crm-rules" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["explian"], "there is no command `explian`; did you mean `explain`?"),
        (
            ["sing"],
            "there is no command `sing`; there are demo, check, decide, diff, changes, explain, test, sql, schema",
        ),
        (["demo", "--fast"], "unrecognized arguments: --fast; see `crm-rules --help`"),
        (["check"], "name at least one policy file, folder or pack to check, such as `crm-rules check sample-company`"),
        (["check", "nowhere"], "`nowhere` is neither a file, nor a folder, nor an installed pack"),
        (
            ["check", "sample-compny"],
            "`sample-compny` is neither a file, nor a folder, nor an installed pack; did you mean `sample-company`?",
        ),
        (["check", "--explain", "gapp"], "there is no code `gapp`; did you mean `gap`?"),
        (["schema", "laddr"], "there is no schema `laddr`; did you mean `ladder`?"),
        (
            ["explain", "base", "--record", "{}", "--today", "21.11.2026"],
            "argument --today: expected a day such as 2026-01-31, found `21.11.2026`; see `crm-rules explain --help`",
        ),
    ],
)
def test_a_mistake_in_the_words_is_a_sentence(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a user mistypes is refused with a sentence, with what was meant where that is close."""
    assert refused(words, capsys) == sentence


def test_a_file_that_cannot_be_read_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A missing data file is named with the reason."""
    place = tmp_path / "record.json"
    sentence = refused(["explain", "base", "--policy", "follow-up", "--edition", "1.0.0", "--today", "2026-11-21",
                        "--record", f"@{place}"], capsys)  # fmt: skip
    assert sentence == f"cannot use `{place}`: No such file or directory"


def test_a_broken_policy_is_shown_and_unusable(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A command that needs a policy shows every diagnostic of one that cannot be loaded."""
    (tmp_path / "p.yaml").write_text("policy: p\nkind: lader\n", encoding="utf-8")
    assert main(["explain", str(tmp_path), "--record", "{}"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert f"{tmp_path / 'p.yaml'}:2:7" in printed.err
    assert "Traceback" not in printed.err


def test_a_closed_pipe_is_no_error() -> None:
    """`crm-rules demo | head -1` prints one line and nothing else."""
    run = subprocess.run(
        ["/bin/sh", "-c", f'"{sys.executable}" -m crm_rules demo | head -1'],
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert run.stdout == "Eight customers of the sample company Acme on 2026-11-21\n"
    assert run.stderr == ""


class Impatient(io.RawIOBase):
    """Standard input of a user who presses Ctrl-C instead of typing."""

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: object) -> int:
        """Never gives anything."""
        raise KeyboardInterrupt(buffer)


def test_an_interrupt_is_a_word(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C ends a command with a word and the exit code of an interrupt."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BufferedReader(Impatient())))
    assert main(["explain", "base", "--policy", "follow-up", "--today", "2026-11-21", "--record", "-"]) == 130
    assert capsys.readouterr() == ("", "interrupted\n")


def test_only_the_named_command_is_imported() -> None:
    """The start of one command does not pay for the others."""
    code = (
        "import sys; from crm_rules.cli.main import build_parser; build_parser('check');"
        "print(*sorted(name for name in sys.modules if name.startswith('crm_rules.cli.')))"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(run.stdout.split())
    assert "crm_rules.cli.check" in loaded
    assert not loaded & {"crm_rules.cli.decide", "crm_rules.cli.explain", "crm_rules.cli.test", "crm_rules.cli.demo"}


def test_a_terminal_that_cannot_show_chinese_still_shows_the_rest() -> None:
    """Output into a pipe is UTF-8 whatever the environment says."""
    run = subprocess.run(
        [sys.executable, "-m", "crm_rules", "demo"],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "ascii", "LC_ALL": "C"},
        capture_output=True,
        check=True,
    )
    assert "港湾钢铁" in run.stdout.decode("utf-8")


# Colour and columns


class Terminal(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        """It is."""
        return True


@pytest.mark.parametrize(
    ("choice", "stream", "variables", "colored"),
    [
        ("auto", Terminal(), {}, True),
        ("auto", io.StringIO(), {}, False),
        ("auto", Terminal(), {"NO_COLOR": "1"}, False),
        ("auto", Terminal(), {"TERM": "dumb"}, False),
        ("always", io.StringIO(), {"NO_COLOR": "1"}, True),
        ("never", Terminal(), {}, False),
    ],
)
def test_color_is_for_terminals_or_when_asked_for(
    choice: str, stream: io.StringIO, variables: dict[str, str], *, colored: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`NO_COLOR` and dumb terminals are respected, and what the user asks for wins."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert wants_color(choice, stream) is colored  # type: ignore[arg-type]


def test_paint_is_undone_by_leaving_out_the_codes() -> None:
    """Colour adds codes around the text and nothing else."""
    assert paint("text", "bold", color=False) == "text"
    assert paint("text", "bold", color=True) == "\x1b[1mtext\x1b[0m"
    assert paint("", "bold", color=True) == ""


@given(st.lists(st.tuples(WORDS, WORDS, WORDS), max_size=5))
def test_columns_of_a_table_are_aligned(rows: list[tuple[str, str, str]]) -> None:
    """Every cell begins at the same screen column as the cells above it, Chinese or not."""
    cells = [("one", "两", "three"), *rows]
    widths = [max(map(display_width, column)) for column in zip(*cells, strict=True)]
    heading, rule, *lines = table(cells[:1], rows).split("\n")
    assert rule == "  ".join("─" * width for width in widths)
    for line, row in zip([heading, *lines], cells, strict=True):
        for cell, begin in zip(row, (0, widths[0] + 2, widths[0] + widths[1] + 4), strict=True):
            rest = line[characters_before(line, begin) :]
            assert rest.startswith(cell.rstrip())


def characters_before(line: str, column: int) -> int:
    """How many characters of a line stand before a screen column."""
    return next((index for index in range(len(line)) if display_width(line[:index]) >= column), len(line))


@given(WORDS, st.integers(10, 40), st.integers(0, 8))
def test_wrapping_keeps_the_text_and_the_width(text: str, width: int, start: int) -> None:
    """A wrapped text says the same; a line is too long only when it cannot be broken."""
    lines = wrap(text, width, "    ", start=start).split("\n")
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(line.startswith("    ") for line in lines[1:])
    assert not any(line.strip()[:1] in "，。）" for line in lines[1:] if line.strip())
    for line, room in zip(lines, [width - start, *[width] * len(lines)], strict=False):
        shown = line.strip()
        assert display_width(line) <= room or re.search("[ab-] +[ab-]", shown) is None


def test_wrapping_begins_where_the_line_begins() -> None:
    """What stands before the text counts in its first line, the indent in the others."""
    assert wrap("aa bb cc dd", 5, start=3) == "aa\nbb cc\ndd"
    assert wrap("aa bb cc dd", 8, "   ") == "aa bb cc\n   dd"
    assert wrap("规定回款期内（超期）", 10) == "规定回款期\n内（超期）"


# Places


def test_a_folder_stands_for_every_pack_below_it(tmp_path: Path) -> None:
    """A folder is looked at with every pack below it; one that holds nothing but packs is left out itself."""
    for name in ("a", "b/c"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "pack.yaml").write_text(f"pack: {name[-1]}\n", encoding="utf-8")
    below = [str(tmp_path / "a"), str(tmp_path / "b/c")]
    assert places(str(tmp_path)) == below
    (tmp_path / "b" / "p.yaml").write_text("policy: p\n", encoding="utf-8")
    assert places(str(tmp_path)) == [str(tmp_path), *below]
    assert places(str(tmp_path / "b" / "p.yaml")) == [str(tmp_path / "b" / "p.yaml")]
    assert places("sample-company") == ["sample-company"]
