"""What engines that run on this machine share: one child process on a folder of its own, reached over loopback."""

from __future__ import annotations

import signal
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

from chain_node.engine.base import Finality, Health, Limits, Progress, probe
from chain_node.engine.process import Child
from chain_node.errors import EngineError, NodeError
from chain_node.rpc.client import JsonRpc
from chain_node.storage.durable import FileLock, make_dir


class LocalEngine(ABC):
    """An engine as a child process; each kind says how it begins, stops and copies its state.

    Args:
        folder: the engine's own.
        chain_id: EIP-155 chain id that it must have.
        progress: told of what takes time.

    Attributes:
        mended: what the last start found broken and mended; "" when nothing was.
    """

    name: ClassVar[str]
    finality: ClassVar[Finality]
    limits: ClassVar[Limits]

    def __init__(self, folder: Path, chain_id: int, progress: Progress) -> None:
        self.mended = ""
        self._folder = folder
        self._chain_id = chain_id
        self._progress = progress
        self._fresh = True
        self._lock: FileLock | None = None
        self._child: Child | None = None
        self._rpc: JsonRpc | None = None

    @property
    def fresh(self) -> bool:
        """See `Engine`."""
        return self._fresh

    @property
    def rpc_url(self) -> str:
        """See `Engine`."""
        if self._rpc is None:
            raise EngineError("the engine is not running")
        return self._rpc.url

    @property
    def rpc_urls(self) -> tuple[str, ...]:
        """See `Engine`."""
        return (self.rpc_url,)

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._child.pid if self._child else None

    def start(self) -> None:
        """See `Engine`."""
        if self._child is not None:
            return
        binary = self._binary()
        self._take()
        try:
            self._begin(binary)
        except BaseException:
            self._halt(signal.SIGKILL)
            self._let_go()
            raise

    def ready(self) -> bool:
        """See `Engine`."""
        if self._child is None or self._rpc is None or self._child.exit_code is not None:
            return False
        try:
            return int(self._rpc.call("eth_chainId"), 16) == self._chain_id
        except NodeError:
            return False

    def health(self) -> Health:
        """See `Engine`."""
        if self._rpc is None or self._child is None:
            return Health(ok=False, head=-1, final=-1, detail="not running")
        health = probe(self._rpc, self.finality)
        if not health.ok and self._child.ends_within(0.5):
            detail = f"{self.name} has ended (exit {self._child.exit_code}){self._said()}"
            return Health(ok=False, head=-1, final=-1, detail=detail)
        return health

    @abstractmethod
    def _binary(self) -> Path:
        """The program.

        Raises:
            RuntimeMissing: it is not on this machine, and cannot be put there.
        """

    @abstractmethod
    def _begin(self, binary: Path) -> None:
        """Start it in the folder, which is ours now, until it answers; sets `_fresh`, `_child` and `_rpc`."""

    @abstractmethod
    def _patience(self) -> float:
        """Seconds allowed for ending it."""

    def _said(self) -> str:
        """': ' and why it has ended, as far as it told."""
        return ""

    def _take(self) -> None:
        """The folder is ours.

        Raises:
            LockError: another process has it.
        """
        make_dir(self._folder)
        self._lock = FileLock(self._folder / "lock", "the chain's folder")

    def _let_go(self) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _halt(self, how: signal.Signals) -> int | None:
        """End the child, where there is one; returns its exit code."""
        code = None
        if self._rpc is not None:
            self._rpc.close()
            self._rpc = None
        if self._child is not None:
            code = self._child.end(how, timeout=self._patience())
            self._child = None
        return code
