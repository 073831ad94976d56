"""The exceptions of the library, each with one cause.

`PolicyError` for a policy that cannot be read, parsed or typed; `UndecidedError` for asking
the value of a decision that has none; `CallError` for a caller's mistake: no `today` where the
policy needs one, a record of an unreadable type, a blank parameter, an unknown policy or edition, an
engine that cannot carry the policy.
A decision never raises because of data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crm_rules.diagnostics import Report


class CrmRulesError(Exception):
    """The one ancestor, so that an application can catch whatever this library raises."""


class PolicyError(CrmRulesError):
    """A policy cannot be used; `report` holds every diagnostic, `str()` names file:line:column."""

    def __init__(self, report: Report, text: str) -> None:
        super().__init__(text)
        self.report = report

    def __reduce__(self) -> tuple[type[PolicyError], tuple[Report, str]]:
        return PolicyError, (self.report, str(self))


class CallError(CrmRulesError, ValueError):
    """The caller's mistake: a missing `today`, an unreadable record, a blank parameter, an unknown name."""


class UnknownPolicyError(CallError, KeyError):
    """An id that names no policy of a pack, or none in force; a `KeyError`, because a pack is a mapping."""

    __str__ = Exception.__str__  # that of KeyError is made for bare keys and would quote the sentence


class RefusedError(CallError):
    """An engine cannot express a part of the policy, and says so when it compiles: a wrong answer is no choice."""


class UndecidedError(CrmRulesError, ValueError):
    """`value` was asked of a decision whose status is not `decided`."""
