"""What may still become of a case, in one line: the nearest way to a better outcome, or the outcomes still possible.

What is nearest and what is possible was found elsewhere; here it is only said, and left out where the
paragraph before says the same already.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from crm_rules.backends.prose_case import Advice, Cell, Story
from crm_rules.backends.prose_values import show_value, test_in_words
from crm_rules.ir.nodes import Constant, Expr, FieldValue, IsMissing, IsPresent, Test, Value, Within
from crm_rules.ir.program import Column, Field

MOST_OUTCOMES = 6  # more are only counted, as are outcomes of more outputs
MOST_OUTPUTS = 3


def outlook(story: Story, before: Sequence[str]) -> list[str]:
    """The lines, after the ones that were said before."""
    said = list(blocks(before))
    lines: list[str] = []
    for advice in story.case.outlook.advice:
        if not is_said(advice, said, story):
            lines += ["", nearest(advice, story)]
    return [*lines, *possible(story)]


def blocks(lines: Sequence[str]) -> Iterator[set[str]]:
    """The lines that stand together with one indent: the cells of one rule."""
    for _, together in groupby(lines, lambda line: len(line) - len(line.lstrip())):
        yield {line.strip() for line in together}


def is_said(advice: Advice, said: Sequence[set[str]], story: Story) -> bool:
    """True when the paragraph before names the same changes in the same words, as the cells of one rule."""
    if advice.changes is None or any(field.name not in story.fields for field, _, _ in advice.changes):
        return False
    cells = [
        Cell(Column(field.name, FieldValue(field.name), field.type), test, now) for field, now, test in advice.changes
    ]
    return {story.failing(cell) for cell in cells} in said


def nearest(advice: Advice, story: Story) -> str:
    """`Nearest to A: Contract amount ≥ 5,000,000 CNY (now 3,000,000 CNY)`."""
    outcome = show_value(advice.value, advice.output.type, advice.output, story.lang)
    if len(story.program.outputs) > 1:
        outcome = f"{advice.output.name} = {outcome}"
    if advice.changes is None:
        return story.say("out-of-reach", outcome=outcome)
    changes = story.say("because-list").join(change(field, now, test, story) for field, now, test in advice.changes)
    return story.say("nearest-way", outcome=outcome, changes=changes)


def change(field: Field, now: Value | None, test: Test, story: Story) -> str:
    """One field, what is asked of it, and its value now."""

    def border(expr: Expr) -> str:
        value = expr.value if isinstance(expr, Constant) else None
        return show_value(value, field.type, field, story.lang)

    shown = show_value(now, field.type, field, story.lang)
    if now is not None and field.sensitive and not story.sensitive:
        shown = story.say("hidden")
    key = "change-border" if isinstance(test, Within) else "change"
    if isinstance(test, IsMissing | IsPresent):
        key = "change"
    return story.say(key, name=name_of(field, story), test=test_in_words(test, border, story.lang), now=shown)


def name_of(field: Field, story: Story) -> str:
    """The label of a field of the chain, else its key."""
    return story.label(field.label) or field.name


def possible(story: Story) -> list[str]:
    """The outcomes still possible, or how many, and the fields on which it depends."""
    found = story.case.outlook
    if not found.outcomes:
        return []
    count = len(found.outcomes) + found.undecided
    if count > MOST_OUTCOMES or len(found.outcomes[0]) > MOST_OUTPUTS:
        line = story.say("many-possible", count=count) if count > 1 else ""
    else:
        key = "still-possible" if count > 1 else "certain"
        line = story.say(key, outcomes=listed(story))
    if found.fields:
        fields = story.say("list").join(name_of(field, story) for field in found.fields)
        line += story.say("depends-on", fields=fields)
    return ["", line] if line else []


def listed(story: Story) -> str:
    """The outcomes, the best first."""
    found = story.case.outlook
    outcomes = [
        story.say("and").join(
            show_value(value, output.type, output, story.lang)
            if len(outcome) == 1
            else f"{output.name} = {show_value(value, output.type, output, story.lang)}"
            for output, value in outcome
        )
        for outcome in found.outcomes
    ]
    if found.undecided:
        outcomes.append(story.say("no-decision"))
    return story.say("list" if len(found.outcomes[0]) == 1 else "because-list").join(outcomes)
