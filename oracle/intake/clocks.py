"""How a feed writes its times: one format, or several that no text can fit with two meanings."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import permutations, product
from typing import Final
from zoneinfo import ZoneInfo

from oracle.intake.fields import Unreadable, shown, whole

EARLIEST: Final = 0
LATEST: Final = 5_662_224_000
"""2149-06-06: the last day that fits a record's 16 bits."""

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
_ORDER: Final = ("m", "d", "H", "M", "S")
_DAY: Final = timedelta(days=1)
_SHAPE: Final = str.maketrans("0123456789", "1111111111")
"""A text's shape: with 1 for each digit, it is a possible date wherever some digits are one."""


class Clock:
    """Reads instants in one format, to unix seconds.

    pattern: strptime's %Y %y %m %d %H %M %S %f (a fraction, dropped) and literal text (a wall clock in `zone`), or
    `unix`, `unix-ms`, `iso` (ISO 8601, fractions of a second dropped; without an offset, a wall clock in `zone`). A
    wall time that daylight saving skips does not exist; of one that it repeats, the first is meant.

    Raises ValueError: the pattern can't be read.
    """

    def __init__(self, pattern: str, zone: str) -> None:
        self._zone = ZoneInfo(zone)
        self._midnight = lru_cache(maxsize=4096)(self._midnight_of)
        self._day = lru_cache(maxsize=4096)(self._day_of)
        self.pattern = pattern
        if pattern in ("unix", "unix-ms", "iso"):
            self._regex = None
            self.read: Callable[[str, str], int] = {"unix": _unix, "unix-ms": _unix_ms, "iso": self._iso}[pattern]
        else:
            self._regex = _compile(pattern)
            groups = self._regex.groupindex
            self._groups = (groups["Y" if "Y" in groups else "y"], *(groups[part] for part in _ORDER))
            self.read = self._wall

    def fits(self, shape: str) -> bool:
        """Whether some text of this shape (1 for each digit) can be read."""
        if self._regex is not None:
            literal_digits = any(letter.isdigit() for letter in self.pattern)
            return literal_digits or self._regex.fullmatch(shape.strip()) is not None
        try:
            if self.pattern == "iso":
                datetime.fromisoformat(shape.strip())
            else:
                whole(shape, "")
        except ValueError:
            return False
        return True

    def _wall(self, text: str, name: str) -> int:
        assert self._regex is not None
        match = self._regex.fullmatch(text) or self._regex.fullmatch(text.strip())
        if match is None:
            raise Unreadable(f"{name}: {shown(text)} is not a time like {self.pattern}")
        year, month, date_of_month, hours, minutes, seconds = match.group(*self._groups)
        try:
            start, plain = self._midnight(year, month, date_of_month)
        except ValueError:
            raise Unreadable(f"{name}: {shown(text)} is no date") from None
        hour, minute, second = int(hours or 0), int(minutes or 0), int(seconds or 0)
        if hour > 23 or minute > 59 or second > 59:
            raise Unreadable(f"{name}: {shown(text)} is no time of a day")
        if plain:
            return _within(start + hour * 3600 + minute * 60 + second, text, name)
        day = _date(year, month, date_of_month)
        return self._instant(datetime(day.year, day.month, day.day, hour, minute, second), text, name)

    def _midnight_of(self, year: str, month: str, day: str) -> tuple[int, bool]:
        return self._day(_date(year, month, day))

    def _day_of(self, day: date) -> tuple[int, bool]:
        """(the instant at which it begins, whether the zone's offset holds all day). Raises ValueError: has none."""
        start = datetime.combine(day, datetime.min.time(), self._zone)
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
            raise Unreadable(f"{name}: {shown(text)} does not exist in {self._zone.key}: clocks went forward")
        return unix

    def _iso(self, text: str, name: str) -> int:
        try:
            when = datetime.fromisoformat(text.strip())
            if when.tzinfo is None:
                start, plain = self._day(when.date())
                if not plain:
                    return self._instant(when, text, name)
                return _within(start + when.hour * 3600 + when.minute * 60 + when.second, text, name)
            return _within(int(when.astimezone(UTC).timestamp()), text, name)
        except (ValueError, OverflowError) as error:
            if isinstance(error, Unreadable):
                raise
            raise Unreadable(f"{name}: {shown(text)} is not an ISO 8601 time") from None


class Clocks:
    """Reads instants of which each may be in another of these formats; the first that can read a text does.

    Their order never decides what a text means: formats that read one text as two instants don't stand together.

    Raises ValueError: two of them do, or one can't be read.
    """

    def __init__(self, patterns: Sequence[str], zone: str) -> None:
        self._clocks = [Clock(pattern, zone) for pattern in patterns]
        self._first = self._clocks[0].read
        self._patterns = " or ".join(patterns)
        self._fitting = lru_cache(maxsize=256)(self._fitting_of)
        _refuse_two_meanings(tuple(patterns))

    def read(self, text: str, name: str) -> int:
        """The instant, in unix seconds. Raises Unreadable: none of the formats reads it."""
        try:
            return self._first(text, name)
        except Unreadable:
            fitting = self._fitting(text.translate(_SHAPE))
        if not fitting:
            raise Unreadable(f"{name}: {shown(text)} is not a time like {self._patterns}")
        for clock in fitting[:-1]:
            try:
                return clock.read(text, name)
            except Unreadable:
                continue
        return fitting[-1].read(text, name)

    def _fitting_of(self, shape: str) -> tuple[Clock, ...]:
        return tuple(clock for clock in self._clocks if clock.fits(shape))


@lru_cache(maxsize=64)
def _refuse_two_meanings(patterns: tuple[str, ...]) -> None:
    """Raises ValueError: two formats read one text, and not as the same instant."""
    for one, other in permutations(patterns, 2):
        first, second = Clock(one, "UTC"), Clock(other, "UTC")
        for text in _examples(one):
            try:
                meanings = first.read(text, ""), second.read(text, "")
            except Unreadable:
                continue
            if meanings[0] != meanings[1]:
                raise ValueError(f"times.format: {text!r} is one time as {one!r} and another as {other!r}: keep one")


def _examples(pattern: str) -> list[str]:
    """Texts in this format whose parts could each be taken for another part."""
    if pattern in ("unix", "unix-ms", "iso"):
        return {"unix": ["1500000000"], "unix-ms": ["1500000000000"], "iso": ["2010-11-12 08:09:07"]}[pattern]
    texts = []
    for year, month, day, width in product((2010, 2011, 2012), (1, 2, 10, 11, 12), (1, 2, 10, 11, 12), (1, 2)):
        parts = {"Y": year, "y": year % 100, "m": month, "d": day, "H": 8, "M": 9, "S": 7, "f": 5}
        texts.append(re.sub(r"%(\w)", lambda found: f"{parts[found[1]]:0{width}}", pattern))  # noqa: B023 - used at once
    return texts


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
        groups = set(re.compile(expression, re.ASCII).groupindex)
    except re.error:
        raise ValueError(f"times.format {pattern!r} names a part twice") from None
    if not groups >= {"m", "d"} or len(groups & {"Y", "y"}) != 1:
        raise ValueError(f"times.format {pattern!r} does not name one year, a month and a day")
    # A part of the time that the format lacks is empty, so that all formats have the same groups.
    return re.compile(expression + "".join(f"(?P<{part}>)" for part in "HMS" if part not in groups), re.ASCII)


def _date(year: str, month: str, day: str) -> date:
    number = int(year)
    if len(year) == 2:
        number += 2000 if number < 69 else 1900
    return date(number, int(month), int(day))


def _within(unix: int, text: str, name: str) -> int:
    if not EARLIEST <= unix < LATEST:
        raise Unreadable(f"{name}: {shown(text)} is outside the years 1970 to 2149")
    return unix


def _unix(text: str, name: str) -> int:
    return _within(whole(text, name), text, name)


def _unix_ms(text: str, name: str) -> int:
    return _within(whole(text, name) // 1000, text, name)
