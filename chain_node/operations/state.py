"""How a home's node is, seen from outside: who runs, whether it answers, what its chain says, what waits to be sent."""

from __future__ import annotations

import sqlite3
import time
from contextlib import suppress
from typing import Any, Final

from chain_node.contracts.handles import LuyaLedger
from chain_node.deployment.manifest import Manifest
from chain_node.engine.base import Finality, Progress
from chain_node.errors import EngineError, LockError, NodeError
from chain_node.node.home import Home, RunningNode
from chain_node.rpc.client import JsonRpc
from chain_node.rpc.failover import connect
from chain_node.sending import outbox
from chain_node.storage.durable import FileLock, lock_holder
from chain_node.supervisor.measure import alive

PATIENCE: Final = 8.0
"""Seconds for a node that has this home and does not answer: it starts, ends, or hangs."""
_ASK: Final = 2.0
_ANSWER: Final = 5.0


def running_node(home: Home) -> RunningNode | None:
    """The node that runs on this home; None where none does."""
    running = RunningNode.read(home)
    return running if running is not None and alive(running.pid) else None


def chain_state(home: Home, manifest: Manifest) -> dict[str, Any]:
    """`running`, and with it either `problem`, or heights, the newest block's time and the log's size there."""
    running = running_node(home)
    if running is None:
        return {"running": False}
    try:
        with connect(running.rpc_urls, timeout=_ANSWER) as rpc:
            final = Finality.parse(running.finality).height(rpc)
            block = rpc.call("eth_getBlockByNumber", "latest", False)
            head, head_time = int(block["number"], 16), int(block["timestamp"], 16)
            size = LuyaLedger(rpc, manifest.ledger_address).log_size()
    except NodeError as error:
        return {"running": True, "problem": str(error)}
    return {"running": True, "head": head, "final": final, "head_time": head_time, "log_size": size}


def waiting_transactions(home: Home) -> dict[str, int | str]:
    """Signed and not final, by sender; why it cannot be told, where it cannot (a disk without any room, say)."""
    found: dict[str, int | str] = {}
    for path in sorted(home.outbox.glob("*.sqlite")):
        try:
            found[path.stem] = outbox.waiting(path)
        except sqlite3.Error as error:
            found[path.stem] = str(error)
    return found


def must_answer(home: Home, progress: Progress) -> None:
    """Whoever has this home has an engine that answers. A node that starts or ends is waited for a while.

    Raises:
        EngineError: it does not; archive and read model can still be looked at.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            FileLock(home.lock, "this home").release()
            return  # nobody has it: it is ours to open
        except LockError as error:
            held = str(error)
        running = RunningNode.read(home)
        if running is not None and running.pid == lock_holder(home.lock):
            with suppress(NodeError), JsonRpc(running.rpc_url, timeout=_ASK) as rpc:
                rpc.call("eth_chainId")
                return
        if time.monotonic() > deadline:
            raise EngineError(f"no answer within {PATIENCE:.0f} s: {held}")
        progress("waiting for the node that has this home", 0, 0)
        time.sleep(0.2)
