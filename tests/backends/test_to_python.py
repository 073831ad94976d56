"""Generated Python answers what the reference evaluator answers, or leaves the record to the slow path."""

from __future__ import annotations

import decimal
import linecache
import random
import subprocess
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crm_rules
from benchmarks import workloads
from crm_rules.backends.python_runtime import to_exact, to_float
from crm_rules.backends.to_python import compile_python, python_source
from crm_rules.ir import days
from crm_rules.ir.evaluate import evaluate
from crm_rules.ir.nodes import (
    ANYTHING,
    AddTime,
    Bound,
    Call,
    Coalesce,
    Constant,
    DaysBetween,
    Expr,
    FieldValue,
    IsMissing,
    OneOf,
    ParameterValue,
    StepValue,
    Test,
    TimeUnit,
    Today,
    Within,
)
from crm_rules.ir.normalize import normalize
from crm_rules.ir.numbers import exact, to_fact
from crm_rules.ir.program import Column, Dated, Derive, Field, HitPolicy, Output, Parameter, Program, Row, Table
from crm_rules.ir.record import read_record
from crm_rules.ir.types import Boolean, Choice, Date, Integer, Money, Number, Text, Type
from tests.strategies import FUNCTIONS, cases, programs

TODAY = date(2026, 11, 21)
SLOW = "slow"
CNY = Money("CNY")
ABC = crm_rules.load("sample-company")["abc-grade"].program
CUSTOMER: Mapping[str, Any] = {
    "contract_amount": 5_000_000,
    "paid_in_time": True,
    "receivable": 100_000,
    "premium": 0.15,
    "influence": "key",
    "first_dealing": date(2020, 2, 29),
}


@lru_cache(maxsize=8)
def compiled(program: Program, **options: Any) -> Callable[..., Any]:
    """The function of a program; its slow path answers `SLOW`."""
    return compile_python(
        program,
        construct=lambda owner, outputs, values, today: (owner, outputs, values, today),
        owner=program.id,
        slow=lambda record, today, given: SLOW,  # noqa: ARG005 - the shape of every slow path
        functions=FUNCTIONS,
        **options,
    )


def one_field(kind: Type, **options: Any) -> Program:
    """A program that hands its only field through."""
    return passing(Field("fact", kind, **options))


def passing(*fields: Field) -> Program:
    """A program that hands all its fields through."""
    outputs = tuple(Output(field.name, field.type, FieldValue(field.name), optional=True) for field in fields)
    return Program("pass", "1.0.0", "derived", fields, (), (), outputs)


def table(columns: Mapping[Expr, Type], rows: Sequence[tuple[Test, ...]], hit_policy: HitPolicy = "unique") -> Table:
    """A table whose rows answer with their own number."""
    made = tuple(Row(f"r{i}", tests, (Constant(i, Integer()),)) for i, tests in enumerate(rows))
    aggregation = "list" if hit_policy == "collect" else None
    named = tuple(Column(f"c{i}", expr, kind) for i, (expr, kind) in enumerate(columns.items()))
    return Table("rules", named, made, (("row", Integer()),), hit_policy, aggregation)  # type: ignore[arg-type]


def deciding(one: Table, *fields: Field, parameters: tuple[Parameter, ...] = ()) -> Program:
    """A program of one table."""
    output = Output("row", Integer(), StepValue("rules", "row"))
    return Program("table", "1.0.0", "decision-table", fields, parameters, (one,), (output,))


def at_most(value: Any, kind: Type) -> Test:
    """`<= value`."""
    return Within(None, Bound(Constant(value, kind), closed=True))


def agrees(original: Program, rewritten: Program, record: dict[str, Any], today: date | None) -> Any:
    """What the compiled program answers, after comparing it with the reference."""
    found = compiled(rewritten)(record, today=today)
    reading = read_record(original, record)
    if reading.problems:
        assert found == SLOW
        return found
    wanted = evaluate(original, reading.values, today, FUNCTIONS)
    if found == SLOW:
        return found
    assert wanted.status == "decided"
    outputs = tuple(to_fact(wanted.outputs[output.name]) for output in original.outputs)
    facts = tuple(record.get(field.name) for field in original.fields)
    assert found == (original.id, outputs, facts, today)
    assert list(map(type, found[1])) == list(map(type, outputs))
    return found


# Agreement


@given(st.data())
def test_a_compiled_program_answers_what_the_evaluator_answers(data: st.DataObject) -> None:
    """Whatever the program, the record and the day: the same outputs, or the slow path."""
    program = data.draw(programs(calls=True))
    rewritten = normalize(program) if data.draw(st.booleans()) else program
    for _ in range(3):
        record, today = data.draw(cases(program))
        agrees(program, rewritten, record, today)


@given(st.data())
def test_a_straightforward_record_of_a_decided_program_is_not_left_to_the_slow_path(data: st.DataObject) -> None:
    """Plain customers on and beside every border are decided by the generated function itself."""
    number = st.sampled_from(
        ["0", "49999.99", "100000", "300000", "300000.01", "499999.99", "2000000", "5000000", "0.1"]
    )
    numbers = number.flatmap(lambda text: st.sampled_from([Decimal(text), float(text), int(Decimal(text))]))
    premium = st.sampled_from(["0.15", "0.1499", "0.1", "0.0999", "0.05", "-0.2", "0", "0.0500000000001"])
    record = {
        "contract_amount": data.draw(numbers),
        "paid_in_time": data.draw(st.booleans()),
        "receivable": data.draw(numbers),
        "premium": data.draw(premium.flatmap(lambda text: st.sampled_from([Decimal(text), float(text)]))),
        "influence": data.draw(st.sampled_from(["leader", "key", "minor", "sporadic"])),
        "first_dealing": data.draw(st.sampled_from([date(2025, 11, 21), date(2025, 11, 22), date(2024, 2, 29)])),
    }
    today = data.draw(st.sampled_from([TODAY, date(2026, 2, 28), date(2025, 2, 28)]))
    assert agrees(ABC, normalize(ABC), record, today) != SLOW
    assert agrees(ABC, ABC, record, today) != SLOW


def test_the_generated_grade_is_the_grade_by_hand() -> None:
    """A thousand customers get the grade that a person's function gives them."""
    decide = compiled(normalize(ABC))
    for record in workloads.customers(1000):
        assert decide(record, today=TODAY)[1] == (workloads.grade_by_hand(record, TODAY),)


def test_an_override_decides_although_a_characteristic_has_a_gap() -> None:
    """What an output does not need is not asked, as in the reference."""
    total = ABC.steps.index(ABC.step("receivable"))
    receivable = ABC.tables[1]
    gap = replace(
        ABC, steps=(*ABC.steps[:total], replace(receivable, rows=receivable.rows[:1]), *ABC.steps[total + 1 :])
    )
    record = {**CUSTOMER, "receivable": 900_000}
    assert agrees(gap, normalize(gap), record, TODAY) == SLOW
    assert agrees(gap, normalize(gap), {**record, "first_dealing": TODAY}, TODAY)[1] == ("C",)


@pytest.mark.parametrize("hit_policy", ["unique", "first", "any", "collect"])
@settings(max_examples=5)
@given(st.integers(0, 2**32))
def test_a_table_whose_tree_would_be_too_large_is_written_row_by_row(hit_policy: HitPolicy, seed: int) -> None:
    """Many overlapping rows over many fields still answer what the evaluator answers."""
    chance = random.Random(seed)  # noqa: S311 - rules, not secrets
    names = [f"n{index}" for index in range(6)]

    def cell() -> Test:
        low = chance.randrange(20)
        bounds = Bound(Constant(low, Integer()), closed=True), Bound(Constant(low + 9, Integer()), closed=False)
        return ANYTHING if chance.random() < 0.4 else Within(*bounds)

    rows = [tuple(cell() for _ in names) for _ in range(60)]
    columns: dict[Expr, Type] = {FieldValue(name): Integer() for name in names}
    program = deciding(table(columns, rows, hit_policy), *(Field(name, Integer()) for name in names))
    for _ in range(50):
        agrees(program, program, {name: chance.randrange(-2, 32) for name in names}, None)


def test_rows_of_a_table_without_a_tree_are_tried_in_a_flat_loop() -> None:
    """Long chains must not nest, or Python cannot read its own text."""
    names = [f"n{index}" for index in range(12)]
    rows = [
        tuple(at_most(row + column, Integer()) if (row + column) % 5 == 0 else ANYTHING for column in range(12))
        for row in range(400)
    ]
    columns: dict[Expr, Type] = {FieldValue(name): Integer() for name in names}
    program = deciding(table(columns, rows, "first"), *(Field(name, Integer()) for name in names))
    assert "while True" in python_source(program)
    assert agrees(program, program, dict.fromkeys(names, 7), None) != SLOW
    assert agrees(program, program, dict.fromkeys(names, 1000), None) == SLOW


# What is left to the slow path

BAD: dict[str, tuple[Any, ...]] = {
    "contract_amount": (
        True, "5000000", None, -1, float("nan"), float("inf"), Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"),
        1e40, 1e-40, 10**40, Decimal("1E-40"), Decimal("1." + "0" * 34 + "1"), Fraction(1, 2), 1j,
    ),
    "paid_in_time": (1, 0, "true", None, 1.0),
    "receivable": (False, "", -float("inf"), 1e35, 5e-324, Decimal("-1E+36")),
    "premium": ("0.15", Decimal("-Infinity"), float("nan")),
    "influence": ("Leader", "", None, 1, type("Word", (str,), {})("leader"), ["leader"]),
    "first_dealing": (
        "2020-02-29", None, datetime(2020, 2, 29), date(1899, 12, 31), date(2200, 1, 1), 20200229,  # noqa: DTZ001
    ),
}  # fmt: skip


@pytest.mark.parametrize(("name", "fact"), [(name, fact) for name, facts in BAD.items() for fact in facts])
def test_a_fact_that_is_not_plain_takes_the_slow_path(name: str, fact: object) -> None:
    """Another type, not finite, too long, out of range, unknown, missing: never decided by guess."""
    decide = compiled(normalize(ABC))
    assert decide(dict(CUSTOMER), today=TODAY) != SLOW
    assert decide({**CUSTOMER, name: fact}, today=TODAY) == SLOW
    assert decide({key: value for key, value in CUSTOMER.items() if key != name}, today=TODAY) == SLOW


@pytest.mark.parametrize(
    "today", [None, "2026-11-21", datetime(2026, 11, 21), date(1899, 12, 31), date(2200, 1, 1), 0, True]  # noqa: DTZ001
)  # fmt: skip
def test_a_day_that_is_not_plain_takes_the_slow_path(today: Any) -> None:
    """Only a date of the range is a day, also after another day was used."""
    decide = compiled(normalize(ABC))
    assert decide(dict(CUSTOMER), today=today) == SLOW
    assert decide(dict(CUSTOMER), today=TODAY) != SLOW
    assert decide(dict(CUSTOMER), today=today) == SLOW


def test_a_record_that_is_no_dict_or_comes_with_given_takes_the_slow_path() -> None:
    """Mappings, objects and given decisions are read elsewhere."""
    decide = compiled(normalize(ABC))
    assert decide(type("Record", (dict,), {})(CUSTOMER), today=TODAY) == SLOW
    assert decide(None, today=TODAY) == SLOW
    assert decide(dict(CUSTOMER), today=TODAY, given={}) == SLOW


def test_a_program_that_reads_no_day_needs_none_unless_it_is_asked_for() -> None:
    """Without a day it decides; a day that is no plain date is refused all the same."""
    program = one_field(Integer())
    assert compiled(program)({"fact": 1}) == ("pass", (1,), (1,), None)
    assert compiled(program)({"fact": 1}, today=TODAY)[3] == TODAY
    assert compiled(program)({"fact": 1}, today="2026-11-21") == SLOW
    assert compiled(program, needs_today=True)({"fact": 1}) == SLOW


def test_a_gap_and_a_conflict_take_the_slow_path() -> None:
    """A leaf without a row, or with two of a UNIQUE table, is not decided here."""
    rows = [
        (at_most(5, Integer()),),
        (Within(Bound(Constant(5, Integer()), closed=True), Bound(Constant(9, Integer()), closed=True)),),
    ]
    decide = compiled(deciding(table({FieldValue("n"): Integer()}, rows), Field("n", Integer())))
    assert [decide({"n": n}) for n in (5, 10)] == [SLOW, SLOW]
    assert [decide({"n": n})[1] for n in (4, 6, 9)] == [(0,), (1,), (1,)]


def test_a_blank_parameter_is_never_decided() -> None:
    """Neither one without values nor a dated one before its first day."""
    test = Within(None, Bound(ParameterValue("limit"), closed=True))
    rules = table({FieldValue("n"): Integer()}, [(test,), (ANYTHING,)], "first")

    def decide(*values: Dated) -> Callable[..., Any]:
        return compiled(deciding(rules, Field("n", Integer()), parameters=(Parameter("limit", Integer(), values),)))

    assert decide()({"n": 1}, today=TODAY) == SLOW
    dated = decide(Dated(date(2026, 1, 1), 5))
    assert dated({"n": 1}, today=date(2025, 12, 31)) == SLOW
    assert dated({"n": 1}, today=date(2026, 1, 1))[1] == (0,)


# Numbers


@given(
    st.one_of(
        st.floats(allow_nan=True, allow_infinity=True),
        st.integers(-(10**36), 10**36),
        st.decimals(allow_nan=True, allow_infinity=True),
        st.builds(lambda n, e: Decimal((0, (n,), e)), st.integers(0, 9), st.integers(-40, 40)),
        st.builds(lambda n, e: float(f"{n}e{e}"), st.integers(0, 9), st.integers(-40, 40)),
        st.sampled_from([10**34, 10**34 - 1, 10**35, 1e34, 1e35, 1e-34, 9e-35, Decimal("1E+35"), Decimal("9E+34")]),
    )
)
def test_the_fast_range_of_numbers_lies_within_the_exact_one(fact: Any) -> None:
    """A number that is decided fits, and its output is its exact value."""
    for kind in (Number(), Integer()):
        program = one_field(kind)
        found = agrees(program, program, {"fact": fact}, None)
        value = exact(fact)
        plain = value is not None and (value == 0 or Fraction(1, 10**30) < abs(Fraction(value)) < 10**30)
        if plain and (isinstance(kind, Number) or Fraction(value or 0).denominator == 1):
            assert found != SLOW


@given(st.integers(-(10**15), 10**15), st.integers(-20, 20), st.integers(-1, 1))
def test_a_border_of_fifteen_digits_divides_floats_as_it_divides_their_decimals(
    units: int, places: int, ulps: int
) -> None:
    """The border as a float compares with a float fact as the exact border does with the fact's repr."""
    border = Fraction(units) * Fraction(10) ** places
    as_float = to_float(border)
    if as_float is None:
        return
    fact = as_float + ulps * (abs(as_float) * 2**-52)
    if not 1e-30 < abs(fact) < 1e30:
        return
    value = to_exact(fact)
    assert (fact < as_float, fact == as_float) == (value < border, value == border)


@given(st.sampled_from(["0.15", "0.1", "2.675", "1e-9", "0.123456789012345", "12345678901234.5"]), st.data())
def test_int_float_and_decimal_facts_meet_the_same_border(text: str, data: st.DataObject) -> None:
    """A border that is no whole number is compared exactly, whatever the type of the fact."""
    border = Fraction(text)
    rules = table({FieldValue("n"): Number()}, [(at_most(border, Number()),), (ANYTHING,)], "first")
    program = deciding(rules, Field("n", Number()))
    shift = data.draw(st.sampled_from([0, 1, -1])) * Decimal("1e-15")
    near = Decimal(text) + shift
    facts = [near, float(near), int(near), Decimal(text), float(text)]
    for fact in facts:
        assert agrees(program, program, {"n": fact}, None) != SLOW


@given(st.integers(-(10**17), 10**17), st.integers(0, 6), st.integers(0, 4), st.booleans())
def test_decimals_are_counted_as_the_reference_counts_them(units: int, places: int, most: int, as_float: bool) -> None:  # noqa: FBT001
    """A fact with more decimals than its field has is never decided; one with fewer is."""
    fact: Any = Decimal((int(units < 0), tuple(map(int, str(abs(units)))), -places))
    program = one_field(Number(), decimals=most)
    fact = float(fact) if as_float else fact
    found = agrees(program, program, {"fact": fact}, None)
    assert (found == SLOW) == bool(read_record(program, {"fact": fact}).problems)


def test_limits_of_a_field_hold_for_every_type_of_fact() -> None:
    """On the limit is inside, beside it is not; also for limits that are no whole numbers."""
    decide = compiled(one_field(Number(), low=Fraction(-5, 2), high=Fraction(7, 2)))
    assert [decide({"fact": fact}) == SLOW for fact in (-2.5, Decimal("3.5"), 3, -2, 0.0)] == [False] * 5
    assert [decide({"fact": fact}) == SLOW for fact in (-2.51, Decimal("3.51"), 4, -3, 1e-40)] == [True] * 5


def test_an_amount_in_another_currency_takes_the_slow_path() -> None:
    """The column beside the amount must name the amount's own currency."""
    decide = compiled(one_field(CNY, currency="in"))
    assert decide({"fact": 5, "in": "CNY"})[1] == (5,)
    assert [decide({"fact": 5, "in": other}) for other in ("USD", None, 5)] == [SLOW] * 3
    assert decide({"fact": 5}) == SLOW


def test_the_hosts_decimal_context_changes_nothing() -> None:
    """Three digits of precision, and every trap set, in the application's context."""
    decide = compiled(normalize(ABC))
    record = {**CUSTOMER, "contract_amount": Decimal("4999999.99"), "premium": Decimal("0.14999")}
    wanted = decide(record, today=TODAY)
    with decimal.localcontext() as context:
        context.prec = 3
        for signal in context.traps:
            context.traps[signal] = True
        assert decide(record, today=TODAY) == wanted
        assert compiled(normalize(ABC))(record, today=TODAY) == wanted
        assert compiled(one_field(Number(), decimals=5))({"fact": Decimal("1234.56789")})[1] == (Decimal("1234.56789"),)
    assert wanted[1] == ("B",)


def test_a_number_is_an_output_as_int_or_decimal() -> None:
    """Whole numbers as int, others as Decimal, whatever the fact was."""
    decide = compiled(one_field(Number()))
    assert [decide({"fact": fact})[1] for fact in (1.0, Decimal("2.50"), 0.1)] == [
        (1,),
        (Decimal("2.5"),),
        (Decimal("0.1"),),
    ]
    assert type(decide({"fact": 1.0})[1][0]) is int


# Optional fields and defaults


def test_a_missing_fact_stays_missing_in_the_decision_and_counts_as_its_default() -> None:
    """The values of a decision are what the caller gave; the default only takes part in the rules."""
    rules = table({FieldValue("n"): Number()}, [(at_most(Fraction(1, 2), Number()),), (ANYTHING,)], "first")
    program = deciding(rules, Field("n", Number(), default=Fraction(3, 10)))
    assert agrees(program, program, {}, None)[1:3] == ((0,), (None,))
    assert agrees(program, program, {"n": None}, None)[1:3] == ((0,), (None,))
    assert agrees(program, program, {"n": Decimal("0.7")}, None)[1:3] == ((1,), (Decimal("0.7"),))


@pytest.mark.parametrize("fact", [None, 1, 0.3, Decimal("0.3"), 0.31])
def test_an_optional_number_may_be_missing_beside_borders_of_any_form(fact: Any) -> None:
    """A missing number passes no comparison, and `missing` finds it."""
    border = OneOf((Constant(Fraction(3, 10), Number()),))
    rules = table({FieldValue("n"): Number()}, [(border,), (IsMissing(),), (ANYTHING,)], "first")
    program = deciding(rules, Field("n", Number(), optional=True))
    assert agrees(program, program, {"n": fact}, None)[1] == ({None: 1, 0.3: 0, Decimal("0.3"): 0}.get(fact, 2),)


def test_carried_texts_and_booleans_come_through() -> None:
    """A text is not tested, only typed; a boolean is a bool."""
    decide = compiled(passing(Field("text", Text(), optional=True), Field("yes", Boolean())))
    assert decide({"text": "客户 \"'\\\n", "yes": False})[1] == ("客户 \"'\\\n", False)
    assert decide({"yes": True})[1] == (None, True)
    assert decide({"text": 5, "yes": True}) == SLOW


# Days


def due_in(parameter: str) -> Program:
    """A program whose border moves with the day and with a dated parameter."""
    border = AddTime(Today(), ParameterValue(parameter), "month")
    rules = table({FieldValue("due"): Date()}, [(Within(None, Bound(border, closed=True)),), (ANYTHING,)], "first")
    values = (Dated(None, 1), Dated(date(2026, 6, 1), 3))
    return deciding(rules, Field("due", Date()), parameters=(Parameter(parameter, Integer("month"), values),))


def test_a_dated_parameter_follows_the_day() -> None:
    """Each day has its own border, in whatever order the days come."""
    program = due_in("months")
    for today in (date(2026, 5, 31), date(2026, 6, 1), date(2026, 5, 31), date(2027, 1, 31), date(2024, 1, 31)):
        for shift in range(25, 95):
            assert agrees(program, program, {"due": today + timedelta(shift)}, today) != SLOW


@given(st.sampled_from([Fraction(1, 2), Fraction(1, 4), 3]), st.sampled_from([0.5, 0.25, Decimal("0.25"), 3, 3.5]))
def test_a_dated_border_meets_each_type_of_fact(value: Any, fact: Any) -> None:
    """A dated amount is compared in the fact's own type."""
    parameter = Parameter("limit", Number(), (Dated(None, Fraction(1, 2)), Dated(date(2026, 6, 1), value)))
    test = Within(None, Bound(ParameterValue("limit"), closed=False))
    rules = table({FieldValue("n"): Number()}, [(test,), (ANYTHING,)], "first")
    program = deciding(rules, Field("n", Number()), parameters=(parameter,))
    for today in (date(2026, 5, 31), date(2026, 6, 1)):
        assert agrees(program, program, {"n": fact}, today) != SLOW


def test_threads_that_use_different_days_do_not_mix_them() -> None:
    """The values of a day are swapped as a whole."""
    decide = compiled(due_in("months"))
    due = date(2026, 7, 15)

    def work(today: date) -> set[int]:
        return {decide({"due": due}, today=today)[1][0] for _ in range(3000)}

    with ThreadPoolExecutor(2) as pool:
        early, late = pool.map(work, (date(2026, 5, 31), date(2026, 6, 1)))
    assert (early, late) == ({1}, {0})


def test_a_day_without_its_border_takes_the_slow_path() -> None:
    """A border beyond the calendar is missing; the reference says what that means."""
    border = AddTime(Today(), Constant(200_000, Integer("month")), "month")
    rules = table({FieldValue("due"): Date()}, [(Within(None, Bound(border, closed=True)),), (ANYTHING,)], "first")
    program = deciding(rules, Field("due", Date()))
    assert agrees(program, program, {"due": TODAY}, TODAY) == SLOW


@given(st.dates(days.FIRST, days.LAST), st.dates(days.FIRST, days.LAST))
def test_a_cadence_gives_the_next_touch_and_the_days_overdue(last: date, today: date) -> None:
    """Rows whose outputs are computed, and steps that several outputs read."""
    stage = Choice(("A", "B"))
    touches: tuple[tuple[str, int, TimeUnit], ...] = (("A", 2, "week"), ("B", 1, "year"))
    rows = tuple(
        Row(
            name,
            (OneOf((Constant(name, stage),)),),
            (Coalesce((AddTime(FieldValue("last"), Constant(count, Integer()), unit), Today())),),
        )
        for name, count, unit in touches
    )
    every = Table("every", (Column("stage", FieldValue("stage"), stage),), rows, (("next", Date()),))
    overdue = Derive("overdue", DaysBetween(StepValue("every", "next"), Today()), Integer("day"))
    outputs = (
        Output("next", Date(), StepValue("every", "next")),
        Output("overdue", Integer("day"), StepValue("overdue", "overdue"), optional=True),
    )
    fields = (Field("stage", stage), Field("last", Date(), optional=True))
    program = Program("touch", "1.0.0", "cadence", fields, (), (every, overdue), outputs)
    for record in ({"stage": "A", "last": last}, {"stage": "B", "last": last}, {"stage": "A"}):
        assert agrees(program, program, record, today) != SLOW


# The text


def test_names_of_fields_may_be_anything() -> None:
    """Keywords, the engine's own words, Chinese, quotes, and names that differ only in their Unicode form."""
    names = [
        "today",
        "record",
        "slow",
        "class",
        "int",
        "construct",
        "客户类型",
        "a b",
        'it\'s "x"',
        "ﬁ",
        "fi",
        "__x",
        "1",
        "known",
        "",
    ]
    program = passing(*(Field(name, Integer()) for name in names))
    record = {name: index for index, name in enumerate(names)}
    assert compiled(program)(record)[1] == tuple(range(len(names)))


def test_texts_of_a_policy_cannot_break_out_of_the_text() -> None:
    """Choices with quotes, line breaks and code are data."""
    options = ("it's", 'say "x"', "a\nb", "\\", "');import os;('", "{0}", "#", "\ud800")
    rules = table(
        {FieldValue("c"): Choice(options)}, [(OneOf((Constant(text, Choice(options)),)),) for text in options]
    )
    decide = compiled(deciding(rules, Field("c", Choice(options))))
    assert [decide({"c": text})[1] for text in options] == [(index,) for index in range(len(options))]


def test_the_same_program_gives_the_same_text_in_every_process() -> None:
    """Nothing depends on the hash seed."""
    code = (
        "from benchmarks.workloads import large_table; from crm_rules.backends.to_python import python_source;"
        "import crm_rules; print(python_source(crm_rules.load('sample-company')['abc-grade'].program),"
        "python_source(large_table(40)[0]))"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": "."},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(texts) == 1
    assert b"def decide" in texts.pop()


def test_a_traceback_shows_the_generated_line() -> None:
    """The text is known to `linecache` under a name that follows from its content."""
    output = Output("day", Date(), Call("next_monday", (FieldValue("day"),), Date()), optional=True)
    program = Program("calls", "1.0.0", "derived", (Field("day", Date()),), (), (), (output,))

    def fail(day: date) -> date:
        raise LookupError(day)

    decide = compile_python(program, construct=tuple, owner=None, slow=print, functions={"next_monday": fail})
    with pytest.raises(LookupError) as caught:
        decide({"day": TODAY}, today=TODAY)
    frame = traceback.extract_tb(caught.value.__traceback__)[1]
    assert frame.filename.startswith("<crm_rules calls ")
    assert frame.line == "next_monday = functions['next_monday'](day)"
    assert "".join(linecache.getlines(frame.filename)) == python_source(program)


def test_a_large_disjoint_table_becomes_a_tree_that_decides_every_record() -> None:
    """Two hundred rules over eight fields: no record is left to the slow path, and no row is tried in turn."""
    program, records = workloads.large_table()
    decide = compiled(program)
    assert "while True" not in python_source(program)
    for record in records[:100]:
        wanted = evaluate(program, read_record(program, record).values)
        assert decide(record)[1] == tuple(wanted.outputs.values())
