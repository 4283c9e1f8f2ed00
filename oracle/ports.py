"""What the oracle needs of the world, as Protocols: ledger, archive and registrar, implemented elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from chain_node.protocol.attestation import Domain
from chain_node.protocol.entries import Feed, GroupCaps, Method
from chain_node.protocol.rules import Rule


@dataclass(frozen=True, slots=True)
class FeedLaw:
    """What the ledger holds for a feed, as one snapshot: the law by which rows are judged beforehand.

    feed: its entry; methods: those the feed may use, by id; caps: by group; today: the day of the ledger's time.
    """

    feed: Feed
    methods: Mapping[int, Method]
    caps: Mapping[int, GroupCaps]
    today: int


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """What one batch may be: records, gas of its transaction, bytes of its call data."""

    max_records: int = 200
    max_tx_gas: int = 16_000_000
    max_tx_bytes: int = 131_072 - 2_048


@dataclass(frozen=True, slots=True)
class SignedBatch:
    """One `record(…)` call, ready to send.

    key: idempotency key of the transaction; the same key is always the same bytes. records: 64 bytes each;
    nullifiers: 32 bytes each, of the records that have one, in their order; signatures: 65 bytes each, by ascending
    address; gas: an estimate from above.
    """

    key: str
    feed: int
    first_sequence: int
    count: int
    records: bytes
    nullifiers: bytes
    config_digest: bytes
    signatures: bytes
    gas: int


class FailureKind(Enum):
    """Why the ledger did not take a batch.

    RECORD: a record with impossible fields; `position` says which, `rule` which rule (either may be unknown: None).
    SEQUENCE: its first sequence is not the feed's next. DOMAIN: it was signed for another ledger (rebuilt since).
    BLOCKED: paused, or the feed disabled; for now. REFUSED: whatever else no record is to blame for (signers …).
    UNKNOWN: reverted without a reason that says which of these; the batch is parted to find the record.
    """

    RECORD = "record"
    SEQUENCE = "sequence"
    DOMAIN = "domain"
    BLOCKED = "blocked"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Failure:
    """A batch that is mined as reverted, or that no node takes. position: of the record in the batch, from 0."""

    key: str
    kind: FailureKind
    message: str
    position: int | None = None
    rule: Rule | None = None


class Ledger(Protocol):
    """The contracts, by way of a sender that keeps what it sends on disk."""

    @property
    def limits(self) -> BatchLimits:
        """What one batch may be."""

    def domain(self) -> Domain:
        """The ledger's EIP-712 domain now; another one after a rebuild."""

    def law(self, feed: int) -> FeedLaw:
        """The feed, the methods it may use, their groups' caps, and today by the ledger's time."""

    def next_sequence(self, feed: int) -> int:
        """The sequence that the feed's next batch must start with."""

    def words(self, keys: Sequence[int]) -> Sequence[int]:
        """The slot words of these keys (`protocol.slotword.key`), 0 where there is none."""

    def submit(self, batches: Sequence[SignedBatch]) -> None:
        """Take these batches, in order. When it returns they are durable and will be sent; a known key is no error."""

    def advance(self, timeout: float) -> Sequence[Failure]:
        """Let the chain go on until the archive has grown or something failed, `timeout` seconds at most (0: look).

        Returns the batches that failed since the last call. One that had failed before it was submitted again under the
        same key (after a restart) is among them once more.
        """


class FinalEntries(Protocol):
    """The log's final entries (`chain_node.archive.reader.ArchiveReader`)."""

    @property
    def size(self) -> int:
        """How many entries are final."""

    def entries(self, start: int, stop: int) -> Iterator[bytes]:
        """The entries with index start … stop − 1."""


class AccountRegistrar(Protocol):
    """Persons → accounts, by organisation. What it returns is registered on the ledger, final."""

    def lookup_many(self, organisation: int, ids: Sequence[str]) -> Mapping[str, bytes]:
        """The accounts of those ids that are enrolled."""

    def enrol_many(self, organisation: int, ids: Sequence[str]) -> Mapping[str, bytes]:
        """Accounts for all these ids; those already enrolled keep theirs."""
