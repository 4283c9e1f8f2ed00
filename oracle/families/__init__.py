"""Feed families: pure functions of typed records and the ledger's law; one file a family, each listed here once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Final

from oracle.families import steps, transit, trips
from oracle.families.config import PERSON, STAND_IN, FeedConfig
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
    tables = ["columns", *(f"styles.{name}" for name in feed.styles)]
    for table, columns in zip(tables, feed.header_styles, strict=True):
        _same(table, _roles(feed, table, columns), family.columns, family.optional)
    _all_used(tables, family.headers(feed).wanted)
    _same("rules", set(feed.rules), frozenset(family.rules), frozenset(family.optional_rules))
    for rule, value in feed.rules.items():
        low, high = {**family.rules, **family.optional_rules}[rule]
        if not low <= value <= high:
            raise ValueError(f"rules.{rule} lies between {low} and {high}")
    _same("methods", set(feed.methods), frozenset(family.methods))
    _same("values", set(feed.values), family.values)


def _roles(feed: FeedConfig, table: str, columns: Mapping[str, str]) -> set[str]:
    """The roles, what stands in for a person as the person. Raises ValueError: where nothing may."""
    roles = set(columns)
    if STAND_IN not in roles:
        return roles
    if not feed.trial:
        raise ValueError(f"[{table}] {STAND_IN}: only in a trial may something else stand in for a person")
    if PERSON in roles:
        raise ValueError(f"[{table}] has both {PERSON} and {STAND_IN}: one of them says whose the row is")
    return roles - {STAND_IN} | {PERSON}


def _all_used(tables: Sequence[str], wanted: Sequence[frozenset[str]]) -> None:
    """Raises ValueError: a header style that no file is read by, since an earlier one fits all that fit it."""
    for (earlier, less), (later, more) in combinations(zip(tables, wanted, strict=True), 2):
        if less <= more:
            raise ValueError(f"[{later}] is never used: what fits it fits [{earlier}] before")


def _same(table: str, given: set[str], wanted: frozenset[str], optional: frozenset[str] = frozenset()) -> None:
    missing, surplus = wanted - given, given - wanted - optional
    if missing or surplus:
        parts = [f"lacks {', '.join(sorted(missing))}"] * bool(missing)
        parts += [f"has {', '.join(sorted(surplus))}, which this kind of feed does not know"] * bool(surplus)
        raise ValueError(f"[{table}] {' and '.join(parts)}")
