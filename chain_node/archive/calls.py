"""By which transaction entries came: one call appends a run of entries, and a batch carries what its signers signed.

`calls` holds a JSON line per call, `calls.idx` a row of fixed size per call, so that the call of an entry is found by
bisection, `calls.sum` the SHA-256 of each line: no line is believed that does not have it. What can be had from the
entries themselves is not repeated: of a batch's records only the refused ones are kept.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any, Final, Literal

from chain_node.errors import ArchiveError
from chain_node.protocol.attestation import Attestation, Domain

_ROW: Final = struct.Struct(">QIHHQQ")
ROW_BYTES: Final = _ROW.size
SUM_BYTES: Final = 32
BATCH: Final = 1
CALL: Final = 0


@dataclass(frozen=True, slots=True)
class RefusedRecord:
    """A record of a batch that the chain skipped: its bytes are nowhere else.

    Attributes:
        position: in the batch, from 0.
        record: 64 bytes.
        nullifier: 32 bytes where its method needs one, else b"".
    """

    position: int
    record: bytes
    nullifier: bytes = b""


@dataclass(frozen=True, slots=True)
class BatchFields:
    """What a batch's signers signed.

    Attributes:
        attestation: the signed fields.
        signatures: 65 bytes each, by ascending signer.
        domain: the EIP-712 domain at that time; a rebuilt ledger has another.
        refused: records that became refusals.
    """

    attestation: Attestation
    signatures: tuple[bytes, ...]
    domain: Domain
    refused: tuple[RefusedRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class Call:
    """A run of entries appended by one call of the ledger.

    Attributes:
        first_index: of its first entry.
        count: entries appended.
        tx_hash: the transaction, `0x` and 64 hex digits; a hint, valid on the chain of that time.
        block: its number, a hint likewise.
        batch: for a recorded batch; else None.
    """

    first_index: int
    count: int
    tx_hash: str
    block: int
    batch: BatchFields | None = None

    @property
    def kind(self) -> Literal["batch", "call"]:
        """'batch' for attested records, 'call' for everything else."""
        return "batch" if self.batch is not None else "call"


@dataclass(frozen=True, slots=True)
class IndexedCall:
    """A row of `calls.idx`, `number` from 0; feed and sequence are 0 where it is no batch."""

    first_index: int
    count: int
    kind: int
    feed: int
    sequence: int
    offset: int
    number: int


def encode_call(call: Call) -> bytes:
    """A call as its JSON line, LF included."""
    value: dict[str, Any] = {
        "kind": call.kind,
        "first_index": call.first_index,
        "count": call.count,
        "tx": call.tx_hash,
        "block": call.block,
    }
    if call.batch is not None:
        batch, signed = call.batch, call.batch.attestation
        value |= {
            "feed": signed.feed,
            "first_sequence": signed.first_sequence,
            "records_root": signed.records_root.hex(),
            "config_digest": signed.config_digest.hex(),
            "signatures": [signature.hex() for signature in batch.signatures],
            "chain_id": batch.domain.chain_id,
            "ledger": batch.domain.ledger.hex(),
            "salt": batch.domain.salt.hex(),
            "refused": [[r.position, r.record.hex(), r.nullifier.hex()] for r in batch.refused],
        }
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def decode_call(line: bytes) -> Call:
    """A JSON line → call.

    Raises:
        ArchiveError: it is not one.
    """
    try:
        value = json.loads(line)
        return Call(value["first_index"], value["count"], value["tx"], value["block"], _decode_batch(value))
    except (ValueError, KeyError, TypeError) as error:
        raise ArchiveError(f"calls: not a call: {line[:80]!r} ({error})") from error


def _decode_batch(value: dict[str, Any]) -> BatchFields | None:
    if value["kind"] != "batch":
        return None
    unhex = bytes.fromhex
    return BatchFields(
        attestation=Attestation(
            feed=value["feed"],
            first_sequence=value["first_sequence"],
            count=value["count"],
            records_root=unhex(value["records_root"]),
            config_digest=unhex(value["config_digest"]),
        ),
        signatures=tuple(unhex(signature) for signature in value["signatures"]),
        domain=Domain(value["chain_id"], unhex(value["ledger"]), unhex(value["salt"])),
        refused=tuple(RefusedRecord(p, unhex(record), unhex(nullifier)) for p, record, nullifier in value["refused"]),
    )


def encode_rows(calls: Sequence[Call], lines: Sequence[bytes], offset: int) -> bytes:
    """Index rows of calls whose lines start at `offset` in `calls`."""
    rows = []
    for call, line in zip(calls, lines, strict=True):
        signed = call.batch.attestation if call.batch else None
        feed, sequence = (signed.feed, signed.first_sequence) if signed else (0, 0)
        rows.append(_ROW.pack(call.first_index, call.count, BATCH if signed else CALL, feed, sequence, offset))
        offset += len(line)
    return b"".join(rows)


def encode_sums(lines: Sequence[bytes]) -> bytes:
    """Rows of `calls.sum`."""
    return b"".join([hashlib.sha256(line).digest() for line in lines])


class CallIndex:
    """Reads `calls` and its index; keeps nothing open, so that the writer may truncate and append beside it."""

    def __init__(self, folder: Path) -> None:
        self._calls = folder / "calls"
        self._index = folder / "calls.idx"
        self._sums = folder / "calls.sum"

    def rows(self, start: int = 0) -> Iterator[IndexedCall]:
        """All rows from number `start`, in order."""
        if not self._index.exists():
            return
        with self._index.open("rb") as file:
            file.seek(start * ROW_BYTES)
            data = file.read()
        for number, fields in enumerate(_ROW.iter_unpack(data[: len(data) - len(data) % ROW_BYTES]), start):
            yield _row(fields, number)

    def find(self, index: int) -> Call | None:
        """The call that appended entry `index`; None when no call is known to have."""
        if not self._index.exists():
            return None
        with self._index.open("rb") as file:
            low, high = 0, self._index.stat().st_size // ROW_BYTES
            while low < high:  # the first row that begins after `index`
                middle = (low + high) // 2
                file.seek(middle * ROW_BYTES)
                if _ROW.unpack(file.read(ROW_BYTES))[0] > index:
                    high = middle
                else:
                    low = middle + 1
            if low == 0:
                return None
            file.seek((low - 1) * ROW_BYTES)
            row = _row(_ROW.unpack(file.read(ROW_BYTES)), low - 1)
        if index >= row.first_index + row.count:
            return None
        return self.read(row)

    def read(self, row: IndexedCall) -> Call:
        """The call of a row.

        Raises:
            ArchiveError: row, line and its sum disagree.
        """
        return self._line(row)[0]

    def problems(self, size: int) -> Iterator[tuple[int, str]]:
        """What is wrong with the calls of the first `size` entries: (entry, what); every byte of them is looked at."""
        at: int | None = 0
        offset: int | None = 0
        for row in self.rows():
            if at is not None and at >= size:
                return
            try:
                call, line = self._line(row)
            except ArchiveError as error:
                yield row.first_index if at is None else at, str(error)
                at = offset = None
                continue
            if at is not None and row.first_index != at:
                yield at, f"calls: the next call begins at entry {row.first_index}"
            elif offset is not None and row.offset != offset:
                yield row.first_index, f"calls: there are {row.offset - offset} bytes of no call before it"
            at, offset = row.first_index + call.count, row.offset + len(line)
        if at is not None and at < size:
            yield at, f"calls: they end at entry {at} of {size}"

    def _line(self, row: IndexedCall) -> tuple[Call, bytes]:
        with self._calls.open("rb") as file:
            file.seek(min(row.offset, self._calls.stat().st_size))
            line = file.readline()
        if self._sums.exists():  # an archive from before there were sums gets them when its writer opens it
            with self._sums.open("rb") as file:
                file.seek(row.number * SUM_BYTES)
                if file.read(SUM_BYTES) != hashlib.sha256(line).digest():
                    raise ArchiveError(_damaged(row, "the line does not have its SHA-256"))
        call = decode_call(line)
        if encode_rows([call], [line], row.offset) != _ROW.pack(*astuple(row)[:-1]):
            raise ArchiveError(_damaged(row, f"its row of calls.idx names the line of entry {call.first_index}"))
        return call, line

    def last(self) -> Call | None:
        """The newest call."""
        if not self._index.exists():
            return None
        data = self._index.read_bytes()
        whole = len(data) - len(data) % ROW_BYTES
        if not whole:
            return None
        return self.read(_row(_ROW.unpack(data[whole - ROW_BYTES : whole]), whole // ROW_BYTES - 1))


def _row(fields: tuple[int, ...], number: int) -> IndexedCall:
    first_index, count, kind, feed, sequence, offset = fields
    return IndexedCall(first_index, count, kind, feed, sequence, offset, number)


def _damaged(row: IndexedCall, what: str) -> str:
    return f"calls: the call of entry {row.first_index} is damaged ({what}): `luya archive mend` takes it from a copy"
