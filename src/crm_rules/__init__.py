"""Customer-management policies written in YAML: decided, explained, checked.

    import crm_rules
    pack = crm_rules.load("policies/")
    decision = pack["pipeline-stage"].decide({"need": "clear"}, today=date(2026, 11, 21))

Importing this package loads no third-party module; each name below is imported when it is first
used. What every name means is documented where it is defined.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crm_rules.backends.to_prose import Reason
    from crm_rules.comparing.policies import diff
    from crm_rules.decision import Decision
    from crm_rules.diagnostics import Diagnostic, Report
    from crm_rules.errors import CallError, CrmRulesError, PolicyError, UndecidedError
    from crm_rules.loading import load
    from crm_rules.pack import Pack
    from crm_rules.policy import Policy

__version__ = "0.1.0"
__all__ = [
    "CallError",
    "CrmRulesError",
    "Decision",
    "Diagnostic",
    "Pack",
    "Policy",
    "PolicyError",
    "Reason",
    "Report",
    "UndecidedError",
    "__version__",
    "diff",
    "load",
]

_PLACES = {
    "CallError": "errors",
    "CrmRulesError": "errors",
    "Decision": "decision",
    "Diagnostic": "diagnostics",
    "Pack": "pack",
    "Policy": "policy",
    "PolicyError": "errors",
    "Reason": "backends.to_prose",
    "Report": "diagnostics",
    "UndecidedError": "errors",
    "diff": "comparing.policies",
    "load": "loading",
}


def __getattr__(name: str) -> object:
    """Import the module of a public name on first use."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"crm_rules.{_PLACES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
