"""`crm-rules decide`: a table of records in, the same table with its decisions out, and a summary.

Rows pass in chunks, so that memory does not grow with the data; each is written in its place with
outputs, `status`, `rules` and `reason`, decided or not. No row is left out. Which engine decides a chunk is
chosen in `crm_rules.cli.engines`, and every engine gives the same answers; tables of databases are in
`crm_rules.cli.tables`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from typing import Any, Final

from crm_rules.backends.prose_values import in_language
from crm_rules.backends.prose_words import Language
from crm_rules.cli.cells import Unread
from crm_rules.cli.choose import choose
from crm_rules.cli.console import FINDINGS, FINE, UsageError, complain, say, wants_color
from crm_rules.cli.engines import ENGINES, Engine, choose_engine, is_address
from crm_rules.cli.facts import day, read_given
from crm_rules.cli.frame_judge import FRAME_CHUNK, FrameJudge
from crm_rules.cli.mapping import DELIMITERS, MappingFile, Plan, plan_of, read_mapping
from crm_rules.cli.packs import open_pack
from crm_rules.cli.progress import Progress
from crm_rules.cli.records import Data, Row, open_data
from crm_rules.cli.results import STANDARD_OUTPUT, out_form, writing
from crm_rules.cli.stopping import cleared_when_stopped
from crm_rules.cli.summary import Tally, summary_text
from crm_rules.cli.undecided import ragged_reason, sameness, undecided_reason
from crm_rules.decision import Decision
from crm_rules.policy import Policy

NOTHING: Final = "no row was decided; see the reasons above, and look at the mapping first"
HELP = "decide a table of records (CSV, JSON, Parquet, or a table of a database) in and out, with a summary"
CHUNK: Final = 2_000
REMEMBERED: Final = 50_000
FURTHER: Final = ("status", "rules", "reason")
DONE: Final = (
    "{rows:,} rows in {seconds:.1f} s ({speed:,.0f} rows/s)",
    "{rows:,} 行，用时 {seconds:.1f} 秒（每秒 {speed:,.0f} 行）",
)
WRITTEN: Final = ("written to {out}", "已写入 {out}")
ON: Final = (" on {day}", "，{day}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("path", metavar="PATH", help="a policy file, a folder, or the name of an installed pack")
    parser.add_argument(
        "data",
        metavar="DATA",
        help="the records: .csv, .tsv, .jsonl, .ndjson, .json (an array), .parquet; "
        "or a table: duckdb:FILE#TABLE, postgresql://HOST/DATABASE#TABLE",
    )
    parser.add_argument("--policy", metavar="ID", help="which policy (default: the mapping's, or the only one)")
    parser.add_argument(
        "--mapping", metavar="FILE", help="which column feeds which field (default: columns of the same name)"
    )
    parser.add_argument(
        "--out",
        metavar="FILE",
        help="write all rows here, .csv, .jsonl or .parquet; - for standard output; for a table of a database also "
        "#TABLE, a new one there (default: only the summary)",
    )
    parser.add_argument("--replace", action="store_true", help="with --out #TABLE: in place of the table of that name")
    parser.add_argument(
        "--engine",
        choices=ENGINES,
        default="auto",
        help="what decides a file: a loop in Python, or dataframes of Polars for many rows; the answers are the same "
        "(default: auto, by the size of the data)",
    )
    parser.add_argument("--today", metavar="DATE", type=day, help="the day to decide for, such as 2026-11-21")
    parser.add_argument("--edition", metavar="VERSION", help="use this edition, in force on the day or not")
    parser.add_argument(
        "--given",
        metavar="ALIAS=VALUE",
        type=pair,
        action="append",
        default=[],
        help="a required decision that is known already; repeatable",
    )
    parser.add_argument("--prefix", metavar="TEXT", default="", help="begin the names of all added columns with this")
    parser.add_argument("--lang", choices=("en", "zh"), default="en", help="the language of labels and reasons")
    parser.add_argument("--strict", action="store_true", help="exit with 1 when a row is undecided")
    parser.add_argument("--progress", action="store_true", help="show progress even when standard error is no terminal")


def pair(text: str) -> tuple[str, str]:
    """`alias=value` as it was typed."""
    alias, sign, value = text.partition("=")
    if not sign or not alias:
        raise argparse.ArgumentTypeError(f"expected ALIAS=VALUE, found `{text}`")
    return alias, value


@dataclass(frozen=True, slots=True)
class Task:
    """All that is settled before the first row is read."""

    policy: Policy
    today: date | None
    given: Mapping[str, Any]
    plan: Plan
    data: Data
    lang: Language


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is added to a row."""

    status: str
    results: tuple[Any, ...]
    rules: str
    reason: str
    alike: str = ""

    @property
    def additions(self) -> tuple[Any, ...]:
        """The added cells in their order."""
        return (*self.results, self.status, self.rules, self.reason)


def run(arguments: argparse.Namespace) -> int:
    """Decide every row; exit code 0, or 1 with `--strict` and an undecided row."""
    if is_address(arguments.data):
        from crm_rules.cli.tables import decide_table  # noqa: PLC0415 - needed for databases only

        return decide_table(arguments)
    if arguments.replace:
        raise UsageError(
            "--replace is for --out #TABLE; a file that is there is always replaced, when the new one is complete"
        )
    task = prepare(arguments)
    added = added_columns(task, arguments.prefix)
    form = out_form(arguments.out, task.data)
    tally = Tally(task.policy.outputs)
    engine = choose_engine(arguments.engine, task)
    progress = Progress(sys.stderr, shown=arguments.progress or sys.stderr.isatty())
    with progress, cleared_when_stopped():
        if engine == "polars" and task.data.form == "parquet" and (arguments.out is None or form == "parquet"):
            from crm_rules.cli.frame_tables import decide_tables  # noqa: PLC0415 - needed for Parquet only

            decide_tables(task, arguments.out, added, tally, progress)
        else:
            with writing(arguments.out, form, task.data, added, task.policy.outputs) as write:
                for row, outcome in outcomes(task, engine, progress):
                    write(row, outcome.additions)
                    count(task, tally, row, outcome)
    return conclude(arguments, task, tally, progress.seconds)


def count(task: Task, tally: Tally, row: Row, outcome: Outcome) -> None:
    """Count one row."""
    tally.add(outcome.status, outcome.results)
    if outcome.reason:
        tally.add_reason(outcome.reason, row.line, key_of(row, task.plan), outcome.alike)


def conclude(arguments: argparse.Namespace, task: Task, tally: Tally, seconds: float) -> int:
    """The summary, and the exit code."""
    report(arguments, task, tally, seconds)
    if tally.rows and tally.undecided == tally.rows:
        complain(f"crm-rules: {NOTHING}")
    return FINDINGS if arguments.strict and tally.undecided else FINE


def prepare(arguments: argparse.Namespace) -> Task:
    """Everything that can be refused, refused before any row is decided."""
    file = None if arguments.mapping is None else read_mapping(arguments.mapping)
    policy, given = asked(arguments, file)
    said = None if file is None else file.document
    delimiter = None if said is None or said.delimiter is None else DELIMITERS[said.delimiter]
    data = open_data(arguments.data, encoding=None if said is None else said.encoding, delimiter=delimiter)
    plan = plan_of(policy, given, data.columns, arguments.data, file)
    return Task(policy, arguments.today, given, plan, data, arguments.lang)


def asked(arguments: argparse.Namespace, file: MappingFile | None) -> tuple[Policy, dict[str, Any]]:
    """The policy, and the decisions that are given; a policy that cannot decide is refused."""
    policy = choose(open_pack(arguments.path), wanted(arguments.policy, file), arguments.today, arguments.edition)
    given = read_given(policy, dict(arguments.given))
    blank = policy.blank_parameters(arguments.today, given)
    if blank:
        raise UsageError(f"`{policy.id}` cannot decide: these parameters are blank: {', '.join(blank)}")
    return policy, given


def wanted(policy: str | None, file: MappingFile | None) -> str | None:
    """The policy that was named, or the one that the mapping is for."""
    named = None if file is None else file.document.policy
    return policy if policy is not None or named is None else str(named)


def added_columns(task: Task, prefix: str) -> list[str]:
    """The names of the additions; raises `UsageError` when the data has one of them already."""
    return new_columns(task.policy, task.data.columns, prefix, str(task.data.path))


def new_columns(policy: Policy, columns: Sequence[str], prefix: str, place: str) -> list[str]:
    """The names of what is added to these columns; raises `UsageError` when they have one of them already."""
    added = [f"{prefix}{name}" for name in (*(output.name for output in policy.outputs), *FURTHER)]
    taken = [name for name in added if name in columns or added.count(name) > 1]
    if taken:
        names = ", ".join(f"`{name}`" for name in dict.fromkeys(taken))
        remedy = "choose other names with --prefix, such as --prefix new_"
        raise UsageError(f"{place}: there is a column {names} already; {remedy}")
    return added


def outcomes(task: Task, engine: Engine, progress: Progress) -> Iterator[tuple[Row, Outcome]]:
    """Every row of the data with what is added to it, in the order of the file."""
    rows = task.data.rows()
    judge: Judge | FrameJudge = Judge(task)
    size: int | None = CHUNK
    if engine == "polars":
        judge, size = FrameJudge(task, judge.outcomes), FRAME_CHUNK
    elif task.policy.ranks(task.given):
        size = None  # a ranking looks at all rows together
    while chunk := list(islice(rows, size)):
        yield from zip(chunk, judge.outcomes(chunk), strict=True)
        progress.add(len(chunk))


@dataclass(slots=True)
class Judge:
    """Decides chunks of rows; outcomes of equal decisions are worked out once, as long as they are remembered.

    Working out rules and reasons replays the decision, which costs far more than deciding.
    """

    task: Task
    known: dict[Decision, Outcome] = field(default_factory=dict)

    def outcomes(self, chunk: Sequence[Row]) -> Iterable[Outcome]:
        """What is added to each row of a chunk."""
        task = self.task
        records = [task.plan.facts(row.cells) for row in chunk if not row.ragged]
        decided = zip(
            records, task.policy.decide_many(records, today=task.today, given=task.given or None), strict=True
        )
        width = len(task.data.columns)
        nothing = (None,) * len(task.policy.outputs)
        for row in chunk:
            if row.ragged:
                yield Outcome("invalid", nothing, "", ragged_reason(row, width, task.lang))
            else:
                facts, decision = next(decided)
                yield self.outcome(decision, facts)

    def outcome(self, decision: Decision, facts: Mapping[str, Any]) -> Outcome:
        """What a decision adds; one that met an unread cell has a reason of its own."""
        if decision.status != "decided" and any(isinstance(fact, Unread) for fact in facts.values()):
            return self.work_out(decision, facts)
        found = self.known.get(decision)
        if found is None:
            if len(self.known) >= REMEMBERED:
                self.known.clear()
            found = self.known[decision] = self.work_out(decision, facts)
        return found

    def work_out(self, decision: Decision, facts: Mapping[str, Any]) -> Outcome:
        """The outputs, rules and reason of one decision."""
        results = decision.results if decision.status == "decided" else (None,) * len(self.task.policy.outputs)
        reason = undecided_reason(decision, facts, self.task.lang)
        return Outcome(decision.status, results, ";".join(decision.rules), reason, sameness(decision, reason))


def key_of(row: Row, plan: Plan) -> str:
    """The key columns of a row, for a message."""
    return " ".join(str(row.cells[index]) for index in plan.key)


def report(arguments: argparse.Namespace, task: Task, tally: Tally, seconds: float) -> None:
    """The summary, on standard output unless the rows are there."""
    zh = task.lang == "zh"
    tell, stream = (complain, sys.stderr) if arguments.out == STANDARD_OUTPUT else (say, sys.stdout)
    title = in_language(task.policy.title, task.lang) or task.policy.id
    when = "" if task.today is None else ON[zh].format(day=task.today)
    tell(f"{title} ({task.policy.id} {task.policy.version}){when}: {task.data.path}\n")
    tell(summary_text(tally, task.lang, color=wants_color(arguments.color, stream)) + "\n")
    tell(DONE[zh].format(rows=tally.rows, seconds=seconds, speed=tally.rows / seconds if seconds else 0))
    if arguments.out not in {None, STANDARD_OUTPUT}:
        tell(WRITTEN[zh].format(out=arguments.out))
