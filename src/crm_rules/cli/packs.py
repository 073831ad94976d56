"""The paths a user types: a policy file, a folder, an installed pack, or a folder that holds packs.

`open_pack` is `crm_rules.load` with a sentence for what is not there; `places` finds the packs
below a folder, for the commands that look at everything.
"""

from __future__ import annotations

from pathlib import Path

from crm_rules.cli.console import UsageError
from crm_rules.diagnostics import did_you_mean
from crm_rules.loading import CASES, FIELDS, INSTALLED, PACK, SUFFIXES, load
from crm_rules.pack import Pack


def open_pack(path: str) -> Pack:
    """The pack of a path or name."""
    try:
        return load(path)
    except FileNotFoundError as error:
        raise UsageError(unknown_path(path)) from error


def unknown_path(path: str) -> str:
    """The sentence for a path that is not there."""
    near = [entry.name for entry in Path(path).parent.glob("*")] if Path(path).parent.is_dir() else []
    remedy = did_you_mean(Path(path).name, near) or did_you_mean(path, INSTALLED)
    return f"`{path}` is neither a file, nor a folder, nor an installed pack" + (f"; {remedy}" if remedy else "")


def places(path: str) -> list[str]:
    """The packs to look at for a path: itself, and below a folder every folder with a `pack.yaml`.

    A `pack.yaml` or `fields.yaml` stands for its folder, since it says nothing without the policies.
    """
    folder = Path(path)
    if folder.name in {PACK, FIELDS} and folder.is_file():
        return [str(folder.parent)]
    if not folder.is_dir():
        return [path]
    packs = sorted(str(file.parent) for file in folder.rglob(PACK) if file.parent != folder)
    own = [path] if not packs or (folder / PACK).is_file() or has_policy(folder, packs) else []
    return own + packs


def has_policy(folder: Path, packs: list[str]) -> bool:
    """True when a folder holds a policy file outside of the packs below it."""
    below = [Path(pack) for pack in packs]
    return any(
        file.suffix in SUFFIXES
        and not file.name.endswith(CASES)
        and file.name not in {PACK, FIELDS}
        and not any(file.is_relative_to(pack) for pack in below)
        for file in folder.rglob("*.y*ml")
    )
