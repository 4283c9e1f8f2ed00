"""Manifests: an older one is read, and says what it lacks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chain_node.deployment.manifest import VERSION, Manifest
from chain_node.errors import ManifestError


def some() -> dict[str, Any]:
    address = iter(f"0x{number:040x}" for number in range(1, 9))
    return {
        "network": "test",
        "chain_id": 7,
        "origin": "test/1",
        "genesis_nonce": "00" * 32,
        "engine": "anvil",
        "ledger": next(address),
        "law": next(address),
        "views": next(address),
        "authority": next(address),
        "code_hashes": {},
        "start_block": 3,
        "start_size": 0,
        "log_key": "key",
        "roles": {},
        "deployer": next(address),
    }


def written(folder: Path, value: dict[str, Any]) -> Path:
    path = folder / "manifest.json"
    path.write_text(json.dumps(value), "utf-8")
    return path


def test_modules_are_named(tmp_path: Path) -> None:
    modules = {"LuyaRewards": "0x" + "ab" * 20}
    manifest = Manifest(**some(), modules=modules)
    manifest.save(tmp_path / "manifest.json")
    again = Manifest.load(tmp_path / "manifest.json")
    assert again == manifest
    assert again.version == VERSION == 2
    assert again.module_address("LuyaRewards") == again.contracts["LuyaRewards"] == b"\xab" * 20


def test_version_1_is_read_and_says_what_to_do(tmp_path: Path) -> None:
    manifest = Manifest.load(written(tmp_path, some() | {"version": 1}))
    assert manifest.modules == {}
    assert set(manifest.contracts) == {"AccessManager", "LuyaLedger", "LuyaLaw", "LuyaViews"}
    with pytest.raises(ManifestError, match=r"LuyaRewards.*luya rebuild"):
        manifest.module_address("LuyaRewards")


def test_another_version_is_refused(tmp_path: Path) -> None:
    for version in (0, 3, None):
        with pytest.raises(ManifestError, match="version 1 or 2"):
            Manifest.load(written(tmp_path, some() | {"version": version}))
