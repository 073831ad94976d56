"""A program as one flat Python function that decides straightforward records.

`compile_python` builds the function with `ast`, never from glued text, and registers its source in
`linecache`, so that tracebacks and debuggers step through it; `python_source` shows it. The function
decides what it is certain about. Everything else (a fact of another type or out of range, a missing
field, a gap, a conflict, a day it cannot use) goes to the caller's `slow` path, which reads the
record and runs `evaluate`: so the fast function never has to say what is wrong, and never guesses.

The parts: `python_fields` reads and checks the record, `python_expressions` computes,
`python_tables` and `python_tree` match rows, `python_syntax` and `python_draft` build the text,
`python_runtime` holds what the text calls.
"""

from __future__ import annotations

import ast
import linecache
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from types import MappingProxyType
from typing import Any
from zlib import crc32

from crm_rules.backends import python_runtime
from crm_rules.backends.python_draft import Draft, Known, Operand
from crm_rules.backends.python_expressions import Expressions
from crm_rules.backends.python_fields import FieldReader, Uses
from crm_rules.backends.python_syntax import (
    NONE,
    TRUE,
    Literals,
    Names,
    assign,
    both,
    call,
    compare,
    either,
    named,
    negated,
    operation,
    unpack,
    when,
)
from crm_rules.backends.python_tables import Fixed, Hits, TableWriter, Undecided
from crm_rules.backends.python_tree import Leaf, Node, Split
from crm_rules.ir import days
from crm_rules.ir.evaluate import divided
from crm_rules.ir.nodes import Coalesce, Expr, StepValue, Today
from crm_rules.ir.numbers import reduced, rounded, to_fact
from crm_rules.ir.program import Derive, Output, Program, Table, Total
from crm_rules.ir.rewrite import descendants
from crm_rules.ir.types import Integer, ListOfValues, Money, Number

# What the generated text may call. `construct`, `owner`, `slow` and `functions` come from the caller.
RUNTIME: Mapping[str, Any] = MappingProxyType(
    {
        "Decimal": Decimal,
        "Fraction": Fraction,
        "add_days": days.add_days,
        "add_months": days.add_months,
        "date": date,
        "divided": divided,
        "fit_decimal": python_runtime.fit_decimal,
        "last_day": days.last_day,
        "latest_start": days.latest_start,
        "present": python_runtime.present,
        "quantize": python_runtime.quantize,
        "reduced": reduced,
        "rounded": rounded,
        "to_exact": python_runtime.to_exact,
        "to_fact": to_fact,
        "whole_decimal": python_runtime.whole_decimal,
    }
)
GIVEN = ("construct", "owner", "slow", "functions")
NOTHING_USED = assign("last_day_used", ast.List([ast.Tuple([call("object")], ast.Load())], ast.Load()))
OWN = ("decide", "record", "today", "given", "outputs", "of_today", "last_day_used", "known", "found")


def compile_python(
    program: Program,
    *,
    construct: Callable[..., Any],
    owner: Any,
    slow: Callable[[Any, Any, Any], Any],
    functions: Mapping[str, Callable[..., Any]] = MappingProxyType({}),
    needs_today: bool = False,
) -> Callable[..., Any]:
    """The function `decide(record, *, today=None, given=None)` of a program without findings.

    It answers `construct(owner, outputs, values, today)`: the outputs in order, as an application
    receives them (whole numbers as int, others as Decimal), and the facts of `program.fields` as they
    came. In every other case it answers `slow(record, today, given)`. With `needs_today` a call without
    a day is such a case even where no step reads it. Cost: a few milliseconds.
    """
    text = python_source(program, needs_today=needs_today)
    name = f"<crm_rules {program.id} {crc32(text.encode()):08x}>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    module: dict[str, Any] = {"__name__": name, **RUNTIME}
    module.update(construct=construct, owner=owner, slow=slow, functions=functions)
    exec(compile(text, name, "exec"), module)  # noqa: S102 - text built from a checked program by ast alone
    decide: Callable[..., Any] = module["decide"]
    return decide


def python_source(program: Program, *, needs_today: bool = False) -> str:
    """The text of the module that `compile_python` runs; the same program gives the same text."""
    return ast.unparse(ast.fix_missing_locations(ModuleWriter(program, needs_today=needs_today).module()))


class ModuleWriter:
    """Writes the module of one program: constants, the function of the day, and `decide`."""

    def __init__(self, program: Program, *, needs_today: bool) -> None:
        self.program = program
        names = Names((*RUNTIME, *GIVEN, *OWN))
        literals = Literals(names)
        self.draft = Draft(names, literals, day=Draft(names, literals))
        parameters = {parameter.name: parameter for parameter in program.parameters}
        self.expressions = Expressions(self.draft, parameters, {}, {}, self.write_step)
        self.steps = {step.id: step for step in program.steps}
        self.needs_today = (
            needs_today
            or any(parameter.is_dated for parameter in program.parameters)
            or any(isinstance(node, Today) for expr in expressions_of(program) for node in descendants(expr))
        )

    def module(self) -> ast.Module:
        """The whole module."""
        body = self.body()
        day_function = self.day_function()
        statements = [*self.draft.literals.definitions, day_function, NOTHING_USED]
        caught = ast.Tuple([named("KeyError"), named("ArithmeticError")], ast.Load())
        handler = ast.ExceptHandler(caught, None, [ast.Return(leaving())])
        arguments = ast.arguments(
            posonlyargs=[], args=[ast.arg("record")], kwonlyargs=[ast.arg("today"), ast.arg("given")],
            kw_defaults=[NONE, NONE], defaults=[],
        )  # fmt: skip
        decide = ast.FunctionDef("decide", arguments, [ast.Try(body, [handler], [], [])], [])
        return ast.Module([*statements, decide], [])

    def body(self) -> list[ast.stmt]:
        """The statements of `decide`."""
        draft, program = self.draft, self.program
        if program.blank_parameters:
            return [ast.Return(leaving())]
        reader = FieldReader(draft, self.expressions, Uses(program))
        facts = [reader.read(field) for field in program.fields]
        for step in program.steps:
            if self.is_shared(step.id):
                self.write_step(step.id)
        self.write_outputs()
        values = ast.Tuple(facts, ast.Load())
        result = call("construct", named("owner"), named("outputs"), values, named("today"))
        return [*self.opening(), *draft.statements, ast.Return(result)]

    # The day

    def opening(self) -> list[ast.stmt]:
        """What stands before the fields: the kind of call, and the values of the day."""
        unusual = either(
            [compare(call("type", named("record")), "is not", named("dict")), compare(named("given"), "is not", NONE)]
        )
        start = when(unusual, [ast.Return(leaving())])
        day, known = named("today"), named("known")
        used = ast.Subscript(known, ast.Constant(value=0), ast.Load())
        refresh = [
            *when(compare(call("type", day), "is not", named("date")), [ast.Return(leaving())]),
            *when(
                compare(day, "!=", used),
                [
                    assign("known", call("of_today", day)),
                    *when(compare(known, "is", NONE), [ast.Return(leaving())]),
                ],
            ),
        ]
        # One list item holds the day and its values together, so that threads never see half of a change.
        start += [assign("known", ast.Subscript(named("last_day_used"), ast.Constant(value=0), ast.Load()))]
        is_given = TRUE if self.needs_today else compare(day, "is not", NONE)
        start += when(both([compare(day, "is not", used), is_given]), refresh)
        variables = [self.identifier(operand) for operand in self.draft.day_values.values()]
        if variables:
            start.append(unpack([self.draft.names.fresh("_"), *variables], known))
        return start

    @staticmethod
    def identifier(operand: Operand) -> str:
        """The name of a variable."""
        match operand.syntax:
            case ast.Name(identifier):
                return identifier
            case _:
                raise AssertionError(operand)

    def day_function(self) -> ast.stmt:
        """`of_today`: the values of a day, None for a day that the fast path does not know."""
        first = max((since for since in map(begins, self.program.parameters) if since is not None), default=days.FIRST)
        literals = self.draft.literals
        day = self.draft.day
        if day is None:
            raise AssertionError(self.program.id)
        low, high = literals.of(max(first, days.FIRST)), literals.of(days.LAST)
        usable = compare(low, "<=", named("today"), "<=", high)
        values = [named(self.identifier(operand)) for operand in self.draft.day_values.values()]
        keep = ast.Assign([ast.Subscript(named("last_day_used"), ast.Constant(value=0), ast.Store())], named("found"))
        body = [
            *when(negated(usable), [ast.Return(NONE)]),
            *day.statements,
            assign("found", ast.Tuple([named("today"), *values], ast.Load())),
            keep,
            ast.Return(named("found")),
        ]
        arguments = ast.arguments(posonlyargs=[], args=[ast.arg("today")], kwonlyargs=[], kw_defaults=[], defaults=[])
        return ast.FunctionDef("of_today", arguments, body, [])

    # Steps

    def is_shared(self, step: str) -> bool:
        """True for a step that several others, or the outputs, read: it is written once, before them."""
        return len(self.readers.get(step, ())) > 1

    @cached_property
    def readers(self) -> dict[str, set[str]]:
        """Who reads each step, among what the outputs need; the outputs count as one reader."""
        found: dict[str, set[str]] = {}
        waiting = [("", expr) for expr in (output.expr for output in self.program.outputs)]
        seen: set[str] = set()
        while waiting:
            reader, expr = waiting.pop()
            for node in descendants(expr):
                if isinstance(node, StepValue):
                    found.setdefault(node.step, set()).add(reader)
                    if node.step not in seen:
                        seen.add(node.step)
                        waiting += [(node.step, below) for below in expressions_of_step(self.steps[node.step])]
        return found

    def write_step(self, step_id: str) -> None:
        """Write one step; its outputs are known to the rest of the block."""
        step = self.steps[step_id]
        match step:
            case Derive(expr=expr):
                self.draft.remember(step_id, step_id, self.expressions.operand(expr))
            case Total():
                self.draft.remember(step_id, step.output, self.total(step))
            case Table():
                TableWriter(step, self.expressions).write_values()

    def total(self, step: Total) -> Operand:
        """The weighted sum of points."""
        literals = self.draft.literals
        terms = [(self.expressions.step_value(table, step.output), weight) for table, weight in step.terms]
        result = literals.of(step.initial)
        for operand, weight in terms:
            term = operand.syntax if weight == 1 else operation(operand.syntax, ast.Mult(), literals.of(weight))
            is_zero = isinstance(result, ast.Constant) and result.value == 0
            result = term if is_zero else operation(result, ast.Add(), term)
        missing = either(compare(operand.syntax, "is", NONE) for operand, _ in terms if operand.may_be_missing)
        self.draft.write(*when(missing, [ast.Return(leaving())]))
        numbers = (step.initial, *(weight for _, weight in step.terms))
        whole = all(isinstance(number, int) for number in numbers) and all(operand.whole for operand, _ in terms)
        return Operand(self.draft.let(step.id, result if whole else call("reduced", result)), whole=whole)

    # Outputs

    def write_outputs(self) -> None:
        """Leave the tuple of outputs in `outputs`: a constant at the leaf of the last table where that is possible."""
        exprs = [output.expr for output in self.program.outputs]
        known = [self.known(expr) for expr in exprs]
        if all(value is not None for value in known):
            values = tuple(to_fact(value.value) for value in known if value is not None)
            self.draft.write(assign("outputs", self.draft.literals.of(values)))
            return
        step = self.next_step(next(expr for expr, value in zip(exprs, known, strict=True) if value is None))
        if step is not None:
            writer = TableWriter(step, self.expressions)
            if writer.tree is not None and self.open_leaves(writer, writer.tree) <= 1:
                writer.write(lambda operands: self.finish(step, operands))
                return
            writer.write_values()
        results = [self.result(output) for output in self.program.outputs]
        self.draft.write(assign("outputs", ast.Tuple(results, ast.Load())))

    def result(self, output: Output) -> ast.expr:
        """An output as an application receives it."""
        operand = self.expressions.operand(output.expr)
        may_be_fraction = isinstance(output.type, Integer | Number | Money | ListOfValues) and not operand.whole
        return call("to_fact", operand.syntax) if may_be_fraction else operand.syntax

    def finish(self, step: Table, operands: tuple[Operand, ...]) -> None:
        """The outputs, at a leaf of a table."""
        for (name, _), operand in zip(step.outputs, operands, strict=True):
            self.draft.remember(step.id, name, operand)
        self.write_outputs()

    def known(self, expr: Expr, assumed: Mapping[tuple[str, str], Known] = MappingProxyType({})) -> Known | None:
        """The constant that an output has here, if it has one."""
        match expr:
            case StepValue(step, output):
                if (step, output) in assumed:
                    return assumed[step, output]
                operand = self.draft.step_value(step, output)
                return None if operand is None else operand.known
            case Coalesce(operands):
                for below in operands:
                    found = self.known(below, assumed)
                    if found is None or found.value is not None:
                        return found
                return Known(None)
            case _:
                return Known(self.expressions.fixed(expr)) if self.expressions.reach(expr) == "nothing" else None

    def next_step(self, expr: Expr) -> Table | None:
        """The table that an output waits for first, if nothing else reads it."""
        match expr:
            case StepValue(step, output):
                found = self.steps[step]
                waits = isinstance(found, Table) and self.draft.step_value(step, output) is None
                return found if waits and isinstance(found, Table) and not self.is_shared(step) else None
            case Coalesce(operands):
                for operand in operands:
                    if self.known(operand) is None:
                        return self.next_step(operand)
                return None
            case _:
                return None

    def open_leaves(self, writer: TableWriter, node: Node) -> int:
        """How many leaves of a table's tree leave an output open: what follows would be written at each."""
        match node:
            case Split(_, _, inside, outside):
                return self.open_leaves(writer, inside) + self.open_leaves(writer, outside)
            case Leaf(Fixed(values)):
                names = [(writer.table.id, name) for name, _ in writer.table.outputs]
                assumed = dict(zip(names, values, strict=True))
                return int(any(self.known(output.expr, assumed) is None for output in self.program.outputs))
            case Leaf(Undecided()):
                return 0
            case Leaf(Hits()):
                return 1
            case _:
                raise AssertionError(node)


def leaving() -> ast.expr:
    """The call of the slow path."""
    return call("slow", named("record"), named("today"), named("given"))


def begins(parameter: Any) -> date | None:
    """The first day a parameter has a value, None when it has one always or never."""
    sinces = [dated.since for dated in parameter.values]
    return None if None in sinces else min(sinces, default=None)


def expressions_of(program: Program) -> list[Any]:
    """Every outermost expression and test of a program."""
    return [node for step in program.steps for node in expressions_of_step(step)] + [
        output.expr for output in program.outputs
    ]


def expressions_of_step(step: Derive | Table | Total) -> list[Any]:
    """Every outermost expression and test of a step."""
    match step:
        case Derive(expr=expr):
            return [expr]
        case Total():
            return [StepValue(table, step.output) for table, _ in step.terms]
        case Table():
            tests = [test for row in step.rows for test in row.tests]
            outputs = [expr for row in step.rows for expr in row.outputs]
            return [*(column.subject for column in step.columns), *tests, *outputs]
