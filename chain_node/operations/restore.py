"""A backup becomes a home on a clean machine, whole and checked, or nothing at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tarfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from chain_node.archive.mirror import Mirror, verify_copy
from chain_node.archive.reader import ArchiveReader
from chain_node.deployment.manifest import Manifest
from chain_node.engine.base import Progress, no_progress
from chain_node.errors import BackupError, ManifestError
from chain_node.node.fsck import fsck
from chain_node.node.home import Home
from chain_node.operations.described import ARCHIVE, described_in, sha256_of
from chain_node.storage.durable import fsync_dir, make_dir

_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class RestoredHome:
    """What was restored.

    Attributes:
        described: what the backup says of itself.
        secrets: passphrases that were put into the home.
        check_seconds: that reading the backup took.
    """

    described: dict[str, Any]
    secrets: int
    check_seconds: float


def restore(source: Path, home: Home, *, secrets: Path | None = None, progress: Progress = no_progress) -> RestoredHome:
    """Makes a home from a backup; it appears under its name only when it is whole and checked.

    Args:
        source: the backup, folder or file.
        home: the new home; must not exist, or be empty.
        secrets: the passphrases that were kept apart; None where they come from the environment, or later.
        progress: told of each part.

    Raises:
        BackupError: something is there already, or the backup is damaged.
    """
    if home.root.exists() and (not home.root.is_dir() or any(home.root.iterdir())):
        raise BackupError(f"{home.root} is not empty: restore into a new folder, then compare")
    if secrets is not None and not secrets.is_dir():
        raise BackupError(f"{secrets} is no folder: give the one that `luya backup --secrets` has filled")
    making = home.root.with_name(f".{home.root.name}.restoring")
    with _opened(source, home.root) as folder:
        described = described_in(folder)
        checked = check(folder, described, progress)
        shutil.rmtree(making, ignore_errors=True)
        make_dir(making.parent)
        shutil.copytree(folder / described["part"], making, ignore=lambda at, _: _archive_in(folder, at))
        _take_archive(folder, described, making)
        taken = _take_secrets(secrets, making) if secrets is not None else 0
        _protect(making)
        verify_copy(making / "archive") if described["log_size"] else None  # read back from this disk
        if home.root.exists():
            home.root.rmdir()
        os.replace(making, home.root)
        fsync_dir(home.root.parent)
    return RestoredHome(described, taken, checked)


def check(folder: Path, described: dict[str, Any], progress: Progress) -> float:
    """Reads a backup back: digests, databases, and the whole archive replayed; seconds that it took.

    Raises:
        BackupError: anything is not as it was written; the text names the first ones.
    """
    began = time.monotonic()
    part = folder / described["part"]
    wrong = []
    for number, (name, digest) in enumerate(described["files"].items()):
        progress("checking files", number, len(described["files"]))
        path = part / name
        if not path.is_file():
            wrong.append(f"{name} is missing")
        elif sha256_of(path) != digest:
            wrong.append(f"{name} has changed")
        elif path.suffix in (".db", ".sqlite") and (reason := _unsound(path)):
            wrong.append(f"{name}: {reason}")
    wrong += _check_archive(folder, described, progress)
    if wrong:
        raise BackupError(f"{folder} is damaged: {'; '.join(wrong[:_SHOWN])}: use another backup")
    return time.monotonic() - began


def _check_archive(folder: Path, described: dict[str, Any], progress: Progress) -> list[str]:
    size = described["log_size"]
    if not size:
        return []
    try:
        key = Manifest.load(folder / described["part"] / "manifest.json").log_key
    except ManifestError as error:
        return [str(error)]
    reader = ArchiveReader(folder / ARCHIVE)
    checkpoint = verify_copy(folder / ARCHIVE, lambda done, total: progress("hashing entries", done, total))
    # longer where a later backup did not come to its end; then the note says what belongs to this one
    if checkpoint.size < size or (checkpoint.size > size and not described["note"]):
        return [f"the archive has {checkpoint.size} entries, {size} were backed up"]
    if reader.root_at(size).hex() != described["log_root"]:
        return [f"the archive's first {size} entries are not those that were backed up"]
    found = fsck(reader, log_key=key, progress=progress)
    return [str(difference) for difference in found.differences]


def _archive_in(folder: Path, at: str) -> set[str]:
    return {"archive"} if Path(at) == (folder / ARCHIVE).parent else set()


def _take_archive(folder: Path, described: dict[str, Any], making: Path) -> None:
    """Up to where the backup's files know it: they and a longer archive would not belong together."""
    if not described["log_size"]:
        return
    with Mirror(folder / ARCHIVE, making / "archive") as mirror:
        taken = mirror.sync(described["note"] or None)
    if (taken.size, taken.root.hex()) != (described["log_size"], described["log_root"]):
        raise BackupError(f"{folder} is damaged: its note is of another archive: use another backup")


@contextlib.contextmanager
def _opened(source: Path, home: Path) -> Iterator[Path]:
    """The backup's folder; a packed one is unpacked beside the new home."""
    if source.is_dir():
        yield source
        return
    if not source.is_file():
        raise BackupError(f"{source} is not there: give a backup's folder or file")
    unpacked = home.with_name(f".{home.name}.unpacking")
    shutil.rmtree(unpacked, ignore_errors=True)
    make_dir(home.parent)
    try:
        try:
            with tarfile.open(source) as tar:
                tar.extractall(unpacked, filter="data")  # this filter refuses what leaves the folder
        except (tarfile.TarError, EOFError, OSError) as error:
            raise BackupError(f"{source} cannot be unpacked ({error}): use another backup") from error
        yield unpacked / "backup"
    finally:
        shutil.rmtree(unpacked, ignore_errors=True)


def _take_secrets(source: Path, making: Path) -> int:
    make_dir(making / "secrets", 0o700)
    names = sorted(path for path in source.iterdir() if path.is_file())
    for path in names:
        shutil.copyfile(path, making / "secrets" / path.name)
    return len(names)


def _protect(home: Path) -> None:
    """A home is its owner's alone, and durable before it gets its name."""
    for path in sorted(home.rglob("*"), reverse=True):
        private = path.relative_to(home).parts[0] in ("keys", "secrets")
        if path.is_dir():
            path.chmod(0o700 if private else 0o755)
            fsync_dir(path)
        else:
            if private or path.suffix in (".db", ".sqlite"):
                path.chmod(0o600)
            handle = os.open(path, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
    home.chmod(0o700)
    fsync_dir(home)


def _unsound(path: Path) -> str:
    try:
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as db:
            found = str(db.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.Error as error:
        return str(error)
    return "" if found == "ok" else found
