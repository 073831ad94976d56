"""From the policy files of a pack to its editions: extensions, requirements, lowering.

Files refer to each other by policy id: `extends` lays a policy over another one, `requires` asks
another one first. Both are followed here, each file is lowered once, circles are reported, and of
two policies with one id the one of the pack itself hides that of a pack it extends.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from crm_rules.about import About
from crm_rules.diagnostics import Diagnostic, Label, did_you_mean
from crm_rules.ir.program import Label as Words
from crm_rules.ir.program import Output, Program
from crm_rules.ir.typing import Function
from crm_rules.kinds.documents import FieldDocument, PolicyDocument, SourceDocument
from crm_rules.kinds.draft import Required, to_label
from crm_rules.kinds.extension import extend
from crm_rules.kinds.lowering import Context, lower_policy, read_policy
from crm_rules.kinds.reading import place, shape
from crm_rules.pack import Edition
from crm_rules.reader.yaml_text import Mapping as Tree
from crm_rules.source import Span, Text

MAX_CHAIN = 64  # policies that stand on one another; lowering walks down such a chain by recursion
MAX_BYTES = 10_000_000  # of a pack, where a policy that extends another one counts that one's text too


@dataclass(slots=True)
class Source:
    """One policy file on its way; `level` 0 is the pack itself, 1 a pack it extends, and so on."""

    path: str
    tree: Tree
    id: Text
    version: str
    level: int
    size: int = 0
    layers: tuple[str, ...] = ()
    rests_on: frozenset[str] = frozenset()
    document: PolicyDocument | None = None
    edition: Edition | None = None
    state: str = "new"  # then "open" while what it needs is worked on, then "done"


@dataclass(slots=True)
class Reading:
    """A pack while it is read."""

    functions: Mapping[str, Function]
    diagnostics: list[Diagnostic] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    shared: dict[str, FieldDocument] = field(default_factory=dict)
    sources: list[Source] = field(default_factory=list)
    own_shared: list[tuple[str, Span]] = field(default_factory=list)
    id: str = ""
    title: Words = Words()  # noqa: RUF009 - immutable
    source: str = ""
    size: int = 0
    depth: int = 0
    unread: bool = False
    shown: dict[str, list[Source]] | None = None
    known: dict[str, list[Source]] | None = None

    def error(self, code: str, span: Span, message: str, remedy: str = "", labels: tuple[Label, ...] = ()) -> None:
        """Report one error."""
        self.diagnostics.append(Diagnostic(code, "error", span, message, help=remedy, labels=labels))

    def visible(self) -> dict[str, list[Source]]:
        """By id, the editions that are not hidden by a pack nearer to the top; asked when all files are read."""
        if self.shown is None:
            nearest: dict[str, int] = {}
            for source in self.sources:
                nearest[source.id] = min(source.level, nearest.get(source.id, source.level))
            self.shown = {}
            for source in self.sources:
                if source.level == nearest[source.id]:
                    self.shown.setdefault(str(source.id), []).append(source)
        return self.shown

    def all_by_id(self) -> dict[str, list[Source]]:
        """By id, the policy files of all packs; asked when all files are read."""
        if self.known is None:
            self.known = {}
            for source in self.sources:
                self.known.setdefault(str(source.id), []).append(source)
        return self.known

    def admits(self, size: int, span: Span) -> bool:
        """Count some more text; report once when the pack grows too large."""
        before, self.size = self.size, self.size + size
        if before <= MAX_BYTES < self.size:
            message = f"a pack has at most {MAX_BYTES:,} bytes, those of extended policies counted each time"
            self.error("pack-too-large", span, message, "split the pack")
        return self.size <= MAX_BYTES


def link(reading: Reading, wanted: Iterable[Source], *, everything: bool) -> tuple[Edition, ...]:
    """The editions of the wanted files and of what they require, in the order of the files."""
    shown = {id(source) for editions in reading.visible().values() for source in editions}
    asked = [source for source in wanted if id(source) in shown]
    for source in asked:
        document(source, reading)
    for source in asked:
        lower(source, reading)
    refuse_twins([source for source in reading.sources if everything or source.state != "new"], reading)
    finished = [source.edition for source in reading.sources if id(source) in shown and source.edition is not None]
    programs = {edition.program.id: edition.program for edition in finished}
    for edition in finished:
        check_chain(edition.program, programs, reading)
    return tuple(finished)


def refuse_twins(sources: Iterable[Source], reading: Reading) -> None:
    """One file an edition: the same id and version twice in one pack is a mistake."""
    seen: dict[tuple[str, str, int], Source] = {}
    for source in sources:
        first = seen.setdefault((str(source.id), source.version, source.level), source)
        if first is not source:
            version = f" {source.version}" if source.version else ""
            reading.error(
                "duplicate-policy",
                source.id.span,
                f"the policy `{source.id}`{version} stands twice",
                "give each edition a version of its own",
                (Label(first.id.span, "first here"),),
            )


def document(source: Source, reading: Reading) -> PolicyDocument | None:
    """The document of a file, its extension laid over the base; None after reporting why there is none."""
    if source.state != "new":
        if source.state == "open":
            reading.error("extends-cycle", source.id.span, f"`{source.id}` extends itself in a circle")
        return source.document
    source.state = "open"
    tree = extended(source, reading)
    if tree is not None:
        before = len(reading.diagnostics)
        source.tree = tree
        source.document = read_policy(tree, reading.diagnostics)
        if source.document is None and len(reading.diagnostics) == before:
            raise AssertionError(source.path)
    source.state = "done"
    return source.document


def extended(source: Source, reading: Reading) -> Tree | None:
    """The tree of a file, laid over that of the policy it extends."""
    name = next((value for key, value in source.tree.items() if key == "extends"), None)
    if name is None:
        return source.tree
    if not isinstance(name, Text):
        reading.error("wrong-shape", place(name, source.tree), f"expected the id of one policy, found {shape(name)}")
        return None
    base = base_of(source, name, reading)
    tree = None if base is None else base_tree(base, name, reading)
    if base is None or tree is None:
        return None
    source.layers = (*base.layers, base.path)
    source.size = len(reading.texts[source.path]) + base.size
    if not reading.admits(base.size, name.span):
        return None
    before = len(reading.diagnostics)
    merged = extend(tree, source.tree, reading.diagnostics)
    return merged if len(reading.diagnostics) == before else None


def base_of(source: Source, name: Text, reading: Reading) -> Source | None:
    """The policy that another one extends; None after reporting that it is not there, or stands in a circle.

    Of the same id it is the one of a pack below, or the edition that was in force before.
    """
    candidates = [
        known
        for known in reading.all_by_id().get(str(name), [])
        if known is not source and (known.id != source.id or known.level > source.level or begins_before(known, source))
    ]
    base = in_force(candidates, start_of(source.tree))
    if base is None and name != source.id:
        others = set(reading.all_by_id()) - {str(source.id)}
        message = f"there is no policy `{name}` to extend"
        reading.error("unknown-policy", name.span, message, absent(name, others, reading))
        return None
    if base is None or base.state == "open":
        reading.error("extends-cycle", name.span, circle(source.id, name, "extend"))
        return None
    return base


def begins_before(known: Source, source: Source) -> bool:
    """True for an earlier edition in the same pack."""
    start = start_of(source.tree)
    return known.level == source.level and start is not None and (start_of(known.tree) or date.min) < start


def base_tree(base: Source, name: Text, reading: Reading) -> Tree | None:
    """The tree of a base, itself laid over what it extends."""
    if base.state != "new":
        return None if base.document is None else base.tree  # the base has said what is wrong with it
    if too_deep(name, reading):
        return None
    base.state = "open"
    reading.depth += 1
    tree = extended(base, reading)
    reading.depth -= 1
    base.state = "new"
    return tree


def absent(name: Text, known: Iterable[str], reading: Reading) -> str:
    """What to do about a policy that is not there."""
    if reading.unread:
        return "it may be one of the files that could not be read"
    bare = name.rpartition("/")[2].removesuffix(".yaml").removesuffix(".yml")
    if bare != name and bare in set(known):
        return f"write the id of the policy, not its file: `{bare}`"
    words = list(known)
    return did_you_mean(name, words) or did_you_mean(name.partition(".")[0], words)


def circle(one: str, other: str, verb: str) -> str:
    """The message for policies that need each other."""
    return f"`{one}` {verb}s itself" if one == other else f"`{one}` and `{other}` {verb} each other in a circle"


def too_deep(name: Text, reading: Reading) -> bool:
    """Report a chain of policies that stand on one another without end in sight."""
    if reading.depth < MAX_CHAIN:
        return False
    reading.error("chain-too-long", name.span, f"a policy rests on at most {MAX_CHAIN} others", "shorten the chain")
    return True


def start_of(tree: Tree) -> date | None:
    """The day an edition begins, as far as its tree says one."""
    word = next((value for key, value in tree.items() if key == "valid_from"), None)
    try:
        return date.fromisoformat(str(word))
    except ValueError:
        return None  # absent, or reported when the document is read


def in_force(candidates: list[Source], day: date | None) -> Source | None:
    """Of several editions the one that has begun on a day; without a day, or none begun, the last."""
    begun = [source for source in candidates if day is None or (start_of(source.tree) or date.min) <= day]
    ordered = sorted(begun or candidates, key=lambda source: start_of(source.tree) or date.min)
    return ordered[-1] if ordered else None


def lower(source: Source, reading: Reading) -> Program | None:
    """Lower one policy after those it requires; each once."""
    if source.state == "lowering":
        return None  # the circle is reported where it closes
    found = document(source, reading) if source.state == "new" else source.document
    if source.edition is not None or found is None:
        return source.edition.program if source.edition is not None else None
    if source.state == "lowered":
        return None
    source.state = "lowering"
    before = len(reading.diagnostics)
    required = {
        str(alias): output for alias, wanted in found.requires.items() if (output := require(source, wanted, reading))
    }
    if len(source.rests_on) > MAX_CHAIN:
        message = f"a policy rests on at most {MAX_CHAIN} others, found {len(source.rests_on)}"
        reading.error("chain-too-long", source.id.span, message, "shorten the chain")
    elif len(required) == len(found.requires):
        lowered = lower_policy(found, Context(reading.shared, required, reading.functions))
        reading.diagnostics += lowered.diagnostics
        if lowered.program is not None:
            source.edition = Edition(lowered.program, about(found, source, reading))
    elif len(reading.diagnostics) == before:
        pass  # the required policy has said what is wrong with it
    source.state = "lowered"
    return source.edition.program if source.edition is not None else None


def require(source: Source, wanted: Text, reading: Reading) -> Required | None:
    """The output that `policy` or `policy.output` names; None after reporting why there is none."""
    ids = reading.visible()
    stem = wanted.removesuffix(".yaml").removesuffix(".yml")
    if stem != wanted and stem in ids:
        message = f"there is no policy `{wanted}` to require"
        reading.error("unknown-policy", wanted.span, message, absent(wanted, ids, reading))
        return None
    policy, _, name = (str(wanted), "", "") if wanted in ids else wanted.rpartition(".")
    if policy not in ids:
        reading.error(
            "unknown-policy", wanted.span, f"there is no policy `{wanted}` to require", absent(wanted, ids, reading)
        )
        return None
    target = in_force(ids[str(policy)], start_of(source.tree))
    if target is None:
        raise AssertionError(policy)
    if target.state == "lowering":
        reading.error("requires-cycle", wanted.span, circle(source.id, policy, "require"))
        return None
    if target.state != "lowered" and too_deep(wanted, reading):
        return None
    reading.depth += 1
    program = lower(target, reading)
    reading.depth -= 1
    source.rests_on |= target.rests_on | {str(policy)}
    if program is None:
        return None
    output = choose_output(program, name, wanted, reading)
    return None if output is None else Required(policy, output)


def choose_output(program: Program, name: str, wanted: Text, reading: Reading) -> Output | None:
    """The named output, or the only one."""
    outputs = {output.name: output for output in program.outputs}
    if name in outputs:
        return outputs[name]
    if not name and len(outputs) == 1:
        return program.outputs[0]
    known = ", ".join(f"{program.id}.{output}" for output in outputs)
    message = f"`{program.id}` has no output `{name}`" if name else f"`{program.id}` has several outputs"
    reading.error("unknown-output", wanted.span, message, f"write one of {known}")
    return None


def check_chain(program: Program, programs: Mapping[str, Program], reading: Reading) -> None:
    """A field that a policy shares with one it requires must be the same field."""
    own = {item.name: item for item in program.fields}
    aliases = {alias for alias, _, _ in program.required}
    pending, seen = [policy for _, policy, _ in program.required], set[str]()
    while pending:
        name = pending.pop()
        if name in seen or name not in programs:
            continue
        seen.add(name)
        required = programs[name]
        pending += [policy for _, policy, _ in required.required]
        for other in required.fields:
            mine = own.get(other.name)
            inner = {alias for alias, _, _ in required.required}
            if mine is not None and mine.span is not None and (other.name in aliases) is not (other.name in inner):
                labels = () if other.span is None else (Label(other.span, f"here in {required.id}"),)
                reading.error(
                    "duplicate-name",
                    mine.span,
                    f"`{mine.name}` is a field in one policy of the chain and the name of a requirement in another",
                    "rename one of them",
                    labels,
                )
            elif mine is not None and mine.type != other.type and other.name not in aliases and mine.span is not None:
                labels = () if other.span is None else (Label(other.span, f"another type in {required.id}"),)
                reading.error(
                    "conflicting-field",
                    mine.span,
                    f"`{mine.name}` has another type in `{required.id}`, which this policy requires",
                    "declare it once in the pack's fields.yaml",
                    labels,
                )


def about(found: PolicyDocument, source: Source, reading: Reading) -> About:
    """What people want to know of a policy; the source of the pack stands for a policy that names none."""
    origin = found.source
    keys = {str(key): value for key, value in source.tree.items() if isinstance(value, Text)}
    return About(
        title=to_label(found.title),
        valid_from=found.valid_from,
        valid_to=found.valid_to,
        valid_from_at=keys["valid_from"].span if "valid_from" in keys else None,
        valid_to_at=keys["valid_to"].span if "valid_to" in keys else None,
        source=source_of(origin) or (reading.source if source.level == 0 else ""),
        items=() if origin is None else tuple(str(item) for item in origin.items),
        owner=str(found.owner or ""),
        approver=str(found.approver or ""),
        extends=source.layers,
        readings=tuple(
            (str(item.defect or ""), str(item.item or ""), to_label(item.reading)) for item in found.readings
        ),
        path=source.path,
    )


def source_of(origin: SourceDocument | None) -> str:
    """The paper that a policy or pack names."""
    title = to_label(None if origin is None else origin.title)
    return "" if origin is None else str(origin.document or "") or title.en or title.zh
