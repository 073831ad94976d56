"""Why a row has no decision, in a short line: which field, what was found, what was expected.

The words are those of the explanations. A cell that the mapping could not read is shown as it stands
in the data, with what the mapping expects.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from crm_rules.backends.prose_case import Story
from crm_rules.backends.prose_problems import expected, problem_line
from crm_rules.backends.prose_words import Language, say
from crm_rules.cli.cells import Unread
from crm_rules.cli.records import Row
from crm_rules.decision import Decision
from crm_rules.ir.record import Problem
from crm_rules.ir.types import Choice

MAX_FOUND: Final = 60

WORDS: Final[dict[str, tuple[str, str]]] = {
    "ragged": ("the row has {found} cells, expected {expected}", "该行有 {found} 个单元格，应为 {expected} 个"),
    "surplus": ("; beyond the columns: {cells}", "；超出部分：{cells}"),
    "no_match": ("no rule covers this record", "没有规则覆盖这条记录"),
    "conflict": ("these rules contradict each other: {rules}", "下列规则相互矛盾：{rules}"),
    "date": ("a date written {form}", "日期，格式为 {form}"),
    "number": ("a number such as {form}", "数字，例如 {form}"),
    "join": ("; ", "；"),
    "waits": ("{alias}: {reason}", "{alias}：{reason}"),
}


def word(lang: Language, key: str, **parts: object) -> str:
    """The words of `key` in a language."""
    return WORDS[key][lang == "zh"].format(**parts)


def ragged_reason(row: Row, width: int, lang: Language) -> str:
    """Why a row of another width is not read; the cells that have no column are kept here."""
    reason = word(lang, "ragged", found=row.found, expected=width)
    if row.surplus:
        reason += word(lang, "surplus", cells=", ".join(f"`{cell}`" for cell in row.surplus))
    return reason


def undecided_reason(decision: Decision, facts: Mapping[str, Any], lang: Language) -> str:
    """Why a decision has no outputs; empty when it is decided."""
    match decision.status:
        case "decided":
            return ""
        case "no_match":
            return word(lang, "no_match")
        case "conflict":
            return word(lang, "conflict", rules=", ".join(decision.rules))
        case "invalid":
            story = Story(decision.case(), lang)
            return word(lang, "join").join(problem_reason(problem, facts, story) for problem in decision.problems)
        case "blocked":
            waiting = [(alias, inner) for alias, inner in decision.required if inner.status != "decided"]
            return word(lang, "join").join(
                word(lang, "waits", alias=alias, reason=undecided_reason(inner, facts, lang))
                for alias, inner in waiting
            )


def sameness(decision: Decision, reason: str) -> str:
    """What reasons share that differ only in the value found; a word that is no choice stays a reason of its own.

    A wrong date form makes as many reasons as there are dates, all of one cause.
    """
    open_fields = {item.name for item in decision.program.fields if not isinstance(item.type, Choice)}
    if decision.status != "invalid" or not all(problem.field in open_fields for problem in decision.problems):
        return reason
    return repr([(problem.field, problem.code) for problem in decision.problems])


def problem_reason(problem: Problem, facts: Mapping[str, Any], story: Story) -> str:
    """One problem of a record; what the mapping could not read in the mapping's words."""
    fact = facts.get(problem.field)
    if not isinstance(fact, Unread):
        return problem_line(problem, story)
    lang = story.lang
    field = story.fields.get(problem.field)
    label = "" if field is None else story.field_label(field)
    name = say(lang, "labelled", label=label, value=problem.field) if label else problem.field
    found = fact.text if len(fact.text) <= MAX_FOUND else fact.text[:MAX_FOUND] + "…"
    if fact.texts:
        wanted = say(lang, "expect-choice", choices=say(lang, "list").join(fact.texts))
    elif fact.form:
        wanted = word(lang, "date" if "Y" in fact.form else "number", form=fact.form)
    else:
        wanted = expected(problem, field, story)
    return say(lang, "problem", field=name, found=say(lang, "found-text", text=found), expected=wanted)
