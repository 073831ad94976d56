"""What a user gets: the built wheel, installed alone, does the main job from any folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]


def _run(*command: str | Path, cwd: Path) -> str:
    """The standard output of a command that must succeed, without this environment's Python settings."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV", "VIRTUAL_ENV"))
    }
    run = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert run.returncode == 0, f"{command}\n{run.stdout}\n{run.stderr}"
    return run.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the source distribution and so from nothing that it lacks."""
    folder = tmp_path_factory.mktemp("dist")
    _run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.mark.slow
def test_the_wheel_carries_the_package_and_its_data(wheel: Path) -> None:
    """Every source file, the type marker, every starter policy and the demo's book travel; nothing else does."""
    expected = {f"crm_rules/{path.relative_to(ROOT / 'src/crm_rules').as_posix()}" for path in _sources()}
    for folder, place in (("policies", "crm_rules/policies"), ("examples/book", "crm_rules/demo")):
        found = {f"{place}/{path.relative_to(ROOT / folder).as_posix()}" for path in _files(ROOT / folder)}
        assert found, folder
        expected |= found
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == expected
    assert "crm_rules/py.typed" in names


@pytest.mark.slow
def test_the_demo_of_an_installed_wheel_speaks_both_languages(wheel: Path, tmp_path: Path) -> None:
    """In an empty environment, from another folder, `crm-rules demo` prints reasons in English and in Chinese."""
    environment = tmp_path / "environment"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    # This environment's pip installs into the other one, which saves setting up a second pip.
    _run(sys.executable, "-m", "venv", "--without-pip", environment, cwd=elsewhere)
    programs = environment / ("Scripts" if os.name == "nt" else "bin")
    _run(
        *(sys.executable, "-m", "pip", "--python", programs / "python", "--disable-pip-version-check", "install"),
        *("--constraint", ROOT / "constraints.txt", wheel),
        cwd=elsewhere,
    )
    printed = _run(programs / "crm-rules", "demo", cwd=elsewhere)
    assert re.search(r"[A-Za-z]{3,} [a-z]{2,}", printed)
    assert re.search(r"[\u4e00-\u9fff]{2,}", printed)
    assert list(elsewhere.iterdir()) == []


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def _sources() -> list[Path]:
    return [path for path in _files(ROOT / "src/crm_rules") if path.suffix != ".pyc"]
