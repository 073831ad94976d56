"""A record for several wishes at once: values of the fields for which expressions lie in given sets.

A field in no other wish takes its nicest value. Fields that share an expression are searched: each takes a few
likely values in turn, and as soon as an expression has one field left, its inverse image narrows
that field. What is found was evaluated; finding nothing proves nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any, assert_never

from crm_rules.dataclass import dataclass
from crm_rules.ir import days
from crm_rules.ir.evaluate import NO_FUNCTIONS, Functions, Scope, Undecided, evaluate, parameter_values, value_of
from crm_rules.ir.nodes import Constant, Expr, FieldValue, ParameterValue, StepValue, Test, Value
from crm_rules.ir.program import Derive, Program, Step, Table, Total
from crm_rules.ir.rewrite import descendants
from crm_rules.ir.types import Date, is_numeric
from crm_rules.questions.preimage import preimage
from crm_rules.questions.sets import MISSING, ValueSet, domain_of, nearest, samples

MOST_TRIED = 2_000  # values put into a record, over all orders of the fields
WIDTHS = (4, 12, 40)  # values that one field takes: few for all fields before many for the last ones
MONTHS = 12  # around today, whose first and last days are tried

Values = dict[str, Value | None]


@dataclass(frozen=True, slots=True)
class Wish:
    """An expression that shall lie in a set, and what it reads; `through_steps` when it needs a table's answer."""

    expr: Expr
    set: ValueSet
    fields: tuple[str, ...]
    nodes: tuple[Any, ...]
    through_steps: bool


def solve(
    constraints: Mapping[Expr, ValueSet],
    program: Program,
    today: date | None,
    functions: Functions = NO_FUNCTIONS,
) -> Values | None:
    """A value (None: missing) for every field of `program`, so that each expression lies in its set; or None.

    A wish about a field itself is one about `FieldValue`. None is no proof that there is no such record.
    Cost: at most some thousand inverse images, usually a handful.
    """
    search = Search(constraints, program, today, functions)
    boxes = search.narrowed(search.boxes, {}, search.wishes)
    if boxes is None:
        return None
    values: Values = {}
    for name, box in boxes.items():
        first = next(search.likely(name, box), None)
        if first is None and not box.missing:
            return None
        values[name] = first
    for group in search.groups():
        found = search.group(group, boxes, values)
        if found is None:
            return None
        values |= found
    return values if all(search.holds(wish, values) for wish in search.wishes) else None


class Search:
    """The wishes about one program on one day, and how often values were tried for them."""

    def __init__(
        self, constraints: Mapping[Expr, ValueSet], program: Program, today: date | None, functions: Functions
    ) -> None:
        self.program, self.today, self.functions = program, today, functions
        self.parameters = parameter_values(program, today)
        self.fields = {one.name: one for one in program.fields}
        self.domains = {one.name: domain_of(one) for one in program.fields}
        self.boxes = {name: domain.grid(domain.all) for name, domain in self.domains.items()}
        self.wishes = tuple(wish_of(expr, some, program) for expr, some in constraints.items())
        self.goals = tuple(goals(self.wishes, self.parameters, today))
        self.left, self.width = MOST_TRIED, WIDTHS[0]

    def value_of(self, values: Values) -> Callable[[Expr], Value | None]:
        """The values of expressions over the fields that have one."""
        scope = Scope(values, self.parameters, self.today, {}, self.functions)
        return lambda expr: value_of(expr, scope)

    def holds(self, wish: Wish, values: Values) -> bool:
        """True when the expression lies in its set, by the reference evaluator."""
        steps = evaluate(self.program, values, self.today, self.functions).steps if wish.through_steps else {}
        scope = Scope(values, self.parameters, self.today, steps, self.functions)
        try:
            return wish.set.contains(value_of(wish.expr, scope))
        except Undecided:
            return False

    def groups(self) -> Iterator[tuple[str, ...]]:
        """The fields of wishes about expressions, those that hang together in one group."""
        left = [wish for wish in self.wishes if wish.fields and not isinstance(wish.expr, FieldValue)]
        while left:
            names = dict.fromkeys(left.pop(0).fields)
            while near := [wish for wish in left if not names.keys().isdisjoint(wish.fields)]:
                names |= dict.fromkeys(name for wish in near for name in wish.fields)
                left = [wish for wish in left if wish not in near]
            yield tuple(names)

    def group(self, names: tuple[str, ...], boxes: dict[str, ValueSet], others: Values) -> Values | None:
        """Values of the fields of one group; each field is once the last, which inverse images decide."""
        for self.width in WIDTHS:
            for place in range(len(names)):
                order = (*names[place + 1 :], *names[:place], names[place])
                self.left = MOST_TRIED // (len(names) * len(WIDTHS))
                found = self.assigned(order, {}, boxes, others)
                if found is not None:
                    return found
        return None

    def assigned(
        self, order: tuple[str, ...], values: Values, boxes: dict[str, ValueSet], others: Values
    ) -> Values | None:
        """Values of the rest of the fields, in that order, given the first ones."""
        if not order:
            whole = {**others, **values}
            fits = all(self.holds(one, whole) for one in self.wishes if not values.keys().isdisjoint(one.fields))
            return values if fits else None
        name, *rest = order
        for value in self.likely(name, boxes[name]):
            self.left -= 1
            if self.left < 0:
                return None
            put = {**values, name: value}
            asked = [wish for wish in self.wishes if name in wish.fields]
            narrowed = self.narrowed(boxes, put, asked)
            if narrowed is not None and (found := self.assigned(tuple(rest), put, narrowed, others)) is not None:
                return found
        return None

    def narrowed(
        self, boxes: dict[str, ValueSet], values: Values, asked: tuple[Wish, ...] | list[Wish]
    ) -> dict[str, ValueSet] | None:
        """The boxes cut by the wishes that have one field left; None when a wish fails or a box is empty."""
        found = dict(boxes)
        for wish in asked:
            open_fields = [name for name in wish.fields if name not in values]
            if wish.through_steps or len(open_fields) > 1:
                continue
            if not open_fields:
                if not self.holds(wish, values):
                    return None
                continue
            (name,) = open_fields
            inverse = preimage(wish.expr, wish.set, self.fields[name], self.value_of(values))
            if inverse is None:
                continue
            found[name] = self.domains[name].grid(found[name] & inverse)
            if not found[name]:
                return None
        return found

    def likely(self, name: str, box: ValueSet) -> Iterator[Value | None]:
        """Values of a box, the plainest first: a day near today, a border, zero and one, what is near the constants."""
        domain = self.domains[name]
        is_date = isinstance(domain.type, Date)
        present = box - MISSING
        found = list(samples(present, domain))
        if is_date and self.today is not None and box == self.boxes[name]:
            found.insert(0, nearest(present, domain, self.today))
        if is_date or is_numeric(domain.type):
            near = [nearest(present, domain, goal) for goal in self.goals if isinstance(goal, date) == is_date]
            half = self.width // 2
            found = [*found[:half], *near, *found[half:]]
        kept = [value for value in dict.fromkeys(found) if value is not None]
        yield from kept[: self.width]
        if box.missing:
            yield None


def wish_of(expr: Expr, some: ValueSet, program: Program) -> Wish:
    """The wish with everything its expression reads, through the steps."""
    steps = {step.id: step for step in program.steps}
    seen: dict[str, None] = {}
    nodes: list[Any] = []
    ahead: list[Expr | Test] = [expr]
    while ahead:
        for node in descendants(ahead.pop()):
            nodes.append(node)
            if isinstance(node, StepValue) and node.step not in seen:
                seen[node.step] = None
                ahead += parts(steps[node.step])
    fields = dict.fromkeys(node.name for node in nodes if isinstance(node, FieldValue))
    return Wish(expr, some, tuple(fields), tuple(nodes), through_steps=bool(seen))


def parts(step: Step) -> list[Expr | Test]:
    """The expressions and tests of a step."""
    match step:
        case Derive():
            return [step.expr]
        case Total():
            return [StepValue(table, step.output) for table, _ in step.terms]
        case Table():
            cells = [node for row in step.rows for node in (*row.tests, *row.outputs)]
            return [*(column.subject for column in step.columns), *cells]
        case _:
            assert_never(step)


def goals(wishes: tuple[Wish, ...], parameters: Mapping[str, Value], today: date | None) -> Iterator[Any]:
    """What good values lie near: today, the wishes' own numbers and days, one beside a number; then months' ends."""
    found: dict[Any, None] = dict.fromkeys((today, 0, 1) if today is not None else (0, 1))
    for wish in wishes:
        for node in wish.nodes:
            match node:
                case Constant(value, _) if not isinstance(value, bool | str):
                    found[value] = None
                case ParameterValue(name) if not isinstance(parameters.get(name), bool | str | None):
                    found[parameters[name]] = None
                case _:
                    pass
        found |= dict.fromkeys(end for one in wish.set.intervals for end in (one.low, one.high) if end is not None)
    found |= dict.fromkeys(goal + side for goal in tuple(found) if not isinstance(goal, date) for side in (1, -1))
    if today is not None:
        for count in (sign * months for months in range(MONTHS) for sign in (1, -1)):
            month = days.add_months(today.replace(day=1), count)
            found |= (
                {} if month is None else {month: None, month.replace(day=days.last_day(month.year, month.month)): None}
            )
    yield from found
