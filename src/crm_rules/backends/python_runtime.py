"""The few functions that generated Python calls, and the exact borders of accepted facts.

`to_exact` trusts its caller: the fact has passed the checks that the generated code makes inline
(its type and range), which agree with `crm_rules.ir.numbers.exact` or are stricter. Decimals are
checked by a private context, so that the host's context changes nothing.
"""

from __future__ import annotations

from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow, Subnormal
from fractions import Fraction

from crm_rules.ir.numbers import DIGITS, Exact, decimal_parts, reduced

# `plus` raises for more than 34 digits, and for a first digit outside 10**±34.
FITTING = Context(
    prec=DIGITS, Emin=-DIGITS, Emax=DIGITS, traps=[InvalidOperation, Inexact, Overflow, Subnormal], clamp=0
)
# Room for 34 digits before and 34 after the point: `quantize` raises where decimals would be lost.
EXACT = Context(prec=3 * DIGITS, traps=[InvalidOperation, Inexact])

EXACT_FLOAT_DIGITS = 15  # each decimal of so many digits is the shortest text of its own float
EXACT_FLOAT_WHOLE = 10**15  # so far every whole number is a float
MOST = 10**DIGITS - 1  # whole numbers up to here fit whatever their digits; longer ones take the slow path
FLOAT_MOST = 1e34
FLOAT_LEAST = 1e-34

fit_decimal = FITTING.plus
quantize = EXACT.quantize
whole_decimal = EXACT.to_integral_exact


def to_exact(fact: float | Decimal) -> Exact:
    """The exact value of an accepted float or Decimal."""
    if isinstance(fact, float):
        return reduced(Fraction(repr(fact)))
    return reduced(Fraction(fact))


def to_float(value: Exact) -> float | None:
    """The float that compares with float and int facts as `value` does, or None where there is none.

    It needs at most 15 digits: then rounding to floats keeps the order, and equality means equality.
    """
    parts = decimal_parts(value)
    if parts is None or len(str(abs(parts[0]))) > EXACT_FLOAT_DIGITS:
        return None
    if value.denominator == 1 and not -EXACT_FLOAT_WHOLE <= value <= EXACT_FLOAT_WHOLE:
        return None
    return float(value)


def present(items: tuple[object, ...]) -> tuple[object, ...]:
    """Those that are not missing, in order."""
    return tuple(item for item in items if item is not None)
