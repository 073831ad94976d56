"""What a kind of policy is: a name, a document, and a lowering to the IR.

A kind is one file and one line in the table of `crm_rules.kinds`, or an entry point in the group
`crm_rules.kinds` of another package. It adds steps and outputs to a `Draft` and knows nothing of
the engines that will run them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from crm_rules.dataclass import dataclass
from crm_rules.ir.nodes import Constant, Expr
from crm_rules.ir.program import Table
from crm_rules.ir.types import Type
from crm_rules.kinds.documents import PolicyDocument
from crm_rules.kinds.draft import Draft


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of policy: `lower(document, draft)` adds its steps and outputs and reports into the draft."""

    name: str
    document: type[PolicyDocument]
    lower: Callable[[Any, Draft], None]


def need_output(document: PolicyDocument, draft: Draft, *, only: int | None = None) -> bool:
    """Report a policy that declares no output, or more than its kind can fill."""
    found = len(document.output)
    if found == 0:
        draft.findings.error(
            "no-output", document.policy.span, "the policy declares no output", "add `output: {name: {type: …}}`"
        )
        return False
    if only is not None and found != only:
        name = list(document.output)[only]
        draft.findings.error("too-many-outputs", name.span, f"this kind fills one output, found {found}")
        return False
    return bool(draft.declared)


def check_limits(draft: Draft) -> None:
    """What a rule gives lies between the `min` and `max` that the output promises."""
    tables = [step for step in draft.steps if isinstance(step, Table) and step.aggregation is None]
    for table in tables:
        for row in table.rows:
            for (name, _), expr in zip(table.outputs, row.outputs, strict=False):
                output = draft.declared.get(name)
                value: Any = expr.value if isinstance(expr, Constant) else None
                if output is None or value is None:
                    continue
                low: Any = output.low
                high: Any = output.high
                if (low is not None and value < low) or (high is not None and value > high):
                    message = f"the rule `{row.id}` gives `{name}` a value outside of its `min` and `max`"
                    draft.findings.error("beyond-limits", row.span or draft.span, message)


def finish_outputs(draft: Draft, exprs: Mapping[str, Expr], types: Mapping[str, Type] | None = None) -> None:
    """Give the declared outputs the expressions that fill them, and the types where gathering changes them."""
    check_limits(draft)
    for name, output in draft.declared.items():
        kind = output.type if types is None else types[name]
        draft.outputs.append(replace(output, expr=exprs[name], type=kind))
