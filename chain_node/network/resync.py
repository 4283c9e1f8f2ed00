"""A node whose chain data is damaged gives it up and fetches the chain anew from the others."""

from __future__ import annotations

import json
import os
from pathlib import Path

from chain_node.errors import NetworkError
from chain_node.network.folders import OrganisationFolder
from chain_node.storage.durable import FileLock, fsync_dir, write_atomic

_SIGNED = "priv_validator_state.json"


def resync(folder: OrganisationFolder) -> Path:
    """Set the node's data aside; its next start begins with an empty chain. Returns where the old data is.

    What the validator has signed last stays with the node: without it, it could sign the same height a second time.

    Raises:
        NetworkError: it is the only validator, or does not know what it has signed; nothing was changed.
        LockError: the node runs.
    """
    data = folder.node / "data"
    known = {part.organisation for part in (*folder.network.charter().parts, *folder.network.parts())}
    if len(known) < 2:
        raise NetworkError(
            f"{folder.root.name} is the network's only organisation: nobody has its chain; restore a backup, or "
            "`luya rebuild` from the archive onto a new network"
        )
    lock = FileLock(folder.root / "lock", "the organisation's node")
    try:
        signed = _signed(data)
        aside = _free_name(data)
        fresh = data.with_name("data.new")
        fresh.mkdir(mode=0o700, exist_ok=True)
        write_atomic(fresh / _SIGNED, signed)
        (fresh / _SIGNED).chmod(0o600)
        os.rename(data, aside)
        os.rename(fresh, data)
        fsync_dir(data.parent)
    finally:
        lock.release()
    return aside


def _signed(data: Path) -> bytes:
    """What the validator has signed last; also where an earlier call was killed between its two renames."""
    for place in (data, data.with_name("data.new")):
        try:
            content = (place / _SIGNED).read_bytes()
            json.loads(content)["height"]
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if place is not data and not data.exists():
            data.mkdir(mode=0o700)
        return content
    raise NetworkError(
        f"{data / _SIGNED} is missing or damaged: nobody knows what this validator has signed, so it must not sign "
        "again. Give the organisation a new key: `luya network second`, then `luya network vote rotate`"
    )


def _free_name(data: Path) -> Path:
    number = 1
    while (aside := data.with_name(f"data.replaced-{number}")).exists():
        number += 1
    return aside
