"""The ledger's events → the log's entries, byte for byte as the contract appended them.

Events alone are enough: a batch's event carries records, nullifiers, time, and what its quorum signed with; refusals
have an event; amounts follow from the method in force, which is itself an entry. So nothing of the contract's storage
has to be believed, and it does not matter who sent a batch, or through which contract.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, assert_never

from eth_abi.abi import decode as abi_decode

from chain_node.archive.calls import BatchFields, Call, RefusedRecord
from chain_node.contracts.handles import artefact
from chain_node.errors import FollowerError
from chain_node.protocol.arithmetic import worth
from chain_node.protocol.attestation import SIGNATURE_BYTES, Attestation, Domain, check_quorum, digest
from chain_node.protocol.entries import (
    Account,
    Act,
    Feed,
    GroupCaps,
    LogKey,
    Method,
    Organisation,
    Pause,
    Reduction,
    Refusal,
    Revocation,
    decode,
    pack_reduction,
    pack_refusal,
)
from chain_node.protocol.errors import ProtocolError
from chain_node.protocol.merkle import Tree, leaf_hash
from chain_node.protocol.records import HASH_BYTES, RECORD_BYTES, activity_of, method_of, records_root
from chain_node.rpc.client import to_bytes, to_hex

_BATCH: Final = ("uint64", "bytes32", "bytes", "bytes", "bytes32", "bytes")
_NAMES: Final = ("BatchRecorded", "RecordRefused", "EntryAppended", "LogExtended")


def topics() -> dict[str, str]:
    """Event name → topic 0, for `eth_getLogs`."""
    events = artefact("LuyaLedger").abi.events
    return {name: to_hex(events[name].topic) for name in _NAMES}


@dataclass(slots=True)
class Known:
    """What earlier entries say that later batches need; grows as entries are taken.

    Attributes:
        methods, feeds: the latest entry of each id.
        sequences: next sequence by feed.
    """

    methods: dict[int, Method] = field(default_factory=dict)
    feeds: dict[int, Feed] = field(default_factory=dict)
    sequences: dict[int, int] = field(default_factory=dict)

    def take(self, data: bytes) -> None:
        """Learn from one entry that no batch brought.

        Raises:
            ProtocolError: it is no entry.
        """
        entry = decode(data)
        match entry:
            case Method():
                self.methods[entry.id] = entry
            case Feed():
                self.feeds[entry.feed] = entry
            case Reduction() | Refusal():
                # outside a batch only in the import phase, whose sequences the archive's calls have
                pass
            case Revocation() | Account() | Organisation() | GroupCaps() | Pause() | LogKey() | Act():
                pass
            case _:
                assert_never(entry)


class Rebuilder:
    """Turns logs, in their order, into entries and calls that continue a log.

    Args:
        tree: the log's right edge so far; grows.
        known: what the entries so far say; grows.
        domain: the EIP-712 domain of the chain's batches.
    """

    def __init__(self, tree: Tree, known: Known, domain: Domain) -> None:
        self.tree = tree
        self._known = known
        self._domain = domain
        self._names = {topic: name for name, topic in topics().items()}

    def take(self, logs: Sequence[dict[str, Any]]) -> tuple[list[bytes], list[Call]]:
        """Entries and calls of these logs; what the log already has is skipped.

        Args:
            logs: of whole blocks, as `eth_getLogs` gives them, ascending.

        Raises:
            FollowerError: indexes, sequences or roots do not continue, or a batch's signatures are not its quorum's.
        """
        refused = self._refusals(logs)
        entries: list[bytes] = []
        calls: list[Call] = []
        loose: list[bytes] = []
        for log in logs:
            name = self._names.get(log["topics"][0])
            if name == "EntryAppended":
                self._loose(log, loose)
            elif name == "LogExtended":
                calls += self._end_call(log, loose)
                entries += loose
                loose = []
            elif name == "BatchRecorded":
                made, call = self._batch(log, refused)
                entries += made
                calls += call
        if loose:
            raise FollowerError(f"{len(loose)} entries from {self.tree.size - len(loose)} on have no closing event")
        return entries, calls

    def _refusals(self, logs: Sequence[dict[str, Any]]) -> dict[int, tuple[int, int]]:
        """Log index → (sequence, rule), whichever order the contract emits its events in."""
        found = {}
        for log in logs:
            if self._names.get(log["topics"][0]) == "RecordRefused":
                data = log["data"]
                found[int(log["topics"][2], 16)] = (int(data[2:66], 16), int(data[66:130], 16))
        return found

    def _loose(self, log: dict[str, Any], loose: list[bytes]) -> None:
        index = int(log["topics"][1], 16)
        if index < self.tree.size:
            if loose:
                raise FollowerError(f"entry {index} appears after entry {self.tree.size - 1}")
            return
        self._expect(index, log)
        entry = abi_decode(["bytes"], to_bytes(log["data"]))[0]
        self._add(entry)
        try:
            self._known.take(entry)
        except ProtocolError as error:
            raise FollowerError(f"entry {index} cannot be read: {error}") from error
        loose.append(entry)

    def _end_call(self, log: dict[str, Any], loose: list[bytes]) -> list[Call]:
        size = int(log["topics"][1], 16)
        if not loose:
            if size > self.tree.size:
                raise FollowerError(f"the log is said to have {size} entries, seen are {self.tree.size}{_where(log)}")
            return []
        if size != self.tree.size:
            raise FollowerError(f"the log is said to have {size} entries, seen are {self.tree.size}{_where(log)}")
        self._check_root(to_bytes(log["data"]), log)
        first = self.tree.size - len(loose)
        return [Call(first, len(loose), log["transactionHash"], int(log["blockNumber"], 16))]

    def _batch(self, log: dict[str, Any], refused: dict[int, tuple[int, int]]) -> tuple[list[bytes], list[Call]]:
        _, feed_topic, sequence_topic, index_topic = log["topics"]
        feed, sequence, index = int(feed_topic, 16), int(sequence_topic, 16), int(index_topic, 16)
        if index < self.tree.size:
            return [], []
        self._expect(index, log)
        expected = self._known.sequences.get(feed, 0)
        if sequence != expected:
            raise FollowerError(f"feed {feed} continues at sequence {expected}, the chain says {sequence}{_where(log)}")
        time, root, records, nullifiers, config_digest, signed = abi_decode(_BATCH, to_bytes(log["data"]))
        entries, payloads, skipped = self._entries(feed, sequence, index, time, records, nullifiers, refused)
        self._check_root(root, log)
        self._known.sequences[feed] = sequence + len(entries)
        signatures = tuple(signed[at : at + SIGNATURE_BYTES] for at in range(0, len(signed), SIGNATURE_BYTES))
        attestation = Attestation(feed, sequence, len(entries), records_root(payloads), config_digest)
        self._check_quorum(attestation, signatures, log)
        fields = BatchFields(attestation, signatures, self._domain, tuple(skipped))
        call = Call(index, len(entries), log["transactionHash"], int(log["blockNumber"], 16), fields)
        return entries, [call]

    def _entries(
        self,
        feed: int,
        sequence: int,
        index: int,
        time: int,
        records: bytes,
        nullifiers: bytes,
        refused: dict[int, tuple[int, int]],
    ) -> tuple[list[bytes], list[bytes], list[RefusedRecord]]:
        """Entries, signed payloads, and what was refused, of one batch; grows the tree."""
        entries: list[bytes] = []
        payloads: list[bytes] = []
        skipped: list[RefusedRecord] = []
        used = 0
        for position in range(len(records) // RECORD_BYTES):
            record = records[position * RECORD_BYTES : (position + 1) * RECORD_BYTES]
            method = self._known.methods.get(method_of(record))
            if method is None:
                raise FollowerError(f"entry {index + position} names method {method_of(record)}, never announced")
            nullifier = b""
            if method.needs_nullifier:
                nullifier = nullifiers[used : used + HASH_BYTES]
                used += HASH_BYTES
            payloads.append(record + nullifier)
            refusal = refused.get(index + position)
            if refusal is not None:
                if refusal[0] != sequence + position:
                    raise FollowerError(f"refusal {index + position} names sequence {refusal[0]}")
                entry = pack_refusal(time, feed, refusal[0], refusal[1])
                skipped.append(RefusedRecord(position, record, nullifier))
            else:
                amounts = worth(method, activity_of(record))
                entry = pack_reduction(time, feed, sequence + position, record, *amounts, nullifier=nullifier)
            self._add(entry)
            entries.append(entry)
        return entries, payloads, skipped

    def _check_quorum(self, attestation: Attestation, signatures: tuple[bytes, ...], log: dict[str, Any]) -> None:
        """The root does not cover the signatures: what an endpoint shows of them is believed only when it verifies."""
        feed = self._known.feeds.get(attestation.feed)
        if feed is None:
            raise FollowerError(f"a batch is of feed {attestation.feed}, which no entry has set{_where(log)}")
        try:
            check_quorum(digest(self._domain, attestation), signatures, feed.signers, feed.threshold)
        except ProtocolError as error:
            raise FollowerError(
                f"the batch of feed {feed.feed} at sequence {attestation.first_sequence}: {error}{_where(log)}"
            ) from error

    def _add(self, entry: bytes) -> None:
        self.tree.append(leaf_hash(entry))

    def _expect(self, index: int, log: dict[str, Any]) -> None:
        if index != self.tree.size:
            raise FollowerError(f"the log continues at {self.tree.size}, the chain says {index}{_where(log)}")

    def _check_root(self, root: bytes, log: dict[str, Any]) -> None:
        if root != self.tree.root():
            raise FollowerError(
                f"root at {self.tree.size} is {self.tree.root().hex()} by its entries, {root.hex()} by its "
                f"event{_where(log)}: the chain is another one, or this package is not its contracts'"
            )


def _where(log: dict[str, Any]) -> str:
    return f" (block {int(log['blockNumber'], 16)}, transaction {log['transactionHash']})"
