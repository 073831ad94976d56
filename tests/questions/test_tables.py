"""Boxes of a table against every cell of a small grid, counted out."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crm_rules.questions.masks import Unfinished, bits
from crm_rules.questions.tables import Box, Boxes, Grid, joined

Cell = tuple[int, ...]


@st.composite
def boxes(draw: Any, *, disjoint: bool = False) -> Boxes:
    """Up to five rows over up to three axes of up to four pieces; some rows cannot hold at all."""
    sizes = draw(st.lists(st.integers(1, 4), max_size=3))
    count = draw(st.integers(0, 5))
    if disjoint:  # pieces of one axis belong to one row each
        sizes = sizes or [2]
        owners = draw(st.lists(st.integers(0, max(count - 1, 0)), min_size=sizes[0], max_size=sizes[0]))
        first = tuple(1 << owner if count else 0 for owner in owners)
        rest = [tuple(draw(st.integers(0, (1 << count) - 1)) for _ in range(size)) for size in sizes[1:]]
        masks = (first, *rest)
    else:
        masks = tuple(tuple(draw(st.integers(0, (1 << count) - 1)) for _ in range(size)) for size in sizes)
    ordinary = draw(st.one_of(st.just((1 << count) - 1), st.integers(0, (1 << count) - 1)))
    return Boxes(Grid(count, masks), ordinary)


def cells(some: Boxes, box: Box | None = None) -> list[Cell]:
    """Every combination of pieces, of a box or of all."""
    box = some.grid.everything if box is None else box
    return list(product(*(tuple(bits(pieces)) for pieces in box)))


def rows_at(some: Boxes, cell: Cell) -> set[int]:
    """The rows that hold in one combination of pieces."""
    alive = some.ordinary
    for masks, piece in zip(some.grid.masks, cell, strict=True):
        alive &= masks[piece]
    return set(bits(alive))


@st.composite
def questions(draw: Any) -> tuple[Boxes, Box, int]:
    """A grid, a box of it and some of its rows."""
    some = draw(st.one_of(boxes(), boxes(disjoint=True)))
    box = tuple(draw(st.one_of(st.just(full), st.integers(0, full))) for full in some.grid.everything)
    rows = draw(st.one_of(st.just(some.grid.all_rows), st.integers(0, some.grid.all_rows)))
    return some, box, rows


@given(questions())
@example((Boxes(Grid(0, ()), 0), (), 0))
@example((Boxes(Grid(1, ()), 1), (), 1))
@example((Boxes(Grid(2, ((1, 2),)), 3), (3,), 3))
@example((Boxes(Grid(2, ((1, 2), (3, 3))), 3), (3, 3), 1))
def test_the_uncovered_boxes_are_what_no_row_covers(question: tuple[Boxes, Box, int]) -> None:
    """Together they are all uncovered cells of the box, and none of them holds a covered one."""
    some, box, rows = question
    found = {cell for one in some.uncovered(box, rows) for cell in cells(some, one)}
    wanted = {cell for cell in cells(some, box) if not rows_at(some, cell) & set(bits(rows))}
    assert found == wanted
    assert some.is_covered(box, rows) == (not wanted)


@given(boxes())
def test_two_rows_overlap_where_both_hold(some: Boxes) -> None:
    """Every pair that shares a cell is told once, the earlier row first, and `common` is what they share."""
    shared: dict[tuple[int, int], set[Cell]] = {}
    for cell in cells(some):
        rows = sorted(rows_at(some, cell))
        for place, row in enumerate(rows):
            for other in rows[place + 1 :]:
                shared.setdefault((row, other), set()).add(cell)
    found = list(some.overlaps())
    assert sorted(found) == sorted(shared)
    assert some.disjoint == (not shared)
    for pair in found:
        assert set(cells(some, some.common(*pair))) == shared[pair]


@given(boxes())
def test_rows_meet_where_they_share_a_cell(some: Boxes) -> None:
    """`meeting` has a row's neighbours and the row itself; `is_empty` says that it holds nowhere."""
    for row in range(some.grid.rows):
        own = [rows for cell in cells(some) if row in (rows := rows_at(some, cell))]
        assert some.is_empty(row) == (not own)
        assert set(bits(some.meeting(row))) == set().union(*own)
        for other in range(some.grid.rows):
            if own and not some.is_empty(other):
                assert some.is_within(row, other) == all(other in rows for rows in own)


@given(questions())
def test_a_box_meets_the_rows_that_hold_in_it(question: tuple[Boxes, Box, int]) -> None:
    """`within` keeps, of some rows that can hold, those that hold somewhere in the box."""
    some, box, rows = question
    if all(box):
        wanted = {row for cell in cells(some, box) for row in rows_at(some, cell)} & set(bits(rows))
        assert set(bits(some.within(box, rows & some.live))) == wanted


@given(questions())
def test_joined_boxes_are_the_same_cells(question: tuple[Boxes, Box, int]) -> None:
    """Joining loses and adds no cell, never makes more boxes, and does it again without effect."""
    some, box, rows = question
    before = list(some.uncovered(box, rows))
    after = joined(before)
    assert len(after) <= len(before)
    assert {cell for one in after for cell in cells(some, one)} == {cell for one in before for cell in cells(some, one)}
    assert joined(after) == after


def test_boxes_that_differ_on_one_axis_become_one() -> None:
    """Two halves of one axis are the whole of it; boxes that differ on two axes stay apart."""
    assert joined([(1, 3), (2, 3)]) == [(3, 3)]
    assert joined([(1, 1), (2, 2)]) == [(1, 1), (2, 2)]
    assert joined([(1, 1), (1, 2), (2, 1), (2, 2)]) == [(3, 3)]
    assert joined([]) == []


def test_a_search_that_is_too_long_stops() -> None:
    """Beyond the allowed steps there is no answer; within them there is."""
    masks = tuple((0b11 << 2 * axis ^ 0xFFFF, 0xFFFF) for axis in range(8))
    some = Boxes(Grid(16, masks), 0xFFFF, most=3)
    with pytest.raises(Unfinished, match="3 combinations"):
        list(some.uncovered(some.grid.everything, 0b0101_0101_0101_0101))
