"""The exchange form of a program: canonical JSON text, and the content hash made from it.

A node is an object whose `is` names its class; numbers that are not whole are `{"number": "0.15"}`
(or `"1/3"`), days `{"date": "2026-01-31"}`, tuples are arrays. Members that have their default value,
and spans, are left out. Reading is safe on text from anyone: the class names are a closed table, every
member must have its declared type, and nothing is called but the constructors of nodes. A program
that was read is well formed, not yet well typed: apply `crm_rules.ir.check`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from datetime import date
from fractions import Fraction
from functools import cache
from hashlib import sha256
from types import MappingProxyType, UnionType
from typing import Any, ForwardRef, Literal, Never, Union, get_args, get_origin, get_type_hints

from crm_rules.errors import CallError
from crm_rules.ir.laws import InputCondition, Law, OutputCondition
from crm_rules.ir.nodes import Bound, Expr, Test, Value
from crm_rules.ir.numbers import show_number
from crm_rules.ir.population import Population
from crm_rules.ir.program import Column, Dated, Field, Label, Output, Parameter, Program, Row, Step
from crm_rules.ir.record import parse_date
from crm_rules.ir.types import Type

FORMAT = "crm-rules program 1"
PARTS = (Program, Population, Field, Parameter, Dated, Output, Column, Row, Label, Bound)
CONDITIONS = (InputCondition, OutputCondition)
NODES: dict[str, type] = {
    kind.__name__: kind for union in (Expr, Test, Step, Type, Law) for kind in get_args(union)
} | {kind.__name__: kind for kind in (*PARTS, *CONDITIONS)}
# What people read, where it was written, and what they promise of the rules: no part of the meaning or the hash.
FOR_PEOPLE = frozenset({"label", "value_labels", "text", "layer", "laws"})
# The members of each node that are written, with their defaults; spans are not compared, so not written.
WRITTEN = {
    kind: tuple((member.name, member.default) for member in fields(kind) if member.compare) for kind in NODES.values()
}
NUMBER = re.compile(r"-?[0-9]{1,1200}(?:\.[0-9]{1,1200}|/[0-9]{1,1200})?")
LONGEST_INTEGER = 1200
DEEPEST = 400  # brackets within brackets; a formula is at most a few dozen deep
NO_HASHES: Mapping[str, str] = MappingProxyType({})


def to_json(program: Program) -> str:
    """The program as one line of canonical JSON: equal programs give equal texts."""
    return written({"format": FORMAT, "program": encoded(program, frozenset())})


def content_hash(program: Program, required: Mapping[str, str] = NO_HASHES) -> str:
    """The SHA-256, in hex, of what the program means, ids and parameter values included.

    `required` holds the hash of each required policy by its id, so that the hash covers the chain.
    """
    text = written({"format": FORMAT, "program": encoded(program, FOR_PEOPLE), "required": dict(required)})
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def written(value: Any) -> str:
    """Canonical JSON text: sorted keys, no spaces, Chinese as it is."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def encoded(value: Any, left_out: frozenset[str]) -> Any:
    """A node, value or tuple as JSON data, without the members `left_out`."""
    match value:
        case None | bool() | int() | str():
            return value
        case Fraction():
            return {"number": show_number(value)}
        case date():
            return {"date": value.isoformat()}
        case tuple():
            return [encoded(item, left_out) for item in value]
        case _:
            found = {"is": type(value).__name__}
            for name, default in WRITTEN[type(value)]:
                member = getattr(value, name)
                if name not in left_out and member != default:
                    found[name] = encoded(member, left_out)
            return found


# Reading


def from_json(text: str) -> Program:
    """The program that `to_json` wrote; raises `CallError` when the text is none."""
    if nesting(text) > DEEPEST:
        refuse(f"brackets stand more than {DEEPEST} deep")
    try:
        data = json.loads(
            text, parse_int=integer, parse_float=no_float, parse_constant=no_float, object_pairs_hook=without_duplicates
        )
    except json.JSONDecodeError as error:
        refuse(f"{error.msg} at line {error.lineno}, column {error.colno}")
    if not isinstance(data, dict) or data.keys() != {"format", "program"} or data["format"] != FORMAT:
        refuse(f"expected an object of the format `{FORMAT}`")
    program = decoded(data["program"])
    if not isinstance(program, Program):
        refuse("the outermost node is not a `Program`")
    return program


def refuse(why: str) -> Never:
    """Raise the one error of reading."""
    raise CallError(f"the text is not a program: {why}")


def nesting(text: str) -> int:
    """How deep brackets stand in each other; those within strings count too, but for closing ones."""
    depth = deepest = 0
    for bracket in re.findall(r'"(?:[^"\\]|\\.)*+"|[\[\]{}]', text):
        if bracket in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif bracket in "]}":
            depth -= 1
    return deepest


def integer(digits: str) -> int:
    """A whole number of a size that a policy can have."""
    if len(digits) > LONGEST_INTEGER:
        refuse(f"a whole number has more than {LONGEST_INTEGER} digits")
    return int(digits)


def no_float(found: str) -> Never:
    """Binary fractions are never written."""
    refuse(f'`{found[:40]}` stands bare; write it as {{"number": "…"}}')


def without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object none of whose keys stands twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        refuse("a key stands twice in one object")
    return found


def decoded(data: Any) -> Any:
    """The node, value or tuple that JSON data says."""
    match data:
        case None | bool() | int() | str():
            return data
        case list():
            return tuple(map(decoded, data))
        case {"number": str(text), **rest} if not rest:
            return number(text)
        case {"date": str(text), **rest} if not rest:
            return parse_date(text) or refuse(f"`{text[:40]}` is not a day")
        case {"is": str(name)}:
            return node(name, data)
        case _:
            refuse("an object says neither `is` nor `number` nor `date`")


def number(text: str) -> Fraction:
    """A number that is not whole, exactly."""
    _, divided, divisor = text.partition("/")
    if NUMBER.fullmatch(text) is None or (divided and not divisor.strip("0")):
        refuse(f"`{text[:40]}` is not a number")
    return Fraction(text)


def node(name: str, data: Mapping[str, Any]) -> Any:
    """A node of the table, with members of their declared types."""
    kind = NODES.get(name)
    if kind is None:
        refuse(f"there is no node `{name[:40]}`")
    declared = declared_members(kind)
    values = {member: decoded(value) for member, value in data.items() if member != "is"}
    for member in values:
        if member not in declared:
            refuse(f"`{name}` has no member `{member[:40]}`")
    for member, (accepts, needed) in declared.items():
        if member in values:
            if not accepts(values[member]):
                refuse(f"`{member}` of `{name}` is not what stands there")
        elif needed:
            refuse(f"`{name}` lacks its member `{member}`")
    return kind(**values)


Accepts = Callable[[Any], bool]


@cache
def declared_members(kind: type) -> Mapping[str, tuple[Accepts, bool]]:
    """What each written member of a node accepts, and whether it must be there."""
    hints = get_type_hints(kind, localns={"Value": Value})
    return {
        member.name: (acceptance(hints[member.name]), member.default is MISSING)
        for member in fields(kind)
        if member.compare
    }


@cache
def acceptance(hint: Any) -> Accepts:  # noqa: PLR0911 - one case a kind of annotation
    """Says whether a decoded value is of an annotated type, where a bool is no int."""
    if isinstance(hint, str | ForwardRef):  # `Value` holds itself
        return lambda value: acceptance(Value)(value)  # noqa: PLW0108 - looked up when called, or it never ends
    if hint is None:
        return lambda value: value is None
    arguments = get_args(hint)
    origin = get_origin(hint)
    if origin is Literal:
        return lambda value: isinstance(value, str) and value in arguments
    if origin is Union or origin is UnionType:
        plain = frozenset(one for one in arguments if isinstance(one, type) and not get_args(one))
        others = tuple(acceptance(one) for one in arguments if one not in plain)
        return lambda value: type(value) in plain or any(accepts(value) for accepts in others)
    if origin is tuple:
        if arguments[-1] is Ellipsis:
            item = acceptance(arguments[0])
            return lambda value: isinstance(value, tuple) and all(map(item, value))
        items = tuple(map(acceptance, arguments))
        return lambda value: (
            isinstance(value, tuple)
            and len(value) == len(items)
            and all(accepts(one) for accepts, one in zip(items, value, strict=True))
        )
    return lambda value: type(value) is hint
