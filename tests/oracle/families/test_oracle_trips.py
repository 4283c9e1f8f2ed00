"""What a trip is read from: its end, its places, the partner's own distance; and what bounds that distance."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from insecure_ledger import TODAY, feed_entry

from chain_node import catalogue
from chain_node.protocol.rules import Rule
from oracle.errors import ConfigError
from oracle.families import family_of
from oracle.families.config import FeedConfig, NumberFormat, Times
from oracle.families.trips import Trip
from oracle.families.verdict import Verdict
from oracle.feeds import toml_files
from oracle.intake.fields import Unreadable
from oracle.ports import FeedLaw

HEAD = """
id = 40
name = "rides"
kind = "trips"
time_zone = "Asia/Shanghai"
trial = true
organisation = {id = 40, name = "Rides"}
source = {format = "csv"}
times = {format = "iso"}
methods = {trip = [101]}
registration = {credits_cap_mg = 1, millipoints_cap = 1}
numbers = {decimal = "."}
"""
RULES = "min_seconds = 120, max_seconds = 21600, max_kmh = 35"
COORDINATES = 'start_latitude="a", start_longitude="b", end_latitude="c", end_longitude="d"'
STATIONS = 'start_station="from", end_station="to"'
GEOHASHES = 'start_geohash="g", end_geohash="h"'
TABLE = 'stations = {file = "docks.csv", id = "dock", latitude = "lat", longitude = "lon"}'
ROW = {
    "who": "p",
    "begun": "2025-05-01 08:00:00",
    "ended": "2025-05-01 08:20:00",
    "took": "1200",
    "a": "30.5",
    "b": "104.0",
    "c": "30.51",
    "d": "104.0",
    "from": "1",
    "to": "2",
    "far": "1500",
    "g": "wm3yr31",
    "h": "wm3yr3u",
}


def feed(columns: str, rules: str = "", more: str = "", folder: Path | None = None) -> FeedConfig:
    given = f'{{person = "who", start = "begun", {columns}}}'
    return toml_files.parse(
        f"{HEAD}{more}\ncolumns = {given}\nrules = {{{RULES}{rules and ', ' + rules}}}\n", "rides.toml", folder
    )


def read(config: FeedConfig, **changed: str) -> Trip:
    trip = family_of(config).reader(config)({**ROW, **changed})
    assert isinstance(trip, Trip)
    return trip


def judged(config: FeedConfig, **changed: str) -> Verdict:
    entry = feed_entry(config)
    methods = {method.id: method.method for method in catalogue.load() if method.id in entry.methods}
    law = FeedLaw(entry, methods, {group.id: group.caps for group in catalogue.load_groups()}, TODAY)
    return family_of(config).judge(config, law)([read(config, **changed)])[0]


def test_the_end_is_told_or_follows_from_the_duration() -> None:
    both = read(feed(f'end="ended", duration="took", {COORDINATES}'), took="900.9")
    assert (both.end - both.start, both.seconds) == (1200, 900), "the column decides how long, the times which slots"
    assert read(feed(f'end="ended", {COORDINATES}')).seconds == 1200
    derived = read(feed(f'duration="took", {COORDINATES}'))
    assert (derived.end - derived.start, derived.seconds) == (1200, 1200)
    in_minutes = replace(feed(f'duration="took", {COORDINATES}'), times=Times("iso", "minutes"))
    minutes = read(in_minutes, took="20.5")
    assert (minutes.end - minutes.start, minutes.seconds) == (1230, 1230)


def test_a_trip_without_end_lasts_the_nominal_minutes() -> None:
    config = feed(COORDINATES, "nominal_minutes = 15")
    assert (read(config).seconds, read(config).end - read(config).start) == (900, 900)
    verdict = judged(config)
    assert (verdict.rule, verdict.slot, verdict.slots) == (None, 60, 2)
    assert judged(config, c="30.6").rule is Rule.TOO_FAST, "11 km are no 15 minutes"


@pytest.mark.parametrize(
    ("columns", "rules", "more", "says"),
    [
        (COORDINATES, "", "", "end and duration, or rules.nominal_minutes"),
        (f'end="ended", {COORDINATES}', "nominal_minutes = 15", "", "neither end nor duration"),
        ('end="ended"', "", "", "needs coordinates, geohashes"),
        (f'end="ended", {STATIONS}', "", "", "needs coordinates, geohashes"),
        (f'end="ended", {COORDINATES}, {GEOHASHES}', "", "", "coordinates or geohash, not from both"),
        ('end="ended", start_latitude="a", end_latitude="c"', "", "", "lacks end_longitude, start_longitude"),
        (f'end="ended", {COORDINATES}, start_station="from"', "", "", "lacks end_station"),
        ('end="ended", start_geohash="g"', "", "", "lacks end_geohash"),
        (f'end="ended", {COORDINATES}, distance="far"', "", "", "needs rules.max_detour_percent"),
        ('end="ended", distance="far"', "", "", "needs rules.max_metres"),
        ('end="ended", distance="far"', "max_metres = 9, max_detour_percent = 200", "", "max_detour_percent"),
        (f'end="ended", {COORDINATES}', "max_metres = 20000", "", "max_metres is for feeds with"),
        (f'end="ended", {COORDINATES}, distance="far"', "max_detour_percent = 99", "", "between 100 and 1000"),
        (f'end="ended", {COORDINATES}', "", 'positions = {system = "bd09"}', "positions.system"),
        (f'end="ended", {STATIONS}', "", TABLE.replace("docks", "none"), "station table .*none.csv cannot be read"),
        (f'end="ended", {STATIONS}', "", TABLE.replace("docks", "../docks"), "without a folder"),
        (f'end="ended", {STATIONS}', "", TABLE.replace("docks.csv", "bike-share.toml"), "would replace a feed"),
        (f'end="ended", {STATIONS}, {COORDINATES}', "", TABLE, "coordinates or stations, not from both"),
        ('end="ended"', "", TABLE, "lacks end_station, start_station"),
        (f'end="ended", {STATIONS}', "", TABLE.replace('"lat"', '"latitude"'), "line 2: latitude is empty"),
    ],
)
def test_settings_that_say_too_little_or_contradict_themselves(
    columns: str, rules: str, more: str, says: str, tmp_path: Path
) -> None:
    (tmp_path / "docks.csv").write_text("dock,lat,lon\n1,30.5,104.0\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=says):
        feed(columns, rules, more, tmp_path)


def test_stations_stand_in_a_table_that_the_digest_covers(tmp_path: Path) -> None:
    table = tmp_path / "docks.csv"
    table.write_text("dock,lat,lon\n1,30.5,104.0\n2,30.51,104.0\n2,30.51,104.0\n", encoding="utf-8")
    config = feed(f'end="ended", {STATIONS}', "", TABLE, tmp_path)
    assert read(config)[4:10] == ("1", "2", 30.5, 104.0, 30.51, 104.0)
    assert judged(config).activity == judged(feed(f'end="ended", {COORDINATES}')).activity == 1108
    for text, says in (("9", "to: '9' is not in docks.csv"), ("", "to is empty")):
        with pytest.raises(Unreadable, match=says):
            read(config, to=text)
    table.write_text("dock,lat,lon\n1,30.5,104.0\n2,30.52,104.0\n", encoding="utf-8")
    other = feed(f'end="ended", {STATIONS}', "", TABLE, tmp_path)
    assert other.digest != config.digest
    table.write_text("dock,lat,lon\n1,30.5,104.0\n1,30.52,104.0\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="line 3: station '1' stands in two places"):
        feed(f'end="ended", {STATIONS}', "", TABLE, tmp_path)
    table.write_text("dock,lat,lon\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="has no station"):
        feed(f'end="ended", {STATIONS}', "", TABLE, tmp_path)


def test_a_table_in_gcj02_is_shifted_as_rows_are(tmp_path: Path) -> None:
    (tmp_path / "docks.csv").write_text("dock,lat,lon\n1,30.5,104.0\n2,30.51,104.0\n", encoding="utf-8")
    shifted = '\npositions = {system = "gcj02"}'
    by_table = read(feed(f'end="ended", {STATIONS}', "", TABLE + shifted, tmp_path))
    by_row = read(feed(f'end="ended", {COORDINATES}', "", shifted))
    assert by_table[6:10] == by_row[6:10] != read(feed(f'end="ended", {COORDINATES}'))[6:10]


def test_without_a_station_the_coordinates_tell_where() -> None:
    config = feed(f'end="ended", {STATIONS}, {COORDINATES}')
    for stations in ({"from": ""}, {"to": ""}, {"from": "", "to": ""}):
        assert judged(config, **stations).activity == 1108
        assert judged(config, **stations, c="30.5").rule is Rule.SAME_STATION
        assert judged(config, **stations, c="30.500001").rule is Rule.SAME_STATION, "0 m apart"
    assert judged(config, to="1").rule is Rule.SAME_STATION
    assert judged(config, c="30.5").rule is Rule.ZERO_ACTIVITY, "two stations in one place"
    with pytest.raises(Unreadable, match="c is empty"):
        read(config, to="", c="")


DETOUR = "max_detour_percent = 150"


@pytest.mark.parametrize(
    ("changes", "rule", "activity"),
    [
        ({}, None, 1500),
        ({"far": "1662"}, None, 1662),  # one and a half of 1,108 m in a straight line
        ({"far": "1663"}, Rule.OVER_BOUND, 0),
        ({"far": "700"}, None, 700),  # less than straight claims less
        ({"far": "0"}, Rule.ZERO_ACTIVITY, 0),
        ({"far": "1500.9"}, None, 1500),
        ({"ended": "2025-05-01 08:02:00", "far": "1160"}, None, 1160),
        ({"ended": "2025-05-01 08:02:00", "far": "1170"}, Rule.TOO_FAST, 0),  # 35.1 km/h
        ({"ended": "2025-05-01 08:02:00", "c": "30.52", "far": "600"}, Rule.TOO_FAST, 0),  # so are the places apart
        ({"to": "1"}, Rule.SAME_STATION, 0),
    ],
)
def test_the_partners_own_distance_is_bounded(changes: dict[str, str], rule: Rule | None, activity: int) -> None:
    verdict = judged(feed(f'end="ended", {STATIONS}, {COORDINATES}, distance="far"', DETOUR), **changes)
    assert (verdict.rule, verdict.activity) == (rule, activity)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"far": "6"}, None),
        ({"far": "6.001"}, Rule.OVER_BOUND),
        ({"far": "20"}, Rule.TOO_FAST),
        ({"from": "2"}, Rule.SAME_STATION),
        ({"from": "", "to": ""}, None),
    ],
)
def test_a_distance_without_places_is_bounded_by_itself(changes: dict[str, str], rule: Rule | None) -> None:
    config = feed(f'end="ended", {STATIONS}, distance="far"', "max_metres = 6000", 'positions = {distance_unit = "km"}')
    verdict = judged(config, **{"far": "1.2345", **changes})
    assert verdict.rule is rule
    if rule is None:
        assert verdict.activity == (6000 if changes.get("far") else 1234)


def test_a_geohash_with_a_wrong_letter_is_malformed() -> None:
    config = feed(f'end="ended", {GEOHASHES}')
    assert judged(config).rule is None
    with pytest.raises(Unreadable, match="h: 'wm3yr3a' is no geohash: 'a'"):
        read(config, h="wm3yr3a")
    assert judged(config, h="wm3yr31").rule is Rule.SAME_STATION


def test_a_comma_before_fractions_holds_for_coordinates_too(tmp_path: Path) -> None:
    columns = f'end="ended", {COORDINATES}, distance="far"'
    config = feed(columns, DETOUR)
    config = replace(config, numbers=NumberFormat(".", ","))
    commas = {"a": "30,5", "b": "104,0", "c": "30,51", "d": "104", "far": "1.500,7"}
    assert read(config, **commas) == read(feed(columns, DETOUR), far="1500.7")
    with pytest.raises(Unreadable, match=r"a: '30\.5' should have a comma"):
        read(config, **{**commas, "a": "30.5"})
    (tmp_path / "docks.csv").write_text('dock,lat,lon\n1,"30,5","104,0"\n', encoding="utf-8")
    by_table = toml_files.parse(
        HEAD.replace('{decimal = "."}', '{decimal = ","}')
        + TABLE
        + f'\ncolumns = {{person = "who", start = "begun", end = "ended", {STATIONS}}}\nrules = {{{RULES}}}\n',
        "rides.toml",
        tmp_path,
    )
    assert by_table.station_positions == {"1": (30.5, 104.0)}
