"""The conformance kit for kinds of policy: `check_kind(kind, documents)`.

It holds a kind of another package to what the kinds of this library promise: good policies load to one and the same
well-typed program, bad ones are reported and never raise, and every decision is pure, total, exact and explained.
"""

from __future__ import annotations

import pickle
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

from crm_rules.backends.to_json import from_json, to_json
from crm_rules.ir.check import check
from crm_rules.ir.normalize import normalize
from crm_rules.ir.typing import Function
from crm_rules.kinds import find_kind, plugged_kinds, register_kind
from crm_rules.kinds.kind import Kind
from crm_rules.loading import CASES, FIELDS, PACK, SUFFIXES, load_with_report
from crm_rules.pack import Pack
from crm_rules.policy import Policy
from crm_rules.rendering import render_text
from crm_rules.testing.examples import about, demand, for_examples
from crm_rules.testing.pack_kit import check_cases, pairs
from crm_rules.testing.promises import check_promises

EXAMPLES = 100
KEY = re.compile(r"^([^\s#:][^:]*):", re.MULTILINE)
NONSENSE = ("[nonsense]", "{nonsense: [1, {deep: 2}]}", "nonsense", "", "[]", "{}", "-1")


def check_kind(
    kind: Kind,
    documents: str | Path | Mapping[str, str] | Iterable[str],
    *,
    today: date | None = None,
    functions: Mapping[str, Function] = MappingProxyType({}),
    examples: int = EXAMPLES,
) -> None:
    """Raise AssertionError unless the kind keeps what any kind promises, shown by some good policies of it.

    `documents` is a folder of policies, or the texts of policy files, by file name or alone. Cases beside the policies
    are run. `today` is the day of all decisions; without it they are made on many days. The kind need not be
    registered, and is as before afterwards. Cost: a second or two for a policy.
    """
    with known(kind), folder_of(documents) as folder:
        pack = loaded(folder, functions)
        policies = [policy for policy in each(pack) if policy.kind == kind.name]
        demand(policies, f"none of the documents is of the kind `{kind.name}`")
        again = {(policy.id, policy.version): policy for policy in each(loaded(folder, functions))}
        for policy in policies:
            check_program(policy, again[policy.id, policy.version])
        check_bad_documents(kind, folder, functions)
        check_cases(folder)
        for policy in policies:
            drawn = pairs(policy, today)
            if drawn is not None:
                for_examples(drawn, lambda pair, policy=policy: check_promises(policy, *pair), examples)  # type: ignore[misc]


@contextmanager
def known(kind: Kind) -> Iterator[None]:
    """The kind registered, and no longer so afterwards if it was not before."""
    registered = find_kind(kind.name)
    demand(registered in (None, kind), f"there is another kind `{kind.name}`")
    if registered is None:
        register_kind(kind)
    try:
        yield
    finally:
        if registered is None:
            del plugged_kinds()[kind.name]


@contextmanager
def folder_of(documents: str | Path | Mapping[str, str] | Iterable[str]) -> Iterator[Path]:
    """The folder of the documents; texts are written to one that is removed afterwards."""
    if isinstance(documents, Path) or (isinstance(documents, str) and "\n" not in documents):
        yield Path(documents)
        return
    if isinstance(documents, str):
        documents = [documents]
    named = documents if isinstance(documents, Mapping) else {f"{n}.yaml": text for n, text in enumerate(documents, 1)}
    with TemporaryDirectory() as place:
        for name, text in named.items():
            (Path(place) / name).write_text(text, encoding="utf-8")
        yield Path(place)


def loaded(folder: Path, functions: Mapping[str, Function]) -> Pack:
    """The pack of a folder of good policies."""
    with about("the documents load"):
        pack, report, texts = load_with_report(folder, functions=functions)
    if pack is None:
        raise AssertionError(f"the documents do not load\n{render_text(report, texts)}")
    return pack


def each(pack: Pack) -> list[Policy]:
    """Every edition of every policy."""
    return [pack.version(one.program.id, one.program.version) for one in pack.editions]


def check_program(policy: Policy, again: Policy) -> None:
    """A policy lowers to one well-formed, well-typed program, which travels as JSON and in a pickle."""
    program = policy.program
    with about(f"{policy.id} is lowered"):
        demand(again.program == program, "loading the same file twice gives two different programs")
        demand(again.content_hash == policy.content_hash, "loading the same file twice gives two content hashes")
        findings = check(program, policy.functions)
        demand(not findings, f"the program is not well typed\n{render_text(findings, {})}")
        demand(from_json(to_json(program)) == program, "the program is another one after a round trip through JSON")
        demand(normalize(normalize(program)) == normalize(program), "normalising a second time changes the program")
        demand(pickle.loads(pickle.dumps(policy)) == policy, "a pickled policy is another one")  # noqa: S301 - ours
    with about(f"{policy.id} names its rules"):
        demand(program.outputs, "the program has no output, so nothing can be decided")
        for step, times in Counter(step.id for step in program.steps).items():
            demand(times == 1, f"{times} steps are called `{step}`")
        for name, table, row in program.rules():
            demand(row.id, f"a rule of `{table.id}` has no id")
            demand([one.id for one in table.rows].count(row.id) == 1, f"two rules are called `{name}`")
            demand(row.span is not None, f"the rule `{name}` has no span, so no finding can show where it stands")


def check_bad_documents(kind: Kind, folder: Path, functions: Mapping[str, Function]) -> None:
    """Each key of each document left out or filled with nonsense: reported, or accepted, and never an exception."""
    good = {path: path.read_text(encoding="utf-8") for path in sorted(folder.iterdir()) if path.suffix in SUFFIXES}
    tried = [path for path in good if path.name not in (PACK, FIELDS) and not path.name.endswith(CASES)]
    with TemporaryDirectory() as place:
        copy = Path(place)
        for path, text in good.items():
            (copy / path.name).write_text(text, encoding="utf-8")
        for path in tried:
            if not re.search(rf"^kind: *{re.escape(kind.name)}\b", good[path], re.MULTILINE):
                continue
            for what, text in spoiled(good[path]):
                (copy / path.name).write_text(text, encoding="utf-8")
                with about(f"{path.name} with {what}"):
                    _, report, _ = load_with_report(copy, functions=functions)
                    for item in report:
                        demand(item.span.line >= 1, f"the finding `{item.code}` has no place")
            (copy / path.name).write_text(good[path], encoding="utf-8")


def spoiled(text: str) -> Iterator[tuple[str, str]]:
    """The text without each of its outermost keys, and with nonsense behind each of them."""
    starts = [match.start() for match in KEY.finditer(text)]
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        key = text[start : text.index(":", start)]
        if key == "kind":
            continue
        yield f"`{key}` left out", text[:start] + text[end:]
        for value in NONSENSE:
            yield f"`{key}: {value}`", f"{text[:start]}{key}: {value}\n{text[end:]}"
