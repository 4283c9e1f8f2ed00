"""The kinds of the log's entries: one frozen dataclass a type. Their bytes are in `entries`, which re-exports them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from chain_node.protocol.records import ADDRESS_BYTES, HASH_BYTES, Record
from chain_node.protocol.rules import Rule

REDUCTION: Final = 0x01
REDUCTION_NULLIFIER: Final = 0x02
REFUSAL: Final = 0x03
REVOCATION: Final = 0x04
ACCOUNT: Final = 0x40
ORGANISATION: Final = 0x41
FEED: Final = 0x42
METHOD: Final = 0x43
GROUP_CAPS: Final = 0x44
CAMPAIGN: Final = 0x45
PAUSE: Final = 0x46
LOG_KEY: Final = 0x47

TRIAL_LATE_DAYS: Final = 0xFFFF
"""The late days of a trial feed: any day of the past, also of a closed vintage."""
MAX_LATE_DAYS: Final = 63
"""The ring of slot words holds 64 days, so that no feed may be later than this."""
OPEN_END: Final = 0xFFFF
"""The last day of a method without an end."""
WINDOW_NONE: Final = 255
CAP_LIMIT: Final = 1 << 30
"""Group caps stay below this: a slot word has 30 bits for each amount."""
NO_HASH: Final = bytes(HASH_BYTES)
NO_ADDRESS: Final = bytes(ADDRESS_BYTES)


class AccountState(IntEnum):
    """State of an account; 0 in the ledger is an address that was never registered."""

    ACTIVE = 1
    FROZEN = 2
    CLOSED = 3
    REPLACED = 4


class Standing(IntEnum):
    """State of an organisation or a feed."""

    ACTIVE = 1
    DISABLED = 2


class EvidenceClass(IntEnum):
    """Who vouches for the activity: the partner's system, a photo or document, or the resident alone."""

    MEASURED = 0
    DOCUMENTED = 1
    SELF_DECLARED = 2


@dataclass(frozen=True, slots=True)
class Reduction:
    """0x01, or 0x02 with a nullifier: one verified action. Amounts gross, in mg CO2e and thousandths of a point."""

    time: int
    feed: int
    sequence: int
    record: Record
    credits_mg: int
    millipoints: int
    bonus_millipoints: int = 0
    nullifier: bytes | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """0x03: the record with this sequence was skipped by this rule."""

    time: int
    feed: int
    sequence: int
    rule: Rule


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


@dataclass(frozen=True, slots=True)
class Account:
    """0x40: an account's full value. epoch: 0 = for life, else the only year it may earn in."""

    time: int
    account: bytes
    nullifier: bytes
    district: int
    epoch: int
    state: AccountState
    successor: bytes = NO_ADDRESS


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


@dataclass(frozen=True, slots=True)
class Method:
    """0x43: one immutable methodology version.

    credits_mg = activity × credit_num ÷ credit_den, points likewise, floored. max_per_slot: 0 = none. windows: None =
    claims no slots; () = free; else the allowed (first, count). valid_from, valid_to: days, inclusive. text: hash of
    its published text.
    """

    time: int
    id: int
    behaviour: int
    group: int
    credit_num: int
    credit_den: int
    point_num: int
    point_den: int
    max_activity: int
    max_per_slot: int
    windows: tuple[tuple[int, int], ...] | None
    valid_from: int
    valid_to: int
    needs_nullifier: bool
    evidence_class: EvidenceClass
    text: bytes

    @property
    def claims_slots(self) -> bool:
        return self.windows is not None

    @property
    def flags(self) -> int:
        """bit 0: nullifier required; bits 1 and 2: evidence class."""
        return int(self.needs_nullifier) | self.evidence_class << 1


@dataclass(frozen=True, slots=True)
class GroupCaps:
    """0x44: the caps of an exclusion group, per account and day, on base amounts."""

    time: int
    group: int
    credits_mg: int
    millipoints: int


@dataclass(frozen=True, slots=True)
class Pause:
    """0x46: recording pauses until this instant (unix seconds); 0 = lifted."""

    time: int
    until: int
    scope: int = 0


@dataclass(frozen=True, slots=True)
class LogKey:
    """0x47: the Ed25519 key that signs the log's checkpoints; its name is the log's origin."""

    time: int
    public_key: bytes
    key_type: int = 0x01


Entry = Reduction | Refusal | Revocation | Account | Organisation | Feed | Method | GroupCaps | Pause | LogKey
