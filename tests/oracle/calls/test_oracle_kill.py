"""`kill -9` at any instant, then the same call again: the same outcome per row and the same totals."""

from __future__ import annotations

import csv
import json
import os
import random
import sqlite3
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import partner_files
import pytest

CHILD = Path(__file__).with_name("ingest_child.py")
DEEP = os.environ.get("DEEP") == "1"
KILLS = 100 if DEEP else 20
BOUNDARIES = 1000 if DEEP else 12


@dataclass
class Call:
    """One way of calling: the feed, and files made once."""

    feed: str
    files: list[Path]
    folder: Path

    def start(self, home: Path, **environment: str) -> subprocess.Popen[str]:
        home.mkdir(exist_ok=True)
        command = [sys.executable, str(CHILD), str(home), self.feed, str(home / "report.csv"), *map(str, self.files)]
        root = CHILD.parents[3]
        paths = os.pathsep.join([str(CHILD.parents[1]), str(root)])
        env = os.environ | {"PYTHONPATH": paths} | environment
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)

    def finish(self, home: Path, **environment: str) -> tuple[dict[str, object], str, int]:
        """(result, report, boundaries passed) of a call that runs to its end."""
        child = self.start(home, **environment)
        out, err = child.communicate(timeout=120)
        assert child.returncode == 0, err
        lines = out.splitlines()
        assert lines[0] == "go"
        return json.loads(lines[1]), (home / "report.csv").read_text(encoding="utf-8"), int(lines[2].split()[1])


def made(feed: str, folder: Path) -> Call:
    if feed == "bike-share":
        files = [partner_files.trips(folder / f"trips-{n}.csv", 500, seed=n) for n in (1, 2)]
    else:
        files = [partner_files.swipes(folder / f"swipes-{n}.json", 500, seed=n) for n in (1, 2)]
    return Call(feed, files, folder)


def amounts(home: Path) -> tuple[int, list[tuple[object, ...]]]:
    """Entries on the ledger, and the words: what a row that counted twice would change."""
    db = sqlite3.connect(home / "ledger.db")
    try:
        count = db.execute("SELECT COUNT(*) FROM entry").fetchone()[0]
        return count, db.execute("SELECT key, value FROM word ORDER BY key").fetchall()
    finally:
        db.close()


def without_index(report: str) -> list[dict[str, str]]:
    """The report but for log indexes: they may differ where an interrupted call sent another batch size."""
    lines = csv.DictReader(report.splitlines())
    return [{name: text for name, text in line.items() if name != "index"} for line in lines]


@pytest.mark.parametrize("feed", ["bike-share", "transit-card"])
def test_killed_at_random_moments(feed: str, tmp_path: Path) -> None:
    call = made(feed, tmp_path)
    began = time.monotonic()
    expected = call.finish(tmp_path / "undisturbed")
    seconds = time.monotonic() - began
    luck, home, kills = random.Random(7), tmp_path / "killed", 0
    while kills < KILLS:
        child = call.start(home)
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(luck.random() * seconds * 0.25)
        if child.poll() is None:
            child.kill()
        out, _ = child.communicate()
        kills += 1
        if out:
            # Delivered: by then nothing is left to do but to close the call.
            check(json.loads(out.splitlines()[0]), home, expected, tmp_path)
            home = tmp_path / f"killed-{kills}"
    result, _, _ = call.finish(home)
    check(result, home, expected, tmp_path)


def check(result: dict[str, object], home: Path, expected: tuple[dict[str, object], str, int], tmp_path: Path) -> None:
    assert result == expected[0]
    assert (home / "report.csv").read_text(encoding="utf-8") == expected[1]
    assert amounts(home) == amounts(tmp_path / "undisturbed")


@pytest.mark.parametrize("way", ["new", "sent-again", "retried"])
@pytest.mark.parametrize("feed", ["bike-share", "transit-card"])
def test_killed_at_every_kind_of_boundary(feed: str, way: str, tmp_path: Path) -> None:
    call, again = made(feed, tmp_path), way != "new"
    retry = {"LUYA_TEST_RETRY": "1"} if way == "retried" else {}
    if again:
        assert call.finish(tmp_path / "undisturbed", LUYA_TEST_WRONG="1")[0]["accepted"] == 0
    expected = call.finish(tmp_path / "undisturbed", LUYA_TEST_DIE_AT="1000000", **retry)
    assert bool(expected[0]["judged_again"]) == again
    boundaries = expected[2]
    assert boundaries > 20
    luck = random.Random(11)
    for at in luck.sample(range(1, boundaries + 1), min(BOUNDARIES // (1 + 2 * again), boundaries)):
        home = tmp_path / f"killed-{at}"
        if again:
            call.finish(home, LUYA_TEST_WRONG="1")
        child = call.start(home, LUYA_TEST_DIE_AT=str(at), **retry)
        child.communicate(timeout=120)
        finished = child.returncode == 0
        assert finished == (at > boundaries) or child.returncode == -9
        result, report, _ = call.finish(home, **retry)
        if at == boundaries:
            assert result["already_known"] == result["rows"], "the call was closed before it was killed"
            continue
        assert result == expected[0]
        assert without_index(report) == without_index(expected[1])
        assert amounts(home) == amounts(tmp_path / "undisturbed")
