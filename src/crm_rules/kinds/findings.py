"""What the lowering of one policy has found so far, and the names it may use.

One `Findings` goes through the lowering of one policy: every part reports into it and goes on, so
that an author sees all findings at once.
"""

from __future__ import annotations

from collections.abc import Iterable

from crm_rules.diagnostics import Diagnostic, Label
from crm_rules.ir.typing import TypeScope
from crm_rules.source import Span


class Findings:
    """The diagnostics and the scope of one policy while it is lowered."""

    def __init__(self, scope: TypeScope | None = None) -> None:
        self.scope = scope or TypeScope()
        self.diagnostics: list[Diagnostic] = []
        self.faulty: set[str] = set()  # names whose declaration has a finding, so that their use needs no other

    def error(self, code: str, span: Span, message: str, remedy: str = "", *, labels: tuple[Label, ...] = ()) -> None:
        """Report one error."""
        self.diagnostics.append(Diagnostic(code, "error", span, message, help=remedy, labels=labels))

    def extend(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Take over what another stage has found."""
        self.diagnostics += diagnostics

    @property
    def failed(self) -> bool:
        """True when an error was reported."""
        return any(diagnostic.severity == "error" for diagnostic in self.diagnostics)
