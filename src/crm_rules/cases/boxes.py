"""The records that a rule asks for, as a set of values for each column: what is empty, and what an earlier rule takes.

Everything here is proven, for every day on which a parameter has another value: an empty box holds
no record, and a box inside that of one earlier rule leaves none where the first rule decides. What
several earlier rules take together is not looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TypeAlias

from crm_rules.cases.neighbours import spacing_of
from crm_rules.ir.evaluate import NO_FUNCTIONS, Scope, parameter_values, value_of
from crm_rules.ir.nodes import Constant, FieldValue, ParameterValue
from crm_rules.ir.program import Column, Program, Row, Table
from crm_rules.ir.typing import borders
from crm_rules.questions.extent import extent
from crm_rules.questions.sets import Domain, ValueSet, accepted, domain_of

Box: TypeAlias = tuple[ValueSet, ...]
MOST_ROWS = 300  # of a table in which each rule is compared with all earlier ones


class Boxes:
    """The boxes of one program's rules; each cell is worked out once for each period of its parameters."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.domains: dict[Column, Domain] = {}
        self.known: dict[tuple[str, Row, int], Box] = {}
        self.plain: dict[str, bool] = {}
        days = sorted({date.min, *(dated.since or date.min for one in program.parameters for dated in one.values)})
        scopes = [Scope({}, parameter_values(program, day), day, {}, NO_FUNCTIONS) for day in days]
        self.periods = tuple(scope for scope in scopes if len(scope.parameters) == len(program.parameters))

    def domain(self, column: Column) -> Domain:
        """The values that a column can have, as far as they are known."""
        if column not in self.domains:
            fields = {field.name: field for field in self.program.fields}
            if isinstance(column.subject, FieldValue):
                found = domain_of(fields[column.subject.name])
            else:
                step = spacing_of(column, self.program)
                found = Domain(column.type, step, extent(column.subject, self.program, None))
            self.domains[column] = found
        return self.domains[column]

    def box(self, table: Table, row: Row, period: int) -> Box:
        """What a rule asks for, in each column."""
        key = (table.id, row, period)
        if key not in self.known:
            scope = self.periods[period]
            self.known[key] = tuple(
                self.domain(column).grid(accepted(test, column.type, lambda expr: value_of(expr, scope)))
                for column, test in zip(table.columns, row.tests, strict=True)
            )
        return self.known[key]

    def hidden(self, table: Table, row: Row, narrowed: Callable[[Box, int], Box]) -> str | None:
        """Why no record lies in a part of a rule's box.

        The name of an earlier rule that takes it, or an empty text when nothing lies there at all; None
        where a record may get there. `narrowed` makes the part out of the box, in a period.
        """
        if not self.periods or row.otherwise or not self.is_plain(table) or len(table.rows) > MOST_ROWS:
            return None
        name = ""
        for period in range(len(self.periods)):
            box = narrowed(self.box(table, row, period), period)
            if all(box):
                earlier = self.earlier(table, row, box, period)
                if earlier is None:
                    return None
                name = self.program.rule_id(table, earlier)
        return name

    def earlier(self, table: Table, row: Row, box: Box, period: int) -> Row | None:
        """The earlier rule that takes the whole box, where the first rule decides."""
        if table.hit_policy != "first":
            return None
        for other in table.rows:
            if other is row:
                return None
            theirs = () if other.otherwise else self.box(table, other, period)
            if theirs and not any(mine - taken for mine, taken in zip(box, theirs, strict=True)):
                return other
        return None

    def is_plain(self, table: Table) -> bool:
        """True when every border is a constant or a parameter, as in all that an author writes."""
        if table.id not in self.plain:
            tests = (test for row in table.rows for test in row.tests)
            self.plain[table.id] = all(
                isinstance(expr, Constant | ParameterValue) for test in tests for expr in borders(test)
            )
        return self.plain[table.id]
