"""`kill -9` of any process at random moments of an ingest, then the same command again.

What became of each row, and all totals, are those of a run that nobody disturbed. Log indexes are left out of the
comparison: a rebuilt ledger names its new log key in the log, and batches end elsewhere, so later entries may move.
"""

from __future__ import annotations

import csv
import json
import os
import random
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import luya_process
import pytest
from luya_process import Running, engine_pid, fsck, ingest_command, kill, processes, start, succeeds, wait_gone

from chain_node.archive.reader import ArchiveReader
from chain_node.protocol.entries import Reduction, decode
from luya.demo.data import write_partner_files

SEED = int(os.environ.get("LUYA_TEST_SEED", "20251120"))
"""Of the random moments; a failure prints it."""
ROWS = 1_500
REAL = "citibike/JC-201701-citibike-tripdata.csv"
Row = tuple[str, ...]


@dataclass(frozen=True)
class Undisturbed:
    """A run that nobody disturbed. pace: seconds that such a run takes at most, alone and where `luya up` runs."""

    feed: str
    file: Path
    answer: dict[str, Any]
    rows: list[Row]
    reductions: list[Row]
    pace: dict[bool, float]


def rows_of(report: Path) -> list[Row]:
    """The report without file names and log indexes."""
    with report.open(encoding="utf-8", newline="") as file:
        return [
            tuple(value for name, value in line.items() if name not in ("file", "index"))
            for line in csv.DictReader(file)
        ]


def reductions_of(home: Path) -> list[Row]:
    """Every reduction in the log by what does not change from run to run: accounts and salts are random."""
    entries = map(decode, ArchiveReader(home / "archive").entries())
    return [
        tuple(map(str, (one.feed, one.sequence, one.record.method, one.record.day, one.record.slot, one.record.slots)))
        + tuple(map(str, (one.record.activity, one.credits_mg, one.millipoints)))
        for one in entries
        if isinstance(one, Reduction)
    ]


def run_undisturbed(home: Path, feed: str, file: Path) -> Undisturbed:
    """Runs it once on a deployed home."""
    report, begun = home.parent / "undisturbed.csv", time.monotonic()
    answer = succeeds(*ingest_command(home, feed, file, report=report))
    seconds = time.monotonic() - begun
    fsck(home)
    return Undisturbed(feed, file, answer, rows_of(report), reductions_of(home), {False: seconds, True: seconds})


@pytest.fixture(scope="module")
def small(deployed: Path, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """A generated bike-share file."""
    folder = tmp_path_factory.mktemp("kill-small")
    made = write_partner_files(folder, records=ROWS * 10 // 6, last_day=date(2025, 5, 31))
    return run_undisturbed(copied(deployed, folder / "home"), "bike-share", made.files["bike-share"])


@pytest.fixture(scope="module")
def large(deployed: Path, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """A real month; where there are no real files, a generated one of that size."""
    folder = tmp_path_factory.mktemp("kill-large")
    default = Path(__file__).resolve().parents[2].parent / "shared" / "data"
    file = Path(os.environ.get("LUYA_REAL_DATA", default)) / REAL
    if not file.is_file():
        file = write_partner_files(folder, records=20_000, last_day=date(2025, 5, 31)).files["bike-share"]
    return run_undisturbed(copied(deployed, folder / "home"), "bike-share", file)


def copied(source: Path, target: Path) -> Path:
    """A copy of a stopped home."""
    return Path(shutil.copytree(source, target))


def finish(home: Path, expected: Undisturbed, what: str) -> None:
    """The same command again comes to what the undisturbed run came to."""
    report = home.parent / "report.csv"
    answer = succeeds(*ingest_command(home, expected.feed, expected.file, report=report))
    assert answer == expected.answer, what
    assert rows_of(report) == expected.rows, what
    assert reductions_of(home) == expected.reductions, what


def victims(home: Path, ingest: int) -> dict[str, int]:
    """Whom one could kill now, by what it is."""
    named = {"ingest": ingest}
    engine = engine_pid(home)
    if engine is not None:
        named["engine"] = engine
    node, api = (luya_process.read_json(home / "run" / name) for name in ("node.json", "api.json"))
    if node is not None and node["pid"] != ingest:
        named["node"] = node["pid"]
    if api is not None:
        named["api"] = api["pid"]
    living = processes(home)
    return {name: pid for name, pid in named.items() if pid in living}


@dataclass
class Attempt:
    """An ingest in a process of its own."""

    child: subprocess.Popen[bytes]
    said: Path

    @classmethod
    def begin(cls, home: Path, expected: Undisturbed) -> Attempt:
        said = home.parent / "ingest.log"
        report = home.parent / "killed.csv"
        return cls(start(*ingest_command(home, expected.feed, expected.file, report=report), log=said), said)

    def ended(self) -> int:
        """Its exit code; whatever was killed, it ends by itself and without a traceback."""
        code = self.child.wait(120)
        text = self.said.read_text("utf-8", "replace")
        assert luya_process.TRACEBACK not in text, text
        return code

    @property
    def answer(self) -> dict[str, Any] | None:
        """What it answered, if it did before it was killed."""
        for line in self.said.read_text("utf-8", "replace").splitlines():
            if line.startswith('{"feed"'):
                value: dict[str, Any] = json.loads(line)
                return value
        return None

    @property
    def answered(self) -> bool:
        """It had come to its end."""
        return self.answer is not None


def strike(home: Path, attempt: Attempt, name: str, delay: float) -> str | None:
    """Kills `name` after `delay` seconds, or as soon as there is one; None when the ingest had ended by then."""
    time.sleep(delay)
    while attempt.child.poll() is None:
        found = victims(home, attempt.child.pid)
        if name in found:
            kill(found[name])
            return f"{name} killed after {delay:.2f} s"
        time.sleep(0.01)
    return None


Kill = Callable[[Path, float], tuple[Attempt, str | None]]


def until_struck(
    kill_in: Kill, expected: Undisturbed, deployed: Path, folder: Path, luck: random.Random, with_up: bool
) -> tuple[Path, Attempt, str]:
    """One kill that met a running ingest: (home, attempt, what). A run that ended first is not counted, and shows
    that runs are faster than was thought."""
    for number in range(8):
        home = copied(deployed, folder / f"home-{number}")
        delay = luck.random() * expected.pace[with_up]
        attempt, struck = kill_in(home, delay)
        if struck is not None:
            return home, attempt, f"seed {SEED}: {struck}"
        expected.pace[with_up] = min(delay, expected.pace[with_up])
        shutil.rmtree(home)
    raise AssertionError("eight times the ingest ended before it could be disturbed")


def test_small_file_alone(small: Undisturbed, deployed: Path, tmp_path: Path) -> None:
    """Kills one after another on one home: the ingest early, its engine, the ingest late."""
    luck, home, history = random.Random(SEED), copied(deployed, tmp_path / "home"), [f"seed {SEED}"]
    for name, least, most in (("ingest", 0.2, 0.4), ("engine", 0.3, 0.6), ("ingest", 0.6, 0.9)):
        attempt = Attempt.begin(home, small)
        history.append(str(strike(home, attempt, name, luck.uniform(least, most) * small.pace[False])))
        attempt.ended()
        if attempt.answered:
            break
        wait_gone(home)
    settle(home, small, attempt, "; ".join(history))


def settle(home: Path, expected: Undisturbed, last: Attempt, what: str) -> None:
    """Goes on with a call whose last attempt gave no answer; then all is as after the undisturbed run."""
    print(what)
    if last.answered:
        assert last.answer == expected.answer, what
        assert rows_of(home.parent / "killed.csv") == expected.rows, what
    else:
        finish(home, expected, what)
    assert reductions_of(home) == expected.reductions, what
    check_clean(home, expected)


def check_clean(home: Path, expected: Undisturbed) -> None:
    """fsck finds nothing, the totals are right, and no process is left."""
    found = fsck(home)
    assert (found["credits_mg"], found["millipoints"]) == (
        expected.answer["credits_mg"],
        expected.answer["millipoints"],
    )
    wait_gone(home)


@contextmanager
def running(home: Path) -> Iterator[Running]:
    """`luya up` that may be killed inside; whatever is left of it is ended."""
    node = luya_process.launch(home)
    try:
        yield node
    finally:
        code = luya_process.stop(node.process)
        text = node.log.read_text("utf-8", "replace")
        assert luya_process.TRACEBACK not in text, text
        assert code in (0, 1, -9), text
        wait_gone(home)


def kill_with_up(home: Path, expected: Undisturbed, name: str, delay: float) -> tuple[Attempt, str | None]:
    """One kill while `luya up` runs."""
    with running(home) as node:
        attempt = Attempt.begin(home, expected)
        struck = strike(home, attempt, name, delay)
        code = attempt.ended()
        if name == "api":
            assert code == 0, attempt.said.read_text("utf-8", "replace")
            wait_for_new_api(node)
    return attempt, struck


def kill_alone(home: Path, expected: Undisturbed, name: str, delay: float) -> tuple[Attempt, str | None]:
    """One kill of an ingest that has an engine of its own."""
    attempt = Attempt.begin(home, expected)
    struck = strike(home, attempt, name, delay)
    attempt.ended()
    wait_gone(home)
    return attempt, struck


def wait_for_new_api(node: Running) -> None:
    """A killed API is started again, at the same address, and serves."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            if node.get("/v1/checkpoint")[0] == 200:
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the API did not come back")


@pytest.mark.parametrize("name", ["api", "node"])
def test_small_file_with_up(name: str, small: Undisturbed, deployed: Path, tmp_path: Path) -> None:
    luck = random.Random(f"{SEED} {name}")
    small.pace[True] = min(small.pace.values()) * 0.8
    settle(*killed_with_up(name, small, deployed, tmp_path, luck))


def killed_with_up(
    name: str, expected: Undisturbed, deployed: Path, folder: Path, luck: random.Random
) -> tuple[Path, Undisturbed, Attempt, str]:
    """A home where `name` was killed while `luya up` ran."""
    home, attempt, what = until_struck(
        lambda home, delay: kill_with_up(home, expected, name, delay), expected, deployed, folder, luck, True
    )
    return home, expected, attempt, what


@pytest.mark.deep
@pytest.mark.parametrize("moment", range(14))
def test_real_file_alone(moment: int, large: Undisturbed, deployed: Path, tmp_path: Path) -> None:
    """One kill at a random moment of the whole run, then the same again."""
    luck = random.Random(f"{SEED} alone {moment}")
    name = luck.choice(["ingest", "engine"])
    home, attempt, what = until_struck(
        lambda home, delay: kill_alone(home, large, name, delay), large, deployed, tmp_path, luck, False
    )
    settle(home, large, attempt, what)


@pytest.mark.deep
@pytest.mark.parametrize("name", ["ingest", "engine", "node", "api"])
@pytest.mark.parametrize("moment", range(3))
def test_real_file_with_up(name: str, moment: int, large: Undisturbed, deployed: Path, tmp_path: Path) -> None:
    luck = random.Random(f"{SEED} up {name} {moment}")
    settle(*killed_with_up(name, large, deployed, tmp_path, luck))
