"""The cheapest way through a finished walk: fewest fields changed, then fewest borders crossed.

A walk keeps for every state by which pieces it is reached, so the cheapest of all boxes is a shortest path
through its layers, and no box is looked at alone. What a piece costs is measured by a `Ruler`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeAlias

from crm_rules.ir.nodes import Value
from crm_rules.questions.intervals import common
from crm_rules.questions.masks import bits
from crm_rules.questions.sets import MISSING, Interval, ValueSet, holds, to_point
from crm_rules.questions.space import Axis
from crm_rules.questions.walk import Final, State, Walk

Cost: TypeAlias = tuple[int, int, int]  # fields changed, borders crossed, and less for fields declared earlier
NO_COST: Cost = (0, 0, 0)


class Ruler:
    """Counts the borders between the value of a field now and another one.

    With `filled` False there is no value now. To fill it in, or to take another choice, crosses one border;
    to leave a field missing more than any value does.
    """

    def __init__(self, axis: Axis, now: Value | None, *, filled: bool) -> None:
        self.now, self.filled = now, filled
        self.ordered = sorted((one for piece in axis.pieces for one in piece.set.intervals), key=lambda one: one.span)
        self.far = len(self.ordered) + len(axis.domain.values) + 1
        self.place = None if now is None else self.index(now)

    def index(self, value: Value) -> int | None:
        """Which of the intervals a number or day lies in."""
        if isinstance(value, bool | str | tuple):
            return None
        point = to_point(value)
        return next((place for place, one in enumerate(self.ordered) if holds(one, point)), None)

    def crossed(self, value: Value | None) -> int:
        """The borders between now and a value that is another one."""
        if value is None:
            return self.far
        place = self.index(value)
        return 1 if place is None or self.place is None else max(1, abs(place - self.place))

    def nearest(self, some: ValueSet) -> tuple[int, ValueSet]:
        """The borders to the nearest part of a piece, and that part."""
        if self.filled and some.contains(self.now):
            return 0, some
        parts = [(self.steps(one), ValueSet((one,))) for one in some.intervals]
        if some.values:
            parts.append((1, ValueSet(values=some.values)))
        if some.missing:
            parts.append((self.far, MISSING))
        least = min(steps for steps, _ in parts)
        found = ValueSet()
        for steps, part in parts:
            if steps == least:
                found |= part
        return least, found

    def steps(self, one: Interval) -> int:
        """The borders to an interval of the axis."""
        if self.place is None:
            return 1
        # Pieces that touch are one interval in a set of several.
        return min(abs(place - self.place) for place, each in enumerate(self.ordered) if common((each,), (one,)))


def cheapest(
    walked: Walk, wanted: Callable[[Final], bool], cost: Callable[[int, int], Cost]
) -> tuple[Cost, Mapping[int, int]] | None:
    """The cheapest way to a wanted final state: what it costs, and its moves by the axis's place; None without one.

    `cost` is that of one move (place of the axis, place of the piece).
    """
    ends = [state for state, final in walked.ends.items() if wanted(final)]
    if not ends:
        return None
    start = next(iter(next(iter(walked.back[0].values())))) if walked.back else ends[0]
    layers: list[dict[State, tuple[Cost, Any, int]]] = [{start: (NO_COST, None, 0)}]
    edges: dict[tuple[int, int], tuple[Cost, int]] = {}
    for place, came in zip(walked.order, walked.back, strict=True):
        before, after = layers[-1], {}
        for state, origins in came.items():
            best: tuple[Cost, Any, int] | None = None
            for origin, moves in origins.items():
                edge = edges.get((place, moves))
                if edge is None:
                    edge = edges[place, moves] = cheapest_moves(moves, partial(cost, place))
                total = plus(before[origin][0], edge[0])
                if best is None or total < best[0]:
                    best = total, origin, edge[1]
            if best is not None:
                after[state] = best
        layers.append(after)
    state = min(ends, key=lambda one: layers[-1][one][0])
    total = layers[-1][state][0]
    box: dict[int, int] = {}
    for place, layer in zip(reversed(walked.order), reversed(layers), strict=False):
        _, state, box[place] = layer[state]
    return total, box


def cheapest_moves(moves: int, cost: Callable[[int], Cost]) -> tuple[Cost, int]:
    """The least cost of some moves of one axis, and those that have it."""
    costs = {piece: cost(piece) for piece in bits(moves)}
    least = min(costs.values())
    return least, sum(1 << piece for piece, one in costs.items() if one == least)


def plus(one: Cost, other: Cost) -> Cost:
    """The sum of two costs."""
    return one[0] + other[0], one[1] + other[1], one[2] + other[2]
