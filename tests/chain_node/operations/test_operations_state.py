"""A home's node from outside: none, one that has died, one that answers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from node_support import settings

from chain_node.errors import EngineError
from chain_node.node.home import Home, RunningNode
from chain_node.node.node import Node
from chain_node.operations import state


def test_a_node_that_answers(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with Node.open(tmp_path, settings=settings()) as node:
        running = state.running_node(home)
        assert running is not None
        assert running.pid == os.getpid()
        found = state.chain_state(home, node.manifest)
        assert found["running"]
        assert found["log_size"] == node.archive.size
        assert found["head"] >= found["final"] > 0
        assert set(state.waiting_transactions(home).values()) == {0}
        state.must_answer(home, lambda *_: None)
        manifest = node.manifest
    assert state.running_node(home) is None
    assert state.chain_state(home, manifest) == {"running": False}
    state.must_answer(home, lambda *_: None)
    (tmp_path / "outbox" / "broken.sqlite").write_bytes(b"no database" * 100)
    assert "not a database" in str(state.waiting_transactions(home)["broken"])


def test_a_node_that_has_died_or_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Home(tmp_path)
    (tmp_path / "run").mkdir()
    hold = "import fcntl,sys; f=open(sys.argv[1], 'w'); fcntl.flock(f, 2); print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(home.lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        monkeypatch.setattr(state, "PATIENCE", 0.5)
        with pytest.raises(EngineError, match="no answer within"):
            state.must_answer(home, lambda *_: None)
        RunningNode.announce(home, "http://127.0.0.1:9", "latest", "anvil", ("http://127.0.0.1:9",))
        with pytest.raises(EngineError, match="no answer within"):
            state.must_answer(home, lambda *_: None)
        other.kill()
    assert other.returncode is not None
    home.running.write_text(home.running.read_text().replace(f'"pid": {os.getpid()}', f'"pid": {other.pid}'))
    assert state.running_node(home) is None
