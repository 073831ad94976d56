"""Back ends: one module `to_<target>` for each form that a program is brought into.

A back end knows the IR and its target, never a kind of policy and never YAML. Each of them answers
what `crm_rules.ir.evaluate` answers, and the tests hold it to that. Other packages add engines
through the entry point group `crm_rules.backends`, each naming a function `compile(program)` that
answers a function `decide(record, today)`; `crm_rules.testing.check_backend` holds one to its word.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

ENTRY_POINTS = "crm_rules.backends"


def find_backend(name: str) -> Callable[..., Any] | None:
    """The engine of that name that an installed package offers; None when there is none. Its code is trusted."""
    from importlib.metadata import entry_points  # noqa: PLC0415 - slow to import, and only plug-ins are looked for

    for point in entry_points(group=ENTRY_POINTS, name=name):
        found: Callable[..., Any] = point.load()
        return found
    return None
