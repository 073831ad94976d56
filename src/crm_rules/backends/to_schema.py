"""The input of a policy as a JSON Schema and as a pydantic model: what a record may hold.

The schema describes JSON records; the model reads texts too (CSV, forms), by the same rules as a
policy file: ISO dates, `true` and `false`, exact numbers. Both say no more than `read_record`
accepts; the policy stays the one judge of a record. Other formats are not known here.
"""

from __future__ import annotations

import keyword
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, assert_never

from crm_rules.ir.numbers import show_number, to_decimal
from crm_rules.ir.program import Field
from crm_rules.ir.record import Rejected, accept, is_missing, parse_fact
from crm_rules.ir.types import (
    Boolean,
    Choice,
    Date,
    DateTime,
    Integer,
    ListOf,
    ListOfValues,
    Money,
    Number,
    Text,
    Type,
    is_numeric,
)

if TYPE_CHECKING:
    from pydantic import BaseModel

DAY = "^(19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}$"  # most validators do not look at `format`
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def record_schema(title: str, fields: Iterable[Field]) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a record with these fields; further members are allowed and ignored."""
    listed = tuple(fields)
    currencies = currency_columns(listed)
    beside = {field.name: [field.currency] for field in listed if field.currency is not None}
    properties = {name: {"type": "string", "const": unit} for name, unit in currencies.items()}
    schema = {
        "$schema": DIALECT,
        "title": title,
        "type": "object",
        "properties": {field.name: field_schema(field) for field in listed} | properties,
        "required": [field.name for field in listed if not field.optional and field.default is None],
    }
    return schema | ({"dependentRequired": beside} if beside else {})


def currency_columns(fields: Iterable[Field]) -> dict[str, str]:
    """The columns that say which currency a row is in, unless declared themselves, with the one accepted."""
    listed = tuple(fields)
    declared = {field.name for field in listed}
    return {
        field.currency: field.type.unit
        for field in listed
        if field.currency is not None and field.currency not in declared and isinstance(field.type, Money)
    }


def field_schema(field: Field) -> dict[str, Any]:
    """The JSON Schema of one field."""
    schema = type_schema(field.type)
    if field.optional or field.default is not None:
        schema = nullable(schema)
    for word, limit in (("minimum", field.low), ("maximum", field.high)):
        if limit is not None and is_numeric(field.type):
            schema[word] = float(show_number(limit)) if limit % 1 else int(limit)  # type: ignore[arg-type, operator]
    if field.decimals == 0:
        schema["multipleOf"] = 1
    elif field.decimals is not None:
        schema["x-decimals"] = field.decimals  # `multipleOf: 0.01` is wrong where a validator divides floats
    if field.default is not None:
        schema["default"] = json_value(field.default)
    if field.label.en or field.label.zh:
        schema["title"] = field.label.en or field.label.zh
        schema["description"] = " / ".join(word for word in (field.label.en, field.label.zh) if word)
    return schema


def type_schema(kind: Type) -> dict[str, Any]:  # noqa: C901, PLR0911 - one case a node
    """The JSON Schema of a type."""
    match kind:
        case Boolean():
            return {"type": "boolean"}
        case Integer():
            return {"type": "integer"}
        case Number():
            return {"type": "number"}
        case Money(unit):
            return {"type": "number", "x-currency": unit}
        case Choice(one_of):
            return {"type": "string", "enum": list(one_of)}
        case Text():
            return {"type": "string"}
        case Date():
            return {"type": "string", "format": "date", "pattern": DAY}
        case DateTime():
            return {"type": "string", "format": "date-time"}
        case ListOf(members):
            properties = {name: type_schema(inner) for name, inner in members}
            return {"type": "array", "items": {"type": "object", "properties": properties}}
        case ListOfValues(item):
            return {"type": "array", "items": type_schema(item)}
        case _:
            assert_never(kind)


def nullable(schema: dict[str, Any]) -> dict[str, Any]:
    """The same, or null."""
    if "enum" in schema:
        schema["enum"] = [*schema["enum"], None]
    return schema | {"type": [schema["type"], "null"]}


def json_value(value: Any) -> Any:
    """A value as JSON holds it."""
    if isinstance(value, bool | int | str):
        return value
    return float(show_number(value)) if hasattr(value, "denominator") else str(value)


def record_model(title: str, fields: Iterable[Field]) -> type[BaseModel]:
    """A frozen pydantic model with these fields; texts are read by the field's type, an empty text is missing."""
    from typing import Annotated  # noqa: PLC0415 - slow to import

    from pydantic import BeforeValidator, ConfigDict, create_model  # noqa: PLC0415
    from pydantic import Field as Alias  # noqa: PLC0415 - slow to import, and only users of models need it

    listed = tuple(fields)
    members: dict[str, Any] = {}
    for field in listed:
        kind = Annotated[Any, BeforeValidator(reader(field))]
        absent = ... if not field.optional and field.default is None else None
        members[attribute(field.name)] = (kind, Alias(absent, alias=field.name))
    for name in currency_columns(listed):
        members[attribute(name)] = (str | None, Alias(None, alias=name))
    config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)
    model: type[BaseModel] = create_model(title, __config__=config, **members)
    return model


def attribute(name: str) -> str:
    """The attribute of a field: its own name, unless models use that one themselves or refuse it."""
    from pydantic import BaseModel  # noqa: PLC0415 - slow to import

    taken = hasattr(BaseModel, name) or name.startswith(("_", "model_")) or keyword.iskeyword(name)
    return f"field_{name.lstrip('_')}" if taken or not name.isidentifier() else name


def reader(field: Field) -> Any:
    """A validator that turns a text or fact into an accepted fact; raises ValueError naming what was expected."""

    def read(fact: Any) -> Any:
        value: Any = fact
        if isinstance(fact, str):
            value = None if fact == "" else parse_fact(field.type, fact)
            if not isinstance(value, Rejected | str) and value is not None and is_numeric(field.type):
                value = to_decimal(value)
        if is_missing(value):
            if field.optional or field.default is not None:
                return None
            raise ValueError(f"{field.name} is missing")
        accepted = value if isinstance(value, Rejected) else accept(field, value)
        if isinstance(accepted, Rejected):
            raise ValueError(f"expected {accepted.expected}")  # noqa: TRY004 - pydantic wants it so
        return to_decimal(accepted) if is_numeric(field.type) else accepted  # type: ignore[arg-type]

    return read
