"""The public surface: few names, known names, each of them there."""

from __future__ import annotations

import inspect
import tomllib
from pathlib import Path

import pytest

import crm_rules

ROOT = Path(__file__).parents[2]

PUBLIC = {
    "CallError",
    "CrmRulesError",
    "Decision",
    "Diagnostic",
    "Pack",
    "Policy",
    "PolicyError",
    "Reason",
    "Report",
    "UndecidedError",
    "__version__",
    "diff",
    "load",
}


def test_the_public_names_are_these() -> None:
    """A public name is added or removed on purpose: here, and in the changelog."""
    assert set(crm_rules.__all__) == PUBLIC
    assert len(crm_rules.__all__) == len(PUBLIC) <= 15


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_each_public_name_is_there_and_says_what_it_is(name: str) -> None:
    """A public name can be reached, is listed by `dir`, and has a docstring."""
    thing = getattr(crm_rules, name)
    assert name in dir(crm_rules)
    assert name == "__version__" or inspect.getdoc(thing)


def test_an_unknown_name_is_an_attribute_error() -> None:
    """The lazy façade answers for its own names only."""
    unknown = "no_such_name"
    with pytest.raises(AttributeError, match=unknown):
        getattr(crm_rules, unknown)


def test_the_version_is_the_one_of_the_package() -> None:
    """The literal in the source, which needs no metadata at import, agrees with pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert crm_rules.__version__ == project["version"]
