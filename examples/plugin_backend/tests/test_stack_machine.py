"""The stack machine answers what the library answers."""

from __future__ import annotations

from datetime import date

import pytest
from stack_machine import RefusedError, compile_stack

import crm_rules
from crm_rules.ir.nodes import Call, FieldValue
from crm_rules.ir.program import Field, Output, Program
from crm_rules.ir.types import Date
from crm_rules.testing import check_backend

PACK = crm_rules.load("sample-company")


def test_it_answers_what_the_reference_evaluator_answers() -> None:
    """For drawn programs and for every policy of a pack, chains as one program."""
    check_backend(compile_stack, refuses=RefusedError, policies=PACK.values(), picklable=True)


def test_a_policy_runs() -> None:
    """A decision in three lines."""
    decide = compile_stack(PACK["follow-up"].whole)
    answer = decide({"need": "none", "last_touch": date(2026, 1, 31)}, date(2026, 11, 21))
    assert (answer.status, answer.outputs["next_touch"]) == ("decided", date(2027, 1, 31))


def test_the_code_of_a_policy_can_be_read() -> None:
    """The listing shows each rule as instructions."""
    lines = compile_stack(PACK["customer-size"].program).listing().splitlines()
    assert lines[:3] == ["rules:", "  column 0", "    field usual_order"]
    assert "  rule large-order-only" in lines


def test_it_refuses_what_it_cannot_carry() -> None:
    """A function of another plug-in is refused when the program is compiled, not when a record comes."""
    output = Output("day", Date(), Call("next_monday", (FieldValue("day"),), Date()), optional=True)
    program = Program("calls", "1.0.0", "derived", (Field("day", Date()),), (), (), (output,))
    with pytest.raises(RefusedError, match="next_monday"):
        compile_stack(program)
