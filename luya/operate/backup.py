"""`luya backup` and `luya restore`: of the node's files, with what only the oracles and the API know of theirs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from chain_node.operations.backup import FinishedBackup, back_up
from chain_node.operations.restore import RestoredHome
from chain_node.operations.restore import restore as restored_from
from luya.console import progress, tell
from luya.home import LuyaHome
from oracle.store import peek


def backup(home: LuyaHome, out: Path, *, secrets: Path | None, keys: bool, verify: bool, quiet: bool) -> dict[str, Any]:
    """Backs a home up, running or not; see `back_up`.

    Raises:
        BackupError: there is no ledger, a destination is none, or what was copied does not belong together.
    """
    with progress() as advance:
        made = back_up(
            home,
            out,
            moment=peek.moment_of,
            elsewhere=_elsewhere(home),
            secrets=secrets,
            keys=keys,
            verify=verify,
            progress=advance,
        )
    if not quiet:
        _tell_backup(home, out, made, secrets)
    return {
        "out": str(out.resolve()),
        "log_size": made.described["log_size"],
        "log_root": made.described["log_root"],
        "bytes": made.bytes,
        "files": len(made.described["files"]),
        "secrets": made.secrets,
        "verified": made.verify_seconds is not None,
        "seconds": round(made.seconds, 3),
        "verify_seconds": round(made.verify_seconds, 3) if made.verify_seconds is not None else None,
    }


def restore(source: Path, home: LuyaHome, *, secrets: Path | None, quiet: bool) -> dict[str, Any]:
    """Makes a home from a backup, whole and checked; see `chain_node.operations.restore`.

    Raises:
        BackupError: something is there already, or the backup is damaged.
    """
    began = time.monotonic()
    with progress() as advance:
        made = restored_from(source, home, secrets=secrets, progress=advance)
    if not quiet:
        _tell_restore(home, made)
    return {
        "home": str(home.root),
        **{name: made.described[name] for name in ("made", "origin", "log_size", "log_root")},
        "secrets": made.secrets,
        "check_seconds": round(made.check_seconds, 3),
        "seconds": round(time.monotonic() - began, 3),
    }


def _elsewhere(home: LuyaHome) -> list[str]:
    if home.read_model.startswith("sqlite:///"):
        return []
    return ["read model: it is on a database server; back it up there (tokens are in it)"]


def _tell_backup(home: LuyaHome, out: Path, made: FinishedBackup, secrets: Path | None) -> None:
    size = made.described["log_size"]
    tell(f"已备份 {size:,} 条。Backed up: {size:,} entries → {out}")
    for one in made.described["left_out"]:
        tell(f"  不含 without  {one}")
    if secrets is None:
        tell(
            "[yellow]口令不在备份中[/yellow]：请另存 "
            f"{home.root / 'secrets'}。The passphrases are not in it: keep {home.root / 'secrets'} elsewhere, or give "
            "--secrets; without them nobody can sign for this log again."
        )


def _tell_restore(home: LuyaHome, made: RestoredHome) -> None:
    size, at = made.described["log_size"], made.described["made"]
    tell(f"已恢复 {size:,} 条，备份于 {at}。Restored: {size:,} entries, as of {at}.")
    if not made.secrets:
        tell(
            f"[yellow]口令还没有放回[/yellow] {home.root / 'secrets'}。Put the passphrases there (mode 0600), or into "
            "LUYA_PASSPHRASE_<NAME>, before the first start."
        )
    tell(f"接着 next: luya up --home {home.root}  (the chain is rebuilt from the archive, sealed at the same root)")
