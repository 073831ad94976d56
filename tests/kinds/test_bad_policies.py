"""The mistakes of policy authors, one file or folder each, with the words and the place that each author reads.

`tests/cases/policies/bad` holds the mistakes; beside `NAME.yaml` stands `NAME.expected.txt`, within the folder of a
pack `expected.txt`. What is good but looks odd stands in `tests/cases/policies/good`. The limits that keep a
stranger's file from taking the machine are shown by files written here, as they are large.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

import crm_rules
from crm_rules.codes import CODES
from crm_rules.diagnostics import LONGEST_MESSAGE, MOST_FINDINGS, MOST_TOGETHER, Report
from crm_rules.ir.check import check
from crm_rules.ir.nodes import Divide, FieldValue
from crm_rules.ir.program import Field, Output, Program
from crm_rules.ir.types import Number
from crm_rules.kinds.common import MOST_CHOICES, MOST_DATES, MOST_DERIVED
from crm_rules.linking import MAX_CHAIN
from crm_rules.loading import MAX_FILES, load_with_report
from crm_rules.reader.yaml_text import MAX_VALUES
from crm_rules.rendering import render_line, render_text

CASES = Path(__file__).parents[1] / "cases" / "policies"
BAD = sorted(path for path in (CASES / "bad").iterdir() if path.is_dir() or path.suffix == ".yaml")
GOOD = sorted((CASES / "good").glob("*.yaml"))
# Words of a programmer, which no author should have to read.
FOREIGN = re.compile(
    r"\b(str|int|dict|None|NoneType|Fraction|Traceback|pydantic|validation|instance|ValueError|object)\b"
)

HEAD = "policy: p\nkind: decision-table\nhit_policy: first\n"
FIELDS = "fields: {x: {type: number}, n: {type: integer}, d: {type: date, optional: true}}\n"
OUTPUT = "output: {g: {type: choice, one_of: [A, B]}}\n"
RULES = "rules:\n  - {id: a, when: otherwise, then: A}\n"


def report_of(path: Path) -> tuple[Report, dict[str, str]]:
    """What loading finds; a bad policy gives no pack."""
    pack, report, texts = load_with_report(path)
    assert (pack is None) is not report.ok
    return report, dict(texts)


def lines(report: Report, folder: Path) -> str:
    """The findings as an editor shows them, with their remedies."""
    found = [render_line(item) + (f"\n  help: {item.help}" if item.help else "") for item in report]
    return "".join(f"{line}\n" for line in found).replace(f"{folder}{os.sep}", "").replace(str(folder), ".")


def codes(folder: Path, files: dict[str, str]) -> list[str]:
    """The codes found in a folder of these files."""
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [item.code for item in report_of(folder)[0]]


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_a_bad_policy_has_exactly_its_expected_findings(path: Path, tmp_path: Path) -> None:
    """Each mistake gives the lines written beside it, of known codes, in an author's words, shown in its source."""
    alone = path if path.is_dir() else Path(shutil.copy(path, tmp_path))
    report, texts = report_of(alone)
    folder = alone if path.is_dir() else tmp_path
    expected = path / "expected.txt" if path.is_dir() else path.with_suffix(".expected.txt")
    assert lines(report, folder) == expected.read_text(encoding="utf-8")
    for item in report:
        assert item.severity == CODES[item.code].severity
        words = re.sub("`[^`]*`", "", f"{item.message} {item.note} {item.help}")
        assert FOREIGN.search(words) is None, words
    assert report[0].message in render_text(report, texts)


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_a_good_policy_loads(path: Path) -> None:
    """What looks odd and is right has no findings."""
    pack, report, _ = load_with_report(path)
    assert (lines(report, path.parent), pack is not None) == ("", True)


def test_the_mistakes_of_neighbours_are_not_a_files_own(tmp_path: Path) -> None:
    """A single file is judged with what it needs, whatever else stands in its folder."""
    good = HEAD + FIELDS + OUTPUT + RULES
    files = {
        "p.yaml": good,
        "copy.yaml": good,
        "no-policy.yaml": "a: b\n",
        "no-yaml.yaml": "[",
        "bad.yaml": "policy: q\nkind: x\n",
    }
    assert codes(tmp_path, files) != []
    assert list(crm_rules.load(tmp_path / "p.yaml")) == ["p"]


def test_a_quotient_cannot_be_a_result() -> None:
    """A program that gives out a quotient is refused with the code `unrounded-quotient`."""
    ratio = Divide(FieldValue("x"), FieldValue("x"))
    program = Program("p", "", "made-by-hand", (Field("x", Number()),), (), (), (Output("r", Number(), ratio),))
    assert [item.code for item in check(program)] == ["unrounded-quotient"]


@pytest.mark.parametrize(
    "text",
    [
        "policy: p\n" + "k: 1\n" * 100_000,
        "policy: p\n" + "".join(f"k{number}: 1\n" for number in range(70_000)),
        HEAD + FIELDS + OUTPUT + "rules: |\n  |id|x|g|\n" + "  |r|1|A|\n" * 90_000,
        HEAD + FIELDS + OUTPUT + "rules: |\n  |id|" + "c|" * 60_000 + "\n",
        HEAD + FIELDS + OUTPUT + "rules: |\n  |id|x|g|\n  |r|" + "1," * 400_000 + "|A|\n",
        HEAD + "fields: {x: {type: choice, one_of: [" + "c," * 60_000 + "]}}\n" + OUTPUT + RULES,
    ],
    ids=["duplicate-keys", "keys", "rows", "columns", "values-of-a-cell", "choices"],
)
def test_a_file_with_very_many_values_is_refused_unread(tmp_path: Path, text: str) -> None:
    """Beyond `MAX_VALUES` a file is refused with `too-many-values` before its findings are worked out."""
    assert len(text) > MAX_VALUES
    assert "too-many-values" in codes(tmp_path, {"p.yaml": text}) or text.count("k: 1") > MAX_VALUES


@pytest.mark.parametrize(
    ("formula", "found"),
    [
        (" + ".join(["x"] * 600), "too-long"),
        ("+".join(["x"] * 300), "too-long"),
        ("(" * 50 + "x" + ")" * 50, "too-deep"),
        ("-" * 1_000 + "x", "too-long"),
        ("x * " + "9" * 1_000, "wrong-literal"),
        ("add_months(d, 10 ** 30)", "formula-syntax"),
    ],
)
def test_a_formula_has_limits(tmp_path: Path, formula: str, found: str) -> None:
    """Length, depth and digits of a formula are limited."""
    assert codes(tmp_path, {"p.yaml": f"{HEAD}{FIELDS}derive:\n  y: {formula}\n{OUTPUT}{RULES}"}) == [found]


@pytest.mark.parametrize("formula", ["y{0} * y{0}", "round(y{0}, 30, half_up)"])
def test_numbers_cannot_grow_without_end(tmp_path: Path, formula: str) -> None:
    """Derived fields that use one another grow up to a limit of digits."""
    chain = "".join(f"  y{number}: {formula.format(number - 1)}\n" for number in range(1, 200))
    found = codes(tmp_path, {"p.yaml": f"{HEAD}{FIELDS}derive:\n  y0: x * x\n{chain}{OUTPUT}{RULES}"})
    assert set(found) == {"number-too-long"}


def test_derived_fields_are_counted(tmp_path: Path) -> None:
    """As many derived fields as are allowed are read and decided, one more is refused."""
    chain = "  y1: n\n" + "".join(f"  y{number}: max(y{number - 1}, 1)\n" for number in range(2, MOST_DERIVED + 1))
    rules = f"rules: |\n  |id|y{MOST_DERIVED}|g|\n  |a|> 5|A|\n  |b|<= 5|B|\n"
    (tmp_path / "p.yaml").write_text(f"{HEAD}{FIELDS}derive:\n{chain}{OUTPUT}{rules}", encoding="utf-8")
    assert crm_rules.load(tmp_path)["p"].decide({"x": 1, "n": 6}).value == "A"
    text = f"{HEAD}{FIELDS}derive:\n{chain}  more: n\n{OUTPUT}{rules}"
    assert codes(tmp_path, {"p.yaml": text}) == ["too-many-values"]


def test_values_by_date_are_counted(tmp_path: Path) -> None:
    """A parameter has a limited number of values by date."""
    days = ", ".join(f"{1900 + number}-01-01: {number}" for number in range(MOST_DATES + 1))
    text = f"{HEAD}{FIELDS}parameters: {{q: {{type: integer, value: {{{days}}}}}}}\n{OUTPUT}{RULES}"
    assert codes(tmp_path, {"p.yaml": text}) == ["too-many-values"]


def test_choices_are_counted(tmp_path: Path) -> None:
    """A field has a limited number of choices."""
    choices = ", ".join(f"c{number}" for number in range(MOST_CHOICES + 1))
    text = f"{HEAD}fields: {{x: {{type: choice, one_of: [{choices}]}}}}\n{OUTPUT}{RULES}"
    assert codes(tmp_path, {"p.yaml": text}) == ["too-many-values"]


def test_a_chain_of_requirements_ends(tmp_path: Path) -> None:
    """A policy may rest on `MAX_CHAIN` others; a longer chain is refused however long it is, without a deep stack."""

    def policy(number: int, needs: str) -> dict[str, str]:
        head = f"policy: p{number}\nkind: decision-table\nhit_policy: first\n{needs}"
        return {f"p{number}.yaml": head + FIELDS + OUTPUT + RULES}

    for number in range(MAX_CHAIN):
        for name, text in policy(number, f"requires: {{q: p{number + 1}.g}}\n").items():
            (tmp_path / name).write_text(text, encoding="utf-8")
    assert codes(tmp_path, policy(MAX_CHAIN, "")) == []
    longer = policy(MAX_CHAIN, f"requires: {{q: p{MAX_CHAIN + 1}.g}}\n") | policy(MAX_CHAIN + 1, "")
    assert set(codes(tmp_path, longer)) == {"chain-too-long"}


def test_a_chain_of_extensions_ends(tmp_path: Path) -> None:
    """Extensions of extensions are followed to a limit, in a circle as well."""
    files = {f"p{number}.yaml": f"policy: p{number}\nextends: p{number + 1}\n" for number in range(500)}
    assert "chain-too-long" in codes(tmp_path, {**files, "p500.yaml": "policy: p500\nextends: p0\n"})


def test_extensions_count_the_text_they_extend(tmp_path: Path) -> None:
    """Many small files that extend a large one are as much work as many large files, and are refused as such."""
    note = "# " + "x" * 900_000 + "\n"
    files = {f"p{number}.yaml": f"policy: p{number}\nextends: big\n" for number in range(12)}
    assert "pack-too-large" in codes(
        tmp_path, {**files, "big.yaml": f"{note}{HEAD}{FIELDS}{OUTPUT}{RULES}".replace(": p\n", ": big\n")}
    )


def test_files_are_counted(tmp_path: Path) -> None:
    """A folder with very many files is no pack."""
    assert "too-many-files" in codes(tmp_path, {f"{number}.yaml": "" for number in range(MAX_FILES + 1)})


def test_findings_stay_readable(tmp_path: Path) -> None:
    """Of many findings the first of each file are shown, with a note of how many more there are."""
    rows = "".join(f"  |r{number}|bad|A|\n" for number in range(MOST_FINDINGS + 50))
    found = codes(tmp_path, {"p.yaml": f"{HEAD}{FIELDS}{OUTPUT}rules: |\n  |id|x|g|\n{rows}"})
    assert (found.count("wrong-literal"), found.count("more-findings")) == (MOST_FINDINGS, 1)
    many = {f"q{number}.yaml": "policy: q\nkind: ladder\nzzz: 1\n" for number in range(500)}
    assert len(codes(tmp_path, many)) == MOST_TOGETHER
    (tmp_path / "long").mkdir()
    long = {"p.yaml": f"{HEAD}fields: {{x: {{type: integer, default: {'9' * 100_000}}}}}\n{OUTPUT}{RULES}"}
    assert codes(tmp_path / "long", long) == ["wrong-literal"]
    assert len(report_of(tmp_path / "long")[0][0].message) < LONGEST_MESSAGE + 40


def test_a_message_cannot_steer_a_terminal(tmp_path: Path) -> None:
    """File names and texts with control characters are shown without them."""
    (tmp_path / "p\nerror[x]: y\x1b[31m.yaml").write_text("policy: p\nkind: x\n", encoding="utf-8")
    report, texts = report_of(tmp_path)
    shown = render_text(report, texts)
    assert "\x1b" not in shown
    assert not any(line.startswith("error[x]") for line in shown.splitlines())


def test_what_is_no_file_is_not_opened(tmp_path: Path) -> None:
    """Pipes, devices and links in a circle are passed over; a path to one of them is not found."""
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "zero.yaml").symlink_to("/dev/zero")
    (tmp_path / "loop.yaml").symlink_to(tmp_path / "loop.yaml")
    (tmp_path / "folder").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "gone.yaml").symlink_to(tmp_path / "nowhere")
    assert codes(tmp_path, {}) == ["empty-pack"]
    for name in ("pipe.yaml", "zero.yaml", "loop.yaml", "gone.yaml"):
        with pytest.raises(FileNotFoundError):
            crm_rules.load(tmp_path / name)
    assert codes(tmp_path, {"p.yaml": HEAD + FIELDS + OUTPUT + RULES}) == []


def test_names_are_names_and_nothing_else(tmp_path: Path) -> None:
    """Names that mean something to Python decide like any other; what is no name is refused."""
    names = ("__class__", "lambda", "self", "record", "class", "客户")
    fields = ", ".join(f"{name}: {{type: number}}" for name in names)
    rules = (
        "rules: |\n  |id|"
        + "|".join(names)
        + "|g|\n  |a|"
        + "> 5|" * len(names)
        + "A|\n  |b|"
        + "-|" * len(names)
        + "B|\n"
    )
    (tmp_path / "p.yaml").write_text(f"{HEAD}fields: {{{fields}}}\n{OUTPUT}{rules}", encoding="utf-8")
    assert crm_rules.load(tmp_path)["p"].decide(dict.fromkeys(names, 6)).value == "A"
    for name in ('"x]"', "\"__import__('os')\"", '"x\\ny"', '""'):
        assert "bad-id" in codes(tmp_path, {"p.yaml": f"{HEAD}fields: {{{name}: {{type: number}}}}\n{OUTPUT}{RULES}"})
