"""Where something is, as partners write it, in degrees of WGS84: latitude, longitude.

GCJ-02, the system of maps and phones in mainland China, is WGS84 shifted by some hundred metres. Its formula is not
published; what everybody computes by goes back to a listing of 2010 (EMQ's `Converter.java`; Krasovsky's ellipsoid of
1940) and is that of github.com/googollee/eviltransform, whose test values hold ours. A geohash is Niemeyer's of 2008.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from oracle.intake.fields import Unreadable, shown


class Position(NamedTuple):
    """Degrees, WGS84."""

    latitude: float
    longitude: float


_AXIS: Final = 6378245.0
"""Krasovsky 1940, in metres."""
_ECCENTRICITY_SQUARED: Final = 0.00669342162296594323
_SOUTH, _NORTH, _WEST, _EAST = 0.8293, 55.8271, 72.004, 137.8347
"""Outside of this box nothing is shifted."""
_CLOSE: Final = 1e-9
"""Degrees; a tenth of a millimetre."""
_ROUNDS: Final = 30

_BASE32: Final = {letter: value for value, letter in enumerate("0123456789bcdefghjkmnpqrstuvwxyz")}
SHORTEST_GEOHASH: Final = 6
"""Letters; a shorter one is a cell of 4.9 km and tells no distance."""
LONGEST_GEOHASH: Final = 12


def wgs84(latitude: float, longitude: float, name: str) -> Position:
    """The position that GCJ-02 calls so: within a millimetre of what the forward formula shifts there.

    Raises Unreadable: outside the area in which GCJ-02 is used (axes swapped, say).
    """
    if not (_SOUTH <= latitude <= _NORTH and _WEST <= longitude <= _EAST):
        raise Unreadable(f"{name}: {latitude}, {longitude} is outside the area that GCJ-02 is used in")
    found = Position(latitude, longitude)
    for _ in range(_ROUNDS):
        there = gcj02(found)
        off = Position(there.latitude - latitude, there.longitude - longitude)
        found = Position(found.latitude - off.latitude, found.longitude - off.longitude)
        if max(abs(off.latitude), abs(off.longitude)) < _CLOSE:
            break
    return found


def gcj02(position: Position) -> Position:
    """What GCJ-02 calls this position."""
    x, y = position.longitude - 105.0, position.latitude - 35.0
    common = 20.0 * math.sin(6.0 * x * math.pi) + 20.0 * math.sin(2.0 * x * math.pi)
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * math.sqrt(abs(x))
    north += (common + _waves(y, (20.0, 1.0), (40.0, 3.0), (160.0, 12.0), (320.0, 30.0))) * 2.0 / 3.0
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * math.sqrt(abs(x))
    east += (common + _waves(x, (20.0, 1.0), (40.0, 3.0), (150.0, 12.0), (300.0, 30.0))) * 2.0 / 3.0
    angle = math.radians(position.latitude)
    root = math.sqrt(1 - _ECCENTRICITY_SQUARED * math.sin(angle) ** 2)
    metres_north = _AXIS * (1 - _ECCENTRICITY_SQUARED) / root**3
    metres_east = _AXIS / root * math.cos(angle)
    return Position(
        position.latitude + math.degrees(north / metres_north), position.longitude + math.degrees(east / metres_east)
    )


def _waves(at: float, *waves: tuple[float, float]) -> float:
    return sum(height * math.sin(at / length * math.pi) for height, length in waves)


def geohash(text: str, name: str) -> Position:
    """The centre of the cell: 6 letters are 1.2 km × 0.6 km at the equator, 7 are 153 m × 153 m, 8 are 38 m × 19 m.

    Raises Unreadable: no geohash of 6 to 12 letters.
    """
    text = text.strip().lower()
    if not text:
        raise Unreadable(f"{name} is empty: it should hold a geohash")
    if not SHORTEST_GEOHASH <= len(text) <= LONGEST_GEOHASH:
        raise Unreadable(f"{name}: {shown(text)} is no geohash of {SHORTEST_GEOHASH} to {LONGEST_GEOHASH} letters")
    number = 0
    for letter in text:
        value = _BASE32.get(letter)
        if value is None:
            raise Unreadable(f"{name}: {shown(text)} is no geohash: {letter!r} is none of its letters")
        number = number << 5 | value
    bits = f"{number:0{5 * len(text)}b}"
    return Position(_middle(bits[1::2], 90.0), _middle(bits[::2], 180.0))


def _middle(bits: str, limit: float) -> float:
    return ((2 * int(bits, 2) + 1) / (1 << len(bits)) - 1) * limit
