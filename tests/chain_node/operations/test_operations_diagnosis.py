"""Whose word counts: a living supervisor's on the room that it keeps in reserve, else what is measured now."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from chain_node.node.home import Home
from chain_node.operations.diagnosis import diagnose
from chain_node.storage.durable import make_dir
from chain_node.supervisor.problems import problem
from chain_node.supervisor.report import Reporter

FULL = problem("disk-full", place="home", free_mib=300, reserve_mib=512)


def codes(home: Home, pid: int | None = None) -> list[str]:
    value = {} if pid is None else {"processes": {"node": {"pid": pid}}}
    return [one.code for one in diagnose(home, value)]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    make_dir(made.root)
    return made


def test_a_service_with_another_reserve_is_believed(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUYA_DISK_RESERVE", "0")
    reporter = Reporter(home.root / "run")
    reporter.say([FULL], accepting=False)
    assert codes(home, os.getpid()) == ["disk-full"], "here there would be room"
    monkeypatch.setenv("LUYA_DISK_RESERVE", str(10**9))
    assert codes(home, os.getpid()) == ["disk-full"], "once"
    reporter.say([])
    assert codes(home, os.getpid()) == [], "the service accepts: its reserve is smaller than ours"


def test_a_full_disk_keeps_the_service_from_saying_so(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    Reporter(home.root / "run").say([])
    monkeypatch.setattr("chain_node.storage.disk_space.free", lambda _path: 0)
    assert codes(home, os.getpid()) == ["disk-full"]


def test_without_a_living_supervisor_it_is_measured(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUYA_DISK_RESERVE", str(10**9))
    assert codes(home) == ["disk-full"]
    Reporter(home.root / "run").say([FULL], ended=True)
    assert codes(home) == ["disk-full", "not-running"]
    monkeypatch.setenv("LUYA_DISK_RESERVE", "0")
    assert codes(home) == ["not-running"], "it ended with it; there is room now"
    with subprocess.Popen([sys.executable, "-c", ""]) as other:
        pass
    assert codes(home, other.pid) == [], "another process's node: what an ended one said is past"
