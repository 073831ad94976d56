"""What is found by reading policies beside each other: names, units, schemes, editions; what is found is meant.

Each test writes a small pack into a folder and compares the codes and places, and shows the neighbour that is right.
"""

from __future__ import annotations

import pickle
from datetime import date, timedelta
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

import crm_rules
from crm_rules.ir.program import Program
from crm_rules.proofs.pack_findings import pack_findings, program_findings
from crm_rules.proofs.timeline import Period, timelines

if TYPE_CHECKING:
    from crm_rules.diagnostics import Diagnostic
    from crm_rules.pack import Pack

CORE = Path(__file__).parents[2] / "policies"
DATED = "valid_from: 2026-01-01\nsource: {document: Handbook}\n"
OUTPUT = "output: {g: {type: choice, one_of: [A, B]}}\n"


def table(fields: str, columns: str = "x", cells: str = "> 5", *, more: str = "", output: str = OUTPUT) -> str:
    """A policy of two rules: one with the cells, one for all other records."""
    dashes = " | ".join("-" for _ in columns.split("|"))
    name = output.split("{")[1].split(":", maxsplit=1)[0]
    return (
        f"policy: ID\nkind: decision-table\nhit_policy: first\n{DATED}{more}fields: {fields}\n{output}rules: |\n"
        f"  | id | {columns} | {name} |\n  | yes | {cells} | A |\n  | no | {dashes} | B |\n"
    )


def pack_of(folder: Path, files: dict[str, str]) -> Pack:
    """The pack of these files; `ID` stands for the name of the file, the version for what follows a blank."""
    for name, text in files.items():
        id_, _, version = name.partition("@")
        dated = text.replace("ID", id_, 1) + (f"version: {version}\n" if version else "")
        (folder / f"{name}.yaml").write_text(dated, encoding="utf-8")
    return crm_rules.load(folder)


def found_in(pack: Pack, on: date | None = None) -> list[Diagnostic]:
    """What reading finds in all policies of the pack."""
    found = list(pack_findings([edition.period for edition in pack.editions], pack.shared, on))
    programs = {edition.program.id: edition.program for edition in pack.editions}
    for edition in pack.editions:
        below = [programs[policy] for _, policy, _ in edition.program.required]
        found += program_findings(edition.program, below)
    return found


def codes(folder: Path, files: dict[str, str], on: date | None = None) -> list[str]:
    """The codes found in a pack of these files, sorted, each with the words it stands at."""
    pack = pack_of(folder, files)
    return sorted(f"{item.code} {word_at(item)}" for item in found_in(pack, on))


def word_at(item: Diagnostic) -> str:
    """The text that a finding marks."""
    line = Path(item.span.path).read_text(encoding="utf-8").splitlines()[item.span.line - 1]
    return line[item.span.column - 1 : item.span.end - 1]


@pytest.mark.parametrize("path", [CORE, CORE / "sample-company"], ids=lambda path: path.name)
def test_the_core_policies_have_no_findings(path: Path) -> None:
    """The policies that the package ships are dated, sourced, and use all that they declare."""
    assert found_in(crm_rules.load(path), date(2026, 11, 21)) == []


def test_a_field_that_nothing_reads(tmp_path: Path) -> None:
    """Fields, requirements and parameters without effect are found; texts and currency fields are carried through."""
    fields = (
        "{x: {type: integer}, y: {type: integer}, note: {type: text}, m: {type: money, unit: CNY, currency: c},"
        " c: {type: choice, one_of: [CNY]}}"
    )
    more = "requires: {r: other}\nparameters: {used: {type: integer, value: 5}, idle: {type: integer, value: 9}}\n"
    more += "parameter_order: $used < $idle\n"
    files = {
        "other": table("{x: {type: integer}}"),
        "p": table(fields, "x | m", "> $used | > 5", more=more),
    }
    assert codes(tmp_path, files) == ["unused-field other", "unused-field y", "unused-parameter idle"]


def test_a_shared_field_that_no_policy_names(tmp_path: Path) -> None:
    """Of a whole folder the shared fields without a policy are found, of a single file they are not."""
    files = {"p": table("[x]")}
    shared = "fields:\n  x: {type: integer}\n  y: {type: integer}\n"
    (tmp_path / "fields.yaml").write_text(shared, encoding="utf-8")
    assert codes(tmp_path, files) == ["unused-field y"]
    assert found_in(crm_rules.load(tmp_path / "p.yaml")) == []
    again = pickle.loads(pickle.dumps(crm_rules.load(tmp_path)))  # noqa: S301 - it was made a line ago
    assert [item.code for item in found_in(again)] == ["unused-field"]


@pytest.mark.parametrize(
    ("one", "two", "found"),
    [
        ("{type: integer}", "{type: integer, min: 0, optional: true}", []),
        ("{type: integer}", "{type: integer, unit: day}", ["conflicting-field x"]),
        ("{type: money, unit: CNY}", "{type: money, unit: USD}", ["conflicting-field x"]),
        ("{type: integer, label: {en: Orders}}", "{type: integer, label: {zh: 订单}}", []),
        ("{type: integer, label: {en: Orders}}", "{type: integer, label: {en: Visits}}", ["conflicting-label x"]),
    ],
)
def test_one_field_in_two_policies(tmp_path: Path, one: str, two: str, found: list[str]) -> None:
    """Type, unit and label of a field are the same in a pack; what is optional and its limits are each policy's own."""
    files = {"one": table(f"{{x: {one}}}"), "two": table(f"{{x: {two}}}", output=OUTPUT.replace("g:", "h:"))}
    assert codes(tmp_path, files) == found


def test_a_field_may_change_from_edition_to_edition(tmp_path: Path) -> None:
    """Two editions, and policies that are never in force together, may declare a field differently."""
    ended = DATED.replace("2026", "2020") + "valid_to: 2020-12-31\n"
    files = {
        "p@1": table("{x: {type: integer}}").replace("2026", "2025"),
        "p@2": table("{x: {type: number}}"),
        "q": table("{x: {type: integer, unit: day}}").replace(DATED, ended),
    }
    assert codes(tmp_path, files) == []


def test_values_with_two_names(tmp_path: Path) -> None:
    """One letter with two meanings is two schemes under one name."""
    field = "{{x: {{type: choice, one_of: [A, B], value_labels: {{A: {{en: {0}}}}}}}}}"
    files = {
        "one": table(field.format("normal"), cells="A"),
        "two": table(field.format("important"), cells="A", output=OUTPUT.replace("g:", "h:")),
    }
    assert codes(tmp_path, files) == ["conflicting-label x"]


GRADE = "{grade: {type: choice, one_of: [A, B]}}"
DECIDES = table("{x: {type: integer}}", output=OUTPUT.replace("g:", "grade:"))


def test_a_grade_of_another_scheme(tmp_path: Path) -> None:
    """A choice of the record that another policy decides under the same name may be of another scheme."""
    reads = table(GRADE, "grade", "A")
    assert codes(tmp_path, {"value": DECIDES, "terms": reads}) == ["mixed-schemes grade"]


@pytest.mark.parametrize(
    "reads",
    [
        table("{}", "grade", "A", more="requires: {grade: value}\n"),
        table("{assessed: {type: choice, one_of: [A, B]}}", "assessed", "A"),
        table("{grade: {type: choice, one_of: [high, low]}}", "grade", "high"),
    ],
    ids=["required", "own-name", "other-letters"],
)
def test_grades_that_cannot_be_mistaken(tmp_path: Path, reads: str) -> None:
    """A required grade, a grade of its own name and a grade of other letters are no mixture."""
    assert codes(tmp_path, {"value": DECIDES, "terms": reads}) == []


def test_what_is_asked_first_reads_the_record(tmp_path: Path) -> None:
    """A policy cannot require one that rests on itself, so the grade of the record is what it means."""
    first = table(GRADE, "grade", "A", output=OUTPUT.replace("g:", "h:"))
    then = table("{}", "h", "A", more="requires: {h: first}\n", output=OUTPUT.replace("g:", "grade:"))
    assert "mixed-schemes grade" not in codes(tmp_path, {"first": first, "then": then})


def test_a_requirement_named_after_another_scheme(tmp_path: Path) -> None:
    """A requirement that bears the name of another policy's output is taken for it."""
    stage = table("{y: {type: integer}}", "y", output=OUTPUT.replace("g:", "stage:"))
    reads = table("{}", "grade", "A", more="requires: {grade: stage}\n")
    files = {"value": DECIDES, "stage": stage, "terms": reads}
    assert codes(tmp_path, files) == ["mixed-schemes stage"]


def test_a_requirement_that_says_its_scheme(tmp_path: Path) -> None:
    """Of two policies that decide a `grade` a requirement names one, and that is the scheme."""
    reads = table("{}", "grade", "A", more="requires: {grade: other.grade}\n")
    assert codes(tmp_path, {"value": DECIDES, "other": DECIDES, "terms": reads}) == []


def test_one_value_out_of_two_schemes(tmp_path: Path) -> None:
    """A formula that falls back from one scheme to another one joins what has only the letters in common."""
    optional = OUTPUT.replace("g:", "stage:").replace("]}}", "], optional: true}}")
    stage = table("{y: {type: integer}}", "y", output=optional)
    more = "requires: {grade: value, stage: stage}\nderive: {best: 'coalesce(stage, grade)'}\n"
    files = {"value": DECIDES, "stage": stage, "terms": table("{}", "best", "A", more=more)}
    assert codes(tmp_path, files) == ["mixed-schemes best"]


@pytest.mark.parametrize(
    ("declared", "mixed"),
    [
        ("x: {type: money, unit: CNY, label: {zh: 限额（万元）}}", True),
        ("x: {type: money, unit: CNY, label: {zh: 百万元限额}}", True),
        ("x: {type: money, unit: CNY, label: {en: Limit (10k CNY)}}", True),
        ("x: {type: money, unit: CNY, label: {en: Limit in thousands}}", True),
        ("x: {type: money, unit: CNY, label: {zh: 超过100万元的订单}}", False),
        ("x: {type: money, unit: CNY, label: {zh: 限额（元）}}", False),
        ("x: {type: money, unit: 万元, label: {zh: 限额（万元）}}", False),
        ("x: {type: number, unit: 元, label: {zh: 限额（万元）}}", True),
        ("x_usd: {type: money, unit: CNY}", True),
        ("x_usd: {type: money, unit: USD}", False),
        ("x: {type: money, unit: CNY, label: {zh: 限额（美元）}}", True),
        ("x: {type: money, unit: CNY, label: {en: 'USD sales, in CNY'}}", False),
        ("x_days: {type: integer, unit: month}", True),
        ("x_days: {type: integer, unit: day}", False),
        ("x_of_30_days: {type: integer, unit: month}", False),
        ("x: {type: integer, unit: day, label: {zh: 逾期月数}}", True),
        ("x: {type: integer, unit: day, label: {zh: 逾期天数}}", False),
        ("x: {type: integer, unit: day, label: {en: Months late}}", True),
        ("x: {type: integer, unit: day, label: {en: 'Time allowed, at most 3 months', zh: 账期三个月以内}}", False),
        ("x: {type: integer, unit: visit, label: {en: Days of visits}}", False),
    ],
)
def test_words_that_tell_another_unit(tmp_path: Path, declared: str, *, mixed: bool) -> None:
    """A name or label that tells a unit tells the one that is counted; a number in a label is no unit."""
    name = declared.partition(":")[0]
    expected = [f"mixed-units {name}"] if mixed else []
    assert codes(tmp_path, {"p": table(f"{{{declared}}}", name)}) == expected


def test_numbers_whose_names_tell_two_units(tmp_path: Path) -> None:
    """A cell and a formula that join days and months, or 元 and 万元, are found where no unit is declared."""
    fields = "{days_late: {type: integer}, a: {type: number, label: {zh: 金额（万元）}}, b: {type: money, unit: CNY}}"
    more = (
        "parameters: {most_months: {type: integer, value: 3}, most_days: {type: integer, value: 90}}\n"
        "derive: {late: days_late - $most_months}\n"
    )
    cells = "> $most_months | > $most_days | > 5 | > 5"
    files = {"p": table(fields, "days_late | late | a | b", cells, more=more)}
    assert codes(tmp_path, files) == ["mixed-units > $most_months", "mixed-units late"]


def test_two_currencies_of_one_chain(tmp_path: Path) -> None:
    """Amounts of two currencies are told apart by a name, or are a mixture; 元 beside 万元 always is."""
    first = table("{x: {type: money, unit: CNY}}")
    for declared, found in (
        ("y: {type: money, unit: USD}", ["mixed-units y"]),
        ("y_usd: {type: money, unit: USD}", []),
        ("y: {type: money, unit: 元}", []),
        ("y: {type: number, unit: 万元, label: {zh: 人民币金额（万元）}}", ["mixed-units y"]),
    ):
        name = declared.partition(":")[0]
        then = table(f"{{{declared}}}", f"g | {name}", "A | > 5", more="requires: {g: first}\n")
        files = {"first": first, "then": then.replace(OUTPUT, OUTPUT.replace("g:", "h:")).replace("| g |\n", "| h |\n")}
        assert codes(tmp_path, files) == found


def test_one_quantity_as_two_fields(tmp_path: Path) -> None:
    """Fields that are called the same but for the unit in brackets are one quantity twice."""
    fields = "{{x: {{type: number, label: {{zh: 金额（元）}}}}, y: {{type: number, label: {{zh: {0}（万元）}}}}}}"
    assert codes(tmp_path, {"p": table(fields.format("订单"), "x | y", "> 5 | > 5")}) == []
    assert codes(tmp_path, {"p": table(fields.format("金额"), "x | y", "> 5 | > 5")}) == ["mixed-units y"]


def test_policies_say_since_when_and_why(tmp_path: Path) -> None:
    """A policy without a first day or a source is found; the source of the pack stands for its policies."""
    bare = table("{x: {type: integer}}").replace(DATED, "")
    assert codes(tmp_path, {"p": bare}) == ["undated-policy p", "unsourced-policy p"]
    (tmp_path / "pack.yaml").write_text("pack: a\nsource: {title: {en: Handbook}}\n", encoding="utf-8")
    assert codes(tmp_path, {"p": bare}) == ["undated-policy p"]


def test_a_policy_that_has_ended(tmp_path: Path) -> None:
    """The last day of the last edition is its last in force; without a date asked for nothing has ended."""
    text = table("{x: {type: integer}}").replace(DATED, f"{DATED}valid_to: 2026-06-30\n")
    assert codes(tmp_path, {"p": text}) == []
    assert codes(tmp_path, {"p": text}, date(2026, 6, 30)) == []
    assert codes(tmp_path, {"p": text}, date(2026, 7, 1)) == ["expired-policy 2026-06-30"]
    text = table("{x: {type: integer}}").replace("2026-01-01", "2027-01-01")
    assert codes(tmp_path, {"p": text}, date(2026, 7, 1)) == []


FIRST = date(2026, 1, 1)
DAYS = [FIRST + timedelta(days=number) for number in range(8)]
PERIODS = st.lists(st.tuples(st.sampled_from([None, *DAYS]), st.sampled_from([None, *DAYS])), min_size=1, max_size=4)


def period(begins: date | None, ends: date | None, version: str = "") -> Period:
    """An edition without content."""
    return Period(Program("p", version, "made-by-hand", (), (), (), ()), begins, ends)


@given(PERIODS, st.sampled_from(DAYS))
def test_gaps_are_the_days_without_an_edition(dates: list[tuple[date | None, date | None]], on: date) -> None:
    """There is a gap exactly when a day between the first and the last one in force has no edition."""
    periods = [period(*sorted_dates(*pair), str(number)) for number, pair in enumerate(dates)]
    found = [item.code for item in timelines(periods, on)]
    spread = [FIRST + timedelta(days=number) for number in range(-2, 10)]
    in_force = [any(one.start <= day <= one.end for one in periods) for day in spread]
    inner = in_force[in_force.index(True) : len(in_force) - in_force[::-1].index(True)]
    assert ("timeline-gap" in found) is not all(inner)
    assert ("expired-policy" in found) is (max(one.end for one in periods) < on)


def sorted_dates(begins: date | None, ends: date | None) -> tuple[date | None, date | None]:
    """The dates in their order."""
    return (ends, begins) if begins is not None and ends is not None and ends < begins else (begins, ends)


def test_overlaps_are_days_claimed_twice() -> None:
    """Two editions overlap where the first one says a last day after the second begins, or both begin together."""
    for one, other in product([None, *DAYS[:4]], repeat=2):
        first, second = period(FIRST - timedelta(days=1), one, "1"), period(other, None, "2")
        found = [item.code for item in timelines([first, second], None)]
        claimed = one is not None and (other is None or one >= other) and other is not None
        assert ("timeline-overlap" in found) is claimed, (one, other)
    assert [item.code for item in timelines([period(None, None, "1"), period(None, None, "2")], None)] == [
        "timeline-overlap"
    ]
