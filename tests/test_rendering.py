"""Diagnostics as text, lines and JSON; tables and markers aligned by screen columns."""

from __future__ import annotations

import json
import re
from datetime import date
from decimal import Decimal
from fractions import Fraction
from unicodedata import category

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_rules.codes import CODES, diagnose
from crm_rules.columns import display_width, pad
from crm_rules.diagnostics import Diagnostic, Label, Report, Severity, Witness
from crm_rules.rendering import render_json, render_line, render_text, summary
from crm_rules.source import Span

PATH = "policies/acme/lead_score.yaml"
SOURCE = "policy: lead\nrules:\n  - when: {客户: 是, employes: '>= 50'}\n"


def finding(span: Span, message: str = "found it", severity: Severity = "error", **more: object) -> Diagnostic:
    """A diagnostic of a code that only this test knows."""
    return Diagnostic("some-code", severity, span, message, **more)  # type: ignore[arg-type]


def test_the_shape_of_a_message() -> None:
    """Header, place, source line, marker with its words, help; markers stand under Chinese text."""
    item = finding(
        Span(PATH, 3, 19, 27),
        "unknown field `employes`",
        note="not declared in fields.yaml",
        help="did you mean `employees`?",
    )
    assert render_text([item], {PATH: SOURCE}) == (
        "error[some-code]: unknown field `employes`\n"
        " --> policies/acme/lead_score.yaml:3:19\n"
        "  |\n"
        "3 |   - when: {客户: 是, employes: '>= 50'}\n"
        "  |                      ^^^^^^^^ not declared in fields.yaml\n"
        "  |\n"
        "  = help: did you mean `employees`?\n"
        "\n"
        "1 error in 1 file"
    )


def test_a_marker_under_chinese_text_is_as_wide_as_the_text() -> None:
    """Two characters of Chinese have a marker of four columns."""
    rows = render_text([finding(Span("f", 1, 1, 3))], {"f": "客户: x"}).splitlines()
    assert rows[4] == "  | ^^^^"


def test_labels_are_shown_in_the_order_of_lines_and_files() -> None:
    """Labels of the same file stand with the finding, far lines are parted, another file has its own place."""
    labels = (Label(Span("f", 1, 1, 2), "first"), Label(Span("g", 2, 1, 3), "other"), Label(Span("h", 9, 1, 2), "gone"))
    item = finding(Span("f", 10, 1, 2), labels=labels)
    sources = {"f": "".join(f"{i}\n" for i in range(10)), "g": "x\nyy\n"}
    assert render_text([item], sources) == (
        "error[some-code]: found it\n"
        "  --> f:10:1\n"
        "   |\n"
        " 1 | 0\n"
        "   | - first\n"
        "...\n"
        "10 | 9\n"
        "   | ^\n"
        "  ::: g:2:1\n"
        "   |\n"
        " 2 | yy\n"
        "   | -- other\n"
        "   |\n"
        "   = note: gone: h:9:1\n"
        "\n"
        "1 error in 1 file"
    )


@pytest.mark.parametrize("sources", [None, {}, {"f": ""}, {"g": "x"}])
def test_without_the_source_the_place_and_the_words_remain(sources: dict[str, str] | None) -> None:
    """A path that is not known, or a line that is not there, is named without its text."""
    text = render_text([finding(Span("f", 7, 1, 2), note="here", help="do it")], sources)
    assert text == "error[some-code]: found it\n --> f:7:1\n  = note: here\n  = help: do it\n\n1 error in 1 file"


def test_a_witness_is_shown_with_its_day() -> None:
    """The record and the day that show a finding stand at its end."""
    witness = Witness({"金额": Decimal("1.10"), "due": date(2026, 1, 2), "paid": None}, date(2026, 11, 21))
    rows = render_text([finding(Span("f", 1, 1, 2), witness=witness)]).splitlines()
    assert rows[2] == "  = witness: 金额=1.10, due=2026-01-02, paid missing; today 2026-11-21"


def test_a_witness_of_two_records_says_what_the_second_has_instead() -> None:
    """A law over two records is shown by both: in words by what differs, in JSON in full."""
    item = finding(Span("f", 1, 1, 2), witness=Witness({"x": 50, "y": 1}, None, {"x": 51, "y": 1}))
    assert render_text([item]).splitlines()[2] == "  = witness: x=50, y=1, and with x=51"
    (found,) = json.loads(render_json([item]))
    assert found["witness"] == {"record": {"x": 50, "y": 1}, "today": None, "other": {"x": 51, "y": 1}}


def test_a_line_for_editors() -> None:
    """Place, severity, code and message, on one line even if the message has several."""
    assert render_line(finding(Span("a/b.yaml", 3, 4, 5), "x\ny")) == "a/b.yaml:3:4: error[some-code]: x�y"


def test_json_has_every_key_and_loses_no_digit() -> None:
    """Each object has the same keys; exact numbers and days are text."""
    record = {"n": 1, "d": Decimal("0.10"), "q": Fraction(1, 3), "b": True, "t": "客", "l": [date(2026, 1, 1)]}
    item = finding(
        Span("f", 1, 2, 3),
        help="h",
        labels=(Label(Span("g", 4, 5, 6), "l"),),
        witness=Witness(record, date(2026, 1, 2)),
    )
    assert json.loads(render_json([item, finding(Span("f", 9, 1, 2))])) == [
        {
            "code": "some-code",
            "severity": "error",
            "message": "found it",
            "note": "",
            "help": "h",
            "span": {"path": "f", "line": 1, "column": 2, "end_column": 3},
            "labels": [{"text": "l", "span": {"path": "g", "line": 4, "column": 5, "end_column": 6}}],
            "witness": {
                "record": {"n": 1, "d": "0.10", "q": "1/3", "b": True, "t": "客", "l": ["2026-01-01"]},
                "today": "2026-01-02",
            },
        },
        {
            "code": "some-code",
            "severity": "error",
            "message": "found it",
            "note": "",
            "help": "",
            "span": {"path": "f", "line": 9, "column": 1, "end_column": 2},
            "labels": [],
            "witness": None,
        },
    ]


def test_the_summary_counts_by_severity_and_file() -> None:
    """Severities that do not occur are not named; nothing found is said in words."""
    place, other = Span("f", 1, 1, 2), Span("g", 1, 1, 2)
    assert summary([finding(place), finding(other), finding(place), finding(place, severity="warning")]) == (
        "3 errors, 1 warning in 2 files"
    )
    assert summary([finding(place, severity="note")]) == "1 note in 1 file"
    assert render_text(Report()) == "no findings"


def test_colour_only_when_asked_and_only_as_paint() -> None:
    """Without its escape sequences the coloured text is the plain one."""
    item = finding(Span(PATH, 3, 19, 27), note="n", help="h", labels=(Label(Span(PATH, 1, 1, 3), "l"),))
    plain, painted = render_text([item], {PATH: SOURCE}), render_text([item], {PATH: SOURCE}, color=True)
    assert "\x1b" not in plain
    assert painted != plain
    assert re.sub(r"\x1b\[[\d;]*m", "", painted) == plain


def test_a_very_long_line_is_shown_around_its_mark() -> None:
    """A line that fits no screen is cut on both sides, and the marker still stands under its text."""
    source = "a" * 1000 + "MARK" + "b" * 1000
    rows = render_text([finding(Span("f", 1, 1001, 1005))], {"f": source}).splitlines()
    assert len(rows[3]) < 200
    assert rows[3].index("MARK") == rows[4].index("^^^^")
    assert rows[3].startswith("1 | …")
    assert rows[3].endswith("…")


@given(source=st.text(), line=st.integers(1, 4), column=st.integers(1, 300), width=st.integers(0, 300), words=st.text())
def test_no_text_can_steer_the_terminal(source: str, line: int, column: int, width: int, words: str) -> None:
    """Whatever the source and the words: no control character comes out, and nothing raises."""
    item = finding(Span("f", line, column, column + width), words, note=words, help=words)
    text = render_text([item], {"f": source})
    assert not any(category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for character in text.replace("\n", " "))
    text.encode("utf-8")


@given(text=st.text("ab客户é１ｱ"), width=st.integers(0, 30))
def test_padding_fills_to_the_width(text: str, width: int) -> None:
    """A padded text is as wide as asked, or as it was when it is wider; it keeps its characters."""
    for padded in (pad(text, width), pad(text, width, "right")):
        assert display_width(padded) == max(width, display_width(text))
        assert padded.strip(" ") == text


def test_width_of_characters() -> None:
    """Chinese and full-width characters take two columns, combining marks none."""
    assert [display_width(text) for text in ("a", "客", "１", "ｱ", "e\u0301", "", "😀")] == [1, 2, 2, 1, 1, 0, 2]


def test_every_code_has_a_page_an_author_can_read() -> None:
    """A title without a full stop, and a page of a few short lines."""
    for name, code in CODES.items():
        assert name == name.lower().strip("-")
        assert not code.title.endswith(".")
        assert 1 < len(code.page.splitlines()) <= 9
        assert all(len(line) <= 120 for line in code.page.splitlines())


def test_a_diagnostic_of_an_unknown_code_cannot_be_made() -> None:
    """The table is complete, because a code that is not in it is refused."""
    with pytest.raises(KeyError):
        diagnose("no-such-code", Span("f", 1, 1, 2), "x")
