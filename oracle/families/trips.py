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
from oracle.families.drafting import (
    COORDINATES,
    GEOHASHES,
    NUMBER_ENDS,
    PERSON_NAMES,
    RECORD_NAMES,
    Assumed,
    Drafting,
    Hints,
    each,
)
from oracle.families.family import Columns, Family, Fields, cells, clock, degrees, figures, names, numbers, whose
from oracle.families.verdict import Verdict, claim, refused
from oracle.intake.fields import Unreadable, optional, required, shown
from oracle.intake.positions import geohash, wgs84
from oracle.ports import FeedLaw

if TYPE_CHECKING:
    from pyproj import Geod


class Trip(NamedTuple):
    """start, end: unix seconds; seconds: how long, as the partner measured it; stations: '' where the row names none.

    positions: WGS84 degrees; distance: metres as the partner measured them, None where it does not.
    """

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
    distance: int | None = None


@dataclass(frozen=True, slots=True)
class TripRules:
    """Bounds of a plausible trip; a trip of exactly a bound passes. methods: the versions that may apply.

    Of the partner's own distances: max_metres at most, and max_detour_percent of the straight line. positions: whether
    the feed says where trips begin and end.
    """

    min_seconds: int
    max_seconds: int
    max_kmh: int
    methods: tuple[int, ...]
    max_metres: int | None = None
    max_detour_percent: int | None = None
    positions: bool = True


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
    straight = metres(trips) if rules.positions else [None] * len(trips)
    return [_check(trip, distance, rules, law) for trip, distance in zip(trips, straight, strict=True)]


def _check(trip: Trip, straight: int | None, rules: TripRules, law: FeedLaw) -> Verdict:
    """straight: metres between its ends, None where nobody knows where they are."""
    person, start, seconds = trip.person, trip.start, trip.seconds
    if seconds > rules.max_seconds:
        return refused(start, person, Rule.TOO_LONG, seconds)
    if seconds < rules.min_seconds:
        return refused(start, person, Rule.TOO_SHORT, seconds)
    if trip.start_station and trip.end_station:
        if trip.start_station == trip.end_station:
            return refused(start, person, Rule.SAME_STATION, trip.start_station)
    elif straight == 0:
        return refused(start, person, Rule.SAME_STATION, "0 m apart")
    distance = straight if trip.distance is None else trip.distance
    assert distance is not None, "a feed has positions or distances"
    furthest = max(distance, straight or 0)
    if furthest * _METRES_AND_SECONDS > rules.max_kmh * _METRES_A_KM * seconds:
        return refused(start, person, Rule.TOO_FAST, f"{furthest} m in {seconds} s")
    if trip.distance is not None:
        if rules.max_metres is not None and distance > rules.max_metres:
            return refused(start, person, Rule.OVER_BOUND, f"{distance} m")
        detour = rules.max_detour_percent
        if straight is not None and detour is not None and distance * 100 > straight * detour:
            return refused(start, person, Rule.OVER_BOUND, f"{distance} m, {straight} m in a straight line")
    return claim(law, rules.methods, start, person, slots_of(start, trip.end), distance)


def _bind(config: FeedConfig, columns: Columns) -> Callable[[Fields], Trip]:
    text, figure, times = cells(config), figures(config), clock(config).read
    (person, prefix), start, end = whose(columns), columns["start"], columns.get("end")
    lasts, ridden = _lasts(config, columns), _ridden(config, columns)
    begins_at, ends_at = _places(config, columns)

    def read(row: Fields) -> Trip:
        begun = times(figure(row, start), start)
        seconds = lasts(row) if lasts is not None else 0
        ended = times(figure(row, end), end) if end is not None else begun + seconds
        if ended < begun:
            raise Unreadable(f"{end}: {row[end or '']!r} is before {start} {row[start]!r}")
        station1, latitude1, longitude1 = begins_at(row)
        station2, latitude2, longitude2 = ends_at(row)
        return Trip(
            prefix + required(text(row, person), person),
            begun,
            ended,
            seconds if lasts is not None else ended - begun,
            station1,
            station2,
            latitude1,
            longitude1,
            latitude2,
            longitude2,
            ridden(row) if ridden is not None else None,
        )

    return read


def _lasts(config: FeedConfig, columns: Columns) -> Callable[[Fields], int] | None:
    """What reads how long a trip lasts, in seconds; None where only its end tells. Raises ValueError: nothing does."""
    duration, nominal = columns.get("duration"), config.rules.get("nominal_minutes")
    if nominal is not None and ("end" in columns or duration is not None):
        raise ValueError("rules.nominal_minutes is for trips of which neither end nor duration is known")
    if duration is not None:
        figure, count = figures(config), numbers(config).reader(*_UNITS[config.times.duration_unit])
        return lambda row: count(figure(row, duration), duration)
    if nominal is not None:
        return lambda row: nominal * 60
    if "end" not in columns:
        raise ValueError("a trip needs one of the columns end and duration, or rules.nominal_minutes")
    return None


def _ridden(config: FeedConfig, columns: Columns) -> Callable[[Fields], int] | None:
    """What reads the partner's own distance, in metres; None where it has none.

    Raises ValueError: nothing bounds it, or there is a bound and no distance.
    """
    column = columns.get("distance")
    bounds = config.rules.keys() & {"max_metres", "max_detour_percent"}
    if column is None:
        if bounds:
            raise ValueError(f"rules.{min(bounds)} is for feeds with a column distance")
        return None
    somewhere = _kind_of_place(config, columns) != ""
    wanted = "max_detour_percent" if somewhere else "max_metres"
    if wanted not in bounds:
        raise ValueError(f"a column distance needs rules.{wanted}, which bounds it")
    if not somewhere and "max_detour_percent" in bounds:
        raise ValueError("rules.max_detour_percent is for feeds that say where trips begin and end")
    figure, count = figures(config), numbers(config).reader(1000 if config.positions.distance_unit == "km" else 1)
    return lambda row: count(figure(row, column), column)


Place = tuple[str, float, float]
"""(station or '', latitude, longitude)."""
_ROLES: Final = {
    "coordinates": frozenset(COORDINATES),
    "geohash": frozenset(GEOHASHES),
    "stations": names("start_station end_station"),
}


def _kind_of_place(config: FeedConfig, columns: Columns) -> str:
    """How the feed says where a trip begins and ends: coordinates, geohash, stations (by its table); '' not at all.

    Raises ValueError: by halves, or in two ways.
    """
    found = [kind for kind in ("coordinates", "geohash") if _ROLES[kind] & columns.keys()]
    found += ["stations"] * (config.stations is not None)
    if len(found) > 1:
        raise ValueError(f"positions come from {found[0]} or {found[1]}, not from both")
    wanted = _ROLES[found[0]] if found else frozenset()
    if _ROLES["stations"] & columns.keys():
        wanted |= _ROLES["stations"]
    if missing := wanted - columns.keys():
        raise ValueError(f"[columns] lacks {', '.join(sorted(missing))}")
    return found[0] if found else ""


def _places(config: FeedConfig, columns: Columns) -> tuple[Callable[[Fields], Place], Callable[[Fields], Place]]:
    """What reads where a trip begins, and where it ends. Raises ValueError: nothing says so, nor how far it went."""
    kind = _kind_of_place(config, columns)
    if not kind and "distance" not in columns:
        raise ValueError(
            "a trip needs coordinates, geohashes, stations with a table [stations], or a column distance of its own"
        )
    return _place(config, columns, kind, "start"), _place(config, columns, kind, "end")


def _place(config: FeedConfig, columns: Columns, kind: str, end: str) -> Callable[[Fields], Place]:
    text, figure, shifted = cells(config), figures(config), config.positions.system == "gcj02"
    station = columns.get(f"{end}_station")

    def named(row: Fields) -> str:
        return optional(text(row, station), station) if station is not None else ""

    if kind == "coordinates":
        lat, lon = columns[f"{end}_latitude"], columns[f"{end}_longitude"]
        axis = degrees(config)

        def by_coordinates(row: Fields) -> Place:
            name = optional(text(row, station), station) if station is not None else ""
            latitude, longitude = axis(figure(row, lat), lat, 90), axis(figure(row, lon), lon, 180)
            if shifted:
                latitude, longitude = wgs84(latitude, longitude, lat)
            return name, latitude, longitude

        return by_coordinates
    if kind == "geohash":
        cell = columns[f"{end}_geohash"]

        def by_geohash(row: Fields) -> Place:
            centre = geohash(text(row, cell), cell)
            return named(row), *(wgs84(*centre, cell) if shifted else centre)

        return by_geohash
    if kind == "stations":
        assert station is not None
        assert config.stations is not None
        known, table = config.station_positions, config.stations.file

        def by_table(row: Fields) -> Place:
            name = required(text(row, station), station)
            there = known.get(name)
            if there is None:
                raise Unreadable(f"{station}: {shown(name)} is not in {table}")
            return name, *there

        return by_table
    return lambda row: (named(row), 0.0, 0.0)


def _judge(config: FeedConfig, law: FeedLaw) -> Callable[[Sequence[Trip]], list[Verdict]]:
    given = config.rules
    rules = TripRules(
        given["min_seconds"],
        given["max_seconds"],
        given["max_kmh"],
        tuple(config.methods["trip"]),
        given.get("max_metres"),
        given.get("max_detour_percent"),
        bool(_kind_of_place(config, config.columns)),
    )
    return lambda found: check(found, rules, law)


_SPAN: Final = "s sec seconds ms min minutes"


def _end(which: str, other: str, chinese: str) -> Hints:
    """The roles of one end of a trip."""
    return {
        f"{which}_station": (
            *each(f"{which}station {other}station", "id number code no", bare=True),
            *each(chinese, "站点编号 站点id 站编号 站点 站"),
        ),
        f"{which}_latitude": (
            *each(f"{which}station {which} {other}", "latitude lat"),
            f"{which}locationy",
            *each(chinese, "纬度"),
        ),
        f"{which}_longitude": (
            *each(f"{which}station {which} {other}", "longitude lng lon"),
            f"{which}locationx",
            *each(chinese, "经度"),
        ),
        f"{which}_geohash": each(
            f"geohashed{which}loc geohashed{which}location {which}geohash {which}locationgeohash {other}geohash"
        ),
    }


_HINTS: Final[Hints] = {
    "person": PERSON_NAMES,
    "stand_in": (
        *each("bikeid bikenumber bikeno vehicleid"),
        *each("车辆 单车", NUMBER_ENDS),
        *each("rideid tripid orderid 订单编号 订单号"),
    ),
    "record_id": RECORD_NAMES,
    "start": (
        *each("starttime startedat startdatetime startdate begintime departuretime start"),
        *each("unlock unlocked pickup", "time at"),
        *each("开始时间 起始时间 借车时间 出发时间 开锁时间"),
    ),
    "end": (
        *each("stoptime endtime endedat enddatetime enddate stopdate arrivaltime end"),
        *each("lock locked dropoff return returned", "time at"),
        *each("结束时间 终止时间 还车时间 到达时间 关锁时间"),
    ),
    "duration": (*each("tripduration duration", _SPAN, bare=True), ".*时长.*"),
    **_end("start", "from", "起点 借车 出发"),
    **_end("end", "to", "终点 还车 到达"),
}

FAMILY: Final = Family(
    name="trips",
    columns=names("person start"),
    optional=names("record_id end duration distance start_station end_station start_geohash end_geohash")
    | names("start_latitude start_longitude end_latitude end_longitude"),
    rules={"min_seconds": (0, 604_800), "max_seconds": (0, 604_800), "max_kmh": (0, 100_000)},
    optional_rules={
        "nominal_minutes": (1, 1_440),
        "max_metres": (1, 1_000_000),
        "max_detour_percent": (100, 1_000),
    },
    methods={"trip": "metre"},
    bind=_bind,
    judge=_judge,
    drafting=Drafting(
        hints=_HINTS,
        needs=(
            (("person",),),
            (("start",),),
            (("end",), ("duration",), ()),  # of neither told, it lasts the nominal minutes
            (COORDINATES, GEOHASHES, ("start_station", "end_station")),  # with stations alone, their table is needed
        ),
        methods={"trip": 101},
        rules={"min_seconds": 120, "max_seconds": 21_600, "max_kmh": 35},
        times=names("start end"),
        numbers=names("duration"),
        left=names("distance"),  # it needs bounds that no sample tells
        places=True,
        assumed=(
            Assumed(
                names("end duration"),
                "nominal_minutes",
                15,
                "没有结束时间也没有时长：每次行程按固定分钟数计算。",
                "neither an end nor a duration is told: every trip is taken to last so many minutes.",
            ),
        ),
    ),
)
