"""Engines: one conformance suite for both, and what anvil needs around it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chain_node.engine import npm
from chain_node.engine.anvil import AnvilEngine, AnvilSettings
from chain_node.engine.base import Engine, Finality
from chain_node.engine.rpc import RpcEngine
from chain_node.errors import EngineError, LockError, RpcUnavailable, RuntimeMissing
from chain_node.rpc.client import JsonRpc
from chain_node.supervisor.measure import alive

CHAIN = 7_000_000_123
FAST = AnvilSettings(chain_id=CHAIN, block_time=0.1)


@pytest.fixture(params=["anvil", "rpc"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    anvil = AnvilEngine(tmp_path, FAST)
    if request.param == "anvil":
        yield anvil
        anvil.stop()
        return
    anvil.start()
    reached = RpcEngine(anvil.rpc_urls, Finality.parse("confirmations:2"), chain_id=CHAIN)
    yield reached
    reached.stop()
    anvil.stop()


def test_conformance(engine: Engine) -> None:
    assert not engine.ready()
    assert not engine.health().ok
    engine.start()
    engine.start()
    assert engine.ready()
    assert engine.limits.max_tx_gas <= 2**24
    assert engine.limits.max_records == 200
    with JsonRpc(engine.rpc_url) as rpc:
        deadline = time.monotonic() + 5
        while int(rpc.call("eth_blockNumber"), 16) < 4 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert int(rpc.call("eth_chainId"), 16) == CHAIN
        health = engine.health()
        assert health.ok
        assert health.head >= 4
        expected = health.head - engine.finality.confirmations
        assert expected - 1 <= health.final <= expected + 1
        assert engine.finality.height(rpc) >= health.final
    engine.stop()
    engine.stop()
    assert not engine.ready()


def test_state_survives_a_clean_stop_only(tmp_path: Path) -> None:
    marked = "0x" + "11" * 20

    def start() -> tuple[AnvilEngine, JsonRpc]:
        engine = AnvilEngine(tmp_path, FAST)
        engine.start()
        return engine, JsonRpc(engine.rpc_url)

    engine, rpc = start()
    assert engine.fresh
    rpc.call("anvil_setBalance", marked, "0x7")
    rpc.close()
    engine.stop()

    engine, rpc = start()
    assert not engine.fresh
    assert rpc.call("eth_getBalance", marked, "latest") == "0x7"
    rpc.close()
    assert engine.pid is not None
    os.kill(engine.pid, signal.SIGKILL)
    deadline = time.monotonic() + 5
    while engine.ready() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert "has ended" in engine.health().detail
    engine.stop()

    engine, rpc = start()
    assert engine.fresh
    assert rpc.call("eth_getBalance", marked, "latest") == "0x0"
    rpc.close()
    engine.stop()


@pytest.mark.parametrize("damage", [b"", b'{"block":', None])
def test_damaged_state_is_not_trusted(tmp_path: Path, damage: bytes | None) -> None:
    engine = AnvilEngine(tmp_path, FAST)
    engine.start()
    engine.stop()
    state = tmp_path / "state.json"
    if damage is None:
        state.unlink()
    else:
        state.write_bytes(damage)
    engine = AnvilEngine(tmp_path, FAST)
    engine.start()
    assert engine.fresh
    engine.stop()


def test_other_chain_id_is_another_chain(tmp_path: Path) -> None:
    for chain_id, fresh in ((CHAIN, True), (CHAIN + 1, True), (CHAIN + 1, False)):
        engine = AnvilEngine(tmp_path, AnvilSettings(chain_id=chain_id, block_time=0.1))
        engine.start()
        assert engine.fresh is fresh
        engine.stop()


def test_backup_of_a_stopped_chain(tmp_path: Path) -> None:
    engine = AnvilEngine(tmp_path / "a", FAST)
    engine.start()
    with pytest.raises(EngineError, match="stop it"):
        engine.backup(tmp_path / "copy")
    while engine.health().head < 3:  # it answers a moment before it minds signals
        time.sleep(0.02)
    engine.stop()
    engine.backup(tmp_path / "copy")
    restored = AnvilEngine(tmp_path / "copy", FAST)
    restored.start()
    assert not restored.fresh
    restored.stop()


def test_port_in_use_is_said(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        engine = AnvilEngine(tmp_path, AnvilSettings(chain_id=CHAIN, port=port))
        with pytest.raises(EngineError, match=f"port {port} is in use"):
            engine.start()
    engine.start()
    assert engine.ready()
    engine.stop()


def test_one_process_per_folder(tmp_path: Path) -> None:
    first, second = AnvilEngine(tmp_path, FAST), AnvilEngine(tmp_path, FAST)
    first.start()
    with pytest.raises(LockError, match=str(os.getpid())):
        second.start()
    first.stop()


def test_own_process_group(tmp_path: Path) -> None:
    """A Ctrl-C in the terminal goes to the foreground group: anvil must not be in it."""
    engine = AnvilEngine(tmp_path, FAST)
    engine.start()
    assert engine.pid is not None
    assert os.getpgid(engine.pid) == engine.pid != os.getpgrp()
    engine.stop()


PARENT = """
import sys, threading, time
from pathlib import Path
from chain_node.engine.anvil import AnvilEngine, AnvilSettings
engine = AnvilEngine(Path(sys.argv[1]), AnvilSettings(chain_id=77, block_time=0.1))
starter = threading.Thread(target=engine.start)
starter.start()
starter.join()
time.sleep(0.3)
assert engine.ready(), 'anvil died with the thread that started it'
print(engine.pid, flush=True)
time.sleep(60)
"""


def test_kill_9_of_the_parent_leaves_no_anvil(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        os.kill(pid, 0)
        parent.kill()
    deadline = time.monotonic() + 5
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not alive(pid)


def test_rpc_engine_says_what_is_wrong(tmp_path: Path) -> None:
    nobody = RpcEngine(("http://127.0.0.1:9",), Finality.parse("latest"), wait=0.0)
    with pytest.raises(EngineError, match="no engine answers"):
        nobody.start()
    anvil = AnvilEngine(tmp_path, FAST)
    anvil.start()
    other = RpcEngine(anvil.rpc_urls, Finality.parse("latest"), chain_id=5)
    with pytest.raises(EngineError, match=f"is chain {CHAIN}, not 5"):
        other.start()
    with pytest.raises(EngineError, match="theirs"):
        other.backup(tmp_path)
    anvil.stop()


@pytest.mark.parametrize("text", ["latest", "finalized", "confirmations:12"])
def test_finality_round_trip(text: str) -> None:
    assert str(Finality.parse(text)) == text


@pytest.mark.parametrize("text", ["safe", "confirmations", "confirmations:0", "confirmations:x", ""])
def test_finality_refuses(text: str) -> None:
    with pytest.raises(EngineError, match="finality"):
        Finality.parse(text)


def test_rpc_that_goes_away(tmp_path: Path) -> None:
    anvil = AnvilEngine(tmp_path, FAST)
    anvil.start()
    with JsonRpc(anvil.rpc_url) as rpc:
        assert rpc.batch([("eth_chainId", []), ("no_such", [])])[0] == hex(CHAIN)
        anvil.stop()
        with pytest.raises(RpcUnavailable, match="does not answer"):
            rpc.call("eth_chainId")


def test_second_start_needs_no_npm(monkeypatch: pytest.MonkeyPatch) -> None:
    npm.ensure_runtime()

    def fail() -> list[str]:
        raise AssertionError("npm was asked for")

    monkeypatch.setattr(npm, "find_npm", fail)
    assert (npm.ensure_runtime() / "node_modules").is_dir()


def test_registry_out_of_reach(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "npm"
    script.write_text("#!/bin/sh\necho 'npm error network ENOTFOUND registry.example' >&2\nexit 1\n")
    script.chmod(0o755)

    def found() -> list[str]:
        return [str(script)]

    monkeypatch.setattr(npm, "find_npm", found)
    monkeypatch.setenv("LUYA_CACHE", str(tmp_path / "cache"))
    with pytest.raises(RuntimeMissing, match="ENOTFOUND"):
        npm.ensure_runtime()
    assert not [path for path in (tmp_path / "cache").iterdir() if path.is_dir()]
