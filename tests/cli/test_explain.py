"""`crm-rules explain`: one record, one policy, one edition, and the reasons; and how each of them is chosen."""

from __future__ import annotations

import io
import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm_rules.cli.choose import choose
from crm_rules.cli.console import UsageError
from crm_rules.cli.facts import read_given, read_object
from crm_rules.cli.main import main
from crm_rules.columns import display_width
from crm_rules.loading import load
from crm_rules.pack import Pack

STAGE = ["explain", "sample-company", "--policy", "pipeline-stage", "--today", "2026-11-21"]
RECORD = '{"need": "clear", "expected_close": "2026-12-22"}'
EDITION = """
policy: {name}
kind: ladder
version: {version}
{dates}
fields: {{amount: {{type: integer}}}}
{more}
by: {by}
output: {{{output}: {{type: choice, one_of: [low, high]}}}}
steps:
  - {{id: low, up to: {border}, {output}: low}}
  - {{id: high, up to: "-", {output}: high}}
"""


def write(folder: Path, name: str, version: str, dates: str = "", border: int = 10, **parts: str) -> None:
    """One edition of a small ladder."""
    words = {"more": "", "by": "amount", "output": "size"} | parts
    text = EDITION.format(name=name, version=version, dates=dates, border=border, **words)
    (folder / f"{name}-{version}.yaml").write_text(text, encoding="utf-8")


@pytest.fixture
def editions(tmp_path: Path) -> Pack:
    """A policy with an edition of 2026 and one of 2027."""
    write(tmp_path, "size", "1", "valid_from: 2026-01-01\nvalid_to: 2026-12-31")
    write(tmp_path, "size", "2", "valid_from: 2027-01-01", border=20)
    return load(tmp_path)


def refusal(pack: Pack, policy: str | None, today: date | None, edition: str | None) -> str:
    """The sentence with which a choice is refused."""
    with pytest.raises(UsageError) as caught:
        choose(pack, policy, today, edition)
    return str(caught.value)


# What is printed


def test_the_reasons_and_why_not_better(capsys: pytest.CaptureFixture[str]) -> None:
    """The explanation names the rule with value and border, and what the next better outcome needs."""
    assert main([*STAGE, "--record", RECORD]) == 0
    printed = capsys.readouterr().out
    assert "Rule quarter (clear need within three months)" in printed
    assert "Started months to the expected close: 2 months (≤ 3 months)" in printed
    assert "Why not closes within a month (A)" in printed


def test_both_languages(capsys: pytest.CaptureFixture[str]) -> None:
    """`--lang both` prints the English explanation and then the Chinese one."""
    assert main([*STAGE, "--record", RECORD, "--lang", "en"]) == 0
    english = capsys.readouterr().out
    assert main([*STAGE, "--record", RECORD, "--lang", "zh"]) == 0
    chinese = capsys.readouterr().out
    assert main([*STAGE, "--record", RECORD, "--lang", "both"]) == 0
    assert capsys.readouterr().out == f"{english}\n{chinese}"
    assert "适用的规则" in chinese


def test_an_undecided_record_is_explained_and_is_a_finding(capsys: pytest.CaptureFixture[str]) -> None:
    """What is wrong with the record is said, and the exit code is 1."""
    assert main([*STAGE, "--record", '{"need": "urgent"}']) == 1
    assert "the text `urgent`" in capsys.readouterr().out


def test_json_holds_the_decision_and_its_reasons(capsys: pytest.CaptureFixture[str]) -> None:
    """The form for programs is the recorded decision, with the reasons added, and can be replayed."""
    assert main([*STAGE, "--record", RECORD, "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["outputs"] == {"stage": "B"}
    assert [(one["rule"], one["field"], one["value"]) for one in found["reasons"]] == [
        ("quarter", "need", "clear"),
        ("quarter", "months_to_close", 2),
    ]
    policy = load("sample-company")["pipeline-stage"]
    assert policy.replay(json.dumps(found)).value == "B"


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_an_explanation_fits_the_terminal(
    width: int, lang: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No line is wider than the terminal, Chinese included."""
    monkeypatch.setenv("COLUMNS", str(width))
    assert main([*STAGE, "--record", RECORD, "--lang", lang]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if display_width(line) > width] == []


def test_a_given_decision_replaces_the_required_one(capsys: pytest.CaptureFixture[str]) -> None:
    """With `--given` the fields of the required policy are not asked for."""
    words = ["explain", "base", "--policy", "follow-up", "--today", "2026-11-21"]
    record = ["--record", '{"last_touch": "2026-11-12"}']
    assert main([*words, *record]) == 1
    assert main([*words, *record, "--given", '{"stage": "B"}']) == 0
    assert "2026-11-19" in capsys.readouterr().out


# The record


def test_a_record_comes_from_a_file_or_from_standard_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`@file` and `-` give what the same JSON in place gives."""
    assert main([*STAGE, "--record", RECORD]) == 0
    expected = capsys.readouterr().out
    place = tmp_path / "record.json"
    place.write_text(RECORD, encoding="utf-8-sig")
    assert main([*STAGE, "--record", f"@{place}"]) == 0
    assert capsys.readouterr().out == expected
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(RECORD.encode())))
    assert main([*STAGE, "--record", "-"]) == 0
    assert capsys.readouterr().out == expected


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"need": "clear"', "--record:1:17: this is no JSON: expecting ',' delimiter"),
        ('{"need":\n "cl', "--record:2:2: this is no JSON: unterminated string starting at"),
        ('{"a": 1, "a": 2}', "--record: this JSON cannot be used: `a` stands there twice"),
        ('{"a": NaN}', "--record: this JSON cannot be used: `NaN` is no number"),
        ("[" * 50_000, "--record: this JSON cannot be used: it is nested too deeply"),
        ("[]", '--record: expected an object such as {"need": "clear"}, found other JSON'),
        ("", "--record:1:1: this is no JSON: expecting value"),
    ],
    ids=["cut", "second line", "twice", "nan", "deep", "list", "empty"],
)
def test_json_that_is_none_is_refused_at_its_place(text: str, sentence: str) -> None:
    """A mistake in JSON is shown at its line and column."""
    with pytest.raises(UsageError) as caught:
        read_object(text, "--record")
    assert str(caught.value) == sentence


def test_a_file_that_is_no_text_is_refused_at_its_line(tmp_path: Path) -> None:
    """Bytes that are not UTF-8 are named with their line."""
    place = tmp_path / "record.json"
    place.write_bytes(b'{\n"a": "\xff"}')
    with pytest.raises(UsageError, match=r"record\.json:2: this is not UTF-8 text"):
        read_object(f"@{place}", "--record")


@given(st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text()))
def test_an_object_is_read_as_it_was_written(record: dict[str, object]) -> None:
    """Reading takes nothing away from JSON."""
    assert read_object(json.dumps(record), "--record") == record


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4))
def test_numbers_of_json_are_exact(number: Decimal) -> None:
    """A number with decimals is the number that was written."""
    assert read_object(f'{{"a": {number:f}}}', "--record") == {"a": number}


def test_a_given_name_that_nobody_requires_is_refused() -> None:
    """A misspelt alias is refused with the one that was meant."""
    policy = load("base")["follow-up"]
    assert read_given(policy, {"stage": "B"}) == {"stage": "B"}
    with pytest.raises(UsageError, match=r"requires no decision `stge`; did you mean `stage`\?"):
        read_given(policy, {"stge": "B"})


# Which policy, which edition


def test_the_only_policy_that_no_other_requires_is_asked() -> None:
    """A chain is asked at its end; several ends have to be told apart."""
    pack = load(Path(__file__).parents[2] / "policies" / "follow-up.yaml")
    assert choose(pack, None, date(2026, 11, 21), None).id == "follow-up"
    assert refusal(load("base"), None, date(2026, 11, 21), None).startswith(
        "base has several policies: name one with --policy: abc-grade, credit-level,"
    )


def test_an_unknown_policy_is_refused_with_the_one_meant() -> None:
    """A misspelt policy is refused with the one that was meant, else with all there are."""
    assert refusal(load("base"), "pipline-stage", None, None) == (
        "there is no policy `pipline-stage` in base; did you mean `pipeline-stage`?"
    )
    assert refusal(load("base"), "xyz", None, None).startswith("there is no policy `xyz` in base; there are abc-grade,")


def test_a_day_is_asked_for_when_the_policy_depends_on_it() -> None:
    """Without `--today` a policy that reads the day is refused, any other is not."""
    assert refusal(load("base"), "follow-up", None, None) == (
        "`follow-up` depends on the day: give one, such as --today 2026-01-01"
    )
    assert choose(load("base"), "reputation-grade", None, None).id == "reputation-grade"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(day=st.dates(date(2025, 1, 1), date(2029, 12, 31)))
def test_the_day_chooses_the_edition(editions: Pack, day: date) -> None:
    """The edition in force is asked, and a day outside all editions is refused."""
    if day < date(2026, 1, 1):
        assert refusal(editions, "size", day, None) == (
            f"`size` has no edition in force on {day}; there is 1 from 2026-01-01 to 2026-12-31, 2 from 2027-01-01; "
            "to use one all the same, add --edition 2"
        )
    else:
        assert choose(editions, "size", day, None).version == ("1" if day < date(2027, 1, 1) else "2")


def test_a_named_edition_is_used_whatever_the_day(editions: Pack) -> None:
    """`--edition` wins over the day; one that does not exist is refused."""
    assert choose(editions, "size", date(2031, 1, 1), "1").version == "1"
    assert choose(editions, "size", None, "1").version == "1"
    assert refusal(editions, "size", None, "3") == (
        "`size` has no edition 3; there is 1 from 2026-01-01 to 2026-12-31, 2 from 2027-01-01"
    )


def test_several_editions_without_a_day_are_refused(editions: Pack) -> None:
    """Nobody guesses which edition was meant."""
    assert refusal(editions, "size", None, None).startswith(
        "`size` has several editions: choose with --today or --edition"
    )


def test_a_day_outside_the_calendar_is_refused(editions: Pack) -> None:
    """The library decides for the days from 1900 to 2199."""
    assert refusal(editions, "size", date(2200, 1, 1), None) == (
        "--today lies from 1900-01-01 to 2199-12-31, found 2200-01-01"
    )


def test_required_policies_are_of_the_same_day(tmp_path: Path) -> None:
    """A required policy is asked in its edition of the day, and of that version when an edition is named."""
    write(tmp_path, "size", "1", "valid_from: 2026-01-01\nvalid_to: 2026-12-31")
    write(tmp_path, "size", "2", "valid_from: 2027-01-01", border=20)
    write(tmp_path, "care", "2", more="requires: {size: size}", output="care")
    pack = load(tmp_path)
    assert choose(pack, "care", date(2026, 5, 1), None).required[0].policy.version == "1"
    assert choose(pack, "care", date(2027, 5, 1), None).required[0].policy.version == "2"
    assert choose(pack, "care", None, "2").required[0].policy.version == "2"
    assert refusal(pack, "care", date(2025, 5, 1), None).startswith("`size` has no edition in force on 2025-05-01;")


def test_a_required_policy_need_not_have_the_named_version(tmp_path: Path) -> None:
    """`--edition` names the edition of the policy that is asked; what it requires is of the day."""
    write(tmp_path, "size", "1", "valid_from: 2026-01-01\nvalid_to: 2026-12-31")
    write(tmp_path, "size", "2", "valid_from: 2027-01-01", border=20)
    write(tmp_path, "care", "5", more="requires: {size: size}", output="care")
    pack = load(tmp_path)
    assert choose(pack, "care", date(2026, 5, 1), "5").required[0].policy.version == "1"
    assert refusal(pack, "care", None, "5").startswith("`size` has several editions:")


def test_of_two_editions_in_force_the_later_one_is_asked(tmp_path: Path) -> None:
    """An edition without an end is in force until a later one begins."""
    write(tmp_path, "size", "1", "valid_from: 2026-01-01")
    write(tmp_path, "size", "2", "valid_from: 2027-01-01", border=20)
    pack = load(tmp_path)
    assert choose(pack, "size", date(2026, 12, 31), None).version == "1"
    assert choose(pack, "size", date(2027, 1, 1), None).version == "2"


def test_sensitive_values_are_shown_only_when_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither the text nor the JSON tells a sensitive value, or one derived from it, without `--sensitive`."""
    policy = tmp_path / "pay.yaml"
    policy.write_text(
        "policy: pay\nkind: ladder\nfields: {salary: {type: integer, sensitive: true}}\n"
        "derive: {yearly: salary * 12}\nby: yearly\noutput: {size: {type: choice, one_of: [low, high]}}\n"
        "steps:\n  - {id: low, up to: 100, size: low}\n  - {id: high, size: high}\n",
        encoding="utf-8",
    )
    for form in ("text", "json"):
        call = ["explain", str(policy), "--record", '{"salary": 4321}', "--format", form]
        assert main(call) == 0
        closed = capsys.readouterr().out
        assert "hidden" in closed
        assert not any(value in closed.replace(",", "") for value in ("4321", "51852"))
        assert main([*call, "--sensitive"]) == 0
        assert "51852" in capsys.readouterr().out.replace(",", "")


def test_a_given_decision_must_be_one_of_its_choices(capsys: pytest.CaptureFixture[str]) -> None:
    """What cannot be the required decision is the caller's mistake, not a record's."""
    call = ["explain", "sample-company", "--policy", "follow-up", "--today", "2026-11-21", "--record", "{}"]
    assert main([*call, "--given", '{"stage": "Z"}']) == 2
    assert "`stage` is one of A, B, C, D, E, unknown, found `Z`" in capsys.readouterr().err
