"""Numbers, degrees and instants: plainly one, or unreadable with a reason."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle.intake.fields import Clock, Unreadable, coordinate, required, whole


@pytest.mark.parametrize("text", ["", "-1", "+1", "1.0", "1e3", "1_000", "１２", "NaN", "9" * 16, "0x1", "²"])
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


@given(st.integers(0, 5_662_000_000), st.sampled_from(["Asia/Shanghai", "UTC", "America/New_York", "Asia/Kathmandu"]))
def test_wall_clocks_agree_with_the_time_zone_database(unix: int, zone: str) -> None:
    wall = datetime.fromtimestamp(unix, ZoneInfo(zone))
    found = Clock("%Y-%m-%d %H:%M:%S", zone).read(f"{wall:%Y-%m-%d %H:%M:%S}", "t")
    assert found == (unix if wall.fold == 0 else wall.replace(fold=0).timestamp())


@given(st.text(max_size=30), st.sampled_from(["%m/%d/%y %H:%M", "unix", "unix-ms", "iso", "%Y%m%d"]))
def test_any_text_is_an_instant_or_unreadable(text: str, pattern: str) -> None:
    with contextlib.suppress(Unreadable):
        assert 0 <= Clock(pattern, "Asia/Shanghai").read(text, "t") < 5_662_224_000


def test_formats() -> None:
    instant = int(datetime(2017, 1, 1, 0, 21, tzinfo=ZoneInfo("Asia/Shanghai")).timestamp())
    for pattern, text in (
        ("%m/%d/%y %H:%M", "1/1/17 0:21"),
        ("%Y-%m-%dT%H:%M", "2017-01-01T00:21"),
        ("unix", str(instant)),
        ("unix-ms", f"{instant}999"),
        ("iso", "2016-12-31T16:21:00Z"),
        ("iso", "2017-01-01 00:21"),
    ):
        assert Clock(pattern, "Asia/Shanghai").read(text, "t") == instant


@pytest.mark.parametrize(
    "text", ["2/30/17 0:00", "13/1/17 0:00", "1/1/17 24:00", "1/1/17 0:60", "0/1/17 0:00", "1/1/17"]
)
def test_impossible_dates(text: str) -> None:
    with pytest.raises(Unreadable):
        Clock("%m/%d/%y %H:%M", "Asia/Shanghai").read(text, "t")


def test_clocks_that_change() -> None:
    clock = Clock("%Y-%m-%d %H:%M", "Europe/Zurich")
    with pytest.raises(Unreadable, match="clocks went forward"):
        clock.read("2024-03-31 02:30", "t")
    assert clock.read("2024-10-27 02:30", "t") == int(datetime(2024, 10, 27, 0, 30, tzinfo=UTC).timestamp()), (
        "the first"
    )


@pytest.mark.parametrize("pattern", ["%Q", "%m/%d", "%Y %y %m %d", "%m %m %d %Y"])
def test_wrong_patterns(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"times\.format"):
        Clock(pattern, "UTC")


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/New_York", "Pacific/Kiritimati"])
@pytest.mark.parametrize("text", ["0001-01-01 00:00:00", "9999-12-31 23:59:59", "1883-11-18 12:03:57"])
def test_the_first_and_the_last_year_are_no_times_of_ours(text: str, zone: str) -> None:
    for pattern in ("%Y-%m-%d %H:%M:%S", "iso"):
        with pytest.raises(Unreadable):
            Clock(pattern, zone).read(text, "time")
