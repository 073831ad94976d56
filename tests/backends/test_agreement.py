"""Every engine answers what the reference evaluator answers: status, rules and outputs, for programs of any shape.

Each program is asked once for a whole table, in which facts lie on the borders, beside them, are missing, not finite,
unknown, huge, tiny, or at the ends of the calendar. The `nightly` profile tries thousands of programs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_DOWN, Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import crm_rules
from crm_rules.errors import CallError
from crm_rules.ir.nodes import (
    AddTime,
    Bound,
    Constant,
    Expr,
    FieldValue,
    Holds,
    LatestStart,
    Nothing,
    ParameterValue,
    Within,
)
from crm_rules.ir.program import Dated, Field, Output, Parameter, Program
from crm_rules.ir.types import Boolean, Date, Integer, Money, Number
from crm_rules.policy import Policy
from crm_rules.testing import check_agreement
from crm_rules.testing.agreement import Engines, Reference, engines_of
from crm_rules.testing.agreement_answers import Answer, Engine, Given, answers_of, names_of
from crm_rules.testing.agreement_engines import ENGINES
from crm_rules.testing.agreement_tables import DAY, Table, layouts_of, table_of
from crm_rules.testing.facts import Draw, chance, program_records, todays
from crm_rules.testing.small_programs import programs
from tests.backends.engines.tables import Engine as Database
from tests.backends.engines.tables import Table as Stored

RECORDS = 12  # of a table, before the odd facts are added
# By these words an engine refuses a program, or a table: each says what a table cannot do.
REFUSALS = (
    "does not say its decimals",
    "has too many digits",
    "cannot hold the list",
    "cannot compare with a value that may be undecided",
)


CNY = Money("CNY")
ROOT = Path(__file__).parents[2]
PACKS = (crm_rules.load(ROOT / "policies"), crm_rules.load(ROOT / "policies" / "sample-company"))
POLICIES = {policy.id: policy for pack in PACKS for policy in pack.values() if not policy.blank_parameters()}


@dataclass(frozen=True)
class Asked:
    """A policy and the tables that it is asked about."""

    policy: Policy
    tables: tuple[Table, ...]


@st.composite
def questions(draw: Draw) -> Asked:
    """A program, and records for it in every storage that they may have."""
    policy = Policy(draw(programs()))
    tables = []
    for layout in layouts_of(policy.inputs):
        by_row = policy.needs_today and chance(draw, 3)
        today = draw(todays(policy.program))
        records = []
        for _ in range(RECORDS):
            day = draw(todays(policy.program)) if by_row else today
            records.append({**draw(program_records(policy.program, today=day)), DAY: day})
        tables.append(table_of(records, layout, DAY if by_row else today))
    return Asked(policy, tuple(tables))


def sql_engine(database: Database) -> Engine:
    """An engine that executes SQL on an open database, whose decimals have four places."""

    def fit(table: Table) -> Table:
        return replace(table, rows=tuple({name: shorter(fact) for name, fact in row.items()} for row in table.rows))

    def decide(policy: Policy, table: Table, given: Given) -> dict[int, Answer]:
        names = names_of(policy)
        text = policy.to_sql(dialect=database.dialect, table="records", today=table.today, given=given, names=names)
        rows = [tuple(row.values()) for row in table.rows]
        return answers_of(policy, database.run(Stored("records", stored(table), rows), text))

    return Engine(decide, fit)


def stored(table: Table) -> dict[str, Any]:
    """The columns of a table; each of them says how it is stored."""
    return dict(table.storages)


def shorter(fact: Any) -> Any:
    """A decimal of at most eighteen digits, four of them after the point; everything else as it is."""
    return fact.quantize(Decimal("0.0001"), ROUND_DOWN) if isinstance(fact, Decimal) else fact


def agree(asked: Asked, engines: Engines) -> None:
    """Ask all engines about all tables; one that refuses says so with the words of a table's limits."""
    reference = Reference(asked.policy)
    for table in asked.tables:
        for name, engine in engines_of(engines).items():
            try:
                difference = reference.difference(engine, table)
            except CallError as error:
                if not any(words in str(error) for words in REFUSALS):
                    raise
            else:
                assert difference is None, f"{name}: {difference}\n  {asked.policy.program}"


FRAMES = ("polars", "polars-lazy", "polars-streaming", "pandas", "pandas-nullable", "pandas-arrow", "pyarrow")
PYTHON = ("python", "durable") if find_spec("durable_rules_engine") else ("python",)  # not every machine can compile it
GROUPS = [PYTHON, FRAMES, ("duckdb",), ("sql:duckdb", "sql:sqlite")]
MANY = settings().max_examples * 5 // 8
FEW = max(1, MANY // 8)


@pytest.mark.parametrize("engines", GROUPS, ids=lambda engines: engines[0])
@settings(max_examples=MANY)
@given(asked=questions())
def test_engines_answer_what_programs_answer(engines: tuple[str, ...], asked: Asked) -> None:
    """Programs of any shape, over floats, integers and decimals, dates and moments."""
    agree(asked, engines)


@settings(max_examples=FEW)
@given(asked=questions())
def test_parts_of_a_frame_answer_what_programs_answer(asked: Asked) -> None:
    """Dask; a few programs, since it is slow to begin."""
    agree(asked, ("dask",))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what it calls of others
def test_ibis_answers_what_a_ladder_answers() -> None:
    """One short policy, since it takes seconds to write an expression."""
    check_agreement(POLICIES["customer-size"], ["ibis"], examples=20)


@pytest.mark.spark
@settings(max_examples=FEW, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(asked=questions())
def test_spark_answers_what_programs_answer(spark: Database, asked: Asked) -> None:
    """Dataframes of Spark, and SQL on it."""
    agree(asked, ("pyspark",))
    agree(asked, {"sql:spark": sql_engine(spark)})


@settings(max_examples=MANY, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(asked=questions())
def test_postgres_answers_what_programs_answer(postgres: Database, asked: Asked) -> None:
    """SQL on a server of its own."""
    agree(asked, {"sql:postgres": sql_engine(postgres)})


@pytest.mark.parametrize("name", POLICIES)
def test_engines_answer_what_the_starter_policies_answer(name: str) -> None:
    """Chains, scorecards, ladders and rankings as people write them, on one engine of each family."""
    policy = POLICIES[name]
    check_agreement(policy, [*PYTHON, "polars", "pandas", "duckdb", "sql:duckdb"], examples=20)
    if not policy.ranks():  # which SQLite refuses
        check_agreement(policy, ["sql:sqlite"], today=date(2026, 6, 15), examples=20)


@pytest.mark.spark
@pytest.mark.parametrize("name", POLICIES)
def test_spark_answers_what_the_starter_policies_answer(spark: Database, name: str) -> None:
    """Dataframes of Spark, and SQL on it; also by a column of days, where a policy asks for the day."""
    policy = POLICIES[name]
    check_agreement(policy, ["pyspark"], examples=20)
    check_agreement(policy, {"sql:spark": sql_engine(spark)}, examples=20)


def test_sqlite_decides_a_chain_of_dates_by_a_column_of_days() -> None:
    """A next touch by the stage of each row's own day."""
    check_agreement(POLICIES["follow-up"], ["sql:sqlite"], examples=20)


TABLES = [name for name in ENGINES if name not in {"python", "durable", "dask", "ibis"}]


@pytest.fixture(params=[pytest.param(name, marks=pytest.mark.spark) if name == "pyspark" else name for name in TABLES])
def engine(request: pytest.FixtureRequest) -> str:
    """The name of an engine of tables."""
    name: str = request.param
    if name == "pyspark":
        request.getfixturevalue("spark")
    return name


BY_DATE = {
    "limit": """
policy: limit
kind: decision-table
valid_from: 2025-06-01
fields:
  amount: {type: number, optional: true}
parameters:
  top: {type: number, value: {2026-01-01: 5, 2027-01-01: 10.5}}
output:
  limit: {type: number}
rules: |
  | id    | amount          | limit |
  | exact | $top            | 3     |
  | high  | > $top          | 1     |
  | low   | < $top, missing | $top  |
""",
    "terms": """
policy: terms
kind: decision-table
hit_policy: first
requires: {limit: limit.limit}
valid_from: 2025-06-01
fields:
  paid: {type: boolean}
parameters:
  least: {type: number, value: {2025-09-01: 2}}
output:
  terms: {type: choice, one_of: [甲, 乙]}
rules: |
  | id    | paid | limit    | terms |
  | good  | true | < $least | 甲    |
  | other | -    | -        | 乙    |
""",
}


@pytest.mark.parametrize("name", BY_DATE)
def test_a_row_before_the_first_value_of_a_parameter_is_blocked(engine: str, name: str, tmp_path: Path) -> None:
    """The others are decided; a number that is stored is compared with the value of its own day."""
    for policy, text in BY_DATE.items():
        (tmp_path / f"{policy}.yaml").write_text(text, encoding="utf-8")
    check_agreement(crm_rules.load(tmp_path)[name], [engine], examples=60)


# Each of these was wrong once.


def only(field: Field) -> Policy:
    """A policy that hands out its only field."""
    output = Output(field.name, field.type, FieldValue(field.name), optional=field.may_be_missing)
    return Policy(Program("only", "1.0.0", "derived", (field,), (), (), (output,)))


def test_an_amount_of_several_decimals_is_divided_exactly(engine: str) -> None:
    """Polars multiplies by the reciprocal of a constant, which is off by one unit in the last place."""
    check_agreement(only(Field("amount", CNY, decimals=6)), [engine], records=[{"amount": 99999.99}] * 3)
    check_agreement(only(Field("amount", CNY, decimals=2)), [engine], records=[{"amount": 99.99}] * 3)


def test_a_decimal_beside_the_unit_of_its_field_is_refused(engine: str) -> None:
    """Compared as a float it would be one of whole units."""
    records = [{"amount": Decimal("99999999999999.999999")}, {"amount": Decimal(5)}]
    check_agreement(only(Field("amount", CNY, decimals=0)), [engine], records=records)


@pytest.mark.parametrize(
    "expr",
    [
        AddTime(Nothing(Date()), FieldValue("n"), "month"),
        AddTime(AddTime(Nothing(Date()), FieldValue("n"), "year"), FieldValue("n"), "day"),
        LatestStart(Nothing(Date()), FieldValue("n")),
        LatestStart(AddTime(Nothing(Date()), FieldValue("n"), "week"), FieldValue("n")),
    ],
)
def test_a_time_after_no_day_is_missing(engine: str, expr: Expr) -> None:
    """A null that is no day has no kind to which DuckDB could add months."""
    output = Output("due", Date(), expr, optional=True)
    field = Field("n", Integer(), low=0, high=9)
    policy = Policy(Program("due", "1.0.0", "derived", (field,), (), (), (output,)))
    check_agreement(policy, [engine], records=[{"n": 0}, {"n": 9}])


def test_a_parameter_may_leave_an_interval_empty(engine: str) -> None:
    """On the day of a table it becomes its value, and nothing lies between zero and zero."""
    zero = Constant(0, Integer())
    limit = Parameter("limit", Integer(), (Dated(None, 1), Dated(date(2026, 7, 1), 0)))
    inside = Holds(
        ParameterValue("limit"), Within(Bound(zero, closed=False), Bound(ParameterValue("limit"), closed=False))
    )
    output = Output("inside", Boolean(), inside)
    policy = Policy(Program("inside", "1.0.0", "derived", (Field("n", Integer()),), (limit,), (), (output,)))
    for day in (date(2026, 6, 30), date(2026, 7, 1)):
        check_agreement(policy, [engine], records=[{"n": 0}], today=day)


@pytest.mark.parametrize("fact", [Decimal("99999999999999.999999"), 2**53 + 1, -(2**53) - 1, 2**63 - 1])
def test_a_long_number_is_handed_out_exactly_or_called_too_large(engine: str, fact: Any) -> None:
    """A column of floats does not hold its digits."""
    check_agreement(only(Field("amount", Number())), [engine], records=[{"amount": fact}])


def test_infinite_amounts_are_refused(engine: str) -> None:
    """Also where a database holds any kind of value in a column."""
    infinite = float("inf")
    check_agreement(only(Field("amount", CNY)), [engine], records=[{"amount": infinite}, {"amount": -infinite}])
