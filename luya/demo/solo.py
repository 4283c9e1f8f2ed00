"""`luya demo`: from nothing to a served, verified ledger, and the story of it."""

from __future__ import annotations

import json
import random
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Final, Protocol

from api.tokens.service import ApiTokens
from chain_node.archive.bundles import assemble
from chain_node.archive.reader import ArchiveReader
from chain_node.protocol import bundle
from chain_node.protocol.entries import Reduction, decode
from luya.console import progress, tell
from luya.demo.data import write_partner_files
from luya.demo.loop import close_the_loop
from luya.engine.choice import NOTHING_ASKED, EngineOptions, warning
from luya.errors import HomeError
from luya.home import LuyaHome
from luya.operate.up import ApiProcess, served, until_stopped, watch
from luya.session import feeds
from luya.session.session import Advance, Session, opened
from oracle.calls.ingest import IngestResult

SHANGHAI: Final = timezone(timedelta(hours=8))
BUNDLES: Final = 8
_TIMEOUT: Final = 10.0
_QUICK_BLOCKS: Final = 0.5
_FEW: Final = 20_000
"""Up to so many rows, a story's time is mostly waiting for blocks; beyond, each block's cost counts for more."""
_SILENT_PORT: Final = 0
_PORT: Final = 8420


class Scene(Protocol):
    """What a demo on a network of several nodes adds to the story."""

    def ingesting(self, session: Session) -> AbstractContextManager[None]:
        """Surrounds the ingest."""

    def told(self, session: Session, value: dict[str, Any]) -> dict[str, Any]:
        """What the answer says more, once all is verified."""


class Stages:
    """Seconds by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def of(self, stage: str) -> Iterator[None]:
        """Times what happens inside."""
        begun = time.monotonic()
        try:
            yield
        finally:
            self.seconds[stage] = round(self.seconds.get(stage, 0.0) + time.monotonic() - begun, 3)


def run(
    given: Path | None,
    *,
    once: bool,
    quiet: bool,
    records: int,
    asked: EngineOptions = NOTHING_ASKED,
    scene: Scene | None = None,
) -> dict[str, Any]:
    """Tells the story; with `once` it ends when verified, else it serves until it is stopped.

    Raises:
        HomeError: a node runs on this home already.
    """
    home = LuyaHome.of(given)
    stages = Stages()
    with until_stopped() as stop:
        with progress() as advance:
            quick = _QUICK_BLOCKS if records <= _FEW else None
            opening = opened(home, advance=advance, block_time=quick, linger=False, asked=asked)
            with stages.of("start"):
                session = opening.__enter__()
        try:
            if not session.node.owner:
                raise HomeError(f"a node runs on {home.root} already: give the demo a home of its own with --home")
            say = _quiet if quiet else tell
            if said := warning(session.node.engine.name, asked):
                say(said)
            before = session.node.archive.size
            value = _story(session, stages, records, say, scene)
            with stages.of("loop"), tempfile.TemporaryDirectory(prefix="luya-demo-") as folder:
                value |= close_the_loop(session, before, Path(folder), say, quiet=quiet)
            checkpoint = session.node.archive.checkpoint()
            assert checkpoint is not None
            value |= {"log_size": checkpoint.size, "log_root": checkpoint.root.hex()}
            value["engine"] = session.node.engine.name
            if scene is not None:
                value |= scene.told(session, value)
            with served(session, _SILENT_PORT if once else _free_or(_PORT)) as api:
                with stages.of("serve"):
                    value["verified"] = _read_back(session, api, value.pop("sample")) and value["verified"]
                value["seconds"] = stages.seconds
                if not once and value["verified"]:
                    _invite(session, api)
                    watch(session, api, stop)
        except BaseException as error:
            opening.__exit__(type(error), error, error.__traceback__)
            raise
        opening.__exit__(None, None, None)
    return value


def _quiet(_text: str) -> None:
    """`--json` tells no story."""


def _story(session: Session, stages: Stages, records: int, say: Any, scene: Scene | None) -> dict[str, Any]:
    manifest = session.node.manifest
    say(f"[bold]1[/bold] 账本已就绪：链 {manifest.chain_id}，日志 {manifest.origin}。")
    say(f"  The ledger is up; every role is handed over and the deployer has no rights left. Ledger {manifest.ledger}.")
    before = session.node.archive.size
    with (
        stages.of("ingest"),
        progress() as advance,
        tempfile.TemporaryDirectory(prefix="luya-demo-") as folder,
        scene.ingesting(session) if scene else nullcontext(),
    ):
        results = _ingest(session, Path(folder), records, advance, say)
    accepted = sum(result.accepted for result in results.values())
    refused: dict[str, int] = {}
    for result in results.values():
        for rule, count in result.refused.items():
            refused[rule] = refused.get(rule, 0) + count
    say("[bold]4[/bold] 合约已计算、去重、记账，记录已归档并签署检查点。")
    say(f"  Computed, deduplicated and recorded by the contracts; archived: {session.node.archive.size:,} entries.")
    with stages.of("verify"):
        sample = _sample(session, before)
        verified = bool(sample) and all(_verify(session, index) for index in sample)
    checkpoint = session.node.archive.checkpoint()
    assert checkpoint is not None
    say("[bold]5[/bold] 离线验证：从证明文件出发，不联网，不信任运营者。")
    say(f"  {len(sample)} proof bundles verified offline: {'all true' if verified else 'NOT TRUE'}.")
    return {
        "accepted": accepted,
        "refused": refused,
        "log_size": checkpoint.size,
        "log_root": checkpoint.root.hex(),
        "credits_mg": sum(result.credits_mg for result in results.values()),
        "millipoints": sum(result.millipoints for result in results.values()),
        "verified": verified,
        "sample": sample,
    }


def _ingest(session: Session, folder: Path, records: int, advance: Advance, say: Any) -> dict[str, IngestResult]:
    yesterday = datetime.now(SHANGHAI).date() - timedelta(days=1)
    made = write_partner_files(folder, records=records, last_day=yesterday, seed=session.node.archive.size)
    say(f"[bold]2[/bold] 三家合作方交来 {sum(made.rows.values()):,} 行数据，其中一些有错。")
    say(f"  Three partners hand in {sum(made.rows.values()):,} rows, some of them bad.")
    results = {}
    for name, path in made.files.items():
        feed = feeds.find(session.home, name)
        results[name] = session.ingest([path], feed, enrol_unknown=True, advance=advance)
    say("[bold]3[/bold] 预言机逐行核验，三取二联署；坏行列明原因，不影响其他行。")
    for name, result in results.items():
        why = ", ".join(f"{rule} {count}" for rule, count in result.refused.items()) or "none"
        say(f"  {name}: {result.accepted:,} accepted, refused: {why}")
    return results


def _sample(session: Session, start: int) -> list[int]:
    """Some reductions of this run, spread over it."""
    archive = session.node.archive
    found = [
        index
        for index, data in enumerate(archive.entries(start, archive.size), start)
        if isinstance(decode(data), Reduction)
    ]
    return sorted(random.Random(0).sample(found, min(BUNDLES, len(found))))  # noqa: S311 - a sample to show


def _verify(session: Session, index: int) -> bool:
    archive = session.node.archive
    result = bundle.verify(assemble(archive, index), session.node.manifest.log_key)
    return result.index == index


def _read_back(session: Session, api: ApiProcess, sample: list[int]) -> bool:
    """The API shows what the archive holds."""
    _, token = ApiTokens(session.database).create(["auditor"], label="demo", lifetime=600)
    session.project()
    archive: ArchiveReader = session.node.archive
    for index in sample[:3]:
        entry = _get(f"{api.url}/v1/entries/{index}", token)
        if archive.entry(index).hex() not in json.dumps(entry):
            return False
    totals = _get(f"{api.url}/v1/totals", token)
    checkpoint = archive.checkpoint()
    assert checkpoint is not None
    return bool(totals["log_root"] == checkpoint.root.hex())


def _get(url: str, token: str) -> dict[str, Any]:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})  # noqa: S310 - our own API
    with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:  # noqa: S310
        value: dict[str, Any] = json.loads(answer.read())
        return value


def _free_or(port: int) -> int:
    """`port` when it is free, else 0: any free one."""
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return 0
    return port


def _invite(session: Session, api: ApiProcess) -> None:
    info, token = ApiTokens(session.database).create(["auditor"], label="demo: look around", lifetime=86_400)
    index = _sample(session, 0)[-1]
    tell("[bold]8[/bold] 请自己看看。See for yourself:")
    tell(f"  {api.url}/docs   {api.url}/v1/totals   {api.url}/v1/checkpoint")
    tell(f"  令牌 token ({', '.join(info.scopes)}, one day): {token}")
    tell(f"  curl -H 'Authorization: Bearer {token}' {api.url}/v1/entries/{index}")
    tell(f"  luya bundle {index} -o proof.json --home {session.home.root}")
    tell(f"  luya verify proof.json --key '{session.node.manifest.log_key}'")
    tell(f"  链 chain: {session.node.engine.rpc_url}   ledger {session.node.manifest.ledger}")
    tell("按 Ctrl-C 停止。Ctrl-C stops all of it cleanly.")
