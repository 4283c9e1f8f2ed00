"""One feed's configuration, frozen: what its TOML file says (`oracle.feeds` reads it), by its family (`families.fit`).

Every key, with its bounds: docs/feeds.md.

id, name, kind, trial, time_zone     the feed; kind is trips, steps or transit
[organisation] id, name              the partner that answers for it
[source] format, encoding, nulls, …  csv | json | jsonl; path = keys to the JSON array, joined by dots
[columns] role = "header"            which column plays which role
[styles.NAME] role = "header"        the same for files whose header is another one
[times] format, duration_unit        strptime pattern(s) of local times, or unix, unix-ms, iso
[numbers] thousands, decimal         how numbers are written
[positions] system, distance_unit    coordinates in WGS84 or GCJ-02; the partner's own distance in m or km
[stations] file, id, latitude, …     a table beside the TOML that says where each station is
[methods] use = [id, …]              methodology versions per use; the one in force on the day is taken
[rules] name = integer               the family's parameters
[values] role = "text"               transit: what the type column says for entry, exit and ride
[registration] …                     what the feed's administrator registers: late days and daily caps
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import ConfigDict

from chain_node.protocol.attestation import config_digest
from oracle.intake.positions import Position

MAX_FIELD_BYTES: Final = 131_072
"""The csv module's own limit, which is a setting of the whole process."""
TRIAL_LATE_DAYS: Final = 65_535
PERSON: Final = "person"
RECORD_ID: Final = "record_id"
STAND_IN: Final = "stand_in"
"""The role of a column that stands in for a person in a trial: a bike, or the trip itself."""


@dataclass(frozen=True, slots=True)
class PartnerOrganisation:
    """The partner that answers for the feed; `name` is what its description on the chain is the hash of."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True)
    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Source:
    """How the partner's files are written. nulls: what they write where there is no value, besides nothing."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True)
    format: Literal["csv", "json", "jsonl"]
    encoding: Literal["utf-8", "gb18030"] = "utf-8"
    delimiter: str = ","
    path: str = ""
    nulls: tuple[str, ...] = ()
    max_field_bytes: int = MAX_FIELD_BYTES


@dataclass(frozen=True, slots=True)
class Times:
    """How an instant is written: strptime patterns, `unix`, `unix-ms` or `iso`; one, or several of which each fits."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True)
    format: str | tuple[str, ...]
    duration_unit: Literal["seconds", "minutes", "milliseconds"] = "seconds"

    @property
    def formats(self) -> tuple[str, ...]:
        """All of them, in their order."""
        return (self.format,) if isinstance(self.format, str) else self.format


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """How a number is written. thousands: what parts groups of three digits; decimal: what begins a fraction."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True)
    thousands: Literal["", ",", ".", " ", "'"] = ""
    decimal: Literal["", ".", ","] = ""


@dataclass(frozen=True, slots=True)
class PositionFormat:
    """How a position and a distance are written. system: of coordinates, geohashes and the station table alike."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True)
    system: Literal["wgs84", "gcj02"] = "wgs84"
    distance_unit: Literal["m", "km"] = "m"


@dataclass(frozen=True, slots=True)
class StationTable:
    """A CSV file beside the feed's TOML, one line a station. file: its name; the others: its columns."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True)
    file: str
    id: str
    latitude: str
    longitude: str
    encoding: Literal["utf-8", "gb18030"] = "utf-8"
    delimiter: str = ","


@dataclass(frozen=True, slots=True)
class Registration:
    """What is registered for the feed on the ledger: late days, and caps per block's day over all its accounts."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True)
    credits_cap_mg: int
    millipoints_cap: int
    late_days: int = 63


@dataclass(frozen=True)
class FeedConfig:
    """One feed. `settings` is the TOML as it was read: what the config digest commits to.

    columns: role → header of the first header style; styles: the others, each with all its roles. station_positions:
    what the station table says, read with the TOML; its SHA-256 is among the settings.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True)
    id: int
    name: str
    kind: str
    time_zone: str
    organisation: PartnerOrganisation
    source: Source
    columns: dict[str, str]
    times: Times
    methods: dict[str, list[int]]
    registration: Registration
    trial: bool = False
    styles: dict[str, dict[str, str]] = field(default_factory=dict)
    numbers: NumberFormat = NumberFormat()
    positions: PositionFormat = PositionFormat()
    stations: StationTable | None = None
    rules: dict[str, int] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    station_positions: dict[str, Position] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}", self.name):
            raise ValueError("name is made of lower-case letters, digits and hyphens, 63 at most")
        if not 1 <= self.id <= 0xFFFF or not 1 <= self.organisation.id <= 0xFFFF:
            raise ValueError("the ids of feed and organisation lie between 1 and 65535")
        if any(not ids for ids in self.methods.values()):
            raise ValueError("[methods] names at least one method for every use")
        if not 0 <= self.late_days <= 63 and not self.trial:
            raise ValueError("registration.late_days lies between 0 and 63 (only a trial feed has no limit)")
        if not 1 <= self.source.max_field_bytes <= MAX_FIELD_BYTES:
            raise ValueError(f"source.max_field_bytes lies between 1 and {MAX_FIELD_BYTES}")
        for table in (self.source, self.stations):
            if table is not None and (len(table.delimiter) != 1 or table.delimiter in '"\r\n'):
                raise ValueError("a delimiter is one character, and no quote or line end")
        if self.stations is not None and Path(self.stations.file).name != self.stations.file:
            raise ValueError("stations.file is the name of a file beside the TOML, without a folder")
        if self.stations is not None and self.stations.file.lower().endswith(".toml"):
            raise ValueError("stations.file is a CSV file: kept in the home under .toml, it would replace a feed")
        if not self.times.formats:
            raise ValueError("times.format names at least one format")
        if self.numbers.decimal and self.numbers.decimal == self.numbers.thousands:
            raise ValueError("numbers.thousands and numbers.decimal are not the same sign")
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"time_zone {self.time_zone!r} is not in the time zone database") from None

    @property
    def header_styles(self) -> tuple[Mapping[str, str], ...]:
        """role → header, for each kind of header that the feed's files have."""
        return (self.columns, *self.styles.values())

    @property
    def person_columns(self) -> str:
        """The column that says whose a row is, as a report names it; of several styles all of them."""
        found = [style.get(PERSON) or style[STAND_IN] for style in self.header_styles]
        return ", ".join(dict.fromkeys(found))

    @property
    def id_columns(self) -> frozenset[str]:
        """The columns, of all styles, that tell a row or its person from others."""
        roles = (PERSON, STAND_IN, RECORD_ID)
        return frozenset(style[role] for style in self.header_styles for role in roles if role in style)

    @property
    def late_days(self) -> int:
        """Days after which a record is too late; 65,535 for a trial feed: no limit."""
        return TRIAL_LATE_DAYS if self.trial else self.registration.late_days

    @property
    def method_ids(self) -> tuple[int, ...]:
        """All methods that the feed uses, ascending."""
        return tuple(sorted({method for ids in self.methods.values() for method in ids}))

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the settings as RFC 8785 JSON: the `configDigest` that signers attest."""
        return config_digest(self.settings)
