"""Columns of pandas and PyArrow as PyArrow columns that narwhals and Polars read, and results on their way back.

What PyArrow writes in several ways (dictionaries, decimals of other widths, dates in milliseconds) takes one form here.
A column of Python objects is looked at value by value, and must hold one kind of value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from crm_rules.backends.frame_border import PRECISION, UnfitColumnError
from crm_rules.backends.query import Kind

NANOSECONDS = "nanosecond"


def plain_column(column: Any, name: str) -> Any:
    """A PyArrow column in the form that is read here; None for one that holds nothing."""
    import pyarrow as pa  # noqa: PLC0415 - the user's own engine

    types = pa.types
    if types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    if types.is_null(kind):
        return None
    if types.is_string_view(kind):
        return column.cast(pa.large_string())
    if types.is_date64(kind):
        return column.cast(pa.timestamp("ms"))
    if types.is_decimal(kind):
        precision, scale = kind.precision - min(kind.scale, 0), max(kind.scale, 0)
        if precision > PRECISION:
            raise UnfitColumnError(
                f"the column `{name}` holds decimals of {precision} digits: cast it to at most {PRECISION}"
            )
        return column.cast(pa.decimal128(precision, scale))
    return column


# pandas


def pandas_column(series: Any, name: str) -> Any:
    """A column of pandas as a PyArrow column; None for one that holds nothing."""
    import pandas as pd  # noqa: PLC0415 - the user's own engine
    import pyarrow as pa  # noqa: PLC0415 - see `frame_source`

    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.astype(object)
    if series.dtype == object:
        return object_column(series, name)
    try:
        found = pa.array(series, from_pandas=isinstance(series.dtype, pd.StringDtype) or series.dtype.kind in "fmM")
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise UnfitColumnError(f"the column `{name}` holds {series.dtype}, which PyArrow cannot hold") from error
    return plain_column(found, name)


def object_column(series: Any, name: str) -> Any:
    """A column of Python objects of one kind; what pandas takes for missing is null."""
    import pyarrow as pa  # noqa: PLC0415 - see `frame_source`

    missing = series.isna()
    if any(isinstance(value, Decimal) for value in series[missing]):
        raise UnfitColumnError(f"the column `{name}` holds a decimal that is not a number: make it None")
    present = list(series[~missing])
    kinds = {kind_of(value) for value in present}
    if kinds == {"a date", "a time"}:
        kinds = {"a time"}
    if not kinds:
        return None
    if len(kinds) > 1:
        found = " and ".join(sorted(kinds))
        raise UnfitColumnError(f"the column `{name}` holds {found} side by side: give it values of one type")
    (kind,) = kinds
    values = [None if absent else value for value, absent in zip(series, missing, strict=True)]
    try:
        return plain_column(pa.chunked_array([pa.array(values, object_type(kind, present))]), name)
    except (pa.ArrowException, OverflowError, TypeError) as error:
        raise UnfitColumnError(f"the column `{name}` holds {kind} that a column cannot hold: {error}") from error


KINDS: Mapping[type, str] = {
    bool: "a boolean",
    int: "a whole number",
    float: "a float",
    Decimal: "a decimal",
    str: "a text",
    datetime: "a time",
    date: "a date",
}


def kind_of(value: Any) -> str:
    """What a Python object is, in words; the name of its class where it is nothing that a field takes."""
    found = next((words for kind, words in KINDS.items() if isinstance(value, kind)), None)
    return found or f"a `{type(value).__name__}`"


def object_type(kind: str, present: Sequence[Any]) -> Any:
    """The PyArrow type of one kind of Python object; None where PyArrow is to find the digits of decimals."""
    import pyarrow as pa  # noqa: PLC0415 - see `frame_source`

    if kind == "a time":
        if any(getattr(value, "tzinfo", None) is not None for value in present):
            raise TypeError("moments with a time zone have another day elsewhere, cast them to dates")
        return pa.timestamp("ns" if any(getattr(value, NANOSECONDS, 0) for value in present) else "us")
    types = {
        "a boolean": pa.bool_(),
        "a whole number": pa.int64(),
        "a float": pa.float64(),
        "a decimal": None,
        "a text": pa.large_string(),
        "a date": pa.date32(),
    }
    if kind not in types:
        raise TypeError("only booleans, numbers, texts and dates are known")
    return types[kind]


# Results


def arrow_results(results: Any, kinds: Mapping[str, Kind]) -> Any:
    """Results in PyArrow's plain types."""
    import pyarrow as pa  # noqa: PLC0415 - see `frame_source`

    types = {
        "boolean": pa.bool_(),
        "integer": pa.int64(),
        "number": pa.float64(),
        "text": pa.string(),
        "day": pa.date32(),
    }
    return results.cast(pa.schema([(name, types[kind]) for name, kind in kinds.items()]))


def pandas_results(results: Any, kinds: Mapping[str, Kind]) -> Mapping[str, Any]:
    """Results as pandas columns: `boolean`, `Int64`, `float64`, `str`, `datetime64[us]`, each with its own null."""
    import numpy as np  # noqa: PLC0415 - pandas needs it
    import pandas as pd  # noqa: PLC0415 - the user's own engine
    import pyarrow as pa  # noqa: PLC0415 - see `frame_source`

    types = {
        "boolean": pd.BooleanDtype(),
        "integer": pd.Int64Dtype(),
        "number": np.dtype("float64"),
        "text": pd.StringDtype(na_value=np.nan),
    }
    found: dict[str, Any] = {}
    for name, kind in kinds.items():
        column = results.column(name)
        if kind == "day":
            found[name] = column.cast(pa.timestamp("us")).to_pandas().array
        elif kind == "number":
            found[name] = column.to_pandas().array
        else:
            found[name] = types[kind].__from_arrow__(column)
    return found
