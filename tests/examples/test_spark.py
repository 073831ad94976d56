"""The example for Spark, run by `spark-submit` on several partitions in local mode: every row is what `decide` says."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from datetime import date, timedelta
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any

import pytest

import crm_rules

pytestmark = [pytest.mark.spark, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "examples" / "spark" / "grade_customers.py"
PACK = ROOT / "policies" / "sample-company"
TODAY = date(2026, 11, 21)
REGIONS = ("east", "north", "west")


def customers() -> list[dict[str, Any]]:
    """Customers at and beside the borders of the scorecard, some of them without a fact or with an unknown one."""
    amounts = [None, *(Decimal(text) for text in ("0", "499999.99", "500000", "2000000", "4999999.99", "5000000"))]
    days = [TODAY - timedelta(days=days) for days in (-1, 364, 365, 2000)]
    rows = product(amounts, [True, False], [0.1, 0.15, float("nan")], ["key", "leader", "none", None], days)
    return [
        {
            "customer": number,
            "region": REGIONS[number % 3],
            "contract_amount": amount,
            "paid_in_time": in_time,
            "receivable": Decimal(100_000 * (number % 4)),
            "premium": premium,
            "influence": influence,
            "first_dealing": first,
        }
        for number, (amount, in_time, premium, influence, first) in enumerate(rows)
    ]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The customers as a Parquet data set in partitions, one for each region."""
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    folder = tmp_path_factory.mktemp("spark") / "customers"
    types = {"contract_amount": pa.decimal128(18, 2), "receivable": pa.decimal128(18, 2)}
    rows = customers()
    table = pa.table({name: pa.array([row[name] for row in rows], types.get(name)) for name in rows[0]})
    pq.write_to_dataset(table, folder, partition_cols=["region"])
    assert len(list(folder.rglob("*.parquet"))) == len(REGIONS)
    return folder


@pytest.mark.parametrize("way", ["plan", "workers"])
def test_every_row_is_what_decide_says(data: Path, way: str, tmp_path: Path) -> None:
    """In Spark's plan, and by pickled policies on the workers, on each of the partitions."""
    pytest.importorskip("pyspark", reason="Spark IS NOT TESTED HERE: pyspark is not installed")
    if shutil.which("java") is None:
        pytest.skip("Spark IS NOT TESTED HERE: there is no Java")
    import pyarrow.parquet as pq  # noqa: PLC0415 - optional
    import pyspark  # noqa: PLC0415 - optional

    graded = tmp_path / "graded"
    submit = Path(pyspark.__file__).parent / "bin" / "spark-submit"
    options = ["--master", "local[2]", "--conf", "spark.ui.enabled=false", "--conf", "spark.driver.host=127.0.0.1"]
    words = [
        str(PACK),
        "abc-grade",
        str(data),
        str(graded),
        "--today",
        str(TODAY),
        "--way",
        way,
        "--partition",
        "region",
    ]
    python = {"PYSPARK_PYTHON": sys.executable, "PYSPARK_DRIVER_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    ran = subprocess.run(
        [submit, *options, SCRIPT, *words],
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, **python},
    )
    assert ran.returncode == 0, ran.stderr
    policy = crm_rules.load(PACK)["abc-grade"]
    expected = {}
    for row in customers():
        decision = policy.decide(row, today=TODAY)
        expected[row["customer"]] = (decision.outputs.get("grade"), decision.status, ";".join(decision.rules))
    assert {status for _, status, _ in expected.values()} == {"decided", "invalid"}
    found = {row["customer"]: (row["grade"], row["status"], row["rules"]) for row in pq.read_table(graded).to_pylist()}
    assert found == expected
    assert {path.name for path in graded.iterdir() if path.is_dir()} == {f"region={region}" for region in REGIONS}
    counts = {status: sum(one[1] == status for one in expected.values()) for status in ("decided", "invalid")}
    assert ran.stdout.splitlines()[-2:] == [f"{status}: {count}" for status, count in counts.items()]
