"""Laws are proven, or refuted by records that the policy really decides so."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

import crm_rules
from crm_rules.ir.laws import Law, Monotone, Steps
from crm_rules.ir.program import Program
from crm_rules.policy import Policy
from crm_rules.proofs.laws import prove
from crm_rules.proofs.verdicts import Proof
from crm_rules.questions.asked import Asked

POLICY = """\
policy: terms
kind: decision-table
version: 1.0.0
hit_policy: first
fields:
  amount: {type: integer, min: 0, max: 40}
  late: {type: boolean}
output:
  grade: {type: choice, one_of: [A, B, C, D, open], ordered: best-first, unranked: [open]}
  limit: {type: integer, min: 0, max: 100}
rules: |
  | id     | amount   | late  | grade | limit |
  | unsure | 7        | -     | open  | 0     |
  | top    | >= 30    | false | A     | 100   |
  | good   | [20..30) | false | B     | 80    |
  | fair   | [10..20) | -     | C     | 20    |
  | rest   | -        | -     | D     | 0     |
laws:
  - {LAW}
"""

PROVEN = (
    "steps: 2, of: grade, in: amount",
    "never: {grade: A}, when: {late: true}",
    "never: {grade: 'A, B'}, when: {amount: '< 20'}",
    "never: {limit: '> 100'}",
    "always: {grade: A, limit: 100}, when: {amount: '>= 30', late: 'false'}",
    "always: {grade: open}, when: {amount: 7}",
    "bounded: limit, min: 0, max: 100",
    "implies: {grade: A}, then: {limit: 100}",
    "implies: {limit: '>= 80'}, then: {grade: 'A, B'}",
)
REFUTED = (
    "monotone: grade, in: amount, direction: better",  # a late payer of 20 is worse off than one of 19
    "monotone: limit, in: amount, direction: falling",
    "never: {grade: C}, when: {late: true}",
    "never: {limit: 20}",
    "always: {grade: D}, when: {amount: '< 10'}",
    "always: {limit: '>= 80'}, when: {late: 'false', amount: '>= 19'}",
    "bounded: limit, max: 99",
    "bounded: limit, min: 1",
    "implies: {grade: D}, then: {limit: '> 0'}",
    "implies: {limit: 0}, then: {grade: D}",
)


def stated(law: str, folder: Path) -> tuple[Policy, Proof]:
    """The policy with one law, and what becomes of the law."""
    file = folder / "terms.yaml"
    file.write_text(POLICY.replace("LAW", law), encoding="utf-8")
    policy = crm_rules.load(file)["terms"]
    program: Program = policy.whole
    (only,) = program.laws
    return policy, prove(Asked(program), only)


def is_broken(law: Law, policy: Policy, records: list[dict[str, object]]) -> bool:
    """The same question of every record there is, by the decisions alone."""
    decided = {(int(str(one["amount"])), one["late"]): policy.decide(one).outputs for one in records}
    ranks = {"A": 0, "B": 1, "C": 2, "D": 3}
    if isinstance(law, Monotone | Steps):
        pairs = [
            (decided[low, late][law.output], decided[high, late][law.output])
            for late, low, high in product((True, False), range(41), range(41))
            if low < high and (isinstance(law, Monotone) or high == low + 1)
        ]
        if law.output == "grade":
            pairs = [(-ranks[one], -ranks[other]) for one, other in pairs if one in ranks and other in ranks]
        if isinstance(law, Steps):
            return any(abs(one - other) > law.most for one, other in pairs)
        return any(other < one if law.upward else other > one for one, other in pairs)
    raise AssertionError(law)


@pytest.mark.parametrize("law", PROVEN)
def test_a_law_that_holds_is_proven(law: str, tmp_path: Path) -> None:
    """Of each form, laws that hold are proven without a word."""
    policy, proof = stated(law, tmp_path)
    assert (proof.verdict, proof.witnesses, proof.reason) == ("proven", (), "")
    assert [one.code for one in policy.check() if one.code in {"law-broken", "not-proven"}] == []


@pytest.mark.parametrize("law", REFUTED)
def test_a_law_that_does_not_hold_is_refuted_by_its_records(law: str, tmp_path: Path) -> None:
    """Of each form, laws that do not hold come with a record, or two that differ in the law's field alone."""
    policy, proof = stated(law, tmp_path)
    assert proof.verdict == "refuted"
    outputs = [policy.decide(one.record).outputs for one in proof.witnesses]
    if isinstance(proof.law, Monotone | Steps):
        first, second = (one.record for one in proof.witnesses)
        assert {name for name in first if first[name] != second[name]} == {proof.law.field}
        assert tuple(one[proof.law.output] for one in outputs) == proof.found
    else:
        (only,) = outputs
        assert dict(proof.found).items() <= dict(only).items()
    (finding,) = [one for one in policy.check() if one.code == "law-broken"]
    assert finding.span.line == 19
    assert law in finding.message.replace('"', "'")


@pytest.mark.parametrize("output", ["grade", "limit"])
@pytest.mark.parametrize("form", ["better", "worse", "rising", "falling", "steps 0", "steps 1", "steps 2", "steps 3"])
def test_laws_over_two_records_agree_with_all_pairs(output: str, form: str, tmp_path: Path) -> None:
    """What is proven or refuted is what a look at every pair of records says."""
    if form.startswith("steps"):
        law = f"steps: {form[-1]}, of: {output}, in: amount"
    else:
        law = f"monotone: {output}, in: amount, direction: {form}"
    if (output == "limit") != (form in {"rising", "falling"}) or form == "steps 0":
        return
    policy, proof = stated(law, tmp_path)
    records: list[dict[str, object]] = [
        {"amount": amount, "late": late} for amount, late in product(range(41), (True, False))
    ]
    assert proof.verdict == ("refuted" if is_broken(proof.law, policy, records) else "proven")
