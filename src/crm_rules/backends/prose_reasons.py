"""Why as data: one `Reason` for each cell that held, each problem, each rule of a gap or a conflict.

The entries stand in step order. Points lost stand on the first entry of a characteristic's rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from crm_rules.backends.prose_case import (
    Case,
    Reason,
    best_points,
    cells_of,
    failing_cells,
    nearest_row,
    weights,
)
from crm_rules.ir.evaluate import StepResult
from crm_rules.ir.nodes import Constant, ParameterValue
from crm_rules.ir.numbers import decimal_parts, reduced, to_decimal
from crm_rules.ir.program import Label, Program, Row, Table
from crm_rules.ir.rewrite import rebuilt
from crm_rules.ir.show import show_test


def reasons(case: Case) -> tuple[Reason, ...]:
    """Every reason of one decision: its problems, what it waits for, then the cells that held or failed."""
    labels = {field.name: field.label for field in case.program.fields}
    found: list[Reason] = []
    for problem in case.problems:
        name = problem.field
        value = None if problem.code == "missing" else case.facts.get(name, problem.found)
        found.append(Reason(problem.code, "", "", name, value, problem.expected, None, labels.get(name, Label())))
    waiting = (alias for alias, required in case.requires if required.status != "decided")
    found += [Reason("blocked", "", "", alias, None, "", None, labels.get(alias, Label())) for alias in waiting]
    if case.evaluation is not None:
        for table in case.program.tables:
            found += of_table(table, case.evaluation.steps[table.id], case)
    return tuple(found)


def of_table(table: Table, result: StepResult, case: Case) -> Iterator[Reason]:
    """The entries of one step: the rules that matched, or what a gap came closest to."""
    rows = [table.rows[index] for index in result.rows]
    if result.status == "no_match" and result.cause == table.id and not rows:
        near = nearest_row(table, result, case.scope)
        if near is None:
            yield Reason("gap", "", table.id, "", None, "", None, table.label)
            return
        yield from entries(table, near, result, case, "gap")
    for row in rows:
        wrong = {"conflict": "conflict", "no_match": "gap", "decided": row.reason or "rule"}
        code = wrong[result.status]
        yield from entries(table, row, result, case, code)


def entries(table: Table, row: Row, result: StepResult, case: Case, code: str) -> Iterator[Reason]:
    """One entry a cell that holds (of a gap: that fails), or one for a rule that asks for nothing."""
    scope = case.scope
    cells = (
        failing_cells(table, row, result, scope) if code == "gap" and not result.rows else cells_of(table, row, result)
    )
    rule = case.program.rule_id(table, row)
    values = [(one, one.at(case.today)) for one in case.program.parameters]
    known = {one.name: Constant(value, one.type) for one, value in values if value is not None}
    lost = points_lost(table, result, case) if table.role == "characteristic" else None
    if not cells:
        border = "otherwise" if row.otherwise else "-"
        yield Reason(code, rule, table.id, "", None, border, lost, row.label)
    for position, cell in enumerate(cells):
        name, lost_here = cell.column.name, None if position else lost
        border = show_test(resolved(cell.test, known))
        label = label_of(row, name, case.program)
        yield Reason(code, rule, table.id, name, fact_of(cell.value), border, lost_here, label)


def label_of(row: Row, name: str, program: Program) -> Label:
    """The label of the rule, else of the field that the cell tests."""
    if row.label != Label():
        return row.label
    return next((field.label for field in program.fields if field.name == name), Label())


def points_lost(table: Table, result: StepResult, case: Case) -> Any:
    """The weighted points that a characteristic is short of its best."""
    weight = weights(case.program).get(table.id)
    if weight is None or result.status != "decided":
        return None
    given: Any = result.values["points"]
    return fact_of(reduced(best_points(table, weight, case.scope) - weight * given))


def resolved(node: Any, known: Mapping[str, Constant]) -> Any:
    """The test with the parameters' values in place of their names, where they are known."""
    if isinstance(node, ParameterValue):
        return known.get(node.name, node)
    return rebuilt(node, lambda inner: resolved(inner, known))


def fact_of(value: Any) -> Any:
    """A value as an application receives it; an unrounded quotient stays a fraction."""
    if isinstance(value, tuple):
        return tuple(fact_of(item) for item in value)
    if isinstance(value, bool) or not isinstance(value, int | Fraction) or decimal_parts(value) is None:
        return value
    number: int | Decimal = to_decimal(value)
    return number
