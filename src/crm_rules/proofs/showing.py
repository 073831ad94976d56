"""Records that show what is said of a table, each confirmed by the reference evaluator."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from crm_rules.dataclass import dataclass
from crm_rules.diagnostics import Witness
from crm_rules.ir.evaluate import Evaluation
from crm_rules.ir.nodes import Value
from crm_rules.ir.program import Table
from crm_rules.proofs.view import View
from crm_rules.questions.asked import Asked
from crm_rules.questions.masks import Unfinished
from crm_rules.questions.sets import ValueSet
from crm_rules.questions.tables import Box
from crm_rules.questions.walk import Walk, walk

MOST_TRIES = 12  # boxes in which a witness is looked for


@dataclass(frozen=True, slots=True)
class Shown:
    """A record that shows a finding, with what the evaluator says of it."""

    values: Mapping[str, Value | None]
    witness: Witness
    evaluation: Evaluation


class Witnesses:
    """Looks for records in the boxes of one table."""

    def __init__(self, asked: Asked, table: Table) -> None:
        self.asked = asked
        self.table = table

    def shown(self, view: View, box: Box, holds: Callable[[Evaluation], bool], wanted: str = "") -> Shown | None:
        """A record of the box of which the evaluator says that it `holds`; rather one that leaves all `wanted`."""
        second: Shown | None = None
        for values in self.records(view, box):
            evaluation = self.asked.evaluate(values, view.space.today)
            if self.table.id in evaluation.steps and holds(evaluation) and self.in_links(view, box, evaluation):
                shown = Shown(values, self.asked.witness(values, view.space.today), evaluation)
                if not wanted or evaluation.status == wanted:
                    return shown
                second = second or shown
        return second

    def in_links(self, view: View, box: Box, evaluation: Evaluation) -> bool:
        """True when earlier steps gave what the box asks of them."""
        links = view.links(box)
        if not links:
            return True
        step = evaluation.steps[self.table.id]
        rows = next(rows for rows in view.space.machines[0].tables if rows.table.id == self.table.id)
        for link in rows.links:
            if link.subject in links:
                index = [column.name for column in rows.table.columns].index(link.column.name)
                if len(step.subjects) <= index or not links[link.subject].contains(step.subjects[index]):
                    return False
        return True

    def records(self, view: View, box: Box) -> Iterator[dict[str, Value | None]]:
        """Records of a box: the nicest one, then those that lead to the earlier values which the box asks for."""
        sets = view.sets(box)
        if not view.links(box):
            values = self.asked.values(view.space, sets)
            if values is None:
                return
            yield values
        yield from self.walked(view, sets)

    def walked(self, view: View, sets: Mapping[int, ValueSet]) -> Iterator[dict[str, Value | None]]:
        """Records that leave the table undecided, by a walk through the whole program."""
        if not (view.space.machines[0].tables[0].table.id != self.table.id or len(view.space.machines[0].tables) > 1):
            return
        try:
            found: Walk = walk(view.space, watch=(self.table.id,), only=sets)
        except Unfinished:
            return  # no record is known, which becomes a note
        tries = 0
        # Outcomes that the table itself leaves undecided come first.
        finals = sorted(found.finals, key=lambda final: final.outcomes[0].cause != self.table.id)
        for final in finals:
            for boxes in found.boxes(final, 4):
                tries += 1
                if tries > MOST_TRIES:
                    return
                values = self.asked.values(view.space, found.sets(boxes))
                if values is not None:
                    yield values
