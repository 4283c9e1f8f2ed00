"""Which family a sample is of, which column plays which role, how its times and numbers are written."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Final

from oracle.errors import SourceError
from oracle.families import FAMILIES
from oracle.families.config import PERSON, STAND_IN
from oracle.families.drafting import COORDINATES, GEOHASHES, Hints, Needs, each
from oracle.families.family import Family
from oracle.intake.clocks import Clock
from oracle.intake.fields import Unreadable
from oracle.judging.likely import FORMATS
from oracle.judging.sample import Sample

NULLS: Final = ("NULL", "\\N", "null", "N/A", "NA", "None", "nan", "-")
_ZONE: Final = "UTC"
"""Any will do to tell a format by."""
_LOOKED_AT: Final = 500
_SWAPPED: Final = str.maketrans("md", "dm")
_UNITS: Final = {"seconds": 1.0, "minutes": 60.0, "milliseconds": 0.001}
_NUMBER: Final = re.compile(r"\d{1,3}(,\d{3})+(\.\d+)?|\d+(\.\d+)?", re.ASCII)
_DEGREES: Final = re.compile(r"-?\d{1,3}(\.\d+)?", re.ASCII)
_GEOHASH: Final = re.compile(r"[0-9b-hjkmnp-z]{6,12}", re.IGNORECASE)
_STATIONS: Final[Hints] = {
    "id": each("stationid id stationnumber number stationcode code 站点编号 站点号 编号"),
    "latitude": each("latitude lat stationlatitude 纬度"),
    "longitude": each("longitude lng lon stationlongitude 经度"),
}
"""By which names partners call a station table's columns."""


@dataclass(frozen=True, slots=True)
class Guess:
    """What was told of a sample. columns: role → column; missing: roles, times and values that were not found.

    stations: role → column of the table that says where the stations are, empty where none is needed or given.
    formats: of its times; swapped: its month and day could be the other way round as well; unit: of durations;
    thousands, decimal: how numbers are written; nulls: what stands where there is no value; values: of a swipe's type.
    """

    family: Family
    columns: Mapping[str, str]
    missing: tuple[str, ...]
    formats: tuple[str, ...] = ()
    swapped: bool = False
    unit: str = "seconds"
    thousands: str = ""
    decimal: str = ""
    nulls: tuple[str, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)
    stations: Mapping[str, str] = field(default_factory=dict)
    table: Sample | None = None


def guess(sample: Sample, table: Sample | None = None) -> Guess:
    """The best guess: of the family of which the least is missing. table: the partner's stations.

    Raises SourceError: of each at least half is missing, or the table is none; the text says what.
    """
    nulls = tuple(null for null in NULLS if any(null in sample.texts(column) for column in sample.columns))
    found = {name: _columns(sample, FAMILIES[name], frozenset(nulls)) for name in FAMILIES}
    needs = {name: family.drafting.needs for name, family in FAMILIES.items()}
    unmet = {name: _unmet(needs[name], columns) for name, columns in found.items()}
    best = min(FAMILIES, key=lambda name: (len(unmet[name]) / len(needs[name]), -len(found[name])))
    if 2 * len(unmet[best]) >= len(needs[best]):
        lacks = "; ".join(f"for {name} it lacks {', '.join(_told(unmet[name]))}" for name in FAMILIES)
        shown = ", ".join(map(repr, sample.columns[:20]))
        raise SourceError(
            f"{sample.name}: the names of its columns do not tell what they hold ({shown}): {lacks}. "
            "Begin with the template nearest to it, or the example in docs/feeds.md, and write them into [columns]"
        )
    family, columns, missing = FAMILIES[best], found[best], _told(unmet[best])
    drafting = family.drafting
    stations = _stations(table) if table is not None and needs_table(columns) else {}
    if needs_table(columns) and not stations:
        missing.append("stations")
    timed = [columns[role] for role in columns if role in drafting.times]
    texts = [text for column in timed for text in _some(sample, column, frozenset(nulls))]
    formats = time_formats(texts)
    if not formats:
        missing.append("times.format")
    values = _values(sample, columns, drafting.values)
    missing += sorted(f"values.{role}" for role in family.values - values.keys())
    numeric = [text for role in columns if role in drafting.numbers for text in sample.texts(columns[role])]
    return Guess(
        family,
        columns,
        tuple(missing),
        formats,
        _could_be_swapped(formats, texts),
        _unit(sample, columns, formats),
        "," if any("," in text for text in numeric) else "",
        "." if any("." in text for text in numeric) else "",
        tuple(null for null in nulls if any(null in sample.texts(column) for column in columns.values())),
        values,
        stations,
        table,
    )


# --- columns


def needs_table(columns: Mapping[str, str]) -> bool:
    """Whether the columns say at which stations a trip begins and ends, and nowhere where those are."""
    return "start_station" in columns and not {*COORDINATES, *GEOHASHES} & columns.keys()


def _unmet(needs: Needs, columns: Mapping[str, str]) -> list[tuple[tuple[str, ...], ...]]:
    there = {PERSON if role == STAND_IN else role for role in columns}
    return [need for need in needs if not any(there.issuperset(one) for one in need)]


def _told(unmet: Sequence[tuple[tuple[str, ...], ...]]) -> list[str]:
    """Of each need that is not met the roles that meet it best."""
    return [role for need in unmet for role in need[0]]


def _stations(table: Sample) -> dict[str, str]:
    """role → column of the station table. Raises SourceError: it is none."""
    found: dict[str, str] = {}
    for role, patterns in _STATIONS.items():
        ranked = [(place, one) for one in table.columns if (place := _rank(patterns, one)) is not None]
        if not ranked:
            raise SourceError(f"{table.name} is no station table: no column looks like a station's {role}")
        found[role] = min(ranked)[1]
    return found


def _columns(sample: Sample, family: Family, nulls: frozenset[str]) -> dict[str, str]:
    """Each role's column: by its name, where what it holds is of the role's kind; each column plays one role."""
    ranked = sorted(
        (place, role, column)
        for role, pattern in family.drafting.hints.items()
        if role in family.columns | family.optional | {STAND_IN}
        for column in sample.columns
        if (place := _rank(pattern, column)) is not None and _holds(family, role, _some(sample, column, nulls))
    )
    found: dict[str, str] = {}
    for _, role, column in ranked:
        if role not in found and role not in (STAND_IN, "record_id") and column not in found.values():
            found[role] = column
    for _, role, column in ranked:
        if role == STAND_IN and PERSON not in found and STAND_IN not in found:
            found[role] = column
        if role == "record_id" and role not in found and _unique(sample.texts(column)):
            found[role] = column
    if {*COORDINATES} <= found.keys():
        spare = {*GEOHASHES}
    elif {*GEOHASHES} <= found.keys():
        spare = {*COORDINATES}
    else:  # where it ends is not told without where it begins
        spare = {*COORDINATES, *GEOHASHES}
    return {role: found[role] for role in family.drafting.hints if role in found and role not in spare}


def _rank(patterns: tuple[str, ...], name: str) -> int | None:
    """The place of the first pattern that the name fits, without what partners write now so, now so; None: none."""
    plain = re.sub(r"[\W_]", "", name.lower())
    return next((place for place, pattern in enumerate(patterns) if re.fullmatch(pattern, plain)), None)


def _some(sample: Sample, column: str, nulls: frozenset[str]) -> list[str]:
    return [text for text in sample.texts(column) if text not in nulls]


def _unique(texts: Sequence[str]) -> bool:
    return bool(texts) and len(set(texts)) == len(texts)


def _holds(family: Family, role: str, texts: Sequence[str]) -> bool:
    """Whether most of these texts are of the role's kind. An empty column may be of any."""
    some = texts[:100]
    return 2 * sum(_fits(family, role, text) for text in some) >= len(some)


def _fits(family: Family, role: str, text: str) -> bool:
    if role in family.drafting.times:
        return bool(time_formats([text]))
    if role.endswith(("_latitude", "_longitude")):
        limit = 90 if role.endswith("_latitude") else 180
        return _DEGREES.fullmatch(text) is not None and abs(float(text)) <= limit
    if role.endswith("_geohash"):
        return _GEOHASH.fullmatch(text) is not None
    return role not in family.drafting.numbers or _NUMBER.fullmatch(text) is not None


def _values(sample: Sample, columns: Mapping[str, str], patterns: Mapping[str, str]) -> dict[str, str]:
    """What the type's column says for each role: the commonest text that looks like it."""
    said = Counter(sample.texts(columns["type"])) if "type" in columns else Counter()
    found: dict[str, str] = {}
    for role, pattern in patterns.items():
        for text, _ in said.most_common():
            if re.fullmatch(pattern, text.lower()) and text not in found.values():
                found[role] = text
                break
    return found


# --- times and numbers


def time_formats(texts: Sequence[str]) -> tuple[str, ...]:
    """The format that reads all these texts, or the fewest found that do; none: some can't be read by any."""
    wanted = _spread(texts)
    if not wanted:
        return ()
    reads = {pattern: [text for text in wanted if _reads(pattern, text)] for pattern in ("unix", "unix-ms", *FORMATS)}
    most = 0.95 * len(wanted)  # a sample may hold a few bad times: those are what its rows are refused for
    chosen: list[str] = []
    left = set(wanted)
    while len(wanted) - len(left) < most:
        pattern = max(reads, key=lambda one: len(left.intersection(reads[one])))
        if not left.intersection(reads[pattern]):
            return ()
        chosen.append(pattern)
        left.difference_update(reads[pattern])
    return tuple(chosen)


def _spread(texts: Sequence[str]) -> list[str]:
    """Of all these texts some hundred, from the first to the last: a file is mostly sorted by time."""
    distinct = list(dict.fromkeys(texts))
    return distinct[:: 1 + len(distinct) // _LOOKED_AT]


def _reads(pattern: str, text: str) -> bool:
    digits = len(text) if text.isdigit() else 0
    if pattern in ("unix", "unix-ms") and digits not in ((9, 10) if pattern == "unix" else (12, 13)):
        return False
    if digits and pattern == "iso":
        return False
    try:
        _clock(pattern).read(text, "")
    except Unreadable:
        return False
    return True


_CLOCKS: Final[dict[str, Clock]] = {}


def _clock(pattern: str) -> Clock:
    if pattern not in _CLOCKS:
        _CLOCKS[pattern] = Clock(pattern, _ZONE)
    return _CLOCKS[pattern]


def _could_be_swapped(formats: Sequence[str], texts: Sequence[str]) -> bool:
    wanted = _spread(texts)
    return any(
        not pattern.startswith("%Y") and "%m" in pattern and all(_reads(_swap(pattern), text) for text in wanted)
        for pattern in formats
    )


def _swap(pattern: str) -> str:
    return re.sub("%[md]", lambda found: found[0].translate(_SWAPPED), pattern)


def _unit(sample: Sample, columns: Mapping[str, str], formats: Sequence[str]) -> str:
    """The unit of the durations: that in which they come nearest to the time between start and end."""
    if not {"duration", "start", "end"} <= columns.keys() or not formats:
        return "seconds"
    ratios = []
    for row in sample.rows:
        try:
            start, end = (_instant(formats, row[columns[role]]) for role in ("start", "end"))
            length = float(row[columns["duration"]].replace(",", ""))
        except (Unreadable, ValueError, KeyError):
            continue
        if end > start and length > 0:
            ratios.append((end - start) / length)
    if not ratios:
        return "seconds"
    typical = median(ratios)
    return min(_UNITS, key=lambda unit: abs(_UNITS[unit] / typical - 1) + abs(typical / _UNITS[unit] - 1))


def _instant(formats: Sequence[str], text: str) -> int:
    for pattern in formats:
        if _reads(pattern, text.strip()):
            return _clock(pattern).read(text, "")
    raise Unreadable(text)
