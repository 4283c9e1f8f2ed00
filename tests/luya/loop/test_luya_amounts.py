"""What people type becomes exactly what the ledger has, or is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from luya.errors import UsageError
from luya.loop import amounts


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (amounts.millipoints, "20", 20_000),
        (amounts.millipoints, "0.001", 1),
        (amounts.millipoints, "18446744073709551.615", 2**64 - 1),
        (amounts.fen, "25.5", 2_550),
        (amounts.milligrams, "100000000", 100_000_000_000),
        (amounts.milligrams, "0.001", 1),
        (amounts.fen, "0", 0),
        (amounts.day, "1970-01-02", 1),
        (amounts.place, "28.871,105.442", (118_871_000, 285_442_000)),
        (amounts.place, "-90, -180", (0, 0)),
        (amounts.place, "90,180", (180_000_000, 360_000_000)),
        (amounts.address, "0x" + "ab" * 20, bytes([0xAB]) * 20),
        (amounts.instant, "2026-03-12", 1_773_244_800),
        (amounts.instant, date(2026, 3, 12), 1_773_244_800),
        (amounts.instant, datetime(2026, 3, 11, 16, tzinfo=UTC), 1_773_244_800),
        (amounts.instant, "2026-03-12T08:30:00+08:00", 1_773_275_400),
    ],
)
def test_it_is_read(read: Callable[[Any], Any], text: Any, value: Any) -> None:
    assert read(text) == value


@pytest.mark.parametrize(
    ("read", "text"),
    [
        *[(amounts.millipoints, text) for text in ("0.0001", "-1", "x", "", "1e400", "NaN", "Infinity")],
        *[(amounts.millipoints, text) for text in ("18446744073709551.616",)],
        *[(amounts.fen, text) for text in ("0.001", "-0.01", "1,5")],
        *[(amounts.day, text) for text in ("2026-02-30", "12.3.2026", "1969-12-31", "2150-01-01")],
        *[(amounts.place, text) for text in ("28.8", "91,0", "0,181", "a,b", "1,2,3", "NaN,0", "")],
        *[(amounts.address, text) for text in ("0x", "ab" * 19, "0x" + "zz" * 20)],
        (amounts.instant, "soon"),
    ],
)
def test_it_is_refused_in_both_languages(read: Callable[[Any], Any], text: str) -> None:
    with pytest.raises(UsageError) as refused:
        read(text)
    assert refused.value.zh
    assert repr(text) in str(refused.value) or text in str(refused.value)


def test_texts_say_what_is_there() -> None:
    assert amounts.points_text(20_000) == "20"
    assert amounts.points_text(1) == "0.001"
    assert amounts.points_text(0) == "0"
    assert amounts.yuan_text(2_550) == "25.50"
    assert amounts.place_text(*amounts.place("28.871,-105.4")) == "28.871000,-105.400000"
