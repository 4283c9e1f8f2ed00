"""What a killed check leaves of raw rows goes at the next one; a living one's, and what is another's, stays."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from luya.oracle import passing
from luya.oracle.passing import passing_folder

HOLDER = """
import sys
from luya.oracle.passing import passing_folder
with passing_folder() as folder:
    (folder / "rows").mkdir()
    (folder / "rows" / "staging.db").write_text("a resident's rows")
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def holder(folder: Path) -> tuple[subprocess.Popen[str], Path]:
    """A process that holds a folder of rows in this one, and that folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(folder)},
    )
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def test_of_a_killed_call_nothing_is_left_and_of_a_living_one_everything(tmp_path: Path) -> None:
    living, kept = holder(tmp_path)
    killed, left = holder(tmp_path)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert (left / "rows" / "staging.db").exists()
    with passing_folder() as folder:
        assert sorted(tmp_path.iterdir()) == sorted([kept, folder])
        assert folder.stat().st_mode & 0o777 == 0o700
        assert (kept / "rows" / "staging.db").exists()
    living.communicate("")
    assert living.returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_what_is_another_users_or_leads_elsewhere_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    link, file, theirs = (tmp_path / f"luya-check-{name}" for name in ("link", "file", "theirs"))
    link.symlink_to(elsewhere, target_is_directory=True)
    file.write_text("")
    theirs.mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: theirs.stat().st_uid + 1)
    passing.sweep()
    assert {link, file, theirs, elsewhere} == set(tmp_path.iterdir())
    monkeypatch.undo()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    passing.sweep()
    assert {link, file, elsewhere} == set(tmp_path.iterdir())


def test_a_folder_that_was_swept_before_it_was_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another call's sweep comes between the folder's making and its locking."""
    flock, swept = fcntl.flock, []

    def late(handle: int, how: int) -> None:
        if not swept:
            swept.extend(tmp_path.iterdir())
            swept[0].rmdir()
        flock(handle, how)

    monkeypatch.setattr(fcntl, "flock", late)
    with passing_folder() as folder:
        assert swept == [folder]
        monkeypatch.undo()
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        passing.sweep()
        assert folder.is_dir()
