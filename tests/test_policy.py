"""Policies and packs as an application calls them: shapes of records, `today`, `given`, schemas, models, editions."""

from __future__ import annotations

import json
from collections import UserDict
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct
from pydantic import BaseModel, ConfigDict, Field, ValidationError, computed_field

import crm_rules
from crm_rules.ir.check import check
from crm_rules.ir.inline import narrowed
from crm_rules.ir.nodes import ANYTHING, Expr, FieldValue, Holds, IsPresent, Multiply, StepValue
from crm_rules.ir.program import Column, Output, Program, Row, Table
from crm_rules.ir.program import Field as InputField
from crm_rules.ir.types import Boolean, Number
from crm_rules.loading import load_with_report

TODAY = date(2026, 11, 21)
HOLDS = Holds(FieldValue("x"), IsPresent())
SCORE = """\
policy: score
kind: ladder
fields:
  amount: {type: money, unit: CNY, currency: code, decimals: 2, min: 0}
  copy: {type: integer, default: 3, min: 2, max: 12}
by: amount
output:
  points: {type: integer}
steps: |
  | id    | from | points |
  | big   | 100  | 4      |
  | small | 10   | 1      |
"""
PLAN = """\
policy: plan
kind: decision-table
hit_policy: first
requires: {points: score}
fields:
  copy: {type: integer, optional: true, min: 1, max: 9}
  近期: {type: date, optional: true}
  _note: {type: text, optional: true}
derive:
  left: days_between(today, 近期)
output:
  plan: {type: text}
rules: |
  | id   | points | left  | copy | plan  |
  | soon | -      | <= 30 | -    | call  |
  | best | 4      | -     | 5    | visit |
  | rest | -      | -     | -    | write |
"""
TOUCH = """\
policy: touch
kind: ladder
requires: {points: score}
by: points
output:
  due: {type: boolean}
steps: |
  | id  | from | due   |
  | yes | 2    | true  |
  | no  | 0    | false |
"""


def write(folder: Path, **texts: str) -> Path:
    """Write policy files."""
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder


def codes(folder: Path) -> list[str]:
    """The findings of a pack that does not load, as line:column code."""
    _, report, _ = load_with_report(folder)
    return [f"{Path(item.span.path).stem}:{item.span.line}:{item.span.column} [{item.code}]" for item in report]


@pytest.fixture(scope="module", name="pack")
def load_pack(tmp_path_factory: pytest.TempPathFactory) -> crm_rules.Pack:
    """Two policies that rest on a third."""
    return crm_rules.load(write(tmp_path_factory.mktemp("policy"), score=SCORE, plan=PLAN, touch=TOUCH))


# Records


@dataclass
class Deal:
    """A record as a dataclass."""

    amount: Any = 100
    code: str = "CNY"
    copy: int = 5


class DealStruct(Struct):
    """A record as a msgspec struct."""

    amount: Any = 100
    code: str = "CNY"
    copy: int = 5


class DealModel(BaseModel):
    """A record as a pydantic model; `copy` stays a method of it, so the policy takes its default."""

    amount: Any = 100
    code: str = "CNY"


class OpenModel(BaseModel):
    """A model with an alias, a computed field and whatever else it is given."""

    model_config = ConfigDict(extra="allow", populate_by_name=True)
    money: Any = Field(100, alias="amount")

    @computed_field
    def code(self) -> str:
        """The currency."""
        return "CNY"


@pytest.mark.parametrize("name", ["score", "plan", "touch"])
def test_a_record_may_have_any_shape(pack: crm_rules.Pack, name: str) -> None:
    """Mappings, dataclasses, structs and models give the same decision, the currency of a required policy included."""
    policy = pack[name]
    record = {"amount": 100, "code": "CNY", "copy": 5}
    expected = policy.decide(record, today=TODAY)
    assert expected.status == "decided"
    for other in (UserDict(record), Deal(), DealStruct(), OpenModel.model_validate(record)):
        assert policy.decide(other, today=TODAY) == expected
        assert policy.decide_many([other], today=TODAY) == [expected]
        assert pack.decide(other, today=TODAY)[name] == expected
    bare = policy.decide({"amount": 100, "code": "CNY"}, today=TODAY)
    assert policy.decide(DealModel(), today=TODAY) == bare
    assert bare.status == "decided"


@pytest.mark.parametrize("record", [None, [], "amount", 1, Deal, DealModel, DealStruct, object(), {"amount"}])
def test_what_is_no_record(pack: crm_rules.Pack, record: Any) -> None:
    """A thing without named facts is the caller's mistake, a class of records too."""
    for decide in (pack["score"].decide, pack["plan"].decide, pack.decide):
        with pytest.raises(crm_rules.CallError, match="a record is a mapping"):
            decide(record, today=TODAY)


# Days


@pytest.mark.parametrize(
    "today",
    [
        "2026-11-21", 20261121, datetime(2026, 11, 21, 12), datetime(2026, 11, 21, tzinfo=UTC),  # noqa: DTZ001
        date(1899, 12, 31), date(2200, 1, 1), [], {},
    ],
)  # fmt: skip
def test_a_day_that_is_none_is_refused(pack: crm_rules.Pack, today: Any) -> None:
    """Whether or not the policy needs the day, and also in a pack."""
    record = {"amount": 100, "code": "CNY"}
    for decide in (pack["score"].decide, pack["plan"].decide, pack["plan"].decide, pack.decide):
        with pytest.raises(crm_rules.CallError, match="today="):
            decide(record, today=today)
    with pytest.raises(crm_rules.CallError, match="today="):
        pack.on(today)


def test_a_day_may_be_a_datetime_at_midnight(pack: crm_rules.Pack) -> None:
    """It is the same day, and the decision keeps the date."""
    record = {"amount": 100, "code": "CNY"}
    midnight = datetime(2026, 11, 21)  # noqa: DTZ001 - a day without a zone
    for decide in (pack["plan"].decide, lambda record, today: pack.decide(record, today=today)["plan"]):
        assert decide(record, today=midnight) == decide(record, today=TODAY)
        assert type(decide(record, today=midnight).today) is date


def test_a_missing_day_is_refused_only_where_it_is_needed(pack: crm_rules.Pack) -> None:
    """A policy that reads no day decides without one."""
    record = {"amount": 100, "code": "CNY"}
    assert pack["score"].decide(record).value == 4
    assert pack["touch"].decide(record).value is True
    for decide in (pack["plan"].decide, pack.decide):
        with pytest.raises(crm_rules.CallError, match="today="):
            decide(record)


# Chains


def test_a_given_decision_is_named_as_such(pack: crm_rules.Pack) -> None:
    """The explanation says that the value came from the caller; a key of that name in the record is ignored."""
    given = pack["plan"].decide({"points": 1, "copy": 5}, today=TODAY, given={"points": 4})
    assert (given.value, given.rules, given.required) == ("visit", ("best",), ())
    assert "given by the caller" in given.explain("en")
    assert "由调用方给定" in given.explain("zh")
    decided = pack["plan"].decide({"points": 1, "amount": 100, "code": "CNY", "copy": 5}, today=TODAY)
    assert decided.value == "visit"
    assert "given by the caller" not in decided.explain("en")
    assert json.loads(decided.to_json())["values"]["points"] == 4


@pytest.mark.parametrize("value", [None, "4", 4.5, True, [4], {"points": 4}])
def test_a_given_value_is_read_like_a_fact(pack: crm_rules.Pack, value: Any) -> None:
    """What is no value of the output makes the decision invalid, and never raises."""
    decision = pack["plan"].decide({}, today=TODAY, given={"points": value})
    assert (decision.status, [one.field for one in decision.problems]) == ("invalid", ["points"])
    assert pack["plan"].replay(decision.to_json()).to_json() == decision.to_json()
    assert decision.explain("en")


@pytest.mark.parametrize("given", ["points", ["points"], {"point": 1}, {"amount": 1}])
def test_what_cannot_be_given(pack: crm_rules.Pack, given: Any) -> None:
    """Only required decisions, by name."""
    for decide in (pack["plan"].decide, pack["score"].decide):
        with pytest.raises(crm_rules.CallError, match="given"):
            decide({}, today=TODAY, given=given)


def test_own_problems_come_before_those_of_a_requirement(pack: crm_rules.Pack) -> None:
    """Blocked when only the requirement is undecided, whether it is invalid or has a gap; explained either way."""
    for record, below in (({}, "invalid"), ({"amount": 1, "code": "CNY"}, "no_match")):
        blocked = pack["plan"].decide(record, today=TODAY)
        assert (blocked.status, dict(blocked.required)["points"].status) == ("blocked", below)
        assert (blocked.problems, dict(blocked.outputs), blocked.rules) == ((), {}, ())
        invalid = pack["plan"].decide(record | {"copy": 0, "近期": "soon"}, today=TODAY)
        assert (invalid.status, [one.field for one in invalid.problems]) == ("invalid", ["copy", "近期"])
        for decision in (blocked, invalid):
            text = decision.to_json()
            assert pack["plan"].replay(text).to_json() == text
            named = {reason.field for reason in decision.reasons}
            assert named == {"points"} | {one.field for one in decision.problems}
        assert all("score" in blocked.explain(lang) for lang in ("en", "zh"))
        assert all("copy" in invalid.explain(lang) for lang in ("en", "zh"))


def test_the_contract_of_a_chain_is_what_all_its_policies_accept(pack: crm_rules.Pack) -> None:
    """Limits are narrowed; what one policy requires is required."""
    copy = next(item for item in pack["plan"].inputs if item.name == "copy")
    assert (copy.low, copy.high, copy.optional, copy.default) == (2, 9, True, None)
    plan, below = (
        next(item for item in pack[name].program.fields if item.name == "copy") for name in ("plan", "score")
    )
    assert narrowed(plan, below) == copy
    assert (narrowed(below, plan).low, narrowed(below, plan).high) == (2, 9)


def test_a_name_is_a_field_or_a_requirement_throughout_a_chain(tmp_path: Path) -> None:
    """The record has one value for a name, so a requirement may not be called as a field of the policies below."""
    write(
        tmp_path, score=SCORE, plan=PLAN.replace("{points: score}", "{amount: score}").replace("points |", "amount |")
    )
    assert codes(tmp_path) == ["plan:4:20 [duplicate-name]"]


def test_the_hash_covers_the_chain(pack: crm_rules.Pack, tmp_path: Path) -> None:
    """A border of a required policy changes the hash of those that rest on it."""
    write(tmp_path, score=SCORE.replace("| 100 ", "| 101 "), plan=PLAN, touch=TOUCH)
    other = crm_rules.load(tmp_path)
    assert all(other[name].content_hash != pack[name].content_hash for name in pack)


# Schemas and models


VALUES: dict[str, list[Any]] = {
    "amount": [0, 9.99, 10, 100, 0.07, 1e5, -1, 0.001, "10", None, True],
    "code": ["CNY", "USD", None, 1],
    "copy": [2, 5, 9, 1, 10, 2.5, "5", None],
    "近期": ["2026-12-01", "2026-11-21", "1899-12-31", "soon", "", None, 1],
    "_note": ["text", "", None, 1],
}


@given(st.fixed_dictionaries({}, optional={name: st.sampled_from(facts) for name, facts in VALUES.items()}))
def test_what_is_accepted_passes_the_schema(pack: crm_rules.Pack, record: dict[str, Any]) -> None:
    """A JSON record without problems passes; one that lacks a field, or is of other types or limits, does not."""
    policy = pack["plan"]
    decision = policy.decide(policy.read(record), today=TODAY)
    problems = [*decision.problems, *(one for _, below in decision.required for one in below.problems)]
    errors = list(jsonschema.Draft202012Validator(policy.input_schema()).iter_errors(record))
    if not problems:
        # A text is read by the field's type, which a schema cannot say: it refuses a number in a text.
        texts = {name for name in ("amount", "copy") if isinstance(record.get(name), str)}
        empty = {name for name in ("近期",) if record.get(name) == ""}
        assert {error.path[0] for error in errors if error.path} <= texts | empty
    elif {one.code for one in problems} - {"decimals"}:
        assert errors


def test_the_schema_is_itself_valid(pack: crm_rules.Pack) -> None:
    """Of every policy of the starter packs too."""
    for policy in (*pack.values(), *crm_rules.load("base").values()):
        jsonschema.Draft202012Validator.check_schema(policy.input_schema())


def test_the_model_reads_a_row_of_texts(pack: crm_rules.Pack) -> None:
    """Every column arrives: names that are no Python names, that models use themselves, and the currency."""
    row = {"amount": "1_234.50", "code": "CNY", "copy": "5", "近期": "2027-11-01", "_note": "n", "other": "x"}
    model = pack["plan"].input_model().model_validate(row)
    decision = pack["plan"].decide(model, today=TODAY)
    assert decision == pack["plan"].decide(pack["plan"].read(row), today=TODAY)
    assert (decision.value, decision.record["_note"]) == ("visit", "n")
    assert dict(decision.required)["points"].record["amount"] == Decimal("1234.5")
    empty = dict.fromkeys(row, "") | {"amount": "10", "code": "CNY"}
    assert pack["plan"].decide(pack["plan"].input_model().model_validate(empty), today=TODAY).value == "write"


@pytest.mark.parametrize(
    "change", [{"amount": "much"}, {"amount": ""}, {"amount": "0.001"}, {"copy": "1"}, {"近期": "1"}]
)
def test_the_model_refuses_what_a_decision_would(pack: crm_rules.Pack, change: dict[str, str]) -> None:
    """Before anything is decided."""
    with pytest.raises(ValidationError):
        pack["plan"].input_model().model_validate({"amount": "10", "code": "CNY"} | change)


# Editions


def dated(folder: Path) -> crm_rules.Pack:
    """Two editions of `score` and of `plan`, the second ones from 2027 on."""
    old, new = "version: 1\nvalid_from: 2026-01-01\nkind:", "version: 2\nvalid_from: 2027-01-01\nkind:"
    for name, text in (("score", SCORE), ("plan", PLAN)):
        write(folder, **{f"{name}-1": text.replace("kind:", old), f"{name}-2": text.replace("kind:", new)})
    write(folder, **{"score-2": SCORE.replace("kind:", new).replace("| 4 ", "| 5 ")})
    return crm_rules.load(folder)


def test_an_edition_by_version_rests_on_the_editions_of_its_time(tmp_path: Path) -> None:
    """`pack.version` binds a chain whose policies have several editions."""
    pack = dated(tmp_path)
    record = {"amount": 100, "code": "CNY", "copy": 5}
    answers = [pack.version("plan", version).decide(record, today=TODAY) for version in ("1", "2")]
    assert [(one.value, one.required[0][1].policy.version) for one in answers] == [("visit", "1"), ("write", "2")]
    for day, answer in ((date(2026, 1, 1), answers[0]), (date(2027, 1, 1), answers[1])):
        assert pack.on(day)["plan"].decide(record, today=TODAY) == answer


def test_before_every_edition_nothing_is_in_force(tmp_path: Path) -> None:
    """The pack of that day is empty, decides nothing, and says why an id is not there."""
    pack = dated(tmp_path)
    day = date(2025, 12, 31)
    assert (len(pack.on(day)), pack.decide({}, today=day)) == (0, {})
    with pytest.raises(KeyError, match=r"^no policy `plan` in .* is in force on 2025-12-31$"):
        pack.on(day)["plan"]
    with pytest.raises(crm_rules.CallError, match="several editions"):
        pack.decide({"amount": 1})


def test_a_policy_is_not_in_force_without_what_it_requires(tmp_path: Path) -> None:
    """The others go on."""
    early = SCORE.replace("kind:", "valid_from: 2027-01-01\nkind:")
    free = TOUCH.replace("touch", "free").replace("requires: {points: score}", "fields: {points: {type: integer}}")
    pack = crm_rules.load(write(tmp_path, score=early, plan=PLAN, touch=TOUCH, free=free))
    assert list(pack.decide({"points": 3}, today=TODAY)) == ["free"]
    assert list(pack.on(date(2027, 1, 1))) == list(pack)
    assert pack["plan"].decide({"amount": 100, "code": "CNY"}, today=TODAY).status == "decided"


def test_an_unknown_policy_is_an_error_of_the_library(pack: crm_rules.Pack) -> None:
    """It is a `KeyError`, because a pack is a mapping, and the caller's mistake."""
    with pytest.raises(crm_rules.CallError, match=r"^no policy `plam` .*did you mean `plan`") as caught:
        pack["plam"]
    assert isinstance(caught.value, KeyError)
    with pytest.raises(crm_rules.CallError, match="did you mean `plan`"):
        pack.version("plam", "1")
    assert pack.get("plam") is None


# Blank parameters in a pack


def test_a_blank_policy_keeps_no_fact_of_the_name_of_its_requirement(tmp_path: Path) -> None:
    """A key of the record is not taken for a required decision."""
    blank = PLAN.replace("derive:", "parameters: {low: {type: integer}}\nderive:").replace("| 4      |", "| $low   |")
    pack = crm_rules.load(write(tmp_path, score=SCORE, plan=blank))
    record = {"points": 3, "amount": 100, "code": "CNY"}
    decision = pack.decide(record, today=TODAY)["plan"]
    assert (decision.status, decision.record["points"]) == ("blocked", None)
    assert decision.explain("en").count("$low") == decision.explain("zh").count("$low") == 1
    with pytest.raises(crm_rules.CallError, match=r"plan\.\$low"):
        pack["plan"].decide(record, today=TODAY)


# Suggestions


def test_a_heading_close_to_an_output_is_recognised(tmp_path: Path) -> None:
    """A column that is nearly an output is suggested as one."""
    write(tmp_path, score=SCORE, plan=PLAN.replace("| plan  |", "| plans |"))
    _, report, _ = load_with_report(tmp_path)
    assert "did you mean `plan`?" in {item.help for item in report}


# Programs made by hand


def grown(times: int) -> Expr:
    """A fact multiplied by itself again and again."""
    expr: Expr = FieldValue("x")
    for _ in range(times):
        expr = Multiply(expr, expr)
    return expr


@pytest.mark.parametrize("place", ["output", "subject", "row", "inside a test"])
def test_numbers_cannot_grow_without_end_anywhere(place: str) -> None:
    """Wherever an expression stands, products of products are refused."""

    def program(times: int) -> Program:
        expr, plain = grown(times), FieldValue("x")
        holds = Holds(expr, IsPresent())
        subject: Expr = expr if place == "subject" else plain
        table = Table(
            "rules",
            (Column("x", subject, Number()), Column("h", holds if place == "inside a test" else HOLDS, Boolean())),
            (Row("a", (ANYTHING, ANYTHING), (expr if place == "row" else plain,)),),
            (("y", Number()),),
        )
        output = Output("y", Number(), expr if place == "output" else StepValue("rules", "y"))
        return Program("p", "", "decision-table", (InputField("x", Number()),), (), (table,), (output,))

    assert check(program(2)) == []
    assert {item.code for item in check(program(5))} == {"number-too-long"}
