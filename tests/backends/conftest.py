"""The databases that execute SQL in the tests, each opened once for all of them.

Where one is not installed its tests are skipped, and the summary of the run says so in words that are not overlooked.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import pytest

from tests.backends.engines import postgres as postgres_engine
from tests.backends.engines.sqlite import SQLite
from tests.backends.engines.tables import Engine


@pytest.fixture(scope="session")
def sqlite() -> Iterator[Engine]:
    """SQLite in memory."""
    engine = SQLite()
    yield engine
    engine.connection.close()


@pytest.fixture(scope="session")
def duckdb() -> Iterator[Engine]:
    """DuckDB in memory."""
    pytest.importorskip("duckdb", reason="DuckDB IS NOT TESTED HERE: it is not installed")
    from tests.backends.engines.duck import DuckDB  # noqa: PLC0415 - optional

    engine = DuckDB()
    yield engine
    engine.connection.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Engine]:
    """A PostgreSQL server of the tests' own."""
    pytest.importorskip("psycopg", reason="PostgreSQL IS NOT TESTED HERE: psycopg is not installed")
    programs = postgres_engine.binaries()
    if programs is None:
        pytest.skip(postgres_engine.ABSENT)
    with postgres_engine.server(programs) as socket:
        engine = postgres_engine.Postgres(socket)
        yield engine
        engine.connection.close()


@pytest.fixture(scope="session")
def spark() -> Iterator[Engine]:
    """A session of Spark; its tests are marked `spark`."""
    pytest.importorskip("pyspark", reason="Spark IS NOT TESTED HERE: pyspark is not installed")
    from tests.backends.engines.spark import Spark, start  # noqa: PLC0415 - optional

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Spark warns of is not ours
        session = start()
    yield Spark(session)
    session.stop()


def engines() -> list[object]:
    """The names of the fixtures, for a test of every dialect."""
    return ["sqlite", "duckdb", "postgres", pytest.param("spark", marks=pytest.mark.spark)]


@pytest.fixture(params=engines())
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each database in turn."""
    found: Engine = request.getfixturevalue(request.param)
    return found
