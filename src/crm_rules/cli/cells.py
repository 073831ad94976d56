"""How the cells of one column are read as values of one field.

A cell is a text (of CSV), or any JSON value. What cannot be read as the mapping says becomes an
`Unread`: a thing that is a value of no type, so that the decision is invalid, and that keeps what was
found and what was expected. A text never passes for a value that the mapping did not name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from datetime import date
from typing import Any, Final, Protocol, TypeAlias

from crm_rules.cli.results import json_text
from crm_rules.dataclass import dataclass
from crm_rules.ir.numbers import to_fact
from crm_rules.ir.record import Rejected, parse_fact
from crm_rules.ir.types import Type
from crm_rules.source import Text

DATE_FORM: Final = "write YYYY, MM (or M) and DD (or D) once each, with signs between, such as DD/MM/YYYY"
DATE_PARTS: Final = {"YYYY": "(?P<year>[0-9]{4})", "MM": "(?P<month>[0-9]{2})", "M": "(?P<month>[0-9]{1,2})"} | {
    "DD": "(?P<day>[0-9]{2})",
    "D": "(?P<day>[0-9]{1,2})",
}
REMEMBERED: Final = 50_000  # cells of a column, so that one that comes again is read once
GROUPED: Final = r"[+-]?[1-9][0-9]{0,2}(?:SIGN[0-9]{3})+(?![0-9SIGN])"
Read: TypeAlias = Callable[[str], Any]


class Reading(Protocol):
    """What a mapping says about the texts of a column."""

    @property
    def values(self) -> Mapping[Text, Text] | None:
        """The value of the field for each text of the column."""

    @property
    def date(self) -> Text | None:
        """The form of dates."""

    @property
    def thousands(self) -> str | None:
        """The sign between groups of three digits."""

    @property
    def empty(self) -> Collection[str] | None:
        """The texts that mean missing."""


@dataclass(frozen=True, slots=True)
class Unread:
    """A cell that could not be read: its text, and the texts or the form that the mapping expects.

    With neither, the field's own type says what was expected.
    """

    text: str
    texts: tuple[str, ...] = ()
    form: str = ""


@dataclass(frozen=True, slots=True)
class Cells:
    """Reads the cells of one column; a text that was read before is known."""

    read: Read
    empty: frozenset[str]
    only_texts: bool
    known: dict[str, Any]

    def __call__(self, cell: Any) -> Any:
        """The fact of a cell: None when it is empty, `Unread` when it is not what was expected."""
        if type(cell) is str:
            if cell in self.known:
                return self.known[cell]
            if len(self.known) >= REMEMBERED:
                self.known.clear()
            fact = self.known[cell] = None if not cell or cell in self.empty else self.read(cell)
            return fact
        if cell is None:
            return None
        if isinstance(cell, list | dict):
            return Unread(json_text(cell))
        return self(json_text(cell)) if self.only_texts else cell


def reader_of(kind: Type, mapping: Reading, empty: Collection[str]) -> Cells:
    """The reader of a column whose mapping has been checked; `empty` holds where the field says nothing else."""
    texts = frozenset(empty if mapping.empty is None else mapping.empty)
    if mapping.values is not None:
        return Cells(by_values(kind, mapping.values), texts, only_texts=True, known={})
    if mapping.date is not None:
        return Cells(by_date(mapping.date), texts, only_texts=True, known={})
    if mapping.thousands is not None:
        return Cells(by_groups(kind, mapping.thousands), texts, only_texts=False, known={})
    return Cells(by_type(kind), texts, only_texts=False, known={})


def by_type(kind: Type) -> Read:
    """Read a text as the field's type does."""

    def read(text: str) -> Any:
        value = parse_fact(kind, text)
        return Unread(text) if isinstance(value, Rejected) else to_fact(value)

    return read


def by_values(kind: Type, values: Mapping[Text, Text]) -> Read:
    """Read a text as the value that is listed for it; one that is not listed is no value."""
    facts = {str(text): to_fact(parse_fact(kind, str(value))) for text, value in values.items()}
    listed = tuple(facts)

    def read(text: str) -> Any:
        return facts[text] if text in facts else Unread(text, texts=listed)

    return read


def by_date(form: Text) -> Read:
    """Read a text as a day in one form."""
    pattern = date_pattern(form)
    if pattern is None:
        raise ValueError(form)
    matches = pattern.fullmatch

    def read(text: str) -> Any:
        found = matches(text)
        if found is None:
            return Unread(text, form=str(form))
        try:
            return date(int(found["year"]), int(found["month"]), int(found["day"]))
        except ValueError:
            return Unread(text, form=str(form))

    return read


def by_groups(kind: Type, sign: str) -> Read:
    """Read a number whose digits may stand in groups of three; a group of another length is no number."""
    grouped = re.compile(GROUPED.replace("SIGN", sign))
    plain = by_type(kind)

    def read(text: str) -> Any:
        if sign not in text:
            return plain(text)
        found = grouped.match(text)
        value = plain(found[0].replace(sign, "") + text[found.end() :]) if found else None
        return Unread(text, form=f"1{sign}234.5") if value is None or isinstance(value, Unread) else value

    return read


def date_pattern(form: str) -> re.Pattern[str] | None:
    """The pattern of a form such as `DD/MM/YYYY`; None when the text is no form."""
    parts = re.split("(Y+|M+|D+)", form)
    signs, words = parts[::2], parts[1::2]
    if sorted(word[0] for word in words) != ["D", "M", "Y"] or any(word not in DATE_PARTS for word in words):
        return None
    if any(sign.isascii() and sign.isalnum() for part in signs for sign in part):
        return None
    if not all(signs[1:-1]) and {"M", "D"} & set(words):
        return None  # without signs between, only full widths can be told apart
    return re.compile("".join(DATE_PARTS.get(part, re.escape(part)) for part in parts))
