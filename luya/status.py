"""`luya status`: what a home holds and what runs on it; works with nothing running."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from rich.table import Table

from api.errors import ApiError
from api.projection.projector import Projector
from api.store.database import writer
from chain_node.archive.reader import ArchiveReader
from chain_node.contracts import Ledger
from chain_node.engine.base import Finality
from chain_node.errors import NodeError
from chain_node.home import Running
from chain_node.jsonrpc import JsonRpc
from chain_node.manifest import Manifest
from luya.console import story
from luya.home import Home


def run(home: Home, *, quiet: bool) -> dict[str, Any]:
    """The home's state, each part for itself: a broken one does not hide the others."""
    archive = ArchiveReader(home.archive)
    value: dict[str, Any] = {"home": str(home.root), "deployed": home.manifest.exists()}
    if value["deployed"]:
        manifest = Manifest.load(home.manifest)
        value |= {
            "network": manifest.network,
            "origin": manifest.origin,
            "chain_id": manifest.chain_id,
            "log_key": manifest.log_key,
            "addresses": {name: getattr(manifest, name) for name in ("ledger", "law", "views", "authority")},
            "roles": manifest.roles,
        }
        checkpoint = archive.checkpoint()
        if checkpoint is not None:
            value |= {"log_size": checkpoint.size, "log_root": checkpoint.root.hex()}
        value["processes"] = _processes(home)
        value["chain"] = _chain(home, manifest)
        value["lag"] = _lag(home, archive.size, value["chain"])
        value["queues"] = _queues(home)
    if not quiet:
        _show(value)
    return value


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _processes(home: Home) -> dict[str, Any]:
    found: dict[str, Any] = {}
    running = Running.read(home)
    if running is not None and _alive(running.pid):
        found["node"] = {"pid": running.pid, "engine": running.engine, "rpc_url": running.rpc_url}
    try:
        api = json.loads(home.api.read_text("utf-8"))
        if _alive(int(api["pid"])):
            found["api"] = api
    except (OSError, ValueError, KeyError):
        pass  # no API says that it runs: that is an answer too
    return found


def _chain(home: Home, manifest: Manifest) -> dict[str, Any]:
    running = Running.read(home)
    if running is None or not _alive(running.pid):
        return {"running": False}
    try:
        with JsonRpc(running.rpc_url) as rpc:
            final = Finality.parse(running.finality).height(rpc)
            head = int(rpc.call("eth_blockNumber"), 16)
            size = Ledger(rpc, manifest.ledger_address).log_size()
    except NodeError as error:
        return {"running": True, "problem": str(error)}
    return {"running": True, "head": head, "final": final, "log_size": size}


def _lag(home: Home, archived: int, chain: dict[str, Any]) -> dict[str, int | str]:
    lag: dict[str, int | str] = {}
    if "log_size" in chain:
        lag["archive"] = chain["log_size"] - archived
    engine = writer(home.read_model)
    try:
        lag["read_model"] = archived - Projector(engine, ArchiveReader(home.archive)).size()
    except (ApiError, OSError) as error:
        lag["read_model"] = str(error)
    except Exception as error:  # a database that was never migrated, or is away: say so instead of failing
        lag["read_model"] = f"{type(error).__name__}: no read model yet"
    finally:
        engine.dispose()
    return lag


def _queues(home: Home) -> dict[str, int]:
    """What waits: signed transactions by sender, records by feed."""
    queues: dict[str, int] = {}
    for path in sorted(home.outbox.glob("*.sqlite")):
        queues[f"outbox/{path.stem}"] = _count(path, "SELECT count(*) FROM outbox WHERE state = 0")
    for path in sorted(home.oracle.glob("*/journal.db")):
        waiting = "SELECT count(*) FROM record WHERE state IN ('accepted', 'signed')"
        queues[f"oracle/{path.parent.name}"] = _count(path, waiting)
    return queues


def _count(path: Path, query: str) -> int:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        return int(db.execute(query).fetchone()[0])


def _show(value: dict[str, Any]) -> None:
    table = Table(show_header=False, box=None)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")  # a key that is cut cannot be copied
    for name, shown in value.items():
        table.add_row(name, json.dumps(shown, ensure_ascii=False, indent=1) if isinstance(shown, dict) else str(shown))
    story.print(table)
    if not value["deployed"]:
        story.print("这里还没有账本。Nothing is deployed here yet: run `luya up`, or `luya demo`.")
