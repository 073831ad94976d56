"""The population step of programs built by hand: what is measured, who is, in which order, and what is ill-typed."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from crm_rules.ir.check import check
from crm_rules.ir.inline import inline
from crm_rules.ir.measure import measured
from crm_rules.ir.nodes import Expr, FieldValue, StepValue, Subtract
from crm_rules.ir.population import MEASURES, Measure, Population
from crm_rules.ir.program import Derive, Field, Output, Program
from crm_rules.ir.show import show_program
from crm_rules.ir.types import Choice, Integer, Text

PART = Choice(("x", "y"))


def filled(name: str, measure: Measure) -> Field:
    """A field that a measure fills."""
    kind, low, high = MEASURES[measure]
    return Field(name, kind, low=low, high=high)


def population(value: Expr, *measures: Measure, within: tuple[Expr, ...] = (), positive: bool = True) -> Population:
    """A population whose fields have the names of their measures."""
    return Population(value, tuple((measure, measure) for measure in measures), within, positive)


def program(*populations: Population, fields: tuple[Field, ...] | None = None) -> Program:
    """A program over `n`, `part` and what is measured, with the derived value `rest`."""
    if fields is None:
        fields = tuple(filled(name, measure) for one in populations for name, measure in one.measures)
    own = (Field("n", Integer(), optional=True), Field("part", PART), Field("text", Text(), optional=True))
    rest = Derive("rest", Subtract(FieldValue("n"), FieldValue("position")), Integer())
    steps = (rest,) if any(field.name == "position" for field in fields) else ()
    outputs = (Output("out", Integer(), FieldValue("n"), optional=True),)
    return Program("p", "1", "ranking", (*own, *fields), (), steps, outputs, population=populations)


ALL = population(
    FieldValue("n"),
    "position",
    "last_position",
    "population",
    "heads_before",
    "heads_with",
    "share_before",
    "share_with",
    within=(FieldValue("part"),),
)
PROGRAM = program(ALL)


def records(*values: int | None) -> list[dict[str, Any]]:
    """Records of one part."""
    return [{"n": value, "part": "x", "text": None} for value in values]


def test_every_measure_is_what_it_says() -> None:
    """Two equals, one larger, two that are not ranked, one that is not usable, another part that counts for itself."""
    others: list[Any] = [None, {"n": 100, "part": "y", "text": None}]
    found = measured(PROGRAM, [*records(6, 2, 2, 0, None), *others])
    names = [name for name, _ in ALL.measures]
    assert [tuple(one[name] for name in names) for one in found[:5]] == [
        (1, 1, 3, 0, Fraction(1, 3), 0, Fraction(3, 5)),
        (2, 3, 3, Fraction(1, 3), 1, Fraction(3, 5), 1),
        (2, 3, 3, Fraction(1, 3), 1, Fraction(3, 5), 1),
        (4, 3, 3, 1, 1, 1, 1),
        (4, 3, 3, 1, 1, 1, 1),
    ]
    assert found[5] == {}
    assert found[6]["share_with"] == 1


def test_where_nobody_is_ranked_everybody_stands_behind_nobody() -> None:
    """No count and no sum is divided by."""
    (found,) = measured(PROGRAM, records(0))
    assert found == {
        "position": 1, "last_position": 0, "population": 0,
        "heads_before": 1, "heads_with": 1, "share_before": 1, "share_with": 1,
    }  # fmt: skip


def test_a_later_population_may_rank_what_an_earlier_one_has_filled() -> None:
    """Populations are measured in order, each over what those before it gave."""
    second = replace(population(StepValue("rest", "rest"), positive=False), measures=(("again", "position"),))
    both = program(
        population(FieldValue("n"), "position"),
        second,
        fields=(filled("position", "position"), filled("again", "position")),
    )
    assert check(both) == []
    assert [one["again"] for one in measured(both, records(5, 9, 7, None))] == [3, 1, 2, 4]


def test_a_population_is_shown() -> None:
    """A reader of the program sees who is ranked by what."""
    shown = show_program(program(population(FieldValue("n"), "position", within=(FieldValue("part"),))))
    assert "\npopulation n, positive, within part: position = position\n" in shown


def test_inlining_keeps_the_population_under_the_names_of_the_whole() -> None:
    """A ranking that another program requires is measured in the whole as it was alone."""
    below = program(population(FieldValue("n"), "position"))
    derived = replace(below, population=(replace(below.population[0], value=StepValue("rest", "rest")),))
    above = Program(
        "q", "1", "ladder", (Field("n2", Integer(), optional=True),), (), (),
        (Output("out", Integer(), FieldValue("n2"), optional=True),), required=(("n2", "p", "out"),),
    )  # fmt: skip
    assert inline(above, {"n2": (below, "out")}).population == below.population
    (moved,) = inline(above, {"n2": (derived, "out")}).population
    assert moved.value == StepValue("p/rest", "p/rest")


ITSELF = population(StepValue("rest", "rest"), "position")
FAULTS: dict[str, tuple[Program, str]] = {
    "an absent field": (program(population(FieldValue("n"), "position"), fields=()), "no field that a position can"),
    "another type": (
        program(population(FieldValue("n"), "share_with"), fields=(Field("share_with", Integer()),)),
        "no field that a share_with can",
    ),
    "an optional field": (
        program(
            population(FieldValue("n"), "position"), fields=(replace(filled("position", "position"), optional=True),)
        ),
        "no field that a position can",
    ),
    "a share of all values": (program(population(FieldValue("n"), "share_with", positive=False)), "share of the value"),
    "ranked by a text": (program(population(FieldValue("text"), "position")), "ranked by a number"),
    "divided by a number": (
        program(population(FieldValue("n"), "position", within=(FieldValue("n"),))),
        "divided by a choice",
    ),
    "ranked by itself": (program(ITSELF), "fills itself or later: `position`"),
    "ranked by a later one": (
        program(
            replace(ITSELF, measures=(("again", "position"),)),
            population(FieldValue("n"), "position"),
            fields=(filled("again", "position"), filled("position", "position")),
        ),
        "fills itself or later: `position`",
    ),
    "filled twice": (
        program(
            population(FieldValue("n"), "position"),
            population(FieldValue("n"), "position"),
            fields=(filled("position", "position"),),
        ),
        "fills `position` twice",
    ),
    "an unknown field": (program(population(FieldValue("m"), "position")), "`m`"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_an_ill_typed_population_is_reported(fault: str) -> None:
    """Whoever builds a program by hand, or reads one, learns what the population cannot do."""
    ranking, words = FAULTS[fault]
    assert any(words in item.message for item in check(ranking))


def test_what_divides_a_population_is_never_missing() -> None:
    """A record without a part would belong nowhere."""
    fields = tuple(
        replace(field, optional=True) if field.name == "part" else field
        for field in program(population(FieldValue("n"), "position", within=(FieldValue("part"),))).fields
    )
    ranking = replace(program(population(FieldValue("n"), "position", within=(FieldValue("part"),))), fields=fields)
    assert [item.message for item in check(ranking)] == ["what divides a population may be missing"]
