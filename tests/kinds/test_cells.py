"""What a cell means in a column of a type; the cases are data in `tests/cases/expressions/cells.yaml`."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from crm_rules.codes import CODES
from crm_rules.ir.evaluate import Scope, passes
from crm_rules.ir.show import show_test
from crm_rules.ir.types import Boolean, Choice, Date, Integer, Money, Number, Type
from crm_rules.ir.typing import Named, TypeScope, check_test
from crm_rules.kinds.cells import lower_cell
from crm_rules.kinds.findings import Findings
from crm_rules.source import Span, Text

CASES = yaml.safe_load((Path(__file__).parents[1] / "cases/expressions/cells.yaml").read_text(encoding="utf-8"))
TYPES: dict[str, Type] = {
    "number": Number(),
    "whole": Integer(),
    "money": Money("CNY"),
    "choice": Choice(tuple(CASES["columns"]["choice"]["one_of"])),
    "flag": Boolean(),
    "day": Date(),
}


NOTHING = Scope({}, {}, None, {}, {})


def cell(text: str, *, quoted: bool = False) -> Text:
    """A cell of a file."""
    return Text(text, Span("p.yaml", 7, 11, 11 + max(len(text), 1)), quoted=quoted)


def scope() -> TypeScope:
    """One parameter that cells may name."""
    return TypeScope(parameters={"border": Named(Money("CNY"))})


@pytest.mark.parametrize("case", CASES["cells"], ids=lambda case: f"{case['column']} {case['cell']}")
def test_a_cell_of_each_type(case: dict[str, Any]) -> None:
    """Each cell is the test it says, or has exactly the finding it says, within the cell."""
    findings = Findings(scope())
    text = cell(case["cell"], quoted=case.get("quoted", False))
    test = lower_cell(text, TYPES[case["column"]], findings)
    assert [item.code for item in findings.diagnostics] == ([case["finding"]] if "finding" in case else [])
    assert (None if test is None else show_test(test)) == case.get("means")
    for item in findings.diagnostics:
        assert item.severity == CODES[item.code].severity
        assert (item.span.path, item.span.line) == ("p.yaml", 7)
        assert text.span.column <= item.span.column <= text.span.end


PIECES = [
    "5", "-3", "1.5", "500万", "A", "B", "C", '"A"', "true", "2026-01-31", "2026-02-30", "$border", "$none", "<", ">=",
    "..", "[", "]", "(", ")", ",", " ", "not", "missing", "present", "otherwise", "-", "=", "or",
]  # fmt: skip
cells = st.lists(st.sampled_from(PIECES), max_size=8).map("".join) | st.text(max_size=12)


@given(text=cells, kind=st.sampled_from(sorted(TYPES)))
def test_every_text_is_a_test_or_a_finding(text: str, kind: str) -> None:
    """No text raises; without an error there is a test that suits its column, with one there is none."""
    findings = Findings(scope())
    test = lower_cell(cell(text), TYPES[kind], findings)
    assert (test is None) is findings.failed
    assert all(item.code in CODES for item in findings.diagnostics)
    if test is not None:
        check_test(test, TYPES[kind], findings.scope)


@given(
    low=st.integers(-50, 50),
    width=st.integers(1, 20),
    value=st.integers(-80, 80),
    brackets=st.sampled_from(["[]", "[)", "(]", "()"]),
)
def test_an_interval_holds_what_mathematics_says(low: int, width: int, value: int, brackets: str) -> None:
    """A square bracket includes its end, a round one does not."""
    opening, closing = brackets[0], brackets[1]
    high = low + width
    test = lower_cell(cell(f"{opening}{low}..{high}{closing}"), Number(), Findings())
    above = value >= low if opening == "[" else value > low
    below = value <= high if closing == "]" else value < high
    assert test is not None
    assert passes(test, value, NOTHING) is (above and below)


@given(day=st.dates(date(1900, 1, 1), date(2199, 12, 31)), border=st.dates(date(1900, 1, 1), date(2199, 12, 31)))
def test_a_date_is_compared_by_the_calendar(day: date, border: date) -> None:
    """`>= 2026-01-31` holds from that day on."""
    test = lower_cell(cell(f">= {border}"), Date(), Findings())
    assert test is not None
    assert passes(test, day, NOTHING) is (day >= border)


@pytest.mark.parametrize("cell", [">= 5,0000", "007", "[0_1..5]", "-01"])
def test_a_number_with_leading_zeros_is_refused(cell: str) -> None:
    """`5,0000` is no list of 5 and 0: what begins with a zero too many is not the number that was meant."""
    found = Findings()
    text = Text(cell, Span("p.yaml", 1, 1, 1 + len(cell)))
    assert lower_cell(text, Number(), found) is None
    assert [item.code for item in found.diagnostics] == ["wrong-literal"]
    assert lower_cell(Text("0.5", text.span), Number(), Findings()) is not None
