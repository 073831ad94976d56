"""Exact numbers: how they are written, what range they have, how they are shown.

A value of arithmetic is an `int` or a `Fraction`, never a float and never under the host's
decimal context. A fact may be an `int`, a `Decimal` or a `float`; a float means the decimal that
its `repr` shows (0.1 is one tenth). A number fits when it has at most 34 significant digits and
its first digit stands between 10**-34 and 10**34; NaN and infinities never fit.
"""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal, TypeAlias

Exact: TypeAlias = int | Fraction
RoundingMode: TypeAlias = Literal["half_up", "half_even", "half_down", "up", "down", "ceiling", "floor"]
ROUNDING_MODES: tuple[RoundingMode, ...] = ("half_up", "half_even", "half_down", "up", "down", "ceiling", "floor")

DIGITS = 34
PLAIN = 10**DIGITS  # every whole number below it has few enough digits
LIMIT = 10 ** (DIGITS + 1)
SMALLEST = Fraction(1, 10**DIGITS)
# One group per part: sign, digits, decimals, unit. `1_000` groups digits, `1,000` is not a number.
NUMBER = re.compile(r"([-+−]?)(\d+(?:_\d+)*)(?:\.(\d+))?(万|亿|%)?")
SCALE = {"万": 4, "亿": 8, "%": -2, None: 0}
MAX_WRITTEN = 80  # characters of a number literal; longer ones cannot fit 34 digits usefully


def parse_number(text: str) -> Exact | None:
    """The number that `text` writes (`500万`, `-3`, `12.5%`, `1_000`), or None; any ASCII digits only."""
    if len(text) > MAX_WRITTEN:
        return None
    if text.isascii() and text.isdigit():
        return int(text)
    match = NUMBER.fullmatch(text)
    if match is None:
        return None
    sign, whole, decimals, unit = match.groups()
    if sign == "+" or not (whole.replace("_", "") + (decimals or "")).isascii():
        return None
    digits = whole.replace("_", "") + (decimals or "")
    value = scaled(int(digits), SCALE[unit] - len(decimals or ""))
    return -value if sign else value


def scaled(units: int, exponent: int) -> Exact:
    """`units` × 10**`exponent`, an `int` where it is whole."""
    if exponent >= 0:
        return units * int(10**exponent)
    return reduced(Fraction(units, 10**-exponent))


def reduced(value: Exact) -> Exact:
    """The same number, as an `int` where it is whole."""
    return value.numerator if value.denominator == 1 else value


def exact(fact: float | Decimal) -> Exact | None:
    """The exact value of an int, Decimal or float fact, or None where it does not fit."""
    if isinstance(fact, int):
        value: Exact = int(fact)
    elif isinstance(fact, float):
        if not -float(LIMIT) < fact < float(LIMIT):
            return None
        value = reduced(Fraction(float.__repr__(fact)))
    else:
        if not fact.is_finite() or (abs(fact.adjusted()) > DIGITS and fact != 0):
            return None
        if fact == 0:
            return 0
        value = reduced(Fraction(fact))
    return value if fits(value) else None


def fits(value: Exact) -> bool:
    """True when a finite decimal has at most 34 significant digits and a first digit within 10**±34."""
    if isinstance(value, int) and -PLAIN < value < PLAIN:
        return True
    if not -LIMIT < value < LIMIT or -SMALLEST < value < SMALLEST:
        return False
    units = decimal_parts(value)
    return units is not None and len(str(abs(units[0]))) <= DIGITS


def decimal_parts(value: Exact) -> tuple[int, int] | None:
    """`(units, exponent)` with value = units × 10**exponent and units not divisible by 10; None for 1/3."""
    if value == 0:
        return 0, 0
    numerator, denominator = value.numerator, value.denominator
    twos = fives = 0
    while denominator % 2 == 0:
        denominator //= 2
        twos += 1
    while denominator % 5 == 0:
        denominator //= 5
        fives += 1
    if denominator != 1:
        return None
    places = max(twos, fives)
    units = numerator * 2 ** (places - twos) * 5 ** (places - fives)
    exponent = -places
    while units % 10 == 0:
        units //= 10
        exponent += 1
    return units, exponent


def to_decimal(value: Exact) -> int | Decimal:
    """The number as an application receives it: an `int` where it is whole, else an exact `Decimal`."""
    if value.denominator == 1:
        return value.numerator
    parts = decimal_parts(value)
    if parts is None:
        raise ArithmeticError(f"{value} has no finite decimal form")
    units, exponent = parts
    return Decimal((int(units < 0), tuple(int(digit) for digit in str(abs(units))), exponent))


def to_fact(value: Any) -> Any:
    """A value as an application receives it: a number as int or Decimal, a list item by item, the rest as it is.

    A quotient that has no finite decimal form stays the exact fraction that it is.
    """
    if isinstance(value, tuple):
        return tuple(to_fact(item) for item in value)
    if not isinstance(value, Fraction) or decimal_parts(value) is None:
        return value
    return to_decimal(value)


def show_number(value: Exact) -> str:
    """The shortest plain text that `parse_number` reads back as the same number; `1/3` for a quotient."""
    parts = decimal_parts(value)
    if parts is None:
        return f"{value.numerator}/{value.denominator}"
    units, exponent = parts
    digits = str(abs(units))
    if exponent >= 0:
        text = digits + "0" * exponent
    else:
        digits = digits.rjust(1 - exponent, "0")
        text = f"{digits[:exponent]}.{digits[exponent:]}"
    return "-" + text if units < 0 else text


def rounded(value: Exact, digits: int, mode: RoundingMode) -> Exact:
    """`value` rounded to `digits` decimals; `half_up` and `up` go away from zero, `floor` down."""
    shifted = Fraction(value) * Fraction(10) ** digits
    low = shifted.numerator // shifted.denominator
    rest = shifted - low
    negative = shifted < 0
    match mode:
        case "floor":
            up = False
        case "ceiling":
            up = rest > 0
        case "down":
            up = negative and rest > 0
        case "up":
            up = not negative and rest > 0
        case "half_up":
            up = rest > Fraction(1, 2) or (rest == Fraction(1, 2) and not negative)
        case "half_down":
            up = rest > Fraction(1, 2) or (rest == Fraction(1, 2) and negative)
        case "half_even":
            up = rest > Fraction(1, 2) or (rest == Fraction(1, 2) and low % 2 == 1)
    return reduced(Fraction(low + up) / Fraction(10) ** digits)


def decimals_of(value: Exact) -> int:
    """How many decimals a finite decimal needs: 2 for 0.15, 0 for 500."""
    parts = decimal_parts(value)
    return max(0, -parts[1]) if parts is not None else DIGITS
