"""The findings of one table: gaps, overlaps, conflicts, and rules, columns and hit policies that say nothing.

What exists on one day is a finding with a witness of that day; what never happens has to be so on every
day. A finding over `joint` axes needs a record that shows it, otherwise there is a note.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from crm_rules.codes import diagnose
from crm_rules.diagnostics import Diagnostic, Label
from crm_rules.ir.evaluate import Evaluation
from crm_rules.ir.nodes import Anything, Expr
from crm_rules.ir.program import Program, Row, Table
from crm_rules.proofs.joint import Joint
from crm_rules.proofs.saying import listed, region, show_values, stand_ins
from crm_rules.proofs.showing import Shown, Witnesses
from crm_rules.proofs.view import GridAxis, View, view_of
from crm_rules.questions.asked import Asked
from crm_rules.questions.masks import Unfinished, bits, mask_of
from crm_rules.questions.sets import ValueSet
from crm_rules.questions.tables import Box, Boxes, clipped, joined, size
from crm_rules.source import Span

MOST_GAPS = 8  # of one table are shown one by one
MOST_PAIRS = 20
MOST_SHOWN = 50  # masked rules with a witness each
MOST_TAKERS = 32  # of a masked rule, among which the fewest are looked for
MOST_BOXES = 200  # that are looked at before they are joined
GAP_CODES = {"characteristic": "missing-attribute", "interval": "missing-interval", "band": "band-gap"}


class TableFindings:
    """One table of a program that is being asked; `own` is the policy as its author knows it."""

    def __init__(self, asked: Asked, own: Program, table: Table, reached: Mapping[Expr, ValueSet]) -> None:
        self.asked = asked
        self.own = own
        self.table = table
        self.reached = reached
        self.names = [own.rule_id(table, row) for row in table.rows]
        self.found: list[Diagnostic] = []
        self.witnesses = Witnesses(asked, table)
        self.joint = Joint(self.witnesses, self.names)
        self.views: list[View] = []
        self.boxes: list[Boxes] = []
        self.masked_rows: set[int] = set()
        self.empty: list[int] = []
        self.finished = False

    @property
    def dead(self) -> frozenset[int]:
        """The rows that never decide."""
        return frozenset({*self.empty, *self.masked_rows})

    def run(self) -> list[Diagnostic]:
        """All findings of the table."""
        if not any(True for row in self.table.rows if not row.otherwise):
            return self.found
        try:
            self.look()
            self.finished = True
        except Unfinished as signal:
            fields = ", ".join(dict.fromkeys(axis.name for axis in self.views[0].axes)) if self.views else ""
            self.report(
                "not-finished",
                self.place,
                f"`{self.table.id}` was not looked at to the end: {signal.reason} of {fields}",
                "split the table, or test fewer fields in it",
            )
        self.found += self.joint.notes(self.place)
        return self.found

    @property
    def place(self) -> Span:
        """Where the table stands."""
        span = self.table.span or self.own.span
        return span if span is not None else Span("", 1, 1, 2)

    def report(
        self,
        code: str,
        span: Span | None,
        message: str,
        remedy: str = "",
        *,
        labels: tuple[Label, ...] = (),
        shown: Shown | None = None,
    ) -> None:
        """Report one finding."""
        witness = None if shown is None else shown.witness
        note = "" if witness is None else stand_ins(self.asked, self.table)
        place = span or self.place
        self.found.append(diagnose(code, place, message, note=note, remedy=remedy, labels=labels, witness=witness))

    def look(self) -> None:
        """Everything that is asked of the table, on every day."""
        for here in self.asked.spaces():
            rows = next(rows for rows in here.machines[0].tables if rows.table.id == self.table.id)
            view = view_of(here, rows, self.reached)
            self.views.append(view)
            self.boxes.append(Boxes(view.grid, view.ordinary))
        if self.asked.days.inexact:  # what never happens on the days looked at may happen on others
            self.overlapping()
            self.gaps()
            return
        self.empty_rows()
        by_totals = self.table.role == "band"  # told by the totals that can occur
        overlapping = not by_totals and self.overlapping()
        covered = not by_totals and self.gaps()
        self.twice()
        if self.table.hit_policy == "first":
            self.masked(covered=covered)
        elif covered:
            self.needless_otherwise()
        if self.table.hit_policy in {"first", "any"} and not overlapping and self.table.role == "table":
            self.loose()
        self.joint.look(self.views, self.boxes, self.dead)

    # Rows

    def empty_rows(self) -> None:
        """Rows whose cells no record passes."""
        self.empty = [
            index
            for index, row in enumerate(self.table.rows)
            if not row.otherwise and all(boxes.is_empty(index) for boxes in self.boxes)
        ]
        for index in self.empty:
            row = self.table.rows[index]
            if self.table.role == "override":
                self.report(
                    "override-never",
                    row.span,
                    f"no record passes the cells of `{self.names[index]}`, so it never fires",
                    "correct its condition, or remove the override",
                )
            else:
                self.report(
                    "unreachable-rule",
                    row.span,
                    f"no record passes the cells of `{self.names[index]}`{self.together(index)}",
                    "correct the cell, or remove the rule",
                )

    def together(self, index: int) -> str:
        """Which of the cells exclude each other, where no single one is to blame."""
        row = self.table.rows[index]
        cells = [
            column.name
            for column, test in zip(self.table.columns, row.tests, strict=True)
            if not isinstance(test, Anything)
        ]
        if len(cells) == 1:
            return ""
        return f": {listed(cells)} exclude each other, or lie outside of what the fields can be"

    def masked(self, *, covered: bool) -> None:
        """Rows of a FIRST table to which the earlier ones leave nothing, and rows without effect."""
        for index, row in enumerate(self.table.rows):
            if index in self.empty:
                continue
            if row.otherwise:
                if covered:
                    self.report_otherwise(row, index)
                continue
            below = (1 << index) - 1
            if all(boxes.is_covered(boxes.of_row[index], boxes.meeting(index) & below) for boxes in self.boxes):
                self.masked_rows.add(index)
                self.report_masked(index, row)
        if self.table.role == "override":
            self.always()

    def report_masked(self, index: int, row: Row) -> None:
        """Report a row that never decides, with the earlier rows that take its records."""
        boxes, view = self.boxes[0], self.views[0]
        below = boxes.meeting(index) & ((1 << index) - 1)
        if not below:
            boxes, view = next(
                (one, its)
                for one, its in zip(self.boxes, self.views, strict=True)
                if one.meeting(index) & ((1 << index) - 1)
            )
            below = boxes.meeting(index) & ((1 << index) - 1)
        takers = smallest_cover(boxes, index, below)
        labels = tuple(
            Label(span, f"`{self.names[taker]}` comes first")
            for taker in takers
            if (span := self.table.rows[taker].span) is not None
        )
        alone = takers[0] if len(takers) == 1 else None
        same = alone is not None and self.table.rows[alone].outputs == row.outputs
        names = listed(f"`{self.names[taker]}`" for taker in takers)
        shown = None  # of very many such rules the first ones show it
        if len(self.masked_rows) <= MOST_SHOWN:
            shown = self.witnesses.shown(view, boxes.of_row[index], lambda found: bool(found.steps[self.table.id].rows))
        if same and alone is not None and all(one.is_within(alone, index) for one in self.boxes):
            return  # told by `twice`
        remedy = "move the rule up if it is the exception, or remove it"
        if same:
            code, words = (
                "subsumed-rule",
                f"every record of `{self.names[index]}` is one of {names}, which gives the same",
            )
            remedy = "remove it, or give it the result that was meant"
        elif self.table.role == "override":
            code, words = (
                "override-never",
                f"`{self.names[index]}` never fires: every record that passes its cells is taken by {names} above it",
            )
            remedy = "move the override up if it is the exception, or remove it"
        else:
            code, words = (
                "masked-rule",
                f"`{self.names[index]}` never decides: every record that passes its cells is taken by {names} above it",
            )
        self.report(code, row.span, words, remedy, labels=labels, shown=shown)

    def report_otherwise(self, row: Row, index: int) -> None:
        """Report a last rule to which the others leave nothing."""
        self.masked_rows.add(index)
        self.report(
            "masked-rule",
            row.span,
            f"`{self.names[index]}` never decides: the other rules take every record",
            "remove it; `check` tells when a gap opens",
        )

    def needless_otherwise(self) -> None:
        """The last rule of a table whose other rules decide everything."""
        for index, row in enumerate(self.table.rows):
            if row.otherwise:
                self.report_otherwise(row, index)

    def always(self) -> None:
        """Overrides that leave nothing to the bands."""
        if all(boxes.is_covered(boxes.grid.everything, boxes.ordinary) for boxes in self.boxes):
            last = max(index for index in range(len(self.table.rows)) if index not in self.empty)
            self.report(
                "override-always",
                self.table.rows[last].span,
                f"the overrides up to `{self.names[last]}` take every record, so the bands decide nothing",
                "narrow the condition of the override",
            )

    def twice(self) -> None:
        """Rows with the same cells, or within a row with the same outputs where all that match count."""
        seen: dict[Any, int] = {}
        for index, row in enumerate(self.table.rows):
            if row.otherwise or index in self.empty:
                continue
            before = seen.setdefault((row.outputs, *(boxes.of_row[index] for boxes in self.boxes)), index)
            if before != index:
                self.masked_rows.add(index)
                first = self.table.rows[before]
                self.report(
                    "duplicate-conditions",
                    row.span,
                    f"`{self.names[index]}` is the same rule as `{self.names[before]}`",
                    "keep one of them, or correct the one that was meant to differ",
                    labels=() if first.span is None else (Label(first.span, "the same rule"),),
                )
        if self.table.hit_policy == "any":
            for before, index in self.boxes[0].overlaps():
                if self.table.rows[before].outputs == self.table.rows[index].outputs:
                    self.report_within(before, index)

    def report_within(self, before: int, index: int) -> None:
        """Under ANY, a rule all of whose records another one decides alike."""
        if all(one.of_row[before] == one.of_row[index] for one in self.boxes):
            return  # told as a duplicate
        for inner, outer in ((index, before), (before, index)):
            if all(one.is_within(inner, outer) for one in self.boxes):
                row, span = self.table.rows[inner], self.table.rows[outer].span
                labels = () if span is None else (Label(span, "the wider rule"),)
                message = f"every record of `{self.names[inner]}` is one of `{self.names[outer]}`, which gives the same"
                self.report(
                    "subsumed-rule", row.span, message, "remove it, or give it the result that was meant", labels=labels
                )

    # Hit policies

    def overlapping(self) -> bool:
        """True when two rows share a record; under UNIQUE and ANY these are findings."""
        pairs: dict[tuple[int, int], int] = {}
        first_only = self.table.hit_policy in {"first", "collect"}
        for number, boxes in enumerate(self.boxes):
            for pair in boxes.overlaps():
                pairs.setdefault(pair, number)
                if first_only:
                    return True
        if self.table.hit_policy == "any":
            disagreeing = {
                pair: number
                for pair, number in pairs.items()
                if self.table.rows[pair[0]].outputs != self.table.rows[pair[1]].outputs
            }
            self.report_pairs(disagreeing, "conflict")
        elif self.table.hit_policy == "unique":
            self.report_pairs(pairs, "band-overlap" if self.table.role == "band" else "overlap")
        return bool(pairs)

    def report_pairs(self, pairs: Mapping[tuple[int, int], int], code: str) -> None:
        """One finding a pair, with a record that both rules match."""
        reported = 0
        for (first, second), number in pairs.items():
            if reported == MOST_PAIRS:
                more = len(pairs) - reported
                self.report(code, self.place, f"and {more:,} more pairs of rules of `{self.table.id}` hold together")
                return
            if self.report_pair(self.boxes[number].common(first, second), number, (first, second), code):
                reported += 1

    def report_pair(self, box: Box, number: int, pair: tuple[int, int], code: str) -> bool:
        """Report two rules that hold together, if a record shows it."""
        view = self.views[number]
        first, second = pair

        def both(found: Evaluation) -> bool:
            step = found.steps[self.table.id]
            # What rows give may be computed, so that rules that look different agree on a record.
            return step.status == "conflict" and {first, second} <= set(step.rows)

        shown = self.witnesses.shown(view, box, both, wanted="conflict")
        if shown is None:
            self.joint.note(view, box, both, f"that `{self.names[first]}` and `{self.names[second]}` both take")
            return False
        one, other = self.table.rows[first], self.table.rows[second]
        labels = () if one.span is None else (Label(one.span, f"`{self.names[first]}` holds too"),)
        gives = "" if one.outputs != other.outputs else ", and give the same"
        disagree = " and disagree" if code == "conflict" else gives
        self.report(
            code,
            other.span,
            f"`{self.names[first]}` and `{self.names[second]}` both hold{self.when(view, box)}{disagree}",
            "let the border belong to one of them, or write `hit_policy: first` if the first one counts"
            if self.table.role == "table"
            else "let the border belong to one of them",
            labels=labels,
            shown=shown,
        )
        return True

    def loose(self) -> None:
        """FIRST or ANY where no two rows share a record."""
        ordinary = [row for row in self.table.rows if not row.otherwise]
        if len(ordinary) > 1:
            self.report(
                "loose-hit-policy",
                self.place,
                f"the rules of `{self.table.id}` exclude each other, so the hit policy {self.table.hit_policy.upper()} "
                "hides what UNIQUE would show",
                "leave out `hit_policy`; `check` then tells when two rules overlap",
            )

    # Gaps

    def gaps(self) -> bool:
        """Report what no row covers; True when the ordinary rows cover everything."""
        harmless = self.table.optional or self.table.aggregation in {"list", "sum", "count"}
        closed = any(row.otherwise for row in self.table.rows)
        if harmless:
            return False
        covered, reported = True, 0
        seen: set[str] = set()
        for view, boxes in zip(self.views, self.boxes, strict=True):
            regions, complete = open_regions(view, boxes, most=1 if closed else MOST_BOXES)
            covered = covered and not regions
            for box in () if closed else regions:
                words = self.when(view, box)
                if words in seen or (reported and view is not self.views[0]):
                    continue  # told on another day
                if reported >= MOST_GAPS:
                    more = len(regions) - reported
                    self.report(self.gap_code(view, box), self.place, f"and {more:,} more gaps of `{self.table.id}`")
                    break
                if self.report_gap(view, box, words):
                    seen.add(words)
                    reported += 1
            if not closed and not complete and self.joint.questions:  # one of those that were not looked at
                self.joint.note(view, boxes.grid.everything, self.is_gap, "that no rule takes")
        return covered

    def gap_code(self, view: View, box: Box) -> str:
        """The code of a gap: by the role of the table, or a value of a required policy that has no rule."""
        if self.table.role in GAP_CODES:
            return GAP_CODES[self.table.role]
        limited = [axis for axis, _ in view.said(box)]
        return "unhandled-value" if len(limited) == 1 and limited[0].link is not None else "gap"

    def report_gap(self, view: View, box: Box, words: str) -> bool:
        """Report records that no row covers, if one of them shows it."""
        shown = self.witnesses.shown(view, box, self.is_gap, wanted="no_match")
        if shown is None:
            self.joint.note(view, box, self.is_gap, "that no rule takes")
            return False
        code = self.gap_code(view, box)
        noun = {"characteristic": "attribute", "interval": "interval", "band": "band"}.get(self.table.role, "rule")
        where = f" of `{self.table.id}`" if len(self.own.tables) > 1 else ""
        remedy = {
            "missing-interval": "write an interval for it",
            "band-gap": "widen a band, or write one for the rest",
            "unhandled-value": "write a rule for this value, if only to say that it gets nothing",
        }.get(code, "write a rule for these records, or a last rule `otherwise`")
        message = f"no {noun}{where} matches{words or ' any record'}"
        if code == "unhandled-value":
            ((axis, some),) = view.said(box)
            message = f"{self.giver(axis)} can be {show_values(axis, some)}, and no rule takes it"
        self.report(code, self.place, message, remedy, shown=shown)
        return True

    def giver(self, axis: GridAxis) -> str:
        """The required value that an axis stands for, with the policy that gives it."""
        required = {alias: f"`{alias}` of `{policy}`" for alias, policy, _ in self.own.required}
        return required.get(axis.name, f"`{axis.name}`")

    def is_gap(self, found: Evaluation) -> bool:
        """True when no row of the table matched."""
        step = found.steps[self.table.id]
        return step.status == "no_match" and step.cause == self.table.id

    def when(self, view: View, box: Box) -> str:
        """` when need is clear and expected_close is missing`; empty for all records."""
        words = region(self.asked, view, box)
        return f" when {words}" if words else ""


def smallest_cover(boxes: Boxes, index: int, rows: int) -> list[int]:
    """A few rows that together cover a row: the largest ones, without those that can be left out."""
    box = boxes.of_row[index]
    largest = sorted(bits(rows), key=lambda one: (-size(clipped(box, boxes.of_row[one])), one))
    if boxes.is_within(index, largest[0]):
        return largest[:1]
    taken = 2
    while taken < len(largest) and not boxes.is_covered(box, mask_of(largest[:taken])):
        taken *= 2
    kept = largest[:taken]
    if len(kept) <= MOST_TAKERS:
        for one in reversed(tuple(kept)):
            if boxes.is_covered(box, mask_of(kept) & ~(1 << one)):
                kept.remove(one)
    return sorted(kept)


def open_regions(view: View, boxes: Boxes, most: int) -> tuple[list[Box], bool]:
    """What no row covers, in few boxes, values of earlier steps that have no row at all first; False beyond `most`."""
    missed = list(slabs(view, boxes))
    rest = without(boxes.grid.everything, missed)
    uncovered = list(islice(boxes.uncovered(rest, boxes.ordinary), most))
    return [*missed, *joined(uncovered)], len(uncovered) < most


def slabs(view: View, boxes: Boxes) -> Iterator[Box]:
    """For each axis over an earlier step, its values that no row takes whatever else the record says."""
    for place, axis in enumerate(view.axes):
        if axis.link is not None:
            missed = sum(1 << index for index, mask in enumerate(boxes.grid.masks[place]) if not mask & boxes.live)
            if missed:
                yield (*boxes.grid.everything[:place], missed, *boxes.grid.everything[place + 1 :])


def without(box: Box, taken: list[Box]) -> Box:
    """A box without slabs, each of which limits one axis."""
    everything = box
    for slab in taken:
        box = tuple(one if its == every else one & ~its for one, its, every in zip(box, slab, everything, strict=True))
    return box
