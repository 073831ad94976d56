"""`crm-rules check`: every finding in policies and their cases, all at once, each with its line, column and remedy.

Of a folder it looks at the pack in it and at every pack below. What can be read is checked: gaps, overlaps, rules that
decide nothing, each with a record that shows it. Case files are read and not run: that is `crm-rules test`. It also
prints the page of a code (`--explain CODE`) and the list of all codes (`--codes`).
"""

from __future__ import annotations

import argparse
import sys
from datetime import date
from pathlib import Path
from typing import Final

from crm_rules.cases.folders import Suite, find_suites
from crm_rules.cases.reading import read_cases
from crm_rules.cli.console import FINDINGS, FINE, Style, UsageError, paint, say, table, wants_color
from crm_rules.cli.facts import day
from crm_rules.cli.packs import places, unknown_path
from crm_rules.codes import CODES
from crm_rules.diagnostics import Diagnostic, Report, Severity, did_you_mean, first_findings
from crm_rules.loading import CASES, find, load_with_report, shown_text
from crm_rules.rendering import render_json, render_line, render_text

HELP: Final = "every finding in policies, at its line and column, with a record that shows it"
STYLES: Final[dict[Severity, Style]] = {"error": "red", "warning": "yellow", "note": "cyan"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("paths", metavar="PATH", nargs="*", help="policy files, folders, or names of installed packs")
    parser.add_argument(
        "--on", metavar="DATE", type=day, help="report the policies that have ended before this day too"
    )
    parser.add_argument("--explain", metavar="CODE", help="print what a code means, and stop")
    parser.add_argument("--codes", action="store_true", help="list all codes, and stop")
    parser.add_argument(
        "--format",
        choices=("text", "line", "json"),
        default="text",
        help="for people (default), for editors, for programs",
    )


def run(arguments: argparse.Namespace) -> int:
    """Check the paths; 1 when there is an error or a warning among the findings."""
    color = wants_color(arguments.color, sys.stdout)
    if arguments.explain is not None:
        say(page(arguments.explain, color=color))
        return FINE
    if arguments.codes:
        say(table([("code", "what it says")], [(code, entry.title) for code, entry in CODES.items()], color=color))
        return FINE
    if not arguments.paths:
        raise UsageError(
            "name at least one policy file, folder or pack to check, such as `crm-rules check sample-company`"
        )
    report, texts, policies = look(arguments.paths, arguments.on)
    checked = counted(policies, "policy", "policies")
    match arguments.format:
        case "json":
            say(render_json(report))
        case "line":
            for diagnostic in report:
                say(render_line(diagnostic))
        case _ if report:
            say(render_text(report, texts, color=color, within=checked if policies else ""))
        case _:
            say(f"no findings in {checked}")
    return FINE if all(diagnostic.severity == "note" for diagnostic in report) else FINDINGS


def look(paths: list[str], on: date | None) -> tuple[Report, dict[str, str], int]:
    """What is found in all the packs of the paths, the texts of their files, and how many policies can be used."""
    found: list[Diagnostic] = []
    texts: dict[str, str] = {}
    policies: set[tuple[str, str, str]] = set()
    for path in paths:
        of_cases = path.endswith(CASES)
        for place in [path] if of_cases else places(path):
            try:
                suites = find_suites(place)
                pack, report, read = load_with_report(suites[0].root if of_cases else place)
            except FileNotFoundError as error:
                raise UsageError(unknown_path(path)) from error
            found += report
            texts |= read
            if pack is not None:
                if not of_cases:
                    found += pack.check(on)
                for file in case_files_of(place, suites):
                    found += read_cases(file, pack)[1]
                    texts[str(file)] = shown_text(file)
            for edition in pack.editions if pack is not None else ():
                policies.add((edition.about.path, edition.program.id, edition.program.version))
    once = {(item.span, item.code, item.message): item for item in found}  # packs share the files that they extend
    return Report(first_findings(once.values())), texts, len(policies)


def case_files_of(place: str, suites: tuple[Suite, ...]) -> list[Path]:
    """The case files of one pack, policy or case file; those of packs below are looked at with these."""
    root = find(place).resolve()
    return [file for suite in suites if root.is_file() or suite.root.resolve() == root for file in suite.files]


def page(code: str, *, color: bool) -> str:
    """What a code means and what to do about it."""
    entry = CODES.get(code)
    if entry is None:
        remedy = did_you_mean(code, CODES) or "`crm-rules check --codes` lists them"
        raise UsageError(f"there is no code `{code}`; {remedy}")
    head = paint(f"{entry.severity}[{code}]", STYLES[entry.severity], color=color)
    return f"{head}: {entry.title}\n\n{entry.page}"


def counted(number: int, one: str, many: str) -> str:
    """`1 policy`, `2 policies`."""
    return f"{number} {one if number == 1 else many}"
