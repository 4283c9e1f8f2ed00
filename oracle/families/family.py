"""What a feed family is: everything that the oracle knows of a kind of behaviour, in one place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from oracle.errors import ConfigError
from oracle.families.config import FeedConfig
from oracle.families.verdict import Verdict
from oracle.intake.fields import Clock, Unreadable
from oracle.ports import FeedLaw

Fields = Mapping[str, str]


class Judged(NamedTuple):
    """A verdict on one row, or on a pair: then `exit_row` is the place of the pair's other row."""

    row: int
    verdict: Verdict
    exit_row: int | None = None


@dataclass(frozen=True, slots=True)
class Pairing:
    """For families of which rows make a record together; a row's verdict then is only known when all are read.

    pair: (settings, law) → verdicts on all rows, given in order of time with their places; kept: what of a typed record
    the staging file keeps beside person and start: two texts; record: (person, start, the two texts) → it again.
    """

    pair: Callable[[FeedConfig, FeedLaw], Callable[[Iterable[tuple[int, Any]]], Iterator[Judged]]]
    kept: Callable[[Any], tuple[str, str]]
    record: Callable[[str, int, str, str], Any]


@dataclass(frozen=True, slots=True)
class Family:
    """A kind of feed: what it needs of its configuration, and what is made of its rows.

    columns, optional: the roles that a column must, and may play; absent: of these, what single rows may lack; rules,
    optional_rules: names of [rules]; methods: names of [methods]; values: names of [values]; reader: settings →
    ({header: text} → typed record, or `Unreadable`); judge: (settings, law) → verdicts on typed records, one by one.

    Raises (reader): ConfigError: settings that contradict themselves.
    """

    name: str
    columns: frozenset[str]
    optional: frozenset[str]
    rules: frozenset[str]
    methods: frozenset[str]
    reader: Callable[[FeedConfig], Callable[[Fields], Any]]
    judge: Callable[[FeedConfig, FeedLaw], Callable[[Sequence[Any]], list[Verdict]]]
    values: frozenset[str] = frozenset()
    optional_rules: frozenset[str] = frozenset()
    absent: frozenset[str] = frozenset()
    pairing: Pairing | None = None


def names(text: str) -> frozenset[str]:
    """The words of this text."""
    return frozenset(text.split())


def clock(config: FeedConfig) -> Clock:
    """What reads the feed's instants. Raises ConfigError: its format can't be read."""
    try:
        return Clock(config.times.format, config.time_zone)
    except ValueError as error:
        raise ConfigError(f"feed {config.name}: {error}") from None


def at(row: Fields, name: str) -> str:
    """The row's text in this column. Raises Unreadable: it has no such column."""
    try:
        return row[name]
    except KeyError:
        raise Unreadable(f"has no {name}") from None
