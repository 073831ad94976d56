"""The mapping file: what it says is what is read, and every mistake in it is shown at its place."""

from __future__ import annotations

import csv
from datetime import date
from decimal import Decimal
from inspect import cleandoc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_rules.cli.cells import Unread, date_pattern, reader_of
from crm_rules.cli.main import main
from crm_rules.cli.mapping import FieldMapping
from crm_rules.ir.types import Boolean, Choice, Date, Money, Type
from crm_rules.source import Span, Text
from tests.cli.orders import STANDARD, Desk, new_desk

HERE = Span("mapping.yaml", 1, 1, 2)
LEVELS = Choice(("1", "2"))


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    """A folder with policies."""
    return new_desk(tmp_path, capsys)


def read(kind: Type, cell: Any, **said: Any) -> Any:
    """The fact of one cell under a mapping of its field."""
    words: dict[str, Any] = {key: Text(value, HERE) if isinstance(value, str) else value for key, value in said.items()}
    if "values" in words:
        words["values"] = {Text(text, HERE): Text(value, HERE) for text, value in words["values"].items()}
    if "empty" in words:
        words["empty"] = [Text(text, HERE) for text in words["empty"]]
    return reader_of(kind, FieldMapping(column=Text("c", HERE), **words), ())(cell)


# What it says is what is read


def test_a_mapping_feeds_fields_from_other_columns(desk: Desk) -> None:
    """Columns of other names, values of other names, constants, and a field that is missing on purpose."""
    desk.write("data.csv", "stage;sum\nWon;1.500\nLost;5\nOpen;5\n clear;5\nclear;5\nn/a;5\n")
    mapping = """
        policy: order
        delimiter: ";"
        fields:
          need: {column: stage, values: {Won: clear, Lost: none}, empty: n/a}
          amount: sum
          urgent: {constant: true}
          due: {missing: true}
        """
    desk.decide("data.csv", *desk.mapping(mapping))
    with (desk.folder / "out.csv").open(newline="") as stream:
        header, *rows = csv.reader(stream, delimiter=";")
    assert header == ["stage", "sum", "grade", "limit", "status", "rules", "reason"]
    assert [(row[0], row[4], row[2]) for row in rows] == [
        ("Won", "decided", "B"),
        ("Lost", "no_match", ""),
        ("Open", "invalid", ""),
        (" clear", "invalid", ""),
        ("clear", "invalid", ""),
        ("n/a", "invalid", ""),
    ]
    assert rows[4][6] == "Need (need): found the text `clear`, expected one of Won, Lost"


@pytest.mark.parametrize(
    ("form", "text", "day"),
    [
        ("DD/MM/YYYY", "03/01/2012", date(2012, 1, 3)),
        ("DD/MM/YYYY", "3/1/2012", None),
        ("DD/MM/YYYY", "2012-01-03", None),
        ("DD/MM/YYYY", "31/02/2012", None),
        ("DD/MM/YYYY", "03/01/2012 ", None),
        ("M/D/YYYY", "3/1/2012", date(2012, 3, 1)),
        ("M/D/YYYY", "12/31/2012", date(2012, 12, 31)),
        ("YYYYMMDD", "20120103", date(2012, 1, 3)),
        ("YYYY年M月D日", "2012年1月3日", date(2012, 1, 3)),
        ("YYYY.MM.DD", "2012x01x03", None),
        ("DD/MM/YYYY", "０3/01/2012", None),
    ],
)
def test_dates_are_read_in_one_form(form: str, text: str, day: date | None) -> None:
    """A date in the form of the mapping is a day, any other text is none."""
    assert read(Date(), text, date=form) == (Unread(text, form=form) if day is None else day)


@given(day=st.dates(), form=st.sampled_from(["DD/MM/YYYY", "MM-DD-YYYY", "YYYYMMDD", "YYYY年MM月DD日"]))
def test_a_written_date_is_read_back(day: date, form: str) -> None:
    """A day that is written in a form is read as that day."""
    text = form.replace("YYYY", f"{day.year:04}").replace("MM", f"{day.month:02}").replace("DD", f"{day.day:02}")
    assert read(Date(), text, date=form) == day


@pytest.mark.parametrize("form", ["YY-MM-DD", "DD/MM", "DD/DD/YYYY", "MM/YYYY/MM", "D.M.YYYY hh", "%d/%m/%Y", "YYYYMD"])
def test_a_form_of_dates_is_closed(form: str) -> None:
    """Two-digit years, parts that are absent or there twice, times, and what cannot be told apart are no forms."""
    assert date_pattern(form) is None


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1,234,567.5", Decimal("1234567.5")),
        ("-1,234", -1234),
        ("1234", 1234),
        ("1.5", Decimal("1.5")),
        ("1,234万", 12_340_000),
        ("1,23", None),
        ("12,34,567", None),
        ("1,2345", None),
        ("0,123", None),
        ("1,234,", None),
        ("1.234,5", None),
        (",123", None),
    ],
)
def test_thousands_stand_in_groups_of_three(text: str, number: object) -> None:
    """A separator between other groups than three digits is no separator of thousands, so nothing is guessed."""
    found = read(Money("CNY"), text, thousands=",")
    assert found == number if number is not None else isinstance(found, Unread)


@given(number=st.integers(-(10**12), 10**12), sign=st.sampled_from([",", "'", " "]))
def test_a_grouped_number_is_read_back(number: int, sign: str) -> None:
    """A number that is written in groups is read as that number."""
    assert read(Money("CNY"), f"{number:,}".replace(",", sign), thousands=sign) == number


@pytest.mark.parametrize(
    ("cell", "fact"),
    [("Yes", True), ("No", False), ("yes", Unread("yes", ("Yes", "No"))), ("", None), (None, None), ("?", None)],
)
def test_values_name_what_a_text_means(cell: object, fact: object) -> None:
    """Only a listed text has a value; an empty one is missing."""
    assert read(Boolean(), cell, values={"Yes": "true", "No": "false"}, empty=["?"]) == fact


@pytest.mark.parametrize(
    ("cell", "fact"), [(1, "2"), (True, "1"), (2, Unread("2", ("1", "true"))), ([1], Unread("[1]"))]
)
def test_values_know_json(cell: object, fact: object) -> None:
    """A JSON value is listed by its JSON text."""
    assert read(LEVELS, cell, values={"1": "2", "true": "1"}) == fact


@given(text=st.text(max_size=4))
def test_an_unlisted_text_never_has_a_value(text: str) -> None:
    """A text outside of the list is missing when empty, else unread, even when it is a choice of the field."""
    found = read(LEVELS, text, values={"one": "1"})
    assert found == ("1" if text == "one" else None if text == "" else Unread(text, ("one",)))


def test_many_different_cells_are_not_all_remembered() -> None:
    """A column of different texts does not fill the memory."""
    cells = reader_of(Money("CNY"), FieldMapping(), ())
    for number in range(120_000):
        assert cells(str(number)) == number
    assert len(cells.known) <= 50_000


# Mistakes

MISTAKES = {
    "absent-column": (
        "fields:\n  need: {column: Need}\n",
        """
        error[absent-column]: the data has no column `Need`
         --> mapping.yaml:2:18
          |
        2 |   need: {column: Need}
          |                  ^^^^
          |
          = help: did you mean `need`?
        """,
    ),
    "field-not-read": (
        "fields:\n  amonut: amount\n",
        """
        error[field-not-read]: `order` reads no field `amonut`
         --> mapping.yaml:2:3
          |
        2 |   amonut: amount
          |   ^^^^^^
          |
          = help: did you mean `amount`?
        """,
    ),
    "unknown-choice": (
        "fields:\n  need: {column: need, values: {Won: clera}}\n",
        """
        error[unknown-choice]: expected one of clear, potential, none, found `clera`
         --> mapping.yaml:2:38
          |
        2 |   need: {column: need, values: {Won: clera}}
          |                                      ^^^^^
          |
          = help: did you mean `clear`?
        """,
    ),
    "unknown-key": (
        "fields:\n  due: {colunm: due}\n",
        """
        error[unknown-key]: unknown key `colunm`
         --> mapping.yaml:2:9
          |
        2 |   due: {colunm: due}
          |         ^^^^^^
          |
          = help: did you mean `column`?
        """,
    ),
    "bad-date-form": (
        "fields:\n  due: {column: due, date: DD/MM/YY}\n",
        """
        error[bad-date-form]: `DD/MM/YY` is no form of dates
         --> mapping.yaml:2:28
          |
        2 |   due: {column: due, date: DD/MM/YY}
          |                            ^^^^^^^^
          |
          = help: write YYYY, MM (or M) and DD (or D) once each, with signs between, such as DD/MM/YYYY
        """,
    ),
    "wrong-constant": (
        "fields:\n  urgent: {constant: yes}\n",
        """
        error[wrong-constant]: expected true or false for `urgent`, found `yes`
         --> mapping.yaml:2:22
          |
        2 |   urgent: {constant: yes}
          |                      ^^^
        """,
    ),
    "mapping-of-other-policy": (
        "policy: shipping\n",
        """
        error[mapping-of-other-policy]: this maps to `shipping`, and `order` is asked
         --> mapping.yaml:1:9
          |
        1 | policy: shipping
          |         ^^^^^^^^
        """,
    ),
    "wrong-shape": (
        "- need\n",
        """
        error[wrong-shape]: expected `fields:` with a key for each field
         --> mapping.yaml:1:1
          |
        1 | - need
          | ^
        """,
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_shown_at_its_place(desk: Desk, name: str) -> None:
    """A mapping that does not fit policy or data is refused with the line, the marker and the remedy."""
    text, expected = MISTAKES[name]
    desk.write("data.csv", STANDARD)
    result = desk.run("data.csv", *desk.mapping(text))
    assert (result.code, result.out) == (2, "")
    assert result.err.splitlines()[:-2] == cleandoc(expected).splitlines()
    assert result.err.splitlines()[-1] == "1 error in 1 file"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("need: {}", "expected one of `column`, `constant` and `missing` for `need`, found none of them"),
        (
            "due: {column: due, missing: true}",
            "expected one of `column`, `constant` and `missing` for `due`, found `column` and `missing`",
        ),
        ("due: {missing: true, date: YYYYMMDD}", "`date` of `due` says how a column is read, and there is no column"),
        ("due: {missing: false}", "expected `missing: true` for `due`, or a column"),
        ("need: {missing: true}", "the field `need` is required and cannot be missing in every row"),
        (
            "amount: {column: amount, values: {a: b}}",
            "`values` is for choices and true or false, and `amount` is money in CNY",
        ),
        (
            "need: {column: need, date: DD/MM/YYYY}",
            "a form of dates is for dates, and `need` is one of clear, potential, none",
        ),
        ('due: {column: due, thousands: ","}', "`thousands` is for numbers, and `due` is a date"),
        ('need: {column: need, values: {"": none}}', "an empty cell of `need` is missing and has no value"),
    ],
)
def test_what_makes_no_sense_is_refused(desk: Desk, line: str, message: str) -> None:
    """What is said about a field must suit its type and must not contradict itself."""
    desk.write("data.csv", STANDARD)
    result = desk.run("data.csv", *desk.mapping(f"fields:\n  {line}\n"))
    assert result.code == 2
    assert result.err.splitlines()[0] == f"error[unsuited-mapping]: {message}"


def test_all_mistakes_come_at_once(desk: Desk) -> None:
    """Every finding of a mapping is shown, sorted by place."""
    desk.write("data.csv", STANDARD)
    mapping = "key: nr\nfields:\n  need: {column: x}\n  amount: y\n  other: z\n"
    result = desk.run("data.csv", *desk.mapping(mapping))
    assert [line for line in result.err.splitlines() if line.startswith("error")] == [
        "error[absent-column]: the data has no column `nr`",
        "error[absent-column]: the data has no column `x`",
        "error[absent-column]: the data has no column `y`",
        "error[field-not-read]: `order` reads no field `other`",
    ]


def test_a_field_without_a_column_is_refused(desk: Desk) -> None:
    """Without a mapping a field that has no column is refused, an optional one too, and the columns are listed."""
    desk.write("data.csv", "id,need,amount,urgent\n1,clear,5,true\n")
    result = desk.run("data.csv")
    assert result.code == 2
    assert result.err.splitlines()[:3] == [
        "error[unmapped-field]: the field `due` (a date) has no column",
        " --> data.csv:1:1",
        (
            "  = help: say in a mapping file which column feeds it or `missing: true`; "
            "there are `id`, `need`, `amount`, `urgent`"
        ),
    ]
    desk.write("data.csv", "id;need;amount;urgent;due\n")
    assert "there is only `id;need;amount;urgent;due`; is the delimiter another one?" in desk.run("data.csv").err


def test_a_mapping_names_the_policy(desk: Desk) -> None:
    """Of several policies the one that the mapping is for is asked, when no other is named."""
    data = desk.write("data.csv", STANDARD)
    words = ["decide", str(desk.folder / "policies"), data, *desk.mapping("policy: order\n")]
    assert main(words) == 0
    assert desk.capture.readouterr().out.startswith("Order check (order 1.0.0)")


@pytest.mark.parametrize(
    ("name", "content"),
    [("data.jsonl", '{"need": "clear"}\n'), ("data.json", "[]")],
)
def test_json_has_no_delimiter(desk: Desk, name: str, content: str) -> None:
    """What a mapping says about CSV is not passed over when the data is JSON."""
    desk.write(name, content)
    result = desk.run(name, *desk.mapping('delimiter: ";"\n'))
    assert (result.code, result.err) == (
        2,
        f"crm-rules: `{name}`: JSON has no delimiter and is UTF-8; the mapping says otherwise\n",
    )


def test_a_currency_column_can_be_a_constant(desk: Desk) -> None:
    """The column that names a row's currency is mapped like a field."""
    text = """
        policy: total
        kind: ladder
        version: 1.0.0
        fields: {amount: {type: money, unit: CNY, currency: money_of}}
        by: amount
        output: {level: {type: choice, one_of: [low, high]}}
        steps: |
          | id   | up to | level |
          | low  | 10    | low   |
          | high |       | high  |
        """
    desk.write("policies/total.yaml", text)
    desk.write("data.csv", "amount\n5\n")
    assert desk.run("data.csv", policy="total").code == 2
    (row,) = desk.decide("data.csv", *desk.mapping("fields: {money_of: {constant: CNY}}"), policy="total")
    assert row["level"] == "low"
    (row,) = desk.decide("data.csv", *desk.mapping("fields: {money_of: {constant: USD}}"), policy="total")
    assert row["status"] == "invalid"
    assert row["reason"] == "money_of: found the text `USD`, expected CNY, the currency of amount"
