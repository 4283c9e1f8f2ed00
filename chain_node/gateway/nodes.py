"""One node behind the door: asked over HTTP, looked at for its health."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import time
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from chain_node.engine.base import Finality
from chain_node.errors import RpcUnavailable
from chain_node.gateway import wire
from chain_node.gateway.room import Room
from chain_node.gateway.settings import UpstreamSettings
from chain_node.gateway.upstream import AnswerTooLarge, HttpPool

ABSENT: Final = re.compile(r"not found|must be less than or equal to the current|beyond the head", re.IGNORECASE)
"""How luyad says that there is no such block; Ethereum's answer is null."""


@dataclass(slots=True)
class UpstreamState:
    """What is known of a node. Heights are -1 before the first answer.

    Attributes:
        up: it answered the last look, with the right chain.
        why: why it is not up, else "".
        head, final: newest block; newest final one.
        moved: when its head last rose (monotonic seconds).
        genesis: hash of its block 0; "" where it has none (state sync).
        diverged: its final blocks are not those of most nodes.
        pause_until: after a failure, when it may be asked again (monotonic seconds).
    """

    up: bool = False
    why: str = "not looked at yet"
    head: int = -1
    final: int = -1
    moved: float = 0.0
    genesis: str = ""
    diverged: bool = False
    pause_until: float = 0.0
    failures: int = 0


class UpstreamNode:
    """A node.

    Args:
        settings: its name and address.
        limit: requests to it at once.
        max_answer: bytes of an answer that are taken.
        timeout: seconds for connecting, and for a look.
        room: of answers, all nodes together.
    """

    def __init__(self, settings: UpstreamSettings, *, limit: int, max_answer: int, timeout: float, room: Room) -> None:
        self.name = settings.name
        self.state = UpstreamState()
        self._limit, self._max_answer, self._timeout, self._room = limit, max_answer, timeout, room
        self._settings = settings
        self._http = self._connections()

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def move(self, settings: UpstreamSettings) -> None:
        """It may listen elsewhere now; the next look tells whether it does, and on which chain."""
        if settings != self._settings:
            self._settings = settings
            self._http.close()
            self._http = self._connections()

    def _connections(self) -> HttpPool:
        settings = self._settings
        headers = {"Content-Type": "application/json"}
        parts = urlsplit(settings.url)
        if settings.authorization:
            headers["Authorization"] = settings.authorization
        elif parts.username is not None:
            login = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
            headers["Authorization"] = "Basic " + base64.b64encode(login).decode()
        return HttpPool(
            settings.url,
            headers,
            limit=self._limit,
            connect_timeout=self._timeout,
            max_answer=self._max_answer,
            room=self._room,
        )

    async def post(self, body: bytes, timeout: float) -> bytes:
        """A request's answer, as it came.

        Raises:
            AnswerTooLarge: see there.
            RpcUnavailable: no answer, not in time, or not JSON.
        """
        try:
            status, answer = await self._http.post(body, timeout)
        except AnswerTooLarge as error:
            raise AnswerTooLarge(f"node {self.name}: {error}") from None
        except (TimeoutError, OSError) as error:
            raise RpcUnavailable(f"node {self.name} does not answer: {error or type(error).__name__}") from error
        # Nodes put JSON-RPC errors under 4xx and 5xx too; what is not JSON there is a proxy's word.
        if status >= 300 and not answer.lstrip().startswith((b"{", b"[")):
            raise RpcUnavailable(f"node {self.name}: HTTP {status}")
        return answer

    async def ask(self, method: str, params: list[Any], timeout: float) -> wire.Reply:
        """One call.

        Raises:
            RpcUnavailable: no answer that is JSON-RPC's.
        """
        body = await self.post(wire.request(method, params), timeout)
        try:
            return wire.reply(body)
        except ValueError as error:
            raise RpcUnavailable(f"node {self.name}: not a JSON-RPC answer: {error}") from None

    async def value(self, method: str, *params: Any) -> Any:
        """One call of a look: its result, parsed.

        Raises:
            RpcUnavailable: no result.
        """
        reply = await self.ask(method, list(params), self._timeout)
        if reply.result is None:
            raise RpcUnavailable(f"node {self.name}: {method}: {(reply.error or {}).get('message')}")
        try:
            return json.loads(reply.result)
        except ValueError:
            raise RpcUnavailable(f"node {self.name}: {method}: not JSON") from None

    async def look(self, chain_id: int, finality: Finality) -> None:
        """Find out how it is; never raises."""
        state = self.state
        try:
            async with asyncio.timeout(self._timeout):
                head = int(await self.value("eth_blockNumber"), 16)
                if not state.up or head < state.head:
                    found = int(await self.value("eth_chainId"), 16)
                    if found != chain_id:
                        raise RpcUnavailable(f"node {self.name} is of chain {found}, not {chain_id}")
                    state.genesis = await self._genesis()
                final = await self._final(head, finality)
        except (RpcUnavailable, TimeoutError, ValueError, TypeError, KeyError) as error:
            state.up, state.why = False, str(error) or "no answer in time"
            return
        if head != state.head or not state.up:
            state.moved = time.monotonic()
        state.up, state.why, state.head, state.final, state.failures = True, "", head, final, 0

    async def hash_at(self, number: int) -> str | None:
        """A block's hash; None where it does not say."""
        try:
            block = await self.value("eth_getBlockByNumber", hex(number), False)
            return str(block["hash"])
        except (RpcUnavailable, TypeError, KeyError):
            return None

    def failed(self) -> None:
        """It did not answer a call: not asked for a moment, longer each time, until a look finds it well."""
        self.state.failures += 1
        self.state.pause_until = time.monotonic() + min(10.0, 0.25 * 2**self.state.failures)

    async def _genesis(self) -> str:
        """Its block 0's hash; "" where it began with a later block (state sync)."""
        reply = await self.ask("eth_getBlockByNumber", ["0x0", False], self._timeout)
        if reply.error is not None and not ABSENT.search(str(reply.error.get("message"))):
            raise RpcUnavailable(f"node {self.name}: block 0: {reply.error.get('message')}")
        block = wire.loads(reply.result or b"null")
        return "" if block is None else str(block["hash"])

    async def _final(self, head: int, finality: Finality) -> int:
        if finality.tag == "finalized":
            block = await self.value("eth_getBlockByNumber", "finalized", False)
            return int(block["number"], 16) if block else 0
        return max(0, head - finality.confirmations)
