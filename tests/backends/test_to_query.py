"""The lowering of programs to queries: what a query says of a row is what the reference evaluator says of its facts.

The queries are interpreted by `query_oracle`, which knows no engine and is strict where engines differ, so thousands of
programs are tried in seconds. That engines answer as the oracle does is the matter of `test_agreement`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

import crm_rules
from crm_rules.backends.query import TODAY, Expr, Fact, Feed, Query, Storage
from crm_rules.backends.query_tables import Layout
from crm_rules.backends.to_query import fields_of, to_query
from crm_rules.decision import Decision
from crm_rules.errors import CallError
from crm_rules.ir.nodes import (
    ANYTHING,
    Add,
    Bound,
    Coalesce,
    Constant,
    DaysBetween,
    Divide,
    FieldValue,
    Minimum,
    Multiply,
    Nothing,
    Round,
    StepValue,
    Within,
)
from crm_rules.ir.nodes import Expr as IrExpr
from crm_rules.ir.population import MEASURES, OF_THE_VALUE, Measure, Population
from crm_rules.ir.program import Column, Derive, Field, Output, Program, Row, Table
from crm_rules.ir.types import Boolean, Choice, Date, Integer, Money, Number
from crm_rules.policy import Policy
from crm_rules.table_asks import chain_of
from crm_rules.testing.agreement import as_value, wanted_value
from crm_rules.testing.agreement_size import is_large
from crm_rules.testing.agreement_tables import ODD, SCALE, fitted, storages_of
from crm_rules.testing.facts import Draw, chance, constants, facts_near, todays
from crm_rules.testing.small_programs import programs
from tests.backends.query_oracle import Ties, run
from tests.backends.query_typing import check_query

NUMBER = Number()
ROWS = 20  # of each query
# By these words a program is refused: each says what a table cannot do.
REFUSALS = (
    "does not say its decimals",
    "has too many digits for a table",
    "cannot hold the list",
    "cannot compare with a value that may be undecided",
)
ROOT = Path(__file__).parents[2]
PACKS = (crm_rules.load(ROOT / "policies"), crm_rules.load(ROOT / "policies" / "sample-company"))
POLICIES = {policy.id: policy for pack in PACKS for policy in pack.values() if not policy.blank_parameters()}


@dataclass(frozen=True)
class Asked:
    """A policy, its feeds, and rows of facts that those can hold; without `today` each row has its own day."""

    policy: Policy
    feeds: tuple[Feed, ...]
    rows: tuple[dict[str, Any], ...]
    today: date | None
    layout: Layout = "tree"

    @property
    def query(self) -> Query:
        """The query that adds all there is to add, each under its own name."""
        day: Expr | None = None if self.today is not None or not self.policy.needs_today else Fact(TODAY)
        names = ("status", "rules", "reason", *(f"output:{output.name}" for output in self.policy.outputs))
        results = {name: name for name in names}
        chain = chain_of(self.policy)
        return to_query(chain, self.feeds, results=results, today=self.today, day=day, layout=self.layout)

    def day(self, row: Mapping[str, Any]) -> date | None:
        """The day of a row."""
        found: date | None = row.get(TODAY, self.today)
        return found


@st.composite
def feeds_of(draw: Draw, fields: tuple[Field, ...]) -> tuple[Feed, ...]:
    """A feed for each field, of some storage that fits it; an optional one may have none."""
    found: dict[str, Feed] = {}
    for field in fields:
        if field.may_be_missing and chance(draw, 10):
            continue
        storage: Storage = "any" if chance(draw, 5) else draw(st.sampled_from(storages_of(field)))
        found[field.name] = Feed(field.name, field.name, storage, SCALE if storage == "decimal" else 0)
    for field in fields:
        if field.currency is not None and field.currency not in found and not chance(draw, 10):
            found[field.currency] = Feed(field.currency, field.currency, "text")
    return tuple(found.values())


@st.composite
def facts_of(
    draw: Draw, fields: tuple[Field, ...], feeds: tuple[Feed, ...], borders: list[Any], today: date | None
) -> dict[str, Any]:
    """A row: mostly facts near the borders, in the storage of their column, now and then missing or odd."""
    declared = {field.name: field for field in fields}
    units = {field.currency: getattr(field.type, "unit", None) for field in fields if field.currency is not None}
    row: dict[str, Any] = {}
    spoiled = chance(draw, 3)
    for feed in feeds:
        field = declared.get(feed.name)
        may_miss = spoiled or field is None or field.optional or field.default is not None
        if may_miss and chance(draw, 4):
            row[feed.column] = None
        elif spoiled and ODD[feed.storage] and chance(draw, 2):
            row[feed.column] = draw(st.sampled_from(ODD[feed.storage]))
        elif feed.name in units and not chance(draw, 4):
            row[feed.column] = units[feed.name]
        elif field is None:
            row[feed.column] = "USD"
        else:
            row[feed.column] = fitted(draw(facts_near(field, borders, today=today)), feed.storage)
    return row


@st.composite
def asked_of(draw: Draw, policy: Policy, count: int = ROWS) -> Asked:
    """Rows for a policy, decided on one day or each on its own."""
    fields = fields_of(chain_of(policy))
    feeds = draw(feeds_of(fields))
    borders = list(constants(policy.whole))
    today = None if policy.needs_today and chance(draw, 3) else draw(todays(policy.whole))
    rows = []
    for _ in range(count):
        day = draw(todays(policy.whole)) if today is None else today
        row = draw(facts_of(fields, feeds, borders, day))
        rows.append(row | {TODAY: None if chance(draw, 10) else day} if today is None else row)
    if today is None:
        feeds = (*feeds, Feed(TODAY, TODAY, "date"))
    return Asked(policy, feeds, tuple(rows), today, draw(st.sampled_from(get_args(Layout))))


def agrees(asked: Asked) -> set[str]:
    """Compare each row with the reference evaluator; the statuses that were found, `refused` for a refusal."""
    try:
        query = asked.query
    except CallError as error:
        if not any(words in str(error) for words in REFUSALS):
            raise
        return {"refused"}
    check_query(query)
    found = set()
    for ties in get_args(Ties):
        answers = run(query, asked.rows, ties=ties)
        decisions = decided(asked)
        for row, answer, decision in zip(asked.rows, answers, decisions, strict=True):
            found.add(str(answer["status"]))
            wrong = difference(asked, row, answer, decision)
            assert not wrong, (
                f"{wrong}\n  row = {row}\n  day = {asked.day(row)}\n  answer = {answer}\n"
                f"  feeds = {asked.feeds}\n  program = {asked.policy.program}"
            )
    return found


def decided(asked: Asked) -> list[Decision | None]:
    """What the reference evaluator answers, or the policy where it is a chain or a ranking; None without a day."""
    policy = asked.policy
    if policy.ranks():
        return [*policy.decide_many([dict(row) for row in asked.rows], today=asked.today)]
    found: list[Decision | None] = []
    for row in asked.rows:
        day = asked.day(row)
        if day is None and policy.needs_today:
            found.append(None)
        else:
            found.append((policy.decide if policy.required else policy.answer)(dict(row), today=day))
    return found


def difference(asked: Asked, row: Mapping[str, Any], answer: Mapping[str, Any], decision: Decision | None) -> str:
    """How the answer for a row differs from the decision; empty when it does not."""
    if decision is None:
        right = answer["status"] == "invalid" and "today: missing" in answer["reason"]
        return "" if right else "a row without a day is not invalid"
    policy = asked.policy
    if answer["status"] == "too_large":
        rows = asked.rows if policy.ranks() else (row,)
        return "" if any(is_large(policy, one, {}) for one in rows) else "no number is large"
    if answer["status"] != decision.status or answer["rules"] != ";".join(decision.rules):
        return f"expected {decision.status} by {decision.rules}"
    for output in policy.outputs:
        value = as_value(output.type, answer[f"output:{output.name}"])
        wanted = wanted_value(decision.outputs.get(output.name))
        if value != wanted or type(value) is not type(wanted):
            return f"expected {output.name} = {wanted!r}, found {value!r}"
    if (answer["reason"] is None) != (decision.status == "decided"):
        return "a reason belongs to undecided rows alone"
    wrong = [f"{problem.field}: {problem.code}" for problem in decision.problems]
    found = answer["reason"].split("; ") if wrong else []
    if found != wrong and is_large(policy, row, {}):
        # How many decimals a number beyond 53 bits has is not asked where the row is invalid anyway.
        wrong, found = ([item for item in items if not item.endswith(": decimals")] for items in (wrong, found))
    return "" if found == wrong else f"expected problems {wrong}"


@given(programs().flatmap(lambda program: asked_of(Policy(program))))
def test_a_query_answers_what_the_program_answers(asked: Asked) -> None:
    """Status, rules, outputs and reasons of rows near the borders, of every storage, odd facts among them."""
    for status in agrees(asked):
        event(status)


@pytest.mark.parametrize("name", POLICIES)
@settings(max_examples=max(1, settings().max_examples // 8))
@given(data=st.data())
def test_a_query_answers_what_a_chain_of_policies_answers(name: str, data: st.DataObject) -> None:
    """The starter policies, with those that they require: what is undecided below makes a row blocked."""
    policy = POLICIES[name]
    asked = data.draw(asked_of(policy))
    if policy.ranks() and asked.today is None:
        asked = replace(asked, today=date(2026, 6, 15))
    for status in agrees(asked):
        event(status)


# Rankings


def ranking(measures: tuple[Measure, ...], *, within: bool, positive: bool) -> Policy:
    """Amounts ranked, in regions or all together, and a class for those below a border of each measure."""
    own = [Field(measure, MEASURES[measure][0]) for measure in measures]
    columns = tuple(Column(one.name, FieldValue(one.name), one.type) for one in own)
    border = Bound(Constant(2, Integer()), closed=True), Bound(Constant(Fraction(4, 5), Number()), closed=False)
    tests = tuple(Within(None, border[0] if isinstance(one.type, Integer) else border[1]) for one in own)
    grade = Choice(("A", "B"))
    rows = (Row("a", tests, (Constant("A", grade),)), Row("b", tuple(ANYTHING for _ in own), (Constant("B", grade),)))
    table = Table("classes", columns, rows, (("class", grade),), "first")
    value = FieldValue("amount")
    region = (FieldValue("region"),) if within else ()
    fields = (
        Field("amount", Number(), optional=True, decimals=2, high=10**9),
        Field("region", Choice(("N", "S")), optional=True),
        *own,
    )
    population = Population(value, tuple((measure, measure) for measure in measures), region, positive)
    outputs = (Output("class", grade, StepValue("classes", "class")),)
    return Policy(
        Program("ranking", "1.0.0", "ranking", fields, (), (table,), outputs, population=(population,)),
    )


@given(
    st.lists(st.sampled_from(get_args(Measure)), min_size=1, max_size=2, unique=True),
    st.booleans(),
    st.booleans(),
    st.data(),
)
def test_a_query_ranks_as_all_records_together_are_ranked(
    measures: list[Measure],
    within: bool,  # noqa: FBT001 - drawn
    positive: bool,  # noqa: FBT001 - drawn
    data: st.DataObject,
) -> None:
    """Ties, amounts of zero and below, missing and invalid ones, regions of one record and of none."""
    if not positive and OF_THE_VALUE & set(measures):
        positive = True  # only what is above zero has a share
    policy = ranking(tuple(measures), within=within, positive=positive)
    amounts = st.sampled_from([0.0, 1.0, 1.0, 2.5, 3.0, 10.0, -1.0, 0.01, 1e9, None, 1e10, 0.001])
    regions = st.sampled_from(["N", "N", "S", None, "W"])
    rows = data.draw(st.lists(st.fixed_dictionaries({"amount": amounts, "region": regions}), max_size=8))
    feeds = (Feed("amount", "amount", "float"), Feed("region", "region", "text"))
    for status in agrees(Asked(policy, feeds, tuple(rows), None)):
        event(status)


# Each of these was wrong once.


def asked(program: Program, *rows: dict[str, Any]) -> Asked:
    """A program about rows of the likeliest types of its fields."""
    feeds = tuple(Feed(field.name, field.name, storages_of(field)[0]) for field in program.fields)
    return Asked(Policy(program), feeds, rows, None)


def formula(expr: IrExpr, *fields: Field, kind: Number | Integer = NUMBER) -> Program:
    """A program of one formula."""
    return Program("formula", "1.0.0", "derived", fields, (), (), (Output("extra", kind, expr, optional=True),))


def test_constants_are_computed_from_their_values() -> None:
    """Not from their bounds: a divisor that is known lies between one and itself."""
    three = Coalesce((Constant(3, NUMBER), Nothing(NUMBER)))
    quotient = Derive("three", three, NUMBER)
    rounded = Round(Divide(StepValue("three", "three"), StepValue("three", "three")), 3, "half_down")
    assert agrees(asked(replace(formula(rounded), steps=(quotient,)), {})) == {"decided"}


def test_a_row_whose_outputs_are_undecided_has_no_rules() -> None:
    """A table that needs the value of an undecided one gives nothing, and says nothing."""
    flag, money = Field("flag", Boolean()), Money("CNY")
    twice = tuple(Row(name, (ANYTHING,), (Constant(0, money),)) for name in ("one", "other"))
    column = (Column("flag", FieldValue("flag"), flag.type),)
    first = Table("first", column, twice, (("out", money),))
    second = Table("second", column, (Row("any", (ANYTHING,), (StepValue("first", "out"),)),), (("out", money),))
    outputs = (Output("out", money, StepValue("second", "out")),)
    program = Program("tables", "1.0.0", "tables", (flag,), (), (first, second), outputs)
    assert agrees(asked(program, {"flag": True}, {"flag": None})) == {"conflict", "invalid"}


def test_a_gathered_minimum_of_nothing_but_missing_values_is_no_match() -> None:
    """What rows give may be missing in a record, although it is written there."""
    money = Money("CNY")
    column = (Column("flag", FieldValue("flag"), Boolean()),)
    rows = (Row("any", (ANYTHING,), (FieldValue("amount"),)),)
    table = Table("least", column, rows, (("least", money),), "collect", "min")
    fields = (Field("flag", Boolean()), Field("amount", money, optional=True))
    output = Output("least", money, StepValue("least", "least"))
    program = Program("least", "1.0.0", "tables", fields, (), (table,), (output,))
    found = agrees(asked(program, {"flag": True, "amount": None}, {"flag": True, "amount": 1.0}))
    assert found == {"no_match", "decided"}


def test_an_earliest_day_of_nothing_is_a_missing_day() -> None:
    """Of the kind of a day, since engines check the branches that no row takes too."""
    due = Field("due", Date())
    earliest = Minimum((Nothing(Date()), FieldValue("due")))
    between = formula(DaysBetween(earliest, FieldValue("due")), due, kind=Integer("day"))
    assert agrees(asked(between, {"due": date(2026, 1, 31)})) == {"decided"}


def test_rounding_by_a_large_divisor_fits_64_bits() -> None:
    """Or is called too large; the product of a floor and its divisor lies beyond the dividend."""
    fields = tuple(Field(name, Integer()) for name in ("part", "whole"))
    program = formula(Round(Divide(FieldValue("part"), FieldValue("whole")), 0, "floor"), *fields)
    most = 2**51
    rows = [{"part": part, "whole": whole} for part in (-most, -1, 1, most) for whole in (most, -most, 1, most - 1)]
    assert agrees(asked(program, *rows)) <= {"decided", "too_large"}


@pytest.mark.parametrize("digits", [0, 2, 4])
def test_products_and_sums_at_the_edge_of_64_bits_are_exact_or_too_large(digits: int) -> None:
    """Amounts so large that one more digit would not fit."""
    fields = tuple(Field(name, NUMBER, decimals=digits) for name in ("left", "right"))
    left, right = FieldValue("left"), FieldValue("right")
    edges = [float(sign * 3 * 10**exponent) for sign in (1, -1) for exponent in (0, 6, 12, 15)]
    rows = [{"left": one, "right": other} for one in edges for other in edges]
    found = set()
    for expr in (Multiply(left, right), Add(left, right), Add(Multiply(left, right), left)):
        found |= agrees(asked(formula(expr, *fields), *rows))
    assert found == {"decided", "too_large"}
