"""Every engine ranks as the reference evaluator does: by any measure, within parts, one after the other, in chains.

Each program is asked once for a whole table. Every region of it has a portfolio of its own: equals, zeros and losses
only, shares that lie on the borders, amounts at the ends of 53 and of 64 bits, and what cannot be used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any, TypeAlias, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm_rules.ir.check import check
from crm_rules.ir.nodes import (
    ANYTHING,
    AnyOf,
    Bound,
    Coalesce,
    Constant,
    Expr,
    FieldValue,
    Holds,
    IsMissing,
    IsPresent,
    Multiply,
    Negate,
    NotPassing,
    OneOf,
    ParameterValue,
    Round,
    StepValue,
    Subtract,
    Test,
    Within,
)
from crm_rules.ir.numbers import Exact, reduced, to_decimal
from crm_rules.ir.population import MEASURES, OF_THE_VALUE, Measure, Population
from crm_rules.ir.population_typing import fields_below
from crm_rules.ir.program import Column, Dated, Derive, Field, Output, Parameter, Program, Row, Table
from crm_rules.ir.types import Boolean, Choice, Integer, Money, Number, Type
from crm_rules.kinds.ranking import TOLD
from crm_rules.policy import Policy, Requirement
from crm_rules.testing.agreement import Reference
from crm_rules.testing.agreement_answers import Engine
from crm_rules.testing.agreement_engines import ENGINES
from crm_rules.testing.agreement_tables import Layout, layouts_of, table_of
from crm_rules.testing.facts import Draw, chance, coin, number_below, pick
from tests.backends.engines.tables import Engine as Database
from tests.backends.test_agreement import Asked, agree, sql_engine

CNY = Money("CNY")
GRADES = Choice(("A", "B", "C", "D", "apart", "unknown"))
REGIONS = ("N", "S", "东", "a, b")
SEGMENTS = Choice(("small", "large"))
CHANGE = date(2026, 7, 1)  # on which a border changes

SALES, COST, FREE = FieldValue("sales"), FieldValue("cost"), FieldValue("free")
ORDERS, REGION, ACTIVE = FieldValue("orders"), FieldValue("region"), FieldValue("active")
FIELDS = (
    Field("sales", CNY, optional=True, decimals=2),
    Field("cost", CNY, default=0, decimals=2),
    Field("free", CNY, optional=True),
    Field("orders", Integer(), low=-(10**15)),
    Field("region", Choice(REGIONS), default="N"),
    Field("active", Boolean()),
)
MANY_ORDERS = Holds(ORDERS, Within(Bound(Constant(2, Integer()), closed=True), None))

Ranked: TypeAlias = tuple[Expr, Type, bool]  # a value, its type, and whether it may be missing
VALUES: tuple[Ranked, ...] = (
    (SALES, CNY, True),
    (ORDERS, Integer(), False),
    (Subtract(SALES, COST), CNY, True),
    (Round(Multiply(SALES, Constant(Fraction(3, 20), Number())), 0, "half_even"), CNY, True),
    (Coalesce((SALES, COST)), CNY, False),
    (FREE, CNY, True),
    (Negate(ORDERS), Integer(), False),
    (Multiply(SALES, ORDERS), CNY, True),
)
DIVISIONS: tuple[tuple[Expr, ...], ...] = ((REGION,), (), (ACTIVE,), (REGION, ACTIVE), (MANY_ORDERS,))

PLACES: tuple[Exact, ...] = (1, 2, 3, 4, 5, 10, 0)
SHARES: tuple[Exact, ...] = tuple(
    reduced(Fraction(share))
    for share in ("4/5", "1/2", "1/5", "1/4", "3/4", "19/20", "1", "0", "1/10", "333333/1000000", "9999/10000")
)


# Programs


def draw_ladder(draw: Draw, name: str, ranked: Ranked, measure: Measure, *, positive: bool) -> tuple[Table, Parameter]:
    """The steps of a ranking, now and then without those for records that are not ranked."""
    value, kind, optional = ranked
    own = MEASURES[measure][0]
    plain = Integer() if isinstance(own, Integer) else Number()
    borders = PLACES if isinstance(own, Integer) else SHARES
    cuts = sorted({pick(draw, borders) for _ in range(1 + number_below(draw, 3))})
    exprs: list[Expr] = [Constant(cut, plain) for cut in cuts]
    changing = Parameter(f"{name} border", plain, (Dated(None, cuts[0]), Dated(CHANGE, pick(draw, borders))))
    if chance(draw, 4):
        exprs[0] = ParameterValue(changing.name)
    closed = coin(draw)
    ends = [None, *((expr, closed) for expr in exprs), None]
    zero = Bound(Constant(0, kind), closed=False)
    taking_part: Test = Within(zero, None) if positive else IsPresent() if optional else ANYTHING
    steps: list[tuple[Test, Test]] = []
    for low, high in pairwise(ends):
        begin = low and Bound(low[0], closed=not low[1])
        end = high and Bound(high[0], closed=high[1])
        steps.append((taking_part, Within(begin, end)))
    if positive and not chance(draw, 4):
        steps.append((Within(None, Bound(zero.at, closed=True)), ANYTHING))
    if optional and not chance(draw, 4):
        steps.append((IsMissing(), ANYTHING))
    counts = [FieldValue(f"{name}.{one}") for one in ("position", "last_position", "population")]
    rows = [
        Row(f"{name} {index}", tests, (Constant(grade, GRADES), pick(draw, counts)))
        for index, (tests, grade) in enumerate(zip(steps, GRADES.one_of, strict=False))
    ]
    columns = Column("value", value, kind), Column(measure, FieldValue(f"{name}.{measure}"), own)
    return Table(name, columns, tuple(rows), (("class", GRADES), ("place", Integer())), role="ladder"), changing


@st.composite
def rankings(draw: Draw) -> Policy:
    """One ranking or two, the second perhaps of the places in the first; within what another policy decides."""
    populations: list[Population] = []
    tables: list[Table] = []
    parameters: list[Parameter] = []
    derived: list[Derive] = []
    values = VALUES
    divisions = (*DIVISIONS, (FieldValue("segment"),))
    for name in ("first", "second")[: 1 + coin(draw)]:
        expr, kind, optional = pick(draw, values)
        if not isinstance(expr, FieldValue) and coin(draw):
            derived.append(Derive(f"{name} value", expr, kind))
            expr = StepValue(f"{name} value", f"{name} value")
        measure = pick(draw, [one for one in get_args(Measure) if one != "population"])
        positive = measure in OF_THE_VALUE or coin(draw)
        told = dict.fromkeys((*(one for one in TOLD if positive or one not in OF_THE_VALUE), measure))
        measures = tuple((f"{name}.{one}", one) for one in told)
        populations.append(Population(expr, measures, pick(draw, divisions), positive))
        table, parameter = draw_ladder(draw, name, (expr, kind, optional), measure, positive=positive)
        tables.append(table)
        parameters.append(parameter)
        place = pick(draw, ("position", "last_position"))
        values = (*VALUES[:3], (FieldValue(f"{name}.{place}"), Integer(), False))
    measured = [(field, one) for population in populations for field, one in population.measures]
    filled = [Field(field, MEASURES[one][0], low=MEASURES[one][1], high=MEASURES[one][2]) for field, one in measured]
    exprs = [expr for population in populations for expr in (population.value, *population.within)]
    read = fields_below(exprs, derived)
    segment = Field("segment", SEGMENTS)
    fields = (*(one for one in (*FIELDS, segment) if one.name in read), *filled)
    outputs = tuple(
        Output(f"{name} of the {table.id}", one, StepValue(table.id, name))
        for table in tables
        for name, one in table.outputs
    )
    program = Program(
        "ranks",
        "1.0.0",
        "ranking",
        fields,
        tuple(parameters),
        (*derived, *tables),
        outputs,
        population=tuple(populations),
    )
    required = (Requirement("segment", SEGMENT, "segment"),) if "segment" in read else ()
    policy = Policy(program, required)
    return above(policy) if chance(draw, 4) else policy


def segments() -> Policy:
    """A segment by the number of orders; below zero there is none."""
    small = Within(Bound(Constant(0, Integer()), closed=True), Bound(Constant(3, Integer()), closed=False))
    large = Within(Bound(Constant(3, Integer()), closed=True), None)
    rows = [Row(name, (test,), (Constant(name, SEGMENTS),)) for name, test in (("small", small), ("large", large))]
    table = Table("rules", (Column("orders", ORDERS, Integer()),), tuple(rows), (("segment", SEGMENTS),))
    output = Output("segment", SEGMENTS, StepValue("rules", "segment"))
    return Policy(Program("segments", "1.0.0", "decision-table", (FIELDS[3],), (), (table,), (output,)))


SEGMENT = segments()


def above(policy: Policy) -> Policy:
    """A policy that requires the class of a ranking."""
    field = Field("class", GRADES)
    best = OneOf((Constant("A", GRADES), Constant("apart", GRADES)))
    tests: tuple[Test, ...] = (best, AnyOf((OneOf((Constant("B", GRADES),)), NotPassing(best))))
    rows = tuple(
        Row(f"row {days}", (test,), (Constant(days, Integer()),)) for days, test in zip((60, 30), tests, strict=True)
    )
    table = Table("rules", (Column("class", FieldValue("class"), GRADES),), rows, (("days", Integer()),))
    output = Output("days", Integer(), StepValue("rules", "days"))
    program = Program("terms", "1.0.0", "decision-table", (field,), (), (table,), (output,))
    return Policy(program, (Requirement("class", policy, policy.outputs[0].name),))


# Records

POOL: tuple[Exact, ...] = (1, 2, 2, 5, 10, 15, 80, 0, -1, -7, Fraction(1, 2), Fraction(1, 100), 20, 3)
HALVES: tuple[Exact, ...] = tuple(
    reduced(Fraction(border) + shift)
    for border in (
        2**51,
        Fraction(2**51, 100),
        2**53,
        Fraction(2**53, 100),
        10**15,
        2**61,
        2**62,
        2**63 - 2,
        9 * 10**18,
    )
    for shift in (0, 1, -1)
)
HUGE: tuple[Exact, ...] = (*HALVES, *(-one for one in HALVES), 1, 10**12)
SPLITS: tuple[tuple[Exact, ...], ...] = (
    (80, 15, 5), (4, 1), (5, 5), (50, 25, 25), (60, 20, 15, 5), (1, 1, 1), (95, 5), (9999, 1), (1, 1, 1, 1, 1), (9, 1),
)  # fmt: skip
UNITS: tuple[Exact, ...] = (1, Fraction(1, 100), 7, 10**6, Fraction(12345, 100))
UNUSABLE: tuple[Any, ...] = (None, float("nan"), float("inf"), -float("inf"), Decimal("0.001"), 1e40, 5e-324, "much")


@st.composite
def portfolios(draw: Draw, region: str) -> list[dict[str, Any]]:
    """The records of one region."""
    shape = pick(draw, ("mixed", "equal", "huge", "below", "one", "mixed", "split"))
    count = 1 + number_below(draw, 9)
    amounts: list[Exact]
    match shape:
        case "mixed":
            amounts = [pick(draw, POOL) for _ in range(count)]
        case "split":
            amounts = list(draw(st.permutations(pick(draw, SPLITS))))
        case "equal":
            amounts = [pick(draw, POOL)] * count
        case "below":
            amounts = [pick(draw, (0, -1, -1, -80, Fraction(-1, 2))) for _ in range(count)]
        case "huge":
            amounts = [pick(draw, HUGE) for _ in range(count)]
        case _:
            amounts = [pick(draw, POOL)]
    unit = 1 if shape == "huge" else pick(draw, UNITS)
    spoiled = chance(draw, 3)
    return [draw_record(draw, region, reduced(amount * unit), spoiled=spoiled) for amount in amounts]


def draw_record(draw: Draw, region: str, amount: Exact, *, spoiled: bool) -> dict[str, Any]:
    """A record of that amount, most often with as many orders; `spoiled`, half of them cannot be used."""
    whole = int(amount)
    record: dict[str, Any] = {
        "sales": to_decimal(amount),
        "free": to_decimal(amount),
        "cost": pick(draw, (0, None, 1, -2)),
        "orders": pick(draw, (whole, whole, whole, 1, 3, -1)),
        "region": region,
        "active": not chance(draw, 3),
    }
    if chance(draw, 6):
        record |= {"sales": None, "free": None}
    if spoiled and coin(draw):
        name = pick(draw, ("sales", "region", "orders", "free"))
        record[name] = pick(draw, ("W", None) if name == "region" else UNUSABLE)
    return record


@st.composite
def records(draw: Draw) -> list[dict[str, Any]]:
    """The records of some regions, of one, or of none."""
    count = pick(draw, (2, 3, 1, 0, 4, 3, 4))
    return [record for region in REGIONS[:count] for record in draw(portfolios(region))]


@st.composite
def questions(draw: Draw) -> Asked:
    """A ranking, and records for it in one of the storages that they may have."""
    policy = draw(rankings())
    layout = pick(draw, list(layouts_of(policy.inputs)))
    today = pick(draw, (CHANGE, date(2026, 6, 30))) if policy.needs_today else None
    return Asked(policy, (table_of(draw(records()), layout, today, odd=chance(draw, 6)),))


# What the engines answer

# Not Dask, whose parts do not know each other's records, and not SQLite: both refuse a ranking.
FRAMES = ("polars", "polars-lazy", "polars-streaming", "pandas", "pyarrow")
MANY = settings().max_examples * 5 // 8
SOME = max(1, MANY * 2 // 3)
FEW = max(1, MANY // 3)
FIXTURES = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@given(rankings())
def test_rankings_are_sound_programs(policy: Policy) -> None:
    """Whatever is drawn here passes the checks of a program that was written."""
    for one in (policy, *policy.chain()):
        assert [found for found in check(one.program) if found.severity == "error"] == []


@settings(max_examples=SOME)
@given(asked=questions())
def test_frames_rank_as_programs_rank(asked: Asked) -> None:
    """Dataframes, eager, lazy and computed part by part."""
    agree(asked, FRAMES)


@settings(max_examples=FEW)
@given(asked=questions())
def test_duckdb_ranks_as_programs_rank(asked: Asked) -> None:
    """A relation, and a statement."""
    agree(asked, ("duckdb", "sql:duckdb"))


@settings(max_examples=MANY, suppress_health_check=FIXTURES)
@given(asked=questions())
def test_postgres_ranks_as_programs_rank(postgres: Database, asked: Asked) -> None:
    """SQL on a server of its own."""
    agree(asked, {"sql:postgres": sql_engine(postgres)})


@pytest.mark.spark
@settings(max_examples=max(1, FEW // 3), suppress_health_check=FIXTURES)
@given(asked=questions())
def test_spark_ranks_as_programs_rank(spark: Database, asked: Asked) -> None:
    """Dataframes of Spark, and SQL on it."""
    agree(asked, ("pyspark",))
    agree(asked, {"sql:spark": sql_engine(spark)})


# What cannot be left to chance


SQL = ("sql:duckdb", "sql:postgres", "sql:spark")
TABLES = (*FRAMES, "duckdb", "pyspark", *SQL)


@pytest.fixture(params=[pytest.param(name, marks=pytest.mark.spark) if "spark" in name else name for name in TABLES])
def engine(request: pytest.FixtureRequest) -> Engine:
    """An engine of tables."""
    name: str = request.param
    if "spark" in name:
        request.getfixturevalue("spark")
    if name in {"sql:postgres", "sql:spark"}:
        return sql_engine(request.getfixturevalue(name.removeprefix("sql:")))
    return ENGINES[name]


# The classes A, B and C by each measure: B begins at the first border, C at the second.
LADDERS: Mapping[Measure, tuple[Exact, Exact]] = {
    "position": (2, 4),
    "last_position": (2, 4),
    "heads_before": (Fraction(1, 4), Fraction(1, 2)),
    "heads_with": (Fraction(1, 4), Fraction(1, 2)),
    "share_before": (Fraction(4, 5), Fraction(19, 20)),
    "share_with": (Fraction(4, 5), Fraction(19, 20)),
}


def ranked_orders(*measures: Measure, value: Expr = ORDERS) -> Policy:
    """What comes of the orders in each region, and a class by each of the measures."""
    tables = []
    for measure in measures:
        kind = MEASURES[measure][0]
        plain = Integer() if isinstance(kind, Integer) else Number()
        first, second = (Constant(cut, plain) for cut in LADDERS[measure])
        tests = (
            Within(None, Bound(first, closed=False)),
            Within(Bound(first, closed=True), Bound(second, closed=False)),
            Within(Bound(second, closed=True), None),
        )
        rows = tuple(
            Row(f"{measure} {one}", (test,), (Constant(one, GRADES),)) for one, test in zip("ABC", tests, strict=True)
        )
        tables.append(Table(measure, (Column(measure, FieldValue(measure), kind),), rows, (("class", GRADES),)))
    population = Population(value, tuple((one, one) for one in measures), (REGION,))
    filled = (Field(one, MEASURES[one][0], low=MEASURES[one][1], high=MEASURES[one][2]) for one in measures)
    outputs = tuple(Output(one, GRADES, StepValue(one, "class")) for one in measures)
    fields = (*FIELDS[3:5], *filled)
    return Policy(Program("ranks", "1.0.0", "ranking", fields, (), tuple(tables), outputs, population=(population,)))


def classes(engine: Engine, policy: Policy, regions: Mapping[str, Sequence[int]]) -> dict[str, tuple[str, ...]]:
    """By each measure the classes of each region's orders; `!` for what is too large, `-` for what is invalid."""
    rows: list[dict[str, Any]] = [
        {"orders": count, "region": region} for region, counts in regions.items() for count in counts
    ]
    layout: Layout = {"orders": "integer", "region": "text"}
    answers = engine.decide(policy, engine.fit(table_of(rows, layout, None, odd=False)), {})
    assert len(answers) == len(rows)
    found = {output.name: dict.fromkeys(regions, "") for output in policy.outputs}
    for number, row in enumerate(rows):
        mark = {"too_large": "!", "invalid": "-"}.get(answers[number].status)
        for name, by_region in found.items():
            by_region[row["region"]] += mark or answers[number].outputs[name]
    return {name: tuple(by_region.values()) for name, by_region in found.items()}


def test_a_border_that_is_met_begins_the_next_class(engine: Engine) -> None:
    """By each measure, in several parts at once, one of them a single record, one without any that is ranked."""
    regions = {"N": [80, 15, 5], "S": [1, 3, 2, 2], "东": [7], "a, b": [0, -1]}
    wanted = {
        "position": ("ABB", "CABB", "A", "AA"),
        "last_position": ("ABB", "CABB", "A", "AA"),
        "heads_before": ("ABC", "CABB", "A", "CC"),
        "heads_with": ("BCC", "CBCC", "C", "CC"),
        "share_before": ("ABC", "BAAA", "A", "CC"),
        "share_with": ("BCC", "CABB", "C", "CC"),
    }
    assert classes(engine, ranked_orders(*LADDERS), regions) == wanted


def test_amounts_that_are_too_large_spoil_their_own_part_alone(engine: Engine) -> None:
    """Nobody's share of a sum beyond 64 bits is known, also where it wraps around; in the other parts each is."""
    policy = ranked_orders("heads_before", "share_before", value=Multiply(ORDERS, ORDERS))
    regions = {
        "N": [2**31, 2**31, 2**31, 2**31, 1],
        "S": [8, 4, 2],
        "东": [2**27, 2**27, 1],
        "a, b": [-(10**16), 2**62, 1],
    }
    wanted = {"heads_before": ("!!!!!", "ABC", "AAC", "-!!"), "share_before": ("!!!!!", "AAC", "AAC", "-!!")}
    assert classes(engine, policy, regions) == wanted


def test_a_table_without_records_has_no_answers(engine: Engine) -> None:
    """And no sum of nothing to divide by."""
    assert classes(engine, ranked_orders("position", "share_with"), {}) == {"position": (), "share_with": ()}


def test_a_number_too_long_to_check_is_told_before_what_is_required(engine: Engine) -> None:
    """Its row may be invalid, so it is called too large, and not blocked by a decision that nobody would ask for."""
    population = Population(COST, (("position", "position"),), (FieldValue("segment"),))
    fields = (FIELDS[1], Field("segment", SEGMENTS), Field("position", Integer(), low=1))
    output = Output("position", Integer(), FieldValue("position"))
    program = Program("ranks", "1.0.0", "ranking", fields, (), (), (output,), population=(population,))
    policy = Policy(program, (Requirement("segment", SEGMENT, "segment"),))
    layout: Layout = {"cost": "decimal", "orders": "integer"}
    rows = [{"cost": Decimal("99999999999999.999999"), "orders": orders} for orders in (-1, 1)]
    assert Reference(policy).difference(engine, table_of(rows, layout, None, odd=False)) is None
