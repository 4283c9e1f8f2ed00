"""Names and shapes of the archive's files (c2sp.org/tlog-tiles)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from chain_node.errors import ArchiveError
from chain_node.protocol.merkle import node_hash

TILE_WIDTH: Final = 256
TILE_HEIGHT: Final = 8
HASH_BYTES: Final = 32


def tile_path(level: int | str, number: int, width: int = TILE_WIDTH) -> str:
    """`tile/<L>/<N>[.p/<W>]`: N in groups of three digits, all but the last prefixed `x`.

    Args:
        level: 0 for hashes of entries, L for hashes of full tiles of L − 1, 'entries' for the entries themselves.
        number: which tile.
        width: hashes (entries) in it; 256 is a full tile.
    """
    groups = [f"{number % 1000:03d}"]
    rest = number // 1000
    while rest:
        groups.append(f"x{rest % 1000:03d}")
        rest //= 1000
    name = f"tile/{level}/{'/'.join(reversed(groups))}"
    return name if width == TILE_WIDTH else f"{name}.p/{width}"


def tile_width(level: int, number: int, size: int) -> int:
    """Hashes in tile `number` of `level` in a tree of `size` leaves; 0 when it does not exist."""
    return max(0, min(TILE_WIDTH, (size >> (TILE_HEIGHT * level)) - number * TILE_WIDTH))


def pack_bundle(entries: Iterable[bytes]) -> bytes:
    """Entries as they lie in `tile/entries`: u16 length ‖ entry."""
    return b"".join([len(entry).to_bytes(2, "big") + entry for entry in entries])


def unpack_bundle(data: bytes, where: str) -> list[bytes]:
    """The entries in a bundle.

    Raises:
        ArchiveError: it is cut.
    """
    entries, at, end = [], 0, len(data)
    while at < end:
        stop = at + 2 + (data[at] << 8 | data[at + 1] if at + 2 <= end else 0)
        if at + 2 > end or stop > end:
            raise ArchiveError(f"{where} is cut at byte {at}")
        entries.append(data[at + 2 : stop])
        at = stop
    return entries


def fold(hashes: list[bytes]) -> bytes:
    """Root of a full subtree from its 2ⁿ nodes of one level."""
    while len(hashes) > 1:
        hashes = [node_hash(hashes[at], hashes[at + 1]) for at in range(0, len(hashes), 2)]
    return hashes[0]


def levels_of(size: int) -> int:
    """How many tile levels a tree of `size` leaves has."""
    levels = 0
    while size >> (TILE_HEIGHT * levels):
        levels += 1
    return levels
