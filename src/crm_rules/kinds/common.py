"""Lowering of what all kinds share: fields, parameters, derived fields, requirements and outputs.

The order is that of reading: fields and required outputs first, then parameters, then derived
fields (each may use the earlier ones), then the declared outputs, whose expressions the kind adds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from itertools import pairwise
from typing import Any, TypeAlias

from crm_rules.diagnostics import Label, did_you_mean
from crm_rules.ir.nodes import Nothing, Value
from crm_rules.ir.program import Dated, Field, Output, Parameter
from crm_rules.ir.record import Rejected, parse_date, parse_fact
from crm_rules.ir.types import Boolean, Choice, Date, Integer, Money, Number, Type, is_numeric, show_choices, show_type
from crm_rules.ir.types import Text as TextType
from crm_rules.ir.typing import Named
from crm_rules.kinds.documents import (
    ID,
    DeriveDocument,
    FieldDocument,
    FieldUse,
    OutputDocument,
    ParameterDocument,
    PolicyDocument,
)
from crm_rules.kinds.draft import Draft, Required, to_label, to_labels
from crm_rules.kinds.formulas import lower_formula
from crm_rules.kinds.reading import place, read_document
from crm_rules.reader.cells import parse_value
from crm_rules.reader.yaml_text import Mapping as Tree
from crm_rules.reader.yaml_text import Sequence
from crm_rules.source import Span, Text

Typed: TypeAlias = FieldDocument | ParameterDocument | OutputDocument
ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
RULE_COLUMNS = ("id", "en", "zh", "reason")
FULL_WIDTH_COMMA = re.compile("[\uff0c\u3001]")
MISWRITTEN_NUMBER = {"number-with-unit", "number-format", "grouped-number", "full-width-character"}
MOST_DERIVED = 500
MOST_CHOICES = 1_000
MOST_DATES = 200
PARAMETER_CHAIN = re.compile(r"\s*\$[\w][\w.-]*\s*(<\s*\$[\w][\w.-]*\s*)+")


def lower_common(
    document: PolicyDocument,
    draft: Draft,
    shared: Mapping[str, FieldDocument],
    required: Mapping[str, Required],
) -> None:
    """Lower every key that all kinds have."""
    lower_fields(document.fields, draft, shared)
    lower_requirements(document, draft, required)
    for name, parameter in document.parameters.items():
        lower_parameter(name, parameter, draft)
    lower_parameter_order(document, draft)
    for number, (name, tree) in enumerate(document.derive.items(), 1):
        if number > MOST_DERIVED:
            message = f"a policy derives at most {MOST_DERIVED:,} fields, found {len(document.derive):,}"
            draft.findings.error("too-many-values", name.span, message, "split the policy")
            break
        lower_derived(name, tree, draft)
    for name, output in document.output.items():
        lower_output(name, output, draft)


def type_of_document(name: Text, document: Typed, draft: Draft) -> Type | None:  # noqa: C901, PLR0911 - one case a type
    """The type that `type`, `unit` and `one_of` say; None after reporting what does not go together."""
    error = draft.findings.error
    if document.type == "choice" and not document.one_of:
        error("missing-key", name.span, f"`{name}` is a choice without choices", "add `one_of: [A, B]`")
        return None
    if document.one_of is not None and document.type != "choice":
        place_of = document.one_of[0].span if document.one_of else name.span
        error("unsuited-key", place_of, f"`one_of` is for choices, and `{name}` is {article(document.type)}")
        return None
    if document.type == "money" and document.unit is None:
        error("missing-key", name.span, f"`{name}` is money without a currency", "add `unit: CNY`")
        return None
    if document.unit is not None and document.type not in {"money", "number", "integer"}:
        message = f"`unit` is for numbers and money, and `{name}` is {article(document.type)}"
        error("unsuited-key", document.unit.span, message)
        return None
    unit = None if document.unit is None else str(document.unit)
    match document.type:
        case "boolean":
            return Boolean()
        case "integer":
            return Integer(unit)
        case "number":
            return Number(unit)
        case "money":
            return Money(str(unit))
        case "choice" if len(document.one_of or []) > MOST_CHOICES:
            message = f"there are at most {MOST_CHOICES:,} choices, found {len(document.one_of or []):,}"
            error("too-many-values", name.span, message, "a long list is data: use a text")
            return None
        case "choice":
            return choice_type(document.one_of or [], draft)
        case "text":
            return TextType()
        case _:
            return Date()


def article(word: str) -> str:
    """A type's word in a sentence: `a date`, `an integer`, `money`."""
    return word if word == "money" else f"an {word}" if word == "integer" else f"a {word}"


def choice_type(words: list[Text], draft: Draft) -> Choice:
    """The choices, each once."""
    if len(words) == 1 and not words[0].quoted and FULL_WIDTH_COMMA.search(words[0]):
        parts = [part.strip() for part in FULL_WIDTH_COMMA.split(words[0]) if part.strip()]
        sign = FULL_WIDTH_COMMA.findall(words[0])[0]
        remedy = f"write `{', '.join(parts)}`; a choice with this sign stands in quotes"
        draft.findings.error("full-width-character", words[0].span, f"`{sign}` does not separate choices", remedy)
        return Choice(tuple(dict.fromkeys(parts)) or (str(words[0]),))
    seen: dict[str, Text] = {}
    for word in words:
        if not word:
            draft.findings.error("empty-value", word.span, "a choice cannot be an empty text")
        if word in seen:
            draft.findings.error("duplicate-choice", word.span, f"the choice `{word}` stands twice")
        seen[str(word)] = word
    if not seen:
        raise AssertionError("a list of choices cannot be empty here")
    return Choice(tuple(seen))


def lower_fields(tree: Any, draft: Draft, shared: Mapping[str, FieldDocument]) -> None:
    """A mapping of declarations, or a list of shared names (each with what this policy says of it)."""
    if tree is None:
        return
    if isinstance(tree, Tree):
        for name, inner in tree.items():
            document = read_document(FieldDocument, inner, draft.findings.diagnostics)
            if document is not None:
                declare(name, document, draft)
            else:
                draft.findings.faulty.add(str(name))
        return
    if not isinstance(tree, Sequence):
        draft.findings.error(
            "wrong-shape", place(tree, tree), "expected fields with their types, or a list of shared fields"
        )
        return
    for item in tree:
        for name, use in uses(item, draft):
            known = shared.get(name)
            if known is None:
                draft.findings.error(
                    "unknown-field",
                    name.span,
                    f"unknown shared field `{name}`",
                    did_you_mean(name, shared) or "declare it in the pack's fields.yaml, or here with a type",
                )
                draft.findings.faulty.add(str(name))
                continue
            declare(name, known.model_copy(update=use.model_dump(exclude_none=True)), draft)


def uses(item: Any, draft: Draft) -> Iterator[tuple[Text, FieldUse]]:
    """The shared names of one list item: `need`, or `need: {optional: true}`."""
    if isinstance(item, Text):
        yield item, FieldUse()
    elif isinstance(item, Tree):
        for name, inner in item.items():
            use = read_document(FieldUse, inner, draft.findings.diagnostics)
            if use is None:
                draft.findings.faulty.add(str(name))
            else:
                yield name, use
    else:
        draft.findings.error("wrong-shape", place(item, item), "expected the name of a shared field")


def declare(name: Text, document: FieldDocument, draft: Draft) -> None:
    """One input of the policy."""
    findings = draft.findings
    if ID.fullmatch(name) is None:
        remedy = "a letter or digit, then letters, digits, `.`, `-` or `_`"
        findings.error("bad-id", name.span, f"`{name}` is no name of a field", remedy)
        return
    kind = type_of_document(name, document, draft)
    if kind is None:
        findings.faulty.add(str(name))
        return
    if name in findings.scope.fields:
        findings.error("duplicate-name", name.span, f"the field `{name}` is declared twice")
        return
    if name == "today":
        findings.error("reserved-name", name.span, "`today` is the day of the decision and cannot be a field")
        return
    if name in RULE_COLUMNS:
        findings.error("reserved-name", name.span, f"`{name}` is a column of every table and cannot be a field")
        return
    limits = {"min": document.min, "max": document.max}
    for word, limit in limits.items():
        if limit is not None and not is_numeric(kind) and not isinstance(kind, Date):
            message = f"`{word}` is for numbers and dates, and `{name}` is {show_type(kind)}"
            findings.error("unsuited-key", limit.span, message)
            findings.faulty.add(str(name))
            return
    if document.decimals is not None and (not is_numeric(kind) or isinstance(kind, Integer)):
        message = f"`decimals` is for numbers and money, and `{name}` is {show_type(kind)}"
        findings.error("unsuited-key", name.span, message)
    if document.currency is not None and not isinstance(kind, Money):
        message = f"`currency` is for money, and `{name}` is {show_type(kind)}"
        findings.error("unsuited-key", document.currency.span, message)
    check_value_labels(name, document.value_labels, kind, draft)
    low: Any = constant(document.min, kind, draft)
    high: Any = constant(document.max, kind, draft)
    draft.add_field(
        Field(
            str(name),
            kind,
            optional=document.optional,
            default=constant(document.default, kind, draft),
            low=low,
            high=high,
            decimals=document.decimals,
            currency=None if document.currency is None else str(document.currency),
            sensitive=document.sensitive,
            changeable=document.changeable,
            label=to_label(document.label),
            value_labels=to_labels(document.value_labels),
            span=name.span,
        )
    )


def check_value_labels(name: Text, labels: Mapping[Text, Any], kind: Type, draft: Draft) -> None:
    """Words for values that do not exist are a misspelling."""
    known = kind.one_of if isinstance(kind, Choice) else ()
    for value in labels:
        if value not in known:
            message = f"`{value}` is not among the choices of `{name}`"
            draft.findings.error("unknown-choice", value.span, message, did_you_mean(value, known))


def constant(word: Text | None, kind: Type, draft: Draft) -> Value | None:
    """The value a word writes for a type; None where there is no word or after reporting that it fits not."""
    if word is None:
        return None
    if not word and not word.quoted:
        draft.findings.error(
            "empty-value", word.span, "expected a value, found nothing", "write a value, or remove the key"
        )
        return None
    value = parse_fact(kind, str(word))
    if isinstance(value, Rejected) and isinstance(kind, Choice):
        remedy = did_you_mean(word, kind.one_of)
        draft.findings.error(
            "unknown-choice", word.span, f"`{word}` is not among the choices {show_choices(kind.one_of)}", remedy
        )
        return None
    if isinstance(value, Rejected) and isinstance(kind, Date) and ISO_DATE.fullmatch(word):
        draft.findings.error(*misread_date(word))
        return None
    if isinstance(value, Rejected):
        _, found = parse_value(word)  # a cell knows `100万元` and `５`, and what to write for them
        if is_numeric(kind) and found and found[0].code in MISWRITTEN_NUMBER:
            draft.findings.extend(found)
        else:
            draft.findings.error("wrong-literal", word.span, f"expected {value.expected}, found `{word}`")
        return None
    return value


def misread_date(word: Text) -> tuple[str, Span, str, str]:
    """Code, place, message and remedy for a word that is no date."""
    if ISO_DATE.fullmatch(word):
        return "bad-date", word.span, f"the calendar from 1900 to 2199 has no day `{word}`", ""
    return "date-format", word.span, f"expected a date, found `{word}`", "write year, month and day: `2026-01-31`"


def lower_requirements(document: PolicyDocument, draft: Draft, required: Mapping[str, Required]) -> None:
    """Each alias of `requires` becomes a field that the other policy's output fills."""
    for alias, wanted in document.requires.items():
        found = required.get(str(alias))
        if found is None:
            continue  # the pack has reported why
        if alias in draft.findings.scope.fields:
            draft.findings.error(
                "duplicate-name",
                alias.span,
                f"`{alias}` is a field and the name of a requirement",
                "rename one of them",
            )
            continue
        output = found.output
        draft.required.append((str(alias), found.policy, output.name))
        draft.add_field(
            Field(
                str(alias),
                output.type,
                optional=output.optional,
                low=output.low,
                high=output.high,
                label=output.label,
                value_labels=output.value_labels,
                span=wanted.span,
            )
        )


def lower_parameter(name: Text, document: ParameterDocument, draft: Draft) -> None:
    """A named constant, its value blank, plain or by date."""
    kind = type_of_document(name, document, draft)
    if kind is None:
        return
    values = tuple(dated_values(name, document.value, kind, draft))
    draft.parameters.append(Parameter(str(name), kind, values, to_label(document.label), name.span))
    draft.findings.scope.parameters[str(name)] = Named(kind)


def dated_values(name: Text, tree: Any, kind: Type, draft: Draft) -> Iterator[Dated]:
    """The values of a parameter in the order of their days."""
    if tree is None or (isinstance(tree, Text) and not tree and not tree.quoted):
        return
    if isinstance(tree, Text):
        value = constant(tree, kind, draft)
        if value is not None:
            yield Dated(None, value, tree.span, tree.span.path)
        return
    if not isinstance(tree, Tree):
        draft.findings.error("wrong-shape", place(tree, tree), f"expected a value of `{name}`, or values by date")
        return
    found: dict[date, Dated] = {}
    if len(tree) > MOST_DATES:
        message = f"a parameter has at most {MOST_DATES} values by date, found {len(tree):,}"
        draft.findings.error("too-many-values", tree.span, message)
        return
    for day_text, word in tree.items():
        day = parse_date(day_text)
        if day is None:
            draft.findings.error(*misread_date(day_text))
            continue
        if not isinstance(word, Text):
            draft.findings.error("wrong-shape", place(word, word), f"expected the value of `{name}` from {day_text} on")
            continue
        value = constant(word, kind, draft)
        if value is not None:
            found[day] = Dated(day, value, word.span, word.span.path)
    yield from (found[day] for day in sorted(found))


def lower_parameter_order(document: PolicyDocument, draft: Draft) -> None:
    """`$low < $middle < $high`: names that exist, and values that keep the order on every day."""
    written = document.parameter_order
    chains = [] if written is None else [written] if isinstance(written, Text) else written
    for chain in chains:
        if PARAMETER_CHAIN.fullmatch(chain) is None:
            draft.findings.error("bad-order", chain.span, "expected an order such as `$low < $middle < $high`")
            continue
        names = tuple(part.strip()[1:] for part in chain.split("<"))
        known = {parameter.name: parameter for parameter in draft.parameters}
        unknown = [name for name in names if name not in known]
        for name in unknown:
            draft.findings.error(
                "unknown-parameter", chain.span, f"unknown parameter `${name}`", did_you_mean(name, known)
            )
        types = {known[name].type for name in names if name in known}
        if len(types) > 1 or not all(is_numeric(kind) or isinstance(kind, Date) for kind in types):
            shown = " and ".join(sorted(map(show_type, types)))
            draft.findings.error(
                "bad-order", chain.span, f"an order is among numbers or dates of one type, found {shown}"
            )
        elif not unknown:
            draft.order.append(names)
            check_order([known[name] for name in names], draft)


def check_order(chain: list[Parameter], draft: Draft) -> None:
    """Report neighbours whose values break the order on some day."""
    for low, high in pairwise(chain):
        changes: list[date | None] = [None]
        changes += sorted({dated.since for dated in (*low.values, *high.values) if dated.since is not None})
        for day in changes:
            first: Any = low.at(day)
            second: Any = high.at(day)
            if first is None or second is None or first < second:
                continue
            places = [last_span(high, day) or high.span or draft.span, last_span(low, day) or low.span or draft.span]
            own = [place for place in places if place.path == draft.span.path]  # of two layers the policy's own erred
            span, other = (places[1], places[0]) if own == places[1:] else (places[0], places[1])
            since = f" from {day} on" if day is not None else ""
            draft.findings.error(
                "parameters-out-of-order",
                span,
                f"`${high.name}` must be above `${low.name}`{since}",
                "correct one of the values",
                labels=(Label(other, "the other value"),),
            )
            break


def last_span(parameter: Parameter, day: date | None) -> Span | None:
    """Where the value in force on a day was written."""
    found = None
    for dated in parameter.values:
        if dated.since is None or (day is not None and dated.since <= day):
            found = dated.span
    return found


def lower_derived(name: Text, tree: Any, draft: Draft) -> None:
    """A derived field in its short form (a formula) or its long form."""
    formula, label = tree, None
    if isinstance(tree, Tree):
        document = read_document(DeriveDocument, tree, draft.findings.diagnostics)
        if document is None:
            return
        formula, label = document.formula, document.label
    if not isinstance(formula, Text):
        draft.findings.error("wrong-shape", name.span, f"expected a formula for `{name}`")
        return
    if name in draft.findings.scope.fields or (str(name), str(name)) in draft.findings.scope.steps or name == "today":
        draft.findings.error("duplicate-name", name.span, f"`{name}` is already a field")
        return
    lowered = lower_formula(formula, draft.findings)
    if lowered is None:
        draft.findings.faulty.add(str(name))
    else:
        draft.add_derive(str(name), lowered[0], label=to_label(label), text=str(formula).strip(), span=name.span)


def lower_output(name: Text, document: OutputDocument, draft: Draft) -> None:
    """A declared output; its expression comes from the kind."""
    kind = type_of_document(name, document, draft)
    if kind is None:
        return
    if name in draft.findings.scope.fields or (str(name), str(name)) in draft.findings.scope.steps:
        message = f"`{name}` is a field and an output"
        draft.findings.error("duplicate-name", name.span, message, "rename one of them")
        return
    if name in RULE_COLUMNS:
        draft.findings.error("reserved-name", name.span, f"`{name}` is a column of every table and cannot be an output")
        return
    check_value_labels(name, document.value_labels, kind, draft)
    for value in document.unranked:
        if not isinstance(kind, Choice) or value not in kind.one_of:
            draft.findings.error("unknown-choice", value.span, f"`{value}` is not among the choices of `{name}`")
    if document.ordered is not None and not isinstance(kind, Choice):
        message = f"`ordered` is for choices, and `{name}` is {show_type(kind)}"
        draft.findings.error("unsuited-key", name.span, message)
        return
    low: Any = constant(document.min, kind, draft)
    high: Any = constant(document.max, kind, draft)
    draft.declared[str(name)] = Output(
        str(name),
        kind,
        Nothing(kind),
        optional=document.optional,
        order=document.ordered,
        unranked=tuple(str(value) for value in document.unranked),
        low=low,
        high=high,
        label=to_label(document.label),
        value_labels=to_labels(document.value_labels),
        span=name.span,
    )
