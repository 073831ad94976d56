# ruff: noqa: PLR2004 - the figures are the rules
"""Tables of customers, by policy and by hand: `python benchmarks/columns.py [rows] [rounds]`.

The grade of the sample company on Polars and DuckDB, against expressions and SQL text written by hand with the same
guards; then a disjoint table of 200 rules over 8 fields. What is compared runs interleaved in one process; the median
of the rounds' ratios of processor time counts, rows a second are of the fastest round by the clock. The bound that
nobody passes, reading each column once, is printed beside them. Memory is the peak of a process of its own.
"""

from __future__ import annotations

import gc
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from typing import Any

import duckdb
import numpy as np
import polars as pl
import workloads  # type: ignore[import-not-found] # found beside this script

import crm_rules
from crm_rules.policy import Policy

TODAY = date(2026, 11, 21)
ROWS = 10_000_000
ROUNDS = 5
INFLUENCE = ("leader", "key", "minor", "sporadic")
DATES = (date(1900, 1, 1), date(2199, 12, 31))
YEAR_AGO = date(2025, 11, 21)
OUTPUTS = ("outputs",)
EXPLAINED = ("outputs", "status", "rules")


def customers(rows: int) -> pl.DataFrame:
    """Customers of every kind, a few of them with a fact that is missing, out of range or unknown."""
    random = np.random.default_rng(20261121)
    influence = np.array([*INFLUENCE, "none"])[random.choice(5, rows, p=[0.2, 0.25, 0.3, 0.24, 0.01])]
    since = np.datetime64("2015-01-01") + random.integers(0, 4_300, rows)
    frame = pl.DataFrame(
        {
            "contract_amount": random.integers(-50_000, 8_000_000, rows).astype(float),
            "paid_in_time": random.random(rows) < 0.8,
            "receivable": random.integers(0, 1_000_000, rows).astype(float),
            "premium": np.round(random.random(rows) * 0.3, 3),
            "influence": influence,
            "first_dealing": since.astype("datetime64[D]"),
        }
    )
    number = pl.int_range(rows)
    return frame.with_columns(
        contract_amount=pl.when(number % 50 == 0).then(None).otherwise(pl.col("contract_amount")),
        premium=pl.when(number % 70 == 0).then(float("nan")).otherwise(pl.col("premium")),
    )


def fits(name: str) -> pl.Expr:
    """A number that the policy accepts: finite, of at most 34 digits before and behind the point."""
    column = pl.col(name)
    return (column > -1e35) & (column < 1e35) & ((column >= 1e-34) | (column <= -1e-34) | (column == 0))


def guard() -> pl.Expr:
    """The facts that the policy accepts."""
    amount, since = pl.col("contract_amount"), pl.col("first_dealing")
    present = pl.all_horizontal(pl.col(name).is_not_null() for name in customers(0).columns)
    known = pl.col("influence").is_in(INFLUENCE) & (since >= DATES[0]) & (since <= DATES[1])
    return present & fits("contract_amount") & (amount >= 0) & fits("receivable") & fits("premium") & known


def grade_by_hand() -> pl.Expr:
    """The rules of `abc-grade` as nested `when`."""
    amount, receivable, premium = (pl.col(name) for name in ("contract_amount", "receivable", "premium"))
    influence = pl.col("influence")
    paid = pl.col("paid_in_time")
    of_amount = pl.when(~paid).then(1).when(amount >= 5e6).then(4).when(amount >= 2e6).then(3)
    of_amount_rest = of_amount.when(amount >= 5e5).then(2).otherwise(1)
    of_receivable = pl.when(receivable <= 1e5).then(4).when(receivable <= 3e5).then(3).when(receivable <= 8e5).then(2)
    of_premium = pl.when(premium >= 0.15).then(4).when(premium >= 0.1).then(3).when(premium >= 0.05).then(2)
    of_influence = pl.when(influence == "leader").then(4).when(influence == "key").then(3)
    of_influence_rest = of_influence.when(influence == "minor").then(2).otherwise(1)
    total = of_amount_rest + of_receivable.otherwise(1) + of_premium.otherwise(1) + of_influence_rest
    by_total = pl.when(total >= 14).then(pl.lit("A")).when(total >= 12).then(pl.lit("B"))
    grade = by_total.when(total >= 10).then(pl.lit("C")).otherwise(pl.lit("ungraded"))
    graded = pl.when(pl.col("first_dealing") > YEAR_AGO).then(pl.lit("C")).otherwise(grade)
    return pl.when(guard()).then(graded).otherwise(None)


SQL_BY_HAND = """
SELECT t.*,
  CASE
    WHEN NOT (contract_amount IS NOT NULL AND paid_in_time IS NOT NULL AND receivable IS NOT NULL
      AND premium IS NOT NULL
      AND contract_amount >= 0 AND contract_amount < 1e35 AND (contract_amount >= 1e-34 OR contract_amount = 0)
      AND receivable > -1e35 AND receivable < 1e35 AND (abs(receivable) >= 1e-34 OR receivable = 0)
      AND premium > -1e35 AND premium < 1e35 AND (abs(premium) >= 1e-34 OR premium = 0)
      AND influence IN ('leader', 'key', 'minor', 'sporadic')
      AND first_dealing BETWEEN DATE '1900-01-01' AND DATE '2199-12-31') THEN NULL
    WHEN first_dealing > DATE '2025-11-21' THEN 'C'
    WHEN total >= 14 THEN 'A' WHEN total >= 12 THEN 'B' WHEN total >= 10 THEN 'C' ELSE 'ungraded'
  END AS grade
FROM (
  SELECT *,
    CASE WHEN NOT paid_in_time THEN 1 WHEN contract_amount >= 5000000 THEN 4 WHEN contract_amount >= 2000000 THEN 3
      WHEN contract_amount >= 500000 THEN 2 ELSE 1 END
    + CASE WHEN receivable <= 100000 THEN 4 WHEN receivable <= 300000 THEN 3 WHEN receivable <= 800000 THEN 2 ELSE 1 END
    + CASE WHEN premium >= 0.15 THEN 4 WHEN premium >= 0.1 THEN 3 WHEN premium >= 0.05 THEN 2 ELSE 1 END
    + CASE influence WHEN 'leader' THEN 4 WHEN 'key' THEN 3 WHEN 'minor' THEN 2 ELSE 1 END AS total
  FROM customers
) AS t
"""


class Timed:
    """Something that is run over all rows, its processor times and its best time by the clock."""

    def __init__(self, name: str, work: Callable[[], Any]) -> None:
        self.name = name
        self.work = work
        self.spent: list[float] = []
        self.best = float("inf")

    def run(self) -> None:
        """One round."""
        gc.collect()
        clock, spent = time.perf_counter(), time.process_time()
        self.work()
        self.spent.append(time.process_time() - spent)
        self.best = min(self.best, time.perf_counter() - clock)


def compare(rows: int, rounds: int, workers: list[Timed], goals: dict[str, float]) -> None:
    """Run all in turn, and print each against the first."""
    for _ in range(rounds):
        for worker in workers:
            worker.run()
    first = workers[0]
    for worker in workers:
        ratio = statistics.median(a / b for a, b in zip(worker.spent, first.spent, strict=True))
        goal = goals.get(worker.name)
        told = "" if goal is None else f"goal ≤ {goal} ×  {'reached' if ratio <= goal else 'MISSED'}"
        print(f"{worker.name:<58} {rows / worker.best / 1e6:6.1f} M rows/s  {ratio:5.2f} ×   {told}")


def on_polars(frame: pl.DataFrame, policy: Policy) -> list[Timed]:
    """The grade on Polars."""
    lazy = frame.lazy()
    every = (pl.all().null_count(), pl.all().max().name.suffix("_"))
    return [
        Timed("Polars: grade by hand", lambda: lazy.with_columns(grade=grade_by_hand()).collect()),
        Timed("Polars: decide_frame, outputs", lambda: policy.decide_frame(lazy, today=TODAY, add=OUTPUTS).collect()),
        Timed("Polars: decide_frame, outputs, status, rules",
              lambda: policy.decide_frame(lazy, today=TODAY, add=EXPLAINED).collect()),
        Timed("Polars: reading the columns once", lambda: lazy.select(every).collect()),
    ]  # fmt: skip


def on_duckdb(frame: pl.DataFrame, policy: Policy) -> list[Timed]:
    """The grade on DuckDB: the text by hand, the text of `to_sql`, and `decide_frame` over a relation."""
    connection = duckdb.connect()
    connection.register("customers_frame", frame.to_arrow())
    connection.execute("CREATE TABLE customers AS SELECT * FROM customers_frame")
    text = policy.to_sql(dialect="duckdb", table="customers", today=TODAY, add=OUTPUTS)

    def query(sql: str) -> Callable[[], Any]:
        relation = connection.sql(sql)
        return lambda: relation.aggregate("count(*), count(grade), max(grade)").fetchall()

    if query(SQL_BY_HAND)() != query(text)():
        raise AssertionError("the answers differ")
    return [
        Timed("DuckDB: CASE by hand", query(SQL_BY_HAND)),
        Timed("DuckDB: to_sql, outputs", query(text)),
    ]


def large_table(rows: int, rounds: int) -> None:
    """A disjoint table of 200 rules over 8 fields on Polars."""
    program, records = workloads.large_table()
    policy = Policy(program)
    rows = min(rows, 2_000_000)
    sample = pl.DataFrame(records[:1_000])
    frame = sample[np.random.default_rng(1).integers(0, len(sample), rows)]
    work = Timed(
        "Polars: 200 rules × 8 fields, outputs", lambda: policy.decide_frame(frame.lazy(), add=OUTPUTS).collect()
    )
    for _ in range(rounds):
        work.run()
    speed = rows / work.best / 1e6
    print(f"{work.name:<58} {speed:6.1f} M rows/s           goal ≥ 1 M rows/s  {'reached' if speed >= 1 else 'MISSED'}")


def peak(path: str, which: str) -> None:
    """Print how much memory one worker needs beyond the frame itself."""
    frame = pl.read_parquet(path)
    policy = crm_rules.load("sample-company")["abc-grade"]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    on_polars(frame, policy)[int(which)].run()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)


def main(rows: int, rounds: int) -> None:
    """Everything, one line each."""
    policy = crm_rules.load("sample-company")["abc-grade"]
    frame = customers(rows)
    workers = on_polars(frame, policy)
    if not workers[0].work()["grade"].equals(workers[1].work()["grade"]):
        raise AssertionError("the answers differ")
    compare(rows, rounds, workers, {workers[1].name: 1.2, workers[2].name: 2.0})
    with tempfile.NamedTemporaryFile(suffix=".parquet") as file:
        frame.write_parquet(file.name)
        measure_peaks(file.name, workers[:3])
    workers = on_duckdb(frame, policy)
    compare(rows, rounds, workers, {workers[1].name: 1.2})
    large_table(rows, rounds)


def measure_peaks(path: str, workers: list[Timed]) -> None:
    """How much memory each needs, in a process of its own."""
    for index, worker in enumerate(workers):
        command = [sys.executable, __file__, "peak", path, str(index)]
        kib = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)  # noqa: S603 - ourselves
        print(f"{worker.name:<58} {kib / 2**20:6.2f} GiB beside the frame")


if __name__ == "__main__":
    if sys.argv[1:2] == ["peak"]:
        peak(sys.argv[2], sys.argv[3])
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else ROWS, int(sys.argv[2]) if len(sys.argv) > 2 else ROUNDS)
