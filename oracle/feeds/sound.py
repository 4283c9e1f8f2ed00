"""What no feed that is to be registered may say, though its file can be read: told before anything is sent.

Not asked of feeds that a home has already: what was registered once must go on being read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from chain_node import catalogue
from oracle.errors import ConfigError
from oracle.families import family_of
from oracle.families.config import STAND_IN, FeedConfig

MOST: Final = (1 << 64) - 1
"""The highest cap that an entry holds."""


def check_sound(feed: FeedConfig) -> None:
    """Raises ConfigError: naming every setting that cannot be meant."""
    faults = [*_names(feed), *_columns(feed), *_bounds(feed), *_methods(feed)]
    if faults:
        raise ConfigError(f"feed {feed.name} cannot be registered so: {'; '.join(faults)}")


def _names(feed: FeedConfig) -> Iterator[str]:
    if not feed.organisation.name.strip():
        yield "organisation.name is empty: the ledger holds its hash"


def _columns(feed: FeedConfig) -> Iterator[str]:
    tables = ("columns", *(f"styles.{name}" for name in feed.styles))
    for table, columns in zip(tables, feed.header_styles, strict=True):
        yield from (f"{table}.{role} is empty" for role, column in columns.items() if not column.strip())
        played: dict[str, str] = {}
        for role, column in columns.items():
            if role in ("record_id", STAND_IN) or not column.strip():
                continue  # a trip's own id may stand in for whoever made it
            if column in played:
                yield f"{table}.{role} and {table}.{played[column]} are one column, {column!r}"
            played[column] = role
    for role, text in feed.values.items():
        if not text.strip():
            yield f"values.{role} is empty"
    for role, text in feed.values.items():
        others = [other for other in feed.values if other < role and feed.values[other] == text]
        yield from (f"values.{other} and values.{role} are one text, {text!r}" for other in others)


def _bounds(feed: FeedConfig) -> Iterator[str]:
    caps = {
        "credits_cap_mg": feed.registration.credits_cap_mg,
        "millipoints_cap": feed.registration.millipoints_cap,
    }
    yield from (
        f"registration.{name} lies between 0 and {MOST}, not at {cap}"
        for name, cap in caps.items()
        if not 0 <= cap <= MOST
    )
    if feed.rules.get("min_seconds", 0) > feed.rules.get("max_seconds", MOST):
        yield "rules.min_seconds is more than rules.max_seconds: no trip could pass"
    if feed.rules.get("max_kmh") == 0:
        yield "rules.max_kmh is 0: no trip could pass"


def _methods(feed: FeedConfig) -> Iterator[str]:
    """A method counts in its own unit, whatever a record of another means."""
    shipped = {method.id: method for method in catalogue.load()}
    for use, ids in feed.methods.items():
        wanted = family_of(feed).methods[use]
        for one in ids:
            if one in shipped and shipped[one].unit.en != wanted:
                found = shipped[one]
                yield f"methods.{use} names {one} ({found.key}), which counts in {found.unit.en}, not {wanted}"
