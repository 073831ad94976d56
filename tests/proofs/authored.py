"""Small programs as authors write them: few fields, few borders, so that rows meet, mask and leave gaps often.

`tests.strategies.programs` has every node; here nearly every program can be proven, so that silence can be tested too.
Every table, row and output has a line of its own, by which a finding is traced back to what it is about.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from fractions import Fraction
from typing import Any, TypeAlias

from hypothesis import strategies as st

from crm_rules.ir import days
from crm_rules.ir.nodes import (
    ANYTHING,
    Add,
    AddTime,
    AnyOf,
    Bound,
    Coalesce,
    Constant,
    DatePart,
    DaysBetween,
    Divide,
    Expr,
    FieldValue,
    IsMissing,
    IsPresent,
    MonthsBetween,
    Nothing,
    NotPassing,
    OneOf,
    ParameterValue,
    StartedMonths,
    StepValue,
    Subtract,
    Test,
    Today,
    Within,
)
from crm_rules.ir.program import (
    Aggregation,
    Column,
    Dated,
    Derive,
    Field,
    Output,
    Parameter,
    Program,
    Row,
    Step,
    Table,
    Total,
)
from crm_rules.ir.types import Boolean, Choice, Date, Integer, Number, Type
from crm_rules.source import Span

Draw: TypeAlias = Any
TODAY = date(2026, 11, 21)
DAY, MONTH = Integer("day"), Integer("month")
GRADES = Choice(("A", "B", "C"))
FIELDS = (
    Field("kind", Choice(("new", "old", "lost"))),
    Field("count", Integer(), low=0, high=9),
    Field("due", Date(), optional=True),
    Field("paid", Boolean(), optional=True),
    Field("rate", Number(), low=0, high=1, decimals=2),
    Field("size", Number(), optional=True),
    Field("total", Integer(), optional=True, default=3),
    Field("since", Date(), low=date(2020, 1, 1), high=date(2030, 12, 31)),
)
BORDERS: Mapping[str, tuple[Any, ...]] = {
    "count": (0, 1, 2, 5, 9, 12),
    "due": (TODAY, date(2026, 2, 28), date(2030, 1, 1)),
    "rate": (0, Fraction(1, 10), Fraction(1, 2), 1, Fraction(1, 1000)),
    "size": (0, -1, Fraction(5, 2), 10**12, 10**32, Fraction(1, 10**20)),
    "total": (0, 3, 10, -(10**9)),
    "since": (date(2020, 1, 1), TODAY, date(2031, 1, 1), date(2030, 12, 31)),
    "days": (0, -1, 1, 28, 30, 31, 365),
    "months": (0, 1, 2, 6, 12),
    "ratio": (0, 1, Fraction(1, 2), 2),
    "sum": (0, 3, 5, 10),
    "month": (1, 2, 6, 12, 13),
}
DERIVED: Mapping[str, tuple[Expr, Type, tuple[str, ...], str]] = {
    "days_to_due": (DaysBetween(Today(), FieldValue("due")), DAY, ("due",), "days"),
    "months_to_due": (StartedMonths(Today(), FieldValue("due")), MONTH, ("due",), "months"),
    "months_since": (MonthsBetween(FieldValue("since"), Today()), MONTH, ("since",), "months"),
    "due_month": (DatePart(FieldValue("due"), "month"), Integer(), ("due",), "month"),
    "late_by": (DaysBetween(FieldValue("since"), FieldValue("due")), DAY, ("since", "due"), "days"),
    "share": (Divide(FieldValue("size"), FieldValue("count")), Number(quotient=True), ("size", "count"), "ratio"),
    "both": (Add(FieldValue("count"), FieldValue("total")), Integer(), ("count", "total"), "sum"),
    "more": (Subtract(FieldValue("count"), FieldValue("total")), Integer(), ("count", "total"), "sum"),
    "known": (Coalesce((FieldValue("size"), FieldValue("rate"))), Number(), ("size", "rate"), "size"),
}


def chance(draw: Draw, one_in: int) -> bool:
    """True in about one draw of `one_in`."""
    return bool(draw(st.integers(0, one_in - 1)) == one_in - 1)


def border(draw: Draw, kind: Type, borders: tuple[Any, ...], parameters: tuple[Parameter, ...]) -> Expr:
    """A constant, or a parameter of that type."""
    named = [one for one in parameters if one.type == kind]
    if named and chance(draw, 3):
        return ParameterValue(draw(st.sampled_from(named)).name)
    plain = replace(kind, quotient=False) if isinstance(kind, Number) else kind
    return Constant(draw(st.sampled_from(borders)), plain)


def cell(  # noqa: C901 - one case a shape
    draw: Draw, kind: Type, borders: tuple[Any, ...], parameters: tuple[Parameter, ...]
) -> Test:
    """One cell of a column."""
    shape = draw(st.integers(0, 11))
    if shape <= 2:
        return ANYTHING
    if shape == 3:
        return draw(st.sampled_from([IsMissing(), IsPresent()]))  # type: ignore[no-any-return]
    inner: Test
    match kind:
        case Choice(one_of):
            some = draw(st.lists(st.sampled_from(one_of), min_size=1, max_size=2, unique=True))
            inner = OneOf(tuple(Constant(value, kind) for value in some))
        case Boolean():
            inner = OneOf((Constant(draw(st.booleans()), kind),))
        case _:
            one, other = (border(draw, kind, borders, parameters) for _ in range(2))
            side = draw(st.integers(0, 4))
            if side == 0:
                inner = OneOf((one,))
            elif side == 1:
                inner = Within(Bound(one, draw(st.booleans())), Bound(other, draw(st.booleans())))
                if isinstance(one, Constant) and isinstance(other, Constant):
                    low, high = sorted((one, other), key=lambda end: end.value)
                    closed = low == high
                    inner = Within(
                        Bound(low, closed or draw(st.booleans())), Bound(high, closed or draw(st.booleans()))
                    )
            elif side % 2:
                inner = Within(Bound(one, draw(st.booleans())), None)
            else:
                inner = Within(None, Bound(one, draw(st.booleans())))
    if shape == 4:
        return NotPassing(inner)
    if shape == 5:
        return AnyOf((inner, IsMissing()))
    return inner


class Author:
    """A program while it is being drawn."""

    def __init__(self, draw: Draw) -> None:
        self.draw = draw
        self.fields: dict[str, Field] = {}
        self.steps: list[Step] = []
        self.parameters: tuple[Parameter, ...] = ()
        self.later: list[tuple[Column, tuple[Any, ...]]] = []

    def with_parameters(self) -> None:
        """A plain parameter, a dated one, or none."""
        found = []
        if chance(self.draw, 3):
            found.append(Parameter("few", Integer(), (Dated(None, self.draw(st.sampled_from(BORDERS["count"]))),)))
        if chance(self.draw, 4):
            found.append(
                Parameter(
                    "long", MONTH, (Dated(None, 2), Dated(date(2027, 1, 1), self.draw(st.sampled_from((1, 2, 6)))))
                )
            )
        if chance(self.draw, 6):
            found.append(
                Parameter("opening", Date(), (Dated(None, TODAY), Dated(date(2027, 3, 31), date(2028, 2, 29))))
            )
        self.parameters = tuple(found)

    def field(self, name: str) -> None:
        """Declare a field."""
        self.fields[name] = next(one for one in FIELDS if one.name == name)

    def column(self) -> tuple[Column, tuple[Any, ...]]:
        """A column over a field, a derived step or what an earlier table gave, with the borders that it may test."""
        if self.later and chance(self.draw, 2):
            return self.draw(st.sampled_from(self.later))  # type: ignore[no-any-return]
        if chance(self.draw, 3):
            name = self.draw(st.sampled_from(sorted(DERIVED)))
            expr, kind, needed, borders = DERIVED[name]
            for one in needed:
                self.field(one)
            if all(step.id != name for step in self.steps):
                self.steps.append(Derive(name, expr, kind))
            return Column(name, StepValue(name, name), kind), BORDERS[borders]
        one = self.draw(st.sampled_from(FIELDS))
        self.field(one.name)
        return Column(one.name, FieldValue(one.name), one.type), BORDERS.get(one.name, ())

    def columns(self, most: int) -> list[tuple[Column, tuple[Any, ...]]]:
        """One or more columns, no two of one name."""
        found = [self.column() for _ in range(self.draw(st.integers(1, most)))]
        return list({column.name: (column, borders) for column, borders in found}.values())

    def rows(
        self,
        columns: list[tuple[Column, tuple[Any, ...]]],
        filled: Callable[[], tuple[Expr, ...]],
        most: int = 5,
    ) -> tuple[Row, ...]:
        """Rows over the columns, the last one now and then `otherwise`."""
        count = self.draw(st.integers(1, most))
        rows = [
            Row(
                f"r{index}",
                tuple(cell(self.draw, column.type, borders, self.parameters) for column, borders in columns),
                filled(),
            )
            for index in range(count)
        ]
        if chance(self.draw, 3):
            rows.append(Row(f"r{count}", (ANYTHING,) * len(columns), filled(), otherwise=True))
        return tuple(rows)

    def table(self, name: str) -> tuple[Output, ...]:
        """A table of any hit policy, which later tables may test."""
        columns = self.columns(3)
        policy = self.draw(st.sampled_from(["unique", "first", "first", "any", "collect"]))
        aggregation: Aggregation | None = None
        kind: Type = self.draw(st.sampled_from([GRADES, GRADES, Integer(), Date()]))
        if policy == "collect":
            aggregation = self.draw(st.sampled_from(["list", "sum", "min", "max", "count"]))
            kind = Integer()
        optional = policy == "first" and chance(self.draw, 4)

        def filled() -> tuple[Expr, ...]:
            match kind:
                case Choice(one_of):
                    if policy == "first" and chance(self.draw, 8):
                        return (Nothing(kind),)
                    return (Constant(self.draw(st.sampled_from(one_of)), kind),)
                case Date():
                    computed = AddTime(Today(), Constant(self.draw(st.integers(0, 2)), MONTH), "month")
                    self.field("since")
                    return (
                        self.draw(
                            st.sampled_from(
                                [
                                    computed,
                                    Today(),
                                    FieldValue("since"),
                                    AddTime(FieldValue("since"), Constant(1, DAY), "day"),
                                ]
                            )
                        ),
                    )
                case _:
                    return (Constant(self.draw(st.integers(0, 3)), kind),)

        rows = self.rows(columns, filled)
        table = Table(name, tuple(one for one, _ in columns), rows, (("out", kind),), policy, aggregation, optional)
        self.steps.append(table)
        subject = StepValue(name, "out")
        if aggregation != "list" and not isinstance(kind, Date):
            given: Type = Integer() if aggregation == "count" else kind
            self.later.append((Column(f"{name}_out", subject, given), BORDERS["sum"]))
            return (Output(name, given, subject, optional=True),)
        if isinstance(kind, Date):
            return (Output(name, kind, subject, optional=True),)
        return ()

    def scorecard(self) -> tuple[Output, ...]:
        """Characteristics that may share fields, a weighted total, bands and perhaps an override."""
        names = [f"part{index}" for index in range(self.draw(st.integers(1, 3)))]
        for name in names:
            columns = self.columns(1)
            rows = self.rows(columns, lambda: (Constant(self.draw(st.integers(0, 4)), Integer()),), 3)
            policy = self.draw(st.sampled_from(["unique", "first"]))
            self.steps.append(
                Table(name, tuple(c for c, _ in columns), rows, (("points", Integer()),), policy, role="characteristic")
            )
        weights = tuple((name, self.draw(st.sampled_from([1, 1, 2, -1]))) for name in names)
        self.steps.append(Total("total", self.draw(st.sampled_from([0, 3])), weights, Integer()))
        column = (Column("total", StepValue("total", "points"), Integer()), (0, 2, 3, 5, 8))

        def grade() -> tuple[Expr, ...]:
            return (Constant(self.draw(st.sampled_from(GRADES.one_of)), GRADES),)

        bands = self.rows([column], grade, 4)
        self.steps.append(Table("bands", (column[0],), bands, (("grade", GRADES),), role="band"))
        expr: Expr = StepValue("bands", "grade")
        if chance(self.draw, 2):
            columns = self.columns(2)
            rows = tuple(row for row in self.rows(columns, grade, 2) if not row.otherwise)
            outs = (("grade", GRADES),)
            self.steps.append(
                Table("overrides", tuple(c for c, _ in columns), rows, outs, "first", optional=True, role="override")
            )
            expr = Coalesce((StepValue("overrides", "grade"), expr))
        return (Output("grade", GRADES, expr, optional=True),)


@st.composite
def authored(draw: Draw, *, shape: str = "") -> Program:
    """A program of one table, of several, or a scorecard."""
    author = Author(draw)
    author.with_parameters()
    kind = shape or draw(st.sampled_from(["table", "table", "tables", "scorecard"]))
    outputs: tuple[Output, ...] = ()
    if kind == "scorecard":
        outputs = author.scorecard()
    else:
        for name in ("first", "second", "third")[: 1 if kind == "table" else draw(st.integers(2, 3))]:
            outputs = (*outputs, *author.table(name))
    outputs = outputs[-1:] or (Output("nothing", Integer(), Constant(0, Integer())),)
    fields = tuple(one for one in FIELDS if one.name in author.fields) or FIELDS[:1]
    return placed(Program("policy", "1.0.0", kind, fields, author.parameters, tuple(author.steps), outputs))


def placed(program: Program) -> Program:
    """The program with a line of its own for each table (1000, 2000, …), row (1001, …) and output (1, …)."""
    steps: list[Step] = []
    tables = 0
    for step in program.steps:
        if isinstance(step, Table):
            tables += 1
            line = 1000 * tables
            rows = tuple(replace(row, span=at(line + 1 + index)) for index, row in enumerate(step.rows))
            steps.append(replace(step, rows=rows, span=at(line)))
        else:
            steps.append(step)
    outputs = tuple(replace(one, span=at(1 + index)) for index, one in enumerate(program.outputs))
    return replace(program, steps=tuple(steps), outputs=outputs, span=at(999))


def at(line: int) -> Span:
    """The place of a line."""
    return Span("policy.yaml", line, 1, 2)


def table_at(program: Program, span: Span) -> Table | None:
    """The table that a finding is about."""
    return program.tables[span.line // 1000 - 1] if span.line >= 1000 else None


def row_at(span: Span) -> int | None:
    """The row that a finding is about, by its place in its table."""
    place = span.line % 1000 - 1
    return place if span.line >= 1000 and place >= 0 else None


def in_range(day: date) -> date:
    """The nearest day of 1900 to 2199."""
    return min(max(day, days.FIRST), days.LAST)
