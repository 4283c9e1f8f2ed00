"""A node's metrics for Prometheus: read when asked for, from what is in memory or on disk; no endpoint is asked.

Every name is in `NAMES` with its meaning: dashboards and alert rules in `deploy/` are tested against it. Counters that
several processes share (a sender's resends) lie in the outbox, so they survive restarts; counters of this process begin
at zero with it, as Prometheus expects.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, ProcessCollector, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from chain_node.archive.reader import ArchiveReader
from chain_node.errors import NodeError, PortInUse
from chain_node.protocol.errors import ProtocolError
from chain_node.sending.outbox import figures
from chain_node.supervisor.measure import port_holder
from chain_node.supervisor.supervisor import Supervisor

NAMES: Final[Mapping[str, str]] = {
    "luya_ledger_info": "What runs: engine, chain id and the log's origin; always 1",
    "luya_engine_up": "1 where the engine answered at the last look",
    "luya_engine_head_block": "Newest block",
    "luya_engine_final_block": "Newest block that is final by the engine's rule",
    "luya_engine_finality_lag_blocks": "Blocks from the newest to the newest final one",
    "luya_engine_head_time_seconds": "Unix time in the newest block",
    "luya_engine_still_seconds": "Seconds since the newest block last changed",
    "luya_engine_peers": "Nodes the engine is connected to, where it says",
    "luya_follower_size": "Entries archived, published or not",
    "luya_follower_lag_blocks": "Final blocks not read yet",
    "luya_archive_size": "Entries in the archive's signed checkpoint",
    "luya_archive_checkpoint_age_seconds": "Seconds since the checkpoint was written",
    "luya_archive_mirror_up": "1 where the archive's second copy could be written last time",
    "luya_archive_mirror_size": "Entries in the second copy",
    "luya_archive_mirror_lag": "Entries published and not in the second copy",
    "luya_sender_pending": "Signed transactions not final yet",
    "luya_sender_next_nonce": "Nonce of the next transaction",
    "luya_sender_reverted": "Transactions that a contract refused",
    "luya_sender_resends_total": "Transactions sent again, the same bytes",
    "luya_supervisor_restarts_total": "Restarts of the engine since this node began",
    "luya_supervisor_rollbacks_total": "Torn commits that were rolled back since this node began",
    "luya_supervisor_accepting": "1 where something new is accepted, 0 where the disk is too full",
    "luya_supervisor_problem": "1 for each problem there is now, by code and severity",
    "luya_supervisor_clock_ahead_seconds": "Seconds that this clock is ahead of peers or blocks",
    "luya_disk_free_bytes": "Free room where something lies",
    "luya_disk_reserve_bytes": "Room below which nothing new is accepted",
}
"""Every metric of a node; the API's and the gateway's are with them."""


class Following(Protocol):
    """What is asked of a follower."""

    @property
    def size(self) -> int: ...
    @property
    def next_block(self) -> int: ...


@dataclass(frozen=True, slots=True)
class MirrorState:
    """How the archive's second copy is.

    Attributes:
        place: its folder.
        size, lag: entries in it, and not in it.
        reason: why it could not be written last time; "" where it could.
    """

    place: str
    size: int
    lag: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where a node's figures are read; what a process does not have is left out.

    Attributes:
        info: labels of `luya_ledger_info`.
        archive: the archive's folder.
        outbox: the folder of the senders' outboxes.
        supervisors: of the engines.
        follower: of the ledger.
        mirrors: states of the archive's copies.
        extra: labelled problems of the process itself, as (code, severity).
    """

    info: Mapping[str, str] = field(default_factory=dict)
    archive: Path | None = None
    outbox: Path | None = None
    supervisors: Sequence[Supervisor] = ()
    follower: Following | None = None
    mirrors: Callable[[], Sequence[MirrorState]] = lambda: ()
    extra: Callable[[], Sequence[tuple[str, str]]] = lambda: ()


class NodeCollector(Collector):
    """Turns `Sources` into metrics at each scrape; a part that cannot be read is missing, the others are there."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def collect(self) -> Iterator[Metric]:
        """See prometheus_client."""
        families: dict[str, Metric] = {}
        for name, labels, value in self._rows():
            if name not in families:
                kind = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
                families[name] = kind(name, NAMES[name], labels=list(labels))
            families[name].add_metric(list(labels.values()), value)  # type: ignore[attr-defined]  # both kinds have it
        yield from families.values()

    def _rows(self) -> Iterator[tuple[str, dict[str, str], float]]:
        parts = (self._node, self._engines, self._archive, self._mirrors, self._senders)
        for part in parts:
            rows: list[tuple[str, dict[str, str], float]] = []
            with contextlib.suppress(NodeError, ProtocolError, OSError, sqlite3.Error, ValueError):
                rows.extend(part())
            yield from rows

    def _node(self) -> Iterable[tuple[str, dict[str, str], float]]:
        if self._sources.info:
            yield "luya_ledger_info", dict(self._sources.info), 1
        seen = set()
        for supervisor in self._sources.supervisors:
            for one in supervisor.problems:
                seen.add((one.code, one.severity))
        for code, severity in sorted(seen | set(self._sources.extra())):
            yield "luya_supervisor_problem", {"code": code, "severity": severity}, 1

    def _engines(self) -> Iterable[tuple[str, dict[str, str], float]]:
        for supervisor in self._sources.supervisors:
            sample, of = supervisor.sample, {"engine": supervisor.name}
            yield "luya_engine_up", of, int(sample.up)
            if sample.up:
                yield "luya_engine_head_block", of, sample.head
                yield "luya_engine_final_block", of, sample.final
                yield "luya_engine_finality_lag_blocks", of, sample.head - sample.final
                yield "luya_engine_head_time_seconds", of, sample.head_time
                yield "luya_engine_still_seconds", of, sample.still
                if sample.peers is not None:
                    yield "luya_engine_peers", of, sample.peers
            yield "luya_supervisor_restarts_total", of, supervisor.restarts
            yield "luya_supervisor_rollbacks_total", of, supervisor.rollbacks
            yield "luya_supervisor_accepting", of, int(supervisor.accepting)
            if supervisor.clock_ahead is not None:
                yield "luya_supervisor_clock_ahead_seconds", of, supervisor.clock_ahead
        rooms = {room.place: room for supervisor in self._sources.supervisors for room in supervisor.rooms}
        for room in rooms.values():
            yield "luya_disk_free_bytes", {"place": room.place}, room.free
            yield "luya_disk_reserve_bytes", {"place": room.place}, room.reserve

    def _archive(self) -> Iterable[tuple[str, dict[str, str], float]]:
        follower = self._sources.follower
        if follower is not None:
            yield "luya_follower_size", {}, follower.size
            finals = [one.sample.final for one in self._sources.supervisors if one.sample.up]
            if finals:
                yield "luya_follower_lag_blocks", {}, max(0, finals[0] + 1 - follower.next_block)
        if self._sources.archive is not None:
            yield "luya_archive_size", {}, ArchiveReader(self._sources.archive).size
            written = (self._sources.archive / "checkpoint").stat().st_mtime
            yield "luya_archive_checkpoint_age_seconds", {}, max(0.0, time.time() - written)

    def _mirrors(self) -> Iterable[tuple[str, dict[str, str], float]]:
        for state in self._sources.mirrors():
            of = {"place": state.place}
            yield "luya_archive_mirror_up", of, int(not state.reason)
            yield "luya_archive_mirror_size", of, state.size
            yield "luya_archive_mirror_lag", of, state.lag

    def _senders(self) -> Iterable[tuple[str, dict[str, str], float]]:
        if self._sources.outbox is None:
            return
        for path in sorted(self._sources.outbox.glob("*.sqlite")):
            of = {"sender": path.stem}
            found = figures(path)
            yield "luya_sender_pending", of, found.pending
            yield "luya_sender_next_nonce", of, found.following
            yield "luya_sender_reverted", of, found.reverted
            yield "luya_sender_resends_total", of, found.resends


class MetricsServer:
    """Serves metrics on loopback until it is closed.

    Args:
        sources: where the figures are.
        port: 0 takes a free one.
        more: further collectors, of the gateway say.

    Raises:
        PortInUse: somebody listens there.
    """

    def __init__(self, sources: Sources, port: int, more: Sequence[Collector] = ()) -> None:
        registry = CollectorRegistry()
        for collector in (NodeCollector(sources), *more):
            registry.register(collector)
        ProcessCollector(registry=registry)
        self.registry = registry
        try:
            server, self._thread = start_http_server(port, "127.0.0.1", registry)
        except OSError:
            raise PortInUse(port, port_holder(port)) from None
        self._server: WSGIServer = server
        self.url = f"http://127.0.0.1:{server.server_port}/metrics"

    def close(self) -> None:
        """Stop serving; idempotent."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
