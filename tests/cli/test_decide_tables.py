"""Tables of databases in and out of `crm-rules decide`: DuckDB in a file, and a real PostgreSQL server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from crm_rules.cli.console import UsageError
from crm_rules.cli.databases import read_address
from tests.backends.engines.postgres import ABSENT, binaries, server
from tests.cli.orders import Desk, new_desk

duckdb = pytest.importorskip("duckdb")

Run = Callable[[str], list[tuple[Any, ...]]]
TABLE = """
CREATE TABLE "the orders" (id integer, need text, "order amount" decimal(18, 2), urgent boolean, due date);
INSERT INTO "the orders" VALUES
  (1, 'clear', 1500, false, NULL), (2, 'potential', 10.5, true, NULL), (3, 'none', 5, false, DATE '2026-05-01'),
  (4, 'none', 5, false, NULL), (5, 'Clear', NULL, true, NULL), (6, 'Clear', NULL, true, NULL)
"""
MAPPING = "fields: {amount: order amount}"
ROWS = [
    (1, "A", 2.5, "decided", "big", None),
    (2, "B", 1, "decided", "rush", None),
    (3, "C", 0.5, "decided", "dated", None),
    (4, None, None, "no_match", "", "no_match: rules"),
    (5, None, None, "invalid", "", "need: not-in-choices; amount: missing"),
    (6, None, None, "invalid", "", "need: not-in-choices; amount: missing"),
]
GRADED = 'SELECT id, grade, "limit", status, rules, reason FROM graded ORDER BY id'


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    """A folder with policies."""
    return new_desk(tmp_path, capsys)


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """The address of a server with an empty database; without PostgreSQL the test is skipped."""
    pytest.importorskip("psycopg")
    programs = binaries()
    if programs is None:
        pytest.skip(ABSENT)
    with server(programs) as socket:
        yield f"postgresql://crm_rules:secret%20word@/postgres?host={socket}"


@pytest.fixture(params=["duckdb", "postgres"])
def database(request: pytest.FixtureRequest, desk: Desk) -> tuple[str, Run]:
    """The address of a database with the table, and a function that executes SQL there."""
    if request.param == "duckdb":
        address = f"duckdb:{desk.folder}/shop.db"

        def connect() -> Any:
            return duckdb.connect(desk.folder / "shop.db")

    else:
        import psycopg  # noqa: PLC0415 - optional

        address = request.getfixturevalue("postgres")

        def connect() -> Any:
            return psycopg.connect(address)

    def run(sql: str) -> list[tuple[Any, ...]]:
        with connect() as connection:
            for statement in sql.split(";"):
                found = connection.execute(statement)
            return found.fetchall() if sql.startswith("SELECT") else []

    if request.param == "postgres":
        run("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    run(TABLE)
    return address, run


def decide(desk: Desk, address: str, *options: str) -> Any:
    """Run the command on a table."""
    return desk.run_address(f"{address}#the orders", *desk.mapping(MAPPING), *options)


def test_a_new_table_holds_every_row_with_its_decision(desk: Desk, database: tuple[str, Run]) -> None:
    """The rows are decided where they are, and the summary is counted there."""
    address, run = database
    result = decide(desk, address, "--out", "#graded")
    assert (result.code, result.err) == (0, "")
    assert run(GRADED) == ROWS
    assert run('SELECT "order amount" FROM graded ORDER BY id') == run(
        'SELECT "order amount" FROM "the orders" ORDER BY id'
    )
    lines = [" ".join(line.split()) for line in result.out.splitlines()]
    assert "A at once 1 16.7 %" in lines
    assert "limit 0.5 to 2.5" in lines
    assert "data unusable 2 33.3 %" in lines
    assert lines[lines.index("why rows are undecided") + 1 :][:2] == [
        "2 need: not-in-choices; amount: missing",
        "1 no_match: rules",
    ]
    assert lines[-1] == "written to #graded"


def test_a_table_that_is_there_is_replaced_when_asked(desk: Desk, database: tuple[str, Run]) -> None:
    """A table of the name is refused, and dropped only with --replace."""
    address, run = database
    run("CREATE TABLE graded AS SELECT 1 AS kept")
    result = decide(desk, address, "--out", "#graded")
    assert (result.code, result.err) == (
        2,
        "crm-rules: --out `#graded`: there is such a table already; add --replace to drop it\n",
    )
    assert run("SELECT kept FROM graded") == [(1,)]
    assert decide(desk, address, "--out", "#graded", "--replace").code == 0
    assert run(GRADED) == ROWS


def test_what_fails_leaves_the_table_of_before(desk: Desk, database: tuple[str, Run]) -> None:
    """Dropping and making are one transaction: an error of the database undoes both, and is one sentence."""
    address, run = database
    run(
        "CREATE TABLE graded AS SELECT 1 AS kept;"
        'CREATE VIEW broken AS SELECT id, need, "order amount", urgent, CAST(need AS date) AS due FROM "the orders"'
    )
    result = desk.run_address(f"{address}#broken", *desk.mapping(MAPPING), "--out", "#graded", "--replace")
    assert result.code == 2
    assert result.err.count("\n") == 1
    assert "the database says: " in result.err
    assert "secret" not in result.err
    assert run("SELECT kept FROM graded") == [(1,)]


def test_a_table_is_read_into_a_file(desk: Desk, database: tuple[str, Run]) -> None:
    """The rows of the database as CSV, with the outputs as a file of records would have them."""
    address, _ = database
    assert decide(desk, address, "--out", str(desk.folder / "out.csv")).code == 0
    rows = sorted(desk.read("out.csv"), key=lambda row: str(row["id"]))
    assert rows[0] == {
        "id": "1",
        "need": "clear",
        "order amount": "1500.00",
        "urgent": "false",
        "due": "",
        "grade": "A",
        "limit": "2.5",
        "status": "decided",
        "rules": "big",
        "reason": "",
    }
    assert [row["status"] for row in rows] == [row[3] for row in ROWS]
    assert decide(desk, address, "--out", str(desk.folder / "out.parquet")).code == 0


def test_names_are_quoted(desk: Desk, database: tuple[str, Run]) -> None:
    """A name is a name, whatever stands in it."""
    address, run = database
    hostile = 'x"; DROP TABLE "the orders"; --'
    result = desk.run_address(f"{address}#{hostile}")
    assert result.code == 2
    assert decide(desk, address, "--out", f"#{hostile}").code == 0
    assert len(run('SELECT * FROM "the orders"')) == 6
    assert decide(desk, address, "--out", f"#{hostile}").code == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--out", "#the orders"), "this is the table that is read, which is not overwritten"),
        (("--out", "#a.b.c"), "is no table: expected #TABLE or #SCHEMA.TABLE"),
        (("--replace",), "--replace is for --out #TABLE"),
        (("--engine", "polars"), "--engine is for files: a table of a database is decided by the database"),
        (("--out", "x.xlsx"), "expected a name that ends in"),
    ],
)
def test_what_makes_no_sense_is_refused(desk: Desk, options: tuple[str, ...], message: str) -> None:
    """What cannot be done is said before anything is changed."""
    with duckdb.connect(desk.folder / "shop.db") as connection:
        connection.execute(TABLE)
    result = decide(desk, f"duckdb:{desk.folder}/shop.db", *options)
    assert result.code == 2
    assert message in result.err


Types = tuple[list[str], list[str], list[str]]
ACCEPTED: dict[str, Types] = {
    "duckdb": (
        ["ENUM('clear', 'x)')"],
        ["bigint", "utinyint", "double", "decimal(38, 4)"],
        ["timestamp", "timestamp_s", "timestamp_ms", "timestamp_ns"],
    ),
    "postgres": (
        ["varchar", "char(5)", "citext", "mood"],
        ["smallint", "bigint", "numeric", "double precision"],
        ["timestamp(0)"],
    ),
}
REFUSED = {
    "duckdb": [
        ("integer", "float", "integer", "varchar"),
        ("INTEGER", "FLOAT", "INTEGER", "VARCHAR"),
        ("json", "hugeint", "varchar", "timestamptz"),
        ("JSON", "HUGEINT", "VARCHAR", "TIMESTAMP WITH TIME ZONE"),
        ("varchar[]", "decimal(4, 1)[]", "struct(a integer)", "enum('x', 'y')"),
        ("VARCHAR[]", "DECIMAL(4,1)[]", "STRUCT", "ENUM"),
    ],
    "postgres": [
        ("integer", "real", "integer", "varchar(9)"),
        ("integer", "real", "integer", "character varying"),
        ("json", "text", "bit", "timestamptz"),
        ("json", "text", "bit", "timestamp with time zone"),
        ("text[]", "numeric(4, 1)[]", "mood", "time"),
        ("text[]", "numeric[]", "enum", "time without time zone"),
    ],
}


def system_of(address: str) -> str:
    """Which database an address is of."""
    return "duckdb" if address.startswith("duckdb") else "postgres"


def test_columns_of_the_types_of_their_fields_are_taken(desk: Desk, database: tuple[str, Run]) -> None:
    """Texts and enums, integers, decimals and floats, dates and timestamps: the same row, however it is stored."""
    address, run = database
    if system_of(address) == "postgres":
        run("CREATE EXTENSION citext; CREATE TYPE mood AS ENUM ('clear', 'other')")
    texts, numbers, dates = ACCEPTED[system_of(address)]
    usual = ("text", "integer", "date")
    for need, amount, due in [
        *((kind, *usual[1:]) for kind in texts),
        *((usual[0], kind, usual[2]) for kind in numbers),
        *((*usual[:2], kind) for kind in dates),
    ]:
        run(f"CREATE TABLE t (need {need}, amount {amount}, urgent boolean, due {due})")
        run("INSERT INTO t VALUES ('clear', 200, true, NULL)")
        result = desk.run_address(f"{address}#t", "--out", "#graded", "--replace")
        assert (result.code, result.err) == (0, ""), (need, amount, due)
        assert run("SELECT grade, status FROM graded") == [("B", "decided")]
        run("DROP TABLE t")


def test_columns_of_other_types_are_refused(desk: Desk, database: tuple[str, Run]) -> None:
    """What the database would cast is said, all columns at once, and nothing is made."""
    address, run = database
    if system_of(address) == "postgres":
        run("CREATE TYPE mood AS ENUM ('clear', 'other')")
    cases = REFUSED[system_of(address)]
    for made, shown in zip(cases[::2], cases[1::2], strict=True):
        need, amount, urgent, due = made
        run(f"CREATE TABLE t (need {need}, amount {amount}, urgent {urgent}, due {due})")
        result = desk.run_address(f"{address}#t", "--out", "#graded")
        assert result.code == 2
        assert result.err.endswith(
            f"#t`: the column `need` for the field `need` (one of clear, potential, none) holds {shown[0]}, expected "
            f"texts; the column `amount` for the field `amount` (money in CNY) holds {shown[1]}, expected signed "
            f"integers of up to 64 bits, decimals or 64-bit floats; the column `urgent` for the field `urgent` (true "
            f"or false) holds {shown[2]}, expected booleans; the column `due` for the field `due` (a date) holds "
            f"{shown[3]}, expected dates, or timestamps without a time zone; let a view of the database cast what it "
            "can\n"
        )
        run("DROP TABLE t")
    assert decide(desk, address, "--out", "#graded").code == 0  # there is none yet


def test_a_column_without_type_is_missing(desk: Desk) -> None:
    """A view of DuckDB can have one; its field has no value in any row."""
    with duckdb.connect(desk.folder / "shop.db") as connection:
        connection.execute("CREATE VIEW v AS SELECT 'clear' AS need, 200 AS amount, true AS urgent, NULL AS due")
    assert desk.run_address(f"duckdb:{desk.folder}/shop.db#v", "--strict").code == 0


def test_values_are_those_of_texts(desk: Desk, database: tuple[str, Run]) -> None:
    """A column whose texts stand for values holds texts, whatever the field is."""
    address, _ = database
    fields = "need: need, amount: order amount, urgent: {column: urgent, values: {y: true, n: false}}"
    result = desk.run_address(f"{address}#the orders", *desk.mapping(f"fields: {{{fields}}}"))
    assert result.code == 2
    assert "(true or false) holds " in result.err
    assert ", expected the texts of `values`; let a view" in result.err


def test_the_table_that_is_read_is_never_replaced(desk: Desk, database: tuple[str, Run]) -> None:
    """Whichever of its names is written, and whatever the case in DuckDB."""
    address, run = database
    run('CREATE TABLE good AS SELECT * FROM "the orders"')
    names = {"duckdb": ["GOOD", "main.good", "Main.Good", "shop.good"], "postgres": ["good", "public.good"]}
    for name in names[system_of(address)]:
        for read, made in [("good", name), (name, "good")]:
            words = (*desk.mapping(MAPPING), "--out", f"#{made}", "--replace", "--prefix", "new_")
            result = desk.run_address(f"{address}#{read}", *words)
            assert result.err == (
                f"crm-rules: --out `#{made}`: this is the table that is read, which is not overwritten\n"
            )
            assert result.code == 2
    assert len(run("SELECT * FROM good")[0]) == 5
    if system_of(address) == "postgres":
        assert desk.run_address(f"{address}#good", *desk.mapping(MAPPING), "--out", "#GOOD", "--replace").code == 0


def test_a_view_is_not_dropped(desk: Desk, database: tuple[str, Run]) -> None:
    """--replace is for tables."""
    address, run = database
    run("CREATE VIEW vw AS SELECT 1 AS kept")
    assert "there is such a table already" in decide(desk, address, "--out", "#vw").err
    result = decide(desk, address, "--out", "#vw", "--replace")
    assert (result.code, result.err) == (2, "crm-rules: --out `#vw`: `vw` is a view, which --replace does not drop\n")
    assert run("SELECT kept FROM vw") == [(1,)]


def test_a_mapping_of_texts_is_refused(desk: Desk) -> None:
    """The columns of a table have types, so that nothing is read from texts."""
    with duckdb.connect(desk.folder / "shop.db") as connection:
        connection.execute(TABLE)
    mapping = "fields: {amount: order amount, due: {column: due, date: DD/MM/YYYY}}"
    result = desk.run_address(f"duckdb:{desk.folder}/shop.db#the orders", *desk.mapping(mapping))
    assert result.code == 2
    assert "mapping.yaml: `date of due` is for texts of a file; let a view of the database say it" in result.err


def test_texts_stand_for_values(desk: Desk, database: tuple[str, Run]) -> None:
    """What a mapping file says of choices, of truth values and of all rows, the database is told."""
    address, run = database
    run(
        "CREATE TABLE deals AS SELECT id, CASE WHEN need = 'clear' THEN 'Won' ELSE need END AS deal FROM \"the orders\""
    )
    fields = "need: {column: deal, values: {Won: clear}}, amount: {constant: 1500}, urgent: {constant: false}"
    mapping = desk.mapping(f"key: id\nfields: {{{fields}, due: {{missing: true}}}}")
    assert desk.run_address(f"{address}#deals", *mapping, "--out", "#graded").code == 0
    wrong = (None, "invalid", "need: not-in-choices")
    found = run("SELECT grade, status, reason FROM graded ORDER BY id")
    assert found == [("A", "decided", None), *[wrong] * 5]


def test_columns_are_checked_as_those_of_a_file(desk: Desk) -> None:
    """An absent column is shown with those there are, a taken name with the remedy."""
    with duckdb.connect(desk.folder / "shop.db") as connection:
        connection.execute("CREATE TABLE t (need text, amount integer, urgent boolean, status text)")
    address = f"duckdb:{desk.folder}/shop.db#t"
    assert "the field `due` (a date) has no column" in desk.run_address(address).err
    result = desk.run_address(address, *desk.mapping("fields: {due: {missing: true}}"))
    assert "there is a column `status` already; choose other names with --prefix" in result.err
    result = desk.run_address(address, *desk.mapping("fields: {due: {missing: true}}"), "--prefix", "new_")
    assert result.code == 0
    assert "the data has no rows" in result.out


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://anna:geheim@db.example:5432/shop#crm.customers",
        "postgresql://db.example/shop?user=anna&password=geheim#crm.customers",
    ],
)
def test_credentials_are_never_shown(text: str) -> None:
    """Of an address host and database are shown, nothing else."""
    address = read_address(text)
    assert address.shown == "postgresql://db.example/shop#crm.customers"
    assert address.table == ("crm", "customers")


@pytest.mark.parametrize("text", ["postgresql://anna:geheim@db.example/shop", "postgresql://anna:geheim@[db/shop#t"])
def test_an_address_that_is_none_is_refused_without_its_password(text: str) -> None:
    """What cannot be read is not repeated."""
    with pytest.raises(UsageError, match="expected duckdb:FILE#TABLE or postgresql:") as caught:
        read_address(text)
    assert "geheim" not in str(caught.value)


def test_a_server_that_does_not_answer_is_a_sentence(desk: Desk) -> None:
    """A refused connection says so, without the password."""
    pytest.importorskip("psycopg")
    result = desk.run_address(f"postgresql://anna:geheim@/shop?host={desk.folder}#t")
    assert result.code == 2
    assert result.err.startswith("crm-rules: `postgresql:///shop#t`: the database says: ")
    assert "geheim" not in result.err
