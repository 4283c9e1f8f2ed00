"""`luya network`, as an operator types it."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from luya_process import COMMAND, TRACEBACK, environment, luya
from luyad_built import need_luyad

from chain_node.engine.process import free_port_range

STRANGER = "0x" + "7" * 40


@pytest.fixture(scope="module")
def needs_luyad() -> None:
    """Skipped, visibly, where luyad is not built."""
    need_luyad()


@pytest.fixture(scope="module")
def network(needs_luyad: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A network of one organisation, running."""
    out = tmp_path_factory.mktemp("cli") / "net"
    options = ("--organisations", 1, "--names", "绿芽", "--port", free_port_range(50), "--block-time", 0.2)
    made = luya("network", "init", "--out", out, *options, "--json")
    assert made.code == 0, made.said
    assert made.answer["organisations"][0]["name"] == "绿芽"
    running = subprocess.Popen(
        [*COMMAND, "network", "start", str(out)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment(),
    )
    deadline = time.monotonic() + 90
    while luya("network", "status", out, "--json").code != 0:
        assert time.monotonic() < deadline
        assert running.poll() is None
    yield out
    running.send_signal(signal.SIGTERM)
    assert running.wait(60) == 0


def test_status_and_council(network: Path) -> None:
    status = luya("network", "status", network, "--json")
    assert status.code == 0, status.said
    (node,) = status.answer["nodes"]
    assert (node["ok"], node["name"], node["power"]) == (True, "绿芽", 10)
    assert status.answer["governance"]["threshold"] == 1
    told = luya("network", "status", network / "绿芽")
    assert "council: 1/1" in told.stderr
    council = luya("network", "council", network, "--json").answer
    assert council["proposals"] == []
    assert council["members"][0]["organisation"] == 1


def test_votes(network: Path) -> None:
    folder = network / "绿芽"
    first = luya("network", "vote", "account", folder, STRANGER, "deploy", "--json")
    assert first.code == 0, first.said
    assert first.answer["did"] == ["proposed", "executed"]
    assert first.answer["calls"] == [f"Permissions.setPermission(account={STRANGER}, flags=3)"]
    again = luya("network", "vote", "account", folder, STRANGER, "deploy", "--json")
    assert again.answer == {"proposal": None, "did": [], "state": "so already"}
    assert luya("network", "council", network, "--json").answer["deployers"] == [STRANGER]
    opened = luya("network", "vote", "open-sending", folder, "--open")
    assert opened.code == 0, opened.said
    assert "executed" in opened.stderr
    node = "0a" * 20
    assert luya("network", "follower", folder, node).answer == {"node": node, "listed": True}
    assert luya("network", "vote", "node", folder, node, "--organisation", 0).answer["did"] == ["proposed", "executed"]


def test_a_delay_and_a_second_member(network: Path, tmp_path: Path) -> None:
    folder, second = network / "绿芽", tmp_path / "second"
    options = ("--organisation", 2, "--name", "second", "--port", free_port_range(50))
    joined = luya("network", "join", second, "--network", network / "network", *options)
    assert joined.code == 0, joined.said
    assert "vote admit" in joined.stderr
    admitted = luya("network", "vote", "admit", folder, second / "public.json")
    assert admitted.answer["did"] == ["proposed", "executed"], admitted.said
    url = f"http://127.0.0.1:{json.loads((folder / 'settings.json').read_text())['port'] + 3}"
    times = luya("network", "vote", "times", folder, 2, 7200)
    assert times.answer["state"] == "open"
    approved = luya("network", "vote", "approve", second, times.answer["proposal"], "--rpc", url)
    assert approved.answer["did"] == ["approved", "executed"], approved.said
    leaving = luya("network", "leave", second, "--rpc", url)
    assert leaving.code == 0, leaving.said
    assert "vote expel" in leaving.stderr
    early = luya("network", "vote", "expel", folder, 2)
    assert early.answer["did"] == ["approved"]
    late = luya("network", "vote", "expel", folder, 2, "--wait", 30)
    assert late.answer["did"] == ["executed"], late.said
    assert luya("network", "vote", "expel", folder, 2).answer["state"] == "so already"
    back = luya("network", "vote", "times", folder, 0, 7200, "--wait", 30)
    assert back.answer["did"] == ["proposed", "executed"], back.said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("status", "nowhere"), "no organisation's folder"),
        (("vote", "expel", "nowhere", "1"), "is not there"),
        (("init", "--out", "new", "--organisations", "2", "--names", "one"), "1 names for 2 organisations"),
        (("init", "--out", "new", "--deployer", "0x12"), "no address"),
        (("adopt", "nowhere", "there"), "is not there"),
        (("besu", "--out", "besu", "--enode", "enode://12@host:1"), "no enode"),
    ],
)
def test_errors_are_one_sentence(tmp_path: Path, needs_luyad: None, arguments: tuple[str, ...], said: str) -> None:
    done = luya("network", *arguments, cwd=tmp_path)
    assert done.code == 1, done.said
    assert said in done.stderr
    assert TRACEBACK not in done.stderr


def test_a_wrong_key_is_told(network: Path) -> None:
    done = luya("network", "vote", "validator", network / "绿芽", "12", "--power", 1)
    assert done.code == 1
    assert "expected 64 hex digits" in done.stderr


def test_a_node_that_does_not_answer(network: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(network / "绿芽", folder)
    settings = json.loads((folder / "settings.json").read_text())
    (folder / "settings.json").write_text(json.dumps(settings | {"port": free_port_range(50) + 20}))
    done = luya("network", "status", folder, "--json")
    assert done.code == 1
    assert "does not answer" in done.answer["nodes"][0]["detail"]
    done = luya("network", "council", folder)
    assert "no node of this folder answers" in done.stderr


def test_besu(tmp_path: Path) -> None:
    out = tmp_path / "besu"
    done = luya("network", "besu", "--out", out, "--organisations", 4, "--sender", STRANGER, "--json")
    assert done.code == 0, done.said
    assert len(done.answer["validators"]) == 4
    assert (out / "organisation-3" / "start.sh").exists()
    again = luya("network", "besu", "--out", out)
    assert again.code == 1
    assert "not empty" in again.stderr
