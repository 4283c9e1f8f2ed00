"""One feed's configuration: a TOML file, checked once, then frozen.

id, name, kind, trial, time_zone     the feed; kind is trips, steps or transit
[organisation] id, name              the partner that answers for it
[source] format, encoding, path      csv | json | jsonl; path = keys to the JSON array, joined by dots
[columns] role = "header"            which column plays which role (ROLES)
[times] format                       strptime pattern of local times, or unix, unix-ms, iso
[methods] use = [id, …]              methodology versions per use; the one in force on the day is taken
[rules] name = integer               the family's parameters
[values] role = "text"               transit: what the type column says for entry, exit and ride
[registration] …                     what the feed's administrator registers: late days and daily caps
"""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import ConfigDict, TypeAdapter, ValidationError

from chain_node.protocol.attestation import config_digest
from oracle.errors import ConfigError
from oracle.families import FAMILIES
from oracle.families.family import Family

MAX_FIELD_BYTES: Final = 131_072
"""The csv module's own limit, which is a setting of the whole process."""
TRIAL_LATE_DAYS: Final = 65_535
SHIPPED: Final = Path(__file__).parent / "feeds"


@dataclass(frozen=True, slots=True)
class PartnerOrganisation:
    """The partner that answers for the feed; `name` is what its description on the chain is the hash of."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True)
    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Source:
    """How the partner's files are written."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True)
    format: Literal["csv", "json", "jsonl"]
    encoding: Literal["utf-8", "gb18030"] = "utf-8"
    delimiter: str = ","
    path: str = ""
    max_field_bytes: int = MAX_FIELD_BYTES


@dataclass(frozen=True, slots=True)
class Times:
    """How an instant is written: a strptime pattern, `unix`, `unix-ms` or `iso`."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True)
    format: str


@dataclass(frozen=True, slots=True)
class Registration:
    """What is registered for the feed on the ledger: late days, and caps per block's day over all its accounts."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True)
    credits_cap_mg: int
    millipoints_cap: int
    late_days: int = 63


@dataclass(frozen=True)
class FeedConfig:
    """One feed. `settings` is the TOML as it was read: what the config digest commits to."""

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
    rules: dict[str, int] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in FAMILIES:
            raise ValueError(f"kind {self.kind!r} is none of {', '.join(FAMILIES)}")
        family = FAMILIES[self.kind]
        _same("columns", set(self.columns), family.columns, family.optional)
        _same("rules", set(self.rules), family.rules, family.optional_rules)
        _same("methods", set(self.methods), family.methods)
        _same("values", set(self.values), family.values)
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
        if len(self.source.delimiter) != 1 or self.source.delimiter in '"\r\n':
            raise ValueError("source.delimiter is one character, and no quote or line end")
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"time_zone {self.time_zone!r} is not in the time zone database") from None

    @property
    def family(self) -> Family:
        """What its kind makes of it."""
        return FAMILIES[self.kind]

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


def _same(table: str, given: set[str], wanted: frozenset[str], optional: frozenset[str] = frozenset()) -> None:
    missing, surplus = wanted - given, given - wanted - optional
    if missing or surplus:
        parts = [f"lacks {', '.join(sorted(missing))}"] * bool(missing)
        parts += [f"has {', '.join(sorted(surplus))}, which this kind of feed does not know"] * bool(surplus)
        raise ValueError(f"[{table}] {' and '.join(parts)}")


_ADAPTER = TypeAdapter(FeedConfig)


def parse(text: str, origin: str = "configuration") -> FeedConfig:
    """The feed that this TOML describes. Raises ConfigError, naming `origin` and every place that is wrong."""
    try:
        settings = tomllib.loads(text)
        if "settings" in settings:
            raise ConfigError(f"{origin}: 'settings' is not a setting")
        # By way of JSON, where pydantic's strict mode takes an object for a dataclass.
        feed = _ADAPTER.validate_json(json.dumps({**settings, "settings": settings}))
        feed.family.reader(feed)  # what only shows when rows are to be read: its format of times
        return feed
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{origin} is not TOML: {error}") from None
    except TypeError as error:
        raise ConfigError(f"{origin} holds a value that no setting has: {error}") from None
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc']) or 'feed'}: {fault['msg']}" for fault in error.errors()
        )
        raise ConfigError(f"{origin} does not describe a feed: {faults}") from None


def load(path: Path) -> FeedConfig:
    """The feed in this file. Raises ConfigError."""
    try:
        return parse(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from None


def shipped() -> dict[str, FeedConfig]:
    """The feeds that come with the package, by name."""
    feeds = (load(path) for path in sorted(SHIPPED.glob("*.toml")))
    return {feed.name: feed for feed in feeds}
