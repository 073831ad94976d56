"""Which of several equal forms an engine gets, and which engine does the work: the one place that says so.

Every form of a line gives the same answers; the choice is about speed, and about what narwhals offers for an engine.
A form never decides what an expression means.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, TypeAlias

from crm_rules.dataclass import dataclass

# The engines whose own expressions are written; pandas, PyArrow and dask hand their columns to one of them.
Engine: TypeAlias = Literal["polars", "pyarrow", "duckdb", "pyspark", "ibis"]


@dataclass(frozen=True, slots=True)
class Forms:
    """How expressions are written for one engine.

    `day_number`: a day's number by a cast, or as the difference of two days.
    `day_at`: the day of a number by a cast, or out of its text.
    `floor_divide`: the engine's own division of integers, or by `steps` where narwhals divides floats instead.
    `to_float`: a cast, or by `halves` where a cast refuses integers that no float can hold.
    `lookup`: up to how many values a lookup is a tree of conditions.
    `longer_lookup`: beyond that, a dictionary of the engine, or the values taken by their places: on Polars as fast as
    a condition, whatever their number, while a dictionary takes ten times as long and joined texts a hundred times.
    `unscaled`: an integer divided by a constant, or by a column: Polars multiplies by the rounded reciprocal of a
    constant, which makes 99.99000000000001 of 9999.
    `layers`, `columns`: what is refused beyond. Ibis writes each column in place where it is read, so that ten layers
    take minutes before a query begins.
    """

    day_number: Literal["cast", "difference"]
    day_at: Literal["cast", "text"]
    floor_divide: Literal["own", "steps"] = "own"
    to_float: Literal["cast", "halves"] = "cast"
    lookup: int = 16
    longer_lookup: Literal["dictionary", "taken"] = "dictionary"
    unscaled: Literal["constant", "column"] = "constant"
    layers: int = 1_000
    columns: int = 10_000


FORMS: Mapping[Engine, Forms] = MappingProxyType(
    {
        "polars": Forms("cast", "cast", lookup=3, longer_lookup="taken", unscaled="column"),
        "pyarrow": Forms("cast", "cast", to_float="halves"),
        "ibis": Forms("difference", "text", "steps", layers=6, columns=50),
    }
)

# The engines whose expressions are written as SQL of a dialect, and not through narwhals. Spark is told each of its
# nodes by a call of Java, and plans what is read several times as often; collations and odd names are SQL's own matter.
AS_SQL: Mapping[Engine, str] = MappingProxyType({"pyspark": "spark", "duckdb": "duckdb"})

# Frames whose columns are worked on elsewhere: by the first of these engines that is installed. Polars decides
# pandas' columns seven times as fast as narwhals on pandas does, the way there and back included.
ELSEWHERE: Mapping[str, tuple[Engine, ...]] = MappingProxyType(
    {"pandas": ("polars", "pyarrow"), "pyarrow": ("polars", "pyarrow"), "dask": ("polars", "pyarrow")}
)

CHAIN = 12  # a longer chain of conditions is halved: narwhals and the engines recurse into each `otherwise`
TINY = 3  # the nodes above its leaves that an expression may have to be written twice
DEPTH = 40  # an expression nested deeper becomes a column of its own
