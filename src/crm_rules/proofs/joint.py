"""What is open where the axes of a table hang together: boxes without a known record, and rules that may have none.

A box over fields alone has records. Where an axis is an expression over several fields, a gap, an overlap or
a rule may be one that no record meets: what could not be shown by a record is asked of the prover, and
becomes a note, so that silence is never a claim.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from crm_rules.codes import diagnose
from crm_rules.diagnostics import Diagnostic, Label
from crm_rules.ir.evaluate import Evaluation
from crm_rules.proofs.saying import listed
from crm_rules.proofs.settle import MOST_ASKED, Open, remedy, settle, wishes_of, witness_if
from crm_rules.proofs.showing import MOST_TRIES, Witnesses
from crm_rules.proofs.view import View
from crm_rules.questions.masks import Unfinished
from crm_rules.questions.space import reads_day
from crm_rules.questions.tables import Box, Boxes
from crm_rules.source import Span

MOST_BOXES = 100  # of one rule that the prover is asked about
MOST_SEARCHED = 60  # boxes of a table in which no record of a rule was found, before the search is given up
MOST_LABELS = 8


class Joint:
    """The open questions about one table; `names` are its rules."""

    def __init__(self, witnesses: Witnesses, names: Sequence[str]) -> None:
        self.witnesses = witnesses
        self.asked, self.table = witnesses.asked, witnesses.table
        self.names = names
        self.unproven: dict[str, None] = {}
        self.unshown: dict[str, None] = {}
        self.questions: list[Open] = []
        self.rows: dict[int, list[Open]] = {}
        self.left = MOST_SEARCHED

    def note(self, view: View, box: Box, holds: Callable[[Evaluation], bool], words: str) -> None:
        """Remember a gap or an overlap of which no record is known."""
        self.unproven |= dict.fromkeys(self.hanging(view, box))
        self.questions.append(self.question(view, box, holds, words))

    def hanging(self, view: View, box: Box) -> list[str]:
        """The fields through which the axes of a box hang together."""
        joint = [name for name in view.space.joint if name in self.asked.domains]
        return joint or [axis.name for axis, _ in view.said(box) if axis.place is not None]

    def question(self, view: View, box: Box, holds: Callable[[Evaluation], bool], words: str) -> Open:
        """Whether a box has a record, for the prover."""

        def confirmed(found: Evaluation) -> bool:
            return self.table.id in found.steps and holds(found) and self.witnesses.in_links(view, box, found)

        day = view.space.today
        wishes = wishes_of(view.space, view.sets(box), view.links(box))
        return Open(day, (wishes,), witness_if(self.asked, day, confirmed), words)

    def look(self, views: Sequence[View], boxes: Sequence[Boxes], dead: frozenset[int]) -> None:
        """Remember the rules that no record is known to get to; `dead` ones are findings."""
        if not any(is_computed(view, axis.place) for view in views for axis in view.axes):
            return
        for index in range(len(self.table.rows)):
            if index not in dead and (questions := self.unreached(index, views, boxes)):
                self.rows[index] = questions

    def unreached(self, index: int, views: Sequence[View], boxes: Sequence[Boxes]) -> list[Open]:
        """The boxes that other rows leave to a rule, when no record was found in any; none when there is one."""

        def holds(found: Evaluation) -> bool:
            return index in found.steps[self.table.id].rows

        questions: list[Open] = []
        names: dict[str, None] = {}
        for view, its in zip(views, boxes, strict=True):
            for box in self.left_to(its, index):
                if not any(is_computed(view, axis.place) for axis, _ in view.said(box)):
                    return []
                if self.left > 0 and len(questions) < MOST_TRIES and self.has_record(view, box, holds):
                    return []
                self.left -= 1
                names |= dict.fromkeys(self.hanging(view, box))
                questions.append(self.question(view, box, holds, ""))
                if len(questions) >= MOST_BOXES:  # what is left may be in any box of the row
                    questions.append(self.question(view, self.whole(its, index), holds, ""))
                    break
        self.unshown |= names
        return questions

    def has_record(self, view: View, box: Box, holds: Callable[[Evaluation], bool]) -> bool:
        """True when a record of the box is found."""
        try:
            return self.witnesses.shown(view, box, holds) is not None
        except Unfinished:
            return False

    def left_to(self, boxes: Boxes, index: int) -> Iterator[Box]:
        """The boxes that a rule takes first, or with others where the first one does not count."""
        if self.table.rows[index].otherwise:
            return boxes.uncovered(boxes.grid.everything, boxes.ordinary)
        if self.table.hit_policy == "first":
            return boxes.uncovered(boxes.of_row[index], boxes.meeting(index) & ((1 << index) - 1))
        return iter([boxes.of_row[index]] if all(boxes.of_row[index]) else [])

    def whole(self, boxes: Boxes, index: int) -> Box:
        """The box of a rule."""
        return boxes.grid.everything if self.table.rows[index].otherwise else boxes.of_row[index]

    # Notes

    def notes(self, place: Span) -> Iterator[Diagnostic]:
        """What is still open when the prover was asked."""
        program = self.asked.ready.program
        budget = [MOST_ASKED]
        settled = settle(program, self.questions, budget)
        what = f"`{self.table.id}` tests values that hang together through"
        if settled.verdict == "some":
            message = f"{what} {listed(self.unproven)}; the prover found a record {settled.words}"
            yield diagnose("not-proven", place, message, witness=settled.witness)
        elif settled.verdict == "open":
            message = f"{what} {listed(self.unproven)}, so it is not proven that every record is decided once"
            yield diagnose("not-proven", place, message, remedy=remedy())
        # A day stands for others, but not where an expression over several fields moves with it.
        rows = [one for some in self.rows.values() for one in some]
        moves = any(reads_day(subject) for one in rows for wishes in one.wishes for subject in wishes)
        verdicts = {
            index: "open" if moves else settle(program, some, budget).verdict for index, some in self.rows.items()
        }
        for verdict, words, help_ in (
            ("none", "the prover says that no record gets to", "correct the rules, or remove them"),
            ("open", "it is not proven that a record gets to", remedy() if self.rows else ""),
        ):
            indices = [index for index, one in verdicts.items() if one == verdict]
            if indices:
                names = listed(f"`{self.names[index]}`" for index in indices)
                spans = [span for index in indices if (span := self.table.rows[index].span) is not None]
                labels = tuple(Label(span, "may never decide") for span in spans[:MOST_LABELS])
                message = f"{what} {listed(self.unshown)}; {words} {names}"
                yield diagnose("not-proven", place, message, remedy=help_, labels=labels)


def is_computed(view: View, place: int | None) -> bool:
    """True for an axis that is an expression over fields."""
    return place is not None and not view.space.axes[place].is_field
