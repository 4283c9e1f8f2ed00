"""The architecture's table and the import rules say the same, and both say what is on the disk."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
CHAIN_NODE = ROOT / "chain_node"
NO_PYTHON = {"artefacts", "luyad"}
"""Folders of chain_node that hold no module: compiled contracts, and Go."""


def layers() -> list[set[str]]:
    """The rooms of chain_node by layer, the highest first, as import-linter holds them."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    (rooms,) = [each for each in contracts if each.get("containers") == ["chain_node"]]
    assert rooms["exhaustive"]
    return [set(layer.split(" | ")) for layer in rooms["layers"]]


def rows() -> dict[str, str]:
    """What each room of chain_node may import, as architecture.md's table says."""
    table = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    found: dict[str, str] = {}
    for folders, _, may_import in re.findall(r"^\| (`chain_node/[^|]*) \| ([^|]*) \| ([^|]*) \|$", table, re.MULTILINE):
        for name in re.findall(r"`(?:chain_node/)?(\w+)(?:/|\.py)`", folders):
            found[name] = may_import
    return found


def test_the_table_the_rules_and_the_disk_name_the_same_rooms() -> None:
    on_disk = {each.name for each in CHAIN_NODE.iterdir() if each.is_dir() and not each.name.startswith("__")}
    assert on_disk - NO_PYTHON | {"errors"} == set().union(*layers()) == set(rows())


def test_nothing_lies_loose() -> None:
    assert {each.name for each in CHAIN_NODE.glob("*.py")} == {"__init__.py", "errors.py"}


def test_the_table_allows_only_what_the_rules_allow() -> None:
    order = layers()
    depth = {room: level for level, layer in enumerate(order) for room in layer}
    for room, may_import in rows().items():
        for named in set(re.findall(r"[a-z]+", may_import)) & set(depth):
            assert depth[named] > depth[room], f"{room} may not import {named}: it is not in a layer below"
