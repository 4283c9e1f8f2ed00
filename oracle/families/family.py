"""What a feed family is: everything that the oracle knows of a kind of behaviour, in one place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from oracle.errors import ConfigError
from oracle.families.config import PERSON, STAND_IN, FeedConfig
from oracle.families.drafting import Drafting
from oracle.families.headers import HeaderStyles
from oracle.families.verdict import Verdict
from oracle.intake.clocks import Clock, Clocks
from oracle.intake.fields import Numbers, Unreadable, coordinate, coordinate_with_comma
from oracle.ports import FeedLaw

Fields = Mapping[str, str]
Columns = Mapping[str, str]
"""role → header: one style of header."""
Bounds = Mapping[str, tuple[int, int]]
"""name → least and greatest value."""
_STANDS_IN: Final = "stand-in:"
"""Before what stands in, so that the bike 17 and the person 17 of one partner have an account each."""


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
    optional_rules: names of [rules] with their bounds; methods: names of [methods], each with the unit that its records
    count in, as the catalogue names it; values: names of [values]; bind: (settings, one style of header) → ({header:
    text} → typed record, or `Unreadable`); judge: (settings, law) → verdicts on typed records, one by one; drafting:
    how a feed of it is drafted from a sample.
    """

    name: str
    columns: frozenset[str]
    optional: frozenset[str]
    rules: Bounds
    methods: Mapping[str, str]
    bind: Callable[[FeedConfig, Columns], Callable[[Fields], Any]]
    judge: Callable[[FeedConfig, FeedLaw], Callable[[Sequence[Any]], list[Verdict]]]
    drafting: Drafting
    values: frozenset[str] = frozenset()
    optional_rules: Bounds = field(default_factory=dict)
    absent: frozenset[str] = frozenset()
    pairing: Pairing | None = None

    def headers(self, config: FeedConfig) -> HeaderStyles:
        """The feed's header styles."""
        return HeaderStyles(config.header_styles, self.absent, nulls(config))

    def reader(self, config: FeedConfig) -> Callable[[Fields], Any]:
        """What reads the feed's rows, each by the style of header that it fits.

        Raises ConfigError: settings that contradict themselves.
        """
        try:
            bound = [self.bind(config, style) for style in config.header_styles]
        except ValueError as error:
            raise ConfigError(f"feed {config.name}: {error}") from None
        if len(bound) == 1:
            return bound[0]
        first, headers = bound[0], self.headers(config)
        if any(headers.record_ids):
            return lambda row: bound[headers.place(row)](row)

        def read(row: Fields) -> Any:
            try:
                return first(row)  # which needs all its columns, so that what it can read is of the first style
            except Unreadable:
                place = headers.place(row)
                if place == 0:
                    raise
            return bound[place](row)

        return read


def names(text: str) -> frozenset[str]:
    """The words of this text."""
    return frozenset(text.split())


def clock(config: FeedConfig) -> Clock | Clocks:
    """What reads the feed's instants. Raises ValueError: a format can't be read, or two of them contradict."""
    formats = config.times.formats
    return Clock(formats[0], config.time_zone) if len(formats) == 1 else Clocks(formats, config.time_zone)


def numbers(config: FeedConfig) -> Numbers:
    """What reads the feed's numbers."""
    return Numbers(config.numbers.thousands, config.numbers.decimal)


def degrees(config: FeedConfig) -> Callable[[str, str, int], float]:
    """What reads the feed's coordinates: (text, column, greatest value) → degrees."""
    return coordinate_with_comma if config.numbers.decimal == "," else coordinate


def whose(columns: Columns) -> tuple[str, str]:
    """(the column that says whose a row is, what is put before its text)."""
    return (columns[PERSON], "") if PERSON in columns else (columns[STAND_IN], _STANDS_IN)


def nulls(config: FeedConfig) -> frozenset[str]:
    """Texts that stand for nothing, beside the empty one: the feed's own; of JSON `null`, read as a text."""
    return frozenset(config.source.nulls) | (frozenset() if config.source.format == "csv" else {"null"})


def cells(config: FeedConfig) -> Callable[[Fields, str], str]:
    """(row, column) → its text, '' for a null. Raises Unreadable: the row has no such column."""
    nothing = nulls(config)
    if not nothing:
        return at

    def found(row: Fields, name: str) -> str:
        text = at(row, name)
        return "" if text.strip() in nothing else text

    return found


def figures(config: FeedConfig) -> Callable[[Fields, str], str]:
    """As `cells`, of a number or a time, as which most nulls can't be read anyway."""
    return cells(config) if any(letter.isdigit() for null in config.source.nulls for letter in null) else at


def at(row: Fields, name: str) -> str:
    """The row's text in this column. Raises Unreadable: it has no such column."""
    try:
        return row[name]
    except KeyError:
        raise Unreadable(f"has no {name}") from None
