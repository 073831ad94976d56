"""All outcomes of a program, or of several side by side: a walk over the axes of a space, layer by layer.

A state says which rows are still possible and what the finished steps gave. Taking one axis after
the other, each state moves to one state for each group of pieces that leave the same rows; equal
states are one. Points flow into their total as soon as a characteristic is finished, so that a
scorecard has few states however many combinations it has. At the end each final state is an outcome
with all the boxes that lead to it.

The walk is exact for boxes; whether a box over `joint` axes has a record is for `solve` to show.
It stops with `Unfinished` when it has made as many moves as it may.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from types import MappingProxyType
from typing import TypeAlias

from crm_rules.dataclass import dataclass
from crm_rules.questions.masks import Unfinished, bits
from crm_rules.questions.running import Outcome, Runner, Slots
from crm_rules.questions.sets import ValueSet
from crm_rules.questions.space import Axis, Space

MOST_MOVES = 300_000
State: TypeAlias = tuple[tuple[int, Slots], ...]  # of each machine: the rows still possible, what is finished
Move: TypeAlias = tuple[int, tuple[int, ...]]  # the bit of the move, and a mask of rows for each machine


@dataclass(frozen=True, slots=True)
class Final:
    """A final state: the outcome of each program."""

    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True, slots=True)
class Walk:
    """The finished walk: its final states, and for each layer where every state came from by which moves."""

    space: Space
    order: tuple[int, ...]
    back: tuple[dict[State, dict[State, int]], ...]
    ends: Mapping[State, Final]
    moves: tuple[tuple[Move, ...], ...]
    pairs: Mapping[int, tuple[tuple[int, int], ...]] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def finals(self) -> tuple[Final, ...]:
        """The different outcomes, in the order in which they were found."""
        return tuple(dict.fromkeys(self.ends.values()))

    def boxes(self, final: Final, most: int = 64) -> Iterator[dict[int, int]]:
        """Boxes that lead to an outcome: a mask of moves for each axis by its place; at most `most`."""
        left = [most]
        for state, found in self.ends.items():
            if found == final:
                yield from self.paths(state, len(self.order), {}, left)

    def paths(self, state: State, layer: int, box: dict[int, int], left: list[int]) -> Iterator[dict[int, int]]:
        """The boxes that lead to a state of a layer."""
        if left[0] <= 0:
            return
        if layer == 0:
            left[0] -= 1
            yield dict(box)
            return
        axis = self.order[layer - 1]
        for before, moves in self.back[layer - 1][state].items():
            yield from self.paths(before, layer - 1, {**box, axis: moves}, left)

    def sets(self, box: Mapping[int, int], machine: int = 0) -> dict[int, ValueSet]:
        """The values that a box allows on each axis; of a paired axis those of one machine."""
        found: dict[int, ValueSet] = {}
        for place, moves in box.items():
            axis = self.space.axes[place]
            pairs = self.pairs.get(place)
            some = ValueSet()
            for index in bits(moves):
                some |= axis.pieces[index if pairs is None else pairs[index][machine]].set
            found[place] = some
        return found


def walk(
    space: Space,
    *,
    watch: Iterable[str] = (),
    rules: bool = False,
    only: Mapping[int, ValueSet] = MappingProxyType({}),
    pairs: Mapping[int, tuple[tuple[int, int], ...]] = MappingProxyType({}),
    last: tuple[int, ...] = (),
    most: int = MOST_MOVES,
) -> Walk:
    """Walk a space; raises `Unfinished` after `most` moves.

    `watch` names steps whose results tell outcomes apart, `rules` tells the deciding rows apart, `only`
    limits axes (by place) to some values. With `pairs` an axis takes different pieces in the two machines.
    The axes of `last` are taken at the end.
    """
    order = ordered(space, (*pairs, *last))
    runners = [Runner(space, number, order, tuple(watch), keep_rules=rules) for number in range(len(space.machines))]
    moves = tuple(moves_of(space.axes[place], only.get(place), pairs.get(place), len(runners)) for place in order)
    layer: dict[State, None] = {tuple(runner.start() for runner in runners): None}
    back: list[dict[State, dict[State, int]]] = []
    made = 0
    for depth, possible in enumerate(moves, 1):
        came: dict[State, dict[State, int]] = {}
        groups: dict[tuple[int, ...], dict[tuple[int, ...], int]] = {}
        for state in layer:
            alive = tuple(rows for rows, _ in state)
            grouped = groups.get(alive)
            if grouped is None:
                grouped = groups[alive] = group(alive, possible)
                made += len(possible)
            made += len(grouped)
            if made > most:
                raise Unfinished(f"stopped after {most:,} combinations", (space.axes[place].name for place in order))
            for after, taken in grouped.items():
                child = tuple(
                    runner.finish(depth, rows, slots)
                    for runner, rows, (_, slots) in zip(runners, after, state, strict=True)
                )
                origins = came.setdefault(child, {})
                origins[state] = origins.get(state, 0) | taken  # two groups of moves may end in one state
        back.append(came)
        layer = dict.fromkeys(came)
    ends = {
        state: Final(tuple(runner.outcome(slots) for runner, (_, slots) in zip(runners, state, strict=True)))
        for state in layer
    }
    return Walk(space, order, tuple(back), ends, moves, pairs)


def group(alive: tuple[int, ...], moves: tuple[Move, ...]) -> dict[tuple[int, ...], int]:
    """The moves by the rows that they leave possible."""
    found: dict[tuple[int, ...], int] = {}
    if len(alive) == 1:
        (rows,) = alive
        for bit, masks in moves:
            one = (rows & masks[0],)
            found[one] = found.get(one, 0) | bit
        return found
    for bit, masks in moves:
        after = tuple(rows & mask for rows, mask in zip(alive, masks, strict=True))
        found[after] = found.get(after, 0) | bit
    return found


def moves_of(
    axis: Axis, only: ValueSet | None, pairs: tuple[tuple[int, int], ...] | None, machines: int
) -> tuple[Move, ...]:
    """The moves of one axis: a piece for all machines, or a pair of pieces for the two."""
    if pairs is not None:
        return tuple(
            (1 << index, (axis.masks[0][one], axis.masks[1][other])) for index, (one, other) in enumerate(pairs)
        )
    allowed = [index for index, piece in enumerate(axis.pieces) if only is None or axis.domain.grid(piece.set & only)]
    return tuple((1 << index, tuple(axis.masks[one][index] for one in range(machines))) for index in allowed)


def ordered(space: Space, last: tuple[int, ...]) -> tuple[int, ...]:
    """The axes table by table, so that a table is finished soon; `last` at the end."""
    found: dict[int, None] = {}
    for machine in space.machines:
        for rows in machine.tables:
            for place in sorted(rows.axes, key=lambda one: len(space.axes[one].pieces)):
                if place not in last:
                    found[place] = None
    return (*found, *last)
