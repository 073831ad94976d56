"""A chain of policies as one program answers what the chain answers."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import crm_rules
from crm_rules.ir.check import check
from crm_rules.ir.evaluate import Evaluation, evaluate
from crm_rules.ir.inline import inline
from crm_rules.ir.nodes import (
    ANYTHING,
    AnyOf,
    Bound,
    Coalesce,
    Constant,
    FieldValue,
    IsMissing,
    OneOf,
    ParameterValue,
    StepValue,
    Within,
)
from crm_rules.ir.numbers import to_fact
from crm_rules.ir.program import Column, Dated, Derive, Field, Output, Parameter, Program, Row, Table, Total
from crm_rules.ir.record import read_record
from crm_rules.ir.rewrite import nodes_of, over_nodes, rebuilt
from crm_rules.ir.types import Choice, Integer
from crm_rules.policy import Policy, Requirement
from crm_rules.testing.facts import facts_near
from tests.strategies import DECLARED, programs, records, todays

POLICIES = Path(__file__).parents[2] / "policies"
CORE = [crm_rules.load(POLICIES), crm_rules.load(POLICIES / "sample-company")]
DECIDING = [policy for pack in CORE for policy in pack.values() if not policy.blank_parameters(date(2026, 11, 21))]
GRADES = Choice(("A", "B"))
A, B = Constant("A", GRADES), Constant("B", GRADES)
ONE = Constant(1, Integer())
POINTS = (("points", Integer()),)
CURRENCY = Choice(("CNY", "USD"))
EDGES = ([(2, 0)], [(2, 1), (1, 0)], [(2, 0), (2, 1)], [(2, 0), (2, 1), (1, 0)], [(2, 1), (2, 0), (1, 0)])


def whole_of(policy: Policy, record: Any, today: date) -> Evaluation:
    """What the one program says of a record that the chain accepts."""
    reading = read_record(policy.whole, record)
    assert reading.problems == ()
    return evaluate(policy.whole, reading.values, today, policy.calls)


def agree(policy: Policy, record: Any, today: date) -> None:
    """A decision of the chain is that of the one program; only what is blocked may differ."""
    decision = policy.decide(record, today=today)
    if decision.status == "invalid" and read_record(policy.whole, record).problems:
        return
    if decision.status in {"blocked", "invalid"}:  # invalid: a required output beyond the limits of its field
        assert decision.required
        return
    found = whole_of(policy, record, today)
    assert found.status == decision.status
    assert tuple(map(to_fact, found.outputs.values())) == decision.results
    rules = [
        policy.program.rule_id(table, table.rows[index])
        for table in policy.program.tables
        for index in found.steps[table.id].rows
    ]
    assert tuple(rules) == decision.rules


@st.composite
def chains(draw: Any) -> Policy:
    """A policy that requires one or two others, of which one may require the other; they share some fields."""
    known: dict[str, Any] = {}
    found = [apart(replace(draw(programs(calls=True)), id=name), known) for name in ("first", "second", "top")]
    edges: dict[int, list[tuple[str, int]]] = {0: [], 1: [], 2: []}
    for upper, lower in draw(st.sampled_from(EDGES)):
        free = [field for field in found[upper].fields if field.type != CURRENCY and field.currency is None]
        free = [field for field in free if not field.name.startswith("by ")]
        if free:
            field = draw(st.sampled_from(free))
            alias = f"by {found[lower].id} for {found[upper].id}"
            found[upper] = filled(found[upper], field, alias, found[lower].id)
            found[lower] = picking(draw, found[lower], field, alias)
            edges[upper].append((alias, lower))
    made: list[Policy] = []
    for index, program in enumerate(found):
        required = tuple(Requirement(alias, made[lower], alias) for alias, lower in edges[index])
        made.append(Policy(program, required, functions=DECLARED))
    return made[-1]


def apart(program: Program, known: dict[str, Any]) -> Program:
    """The program, its fields renamed where an earlier one has a field of that name and another type."""
    names: dict[str, str] = {}
    for field in program.fields:
        names[field.name] = field.name
        if known.setdefault(field.name, field.type) != field.type:
            names[field.name] = f"{field.name} of {program.id}"
    fields = tuple(replace(field, name=names[field.name]) for field in program.fields)
    return replace(renamed(program, names), fields=fields)


def renamed(program: Program, names: dict[str, str]) -> Program:
    """The program over other names of its fields."""

    def change(node: Any) -> Any:
        return FieldValue(names.get(node.name, node.name)) if isinstance(node, FieldValue) else rebuilt(node, change)

    return over_nodes(program, change, lambda _, test: change(test))


def filled(program: Program, field: Field, alias: str, policy: str) -> Program:
    """The program with a field that another policy fills."""
    fields = [one for one in program.fields if one.name != field.name]
    fields.append(Field(alias, field.type, optional=field.may_be_missing))
    required = (*program.required, (alias, policy, alias))
    return replace(renamed(program, {field.name: alias}), fields=tuple(fields), required=required)


def picking(draw: Any, program: Program, field: Field, name: str) -> Program:
    """The program with one more output, which fills a field of another policy: by the rules it has, other values."""
    tables = [step for step in program.steps if isinstance(step, Table)]
    columns = tables[0].columns if tables else ()
    rows = tables[0].rows if tables else (Row("always", (), ()),)

    def value() -> Constant:
        return Constant(draw(facts_near(field, [], plain=True)), field.type)

    rows = tuple(replace(row, outputs=(value(),)) for row in rows)
    table = Table(name, columns, rows, ((name, field.type),), "first", optional=field.may_be_missing)
    output = Output(name, field.type, StepValue(name, name), optional=field.may_be_missing)
    return replace(program, steps=(*program.steps, table), outputs=(*program.outputs, output))


@given(st.data())
def test_a_generated_chain_is_one_program(data: st.DataObject) -> None:
    """Whatever the chain decides, the one program decides; it is well typed and needs nobody."""
    policy = data.draw(chains())
    today = data.draw(todays())
    whole = policy.whole
    assert whole.required == ()
    assert whole.fields == policy.inputs
    assert [item.code for item in check(whole, DECLARED) if item.code not in {"bad-range", "number-too-long"}] == []
    agree(policy, data.draw(records(whole, today=today, bad=data.draw(st.booleans()))), today)


@pytest.mark.parametrize("policy", DECIDING, ids=lambda policy: policy.id)
@settings(max_examples=20)
@given(data=st.data())
def test_a_core_policy_is_one_program(policy: Policy, data: st.DataObject) -> None:
    """The starter policies and those of the sample company answer alike, alone and with what they require."""
    today = data.draw(todays(policy.whole))
    assume(not policy.blank_parameters(today))  # a value by date begins some day
    assert check(policy.whole) == []
    agree(policy, data.draw(records(policy.whole, today=today)), today)


# The names of the whole

X = Field("x", Integer(), optional=True)


def grading() -> Program:
    """A policy that grades `x` by a parameter, with a derived field and a total between."""
    twice = Table("twice", (Column("x", FieldValue("x"), Integer()),), (Row("all", (ANYTHING,), (ONE,)),), POINTS)
    double = Derive("double", Coalesce((FieldValue("x"), ONE)), Integer())
    above = AnyOf((Within(Bound(ParameterValue("border"), closed=True), None), IsMissing()))
    columns = (Column("double", StepValue("double", "double"), Integer()),)
    rows = (Row("top", (above,), (A,)), Row("rest", (ANYTHING,), (B,)))
    table = Table("rules", columns, rows, (("grade", GRADES),), "first")
    total = Total("total", 0, (("twice", 2),), Integer())
    outputs = (
        Output("grade", GRADES, StepValue("rules", "grade")),
        Output("points", Integer(), StepValue("total", "points")),
    )
    parameters = (Parameter("border", Integer(), (Dated(None, 5),)), Parameter("top", Integer(), (Dated(None, 9),)))
    order = (("border", "top"),)
    steps = (double, twice, total, table)
    return Program("grading", "", "x", (X,), parameters, steps, outputs, order=order)


def using(policy: str, *required: tuple[str, str, str], fields: tuple[Field, ...] = (), step: str = "rules") -> Program:
    """A policy over the grades of others: good where all of them are A."""
    aliases = tuple(Field(alias, GRADES) for alias, _, _ in required)
    columns = tuple(Column(alias, FieldValue(alias), GRADES) for alias, _, _ in required)
    rows = (Row("good", tuple(OneOf((A,)) for _ in columns), (A,)), Row("rest", (), (B,), otherwise=True))
    table = Table(step, columns, rows, (("grade", GRADES),))
    outputs = (Output("grade", GRADES, StepValue(step, "grade")),)
    return Program(policy, "", "x", (*aliases, *fields), (), (table,), outputs, required)


def test_steps_and_parameters_below_have_the_policy_before_their_name() -> None:
    """What a required policy calls `rules` is another thing than the rules of the policy itself."""
    whole = inline(using("use", ("grade", "grading", "grade")), {"grade": (grading(), "grade")})
    names = ["grading/double", "grading/twice", "grading/total", "grading/rules", "grade", "rules"]
    assert [step.id for step in whole.steps] == names
    assert [parameter.name for parameter in whole.parameters] == ["grading/border", "grading/top"]
    assert whole.order == (("grading/border", "grading/top"),)
    assert whole.required == ()
    assert whole.fields == (X,)
    assert check(whole) == []
    assert [rule for rule, _, _ in whole.rules()][-2:] == ["rules.good", "rules.rest"]
    assert whole.step("grade") == Derive("grade", StepValue("grading/rules", "grade"), GRADES, text="grading.grade")
    assert evaluate(whole, {"x": 5}).rules == ("grading/twice.all", "grading/rules.top", "rules.good")
    assert evaluate(whole, {"x": 4}).outputs == {"grade": "B"}


def test_a_policy_that_requires_nothing_is_whole() -> None:
    """There is nothing to rename, and the policy makes its whole once."""
    assert inline(grading(), {}) is not None
    policy = Policy(grading())
    assert policy.whole is policy.program
    stage = CORE[0]["follow-up"]
    assert stage.whole is stage.whole


def test_a_policy_that_is_required_twice_stands_once() -> None:
    """Two ways to one policy, and two outputs of one, give its steps once."""
    middle = inline(using("middle", ("low", "grading", "grade")), {"low": (grading(), "grade")})
    top = using("top", ("one", "grading", "grade"), ("two", "middle", "grade"))
    whole = inline(top, {"one": (grading(), "grade"), "two": (middle, "grade")})
    ids = [step.id for step in whole.steps]
    assert ids == [
        *("grading/double", "grading/twice", "grading/total", "grading/rules"),
        *("middle/low", "middle/rules", "one", "two", "rules"),
    ]
    assert len(whole.parameters) == 2
    assert evaluate(whole, {"x": 7}).outputs == {"grade": "A"}


def test_two_policies_of_one_id_are_refused() -> None:
    """Nothing can be said of a chain in which one name means two things."""
    other = replace(grading(), steps=(replace(grading().steps[0], expr=ONE), *grading().steps[1:]))  # type: ignore[arg-type]
    top = using("top", ("one", "grading", "grade"), ("two", "grading", "grade"))
    with pytest.raises(ValueError, match="two different policies of the chain are called `grading`"):
        inline(top, {"one": (grading(), "grade"), "two": (other, "grade")})


def test_an_alias_that_is_the_name_of_a_step_gets_another_one() -> None:
    """A characteristic may be called like the required decision that it tests."""
    whole = inline(using("use", ("rules", "grading", "grade")), {"rules": (grading(), "grade")})
    assert [step.id for step in whole.steps][-2:] == ["required rules", "rules"]
    assert evaluate(whole, {"x": 5}).outputs == {"grade": "A"}


def test_a_default_that_not_all_share_stays_where_it_is_read() -> None:
    """One policy reads 5 for a missing `x`, another one sees that it is missing: both go on to do so."""
    below = replace(grading(), fields=(Field("x", Integer(), default=5),))
    top = using("top", ("grade", "grading", "grade"), fields=(X,))
    whole = inline(top, {"grade": (below, "grade")})
    assert whole.fields == (X,)
    assert evaluate(whole, {"x": None}).outputs == {"grade": "A"}
    shared = inline(replace(top, fields=(top.fields[0], below.fields[0])), {"grade": (below, "grade")})
    assert [field.default for field in shared.fields] == [5]
    assert not [node for node in nodes_of(shared) if isinstance(node, Coalesce) and node.operands[1] != ONE]


def test_what_is_blocked_is_undecided_only_where_it_is_needed() -> None:
    """A required gap leaves the whole undecided, and its steps say where it began."""
    rules = grading().step("rules")
    assert isinstance(rules, Table)
    gap = replace(grading(), steps=(*grading().steps[:-1], replace(rules, rows=rules.rows[:1])))
    found = evaluate(inline(using("use", ("grade", "grading", "grade")), {"grade": (gap, "grade")}), {"x": 1})
    assert (found.status, found.outputs, found.steps["rules"].cause) == ("no_match", {}, "grading/rules")
