"""`crm-rules schema`: what an editor gets accepts every good file, and refuses what an editor can see is wrong."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml
from jsonschema import Draft202012Validator

from crm_rules.cli.main import main
from crm_rules.cli.schema import file_schema
from crm_rules.kinds import KINDS, kind_names, plugged_kinds, register_kind
from crm_rules.kinds.documents import PolicyDocument
from crm_rules.kinds.kind import Kind

ROOT = Path(__file__).parents[2]
FILES = [*(ROOT / "policies").rglob("*.yaml"), *(ROOT / "examples").glob("*.yaml")]
SCHEMAS = {"pack.yaml": "pack", "fields.yaml": "fields"}


class EditorLoader(yaml.SafeLoader):
    """YAML as an editor reads it: the core schema of YAML 1.2, dates are texts."""


CORE = {f"tag:yaml.org,2002:{name}" for name in ("bool", "int", "float", "null")}
EditorLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag in CORE]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def as_json(value: Any) -> Any:
    """A tree with texts as keys, as JSON has them."""
    if isinstance(value, dict):
        return {str(key): as_json(inner) for key, inner in value.items()}
    return [as_json(inner) for inner in value] if isinstance(value, list) else value


def read(text: str) -> Any:
    """A policy file as an editor reads it."""
    return as_json(yaml.load(text, EditorLoader))  # noqa: S506 - a safe loader with fewer types


def schema(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    """The schema that the command prints, itself a valid one."""
    assert main(["schema", *words]) == 0
    found = json.loads(capsys.readouterr().out)
    Draft202012Validator.check_schema(found)
    assert found["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    return found


@cache
def made(kind: str) -> Any:
    """The schema of a kind of file, made once."""
    return file_schema(kind)


def findings(found: Any, text: str) -> list[str]:
    """What an editor would underline."""
    return [error.message for error in Draft202012Validator(found).iter_errors(read(text))]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_good_file_conforms(path: Path) -> None:
    """No starter policy, pack, field list, case file or example is underlined in an editor."""
    kind = "cases" if path.name.endswith(".cases.yaml") else SCHEMAS.get(path.name, "policy")
    assert findings(made(kind), path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_schema_of_one_kind_accepts_its_policies_only(kind: str) -> None:
    """A policy conforms to the schema of its own kind and to no other."""
    found = made(kind)
    texts = [
        path.read_text(encoding="utf-8") for path in (ROOT / "policies").glob("*.yaml") if path.name not in SCHEMAS
    ]
    policies = [text for text in texts if "\nkind: " in text]
    assert policies
    for text in policies:
        assert (findings(found, text) == []) is (f"\nkind: {kind}\n" in text)


LADDER = "policy: p\nkind: ladder\nby: a\nsteps: []\n"


@pytest.mark.parametrize(
    "text",
    [
        "kind: ladder\nby: a\nsteps: []\n",
        "policy: p\n",
        "policy: p\nkind: lader\n",
        "policy: p\nkind: ladder\nsteps: []\n",
        f"{LADDER}titel: {{en: a}}\n",
        f"{LADDER}title: {{de: a}}\n",
        f"{LADDER}valid_from: next week\n",
        f"{LADDER}valid_from: 1.1.2026\n",
        f"{LADDER}fields: {{a: {{type: dat}}}}\n",
        f"{LADDER}fields: [{{a: {{optonal: true}}}}]\n",
        f"{LADDER}output: {{a: {{type: choice, ordered: up}}}}\n",
        f"{LADDER}parameters: {{a: {{type: integer, value: {{soon: 1}}}}}}\n",
        f"{LADDER}hit_policy: first\n",
        f"{LADDER}laws: {{monotone: a, in: b, direction: better}}\n",
        f"{LADDER}laws: [{{monoton: a, in: b, direction: better}}]\n",
        f"{LADDER}laws: [{{monotone: a, in: b}}]\n",
        f"{LADDER}laws: [{{monotone: a, in: b, direction: up}}]\n",
        f"{LADDER}laws: [{{never: {{}}}}]\n",
        f"{LADDER}laws: [{{always: {{a: 1}}, if: {{b: 2}}}}]\n",
        f"{LADDER}laws: [{{bounded: a}}]\n",
        f"{LADDER}laws: [{{implies: {{a: 1}}}}]\n",
        f"{LADDER}laws: [{{steps: 0, of: a, in: b}}]\n",
        "policy: p\nkind: decision-table\nrules: []\nhit_policy: last\n",
        "policy: p\nkind: cadence\nby: a\nsince: b\nevery: {A: often}\n",
        "policy: p\nextends: q\nunknown: 1\n",
        "policy: p\nextends: q\nkind: lader\n",
        "policy: p\nextends: q\nparameters: {a: [1]}\n",
    ],
)
def test_a_mistake_is_underlined(text: str) -> None:
    """Missing, misspelt and misplaced keys and words do not conform."""
    assert findings(made("policy"), text) != []


@pytest.mark.parametrize(
    "text",
    [
        LADDER,
        "policy: p\nextends: q\n",
        "policy: p\nextends: q\nkind: ladder\nparameters: {a: 1, b: {2026-01-01: 2}, c: {value: 3, label: {en: c}}}\n",
        "policy: p\nextends: q\nsteps:\n  - {id: a, up to: 3}\n",
        "policy: p\nextends: q\ncharacteristics: {a: {rules: [{id: b, points: 2}]}}\n",
        f"{LADDER}parameters: {{a: {{type: integer}}, b: {{type: integer, value: {{2026-01-01: 1}}}}}}\n",
        f"{LADDER}laws: [{{monotone: a, in: b, direction: worse}}, {{never: {{a: 1}}}}, {{bounded: a, max: $b}}]\n",
        f"{LADDER}laws: [{{always: {{a: true}}, when: {{b: '< 2'}}}}, {{implies: {{a: 1}}, then: {{b: 2}}}}]\n",
        f"{LADDER}laws: [{{steps: 1, of: a, in: b}}]\n",
        f"{LADDER}derive: {{a: b + 1, c: {{formula: b + 2, label: {{zh: 丙}}}}}}\n",
    ],
)
def test_what_the_library_reads_is_not_underlined(text: str) -> None:
    """Extensions, dated parameters and both forms of derived fields conform."""
    assert findings(made("policy"), text) == []


class StampDocument(PolicyDocument):
    """A kind that only this test knows."""

    kind: Literal["stamp-of-a-test"]  # type: ignore[assignment]
    ink: Literal["red", "blue"]


def test_plugged_in_kinds_are_part_of_the_schema(capsys: pytest.CaptureFixture[str]) -> None:
    """A kind of another package is completed and checked like the built-in ones."""
    kind = Kind("stamp-of-a-test", StampDocument, lambda _document, _draft: None)
    register_kind(kind)
    try:
        found = schema(capsys)
        assert found["properties"]["kind"]["enum"] == kind_names()
        assert findings(found, "policy: p\nkind: stamp-of-a-test\nink: red\n") == []
        assert findings(found, "policy: p\nkind: stamp-of-a-test\nink: green\n") != []
        assert schema(capsys, "stamp-of-a-test")
    finally:
        del plugged_kinds()["stamp-of-a-test"]


@pytest.mark.parametrize("kind", ["policy", "pack", "fields", "cases", *KINDS])
def test_every_schema_is_one(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What is printed is a valid schema."""
    assert schema(capsys, kind) == made(kind)


def test_every_key_of_a_policy_is_described() -> None:
    """An editor shows a few words for every key of a policy."""
    found = made("policy")
    for kind in KINDS:
        for key, inner in found["$defs"][kind]["properties"].items():
            assert inner.get("description"), f"{kind}: {key}"


def test_the_schema_of_a_record_is_that_of_the_policy(capsys: pytest.CaptureFixture[str]) -> None:
    """`--record` prints what a record of a policy may hold, the fields of required policies included."""
    found = schema(capsys, "--record", "sample-company", "--policy", "follow-up")
    assert set(found["properties"]) == {"need", "expected_close", "last_touch"}
    assert found["required"] == ["need"]
    assert list(Draft202012Validator(found).iter_errors({"need": "clear"})) == []
    assert list(Draft202012Validator(found).iter_errors({"need": "urgent"})) != []
