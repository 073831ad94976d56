"""`check_agreement` passes engines that decide as the policy does, and notices each way of deciding otherwise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import crm_rules
from crm_rules.errors import CallError
from crm_rules.ir.nodes import Add, Constant, FieldValue, Multiply
from crm_rules.ir.program import Field, Output, Program
from crm_rules.ir.types import Boolean, Choice, Date, Integer, ListOfValues, Money, Number
from crm_rules.policy import Policy
from crm_rules.testing import check_agreement
from crm_rules.testing.agreement import as_value, tables_of, wanted_value
from crm_rules.testing.agreement_answers import Answer, Engine, Given
from crm_rules.testing.agreement_engines import ENGINES, many_answers
from crm_rules.testing.agreement_size import is_large
from crm_rules.testing.agreement_tables import DAY, KEY, Table, table_of

ROOT = Path(__file__).parents[2]
STAGE = crm_rules.load(ROOT / "policies")["pipeline-stage"]
LEVEL = crm_rules.load(ROOT / "policies")["credit-level"]
TODAY = date(2026, 11, 21)

Change = Callable[[Answer], Answer]


def changed(change: Change, *, only: str = "decided") -> Engine:
    """An engine that decides as the policy does, but for the last answer of a status."""

    def decide(policy: Policy, table: Table, given: Given) -> Mapping[int, Answer]:
        answers = dict(many_answers(policy, table, given))
        last = [number for number, answer in answers.items() if answer.status == only][-1]
        return answers | {last: change(answers[last])}

    return Engine(decide)


def noticed(engine: Engine, policy: Policy = STAGE) -> str:
    """The sentence by which an engine fails."""
    with pytest.raises(AssertionError) as caught:
        check_agreement(policy, {"mine": engine}, today=TODAY, examples=20)
    return str(caught.value)


def test_an_engine_that_decides_as_the_policy_does_passes() -> None:
    """One of the library's own, and one that is handed over."""
    check_agreement(STAGE, ["python"], examples=20)
    check_agreement(STAGE, {"mine": Engine(many_answers)}, today=TODAY, examples=20)


def test_another_output_is_noticed() -> None:
    """The message names engine, output, what was found and expected, the record and the day."""
    message = noticed(changed(lambda answer: replace(answer, outputs={"stage": "never"})))
    assert "pipeline-stage 1.0.0, engine `mine`: `stage` is 'never', expected '" in message
    assert "record = {'need': '" in message
    assert "today = datetime.date(2026, 11, 21)" in message
    assert "Answer(status='decided'" in message


@pytest.mark.parametrize(
    ("change", "only", "sentence"),
    [
        (lambda answer: replace(answer, status="no_match"), "decided", "the status is `no_match`, expected `decided`"),
        (lambda answer: replace(answer, status="decided"), "invalid", "the status is `decided`, expected `invalid`"),
        (lambda answer: replace(answer, rules=answer.rules + ";x"), "decided", ";x`, expected `"),
        (lambda answer: replace(answer, outputs={}), "decided", "`stage` is None, expected '"),
        (lambda answer: replace(answer, outputs={"stage": "A"}), "invalid", "`stage` is 'A', expected None"),
        (lambda answer: replace(answer, status="too_large"), "decided", "no number is large"),
    ],
)
def test_every_other_answer_is_noticed(change: Change, only: str, sentence: str) -> None:
    """Status, rules, outputs that are missing or too many, and numbers called large that are not."""
    assert sentence in noticed(changed(change, only=only))


def test_a_row_that_is_lost_is_noticed() -> None:
    """As many answers as rows, whatever their order."""

    def decide(policy: Policy, table: Table, given: Given) -> Mapping[int, Answer]:
        answers = dict(reversed(list(many_answers(policy, table, given).items())))
        answers.pop(0)
        return answers

    assert "records are asked, " in noticed(Engine(decide))


def test_a_truth_value_is_no_number() -> None:
    """What Python calls equal is told apart."""
    field = Field("amount", Number())
    policy = Policy(
        Program("carry", "1.0.0", "derived", (field,), (), (), (Output("amount", Number(), FieldValue("amount")),))
    )
    engine = changed(lambda answer: replace(answer, outputs={"amount": True}))
    with pytest.raises(AssertionError, match="`amount` is True, expected 1"):
        check_agreement(policy, {"mine": engine}, records=[{"amount": 1}])


def test_an_unknown_engine_is_the_callers_mistake() -> None:
    """All known ones are named."""
    with pytest.raises(CallError, match=r"no engine is called mine, polar; known are python, .*sql:sqlite"):
        check_agreement(STAGE, ["polar", "python", "mine"])


def test_own_records_are_asked_and_no_others() -> None:
    """In the types of each table, on the day that is given."""
    seen: list[Table] = []

    def decide(policy: Policy, table: Table, given: Given) -> Mapping[int, Answer]:
        seen.append(table)
        return many_answers(policy, table, given)

    records: list[dict[str, Any]] = [{"need": "clear", "expected_close": date(2026, 12, 1)}, {"need": "none"}]
    check_agreement(STAGE, {"mine": Engine(decide)}, records=records, today=TODAY)
    assert [len(table.rows) for table in seen] == [2, 2]
    assert {table.storages["expected_close"] for table in seen} == {"date", "datetime"}
    assert [row["need"] for row in seen[0].rows] == ["clear", "none"]
    assert {table.today for table in seen} == {TODAY}


def test_the_day_is_also_a_column_of_the_table() -> None:
    """Without a day of the caller's the last table has many."""
    tables = list(tables_of(STAGE, None, None, {}, 30))
    assert [table.today for table in tables[:-1]] == [date(2026, 6, 15), date(2026, 1, 31)]
    assert tables[-1].today == DAY
    assert len({row[DAY] for row in tables[-1].rows}) > 3


def test_what_is_given_is_no_column() -> None:
    """A required decision that is handed over needs none of the fields below it."""
    policy = crm_rules.load(ROOT / "policies")["follow-up"]
    (table, *_) = tables_of(policy, None, TODAY, {"stage": "B"}, 10)
    assert set(table.storages) == {KEY, "last_touch"}
    check_agreement(policy, ["python", "sql:sqlite"], today=TODAY, given={"stage": "B"}, examples=10)


@pytest.mark.parametrize("field", LEVEL.inputs, ids=lambda field: field.name)
def test_every_storage_of_a_field_is_asked(field: Field) -> None:
    """With what only it can hold."""
    tables = list(tables_of(LEVEL, None, TODAY, {}, 10))
    stored = [table.storages[field.name] for table in tables]
    match field.type:
        case Date():
            assert stored == ["date", "datetime"]
            assert date.max in {row[field.name] for row in tables[0].rows}
        case Number() | Money():
            assert stored == ["float", "decimal", "integer"]
        case _:
            assert len(set(stored)) == 1


def test_a_fact_is_brought_into_the_type_of_its_column() -> None:
    """Cut to the decimals of the column, left out where the column cannot hold it."""
    facts = [5, 2.75, Decimal("0.1234567"), float("nan"), 10**40, True, "5", None]
    records = [{"amount": fact} for fact in facts]
    found = {
        storage: [row["amount"] for row in table_of(records, {"amount": storage}, None, odd=False).rows]
        for storage in ("integer", "decimal", "text")
    }
    assert found["integer"] == [5, 2, 0, None, None, None, None, None]
    assert found["decimal"] == [5, Decimal("2.75"), Decimal("0.123456"), None, None, None, None, None]
    assert found["text"] == [None] * 6 + ["5", None]


def test_only_records_of_large_numbers_are_large() -> None:
    """Beside the largest fact it counts what formulas make of it, in units of the last decimal."""
    amount, rate = Field("amount", Money("CNY"), decimals=2), Field("rate", Number(), decimals=4)
    product = Multiply(FieldValue("amount"), Add(FieldValue("rate"), Constant(1, Number())))
    policy = Policy(
        Program("p", "1.0.0", "derived", (amount, rate), (), (), (Output("product", Money("CNY"), product),))
    )
    assert not is_large(policy, {"amount": 10**6, "rate": 1}, {})
    assert is_large(policy, {"amount": 10**8, "rate": 10**3}, {})
    assert is_large(policy, {"amount": 10**14, "rate": 0}, {})
    assert not is_large(policy, {"amount": None, "rate": "a text"}, {})


@pytest.mark.parametrize(
    ("kind", "found", "wanted"),
    [
        (Boolean(), 1, True),
        (Boolean(), 0, False),
        (Integer(), 3.0, 3),
        (Number(), 0.1, Decimal("0.1")),
        (Number(), Decimal("1.50"), Decimal("1.5")),
        (Number(), float("nan"), None),
        (Date(), "2026-01-31", date(2026, 1, 31)),
        (ListOfValues(Choice(("a", "b"))), "a;b", ["a", "b"]),
        (Choice(("a",)), "a", "a"),
    ],
)
def test_an_answer_is_compared_as_a_value_of_its_output(kind: Any, found: Any, wanted: Any) -> None:
    """Databases without truth values or dates, floats and decimals that show the same number."""
    assert as_value(kind, found) == wanted_value(wanted)
    assert type(as_value(kind, found)) is type(wanted_value(wanted))


def test_each_known_engine_decides_one_small_table() -> None:
    """Those of them that are installed."""
    for name in sorted(set(ENGINES) - {"pyspark", "dask", "ibis"}):
        check_agreement(STAGE, [name], records=[{"need": "clear", "expected_close": date(2026, 12, 1)}], today=TODAY)
