"""Rewrites that remove differences before any engine sees a program: a pipeline that is a value.

Each rule maps a program to one that answers the same: status, outputs and rules are equal for every
accepted record and every day of 1900 to 2199. Rows, ids and titles stay; what the steps saw may
differ, so an explanation is made from the program as it was written. A rule expects a program
without findings of `check`. `simplify` has the rules of one node, `unfold` the one over derived fields.
"""

from __future__ import annotations

from collections.abc import Callable

from crm_rules.dataclass import dataclass
from crm_rules.ir.program import Program
from crm_rules.ir.simplify import fold_constants, simplify_tests
from crm_rules.ir.unfold import unfold_derived


@dataclass(frozen=True, slots=True)
class Rule:
    """A named rewrite that preserves the meaning of a program."""

    name: str
    rewrite: Callable[[Program], Program]


RULES: tuple[Rule, ...] = (
    Rule("fold-constants", fold_constants),
    Rule("simplify-tests", simplify_tests),
    Rule("unfold-derived", unfold_derived),
)


def normalize(program: Program) -> Program:
    """The program after every rule in turn; a second time changes nothing."""
    for rule in RULES:
        program = rule.rewrite(program)
    return program
