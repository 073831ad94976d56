"""Hypothesis strategies for well-typed programs of every shape: fields, parameters, expressions, tests, tables."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from itertools import pairwise
from typing import get_args

from hypothesis import strategies as st

from crm_rules.ir.nodes import (
    ANYTHING,
    Absolute,
    Add,
    AddTime,
    AnyOf,
    Bound,
    Call,
    Coalesce,
    Constant,
    DatePart,
    DaysBetween,
    Divide,
    Expr,
    FieldValue,
    Holds,
    IsMissing,
    IsPresent,
    LatestStart,
    Maximum,
    Minimum,
    MonthsBetween,
    Multiply,
    Negate,
    Nothing,
    NotPassing,
    OneOf,
    ParameterValue,
    Part,
    Round,
    StartedMonths,
    StepValue,
    Subtract,
    Test,
    TimeUnit,
    Today,
    Within,
)
from crm_rules.ir.numbers import ROUNDING_MODES, decimals_of
from crm_rules.ir.program import (
    Aggregation,
    Column,
    Dated,
    Derive,
    Field,
    Label,
    Output,
    Parameter,
    Program,
    Row,
    Step,
    Table,
    Total,
)
from crm_rules.ir.types import Boolean, Choice, Date, Integer, ListOfValues, Money, Number, Text, Type, is_numeric
from crm_rules.testing.facts import (
    DATES,
    OPTIONS,
    Draw,
    chance,
    coin,
    constants_of,
    facts_near,
    number_below,
    parts,
    pick,
    plain,
)

FIELD_NAMES = ("amount", "客户类型", "class", "due_date", "select", "日期", "x1", "need")
STEP_NAMES = ("derived", "派生", "lambda", "second", "late_by")
PARAMETER_NAMES = ("big", "期限", "small")
ROW_IDS = ("top", "r-2", "r.3", "第四", "None", "r6")
PARTS: tuple[Part, ...] = get_args(Part)
TIME_UNITS: tuple[TimeUnit, ...] = get_args(TimeUnit)
DAY = Integer("day")
MONTH = Integer("month")
CNY = Money("CNY")
LONGEST = 12
LABELS = (Label(), Label("Top", "最高"), Label(zh="金额"))
FIELD_TYPES: st.SearchStrategy[Type] = st.one_of(
    st.sampled_from([Date(), Integer(), Number(), CNY, Boolean(), Text()]),
    st.lists(st.sampled_from(OPTIONS), min_size=2, max_size=4, unique=True).map(lambda x: Choice(tuple(x))),
)
CHANGES = st.sets(st.sampled_from(DATES[:6]), min_size=1, max_size=2)  # days on which a parameter changes


@dataclass
class Scope:
    """What an expression of the program being drawn may use, with its type; `calls` allows plug-in functions.

    `sizes` keeps numbers short: `check` refuses sums of sums and products of products without end.
    """

    leaves: list[tuple[Expr, Type]] = field(default_factory=list)
    parameters: list[tuple[Expr, Type]] = field(default_factory=list)
    calls: bool = False
    sizes: dict[str, int] = field(default_factory=dict)

    def size(self, expr: Expr) -> int:
        """How many facts and constants an expression combines, through the earlier steps."""
        found = 0
        for node in parts(expr):
            match node:
                case StepValue(step, _):
                    found += self.sizes.get(step, 1)
                case FieldValue() | ParameterValue() | Constant() | Round():
                    found += 1
                case _:
                    pass
        return found

    def of(self, kind: Type) -> list[Expr]:
        """The leaves of exactly that type, parameters included."""
        return [expr for expr, type_ in (*self.leaves, *self.parameters) if type_ == kind]


@cache
def one_or_two(options: tuple[str, ...]) -> st.SearchStrategy[list[str]]:
    """One or two of some options."""
    return st.lists(st.sampled_from(options), min_size=1, max_size=2, unique=True)


@st.composite
def programs(draw: Draw, *, calls: bool = False) -> Program:
    """A small well-typed program; `calls` lets it use the functions of `crm_rules.testing.functions`."""
    fields = draw_fields(draw)
    parameters = draw_parameters(draw, fields)
    scope = Scope(
        [(FieldValue(one.name), one.type) for one in fields],
        [(ParameterValue(one.name), one.type) for one in parameters],
        calls,
    )
    steps: list[Step] = []
    for name in STEP_NAMES[: number_below(draw, 4)]:
        kind = pick(draw, derivable(scope))
        expr = draw_expr(draw, scope, kind, 2)
        if scope.size(expr) > LONGEST and not is_quotient(kind):
            expr = draw_leaf(draw, scope, kind)
        if scope.size(expr) > LONGEST:
            expr, kind = Today(), Date()
        scope.sizes[name] = scope.size(expr)
        steps.append(Derive(name, expr, kind, label=pick(draw, LABELS)))
        scope.leaves.append((StepValue(name, name), kind))
    shape = pick(draw, ["tables", "ladder", "scorecard", "derived"])
    match shape:
        case "tables":
            outputs = draw_tables(draw, scope, steps)
        case "ladder":
            outputs = draw_ladder(draw, scope, steps)
        case "scorecard":
            outputs = draw_scorecard(draw, scope, steps)
        case _:
            outputs = ()
    if not outputs or chance(draw, 3):
        kind = pick(draw, [one for one in derivable(scope) if not is_quotient(one)])
        extra = draw_expr(draw, scope, kind, 2)
        outputs += (Output("extra", kind, extra, optional=True),)
    return Program("policy", "1.0.0", shape, tuple(fields), tuple(parameters), tuple(steps), outputs)


def is_quotient(kind: Type) -> bool:
    """True for a type whose values may have no finite decimal form."""
    return isinstance(kind, Number | Money) and kind.quotient


def derivable(scope: Scope) -> list[Type]:
    """The types that a derived field may have."""
    kinds: list[Type] = [DAY, MONTH, Date(), Boolean(), Integer(), Number(), CNY, Number(quotient=True)]
    return kinds + [kind for _, kind in scope.leaves if isinstance(kind, Choice)]


def draw_fields(draw: Draw) -> list[Field]:
    """One to four fields of any types."""
    found = []
    for name in FIELD_NAMES[: 1 + number_below(draw, 4)]:
        kind = draw(FIELD_TYPES)
        optional = chance(draw, 3)
        low = high = decimals = default = currency = None
        if is_numeric(kind) or isinstance(kind, Date):
            borders = sorted(draw(constants_of(kind)) for _ in range(2))
            low = borders[0] if chance(draw, 4) else None
            high = borders[1] if chance(draw, 4) else None
            if isinstance(kind, Number | Money) and chance(draw, 3):
                decimals = pick(draw, [2, 0, 6])
                low = None if low is None or decimals_of(low) > decimals else low
                high = None if high is None or decimals_of(high) > decimals else high
        if isinstance(kind, Money) and chance(draw, 6):
            currency = "currency"
        one = Field(name, kind, optional, None, low, high, decimals, currency, chance(draw, 5))
        if chance(draw, 5):
            default = draw(facts_near(one, [], plain=True))
        found.append(dataclasses.replace(one, default=default, label=pick(draw, LABELS)))
    if any(one.currency for one in found):
        found.append(Field("currency", Choice(("CNY", "USD"))))
    return found


def draw_parameters(draw: Draw, fields: list[Field]) -> list[Parameter]:
    """Up to two parameters, plain or dated, that always have a value."""
    found = []
    kinds = [one.type for one in fields if not isinstance(one.type, Text | Boolean)]
    for name in PARAMETER_NAMES[: number_below(draw, 3)]:
        kind = pick(draw, [Integer(), DAY, MONTH, Date(), CNY, *kinds])
        sinces: list[date | None] = [None]
        if chance(draw, 2):
            sinces += sorted(draw(CHANGES))
        dated = tuple(Dated(since, draw(constants_of(kind))) for since in sinces)
        found.append(Parameter(name, kind, dated))
    return found


def draw_constant(draw: Draw, kind: Type) -> Expr:
    """A constant of a type."""
    return Constant(draw(constants_of(kind)), plain(kind))


def draw_leaf(draw: Draw, scope: Scope, kind: Type) -> Expr:
    """A field, an earlier step, a parameter, today or a constant."""
    leaves = scope.of(kind)
    if isinstance(kind, Date):
        leaves.append(Today())
    if leaves and not chance(draw, 4):
        return pick(draw, leaves)  # type: ignore[no-any-return]
    return Nothing(plain(kind)) if chance(draw, 12) else draw_constant(draw, kind)


def draw_expr(draw: Draw, scope: Scope, kind: Type, depth: int) -> Expr:  # noqa: C901, PLR0911, PLR0912 - one case a node
    """A well-typed expression of a type."""
    if is_quotient(kind):
        unit = plain(kind)
        below = draw_expr(draw, scope, unit, depth - 1) if isinstance(unit, Number) else draw_constant(draw, Number())
        return Divide(draw_expr(draw, scope, unit, depth - 1), below)
    if depth <= 0 or chance(draw, 4):
        return draw_leaf(draw, scope, kind)

    def inner(of: Type = kind) -> Expr:
        return draw_expr(draw, scope, of, depth - 1)

    def any_kind() -> Type:
        kinds = [one for _, one in scope.leaves if not isinstance(one, ListOfValues)]
        return pick(draw, [*kinds, Date(), Integer()])  # type: ignore[no-any-return]

    if chance(draw, 8):
        return Coalesce((inner(), draw_leaf(draw, scope, kind)))
    match kind:
        case Boolean():
            tested = any_kind()
            return Holds(draw_expr(draw, scope, tested, depth - 1), draw_test(draw, scope, tested))
        case Date():
            match number_below(draw, 5):
                case 0 | 1:
                    amount = draw_leaf(draw, scope, Integer()) if chance(draw, 3) else draw_constant(draw, Integer())
                    return AddTime(inner(), amount, pick(draw, TIME_UNITS))
                case 2:
                    return LatestStart(inner(), draw_constant(draw, Integer()))
                case 3:
                    return Minimum((inner(), inner()))
                case _:
                    return Call("next_monday", (inner(),), kind) if scope.calls else Maximum((inner(), inner()))
        case Choice() | Text():
            return draw_leaf(draw, scope, kind)
        case Integer("day") if not chance(draw, 3):
            return DaysBetween(inner(Date()), inner(Date()))
        case Integer("month") if not chance(draw, 3):
            node = pick(draw, [MonthsBetween, StartedMonths])
            return node(inner(Date()), inner(Date()))  # type: ignore[no-any-return]
        case Integer(None) if chance(draw, 3):
            if chance(draw, 3):
                number = Number(quotient=coin(draw))
                return Round(inner(number), 0, pick(draw, ROUNDING_MODES))
            if scope.calls and chance(draw, 2):
                return Call("last_digit", (inner(),), kind, 0, 9)
            return DatePart(inner(Date()), pick(draw, PARTS))
        case Number() | Money() if chance(draw, 3):
            quotient = dataclasses.replace(kind, quotient=True)
            return Round(inner(quotient), 1 + number_below(draw, 3), pick(draw, ROUNDING_MODES))
        case _:
            return draw_arithmetic(draw, scope, kind, depth)


def draw_arithmetic(draw: Draw, scope: Scope, kind: Type, depth: int) -> Expr:  # noqa: PLR0911 - one case a node
    """A sum, difference, product, sign, absolute value, minimum or maximum of a numeric type."""
    first = draw_expr(draw, scope, kind, depth - 1)
    factor: Type = Number() if isinstance(kind, Money) else Integer() if isinstance(kind, Integer) else kind
    match number_below(draw, 7):
        case 0:
            return Negate(first)
        case 1:
            return Absolute(first)
        case 2:
            return Multiply(first, draw_constant(draw, factor))
        case 3:
            return Subtract(first, draw_expr(draw, scope, kind, depth - 1))
        case 4:
            return Minimum((first, draw_expr(draw, scope, kind, depth - 1)))
        case 5:
            return Maximum((first, draw_expr(draw, scope, kind, depth - 1)))
        case _:
            return Add(first, draw_expr(draw, scope, kind, depth - 1))


def draw_border(draw: Draw, scope: Scope, kind: Type) -> Expr:
    """A constant or a parameter that a cell compares with."""
    parameters = [expr for expr, type_ in scope.parameters if type_ == plain(kind)]
    if parameters and chance(draw, 3):
        return pick(draw, parameters)  # type: ignore[no-any-return]
    return draw_constant(draw, kind)


def draw_item(draw: Draw, scope: Scope, kind: Type) -> Test:  # noqa: PLR0911 - one case a shape
    """One unary test of a present value, as a cell lists them."""
    match kind:
        case Boolean():
            return OneOf((Constant(coin(draw), kind),))
        case Choice(one_of):
            parameters = [expr for expr, type_ in scope.parameters if type_ == kind]
            if parameters and chance(draw, 3):
                return OneOf((pick(draw, parameters),))
            chosen = draw(one_or_two(one_of))
            return OneOf(tuple(Constant(value, kind) for value in chosen))
        case Text() | ListOfValues():
            return IsPresent()
        case _:
            if chance(draw, 4):
                return OneOf((draw_border(draw, scope, kind),))
            low, high = draw_border(draw, scope, kind), draw_border(draw, scope, kind)
            side = number_below(draw, 3)
            if side == 0:
                return Within(None, Bound(high, coin(draw)))
            if side == 1:
                return Within(Bound(low, coin(draw)), None)
            if isinstance(low, Constant) and isinstance(high, Constant):
                low, high = sorted((low, high), key=lambda border: border.value)
                if low == high:
                    return Within(Bound(low, closed=True), Bound(high, closed=True))
            return Within(Bound(low, coin(draw)), Bound(high, coin(draw)))


def draw_test(draw: Draw, scope: Scope, kind: Type) -> Test:
    """A cell: `-`, `missing`, `present`, an item, a list, or `not(...)` of items."""
    match number_below(draw, 10):
        case 0 | 1:
            return ANYTHING
        case 2:
            return IsMissing()
        case 3:
            return IsPresent()
        case 4 if not isinstance(kind, Text):
            inner = draw_item(draw, scope, kind)
            return NotPassing(AnyOf((inner, draw_item(draw, scope, kind))) if chance(draw, 3) else inner)
        case 5 if not isinstance(kind, Text):
            second = IsMissing() if chance(draw, 2) else draw_item(draw, scope, kind)
            return AnyOf((draw_item(draw, scope, kind), second))
        case _:
            return draw_item(draw, scope, kind)


def draw_columns(draw: Draw, scope: Scope, most: int) -> tuple[Column, ...]:
    """Columns over fields, earlier steps, and now and then an expression of their own."""
    testable = [leaf for leaf in scope.leaves if not isinstance(leaf[1], Text | ListOfValues)]
    found = []
    for index in range(1 + number_below(draw, most)):
        if testable and not chance(draw, 5):
            subject, kind = pick(draw, testable)
            name = subject.name if isinstance(subject, FieldValue) else subject.output
        else:
            kind = pick(draw, derivable(scope))
            subject, name = draw_expr(draw, scope, kind, 2), f"column{index}"
        found.append(Column(name, subject, kind))
    return tuple(found)


def draw_rows(
    draw: Draw, scope: Scope, columns: tuple[Column, ...], outputs: tuple[Type, ...], *, needed: bool = False
) -> tuple[Row, ...]:
    """One to five rows, the last one now and then `otherwise`; `needed` outputs are never missing."""

    def filled() -> tuple[Expr, ...]:
        return tuple(draw_constant(draw, kind) if needed else draw_leaf(draw, scope, kind) for kind in outputs)

    count = 1 + number_below(draw, 5)
    rows = [Row(ROW_IDS[i], tuple(draw_test(draw, scope, one.type) for one in columns), filled()) for i in range(count)]
    if chance(draw, 2):
        rows.append(Row(ROW_IDS[count], tuple(ANYTHING for _ in columns), filled(), otherwise=True))
    return tuple(rows)


def ladder_rows(draw: Draw, column: Column, outputs: tuple[Type, ...]) -> tuple[Row, ...]:
    """Rows that cut the whole axis of a numeric or date column, missing included: always decided."""
    closed = coin(draw)
    cuts = sorted({draw(constants_of(column.type)) for _ in range(1 + number_below(draw, 3))})
    bounds: list[Bound | None] = [None, *(Bound(Constant(cut, plain(column.type)), closed) for cut in cuts), None]
    tests: list[Test] = []
    for low, high in pairwise(bounds):
        tests.append(Within(low and dataclasses.replace(low, closed=not closed), high))
    tests.append(IsMissing())
    return tuple(
        Row(ROW_IDS[i], (test,), tuple(draw_constant(draw, kind) for kind in outputs), reason=f"R{i}")
        for i, test in enumerate(tests)
    )


def draw_tables(draw: Draw, scope: Scope, steps: list[Step]) -> tuple[Output, ...]:
    """One or two tables of any hit policy; the second may test what the first one gave."""
    outputs: list[Output] = []
    declared: tuple[tuple[str, Type], ...]
    for step in ("rules", "表2")[: 1 + number_below(draw, 2)]:
        kinds: list[Type] = [Choice(("A", "B", "无")), Integer(), CNY, Boolean(), Date()]
        hit_policy = pick(draw, ["unique", "first", "any", "collect"])
        columns = draw_columns(draw, scope, 3)
        aggregation: Aggregation | None = None
        if hit_policy == "collect":
            aggregation = pick(draw, get_args(Aggregation))
            item = pick(draw, kinds[1:3] if aggregation in {"sum", "min", "max"} else kinds)
            declared = (("points", item),)
        else:
            chosen = [pick(draw, kinds) for _ in range(1 + number_below(draw, 2))]
            declared = tuple((f"out{index}", kind) for index, kind in enumerate(chosen))
        optional = hit_policy == "first" and chance(draw, 3)
        rows = draw_rows(draw, scope, columns, tuple(kind for _, kind in declared))
        steps.append(Table(step, columns, rows, declared, hit_policy, aggregation, optional))
        for name, item in declared:
            kind = collected(item, aggregation)
            scope.leaves.append((StepValue(step, name), kind))
            outputs.append(Output(f"{step}.{name}", kind, StepValue(step, name), optional=True))
    return tuple(outputs)


def collected(item: Type, aggregation: Aggregation | None) -> Type:
    """The type of a gathered output."""
    match aggregation:
        case "list":
            return ListOfValues(item)
        case "count":
            return Integer()
        case _:
            return item


def axis(draw: Draw, scope: Scope) -> Column:
    """A numeric or date column."""
    ordered = [(e, k) for e, k in scope.leaves if is_numeric(k) or isinstance(k, Date)] or [(Today(), Date())]
    subject, kind = pick(draw, ordered)
    return Column(getattr(subject, "name", getattr(subject, "output", "day")), subject, kind)


def draw_ladder(draw: Draw, scope: Scope, steps: list[Step]) -> tuple[Output, ...]:
    """A table of one column that cuts its whole axis."""
    column = axis(draw, scope)
    kind = Choice(("1", "2", "3"))
    rows = ladder_rows(draw, column, (kind,))
    steps.append(Table("steps", (column,), rows, (("level", kind),), role="ladder"))
    scope.leaves.append((StepValue("steps", "level"), kind))
    return (Output("level", kind, StepValue("steps", "level"), order="best-first"),)


def draw_scorecard(draw: Draw, scope: Scope, steps: list[Step]) -> tuple[Output, ...]:
    """Characteristics, a weighted total, bands and perhaps overrides."""
    points = pick(draw, [Integer(), Number()])
    names = ("volume", "影响")[: 1 + number_below(draw, 2)]
    for name in names:
        column = axis(draw, scope)
        if chance(draw, 2):
            rows = ladder_rows(draw, column, (points,))
        else:
            rows = draw_rows(draw, scope, (column,), (points,), needed=True)
        steps.append(Table(name, (column,), rows, (("points", points),), role="characteristic"))
    grades = Choice(("A", "B", "未评级"))
    terms = tuple((name, draw(constants_of(points))) for name in names)
    steps.append(Total("total", draw(constants_of(points)), terms, points))
    total = Column("total", StepValue("total", "points"), points)
    bands = ladder_rows(draw, total, (grades,))
    steps.append(Table("bands", (total,), bands, (("grade", grades),), role="band"))
    grade: Expr = StepValue("bands", "grade")
    if chance(draw, 2):
        columns = draw_columns(draw, scope, 2)
        rows = draw_rows(draw, scope, columns, (grades,), needed=True)
        overrides = Table("overrides", columns, rows, (("grade", grades),), "first", optional=True, role="override")
        steps.append(overrides)
        grade = Coalesce((StepValue("overrides", "grade"), grade))
    return (Output("grade", grades, grade, order="best-first", unranked=("未评级",)),)
