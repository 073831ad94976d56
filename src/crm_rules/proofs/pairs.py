"""Two programs made comparable: whether they are one, both as one for their borders, equal formulas alike."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any, Final

from crm_rules.backends.to_json import FOR_PEOPLE, encoded
from crm_rules.ir.evaluate import parameter_values
from crm_rules.ir.nodes import AddTime, Constant, Expr, ParameterValue, Today
from crm_rules.ir.program import Derive, Field, Output, Parameter, Program, Table
from crm_rules.ir.rewrite import nodes_of, over_nodes, rebuilt
from crm_rules.ir.simplify import folded
from crm_rules.questions.space import written_out

NEW: Final = "new "  # before the parameters of the new program where both stand in one; no author can write it


def same(old: Program, new: Program) -> bool:
    """True when both are one program but for its name, version and kind."""
    one, other = (encoded(replace(program, id="", version="", kind=""), FOR_PEOPLE) for program in (old, new))
    return bool(one == other)


def merged(old: Program, new: Program, fields: tuple[Field, ...]) -> Program:
    """One program with the tables of both, for the questions that depend on all their borders."""

    def renamed(node: Any) -> Any:
        if isinstance(node, ParameterValue):
            return ParameterValue(NEW + node.name)
        return rebuilt(node, renamed)

    parameters: list[Parameter] = [*old.parameters, *(replace(one, name=NEW + one.name) for one in new.parameters)]
    steps: list[Derive | Table] = []
    outputs: list[Output] = []
    for program in (old, over_nodes(new, renamed, lambda _, test: renamed(test))):
        steps += [step for step in program.steps if isinstance(step, Derive)]
        outputs += program.outputs
        derived = {step.id: step.expr for step in program.steps if isinstance(step, Derive)}
        for table in program.tables:
            columns = tuple(replace(one, subject=written_out(one.subject, derived)) for one in table.columns)
            steps.append(replace(table, columns=columns))
    return replace(old, fields=fields, parameters=tuple(parameters), steps=tuple(steps), outputs=tuple(outputs))


def closed(expr: Expr, program: Program, day: date | None) -> Expr:
    """A computed output with the values of parameters in their place, weeks as days and years as months.

    The day itself, which a walk puts in its place, is `today` again where the program reads it.
    """
    known = parameter_values(program, day)
    kinds = {one.name: one.type for one in program.parameters}
    written = any(isinstance(node, Constant) and node.value == day for node in nodes_of(program))

    def below(node: Any) -> Any:
        match node:
            case Constant(value) if value == day and not written:
                return Today()
            case ParameterValue(name) if name in known:
                return Constant(known[name], kinds[name])
            case AddTime(start, Constant(int(count), kind), "week"):
                return AddTime(below(start), Constant(7 * count, kind), "day")
            case AddTime(start, Constant(int(count), kind), "year"):
                return AddTime(below(start), Constant(12 * count, kind), "month")
            case _:
                return rebuilt(node, below)

    found: Expr = below(folded(below(expr)))
    return found
