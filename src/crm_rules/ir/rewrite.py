"""Walking and rebuilding nodes: the part that every rewrite of a program shares.

`rebuilt` gives a node whose direct children were changed, and the same object where nothing did;
`over_nodes` applies a change to every expression and test of a program. It knows the shape of the
nodes (frozen dataclasses and tuples of them) and nothing of their meaning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar, assert_never, get_args

from crm_rules.ir.nodes import Bound, Constant, Expr, Nothing, StepValue, Test, Today
from crm_rules.ir.program import Column, Derive, Output, Program, Row, Step, Table, Total

Node = TypeVar("Node")

EXPRS: tuple[type, ...] = get_args(Expr)
TESTS: tuple[type, ...] = get_args(Test)
NODES: frozenset[type] = frozenset((*EXPRS, *TESTS, Bound))


def members_of(kind: type) -> tuple[str, ...]:
    """The members of a node that may hold nodes."""
    if kind in {Constant, Nothing} or not is_dataclass(kind):
        return ()
    return tuple(member.name for member in fields(kind) if member.name != "type")


MEMBERS = {kind: members_of(kind) for kind in NODES}


def children(node: Any) -> Iterator[Any]:
    """The expressions, tests and bounds directly below a node."""
    for name in MEMBERS[type(node)]:
        below = getattr(node, name)
        for item in below if isinstance(below, tuple) else (below,):
            if type(item) in NODES:
                yield item


def descendants(node: Any) -> Iterator[Any]:
    """The node and everything below it."""
    yield node
    for child in children(node):
        yield from descendants(child)


def nodes_of(program: Program) -> Iterator[Any]:
    """Every expression and test of a program, with everything below it."""
    for population in program.population:
        for expr in (population.value, *population.within):
            yield from descendants(expr)
    for step in program.steps:
        yield from nodes_of_step(step)
    for output in program.outputs:
        yield from descendants(output.expr)


def nodes_of_step(step: Step) -> Iterator[Any]:
    """Every expression and test of one step, with everything below it."""
    match step:
        case Derive():
            yield from descendants(step.expr)
        case Table():
            for column in step.columns:
                yield from descendants(column.subject)
            for row in step.rows:
                for node in (*row.tests, *row.outputs):
                    yield from descendants(node)
        case Total():
            pass
        case _:
            assert_never(step)


def steps_below(exprs: Iterable[Expr], steps: Sequence[Step]) -> tuple[Step, ...]:
    """The steps that expressions need, in order."""
    needed = {node.step for expr in exprs for node in descendants(expr) if isinstance(node, StepValue)}
    for step in reversed(steps):
        if step.id in needed:
            needed |= {node.step for node in nodes_of_step(step) if isinstance(node, StepValue)}
            needed |= {table for table, _ in step.terms} if isinstance(step, Total) else set()
    return tuple(step for step in steps if step.id in needed)


def rebuilt(node: Node, change: Callable[[Any], Any]) -> Node:
    """The node with `change` applied to its direct children; the same object when none changed."""
    return changed_below(node, MEMBERS[type(node)], NODES, change)


def changed_below(node: Node, names: tuple[str, ...], kinds: frozenset[type], change: Callable[[Any], Any]) -> Node:
    """The node with `change` applied to what is of those kinds in its members, alone or in a tuple."""
    changed: dict[str, Any] = {}
    for name in names:
        below = getattr(node, name)
        if isinstance(below, tuple):
            after: Any = tuple(change(item) if type(item) in kinds else item for item in below)
            if any(new is not old for new, old in zip(after, below, strict=True)):
                changed[name] = after
        elif type(below) in kinds and (after := change(below)) is not below:
            changed[name] = after
    return replace(node, **changed) if changed else node  # type: ignore[type-var]


def over_nodes(
    program: Program, of_expr: Callable[[Expr], Expr], of_test: Callable[[Column, Test], Test] | None = None
) -> Program:
    """The program with every outermost expression changed, and every cell (given with its column)."""

    def of_row(row: Row, columns: tuple[Column, ...]) -> Row:
        tests = row.tests
        if of_test is not None and not row.otherwise:
            tests = tuple(of_test(column, test) for column, test in zip(columns, row.tests, strict=True))
        return replace(row, tests=tests, outputs=tuple(of_expr(expr) for expr in row.outputs))

    def of_step(step: Step) -> Step:
        match step:
            case Derive(expr=expr):
                return replace(step, expr=of_expr(expr))
            case Table(columns=columns, rows=rows):
                columns = tuple(replace(column, subject=of_expr(column.subject)) for column in columns)
                return replace(step, columns=columns, rows=tuple(of_row(row, columns) for row in rows))
            case Total():
                return step

    def of_output(output: Output) -> Output:
        return replace(output, expr=of_expr(output.expr))

    steps, outputs = tuple(map(of_step, program.steps)), tuple(map(of_output, program.outputs))
    return replace(program, steps=steps, outputs=outputs)


def reads_today(program: Program) -> bool:
    """True when something in the program reads the day, or a parameter is dated."""
    dated = any(parameter.is_dated for parameter in program.parameters)
    return dated or any(isinstance(node, Today) for node in nodes_of(program))
