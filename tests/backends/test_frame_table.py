"""The table of engines in docs/frames.md says what a run says.

Each engine that is installed is asked again; run `python -m tests.backends.frame_features` to write the table anew.
"""

from __future__ import annotations

import warnings

import pytest

from tests.backends.frame_features import ENGINES, column_of, shown_table

LIBRARIES = {"polars": "polars", "pandas": "pandas", "ibis": "ibis", "dask": "dask.dataframe"}
HELD_TO_ZERO = [name for name in ENGINES if name not in {"dask", "ibis"}]


@pytest.mark.parametrize(
    "engine", [pytest.param(name, marks=pytest.mark.spark) if name == "pyspark" else name for name in ENGINES]
)
def test_the_page_says_how_far_an_engine_goes(engine: str, request: pytest.FixtureRequest) -> None:
    """A cell is what the engine does today."""
    library = engine.partition("-")[0]
    pytest.importorskip(LIBRARIES.get(library, library))
    if engine == "pyspark":
        request.getfixturevalue("spark")
    with warnings.catch_warnings():
        if engine in {"pyspark", "dask", "ibis"}:
            warnings.simplefilter("ignore")  # what these libraries warn of is not ours
        assert column_of(engine) == shown_table()[ENGINES[engine]]


@pytest.mark.parametrize("engine", HELD_TO_ZERO)
def test_an_engine_that_is_held_to_zero_differences_has_none(engine: str) -> None:
    """Only dask and ibis may stop somewhere."""
    assert set(shown_table()[ENGINES[engine]]) == {"yes"}
