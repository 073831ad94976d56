"""A program that is being asked: made ready once, with a space for each day that has to be looked at.

From boxes it makes records, and the reference evaluator says what becomes of them: nothing is
claimed of a record that was not evaluated. What is asked stands in the modules of `crm_rules.proofs`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from functools import cached_property
from typing import Any

from crm_rules.diagnostics import Witness
from crm_rules.ir.evaluate import NO_FUNCTIONS, Evaluation, Functions, evaluate
from crm_rules.ir.nodes import Expr, Value
from crm_rules.ir.numbers import to_fact
from crm_rules.ir.program import Program
from crm_rules.ir.types import Money
from crm_rules.questions.prepare import Prepared, prepared
from crm_rules.questions.sets import ValueSet, domain_of, sample
from crm_rules.questions.solve import solve
from crm_rules.questions.space import Space, space
from crm_rules.questions.todays import Days, representatives


class Asked:
    """One program (its chain inlined) with its days and spaces; `near` is the day that witnesses prefer."""

    def __init__(self, program: Program, functions: Functions = NO_FUNCTIONS, near: date | None = None) -> None:
        self.ready: Prepared = prepared(program)
        self.functions = functions
        self.near = near
        self.domains = {one.name: domain_of(one) for one in self.ready.written.fields}
        self.made: dict[date | None, Space] = {}

    @cached_property
    def days(self) -> Days:
        """The days to look at."""
        return representatives(self.ready.program, self.near)

    def spaces(self) -> Iterator[Space]:
        """A space for each day, the usual day first."""
        for day in self.days.days:
            yield self.space(day)

    def space(self, day: date | None) -> Space:
        """The space of one day."""
        if day not in self.made:
            self.made[day] = space((self.ready.program,), day, self.functions)
        return self.made[day]

    def values(self, here: Space, sets: Mapping[int, ValueSet]) -> dict[str, Value | None] | None:
        """Values of all fields that lie in the sets (by the axis's place); None when none were found.

        Where only fields are limited, None says that there are none.
        """
        wanted: dict[str, ValueSet] = {}
        constraints: dict[Expr, ValueSet] = {}
        for place, some in sets.items():
            axis = here.axes[place]
            constraints[axis.subject] = some
            if axis.is_field:
                wanted[axis.fields[0]] = some
        if len(wanted) < len(constraints):
            return solve(constraints, self.ready.program, here.today, self.functions)
        found: dict[str, Value | None] = {}
        for name, domain in self.domains.items():
            some = domain.grid(wanted.get(name, domain.all))
            if not some:
                return None
            found[name] = sample(some, domain)
            if found[name] is None and not some.missing:
                return None
        return found

    def evaluate(self, values: Mapping[str, Value | None], day: date | None) -> Evaluation:
        """What the program as it was written answers."""
        return evaluate(self.ready.written, values, day, self.functions)

    def witness(self, values: Mapping[str, Value | None], day: date | None) -> Witness:
        """The record of the values, as an application holds it."""
        record: dict[str, Any] = {}
        for field in self.ready.written.fields:
            record[field.name] = to_fact(values[field.name])
            if field.currency is not None and isinstance(field.type, Money):
                record[field.currency] = field.type.unit
        return Witness(record, day)
