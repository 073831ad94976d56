"""The population step of a program as sums over a window: `ir.measure` for columns.

Shares stay quotients of two integers, so that a border is compared by cross-multiplication. A row whose numbers are
too large makes its whole population too large, since nobody's share is known then.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import assert_never

from crm_rules.backends.query import Add, Compare, Expr, Fixed, SumAbove, SumOver, ToFloat
from crm_rules.backends.query_logic import every, no, some, when
from crm_rules.backends.query_operand import DECIDED, LARGEST, Operand, as_counted
from crm_rules.backends.query_values import Values
from crm_rules.errors import CallError
from crm_rules.ir.population import OF_THE_VALUE, Measure, Population

MOST = Fixed(Fraction(9 * 10**18))
ROWS = 10**12  # more than any table has


def measures(population: Population, values: Values, usable: Expr) -> dict[str, Operand]:
    """The measured fields of a population, by name; `usable` rows are measured."""
    writer = PopulationColumns(population, values, usable)
    return {field: writer.measure(measure) for field, measure in population.measures}


class PopulationColumns:
    """The sums and counts of one population, each written once."""

    def __init__(self, population: Population, values: Values, usable: Expr) -> None:
        self.values = values
        limits = values.limits
        value = as_counted(values.kept(population.value, "ranked"))
        if value.divisor is not None:
            raise CallError("a table cannot rank by a quotient: round it to some decimals, or decide with decide_many")
        self.within = tuple(values.keep(values.operand(expr), "within").expr for expr in population.within)
        large = some(*(condition for condition, _ in limits.conditions))
        decided = Compare("=", value.state, DECIDED) if value.state != DECIDED else Fixed(value=True)
        takes_part = every(usable, no(large), no(value.missing), decided)
        if population.positive:
            takes_part = every(takes_part, Compare(">", value.expr, Fixed(0)))
        self.takes_part = values.keep(Operand(takes_part, "boolean"), "takes part").expr
        self.amount = self.integer(when(self.takes_part, value.expr, Fixed(0)), "amount")
        self.one = self.integer(when(self.takes_part, Fixed(1), Fixed(0)), "one")
        self.safe = self.amount
        too_many: list[Expr] = []
        if large != Fixed(value=False):
            spoiled = self.integer(when(every(usable, large), Fixed(1), Fixed(0)), "too large here")
            too_many.append(Compare(">", self.over(spoiled, "too large in all"), Fixed(0)))
        if OF_THE_VALUE & {measure for _, measure in population.measures}:
            estimate = self.integer(ToFloat(self.amount), "estimate")
            total = self.over(estimate, "estimated total")
            fits = Compare("<", total, MOST)
            self.safe = self.integer(when(fits, self.amount, Fixed(0)), "counted amount")
            too_many.append(no(fits))
        limits.about = "the population"
        limits.forbid(some(*too_many), no(usable))

    def integer(self, expr: Expr, name: str) -> Expr:
        """An integer in a column of its own."""
        return self.values.keep(Operand(expr, "counted"), name).expr

    def over(self, operand: Expr, name: str) -> Expr:
        """The sum of a column over the population of a row."""
        return self.integer(SumOver(operand, self.within), name)

    def above(self, operand: Expr, name: str) -> Expr:
        """The sum of a column over the rows that stand before a row."""
        return self.integer(SumAbove(operand, self.amount, self.within), name)

    def tied(self, operand: Expr, name: str) -> Expr:
        """The sum of a column over the rows that stand beside a row, itself included."""
        return self.integer(SumOver(operand, (*self.within, self.amount)), name)

    def measure(self, measure: Measure) -> Operand:  # noqa: PLR0911 - one case a measure
        """A measure of a row; one that takes no part stands behind all."""
        match measure:
            case "population":
                return self.count(self.counted, self.counted)
            case "position":
                behind = Add(self.counted, Fixed(1))
                return self.count(Add(self.heads_before, Fixed(1)), behind)
            case "last_position":
                return self.count(Add(self.heads_before, self.tied(self.one, "beside")), self.counted)
            case "heads_before":
                return self.share(self.heads_before, self.counted)
            case "heads_with":
                return self.share(Add(self.heads_before, self.tied(self.one, "beside")), self.counted)
            case "share_before":
                return self.share(self.above(self.safe, "value before"), self.total)
            case "share_with":
                with_it = Add(self.above(self.safe, "value before"), self.tied(self.safe, "value beside"))
                return self.share(with_it, self.total)
            case _:
                assert_never(measure)

    @property
    def counted(self) -> Expr:
        """How many rows take part."""
        return self.over(self.one, "population")

    @property
    def total(self) -> Expr:
        """The value of all that take part."""
        return self.over(self.safe, "total value")

    @property
    def heads_before(self) -> Expr:
        """How many stand before a row."""
        return self.above(self.one, "before")

    def count(self, expr: Expr, behind: Expr) -> Operand:
        """A number of rows."""
        found = Operand(when(self.takes_part, expr, behind), "counted", low=0, high=ROWS)
        return self.values.keep(found, "measure")

    def share(self, part: Expr, whole: Expr) -> Operand:
        """A share, which is 1 for a row that takes no part."""
        most = LARGEST if whole == self.total else ROWS
        upper = Operand(when(self.takes_part, part, Fixed(1)), "counted", low=0, high=most)
        kept = self.values.keep(upper, "measure")
        divisor = Operand(when(self.takes_part, whole, Fixed(1)), "counted", low=1, high=most)
        return replace(kept, divisor=self.values.keep(divisor, "measure divisor").expr, most=most)
