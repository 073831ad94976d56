"""The days looked at have every piece that exists between borders on any day from 1900 to 2199."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from crm_rules.ir import days
from crm_rules.ir.nodes import AddTime, Bound, Constant, DatePart, Expr, FieldValue, ParameterValue, Today, Within
from crm_rules.ir.program import Column, Dated, Field, Output, Parameter, Program, Row, Table
from crm_rules.ir.types import Choice, Date, Integer
from crm_rules.questions.todays import USUAL, moving, picture, representatives

KIND = Choice(("a", "b"))
D, E = FieldValue("d"), FieldValue("e")
SINCE = (date(2024, 2, 29), date(2027, 1, 1), date(2100, 2, 28), date(2199, 12, 31), date(1900, 1, 1))
OPENING = Parameter("opening", Date(), (Dated(None, date(2026, 11, 21)),))
LENGTHS = (0, 1, -1, 2, 3, 6, 12, 13, -12, 28, 29, 30, 31, 60, 90, 365, 366, 1200)


def moved(count: int, unit: Any) -> Expr:
    """Today and so many units more."""
    return AddTime(Today(), Constant(count, Integer()), unit)


@st.composite
def border_programs(draw: Any) -> Program:
    """One or two date fields beside borders that move by days or months, fixed ones, and parameters."""
    count = Parameter(
        "count", Integer("month"), (Dated(None, 1), *(Dated(day, draw(st.integers(0, 13))) for day in draw(dated())))
    )
    moving_borders = st.one_of(
        st.just(Today()),
        st.builds(moved, st.sampled_from(LENGTHS), st.sampled_from(["day", "day", "month", "month", "week", "year"])),
        st.just(AddTime(Today(), ParameterValue("count"), "month")),
    )
    fixed = st.one_of(
        st.builds(
            lambda day: Constant(day, Date()), st.sampled_from([date(2026, 2, 28), date(2030, 1, 31), date(1901, 1, 1)])
        ),
        st.just(ParameterValue("opening")),
    )
    columns = tuple(Column(one.name, one, Date()) for one in draw(st.sampled_from([(D,), (D,), (D, E)])))
    row = st.builds(
        lambda *ends: tuple(Within(None, Bound(end, closed=True)) for end in ends),
        *(st.one_of(moving_borders, moving_borders, fixed) for _ in columns),
    )
    rows = draw(st.lists(row, min_size=1, max_size=4))
    table = Table(
        "rules",
        columns,
        tuple(Row(f"r{index}", tests, (Constant("a", KIND),)) for index, tests in enumerate(rows)),
        (("out", KIND),),
        "first",
    )
    limits = draw(st.sampled_from([(None, None), (date(2020, 1, 1), date(2030, 12, 31)), (date(2026, 3, 31), None)]))
    fields = (Field("d", Date(), low=limits[0], high=limits[1]), Field("e", Date(), optional=True))
    opening = Parameter("opening", Date(), (*OPENING.values, *(Dated(day, day) for day in draw(dated()))))
    outputs = (Output("out", KIND, Constant("a", KIND)),)
    return Program("policy", "1.0.0", "table", fields, (count, opening), (table,), outputs)


def dated() -> st.SearchStrategy[list[date]]:
    """Days from which a parameter changes, in order."""
    return st.lists(st.sampled_from(SINCE), max_size=2, unique=True).map(sorted)


def any_day() -> st.SearchStrategy[date]:
    """Days anywhere, at the ends of months, around leap days, and beside the days on which parameters change."""
    ends = st.builds(
        lambda year, month, back: date(year, month, days.last_day(year, month)) - timedelta(days=back),
        st.sampled_from([1900, 1999, 2000, 2023, 2024, 2026, 2027, 2028, 2099, 2100, 2101, 2104, 2199]),
        st.integers(1, 12),
        st.integers(0, 3),
    )
    beside = st.builds(
        lambda day, shift: min(max(day + timedelta(days=shift), days.FIRST), days.LAST),
        st.sampled_from([*SINCE, date(2030, 1, 31), date(2020, 1, 1), date(2026, 2, 28)]),
        st.integers(-400, 400),
    )
    return st.one_of(ends, ends, beside, st.dates(days.FIRST, days.LAST))


def epoch(program: Program, day: date) -> tuple[Any, ...]:
    """The values of the parameters on a day."""
    return tuple(one.at(day) for one in program.parameters)


@given(border_programs(), st.lists(any_day(), min_size=20, max_size=60))
def test_no_day_has_a_piece_that_no_representative_has(program: Program, sampled: list[date]) -> None:
    """On any day the pieces between the borders are among those of one representative day with the same parameters."""
    found = representatives(program)
    if found.inexact:
        return
    axes, _ = moving(program)
    known = [(epoch(program, day), picture(program, axes, day)) for day in found.days if day is not None]
    for day in sampled if axes else ():
        here = picture(program, axes, day)
        assert any(
            values == epoch(program, day) and all(mine <= its for mine, its in zip(here, one, strict=True))
            for values, one in known
        ), day


@given(border_programs(), st.dates(days.FIRST, days.LAST))
def test_the_days_are_the_same_twice(program: Program, near: date) -> None:
    """The days lie in the calendar and differ, and are the same twice."""
    found = representatives(program, near)
    assert found == representatives(program, near)
    assert len(set(found.days)) == len(found.days) > 0
    assert found.days == (None,) or all(day is not None and days.FIRST <= day <= days.LAST for day in found.days)


def of(*columns: Column, tests: tuple[Any, ...]) -> Program:
    """A program of one row."""
    table = Table("rules", columns, (Row("r", tests, (Constant("a", KIND),)),), (("out", KIND),))
    fields = (Field("d", Date()), Field("e", Date()))
    return Program("policy", "1.0.0", "table", fields, (), (table,), (Output("out", KIND, Constant("a", KIND)),))


def test_what_does_not_read_the_day_is_asked_on_none() -> None:
    """Without `today` and dated parameters there is one place to look, and it is no day."""
    fixed = Within(None, Bound(Constant(date(2026, 1, 1), Date()), closed=True))
    assert representatives(of(Column("d", D, Date()), tests=(fixed,))).days == (None,)


def test_one_moving_border_needs_one_day() -> None:
    """A border a month away moves alike on every day; the usual day is enough."""
    within = Within(None, Bound(moved(1, "month"), closed=True))
    assert representatives(of(Column("d", D, Date()), tests=(within,))).days == (USUAL,)
    assert representatives(of(Column("d", D, Date()), tests=(within,)), date(2027, 3, 1)).days == (date(2027, 3, 1),)


def test_a_column_over_the_day_itself_is_not_followed() -> None:
    """The month of today is told as something that other days may answer otherwise."""
    june = Within(None, Bound(Constant(6, Integer()), closed=True))
    month = Column("month", DatePart(Today(), "month"), Integer())
    assert representatives(of(month, tests=(june,))).inexact == ("month",)
