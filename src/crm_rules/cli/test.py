"""`crm-rules test`: the YAML cases beside the policies, and the rules that no case reaches.

Without any case the command fails, because a run that tried nothing proves nothing. A failing case
shows what was found and the cell on which it turns.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from crm_rules.cases import CaseResult, Suite, SuiteResult, find_suites, run_suite
from crm_rules.cases.running import unreached, without_cases
from crm_rules.cli.console import FINDINGS, FINE, GAP, UNUSABLE, UsageError, paint, say, wants_color, wrap
from crm_rules.cli.packs import unknown_path
from crm_rules.columns import display_width, pad
from crm_rules.diagnostics import Diagnostic
from crm_rules.rendering import render_json, render_line, render_text

HELP = "run the YAML cases beside the policies"
WIDTH = 110


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "paths", metavar="PATH", nargs="+", help="a folder, a policy, a case file, or an installed pack"
    )
    parser.add_argument("--format", choices=("text", "line", "json"), default="text", help="how to show the findings")
    parser.add_argument("-v", "--verbose", action="store_true", help="name every case")


def run(arguments: argparse.Namespace) -> int:
    """Run all cases below the paths: 0 when all pass, 1 when one fails, 2 when there is none, or a broken file."""
    suites = list(dict.fromkeys(suite for path in arguments.paths for suite in suites_of(path)))
    if not suites:
        where = ", ".join(f"`{path}`" for path in arguments.paths)
        raise UsageError(f"no cases found in {where}: write them beside the policy, in NAME.cases.yaml")
    results = [run_suite(suite) for suite in suites]
    color = wants_color(arguments.color, sys.stdout)
    match arguments.format:
        case "json":
            say(as_json(results))
        case "line":
            for diagnostic in findings(results):
                say(render_line(diagnostic))
            say(counts(results))
        case _:
            for line in listing(results, verbose=arguments.verbose, color=color):
                say(line)
            say(paint(counts(results), "red" if exit_code(results) else "green", color=color))
    return exit_code(results)


def suites_of(path: str) -> tuple[Suite, ...]:
    """The case files of one path that the user typed, by pack."""
    try:
        return find_suites(path)
    except FileNotFoundError as error:
        raise UsageError(unknown_path(path)) from error


def exit_code(results: Sequence[SuiteResult]) -> int:
    """What the shell is told."""
    if not all(result.report.ok for result in results):
        return UNUSABLE
    return FINE if all(one.passed for one in cases(results)) else FINDINGS


def cases(results: Sequence[SuiteResult]) -> Iterator[CaseResult]:
    """Every decided case."""
    for result in results:
        yield from result.results


def findings(results: Sequence[SuiteResult]) -> list[Diagnostic]:
    """What is wrong with the files, then every failing case."""
    broken = [diagnostic for result in results for diagnostic in result.report]
    return broken + [diagnostic for one in cases(results) for diagnostic in one.diagnostics]


def counts(results: Sequence[SuiteResult]) -> str:
    """`12 passed, 1 failed`, and how many mistakes kept cases from running."""
    passed = sum(one.passed for one in cases(results))
    failed = sum(not one.passed for one in cases(results))
    broken = sum(diagnostic.severity == "error" for result in results for diagnostic in result.report)
    words = [f"{passed} passed", f"{failed} failed"]
    if broken:
        words.append(f"{broken} {'mistake' if broken == 1 else 'mistakes'} in the files")
    return ", ".join(words)


def listing(results: Sequence[SuiteResult], *, verbose: bool, color: bool) -> Iterator[str]:
    """A line for each file (and case), then the findings in their source lines, then what no case reaches."""
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
    if failures := findings(results):
        texts = {path: text for result in results for path, text in result.texts.items()}
        if paths:
            yield ""
        yield render_text(failures, texts, color=color)
    if paths:
        yield ""
        yield from coverage(results)


def mark(*, ok: bool, color: bool) -> str:
    """`ok` or `FAILED`, in one width."""
    return paint("ok    ", "green", color=color) if ok else paint("FAILED", "red", color=color)


def coverage(results: Sequence[SuiteResult]) -> Iterator[str]:
    """The rules that no case reaches, and the policies without cases."""
    missed = unreached(results)
    if missed:
        yield "rules that no case reaches:"
        for policy, rules in missed.items():
            yield "  " + wrap(f"{policy}: {', '.join(rules)}", WIDTH, "    ", start=2)
    elif not any(diagnostic.severity == "error" for result in results for diagnostic in result.report):
        yield "every rule of these policies is reached by a case"
    bare = [policy for result in results for policy in without_cases(result)]
    if bare:
        yield wrap(f"policies without cases: {', '.join(dict.fromkeys(bare))}", WIDTH)


def as_json(results: Sequence[SuiteResult]) -> str:
    """One JSON object: the cases by file, the findings, the rules that no case reaches, the counts."""
    files: list[dict[str, Any]] = [
        {
            "path": file.path,
            "policy": file.policy,
            "cases": [{"name": one.case.name, "line": one.case.name.span.line, "passed": one.passed} for one in found],
        }
        for result in results
        for file, found in result.files
    ]
    return json.dumps(
        {
            "passed": sum(one.passed for one in cases(results)),
            "failed": sum(not one.passed for one in cases(results)),
            "files": files,
            "findings": json.loads(render_json(findings(results))),
            "unreached": {policy: list(rules) for policy, rules in unreached(results).items()},
            "without_cases": [policy for result in results for policy in without_cases(result)],
        },
        ensure_ascii=False,
        indent=2,
    )
