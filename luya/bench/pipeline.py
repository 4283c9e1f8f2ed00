"""`luya bench`: what this machine does, in one run on a home of its own. docs/performance.md says how to read it."""

from __future__ import annotations

import contextlib
import json
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import asdict
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Final

from api.projection.compare import compare
from api.tokens.service import ApiTokens
from chain_node.node.fsck import fsck
from chain_node.sending.sender import Tx
from chain_node.supervisor.measure import cpu_seconds
from luya.bench.gas import Gas
from luya.bench.load import Load, LoadOrder, Measured
from luya.bench.machine import load_average, machine, versions
from luya.console import progress, tell
from luya.demo.data import riders_of, write_partner_files, write_trips
from luya.engine.choice import EngineOptions
from luya.errors import HomeError
from luya.home import LuyaHome
from luya.operate.up import ApiProcess
from luya.session import feeds
from luya.session.session import Advance, Session, opened

REQUESTS_PER_S: Final = 200
RECORDS_PER_S: Final = 1_000
PEER_TRANSFERS: Final = 2_000
_SEED: Final = 1
_DAYS: Final = 50
"""Evenings that a rider has at most: slot words reach back 64 days."""
_WARM_UP: Final = 2.0
_LEAST_FILE: Final = 0.3
_SHANGHAI: Final = timezone(timedelta(hours=8))
_STAGES: Final = {"survey": "read", "verify": "journal"}
"""Stages as they are reported, where the ingest's own name would mislead."""


def run(given: Path | None, *, records: int, seconds: int, engine: str, quiet: bool) -> dict[str, Any]:
    """Measures and returns the figures; the home is a temporary one unless it is given.

    Raises:
        HomeError: a node runs on the given home already.
    """
    load_before = load_average()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="luya-bench-")))
        home = LuyaHome.of(given or folder / "home")
        advance = stack.enter_context(progress())
        session = stack.enter_context(
            opened(home, advance=advance, keep_blocks=_KEEP_BLOCKS, asked=EngineOptions(engine))
        )
        if not session.node.owner:
            raise HomeError(f"a node runs on {home.root} already: measure on a home of its own")
        bench = _Bench(session, folder, records, advance)
        gas = Gas(session.node.rpc, session.node.archive)
        api = ApiProcess(home, 0)
        stack.callback(api.stop)
        value = bench.end_to_end(api)
        gas.collect()
        value |= bench.api(api, seconds)
        gas.collect()
        api.stop()
        value |= bench.fsck()
        value["gas_per_record"] = gas.per_record()
        value["peer"] = {"one_transfer_a_transaction_per_s": bench.peer()}
        value["machine"] = {**machine(), "load_before": load_before}
        value["measured_on"] = date.today().isoformat()
        value["engine"] = engine
        value["versions"] = versions() | {engine: str(session.node.rpc.call("web3_clientVersion")).splitlines()[0]}
    if not quiet:
        _tell(value)
    return value


_KEEP_BLOCKS: Final = 60
"""Blocks whose transactions the engine keeps: a run of millions of records would fill the memory with them."""


class _Stages:
    """Wall seconds by stage: the time up to a report of progress belongs to the stage that reports."""

    def __init__(self, advance: Advance) -> None:
        self.seconds: dict[str, float] = {}
        self._advance = advance
        self._last = time.monotonic()

    def __call__(self, stage: str, done: int, total: int) -> None:
        self.end(stage)
        self._advance(stage, done, total)

    def end(self, stage: str) -> None:
        """A stage has just ended."""
        now, name = time.monotonic(), _STAGES.get(stage, stage)
        self.seconds[name] = self.seconds.get(name, 0.0) + now - self._last
        self._last = now


class _Bench:
    def __init__(self, session: Session, folder: Path, records: int, advance: Advance) -> None:
        self._session = session
        self._folder = folder
        self._records = records
        self._advance = advance
        self._last_day = (datetime.now(_SHANGHAI) - timedelta(days=1)).date()

    # --- end to end

    def end_to_end(self, api: ApiProcess) -> dict[str, Any]:
        """From rows in files until final on the chain and shown by the API, persons enrolled on the way."""
        made = write_partner_files(self._folder / "files", records=self._records, last_day=self._last_day, seed=_SEED)
        before, cpu, engine_cpu = self._session.node.archive.size, time.process_time(), self._engine_cpu()
        stages, accepted, rows, by_feed = _Stages(self._advance), 0, 0, {}
        begun = time.monotonic()
        for name, path in made.files.items():
            feed_begun = time.monotonic()
            result = self._session.ingest(
                [path], feeds.find(self._session.home, name), enrol_unknown=True, advance=stages
            )
            stages.end("project")
            by_feed[name] = round(result.accepted / (time.monotonic() - feed_begun))
            accepted, rows = accepted + result.accepted, rows + result.rows
        self._await_visible(api)
        stages.end("visible")
        took = time.monotonic() - begun
        return {
            "end_to_end_per_s": round(accepted / took),
            "end_to_end_by_feed_per_s": by_feed,
            "stages": {stage: round(spent, 3) for stage, spent in stages.seconds.items()},
            "seconds": round(took, 3),
            "rows": rows,
            "records": accepted,
            "entries": self._session.node.archive.size - before,
            "cpu_seconds": {
                "luya": round(time.process_time() - cpu, 2),
                "engine": round(self._engine_cpu() - engine_cpu, 2),
            },
        }

    def _await_visible(self, api: ApiProcess) -> None:
        """Until the API itself says that it has all."""
        size, deadline = self._session.node.archive.size, time.monotonic() + 60
        while _get(f"{api.url}/v1/totals")["log_size"] < size:
            if time.monotonic() > deadline:
                raise HomeError("the API does not show what is final: look at its log")
            time.sleep(0.02)

    def _engine_cpu(self) -> float:
        return cpu_seconds(self._session.node.engine.pid)

    # --- API

    def api(self, api: ApiProcess, seconds: int) -> dict[str, Any]:
        """Latency of one entry's provenance at a steady rate, while records are ingested at a steady rate."""
        _, token = ApiTokens(self._session.database).create(["auditor"], label="bench", lifetime=seconds + 600)
        port, size = int(api.url.rpartition(":")[2]), self._session.node.archive.size
        trips = self._trips(seconds)
        next(trips)  # the first file is not measured: it may enrol persons
        load = Load(LoadOrder(port, token, REQUESTS_PER_S, seconds, size))
        try:
            begun, ingested = time.monotonic(), 0
            while load.running:
                ingested += next(trips)
            ingested_per_s = ingested / (time.monotonic() - begun)
            measured: Measured = load.result()
        finally:
            load.close()
        return {
            "api_p50_ms": measured.p50_ms,
            "api_p99_ms": measured.p99_ms,
            "api": {**asdict(measured), "ingested_per_s": round(ingested_per_s)},
        }

    def _trips(self, seconds: int) -> Iterator[int]:
        """Takes file after file of evening trips, as many as have become due; yields how many were accepted."""
        feed, path = feeds.find(self._session.home, "bike-share"), self._folder / "evening.csv"
        riders = max(riders_of(self._records * 6 // 10), (seconds + 30) * RECORDS_PER_S // _DAYS)
        begun, done = time.monotonic() - _WARM_UP, 0
        while True:
            rows = int((time.monotonic() - begun) * RECORDS_PER_S) - done
            if rows < _LEAST_FILE * RECORDS_PER_S:
                time.sleep(0.02)
                continue
            write_trips(path, start=done, rows=rows, riders=riders, last_day=self._last_day, seed=_SEED)
            result = self._session.ingest([path], feed, enrol_unknown=True, advance=self._advance)
            done += rows
            yield result.accepted

    # --- fsck

    def fsck(self) -> dict[str, Any]:
        """Replay of the archive; then all of it, with chain and read model."""
        node = self._session.node
        node.catch_up()
        begun = time.monotonic()
        result = fsck(node.archive, log_key=node.manifest.log_key, progress=self._advance)
        replayed = time.monotonic() - begun
        begun = time.monotonic()
        whole = fsck(node.archive, log_key=node.manifest.log_key, chain=(node.rpc, node.manifest))
        self._session.project()
        differences = [*whole.differences, *compare(self._session.database, node.archive, whole.state)]
        return {
            "fsck_per_s": round(result.log_size / replayed),
            "fsck_with_chain_and_read_model_per_s": round(result.log_size / (time.monotonic() - begun)),
            "fsck_ok": result.ok and not differences,
        }

    # --- a peer

    def peer(self) -> int:
        """The same engine with the cheapest transaction there is, one a record: no design of that kind is faster."""
        name = "bench-peer"
        sender = self._session.node.sender(name)
        try:
            run = time.time_ns()
            transfers = [Tx(sender.address, b"", 21_000, f"peer-{run}-{n}") for n in range(PEER_TRANSFERS)]
            begun = time.monotonic()
            sender.run(transfers)
            return round(PEER_TRANSFERS / (time.monotonic() - begun))
        finally:
            self._session.node.release_sender(name)


def _get(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - our own API
        value: dict[str, Any] = json.loads(answer.read())
        return value


def _tell(value: dict[str, Any]) -> None:
    api, peer = value["api"], value["peer"]["one_transfer_a_transaction_per_s"]
    tell(
        f"端到端 end to end: {value['end_to_end_per_s']:,} reductions/s ({value['records']:,} in {value['seconds']} s)"
    )
    tell("  " + ", ".join(f"{stage} {spent} s" for stage, spent in value["stages"].items()))
    tell(f"重放 fsck: {value['fsck_per_s']:,} entries/s, {'ok' if value['fsck_ok'] else 'NOT OK'}")
    tell(
        f"接口 API: p50 {api['p50_ms']} ms, p99 {api['p99_ms']} ms at {api['rate']} requests/s, "
        f"{api['ingested_per_s']:,} records/s ingested, {api['errors']} errors"
    )
    tell("燃料 gas a record: " + ", ".join(f"{kind} {gas:,}" for kind, gas in value["gas_per_record"].items()))
    tell(f"对照 peer, one transfer a transaction on the same engine: {peer:,}/s")
