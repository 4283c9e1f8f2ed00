"""A SQLite database in WAL mode copied without SQLite, so that nothing beside it is made, changed or left behind.

SQLite itself cannot: a reader of a WAL database makes `-wal` and `-shm` beside it and, opened read-only, leaves them;
on a read-only disk it cannot read at all; `immutable=1` reads nonsense while somebody writes; and a reader that is
still there when the writer ends keeps that from tidying up. So the two files are copied as they are, after the file
format (sqlite.org/walformat.html):

- The database file changes only where a checkpoint writes pages that are in the WAL. So the file first and the WAL
  after it make a whole state together, whatever a checkpoint did in between: each page that it may have written, half
  or whole, stands in the WAL, which SQLite reads over it when it opens the copy.
- This holds until the WAL begins anew, which its header tells (new salts), or is removed: then it is copied again.
- A WAL that is cut off within a transaction ends, by its checksums, with the transaction before.
- Under constant writing a WAL begins anew every few megabytes. It does not while anyone holds a reader's lock: that is
  one byte of `-shm`, which a process can lock without writing to it, and which dies with the process. What is copied
  is right also without it: it only lets the copy come to an end.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from chain_node.errors import LockError

ATTEMPTS: Final = 100
_HEADER_BYTES: Final = 32
_READER_LOCK: Final = 124
"""WAL_READ_LOCK_1: where it is in `-shm`."""
_Mark = tuple[bytes, tuple[int, ...]]


def copy_untouched(path: Path, target: Path) -> None:
    """Copy the database at `path`, also while another process writes to it; `target` may gain a `-wal` beside it.

    Never in a process that has this database open: POSIX drops all of a process's locks on a file with the first
    descriptor of it that is closed.

    Raises:
        LockError: another process changed it each time before it was copied.
        OSError: a file cannot be read or written.
    """
    for _ in range(ATTEMPTS):
        with _no_new_wal(path):
            before = _mark(path)
            shutil.copyfile(path, target)
            _copy_wal(path, target)
            if _mark(path) == before:
                return
    raise LockError(f"{path} changed each of the {ATTEMPTS} times that it was copied: try again when less is written")


def _beside(path: Path, end: str) -> Path:
    return path.with_name(path.name + end)


def _copy_wal(path: Path, target: Path) -> None:
    wal = _beside(target, "-wal")
    try:
        shutil.copyfile(_beside(path, "-wal"), wal)
    except FileNotFoundError:
        wal.unlink(missing_ok=True)


def _mark(path: Path) -> _Mark:
    """What tells one WAL from the next; where there is none yet, the state of the file."""
    with contextlib.suppress(FileNotFoundError), _beside(path, "-wal").open("rb") as wal:
        header = wal.read(_HEADER_BYTES)
        if len(header) == _HEADER_BYTES:
            return header, ()
    at = path.stat()
    return b"", (at.st_ino, at.st_size, at.st_mtime_ns)


@contextlib.contextmanager
def _no_new_wal(path: Path) -> Iterator[None]:
    """As long as this is held, the WAL that is there goes on, where there is one."""
    try:
        handle = os.open(_beside(path, "-shm"), os.O_RDONLY)
    except FileNotFoundError:
        yield
        return
    try:
        fcntl.lockf(handle, fcntl.LOCK_SH, 1, _READER_LOCK)
        yield
    finally:
        os.close(handle)
