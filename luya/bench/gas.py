"""Gas per record, from the receipts of what was really sent, by what the records of a batch do to storage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from chain_node.archive.calls import BATCH
from chain_node.archive.reader import ArchiveReader
from chain_node.protocol import slotword
from chain_node.protocol.entries import Method, Reduction, decode
from chain_node.rpc.client import JsonRpc

FULL: Final = 200
"""Records in a batch that counts."""
PURE: Final = 0.98
"""Share of one kind from which a batch stands for that kind."""
_AT_ONCE: Final = 20
FIRST, NEW_DAY, IN_USE, REFUSED, MIXED = "first_record", "new_day", "word_in_use", "refused", "mixed"


@dataclass(frozen=True, slots=True)
class BatchGas:
    """A full batch. index: of its first entry; kind: what nearly all its records are; gas: of the whole transaction."""

    index: int
    kind: str
    records: int
    gas: int


class _Storage:
    """Which accounts have been minted to and which slot words are in use, as the log's entries say."""

    def __init__(self) -> None:
        self._groups: dict[int, int] = {}
        self._accounts: set[bytes] = set()
        self._words: set[int] = set()

    def take(self, body: bytes) -> str:
        """The kind of an entry, before it counts as done."""
        entry = decode(body)
        if isinstance(entry, Method):
            self._groups[entry.id] = entry.group
        if not isinstance(entry, Reduction):
            return REFUSED
        record = entry.record
        word = slotword.key(record.account, self._groups[record.method], record.day)
        kind = FIRST if record.account not in self._accounts else IN_USE if word in self._words else NEW_DAY
        self._accounts.add(record.account)
        self._words.add(word)
        return kind


class Gas:
    """Gas of the full batches of a log, as far as the engine still has their receipts.

    Attributes:
        batches: those seen so far, in the log's order.
    """

    def __init__(self, rpc: JsonRpc, archive: ArchiveReader) -> None:
        self.batches: list[BatchGas] = []
        self._rpc = rpc
        self._archive = archive
        self._storage = _Storage()
        self._at = 0

    def collect(self) -> None:
        """Go on to the end of the log; call it before the engine has dropped what is new."""
        found: list[tuple[str, int, str, int]] = []
        for row in self._archive.call_rows():
            end = row.first_index + row.count
            if not self._at < end <= self._archive.size:
                continue
            kinds = [self._storage.take(body) for body in self._archive.entries(self._at, end)]
            self._at = end
            if row.kind == BATCH and row.count >= FULL:
                most = max(set(kinds), key=kinds.count)
                kind = most if kinds.count(most) >= PURE * row.count else MIXED
                found.append((self._archive.read_call(row).tx_hash, row.first_index, kind, row.count))
        for start in range(0, len(found), _AT_ONCE):
            part = found[start : start + _AT_ONCE]
            receipts = self._rpc.batch([("eth_getTransactionReceipt", [tx_hash]) for tx_hash, _, _, _ in part])
            for (_, index, kind, records), receipt in zip(part, receipts, strict=True):
                if isinstance(receipt, dict):
                    self.batches.append(BatchGas(index, kind, records, int(receipt["gasUsed"], 16)))

    def per_record(self) -> dict[str, int]:
        """Mean gas a record, by kind and over all batches, log, signatures and events included."""
        sums: dict[str, list[BatchGas]] = {}
        for batch in self.batches:
            for kind in (batch.kind, "mean"):
                sums.setdefault(kind, []).append(batch)
        sums.pop(MIXED, None)
        return {kind: mean(used) for kind, used in sorted(sums.items())}


def mean(batches: Sequence[BatchGas]) -> int:
    """Gas a record of these batches."""
    return round(sum(batch.gas for batch in batches) / sum(batch.records for batch in batches))
