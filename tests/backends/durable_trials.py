"""What could end the process, each trial run in one of its own: `python -m tests.backends.durable_trials NAME`.

durable-rules is C, and outside the path that crm_rules keeps to it hangs or crashes. A trial raises where an answer is
wrong; that it comes to its last line, which prints `held`, is asserted by `test_to_durable`.
"""

from __future__ import annotations

import faulthandler
import json
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any

from durable import engine as durable

import crm_rules
from crm_rules.backends.durable_session import OPENING
from crm_rules.backends.to_durable import DurableEngine, compile_durable
from crm_rules.compiling import DurablePolicy
from crm_rules.decision import Decision
from crm_rules.errors import CallError, RefusedError
from crm_rules.ir.evaluate import evaluate
from crm_rules.ir.nodes import (
    ANYTHING,
    AnyOf,
    Bound,
    Constant,
    FieldValue,
    IsMissing,
    IsPresent,
    NotPassing,
    OneOf,
    Test,
    Value,
    Within,
)
from crm_rules.ir.program import Column, Field, Output, Program, Row, Table
from crm_rules.ir.types import Boolean, Choice, Date, Integer, Number, Type
from crm_rules.policy import Policy
from crm_rules.testing import check_backend
from crm_rules.testing.examples import for_examples
from crm_rules.testing.pack_kit import pairs

ROOT = Path(__file__).parents[2]
GOOD = ROOT / "tests" / "cases" / "policies" / "good"
TODAY = date(2026, 11, 21)


def policies() -> list[Policy]:
    """The policies of the sample company, and those that show what may be written."""
    packs = [crm_rules.load("sample-company"), *map(crm_rules.load, sorted(GOOD.glob("*.yaml")))]
    return [policy for pack in packs for policy in pack.values() if not policy.blank_parameters(TODAY)]


def agreement() -> None:
    """Drawn programs, and chains as one program, are answered as by the reference; hardly a program is refused."""
    asked: list[bool] = []

    def compiled(program: Program) -> DurableEngine:
        asked.append(False)
        found = compile_durable(program)
        asked[-1] = True
        return found

    pack = crm_rules.load("sample-company")
    check_backend(compiled, refuses=RefusedError, policies=[pack["follow-up"], pack["entitlements"]], examples=25)
    assert sum(asked) > 0.98 * len(asked)


WORDS = ("客户投诉", "客户", "A", "AB", 'say "x"', "it's", "a\\b", "no\nline", "\0", "🙂", "", "null", "1", "x" * 5000)
QUOTIENT = Number(quotient=True)
BORDERS: dict[Type, tuple[Value, ...]] = {
    QUOTIENT: (Fraction(-3, 100), 0, 5, 2**48),
    Integer(): (-1, 0, 1, 2**61),
    Date(): (date.min, date(1900, 1, 1), TODAY, TODAY + timedelta(1), date.max),
    Boolean(): (False, True),
    Choice(WORDS): WORDS[:-2],
}
BESIDE: dict[Type, tuple[Value, ...]] = {
    QUOTIENT: (Fraction(1, 3), Fraction(1, 10**34), -Fraction(1, 10**34), 5 + Fraction(1, 300), 10**34, -(10**34)),
    Integer(): (-2, 2, 2**61 - 1, 2**61 + 1, 2**62, 2**63, -(2**63) - 1, 10**33),
    Date(): (date(1, 1, 2), date(1899, 12, 31), TODAY - timedelta(1), TODAY + timedelta(2), date(9999, 12, 30)),
    Boolean(): (),
    Choice(WORDS): WORDS[-2:],
}


def cells(kind: Type) -> list[Test]:
    """Tests of every form over the borders of a type."""
    constants = [Constant(value, kind) for value in BORDERS[kind]]
    items: list[Test] = [OneOf((constant,)) for constant in constants]
    items += [OneOf(tuple(constants)), OneOf(tuple(constants[::2])), OneOf(())]
    if not isinstance(kind, Boolean | Choice):
        ends = [None, *(Bound(constant, closed) for constant in constants for closed in (True, False))]
        items += [Within(low, high) for low in ends for high in ends]
    items += [AnyOf(pair) for pair in pairwise(items)]
    items += [ANYTHING, IsMissing(), IsPresent(), AnyOf(())]
    negated = [NotPassing(item) for item in items]
    return [*items, *negated, *(NotPassing(item) for item in negated), *(AnyOf((item, IsMissing())) for item in items)]


def collecting(kinds: tuple[Type, ...], rows: tuple[tuple[Test, ...], ...], *, name: str = "列") -> Program:
    """A table over a field of each type that names every row which matches."""
    fields = tuple(Field(f"{name}{place}", kind, optional=True) for place, kind in enumerate(kinds))
    columns = tuple(Column(field.name, FieldValue(field.name), field.type) for field in fields)
    one = Constant(1, Integer())
    body = tuple(Row(f"第{place}", tests, (one,)) for place, tests in enumerate(rows))
    table = Table("表", columns, body, (("n", Integer()),), "collect", "count")
    return Program("查", "1", "decision-table", fields, (), (table,), (Output("n", Integer(), Constant(0, Integer())),))


def borders() -> None:
    """Every form of cell holds for exactly the values for which the reference says so, on and beside its borders."""
    for kind, values in BORDERS.items():
        program = collecting((kind,), tuple((test,) for test in cells(kind)))
        engine = compile_durable(program)
        for value in (None, *values, *BESIDE[kind]):
            assert engine.evaluate({"列0": value}, None) == evaluate(program, {"列0": value}), value


def limits() -> None:
    """Tables larger than one kind of fact and one ruleset can carry are answered in full."""
    low = Within(Bound(Constant(0, Integer()), closed=True), None)
    number, choice = Integer(), Choice(tuple(f"c{place}" for place in range(600)))
    ends = [Constant(-place, number) for place in range(1000)]
    all_match = collecting((number,), tuple((Within(Bound(end, closed=True), None),) for end in ends))
    engine = compile_durable(all_match)
    assert len(engine.ruleset()) == 3
    assert engine.evaluate({"列0": 5}, None).rules == tuple(f"第{place}" for place in range(1000))
    assert engine.evaluate({"列0": -998}, None).rules == ("第998", "第999")

    some = [OneOf(tuple(Constant(value, choice) for value in choice.one_of[at : at + 200])) for at in range(0, 401, 40)]
    lists = collecting((choice, number), tuple((test, low) for test in some))
    engine = compile_durable(lists)
    for place in (0, 39, 40, 199, 200, 400, 599):
        found = engine.evaluate({"列0": f"c{place}", "列1": 1}, None)
        assert found.rules == tuple(f"第{row}" for row in range(11) if row * 40 <= place < row * 40 + 200)

    groups = collecting((choice,) * 14, ((AnyOf((IsMissing(), OneOf((Constant("c1", choice),)))),) * 14,))
    engine = compile_durable(groups)
    assert engine.evaluate({f"列{place}": "c1" if place % 2 else None for place in range(14)}, None).rules == ("第0",)
    assert engine.evaluate({f"列{place}": "c2" if place == 13 else None for place in range(14)}, None).rules == ()

    wide = collecting((number,) * 200, ((low,) * 200,))
    assert compile_durable(wide).evaluate({f"列{place}": place for place in range(200)}, None).rules == ("第0",)


DATED = """\
policy: dated
kind: decision-table
fields:
  amount: {type: number, min: 0}
parameters:
  large: {type: number, value: {2026-01-01: 100, 2027-01-01: 150.5}}
output: {size: {type: choice, one_of: [large, small]}}
rules: |
  | id    | amount    | size  |
  | large | >= $large | large |
  | small | < $large  | small |
"""


class QuietHost(durable.Host):  # type: ignore[misc]  # durable-rules says nothing of its types
    """A host of durable-rules as another system would have it: rules from JSON text, an action by its name."""

    def __init__(self, text: str) -> None:
        self.fired: list[str] = []
        super().__init__(json.loads(text))

    def _run(self) -> None:
        """Start no timers: nothing here depends on the time."""

    def get_action(self, action_name: str) -> Callable[[Any], None]:
        """Note down that the rule fired."""
        return lambda _: self.fired.append(action_name)

    def ask(self, ruleset: str, fact: dict[str, Any]) -> None:
        """Assert a fact; that no rule matches it is an answer too."""
        with suppress(durable.MessageNotHandledException):
            self.assert_fact(ruleset, dict(fact))


def chains() -> None:
    """Every policy decides through the engine what it decides without, and by its export in the engine's own host."""
    for policy in policies():
        compiled = policy.compile("durable")
        drawn = pairs(policy, None)
        assert drawn is not None

        def check(
            pair: tuple[dict[str, Any], date | None], policy: Policy = policy, compiled: DurablePolicy = compiled
        ) -> None:
            record, today = pair
            fewer = {name: fact for place, (name, fact) in enumerate(record.items()) if place % 3}
            records = (record, fewer, dict.fromkeys(record, "?"))
            assert compiled.decide_many(records, today=today) == policy.decide_many(records, today=today)
            host = QuietHost(compiled.to_json(today=today))
            for ruleset, asserted in compiled.facts(record, today=today).items():
                for fact in asserted:
                    host.ask(ruleset, fact)
            wanted = ordinary_rules(policy.decide(record, today=today))
            # Under FIRST the host fires rules after the one that counts, in the order of their rows.
            assert [rule for rule in host.fired if rule in wanted] == wanted
            assert bool(host.fired) == bool(wanted)

        for_examples(drawn, check, 2)


def ordinary_rules(decision: Decision) -> list[str]:
    """The rules of a decision and of those that it required, but for those that say `otherwise`."""
    found = [rule for _, below in decision.required for rule in ordinary_rules(below)]
    otherwise = {rule for rule, _, row in decision.program.rules() if row.otherwise}
    return [*found, *(rule for rule in decision.rules if rule not in otherwise)]


def threads() -> None:
    """Threads that share a compiled policy, on days with different rules, get what the policy decides."""
    with TemporaryDirectory() as folder:
        (Path(folder) / "dated.yaml").write_text(DATED, encoding="utf-8")
        policy = crm_rules.load(folder)["dated"]
    compiled = policy.compile("durable")
    wrong: list[Any] = []
    sys.setswitchinterval(1e-5)

    def ask(start: int) -> None:
        for number in range(start, start + 100):
            record, today = {"amount": number * 7 % 200}, date(2026 + number % 2, 6, 1)
            if compiled.decide(record, today=today) != policy.decide(record, today=today):
                wrong.append(record)

    running = [Thread(target=ask, args=(start,)) for start in range(4)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    assert not wrong


def closing() -> None:
    """A program that compiles again and again, closing or forgetting what it has, may go on for ever."""
    policy = crm_rules.load("sample-company")["abc-grade"]
    for number in range(60):
        compiled = policy.compile("durable")
        assert compiled.decide({}, today=TODAY).status == "invalid"
        if number % 2:
            compiled.close()
            compiled.close()


def interruption() -> None:
    """What an interrupted question left behind is never part of an answer: the engine says that it is of no use."""
    engine = compile_durable(crm_rules.load("sample-company")["customer-size"].program)
    matcher = engine.on(None).matcher
    matcher.engine.assert_fact(matcher.handles["customer-size"], json.dumps(OPENING))
    try:
        engine({"usual_order": 5, "potential_amount": 5})
    except CallError as error:
        assert str(error).startswith("the engine of `customer-size` was interrupted")  # noqa: PT017 - no pytest here
    else:
        raise AssertionError("it answered")


TRIALS: dict[str, Callable[[], None]] = {
    trial.__name__: trial for trial in (agreement, borders, chains, closing, interruption, limits, threads)
}

if __name__ == "__main__":
    faulthandler.enable()
    TRIALS[sys.argv[1]]()
    sys.stdout.write("held\n")
