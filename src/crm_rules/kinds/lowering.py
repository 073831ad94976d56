"""From the text tree of one policy to its checked program: the way through this package.

`lower_policy` finds the kind, reads its document, lowers the common keys and the kind's own, and
type-checks the program. Whatever is wrong is in `Lowered.diagnostics`, all at once; there is a
program only when nothing is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from types import MappingProxyType
from typing import Any

from crm_rules.dataclass import dataclass
from crm_rules.diagnostics import Diagnostic, did_you_mean
from crm_rules.ir.check import check
from crm_rules.ir.program import Program
from crm_rules.ir.typing import Function, TypeScope
from crm_rules.kinds import find_kind, kind_names
from crm_rules.kinds.common import lower_common
from crm_rules.kinds.documents import FieldDocument, PolicyDocument
from crm_rules.kinds.draft import Draft, Required
from crm_rules.kinds.findings import Findings
from crm_rules.kinds.kind import Kind
from crm_rules.kinds.laws import lower_laws
from crm_rules.kinds.reading import place, read_document, shape
from crm_rules.reader.yaml_text import Mapping as Tree
from crm_rules.source import Text


@dataclass(frozen=True, slots=True)
class Context:
    """What surrounds a policy: the pack's shared fields, the outputs it requires, plug-in functions."""

    shared: Mapping[str, FieldDocument] = field(default_factory=lambda: MappingProxyType({}))
    required: Mapping[str, Required] = field(default_factory=lambda: MappingProxyType({}))
    functions: Mapping[str, Function] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Lowered:
    """The program and document of a policy, or the reasons why there are none."""

    program: Program | None
    document: PolicyDocument | None
    diagnostics: tuple[Diagnostic, ...]


def read_policy(tree: Any, diagnostics: list[Diagnostic]) -> PolicyDocument | None:
    """The document of a policy's tree, by the kind it names."""
    if not isinstance(tree, Tree):
        diagnostics.append(
            Diagnostic("wrong-shape", "error", place(tree, tree), "expected a policy: a mapping of keys")
        )
        return None
    name = tree.get(Text("kind", tree.span))
    if name is not None and (not isinstance(name, Text) or not name):
        message = f"expected the kind of the policy, found {shape(name)}"
        remedy = "known kinds: " + ", ".join(kind_names())
        diagnostics.append(Diagnostic("wrong-shape", "error", place(name, tree), message, help=remedy))
        return None
    if name is None:
        diagnostics.append(
            Diagnostic(
                "missing-key",
                "error",
                tree.span,
                "the key `kind` is missing",
                help="known kinds: " + ", ".join(kind_names()),
            )
        )
        return None
    kind = find_kind(str(name))
    if kind is None:
        known = kind_names()
        remedy = did_you_mean(str(name), known) or "known kinds: " + ", ".join(known)
        diagnostics.append(Diagnostic("unknown-kind", "error", name.span, f"unknown kind `{name}`", help=remedy))
        return None
    document = read_document(kind.document, tree, diagnostics, go_on=True)
    if document is not None and document.valid_from and document.valid_to and document.valid_to < document.valid_from:
        span = place(tree[Text("valid_to", tree.span)], tree)
        diagnostics.append(Diagnostic("bad-range", "error", span, "the edition ends before it begins"))
    return document


def lower_policy(document: PolicyDocument, context: Context) -> Lowered:
    """The checked program of a document."""
    findings = Findings(TypeScope(functions=context.functions))
    draft = Draft(str(document.policy), findings, document.policy.span)
    kind = known_kind(str(document.kind))
    lower_common(document, draft, context.shared, context.required)
    kind.lower(document, draft)
    lower_laws(document, draft)
    if findings.failed:
        return Lowered(None, document, tuple(dict.fromkeys(findings.diagnostics)))
    program = draft.program(document, kind.name)
    ill_typed = check(program, context.functions)
    diagnostics = tuple(dict.fromkeys([*findings.diagnostics, *ill_typed]))
    return Lowered(None if ill_typed else program, document, diagnostics)


def known_kind(name: str) -> Kind:
    """The kind that a document was read by."""
    kind = find_kind(name)
    if kind is None:
        raise AssertionError(name)
    return kind
