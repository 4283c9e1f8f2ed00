"""Watches an archive that another process's follower writes, and tells what it has taken in.

Between processes the archive is all there is to see, so its size is looked at every now and then. A notice by the file
system would save tenths of a second and stand on what not every disk has.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Final

from chain_node.archive.reader import ArchiveReader

POLL: Final = 0.1
"""Seconds between two looks; the follower itself looks for new blocks as often."""


class ArchiveWatcher:
    """Watches from the present size on.

    Args:
        archive: a reader.
        archived: told after each growth: the transactions that brought it (hash → block).
    """

    def __init__(self, archive: ArchiveReader, archived: Callable[[Mapping[str, int]], None]) -> None:
        self._archive = archive
        self._archived = archived
        self._seen = archive.size

    def look(self) -> bool:
        """Tell what has come since the last look; False where nothing has.

        Raises:
            ArchiveError, CheckpointError: the archive is damaged.
        """
        size, at = self._archive.size, self._seen
        blocks: dict[str, int] = {}
        while at < size:
            call = self._archive.call_of(at)
            if call is None:
                at += 1
                continue
            blocks[call.tx_hash] = call.block
            at = call.first_index + call.count
        if size <= self._seen:
            return False
        self._seen = size
        self._archived(blocks)
        return True

    def run(self, stop: threading.Event) -> None:
        """Watch until `stop` is set; errors as `look`."""
        while not stop.wait(POLL):
            self.look()
