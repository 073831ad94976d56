"""Policies as the text of one SELECT: all columns of a table, and what the policies add to every row.

Each policy is lowered to a `Query` over columns of which nothing is known yet, and all of them are printed as one
(`sql_select`). Nothing is executed here, and no table is looked at: an added column that the table has already is the
database's to refuse, or to show twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final, TypeAlias

from crm_rules.backends.query import TODAY, CurrentDay, Expr, Fact, Feed, Query
from crm_rules.backends.query_blocked import blocked_query
from crm_rules.backends.sql_dialects import Dialect, dialect_of
from crm_rules.backends.sql_select import Name, quoted_name, written_query
from crm_rules.backends.sql_stages import merged
from crm_rules.backends.table_call import Ask, constant_feeds, fed_by, needed_fields
from crm_rules.backends.to_query import to_query

CURRENT_DATE: Final = CurrentDay()  # `today` of every row is the day of the database's clock, whenever it is asked
Day: TypeAlias = date | str | CurrentDay | None


def select(asks: Sequence[Ask], *, dialect: str, table: Name, today: Day, title: Sequence[str] = ()) -> str:
    """One SELECT over `table` with the columns that the policies add.

    `today` is a date, the name of a column, or `CURRENT_DATE`. Raises `CallError` for an unknown dialect, for names
    that it cannot write, and for what a table cannot express.
    """
    form = dialect_of(dialect)
    query = merged([query_of(ask, form, today) for ask in asks])
    return written_query(query, form, table, title=[*title, *day_title(asks, today)])


def create_view(name: Name, text: str, *, dialect: str) -> str:
    """The statement that makes a view of a SELECT; `name` is a name, or the names of a schema and a view."""
    return f"CREATE VIEW {quoted_name(name, dialect_of(dialect))} AS\n{text}"


def query_of(ask: Ask, dialect: Dialect, today: Day) -> Query:
    """The query of one policy over columns of which the dialect knows as little as nothing."""
    if ask.blocked:
        return blocked_query(ask.chain.program, ask.blocked, ask.results)
    fed = {field.name: fed_by(ask, field) for field in needed_fields(ask)}
    feeds = [
        Feed(name, one.column, dialect.storage, values=one.values)
        for name, one in fed.items()
        if one.column is not None
    ]
    feeds += constant_feeds(ask)
    day: Expr | None = None
    if ask.needs_today and isinstance(today, str):
        feeds.append(Feed(TODAY, today, dialect.storage))
        day = Fact(TODAY)
    elif ask.needs_today and isinstance(today, CurrentDay):
        day = today
    known = today if isinstance(today, date) else None
    return to_query(
        ask.chain, feeds, today=known, day=day, given=ask.given, results=ask.results, layout="rows", calendar=True
    )


def day_title(asks: Sequence[Ask], today: Day) -> list[str]:
    """What a reader is told of the day that is decided for."""
    if not any(ask.needs_today for ask in asks):
        return []
    match today:
        case str():
            return [f"today: the column {today}"]
        case CurrentDay():
            return ["today: the current date"]
        case _:
            return [f"today: {today}"]
