"""The table of all diagnostic codes: what each one means and what an author does about it.

A code is stable: it is what a configuration, a search or a test refers to. The pages stand in one
module for each area; `CODES` is their union, in the order in which a file is worked on. The table
knows nothing of the layers that report the codes.
"""

from __future__ import annotations

from inspect import cleandoc
from typing import TYPE_CHECKING

from crm_rules.codes import (
    case_codes,
    cell_codes,
    finding_codes,
    law_codes,
    mapping_codes,
    pack_codes,
    policy_codes,
    yaml_codes,
)
from crm_rules.dataclass import dataclass
from crm_rules.diagnostics import Diagnostic, Label, Severity, Witness

if TYPE_CHECKING:
    from crm_rules.source import Span

AREAS = (yaml_codes, cell_codes, policy_codes, law_codes, pack_codes, finding_codes, case_codes, mapping_codes)
NOTES = frozenset({"either-or", "more-findings", *finding_codes.NOTES, *case_codes.NOTES})
WARNINGS = frozenset({*finding_codes.WARNINGS, *case_codes.WARNINGS})


@dataclass(frozen=True, slots=True)
class Code:
    """One kind of finding: a short title, its severity, and a page for the author of a policy."""

    title: str
    severity: Severity
    page: str


def severity_of(code: str) -> Severity:
    """How much a finding of the code matters."""
    return "note" if code in NOTES else "warning" if code in WARNINGS else "error"


CODES: dict[str, Code] = {
    code: Code(title, severity_of(code), cleandoc(page)) for area in AREAS for code, (title, page) in area.PAGES.items()
}


def diagnose(
    code: str,
    span: Span,
    message: str,
    *,
    note: str = "",
    remedy: str = "",
    labels: tuple[Label, ...] = (),
    witness: Witness | None = None,
) -> Diagnostic:
    """A diagnostic of a code of the table; an unknown code is a mistake of the calling layer."""
    return Diagnostic(code, CODES[code].severity, span, message, note, remedy, labels, witness)
