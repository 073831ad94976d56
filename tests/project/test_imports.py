"""What an import costs: the façade loads nothing but the standard library."""

from __future__ import annotations

import subprocess
import sys

import pytest

NEW_MODULES = """
import sys
before = set(sys.modules)
import {module}
print(*sorted({{name.partition(".")[0] for name in set(sys.modules) - before}}))
"""


def _loaded_by(module: str) -> set[str]:
    """The top-level names that importing a module adds in a fresh interpreter."""
    run = subprocess.run(
        [sys.executable, "-c", NEW_MODULES.format(module=module)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return set(run.stdout.split())


@pytest.mark.parametrize("module", ["crm_rules", "crm_rules.ir"])
def test_import_loads_the_standard_library_only(module: str) -> None:
    """Importing the façade, or the whole IR, loads no third-party module."""
    loaded = _loaded_by(module)
    assert "crm_rules" in loaded
    assert loaded - sys.stdlib_module_names == {"crm_rules"}
