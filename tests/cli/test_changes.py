"""`crm-rules changes`: two result files of one policy are matched by key, and every record is accounted for."""

from __future__ import annotations

import csv
import json
from collections import Counter
from fractions import Fraction
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cli.versions import Bench, new_bench

HEADER = "id,amount,grade,status,rules,reason"
BEFORE = f"{HEADER}\n1,10,A,decided,top,\n2,0.5,B,decided,mid,\n3,7,B,decided,mid,\n4,1,,no_match,,no rule\n"
AFTER = f"{HEADER}\n3,7,B,decided,mid,\n2,2,A,decided,top,\n5,100,C,decided,low,\n4,1,C,decided,low,\n"


@pytest.fixture
def bench(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Bench:
    """A folder with two runs."""
    bench = new_bench(tmp_path, capsys)
    bench.write("1.csv", BEFORE)
    bench.write("2.csv", AFTER)
    return bench


def test_records_are_matched_by_key_and_all_accounted_for(bench: Bench) -> None:
    """Whatever the order of rows: those that moved, those that are new, those that have vanished, and the rest."""
    found = bench.run("changes", "1.csv", "2.csv", "--key", "id", "--format", "json")
    assert found.code == 1
    assert {name: found.json[name] for name in ("records", "same", "moved", "new", "vanished")} == {
        "records": 5,
        "same": 1,
        "moved": 2,
        "new": 1,
        "vanished": 1,
    }
    moves = {move["key"]: (move["before"], move["after"]) for move in found.json["moves"]}
    assert moves.keys() == {"1", "2", "4", "5"}
    assert moves["1"][1] is None
    assert moves["5"][0] is None
    assert moves["4"][0] == {"status": "no_match", "outputs": {}, "why": "no rule"}
    assert moves["4"][1] == {"status": "decided", "outputs": {"grade": "C"}, "why": "low"}


def test_the_text_shows_the_matrix_the_sums_and_why(bench: Bench) -> None:
    """A person reads how many went where, what they are worth, by which rule, and which facts changed."""
    found = bench.run("changes", "1.csv", "2.csv", "--key", "id", "--sum", "amount")
    assert found.out == (
        "1.csv → 2.csv, records matched by id\n"
        "\n"
        "2 of 3 records (66.7 %) moved, 1 new, 1 vanished\n"
        "\n"
        "grade: records\n"
        "before \\ now  A  B  C  (vanished)  all\n"
        "────────────  ─  ─  ─  ──────────  ───\n"
        "A             -  -  -           1    1\n"
        "B             1  1  -           -    2\n"
        "(no_match)    -  -  1           -    1\n"
        "(new)         -  -  1           -    1\n"
        "all           1  1  2           1    5\n"
        "\n"
        "grade: sum of amount\n"
        "before \\ now  A  B    C  (vanished)  all\n"
        "────────────  ─  ─  ───  ──────────  ───\n"
        "A             -  -    -          10   10\n"
        "B             2  7    -           -    9\n"
        "(no_match)    -  -    1           -    1\n"
        "(new)         -  -  100           -  100\n"
        "all           2  7  101          10  120\n"
        "\n"
        "Records that moved\n"
        "record  change          rule before  rule now  also changed     amount\n"
        "──────  ──────────────  ───────────  ────────  ───────────────  ──────\n"
        "2       B → A           mid          top       amount: 0.5 → 2       2\n"
        "5       (new) → C                    low                           100\n"
        "4       (no_match) → C  no rule      low                             1\n"
        "1       A → (vanished)  top                                         10\n"
        "\n"
        "other columns that changed: amount in 1\n"
    )


def test_markdown_has_the_same_numbers(bench: Bench) -> None:
    """The matrix and the list can be pasted into a change request."""
    found = bench.run("changes", "1.csv", "2.csv", "--key", "id", "--format", "markdown", "--show", "1")
    assert "| B | 1 | 1 | - | - | 2 |" in found.out
    assert "| 2 | B → A | mid | top | amount: 0.5 → 2 |" in found.out
    assert "… and 3 more" in found.out


def test_two_equal_runs_change_nothing(bench: Bench) -> None:
    """The exit code is 0, and the matrix still shows where all records are."""
    found = bench.run("changes", "1.csv", "1.csv", "--key", "id")
    assert found.code == 0
    assert "0 of 4 records (0.0 %) moved\n" in found.out
    assert "Records that moved" not in found.out


def test_csv_and_json_lines_are_one_form(bench: Bench) -> None:
    """A run written as JSON Lines equals the same run written as CSV."""
    rows = list(csv.DictReader(StringIO(BEFORE)))
    bench.write(
        "1.jsonl", "".join(f"{json.dumps({**row, 'amount': Fraction(row['amount']).__float__()})}\n" for row in rows)
    )
    found = bench.run("changes", "1.csv", "1.jsonl", "--key", "id", "--format", "json")
    assert found.code == 0
    assert found.json["moved"] == 0


def test_a_run_of_decide_is_understood(bench: Bench) -> None:
    """What `crm-rules decide --out` writes is what `crm-rules changes` reads, with a prefix and a mapping's key too."""
    mapping = bench.write("map.yaml", "key: id\nfields: {orders: orders}\n")
    bench.edit("limit.yaml", {"| >= 50 ": "| >= 40 "})
    for version, out in (("old", "a.csv"), ("new", "b.csv")):
        words = ["--policy", "limit", "--mapping", mapping, "--prefix", "x_", "--out", str(bench.folder / out)]
        assert bench.run("decide", version, "data.csv", *words).code == 0
    found = bench.run("changes", "a.csv", "b.csv", "--prefix", "x_", "--mapping", mapping, "--format", "json")
    assert [(move["key"], move["after"]["outputs"]) for move in found.json["moves"]] == [("2", {"x_grade": "A"})]


def test_several_outputs_and_several_keys(bench: Bench) -> None:
    """Each output has its account, and records may be told apart by more than one column."""
    head = "shop,no,grade,days,status,rules,reason\n"
    bench.write("a.csv", head + "x,1,A,30,decided,r,\nx,2,A,30,decided,r,\ny,1,B,30,decided,r,\n")
    bench.write("b.csv", head + "x,1,A,60,decided,r,\nx,2,A,30,decided,r,\ny,1,A,30,decided,r,\n")
    words = ["--key", "shop", "--key", "no", "--output", "grade", "--output", "days", "--format", "json"]
    found = bench.run("changes", "a.csv", "b.csv", *words).json
    assert {name: one["changed"] for name, one in found["outputs"].items()} == {"grade": 1, "days": 1}
    assert [move["key"] for move in found["moves"]] == ["x 1", "y 1"]


def test_an_output_that_is_not_compared_is_still_mentioned(bench: Bench) -> None:
    """Only the last output is compared unless others are named, and no change of another column is silent."""
    head = "id,level,measure,status,rules,reason\n"
    bench.write("a.csv", head + "1,2,stop,decided,r,\n2,1,go,decided,r,\n")
    bench.write("b.csv", head + "1,3,stop,decided,r,\n2,1,go,decided,r,\n")
    found = bench.run("changes", "a.csv", "b.csv", "--key", "id")
    assert "measure: records" in found.out
    assert "other columns that changed: level in 1\n" in found.out


def test_values_that_are_too_many_for_a_table_are_counted(bench: Bench) -> None:
    """Days and amounts are told by how many rose and fell."""
    head = "id,due,status,rules,reason\n"
    days = [f"2026-01-{day:02}" for day in range(1, 21)]
    bench.write("a.csv", head + "".join(f"{day},{day},decided,r,\n" for day in days))
    later = ["2026-02-01", "2025-12-31", *days[2:]]
    bench.write("b.csv", head + "".join(f"{day},{new},decided,r,\n" for day, new in zip(days, later, strict=True)))
    found = bench.run("changes", "a.csv", "b.csv", "--key", "id")
    assert "due: 2 changed, 1 higher or later, 1 lower or earlier" in found.out


REFUSED = {
    "no key": (
        [],
        "name the column that tells records apart with --key, such as --key id; no value stands twice in id, amount\n",
    ),
    "unknown key": (["--key", "grad"], "--key: 1.csv has no column `grad`; did you mean `grade`?"),
    "unknown sum": (["--key", "id", "--sum", "amont"], "--sum: 1.csv has no column `amont`; did you mean `amount`?"),
    "unknown output": (["--key", "id", "--output", "x"], "--output: 1.csv has no column `x`"),
    "twice": (["--key", "grade"], "1.csv:4: the key `B` stands in line 3 already; a further --key column"),
    "prefix": (["--key", "id", "--prefix", "x_"], "2.csv has no column `x_status`; expected a file that"),
}


@pytest.mark.parametrize(("words", "sentence"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_matched_is_refused(bench: Bench, words: list[str], sentence: str) -> None:
    """Nothing is matched by position, and no record is counted twice."""
    found = bench.run("changes", "1.csv", "2.csv", *words)
    assert (found.code, found.out) == (2, "")
    assert found.err.startswith(f"crm-rules: {sentence}")


def test_an_empty_key_and_a_row_of_another_width_are_refused(bench: Bench) -> None:
    """A record without a name cannot be matched."""
    bench.write("3.csv", BEFORE + ",1,A,decided,top,\n")
    assert "3.csv:6: the key is empty" in bench.run("changes", "1.csv", "3.csv", "--key", "id").err
    bench.write("4.csv", BEFORE + "9,1\n")
    assert "4.csv:6: the row has 2 cells, expected 6" in bench.run("changes", "1.csv", "4.csv", "--key", "id").err


GRADES = st.sampled_from(["A", "B", "C", ""])
RUNS = st.dictionaries(st.integers(0, 12), st.tuples(GRADES, st.decimals(-9, 9, places=2)), max_size=12)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=RUNS, after=RUNS)
def test_counts_and_sums_are_those_of_counting_by_hand(
    bench: Bench, before: dict[int, tuple[str, Fraction]], after: dict[int, tuple[str, Fraction]]
) -> None:
    """Every pair of outcomes has the count and the exact sum that the two files give, and nothing else is listed."""
    for name, run in (("a.csv", before), ("b.csv", after)):
        rows = [
            f"{key},{amount:f},{grade},{'decided' if grade else 'invalid'},," for key, (grade, amount) in run.items()
        ]
        bench.write(name, "\n".join([HEADER, *rows, ""]))
    found = bench.run("changes", "a.csv", "b.csv", "--key", "id", "--sum", "amount", "--format", "json").json
    counts: Counter[tuple[str | None, str | None]] = Counter()
    sums: dict[tuple[str | None, str | None], Fraction] = {}
    for key in before.keys() | after.keys():
        pair = before.get(key, (None,))[0], after.get(key, (None,))[0]
        counts[pair] += 1
        sums[pair] = sums.get(pair, Fraction(0)) + Fraction((after.get(key) or before[key])[1])
    cells = {
        (side_of(cell["before"]), side_of(cell["after"])): (cell["records"], Fraction(cell["sum"]))
        for cell in found["outputs"]["grade"]["matrix"]
    }
    assert cells == {pair: (count, sums[pair]) for pair, count in counts.items()}
    assert len(found["moves"]) == sum(count for (one, other), count in counts.items() if one != other)


def side_of(place: dict[str, str] | None) -> str | None:
    """The grade of one side of a pair, empty for a status."""
    return None if place is None else place.get("value", "")
