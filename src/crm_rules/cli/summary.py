"""What became of all rows: outcomes with counts and shares, statuses, and why rows are undecided.

A `Tally` counts while rows pass; it keeps a bounded number of texts however many rows there are.
`summary_text` shows it in the labels of a language. Which words a reason has is known in
`crm_rules.cli.undecided`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, get_args

from crm_rules.backends.prose_values import in_language
from crm_rules.backends.prose_words import Language
from crm_rules.cli.console import GAP, paint
from crm_rules.cli.results import csv_text
from crm_rules.columns import display_width, pad
from crm_rules.decision import Status
from crm_rules.ir.program import Output
from crm_rules.ir.types import Boolean, Choice

KEPT_REASONS: Final = 1_000
SHOWN_REASONS: Final = 5
STATUSES: Final[tuple[str, ...]] = (*get_args(Status), "too_large")  # the last one in databases only

WORDS: Final[dict[str, tuple[str, str]]] = {
    "rows": ("rows", "行数"),
    "share": ("share", "占比"),
    "status": ("status", "状态"),
    "range": ("{low} to {high}", "{low} 至 {high}"),
    "true": ("yes", "是"),
    "false": ("no", "否"),
    "reasons": ("why rows are undecided", "未能判定的原因"),
    "first": ("{reason} (first in line {line}{at})", "{reason}（首见于第 {line} 行{at}）"),
    "alike": ("{reason}, and the like (first in line {line}{at})", "{reason}，等等（首见于第 {line} 行{at}）"),
    "others": ("other reasons", "其他原因"),
    "decided": ("decided", "已判定"),
    "no_match": ("no rule matches", "无适用规则"),
    "conflict": ("rules conflict", "规则冲突"),
    "invalid": ("data unusable", "资料有误"),
    "blocked": ("waits for another decision", "前提未定"),
    "too_large": ("numbers too large for a table", "数值过大"),
    "no-rows": ("the data has no rows", "没有数据行"),
}


def word(lang: Language, key: str, **parts: object) -> str:
    """The words of `key` in a language."""
    return WORDS[key][lang == "zh"].format(**parts)


@dataclass(slots=True)
class Tally:
    """Counts of what has passed so far."""

    outputs: tuple[Output, ...]
    rows: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    values: list[Counter[Any] | None] = field(default_factory=list)
    ranges: list[list[Any]] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    firsts: dict[str, tuple[str, int | None, str]] = field(default_factory=dict)
    varied: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.values = [Counter() if is_closed(output) else None for output in self.outputs]
        self.ranges = [[] for _ in self.outputs]

    @property
    def undecided(self) -> int:
        """How many rows have no decision."""
        return self.rows - self.statuses["decided"]

    def add(self, status: str, results: Sequence[Any]) -> None:
        """Count one row."""
        self.rows += 1
        self.statuses[status] += 1
        if status != "decided":
            return
        for counted, between, value in zip(self.values, self.ranges, results, strict=True):
            if counted is not None:
                counted[value] += 1
            elif value is not None and not isinstance(value, str | tuple):
                between[:] = [min(between[0], value), max(between[1], value)] if between else [value, value]

    def add_reason(self, reason: str, line: int | None, key: str, alike: str = "", rows: int = 1) -> None:
        """Count why rows are undecided, and keep where it was first so; many different texts count as others.

        Reasons with the same `alike` are counted together, and the first of them is shown. A database has no lines.
        """
        alike = alike or reason
        if alike in self.firsts or len(self.firsts) < KEPT_REASONS:
            first = self.firsts.setdefault(alike, (reason, line, key))
            self.reasons[alike] += rows
            if first[0] != reason:
                self.varied.add(alike)


def is_closed(output: Output) -> bool:
    """True for an output whose values can be listed."""
    return isinstance(output.type, Boolean | Choice)


def summary_text(tally: Tally, lang: Language, *, color: bool) -> str:
    """One block for each output, one for the statuses, one for the reasons."""
    if not tally.rows:
        return word(lang, "no-rows")
    blocks = [
        block for position in range(len(tally.outputs)) if (block := of_output(tally, position, lang, color=color))
    ]
    known = [(word(lang, status), "", tally.statuses[status]) for status in STATUSES if tally.statuses[status]]
    blocks.append(counts(word(lang, "status"), known, tally.rows, lang, color=color))
    if tally.undecided:
        blocks.append(of_reasons(tally, lang, color=color))
    return "\n\n".join(blocks)


def of_output(tally: Tally, position: int, lang: Language, *, color: bool) -> str:
    """The values of one output with their counts; of an open output its range."""
    output = tally.outputs[position]
    name = in_language(output.label, lang)
    heading = f"{name} ({output.name})" if name else output.name
    found = tally.values[position]
    if found is not None:
        labels = dict(output.value_labels)
        rows = [
            (*value_words(value, labels, lang), found[value])
            for value in (output.type.one_of if isinstance(output.type, Choice) else (True, False))
        ]
        if found[None]:
            rows.append(("-", "", found[None]))
        return counts(heading, rows, tally.rows, lang, color=color)
    known = tally.ranges[position]
    if not known:
        return ""
    between = word(lang, "range", low=csv_text(known[0]), high=csv_text(known[1]))
    return f"{paint(heading, 'bold', color=color)}  {between}"


def value_words(value: Any, labels: dict[str, Any], lang: Language) -> tuple[str, str]:
    """A value, and its label where it has one."""
    if isinstance(value, bool):
        return word(lang, "true" if value else "false"), ""
    label = in_language(labels[value], lang) if value in labels else ""
    return str(value), "" if label == value else label


def counts(heading: str, rows: Sequence[tuple[str, str, int]], total: int, lang: Language, *, color: bool) -> str:
    """A table of names, labels, counts and shares; the names aligned on the left, the numbers on the right."""
    width = max(display_width(name) for name, _, _ in rows)
    names = [f"{pad(name, width)}{GAP}{label}" if label else name for name, label, _ in rows]
    table = [(heading, word(lang, "rows"), word(lang, "share"))]
    table += [(name, f"{count:,}", share(count, total)) for name, (_, _, count) in zip(names, rows, strict=True)]
    widths = [max(display_width(row[column]) for row in table) for column in range(3)]
    lines = [
        GAP.join([pad(name, widths[0]), pad(count, widths[1], "right"), pad(part, widths[2], "right")])
        for name, count, part in table
    ]
    rule = paint(GAP.join("─" * width for width in widths), "dim", color=color)
    return "\n".join([paint(lines[0], "bold", color=color), rule, *lines[1:]])


def share(count: int, total: int) -> str:
    """The share in percent with one decimal, in whole numbers and half up, as on every machine."""
    tenths = (2000 * count + total) // (2 * total)
    return f"{tenths // 10}.{tenths % 10} %"


def of_reasons(tally: Tally, lang: Language, *, color: bool) -> str:
    """The most frequent reasons, each with the row where it was met first."""
    frequent = tally.reasons.most_common(SHOWN_REASONS)
    rest = tally.undecided - sum(count for _, count in frequent)
    width = len(f"{max(count for count in (*tally.reasons.values(), rest)):,}")
    lines = [paint(word(lang, "reasons"), "bold", color=color)]
    for alike, count in frequent:
        reason, line, key = tally.firsts[alike]
        how = "alike" if alike in tally.varied else "first"
        where = reason if line is None else word(lang, how, reason=reason, line=line, at=f", {key}" if key else "")
        lines.append(f"{count:>{width},}  {where}")
    if rest:
        lines.append(f"{rest:>{width},}  {word(lang, 'others')}")
    return "\n".join(lines)
