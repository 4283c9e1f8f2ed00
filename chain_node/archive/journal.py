"""The archive's write-ahead journal: frames with a checksum, fsynced one by one.

File = header ‖ frames. Header: magic, size of the log and lengths of `calls` and `calls.idx` up to which everything
else is known to be on disk, CRC-32. Frame: length u32, CRC-32 u32, payload. What follows the last whole frame was never
acknowledged to anybody and is cut off.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chain_node.archive.calls import Call, decode_call, encode_call
from chain_node.errors import ArchiveError
from chain_node.storage.durable import Disk

_MAGIC: Final = b"luya-journal-1\n\0"
_HEADER: Final = struct.Struct(">16sQQQI")
_FRAME: Final = struct.Struct(">II")


@dataclass(frozen=True, slots=True)
class DurableLengths:
    """Up to where tiles and calls are durable by themselves.

    Attributes:
        size: entries.
        calls_bytes: length of `calls`.
        index_bytes: length of `calls.idx`.
    """

    size: int = 0
    calls_bytes: int = 0
    index_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Frame:
    """One append: entries from `first_index`, and the calls they came by."""

    first_index: int
    entries: tuple[bytes, ...]
    calls: tuple[Call, ...]


class ArchiveJournal:
    """The journal file.

    Args:
        path: where it is; created with `start`.
        disk: file operations.
    """

    def __init__(self, path: Path, disk: Disk) -> None:
        self._path = path
        self._disk = disk
        self.length = 0

    def start(self, base: DurableLengths) -> None:
        """Replace the journal by an empty one; everything below `base` must be on disk."""
        packed = _HEADER.pack(_MAGIC, base.size, base.calls_bytes, base.index_bytes, 0)[:-4]
        self._disk.write_atomic(self._path, packed + zlib.crc32(packed).to_bytes(4, "big"))
        self.length = _HEADER.size

    def append(self, frame: Frame) -> None:
        """Make a frame durable: when this returns, the entries are in the archive."""
        payload = _encode(frame)
        data = _FRAME.pack(len(payload), zlib.crc32(payload)) + payload
        self._disk.append(self._path, data)
        self.length += len(data)

    def recover(self) -> tuple[DurableLengths, list[Frame]]:
        """What the journal holds; a torn end is cut off.

        Raises:
            ArchiveError: the header is damaged (it is replaced atomically, so that is not a crash).
        """
        data = self._path.read_bytes()
        if len(data) < _HEADER.size or data[:16] != _MAGIC:
            raise ArchiveError(f"{self._path} is not a journal: restore the archive from a copy, or remove it")
        _, size, calls_bytes, index_bytes, crc = _HEADER.unpack_from(data)
        if zlib.crc32(data[: _HEADER.size - 4]) != crc:
            raise ArchiveError(f"{self._path}: header damaged: restore the archive from a copy")
        frames, at = [], _HEADER.size
        while at + _FRAME.size <= len(data):
            length, crc = _FRAME.unpack_from(data, at)
            payload = data[at + _FRAME.size : at + _FRAME.size + length]
            if len(payload) != length or zlib.crc32(payload) != crc:
                break
            frames.append(_decode(payload))
            at += _FRAME.size + length
        if at != len(data):
            self._disk.truncate(self._path, at)
        self.length = at
        return DurableLengths(size, calls_bytes, index_bytes), frames


def _encode(frame: Frame) -> bytes:
    parts = [struct.pack(">QII", frame.first_index, len(frame.entries), len(frame.calls))]
    parts += [part for entry in frame.entries for part in (len(entry).to_bytes(2, "big"), entry)]
    for call in frame.calls:
        line = encode_call(call)
        parts += [len(line).to_bytes(4, "big"), line]
    return b"".join(parts)


def _decode(payload: bytes) -> Frame:
    first, n_entries, n_calls = struct.unpack_from(">QII", payload)
    at = 16
    entries, calls = [], []
    for _ in range(n_entries):
        stop = at + 2 + int.from_bytes(payload[at : at + 2], "big")
        entries.append(payload[at + 2 : stop])
        at = stop
    for _ in range(n_calls):
        stop = at + 4 + int.from_bytes(payload[at : at + 4], "big")
        calls.append(decode_call(payload[at + 4 : stop]))
        at = stop
    return Frame(first, tuple(entries), tuple(calls))


def check_frame(frame: Frame, size: int) -> None:
    """The frame continues a log of `size` entries, and its calls cover its entries.

    Raises:
        ArchiveError: it does not.
    """
    if frame.first_index != size:
        raise ArchiveError(f"entries from {frame.first_index} do not continue an archive of {size}")
    at = size
    for call in frame.calls:
        if call.first_index != at:
            raise ArchiveError(f"a call that begins at entry {call.first_index} does not continue at {at}")
        at += call.count
    if at != size + len(frame.entries):
        raise ArchiveError(f"calls cover entries up to {at}, appended are those up to {size + len(frame.entries)}")
