"""A table of records as each kind of dataframe, decided there.

`fit_numpy` and `fit_nullable` say what becomes of a table in pandas, whose own columns know fewer types. The libraries
are imported when they are asked.
"""

from __future__ import annotations

from dataclasses import replace
from math import isnan
from typing import Any

from crm_rules.policy import Policy
from crm_rules.testing.agreement_answers import Answers, Given, answers_of, named_rows, names_of
from crm_rules.testing.agreement_tables import PRECISION, SCALE, Table

RELATION = "records"


def decided(policy: Policy, frame: Any, table: Table, given: Given) -> Any:
    """The frame with what the policy adds to it."""
    return policy.decide_frame(frame, today=table.today, given=given, names=names_of(policy))


def with_polars(policy: Policy, table: Table, given: Given) -> Answers:
    """A dataframe of Polars."""
    return answers_of(policy, decided(policy, polars_frame(table), table, given).to_dicts())


def with_polars_lazy(policy: Policy, table: Table, given: Given) -> Answers:
    """A query of Polars that is not computed yet."""
    return answers_of(policy, decided(policy, polars_frame(table).lazy(), table, given).collect().to_dicts())


def with_polars_streaming(policy: Policy, table: Table, given: Given) -> Answers:
    """The same, computed part by part."""
    return answers_of(
        policy, decided(policy, polars_frame(table).lazy(), table, given).collect(engine="streaming").to_dicts()
    )


def polars_frame(table: Table) -> Any:
    """The table in Polars."""
    import polars as pl  # noqa: PLC0415 - the user's own engine

    kinds = {
        "boolean": pl.Boolean(), "integer": pl.Int64(), "float": pl.Float64(), "text": pl.String(),
        "decimal": pl.Decimal(PRECISION, SCALE), "date": pl.Date(), "datetime": pl.Datetime("us"),
    }  # fmt: skip
    return pl.DataFrame(list(table.rows), {name: kinds[storage] for name, storage in table.storages.items()})


def with_pandas(policy: Policy, table: Table, given: Given) -> Answers:
    """A dataframe of pandas with the columns that NumPy gives it."""
    return answers_of(policy, decided(policy, numpy_frame(table), table, given).to_dict("records"))


def numpy_frame(table: Table) -> Any:
    """The table in pandas as `fit_numpy` leaves it."""
    import pandas as pd  # noqa: PLC0415 - the user's own engine

    kinds = {
        "integer": "int64",
        "float": "float64",
        "text": "str",
        "date": "datetime64[us]",
        "datetime": "datetime64[us]",
    }
    columns = {}
    for name, storage in table.storages.items():
        values = [row[name] for row in table.rows]
        kind = kinds.get(storage) or ("boolean" if None in values else "bool")
        columns[name] = pd.Series(values, dtype=kind)
    return pd.DataFrame(columns)


def fit_numpy(table: Table) -> Table:
    """NaN is null, and whole numbers with nulls among them are floats, as are decimals."""
    holed = {name for name in table.storages for row in table.rows if row[name] is None}
    storages = dict(table.storages)
    for name, storage in table.storages.items():
        if storage == "decimal" or (storage == "integer" and name in holed):
            storages[name] = "float"
    rows = tuple(
        {name: without_nan(as_float(value) if storages[name] == "float" else value) for name, value in row.items()}
        for row in table.rows
    )
    return replace(table, storages=storages, rows=rows)


def as_float(value: Any) -> float | None:
    """The nearest float of a number."""
    return None if value is None else float(value)


def without_nan(value: Any) -> Any:
    """Null instead of NaN."""
    return None if isinstance(value, float) and isnan(value) else value


def with_pandas_nullable(policy: Policy, table: Table, given: Given) -> Answers:
    """A dataframe of pandas with the columns that have a null of their own."""
    return answers_of(policy, decided(policy, nullable_frame(table), table, given).to_dict("records"))


def nullable_frame(table: Table) -> Any:
    """The table in pandas, as `fit_nullable` leaves it."""
    import pandas as pd  # noqa: PLC0415 - the user's own engine

    kinds = {
        "boolean": "boolean", "integer": "Int64", "float": "Float64", "text": "string",
        "date": "datetime64[us]", "datetime": "datetime64[us]",
    }  # fmt: skip
    return pd.DataFrame(
        {
            name: pd.Series([row[name] for row in table.rows], dtype=kinds[storage])
            for name, storage in table.storages.items()
        }
    )


def fit_nullable(table: Table) -> Table:
    """NaN is null, decimals are floats."""
    storages = {name: "float" if storage == "decimal" else storage for name, storage in table.storages.items()}
    rows = tuple(
        {name: without_nan(as_float(value) if storages[name] == "float" else value) for name, value in row.items()}
        for row in table.rows
    )
    return replace(table, storages=storages, rows=rows)


def with_pandas_arrow(policy: Policy, table: Table, given: Given) -> Answers:
    """A dataframe of pandas with the columns of PyArrow."""
    return answers_of(policy, decided(policy, arrow_frame(table), table, given).to_dict("records"))


def arrow_frame(table: Table) -> Any:
    """The table in pandas, held by PyArrow."""
    import pandas as pd  # noqa: PLC0415 - the user's own engine

    return arrow_table(table).to_pandas(types_mapper=pd.ArrowDtype)


def with_pyarrow(policy: Policy, table: Table, given: Given) -> Answers:
    """A table of PyArrow."""
    return answers_of(policy, decided(policy, arrow_table(table), table, given).to_pylist())


def arrow_table(table: Table) -> Any:
    """The table in PyArrow."""
    import pyarrow as pa  # noqa: PLC0415 - the user's own engine

    kinds = {
        "boolean": pa.bool_(), "integer": pa.int64(), "float": pa.float64(), "text": pa.string(),
        "decimal": pa.decimal128(PRECISION, SCALE), "date": pa.date32(), "datetime": pa.timestamp("us"),
    }  # fmt: skip
    schema = pa.schema([(name, kinds[storage]) for name, storage in table.storages.items()])
    return pa.Table.from_pylist([dict(row) for row in table.rows], schema)


def with_duckdb(policy: Policy, table: Table, given: Given) -> Answers:
    """A relation of DuckDB."""
    import duckdb  # noqa: PLC0415 - the user's own engine

    with duckdb.connect(":memory:") as connection:
        found = decided(policy, connection.from_arrow(arrow_table(table)), table, given)
        return answers_of(policy, named_rows(found.columns, found.fetchall()))


def with_pyspark(policy: Policy, table: Table, given: Given) -> Answers:
    """A dataframe of Spark, in the session that is active, else in one on this machine."""
    from pyspark.sql import SparkSession  # noqa: PLC0415 - the user's own engine

    session = SparkSession.getActiveSession() or SparkSession.builder.master("local[2]").getOrCreate()
    kinds = {
        "boolean": "boolean", "integer": "bigint", "float": "double", "text": "string",
        "decimal": f"decimal({PRECISION}, {SCALE})", "date": "date", "datetime": "timestamp_ntz",
    }  # fmt: skip
    schema = ", ".join(f"`{name}` {kinds[storage]}" for name, storage in table.storages.items())
    frame = session.createDataFrame([tuple(row.values()) for row in table.rows], schema)
    return answers_of(policy, [row.asDict() for row in decided(policy, frame, table, given).collect()])


def with_dask(policy: Policy, table: Table, given: Given) -> Answers:
    """A dataframe of Dask in two parts, with the columns of PyArrow."""
    import dask.dataframe  # noqa: PLC0415 - the user's own engine

    frame = dask.dataframe.from_pandas(arrow_frame(table), npartitions=2)
    return answers_of(policy, decided(policy, frame, table, given).compute().to_dict("records"))


def with_ibis(policy: Policy, table: Table, given: Given) -> Answers:
    """A table expression of Ibis, over DuckDB."""
    import ibis  # noqa: PLC0415 - the user's own engine

    connection = ibis.duckdb.connect()
    connection.con.register(RELATION, arrow_table(table))
    found = decided(policy, connection.table(RELATION), table, given)
    cursor = connection.raw_sql(connection.compile(found))
    return answers_of(policy, named_rows(found.columns, cursor.fetchall()))
