"""A policy for every row of a dataframe: the columns of the frame, and those that the policy adds.

`decide_rows` reads the border of the frame (see `frame_border`), lowers each policy to a `Query` over what it found,
and prints the query through narwhals, or as text where the engine reads SQL. It knows no engine: `frame_source` opens
and closes them, `frame_forms` chooses between equal forms. Nothing is decided here, and no row depends on another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from typing import Any

from crm_rules.backends.frame_border import Border, Wanted, absent_column, fresh_names, read_border
from crm_rules.backends.frame_forms import AS_SQL, FORMS
from crm_rules.backends.frame_printer import Printer
from crm_rules.backends.frame_source import Opened, source_of
from crm_rules.backends.frame_sql import with_text
from crm_rules.backends.frame_stages import with_results
from crm_rules.backends.query import TODAY, Fact, Query
from crm_rules.backends.query_blocked import blocked_query
from crm_rules.backends.query_fields import is_required
from crm_rules.backends.sql_dialects import dialect_of
from crm_rules.backends.table_call import Ask, constant_feeds, fed_by, needed_fields
from crm_rules.backends.to_query import Chain, to_query
from crm_rules.errors import CallError, RefusedError
from crm_rules.ir.nodes import Value
from crm_rules.ir.program import Field
from crm_rules.ir.types import (
    Date,
)

REMEMBERED = 32  # queries of a policy: frames come again in the same form, on few different days


def decide_rows(frame: Any, asks: Sequence[Ask], today: date | str | None) -> Any:
    """The frame with the columns of every policy, of the same library, and lazy where it was.

    `today` is the day of all rows, or the name of the column that holds the day of each. Raises `CallError` for
    columns that are absent or cannot be taken, naming all of them, and for names that are taken.
    """
    if type(frame).__module__.startswith("dask."):
        return decide_parts(frame, asks, today)
    source = source_of(frame)
    names = list(source.columns)
    wanted, problems = wanted_of(asks, today, names)
    needed = list(dict.fromkeys(want.column for want in wanted if want.column is not None))
    results = [name for ask in asks for name in ask.results.values()]
    problems += twins(names, names if source.keeps_no_twins else needed, folded=source.folded)
    problems += taken_names(names, results, folded=source.folded)
    problems += [problem for name in dict.fromkeys((*needed, *results)) for problem in source.refuses(name)]
    if problems:
        raise unfit_frame(problems)
    opened = source.open(needed)
    border, unfit = read_border(wanted, opened.schema, opened.empty, (*names, *results))
    if opened.problems or unfit:
        raise unfit_frame([*opened.problems, *unfit])
    queries = [query_of(ask, border, today, as_sql=opened.engine in AS_SQL) for ask in asks]
    kinds = {item.name: item.kind for query in queries for item in query.results}
    own = fresh_names((*names, *results, *border.casts))
    if opened.engine in AS_SQL:
        return with_text(source.native, queries, dialect_of(AS_SQL[opened.engine]), border, own)
    added, dropped = with_queries(opened, queries, border, own)
    return source.close(added, kinds, dropped)


def decide_parts(frame: Any, asks: Sequence[Ask], today: date | str | None) -> Any:
    """A frame of dask, decided part by part when it is computed; what is wrong with its columns is said at once."""
    ranking = next((ask.chain.program.id for ask in asks if not ask.blocked and ranks(ask.chain, ask.given)), None)
    if ranking is not None:
        raise RefusedError(
            f"{ranking} looks at all records together, and dask decides part by part: use compute() first"
        )
    decide = partial(decide_rows, asks=asks, today=today)
    return frame.map_partitions(decide, meta=decide(frame._meta))  # noqa: SLF001 - dask's own name for the empty frame


def ranks(chain: Chain, given: Mapping[str, Value | None]) -> bool:
    """True where a program of the chain looks at all records together."""
    below = (inner for alias, inner, _ in chain.required if alias not in given)
    return bool(chain.program.population) or any(ranks(inner, given) for inner in below)


# The border


def wanted_of(asks: Sequence[Ask], today: date | str | None, names: Sequence[str]) -> tuple[list[Wanted], list[str]]:
    """The fields of all policies with their columns, each once, and what to say of those that are not there."""
    wanted: dict[str, Wanted] = {}
    problems: dict[str, None] = {}
    if isinstance(today, str):
        day = Wanted(Field(TODAY, Date()), today)
        if today not in names:
            problems[absent_column(day, names)] = None
        elif any(ask.needs_today for ask in asks):
            wanted[TODAY] = day
    for ask in asks:
        if ask.blocked:
            continue
        fed = [(field, fed_by(ask, field)) for field in needed_fields(ask)]
        wants = [Wanted(field, one.column, one.values) for field, one in fed if one.constant is None]
        absent = [want for want in wants if want.column is not None and want.column not in names]
        if not (ask.unfed and any(is_required(want.field) for want in absent)):
            problems |= dict.fromkeys(absent_column(want, names) for want in absent)
        for want in wants:
            wanted.setdefault(want.field.name, Wanted(want.field, None) if want in absent else want)
    return list(wanted.values()), list(problems)


def twins(names: Sequence[str], asked: Sequence[str], *, folded: bool) -> list[str]:
    """What to say of columns that are there more than once; some engines do not tell upper from lower case."""
    there: dict[str, list[str]] = {}
    for name in names:
        there.setdefault(name.casefold() if folded else name, []).append(name)
    found: dict[str, None] = {}
    for name in asked:
        first, *others = there.get(name.casefold() if folded else name, [name])
        if others:
            also = "".join(f", also as `{other}`" for other in dict.fromkeys(others) if other != first)
            found[f"the column `{first}` is there {len(others) + 1} times{also}: rename one"] = None
    return list(found)


def taken_names(names: Sequence[str], results: Sequence[str], *, folded: bool) -> list[str]:
    """What to say of added columns whose name is taken; some engines do not tell upper from lower case."""

    def fold(name: str) -> str:
        return name.casefold() if folded else name

    there = {fold(name): name for name in names}
    found: list[str] = []
    for name in results:
        if fold(name) in there:
            found.append(
                f"there is a column `{there[fold(name)]}` already, and `{name}` would be added: prefix= or names= "
                "gives it another name"
            )
        there[fold(name)] = name
    return found


def unfit_frame(problems: Sequence[str]) -> CallError:
    """Everything that is wrong with a frame, each on a line of its own where there are several."""
    problems = list(dict.fromkeys(problems))
    if len(problems) == 1:
        return CallError(problems[0])
    return CallError("\n- ".join((f"the frame has {len(problems)} mistakes:", *problems)))


# The queries


def query_of(ask: Ask, border: Border, today: date | str | None, *, as_sql: bool) -> Query:
    """The query of one policy over the feeds that its fields have; the policy remembers it for the next frame."""
    if ask.blocked:
        return blocked_query(ask.chain.program, ask.blocked, ask.results)
    fields = {field.name for field in needed_fields(ask)}
    constants = constant_feeds(ask)
    by_column = ask.needs_today and isinstance(today, str)
    if by_column:
        fields.add(TODAY)
    feeds = (*(feed for feed in border.feeds if feed.name in fields), *constants)
    if as_sql:  # which is told how to compare texts
        feeds = tuple(replace(feed, storage="any") if feed.storage == "text" else feed for feed in feeds)
    day = today if isinstance(today, date) else None
    question = (feeds, day, by_column, as_sql, tuple(ask.given.items()), tuple(ask.results.items()))
    found = ask.memory.get(question)
    if found is None:
        if len(ask.memory) >= REMEMBERED:
            ask.memory.clear()
        row_day = Fact(TODAY) if by_column else None
        found = to_query(
            ask.chain, feeds, today=day, day=row_day, given=ask.given, results=ask.results,
            layout="rows" if as_sql else "tree", calendar=as_sql,
        )  # fmt: skip
        ask.memory[question] = found
    return found


def with_queries(
    opened: Opened, queries: Sequence[Query], border: Border, names: Iterator[str]
) -> tuple[Any, list[str]]:
    """The opened frame with the results of all queries, and the columns that served on the way."""
    frame = opened.frame
    if border.casts:
        frame = frame.with_columns([expr.alias(name) for name, expr in border.casts.items()])
    added, dropped = with_results(frame, queries, Printer(FORMS[opened.engine], border.facts, names))
    return added, [*border.casts, *dropped]
