"""A door in a thread of its own, in front of a real ledger on anvil: what tests of the gateway share."""

from __future__ import annotations

import asyncio
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chain_node.errors import CallRefused
from chain_node.gateway.callers import CallerStore, Entry, Grant
from chain_node.gateway.server import OpenDoor, Whereabouts, opened
from chain_node.gateway.settings import GatewaySettings, UpstreamSettings

Reply = tuple[int, Any, dict[str, str]]


@dataclass
class World:
    """A ledger with records, and who is who on it."""

    rpc_url: str
    chain_id: int
    contracts: tuple[tuple[str, str], ...]
    riders: list[bytes]
    relay: bytes
    record_tx: Callable[[], str]
    other_tx: Callable[[], str]

    def address(self, name: str) -> str:
        return dict(self.contracts)[name]


class GatewayThread:
    """Runs a door until `stop`."""

    def __init__(self, settings: GatewaySettings, whereabouts: Whereabouts = lambda: ()) -> None:
        self.settings = settings
        self._whereabouts = whereabouts
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self.running: OpenDoor | None = None
        self._thread = threading.Thread(target=self._run, name="gateway", daemon=True)
        self._thread.start()
        self._ready.wait(60)
        if self._failure is not None:
            raise self._failure

    @property
    def url(self) -> str:
        assert self.running is not None
        return self.running.url

    @property
    def ws_url(self) -> str:
        return self.url.replace("http", "ws", 1)

    def stop(self) -> None:
        if self._loop is not None and self._stop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(30)

    def post(self, body: object, token: str | None = None, path: str = "/", **headers: str) -> Reply:
        """(status, answer, headers) of a POST; a body of bytes goes as it is."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json", **headers})
        if token is not None:
            request.add_header("Authorization", f"Bearer {token}")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                status, text, found = answer.status, answer.read(), dict(answer.headers)
        except urllib.error.HTTPError as error:
            with error:
                status, text, found = error.code, error.read(), dict(error.headers)
        return status, json.loads(text) if text else None, found

    def call(self, method: str, *params: Any, token: str | None = None) -> Any:
        """A call's result, or its error as `CallRefused`."""
        status, answer, _ = self.post({"jsonrpc": "2.0", "id": 7, "method": method, "params": list(params)}, token)
        assert answer["jsonrpc"] == "2.0"
        if "error" in answer:
            error = answer["error"]
            raise CallRefused(error["code"], error["message"], error.get("data"), status)
        assert answer["id"] == 7
        return answer["result"]

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(self.url + path, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def metrics(self) -> str:
        assert self.running is not None
        with urllib.request.urlopen(self.running.metrics_url + "/metrics", timeout=60) as answer:
            return str(answer.read().decode())

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            self._failure = error
            self._ready.set()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with opened(self.settings, self._whereabouts) as running:
            self.running = running
            self._ready.set()
            await self._stop.wait()


@dataclass
class Door:
    """A door with a caller of each role."""

    gateway: GatewayThread
    folder: Path
    auditor: str
    oracle: str
    operator: str


def settings(world: World, folder: Path, **changes: Any) -> GatewaySettings:
    """A door in front of the world, on free ports, with budgets that no test meets by chance."""
    from chain_node.gateway.budgets import Rates
    from chain_node.gateway.policy import Role

    values: dict[str, Any] = {
        "nodes": (UpstreamSettings("one", world.rpc_url),),
        "store": folder / "callers.sqlite",
        "audit": folder / "audit",
        "chain_id": world.chain_id,
        "contracts": world.contracts,
        "port": 0,
        "metrics_port": 0,
        "poll_seconds": 0.1,
        "rates": tuple((role, Rates(1e6, 1e6)) for role in Role),
    }
    return GatewaySettings(**(values | changes))


def let_in(folder: Path, **grant: Any) -> tuple[Entry, str]:
    """A new caller of the store in `folder`; its entry and token ('' where it has none)."""
    store = CallerStore(folder / "callers.sqlite")
    try:
        entry, token = store.create(Grant(**grant))
    finally:
        store.close()
    return entry, token or ""


def refused(function: Callable[[], Any]) -> CallRefused:
    """The refusal that a call meets."""
    try:
        value = function()
    except CallRefused as error:
        return error
    raise AssertionError(f"not refused: {value!r}")


def audit_lines(folder: Path) -> list[dict[str, Any]]:
    """The audit log's lines, oldest first."""
    found = []
    for path in sorted((folder / "audit").glob("*.jsonl")):
        found += [json.loads(line) for line in path.read_text("ascii").splitlines()]
    return found


def wait_until(true: Callable[[], Any], seconds: float = 20.0) -> Any:
    """The first true value."""
    deadline = time.monotonic() + seconds
    while not (value := true()):
        assert time.monotonic() < deadline, "it did not come in time"
        time.sleep(0.03)
    return value


def wait_until_let_in(gateway: GatewayThread, token: str) -> None:
    """A running door has seen a new entry."""
    wait_until(lambda: gateway.post({"jsonrpc": "2.0", "id": 1, "method": "eth_chainId"}, token)[0] == 200)
