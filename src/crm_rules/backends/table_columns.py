"""What a caller says of the columns of a table: which of them feeds which field, and what its texts stand for.

The words are those of a mapping file of `crm-rules decide`, as far as they say something of columns that have types.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

from crm_rules.backends.to_query import Chain, fields_of
from crm_rules.dataclass import dataclass
from crm_rules.diagnostics import did_you_mean
from crm_rules.errors import CallError
from crm_rules.ir.nodes import Value
from crm_rules.ir.program import Field
from crm_rules.ir.record import Rejected, accept, show_fact
from crm_rules.ir.types import Boolean, Choice, Text, show_type

SOURCES: Final = ("column", "constant", "missing")
SAID: Final = (*SOURCES, "values")
FOR_TEXTS: Final = ("date", "thousands", "empty")  # of a mapping file, where only a file of texts needs it
Columns: TypeAlias = Mapping[str, str | Mapping[str, Any] | None]


@dataclass(frozen=True, slots=True)
class Fed:
    """What feeds a field: a column, whose texts stand for `values` where they are given; or one value in every row.

    With neither it is missing in every row.
    """

    column: str | None = None
    values: tuple[tuple[str, bool | str], ...] | None = None
    constant: Value | None = None


def fed_fields(columns: Columns, chain: Chain) -> dict[str, Fed]:
    """What feeds the fields of a chain that `columns` names; raises `CallError` for what cannot feed them."""
    fields = {field.name: field for field in all_fields(chain, {})}
    return {name: fed_field(fields[name], said) for name, said in columns.items() if name in fields}


def check_names(id: str, columns: Columns, chains: Iterable[Chain]) -> None:  # noqa: A002 - the word of the language
    """Raise `CallError` for a name that is no field of any chain."""
    known = {field.name for chain in chains for field in all_fields(chain, {})}
    for name in columns:
        if name not in known:
            raise CallError(unknown("columns=", name, id, sorted(known)))


def fed_field(field: Field, said: object) -> Fed:
    """What feeds one field."""
    name = field.name
    if said is None or isinstance(said, str):
        return Fed(said)
    if not isinstance(said, Mapping):
        raise CallError(
            f"columns= maps `{name}` to {show_fact(said)}, expected the name of a column, None, or a mapping such as "
            "{'column': ..., 'values': {...}}"
        )
    source = only_source(name, said)
    if said.get("values") is not None and source != "column":
        raise CallError(f"columns= says `values` of `{name}` and no `column` that holds them")
    if source == "constant":
        return Fed(constant=accepted(field, said[source], f"`{name}`"))
    if source == "missing":
        if said[source] is not True:
            raise CallError(f"columns= says `missing` of `{name}`, expected True, found {show_fact(said[source])}")
        return Fed()
    if not isinstance(said[source], str):
        raise CallError(f"columns= maps `{name}` to {show_fact(said[source])}, expected the name of a column")
    return Fed(said[source], None if said.get("values") is None else fed_values(field, said["values"]))


def only_source(name: str, said: Mapping[Any, Any]) -> str:
    """Which of the sources there are is named; raises `CallError` for none, for several, and for other words."""
    for key in said:
        if key in FOR_TEXTS:
            raise CallError(
                f"columns= says `{key}` of `{name}`, which is for the texts of a file: give the column its type"
            )
        if key not in SAID:
            close = did_you_mean(key, SAID) if isinstance(key, str) else ""
            raise CallError(f"columns= says `{key}` of `{name}`; {close or 'there are ' + ', '.join(SAID)}")
    found = [key for key in SOURCES if said.get(key) is not None]
    if len(found) != 1:
        words = " and ".join(f"`{key}`" for key in found) or "none of them"
        raise CallError(f"columns= says for `{name}` one of `column`, `constant` and `missing`, found {words}")
    return found[0]


def fed_values(field: Field, values: object) -> tuple[tuple[str, bool | str], ...]:
    """The values that the texts of a column stand for."""
    if not isinstance(field.type, Choice | Boolean):
        kind = show_type(field.type)
        raise CallError(f"columns= says `values` of `{field.name}`, which is {kind}: they are for choices and booleans")
    if not isinstance(values, Mapping) or not values:
        raise CallError(f"columns= says `values` of `{field.name}`: expected a value for each text, found {values!r}")
    found: dict[str, bool | str] = {}
    for text, value in values.items():
        if not isinstance(text, str):
            raise CallError(f"columns= says `values` of `{field.name}` for {show_fact(text)}, expected a text")
        found[text] = accepted(field, value, f"the text `{text}` of `{field.name}`")
    return tuple(found.items())


def accepted(field: Field, fact: Any, what: str) -> Any:
    """A value that the caller gives for a field."""
    value = accept(field, fact)
    if isinstance(value, Rejected):
        raise CallError(f"columns= has {show_fact(fact)} for {what}, expected {value.expected}")
    return value


# What can be fed


def all_fields(chain: Chain, given: Mapping[str, Value | None]) -> list[Field]:
    """The fields of a chain, and the columns that say the currency of a row."""
    fields = {field.name: field for field in fields_of(chain, given)}
    for name in currency_columns(chain, given):
        fields.setdefault(name, Field(name, Text()))
    return list(fields.values())


def currency_columns(chain: Chain, given: Mapping[str, Value | None]) -> list[str]:
    """The names of the columns that say the currency of a row, along the chain."""
    found = [field.currency for field in chain.program.fields if field.currency is not None]
    for alias, below, _ in chain.required:
        if alias not in given:
            found += currency_columns(below, given)
    return found


def unknown(argument: str, name: object, id: str, known: Iterable[str]) -> str:  # noqa: A002 - the word of the language
    """What to say of a name that a policy does not have."""
    known = list(known)
    close = did_you_mean(name, known) if isinstance(name, str) else ""
    return f"{argument} names `{name}`, which `{id}` does not have; {close or 'it has ' + ', '.join(known)}"
