"""One field's text as a number or an instant; whatever is not plainly one is `Unreadable`, with the reason."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

EARLIEST: Final = 0
LATEST: Final = 5_662_224_000
"""2149-06-06: the last day that fits a record's 16 bits."""

_NUMBER: Final = re.compile(r"-?\d{1,3}(\.\d{1,20})?", re.ASCII)
_EXPONENT: Final = re.compile(r"-?[\d.]+[eE][-+]?\d+", re.ASCII)
_PARTS: Final = {
    "Y": r"(?P<Y>\d{4})",
    "y": r"(?P<y>\d{2})",
    "m": r"(?P<m>\d{1,2})",
    "d": r"(?P<d>\d{1,2})",
    "H": r"(?P<H>\d{1,2})",
    "M": r"(?P<M>\d{1,2})",
    "S": r"(?P<S>\d{1,2})",
    "f": r"(?P<f>\d{1,9})",
}
_DAY: Final = timedelta(days=1)


class Unreadable(ValueError):
    """A field that cannot be read; its text is the reason that the report shows."""


def whole(text: str, name: str) -> int:
    """A whole number ≥ 0 of at most 15 ASCII digits."""
    if text.isdigit() and text.isascii() and len(text) <= 15:
        return int(text)
    text = text.strip()
    if text.isdigit() and text.isascii() and len(text) <= 15:
        return int(text)
    raise Unreadable(f"{name}: {_shown(text)} is not a whole number of 0 or more")


def coordinate(text: str, name: str, limit: int) -> float:
    """Degrees between −limit and limit, decimal. (A float: the geodesic needs it; its result is floored at once.)"""
    text = text.strip()
    if _NUMBER.fullmatch(text):
        degrees = float(text)
        if -limit <= degrees <= limit:
            return degrees
    if not text:
        raise Unreadable(f"{name} is empty: it should hold degrees")
    if _EXPONENT.fullmatch(text):
        raise Unreadable(f"{name}: {_shown(text)} should be degrees without an exponent, like 40.7")
    raise Unreadable(f"{name}: {_shown(text)} is not between {-limit} and {limit} degrees")


def required(text: str | None, name: str, longest: int = 200) -> str:
    """Text that must be there."""
    text = (text or "").strip()
    if not text:
        raise Unreadable(f"{name} is empty")
    if len(text) > longest:
        raise Unreadable(f"{name} is longer than {longest} characters")
    return text


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:40] + "…")


class Clock:
    """Reads instants as a feed writes them, to unix seconds.

    pattern: strptime's %Y %y %m %d %H %M %S %f (a fraction, dropped) and literal text (a wall clock in `zone`), or
    `unix`, `unix-ms`, `iso` (ISO 8601; without an offset, a wall clock in `zone`). A wall time that daylight saving
    skips does not exist; of one that it repeats, the first is meant.
    """

    def __init__(self, pattern: str, zone: str) -> None:
        self._zone = ZoneInfo(zone)
        self._midnight = lru_cache(maxsize=4096)(self._midnight_of)
        if pattern in ("unix", "unix-ms", "iso"):
            self._regex = None
            self.read: Callable[[str, str], int] = {"unix": _unix, "unix-ms": _unix_ms, "iso": self._iso}[pattern]
        else:
            self._regex = _compile(pattern)
            self._groups = set(self._regex.groupindex)
            self.read = self._wall
        self.pattern = pattern

    def _wall(self, text: str, name: str) -> int:
        assert self._regex is not None
        match = self._regex.fullmatch(text) or self._regex.fullmatch(text.strip())
        if match is None:
            raise Unreadable(f"{name}: {_shown(text)} is not a time like {self.pattern}")
        part = match.groupdict()
        try:
            year = part["Y"] if "Y" in self._groups else part["y"]
            start, plain = self._midnight(year, part["m"], part["d"])
        except ValueError:
            raise Unreadable(f"{name}: {_shown(text)} is no date") from None
        hour, minute, second = int(part.get("H", 0)), int(part.get("M", 0)), int(part.get("S", 0))
        if hour > 23 or minute > 59 or second > 59:
            raise Unreadable(f"{name}: {_shown(text)} is no time of a day")
        if plain:
            return _within(start + hour * 3600 + minute * 60 + second, text, name)
        day = _date(year, part["m"], part["d"])
        return self._instant(datetime(day.year, day.month, day.day, hour, minute, second), text, name)

    def _midnight_of(self, year: str, month: str, day: str) -> tuple[int, bool]:
        """(its instant, whether the zone's offset holds all day). Raises ValueError: no such date."""
        start = datetime.combine(_date(year, month, day), datetime.min.time(), self._zone)
        offset = start.utcoffset()
        try:
            plain = (start + _DAY).utcoffset() == offset == (start - _DAY).utcoffset()
        except OverflowError:
            plain = False
        return int(start.timestamp()), plain

    def _instant(self, wall: datetime, text: str, name: str) -> int:
        local = wall.replace(tzinfo=self._zone)
        unix = _within(int(local.timestamp()), text, name)  # beyond, some years have no instant in some zones
        if datetime.fromtimestamp(unix, self._zone).replace(tzinfo=None) != wall.replace(microsecond=0):
            raise Unreadable(f"{name}: {_shown(text)} does not exist in {self._zone.key}: clocks went forward")
        return unix

    def _iso(self, text: str, name: str) -> int:
        try:
            when = datetime.fromisoformat(text.strip())
            if when.tzinfo is None:
                return self._instant(when, text, name)
            return _within(int(when.astimezone(UTC).timestamp()), text, name)
        except (ValueError, OverflowError) as error:
            if isinstance(error, Unreadable):
                raise
            raise Unreadable(f"{name}: {_shown(text)} is not an ISO 8601 time") from None


def _compile(pattern: str) -> re.Pattern[str]:
    expression, rest = "", pattern
    while rest:
        if rest[0] == "%" and rest[1:2] in _PARTS:
            expression, rest = expression + _PARTS[rest[1]], rest[2:]
        elif rest[0] == "%":
            raise ValueError(
                f"times.format: %{rest[1:2]} is not known; known are %Y %y %m %d %H %M %S %f, unix, unix-ms, iso"
            )
        else:
            expression, rest = expression + re.escape(rest[0]), rest[1:]
    try:
        regex = re.compile(expression, re.ASCII)
    except re.error:
        raise ValueError(f"times.format {pattern!r} names a part twice") from None
    groups = set(regex.groupindex)
    if not groups >= {"m", "d"} or len(groups & {"Y", "y"}) != 1:
        raise ValueError(f"times.format {pattern!r} does not name one year, a month and a day")
    return regex


def _date(year: str, month: str, day: str) -> date:
    number = int(year)
    if len(year) == 2:
        number += 2000 if number < 69 else 1900
    return date(number, int(month), int(day))


def _within(unix: int, text: str, name: str) -> int:
    if not EARLIEST <= unix < LATEST:
        raise Unreadable(f"{name}: {_shown(text)} is outside the years 1970 to 2149")
    return unix


def _unix(text: str, name: str) -> int:
    return _within(whole(text, name), text, name)


def _unix_ms(text: str, name: str) -> int:
    return _within(whole(text, name) // 1000, text, name)
