"""The problems of a record in words: which field, what was found, what was expected.

`read_record` says both in English; here they are said again in the language of the explanation, from
the field's declaration and the fact itself.
"""

from __future__ import annotations

import re
from typing import Any

from crm_rules.backends.prose_case import Story
from crm_rules.backends.prose_values import in_language, show_value
from crm_rules.ir import days
from crm_rules.ir.program import Field, Label
from crm_rules.ir.record import Problem
from crm_rules.ir.types import Boolean, Choice, Date, Integer, Money, Number, Text, Type, show_type

# What `show_fact` says, and the words for it in the other language.
FOUND = (
    (re.compile(r"the text `(.*?)`?", re.DOTALL), "found-text"),
    (re.compile(r"a `(.*?)`?", re.DOTALL), "found-strange"),
    (re.compile(r"a record"), "found-record"),
    (re.compile(r"a list"), "found-list"),
    (re.compile(r"bytes that are no text yet"), "found-bytes"),
    (re.compile(r"a whole number of more than 60 digits"), "found-long"),
)


def problem_line(problem: Problem, story: Story) -> str:
    """One problem, named by label and key."""
    field = story.fields.get(problem.field)
    label = "" if field is None else story.label(field.label)
    name = story.say("labelled", label=label, value=problem.field) if label else problem.field
    if problem.code == "missing":
        return story.say("problem-missing", field=name, expected=expected(problem, field, story))
    return story.say("problem", field=name, found=found(problem, story), expected=expected(problem, field, story))


def found(problem: Problem, story: Story) -> str:
    """The fact that was not accepted; a sensitive one is not shown."""
    if problem.field in story.hidden:
        return story.say("hidden")
    if story.lang == "en":
        return problem.found
    if problem.found == "nothing":
        return story.say("missing")
    for form, key in FOUND:
        match = form.fullmatch(problem.found)
        if match is not None:
            return story.say(key, text=match[1] if match.groups() else "")
    return story.say("found-other", text=problem.found)


def expected(problem: Problem, field: Field | None, story: Story) -> str:
    """What would have been accepted."""
    if field is None:
        return expected_currency(problem, story)
    match problem.code:
        case "out-of-range":
            return expected_range(field, story)
        case "decimals":
            return story.say("expect-decimals", decimals=field.decimals)
        case "too-many-digits":
            return story.say("expect-digits")
        case "currency":
            return expected_currency(problem, story)
        case _:
            return expected_type(field.type, field, story)


def expected_currency(problem: Problem, story: Story) -> str:
    """The currency of the money field whose currency the fact should have been."""
    for field in story.program.fields:
        if field.currency == problem.field and isinstance(field.type, Money):
            name = story.label(field.label) or field.name
            return story.say("expect-currency", unit=field.type.unit, field=name)
    return problem.expected


def expected_range(field: Field, story: Story) -> str:
    """The limits of a field."""
    if isinstance(field.type, Date):
        return story.say("expect-between", low=field.low or days.FIRST, high=field.high or days.LAST)

    def shown(limit: Any) -> str:
        return show_value(limit, field.type, None, story.lang)

    parts = [] if field.low is None else [story.say("expect-at-least", low=shown(field.low))]
    parts += [] if field.high is None else [story.say("expect-at-most", high=shown(field.high))]
    return story.say("and").join(parts)


def expected_type(kind: Type, field: Field, story: Story) -> str:  # noqa: PLR0911 - one case a type
    """The type of a field in words, the choices with their labels."""
    match kind:
        case Boolean():
            return story.say("expect-boolean")
        case Integer():
            return story.say("expect-integer")
        case Number():
            return story.say("expect-number")
        case Money(unit):
            return story.say("expect-money", unit=unit)
        case Choice(one_of):
            return story.say("expect-choice", choices=choices(one_of, field, story))
        case Text():
            return story.say("expect-text")
        case Date():
            return story.say("expect-date")
        case _:
            return story.say("expect-other", type=show_type(kind))


def choices(one_of: tuple[str, ...], field: Field, story: Story) -> str:
    """The choices, the key first, because it is what a record holds."""
    labels = dict(field.value_labels)
    found = []
    for value in one_of:
        label = in_language(labels.get(value, Label()), story.lang)
        found.append(story.say("labelled", label=value, value=label) if label and label != value else value)
    return story.say("list").join(found)
