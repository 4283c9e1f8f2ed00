"""The operator's signed checkpoints against the own log, and witnesses' cosignatures where there are any.

A checkpoint that the own log has grown past is checked by the own tiles, which is more than a consistency proof shows.
One that is ahead is checked by the operator's tiles, where they were given, and kept until the own log gets there.
"""

from __future__ import annotations

import base64
import contextlib
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chain_node.archive.reader import ArchiveReader
from chain_node.auditor.notes import Notes, differs
from chain_node.errors import ArchiveError, AuditorError, Discrepancy
from chain_node.protocol.checkpoint import Checkpoint, VerifierKey, open_note
from chain_node.protocol.errors import CheckpointError, ProofError
from chain_node.protocol.merkle import verify_consistency

_MOST_BYTES: Final = 64 * 1024
_TIMEOUT: Final = 20.0


@dataclass(slots=True)
class Checkpoints:
    """Watches one source of checkpoints.

    Attributes:
        source: http(s) address of a checkpoint, a checkpoint's file, or an archive's folder.
        notes: those seen before, of all sources, and the log's key.
        witnesses: verifier key texts; where the note carries a signature of one, it must hold.
        quorum: how many of them must have cosigned.
        checked: size up to which the own log has been held against it.
        had: a checkpoint has been read from there.
    """

    source: str
    notes: Notes
    witnesses: Sequence[str] = ()
    quorum: int = 0
    checked: int = 0
    had: bool = False
    _last: str = ""

    def check(self, size: int, root_at: Callable[[int], bytes]) -> Checkpoint | None:
        """Read the newest checkpoint and hold it against the own log.

        Args:
            size: of the own log.
            root_at: the own root at a size up to that.

        Raises:
            Discrepancy: its signature, root or cosignatures do not hold, or it contradicts an earlier one.
            AuditorError: it cannot be read now.
        """
        note = self._read()
        self.had = True
        checkpoint = self._open(note, size)
        if note != self._last:
            self.notes.see(note, checkpoint)
            self._last = note
        self.notes.check(size, root_at)
        if checkpoint.size > size:
            self._check_ahead(checkpoint, size, root_at)
        self.checked = max(self.checked, min(checkpoint.size, size))
        return checkpoint

    def _check_ahead(self, checkpoint: Checkpoint, size: int, root_at: Callable[[int], bytes]) -> None:
        """By the operator's tiles, where the source is an archive; the chain is then simply behind it."""
        folder = Path(self.source)
        if size == 0 or not (folder / "tile").is_dir():
            return
        reader = ArchiveReader(folder)
        try:
            proof = reader.consistency(size, checkpoint.size)
        except ArchiveError as error:
            raise AuditorError(f"{self.source}: no consistency proof can be had: {error}") from error
        with contextlib.suppress(ProofError):
            verify_consistency(size, checkpoint.size, proof, root_at(size), checkpoint.root)
            return
        raise differs(checkpoint, root_at(size), f"it does not extend the own log of {size} entries")

    def _open(self, note: str, size: int) -> Checkpoint:
        try:
            checkpoint = open_note(note, self.notes.log_key, witnesses=self.witnesses)
        except CheckpointError as error:
            raise Discrepancy(
                max(0, size - 1), "checkpoint/signature", f"a note signed by {self.notes.log_key}", str(error)
            ) from error
        seen = sum(_has_line(note, VerifierKey.parse(witness)) for witness in self.witnesses)
        if seen < self.quorum:
            found = f"{seen} of {len(self.witnesses)} witnesses"
            raise Discrepancy(max(0, checkpoint.size - 1), "checkpoint/witnesses", f"{self.quorum} cosignatures", found)
        return checkpoint

    def _read(self) -> str:
        if self.source.startswith(("http://", "https://")):
            return self._fetch()
        path = Path(self.source)
        try:
            return (path / "checkpoint" if path.is_dir() else path).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise AuditorError(f"the checkpoint {path} cannot be read: {error}") from error

    def _fetch(self) -> str:
        request = urllib.request.Request(self.source, headers={"Accept": "text/plain"})  # noqa: S310  # http(s) only
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:  # noqa: S310  # http(s) only
                data: bytes = answer.read(_MOST_BYTES + 1)
        except (OSError, ValueError) as error:
            if isinstance(error, urllib.error.HTTPError):
                error.close()
            raise AuditorError(f"the checkpoint at {self.source} cannot be fetched: {error}") from error
        if len(data) > _MOST_BYTES:
            raise AuditorError(f"what {self.source} answers is longer than a checkpoint")
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise AuditorError(f"what {self.source} answers is no text") from error


def _has_line(note: str, key: VerifierKey) -> bool:
    """Whether the note has a line of this key; that it holds was checked with the note."""
    lines = [line.split(" ") for line in note.rpartition("\n\n")[2].splitlines()]
    return any(parts[1] == key.name and base64.b64decode(parts[2])[:4] == key.key_id for parts in lines)
