"""Policies asked about every row of a table: what `decide_frame` and `to_sql` of a policy and of a pack have in common.

Here the caller's arguments meet what the policy needs: the day, the given decisions, blank parameters, editions. The
columns are the matter of `crm_rules.backends.table_call` and those below it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

from crm_rules.backends import table_call, table_columns
from crm_rules.backends import to_sql as sql
from crm_rules.backends.query import CurrentDay
from crm_rules.backends.table_call import Ask
from crm_rules.backends.table_columns import Columns
from crm_rules.backends.to_query import Chain
from crm_rules.errors import CallError
from crm_rules.ir import days

if TYPE_CHECKING:
    from crm_rules.policy import Policy


def chain_of(policy: Policy) -> Chain:
    """The programs of a policy and of those it requires."""
    return Chain(policy.program, tuple((item.alias, chain_of(item.policy), item.output) for item in policy.required))


def results_of(
    policy: Policy, add: Iterable[str], prefix: str = "", names: Mapping[str, str] | None = None
) -> dict[str, str]:
    """What is added for a policy, with the name of its column."""
    outputs = [output.name for output in policy.outputs]
    return table_call.additions(policy.id, outputs, add, prefix=prefix, names=names)


# One policy


def decide_frame(
    policy: Policy,
    frame: Any,
    *,
    results: Mapping[str, str],
    today: date | str | None,
    columns: Columns,
    given: Mapping[str, Any],
) -> Any:
    """The frame with the results of one policy."""
    policy.check_given(given)
    day = day_of(policy, today, given)
    ask = ask_of(policy, results, columns, given)
    table_columns.check_names(policy.id, columns, [ask.chain])
    return table_call.decide_rows(frame, [ask], day)


def to_sql(
    policy: Policy,
    *,
    results: Mapping[str, str],
    dialect: str,
    table: str | Sequence[str],
    today: date | str | CurrentDay | None,
    columns: Columns,
    given: Mapping[str, Any],
) -> str:
    """One SELECT with the results of one policy."""
    policy.check_given(given)
    day = day_of(policy, "" if isinstance(today, CurrentDay) else today, given)
    ask = ask_of(policy, results, columns, given)
    table_columns.check_names(policy.id, columns, [ask.chain])
    title = " ".join(filter(None, (policy.id, policy.version))) + (f": {policy.title.en}" if policy.title.en else "")
    return sql.select(
        [ask], dialect=dialect, table=table, today=today if isinstance(today, CurrentDay) else day, title=[title]
    )


def day_of(policy: Policy, today: date | str | None, given: Mapping[str, Any]) -> date | str | None:
    """The day of a table, or the column that holds it; raises `CallError` where it is needed and absent."""
    day = today if isinstance(today, str) else policy.usable_today(today)
    if not isinstance(day, str):
        policy.refuse_blank(day, given)
    elif never := policy.blank_parameters(days.LAST, given):  # one that has no value yet blocks the row of that day
        raise CallError(f"{policy.id} cannot decide: these parameters are blank: {', '.join(never)}")
    return day


def ask_of(policy: Policy, results: Mapping[str, str], columns: Columns, given: Mapping[str, Any]) -> Ask:
    """The question of a policy about every row of a table."""
    chain = chain_of(policy)
    values = table_call.given_values(chain, given)
    memory = policy.__dict__.setdefault("_queries", {})
    fed = table_columns.fed_fields(columns, chain)
    return Ask(chain, results, fed, values, policy.needs_today, memory=memory)


# A pack


def asks_of(
    policies: Iterable[Policy],
    *,
    pack: str,
    day: date | str | None,
    add: Iterable[str],
    columns: Columns,
    given: Mapping[str, Any],
) -> list[Ask]:
    """The questions of policies of a pack about every row; `day` is of all rows, or the name of a column."""
    policies, add = list(policies), list(add)
    for name in given:
        if not any(name in policy.aliases() for policy in policies):
            raise CallError(f"no policy of {pack} requires `{name}`, so `given` cannot hold it")
    asks = [ask_in_pack(policy, day, add, columns, given) for policy in policies]
    table_columns.check_names(pack, columns, [ask.chain for ask in asks])
    return asks


def ask_in_pack(
    policy: Policy,
    today: date | str | None,
    add: Iterable[str],
    columns: Columns,
    given: Mapping[str, Any],
) -> Ask:
    """The question of one policy of a pack about every row of a table; what would raise alone blocks it."""
    results = results_of(policy, add, prefix=f"{policy.id}.")
    own = {name: fact for name, fact in given.items() if name in policy.aliases()}
    day = None if isinstance(today, str) else policy.usable_today(today)
    blank = policy.blank_parameters(days.LAST if isinstance(today, str) else day, own)
    if blank:
        reasons = tuple(f"{name}: blank" for name in blank)
        return Ask(chain_of(policy), results, {}, {}, needs_today=False, blocked=reasons)
    day_of(policy, today, own)
    return replace(ask_of(policy, results, columns, own), unfed=True)
