"""`crm-rules test`: the YAML cases beside the policies, what they reach, and which changes they would notice.

Without any case the command fails, because a run that tried nothing proves nothing. A failing case
shows what was found and the cell on which it turns. How results are shown is in `outcomes`, what
cases reach in `coverage`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

from crm_rules.cases import Suite, SuiteResult, find_suites, run_suite
from crm_rules.cases.coverage import PolicyCoverage, coverage
from crm_rules.cases.junit import to_junit
from crm_rules.cases.noticing import Noticed, notice
from crm_rules.cases.suggesting import suggest, to_yaml
from crm_rules.cli.console import UsageError, complain, paint, say, wants_color
from crm_rules.cli.coverage import share, show_share
from crm_rules.cli.outcomes import Outcome, as_json, counts, listing
from crm_rules.cli.packs import unknown_path
from crm_rules.cli.progress import Progress
from crm_rules.ir.numbers import parse_number
from crm_rules.rendering import render_line

HELP = "run the YAML cases beside the policies"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "paths", metavar="PATH", nargs="+", help="a folder, a policy, a case file, or an installed pack"
    )
    parser.add_argument("--format", choices=("text", "line", "json"), default="text", help="how to show the findings")
    parser.add_argument(
        "--min-coverage",
        metavar="PERCENT",
        type=percent,
        help="exit with 1 when the cases reach less of the rules and borders that can be reached",
    )
    parser.add_argument(
        "--suggest", action="store_true", help="print cases for what no case reaches, to be confirmed by a person"
    )
    parser.add_argument(
        "--mutate", action="store_true", help="change the policies, one thing at a time, and name what no case notices"
    )
    parser.add_argument("--junit", metavar="FILE", help="also write the results as JUnit XML")
    parser.add_argument("-v", "--verbose", action="store_true", help="name every case, and all that no case reaches")
    parser.add_argument("--progress", action="store_true", help="show progress even when standard error is no terminal")


def percent(text: str) -> Fraction:
    """A number from 0 to 100, with or without its sign."""
    number = parse_number(text.removesuffix("%"))
    if number is None or not 0 <= number <= 100:  # noqa: PLR2004 - all of it
        raise argparse.ArgumentTypeError(f"expected a percentage from 0 to 100, found `{text}`")
    return Fraction(number)


def run(arguments: argparse.Namespace) -> int:
    """Run all cases below the paths: 0 when all is well, 1 with a finding, 2 without a case or with a broken file."""
    suites = list(dict.fromkeys(suite for path in arguments.paths for suite in suites_of(path)))
    if not suites:
        where = ", ".join(f"`{path}`" for path in arguments.paths)
        raise UsageError(f"no cases found in {where}: write them beside the policy, in NAME.cases.yaml")
    results = [run_suite(suite) for suite in suites]
    if arguments.junit is not None:
        Path(arguments.junit).write_text(to_junit(results), encoding="utf-8", newline="\n")
    reach = coverage(results)
    shown = arguments.progress or sys.stderr.isatty()
    changes: tuple[Noticed, ...] | None = None
    if arguments.mutate:
        with Progress(sys.stderr, shown=shown, noun="changes") as progress:
            changes = tuple(notice(one, results, lambda: progress.add(1)) for one in reach)
    outcome = Outcome(tuple(results), reach, arguments.min_coverage, changes)
    if arguments.suggest and outcome.readable:
        with Progress(sys.stderr, shown=shown, noun="borders") as progress:
            for text in suggestions(reach, results, progress):
                say(text)
        complain(f"{counts(results)}, coverage {show_share(share(reach))}")
        return outcome.exit_code
    show(outcome, arguments)
    return outcome.exit_code


def suites_of(path: str) -> tuple[Suite, ...]:
    """The case files of one path that the user typed, by pack."""
    try:
        return find_suites(path)
    except FileNotFoundError as error:
        raise UsageError(unknown_path(path)) from error


def show(outcome: Outcome, arguments: argparse.Namespace) -> None:
    """Print the outcome in the form that was asked for."""
    color = wants_color(arguments.color, sys.stdout)
    match arguments.format:
        case "json":
            say(as_json(outcome))
        case "line":
            for diagnostic in outcome.findings:
                say(render_line(diagnostic))
            say(outcome.last_line)
        case _:
            for line in listing(outcome, verbose=arguments.verbose, color=color):
                say(line)
            say(paint(outcome.last_line, "red" if outcome.exit_code else "green", color=color))


def suggestions(reach: Sequence[PolicyCoverage], results: Sequence[SuiteResult], progress: Progress) -> Iterator[str]:
    """A case file for each policy of which something is missing; several stand in one text, one after the other."""
    first = True
    for one in reach:
        if not one.missing:
            continue
        found = suggest(one, results, lambda: progress.add(1))
        taken = {
            str(case.name)
            for result in results
            for file, _ in result.files
            if file.policy == one.policy.id
            for case in file.cases
        }
        text = to_yaml(found, taken).rstrip("\n")
        yield text if first else f"---\n{text}"
        first = False
    if first:
        yield "# nothing to suggest: the cases reach every rule and border that can be reached"
