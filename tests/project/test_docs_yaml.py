"""The YAML of the docs is true: policies load, their cases pass, and the tables of forms and mistakes say what happens.

Each document is a folder of its own. A block that begins with `# some/file.yaml` is that file; another block with
`policy:` and `kind:` is a policy in a folder of its own, and one with `policy:` and `cases:` its cases. Whatever else
stands in a `yaml` block is a part of a file and must at least be readable.
"""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

import crm_rules
from crm_rules.cases import find_suites, run_suite
from crm_rules.diagnostics import Diagnostic
from crm_rules.loading import load_with_report
from crm_rules.reader.yaml_text import Mapping, read_yaml
from crm_rules.rendering import render_text

DOCS = Path(__file__).parents[2] / "docs"
DOCUMENTS = sorted(DOCS.glob("*.md"))
BLOCK = re.compile(r"^```yaml\n(.*?)^```$", re.DOTALL | re.MULTILINE)
FILE = re.compile(r"# ([\w./-]+\.yaml)\n")
TODAY = date(2026, 11, 21)


def ids(path: Path) -> str:
    """A document's name."""
    return path.name


def blocks(path: Path) -> list[str]:
    """The YAML blocks of a document."""
    return BLOCK.findall(path.read_text(encoding="utf-8"))


def file_of(block: str) -> str | None:
    """Where a block belongs, or None for a part of a file."""
    named = FILE.match(block)
    if named is not None:
        return named[1]
    tree, _ = read_yaml(block.encode(), "block")
    if not isinstance(tree, Mapping):
        return None
    keys = {str(key): value for key, value in tree.items()}
    if {"policy", "kind"} <= keys.keys():
        return f"{keys['policy']}/{keys['policy']}.yaml"
    return f"{keys['policy']}/{keys['policy']}.cases.yaml" if {"policy", "cases"} <= keys.keys() else None


def write_files(document: Path, folder: Path) -> list[Path]:
    """Write the files of a document; each has a name of its own."""
    files = []
    for block in blocks(document):
        name = file_of(block)
        if name is not None:
            file = folder / name
            assert not file.exists(), f"{name} stands twice in {document.name}"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block, encoding="utf-8")
            files.append(file)
    return files


@pytest.mark.parametrize("document", DOCUMENTS, ids=ids)
def test_every_yaml_block_can_be_read(document: Path) -> None:
    """A part of a file is proper YAML of this library, too."""
    for block in blocks(document):
        _, found = read_yaml(block.encode(), document.name)
        assert found == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=ids)
def test_every_policy_of_a_document_loads(document: Path, tmp_path: Path) -> None:
    """A reader who copies a whole policy can load it."""
    files = write_files(document, tmp_path)
    for folder in dict.fromkeys(file.parent for file in files):
        _, report, texts = load_with_report(folder)
        assert render_text(report, texts) == "no findings"


@pytest.mark.parametrize("document", DOCUMENTS, ids=ids)
def test_every_case_of_a_document_passes(document: Path, tmp_path: Path) -> None:
    """A policy decides what the document says."""
    folders = {file.parent for file in write_files(document, tmp_path) if file.name.endswith(".cases.yaml")}
    for folder in sorted(folders):
        (suite,) = find_suites(folder)
        result = run_suite(suite)
        assert render_text(result.report, result.texts) == "no findings"
        assert result.results
        for one in result.results:
            assert one.passed, render_text(one.diagnostics, result.texts)


def test_the_documents_hold_policies_and_cases() -> None:
    """The tests above have something to look at: each of the five kinds, with cases."""
    text = "".join((DOCS / "kinds.md").read_text(encoding="utf-8"))
    for kind in ("decision-table", "scorecard", "ladder", "cadence", "ranking"):
        assert f"\nkind: {kind}\n" in text
    assert text.count("\ncases:\n") >= 4


# The tables of docs/language.md

TYPES = {
    "a number": "{type: number, optional: true}",
    "a date": "{type: date, optional: true}",
    "a choice": "{type: choice, one_of: [A, B, C, best price], optional: true}",
    "a boolean": "{type: boolean, optional: true}",
}
POLICY = """\
policy: p
kind: decision-table
fields:
  f: {field}
  amount: {{type: money, unit: CNY, optional: true}}
  limit: {{type: money, unit: CNY, optional: true}}
  due_date: {{type: date, optional: true}}
  paid_date: {{type: date, optional: true}}
parameters:
  border: {{type: number, value: 5}}
derive:
  d: {formula}
output:
  held: {{type: boolean}}
rules:
  - id: held
    when: {{f: {cell}}}
    then: true
"""


def quoted(text: str) -> str:
    """A text in the single quotes of YAML."""
    return "'" + text.replace("'", "''") + "'"


def tried(folder: Path, *, field: str = "a number", cell: str = "-", formula: str = "today") -> Any:
    """The policy of one cell and one formula, or the first finding of it."""
    file = folder / "p.yaml"
    text = POLICY.format(field=TYPES[field], cell=quoted(cell), formula=quoted(formula))
    file.write_text(text, encoding="utf-8")
    pack, report, _ = load_with_report(file)
    return report[0] if len(report) else crm_rules.load(file)["p"] if pack is not None else None


def rows(heading: str) -> list[tuple[str, ...]]:
    """The rows of the table whose header begins with a heading."""
    text = (DOCS / "language.md").read_text(encoding="utf-8")
    _, _, rest = text.partition(f"\n| {heading} |")
    table = rest.partition("\n\n")[0].splitlines()[2:]
    return [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in table]


def code(cell: str) -> str:
    """What stands in the back ticks of a cell of a table."""
    return cell.removeprefix("`` ").removesuffix(" ``").strip("`")


@pytest.mark.parametrize("row", rows("cell"), ids=lambda row: code(row[0]))
def test_a_form_of_a_cell_does_with_missing_what_the_table_says(row: tuple[str, ...], tmp_path: Path) -> None:
    """Every form is accepted by some type, and holds for a missing value or not, as said."""
    for written in row[0].split(" or "):
        outcomes = [tried(tmp_path, field=field, cell=code(written)) for field in TYPES]
        policies = [one for one in outcomes if isinstance(one, crm_rules.Policy)]
        assert policies
        for policy in policies:
            held = policy.decide({}, today=TODAY).status == "decided"
            assert held is {"yes": True, "no": False}[row[2]]


@pytest.mark.parametrize("row", rows("function"), ids=lambda row: code(row[0]))
def test_an_example_of_a_function_gives_what_the_table_says(row: tuple[str, ...], tmp_path: Path) -> None:
    """The last column is what a reader gets."""
    formula, _, shown = row[2].partition(" → ")
    policy = tried(tmp_path, formula=code(formula))
    assert isinstance(policy, crm_rules.Policy), policy
    found = policy.decide({}, today=TODAY).details["d"]
    assert ("missing" if found is None else str(found)) == code(shown)


@pytest.mark.parametrize("row", rows("written"), ids=lambda row: code(row[0]))
def test_a_mistake_has_the_message_of_the_table(row: tuple[str, ...], tmp_path: Path) -> None:
    """What an author reads in the docs is what `crm-rules check` prints."""
    written, where, message, remedy = row
    if where == "a formula":
        found = tried(tmp_path, formula=code(written))
    else:
        found = tried(tmp_path, field=where, cell=code(written))
    assert isinstance(found, Diagnostic)
    assert (found.message, found.help) == (message, remedy)
