"""JSON Schema (2020-12) of policy files, so that an editor completes and checks YAML while it is typed.

Made from the pydantic documents of the kinds, plugged-in ones included. Where a document keeps a
tree for its lowering (fields, rows, bands), the shapes that the lowering accepts are written here.
A schema says less than `check`: cells, formulas and names are read by the library alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from pydantic.json_schema import models_json_schema

from crm_rules.kinds import find_kind, kind_names
from crm_rules.kinds.documents import (
    SCALAR,
    DeriveDocument,
    FieldDocument,
    FieldsDocument,
    FieldUse,
    PackDocument,
    PolicyDocument,
    Words,
)
from crm_rules.kinds.extension import REPLACED, ROWS

if TYPE_CHECKING:
    from pydantic import BaseModel

Schema: TypeAlias = dict[str, Any]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
DAY: Final = {"type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}
TEXT: Final = {"type": "string"}


def ref(name: str) -> Schema:
    """A reference to a definition."""
    return {"$ref": f"#/$defs/{name}"}


def mapping_of(schema: Schema) -> Schema:
    """A mapping of names to one shape."""
    return {"type": "object", "additionalProperties": schema}


def law_form(description: str, needed: Schema, optional: Schema | None = None) -> Schema:
    """One form of a law: the keys that must stand in it and those that may."""
    return {
        "description": description,
        "type": "object",
        "properties": needed | (optional or {}),
        "required": list(needed),
        "additionalProperties": False,
    }


NAME: Final = {"type": ["string", "number"]}
CELLS: Final = {"type": "object", "minProperties": 1, "additionalProperties": ref("Cell")}
DIRECTION: Final = {"enum": ["better", "worse", "rising", "falling"]}
PLACES: Final = {"type": "integer", "minimum": 1, "maximum": 999}
LIMITS: Final = {"min": ref("Cell"), "max": ref("Cell")}
LAWS: Final[tuple[Schema, ...]] = (
    law_form(
        "a larger value of a field moves the output one way only",
        {"monotone": NAME, "in": NAME, "direction": DIRECTION},
    ),
    law_form("no record has this outcome", {"never": CELLS}, {"when": CELLS}),
    law_form("every record has this outcome", {"always": CELLS}, {"when": CELLS}),
    law_form("the output stays between two values", {"bounded": NAME}, LIMITS) | {"minProperties": 2},
    law_form("one outcome goes with another", {"implies": CELLS, "then": CELLS}),
    law_form("the output moves by few places at a time", {"steps": PLACES, "of": NAME, "in": NAME}),
)
OWN: Final[dict[str, Schema]] = {
    "Cell": SCALAR,
    "Value": {"anyOf": [ref("Cell"), {"type": "object", "propertyNames": DAY, "additionalProperties": ref("Cell")}]},
    "Rule": {
        "description": "One rule: an id, the cells of its columns, the outputs it gives.",
        "type": "object",
        "properties": {
            "id": {"type": ["string", "number"], "description": "the rule's name, unique in its table"},
            "when": {"anyOf": [{"const": "otherwise"}, mapping_of(ref("Cell"))]},
            "then": {"anyOf": [ref("Cell"), mapping_of(ref("Cell"))]},
            "otherwise": {"anyOf": [ref("Cell"), mapping_of(ref("Cell"))]},
            "label": ref("Words"),
            "reason": {"type": "string", "description": "a reason code"},
        },
        "additionalProperties": ref("Cell"),
    },
    "Law": {"anyOf": list(LAWS)},
    "Rows": {
        "description": "Rules: a pipe table in a block scalar, or a list.",
        "anyOf": [TEXT, {"type": "array", "items": ref("Rule")}],
    },
}
# What the lowering makes of the trees that the documents keep as they are.
TREES: Final[dict[str, Schema]] = {
    "fields": {
        "anyOf": [
            {"type": "array", "items": {"anyOf": [TEXT, mapping_of(ref("FieldUse"))]}},
            mapping_of(ref("FieldDocument")),
        ]
    },
    "derive": mapping_of({"anyOf": [TEXT, {"type": "number"}, ref("DeriveDocument")]}),
    "value": ref("Value"),
    "laws": {"type": "array", "items": ref("Law")},
    "bands": {"anyOf": [ref("Rows"), mapping_of(TEXT)]},
    "every": mapping_of({"type": "string", "pattern": "^[0-9]{1,4} (day|week|month|year)s?$"}),
}
BARE: Final[tuple[Schema, ...]] = (
    {},
    {"type": "object", "additionalProperties": True},
    {"type": "array", "items": {}},
)  # how a document describes a tree
WORDS: Final = {
    "policy": "the policy's id, unique in its pack",
    "kind": "what kind of policy this is",
    "extends": "the id of the policy that this one changes",
    "title": "the policy's name for people, in en and zh",
    "version": "the edition's version, such as 1.0.0",
    "valid_from": "the first day on which the edition is in force",
    "valid_to": "the last day on which the edition is in force",
    "source": "the document that the policy comes from",
    "owner": "who answers for the policy",
    "approver": "who approved it",
    "readings": "how unclear places of the source were read",
    "fields": "what a record holds: names of the pack's shared fields, or declarations",
    "derive": "fields computed from others: a formula each",
    "parameters": "named constants, used in cells as $name; without a value they are blank",
    "parameter_order": "an order that the parameters keep: $low < $high",
    "requires": "outputs of other policies, by the name they have here: stage: pipeline-stage.stage",
    "output": "what the policy decides",
    "laws": "what must hold for all records, whatever the rules look like",
    "hit_policy": "how many rules may hold: unique (the default), first, any, collect",
    "aggregation": "what `collect` makes of the rules that hold",
    "rules": "the rules of the table",
    "by": "the field that decides; in a ranking the measure that its steps climb",
    "steps": "the steps of the ladder, with one border column: up to, below, from or above",
    "since": "the date field from which the interval counts",
    "every": "the interval of each class, such as 15 days",
    "characteristics": "small tables that give points",
    "initial": "points to begin with",
    "bands": "which totals give which outcome",
    "rank": "the number that is ranked, the largest first",
    "within": "the choices that divide the records, each part ranked by itself",
    "not_positive": "`ranked` where zero and negative numbers are ranked like all others",
    "overrides": "rules that decide whatever the points",
}


def policy_schema(kind: str | None = None) -> Schema:
    """The schema of a policy file: of one kind, or of every kind and of extensions."""
    names = kind_names() if kind is None else [kind]
    documents = {name: document_of(name) for name in names}
    kinds, definitions = definitions_of(documents)
    for name, schema in kinds.items():
        definitions[name] = schema
    if kind is not None:
        return {"$schema": DIALECT, "title": f"a {kind} of crm_rules", **ref(kind), "$defs": definitions}
    definitions["extension"] = extension_schema(kinds)
    by_kind = [
        {"if": {"properties": {"kind": {"const": name}}, "required": ["kind"]}, "then": ref(name)} for name in names
    ]
    return {
        "$schema": DIALECT,
        "title": "a policy of crm_rules",
        "type": "object",
        "properties": {
            "policy": {"type": ["string", "number"], "description": WORDS["policy"]},
            "kind": {"enum": names, "description": WORDS["kind"]},
            "extends": {"type": ["string", "number"], "description": WORDS["extends"]},
        },
        "required": ["policy"],
        "if": {"required": ["extends"]},
        "then": ref("extension"),
        "else": {"required": ["kind"], "allOf": by_kind},
        "$defs": definitions,
    }


def pack_schema() -> Schema:
    """The schema of a `pack.yaml`."""
    return document_schema("the pack.yaml of a pack", PackDocument)


def fields_schema() -> Schema:
    """The schema of a `fields.yaml`."""
    return document_schema("the fields.yaml of a pack", FieldsDocument)


def document_schema(title: str, document: type[BaseModel]) -> Schema:
    """The schema of a file that is one document."""
    found, definitions = definitions_of({title: document})
    return {"$schema": DIALECT, "title": title, **found[title], "$defs": definitions}


def document_of(kind: str) -> type[PolicyDocument]:
    """The document of a kind; raises KeyError for an unknown one."""
    found = find_kind(kind)
    if found is None:
        raise KeyError(kind)
    return found.document


def definitions_of(documents: Mapping[str, type[BaseModel]]) -> tuple[dict[str, Schema], dict[str, Schema]]:
    """The schema of each document, and the definitions they refer to."""
    inner: tuple[type[BaseModel], ...] = (Words, FieldDocument, FieldUse, DeriveDocument)
    models: list[tuple[type[BaseModel], Any]] = [(model, "validation") for model in (*documents.values(), *inner)]
    places, whole = models_json_schema(models)
    definitions: dict[str, Schema] = {name: tidy(schema) for name, schema in whole["$defs"].items()}
    definitions |= OWN
    found: dict[str, Schema] = {}
    for name, document in documents.items():
        schema = definitions.pop(places[document, "validation"]["$ref"].rpartition("/")[2])
        for key, described in schema["properties"].items():
            if key in WORDS:
                schema["properties"][key] = {"description": WORDS[key], **described}
        found[name] = schema
    return found, definitions


def extension_schema(kinds: Mapping[str, Schema]) -> Schema:
    """A policy that changes another: any key of any kind, none but its own id and its base's required."""
    properties: dict[str, Schema] = {}
    for schema in kinds.values():
        for key, described in schema["properties"].items():
            if key in REPLACED or key in ROWS:
                properties.setdefault(key, described)
            else:
                properties.setdefault(key, {"description": described.get("description", f"as in the base: {key}")})
    value = {"anyOf": [ref("Value"), {"type": "object", "properties": {"value": ref("Value"), "label": ref("Words")}}]}
    properties["parameters"] = {"description": "values for the parameters of the base", **mapping_of(value)}
    properties["kind"] = {"enum": list(kinds)}
    properties["extends"] = {"type": ["string", "number"], "description": WORDS["extends"]}
    return {
        "type": "object",
        "properties": properties,
        "required": ["policy", "extends"],
        "additionalProperties": False,
    }


def tidy(schema: Any) -> Any:
    """Without the titles and empty defaults that pydantic adds, with the shapes of the trees."""
    if isinstance(schema, list):
        return [tidy(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if schema == {"type": "string", "format": "date"}:
        return DAY  # editors leave `format` alone
    found: Schema = {}
    for key, value in schema.items():
        if key == "properties":
            found[key] = {name: member(name, inner) for name, inner in value.items()}
        elif not (key == "title" or (key == "default" and value in (None, [], {}))):
            found[key] = tidy(value)
    choices = [choice for choice in found.get("anyOf", []) if choice != {"type": "null"}]
    if len(choices) == 1:
        del found["anyOf"]
        return {**choices[0], **found}
    return found | {"anyOf": choices} if choices else found


def member(name: str, schema: Schema) -> Schema:
    """One key of a document."""
    found: Schema = tidy(schema)
    if name in TREES and found in BARE:
        return TREES[name]
    if any("pipe table" in choice.get("description", "") for choice in found.get("oneOf", [])):
        return ref("Rows")
    return found
