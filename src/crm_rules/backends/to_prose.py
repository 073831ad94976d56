"""A decision as prose: an answer to "why?" in English or Chinese, for every status.

First the decision, then what was known and what follows from it, then the rules that held, with value
and border, then why not the next better outcome. What went wrong takes the place of the rules where
there is no decision. The explanation is a walk over the steps and knows no kind of policy; the words
stand in `prose_words`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, assert_never

from crm_rules.backends.prose_case import (
    Case,
    Reason,
    Story,
    best_points,
    cells_of,
    failing_cells,
    known_value,
    mentioned,
    nearest_row,
    weights,
)
from crm_rules.backends.prose_outlook import outlook
from crm_rules.backends.prose_problems import problem_line
from crm_rules.backends.prose_reasons import reasons
from crm_rules.backends.prose_standing import standing
from crm_rules.backends.prose_values import capitalized, show_value
from crm_rules.backends.prose_why_not import why_not
from crm_rules.backends.prose_words import Language
from crm_rules.columns import display_width, pad
from crm_rules.ir.evaluate import StepResult
from crm_rules.ir.nodes import AddTime, Coalesce, Constant, FieldValue
from crm_rules.ir.numbers import reduced
from crm_rules.ir.program import Derive, Field, Row, Table, Total
from crm_rules.ir.record import Problem

__all__ = ["Case", "Language", "Reason", "explain", "reasons", "show_value"]

WIDTH = 100
BREAK_AFTER = " ，、；。：）"


def explain(case: Case, lang: Language = "en", *, sensitive: bool = False) -> str:
    """Why the case was decided as it was, and why not better; many lines without a final line break.

    With `sensitive` the values of sensitive fields are shown too.
    """
    story = Story(case, lang, sensitive=sensitive)
    return "\n".join(part for line in explained(story) for part in wrapped(line))


def explained(story: Story) -> list[str]:
    """The lines of an explanation, unwrapped."""
    case = story.case
    lines = title(story)
    wrong = of_the_record(story)
    if wrong:
        lines += ["", story.say("problems")]
        lines += [f"  {problem_line(problem, story)}" for problem in wrong]
    if case.status == "blocked":
        lines += waiting(story)
    lines += known(story)
    reasons_why_not: list[str] = []
    if case.evaluation is not None:
        lines += derived(story)
        lines += standing(story)
        lines += undecided(story)
        lines += held(story)
        reasons_why_not = why_not(story)
    return [*lines, *reasons_why_not, *outlook(story, reasons_why_not)]


def of_the_record(story: Story) -> list[Problem]:
    """The problems that a record has; a blank parameter is one of the policy."""
    return [problem for problem in story.case.problems if problem.code != "blank"]


def title(story: Story) -> list[str]:
    """The policy, the day and the answer; several outputs take a line each."""
    case, program = story.case, story.program
    name = f"{program.id} {program.version}".rstrip()
    label = story.label(program.label)
    headline = story.say("title-id", title=label, id=name) if label else name
    day = "" if case.today is None else story.say("day", day=case.today)
    answers = answer(story)
    if len(answers) == 1:
        return [story.say("title", title=headline, day=day, answer=answers[0])]
    return [story.say("title-above", title=headline, day=day), *(f"  {line}" for line in answers)]


def answer(story: Story) -> list[str]:
    """The outputs, or that there are none and why."""
    case = story.case
    if case.evaluation is None or case.status != "decided":
        return [story.say(case.status)]
    values = case.evaluation.outputs
    return [story.output(output, values[output.name]) for output in story.program.outputs]


# What was known


def known(story: Story) -> list[str]:
    """A line a field that the policy uses: label, key, value."""
    wrong = of_the_record(story)
    bad = {problem.field for problem in wrong}
    used = set(mentioned((story.program.population, story.program.steps, story.program.outputs))) | {
        one[0] for one in story.program.required
    }
    waiting_for = set(undecided_aliases(story))
    left_out = bad | waiting_for | set(story.program.measured)
    fields = [one for one in story.program.fields if one.name in used and one.name not in left_out]
    if not fields:
        return [] if wrong or story.program.fields else ["", story.say("nothing-known")]
    lines: list[str] = []
    for field, line in zip(fields, grid([field_row(field, story) for field in fields]), strict=True):
        lines += [line, *because(field, story)]
    return ["", story.say("no-problems" if wrong else "known"), *lines]


def field_row(field: Field, story: Story) -> tuple[str, ...]:
    """Label, key and value."""
    return story.field_label(field), field.name, known_value_of(field, story)


def because(field: Field, story: Story) -> list[str]:
    """What the rule saw that decided a required field."""
    for alias, required in story.case.requires:
        if alias == field.name and required.evaluation is not None and required.evaluation.rules:
            other = story.of_required(required)
            table, row = deciding(required)
            cells = [line.strip() for line in conditions(table, row, other.results[table.id], other)]
            return ["    " + story.say("because", cells=story.say("because-list").join(cells))]
    return []


def deciding(case: Case) -> tuple[Table, Row]:
    """The rule that decided."""
    last = case.evaluation.rules[-1] if case.evaluation is not None else ""
    return next((table, row) for name, table, row in case.program.rules() if name == last)


def known_value_of(field: Field, story: Story) -> str:
    """The value of a field in words, with the decision that it comes from."""
    case = story.case
    value = case.values.get(field.name)
    text = show_value(value, field.type, field, story.lang)
    if value is not None and field.name in story.hidden:
        text = story.say("hidden")
    if value is not None and field.default is not None and case.facts.get(field.name) is None:
        return story.say("by-default", value=text)
    for alias, required in case.requires:
        if alias == field.name and required.evaluation is not None:
            return decided_by(text, required, story)
    aliases = {alias for alias, _, _ in story.program.required}
    decided = {alias for alias, _ in case.requires}
    if value is not None and field.name in aliases - decided:
        return story.say("given", value=text)
    return text


def decided_by(text: str, required: Case, story: Story) -> str:
    """`A, decided by pipeline-stage, rule month`."""
    rules = required.evaluation.rules if required.evaluation is not None else ()
    name = f"{required.program.id} {required.program.version}".rstrip()
    if not rules:
        return story.say("decided-by-policy", value=text, policy=name)
    rule = story.of_required(required).rule(*deciding(required))
    return story.say("decided-by", value=text, policy=name, rule=rule)


def undecided_aliases(story: Story) -> tuple[str, ...]:
    """The required fields that no decision filled."""
    return tuple(alias for alias, required in story.case.requires if required.status != "decided")


def derived(story: Story) -> list[str]:
    """A line a derived field: label, key, value, formula."""
    rows = []
    for step in story.program.steps:
        result = story.results[step.id]
        if isinstance(step, Derive) and result.status == "decided":
            value = result.values[step.id]
            text = story.say("no-value") if value is None else show_value(value, step.type, None, story.lang)
            if value is not None and step.id in story.hidden:
                text = story.say("hidden")
            rows.append((story.label(step.label), step.id, text, f"= {step.text}" if step.text else ""))
    return ["", story.say("derived"), *grid(rows)] if rows else []


def grid(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Rows in aligned columns; a column that is empty throughout is left out."""
    columns = [column for column in zip(*rows, strict=True) if any(column)]
    widths = [max(map(display_width, column)) for column in columns]
    lines = zip(*columns, strict=True)
    return ["  " + "  ".join(map(pad, line, widths)).rstrip() for line in lines]


# What is waited for


def waiting(story: Story) -> list[str]:
    """The required decisions that are not there, each with its own explanation, and the blank parameters."""
    lines = ["", story.say("blockers")]
    for alias, required in story.case.requires:
        if required.status != "decided":
            label = story.field_label(story.fields[alias])
            name = story.say("labelled", label=label, value=alias) if label else alias
            lines.append("  " + story.say("requires", alias=name, policy=required.program.id))
            lines += [f"    {line}".rstrip() for line in explained(story.of_required(required))]
    measures = [story.case.values.get(name) for name in story.program.measured]
    if None in measures and len(lines) == 2:  # noqa: PLR2004 - nothing but the heading
        lines.append("  " + story.say("all-records"))
    labels = {parameter.name: story.label(parameter.label) for parameter in story.program.parameters}
    for name in story.case.blank:
        policy, _, parameter = name.rpartition(".$")
        own = policy in {"", story.program.id}
        label = labels.get(parameter, "") if own else ""
        key = f"${parameter}" if own else name
        shown = story.say("labelled", label=label, value=key) if label else key
        lines.append("  " + story.say("blank", parameter=shown))
    return lines


# What went wrong


def undecided(story: Story) -> list[str]:
    """Where a gap or a conflict began, whether or not the outcome needed that step."""
    lines: list[str] = []
    for table in story.program.tables:
        result = story.results[table.id]
        if result.cause != table.id:
            continue
        if result.status == "no_match":
            lines += ["", story.say("gap") + beside(story), *gap(table, result, story)]
        if result.status == "conflict":
            lines += ["", story.say("clash") + beside(story), *clash(table, result, story)]
    return lines


def beside(story: Story) -> str:
    """That the outcome did not need the step, where there is an outcome all the same."""
    return story.say("not-needed") if story.case.status == "decided" else ""


def gap(table: Table, result: StepResult, story: Story) -> list[str]:
    """The table without a rule for the record, and what the nearest rule failed."""
    if result.rows:
        return ["  " + story.say("no-item", table=story.table_name(table)), *matched(table, result, story)]
    lines = ["  " + story.say("no-rule", table=story.table_name(table))]
    row = nearest_row(table, result, story.scope)
    if row is not None:
        lines.append("  " + story.say("nearest", rule=story.rule(table, row)))
        lines += [f"    {story.failing(cell)}" for cell in failing_cells(table, row, result, story.scope)]
    return lines


def clash(table: Table, result: StepResult, story: Story) -> list[str]:
    """The rules that hold together."""
    key = "disagree" if table.hit_policy == "any" else "together"
    return ["  " + story.say(key, table=story.table_name(table)), *matched(table, result, story)]


def matched(table: Table, result: StepResult, story: Story) -> list[str]:
    """The rules that hold, with what each gives and its cells."""
    lines: list[str] = []
    for index in result.rows:
        row = table.rows[index]
        rule = capitalized(story.rule(table, row))
        lines.append("  " + story.say("rule-gives", rule=rule, outputs=story.outputs(table, row)))
        lines += conditions(table, row, result, story)
    return lines


# Which rules held


def held(story: Story) -> list[str]:
    """The steps that were decided, in order, and the result."""
    lines: list[str] = []
    for step in story.program.steps:
        result = story.results[step.id]
        if result.status != "decided":
            continue
        match step:
            case Derive():
                continue
            case Total():
                lines.append("  " + total_line(step, result, story))
            case Table():
                lines += table_lines(step, result, story)
            case _:
                assert_never(step)
    if story.case.status == "decided":
        answers = answer(story)
        if len(answers) == 1:
            lines.append("  " + story.say("result", outputs=answers[0]))
        else:
            lines += ["  " + story.say("results"), *(f"    {line}" for line in answers)]
    return ["", story.say("held"), *lines] if lines else []


def total_line(step: Total, result: StepResult, story: Story) -> str:
    """The total with the best that could be reached."""
    tables = {table.id: table for table in story.program.tables}
    best: Any = step.initial + sum(best_points(tables[name], weight, story.scope) for name, weight in step.terms)
    line = story.say("total", points=story.points(result.values[step.output]), best=story.points(reduced(best)))
    return line + (story.say("initial", points=story.points(step.initial)) if step.initial else "")


def table_lines(table: Table, result: StepResult, story: Story) -> list[str]:
    """The rules of one table that held, each with its cells."""
    if not result.rows:
        key = "no-override" if table.role == "override" else "no-hit"
        return ["  " + story.say(key, table=story.table_name(table))]
    lines: list[str] = []
    for index in result.rows:
        row = table.rows[index]
        lines.append("  " + rule_line(table, row, result, story))
        lines += conditions(table, row, result, story)
        if table.role == "interval":
            lines += touch(row, story)
    return lines


def rule_line(table: Table, row: Row, result: StepResult, story: Story) -> str:
    """The head line of a rule, by the role of its table."""
    rule = story.rule(table, row)
    match table.role:
        case "characteristic":
            weight = weights(story.program).get(table.id, 1)
            points: Any = result.values["points"]
            best = story.points(best_points(table, weight, story.scope))
            name, given = story.table_name(table), story.points(reduced(weight * points))
            return story.say("characteristic", name=name, points=given, best=best, rule=rule)
        case "band" | "override":
            return story.say(table.role, outputs=story.outputs(table, row), rule=rule)
        case _:
            if len(story.program.tables) == 1 and table.hit_policy != "collect":
                return capitalized(rule)  # the result says what it gives
            return story.say("rule-gives", rule=capitalized(rule), outputs=story.outputs(table, row))


def conditions(table: Table, row: Row, result: StepResult, story: Story) -> list[str]:
    """The cells of a rule that held."""
    if row.otherwise:
        return ["    " + story.say("otherwise")]
    cells = [story.holding(cell) for cell in cells_of(table, row, result)] or [story.say("no-conditions")]
    return [f"    {cell}" for cell in cells]


def touch(row: Row, story: Story) -> list[str]:
    """How the day of the next touch follows from the last one."""
    match row.outputs[0]:
        case Coalesce((AddTime(FieldValue(name), Constant(count), unit) as due, _)):
            field = story.fields[name]
            label = story.label(field.label) or name
            start, day = story.case.values.get(name), known_value(due, story.scope)
            if start is None:
                return ["    " + story.say("never-touched", name=label)]
            if day is None:
                return []
            interval = story.say(f"interval-{unit}", n=count, s="" if count == 1 else "s")
            known_start = known_value_of(field, story) if name in story.hidden else None
            value = known_start or show_value(start, field.type, field, story.lang)
            shown = story.say("cell", name=label, value=value)
            return ["    " + story.say("touch", start=shown, interval=interval, day=day)]
        case _:
            return []


def wrapped(line: str) -> list[str]:
    """The line in pieces of at most `WIDTH` columns, broken after a space or a Chinese comma."""
    indent = re.match(r" *", line)[0] + "    "  # type: ignore[index]
    pieces: list[str] = []
    while display_width(line) > WIDTH:
        place = width = 0
        for index, character in enumerate(line):
            width += display_width(character)
            if width > WIDTH:
                break
            if character in BREAK_AFTER and index > len(indent):
                place = index + 1
        if not place:
            break
        pieces.append(line[:place].rstrip())
        line = indent + line[place:].lstrip()
    return [*pieces, line]
