"""`to_sql` gives one SELECT that a person can read: its text for a small policy, its names, and what it refuses."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
import sqlglot

import crm_rules
from crm_rules.backends.query import Every, Fixed, Item, Joined, Named, Negate, Query, When
from crm_rules.backends.sql_dialects import DIALECTS, dialect_of, text_literal
from crm_rules.backends.sql_layout import remark
from crm_rules.backends.sql_select import written_query
from crm_rules.backends.to_sql import CURRENT_DATE, create_view
from crm_rules.errors import CallError
from crm_rules.pack import Pack
from crm_rules.policy import Policy

FOLDER = Path(__file__).parent / "sql"
COMPANY = Path(__file__).parents[2] / "policies" / "sample-company"
TODAY = date(2026, 11, 22)


@pytest.fixture(scope="module")
def terms() -> Policy:
    """A small policy with a number, a choice, a truth value and a date."""
    return crm_rules.load(FOLDER / "terms.yaml")["terms"]


@pytest.fixture(scope="module")
def company() -> Pack:
    """The policies of the sample company."""
    return crm_rules.load(COMPANY)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_text_of_a_small_policy(terms: Policy, dialect: str) -> None:
    """The text is the one that a person has looked at."""
    text = terms.to_sql(dialect=dialect, table=("crm", "orders"), today=TODAY)
    assert f"{text}\n" == (FOLDER / f"terms.{dialect}.sql").read_text(encoding="utf-8")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_another_parser_reads_the_text(company: Pack, dialect: str) -> None:
    """SQLGlot parses what is written for each policy of the company as one statement."""
    for policy in company.values():
        if not policy.ranks():
            text = policy.to_sql(dialect=dialect, table="customers", today=TODAY)
            assert len(sqlglot.parse(text, dialect=dialect)) == 1


@pytest.mark.parametrize("dialect", DIALECTS)
def test_lines_are_short(terms: Policy, dialect: str) -> None:
    """No line is longer than a wide window of an editor."""
    assert max(map(len, terms.to_sql(dialect=dialect, table="orders", today=TODAY).splitlines())) <= 140


def test_the_day_of_each_row(terms: Policy) -> None:
    """`today` may be a column, and is the database's own date where that is asked for."""
    assert 't."as_of"' in terms.to_sql(dialect="postgres", table="orders", today="as_of")
    text = terms.to_sql(dialect="postgres", table="orders", today=CURRENT_DATE)
    assert "CURRENT_DATE" in text
    assert not re.search(r"DATE '20\d\d", text)


def test_only_what_is_asked_for_is_written(terms: Policy) -> None:
    """`add`, `prefix` and `names` say which columns there are and how they are called."""
    text = terms.to_sql(dialect="duckdb", table="orders", today=TODAY, add=["days"], names={"days": "days to pay"})
    assert re.findall(r'END AS "([^"]*)"', text.partition("FROM")[0]) == ["days to pay"]
    assert '"x_status"' in terms.to_sql(dialect="duckdb", table="orders", today=TODAY, prefix="x_")


def test_mapped_and_missing_columns(terms: Policy) -> None:
    """A field takes the column that it is mapped to, and none where it is mapped to None."""
    columns = {"amount": "Betrag", "blocked": None}
    text = terms.to_sql(dialect="duckdb", table="orders", today=TODAY, columns=columns)
    assert 't."Betrag"' in text
    assert 't."amount"' not in text
    assert 't."blocked"' not in text


def test_rules_are_named_beside_their_conditions(terms: Policy) -> None:
    """A reader finds the id of a rule as a comment where its condition is."""
    text = terms.to_sql(dialect="postgres", table="orders", today=TODAY, add=["days"])
    assert all(f"-- {rule}" in text for rule in ("stopped", "best", "good"))


def test_a_pack_in_one_select(company: Pack) -> None:
    """The columns of several policies have the policies' names before them; what they share is computed once."""
    text = company.to_sql(dialect="postgres", table="customers", today=TODAY, policies=["pipeline-stage", "follow-up"])
    added = re.findall(r'AS "([\w-]+\.\w+)"', text)
    assert added[:2] == ["pipeline-stage.stage", "pipeline-stage.status"]
    assert added[4:] == [
        f"follow-up.{name}" for name in ("next_touch", "days_overdue", "due", "status", "rules", "reason")
    ]
    assert text.count("THEN 'unknown'  -- undated") == 1


def test_a_pack_says_which_policies_are_blocked() -> None:
    """A policy with blank parameters has columns that say so, and the others go on."""
    pack = crm_rules.load(COMPANY.parent)
    text = pack.to_sql(dialect="duckdb", table="customers", today=TODAY, policies=["abc-grade", "pipeline-stage"])
    assert "'abc-grade.$amount_top: blank" in text
    assert "'half-year'" in text


def test_views(terms: Policy) -> None:
    """A view is the SELECT behind its name."""
    text = terms.to_sql(dialect="spark", table="orders", today=TODAY)
    assert create_view(("crm", "terms"), text, dialect="spark") == f"CREATE VIEW `crm`.`terms` AS\n{text}"


# What it refuses


def test_unknown_dialects_are_refused() -> None:
    """The refusal names a dialect that is meant, or all."""
    with pytest.raises(CallError, match="there is no SQL dialect `postgresql`; did you mean `postgres`"):
        dialect_of("postgresql")
    with pytest.raises(CallError, match="there are postgres, duckdb, sqlite, spark"):
        dialect_of("x")


@pytest.mark.parametrize(
    ("dialect", "name"),
    [
        ("sqlite", ""),
        ("sqlite", "a\0b"),
        ("duckdb", "\ud800"),
        ("postgres", "ü" * 32),
        ("spark", "${env:HOME}"),
    ],
)
def test_names_that_cannot_be_written_are_refused(terms: Policy, dialect: str, name: str) -> None:
    """A NUL, half a character, what PostgreSQL would cut off, and what Spark would replace."""
    with pytest.raises(CallError):
        terms.to_sql(dialect=dialect, table=name, today=TODAY)
    with pytest.raises(CallError):
        terms.to_sql(dialect=dialect, table="orders", today=TODAY, columns={"amount": name})


def test_two_columns_of_one_name_are_refused(terms: Policy) -> None:
    """Most databases do not tell `Days` from `days`; PostgreSQL does."""
    names = {"status": "Days"}
    with pytest.raises(CallError, match="which duckdb takes for one"):
        terms.to_sql(dialect="duckdb", table="orders", today=TODAY, names=names)
    assert '"Days"' in terms.to_sql(dialect="postgres", table="orders", today=TODAY, names=names)


def test_a_day_is_needed(terms: Policy) -> None:
    """A policy that depends on the day is not written without one."""
    with pytest.raises(CallError, match="needs today="):
        terms.to_sql(dialect="duckdb", table="orders")


# The text of single expressions


def test_comments_end_with_their_line() -> None:
    """Whatever a note holds, nothing of it is read as SQL, or turns the direction of the text."""
    assert remark("a\nb\r; DROP TABLE t; \u2028 \u202e x ${y}") == "-- a b ; DROP TABLE t;     x $ {y}"
    assert remark("Spark reads on behind a backslash \\ \\") == "-- Spark reads on behind a backslash"


@pytest.mark.parametrize(
    ("dialect", "literal"),
    [
        ("sqlite", "'a\\''b${c}'"),
        ("duckdb", "'a\\''b${c}'"),
        ("postgres", "E'a\\\\''b${c}'"),
        ("spark", "'a\\\\\\'b$\\{c}'"),
    ],
)
def test_texts_are_escaped_as_each_dialect_reads_them(dialect: str, literal: str) -> None:
    """A quote, a backslash, and what Spark would replace."""
    assert text_literal("a\\'b${c}", DIALECTS[dialect]) == literal


def test_chains_have_one_case() -> None:
    """A long chain is one CASE, however long; nested it would be too deep for a parser."""
    expr: Fixed | When = Fixed("last")
    for number in range(1_000):
        expr = When(Negate(Fixed(number)), Fixed(f"v{number}"), expr, (f"rule {number}", "at last"))
    text = written_query(Query("q", (), (), (Item("r", expr, "text"),)), DIALECTS["duckdb"], "t")
    assert text.count("CASE") == 1
    assert text.count("-- rule ") == 1_000
    assert text.count("-- at last") == 1


def test_names_of_stages_are_short_and_differ() -> None:
    """Items that differ in case, in their policy, or behind the sixtieth letter have names that differ."""
    names = ["p/a", "q/a", "p/A", "p/" + "x" * 70, "p/" + "x" * 70 + "y"]
    stage = tuple(
        Item(name, Every((Fixed(value=True), Fixed(value=bool(place)))), "boolean") for place, name in enumerate(names)
    )
    results = tuple(Item(f"r{place}", Every((Named(name), Named(name))), "boolean") for place, name in enumerate(names))
    text = written_query(Query("q", (), (stage,), results), DIALECTS["postgres"], "t")
    found = re.findall(r'AS "([^"]*)"', text)[len(names) :]
    assert len({name.casefold() for name in found}) == len(names)
    assert max(map(len, found)) <= 63


def test_nothing_to_join_is_the_empty_text() -> None:
    """Texts that are all empty are the empty text."""
    query = Query("q", (), (), (Item("r", Joined((Fixed(""), Fixed(""))), "text"),))
    assert "'' AS" in written_query(query, DIALECTS["sqlite"], "t")
