"""What watches a running ledger: the supervisor, the archive's second copy, metrics, and reports for `status`."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chain_node.archive.mirror import Copied, Mirror
from chain_node.archive.reader import ArchiveReader
from chain_node.engine.capabilities import capabilities
from chain_node.errors import ArchiveError, NodeError
from chain_node.node.home import Home
from chain_node.node.ledger_setup import mismatch
from chain_node.node.metrics import MetricsServer, MirrorState, Sources
from chain_node.node.node import Node
from chain_node.operations.mirrors import refuse_empty, remember_mirror
from chain_node.protocol.errors import ProtocolError
from chain_node.storage import disk_space
from chain_node.supervisor.judge import DiskSpace, ordered
from chain_node.supervisor.problems import Problem, problem
from chain_node.supervisor.report import Reporter
from chain_node.supervisor.supervisor import Supervisor, SupervisorSettings

_log = logging.getLogger("luya.supervision")
_MIRROR_EVERY: Final = 1.0
_MIRROR_RETRY: Final = 15.0
_UNREADABLE: Final = (NodeError, ProtocolError, OSError, ValueError)
"""What reading a damaged archive, or one on a disk that has gone, may raise."""
_BEHIND_AFTER: Final = 60.0
"""Seconds for which a copy may lag before it is a problem."""


@dataclass(frozen=True, slots=True)
class Watching:
    """How a running ledger is watched.

    Attributes:
        metrics_port: 0 takes a free one.
        mirror: folder of the archive's second copy; None for none.
    """

    metrics_port: int = 0
    mirror: Path | None = None


class MirrorKeeper:
    """Keeps the archive's second copy in the background; what fails is told and tried again.

    Args:
        home: whose archive.
        target: the copy's folder.
    """

    def __init__(self, home: Home, target: Path) -> None:
        self._source, self._target, self._record = home.archive, target, home.mirrors
        self._reason = ""
        self._current_at = time.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="luya-mirror", daemon=True)
        self._thread.start()

    def state(self) -> MirrorState:
        """How the copy is now; one that cannot be read is told as failing, with nothing in it."""
        place, size, lag = str(self._target), 0, 0
        try:
            size = _size_of(self._target)
            lag = max(0, _size_of(self._source) - size)
        except _UNREADABLE as error:
            return MirrorState(place, size, lag, self._reason or str(error))
        if not lag:
            self._current_at = time.monotonic()
        return MirrorState(place, size, lag, self._reason)

    def problems(self) -> list[Problem]:
        """What is wrong with it."""
        state = self.state()
        if state.reason:
            return [problem("mirror-failing", place=state.place, reason=state.reason)]
        if state.lag and time.monotonic() - self._current_at > _BEHIND_AFTER:
            return [problem("mirror-behind", place=state.place, entries=state.lag)]
        return []

    def close(self) -> None:
        """Bring the copy up to date where that is possible, and stop; idempotent."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                refuse_empty(self._record, self._target)
                with Mirror(self._source, self._target) as mirror:
                    self._reason = ""
                    remember_mirror(self._record, self._target)
                    mirror.run(self._stop, every=_MIRROR_EVERY, tell=self._tell)
                    mirror.sync()  # what was published while we were asked to stop
                    remember_mirror(self._record, self._target)
            except _UNREADABLE as error:
                if str(error) != self._reason:
                    _log.error("the archive's copy failed", extra={"place": str(self._target), "reason": str(error)})
                self._reason = str(error)
                self._stop.wait(_MIRROR_RETRY)

    def _tell(self, copied: Copied) -> None:
        self._reason = ""
        remember_mirror(self._record, self._target)
        _log.debug("the archive's copy grew", extra={"from": copied.before, "to": copied.size})


def _size_of(archive: Path) -> int:
    try:
        return ArchiveReader(archive).size
    except (ProtocolError, ValueError) as error:
        raise ArchiveError(f"{archive / 'checkpoint'} is damaged: {error}") from error


class Guard:
    """Watches an open, owned node until it is closed.

    Args:
        home: its home.
        node: open, and owned by this process.
        watching: how.
        reporter: tells other processes.
    """

    def __init__(self, home: Home, node: Node, watching: Watching, reporter: Reporter) -> None:
        self._home, self._node, self._reporter = home, node, reporter
        self._stop = threading.Event()
        self.supervisor = Supervisor(
            node.engine,
            settings_for(node),
            name=node.engine.name,
            rooms=lambda: self._rooms(watching.mirror),
            check=lambda: mismatch(node.rpc, node.manifest, node.archive),
        )
        sources = Sources(
            info={
                "engine": node.engine.name,
                "chain_id": str(node.manifest.chain_id),
                "origin": node.manifest.origin,
            },
            archive=home.archive,
            outbox=home.outbox,
            supervisors=(self.supervisor,),
            follower=node.follower,
            mirrors=lambda: [self._mirror.state()] if self._mirror else [],
            extra=lambda: [(one.code, one.severity) for one in self._own_problems()],
        )
        self._mirror: MirrorKeeper | None = None
        self._metrics = MetricsServer(sources, watching.metrics_port)
        reporter.metrics_url = self._metrics.url
        self._mirror = MirrorKeeper(home, watching.mirror) if watching.mirror else None
        node.supervised = True
        self._thread = threading.Thread(
            target=self.supervisor.run, args=(self._stop, self._tell), name="luya-supervisor", daemon=True
        )
        self._thread.start()

    @property
    def metrics_url(self) -> str:
        """Where Prometheus may ask."""
        return self._metrics.url

    def problems(self) -> list[Problem]:
        """All that is wrong now, the worst first."""
        return ordered([*self.supervisor.problems, *self._own_problems()])

    def check(self) -> None:
        """Raise what the supervisor could not mend.

        Raises:
            NodeError: the engine is beyond mending in place.
        """
        if self.supervisor.failure is not None:
            raise self.supervisor.failure

    def close(self) -> None:
        """Stop watching; the node is left as it is."""
        self._stop.set()
        self._thread.join()
        self.supervisor.close()
        self._node.supervised = False
        if self._mirror is not None:
            self._mirror.close()
        self._metrics.close()

    def __enter__(self) -> Guard:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def _own_problems(self) -> list[Problem]:
        return self._mirror.problems() if self._mirror else []

    def _tell(self, supervisor: Supervisor) -> None:
        self._reporter.say(
            self.problems(),
            accepting=supervisor.accepting,
            restarts=supervisor.restarts,
            rollbacks=supervisor.rollbacks,
        )

    def _rooms(self, mirror: Path | None) -> list[DiskSpace]:
        return rooms(self._home, mirror)


def rooms(home: Home, mirror: Path | None = None) -> list[DiskSpace]:
    """Free room of the home's disk, and of the second copy's; one that does not say is left out."""
    places = [(home.root, disk_space.reserve())]
    if mirror is not None:
        places.append((mirror, 0))  # a full copy's disk stops the copy, not the ledger
    found = []
    for place, kept in places:
        with contextlib.suppress(OSError):  # a mount that has gone must not keep the engine from being watched
            found.append(DiskSpace(str(place), disk_space.free(place), kept))
    return found


def settings_for(node: Node) -> SupervisorSettings:
    """How a home's engine is watched: what it is decides what can be mended in place."""
    engine = capabilities(node.engine.name)
    if not engine.owned:
        return SupervisorSettings(owned=False, peers=node.engine.rpc_urls)
    return SupervisorSettings(
        block_time=node.block_time, in_place=engine.mends_itself, stop_when_full=engine.mends_itself
    )
