"""Decision trees over the boxes of a table: which comparison to make first, and what each leaf hits.

A table's rows are boxes: on every axis a row covers some of the axis's *atoms* (the pieces that no
test tells apart). `grow` splits the box of all records until the answer is known everywhere, by the
cut that leaves the fewest rows on the worse side. Sets of rows and of atoms are the bits of an int. This
module knows neither Python syntax nor the IR; `python_tables` says what the axes are.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

DEEPEST = 60  # Python reads 100 levels of indentation
MANY = 4  # so many atoms are tried one after the other before halving pays


@dataclass(frozen=True, slots=True)
class Axis:
    """The atoms of one axis, each as the set of rows that cover it.

    On an `ordered` axis a cut separates the atoms below it from those above; on others one atom,
    or half of many, from the rest. `missing` says that atom 0 is the missing value, which must be cut off first.
    """

    rows: tuple[int, ...]
    ordered: bool
    missing: bool = False

    def cuts(self, box: int) -> Iterator[tuple[int, int, int]]:
        """The parts of a box that one comparison can separate: the part, its rows and the rows of the rest."""
        if self.missing and box & 1:
            yield 1, self.rows[0], self.touched(box & ~1)
        elif self.ordered:
            yield from self.stretches(box)
        else:
            bits = [1 << index for index in range(len(self.rows)) if box >> index & 1]
            parts = [*bits, sum(bits[: len(bits) // 2])] if len(bits) > MANY else bits
            for part in parts:
                yield part, self.touched(part), self.touched(box & ~part)

    def stretches(self, box: int) -> Iterator[tuple[int, int, int]]:
        """The lower parts of an ordered box; each row set is made from its neighbour's."""
        low, high = (box & -box).bit_length() - 1, box.bit_length()
        above = [0]
        for index in range(high - 1, low, -1):
            above.append(above[-1] | self.rows[index])
        below = part = 0
        for index in range(low, high - 1):
            below |= self.rows[index]
            part |= 1 << index
            yield part, below, above[high - 1 - index]

    def touched(self, box: int) -> int:
        """The rows that cover some atom of the box."""
        found = 0
        while box:
            found |= self.rows[(box & -box).bit_length() - 1]
            box &= box - 1
        return found

    def covered(self, box: int) -> int:
        """The rows that cover every atom of the box."""
        found = -1
        while box:
            found &= self.rows[(box & -box).bit_length() - 1]
            box &= box - 1
        return found


@dataclass(frozen=True, slots=True)
class Leaf:
    """A box where the same outcome holds everywhere."""

    outcome: Hashable


@dataclass(frozen=True, slots=True)
class Split:
    """A comparison: `inside` for records in the atoms of `part` on the axis, else `outside`."""

    axis: int
    part: int
    inside: Node
    outside: Node


Node: TypeAlias = Leaf | Split


@dataclass
class Growth:
    """The settings of one tree: what is known of a box that rows touch and cover decides when it is a leaf."""

    axes: tuple[Axis, ...]
    decide: Callable[[int, int], Hashable | None]
    first: bool
    most: int
    nodes: int = 0


def grow(
    axes: tuple[Axis, ...], row_count: int, decide: Callable[[int, int], Hashable | None], *, first: bool
) -> Node | None:
    """The tree of a table, or None when it would be too large.

    `decide(touching, covering)` is the outcome of a box that those rows touch and cover, None while
    it is open; once the two sets are equal it must answer. With `first`, rows behind one that covers
    the box are no longer looked at.
    """
    growth = Growth(axes, decide, first, 4 * row_count + 64)
    return split(growth, tuple(Side(axis, (1 << len(axis.rows)) - 1) for axis in axes), DEEPEST)


class Side:
    """The extent of a box on one axis, with the rows that touch and that cover it."""

    __slots__ = ("axis", "box", "covering", "touching")

    def __init__(self, axis: Axis, box: int) -> None:
        self.axis, self.box = axis, box
        self.touching, self.covering = axis.touched(box), axis.covered(box)


def split(growth: Growth, sides: tuple[Side, ...], depth: int) -> Node | None:
    """The tree of one box."""
    touching = covering = -1
    for side in sides:
        touching &= side.touching
        covering &= side.covering
    if growth.first and covering:
        seen = ((covering & -covering) << 1) - 1
        touching, covering = touching & seen, covering & seen
    outcome = growth.decide(touching, covering)
    if outcome is not None:
        return Leaf(outcome)
    growth.nodes += 1
    if growth.nodes > growth.most or not depth:
        return None
    index, part = best_cut(sides, touching)
    halves = []
    for atoms in (part, sides[index].box & ~part):
        half = split(growth, (*sides[:index], Side(sides[index].axis, atoms), *sides[index + 1 :]), depth - 1)
        if half is None:
            return None
        halves.append(half)
    inside, outside = halves
    return inside if inside == outside else Split(index, part, inside, outside)


def best_cut(sides: tuple[Side, ...], touching: int) -> tuple[int, int]:
    """The cut that leaves the fewest rows on its worse side, and copies the fewest to both."""
    best: tuple[int, int, int, int] | None = None
    total = touching.bit_count()
    for index, side in enumerate(sides):
        if touching & ~side.covering == 0:
            continue
        for part, rows_inside, rows_outside in side.axis.cuts(side.box):
            inside, outside = (touching & rows_inside).bit_count(), (touching & rows_outside).bit_count()
            found = (max(inside, outside) + inside + outside - total, inside + outside, index, part)
            if best is None or found < best:
                best = found
    if best is None:
        raise AssertionError("a box without a cut is decided")
    return best[2], best[3]
