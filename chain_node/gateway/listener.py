"""aiohttp's HTTP server with bounds on how requests arrive (`chain_node.serving`), and the socket it listens on."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Any, Final

from aiohttp import web

from chain_node.errors import GatewayError
from chain_node.serving.arrivals import Arrival, Arrivals

_BACKLOG: Final = 1_024
_KEEP_ALIVE: Final = 75.0
_LINGER: Final = 2.0
"""For the rest of a body that is not read any more."""
_STOP_SECONDS: Final = 10.0


class _Server(web.Server):
    arrivals: Arrivals

    def __call__(self) -> web.RequestHandler:
        return _Handler(self, loop=self._loop, **self._kwargs)


class _Handler(web.RequestHandler):
    __slots__ = ("_arrival",)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        assert isinstance(self._manager, _Server)
        self._arrival = Arrival(self._manager.arrivals, self.force_close)
        self._arrival.head()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._arrival.whole()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        before = self._request_count
        super().data_received(data)
        if self._request_count != before:
            self._arrival.whole()
            return
        if self._waiter is not None and not self._waiter.done():  # no request is being read: a further head has begun
            self._arrival.head()
        self._arrival.received(len(data))


async def listen(
    handler: Callable[[web.BaseRequest], Any],
    host: str,
    port: int,
    tls: ssl.SSLContext | None = None,
    arrivals: Arrivals | None = None,
) -> tuple[web.ServerRunner, str]:
    """Serve; what to clean up in the end, and the address.

    Raises:
        GatewayError: the port cannot be listened on.
    """
    server = _Server(
        handler, access_log=None, auto_decompress=False, keepalive_timeout=_KEEP_ALIVE, lingering_time=_LINGER
    )
    server.arrivals = arrivals or Arrivals()
    runner = web.ServerRunner(server, shutdown_timeout=_STOP_SECONDS)
    await runner.setup()
    try:
        await _Site(runner, host, port, ssl_context=tls, backlog=_BACKLOG).start()
    except OSError as error:
        await runner.cleanup()
        raise GatewayError(f"{host}:{port} cannot be listened on: {error.strerror or error}") from error
    bound = runner.addresses[0]
    shown = f"[{bound[0]}]" if ":" in str(bound[0]) else bound[0]
    return runner, f"{'https' if tls else 'http'}://{shown}:{bound[1]}"


class _Site(web.TCPSite):
    """With a limit for TLS handshakes, which asyncio gives a minute: nothing of ours runs before one is done."""

    async def start(self) -> None:
        await web.BaseSite.start(self)
        server = self._runner.server
        assert isinstance(server, _Server)
        self._server = await asyncio.get_running_loop().create_server(
            server,
            self._host,
            self._port,
            ssl=self._ssl_context,
            backlog=self._backlog,
            ssl_handshake_timeout=server.arrivals.head_seconds if self._ssl_context else None,
        )
