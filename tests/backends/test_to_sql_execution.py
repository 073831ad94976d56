"""What the databases answer is what `decide` says, for records on the borders of the policies of a company."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any

import pytest

import crm_rules
from crm_rules.backends.to_sql import CURRENT_DATE, create_view
from crm_rules.decision import Decision
from crm_rules.errors import CallError
from crm_rules.ir.program import Field
from crm_rules.ir.types import Boolean, Choice, Date, Integer, Money, Number
from crm_rules.pack import Pack
from crm_rules.policy import Policy
from tests.backends.engines.tables import Engine, Stored, Table

COMPANY = Path(__file__).parents[2] / "policies" / "sample-company"
TERMS = Path(__file__).parent / "sql" / "terms.yaml"
TODAY = date(2026, 11, 22)
KEY = "row number"
MONEY = ["0", "99999.99", "100000", "300000.01", "499999.99", "500000", "2000000", "4999999.99", "5000000", "-0.01"]
SHARES = [0.0, 0.05, 0.0999, 0.1, 0.149999, 0.15, -0.3, 1e36, math.inf]
DAYS = [0, 1, -1, -14, -15, -29, -30, 30, 31, 91, 92, 93, 181, 182, -181, -364, -365, -366]
STORED: Mapping[type, Stored] = {
    Boolean: "boolean",
    Integer: "integer",
    Number: "float",
    Money: "decimal",
    Choice: "text",
    Date: "date",
}


@pytest.fixture(scope="module")
def company() -> Pack:
    """The policies of the sample company."""
    return crm_rules.load(COMPANY)


@pytest.fixture(scope="module")
def terms() -> Policy:
    """A small policy with a number, a choice, a truth value and a date."""
    return crm_rules.load(TERMS)["terms"]


def facts_of(field: Field) -> list[Any]:
    """The facts of a field that are tried: on borders, beside them, refused ones, and none."""
    match field.type:
        case Boolean():
            return [True, False, None]
        case Integer():
            return [0, 1, 2, 3, -1, 2**40, None]
        case Number():
            return [*SHARES, None]
        case Money():
            return [*map(Decimal, MONEY), None]
        case Choice(one_of):
            return [*one_of, "", one_of[0].swapcase(), f"{one_of[0]} ", None]
        case Date():
            ends = [date(1899, 12, 31), date(1900, 1, 1), date(2199, 12, 31), date(2200, 1, 1), date(2024, 2, 29)]
            return [*(TODAY + timedelta(days) for days in DAYS), *ends, None]
        case _:
            raise AssertionError(field)


def records_of(policy: Policy, most: int = 400) -> list[dict[str, Any]]:
    """Each fact of each field beside ordinary ones of the others, and mixtures of ordinary ones."""
    fields = [field for field in policy.inputs if type(field.type) in STORED]
    ordinary = {field.name: [fact for fact in facts_of(field) if accepted(field, fact)] for field in fields}
    plain = {name: facts[len(facts) // 2] for name, facts in ordinary.items()}
    found = [plain | {field.name: fact} for field in fields for fact in facts_of(field)]
    few = [facts[:: max(1, len(facts) // 4)] for facts in ordinary.values()]
    mixtures = [dict(zip(ordinary, facts, strict=True)) for facts in product(*few)]
    return [*found, *mixtures[:: max(1, len(mixtures) // most)]]


def accepted(field: Field, fact: Any) -> bool:
    """True for a fact that is no problem of its field."""
    if fact is None or (isinstance(fact, float) and not abs(fact) < 1e35):
        return False
    if isinstance(field.type, Choice):
        return fact in field.type.one_of
    if isinstance(field.type, Date):
        return bool(date(1900, 1, 1) <= fact <= date(2199, 12, 31))
    return field.low is None or isinstance(fact, bool) or fact >= field.low


def table_of(policy: Policy, records: Sequence[Mapping[str, Any]], dialect: str) -> Table:
    """The records as a table that numbers them."""
    columns = {field.name: STORED[type(field.type)] for field in policy.inputs if type(field.type) in STORED}
    if dialect == "sqlite":
        columns = {name: "float" if stored == "decimal" else stored for name, stored in columns.items()}
    rows = [(number, *(record[name] for name in columns)) for number, record in enumerate(records)]
    return Table("customers", {KEY: "integer", **columns}, rows)


def answer(row: Mapping[str, Any], policy: Policy, prefix: str = "") -> tuple[Any, ...]:
    """A row as a decision says it: outputs, status and rules."""
    outputs = [as_fact(row[f"{prefix}{output.name}"], output.type) for output in policy.outputs]
    return (*outputs, row[f"{prefix}status"], row[f"{prefix}rules"])


def as_fact(value: Any, kind: object) -> Any:
    """A value of SQLite as the fact that it stands for; of other databases it is one."""
    if isinstance(kind, Boolean) and value is not None:
        return bool(value)
    return date.fromisoformat(value) if isinstance(kind, Date) and isinstance(value, str) else value


def wanted(decision: Decision, policy: Policy) -> tuple[Any, ...]:
    """The same of a decision; an invalid row has no rules."""
    rules = "" if decision.status in {"invalid", "blocked"} else ";".join(decision.rules)
    return (*(decision.outputs.get(output.name) for output in policy.outputs), decision.status, rules)


def seen(fact: Any, dialect: str) -> Any:
    """A fact as the table holds it."""
    return float(fact) if isinstance(fact, Decimal) and dialect == "sqlite" else fact


@pytest.mark.parametrize(
    "name",
    [
        "abc-grade",
        "credit-level",
        "customer-size",
        "entitlements",
        "follow-up",
        "pipeline-stage",
        "reputation-grade",
        "reputation-terms",
        "supply-control",
    ],
)
def test_rows_say_what_decide_says(engine: Engine, company: Pack, name: str) -> None:
    """Outputs, status and rules of every row are those of its record."""
    policy = company[name]
    records = [{key: seen(fact, engine.dialect) for key, fact in record.items()} for record in records_of(policy)]
    text = policy.to_sql(dialect=engine.dialect, table="customers", today=TODAY)
    rows = engine.run(table_of(policy, records, engine.dialect), text)
    assert len(rows) == len(records)
    decisions = policy.decide_many(records, today=TODAY)
    different = [
        (records[row[KEY]], answer(row, policy), wanted(decisions[row[KEY]], policy))
        for row in rows
        if answer(row, policy) != wanted(decisions[row[KEY]], policy)
    ]
    assert not different
    assert {decision.status for decision in decisions} >= {"decided"}


def test_the_whole_pack_at_once(engine: Engine, company: Pack) -> None:
    """One SELECT over all policies says of each what it says alone."""
    names = ["pipeline-stage", "follow-up", "abc-grade"]
    fields = {field.name: field for name in names for field in company[name].inputs}
    records = [{name: facts_of(field)[0] for name, field in fields.items()}]
    records += [records[0] | {name: fact} for name, field in fields.items() for fact in facts_of(field)]
    records = [{key: seen(fact, engine.dialect) for key, fact in record.items()} for record in records]
    columns = {name: STORED[type(field.type)] for name, field in fields.items()}
    if engine.dialect == "sqlite":
        columns = {name: "float" if stored == "decimal" else stored for name, stored in columns.items()}
    table = Table(
        "customers", {KEY: "integer", **columns}, [(number, *record.values()) for number, record in enumerate(records)]
    )
    text = company.to_sql(dialect=engine.dialect, table="customers", today=TODAY, policies=names)
    for row in engine.run(table, text):
        for name in names:
            decision = company[name].decide(records[row[KEY]], today=TODAY)
            assert answer(row, company[name], f"{name}.") == wanted(decision, company[name]), records[row[KEY]]


def test_the_day_of_each_row(engine: Engine, terms: Policy) -> None:
    """A column of days decides each row by its own day; without one, or outside the calendar, the row is invalid."""
    days = [TODAY, date(2024, 2, 29), date(2025, 11, 22), date(2025, 11, 21), None, date(1899, 12, 31)]
    record = {"amount": 1.0, "class": "A", "blocked": None, "since": date(2024, 11, 22)}
    table = Table(
        "orders",
        {"amount": "float", "class": "text", "blocked": "boolean", "since": "date", "as of": "date"},
        [(*record.values(), day) for day in days],
    )
    text = terms.to_sql(dialect=engine.dialect, table="orders", today="as of")
    for row in engine.run(table, text):
        day = None if row["as of"] is None else date.fromisoformat(str(row["as of"]))
        if day is None or day < date(1900, 1, 1):
            assert row["status"] == "invalid"
        else:
            assert answer(row, terms) == wanted(terms.decide(record, today=day), terms)


def test_a_view_goes_with_the_clock(engine: Engine, terms: Policy) -> None:
    """With the current date the answer is that of the database's own day, not of the day the text was written."""
    if engine.dialect == "spark":
        pytest.skip("a view of Spark that lasts needs a table that lasts")
    now = engine.execute("SELECT CURRENT_DATE AS now")[0]["now"]
    day = date.fromisoformat(str(now))
    born = [day - timedelta(days) for days in range(0, 800, 7)]
    text = terms.to_sql(dialect=engine.dialect, table="orders", today=CURRENT_DATE)
    stored = "text" if engine.dialect == "sqlite" else "date"
    values = ", ".join(f"(1, 'A', NULL, '{one}')" for one in born)
    engine.execute(
        f"CREATE TABLE orders (amount integer, class text, blocked boolean, since {stored})",
        f"INSERT INTO orders VALUES {values}",  # noqa: S608
        create_view("decided orders", text, dialect=engine.dialect),
    )
    try:
        rows = engine.execute('SELECT * FROM "decided orders"')
    finally:
        engine.execute('DROP VIEW "decided orders"', "DROP TABLE orders")
    assert len(rows) == len(born)
    for row in rows:
        record = {"amount": 1, "class": "A", "blocked": None, "since": date.fromisoformat(str(row["since"]))}
        assert answer(row, terms) == wanted(terms.decide(record, today=day), terms)


# What a column can hold and a record cannot, or the other way round


def decided(
    engine: Engine, policy: Policy, columns: Mapping[str, Stored], *rows: Sequence[Any]
) -> list[tuple[str, Any]]:
    """The status and the reason of rows."""
    text = policy.to_sql(dialect=engine.dialect, table="orders", today=TODAY)
    numbered = [(number, *row) for number, row in enumerate(rows)]
    found = engine.run(Table("orders", {KEY: "integer", **columns}, numbered), text)
    return [(row["status"], row["reason"]) for row in sorted(found, key=lambda row: row[KEY])]


def test_moments_are_days_at_midnight_only(engine: Engine, terms: Policy) -> None:
    """A column of dates and times counts as one of dates at midnight; any other time is no date."""
    columns: dict[str, Stored] = {"amount": "float", "class": "text", "blocked": "boolean", "since": "datetime"}
    rows = [
        (1.0, "A", None, datetime(2020, 1, 1)),  # noqa: DTZ001 - without a zone, as a record holds it
        (1.0, "A", None, datetime(2020, 1, 1, 0, 0, 0, 1)),  # noqa: DTZ001
        (1.0, "A", None, datetime(2020, 1, 1, 12, 30)),  # noqa: DTZ001
    ]
    found = decided(engine, terms, columns, *rows)
    assert found == [("decided", None), ("invalid", "since: wrong-type"), ("invalid", "since: wrong-type")]


def test_numbers_that_are_none(duckdb: Engine, postgres: Engine, terms: Policy) -> None:
    """NaN, infinities and numbers of more digits than a record may have are invalid."""
    columns: dict[str, Stored] = {"amount": "float", "class": "text", "blocked": "boolean", "since": "date"}
    rows = [(amount, "A", None, TODAY) for amount in (math.nan, math.inf, -math.inf, 1e35, 1e-35, 1e34)]
    wrong = ["not-finite", "not-finite", "not-finite", "too-many-digits", "too-many-digits"]
    expected = [*(("invalid", f"amount: {code}") for code in wrong), ("decided", None)]
    assert decided(duckdb, terms, columns, *rows) == expected
    assert decided(postgres, terms, columns, *rows) == expected


@pytest.mark.parametrize("day", ["infinity", "-infinity", "5874897-12-31", "4713-01-01 BC"])
def test_days_beyond_all_calendars(postgres: Engine, company: Pack, day: str) -> None:
    """A date that only PostgreSQL knows is out of range, and ends no query."""
    postgres.execute("CREATE TABLE touches (need text, expected_close date, last_touch date)")
    try:
        postgres.execute(f"INSERT INTO touches VALUES ('clear', NULL, '{day}'), ('clear', '{day}', NULL)")  # noqa: S608
        text = company["follow-up"].to_sql(dialect="postgres", table="touches", today=TODAY, add=["status", "outputs"])
        rows = postgres.execute(f"SELECT status, next_touch FROM ({text}) AS t")  # noqa: S608 - a test
    finally:
        postgres.execute("DROP TABLE touches")
    assert sorted(row["status"] for row in rows) == ["blocked", "invalid"]


def test_numbers_of_any_storage(postgres: Engine, duckdb: Engine, terms: Policy) -> None:
    """The same borders hold for integers of any size, exact decimals and floats."""
    for engine, kinds in (
        (postgres, ("smallint", "integer", "bigint", "numeric", "numeric(38, 10)", "real", "double precision")),
        (duckdb, ("SMALLINT", "UINTEGER", "BIGINT", "HUGEINT", "DECIMAL(38, 10)", "FLOAT", "DOUBLE")),
    ):
        text = terms.to_sql(dialect=engine.dialect, table="orders", today=TODAY)
        for kind in kinds:
            engine.execute(f"CREATE TABLE orders (amount {kind}, class text, blocked boolean, since date)")
            try:
                amounts = (0, 100) if kind.lower() == "smallint" else (499_999, 500_000)
                values = ", ".join(f"({amount}, 'A', NULL, '2020-01-01')" for amount in amounts)
                engine.execute(f"INSERT INTO orders VALUES {values}")  # noqa: S608
                rows = engine.execute(text)
            finally:
                engine.execute("DROP TABLE orders")
            assert [row["days"] for row in rows] == [60 if amount < 500_000 else 30 for amount in amounts], kind


def test_choices_are_compared_by_their_characters(
    sqlite: Engine, duckdb: Engine, postgres: Engine, terms: Policy
) -> None:
    """Neither a collation that ignores case nor the padding of a column makes another text of a choice."""
    for engine, kind, accepted_too in (
        (sqlite, "text COLLATE NOCASE", ()),
        (duckdb, "VARCHAR COLLATE NOCASE", ()),
        (duckdb, "ENUM ('A', 'B', 'a', 'A ')", ()),
        (postgres, "char(3)", ("A ",)),
        (postgres, "varchar(9)", ()),
    ):
        engine.execute(f"CREATE TABLE orders (amount integer, class {kind}, blocked boolean, since date)")
        try:
            engine.execute("INSERT INTO orders VALUES (1, 'A', NULL, '2020-01-01'), (1, 'a', NULL, '2020-01-01')")
            engine.execute("INSERT INTO orders VALUES (1, 'A ', NULL, '2020-01-01')")
            rows = engine.execute(terms.to_sql(dialect=engine.dialect, table="orders", today=TODAY))
        finally:
            engine.execute("DROP TABLE orders")
        padded = "decided" if "A " in accepted_too else "invalid"
        assert [row["status"] for row in rows] == ["decided", "invalid", padded], kind


def test_enums_of_postgres(postgres: Engine, terms: Policy) -> None:
    """A column of an enum that lacks a choice, or has one more, is read as text."""
    postgres.execute("CREATE TYPE class AS ENUM ('A', 'Z')")
    postgres.execute("CREATE TABLE orders (amount integer, class class, blocked boolean, since date)")
    try:
        postgres.execute("INSERT INTO orders VALUES (1, 'A', NULL, '2020-01-01'), (1, 'Z', NULL, '2020-01-01')")
        rows = postgres.execute(terms.to_sql(dialect="postgres", table="orders", today=TODAY))
    finally:
        postgres.execute("DROP TABLE orders", "DROP TYPE class")
    assert [row["reason"] for row in rows] == [None, "class: not-in-choices"]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("amount", "5"),
        ("amount", b"5"),
        ("blocked", 2),
        ("blocked", "true"),
        ("class", b"A"),
        ("class", 1),
        ("since", "soon"),
        ("since", "2026-02-30"),
        ("since", "2026-1-1"),
        ("since", 20260101),
        ("since", "2020-01-01T00:00:00Z"),
    ],
)
def test_sqlite_holds_any_value_in_any_column(sqlite: Engine, terms: Policy, column: str, value: Any) -> None:
    """A value of another type than its field's makes the row invalid, and never one that it looks like."""
    record: dict[str, Any] = {"amount": 1, "class": "A", "blocked": 0, "since": "2020-01-01"}
    text = terms.to_sql(dialect="sqlite", table="orders", today=TODAY)
    sqlite.execute('CREATE TABLE orders (amount, "class", blocked, since)')  # without types nothing is converted
    connection = sqlite.connection  # type: ignore[attr-defined]
    try:
        connection.execute("INSERT INTO orders VALUES (?, ?, ?, ?)", tuple((record | {column: value}).values()))
        row = sqlite.execute(text)[0]
    finally:
        sqlite.execute("DROP TABLE orders")
    assert (row["status"], row["reason"]) == ("invalid", f"{column}: wrong-type")


@pytest.mark.parametrize("written", ["2020-01-01", "2020-01-01 00:00:00", "2020-01-01T00:00:00.000"])
def test_dates_of_sqlite_are_iso_texts(sqlite: Engine, terms: Policy, written: str) -> None:
    """A day, or a moment at midnight as clients write it."""
    columns: dict[str, Stored] = {"amount": "float", "class": "text", "blocked": "boolean", "since": "text"}
    assert decided(sqlite, terms, columns, (1.0, "A", None, written)) == [("decided", None)]


# Rankings


def test_rankings_look_at_all_rows(engine: Engine) -> None:
    """The class of each row is the one that `decide_many` gives it among all; a refused amount takes no part."""
    policy = crm_rules.load(COMPANY.parent)["value-class"]
    if engine.dialect == "sqlite":
        with pytest.raises(CallError, match=r"use another dialect, or fit\(records\)"):
            policy.to_sql(dialect="sqlite", table="t")
        return
    amounts = [700, 700, 500, 300, 300, 20.5, 0, -5, None, 1e36, 100, 60, 40, 10, 10, 1]
    records = [{"sales": None if amount is None else float(amount)} for amount in amounts]
    decisions = policy.decide_many(records)
    # Columns whose names the text might take for its own.
    columns: dict[str, Stored] = {KEY: "integer", "sales": "float", "t": "text", "row": "text", "valid": "text"}
    rows = [(number, record["sales"], "a", "b", "c") for number, record in enumerate(records)]
    found = engine.run(Table("t", columns, rows), policy.to_sql(dialect=engine.dialect, table="t"))
    assert [*found[0]] == [*columns, "class", "status", "rules", "reason"]
    assert {row[KEY]: answer(row, policy) for row in found} == {
        number: wanted(decision, policy) for number, decision in enumerate(decisions)
    }
