"""What a formula gives; the cases are data in `tests/cases/expressions/formulas.yaml`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from crm_rules.codes import CODES
from crm_rules.ir.types import Choice, Date, Integer, Money, Number, Type, show_type
from crm_rules.ir.typing import Named, TypeScope, type_of
from crm_rules.kinds.findings import Findings
from crm_rules.kinds.formulas import FUNCTIONS, lower_formula
from crm_rules.source import Span, Text

CASES = yaml.safe_load((Path(__file__).parents[1] / "cases/expressions/formulas.yaml").read_text(encoding="utf-8"))
MADE: dict[str, Any] = {
    "money": lambda field: Money(field["unit"]),
    "integer": lambda _: Integer(),
    "number": lambda _: Number(),
    "date": lambda _: Date(),
    "choice": lambda field: Choice(tuple(field["one_of"])),
}


def scope() -> TypeScope:
    """The fields of the cases and one parameter."""
    fields: dict[str, Type] = {name: MADE[field["type"]](field) for name, field in CASES["fields"].items()}
    named = {name: Named(kind) for name, kind in fields.items()}
    return TypeScope(fields=named, parameters={"allowance": Named(Money("CNY"))})


def formula(text: str) -> Text:
    """A formula of a file; its first character is in column 1."""
    return Text(text, Span("p.yaml", 7, 1, 1 + max(len(text), 1)))


@pytest.mark.parametrize("case", CASES["formulas"], ids=lambda case: case["formula"])
def test_a_formula(case: dict[str, Any]) -> None:
    """Each formula has the type it says, or the finding it says at the column it says."""
    findings = Findings(scope())
    lowered = lower_formula(formula(case["formula"]), findings)
    found = [{"finding": item.code, "at": item.span.column} for item in findings.diagnostics]
    gives = [] if lowered is None else [{"gives": show_type(lowered[1])}]
    assert gives + found == [{key: value for key, value in case.items() if key != "formula"}]


words = st.sampled_from([*CASES["fields"], *FUNCTIONS, "today", "$allowance", "5", "0.1", "half_up", "2026-01-31"])
texts = st.lists(words | st.sampled_from([" + ", " - ", " * ", " / ", "(", ")", ", "]), max_size=10).map("".join)


@given(text=texts | st.text(max_size=12))
def test_every_text_is_an_expression_or_a_finding(text: str) -> None:
    """No text raises; an expression has the type that is said of it."""
    findings = Findings(scope())
    lowered = lower_formula(formula(text), findings)
    assert (lowered is None) is findings.failed
    assert all(item.code in CODES for item in findings.diagnostics)
    if lowered is not None:
        assert type_of(lowered[0], findings.scope) == lowered[1]


def test_every_function_shows_how_it_is_called() -> None:
    """The words for a wrong number of arguments name the function itself."""
    assert all(shape.written.startswith(f"{name}(") for name, shape in FUNCTIONS.items())
