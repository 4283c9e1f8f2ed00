"""Crash-safe file operations: the only way this package changes files whose loss would matter.

A write is durable when the file *and* the folder that names it have been fsynced; a replacement is atomic when it
goes by temporary file, fsync, rename, fsync of the folder. `Disk` bundles the operations so that a test can put faults
in between.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from chain_node.errors import LockError


def fsync_dir(folder: Path) -> None:
    """Make the names in `folder` durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_dir(folder: Path, mode: int = 0o755) -> None:
    """Create `folder` and its parents, each name durable."""
    missing = []
    at = folder
    while not at.exists():
        missing.append(at)
        at = at.parent
    for path in reversed(missing):
        with contextlib.suppress(FileExistsError):
            path.mkdir(mode=mode)
        fsync_dir(path.parent)


def write_atomic(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Replace `path` by `data`: after a crash at any instant it holds the old or the new, never a mix."""
    make_dir(path.parent)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        try:
            _write_all(handle, data)
            os.fsync(handle)
        finally:
            os.close(handle)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    fsync_dir(path.parent)


def replaceable(path: Path, start: bytes) -> bool:
    """Whether nobody's work goes when `path` is written: nothing is there, or an empty file, or one that begins so."""
    if not path.is_file():
        return not path.is_dir()
    with path.open("rb") as file:
        return file.read(len(start)) in (b"", start)


def write_new(path: Path, data: bytes, mode: int = 0o644) -> bool:
    """Create `path` with `data`, whole and durable; False, and nothing done, where it is there already.

    Of two processes that do this at once one succeeds, and both then read the same.
    """
    make_dir(path.parent)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        try:
            _write_all(handle, data)
            os.fsync(handle)
        finally:
            os.close(handle)
        try:
            os.link(temporary, path)
        except FileExistsError:
            return False
    finally:
        temporary.unlink(missing_ok=True)
        fsync_dir(path.parent)
    return True


def append_fsync(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Append `data` to `path` and make it durable. A crash may leave a part of `data`: the reader must tell."""
    created = not path.exists()
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, mode)
    try:
        _write_all(handle, data)
        os.fsync(handle)
    finally:
        os.close(handle)
    if created:
        fsync_dir(path.parent)


def _write_all(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


class Disk:
    """The archive's file operations, as one object: tests hand in one that fails where they want."""

    def append(self, path: Path, data: bytes) -> None:
        """Append and fsync."""
        append_fsync(path, data)

    def write(self, path: Path, data: bytes) -> None:
        """Write a file that can be derived again: replaced atomically, not fsynced."""
        temporary = path.with_name(f".{path.name}.tmp")
        temporary.write_bytes(data)
        os.replace(temporary, path)

    def write_atomic(self, path: Path, data: bytes) -> None:
        """Replace and fsync."""
        write_atomic(path, data)

    def truncate(self, path: Path, size: int) -> None:
        """Cut to `size` bytes and fsync."""
        handle = os.open(path, os.O_WRONLY)
        try:
            os.ftruncate(handle, size)
            os.fsync(handle)
        finally:
            os.close(handle)

    def sync(self, path: Path) -> None:
        """fsync a file or a folder."""
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextlib.contextmanager
def lock(path: Path, what: str) -> Iterator[None]:
    """Hold `path` for this process; a lock dies with its holder, so there are no stale ones.

    Raises:
        LockError: another process holds it; the text names its process id.
    """
    held = FileLock(path, what)
    try:
        yield
    finally:
        held.release()


def lock_holder(path: Path) -> int | None:
    """Process id of who last held (or holds) the lock."""
    try:
        return int(path.read_text("ascii"))
    except (OSError, ValueError):
        return None


class FileLock:
    """A flock on a file that also names its holder.

    Args:
        path: the lock file, created where missing, never deleted (deleting would let two processes hold it).
        what: what is being locked, for the error's text.
        shared: many may hold it so, and then nobody exclusively; a shared holder is not named.

    Raises:
        LockError: another process holds it; the text names its process id.
    """

    def __init__(self, path: Path, what: str, *, shared: bool = False) -> None:
        make_dir(path.parent)
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except OSError:
            named = os.read(self._handle, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(self._handle)
            raise LockError(
                f"{what} is in use by process {named} ({path}): stop it first, or use another home"
            ) from None
        if shared:
            return
        with contextlib.suppress(OSError):  # the lock holds also on a full disk; only its holder's name is missing
            holder = f"{os.getpid()}\n".encode()
            os.pwrite(self._handle, holder, 0)
            os.ftruncate(self._handle, len(holder))

    @property
    def held(self) -> bool:
        """Not released yet."""
        return self._handle >= 0

    def release(self) -> None:
        """Let go; idempotent."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1
