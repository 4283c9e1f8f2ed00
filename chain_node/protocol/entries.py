"""The bytes of the log's entries, and the door to their kinds.

Every entry starts with `type u8 ‖ time u64` (block time, seconds UTC); integers are big-endian. An entry has one
spelling: `decode` refuses bytes that `encode` would not write. Each kind's form is in its family's file in `kinds`.
"""

from __future__ import annotations

import struct
from typing import Final

from chain_node.protocol.errors import CodecError
from chain_node.protocol.kinds import BY_ENTRY, BY_TYPE, KINDS, Entry
from chain_node.protocol.kinds.accounts import ACCOUNT, Account, AccountState
from chain_node.protocol.kinds.act import Act
from chain_node.protocol.kinds.kind import HEAD, NO_ADDRESS, NO_HASH
from chain_node.protocol.kinds.methods import (
    CAP_LIMIT,
    GROUP_CAPS,
    METHOD,
    OPEN_END,
    WINDOW_NONE,
    EvidenceClass,
    GroupCaps,
    Method,
)
from chain_node.protocol.kinds.operation import LOG_KEY, PAUSE, LogKey, Pause
from chain_node.protocol.kinds.organisations import (
    FEED,
    MAX_LATE_DAYS,
    ORGANISATION,
    TRIAL_LATE_DAYS,
    Feed,
    Organisation,
    Standing,
)
from chain_node.protocol.kinds.reductions import (
    REDUCTION,
    REDUCTION_NULLIFIER,
    REFUSAL,
    UNROLLED_REDUCTION,
    Reduction,
    Refusal,
    pack_reduction,
    pack_refusal,
)
from chain_node.protocol.kinds.revocations import REVOCATION, Revocation
from chain_node.protocol.layout import Layout
from chain_node.protocol.postings import Holdings, Posting

CAMPAIGN: Final = 0x45
"""Its kind has no form yet."""

__all__ = [
    "ACCOUNT",
    "CAMPAIGN",
    "CAP_LIMIT",
    "FEED",
    "GROUP_CAPS",
    "KINDS",
    "LOG_KEY",
    "MAX_LATE_DAYS",
    "METHOD",
    "NO_ADDRESS",
    "NO_HASH",
    "OPEN_END",
    "ORGANISATION",
    "PAUSE",
    "REDUCTION",
    "REDUCTION_NULLIFIER",
    "REFUSAL",
    "REVOCATION",
    "TRIAL_LATE_DAYS",
    "UNROLLED_REDUCTION",
    "WINDOW_NONE",
    "Account",
    "AccountState",
    "Act",
    "Entry",
    "EvidenceClass",
    "Feed",
    "GroupCaps",
    "LogKey",
    "Method",
    "Organisation",
    "Pause",
    "Reduction",
    "Refusal",
    "Revocation",
    "Standing",
    "decode",
    "encode",
    "layout_of",
    "pack_reduction",
    "pack_refusal",
    "postings",
    "time_of",
    "type_of",
]

HEAD_BYTES: Final = HEAD.end
_TIME: Final = HEAD.place["time"]


def type_of(data: bytes) -> int:
    """The type byte of an entry. Raises CodecError: too short for an entry, or no kind has this type."""
    if len(data) < HEAD_BYTES:
        raise CodecError(f"an entry has at least {HEAD_BYTES} bytes, not {len(data)}")
    code = data[0]
    if code not in BY_TYPE:
        raise CodecError(f"entry type 0x{code:02x} is not assigned: a newer program has it, or a byte was changed")
    return code


def time_of(data: bytes) -> int:
    """The time of an entry's bytes, unix seconds."""
    return int.from_bytes(data[_TIME], "big")


def layout_of(entry: type[Entry]) -> Layout:
    """Where this kind's fields of fixed width are."""
    return BY_ENTRY[entry].layout


def encode(entry: Entry) -> bytes:
    """The entry's bytes. Raises CodecError: a field outside its type's range, or fields that contradict each other."""
    kind = BY_ENTRY[type(entry)]
    kind.check(entry)
    try:
        return kind.encode(entry)
    except (struct.error, OverflowError) as error:
        raise CodecError(f"a field of {entry!r} is out of range: {error}") from None


def decode(data: bytes) -> Entry:
    """The entry in these bytes. Raises CodecError: no entry has these bytes."""
    code = type_of(data)
    kind = BY_TYPE[code]
    try:
        entry: Entry = kind.decode(data)
    except (struct.error, ValueError, IndexError) as error:
        raise CodecError(f"entry of type 0x{code:02x} with {len(data)} bytes: {error}") from None
    kind.check(entry)
    return entry


def postings(entry: Entry, books: Holdings) -> list[Posting]:
    """What the entry moves, in order, after the books before it.

    Raises PostingError: the books do not lead to what it says.
    """
    return BY_ENTRY[type(entry)].postings(entry, books)
