"""The archive's second copy: grows with it, is verified as it grows, and can take its place.

A mirror is an archive itself. What is copied are the entries and the calls they came by; tiles are derived anew. Before
a run of entries is appended it is proven to lead to the root in the source's signed checkpoint. So a damaged tile, a
flipped bit or a truncated file at the source never reaches the copy: copying stops and says where. Interrupted at any
point it goes on where its own journal says it was. Calls and deployments are copied only with their SHA-256.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chain_node.archive.calls import ROW_BYTES, Call
from chain_node.archive.domains import deployments, write
from chain_node.archive.layout import TILE_WIDTH, fold, tile_path
from chain_node.archive.reader import ArchiveReader, parse_note
from chain_node.archive.writer import Archive
from chain_node.errors import ArchiveError, MirrorError
from chain_node.protocol.checkpoint import Checkpoint
from chain_node.protocol.errors import CheckpointError, ProofError
from chain_node.protocol.merkle import Tree, leaf_hash, verify_consistency

STEP: Final = 20_000
"""Entries in one append: bounds memory, and what an interruption has to do again."""

Watched = Callable[[int, int], None]
"""Called with (entries done, entries there are)."""


def _unwatched(_done: int, _total: int) -> None:
    """Nobody watches."""


@dataclass(frozen=True, slots=True)
class Copied:
    """What a sync came to.

    Attributes:
        before, size: entries in the copy, before and after.
        root: at `size`.
        seconds: it took.
    """

    before: int
    size: int
    root: bytes
    seconds: float


class Mirror:
    """A copy of one archive in another folder, better on another disk or machine's mount.

    Args:
        source: the archive; may be written to by its owner meanwhile.
        target: the copy's folder, created when missing.

    Raises:
        MirrorError: the folders are the same, or one lies in the other.
        ArchiveError: the copy contradicts itself.
        LockError: another process has the copy open.
    """

    def __init__(self, source: Path, target: Path) -> None:
        self.source, self.target = source.resolve(), target.resolve()
        if self.source == self.target or self.source in self.target.parents or self.target in self.source.parents:
            raise MirrorError(f"{target} and {source} are one place: a copy must lie elsewhere, best on another disk")
        self._copy = Archive(self.target)

    @property
    def size(self) -> int:
        """Entries under the copy's checkpoint."""
        return self._copy.published

    def lag(self) -> int:
        """Entries that the source has published and the copy has not."""
        return max(0, ArchiveReader(self.source).size - self._copy.published)

    def sync(self, note: str | None = None, watched: Watched = _unwatched) -> Copied:
        """Bring the copy to a checkpoint of the source; durable and verified when it returns.

        Args:
            note: a signed checkpoint that the source has published; None takes the newest.
            watched: told how far it is.

        Raises:
            MirrorError: the source does not continue the copy, or its entries do not lead to its root.
            ArchiveError: the source is damaged.
            OSError: a disk failed; make a new `Mirror` then.
        """
        began, before = time.monotonic(), self._copy.size
        reader = ArchiveReader(self.source)
        note = reader.checkpoint_note() if note is None else note
        if note is None:
            if before:
                raise MirrorError(f"{self.source} is empty and its copy has {before} entries: restore it from there")
            return Copied(0, 0, b"", 0.0)
        try:
            goal = parse_note(note)
        except CheckpointError as error:
            raise MirrorError(f"{self.source / 'checkpoint'}: {error}") from error
        self._must_continue(reader, goal)
        for entries, calls in self._missing(reader, goal.size):
            self._check(reader, entries, goal)
            self._copy.append(entries, calls)
            watched(self._copy.size, goal.size)
        self._publish(note, goal)
        return Copied(before, self._copy.size, self._copy.root, time.monotonic() - began)

    def run(
        self, stop: threading.Event, *, every: float = 1.0, tell: Callable[[Copied], None] = lambda _: None
    ) -> None:
        """Sync whenever the source has grown, until `stop` is set. Raises as `sync` does."""
        while not stop.is_set():
            if self.lag() or not (self.target / "checkpoint").exists():
                tell(self.sync())
            stop.wait(every)

    def close(self) -> None:
        """Let go of the copy; idempotent."""
        self._copy.close()

    def __enter__(self) -> Mirror:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def _must_continue(self, reader: ArchiveReader, goal: Checkpoint) -> None:
        """The copy's entries are the source's first ones: a fork, or an older source, never touches a good copy."""
        have = self._copy.size
        if have > goal.size:
            raise MirrorError(
                f"{self.target} has {have} entries, {self.source} only {goal.size}: the copy is the newer one; "
                "restore the archive from it"
            )
        try:
            self._prove(reader, have, self._copy.root, goal)
        except ProofError as error:
            raise MirrorError(
                f"{self.target} holds another log than {self.source} (they differ within the first {have} entries), or "
                "the archive is damaged: run `luya fsck`, find out which is right, and give the other another folder"
            ) from error

    def _prove(self, reader: ArchiveReader, size: int, root: bytes, goal: Checkpoint) -> None:
        """A log of `size` with this root is continued by the source's checkpoint."""
        if size:
            verify_consistency(size, goal.size, reader.consistency(size, goal.size), root, goal.root)

    def _missing(self, reader: ArchiveReader, size: int) -> Iterator[tuple[list[bytes], list[Call]]]:
        """Runs of entries with their calls, from the copy's end to `size`."""
        index = self.target / "calls.idx"
        rows = reader.call_rows(index.stat().st_size // ROW_BYTES if index.exists() else 0)
        first = at = self._copy.size
        calls: list[Call] = []
        for row in rows:
            if at >= size:
                break
            if row.first_index != at or at + row.count > size:
                raise MirrorError(f"{self.source}: the call at entry {row.first_index} does not continue at {at}")
            calls.append(reader.read_call(row))
            at += row.count
            if at - first >= STEP:
                yield list(reader.entries(first, at)), calls
                first, calls = at, []
        if at != size:
            raise MirrorError(f"{self.source}: its calls end at entry {at}, its checkpoint says {size}")
        if calls:
            yield list(reader.entries(first, at)), calls

    def _check(self, reader: ArchiveReader, entries: list[bytes], goal: Checkpoint) -> None:
        tree = self._copy.tree()
        for entry in entries:
            tree.append(leaf_hash(entry))
        try:
            self._prove(reader, tree.size, tree.root(), goal)
        except ProofError as error:
            raise MirrorError(
                f"{self.source}: entries {self._copy.size} to {tree.size} do not lead to its checkpoint's root: the "
                f"archive is damaged, run `luya fsck`; its copy in {self.target} is good up to entry {self._copy.size}"
            ) from error

    def _publish(self, note: str, goal: Checkpoint) -> None:
        old, new = deployments(self.target), deployments(self.source)
        if new[: len(old)] != old:
            raise MirrorError(
                f"{self.source / 'domains'} does not continue its copy in {self.target}: find out which is right"
            )
        if new:
            write(self.target, new)
        self._copy.publish(lambda _checkpoint: note, goal.origin)


def verify_copy(folder: Path, watched: Watched = _unwatched) -> Checkpoint:
    """Read a copy back from its disk: every entry is hashed again, and must lead to its checkpoint's root; every call
    and deployment must have its SHA-256.

    Raises:
        ArchiveError: it does not, or something is missing.
    """
    reader = ArchiveReader(folder)
    checkpoint = reader.checkpoint()
    if checkpoint is None:
        raise ArchiveError(f"{folder} holds no checkpoint: it is no archive, or copying never came to an end")
    levels: list[list[bytes]] = []

    def push(level: int, value: bytes, index: int) -> None:
        """Node `index` of a tile level; a full tile is compared with the disk, and its root goes up."""
        if level == len(levels):
            levels.append([])
        levels[level].append(value)
        if len(levels[level]) == TILE_WIDTH:
            compare(level, index // TILE_WIDTH)
            full, levels[level] = levels[level], []
            push(level + 1, fold(full), index // TILE_WIDTH)

    def compare(level: int, number: int) -> None:
        if reader.tile(level, number, len(levels[level])) != levels[level]:
            raise ArchiveError(f"{folder / tile_path(level, number)} is damaged: take another copy")

    tree = Tree()
    for index, entry in enumerate(reader.entries(0, checkpoint.size)):
        leaf = leaf_hash(entry)
        tree.append(leaf)
        push(0, leaf, index)
        if index % STEP == 0:
            watched(index, checkpoint.size)
    for level, hashes in enumerate(levels):
        if hashes:
            compare(level, (checkpoint.size >> (8 * level)) // TILE_WIDTH)
    if tree.root() != checkpoint.root:
        raise ArchiveError(
            f"{folder}: its {checkpoint.size} entries have root {tree.root().hex()}, its checkpoint says "
            f"{checkpoint.root.hex()}: it is damaged; take another copy"
        )
    for entry_index, what in reader.call_problems(checkpoint.size):
        raise ArchiveError(f"{folder}: entry {entry_index}: {what}")
    deployments(folder)
    return checkpoint
