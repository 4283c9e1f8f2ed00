"""The supervisor mends what can be mended, gives up in time, and says what is wrong in words that help."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from insecure_engine import BLOCK_TIME, InsecureEngine

from chain_node.errors import EngineError, EngineLost, PortInUse
from chain_node.storage.durable import FileLock
from chain_node.supervisor import judge, measure
from chain_node.supervisor import supervisor as module
from chain_node.supervisor.judge import DiskSpace, block_offset, room_problems
from chain_node.supervisor.problems import CATALOGUE, problem
from chain_node.supervisor.report import NodeReport, Reporter, problem_of
from chain_node.supervisor.supervisor import Supervisor, SupervisorSettings

QUICK = SupervisorSettings(
    every=0.05, block_time=BLOCK_TIME, in_place=True, patience=0.5, first_pause=0.05, longest_pause=0.2, restarts=3
)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[InsecureEngine]:
    """Started, with a block."""
    made = InsecureEngine(tmp_path / "engine")
    made.start()
    yield made
    made.stop()


def until(supervisor: Supervisor, what: Callable[[], bool], seconds: float = 20.0) -> None:
    """Look until it is so."""
    deadline = time.monotonic() + seconds
    while True:
        supervisor.look()
        if what():
            return
        assert time.monotonic() < deadline, (supervisor.sample, supervisor.problems)
        time.sleep(0.05)


def codes(supervisor: Supervisor) -> list[str]:
    return [one.code for one in supervisor.problems]


def test_all_is_well(engine: InsecureEngine) -> None:
    supervisor = Supervisor(engine, QUICK)
    until(supervisor, lambda: supervisor.sample.head > 1)
    assert (supervisor.sample.up, supervisor.accepting, codes(supervisor)) == (True, True, [])
    supervisor.close()


def test_a_killed_engine_is_started_again(engine: InsecureEngine) -> None:
    supervisor = Supervisor(engine, QUICK)
    until(supervisor, lambda: supervisor.sample.head > 1)
    assert engine.pid is not None
    os.kill(engine.pid, signal.SIGKILL)
    before = supervisor.sample.head
    until(supervisor, lambda: supervisor.restarts == 1 and supervisor.sample.up and supervisor.sample.head > before)
    assert codes(supervisor) == ["engine-restarted"]
    supervisor.close()


def test_a_torn_commit_is_told(engine: InsecureEngine) -> None:
    asked: list[int] = []

    def check() -> None:
        asked.append(engine.starts)

    supervisor = Supervisor(engine, QUICK, check=check)
    until(supervisor, lambda: supervisor.sample.up)
    (engine.folder / "torn").touch()
    assert engine.pid is not None
    os.kill(engine.pid, signal.SIGKILL)
    until(supervisor, lambda: supervisor.rollbacks == 1 and supervisor.sample.up)
    assert "torn-commit-mended" in codes(supervisor)
    assert asked == [2], "after it was mended the chain was compared with the archive"
    supervisor.close()


def test_a_chain_that_differs_after_mending_is_not_gone_on_with(engine: InsecureEngine) -> None:
    supervisor = Supervisor(engine, QUICK, check=lambda: "its log has 3 entries and another root")
    until(supervisor, lambda: supervisor.sample.up)
    assert engine.pid is not None
    os.kill(engine.pid, signal.SIGKILL)
    with pytest.raises(EngineLost, match="another root"):
        until(supervisor, lambda: False)
    supervisor.close()


def test_an_engine_that_never_comes_is_given_up(engine: InsecureEngine) -> None:
    supervisor = Supervisor(engine, QUICK)
    until(supervisor, lambda: supervisor.sample.up)
    (engine.folder / "broken").touch()
    assert engine.pid is not None
    os.kill(engine.pid, signal.SIGKILL)
    began = time.monotonic()
    with pytest.raises(EngineLost, match="given up"):
        until(supervisor, lambda: False)
    assert engine.starts == 1 + QUICK.restarts
    assert time.monotonic() - began > 0.05 + 0.1, "with pauses between"
    assert "engine-gave-up" in codes(supervisor)
    said = supervisor.problems[0].as_json()
    assert "panic: the database is broken" in said["what"]["en"]
    supervisor.close()


def test_an_engine_that_cannot_be_mended_in_place_is_handed_on(engine: InsecureEngine) -> None:
    supervisor = Supervisor(engine, SupervisorSettings(every=0.05, in_place=False, patience=0.5))
    until(supervisor, lambda: supervisor.sample.up)
    engine.stop()
    with pytest.raises(EngineLost, match="opened anew"):
        until(supervisor, lambda: False)
    assert engine.starts == 1
    supervisor.close()


def test_a_silent_engine_is_started_again(engine: InsecureEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_ANSWER_WITHIN", 0.3)
    supervisor = Supervisor(engine, QUICK)
    until(supervisor, lambda: supervisor.sample.up)
    silent = engine.folder / "silent"
    silent.touch()
    threading.Timer(1.5, silent.unlink).start()
    until(supervisor, lambda: not supervisor.sample.up)
    assert codes(supervisor) == ["engine-down"]
    assert supervisor.restarts == 0, "it is given some time"
    until(supervisor, lambda: supervisor.restarts >= 1 and supervisor.sample.up)
    supervisor.close()


def test_a_halted_chain_is_told_with_what_to_do(engine: InsecureEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge, "HALT_AFTER", 0.4)
    several = SupervisorSettings(every=0.05, block_time=BLOCK_TIME / 10, in_place=True, alone=False)
    supervisor = Supervisor(engine, several)
    until(supervisor, lambda: supervisor.sample.up)
    (engine.folder / "halt").touch()
    until(supervisor, lambda: "halted" in codes(supervisor))
    assert engine.starts == 1, "one of several validators gains nothing by a restart"
    assert "no-peers" in codes(supervisor)
    said = supervisor.problems[0].as_json()
    assert said["severity"] == "error"
    assert f"height {supervisor.sample.head}" in said["what"]["en"]
    assert "two thirds" in said["do"]["en"]
    assert "三分之二" in said["do"]["zh"]
    (engine.folder / "halt").unlink()
    until(supervisor, lambda: "halted" not in codes(supervisor))
    supervisor.close()


def test_a_halted_single_validator_is_started_again(engine: InsecureEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge, "HALT_AFTER", 0.3)
    supervisor = Supervisor(engine, SupervisorSettings(every=0.05, block_time=0.01, in_place=True, alone=True))
    until(supervisor, lambda: supervisor.sample.up)
    (engine.folder / "halt").touch()
    until(supervisor, lambda: supervisor.restarts == 1)
    (engine.folder / "halt").unlink()
    until(supervisor, lambda: "halted" not in codes(supervisor) and supervisor.sample.up)
    supervisor.close()


def test_a_nearly_full_disk_stops_accepting_then_the_engine_and_all_goes_on_with_room(engine: InsecureEngine) -> None:
    free = [10_000]
    settings = SupervisorSettings(every=0.05, block_time=BLOCK_TIME, in_place=True, stop_when_full=True)
    supervisor = Supervisor(engine, settings, rooms=lambda: [DiskSpace("home", free[0] << 20, 512 << 20)])
    until(supervisor, lambda: supervisor.sample.up)
    assert (supervisor.accepting, codes(supervisor)) == (True, [])
    free[0] = 800
    supervisor.look()
    assert (supervisor.accepting, codes(supervisor)) == (True, ["disk-low"])
    free[0] = 300
    supervisor.look()
    assert (supervisor.accepting, supervisor.sample.up, codes(supervisor)) == (False, True, ["disk-full"])
    free[0] = 100
    supervisor.look()
    supervisor.look()
    assert engine.pid is None, "stopped, before the disk could damage it"
    assert set(codes(supervisor)) == {"disk-full", "engine-paused"}
    free[0] = 300
    supervisor.look()
    assert engine.pid is None, "there is room again only above the reserve"
    free[0] = 9_000
    until(supervisor, lambda: supervisor.sample.up and supervisor.accepting)
    assert codes(supervisor) == []
    supervisor.close()


def test_a_start_that_fails_when_there_is_room_again_is_tried_again(engine: InsecureEngine) -> None:
    free = [10_000]
    settings = SupervisorSettings(
        every=0.05, block_time=BLOCK_TIME, in_place=True, stop_when_full=True, first_pause=0.3, restarts=0
    )
    supervisor = Supervisor(engine, settings, rooms=lambda: [DiskSpace("home", free[0] << 20, 512 << 20)])
    until(supervisor, lambda: supervisor.sample.up)
    free[0] = 100
    supervisor.look()
    assert engine.pid is None
    (engine.folder / "broken").touch()
    free[0] = 9_000
    supervisor.look()
    supervisor.look()
    assert engine.starts == 2, "with a pause between"
    assert codes(supervisor) == ["engine-down"], "there is room: that is no longer why"
    assert "the database is broken" in supervisor.problems[0].as_json()["what"]["en"]
    (engine.folder / "broken").unlink()
    until(supervisor, lambda: supervisor.sample.up)
    assert (engine.starts, supervisor.failure) == (3, None)
    supervisor.close()


def test_the_loop_outlives_a_pause_and_a_word_that_does_not_get_out(engine: InsecureEngine) -> None:
    free = [10_000]
    settings = SupervisorSettings(every=0.05, block_time=BLOCK_TIME, in_place=True, stop_when_full=True)
    supervisor = Supervisor(engine, settings, rooms=lambda: [DiskSpace("home", free[0] << 20, 512 << 20)])
    stop, told = threading.Event(), threading.Event()

    def tell(one: Supervisor) -> None:
        if "engine-paused" in codes(one):
            told.set()
        raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "of a damaged file")

    thread = threading.Thread(target=supervisor.run, args=(stop, tell))
    thread.start()
    free[0] = 100
    assert told.wait(20)
    free[0] = 9_000
    deadline = time.monotonic() + 20
    while not (supervisor.sample.up and engine.starts == 2) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert (supervisor.sample.up, engine.starts, supervisor.failure) == (True, 2, None)
    stop.set()
    thread.join(20)
    supervisor.close()


def test_the_loop_reports_and_ends(engine: InsecureEngine, tmp_path: Path) -> None:
    supervisor = Supervisor(engine, SupervisorSettings(every=0.05, in_place=False))
    reporter, stop = Reporter(tmp_path / "run", "http://127.0.0.1:1/metrics"), threading.Event()
    thread = threading.Thread(
        target=supervisor.run, args=(stop, lambda one: reporter.say(one.problems, accepting=one.accepting))
    )
    thread.start()
    deadline = time.monotonic() + 10
    while (report := NodeReport.read(tmp_path / "run")) is None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert report is not None
    assert (report.pid, report.accepting, report.problems, report.ended) == (os.getpid(), True, (), False)
    engine.stop()
    thread.join(20)
    assert isinstance(supervisor.failure, EngineLost)
    report = NodeReport.read(tmp_path / "run")
    assert report is not None
    assert [one["code"] for one in report.problems] == ["engine-down"]
    stop.set()
    supervisor.close()


def test_a_block_of_tomorrow_shows_a_clock_that_is_behind(engine: InsecureEngine) -> None:
    (engine.folder / "skew").write_text("3600")
    supervisor = Supervisor(engine, QUICK)
    until(supervisor, lambda: "clock-skew" in codes(supervisor))
    assert supervisor.clock_ahead is not None
    assert -3602 < supervisor.clock_ahead < -3595
    supervisor.close()


def test_an_old_block_at_the_start_says_nothing_about_clocks(engine: InsecureEngine) -> None:
    (engine.folder / "halt").touch()
    time.sleep(1.2)
    (engine.folder / "skew").write_text("-30")
    supervisor = Supervisor(engine, QUICK)
    until(supervisor, lambda: supervisor.sample.up)
    (engine.folder / "halt").unlink()
    (engine.folder / "skew").write_text("0")
    for _ in range(20):
        supervisor.look()
        assert "clock-skew" not in codes(supervisor)
        time.sleep(0.05)
    (engine.folder / "skew").write_text("-30")
    until(supervisor, lambda: "clock-skew" in codes(supervisor))
    assert supervisor.clock_ahead is not None
    assert 25 < supervisor.clock_ahead < 32
    supervisor.close()


def test_clocks() -> None:
    assert block_offset(1000, 1000.4, 1.0) == 0.0
    assert block_offset(1000, 1060.0, 1.0) == 58.0, "blocks come, and all look old: this clock is ahead"
    assert block_offset(1000, 1060.0, None) == 0.0, "nobody knows how old a block is when it comes"
    assert block_offset(1000, 990.0, None) == -10.0
    assert [one.code for one in judge.clock_problems({"blocks": 4.0, "peers": None})] == []
    assert [one.code for one in judge.clock_problems({"blocks": -8.0}, jump=-300.0)] == ["clock-skew", "clock-jumped"]


def test_peers_clocks(engine: InsecureEngine) -> None:
    offset = measure.peers_clock([engine.rpc_url, "http://127.0.0.1:9"])
    assert offset is not None
    assert abs(offset) < 2
    assert measure.peers_clock(["http://127.0.0.1:9"]) is None


def test_room_is_judged_before_it_is_gone() -> None:
    found = room_problems(
        [DiskSpace("a", 900, 500), DiskSpace("b", 400, 500), DiskSpace("c", 9_000, 500), DiskSpace("d", 0, 0)]
    )
    assert [(one.code, one.facts["place"]) for one in found] == [("disk-low", "a"), ("disk-full", "b")]


def test_every_problem_says_what_and_what_to_do_in_two_languages() -> None:
    for code in CATALOGUE:
        said = problem(code, seconds=3.0, entries=5, restarts=2).as_json()
        for part in ("what", "do"):
            assert any("\u4e00" <= letter <= "\u9fff" for letter in said[part]["zh"]), (code, part)
            assert said[part]["en"].isascii(), (code, part)
            assert "{" not in said[part]["en"] + said[part]["zh"], (code, part)
    with pytest.raises(KeyError):
        problem("no-such")


def test_who_holds_a_port(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        assert measure.port_holder(port) == ""
        taken.listen()
        assert f"process {os.getpid()}" in measure.port_holder(port)
        found = problem_of(EngineError(f"luyad cannot start: port {port}, {port + 1} is in use; choose"), "/home")
        assert (found.code, found.facts["port"]) == ("port-in-use", port)
        assert str(os.getpid()) in found.as_json()["what"]["en"]
        assert problem_of(PortInUse(port, "process 1"), "/home").code == "port-in-use"


def test_who_holds_a_lock(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert measure.lock_owner(path) is None
    lock = FileLock(path, "it")
    assert measure.lock_owner(path) == os.getpid()
    lock.release()
    assert measure.lock_owner(path) is None
    path.write_text(f"{os.getpid()}\n")
    assert measure.lock_owner(path) is None, "what a file says of long ago holds nothing"
    child = subprocess.Popen(
        [sys.executable, "-c", f"import fcntl,time; f=open({str(path)!r}); fcntl.flock(f, 2); time.sleep(60)"]
    )
    try:
        deadline = time.monotonic() + 10
        while measure.lock_owner(path) != child.pid:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert measure.alive(child.pid)
        assert "fcntl" in measure.command_of(child.pid)
    finally:
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and nobody has asked how
        assert not measure.alive(child.pid), "a zombie is no living process"
        child.wait()
    assert not measure.alive(child.pid)
    assert measure.command_of(child.pid) == ""
    assert measure.cpu_seconds(child.pid) == 0.0
    assert measure.cpu_seconds(os.getpid()) > 0


@pytest.mark.parametrize("pid", [0, -1, 2**31, 2**70])
def test_a_number_from_a_damaged_file_is_nobody(pid: int) -> None:
    assert not measure.alive(pid)
    assert measure.command_of(pid) == ""
    assert measure.cpu_seconds(pid) == 0.0
