"""The kinds of policy: one file each, one line each in `KINDS`.

A kind is a pydantic document and a lowering to the IR. Other packages add kinds through the entry
point group `crm_rules.kinds`, each naming a `Kind`; their code is trusted, policy files never are.
"""

from __future__ import annotations

from importlib import import_module

from crm_rules.kinds.kind import Kind

KINDS: dict[str, str] = {
    "decision-table": "crm_rules.kinds.decision_table",
    "ladder": "crm_rules.kinds.ladder",
    "scorecard": "crm_rules.kinds.scorecard",
    "cadence": "crm_rules.kinds.cadence",
    "ranking": "crm_rules.kinds.ranking",
}
ENTRY_POINTS = "crm_rules.kinds"
_plugged: dict[str, Kind] = {}


def find_kind(name: str) -> Kind | None:
    """The kind of that name, built in or plugged in; None when there is none."""
    module = KINDS.get(name)
    if module is not None:
        kind: Kind = import_module(module).KIND
        return kind
    return plugged_kinds().get(name)


def plugged_kinds() -> dict[str, Kind]:
    """The kinds that installed packages offer, and those registered by `register_kind`."""
    from importlib.metadata import entry_points  # noqa: PLC0415 - slow to import, needed only for unknown names

    for point in entry_points(group=ENTRY_POINTS):
        if point.name not in _plugged and point.name not in KINDS:
            _plugged[point.name] = point.load()
    return _plugged


def register_kind(kind: Kind) -> None:
    """Make a kind known to this process; raises ValueError when the name is taken by another kind."""
    if kind.name in KINDS or _plugged.get(kind.name, kind) != kind:
        raise ValueError(f"there is already a kind `{kind.name}`")
    _plugged[kind.name] = kind


def kind_names() -> list[str]:
    """The names of all kinds, built in first."""
    return [*KINDS, *plugged_kinds()]
