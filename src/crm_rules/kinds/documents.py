"""The documents of a policy file: which keys there are and what shape each value has.

A document is what pydantic makes of the text tree of `crm_rules.reader`: still words with their
places, nothing lowered. Scalars are `Text`; the type of a field decides later what they mean.
Keys that nobody declared are refused. The same models give the JSON Schema for editors.

What the kinds add to these common keys stands beside their lowering, in one file a kind.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, InstanceOf, WithJsonSchema
from pydantic_core import PydanticCustomError

from crm_rules.source import Text

ID = re.compile(r"\w[\w.-]*")
SCALAR = {"type": ["string", "number", "boolean", "null"]}


def check_id(text: Text) -> Text:
    """A name: a letter or digit of any script, then letters, digits, `.`, `-` and `_`."""
    if ID.fullmatch(text) is None:
        raise PydanticCustomError(
            "id", "`{found}` is no name: a letter or digit, then letters, digits, `.`, `-` or `_`", {"found": str(text)}
        )
    return text


def check_filled(text: Text) -> Text:
    """A value that somebody wrote."""
    if not text and not text.quoted:
        raise PydanticCustomError("blank", "expected a value, found nothing")
    return text


def parse_flag(text: object) -> object:
    """`true` or `false`; `yes`, `on` and their like are other words."""
    if isinstance(text, Text) and not text.quoted and text in {"true", "false"}:
        return text == "true"
    if isinstance(text, bool):
        return text
    raise PydanticCustomError("flag", "expected true or false, found {found}", {"found": shown(text)})


def parse_count(text: object) -> object:
    """A whole number of at most three digits, not negative."""
    if isinstance(text, Text) and re.fullmatch(r"[0-9]{1,3}", text):
        return int(text)
    raise PydanticCustomError("count", "expected a whole number, found {found}", {"found": shown(text)})


def parse_day(text: object) -> object:
    """An ISO date."""
    if isinstance(text, Text) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        try:
            return date.fromisoformat(text)
        except ValueError:
            raise PydanticCustomError("day", "the calendar has no day `{found}`", {"found": str(text)}) from None
    raise PydanticCustomError("day-form", "expected a date, found {found}", {"found": shown(text)})


def shown(value: object) -> str:
    """A value as an author wrote it."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return f"`{value}`" if value else "nothing"


Word: TypeAlias = Annotated[InstanceOf[Text], AfterValidator(check_filled), WithJsonSchema(SCALAR)]
Id: TypeAlias = Annotated[InstanceOf[Text], AfterValidator(check_id), WithJsonSchema({"type": ["string", "number"]})]
Flag: TypeAlias = Annotated[bool, BeforeValidator(parse_flag), WithJsonSchema({"type": "boolean"})]
Count: TypeAlias = Annotated[int, BeforeValidator(parse_count), WithJsonSchema({"type": "integer", "minimum": 0})]
Day: TypeAlias = Annotated[
    InstanceOf[date], BeforeValidator(parse_day), WithJsonSchema({"type": "string", "format": "date"})
]
Cell: TypeAlias = Annotated[InstanceOf[Text], WithJsonSchema(SCALAR)]
# A tree that its lowering reads: a value by date, rows in either form.
Tree: TypeAlias = Annotated[Any, WithJsonSchema({})]
Rows: TypeAlias = Annotated[
    Any,
    WithJsonSchema(
        {
            "oneOf": [
                {"type": "string", "description": "a pipe table in a block scalar"},
                {"type": "array", "items": {"type": "object"}},
            ]
        }
    ),
]


class Document(BaseModel):
    """A mapping with a closed set of keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Words(Document):
    """A name for people, in English and Chinese."""

    en: Word | None = None
    zh: Word | None = None


class FieldDocument(Document):
    """A declared input of a policy or of a pack."""

    type: Literal["boolean", "integer", "number", "money", "choice", "text", "date"]
    unit: Word | None = None
    one_of: list[Word] | None = None
    optional: Flag = False
    default: Word | None = None
    min: Word | None = None
    max: Word | None = None
    decimals: Count | None = None
    currency: Id | None = None
    sensitive: Flag = False
    changeable: Flag = True
    label: Words | None = None
    value_labels: dict[Word, Words] = {}


class FieldUse(Document):
    """What a policy may say of a shared field for itself alone."""

    optional: Flag | None = None
    default: Word | None = None
    min: Word | None = None
    max: Word | None = None


class ParameterDocument(Document):
    """A named constant; `value` is one value, a mapping of dates to values, or absent (blank)."""

    type: Literal["boolean", "integer", "number", "money", "choice", "date"]
    unit: Word | None = None
    one_of: list[Word] | None = None
    value: Tree = None
    label: Words | None = None


class OutputDocument(Document):
    """A result of the policy."""

    type: Literal["boolean", "integer", "number", "money", "choice", "text", "date"]
    unit: Word | None = None
    one_of: list[Word] | None = None
    optional: Flag = False
    ordered: Literal["best-first", "worst-first"] | None = None
    unranked: list[Word] = []
    min: Word | None = None
    max: Word | None = None
    label: Words | None = None
    value_labels: dict[Word, Words] = {}


class DeriveDocument(Document):
    """A derived field in its long form."""

    formula: Word
    label: Words | None = None


class SourceDocument(Document):
    """Where the policy comes from: the document and the items of its inventory."""

    document: Word | None = None
    items: list[Word] = []
    title: Words | None = None


class ReadingDocument(Document):
    """How a defect of the source was read, so that nobody has to guess."""

    defect: Word | None = None
    item: Word | None = None
    reading: Words


class PolicyDocument(Document):
    """The keys that every kind of policy has."""

    policy: Id
    kind: Word
    title: Words | None = None
    version: Word | None = None
    valid_from: Day | None = None
    valid_to: Day | None = None
    source: SourceDocument | None = None
    owner: Word | None = None
    approver: Word | None = None
    readings: list[ReadingDocument] = []
    fields: Tree = None
    derive: dict[Id, Tree] = {}
    parameters: dict[Id, ParameterDocument] = {}
    parameter_order: Word | list[Word] | None = None
    requires: dict[Id, Word] = {}
    output: dict[Id, OutputDocument] = {}
    laws: list[Tree] = []


class FieldsDocument(Document):
    """The `fields.yaml` of a pack."""

    fields: dict[Id, FieldDocument]


class PackDocument(Document):
    """The `pack.yaml` of a pack; `extends` names packs whose policies this one builds on."""

    pack: Id
    title: Words | None = None
    version: Word | None = None
    extends: list[Id] = Field(default_factory=list)
    source: SourceDocument | None = None
    owner: Word | None = None
