"""Loading: folders, single files, packs inside packs, and every finding of every file at once."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

import crm_rules
from crm_rules.loading import load_with_report

STAGE = """\
policy: stage
kind: decision-table
fields: [need]
output:
  stage: {type: choice, one_of: [A, B]}
rules: |
  | id | need | stage |
  | a  | yes  | A     |
  | b  | no   | B     |
"""
FIELDS = "fields:\n  need: {type: choice, one_of: [yes, no]}\n"
TOUCH = """\
policy: touch
kind: cadence
requires: {stage: stage}
fields: {last: {type: date}}
by: stage
since: last
every: {A: 1 day, B: 2 days}
"""


def write(folder: Path, **texts: str) -> Path:
    """Write files of a folder, `a_b` as `a.b`."""
    folder.mkdir(exist_ok=True, parents=True)
    for name, text in texts.items():
        (folder / f"{name.replace('__', '.')}.yaml").write_text(text, encoding="utf-8")
    return folder


def found(path: Path) -> list[str]:
    """The findings of a pack that does not load, as file:line:column code."""
    pack, report, _ = load_with_report(path)
    assert pack is None
    return [f"{Path(item.span.path).name}:{item.span.line}:{item.span.column} [{item.code}]" for item in report]


def test_a_folder_and_its_subfolders_are_one_pack(tmp_path: Path) -> None:
    """Policies below share the fields above; a folder with a `pack.yaml` is left to itself."""
    write(tmp_path, fields=FIELDS, pack="pack: outer\ntitle: {en: Outer, zh: 外}\n")
    write(tmp_path / "a" / "b", stage=STAGE)
    write(tmp_path / "inner", pack="pack: inner\n", broken="policy: [")
    write(tmp_path / ".hidden", broken="policy: [")
    pack = crm_rules.load(tmp_path)
    assert (pack.id, pack.title.zh, list(pack)) == ("outer", "外", ["stage"])
    assert pack["stage"].decide({"need": "yes"}).value == "A"


def test_case_files_are_no_policies(tmp_path: Path) -> None:
    """`NAME.cases.yaml` is not read by `load`, whatever stands in it."""
    write(tmp_path, fields=FIELDS, stage=STAGE, stage__cases="][")
    assert list(crm_rules.load(tmp_path)) == ["stage"]


def test_a_folder_without_a_manifest_is_named_after_itself(tmp_path: Path) -> None:
    """A pack needs no `pack.yaml`."""
    assert crm_rules.load(write(tmp_path / "mine", fields=FIELDS, stage=STAGE)).id == "mine"


def test_a_single_file_loads_with_what_it_requires(tmp_path: Path) -> None:
    """Neighbours are read for shared fields and requirements only, so a broken one does no harm."""
    write(
        tmp_path,
        fields=FIELDS,
        stage=STAGE,
        touch=TOUCH,
        broken="policy: [",
        other=STAGE.replace("policy: stage", "policy: other").replace("[need]", "[gone]"),
    )
    pack = crm_rules.load(tmp_path / "touch.yaml")
    assert set(pack) == {"touch", "stage"}
    assert list(crm_rules.load(tmp_path / "stage.yaml")) == ["stage"]
    decision = pack["touch"].decide({"need": "no", "last": date(2026, 1, 1)}, today=date(2026, 1, 2))
    assert decision.outputs["next_touch"] == date(2026, 1, 3)


def test_findings_of_several_files_come_at_once(tmp_path: Path) -> None:
    """No file hides the findings of another, and they are sorted by place."""
    write(
        tmp_path,
        fields=FIELDS,
        a=STAGE.replace("policy: stage", "policy: a").replace("yes  |", "yess |"),
        b=STAGE.replace("policy: stage", "policy: b").replace("kind:", "kid:"),
        c=STAGE.replace("policy: stage", "policy: c")
        .replace("[need]", "[ned]")
        .replace("one_of: [A, B]", "one_of: [A, C]"),
        d="policy: d\npolicy: d\n",
    )
    assert found(tmp_path) == [
        "a.yaml:8:10 [unknown-choice]",
        "b.yaml:1:1 [missing-key]",
        "c.yaml:3:10 [unknown-field]",
        "c.yaml:7:10 [unknown-field]",
        "c.yaml:9:17 [unknown-choice]",
        "d.yaml:1:1 [missing-key]",
        "d.yaml:2:1 [duplicate-key]",
    ]


def test_the_error_names_every_place(tmp_path: Path) -> None:
    """`PolicyError` carries the report, and its text has file:line:column."""
    write(tmp_path, fields=FIELDS, stage=STAGE.replace("yes  |", "yess |"))
    with pytest.raises(crm_rules.PolicyError, match=r"stage\.yaml:8:10") as raised:
        crm_rules.load(tmp_path)
    assert [item.code for item in raised.value.report] == ["unknown-choice"]
    assert "did you mean `yes`?" in str(raised.value)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty-file"),
        (b"# only words\n", "empty-file"),
        ("policy: 客户\n".encode("gb18030"), "not-utf-8"),
        (b"- a\n- b\n", "wrong-shape"),
        (b"kind: ladder\n", "missing-key"),
        (b"policy: x\nkind: leader\n", "unknown-kind"),
        (b"policy: x\nkind: ladder\n---\npolicy: y\n", "several-documents"),
        (b"policy: x y\nkind: ladder\nby: a\nsteps: []\n", "bad-id"),
        (b"[" * 50_000, "nested-too-deep"),
        (b"policy: x\n" + b"#" * 1_000_001, "file-too-large"),
    ],
)
def test_files_that_cannot_be_used(tmp_path: Path, content: bytes, code: str) -> None:
    """Each is one finding at a place, and never a traceback."""
    (tmp_path / "x.yaml").write_bytes(content)
    assert code in {item.split()[1].strip("[]") for item in found(tmp_path)}


def test_an_empty_folder_and_a_path_that_is_not_there(tmp_path: Path) -> None:
    """A folder without a policy is refused, a wrong path is a FileNotFoundError."""
    assert found(tmp_path) == [f"{tmp_path.name}:1:1 [empty-pack]"]
    with pytest.raises(FileNotFoundError, match="nowhere"):
        crm_rules.load(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("a.yaml.txt", "rename `a.yaml.txt`"),
        ("a.YAML", "rename `a.YAML`"),
        ("a.cases.yaml", "`crm-rules test` runs them"),
        ("notes.md", "ends in `.yaml` or `.yml`"),
    ],
)
def test_a_file_that_is_no_policy_says_what_one_is_called(tmp_path: Path, name: str, remedy: str) -> None:
    """A policy saved under another ending is named, in its folder and by itself."""
    (tmp_path / name).write_text("policy: a", encoding="utf-8")
    for path in (tmp_path, tmp_path / name):
        with pytest.raises(crm_rules.PolicyError) as caught:
            crm_rules.load(path)
        assert [finding.code for finding in caught.value.report] == ["empty-pack"]
        assert caught.value.report[0].help.endswith(remedy)


def test_two_policies_of_one_id_and_version(tmp_path: Path) -> None:
    """The second occurrence is the error, the first is shown beside it."""
    write(tmp_path, fields=FIELDS, a=STAGE, b=STAGE)
    assert found(tmp_path) == ["b.yaml:1:9 [duplicate-policy]"]


def test_loading_twice_gives_equal_policies(tmp_path: Path) -> None:
    """The order of files does not depend on the machine, and the hash not on the folder."""
    first = crm_rules.load(write(tmp_path / "one", fields=FIELDS, stage=STAGE, touch=TOUCH))
    second = crm_rules.load(write(tmp_path / "two", touch=TOUCH, stage="# moved\n" + STAGE, fields=FIELDS))
    assert list(first) == list(second)
    assert {name: policy.content_hash for name, policy in first.items()} == {
        name: policy.content_hash for name, policy in second.items()
    }
    assert first["touch"] == second["touch"]


def test_labels_do_not_change_the_content_hash_and_numbers_do(tmp_path: Path) -> None:
    """The hash is that of the meaning: not of titles, but of every value, also of a required policy."""
    texts = {
        "plain": STAGE,
        "titled": STAGE + "title: {en: Stage, zh: 等级}\n",
        "other": STAGE.replace("| no   | B", "| no   | A"),
    }
    hashes = {}
    for name, text in texts.items():
        pack = crm_rules.load(write(tmp_path / name, fields=FIELDS, stage=text, touch=TOUCH))
        hashes[name] = (pack["stage"].content_hash, pack["touch"].content_hash)
    assert hashes["plain"] == hashes["titled"]
    assert not set(hashes["plain"]) & set(hashes["other"])


SCALARS = """\
policy: p
kind: decision-table
fields:
  c: {type: choice, one_of: [NO, on, 1, 12:30]}
  n: {type: integer}
output:
  y: {type: number}
rules: |
  | id | c       | n     | y     |
  | a  | NO      | 1_000 | 5万   |
  | b  | on      | -     | 12.5% |
  | c  | 1       | -     | 1     |
  | d  | "12:30" | -     | 2     |
"""


def test_scalars_mean_what_the_field_says(tmp_path: Path) -> None:
    """`NO` and `on` are choices, `1_000` and `5万` numbers, and a level `1` is the text 1."""
    policy = crm_rules.load(write(tmp_path, p=SCALARS))["p"]
    answers = [policy.decide({"c": c, "n": 1000}).value for c in ("NO", "on", "1", "12:30")]
    assert answers == [50_000, Decimal("0.125"), 1, 2]
    assert policy.decide({"c": 1, "n": 1000}).status == "invalid"


def test_the_starter_packs_are_found_by_name() -> None:
    """`base` and `sample-company` come with the library."""
    base, company = crm_rules.load("base"), crm_rules.load("sample-company")
    assert {"abc-grade", "credit-level", "pipeline-stage", "follow-up"} <= set(base)
    assert set(base) == set(company)
    assert base["abc-grade"].blank_parameters()
    assert not company["abc-grade"].blank_parameters()
