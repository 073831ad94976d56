"""An interrupted run of `crm-rules decide` leaves what was there before, and nothing beside it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from crm_rules.cli import decide, parquet
from crm_rules.cli.progress import Progress
from tests.cli.orders import HEADER, ROWS, Desk, new_desk

SUFFIXES = ["csv", "jsonl", "parquet"]
WHAT_WAS = b"what was there before"


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    """A folder with policies, data, and results of an earlier run."""
    desk = new_desk(tmp_path, capsys)
    desk.write("data.csv", "\n".join([HEADER, *ROWS * 50]))
    (tmp_path / "results").mkdir()
    for suffix in SUFFIXES:
        (tmp_path / "results" / f"out.{suffix}").write_bytes(WHAT_WAS)
    return desk


def assert_untouched(desk: Desk) -> None:
    """The folder of results holds the files of before, and no other."""
    found = {path.name: path.read_bytes() for path in (desk.folder / "results").iterdir()}
    assert found == {f"out.{suffix}": WHAT_WAS for suffix in SUFFIXES}


def interrupt_after(calls: int, function: Any) -> Any:
    """The function, interrupted when it is called once more than so often."""
    left = [calls]

    def interrupted(*arguments: Any, **options: Any) -> Any:
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        return function(*arguments, **options)

    return interrupted


@pytest.mark.parametrize("engine", ["python", "polars"])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_interruption_between_chunks(desk: Desk, monkeypatch: pytest.MonkeyPatch, suffix: str, engine: str) -> None:
    """Ctrl-C while rows are decided: exit code 130, and the results of before."""
    pytest.importorskip("polars")
    pytest.importorskip("pyarrow")
    monkeypatch.setattr(decide, "CHUNK", 20)
    monkeypatch.setattr(decide, "FRAME_CHUNK", 20)
    monkeypatch.setattr(parquet, "BATCH", 20)
    monkeypatch.setattr("crm_rules.cli.progress.Progress.add", interrupt_after(3, Progress.add))
    out = desk.folder / "results" / f"out.{suffix}"
    assert desk.run("data.csv", "--engine", engine, "--out", str(out)).code == 130
    assert_untouched(desk)


def test_an_interruption_between_tables(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while tables of a Parquet file are decided."""
    pytest.importorskip("polars")
    pytest.importorskip("pyarrow")
    data = str(desk.folder / "data.parquet")
    assert desk.run("data.csv", "--out", data, "--prefix", "old_").code == 0
    monkeypatch.setattr(parquet, "BATCH", 20)
    monkeypatch.setattr("crm_rules.cli.progress.Progress.add", interrupt_after(3, Progress.add))
    out = desk.folder / "results" / "out.parquet"
    assert desk.run("data.parquet", "--engine", "polars", "--out", str(out)).code == 130
    assert_untouched(desk)


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_process_that_is_stopped(desk: Desk, sign: signal.Signals) -> None:
    """A signal to the process in the middle of its work, which a pipe holds up until the signal is sent."""
    pipe = desk.folder / "data.jsonl"
    os.mkfifo(pipe)
    code = (
        "import pathlib, signal, sys; from crm_rules.cli import decide, records, main\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a job in the background ignores it
        "signal.signal(signal.SIGHUP, signal.SIG_DFL)\n"  # and one of nohup this
        "decide.CHUNK = 1\n"
        "decide.open_data = lambda path, **_: "
        "records.Data(pathlib.Path(path), 'jsonl', ('need', 'amount', 'urgent', 'due'))\n"
        "sys.exit(main.main(sys.argv[1:]))\n"
    )
    out = desk.folder / "results" / "out.jsonl"
    words = ["decide", str(desk.folder / "policies"), str(pipe), "--policy", "order", "--out", str(out)]
    process = subprocess.Popen(
        [sys.executable, "-c", code, *words, "--engine", "python", "--progress"],
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    with process, pipe.open("w") as stream:  # opened as soon as the process reads, so the output has begun
        stream.write('{"need": "clear", "amount": 1500, "urgent": true}\n' * 5_000)
        stream.flush()
        process.send_signal(sign)
        assert process.stderr is not None
        process.stderr.read()
        assert process.wait() == 128 + sign
    assert_untouched(desk)


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("out", ["#graded", "results/out.csv"])
def test_a_database_that_is_stopped(desk: Desk, sign: signal.Signals, out: str) -> None:
    """A signal while DuckDB is at work, on a view that reads a pipe and then has rows without end."""
    duckdb = pytest.importorskip("duckdb")
    pipe = desk.folder / "needs.csv"
    os.mkfifo(pipe)
    rows = f"read_csv('{pipe}', columns={{'need': 'VARCHAR'}}, auto_detect=false, header=false), range(1000000000000)"
    with duckdb.connect(desk.folder / "shop.db") as connection:
        columns = "need, range AS amount, true AS urgent, DATE '2026-05-01' AS due"
        connection.execute(f"CREATE VIEW orders AS SELECT {columns} FROM {rows}")  # noqa: S608 - a test
    code = (
        "import signal, sys; from crm_rules.cli import main\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a job in the background ignores it
        "signal.signal(signal.SIGHUP, signal.SIG_DFL)\n"  # and one of nohup this
        "sys.exit(main.main(sys.argv[1:]))\n"
    )
    place = out if out.startswith("#") else str(desk.folder / out)
    words = ["decide", str(desk.folder / "policies"), f"duckdb:{desk.folder}/shop.db#orders", "--policy", "order"]
    process = subprocess.Popen(
        [sys.executable, "-c", code, *words, "--out", place],
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    with process:
        try:
            with pipe.open("w") as stream:  # opened as soon as the database reads
                stream.write("clear\n")
            process.send_signal(sign)
            _, said = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, said) == (128 + sign, b"interrupted\n" if sign == signal.SIGINT else b"")
    assert_untouched(desk)
    with duckdb.connect(desk.folder / "shop.db") as connection:
        assert connection.execute("SHOW TABLES").fetchall() == [("orders",)]
