"""Gas per record, from the receipts of what was really sent, by what the records of a batch do to storage."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Final

from chain_node.archive.calls import BATCH
from chain_node.archive.reader import ArchiveReader
from chain_node.protocol import slotword
from chain_node.protocol.entries import Method, Reduction, decode
from luya.home import Home

FULL: Final = 200
"""Records in a batch that counts."""
PURE: Final = 0.98
"""Share of one kind from which a batch stands for that kind."""
FIRST, NEW_DAY, IN_USE, REFUSED, MIXED = "first_record", "new_day", "word_in_use", "refused", "mixed"


@dataclass(frozen=True, slots=True)
class BatchGas:
    """A full batch. index: of its first entry; kind: what nearly all its records are; gas: of the transaction."""

    index: int
    kind: str
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


def batches(home: Home, archive: ArchiveReader) -> Iterator[BatchGas]:
    """The full batches whose receipts this home's outboxes hold, in the log's order."""
    gas, storage, at = _receipts(home), _Storage(), 0
    for row in archive.call_rows():
        kinds = [storage.take(body) for body in archive.entries(at, row.first_index + row.count)]
        at = row.first_index + row.count
        if row.kind != BATCH or row.count != FULL:
            continue
        used = gas.get(archive.read_call(row).tx_hash)
        if used is not None:
            most = max(set(kinds), key=kinds.count)
            yield BatchGas(row.first_index, most if kinds.count(most) >= PURE * FULL else MIXED, used)


def per_record(home: Home, archive: ArchiveReader) -> dict[str, int]:
    """Mean gas a record, by kind and over all full batches, log, signatures and events included."""
    sums: dict[str, list[int]] = {}
    for batch in batches(home, archive):
        for kind in (batch.kind, "mean"):
            sums.setdefault(kind, []).append(batch.gas)
    sums.pop(MIXED, None)
    return {kind: round(sum(used) / len(used) / FULL) for kind, used in sums.items()}


def _receipts(home: Home) -> dict[str, int]:
    """Transaction hash → gas used, of every final transaction."""
    found: dict[str, int] = {}
    for path in sorted(home.outbox.glob("*.sqlite")):
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            found.update(db.execute("SELECT hash, gas_used FROM outbox WHERE gas_used IS NOT NULL").fetchall())
    return found
