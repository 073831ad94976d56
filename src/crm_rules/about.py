"""What people want to know of a policy and no engine needs: titles, dates, source, owner, readings."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from crm_rules.ir.program import Label
from crm_rules.source import Span


@dataclass(frozen=True, slots=True)
class About:
    """What people want to know of a policy and no engine needs."""

    title: Label = Label()  # noqa: RUF009 - immutable
    valid_from: date | None = None
    valid_to: date | None = None
    source: str = ""
    items: tuple[str, ...] = ()
    owner: str = ""
    approver: str = ""
    extends: tuple[str, ...] = ()
    readings: tuple[tuple[str, str, Label], ...] = ()
    path: str = ""
    valid_from_at: Span | None = field(default=None, compare=False)
    valid_to_at: Span | None = field(default=None, compare=False)

    def in_force(self, day: date) -> bool:
        """True when the edition's own dates include the day; an absent date is no limit."""
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day <= self.valid_to)
