"""What a run of cases came to, and how it is shown: the listing, one JSON object, the last line, the exit code."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

from crm_rules.cases import CaseResult, SuiteResult
from crm_rules.cases.coverage import PolicyCoverage
from crm_rules.cases.noticing import Noticed
from crm_rules.cases.running import unreached, without_cases
from crm_rules.cli.console import FINDINGS, FINE, GAP, UNUSABLE, paint, wrap
from crm_rules.cli.coverage import coverage_json, coverage_lines, share, show_share
from crm_rules.columns import display_width, pad
from crm_rules.dataclass import dataclass
from crm_rules.diagnostics import Diagnostic
from crm_rules.rendering import render_json, render_text

WIDTH = 110


@dataclass(frozen=True, slots=True)
class Outcome:
    """The results of all suites, what they reach, and of `--mutate` what they notice (else None)."""

    results: tuple[SuiteResult, ...]
    reach: tuple[PolicyCoverage, ...]
    least: Fraction | None
    changes: tuple[Noticed, ...] | None

    @property
    def readable(self) -> bool:
        """True when every policy and case file could be read."""
        return all(result.report.ok for result in self.results)

    @property
    def too_low(self) -> bool:
        """True when the cases reach less than was asked for."""
        return self.least is not None and share(self.reach) < self.least

    @property
    def exit_code(self) -> int:
        """What the shell is told."""
        if not self.readable:
            return UNUSABLE
        unnoticed = any(one.unnoticed for one in self.changes or ())
        failed = any(not one.passed for one in cases(self.results))
        return FINDINGS if failed or unnoticed or self.too_low else FINE

    @property
    def findings(self) -> list[Diagnostic]:
        """What is wrong with the files, then every failing case, then every change that no case notices."""
        found = [diagnostic for result in self.results for diagnostic in result.report]
        found += [diagnostic for one in cases(self.results) for diagnostic in one.diagnostics]
        return found + [item for one in self.changes or () for item in (*one.unnoticed, *one.undecided)]

    @property
    def last_line(self) -> str:
        """`12 passed, 1 failed, notices 41 of 45 changes`."""
        words = [counts(self.results)]
        if self.changes is not None:
            words.append(score(self.changes))
        if self.too_low:
            words.append(f"coverage {show_share(share(self.reach))} is below {show_share(self.least or Fraction(0))}")
        return ", ".join(words)


def cases(results: Sequence[SuiteResult]) -> Iterator[CaseResult]:
    """Every decided case."""
    for result in results:
        yield from result.results


def counts(results: Sequence[SuiteResult]) -> str:
    """`12 passed, 1 failed`, and how many mistakes kept cases from running."""
    passed = sum(one.passed for one in cases(results))
    failed = sum(not one.passed for one in cases(results))
    broken = sum(diagnostic.severity == "error" for result in results for diagnostic in result.report)
    words = [f"{passed} passed", f"{failed} failed"]
    if broken:
        words.append(f"{broken} {'mistake' if broken == 1 else 'mistakes'} in the files")
    return ", ".join(words)


def score(changes: Sequence[Noticed]) -> str:
    """`notices 41 of 45 changes`."""
    noticed, total = sum(one.noticed for one in changes), sum(one.total for one in changes)
    return f"notices {noticed} of {total} changes"


def listing(outcome: Outcome, *, verbose: bool, color: bool) -> Iterator[str]:
    """A line for each file (and case), the findings in their source lines, then what the cases reach and notice."""
    results = outcome.results
    paths = [file.path for result in results for file, _ in result.files]
    width = max((display_width(path) for path in paths), default=0)
    mistaken = {one.span.path for result in results for one in result.report if one.severity == "error"}
    for result in results:
        for file, found in result.files:
            failed = sum(not one.passed for one in found)
            words = f"{len(found) - failed} passed" + (f", {failed} failed" if failed else "")
            fine = not failed and file.path not in mistaken
            yield f"{mark(ok=fine, color=color)}{GAP}{pad(file.path, width)}{GAP}{words}"
            for one in found if verbose else ():
                yield f"  {mark(ok=one.passed, color=color)}{GAP}{one.case.name}"
    if findings := outcome.findings:
        texts = {path: text for result in results for path, text in result.texts.items()}
        if paths:
            yield ""
        yield render_text(findings, texts, color=color)
    if paths:
        yield ""
        if outcome.readable:
            yield from coverage_lines(outcome.reach, verbose=verbose, color=color)
        bare = [policy for result in results for policy in without_cases(result)]
        if bare:
            yield wrap(f"policies without cases: {', '.join(dict.fromkeys(bare))}", WIDTH)
    if outcome.changes is not None and paths:
        yield ""
        yield from change_lines(outcome.changes)


def mark(*, ok: bool, color: bool) -> str:
    """`ok` or `FAILED`, in one width."""
    return paint("ok    ", "green", color=color) if ok else paint("FAILED", "red", color=color)


def change_lines(changes: Sequence[Noticed]) -> Iterator[str]:
    """A line for each policy: how many of its changes the cases notice, and what became of the others."""
    width = max((display_width(one.name) for one in changes), default=0)
    for one in changes:
        rest = [
            (len(one.undecided), "not decided"),
            (one.alike, "without effect"),
            (one.untried, "not tried, it took too long"),
        ]
        words = "".join(f"; {number} {what}" for number, what in rest if number)
        yield f"{pad(one.name, width)}{GAP}notices {one.noticed} of {one.total} changes{words}"


def as_json(outcome: Outcome) -> str:
    """One JSON object: the cases by file, the findings, what the cases reach and notice, the counts."""
    results = outcome.results
    files: list[dict[str, Any]] = [
        {
            "path": file.path,
            "policy": file.policy,
            "cases": [{"name": one.case.name, "line": one.case.name.span.line, "passed": one.passed} for one in found],
        }
        for result in results
        for file, found in result.files
    ]
    found = {
        "passed": sum(one.passed for one in cases(results)),
        "failed": sum(not one.passed for one in cases(results)),
        "files": files,
        "findings": json.loads(render_json(outcome.findings)),
        "unreached": {policy: list(rules) for policy, rules in unreached(results).items()},
        "without_cases": [policy for result in results for policy in without_cases(result)],
        "coverage": coverage_json(outcome.reach),
        "changes": None if outcome.changes is None else [change_json(one) for one in outcome.changes],
    }
    return json.dumps(found, ensure_ascii=False, indent=2)


def change_json(one: Noticed) -> dict[str, Any]:
    """What became of the changes of one policy; the findings stand among all findings."""
    return {
        "policy": one.name,
        "noticed": one.noticed,
        "unnoticed": len(one.unnoticed),
        "undecided": len(one.undecided),
        "without_effect": one.alike,
        "untried": one.untried,
    }
