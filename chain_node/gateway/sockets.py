"""JSON-RPC over WebSocket, with subscriptions. A connection that does not read what it asked for is closed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

from aiohttp import WSCloseCode, WSMsgType, web

from chain_node.errors import CallRefused
from chain_node.gateway import wire
from chain_node.gateway.callers import Caller
from chain_node.gateway.heads import HeadFeed
from chain_node.gateway.identify import Client, Identify
from chain_node.gateway.logs import Criteria
from chain_node.gateway.methods import Origin
from chain_node.gateway.metrics import DoorMetrics
from chain_node.gateway.policy import READERS
from chain_node.gateway.room import Hold, Places, Room
from chain_node.gateway.service import Service
from chain_node.gateway.settings import GatewaySettings

_WAITING_MESSAGES: Final = 2_000
_WAITING_BYTES: Final = 32 * 1024 * 1024
_AT_ONCE: Final = 32
_PING_SECONDS: Final = 30.0
_LOOK_SECONDS: Final = 1.0


class Sockets:
    """All connections.

    Args:
        settings: limits.
        service: answers calls.
        feed: tells of new blocks.
        identify: knows which callers are still let in.
        room: of answers that wait to be written.
        metrics: counts.
    """

    def __init__(
        self,
        settings: GatewaySettings,
        service: Service,
        feed: HeadFeed,
        identify: Identify,
        room: Room,
        metrics: DoorMetrics,
    ) -> None:
        self._settings = settings
        self._room = room
        self._service = service
        self._feed = feed
        self._identify = identify
        self._metrics = metrics
        self._connections: set[SocketConnection] = set()
        self._places = Places(settings.max_connections, settings.max_caller_connections)

    def __len__(self) -> int:
        return len(self._connections)

    async def serve(self, request: web.BaseRequest, caller: Caller, client: Client) -> web.StreamResponse:
        """One connection, from its upgrade to its end.

        Raises:
            CallRefused: too many connections.
        """
        if not self._places.enter(caller):
            self._metrics.refused("connections")
            raise CallRefused(wire.LIMIT, "too many connections: close some, or try again later", status=503)
        try:
            return await self._connected(request, caller, client)
        finally:
            self._places.leave(caller)

    async def close(self) -> None:
        """Say goodbye to all."""
        closing = (one.close(WSCloseCode.GOING_AWAY, b"the door is closing") for one in list(self._connections))
        await asyncio.gather(*closing, return_exceptions=True)

    async def _connected(self, request: web.BaseRequest, caller: Caller, client: Client) -> web.StreamResponse:
        socket = web.WebSocketResponse(
            heartbeat=_PING_SECONDS, max_msg_size=self._settings.max_body, compress=False, autoclose=True
        )
        if not socket.can_prepare(request):
            raise CallRefused(wire.INVALID_REQUEST, "not a WebSocket handshake", status=400)
        hold = Hold(self._room)
        connection = SocketConnection(socket, caller, client.address, self._service, self._feed, self._settings, hold)
        self._connections.add(connection)
        try:
            await socket.prepare(request)
            await connection.run(lambda: self._identify.still(request, client, caller))
        finally:
            self._connections.discard(connection)
        return socket


class SocketConnection:
    """One connection: calls are answered as they are done; what waits to be written is bounded."""

    def __init__(
        self,
        socket: web.WebSocketResponse,
        caller: Caller,
        address: str,
        service: Service,
        feed: HeadFeed,
        settings: GatewaySettings,
        hold: Hold,
    ) -> None:
        self._socket = socket
        self._caller = caller
        self._address = address
        self._service = service
        self._feed = feed
        self._most = settings.max_subscriptions
        self._subscriptions: set[str] = set()
        self._announced: set[str] = set()
        self._out: asyncio.Queue[bytes] = asyncio.Queue(_WAITING_MESSAGES)
        self._hold = hold
        self._gate = asyncio.Semaphore(_AT_ONCE)
        self._calls: set[asyncio.Task[None]] = set()
        self._overrun = asyncio.Event()

    async def run(self, still: Callable[[], bool]) -> None:
        """Until the other side, or a reason of ours, ends it. still: says whether the caller is let in yet."""
        helpers = [asyncio.create_task(self._write()), asyncio.create_task(self._watch(still))]
        try:
            async for message in self._socket:
                if message.type is WSMsgType.TEXT:
                    await self._take(message.data.encode("utf-8", "surrogatepass"))
                elif message.type is WSMsgType.BINARY:
                    await self._take(message.data)
                else:
                    break
        finally:
            for task in (*helpers, *self._calls):
                task.cancel()
            for identifier in self._subscriptions:
                self._feed.remove(identifier)
            await asyncio.gather(*helpers, *self._calls, return_exceptions=True)
            self._hold.release()

    async def close(self, code: int, reason: bytes) -> None:
        """End it."""
        with contextlib.suppress(ConnectionError):
            await self._socket.close(code=code, message=reason)

    async def subscribe(self, caller: Caller, criteria: Criteria | None) -> tuple[str, list[bytes]]:
        """A new subscription, and the list that holds its messages until `announced`."""
        if len(self._subscriptions) >= self._most:
            raise CallRefused(wire.LIMIT, f"{self._most} subscriptions are open here: unsubscribe from some")
        held: list[bytes] = []
        box: list[str] = []

        def deliver(message: bytes) -> None:
            if box and box[0] in self._announced:
                self._deliver(message)
            elif len(held) < _WAITING_MESSAGES:
                held.append(message)
            else:
                self._overrun.set()

        identifier = await self._feed.add(criteria, caller.role in READERS, deliver)
        box.append(identifier)
        self._subscriptions.add(identifier)
        return identifier, held

    def announced(self, identifier: str, held: list[bytes]) -> None:
        """The other side has been told the subscription's id: its messages may go out."""
        self._announced.add(identifier)
        for message in held:
            self._deliver(message)

    def unsubscribe(self, identifier: str) -> bool:
        """See `Connection`."""
        if identifier not in self._subscriptions:
            return False
        self._subscriptions.discard(identifier)
        self._announced.discard(identifier)
        return self._feed.remove(identifier)

    async def _take(self, body: bytes) -> None:
        await self._gate.acquire()  # reading stops while too many calls are under way
        task = asyncio.create_task(self._answer(body))
        self._calls.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._calls.discard(task)
        self._gate.release()

    async def _answer(self, body: bytes) -> None:
        turn = _Turn(self)
        answer = await self._service.answer(self._caller, body, Origin(self._address, turn))
        answer.sent()  # from here on it waits with the rest
        if answer.body:
            self._deliver(answer.body)
        for identifier, held in turn.made:
            self.announced(identifier, held)

    def _deliver(self, message: bytes) -> None:
        # one message of any size may wait: the room for all of them bounds it
        if self._hold.size > _WAITING_BYTES or self._out.full():
            self._overrun.set()
            return
        try:
            self._hold.take(len(message))
        except CallRefused:
            self._overrun.set()
            return
        self._out.put_nowait(message)

    async def _write(self) -> None:
        while True:
            message = await self._out.get()
            try:
                await self._socket.send_str(message.decode())
            except ConnectionError:
                return
            self._hold.give(len(message))

    async def _watch(self, still: Callable[[], bool]) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._overrun.wait(), _LOOK_SECONDS)
            if self._overrun.is_set():
                await self.close(WSCloseCode.TRY_AGAIN_LATER, b"what you asked for is not being read")
                return
            if not still():
                await self.close(WSCloseCode.POLICY_VIOLATION, b"your access has ended")
                return


class _Turn:
    """One message's view of its connection: no notification goes out before the answer that names its subscription."""

    def __init__(self, connection: SocketConnection) -> None:
        self._connection = connection
        self.made: list[tuple[str, list[bytes]]] = []

    async def subscribe(self, caller: Caller, criteria: Criteria | None) -> str:
        """See `Connection`."""
        identifier, held = await self._connection.subscribe(caller, criteria)
        self.made.append((identifier, held))
        return identifier

    def unsubscribe(self, identifier: str) -> bool:
        """See `Connection`."""
        return self._connection.unsubscribe(identifier)
