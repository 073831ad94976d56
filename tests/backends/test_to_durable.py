"""durable-rules decides as the reference does, refuses what it cannot represent, and its rulesets are exported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date
from decimal import Decimal
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path

import pytest

import crm_rules
from crm_rules.backends.durable_columns import FARTHEST, steps
from crm_rules.backends.durable_ruleset import rulesets
from crm_rules.backends.to_durable import compile_durable
from crm_rules.errors import CallError, RefusedError
from crm_rules.ir.evaluate import NO_FUNCTIONS
from crm_rules.ir.nodes import (
    ANYTHING,
    AnyOf,
    Bound,
    Call,
    Constant,
    DatePart,
    Expr,
    FieldValue,
    IsMissing,
    OneOf,
    Test,
    Today,
    Within,
)
from crm_rules.ir.normalize import normalize
from crm_rules.ir.program import Column, Field, Program, Row, Table
from crm_rules.ir.types import Choice, Integer, Number, Text, Type

ROOT = Path(__file__).parents[2]
TODAY = date(2026, 11, 21)
needs_durable = pytest.mark.skipif(find_spec("durable_rules_engine") is None, reason="durable-rules is not installed")
DATED = """\
policy: dated
kind: decision-table
fields:
  amount: {type: number, min: 0, optional: true}
parameters:
  large: {type: number, value: {2026-01-01: 100, 2027-01-01: 150.5}}
output: {size: {type: choice, one_of: [large, small]}}
rules: |
  | id    | amount    | size  |
  | large | >= $large | large |
  | rest  | otherwise | small |
"""

GATHERED = """\
policy: gathered
kind: decision-table
fields: {amount: {type: number}}
hit_policy: collect
aggregation: list
output: {size: {type: choice, one_of: [low, any]}}
rules: |
  | id  | amount | size |
  | low | < 9    | low  |
  | any | > 0    | any  |
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """This interpreter with the arguments, in the repository's root."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONUTF8": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )


@needs_durable
@pytest.mark.parametrize("trial", ["agreement", "borders", "chains", "closing", "interruption", "limits", "threads"])
def test_the_engine_holds(trial: str) -> None:
    """What each trial says is true, in a process that neither crashes nor hangs."""
    ended = run("-m", "tests.backends.durable_trials", trial)
    assert (ended.returncode, ended.stdout.splitlines()[-1:]) == (0, ["held"]), ended.stdout


def test_without_the_package_one_sentence_says_what_to_install() -> None:
    """Everything else works, and `compile` names the extra."""
    ended = run(
        "-c",
        "import sys; sys.modules['durable_rules_engine'] = None\n"
        "import crm_rules; policy = crm_rules.load('sample-company')['abc-grade']\n"
        "assert policy.compile().policy is policy\n"
        "try: policy.compile('durable')\n"
        "except crm_rules.CallError as error: print(error)",
    )
    assert ended.stdout == (
        'durable-rules is not installed: `pip install "crm-rules[durable]"` '
        "(it needs CPython before 3.13 and a C compiler)\n"
    )


def test_the_engine_is_loaded_when_it_is_asked_for() -> None:
    """Compiling for Python, and all of the backend itself, load no durable-rules."""
    ended = run(
        "-c",
        "import sys, crm_rules, crm_rules.backends.to_durable\n"
        "crm_rules.load('sample-company')['customer-size'].compile('python').decide({})\n"
        "print([name for name in sys.modules if 'durable' in name and not name.startswith('crm_rules')])",
    )
    assert ended.stdout == "[]\n"


def test_an_unknown_engine_is_a_mistake_of_the_caller() -> None:
    """The message names the engines that there are."""
    with pytest.raises(CallError, match="there is no engine `drools`; there are durable, python"):
        crm_rules.load("sample-company")["abc-grade"].compile("drools")


def test_an_engine_of_another_package_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry point names it, each policy of a chain is compiled by it, and decisions are ordinary ones."""
    (tmp_path / "echo_engine.py").write_text(
        "from dataclasses import replace\n"
        "from crm_rules.ir.evaluate import evaluate\n"
        "from crm_rules.ir.record import read_record\n"
        "def compile_echo(program):\n"
        "    def decide(record, today):\n"
        "        found = evaluate(program, read_record(program, record).values, today)\n"
        "        lists = {name: list(item) for name, item in found.outputs.items() if type(item) is tuple}\n"
        "        return replace(found, outputs={**found.outputs, **lists})\n"
        "    return decide\n"
    )
    metadata = tmp_path / "crm_rules_echo-1.0.0.dist-info"  # what an installer writes
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: crm-rules-echo\nVersion: 1.0.0\n")
    (metadata / "entry_points.txt").write_text("[crm_rules.backends]\necho = echo_engine:compile_echo\n")
    monkeypatch.syspath_prepend(tmp_path)
    policy = crm_rules.load("sample-company")["follow-up"]
    record = {"need": "clear", "expected_close": TODAY, "last_touch": date(2026, 1, 31)}
    with policy.compile("echo") as compiled:
        assert sorted(compiled.engines) == ["follow-up", "pipeline-stage"]
        decision = compiled.decide(record, today=TODAY)
        assert decision == policy.decide(record, today=TODAY)
        assert decision.status == "decided"
    (tmp_path / "gathered.yaml").write_text(GATHERED)
    gathered = crm_rules.load(tmp_path)["gathered"]
    assert gathered.compile("echo").decide({"amount": 5}) == gathered.decide({"amount": 5})
    assert gathered.compile("echo").decide({"amount": 5}).value == ["low", "any"]


# The policy as an object


@needs_durable
def test_a_required_decision_can_be_given() -> None:
    """Then neither its fields nor its engine are asked."""
    policy = crm_rules.load("sample-company")["follow-up"]
    compiled = policy.compile("durable")
    record, given = {"last_touch": date(2026, 1, 31)}, {"stage": "D"}
    assert compiled.decide(record, today=TODAY, given=given) == policy.decide(record, today=TODAY, given=given)
    facts = compiled.facts(record, today=TODAY, given=given)
    assert facts == {"follow-up": [{"kind": "every", "stage": "D"}]}


@needs_durable
def test_the_callers_mistakes_are_those_of_the_policy() -> None:
    """No day, an unknown name in `given`, something that is no record, one record of a ranking."""
    pack = crm_rules.load("sample-company")
    compiled = pack["follow-up"].compile("durable")
    with pytest.raises(CallError, match="needs today="):
        compiled.decide({})
    with pytest.raises(CallError, match="`given` cannot hold grade"):
        compiled.decide({}, today=TODAY, given={"grade": "A"})
    with pytest.raises(CallError, match="requires nothing, so `given` cannot hold grade"):
        pack["pipeline-stage"].compile("durable").decide({}, today=TODAY, given={"grade": "A"})
    ranking = next(policy for policy in pack.values() if policy.program.population)
    with pytest.raises(CallError, match="ranks all records together"):
        ranking.compile("durable").decide({})
    with pytest.raises(CallError, match="a record is a mapping"):
        compiled.decide(5, today=TODAY)


@needs_durable
def test_a_closed_engine_decides_no_more() -> None:
    """It says so, and closing it twice is fine."""
    record = {"usual_order": 5, "potential_amount": 5}
    with crm_rules.load("sample-company")["customer-size"].compile("durable") as compiled:
        assert compiled.decide(record).status == "decided"
    compiled.close()
    with pytest.raises(CallError, match="the engine of customer-size is closed"):
        compiled.decide(record)


@needs_durable
def test_a_blank_parameter_blocks_until_it_has_a_value() -> None:
    """The policy compiles, and every question names the parameter, as without an engine."""
    policy = crm_rules.load("tests/cases/policies/good/blank-parameters.yaml")["level"]
    compiled = policy.compile("durable")
    for ask in (policy.decide, compiled.decide):
        with pytest.raises(CallError, match="these parameters are blank"):
            ask({}, today=TODAY)
    with pytest.raises(CallError, match=r"cannot be written: the parameter `.+` is blank"):
        compiled.ruleset(today=TODAY)


@needs_durable
def test_rules_that_move_with_the_day_are_exported_for_a_day(tmp_path: Path) -> None:
    """Without a day there are none, and each day has its own border, one decimal longer than written."""
    (tmp_path / "dated.yaml").write_text(DATED)
    compiled = crm_rules.load(tmp_path)["dated"].compile("durable")
    with pytest.raises(CallError, match="depend on the day; hand over today="):
        compiled.ruleset()
    first, second = (compiled.ruleset(today=date(year, 6, 1))["dated"] for year in (2026, 2027))
    body = {"all": [{"m": {"$and": [{"kind": "rules"}, {"$gte": {"amount": 1000}}]}}], "pri": 0, "run": "large"}
    assert first == {"large": body}
    assert second["large"]["all"] == [{"m": {"$and": [{"kind": "rules"}, {"$gte": {"amount": 15050}}]}}]
    assert compiled.facts({"amount": Decimal("0.3331")}, today=date(2027, 6, 1)) == {
        "dated": [{"kind": "rules", "amount": 33}]
    }


@needs_durable
def test_rules_are_checked_when_they_are_compiled(tmp_path: Path) -> None:
    """Those of a later value of a parameter too."""
    (tmp_path / "dated.yaml").write_text(DATED.replace("150.5", "15_000_000_000_000_000_000"))
    policy = crm_rules.load(tmp_path)["dated"]
    with pytest.raises(RefusedError, match="compares with 15000000000000000000, which has too many digits"):
        policy.compile("durable")


@needs_durable
def test_borders_that_move_with_today_move() -> None:
    """As they stand in a program whose columns over derived values are unfolded."""
    program = normalize(crm_rules.load("sample-company")["pipeline-stage"].program)
    engine = compile_durable(program)
    record = {"need": "clear", "expected_close": date(2026, 12, 21)}
    for day, rule in ((TODAY, "month"), (date(2026, 8, 21), "half-year"), (TODAY, "month")):
        assert engine(record, day).rules == (rule,)


@needs_durable
def test_the_exported_rulesets_are_the_callers_own() -> None:
    """A host of durable-rules changes what it is given; the compiled policy does not notice."""
    compiled = crm_rules.load("sample-company")["entitlements"].compile("durable")
    exported = compiled.ruleset()
    assert json.loads(compiled.to_json()) == exported
    assert sorted(exported) == ["abc-grade", "customer-size", "entitlements"]
    for rules in exported.values():
        for name, rule in rules.items():
            assert rule.pop("run") == name
    assert json.loads(compiled.to_json()) != exported


# What is refused


NUMBER = Integer()


def program(*cells: Test | tuple[Test, ...], kind: Type = NUMBER, row_id: str = "r") -> Program:
    """A table over columns of one type, with a row for each test or tuple of tests."""
    rows = [cell if isinstance(cell, tuple) else (cell,) for cell in cells]
    columns = tuple(Column(f"c{place}", FieldValue("f"), kind) for place in range(len(rows[0])))
    body = tuple(Row(f"{row_id}{place}", tests, ()) for place, tests in enumerate(rows))
    table = Table("t", columns, body, (), "collect", "list")
    return Program("p", "1", "decision-table", (Field("f", kind, optional=True),), (), (table,), ())


def at_least(border: Expr) -> Test:
    """`>= border`."""
    return Within(Bound(border, closed=True), None)


CHOICES = Choice(tuple(f"c{place}" for place in range(900)))
LISTS = OneOf(tuple(Constant(value, CHOICES) for value in CHOICES.one_of[:401]))
LONG = Choice(("x" * 5001,))
REFUSED = {
    "rule `r1` of `t`: `c0` has a border that differs from record": program(ANYTHING, at_least(FieldValue("f"))),
    "rule `r0` of `t`: `c0` compares with 10000000000000000000, which has": program(at_least(Constant(10**19, NUMBER))),
    "rule `r0` of `t`: `c0` compares with 1/3, which has too many": program(
        at_least(Constant(Fraction(1, 3), Number(quotient=True))), kind=Number(quotient=True)
    ),
    "rule `r0` of `t`: it has 401 conditions, at most 400 work; split it": program(LISTS, kind=CHOICES),
    "rule `r0` of `t`: it has too many cells with lists; split it": program(
        (AnyOf((IsMissing(), at_least(Constant(1, NUMBER)))),) * 15
    ),
    "`t`: it has more than 200 columns": program((ANYTHING,) * 201),
    "of `t`: `c0` has a choice of more than 5,000 characters": program(ANYTHING, kind=LONG),
    "rule `r0` of `t`: `c0` compares a text that is carried only": program(
        OneOf((Constant("a", Text()),)), kind=Text()
    ),
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_the_engine_cannot_represent_is_refused(message: str) -> None:
    """When it is compiled, in a sentence that names the place."""
    with pytest.raises(RefusedError) as caught:
        rulesets(REFUSED[message], None, NO_FUNCTIONS)
    assert str(caught.value).startswith(f"durable-rules cannot carry {message}")


def test_a_function_that_nobody_handed_over_is_refused() -> None:
    """A border may call one, and then it has to be known."""
    border = Call("double", (DatePart(Today(), "day"),), NUMBER)
    asked = program(at_least(border))
    with pytest.raises(RefusedError, match="does not know the function `double`; hand it over"):
        rulesets(asked, TODAY, NO_FUNCTIONS)
    found = rulesets(asked, TODAY, {"double": lambda day: day * 2})
    assert found.definitions["p"]["r0"]["all"] == [{"m": {"$and": [{"kind": "t"}, {"$gte": {"c0": 42}}]}}]


def test_rules_of_one_name_are_refused() -> None:
    """Tables `a.b` and `a` may have rows that are called alike outside; a ruleset could hold one of them only."""
    first = program(ANYTHING).tables[0]
    rows = (Row("c", (ANYTHING,), ()), Row("b.c", (ANYTHING,), ()))
    tables = tuple(
        Table(name, first.columns, (row,), (), "collect", "list") for name, row in zip(("a.b", "a"), rows, strict=True)
    )
    whole = Program("p", "1", "decision-table", (Field("f", NUMBER, optional=True),), (), tables, ())
    with pytest.raises(RefusedError, match=r"two rules called `a\.b\.c`; rename one"):
        rulesets(whole, None, NO_FUNCTIONS)


# How values are written


@pytest.mark.parametrize(
    ("value", "places", "written"),
    [
        (5, 0, 5),
        (Fraction(1, 4), 2, 25),
        (Fraction(1, 3), 1, 3),
        (Fraction(1, 300), 1, 1),  # above a border at 0, below the next step that may be one
        (Fraction(-1, 300), 1, -1),
        (Fraction(-299, 300), 1, -9),
        (10**34, 5, FARTHEST),
        (-(10**34), 5, -FARTHEST),
    ],
)
def test_a_number_is_written_on_its_side_of_every_border(value: Fraction, places: int, written: int) -> None:
    """Exactly where that is possible, else between the same two borders."""
    assert steps(value, places) == written


def test_properties_are_words_that_mean_nothing_to_the_engine() -> None:
    """Columns that are called as its own properties, as paths, or twice, get names of their own."""
    kinds = ("kind", "id", "invoice.amount", "客户", "客户", "column_3")
    columns = tuple(Column(name, FieldValue("f"), NUMBER) for name in kinds)
    table = Table("t", columns, (Row("r", (ANYTHING,) * 6, ()),), (), "collect", "list")
    whole = Program("p", "1", "decision-table", (Field("f", NUMBER),), (), (table,), ())
    axes = rulesets(whole, None, NO_FUNCTIONS).tables["t"].axes
    assert [axis.property for axis in axes] == ["kind_", "id_", "column_3", "客户", "客户_", "column_3_"]


def test_a_rule_reads_as_its_row() -> None:
    """The kind of fact, then the cells; a missing value is an absent property."""
    program = crm_rules.load("sample-company")["pipeline-stage"].program
    rules = rulesets(program, TODAY, NO_FUNCTIONS).definitions["pipeline-stage"]
    assert rules["undated"]["all"] == [
        {"m": {"$and": [{"kind": "rules"}, {"need": "clear"}, {"$nex": {"days_to_close": 1}}]}}
    ]
