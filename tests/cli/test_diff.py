"""`crm-rules diff`: what an edit changes, proven and shown, and what it does to a table of records."""

from __future__ import annotations

import csv
import os
from collections import Counter
from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest

from crm_rules import load
from tests.cli.versions import DATA, Bench, new_bench

ROOT = Path(__file__).parents[2]
REAL_DATA = os.environ.get("CRM_RULES_DATA", "")


@pytest.fixture
def bench(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Bench:
    """A folder with two versions that are the same."""
    return new_bench(tmp_path, capsys)


# Regions


def test_an_edit_is_told_with_its_region_and_an_example(bench: Bench) -> None:
    """A person reads what was edited, which records change from what to what, by which rules, and one of them."""
    bench.edit("limit.yaml", {"| >= 50 ": "| >= 40 ", "version: 1.0.0": "version: 1.1.0"})
    found = bench.diff("--policy", "limit")
    assert found.code == 1
    assert found.out == (
        "limit 1.0.0 → 1.1.0: decisions change in 2 regions\n"
        "\n"
        "What was edited\n"
        "  policy limit  version: 1.0.0 → 1.1.0\n"
        "  rule many     orders: >= 50 → >= 40\n"
        "\n"
        "1. grade: C becomes A\n"
        "  when     orders is 40 to 49, region is north\n"
        "  rules    rest before, many now\n"
        '  example  {"orders": 40, "region": "north"}\n'
        "\n"
        "2. grade: B becomes A\n"
        "  when     orders is 40 to 49, region is south\n"
        "  rules    south before, many now\n"
        '  example  {"orders": 40, "region": "south"}\n'
    )


def test_markdown_and_json_say_the_same(bench: Bench) -> None:
    """A change request gets tables, a program gets every part with its name."""
    bench.edit("limit.yaml", {"| >= 50 ": "| >= 40 "})
    text = bench.diff("--policy", "limit", "--format", "markdown").out
    assert text.startswith("# limit 1.0.0\n\n**Decisions change in 2 regions.**\n")
    assert "| `rule many` | orders: \\>= 50 → \\>= 40 |" in text
    found = bench.diff("--policy", "limit", "--format", "json").json
    assert found["data"] is None
    differences = found["differences"]
    assert differences["equivalent"] is False
    assert differences["edits"] == [
        {
            "policy": "",
            "part": "rule",
            "name": "many",
            "change": "changed",
            "new_name": "",
            "text": "",
            "aspects": [{"name": "orders", "before": ">= 50", "after": ">= 40"}],
        }
    ]
    region = differences["regions"][0]
    assert (region["before"]["outputs"], region["after"]["outputs"]) == ({"grade": "C"}, {"grade": "A"})
    assert (region["record"], region["today"]) == ({"orders": 40, "region": "north"}, None)


def test_packs_are_compared_policy_by_policy(bench: Bench) -> None:
    """A change is told where it was made, and what it does to each policy that builds on it."""
    bench.edit("limit.yaml", {"| >= 50 ": "| >= 40 "})
    bench.write("new/extra.yaml", "policy: extra" + (bench.folder / "new/limit.yaml").read_text().split("limit", 1)[1])
    found = bench.diff()
    assert found.code == 1
    assert found.out.startswith("old → new: 2 comparisons, decisions change in 2, 1 added\n")
    assert "Policies in one version only\n  extra  only in the new version\n" in found.out
    assert "  policy limit  required by this one; see there\n" in found.out
    assert "1. days: 30 becomes 60\n  when     orders is 40 to 49, new is false\n" in found.out


# Equivalence


def test_a_refactoring_is_proven(bench: Bench) -> None:
    """Renamed rules, borders written otherwise, and rows in another order that decide the same are equivalent."""
    bench.edit("limit.yaml", {"| many ": "| big  ", "| >= 50 ": "| > 49  "})
    found = bench.diff("--policy", "limit", "--expect-equivalent")
    assert found.code == 0
    assert found.out == (
        "limit 1.0.0: equivalent: proven for every record and every day\n"
        "\n"
        "What was edited\n"
        "  rule many  renamed to big (same conditions and outcome)\n"
    )


def test_a_counterexample_refutes_equivalence(bench: Bench) -> None:
    """With `--expect-equivalent` a change is exit code 1 with the record that shows it."""
    bench.edit("limit.yaml", {"| >= 50 ": "| >= 51 "})
    found = bench.diff("--policy", "limit", "--expect-equivalent")
    assert found.code == 1
    assert '{"orders": 50, "region": "north"}' in found.out


def test_nothing_differs_between_equal_packs(bench: Bench) -> None:
    """The exit code is 0, and one line says that all is proven."""
    found = bench.diff("--expect-equivalent")
    assert found.code == 0
    assert found.out == (
        "old → new: 2 comparisons, all equivalent: proven for every record and every day\n"
        "\n"
        "Unchanged: limit 1.0.0, terms 1.0.0\n"
    )


# Which versions


def test_two_editions_of_one_folder_are_compared(bench: Bench) -> None:
    """`PATH@VERSION` names an edition; without it a policy with several editions is refused with the way to say it."""
    text = (bench.folder / "new/limit.yaml").read_text()
    later = text.replace("version: 1.0.0", "version: 2.0.0").replace("| >= 50 ", "| >= 60 ")
    bench.write("new/limit-2.yaml", later.replace("kind:", "valid_from: 2027-01-01\nkind:", 1))
    bench.edit("limit.yaml", {"kind:": "valid_to: 2026-12-31\nkind:"})
    found = bench.run("diff", "new@1.0.0", "new@2.0.0", "--policy", "limit")
    assert found.code == 1
    assert "rule many     orders: >= 50 → >= 60" in found.out
    refused = bench.diff("--policy", "limit")
    assert refused.code == 2
    assert "`limit` has several editions: name one, such as new@2.0.0: 1.0.0 to 2026-12-31, 2.0.0" in refused.err
    assert bench.diff("--policy", "limit", "--today", "2027-05-01").code == 1
    assert "limit has no edition 3" in bench.run("diff", "old", "new@3", "--policy", "limit").err.replace("`", "")
    whole = bench.diff()
    assert "limit 1.0.0 → 2.0.0: decisions change" in whole.out
    assert "limit 2.0.0  only in the new version" in whole.out


def test_a_file_names_its_own_policy(bench: Bench) -> None:
    """A file on one side is enough to say which policy of the folder is meant, also under another id."""
    bench.edit("limit.yaml", {"policy: limit": "policy: bounds", "| >= 50 ": "| >= 40 "})
    found = bench.run("diff", "old/limit.yaml", "new/limit.yaml")
    assert found.out.startswith("limit 1.0.0 → bounds 1.0.0: decisions change in 2 regions\n")
    assert bench.run("diff", "old", "old/limit.yaml").out.startswith("limit 1.0.0: equivalent")


REFUSED = {
    "no place": (["diff", "old", "nwe"], "`nwe` is neither a file, nor a folder, nor an installed pack"),
    "no version": (["diff", "old@", "new"], "`old@`: expected a version after the `@`, such as old@1.0.0"),
    "no policy": (["diff", "old", "new", "--policy", "limits"], "there is no policy `limits` in old; did you mean"),
    "idle key": (["diff", "old", "new", "--key", "id"], "--key is about records: name a file of them with --data"),
    "which": (["diff", "old@1.0.0", "old", "--policy", "x"], "there is no policy `x`"),
    "no sum": (
        ["diff", "old/limit.yaml", "new", "--data", "data.csv", "--sum", "amont"],
        "--sum: data.csv has no column",
    ),
    "show": (["diff", "old", "new", "--show", "-1"], "argument --show: expected a number such as 20, found `-1`"),
}


@pytest.mark.parametrize(("words", "sentence"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_compared_is_refused_in_a_sentence(bench: Bench, words: list[str], sentence: str) -> None:
    """Every refusal says what to do instead."""
    found = bench.run(words[0], *words[1:])
    assert (found.code, found.out) == (2, "")
    assert found.err.startswith(f"crm-rules: {sentence}")


# Records


def test_records_are_decided_by_both_versions(bench: Bench) -> None:
    """The matrix counts every row, undecided ones too, and the rows that move are listed with the rules."""
    bench.edit("limit.yaml", {"| >= 50 ": "| >= 40 "})
    words = ["--policy", "limit", "--data", "data.csv", "--key", "id", "--sum", "amount"]
    found = bench.diff(*words)
    assert found.code == 1
    assert found.out.endswith(
        "data.csv: 1 of 4 records (25.0 %) moved\n"
        "\n"
        "grade: records\n"
        "before \\ now  A  B  (invalid)  all\n"
        "────────────  ─  ─  ─────────  ───\n"
        "A             1  -          -    1\n"
        "B             1  1          -    2\n"
        "(invalid)     -  -          1    1\n"
        "all           2  1          1    4\n"
        "\n"
        "grade: sum of amount\n"
        "before \\ now      A  B  (invalid)    all\n"
        "────────────  ─────  ─  ─────────  ─────\n"
        "A               100  -          -    100\n"
        "B              20.5  7          -   27.5\n"
        "(invalid)         -  -          1      1\n"
        "all           120.5  7          1  128.5\n"
        "\n"
        "Records that moved\n"
        "record  change  rule before  rule now  amount\n"
        "──────  ──────  ───────────  ────────  ──────\n"
        "2       B → A   south        many        20.5\n"
    )
    data = bench.diff(*words, "--format", "json").json["data"]
    assert [(move["key"], move["amount"]) for move in data["moves"]] == [("2", "20.5")]


def test_a_field_and_a_choice_of_one_version_only(bench: Bench) -> None:
    """A mapping may say what only one version reads, and the other version judges it by its own rules."""
    bench.edit(
        "limit.yaml",
        {
            "[north, south]": "[north, south, east]",
            "output:": "  urgent: {type: boolean, optional: true}\noutput:",
        },
    )
    bench.write("data.csv", "orders,region,rush\n60,o,y\n60,n,\n")
    mapping = bench.write(
        "map.yaml",
        "policy: limit\nfields:\n  region: {column: region, values: {n: north, o: east}}\n"
        "  urgent: {column: rush, values: {y: true}}\n",
    )
    found = bench.diff("--data", "data.csv", "--mapping", mapping, "--format", "json").json
    moves = found["data"]["moves"]
    assert [(move["key"], move["before"]["status"], move["after"]["outputs"]) for move in moves] == [
        ("line 2", "invalid", {"grade": "A"})
    ]
    (region,) = found["differences"]["regions"]
    assert (region["when"], region["before"]["status"]) == (["region is east"], "invalid")


def test_rows_without_a_number_are_left_out_of_sums_and_counted(bench: Bench) -> None:
    """A sum never hides that some rows have nothing to add."""
    bench.write("data.csv", DATA.replace(",7\n", ",\n").replace(",20.5\n", ",n/a\n"))
    found = bench.diff("--policy", "limit", "--data", "data.csv", "--key", "id", "--sum", "amount")
    assert found.code == 0
    assert "note: sums leave out 2 records without a number in amount (first: 2)\n" in found.out


def test_a_ragged_row_does_not_move(bench: Bench) -> None:
    """A row of another width is invalid in both versions, and counted."""
    bench.write("data.csv", DATA + "5,1\n")
    found = bench.diff("--policy", "limit", "--data", "data.csv", "--format", "json").json["data"]
    assert (found["records"], found["same"]) == (5, 5)


def test_the_list_is_cut_and_says_so(bench: Bench) -> None:
    """Text shows as many records as asked for, JSON all of them."""
    bench.edit("limit.yaml", {"| >= 50 ": "| >= 5  "})
    words = ["--policy", "limit", "--data", "data.csv", "--show", "1"]
    assert "… and 1 more (--show N for more of them, --format json for all)\n" in bench.diff(*words).out
    assert len(bench.diff(*words, "--format", "json").json["data"]["moves"]) == 2
    assert "… and 1 more" in bench.diff(*words, "--format", "markdown").out


@pytest.mark.skipif(not REAL_DATA, reason="CRM_RULES_DATA names no folder of public tables")
def test_the_migration_of_real_opportunities(bench: Bench) -> None:
    """The matrix and the sums over a public table are those of deciding every row twice."""
    data = next(Path(REAL_DATA).rglob("sales_pipeline.csv"))
    text = (ROOT / "policies" / "pipeline-stage.yaml").read_text("utf-8")
    for name in ("old", "new"):
        bench.write(f"{name}-stage/fields.yaml", (ROOT / "policies" / "fields.yaml").read_text("utf-8"))
        bench.write(f"{name}-stage/stage.yaml", text)
    bench.edit("../new-stage/stage.yaml", {"| <= 1            | A ": "| <= 2            | A "})
    mapping = str(ROOT / "examples/mappings/pipeline-stage-of-opportunities.yaml")
    words = ["--data", str(data), "--mapping", mapping, "--today", "2017-03-01", "--sum", "close_value"]
    found = bench.run("diff", "old-stage", "new-stage", *words, "--format", "json").json["data"]
    policies = [load(bench.folder / f"{name}-stage")["pipeline-stage"] for name in ("old", "new")]
    needs = {"Won": "clear", "Engaging": "clear", "Prospecting": "potential", "Lost": "none"}
    counts: Counter[tuple[str, str]] = Counter()
    sums: dict[tuple[str, str], Fraction] = {}
    with data.open(newline="") as stream:
        for row in csv.DictReader(stream):
            close = date.fromisoformat(row["close_date"]) if row["close_date"] else None
            record = {"need": needs[row["deal_stage"]], "expected_close": close}
            before, after = (policy.decide(record, today=date(2017, 3, 1)).value for policy in policies)
            counts[before, after] += 1
            sums[before, after] = sums.get((before, after), Fraction(0)) + Fraction(row["close_value"] or 0)
    cells = found["outputs"]["stage"]["matrix"]
    told = {(cell["before"]["value"], cell["after"]["value"]): (cell["records"], cell["sum"]) for cell in cells}
    assert told == {pair: (count, int(sums[pair])) for pair, count in counts.items()}
    assert len(found["moves"]) == counts["B", "A"]
