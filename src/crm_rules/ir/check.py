"""What a whole program must satisfy before anything runs it: names, types, order, missing values.

`check` returns every finding at once as diagnostics and never raises. A program without findings
cannot fail on a record that `read_record` accepts; the front ends call it for every policy, and
so does whoever builds a program by hand or reads one from JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import assert_never

from crm_rules.diagnostics import Diagnostic
from crm_rules.ir.law_typing import law_faults
from crm_rules.ir.nodes import Expr, StepValue, Test
from crm_rules.ir.numbers import Exact, to_decimal
from crm_rules.ir.population_typing import population_faults
from crm_rules.ir.program import Column, Derive, Field, Output, Parameter, Program, Row, Step, Table, Total
from crm_rules.ir.record import Rejected, accept
from crm_rules.ir.types import (
    Choice,
    Date,
    Integer,
    ListOfValues,
    Money,
    Number,
    Numeric,
    Type,
    is_numeric,
    is_value,
    show_type,
)
from crm_rules.ir.typing import (
    FACT_DIGITS,
    MAX_DIGITS,
    Function,
    IllTyped,
    Named,
    TypeScope,
    assignable,
    borders,
    check_test,
    date_range,
    digits_of,
    is_quotient,
    may_be_missing,
    product_type,
    sum_type,
    type_of,
)
from crm_rules.source import Span

NO_FUNCTIONS: Mapping[str, Function] = MappingProxyType({})


def check(program: Program, functions: Mapping[str, Function] = NO_FUNCTIONS) -> list[Diagnostic]:
    """Every reason why the program cannot be used; empty when it can."""
    checker = Checker(program, functions)
    checker.run()
    return checker.found


def scope_of(program: Program, functions: Mapping[str, Function] = NO_FUNCTIONS) -> TypeScope:
    """The names and types that a well-typed program's expressions may use, all steps included."""
    checker = Checker(program, functions)
    checker.run()
    return checker.scope


class Checker:
    """One walk over one program, collecting findings and the types of its steps."""

    def __init__(self, program: Program, functions: Mapping[str, Function]) -> None:
        self.program = program
        self.scope = TypeScope(functions=functions)
        self.found: list[Diagnostic] = []
        self.nowhere = program.span or Span(f"<{program.id}>", 1, 1, 1)

    def report(self, code: str, span: Span | None, message: str, remedy: str = "") -> None:
        """Add one finding."""
        self.found.append(Diagnostic(code, "error", span or self.nowhere, message, help=remedy))

    def run(self) -> None:
        """Check fields and parameters, then the steps in order, then the outputs, the population, the laws."""
        for field in self.program.fields:
            if field.name in self.scope.fields:
                self.report("duplicate-name", field.span, f"the field `{field.name}` is declared twice")
            limited = self.check_field(field)
            low, high = (field.low, field.high) if limited else (None, None)
            self.scope.fields[field.name] = Named(field.type, optional=field.may_be_missing, low=low, high=high)
        for parameter in self.program.parameters:
            self.check_parameter(parameter)
            self.scope.parameters[parameter.name] = Named(parameter.type)
        seen: set[str] = set()
        for step in self.program.steps:
            if step.id in seen:
                self.report("duplicate-name", step.span, f"the step `{step.id}` stands twice")
            seen.add(step.id)
            self.check_step(step)
        seen = set()
        for output in self.program.outputs:
            if output.name in seen:
                self.report("duplicate-name", output.span, f"the output `{output.name}` is declared twice")
            seen.add(output.name)
            self.check_output(output)
        if not self.program.outputs:
            self.report("no-output", self.program.span, "the policy declares no output")
        for span, fault in population_faults(self.program, self.scope):
            self.report("type-mismatch", span, fault)
        self.check_laws()

    def check_field(self, field: Field) -> bool:
        """Limits must suit the type (True when they do), and a default must be an acceptable fact."""
        limited = True
        of_day = isinstance(field.type, Date)
        for word, limit in (("min", field.low), ("max", field.high)):
            if limit is not None and not of_day and not is_numeric(field.type):
                limited = False
                message = f"`{word}` is for numbers and dates, and `{field.name}` is {show_type(field.type)}"
                self.report("unsuited-key", field.span, message)
            elif limit is not None and not is_value(limit, Date() if of_day else Number()):
                limited = False
                self.report("bad-range", field.span, f"`{word}` of `{field.name}` is not {show_type(field.type)}")
        if field.decimals is not None and not is_numeric(field.type):
            limited = False
            message = f"`decimals` is for numbers and money, and `{field.name}` is {show_type(field.type)}"
            self.report("unsuited-key", field.span, message)
        if limited and field.low is not None and field.high is not None and field.low > field.high:  # type: ignore[operator]
            self.report("bad-range", field.span, f"`min` of `{field.name}` is above its `max`")
        if limited:
            self.check_default(field)
        if field.currency is not None and not isinstance(field.type, Money):
            message = f"`currency` is for money, and `{field.name}` is {show_type(field.type)}"
            self.report("unsuited-key", field.span, message)
        return limited

    def check_default(self, field: Field) -> None:
        """A default must be an acceptable fact."""
        if field.default is not None and isinstance(rejected := accept(field, to_fact(field.default)), Rejected):
            self.report(
                "bad-default",
                field.span,
                f"the default of `{field.name}` is not {rejected.expected}",
                "change the default",
            )

    def check_parameter(self, parameter: Parameter) -> None:
        """It stands once, and every value is of its type."""
        if parameter.name in self.scope.parameters:
            self.report("duplicate-name", parameter.span, f"the parameter `{parameter.name}` is declared twice")
        for dated in parameter.values:
            if not is_value(dated.value, parameter.type):
                message = f"a value of the parameter `{parameter.name}` is not {show_type(parameter.type)}"
                self.report("type-mismatch", dated.span or parameter.span, message)

    def check_step(self, step: Step) -> None:
        """Check one step and make its outputs known to the later ones."""
        match step:
            case Derive():
                kind = self.typed(step.expr, step.span)
                if kind is not None:
                    self.declared(step.id, step.type, kind, step.span)
                    self.know(step.id, step.id, kind, step.expr)
            case Total():
                self.check_total(step)
            case Table():
                self.check_table(step)
            case _:
                assert_never(step)

    def know(self, step: str, output: str, kind: Type, expr: Expr) -> None:
        """Record what later steps may know of a derived value."""
        digits = self.digits(expr) if is_numeric(kind) else FACT_DIGITS
        reach = date_range(expr, self.scope) if isinstance(kind, Date) else None
        low, high = reach or (None, None)
        self.scope.steps[step, output] = Named(
            kind, optional=may_be_missing(expr, self.scope), digits=digits, low=low, high=high
        )

    def typed(self, expr: Expr, span: Span | None) -> Type | None:
        """The type of an expression, or None after reporting why it has none."""
        try:
            kind = type_of(expr, self.scope)
        except IllTyped as error:
            self.report("type-mismatch", span, error.message, error.remedy)
            return None
        try:
            digits_of(expr, self.scope)
        except IllTyped as error:
            self.report("number-too-long", span, error.message, error.remedy)
        return kind

    def digits(self, expr: Expr) -> int:
        """The most digits of an expression; where `typed` has reported that they are too many, those of a fact."""
        try:
            return digits_of(expr, self.scope)
        except IllTyped:
            return FACT_DIGITS

    def declared(self, name: str, wanted: Type, found: Type, span: Span | None) -> None:
        """A program has the types it says, because its rewrites rely on them."""
        if not assignable(found, wanted):
            self.report("type-mismatch", span, f"`{name}` is said to be {show_type(wanted)}, and is {show_type(found)}")

    def check_total(self, step: Total) -> None:
        """Every term must be a present number, and their sum of the type that the step says."""
        found: Numeric | None = literal_type(step.initial) if step.initial != 0 or not step.terms else None
        for table, weight in step.terms:
            known = self.scope.steps.get((table, step.output))
            if known is None or not isinstance(known.type, Numeric) or known.optional:
                self.report("type-mismatch", step.span, f"`{table}` gives no points to add up")
                continue
            term = StepValue(table, step.output)
            try:
                points = product_type(term, known.type, literal_type(weight))
                found = points if found is None else sum_type(term, found, points)
            except IllTyped as error:
                self.report("type-mismatch", step.span, error.message, error.remedy)
        if found is not None:
            self.declared(step.id, step.type, found, step.span)
        terms = [self.scope.steps.get((table, step.output)) for table, _ in step.terms]
        digits = FACT_DIGITS + sum(FACT_DIGITS + known.digits for known in terms if known is not None)
        self.scope.steps[step.id, step.output] = Named(step.type, digits=min(digits, MAX_DIGITS))

    def check_table(self, table: Table) -> None:
        """Columns, rows and hit policy of a table."""
        kinds = [self.typed(column.subject, table.span) for column in table.columns]
        for column, kind in zip(table.columns, kinds, strict=True):
            if kind is not None:
                self.declared(column.name, column.type, kind, table.span)
        seen: set[str] = set()
        for position, row in enumerate(table.rows):
            if row.id in seen:
                self.report("duplicate-rule", row.span, f"the rule `{row.id}` stands twice in `{table.id}`")
            seen.add(row.id)
            last = position == len(table.rows) - 1
            if row.otherwise and not last:
                self.report("otherwise-not-last", row.span, "`otherwise` must be the last rule of its table")
            self.check_row(table, row, kinds)
        if not table.rows:
            self.report("no-rules", table.span, f"`{table.id}` has no rules")
        self.check_hit_policy(table)
        for index, (name, kind) in enumerate(table.outputs):
            cells = [row.outputs[index] for row in table.rows if index < len(row.outputs)]
            optional = table.optional or any(may_be_missing(cell, self.scope) for cell in cells if self.safe(cell))
            reaches = (
                [date_range(cell, self.scope) for cell in cells if self.safe(cell)] if isinstance(kind, Date) else []
            )
            known = [reach for reach in reaches if reach is not None]
            complete = bool(known) and len(known) == len(reaches)
            self.scope.steps[table.id, name] = Named(
                collected_type(table, kind),
                optional=optional and table.aggregation is None,
                digits=max((self.digits(cell) for cell in cells if self.safe(cell)), default=FACT_DIGITS)
                + (len(str(len(cells))) if table.aggregation == "sum" else 0),
                low=min(reach[0] for reach in known) if complete else None,
                high=max(reach[1] for reach in known) if complete else None,
            )

    def safe(self, expr: Expr) -> bool:
        """True for an expression that has a type."""
        try:
            type_of(expr, self.scope)
        except IllTyped:
            return False
        return True

    def check_row(self, table: Table, row: Row, kinds: list[Type | None]) -> None:
        """One test a column that suits it, one expression an output that suits it."""
        if not row.otherwise and len(row.tests) != len(table.columns):
            self.report(
                "ragged-row", row.span, f"the rule `{row.id}` has {len(row.tests)} tests for {len(kinds)} columns"
            )
            return
        if len(row.outputs) != len(table.outputs):
            self.report("ragged-row", row.span, f"the rule `{row.id}` does not fill every output")
            return
        for position, (column, kind) in enumerate(zip(table.columns, kinds, strict=True)):
            if kind is not None and not row.otherwise:
                span = row.cells[position] if position < len(row.cells) else None
                self.check_cell(column, row.tests[position], kind, span or row.span)
        for (name, kind_wanted), expr in zip(table.outputs, row.outputs, strict=True):
            found = self.typed(expr, row.span)
            if found is not None and not assignable(found, kind_wanted):
                self.report(
                    "type-mismatch",
                    row.span,
                    f"`{name}` is {show_type(kind_wanted)}, and the rule `{row.id}` gives {show_type(found)}",
                    "round the quotient" if is_quotient(found) else "",
                )

    def check_cell(self, column: Column, test: Test, kind: Type, span: Span | None) -> None:
        """Report a test that does not suit its column."""
        try:
            check_test(test, kind, self.scope)
        except IllTyped as error:
            self.report("type-mismatch", span, f"in column `{column.name}`: {error.message}", error.remedy)
            return
        for border in borders(test):
            self.typed(border, span)

    def check_hit_policy(self, table: Table) -> None:
        """COLLECT needs an aggregation that suits its outputs, the others none."""
        if (table.hit_policy == "collect") is not (table.aggregation is not None):
            self.report("hit-policy", table.span, "`aggregation` goes with the hit policy `collect` and only with it")
        if table.aggregation in {"sum", "min", "max"}:
            for name, kind in table.outputs:
                orderable = is_numeric(kind) or (isinstance(kind, Date) and table.aggregation != "sum")
                if not orderable:
                    self.report(
                        "hit-policy", table.span, f"`{table.aggregation}` cannot gather `{name}`: {show_type(kind)}"
                    )

    def check_output(self, output: Output) -> None:
        """The expression must have the declared type and, unless optional, always a value."""
        kind = self.typed(output.expr, output.span)
        if kind is None:
            return
        if is_quotient(kind.item if isinstance(kind, ListOfValues) else kind):
            self.report(
                "unrounded-quotient",
                output.span,
                f"`{output.name}` is a quotient, which has no exact decimal form",
                "round it: round(x, 2, half_up)",
            )
        elif not assignable(kind, output.type):
            self.report(
                "type-mismatch",
                output.span,
                f"`{output.name}` is {show_type(output.type)}, and its rules give {show_type(kind)}",
            )
        elif not output.optional and may_be_missing(output.expr, self.scope):
            self.report(
                "output-may-be-missing",
                output.span,
                f"`{output.name}` can be missing",
                "give it a value in every case, or declare the output `optional: true`",
            )
        if output.order is not None and not isinstance(output.type, Choice | Integer | Number):
            message = f"`{output.name}` is {show_type(output.type)} and cannot be ordered"
            self.report("unsuited-key", output.span, message)

    def check_laws(self) -> None:
        """A law speaks of outputs and fields that exist, and only of what they can be."""
        for law in self.program.laws:
            for fault in law_faults(law, self.program, self.scope):
                self.report("type-mismatch", law.span, f"in the law `{law.text}`: {fault}")


def collected_type(table: Table, kind: Type) -> Type:
    """The type that later steps see of an output: a list under COLLECT list, a count under COUNT."""
    match table.aggregation:
        case "list":
            return ListOfValues(kind)
        case "count":
            return Integer()
        case _:
            return kind


def literal_type(number: Exact) -> Numeric:
    """The type of a number that a step states."""
    return Integer() if isinstance(number, int) else Number()


def to_fact(value: object) -> object:
    """An accepted value in a form that `accept` takes again."""
    return to_decimal(value) if isinstance(value, Fraction) else value
