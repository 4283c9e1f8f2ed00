"""Organisations, and the feeds by which they attest."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from chain_node.protocol.kinds.kind import Kind, ascending, require
from chain_node.protocol.layout import Layout
from chain_node.protocol.records import ADDRESS_BYTES, HASH_BYTES

ORGANISATION: Final = 0x41
FEED: Final = 0x42

TRIAL_LATE_DAYS: Final = 0xFFFF
"""The late days of a trial feed: any day of the past, also of a closed vintage."""
MAX_LATE_DAYS: Final = 63
"""The ring of slot words holds 64 days, so that no feed may be later than this."""

_ORGANISATION: Final = Layout("type:B time:Q id:H description:32s state:B")
_FEED_HEAD: Final = Layout("type:B time:Q feed:H organisation:H version:I threshold:B signer_count:B signers:")
_FEED_BOUNDS: Final = Layout("late_days:H credits_cap:Q millipoints_cap:Q methods:")


class Standing(IntEnum):
    """State of an organisation or a feed."""

    ACTIVE = 1
    DISABLED = 2


@dataclass(frozen=True, slots=True)
class Organisation:
    """0x41: an organisation and the SHA-256 of its published description."""

    time: int
    id: int
    description: bytes
    state: Standing


@dataclass(frozen=True, slots=True)
class Feed:
    """0x42: a feed, its signer set and its bounds. signers and methods are strictly ascending."""

    time: int
    feed: int
    organisation: int
    version: int
    threshold: int
    signers: tuple[bytes, ...]
    late_days: int
    credits_cap: int
    millipoints_cap: int
    methods: tuple[int, ...]
    state: Standing

    @property
    def trial(self) -> bool:
        return self.late_days == TRIAL_LATE_DAYS


def _encode_organisation(e: Organisation) -> bytes:
    return _ORGANISATION.codes.pack(ORGANISATION, e.time, e.id, e.description, e.state)


def _decode_organisation(data: bytes) -> Organisation:
    _, time, identity, description, state = _ORGANISATION.codes.unpack(data)
    return Organisation(time, identity, description, Standing(state))


def _check_organisation(e: Organisation) -> None:
    require(len(e.description) == HASH_BYTES, e, "a description's hash has 32 bytes")


def _encode_feed(e: Feed) -> bytes:
    head = _FEED_HEAD.codes.pack(FEED, e.time, e.feed, e.organisation, e.version, e.threshold, len(e.signers))
    bounds = _FEED_BOUNDS.codes.pack(e.late_days, e.credits_cap, e.millipoints_cap)
    methods = struct.pack(f">{len(e.methods)}H", *e.methods)
    return head + b"".join(e.signers) + bounds + methods + bytes([e.state])


def _decode_feed(data: bytes) -> Feed:
    _, time, feed, organisation, version, threshold, count = _FEED_HEAD.codes.unpack_from(data)
    bounds_at = _FEED_HEAD.end + ADDRESS_BYTES * count
    signers = tuple(data[at : at + ADDRESS_BYTES] for at in range(_FEED_HEAD.end, bounds_at, ADDRESS_BYTES))
    late_days, credits_cap, millipoints_cap = _FEED_BOUNDS.codes.unpack_from(data, bounds_at)
    methods_at = bounds_at + _FEED_BOUNDS.codes.size
    methods = struct.unpack(f">{(len(data) - 1 - methods_at) // 2}H", data[methods_at:-1])
    state = Standing(data[-1])
    caps = (credits_cap, millipoints_cap)
    return Feed(time, feed, organisation, version, threshold, signers, late_days, *caps, methods, state)


def _check_feed(feed: Feed) -> None:
    count = len(feed.signers)
    require(all(len(signer) == ADDRESS_BYTES for signer in feed.signers), feed, "a signer has 20 bytes")
    require(ascending(feed.signers), feed, "signers are strictly ascending")
    require(ascending(feed.methods), feed, "methods are strictly ascending")
    require(feed.late_days <= MAX_LATE_DAYS or feed.trial, feed, "late days are at most 63, or 65535 for a trial feed")
    # A signer that was disabled may leave fewer than the threshold: such a feed mints nothing, and is no error.
    require(feed.threshold > 0 and 2 * feed.threshold > count, feed, "a threshold is more than half of the signers")


ORGANISATIONS: Final = Kind(
    "organisation",
    (ORGANISATION,),
    Organisation,
    _ORGANISATION,
    _encode_organisation,
    _decode_organisation,
    _check_organisation,
)
FEEDS: Final = Kind(
    "feed",
    (FEED,),
    Feed,
    _FEED_HEAD,
    _encode_feed,
    _decode_feed,
    _check_feed,
    behind=(("bounds", _FEED_BOUNDS),),
)
