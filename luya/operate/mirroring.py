"""`luya archive`: the archive's second copy; checking, mending from one, putting one in a damaged archive's place."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from chain_node.archive.mirror import Copied, Mirror, verify_copy
from chain_node.archive.reader import ArchiveReader
from chain_node.operations.copies import mend_archive, must_exist, replace_archive
from chain_node.operations.mirrors import remember_mirror
from luya.console import progress, tell
from luya.home import LuyaHome
from luya.operate.up import until_stopped


def mirror(home: LuyaHome, target: Path, *, once: bool, quiet: bool) -> dict[str, Any]:
    """Copies the archive to `target`, and goes on as it grows until it is stopped; an empty folder is begun.

    Raises:
        ArchiveError: there is no archive.
        MirrorError: the copy and the archive do not belong together, or the archive is damaged.
    """
    must_exist(home)
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
    """Takes damaged calls and deployments from a copy; see `mend_archive`.

    Raises:
        LockError, MirrorError, ArchiveError: see there.
    """
    mended = mend_archive(home, source)
    if not quiet:
        said = ", ".join(mended.written)
        tell(f"已修复：{said}。Mended from {mended.source}: {said}." if said else "无需修复。Nothing had to be mended.")
    return {"from": str(mended.source), "mended": mended.written}


def restore(home: LuyaHome, source: Path, *, quiet: bool) -> dict[str, Any]:
    """Puts a verified copy in the place of the home's archive; see `replace_archive`.

    Raises:
        LockError, MirrorError, ArchiveError: see there.
    """
    made = replace_archive(home, source)
    if not quiet:
        tell(f"归档已恢复：{made.size:,} 条。The archive is restored: {made.size:,} entries. Now: luya fsck")
    return {"size": made.size, "root": made.root.hex(), "kept": str(made.kept) if made.kept else ""}


def _grown(copied: Copied) -> None:
    tell(f"  {copied.before:,} → {copied.size:,}")
