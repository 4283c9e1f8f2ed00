"""Reads the archive, in any process, while the writer goes on: only what a published checkpoint covers.

What is read is not trusted here: whoever needs certainty checks proofs against a checkpoint, or runs fsck.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path

from chain_node.archive.calls import Call, CallIndex, IndexedCall
from chain_node.archive.layout import (
    HASH_BYTES,
    TILE_HEIGHT,
    TILE_WIDTH,
    fold,
    tile_path,
    tile_width,
    unpack_bundle,
)
from chain_node.errors import ArchiveError
from chain_node.protocol.checkpoint import Checkpoint
from chain_node.protocol.entries import Reduction, decode
from chain_node.protocol.merkle import consistency_proof, inclusion_proof, tree_root

_CACHED = 64


def parse_note(note: str) -> Checkpoint:
    """The checkpoint in a note, its signatures not checked.

    Raises:
        CheckpointError: the text is not a checkpoint's.
    """
    return Checkpoint.parse(note.partition("\n\n")[0] + "\n")


class ArchiveReader:
    """An archive's reader; cheap to make, safe to share between threads.

    Args:
        folder: the archive; may still be missing or empty (size 0).
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._calls = CallIndex(folder)
        self._cache: OrderedDict[tuple[int, int, int], list[bytes]] = OrderedDict()
        self._guard = threading.Lock()
        self._note: tuple[tuple[int, int, int], str, Checkpoint] | None = None

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return self._folder

    @property
    def size(self) -> int:
        """Entries covered by the newest published checkpoint."""
        checkpoint = self.checkpoint()
        return checkpoint.size if checkpoint else 0

    def checkpoint(self) -> Checkpoint | None:
        """The newest published checkpoint, or None before the first."""
        found = self._read_note()
        return found[2] if found else None

    def checkpoint_note(self) -> str | None:
        """Its signed note, verbatim."""
        found = self._read_note()
        return found[1] if found else None

    def entries(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Entries [start, stop), in order; `stop` by default the published size.

        Raises:
            ArchiveError: a bundle is missing or cut, or `stop` is beyond what is published.
        """
        size = self.size
        stop = size if stop is None else stop
        if not 0 <= start <= stop <= size:
            raise ArchiveError(f"entries {start} to {stop} asked for, published are {size}")
        while start < stop:
            number, offset = divmod(start, TILE_WIDTH)
            end = min(stop, (number + 1) * TILE_WIDTH)
            bundle = self.bundle(number, min(TILE_WIDTH, size - number * TILE_WIDTH))
            yield from bundle[offset : offset + end - start]
            start = end

    def entry(self, index: int) -> bytes:
        """The bytes of entry `index`.

        Raises:
            ArchiveError: there is no such entry, or its bundle is damaged.
        """
        size = self.size
        if not 0 <= index < size:
            raise ArchiveError(f"there is no entry {index}: the log has {size}")
        number, offset = divmod(index, TILE_WIDTH)
        return self._cached(-1, number, min(TILE_WIDTH, size - number * TILE_WIDTH))[offset]

    def leaf_hash(self, index: int) -> bytes:
        """The hash of entry `index`, from the tiles."""
        return self.get_node(0, index)

    def get_node(self, level: int, index: int) -> bytes:
        """Hash of the full subtree over leaves [index · 2^level, (index + 1) · 2^level).

        Raises:
            ArchiveError: it is not full at the published size, or its tile is damaged.
        """
        size = self.size
        if (index + 1) << level > size:
            raise ArchiveError(f"subtree {index} of level {level} is not full in a log of {size}")
        tile_level, inside = divmod(level, TILE_HEIGHT)
        number, offset = divmod(index << inside, TILE_WIDTH)
        hashes = self._cached(tile_level, number, tile_width(tile_level, number, size))
        return fold(hashes[offset : offset + (1 << inside)])

    def root_at(self, size: int) -> bytes:
        """RFC 6962 root of the first `size` entries, from the tiles."""
        return tree_root(size, self.get_node)

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """Inclusion proof of entry `index` in the log of `size`, the leaf's sibling first."""
        return inclusion_proof(index, size, self.get_node)

    def consistency(self, old: int, new: int) -> list[bytes]:
        """Consistency proof between two sizes."""
        return consistency_proof(old, new, self.get_node)

    def call_of(self, index: int) -> Call | None:
        """The call that appended entry `index`; None when it is not known."""
        return self._calls.find(index)

    def call_rows(self, start: int = 0) -> Iterator[IndexedCall]:
        """The index of all calls from number `start`, in order; may run a little ahead of the published size."""
        return self._calls.rows(start)

    def read_call(self, row: IndexedCall) -> Call:
        """The call of an index row."""
        return self._calls.read(row)

    def call_problems(self, size: int) -> Iterator[tuple[int, str]]:
        """What is wrong with the calls of the first `size` entries, every byte of them: (entry, what)."""
        return self._calls.problems(size)

    def last_call(self) -> Call | None:
        """The newest call."""
        return self._calls.last()

    def payloads(self, call: Call) -> list[bytes]:
        """A batch's records as they were signed: record, with its nullifier where there is one; refused ones too.

        Raises:
            ArchiveError: the call is no batch, or its entries are not of it.
        """
        if call.batch is None:
            raise ArchiveError(f"the call of entry {call.first_index} is no batch")
        refused = {one.position: one.record + one.nullifier for one in call.batch.refused}
        payloads = []
        for position, data in enumerate(self.entries(call.first_index, call.first_index + call.count)):
            if position in refused:
                payloads.append(refused[position])
                continue
            entry = decode(data)
            if not isinstance(entry, Reduction):
                raise ArchiveError(f"entry {call.first_index + position} is no reduction, and not known as refused")
            payloads.append(entry.record.encode() + (entry.nullifier or b""))
        return payloads

    def bundle(self, number: int, width: int) -> list[bytes]:
        """The first `width` entries of bundle `number`."""
        name = tile_path("entries", number)
        entries = unpack_bundle(self._read("entries", number, width), name)
        if len(entries) < width:
            raise ArchiveError(f"{name} has {len(entries)} entries of {width}")
        return entries[:width]

    def tile(self, level: int, number: int, width: int) -> list[bytes]:
        """The first `width` hashes of a tile."""
        data = self._read(level, number, width)
        if len(data) < width * HASH_BYTES or len(data) % HASH_BYTES:
            raise ArchiveError(f"{tile_path(level, number)} has {len(data)} bytes, not {width} hashes")
        return [data[at : at + HASH_BYTES] for at in range(0, width * HASH_BYTES, HASH_BYTES)]

    def _cached(self, level: int, number: int, width: int) -> list[bytes]:
        """A tile, or (level −1) a bundle, from a small cache; partial ones too, under their width."""
        key = (level, number, width)
        with self._guard:
            found = self._cache.get(key)
            if found is not None:
                self._cache.move_to_end(key)
                return found
        found = self.bundle(number, width) if level < 0 else self.tile(level, number, width)
        with self._guard:
            self._cache[key] = found
            while len(self._cache) > _CACHED:
                self._cache.popitem(last=False)
        return found

    def _read(self, level: int | str, number: int, width: int) -> bytes:
        """A tile of at least `width`: the partial one of that size may have given way to the full one."""
        for wanted in (width, TILE_WIDTH):
            try:
                return (self._folder / tile_path(level, number, wanted)).read_bytes()
            except FileNotFoundError:
                continue
        raise ArchiveError(f"{self._folder / tile_path(level, number, width)} is missing: restore it from a copy")

    def _read_note(self) -> tuple[tuple[int, int, int], str, Checkpoint] | None:
        path = self._folder / "checkpoint"
        try:
            stat = path.stat()
        except FileNotFoundError:
            return None
        stamp = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
        if self._note is None or self._note[0] != stamp:
            note = path.read_text("utf-8")
            self._note = (stamp, note, parse_note(note))
        return self._note
