"""`luya up` watches what it runs: metrics, a second copy, an engine that dies; and `luya status` says what is wrong."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from luya_process import (
    TRACEBACK,
    Running,
    engine_pid,
    fsck,
    ingest,
    kill,
    launch,
    luya,
    read_json,
    refuses,
    stop,
    succeeds,
    up,
    wait_gone,
)

from chain_node.archive.reader import ArchiveReader
from chain_node.node.metrics import NAMES


def report(home: Path) -> dict[str, Any]:
    return read_json(home / "run" / "supervisor.json") or {}


def problems(home: Path) -> dict[str, str]:
    """What `luya status` says is wrong: code → severity; its exit code must fit."""
    done = luya("status", "--json", "--home", home)
    found = {one["code"]: one["severity"] for one in done.answer["problems"]}
    assert done.code == (2 if "error" in found.values() else 0), done.said
    assert done.answer["ok"] == (done.code == 0)
    return found


def metrics(home: Path) -> dict[str, float]:
    """All samples by their text."""
    with urllib.request.urlopen(report(home)["metrics_url"], timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    pairs = (line.rpartition(" ") for line in lines if not line.startswith("#"))
    return {name: float(value) for name, _, value in pairs}


def until(what: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.2)


@pytest.fixture(scope="module")
def running(ingested: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A running home with a second copy of its archive."""
    folder = tmp_path_factory.mktemp("supervised")
    home = Path(shutil.copytree(ingested, folder / "home"))
    with up(home, "--mirror", folder / "copy") as node:
        until(lambda: bool(report(home).get("metrics_url")))
        yield node


def test_metrics(running: Running) -> None:
    found = metrics(running.home)
    size = ArchiveReader(running.home / "archive").size
    assert found["luya_archive_size"] == size
    assert found["luya_follower_size"] == size
    assert found['luya_engine_up{engine="anvil"}'] == 1
    assert found['luya_engine_head_block{engine="anvil"}'] > 0
    assert found['luya_engine_finality_lag_blocks{engine="anvil"}'] == 0
    assert found['luya_supervisor_accepting{engine="anvil"}'] == 1
    assert any(name.startswith("luya_sender_pending{") for name in found)
    assert any(name.startswith("luya_disk_free_bytes{") for name in found)
    ours = {name.partition("{")[0] for name in found if name.startswith("luya_")}
    assert ours <= set(NAMES)
    assert set(NAMES) - ours <= {
        "luya_supervisor_clock_ahead_seconds",
        "luya_supervisor_problem",
        "luya_engine_peers",
    }


def test_metrics_are_on_loopback_only_and_cheap(running: Running) -> None:
    url = report(running.home)["metrics_url"]
    assert url.startswith("http://127.0.0.1:")
    began = time.monotonic()
    for _ in range(20):
        metrics(running.home)
    assert (time.monotonic() - began) / 20 < 0.25


def test_the_second_copy_grows_with_the_archive(running: Running, tmp_path: Path) -> None:
    file = tmp_path / "steps.csv"
    file.write_text("Id,Date,StepTotal\nmirrored,6/2/25,5000\n", encoding="utf-8")
    ingest(running.home, "daily-steps", file)
    copy = running.home.parent / "copy"
    until(lambda: ArchiveReader(copy).size == ArchiveReader(running.home / "archive").size, 20)
    found = metrics(running.home)
    assert found[f'luya_archive_mirror_lag{{place="{copy}"}}'] == 0
    assert found[f'luya_archive_mirror_up{{place="{copy}"}}'] == 1


def test_status_of_what_runs_well(running: Running) -> None:
    assert problems(running.home) == {}
    answer = succeeds("status", "--json", "--home", running.home)
    assert answer["supervisor"]["accepting"] is True
    assert answer["supervisor"]["metrics_url"] == report(running.home)["metrics_url"]


@pytest.mark.deep
def test_a_metrics_port_that_is_taken(deployed_home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = luya("up", "--home", deployed_home, "--port", 0, "--metrics-port", port)
        assert said.code == 1, said.said
        assert str(port) in said.stderr
        assert TRACEBACK not in said.stderr
        found = problems(deployed_home)
        assert found == {"port-in-use": "error", "not-running": "info"}
        answer = luya("status", "--json", "--home", deployed_home).answer["problems"][0]
        assert str(os.getpid()) in answer["what"]["en"], "it names who holds the port"
    with up(deployed_home):
        assert problems(deployed_home) == {}, "a later start that went well is what counts"
    assert problems(deployed_home) == {"not-running": "info"}


def test_a_killed_engine(ingested_home: Path) -> None:
    """anvil's chain is gone with it: the home is opened anew, the ledger rebuilt, at the same root; the API is back."""
    before = fsck(ingested_home)
    node = launch(ingested_home)
    try:
        until(lambda: bool(report(ingested_home)))
        first = engine_pid(ingested_home)
        assert first is not None
        kill(first)
        until(lambda: any(one["severity"] == "error" for one in report(ingested_home)["problems"]), 30)
        assert "error" in problems(ingested_home).values()

        def served() -> bool:
            again = read_json(ingested_home / "run" / "node.json")
            return again is not None and engine_pid(ingested_home) not in (None, first) and not problems(ingested_home)

        until(served, 120)
        assert node.process.poll() is None, "the same process goes on"
        assert fsck(ingested_home)["log_root"] == before["log_root"]
    finally:
        code = stop(node.process)
    said = node.log.read_text("utf-8", "replace")
    assert code == 0, said
    assert TRACEBACK not in said
    wait_gone(ingested_home)
    lines = [json.loads(line) for line in said.splitlines() if line.startswith("{") and '"event"' in line]
    assert any(line["logger"].startswith("luya") and line["level"] == "warning" for line in lines) or lines
    assert problems(ingested_home) == {"not-running": "info"}


@pytest.mark.deep
def test_a_killed_node(ingested_home: Path) -> None:
    node = launch(ingested_home)
    until(lambda: bool(report(ingested_home)))
    node.process.send_signal(signal.SIGKILL)
    node.process.wait()
    wait_gone(ingested_home)
    assert problems(ingested_home) == {"not-running": "info", "unclean-stop": "info"}
    fsck(ingested_home)


@pytest.mark.deep
def test_too_little_room(ingested_home: Path, tmp_path: Path) -> None:
    """The reserve is set above what is free: nothing new is accepted, and all says so; with room it goes on."""
    plenty = {"LUYA_DISK_RESERVE": str(10**9)}
    file = tmp_path / "steps.csv"
    file.write_text("Id,Date,StepTotal\nno-room,6/2/25,5000\n", encoding="utf-8")
    arguments = ["oracle", "ingest", "--feed", "daily-steps", "--enrol-unknown", "--home", ingested_home, file]
    refused = luya(*arguments, env=plenty)
    assert refused.code == 1, refused.said
    assert TRACEBACK not in refused.stderr
    assert "nothing new is accepted" in refused.stderr
    told = luya("status", "--json", "--home", ingested_home, env=plenty)
    assert told.code == 2
    assert "disk-full" in [one["code"] for one in told.answer["problems"]]
    assert succeeds(*arguments)["accepted"] == 1
    fsck(ingested_home)
    with pytest.raises(AssertionError):
        refuses(*arguments)


def test_logs_of_a_service_are_json(deployed_home: Path) -> None:
    with up(deployed_home) as node:
        until(lambda: bool(report(deployed_home)))
    lines = node.log.read_text("utf-8").splitlines()
    assert lines
    events = [json.loads(line) for line in lines if line]
    assert any("Luya is up" in line.get("event", "") for line in events)
