"""What the real files must give, worked out without one line of the oracle's code.

A plain script over the standard library, written before the oracle: it reads the shared real files with the design's
rules and prints the table that the oracle and the chain must then agree with. The geodesic is Vincenty's inverse
formula (1975) here, pyproj's (Karney) in the oracle, so even the distance has two sources.

    python tests/acceptance/independent_counts.py [DATA_FOLDER]

Each file counts as if taken in a fresh home; `citibike-both` takes January and then March in one.
"""

from __future__ import annotations

import csv
import json
import math
import os
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

SHANGHAI = 8 * 3600
SLOT = 480
TRAVEL_CAPS = (10_000_000, 1_000_000)
WALK_CAPS = (2_000_000, 200_000)


class Expected(NamedTuple):
    """One line of the table; amounts in mg CO2e and thousandths of a point."""

    rows: int
    accepted: int
    refused: dict[str, int]
    accounts: int
    activity: int
    credits_mg: int
    millipoints: int


def data_folder() -> Path:
    """The shared real files: `LUYA_REAL_DATA`, else `../shared/data` beside the checkout."""
    default = Path(__file__).resolve().parents[2].parent / "shared" / "data"
    return Path(os.environ.get("LUYA_REAL_DATA", default))


def vincenty_metres(lat1: float, lon1: float, lat2: float, lon2: float) -> int:
    """Whole metres on the WGS84 ellipsoid, floored (Vincenty 1975, inverse)."""
    if (lat1, lon1) == (lat2, lon2):
        return 0
    a, f = 6378137.0, 1 / 298.257223563
    b = (1 - f) * a
    u1, u2 = (math.atan((1 - f) * math.tan(math.radians(lat))) for lat in (lat1, lat2))
    sin_u1, cos_u1, sin_u2, cos_u2 = math.sin(u1), math.cos(u1), math.sin(u2), math.cos(u2)
    difference = lam = math.radians(lon2 - lon1)
    for _ in range(200):
        sin_s = math.hypot(cos_u2 * math.sin(lam), cos_u1 * sin_u2 - sin_u1 * cos_u2 * math.cos(lam))
        cos_s = sin_u1 * sin_u2 + cos_u1 * cos_u2 * math.cos(lam)
        sigma = math.atan2(sin_s, cos_s)
        sin_alpha = cos_u1 * cos_u2 * math.sin(lam) / sin_s
        cos2_alpha = 1 - sin_alpha**2
        cos_2m = cos_s - 2 * sin_u1 * sin_u2 / cos2_alpha if cos2_alpha else 0.0
        c = f / 16 * cos2_alpha * (4 + f * (4 - 3 * cos2_alpha))
        last = lam
        lam = difference + (1 - c) * f * sin_alpha * (sigma + c * sin_s * (cos_2m + c * cos_s * (2 * cos_2m**2 - 1)))
        if abs(lam - last) < 1e-14:
            break
    uu = cos2_alpha * (a * a - b * b) / (b * b)
    big_a = 1 + uu / 16384 * (4096 + uu * (-768 + uu * (320 - 175 * uu)))
    big_b = uu / 1024 * (256 + uu * (-128 + uu * (74 - 47 * uu)))
    delta = (
        big_b
        * sin_s
        * (
            cos_2m
            + big_b / 4 * (cos_s * (2 * cos_2m**2 - 1) - big_b / 6 * cos_2m * (4 * sin_s**2 - 3) * (4 * cos_2m**2 - 3))
        )
    )
    return math.floor(b * big_a * (sigma - delta))


def local_seconds(text: str, pattern: str) -> int:
    """Seconds since 1970-01-01 00:00 on a Shanghai wall clock (the zone has had no daylight saving since 1991)."""
    return int(datetime.strptime(text, pattern).replace(tzinfo=UTC).timestamp())


def slots(start: int, end: int) -> tuple[int, set[int]]:
    """(local day, slots of which the action covers ≥ 240 s; else the one of its midpoint); after midnight left out."""
    day = start // 86400
    end = min(end, (day + 1) * 86400)
    covered = {
        slot
        for slot in range(180)
        if min(end, day * 86400 + (slot + 1) * SLOT) - max(start, day * 86400 + slot * SLOT) >= SLOT // 2
    }
    return day, covered or {((start + end) // 2 - day * 86400) // SLOT}


class Words:
    """Per person: day → slots and amounts claimed in one group. A ring of 64 days, as the chain keeps it."""

    def __init__(self, caps: tuple[int, int]) -> None:
        self.caps = caps
        self.words: dict[tuple[str, int], tuple[int, set[int], int, int]] = {}

    def claim(self, person: str, day: int, claimed: set[int], credits_mg: int, points: int) -> str | None:
        held_day, held, held_credits, held_points = self.words.get((person, day % 64), (0, set(), 0, 0))
        if held_day > day:
            return "too-late"
        if held_day < day:
            held, held_credits, held_points = set(), 0, 0
        if held & claimed:
            return "overlap"
        if held_credits + credits_mg > self.caps[0] or held_points + points > self.caps[1]:
            return "over-cap"
        self.words[person, day % 64] = (day, held | claimed, held_credits + credits_mg, held_points + points)
        return None


class Count:
    """Collects one file's outcome."""

    def __init__(self) -> None:
        self.refused: Counter[str] = Counter()
        self.rows = self.accepted = self.activity = self.credits_mg = self.millipoints = 0
        self.people: set[str] = set()

    def earn(self, rows: int, activity: int, credits_mg: int, points: int) -> None:
        self.accepted += rows
        self.activity += activity
        self.credits_mg += credits_mg
        self.millipoints += points

    def expected(self) -> Expected:
        return Expected(
            self.rows,
            self.accepted,
            dict(sorted(self.refused.items())),
            len(self.people),
            self.activity,
            self.credits_mg,
            self.millipoints,
        )


def bike_share(path: Path, words: Words) -> tuple[Count, set[str]]:
    """Citi Bike's trips → pca/cycling (48 mg and 4.8 millipoints a metre)."""
    count = Count()
    with path.open(encoding="utf-8-sig", newline="") as file:
        trips = list(csv.DictReader(file))
    assert len({tuple(trip.items()) for trip in trips}) == len(trips), "no row twice, so none is already known"
    times = [
        (local_seconds(t["starttime"], "%m/%d/%y %H:%M"), local_seconds(t["stoptime"], "%m/%d/%y %H:%M")) for t in trips
    ]
    for number in sorted(range(len(trips)), key=lambda n: (times[n][0], n)):
        trip, (start, stop) = trips[number], times[number]
        duration = int(trip["tripduration"])
        count.rows += 1
        metres = vincenty_metres(
            *(float(trip[f"{end} station {axis}"]) for end in ("start", "end") for axis in ("latitude", "longitude"))
        )
        day, claimed = slots(start, stop)
        rule = None
        if duration > 6 * 3600:
            rule = "too-long"
        elif duration < 120:
            rule = "too-short"
        elif trip["start station id"] == trip["end station id"]:
            rule = "same-station"
        elif metres * 3600 > 35_000 * duration:
            rule = "too-fast"
        elif metres == 0:
            rule = "zero-activity"
        elif metres > 50_000:
            rule = "over-bound"
        elif metres > 4_700 * (len(claimed) + 1):
            rule = "over-slot-bound"
        if rule is None:
            count.people.add(trip["bikeid"])
            rule = words.claim(trip["bikeid"], day, claimed, metres * 48, metres * 48 // 10)
        if rule is None:
            count.earn(1, metres, metres * 48, metres * 48 // 10)
        else:
            count.refused[rule] += 1
    return count, count.people


def daily_steps(path: Path) -> Count:
    """Steps a day → luzhou/walking (8.2 g and 1 point per 500 steps)."""
    count, words = Count(), Words(WALK_CAPS)
    with path.open(encoding="utf-8-sig", newline="") as file:
        days = [(local_seconds(row["Date"], "%m/%d/%y") // 86400, row) for row in csv.DictReader(file)]
    for day, row in sorted(days, key=lambda pair: pair[0]):
        count.rows += 1
        steps = int(row["StepTotal"])
        credits_mg, points = steps * 8200 // 500, steps * 1000 // 500
        rule = "zero-activity" if steps == 0 else "over-bound" if steps > 50_000 else None
        if rule is None:
            count.people.add(row["Id"])
            rule = words.claim(row["Id"], day, set(range(180)), credits_mg, points)
        if rule is None:
            count.earn(1, steps, credits_mg, points)
        else:
            count.refused[rule] += 1
    return count


def transit_card(path: Path) -> Count:
    """Swipes → luzhou/bus (80 g, 10 points a ride) and reference/metro-trip (46 g, 4.6 points a trip)."""
    count, words = Count(), Words(TRAVEL_CAPS)
    swipes = [
        (local_seconds(s["deal_date"], "%Y-%m-%d %H:%M:%S"), s)
        for s in json.loads(path.read_text(encoding="utf-8"))["data"]
    ]
    swipes.sort(key=lambda pair: pair[0])
    count.rows = len(swipes)
    inside: dict[str, tuple[int, dict[str, str]]] = {}
    for at, swipe in swipes:
        card = swipe["card_no"]
        if swipe["deal_type"] == "巴士":
            count.people.add(card)
            day, claimed = slots(at, at + 15 * 60)
            rule = words.claim(card, day, claimed, 80_000, 10_000)
            if rule is None:
                count.earn(1, 1, 80_000, 10_000)
            else:
                count.refused[rule] += 1
        elif swipe["deal_type"] == "地铁入站":
            if card in inside:
                count.refused["entry-without-exit"] += 1
            inside[card] = (at, swipe)
        elif card not in inside:
            count.refused["exit-without-entry"] += 1
        else:
            entered, entry = inside.pop(card)
            if entry.get("station") == swipe.get("station"):
                count.refused["same-station"] += 2
                continue
            count.people.add(card)
            day, claimed = slots(entered, at)
            rule = words.claim(card, day, claimed, 46_000, 4_600)
            if rule is None:
                count.earn(2, 1, 46_000, 4_600)
            else:
                count.refused[rule] += 2
    count.refused["entry-without-exit"] += len(inside)
    return count


def table(folder: Path) -> dict[str, Expected]:
    """Every line of the table by name."""
    january, march = (folder / "citibike" / f"JC-2017{month}-citibike-tripdata.csv" for month in ("01", "03"))
    together = Words(TRAVEL_CAPS)
    first, people_first = bike_share(january, together)
    second, people_second = bike_share(march, together)
    both = Expected(
        first.rows + second.rows,
        first.accepted + second.accepted,
        dict(sorted((first.refused + second.refused).items())),
        len(people_first | people_second),
        first.activity + second.activity,
        first.credits_mg + second.credits_mg,
        first.millipoints + second.millipoints,
    )
    return {
        "citibike-01": bike_share(january, Words(TRAVEL_CAPS))[0].expected(),
        "citibike-03": bike_share(march, Words(TRAVEL_CAPS))[0].expected(),
        "citibike-both": both,
        "fitbit": daily_steps(folder / "fitbit" / "dailySteps_merged.csv").expected(),
        "szt": transit_card(folder / "szt" / "page1x100.json").expected(),
    }


if __name__ == "__main__":
    for name, line in table(Path(sys.argv[1]) if len(sys.argv) > 1 else data_folder()).items():
        print(f"{name}: {json.dumps(line._asdict())}")
