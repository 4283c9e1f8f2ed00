"""An HTTP server that does not wait for ever: who has not sent a whole request's head in time is cut off."""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import web

HEAD_SECONDS: Final = 10.0
"""For the first head of a connection; between requests aiohttp's keep-alive counts."""


class PatientServer(web.Server):
    """aiohttp's server with a limit on how long the first head of a connection may take.

    Attributes:
        head_seconds: the limit.
    """

    head_seconds: float = HEAD_SECONDS

    def __call__(self) -> web.RequestHandler:
        return _Handler(self, loop=self._loop, **self._kwargs)


class _Handler(web.RequestHandler):
    __slots__ = ("_late",)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        assert isinstance(self._manager, PatientServer)
        self._late = self._loop.call_later(self._manager.head_seconds, self._cut_off)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._late.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._request_count:
            self._late.cancel()

    def _cut_off(self) -> None:
        if not self._request_count:
            self.force_close()
