"""A reduction is taken back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from chain_node.protocol.errors import PostingError
from chain_node.protocol.kinds.kind import Kind, flag, require
from chain_node.protocol.layout import Layout
from chain_node.protocol.postings import Bucket, Holdings, Posting, Unit, moved, revoke
from chain_node.protocol.records import HASH_BYTES

REVOCATION: Final = 0x04

_REVOCATION: Final = Layout(
    "type:B time:Q index:Q reason:H reason_hash:32s release:B "
    "credits_burned:Q millipoints_burned:Q credits_owed:Q millipoints_owed:Q"
)


@dataclass(frozen=True, slots=True)
class Revocation:
    """0x04: the reduction at `index` is taken back. What could not be burned is owed. `release`: its slots, what it
    used of the day's caps, and its nullifier are free again."""

    time: int
    index: int
    reason: int
    reason_hash: bytes
    release: bool
    credits_burned: int
    millipoints_burned: int
    credits_owed: int
    millipoints_owed: int


def _encode_revocation(e: Revocation) -> bytes:
    amounts = (e.credits_burned, e.millipoints_burned, e.credits_owed, e.millipoints_owed)
    return _REVOCATION.codes.pack(REVOCATION, e.time, e.index, e.reason, e.reason_hash, e.release, *amounts)


def _decode_revocation(data: bytes) -> Revocation:
    _, time, index, reason, reason_hash, release, *amounts = _REVOCATION.codes.unpack(data)
    return Revocation(time, index, reason, reason_hash, flag(release), *amounts)


def _check(e: Revocation) -> None:
    require(len(e.reason_hash) == HASH_BYTES, e, "a reason's hash has 32 bytes")


def _post(e: Revocation, books: Holdings) -> list[Posting]:
    given = books.given(e.index)
    if given is None:
        raise PostingError(f"entry {e.index} is no reduction, or is revoked already")
    posts = revoke(books, given)
    burned = tuple(moved(posts, unit, Bucket.REVOKED) for unit in Unit)
    owed = tuple(moved(posts, unit, Bucket.OWED) for unit in Unit)
    said = (e.credits_burned, e.millipoints_burned, e.credits_owed, e.millipoints_owed)
    if (*burned, *owed) != said:
        raise PostingError(f"a revocation of entry {e.index} burns and owes {(*burned, *owed)}, not {said}")
    return posts


REVOCATIONS: Final = Kind(
    "revocation", (REVOCATION,), Revocation, _REVOCATION, _encode_revocation, _decode_revocation, _check, _post
)
