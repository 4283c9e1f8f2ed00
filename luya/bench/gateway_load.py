"""The load of `luya bench gateway`: one kind of call over kept connections, at fixed times or as fast as it can."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import cast
from urllib.parse import urlsplit


class CallConnection(asyncio.Protocol):
    """One kept connection, one request at a time."""

    def __init__(self, load: CallLoad) -> None:
        self._load = load
        self._buffer = b""
        self._began = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass of it
        self._load.idle.append(self)

    def ask(self, request: bytes, began: float) -> None:
        assert self._transport is not None
        self._began = began
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._buffer[:end].lower()
        at = head.index(b"content-length:") + 15
        length = int(head[at:].split(b"\r\n", 1)[0])
        if len(self._buffer) < end + 4 + length:
            return
        good = head.startswith(b"http/1.1 200") and b'"result"' in self._buffer[end:]
        self._buffer = b""
        self._load.done(self, time.perf_counter() - self._began, good)

    def connection_lost(self, _error: Exception | None) -> None:
        self._load.lost += 1

    def close(self) -> None:
        assert self._transport is not None
        self._transport.close()


class CallLoad:
    """Asks one target."""

    def __init__(self, request: bytes) -> None:
        self.idle: deque[CallConnection] = deque()
        self.latencies: list[float] = []
        self.errors = 0
        self.lost = 0
        self._request = request
        self._late: deque[float] = deque()
        self._flying = 0
        self._closed_loop = False

    async def connect(self, url: str, connections: int) -> list[CallConnection]:
        parts = urlsplit(url)
        loop = asyncio.get_running_loop()
        made = []
        for _ in range(connections):
            _, protocol = await loop.create_connection(
                lambda: CallConnection(self), parts.hostname or "", parts.port or 80
            )
            made.append(protocol)
        return made

    async def steady(self, rate: float, seconds: float) -> None:
        """Open loop: request n is due at n / rate, whatever became of those before it."""
        begin, sent, total = time.perf_counter(), 0, int(rate * seconds)
        while sent < total:
            due = min(total, int((time.perf_counter() - begin) * rate) + 1)
            while sent < due:
                self._send(begin + sent / rate)
                sent += 1
            await asyncio.sleep(0.001)  # less would be nothing to uvloop, and spin
        deadline = time.perf_counter() + 10
        while (self._flying or self._late) and time.perf_counter() < deadline:
            await asyncio.sleep(0.005)
        self.errors += self._flying + len(self._late)

    async def flat_out(self, seconds: float) -> float:
        """Closed loop: each connection asks again at once. Returns calls a second."""
        self._closed_loop = True
        begin = time.perf_counter()
        while self.idle:
            self._send(time.perf_counter())
        await asyncio.sleep(seconds)
        self._closed_loop = False
        count, passed = len(self.latencies), time.perf_counter() - begin
        while self._flying:
            await asyncio.sleep(0.005)
        return count / passed

    def done(self, connection: CallConnection, latency: float, good: bool) -> None:
        self.latencies.append(latency)
        self.errors += not good
        self._flying -= 1
        self.idle.append(connection)
        if self._late:
            self._send(self._late.popleft())
        elif self._closed_loop:
            self._send(time.perf_counter())

    def _send(self, due: float) -> None:
        if not self.idle:
            self._late.append(due)
            return
        self._flying += 1
        self.idle.popleft().ask(self._request, due)
