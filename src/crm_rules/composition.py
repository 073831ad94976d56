"""Tables of how a portfolio is composed: count, sum and share of each class, and opening against current.

Any dataframe that narwhals reads goes in, the same kind comes out, lazy where it was lazy. Classes are
texts, and nothing is left out: rows without a class are a class of their own (null), rows without a
value are counted as `missing`. Counts, and sums of whole numbers and decimals, are exact; shares and
growth are floats, and null where they would divide by zero. No policy is known here: any column of
texts may hold the classes, such as one that `decide_frame` has added.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from crm_rules.errors import CallError

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw

Frame = TypeVar("Frame")

# Columns on the way to a table, which no column of classes may be called.
SIDE, AMOUNT, PLACE, WHOLE = "_side", "_amount", "_place", "_whole"
NOWHERE = -1  # the side of a row that only names a class
LAST = 2**31
NO_CLASSES: Mapping[str, Sequence[str]] = MappingProxyType({})
MEASURES = ("count", "missing", "sum")


def composition(
    frame: Frame, *, by: str | Sequence[str], value: str, classes: Mapping[str, Sequence[str]] = NO_CLASSES
) -> Frame:
    """A row a class: `count`, `missing` (rows without a value), `sum`, `count_share` and `sum_share` of the whole.

    `by` names the columns of the classes; an empty list gives one row, the whole. `classes` gives the
    values of each of these columns in their order: a class without rows stands there with zeros, and
    what is not among them comes last. Without it the order is that of the texts. Raises `CallError`
    for columns that are not there or hold something else.
    """
    keys = (by,) if isinstance(by, str) else tuple(by)
    rows = grouped((frame,), keys, value, classes).rename({f"{name}_0": name for name in MEASURES})
    shares = {f"{name}_share": quotient(of(name), of(name).sum()) for name in ("count", "sum")}
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
    keys = (by,) if isinstance(by, str) else tuple(by)
    rows = grouped((opening, current), keys, value, classes)
    names = {
        f"{name}_{side}": f"{name}_{word}" for name in MEASURES for side, word in enumerate(("opening", "current"))
    }
    rows = rows.rename(names)
    shown: list[str] = []
    for name in MEASURES:
        shown += [f"{name}_opening", f"{name}_current"]
        if name != "missing":
            change = of(f"{name}_current") - of(f"{name}_opening")
            rows = rows.with_columns(change.alias(f"{name}_change"))
            rows = rows.with_columns(quotient(of(f"{name}_change"), of(f"{name}_opening")).alias(f"{name}_growth"))
            shown += [f"{name}_change", f"{name}_growth"]
    table: Frame = native(rows, keys, shown)
    return table


def grouped(frames: Sequence[Any], keys: tuple[str, ...], value: str, classes: Mapping[str, Sequence[str]]) -> Any:
    """A row a class with `count_N`, `missing_N` and `sum_N` for the rows of frame N, and its place in the order."""
    import narwhals.stable.v2 as nw  # noqa: PLC0415 - optional, and only these tables need it

    check_classes(keys, value, classes)
    opened = [prepared(frame, keys, value) for frame in frames]
    sides = [one.with_columns(nw.lit(side).cast(nw.Int64).alias(SIDE)) for side, one in enumerate(opened)]
    sides = [one.with_columns(nw.lit(LAST).cast(nw.Int64).alias(PLACE)) for one in sides]
    wanted = product(*(classes[key] for key in keys)) if classes or not keys else ()
    for place, words in enumerate(wanted):
        # An aggregation always gives one row, of the frame's own types; no side counts it.
        row = (
            opened[0]
            .select(nw.col(AMOUNT).max())
            .with_columns(
                *(nw.lit(word).alias(key) for key, word in zip(keys, words, strict=True)),
                nw.lit(0).alias(WHOLE),
                nw.lit(NOWHERE).cast(nw.Int64).alias(SIDE),
                nw.lit(place).cast(nw.Int64).alias(PLACE),
            )
        )
        sides.append(row)
    columns = (*keys, WHOLE, AMOUNT, SIDE, PLACE)
    rows = nw.concat([one.select(*columns) for one in sides])
    rows = rows.with_columns(**{name: expr for side in range(len(frames)) for name, expr in of_side(side).items()})
    sums = (nw.col(f"{name}_{side}").sum() for side in range(len(frames)) for name in MEASURES)
    rows = rows.group_by(*keys, WHOLE).agg(*sums, nw.col(PLACE).min())
    whole = opened[0].collect_schema()[AMOUNT].is_integer()
    totals = (total(f"{name}_{side}", whole=whole or name != "sum") for side in range(len(frames)) for name in MEASURES)
    return rows.with_columns(*totals)


def of(name: str) -> nw.Expr:
    """A column."""
    import narwhals.stable.v2 as nw  # noqa: PLC0415 - see `grouped`

    return nw.col(name)


def of_side(side: int) -> dict[str, nw.Expr]:
    """What the rows of one side add to the measures."""
    import narwhals.stable.v2 as nw  # noqa: PLC0415 - see `grouped`

    here, unknown = nw.col(SIDE) == side, nw.col(AMOUNT).is_null()
    return {
        f"count_{side}": nw.when(here).then(nw.lit(1)).otherwise(nw.lit(0)),
        f"missing_{side}": nw.when(here & unknown).then(nw.lit(1)).otherwise(nw.lit(0)),
        f"sum_{side}": nw.when(here).then(nw.col(AMOUNT)),
    }


def total(name: str, *, whole: bool) -> nw.Expr:
    """A sum, zero where it has nothing to add, and a plain integer where it is whole."""
    import narwhals.stable.v2 as nw  # noqa: PLC0415 - see `grouped`

    found = nw.col(name).fill_null(0)
    return found.cast(nw.Int64) if whole else found


def quotient(above: nw.Expr, below: nw.Expr) -> nw.Expr:
    """A float, null where it would divide by zero."""
    import narwhals.stable.v2 as nw  # noqa: PLC0415 - see `grouped`

    # The zeros make the divisor a column: by one number for all rows Polars multiplies with its reciprocal, which
    # rounds twice.
    return nw.when(below != 0).then(above.cast(nw.Float64) / (below.cast(nw.Float64) + nw.col(WHOLE)))


def prepared(frame: Any, keys: tuple[str, ...], value: str) -> Any:
    """The columns of the classes and of the amount; raises `CallError` where they are not there or do not fit."""
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
    amount = nw.col(value).cast(nw.Int64) if schema[value].is_integer() else nw.col(value)
    texts = [nw.col(key) if isinstance(schema[key], nw.String) else nw.col(key).cast(nw.String) for key in keys]
    return opened.select(*texts, amount.alias(AMOUNT)).with_columns(nw.lit(0).alias(WHOLE))


def check_classes(keys: tuple[str, ...], value: str, classes: Mapping[str, Sequence[str]]) -> None:
    """Names that stand once, and classes for every one of them or for none."""
    taken = {SIDE, AMOUNT, PLACE, WHOLE}
    for name in keys:
        if name in taken or name.startswith(tuple(f"{one}_" for one in MEASURES)) or name in MEASURES:
            raise CallError(f"a column of the table is called `{name}` too; rename the column of the classes")
    if len(set(keys)) < len(keys) or value in keys:
        raise CallError("a column stands twice among `by` and `value`")
    if classes and set(classes) != set(keys):
        raise CallError(f"`classes` gives the values of all columns in `by`: {', '.join(keys) or 'there are none'}")
    for name, words in classes.items():
        if isinstance(words, str) or len(set(words)) < len(words):
            raise CallError(f"the classes of `{name}` are a list of different texts")


def native(rows: Any, keys: tuple[str, ...], measures: Sequence[str]) -> Any:
    """The table in its order, as the kind of frame that came in."""
    import narwhals.stable.v2 as nw  # noqa: PLC0415 - see `grouped`

    ordered = rows.sort(PLACE, *keys, nulls_last=True).select(*keys, *measures)
    return nw.to_native(nw.maybe_reset_index(ordered))
