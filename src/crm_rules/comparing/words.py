"""The differences of policies and packs as text, as Markdown for a change request, and as JSON data.

The first line is the verdict. Then comes what was edited, in the order of the file, and then where decisions
change: the records, the answer before and after, the rules on both sides, and one record that both versions
have decided.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from crm_rules.columns import display_width, pad
from crm_rules.decision import fact_to_json
from crm_rules.proofs.edits import Aspect, Edit
from crm_rules.proofs.regions import Answer, Formula, Region

if TYPE_CHECKING:
    from crm_rules.comparing.policies import Differences, PackDifferences

UNDECIDED: Final = {
    "no_match": "no rule covers it",
    "conflict": "rules contradict each other",
    "invalid": "refused as invalid",
    "blocked": "blocked by a required policy",
}
ARROW: Final = "→"
NOTHING: Final = "nothing"


# Words


def verdict(one: Differences) -> str:
    """The answer in one sentence."""
    if one.equivalent:
        return "equivalent: proven for every record and every day"
    if one.equivalent is None:
        return "no difference found, but equivalence is not proven"
    if not one.regions:
        return "not equivalent: see the notes"
    number = len(one.regions) + one.left_out
    return f"decisions change in {counted(number, 'region')}"


def counted(number: int, noun: str) -> str:
    """`1 region`, `2 regions`."""
    return f"{number:,} {noun if number == 1 else f'{noun}s'}"


def title(one: Differences) -> str:
    """`pipeline-stage 1.0.0 → 1.1.0`."""
    old, new = one.old, one.new
    before = f"{old.id} {old.version}".strip()
    after = new.version if old.id == new.id else f"{new.id} {new.version}".strip()
    return before if old.id == new.id and old.version == new.version else f"{before} {ARROW} {after}"


def aspect_text(aspect: Aspect) -> str:
    """`months_to_close: <= 1 → <= 2`."""
    if not aspect.before:
        return f"{aspect.name}: now {aspect.after}"
    if not aspect.after:
        return f"{aspect.name}: no longer {aspect.before}"
    return f"{aspect.name}: {aspect.before} {ARROW} {aspect.after}"


def edit_name(edit: Edit) -> str:
    """`rule month`, `parameter $big`, `rule pipeline-stage/month`."""
    name = f"${edit.name}" if edit.part == "parameter" else edit.name
    return f"{edit.part} {edit.policy}/{name}" if edit.policy else f"{edit.part} {name}"


def edit_text(edit: Edit) -> str:
    """What was done, in one line."""
    if edit.change in {"added", "removed"}:
        return f"{edit.change}: {edit.text}" if edit.text else edit.change
    aspects = "; ".join(map(aspect_text, edit.aspects))
    if edit.change == "renamed":
        same = "same conditions and outcome" if not edit.aspects else aspects
        return f"renamed to {edit.new_name} ({same})"
    return aspects


def change_text(region: Region) -> str:
    """`stage: A becomes B`."""
    before, after = region.before, region.after
    if before.status == after.status == "decided" and region.formulas:
        return f"{', '.join(formula.output for formula in region.formulas)}: computed in another way"
    if before.status == after.status == "decided":
        then, now = dict(before.outputs), dict(after.outputs)
        changed = [name for name in now if name in then and then[name] != now[name]]
        return ", ".join(f"{name}: {value_text(then[name])} becomes {value_text(now[name])}" for name in changed)
    return f"{answer_text(before)} becomes {answer_text(after)}"


def answer_text(answer: Answer) -> str:
    """`stage A`, or why there is none."""
    if answer.status != "decided":
        return f"not decided ({UNDECIDED[answer.status]})"
    return ", ".join(f"{name} {value_text(value)}" for name, value in answer.outputs)


def value_text(value: Any) -> str:
    """A value of an output."""
    match value:
        case None:
            return "missing"
        case bool():
            return "yes" if value else "no"
        case list() | tuple():
            return ", ".join(map(value_text, value)) or NOTHING
        case _:
            return str(fact_to_json(value))


def edited_rules(edits: Iterable[Edit]) -> frozenset[str]:
    """The rules that stand in both versions and say something else, or elsewhere."""
    found = (edit for edit in edits if edit.part == "rule" and edit.aspects)
    return frozenset(f"{edit.policy}/{edit.name}" if edit.policy else edit.name for edit in found)


def responsible(rules: Sequence[str], others: Sequence[str], edited: Collection[str]) -> tuple[str, ...]:
    """The rules that explain why two answers differ: those that held on one side only or were edited, or the last."""
    found = tuple(rule for rule in rules if rule not in others or rule in edited)
    return found or tuple(rules[-1:])


def rules_text(region: Region, edited: Collection[str]) -> tuple[str, str]:
    """The rules responsible before and now."""
    before, after = region.before.rules, region.after.rules
    sides = responsible(before, after, edited), responsible(after, before, edited)
    first, second = (", ".join(rules) or "no rule" for rules in sides)
    return first, second


def record_text(region: Region) -> str:
    """`{"need": "clear"} on 2026-11-21`."""
    facts = {name: fact_to_json(value) for name, value in region.witness.record.items()}
    text = json.dumps(facts, ensure_ascii=False)
    when = "" if region.witness.today is None else f" on {region.witness.today}"
    return f"{text}{when}{example_text(region)}"


def example_text(region: Region) -> str:
    """What the example gets, where that differs from record to record."""
    then, now = dict(region.before.outputs), dict(region.after.outputs)
    names = [formula.output for formula in region.formulas if then.get(formula.output) != now.get(formula.output)]
    pairs = (f"{name} {value_text(then.get(name))} {ARROW} {value_text(now.get(name))}" for name in names)
    return f": {', '.join(pairs)}" if names else ""


def formula_text(formula: Formula) -> str:
    """`next_touch: add_days(last_touch, 7) → add_days(last_touch, 15)`."""
    return f"{formula.output}: {formula.before} {ARROW} {formula.after}"


def boxes_of(region: Region) -> list[str]:
    """The boxes of a region, and how many more there are."""
    boxes = list(region.boxes) or ["every record"]
    return [*boxes, f"… and {region.left_out:,} more"] if region.left_out else boxes


# Text


def differences_text(one: Differences, elsewhere: Collection[str] = ()) -> str:
    """The differences of one policy, in lines; edits of required policies that are told `elsewhere` are only named."""
    blocks = [f"{title(one)}: {verdict(one)}"]
    if one.edits:
        blocks.append(section("What was edited", edit_rows(one, elsewhere)))
    edited = edited_rules(one.edits)
    blocks += [region_text(number, region, edited) for number, region in enumerate(one.regions, 1)]
    if one.left_out:
        blocks.append(f"… and {counted(one.left_out, 'more region')}")
    if one.notes:
        blocks.append("\n".join(f"note: {note}" for note in one.notes))
    return "\n\n".join(blocks)


def edit_rows(one: Differences, elsewhere: Collection[str]) -> list[tuple[str, str]]:
    """The name and the text of each edit."""
    rows = [(edit_name(edit), edit_text(edit)) for edit in one.edits if edit.policy not in elsewhere]
    named = dict.fromkeys(edit.policy for edit in one.edits if edit.policy in elsewhere)
    return [*rows, *((f"policy {name}", "required by this one; see there") for name in named)]


def section(heading: str, rows: Sequence[tuple[str, str]]) -> str:
    """A heading with aligned rows."""
    width = max(display_width(name) for name, _ in rows)
    return "\n".join([heading, *(f"  {pad(name, width)}  {text}" for name, text in rows)])


def region_text(number: int, region: Region, edited: Collection[str]) -> str:
    """One region: what changes, for which records, by which rules, and a record that shows it."""
    boxes = boxes_of(region)
    rows = [("when" if not place else "" if box.startswith("…") else "or", box) for place, box in enumerate(boxes)]
    before, now = rules_text(region, edited)
    rows += [("rules", f"{before} before, {now} now")]
    for formula in region.formulas:
        rows += [(formula.output, f"{formula.before} {ARROW} {formula.after}")]
    rows += [("example", record_text(region))]
    return section(f"{number}. {change_text(region)}", rows)


def pack_text(found: PackDifferences) -> str:
    """The differences of a pack, policy by policy; those that are as they were in one line."""
    same = [title(one) for one in found.policies if not one.edits and one.equivalent]
    blocks = [pack_verdict(found)]
    rows = [(name, "only in the new version") for name in found.added]
    rows += [(name, "only in the old version") for name in found.removed]
    if rows:
        blocks.append(section("Policies in one version only", rows))
    told = {one.new.id for one in found.policies}
    blocks += [differences_text(one, told) for one in found.policies if one.edits or not one.equivalent]
    if same:
        blocks.append(f"Unchanged: {', '.join(same)}")
    return "\n\n".join(blocks)


def pack_verdict(found: PackDifferences) -> str:
    """The first line of a pack."""
    changed = sum(one.equivalent is False for one in found.policies)
    unknown = sum(one.equivalent is None for one in found.policies)
    words = [f"{counted(len(found.policies), 'comparison')}"]
    words += [f"decisions change in {changed}"] if changed else []
    words += [f"{unknown} not proven"] if unknown else []
    words += [f"{len(found.added)} added"] if found.added else []
    words += [f"{len(found.removed)} removed"] if found.removed else []
    words += ["all equivalent: proven for every record and every day"] if found.equivalent else []
    return f"{found.old.id} {ARROW} {found.new.id}: {', '.join(words)}"


# Markdown


def differences_markdown(one: Differences, level: int = 1, elsewhere: Collection[str] = ()) -> str:
    """The differences of one policy as Markdown."""
    hashes = "#" * level
    blocks = [f"{hashes} {escaped(title(one))}", f"**{verdict(one)[0].upper()}{verdict(one)[1:]}.**"]
    if one.edits:
        rows = [(code(name), escaped(text)) for name, text in edit_rows(one, elsewhere)]
        blocks += [f"{hashes}# What was edited", markdown_table(("what", "edit"), rows)]
    if one.regions:
        heading = ("", "change", "records", "rules before", "rules now", "example")
        edited = edited_rules(one.edits)
        rows_of_regions = [
            (
                str(number),
                escaped("; ".join([change_text(region), *map(formula_text, region.formulas)])),
                "<br>or ".join(map(escaped, boxes_of(region))),
                *map(escaped, rules_text(region, edited)),
                code(record_text(region)),
            )
            for number, region in enumerate(one.regions, 1)
        ]
        blocks += [f"{hashes}# Where decisions change", markdown_table(heading, rows_of_regions)]
    if one.left_out:
        blocks.append(f"… and {counted(one.left_out, 'more region')}")
    if one.notes:
        blocks.append("\n".join(f"- Note: {escaped(note)}" for note in one.notes))
    return "\n\n".join(blocks)


def pack_markdown(found: PackDifferences) -> str:
    """The differences of a pack as Markdown."""
    blocks = [f"# {escaped(found.old.id)} {ARROW} {escaped(found.new.id)}", escaped(pack_verdict(found))]
    blocks += ["\n".join(f"- {code(name)}: only in the new version" for name in found.added)] if found.added else []
    blocks += ["\n".join(f"- {code(name)}: only in the old version" for name in found.removed)] if found.removed else []
    told = {one.new.id for one in found.policies}
    blocks += [differences_markdown(one, 2, told) for one in found.policies if one.edits or not one.equivalent]
    same = [title(one) for one in found.policies if not one.edits and one.equivalent]
    if same:
        blocks.append(f"Unchanged: {escaped(', '.join(same))}")
    return "\n\n".join(blocks)


def markdown_table(headings: Sequence[str], rows: Iterable[Sequence[str]], numbers: int = 0) -> str:
    """A table of Markdown; the last `numbers` columns stand on the right."""
    rule = ["---"] * (len(headings) - numbers) + ["---:"] * numbers
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (headings, rule, *rows))


def escaped(text: str) -> str:
    """Text in a cell of a table, where a bar, an asterisk or an angle bracket would mean something."""
    for sign in "\\|*_<>`[]":
        text = text.replace(sign, f"\\{sign}")
    return text.replace("\n", " ")


def code(text: str) -> str:
    """Text as it was written, in a cell of a table."""
    fence = "`" * (max((len(list(run)) for sign, run in groupby(text) if sign == "`"), default=0) + 1)
    inner = text.replace("|", "\\|").replace("\n", " ")
    return f"{fence} {inner} {fence}" if "`" in text else f"{fence}{inner}{fence}"


# JSON


def differences_data(one: Differences) -> dict[str, Any]:
    """The differences of one policy as JSON data; every key is always there."""
    return {
        "old": {"policy": one.old.id, "version": one.old.version, "hash": one.old.content_hash},
        "new": {"policy": one.new.id, "version": one.new.version, "hash": one.new.content_hash},
        "equivalent": one.equivalent,
        "edits": [edit_data(edit) for edit in one.edits],
        "regions": [region_data(region) for region in one.regions],
        "regions_left_out": one.left_out,
        "notes": list(one.notes),
    }


def edit_data(edit: Edit) -> dict[str, Any]:
    """One edit."""
    return {
        "policy": edit.policy,
        "part": edit.part,
        "name": edit.name,
        "change": edit.change,
        "new_name": edit.new_name,
        "text": edit.text,
        "aspects": [{"name": one.name, "before": one.before, "after": one.after} for one in edit.aspects],
    }


def region_data(region: Region) -> dict[str, Any]:
    """One region."""
    return {
        "when": list(region.boxes),
        "left_out": region.left_out,
        "before": answer_data(region.before),
        "after": answer_data(region.after),
        "formulas": [{"output": one.output, "before": one.before, "after": one.after} for one in region.formulas],
        "record": {name: fact_to_json(value) for name, value in region.witness.record.items()},
        "today": None if region.witness.today is None else str(region.witness.today),
    }


def answer_data(answer: Answer) -> dict[str, Any]:
    """One answer."""
    return {
        "status": answer.status,
        "outputs": {name: fact_to_json(value) for name, value in answer.outputs},
        "rules": list(answer.rules),
    }


def pack_data(found: PackDifferences) -> dict[str, Any]:
    """The differences of a pack as JSON data."""
    return {
        "old": found.old.id,
        "new": found.new.id,
        "equivalent": found.equivalent,
        "added": list(found.added),
        "removed": list(found.removed),
        "policies": [differences_data(one) for one in found.policies],
    }
