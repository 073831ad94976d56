"""What became of many records: outcomes before and after, counted, with the exact sum of a chosen field.

    ledger = Ledger(("stage",), sum_of="amount")
    ledger.add("C-1", Outcome("decided", ("A",)), Outcome("decided", ("B",)), amount=Fraction(100))
    migration = ledger.close()

A record may be there on one side only: then it is new or it has vanished. A status that is not `decided` is an
outcome like the others. Records that move are kept, the others only counted. Nothing here knows a
policy or a file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, Literal, TypeAlias

from crm_rules.ir.numbers import Exact, parse_number
from crm_rules.ir.record import parse_date

Kind: TypeAlias = Literal["value", "status", "absent"]
MOST_PLACES: Final = 16  # different outcomes of one output that a matrix can show
DECIDED: Final = "decided"
WORDS: Final = 2  # the place of texts among sizes


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one record got: a status, the outputs when it is `decided`, and the rules or the reason, for people."""

    status: str
    values: tuple[Any, ...] = ()
    why: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Place:
    """One outcome of one output: a value, a status in its stead, or that the record is not there."""

    kind: Kind
    value: Any = None


ABSENT: Final = Place("absent")


@dataclass(frozen=True, slots=True)
class Cell:
    """So many records went from one outcome to another; `total` sums the chosen field over them."""

    before: Place
    after: Place
    rows: int
    total: Exact


@dataclass(frozen=True, slots=True)
class Matrix:
    """The outcomes of one output before and after, in their order; only pairs that occur have a cell.

    `is_open` says that there are too many different values for a table; then `higher` and `lower` count the
    records whose value rose or fell, later days counting as higher.
    """

    output: str
    before: tuple[Place, ...]
    after: tuple[Place, ...]
    cells: tuple[Cell, ...]
    is_open: bool = False
    higher: int = 0
    lower: int = 0

    @property
    def changed(self) -> int:
        """How many records have another outcome now, new and vanished ones included."""
        return sum(cell.rows for cell in self.cells if cell.before != cell.after)

    def cell(self, before: Place, after: Place) -> Cell:
        """The cell of a pair of outcomes; with nothing in it when the pair does not occur."""
        found = (cell for cell in self.cells if (cell.before, cell.after) == (before, after))
        return next(found, Cell(before, after, 0, 0))


@dataclass(frozen=True, slots=True)
class Move:
    """One record whose outcome is another now; None on the side where it is not there."""

    key: str
    before: Outcome | None
    after: Outcome | None
    amount: Exact | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Migration:
    """The whole account. `without_amount` counts the records in which the summed field holds no number."""

    outputs: tuple[str, ...]
    rows: int
    same: int
    new: int
    vanished: int
    matrices: tuple[Matrix, ...]
    moves: tuple[Move, ...]
    sum_of: str | None = None
    without_amount: int = 0
    first_without: str = ""

    @property
    def moved(self) -> int:
        """How many records there are on both sides with another outcome."""
        return self.rows - self.same - self.new - self.vanished


Pair: TypeAlias = tuple[Outcome | None, Outcome | None]


@dataclass(slots=True)
class Ledger:
    """Takes the records one by one. `orders` has the values of an output in their own order, where there is one."""

    outputs: tuple[str, ...]
    sum_of: str | None = None
    orders: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    counts: Counter[Pair] = field(default_factory=Counter)
    totals: dict[Pair, Exact] = field(default_factory=dict)
    moves: list[Move] = field(default_factory=list)
    without_amount: int = 0
    first_without: str = ""

    def add(
        self, key: str, before: Outcome | None, after: Outcome | None, amount: Exact | None = None, note: str = ""
    ) -> None:
        """Count one record."""
        pair = before, after
        self.counts[pair] += 1
        if self.sum_of is not None:
            if amount is None:
                self.without_amount += 1
                self.first_without = self.first_without or key
            else:
                self.totals[pair] = self.totals.get(pair, 0) + amount
        if before != after:
            self.moves.append(Move(key, before, after, amount, note))

    def close(self) -> Migration:
        """The account of all records so far."""
        return Migration(
            self.outputs,
            sum(self.counts.values()),
            sum(count for (before, after), count in self.counts.items() if before == after),
            sum(count for (before, _), count in self.counts.items() if before is None),
            sum(count for (_, after), count in self.counts.items() if after is None),
            tuple(self.matrix(position, name) for position, name in enumerate(self.outputs)),
            tuple(self.moves),
            self.sum_of,
            self.without_amount,
            self.first_without,
        )

    def matrix(self, position: int, name: str) -> Matrix:
        """The account of one output."""
        counts: Counter[tuple[Place, Place]] = Counter()
        totals: dict[tuple[Place, Place], Exact] = {}
        for pair, count in self.counts.items():
            places = place_of(pair[0], position), place_of(pair[1], position)
            counts[places] += count
            totals[places] = totals.get(places, 0) + self.totals.get(pair, 0)
        order = in_order({place for places in counts for place in places}, self.orders.get(name, ()))
        rank = {place: number for number, place in enumerate(order)}
        pairs = sorted(counts, key=lambda places: (rank[places[0]], rank[places[1]]))
        cells = tuple(Cell(*places, counts[places], totals[places]) for places in pairs)
        before, after = (
            tuple(place for place in order if any(places[side] == place for places in pairs)) for side in (0, 1)
        )
        if len(order) <= MOST_PLACES or name in self.orders:
            return Matrix(name, before, after, cells)
        rises = Counter(dict.fromkeys((-1, 0, 1), 0))
        for cell in cells:
            rises[rise(cell.before.value, cell.after.value)] += cell.rows
        return Matrix(name, before, after, cells, is_open=True, higher=rises[1], lower=rises[-1])


def place_of(outcome: Outcome | None, position: int) -> Place:
    """Where a record stands in the account of one output."""
    if outcome is None:
        return ABSENT
    if outcome.status != DECIDED:
        return Place("status", outcome.status)
    return Place("value", outcome.values[position])


def in_order(places: Iterable[Place], declared: Sequence[Any]) -> tuple[Place, ...]:
    """Values in their declared order, or by size; then missing, then statuses, then what is not there."""

    def rank(place: Place) -> tuple[Any, ...]:
        if place.kind != "value":
            return 3, place.kind == "absent", str(place.value)
        if place.value in declared:
            return 0, list(declared).index(place.value)
        if place.value is None or place.value == "":
            return 2, 0
        return 1, *size(place.value)

    return tuple(sorted(places, key=rank))


def size(value: Any) -> tuple[int, Any]:
    """What values are sorted by: numbers by size, also those written as texts, then days, then texts."""
    if isinstance(value, str):
        number = parse_number(value)
        return (WORDS, value) if number is None else (0, number)
    if isinstance(value, date):
        return 1, value
    return (WORDS, str(value)) if isinstance(value, tuple) else (0, value)


def rise(before: Any, after: Any) -> int:
    """1 when a number or day is higher than before, -1 when it is lower, 0 when neither can be said."""
    if before in {None, ""} or after in {None, ""} or before == after:
        return 0
    (kind, one), (other_kind, other) = size(before), size(after)
    if kind != other_kind:
        return 0
    if kind == WORDS and not (is_day(before) and is_day(after)):
        return 0
    return 1 if other > one else -1


def is_day(value: Any) -> bool:
    """True for the ISO text of a day."""
    return isinstance(value, str) and parse_date(value) is not None
