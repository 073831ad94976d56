"""What is proven with sample values for blank parameters holds for every company's own values in the declared order."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from crm_rules.ir.nodes import Add, Bound, Constant, FieldValue, OneOf, ParameterValue, StepValue, Test, Within
from crm_rules.ir.program import Column, Dated, Derive, Field, Output, Parameter, Program, Row, Table
from crm_rules.ir.types import Choice, Integer, Number, Type
from crm_rules.ir.typing import borders
from crm_rules.proofs.findings import check_program
from crm_rules.questions.prepare import closure, parameters_in, prepared
from tests.proofs.authored import placed

KIND = Choice(("a", "b", "c"))
FIELD = FieldValue("n")
NAMES = ("low", "middle", "high")
EXISTS = {"gap", "overlap"}
NEVER = {"unreachable-rule", "masked-rule", "subsumed-rule", "duplicate-rule", "duplicate-conditions"}


def bound(name: str, *, closed: bool) -> Bound:
    """A border at a parameter."""
    return Bound(ParameterValue(name), closed=closed)


@st.composite
def between(draw: Any) -> Test:
    """A cell with one or two parameters as borders, in their order."""
    closed = st.booleans()
    one = draw(st.sampled_from(NAMES))
    match draw(st.integers(0, 3)):
        case 0:
            return Within(None, bound(one, closed=draw(closed)))
        case 1:
            return Within(bound(one, closed=draw(closed)), None)
        case 2:
            low, high = sorted(draw(st.sets(st.integers(0, 2), min_size=2, max_size=2)))
            return Within(bound(NAMES[low], closed=draw(closed)), bound(NAMES[high], closed=draw(closed)))
        case _:
            return OneOf((ParameterValue(one),))


@st.composite
def blank_programs(draw: Any) -> Program:
    """A table over one number with three parameters in a declared order; some may have a value."""
    kind: Type = draw(st.sampled_from([Integer(), Number()]))
    low, high = draw(st.sampled_from([(None, None), (0, None), (None, 1000), (0, 1000), (0, 10), (-5, -1)]))
    tests = draw(st.lists(between(), min_size=1, max_size=5))
    rows = tuple(
        Row(f"r{index}", (test,), (Constant(draw(st.sampled_from(KIND.one_of)), KIND),))
        for index, test in enumerate(tests)
    )
    table = Table(
        "rules",
        (Column("n", FieldValue("n"), kind),),
        rows,
        (("out", KIND),),
        draw(st.sampled_from(["unique", "first"])),
    )
    given_value = draw(st.sampled_from([None, None, ("middle", 7), ("high", 50), ("low", 400), ("middle", -300)]))
    parameters = tuple(
        Parameter(name, kind, (Dated(None, given_value[1]),) if given_value and given_value[0] == name else ())
        for name in NAMES
    )
    outputs = (Output("out", KIND, StepValue("rules", "out")),)
    field = Field("n", kind, low=low, high=high)
    return placed(
        Program("policy", "1.0.0", "table", (field,), parameters, (table,), outputs, order=(("low", "middle", "high"),))
    )


def filled(program: Program, given_values: dict[str, Any]) -> Program:
    """The program with a value for each blank parameter."""
    return replace(
        program,
        parameters=tuple(
            one if one.values else replace(one, values=(Dated(None, given_values[one.name]),))
            for one in program.parameters
        ),
    )


@st.composite
def in_order(draw: Any, program: Program) -> dict[str, Any]:
    """Values for the blank parameters that keep the declared order with those that have one."""
    fixed = {one.name: one.values[0].value for one in program.parameters if one.values}
    size = (
        st.integers(-30, 30)
        if isinstance(program.fields[0].type, Integer)
        else st.integers(-300, 300).map(lambda tenths: Fraction(tenths, 10))
    )
    steps = sorted(draw(st.sets(size, min_size=3, max_size=3)))
    found = dict(zip(NAMES, steps, strict=True))
    for name, value in fixed.items():
        shift = value - found[name]
        found = {one: its + shift for one, its in found.items()}
    return found


@given(st.data())
def test_findings_with_samples_are_those_of_any_values(data: st.DataObject) -> None:
    """What exists for some company's values is found while they are blank, and what never happens never does."""
    program = data.draw(blank_programs())
    company = filled(program, data.draw(in_order(program)))
    before = check_program(program, program, {})
    if any(one.code == "blank" for one in before):
        return
    after = check_program(company, company, {})
    for codes, found, wanted in ((EXISTS, after, before), (NEVER, before, after)):
        known = {(one.code in EXISTS, one.span) for one in wanted}
        for one in found:
            if one.code in codes:
                assert (one.code in EXISTS, one.span) in known, (one, company.parameters)


@given(blank_programs())
def test_samples_keep_the_declared_order(program: Program) -> None:
    """Every blank parameter has a sample, above those declared below it, also below or above one that has a value."""
    ready = prepared(program)
    assert set(ready.sampled) == {one.name for one in program.parameters if not one.values}
    given_values: dict[str, Any] = {one.name: one.values[0].value for one in ready.written.parameters}
    used = {
        name
        for row in program.tables[0].rows
        for test in row.tests
        for end in borders(test)
        for name in parameters_in(end)
    }
    order = [given_values[name] for name in NAMES if name in used]
    assert ready.doubtful or all(one < other for one, other in pairwise(order))


def ladder(*order: tuple[str, ...], subject: Any = FIELD, steps: tuple[Any, ...] = ()) -> Program:
    """`< low`, from `low` below `high`, from `high`."""
    number = Number()
    low, high = bound("low", closed=True), bound("high", closed=True)
    cells = (
        Within(None, replace(low, closed=False)),
        Within(low, replace(high, closed=False)),
        Within(high, None),
    )
    rows = tuple(Row(one, (cell,), (Constant(one, KIND),)) for one, cell in zip(KIND.one_of, cells, strict=True))
    table = Table("rules", (Column("n", subject, number),), rows, (("out", KIND),))
    parameters = tuple(Parameter(name, number) for name in ("low", "high"))
    outputs = (Output("out", KIND, StepValue("rules", "out")),)
    fields = (Field("n", number, low=0, high=5), Field("m", number, low=0, high=5))
    return Program("policy", "1.0.0", "table", fields, parameters, (*steps, table), outputs, order=order)


def codes(program: Program) -> list[str]:
    """The codes of the findings."""
    return [one.code for one in check_program(program, program, {})]


def test_a_declared_order_is_enough() -> None:
    """Blank borders in their order are proven; without the order there is a note and nothing is claimed."""
    assert prepared(ladder(("low", "high"))).doubtful == {}
    assert codes(ladder(("low", "high"))) == []
    assert set(prepared(ladder()).doubtful["rules"]) == {"low", "high"}
    assert codes(ladder()) == ["blank"]


def test_blank_borders_of_a_derived_value_lie_within_it() -> None:
    """Samples for the borders of a sum lie where the sum can be, so that no rule looks unreachable."""
    total = Add(FieldValue("n"), FieldValue("m"))
    program = ladder(("low", "high"), subject=StepValue("total", "total"), steps=(Derive("total", total, Number()),))
    assert {"unreachable-rule", "gap", "overlap"}.isdisjoint(codes(program))


def test_a_blank_border_beside_a_number_has_no_order() -> None:
    """Nobody said on which side of 3 the parameter lies."""
    program = ladder(("low", "high"))
    table = program.tables[0]
    three = Row("three", (OneOf((Constant(3, Number()),)),), (Constant("a", KIND),))
    crossed = replace(program, steps=(replace(table, rows=(*table.rows, three)),))
    assert set(prepared(crossed).doubtful["rules"]) == {"low", "high"}


def test_the_order_goes_on_through_others() -> None:
    """What is above something is above all that lies below it."""
    assert closure([("a", "b"), ("b", "c", "d")]) == {
        "a": {"b", "c", "d"},
        "b": {"c", "d"},
        "c": {"d"},
        "d": set(),
    }
