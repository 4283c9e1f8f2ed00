"""A disk fills up under a running ledger: nothing accepted is lost, it says so, and it goes on when there is room.

The disk is a loop mount, so this needs root and mount(8); elsewhere it is skipped, visibly.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from luya_process import TRACEBACK, fsck, ingest, ingest_command, launch, luya, read_json, start, stop, up, wait_gone

from chain_node.archive.reader import ArchiveReader
from luya.demo.data import write_partner_files

MIB = 1024 * 1024
SIZE = 96
RESERVE = {"LUYA_DISK_RESERVE": "24"}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small ext4 file system of its own."""
    if os.geteuid() != 0 or shutil.which("mkfs.ext4") is None:
        pytest.skip("needs root and mkfs.ext4 for a loop mount")
    image, mount = tmp_path / "image", tmp_path / "disk"
    with image.open("wb") as file:
        file.truncate(SIZE * MIB)
    subprocess.run(["mkfs.ext4", "-q", "-F", "-m", "0", str(image)], check=True)
    mount.mkdir()
    done = subprocess.run(["mount", "-o", "loop", str(image), str(mount)], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no loop mounts here: {done.stderr.strip()}")
    try:
        yield mount
    finally:
        subprocess.run(["umount", "-l", str(mount)], check=True)


def fill(disk: Path, leave: int) -> Path:
    """Takes all room but `leave` MiB; whatever is written meanwhile takes of that too."""
    ballast = disk / "ballast"
    with ballast.open("ab") as file:
        while os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize > leave * MIB:
            try:
                file.write(b"\0" * (MIB // 4))
                file.flush()
            except OSError:
                break
    return ballast


def until(what: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def status(home: Path) -> tuple[int, dict[str, Any]]:
    done = luya("status", "--json", "--home", home, env=RESERVE)
    return done.code, {one["code"]: one for one in done.answer["problems"]}


@pytest.mark.parametrize(
    "left", [pytest.param(12, id="below the reserve"), pytest.param(0, id="nothing left", marks=pytest.mark.deep)]
)
def test_a_disk_fills_up_and_is_emptied(left: int, disk: Path, deployed: Path, tmp_path: Path) -> None:
    home = Path(shutil.copytree(deployed, disk / "home"))
    files = write_partner_files(tmp_path / "files", records=6_000, last_day=date(2025, 5, 31)).files
    file = files["bike-share"]
    os.environ |= RESERVE
    try:
        node = launch(home, log=tmp_path / "up.log")
        try:
            child = start(*ingest_command(home, "bike-share", file), log=tmp_path / "ingest.log", env=RESERVE)
            until(lambda: ArchiveReader(home / "archive").size > 300 or child.poll() is not None)
            ballast = fill(disk, left)
            until(lambda: not (read_json(home / "run" / "supervisor.json") or {}).get("accepting", True) or left == 0)
            told, problems = status(home)
            assert told == 2, problems
            assert "disk-full" in problems
            assert "go on" in problems["disk-full"]["do"]["en"] or "goes on" in problems["disk-full"]["do"]["en"]
            refused = luya(*ingest_command(home, "daily-steps", files["daily-steps"]), env=RESERVE)
            assert refused.code == 1
            assert TRACEBACK not in refused.stderr, refused.said
            assert "nothing new is accepted" in refused.stderr, refused.said
            assert node.process.poll() is None, (tmp_path / "up.log").read_text("utf-8")

            ballast.unlink()
            until(lambda: status(home) == (0, {}), 120)
            # refused while it still had something to sign, or, when all was sent, waiting for the archive
            code, said = child.wait(300), (tmp_path / "ingest.log").read_text("utf-8")
            assert TRACEBACK not in said, said
            assert code == 0 or "nothing new is accepted" in said or left == 0, said
            answer = ingest(home, "bike-share", file)
            assert answer["rows"] == answer["accepted"] + answer["already_known"] + sum(answer["refused"].values())
            assert fsck(home)["credits_mg"] == undisturbed(deployed, file, tmp_path)
        finally:
            ended = stop(node.process)
        assert ended == 0, (tmp_path / "up.log").read_text("utf-8")
        wait_gone(home)
        fsck(home)
    finally:
        for name in RESERVE:
            os.environ.pop(name, None)


def undisturbed(deployed: Path, file: Path, folder: Path) -> int:
    """Credits of the same file on a disk with room."""
    home = Path(shutil.copytree(deployed, folder / "undisturbed"))
    ingest(home, "bike-share", file)
    return int(fsck(home)["credits_mg"])


@pytest.mark.deep
def test_the_second_copys_disk_fills_up(disk: Path, deployed: Path, tmp_path: Path) -> None:
    """The ledger goes on; `luya status` says that there is no second copy; with room the copy catches up."""
    home = Path(shutil.copytree(deployed, tmp_path / "home"))
    file = write_partner_files(tmp_path / "files", records=800, last_day=date(2025, 5, 31)).files["bike-share"]
    ballast = fill(disk, 0)
    with up(home, "--mirror", disk / "copy"):
        assert ingest(home, "bike-share", file)["accepted"] > 100
        until(lambda: "mirror-failing" in status(home)[1])
        ballast.unlink()
        size = ArchiveReader(home / "archive").size
        until(lambda: ArchiveReader(disk / "copy").size == size)
        until(lambda: status(home) == (0, {}))
