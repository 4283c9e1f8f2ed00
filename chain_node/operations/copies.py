"""The archive and its copies: mending from one, putting one in a damaged archive's place."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from chain_node.archive.mend import mend
from chain_node.archive.mirror import Mirror, verify_copy
from chain_node.archive.reader import ArchiveReader
from chain_node.errors import ArchiveError, MirrorError
from chain_node.node.home import Home
from chain_node.operations.mirrors import known_mirrors
from chain_node.protocol.errors import ProtocolError
from chain_node.storage.durable import FileLock, fsync_dir


@dataclass(frozen=True, slots=True)
class MendedArchive:
    """source: the copy that was used; written: the files that were mended."""

    source: Path
    written: list[str]


@dataclass(frozen=True, slots=True)
class ReplacedArchive:
    """size, root: of the archive now; kept: where the one before lies; None where there was none."""

    size: int
    root: bytes
    kept: Path | None


def must_exist(home: Home) -> None:
    """Raises:
    ArchiveError: the home has no archive.
    """
    if not (home.archive / "checkpoint").exists():
        raise ArchiveError(f"there is no archive in {home.archive} yet: check --home, or run `luya up` first")


def mend_archive(home: Home, source: Path | None) -> MendedArchive:
    """Takes damaged calls and deployments from a copy: the one named, else the one that this home has had.

    Raises:
        LockError: a node runs.
        MirrorError: no copy is known, or several are.
        ArchiveError: the copy is damaged, of another log, or ends before the damage; or there is no archive.
    """
    must_exist(home)
    known = [source] if source else known_mirrors(home.mirrors)
    if len(known) != 1:
        raise MirrorError(f"{len(known)} copies of {home.root} are known: name one with --from")
    lock = FileLock(home.lock, "this home")
    try:
        return MendedArchive(known[0], mend(home.archive, known[0]))
    finally:
        lock.release()


def replace_archive(home: Home, source: Path) -> ReplacedArchive:
    """Puts a verified copy in the place of the home's archive; what was there is kept beside it.

    Raises:
        LockError: a node runs.
        MirrorError: the copy is of another log, or has fewer entries than the archive can still show.
        ArchiveError: the copy is damaged.
    """
    copy = verify_copy(source)
    lock = FileLock(home.lock, "this home")  # nobody may be appending
    try:
        if home.network.exists() and f'"{copy.origin}"' not in home.network.read_text("utf-8"):
            raise MirrorError(f"{source} is a copy of {copy.origin}, which is not the log of {home.root}")
        there = _size_of(home.archive)
        if there > copy.size:
            raise MirrorError(
                f"the archive of {home.root} has a checkpoint over {there} entries, the copy only {copy.size}: "
                "find a newer copy; what only the damaged archive has would be lost"
            )
        fresh = home.root / ".archive.restoring"
        with Mirror(source, fresh) as made:
            made.sync()
        aside = None
        if home.archive.exists():
            aside = home.root / f"archive.damaged-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
            os.replace(home.archive, aside)
        os.replace(fresh, home.archive)
        fsync_dir(home.root)
    finally:
        lock.release()
    return ReplacedArchive(copy.size, copy.root, aside)


def _size_of(archive: Path) -> int:
    try:
        return ArchiveReader(archive).size
    except (ProtocolError, ValueError, OSError):
        return 0  # a checkpoint that cannot be read promises nothing
