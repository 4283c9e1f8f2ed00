"""What the ledger must make of each record of a batch: protocol section 8, read anew and not from the contract.

The replay tells whether a reduction is allowed; it cannot tell whether a refusal was right, for a refusal's entry does
not hold its record. The judge sees the records, so that a wrong refusal is found as a wrong reduction is.
"""

from __future__ import annotations

from chain_node.errors import Discrepancy
from chain_node.protocol.arithmetic import check_record, worth
from chain_node.protocol.entries import AccountState, Feed, Method
from chain_node.protocol.records import Record
from chain_node.protocol.replay import State
from chain_node.protocol.rules import Rule
from chain_node.protocol.slotword import SlotWord, claim, key, mask
from chain_node.protocol.times import closing_day, day_of, year_of

_IMPOSSIBLE = (Rule.MALFORMED, Rule.ZERO_ACTIVITY, Rule.OVER_BOUND, Rule.OVER_SLOT_BOUND, Rule.WINDOW)


class BatchJudge:
    """One batch's judge.

    Args:
        state: the replayed state; every record judged before must have been applied to it.
        feed: the batch's feed.
        time: the batch's block time, unix seconds.
    """

    def __init__(self, state: State, feed: Feed, time: int) -> None:
        self._state = state
        self._feed = feed
        self._today = day_of(time)
        self._methods = frozenset(feed.methods)

    def rule(self, method: Method, record: Record, nullifier: bytes) -> Rule | None:
        """The first rule by which this record, possible in itself, is refused now; None: it becomes a reduction."""
        if record.method not in self._methods or not method.valid_from <= record.day <= method.valid_to:
            return Rule.NOT_IN_FORCE
        return self._of_account(record) or self._of_time(record) or self._of_claim(method, record, nullifier)

    def _of_account(self, record: Record) -> Rule | None:
        account = self._state.account(record.account)
        if account.state == 0:
            return Rule.UNKNOWN_PERSON
        if account.state != AccountState.ACTIVE:
            return Rule.FROZEN
        if account.epoch and account.epoch != year_of(record.day):
            return Rule.NOT_IN_FORCE
        return None

    def _of_time(self, record: Record) -> Rule | None:
        if record.day > self._today:
            return Rule.TOO_EARLY
        if self._feed.trial:
            return None
        if record.day < self._today - self._feed.late_days or self._today >= closing_day(year_of(record.day)):
            return Rule.TOO_LATE
        return None

    def _of_claim(self, method: Method, record: Record, nullifier: bytes) -> Rule | None:
        state = self._state
        if nullifier and nullifier in state.nullifiers:
            return Rule.NULLIFIER_USED
        credits_mg, millipoints = worth(method, record.activity)
        word = SlotWord.unpack(state.words.get(key(record.account, method.group, record.day), 0))
        slots = mask(record.slot, record.slots) if method.claims_slots else 0
        caps = state.caps.get(method.group)
        limits = (caps.credits_mg, caps.millipoints) if caps else (0, 0)
        claimed = claim(word, record.day, slots, credits_mg, millipoints, *limits)
        if isinstance(claimed, Rule):
            return claimed
        used_day, used_credits, used_points = state.feed_usage.get(self._feed.feed, (0, 0, 0))
        if used_day != self._today:
            used_credits = used_points = 0
        over = (
            used_credits + credits_mg > self._feed.credits_cap or used_points + millipoints > self._feed.millipoints_cap
        )
        return Rule.OVER_CAP if over else None


def impossible(method: Method | None, record: Record) -> Rule | None:
    """The rule by which a batch with this record reverts as a whole, whoever the record is of."""
    if method is None:
        return Rule.MALFORMED
    rule = check_record(method, record)
    return rule if rule in _IMPOSSIBLE else None


def says(rule: Rule | int | None) -> str:
    """A verdict in words, for an alarm."""
    if rule is None:
        return "a reduction"
    try:
        return f"a refusal by {Rule(rule).label} ({int(rule)})"
    except ValueError:
        return f"a refusal by rule {rule}, which there is not"


def verdict_differs(index: int, expected: Rule | None, found: int | None, detail: str) -> Discrepancy:
    """Contract (or endpoint) and law disagree about a record."""
    label = Rule(expected).label if expected is not None else "reduction"
    return Discrepancy(index, f"verdict/{label}", f"{says(expected)} ({detail})", says(found))
