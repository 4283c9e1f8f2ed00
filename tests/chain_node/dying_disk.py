"""A disk under which the process dies: at the n-th durable operation, before it or after it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from chain_node.storage.durable import Disk


class Killed(OSError):
    pass


class DyingDisk(Disk):
    """The process dies at the n-th durable operation: before it, or after it."""

    def __init__(self, left: int, persisted: bool) -> None:
        self.left = left
        self.persisted = persisted

    def _die(self, operation: Any, *arguments: Any) -> None:
        self.left -= 1
        if self.left > 0:
            operation(self, *arguments)
            return
        if self.left == 0 and self.persisted:
            operation(self, *arguments)
        raise Killed

    def append(self, path: Path, data: bytes) -> None:
        self._die(Disk.append, path, data)

    def write_atomic(self, path: Path, data: bytes) -> None:
        self._die(Disk.write_atomic, path, data)
