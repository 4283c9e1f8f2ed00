"""The durable engine: begun once, kept through stops and kills, mended after a torn commit, never silently renewed."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import time
from pathlib import Path

import pytest
from luyad_built import need_luyad
from luyad_support import CHAIN, make

from chain_node.engine.base import Engine
from chain_node.engine.luyad import PORT_NAMES, LuyadEngine, last_words
from chain_node.errors import EngineError, LockError, RuntimeMissing
from chain_node.rpc.client import JsonRpc

PATIENCE = 20.0


def block(engine: Engine, number: int) -> str:
    """A block's hash."""
    with JsonRpc(engine.rpc_url) as rpc:
        return str(rpc.call("eth_getBlockByNumber", hex(number), False)["hash"])


def head(engine: Engine) -> int:
    """The newest block's number."""
    return engine.health().head


def kill(engine: LuyadEngine) -> None:
    """kill -9, and wait until it is gone."""
    assert engine.pid is not None
    os.kill(engine.pid, signal.SIGKILL)
    deadline = time.monotonic() + PATIENCE
    while engine.ready() and time.monotonic() < deadline:
        time.sleep(0.02)


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A chain with some blocks, stopped cleanly. For one test after the other: each leaves it stopped."""
    folder = tmp_path_factory.mktemp("luyad") / "chain"
    engine = make(folder)
    engine.start()
    assert engine.fresh
    assert engine.ready()
    assert set(engine.ports) == set(PORT_NAMES)
    engine.stop()
    assert not engine.ready()
    return folder


def test_kept_through_a_clean_stop(chain: Path) -> None:
    engine = make(chain)
    engine.start()
    engine.start()
    assert not engine.fresh
    assert engine.mended == ""
    health = engine.health()
    assert health.ok
    assert health.final == health.head > 0
    assert abs(health.head_time - time.time()) < 30
    first = block(engine, 1)
    engine.stop()
    engine.stop()
    assert engine.health().detail == "not running"
    engine.start()
    assert block(engine, 1) == first
    assert head(engine) > health.head
    engine.stop()


def test_it_listens_where_it_did_before_unless_somebody_else_does(chain: Path) -> None:
    before = make(chain)
    before.start()
    ports = before.ports
    before.stop()
    again = make(chain)
    again.start()
    assert again.ports == ports
    again.stop()
    with socket.socket() as other:
        other.bind(("127.0.0.1", ports["json-rpc"]))
        other.listen()
        elsewhere = make(chain)
        elsewhere.start()
        assert elsewhere.ports["json-rpc"] != ports["json-rpc"]
        elsewhere.stop()
    (chain / "ports.json").write_text("[]")
    damaged = make(chain)
    damaged.start()
    damaged.stop()


def test_kept_through_kill_9(chain: Path) -> None:
    engine = make(chain)
    for _ in range(3):
        engine.start()
        assert not engine.fresh
        before = head(engine)
        marked = block(engine, before)
        kill(engine)
        assert "luyad has ended (exit -9)" in engine.health().detail
        engine.stop()
        engine.start()
        assert head(engine) > before
        assert block(engine, before) == marked
        engine.stop()


@pytest.mark.deep
def test_kept_through_many_kills(tmp_path: Path) -> None:
    """Kills at random moments: now and then one tears a commit, which the next start must mend."""
    engine = make(tmp_path, block_time=0.05)
    seen: dict[int, str] = {}
    for turn in range(60):
        engine.start()
        for number, value in seen.items():
            assert block(engine, number) == value
        time.sleep((turn * 37 % 100) / 150)
        at = head(engine)
        seen = {at: block(engine, at)}
        kill(engine)
        engine.stop()


TORN = """#!/bin/sh
# As a luyad whose last commit was torn: it says so at its start, until it has been rolled back.
case "$1" in
rollback) touch "$(dirname "$0")/rolled" ;;
start) [ -e "$(dirname "$0")/rolled" ] || {{ echo 'panic: version does not exist' >&2; exit 2; }} ;;
esac
exec {binary} "$@"
"""


def test_a_torn_commit_is_rolled_back(chain: Path, tmp_path: Path) -> None:
    torn = tmp_path / "luyad"
    torn.write_text(TORN.format(binary=need_luyad()))
    torn.chmod(0o755)
    engine = make(chain)
    engine.start()
    before = head(engine)
    marked = block(engine, before - 1)
    engine.stop()
    engine = make(chain, binary=torn)
    engine.start()
    assert "one block was taken back" in engine.mended
    assert not engine.fresh
    assert head(engine) >= before - 1
    assert block(engine, before - 1) == marked
    engine.stop()


def test_what_cannot_be_mended_is_said(chain: Path, tmp_path: Path) -> None:
    broken = tmp_path / "luyad"
    broken.write_text(
        f"#!/bin/sh\n[ $1 = start ] && {{ echo 'panic: out of luck' >&2; exit 2; }}\nexec {need_luyad()} $@\n"
    )
    broken.chmod(0o755)
    engine = make(chain, binary=broken)
    with pytest.raises(EngineError, match="out of luck"):
        engine.start()
    engine = make(chain)  # the lock is free again, and nothing was lost
    engine.start()
    assert not engine.fresh
    engine.stop()


def test_one_process_per_chain(chain: Path) -> None:
    first, second = make(chain), make(chain)
    first.start()
    with pytest.raises(LockError, match=str(os.getpid())):
        second.start()
    with pytest.raises(LockError):
        second.backup(chain.parent / "never")
    first.stop()


def test_a_lock_left_behind_is_no_matter(chain: Path) -> None:
    (chain / "lock").write_text("1\n")
    engine = make(chain)
    engine.start()
    engine.stop()


def test_ports_in_use_are_said(chain: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        engine = make(chain, port=port - 3)
        with pytest.raises(EngineError, match=f"port {port} is in use"):
            engine.start()
    engine.start()
    assert engine.rpc_url.endswith(f":{port}")
    engine.stop()


def test_another_chain_id_is_refused(chain: Path) -> None:
    engine = make(chain, chain_id=CHAIN + 1)
    with pytest.raises(EngineError, match=f"luya-{CHAIN}, not luya-{CHAIN + 1}"):
        engine.start()


def test_a_beginning_that_was_cut_is_begun_again(tmp_path: Path) -> None:
    engine = make(tmp_path, plan=lambda identity: {"chain_id": identity.node_id})
    with pytest.raises(EngineError, match="luyad genesis"):
        engine.start()
    engine = make(tmp_path)
    engine.start()
    assert engine.fresh
    engine.stop()
    engine = make(tmp_path)
    engine.start()
    assert not engine.fresh
    engine.stop()


def test_wipe_sets_the_old_chain_aside(tmp_path: Path) -> None:
    engine = make(tmp_path)
    engine.start()
    old = json.loads((tmp_path / "node" / "config" / "priv_validator_key.json").read_bytes())["address"]
    engine.stop()
    engine = make(tmp_path, wipe=True)
    engine.start()
    assert engine.fresh
    engine.stop()
    new = json.loads((tmp_path / "node" / "config" / "priv_validator_key.json").read_bytes())["address"]
    assert new != old, "a validator's key never signs two chains of one name"
    assert (tmp_path / "node.replaced" / "config" / "genesis.json").exists()


@pytest.mark.parametrize("running", [True, False])
def test_backup_and_restore(chain: Path, tmp_path: Path, running: bool) -> None:
    engine = make(chain)
    engine.start()
    before = head(engine)
    marked = block(engine, before)
    if not running:
        engine.stop()
    engine.backup(tmp_path / "copy")
    assert engine.ready() is running
    with pytest.raises(EngineError, match="not empty"):
        engine.backup(tmp_path / "copy")
    engine.stop()
    key = tmp_path / "copy" / "node" / "config" / "priv_validator_key.json"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    restored = make(tmp_path / "copy")
    restored.start()
    assert not restored.fresh
    assert head(restored) >= before
    assert block(restored, before) == marked
    restored.stop()


def test_backup_of_nothing(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="no chain"):
        make(tmp_path / "none").backup(tmp_path / "copy")


def test_not_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need_luyad()
    monkeypatch.setattr("chain_node.engine.luyad.find_luyad", lambda: None)
    with pytest.raises(RuntimeMissing, match="luya engine build"):
        make(tmp_path, binary=None).start()


def test_last_words(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert last_words(log) == "nothing"
    log.write_text('{"level":"warn","message":"a"}\n{"level":"error","message":"b","err":"c"}\n')
    assert last_words(log) == "b c"
    log.write_text('{"message":"a"}\npanic: version does not exist\n\ngoroutine 1 [running]:\n')
    assert last_words(log) == "panic: version does not exist"
