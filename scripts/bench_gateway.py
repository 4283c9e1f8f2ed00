"""Measures what the gateway adds to a call, beside the engine's bare endpoint in the same run.

Three processes on one machine: anvil, `luya gateway serve`, and this one, which asks at fixed times whether or not
earlier answers have come (open loop, so that a stall counts in full). Bare endpoint and gateway take turns, round by
round; then each is asked as fast as it answers (closed loop) for its capacity and processor time per call.

    uv run python scripts/bench_gateway.py [--rate 2000] [--seconds 5] [--rounds 3] [--connections 32]

The last line is JSON: calls_per_s, p50_ms and p99_ms of both, added_p99_ms, by kind of call, and what it ran on.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections import deque
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import uvloop

from chain_node.engine.anvil import AnvilEngine, AnvilSettings
from chain_node.gateway.callers import CallerStore, Grant

CHAIN = 31_337
ZERO = "0x" + "00" * 20
SOMEBODY = "0x" + "11" * 20
KINDS: dict[str, tuple[str, list[Any]]] = {
    "local": ("eth_chainId", []),
    "forwarded": ("eth_blockNumber", []),
    "state": ("eth_getTransactionCount", [ZERO, "latest"]),
    "cached": ("eth_getBlockByNumber", ["0x1", False]),
    "audited": ("eth_getBalance", [SOMEBODY, "latest"]),
}
SIMPLE = ("local", "forwarded", "state", "cached")


@dataclass
class Target:
    """An endpoint. pid: whose processor time is charged to it."""

    name: str
    url: str
    pid: int
    token: str = ""

    def request(self, kind: str) -> bytes:
        method, params = KINDS[kind]
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        head = f"POST / HTTP/1.1\r\nHost: {urlsplit(self.url).netloc}\r\nContent-Type: application/json\r\n"
        if self.token:
            head += f"Authorization: Bearer {self.token}\r\n"
        return head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body


class Connection(asyncio.Protocol):
    """One kept connection, one request at a time."""

    def __init__(self, load: Load) -> None:
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


class Load:
    """Asks one target."""

    def __init__(self, request: bytes) -> None:
        self.idle: deque[Connection] = deque()
        self.latencies: list[float] = []
        self.errors = 0
        self.lost = 0
        self._request = request
        self._late: deque[float] = deque()
        self._flying = 0
        self._closed_loop = False

    async def connect(self, url: str, connections: int) -> list[Connection]:
        parts = urlsplit(url)
        loop = asyncio.get_running_loop()
        made = []
        for _ in range(connections):
            _, protocol = await loop.create_connection(lambda: Connection(self), parts.hostname or "", parts.port or 80)
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

    def done(self, connection: Connection, latency: float, good: bool) -> None:
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


def percentile(values: list[float], share: float) -> float:
    """In milliseconds."""
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000, 3)


async def measure(targets: list[Target], options: argparse.Namespace) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for kind in KINDS:
        latencies: dict[str, list[float]] = {target.name: [] for target in targets}
        errors = dict.fromkeys(latencies, 0)
        for _ in range(options.rounds):
            for target in targets:
                load = Load(target.request(kind))
                connections = await load.connect(target.url, options.connections)
                await load.steady(options.rate, 0.5)  # warm
                load.latencies.clear()
                await load.steady(options.rate, options.seconds)
                latencies[target.name] += load.latencies
                errors[target.name] += load.errors
                for connection in connections:
                    connection.close()
        capacity, cost = {}, {}
        for target in targets:
            load = Load(target.request(kind))
            connections = await load.connect(target.url, options.connections)
            before = cpu_seconds(target.pid)
            capacity[target.name] = round(await load.flat_out(options.seconds))
            cost[target.name] = round((cpu_seconds(target.pid) - before) / len(load.latencies) * 1e6)
            errors[target.name] += load.errors
            for connection in connections:
                connection.close()
        row: dict[str, Any] = {
            name: {
                "p50_ms": percentile(values, 0.5),
                "p99_ms": percentile(values, 0.99),
                "max_ms": percentile(values, 1.0),
                "errors": errors[name],
                "capacity_calls_per_s": capacity[name],
                "cpu_us_per_call": cost[name],
            }
            for name, values in latencies.items()
        }
        row["added_p99_ms"] = round(row["gateway"]["p99_ms"] - row["engine"]["p99_ms"], 3)
        row["added_p50_ms"] = round(row["gateway"]["p50_ms"] - row["engine"]["p50_ms"], 3)
        found[kind] = row
        print(kind, json.dumps(row), file=sys.stderr, flush=True)
    return found


def gateway(folder: Path, rpc_url: str) -> tuple[subprocess.Popen[bytes], Target]:
    """The door, as its operator runs it, with a token whose budget the load does not meet."""
    store = CallerStore(folder / "callers.sqlite")
    token = store.create(Grant("auditor", calls_per_s=1e8, units_per_s=1e9))[1] or ""
    store.close()
    config = folder / "gateway.toml"
    config.write_text(
        f'store = "callers.sqlite"\naudit = "audit"\nchain_id = {CHAIN}\nport = 0\nmetrics_port = -1\n'
        f'[[nodes]]\nname = "engine"\nurl = "{rpc_url}"\n'
    )
    ready = folder / "ready.json"
    command = [sys.executable, "-m", "luya", "gateway", "serve", "--home", str(folder), "--config", str(config)]
    process = subprocess.Popen([*command, "--ready", str(ready), "--json"], stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit("the gateway did not come up")
        time.sleep(0.05)
    return process, Target("gateway", json.loads(ready.read_bytes())["url"], process.pid, token)


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def hardware() -> dict[str, Any]:
    model = ""
    with Path("/proc/cpuinfo").open() as lines:
        model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    versions = {name: metadata.version(name) for name in ("luya", "aiohttp", "uvloop")}
    return {
        "cpu": model,
        "cores": len(os.sched_getaffinity(0)),
        "load_before": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "engine": "anvil",
        **versions,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rate", type=float, default=2_000)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=32)
    options = parser.parse_args()
    machine = hardware()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        engine = AnvilEngine(folder / "chain", AnvilSettings(CHAIN, 1.0))
        engine.start()
        process: subprocess.Popen[bytes] | None = None
        try:
            time.sleep(2.5)  # block 1 is there
            process, door = gateway(folder, engine.rpc_url)
            before = cpu_seconds(process.pid)
            begin = time.perf_counter()
            found = uvloop.run(measure([Target("engine", engine.rpc_url, engine.pid or 0), door], options))
            used = cpu_seconds(process.pid) - before
            share = round(used / (time.perf_counter() - begin), 3)
        finally:
            if process is not None:
                process.terminate()
                process.wait(20)
            engine.stop()
    simple = [found[kind] for kind in SIMPLE]
    value = {
        "rate_calls_per_s": options.rate,
        "calls_per_s": min(row["gateway"]["capacity_calls_per_s"] for row in simple),
        "p99_ms": max(row["gateway"]["p99_ms"] for row in simple),
        "added_p99_ms": max(row["added_p99_ms"] for row in simple),
        "errors": sum(row["gateway"]["errors"] for row in found.values()),
        "gateway_core_share": share,
        "kinds": found,
        "options": vars(options),
        "hardware": machine,
    }
    print(json.dumps(value))


if __name__ == "__main__":
    main()
