"""Instants as feeds write them: in one format, or in several that no text can fit with two meanings."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle.intake.clocks import Clock, Clocks
from oracle.intake.fields import Unreadable


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
        ("iso", "2017-01-01 00:21:00.8010"),
        ("%Y-%m-%d %H:%M:%S.%f", "2017-01-01 00:21:00.0"),
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


CITIES = ("%m/%d/%y %H:%M", "iso", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M")


def test_each_text_is_read_by_the_format_it_has() -> None:
    clock = Clocks(CITIES, "Asia/Shanghai")
    instant = int(datetime(2017, 11, 2, 3, 4, tzinfo=ZoneInfo("Asia/Shanghai")).timestamp())
    for text in (
        "11/2/17 3:04",
        "11/2/2017 3:04",
        "11/2/2017 03:04:00",
        "2017-11-02 03:04",
        "2017-11-02T03:04:00.345",
        "2017-11-01T19:04:00Z",
    ):
        assert clock.read(text, "t") == instant, text


@given(st.datetimes(datetime(1971, 1, 1), datetime(2069, 1, 1)), st.permutations(CITIES), st.sampled_from(CITIES))
def test_the_order_of_formats_decides_nothing(when: datetime, order: list[str], written: str) -> None:
    text = f"{when:%Y-%m-%dT%H:%M:%S}" if written == "iso" else when.strftime(written)
    if when.year >= 1971 and "%y" in written and when.year > 2068:
        return
    assert Clocks(order, "Asia/Shanghai").read(text, "t") == Clock(written, "Asia/Shanghai").read(text, "t")


@pytest.mark.parametrize("text", ["13/1/17 0:00", "2017-13-01", "1.1.2017", "", "1/1/17", "1" * 5000])
def test_what_none_of_the_formats_reads(text: str) -> None:
    with pytest.raises(Unreadable):
        Clocks(CITIES, "Asia/Shanghai").read(text, "t")


@pytest.mark.parametrize(
    "patterns",
    [
        ("%m/%d/%Y", "%d/%m/%Y"),
        ("%d.%m.%y %H:%M", "%y.%m.%d %H:%M"),
        ("iso", "%Y-%d-%m %H:%M:%S"),
        ("unix", "unix-ms"),
        ("%Y%m%d", "unix"),
        ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %M:%H:%S"),
    ],
)
def test_formats_that_give_one_text_two_meanings_are_refused(patterns: tuple[str, str]) -> None:
    for order in (patterns, patterns[::-1]):
        with pytest.raises(ValueError, match=r"is one time as .* and another as"):
            Clocks(order, "UTC")


def test_formats_that_mean_the_same_stand_together() -> None:
    assert Clocks(["iso", "%Y-%m-%d %H:%M:%S", "%Y%m%d"], "UTC").read("20170101", "t") == 1_483_228_800
