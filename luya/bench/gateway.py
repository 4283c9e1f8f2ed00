"""`luya bench gateway`: what the door adds to a call, beside the engine's bare endpoint in the same run.

Three processes on one machine: anvil, `luya gateway serve`, and this one, which asks at fixed times whether or not
earlier answers have come (open loop, so that a stall counts in full). Bare endpoint and gateway take turns, round by
round; then each is asked as fast as it answers (closed loop) for its capacity and processor time per call.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Coroutine, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from chain_node.engine.anvil import AnvilEngine, AnvilSettings
from chain_node.gateway.callers import CallerStore, Grant
from chain_node.supervisor.measure import cpu_seconds
from luya.bench.gateway_load import CallLoad
from luya.bench.machine import load_average, machine, versions
from luya.console import tell
from luya.errors import HomeError

CHAIN: Final = 31_337
ZERO: Final = "0x" + "00" * 20
SOMEBODY: Final = "0x" + "11" * 20
KINDS: Final[dict[str, tuple[str, list[Any]]]] = {
    "local": ("eth_chainId", []),
    "forwarded": ("eth_blockNumber", []),
    "state": ("eth_getTransactionCount", [ZERO, "latest"]),
    "cached": ("eth_getBlockByNumber", ["0x1", False]),
    "audited": ("eth_getBalance", [SOMEBODY, "latest"]),
}
SIMPLE: Final = ("local", "forwarded", "state", "cached")
_PATIENCE: Final = 60.0


@dataclass(frozen=True, slots=True)
class GatewayPlan:
    """What is measured: calls a second, seconds of each load, rounds, kept connections."""

    rate: float = 2_000
    seconds: float = 5
    rounds: int = 3
    connections: int = 32


def run(plan: GatewayPlan, *, quiet: bool) -> dict[str, Any]:
    """Measures and returns the figures; everything lies in a temporary folder.

    Raises:
        EngineError: anvil does not start.
        HomeError: the gateway does not.
    """
    begun = load_average()
    with tempfile.TemporaryDirectory(prefix="luya-bench-") as name:
        folder = Path(name)
        engine = AnvilEngine(folder / "chain", AnvilSettings(CHAIN, 1.0))
        engine.start()
        process: subprocess.Popen[bytes] | None = None
        try:
            while engine.health().head < 1:
                time.sleep(0.05)
            process, door = _door(folder, engine.rpc_url)
            before, began = cpu_seconds(process.pid), time.perf_counter()
            targets = (CallTarget("engine", engine.rpc_url, engine.pid or 0), door)
            found = _run(measure(targets, plan, quiet=quiet))
            share = (cpu_seconds(process.pid) - before) / (time.perf_counter() - began)
        finally:
            if process is not None:
                process.terminate()
                process.wait(20)
            engine.stop()
    simple = [found[kind] for kind in SIMPLE]
    return {
        "calls_per_s": min(row["gateway"]["capacity_calls_per_s"] for row in simple),
        "p99_ms": max(row["gateway"]["p99_ms"] for row in simple),
        "added_p99_ms": max(row["added_p99_ms"] for row in simple),
        "errors": sum(row["gateway"]["errors"] for row in found.values()),
        "gateway_core_share": round(share, 3),
        "kinds": found,
        "plan": asdict(plan),
        "machine": {**machine(), "load_before": begun},
        "engine": engine.name,
        "versions": versions(),
    }


@dataclass(frozen=True, slots=True)
class CallTarget:
    """An endpoint. pid: whose processor time is charged to it."""

    name: str
    url: str
    pid: int
    token: str = ""

    def request(self, kind: str) -> bytes:
        """A call of this kind, as it goes over the wire."""
        method, params = KINDS[kind]
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        head = f"POST / HTTP/1.1\r\nHost: {urlsplit(self.url).netloc}\r\nContent-Type: application/json\r\n"
        if self.token:
            head += f"Authorization: Bearer {self.token}\r\n"
        return head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body


async def measure(targets: Sequence[CallTarget], plan: GatewayPlan, *, quiet: bool) -> dict[str, Any]:
    """Each kind of call at each target in turns; the figures by kind."""
    found: dict[str, Any] = {}
    for kind in KINDS:
        latencies: dict[str, list[float]] = {target.name: [] for target in targets}
        errors = dict.fromkeys(latencies, 0)
        for _ in range(plan.rounds):
            for target in targets:
                load = CallLoad(target.request(kind))
                connections = await load.connect(target.url, plan.connections)
                await load.steady(plan.rate, min(0.5, plan.seconds))  # warm
                load.latencies.clear()
                await load.steady(plan.rate, plan.seconds)
                latencies[target.name] += load.latencies
                errors[target.name] += load.errors
                for connection in connections:
                    connection.close()
        capacity, cost = {}, {}
        for target in targets:
            load = CallLoad(target.request(kind))
            connections = await load.connect(target.url, plan.connections)
            before = cpu_seconds(target.pid)
            capacity[target.name] = round(await load.flat_out(plan.seconds))
            cost[target.name] = round((cpu_seconds(target.pid) - before) / len(load.latencies) * 1e6)
            errors[target.name] += load.errors
            for connection in connections:
                connection.close()
        row: dict[str, Any] = {
            name: {
                "p50_ms": _percentile(values, 0.5),
                "p99_ms": _percentile(values, 0.99),
                "max_ms": _percentile(values, 1.0),
                "errors": errors[name],
                "capacity_calls_per_s": capacity[name],
                "cpu_us_per_call": cost[name],
            }
            for name, values in latencies.items()
        }
        row["added_p99_ms"] = round(row["gateway"]["p99_ms"] - row["engine"]["p99_ms"], 3)
        row["added_p50_ms"] = round(row["gateway"]["p50_ms"] - row["engine"]["p50_ms"], 3)
        found[kind] = row
        if not quiet:
            _tell(kind, row)
    return found


def _door(folder: Path, rpc_url: str) -> tuple[subprocess.Popen[bytes], CallTarget]:
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
    deadline = time.monotonic() + _PATIENCE
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise HomeError("the gateway did not come up: it needs the extra `gateway` (pip install 'luya[gateway]')")
        time.sleep(0.05)
    return process, CallTarget("gateway", json.loads(ready.read_bytes())["url"], process.pid, token)


def _percentile(values: list[float], share: float) -> float:
    """In milliseconds."""
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000, 3)


def _run(measuring: Coroutine[Any, Any, dict[str, Any]]) -> dict[str, Any]:
    """On uvloop, where there is one for this system: the client must not be what is measured."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(measuring)
    return uvloop.run(measuring)


def _tell(kind: str, row: dict[str, Any]) -> None:
    door = row["gateway"]
    tell(
        f"{kind}: p50 {door['p50_ms']} ms (+{row['added_p50_ms']}), p99 {door['p99_ms']} ms (+{row['added_p99_ms']}), "
        f"{door['capacity_calls_per_s']:,} calls/s, {door['cpu_us_per_call']} µs of a core a call"
    )
