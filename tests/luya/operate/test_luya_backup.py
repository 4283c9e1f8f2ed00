"""A home is backed up while it is written to, and restored on a clean machine: nothing lost, nothing twice."""

from __future__ import annotations

import json
import os
import shutil
import stat
import time
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from luya_process import fsck, ingest, ingest_command, luya, refuses, start, succeeds, up

from chain_node.archive.reader import ArchiveReader
from luya.demo.data import write_partner_files


def totals(home: Path) -> dict[str, Any]:
    return {name: value for name, value in fsck(home).items() if name in ("credits_mg", "millipoints", "log_root")}


def test_backup_and_restore_of_a_stopped_home(ingested_home: Path, tmp_path: Path) -> None:
    before = totals(ingested_home)
    out, secrets, new = tmp_path / "backup", tmp_path / "apart", tmp_path / "clean" / "home"
    made = succeeds("backup", "--json", "--home", ingested_home, "--out", out, "--secrets", secrets)
    size = ArchiveReader(ingested_home / "archive").size
    assert (made["log_size"], made["log_root"], made["verified"]) == (size, before["log_root"], True)
    assert made["seconds"] > 0
    assert made["verify_seconds"] > 0
    assert not list(out.rglob("secrets")), "passphrases are never beside the keystores"
    assert not (out / "home" / "chain").exists()
    assert stat.S_IMODE(out.stat().st_mode) == 0o700
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in secrets.iterdir())

    shutil.rmtree(ingested_home)
    back = succeeds("restore", out, "--json", "--home", new, "--secrets", secrets)
    assert (back["log_size"], back["log_root"], back["secrets"]) == (size, before["log_root"], made["secrets"])
    assert stat.S_IMODE(new.stat().st_mode) == 0o700
    assert totals(new) == before, "the chain was rebuilt from the archive"


@pytest.mark.deep
def test_backup_of_a_home_that_is_written_to(deployed_home: Path, tmp_path: Path) -> None:
    """Backups in the middle of an ingest; each is restored, and the same ingest there ends as the undisturbed one."""
    file = write_partner_files(tmp_path / "files", records=6_000, last_day=date(2025, 5, 31)).files["bike-share"]
    with up(deployed_home):
        child = start(*ingest_command(deployed_home, "bike-share", file), log=tmp_path / "ingest.log")
        backups = []
        while child.poll() is None and len(backups) < 6:
            out = tmp_path / f"backup-{len(backups)}.tar"
            made = succeeds("backup", "--json", "--home", deployed_home, "--out", out, "--no-verify")
            backups.append((made["log_size"], out))
        assert child.wait(300) == 0, (tmp_path / "ingest.log").read_text()
    expected = json.loads((tmp_path / "ingest.log").read_text().splitlines()[-1])
    final = fsck(deployed_home)
    sizes = [size for size, _ in backups]
    assert sizes == sorted(sizes)
    middle = next((out for size, out in backups if sizes[0] < size < final["log_size"]), backups[-1][1])
    new = tmp_path / "restored"
    succeeds("restore", middle, "--json", "--home", new, "--secrets", deployed_home / "secrets")
    again = ingest(new, "bike-share", file)
    assert again["credits_mg"] == expected["credits_mg"]
    found = fsck(new)
    assert (found["credits_mg"], found["millipoints"]) == (final["credits_mg"], final["millipoints"])


def test_a_backup_is_brought_up_to_date(ingested_home: Path, tmp_path: Path) -> None:
    out = tmp_path / "backup"
    first = succeeds("backup", "--json", "--home", ingested_home, "--out", out, "--no-keys")
    assert not (out / "home" / "keys").exists()
    more = write_partner_files(tmp_path / "more", records=120, last_day=date(2025, 7, 31), seed=3).files
    ingest(ingested_home, "daily-steps", more["daily-steps"])
    second = succeeds("backup", "--json", "--home", ingested_home, "--out", out)
    assert second["log_size"] > first["log_size"]
    part = json.loads((out / "backup.json").read_bytes())["part"]
    assert (out / part / "keys").exists()
    assert part != "home", "the files of the first one stood until the second was whole"
    assert [path.name for path in (out / "home").iterdir()] == ["archive"], "then they went"
    third = succeeds("backup", "--json", "--home", ingested_home, "--out", out)
    assert third["log_root"] == second["log_root"]
    assert (out / "home" / "keys").exists()
    assert not any((out / part).iterdir())


def test_passphrases_that_are_kept_are_not_replaced_by_others(ingested_home: Path, tmp_path: Path) -> None:
    out, secrets = tmp_path / "backup", tmp_path / "apart"
    succeeds("backup", "--home", ingested_home, "--out", out, "--secrets", secrets)
    succeeds("backup", "--home", ingested_home, "--out", out, "--secrets", secrets)
    good = (secrets / "log").read_bytes()
    (ingested_home / "secrets" / "log").write_text("0" * 64)
    said = refuses("backup", "--home", ingested_home, "--out", out, "--secrets", secrets)
    assert "other passphrases (log)" in said
    assert (secrets / "log").read_bytes() == good


def test_a_damaged_backup_is_refused(ingested_home: Path, tmp_path: Path) -> None:
    out, new = tmp_path / "backup", tmp_path / "new"
    succeeds("backup", "--home", ingested_home, "--out", out, "--no-verify")
    whole = (out / "home" / "registry" / "registry.sqlite").read_bytes()
    (out / "home" / "registry" / "registry.sqlite").write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert "registry.sqlite has changed" in refuses("restore", out, "--home", new)
    (out / "home" / "registry" / "registry.sqlite").write_bytes(whole)
    (tile,) = (out / "home" / "archive" / "tile" / "entries").glob("000*")
    bundle = next(tile.glob("*")) if tile.is_dir() else tile
    data = bundle.read_bytes()
    bundle.write_bytes(data[:50] + bytes([data[50] ^ 1]) + data[51:])
    assert "damaged" in refuses("restore", out, "--home", new)
    bundle.write_bytes(data)
    (out / "backup.json").rename(out / "kept.json")
    assert "no whole backup" in refuses("restore", out, "--home", new)
    assert not new.exists()
    (out / "kept.json").rename(out / "backup.json")
    new.mkdir()
    (new / "mine").write_text("x")
    assert "not empty" in refuses("restore", out, "--home", new)


def test_places_that_are_none(ingested_home: Path, tmp_path: Path) -> None:
    for out in (ingested_home, ingested_home / "backup", ingested_home.parent):
        assert "one place" in refuses("backup", "--home", ingested_home, "--out", out)
    out = tmp_path / "backup"
    said = refuses("backup", "--home", ingested_home, "--out", out, "--secrets", out / "secrets")
    assert "place of their own" in said
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "photo").write_text("x")
    assert "no backup" in refuses("backup", "--home", ingested_home, "--out", tmp_path / "mine")
    assert "no ledger" in refuses("backup", "--home", tmp_path / "nothing", "--out", out)
    assert (tmp_path / "mine" / "photo").read_text() == "x"


def test_archive_mirror_verify_and_restore(ingested_home: Path, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere" / "archive"
    before = totals(ingested_home)
    made = succeeds("archive", "mirror", "--to", copy, "--once", "--json", "--home", ingested_home)
    assert made["root"] == before["log_root"]
    assert succeeds("archive", "verify", copy, "--json")["root"] == before["log_root"]
    shutil.rmtree(ingested_home / "archive" / "tile")
    told = luya("status", "--json", "--home", ingested_home)
    assert told.code == 2, "something must be done"
    assert [one["code"] for one in told.answer["problems"] if one["severity"] == "error"] == ["archive-damaged"]
    assert "luya archive restore" in told.answer["problems"][0]["do"]["en"]
    restored = succeeds("archive", "restore", "--from", copy, "--json", "--home", ingested_home)
    assert Path(restored["kept"]).exists(), "the damaged one is kept"
    assert totals(ingested_home) == before
    assert "one place" in refuses("archive", "mirror", "--to", ingested_home / "archive" / "x", "--home", ingested_home)


def test_an_archive_that_has_gone_is_told_and_never_begun_anew(ingested_home: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    before = totals(ingested_home)
    succeeds("archive", "mirror", "--to", copy, "--once", "--home", ingested_home)
    shutil.rmtree(ingested_home / "archive")
    told = luya("status", "--json", "--home", ingested_home)
    assert told.code == 2
    assert [one["code"] for one in told.answer["problems"] if one["severity"] == "error"] == ["archive-damaged"]
    for command in ("up", "rebuild"):
        assert "luya archive restore --from MIRROR" in refuses(command, "--home", ingested_home)
    assert not (ingested_home / "archive").exists()
    succeeds("archive", "restore", "--from", copy, "--home", ingested_home)
    assert totals(ingested_home) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_destination_that_takes_nothing(ingested_home: Path, tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o500)
    assert "closed" in refuses("backup", "--home", ingested_home, "--out", tmp_path / "closed" / "x")


def test_a_mirror_that_is_stopped_goes_on(ingested_home: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    child = start("archive", "mirror", "--to", copy, "--home", ingested_home, log=tmp_path / "mirror.log")
    deadline = time.monotonic() + 60
    while not (copy / "checkpoint").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    child.kill()
    child.wait()
    again = succeeds("archive", "mirror", "--to", copy, "--once", "--json", "--home", ingested_home)
    assert (again["copied"], again["size"]) == (0, ArchiveReader(ingested_home / "archive").size)
