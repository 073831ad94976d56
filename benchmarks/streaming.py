"""A table larger than the memory: `python benchmarks/streaming.py [--rows 10_000_000] [--way stream] [--folder DIR]`.

Writes that many customers as Parquet (a million rows at a time, in row groups of 100,000), decides them in a process of
its own, and prints rows a second (by the clock, and by the work of processors) and the most memory of that process.
The ways:

- `stream`: `policy.decide_frame` between `scan_parquet` and `sink_parquet` of Polars;
- `command`: `crm-rules decide`, which answers what the stream does and counts it;
- `base`: the same scan and sink without any policy, for comparison.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Final

import crm_rules

PACK: Final = Path(__file__).parents[1] / "policies" / "sample-company"
POLICY: Final = "abc-grade"
TODAY: Final = date(2026, 11, 21)
WAYS: Final = ("base", "stream", "command")
PART: Final = 1_000_000
GOAL: Final = 4 * 2**30


def write_customers(rows: int, place: Path) -> None:
    """So many customers, one in a thousand without a contract amount; the same ones on every machine."""
    import pyarrow as pa  # noqa: PLC0415 - optional
    import pyarrow.compute as pc  # noqa: PLC0415 - optional
    import pyarrow.parquet as pq  # noqa: PLC0415 - optional

    influences = pa.array(["leader", "key", "minor", "sporadic"])
    writer = None
    for start in range(0, rows, PART):
        number = pa.array(range(start, min(start + PART, rows)), pa.int64())

        def scattered(factor: int, limit: int, number: pa.Array = number) -> pa.Array:
            """Whole numbers below the limit, in no visible order."""
            product = pc.multiply(number, factor)
            return pc.subtract(product, pc.multiply(pc.divide(product, limit), limit))

        amount = pc.divide(scattered(7_919, 800_000_011).cast(pa.float64()), 100.0)
        table = pa.table(
            {
                "customer": number,
                "contract_amount": pc.if_else(pc.equal(scattered(31, 1000), 0), pa.scalar(None, pa.float64()), amount),
                "paid_in_time": pc.less(scattered(104_729, 100), 80),
                "receivable": scattered(1_299_709, 1_000_000),
                "premium": pc.divide(scattered(15_485_863, 25).cast(pa.float64()), 100.0),
                "influence": influences.take(scattered(611_953, 4)),
                "first_dealing": pc.add(scattered(86_028_121, 4_000), 16_500).cast(pa.int32()).cast(pa.date32()),
            }
        )
        writer = writer or pq.ParquetWriter(place, table.schema)
        writer.write_table(table, row_group_size=100_000)
    if writer is not None:
        writer.close()


def run(way: str, data: Path, out: Path) -> None:
    """Decide in this process, and print seconds and the most memory."""
    begin = time.perf_counter()
    if way == "command":
        from crm_rules.cli.main import main as command  # noqa: PLC0415 - the other ways do without

        words = [
            str(PACK),
            str(data),
            "--policy",
            POLICY,
            "--today",
            str(TODAY),
            "--engine",
            "polars",
            "--out",
            str(out),
        ]
        if command(["decide", *words]) != 0:
            raise SystemExit(1)
    else:
        import polars as pl  # noqa: PLC0415 - optional

        frame = pl.scan_parquet(data)
        if way == "stream":
            frame = crm_rules.load(PACK)[POLICY].decide_frame(frame, today=TODAY)
        frame.sink_parquet(out)
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(f"measured {time.perf_counter() - begin} {used.ru_utime + used.ru_stime} {used.ru_maxrss * 1024}")


def main() -> None:
    """Write the table and measure each way in a process of its own."""
    parser = argparse.ArgumentParser(description="Rows a second and memory on a table larger than the memory.")
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--way", choices=WAYS, action="append", help="repeatable (default: all)")
    parser.add_argument("--folder", type=Path, help="where there is room (default: a temporary folder)")
    parser.add_argument("--run", nargs=3, metavar=("WAY", "DATA", "OUT"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.run:
        way, data, out = arguments.run
        run(way, Path(data), Path(out))
        return
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        folder = Path(name)
        write_customers(arguments.rows, folder / "customers.parquet")
        print(f"{arguments.rows:,} rows, {(folder / 'customers.parquet').stat().st_size / 2**20:,.0f} MiB of Parquet")
        for way in arguments.way or WAYS:
            words = ["--run", way, str(folder / "customers.parquet"), str(folder / "out.parquet")]
            ran = subprocess.run([sys.executable, __file__, *words], check=True, capture_output=True, text=True)  # noqa: S603
            _, seconds, processor, memory = ran.stdout.splitlines()[-1].split()
            speed, work = arguments.rows / float(seconds), arguments.rows / float(processor)
            reached = "reached" if int(memory) <= GOAL else "MISSED"
            print(
                f"{way:<8} {speed:>12,.0f} rows/s {work:>12,.0f} rows for each second of a processor"
                f" {int(memory) / 2**20:>8,.0f} MiB   goal 4,096 MiB {reached}"
            )


if __name__ == "__main__":
    main()
