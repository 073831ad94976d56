"""A query in the stages that suit text: what people read, and what engines compute stage by stage.

`tidied` gives the same query: an item that is small and read once stands where it is read, an expression that would
be written several times becomes an item, and every item is in the earliest stage that it can be in. What becomes an
item is computed for every row, also where a guard stood before it, so only what cannot leave 64 bits does. It prints
nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from datetime import date, timedelta
from math import prod
from typing import Any, Final

from crm_rules.backends.query import (
    Add,
    CurrentDay,
    DayAt,
    DayNumber,
    DayPart,
    Expr,
    Fact,
    Feed,
    Fixed,
    FloorDivide,
    IsMidnight,
    IsWhole,
    Item,
    Multiply,
    Named,
    Null,
    Query,
    Scaled,
    Subtract,
    SumAbove,
    SumOver,
    ToFloat,
    When,
    children,
    names_in,
)

SMALL: Final = 12  # nodes of an expression that is read once, to stand where it is read
LARGE: Final = 6  # nodes of an expression that is not written twice
STANDS_ANYWHERE: Final = (CurrentDay, Fact, Fixed, Named, Null)  # as short as the name of an item
WRITTEN_TWICE: Final = (FloorDivide, Scaled, DayNumber, DayPart, DayAt, IsMidnight, IsWhole)  # in some dialect
LIMIT: Final = 2**63
LARGEST_COUNT: Final = 2**53  # of a stored number that is counted
EPOCH: Final = date(1970, 1, 1)
FIRST_DAY: Final = (date.min - EPOCH).days
LAST_DAY: Final = (date.max - EPOCH).days
LARGEST_DAY: Final = 2**32  # of a day's number, and of its year, in any database


def tidied(query: Query) -> Query:
    """The same query in the stages that suit text."""
    query = over_items(query, lambda item: replace(item, expr=with_days(item.expr)))
    items = {item.name: item for stage in query.stages for item in stage}
    uses = Counter(name for item in needed(items, query.results) for name in names_in(item.expr))
    pinned = {name for item in items.values() if is_window(item) for name in (item.name, *names_in(item.expr))}
    kept: dict[str, Item] = {}
    placed: dict[str, Expr] = {}
    for name, item in items.items():
        if name not in uses:
            continue
        expr = rebuilt(item.expr, placed)
        small = isinstance(expr, STANDS_ANYWHERE) or (uses[name] == 1 and size(expr) <= SMALL)
        if isinstance(expr, Named | Fact) or (small and name not in pinned):
            placed[name] = expr
        else:
            kept[name] = replace(item, expr=expr)
    results = tuple(replace(item, expr=rebuilt(item.expr, placed)) for item in query.results)
    sharing = Sharing()
    inner = [sharing.shared(item) for item in kept.values()]
    outer = tuple(sharing.shared(item) for item in results)
    return replace(query, stages=levelled([*sharing.items, *inner]), results=outer)


def is_window(item: Item) -> bool:
    """True for an item that looks at all rows."""
    return isinstance(item.expr, SumOver | SumAbove)


def needed(items: Mapping[str, Item], results: Iterable[Item]) -> list[Item]:
    """The items that the results read, directly or through others, and the results."""
    found: dict[str, Item] = {}
    pending = [name for item in results for name in names_in(item.expr)]
    while pending:
        name = pending.pop()
        if name not in found:
            found[name] = items[name]
            pending += names_in(items[name].expr)
    return [*found.values(), *results]


def over_items(query: Query, change: Callable[[Item], Item]) -> Query:
    """The query with each of its items changed."""
    stages = tuple(tuple(map(change, stage)) for stage in query.stages)
    return replace(query, stages=stages, results=tuple(map(change, query.results)))


def levelled(items: list[Item]) -> tuple[tuple[Item, ...], ...]:
    """The items in stages: each in the one after the last that it reads."""
    known = {item.name: item for item in items}
    levels: dict[str, int] = {}

    def level(name: str) -> int:
        if name not in levels:
            levels[name] = max((level(inner) + 1 for inner in names_in(known[name].expr)), default=0)
        return levels[name]

    last = max(map(level, known), default=-1)
    return tuple(tuple(item for item in items if levels[item.name] == place) for place in range(last + 1))


def merged(queries: Sequence[Query]) -> Query:
    """The queries of several policies as one; what two of them compute alike is computed once."""
    feeds: dict[str, Feed] = {}
    items: dict[str, Item] = {}
    results: list[Item] = []
    for query in queries:
        renamed: dict[str, Expr] = {}
        feeds |= {feed.name: feed for feed in query.feeds}
        for item in (item for stage in query.stages for item in stage):
            own = replace(item, expr=rebuilt(item.expr, renamed))
            if items.setdefault(item.name, own).expr != own.expr:
                name = f"{item.name} of {query.id}"
                items[name] = replace(own, name=name)
                renamed[item.name] = Named(name)
        results += [replace(item, expr=rebuilt(item.expr, renamed)) for item in query.results]
    ids = ", ".join(query.id for query in queries)
    # Each item is a stage of its own here: the printer puts them together again.
    return Query(ids, tuple(feeds.values()), tuple((item,) for item in items.values()), tuple(results))


# Expressions that would be written several times


class Sharing:
    """Gives what would be written several times a name; `items` are the expressions that got one.

    Equal expressions are one object here, so that none is compared or counted along all that stands in it.
    """

    def __init__(self) -> None:
        self.items: list[Item] = []
        self.one: dict[tuple[object, ...], Expr] = {}  # by type, other members and the identities of the parts
        self.names: dict[int, Expr] = {}
        self.bounds: dict[str, int] = {}  # of items: how large an integer in them can become at most

    def shared(self, item: Item) -> Item:
        """The item with names in the place of what it would write several times."""
        made: dict[int, Expr] = {}
        own: dict[int, Expr] = {}
        for node in reversed(list(distinct(item.expr))):  # parts come before what they stand in
            made[id(node)] = found = self.unique(with_parts(node, made))
            own[id(found)] = found
        uses: Counter[int] = Counter()
        for node in own.values():
            for child in children(node):
                uses[id(child)] += 2 if isinstance(node, WRITTEN_TWICE) else 1
        named: dict[int, Expr] = {}
        bounds: dict[int, int] = {}
        for key, node in own.items():
            expr = with_parts(node, named)
            bounds[key] = self.bound(expr, [bounds[id(child)] for child in children(node)])
            if uses[key] > 1 and size(expr) >= LARGE and bounds[key] < LIMIT:
                expr = self.name(item, key, expr, bounds[key])
            named[key] = expr
        root = id(made[id(item.expr)])
        self.bounds[item.name] = min(bounds[root], LIMIT - 1)  # it is computed, so that it is one of 64 bits
        return replace(item, expr=named[root])

    def unique(self, node: Expr) -> Expr:
        """The one object of an expression whose parts are such objects."""
        parts = {id(child) for child in children(node)}
        members: list[object] = [type(node)]
        for field in fields(node):
            value = getattr(node, field.name)
            ones = value if isinstance(value, tuple) else (value,)
            members += [id(one) if id(one) in parts else (type(one), one) for one in ones]
        return self.one.setdefault(tuple(members), node)

    def name(self, item: Item, key: int, expr: Expr, bound: int) -> Expr:
        """The name of an expression; one that was named for another item keeps it."""
        if key not in self.names:
            name = f"{item.name} part {len(self.items) + 1}"
            self.names[key] = Named(name)
            self.bounds[name] = bound
            self.items.append(Item(name, expr, item.kind))
        return self.names[key]

    def bound(self, expr: Expr, parts: list[int]) -> int:  # noqa: PLR0911 - one case a node
        """How large an integer becomes at most where the parts have these bounds; LIMIT where one may leave 64 bits."""
        if max(parts, default=0) >= LIMIT:
            return LIMIT
        match expr:
            case Fixed(int() as value):
                return abs(value)
            case Named(name):
                return self.bounds.get(name, LIMIT - 1)
            case Fact() | SumOver() | SumAbove():
                return LIMIT - 1
            case ToFloat():
                return 0
            case Scaled():
                return LARGEST_COUNT
            case DayNumber() | DayPart():
                return LARGEST_DAY
            case Add() | Subtract():
                return min(sum(parts), LIMIT)
            case Multiply():
                return min(prod(parts), LIMIT)
            case _:
                return max(parts, default=0)


def distinct(expr: Expr) -> Iterator[Expr]:
    """The expression and all that stand in it, what is one object as often as it is met last."""
    order: dict[int, Expr] = {}
    pending = [expr]
    while pending:
        node = pending.pop()
        order.pop(id(node), None)
        order[id(node)] = node
        pending += children(node)
    return iter(order.values())


# Days


def with_days(expr: Expr) -> Expr:
    """The expression with days in the place of the days of their numbers, where every choice between them has one."""
    made: dict[int, Expr] = {}
    for node in reversed(list(distinct(expr))):
        own = with_parts(node, made)
        day = day_of(own.operand) if isinstance(own, DayAt) else None
        made[id(node)] = own if day is None else day
    return made[id(expr)]


def day_of(number: Expr) -> Expr | None:
    """The day of a number that is a day's, some days more, or a choice between such numbers; else None."""
    match number:
        case DayNumber(day):
            return day
        case Add(DayNumber(), Fixed()):
            return DayAt(number)
        case Fixed(int() as value) if FIRST_DAY <= value <= LAST_DAY:
            return Fixed(EPOCH + timedelta(value))
        case When():
            return choice_of_days(number)
        case _:
            return None


def choice_of_days(chain: When) -> Expr | None:
    """The chain with days for their numbers; None where one has no day."""
    branches: list[tuple[When, Expr]] = []
    rest: Expr = chain
    while isinstance(rest, When):
        then = day_of(rest.then)
        if then is None:
            return None
        branches.append((rest, then))
        rest = rest.otherwise
    found = day_of(rest)
    for branch, then in reversed(branches):
        found = None if found is None else When(branch.condition, then, found, branch.notes)
    return found


# Walking


def size(expr: Expr) -> int:
    """How many nodes an expression has, itself included."""
    return sum(1 for _ in nodes_of(expr))


def nodes_of(expr: Expr) -> Iterator[Expr]:
    """The expression and all that stand in it, each before its parts."""
    pending = [expr]
    while pending:
        node = pending.pop()
        yield node
        pending += children(node)


def rebuilt(expr: Expr, placed: Mapping[str, Expr]) -> Expr:
    """The expression with other expressions in the place of items."""
    made: dict[int, Expr] = {}
    for node in reversed(list(nodes_of(expr))):  # the parts of a node come before it; a chain may be long
        made[id(node)] = placed.get(node.name, node) if isinstance(node, Named) else with_parts(node, made)
    return made[id(expr)]


def with_parts(node: Expr, made: Mapping[int, Expr]) -> Expr:
    """The node with its parts as they were made; itself where none has changed."""
    changes: dict[str, Any] = {}
    for field in fields(node):
        value = getattr(node, field.name)
        if isinstance(value, tuple):
            found: Any = tuple(made.get(id(one), one) for one in value)
            changed = any(new is not old for new, old in zip(found, value, strict=True))
        else:
            found = made.get(id(value), value)
            changed = found is not value
        if changed:
            changes[field.name] = found
    return replace(node, **changes) if changes else node
