"""Units that names, labels and declarations tell of, and where they contradict each other.

The types keep declared units apart already: days are never compared with months, nor CNY with USD. What they cannot
see is told in words: a label `限额（万元）` on an amount in CNY, a field `grace_days` counted in months, two numbers
without a unit whose names say day and month. Words count only where they can mean nothing else; `30天以上` is an amount
of days in a label and not its unit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from crm_rules.codes import diagnose
from crm_rules.dataclass import dataclass
from crm_rules.diagnostics import Diagnostic
from crm_rules.ir.nodes import (
    Add,
    Coalesce,
    Expr,
    FieldValue,
    Maximum,
    Minimum,
    ParameterValue,
    StepValue,
    Subtract,
    Test,
)
from crm_rules.ir.program import Derive, Field, Output, Parameter, Program, Row, Table
from crm_rules.ir.rewrite import descendants
from crm_rules.ir.types import Integer, Money, Number
from crm_rules.proofs.places import labels, place
from crm_rules.source import Span

Named: TypeAlias = Field | Parameter | Output | Derive

TIME_WORDS = {
    "day": "day days 天 日",
    "week": "week weeks 周 星期",
    "month": "month months 月 个月",
    "year": "year years 年",
}
TIMES = {word: unit for unit, words in TIME_WORDS.items() for word in words.split()}
PLURALS = {"days": "day", "weeks": "week", "months": "month", "years": "year"}
CURRENCY_WORDS = {
    "CNY": "CNY RMB yuan 元 人民币 人民币元",
    "USD": "USD 美元",
    "EUR": "EUR 欧元",
    "JPY": "JPY 日元",
    "HKD": "HKD 港元 港币",
    "GBP": "GBP 英镑",
}
CURRENCIES = {word: code for code, words in CURRENCY_WORDS.items() for word in words.split()}
SCALES = {"千万": 10**7, "百万": 10**6, "千": 10**3, "万": 10**4, "亿": 10**8}

# A number before it makes `100万元` an amount; before the unit of a quantity there is none.
NO_NUMBER = r"(?<![0-9.,％%一二三四五六七八九十百千万亿两几数])"
SCALED = re.compile(NO_NUMBER + r"(千万|百万|千|万|亿)(?:元|美元|欧元|日元|港元|港币|英镑)|[(（]元[)）]")
SCALED_ENGLISH = re.compile(r"(?:\(|\bin )(10k|10,?000|1,?000|ten thousand|k|thousands?|millions?)\b")
CURRENCY = re.compile(r"\b(?:CNY|RMB|USD|EUR|JPY|HKD|GBP)\b|美元|欧元|日元|港元|港币|英镑|人民币")
TIME_CHINESE = re.compile(NO_NUMBER + r"(?:(天|周|月|年)数|[(（](天|日|周|月|个月|年)[)）])")
TIME_ENGLISH = re.compile(
    r"^(days|weeks|months|years)\b|\((?:in )?(days|weeks|months|years)\)|\bin (days|months)$", re.IGNORECASE
)
BRACKETED = re.compile(r"[(（][^)）]*[)）]\s*$")
UNIT = re.compile(r"(千万|百万|千|万|亿)?(.+)")


@dataclass(frozen=True, slots=True)
class Measure:
    """What a quantity is counted in: a unit of time, or so many units of a currency."""

    unit: str
    scale: int = 1

    def __str__(self) -> str:
        if self.is_time:
            return f"{self.unit}s"
        return f"{self.scale:,} {self.unit}" if self.scale > 1 else self.unit

    @property
    def is_time(self) -> bool:
        """True for a unit of time."""
        return self.unit in TIME_WORDS


def declared_measure(named: Named) -> Measure | None:
    """The unit that the type states."""
    kind = named.type
    if not isinstance(kind, Integer | Number | Money) or kind.unit is None:
        return None
    if not isinstance(kind, Money) and kind.unit in TIMES:
        return Measure(TIMES[kind.unit])
    found = UNIT.fullmatch(kind.unit)
    if found is not None and found[2] in CURRENCIES:
        return Measure(CURRENCIES[found[2]], SCALES.get(found[1] or "", 1))
    return Measure(kind.unit) if isinstance(kind, Money) else None


def told_times(named: Named) -> dict[str, str]:
    """The units of time that a name or label tells, with the words that tell them."""
    words = re.split(r"[_.\-]", name_of(named))
    ends = [words[0]] if words[-2:-1] and words[-2].isdigit() else [words[0], words[-1]]  # not `orders_of_30_days`
    found = {PLURALS[word]: word for word in ends if word in PLURALS}
    for text in (name_of(named), named.label.zh):
        found |= {TIMES[match[1] or match[2]]: match[0] for match in TIME_CHINESE.finditer(text)}
    english = TIME_ENGLISH.finditer(named.label.en)
    return found | {PLURALS[(match[1] or match[2]).lower()]: match[0] for match in english}


def told_currencies(named: Named) -> dict[str, str]:
    """The currencies that a name or label tells, with the words that tell them."""
    found = {word.upper(): word for word in re.split(r"[_.\-]", name_of(named)) if word.upper() in CURRENCY_WORDS}
    texts = (name_of(named), named.label.zh, named.label.en)
    return found | {CURRENCIES[match[0]]: match[0] for text in texts for match in CURRENCY.finditer(text)}


def told_scales(named: Named) -> dict[int, str]:
    """How many units of a currency a name or label tells to count at once, with the words: 万元 is 10,000."""
    texts = (name_of(named), named.label.zh)
    found = {SCALES.get(match[1], 1): match[0] for text in texts for match in SCALED.finditer(text)}
    return found | {english_scale(match[1]): match[1] for match in SCALED_ENGLISH.finditer(named.label.en)}


def english_scale(word: str) -> int:
    """The number that a word says: `10k`, `thousands`, `million`."""
    return 10**6 if word.startswith("mi") else 10**4 if word.startswith(("10", "te")) else 10**3


def name_of(named: Named) -> str:
    """The name that is written in a policy."""
    return named.id if isinstance(named, Derive) else named.name


def measure_of(named: Named) -> Measure | None:
    """The unit that is declared, or else the one unit of time or the one scale of money that words tell."""
    declared = declared_measure(named)
    if declared is not None or not isinstance(named.type, Integer | Number):
        return declared
    times, scales = told_times(named), told_scales(named)
    if len(times) == 1 and not scales:
        return Measure(min(times))
    if len(scales) == 1 and not times:
        return Measure("CNY", min(scales))
    return None


def mixed_units(program: Program) -> Iterator[Diagnostic]:
    """Contradictions between words and units in one program, and formulas and cells that join two units."""
    named: dict[Expr, Named] = {FieldValue(field.name): field for field in program.fields}
    named |= {ParameterValue(parameter.name): parameter for parameter in program.parameters}
    named |= {StepValue(step.id, step.id): step for step in program.steps if isinstance(step, Derive)}
    for one in (*named.values(), *program.outputs):
        yield from contradiction(one)
    for step in program.steps:
        if isinstance(step, Derive):
            for node in descendants(step.expr):
                yield from joined(
                    [named[one] for one in operands(node) if one in named], place(step.span, program.span)
                )
        elif isinstance(step, Table):
            for row in step.rows:
                yield from mixed_cells(step, row, named)


def mixed_cells(table: Table, row: Row, named: Mapping[Expr, Named]) -> Iterator[Diagnostic]:
    """The cells of a rule that compare their column with a parameter of another unit."""
    for number, (column, test) in enumerate(zip(table.columns, row.tests, strict=False)):
        if column.subject in named:
            cell = row.cells[number] if number < len(row.cells) else None
            for node in descendants(test):
                if isinstance(node, ParameterValue) and node in named:
                    yield from joined([named[column.subject], named[node]], place(cell, row.span, table.span))


def operands(node: Expr | Test) -> Sequence[Expr]:
    """The operands of a node that must be counted in one unit."""
    match node:
        case Add(left, right) | Subtract(left, right):
            return left, right
        case Minimum(several) | Maximum(several) | Coalesce(several):
            return several
        case _:
            return ()


def joined(several: Sequence[Named], span: Span) -> Iterator[Diagnostic]:
    """Quantities of different units that are compared, added or taken for each other."""
    for other in several[1:]:
        mine, theirs = measure_of(several[0]), measure_of(other)
        if mine is not None and theirs is not None and mine.is_time == theirs.is_time and mine != theirs:
            yield diagnose(
                "mixed-units",
                span,
                f"`{name_of(several[0])}` counts in {mine} and `{name_of(other)}` in {theirs}",
                remedy="state the `unit` of both, and use one",
                labels=labels(other.span, f"in {theirs}"),
            )


def contradiction(named: Named) -> Iterator[Diagnostic]:
    """A name or label that tells another unit than the declaration."""
    declared = declared_measure(named)
    if declared is None:
        return
    if declared.is_time:
        words, told = told_times(named), declared.unit in told_times(named)
    elif declared.scale not in told_scales(named) and told_scales(named):
        words, told = {str(scale): text for scale, text in told_scales(named).items()}, False
    else:
        words, told = told_currencies(named), declared.unit in told_currencies(named)
    if words and not told:
        said = " and ".join(f"`{text.strip()}`" for text in words.values())
        message = f"the name or label of `{name_of(named)}` says {said}, and it is counted in {declared}"
        yield diagnose("mixed-units", place(named.span), message, remedy="correct the name, the label or the `unit`")


def mixed_money(program: Program, required: Sequence[Program]) -> Iterator[Diagnostic]:
    """Amounts of one policy, and of those it requires, in 元 and 万元 or in two currencies that no name tells apart."""
    own: list[Named] = [*program.fields, *program.parameters, *program.outputs]
    below: list[Named] = []
    for other in required:
        below += other.fields
        below += other.parameters
    seen: dict[Measure, Named] = {}
    for number, named in enumerate([*own, *below]):
        measure = declared_measure(named)
        if measure is None or measure.is_time or measure in seen:
            continue
        for known, first in seen.items():
            aware = told_currencies(named) or told_currencies(first)
            mine, theirs = (named, first) if number < len(own) else (first, named)
            if (known.unit == measure.unit or not aware) and mine in own:
                yield diagnose(
                    "mixed-units",
                    place(mine.span, program.span),
                    f"the amounts of `{name_of(mine)}` are in {declared_measure(mine)},"
                    f" those of `{name_of(theirs)}` in {declared_measure(theirs)}",
                    remedy="use one unit, or say the currency in the names of both",
                    labels=labels(theirs.span, f"in {declared_measure(theirs)}"),
                )
        seen[measure] = named


def one_quantity_twice(programs: Sequence[Program]) -> Iterator[Diagnostic]:
    """Fields that are called the same but for the unit in brackets: `合同金额（元）` and `合同金额（万元）`."""
    seen: dict[str, Field] = {}
    reported: set[str] = set()
    for field in (field for program in programs for field in program.fields):
        bare = BRACKETED.sub("", words_of(field))
        known = seen.setdefault(bare, field)
        if field.name in {known.name, *reported} or words_of(field) == words_of(known):
            continue
        mine, theirs = in_words(field), in_words(known)
        if mine is not None and theirs is not None and mine.is_time == theirs.is_time and mine != theirs:
            reported.add(field.name)
            message = f"`{field.name}` and `{known.name}` are one quantity, in {mine} and in {theirs}"
            other = labels(known.span, f"in {theirs}")
            yield diagnose("mixed-units", place(field.span), message, remedy="keep one of them", labels=other)


def words_of(field: Field) -> str:
    """What a field is called; its name where it has no label."""
    return (field.label.zh or field.label.en or field.name).strip()


def in_words(field: Field) -> Measure | None:
    """The unit of a field as its words tell it, or as it is declared."""
    scales = told_scales(field)
    if len(scales) == 1:
        return Measure("CNY", min(scales))
    return measure_of(field)
