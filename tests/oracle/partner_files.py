"""Made-up partner files, with every kind of row that a feed must cope with. Seeded: the same every time."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

TRIP_HEADER = [
    "tripduration",
    "starttime",
    "stoptime",
    "start station id",
    "start station latitude",
    "start station longitude",
    "end station id",
    "end station latitude",
    "end station longitude",
    "bikeid",
]
DAY = datetime(2025, 5, 1)


def trip(
    seconds: int = 900, start: datetime = DAY, bike: str = "b1", there: float = 0.01, station: str = "2"
) -> list[str]:
    """A row of a bike-share file; `there`: degrees of latitude between the stations."""
    stop = start + timedelta(seconds=seconds)
    times = [f"{t.month}/{t.day}/{t:%y} {t.hour}:{t:%M}" for t in (start, stop)]
    return [str(seconds), *times, "1", "30.5", "104.0", station, f"{30.5 + there:.6f}", "104.0", bike]


def write_trips(path: Path, rows: list[list[str]], more: Sequence[str] = ()) -> Path:
    """A bike-share file of these rows; `more`: columns that they have besides."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([[*TRIP_HEADER, *more], *rows])
    return path


def trips(path: Path, count: int, seed: int = 1) -> Path:
    """A file of `count` trips of `count`/10 bikes: some bad in every way, some twice, some overlapping."""
    luck = random.Random(seed)
    rows: list[list[str]] = []
    for _ in range(count):
        start = DAY + timedelta(minutes=luck.randrange(60 * 24 * 20))
        row = trip(luck.choice([900, 1200, 2700]), start, f"b{luck.randrange(max(1, count // 10))}")
        fault = luck.randrange(40)
        if fault == 0:
            row = trip(90_000, start)
        elif fault == 1:
            row = trip(60, start)
        elif fault == 2:
            row = trip(900, start, station="1")
        elif fault == 3:
            row = trip(130, start, there=0.05)
        elif fault == 4:
            row[1] = "13/45/25 99:00"
        elif fault == 5:
            row = row[:4]
        elif fault == 6 and rows:
            row = luck.choice(rows)
        elif fault == 7:
            row[9] = "never-passes"
            row[0] = "1"
        rows.append(row)
    return write_trips(path, rows)


def swipe(at: datetime, card: str, kind: str, station: str = "") -> dict[str, str]:
    """An element of a transit operator's page."""
    texts = {"entry": "地铁入站", "exit": "地铁出站", "ride": "巴士"}
    row = {"deal_date": f"{at:%Y-%m-%d %H:%M:%S}", "card_no": card, "deal_type": texts[kind]}
    return row | ({"station": station} if station else {})


def swipes(path: Path, count: int, seed: int = 1) -> Path:
    """A page of `count` swipes of `count`/10 cards: rides, trips, lonely entries and exits, same stations."""
    luck = random.Random(seed)
    rows = []
    for _ in range(count):
        at = DAY + timedelta(seconds=luck.randrange(86_400 * 10))
        kind = luck.choice(["entry", "exit", "ride"])
        rows.append(swipe(at, f"c{luck.randrange(max(1, count // 10))}", kind, luck.choice(["红山", "龙华", ""])))
    path.write_text(json.dumps({"total": count, "data": rows}, ensure_ascii=False), encoding="utf-8")
    return path
