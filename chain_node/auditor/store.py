"""The auditor's own folder: whom it audits, its archive, where it stands in the chain, and what it found.

auditor.json    ledger, log, the auditor's own key; written once
archive/        every checked entry, as the operator's archive has it (`chain_node.archive`)
anchors         fixed rows: block, its hash, the log's size after it; one for each block with entries
position.json   the newest block read; may be older than the archive after a crash, never newer
sealed.json     the log's size when the ledger's import phase ended, once that was seen
alarm.json      the first difference that was found
key             Ed25519 seed that signs the archive's own checkpoints
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chain_node.archive.calls import BATCH, Call
from chain_node.archive.domains import remember
from chain_node.archive.reader import ArchiveReader
from chain_node.archive.writer import Archive
from chain_node.errors import AuditorError
from chain_node.protocol.checkpoint import Checkpoint, sign, verifier_key
from chain_node.storage.durable import Disk, append_fsync, fsync_dir, make_dir, write_atomic, write_new

_ANCHOR: Final = struct.Struct(">Q32sQ")
_KEY_NAME: Final = "auditor"


@dataclass(frozen=True, slots=True)
class Anchor:
    """A block that was read, and the log's size after it. hash: 32 bytes."""

    block: int
    hash: bytes
    size: int


@dataclass(frozen=True, slots=True)
class AuditedLedger:
    """Whom a store audits. ledger, genesis_nonce: hex; origin: the log's name; a rebuilt ledger keeps it."""

    chain_id: int
    ledger: str
    genesis_nonce: str
    origin: str


class AuditorStore:
    """An auditor's folder, open for appending; one process at a time.

    Args:
        folder: created when missing.
        disk: file operations of the archive; tests hand in failing ones.

    Raises:
        ArchiveError: what is on disk contradicts itself.
        LockError: another auditor has it open.
    """

    def __init__(self, folder: Path, disk: Disk | None = None) -> None:
        make_dir(folder)
        self.folder = folder
        self._archive = Archive(folder / "archive", disk)
        try:
            self._key = self._own_key()
            self.reader = ArchiveReader(self._archive.folder)
            self._trim_anchors()
            self._sealed: int | None = self._read("sealed.json").get("size")
            if self._archive.size > self._archive.published:
                # what is durable was checked before it was appended: a crash came before the checkpoint
                self._publish(self._read("auditor.json")["origin"])
        except BaseException:
            self._archive.close()
            raise

    @property
    def size(self) -> int:
        """Entries checked and on disk."""
        return self._archive.size

    @property
    def root(self) -> bytes:
        """Their RFC 6962 root."""
        return self._archive.root

    @property
    def verifier_key(self) -> str:
        """The key that signs this archive's own checkpoints."""
        return verifier_key(_KEY_NAME, self._key.public_key())

    @property
    def sealed(self) -> bool:
        """The ledger's import phase had ended before the newest entry kept: once seen, no endpoint can take it back."""
        return self._sealed is not None and self._sealed <= self.size

    def seal(self, size: int) -> None:
        """Remember that the import phase ended at this size of the log. May come before the entries are kept."""
        if not self.sealed:
            self._write("sealed.json", {"size": size})
            self._sealed = size

    def has_batch(self) -> bool:
        """Whether a batch of this ledger is kept; one before the first anchor is of the ledger that it took over."""
        anchors = self.anchors()
        return bool(anchors) and any(
            row.kind == BATCH and row.first_index + row.count >= anchors[0].size for row in self.reader.call_rows()
        )

    def identify(self, identity: AuditedLedger, *, successor: bool = False) -> bool:
        """Bind the folder to a ledger; True where it audited another one of the same log before.

        Args:
            identity: of the ledger.
            successor: a rebuilt ledger of the same log may take the place of the one before.

        Raises:
            AuditorError: the folder is another log's, or another ledger's and `successor` is not given.
        """
        remember(self.folder / "archive", identity.origin, bytes.fromhex(identity.genesis_nonce))
        known = self._read("auditor.json")
        if not known:
            self._write("auditor.json", asdict(identity) | {"auditor_key": self.verifier_key})
            return False
        before = AuditedLedger(**{name: known[name] for name in AuditedLedger.__slots__})
        if before == identity:
            return False
        if before.origin != identity.origin:
            raise AuditorError(f"{self.folder} audits the log {before.origin!r}, not {identity.origin!r}: take another")
        if not successor:
            raise AuditorError(
                f"{self.folder} audits the ledger {before.ledger} on chain {before.chain_id}, not {identity.ledger} on "
                f"{identity.chain_id}: if that ledger was rebuilt from the archive, say so with --successor"
            )
        self._forget_chain()
        self._write("auditor.json", asdict(identity) | {"auditor_key": self.verifier_key})
        return True

    def keep(self, entries: Sequence[bytes], calls: Sequence[Call], anchors: Sequence[Anchor], origin: str) -> None:
        """Append what was checked; durable when it returns."""
        self._archive.append(entries, calls)
        self._publish(origin)
        rows = b"".join(_ANCHOR.pack(anchor.block, anchor.hash, anchor.size) for anchor in anchors)
        if rows:
            append_fsync(self.folder / "anchors", rows)

    def stand_at(self, anchor: Anchor) -> None:
        """Remember the newest block read; only for a quick start."""
        self._write("position.json", {"block": anchor.block, "hash": anchor.hash.hex(), "size": anchor.size})

    def position(self) -> Anchor | None:
        """Where reading goes on; None where that must be taken from the newest call."""
        value = self._read("position.json")
        if not value or value["size"] != self.size:
            return None
        return Anchor(value["block"], bytes.fromhex(value["hash"]), value["size"])

    def anchors(self) -> list[Anchor]:
        """All anchors, ascending."""
        path = self.folder / "anchors"
        if not path.exists():
            return []
        return [Anchor(*fields) for fields in _ANCHOR.iter_unpack(path.read_bytes())]

    def alarm(self) -> dict[str, Any] | None:
        """The first difference that was found, if there was one."""
        return self._read("alarm.json") or None

    def raise_alarm(self, value: dict[str, Any]) -> None:
        """Keep the first difference; later ones do not replace it."""
        write_new(self.folder / "alarm.json", json.dumps(value, indent=2).encode() + b"\n")

    def acknowledge(self) -> None:
        """Put the alarm aside under its time; a later one is the first again."""
        known = self.alarm()
        if known is not None:
            stamp = str(known.get("time", "unknown")).replace(":", "")
            (self.folder / "alarm.json").rename(self.folder / f"alarm-{stamp}.json")
            fsync_dir(self.folder)

    def close(self) -> None:
        """Let go; idempotent."""
        self._archive.close()

    def __enter__(self) -> AuditorStore:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def _publish(self, origin: str) -> None:
        self._archive.publish(self._sign, origin)

    def _sign(self, checkpoint: Checkpoint) -> str:
        return sign(checkpoint, _KEY_NAME, self._key)

    def _own_key(self) -> Ed25519PrivateKey:
        path = self.folder / "key"
        write_new(path, os.urandom(32), 0o600)
        return Ed25519PrivateKey.from_private_bytes(path.read_bytes())

    def _trim_anchors(self) -> None:
        """A crash may leave half a row, or a row of what the archive does not have."""
        path = self.folder / "anchors"
        if not path.exists():
            return
        data = path.read_bytes()
        rows = list(_ANCHOR.iter_unpack(data[: len(data) - len(data) % _ANCHOR.size]))
        good = b"".join(_ANCHOR.pack(*row) for row in rows if row[2] <= self.size)
        if good != data:
            write_atomic(path, good)

    def _forget_chain(self) -> None:
        self._sealed = None
        for name in ("anchors", "position.json", "sealed.json"):
            (self.folder / name).unlink(missing_ok=True)

    def _read(self, name: str) -> dict[str, Any]:
        try:
            value = json.loads((self.folder / name).read_bytes())
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise AuditorError(f"{self.folder / name} is not JSON: {error}; restore it from a copy") from error
        if not isinstance(value, dict):
            raise AuditorError(f"{self.folder / name} is not an object: restore it from a copy")
        return value

    def _write(self, name: str, value: dict[str, Any]) -> None:
        write_atomic(self.folder / name, json.dumps(value, indent=2).encode() + b"\n")
