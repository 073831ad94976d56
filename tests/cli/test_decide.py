"""`crm-rules decide`: every row comes back decided, and files that are no tables are refused at their line."""

from __future__ import annotations

import csv
import io
import json
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm_rules import Policy, load
from crm_rules.cli import records
from crm_rules.cli.mapping import plan_of
from crm_rules.cli.progress import Progress
from crm_rules.cli.results import complete_file
from crm_rules.cli.summary import share
from tests.cli.orders import HEADER, ROWS, STANDARD, Desk, new_desk, write_policies


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    """A folder with policies."""
    return new_desk(tmp_path, capsys)


# What comes out


def test_every_row_comes_back_with_its_decision(desk: Desk) -> None:
    """The columns of the data stay as they are, and outputs, status, rules and reason follow."""
    desk.write("data.csv", STANDARD)
    desk.decide("data.csv")
    assert (desk.folder / "out.csv").read_text("utf-8").splitlines() == [
        HEADER + ",grade,limit,status,rules,reason",
        ROWS[0] + ",A,2.5,decided,big,",
        ROWS[1] + ",B,1,decided,rush,",
        ROWS[2] + ",C,0.5,decided,dated,",
        ROWS[3] + ",,,no_match,,no rule covers this record",
    ]


def test_the_summary_counts_outcomes(desk: Desk) -> None:
    """Without --out only the summary is printed: outcomes, statuses, and why rows are undecided."""
    desk.write("data.csv", STANDARD)
    result = desk.run("data.csv")
    assert result.code == 0
    *lines, speed = result.out.splitlines()
    assert lines == [
        "Order check (order 1.0.0): data.csv",
        "",
        "Grade (grade)  rows   share",
        "─────────────  ────  ──────",
        "A  at once        1  25.0 %",
        "B                 1  25.0 %",
        "C                 1  25.0 %",
        "",
        "limit  0.5 to 2.5",
        "",
        "status           rows   share",
        "───────────────  ────  ──────",
        "decided             3  75.0 %",
        "no rule matches     1  25.0 %",
        "",
        "why rows are undecided",
        "1  no rule covers this record (first in line 5)",
        "",
    ]
    assert speed.startswith("4 rows in ")


def test_the_summary_is_chinese_when_asked(desk: Desk) -> None:
    """With --lang zh labels, statuses and reasons are Chinese, and the columns align on the screen."""
    desk.write("data.csv", f"{HEADER}\n1,clear,1500,false,\n2,看看,5,no,\n")
    result = desk.run("data.csv", "--lang", "zh", "--out", "-")
    assert result.out.splitlines()[2] == (
        "2,看看,5,no,,,,invalid,,需求（need）：现为文字“看看”，应为下列之一：clear、potential、none；"
        "urgent：现为文字“no”，应为是或否（true 或 false）"
    )
    assert result.err.splitlines()[:7] == [
        "订单审核 (order 1.0.0): data.csv",
        "",
        "等级 (grade)  行数    占比",
        "────────────  ────  ──────",
        "A  立即处理      1  50.0 %",
        "B                0   0.0 %",
        "C                0   0.0 %",
    ]
    assert "资料有误     1  50.0 %" in result.err


@pytest.mark.parametrize(
    ("count", "total", "text"),
    [(2, 3, "66.7 %"), (1, 3, "33.3 %"), (1, 2000, "0.1 %"), (1, 2001, "0.0 %"), (3, 3, "100.0 %")],
)
def test_shares_are_rounded_half_up(count: int, total: int, text: str) -> None:
    """Shares have one decimal, a half rounded up."""
    assert share(count, total) == text


def test_strict_fails_on_undecided_rows(desk: Desk) -> None:
    """Undecided rows are data and no failure, unless --strict says so."""
    desk.write("data.csv", STANDARD)
    assert desk.run("data.csv").code == 0
    assert desk.run("data.csv", "--strict").code == 1
    desk.write("data.csv", f"{HEADER}\n{ROWS[0]}\n")
    assert desk.run("data.csv", "--strict").code == 0


def test_a_table_without_any_decision_is_warned_of(desk: Desk) -> None:
    """A wrong mapping leaves every row undecided: a nightly job reads that on standard error."""
    desk.write("data.csv", f"{HEADER}\n1,Clear,,yes,01/05/2026\n")
    assert "no row was decided" in desk.run("data.csv").err
    desk.write("data.csv", STANDARD)
    assert "no row was decided" not in desk.run("data.csv").err


def test_an_invalid_row_says_field_found_and_expected(desk: Desk) -> None:
    """A text that its field cannot read makes the row invalid, and the reason names both."""
    desk.write("data.csv", f"{HEADER}\n1,Clear,,yes,01/05/2026\n")
    (row,) = desk.decide("data.csv")
    assert row["status"] == "invalid"
    assert row["grade"] == row["limit"] == row["rules"] == ""
    assert row["reason"] == (
        "Need (need): found the text `Clear`, expected one of clear, potential, none; "
        "Amount (amount): missing, expected money in CNY; "
        "urgent: found the text `yes`, expected true or false; "
        "due: found the text `01/05/2026`, expected a date"
    )


def test_a_conflict_names_the_rules(desk: Desk) -> None:
    """Rules that contradict each other are named in the reason."""
    desk.write("data.csv", f"{HEADER},weight\n1,clear,1500,false,,15\n")
    (row,) = desk.decide("data.csv", policy="shipping")
    assert (row["status"], row["rules"]) == ("conflict", "light;best")
    assert row["reason"] == "these rules contradict each other: light, best"


def test_a_chain_is_decided_from_one_row(desk: Desk) -> None:
    """A policy that requires another is decided through it, and blocked with the other's reason."""
    lines = ["1,potential,5,true,,25", "2,none,5,true,,25", "3,?,5,true,,25"]
    desk.write("data.csv", "\n".join([f"{HEADER},weight", *lines]))
    rows = desk.decide("data.csv", policy="shipping")
    assert [(row["carrier"], row["status"], row["rules"]) for row in rows] == [
        ("truck", "decided", "heavy"),
        ("", "blocked", ""),
        ("", "blocked", ""),
    ]
    assert rows[1]["reason"] == "grade: no rule covers this record"
    assert rows[2]["reason"] == "grade: Need (need): found the text `?`, expected one of clear, potential, none"


def test_only_undecided_requirements_are_reasons(desk: Desk) -> None:
    """A row that waits for one of two decisions says for which one."""
    text = """
        policy: both
        kind: decision-table
        version: 1.0.0
        requires: {grade: order.grade, carrier: shipping.carrier}
        output: {route: {type: choice, one_of: [x, y]}}
        rules: |
          | id | grade | carrier | route |
          | a  | A     | truck   | x     |
          | b  | -     | post    | y     |
        """
    desk.write("policies/both.yaml", text)
    desk.write("data.csv", f"{HEADER},weight\n1,clear,1500,false,,15\n")
    (row,) = desk.decide("data.csv", policy="both")
    assert (row["status"], row["reason"]) == ("blocked", "carrier: these rules contradict each other: light, best")


def test_a_given_decision_replaces_the_required_one(desk: Desk) -> None:
    """With --given the fields that only the required policy reads are not asked for."""
    desk.write("data.csv", "weight\n25\n")
    assert [row["carrier"] for row in desk.decide("data.csv", "--given", "grade=B", policy="shipping")] == ["truck"]
    assert desk.run("data.csv", "--given", "grade", policy="shipping").code == 2


def test_added_columns_do_not_collide(desk: Desk) -> None:
    """A column of the data that is called like an added one is refused, or the additions get a prefix."""
    desk.write("data.csv", f"{HEADER},status,grade\n{ROWS[0]},old,Z\n")
    result = desk.run("data.csv")
    assert result.code == 2
    assert result.err == (
        "crm-rules: data.csv: there is a column `grade`, `status` already; "
        "choose other names with --prefix, such as --prefix new_\n"
    )
    (row,) = desk.decide("data.csv", "--prefix", "new_")
    assert (row["status"], row["grade"], row["new_status"], row["new_grade"]) == ("old", "Z", "decided", "A")


# JSON


def test_json_lines_keep_their_source(desk: Desk) -> None:
    """An object of JSON Lines is written as it stood, with the additions as members."""
    line = '{ "need":"clear", "amount": 1500.10, "urgent": false, "due": null, "x": {"y": [1.0, "\\u00e9"]}}'
    desk.write("data.jsonl", f"{line}\n\n{{}}\n")
    desk.decide("data.jsonl", *desk.mapping("fields: {}"), out="out.jsonl")
    first, second = (desk.folder / "out.jsonl").read_text("utf-8").splitlines()
    added = '"grade": "A", "limit": 2.5, "status": "decided", "rules": "big", "reason": ""}'
    assert first == "{" + line[1:-1].strip() + ", " + added
    assert json.loads(second)["status"] == "invalid"
    assert json.loads(second)["grade"] is None


def test_json_becomes_csv_with_all_keys(desk: Desk) -> None:
    """A CSV of JSON has a column for every key of any object; nested values are JSON there."""
    array = """[
      {"need": "clear", "amount": 1500, "urgent": true, "due": "2026-01-31"},
      {"need": "none", "amount": "500万", "urgent": true, "due": "", "tags": ["a", 1.50]}
    ]"""
    desk.write("data.json", array)
    rows = desk.decide("data.json")
    assert list(rows[0])[:5] == ["need", "amount", "urgent", "due", "tags"]
    assert [list(row.values())[:5] for row in rows] == [
        ["clear", "1500", "true", "2026-01-31", ""],
        ["none", "500万", "true", "", '["a", 1.50]'],
    ]
    assert [row["status"] for row in rows] == ["decided", "no_match"]


def test_json_values_are_not_coerced(desk: Desk) -> None:
    """A JSON number is no boolean and no choice, and a list is no value at all."""
    objects = [
        {"need": "clear", "amount": True, "urgent": 1, "due": None},
        {"need": ["clear"], "amount": 1, "urgent": False},
    ]
    desk.write("data.jsonl", "\n".join(map(json.dumps, objects)))
    rows = desk.decide("data.jsonl", out="out.jsonl")
    assert rows[0]["reason"] == (
        "Amount (amount): found true, expected money in CNY; urgent: found 1, expected true or false"
    )
    assert rows[1]["reason"].startswith('Need (need): found the text `["clear"]`')


def test_csv_becomes_json_lines(desk: Desk) -> None:
    """JSON Lines of CSV hold the texts of the cells, and outputs with their types."""
    desk.write("data.csv", STANDARD)
    rows = desk.decide("data.csv", out="out.jsonl")
    assert rows[0] == {
        **dict(zip(HEADER.split(","), ROWS[0].split(","), strict=True)),
        "grade": "A",
        "limit": 2.5,
        "status": "decided",
        "rules": "big",
        "reason": "",
    }
    assert rows[3]["limit"] is None


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("d.jsonl", '{"a": 1}\n{"a": }\n', "d.jsonl:2: this is no JSON: expecting value"),
        ("d.jsonl", '{"a": 1}\n{"a": 1, "a": 2}\n', "d.jsonl:2: this JSON cannot be used: `a` stands there twice"),
        ("d.jsonl", '{"a": NaN}\n', "d.jsonl:1: this JSON cannot be used: `NaN` is no number"),
        ("d.jsonl", "[1]\n", "d.jsonl:1: expected an object, found other JSON"),
        ("d.jsonl", '{"a": 1} {"a": 2}\n', "d.jsonl:1: there is more on the line after the object"),
        ("d.json", '{"a": 1}', "d.json:1: expected an array of objects; one object a line is JSON Lines (.jsonl)"),
        ("d.json", '[{"a": 1}\n{"a": 2}]', "d.json:2: expected `,` or `]` after an object"),
        ("d.json", '[{"a": 1},\n]', "d.json:1: expected an object after the last `,`"),
        ("d.json", '[{"a": 1},\n{"b": x}]', "d.json:2: this is no JSON: expecting value"),
        ("d.json", '[{"a": 1}]\n[]', "d.json:2: there is more after the end of the array"),
        ("d.json", '[{"a": 1}', "d.json:1: expected `,` or `]` after an object"),
    ],
)
def test_broken_json_is_refused_at_its_line(desk: Desk, name: str, content: str, message: str) -> None:
    """JSON that cannot be read says where, and nothing is written."""
    desk.write(name, content)
    result = desk.run(name, "--out", str(desk.folder / "out.csv"))
    assert (result.code, result.err) == (2, f"crm-rules: {message}\n")
    assert sorted(path.name for path in desk.folder.iterdir()) == [name, "policies"]


# Hostile CSV


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "`d.csv` is empty: expected a line with the names of the columns"),
        (b"\xef\xbb\xbf", "`d.csv` is empty: expected a line with the names of the columns"),
        (b"a,b,a\n1,2,3\n", "d.csv:1: every column needs a name of its own: `a` is column 1 and 3"),
        (
            b"id,need,amount,urgent,due\n1,clear,5,true,\n2,\xff,5,true,\n",
            (
                "d.csv:3: this is not utf-8 text; "
                "save it as UTF-8, or say `encoding: gb18030` in the mapping file if it is"
            ),
        ),
        (
            b"id,need,amount,urgent,due\n1,cl\0ear,5,true,\n",
            "d.csv:2: there is a NUL byte, so this is no text file; save it as UTF-8",
        ),
        (
            b'id,need,amount,urgent,due\n1,clear,5,true,\n"2,clear\n,5,true,\n',
            "d.csv:3: a quote is opened here and never closed",
        ),
        (
            b'id,need,amount,urgent,due\n"a"b,clear,5,true,\n',
            'd.csv:2: text stands behind a closing quote; write a quote inside of a quoted cell twice: ""',
        ),
        (
            b'id,need,amount,urgent,due\n"' + b"x" * 140_000 + b'",clear,5,true,\n',
            "d.csv:2: a cell has more than 131072 characters; is a quote not closed?",
        ),
    ],
)
def test_what_is_no_table_is_refused_at_its_line(desk: Desk, content: bytes, message: str) -> None:
    """A file that cannot be read says where, and leaves nothing behind, a half-written file included."""
    desk.write("d.csv", content)
    result = desk.run("d.csv", "--out", str(desk.folder / "out.csv"))
    assert (result.code, result.out, result.err) == (2, "", f"crm-rules: {message}\n")
    assert sorted(path.name for path in desk.folder.iterdir()) == ["d.csv", "policies"]


def test_a_line_without_end_does_not_fill_the_memory(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line longer than any table has is refused before it is read to its end."""
    monkeypatch.setattr(records, "MAX_LINE", 100)
    desk.write("d.csv", f"{HEADER}\n" + "x" * 1_000)
    assert desk.run("d.csv").err == "crm-rules: d.csv:2: a line has at most 100 characters\n"


def test_ragged_rows_are_kept_as_invalid(desk: Desk) -> None:
    """A row of another width is not guessed at: it is invalid, and its surplus cells stand in the reason."""
    desk.write("data.csv", f"{HEADER}\n1,clear\n\n2,clear,1500,true,,x,y\n{ROWS[0]}\n")
    rows = desk.decide("data.csv")
    assert [(row["id"], row["status"], row["reason"]) for row in rows] == [
        ("1", "invalid", "the row has 2 cells, expected 5"),
        ("2", "invalid", "the row has 7 cells, expected 5; beyond the columns: `x`, `y`"),
        ("1", "decided", ""),
    ]
    assert [row["need"] for row in rows] == ["clear", "clear", "clear"]


def test_line_ends_marks_and_quotes_are_read(desk: Desk) -> None:
    """A byte order mark, CRLF, and quoted cells with commas, quotes and line breaks come through untouched."""
    text = f'{HEADER}\r\n"a ""b""\r\nc, d",clear,1500,false,\r\n'
    desk.write("data.csv", b"\xef\xbb\xbf" + text.encode())
    desk.run("data.csv", "--out", str(desk.folder / "out.csv"))
    written = (desk.folder / "out.csv").read_bytes()
    assert written.startswith(b"\xef\xbb\xbfid,")
    (row,) = csv.DictReader(io.StringIO(written.decode("utf-8-sig"), newline=""))
    assert (row["id"], row["grade"]) == ('a "b"\r\nc, d', "A")


def test_only_a_header_is_a_table_without_rows(desk: Desk) -> None:
    """A header alone gives a header alone."""
    desk.write("data.csv", HEADER)
    assert desk.decide("data.csv") == []
    assert "the data has no rows" in desk.run("data.csv").out


def test_chinese_headers_and_values_in_gb18030(desk: Desk) -> None:
    """A file of a Chinese spreadsheet is read in its encoding and written in it."""
    mapping = """
        encoding: gb18030
        key: 客户
        fields:
          need: {column: 需求, values: {明显: clear, 没有: none}}
          amount: {column: 金额, thousands: ","}
          urgent: {constant: false}
          due: {missing: true}
        """
    desk.write("data.csv", '客户,需求,金额\n甲,明显,"1,500"\n乙,潜在,5\n丙,没有,5\n'.encode("gb18030"))
    result = desk.run("data.csv", "--lang", "zh", "--out", str(desk.folder / "out.csv"), *desk.mapping(mapping))
    assert result.code == 0
    rows = list(csv.DictReader(io.StringIO((desk.folder / "out.csv").read_text("gb18030"))))
    assert [(row["客户"], row["grade"], row["status"], row["reason"]) for row in rows] == [
        ("甲", "A", "decided", ""),
        ("乙", "", "invalid", "需求（need）：现为文字“潜在”，应为下列之一：明显、没有"),
        ("丙", "", "no_match", "没有规则覆盖这条记录"),
    ]
    assert "（首见于第 3 行, 乙）" in result.out


# Places to write to


@pytest.mark.parametrize(
    ("out", "message"),
    [
        ("out.xlsx", "expected a name that ends in .csv, .jsonl, .ndjson, .parquet, or - for standard output"),
        ("no/out.csv", "there is no folder"),
        ("folder.csv", "there is something of this name that is no file"),
        ("data.csv", "this is the data file, which is not overwritten"),
    ],
)
def test_a_place_that_cannot_be_written_is_refused(desk: Desk, out: str, message: str) -> None:
    """Where to write is checked before anything runs."""
    desk.write("data.csv", STANDARD)
    (desk.folder / "folder.csv").mkdir()
    result = desk.run("data.csv", "--out", str(desk.folder / out))
    assert result.code == 2
    assert message in result.err
    assert (desk.folder / "data.csv").read_text() == STANDARD


def test_a_file_appears_when_it_is_complete(tmp_path: Path) -> None:
    """An interruption leaves the file of before, and nothing beside it."""
    place = tmp_path / "out.csv"
    place.write_text("before")

    def interrupted() -> None:
        with complete_file(place, "utf-8") as stream:
            stream.write("half")
            stream.flush()
            assert place.read_text() == "before"
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("out.csv", "before")]
    with complete_file(place, "utf-8") as stream:
        stream.write("after")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("out.csv", "after")]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("dato.csv", "there is no data file `dato.csv`; did you mean `data.csv`?"),
        ("policies", "`policies` is a folder: expected a data file"),
        ("data.xlsx", "`data.xlsx`: expected a data file that ends in .csv, .tsv, .jsonl, .ndjson, .json, .parquet"),
    ],
)
def test_data_that_is_not_there_is_refused(desk: Desk, name: str, message: str) -> None:
    """A data file that does not exist, or of an unknown form, is refused with what there is."""
    desk.write("data.csv", STANDARD)
    desk.write("data.xlsx", b"PK")
    result = desk.run(name)
    assert (result.code, result.err) == (2, f"crm-rules: {message}\n")


def test_blank_parameters_are_refused_before_the_data(desk: Desk) -> None:
    """A policy that cannot decide says which parameters are blank."""
    text = """
        policy: blank
        kind: ladder
        version: 1.0.0
        fields: {amount: {type: number}}
        parameters: {border: {type: number}}
        by: amount
        output: {level: {type: choice, one_of: [low, high]}}
        steps: |
          | id   | up to   | level |
          | low  | $border | low   |
          | high |         | high  |
        """
    desk.write("blank.yaml", text)
    (desk.folder / "blank.yaml").rename(desk.folder / "policies" / "blank.yaml")
    result = desk.run("data.csv", policy="blank")
    assert (result.code, result.err) == (
        2,
        "crm-rules: `blank` cannot decide: these parameters are blank: blank.$border\n",
    )


# Much data


@pytest.mark.slow
def test_many_rows_take_little_memory(desk: Desk) -> None:
    """A hundred thousand rows pass in chunks: the memory does not grow with the data, and no row is lost."""
    count = 100_000
    decide = ("data.csv", "--engine", "python", "--out", str(desk.folder / "out.csv"))
    write_orders(desk, count)
    assert desk.run(*decide).code == 0
    with (desk.folder / "out.csv").open() as stream:
        assert [line.split(",", 1)[0] for line in stream][1:] == [str(number) for number in range(count)]
    write_orders(desk, 30_000)  # too large as well, if it were kept; watching memory takes five times as long
    tracemalloc.start()
    assert desk.run(*decide).code == 0
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8_000_000


def write_orders(desk: Desk, count: int) -> None:
    """A data file of so many orders."""
    with (desk.folder / "data.csv").open("w") as stream:
        stream.write(HEADER + "\n")
        stream.writelines(f"{number},clear,{1000 + number % 7},false,\n" for number in range(count))


def test_progress_is_one_line_that_goes_away() -> None:
    """Long work shows rows done on one line and clears it; short or unwatched work shows nothing."""
    stream = io.StringIO()
    with Progress(stream, shown=True, quiet=0) as progress:
        progress.add(12_000)
    shown, cleared = stream.getvalue().split("\r")[1:3]
    assert shown.startswith("12,000 rows")
    assert cleared == " " * len(shown)
    silent = io.StringIO()
    with Progress(silent, shown=False, quiet=0) as progress:
        progress.add(1)
    with Progress(silent, shown=True) as progress:
        progress.add(1)
    assert silent.getvalue() == ""


def test_reasons_in_the_summary_are_bounded(desk: Desk) -> None:
    """The most frequent reasons are shown, and all others counted, however many different texts there are."""
    lines = [f"{number},x{number},5,true," for number in range(1_200)] + ["1,other,5,true,"] * 3
    desk.write("data.csv", "\n".join([HEADER, *lines[-3:], *lines]))
    out = desk.run("data.csv").out.splitlines()
    start = out.index("why rows are undecided")
    assert out[start + 1].startswith("    6  Need (need): found the text `other`")
    assert out[start + 1].endswith("(first in line 2)")
    assert out[start + 6] == "1,196  other reasons"


def test_one_cause_is_one_reason(desk: Desk) -> None:
    """Dates in a wrong form are one reason with all their rows; a word that is no choice stays one of its own."""
    dates = [f"{number},clear,5,true,{number:02}/05/2026" for number in range(1, 21)]
    words = ["30,urgent,5,true,", "31,later,5,true,"]
    desk.write("data.csv", "\n".join([HEADER, *dates, *words]))
    out = desk.run("data.csv").out.splitlines()
    start = out.index("why rows are undecided")
    assert out[start + 1].startswith("20  ")
    assert "found the text `01/05/2026`" in out[start + 1]
    assert out[start + 1].endswith(", and the like (first in line 2)")
    assert [line[:4] for line in out[start + 2 : start + 4]] == [" 1  ", " 1  "]
    assert ["and the like" in line for line in out[start + 2 : start + 4]] == [False, False]
    assert not any("other reasons" in line for line in out)


# Properties

CELLS = {
    "need": st.sampled_from(["clear", "potential", "none", "", "Clear", " clear", "没有"]),
    "amount": st.sampled_from(["", "0", "999.99", "1000", "1_000", "1,000", "-1", "1e3", "500万", "NaN", "x"]),
    "urgent": st.sampled_from(["true", "false", "", "True", "1"]),
    "due": st.sampled_from(["", "2026-05-01", "2026-02-30", "01/05/2026", "1899-01-01"]),
}


@pytest.fixture(scope="module")
def order(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    """The policy `order`."""
    folder = tmp_path_factory.mktemp("pack")
    write_policies(folder)
    return load(folder / "policies")["order"]


@given(row=st.fixed_dictionaries(CELLS))
def test_a_row_of_texts_means_what_the_policy_reads(order: Policy, row: dict[str, str]) -> None:
    """Without a mapping a CSV row is decided as `policy.decide(policy.read(row))`."""
    plan = plan_of(order, (), tuple(row), "data.csv", None)
    mine, other = order.decide(plan.facts(list(row.values()))), order.decide(order.read(row))
    assert (mine.status, mine.outputs) == (other.status, other.outputs)
    assert {problem.field for problem in mine.problems} == {problem.field for problem in other.problems}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(rows=st.lists(st.fixed_dictionaries(CELLS), max_size=8))
def test_a_file_is_decided_row_by_row(desk: Desk, order: Policy, rows: list[dict[str, str]]) -> None:
    """Each row of the output is the decision of that row alone, in the order of the data."""
    with (desk.folder / "data.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(CELLS))
        writer.writeheader()
        writer.writerows(rows)
    found = desk.decide("data.csv")
    assert [{name: row[name] for name in CELLS} for row in found] == rows
    for row, text in zip(found, rows, strict=True):
        decision = order.decide(order.read(text))
        assert (row["status"], row["rules"]) == (decision.status, ";".join(decision.rules))
        assert row["grade"] == decision.outputs.get("grade", "")
        assert bool(row["reason"]) == (decision.status != "decided")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(
    cells=st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff"), max_size=6), min_size=1
    )
)
def test_texts_of_other_columns_come_through(desk: Desk, cells: list[str]) -> None:
    """Whatever a cell holds, quotes and line breaks included, is written as it was."""
    with (desk.folder / "data.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["note", *HEADER.split(",")])
        writer.writerows([cell, *ROWS[0].split(",")] for cell in cells)
    desk.decide("data.csv")
    text = (desk.folder / "out.csv").read_bytes().decode("utf-8")
    assert [row["note"] for row in csv.DictReader(io.StringIO(text, newline=""))] == cells
