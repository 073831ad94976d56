"""What can be found in policies by reading them, without working out what they decide.

`program_findings` looks at one program, `pack_findings` at the editions of a pack beside each other. Gaps, overlaps and
everything else that needs the sets of records are in `crm_rules.proofs.findings`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from crm_rules.diagnostics import Diagnostic
from crm_rules.ir.program import Program
from crm_rules.proofs.shared_names import conflicting_fields, mixed_schemes
from crm_rules.proofs.timeline import Period, timelines, undescribed
from crm_rules.proofs.units import mixed_money, mixed_units, one_quantity_twice
from crm_rules.proofs.unused import unused_names, unused_shared
from crm_rules.source import Span


def program_findings(program: Program, required: Sequence[Program]) -> Iterator[Diagnostic]:
    """What one policy declares and does not use, and the units it mixes; `required` are all those that it rests on."""
    yield from unused_names(program)
    yield from mixed_units(program)
    yield from mixed_money(program, required)


def pack_findings(
    periods: Sequence[Period], shared: Sequence[tuple[str, Span]], on: date | None
) -> Iterator[Diagnostic]:
    """What the policies of a pack say of themselves and of each other; `on` is the day they should be in force."""
    programs = [period.program for period in periods]
    yield from undescribed(periods)
    yield from timelines(periods, on)
    yield from conflicting_fields(periods)
    yield from mixed_schemes(periods)
    yield from one_quantity_twice(programs)
    yield from unused_shared(shared, programs)
