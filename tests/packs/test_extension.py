"""`extends`: what an extension may change, where each value comes from, and what is refused."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

import crm_rules
from crm_rules.ir.program import Dated
from crm_rules.loading import load_with_report

BASE = """\
policy: base
kind: ladder
version: 1.0.0
valid_from: 2026-01-01
valid_to: 2026-12-31
title: {en: Base, zh: 基础}
fields:
  x: {type: money, unit: CNY}
parameters:
  low: {type: money, unit: CNY, label: {en: First border}}
  high: {type: money, unit: CNY, value: 30万}
parameter_order: $low < $high
by: x
output:
  y: {type: integer, min: 1, max: 9}
steps: |
  | id   | up to | y | en    |
  | low  | $low  | 3 | small |
  | high | $high | 2 | large |
  | top  |       | 1 | huge  |
"""
OWN = "policy: own\nextends: base\n"
TODAY = date(2026, 11, 21)


def write(folder: Path, **texts: str) -> None:
    """Write policy files."""
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")


def own(folder: Path, text: str) -> crm_rules.Policy:
    """The extension `own` of the base."""
    write(folder, base=BASE, own=OWN + text)
    return crm_rules.load(folder)["own"]


def found(folder: Path) -> list[str]:
    """The findings of a pack that does not load, as file:line:column code."""
    pack, report, _ = load_with_report(folder)
    assert pack is None
    return [f"{Path(item.span.path).name}:{item.span.line}:{item.span.column} [{item.code}]" for item in report]


def test_a_blank_parameter_gets_a_value(tmp_path: Path) -> None:
    """The base stays blank, the extension decides."""
    policy = own(tmp_path, "parameters:\n  low: 10万\n")
    pack = crm_rules.load(tmp_path)
    assert pack["base"].blank_parameters() == ("base.$low",)
    assert policy.blank_parameters() == ()
    assert [policy.decide({"x": x}).value for x in (100_000, 100_001, 300_001)] == [3, 2, 1]


def test_each_value_knows_its_file_line_and_layer(tmp_path: Path) -> None:
    """A value that the extension sets points into the extension, an inherited one into the base."""
    policy = own(tmp_path, "parameters:\n  low: {2026-01-01: 10万, 2027-01-01: 12万}\n")
    places: dict[str, list[tuple[int, int, str]]] = {}
    for parameter in policy.program.parameters:
        for value in parameter.values:
            assert isinstance(value, Dated)
            assert value.span is not None
            assert value.layer == value.span.path
            places.setdefault(parameter.name, []).append((value.span.line, value.span.column, Path(value.layer).name))
    assert places == {"low": [(4, 21, "own.yaml"), (4, 38, "own.yaml")], "high": [(11, 41, "base.yaml")]}
    assert policy.about.extends == (str(tmp_path / "base.yaml"),)
    assert [policy.decide({"x": 110_000}, today=date(year, 6, 1)).value for year in (2026, 2027)] == [2, 3]


def test_rules_are_changed_by_id(tmp_path: Path) -> None:
    """Only the cells that the extension writes change, and the rule then stands in the extension."""
    policy = own(tmp_path, "parameters: {low: 10万}\nsteps: |\n  | id  | y |\n  | top | 9 |\n")
    assert [policy.decide({"x": x}).value for x in (1, 200_000, 400_000)] == [3, 2, 9]
    rows = {
        row.id: (Path(row.span.path).name, row.label.en) for _, _, row in policy.program.rules() if row.span is not None
    }
    assert rows == {"low": ("base.yaml", "small"), "high": ("base.yaml", "large"), "top": ("own.yaml", "huge")}


def test_rules_may_be_changed_in_the_form_of_a_list(tmp_path: Path) -> None:
    """A list of rules lies over a pipe table as well."""
    policy = own(tmp_path, "parameters: {low: 10万}\nsteps:\n  - {id: high, then: 7}\n")
    assert policy.decide({"x": 200_000}).value == 7


def test_an_output_in_either_form_replaces_the_other_form(tmp_path: Path) -> None:
    """A base that writes `then` and an extension that names the output, or the other way round."""
    listed = (
        BASE[: BASE.index("steps:")] + "steps:\n  - {id: low, up to: $low, then: 3}\n  - {id: top, up to: , then: 1}\n"
    )
    write(
        tmp_path, base=listed, own=OWN + "parameters: {low: 1}\nsteps:\n  - {id: low, y: 5}\n  - {id: top, then: 6}\n"
    )
    policy = crm_rules.load(tmp_path)["own"]
    assert [policy.decide({"x": x}).value for x in (1, 2)] == [5, 6]


def test_a_rule_of_a_hidden_base_that_cannot_be_read_is_not_lost(tmp_path: Path) -> None:
    """The base pack's file is not loaded for itself here, but its broken rule is still an error."""
    for name, manifest in (("one", "pack: one\n"), ("two", "pack: two\nextends: [one]\n")):
        write(tmp_path / name, pack=manifest)
    write(tmp_path / "one", base=BASE.replace("| top  |", "| t!p  |"))
    write(
        tmp_path / "two",
        base="policy: base\nextends: base\nparameters: {low: 1}\nsteps: |\n  | id  | y |\n  | low | 9 |\n",
    )
    assert found(tmp_path / "two") == ["base.yaml:20:5 [bad-id]"]


def test_metadata_is_replaced_and_dates_are_not_inherited(tmp_path: Path) -> None:
    """An edition's dates are its own; what it does not say of its title it takes from the base."""
    policy = own(tmp_path, "parameters: {low: 1}\nversion: 2.0.0\n")
    assert (policy.version, policy.title.en, policy.about.valid_from, policy.about.valid_to) == (
        "2.0.0",
        "Base",
        None,
        None,
    )
    policy = own(tmp_path, "parameters: {low: 1}\ntitle: {en: Own}\nvalid_from: 2027-01-01\n")
    assert (policy.title.en, policy.about.valid_from) == ("Own", date(2027, 1, 1))


def test_extensions_of_extensions(tmp_path: Path) -> None:
    """Each layer sets what it knows; the nearest one counts."""
    write(
        tmp_path,
        base=BASE,
        own=OWN + "parameters: {low: 1, high: 2}\n",
        more="policy: more\nextends: own\nparameters: {high: 5}\n",
    )
    policy = crm_rules.load(tmp_path)["more"]
    assert [policy.decide({"x": x}).value for x in (1, 2, 5, 6)] == [3, 2, 2, 1]
    assert [Path(path).name for path in policy.about.extends] == ["base.yaml", "own.yaml"]


def test_the_same_program_from_an_extension_has_the_same_meaning(tmp_path: Path) -> None:
    """Extending is no more than writing the values into the base."""
    extended = own(tmp_path, "parameters: {low: 10万}\n")
    flat = tmp_path / "flat"
    flat.mkdir()
    write(flat, own=BASE.replace("policy: base", "policy: own").replace("label: {en: First border}", "value: 10万"))
    assert crm_rules.load(flat)["own"].program.steps == extended.program.steps


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("parameters: {lo: 1}\n", ["own.yaml:3:14 [overrides-nothing]"]),
        ("steps: |\n  | id  | y |\n  | tip | 9 |\n", ["own.yaml:5:5 [overrides-nothing]"]),
        ("overrides:\n  - {id: a, when: otherwise, then: 1}\n", ["own.yaml:3:1 [overrides-nothing]"]),
        ("derive: {z: x}\n", ["own.yaml:3:1 [overrides-nothing]"]),
        ("fields: {z: {optional: true}}\n", ["own.yaml:3:10 [overrides-nothing]"]),
        ("kind: scorecard\n", ["own.yaml:3:1 [wrong-extension]"]),
        ("parameters: {low: 40万}\n", ["own.yaml:3:19 [parameters-out-of-order]"]),
        ("parameters: {low: much}\n", ["own.yaml:3:19 [wrong-literal]"]),
        ("parameters: [low]\n", ["own.yaml:3:13 [wrong-shape]"]),
        ("steps: |\n  | id  | y |\n  | top | x |\n", ["own.yaml:5:11 [wrong-literal]"]),
    ],
)
def test_what_does_not_fit_is_refused_in_the_extension(tmp_path: Path, text: str, expected: list[str]) -> None:
    """An override of nothing, of another kind or another type is an error where the extension writes it."""
    write(tmp_path, base=BASE, own=OWN + text)
    assert found(tmp_path) == expected


def test_the_closest_name_is_suggested(tmp_path: Path) -> None:
    """A slip of the pen in an override gets its remedy."""
    write(tmp_path, base=BASE, own=OWN + "parameters: {lowe: 1}\n")
    _, report, _ = load_with_report(tmp_path)
    assert [item.help for item in report] == ["did you mean `low`?"]


def test_extending_nothing_oneself_or_in_a_circle(tmp_path: Path) -> None:
    """Unknown bases and circles are reported where `extends` is written; nothing hangs."""
    write(tmp_path, a="policy: a\nextends: b\n", b="policy: b\nextends: a\n")
    assert {item.split()[1].strip("[]") for item in found(tmp_path)} == {"extends-cycle"}
    write(tmp_path, a="policy: a\nextends: a\n", b="policy: b\nextends: c\n")
    assert found(tmp_path) == ["a.yaml:2:10 [extends-cycle]", "b.yaml:2:10 [unknown-policy]"]


def test_findings_of_a_base_are_reported_once(tmp_path: Path) -> None:
    """A broken base is not reported again for each of its extensions."""
    write(
        tmp_path,
        base=BASE.replace("| 2 |", "| x |"),
        own=OWN + "parameters: {low: 1}\n",
        two="policy: two\nextends: base\n",
    )
    names = [item for item in found(tmp_path) if item.startswith("base.yaml")]
    assert len(names) == len(set(names))


def test_a_pack_extends_a_pack(tmp_path: Path) -> None:
    """A policy of the same id replaces that of the base pack, all others stand as they are."""
    for name, manifest in (("one", "pack: one\n"), ("two", "pack: two\nextends: [one]\n")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "pack.yaml").write_text(manifest, encoding="utf-8")
    write(tmp_path / "one", base=BASE, other=BASE.replace("policy: base", "policy: other"))
    write(tmp_path / "two", base="policy: base\nextends: base\nparameters: {low: 10万}\n")
    pack = crm_rules.load(tmp_path / "two")
    assert (pack.id, set(pack)) == ("two", {"base", "other"})
    assert pack["base"].blank_parameters() == ()
    assert pack["other"].blank_parameters() == ("other.$low",)
    assert crm_rules.load(tmp_path / "one")["base"].blank_parameters() == ("base.$low",)


def test_packs_in_a_circle_or_unknown(tmp_path: Path) -> None:
    """A pack that extends itself, or one that is not there, is reported at the name."""
    for name, manifest in (("one", "pack: one\nextends: [two]\n"), ("two", "pack: two\nextends: [one, three]\n")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "pack.yaml").write_text(manifest, encoding="utf-8")
        write(folder, base=BASE.replace("policy: base", f"policy: {name}"))
    assert found(tmp_path / "two") == ["pack.yaml:2:11 [pack-cycle]", "pack.yaml:2:16 [unknown-pack]"]


def test_an_edition_extends_the_one_before_it(tmp_path: Path) -> None:
    """With its own id under `extends` a later edition changes the earlier one, whichever file comes first."""
    later = "policy: base\nversion: {0}\nvalid_from: {1}\nextends: base\nparameters:\n  low: {2}\n"
    write(tmp_path, c=BASE, b=later.format("2", "2026-07-01", "10万"), a=later.format("3", "2027-01-01", "20万"))
    pack = crm_rules.load(tmp_path)
    answers = {day: pack.on(day)["base"].decide({"x": 150_000}).value for day in (date(2026, 8, 1), date(2027, 6, 1))}
    assert answers == {date(2026, 8, 1): 2, date(2027, 6, 1): 3}


def test_editions_of_one_day_do_not_extend_each_other(tmp_path: Path) -> None:
    """Only an edition that begins earlier can be taken over; with none there is nothing but itself to extend."""
    later = "policy: base\nversion: 2\nvalid_from: 2026-01-01\nextends: base\nparameters:\n  low: 10万\n"
    write(tmp_path, a=BASE, b=later)
    assert found(tmp_path) == ["b.yaml:4:10 [extends-cycle]"]
