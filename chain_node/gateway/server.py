"""Puts the door together and runs it until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from chain_node.engine.base import Finality
from chain_node.errors import GatewayError, GatewaySettingsError
from chain_node.gateway.audit import AuditLog
from chain_node.gateway.budgets import Budgets
from chain_node.gateway.cache import Cache
from chain_node.gateway.callers import CallerStore
from chain_node.gateway.door import Door
from chain_node.gateway.filters import Filters
from chain_node.gateway.guards import Guards
from chain_node.gateway.heads import HeadFeed
from chain_node.gateway.identify import Identify
from chain_node.gateway.listener import listen
from chain_node.gateway.logs import LogReader
from chain_node.gateway.methods import ServiceParts
from chain_node.gateway.metrics import DoorMetrics
from chain_node.gateway.nodes import UpstreamNode
from chain_node.gateway.open_views import OpenViews
from chain_node.gateway.pool import Pool
from chain_node.gateway.room import Room
from chain_node.gateway.service import Service
from chain_node.gateway.settings import GatewaySettings, UpstreamSettings
from chain_node.gateway.siwe import SignIn
from chain_node.gateway.sockets import Sockets
from chain_node.serving.arrivals import Arrivals

_LARGEST_KEPT: Final = 4 * 1024 * 1024
_STORE_EVERY: Final = 1.0
_STORE_STALE: Final = 5.0

log = logging.getLogger("luya.gateway")

Whereabouts = Callable[[], Sequence[UpstreamSettings]]
"""Says where the nodes are now; () where nobody knows."""


@dataclass(frozen=True, slots=True)
class OpenDoor:
    """A door that is open. url: where it listens; metrics_url: "" where none are served."""

    url: str
    metrics_url: str
    pool: Pool
    metrics: DoorMetrics


@asynccontextmanager
async def opened(settings: GatewaySettings, whereabouts: Whereabouts = lambda: ()) -> AsyncIterator[OpenDoor]:
    """The door, open as long as the block runs.

    Args:
        settings: how it runs.
        whereabouts: asked while no node answers: a restarted one may listen elsewhere.

    Raises:
        GatewayError: a setting, certificate or port does not do, or no node answers with the right chain.
    """
    async with contextlib.AsyncExitStack() as stack:
        metrics = DoorMetrics()
        store = CallerStore(settings.store)
        stack.callback(store.close)
        audit = AuditLog(settings.audit)
        stack.push_async_callback(audit.close)
        cache = Cache(settings.cache_bytes, _LARGEST_KEPT)
        room = Room(settings.total_answer)
        pool = _pool(settings, metrics, room, cache.clear)
        for node in pool.nodes:
            stack.callback(node.close)
        await pool.look()
        _observe(pool, metrics)
        if not pool.candidates():
            reasons = "; ".join(f"{node.name}: {node.state.why}" for node in pool.nodes)
            raise GatewayError(f"no node can be asked: {reasons}")
        logs = LogReader(pool, cache, room, settings.logs_blocks, settings.max_answer)
        feed = HeadFeed(pool, logs, settings.heads == "final")
        filters = Filters(settings.max_subscriptions)
        guards = Guards(OpenViews.of(settings.addresses()), settings.chain_id, _resolver(pool), filters)
        budgets = Budgets(settings.in_flight)
        service = Service(
            settings, ServiceParts(pool, guards, budgets, cache, room, logs, filters, feed, audit, metrics)
        )
        sign_in = SignIn(
            settings.siwe_domains,
            settings.chain_id,
            settings.session_seconds,
            settings.siwe_owners,
            lambda address: identify.callers.by_address(address),
        )
        version = store.version()  # before the table is read: a change in between is seen
        identify = Identify(settings, sign_in, store.load())
        sockets = Sockets(settings, service, feed, identify, room, metrics)
        _gauges(metrics, cache, room, filters, feed, sockets, sign_in, audit)
        door = Door(settings, identify, service, sockets, sign_in, budgets, metrics, lambda: health(pool))
        arrivals = Arrivals(settings.head_seconds, settings.body_seconds)
        runner, url = await listen(door.handle, settings.host, settings.port, _tls(settings), arrivals)
        stack.push_async_callback(runner.cleanup)
        stack.push_async_callback(sockets.close)
        metrics_url = ""
        if settings.metrics_port >= 0:
            handler = _metrics_handler(metrics, pool)
            own, metrics_url = await listen(handler, "127.0.0.1", settings.metrics_port)
            stack.push_async_callback(own.cleanup)
        looking = _look(pool, metrics, settings.poll_seconds, whereabouts)
        for work in (looking, feed.run(), _reload(store, version, identify)):
            stack.push_async_callback(_cancel, asyncio.create_task(work))
        yield OpenDoor(url, metrics_url, pool, metrics)


async def serve(
    settings: GatewaySettings,
    stop: asyncio.Event,
    opened_at: Callable[[OpenDoor], None],
    whereabouts: Whereabouts = lambda: (),
) -> None:
    """Run until `stop` is set; `opened_at` is told where it listens; `whereabouts`: see `opened`."""
    async with opened(settings, whereabouts) as running:
        opened_at(running)
        await stop.wait()


def health(pool: Pool) -> dict[str, Any]:
    """What anybody may know: whether the door can answer, and how far the chain is."""
    standings = [pool.standing(node) for node in pool.nodes]
    return {
        "ok": "ok" in standings,
        "halted": "ok" not in standings and "halted" in standings,
        "head": pool.head,
        "final": pool.final,
        "nodes": len(standings),
        "nodes_ok": standings.count("ok"),
    }


def details(pool: Pool) -> dict[str, Any]:
    """What the operator sees, on the metrics' port: every node by name."""
    nodes = [
        {
            "name": node.name,
            "standing": pool.standing(node),
            "why": node.state.why,
            "head": node.state.head,
            "final": node.state.final,
        }
        for node in pool.nodes
    ]
    return {**health(pool), "by_node": nodes}


def _pool(settings: GatewaySettings, metrics: DoorMetrics, room: Room, clear: Callable[[], None]) -> Pool:
    nodes = [
        UpstreamNode(
            node,
            limit=settings.total_in_flight,
            max_answer=settings.max_answer,
            timeout=settings.node_timeout,
            room=room,
        )
        for node in settings.nodes
    ]
    return Pool(
        nodes,
        settings.chain_id,
        Finality.parse(settings.finality),
        max_lag=settings.max_lag,
        halt_seconds=settings.halt_seconds,
        send_nodes=settings.send_nodes,
        followers=settings.followers,
        on_new_chain=clear,
        on_request=metrics.request,
    )


def _resolver(pool: Pool) -> Callable[[str], str]:
    """Tags by this network's rule: where every block is final, finalized and safe are the newest."""

    def resolve(tag: str) -> str:
        if tag not in ("safe", "finalized") or pool.finality.tag == "finalized":
            return tag
        return "latest" if pool.finality.tag == "latest" else hex(max(0, pool.final))

    return resolve


def _tls(settings: GatewaySettings) -> ssl.SSLContext | None:
    if settings.tls_certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(settings.tls_certificate, settings.tls_key)
        if settings.client_ca is not None:
            context.load_verify_locations(settings.client_ca)
            context.verify_mode = ssl.CERT_OPTIONAL
    except (OSError, ssl.SSLError) as error:
        raise GatewaySettingsError(f"tls_certificate, tls_key or client_ca cannot be used: {error}") from error
    return context


def _metrics_handler(metrics: DoorMetrics, pool: Pool) -> Callable[[web.BaseRequest], Any]:
    async def handle(request: web.BaseRequest) -> web.Response:
        if request.path == "/metrics":
            body = generate_latest(metrics.registry)
            return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})
        if request.path == "/healthz":
            return web.json_response(details(pool))
        return web.Response(status=404)

    return handle


def _gauges(
    metrics: DoorMetrics,
    cache: Cache,
    room: Room,
    filters: Filters,
    feed: HeadFeed,
    sockets: Sockets,
    sign_in: SignIn,
    audit: AuditLog,
) -> None:
    metrics.watch("luya_gateway_cache_bytes", "Bytes of kept answers", lambda: cache.size)
    metrics.watch("luya_gateway_cache_entries", "Kept answers", lambda: len(cache))
    metrics.watch("luya_gateway_answer_bytes", "Bytes of answers under way", lambda: room.used)
    metrics.watch("luya_gateway_filters", "Open filters", lambda: len(filters))
    metrics.watch("luya_gateway_subscriptions", "Open subscriptions", lambda: len(feed))
    metrics.watch("luya_gateway_sockets", "Open WebSocket connections", lambda: len(sockets))
    metrics.watch("luya_gateway_sessions", "Signed-in sessions", lambda: sign_in.sessions)
    metrics.watch("luya_gateway_audit_lines", "Lines written to the audit log since the start", lambda: audit.lines)


def _observe(pool: Pool, metrics: DoorMetrics) -> None:
    for node in pool.nodes:
        metrics.node(node.name, pool.standing(node) == "ok", node.state.head)


async def _look(pool: Pool, metrics: DoorMetrics, every: float, whereabouts: Whereabouts) -> None:
    while True:
        await asyncio.sleep(every)
        if not any(node.state.up for node in pool.nodes):
            found = {one.name: one for one in whereabouts()}
            for node in pool.nodes:
                if node.name in found:
                    node.move(found[node.name])
        await pool.look()
        _observe(pool, metrics)


async def _reload(store: CallerStore, version: int, identify: Identify) -> None:
    """Follow changes of the store that other processes make. Where it cannot be read for some seconds, nobody of its
    entries is let in: one of them may have been revoked."""
    read = time.monotonic()
    while True:
        await asyncio.sleep(_STORE_EVERY)
        try:
            found = store.version()
            if found != version:
                identify.callers = store.load()
                version = found
                log.info("callers_reloaded")
            read = time.monotonic()
        except Exception as error:  # whatever is in the file must not end this
            log.error("callers_not_reloaded", extra={"error": repr(error)})
        identify.stale = time.monotonic() - read > _STORE_STALE


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
