"""Two functions as a plug-in would declare them, for the calls of generated programs."""

from __future__ import annotations

from datetime import date

from crm_rules.ir import days
from crm_rules.ir.types import Date, Integer
from crm_rules.ir.typing import Function


def next_monday(day: date) -> date:
    """The first Monday after `day`, or the last day of the calendar."""
    return days.add_days(day, 8 - day.isoweekday()) or date.max


def last_digit(number: int) -> int:
    """The last digit of a whole number."""
    return abs(number) % 10


DECLARED = {
    "next_monday": Function("next_monday", (Date(),), Date(), next_monday),
    "last_digit": Function("last_digit", (Integer(),), Integer(), last_digit, 0, 9),
}
FUNCTIONS = {name: function.call for name, function in DECLARED.items()}
