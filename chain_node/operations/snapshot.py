"""A home at one moment: every database frozen, and the archive's note of just after, so that they belong together."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, Protocol

from chain_node.archive.calls import BATCH
from chain_node.archive.reader import ArchiveReader, parse_note
from chain_node.errors import BackupError
from chain_node.node.home import Home
from chain_node.storage.durable import make_dir

_SQLITE: Final = b"SQLite format 3\0"
_LEFT_OUT: Final = frozenset(
    {"chain", "outbox", "run", "archive", "keys", "secrets", "deployment.json", "mirrors.json"}
)
_PASSING: Final = (".tmp", ".partial", ".lock", "-wal", "-shm", "-journal")
_ATTEMPTS: Final = 20


class JournalMoment(Protocol):
    """An oracle's journal at one moment.

    Attributes:
        feed: its id.
        cursor: entries of the log that it has settled.
        sequences: records that it has given one.
    """

    @property
    def feed(self) -> int: ...
    @property
    def cursor(self) -> int: ...
    @property
    def sequences(self) -> int: ...


ReadMoment = Callable[[Path, sqlite3.Connection], JournalMoment | None]
"""(a database of the home, open for reading) → its moment; None where it is no journal. The oracle knows its stores."""


@contextlib.contextmanager
def frozen(home: Home, moment: ReadMoment) -> Iterator[tuple[list[tuple[Path, sqlite3.Connection]], str | None]]:
    """(databases, each held at one moment; the archive's note of just after), so that they belong together.

    Args:
        home: whose.
        moment: of the oracles' journals.

    Raises:
        BackupError: they do not, however often it was tried.
    """
    reader = ArchiveReader(home.archive)
    for _ in range(_ATTEMPTS):
        with contextlib.ExitStack() as stack:
            databases = []
            for path in _databases(home):
                database = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None, timeout=30)
                stack.callback(database.close)
                database.execute("BEGIN")
                database.execute("SELECT count(*) FROM sqlite_master").fetchone()  # the snapshot begins with a read
                databases.append((path, database))
            note = reader.checkpoint_note()
            reason = _belong_together(reader, databases, moment, parse_note(note).size if note is not None else 0)
            if reason is None:
                yield databases, note
                return
        time.sleep(0.05)
    raise BackupError(f"{reason}: run `luya fsck --home {home.root}`")


def _belong_together(
    reader: ArchiveReader, databases: Sequence[tuple[Path, sqlite3.Connection]], moment: ReadMoment, size: int
) -> str | None:
    """Why the archive at `size` and the journals are not of one moment; None when they are."""
    recorded: dict[int, int] = {}
    for row in reader.call_rows():
        if row.kind == BATCH and row.first_index + row.count <= size:
            recorded[row.feed] = row.sequence + row.count
    for path, database in databases:
        found = moment(path, database)
        if found is None:
            continue
        if found.cursor > size:
            return f"{path} has settled entries up to {found.cursor}, the archive has {size}"
        if (archived := recorded.get(found.feed, 0)) > found.sequences:
            return f"the archive has {archived} records of feed {found.feed}, {path} only {found.sequences}"
    return None


def _databases(home: Home) -> list[Path]:
    return [path for path in _walk(home) if _is_database(path)]


def files(home: Home, keys: bool) -> Iterator[Path]:
    """All that is copied as it is: no database; the encrypted keystores where they are asked for."""
    yield from (path for path in _walk(home) if not _is_database(path))
    if keys:
        yield from sorted(path for path in (home.root / "keys").glob("*.json") if path.is_file())


def _walk(home: Home) -> Iterator[Path]:
    """All files of a home but those that are left out, copied in their own way, or of passing use."""
    for top in sorted(home.root.iterdir()):
        if top.name in _LEFT_OUT or top.name.startswith((".", "archive.damaged-")):
            continue
        for path in [top] if top.is_file() else sorted(top.rglob("*")):
            if path.is_file() and not path.is_symlink() and not path.name.endswith(_PASSING) and not _staged(path):
                yield path


def _staged(path: Path) -> bool:
    """What an ingest has read of a file and not journaled: it is read again."""
    return path.name.startswith("staging-")


def _is_database(path: Path) -> bool:
    with contextlib.suppress(OSError), path.open("rb") as file:
        return file.read(len(_SQLITE)) == _SQLITE
    return False


def copy_database(source: sqlite3.Connection, target: Path) -> None:
    """As it was when it was frozen; durable when it returns."""
    make_dir(target.parent, 0o700)
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with contextlib.closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")  # one whole file; whoever opens it sets its own mode again
    _sync(target)


def copy_file(source: Path, target: Path) -> None:
    """Durable when it returns."""
    make_dir(target.parent, 0o700)
    with contextlib.suppress(FileNotFoundError):  # of passing use after all
        shutil.copy2(source, target)
        _sync(target)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
