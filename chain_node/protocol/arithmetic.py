"""Methodology arithmetic: what an activity is worth, and which bound of its method a record breaks."""

from __future__ import annotations

from chain_node.protocol.entries import Method
from chain_node.protocol.errors import CodecError
from chain_node.protocol.records import Record
from chain_node.protocol.rules import Rule
from chain_node.protocol.times import SLOTS_PER_DAY


def worth(method: Method, activity: int) -> tuple[int, int]:
    """(credits_mg, millipoints) of this activity: each fraction is floored once, at the end.

    credits_mg: reduction in milligrams CO2e; millipoints: thousandths of a point; activity: in the method's unit.
    """
    credits_mg = activity * method.credit_num // method.credit_den
    return credits_mg, activity * method.point_num // method.point_den


def check_record(method: Method, record: Record) -> Rule | None:
    """The first rule that the record breaks whatever the ledger's state is, or None.

    In the ledger's order: the fields that revert a batch (slots, campaign, activity, bounds, window), then whether
    the method is valid on the record's day. Raises CodecError: the record names another method.
    """
    if record.method != method.id:
        raise CodecError(f"the record names method {record.method}, not {method.id}")
    if record.slots < 1 or record.slot + record.slots > SLOTS_PER_DAY or record.campaign != 0:
        return Rule.MALFORMED
    if record.activity == 0:
        return Rule.ZERO_ACTIVITY
    if record.activity > method.max_activity:
        return Rule.OVER_BOUND
    if method.max_per_slot and record.activity > method.max_per_slot * (record.slots + 1):
        return Rule.OVER_SLOT_BOUND
    if method.windows and (record.slot, record.slots) not in method.windows:
        return Rule.WINDOW
    if not method.valid_from <= record.day <= method.valid_to:
        return Rule.NOT_IN_FORCE
    return None
