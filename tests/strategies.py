"""Hypothesis strategies: well-typed programs of every shape, days, and records near their borders.

`programs()` draws small programs (up to four fields, six rows) that `check` accepts; `cases(program)`
draws a day and a record whose facts lie on the program's borders, one unit or one day beside them,
are missing, or are bad in the ways that real data is bad. `values(program, today)` are accepted values.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from crm_rules.ir.nodes import (
    Value,
)
from crm_rules.ir.program import (
    Program,
)
from crm_rules.ir.record import Rejected, accept, is_missing
from tests.fact_strategies import DATES, Draw, chance, constants, facts_near, parts, todays
from tests.plugin_functions import DECLARED, FUNCTIONS
from tests.program_strategies import programs

__all__ = [
    "BAD_FACTS",
    "DATES",
    "DECLARED",
    "FUNCTIONS",
    "cases",
    "constants",
    "parts",
    "programs",
    "records",
    "todays",
    "values",
]

BAD_FACTS: tuple[Any, ...] = (
    True, 1, 0, "1", "", "unknown choice", "2026-01-31", float("nan"), float("inf"), -float("inf"), 1e40, 1e-40,
    Decimal("1.0000000000000000000000000000000001"), Decimal("NaN"), Decimal("1e5000"), Decimal("sNaN"), 10**40,
    Fraction(1, 3), 1.5, datetime(2026, 1, 31, 12, 30), datetime(2026, 1, 31, tzinfo=UTC),  # noqa: DTZ001
    date(1899, 12, 31), date(2200, 1, 1), [], {}, b"A", 1j,
)  # fmt: skip


@st.composite
def records(draw: Draw, program: Program, *, today: date | None = None, bad: bool = True) -> dict[str, Any]:
    """A record of facts near the program's borders; with `bad`, half of them have facts nobody may accept."""
    borders = constants(program)
    spoiled = bad and draw(st.booleans())
    record: dict[str, Any] = {}
    for one in program.fields:
        may_miss = one.optional or one.default is not None
        if may_miss and chance(draw, 4):
            if draw(st.booleans()):
                record[one.name] = None
        elif spoiled and chance(draw, 3):
            if not chance(draw, 6):
                record[one.name] = draw(st.sampled_from(BAD_FACTS))
        else:
            record[one.name] = draw(facts_near(one, borders, today=today))
            if not bad and one.name == "currency":
                record[one.name] = "CNY"
    if chance(draw, 4):
        record["not declared"] = draw(st.sampled_from(BAD_FACTS))
    return record


@st.composite
def cases(draw: Draw, program: Program, *, bad: bool = True) -> tuple[dict[str, Any], date]:
    """A record and a day that belong together: dates lie near the day plus the program's numbers."""
    today = draw(todays(program))
    return draw(records(program, today=today, bad=bad)), today


@st.composite
def values(draw: Draw, program: Program, today: date | None = None) -> dict[str, Value | None]:
    """Accepted values, as `read_record` hands them to `evaluate`, near the program's borders."""
    record = draw(records(program, today=today, bad=False))
    found: dict[str, Value | None] = {}
    for one in program.fields:
        fact = record.get(one.name)
        value = None if is_missing(fact) else accept(one, fact)
        assert not isinstance(value, Rejected), (one, fact, value)
        found[one.name] = one.default if value is None else value
    return found
