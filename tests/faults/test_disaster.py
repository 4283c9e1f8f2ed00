"""All is lost but the archive's second copy, an older backup and the passphrases: the ledger is back, at its root."""

from __future__ import annotations

import os
import shutil
import time
from datetime import date
from pathlib import Path

import pytest
from luya_process import engine_pid, fsck, ingest, kill, launch, luya, refuses, succeeds, wait_gone
from luyad_built import need_luyad

from chain_node.archive.reader import ArchiveReader
from luya.demo.data import write_partner_files


@pytest.mark.parametrize("engine", ["anvil", pytest.param("luyad", marks=pytest.mark.deep)])
def test_all_disks_are_lost(engine: str, ingested_home: Path, tmp_path: Path) -> None:
    if engine == "luyad":
        need_luyad()
    home, mirror, backup, secrets = ingested_home, tmp_path / "mirror", tmp_path / "backup", tmp_path / "secrets"
    if engine == "luyad":
        succeeds("rebuild", "--engine", "luyad", "--home", home)
    succeeds("backup", "--home", home, "--out", backup, "--secrets", secrets)
    file = write_partner_files(tmp_path / "more", records=300, last_day=date(2025, 7, 31), seed=5).files["daily-steps"]
    node = launch(home, "--mirror", mirror)
    try:
        assert ingest(home, "daily-steps", file)["accepted"] > 20
        before = fsck(home)
        deadline = time.monotonic() + 60
        while ArchiveReader(mirror).size < before["log_size"]:
            assert time.monotonic() < deadline, "the second copy follows"
            time.sleep(0.1)
    finally:
        kill(node.process.pid)
        node.process.wait()
    wait_gone(home)
    shutil.rmtree(home)

    restored = succeeds("restore", backup, "--home", home, "--secrets", secrets, "--json")
    assert restored["log_size"] < before["log_size"]
    newest = succeeds("archive", "restore", "--from", mirror, "--home", home, "--json")
    assert (newest["size"], newest["root"]) == (before["log_size"], before["log_root"])
    rebuilt = succeeds("rebuild", "--engine", engine, "--home", home, "--json")
    assert (rebuilt["log_size"], rebuilt["log_root"], rebuilt["engine"]) == (newest["size"], newest["root"], engine)
    assert fsck(home) == before
    # the journal is the backup's: it does not know what came later, and must not guess
    assert "newest journal" in refuses("oracle", "ingest", "--feed", "daily-steps", "--home", home, file)
    assert luya("status", "--home", home).code == 0
    assert engine_pid(home) is None
    assert os.access(home / "secrets", os.R_OK)
