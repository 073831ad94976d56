"""The libraries that a user brings when he wants what they do: loaded when asked for, and missed in one sentence."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final, Literal, TypeAlias

from crm_rules.cli.console import UsageError

Library: TypeAlias = Literal["duckdb", "narwhals", "polars", "psycopg", "pyarrow"]
PACKAGES: Final[dict[Library, str]] = {
    "duckdb": "duckdb",
    "narwhals": "'crm-rules[frames]'",
    "polars": "polars",
    "psycopg": "'psycopg[binary]'",
    "pyarrow": "pyarrow",
}


def brought(library: Library, purpose: str, module: str = "") -> Any:
    """The library, or a module of it; raises `UsageError` where it is not installed."""
    if not has(library):
        raise UsageError(f"{purpose} needs {library}, which is not installed: pip install {PACKAGES[library]}")
    return import_module(module or library)


def has(library: Library) -> bool:
    """True when the library is installed."""
    return find_spec(library) is not None
