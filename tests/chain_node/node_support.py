"""A small law, and batches signed by real keys: what tests of the node share."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from chain_node.node.node import Node
from chain_node.node.settings import NodeSettings
from chain_node.protocol.attestation import Attestation, address_of, digest, sign
from chain_node.protocol.entries import Feed, Organisation, Standing
from chain_node.protocol.records import Record, records_root
from chain_node.sending.sender import Tx

FEED = 1
CYCLING = 101
PLATE = 108  # meals: needs a nullifier
SIGNERS = sorted((hashlib.sha256(b"signer %d" % n).digest() for n in range(3)), key=address_of)
CONFIG = b"\x0c" * 32


def settings(**changes: object) -> NodeSettings:
    """A small law: one organisation, one trial feed, 2 of 3 signers; blocks four times a second."""
    organisation = Organisation(0, 1, b"\x01" * 32, Standing.ACTIVE)
    signers = tuple(address_of(key) for key in SIGNERS)
    caps = (10**14, 10**13)
    feed = Feed(0, FEED, 1, 0, 2, signers, 65535, *caps, (CYCLING, PLATE), Standing.ACTIVE)
    values: dict[str, object] = {"block_time": 0.25, "organisations": (organisation,), "feeds": (feed,)}
    return NodeSettings(**(values | changes))  # type: ignore[arg-type]


@dataclass
class Batches:
    """Signs and sends batches of one feed."""

    node: Node
    counter: Iterator[int] = field(default_factory=itertools.count)

    def records(self, accounts: Sequence[bytes], day: int = 18_000, slots: int = 2) -> list[Record]:
        """A ride each, on slots that are free."""
        made = []
        for account in accounts:
            turn = next(self.counter)
            slot = turn * slots % (180 - slots)
            evidence = hashlib.sha256(b"evidence %d" % turn).digest()
            at = day + turn * slots // (180 - slots)
            made.append(Record(account, CYCLING, at, slot, slots, 0, 1000 + turn, evidence))
        return made

    def tx(
        self,
        records: Sequence[Record],
        nullifiers: Sequence[bytes] = (),
        *,
        sequence: int | None = None,
        keys: Sequence[bytes] = SIGNERS[:2],
    ) -> Tx:
        """A signed batch; nullifiers for the records whose method needs one."""
        ledger = self.node.ledger
        first = ledger.next_sequence(FEED) if sequence is None else sequence
        left = iter(nullifiers)
        payloads = [record.encode() + (next(left) if record.method == PLATE else b"") for record in records]
        attestation = Attestation(FEED, first, len(records), records_root(payloads), CONFIG)
        signed = digest(self.node.manifest.domain, attestation)
        signatures = b"".join(sign(key, signed) for key in keys)
        packed = b"".join(record.encode() for record in records)
        data = ledger.record_data(FEED, first, packed, b"".join(nullifiers), CONFIG, signatures)
        return Tx(
            ledger.address, data, 400_000 + 75_000 * len(records), f"batch/{FEED}/{first}/{signatures.hex()[:16]}"
        )

    def send(self, records: Sequence[Record], nullifiers: Sequence[bytes] = ()) -> None:
        """Record a batch."""
        self.node.sender("relay").run([self.tx(records, nullifiers)])
