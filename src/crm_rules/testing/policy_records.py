"""Records of one policy, as hypothesis strategies: `records(policy, today=…)` and `dated_records(policy)`.

Each record begins as the witness of a rule, found by `search`, and then some of its fields take other values: on, just
below and just above a border, a limit, missing, or anywhere. So each rule that the search reaches is drawn often,
those behind other rules too, and a record may stand on several borders at once. What fails shrinks to a witness: few
fields, round numbers, days near today.

The search runs once for a policy and a day, when the strategy is made: some milliseconds for a table, a second
or two for a chain of scorecards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from hypothesis import strategies as st

from crm_rules.errors import CallError
from crm_rules.ir import days
from crm_rules.ir.inline import inline
from crm_rules.ir.nodes import Value
from crm_rules.ir.normalize import normalize
from crm_rules.ir.numbers import reduced
from crm_rules.ir.program import Field, Program
from crm_rules.ir.record import Rejected, accept
from crm_rules.ir.types import Boolean, Choice, Date, Integer, Money, Number
from crm_rules.policy import Policy
from crm_rules.testing.borders import DECIMALS, Ground, Values, accepts, landmarks
from crm_rules.testing.facts import BAD_FACTS, Draw, chance, coin, date_facts, in_range, number_facts, pick
from crm_rules.testing.search import Search, Witness

NOTHING_GIVEN: Mapping[str, Any] = MappingProxyType({})
ALL = 1_000
# How many fields leave the witness; the first is what a failure shrinks to.
SPREAD = st.sampled_from((0, 0, 0, 1, 1, 2, 3, ALL))
CLOSE = st.sampled_from((0, 0, 0, 1))  # the same for the few witnesses that together reach every rule
MOST_SPOILED = 2
FARTHEST = 10**9


def records(
    policy: Policy,
    *,
    today: date | None = None,
    given: Mapping[str, Any] = NOTHING_GIVEN,
    valid: bool = True,
) -> st.SearchStrategy[dict[str, Any]]:
    """Records for `policy.decide(record, today=today, given=given)` that reach every rule, close to the borders.

    A record is a dict of facts by field, those of required policies included; a missing fact is absent or None.
    None of them is `invalid`, unless `valid=False`: then half of them hold facts that no policy accepts. Raises
    `CallError` where `decide` would: without the `today` that the policy needs, or for blank parameters.
    """
    return drawn(sample_of(policy, today, given), valid=valid)


def dated_records(
    policy: Policy,
    *,
    today: date | st.SearchStrategy[date] | None = None,
    given: Mapping[str, Any] = NOTHING_GIVEN,
    valid: bool = True,
) -> st.SearchStrategy[tuple[dict[str, Any], date]]:
    """Pairs of a record and the day that it belongs to, for `policy.decide(record, today=day)`.

    The days are those of the strategy `today`; without one they lie at month ends, leap days, in the middle of
    months, and where a dated parameter changes. A day on which a parameter is blank raises `CallError`.
    """
    if today is None:
        today = st.sampled_from(usual_days(policy))
    elif isinstance(today, date):
        today = st.just(today)
    return today.flatmap(lambda day: st.tuples(drawn(sample_of(policy, day, given), valid=valid), st.just(day)))


def sample_of(policy: Policy, today: date | None, given: Mapping[str, Any] = NOTHING_GIVEN) -> Sample:
    """The sample of a policy on a day, searched for once; raises `CallError` where `decide` would for every record."""
    return sampled(policy, checked_day(policy, today, given), tuple(sorted(given.items())))


def checked_day(policy: Policy, today: date | None, given: Mapping[str, Any]) -> date | None:
    """The day of the decisions; raises `CallError` where `decide` would for every record."""
    policy.check_given(given)
    if today is None and policy.needs_today:
        raise CallError(f"{policy.id} needs today=, the day the records are decided for; see also dated_records")
    day = policy.usable_today(today)
    policy.refuse_blank(day, given)
    return day


def usual_days(policy: Policy) -> tuple[date, ...]:
    """Days on which policies over dates differ most, from the policy's own beginning on; the plainest first."""
    start = policy.about.valid_from or date(2026, 1, 1)
    year = start.year
    leap = next(one for one in range(year, year + 9) if days.last_day(one, 2) == 29)  # noqa: PLR2004 - a leap day
    months = ((6, 15), (1, 31), (2, 28), (4, 30), (12, 31))
    ends = [*(date(year, month, day) for month, day in months), date(leap, 2, 29)]
    since = [
        in_range(dated.since + timedelta(shift))
        for parameter in policy.whole.parameters
        for dated in parameter.values
        if dated.since is not None
        for shift in (-1, 0)
    ]
    found = [day for day in (*ends, *since) if day >= start and policy.about.in_force(day)]
    return tuple(dict.fromkeys(found)) or (start,)


# Samples


class Sample:
    """The witnesses of a policy on one day, and the border values around each of them as they are asked for."""

    def __init__(
        self, ground: Ground, fixed: Values, given: frozenset[str], before: list[dict[str, Value | None]]
    ) -> None:
        self.ground = ground
        self.fixed = fixed
        self.given = given
        self.fields = ground.program.fields
        search = Search(ground, fixed)
        self.witnesses: tuple[Witness, ...] = search.witnesses(before)
        few = [(index, CLOSE) for index in few_for_all(search.ground, self.witnesses)]
        every = [(index, SPREAD) for index in range(len(self.witnesses))]
        # One list, so that it shrinks to the simplest.
        self.start = st.sampled_from((*every, *few * round(len(every) / len(few))))
        self.free = [field for field in self.fields if field.name not in fixed]
        self.orders = st.permutations(self.free)
        self.beside: dict[tuple[int, str], tuple[Value, ...]] = {}
        self.others: dict[tuple[int, str], st.SearchStrategy[Value | None]] = {}
        self.facts: dict[tuple[str, Value | None], st.SearchStrategy[dict[str, Any]]] = {}

    def near(self, witness: int, field: Field) -> tuple[Value, ...]:
        """The field's values beside its borders around a witness, or simple ones where it has none; simplest first."""
        key = (witness, field.name)
        if key not in self.beside:
            borders = self.ground.borders(self.witnesses[witness].values, field)
            self.beside[key] = borders or tuple(landmarks(field, self.ground.today))
        return self.beside[key]

    def other(self, witness: int, field: Field) -> st.SearchStrategy[Value | None]:
        """Another value of a field, made a strategy once: mostly beside a border, now and then missing or anywhere."""
        key = (witness, field.name)
        if key not in self.others:
            self.others[key] = value_near(field, self.near(witness, field), landmarks(field, self.ground.today))
        return self.others[key]

    def written(self, field: Field, value: Value | None) -> st.SearchStrategy[dict[str, Any]]:
        """The fact of a value as a strategy, made once."""
        key = (field.name, value)
        if key not in self.facts:
            self.facts[key] = written(field, value)
        return self.facts[key]


def few_for_all(ground: Ground, witnesses: tuple[Witness, ...]) -> tuple[int, ...]:
    """Some witnesses that together reach every rule and outcome: at each turn the one that adds most."""
    reached = [
        {(step, row) for step, result in ground.evaluation(one.values).steps.items() for row in result.rows}
        for one in witnesses
    ]
    left = set().union(*reached)
    found: list[int] = []
    while left or not found:
        found.append(max(range(len(witnesses)), key=lambda index: len(left & reached[index])))
        left -= reached[found[-1]]
    return tuple(found)


@lru_cache(maxsize=64)
def sampled(policy: Policy, today: date | None, given: tuple[tuple[str, Any], ...]) -> Sample:
    """The sample of a policy; on a second day the search begins with the witnesses of the first."""
    program, fixed = prepared(policy, given)
    before: list[dict[str, Value | None]] = []
    first = usual_days(policy)[0]
    if today is not None and today != first and not policy.blank_parameters(first, dict(given)):
        before = [moved(one.values, first, today, program) for one in sampled(policy, first, given).witnesses]
    return Sample(Ground.of(program, today, policy.calls), fixed, frozenset(dict(given)), before)


@lru_cache(maxsize=64)
def prepared(policy: Policy, given: tuple[tuple[str, Any], ...]) -> tuple[Program, Values]:
    """The chain as one program in which the given decisions are fields, and the values that never change."""
    program = normalize(opened_chain(policy, dict(given)))
    fixed: dict[str, Value | None] = {}
    for field in program.fields:
        if field.name in dict(given):
            value = accept(field, dict(given)[field.name])
            if isinstance(value, Rejected):
                raise CallError(f"given= holds no value of `{field.name}`: expected {value.expected}")
            fixed[field.name] = value
    names = {field.name for field in program.fields}
    for field in program.fields:
        if field.currency in names and isinstance(field.type, Money):
            fixed[str(field.currency)] = field.type.unit
    return program, fixed


def opened_chain(policy: Policy, given: Mapping[str, Any]) -> Program:
    """The policy and those it requires as one program, but for the required decisions that are given."""
    if not given:
        return policy.whole
    kept = [one for one in policy.required if one.alias not in given]
    own = replace(policy.program, required=tuple(one for one in policy.program.required if one[0] not in given))
    return inline(own, {one.alias: (opened_chain(one.policy, given), one.output) for one in kept})


def moved(values: Values, start: date, today: date, program: Program) -> dict[str, Value | None]:
    """A record of one day as it would be on another: each date as many months and days away as before."""
    found = dict(values)
    for field in program.fields:
        value = values[field.name]
        if isinstance(value, date):
            day = days.add_months(today, days.months_between(start, value))
            back = days.add_months(start, days.months_between(start, value))
            if day is not None and back is not None:
                day = days.add_days(day, days.days_between(back, value))
            found[field.name] = day if day is not None and accepts(field, day) else value
    return found


# Drawing


@st.composite
def drawn(draw: Draw, sample: Sample, *, valid: bool, index: int | None = None) -> dict[str, Any]:
    """A witness (any, or the one of `index`) with some fields changed, written as facts."""
    spreads = SPREAD
    if index is None:
        index, spreads = draw(sample.start)
    values = dict(sample.witnesses[index].values)
    free = sample.free
    spread = min(draw(spreads), len(free))
    for field in draw(sample.orders)[:spread] if 0 < spread < len(free) else free[:spread]:
        values[field.name] = draw(sample.other(index, field))
    record: dict[str, Any] = {}
    for field in sample.fields:
        if field.name not in sample.given:
            record |= draw(sample.written(field, values[field.name]))
    for field in sample.fields:
        if isinstance(field.type, Money) and field.currency is not None and values[field.name] is not None:
            record[field.currency] = field.type.unit
    if not valid and coin(draw):
        for field in draw(st.lists(st.sampled_from(free), min_size=1, max_size=MOST_SPOILED)) if free else ():
            record.pop(field.name, None)
            if not chance(draw, 3):
                record[field.name] = pick(draw, BAD_FACTS)
    return record


def value_near(field: Field, borders: Sequence[Value], simple: Sequence[Value]) -> st.SearchStrategy[Value | None]:
    """A value of a field: mostly beside a border, now and then a simple one, missing or anywhere."""
    ways: list[st.SearchStrategy[Any]] = [anywhere(field)]
    if simple:
        ways.insert(0, st.sampled_from(simple))
    if borders:
        ways += [st.sampled_from(borders)] * 3
    if field.optional or field.default is not None:
        ways.insert(0, st.none())
    return st.one_of(ways)


def anywhere(field: Field) -> st.SearchStrategy[Any]:
    """Any value that the field accepts."""
    low: Any = field.low
    high: Any = field.high
    match field.type:
        case Boolean():
            return st.booleans()
        case Choice(one_of):
            return st.sampled_from(one_of)
        case Date():
            return st.dates(low or days.FIRST, high or days.LAST)
        case Integer() | Number() | Money():
            places = 0 if isinstance(field.type, Integer) else DECIMALS if field.decimals is None else field.decimals
            return numbers(low, high, places)
        case _:
            return st.text(max_size=20)


def numbers(low: Any, high: Any, places: int) -> st.SearchStrategy[Any]:
    """Numbers of so many decimals within limits; without limits up to a thousand million."""
    scale = 10**places
    least = -(-low * scale // 1) if low is not None else min(-FARTHEST * scale, (high or 0) * scale - FARTHEST)
    most = high * scale // 1 if high is not None else max(FARTHEST * scale, (low or 0) * scale + FARTHEST)
    return st.integers(int(least), int(most)).map(lambda count: reduced(Fraction(count, scale)))


def written(field: Field, value: Value | None) -> st.SearchStrategy[dict[str, Any]]:
    """The fact of a value, under its field's name; nothing, or None, for a missing one."""
    if value is None or value == field.default:
        absent: list[dict[str, Any]] = [{}, {}, {field.name: None}]
        return st.sampled_from(absent)
    facts: st.SearchStrategy[Any] = st.just(value)
    if isinstance(value, date):
        facts = st.sampled_from(date_facts(value))
    elif isinstance(value, int | Fraction) and not isinstance(value, bool):
        facts = st.sampled_from(number_facts(value))
    return facts.map(lambda fact: {field.name: fact})
