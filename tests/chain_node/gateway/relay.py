"""A relay in front of a real node, that behaves as nodes do on a bad day: caps, lags, hangs, breaks off, tells lies."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import aiohttp
from aiohttp import web


class Relay:
    """One relay in a thread of its own; its attributes may be changed while it runs.

    Attributes:
        cap_blocks, cap_logs: what one eth_getLogs may span and hold, 0 for no cap.
        behind: blocks by which its head lags; negative runs ahead.
        frozen: its head stands still.
        silent: it takes requests and never answers.
        broken: it closes connections without an answer.
        lies: block hashes that it gives are others.
        heads: what it says of its head, once each, before it says the truth.
        replies: method → the whole answer it gives instead of the node's.
        block_0: the whole answer it gives for block 0, None for the node's.
        asked: methods, in order.
    """

    def __init__(self, target: str) -> None:
        self._target = target
        self.cap_blocks = self.cap_logs = self.behind = 0
        self.frozen: int | None = None
        self.silent = self.broken = self.lies = False
        self.replies: dict[str, Any] = {}
        self.heads: list[int] = []
        self.block_0: dict[str, Any] | None = None
        self.asked: list[str] = []
        self.spans: list[tuple[int, int]] = []
        self.url = ""
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        assert self._ready.wait(10)

    def stop(self) -> None:
        if self._loop is not None and self._stop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        runner = web.ServerRunner(web.Server(self._handle), shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        async with aiohttp.ClientSession() as self._session:
            self._ready.set()
            await self._stop.wait()
            await runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        call = json.loads(await request.read())
        method = call["method"]
        self.asked.append(method)
        if self.silent:
            await asyncio.sleep(30)
        if self.broken:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if method == "eth_blockNumber" and self.heads:
            return web.json_response({"jsonrpc": "2.0", "id": call["id"], "result": hex(self.heads.pop(0))})
        if self.block_0 is not None and method == "eth_getBlockByNumber" and call["params"][0] == "0x0":
            return web.json_response({"jsonrpc": "2.0", "id": call["id"], **self.block_0})
        if method in self.replies:
            return web.json_response({"jsonrpc": "2.0", "id": call["id"], **self.replies[method]})
        if method == "eth_getLogs" and "fromBlock" in call["params"][0] and (refusal := await self._capped(call)):
            return web.json_response({"jsonrpc": "2.0", "id": call["id"], "error": refusal})
        answer = await self._ask(call)
        if method == "eth_blockNumber":
            head = int(answer["result"], 16) - self.behind
            answer["result"] = hex(head if self.frozen is None else self.frozen)
        if method == "eth_getBlockByNumber" and self.lies and answer["result"] and call["params"][0] != "0x0":
            answer["result"]["hash"] = "0x" + "1e" * 32
        return web.json_response(answer)

    async def _capped(self, call: dict[str, Any]) -> dict[str, Any] | None:
        criteria = call["params"][0]
        first, last = int(criteria["fromBlock"], 16), int(criteria["toBlock"], 16)
        self.spans.append((first, last))
        head = int((await self._ask({**call, "method": "eth_blockNumber", "params": []}))["result"], 16)
        if last > head:  # as luyad does
            return {"code": -32000, "message": f"requested block {last} is beyond the head {head}"}
        if self.cap_blocks and last - first + 1 > self.cap_blocks:
            return {"code": -32005, "message": f"maximum [from, to] blocks distance: {self.cap_blocks}"}
        found = (await self._ask(call))["result"]
        if self.cap_logs and len(found) > self.cap_logs:
            return {"code": -32005, "message": f"query returned more than {self.cap_logs} results"}
        return None

    async def _ask(self, call: dict[str, Any]) -> dict[str, Any]:
        async with self._session.post(self._target, json=call) as answer:
            value: dict[str, Any] = await answer.json()
            return value
