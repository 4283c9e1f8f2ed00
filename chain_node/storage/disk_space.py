"""Room on the disk: below a reserve nothing new is accepted, so that what was accepted can be finished.

The reserve is `LUYA_DISK_RESERVE` (MiB; default 512). It is looked at where something new would be signed, staged or
archived; whoever was refused tries again, and it goes on as soon as there is room.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from chain_node.errors import DiskFull

_MIB: Final = 1024 * 1024
_DEFAULT: Final = 512


def reserve() -> int:
    """Bytes that must stay free.

    Raises:
        DiskFull: the setting is no number, so nobody knows whether there is room.
    """
    text = os.environ.get("LUYA_DISK_RESERVE", "")
    if not text:
        return _DEFAULT * _MIB
    if not text.isdecimal():
        raise DiskFull(f"LUYA_DISK_RESERVE is {text!r}: give the room to keep free as a number of MiB")
    return int(text) * _MIB


def free(path: Path) -> int:
    """Bytes that this process may still write where `path` lies, or will lie."""
    at = path
    while not at.exists():
        at = at.parent
    found = os.statvfs(at)
    return found.f_bavail * found.f_frsize


def enough(path: Path) -> bool:
    """Something new may be accepted."""
    return free(path) >= reserve()


def require(path: Path) -> None:
    """Refuse to accept anything new where there is too little room.

    Raises:
        DiskFull: less than the reserve is free.
    """
    left = free(path)
    if left < reserve():
        raise DiskFull(
            f"{path}: {left // _MIB:,} MiB are free, {reserve() // _MIB:,} MiB are kept in reserve: nothing new is "
            "accepted; make room, then run the command again (what was accepted is safe)"
        )
