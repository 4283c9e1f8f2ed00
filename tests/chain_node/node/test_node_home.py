"""The small files of a home: written as lists, read in the form of older homes too."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from chain_node.errors import ManifestError
from chain_node.node.home import EngineChoice, Home, RunningNode

URLS = ("http://a:1", "http://b:1")


def written(path: Path, value: Any) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(value))


def test_the_engine_choice_writes_lists_and_mends_the_old_form(tmp_path: Path) -> None:
    home = Home(tmp_path)
    choice = EngineChoice("rpc", URLS, "latest")
    written(home.engine_choice, {"engine": "rpc", "rpc_url": "http://a:1, http://b:1", "finality": "latest"})
    assert EngineChoice.read(home) == choice
    choice.keep(home)
    assert json.loads(home.engine_choice.read_text()) == {"engine": "rpc", "rpc_urls": list(URLS), "finality": "latest"}
    assert EngineChoice.read(home) == choice
    written(home.engine_choice, {"engine": "luyad", "rpc_url": "", "finality": ""})
    assert EngineChoice.read(home) == EngineChoice("luyad")


@pytest.mark.parametrize("value", [{"engine": "rpc", "rpc_urls": [1]}, {"engine": "rpc", "rpc_urls": 5}, [], {"a": 1}])
def test_a_damaged_choice_is_told(tmp_path: Path, value: Any) -> None:
    written(Home(tmp_path).engine_choice, value)
    with pytest.raises(ManifestError, match=r"engine\.json.*restore it from a copy"):
        EngineChoice.read(Home(tmp_path))


def test_a_running_node_of_either_form_is_found(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert RunningNode.read(home) is None
    old = {"pid": 7, "rpc_url": URLS[1], "finality": "latest", "engine": "rpc"}
    for text, expected in (("http://a:1,http://b:1", URLS), ("", URLS[1:])):
        written(home.running, old | {"rpc_urls": text})
        assert RunningNode.read(home) == RunningNode(7, URLS[1], "latest", "rpc", expected)
    written(home.running, old)
    assert RunningNode.read(home) == RunningNode(7, URLS[1], "latest", "rpc", URLS[1:])
    RunningNode.announce(home, URLS[0], "latest", "rpc", URLS)
    assert RunningNode.read(home) == RunningNode(os.getpid(), URLS[0], "latest", "rpc", URLS)
    assert json.loads(home.running.read_text())["rpc_urls"] == list(URLS)
    for damaged in ([], {"pid": 7}, old | {"rpc_urls": 5}):
        written(home.running, damaged)
        assert RunningNode.read(home) is None
