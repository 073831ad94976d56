"""The population step: fields of a record that only the records beside it can fill.

A program with a `Population` is decided in three stages: each record is read alone, one pass over
all of them measures how each stands among the others, and then every record is decided alone again,
the measures being ordinary fields to every step. So whoever knows single records only (proofs,
generated code, prose) has nothing to learn, and an engine of columns needs sums and counts over a
window. The pass itself is `crm_rules.ir.measure`.
"""

from __future__ import annotations

from dataclasses import field
from typing import Literal, TypeAlias

from crm_rules.dataclass import dataclass
from crm_rules.ir.nodes import Expr
from crm_rules.ir.types import Integer, Number, Type
from crm_rules.source import Span

Measure: TypeAlias = Literal[
    "position", "last_position", "population", "heads_before", "heads_with", "share_before", "share_with"
]
SHARE = Number(quotient=True)

# The type of each measure and the range it lies in. With v the value of a record, and w the values that take part:
MEASURES: dict[Measure, tuple[Type, int, int | None]] = {
    "position": (Integer(), 1, None),  # 1 + count(w > v)
    "last_position": (Integer(), 0, None),  # count(w >= v)
    "population": (Integer(), 0, None),  # count(w)
    "heads_before": (SHARE, 0, 1),  # count(w > v) / count(w)
    "heads_with": (SHARE, 0, 1),  # count(w >= v) / count(w)
    "share_before": (SHARE, 0, 1),  # sum(w where w > v) / sum(w)
    "share_with": (SHARE, 0, 1),  # sum(w where w >= v) / sum(w)
}
OF_THE_VALUE: frozenset[Measure] = frozenset({"share_before", "share_with"})


@dataclass(frozen=True, slots=True)
class Population:
    """Fills the fields named in `measures` from the `value` of every usable record, the largest first.

    Records with equal expressions in `within` are one population, measured by itself. A value takes
    part when it is present and, where only `positive` ones do, above zero; shares of the value need
    that. A record that is invalid or blocked takes no part and is not measured. One that is usable
    and takes no part stands behind all that do; where nobody takes part, every share is 1.
    """

    value: Expr
    measures: tuple[tuple[str, Measure], ...]
    within: tuple[Expr, ...] = ()
    positive: bool = True
    span: Span | None = field(default=None, compare=False)
