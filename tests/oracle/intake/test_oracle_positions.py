"""GCJ-02 and geohashes: held by published values, and by ways of working them out that the oracle does not use."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle.families.trips import Trip, metres
from oracle.intake.fields import Unreadable
from oracle.intake.positions import Position, gcj02, geohash, wgs84

sys.path.append(str(Path(__file__).parents[2] / "acceptance"))
from independent_counts import vincenty_metres

# WGS84 → GCJ-02, from the tests of github.com/googollee/eviltransform: Shanghai, Shenzhen, Beijing.
PUBLISHED = [
    ((31.1774276, 121.5272106), (31.17530398364597, 121.531541859215)),
    ((22.543847, 113.912316), (22.540796131694766, 113.9171764808363)),
    ((39.911954, 116.377817), (39.91334545536069, 116.38404722455657)),
]


@pytest.mark.parametrize(("earth", "mars"), PUBLISHED)
def test_gcj02_is_what_is_published(earth: tuple[float, float], mars: tuple[float, float]) -> None:
    # Theirs is on an axis of 6,378,137 m, ours on Krasovsky's: a few millimetres apart.
    assert gcj02(Position(*earth)) == pytest.approx(mars, abs=2e-7)
    assert wgs84(*mars, "lat") == pytest.approx(earth, abs=2e-7)


@given(st.floats(18.2, 53.5), st.floats(73.7, 135.0))
def test_wgs84_is_what_is_shifted_there(latitude: float, longitude: float) -> None:
    found = wgs84(latitude, longitude, "lat")
    assert gcj02(found) == pytest.approx((latitude, longitude), abs=1e-8)
    assert 0 < abs(found.latitude - latitude) + abs(found.longitude - longitude) < 0.02


@pytest.mark.parametrize("place", [(121.348, 31.389), (31.389, 31.388), (-31.0, 121.0), (40.7, -74.0)])
def test_where_gcj02_is_not_used(place: tuple[float, float]) -> None:
    with pytest.raises(Unreadable, match="outside the area that GCJ-02"):
        wgs84(*place, "lat")


def bisected(latitude: float, longitude: float) -> Position:
    """The WGS84 position, by halving the box in which it must lie, one axis after the other."""
    low, high = [latitude - 0.02, longitude - 0.02], [latitude + 0.02, longitude + 0.02]
    for _ in range(60):
        for axis, wanted in ((0, latitude), (1, longitude)):
            middle = Position(*((a + b) / 2 for a, b in zip(low, high, strict=True)))
            side = low if gcj02(middle)[axis] < wanted else high
            side[axis] = middle[axis]
        if max(b - a for a, b in zip(low, high, strict=True)) < 1e-12:
            break
        # The axes depend on each other a little: leave room around the box.
        low, high = ([v + sign * 1e-13 for v in side] for side, sign in ((low, -1), (high, 1)))
    return Position(*low)


def halved(text: str) -> Position:
    """The cell's centre, by halving the world letter by letter as its inventor describes it."""
    box = [[-180.0, 180.0], [-90.0, 90.0]]
    turn = 0
    for letter in text:
        value = "0123456789bcdefghjkmnpqrstuvwxyz".index(letter)
        for bit in (16, 8, 4, 2, 1):
            axis = box[turn % 2]
            axis[0 if value & bit else 1] = sum(axis) / 2
            turn += 1
    return Position(sum(box[1]) / 2, sum(box[0]) / 2)


def apart(one: Position, other: Position) -> int:
    trip = Trip("p", 0, 900, 900, "", "", *one, *other)
    return metres([trip])[0]


def test_the_distances_of_the_schemas_by_another_way() -> None:
    """The rows of mobike-shanghai-2016.csv and mobike-beijing-2017.csv of which the shared file gives but a range."""
    shanghai = ((31.389, 121.348), (31.388, 121.357))
    by_halves = [bisected(*place) for place in shanghai]
    found = [wgs84(*place, "lat") for place in shanghai]
    for ours, theirs in zip(found, by_halves, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-7)
    assert apart(*found) == vincenty_metres(*by_halves[0], *by_halves[1]) == 861
    cells = ("wx4snhx", "wx4snhj")
    assert [geohash(cell, "cell") for cell in cells] == [halved(cell) for cell in cells]
    assert apart(*(geohash(cell, "cell") for cell in cells)) == 384
    assert vincenty_metres(*halved(cells[0]), *halved(cells[1])) == 384


@given(st.text("0123456789bcdefghjkmnpqrstuvwxyz", min_size=6, max_size=12))
def test_a_geohash_is_its_cells_centre(text: str) -> None:
    assert geohash(f" {text.upper()} ", "cell") == halved(text)


def test_a_published_geohash() -> None:
    assert geohash("ezs42e44yx96", "cell") == pytest.approx((42.6, -5.6), abs=1e-6)
    assert geohash("u4pruydqqvj8", "cell") == pytest.approx((57.64911, 10.40744), abs=1e-5)


@pytest.mark.parametrize("text", ["", "wx4sn", "wx4snhxwx4snh", "wx4dr5a", "wx4dr5i", "wx4 r59", "wx4drс9"])
def test_no_geohash(text: str) -> None:
    with pytest.raises(Unreadable, match="geohash"):
        geohash(text, "cell")
