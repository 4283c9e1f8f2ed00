"""Days, vintages and slots."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from chain_node.protocol import times
from chain_node.protocol.errors import CodecError
from chain_node.protocol.times import SlotRange

SHANGHAI = timezone(timedelta(hours=8))
instants = st.integers(0, times.day_start(65_535) + times.DAY_SECONDS - 1)
OPENING = times.day_start(20_000)


def at(text: str) -> int:
    return int(datetime.fromisoformat(f"2026-11-21T{text}").replace(tzinfo=SHANGHAI).timestamp())


@given(instants)
def test_days_and_years_are_those_of_the_calendar(unix: int) -> None:
    local = datetime.fromtimestamp(unix, UTC).astimezone(SHANGHAI).date()
    day = times.day_of(unix)
    assert times.date_of(day) == local
    assert times.day_of_date(local) == day
    assert times.year_of(day) == local.year
    assert times.day_start(day) <= unix < times.day_start(day + 1)


def test_fixed_days() -> None:
    assert times.day_of_date(date(2008, 1, 1)) == times.FIRST_DAY == 13_879
    assert times.date_of(times.closing_day(2023)) == date(2024, 3, 5)
    assert times.date_of(times.closing_day(2024)) == date(2025, 3, 5)
    assert times.day_of(0) == times.day_of(57_599) == 0
    assert times.day_of(57_600) == 1
    for day in (-1, 65_536):
        with pytest.raises(CodecError):
            times.year_of(day)


@pytest.mark.parametrize(
    ("start", "end", "first", "count"),
    [
        ("00:00", "00:08", 0, 1),
        ("00:00", "00:04", 0, 1),
        ("00:04", "00:12", 0, 2),  # exactly half of both: claims both
        ("00:05", "00:11", 1, 1),  # less than half of either: the one that holds the midpoint, 00:08
        ("00:03", "00:13", 0, 2),
        ("00:01", "00:03", 0, 1),
        ("00:05", "00:30", 1, 3),
        ("10:00", "10:00", 75, 1),
        ("23:50", "23:59", 179, 1),
        ("00:00", "23:59", 0, 180),
    ],
)
def test_slots(start: str, end: str, first: int, count: int) -> None:
    day = times.day_of(at(start))
    assert times.slots_of(at(start), at(end)) == SlotRange(day, first, count)


def test_what_lies_after_midnight_is_left_out() -> None:
    day = times.day_of(at("23:30"))
    assert times.slots_of(at("23:30"), at("23:30") + 86_400) == SlotRange(day, 176, 4)
    assert times.slots_of(at("23:58"), at("23:58") + 7_200) == SlotRange(day, 179, 1)


def test_impossible_times() -> None:
    for start, end in ((10, 9), (-100_000, 0), (times.day_start(65_536), times.day_start(65_536))):
        with pytest.raises(CodecError):
            times.slots_of(start, end)


def naive_slots(start: int, end: int) -> list[int]:
    """The definition, slot by slot."""
    opening = times.day_start(times.day_of(start))
    end = min(end, opening + 86_400)
    covered = []
    for slot in range(180):
        low = opening + 480 * slot
        if min(end, low + 480) - max(start, low) >= 240:
            covered.append(slot)
    return covered or [((start + end) // 2 - opening) // 480]


@given(st.integers(0, 86_399), st.integers(0, 90_000))
def test_slots_agree_with_the_definition(since: int, length: int) -> None:
    start = OPENING + since
    found = times.slots_of(start, start + length)
    assert list(range(found.first, found.first + found.count)) == naive_slots(start, start + length)
    assert found.first >= 0
    assert found.first + found.count <= 180
    assert found.count >= 1


@given(st.integers(0, 86_399), st.integers(480, 20_000), st.integers(480, 20_000))
def test_two_actions_one_after_the_other_never_collide(since: int, first: int, second: int) -> None:
    """Of 8 minutes or more each. Where they meet exactly in a slot's middle, both cover half of it and so claim it:
    that slot goes to the one that is recorded first, which docs/protocol.md says."""
    start, meeting = OPENING + since, OPENING + since + first
    assume((meeting - OPENING) % 480 != 240)
    assume(since + first + second <= 86_400)
    one, two = times.slots_of(start, meeting), times.slots_of(meeting, meeting + second)
    assert one.first + one.count <= two.first
