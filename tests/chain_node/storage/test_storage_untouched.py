"""A database is copied whole while others write to it, begin its WAL anew, close it or die; and is left as it was."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from chain_node.errors import LockError
from chain_node.storage import untouched
from chain_node.storage.untouched import copy_untouched

ROWS = 400
WRITER = """
import sqlite3, sys
path, rounds = sys.argv[1], int(sys.argv[2])
value = 0
while True:  # each round closes the database, which removes the WAL, or (rounds = 0) never
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA wal_autocheckpoint = 300")
    for _ in range(rounds or 10**9):
        value += 1
        db.execute("BEGIN IMMEDIATE")
        db.execute("UPDATE t SET value = ?, text = ?", (value, str(value % 10) * (900 + 700 * (value % 2))))
        db.execute("COMMIT")
        print(value, flush=True)
    db.close()
"""


def made(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, value INTEGER, text TEXT)")
        db.executemany("INSERT INTO t VALUES (?, 0, '')", [(number,) for number in range(ROWS)])


@contextmanager
def writing(path: Path, rounds: int) -> Iterator[subprocess.Popen[str]]:
    """A process that gives all rows a new value, over and over; it is killed, as nobody can foresee."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), str(rounds)], stdout=subprocess.PIPE, text=True, bufsize=1
    )
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
    finally:
        process.kill()
        process.communicate()


def value(copied: Path) -> int:
    """Of all rows of a copy, which is whole."""
    with closing(sqlite3.connect(copied)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        ((count, distinct, found),) = db.execute("SELECT count(*), count(DISTINCT value), max(value) FROM t")
    assert (count, distinct) == (ROWS, 1)
    return int(found)


def state(folder: Path) -> dict[str, tuple[str, int]]:
    return {
        one.name: (hashlib.sha256(one.read_bytes()).hexdigest(), one.stat().st_mtime_ns) for one in folder.iterdir()
    }


@pytest.mark.parametrize("rounds", [0, 3])
def test_each_copy_is_one_state_that_there_was(rounds: int, tmp_path: Path) -> None:
    home, copies = tmp_path / "home", tmp_path / "copies"
    home.mkdir()
    copies.mkdir()
    path = home / "a.db"
    made(path)
    found = []
    with writing(path, rounds):
        for number in range(25):
            copy_untouched(path, copies / f"{number}.db")
            found.append(value(copies / f"{number}.db"))
    assert found == sorted(found)
    assert found[-1] > found[0] > 0
    killed = state(home)
    copy_untouched(path, copies / "last.db")
    assert value(copies / "last.db") >= found[-1]
    assert state(home) == killed


def test_a_copy_comes_to_its_end_however_much_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the file is copied, more is written than three WALs hold: nobody begins a new one meanwhile."""
    path = tmp_path / "a.db"
    made(path)
    monkeypatch.setattr(untouched, "ATTEMPTS", 1)
    with writing(path, 0) as process:
        written, copyfile = process.stdout, shutil.copyfile
        assert written is not None

        def slowly(source: Path, target: Path) -> None:
            copyfile(source, target)
            for _ in range(30):
                written.readline()

        monkeypatch.setattr(shutil, "copyfile", slowly)
        copy_untouched(path, tmp_path / "copy.db")
    assert value(tmp_path / "copy.db") > 0


def test_what_is_closed_or_begun_anew_meanwhile_is_copied_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, copy = tmp_path / "a.db", tmp_path / "copy.db"
    made(path)
    times = []

    def changed(source: Path, target: Path) -> None:
        real(source, target)
        if source == path and len(times) < 3:
            times.append(source)
            with closing(sqlite3.connect(path)) as db, db:  # opened, written, removed again with its WAL
                db.execute("UPDATE t SET value = ?", (len(times),))
            time.sleep(0.02)

    real = shutil.copyfile
    monkeypatch.setattr(shutil, "copyfile", changed)
    copy_untouched(path, copy)
    assert value(copy) == 3
    times.clear()
    monkeypatch.setattr(untouched, "ATTEMPTS", 2)
    with pytest.raises(LockError, match="changed each of the 2 times"):
        copy_untouched(path, copy)
