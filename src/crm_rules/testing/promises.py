"""What every decision of every policy promises, checked for one record: the part that the kits share.

The reference evaluator says what the answer is. What is checked beside it: the same answer every time and in every
decimal context of the host, an untouched record, outputs as declared, words in both languages, and a decision that
can be pickled, written and replayed.
"""

from __future__ import annotations

import decimal
import pickle
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from datetime import date
from typing import Any, get_args

from crm_rules.decision import Decision, Status
from crm_rules.ir.evaluate import Evaluation, evaluate
from crm_rules.ir.normalize import normalize
from crm_rules.ir.numbers import exact, to_fact
from crm_rules.ir.program import Output
from crm_rules.ir.record import read_record
from crm_rules.ir.types import is_value
from crm_rules.policy import Policy
from crm_rules.testing.examples import about, demand

STATUSES = get_args(Status)


def check_promises(policy: Policy, record: dict[str, Any], today: date | None) -> None:
    """Raise AssertionError, naming the record, when a decision breaks a promise."""
    name = f"{policy.id} {policy.version}".strip()
    with about(f"{name} decides", record, today):
        before = deepcopy(record)
        decision = policy.decide(record, today=today)
        demand(same(record, before), "the record was changed")
        demand(decision.status in STATUSES, f"`{decision.status}` is no status")
        demand(decision.status != "invalid", f"a record of its own fields is invalid: {decision.problems}")
        # Many records of a ranking are measured together; alone this one said where it stands.
        many = [] if policy.ranks() else policy.decide_many([record], today=today)
        for again in (policy.decide(record, today=today), *many):
            demand(again == decision, f"a second answer differs: {again} after {decision}")
        with strange_decimals():
            demand(policy.decide(record, today=today) == decision, "the host's decimal context changes the answer")
    with about(f"{name} agrees with the reference evaluator", record, today):
        check_meaning(policy, decision, today)
    with about(f"{name} explains", record, today):
        for lang in ("en", "zh"):
            demand(decision.explain(lang).strip(), f"no words in `{lang}`")
        demand(len(decision.reasons) == len(set(decision.reasons)), "a reason stands twice")
    with about(f"{name} keeps its decision", record, today):
        demand(pickle.loads(pickle.dumps(decision)) == decision, "a pickled decision is another one")  # noqa: S301 - ours
        text = decision.to_json(sensitive=True)
        demand(policy.replay(text).to_json(sensitive=True) == text, "a replayed decision is another one")


def check_meaning(policy: Policy, decision: Decision, today: date | None) -> None:
    """The decision is that of the reference evaluator, for the program as written and normalised."""
    if decision.status == "blocked":
        return
    values = read_record(policy.program, with_currencies(policy, decision)).values
    found = evaluate(policy.program, values, today, policy.calls)
    other = evaluate(normalize(policy.program), values, today, policy.calls)
    answer = (found.status, found.outputs, found.rules)
    demand(answer == (other.status, other.outputs, other.rules), "normalising the program changes its answer")
    demand(decision.status == found.status, f"the status is {decision.status}, expected {found.status}")
    demand(decision.rules == found.rules, f"the rules are {decision.rules}, expected {found.rules}")
    check_outputs(policy.program.outputs, found)
    wanted = {name: plain(to_fact(value)) for name, value in found.outputs.items()}
    given = {name: plain(value) for name, value in decision.outputs.items()}
    demand(given == wanted, f"the outputs are {given}, expected {wanted}")


def with_currencies(policy: Policy, decision: Decision) -> dict[str, Any]:
    """The facts that a decision keeps, and the currencies that it does not keep because they are the fields' own."""
    units = {field.currency: getattr(field.type, "unit", None) for field in policy.program.fields if field.currency}
    return {**decision.record, **units}


def check_outputs(outputs: tuple[Output, ...], found: Evaluation) -> None:
    """Every output has its declared type, one of its choices, and lies within its limits."""
    if found.status != "decided":
        demand(not found.outputs, f"outputs without a decision: {dict(found.outputs)}")
        return
    for output in outputs:
        value: Any = found.outputs[output.name]
        if value is None:
            demand(output.optional, f"`{output.name}` is missing, but is not declared optional")
            continue
        demand(is_value(value, output.type), f"`{output.name}` is {value!r}, which is no value of {output.type}")
        low: Any = output.low
        high: Any = output.high
        demand(low is None or value >= low, f"`{output.name}` is {value}, below its declared minimum {low}")
        demand(high is None or value <= high, f"`{output.name}` is {value}, above its declared maximum {high}")


def plain(value: Any) -> Any:
    """A value of which equality is exact: a truth value is no number, and a number is its exact value."""
    if isinstance(value, list | tuple):
        return tuple(plain(item) for item in value)
    if isinstance(value, float):
        raise AssertionError(f"{value!r} is a float; numbers are handed out as int or Decimal")  # noqa: TRY004 - a verdict
    if isinstance(value, int | decimal.Decimal) and not isinstance(value, bool):
        return "number", exact(value)
    return type(value).__name__, value


def same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """True for the same keys in the same order with the same facts, each of the same type; NaN is the same as NaN."""
    return [(key, repr(fact)) for key, fact in one.items()] == [(key, repr(fact)) for key, fact in other.items()]


@contextmanager
def strange_decimals() -> Iterator[None]:
    """The decimal context of a careless application: three digits, and every trap set."""
    with decimal.localcontext() as context:
        context.prec = 3
        for signal in context.traps:
            context.traps[signal] = True
        yield
