"""HTTP/1.1 to a node: kept connections, one request at a time on each, no redirects, no cookies, no compression.

aiohttp's client costs 300 µs of processor time a request here, this 60: it is most of what the door adds to a call.
Parsing is httptools' (llhttp).
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from typing import Final, cast
from urllib.parse import urlsplit

import httptools

from chain_node.errors import CallRefused, RpcUnavailable
from chain_node.gateway.room import Hold, Room

_IDLE_SECONDS: Final = 30.0


class AnswerTooLarge(RpcUnavailable):
    """The node did answer, with more than is taken: asking another one would not help."""


class HttpPool:
    """Connections to one address.

    Args:
        url: http or https.
        headers: sent with every request, each on its line.
        limit: connections at once; who comes later waits for one.
        connect_timeout: seconds.
        max_answer: bytes of a body that are taken.
        room: of what is being taken in, on all connections together.
    """

    def __init__(
        self, url: str, headers: dict[str, str], *, limit: int, connect_timeout: float, max_answer: int, room: Room
    ) -> None:
        parts = urlsplit(url)
        self._host = parts.hostname or ""
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._port = parts.port or (443 if self._tls else 80)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        lines = [f"POST {path} HTTP/1.1", f"Host: {parts.netloc.rpartition('@')[2]}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self._head = "\r\n".join(lines).encode("latin-1") + b"\r\nContent-Length: "
        self._connect_timeout = connect_timeout
        self.max_answer = max_answer
        self._room = room
        self._limit = limit
        self._open = 0
        self._idle: deque[_Connection] = deque()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._closed = False

    async def post(self, body: bytes, timeout: float) -> tuple[int, bytes]:
        """(status, body) of the answer.

        Raises:
            AnswerTooLarge: see there.
            OSError, TimeoutError: no connection, no whole answer, or not in time.
        """
        request = b"%b%d\r\n\r\n%b" % (self._head, len(body), body)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        while True:
            connection, fresh = await self._take(deadline)
            try:
                return await connection.exchange(request, deadline - loop.time())
            except _Stale:
                # the node had closed it while it was idle; a JSON-RPC request, sends included, may be given twice
                if fresh:
                    raise ConnectionResetError("closed before the answer") from None
            finally:
                self._give_back(connection)

    def close(self) -> None:
        """Close what is idle, and what is not once it is done."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()

    async def _take(self, deadline: float) -> tuple[_Connection, bool]:
        """A connection, and whether it is new."""
        loop = asyncio.get_running_loop()
        while True:
            while self._idle:
                connection = self._idle.pop()
                if connection.usable and loop.time() - connection.used < _IDLE_SECONDS:
                    return connection, False
                self._drop(connection)
            if self._open < self._limit:
                return await self._connect(deadline), True
            turn: asyncio.Future[None] = loop.create_future()
            self._waiting.append(turn)
            async with asyncio.timeout_at(deadline):
                await turn

    async def _connect(self, deadline: float) -> _Connection:
        loop = asyncio.get_running_loop()
        self._open += 1
        try:
            async with asyncio.timeout_at(min(deadline, loop.time() + self._connect_timeout)):
                _, connection = await loop.create_connection(
                    lambda: _Connection(self.max_answer, Hold(self._room)), self._host, self._port, ssl=self._tls
                )
                return connection
        except BaseException:
            self._freed()
            raise

    def _give_back(self, connection: _Connection) -> None:
        if connection.usable and not self._closed:
            self._idle.append(connection)
            self._wake()
        else:
            self._drop(connection)

    def _drop(self, connection: _Connection) -> None:
        connection.close()
        self._freed()

    def _freed(self) -> None:
        self._open -= 1
        self._wake()

    def _wake(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return


class _Stale(Exception):
    """The other side had closed a kept connection."""


class _Connection(asyncio.Protocol):
    """One connection."""

    def __init__(self, max_answer: int, hold: Hold) -> None:
        self._max = max_answer
        self._hold = hold
        self._transport: asyncio.Transport | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._pieces: list[bytes] = []
        self._begun = False
        self.usable = False
        self.used = 0.0

    async def exchange(self, request: bytes, timeout: float) -> tuple[int, bytes]:
        """One request and its answer."""
        if self._transport is None or not self.usable:
            raise _Stale
        loop = asyncio.get_running_loop()
        self._parser = httptools.HttpResponseParser(self)
        self._pieces, self._begun = [], False
        self._answer = loop.create_future()
        expiry = loop.call_later(max(0.0, timeout), self._fail, TimeoutError("no whole answer in time"))
        self.usable = False
        try:
            self._transport.write(request)
            return await self._answer
        finally:
            expiry.cancel()
            self._hold.release()  # whoever asked holds it from here on
            self._answer = None
            self.used = loop.time()

    def close(self) -> None:
        """End it; idempotent."""
        self.usable = False
        if self._transport is not None:
            self._transport.abort()
            self._transport = None

    # asyncio's callbacks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass of it
        self.usable = True

    def connection_lost(self, error: Exception | None) -> None:
        self.usable = False
        self._transport = None
        if self._begun:
            self._fail(error or ConnectionResetError("closed within the answer"))
        else:
            self._fail(_Stale())

    def data_received(self, data: bytes) -> None:
        if self._answer is None or self._parser is None:  # words that nobody asked for
            self.close()
            return
        self._begun = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(ConnectionResetError(f"not HTTP: {error}"))

    # httptools' callbacks

    def on_body(self, piece: bytes) -> None:
        if self._answer is None or self._answer.done():
            return
        try:
            self._hold.take(len(piece))
        except CallRefused as refused:
            self._fail(AnswerTooLarge(refused.message))
            return
        if self._hold.size > self._max:
            self._fail(AnswerTooLarge(f"an answer of more than {self._max} bytes"))
        else:
            self._pieces.append(piece)

    def on_message_complete(self) -> None:
        assert self._parser is not None
        if self._answer is None or self._answer.done():
            return
        self.usable = self._transport is not None and self._parser.should_keep_alive()
        body = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces = []
        self._answer.set_result((self._parser.get_status_code(), body))

    def _fail(self, error: Exception) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)
        if not isinstance(error, _Stale):
            self.close()
