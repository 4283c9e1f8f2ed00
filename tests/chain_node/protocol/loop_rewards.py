"""Rewards in a replay: a merchant's item, orders of it, and people with points of two years."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from loop_support import CUSTODIAN, DAY, WHO, open_loop, tail
from protocol_world import START, TRIAL, feed, reduction, secret

from chain_node.protocol import attestation
from chain_node.protocol import entries as e
from chain_node.protocol.kinds.act import AgentTail, Part
from chain_node.protocol.kinds.agents import Agent, AgentRole
from chain_node.protocol.kinds.rewards import (
    NO_TAIL,
    Fulfilment,
    Item,
    ItemKind,
    ItemState,
    Order,
    Refund,
    RefundCause,
)
from chain_node.protocol.replay import State
from chain_node.protocol.times import day_of

MERCHANT = 2
MUG = 1
PRICE = 1_200
CASHIER_KEY = secret("cashier")
CASHIER = attestation.address_of(CASHIER_KEY)
CODE = secret("code")
OLD, NEW = 4_800, 2_400
"""Millipoints of 2025 and 2026."""
Parts = tuple[tuple[int, int], ...]
FIRST_PARTS: Parts = ((2025, PRICE),)


def open_shop(*more: e.Entry) -> State:
    """Person 0 has points of two years; person 1 too."""
    trial = feed(feed=3, late_days=TRIAL)
    earned: list[e.Entry] = []
    for who in (0, 1):
        earned.append(reduction(who, who=who, feed=3, day=day_of(START) - 300))
        earned.append(reduction(who, who=who, activity=500))
    merchant = (
        e.Organisation(START, MERCHANT, secret("merchant"), e.Standing.ACTIVE),
        Agent(START, CASHIER, MERCHANT, AgentRole.MERCHANT, e.Standing.ACTIVE),
    )
    return open_loop(trial, *earned, *merchant, item(), *more)


def item(**changes: object) -> Item:
    """100 mugs for 1.2 points each."""
    times = (START - DAY, START + 30 * DAY, 7 * DAY, 3 * DAY)
    mug = Item(
        START, MUG, MERCHANT, ItemKind.GOOD, PRICE, 990, 100, 0, 0, *times, START, secret("a mug"), ItemState.ACTIVE
    )
    return replace(mug, **changes)  # type: ignore[arg-type]


def order(
    quantity: int = 1,
    nonce: int = 0,
    *,
    parts: Parts = FIRST_PARTS,
    time: int = START,
    signer: bytes = CUSTODIAN,
    **changes: object,
) -> Order:
    """By the custodian, for person 0."""
    made = tuple(Part(*part) for part in parts)
    code_hash = hashlib.sha256(CODE).digest()
    until = (time + 7 * DAY, time + 3 * DAY)
    signed_by = tail(signer, nonce)
    whole = Order(time, WHO, MUG, quantity, PRICE, 990, code_hash, *until, PRICE * quantity, made, signed_by)
    return replace(whole, **changes)  # type: ignore[arg-type]


def fulfilment(of: int, *, time: int = START, code: bytes = CODE, signer: bytes = CASHIER) -> Fulfilment:
    return Fulfilment(time, of, code, AgentTail(signer, bytes(65)))


def refund(
    of: int,
    cause: RefundCause,
    *,
    parts: Parts = FIRST_PARTS,
    time: int = START,
    signer: bytes | None = None,
    account: bytes = WHO,
) -> Refund:
    by = signer or (CASHIER if cause is RefundCause.MERCHANT else CUSTODIAN)
    signed_by = NO_TAIL if cause is RefundCause.UNFULFILLED else AgentTail(by, bytes(65))
    return Refund(time, of, account, cause, tuple(Part(*part) for part in parts), signed_by)
