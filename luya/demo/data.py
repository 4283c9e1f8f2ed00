"""Realistic partner files for the demo and the benchmark: most rows good, a few bad in ways that partners' rows are.

The files have the columns of the three trial feeds. What is written depends on the seed and the last day alone.
"""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

# Made-up docking stations around Luzhou's centre: (id, name, latitude, longitude in degrees).
_STATIONS: tuple[tuple[str, str, str, str], ...] = (
    ("501", "白塔广场", "28.8921", "105.4432"),
    ("502", "忠山公园", "28.8893", "105.4286"),
    ("503", "沱江二桥", "28.9012", "105.4391"),
    ("504", "城西客运站", "28.8817", "105.4102"),
    ("505", "滨江路", "28.8846", "105.4519"),
    ("506", "龙马潭公园", "28.9134", "105.4412"),
    ("507", "酒城大道", "28.8722", "105.4198"),
    ("508", "学士山", "28.9057", "105.4573"),
)
_BUS_LINES = ("101路", "207路", "224路", "旅游1号线")
_METRO = ("罗湖", "国贸", "老街", "大剧院", "科学馆", "华强路")
_TRIP_COLUMNS = [
    *("tripduration", "starttime", "stoptime"),
    *("start station id", "start station name", "start station latitude", "start station longitude"),
    *("end station id", "end station name", "end station latitude", "end station longitude"),
    *("bikeid", "usertype", "birth year", "gender"),
]


@dataclass(frozen=True, slots=True)
class PartnerFiles:
    """One file for each trial feed. `rows` counts the data rows by feed name."""

    files: dict[str, Path]
    rows: dict[str, int]


def write_partner_files(folder: Path, *, records: int, last_day: date, seed: int = 1) -> PartnerFiles:
    """Writes about `records` rows over the three trial feeds into `folder`; days end at `last_day`.

    Another seed gives other people, so that two runs on one ledger do not claim the same slots.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(seed)  # noqa: S311 - sample data, not secrets
    share = {"bike-share": records * 6 // 10, "daily-steps": records * 3 // 10}
    share["transit-card"] = max(records - sum(share.values()), 4)
    files = {
        "bike-share": folder / "bike-share.csv",
        "daily-steps": folder / "daily-steps.csv",
        "transit-card": folder / "transit-card.json",
    }
    _write_csv(files["bike-share"], _TRIP_COLUMNS, _trips(rng, f"{seed}-", share["bike-share"], last_day))
    _write_csv(
        files["daily-steps"], ["Id", "Date", "StepTotal"], _steps(rng, f"{seed}-", share["daily-steps"], last_day)
    )
    swipes = list(_swipes(rng, f"{seed}-", share["transit-card"], last_day))
    text = json.dumps({"total": len(swipes), "data": swipes}, ensure_ascii=False)
    files["transit-card"].write_text(text, encoding="utf-8")
    return PartnerFiles(files, share | {"transit-card": len(swipes)})


def write_trips(
    path: Path, *, start: int, rows: int, riders: int, last_day: date, hour: int = 17, seed: int = 1
) -> None:
    """Writes `rows` more bike trips, one a rider and day, beginning with trip `start` of an endless list.

    With the seed of `write_partner_files` they are by the same riders; its own begin at 7, so at 17 nothing collides.
    """
    rng = random.Random(seed + start)  # noqa: S311 - sample data, not secrets
    trips = (
        _trip(rng, f"{seed}-", n % riders, last_day - timedelta(days=n // riders), hour)
        for n in range(start, start + rows)
    )
    _write_csv(path, _TRIP_COLUMNS, trips)


def _write_csv(path: Path, header: list[str], rows: Iterator[list[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(header)
        writer.writerows(rows)


def _when(moment: datetime) -> str:
    return f"{moment.month}/{moment.day}/{moment:%y} {moment.hour}:{moment.minute:02d}"


def _trips(rng: random.Random, prefix: str, count: int, last_day: date) -> Iterator[list[str]]:
    """A rider takes one trip a day, so that nothing collides but what is meant to: 1 row in 25 is bad."""
    riders = riders_of(count)
    for n in range(count):
        rider, back = n % riders, n // riders
        yield _trip(rng, prefix, rider, last_day - timedelta(days=back % 60), 7 if back < 60 else 17)


def riders_of(trips: int) -> int:
    """How many riders share so many morning trips."""
    return max(trips // 12, 6)


def _trip(rng: random.Random, prefix: str, rider: int, day: date, hour: int) -> list[str]:
    start = datetime.combine(day, datetime.min.time()) + timedelta(hours=hour, minutes=rng.randrange(0, 120))
    origin, target = rng.sample(_STATIONS, 2)
    seconds = rng.randrange(900, 2400)
    spoilt = rng.randrange(100)
    if spoilt == 0:
        target = origin
    elif spoilt == 1:
        seconds = rng.randrange(20, 110)
    elif spoilt == 2:
        seconds = rng.randrange(22_000, 90_000)
    trip = [str(seconds), _when(start), _when(start + timedelta(seconds=seconds)), *origin, *target]
    trip += [f"{prefix}{30_000 + rider}", "Subscriber", str(1960 + rider % 45), str(rider % 3)]
    if spoilt == 3:
        trip[1] = "yesterday"
    return trip


def _steps(rng: random.Random, prefix: str, count: int, last_day: date) -> Iterator[list[str]]:
    walkers = max(count // 20, 3)
    for n in range(count):
        walker, back = n % walkers, n // walkers
        day = last_day - timedelta(days=back)
        steps = 0 if rng.randrange(30) == 0 else rng.randrange(1_500, 19_000)
        if rng.randrange(400) == 0:
            steps = 88_888
        yield [f"{prefix}{7_000_000 + walker}", f"{day.month}/{day.day}/{day:%y}", str(steps)]


def _swipes(rng: random.Random, prefix: str, count: int, last_day: date) -> Iterator[dict[str, str]]:
    cards = max(count // 6, 2)
    made = 0
    while made < count:
        back, card = divmod(made, cards)
        day = datetime.combine(last_day - timedelta(days=back % 60), datetime.min.time())
        moment = day + timedelta(hours=8 + back // 60 * 3, minutes=rng.randrange(0, 90))
        kind = rng.randrange(10)
        name = f"LZ{prefix}{card:07d}"
        if kind < 6:
            yield _swipe(moment, name, "巴士", rng.choice(_BUS_LINES), "")
            made += 1
        elif kind < 9:
            entry, leave = rng.sample(_METRO, 2)
            yield _swipe(moment, name, "地铁入站", "地铁一号线", entry)
            yield _swipe(moment + timedelta(minutes=rng.randrange(12, 50)), name, "地铁出站", "地铁一号线", leave)
            made += 2
        else:
            yield _swipe(moment, name, "地铁入站", "地铁一号线", rng.choice(_METRO))
            made += 1


def _swipe(moment: datetime, card: str, kind: str, company: str, station: str) -> dict[str, str]:
    return {
        "deal_date": f"{moment:%Y-%m-%d %H:%M:%S}",
        "close_date": f"{moment:%Y-%m-%d} 00:00:00",
        "card_no": card,
        "deal_value": "200",
        "deal_type": kind,
        "company_name": company,
        "car_no": "IGT-101",
        "station": station,
        "conn_mark": "0",
        "deal_money": "190",
        "equ_no": "263032101",
    }
