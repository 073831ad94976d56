"""What `crm_rules.testing` offers, what it needs, and the projects in `examples` that show it to others."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import crm_rules.testing

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
WITHOUT_HYPOTHESIS = """
import sys
sys.modules["hypothesis"] = None
import crm_rules.testing
try:
    crm_rules.testing.{name}
except ImportError as error:
    print(error)
"""


def run(*command: str | Path, folder: Path = ROOT, **variables: str) -> subprocess.CompletedProcess[str]:
    """A command of this interpreter."""
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


@pytest.mark.parametrize("name", crm_rules.testing.__all__)
def test_each_name_is_there_and_says_what_it_is(name: str) -> None:
    """A name is its function or class, never the module that it is in, whatever was imported before."""
    thing = getattr(crm_rules.testing, name)
    assert callable(thing)
    assert inspect.getdoc(thing)
    assert name in dir(crm_rules.testing)


def test_an_unknown_name_is_an_attribute_error() -> None:
    """The lazy package answers for its own names only."""
    with pytest.raises(AttributeError, match="no attribute 'no_such_name'"):
        crm_rules.testing.no_such_name  # noqa: B018 - the access is the test


def test_importing_the_package_needs_no_hypothesis() -> None:
    """Only a name that is used does."""
    code = "import sys, crm_rules.testing; print('hypothesis' in sys.modules)"
    assert run("-c", code).stdout == "False\n"


@pytest.mark.parametrize("name", ["records", "laws_as_tests", "check_kind", "check_backend", "check_pack"])
def test_without_hypothesis_the_error_names_what_to_install(name: str) -> None:
    """The extra is said in the words that are typed."""
    printed = run("-c", WITHOUT_HYPOTHESIS.format(name=name)).stdout
    assert printed == f'crm_rules.testing.{name} needs hypothesis: pip install "crm-rules[testing]"\n'


def test_the_project_to_copy_passes(tmp_path: Path) -> None:
    """Its tests and cases run from its own folder, as those of a stranger do."""
    quietly = {"HYPOTHESIS_STORAGE_DIRECTORY": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    found = run("-m", "pytest", "-q", "-p", "no:cacheprovider", folder=EXAMPLES / "testing", **quietly)
    assert found.returncode == 0, found.stdout
    assert " passed" in found.stdout


def test_an_installed_engine_is_found_by_its_entry_point(tmp_path: Path) -> None:
    """A package that names its function in `crm_rules.backends` is found by that name, and no other is."""
    (tmp_path / "stack_machine.py").write_bytes((EXAMPLES / "plugin_backend" / "stack_machine.py").read_bytes())
    text = (EXAMPLES / "plugin_backend" / "pyproject.toml").read_text(encoding="utf-8")
    points = tomllib.loads(text)["project"]["entry-points"]["crm_rules.backends"]
    metadata = tmp_path / "crm_rules_stack-1.0.0.dist-info"  # what an installer writes
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: crm-rules-stack\nVersion: 1.0.0\n")
    lines = [f"{name} = {value}\n" for name, value in points.items()]
    (metadata / "entry_points.txt").write_text("[crm_rules.backends]\n" + "".join(lines))
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from crm_rules.backends import find_backend; "
        "print(find_backend('stack').__name__, find_backend('other'))"
    )
    assert run("-c", code).stdout == "compile_stack None\n"
