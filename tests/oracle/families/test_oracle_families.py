"""The families' rules, one by one, at their bounds."""

from __future__ import annotations

from dataclasses import replace

import pytest
from insecure_ledger import TODAY, feed_entry

from chain_node import catalogue
from chain_node.protocol.rules import Rule
from chain_node.protocol.times import SLOTS_PER_DAY, date_of, day_start
from oracle.families import FAMILIES, family_of, steps, transit, trips
from oracle.families.verdict import Verdict
from oracle.feeds import toml_files
from oracle.intake.fields import Unreadable
from oracle.ports import FeedLaw

FEEDS = toml_files.shipped()
DAY = 20_000


def law(feed: str, **changes: object) -> FeedLaw:
    entry = feed_entry(FEEDS[feed])
    entry = replace(entry, **changes)  # type: ignore[arg-type]  # any field of it
    methods = {method.id: method.method for method in catalogue.load() if method.id in entry.methods}
    return FeedLaw(entry, methods, {group.id: group.caps for group in catalogue.load_groups()}, TODAY)


TRIP = trips.Trip("b", day_start(DAY) + 36_000, day_start(DAY) + 36_900, 900, "1", "2", 30.5, 104.0, 30.51, 104.0)
TRIP_RULES = trips.TripRules(120, 21_600, 35, (101,))


def of_trip(**changes: object) -> Verdict:
    return trips.check([TRIP._replace(**changes)], TRIP_RULES, law("bike-share"))[0]  # type: ignore[arg-type]


def test_a_trip_that_passes() -> None:
    # Distances by Vincenty's formula, which the oracle does not use; 36,000 s into the day begins slot 75.
    assert of_trip() == Verdict(TRIP.start, "b", None, "", 101, DAY, 75, 2, 1108)


@pytest.mark.parametrize(
    ("changes", "rule", "value"),
    [
        ({"seconds": 21_601}, Rule.TOO_LONG, "21601"),
        ({"seconds": 119}, Rule.TOO_SHORT, "119"),
        ({"end_station": "1"}, Rule.SAME_STATION, "1"),
        ({"seconds": 114}, Rule.TOO_SHORT, "114"),
        ({"end_latitude": 30.52, "seconds": 228}, Rule.TOO_FAST, "2217 m in 228 s"),
        ({"end_latitude": 30.5}, Rule.ZERO_ACTIVITY, "0"),
        ({"end_latitude": 31.0, "seconds": 20_000}, Rule.OVER_BOUND, "55432"),
        ({"end_latitude": 30.63, "seconds": 20_000, "end": TRIP.start + 480}, Rule.OVER_SLOT_BOUND, "14412"),
        (
            {"start": day_start(TODAY + 1), "end": day_start(TODAY + 1) + 900},
            Rule.TOO_EARLY,
            f"day {date_of(TODAY + 1)}",
        ),
        ({"start": day_start(13_878), "end": day_start(13_878) + 900}, Rule.NOT_IN_FORCE, "day 2007-12-31"),
    ],
)
def test_a_trip_that_fails(changes: dict[str, object], rule: Rule, value: str) -> None:
    verdict = of_trip(**changes)
    assert (verdict.rule, verdict.value, verdict.method) == (rule, value, 0)


@pytest.mark.parametrize("changes", [{"seconds": 120}, {"seconds": 21_600}, {"seconds": 120, "end_latitude": 30.5105}])
def test_a_trip_at_its_bounds_passes(changes: dict[str, object]) -> None:
    assert of_trip(**changes).rule is None


def test_the_first_failing_rule_counts() -> None:
    assert of_trip(seconds=30_000, end_station="1").rule is Rule.TOO_LONG
    assert of_trip(seconds=10, end_station="1").rule is Rule.TOO_SHORT


def test_after_midnight_is_left_out() -> None:
    late = day_start(DAY) + 86_400 - 60
    verdict = of_trip(start=late, end=late + 900)
    assert (verdict.day, verdict.slot, verdict.slots) == (DAY, 179, 1)


def test_a_feed_that_is_no_trial_has_late_days() -> None:
    strict = law("bike-share", late_days=63)
    for days, rule in ((63, None), (64, Rule.TOO_LATE)):
        start = day_start(TODAY - days) + 36_000
        verdict = trips.check([TRIP._replace(start=start, end=start + 900)], TRIP_RULES, strict)[0]
        assert verdict.rule is rule
    closed = replace(law("bike-share", late_days=63), today=20_517)  # 2026-03-05: the vintage 2025 has closed
    start = day_start(20_453) + 36_000  # 2025-12-31, 64 days before
    assert trips.check([TRIP._replace(start=start, end=start + 900)], TRIP_RULES, closed)[0].rule is Rule.TOO_LATE


def test_of_two_versions_the_one_in_force_is_taken() -> None:
    both = law("bike-share")
    old = replace(both.methods[101], valid_to=DAY - 1)
    new = replace(both.methods[101], id=109, valid_from=DAY)
    both = replace(both, methods={101: old, 109: new}, feed=replace(both.feed, methods=(101, 109)))
    rules = replace(TRIP_RULES, methods=(101, 109))
    before = TRIP._replace(start=TRIP.start - 86_400, end=TRIP.end - 86_400)
    assert [verdict.method for verdict in trips.check([before, TRIP], rules, both)] == [101, 109]


def walked(count: int, day: int = DAY) -> Verdict:
    return steps.check([steps.Walk("w", day_start(day), count)], steps.StepRules((1,)), law("daily-steps"))[0]


def test_steps() -> None:
    assert walked(36_019) == Verdict(day_start(DAY), "w", None, "", 1, DAY, 0, SLOTS_PER_DAY, 36_019)
    assert walked(0).rule is Rule.ZERO_ACTIVITY
    assert walked(50_001).rule is Rule.OVER_BOUND
    assert walked(10**15 - 1).rule is Rule.OVER_BOUND
    assert walked(5, TODAY).rule is Rule.TOO_EARLY, "closed days only"
    assert walked(5, TODAY - 1).rule is None


TRANSIT = transit.TransitRules(15, (2,), (201,))


def swipes(*given: tuple[str, int, transit.SwipeKind, str]) -> list[tuple[int, str | None, int | None]]:
    rows = [
        (place, transit.Swipe(card, day_start(DAY) + minute * 60, kind, station))
        for place, (card, minute, kind, station) in enumerate(given)
    ]
    judged = transit.pair(iter(rows), TRANSIT, law("transit-card"))
    return sorted(
        (row, None if verdict.rule is None else verdict.rule.label, exit_row) for row, verdict, exit_row in judged
    )


def test_pairs_rides_and_the_lonely() -> None:
    assert swipes(
        ("a", 10, "entry", "x"),
        ("b", 11, "ride", ""),
        ("a", 40, "exit", "y"),
        ("c", 50, "exit", "y"),
        ("d", 60, "entry", "x"),
        ("d", 70, "entry", "x"),
        ("d", 71, "exit", "x"),
        ("e", 80, "entry", "x"),
    ) == [
        (0, None, 2),
        (1, None, None),
        (3, "exit-without-entry", None),
        (4, "entry-without-exit", None),
        (5, "same-station", None),
        (6, "same-station", None),
        (7, "entry-without-exit", None),
    ]


def test_what_rides_and_trips_claim() -> None:
    rows = [("a", 480, "ride", ""), ("b", 480, "entry", "x"), ("b", 540, "exit", "y")]
    given = [(n, transit.Swipe(c, day_start(DAY) + m * 60, k, s)) for n, (c, m, k, s) in enumerate(rows)]  # type: ignore[arg-type]
    ride, trip = (judged.verdict for judged in transit.pair(iter(given), TRANSIT, law("transit-card")))
    assert (ride.method, ride.slot, ride.slots, ride.activity) == (2, 60, 2, 1)
    assert (trip.method, trip.slot, trip.slots, trip.activity) == (201, 60, 8, 1)


@pytest.mark.parametrize("days", [2, 400, 20_000])
def test_a_day_that_nobody_will_wait_for_is_a_misread_date(days: int) -> None:
    """`too-early` says: send it when the day has come. That helps with tomorrow, and not with the year 2062."""
    start = day_start(TODAY + days)
    swipes = [(0, transit.Swipe("a", start, "entry", "x")), (1, transit.Swipe("a", start + 600, "exit", "y"))]
    found = [
        of_trip(start=start, end=start + 900),
        walked(5, TODAY + days),
        walked(0, TODAY + days),
        *(judged.verdict for judged in transit.pair(iter(swipes), TRANSIT, law("transit-card"))),
    ]
    reason = (
        f"day {date_of(TODAY + days)} lies {days:,} days ahead of today, {date_of(TODAY)}: "
        "mend the date, or [times] format where many rows say so"
    )
    assert [(one.rule, one.value) for one in found] == [(Rule.MALFORMED, reason)] * 5


def test_a_pair_that_is_out_of_time_fails_on_both_rows() -> None:
    start = day_start(TODAY + 1)
    rows = [(0, transit.Swipe("a", start, "entry", "x")), (1, transit.Swipe("a", start + 600, "exit", "y"))]
    judged = list(transit.pair(iter(rows), TRANSIT, law("transit-card")))
    assert [(j.row, j.verdict.rule, j.exit_row) for j in judged] == [
        (0, Rule.TOO_EARLY, None),
        (1, Rule.TOO_EARLY, None),
    ]


def test_a_stay_beyond_the_operators_longest_is_no_trip() -> None:
    begun = day_start(DAY)
    swipes = [
        (1, transit.Swipe("c", begun, "entry", "A")),
        (2, transit.Swipe("c", begun + 45_000, "exit", "B")),  # 08:00 to 20:30: two trips, of which half was not seen
        (3, transit.Swipe("d", begun, "entry", "A")),
        (4, transit.Swipe("d", begun + 14_400, "exit", "B")),
    ]
    rules = transit.TransitRules(15, (2,), (201,), 14_400)
    judged = [(one.row, one.verdict.rule, one.exit_row) for one in transit.pair(swipes, rules, law("transit-card"))]
    assert judged == [(1, Rule.TOO_LONG, None), (2, Rule.TOO_LONG, None), (3, None, 4)]


# A row that each family accepts. A family that is registered and not here fails the test below.
EXAMPLES = {
    "trips": (
        "bike-share",
        {
            "bikeid": "b1",
            "starttime": "10/4/24 08:00",
            "stoptime": "10/4/24 08:20",
            "tripduration": "1200",
            "start station id": "1",
            "start station latitude": "30.5",
            "start station longitude": "104.0",
            "end station id": "2",
            "end station latitude": "30.51",
            "end station longitude": "104.0",
        },
    ),
    "steps": ("daily-steps", {"Id": "p", "Date": "10/4/24", "StepTotal": "4000"}),
    "transit": (
        "transit-card",
        {"card_no": "c", "deal_date": "2024-10-04 08:00:00", "deal_type": "巴士", "station": "红山"},
    ),
}


@pytest.mark.parametrize("name", list(FAMILIES))
def test_every_registered_family_reads_judges_and_pairs(name: str) -> None:
    family = FAMILIES[name]
    assert family.name == name
    assert not family.columns & family.optional
    assert family.absent <= family.optional
    feed, row = EXAMPLES[name]
    settings = FEEDS[feed]
    assert family_of(settings) is family
    record = family.reader(settings)(row)
    [verdict] = family.judge(settings, law(feed))([record])
    if family.pairing is not None:
        again = family.pairing.record(verdict.person, verdict.start, *family.pairing.kept(record))
        assert again == record, "the staging file keeps all that pairing needs"
        [(_, verdict, _)] = family.pairing.pair(settings, law(feed))([(1, again)])
    assert (verdict.rule, bool(verdict.method), bool(verdict.activity)) == (None, True, True)
    required = next(header for role, header in settings.columns.items() if role in family.columns)
    with pytest.raises(Unreadable, match=f"has no {required}"):
        family.reader(settings)({header: text for header, text in row.items() if header != required})
