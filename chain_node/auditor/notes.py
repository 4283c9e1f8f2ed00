"""The signed notes that were seen: evidence on disk, and the roots that the own log has not reached yet.

A note is held against the own log once that is long enough. What is waiting for this is on disk, so that a restart
forgets none: two signed roots of one size convict the log's key by themselves.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from chain_node.errors import Discrepancy
from chain_node.protocol.checkpoint import Checkpoint, open_note
from chain_node.protocol.errors import CheckpointError
from chain_node.storage.durable import write_new

_LONG: Final = 3_600.0
"""Seconds for which a signed checkpoint may be ahead of the own log before that is told."""


@dataclass(slots=True)
class Notes:
    """What a log's key has signed, as far as an auditor saw it.

    Attributes:
        log_key: verifier key text of the log.
        folder: keeps every note; None keeps them in memory only.
        tell: is told what is odd and no difference.
    """

    log_key: str
    folder: Path | None = None
    tell: Callable[[str], None] = lambda _text: None
    _waiting: dict[int, tuple[bytes, float]] = field(default_factory=dict)
    _recalled: bool = False
    _told: int = -1

    def see(self, note: str, checkpoint: Checkpoint) -> None:
        """Keep a note that was opened.

        Raises:
            Discrepancy: one before it has another root at this size.
        """
        if self.folder is not None:
            name = f"{checkpoint.size:020d}-{checkpoint.root.hex()[:16]}"
            write_new(self.folder / name, note.encode())  # its time says since when it is known
        self._wait(checkpoint, time.time())

    def check(self, size: int, root_at: Callable[[int], bytes]) -> None:
        """Hold against the own log what it has reached; the first time all that the folder has.

        Args:
            size: of the own log.
            root_at: the own root at a size up to that.

        Raises:
            Discrepancy: a signed root is another than the own one, or there are two of one size.
        """
        if not self._recalled:
            self._recall()
            self._recalled = True
        for due in sorted(one for one in self._waiting if one <= size):
            root, own = self._waiting[due][0], root_at(due)
            if own != root:
                why = "the signed root is not that of the replayed entries"
                raise differs(Checkpoint("", due, root), own, why)
            del self._waiting[due]
        self._tell_of_late(size)

    def _wait(self, checkpoint: Checkpoint, since: float) -> None:
        before, first = self._waiting.get(checkpoint.size, (checkpoint.root, since))
        if before != checkpoint.root:
            raise differs(checkpoint, before, "the log's key has signed two roots of one size")
        self._waiting[checkpoint.size] = (before, min(first, since))

    def _recall(self) -> None:
        if self.folder is None or not self.folder.is_dir():
            return
        unread = []
        for path in sorted(self.folder.iterdir()):
            if path.name.startswith("."):  # what a crash left of a write
                continue
            try:
                checkpoint = open_note(path.read_text("utf-8"), self.log_key)
            except (OSError, UnicodeDecodeError, CheckpointError):
                unread.append(path.name)
                continue
            self._wait(checkpoint, path.stat().st_mtime)
        if unread:
            self.tell(f"{self.folder}: {len(unread)} notes do not open with the given key, the first is {unread[0]}")

    def _tell_of_late(self, size: int) -> None:
        oldest = min(self._waiting, default=-1)
        if oldest < 0 or oldest == self._told or time.time() - self._waiting[oldest][1] < _LONG:
            return
        self._told = oldest
        hours = (time.time() - self._waiting[oldest][1]) / 3_600
        self.tell(
            f"the log's key signed {oldest} entries {hours:.1f} hours ago, and the endpoint shows {size}: "
            "ask for the missing ones, or another endpoint"
        )


def differs(checkpoint: Checkpoint, own: bytes, why: str) -> Discrepancy:
    """The alarm for a signed root.

    Args:
        checkpoint: what was signed.
        own: the root that it should have.
        why: what is wrong, in words.
    """
    return Discrepancy(
        max(0, checkpoint.size - 1),
        "checkpoint/root",
        f"{own.hex()} at {checkpoint.size}",
        f"{checkpoint.root.hex()} in the signed checkpoint: {why}",
    )
