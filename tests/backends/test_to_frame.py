"""A policy on dataframes: what is taken, what is refused and how it is said, what comes back.

That every engine agrees with `decide` is asked in `test_frame_table` and `test_agreement`; here are the promises.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import crm_rules
from crm_rules.backends import frame_source, table_call
from crm_rules.backends.frame_border import fresh_names
from crm_rules.backends.table_call import additions
from crm_rules.errors import CallError, RefusedError, UnknownPolicyError
from crm_rules.pack import Pack
from crm_rules.policy import Policy
from crm_rules.testing.agreement import check_agreement
from tests.backends.frame_features import FEATURES, policy_of

nw = pytest.importorskip("narwhals.stable.v2")
pl = pytest.importorskip("polars")
pd = pytest.importorskip("pandas")
pa = pytest.importorskip("pyarrow")
duckdb = pytest.importorskip("duckdb")

POLICIES = Path(__file__).parents[2] / "policies"
DAY = date(2026, 11, 21)
ROWS: dict[str, list[Any]] = {
    "key": [1, 2, 3, 4, 5],
    "need": ["clear", "clear", "none", "what", None],
    "expected_close": [date(2026, 12, 21), date(2026, 12, 22), None, date(2024, 2, 29), date(2026, 12, 21)],
}
STAGES = {1: "A", 2: "B", 3: "E", 4: None, 5: None}


@pytest.fixture(scope="module")
def pack() -> Pack:
    """The policies that come with the library."""
    return crm_rules.load(POLICIES)


@pytest.fixture(scope="module")
def stage(pack: Pack) -> Policy:
    """The stage of an opportunity: a choice and an optional date."""
    return pack["pipeline-stage"]


@pytest.fixture
def amounts(tmp_path: Path) -> Policy:
    """Arithmetic on a price with decimals."""
    return policy_of(next(feature for feature in FEATURES if feature.title.startswith("arithmetic")), tmp_path)


@pytest.mark.parametrize("name", ["^n$", "^need$", "*", ""])
@pytest.mark.parametrize("frame", [pl.DataFrame, pd.DataFrame, pa.table], ids=["polars", "pandas", "pyarrow"])
def test_a_name_that_is_a_pattern_to_polars_is_refused(stage: Policy, frame: Any, name: str) -> None:
    """It would stand for other columns, or for none; a column that nothing asks for has any name."""
    other = frame({**ROWS, name: [0] * 5})
    with pytest.raises(CallError, match="is no single column to Polars, which decides this frame: rename it"):
        stage.decide_frame(other, today=DAY, columns={"need": name})
    with pytest.raises(CallError, match="is no single column to Polars"):
        stage.decide_frame(frame(ROWS), today=DAY, names={"stage": name})
    found = stage.decide_frame(other, today=DAY)
    assert list(getattr(found, "column_names", found.columns)) == [*ROWS, name, "stage", "status", "rules", "reason"]


@pytest.mark.parametrize("name", ["a\0b", "a\ud800"])
@pytest.mark.parametrize(
    "frame", [pl.DataFrame, pd.DataFrame, pa.table, lambda rows: duckdb.from_arrow(pa.table(rows))]
)
def test_a_name_that_no_column_can_have_is_refused(stage: Policy, frame: Any, name: str) -> None:
    """Before an engine is asked."""
    with pytest.raises(CallError, match="cannot be"):
        stage.decide_frame(frame(ROWS), today=DAY, names={"stage": name})


# What comes back


def test_an_eager_frame_of_polars_gets_the_columns_at_its_end(stage: Policy) -> None:
    """The input comes first, unchanged; outputs, status, rules and reason follow."""
    frame = pl.DataFrame(ROWS)
    found = stage.decide_frame(frame, today=DAY)
    assert found.columns == [*frame.columns, "stage", "status", "rules", "reason"]
    assert found.select(frame.columns).equals(frame)
    assert dict(found.select("key", "stage").iter_rows()) == STAGES
    assert found["reason"].to_list() == [None, None, None, "need: not-in-choices", "need: missing"]


def test_a_lazy_frame_stays_lazy_and_streams(stage: Policy) -> None:
    """Nothing is computed before it is asked for."""
    found = stage.decide_frame(pl.LazyFrame(ROWS), today=DAY)
    assert isinstance(found, pl.LazyFrame)
    assert dict(found.select("key", "stage").collect(engine="streaming").iter_rows()) == STAGES


def test_pandas_keeps_its_index_and_its_types(stage: Policy) -> None:
    """Rows are told by their place among the columns, whatever the index says."""
    frame = pd.DataFrame(ROWS, index=[7, 7, "x", None, 7]).astype({"expected_close": "datetime64[us]"})
    found = stage.decide_frame(frame, today=DAY)
    assert found.index.equals(frame.index)
    assert found[frame.columns].equals(frame)
    assert [None if value is pd.NA or value != value else value for value in found["stage"]] == list(STAGES.values())  # noqa: PLR0124 - NaN
    assert str(found["stage"].dtype) == "str"


def test_the_types_of_added_columns_in_pandas(pack: Pack) -> None:
    """A boolean, an integer and a date have a null of their own."""
    frame = pd.DataFrame({**ROWS, "last_touch": [date(2026, 1, 31)] * 5})
    found = pack["follow-up"].decide_frame(frame, today=DAY)
    assert [str(found[name].dtype) for name in ("due", "days_overdue", "next_touch")] == [
        "boolean",
        "Int64",
        "datetime64[us]",
    ]
    assert found["days_overdue"].isna().tolist() == [False, False, False, True, True]


def test_a_table_of_pyarrow_and_a_relation_of_duckdb_come_back(stage: Policy) -> None:
    """The same kind out, with the rows by their key."""
    table = stage.decide_frame(pa.table(ROWS), today=DAY)
    assert isinstance(table, pa.Table)
    assert dict(zip(table["key"].to_pylist(), table["stage"].to_pylist(), strict=True)) == STAGES
    relation = stage.decide_frame(duckdb.from_arrow(pa.table(ROWS)), today=DAY)
    assert isinstance(relation, duckdb.DuckDBPyRelation)
    assert dict(relation.select("key", "stage").fetchall()) == STAGES


def test_frames_without_rows_and_without_columns_to_read(stage: Policy) -> None:
    """No rows give no rows; a field that is missing in every row needs no column."""
    empty = stage.decide_frame(pl.DataFrame(ROWS).clear(), today=DAY)
    assert empty.height == 0
    for frame in (pl.DataFrame({"key": [1, 2]}), pa.table({"key": [1, 2]}), pd.DataFrame({"key": [1, 2]})):
        found = stage.decide_frame(frame, today=DAY, columns={"need": None, "expected_close": None})
        assert nw.from_native(found)["status"].to_list() == ["invalid", "invalid"]


def test_a_column_of_nulls_is_missing_in_every_row(stage: Policy) -> None:
    """A column that has no type holds nothing, in every library that has such a type."""
    columns = {"need": ["clear", "none"], "expected_close": [None, None]}
    for frame in (pl.DataFrame(columns), pl.LazyFrame(columns), pa.table(columns), pd.DataFrame(columns, dtype=object)):
        found = nw.from_native(stage.decide_frame(frame, today=DAY)).lazy().collect()
        assert found["stage"].to_list() == ["unknown", "E"]


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.title)
def test_pyarrow_alone_decides_as_polars_does(feature: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Polars is not installed, narwhals on PyArrow gives the same answers."""
    monkeypatch.setattr(frame_source, "ELSEWHERE", {"pandas": ("pyarrow",), "pyarrow": ("pyarrow",)})
    check_agreement(policy_of(feature, tmp_path), ["pyarrow"], records=feature.rows, today=feature.today)


# Names


def test_a_column_is_never_overwritten(stage: Policy) -> None:
    """A name that is taken is the caller's mistake, and says how to give another; SQL does not know upper case."""
    frame = pl.DataFrame({**ROWS, "status": ["x"] * 5})
    with pytest.raises(CallError, match="there is a column `status` already"):
        stage.decide_frame(frame, today=DAY)
    found = stage.decide_frame(frame, today=DAY, names={"status": "state"}, prefix="p ")
    assert found.columns[-4:] == ["p stage", "state", "p rules", "p reason"]
    relation = duckdb.from_arrow(pa.table({**ROWS, "STATUS": ["x"] * 5}))
    with pytest.raises(CallError, match="`STATUS` already"):
        stage.decide_frame(relation, today=DAY)


def test_what_is_added_is_chosen(stage: Policy) -> None:
    """Outputs by name, or all of them, and the columns about the decision."""
    found = stage.decide_frame(pl.DataFrame(ROWS), today=DAY, add=["stage", "reason"])
    assert found.columns == [*ROWS, "stage", "reason"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"add": ["stge"]}, "did you mean `stage`"),
        ({"add": "stage"}, "list of names"),
        ({"names": {"nothing": "x"}}, "names= names `nothing`"),
        ({"names": {"stage": "status"}}, "two columns called `status`"),
        ({"columns": {"ned": "need"}}, "did you mean `need`"),
        ({"columns": {"need": 3}}, "expected the name of a column"),
        ({"columns": {"need": "ned"}}, "did you mean `need`"),
        ({"given": {"stage": "A"}}, "requires nothing"),
        ({"today": None}, "needs today="),
        ({"today": "key"}, "for today= holds Int64, expected dates"),
        ({"today": "day"}, "no column `day` for today="),
    ],
)
def test_what_the_caller_says_is_checked(stage: Policy, options: dict[str, Any], message: str) -> None:
    """An unknown name is named, with what is close to it."""
    with pytest.raises(CallError, match=message):
        stage.decide_frame(pl.DataFrame(ROWS), **{"today": DAY, **options})


def test_an_output_may_be_called_as_a_column_about_the_decision() -> None:
    """Then both need a name, and `output:` tells them apart."""
    with pytest.raises(CallError, match="two columns"):
        additions("p", ["status"])
    found = additions("p", ["status"], names={"output:status": "credit status"})
    assert found == {"output:status": "credit status", "status": "status", "rules": "rules", "reason": "reason"}


def test_own_columns_have_names_that_are_free() -> None:
    """Also beside a name in upper case, which SQL takes for the same."""
    names = fresh_names(["crm_rules_1", "CRM_RULES_2", "x"])
    assert next(names) == "crm_rules_3"


def test_without_narwhals_the_extra_is_named(stage: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence that says what to install."""
    monkeypatch.setattr(table_call, "find_spec", lambda _: None)
    with pytest.raises(CallError, match=r"pip install 'crm-rules\[frames\]'"):
        stage.decide_frame(pl.DataFrame(ROWS), today=DAY)


@pytest.mark.parametrize(
    "frame", [3, [{"need": "clear"}], {"need": ["clear"]}, pl.Series("need", ["clear"]), pa.array([1])]
)
def test_what_is_no_frame_is_refused(stage: Policy, frame: Any) -> None:
    """With what was found instead."""
    with pytest.raises(CallError, match="decide_frame takes"):
        stage.decide_frame(frame, today=DAY)


# The border


def test_all_mistakes_of_a_frame_are_named_at_once(stage: Policy) -> None:
    """An absent column, and a name that is taken."""
    with pytest.raises(CallError) as caught:
        stage.decide_frame(pl.DataFrame({"expected_close": ["x"], "stage": [1]}), today=DAY)
    assert str(caught.value).splitlines()[0] == "the frame has 2 mistakes:"
    with pytest.raises(CallError) as caught:
        stage.decide_frame(pl.DataFrame({"expected_close": ["x"], "need": [1]}), today=DAY)
    assert "expected texts" in str(caught.value)
    assert "expected dates" in str(caught.value)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pl.Series([1.5], dtype=pl.Float32), "32-bit floats"),
        (pl.Series([1], dtype=pl.UInt64), "more than 63 bits"),
        (pl.Series([1], dtype=pl.Int128), "more than 63 bits"),
        (pl.Series([Decimal("1.5")], dtype=pl.Decimal(38, 2)), "38 digits"),
        (pl.Series(["1"]), "expected numbers"),
        (pl.Series([True]), "expected numbers"),
        (pl.Series([[1]]), "expected numbers"),
    ],
)
def test_columns_that_cannot_feed_a_number(amounts: Policy, column: Any, message: str) -> None:
    """Nothing is read as a number that is not exactly one; each says what to do."""
    with pytest.raises(CallError, match=message):
        amounts.decide_frame(pl.DataFrame({"price": column, "count": [1]}))


def test_columns_that_cannot_feed_a_date(stage: Policy) -> None:
    """A moment with a zone has another day elsewhere."""
    frame = pl.DataFrame({"need": ["clear"], "expected_close": [datetime(2026, 12, 1, tzinfo=UTC)]})
    with pytest.raises(CallError, match="time zone"):
        stage.decide_frame(frame, today=DAY)


@pytest.mark.parametrize("kind", [pl.Int8, pl.Int16, pl.Int32, pl.UInt8, pl.UInt16, pl.UInt32, pl.Int64])
def test_small_integers_are_counted_in_64_bits(amounts: Policy, kind: Any) -> None:
    """One hundred times one hundred is no overflow of eight bits."""
    frame = pl.DataFrame({"price": pl.Series([100], dtype=kind), "count": pl.Series([100], dtype=kind)})
    assert amounts.decide_frame(frame)["size"].to_list() == [amounts.decide({"price": 100, "count": 100}).value]


@pytest.mark.parametrize("kind", [pl.Categorical, pl.Enum(["clear", "none", "what"])])
def test_categories_are_texts(stage: Policy, kind: Any) -> None:
    """The name of a category is what counts."""
    frame = pl.DataFrame(ROWS).with_columns(pl.col("need").cast(kind))
    assert dict(stage.decide_frame(frame, today=DAY).select("key", "stage").iter_rows()) == STAGES


def test_decimals_close_to_the_end_of_their_type(amounts: Policy) -> None:
    """The largest value of a decimal's type is counted as the others are."""
    prices = [Decimal("999.99"), Decimal("-999.99"), Decimal("999.50"), Decimal("0.01")]
    frame = pl.DataFrame({"price": pl.Series(prices, dtype=pl.Decimal(5, 2)), "count": [1, 1, 1, 1]})
    wanted = [amounts.decide({"price": price, "count": 1}).outputs.get("size") for price in prices]
    assert amounts.decide_frame(frame)["size"].to_list() == wanted
    assert amounts.decide_frame(frame.to_arrow())["size"].to_pylist() == wanted


def test_a_float_column_is_counted_exactly(amounts: Policy) -> None:
    """Every price of two decimals is one, whatever its float: engines divide by constants in their own ways."""
    prices = [units / 100 for units in range(0, 200_000, 7)]
    frame = pl.DataFrame({"price": prices, "count": [1] * len(prices)})
    assert set(amounts.decide_frame(frame)["status"].to_list()) == {"decided"}


# pandas


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["clear", 1], "side by side"),
        ([Decimal(1), Decimal("NaN")], "decimal that is not a number"),
        ([object()], "`object`"),
        ([2**70], "cannot hold"),
        ([datetime(2026, 1, 1, tzinfo=UTC)], "time zone"),
    ],
)
def test_columns_of_objects_hold_one_kind(stage: Policy, values: list[Any], message: str) -> None:
    """What stands side by side is named."""
    frame = pd.DataFrame({"need": pd.Series(values, dtype=object), "expected_close": [None] * len(values)})
    with pytest.raises(CallError, match=message):
        stage.decide_frame(frame, today=DAY)


def test_columns_of_objects_are_looked_at(amounts: Policy) -> None:
    """Decimals, and None for what is missing."""
    prices = pd.Series([Decimal("33.33"), None, Decimal("99.99")], dtype=object)
    found = amounts.decide_frame(pd.DataFrame({"price": prices, "count": pd.Categorical([1, 1, 1])}))
    assert found["status"].tolist() == ["decided", "invalid", "decided"]
    assert found["size"].tolist()[0] == "small"


def test_nan_is_missing_in_a_numpy_column_and_invalid_elsewhere(amounts: Policy) -> None:
    """A column of NumPy floats has no other null."""
    nan = float("nan")
    missing = amounts.decide_frame(pd.DataFrame({"price": [nan], "count": [1]}))
    invalid = amounts.decide_frame(pl.DataFrame({"price": [nan], "count": [1]}))
    assert missing["reason"].tolist() == ["price: missing"]
    assert invalid["reason"].to_list() == ["price: not-finite"]


# The day, packs


def test_a_column_of_days_is_a_back_test(stage: Policy) -> None:
    """Each row is decided on its own day; a row without one is invalid."""
    days = [date(2026, 11, 21), date(2026, 11, 22), DAY, DAY, None]
    found = stage.decide_frame(pl.DataFrame({**ROWS, "day": days}), today="day")
    assert found["stage"].to_list() == ["A", "A", "E", None, None]
    assert found["reason"].to_list()[4] == "today: missing; need: missing"


def test_a_pack_says_of_each_row_what_it_says_of_a_record(pack: Pack) -> None:
    """Absent columns make a policy invalid, blank parameters block it, the others go on."""
    frame = pl.DataFrame({**ROWS, "last_touch": [date(2026, 1, 31)] * 5})
    alone = [policy.id for policy in pack.values() if not policy.ranks()]
    rows = pack.decide_frame(frame, today=DAY, policies=alone).to_dicts()
    for row, record in zip(rows, frame.to_dicts(), strict=True):
        for name, decision in pack.decide(record, today=DAY).items():
            if name not in alone:
                continue
            assert row[f"{name}.status"] == decision.status
            assert row[f"{name}.rules"] == ";".join(decision.rules)
            for output, value in decision.outputs.items():
                assert row[f"{name}.{output}"] == value
            assert (row[f"{name}.reason"] is None) is (decision.status == "decided")


def test_a_pack_adds_the_policies_that_are_asked_for(pack: Pack) -> None:
    """Others are not looked at, and an unknown one is named."""
    found = pack.decide_frame(pl.DataFrame(ROWS), today=DAY, policies=["pipeline-stage"], add=["status"])
    assert found.columns == [*ROWS, "pipeline-stage.status"]
    with pytest.raises(UnknownPolicyError, match="did you mean `pipeline-stage`"):
        pack.decide_frame(pl.DataFrame(ROWS), today=DAY, policies=["pipline-stage"])
    with pytest.raises(CallError, match=r"no policy of .* requires `nothing`"):
        pack.decide_frame(pl.DataFrame(ROWS), today=DAY, given={"nothing": 1})


def test_a_ranking_on_dask_is_refused(pack: Pack) -> None:
    """Its parts do not know each other's records."""
    dask = pytest.importorskip("dask.dataframe")
    frame = dask.from_pandas(pd.DataFrame({"sales": [1.0, 2.0]}), npartitions=2)
    with pytest.raises(RefusedError, match="all records together"):
        pack["value-class"].decide_frame(frame, today=DAY)


def test_blank_parameters_are_named(pack: Pack) -> None:
    """A policy alone cannot be asked without them."""
    with pytest.raises(CallError, match="blank"):
        pack["customer-size"].decide_frame(pl.DataFrame(ROWS))


def test_a_required_decision_may_be_given(pack: Pack) -> None:
    """The fields that only it reads are no longer needed, and a value that is no decision is refused."""
    frame = pl.DataFrame({"last_touch": [date(2026, 1, 31)]})
    found = pack["follow-up"].decide_frame(frame, today=DAY, given={"stage": "D"})
    assert found["next_touch"].to_list() == [
        pack["follow-up"]
        .decide({"last_touch": date(2026, 1, 31)}, today=DAY, given={"stage": "D"})
        .outputs["next_touch"]
    ]
    with pytest.raises(CallError, match="given= holds the text `Z` for `stage`"):
        pack["follow-up"].decide_frame(frame, today=DAY, given={"stage": "Z"})
