"""What the `luya gateway` commands do: settings of a home, the callers' store, the door's process."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

from chain_node.deployment.manifest import Manifest
from chain_node.errors import GatewaySettingsError, NodeError
from chain_node.gateway import audit
from chain_node.gateway.callers import CallerStore, Grant
from chain_node.gateway.settings import GatewaySettings, UpstreamSettings
from chain_node.node.home import RunningNode
from chain_node.operations.state import running_node
from chain_node.storage.durable import write_atomic
from chain_node.supervisor.measure import lock_owner
from luya import logs
from luya.console import tell
from luya.home import LuyaHome

_START_PATIENCE: Final = 120.0


def settings(home: LuyaHome, config: Path | None) -> GatewaySettings:
    """The door's settings: the file's and the environment's, and of what they do not say what the home knows.

    Raises:
        GatewaySettingsError: something is impossible, or nothing says where the nodes are.
    """
    return _loaded(home, config, _known(home))


def _loaded(home: LuyaHome, config: Path | None, known: dict[str, Any]) -> GatewaySettings:
    file = config or (home.root / "gateway.toml")
    return GatewaySettings.load(file if config or file.exists() else None, **known)


def _without_nodes(home: LuyaHome, config: Path | None) -> GatewaySettings:
    """For what needs no node to run."""
    nowhere = (UpstreamSettings("none", "http://127.0.0.1"),)
    return _loaded(home, config, {"chain_id": 1, "nodes": nowhere, **_known(home)})


def _known(home: LuyaHome) -> dict[str, Any]:
    """What a home says by itself."""
    known: dict[str, Any] = {
        "store": home.root / "gateway" / "callers.sqlite",
        "audit": home.root / "gateway" / "audit",
    }
    if home.manifest.exists():
        manifest = Manifest.load(home.manifest)
        known["chain_id"] = manifest.chain_id
        names = ("ledger", "law", "views", "authority")
        addresses = [(name, getattr(manifest, name)) for name in names]
        if manifest.administration:
            addresses.append(("administration", manifest.administration))
        known["contracts"] = (*addresses, *manifest.modules.items())
    running = _node(home)
    if running is not None:
        known["finality"] = running.finality
        known["nodes"] = tuple(UpstreamSettings(f"node-{n}", url) for n, url in enumerate(running.rpc_urls, 1))
    return known


def _node(home: LuyaHome) -> RunningNode | None:
    """The node's word; a file that a killed node left behind names a process that does not hold the home now."""
    running = running_node(home)
    if running is None:
        return None
    told = sys.platform != "linux" or lock_owner(home.lock) == running.pid
    return running if told else None


def _settings_of_a_start(home: LuyaHome, config: Path | None) -> GatewaySettings:
    """The settings, once the home's node is up where one is starting.

    Raises:
        GatewaySettingsError: see `settings`; or the node is not up after two minutes.
    """
    deadline = time.monotonic() + _START_PATIENCE
    while True:
        starting = _node(home) is None and lock_owner(home.lock) is not None
        try:
            return settings(home, config)
        except GatewaySettingsError:
            if not starting or time.monotonic() > deadline:
                raise
        time.sleep(0.3)


@contextmanager
def _store(home: LuyaHome, config: Path | None) -> Iterator[CallerStore]:
    store = CallerStore(_without_nodes(home, config).store)
    try:
        yield store
    finally:
        store.close()


def create(home: LuyaHome, config: Path | None, asked: dict[str, Any]) -> dict[str, Any]:
    """Makes an entry; its token is in the answer and nowhere else."""
    with _store(home, config) as store:
        entry, token = store.create(Grant(**asked))
    return asdict(entry) | {"token": token if token is not None else entry.token}


def list_all(home: LuyaHome, config: Path | None) -> dict[str, Any]:
    """All entries, without what is kept of their tokens."""
    with _store(home, config) as store:
        return {"callers": [asdict(entry) for entry in store.entries()]}


def revoke(home: LuyaHome, config: Path | None, identifier: str) -> dict[str, Any]:
    """Revokes one."""
    with _store(home, config) as store:
        return asdict(store.revoke(identifier))


def verify_audit(home: LuyaHome, config: Path | None) -> dict[str, Any]:
    """Checks the audit log's chain of lines."""
    folder = _without_nodes(home, config).audit
    return {"folder": str(folder), **audit.verify(folder)}


def serve(
    home: LuyaHome, config: Path | None, asked: dict[str, Any], ready: Path | None, *, quiet: bool
) -> dict[str, Any]:
    """Runs the door until SIGINT or SIGTERM.

    Raises:
        GatewaySettingsError: aiohttp is missing, or the settings do not do.
    """
    try:
        from chain_node.gateway.server import OpenDoor as Door
        from chain_node.gateway.server import serve as run
    except ImportError as error:
        raise GatewaySettingsError(f"the gateway needs aiohttp ({error}): pip install 'luya[gateway]'") from None
    changes = {name: value for name, value in asked.items() if value is not None}
    found = replace(_settings_of_a_start(home, config), **changes)
    logs.configure(service="gateway")

    def opened(door: Door) -> None:
        if ready is not None:
            value = {"url": door.url, "metrics_url": door.metrics_url, "pid": os.getpid()}
            write_atomic(ready, json.dumps(value).encode())
        if not quiet:
            tell(f"[bold]网关已开 The door is open[/bold]  {door.url}  chain {found.chain_id}")
            tell(f"  节点 nodes   {', '.join(node.name for node in found.nodes)}")
            tell(f"  指标 metrics {door.metrics_url or '-'}")
            tell("按 Ctrl-C 停止。Ctrl-C closes it.")

    def whereabouts() -> tuple[UpstreamSettings, ...]:
        try:
            return settings(home, config).nodes
        except NodeError:
            return ()  # between two runs of the node nobody knows

    async def until_stopped() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        await run(found, stop, opened, whereabouts)

    _runner()(until_stopped())
    return {"stopped": True}


def _runner() -> Any:
    """uvloop's where there is one: half the time per call."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run
    return uvloop.run
