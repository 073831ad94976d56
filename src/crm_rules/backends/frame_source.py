"""The frames there are: how the columns of each are opened for narwhals, and how results come back to it.

Polars, DuckDB, Spark and Ibis are worked on where they are, lazily. The needed columns of pandas and PyArrow go to
the first engine of `frame_forms.ELSEWHERE` that is installed, and the results come back in the same order:
each of its rows is computed from itself alone, and no engine there reorders rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol

import narwhals.stable.v2 as nw

from crm_rules.backends.frame_arrow import arrow_results, pandas_column, pandas_results, plain_column
from crm_rules.backends.frame_border import UnfitColumnError
from crm_rules.backends.frame_forms import AS_SQL, ELSEWHERE, Engine
from crm_rules.backends.frame_sql import schema_of
from crm_rules.backends.query import Kind
from crm_rules.backends.sql_dialects import dialect_of, encodable, printable
from crm_rules.dataclass import dataclass
from crm_rules.errors import CallError

if TYPE_CHECKING:
    from narwhals.stable.v2.dtypes import DType

PLACES: Mapping[str, Engine] = {"polars": "polars", "duckdb": "duckdb", "pyspark": "pyspark", "ibis": "ibis"}
EMPTY_TYPES = frozenset({"null", '"null"', "void", "nulltype"})
ESCAPES = "spark.sql.parser.escapedStringLiterals"
PLACE = "crm_rules_row"  # a column that keeps the rows of a frame of which no column is needed


@dataclass(frozen=True, slots=True)
class Opened:
    """The needed columns of a frame: `frame` for narwhals, their types, those that hold nothing, and what is wrong."""

    engine: Engine
    frame: Any
    schema: Mapping[str, DType]
    empty: frozenset[str]
    problems: tuple[str, ...] = ()


class Source(Protocol):
    """A frame of one library."""

    @property
    def columns(self) -> Sequence[str]:
        """The names of its columns."""

    @property
    def native(self) -> Any:
        """The frame itself."""

    @property
    def folded(self) -> bool:
        """True where `Grade` and `grade` are one column."""

    @property
    def keeps_no_twins(self) -> bool:
        """True where a frame loses one of two columns of one name, be it needed or not."""

    def refuses(self, name: str) -> list[str]:
        """What to say of the name of a needed or added column that the engine takes for something else."""

    def open(self, needed: Sequence[str]) -> Opened:
        """Its needed columns, all of which it has."""

    def close(self, frame: Any, kinds: Mapping[str, Kind], dropped: Sequence[str]) -> Any:
        """The native frame with the added columns of the opened one."""


def source_of(frame: Any) -> Source:
    """The source of a native frame; raises `CallError` for what is none."""
    module = type(frame).__module__.partition(".")[0]
    if module == "pandas" or is_pandas(frame):
        return PandasSource(frame)
    if module == "pyarrow":
        if not hasattr(frame, "append_column") or not hasattr(frame, "combine_chunks"):
            raise CallError(f"decide_frame takes a table of PyArrow, found a `{type(frame).__name__}`")
        return ArrowSource(frame)
    try:
        opened = nw.from_native(frame)
    except TypeError as error:
        raise CallError(
            f"decide_frame takes a dataframe (polars, pandas, pyarrow, duckdb, pyspark, dask, ibis), found a "
            f"`{type(frame).__name__}`"
        ) from error
    place = opened.implementation.name.lower()
    if place not in PLACES:
        known = ", ".join((*PLACES, "pandas", "pyarrow", "dask"))
        raise CallError(f"frames of {place} are not supported; these are: {known}")
    return LazySource(PLACES[place], frame, opened)


def is_pandas(frame: Any) -> bool:
    """True for a subclass of pandas' own dataframe."""
    return any(base.__module__.startswith("pandas.") and base.__name__ == "DataFrame" for base in type(frame).__mro__)


def elsewhere(library: str) -> Engine:
    """The engine that works on the columns of a library that is not worked on where it is."""
    if find_spec("pyarrow") is None:
        raise CallError(f"decide_frame hands the columns of {library} over with PyArrow: pip install pyarrow")
    return next(engine for engine in ELSEWHERE[library] if find_spec(engine) is not None)


@dataclass(frozen=True, slots=True)
class LazySource:
    """A frame that is worked on where it is; an eager one of Polars is computed at the end."""

    engine: Engine
    native: Any
    opened: Any

    @property
    def columns(self) -> Sequence[str]:
        """The names of its columns."""
        names: list[str] = self.opened.collect_schema().names()
        return names

    @property
    def folded(self) -> bool:
        """SQL does not tell upper from lower case in names."""
        return self.engine != "polars" and not is_spark_with_cases(self.native)

    @property
    def keeps_no_twins(self) -> bool:
        """DuckDB renames the second of them."""
        return self.engine in {"duckdb", "ibis"}

    def refuses(self, name: str) -> list[str]:
        """Polars takes some names for patterns."""
        return patterns(name) if self.engine == "polars" else []

    def open(self, needed: Sequence[str]) -> Opened:
        """The frame itself."""
        frame = self.opened.lazy()
        if self.engine in AS_SQL:
            schema = schema_of(self.native, needed, dialect_of(AS_SQL[self.engine]))
        else:
            schema = frame.select(list(needed)).collect_schema() if needed else {}
        empty = {name for name in needed if schema[name] == nw.Unknown and is_empty_type(self.native, name)}
        return Opened(self.engine, frame, schema, frozenset(empty), tuple(odd_texts(self.native)))

    def close(self, frame: Any, kinds: Mapping[str, Kind], dropped: Sequence[str]) -> Any:  # noqa: ARG002 - as the others
        """The frame without the columns that served on the way."""
        if dropped:
            frame = frame.drop(list(dropped))
        return (frame.collect() if isinstance(self.opened, nw.DataFrame) else frame).to_native()


def patterns(name: str) -> list[str]:
    """What to say of a name that Polars takes for several columns, replaces, or cannot hold."""
    if "\0" in name or not encodable(name):
        return [f"`{printable(name)}` cannot be the name of a column: use other characters"]
    if name and name != "*" and not (name.startswith("^") and name.endswith("$")):
        return []
    return [f"a column called `{name}` is no single column to Polars, which decides this frame: rename it"]


def is_spark_with_cases(native: Any) -> bool:
    """True for a dataframe of Spark in a session that tells upper from lower case in names."""
    return is_set(native, "spark.sql.caseSensitive")


def odd_texts(native: Any) -> Iterator[str]:
    """What to say of a session of Spark in which a backslash in a text of SQL stands for itself."""
    if is_set(native, ESCAPES):
        yield f"the session of the frame has {ESCAPES}=true, so that texts cannot be written: set it to false"


def is_set(native: Any, setting: str) -> bool:
    """True where a setting of Spark is true; other frames have none."""
    session = getattr(native, "sparkSession", None)
    return session is not None and session.conf.get(setting) == "true"


def is_empty_type(native: Any, name: str) -> bool:
    """True for a column of the type whose only value is null."""
    if hasattr(native, "collect_schema"):
        kind = native.collect_schema()[name]
    elif hasattr(native, "columns") and hasattr(native, "types"):
        kind = native.types[native.columns.index(name)]
    else:
        kind = native.schema[name].dataType if hasattr(native.schema, "fields") else native.schema()[name]
    return str(kind).lower().removesuffix("()") in EMPTY_TYPES


@dataclass(frozen=True, slots=True)
class ArrowSource:
    """A table of PyArrow."""

    native: Any

    @property
    def columns(self) -> Sequence[str]:
        """The names of its columns."""
        names: list[str] = self.native.column_names
        return names

    @property
    def folded(self) -> bool:
        """Names are told apart by case."""
        return False

    @property
    def keeps_no_twins(self) -> bool:
        """Columns that are not needed are not touched."""
        return False

    def refuses(self, name: str) -> list[str]:
        """Polars, which decides them, takes some names for patterns."""
        return patterns(name)

    def open(self, needed: Sequence[str]) -> Opened:
        """The needed columns."""
        found, problems = converted(needed, lambda name: plain_column(self.native.column(name), name))
        return opened_arrow(elsewhere("pyarrow"), found, problems, self.native.num_rows)

    def close(self, frame: Any, kinds: Mapping[str, Kind], dropped: Sequence[str]) -> Any:  # noqa: ARG002 - they stay behind
        """The table with the results as further columns."""
        results = collected(frame, kinds)
        table = self.native
        for field, column in zip(results.schema, results.columns, strict=True):
            table = table.append_column(field, column)
        return table


@dataclass(frozen=True, slots=True)
class PandasSource:
    """A dataframe of pandas; its index stays, and takes no part."""

    native: Any

    @property
    def columns(self) -> Sequence[str]:
        """The names of its columns; a name that is no text is no field's."""
        return [name for name in self.native.columns if isinstance(name, str)]

    @property
    def folded(self) -> bool:
        """Names are told apart by case."""
        return False

    @property
    def keeps_no_twins(self) -> bool:
        """Columns that are not needed are not touched."""
        return False

    def refuses(self, name: str) -> list[str]:
        """Polars, which decides them, takes some names for patterns."""
        return patterns(name)

    def open(self, needed: Sequence[str]) -> Opened:
        """The needed columns."""
        engine = elsewhere("pandas")
        found, problems = converted(needed, lambda name: pandas_column(self.native[name], name))
        return opened_arrow(engine, found, problems, len(self.native))

    def close(self, frame: Any, kinds: Mapping[str, Kind], dropped: Sequence[str]) -> Any:  # noqa: ARG002 - they stay behind
        """The frame with the results as further columns, row by row."""
        return self.native.assign(**pandas_results(collected(frame, kinds), kinds))


def converted(needed: Iterable[str], convert: Any) -> tuple[dict[str, Any], list[str]]:
    """Each needed column converted, and what is wrong with those that cannot be."""
    found: dict[str, Any] = {}
    problems: list[str] = []
    for name in needed:
        try:
            found[name] = convert(name)
        except UnfitColumnError as error:
            problems.append(str(error))
    return found, problems


def opened_arrow(engine: Engine, found: Mapping[str, Any], problems: Sequence[str], rows: int) -> Opened:
    """The converted columns as a frame of the engine that works on them."""
    import pyarrow as pa  # noqa: PLC0415 - see `elsewhere`

    held = {name: column for name, column in found.items() if column is not None}
    table = pa.table(held or {PLACE: pa.nulls(rows, pa.int64())})
    native: Any = table
    if engine == "polars":
        import polars as pl  # noqa: PLC0415 - see `elsewhere`

        native = pl.DataFrame(table).lazy()
    frame = nw.from_native(native)
    schema = frame.collect_schema()
    empty = frozenset(name for name, column in found.items() if column is None)
    return Opened(engine, frame, schema, empty, tuple(problems))


def collected(frame: Any, kinds: Mapping[str, Kind]) -> Any:
    """The results as a table of PyArrow, in the order of the rows."""
    results = frame.select(list(kinds))
    if isinstance(results, nw.LazyFrame):
        results = results.collect()
    return arrow_results(results.to_arrow(), kinds)
