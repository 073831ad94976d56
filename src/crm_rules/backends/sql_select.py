"""A query as one SELECT: the columns of the table and the results beside them.

The stages stand beside the table as LATERAL subqueries, whose columns do not appear in the result; where a database
has none, inside the subquery of each result. Expressions are written by `sql_expressions`, lines broken by
`sql_layout`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from crm_rules.backends.query import Item, Query, ToFloat
from crm_rules.backends.sql_dialects import Dialect, quoted
from crm_rules.backends.sql_expressions import Scope
from crm_rules.backends.sql_layout import Block, Entry, Piece, inline, lines, remark, separated
from crm_rules.backends.sql_stages import is_window, needed, tidied
from crm_rules.backends.sql_widths import width
from crm_rules.errors import CallError

Name: TypeAlias = str | Sequence[str]


def written_query(query: Query, dialect: Dialect, table: Name, *, title: Sequence[str] = ()) -> str:
    """One SELECT with all columns of the table and the results; `title` is written above it as comments.

    `table` is a name, or the names of a schema and a table; each is quoted as it is. Raises `CallError` for a
    name that the dialect cannot write, for two results of one name, and for a ranking where it cannot rank.
    """
    query = tidied(query)
    refuse_twins([item.name for item in query.results], dialect)
    source = quoted_name(table, dialect)
    writer = Writer(query, dialect, source)
    if dialect.stages == "lateral" or not query.stages:
        for place, stage in enumerate(query.stages, 1):
            writer.put_beside(place, [item for item in stage if not is_window(item)])
            writer.put_around(place, [item for item in stage if is_window(item)])
        results = [writer.result(item, writer.scope) for item in query.results]
    else:
        if any(is_window(item) for stage in query.stages for item in stage):
            raise CallError(
                f"{query.id} ranks all records together, which SQL for {dialect.name} cannot: use another dialect, or "
                "fit(records) for a policy that decides each row alone"
            )
        results = [writer.nested(item) for item in query.results]
    select = Block("SELECT", tuple(with_commas([Entry(writer.row), *results])), "")
    body = [line for piece in (select, *writer.source) for line in lines(piece)]
    return "\n".join([*map(remark, title), *body])


class Writer:
    """Puts the stages of a query beside or around its table, and knows how their columns are named there.

    `source` is what the results are selected from, `row` all columns of the table in it.
    """

    def __init__(self, query: Query, dialect: Dialect, table: str) -> None:
        self.query = query
        self.dialect = dialect
        ranks = any(is_window(item) for stage in query.stages for item in stage)
        # PostgreSQL takes `t` for a column of that name where there is one, and not for the row.
        alias = '"/t"' if ranks and dialect.leaves_out == "row" else "t"
        self.source: list[Piece] = [f"FROM {table} AS {alias}"]
        self.row = f"{alias}.*"
        self.names: dict[str, str] = {}
        taken: set[str] = {"row"}
        for item in (item for stage in query.stages for item in stage):
            self.names[item.name] = free_name(item.name, taken)
        facts = {feed.name: f"{alias}.{quoted(feed.column, dialect)}" for feed in query.feeds}
        self.scope = scope_of(query, dialect, facts)
        self.left_out: list[str] = []

    def item(self, item: Item, scope: Scope) -> Entry:
        """An item of a stage as a column."""
        return Entry(inline(scope.piece(item.expr), f" AS {quoted(self.names[item.name], self.dialect)}"), item.note)

    def result(self, item: Item, scope: Scope) -> Entry:
        """A result as a column."""
        return Entry(inline(scope.piece(item.expr), f" AS {quoted(item.name, self.dialect)}"), note_of(item))

    def placed(self, items: Iterable[str], alias: str) -> dict[str, str]:
        """Where the items are that stand in a subquery."""
        return {name: f"{alias}.{quoted(self.names[name], self.dialect)}" for name in items}

    def put_beside(self, place: int, stage: Sequence[Item]) -> None:
        """A stage of each row alone, as a subquery beside the table."""
        if not stage:
            return
        entries = [Entry(selected([self.item(item, self.scope) for item in stage]))]
        if self.dialect.end_of_stage:
            entries.append(Entry(self.dialect.end_of_stage))
        self.source.append(Block("CROSS JOIN LATERAL (", tuple(entries), f") AS s{place}"))
        items = {**self.scope.items, **self.placed((item.name for item in stage), f"s{place}")}
        self.scope = replace(self.scope, items=items)

    def put_around(self, place: int, stage: Sequence[Item]) -> None:
        """A stage that looks at all rows: everything so far becomes one subquery, with the row of the table in it."""
        if not stage:
            return
        if self.dialect.leaves_out == "row":
            row, alias = (f'{self.row.removesuffix(".*")} AS "row"', f"w{place}")
            facts = {feed.name: f'({alias}."row").{quoted(feed.column, self.dialect)}' for feed in self.query.feeds}
            self.row = f'({alias}."row").*'
            carried = list(self.scope.items)
        else:
            row, alias, facts = "t.*", "t", dict(self.scope.facts)
            carried = [name for name in self.scope.items if name not in self.left_out]
            for name in (*carried, *(item.name for item in stage)):
                self.names[name] = f"/{self.names[name]}"  # beside the columns of the table
                self.left_out.append(name)
            hidden = ", ".join(quoted(self.names[name], self.dialect) for name in self.left_out)
            self.row = f"t.* {self.dialect.leaves_out} ({hidden})"
        kept = [Entry(f"{self.scope.items[name]} AS {quoted(self.names[name], self.dialect)}") for name in carried]
        inner = selected([Entry(row), *kept, *(self.item(item, self.scope) for item in stage)])
        self.source = [Block("FROM (", tuple(Entry(piece) for piece in (inner, *self.source)), f") AS {alias}")]
        there = [*self.scope.items, *(item.name for item in stage)]
        self.scope = replace(self.scope, facts=facts, items=self.placed(there, alias))

    def nested(self, item: Item) -> Entry:
        """A result as a subquery over the stages that it needs, each around the one before."""
        known = {inner.name: inner for stage in self.query.stages for inner in stage}
        wanted = {inner.name for inner in needed(known, [item])[:-1]}
        source: Block | None = None
        scope, last = self.scope, ""
        for place, stage in enumerate(self.query.stages, 1):
            own = [inner for inner in stage if inner.name in wanted]
            if not own:
                continue
            carried = [] if source is None else [Entry(f"{last}.*")]
            columns = selected([*carried, *(self.item(inner, scope) for inner in own)])
            inside: list[Piece] = [columns] if source is None else [columns, source]
            last = f"s{place}"
            source = Block("FROM (", tuple(Entry(piece) for piece in inside), f") AS {last}")
            scope = replace(self.scope, items=self.placed(self.names, last))
        if source is None:
            return self.result(item, scope)
        select = inline("SELECT ", scope.piece(item.expr))
        name = quoted(item.name, self.dialect)
        return Entry(Block("(", (Entry(select), Entry(source)), f") AS {name}"), note_of(item))


def scope_of(query: Query, dialect: Dialect, facts: Mapping[str, str]) -> Scope:
    """The scope of expressions over the table alone; what is said of items holds wherever they are put."""
    widths: dict[str, int | None] = {}
    floats: set[str] = set()
    for item in (item for stage in query.stages for item in stage):
        widths[item.name] = width(item.expr, widths) if item.kind == "integer" else None
        if isinstance(item.expr, ToFloat):
            floats.add(item.name)
    return Scope(dialect, facts, {}, widths, frozenset(floats))


def selected(columns: Sequence[Entry]) -> Block:
    """A SELECT of these columns."""
    return Block("SELECT", tuple(with_commas(columns)), "")


def free_name(name: str, taken: set[str], longest: int = 40) -> str:
    """A short name for a column of a stage, that no other has in any case of its letters."""
    short = name.rsplit("/", 1)[-1].encode()[:longest].decode(errors="ignore")
    found, number = short, 1
    while found.casefold() in taken:
        number += 1
        found = f"{short} {number}"
    taken.add(found.casefold())
    return found


def refuse_twins(names: Sequence[str], dialect: Dialect) -> None:
    """Raise `CallError` for two results that the dialect takes for one."""
    seen: dict[str, str] = {}
    for name in names:
        key = name.casefold() if dialect.one_name_in_any_case else name
        if key in seen:
            raise CallError(
                f"two added columns would be `{seen[key]}` and `{name}`, which {dialect.name} takes for one; use names="
            )
        seen[key] = name


def note_of(item: Item) -> str:
    """The note of a result, unless its name says the same."""
    return "" if item.note.casefold() == item.name.casefold() else item.note


def with_commas(entries: Sequence[Entry]) -> list[Entry]:
    """The entries with a comma after each but the last."""
    pieces = separated([entry.piece for entry in entries])
    return [Entry(piece, entry.comment) for piece, entry in zip(pieces, entries, strict=True)]


def quoted_name(name: Name, dialect: Dialect) -> str:
    """A name, or the names of a schema and of what is in it, each in quotes as it is."""
    return ".".join(quoted(part, dialect) for part in ([name] if isinstance(name, str) else name))
