"""Which case files lie below a path, and to which pack each of them belongs.

A case file belongs to the pack around it: the nearest folder above it with a `pack.yaml`, else
the folder that was asked for. So a folder with several packs gives several suites.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from crm_rules.dataclass import dataclass
from crm_rules.loading import CASES, PACK, SUFFIXES, find, read_limited
from crm_rules.reader.yaml_text import Mapping, read_yaml
from crm_rules.source import Text


@dataclass(frozen=True, slots=True)
class Suite:
    """The case files of one pack; `root` is the folder that loads as the pack."""

    root: Path
    files: tuple[Path, ...]


def find_suites(path: str | Path) -> tuple[Suite, ...]:
    """The case files of a folder and its subfolders, of one policy, or one case file, grouped by pack.

    Raises FileNotFoundError for a path that is neither a file nor a folder nor an installed pack.
    """
    place = find(path)
    if place.is_dir():
        files = {file: pack_root(file.parent, place) for file in case_files(place)}
    elif place.name.endswith(CASES):
        files = {place: pack_root(place.parent, place.parent)}
    else:
        root = pack_root(place.parent, place.parent)
        wanted = policy_of(place)
        files = {file: root for file in case_files(place.parent) if wanted is not None and policy_of(file) == wanted}
    roots = dict.fromkeys(files.values())
    return tuple(Suite(root, tuple(file for file in files if files[file] == root)) for root in roots)


def case_files(folder: Path) -> Iterator[Path]:
    """Every case file below a folder in a stable order; hidden folders and links to folders are left out."""
    folders: list[Path] = []
    for entry in sorted(folder.iterdir()):
        if entry.is_dir():
            if not entry.is_symlink() and not entry.name.startswith("."):
                folders.append(entry)
        elif entry.name.endswith(CASES) and entry.suffix in SUFFIXES:
            yield entry
    for inner in folders:
        yield from case_files(inner)


def pack_root(folder: Path, asked: Path) -> Path:
    """The nearest folder with a `pack.yaml`, seen from `folder` upwards, else the folder asked for."""
    for candidate in (folder, *folder.parents, *folder.absolute().parents):
        if (candidate / PACK).is_file():
            return candidate
    return asked


def policy_of(file: Path) -> Text | None:
    """The policy that a file names under `policy`, if it can be read."""
    tree, _ = read_yaml(read_limited(file) or b"", str(file))
    if not isinstance(tree, Mapping):
        return None
    word = next((value for key, value in tree.items() if key == "policy"), None)
    return word if isinstance(word, Text) else None
