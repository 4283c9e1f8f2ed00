"""The moves between buckets, by the numbers they have in the contracts, and which of them an entry's type may make.

A module hands the ledger postings; the ledger makes none that is not in this table under the entry's type, so that no
governance can give a module a mint. The same holds here, of every posting.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import Final

from chain_node.protocol.errors import PostingError
from chain_node.protocol.postings import NOBODY, Bucket, Posting, Unit

Way = tuple[Bucket, Bucket]
"""(from, to)."""


class MoveKind(IntEnum):
    """A move, by its number in a posting's word."""

    ISSUE = 1
    BONUS = 2
    REVOKE = 3
    BOOK = 4
    REDEEM = 5
    REFUND = 6
    PLEDGE = 7
    DELIVER = 8
    RETURN = 9
    EXPIRE = 10
    CARRY_OUT = 11
    CARRY_IN = 12
    RETIRE = 13
    AGGREGATE = 14
    BUFFER = 15
    RETIRE_BATCH = 16
    LOCK = 17
    EXPORT = 18
    UNLOCK = 19
    ANSWER = 20
    QUARANTINE = 21
    RELEASE = 22
    WITHDRAW = 23
    RECOGNISE = 24
    PRIZE = 25
    DONATE = 26
    LAPSE = 27
    WAIVE = 28
    TRANSFER = 29
    TO_TREASURY = 30
    FROM_TREASURY = 31


WAYS: Final[dict[MoveKind, Way]] = {
    MoveKind.ISSUE: (Bucket.ISSUED, Bucket.HELD),
    MoveKind.BONUS: (Bucket.BONUS, Bucket.HELD),
    MoveKind.REVOKE: (Bucket.HELD, Bucket.REVOKED),
    MoveKind.BOOK: (Bucket.BOOKED, Bucket.OWED),
    MoveKind.REDEEM: (Bucket.HELD, Bucket.REDEEMED),
    MoveKind.REFUND: (Bucket.REDEEMED, Bucket.HELD),
    MoveKind.PLEDGE: (Bucket.HELD, Bucket.PLEDGED),
    MoveKind.DELIVER: (Bucket.PLEDGED, Bucket.REDEEMED),
    MoveKind.RETURN: (Bucket.PLEDGED, Bucket.HELD),
    MoveKind.EXPIRE: (Bucket.HELD, Bucket.EXPIRED),
    MoveKind.CARRY_OUT: (Bucket.HELD, Bucket.CARRIED_OUT),
    MoveKind.CARRY_IN: (Bucket.CARRIED_IN, Bucket.HELD),
    MoveKind.RETIRE: (Bucket.HELD, Bucket.RETIRED),
    MoveKind.AGGREGATE: (Bucket.HELD, Bucket.BATCH),
    MoveKind.BUFFER: (Bucket.BATCH, Bucket.BUFFER),
    MoveKind.RETIRE_BATCH: (Bucket.BATCH, Bucket.RETIRED),
    MoveKind.LOCK: (Bucket.BATCH, Bucket.LOCKED),
    MoveKind.EXPORT: (Bucket.LOCKED, Bucket.EXPORTED),
    MoveKind.UNLOCK: (Bucket.LOCKED, Bucket.BATCH),
    MoveKind.ANSWER: (Bucket.BUFFER, Bucket.REVOKED),
    MoveKind.QUARANTINE: (Bucket.HELD, Bucket.QUARANTINED),
    MoveKind.RELEASE: (Bucket.QUARANTINED, Bucket.HELD),
    MoveKind.WITHDRAW: (Bucket.QUARANTINED, Bucket.REVOKED),
    MoveKind.RECOGNISE: (Bucket.RECOGNISED, Bucket.HELD),
    MoveKind.PRIZE: (Bucket.PRIZE, Bucket.HELD),
    MoveKind.DONATE: (Bucket.HELD, Bucket.DONATED),
    MoveKind.LAPSE: (Bucket.HELD, Bucket.LAPSED),
    MoveKind.WAIVE: (Bucket.OWED, Bucket.WAIVED),
    MoveKind.TRANSFER: (Bucket.HELD, Bucket.HELD),
    MoveKind.TO_TREASURY: (Bucket.HELD, Bucket.TREASURY),
    MoveKind.FROM_TREASURY: (Bucket.TREASURY, Bucket.HELD),
}

BY_TYPE: Final[dict[int, frozenset[MoveKind]]] = {
    0x11: frozenset({MoveKind.REDEEM}),
    0x13: frozenset({MoveKind.REFUND}),
    0x19: frozenset({MoveKind.PLEDGE}),
    0x1B: frozenset({MoveKind.DELIVER}),
    0x1D: frozenset({MoveKind.RETURN}),
    0x23: frozenset({MoveKind.PRIZE}),
    0x24: frozenset({MoveKind.EXPIRE, MoveKind.CARRY_OUT, MoveKind.CARRY_IN}),
    0x28: frozenset({MoveKind.RETIRE, MoveKind.RETIRE_BATCH}),
    0x29: frozenset({MoveKind.TRANSFER}),
    0x2A: frozenset({MoveKind.AGGREGATE}),
    0x2B: frozenset({MoveKind.BUFFER}),
    0x2C: frozenset({MoveKind.LOCK, MoveKind.UNLOCK}),
    0x2D: frozenset({MoveKind.EXPORT}),
    0x2E: frozenset({MoveKind.ANSWER}),
    0x30: frozenset({MoveKind.QUARANTINE, MoveKind.RELEASE, MoveKind.WITHDRAW}),
    0x34: frozenset({MoveKind.RECOGNISE, MoveKind.REDEEM}),
    0x35: frozenset({MoveKind.TO_TREASURY, MoveKind.FROM_TREASURY}),
    0x36: frozenset({MoveKind.TO_TREASURY, MoveKind.FROM_TREASURY}),
    0x37: frozenset({MoveKind.TO_TREASURY, MoveKind.FROM_TREASURY}),
    0x51: frozenset({MoveKind.TRANSFER}),
    0x52: frozenset({MoveKind.DONATE, MoveKind.LAPSE, MoveKind.WAIVE}),
}
"""Entry type → the moves that an act of this type may make; all other acts move nothing."""

NUMBER: Final[dict[Way, MoveKind]] = {way: kind for kind, way in WAYS.items()}


def posted(
    kind: MoveKind, unit: Unit, parts: Iterable[tuple[int, int]], owner: bytes = NOBODY, to: bytes = NOBODY
) -> list[Posting]:
    """A posting of this move for each (vintage, amount)."""
    origin, target = WAYS[kind]
    return [Posting(unit, vintage, origin, target, amount, owner, to) for vintage, amount in parts]


def check_moves(code: int, posts: Iterable[Posting]) -> None:
    """Raises PostingError: an act of type `code` may not make one of these moves."""
    allowed = BY_TYPE.get(code, frozenset())
    for post in posts:
        if NUMBER.get((post.origin, post.target)) not in allowed:
            raise PostingError(
                f"an entry of type 0x{code:02x} moves nothing from {post.origin.name} to {post.target.name}: {post}"
            )
