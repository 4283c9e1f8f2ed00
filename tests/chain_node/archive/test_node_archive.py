"""The archive: layout, proofs, and faults at every disk operation, 'failed', 'failed but persisted' and 'torn'."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chain_node.archive import writer as writer_module
from chain_node.archive.calls import BatchFields, Call, RefusedRecord
from chain_node.archive.layout import pack_bundle, tile_path, unpack_bundle
from chain_node.archive.reader import ArchiveReader
from chain_node.archive.writer import Archive
from chain_node.errors import ArchiveError, LockError
from chain_node.protocol import checkpoint, merkle
from chain_node.protocol.attestation import Attestation, Domain
from chain_node.protocol.entries import Reduction, Refusal, encode
from chain_node.protocol.records import Record, records_root
from chain_node.protocol.rules import Rule
from chain_node.storage.durable import Disk

ORIGIN = "test.luya/archive"
KEY = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)


def sign(value: checkpoint.Checkpoint) -> str:
    return checkpoint.sign(value, ORIGIN, KEY)


def entry(index: int) -> bytes:
    return b"\x40" + index.to_bytes(8, "big") + bytes(index % 90)


def calls(first: int, count: int) -> list[Call]:
    """One call a hundred entries."""
    return [
        Call(at, min(100, first + count - at), f"0x{at:064x}", at // 100 + 1) for at in range(first, first + count, 100)
    ]


def append(archive: Archive, count: int) -> None:
    first = archive.size
    archive.append([entry(index) for index in range(first, first + count)], calls(first, count))


@functools.cache
def root_of(size: int) -> bytes:
    tree = merkle.Tree()
    for index in range(size):
        tree.append(merkle.leaf_hash(entry(index)))
    return tree.root()


def test_tile_path_follows_the_specification() -> None:
    assert tile_path(0, 1234067) == "tile/0/x001/x234/067"
    assert tile_path("entries", 0, 17) == "tile/entries/000.p/17"
    assert tile_path(2, 999) == "tile/2/999"


def test_bundle_round_trip_and_cut() -> None:
    bundle = [b"", b"a", b"b" * 300]
    assert unpack_bundle(pack_bundle(bundle), "x") == bundle
    with pytest.raises(ArchiveError, match="cut"):
        unpack_bundle(pack_bundle(bundle)[:-1], "x")
    with pytest.raises(ArchiveError, match="cut"):
        unpack_bundle(b"\x00", "x")


def test_reader_sees_what_is_published_and_proves_it(tmp_path: Path) -> None:
    reader = ArchiveReader(tmp_path)
    assert (reader.size, reader.checkpoint(), reader.checkpoint_note()) == (0, None, None)
    with Archive(tmp_path) as archive:
        append(archive, 1000)
        assert reader.size == 0
        note = archive.publish(sign, ORIGIN)
        old_root = archive.root
        assert reader.checkpoint_note() == note
        assert reader.size == 1000
        append(archive, 66_000)
        archive.publish(sign, ORIGIN)
        size = reader.size
        assert size == 67_000
        assert list(reader.entries(990, 1030)) == [entry(index) for index in range(990, 1030)]
        assert reader.root_at(1000) == old_root == root_of(1000)
        for index in (0, 255, 256, 65_535, 65_536, 66_999):
            assert reader.entry(index) == entry(index)
            merkle.verify_inclusion(reader.leaf_hash(index), index, size, reader.inclusion(index, size), archive.root)
        merkle.verify_consistency(1000, size, reader.consistency(1000, size), old_root, archive.root)
        for index in (0, 99, 100, 999, 1000, 66_999):
            call = reader.call_of(index)
            assert call is not None
            assert call.first_index <= index < call.first_index + call.count
        assert reader.call_of(size) is None
        with pytest.raises(ArchiveError, match="there is no entry"):
            reader.entry(size)
    opened = checkpoint.open_note(reader.checkpoint_note() or "", checkpoint.verifier_key(ORIGIN, KEY.public_key()))
    assert opened.root == reader.root_at(size)


def test_batch_payloads_are_rebuilt_from_entries_and_refused_records(tmp_path: Path) -> None:
    records = [Record(bytes([n]) * 20, 101, 20_000, n, 1, 0, 500, bytes([n]) * 32) for n in range(3)]
    payloads = [record.encode() + (b"\x11" * 32 if n == 2 else b"") for n, record in enumerate(records)]
    attestation = Attestation(7, 40, 3, records_root(payloads), b"\x05" * 32)
    batch = BatchFields(
        attestation,
        (b"\x01" * 65, b"\x02" * 65),
        Domain(77, b"\x09" * 20, b"\x08" * 32),
        (RefusedRecord(1, payloads[1]),),
    )
    entries = [
        encode(Reduction(1, 7, 40, records[0], 1, 2)),
        encode(Refusal(1, 7, 41, Rule.of("overlap"))),
        encode(Reduction(1, 7, 42, records[2], 1, 2, nullifier=b"\x11" * 32)),
    ]
    with Archive(tmp_path) as archive:
        archive.append(entries, [Call(0, 3, "0x" + "ab" * 32, 12, batch)])
        archive.publish(sign, ORIGIN)
    reader = ArchiveReader(tmp_path)
    call = reader.call_of(1)
    assert call is not None
    assert call.batch == batch
    assert call.kind == "batch"
    assert reader.payloads(call) == payloads
    row = next(reader.call_rows())
    assert (row.feed, row.sequence, row.count) == (7, 40, 3)


def test_appends_must_continue_and_be_covered_by_calls(tmp_path: Path) -> None:
    with Archive(tmp_path) as archive:
        with pytest.raises(ArchiveError, match="calls cover"):
            archive.append([entry(0)], [])
        with pytest.raises(ArchiveError, match="does not continue"):
            archive.append([entry(0)], calls(5, 1))
        append(archive, 3)
        assert archive.size == 3


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    with Archive(tmp_path), pytest.raises(LockError, match=str(os.getpid())):
        Archive(tmp_path)


class Fault(OSError):
    """Injected."""


class FaultyDisk(Disk):
    """Fails at the n-th operation: before it ('failed'), after it ('persisted'), or in its middle ('torn')."""

    def __init__(self, at: int, mode: str) -> None:
        self.left = at
        self.mode = mode

    def _do(self, operation: Callable[[], None], torn: Callable[[], None] | None = None) -> None:
        self.left -= 1
        if self.left > 0:
            return operation()
        if self.left < 0:
            raise Fault("the disk is gone")
        if self.mode == "persisted":
            operation()
        if self.mode == "torn" and torn is not None:
            torn()
        raise Fault(self.mode)

    def append(self, path: Path, data: bytes) -> None:
        self._do(lambda: Disk.append(self, path, data), lambda: Disk.append(self, path, data[: len(data) // 2]))

    def write(self, path: Path, data: bytes) -> None:
        def torn() -> None:
            path.write_bytes(data[:7])

        self._do(lambda: Disk.write(self, path, data), torn)

    def write_atomic(self, path: Path, data: bytes) -> None:
        self._do(lambda: Disk.write_atomic(self, path, data))

    def truncate(self, path: Path, size: int) -> None:
        self._do(lambda: Disk.truncate(self, path, size))

    def sync(self, path: Path) -> None:
        self._do(lambda: Disk.sync(self, path))


STEPS = (3, 260, 7, 260, 1)


def run(folder: Path, disk: Disk) -> int:
    """Append and publish in steps; how many entries were acknowledged when the disk failed."""
    acknowledged = 0
    try:
        with Archive(folder, disk) as archive:
            for step in STEPS:
                append(archive, step)
                acknowledged = archive.size
                archive.publish(sign, ORIGIN)
    except (Fault, ArchiveError):
        return acknowledged
    return acknowledged


@pytest.mark.parametrize("mode", ["failed", "persisted", "torn"])
def test_every_fault_at_every_operation(tmp_path: Path, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "COMPACT_BYTES", 4_000)
    monkeypatch.setattr(os, "fsync", lambda _handle: None)  # faults are simulated: the real disk would only slow us
    counter = FaultyDisk(10**9, "failed")
    total = run(tmp_path / "whole", counter)
    operations = 10**9 - counter.left
    assert total == sum(STEPS)
    assert operations > 40
    for at in range(1, operations + 1):
        folder = tmp_path / f"{mode}-{at}"
        acknowledged = run(folder, FaultyDisk(at, mode))
        published = ArchiveReader(folder).size
        assert published <= acknowledged + max(STEPS)
        with Archive(folder) as archive:
            assert archive.size >= max(acknowledged, published)
            assert archive.root == root_of(archive.size)
            if archive.size < total:
                append(archive, total - archive.size)
            archive.publish(sign, ORIGIN)
        reader = ArchiveReader(folder)
        assert list(reader.entries()) == [entry(index) for index in range(total)]
        assert reader.root_at(total) == root_of(total)
        covered = [index for row in reader.call_rows() for index in range(row.first_index, row.first_index + row.count)]
        assert covered == list(range(total))


def test_unsynced_tiles_may_vanish(tmp_path: Path) -> None:
    """What was not fsynced is lost in a power cut: everything is derived again from the journal."""
    with Archive(tmp_path) as archive:
        append(archive, 300)
        archive.publish(sign, ORIGIN)
    archive = Archive(tmp_path)
    append(archive, 500)
    archive.publish(sign, ORIGIN)
    archive._lock.release()  # as a killed process does
    for name in ("entries", "0", "1"):
        for path in (tmp_path / "tile" / name).glob("00[12]"):
            path.write_bytes(b"")
    (tmp_path / "calls").write_bytes((tmp_path / "calls").read_bytes()[:-30])
    with Archive(tmp_path) as again:
        assert again.root == root_of(800)
    assert list(ArchiveReader(tmp_path).entries()) == [entry(index) for index in range(800)]


def test_changed_tile_below_the_checkpoint_is_noticed_at_the_edge(tmp_path: Path) -> None:
    with Archive(tmp_path) as archive:
        append(archive, 300)
        archive.publish(sign, ORIGIN)
    path = tmp_path / tile_path(0, 1, 44)
    data = bytearray(path.read_bytes())
    data[3] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(ArchiveError, match="root"):
        Archive(tmp_path)


def test_promised_entries_gone(tmp_path: Path) -> None:
    with Archive(tmp_path) as archive:
        append(archive, 300)
        archive.publish(sign, ORIGIN)
    (tmp_path / "checkpoint").write_text(sign(checkpoint.Checkpoint(ORIGIN, 301, b"\0" * 32)))
    with pytest.raises(ArchiveError, match="promises 301"):
        Archive(tmp_path)
