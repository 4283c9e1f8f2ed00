"""Looks at the machine: who holds a lock or a port, who lives, what the clock says. Nothing here changes anything.

What only Linux tells (/proc) is empty elsewhere; the checks that need it are then silent.
"""

from __future__ import annotations

import contextlib
import email.utils
import http.client
import os
import socket
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

_PROC: Final = Path("/proc")
_LISTEN: Final = "0A"


def alive(pid: int) -> bool:
    """The process is there and not a zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    with contextlib.suppress(OSError):
        return (_PROC / str(pid) / "stat").read_text("utf-8").rpartition(")")[2].split()[0] != "Z"
    return True


def command_of(pid: int) -> str:
    """Its command line, "" where the system does not tell."""
    with contextlib.suppress(OSError):
        return (_PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()
    return ""


def lock_owner(path: Path) -> int | None:
    """The process that really holds a flock on `path` (not the one written in it); None when nobody does."""
    try:
        found = path.stat()
        rows = (_PROC / "locks").read_text("ascii").splitlines()
    except OSError:
        return None
    wanted = (os.major(found.st_dev), os.minor(found.st_dev), found.st_ino)
    for row in rows:
        fields = row.split()
        if "->" in fields or len(fields) < 6 or fields[1] != "FLOCK":
            continue  # '->' waits for the lock
        major, minor, inode = fields[5].split(":")
        if (int(major, 16), int(minor, 16), int(inode)) == wanted:
            return int(fields[4])
    return None


def port_holder(port: int) -> str:
    """'process N (command)' that listens on this TCP port; 'somebody' where it cannot be told, "" when nobody does."""
    inodes = _listening(port)
    if not inodes:
        return ""
    wanted = {f"socket:[{inode}]" for inode in inodes}
    for folder in _PROC.iterdir():
        if not folder.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            for handle in (folder / "fd").iterdir():
                if os.readlink(handle) in wanted:
                    return f"process {folder.name} ({command_of(int(folder.name))[:80]})"
    return "somebody else's process"


def _listening(port: int) -> set[str]:
    found = set()
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            for line in (_PROC / "net" / table).read_text("ascii").splitlines()[1:]:
                fields = line.split()
                if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                    found.add(fields[9])
    return found


def peers_clock(urls: Sequence[str], timeout: float = 1.0) -> float | None:
    """Seconds that this clock is ahead of the median of these HTTP servers' `Date`; None when none answers."""
    offsets = [offset for url in urls if (offset := _date_offset(url, timeout)) is not None]
    return statistics.median(offsets) if offsets else None


def _date_offset(url: str, timeout: float) -> float | None:
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    try:
        connection = kind(parts.hostname or "", parts.port, timeout=timeout)
        try:
            before = time.time()
            connection.request("HEAD", parts.path or "/")
            said = connection.getresponse().headers.get("Date")
            now = (before + time.time()) / 2
        finally:
            connection.close()
    except (OSError, http.client.HTTPException):
        return None
    with contextlib.suppress(TypeError, ValueError):
        # `Date` has whole seconds: the middle of the second is the best guess
        return now - (email.utils.parsedate_to_datetime(str(said)).timestamp() + 0.5)
    return None


class ClockWatch:
    """Notices when the wall clock jumps: it is compared with the monotonic one, which never does."""

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()

    def jump(self) -> float:
        """Seconds by which the clock has jumped since the last look; slow drift does not count."""
        offset = time.time() - time.monotonic()
        moved, self._offset = offset - self._offset, offset
        return moved


def can_connect(port: int) -> bool:
    """Somebody accepts connections on this loopback port."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1.0):
        return True
    return False
