"""Evidence of a delivery: files become a salted commitment, whose opening is kept beside them for their owner."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from chain_node.protocol.records import HASH_BYTES, evidence
from chain_node.storage.durable import write_new
from luya.errors import UsageError

FORMAT: Final = "luya-evidence@v1"
SUFFIX: Final = ".evidence.json"
MOST_BYTES: Final = 256 * 1024 * 1024
"""Of one file."""

_PHOTO: Final = b"luya-photo\n"


@dataclass(frozen=True, slots=True)
class Evidence:
    """commitment: SHA-256(salt ‖ canonical JSON of {file's name: SHA-256 of its bytes, hex}). opening: the file with
    the salt, where one was written."""

    commitment: bytes
    opening: Path | None


def commit(files: Sequence[Path], *, keep: bool) -> Evidence:
    """The commitment to these files, and its opening beside the first of them.

    The same files again have the same opening, and so the same commitment: a command that was cut short goes on.

    Args:
        files: one at least.
        keep: write the opening; without, a commitment is made that nobody can open later (for a rehearsal).

    Raises:
        UsageError: a file is missing or too large, two have one name, or the opening that is there is of other files.
    """
    if not files:
        raise UsageError("evidence is one file or more: give --evidence FILE", "证据至少一个文件：请用 --evidence 指定")
    raw: dict[str, str] = {}
    for path in files:
        if path.name in raw:
            raise UsageError(
                f"two files of the evidence are called {path.name}: rename one", "两个证据文件同名，请改名"
            )
        raw[path.name] = digest(path)
    place = files[0].with_name(files[0].name + SUFFIX)
    salt = secrets.token_bytes(HASH_BYTES)
    if not keep:
        return Evidence(evidence(salt, raw), None)
    value = {"format": FORMAT, "salt": salt.hex(), "files": raw, "commitment": evidence(salt, raw).hex()}
    text = json.dumps(value, ensure_ascii=False, indent=1) + "\n"
    if not write_new(place, text.encode(), mode=0o600):
        return Evidence(_opened(place, raw), place)
    return Evidence(evidence(salt, raw), place)


def nullifier(photo: Path) -> bytes:
    """Of a photo's bytes: the same photo has the same one, whoever sends it. Raises UsageError: no such file."""
    return digest_with(photo, _PHOTO)


def digest(path: Path) -> str:
    """SHA-256 of a file's bytes, hex. Raises UsageError: missing, no file, empty or too large."""
    return digest_with(path, b"").hex()


def digest_with(path: Path, prefix: bytes) -> bytes:
    """SHA-256(prefix ‖ a file's bytes). Raises UsageError: missing, no file, empty or too large."""
    if not path.is_file():
        raise UsageError(f"{path}: there is no such file", "没有这个文件")
    size = path.stat().st_size
    if not 0 < size <= MOST_BYTES:
        raise UsageError(f"{path} has {size} bytes: evidence has 1 to {MOST_BYTES}", "证据文件为空或过大，请换一个文件")
    hashed = hashlib.sha256(prefix)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            hashed.update(block)
    return hashed.digest()


def _opened(place: Path, raw: dict[str, str]) -> bytes:
    """The commitment of an opening that is there, if it is of these files."""
    try:
        value: Any = json.loads(place.read_text("utf-8"))
        salt, files, said = bytes.fromhex(value["salt"]), dict(value["files"]), bytes.fromhex(value["commitment"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{place} is no opening of evidence ({error}): move it away", "证据开启文件已损坏") from None
    if files != raw or evidence(salt, raw) != said:
        raise UsageError(
            f"{place} is the opening of other files: move it away, or give the files that it names",
            "已有的证据开启文件属于另一组文件，请移走它或使用原来的文件",
        )
    return said
