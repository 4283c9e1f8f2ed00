"""`luya bench replay` replays the same entries in both trees, and says where they differ."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest

from chain_node.protocol.entries import encode
from chain_node.protocol.replay import State
from luya.bench import replay
from luya.errors import HomeError, UsageError

ROOT = Path(__file__).parents[3]


def test_its_log_is_one_that_the_replay_takes() -> None:
    state = State()
    log = replay.log(6_000)
    for entry in log:
        state.apply(encode(entry))
    kinds = Counter(type(entry).__name__ for entry in log)
    assert (kinds["Reduction"], kinds["Refusal"], kinds["Revocation"]) == (5_940, 60, 120)
    assert len(state.revoked) == 120


def test_two_trees_in_turns(tmp_path: Path) -> None:
    value = replay.run(ROOT, ROOT, 100, 2, quiet=True)
    assert value["entries"] == len(replay.log(100))
    assert value["before_range"][0] <= value["before_per_s"] <= value["before_range"][1]
    assert value["ratio_range"][0] <= value["ratio"] <= value["ratio_range"][1]
    other = tmp_path / "other"
    shutil.copytree(ROOT / "chain_node", other / "chain_node", ignore=shutil.ignore_patterns("__pycache__", "luyad"))
    path = other / "chain_node" / "protocol" / "replay.py"
    text = path.read_text("utf-8")
    path.write_text(text.replace('b"\\x00" + entry', 'b"\\x01" + entry'), "utf-8")
    with pytest.raises(HomeError, match="different roots"):
        replay.run(ROOT, other, 100, 1, quiet=True)
    path.write_text(text + "\nraise RuntimeError('no replay today')\n", "utf-8")
    with pytest.raises(HomeError, match="no replay today"):
        replay.run(ROOT, other, 100, 1, quiet=True)
    with pytest.raises(UsageError, match=r"has no chain_node/protocol/replay\.py"):
        replay.run(ROOT, tmp_path, 100, 1, quiet=True)
