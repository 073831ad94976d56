"""Proofs about borders and changes hold for every program: what cannot be reached is not, what is alike stays alike."""

from __future__ import annotations

from datetime import date
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from crm_rules.cases.coverage import PolicyCoverage, points_of, seen
from crm_rules.cases.mutants import mutants
from crm_rules.cases.noticing import Judge, differ
from crm_rules.cases.searching import find
from crm_rules.cases.trials import Trials
from crm_rules.ir.evaluate import evaluate
from crm_rules.policy import Policy
from tests.strategies import DECLARED, FUNCTIONS, programs, todays, values

MOST = 12  # of the changes or points of one program


def tried(draw: Any) -> tuple[Policy, list[tuple[dict[str, Any], date]]]:
    """A policy whose parameters all have values, and records near its borders."""
    program = draw(programs())
    records = []
    for _ in range(3):
        today = draw(todays(program))
        if all(parameter.at(today) is not None for parameter in program.parameters):
            records.append((draw(values(program, today)), today))
    return Policy(program, functions=DECLARED), records


@given(st.data())
def test_what_is_said_to_be_out_of_reach_is_never_reached(data: st.DataObject) -> None:
    """No record reaches a rule or a value for which there is a reason."""
    policy, records = tried(data.draw)
    if policy.program.required:
        return
    never = [point for point in points_of(policy, set()) if point.reason]
    for record, today in records:
        keys = seen(policy.program, evaluate(policy.program, record, today, FUNCTIONS), today)
        assert [(point.rule, point.side, point.value) for point in never if not point.keys.isdisjoint(keys)] == []


@given(st.data())
def test_changes_that_are_alike_decide_alike(data: st.DataObject) -> None:
    """No record shows a difference to a change that is said to have no effect."""
    policy, records = tried(data.draw)
    judge = Judge(PolicyCoverage(policy, policy.id, ()), [])
    for mutant in mutants(policy.program):
        for record, today in records:
            changed = evaluate(mutant.program, record, today, FUNCTIONS)
            if differ(changed, evaluate(policy.program, record, today, FUNCTIONS)):
                assert not judge.is_alike(mutant), mutant.change


@given(st.data())
def test_what_a_search_finds_reaches_its_point(data: st.DataObject) -> None:
    """A found record is accepted, and its evaluation has seen what was looked for."""
    policy, _ = tried(data.draw)
    if policy.program.blank_parameters or policy.program.required:
        return
    trials = Trials(policy, [])
    for point in list(points_of(policy, set()))[:MOST]:
        trial = find(trials, point)
        if trial is not None:
            assert all(trials.accepts(name, value) for name, value in trial.values.items())
            assert not point.keys.isdisjoint(seen(policy.program, trial.evaluation, trial.today))
