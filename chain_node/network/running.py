"""A network's nodes on this machine: starting and ending them, and what they say of the network."""

from __future__ import annotations

import base64
import contextlib
import json
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from chain_node.engine.luyad import TORN_MENDED, is_torn
from chain_node.engine.process import Child, is_free, tail
from chain_node.errors import NetworkError, NodeError, PortInUse
from chain_node.network.folders import OrganisationFolder
from chain_node.network.founding import configure
from chain_node.network.tool import Luyad
from chain_node.rpc.client import JsonRpc
from chain_node.storage.durable import FileLock

_START_PATIENCE: Final = 60.0
_STOP_PATIENCE: Final = 60.0


class OrganisationNode:
    """An organisation's node as a child of this process.

    Args:
        folder: the organisation's.
        luyad: the program.
    """

    def __init__(self, folder: OrganisationFolder, luyad: Luyad) -> None:
        self.folder = folder
        self._luyad = luyad
        self._settings = folder.settings()
        self._lock: FileLock | None = None
        self._child: Child | None = None
        self.mended = ""
        """What the last start found broken and mended; "" when nothing was."""

    @property
    def rpc_url(self) -> str:
        """Its JSON-RPC."""
        return self._settings.rpc_url

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._child.pid if self._child and self._child.exit_code is None else None

    def start(self) -> None:
        """Start it and wait until it answers; it makes blocks once enough of the others are there.

        Raises:
            NetworkError: it did not start.
            PortInUse: somebody listens on one of its ports.
        """
        if self._child is not None and self._child.exit_code is None:
            return
        for name in ("p2p", "rpc", "json-rpc", "ws", "metrics"):
            port = int(self._settings.address(name).rpartition(":")[2])
            if not is_free(port):
                raise PortInUse(port)
        self._lock = self._lock or FileLock(self.folder.root / "lock", "the organisation's node")
        try:
            self._launch()
        except BaseException:
            self.stop(signal.SIGKILL)
            raise

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it; idempotent."""
        if self._child is not None:
            self._child.end(how, _STOP_PATIENCE)
            self._child = None
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _launch(self) -> None:
        configure(self.folder, self._luyad)
        self.mended = ""
        for attempt in (0, 1):
            self._child = Child(self._luyad.start_command(self.folder.node), self.folder.log)
            if self._answers(self._child):
                return
            said = tail(self.folder.log, 20_000)
            self._child.end(signal.SIGKILL, _STOP_PATIENCE)
            if attempt == 0 and is_torn(said):
                self._luyad.roll_back(self.folder.node)
                self.mended = TORN_MENDED
                continue
            raise NetworkError(f"{self.folder.root.name}: luyad did not start; {self.folder.log} ends: {said[-600:]}")

    def _answers(self, child: Child) -> bool:
        deadline = time.monotonic() + _START_PATIENCE
        with JsonRpc(self.rpc_url, timeout=5) as rpc:
            while time.monotonic() < deadline and child.exit_code is None:
                with contextlib.suppress(NodeError):
                    rpc.call("eth_chainId")
                    return True
                time.sleep(0.1)
        return False


@dataclass(frozen=True, slots=True)
class NodeState:
    """What a node says of itself.

    Attributes:
        organisation: whose it is.
        name: the organisation's.
        ok: it answers and its chain grows (or grew less than `STALE` seconds ago).
        height: its newest block, -1 when it does not answer.
        block_time: that block's, Unix seconds.
        catching_up: it is behind and knows it.
        peers: how many it is connected to.
        power: its validator's weight now, 0 for none.
        detail: why it is not ok, else "".
    """

    organisation: int
    name: str
    ok: bool
    height: int
    block_time: int
    catching_up: bool
    peers: int
    power: int
    detail: str


STALE: Final = 60.0
"""Seconds without a block after which a node is not ok."""


def node_state(folder: OrganisationFolder, *, timeout: float = 3.0) -> NodeState:
    """Asks a node on this machine."""
    part, url = folder.part(), folder.settings().comet_url
    try:
        status = _get(f"{url}/status", timeout)["result"]
        peers = int(_get(f"{url}/net_info", timeout)["result"]["n_peers"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        return NodeState(part.organisation, part.name, False, -1, 0, False, 0, 0, f"does not answer at {url}: {error}")
    sync = status["sync_info"]
    height, block_time = int(sync["latest_block_height"]), _seconds(str(sync["latest_block_time"]))
    age = time.time() - block_time
    detail = ""
    if sync["catching_up"]:
        detail = "catching up"
    elif age > STALE:
        detail = f"no block for {age:.0f} s: too few of the validators are reachable"
    own, power = status["validator_info"], int(status["validator_info"]["voting_power"])
    key = base64.b64decode(own["pub_key"]["value"]).hex()
    if not detail and not power and key != part.validator_key:
        detail = f"signs with the key {key}, which nobody has voted in; {folder.public_file} names {part.validator_key}"
    return NodeState(
        part.organisation, part.name, not detail, height, block_time, bool(sync["catching_up"]), peers, power, detail
    )


def validators_in_force(folder: OrganisationFolder, *, timeout: float = 3.0) -> dict[bytes, int] | None:
    """The set that makes blocks now, key → weight, as CometBFT has it; None where the node does not answer."""
    url = folder.settings().comet_url
    try:
        found = _get(f"{url}/validators?per_page=100", timeout)["result"]["validators"]
        return {base64.b64decode(one["pub_key"]["value"]): int(one["voting_power"]) for one in found}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def start_all(folders: Sequence[OrganisationFolder], luyad: Luyad) -> list[OrganisationNode]:
    """Start these nodes; all end again where one does not start."""
    nodes = [OrganisationNode(folder, luyad) for folder in folders]
    try:
        for node in nodes:
            node.start()
    except BaseException:
        for node in nodes:
            node.stop()
        raise
    return nodes


def _get(url: str, timeout: float) -> dict[str, Any]:
    try:
        with urllib.request.urlopen(url, timeout=timeout) as answer:  # noqa: S310  # loopback, by our own settings
            value: dict[str, Any] = json.load(answer)
            return value
    except urllib.error.URLError as error:
        raise OSError(str(error.reason)) from error


def _seconds(text: str) -> int:
    """Unix seconds of CometBFT's RFC 3339 time (nanoseconds, UTC)."""
    from datetime import UTC, datetime

    return int(datetime.strptime(text[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC).timestamp())
