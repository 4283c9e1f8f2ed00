"""What a backup says of itself: `backup.json`, written last, says where its files are and what they hash to."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Final

from chain_node.errors import BackupError
from chain_node.storage.durable import write_atomic

MANIFEST: Final = "backup.json"
FORMAT: Final = 2
PARTS: Final = ("home", "home.2")
"""Folders of a backup, one of which holds the files: the next backup into the same folder writes the other one."""
ARCHIVE: Final = "home/archive"
"""Shared by all backups into one folder; it may hold more than the newest whole one had."""


def described_in(folder: Path) -> dict[str, Any]:
    """What a backup says of itself.

    Raises:
        BackupError: it says nothing, is damaged, or of a newer version.
    """
    path = folder / MANIFEST
    try:
        value: dict[str, Any] = {"part": PARTS[0], "note": ""} | json.loads(path.read_bytes())
        if value["format"] not in (1, FORMAT):
            raise BackupError(
                f"{path} is of format {value['format']}: use the version of luya that made it, or a newer one"
            )
        if value["part"] not in PARTS:
            raise ValueError(f"it names a part {value['part']!r}")
        return value
    except FileNotFoundError:
        raise BackupError(f"{folder} is no whole backup: {MANIFEST} is missing (it is written last)") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BackupError(f"{path} cannot be read ({error}): use another backup") from error


def describe(folder: Path, described: dict[str, Any]) -> None:
    """Makes it valid; durable when it returns."""
    write_atomic(folder / MANIFEST, json.dumps(described, indent=1, ensure_ascii=False).encode() + b"\n", 0o600)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
