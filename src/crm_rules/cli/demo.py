"""`crm-rules demo`: the main job on what the package ships, eight customers and the policies of a sample company.

Customer grade, credit level, pipeline stage and next touch, first as a table, then each with its
reasons in English and Chinese, then one explanation in full. The day is that of the book, not of
the clock, so that the demo says the same for ever.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from crm_rules.backends.prose_case import Story
from crm_rules.backends.prose_words import Language
from crm_rules.backends.to_prose import show_value
from crm_rules.cli.console import FINE, paint, say, table, terminal_width, wants_color, wrap
from crm_rules.cli.explain import WIDEST, explanation
from crm_rules.columns import pad
from crm_rules.dataclass import dataclass
from crm_rules.decision import Decision
from crm_rules.ir.program import Derive, Label, Program
from crm_rules.ir.types import Type
from crm_rules.loading import CHECKOUT, INSTALLED, STARTER, load
from crm_rules.pack import Pack

HELP: Final = "grades, credit levels, stages and next touches of a small book of customers, with reasons"

PACK: Final = "sample-company"
SHOWN: Final = {  # policy → what the demo calls it
    "abc-grade": Label("grade", "等级"),
    "credit-level": Label("credit", "信用"),
    "pipeline-stage": Label("stage", "跟进"),
    "follow-up": Label("next touch", "下次跟进"),
}
SAMPLE: Final = ("C-102", "abc-grade")
NEXT: Final = """\
crm-rules explain sample-company --policy pipeline-stage --today 2026-11-21 --lang both \\
    --record '{"need": "clear", "expected_close": "2026-12-22"}'
crm-rules check sample-company      every mistake in a pack, at its line and column
crm-rules test sample-company       the cases beside the policies
crm-rules --help                    all commands"""


@dataclass(frozen=True, slots=True)
class Customer:
    """One record of the book with its decisions by policy id."""

    record: Mapping[str, Any]
    decisions: Mapping[str, Decision]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The demo takes nothing."""
    del parser


def run(arguments: argparse.Namespace) -> int:
    """Print the demo."""
    color = wants_color(arguments.color, sys.stdout)
    width = terminal_width(WIDEST)
    pack = load(INSTALLED[PACK])  # by its folder: a folder of that name may stand where the user is
    today, records = read_book()
    customers = [Customer(record, decide(pack, record, today)) for record in records]
    sample = next(one for one in customers if one.record["customer"] == SAMPLE[0])
    decision = sample.decisions[SAMPLE[1]]

    def headline(text: str) -> str:
        return paint(text, "bold", color=color)

    say(headline(f"Eight customers of the sample company Acme on {today}"))
    say(headline(f"示例企业 Acme 的八位客户，{today}"))
    say("")
    say(overview(customers, color=color))
    say("")
    say(headline("Why 理由"))
    for customer in customers:
        say("")
        say("\n".join(reasons_of(customer, width, color=color)))
    for title, text in (
        (f"One explanation in full: {sample.record['name']}", explanation(Story(decision.case(), "en"), width)),
        (f"完整说明：{sample.record['name_zh']}", explanation(Story(decision.case(), "zh"), width)),
    ):
        say("")
        say(headline(title))
        say("")
        say(text)
    say("")
    say(headline("Try next 接下来可以试试"))
    say("")
    say(NEXT)
    return FINE


def read_book() -> tuple[date, list[dict[str, Any]]]:
    """The day and the records of the book that comes with the library."""
    installed = STARTER.parent / "demo"
    folder = installed if installed.is_dir() else CHECKOUT / "examples" / "book"
    book = json.loads((folder / "book.json").read_text(encoding="utf-8"))
    records = json.loads((folder / book["customers"]).read_text(encoding="utf-8"))
    return date.fromisoformat(book["today"]), records


def decide(pack: Pack, record: Mapping[str, Any], today: date) -> dict[str, Decision]:
    """The decisions that the demo shows."""
    current = pack.on(today)
    return {name: current[name].decide(current[name].read(record), today=today) for name in SHOWN}


def overview(customers: list[Customer], *, color: bool) -> str:
    """One line a customer."""
    english = ["customer", "", *(label.en for label in SHOWN.values()), "days late"]
    chinese = ["客户", "", *(label.zh for label in SHOWN.values()), "逾期天数"]
    return table([english, chinese], [overview_row(one) for one in customers], color=color)


def overview_row(customer: Customer) -> list[str]:
    """The outcomes of a customer; a status stands where nothing is decided."""
    touch = customer.decisions["follow-up"].outputs
    late = str(touch["days_overdue"]) if touch.get("due") else ""
    outcomes = [outcome(decision) for decision in customer.decisions.values()]
    return [customer.record["name"], customer.record["name_zh"], *outcomes, late]


def outcome(decision: Decision) -> str:
    """The first output, or the status."""
    return str(next(iter(decision.outputs.values()), decision.status))


def reasons_of(customer: Customer, width: int, *, color: bool) -> list[str]:
    """The reasons of each decision, in English and below it in Chinese."""
    record = customer.record
    lines = [paint(f"{record['customer']} {record['name']} {record['name_zh']}", "cyan", color=color)]
    for name, label in SHOWN.items():
        decision = customer.decisions[name]
        english = f"  {pad(label.en, 12)}{pad(outcome(decision), 12)}"
        lines.append(english + wrap(short_reason(decision, "en"), width, " " * 26, start=26))
        lines.append(f"  {pad(label.zh, 24)}" + wrap(short_reason(decision, "zh"), width, " " * 26, start=26))
    return lines


def short_reason(decision: Decision, lang: Language) -> str:
    """The rule that decided, and the facts that it looked at; a rule without a label speaks through those before it."""
    colon, comma = ("：", "，") if lang == "zh" else (": ", ", ")
    if decision.status != "decided":
        lack = "资料缺失或有误" if lang == "zh" else "missing or wrong"
        return lack + colon + comma.join(word(reason.label, lang) or reason.field for reason in decision.reasons)
    last = [reason for reason in decision.reasons if reason.rule == decision.rules[-1]]
    label = next((word(reason.label, lang) for reason in last), "")
    if "last_touch" in decision.record:
        return touch(label, decision.record["last_touch"], lang)
    facts = [item for reason in last if (item := fact(decision, reason.field, reason.value, lang))]
    before = dict.fromkeys(word(reason.label, lang) for reason in decision.reasons if word(reason.label, lang))
    return ("；" if lang == "zh" else "; ").join([label, *facts] if label else [*facts, *before])


def touch(interval: str, last: date | None, lang: Language) -> str:
    """From which day the next touch counts."""
    if last is None:
        return "从未跟进，当天即应跟进" if lang == "zh" else "never touched, so due on the day itself"
    return f"上次跟进 {last} 之后 {interval}" if lang == "zh" else f"{interval} after the last touch on {last}"


def fact(decision: Decision, name: str, value: Any, lang: Language) -> str:
    """`started months past due: 0 months`; empty for what the rule's label says already."""
    if isinstance(value, bool | str):
        return ""
    if name == "total":
        return f"共 {value} 分" if lang == "zh" else f"{value} points"
    label, kind = subjects(decision.program)[name]
    shown = show_value(value, kind, None, lang)
    return f"{label.zh}：{shown}" if lang == "zh" else f"{label.en[:1].lower()}{label.en[1:]}: {shown}"


def subjects(program: Program) -> dict[str, tuple[Label, Type]]:
    """The label and type of every field and derived field."""
    found = {field.name: (field.label, field.type) for field in program.fields}
    return found | {step.id: (step.label, step.type) for step in program.steps if isinstance(step, Derive)}


def word(label: Label, lang: Language) -> str:
    """A label in one language."""
    return label.zh if lang == "zh" else label.en
