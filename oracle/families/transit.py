"""Swipes of transit cards: a bus ride is one swipe, a metro trip is an entry and the same card's next exit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, cast, get_args

from chain_node.protocol.rules import Rule
from chain_node.protocol.times import slots_of
from oracle.families.config import FeedConfig
from oracle.families.drafting import PERSON_NAMES, RECORD_NAMES, Drafting, Hints, each
from oracle.families.family import Columns, Family, Fields, Judged, Pairing, cells, clock, names, whose
from oracle.families.verdict import Verdict, claim, refused
from oracle.intake.fields import Unreadable, required
from oracle.ports import FeedLaw

SwipeKind = Literal["entry", "exit", "ride"]


class Swipe(NamedTuple):
    """at: unix seconds; station: its name, '' where the row gives none."""

    person: str
    at: int
    kind: SwipeKind
    station: str


@dataclass(frozen=True, slots=True)
class TransitRules:
    """nominal_minutes: how long a bus tap counts; rides, trips: the versions that may apply to a ride, a metro trip.

    max_stay_seconds: the longest that a card may be inside for one trip, None where the operator has no such bound.
    """

    nominal_minutes: int
    rides: tuple[int, ...]
    trips: tuple[int, ...]
    max_stay_seconds: int | None = None


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
    stay = leave.at - entry.at
    if rules.max_stay_seconds is not None and stay > rules.max_stay_seconds:
        # Whoever is inside that long has left unseen: the two swipes are of different trips.
        yield Judged(row, refused(entry.at, entry.person, Rule.TOO_LONG, stay))
        yield Judged(exit_row, refused(leave.at, leave.person, Rule.TOO_LONG, stay))
        return
    verdict = claim(law, rules.trips, entry.at, entry.person, slots_of(entry.at, leave.at), 1)
    if verdict.rule is None:
        yield Judged(row, verdict, exit_row)
    else:
        yield Judged(row, verdict)
        yield Judged(exit_row, verdict._replace(start=leave.at))


def _bind(config: FeedConfig, columns: Columns) -> Callable[[Fields], Swipe]:
    """The station may be absent: not every swipe has one."""
    at, times = cells(config), clock(config).read
    (person, prefix), time, kind, station = whose(columns), columns["time"], columns["type"], columns.get("station")
    kinds: dict[str, SwipeKind] = {config.values[role]: role for role in get_args(SwipeKind)}

    def read(row: Fields) -> Swipe:
        what = kinds.get(at(row, kind).strip())
        if what is None:
            raise Unreadable(f"{kind}: {row[kind][:40]!r} is none of {', '.join(kinds)}")
        where = at(row, station).strip() if station is not None and station in row else ""
        return Swipe(prefix + required(at(row, person), person), times(at(row, time), time), what, where)

    return read


def _judge(config: FeedConfig, law: FeedLaw) -> Callable[[Sequence[Swipe]], list[Verdict]]:
    """Only who and when: what swipes show, only `pair` can tell."""
    return lambda swipes: [Verdict(swipe.at, swipe.person, None) for swipe in swipes]


def _pair(config: FeedConfig, law: FeedLaw) -> Callable[[Iterable[tuple[int, Swipe]]], Iterator[Judged]]:
    methods = config.methods
    rules = TransitRules(
        config.rules["nominal_minutes"],
        tuple(methods["ride"]),
        tuple(methods["trip"]),
        config.rules.get("max_stay_seconds"),
    )
    return lambda swipes: pair(swipes, rules, law)


_HINTS: Final[Hints] = {
    "person": (*each("cardno cardid cardnumber card 卡号"), *PERSON_NAMES),
    "record_id": RECORD_NAMES,
    "time": (
        *each("dealdate dealtime swipetime transactiontime transactiondate"),
        *each("交易 刷卡", "时间 日期"),
        *each("time timestamp datetime"),
    ),
    "type": each("dealtype swipetype transactiontype tradetype 交易类型 刷卡类型 type kind"),
    "station": each("station stationname stationid 站点 站点名称 车站 车站名称 站名"),
}

FAMILY: Final = Family(
    name="transit",
    columns=names("person time type"),
    optional=names("record_id station"),
    absent=names("station"),
    rules={"nominal_minutes": (1, 1_440)},
    optional_rules={"max_stay_seconds": (1, 86_400)},
    methods={"ride": "ride", "trip": "trip"},
    values=names("entry exit ride"),
    bind=_bind,
    judge=_judge,
    drafting=Drafting(
        hints=_HINTS,
        needs=((("person",),), (("time",),), (("type",),)),
        methods={"ride": 2, "trip": 201},
        rules={"nominal_minutes": 15, "max_stay_seconds": 14_400},
        times=names("time"),
        values={
            "entry": r".*(入站|进站|entry|entrance|enter|tap.?in|check.?in).*|in",
            "exit": r".*(出站|exit|leave|tap.?out|check.?out).*|out",
            "ride": r".*(巴士|公交|公车|bus|tram|ride).*",
        },
    ),
    pairing=Pairing(
        _pair,
        kept=lambda swipe: (swipe.kind, swipe.station),
        record=lambda person, start, kind, station: Swipe(person, start, cast(SwipeKind, kind), station),
    ),
)
