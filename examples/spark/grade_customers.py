"""Grades the customers of a partitioned Parquet data set on Spark; every partition stays one.

    spark-submit examples/spark/grade_customers.py PACK POLICY CUSTOMERS GRADED --today 2026-11-21
    spark-submit examples/spark/grade_customers.py PACK POLICY CUSTOMERS GRADED --today 2026-11-21 --way workers

The first way makes the policy a part of Spark's own plan (`decide_frame`): no row passes through Python. The second one
sends the policy to the workers as a pickle and decides there with `decide_many`, record by record: slower, with
every number and reason that Python knows. The answers are the same.
"""

from __future__ import annotations

import argparse
import pickle
from collections.abc import Iterator, Mapping
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import (
    BooleanType,
    DataType,
    DateType,
    DoubleType,
    LongType,
    StringType,
    StructField,
    StructType,
)

import crm_rules
from crm_rules.ir.types import Boolean, Date, Integer, is_numeric

if TYPE_CHECKING:
    import pyarrow as pa


def in_the_plan(customers: DataFrame, policy: crm_rules.Policy, today: date) -> DataFrame:
    """The customers with outputs, status and rules, as an expression of Spark."""
    return policy.decide_frame(customers, today=today, add=("outputs", "status", "rules"))


def on_the_workers(customers: DataFrame, policy: crm_rules.Policy, today: date) -> DataFrame:
    """The customers with outputs, status and rules, decided in Python by a policy that travels as a pickle."""
    added = [StructField(output.name, spark_type(output.type)) for output in policy.outputs]
    added += [StructField("status", StringType()), StructField("rules", StringType())]
    schema = StructType([*customers.schema.fields, *added])
    return customers.mapInArrow(partial(decide_batches, pickle.dumps(policy), today), schema)


def spark_type(kind: Any) -> DataType:
    """The type of an output's column."""
    if isinstance(kind, Boolean):
        return BooleanType()
    if isinstance(kind, Date):
        return DateType()
    if is_numeric(kind):
        return LongType() if isinstance(kind, Integer) else DoubleType()
    return StringType()


def decide_batches(pickled: bytes, today: date, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The batches of one partition with their decisions; this runs on a worker."""
    import pyarrow as pa  # noqa: PLC0415 - on the workers

    policy = pickle.loads(pickled)  # noqa: S301 - it was pickled by the driver
    for batch in batches:
        rows = batch.to_pylist()
        decisions = policy.decide_many(rows, today=today)
        names = [output.name for output in policy.outputs]
        columns = {name: [as_stored(decision.outputs, name) for decision in decisions] for name in names}
        columns["status"] = [decision.status for decision in decisions]
        columns["rules"] = [";".join(decision.rules) for decision in decisions]
        kinds = {output.name: arrow_type(output.type) for output in policy.outputs}
        arrays = [pa.array(column, kinds.get(name, pa.string())) for name, column in columns.items()]
        yield pa.RecordBatch.from_arrays([*batch.columns, *arrays], names=[*batch.schema.names, *columns])


def arrow_type(kind: Any) -> pa.DataType:
    """The type of an output's column in a batch."""
    from pyspark.sql.pandas.types import to_arrow_type  # noqa: PLC0415 - on the workers

    return to_arrow_type(spark_type(kind))


def as_stored(outputs: Mapping[str, Any], name: str) -> Any:
    """An output as its column holds it: null where undecided, a number as a float."""
    value = outputs.get(name)
    return value if value is None or isinstance(value, bool | int | str | date) else float(value)


WAYS = {"plan": in_the_plan, "workers": on_the_workers}


def main() -> None:
    """Read, decide, write."""
    parser = argparse.ArgumentParser(description="Grades the customers of a partitioned Parquet data set.")
    parser.add_argument("pack", help="a folder of policies, or the name of an installed pack")
    parser.add_argument("policy", help="the id of the policy")
    parser.add_argument("customers", help="the data set to read")
    parser.add_argument("graded", help="the data set to write; it must not exist")
    parser.add_argument("--today", type=date.fromisoformat, required=True, help="the day to decide for")
    parser.add_argument("--way", choices=WAYS, default="plan", help="in Spark's plan, or on its Python workers")
    parser.add_argument("--partition", help="the column that names the partitions, on both sides")
    arguments = parser.parse_args()
    spark = SparkSession.builder.appName("crm_rules").getOrCreate()
    policy = crm_rules.load(arguments.pack)[arguments.policy]
    customers = spark.read.parquet(arguments.customers)
    graded = WAYS[arguments.way](customers, policy, arguments.today)
    writer = graded.write.partitionBy(arguments.partition) if arguments.partition else graded.write
    writer.parquet(arguments.graded)
    again = spark.read.parquet(arguments.graded)
    for row in sorted(again.groupBy("status").count().collect()):
        print(f"{row['status']}: {row['count']}")
    spark.stop()


if __name__ == "__main__":
    main()
