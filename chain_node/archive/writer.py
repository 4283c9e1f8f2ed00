"""The archive's only writer.

An append is durable when the journal's frame is; tiles and calls are then written without fsync, because a crash can
derive them again. A checkpoint is published only after that. When any step fails the writer refuses to go on: what is
true then is what the disk says, so it must be opened again.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from chain_node.archive.calls import ROW_BYTES, SUM_BYTES, Call, encode_call, encode_rows, encode_sums
from chain_node.archive.journal import ArchiveJournal, DurableLengths, Frame, check_frame
from chain_node.archive.layout import TILE_WIDTH, fold, levels_of, pack_bundle, tile_path, tile_width
from chain_node.archive.reader import ArchiveReader, parse_note
from chain_node.errors import ArchiveError
from chain_node.protocol.checkpoint import Checkpoint
from chain_node.protocol.errors import CheckpointError
from chain_node.protocol.merkle import Tree, leaf_hash, tree_root
from chain_node.storage.durable import Disk, FileLock, make_dir

COMPACT_BYTES: Final = 16 * 1024 * 1024
"""Length of the journal at which tiles are fsynced and it starts anew; bounds what a start has to derive again."""


class Archive:
    """The archive of one log, open for appending; one process at a time.

    Args:
        folder: created when missing.
        disk: file operations; tests hand in failing ones.

    Raises:
        ArchiveError: what is on disk contradicts itself.
        LockError: another process has it open.
    """

    def __init__(self, folder: Path, disk: Disk | None = None) -> None:
        make_dir(folder)
        self._folder = folder
        self._disk = disk or Disk()
        self._lock = FileLock(folder / "lock", "the archive")
        self._journal = ArchiveJournal(folder / "journal", self._disk)
        self._dirty: dict[Path, None] = {}
        self._obsolete: list[Path] = []
        self._partials: dict[int | str, tuple[int, int]] = {}
        self._broken = False
        self._published = 0
        self._calls_bytes = 0
        self._index_bytes = 0
        try:
            self._open()
        except BaseException:
            self._lock.release()
            raise

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return self._folder

    @property
    def size(self) -> int:
        """Entries that are durable, published or not."""
        return self._tree.size

    @property
    def published(self) -> int:
        """Size of the newest published checkpoint."""
        return self._published

    @property
    def root(self) -> bytes:
        """RFC 6962 root over all entries."""
        return self._tree.root()

    def tree(self) -> Tree:
        """A copy of the log's right edge."""
        return self._tree.copy()

    def append(self, entries: Sequence[bytes], calls: Sequence[Call]) -> None:
        """Append entries and the calls they came by; durable when it returns.

        Raises:
            ArchiveError: calls do not cover the entries, or an earlier failure left the writer unusable.
            OSError: the disk failed; what is on it counts, so open the archive again.
        """
        if not entries:
            return
        frame = Frame(self.size, tuple(entries), tuple(calls))
        check_frame(frame, self.size)
        with self._guarded():
            self._journal.append(frame)
            self._derive(frame)

    def publish(self, signer: Callable[[Checkpoint], str], origin: str) -> str:
        """Sign the log as it is now and publish the checkpoint, if it is not yet; returns the note."""
        note_path = self._folder / "checkpoint"
        if self._published == self.size and note_path.exists():
            return note_path.read_text("utf-8")
        note = signer(Checkpoint(origin, self.size, self.root))
        with self._guarded():
            self._write_partials()
            self._disk.write_atomic(note_path, note.encode())
            self._published = self.size
            if self._journal.length > COMPACT_BYTES:
                self._compact()
        return note

    def close(self) -> None:
        """Make the tiles durable and let go; idempotent. After a failure the journal is left as it is."""
        if self._lock.held:
            try:
                if not self._broken:
                    self._write_partials()
                    self._compact()
            finally:
                self._lock.release()

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def _guarded(self) -> _Guard:
        if self._broken or not self._lock.held:
            raise ArchiveError("the archive's writer is closed or has failed: open it again")
        return _Guard(self)

    def _open(self) -> None:
        if not (self._folder / "journal").exists():
            if (self._folder / "tile").exists() or (self._folder / "checkpoint").exists():
                raise ArchiveError(f"{self._folder} has tiles but no journal: restore it from a copy")
            self._journal.start(DurableLengths())
        base, frames = self._journal.recover()
        self._load(base)
        checkpoint = self._read_checkpoint()
        for frame in frames:
            check_frame(frame, self.size)
            self._derive(frame)
            if checkpoint is not None and checkpoint.size == self.size:
                self._write_partials()
        if checkpoint is not None:
            self._check_published(checkpoint)

    def _load(self, base: DurableLengths) -> None:
        """Right edge of every level, as the tiles have it at `base`; calls cut to where they were."""
        reader = ArchiveReader(self._folder)
        self._levels: list[list[bytes]] = []
        for level in range(levels_of(base.size)):
            width = tile_width(level, (base.size >> (8 * level)) // TILE_WIDTH, base.size)
            number = (base.size >> (8 * level)) // TILE_WIDTH
            self._levels.append(reader.tile(level, number, width) if width else [])
            self._partials[level] = (number, width)
        number, width = divmod(base.size, TILE_WIDTH)
        self._bundle = reader.bundle(number, width) if width else []
        self._partials["entries"] = (number, width)
        self._tree = Tree(base.size, _edge(self._levels))
        for name, length in (("calls", base.calls_bytes), ("calls.idx", base.index_bytes)):
            path = self._folder / name
            have = path.stat().st_size if path.exists() else 0
            if have < length:
                raise ArchiveError(f"{path} has {have} bytes of {length} that were on disk: restore it from a copy")
            if have > length:
                self._disk.truncate(path, length)
        self._calls_bytes, self._index_bytes = base.calls_bytes, base.index_bytes
        self._load_sums(reader)

    def _load_sums(self, reader: ArchiveReader) -> None:
        """Sums cut to where the calls are; an archive from before there were any gets them here."""
        path, length = self._folder / "calls.sum", self._index_bytes // ROW_BYTES * SUM_BYTES
        have = path.stat().st_size if path.exists() else 0
        if have > length:
            self._disk.truncate(path, length)
        elif have < length:
            known = path.read_bytes()[: have - have % SUM_BYTES] if have else b""
            rows = list(reader.call_rows(len(known) // SUM_BYTES))
            ends = [row.offset for row in rows[1:]] + [self._calls_bytes]
            calls = (self._folder / "calls").read_bytes()
            lines = [calls[row.offset : end] for row, end in zip(rows, ends, strict=True)]
            self._disk.write_atomic(path, known + encode_sums(lines))

    def _read_checkpoint(self) -> Checkpoint | None:
        path = self._folder / "checkpoint"
        if not path.exists():
            return None
        try:
            return parse_note(path.read_text("utf-8"))
        except (CheckpointError, UnicodeDecodeError) as error:
            raise ArchiveError(f"{path}: {error}") from error

    def _check_published(self, checkpoint: Checkpoint) -> None:
        if checkpoint.size > self.size:
            raise ArchiveError(
                f"the checkpoint promises {checkpoint.size} entries and the archive has {self.size}: "
                "entries that were on disk are gone; restore the archive from a copy"
            )
        reader = ArchiveReader(self._folder)
        root = self.root if checkpoint.size == self.size else tree_root(checkpoint.size, reader.get_node)
        if root != checkpoint.root:
            raise ArchiveError(
                f"the archive's {checkpoint.size} entries have root {root.hex()}, the checkpoint says "
                f"{checkpoint.root.hex()}: a tile was changed; restore the archive from a copy"
            )
        self._published = checkpoint.size

    def _derive(self, frame: Frame) -> None:
        """Tiles and calls of a frame that is in the journal."""
        lines = [encode_call(call) for call in frame.calls]
        rows = encode_rows(frame.calls, lines, self._calls_bytes)
        self._calls_bytes += self._extend("calls", b"".join(lines))
        self._extend("calls.sum", encode_sums(lines))
        self._index_bytes += self._extend("calls.idx", rows)  # last: whoever sees a row finds its line and sum
        for entry in frame.entries:
            leaf = leaf_hash(entry)
            self._tree.append(leaf)
            self._bundle.append(entry)
            if len(self._bundle) == TILE_WIDTH:
                self._write("entries", self._tree.size // TILE_WIDTH - 1, TILE_WIDTH, pack_bundle(self._bundle))
                self._bundle = []
            self._push(0, leaf)

    def _push(self, level: int, value: bytes) -> None:
        if level == len(self._levels):
            self._levels.append([])
        hashes = self._levels[level]
        hashes.append(value)
        if len(hashes) == TILE_WIDTH:
            number = (self._tree.size >> (8 * level)) // TILE_WIDTH - 1
            self._write(level, number, TILE_WIDTH, b"".join(hashes))
            self._levels[level] = []
            self._push(level + 1, fold(hashes))

    def _write_partials(self) -> None:
        """The right edge, as the published size has it. Tiles are immutable: what is on disk is not written again,
        because a crash in a rewrite could damage what the journal begins from."""
        number, width = divmod(self.size, TILE_WIDTH)
        if width and self._partials.get("entries") != (number, width):
            self._write("entries", number, width, pack_bundle(self._bundle))
        for level, hashes in enumerate(self._levels):
            at = ((self.size >> (8 * level)) // TILE_WIDTH, len(hashes))
            if hashes and self._partials.get(level) != at:
                self._write(level, *at, b"".join(hashes))

    def _write(self, level: int | str, number: int, width: int, data: bytes) -> None:
        path = self._folder / tile_path(level, number, width)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._disk.write(path, data)
        self._dirty[path] = None
        if width < TILE_WIDTH:
            self._partials[level] = (number, width)
        else:
            self._obsolete.append(path.with_name(path.name + ".p"))

    def _extend(self, name: str, data: bytes) -> int:
        path = self._folder / name
        with path.open("ab") as file:
            file.write(data)
        self._dirty[path] = None
        return len(data)

    def _compact(self) -> None:
        """fsync what was derived, then begin a new journal."""
        folders: dict[Path, None] = {}
        for path in self._dirty:
            if not path.exists():
                continue  # a partial tile whose full one is there
            self._disk.sync(path)
            at = path.parent
            while at != self._folder.parent and at not in folders:
                folders[at] = None
                at = at.parent
        for folder in folders:
            self._disk.sync(folder)
        self._dirty.clear()
        self._journal.start(DurableLengths(self.size, self._calls_bytes, self._index_bytes))
        # Only now: until here a crash would have begun again from the partial tiles of the old base.
        for folder in self._obsolete:
            shutil.rmtree(folder, ignore_errors=True)
        self._obsolete.clear()


class _Guard:
    """Marks the writer as broken when what it does fails half-way."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, *_rest: object) -> None:
        if kind is not None:
            self._archive._broken = True


def _edge(levels: list[list[bytes]]) -> list[bytes]:
    """Hashes of the full subtrees, largest first, from the right edge of each tile level."""
    edge: list[bytes] = []
    for hashes in reversed(levels):
        at = 0
        for bit in range(7, -1, -1):
            if len(hashes) & (1 << bit):
                edge.append(fold(hashes[at : at + (1 << bit)]))
                at += 1 << bit
    return edge
