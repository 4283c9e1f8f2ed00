"""`luya backup`: a home copied while it runs, so that what is copied belongs together.

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

import contextlib
import hashlib
import json
import os
import shutil
import sqlite3
import tarfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from chain_node.archive.calls import BATCH
from chain_node.archive.mirror import Mirror
from chain_node.archive.reader import ArchiveReader, parse_note
from chain_node.storage.durable import fsync_dir, make_dir, write_atomic
from luya.console import progress, tell
from luya.errors import HomeError, UsageError
from luya.home import LuyaHome
from luya.operate.restore import ARCHIVE, FORMAT, MANIFEST, PARTS, check, described_in
from oracle.store import peek

Advance = Callable[[str, int, int], None]
_SQLITE: Final = b"SQLite format 3\0"
_LEFT_OUT: Final = frozenset(
    {"chain", "outbox", "run", "archive", "keys", "secrets", "deployment.json", "mirrors.json"}
)
_PASSING: Final = (".tmp", ".partial", ".lock", "-wal", "-shm", "-journal")
_ATTEMPTS: Final = 20
TAR: Final = (".tar", ".tar.gz", ".tgz")


def backup(home: LuyaHome, out: Path, *, secrets: Path | None, keys: bool, verify: bool, quiet: bool) -> dict[str, Any]:
    """Backs a home up, running or not.

    Args:
        home: whose.
        out: a folder (new, or an earlier backup of the same log, which is brought up to date), or a .tar(.gz) file.
        secrets: where the passphrases go; None leaves them out.
        keys: take the encrypted keystores.
        verify: read everything back and replay the copied archive.
        quiet: say nothing.

    Raises:
        HomeError: there is no ledger, or what was copied does not belong together.
        UsageError: a destination that is none.
    """
    began = time.monotonic()
    if not home.network.exists():
        raise HomeError(f"there is no ledger in {home.root}: check --home")
    packed = out.name.endswith(TAR)
    folder = out.with_name(f".{out.name}.making") if packed else out
    _check_places(home, out, folder, secrets)
    with progress() as advance:
        described = _copy(home, folder, keys, advance)
        taken = _copy_secrets(home, secrets) if secrets is not None else 0
        copied = time.monotonic() - began
        checked = check(folder, described, advance) if verify else None
        _commit(folder, described)
        if packed:
            _pack(folder, out)
    if not quiet:
        _tell(home, out, described, secrets)
    return {
        "out": str(out.resolve()),
        "log_size": described["log_size"],
        "log_root": described["log_root"],
        "bytes": _bytes(out),
        "files": len(described["files"]),
        "secrets": taken,
        "verified": checked is not None,
        "seconds": round(copied, 3),
        "verify_seconds": round(checked, 3) if checked is not None else None,
    }


def _check_places(home: LuyaHome, out: Path, folder: Path, secrets: Path | None) -> None:
    root, place = home.root.resolve(), out.resolve()
    if root == place or root in place.parents or place in root.parents:
        raise UsageError(f"{out} and {home.root} are one place: back up elsewhere, best on another machine")
    if folder.exists() and any(folder.iterdir()) and not (folder / "home").exists():
        raise UsageError(f"{folder} is not empty and no backup: give a new folder")
    if secrets is not None:
        apart = secrets.resolve()
        if apart == place or place in apart.parents or apart in place.parents or root in apart.parents:
            raise UsageError(f"{secrets}: passphrases beside the keystores protect nothing: give a place of their own")


def _copy(home: LuyaHome, folder: Path, keys: bool, advance: Advance) -> dict[str, Any]:
    """All that a backup holds, durable, beside the files of an earlier one; returns what `_commit` makes valid."""
    make_dir(folder.parent)
    make_dir(folder, 0o700)
    make_dir(folder / PARTS[0], 0o700)
    before = _earlier(folder)
    target = folder / (PARTS[1] if before is not None and before["part"] == PARTS[0] else PARTS[0])
    make_dir(target, 0o700)
    _clear(target)
    archive = folder / ARCHIVE
    with frozen(home) as (databases, note):
        if note is not None:
            if before is not None:
                _keep_true(folder, before)
            with Mirror(home.archive, archive) as mirror:
                mirror.sync(note, lambda done, total: advance("archive", done, total))
            (archive / "lock").unlink(missing_ok=True)
        for number, (path, database) in enumerate(databases):
            advance("databases", number, len(databases))
            _copy_database(database, target / path.relative_to(home.root))
        for path in _files(home, keys):
            _copy_file(path, target / path.relative_to(home.root))
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
        "files": {str(path.relative_to(target)): _digest(path) for path in copied if path.is_file()},
        "left_out": _left_out(home, keys),
    }


def _commit(folder: Path, described: dict[str, Any]) -> None:
    """From here on the new backup counts; of the earlier one only the archive stays."""
    write_atomic(folder / MANIFEST, json.dumps(described, indent=1, ensure_ascii=False).encode() + b"\n", 0o600)
    for name in PARTS:
        if name != described["part"] and (folder / name).exists():
            _clear(folder / name)


def _earlier(folder: Path) -> dict[str, Any] | None:
    """The backup that is in the folder; None where there is none that anybody could restore."""
    try:
        return described_in(folder)
    except HomeError:
        return None


def _keep_true(folder: Path, before: dict[str, Any]) -> None:
    """One of format 1 does not say up to where the archive counts, and the archive is about to grow."""
    found = ArchiveReader(folder / ARCHIVE)
    if not before["note"] and before["log_size"] and found.size == before["log_size"]:
        kept = before | {"format": FORMAT, "note": found.checkpoint_note()}
        write_atomic(folder / MANIFEST, json.dumps(kept, indent=1, ensure_ascii=False).encode() + b"\n", 0o600)


def _clear(part: Path) -> None:
    for path in list(part.iterdir()):
        if path.name != "archive":
            shutil.rmtree(path) if path.is_dir() else path.unlink()


@contextlib.contextmanager
def frozen(home: LuyaHome) -> Iterator[tuple[list[tuple[Path, sqlite3.Connection]], str | None]]:
    """(databases, each held at one moment; the archive's note of just after), so that they belong together.

    Raises:
        HomeError: they do not, however often it was tried.
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
            reason = _belong_together(reader, databases, parse_note(note).size if note is not None else 0)
            if reason is None:
                yield databases, note
                return
        time.sleep(0.05)
    raise HomeError(f"{reason}: run `luya fsck --home {home.root}`")


def _belong_together(
    reader: ArchiveReader, databases: Sequence[tuple[Path, sqlite3.Connection]], size: int
) -> str | None:
    """Why the archive at `size` and the journals are not of one moment; None when they are."""
    recorded: dict[int, int] = {}
    for row in reader.call_rows():
        if row.kind == BATCH and row.first_index + row.count <= size:
            recorded[row.feed] = row.sequence + row.count
    for path, database in databases:
        if not peek.is_journal(path):
            continue
        found = peek.moment(database)
        if found.cursor > size:
            return f"{path} has settled entries up to {found.cursor}, the archive has {size}"
        if (archived := recorded.get(found.feed, 0)) > found.sequences:
            return f"the archive has {archived} records of feed {found.feed}, {path} only {found.sequences}"
    return None


def _databases(home: LuyaHome) -> list[Path]:
    return [path for path in _walk(home) if _is_database(path)]


def _files(home: LuyaHome, keys: bool) -> Iterator[Path]:
    yield from (path for path in _walk(home) if not _is_database(path))
    if keys:
        yield from sorted(path for path in (home.root / "keys").glob("*.json") if path.is_file())


def _walk(home: LuyaHome) -> Iterator[Path]:
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


def _copy_database(source: sqlite3.Connection, target: Path) -> None:
    make_dir(target.parent, 0o700)
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with contextlib.closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")  # one whole file; whoever opens it sets its own mode again
    _sync(target)


def _copy_file(source: Path, target: Path) -> None:
    make_dir(target.parent, 0o700)
    with contextlib.suppress(FileNotFoundError):  # of passing use after all
        shutil.copy2(source, target)
        _sync(target)


def _copy_secrets(home: LuyaHome, place: Path) -> int:
    """A passphrase that is there already is never replaced by another: it may be the only one that opens its keystore.

    Raises:
        HomeError: one is there, and differs.
    """
    make_dir(place.parent)
    make_dir(place, 0o700)
    names = sorted(path for path in (home.root / "secrets").glob("*") if path.is_file())
    differ = [path.name for path in names if (place / path.name).exists() and not _same(path, place / path.name)]
    if differ:
        raise HomeError(
            f"{place} holds other passphrases ({', '.join(differ)}) than {home.root / 'secrets'}: find out which are "
            "right, or give a new folder"
        )
    for path in names:
        write_atomic(place / path.name, path.read_bytes(), 0o600)
    return len(names)


def _same(one: Path, other: Path) -> bool:
    return one.read_bytes() == other.read_bytes()


def _left_out(home: LuyaHome, keys: bool) -> list[str]:
    parts = ["chain: rebuilt from the archive", "outbox: belongs to the chain", "run: of the running processes"]
    parts.append("secrets: passphrases; see --secrets")
    if not keys:
        parts.append("keys: not asked for")
    if not home.read_model.startswith("sqlite:///"):
        parts.append("read model: it is on a database server; back it up there (tokens are in it)")
    return parts


def _pack(folder: Path, out: Path) -> None:
    temporary = out.with_name(f".{out.name}.tmp")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        with tarfile.open(fileobj=file, mode="w:gz" if out.name.endswith("gz") else "w") as tar:
            tar.add(folder, arcname="backup")
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, out)
    fsync_dir(out.resolve().parent)
    shutil.rmtree(folder)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _bytes(out: Path) -> int:
    return out.stat().st_size if out.is_file() else sum(p.stat().st_size for p in out.rglob("*") if p.is_file())


def _tell(home: LuyaHome, out: Path, described: dict[str, Any], secrets: Path | None) -> None:
    tell(f"已备份 {described['log_size']:,} 条。Backed up: {described['log_size']:,} entries → {out}")
    for one in described["left_out"]:
        tell(f"  不含 without  {one}")
    if secrets is None:
        tell(
            "[yellow]口令不在备份中[/yellow]：请另存 "
            f"{home.root / 'secrets'}。The passphrases are not in it: keep {home.root / 'secrets'} elsewhere, or give "
            "--secrets; without them nobody can sign for this log again."
        )
