"""Where a finding stands: the place of what is at fault, or the next wider one that is known.

A program that was made by hand, or that travelled as JSON, knows no places; its findings are none the less reported.
"""

from __future__ import annotations

from crm_rules.diagnostics import Label
from crm_rules.source import Span

NOWHERE = Span("", 1, 1, 2)


def place(*spans: Span | None) -> Span:
    """The first place that is known."""
    return next((span for span in spans if span is not None), NOWHERE)


def labels(span: Span | None, text: str) -> tuple[Label, ...]:
    """A second place with a few words for it, if it is known."""
    return () if span is None else (Label(span, text),)
