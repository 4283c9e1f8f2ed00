"""Several nodes of networks, watched on one machine: each by a supervisor of its own; one that ends, ends no other."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from chain_node.engine.base import Finality, Limits
from chain_node.errors import EngineError, NetworkError, PortInUse
from chain_node.network.running import OrganisationNode
from chain_node.storage import disk_space as room
from chain_node.supervisor.judge import DiskSpace
from chain_node.supervisor.problems import Problem
from chain_node.supervisor.report import Reporter
from chain_node.supervisor.supervisor import Supervisor, SupervisorSettings

Told = Callable[[str, Sequence[Problem]], None]
"""Called with (organisation's folder name, its problems) whenever these have changed."""
_RESTARTS: Final = 20


class NetworkEngine:
    """An organisation's node, as a supervisor wants an engine; `start` finds it running and leaves it."""

    finality = Finality("latest")
    limits = Limits()
    fresh = False

    def __init__(self, node: OrganisationNode) -> None:
        self._node = node
        self.name = node.folder.root.name

    @property
    def rpc_url(self) -> str:
        """See `Engine`."""
        return self._node.rpc_url

    @property
    def rpc_urls(self) -> tuple[str, ...]:
        """See `Engine`."""
        return (self._node.rpc_url,)

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._node.pid

    @property
    def mended(self) -> str:
        """What its last start found broken and mended; "" when nothing was."""
        return self._node.mended

    def start(self) -> None:
        """See `Engine`; a commit that a crash has torn is rolled back by the node itself."""
        try:
            self._node.start()
        except PortInUse:
            raise
        except NetworkError as error:
            raise EngineError(str(error)) from error

    def stop(self) -> None:
        """See `Engine`."""
        self._node.stop()


class Fleet:
    """Watches nodes that have been started, until it is closed.

    Args:
        nodes: started.
        told: hears of problems.
    """

    def __init__(self, nodes: Sequence[OrganisationNode], told: Told = lambda _name, _problems: None) -> None:
        self._told = told
        self._stop = threading.Event()
        self._last: dict[str, tuple[str, ...]] = {}
        self._reporters: dict[str, Reporter] = {}
        self.supervisors = tuple(self._supervisor(node) for node in nodes)
        self._threads = [
            threading.Thread(target=one.run, args=(self._stop, self._tell), name=f"luya-watch-{one.name}", daemon=True)
            for one in self.supervisors
        ]
        for thread in self._threads:
            thread.start()

    @property
    def lost(self) -> list[Supervisor]:
        """Those whose node is beyond mending."""
        return [one for one in self.supervisors if one.failure is not None]

    def close(self) -> None:
        """Stop watching; the nodes are left as they are."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        for one in self.supervisors:
            one.close()
            self._reporters[one.name].say([], accepting=False, ended=True)

    def _supervisor(self, node: OrganisationNode) -> Supervisor:
        engine, root = NetworkEngine(node), node.folder.root
        self._reporters[engine.name] = Reporter(root / "run")
        settings = SupervisorSettings(
            block_time=node.folder.settings().block_time,
            alone=False,
            in_place=True,
            stop_when_full=True,
            restarts=_RESTARTS,
        )
        return Supervisor(engine, settings, name=engine.name, rooms=lambda: _rooms(root))

    def _tell(self, supervisor: Supervisor) -> None:
        self._reporters[supervisor.name].say(
            supervisor.problems,
            accepting=supervisor.accepting,
            restarts=supervisor.restarts,
            rollbacks=supervisor.rollbacks,
        )
        codes = tuple(one.code for one in supervisor.problems)
        if codes != self._last.get(supervisor.name, ()):
            self._last[supervisor.name] = codes
            self._told(supervisor.name, supervisor.problems)


def _rooms(root: Path) -> list[DiskSpace]:
    with contextlib.suppress(OSError):  # a disk that does not say must not keep the engine from being watched
        return [DiskSpace(str(root), room.free(root), room.reserve())]
    return []
