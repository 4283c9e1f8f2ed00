"""A home copied while it runs, so that what is copied belongs together.

The order is what makes it whole. First every database is frozen (a read transaction each: a moment), then the archive's
checkpoint of that moment is taken. So each journal has settled no more than the copied archive holds, and knows every
record that the copied archive holds. Then all is copied at leisure while the ledger goes on.

The same folder again: the new files are put beside the old ones and checked, and only then `backup.json` is replaced,
which says where the files are and up to where the archive counts. The archive is shared, it only grows. So an earlier
backup stays whole until the new one is.

Left out: the chain (rebuilt from the archive), the senders' outboxes (they belong to that chain), locks and addresses
of processes. Passphrases go where `--secrets` says, never beside the keystores they open.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import tarfile
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from chain_node.archive.mirror import Mirror
from chain_node.archive.reader import ArchiveReader, parse_note
from chain_node.engine.base import Progress, no_progress
from chain_node.errors import BackupError
from chain_node.node.home import Home
from chain_node.operations.described import ARCHIVE, FORMAT, PARTS, describe, described_in, sha256_of
from chain_node.operations.restore import check
from chain_node.operations.snapshot import ReadMoment, copy_database, copy_file, files, frozen
from chain_node.storage.durable import fsync_dir, make_dir, write_atomic

_PACKED_AS: Final = "backup"
TAR: Final = (".tar", ".tar.gz", ".tgz")


@dataclass(frozen=True, slots=True)
class FinishedBackup:
    """What was backed up.

    Attributes:
        described: what it says of itself.
        secrets: passphrases that were put apart.
        bytes: its size.
        seconds: that copying took.
        verify_seconds: that reading it back took; None where it was not.
    """

    described: dict[str, Any]
    secrets: int
    bytes: int
    seconds: float
    verify_seconds: float | None


def back_up(
    home: Home,
    out: Path,
    *,
    moment: ReadMoment,
    elsewhere: Sequence[str] = (),
    secrets: Path | None = None,
    keys: bool = True,
    verify: bool = True,
    progress: Progress = no_progress,
) -> FinishedBackup:
    """Backs a home up, running or not.

    Args:
        home: whose.
        out: a folder (new, or an earlier backup of the same log, which is brought up to date), or a .tar(.gz) file.
        moment: of the oracles' journals.
        elsewhere: what the home has that does not lie in it, as a sentence each: it is named as left out.
        secrets: where the passphrases go; None leaves them out.
        keys: take the encrypted keystores.
        verify: read everything back and replay the copied archive.
        progress: told of each part.

    Raises:
        BackupError: there is no ledger, a destination is none, or what was copied does not belong together.
    """
    began = time.monotonic()
    if not home.network.exists():
        raise BackupError(f"there is no ledger in {home.root}: check --home")
    packed = out.name.endswith(TAR)
    folder = out.with_name(f".{out.name}.making") if packed else out
    _check_places(home, out, folder, secrets)
    described = _copy(home, folder, moment, keys, progress)
    described["left_out"] += elsewhere
    taken = _copy_secrets(home, secrets) if secrets is not None else 0
    copied = time.monotonic() - began
    checked = check(folder, described, progress) if verify else None
    _commit(folder, described)
    if packed:
        _pack(folder, out)
    return FinishedBackup(described, taken, _bytes(out), copied, checked)


def _check_places(home: Home, out: Path, folder: Path, secrets: Path | None) -> None:
    root, place = home.root.resolve(), out.resolve()
    if root == place or root in place.parents or place in root.parents:
        raise BackupError(f"{out} and {home.root} are one place: back up elsewhere, best on another machine")
    if folder.exists() and any(folder.iterdir()) and not (folder / "home").exists():
        raise BackupError(f"{folder} is not empty and no backup: give a new folder")
    if folder != out and not _replaceable(out):
        raise BackupError(f"{out} is there already and is no backup: nothing replaces it; name another file")
    if secrets is not None:
        apart = secrets.resolve()
        if apart == place or place in apart.parents or apart in place.parents or root in apart.parents:
            raise BackupError(f"{secrets}: passphrases beside the keystores protect nothing: give a place of their own")


def _copy(home: Home, folder: Path, moment: ReadMoment, keys: bool, progress: Progress) -> dict[str, Any]:
    """All that a backup holds, durable, beside the files of an earlier one; returns what `_commit` makes valid."""
    make_dir(folder.parent)
    make_dir(folder, 0o700)
    make_dir(folder / PARTS[0], 0o700)
    before = _earlier(folder)
    target = folder / (PARTS[1] if before is not None and before["part"] == PARTS[0] else PARTS[0])
    make_dir(target, 0o700)
    _clear(target)
    archive = folder / ARCHIVE
    with frozen(home, moment) as (databases, note):
        if note is not None:
            if before is not None:
                _keep_true(folder, before)
            with Mirror(home.archive, archive) as mirror:
                mirror.sync(note, lambda done, total: progress("archive", done, total))
            (archive / "lock").unlink(missing_ok=True)
        for number, (path, database) in enumerate(databases):
            progress("databases", number, len(databases))
            copy_database(database, target / path.relative_to(home.root))
        for path in files(home, keys):
            copy_file(path, target / path.relative_to(home.root))
    checkpoint = parse_note(note) if note is not None else None
    copied = [path for path in sorted(target.rglob("*")) if archive not in (path, *path.parents)]
    for at in sorted({path.parent for path in copied} | {target, folder, archive.parent}):
        fsync_dir(at)
    return {
        "format": FORMAT,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "origin": json.loads(home.network.read_text("utf-8"))["origin"],
        "part": target.name,
        "log_size": checkpoint.size if checkpoint else 0,
        "log_root": checkpoint.root.hex() if checkpoint else "",
        "note": note or "",
        "files": {str(path.relative_to(target)): sha256_of(path) for path in copied if path.is_file()},
        "left_out": _left_out(home, keys),
    }


def _commit(folder: Path, described: dict[str, Any]) -> None:
    """From here on the new backup counts; of the earlier one only the archive stays."""
    describe(folder, described)
    for name in PARTS:
        if name != described["part"] and (folder / name).exists():
            _clear(folder / name)


def _earlier(folder: Path) -> dict[str, Any] | None:
    """The backup that is in the folder; None where there is none that anybody could restore."""
    try:
        return described_in(folder)
    except BackupError:
        return None


def _keep_true(folder: Path, before: dict[str, Any]) -> None:
    """One of format 1 does not say up to where the archive counts, and the archive is about to grow."""
    found = ArchiveReader(folder / ARCHIVE)
    if not before["note"] and before["log_size"] and found.size == before["log_size"]:
        kept = before | {"format": FORMAT, "note": found.checkpoint_note()}
        describe(folder, kept)


def _clear(part: Path) -> None:
    for path in list(part.iterdir()):
        if path.name != "archive":
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _copy_secrets(home: Home, place: Path) -> int:
    """A passphrase that is there already is never replaced by another: it may be the only one that opens its keystore.

    Raises:
        BackupError: one is there, and differs.
    """
    make_dir(place.parent)
    make_dir(place, 0o700)
    names = sorted(path for path in (home.root / "secrets").glob("*") if path.is_file())
    differ = [path.name for path in names if (place / path.name).exists() and not _same(path, place / path.name)]
    if differ:
        raise BackupError(
            f"{place} holds other passphrases ({', '.join(differ)}) than {home.root / 'secrets'}: find out which are "
            "right, or give a new folder"
        )
    for path in names:
        write_atomic(place / path.name, path.read_bytes(), 0o600)
    return len(names)


def _same(one: Path, other: Path) -> bool:
    return one.read_bytes() == other.read_bytes()


def _left_out(home: Home, keys: bool) -> list[str]:
    parts = ["chain: rebuilt from the archive", "outbox: belongs to the chain", "run: of the running processes"]
    parts.append("secrets: passphrases; see --secrets")
    if not keys:
        parts.append("keys: not asked for")
    return parts


def _replaceable(out: Path) -> bool:
    """Whether nothing is there but an empty file or an earlier backup's."""
    if not out.is_file() or not out.stat().st_size:
        return not out.is_dir()
    try:
        with tarfile.open(out) as tar:
            first = tar.next()
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile):
        return False
    return first is not None and first.name == _PACKED_AS


def _pack(folder: Path, out: Path) -> None:
    temporary = out.with_name(f".{out.name}.tmp")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        with tarfile.open(fileobj=file, mode="w:gz" if out.name.endswith("gz") else "w") as tar:
            tar.add(folder, arcname=_PACKED_AS)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, out)
    fsync_dir(out.resolve().parent)
    shutil.rmtree(folder)


def _bytes(out: Path) -> int:
    return out.stat().st_size if out.is_file() else sum(p.stat().st_size for p in out.rglob("*") if p.is_file())
