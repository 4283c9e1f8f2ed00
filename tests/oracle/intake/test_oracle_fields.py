"""Numbers and degrees: plainly one, or unreadable with a reason."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle.intake.fields import Numbers, Unreadable, coordinate, required, whole


@pytest.mark.parametrize("text", ["", "-1", "+1", "1.0", "1e3", "1_000", "１２", "NaN", "0x1", "²"])
def test_no_whole_number(text: str) -> None:
    with pytest.raises(Unreadable, match="whole number"):
        whole(text, "steps")


def test_whole_numbers() -> None:
    assert [whole(text, "steps") for text in ("0", "007", " 42 ", "9" * 15)] == [0, 7, 42, 10**15 - 1]


@pytest.mark.parametrize("text", ["", "nan", "inf", "91", "-91", "1,5", "1e1", ".5", "40.7.1", "٤٠"])
def test_no_latitude(text: str) -> None:
    with pytest.raises(Unreadable, match="degrees"):
        coordinate(text, "lat", 90)


def test_required_text() -> None:
    assert required(" b ", "bike") == "b"
    for text in (None, "", "  ", "x" * 201):
        with pytest.raises(Unreadable):
            required(text, "bike")


@pytest.mark.parametrize(
    ("thousands", "decimal", "text", "times", "over", "value"),
    [
        (",", ".", "1,390.0", 1, 1, 1390),
        (",", ".", "36,061.9", 1, 1, 36_061),
        (",", ".", "904", 1, 1, 904),
        (",", "", "1,234,567", 1, 1, 1_234_567),
        (".", ",", "1.390,5", 60, 1, 83_430),
        (" ", "", " 1 390 ", 1, 1, 1390),
        (" ", "", "1\u00a0390", 1, 1, 1390),
        (" ", ",", "12\u202f345\u202f678,9", 1, 1, 12_345_678),
        (" ", ",", "1\u00a0234\u202f567 890", 1, 1, 1_234_567_890),
        ("", ".", "1.9999", 1000, 1, 1999),
        ("", "", "1166280", 1, 1000, 1166),
        ("", ".", "0.1", 1000, 1, 100),
    ],
)
def test_numbers_as_partners_write_them(
    thousands: str, decimal: str, text: str, times: int, over: int, value: int
) -> None:
    assert Numbers(thousands, decimal).reader(times, over)(text, "n") == value


@pytest.mark.parametrize(
    ("thousands", "decimal", "text"),
    [
        (",", ".", "13,90"),
        (",", ".", "1,3900"),
        (",", ".", ",390"),
        (",", ".", "1,390."),
        (",", ".", "-5"),
        (",", ".", "1390,000.5"),
        (",", ".", ""),
        (".", ",", "1.5"),
        (" ", "", "1\u00a03900"),
        (" ", "", "1\u2003390"),
        (",", "", "1\u00a0390"),
        ("", "", "1\u00a0390"),
        ("", "", "1.0"),
        ("", ".", "1e3"),
        ("", ".", "9" * 16),
        ("", ".", "٤"),
    ],
)
def test_what_is_no_number_of_the_feed(thousands: str, decimal: str, text: str) -> None:
    with pytest.raises(Unreadable, match=r"n: .* number|15 digits"):
        Numbers(thousands, decimal).reader()(text, "n")


@given(st.integers(0, 10**9), st.integers(0, 999), st.sampled_from([(1, 1), (60, 1), (1, 1000), (1000, 1)]))
def test_a_number_is_exact_until_its_fraction_is_dropped(number: int, milli: int, unit: tuple[int, int]) -> None:
    exact = (number + Fraction(milli, 1000)) * Fraction(*unit)
    assert Numbers(",", ".").reader(*unit)(f"{number:,}.{milli:03}", "n") == exact.numerator // exact.denominator


@pytest.mark.parametrize("text", ["9" * 16, " 1000000000000000 "])
def test_a_number_that_is_too_long_is_not_called_none(text: str) -> None:
    with pytest.raises(Unreadable, match="has more than 15 digits"):
        whole(text, "steps")
