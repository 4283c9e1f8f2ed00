"""Looks at the machine: who holds a lock or a port, who lives, what the clock says. Nothing here changes anything.

Locks are read from /proc, which only Linux has and psutil does not read; elsewhere that check is silent.
"""

from __future__ import annotations

import contextlib
import email.utils
import http.client
import os
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import psutil

_LOCKS: Final = Path("/proc/locks")


def alive(pid: int) -> bool:
    """The process is there and not a zombie."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except (psutil.NoSuchProcess, ValueError):  # a number from a damaged file is nobody's
        return False
    except psutil.AccessDenied:
        return True


def command_of(pid: int) -> str:
    """Its command line, "" where the system does not tell."""
    with contextlib.suppress(psutil.Error, ValueError):
        return " ".join(psutil.Process(pid).cmdline()).strip()
    return ""


def cpu_seconds(pid: int | None) -> float:
    """CPU seconds that it has used, in user code and the system's; 0 where there is none, or it does not tell."""
    with contextlib.suppress(psutil.Error, ValueError):
        times = psutil.Process(pid or -1).cpu_times()
        return float(times.user + times.system)
    return 0.0


def lock_owner(path: Path) -> int | None:
    """The process that really holds a flock on `path` (not the one written in it); None when nobody does."""
    try:
        found = path.stat()
        rows = _LOCKS.read_text("ascii").splitlines()
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
    try:
        found = psutil.net_connections("tcp")
    except (psutil.AccessDenied, OSError):
        return ""
    listening = [one for one in found if one.status == psutil.CONN_LISTEN and one.laddr and one.laddr.port == port]
    for pid in (one.pid for one in listening if one.pid):
        return f"process {pid} ({command_of(pid)[:80]})"
    return "somebody else's process" if listening else ""


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
