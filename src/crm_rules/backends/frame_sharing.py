"""Which expressions of a query are written more than once: equal ones are found in one pass, without comparing them.

Engines differ in what they notice themselves: Polars computes an equal expression once, SQL text is planned as often as
it is written, and narwhals writes some operands five times.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from crm_rules.backends.query import MEMBERS, NODES, Expr, children

Number: TypeAlias = int  # of an expression; equal expressions have one number


class Sharing:
    """The number of every expression below the given ones, and how many different expressions read it."""

    def __init__(self, roots: Iterable[Expr]) -> None:
        self._roots = tuple(roots)  # kept alive: expressions are known by identity
        self._numbers: dict[int, Number] = {}
        self._known: dict[Any, Number] = {}
        self._readers: Counter[Number] = Counter()
        for root in self._roots:
            self._readers[self._count(root)] += 1

    def number(self, node: Expr) -> Number | None:
        """The number of an expression that several others read; None where one does, or where it is not known."""
        found = self._numbers.get(id(node))
        return found if found is not None and self._readers[found] > 1 else None

    def _count(self, root: Expr) -> Number:
        """Number an expression after its parts; without recursion, because chains of conditions are long."""
        waiting: list[tuple[Expr, bool]] = [(root, False)]
        while waiting:
            node, ready = waiting.pop()
            if id(node) in self._numbers:
                continue
            if not ready:
                waiting.append((node, True))
                waiting.extend((child, False) for child in children(node))
                continue
            key = key_of(node, self._numbers)
            if key not in self._known:
                self._known[key] = len(self._known)
                self._readers.update(self._numbers[id(child)] for child in children(node))
            self._numbers[id(node)] = self._known[key]
        return self._numbers[id(root)]


def key_of(node: Expr, numbers: Mapping[int, Number]) -> Any:
    """What equal expressions have in common: their kind, their values, the numbers of their parts."""
    found: list[Any] = [type(node)]
    for name in MEMBERS[type(node)]:
        value = getattr(node, name)
        if name == "notes":
            continue
        if isinstance(value, tuple):
            found.append(tuple(numbers[id(part)] for part in value))
        elif type(value) in NODES:
            found.append(numbers[id(value)])
        else:
            found.append((type(value), value))  # true is not the integer one
    return tuple(found)
