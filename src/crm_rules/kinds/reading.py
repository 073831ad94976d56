"""From a text tree to a document: pydantic's findings in an author's words, at their places.

Every finding of pydantic has the path of keys that leads to it; the tree knows where the key or
the value at that path was written. Nothing of pydantic's own wording reaches an author.
"""

from __future__ import annotations

from collections.abc import Sequence as Steps
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from crm_rules.diagnostics import MOST_FINDINGS, Diagnostic, closest, did_you_mean
from crm_rules.reader.yaml_text import Mapping, Sequence
from crm_rules.source import Span, Text

Model = TypeVar("Model", bound=BaseModel)

KEY_MARK = "[key]"
WRONG_SHAPE = {
    "model_type": "a mapping of keys",
    "model_attributes_type": "a mapping of keys",
    "dict_type": "a mapping of keys",
    "list_type": "a list",
    "is_instance_of": "a text or number",
}
# What the documents of this package find themselves, in their own words.
CODES_OF = {
    "blank": "empty-value",
    "id": "bad-id",
    "flag": "wrong-literal",
    "count": "wrong-literal",
    "day": "bad-date",
    "day-form": "date-format",
}
HELP = {
    "blank": "write a value, or remove the key",
    "day-form": "write year, month and day: `2026-01-31`",
}


def read_document(model: type[Model], tree: Any, diagnostics: list[Diagnostic], *, go_on: bool = False) -> Model | None:
    """The document of a tree, or None after adding every reason why there is none.

    With `go_on`, and when nothing but unknown keys is wrong, the document is that of the tree without them (of a
    mistyped key: under the key that was meant), so that what else is wrong is found in the same run.
    """
    try:
        return model.model_validate(tree)
    except ValidationError as error:
        items = error.errors(include_url=False)[:MOST_FINDINGS]
        diagnostics += dict.fromkeys(diagnostic(model, tree, item) for item in items)
        if not go_on or any(item["type"] != "extra_forbidden" for item in items):
            return None
        for item in items:
            tree = without(model, tree, item["loc"])
        return read_document(model, tree, [])


def without(model: type[BaseModel], tree: Any, path: Steps[Any]) -> Any:
    """The tree without the unknown key at a path, or with the absent key that was meant in its place."""
    known = known_keys(model, path[:-1])

    def changed(part: Any, rest: Steps[Any]) -> Any:
        if isinstance(part, Sequence):
            copied = Sequence(part.span)
            copied += [changed(item, rest[1:]) if place == rest[0] else item for place, item in enumerate(part)]
            return copied
        if not isinstance(part, Mapping):
            return part
        result = Mapping(part.span)
        for key, value in part.items():
            if key != rest[0]:
                result[key] = value
            elif len(rest) > 1:
                result[key] = changed(value, rest[1:])
            elif (meant := closest(key, known)) is not None and meant not in part:
                result[Text(meant, key.span)] = value
        return result

    return changed(tree, [step for step in path if step != KEY_MARK])


def diagnostic(model: type[BaseModel], tree: Any, item: Any) -> Diagnostic:
    """One finding of pydantic as a diagnostic."""
    path = [step for step in item["loc"] if step != KEY_MARK]
    value, span = find(tree, path)
    kind = item["type"]
    context = item.get("ctx", {})
    if kind == "extra_forbidden":
        key = str(path[-1])
        known = known_keys(model, path[:-1])
        remedy = did_you_mean(key, known) or ("known here: " + ", ".join(sorted(known)) if known else "")
        return Diagnostic("unknown-key", "error", key_span(tree, path), f"unknown key `{key}`", help=remedy)
    if kind == "missing":
        _, parent = find(tree, path[:-1])
        return Diagnostic("missing-key", "error", parent, f"the key `{path[-1]}` is missing")
    if kind == "literal_error":
        expected = [word.strip("' ") for word in context["expected"].replace(" or ", ", ").split(",")]
        found = f"`{value}`" if isinstance(value, str) else "another shape"
        message = f"expected one of {', '.join(expected)}, found {found}"
        return Diagnostic("unknown-word", "error", span, message, help=did_you_mean(str(value), expected))
    if kind in CODES_OF:
        return Diagnostic(CODES_OF[kind], "error", span, str(item["msg"]), help=HELP.get(kind, ""))
    if kind in WRONG_SHAPE:
        message = f"expected {WRONG_SHAPE[kind]}, found {shape(value)}"
        return Diagnostic("wrong-shape", "error", span, message)
    return Diagnostic("wrong-shape", "error", span, f"{shape(value)} cannot stand here")


def shape(value: Any) -> str:
    """What stands in the file, in an author's words."""
    if isinstance(value, dict):
        return "a mapping of keys"
    if isinstance(value, list):
        return "a list"
    return f"`{value}`" if value else "nothing"


def find(tree: Any, path: Steps[Any]) -> tuple[Any, Span]:
    """The value at a path and its place; steps that pydantic adds for its own branches are passed over."""
    value = tree
    for step in path:
        if (isinstance(value, dict) and step in value) or (
            isinstance(value, list) and isinstance(step, int) and step < len(value)
        ):
            value = value[step]
    return value, place(value, tree)


def place(value: Any, tree: Any) -> Span:
    """Where a value begins."""
    if isinstance(value, Text | Mapping | Sequence):
        return value.span
    return place(tree, tree) if value is not tree else Span("<policy>", 1, 1, 2)


def key_span(tree: Any, path: Steps[Any]) -> Span:
    """The place of the key at the end of a path."""
    parent, span = find(tree, path[:-1])
    if isinstance(parent, dict):
        for key in parent:
            if key == path[-1] and isinstance(key, Text):
                return key.span
    return span


def known_keys(model: type[BaseModel], path: Steps[Any]) -> list[str]:
    """The keys of the document that a path leads to, for a suggestion."""
    current: Any = model
    for step in path:
        fields = getattr(current, "model_fields", {})
        if step in fields:
            current = model_in(fields[step].annotation) or current
    return list(getattr(current, "model_fields", {}))


def model_in(annotation: Any) -> Any:
    """The document class inside an annotation such as `dict[Id, FieldDocument]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = model_in(argument)
        if found is not None:
            return found
    return None
