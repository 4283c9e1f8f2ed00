"""Days, vintages and slots: how an instant becomes what a record says of time.

A day is counted from 1970-01-01 in Asia/Shanghai (UTC+8, no daylight saving time in any year that counts). A slot is
one of a day's 180 stretches of 8 minutes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Final

from chain_node.protocol.errors import CodecError

DAY_ZONE_OFFSET: Final = 28_800
"""Asia/Shanghai, seconds east of UTC."""
DAY_SECONDS: Final = 86_400
SLOT_SECONDS: Final = 480
SLOTS_PER_DAY: Final = 180
FIRST_VINTAGE: Final = 2008
FIRST_DAY: Final = 13_879
"""2008-01-01, the first day on which a method can be in force."""
CLOSING_MONTH_DAY: Final = (3, 5)
"""A vintage closes when this month and day of the next year begins."""

_EPOCH = date(1970, 1, 1)
_MAX_DAY = 0xFFFF


@dataclass(frozen=True, slots=True)
class SlotRange:
    """A day and the slots of it that an action claims: `first`, `first` + 1, … (`count` of them, ≥ 1)."""

    day: int
    first: int
    count: int


def day_of(unix: int) -> int:
    """The local day that holds the instant `unix` (seconds UTC)."""
    return (unix + DAY_ZONE_OFFSET) // DAY_SECONDS


def day_start(day: int) -> int:
    """The instant (unix seconds) at which the local day begins."""
    return day * DAY_SECONDS - DAY_ZONE_OFFSET


def day_of_date(when: date) -> int:
    """The day number of a calendar date."""
    return (when - _EPOCH).days


def date_of(day: int) -> date:
    """The calendar date of a day number."""
    return _EPOCH + timedelta(days=day)


_YEAR_STARTS = [day_of_date(date(year, 1, 1)) for year in range(1970, 2151)]
_YEAR_OF_DAY = tuple(
    year for year, (start, end) in enumerate(pairwise(_YEAR_STARTS), start=1970) for _ in range(start, end)
)


def year_of(day: int) -> int:
    """The calendar year of a day number: the vintage of what is earned on it.

    Raises CodecError: `day` is not a u16.
    """
    if not 0 <= day <= _MAX_DAY:
        raise CodecError(f"day {day} is not between 0 and {_MAX_DAY}")
    return _YEAR_OF_DAY[day]


@lru_cache(maxsize=256)
def closing_day(year: int) -> int:
    """The first day on which the vintage `year` is closed: 5 March of the next year."""
    return day_of_date(date(year + 1, *CLOSING_MONTH_DAY))


def slots_of(start: int, end: int) -> SlotRange:
    """The slots that an action from `start` to `end` (unix seconds, end exclusive) claims.

    They are those of which the action covers at least half (240 s); where there are none, the one that holds its
    midpoint. What lies after midnight of the day on which the action began is left out.

    Raises CodecError: the action ends before it starts, or lies outside the days of the protocol.
    """
    if end < start:
        raise CodecError(f"an action ends ({end}) before it starts ({start})")
    day = day_of(start)
    if not 0 <= day <= _MAX_DAY:
        raise CodecError(f"start {start} is on day {day}, outside 0 to {_MAX_DAY}")
    opening = day_start(day)
    since, until = start - opening, min(end - opening, DAY_SECONDS)
    half = SLOT_SECONDS // 2
    first = -((half - since) // SLOT_SECONDS)
    last = (until - half) // SLOT_SECONDS
    if first > last or (first == last and until - since < half):
        middle = (since + until) // 2 // SLOT_SECONDS
        return SlotRange(day, middle, 1)
    return SlotRange(day, first, last - first + 1)
