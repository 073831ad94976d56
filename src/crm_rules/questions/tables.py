"""One table as boxes: what no row covers, what several rows cover, what earlier rows leave to a later one.

Everything here is arithmetic on bit masks: a row is a set of pieces on each axis, and a piece is a set of
rows. The answers are exact for boxes and say nothing of what the rows give. Searches count their
steps and raise `Unfinished` beyond `most`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from math import prod
from operator import and_

from crm_rules.dataclass import dataclass
from crm_rules.questions.masks import Unfinished, bits

MOST_STEPS = 1_000_000  # pieces that are looked at
Box = tuple[int, ...]  # a mask of pieces for each axis


@dataclass(frozen=True, slots=True)
class Grid:
    """A table's rows over its axes: `masks[axis][piece]` is the set of rows that the piece leaves possible."""

    rows: int
    masks: tuple[tuple[int, ...], ...]

    @property
    def everything(self) -> Box:
        """The box of all records."""
        return tuple((1 << len(pieces)) - 1 for pieces in self.masks)

    @property
    def all_rows(self) -> int:
        """Every row."""
        return (1 << self.rows) - 1


class Boxes:
    """The boxes of the rows of a grid, and what they leave open."""

    def __init__(self, grid: Grid, ordinary: int, most: int = MOST_STEPS) -> None:
        self.grid = grid
        self.ordinary = ordinary
        self.most = most
        self.steps = 0
        self.of_row: list[Box] = list(zip(*(transposed(pieces, grid.rows) for pieces in grid.masks), strict=True))
        if not grid.masks:
            self.of_row = [()] * grid.rows
        self.possible: list[dict[int, int]] = [{} for _ in grid.masks]
        self.certain: list[dict[int, int]] = [{} for _ in grid.masks]

    def is_empty(self, row: int) -> bool:
        """True when no record passes the cells of a row."""
        return not self.ordinary >> row & 1 or not all(self.of_row[row])

    @cached_property
    def live(self) -> int:
        """The rows that some record passes."""
        return sum(1 << row for row in bits(self.ordinary) if all(self.of_row[row]))

    def meeting(self, row: int) -> int:
        """The rows, itself included, that share a record with a row."""
        return self.within(self.of_row[row], self.live) if self.live >> row & 1 else 0

    def within(self, box: Box, rows: int) -> int:
        """The rows, of some, that share a record with a box."""
        for axis, pieces in enumerate(box):
            known = self.possible[axis]
            possible = known.get(pieces)
            if possible is None:
                masks, possible = self.grid.masks[axis], 0
                for index in bits(pieces):
                    possible |= masks[index]
                known[pieces] = possible
            rows &= possible
        return rows

    def overlaps(self) -> Iterator[tuple[int, int]]:
        """Every pair of rows that share a record, the earlier one first."""
        for row in range(self.grid.rows):
            for other in bits(self.meeting(row) >> (row + 1)):
                yield row, row + 1 + other

    @cached_property
    def disjoint(self) -> bool:
        """True when no two rows share a record."""
        return next(self.overlaps(), None) is None

    def common(self, *rows: int) -> Box:
        """The box in which several rows hold."""
        box = self.grid.everything
        for row in rows:
            box = clipped(box, self.of_row[row])
        return box

    def is_within(self, row: int, other: int) -> bool:
        """True when every record of a row is one of the other row."""
        return all(not one & ~its for one, its in zip(self.of_row[row], self.of_row[other], strict=True))

    def is_covered(self, box: Box, rows: int) -> bool:
        """True when some of the rows covers each record of a box."""
        return next(self.uncovered(box, rows), None) is None

    def uncovered(self, box: Box, rows: int) -> Iterator[Box]:
        """Boxes within a box that none of the rows covers; together they are all that is not covered."""
        if all(box):
            yield from self.search(box, self.within(box, rows & self.live), set(range(len(box))), set())

    def search(self, box: Box, alive: int, axes: set[int], covered: set[tuple[int, frozenset[int]]]) -> Iterator[Box]:
        """Take the axis that tells the rows apart best; `covered` remembers where nothing was found before."""
        if not alive:
            yield box
            return
        # Rows that share no record cover a box when their pieces add up to it.
        if self.disjoint and sum(size(clipped(box, self.of_row[row])) for row in bits(alive)) == size(box):
            return
        key = (alive, frozenset(axes))
        if key in covered:
            return
        axis = self.telling(box, alive, axes)
        if axis is None:
            return
        masks = self.grid.masks[axis]
        groups: dict[int, int] = {}
        for index in bits(box[axis]):
            after = alive & masks[index]
            groups[after] = groups.get(after, 0) | 1 << index
        self.steps += box[axis].bit_count() + 1
        if self.steps > self.most:
            raise Unfinished(f"stopped after {self.most:,} combinations")
        found = False
        for after, pieces in groups.items():
            for one in self.search((*box[:axis], pieces, *box[axis + 1 :]), after, axes - {axis}, covered):
                found = True
                yield one
        if not found:
            covered.add(key)

    def telling(self, box: Box, alive: int, axes: set[int]) -> int | None:
        """The axis that limits most of the rows within the box; None when one of them covers it."""
        counts: dict[int, int] = {}
        whole = alive
        for axis in axes:
            certain = self.certain_on(axis, box[axis])
            whole &= certain
            counts[axis] = (alive & ~certain).bit_count()
        return None if whole else max(counts, key=lambda axis: (counts[axis], -axis))

    def certain_on(self, axis: int, pieces: int) -> int:
        """The rows that are possible on each of the pieces of an axis."""
        known = self.certain[axis]
        rows = known.get(pieces)
        if rows is None:
            masks, rows = self.grid.masks[axis], self.grid.all_rows
            for index in bits(pieces):
                rows &= masks[index]
            known[pieces] = rows
        return rows


def transposed(masks: tuple[int, ...], rows: int) -> list[int]:
    """For each row the pieces on which it is possible, from the rows of each piece."""
    if not rows:
        return []
    columns = [format(mask, f"0{rows}b") for mask in reversed(masks)]
    return [int("".join(digits), 2) for digits in zip(*columns, strict=True)][::-1]


def clipped(box: Box, other: Box) -> Box:
    """What two boxes share."""
    return tuple(map(and_, box, other))


def size(box: Box) -> int:
    """How many combinations of pieces a box has."""
    return prod(map(int.bit_count, box))


def joined(boxes: Sequence[Box]) -> list[Box]:
    """The same records in fewer boxes: boxes that differ on one axis only become one."""
    found = list(dict.fromkeys(boxes))
    axes = len(found[0]) if found else 0
    changed = True
    while changed:
        changed = False
        for axis in range(axes):
            groups: dict[Box, int] = {}
            for box in found:
                key = (*box[:axis], 0, *box[axis + 1 :])
                groups[key] = groups.get(key, 0) | box[axis]
            if len(groups) < len(found):
                changed = True
                found = [(*key[:axis], pieces, *key[axis + 1 :]) for key, pieces in groups.items()]
    return found
