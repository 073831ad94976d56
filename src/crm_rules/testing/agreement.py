"""`check_agreement(policy, engines)`: every engine answers a table of records as `policy.decide` answers each of them.

    check_agreement(POLICY, ["polars", "duckdb", "sql:sqlite"], today=TODAY)

The records are those of `crm_rules.testing.records` and what only a typed column can hold; each engine is asked once
for a whole table. Engines are known by name (see `agreement_engines`), or handed over as an `Engine` of one's own: a
database that is not in this process, say.

Frames and SQL count with 64 bits. Where exact numbers need more, they say `too_large`, which is accepted for records
that do have large numbers, and for no other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import Any, TypeAlias

from crm_rules.decision import Decision
from crm_rules.errors import CallError
from crm_rules.ir.numbers import exact, reduced, show_number
from crm_rules.ir.types import Boolean, Date, Integer, ListOfValues, Money, Number, Type
from crm_rules.policy import Policy
from crm_rules.testing.agreement_answers import Answer, Engine, Given
from crm_rules.testing.agreement_engines import ENGINES
from crm_rules.testing.agreement_size import is_large
from crm_rules.testing.agreement_tables import DAY, KEY, Table, layouts_of, table_of
from crm_rules.testing.examples import demand, for_examples, shown
from crm_rules.testing.policy_records import records as records_of
from crm_rules.testing.policy_records import usual_days

Engines: TypeAlias = Iterable[str] | Mapping[str, Engine]
NOTHING: Given = MappingProxyType({})
EXAMPLES = 100
TOO_LARGE = "too_large"


def check_agreement(
    policy: Policy,
    engines: Engines,
    *,
    records: Iterable[Mapping[str, Any]] | None = None,
    today: date | None = None,
    given: Given = NOTHING,
    examples: int = EXAMPLES,
) -> None:
    """Raise AssertionError, naming engine, record and day, unless the engines decide as the policy does.

    `engines` are names, or `Engine`s by name. `records` are the records to ask about, each in the types of several
    tables; without them there are `examples` for each table, close to the borders of the policy, and odd facts.
    Without `today` the days are those on which policies differ most, also as a column of the table. Raises
    `CallError` where `policy.decide` would for every record, or where frames and SQL refuse the policy. Cost:
    about a tenth of a second for each engine and table.
    """
    asked = engines_of(engines)
    own = None if records is None else [dict(record) for record in records]
    reference = Reference(policy, given)
    for table in tables_of(policy, own, today, given, examples):
        for name, engine in asked.items():
            difference = reference.difference(engine, table)
            if difference is not None:
                raise AssertionError(f"{policy.id} {policy.version}, engine `{name}`: {difference}")


def engines_of(engines: Engines) -> Mapping[str, Engine]:
    """The engines by name; raises `CallError` for a name that is not known."""
    if isinstance(engines, Mapping):
        return engines
    unknown = sorted(set(engines) - set(ENGINES))
    if unknown:
        raise CallError(f"no engine is called {', '.join(unknown)}; known are {', '.join(ENGINES)}")
    return {name: ENGINES[name] for name in engines}


def tables_of(
    policy: Policy, records: list[dict[str, Any]] | None, today: date | None, given: Given, examples: int
) -> Iterator[Table]:
    """Each storage of each field once, on another day each time, and once with the day of each row in a column.

    Records that are ranked together have one day.
    """
    days = [today] if today is not None or not policy.needs_today else list(usual_days(policy))
    filled = [day for day in days if not policy.blank_parameters(day, given)] or days
    together = policy.ranks(given)
    for place, layout in enumerate(layouts_of(policy.contract(given))):
        day = filled[place % len(filled)]
        if records is not None:
            yield table_of(records, layout, day, odd=False)
            continue
        drawn = sampled(policy, day, given, examples)
        yield table_of(drawn, layout, day)
        if together:  # among odd amounts nobody's share is known
            yield table_of(drawn, layout, day, odd=False)
    if len(days) > 1 and records is None and not together:
        layout = next(iter(layouts_of(policy.contract(given))))
        each = max(1, examples // len(days))
        dated = [
            {**record, DAY: day}
            for day in days
            for record in sampled(policy, day if day in filled else filled[0], given, each)
        ]
        yield table_of(dated, layout, DAY)


def sampled(policy: Policy, today: date | None, given: Given, examples: int) -> list[dict[str, Any]]:
    """Records that reach every rule, some of them spoiled; the same on every run."""
    found: list[dict[str, Any]] = []
    for_examples(records_of(policy, today=today, given=given, valid=False), found.append, examples)
    return found


# Comparing


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the policy decides, in the form in which answers are compared."""

    status: str
    rules: str
    outputs: Mapping[str, Any]


class Reference:
    """What the policy answers for the rows of a table, asked once although many engines are compared with it."""

    def __init__(self, policy: Policy, given: Given = NOTHING) -> None:
        self.policy = policy
        self.given = given
        self.known: dict[str, dict[int, Wanted]] = {}

    def wanted(self, table: Table) -> dict[int, Wanted]:
        """The decisions by the number of the row; those of one day are made together, as a ranking needs it."""
        key = repr((table.rows, table.today))
        if key not in self.known:
            found: dict[int, Wanted] = {}
            for day, rows in table.days():
                if isinstance(table.today, str) and self.policy.blank_parameters(day, self.given):
                    found |= {row[KEY]: Wanted("blocked", "", {}) for row in rows}  # where `decide` raises
                    continue
                decisions = self.policy.decide_many(rows, today=day, given=self.given or None)
                found |= {row[KEY]: wanted_of(decision) for row, decision in zip(rows, decisions, strict=True)}
            self.known[key] = found
        return self.known[key]

    def difference(self, engine: Engine, table: Table) -> str | None:
        """The first difference between what an engine answers for a table and what the policy answers for its rows."""
        held = engine.fit(table)
        answers = engine.decide(self.policy, held, self.given)
        wanted = self.wanted(held)
        demand(answers.keys() == wanted.keys(), f"{len(wanted)} records are asked, {len(answers)} answered")
        for row in held.rows:
            sentence = self.differing(answers[row[KEY]], wanted[row[KEY]], held, row)
            if sentence:
                facts = {name: fact for name, fact in row.items() if name not in {KEY, DAY}}
                return f"{sentence}{shown(facts, held.day(row))}\n  {answers[row[KEY]]}"
        return None

    def differing(self, answer: Answer, wanted: Wanted, table: Table, row: Mapping[str, Any]) -> str:
        """How an answer differs from the decision; empty when it does not."""
        if answer.status == TOO_LARGE:
            rows = table.rows if self.policy.ranks(self.given) else (row,)  # who stands beside a large one is large
            large = any(is_large(self.policy, one, self.given) for one in rows)
            return "" if large else f"the status is `{TOO_LARGE}`, expected `{wanted.status}`: no number is large"
        if answer.status != wanted.status:
            return f"the status is `{answer.status}`, expected `{wanted.status}`"
        if answer.rules != wanted.rules:
            return f"the rules are `{answer.rules}`, expected `{wanted.rules}`"
        for output in self.policy.outputs:
            found = as_value(output.type, answer.outputs.get(output.name))
            expected = wanted.outputs.get(output.name)
            if found != expected or type(found) is not type(expected):
                return f"`{output.name}` is {found!r}, expected {expected!r}"
        return ""


def wanted_of(decision: Decision) -> Wanted:
    """A decision in the form in which answers are compared."""
    outputs = {name: wanted_value(value) for name, value in decision.outputs.items()}
    return Wanted(decision.status, ";".join(decision.rules), outputs)


def wanted_value(value: Any) -> Any:
    """An output of a decision in the form that is compared: numbers exactly, a list as its items with `;` between."""
    if isinstance(value, list):
        return ";".join(shown_item(item) for item in value)
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return exact(value)
    return value


def shown_item(value: Any) -> str:
    """An item of a list in a text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return show_number(exact(value) or 0) if isinstance(value, int | Decimal) else str(value)


def as_value(kind: Type, value: Any) -> Any:  # noqa: PLR0911 - one case a type
    """What an engine answers, as a value of the output's type; a value of another type stays what it is."""
    if isinstance(value, list):
        return wanted_value(value)
    if value is None or value != value or type(value).__name__ in {"NAType", "NaTType"}:  # noqa: PLR0124 - NaN, NaT
        return None
    match kind:
        case Boolean() if value in {0, 1}:
            return bool(value)
        case Integer() | Number() | Money() if not isinstance(value, bool):
            number = value.item() if hasattr(value, "item") else value
            return reduced(number) if isinstance(number, Fraction) else exact(number)
        case Date() if isinstance(value, str):
            return date.fromisoformat(value)
        case Date() if isinstance(value, datetime) and value == datetime(value.year, value.month, value.day):  # noqa: DTZ001
            return value.date()
        case ListOfValues():
            return value
        case _:
            return value
