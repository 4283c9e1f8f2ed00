"""What is said of one row before anybody's account is looked at, and the rules that all families share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from chain_node.protocol.arithmetic import check_record
from chain_node.protocol.entries import Method
from chain_node.protocol.records import Record
from chain_node.protocol.rules import Rule
from chain_node.protocol.times import SlotRange, closing_day, date_of, year_of
from oracle.ports import FeedLaw

WORTH_WAITING: Final = 1
"""Days: a clock or time zone that is wrong may be ahead of the ledger's so much."""
_NOBODY: Final = bytes(20)
_NOTHING: Final = bytes(32)


class Verdict(NamedTuple):
    """One row's verdict (a tuple, not a dataclass: there are millions of them).

    start: unix seconds, the order in which rows are taken; rule, value: the first rule it fails, and the value that
    fails it; or None, and then what a record would claim: method, day, slot, slots, activity.
    """

    start: int
    person: str
    rule: Rule | None
    value: str = ""
    method: int = 0
    day: int = 0
    slot: int = 0
    slots: int = 0
    activity: int = 0


def refused(start: int, person: str, rule: Rule, value: object = "") -> Verdict:
    """The row fails this rule."""
    return Verdict(start, person, rule, str(value))


def method_on(law: FeedLaw, candidates: Sequence[int], day: int) -> Method | None:
    """The candidate that is in force on that day (versions of one behaviour have disjoint validity)."""
    for identity in candidates:
        method = law.methods.get(identity)
        if method is not None and method.valid_from <= day <= method.valid_to and identity in law.feed.methods:
            return method
    return None


def claim(law: FeedLaw, candidates: Sequence[int], start: int, person: str, when: SlotRange, activity: int) -> Verdict:
    """The verdict on a row that would claim `activity` in these slots: bounds, validity and time."""
    if (unbelievable := ahead(law, start, person, when.day)) is not None:
        return unbelievable
    method = method_on(law, candidates, when.day)
    if activity == 0:
        return refused(start, person, Rule.ZERO_ACTIVITY, 0)
    if method is None:
        return refused(start, person, Rule.NOT_IN_FORCE, day_text(when.day))
    if activity > 0xFFFFFFFF:
        return refused(start, person, Rule.OVER_BOUND, activity)
    rule = check_record(method, Record(_NOBODY, method.id, when.day, when.first, when.count, 0, activity, _NOTHING))
    if rule is not None:
        value = f"slots {when.first}+{when.count}" if rule is Rule.WINDOW else activity
        return refused(start, person, rule, value)
    late = out_of_time(law, when.day)
    if late is not None:
        return refused(start, person, late, day_text(when.day))
    return Verdict(start, person, None, "", method.id, when.day, when.first, when.count, activity)


def ahead(law: FeedLaw, start: int, person: str, day: int) -> Verdict | None:
    """The verdict on a day so far ahead that waiting for it helps nobody: its date was misread or mistyped."""
    if day - law.today <= WORTH_WAITING:
        return None
    reason = (
        f"{day_text(day)} lies {day - law.today:,} days ahead of today, {date_of(law.today).isoformat()}: "
        "mend the date, or [times] format where many rows say so"
    )
    return refused(start, person, Rule.MALFORMED, reason)


def day_text(day: int) -> str:
    """A ledger's day as a report names it."""
    return f"day {date_of(day).isoformat()}"


def out_of_time(law: FeedLaw, day: int) -> Rule | None:
    """too-early or too-late, as the ledger would say today."""
    if day > law.today:
        return Rule.TOO_EARLY
    if law.feed.trial:
        return None
    if day < law.today - law.feed.late_days or law.today >= closing_day(year_of(day)):
        return Rule.TOO_LATE
    return None
