"""Folders of raw rows in TMPDIR that go with the call that made them, however it ends.

Each is locked (flock) by its process for as long as that lives. What no process holds was left by one that was killed
or lost its machine's power: the next call removes it, where it is this user's.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, NoReturn

PREFIX: Final = "luya-check-"


@contextmanager
def passing_folder() -> Iterator[Path]:
    """A new folder (mode 0700), removed at the end, also where the call is ended, or its terminal closed."""
    before = {number: signal.signal(number, _end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        sweep()
        with ExitStack() as stack, tempfile.TemporaryDirectory(prefix=PREFIX) as name:
            folder = Path(name)
            while (handle := _held(folder)) is None:  # a sweep came between its making and its locking
                folder.mkdir(mode=0o700, exist_ok=True)
            stack.callback(os.close, handle)  # held until it is removed
            yield folder
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def sweep() -> None:
    """Remove this user's folders that no process holds."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        handle = _held(folder)
        if handle is not None:
            try:
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(handle)


def _held(folder: Path) -> int | None:
    """A descriptor that holds this folder; None where it is gone, another user's, or held by another process."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        opened, there = os.fstat(handle), os.stat(folder, follow_symlinks=False)
        if opened.st_uid == os.geteuid() and (opened.st_dev, opened.st_ino) == (there.st_dev, there.st_ino):
            return handle
    except (BlockingIOError, FileNotFoundError):
        pass
    except BaseException:
        os.close(handle)
        raise
    os.close(handle)
    return None


def _end(number: int, _frame: object) -> NoReturn:
    sys.exit(128 + number)
