"""How much room a disk has left, and from where on nothing new is accepted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from chain_node.errors import DiskFull
from chain_node.storage import disk_space

MIB = 1024 * 1024


def test_the_reserve_is_the_setting_in_mib_or_512(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LUYA_DISK_RESERVE", raising=False)
    assert disk_space.reserve() == 512 * MIB
    monkeypatch.setenv("LUYA_DISK_RESERVE", "3")
    assert disk_space.reserve() == 3 * MIB


@pytest.mark.parametrize("text", ["1 GB", "-1", "0x10", "1.5"])
def test_a_reserve_that_is_no_number_is_refused_by_its_text(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("LUYA_DISK_RESERVE", text)
    with pytest.raises(DiskFull, match=r"LUYA_DISK_RESERVE is .*MiB"):
        disk_space.reserve()


def test_a_place_that_will_lie_there_has_the_disks_room(tmp_path: Path) -> None:
    there = os.statvfs(tmp_path)
    whole = there.f_blocks * there.f_frsize
    assert 0 < disk_space.free(tmp_path / "not" / "yet" / "made") <= whole


def test_below_the_reserve_nothing_new_is_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUYA_DISK_RESERVE", "0")
    disk_space.require(tmp_path)
    assert disk_space.enough(tmp_path)
    more = disk_space.free(tmp_path) // MIB + 1024 * 1024  # a TiB beyond what others can free meanwhile
    monkeypatch.setenv("LUYA_DISK_RESERVE", str(more))
    assert not disk_space.enough(tmp_path)
    with pytest.raises(DiskFull, match=rf"{more:,} MiB are kept in reserve.*make room"):
        disk_space.require(tmp_path)
