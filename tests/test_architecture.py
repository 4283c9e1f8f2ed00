"""The architecture's table and the import rules say the same, and both say what is on the disk."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("chain_node", "oracle", "api", "luya")
NO_PYTHON = {"artefacts", "luyad"}
"""Folders of chain_node that hold no module: compiled contracts, and Go."""
LOOSE = {
    "chain_node": {"errors"},
    "oracle": {"errors", "ports"},
    "api": {"__main__", "app", "errors", "law", "server", "settings", "subjects"},
    "luya": {"__main__", "cli", "command", "console", "endpoints", "errors", "help", "home", "logs"},
}
"""Modules that are a room of their own: more of them is a decision, not an accident."""


def layers(package: str) -> list[set[str]]:
    """The package's rooms by layer, the highest first, as import-linter holds them."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    (rooms,) = [each for each in contracts if each.get("containers") == [package]]
    assert rooms["exhaustive"]
    return [set(layer.split(" | ")) for layer in rooms["layers"]]


def rows(package: str) -> dict[str, str]:
    """What each room of the package may import, as architecture.md's table says."""
    table = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    found: dict[str, str] = {}
    lines = re.findall(rf"^\| (`{package}/[^|]*) \| ([^|]*) \| ([^|]*) \|$", table, re.MULTILINE)
    for folders, _, may_import in lines:
        for name in re.findall(rf"`(?:{package}/)?(\w+)(?:/|\.py)`", folders):
            assert name not in found, f"the table has {package}/{name} twice"
            found[name] = may_import
    return found


@pytest.mark.parametrize("package", PACKAGES)
def test_the_table_the_rules_and_the_disk_name_the_same_rooms(package: str) -> None:
    folders = {each.name for each in (ROOT / package).iterdir() if any(each.glob("*.py"))} - NO_PYTHON
    loose = {each.stem for each in (ROOT / package).glob("*.py")} - {"__init__"}
    assert loose == LOOSE[package]
    assert folders | loose == set().union(*layers(package)) == set(rows(package))


@pytest.mark.parametrize("package", PACKAGES)
def test_the_table_allows_only_what_the_rules_allow(package: str) -> None:
    order = layers(package)
    depth = {room: level for level, layer in enumerate(order) for room in layer}
    for room, may_import in rows(package).items():
        for named in set(re.findall(r"[a-z]+", may_import)) & set(depth):
            assert depth[named] > depth[room], f"{room} may not import {named}: it is not in a layer below"
