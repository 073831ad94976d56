"""What an application hands over: a record of any accepted shape, its facts, and the day of the decision.

Here shapes are opened and facts made plain; whether a fact is a value of its field is said by
`crm_rules.ir.record` alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time
from decimal import Decimal
from fractions import Fraction
from math import isfinite
from typing import Any

from crm_rules.errors import CallError
from crm_rules.ir import days
from crm_rules.ir.numbers import to_fact
from crm_rules.ir.program import Program
from crm_rules.ir.record import LONG, Rejected, accept_type, is_missing, parse_fact, show_fact
from crm_rules.ir.types import Date, Type


def to_mapping(record: Any) -> Mapping[str, Any]:
    """The facts of a record by name; raises `CallError` for a thing that has no named facts.

    A model gives its fields, by name and by alias, its computed fields and what else it was allowed to hold.
    """
    if isinstance(record, Mapping):
        return record
    kind = type(record)
    if is_dataclass(kind):
        return {item.name: getattr(record, item.name) for item in fields(record)}
    if hasattr(kind, "model_fields") and hasattr(kind, "model_dump"):
        aliases = {item.alias: name for name, item in kind.model_fields.items() if item.alias}
        names = dict.fromkeys((*kind.model_fields, *kind.model_computed_fields))
        facts = {alias: getattr(record, name) for alias, name in aliases.items()}
        return (record.model_extra or {}) | facts | {name: getattr(record, name) for name in names}
    if isinstance(getattr(kind, "__struct_fields__", None), tuple):
        return {name: getattr(record, name) for name in kind.__struct_fields__}
    raise CallError(f"a record is a mapping, a dataclass or a model, found {show_fact(record)}")


def usable_day(today: Any) -> date:
    """`today` as a date; raises `CallError` when it is another thing, or outside 1900-2199."""
    if is_missing(today) or not isinstance(today, date):
        raise CallError(f"today= is a date, found {show_fact(today)}")
    if isinstance(today, datetime):
        if isinstance(accept_type(Date(), today), Rejected):
            raise CallError(f"today= is a date, found a time: {today}")
        today = today.date()
    day: date = today
    if not days.FIRST <= day <= days.LAST:
        raise CallError(f"today= lies from {days.FIRST} to {days.LAST}, found {day}")
    return day


def scalars(program: Program, facts: Mapping[str, Any]) -> tuple[Any, ...]:
    """The facts of the declared fields in plain, comparable form; missing and strange ones as None."""
    return tuple(plain(facts.get(item.name)) for item in program.fields)


def plain(fact: Any) -> Any:  # noqa: PLR0911 - one case a type
    """A fact as a decision keeps it: without its subclass (an enumeration, a numpy float, a timestamp), or None.

    None stands for what is missing, is no scalar, or would make decisions incomparable: NaN is not
    even equal to itself. The problem of such a fact says what was found.
    """
    if is_missing(fact) or isinstance(fact, bool):
        return fact if isinstance(fact, bool) else None
    if isinstance(fact, str):
        return str.__str__(fact)
    if isinstance(fact, Fraction):
        return fact
    if isinstance(fact, int):
        return int(fact) if abs(int(fact)) < LONG else None
    if isinstance(fact, float):
        return float(fact) if isfinite(fact) else None
    if isinstance(fact, Decimal):
        return Decimal(fact) if fact.is_finite() else None
    if isinstance(fact, datetime):
        if type(fact) is datetime and fact.time() != time.min:
            return fact
        midnight = accept_type(Date(), fact)
        return None if isinstance(midnight, Rejected) else midnight
    return date(fact.year, fact.month, fact.day) if isinstance(fact, date) else None


def read_texts(kinds: Mapping[str, Type], texts: Any) -> dict[str, Any]:
    """The facts of a row of texts, each as its field's type reads it; what that cannot read stays a text."""
    if not isinstance(texts, Mapping):
        raise CallError(f"a row is a mapping of texts by field, found {show_fact(texts)}")
    facts: dict[str, Any] = {}
    for name, text in texts.items():
        if name in kinds and isinstance(text, str):
            value = None if text == "" else parse_fact(kinds[name], text)
            facts[name] = text if isinstance(value, Rejected) else to_fact(value)
        else:
            facts[name] = text
    return facts
