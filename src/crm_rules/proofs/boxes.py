"""Boxes of a walk told as few and in words: neighbours joined, and beside a date what is derived from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

from crm_rules.ir.nodes import Anything, StepValue
from crm_rules.ir.program import Derive, Program
from crm_rules.ir.types import Date, Integer
from crm_rules.questions.extent import Extents
from crm_rules.questions.sets import Domain, ValueSet
from crm_rules.questions.space import Axis, Space, fields_of, written_out
from crm_rules.questions.words import show_set

Box: TypeAlias = dict[int, int]


def joined_boxes(boxes: Iterable[Box]) -> list[Box]:
    """The boxes with neighbours joined: two that differ on one axis alone are one that takes the moves of both.

    A greedy merge, axis by axis until nothing changes; the boxes together stay the same records.
    """
    left = [dict(sorted(box.items())) for box in boxes]
    axes = list(dict.fromkeys(place for box in left for place in box))
    changed = True
    while changed:
        changed = False
        for axis in axes:
            groups: dict[tuple[tuple[int, int], ...], int] = {}
            for box in left:
                rest = tuple((place, moves) for place, moves in box.items() if place != axis)
                groups[rest] = groups.get(rest, 0) | box[axis]
            if len(groups) < len(left):
                left = [dict(sorted((*rest, (axis, moves)))) for rest, moves in groups.items()]
                changed = True
    return left


class Teller:
    """Says a box as an author would: `expected_close from 2026-07-16 to 2026-08-15 (months_to_close is 2)`.

    What is derived from a field is told where a rule of the region tests it, or any rule when none of those does.
    """

    def __init__(self, programs: tuple[Program, Program], both: Program) -> None:
        self.both = both
        self.derived: dict[str, tuple[Derive, Program]] = {}
        self.tested: dict[str, set[str]] = {}
        for program in programs:
            steps = {step.id: step for step in program.steps if isinstance(step, Derive)}
            for name, table, row in program.rules():
                for column, test in zip(table.columns, row.tests, strict=False):
                    subject = column.subject
                    if isinstance(subject, StepValue) and subject.step in steps and not isinstance(test, Anything):
                        self.tested.setdefault(name, set()).add(subject.step)
                        self.derived.setdefault(subject.step, (steps[subject.step], program))

    def words(self, here: Space, sets: Mapping[int, ValueSet], rules: Iterable[str]) -> str:
        """A box of a space in words; `rules` are those that decide there."""
        names = sorted({step for rule in rules for step in self.tested.get(rule, ())})
        return ", ".join(
            side for place in sorted(sets) if (side := self.side(here, here.axes[place], sets[place], names))
        )

    def side(self, here: Space, axis: Axis, some: ValueSet, names: Iterable[str]) -> str:
        """What a box asks of one axis; empty when it asks nothing."""
        words = show_set(axis.name, some, axis.domain)
        if not words or not axis.is_field or not some.intervals:
            return words
        field = axis.fields[0]
        also = ", ".join([*self.follows(here, field, some, names)] or self.follows(here, field, some, self.derived))
        return f"{words} ({also})" if also else words

    def follows(self, here: Space, field: str, some: ValueSet, names: Iterable[str]) -> Iterator[str]:
        """What is derived from a field that lies in a set."""
        for name in names:
            step, program = self.derived[name]
            derived = {one.id: one.expr for one in program.steps if isinstance(one, Derive)}
            expr = written_out(step.expr, derived)
            if fields_of(expr) != (field,) or not isinstance(step.type, Integer | Date):
                continue
            extents = Extents(program, here.today)
            everything = extents.of(expr)
            extents = Extents(program, here.today)
            extents.fields[field] = some
            words = show_set(name, extents.of(expr), Domain(step.type, 1, everything))
            if words:
                yield words
