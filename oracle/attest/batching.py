"""How many records go into one batch, and what it will cost at most."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from chain_node.protocol.attestation import Attestation
from chain_node.protocol.records import records_root
from oracle.ports import BatchLimits

GAS_BATCH: Final = 300_000
"""The transaction itself, quorum, feed and method, root, events; at worst the first of its feed and vintage. Measured:
167,000, and a log that has just got a level costs a word more."""
GAS_SAME_DAY: Final = 26_000
"""A record whose word is in use that day, so its account has this vintage too."""
GAS_NEW_DAY: Final = 62_000
"""A record that opens a word and, at worst, its account's vintage of the year."""
GAS_NULLIFIER: Final = 24_000
CALL_BYTES: Final = 1_024
"""Call data besides records and nullifiers."""


class Pending(NamedTuple):
    """A record that waits for its batch. nullifier: 32 bytes or none; gas: an estimate from above.

    settings: the digest of the settings that it was judged by, which its signers attest; empty where nobody knows.
    """

    sequence: int
    body: bytes
    nullifier: bytes
    gas: int
    settings: bytes = b""


def gas_of(same_day: bool, nullifier: bytes) -> int:
    """A record's estimate."""
    return (GAS_SAME_DAY if same_day else GAS_NEW_DAY) + (GAS_NULLIFIER if nullifier else 0)


def batches(records: Iterable[Pending], limits: BatchLimits, at_most: int | None = None) -> Iterator[list[Pending]]:
    """Part records of consecutive sequences into batches within the limits, each as full as can be.

    A batch is attested under one digest: records that were judged by other settings go into another.
    """
    most = min(limits.max_records, at_most or limits.max_records)
    batch: list[Pending] = []
    gas, size = GAS_BATCH, CALL_BYTES
    for record in records:
        more = len(record.body) + len(record.nullifier)
        full = len(batch) == most or bool(batch and record.settings != batch[0].settings)
        full = full or gas + record.gas > limits.max_tx_gas or size + more > limits.max_tx_bytes
        if batch and full:
            yield batch
            batch, gas, size = [], GAS_BATCH, CALL_BYTES
        batch.append(record)
        gas, size = gas + record.gas, size + more
    if batch:
        yield batch


def gas_limit(batch: Iterable[Pending]) -> int:
    """The batch's gas, estimated from above."""
    return GAS_BATCH + sum(record.gas for record in batch)


def attestation(feed: int, batch: list[Pending], config_digest: bytes) -> Attestation:
    """What the feed's signers say of this batch. config_digest: of the settings, where the batch does not know them."""
    root = records_root([record.body + record.nullifier for record in batch])
    return Attestation(feed, batch[0].sequence, len(batch), root, batch[0].settings or config_digest)
