"""What a caller says of a table: which columns feed the fields, what is given, what is added under which names.

`ADDED` is what is added unless the caller says otherwise: all outputs, `status`, `rules`, and the `reason` of an
undecided row. Frames and SQL share this; which names the table has already is theirs to check. narwhals is not
needed before a frame is really decided.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import field
from datetime import date
from importlib.util import find_spec
from typing import Any, Final

from crm_rules.backends.query import Feed, Query
from crm_rules.backends.table_columns import Fed, all_fields, unknown
from crm_rules.backends.to_query import Chain
from crm_rules.dataclass import dataclass
from crm_rules.errors import CallError
from crm_rules.ir.nodes import Value
from crm_rules.ir.program import Field
from crm_rules.ir.record import Rejected, accept, is_missing, show_fact

OUTPUTS: Final = "outputs"
ABOUT: Final = ("status", "rules", "reason")
ADDED: Final = (OUTPUTS, *ABOUT)


@dataclass(frozen=True, slots=True)
class Ask:
    """One policy asked about every row: what feeds which field, and the columns that it adds (see `to_query`).

    A policy that is `blocked`, by the reasons given, is not asked: its columns say so. One that may be `unfed` is
    invalid in every row where the frame has no column for one of its required fields; otherwise that is the caller's
    mistake.
    """

    chain: Chain
    results: Mapping[str, str]
    fed: Mapping[str, Fed]
    given: Mapping[str, Value | None]
    needs_today: bool
    blocked: tuple[str, ...] = ()
    unfed: bool = False
    memory: MutableMapping[Hashable, Query] = field(default_factory=dict, compare=False)


def decide_rows(frame: Any, asks: Sequence[Ask], today: date | str | None) -> Any:
    """The frame with what the policies add to every row (see `to_frame`)."""
    if find_spec("narwhals") is None:
        raise CallError("decide_frame needs narwhals: pip install 'crm-rules[frames]'")
    from crm_rules.backends import to_frame  # noqa: PLC0415 - an extra

    return to_frame.decide_rows(frame, asks, today)


def additions(
    id: str,  # noqa: A002 - the word of the language
    outputs: Sequence[str],
    add: Iterable[str] = ADDED,
    *,
    prefix: str = "",
    names: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """What is added (`output:<name>`, `status`, `rules`, `reason`, as `to_query` takes them) with its column's name.

    `add` lists outputs by name, all of them as `outputs`, and the others; `names` renames single ones, and `prefix`
    stands before the rest. An output that is called `status` itself is `output:status` in both. Raises `CallError` for
    a name that the policy does not have, and for two columns of one name.
    """
    if isinstance(add, str):
        raise CallError(f"add= is a list of names, found the text `{add}`: write add=[{add!r}]")
    of_outputs = [f"output:{output}" for output in outputs]
    known = {logical.removeprefix("output:"): logical for logical in of_outputs}
    known |= {name: name for name in (*of_outputs, *ABOUT)}
    chosen: dict[str, None] = {}
    for name in add:
        if name not in known and name != OUTPUTS:
            raise CallError(unknown("add=", name, id, (*outputs, *ADDED)))
        chosen |= dict.fromkeys([known[name]] if name in known else of_outputs)
    renamed: dict[str, str] = {}
    for name, column in (names or {}).items():
        if name not in known:
            raise CallError(unknown("names=", name, id, (*outputs, *ABOUT)))
        renamed[known[name]] = column
    found = {logical: renamed.get(logical, prefix + logical.removeprefix("output:")) for logical in chosen}
    columns = list(found.values())
    for index, column in enumerate(columns):
        if column in columns[:index]:
            raise CallError(f"`{id}` would add two columns called `{column}`: names= gives one of them another name")
    return found


def given_values(chain: Chain, given: Mapping[str, Any]) -> dict[str, Value | None]:
    """The given decisions as values of the fields that they fill; raises `CallError` for one that does not fit."""
    found: dict[str, Value | None] = {}
    fields = {field.name: field for field in chain.program.fields}
    for alias, below, _ in chain.required:
        if alias not in given:
            found |= given_values(below, given)
            continue
        fact = given[alias]
        value = None if is_missing(fact) else accept(fields[alias], fact)
        if isinstance(value, Rejected):
            raise CallError(f"given= holds {show_fact(fact)} for `{alias}`, expected {value.expected}")
        found[alias] = value
    return found


# What is read


def needed_fields(ask: Ask) -> list[Field]:
    """The fields of a chain, and the columns that say the currency of a row."""
    return all_fields(ask.chain, ask.given)


def fed_by(ask: Ask, field: Field) -> Fed:
    """What feeds a field: what the caller said, else the column of its own name."""
    return ask.fed.get(field.name) or Fed(field.name)


def constant_feeds(ask: Ask) -> list[Feed]:
    """The feeds of fields that have one value in every row."""
    found = ((field.name, fed_by(ask, field).constant) for field in needed_fields(ask))
    return [Feed(name, "", "any", constant=value) for name, value in found if value is not None]
