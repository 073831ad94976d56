"""Tables drawn with bars: cells at their places, and every mistake of a row at once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from crm_rules.reader.pipe_table import Table, parse_table
from crm_rules.reader.yaml_text import Block, Mapping, read_yaml
from crm_rules.source import Span, Text


def block(*lines: str, indent: int = 2) -> Block:
    """The block of a YAML file that holds these lines."""
    tree, found = read_yaml("rules: |\n" + "".join(f"{' ' * indent}{line}\n" for line in lines), "f")
    assert (type(tree), found) == (Mapping, [])
    value = next(iter(tree.values()))  # type: ignore[union-attr]  # a mapping, as the line above says
    assert isinstance(value, Block)
    return value


def table(*lines: str) -> Table:
    """The table of lines that have no mistake."""
    parsed, found = parse_table(block(*lines))
    assert found == []
    assert parsed is not None
    return parsed


def codes(*lines: str) -> list[str]:
    """The codes found in these lines, in order."""
    return [f"{item.span.line}:{item.span.column} {item.code}" for item in parse_table(block(*lines))[1]]


def test_cells_are_stripped_and_stand_at_their_place() -> None:
    """Columns count in characters, so Chinese text moves no place."""
    parsed = table("| id | 合同金额 | 点 |", "|  甲 |>= 5万|  |")
    assert parsed == Table(("id", "合同金额", "点"), (("甲", ">= 5万", ""),))  # type: ignore[arg-type]
    assert [cell.span for cell in (*parsed.header, *parsed.rows[0])] == [
        Span("f", 2, 5, 7),
        Span("f", 2, 10, 14),
        Span("f", 2, 17, 18),
        Span("f", 3, 6, 7),
        Span("f", 3, 9, 14),
        Span("f", 3, 16, 17),
    ]


def test_an_escaped_bar_belongs_to_the_cell() -> None:
    r"""`\|` is a bar of the text; the span keeps the raw stretch."""
    (cell,) = table("| name |", r"| a \| b |").rows[0]
    assert (cell, cell.span) == ("a | b", Span("f", 3, 5, 11))


def test_blank_lines_comments_and_a_separator_row_are_skipped() -> None:
    """Only the header and the rows remain."""
    parsed = table("# head", "| a | b |", "|---|:-:|".replace(":-:", ":---:"), "", "  # note | with bar", "| 1 | 2 |")
    assert parsed.rows == (("1", "2"),)


def test_a_separator_counts_only_below_the_header() -> None:
    """Further down the same text is a row like any other."""
    assert table("| a |", "| x |", "| --- |").rows == (("x",), ("---",))


def test_a_row_of_dashes_is_a_row() -> None:
    """`-` is a cell that tests nothing."""
    assert table("| a | b |", "| - | - |").rows == (("-", "-"),)


def test_a_table_without_rows_and_a_block_without_table() -> None:
    """Both are one finding, the first at its header."""
    assert codes("| a | b |", "|---|---|") == ["2:3 empty-table"]
    assert codes("# nothing") == ["1:8 empty-table"]


def test_all_findings_come_at_once_and_the_good_rows_remain() -> None:
    """A row with a mistake hides no other row."""
    lines = ("| a | b |", "| 1 |", "2 | 2 |", "| 3 | 3", "text", "| 4 | 4 | 4 |", "| 5 | 5 | # note", "| 6 | 6 |")
    parsed, found = parse_table(block(*lines))
    assert [f"{item.span.line} {item.code}" for item in found] == [
        "3 ragged-row",
        "4 missing-bar",
        "5 missing-bar",
        "6 text-outside-table",
        "7 ragged-row",
        "8 text-outside-table",
    ]
    assert parsed is not None
    assert parsed.rows == (("2", "2"), ("3", "3"), ("5", "5"), ("6", "6"))


def test_a_ragged_row_says_what_was_found_and_shows_the_header() -> None:
    """The message has both numbers, the label points at the header."""
    (found,) = parse_table(block("| a | b |", "| 1 |"))[1]
    assert found.message == "found 1 cell, expected 2"
    assert [(str(label.span), label.text) for label in found.labels] == [("f:2:3", "the header has 2 columns")]


def test_a_full_width_bar_is_reported_once_for_its_row_and_read_as_a_bar() -> None:
    """A row typed with a Chinese input method is understood, and named."""
    parsed, found = parse_table(block("｜ a ｜ b ｜", "| 1 ｜ 2 |", "| 'x｜y' | 2 |"))
    assert [f"{item.span.line}:{item.span.column} {item.code}" for item in found] == [
        "2:3 full-width-bar",
        "3:7 full-width-bar",
    ]
    assert parsed == Table(("a", "b"), (("1", "2"), ("'x｜y'", "2")))  # type: ignore[arg-type]


def test_names_of_columns() -> None:
    """Twice the same name, and no name, are findings at the header's cells."""
    assert codes("| a | b | a | |", "| 1 | 2 | 3 | 4 |") == ["2:13 duplicate-column", "2:16 unnamed-column"]


cells = (
    st.text(st.sampled_from("ab1客 |>=-#[](),.\"'\\$"), max_size=6)
    .map(str.strip)
    .filter(lambda x: not x.endswith("\\"))
)


@given(
    rows=st.integers(1, 4).flatmap(lambda n: st.lists(st.lists(cells, min_size=n, max_size=n), min_size=1, max_size=4)),
    indent=st.integers(1, 6),
    pad=st.integers(1, 3),
)
def test_a_drawn_table_is_read_back_with_each_cell_at_its_place(rows: list[list[str]], indent: int, pad: int) -> None:
    """Any cells, drawn with bars, come back; the text at a cell's span is the cell as it was written."""
    header = [f"c{i}" for i in range(len(rows[0]))]
    blank = " " * pad
    lines = ["|" + "|".join(f"{blank}{escaped(cell)}{blank}" for cell in row) + "|" for row in [header, *rows]]
    parsed, found = parse_table(block(*lines, indent=indent))
    assert found == []
    assert parsed is not None
    separator = all(cell.count("-") >= 3 and not cell.strip("-") for cell in rows[0])
    assert [list(row) for row in parsed.rows] == rows[separator:]
    for row in parsed.rows:
        for cell in row:
            assert written(cell, lines, indent) == (escaped(cell) or " ")


def escaped(cell: str) -> str:
    """A cell as an author writes it."""
    return cell.replace("|", r"\|")


def written(cell: Text, lines: list[str], indent: int) -> str:
    """What stands in the file at the span of a cell."""
    line = " " * indent + lines[cell.span.line - 2]
    return line[cell.span.column - 1 : cell.span.end - 1]


def test_a_lone_bar_is_a_row_without_its_end() -> None:
    """One bar opens a row and closes none."""
    assert codes("| id | x |", "| a | 1 |", "|") == ["4:3 missing-bar", "4:3 ragged-row"]
