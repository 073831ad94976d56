"""Walking a program visits every place where an expression or a test may stand."""

from __future__ import annotations

from crm_rules.ir.nodes import Bound, Constant, Holds, IsPresent, Negate, NotPassing, StepValue, Within
from crm_rules.ir.program import Column, Derive, Output, Program, Row, Table, Total
from crm_rules.ir.rewrite import nodes_of
from crm_rules.ir.types import Boolean, Integer

WHOLE = Integer()


def whole(number: int) -> Constant:
    """A constant that tells its place."""
    return Constant(number, WHOLE)


def test_every_place_of_a_program_is_visited() -> None:
    """A derived field, a column, both ends of a nested cell, an output of a row, and an output of the policy."""
    cell = NotPassing(Within(Bound(whole(3), closed=True), Bound(whole(4), closed=False)))
    table = Table(
        "rules",
        (Column("x", whole(2), WHOLE),),
        (Row("one", (cell,), (whole(5),)),),
        (("points", WHOLE),),
    )
    program = Program(
        id="p",
        version="",
        kind="decision-table",
        fields=(),
        parameters=(),
        steps=(Derive("d", Negate(whole(1)), WHOLE), table, Total("total", 0, (("rules", 1),), WHOLE)),
        outputs=(
            Output("y", WHOLE, StepValue("rules", "points")),
            Output("z", Boolean(), Holds(whole(6), IsPresent())),
        ),
    )
    found = [node.value for node in nodes_of(program) if isinstance(node, Constant)]
    assert found == [1, 2, 3, 4, 5, 6]
