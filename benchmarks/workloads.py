# ruff: noqa: PLR2004 - the figures are the rules
"""What is measured: customers, their grade by a function written by hand, and a large table.

The grade is that of the sample company's policy `abc-grade`. The hand-written function takes the
same record and day, computes the months itself and answers with the text of the grade: what an
engineer would write for these rules, without any check of the facts. The large table is IR.
"""

from __future__ import annotations

import random
from calendar import monthrange
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from crm_rules.ir.nodes import (
    ANYTHING,
    Bound,
    Constant,
    FieldValue,
    OneOf,
    StepValue,
    Test,
    Within,
)
from crm_rules.ir.numbers import Exact
from crm_rules.ir.program import Column, Field, Output, Program, Row, Table
from crm_rules.ir.types import Choice, Integer, Money, Type

TODAY = date(2026, 11, 21)
CNY = Money("CNY")
INFLUENCE = Choice(("leader", "key", "minor", "sporadic"))


def within(kind: Type, low: Exact | None, high: Exact | None, *, closed: str = "[") -> Test:
    """`[low..high)`, or `(low..high]` where `closed` says so."""
    from_low = None if low is None else Bound(Constant(low, kind), closed == "[")
    to_high = None if high is None else Bound(Constant(high, kind), closed == "]")
    return Within(from_low, to_high)


def is_one(value: Any, kind: Type) -> Test:
    """A cell with one literal."""
    return OneOf((Constant(value, kind),))


def grade_by_hand(record: Mapping[str, Any], today: date) -> str:  # noqa: C901, PLR0912 - a scorecard is a chain of cases
    """The rules of the sample company's `abc-grade`, as a person writes them."""
    first = record["first_dealing"]
    months = (today.year - first.year) * 12 + today.month - first.month
    if today.day < first.day and today.day < monthrange(today.year, today.month)[1]:
        months -= 1
    if months < 12:
        return "C"
    total = 0
    if record["paid_in_time"]:
        amount = record["contract_amount"]
        if amount >= 5_000_000:
            total += 4
        elif amount >= 2_000_000:
            total += 3
        elif amount >= 500_000:
            total += 2
        else:
            total += 1
    else:
        total += 1
    receivable = record["receivable"]
    if receivable <= 100_000:
        total += 4
    elif receivable <= 300_000:
        total += 3
    elif receivable <= 800_000:
        total += 2
    else:
        total += 1
    premium = record["premium"]
    if premium >= 0.15:
        total += 4
    elif premium >= 0.1:
        total += 3
    elif premium >= 0.05:
        total += 2
    else:
        total += 1
    influence = record["influence"]
    if influence == "leader":
        total += 4
    elif influence == "key":
        total += 3
    elif influence == "minor":
        total += 2
    else:
        total += 1
    if total >= 14:
        return "A"
    if total >= 12:
        return "B"
    if total >= 10:
        return "C"
    return "ungraded"


FIFTEEN, TEN, FIVE = Decimal("0.15"), Decimal("0.1"), Decimal("0.05")


def grade_by_hand_decimal(record: Mapping[str, Any], today: date) -> str:  # noqa: C901, PLR0912 - a scorecard is a chain of cases
    """`grade_by_hand` for a premium that is a Decimal."""
    first = record["first_dealing"]
    months = (today.year - first.year) * 12 + today.month - first.month
    if today.day < first.day and today.day < monthrange(today.year, today.month)[1]:
        months -= 1
    if months < 12:
        return "C"
    total = 0
    if record["paid_in_time"]:
        amount = record["contract_amount"]
        if amount >= 5_000_000:
            total += 4
        elif amount >= 2_000_000:
            total += 3
        elif amount >= 500_000:
            total += 2
        else:
            total += 1
    else:
        total += 1
    receivable = record["receivable"]
    if receivable <= 100_000:
        total += 4
    elif receivable <= 300_000:
        total += 3
    elif receivable <= 800_000:
        total += 2
    else:
        total += 1
    premium = record["premium"]
    if premium >= FIFTEEN:
        total += 4
    elif premium >= TEN:
        total += 3
    elif premium >= FIVE:
        total += 2
    else:
        total += 1
    influence = record["influence"]
    if influence == "leader":
        total += 4
    elif influence == "key":
        total += 3
    elif influence == "minor":
        total += 2
    else:
        total += 1
    if total >= 14:
        return "A"
    if total >= 12:
        return "B"
    if total >= 10:
        return "C"
    return "ungraded"


def customers(count: int, *, form: str = "float") -> list[dict[str, Any]]:
    """Customers of all grades, in a fixed order; `form` says what a premium is: `float` or `decimal`."""
    chance = random.Random(20261121)  # noqa: S311 - records, not secrets
    found = []
    for _ in range(count):
        premium = chance.randrange(0, 2500)
        found.append(
            {
                "contract_amount": int(10 ** chance.uniform(5, 7.3)),
                "paid_in_time": chance.random() < 0.85,
                "receivable": int(10 ** chance.uniform(4, 6.2)),
                "premium": premium / 10000 if form == "float" else Decimal(premium).scaleb(-4),
                "influence": chance.choice(INFLUENCE.one_of),
                "first_dealing": TODAY - timedelta(chance.randrange(30, 3000)),
            }
        )
    return found


def large_table(rules: int = 200, fields: int = 8) -> tuple[Program, list[dict[str, Any]]]:
    """A disjoint table without gaps, by cutting the box of all records at random, and records all over it."""
    chance = random.Random(200)  # noqa: S311 - rules, not secrets
    names = [f"number_{index}" for index in range(fields)]
    boxes: list[dict[str, tuple[int | None, int | None]]] = [dict.fromkeys(names, (None, None))]
    while len(boxes) < rules:
        box = boxes.pop(chance.randrange(len(boxes)))
        name = chance.choice(names)
        low, high = box[name]
        least, most = 0 if low is None else low, 1000 if high is None else high
        if most - least < 2:
            boxes.append(box)
            continue
        at = chance.randrange(least + 1, most)
        boxes += [{**box, name: (low, at)}, {**box, name: (at, high)}]
    chance.shuffle(boxes)
    kind = Choice(tuple("ABCDEFGH"))
    rows = tuple(
        Row(
            f"rule-{index}",
            tuple(ANYTHING if box[name] == (None, None) else within(Integer(), *box[name]) for name in names),
            (Constant(chance.choice(kind.one_of), kind),),
        )
        for index, box in enumerate(boxes)
    )
    table = Table(
        "rules", tuple(Column(name, FieldValue(name), Integer()) for name in names), rows, (("answer", kind),)
    )
    program = Program(
        id="large-table",
        version="1.0.0",
        kind="decision-table",
        fields=tuple(Field(name, Integer()) for name in names),
        parameters=(),
        steps=(table,),
        outputs=(Output("answer", kind, StepValue("rules", "answer")),),
    )
    records = [{name: chance.randrange(1000) for name in names} for _ in range(1000)]
    return program, records
