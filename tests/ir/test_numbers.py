"""Numbers are exact: against Python's own fractions and decimals, in and out of text."""

from __future__ import annotations

import decimal
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crm_rules.ir.numbers import (
    DIGITS,
    ROUNDING_MODES,
    Exact,
    RoundingMode,
    decimal_parts,
    decimals_of,
    exact,
    fits,
    parse_number,
    reduced,
    rounded,
    show_number,
    to_decimal,
)

WIDE = decimal.Context(prec=400, traps=[decimal.Inexact, decimal.InvalidOperation])
UNITS = st.integers(-(10**34), 10**34)
FINITE = st.builds(lambda units, places: reduced(Fraction(units, 10**places)), UNITS, st.integers(0, 40))
MODES = {mode: getattr(decimal, f"ROUND_{mode.upper()}") for mode in ROUNDING_MODES}


@given(FINITE)
def test_a_shown_number_reads_back(value: Exact) -> None:
    """`parse_number` reads what `show_number` writes, in one shortest spelling."""
    text = show_number(value)
    assert parse_number(text) == value
    assert not (("." in text) and text.endswith("0"))
    assert Fraction(text) == value


@given(st.fractions())
def test_a_quotient_is_shown_as_a_fraction(value: Fraction) -> None:
    """What has no finite decimal is shown as numerator and denominator."""
    assert Fraction(show_number(value)) == value


WRITTEN: list[tuple[str, Exact]] = [
    ("500万", 5_000_000),
    ("1.5亿", 150_000_000),
    ("-0.5万", -5_000),
    ("12.5%", Fraction(1, 8)),
    ("100%", 1),
    ("1_000", 1000),
    ("007", 7),
    ("-0", 0),
    ("−3", -3),
    ("2.50", Fraction(5, 2)),
]


@pytest.mark.parametrize(("text", "value"), WRITTEN)
def test_a_number_may_carry_a_unit_and_underscores(text: str, value: Exact) -> None:
    """`万`, `亿`, `%` and `_` are read exactly; a whole number is an int."""
    found = parse_number(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    "text",
    [
        "", "1,000", "+3", "1e3", ".5", "5.", "1__0", "_1", "1_", "--1", "1 000", " 1", "1\n", "0x1", "١", "1.٣", "１",
        "1万亿", "%", "nan", "inf", "1/3", "1.0_1", "9" * 100,
    ],
)  # fmt: skip
def test_what_only_looks_like_a_number_is_none(text: str) -> None:
    """Separators, signs, exponents and digits of other scripts are not guessed at."""
    assert parse_number(text) is None


@given(st.one_of(FINITE, st.fractions()), st.integers(-6, 12), st.sampled_from(ROUNDING_MODES))
@example(Fraction(5, 2), 0, "half_even")
@example(Fraction(-5, 2), 0, "half_up")
@example(Fraction(-1, 2), 0, "half_down")
def test_rounding_is_that_of_decimal(value: Exact, digits: int, mode: RoundingMode) -> None:
    """Each mode gives what `Decimal.quantize` gives, quotients included."""
    # Far more digits than the rounding looks at, and one more that says whether anything follows.
    numerator = value.numerator * 10**60
    units, rest = divmod(abs(numerator), value.denominator)
    units = units * 10 + (1 if rest else 0)
    text = Decimal((int(value < 0), tuple(map(int, str(units))), -61))
    context = decimal.Context(prec=400)
    expected = text.quantize(Decimal((0, (1,), -digits)), rounding=MODES[mode], context=context)
    assert rounded(value, digits, mode) == Fraction(expected)


@given(FINITE, st.integers(0, 12))
def test_rounding_to_the_digits_it_has_changes_nothing(value: Exact, more: int) -> None:
    """A number with no more decimals than asked for stays itself under every mode."""
    assert {rounded(value, decimals_of(value) + more, mode) for mode in ROUNDING_MODES} == {value}


@given(st.decimals(allow_nan=False, allow_infinity=False))
@example(Decimal("0E-9999"))
@example(Decimal("1E+34"))
@example(Decimal("1E-34"))
@example(Decimal("1E+99999"))
@example(Decimal("-0"))
def test_a_decimal_is_its_value_or_does_not_fit(fact: Decimal) -> None:
    """A Decimal within 34 digits and ±34 places is taken as it is, any other is refused."""
    _, digits, exponent = fact.as_tuple()
    significant = "".join(map(str, digits)).strip("0")
    within = not significant or (len(significant) <= DIGITS and abs(fact.adjusted()) <= DIGITS)
    value = exact(fact)
    assert (value is not None) == within
    if value is not None:
        assert value == Fraction(fact)
        assert isinstance(exponent, int)


@given(st.floats(allow_nan=True, allow_infinity=True))
@example(0.1)
@example(1e-34)
@example(9.99e34)
@example(1e40)
@example(5e-324)
@example(-0.0)
def test_a_float_is_the_decimal_that_it_shows(fact: float) -> None:
    """0.1 is one tenth; NaN, infinities and what stands beyond ±34 places do not fit."""
    value = exact(fact)
    shown = Decimal(repr(fact))
    if not shown.is_finite():
        assert value is None
    else:
        assert value == exact(shown)


@given(st.integers(-(10**40), 10**40))
@example(10**34)
@example(10**35)
@example(10**35 - 1)
@example(10**33 + 1)
@example(10**34 + 1)
def test_an_integer_fits_by_its_significant_digits(fact: int) -> None:
    """34 digits fit; trailing zeros are no digits, up to the place 10**34."""
    assert fits(fact) == (exact(Decimal(fact)) is not None)
    assert exact(fact) == (fact if fits(fact) else None)


@given(FINITE)
def test_an_application_receives_an_int_or_an_exact_decimal(value: Exact) -> None:
    """A whole number is an int, another one a Decimal without a trailing zero, whatever the host's context."""
    with decimal.localcontext(decimal.Context(prec=3)):
        found = to_decimal(value)
    assert Fraction(found) == value
    assert isinstance(found, int) == (value.denominator == 1)
    if isinstance(found, Decimal):
        assert found.as_tuple().digits[-1] != 0


def test_a_quotient_has_no_decimal() -> None:
    """One third has no finite decimal form."""
    assert decimal_parts(Fraction(1, 3)) is None
    assert not fits(Fraction(1, 3))
    with pytest.raises(ArithmeticError, match="1/3 has no finite decimal form"):
        to_decimal(Fraction(1, 3))


@given(FINITE)
def test_the_decimals_of_a_number(value: Exact) -> None:
    """`decimals_of` is the least number of decimals that writes the number."""
    places = decimals_of(value)
    assert (Fraction(value) * 10**places).denominator == 1
    assert places == 0 or (Fraction(value) * 10 ** (places - 1)).denominator > 1
