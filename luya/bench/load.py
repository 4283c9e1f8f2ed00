"""The benchmark's load: GET /v1/entries/{index} at a steady rate, from a process of its own.

Open loop: requests are made at fixed times whether or not earlier answers have come, and timed from when they were due,
so that a stall counts in full. What to do is read as JSON from standard input (the token is on no command line), what
was measured is printed as JSON.
"""

from __future__ import annotations

import asyncio
import json
import random
import statistics
import subprocess
import sys
from dataclasses import asdict, dataclass
from typing import Final

CONNECTIONS: Final = 16
_SPARE: Final = 60.0


@dataclass(frozen=True, slots=True)
class LoadOrder:
    """What to ask: indexes below `entries`, `rate` times a second for `seconds`, on a loopback port, with a token."""

    port: int
    token: str
    rate: int
    seconds: int
    entries: int


@dataclass(frozen=True, slots=True)
class Measured:
    """Latencies in ms from when each request was due; rate: answers a second; errors: answers other than 200."""

    p50_ms: float
    p99_ms: float
    max_ms: float
    rate: float
    requests: int
    errors: int


class Load:
    """The load in a child process; `result` waits for it."""

    def __init__(self, order: LoadOrder) -> None:
        command = [sys.executable, "-m", "luya.bench.load"]
        self._child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._child.stdin is not None
        self._child.stdin.write(json.dumps(asdict(order)))
        self._child.stdin.close()
        self._child.stdin = None
        self._patience = order.seconds + _SPARE

    def result(self) -> Measured:
        """What was measured. Raises TimeoutExpired, ValueError: the child does not end, or failed."""
        said, _ = self._child.communicate(timeout=self._patience)
        return Measured(**json.loads(said))

    @property
    def running(self) -> bool:
        """It is still asking."""
        return self._child.poll() is None

    def close(self) -> None:
        """End it, however far it is."""
        if self.running:
            self._child.kill()
        self._child.wait()


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, index: int, token: str) -> int:
    """One request on a kept connection; gives the status."""
    request = f"GET /v1/entries/{index} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n\r\n"
    writer.write(request.encode())
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
    await reader.readexactly(length)
    return int(head[9:12])


async def load(order: LoadOrder) -> Measured:
    """Runs it."""
    free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    for _ in range(CONNECTIONS):
        free.put_nowait(await asyncio.open_connection("127.0.0.1", order.port))
    loop, chosen = asyncio.get_running_loop(), random.Random(order.entries)  # noqa: S311 - which entries are asked for
    latencies: list[float] = []
    errors = 0

    async def one(due: float) -> None:
        nonlocal errors
        connection = await free.get()
        status = await _ask(*connection, chosen.randrange(order.entries), order.token)
        latencies.append((loop.time() - due) * 1000)
        errors += status != 200
        free.put_nowait(connection)

    tasks = []
    begin = loop.time() + 0.1
    for number in range(order.rate * order.seconds):
        due = begin + number / order.rate
        await asyncio.sleep(max(0.0, due - loop.time()))
        tasks.append(asyncio.create_task(one(due)))
    await asyncio.gather(*tasks)
    took = loop.time() - begin
    while not free.empty():
        free.get_nowait()[1].close()
    cuts = statistics.quantiles(latencies, n=100)
    slowest, rate = round(max(latencies), 2), round(len(latencies) / took, 1)
    return Measured(round(cuts[49], 2), round(cuts[98], 2), slowest, rate, len(latencies), errors)


if __name__ == "__main__":
    print(json.dumps(asdict(asyncio.run(load(LoadOrder(**json.load(sys.stdin)))))))
