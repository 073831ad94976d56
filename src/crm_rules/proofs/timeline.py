"""The editions of the policies of a pack on the calendar, and what is written about each.

An edition without `valid_to` is in force until a later one begins; one without `valid_from` since ever. Only dates and
words are compared here: what an edition decides plays no part.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import groupby, pairwise

from crm_rules.codes import diagnose
from crm_rules.dataclass import dataclass
from crm_rules.diagnostics import Diagnostic, Label
from crm_rules.ir.program import Program
from crm_rules.proofs.places import place
from crm_rules.source import Span

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Period:
    """An edition of a policy: `begins` and `ends` are its first and last day, with the places they are written at."""

    program: Program
    begins: date | None = None
    ends: date | None = None
    begins_at: Span | None = None
    ends_at: Span | None = None
    sourced: bool = True

    @property
    def policy(self) -> str:
        """The id of the policy."""
        return self.program.id

    @property
    def span(self) -> Span:
        """Where the policy says its name."""
        return place(self.program.span)

    @property
    def words(self) -> str:
        """The edition in a sentence."""
        return f"edition {self.program.version}" if self.program.version else "the edition without a version"

    @property
    def start(self) -> date:
        """The first day; the first of all days where none is written."""
        return self.begins or date.min

    @property
    def end(self) -> date:
        """The last day; the last of all days where none is written."""
        return self.ends or date.max

    def meets(self, other: Period) -> bool:
        """True when both are in force on some day by their own dates."""
        return self.start <= other.end and other.start <= self.end


def undescribed(periods: Sequence[Period]) -> Iterator[Diagnostic]:
    """The editions that do not say from when they are in force, or where their rules come from."""
    for period in periods:
        if period.begins is None:
            message = f"the policy `{period.policy}` does not say from when it is in force"
            yield diagnose("undated-policy", period.span, message, remedy="add the first day: `valid_from: 2026-01-01`")
        if not period.sourced:
            message = f"the policy `{period.policy}` does not say where its rules come from"
            remedy = "add the paper: `source: {document: Credit manual}`"
            yield diagnose("unsourced-policy", period.span, message, remedy=remedy)


def timelines(periods: Sequence[Period], on: date | None) -> Iterator[Diagnostic]:
    """Gaps and overlaps between the editions of each policy, and the policies that have ended before `on`."""
    ordered = sorted(periods, key=lambda period: (period.policy, period.start, period.end, period.program.version))
    for _, group in groupby(ordered, key=lambda period: period.policy):
        editions = list(group)
        yield from gaps(editions)
        yield from overlaps(editions)
        last = max(editions, key=lambda period: period.end)
        if on is not None and last.end < on:
            message = f"the policy `{last.policy}` is not in force on {on}: its last edition ended on {last.end}"
            remedy = "write the next edition, or set a later `valid_to`"
            yield diagnose("expired-policy", last.ends_at or last.span, message, remedy=remedy)


def gaps(editions: Sequence[Period]) -> Iterator[Diagnostic]:
    """Days between the editions on which none is in force; the editions stand in the order of their first days."""
    last = editions[0]
    for period in editions[1:]:
        if last.end < period.start and last.end + DAY < period.start:
            first, until = last.end + DAY, period.start - DAY
            days = f"on {first}" if first == until else f"from {first} to {until}"
            yield diagnose(
                "timeline-gap",
                period.begins_at or period.span,
                f"`{period.policy}` has no edition {days}",
                remedy="leave out the `valid_to` of the edition before: it is in force until the next one begins",
                labels=(Label(last.ends_at or last.span, f"{last.words} ends here"),),
            )
        last = max(last, period, key=lambda one: one.end)


def overlaps(editions: Sequence[Period]) -> Iterator[Diagnostic]:
    """Neighbours that begin on the same day, or of which the first says that it ends after the second begins."""
    for before, after in pairwise(editions):
        if before.start == after.start:
            day = "have no `valid_from`" if after.begins is None else f"begin on {after.begins}"
            message = f"two editions of `{after.policy}` {day}, so nothing says which is in force"
            remedy = "let the later one begin on a later day"
            other = Label(before.begins_at or before.span, before.words)
        elif before.ends is not None and before.ends >= after.start:
            until = min(before.ends, after.end)
            days = f"on {until}" if until == after.start else f"from {after.start} to {until}"
            message = f"`{after.policy}` has two editions {days}"
            remedy = f"let the earlier one end on {after.start - DAY}, or leave out its `valid_to`"
            other = Label(before.ends_at or before.span, f"{before.words} ends here")
        else:
            continue
        yield diagnose("timeline-overlap", after.begins_at or after.span, message, remedy=remedy, labels=(other,))
