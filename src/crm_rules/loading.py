"""Reading packs from disk: files to documents, documents to checked programs, all findings at once.

A folder and its subfolders are one pack; a subfolder with a `pack.yaml` is a pack of its own and is
not read from above. `NAME.cases.yaml` files are cases, not policies. A pack may `extends` other
packs: its own policies replace theirs of the same id. This is the one module that opens files.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from crm_rules.diagnostics import Report, did_you_mean, first_findings
from crm_rules.errors import PolicyError
from crm_rules.ir.typing import Function
from crm_rules.kinds.documents import ID, FieldsDocument, PackDocument, PolicyDocument
from crm_rules.kinds.draft import to_label
from crm_rules.kinds.reading import place as place_of
from crm_rules.kinds.reading import read_document, shape
from crm_rules.linking import Reading, Source, link, source_of
from crm_rules.pack import Pack
from crm_rules.reader.yaml_text import MAX_BYTES, read_yaml
from crm_rules.reader.yaml_text import Mapping as Tree
from crm_rules.source import Span, Text

PACK, FIELDS, CASES = "pack.yaml", "fields.yaml", ".cases.yaml"
SUFFIXES = (".yaml", ".yml")
CHECKOUT = Path(__file__).parent.parent.parent
STARTER = packaged if (packaged := Path(__file__).parent / "policies").is_dir() else CHECKOUT / "policies"
INSTALLED = {"base": STARTER, "sample-company": STARTER / "sample-company"}
KNOWN_KEYS = frozenset({"hit_policy", *PolicyDocument.model_fields})
MISNAMED = re.compile(r"\.(ya?ml|ymal|yalm)", re.IGNORECASE)
MAX_PACKS = 16
MAX_FILES = 2_000


def load(path: str | Path, *, functions: Mapping[str, Function] = MappingProxyType({})) -> Pack:
    """The pack of a folder, of one policy file, or of an installed pack by name.

    Of a single file the pack holds its policy and those it requires, found in the same folder. Raises
    `PolicyError` for what cannot be read, parsed or typed (with every finding), FileNotFoundError for
    a path that is neither a file nor a folder nor an installed pack. Runs no code of any file.
    """
    pack, report, texts = load_with_report(path, functions=functions)
    if pack is None:
        from crm_rules.rendering import render_text  # noqa: PLC0415 - only for a policy that does not load

        raise PolicyError(report, render_text(report, texts))
    return pack


def load_with_report(
    path: str | Path, *, functions: Mapping[str, Function] = MappingProxyType({})
) -> tuple[Pack | None, Report, Mapping[str, str]]:
    """Like `load`, but returns what was found and the texts of the files instead of raising."""
    found = find(path)
    reading = Reading(functions)
    only = found if found.is_file() else None
    read_folder(found if only is None else found.parent, reading, only=only)
    wanted = [source for source in reading.sources if only is None or source.path == str(only)]
    if only is not None:  # a copy of the file beside it is not meant
        names = {(source.id, source.version) for source in wanted}
        neighbours = [source for source in reading.sources if source not in wanted]
        reading.sources = wanted + [source for source in neighbours if (source.id, source.version) not in names]
    if not wanted and not reading.diagnostics:
        message = "there is no policy in this folder" if only is None else "this file is no policy"
        reading.error("empty-pack", Span(str(found), 1, 1, 2), message, where_policies_stand(found))
    editions = link(reading, wanted, everything=only is None)
    report = Report(first_findings(dict.fromkeys(reading.diagnostics)))
    if not report.ok:
        return None, report, reading.texts
    shared = tuple(reading.own_shared) if only is None else ()
    pack = Pack(reading.id or found.stem, editions, reading.title, functions, shared=shared)
    return pack, report, reading.texts


def where_policies_stand(found: Path) -> str:
    """What to do about a folder or file without a policy: most often the name ends in something else."""
    names = [found.name] if found.is_file() else sorted(file.name for file in found.iterdir() if file.is_file())
    if any(name.endswith(CASES) for name in names):
        return "cases stand beside their policy; `crm-rules test` runs them"
    misnamed = [name for name in names if MISNAMED.search(name) and not name.endswith(SUFFIXES)]
    named = f"; rename `{misnamed[0]}`" if misnamed else ""
    return f"the name of a policy's file ends in `.yaml` or `.yml`{named}"


def find(path: str | Path) -> Path:
    """The file or folder of a path, or of the name of an installed pack."""
    place = Path(path)
    if place.is_file() or place.is_dir():
        return place
    return INSTALLED.get(str(path)) or find_plugged(str(path))


def find_plugged(name: str) -> Path:
    """The folder of a pack that an installed package offers in the group `crm_rules.packs`."""
    from importlib.metadata import entry_points  # noqa: PLC0415 - slow to import, needed only for names of installed packs

    for point in entry_points(group="crm_rules.packs", name=name):
        return Path(point.load())
    raise FileNotFoundError(f"{name} is neither a file, nor a folder, nor an installed pack")


def read_folder(folder: Path, reading: Reading, above: tuple[Path, ...] = (), only: Path | None = None) -> None:
    """Read `pack.yaml` and the packs it extends, then the shared fields, then the policies."""
    manifest = read_manifest(folder, reading)
    if manifest is not None and not above:
        reading.id, reading.title = str(manifest.pack), to_label(manifest.title)
        reading.source = source_of(manifest.source)
    for number, name in enumerate(manifest.extends if manifest is not None else []):
        if number == MAX_PACKS:
            reading.error("chain-too-long", name.span, f"a pack extends at most {MAX_PACKS} others")
            break
        base = base_folder(folder, name, reading)
        if base is None:
            continue
        if base.resolve() in (*above, folder.resolve()):
            reading.error("pack-cycle", name.span, f"the pack `{name}` extends itself in a circle")
            continue
        read_folder(base, reading, (*above, folder.resolve()))
    trees = [
        (file, tree)
        for file in policy_files(folder, reading, only)
        if file.name != PACK and (tree := read_tree(file, reading)) is not None
    ]
    for file, tree in trees:
        if file.name == FIELDS:
            read_fields(tree, reading, own=not above)
    for file, tree in trees:
        if file.name != FIELDS and (only is None or file == only or ID.fullmatch(str(policy_id(tree) or ""))):
            add_source(str(file), tree, reading, len(above))


def read_manifest(folder: Path, reading: Reading) -> PackDocument | None:
    """The `pack.yaml` of a folder, if it has one."""
    file = folder / PACK
    if not file.is_file():
        return None
    tree = read_tree(file, reading)
    return None if tree is None else read_document(PackDocument, tree, reading.diagnostics)


def base_folder(folder: Path, name: Text, reading: Reading) -> Path | None:
    """The folder of a pack that is extended: around this one, beside it, or installed."""
    for manifest in (folder.parent / PACK, *sorted(folder.parent.glob(f"*/{PACK}"))):
        if manifest.is_file() and pack_id(manifest) == name:
            return manifest.parent
    try:
        return INSTALLED.get(str(name)) or find_plugged(str(name))
    except FileNotFoundError:
        reading.error(
            "unknown-pack", name.span, f"there is no pack `{name}` around or beside this one, and none is installed"
        )
        return None


def pack_id(manifest: Path) -> str | None:
    """The name that a `pack.yaml` gives its pack, if it says one."""
    tree, _ = read_yaml(read_limited(manifest) or b"", str(manifest))
    name = tree.get(Text("pack", tree.span)) if isinstance(tree, Tree) else None
    return name if isinstance(name, Text) else None


def policy_files(folder: Path, reading: Reading, only: Path | None) -> list[Path]:
    """The policy files of a pack in a stable order; folders that are packs themselves are left out."""
    files: list[Path] = []
    pending = [folder]
    while pending:
        current = pending.pop(0)
        for entry in entries(current, reading):
            if entry.is_dir() and not entry.is_symlink():
                if only is None and not (entry / PACK).is_file() and not entry.name.startswith("."):
                    pending.append(entry)
            elif entry.suffix in SUFFIXES and not entry.name.endswith(CASES) and entry.is_file():
                files.append(entry)
                if len(files) > MAX_FILES:
                    reading.error("too-many-files", Span(str(folder), 1, 1, 2), f"a pack has at most {MAX_FILES} files")
                    return []
    return [entry for entry in files if only is None or entry == only or looks_like_policy(entry)]


def entries(folder: Path, reading: Reading) -> list[Path]:
    """What stands in a folder, in a stable order."""
    try:
        return sorted(folder.iterdir())
    except OSError:
        reading.error("unreadable-file", Span(str(folder), 1, 1, 2), "the folder cannot be opened")
        return []


def looks_like_policy(file: Path) -> bool:
    """True for a neighbour that a single file may need: shared fields, or a readable policy."""
    if file.name == FIELDS:
        return True
    tree, findings = read_yaml(read_limited(file) or b"", str(file))
    return not findings and isinstance(tree, Tree)


def read_limited(file: Path) -> bytes | None:
    """The bytes of a file, cut just above the size limit for the reader to refuse; None if it cannot be opened."""
    try:
        with file.open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except OSError:
        return None


def shown_text(file: Path) -> str:
    """The text of a file as far as a message can show it; empty where it cannot be opened."""
    return (read_limited(file) or b"").decode("utf-8", errors="replace")


def read_tree(file: Path, reading: Reading) -> Tree | None:
    """The text tree of one file; None after reporting why there is none."""
    path = str(file)
    data = read_limited(file)
    if data is None:
        reading.error("unreadable-file", Span(path, 1, 1, 2), "the file cannot be opened", "check who may read it")
        return None
    if not reading.admits(len(data), Span(path, 1, 1, 2)):
        return None
    reading.texts[path] = data.decode("utf-8", errors="replace")
    tree, diagnostics = read_yaml(data, path)
    reading.diagnostics += diagnostics
    if tree is None:
        reading.unread = True
        return None
    if not isinstance(tree, Tree):
        reading.error("wrong-shape", Span(path, 1, 1, 2), "expected a policy: a mapping of keys")
        return None
    return tree


def read_fields(tree: Tree, reading: Reading, *, own: bool) -> None:
    """The shared fields of a pack; those of a pack that extends another replace that one's."""
    document = read_document(FieldsDocument, tree, reading.diagnostics)
    if document is not None:
        reading.shared |= {str(name): field_document for name, field_document in document.fields.items()}
        reading.own_shared += [(str(name), name.span) for name in document.fields if own]


def policy_id(tree: Tree) -> Any:
    """What stands behind the key `policy`, or None."""
    return next((value for key, value in tree.items() if key == "policy"), None)


def add_source(path: str, tree: Tree, reading: Reading, level: int) -> None:
    """Remember a policy file by its id, version and the level of its pack."""
    keys = {str(key): key for key in tree}
    name = policy_id(tree)
    if name is None:
        key = next((key for key in keys if key not in KNOWN_KEYS and did_you_mean(key, ["policy"])), None)
        remedy = f"`{key}` is not known; write `policy`" if key else "begin the file with `policy: name-of-the-policy`"
        reading.error("missing-key", tree.span, "the key `policy` is missing", remedy)
        return
    if not isinstance(name, Text) or ID.fullmatch(name) is None:
        remedy = "a letter or digit, then letters, digits, `.`, `-` or `_`"
        reading.error("bad-id", place_of(name, tree), f"expected the name of the policy, found {shape(name)}", remedy)
        return
    version = next((value for key, value in tree.items() if key == "version"), "")
    size = len(reading.texts[path])
    reading.sources.append(Source(path, tree, name, str(version), level, size))
