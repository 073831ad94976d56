"""The conformance kit for packs: `check_pack(path)` holds a folder of policies to what any pack promises."""

from __future__ import annotations

import pickle
from datetime import date
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from crm_rules.cases import find_suites, run_suite
from crm_rules.loading import load_with_report
from crm_rules.pack import Pack
from crm_rules.policy import Policy
from crm_rules.rendering import render_text
from crm_rules.testing.examples import about, demand, for_examples
from crm_rules.testing.policy_records import dated_records, records
from crm_rules.testing.promises import check_promises

EXAMPLES = 50


def check_pack(path: str | Path, *, today: date | None = None, examples: int = EXAMPLES) -> None:
    """Raise AssertionError unless the pack keeps what any pack promises.

    It loads, `check` finds no error, the cases beside it pass, and every policy of it decides every record that
    `records` draws: by the reference evaluator's answer, the same every time, with words in English and Chinese.
    Pack and decisions survive pickling. A policy with blank parameters is loaded and checked, and asked nothing.
    `today` is the day of all decisions; without it they are made on many days. Cost: about a second for a policy.
    """
    pack, report, texts = load_with_report(path)
    if pack is None:
        raise AssertionError(f"the pack does not load\n{render_text(report, texts)}")
    found = [item for item in pack.check() if item.severity == "error"]
    demand(not found, f"`check` finds errors\n{render_text(found, texts)}")
    check_cases(path)
    for edition in pack.editions:
        check_policy(edition_of(pack, edition.program.id, edition.program.version), today, examples)
    check_whole(pack, today, examples)


def check_cases(path: str | Path) -> None:
    """Every case file beside the policies is readable, and every case passes."""
    for suite in find_suites(path):
        result = run_suite(suite)
        failed = [item for one in result.results for item in one.diagnostics]
        wrong = [item for item in result.report if item.severity == "error"]
        demand(not failed and not wrong, f"cases do not pass\n{render_text([*wrong, *failed], result.texts)}")


def edition_of(pack: Pack, id: str, version: str) -> Policy:  # noqa: A002 - the word of the language
    """One edition of a policy, also where there are several."""
    return pack.version(id, version)


def check_policy(policy: Policy, today: date | None, examples: int) -> None:
    """One edition keeps its promises for drawn records; nothing is asked of one with blank parameters."""
    drawn = pairs(policy, today)
    if drawn is not None:
        for_examples(drawn, lambda pair: check_promises(policy, *pair), examples)


def pairs(policy: Policy, today: date | None) -> st.SearchStrategy[tuple[dict[str, Any], date | None]] | None:
    """Records with their days, None of a policy that cannot decide; a policy that reads no day gets none."""
    if policy.blank_parameters(today or date.max):
        return None
    if not policy.needs_today:
        return st.tuples(records(policy), st.none())
    return dated_records(policy, today=today)


def check_whole(pack: Pack, today: date | None, examples: int) -> None:
    """The pack answers for each policy what the policy answers, and survives pickling."""
    copy: Pack = pickle.loads(pickle.dumps(pack))  # noqa: S301 - written in this line
    with about(f"the pack {pack.id} is pickled"):
        editions = [(one.program, one.about) for one in pack.editions]
        demand([(one.program, one.about) for one in copy.editions] == editions, "the copy holds other policies")
    if len(pack) != len(pack.editions):
        return  # which edition answers is a matter of the day, and of `pack.on`
    for policy in pack.values():
        drawn = pairs(policy, today)
        if drawn is None or any(other.needs_today for other in pack.values()) > policy.needs_today:
            continue

        def check(pair: tuple[dict[str, Any], date | None], policy: Policy = policy) -> None:
            record, day = pair
            if not policy.about.in_force(day or date.min):
                return
            with about(f"the pack {pack.id} decides {policy.id}", record, day):
                decision = policy.decide(record, today=day)
                demand(pack.on(day)[policy.id] == policy if day else True, "another edition is in force")
                demand(copy[policy.id].decide(record, today=day) == decision, "the pickled pack answers otherwise")

        for_examples(drawn, check, max(1, examples // 5))
