# ruff: noqa: PLR2004 - the figures are the rules
"""Tables of customers, by policy and by hand: `python benchmarks/columns.py [rows] [rounds]`.

The grade of the sample company on Polars and DuckDB, against expressions and SQL text written by hand with the same
guards; then a disjoint table of 200 rules over 8 fields. The bound that nobody passes, reading each column once, is
printed beside them.

Time: what is compared runs interleaved in one process. The median of the rounds' ratios of processor time counts; rows
a second are of the fastest round by the clock.

Memory: each runs once more in a fresh process of its own, which reads the frame from a Parquet file. Counted is the
most that is resident during the run, the answer included, less what is resident right before it: the frame, the
libraries and the loaded policy. DuckDB counts its answers as they come, and keeps none of them. What is under 10 MiB is
not told apart. Only Linux tells memory this way; elsewhere it is not measured.
"""

from __future__ import annotations

import gc
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
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
PROCESS = Path("/proc/self")  # what Linux tells of this process
RESET_PEAK = PROCESS / "clear_refs"
MEASURABLE = os.access(RESET_PEAK, os.W_OK)
LEAST = 10 * 2**10  # KiB; allocators keep some MiB of what they free, so that less says nothing


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

    def __init__(self, name: str, work: Callable[[], Any], goal: float | None = None) -> None:
        self.name = name
        self.work = work
        self.goal = goal
        self.spent: list[float] = []
        self.best = float("inf")

    def run(self) -> None:
        """One round."""
        gc.collect()
        clock, spent = time.perf_counter(), time.process_time()
        self.work()
        self.spent.append(time.process_time() - spent)
        self.best = min(self.best, time.perf_counter() - clock)


def show(name: str, speed: str, ratio: str = "", goal: str = "", memory: str = "") -> None:
    """One line of the report."""
    print(f"{name:<46} {speed:>8}   {ratio:>6}   {goal:<20} {memory}".rstrip())


def told(goal: str, *, reached: bool) -> str:
    """A goal, and whether it is reached."""
    return f"{goal} {'reached' if reached else 'MISSED'}"


def beside_frame(peak: int, first: int) -> str:
    """The KiB that one needs, against those of the first."""
    if peak < LEAST:
        return f"{'under 10':>8} MiB"
    ratio = f"   {peak / first:5.2f} ×" if first >= LEAST else ""
    return f"{peak / 2**10:8,.0f} MiB{ratio}"


def compare(title: str, rows: int, rounds: int, workers: list[Timed], peaks: list[int]) -> None:
    """Run all in turn, and print each against the first, with the memory of each where it is measured."""
    for _ in range(rounds):
        for worker in workers:
            worker.run()
    print()
    show(title, "M rows/s", "time", "goal of the time", "memory beside the frame" if peaks else "")
    first = workers[0]
    for index, worker in enumerate(workers):
        ratio = statistics.median(a / b for a, b in zip(worker.spent, first.spent, strict=True))
        goal = "" if worker.goal is None else told(f"≤ {worker.goal} ×", reached=ratio <= worker.goal)
        memory = beside_frame(peaks[index], peaks[0]) if peaks else ""
        show(worker.name, f"{rows / worker.best / 1e6:.1f}", f"{ratio:.2f} ×", goal, memory)


def on_polars(frame: pl.DataFrame, policy: Policy) -> list[Timed]:
    """The grade on Polars."""
    lazy = frame.lazy()
    every = (pl.all().null_count(), pl.all().max().name.suffix("_"))
    return [
        Timed("grade by hand", lambda: lazy.with_columns(grade=grade_by_hand()).collect()),
        Timed("decide_frame, outputs",
              lambda: policy.decide_frame(lazy, today=TODAY, add=OUTPUTS).collect(), goal=1.2),
        Timed("decide_frame, outputs, status, rules",
              lambda: policy.decide_frame(lazy, today=TODAY, add=EXPLAINED).collect(), goal=2.0),
        Timed("the bound: reading the columns once", lambda: lazy.select(every).collect()),
    ]  # fmt: skip


def on_duckdb(frame: pl.DataFrame, policy: Policy) -> list[Timed]:
    """The grade on DuckDB: the text by hand and the text of `to_sql`."""
    connection = duckdb.connect()
    connection.register("customers_frame", frame.to_arrow())
    connection.execute("CREATE TABLE customers AS SELECT * FROM customers_frame")
    text = policy.to_sql(dialect="duckdb", table="customers", today=TODAY, add=OUTPUTS)

    def query(sql: str) -> Callable[[], Any]:
        relation = connection.sql(sql)
        return lambda: relation.aggregate("count(*), count(grade), max(grade)").fetchall()

    return [
        Timed("CASE by hand", query(SQL_BY_HAND)),
        Timed("to_sql, outputs", query(text), goal=1.2),
    ]


ENGINES: dict[str, Callable[[pl.DataFrame, Policy], list[Timed]]] = {"polars": on_polars, "duckdb": on_duckdb}


def large_table(rows: int, rounds: int) -> None:
    """A disjoint table of 200 rules over 8 fields on Polars."""
    program, records = workloads.large_table()
    policy = Policy(program)
    rows = min(rows, 2_000_000)
    sample = pl.DataFrame(records[:1_000])
    frame = sample[np.random.default_rng(1).integers(0, len(sample), rows)]
    work = Timed("decide_frame, outputs", lambda: policy.decide_frame(frame.lazy(), add=OUTPUTS).collect())
    for _ in range(rounds):
        work.run()
    speed = rows / work.best / 1e6
    print()
    show(f"Polars, 200 rules × 8 fields, {rows:,} rows", "M rows/s", goal="goal of the speed")
    show(work.name, f"{speed:.2f}", goal=told("≥ 1 M rows/s", reached=speed >= 1))


def resident(figure: str) -> int:
    """How many KiB of this process are in memory: now (`VmRSS`), or at most since the peak was reset (`VmHWM`)."""
    lines = (PROCESS / "status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{figure}:"))


def peak(path: str, engine: str, index: int) -> None:
    """Print how many KiB one run needs beyond what is in memory before it."""
    frame = pl.read_parquet(path)
    policy = crm_rules.load("sample-company")["abc-grade"]
    ENGINES[engine](frame.head(1_000), policy)[index].work()  # what is loaded and compiled once does not count
    work = ENGINES[engine](frame, policy)[index].work
    gc.collect()
    time.sleep(1)  # the allocators return what reading has freed, which would hide as much of the run
    RESET_PEAK.write_text("5", encoding="utf-8")
    before = resident("VmRSS")
    work()
    print(resident("VmHWM") - before)


def measure_peaks(path: str, engine: str, count: int) -> list[int]:
    """How many KiB each of so many workers needs, in a process of its own; empty where it cannot be measured."""
    if not MEASURABLE:
        return []
    commands = [[sys.executable, __file__, "peak", path, engine, str(index)] for index in range(count)]
    return [int(subprocess.run(each, capture_output=True, text=True, check=True).stdout) for each in commands]  # noqa: S603 - ourselves


def main(rows: int, rounds: int) -> None:
    """Everything, one line each."""
    policy = crm_rules.load("sample-company")["abc-grade"]
    frame = customers(rows)
    print(f"{rows:,} customers graded, {rounds} rounds; × is against the first line of each engine, written by hand")
    print("M rows/s: by the clock, the fastest round; time: of the processors, the median of the rounds")
    measured = "the most during one run in a process of its own" if MEASURABLE else "not measured on this system"
    print(f"memory: {measured}")
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/customers.parquet"
        frame.write_parquet(path)
        workers = on_polars(frame, policy)
        if not workers[0].work()["grade"].equals(workers[1].work()["grade"]):
            raise AssertionError("the answers differ")
        compare("Polars", rows, rounds, workers, measure_peaks(path, "polars", len(workers)))
        workers = on_duckdb(frame, policy)
        if workers[0].work() != workers[1].work():
            raise AssertionError("the answers differ")
        compare("DuckDB", rows, rounds, workers, measure_peaks(path, "duckdb", len(workers)))
    large_table(rows, rounds)


if __name__ == "__main__":
    if sys.argv[1:2] == ["peak"]:
        peak(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else ROWS, int(sys.argv[2]) if len(sys.argv) > 2 else ROUNDS)
