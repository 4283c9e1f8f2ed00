"""Nothing that slither finds passes without an explanation, and the compiler behind it is the contracts'."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "scripts" / "assurance"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A script by its name, as its own folder imports it."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    return importlib.import_module


def test_findings_are_explained_each_by_its_place(script: Any) -> None:
    compare = script("static").compare
    finding = {"check": "timestamp", "impact": "Low", "place": "Law.end", "description": "of time"}
    grave = finding | {"impact": "Medium"}

    def explained(where: str, reason: str = "why") -> list[dict[str, Any]]:
        return [{"check": "timestamp", "where": [where], "reason": reason}]

    assert list(compare([finding], [])) == ["Low timestamp in Law.end: of time"]
    assert not list(compare([finding], explained("Law.*")))
    assert len(list(compare([grave], explained("Law.*")))) == 2, "a pattern is not enough, and is used for nothing"
    assert not list(compare([grave], explained("Law.end")))
    assert list(compare([], explained("Law.end"))) == [
        "timestamp in Law.end: explained, but slither finds nothing there"
    ]
    assert list(compare([finding], explained("Law.end", " "))) == ["timestamp: explained without a reason"]


def test_the_compiler_behind_a_native_command_line_is_the_contracts() -> None:
    version = json.loads((ROOT / "hardhat_config" / "compiler.json").read_text(encoding="utf-8"))["version"]
    ran = subprocess.run(["node", str(SCRIPTS / "solc.mjs"), "--version"], capture_output=True, text=True, timeout=60)
    assert f"Version: {version}+commit." in ran.stdout
    source = {"a.sol": {"content": "contract A { function f() external {} }"}}
    wanted = {"language": "Solidity", "sources": source, "settings": {}}
    ran = subprocess.run(
        ["node", str(SCRIPTS / "solc.mjs"), "--standard-json"],
        input=json.dumps(wanted),
        env={"LUYA_SOLC_AST": "1", "PATH": str(Path(sys.executable).parent)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    made = json.loads(ran.stdout)
    assert made["contracts"]["a.sol"]["A"]["evm"]["bytecode"]["object"] == "", "trees only"
    assert made["sources"]["a.sol"]["ast"]["nodeType"] == "SourceUnit"
