"""The auditor's own ledger: events in, own entries out, and a `Discrepancy` at the first thing that does not hold.

A batch is checked as the contract should have: sequence, pause, feed, records, quorum, and then every record is judged
anew. The own entries are made from the judge's verdicts and the methods in force, so that the root at the batch's end
agrees only where contract, endpoint and law agree on every one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from chain_node.archive.calls import BatchFields, Call, RefusedRecord
from chain_node.auditor.changes import problem
from chain_node.auditor.events import Appended, Batch, Event, Extended, Place, Refused, Sealed
from chain_node.auditor.judge import BatchJudge, impossible, verdict_differs
from chain_node.errors import Discrepancy
from chain_node.protocol.arithmetic import worth
from chain_node.protocol.attestation import Attestation, Domain, check_quorum, digest
from chain_node.protocol.entries import (
    REFUSAL,
    Feed,
    Method,
    Reduction,
    decode,
    layout_of,
    pack_reduction,
    pack_refusal,
)
from chain_node.protocol.errors import ProtocolError
from chain_node.protocol.merkle import leaf_hash
from chain_node.protocol.records import HASH_BYTES, RECORD_BYTES, Record, method_of, records_root
from chain_node.protocol.replay import State

_RECORD: Final = layout_of(Reduction).place["record"]


@dataclass(frozen=True, slots=True)
class Step:
    """One call of the ledger, checked. imported: its entries are older than its block (a rebuilt ledger's import)."""

    call: Call
    entries: tuple[bytes, ...]
    root: bytes
    place: Place
    imported: bool = False

    @property
    def size(self) -> int:
        """The log's at its end."""
        return self.call.first_index + self.call.count


@dataclass(frozen=True, slots=True)
class _Loose:
    place: Place
    index: int
    entry: bytes


class Replica:
    """The replayed ledger.

    Args:
        own: bytes of an entry that the store holds already.
        root_at: own root at a size that the store holds already.
        domain: the EIP-712 domain of the ledger's batches.
        sealed: the ledger's import phase has ended before the first event to come.
    """

    def __init__(
        self, own: Callable[[int], bytes], root_at: Callable[[int], bytes], domain: Domain, *, sealed: bool
    ) -> None:
        self._own = own
        self._root_at = root_at
        self._domain = domain
        self.sealed = sealed
        self.sealed_at = 0
        """Size of the log at the seal, where that was among the events taken."""
        self._fresh: dict[int, bytes] = {}
        self._kept = 0
        self.suspect: tuple[int, tuple[bytes, ...]] | None = None
        """First index and own entries of the batch at hand: by these a wrong root is narrowed down."""
        self.state = State(entry_at=self._entry_at)

    @property
    def size(self) -> int:
        """Entries in the own log."""
        return self.state.size

    def replay(self, entries: Iterable[bytes]) -> None:
        """Apply what the store holds.

        Raises:
            ReplayError: it was changed since it was checked.
        """
        for entry in entries:
            self.state.apply(entry)
        self._kept = self.size

    def stored(self) -> None:
        """What was taken so far is in the store now."""
        self._fresh.clear()
        self._kept = self.size

    def take(self, events: Sequence[Event]) -> list[Step]:
        """Check events of whole blocks and continue the own log by them.

        Entries that the own log has already (of a block that is read again, or of a rebuilt ledger's import) are
        compared byte by byte and not taken twice.

        Raises:
            Discrepancy: the first difference. What was taken before it stays taken.
        """
        steps: list[Step] = []
        loose: list[_Loose] = []
        refused: dict[int, Refused] = {}
        for event in events:
            if loose and not isinstance(event, Appended | Extended):
                raise _odd(loose[0].index, "open-call", "the end of the call", type(event).__name__, event.place)
            if refused and not isinstance(event, Refused | Batch):
                raise _odd(min(refused), "open-batch", "the batch's event", type(event).__name__, event.place)
            match event:
                case Appended():
                    loose.append(_Loose(event.place, event.index, event.entry))
                case Extended():
                    steps += self._call(event, loose)
                    loose = []
                case Refused():
                    refused[event.index] = event
                case Batch():
                    steps += self._batch(event, refused)
                    refused = {}
                case Sealed():
                    self._seal(event)
        if loose:
            raise _odd(loose[0].index, "open-call", "an event that ends the call", "none", loose[-1].place)
        if refused:
            index = min(refused)
            raise _odd(index, "open-batch", "the batch's event", "none", refused[index].place)
        return steps

    def _call(self, end: Extended, loose: list[_Loose]) -> list[Step]:
        first = self.size
        new: list[bytes] = []
        for item in loose:
            if item.index < self._kept:
                self._same(item)
            else:
                self._loose(item)
                new.append(item.entry)
        if not new:
            self._check_root(end.size, end.root, end.place)
            return []
        if end.size != self.size:
            raise _odd(min(end.size, self.size), "log-size", f"{self.size} entries", f"{end.size} entries", end.place)
        self._check_root(end.size, end.root, end.place, first)
        call = Call(first, len(new), end.place.transaction, end.place.block)
        return [Step(call, tuple(new), end.root, end.place, not self.sealed)]

    def _same(self, item: _Loose) -> None:
        own = self._own(item.index)
        if own != item.entry:
            raise _odd(item.index, "history", f"0x{own.hex()}", f"0x{item.entry.hex()}", item.place)

    def _loose(self, item: _Loose) -> None:
        self._continues(item.index, item.place)
        try:
            entry = decode(item.entry)
        except ProtocolError as error:
            raise _odd(item.index, "entry-form", "an entry of the protocol", str(error), item.place) from error
        wrong = problem(self.state, entry, imported=not self.sealed)
        if wrong is not None:
            raise _odd(item.index, "law", wrong, f"0x{item.entry.hex()}", item.place)
        self._apply(item.index, item.entry, item.place)

    def _apply(self, index: int, entry: bytes, place: Place) -> None:
        try:
            self.state.apply(entry, leaf_hash(entry))
        except ProtocolError as error:
            raise _odd(index, "replay", "an entry that the rules allow", str(error), place) from error
        self._fresh[index] = entry

    def _seal(self, event: Sealed) -> None:
        if self.sealed and event.size > self.size:
            raise _odd(self.size, "seal", "no second seal", f"a seal at {event.size}", event.place)
        self._check_root(event.size, event.root, event.place)
        self.sealed, self.sealed_at = True, event.size

    def _batch(self, batch: Batch, refused: dict[int, Refused]) -> list[Step]:
        first, place = batch.first_index, batch.place
        if first < self._kept:
            return self._known_batch(batch, refused)
        self._continues(first, place)
        feed = self._check_call(batch)
        payloads = self._payloads(batch)
        attestation = Attestation(
            batch.feed, batch.first_sequence, batch.count, records_root(payloads), batch.config_digest
        )
        self._check_quorum(batch, feed, attestation)
        entries, skipped = self._judge(batch, feed, payloads, refused)
        self.suspect = (first, tuple(entries))
        self._check_root(self.size, batch.root, place, first)
        fields = BatchFields(attestation, batch.signatures, self._domain, tuple(skipped))
        call = Call(first, len(entries), place.transaction, place.block, fields)
        return [Step(call, tuple(entries), batch.root, place)]

    def _known_batch(self, batch: Batch, refused: dict[int, Refused]) -> list[Step]:
        """A batch of a block that is read again: its records are the own entries', its root is the own root."""
        for position in range(batch.count):
            index = batch.first_index + position
            if index >= self._kept:
                raise _odd(index, "history", "the end of the batch", f"{batch.count} records", batch.place)
            own = self._own(index)
            record = batch.records[position * RECORD_BYTES : (position + 1) * RECORD_BYTES]
            if (own[0] == REFUSAL) is not (index in refused) or (own[0] != REFUSAL and own[_RECORD] != record):
                raise _odd(index, "history", f"0x{own.hex()}", f"record 0x{record.hex()}", batch.place)
        self._check_root(batch.first_index + batch.count, batch.root, batch.place)
        return []

    def _check_call(self, batch: Batch) -> Feed:
        """What reverts a batch before its records are looked at."""
        state, first, place = self.state, batch.first_index, batch.place
        if not self.sealed:
            raise _odd(first, "seal", "no batch before the seal", f"a batch of feed {batch.feed}", place)
        if not batch.records or len(batch.records) % RECORD_BYTES:
            raise _odd(first, "length", "whole records", f"{len(batch.records)} bytes", place)
        sequence = state.next_sequence.get(batch.feed, 0)
        if batch.first_sequence != sequence:
            found = f"sequence {batch.first_sequence}"
            raise _odd(first, "sequence", f"sequence {sequence} of feed {batch.feed}", found, place)
        if batch.time < state.paused_until:
            found = f"a batch at {batch.time}"
            raise _odd(first, "paused", f"nothing recorded before {state.paused_until}", found, place)
        if batch.time < state.time:
            raise _odd(first, "time", f"a time not before {state.time}", str(batch.time), place)
        try:
            return state.law.active_feed(batch.feed)
        except ProtocolError as error:
            raise _odd(first, "feed", "an active feed of an active organisation", str(error), place) from error

    def _payloads(self, batch: Batch) -> list[bytes]:
        """The signed payloads: each record, with its nullifier where its method asks for one."""
        payloads, used, nullifiers = [], 0, batch.nullifiers
        for position in range(batch.count):
            record = batch.records[position * RECORD_BYTES : (position + 1) * RECORD_BYTES]
            method = self.state.methods.get(method_of(record))
            rule = impossible(method, Record.decode(record))
            if rule is not None or method is None:
                label = rule.label if rule else "malformed"
                raise _odd(
                    batch.first_index + position, f"impossible/{label}", "a batch refused as a whole",
                    f"record 0x{record.hex()} recorded", batch.place,
                )  # fmt: skip
            if method.needs_nullifier:
                record += nullifiers[used : used + HASH_BYTES]
                used += HASH_BYTES
            payloads.append(record)
        if used != len(nullifiers):
            found = f"{len(nullifiers)} bytes of nullifiers"
            raise _odd(batch.first_index, "nullifiers", f"{used} bytes of nullifiers", found, batch.place)
        return payloads

    def _check_quorum(self, batch: Batch, feed: Feed, attestation: Attestation) -> None:
        try:
            check_quorum(digest(self._domain, attestation), batch.signatures, feed.signers, feed.threshold)
        except ProtocolError as error:
            expected = (
                f"{feed.threshold} of the {len(feed.signers)} signers of feed {feed.feed} (version {feed.version})"
            )
            raise _odd(batch.first_index, "quorum", expected, str(error), batch.place) from error

    def _judge(
        self, batch: Batch, feed: Feed, payloads: list[bytes], refused: dict[int, Refused]
    ) -> tuple[list[bytes], list[RefusedRecord]]:
        judge = BatchJudge(self.state, feed, batch.time)
        entries: list[bytes] = []
        skipped: list[RefusedRecord] = []
        for position, payload in enumerate(payloads):
            index, sequence = batch.first_index + position, batch.first_sequence + position
            record, nullifier = payload[:RECORD_BYTES], payload[RECORD_BYTES:]
            parsed = Record.decode(record)
            method = self.state.methods[parsed.method]
            rule = judge.rule(method, parsed, nullifier)
            claimed = refused.pop(index, None)
            if claimed is not None and (claimed.feed, claimed.sequence) != (batch.feed, sequence):
                found = f"sequence {claimed.sequence} of feed {claimed.feed}"
                raise _odd(index, "sequence", f"sequence {sequence} of feed {batch.feed}", found, batch.place)
            if (claimed.rule if claimed else None) != (int(rule) if rule is not None else None):
                detail = f"sequence {sequence}, record 0x{record.hex()}"
                raise _at(verdict_differs(index, rule, claimed.rule if claimed else None, detail), batch.place)
            if rule is not None:
                entry = pack_refusal(batch.time, batch.feed, sequence, rule)
                skipped.append(RefusedRecord(position, record, nullifier))
            else:
                entry = _reduction(batch, sequence, method, parsed.activity, payload)
            self._apply(index, entry, batch.place)
            entries.append(entry)
        if refused:
            index = min(refused)
            raise _odd(index, "refusal", f"refusals within the batch of {batch.count}", f"one of {index}", batch.place)
        return entries, skipped

    def _entry_at(self, index: int) -> bytes:
        return self._fresh.get(index) or self._own(index)

    def _continues(self, index: int, place: Place) -> None:
        if index != self.size:
            rule = "missing-entry" if index > self.size else "repeated-entry"
            raise _odd(self.size, rule, f"entry {self.size} next", f"entry {index} next", place)

    def _check_root(self, size: int, root: bytes, place: Place, first: int | None = None) -> None:
        """The event's root is the own root at that size; `first`: where the call's entries begin."""
        if size > self.size:
            raise _odd(self.size, "missing-entry", f"{self.size} entries so far", f"a log of {size}", place)
        own = self.state.root() if size == self.size else self._root_at(size)
        if own != root:
            index = max(0, size - 1) if first is None else first
            raise _odd(index, "root", f"{own.hex()} at {size}", f"{root.hex()} in the event", place)


def _reduction(batch: Batch, sequence: int, method: Method, activity: int, payload: bytes) -> bytes:
    record, nullifier = payload[:RECORD_BYTES], payload[RECORD_BYTES:]
    return pack_reduction(batch.time, batch.feed, sequence, record, *worth(method, activity), nullifier=nullifier)


def _odd(index: int, rule: str, expected: str, found: str, place: Place) -> Discrepancy:
    return Discrepancy(index, rule, expected, found, block=place.block, transaction=place.transaction)


def _at(found: Discrepancy, place: Place) -> Discrepancy:
    return _odd(found.index, found.rule, found.expected, found.found, place)
