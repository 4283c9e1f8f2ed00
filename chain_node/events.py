"""The ledger's events → the log's entries, byte for byte as the contract appended them.

Events alone are enough: a batch's event carries records, nullifiers and time; refusals have an event; amounts follow
from the method in force, which is itself an entry. So nothing of the contract's storage has to be believed.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from eth_abi.abi import decode as abi_decode

from chain_node.archive.calls import BatchFields, Call, RefusedRecord
from chain_node.contracts import artefact
from chain_node.errors import FollowerError
from chain_node.jsonrpc import to_bytes, to_hex
from chain_node.protocol.attestation import Attestation, Domain
from chain_node.protocol.entries import METHOD, REDUCTION, REDUCTION_NULLIFIER, REFUSAL, Method, decode, type_of
from chain_node.protocol.errors import ProtocolError
from chain_node.protocol.merkle import Tree, leaf_hash
from chain_node.protocol.records import records_root

RECORD_BYTES: Final = 64
NULLIFIER_BYTES: Final = 32
SIGNATURE_BYTES: Final = 65
_HEAD: Final = struct.Struct(">BQHQ")
_AMOUNTS: Final = struct.Struct(">QQQ")
_REFUSAL: Final = struct.Struct(">BQHQH")
_NAMES: Final = ("BatchRecorded", "RecordRefused", "EntryAppended", "LogExtended")


@dataclass(frozen=True, slots=True)
class Input:
    """What only a batch's transaction shows.

    Attributes:
        feed, first_sequence: to recognise the batch.
        config_digest: 32 bytes.
        signatures: 65 bytes each.
    """

    feed: int
    first_sequence: int
    config_digest: bytes
    signatures: tuple[bytes, ...]


def topics() -> dict[str, str]:
    """Event name → topic 0, for `eth_getLogs`."""
    events = artefact("LuyaLedger").abi.events
    return {name: to_hex(events[name].topic) for name in _NAMES}


def decode_input(data: bytes) -> Input | None:
    """Call data of `record` → what only it shows; None when it is another call (a relay's, say)."""
    arguments = artefact("LuyaLedger").abi.function("record").arguments(data)
    if arguments is None:
        return None
    feed, first_sequence, _records, _nullifiers, config_digest, signatures = arguments
    parts = [signatures[at : at + SIGNATURE_BYTES] for at in range(0, len(signatures), SIGNATURE_BYTES)]
    return Input(int(feed), int(first_sequence), bytes(config_digest), tuple(parts))


class Rebuilder:
    """Turns logs, in their order, into entries and calls that continue a log.

    Args:
        tree: the log's right edge so far; grows.
        methods: latest entry of each method so far; grows.
        next_sequence: by feed; grows.
        domain: the EIP-712 domain of the chain's batches.
    """

    def __init__(self, tree: Tree, methods: dict[int, Method], next_sequence: dict[int, int], domain: Domain) -> None:
        self.tree = tree
        self._methods = methods
        self._sequences = next_sequence
        self._domain = domain
        self._names = {topic: name for name, topic in topics().items()}

    def take(self, logs: Sequence[dict[str, Any]], inputs: dict[str, list[Input]]) -> tuple[list[bytes], list[Call]]:
        """Entries and calls of these logs; what the log already has is skipped.

        Args:
            logs: of whole blocks, as `eth_getLogs` gives them, ascending.
            inputs: by transaction hash, of its `record` calls.

        Raises:
            FollowerError: indexes, sequences or roots do not continue.
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
                made, call = self._batch(log, refused, inputs.get(log["transactionHash"], []))
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
        if type_of(entry) == METHOD:
            try:
                method = decode(entry)
            except ProtocolError as error:
                raise FollowerError(f"entry {index} is no method: {error}") from error
            assert isinstance(method, Method)
            self._methods[method.id] = method
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

    def _batch(
        self, log: dict[str, Any], refused: dict[int, tuple[int, int]], inputs: list[Input]
    ) -> tuple[list[bytes], list[Call]]:
        _, feed_topic, sequence_topic, index_topic = log["topics"]
        feed, sequence, index = int(feed_topic, 16), int(sequence_topic, 16), int(index_topic, 16)
        if index < self.tree.size:
            return [], []
        self._expect(index, log)
        expected = self._sequences.get(feed, 0)
        if sequence != expected:
            raise FollowerError(f"feed {feed} continues at sequence {expected}, the chain says {sequence}{_where(log)}")
        time, root, records, nullifiers = abi_decode(["uint64", "bytes32", "bytes", "bytes"], to_bytes(log["data"]))
        entries, payloads, skipped = self._entries(feed, sequence, index, time, records, nullifiers, refused)
        self._check_root(root, log)
        self._sequences[feed] = sequence + len(entries)
        shown = next((one for one in inputs if (one.feed, one.first_sequence) == (feed, sequence)), None)
        digest, signatures = (shown.config_digest, shown.signatures) if shown else (bytes(32), ())
        attestation = Attestation(feed, sequence, len(entries), records_root(payloads), digest)
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
            method = self._methods.get(record[20] << 8 | record[21])
            if method is None:
                raise FollowerError(
                    f"entry {index + position} names method {record[20] << 8 | record[21]}, never announced"
                )
            nullifier = b""
            if method.needs_nullifier:
                nullifier = nullifiers[used : used + NULLIFIER_BYTES]
                used += NULLIFIER_BYTES
            payloads.append(record + nullifier)
            refusal = refused.get(index + position)
            if refusal is not None:
                if refusal[0] != sequence + position:
                    raise FollowerError(f"refusal {index + position} names sequence {refusal[0]}")
                entry = _REFUSAL.pack(REFUSAL, time, feed, refusal[0], refusal[1])
                skipped.append(RefusedRecord(position, record, nullifier))
            else:
                kind = REDUCTION_NULLIFIER if nullifier else REDUCTION
                activity = int.from_bytes(record[28:32], "big")
                credits_mg = activity * method.credit_num // method.credit_den
                millipoints = activity * method.point_num // method.point_den
                head = _HEAD.pack(kind, time, feed, sequence + position)
                entry = head + record + _AMOUNTS.pack(credits_mg, millipoints, 0) + nullifier
            self._add(entry)
            entries.append(entry)
        return entries, payloads, skipped

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
