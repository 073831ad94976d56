"""YAML as a tree of text: every piece at its place, every mistake a diagnostic, nothing converted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from crm_rules.codes import CODES
from crm_rules.diagnostics import Diagnostic, Report
from crm_rules.reader.pipe_table import parse_table
from crm_rules.reader.yaml_text import MAX_REPAIRS, Block, Loader, Mapping, Sequence, Tree, read_yaml
from crm_rules.rendering import render_line, render_text
from crm_rules.source import Span, Text

BAD = Path(__file__).parents[1] / "cases" / "reader" / "bad"
BAD_FILES = sorted(BAD.glob("*.yaml"))
LOADERS = sorted({yaml.SafeLoader, getattr(yaml, "CSafeLoader", yaml.SafeLoader)}, key=lambda loader: loader.__name__)
CASE_BYTES = 4_000

loaders = pytest.mark.parametrize("loader", LOADERS, ids=lambda loader: loader.__name__)


def scalars(tree: Tree | None) -> Iterator[Text]:
    """Each text of a tree, keys included."""
    match tree:
        case None:
            return
        case Text():
            yield tree
        case Sequence():
            for item in tree:
                yield from scalars(item)
        case _:
            for key, value in tree.items():
                yield key
                yield from scalars(value)


def findings(file: Path, loader: Loader) -> list[Diagnostic]:
    """All that the reader has to say about a file, its tables included."""
    tree, found = read_yaml(file.read_bytes(), file.name, max_bytes=CASE_BYTES, loader=loader)
    for text in scalars(tree):
        if isinstance(text, Block):
            found += parse_table(text)[1]
    return found


@loaders
@pytest.mark.parametrize("file", BAD_FILES, ids=lambda file: file.stem)
def test_a_bad_file_has_exactly_its_expected_diagnostics(file: Path, loader: Loader) -> None:
    """Each bad file gives the lines written beside it, whichever parser scans it."""
    found = Report(findings(file, loader))
    assert "".join(f"{render_line(item)}\n" for item in found) == file.with_suffix(".expected.txt").read_text("utf-8")


def test_every_code_has_a_bad_file_and_every_bad_file_a_known_code() -> None:
    """The codes of the bad files are all in the table, and each code of the reader has a bad file."""
    used = {item.code for file in BAD_FILES for item in findings(file, LOADERS[0])}
    own = list(CODES)[: list(CODES).index("unnamed-column") + 1]
    assert used == set(own)


def test_every_diagnostic_of_a_bad_file_can_be_shown_in_its_source() -> None:
    """Each finding renders with the line it points at."""
    for file in BAD_FILES:
        source = file.read_bytes().decode("utf-8", "replace")
        for item in findings(file, LOADERS[0]):
            assert item.message in render_text([item], {file.name: source})


@loaders
def test_scalars_stay_the_text_that_was_written(loader: Loader) -> None:
    """Nothing is converted: booleans, times, numbers, dates and nulls of YAML 1.1 are text."""
    words = [
        "NO",
        "on",
        "12:30",
        "1_000",
        "0123",
        "1e3",
        "5000000.10",
        "2024-13-45",
        "null",
        "~",
        "yes",
        "500万",
        "10%",
    ]
    tree, found = read_yaml("".join(f"- {word}\n" for word in words), "f", loader=loader)
    assert (tree, found) == (words, [])


@loaders
def test_keys_are_text_and_stay_apart(loader: Loader) -> None:
    """`1`, `1.0` and `on` are three keys."""
    assert read_yaml("{1: a, 1.0: b, on: c}", "f", loader=loader) == ({"1": "a", "1.0": "b", "on": "c"}, [])


@loaders
def test_empty_and_quoted_texts_are_told_apart(loader: Loader) -> None:
    """No value is an unquoted empty text; an empty pair of quotes is a quoted one."""
    tree, found = read_yaml("a:\nb: ''\nc: x\nd: \"x\"\n", "f", loader=loader)
    assert isinstance(tree, Mapping)
    assert [(key, value, value.quoted) for key, value in tree.items() if isinstance(value, Text)] == [
        ("a", "", False),
        ("b", "", True),
        ("c", "x", False),
        ("d", "x", True),
    ]
    assert found == []


@loaders
def test_places_of_a_tree(loader: Loader) -> None:
    """Mappings and lists begin where their first key or bracket stands, texts inside of their quotes."""
    tree, _ = read_yaml("客户: {级别: 'A', b: [x, \"y z\"]}\nn:\n  - one\n  - k: two words # why\n", "f", loader=loader)
    assert isinstance(tree, Mapping)
    inner, names = tree["客户"], tree["n"]  # type: ignore[index]  # a plain text finds its key
    assert isinstance(inner, Mapping)
    assert isinstance(names, Sequence)
    assert (tree.span, inner.span, names.span) == (Span("f", 1, 1, 3), Span("f", 1, 5, 6), Span("f", 3, 3, 4))
    assert [str(text.span) for text in scalars(tree)] == [
        "f:1:1", "f:1:6", "f:1:11", "f:1:15", "f:1:19", "f:1:23", "f:2:1", "f:3:5", "f:4:5", "f:4:8",
    ]  # fmt: skip


@loaders
def test_a_literal_block_keeps_the_place_of_each_line(loader: Loader) -> None:
    """The lines of a block stand where their text begins, blank lines included."""
    tree, found = read_yaml("a:\n  rules: |\n\n    | x |\n      deeper\n\n    末\n  b: c\n", "f", loader=loader)
    block = next(text for text in scalars(tree) if isinstance(text, Block))
    assert block == "\n| x |\n  deeper\n\n末\n"
    assert [(line, line.span.line, line.span.column) for line in block.lines] == [
        ("", 3, 1),
        ("| x |", 4, 5),
        ("  deeper", 5, 5),
        ("", 6, 1),
        ("末", 7, 5),
    ]
    assert found == []


@loaders
@pytest.mark.parametrize("header", ["|", "|-", "|+", "|2", "| # a table"])
def test_all_forms_of_a_literal_block_have_the_same_lines(header: str, loader: Loader) -> None:
    """Chomping and indentation marks change the text of a block, not the lines with text."""
    tree, _ = read_yaml(f"a: {header}\n  one\n  two\nb: c\n", "f", loader=loader)
    block = next(text for text in scalars(tree) if isinstance(text, Block))
    assert [str(line) for line in block.lines] == ["one", "two"]


@loaders
def test_a_folded_block_is_text(loader: Loader) -> None:
    """Only a literal block can hold a table."""
    tree, found = read_yaml("a: >\n  one\n  two\n", "f", loader=loader)
    assert (tree, found) == ({"a": "one two\n"}, [])
    assert not any(isinstance(text, Block) for text in scalars(tree))


@loaders
def test_line_ends_and_byte_order_mark_do_not_move_places(loader: Loader) -> None:
    """A file from any editor has the same tree at the same places."""
    text = "a: x\nb: |\n  | y |\n\n  z\n"
    expected = read_yaml(text, "f", loader=loader)
    for ending in ("\r\n", "\r"):
        other = b"\xef\xbb\xbf" + text.replace("\n", ending).encode()
        assert read_yaml(other, "f", loader=loader) == expected
        assert places(read_yaml(other, "f", loader=loader)[0]) == places(expected[0])


def places(tree: Tree | None) -> list[Span]:
    """The spans of all texts of a tree."""
    return [line.span for text in scalars(tree) for line in (text.lines if isinstance(text, Block) else (text,))]


@loaders
def test_a_cell_that_needs_quotes_is_still_read_as_its_text(loader: Loader) -> None:
    """After a cell without quotes the rest of the file is read, and later stages see the cell."""
    tree, found = read_yaml("A: >= 14\nB: [12..14)\nC: {x: (1..2], y: not(1, 2)}\nD: ok\n", "f", loader=loader)
    assert tree == {"A": ">= 14", "B": "[12..14)", "C": {"x": "(1..2]", "y": "not(1, 2)"}, "D": "ok"}
    assert [item.code for item in found] == ["unquoted-cell"] * 4


@loaders
@pytest.mark.parametrize(
    "cell",
    [
        "< 5",
        "not(1)",
        "(1..2)",
        "(1..2]",
        "-5",
        "a, b",
        "<= 3",
        "A",
        "$low",
        "500万",
        "12:30",
        "missing",
        "-x",
        "a]",
        "=5",
    ],
)
def test_a_cell_that_yaml_reads_as_written_needs_no_quotes(cell: str, loader: Loader) -> None:
    """Quotes are asked for only where YAML would read something else."""
    assert read_yaml(f"a: {cell}\n", "f", loader=loader) == ({"a": cell}, [])


@loaders
@pytest.mark.parametrize("bracket", ["[", "{a: ", "- "])
def test_fifty_thousand_brackets_are_refused(bracket: str, loader: Loader) -> None:
    """Depth is refused at its 33rd level, however deep it goes on."""
    tree, found = read_yaml(bracket * 50_000, "f", loader=loader)
    assert (tree, [item.code for item in found]) == (None, ["nested-too-deep"])
    assert found[0].span.column == 32 * len(bracket) + 1


@pytest.mark.parametrize("text", ["a: [" + "x.." * 200_000, "{" + "a," * 50_000, "a: [" + "(..(" * 100_000])
def test_a_hostile_line_takes_no_time_of_its_square(text: str) -> None:
    """A very long line is refused while a test still waits for it; squares of its length would take hours."""
    assert read_yaml(text, "f", loader=LOADERS[0])[1] != []


@loaders
def test_thirty_two_levels_are_read(loader: Loader) -> None:
    """The limit itself is allowed."""
    assert read_yaml("[" * 32 + "]" * 32, "f", loader=loader)[1] == []


def test_repairs_end() -> None:
    """A file with very many cells without quotes is given up after a number of them."""
    tree, found = read_yaml("".join(f"k{i}: >= {i}\n" for i in range(MAX_REPAIRS * 3)), "f")
    assert (tree, len(found)) == (None, MAX_REPAIRS)


def test_the_size_limit_counts_bytes() -> None:
    """A text of exactly the limit is read, one byte more is not."""
    assert read_yaml("客: 户", "f", max_bytes=8)[1] == []
    assert [item.code for item in read_yaml("客: 户", "f", max_bytes=7)[1]] == ["file-too-large"]


SOURCES = [file.read_bytes().decode("utf-8", "replace") for file in BAD_FILES] + [
    "policy: p\nrules: |\n  | id | 金额 |\n  | a | [1..2) |\nbands: {A: '>= 1', B: \"x\"}\nlist:\n  - a\n  - {b: c}\n"
]
SPECIAL = "[]{}()|>-?:,&*!%@`'\"#\\ \t\n.=<0a客\x07\u2028\ufeff\ud800"


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A file with pieces cut out, doubled, or replaced by what means something to YAML."""
    text = draw(st.sampled_from(SOURCES))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(start + 6, len(text))))
        text = text[:start] + draw(st.text(SPECIAL, max_size=4)) + text[end:]
    return text


@loaders
@given(text=mutated() | st.text(SPECIAL) | st.text())
@example(text="x: >-2")
@example(text="- -")
def test_no_text_raises_and_each_finding_is_in_the_file(text: str, loader: Loader) -> None:
    """Whatever the text, there is a tree or a finding, each finding has a known code and a place in the file."""
    tree, found = read_yaml(text, "f", loader=loader)
    assert tree is not None or found
    rows = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for item in found:
        assert item.code in CODES
        assert 1 <= item.span.line <= len(rows)
        assert 1 <= item.span.column <= len(rows[item.span.line - 1]) + 1
        assert item.span.column < item.span.end
    render_text(found, {"f": text})
    for scalar in scalars(tree):
        if isinstance(scalar, Block):
            parse_table(scalar)


@loaders
@given(text=mutated() | st.text(SPECIAL))
def test_the_span_of_a_text_covers_that_text(text: str, loader: Loader) -> None:
    """In a file without findings each plain text of one line, and each line of a block, stands at its span."""
    tree, found = read_yaml(text, "f", loader=loader)
    if found:
        return
    rows = text.removeprefix("\ufeff").split("\n")
    for scalar in scalars(tree):
        plain = scalar.lines if isinstance(scalar, Block) else (scalar,)
        for part in plain:
            place = part.span
            written = rows[place.line - 1][place.column - 1 : place.end - 1]
            if part and not part.quoted and "\n" not in part and written != part:
                assert part.startswith(written)  # a text of several lines: its first
                assert " " in part or written == ""  # a folded block begins at its mark


@given(data=st.binary())
def test_no_bytes_raise(data: bytes) -> None:
    """Any bytes give a tree or a finding."""
    tree, found = read_yaml(data, "f")
    assert tree is not None or found


texts = st.text(st.sampled_from("ab 客:#-[]{}>|,'\"\\%@&*!.=x1\n"), max_size=6)
trees = st.recursive(
    texts, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=8
)


@loaders
@given(tree=st.dictionaries(texts, trees, min_size=1))
def test_what_yaml_writes_in_quotes_is_read_back(tree: dict[str, object], loader: Loader) -> None:
    """A tree of texts, written in quotes by PyYAML, is read back as it was."""
    written = yaml.safe_dump(tree, default_style='"', allow_unicode=True, width=10_000)
    assert read_yaml(written, "f", loader=loader) == (tree, [])
