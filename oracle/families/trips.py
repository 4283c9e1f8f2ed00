"""Trips between stations: long enough, short enough, somewhere else, at a speed that its mode can have."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from chain_node.protocol.rules import Rule
from chain_node.protocol.times import slots_of
from oracle.families.config import FeedConfig
from oracle.families.family import Columns, Family, Fields, cells, clock, figures, names, numbers, whose
from oracle.families.verdict import Verdict, claim, refused
from oracle.intake.fields import Unreadable, coordinate, required
from oracle.ports import FeedLaw

if TYPE_CHECKING:
    from pyproj import Geod


class Trip(NamedTuple):
    """start, end: unix seconds; seconds: how long, as the partner measured it; positions: WGS84 degrees."""

    person: str
    start: int
    end: int
    seconds: int
    start_station: str
    end_station: str
    start_latitude: float
    start_longitude: float
    end_latitude: float
    end_longitude: float


@dataclass(frozen=True, slots=True)
class TripRules:
    """Bounds of a plausible trip; a trip of exactly a bound passes. methods: the versions that may apply."""

    min_seconds: int
    max_seconds: int
    max_kmh: int
    methods: tuple[int, ...]


@lru_cache(maxsize=1)
def _wgs84() -> Geod:
    from pyproj import Geod  # half a second that commands which measure nothing do without

    return Geod(ellps="WGS84")


_METRES_AND_SECONDS: Final = 3600
_METRES_A_KM: Final = 1000
_UNITS: Final = {"seconds": (1, 1), "minutes": (60, 1), "milliseconds": (1, 1000)}
"""Seconds in each unit of a duration, as a fraction."""


def metres(trips: Sequence[Trip]) -> list[int]:
    """The WGS84 geodesic between the ends of each trip, floored to whole metres (Karney, by PROJ; one call for all)."""
    _, _, distances = _wgs84().inv(
        [trip.start_longitude for trip in trips],
        [trip.start_latitude for trip in trips],
        [trip.end_longitude for trip in trips],
        [trip.end_latitude for trip in trips],
    )
    return [math.floor(distance) for distance in distances]


def check(trips: Sequence[Trip], rules: TripRules, law: FeedLaw) -> list[Verdict]:
    """A verdict for each trip, by the first rule that it fails."""
    return [_check(trip, distance, rules, law) for trip, distance in zip(trips, metres(trips), strict=True)]


def _check(trip: Trip, distance: int, rules: TripRules, law: FeedLaw) -> Verdict:
    person, start, seconds = trip.person, trip.start, trip.seconds
    if seconds > rules.max_seconds:
        return refused(start, person, Rule.TOO_LONG, seconds)
    if seconds < rules.min_seconds:
        return refused(start, person, Rule.TOO_SHORT, seconds)
    if trip.start_station == trip.end_station:
        return refused(start, person, Rule.SAME_STATION, trip.start_station)
    if distance * _METRES_AND_SECONDS > rules.max_kmh * _METRES_A_KM * seconds:
        return refused(start, person, Rule.TOO_FAST, f"{distance} m in {seconds} s")
    return claim(law, rules.methods, start, person, slots_of(start, trip.end), distance)


def _bind(config: FeedConfig, columns: Columns) -> Callable[[Fields], Trip]:
    text, figure, times = cells(config), figures(config), clock(config).read
    seconds = numbers(config).reader(*_UNITS[config.times.duration_unit])
    (person, prefix), start, end, duration = whose(columns), columns["start"], columns["end"], columns.get("duration")
    stations = columns["start_station"], columns["end_station"]
    lat1, lon1 = columns["start_latitude"], columns["start_longitude"]
    lat2, lon2 = columns["end_latitude"], columns["end_longitude"]

    def read(row: Fields) -> Trip:
        begun, ended = times(figure(row, start), start), times(figure(row, end), end)
        if ended < begun:
            raise Unreadable(f"{end}: {row[end]!r} is before {start} {row[start]!r}")
        return Trip(
            prefix + required(text(row, person), person),
            begun,
            ended,
            seconds(figure(row, duration), duration) if duration is not None else ended - begun,
            required(text(row, stations[0]), stations[0]),
            required(text(row, stations[1]), stations[1]),
            coordinate(figure(row, lat1), lat1, 90),
            coordinate(figure(row, lon1), lon1, 180),
            coordinate(figure(row, lat2), lat2, 90),
            coordinate(figure(row, lon2), lon2, 180),
        )

    return read


def _judge(config: FeedConfig, law: FeedLaw) -> Callable[[Sequence[Trip]], list[Verdict]]:
    given = config.rules
    rules = TripRules(given["min_seconds"], given["max_seconds"], given["max_kmh"], tuple(config.methods["trip"]))
    return lambda found: check(found, rules, law)


FAMILY: Final = Family(
    name="trips",
    columns=names("person start end start_station end_station")
    | names("start_latitude start_longitude end_latitude end_longitude"),
    optional=names("record_id duration"),
    rules={"min_seconds": (0, 604_800), "max_seconds": (0, 604_800), "max_kmh": (0, 100_000)},
    methods=names("trip"),
    bind=_bind,
    judge=_judge,
)
