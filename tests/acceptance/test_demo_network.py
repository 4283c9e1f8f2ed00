"""`luya demo --engine luyad --validators N`: the same story on a network, with a validator killed in the middle."""

from __future__ import annotations

import time
from pathlib import Path

import luya_process
import pytest
from luya_process import fsck, refuses, start, stop, succeeds, wait_gone
from luyad_built import need_luyad

KEYS = {
    *("accepted", "refused", "log_size", "log_root", "credits_mg", "millipoints", "verified", "seconds"),
    *("redeemed_millipoints", "orders", "deliveries", "retired_mg", "trail_verified"),
    *("engine", "validators", "killed_at_height", "final_height", "same_root_on_all"),
}


@pytest.fixture(autouse=True)
def _built() -> None:
    need_luyad()


def told(home: Path, validators: int) -> dict[str, object]:
    """The demo's answer."""
    arguments = ("--engine", "luyad", "--validators", validators, "--records", 200, "--home", home)
    value = succeeds("demo", "--once", "--json", *arguments)
    assert set(value) == KEYS
    assert (value["engine"], value["validators"], value["verified"], value["same_root_on_all"]) == (
        "luyad",
        validators,
        True,
        True,
    )
    assert 0 < value["killed_at_height"] < value["final_height"]
    assert value["accepted"] > 100
    assert (value["orders"], value["deliveries"], value["trail_verified"]) == (1, 1, True)
    wait_gone(home)
    return value


def test_four_and_again(tmp_path: Path) -> None:
    home = tmp_path / "home"
    told(home, 4)
    said = refuses("demo", "--once", "--engine", "luyad", "--validators", 3, "--home", home)
    assert "a network of 4 validators, not 3" in said


@pytest.mark.deep
def test_the_network_stays(tmp_path: Path) -> None:
    """Its story can be told again, and it serves without the demo."""
    home = tmp_path / "home"
    first, second = told(home, 4), told(home, 4)
    assert second["log_size"] > first["log_size"]
    network = start("network", "start", home / "chain" / "network", log=tmp_path / "network.log")
    try:
        deadline = time.monotonic() + 60
        while not luya_process.luya("network", "status", home / "chain" / "network", "--json").answer.get("ok"):
            assert time.monotonic() < deadline, "the network is up"
        assert fsck(home)["log_root"] == second["log_root"]
    finally:
        stop(network)
    wait_gone(home)


@pytest.mark.deep
def test_one_validator(tmp_path: Path) -> None:
    told(tmp_path / "home", 1)


def test_what_cannot_be(tmp_path: Path) -> None:
    said = refuses("demo", "--once", "--engine", "anvil", "--validators", 4, "--home", tmp_path)
    assert "--validators is for the engine luyad" in said


@pytest.mark.deep
def test_a_home_on_another_engine(deployed_home: Path) -> None:
    said = refuses("demo", "--once", "--validators", 4, "--home", deployed_home)
    assert "is on anvil" in said
