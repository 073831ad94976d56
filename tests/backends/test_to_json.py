"""The exchange form round-trips, the hash covers the meaning and nothing else, and no text can do harm."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_rules.backends.to_json import DEEPEST, FORMAT, NODES, content_hash, from_json, to_json
from crm_rules.errors import CallError
from crm_rules.ir.nodes import Add, Constant, DatePart, FieldValue, Negate, Round, Within
from crm_rules.ir.program import Dated, Derive, Field, Label, Output, Parameter, Program, Row, Table
from crm_rules.ir.types import Choice, Integer, ListOf, Number, Text
from crm_rules.source import Span
from tests.strategies import programs

SPAN = Span("p.yaml", 1, 1, 2)
THIRD = Constant(Fraction(1, 3), Number(quotient=True))
SMALL = Program(
    "p",
    "1",
    "x",
    (Field("amount", Number(), low=Fraction(1, 2), label=Label("Amount", "金额"), span=SPAN),),
    (Parameter("big", Integer(), (Dated(None, 5, SPAN, "base"), Dated(date(2026, 1, 1), 6))),),
    (Derive("d", THIRD, Number(quotient=True), text="a third"),),
    (Output("n", Number(), Round(FieldValue("amount"), 2, "half_up"), value_labels=(("1", Label("one")),)),),
)


@given(programs(calls=True))
def test_a_program_survives_writing_and_reading(program: Program) -> None:
    """Reading what was written gives an equal program, and writing that gives the same text."""
    text = to_json(program)
    assert from_json(text) == program
    assert to_json(from_json(text)) == text


@given(st.one_of(st.fractions(), st.integers(-(10**60), 10**60), st.booleans(), st.text(), st.dates()))
def test_every_value_survives(value: Any) -> None:
    """Quotients, long integers, booleans, texts and days keep their value and their type."""
    program = replace(SMALL, steps=(Derive("d", Constant((value, (value,)), Text()), Text()),))
    read = from_json(to_json(program)).steps[0]
    assert isinstance(read, Derive)
    assert isinstance(read.expr, Constant)
    assert repr(read.expr.value) == repr((value, (value,)))


def test_the_types_of_later_kinds_survive() -> None:
    """A list of records keeps its members."""
    listed = ListOf((("day", Integer()), ("kind", Choice(("a", "b")))))
    program = replace(SMALL, fields=(Field("events", listed),))
    assert from_json(to_json(program)) == program


def test_the_text_is_canonical() -> None:
    """Keys are sorted, defaults and spans absent, Chinese is written as it is."""
    label = '{"en":"Amount","is":"Label","zh":"金额"}'
    field = f'{{"is":"Field","label":{label},"low":{{"number":"0.5"}},"name":"amount","type":{{"is":"Number"}}}}'
    assert f'"fields":[{field}]' in to_json(SMALL)
    assert "p.yaml" not in to_json(SMALL)


FOR_PEOPLE: dict[str, Callable[[Program], Program]] = {
    "a field's label": lambda p: replace(p, fields=(replace(p.fields[0], label=Label("Sum")),)),
    "the policy's label": lambda p: replace(p, label=Label("Policy")),
    "a text": lambda p: replace(p, steps=(Derive("d", THIRD, Number(quotient=True), text="else"),)),
    "a value's label": lambda p: replace(p, outputs=(replace(p.outputs[0], value_labels=()),)),
    "a span": lambda p: replace(p, span=SPAN),
    "the layer": lambda p: replace(
        p, parameters=(replace(p.parameters[0], values=(Dated(None, 5), p.parameters[0].values[1])),)
    ),
}
MEANING: dict[str, Callable[[Program], Program]] = {
    "the id": lambda p: replace(p, id="q"),
    "a limit": lambda p: replace(p, fields=(replace(p.fields[0], low=1),)),
    "a field's name": lambda p: replace(p, fields=(replace(p.fields[0], name="total"),)),
    "a parameter's value": lambda p: replace(p, parameters=(replace(p.parameters[0], values=(Dated(None, 7),)),)),
    "a parameter's day": lambda p: replace(p, parameters=(replace(p.parameters[0], values=(Dated(None, 5),)),)),
    "an expression": lambda p: replace(p, outputs=(replace(p.outputs[0], expr=FieldValue("amount")),)),
    "a boolean for one": lambda p: replace(p, fields=(replace(p.fields[0], default=True),)),
    "one for a boolean": lambda p: replace(p, fields=(replace(p.fields[0], default=1),)),
    "a rule's id": lambda p: replace(p, steps=(Table("t", (), (Row("r", (), ()),), ()),)),
}


@pytest.mark.parametrize("change", FOR_PEOPLE.values(), ids=FOR_PEOPLE)
def test_the_hash_leaves_out_what_is_for_people(change: Callable[[Program], Program]) -> None:
    """Labels, texts, spans and layers do not change the hash."""
    assert content_hash(change(SMALL)) == content_hash(SMALL)


def test_the_hash_covers_the_meaning() -> None:
    """Every change of meaning gives a hash of its own."""
    hashes = [content_hash(SMALL), *(content_hash(change(SMALL)) for change in MEANING.values())]
    assert len(set(hashes)) == len(hashes)
    assert all(len(found) == 64 for found in hashes)


def test_the_hash_covers_the_chain() -> None:
    """The hashes of required policies are part of it, in any order."""
    chained = content_hash(SMALL, {"a": "1", "b": "2"})
    assert chained == content_hash(SMALL, {"b": "2", "a": "1"})
    assert len({chained, content_hash(SMALL), content_hash(SMALL, {"a": "1", "b": "3"})}) == 3


def document(program: Any) -> str:
    """The text of a document around the data of a program."""
    return json.dumps({"format": FORMAT, "program": program})


def with_expr(expr: Any) -> str:
    """The text of a program whose derived step has the given expression."""
    data = json.loads(to_json(SMALL))["program"]
    data["steps"][0]["expr"] = expr
    return document(data)


BAD: dict[str, tuple[str, str]] = {
    "no JSON": ("{", "line 1, column 2"),
    "not a document": ("[]", FORMAT),
    "another format": ('{"format":"x","program":{}}', FORMAT),
    "no program": (document({"is": "Label"}), "not a `Program`"),
    "a bare value": (document(5), "not a `Program`"),
    "an unknown node": (with_expr({"is": "__import__"}), "no node `__import__`"),
    "a node of another module": (with_expr({"is": "Span", "path": "x"}), "no node `Span`"),
    "an unknown member": (with_expr({"is": "Today", "__class__": 1}), "no member `__class__`"),
    "a missing member": (with_expr({"is": "Negate"}), "lacks its member `operand`"),
    "a number for a node": (with_expr({"is": "Negate", "operand": 5}), "`operand` of `Negate`"),
    "a test for an expression": (with_expr({"is": "Negate", "operand": {"is": "IsMissing"}}), "`operand`"),
    "a boolean for a number": (
        with_expr({"is": "Round", "operand": {"is": "Today"}, "digits": True, "mode": "up"}), "`digits`",
    ),
    "an unknown word": (
        with_expr({"is": "Round", "operand": {"is": "Today"}, "digits": 1, "mode": "sideways"}), "`mode` of `Round`",
    ),
    "no list": (with_expr({"is": "Minimum", "operands": {"is": "Today"}}), "`operands`"),
    "a list of something else": (with_expr({"is": "Minimum", "operands": ["today"]}), "`operands`"),
    "a pair of three": (document(json.loads(to_json(SMALL))["program"] | {"required": [["a", "b"]]}), "`required`"),
    "a float": (with_expr({"is": "Constant", "value": 0.5, "type": {"is": "Number"}}), "`0.5` stands bare"),
    "not a number": ('{"format":NaN}', "`NaN` stands bare"),
    "a division by zero": (with_expr({"number": "1/0"}), "`1/0` is not a number"),
    "an exponent": (with_expr({"number": "1e999999999"}), "is not a number"),
    "no day": (with_expr({"date": "2026-02-30"}), "`2026-02-30` is not a day"),
    "an object of nothing": (with_expr({}), "neither `is`"),
    "a number with more": (with_expr({"number": "1", "is": 3}), "neither `is`"),
    "a key twice": ('{"format":"x","format":"y"}', "stands twice"),
    "deep brackets": ("[" * 100_000, f"more than {DEEPEST} deep"),
    "a long number": ("9" * 5000, "digits"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "why"), BAD.values(), ids=BAD)
def test_what_is_no_program_is_refused(text: str, why: str) -> None:
    """Unknown names, members of another type and oversized parts are one clear error."""
    with pytest.raises(CallError, match="the text is not a program") as caught:
        from_json(text)
    assert why in str(caught.value)
    assert not any(word in str(caught.value) for word in ("dict", "tuple", "NoneType", "<class"))


@given(st.data())
def test_a_damaged_text_is_refused_or_is_another_program(data: st.DataObject) -> None:
    """No single changed member makes reading fail in another way."""
    document = json.loads(to_json(data.draw(programs())))
    place: Any = document
    while True:
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        if not isinstance(place[key], dict | list) or not place[key] or data.draw(st.integers(0, 4)) == 0:
            break
        place = place[key]
    place[key] = data.draw(st.sampled_from([None, True, 7, "Today", {"is": "Today"}, [], {}, {"number": "0.5"}]))
    try:
        read = from_json(json.dumps(document))
    except CallError:
        return
    assert from_json(to_json(read)) == read


def test_every_node_has_its_name_in_the_table() -> None:
    """Expressions, tests, steps and types are all there."""
    assert {Add, DatePart, Negate, Within, Table, Choice, Program} <= set(NODES.values())
