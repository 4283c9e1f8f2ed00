"""A feed's schema: {header: text} of a row becomes its family's typed record, or `Unreadable` with the reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import get_args

from oracle.config import FeedConfig
from oracle.errors import ConfigError
from oracle.intake.fields import Clock, Unreadable, coordinate, required, whole
from oracle.verify.steps import Walk
from oracle.verify.transit import Swipe, SwipeKind
from oracle.verify.trips import Trip

Fields = Mapping[str, str]


def _clock(config: FeedConfig) -> Clock:
    try:
        return Clock(config.times.format, config.time_zone)
    except ValueError as error:
        raise ConfigError(f"feed {config.name}: {error}") from None


def trip_reader(config: FeedConfig) -> Callable[[Fields], Trip]:
    """Reads the rows of a `trips` feed."""
    names, clock = config.columns, _clock(config)
    person, start, end, duration = names["person"], names["start"], names["end"], names.get("duration")
    stations = names["start_station"], names["end_station"]
    degrees = [(names[f"{side}_{axis}"], limit) for side in ("start", "end") for axis, limit in _AXES]
    (lat1, _), (lon1, _), (lat2, _), (lon2, _) = degrees

    def read(row: Fields) -> Trip:
        begun, ended = clock.read(_at(row, start), start), clock.read(_at(row, end), end)
        if ended < begun:
            raise Unreadable(f"{end}: {row[end]!r} is before {start} {row[start]!r}")
        return Trip(
            required(_at(row, person), person),
            begun,
            ended,
            whole(_at(row, duration), duration) if duration is not None else ended - begun,
            required(_at(row, stations[0]), stations[0]),
            required(_at(row, stations[1]), stations[1]),
            coordinate(_at(row, lat1), lat1, 90),
            coordinate(_at(row, lon1), lon1, 180),
            coordinate(_at(row, lat2), lat2, 90),
            coordinate(_at(row, lon2), lon2, 180),
        )

    return read


_AXES = (("latitude", 90), ("longitude", 180))


def walk_reader(config: FeedConfig) -> Callable[[Fields], Walk]:
    """Reads the rows of a `steps` feed."""
    names, clock = config.columns, _clock(config)
    person, day, steps = names["person"], names["day"], names["steps"]

    def read(row: Fields) -> Walk:
        return Walk(required(_at(row, person), person), clock.read(_at(row, day), day), whole(_at(row, steps), steps))

    return read


def swipe_reader(config: FeedConfig) -> Callable[[Fields], Swipe]:
    """Reads the rows of a `transit` feed. The station may be absent: not every swipe has one."""
    names, clock = config.columns, _clock(config)
    person, time, kind, station = names["person"], names["time"], names["type"], names.get("station")
    kinds: dict[str, SwipeKind] = {config.values[role]: role for role in get_args(SwipeKind)}

    def read(row: Fields) -> Swipe:
        what = kinds.get(_at(row, kind).strip())
        if what is None:
            raise Unreadable(f"{kind}: {row[kind][:40]!r} is none of {', '.join(kinds)}")
        where = row.get(station, "").strip() if station is not None else ""
        return Swipe(required(_at(row, person), person), clock.read(_at(row, time), time), what, where)

    return read


def _at(row: Fields, name: str) -> str:
    try:
        return row[name]
    except KeyError:
        raise Unreadable(f"has no {name}") from None


def columns_missing(config: FeedConfig, fields: Fields) -> list[str]:
    """The configured columns that this row lacks (of a CSV's first row: that the file lacks)."""
    return sorted({name for role, name in config.columns.items() if name not in fields})
