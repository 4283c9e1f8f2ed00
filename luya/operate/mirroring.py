"""`luya archive`: the archive's second copy; checking, mending from one, putting one in a damaged archive's place."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chain_node.archive.mend import mend as mend_from
from chain_node.archive.mirror import Copied, Mirror, verify_copy
from chain_node.archive.reader import ArchiveReader
from chain_node.protocol.errors import ProtocolError
from chain_node.storage.durable import FileLock, fsync_dir
from luya.console import progress, tell
from luya.errors import HomeError
from luya.home import LuyaHome
from luya.operate.mirrors import known_mirrors, remember_mirror
from luya.operate.up import until_stopped


def mirror(home: LuyaHome, target: Path, *, once: bool, quiet: bool) -> dict[str, Any]:
    """Copies the archive to `target`, and goes on as it grows until it is stopped; an empty folder is begun.

    Raises:
        HomeError: there is no archive.
        MirrorError: the copy and the archive do not belong together, or the archive is damaged.
    """
    _must_exist(home.archive)
    with until_stopped() as stop, Mirror(home.archive, target) as copy:
        with progress() as advance:
            first = copy.sync(watched=lambda done, total: advance("copying the archive", done, total))
        remember_mirror(home.mirrors, target)
        if not quiet:
            tell(f"副本有 {first.size:,} 条。The copy has {first.size:,} entries ({target}, {first.seconds:.1f} s).")
        if not once:
            copy.run(stop, tell=lambda grown: None if quiet else _grown(grown))
        size = copy.size
    return {
        "to": str(target.resolve()),
        "copied": size - first.before,
        "size": size,
        "root": (ArchiveReader(target).root_at(size) if size else b"").hex(),
        "seconds": round(first.seconds, 3),
    }


def verify(folder: Path, *, quiet: bool) -> dict[str, Any]:
    """Hashes every entry of a copy again.

    Raises:
        ArchiveError: it is damaged.
    """
    began = time.monotonic()
    with progress() as advance:
        checkpoint = verify_copy(folder, watched=lambda done, total: advance("hashing entries", done, total))
    seconds = time.monotonic() - began
    if not quiet:
        tell(f"[green]完好 ok[/green]: {checkpoint.size:,} entries, root {checkpoint.root.hex()}")
    return {
        "ok": True,
        "size": checkpoint.size,
        "root": checkpoint.root.hex(),
        "origin": checkpoint.origin,
        "seconds": round(seconds, 3),
    }


def mend(home: LuyaHome, source: Path | None, *, quiet: bool) -> dict[str, Any]:
    """Takes damaged calls and deployments from a copy: the one named, else the one that this home has had.

    Raises:
        HomeError: a node runs, or no copy is known, or several are.
        ArchiveError: the copy is damaged, of another log, or ends before the damage.
    """
    _must_exist(home.archive)
    known = [source] if source else known_mirrors(home.mirrors)
    if len(known) != 1:
        raise HomeError(f"{len(known)} copies of {home.root} are known: name one with --from")
    lock = FileLock(home.lock, "this home")
    try:
        written = mend_from(home.archive, known[0])
    finally:
        lock.release()
    if not quiet:
        said = ", ".join(written)
        tell(f"已修复：{said}。Mended from {known[0]}: {said}." if written else "无需修复。Nothing had to be mended.")
    return {"from": str(known[0]), "mended": written}


def restore(home: LuyaHome, source: Path, *, quiet: bool) -> dict[str, Any]:
    """Puts a verified copy in the place of the home's archive; what was there is kept beside it.

    Raises:
        HomeError: a node runs, or the copy is of another log, or has fewer entries than the archive can still show.
        ArchiveError: the copy is damaged.
    """
    copy = verify_copy(source)
    lock = FileLock(home.lock, "this home")  # nobody may be appending
    try:
        if home.network.exists() and f'"{copy.origin}"' not in home.network.read_text("utf-8"):
            raise HomeError(f"{source} is a copy of {copy.origin}, which is not the log of {home.root}")
        there = _size_of(home.archive)
        if there > copy.size:
            raise HomeError(
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
    if not quiet:
        tell(f"归档已恢复：{copy.size:,} 条。The archive is restored: {copy.size:,} entries. Now: luya fsck")
    return {"size": copy.size, "root": copy.root.hex(), "kept": str(aside) if aside else ""}


def _size_of(archive: Path) -> int:
    try:
        return ArchiveReader(archive).size
    except (ProtocolError, ValueError, OSError):
        return 0  # a checkpoint that cannot be read promises nothing


def _must_exist(archive: Path) -> None:
    if not (archive / "checkpoint").exists():
        raise HomeError(f"there is no archive in {archive} yet: check --home, or run `luya up` first")


def _grown(copied: Copied) -> None:
    tell(f"  {copied.before:,} → {copied.size:,}")
