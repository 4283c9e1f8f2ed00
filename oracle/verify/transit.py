"""Swipes of transit cards: a bus ride is one swipe, a metro trip is an entry and the same card's next exit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from chain_node.protocol.rules import Rule
from chain_node.protocol.times import slots_of
from oracle.law import FeedLaw
from oracle.verify.verdict import Verdict, claim, refused

SwipeKind = Literal["entry", "exit", "ride"]


class Swipe(NamedTuple):
    """at: unix seconds; station: its name, '' where the row gives none."""

    person: str
    at: int
    kind: SwipeKind
    station: str


@dataclass(frozen=True, slots=True)
class TransitRules:
    """nominal_minutes: how long a bus tap counts; rides, trips: the versions that may apply to a ride, a metro trip."""

    nominal_minutes: int
    rides: tuple[int, ...]
    trips: tuple[int, ...]


class Judged(NamedTuple):
    """A verdict on one swipe, or on a pair: then `exit_row` is the exit's place, and `row` the entry's."""

    row: int
    verdict: Verdict
    exit_row: int | None = None


def pair(swipes: Iterable[tuple[int, Swipe]], rules: TransitRules, law: FeedLaw) -> Iterator[Judged]:
    """Verdicts on all swipes, given in order of time with their places; memory holds the cards that are inside.

    An entry after an entry leaves the earlier one without exit; an exit belongs to the card's last open entry. A pair
    that ends at the station where it began, or says no station at all, is no trip.
    """
    inside: dict[str, tuple[int, Swipe]] = {}
    for row, swipe in swipes:
        if swipe.kind == "ride":
            when = slots_of(swipe.at, swipe.at + rules.nominal_minutes * 60)
            yield Judged(row, claim(law, rules.rides, swipe.at, swipe.person, when, 1))
        elif swipe.kind == "entry":
            left = inside.pop(swipe.person, None)
            if left is not None:
                yield _lonely(*left, Rule.ENTRY_WITHOUT_EXIT)
            inside[swipe.person] = (row, swipe)
        else:
            opened = inside.pop(swipe.person, None)
            if opened is None:
                yield _lonely(row, swipe, Rule.EXIT_WITHOUT_ENTRY)
            else:
                yield from _trip(*opened, row, swipe, rules, law)
    for left in inside.values():
        yield _lonely(*left, Rule.ENTRY_WITHOUT_EXIT)


def _lonely(row: int, swipe: Swipe, rule: Rule) -> Judged:
    return Judged(row, refused(swipe.at, swipe.person, rule, swipe.station))


def _trip(row: int, entry: Swipe, exit_row: int, leave: Swipe, rules: TransitRules, law: FeedLaw) -> Iterator[Judged]:
    if entry.station == leave.station:
        yield _lonely(row, entry, Rule.SAME_STATION)
        yield _lonely(exit_row, leave, Rule.SAME_STATION)
        return
    verdict = claim(law, rules.trips, entry.at, entry.person, slots_of(entry.at, leave.at), 1)
    if verdict.rule is None:
        yield Judged(row, verdict, exit_row)
    else:
        yield Judged(row, verdict)
        yield Judged(exit_row, verdict._replace(start=leave.at))
