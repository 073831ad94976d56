"""The kind `decision-table`: rows of tests, a hit policy, one or more outputs (DMN).

`rules` are matched under `hit_policy` (unique unless written; first, any, collect with an
`aggregation`). Gaps and conflicts are not looked for here: see `crm_rules.proofs`.
"""

from __future__ import annotations

from typing import Literal

from crm_rules.ir.nodes import StepValue
from crm_rules.ir.types import Integer, ListOfValues, Type
from crm_rules.kinds.documents import PolicyDocument, Rows
from crm_rules.kinds.draft import Draft, to_label
from crm_rules.kinds.kind import Kind, finish_outputs, need_output
from crm_rules.kinds.reading import place
from crm_rules.kinds.rows import TableShape, lower_table, read_rows

RESERVED = ("priority", "rule-order", "output-order")


class DecisionTableDocument(PolicyDocument):
    """What a decision table adds to the common keys."""

    kind: Literal["decision-table"]  # type: ignore[assignment]
    hit_policy: Literal["unique", "first", "any", "collect"] = "unique"
    aggregation: Literal["list", "sum", "min", "max", "count"] | None = None
    rules: Rows


def lower(document: DecisionTableDocument, draft: Draft) -> None:
    """One table over the declared outputs."""
    if not need_output(document, draft):
        return
    if (document.hit_policy == "collect") is not (document.aggregation is not None):
        draft.findings.error(
            "hit-policy",
            document.policy.span,
            "`aggregation` goes with `hit_policy: collect` and only with it",
            "add `aggregation: list`, sum, min, max or count" if document.hit_policy == "collect" else "",
        )
        return
    outputs: dict[str, Type] = {name: output.type for name, output in draft.declared.items()}
    shape = TableShape(
        "rules",
        "table",
        outputs,
        to_label(document.title),
        place(document.rules, document.policy),
        document.hit_policy,
        document.aggregation,
    )
    lower_table(shape, read_rows(document.rules, draft.findings), draft)
    collected = document.aggregation
    types: dict[str, Type] = {}
    for name, kind in outputs.items():
        types[name] = ListOfValues(kind) if collected == "list" else Integer() if collected == "count" else kind
        draft.findings.scope.steps["rules", name] = draft.findings.scope.steps["rules", name].of_type(types[name])
    finish_outputs(draft, {name: StepValue("rules", name) for name in outputs}, types)


KIND = Kind("decision-table", DecisionTableDocument, lower)
