"""The input contracts of two programs: the records that both accept, and those that only one of them does.

Where both read a field, `common` gives both the values that either accepts, so that one space serves the two;
a default that is not shared moves into the expressions. `refusals` are the values that one version accepts
and the other refuses, which is a difference before any rule is asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

from crm_rules.dataclass import dataclass
from crm_rules.ir.nodes import Coalesce, Constant, FieldValue
from crm_rules.ir.numbers import reduced, to_fact
from crm_rules.ir.program import Field, Program
from crm_rules.ir.record import Rejected, accept
from crm_rules.ir.rewrite import over_nodes, rebuilt
from crm_rules.ir.types import Choice, Integer, Type, is_numeric
from crm_rules.questions.sets import MISSING, Domain, ValueSet, domain_of, samples

REFUSED_TRIES = 8


@dataclass(frozen=True, slots=True)
class Refusal:
    """Values of a field that one version accepts and the other does not, each as a fact of a record."""

    field: str
    values: ValueSet
    domain: Domain
    facts: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Common:
    """Both programs over the fields that they share; `empty` names those for which no value suits both."""

    old: Program
    new: Program
    fields: tuple[Field, ...]
    empty: tuple[str, ...]


def common(old: Program, new: Program) -> Common:
    """Both programs over one set of fields."""
    before, after = ({field.name: field for field in program.fields} for program in (old, new))
    shared = {name: shared_field(before[name], after[name]) for name in before if name in after}
    fields = {**after, **before, **{name: field for name, field in shared.items() if field is not None}}
    empty = tuple(name for name, field in shared.items() if field is None or not domain_of(field).all)
    return Common(on_fields(old, fields), on_fields(new, fields), tuple(fields.values()), empty)


def shared_field(one: Field, other: Field) -> Field | None:
    """A field with the values that both accept; None when their types have none in common."""
    kind = shared_type(one.type, other.type)
    if kind is None:
        return None
    lows: list[Any] = [field.low for field in (one, other) if field.low is not None]
    highs: list[Any] = [field.high for field in (one, other) if field.high is not None]
    decimals = [field.decimals for field in (one, other) if field.decimals is not None]
    same_default = one.default == other.default and one.default is not None
    return replace(
        one,
        type=kind,
        optional=accepts_missing(one) and accepts_missing(other) and not same_default,
        default=one.default if same_default else None,
        low=max(lows, default=None),
        high=min(highs, default=None),
        decimals=min(decimals, default=None),
    )


def accepts_missing(field: Field) -> bool:
    """True when a record may leave the field out."""
    return field.optional or field.default is not None


def shared_type(one: Type, other: Type) -> Type | None:
    """The type of the values that both types have."""
    if isinstance(one, Choice) and isinstance(other, Choice):
        return Choice(tuple(value for value in one.one_of if value in other.one_of))
    if is_numeric(one) and is_numeric(other):
        return other if isinstance(other, Integer) else one
    return one if type(one) is type(other) else None


def on_fields(program: Program, fields: Mapping[str, Field]) -> Program:
    """The program over other declarations of its fields; a default that they do not have stands where it is read."""
    defaults = {
        field.name: Constant(field.default, field.type)
        for field in program.fields
        if field.default is not None and fields[field.name].default is None
    }

    def read(node: Any) -> Any:
        if isinstance(node, FieldValue) and node.name in defaults:
            return Coalesce((node, defaults[node.name]))
        return rebuilt(node, read)

    changed = replace(program, fields=tuple(fields[field.name] for field in program.fields))
    return over_nodes(changed, read, lambda _, test: read(test)) if defaults else changed


def refusals(accepting: Program, refusing: Program) -> Iterator[Refusal]:
    """What the first program accepts and the second does not, field by field."""
    for other in refusing.fields:
        field = next((one for one in accepting.fields if one.name == other.name), None)
        if field is None:
            if not accepts_missing(other):
                yield Refusal(other.name, MISSING, domain_of(other), (None,))
            continue
        domain = domain_of(field)
        accepted = domain.all | (MISSING if accepts_missing(field) else ValueSet())
        domain = Domain(domain.type, domain.step, accepted)
        known = domain_of(other)
        alike = shared_type(field.type, other.type) is not None
        also = (known.all if alike else ValueSet()) | (MISSING if accepts_missing(other) else ValueSet())
        refused = accepted - also
        facts = [value for value in samples(refused or accepted, domain) if is_refused(other, value)]
        if not refused and finer(domain, known):
            facts += [value for value in between_steps(domain, known) if is_refused(other, value)]
            refused = accepted if facts else refused
        if facts:
            yield Refusal(other.name, refused or accepted, domain, tuple(map(to_fact, facts[:REFUSED_TRIES])))


def is_refused(field: Field, value: Any) -> bool:
    """True when a record with this value of the field is invalid."""
    if value is None:
        return not accepts_missing(field)
    return isinstance(accept(field, to_fact(value)), Rejected)


def finer(one: Domain, other: Domain) -> bool:
    """True when one domain has numbers between the steps of the other."""
    return is_numeric(one.type) and other.step is not None and (one.step is None or one.step < other.step)


def between_steps(one: Domain, other: Domain) -> Iterator[Any]:
    """Numbers of one domain that lie between two steps of the other."""
    for value in samples(one.all, one):
        if isinstance(value, bool | str) or value is None or other.step is None:
            continue
        number: Any = value
        beside = Fraction(other.step) / 2 if one.step is None else Fraction(one.step)
        yield from (reduced(number + beside), reduced(number - beside))
