"""How many questions one node answers: JSON-RPC calls over kept connections, from a process of its own.

Closed loop: each connection asks again when it has its answer, so the rate is what node and client manage together. The
client is one Python process and takes a core by itself: the node alone may be faster. What to ask is read as JSON from
standard input, what was measured is printed as JSON.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from luya.bench.network_load import latencies
from luya.errors import HomeError

CONNECTIONS: Final = 8
_SPARE: Final = 60.0


@dataclass(frozen=True, slots=True)
class QueryOrder:
    """What to ask, in turn: lists of parameters of one method; for so many seconds, on a loopback port."""

    port: int
    method: str
    parameters: Sequence[Sequence[Any]]
    seconds: float


def measure(order: QueryOrder) -> Mapping[str, Any]:
    """Asks, in a child process.

    Raises:
        HomeError: the child failed, or did not end.
    """
    command = [sys.executable, "-m", "luya.bench.network_queries"]
    try:
        done = subprocess.run(
            command, input=json.dumps(asdict(order)), capture_output=True, text=True, timeout=order.seconds + _SPARE
        )
    except subprocess.TimeoutExpired as error:
        raise HomeError(f"{order.method}: the node does not answer all that is asked") from error
    if done.returncode != 0:
        raise HomeError(f"{order.method}: asking failed: {done.stderr.strip()[-400:]}")
    value: dict[str, Any] = json.loads(done.stdout)
    return value


async def ask(order: QueryOrder) -> dict[str, Any]:
    """Runs it."""
    bodies = [
        json.dumps({"jsonrpc": "2.0", "id": 1, "method": order.method, "params": list(one)}).encode()
        for one in order.parameters
    ]
    turns = itertools.cycle(bodies)
    took: list[float] = []
    errors = 0
    begun = time.monotonic()

    async def connection() -> None:
        nonlocal errors
        reader, writer = await asyncio.open_connection("127.0.0.1", order.port)
        while (asked := time.monotonic()) < begun + order.seconds:
            body = next(turns)
            head = f"POST / HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
            writer.write(f"{head}\r\n\r\n".encode() + body)
            answer = await _answer(reader)
            took.append(time.monotonic() - asked)
            errors += b'"result"' not in answer
        writer.close()

    await asyncio.gather(*(connection() for _ in range(CONNECTIONS)))
    spent = time.monotonic() - begun
    return {"per_s": round(len(took) / spent, 1), "calls": len(took), "errors": errors, **latencies(took)}


async def _answer(reader: asyncio.StreamReader) -> bytes:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if b"content-length:" in head:
        return await reader.readexactly(int(head.partition(b"content-length:")[2].partition(b"\r\n")[0]))
    parts = []
    while size := int(await reader.readuntil(b"\r\n"), 16):  # chunked
        parts.append(await reader.readexactly(size))
        await reader.readexactly(2)
    await reader.readexactly(2)
    return b"".join(parts)


if __name__ == "__main__":
    print(json.dumps(asyncio.run(ask(QueryOrder(**json.load(sys.stdin))))))
