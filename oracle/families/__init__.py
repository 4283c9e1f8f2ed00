"""Feed families: pure functions of typed records and the ledger's law; one file a family, each listed here once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from oracle.families import steps, transit, trips
from oracle.families.config import FeedConfig
from oracle.families.family import Family

FAMILIES: Final[Mapping[str, Family]] = {one.name: one for one in (trips.FAMILY, steps.FAMILY, transit.FAMILY)}


def family_of(feed: FeedConfig) -> Family:
    """What the feed's kind makes of it."""
    return FAMILIES[feed.kind]


def fit(feed: FeedConfig) -> None:
    """Raises ValueError: the feed is of no family, or its tables are not those of its family."""
    if feed.kind not in FAMILIES:
        raise ValueError(f"kind {feed.kind!r} is none of {', '.join(FAMILIES)}")
    family = FAMILIES[feed.kind]
    _same("columns", set(feed.columns), family.columns, family.optional)
    _same("rules", set(feed.rules), family.rules, family.optional_rules)
    _same("methods", set(feed.methods), family.methods)
    _same("values", set(feed.values), family.values)


def _same(table: str, given: set[str], wanted: frozenset[str], optional: frozenset[str] = frozenset()) -> None:
    missing, surplus = wanted - given, given - wanted - optional
    if missing or surplus:
        parts = [f"lacks {', '.join(sorted(missing))}"] * bool(missing)
        parts += [f"has {', '.join(sorted(surplus))}, which this kind of feed does not know"] * bool(surplus)
        raise ValueError(f"[{table}] {' and '.join(parts)}")
