"""A kind of another package: that of `examples/plugin_kind` loads, decides, explains, and is found when installed."""

from __future__ import annotations

import pickle
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from datetime import date
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import crm_rules
from crm_rules.cases import find_suites, run_suite
from crm_rules.kinds import find_kind, kind_names, plugged_kinds, register_kind
from crm_rules.kinds.kind import Kind
from crm_rules.kinds.ladder import LadderDocument
from crm_rules.kinds.schema import policy_schema
from crm_rules.loading import load_with_report
from crm_rules.rendering import render_text

EXAMPLE = Path(__file__).parents[2] / "examples" / "plugin_kind"
ITEMS = ("licence", "contract_signed", "guarantor", "visited_on")
COMPLETE = {"licence": True, "contract_signed": True, "guarantor": "Harbour Steel", "visited_on": date(2026, 11, 2)}
OPEN: dict[str, Any] = {"licence": False, "contract_signed": None, "guarantor": None, "visited_on": None}


def load_module() -> ModuleType:
    """The module of the example, as an installed package would be imported."""
    spec = spec_from_file_location("checklist_kind", EXAMPLE / "checklist_kind.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules["checklist_kind"] = module  # where its document looks up its annotations
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module", name="kind", autouse=True)
def register_checklist() -> Iterator[Kind]:
    """The kind of the example, known while these tests run."""
    kind: Kind = load_module().KIND
    register_kind(kind)
    yield kind
    del plugged_kinds()[kind.name]
    del sys.modules["checklist_kind"]


@pytest.fixture(scope="module", name="policy")
def load_policy(kind: Kind) -> crm_rules.Policy:
    """The policy of the example."""
    policy = crm_rules.load(EXAMPLE / "policies")["account-opening"]
    assert policy.kind == kind.name
    return policy


def test_a_registered_kind_is_listed_after_the_built_in_ones(kind: Kind) -> None:
    """Messages, the schema and the command line name it with the others."""
    assert kind_names() == ["decision-table", "ladder", "scorecard", "cadence", "ranking", "checklist"]
    assert find_kind("checklist") is kind


def test_a_name_belongs_to_one_kind(kind: Kind) -> None:
    """Registering the same kind again changes nothing; another kind of that name is refused."""
    register_kind(kind)
    for taken in ("checklist", "ladder"):
        with pytest.raises(ValueError, match=f"there is already a kind `{taken}`"):
            register_kind(Kind(taken, LadderDocument, lambda *_: None))


@given(st.sets(st.sampled_from(ITEMS)))
def test_the_rules_that_hold_are_the_open_items(policy: crm_rules.Policy, missing: set[str]) -> None:
    """Whatever is open is counted and named, in the order of the policy."""
    record = COMPLETE | {name: OPEN[name] for name in missing}
    for decision in (policy.decide(record), *policy.decide_many([record])):
        assert decision.rules == tuple(name for name in ITEMS if name in missing)
        assert decision.outputs == {"complete": not missing, "open_items": len(missing)}


def test_an_open_item_is_explained_in_both_languages(policy: crm_rules.Policy) -> None:
    """A kind writes no words of its own: the labels of its steps and outputs are enough."""
    decision = policy.decide(COMPLETE | {"guarantor": None})
    assert "Complete (complete) = no" in decision.explain()
    assert "Rule guarantor (Guarantor)" in decision.explain()
    assert "资料齐全（complete）= 否" in decision.explain("zh")
    assert "规则 guarantor（担保人）" in decision.explain("zh")
    assert [(reason.rule, reason.field, reason.value, reason.border) for reason in decision.reasons] == [
        ("guarantor", "guarantor", None, "missing")
    ]


def test_a_policy_of_the_kind_travels_without_it(policy: crm_rules.Policy) -> None:
    """Pickles and records hold the program, so neither needs the package that made it."""
    removed = plugged_kinds().pop("checklist")
    try:
        copy: crm_rules.Policy = pickle.loads(pickle.dumps(policy))  # noqa: S301 - written one line above
        decision = copy.decide(OPEN)
        assert decision.outputs["open_items"] == 4
        assert copy.replay(decision.to_json()).to_json() == decision.to_json()
    finally:
        register_kind(removed)


def test_the_cases_of_the_example_pass() -> None:
    """The cases beside the policy are those of any policy."""
    (suite,) = find_suites(EXAMPLE / "policies")
    result = run_suite(suite)
    assert render_text(result.report, result.texts) == "no findings"
    assert [(one.case.name, one.passed) for one in result.results] == [(one.case.name, True) for one in result.results]
    assert len(result.results) == 4


def test_editors_know_the_kind() -> None:
    """The schema of policy files has its name and its keys."""
    schema = policy_schema()
    assert "checklist" in schema["properties"]["kind"]["enum"]
    assert schema["$defs"]["checklist"]["properties"]["items"]["type"] == "array"
    assert "items" in policy_schema("checklist")["$defs"]["checklist"]["required"]


@pytest.mark.parametrize(
    ("items", "code", "marked"),
    [
        ("[licence, guarantr]", "unknown-field", "guarantr"),
        ("[licence, name]", "item-never-open", "name"),
        ("[licence, guarantor, licence]", "duplicate-rule", "licence"),
        ("[]", "no-rules", "p"),
        ("[licence]\noutput: {done: {type: boolean}}", "fixed-outputs", "done"),
        ("[licence]\nitem: [guarantor]", "unknown-key", "item"),
    ],
)
def test_a_mistake_is_shown_where_it_stands(tmp_path: Path, items: str, code: str, marked: str) -> None:
    """The kind's findings and those of the common keys look the same."""
    file = tmp_path / "p.yaml"
    fields = "{licence: {type: boolean}, guarantor: {type: text, optional: true}, name: {type: text}}"
    file.write_text(f"policy: p\nkind: checklist\nfields: {fields}\nitems: {items}\n", encoding="utf-8")
    pack, report, texts = load_with_report(file)
    assert pack is None
    (found,) = report
    line = texts[str(file)].splitlines()[found.span.line - 1]
    assert found.code == code
    assert line[found.span.column - 1 :].startswith(marked)


def test_an_installed_kind_is_found_by_its_entry_point(tmp_path: Path) -> None:
    """A package that names its kind in `crm_rules.kinds` needs no line of code in the application."""
    shutil.copy(EXAMPLE / "checklist_kind.py", tmp_path)
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    points = project["entry-points"]["crm_rules.kinds"]
    metadata = tmp_path / "crm_rules_checklist-1.0.0.dist-info"  # what an installer writes
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: 1.0.0\n")
    lines = [f"{name} = {value}\n" for name, value in points.items()]
    (metadata / "entry_points.txt").write_text("[crm_rules.kinds]\n" + "".join(lines))
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import crm_rules; "
        f"pack = crm_rules.load({str(EXAMPLE / 'policies')!r}); "
        "print(pack['account-opening'].decide({'licence': True}).rules)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout == "('contract_signed', 'guarantor', 'visited_on')\n"
