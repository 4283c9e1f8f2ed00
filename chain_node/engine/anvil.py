"""The embedded engine: Foundry's anvil, started as the platform's binary itself.

What it does not do by itself, and this module does: it never outlives the process that started it (parent-death
signal), a Ctrl-C in the terminal does not hit it before we stop it (own process group), and its state file, which it
rewrites in place without fsync, is trusted only when a clean stop has been recorded beside it with its digest. In all
other cases `fresh` is true and the node rebuilds the ledger from the archive.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import platform
import shutil
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from chain_node.engine.base import Capabilities, EngineOrder, Finality, Limits, Progress, StorageOrder, no_progress
from chain_node.engine.local import LocalEngine
from chain_node.engine.npm import ensure_runtime
from chain_node.engine.process import Child, free_ports, is_free, tail
from chain_node.errors import EngineError, NodeError, RuntimeMissing
from chain_node.rpc.client import JsonRpc, to_bytes
from chain_node.storage.durable import fsync_dir, make_dir, write_atomic

_START_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class AnvilSettings:
    """How the embedded engine runs.

    Attributes:
        chain_id: EIP-155 chain id.
        block_time: seconds between blocks, a fraction too; interval mining is steadier than automine.
        block_gas: gas limit of a block.
        port: 0 chooses a free one.
        keep_blocks: blocks whose transactions stay in memory (0 = all); the archive holds what they did.
        binary: an anvil to use instead of the installed one.
        wipe: begin with an empty chain, whatever is there.
    """

    chain_id: int
    block_time: float = 1.0
    block_gas: int = 4_000_000_000
    port: int = 0
    keep_blocks: int = 0
    binary: Path | None = None
    wipe: bool = False


class AnvilEngine(LocalEngine):
    """anvil on a folder of its own.

    Args:
        folder: holds `state.json`, the record of a clean stop, the log.
        settings: see `AnvilSettings`.
        progress: told about the installation.
    """

    name = "anvil"
    finality = Finality("latest")
    limits = Limits()

    def __init__(self, folder: Path, settings: AnvilSettings, *, progress: Progress = no_progress) -> None:
        super().__init__(folder, settings.chain_id, progress)
        self._settings = settings
        self._state = folder / "state.json"
        self._clean = folder / "clean-stop.json"

    def stop(self) -> None:
        """See `Engine`. Afterwards the state is on disk, and recorded as cleanly stopped."""
        if self._lock is None:
            return
        try:
            ended_by_itself = self._child is None or self._child.exit_code is not None
            code = self._halt(signal.SIGINT)
            if not ended_by_itself and code == 0 and _whole(self._state):
                self._record_clean_stop()
        finally:
            self._let_go()

    def backup(self, folder: Path) -> None:
        """See `Engine`."""
        if self._lock is not None:
            raise EngineError("anvil writes its state only when it stops: stop it, then back it up")
        make_dir(folder)
        for path in (self._state, self._clean):
            if path.exists():
                shutil.copy2(path, folder / path.name)

    def _binary(self) -> Path:
        return self._settings.binary or anvil_binary(ensure_runtime(self._progress))

    def _begin(self, binary: Path) -> None:
        self._fresh = self._settings.wipe or not self._trusted()
        # From here on the state counts as dirty until the next clean stop, whatever happens to us.
        self._clean.unlink(missing_ok=True)
        fsync_dir(self._folder)
        if self._fresh:
            self._set_aside()
        self._launch(binary)

    def _patience(self) -> float:
        return 60 + 2 * self._state_seconds()

    def _trusted(self) -> bool:
        """The state file is the one that a clean stop of this chain recorded."""
        try:
            record = json.loads(self._clean.read_bytes())
            expected = (record["chain_id"], record["size"], record["sha256"])
            return expected == (self._settings.chain_id, self._state.stat().st_size, _digest(self._state))
        except (OSError, ValueError, KeyError, TypeError):
            return False

    def _set_aside(self) -> None:
        """What cannot be trusted is kept, once, for whoever wants to look."""
        if self._state.exists():
            os.replace(self._state, self._state.with_suffix(".untrusted"))
            fsync_dir(self._folder)

    def _record_clean_stop(self) -> None:
        handle = os.open(self._state, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        record = {
            "chain_id": self._settings.chain_id,
            "size": self._state.stat().st_size,
            "sha256": _digest(self._state),
        }
        write_atomic(self._clean, json.dumps(record, indent=1).encode() + b"\n")

    def _launch(self, binary: Path) -> None:
        detail = ""
        if self._settings.port and not is_free(self._settings.port):
            raise EngineError(
                f"anvil cannot start: port {self._settings.port} is in use; choose another, or 0 for a free one"
            )
        for _ in range(_START_ATTEMPTS):
            port = self._settings.port or free_ports(1)[0]
            child = Child(self._arguments(binary, port), self._folder / "anvil.log")
            self._child, self._rpc = child, JsonRpc(f"http://127.0.0.1:{port}")
            if self._await_ready(child):
                return
            self._halt(signal.SIGKILL)
            # the port may have been taken in the instant before anvil bound it: try again
            detail = tail(self._folder / "anvil.log")
        raise EngineError(f"anvil did not start; what it said: {detail or 'nothing'}")

    def _await_ready(self, child: Child) -> bool:
        deadline = time.monotonic() + 60 + self._state_seconds()
        while time.monotonic() < deadline:
            if child.exit_code is not None:
                return False
            if self.ready():
                return True
            time.sleep(0.02)
        return False

    def _state_seconds(self) -> float:
        """Time allowed for loading the state: 1 s a megabyte is generous."""
        return self._state.stat().st_size / 1e6 if self._state.exists() else 0.0

    def _arguments(self, binary: Path, port: int) -> list[str]:
        settings = self._settings
        arguments = [str(binary), "--host", "127.0.0.1", "--port", str(port), "--chain-id", str(settings.chain_id)]
        arguments += [
            "--block-time",
            f"{settings.block_time:g}",
            "--gas-limit",
            str(settings.block_gas),
            "--hardfork",
            "cancun",
        ]
        arguments += ["--gas-price", "0", "--base-fee", "0", "--no-priority-fee", "--accounts", "0", "--order", "fifo"]
        # A few past states, so that a read of 'latest' which a new block overtakes still finds its own; not all.
        arguments += ["--prune-history", "8", "--quiet", "--color", "never", "--no-cors", "--no-request-size-limit"]
        arguments += ["--disable-default-create2-deployer", "--disable-console-log", "--state", str(self._state)]
        if settings.keep_blocks:
            arguments += ["--transaction-block-keeper", str(settings.keep_blocks)]
        return arguments


def _make(order: EngineOrder) -> AnvilEngine:
    settings = AnvilSettings(
        order.chain_id,
        block_time=order.block_time,
        port=order.port,
        keep_blocks=order.keep_blocks,
        wipe=order.wipe,
    )
    return AnvilEngine(order.folder, settings, progress=order.progress)


def _list_storage(order: StorageOrder) -> dict[bytes, int] | None:
    try:
        answer = order.rpc.call("anvil_dumpState")
    except NodeError:
        return None
    accounts: dict[str, Any] = json.loads(gzip.decompress(to_bytes(answer)))["accounts"]
    for address, account in accounts.items():
        if to_bytes(address) == order.contract:
            words = {int(key, 16).to_bytes(32, "big"): int(value, 16) for key, value in account["storage"].items()}
            return {slot: value for slot, value in words.items() if value}
    return {}


CAPABILITIES: Final = Capabilities(
    AnvilEngine.name,
    owned=True,
    keeps_chain=False,
    instant_finality=True,
    mends_itself=False,
    consortium=False,
    limits=AnvilEngine.limits,
    available=lambda: True,
    make=_make,
    list_storage=_list_storage,
)


def anvil_binary(runtime: Path) -> Path:
    """The platform package's binary under an installed runtime.

    Raises:
        RuntimeMissing: there is none for this platform.
    """
    names = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
    machine = names.get(platform.machine().lower())
    name = f"anvil-{platform.system().lower()}-{machine}"
    binary = runtime / "node_modules" / "@foundry-rs" / name / "bin" / "anvil"
    if not binary.exists():
        raise RuntimeMissing(
            f"there is no embedded engine for this platform ({platform.system()} {platform.machine()}): "
            "run one elsewhere and use the `rpc` engine with its address"
        )
    if not os.access(binary, os.X_OK):
        binary.chmod(0o755)
    return binary


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _whole(path: Path) -> bool:
    """The state is a JSON object from its first to its last byte, as far as that can be seen without parsing it."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(1)
            file.seek(max(0, size - 64))
            return start == b"{" and file.read().rstrip().endswith(b"}")
    except OSError:
        return False
