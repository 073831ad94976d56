"""One file of cases: from its text to `Case`s that can be decided, all mistakes at once.

The words of a record are read by the types of the policy's fields, as those of a CSV file would be
(`10万` is a number); a word that its type cannot read makes the decision `invalid`, it is no mistake
of the file. What a case expects has to be said completely: every output of a decided case.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from crm_rules.decision import Status
from crm_rules.diagnostics import Diagnostic, Label, did_you_mean
from crm_rules.errors import CallError
from crm_rules.ir.numbers import to_fact
from crm_rules.ir.program import Field as Input
from crm_rules.ir.program import Output
from crm_rules.ir.record import Rejected, parse_fact
from crm_rules.ir.types import Choice, ListOfValues, Type, show_type
from crm_rules.kinds.documents import Day, Document, Id, Tree, Word
from crm_rules.kinds.reading import place, read_document
from crm_rules.loading import read_limited
from crm_rules.pack import Pack
from crm_rules.policy import Policy
from crm_rules.reader.yaml_text import Mapping as Branch
from crm_rules.reader.yaml_text import Sequence, read_yaml
from crm_rules.source import Span, Text


class CaseDocument(Document):
    """One case: a record, a day, and what is expected of the decision."""

    name: Word
    today: Day | None = None
    record: dict[Word, Tree]
    beside: list[dict[Word, Tree]] | None = None
    given: dict[Word, Tree] = Field(default_factory=dict)
    expect: dict[Word, Tree] = Field(default_factory=dict)
    rules: list[Word] | None = None
    status: Literal["decided", "no_match", "conflict", "invalid", "blocked"] = "decided"
    reason: Word | None = None


class CasesDocument(Document):
    """A file of cases; `today` is the day, and `beside` the other records, of every case without its own."""

    policy: Id
    today: Day | None = None
    edition: Word | None = None
    beside: list[dict[Word, Tree]] = Field(default_factory=list)
    cases: list[CaseDocument]


@dataclass(frozen=True, slots=True)
class Case:
    """A case ready to be decided; `places` says where each part of it was written.

    Without `rules` (None) any rules will do, without `reason` any reasons. The keys of `places` are
    `status`, `rules`, `reason`, `record.FIELD`, `given.ALIAS` and `expect.OUTPUT`. `beside` are the
    records that a ranking sees together with the case's own.
    """

    name: Text
    policy: Policy
    today: date | None
    record: Mapping[str, Any]
    given: Mapping[str, Any]
    status: Status
    expect: Mapping[str, Any]
    rules: tuple[str, ...] | None
    reason: str
    places: Mapping[str, Span]
    beside: tuple[Mapping[str, Any], ...] = ()

    def place(self, key: str) -> Span:
        """Where a part of the case stands, else its name."""
        return self.places.get(key, self.name.span)


@dataclass(frozen=True, slots=True)
class CaseFile:
    """The cases of one file; those with a mistake are left out."""

    path: str
    policy: str
    cases: tuple[Case, ...]


def read_cases(path: str | Path, pack: Pack) -> tuple[CaseFile | None, list[Diagnostic]]:
    """The cases of a file for the policies of a pack, and every mistake of the file."""
    diagnostics: list[Diagnostic] = []
    data = read_limited(Path(path))
    if data is None:
        start = Span(str(path), 1, 1, 2)
        message = "the file cannot be opened"
        return None, [Diagnostic("unreadable-file", "error", start, message, help="check who may read it")]
    tree, found = read_yaml(data, str(path))
    diagnostics += found
    if tree is None:
        return None, diagnostics
    document = read_document(CasesDocument, tree, diagnostics)
    if document is None or not isinstance(tree, Branch):
        return None, diagnostics
    reader = _Reader(document, pack, diagnostics)
    if document.policy not in pack:
        remedy = did_you_mean(document.policy, pack)
        reader.error(
            "unknown-policy", document.policy.span, f"there is no policy `{document.policy}` in this pack", remedy
        )
        return None, diagnostics
    items = next(value for key, value in tree.items() if key == "cases")
    if not document.cases:
        reader.error("no-cases", place(items, tree), "the file has no cases", "write a case, or delete the file")
        return None, diagnostics
    reader.refuse_twins()
    cases = [reader.case(case, branch) for case, branch in zip(document.cases, items, strict=True)]
    kept = tuple(case for case in cases if case is not None)
    return CaseFile(str(path), str(document.policy), kept), diagnostics


@dataclass(slots=True)
class _Reader:
    """The cases of one file on their way."""

    document: CasesDocument
    pack: Pack
    diagnostics: list[Diagnostic]

    def error(self, code: str, span: Span, message: str, remedy: str = "", labels: tuple[Label, ...] = ()) -> None:
        """Report one mistake of the file, once."""
        found = Diagnostic(code, "error", span, message, help=remedy, labels=labels)
        if found not in self.diagnostics:
            self.diagnostics.append(found)

    def refuse_twins(self) -> None:
        """Every case has a name of its own."""
        seen: dict[str, Text] = {}
        for case in self.document.cases:
            first = seen.setdefault(str(case.name), case.name)
            if first is not case.name:
                labels = (Label(first.span, "first here"),)
                self.error(
                    "duplicate-case", case.name.span, f"the case `{case.name}` stands twice", "rename one", labels
                )

    def case(self, document: CaseDocument, branch: Any) -> Case | None:
        """One case; None after reporting what is wrong with it."""
        before = len(self.diagnostics)
        today = document.today or self.document.today
        policy = self.policy(today, document.name)
        if policy is None:
            return None
        if policy.needs_today and today is None:
            self.error(
                "case-without-today",
                document.name.span,
                f"`{policy.id}` decides by the day, and the case has no `today`",
                "write `today: 2026-01-31` in the case, or once above all cases",
            )
        record = self.record(document.record, policy)
        beside = self.beside(document, policy)
        aliases = required_fields(policy)
        for alias in document.given:
            if alias not in aliases:
                remedy = did_you_mean(alias, aliases) or "required here: " + (", ".join(aliases) or "nothing")
                self.error("unknown-field", alias.span, f"`{policy.id}` requires no decision `{alias}`", remedy)
        given = {
            str(alias): self.fact(alias, value, aliases[alias].type)
            for alias, value in document.given.items()
            if alias in aliases
        }
        expect = self.expect(document, policy)
        self.check_rules(document, policy)
        if len(self.diagnostics) > before:
            return None
        rules = None if document.rules is None else tuple(map(str, document.rules))
        return Case(
            document.name,
            policy,
            today,
            record,
            given,
            document.status,
            expect,
            rules,
            str(document.reason or ""),
            dict(places(branch)),
            beside,
        )

    def policy(self, today: date | None, name: Text) -> Policy | None:
        """The edition that the file names, the only one, or that of the day."""
        id, version = str(self.document.policy), self.document.edition  # noqa: A001 - the word of the language
        if version is not None:
            try:
                return self.pack.version(id, str(version))
            except CallError as error:
                known = [edition.program.version for edition in self.pack.editions if edition.program.id == id]
                remedy = did_you_mean(version, known) or "known here: " + ", ".join(known)
                self.error("unknown-edition", version.span, str(error), remedy)
                return None
        try:
            return self.pack[id]
        except CallError:
            if today is None:
                self.error("case-without-today", name.span, f"`{id}` has several editions, and the case has no `today`")
                return None
        dated = self.pack.on(today)
        if id not in dated:
            self.error(
                "unknown-edition", name.span, f"no edition of `{id}` is in force on {today}", "add `edition: VERSION`"
            )
            return None
        return dated[id]

    def beside(self, document: CaseDocument, policy: Policy) -> tuple[dict[str, Any], ...]:
        """The records that are ranked together with that of the case; the file's, unless it has its own."""
        found = self.document.beside if document.beside is None else document.beside
        if found and not policy.ranks():
            remedy = "leave out `beside`"
            message = f"`{policy.id}` decides each record alone, so other records beside it mean nothing"
            self.error("unsuited-key", document.name.span, message, remedy)
        return tuple(self.record(one, policy) for one in found)

    def record(self, written: Mapping[Text, Any], policy: Policy) -> dict[str, Any]:
        """The facts of a record, each as its field's type reads it."""
        measured = set(policy.whole.measured)  # a record may say where it stands among the others
        kinds = {item.name: item.type for item in (*policy.inputs, *policy.whole.fields) if item.name in measured}
        kinds |= {item.name: item.type for item in policy.inputs}
        columns = set(policy.currency_columns())
        aliases = required_fields(policy)
        facts: dict[str, Any] = {}
        for name, value in written.items():
            if name in kinds or name in columns:
                facts[str(name)] = self.fact(name, value, kinds.get(str(name)))
                continue
            remedy: str = did_you_mean(name, [*kinds, *columns]) or "known here: " + ", ".join([*kinds, *columns])
            if name in aliases:
                remedy = f"hand a required decision over in `given: {{{name}: …}}`"
            self.error("unknown-field", name.span, f"`{policy.id}` has no field `{name}`", remedy)
        return facts

    def fact(self, name: Text, value: Any, kind: Type | None) -> Any:
        """One fact; a word that its type cannot read stays a text, and the decision says so."""
        if not isinstance(value, Text):
            self.error("wrong-shape", place(value, name), f"expected one value for `{name}`")
            return None
        if value in {"", "missing"} and not value.quoted:
            return None
        parsed = Rejected("wrong-type", "") if kind is None else parse_fact(kind, str(value))
        return str(value) if isinstance(parsed, Rejected) else to_fact(parsed)

    def expect(self, document: CaseDocument, policy: Policy) -> dict[str, Any]:
        """The expected outputs: all of them for a decided case, none for any other."""
        outputs = {output.name: output for output in policy.outputs}
        for name in document.expect:
            if name not in outputs:
                remedy = did_you_mean(name, outputs) or "known here: " + ", ".join(outputs)
                self.error("unknown-output", name.span, f"`{policy.id}` has no output `{name}`", remedy)
            elif document.status != "decided":
                self.error(
                    "outputs-of-undecided", name.span, f"a decision that is {document.status} has no outputs to expect"
                )
        if document.status == "decided":
            for output in outputs:
                if output not in document.expect:
                    self.error(
                        "unasserted-output",
                        document.name.span,
                        f"the case does not say what `{output}` has to be",
                        f"add `expect: {{{output}: …}}`, or the `status` that is expected",
                    )
        return {
            str(name): self.expected(outputs[name], name, value)
            for name, value in document.expect.items()
            if name in outputs
        }

    def expected(self, output: Output, name: Text, value: Any) -> Any:
        """The value of one expected output."""
        if isinstance(output.type, ListOfValues):
            if not isinstance(value, Sequence):
                self.error("wrong-shape", place(value, name), f"expected a list for `{name}`")
                return None
            return tuple(self.literal(output.type.item, name, item) for item in value)
        if output.optional and value == "missing":
            return None
        return self.literal(output.type, name, value)

    def literal(self, kind: Type, name: Text, value: Any) -> Any:
        """A value of an output's type; None after reporting that it is none."""
        if not isinstance(value, Text):
            self.error("wrong-shape", place(value, name), f"expected one value for `{name}`")
            return None
        parsed = parse_fact(kind, str(value))
        if not isinstance(parsed, Rejected):
            return to_fact(parsed)
        remedy = did_you_mean(value, kind.one_of) if isinstance(kind, Choice) else ""
        found = f"`{value}`" if value else "nothing"
        self.error("wrong-literal", value.span, f"expected {show_type(kind)}, found {found}", remedy)
        return None

    def check_rules(self, document: CaseDocument, policy: Policy) -> None:
        """Every expected rule is one of the policy."""
        known = [name for name, _, _ in policy.program.rules()]
        for rule in document.rules or []:
            if rule not in known:
                self.error("unknown-rule", rule.span, f"`{policy.id}` has no rule `{rule}`", did_you_mean(rule, known))


def required_fields(policy: Policy) -> dict[str, Input]:
    """The fields that required decisions of the whole chain fill, by alias; those nearest to the policy count."""
    own = {item.name: item for item in policy.program.fields}
    found = {requirement.alias: own[requirement.alias] for requirement in policy.required}
    for requirement in policy.required:
        found = required_fields(requirement.policy) | found
    return found


def places(branch: Branch) -> Iterable[tuple[str, Span]]:
    """Where each part of a case stands: values where they are words, else their key."""
    for key, value in branch.items():
        if isinstance(value, Branch):
            yield from (
                (f"{key}.{inner}", item.span if isinstance(item, Text) else inner.span) for inner, item in value.items()
            )
        else:
            yield str(key), value.span
