"""Deciding cases and comparing: what was expected, what was found, and which rules were reached.

A case goes through `Policy.decide`, the same way as an application's record. A failing case is one
diagnostic at its name; what differs and the decisive cells are its labels.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from crm_rules.cases.decisive import decisive_labels
from crm_rules.cases.folders import Suite
from crm_rules.cases.reading import Case, CaseFile, read_cases
from crm_rules.dataclass import dataclass
from crm_rules.decision import Decision, fact_to_json
from crm_rules.diagnostics import Diagnostic, Label, Report
from crm_rules.loading import load_with_report, shown_text
from crm_rules.pack import Pack, decide_once
from crm_rules.policy import Policy
from crm_rules.source import Span


@dataclass(frozen=True, slots=True)
class CaseResult:
    """A decided case; without diagnostics it has passed."""

    case: Case
    decision: Decision
    diagnostics: tuple[Diagnostic, ...]

    @property
    def passed(self) -> bool:
        """True when the decision is the expected one."""
        return not self.diagnostics


@dataclass(frozen=True, slots=True)
class SuiteResult:
    """What the cases of one pack gave; `report` holds the mistakes of policies and case files."""

    suite: Suite
    pack: Pack | None
    report: Report
    texts: Mapping[str, str]
    files: tuple[tuple[CaseFile, tuple[CaseResult, ...]], ...]

    @property
    def results(self) -> tuple[CaseResult, ...]:
        """Every decided case."""
        return tuple(result for _, results in self.files for result in results)


def run_suite(suite: Suite) -> SuiteResult:
    """Load the pack and run all of its case files; never raises because of what stands in them."""
    pack, report, texts = load_with_report(suite.root)
    texts = dict(texts)
    if pack is None:
        return SuiteResult(suite, None, report, texts, ())
    diagnostics = list(report)
    files: list[tuple[CaseFile, tuple[CaseResult, ...]]] = []
    for path in suite.files:
        texts[str(path)] = shown_text(path)
        file, found = read_cases(path, pack)
        diagnostics += found
        if file is not None:
            files.append((file, tuple(map(run_case, file.cases))))
    return SuiteResult(suite, pack, Report(diagnostics), texts, tuple(files))


def run_case(case: Case) -> CaseResult:
    """Decide one case and say what differs from its expectation."""
    decision = decide(case)
    differences = tuple(compare(case, decision))
    if not differences:
        return CaseResult(case, decision, ())
    first, *more = differences
    message = f"`{case.name}` expects {first.expected}, found {first.found}"
    labels = [Label(case.place(first.key), f"found {first.found}")] if first.key in case.places else []
    labels += [Label(case.place(item.key), f"expected {item.expected}, found {item.found}") for item in more]
    labels += decisive_labels(case, decision)
    span = case.name.span
    return CaseResult(
        case, decision, (Diagnostic("failed-case", "error", span, message, labels=tuple(dict.fromkeys(labels))),)
    )


def decide(case: Case) -> Decision:
    """The decision of a case; blank parameters block it, as in a pack."""
    policy = case.policy
    if policy.blank_parameters(case.today, case.given):
        return decide_once(policy, case.record, policy.usable_today(case.today), case.given, {})
    if policy.ranks(case.given) and not all(name in case.record for name in policy.whole.measured):
        return policy.decide_many((case.record, *case.beside), today=case.today, given=case.given or None)[0]
    return policy.decide(case.record, today=case.today, given=case.given or None)


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as expected; `key` is its place in the case."""

    key: str
    expected: str
    found: str


def compare(case: Case, decision: Decision) -> Iterator[Difference]:
    """Status first, because nothing else can agree when it differs; then outputs, rules and reason."""
    if decision.status != case.status:
        yield Difference("status", f"the status {case.status}", f"{decision.status}{cause(decision)}")
        return
    for name, expected in case.expect.items():
        found = decision.outputs[name]
        if found != expected:
            yield Difference(f"expect.{name}", f"{name} {shown(expected)}", shown(found))
    if case.rules is not None and case.rules != decision.rules:
        missing = [rule for rule in case.rules if rule not in decision.rules]
        surplus = [rule for rule in decision.rules if rule not in case.rules]
        if not missing and not surplus:  # the same rules in another order or number
            missing, surplus = list(case.rules), list(decision.rules)
        yield Difference("rules", listed("rule", missing), listed("rule", surplus))
    if case.reason:
        codes = list(dict.fromkeys(reason.code for reason in decision.reasons))
        if case.reason not in codes:
            yield Difference("reason", f"the reason {case.reason}", listed("reason", codes))


def cause(decision: Decision) -> str:
    """What a decision came from or failed for, in a few words."""
    if decision.status == "blocked":
        blocking = [
            f"{required.policy.id} is {required.status}"
            for _, required in decision.required
            if required.status != "decided"
        ]
        blank = [f"{problem.field} is blank" for problem in decision.problems]
        return f" ({', '.join(blocking or blank or ['it ranks all records together'])})"
    if decision.problems:
        return (
            " ("
            + ", ".join(f"{problem.field}: {problem.code.replace('-', ' ')}" for problem in decision.problems)
            + ")"
        )
    return f" by {listed('rule', list(decision.rules))}" if decision.rules else ""


def listed(noun: str, names: list[str]) -> str:
    """`rule low`, `rules low, top`, `no rule`."""
    if not names:
        return f"no {noun}" if noun != "rule" else "no other rule"
    return f"{noun}{'' if len(names) == 1 else 's'} {', '.join(names)}"


def shown(value: Any) -> str:
    """A value as a case writes it."""
    if value is None:
        return "missing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return "[" + ", ".join(map(shown, value)) + "]"
    return str(fact_to_json(value))


def unreached(results: Iterable[SuiteResult]) -> dict[str, tuple[str, ...]]:
    """The rules that no case reaches, by policy, for the policies that cases decide.

    A rule is known by the place it is written at: what the cases of a base pack reach counts for the
    pack that extends it, and the other way round.
    """
    reached: set[Span | None] = set()
    asked: dict[tuple[str, str, str], Policy] = {}
    for one in (one for result in results for one in result.results):
        policy = one.case.policy
        asked.setdefault((policy.id, policy.version, policy.about.path), policy)
        for decision in with_required(one.decision):
            rules = decision.rules
            reached |= {row.span for name, _, row in decision.program.rules() if name in rules}
    found: dict[str, tuple[str, ...]] = {}
    for policy in asked.values():
        rules = tuple(name for name, _, row in policy.program.rules() if row.span not in reached)
        if rules:
            versions = {version for name, version, _ in asked if name == policy.id}
            found[f"{policy.id} {policy.version}" if len(versions) > 1 else policy.id] = rules
    return found


def without_cases(result: SuiteResult) -> tuple[str, ...]:
    """The policies written in the pack's own folder for which there is no case, though nothing in them is blank."""
    if result.pack is None:
        return ()
    covered = {file.policy for file, _ in result.files}
    own = [
        edition.program.id
        for edition in result.pack.editions
        if Path(edition.about.path).is_relative_to(result.suite.root)
        and edition.program.id not in covered
        and not edition.program.blank_parameters
    ]
    return tuple(dict.fromkeys(own))


def with_required(decision: Decision) -> Iterator[Decision]:
    """A decision and those it was made from."""
    yield decision
    for _, required in decision.required:
        yield from with_required(required)
