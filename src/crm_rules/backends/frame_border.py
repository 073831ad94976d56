"""The border of a frame: which column feeds which field, how it is stored, and what cannot be taken.

Here alone the schema of a frame is read. A column is taken as it is, or cast without loss to one of the storages of
`query`: small integers to 64 bits (some engines count `100 + 50` in 8), categories to texts. What would lose or guess
anything is refused, all columns at once, each with what to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, assert_never

import narwhals.stable.v2 as nw

from crm_rules.backends.frame_columns import Column, like, null
from crm_rules.backends.query import TODAY, Feed
from crm_rules.dataclass import dataclass
from crm_rules.diagnostics import did_you_mean
from crm_rules.ir.program import Field
from crm_rules.ir.types import (
    Boolean,
    Choice,
    Date,
    DateTime,
    Integer,
    ListOf,
    ListOfValues,
    Money,
    Number,
    Text,
    Type,
    show_type,
)

if TYPE_CHECKING:
    from narwhals.stable.v2.dtypes import DType

PRECISION = 34  # the digits of a decimal that the library takes
SCALE = 15  # the decimals of a decimal column of which a float can hold the part behind the point
SHOWN_COLUMNS = 20


@dataclass(frozen=True, slots=True)
class Wanted:
    """A field, and the column that feeds it; None where it is missing in every row.

    With `values` it is a column of texts that stand for values.
    """

    field: Field
    column: str | None
    values: tuple[tuple[str, bool | str], ...] | None = None


@dataclass(frozen=True, slots=True)
class Border:
    """What a query can read: its feeds, their printed columns, and the casts that come before (by a new name).

    `columns` are those of the frame by the names of their fields, None for what is null in every row.
    """

    feeds: tuple[Feed, ...]
    facts: Mapping[str, Column]
    columns: Mapping[str, str | None]
    casts: Mapping[str, nw.Expr]


class UnfitColumnError(Exception):
    """A column that cannot be taken; its text continues `the column … `."""


def read_border(
    wanted: Sequence[Wanted], schema: Mapping[str, DType], empty: Iterable[str], taken: Iterable[str]
) -> tuple[Border, list[str]]:
    """The feeds of the wanted fields by the schema of their columns, and what is wrong with the others.

    A column of `empty` has no type and no value: its field is missing in every row. New columns have names that are
    not `taken`.
    """
    feeds: list[Feed] = []
    facts: dict[str, Column] = {}
    columns: dict[str, str | None] = {}
    casts: dict[str, nw.Expr] = {}
    problems: list[str] = []
    names = fresh_names(taken)
    missing = set(empty)
    for want in wanted:
        try:
            if want.column is None or want.column in missing:
                found = Taken(missing_column(want), cast=True)
            elif want.column in schema:
                found = column_of(want, want.column, schema[want.column])
            else:
                continue  # it could not be read at all, which was said
        except UnfitColumnError as error:
            problems.append(str(error))
            continue
        printed = found.printed
        columns[want.field.name] = None if want.column in missing else want.column
        if found.cast:
            name = next(names)
            casts[name] = printed.expr
            printed = like(printed, nw.col(name))
        facts[want.field.name] = printed
        values = want.values if printed.storage == "text" else None
        feeds.append(Feed(want.field.name, want.column or "", printed.storage, printed.scale, values))
    return Border(tuple(feeds), facts, columns, casts), problems


def fresh_names(taken: Iterable[str]) -> Iterator[str]:
    """Names for columns of our own, none of which is taken; some engines do not tell upper from lower case."""
    used = {name.casefold() for name in taken}
    number = 0
    while True:
        number += 1
        name = f"crm_rules_{number}"
        if name not in used:
            yield name


def absent_column(want: Wanted, columns: Sequence[str]) -> str:
    """What to say of a column that the frame does not have."""
    close = did_you_mean(str(want.column), columns)
    shown = ", ".join(f"`{name}`" for name in columns[:SHOWN_COLUMNS])
    more = f" and {len(columns) - SHOWN_COLUMNS} more" if len(columns) > SHOWN_COLUMNS else ""
    there = close or (f"there are {shown}{more}" if columns else "it has none")
    if want.field.name == TODAY:
        return f"there is no column `{want.column}` for today=; {there}"
    remedy = f"columns={{{want.field.name!r}: ...}} names another"
    if want.field.optional or want.field.default is not None:
        remedy += ", and None where it is missing in every row"
    return f"there is no column `{want.column}` for the field `{want.field.name}`; {there}; {remedy}"


@dataclass(frozen=True, slots=True)
class Taken:
    """A column that can be taken, and whether its expression is a cast."""

    printed: Column
    cast: bool = False


def column_of(want: Wanted, name: str, dtype: DType) -> Taken:
    """How the column of a field is taken; raises `UnfitColumnError`."""
    expr = nw.col(name)
    kind = want.field.type if want.values is None else Text()
    match kind:
        case Boolean():
            if dtype == nw.Boolean:
                return Taken(Column(expr, "boolean", dtype))
            raise unfit(want, dtype, "booleans")
        case Integer() | Number() | Money():
            return number_column(want, dtype, expr)
        case Choice() | Text():
            if dtype == nw.String:
                return Taken(Column(expr, "text", dtype))
            if isinstance(dtype, nw.Categorical | nw.Enum):
                return Taken(Column(expr.cast(nw.String()), "text", nw.String()), cast=True)
            raise unfit(want, dtype, "texts" if want.values is None else "the texts of `values`")
        case Date():
            return date_column(want, dtype, expr)
        case DateTime() | ListOf() | ListOfValues():
            raise unfed(want)
        case _:
            assert_never(kind)


def missing_column(want: Wanted) -> Column:
    """A column that is null in every row."""
    match want.field.type:
        case Boolean():
            return null("boolean")
        case Integer() | Number() | Money():
            return null("integer")
        case Choice() | Text():
            return null("text")
        case Date():
            return null("day")
        case DateTime() | ListOf() | ListOfValues():
            raise unfed(want)
        case _:
            assert_never(want.field.type)


def unfed(want: Wanted) -> UnfitColumnError:
    """What to say of a field that no column can hold."""
    kind = show_type(want.field.type)
    return UnfitColumnError(f"a column cannot hold `{want.field.name}` ({kind}): decide its records one by one")


def number_column(want: Wanted, dtype: DType, expr: nw.Expr) -> Taken:
    """Integers of up to 64 bits, 64-bit floats, and decimals of up to 34 digits."""
    if dtype == nw.Int64:
        return Taken(Column(expr, "integer", dtype))
    if dtype in {nw.Int8, nw.Int16, nw.Int32, nw.UInt8, nw.UInt16, nw.UInt32}:
        return Taken(Column(expr.cast(nw.Int64()), "integer", nw.Int64()), cast=True)
    if dtype == nw.Float64:
        return Taken(Column(expr, "float", dtype))
    if dtype in {nw.Float32, nw.Float16}:
        raise UnfitColumnError(
            f"{fed(want)} holds 32-bit floats, which do not show the decimals that were written: cast it to 64-bit "
            "floats where the numbers are made, or to decimals"
        )
    if dtype in {nw.UInt64, nw.Int128, nw.UInt128}:
        raise UnfitColumnError(f"{fed(want)} holds integers of more than 63 bits ({dtype}): cast it to 64-bit integers")
    if isinstance(dtype, nw.Decimal):
        if dtype.precision > PRECISION or dtype.scale > SCALE:
            raise UnfitColumnError(
                f"{fed(want)} holds decimals of {dtype.precision} digits, {dtype.scale} of them after the point: cast "
                f"it to at most {PRECISION} and {SCALE}"
            )
        return Taken(Column(expr, "decimal", dtype, dtype.precision, dtype.scale))
    raise unfit(want, dtype, "numbers")


def date_column(want: Wanted, dtype: DType, expr: nw.Expr) -> Taken:
    """Dates, and dates with a time but no zone; each row must then stand at midnight."""
    if dtype == nw.Date:
        return Taken(Column(expr, "date", dtype))
    if isinstance(dtype, nw.Datetime):
        if dtype.time_zone is not None:
            raise UnfitColumnError(
                f"{fed(want)} holds moments with a time zone ({dtype.time_zone}), whose day depends on where one "
                "stands: cast it to dates"
            )
        return Taken(Column(expr, "datetime", dtype))
    raise unfit(want, dtype, "dates")


def unfit(want: Wanted, dtype: DType, words: str) -> UnfitColumnError:
    """What to say of a column of another type."""
    return UnfitColumnError(f"{fed(want)} holds {dtype}, expected {words}")


def fed(want: Wanted) -> str:
    """The column and what it is for."""
    if want.field.name == TODAY:
        return f"the column `{want.column}` for today="
    kind: Type = want.field.type
    return f"the column `{want.column}` for the field `{want.field.name}` ({show_type(kind)})"
