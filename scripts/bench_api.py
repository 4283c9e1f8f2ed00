"""Measures `GET /v1/entries/{index}`: latency at a steady rate while records are ingested into the read model.

Three processes on one machine: uvicorn with the API, a writer that appends and projects RATE records a second, and this
one, which asks at fixed times whether or not earlier answers have come (open loop, so that a stall counts in full).

    uv run python scripts/bench_api.py [--entries 100000] [--requests-per-s 200] [--records-per-s 1000] [--seconds 20]

The last line is JSON: p50_ms, p99_ms, max_ms, errors, and what it ran on.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import multiprocessing
import os
import platform
import random
import shutil
import socket
import statistics
import sys
import tempfile
import time
from pathlib import Path

import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from api.app import create_app
from api.projection.projector import Projector
from api.settings import Settings
from api.store import database, migrate
from api.tokens.service import ApiTokens
from chain_node.archive.calls import Call
from chain_node.archive.reader import ArchiveReader
from chain_node.archive.writer import Archive
from chain_node.catalogue import announced
from chain_node.protocol import checkpoint, entries
from chain_node.protocol.arithmetic import worth
from chain_node.protocol.entries import AccountState, Standing
from chain_node.protocol.records import Record

ORIGIN = "luya.bench/00000001"
PEOPLE = 5_000
TIME = 1_735_700_000
DAY = 20_088


class Writer:
    """Appends reductions to an archive and publishes: the follower's part, without a chain."""

    def __init__(self, folder: Path) -> None:
        self._archive = Archive(folder)
        self._key = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"bench").digest())
        self._people = [hashlib.sha256(b"%d" % n).digest()[:20] for n in range(PEOPLE)]
        self._sequence = 0
        self._block = 0

    @property
    def size(self) -> int:
        return self._archive.size

    def found(self) -> None:
        """The law and the accounts."""
        law: list[entries.Entry] = [entries.Organisation(TIME, 1, bytes(32), Standing.ACTIVE)]
        law += [method.method for method in announced()]
        signer = (bytes.fromhex("11" * 20),)
        law.append(entries.Feed(TIME, 1, 1, 1, 1, signer, 65_535, 1 << 62, 1 << 62, (101,), Standing.ACTIVE))
        self._append(law)
        people: list[entries.Entry] = [
            entries.Account(TIME, who, hashlib.sha256(who).digest(), 1, 0, AccountState.ACTIVE) for who in self._people
        ]
        self._append(people)

    def reductions(self, count: int) -> None:
        """One call of `count` reductions."""
        method = next(shipped.method for shipped in announced() if shipped.id == 101)
        new: list[entries.Entry] = []
        for _ in range(count):
            who = self._people[self._sequence % PEOPLE]
            salt = hashlib.sha256(self._sequence.to_bytes(8, "big")).digest()
            record = Record(who, 101, DAY, 60, 2, 0, 3_000 + self._sequence % 500, salt)
            new.append(entries.Reduction(TIME, 1, self._sequence, record, *worth(method, record.activity)))
            self._sequence += 1
        self._append(new)

    def publish(self) -> None:
        self._archive.publish(lambda point: checkpoint.sign(point, ORIGIN, self._key), ORIGIN)

    def _append(self, new: list[entries.Entry]) -> None:
        self._block += 1
        transaction = "0x" + hashlib.sha256(self._block.to_bytes(8, "big")).hexdigest()
        call = Call(self.size, len(new), transaction, self._block)
        self._archive.append([entries.encode(entry) for entry in new], [call])


def ingest(folder: Path, url: str, start_size: int, rate: int, ready: object, stop: object, projected: object) -> None:
    """The writing process: builds the ledger, says ready, then keeps the rate until told to stop."""
    writer = Writer(folder)
    writer.found()
    while writer.size < start_size:
        writer.reductions(200)
    writer.publish()
    engine = database.writer(url)
    projector = Projector(engine, ArchiveReader(folder))
    projector.catch_up()
    ready.set()  # type: ignore[attr-defined]  # multiprocessing's events have no public type
    begin, done = time.monotonic(), 0
    while not stop.is_set():  # type: ignore[attr-defined]  # as above
        due = int((time.monotonic() - begin) * rate)
        if due - done >= 200:
            writer.reductions(200)
            done += 200
            writer.publish()
            projector.catch_up()
        else:
            time.sleep(0.02)
    projected.value = done / (time.monotonic() - begin)  # type: ignore[attr-defined]  # as above
    engine.dispose()


def serve(settings: Settings, port: int) -> None:
    """The API's process."""
    import structlog

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    uvicorn.run(create_app(settings), host="127.0.0.1", port=port, log_level="error", access_log=False)


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, index: int, token: str) -> int:
    """One request on a kept-alive connection; gives the status."""
    request = f"GET /v1/entries/{index} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n\r\n"
    writer.write(request.encode())
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
    await reader.readexactly(length)
    return int(head[9:12])


async def load(port: int, token: str, rate: int, seconds: int, size: int) -> tuple[list[float], int]:
    """Latencies in ms, measured from when each request was due, and how many failed."""
    free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    for _ in range(16):
        free.put_nowait(await asyncio.open_connection("127.0.0.1", port))
    latencies: list[float] = []
    errors = 0
    loop = asyncio.get_running_loop()

    async def one(due: float) -> None:
        nonlocal errors
        connection = await free.get()
        status = await ask(*connection, random.randrange(size), token)
        latencies.append((loop.time() - due) * 1000)
        errors += status != 200
        free.put_nowait(connection)

    tasks = []
    begin = loop.time() + 0.1
    for number in range(rate * seconds):
        due = begin + number / rate
        await asyncio.sleep(max(0.0, due - loop.time()))
        tasks.append(asyncio.create_task(one(due)))
    await asyncio.gather(*tasks)
    while not free.empty():
        free.get_nowait()[1].close()
    return latencies, errors


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait(port: int) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit("the API did not start")


def main() -> None:
    """Run it once."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--requests-per-s", type=int, default=200)
    parser.add_argument("--records-per-s", type=int, default=1_000)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--database-url", default="", help="SQLite in a temporary folder by default")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="luya-bench-"))
    spawn = multiprocessing.get_context("spawn")
    settings = Settings(archive=folder / "archive", database_url=options.database_url, token_rate=0, public_rate=0)
    engine = database.writer(settings.database_url)
    migrate.upgrade(engine)
    _, token = ApiTokens(engine).create(["auditor"])
    ready, stop, projected = spawn.Event(), spawn.Event(), spawn.Value("d", 0.0)
    ingesting = (folder / "archive", settings.database_url, options.entries, options.records_per_s)
    port = _free_port()
    processes = [
        spawn.Process(target=ingest, args=(*ingesting, ready, stop, projected)),
        spawn.Process(target=serve, args=(settings, port), daemon=True),
    ]
    try:
        for process in processes:
            process.start()
        ready.wait()
        _wait(port)
        asyncio.run(load(port, token, 50, 2, options.entries))
        latencies, errors = asyncio.run(load(port, token, options.requests_per_s, options.seconds, options.entries))
        stop.set()
        processes[0].join(60)
    finally:
        stop.set()
        for process in processes:
            process.terminate()
            process.join(10)
        engine.dispose()
        shutil.rmtree(folder, ignore_errors=True)
    cuts = statistics.quantiles(latencies, n=1000)
    print(
        json.dumps(
            {
                "p50_ms": round(cuts[499], 2),
                "p99_ms": round(cuts[989], 2),
                "p999_ms": round(cuts[998], 2),
                "max_ms": round(max(latencies), 2),
                "requests": len(latencies),
                "errors": errors,
                "ingested_per_s": round(projected.value),
                "options": {name: value for name, value in vars(options).items() if name != "database_url"},
                "machine": f"{platform.machine()}, {os.cpu_count()} cores",
                "python": sys.version.split()[0],
            }
        )
    )


if __name__ == "__main__":
    main()
