"""Tables of how a portfolio is composed: count, sum and share of each class, and opening against current.

Any dataframe that narwhals reads goes in, the same kind comes out, lazy where it was lazy. Classes are
texts, and nothing is left out: rows without a class are a class of their own (null), rows without a
value are counted as `missing`. Counts, and sums of whole numbers and decimals, are exact; a whole number
beyond 64 bits is refused, so a lazy frame of whole numbers or decimals is read once when its table is made. Shares
and growth are floats, and null where they would divide by zero. No policy is known here: any column of
texts may hold the classes, such as one that `decide_frame` has added.

Whole numbers are added in halves: `high` counts units of 2**32, and `low` is what is left, so neither of
the sums passes 64 bits within two thousand million rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import product
from numbers import Real
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from crm_rules.errors import CallError

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw

Frame = TypeVar("Frame")

# Columns on the way to a table. Those of the classes get plain names too, because engines read a dot, a star or a
# pattern in a name as more than a name.
SIDE, AMOUNT, PLACE, WHOLE, CLASS = "_side", "_amount", "_place", "_whole", "_class"
UNKNOWN = "_unknown"
HALVES = ("_high_", "_low_")
UNIT = 2**32  # of the high half
DIGITS = 37  # of a sum of decimals, one less than they have, so that the change of two such sums is one too
NOWHERE = -1  # the side of a row that only names a class
LAST = 2**31
NO_CLASSES: Mapping[str, Sequence[str]] = MappingProxyType({})
BEYOND = "beyond 64 bits, which no whole number of the table holds; cast the column to decimals or floats first"
MEASURES = ("count", "missing", "sum")
OPENING, CURRENT, CHANGE, GROWTH = "_opening", "_current", "_change", "_growth"


def composition(
    frame: Frame, *, by: str | Sequence[str], value: str, classes: Mapping[str, Sequence[str]] = NO_CLASSES
) -> Frame:
    """A row a class: `count`, `missing` (rows without a value), `sum`, `count_share` and `sum_share` of the whole.

    `by` names the columns of the classes; an empty list gives one row, the whole. `classes` gives the
    values of each of these columns in their order: a class without rows stands there with zeros, and
    what is not among them comes last. Without it the order is that of the texts. Raises `CallError`
    for columns that are not there or hold something else, and for whole numbers beyond 64 bits.
    """
    keys = checked(by, value, classes)
    rows, whole = grouped({"": frame}, keys, value, classes)
    if whole:
        rows = put_together(rows, ["sum"], value)
    shares = {}
    for name in ("count", "sum"):
        parts = halves(name) if whole and name == "sum" else [of(name)]
        shares[f"{name}_share"] = quotient(number(parts), number([one.sum() for one in parts]))
    table: Frame = native(rows.with_columns(**shares), keys, (*MEASURES, *shares))
    return table


def movement(
    opening: Frame,
    current: Frame,
    *,
    by: str | Sequence[str],
    value: str,
    classes: Mapping[str, Sequence[str]] = NO_CLASSES,
) -> Frame:
    """A row a class of either frame: `count` and `sum`, each with `_opening`, `_current`, `_change` and `_growth`.

    A change is current less opening, and growth is the change over the opening: 0.25 is a quarter more,
    and null where the opening was zero. A customer that changed its class is in the old one at the
    opening and in the new one now. The other arguments, and `missing`, are those of `composition`.
    """
    keys = checked(by, value, classes)
    rows, whole = grouped({OPENING: opening, CURRENT: current}, keys, value, classes)
    changing = ["count", *(halved("sum") if whole else ["sum"])]
    rows = rows.with_columns(*((of(name + CURRENT) - of(name + OPENING)).alias(name + CHANGE) for name in changing))
    if whole:
        rows = put_together(rows, [f"sum{word}" for word in (OPENING, CURRENT, CHANGE)], value)
    shown: list[str] = []
    for name in MEASURES:
        shown += [name + OPENING, name + CURRENT]
        if name != "missing":
            change, before = (
                halves(name + word) if whole and name == "sum" else [of(name + word)] for word in (CHANGE, OPENING)
            )
            rows = rows.with_columns(quotient(number(change), number(before)).alias(name + GROWTH))
            shown += [name + CHANGE, name + GROWTH]
    table: Frame = native(rows, keys, shown)
    return table


def grouped(
    frames: Mapping[str, Any], keys: tuple[str, ...], value: str, classes: Mapping[str, Sequence[str]]
) -> tuple[Any, bool]:
    """A row a class with `count…`, `missing…` and `sum…` of each frame, and its place; and if the sums are in halves.

    The frames are given under what their columns end with.
    """
    import narwhals.stable.v2 as nw  # noqa: PLC0415 - optional, and only these tables need it

    if len({type(frame) for frame in frames.values()}) > 1:
        found = " and ".join(f"`{type(frame).__module__}.{type(frame).__name__}`" for frame in frames.values())
        raise CallError(f"`opening` and `current` are dataframes of one kind, found {found}")
    opened, whole = alike([prepared(frame, keys, value) for frame in frames.values()], value)
    sides = [one.with_columns(nw.lit(side).cast(nw.Int64).alias(SIDE)) for side, one in enumerate(opened)]
    sides = [one.with_columns(nw.lit(LAST).cast(nw.Int64).alias(PLACE)) for one in sides]
    amounts = halved(AMOUNT) if whole else [AMOUNT]
    names = plain(keys)
    wanted = product(*(classes[key] for key in keys)) if classes or not keys else ()
    for place, words in enumerate(wanted):
        # An aggregation always gives one row, of the frame's own types; no side counts it.
        biggest = [nw.col(name).max() for name in amounts]
        row = (
            opened[0]
            .select(*((one.fill_null(0).cast(nw.Int64) for one in biggest) if whole else biggest))
            .with_columns(
                *(nw.lit(word).alias(name) for name, word in zip(names, words, strict=True)),
                nw.lit(0).alias(UNKNOWN),
                nw.lit(0).alias(WHOLE),
                nw.lit(NOWHERE).cast(nw.Int64).alias(SIDE),
                nw.lit(place).cast(nw.Int64).alias(PLACE),
            )
        )
        sides.append(row)
    columns = (*names, WHOLE, UNKNOWN, *amounts, SIDE, PLACE)
    rows = nw.concat([one.select(*columns) for one in sides])
    measures: dict[str, nw.Expr] = {}
    for side, word in enumerate(frames):
        measures |= of_side(nw.col(SIDE) == side, word, whole=whole)
    rows = rows.with_columns(**measures)
    rows = rows.group_by(*names, WHOLE).agg(*(nw.col(name).sum() for name in measures), nw.col(PLACE).min())
    totals = {name: nw.col(name).fill_null(0) for name in measures}
    # A sum of floats or decimals stays what it is.
    kept = () if whole else tuple(f"sum{word}" for word in frames)
    totals = {name: total if name in kept else total.cast(nw.Int64) for name, total in totals.items()}
    return rows.with_columns(**totals), whole


def prepared(frame: Any, keys: tuple[str, ...], value: str) -> Any:
    """The columns of the classes and of the amount, by plain names; raises `CallError` where they do not fit."""
    import narwhals.stable.v2 as nw  # noqa: PLC0415 - see `grouped`

    try:
        opened: Any = nw.from_native(frame)
    except TypeError as error:
        raise CallError("a table of classes is made of a dataframe that narwhals reads") from error
    schema = opened.collect_schema()
    for name in (*keys, value):
        if name not in schema:
            raise CallError(f"the frame has no column `{name}`; there are {', '.join(f'`{one}`' for one in schema)}")
    for key in keys:
        if not isinstance(schema[key], nw.String | nw.Categorical | nw.Enum):
            raise CallError(f"classes are texts, and the column `{key}` holds {schema[key]}; make it texts first")
    if not schema[value].is_numeric():
        raise CallError(f"`value` names a column of numbers, and `{value}` holds {schema[value]}; cast it first")
    # All at once, so that no new name meets an old one.
    places = {name: f"_{place}" for place, name in enumerate(schema)}
    several = opened.implementation.is_pyarrow()  # types of texts
    texts = []
    for key, name in zip(keys, plain(keys), strict=True):
        text = nw.col(places[key])
        cast = several or not isinstance(schema[key], nw.String)
        texts.append((text.cast(nw.String) if cast else text).alias(name))
    found = renamed(opened, places).select(*texts, nw.col(places[value]).alias(AMOUNT))
    found = found.with_columns(nw.lit(0).alias(WHOLE))
    refuse_beyond(found, schema[value], value)
    return found


def renamed(opened: Any, names: Mapping[str, str]) -> Any:
    """The frame with each of its columns under another name."""
    import narwhals.stable.v2 as nw  # noqa: PLC0415 - see `grouped`

    if not opened.implementation.is_duckdb():
        return opened.rename(names)
    # By quoted text: as an expression of DuckDB the name `*` stands for all columns.
    doubled = {old.replace('"', '""'): new for old, new in names.items()}
    chosen = ", ".join(f'"{old}" AS "{new}"' for old, new in doubled.items())
    return nw.from_native(nw.to_native(opened).project(chosen))


def refuse_beyond(rows: Any, kind: nw.dtypes.DType, value: str) -> None:
    """Raise `CallError` for amounts that cannot be added exactly, of a type wide enough to hold such."""
    import narwhals.stable.v2 as nw  # noqa: PLC0415 - see `grouped`

    amount = nw.col(AMOUNT)
    if isinstance(kind, nw.UInt64 | nw.Int128 | nw.UInt128):
        if any(not -(2**63) <= end < 2**63 for end in read(rows, (amount.max(), amount.min()))):
            raise CallError(f"`{value}` holds a number {BEYOND}")
    elif kind.is_decimal():
        (most,) = read(rows, (amount.cast(nw.Float64).abs().sum(),))
        if most >= 10.0 ** (DIGITS - (getattr(kind, "scale", None) or 0)):
            raise CallError(f"`{value}` may have sums of more than {DIGITS} digits; cast the column to floats first")


def alike(frames: Sequence[Any], value: str) -> tuple[list[Any], bool]:
    """The frames with amounts of one type, and whether these are whole; whole ones become halves."""
    import narwhals.stable.v2 as nw  # noqa: PLC0415 - see `grouped`

    types = [frame.collect_schema()[AMOUNT] for frame in frames]
    amount = nw.col(AMOUNT)
    whole = all(one.is_integer() for one in types)
    if whole:
        high, low = halved(AMOUNT)
        frames = [one.with_columns(amount.cast(nw.Int64)) for one in frames]
        frames = [one.with_columns((amount // UNIT).alias(high)) for one in frames]
        frames = [one.with_columns((amount - nw.col(high) * UNIT).alias(low)) for one in frames]
    elif len(set(types)) > 1:
        if any(one.is_decimal() for one in types):
            raise CallError(f"`{value}` holds {' and '.join(map(str, types))}; cast it to one of them in both frames")
        frames = [one.with_columns(amount.cast(nw.Float64)) for one in frames]
    unknown = nw.when(amount.is_null()).then(nw.lit(1)).otherwise(nw.lit(0)).alias(UNKNOWN)
    return [one.with_columns(unknown) for one in frames], whole


def of(name: str) -> nw.Expr:
    """A column."""
    import narwhals.stable.v2 as nw  # noqa: PLC0415 - see `grouped`

    return nw.col(name)


def halved(name: str) -> list[str]:
    """The names of the two halves of a whole number."""
    return [half + name for half in HALVES]


def halves(name: str) -> list[nw.Expr]:
    """The two halves of a whole number."""
    return [of(half) for half in halved(name)]


def plain(keys: Sequence[str]) -> list[str]:
    """The names of the columns of the classes on the way to a table."""
    return [f"{CLASS}_{place}" for place, _ in enumerate(keys)]


def of_side(here: nw.Expr, word: str, *, whole: bool) -> dict[str, nw.Expr]:
    """What the rows of one side add to the measures."""
    import narwhals.stable.v2 as nw  # noqa: PLC0415 - see `grouped`

    nothing = nw.lit(0)
    counts = {
        f"count{word}": nw.when(here).then(nw.lit(1)).otherwise(nothing),
        f"missing{word}": nw.when(here).then(nw.col(UNKNOWN)).otherwise(nothing),
    }
    if not whole:
        return counts | {f"sum{word}": nw.when(here).then(nw.col(AMOUNT))}
    # Never a null among them: pandas would make floats of them all.
    added = zip(halved(f"sum{word}"), halves(AMOUNT), strict=True)
    return counts | {name: nw.when(here).then(half.fill_null(0)).otherwise(nothing) for name, half in added}


def put_together(rows: Any, names: Sequence[str], value: str) -> Any:
    """The rows with the whole numbers whose halves they have; raises `CallError` for one beyond 64 bits."""
    ends: list[nw.Expr] = []
    for name in names:
        high, low = halves(name)
        rows = rows.with_columns((low // UNIT).alias(name))
        rows = rows.with_columns(high + of(name), low - of(name) * UNIT)
        ends += [high.max(), high.min()]
    if any(not -(2**31) <= end < 2**31 for end in read(rows, ends)):
        raise CallError(f"a sum of `{value}`, or a change of one, is a number {BEYOND}")
    for name in names:
        high, low = halves(name)
        rows = rows.with_columns((high * UNIT + low).alias(name))
    return rows


def read(rows: Any, wanted: Sequence[nw.Expr]) -> list[Any]:
    """The numbers that aggregations of the rows give, zero where there is none."""
    import narwhals.stable.v2 as nw  # noqa: PLC0415 - see `grouped`

    found = rows.select(*(one.alias(f"_{place}") for place, one in enumerate(wanted)))
    asked = nw.to_native(found)
    if hasattr(asked, "fetchall"):  # a relation of DuckDB, which narwhals collects with PyArrow only
        (numbers,) = asked.fetchall()
    else:
        eager = found.collect() if isinstance(found, nw.LazyFrame) else found
        numbers = [eager.item(0, place) for place, _ in enumerate(wanted)]
    # A number of any library; null is None or a float here, or an object of its own.
    return [one if isinstance(one, Real | Decimal) and one == one else 0 for one in numbers]  # noqa: PLR0124


def number(parts: Sequence[nw.Expr]) -> nw.Expr:
    """A float of a column, or of its halves, rounded once."""
    import narwhals.stable.v2 as nw  # noqa: PLC0415 - see `grouped`

    first, *others = (one.cast(nw.Float64) for one in parts)
    for other in others:
        first = first * float(UNIT) + other
    return first


def quotient(above: nw.Expr, below: nw.Expr) -> nw.Expr:
    """A quotient of floats, null where it would divide by zero."""
    import narwhals.stable.v2 as nw  # noqa: PLC0415 - see `grouped`

    # The zeros make the divisor a column: by one number for all rows Polars multiplies with its reciprocal, which
    # rounds twice.
    return nw.when(below != 0).then(above / (below + nw.col(WHOLE)))


def checked(by: Any, value: Any, classes: Mapping[str, Any]) -> tuple[str, ...]:
    """The names in `by`, each a text that stands once; the classes of every one of them or of none."""
    keys = tuple(by) if isinstance(by, Iterable) and not isinstance(by, str) else (by,)
    for name in (*keys, value):
        if not isinstance(name, str):
            raise CallError(f"`by` and `value` name columns by texts, found {name!r}")
    for name in keys:
        if name.startswith(tuple(f"{one}_" for one in MEASURES)) or name in MEASURES:
            raise CallError(f"a column of the table is called `{name}` too; rename the column of the classes")
    if len(set(keys)) < len(keys) or value in keys:
        raise CallError("a column stands twice among `by` and `value`")
    if classes and set(classes) != set(keys):
        raise CallError(f"`classes` gives the values of all columns in `by`: {', '.join(keys) or 'there are none'}")
    for name, words in classes.items():
        listed = list(words) if isinstance(words, Iterable) and not isinstance(words, str) else [None]
        if not all(isinstance(word, str) for word in listed) or len(set(listed)) < len(listed):
            raise CallError(f"the classes of `{name}` are a list of different texts")
    return keys


def native(rows: Any, keys: tuple[str, ...], measures: Sequence[str]) -> Any:
    """The table in its order, as the kind of frame that came in."""
    import narwhals.stable.v2 as nw  # noqa: PLC0415 - see `grouped`

    names = plain(keys)
    ordered = rows.sort(PLACE, *names, nulls_last=True).select(*names, *measures)
    named = ordered.rename(dict(zip(names, keys, strict=True))) if keys else ordered
    return nw.to_native(nw.maybe_reset_index(named))
