"""Why not the next better outcome: the rules that give it and the cells they failed, or the points short.

Only outputs with an order are asked about. Of a table, at most three rules are named, first
the nearest to the next better outcome, then those with the fewest failing cells. Of bands, each characteristic
that is not at its best says the next border and what it would bring.
"""

from __future__ import annotations

from typing import Any

from crm_rules.backends.prose_case import (
    Cell,
    Story,
    cells_of,
    failing_cells,
    known_value,
    needed_tables,
    weights,
)
from crm_rules.backends.prose_values import capitalized, show_value
from crm_rules.ir.nodes import StepValue, Within
from crm_rules.ir.numbers import Exact, reduced
from crm_rules.ir.program import Output, Table

MOST_RULES = 3


def why_not(story: Story) -> list[str]:
    """The paragraphs for every output with an order, each with its heading."""
    evaluation = story.case.evaluation
    lines: list[str] = []
    if evaluation is None or evaluation.status != "decided":
        return lines
    for output in story.program.outputs:
        if output.best_first:
            lines += of_output(output, evaluation.outputs[output.name], story)
    return lines


def of_output(output: Output, value: Any, story: Story) -> list[str]:
    """The paragraph of one output."""
    sources = [table for step in needed_tables(output.expr) for table in story.program.tables if table.id == step.step]
    ranked = output.best_first
    better = ranked[: ranked.index(value)] if value in ranked else ranked
    shown = show_value(value, output.type, output, story.lang)
    if value == ranked[0]:
        return ["", story.say("already-best", outcome=named(output, shown, story))]
    wanted = tuple(reversed(better))  # from the next better one to the best
    given = [(row.outputs[place]) for table, place in places(sources, output) for row in table.rows]
    offered = {known_value(expr, story.scope) for expr in given}
    wanted = tuple(outcome for outcome in wanted if outcome in offered)
    if not wanted:
        return ["", story.say("none-better", outcome=named(output, shown, story))] if sources else []
    if value in ranked:
        wished = show_value(wanted[0], output.type, output, story.lang)
        heading = story.say("why-not", outcome=named(output, wished, story))
    else:
        heading = story.say("why-unranked")
    lines: list[str] = []
    # An override that decided comes first; one that did not is a last resort.
    held = {table.id for table in sources if story.results[table.id].rows}
    sources.sort(key=lambda table: table.role == "override" and table.id not in held)
    for table, place in places(sources, output):
        if table.role == "override":
            lines += of_override(table, place, wanted, output, story)
        elif table.role == "band":
            lines += of_bands(table, place, wanted, output, story)
        else:
            lines += of_table(table, place, wanted, output, story, ranked=value in ranked)
    return ["", heading, *lines]


def named(output: Output, shown: str, story: Story) -> str:
    """The outcome, with the name of its output where there are several."""
    return shown if len(story.program.outputs) == 1 else f"{output.name} = {shown}"


def places(tables: list[Table], output: Output) -> list[tuple[Table, int]]:
    """Each table with the position of the output among the values that its rules give."""
    found = {step.step: step.output for step in needed_tables(output.expr)}
    return [(table, [name for name, _ in table.outputs].index(found[table.id])) for table in tables]


# Tables and ladders


def of_table(
    table: Table, place: int, wanted: tuple[str, ...], output: Output, story: Story, *, ranked: bool = True
) -> list[str]:
    """The rules that give a better outcome, and what each of them failed; from no rank, the best within reach."""
    result = story.results[table.id]
    candidates: list[tuple[int, int, int]] = []
    for index, row in enumerate(table.rows):
        outcome = known_value(row.outputs[place], story.scope)
        if outcome in wanted and index not in result.rows:
            failing = len(failing_cells(table, row, result, story.scope))
            rank = wanted.index(str(outcome))
            candidates.append((failing, rank if ranked else -rank, index))
    candidates.sort()
    # The next better outcome is never left out, even where a still better one is nearer.
    nearest = next((one for one in candidates if ranked and one[1] == 0), None)
    chosen = candidates if nearest is None else [nearest, *(one for one in candidates if one != nearest)]
    lines: list[str] = []
    for _, _, index in chosen[:MOST_RULES]:
        lines += failed_rule(table, index, place, output, story)
    return lines


def failed_rule(table: Table, index: int, place: int, output: Output, story: Story) -> list[str]:
    """One rule that would give a better outcome: the cells that failed, or the rule that came first."""
    row, result = table.rows[index], story.results[table.id]
    rule = capitalized(story.rule(table, row))
    outcome = show_value(known_value(row.outputs[place], story.scope), output.type, output, story.lang)
    failing = failing_cells(table, row, result, story.scope)
    if row.otherwise:
        return ["  " + story.say("only-otherwise", rule=rule, outcome=outcome)]
    if not failing:
        first = story.rule(table, table.rows[result.rows[0]]) if result.rows else ""
        return ["  " + story.say("comes-first", rule=rule, outcome=outcome, first=first)]
    cells = [f"    {story.failing(cell)}" for cell in failing]
    return ["  " + story.say("rule-would-give", rule=rule, outcome=outcome), *cells]


# Scorecards


def of_override(table: Table, place: int, wanted: tuple[str, ...], output: Output, story: Story) -> list[str]:
    """An override that decided, and what the points would have given; else overrides to a better outcome."""
    result = story.results[table.id]
    if not result.rows:
        return of_table(table, place, wanted, output, story) if result.status == "decided" else []
    row = table.rows[result.rows[0]]
    cells = [f"    {story.holding(cell)}" for cell in cells_of(table, row, result)]
    lines = ["  " + story.say("override-decides", rule=story.rule(table, row)), *cells]
    for step in needed_tables(output.expr):
        band, below, name = story.steps[step.step], story.results[step.step], step.output
        if band.role == "band":
            if below.status == "decided":
                outcome = show_value(below.values[name], output.type, output, story.lang)
                total = story.points(below.subjects[0])
                lines.append("  " + story.say("band-would-be", outcome=outcome, points=total))
            else:
                lines.append("  " + story.say("no-band-either"))
    return lines


def of_bands(table: Table, place: int, wanted: tuple[str, ...], output: Output, story: Story) -> list[str]:
    """The next better band, unless only an override stands in its way."""
    result = story.results[table.id]
    if result.status != "decided" or result.values[table.outputs[place][0]] in wanted:
        return []
    if len(table.columns) != 1 or not isinstance(table.columns[0].subject, StepValue):
        return of_table(table, place, wanted, output, story)
    for outcome in wanted:
        for index, row in enumerate(table.rows):
            if known_value(row.outputs[place], story.scope) != outcome:
                continue
            if row.otherwise:
                return failed_rule(table, index, place, output, story)
            shown = show_value(outcome, output.type, output, story.lang)
            return points_short(shown, Cell(table.columns[0], row.tests[0], result.subjects[0]), story)
    return []


def points_short(outcome: str, cell: Cell, story: Story) -> list[str]:
    """The points between the total and the border of a band, and what would bring them."""
    test, total = story.crossed(cell), cell.value
    words = {"outcome": outcome, "test": story.test(cell.column, test), "total": story.points(total)}
    match test:
        case Within(None, high) if high is not None:
            bound, key, better = high, "points-over", -1
        case Within(low, None) if low is not None:
            bound, key, better = low, "points-short", 1
        case _:
            return ["  " + story.say("points-beside", **words)]
    border: Any = known_value(bound.at, story.scope)
    missing: Exact = reduced(abs(border - total))
    # Beside an open border the distance alone is not enough, so it is not named.
    key = key if bound.closed else "points-beside"
    lines = ["  " + story.say(key, points=story.points(missing), **words)]
    steps = gains(story, better, missing, closed=bound.closed)
    if not steps:
        return [*lines, "  " + story.say("nothing-to-gain")]
    return [*lines, "  " + story.say("to-gain" if better > 0 else "to-lose"), *steps]


def gains(story: Story, better: int, missing: Exact, *, closed: bool) -> list[str]:
    """For each characteristic the next border towards more (`better` 1) or fewer points, and what it brings."""
    lines: list[str] = []
    for table in story.program.tables:
        weight = weights(story.program).get(table.id)
        result = story.results[table.id]
        if weight is None or result.status != "decided":
            continue
        before: Any = weight * result.values["points"]  # type: ignore[operator]
        nexts: list[tuple[int, Any, int]] = []
        for index, row in enumerate(table.rows):
            points: Any = known_value(row.outputs[0], story.scope)
            gain = 0 if points is None else (weight * points - before) * better
            failing = failing_cells(table, row, result, story.scope)
            if gain > 0 and (failing or row.otherwise):
                nexts.append((len(failing), gain, index))
        if nexts:
            _, gain, index = min(nexts)
            enough = gain > missing or (closed and gain == missing)
            lines += gain_lines(table, index, reduced(before), reduced(gain * better), story, enough=enough)
    return lines


def gain_lines(table: Table, index: int, before: Exact, gain: Exact, story: Story, *, enough: bool) -> list[str]:
    """`Premium +1 (3 → 4 points, rule premium.top)` and the cells that it asks for."""
    row = table.rows[index]
    sign = "+" if gain > 0 else ""
    head = story.say(
        "gain",
        name=story.table_name(table), gain=sign + story.points(gain), before=story.points(before),
        after=story.points(reduced(before + gain)), rule=story.rule(table, row),
        enough=story.say("enough") if enough else "",
    )  # fmt: skip
    failing = failing_cells(table, row, story.results[table.id], story.scope)
    cells = [story.failing(cell) for cell in failing] or [story.say("otherwise")]
    return [f"    {head}", *(f"      {cell}" for cell in cells)]
