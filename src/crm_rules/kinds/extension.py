"""`extends`: a policy that is another one with some values changed.

The text tree of the extension is laid over the tree of its base: parameters get values, rules are
changed by id, metadata is replaced. Whatever it names must exist in the base, because an override
of nothing is a mistake. Every piece keeps the file and line it was written at, so each value
knows its layer.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Any

from crm_rules.diagnostics import Diagnostic, did_you_mean
from crm_rules.kinds.findings import Findings
from crm_rules.kinds.reading import place
from crm_rules.kinds.rows import WrittenRow, read_rows
from crm_rules.reader.yaml_text import Block, Mapping, Sequence
from crm_rules.source import Text

REPLACED = (
    "policy",
    "title",
    "version",
    "valid_from",
    "valid_to",
    "source",
    "owner",
    "approver",
    "readings",
    "initial",
    "laws",
)
DROPPED = ("extends",)
POINTS = "points"  # what the rules of a characteristic give
ROWS = ("rules", "steps", "overrides")


def extend(base: Mapping, extension: Mapping, diagnostics: list[Diagnostic]) -> Mapping:
    """The tree of the base with the extension laid over it; what does not fit is added to `diagnostics`."""
    merged = copy(base)
    outputs = {POINTS, *output_names(base)}
    for key, value in extension.items():
        if key in DROPPED:
            continue
        if key == "kind":
            if value != base.get(key):
                diagnostics.append(
                    Diagnostic(
                        "wrong-extension",
                        "error",
                        key.span,
                        f"the base is a {base.get(key)}, so `kind` cannot be `{value}`",
                    )
                )
        elif key in REPLACED:
            put(merged, key, value)
        elif key == "parameters":
            put(merged, key, parameters(key, base.get(key), value, diagnostics))
        else:
            overlay(merged, key, value, outputs, diagnostics)
    for own in ("valid_from", "valid_to"):
        present = [word for word in merged if word == own]
        if present and not any(word == own for word in extension):
            del merged[present[0]]  # the dates of an edition are its own
    return merged


def output_names(tree: Mapping) -> list[str]:
    """The names under `output`."""
    declared = next((value for key, value in tree.items() if key == "output"), None)
    return [str(name) for name in declared] if isinstance(declared, Mapping) else []


def overlay(merged: Mapping, key: Text, value: Any, outputs: AbstractSet[str], diagnostics: list[Diagnostic]) -> None:
    """Lay one key of an extension over the base."""
    known = merged.get(key)
    if known is None:
        diagnostics.append(
            Diagnostic(
                "overrides-nothing",
                "error",
                key.span,
                f"there is no `{key}` in the base to override",
                help=did_you_mean(key, merged),
            )
        )
    elif (
        key in ROWS or isinstance(known, Block) or (isinstance(known, Sequence) and isinstance(value, Block | Sequence))
    ):
        put(merged, key, rows(key, known, value, outputs, diagnostics))
    elif isinstance(known, Mapping) and isinstance(value, Mapping):
        inner = copy(known)
        for name, item in value.items():
            overlay(inner, name, item, outputs, diagnostics)
        put(merged, key, inner)
    else:
        put(merged, key, value)


def parameters(key: Text, base: Any, extension: Any, diagnostics: list[Diagnostic]) -> Any:
    """Give values to parameters that the base declares; a value stands alone, by date, or under `value`."""
    if not isinstance(base, Mapping) or not isinstance(extension, Mapping):
        diagnostics.append(
            Diagnostic("overrides-nothing", "error", key.span, "there are no parameters in the base to set")
            if not isinstance(base, Mapping)
            else Diagnostic("wrong-shape", "error", place(extension, extension), "expected parameters and their values")
        )
        return base
    merged = copy(base)
    for name, value in extension.items():
        declared = merged.get(name)
        if not isinstance(declared, Mapping):
            diagnostics.append(
                Diagnostic(
                    "overrides-nothing",
                    "error",
                    name.span,
                    f"the base has no parameter `{name}`",
                    help=did_you_mean(name, merged),
                )
            )
            continue
        patched = copy(declared)
        word = Text("value", name.span)
        long_form = isinstance(value, Mapping) and any(inner in {"value", "label"} for inner in value)
        for inner, item in value.items() if long_form and isinstance(value, Mapping) else [(word, value)]:
            put(patched, inner, item)
        put(merged, name, patched)
    return merged


def rows(key: Text, base: Any, extension: Any, outputs: AbstractSet[str], diagnostics: list[Diagnostic]) -> Any:
    """Change rules by id: the cells an extension writes replace those of the base's rule."""
    findings = Findings()  # those of the base too: a base that another pack hides is not lowered itself
    before = read_rows(base, findings)
    after = read_rows(extension, findings)
    diagnostics += findings.diagnostics
    by_id = {str(row.id): row for row in before}
    for row in after:
        known = by_id.get(str(row.id))
        if known is None:
            remedy = did_you_mean(row.id, by_id)
            message = f"the base has no rule `{row.id}` in `{key}`"
            diagnostics.append(Diagnostic("overrides-nothing", "error", row.id.span, message, help=remedy))
        else:
            patch(known, row, outputs)
    result = Sequence(place(base, base))
    result += [as_tree(row) for row in before]
    return result


def patch(known: WrittenRow, row: WrittenRow, outputs: AbstractSet[str]) -> None:
    """Lay one rule over another; an output in either form (a column, or `then` alone) replaces the other form."""
    if row.then is not None:
        for name in outputs & known.cells.keys():
            del known.cells[name], known.headings[name]
    elif outputs & row.cells.keys():
        known.then = None
    for name, cell in row.cells.items():
        known.put(row.headings[name], cell)
    if row.then is not None:
        known.then = row.then
    if row.label.en or row.label.zh:
        known.label = row.label
    known.reason = row.reason or known.reason
    known.id = row.id


def as_tree(row: WrittenRow) -> Mapping:
    """A rule as a list item that `read_rows` reads back."""
    tree = Mapping(row.id.span)
    put(tree, Text("id", row.id.span), row.id)
    if row.otherwise:
        put(tree, Text("when", row.id.span), Text("otherwise", row.id.span))
    for name, cell in row.cells.items():
        put(tree, row.headings[name], cell)
    if row.then is not None:
        put(tree, Text("then", row.id.span), row.then)
    if row.label.en or row.label.zh:
        label = Mapping(row.id.span)
        for lang, words in (("en", row.label.en), ("zh", row.label.zh)):
            if words:
                put(label, Text(lang, row.id.span), Text(words, row.id.span, quoted=True))
        put(tree, Text("label", row.id.span), label)
    if row.reason:
        put(tree, Text("reason", row.id.span), Text(row.reason, row.id.span, quoted=True))
    return tree


def copy(tree: Mapping) -> Mapping:
    """The same keys and values in a new mapping."""
    result = Mapping(tree.span)
    result.update(tree)
    return result


def put(tree: Mapping, key: Text, value: Any) -> None:
    """Set a key where it stands, or at the end; a value carries its own place, a key keeps its first."""
    tree[key] = value
