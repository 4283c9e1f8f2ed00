"""The durable engine: `luyad`, our node on CometBFT, as one validator of its own; every block is final and on disk.

What it needs around it is here: keys, genesis and configuration at the first start; ports; waiting until it makes
blocks; a clean stop; and mending what a crash in the middle of a commit leaves behind. A chain that is there is never
begun anew, whatever happened: `fresh` is true only where there was none.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from chain_node.engine import comet
from chain_node.engine.base import (
    Capabilities,
    EngineOrder,
    Finality,
    Limits,
    NodeIdentity,
    PlanMaker,
    Progress,
    StorageOrder,
    no_progress,
)
from chain_node.engine.build import find_luyad
from chain_node.engine.local import LocalEngine
from chain_node.engine.process import Child, free_ports, is_free, tail
from chain_node.errors import EngineError, NodeError, RuntimeMissing
from chain_node.rpc.client import JsonRpc
from chain_node.storage.durable import fsync_dir, make_dir, write_atomic

PORT_NAMES: Final = ("p2p", "rpc", "proxy", "json-rpc", "ws", "metrics")
LIMITS: Final = Limits(max_tx_gas=80_000_000, max_records=1_000, max_in_flight=500, lone_first=True)

_START_ATTEMPTS: Final = 4
_START_PATIENCE: Final = 90.0
_STOP_PATIENCE: Final = 60.0
_TOOL_PATIENCE: Final = 300.0
_TORN: Final = ("version does not exist", "failed to load latest version")
"""What luyad says after a kill in mid-commit: one step back, and the block is made again from CometBFT's store."""
TORN_MENDED: Final = "a commit that a crash had torn: one block was taken back and made again"
_PORT_TAKEN: Final = "address already in use"


@dataclass(frozen=True, slots=True)
class LuyadSettings:
    """How the durable engine runs.

    Attributes:
        chain_id: EIP-155 chain id; CometBFT's is `luya-<it>`.
        plan: the genesis plan of a new chain.
        block_time: seconds that CometBFT waits after a commit.
        port: first of six in a row (p2p, CometBFT's RPC, ABCI, JSON-RPC, WebSocket, metrics); 0 takes free ones, and
            keeps to them.
        binary: a luyad to use instead of the built one.
        moniker: the node's name in logs.
        wipe: begin a new chain, whatever is there; the old one is set aside.
    """

    chain_id: int
    plan: PlanMaker
    block_time: float = 1.0
    port: int = 0
    binary: Path | None = None
    moniker: str = "luya"
    wipe: bool = False


class LuyadEngine(LocalEngine):
    """One luyad validator on a folder of its own.

    Args:
        folder: holds the node's home (`node/`), the genesis plan, logs.
        settings: see `LuyadSettings`.
        progress: told of what takes time.
    """

    name = "luyad"
    finality = Finality("latest")
    limits = LIMITS

    def __init__(self, folder: Path, settings: LuyadSettings, *, progress: Progress = no_progress) -> None:
        super().__init__(folder, settings.chain_id, progress)
        self._settings = settings
        self._home = folder / "node"
        self._log = folder / "luyad.log"
        self._ports: dict[str, int] = {}

    @property
    def ports(self) -> dict[str, int]:
        """Where it listens, by the names of `PORT_NAMES`; empty before the first start."""
        return dict(self._ports)

    @property
    def log(self) -> Path:
        """What luyad says."""
        return self._log

    def stop(self) -> None:
        """See `Engine`."""
        if self._lock is None:
            return
        try:
            self._halt(signal.SIGTERM)
        finally:
            self._let_go()

    def backup(self, folder: Path) -> None:
        """See `Engine`: a running chain is stopped for the copy, and started again.

        The copy holds the validator's key: of copy and original only one may ever run.
        """
        if folder.exists() and any(folder.iterdir()):
            raise EngineError(f"{folder} is not empty: give the backup a folder of its own")
        running = self._child is not None
        if running:
            self._halt(signal.SIGTERM)
        elif self._lock is None:
            self._take()
        try:
            self._copy(folder)
        finally:
            if running:
                self._launch(self._binary())
            else:
                self._let_go()

    @property
    def _genesis(self) -> Path:
        return self._home / "config" / "genesis.json"

    @property
    def _ports_file(self) -> Path:
        return self._folder / "ports.json"

    def _binary(self) -> Path:
        binary = self._settings.binary or find_luyad()
        if binary is None:
            raise RuntimeMissing("luyad is not built on this machine: run `luya engine build` (once, about 6 minutes)")
        return binary

    def _begin(self, binary: Path) -> None:
        if self._settings.wipe:
            self._set_aside()
        self._fresh = not self._genesis.exists()
        if self._fresh:
            self._found(binary)
        self._check_chain()
        self._launch(binary)

    def _patience(self) -> float:
        return _STOP_PATIENCE

    def _said(self) -> str:
        return f": {last_words(self._log)}"

    def _found(self, binary: Path) -> None:
        """Keys and genesis of a new chain; the genesis comes last, so an interrupted beginning is begun again."""
        self._progress("making a new chain", 0, 3)
        shutil.rmtree(self._home, ignore_errors=True)  # of a beginning that was interrupted: nothing was signed yet
        made_keys = _json(self._tool(binary, "init", "--moniker", self._settings.moniker))
        identity = NodeIdentity(str(made_keys["node_id"]), str(made_keys["validator_key"]))
        self._progress("making a new chain", 1, 3)
        plan, made = self._folder / "plan.json", self._folder / "genesis.json"
        write_atomic(plan, json.dumps(self._settings.plan(identity), indent=1).encode() + b"\n")
        self._tool(binary, "genesis", "--plan", str(plan), "--out", str(made), home=False)
        self._progress("making a new chain", 2, 3)
        write_atomic(self._genesis, made.read_bytes())
        self._progress("making a new chain", 3, 3)

    def _set_aside(self) -> None:
        """The old chain is kept, once, for whoever wants to look; its validator's key is never used again."""
        if self._home.exists():
            aside = self._folder / "node.replaced"
            shutil.rmtree(aside, ignore_errors=True)
            os.replace(self._home, aside)
            fsync_dir(self._folder)

    def _check_chain(self) -> None:
        """The folder's chain is the one that is wanted."""
        try:
            found = json.loads(self._genesis.read_bytes())["chain_id"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise EngineError(f"{self._genesis} cannot be read ({error}): restore the chain's folder") from error
        wanted = f"luya-{self._settings.chain_id}"
        if found != wanted:
            raise EngineError(f"{self._folder} holds the chain {found}, not {wanted}: check the home")

    def _launch(self, binary: Path) -> None:
        """Starts it until it makes blocks; a torn commit is stepped back, a port taken meanwhile is changed."""
        self.mended = ""
        for _ in range(_START_ATTEMPTS):
            self._configure(binary)
            self._child = Child([str(binary), "start", "--home", str(self._home)], self._log)
            self._rpc = JsonRpc(f"http://127.0.0.1:{self._ports['json-rpc']}")
            if self._makes_blocks(self._child):
                return
            self._halt(signal.SIGKILL)
            said = tail(self._log, 20_000)
            if is_torn(said) and not self.mended:
                self._progress("mending the chain after a crash (one block back)", 0, 0)
                self._tool(binary, "rollback")
                self.mended = TORN_MENDED
            elif _PORT_TAKEN in said and not self._settings.port:
                self._ports_file.unlink(missing_ok=True)
                self._ports = {}
            else:
                break
        raise EngineError(f"luyad did not start ({self._log}); what it said last: {last_words(self._log)}")

    def _configure(self, binary: Path) -> None:
        base = self._settings.port
        if base:
            self._ports = {name: base + at for at, name in enumerate(PORT_NAMES)}
            taken = [str(port) for port in self._ports.values() if not is_free(port)]
            if taken:
                raise EngineError(
                    f"luyad cannot start: port {', '.join(taken)} is in use; choose another first port (it takes "
                    f"{len(PORT_NAMES)} in a row), or 0 for free ones"
                )
        else:
            self._choose_ports()
        listen = [part for name, port in self._ports.items() for part in (f"--{name}", f"127.0.0.1:{port}")]
        chain = ["--evm-chain-id", str(self._settings.chain_id), "--moniker", self._settings.moniker]
        pace = ["--timeout-commit", f"{round(self._settings.block_time * 1000)}ms"]
        self._tool(binary, "configure", *listen, *chain, *pace)

    def _choose_ports(self) -> None:
        """The last start's where they are free: whoever was told where the engine listens finds it there again."""
        if not self._ports:
            with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
                kept = json.loads(self._ports_file.read_bytes())
                self._ports = {name: int(kept[name]) for name in PORT_NAMES}
        if not self._ports or not all(is_free(port) for port in self._ports.values()):
            self._ports = dict(zip(PORT_NAMES, free_ports(len(PORT_NAMES)), strict=True))
            write_atomic(self._ports_file, json.dumps(self._ports).encode() + b"\n")

    def _makes_blocks(self, child: Child) -> bool:
        """A block after those that were there: then what a crash left behind has been played again, and it goes on."""
        deadline = time.monotonic() + _START_PATIENCE + 10 * self._settings.block_time
        first: int | None = None
        while time.monotonic() < deadline:
            if child.exit_code is not None:
                return False
            if self.ready():
                assert self._rpc is not None
                try:
                    head = int(self._rpc.call("eth_blockNumber"), 16)
                except NodeError:
                    head = -1
                first = head if first is None and head >= 0 else first
                if first is not None and head > first:
                    return True
            time.sleep(0.05)
        return False

    def _copy(self, folder: Path) -> None:
        for name in ("node", "plan.json", "genesis.json"):
            source = self._folder / name
            if source.is_dir():
                shutil.copytree(source, folder / name)
            elif source.exists():
                make_dir(folder)
                shutil.copy2(source, folder / name)
        if not (folder / "node").exists():
            raise EngineError(f"there is no chain in {self._folder}")
        os.sync()

    def _tool(self, binary: Path, command: str, *arguments: str, home: bool = True) -> str:
        """Runs a command of luyad to its end; returns what it printed.

        Raises:
            EngineError: it failed; the text holds what it said.
        """
        where: Sequence[str] = ("--home", str(self._home)) if home else ()
        try:
            done = subprocess.run(
                [str(binary), command, *where, *arguments],
                capture_output=True,
                text=True,
                stdin=subprocess.DEVNULL,
                timeout=_TOOL_PATIENCE,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise EngineError(f"`luyad {command}` cannot be run: {error}") from error
        if done.returncode != 0:
            said = (done.stderr.strip() or done.stdout.strip())[-800:]
            raise EngineError(f"`luyad {command}` failed (exit {done.returncode}): {said}")
        return done.stdout


def _make(order: EngineOrder) -> LuyadEngine:
    settings = LuyadSettings(order.chain_id, order.plan, block_time=order.block_time, port=order.port, wipe=order.wipe)
    return LuyadEngine(order.folder / LuyadEngine.name, settings, progress=order.progress)


def _list_storage(order: StorageOrder) -> dict[bytes, int] | None:
    url = order.comet_url or comet.address(order.folder / LuyadEngine.name)
    return comet.storage(url, order.chain_id, order.contract, order.about) if url else None


CAPABILITIES: Final = Capabilities(
    LuyadEngine.name,
    owned=True,
    keeps_chain=True,
    instant_finality=True,
    mends_itself=True,
    consortium=True,
    limits=LIMITS,
    available=lambda: find_luyad() is not None,
    make=_make,
    list_storage=_list_storage,
)


def is_torn(said: str) -> bool:
    """The log of a start after a crash in mid-commit: `luyad rollback` mends it, one block is made again."""
    return any(sign in said for sign in _TORN)


def last_words(log: Path) -> str:
    """Why luyad has ended, as far as its log tells: a panic, its error, else its last message."""
    said = ""
    for line in tail(log, 20_000).splitlines():
        text = line.strip()
        if text.startswith(("panic:", "Error:", "fatal error:", "prctl failed", "parent is gone")):
            return text[:600]
        try:
            entry = json.loads(text)
            said = " ".join(str(entry[name]) for name in ("message", "err", "error") if name in entry)
        except (ValueError, TypeError):
            said = text or said
    return said[:600] or "nothing"


def _json(text: str) -> dict[str, Any]:
    try:
        value: dict[str, Any] = json.loads(text.strip().splitlines()[-1])
    except (ValueError, IndexError) as error:
        raise EngineError(f"luyad's answer is not JSON: {text[-200:]!r}") from error
    return value
