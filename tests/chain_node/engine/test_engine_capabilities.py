"""The registry of engines: what each is, how it is made, and that nobody compares names beside it."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from chain_node.engine.capabilities import ENGINES, capabilities, default, reached, register
from chain_node.errors import EngineError

ROOT = Path(__file__).parents[3]
ROOMS = ("chain_node", "oracle", "api", "luya", "scripts")


def test_each_engine_states_what_it_is() -> None:
    stated = {
        name: (one.owned, one.keeps_chain, one.instant_finality, one.mends_itself, one.consortium)
        for name, one in ENGINES.items()
    }
    assert stated == {
        "anvil": (True, False, True, False, False),
        "luyad": (True, True, True, True, True),
        "rpc": (False, True, False, False, False),
    }
    assert reached().name == "rpc"


def test_a_new_home_prefers_the_engine_that_keeps_its_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chain_node.engine.luyad.find_luyad", lambda: None)
    assert default().name == "anvil"
    monkeypatch.setattr("chain_node.engine.luyad.find_luyad", lambda: Path("/there"))
    assert default().name == "luyad"


def test_an_unknown_or_doubled_engine_is_refused_by_name() -> None:
    with pytest.raises(EngineError, match="unknown engine 'geth': expected one of anvil, luyad, rpc"):
        capabilities("geth")
    with pytest.raises(EngineError, match="there is an engine 'anvil' already"):
        register(replace(capabilities("anvil"), keeps_chain=True))
    register(capabilities("anvil"))
    assert not capabilities("anvil").keeps_chain


ADDED = """
from dataclasses import replace
from chain_node.engine.anvil import CAPABILITIES as ANVIL, AnvilEngine, AnvilSettings

class QuickEngine(AnvilEngine):
    name = "quick"

def make(order):
    settings = AnvilSettings(order.chain_id, block_time=order.block_time / 10, wipe=order.wipe)
    return QuickEngine(order.folder / "quick", settings, progress=order.progress)

CAPABILITIES = replace(ANVIL, name="quick", make=make)
"""

HOME = """
import json, sys
from pathlib import Path
from chain_node import engine
engine.__path__.append(sys.argv[1])  # the file lies beside the shipped ones
from chain_node.engine.base import EngineOrder
from chain_node.node.home import EngineChoice
from chain_node.node.node import Node
from luya.engine.choice import NOTHING_ASKED, EngineOptions, with_engine
from luya.home import LuyaHome
from node_support import settings
home = LuyaHome(Path(sys.argv[2]))
asked = EngineOptions.of("quick", None, None)
with Node.open(home.root, settings=with_engine(settings(), home, asked)) as node:
    made = type(node.engine).__name__, node.manifest.engine, node.block_time, node.archive.size
again = with_engine(settings(), home, NOTHING_ASKED)
print(json.dumps([made, EngineChoice.read(home).engine, again.engine, (home.engine / "quick" / "state.json").exists()]))
"""


def test_an_engine_is_one_file(tmp_path: Path) -> None:
    """A module beside the others: it is asked for, made, used, kept by the home; no other file knows it."""
    (tmp_path / "engines").mkdir()
    (tmp_path / "engines" / "quick.py").write_text(ADDED)
    support = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", HOME, str(tmp_path / "engines"), str(tmp_path / "home")],
        cwd=support, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (kind, manifest, block_time, size), kept, again, ran = json.loads(done.stdout.splitlines()[-1])
    assert (kind, manifest, kept, again, ran) == ("QuickEngine", "quick", "quick", "quick", True)
    assert block_time
    assert size > 0


def named(node: ast.AST) -> bool:
    """An engine's name, as it is written or as its class has it."""
    if isinstance(node, ast.Constant):
        return node.value in ENGINES
    return isinstance(node, ast.Attribute) and node.attr == "name" and ast.unparse(node.value).endswith("Engine")


def test_nobody_compares_an_engines_name() -> None:
    """What differs between engines is asked of the registry, everywhere."""
    found = []
    for path in (path for room in ROOMS for path in ROOT.glob(f"{room}/**/*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            compared = isinstance(node, ast.Compare | ast.MatchValue)
            if compared and any(named(one) for one in ast.walk(node)):
                found.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert not found


def test_nobody_asks_by_an_engines_own_means() -> None:
    """What only one engine answers stands in that engine's file, and is asked for as a capability."""
    found = []
    for path in (path for room in ROOMS for path in (ROOT / room).rglob("*.py")):
        if path.is_relative_to(ROOT / "chain_node" / "engine"):
            continue
        text = path.read_text("utf-8")
        found += [f"{path.relative_to(ROOT)}: {own}" for own in ('"anvil_', "engine import comet") if own in text]
    assert found == []
