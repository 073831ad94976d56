"""Sets of values are what they look like: every operation agrees with asking value by value."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_rules.ir import days
from crm_rules.ir.evaluate import NO_FUNCTIONS, Scope, passes, value_of
from crm_rules.ir.nodes import Bound, Constant, Nothing, OneOf, Value, Within
from crm_rules.ir.numbers import to_fact
from crm_rules.ir.program import Field
from crm_rules.ir.record import Rejected, accept
from crm_rules.ir.types import Boolean, Choice, Date, Integer, Money, Number, Text, Type
from crm_rules.questions.sets import (
    MISSING,
    NOTHING,
    NUMBERS,
    Domain,
    ValueSet,
    accepted,
    between,
    domain_of,
    joined,
    nearest,
    point,
    sample,
    samples,
    split,
    union,
)
from crm_rules.testing import small_programs
from crm_rules.testing.facts import Draw, constants_of, facts_near

LEVELS = Choice(("low", "high", "无"))
KINDS: tuple[Type, ...] = (Integer(), Number(), Money("CNY"), Date(), Boolean(), LEVELS)
SCOPE = Scope({}, {}, date(2026, 11, 21), {}, NO_FUNCTIONS)


def constant(expr: Any) -> Value | None:
    """The value of a test's own expression: it reads no field."""
    return value_of(expr, SCOPE)


@st.composite
def fields(draw: Draw) -> Field:
    """A field of a type that tests may look at, with or without limits, decimals and missing values."""
    found: list[Field] = [one for one in small_programs.draw_fields(draw) if not isinstance(one.type, Text)]
    return draw(st.sampled_from(found)) if found else Field("level", LEVELS, optional=True)


@st.composite
def cells(draw: Draw, kind: Type) -> Any:
    """A test that a cell of the type may hold, now and then beside a border that is missing."""
    if isinstance(kind, Integer | Number | Money | Date) and draw(st.integers(0, 9)) == 0:
        return draw(st.sampled_from([
            Within(Bound(Nothing(kind), closed=True), None),
            Within(Bound(Constant(draw(constants_of(kind)), kind), closed=True), Bound(Nothing(kind), closed=False)),
            OneOf((Nothing(kind), Constant(draw(constants_of(kind)), kind))),
        ]))  # fmt: skip
    return small_programs.draw_test(draw, small_programs.Scope(), kind)


@st.composite
def sets(draw: Draw, kind: Type) -> ValueSet:
    """The values that one to three tests accept together."""
    return union(accepted(test, kind, constant) for test in draw(st.lists(cells(kind), min_size=1, max_size=3)))


def facts(field: Field) -> st.SearchStrategy[Value | None]:
    """Values of a field, missing among them where it may be."""
    near = facts_near(field, [], plain=True)
    return st.one_of(near, st.none()) if field.may_be_missing else near


def around(field: Field, some: ValueSet) -> list[Value | None]:
    """The ends of a set and their neighbours that the field accepts, and all choices."""
    found: list[Any] = [None] if field.may_be_missing else []
    match field.type:
        case Boolean():
            return [*found, False, True]
        case Choice(one_of):
            return [*found, *one_of]
        case _:
            pass
    for interval in some.intervals:
        for end in (interval.low, interval.high):
            if end is not None and isinstance(field.type, Date):
                near = [date.fromordinal(int(end)) + timedelta(shift) for shift in (-1, 0, 1)]
                found += [day for day in near if not isinstance(accept(field, day), Rejected)]
            elif end is not None:
                steps = [Fraction(shift, per_unit) for shift in (-1, 0, 1) for per_unit in (1, 10, 10**6)]
                near_numbers = [to_fact(end + step) for step in steps]
                found += [accept(field, number) for number in near_numbers]
    return [value for value in found if not isinstance(value, Rejected)]


@given(st.data())
def test_a_test_accepts_exactly_what_passes_it(data: Any) -> None:
    """`accepted` and the reference evaluator agree on every value, missing included."""
    field = data.draw(fields())
    test = data.draw(cells(field.type))
    found = accepted(test, field.type, constant)
    for value in (None, data.draw(facts(field)), *around(field, found)):
        assert found.contains(value) == passes(test, value, SCOPE)


@given(st.data())
def test_operations_agree_with_asking_value_by_value(data: Any) -> None:
    """A value is in `a & b`, `a | b`, `a - b` as logic says, and on the grid when it is in the set and the domain."""
    field = data.draw(fields())
    left, right = data.draw(sets(field.type)), data.draw(sets(field.type))
    domain = domain_of(field)
    for value in (data.draw(facts(field)), *around(field, left), *around(field, right)):
        in_left, in_right = left.contains(value), right.contains(value)
        assert (left & right).contains(value) == (in_left and in_right)
        assert (left | right).contains(value) == (in_left or in_right)
        assert (left - right).contains(value) == (in_left and not in_right)
        assert domain.all.contains(value)
        assert domain.grid(left).contains(value) == in_left


@given(st.data())
def test_sets_have_one_form(data: Any) -> None:
    """The same values make equal sets, however they were put together."""
    kind = data.draw(st.sampled_from(KINDS))
    left, right = data.draw(sets(kind)), data.draw(sets(kind))
    assert (left - right) | (left & right) == left
    assert left | right == right | left
    assert (left - right) & right == NOTHING
    assert bool(left - left) is False
    for one in (left, right, left | right, left - right):
        assert one.intervals == joined(one.intervals)


@given(st.data())
def test_the_grid_keeps_the_values_and_closes_the_ends(data: Any) -> None:
    """On a domain with steps every end is a value of the set, and doing it twice changes nothing."""
    field = data.draw(fields())
    domain = domain_of(field)
    some = domain.grid(data.draw(sets(field.type)))
    assert domain.grid(some) == some
    if domain.step is None:
        return
    for interval in some.intervals:
        for end, closed in ((interval.low, interval.low_closed), (interval.high, interval.high_closed)):
            assert end is None or (closed and end / domain.step % 1 == 0)


@given(st.data())
def test_pieces_are_the_domain_in_parts_of_equal_membership(data: Any) -> None:
    """Each value of the domain lies in exactly one piece, whose bits say in which sets it lies."""
    field = data.draw(fields())
    domain = domain_of(field)
    some = data.draw(st.lists(sets(field.type), max_size=5))
    pieces = split(some, domain)
    assert len({piece.members for piece in pieces}) == len(pieces)
    for value in (data.draw(facts(field)), *(value for one in some for value in around(field, one))):
        (found,) = [piece for piece in pieces if piece.set.contains(value)]
        assert [bool(found.members >> index & 1) for index in range(len(some))] == [one.contains(value) for one in some]
    for piece in pieces:
        assert piece.set == domain.grid(piece.set)
    assert union(piece.set for piece in pieces) == domain.all or domain.step is not None
    assert domain.grid(union(piece.set for piece in pieces)) == domain.grid(domain.all)


def test_pieces_stand_in_order_and_missing_is_last() -> None:
    """Pieces come in order of their first value; one that has only missing comes last."""
    domain = Domain(Integer(), 1, NUMBERS | MISSING)
    pieces = split([between(0, 4), between(3, None)], domain)
    assert [piece.members for piece in pieces] == [0, 1, 3, 2]
    assert pieces[0].set == between(None, -1) | MISSING
    only = split([MISSING], domain)
    assert [(piece.set, piece.members) for piece in only] == [(NUMBERS, 0), (MISSING, 1)]


@given(st.data())
def test_a_sample_is_an_accepted_value_of_the_set(data: Any) -> None:
    """`sample` and `nearest` give a value of the set that a record may hold, missing only when there is no other."""
    field = data.draw(fields())
    domain = domain_of(field)
    some = data.draw(sets(field.type)) & domain.all
    to = data.draw(facts(field))
    for value in (sample(some, domain), nearest(some, domain, to)):
        if value is None:
            assert some.missing or not domain.grid(some)
        else:
            assert some.contains(value)
            assert accept(field, to_fact(value)) == value
    if domain.grid(some) - MISSING:
        assert sample(some, domain) is not None
    assert (nearest(some, domain, to) == to) == some.contains(to) or to is None
    for value in samples(some, domain):
        assert some.contains(value)


@given(st.data())
def test_no_value_is_nearer(data: Any) -> None:
    """On a domain with steps no end of the set is nearer than what `nearest` gives."""
    kind = data.draw(st.sampled_from([Integer(), Date()]))
    domain = domain_of(Field("one", kind))
    some = domain.grid(data.draw(sets(kind)))
    to = data.draw(facts_near(Field("one", kind), [], plain=True))
    found: Any = nearest(some, domain, to)
    if some.intervals:
        distance = abs(found - to)
        for value in around(Field("one", kind), some):
            assert not some.contains(value) or abs(value - to) >= distance
        if isinstance(distance, timedelta):
            distance = distance.days
        step: Any = timedelta(1) if isinstance(to, date) else 1
        assert not any(some.contains(to + step * near) for near in range(1 - min(distance, 50), min(distance, 50)))


DENSE = Domain(Number(), None, NUMBERS)
CENTS = domain_of(Field("amount", Money("CNY"), decimals=2))
WHOLE = Domain(Integer(), 1, NUMBERS)
DAYS = domain_of(Field("day", Date(), optional=True))


@pytest.mark.parametrize(
    ("some", "domain", "expected"),
    [
        (between(None, 10, high_closed=False), WHOLE, 9),
        (between(None, 10, high_closed=False), DENSE, Fraction(99, 10)),
        (between(None, 10, high_closed=False), CENTS, Fraction(999, 100)),
        (between(200_000, None), WHOLE, 200_000),
        (between(200_000, 500_000, low_closed=False), DENSE, 500_000),
        (between(200_000, 500_000, low_closed=False, high_closed=False), DENSE, Fraction(2_000_001, 10)),
        (between(200_000, 500_000, low_closed=False), WHOLE, 200_001),
        (between(0, Fraction(1, 10), low_closed=False, high_closed=False), DENSE, Fraction(9, 100)),
        (between(0, Fraction(1, 100), low_closed=False, high_closed=False), DENSE, Fraction(9, 1000)),
        (between(Fraction(1, 3), Fraction(2, 3)), DENSE, Fraction(1, 2)),
        (NUMBERS - point(100), WHOLE, 99),
        (NUMBERS - between(0, 100), WHOLE, 101),
        (NUMBERS, WHOLE, 0),
        (NUMBERS | MISSING, DENSE, 0),
        (between(1, None), domain_of(Field("n", Integer(), low=1, high=5)), 1),
        (MISSING, DAYS, None),
        (DAYS.all, DAYS, date(2025, 1, 1)),
        (between(None, date(2026, 1, 1), high_closed=False) & DAYS.all, DAYS, date(2025, 12, 31)),
        (between(date(2026, 1, 1), None), DAYS, date(2026, 1, 1)),
        (between(days.LAST, None), DAYS, days.LAST),
        (between(10**40, None), DENSE, None),
        (between(10**34, 10**40) | MISSING, WHOLE, None),
        (between(10**33, None, low_closed=False), CENTS, 10**33 + 1),
        (between(0, Fraction(1, 10**40), low_closed=False), DENSE, None),
        (point("无") | point("high"), domain_of(Field("level", LEVELS)), "high"),
        (ValueSet(values=frozenset((True,)), missing=True), domain_of(Field("b", Boolean(), optional=True)), True),
        (domain_of(Field("note", Text())).all, domain_of(Field("note", Text())), "text"),
        (NOTHING, DENSE, None),
    ],
)  # fmt: skip
def test_a_sample_reads_well(some: ValueSet, domain: Domain, expected: Value | None) -> None:
    """A border, or the border's neighbour by one unit of its last decimal, before anything else."""
    assert sample(some, domain) == expected


def test_nearest_stands_beside_the_border() -> None:
    """The nearest value of an open interval is the border's neighbour; of a set without one, what `sample` gives."""
    assert nearest(between(100_000, None, low_closed=False), CENTS, 5) == Fraction(10_000_001, 100)
    assert nearest(between(None, 10) | between(20, None), WHOLE, 14) == 10
    assert nearest(between(None, 10) | between(20, None), WHOLE, 16) == 20
    assert nearest(MISSING, DAYS, date(2026, 1, 1)) is None
    assert nearest(DAYS.all - MISSING, DAYS, None) == date(2025, 1, 1)
    assert nearest(between(date(2026, 1, 1), None), DAYS, date(2020, 5, 5)) == date(2026, 1, 1)
    assert nearest(point("无"), Domain(LEVELS, None, ValueSet(values=frozenset(LEVELS.one_of))), "low") == "无"


def test_ends_between_the_steps_move_inwards() -> None:
    """An end that is no step moves to the next one inside, and a gap without a step is none."""
    half, more = Fraction(1, 2), Fraction(9, 2)
    for some in (between(half, more), between(half, more, low_closed=False, high_closed=False)):
        assert WHOLE.grid(some) == between(1, 4)
    assert WHOLE.grid(between(1, 4, low_closed=False, high_closed=False)) == between(2, 3)
    assert WHOLE.grid(between(half, Fraction(3, 4))) == NOTHING
    torn = NUMBERS - point(more)
    assert WHOLE.grid(torn) == NUMBERS
    assert [piece.set for piece in split([torn], WHOLE)] == [NUMBERS]
    assert [(piece.set, piece.members) for piece in split([between(half, more)], WHOLE)] == [
        (NUMBERS - between(0, 5, low_closed=False, high_closed=False), 0),
        (between(1, 4), 1),
    ]


def test_a_long_list_of_choices_is_cut_by_what_it_lacks() -> None:
    """Membership is right for sets that have nearly all choices, and for those that have nearly none."""
    kind = Choice(tuple(str(number) for number in range(50)))
    domain = domain_of(Field("code", kind, optional=True))
    pieces = split([domain.all - point("7"), point("7") | point("8"), MISSING], domain)
    assert [(sample(piece.set, domain), piece.members) for piece in pieces] == [("0", 1), ("7", 2), ("8", 3), (None, 5)]
