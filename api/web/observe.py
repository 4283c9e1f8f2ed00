"""Request ids, metrics and logs, in one ASGI layer.

A log line holds the route's template, never the address that was asked for: paths hold account addresses and record
ids, which are personal. No client address, no token, no query is logged.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_log = structlog.get_logger("api")
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Metrics:
    """The process's metrics, in a registry of its own: two applications in one process do not collide."""

    def __init__(self, archive_size: Callable[[], int]) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "luya_api_requests_total", "Requests answered", ("route", "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "luya_api_request_seconds", "Time to answer", ("route",), buckets=_BUCKETS, registry=self.registry
        )
        self.size = Gauge("luya_read_model_size", "Entries in the read model", registry=self.registry)
        archived = Gauge("luya_archive_size", "Entries in the archive's signed checkpoint", registry=self.registry)
        archived.set_function(archive_size)


class Observe:
    """ASGI middleware: gives every request an id, counts and times it, and writes one log line."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        identifier = secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = identifier
        status = 500
        began = time.perf_counter()

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = message.setdefault("headers", [])
                headers.append((b"x-request-id", identifier.encode()))
                headers.append((b"x-content-type-options", b"nosniff"))
            await send(message)

        failure: str | None = None
        try:
            await self._app(scope, receive, noting)
        except Exception as error:
            failure = type(error).__name__
            raise
        finally:
            seconds = time.perf_counter() - began
            route = _template(scope)
            self._metrics.requests.labels(route, str(status)).inc()
            self._metrics.seconds.labels(route).observe(seconds)
            fields: dict[str, Any] = {"route": route, "status": status, "ms": round(seconds * 1000, 2)}
            if failure or status >= 500:
                _log.error("request", request=identifier, failure=failure, **fields)
            else:
                _log.debug("request", request=identifier, **fields)


def _template(scope: Scope) -> str:
    """The route's template ('/v1/entries/{index}'); 'unknown' for addresses that are none, so that labels stay few."""
    route = scope.get("route")
    path = getattr(route, "path_format", None) or getattr(route, "path", None)
    return path if isinstance(path, str) else "unknown"
